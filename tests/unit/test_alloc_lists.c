/*
 * Lists of each kind, in which the nth allocation fails, for every n until there are no more: the
 * list is read, or its end is -ENOMEM; an entry is never wrong.
 */
#include "support/failing_alloc.h"

#include "sluice/download/manifest.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"

static const char *const lists[] = {
	"http://a/x\thttp://b/x\n out=x\n header=A: b\nhttp://a/y\n out=y\n",
	("<metalink><file name=\"x\"><size>2</size><hash type=\"md5\">" MD5 "</hash>"
	 "<pieces length=\"1\" type=\"md5\"><hash>" MD5 "</hash><hash>" MD5 "</hash></pieces>"
	 "<url>http://a/x</url><url priority=\"2\">http://b/x</url></file>"
	 "<file name=\"y\"><url>http://a/y</url></file></metalink>"),
	("{\"url\":\"http://a/x\",\"out\":\"x\",\"headers\":{\"A\":\"b\"},\"other\":1}\n"
	 "{\"url\":\"http://a/y\",\"out\":\"y\"}\n"),
};

static void
expect_entry(const struct sl_entry *entry, size_t index)
{
	struct sl_entry copy;
	char *memory = NULL;
	cr_expect(sl_span_is(entry->out, index == 0 ? "x" : "y"), "entry %zu", index);
	cr_expect_geq(entry->source_count, 1);
	int code = sl_entry_copy(&copy, entry, &memory);
	cr_expect(code == 0 || code == -ENOMEM);
	cr_expect(code || sl_span_equal(copy.out, entry->out));
	free(memory);
}

/* Returns how many entries it had, or -ENOMEM. */
static int
read_list(const char *text)
{
	static const struct sl_manifest_options options = { 0 };
	struct sl_manifest *manifest = NULL;
	struct sl_buf ignored = { 0 };
	size_t count = 0;
	int code = sl_manifest_new(&manifest, &options);
	if (code)
		return code;
	sl_manifest_feed(manifest, sl_span_str(text), true);
	for (;;) {
		struct sl_entry entry;
		struct sl_error err = { 0 };
		enum sl_manifest_result result = sl_manifest_next(manifest, &entry, &err);
		if (result == SL_MANIFEST_END)
			break;
		if (result == SL_MANIFEST_ENTRY)
			expect_entry(&entry, count++);
		else
			code = err.code;
	}
	sl_manifest_add_ignored(manifest, &ignored);
	sl_buf_release(&ignored);
	sl_manifest_free(manifest);
	return code ? code : (int)count;
}

Test(alloc_lists, a_list_is_read_or_memory_has_ended_whichever_allocation_fails)
{
	for (size_t i = 0; i < SL_COUNT_OF(lists); i++)
		for (int all_after = 0; all_after < 2; all_after++) {
			uint64_t nth = 0, count = 0;
			unsigned failures = 0;
			do {
				alloc_fail_nth(++nth, all_after);
				int got = read_list(lists[i]);
				count = alloc_end();
				failures += got == -ENOMEM;
				cr_expect(got == -ENOMEM || got == 2, "list %zu, %llu: %d", i,
					(unsigned long long)nth, got);
			} while (count >= nth);
			cr_expect_eq(read_list(lists[i]), 2);
			cr_expect_geq(failures, all_after ? 2 : 1, "list %zu", i);
		}
}
