/*
 * Lists in which the nth allocation fails, for every n until there are no more: the entries before
 * are those of the list, and then it is broken, or an entry is refused.
 */
#include "support/compress.h"
#include "support/failing_alloc.h"

#include "sluice/download/manifest.h"
#include "sluice/download/sums.h"

#include <criterion/criterion.h>
#include <errno.h>

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"
#define ENTRIES 3

static const char *const lists[] = {
	"http://h/a\n out=x\n header=A: b\nhttp://h/b\nhttp://h/c\n",
	MD5 "  a\n" MD5 "  d/b\nMD5 (c) = " MD5 "\n",
};

struct outcome {
	unsigned entries;
	int code; /* that ended it */
};

static struct outcome
read_list(struct sl_span text, struct sl_sums *sums)
{
	const struct sl_manifest_options options = { .base_url = "http://h/" };
	struct outcome outcome = { 0 };
	struct sl_manifest *manifest = NULL;
	outcome.code = sl_manifest_new(&manifest, &options);
	if (outcome.code)
		return outcome;
	sl_manifest_feed(manifest, text, true);
	while (!outcome.code) {
		struct sl_entry entry;
		struct sl_error err = { 0 };
		enum sl_manifest_result result = sl_manifest_next(manifest, &entry, &err);
		if (result == SL_MANIFEST_END)
			break;
		outcome.code = err.code;
		outcome.entries += result == SL_MANIFEST_ENTRY;
		if (result == SL_MANIFEST_ENTRY && entry.checksum.kind != SL_CHECKSUM_NONE)
			outcome.code = sl_sums_add(sums, &entry, &err);
	}
	sl_manifest_free(manifest);
	return outcome;
}

static void
fail_each(struct sl_span text, bool and_all_after)
{
	bool hit = true;
	uint64_t nth;
	for (nth = 1; hit; nth++) {
		struct sl_sums sums = { 0 };
		alloc_fail_nth(nth, and_all_after);
		struct outcome outcome = read_list(text, &sums);
		sl_sums_release(&sums);
		hit = alloc_end() >= nth;
		cr_expect_eq(outcome.code, hit ? -ENOMEM : 0, "allocation %llu: %d",
			(unsigned long long)nth, outcome.code);
		cr_expect(hit ? outcome.entries <= ENTRIES : outcome.entries == ENTRIES);
	}
	cr_expect_gt(nth, 3, "there were allocations");
}

Test(alloc_manifest, any_allocation_may_fail)
{
	for (size_t i = 0; i < SL_COUNT_OF(lists); i++) {
		struct sl_buf packed = { 0 };
		compress_add(&packed, SL_CODEC_GZIP, lists[i], strlen(lists[i]));
		for (int and_all_after = 0; and_all_after <= 1; and_all_after++) {
			fail_each(sl_span_str(lists[i]), and_all_after);
			fail_each(sl_buf_span(&packed), and_all_after);
		}
		sl_buf_release(&packed);
	}
}
