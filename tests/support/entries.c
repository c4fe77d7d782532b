#include "support/entries.h"

#include "support/guard.h"

/* ---- one by one ---- */

static struct sl_manifest *
open_manifest(const struct sl_manifest_options *options)
{
	struct sl_manifest *manifest;
	int code = sl_manifest_new(&manifest, options);
	sl_assert(code == 0);
	return manifest;
}

struct sl_manifest *
entries_open(struct sl_span text)
{
	struct sl_manifest *manifest = open_manifest(&(struct sl_manifest_options){ 0 });
	sl_manifest_feed(manifest, text, true);
	return manifest;
}

int
entries_next(struct sl_manifest *manifest, struct sl_entry *out, struct sl_error *err)
{
	struct sl_error why = { 0 };
	switch (sl_manifest_next(manifest, out, &why)) {
	case SL_MANIFEST_ENTRY:
		return 1;
	case SL_MANIFEST_END:
		return 0;
	default:
		if (err)
			*err = why;
		return why.code;
	}
}

/* ---- as text ---- */

static void
add_field(struct sl_buf *out, const char *name, struct sl_span value)
{
	if (value.len > 0)
		sl_buf_printf(out, " %s=%.*s", name, (int)value.len, value.data);
}

/* "pieces=sha-1:LENGTH:9f86,d0a1": the beginning of each. */
static void
add_pieces(struct sl_buf *out, const struct sl_pieces *pieces)
{
	sl_buf_printf(out, " pieces=%s:%llu:", sl_checksum_name(pieces->kind),
		(unsigned long long)pieces->length);
	for (size_t i = 0; i < pieces->count; i++) {
		const unsigned char *digest = sl_pieces_digest(pieces, i);
		sl_buf_printf(out, "%s%02x%02x", i ? "," : "", digest[0], digest[1]);
	}
}

static void
describe(struct sl_buf *out, const struct sl_entry *entry)
{
	const struct sl_checksum *sum = &entry->checksum;
	sl_assert(entry->from_list);
	sl_buf_printf(out, "%llu", (unsigned long long)entry->line);
	for (size_t i = 0; i < entry->source_count; i++)
		sl_buf_printf(out, " %.*s", (int)entry->sources[i].len, entry->sources[i].data);
	add_field(out, "out", entry->out);
	add_field(out, "dir", entry->dir);
	for (size_t i = 0; i < entry->header_count; i++)
		add_field(out, "header", entry->headers[i]);
	add_field(out, "referer", entry->referer);
	add_field(out, "agent", entry->user_agent);
	add_field(out, "user", entry->user);
	add_field(out, "password", entry->password);
	if (entry->remote_time != SL_ENTRY_UNSET)
		sl_buf_add_str(out, entry->remote_time == SL_ENTRY_YES ? " time" : " no-time");
	if (sum->kind != SL_CHECKSUM_NONE)
		sl_buf_printf(out, " sum=%s:%02x%02x", sl_checksum_name(sum->kind), sum->value[0],
			sum->value[1]);
	if (entry->has_size)
		sl_buf_printf(out, " size=%llu", (unsigned long long)entry->size);
	if (entry->pieces.kind != SL_CHECKSUM_NONE)
		add_pieces(out, &entry->pieces);
	sl_buf_add_char(out, '\n');
}

/* Feed what is next of `text`; the pieces are copied, so that what is read behind their end or
 * after their time is found. */
static void
feed(struct sl_manifest *manifest, struct sl_span *text, size_t len, struct guard *guard)
{
	len = SL_MIN(len, text->len);
	char *piece = guard_place(guard, text->data, len);
	text->data += len;
	text->len -= len;
	sl_manifest_feed(manifest, sl_span(piece, len), text->len == 0);
}

void
entries_read(struct sl_buf *out, struct sl_span text, const struct entries_reading *reading)
{
	struct sl_manifest *manifest = open_manifest(&reading->options);
	enum sl_manifest_result result = SL_MANIFEST_MORE;
	struct guard guard;
	size_t len = reading->first ? reading->first : text.len;
	guard_init(&guard, text.len + 1);
	feed(manifest, &text, len, &guard);
	while (result != SL_MANIFEST_END) {
		struct sl_entry entry;
		struct sl_error err = { 0 };
		result = sl_manifest_next(manifest, &entry, &err);
		bool failed = result == SL_MANIFEST_BAD || result == SL_MANIFEST_BROKEN;
		sl_assert(failed == (err.code != 0));
		if (result == SL_MANIFEST_MORE)
			feed(manifest, &text, reading->step ? reading->step : text.len, &guard);
		else if (result == SL_MANIFEST_ENTRY)
			describe(out, &entry);
		else if (failed)
			sl_buf_printf(out, "%s%s%s\n", result == SL_MANIFEST_BAD ? "!" : "!!",
				reading->messages ? " " : "", reading->messages ? err.text : "");
	}
	guard_release(&guard);
	sl_manifest_free(manifest);
}

bool
entries_are(
	struct sl_span text, const char *want, struct entries_reading *reading, struct sl_buf *got)
{
	for (size_t first = 0; first <= text.len; first++) {
		sl_buf_clear(got);
		reading->first = first;
		reading->step = 0;
		entries_read(got, text, reading);
		if (!sl_span_is(sl_buf_span(got), want))
			return false;
	}
	sl_buf_clear(got);
	reading->first = reading->step = 1;
	entries_read(got, text, reading);
	return sl_span_is(sl_buf_span(got), want);
}
