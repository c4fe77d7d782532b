/*
 * A Metalink document. The first two bytes give how it is divided. It ends, in pieces it gives what
 * it gives as a whole, names stay below the directory of the run, URLs are http or https, and
 * pieces are those of the size.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/number.h"
#include "sluice/download/manifest_kind.h"

#include <string.h>

static void
check_name(struct sl_span name)
{
	must(name.len > 0 && name.data[0] != '/');
	for (size_t i = 0; i < name.len; i++) {
		must((unsigned char)name.data[i] >= 0x20);
		bool begins = i == 0 || name.data[i - 1] == '/';
		bool dots = begins && i + 1 < name.len && name.data[i] == '.' &&
			    name.data[i + 1] == '.';
		must(!dots || (i + 2 < name.len && name.data[i + 2] != '/'));
	}
}

static void
check_entry(const struct sl_entry *entry)
{
	must(entry->from_list && entry->source_count > 0);
	must(entry->source_count <= SL_ENTRY_SOURCES && entry->header_count == 0);
	check_name(entry->out);
	for (size_t i = 0; i < entry->source_count; i++) {
		struct sl_span url = entry->sources[i];
		must(url.len > 7 && strncasecmp(url.data, "http", 4) == 0);
		must(!memchr(url.data, '\0', url.len));
	}
	must(entry->checksum.len == sl_checksum_len(entry->checksum.kind));
	if (entry->pieces.kind == SL_CHECKSUM_NONE)
		return;
	must(entry->pieces.count > 0 && entry->pieces.count <= SL_PIECES_MAX);
	must(!entry->has_size || sl_pieces_fit(&entry->pieces, entry->size));
}

/* All results, as text. */
static void
read_list(struct sl_buf *out, struct sl_span text, size_t first, size_t step)
{
	const struct sl_manifest_kind *kind = &sl_manifest_metalink;
	const struct sl_manifest_options options = { 0 };
	enum sl_manifest_result result = SL_MANIFEST_ENTRY;
	size_t fed = SL_MIN(first, text.len);
	void *parser = kind->new (&options);
	must(parser != NULL);
	for (;;) {
		struct sl_entry entry;
		struct sl_error err = { 0 };
		size_t used = 0;
		result = kind->parse(
			parser, sl_span(text.data, fed), fed == text.len, &used, &entry, &err);
		must(used <= fed && (result != SL_MANIFEST_MORE || used == fed));
		text = sl_span(text.data + used, text.len - used);
		fed -= used;
		if (result == SL_MANIFEST_MORE && text.len == 0)
			break;
		if (result == SL_MANIFEST_MORE) {
			fed = SL_MIN(step, text.len);
			continue;
		}
		sl_buf_printf(out, "%d %s\n", (int)result, err.text);
		if (result == SL_MANIFEST_BROKEN)
			break;
		if (result != SL_MANIFEST_ENTRY)
			continue;
		check_entry(&entry);
		sl_buf_add_span(out, entry.out);
		for (size_t i = 0; i < entry.source_count; i++)
			sl_buf_add_span(out, entry.sources[i]);
		sl_buf_printf(out, "%llu %zu %llu\n", (unsigned long long)entry.size,
			entry.pieces.count, (unsigned long long)entry.line);
	}
	kind->add_ignored(parser, out);
	kind->free(parser);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_buf whole = { 0 }, pieces = { 0 };
	if (len < 2)
		return 0;
	struct sl_span text = sl_span((const char *)data + 2, len - 2);
	if (sl_manifest_metalink.detect(text, true) != SL_MANIFEST_IS)
		return 0; /* of another kind */
	read_list(&whole, text, text.len, 1);
	read_list(&pieces, text, data[0], data[1] + 1u);
	must(sl_span_equal(sl_buf_span(&whole), sl_buf_span(&pieces)));
	sl_buf_release(&whole);
	sl_buf_release(&pieces);
	return 0;
}
