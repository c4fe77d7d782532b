/*
 * A list of downloads: it ends, what an entry holds lies in the list's text and on one line,
 * entries begin on lines that go up, and every line that begins like a URL is in exactly one entry.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/number.h"
#include "sluice/download/manifest.h"

#include <string.h>

static void
check_span(struct sl_span text, struct sl_span part)
{
	if (part.len == 0)
		return;
	must(part.data >= text.data && part.data + part.len <= text.data + text.len);
	must(!memchr(part.data, '\n', part.len) && !memchr(part.data, '\0', part.len));
	must(sl_span_equal(sl_span_trim(part), part));
}

static void
check_entry(struct sl_span text, const struct sl_entry *entry)
{
	must(entry->from_list && entry->source_count > 0);
	must(entry->source_count <= SL_ENTRY_SOURCES && entry->header_count <= SL_ENTRY_HEADERS);
	check_span(text, entry->out);
	check_span(text, entry->dir);
	check_span(text, entry->referer);
	check_span(text, entry->user_agent);
	check_span(text, entry->user);
	check_span(text, entry->password);
	for (size_t i = 0; i < entry->source_count; i++) {
		check_span(text, entry->sources[i]);
		must(entry->sources[i].len > 0 && entry->sources[i].len <= SL_MANIFEST_LINE);
		must(!memchr(entry->sources[i].data, '\t', entry->sources[i].len));
	}
	for (size_t i = 0; i < entry->header_count; i++) {
		check_span(text, entry->headers[i]);
		must(memchr(entry->headers[i].data, ':', entry->headers[i].len) != NULL);
	}
}

/* Lines that begin an entry, found without parsing entries. */
static uint64_t
count_beginnings(struct sl_span text)
{
	uint64_t count = 0;
	bool orphans = true; /* option lines before the first URL are one refused entry */
	while (text.len > 0) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;
		struct sl_span line = sl_span(text.data, len);
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		bool blank = sl_span_trim(line).len == 0;
		bool option = !blank && (line.data[0] == ' ' || line.data[0] == '\t');
		bool begins = !blank && !option && line.data[0] != '#';
		count += begins || (option && orphans);
		orphans = orphans && !begins && !option;
		text.data += end ? len + 1 : len;
		text.len -= end ? len + 1 : len;
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span text = sl_span((const char *)data, len);
	struct sl_manifest manifest;
	struct sl_entry entry;
	uint64_t last_line = 0, entries = 0;
	sl_manifest_init(&manifest, text);
	struct sl_span body = manifest.rest; /* without a byte order mark */
	for (;;) {
		struct sl_error err = { 0 };
		int code = sl_manifest_next(&manifest, &entry, &err);
		must(code == 0 || code == 1 || code == SL_E_USAGE);
		must((code == SL_E_USAGE) == (err.code == SL_E_USAGE));
		if (code == 0)
			break;
		entries++;
		must(entries <= len);
		if (code == 1) {
			check_entry(text, &entry);
			must(entry.line > last_line);
			last_line = entry.line;
		}
	}
	must(manifest.rest.len == 0);
	if (len > 0 && !memchr(data, '\0', len))
		must(entries == count_beginnings(body));
	return 0;
}
