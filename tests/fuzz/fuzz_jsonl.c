/*
 * A list of JSON lines: each line that is not blank gives one entry or one error, whatever is in
 * it; what an entry has can be used in a request or a name; a copy of the entry is the same.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/number.h"
#include "sluice/base/text.h"
#include "sluice/download/manifest_kind.h"

#include <string.h>

static void
check_text(struct sl_span text)
{
	must(sl_text_is_utf8(text));
	for (size_t i = 0; i < text.len; i++)
		must((unsigned char)text.data[i] >= 0x20 && text.data[i] != 0x7f);
}

static void
check_entry(const struct sl_entry *entry)
{
	struct sl_entry copy;
	char *memory = NULL;
	must(entry->from_list && entry->source_count > 0);
	must(entry->source_count <= SL_ENTRY_SOURCES && entry->header_count <= SL_ENTRY_HEADERS);
	must(entry->checksum.len == sl_checksum_len(entry->checksum.kind));
	must(!entry->has_size || entry->size <= INT64_MAX);
	check_text(entry->out);
	check_text(entry->dir);
	must(sl_entry_copy(&copy, entry, &memory) == 0);
	for (size_t i = 0; i < entry->source_count; i++) {
		must(entry->sources[i].len > 0);
		check_text(entry->sources[i]);
		must(sl_span_equal(entry->sources[i], copy.sources[i]));
	}
	for (size_t i = 0; i < entry->header_count; i++) {
		const char *colon = memchr(entry->headers[i].data, ':', entry->headers[i].len);
		must(colon && colon > entry->headers[i].data);
		check_text(entry->headers[i]);
		must(sl_span_equal(entry->headers[i], copy.headers[i]));
	}
	free(memory);
}

static size_t
count_lines(struct sl_span text)
{
	size_t count = 0;
	while (text.len > 0) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;
		struct sl_span line = sl_span(text.data, len);
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		count += sl_span_trim(line).len > 0;
		size_t used = end ? len + 1 : len;
		text = sl_span(text.data + used, text.len - used);
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct sl_manifest_kind *kind = &sl_manifest_jsonl;
	const struct sl_manifest_options options = { 0 };
	struct sl_span text = sl_span((const char *)data, len), rest = text;
	enum sl_manifest_result result = SL_MANIFEST_ENTRY;
	struct sl_buf ignored = { 0 };
	size_t results = 0;
	void *parser = kind->new (&options);
	must(parser != NULL);
	while (result == SL_MANIFEST_ENTRY || result == SL_MANIFEST_BAD) {
		struct sl_entry entry;
		struct sl_error err = { 0 };
		size_t used = 0;
		result = kind->parse(parser, rest, true, &used, &entry, &err);
		must(used <= rest.len && (err.code != 0) == (result == SL_MANIFEST_BAD ||
								    result == SL_MANIFEST_BROKEN));
		rest = sl_span(rest.data + used, rest.len - used);
		results += result != SL_MANIFEST_MORE;
		if (result == SL_MANIFEST_ENTRY)
			check_entry(&entry);
	}
	if (!memchr(data, '\0', len))
		must(result == SL_MANIFEST_MORE && results == count_lines(text));
	kind->add_ignored(parser, &ignored);
	must(sl_text_is_utf8(sl_buf_span(&ignored)));
	sl_buf_release(&ignored);
	kind->free(parser);
	return 0;
}
