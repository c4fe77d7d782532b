/*
 * entries.h - the entries of a list in memory: one by one, as the source of a batch returns them,
 * and all of them as text that a test can compare.
 */
#ifndef SUPPORT_ENTRIES_H
#define SUPPORT_ENTRIES_H

#include "sluice/download/manifest.h"

/* The text must live longer; sl_manifest_free ends it. Aborts if out of memory. */
struct sl_manifest *entries_open(struct sl_span text);

/* 1; 0 at the end; a code with *err. The entry's spans are valid until the next call. */
int entries_next(struct sl_manifest *manifest, struct sl_entry *out, struct sl_error *err);

/*
 * Append a line for each entry of the list, which is fed as `first` bytes (0 = all), and then
 * `step` at a time (0 = all of the rest): "2 http://a/x http://b/x out=n dir=d header=N: v
 * sum=md5:d41d"; "!" for an entry that cannot be used; "!!" for the end of a broken list. With
 * `messages`, these are followed by the message.
 */
struct entries_reading {
	struct sl_manifest_options options;
	size_t first, step;
	bool messages;
};
void entries_read(
	struct sl_buf *out, struct sl_span text, const struct entries_reading *reading);

/* True if the list reads as `want` whole, divided at each byte, and byte by byte, flush against a
 * page that cannot be read; else *got is what it reads as, fed as `first` and `step` are then. */
bool entries_are(
	struct sl_span text, const char *want, struct entries_reading *reading, struct sl_buf *got);

#endif
