/*
 * A list of downloads. The first two bytes give the division into pieces. It ends; an entry's
 * fields are on one line, and entries begin on lines that go up; read in pieces it gives what it
 * gives as a whole; and every line of a plain list that begins like a URL is in exactly one entry.
 *
 * How much a decoder writes before damage depends on the pieces (decoder.h): of a list that fails
 * there, the results before that failure are those that any other reading begins with.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/number.h"
#include "sluice/codec/codec.h"
#include "sluice/download/manifest_kind.h"

#include <string.h>

static void
check_span(struct sl_span part)
{
	must(part.len <= 4 * SL_MANIFEST_LINE); /* percent-encoded */
	must(part.len == 0 || !memchr(part.data, '\0', part.len));
}

static void
check_entry(const struct sl_entry *entry)
{
	must(entry->from_list && entry->source_count > 0);
	must(entry->source_count <= SL_ENTRY_SOURCES && entry->header_count <= SL_ENTRY_HEADERS);
	check_span(entry->out);
	check_span(entry->dir);
	check_span(entry->referer);
	check_span(entry->user_agent);
	check_span(entry->user);
	check_span(entry->password);
	for (size_t i = 0; i < entry->source_count; i++) {
		check_span(entry->sources[i]);
		must(entry->sources[i].len > 0 &&
			!memchr(entry->sources[i].data, '\t', entry->sources[i].len));
	}
	for (size_t i = 0; i < entry->header_count; i++) {
		check_span(entry->headers[i]);
		must(memchr(entry->headers[i].data, ':', entry->headers[i].len) != NULL);
	}
}

static const char undecodable[] = "cannot read the list to its end: ";

/* All results and entries, by a hash, and how many there are. */
struct reading {
	uint64_t hash, results;
	bool is_damaged; /* the last result is that it cannot be decoded any further */
};

static void
add(struct reading *reading, struct sl_span text)
{
	uint64_t hash = reading->hash ^ text.len;
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3u;
	reading->hash = hash * 0x100000001b3u;
}

static void
add_entry(struct reading *reading, const struct sl_entry *entry)
{
	const struct sl_span fields[] = { entry->out, entry->dir, entry->referer, entry->user_agent,
		entry->user, entry->password,
		sl_span((const char *)entry->checksum.value, entry->checksum.len) };
	for (size_t i = 0; i < SL_COUNT_OF(fields); i++)
		add(reading, fields[i]);
	for (size_t i = 0; i < entry->source_count; i++)
		add(reading, entry->sources[i]);
	for (size_t i = 0; i < entry->header_count; i++)
		add(reading, entry->headers[i]);
}

/* The next piece, in memory of its own. */
static char *
feed(struct sl_manifest *manifest, struct sl_span *text, size_t len, char *before)
{
	free(before);
	len = SL_MIN(len, text->len);
	char *piece = malloc(len + 1);
	must(piece != NULL);
	if (len > 0)
		memcpy(piece, text->data, len);
	text->data += len;
	text->len -= len;
	sl_manifest_feed(manifest, sl_span(piece, len), text->len == 0);
	return piece;
}

/* Up to `most` results. */
static struct reading
read_list(struct sl_span text, size_t first, size_t step, uint64_t most)
{
	const struct sl_manifest_options options = { .base_url = "http://base/d/" };
	struct reading reading = { 0 };
	struct sl_manifest *manifest;
	enum sl_manifest_result result = SL_MANIFEST_MORE;
	uint64_t last_line = 0;
	bool is_xml = memchr(text.data, '<', text.len); /* files may share a line */
	must(sl_manifest_new(&manifest, &options) == 0);
	char *piece = feed(manifest, &text, first, NULL);
	while (result != SL_MANIFEST_END && reading.results < most) {
		struct sl_entry entry;
		struct sl_error err = { 0 };
		result = sl_manifest_next(manifest, &entry, &err);
		bool failed = result == SL_MANIFEST_BAD || result == SL_MANIFEST_BROKEN;
		must(failed == (err.code == SL_E_USAGE));
		if (failed)
			add(&reading, sl_span_str(err.text));
		if (result == SL_MANIFEST_BROKEN)
			reading.is_damaged =
				strncmp(err.text, undecodable, sizeof(undecodable) - 1) == 0;
		reading.results += failed || result == SL_MANIFEST_ENTRY;
		if (result == SL_MANIFEST_MORE)
			piece = feed(manifest, &text, step, piece);
		if (result != SL_MANIFEST_ENTRY)
			continue;
		check_entry(&entry);
		must(entry.line > last_line || (entry.line == last_line && is_xml));
		last_line = entry.line;
		add_entry(&reading, &entry);
	}
	free(piece);
	sl_manifest_free(manifest);
	return reading;
}

/* Lines of a plain list that begin an entry, found without parsing entries. */
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
		bool skipped = sl_span_trim(line).len == 0 || sl_span_trim(line).data[0] == '#';
		bool option = !skipped && (line.data[0] == ' ' || line.data[0] == '\t');
		bool begins = !skipped && !option;
		count += begins || (option && orphans);
		orphans = orphans && !begins && !option;
		text.data += end ? len + 1 : len;
		text.len -= end ? len + 1 : len;
	}
	return count;
}

static bool
is_plain(struct sl_span text)
{
	return text.len > 3 && (unsigned char)text.data[0] < 0x80 &&
	       sl_codec_detect((const unsigned char *)text.data, text.len) == SL_CODEC_NONE &&
	       !strchr("{ \t\r\n", text.data[0]) && !memchr(text.data, '\0', text.len) &&
	       !memchr(text.data, '<', text.len) &&
	       sl_manifest_sums.detect(text, true) == SL_MANIFEST_IS_NOT;
}

/* Results that both readings must have. */
static uint64_t
count_common(const struct reading *a, const struct reading *b)
{
	uint64_t of_a = a->is_damaged ? a->results - 1 : UINT64_MAX;
	uint64_t of_b = b->is_damaged ? b->results - 1 : UINT64_MAX;
	return SL_MIN(of_a, of_b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	struct sl_span text = sl_span((const char *)data + 2, len - 2);
	struct reading whole = read_list(text, text.len, 1, UINT64_MAX);
	struct reading pieces = read_list(text, data[0], data[1] + 1u, UINT64_MAX);
	uint64_t common = count_common(&whole, &pieces);
	if (common != UINT64_MAX) {
		whole = read_list(text, text.len, 1, common);
		pieces = read_list(text, data[0], data[1] + 1u, common);
	}
	must(whole.hash == pieces.hash && whole.results == pieces.results);
	if (is_plain(text))
		must(whole.results == count_beginnings(text));
	return 0;
}
