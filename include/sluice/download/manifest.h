/*
 * manifest.h - lists of files to download: bytes in, entries out. Pure.
 *
 * A list may be compressed with gzip, and is of one of the kinds in manifest_kind.h, which is
 * detected by its content. It is fed in pieces of any size, and entries are returned as soon as
 * they are complete, whatever the size of the list; how it is divided into pieces makes no
 * difference, but for how many entries come before compressed data that is damaged (decoder.h).
 * Memory is bounded: SL_MANIFEST_TEXT and what the kind's parser keeps of one entry.
 */
#ifndef SLUICE_DOWNLOAD_MANIFEST_H
#define SLUICE_DOWNLOAD_MANIFEST_H

#include "sluice/download/entry.h"

#define SL_MANIFEST_LINE (64u * 1024u)  /* bytes of a line; longer ones are refused */
#define SL_MANIFEST_TEXT (256u * 1024u) /* bytes of text that are kept to be parsed */

struct sl_manifest;

/* Borrowed for the life of the manifest. */
struct sl_manifest_options {
	/* For names in lists without URLs: the URL of their directory, which ends with '/'. NULL =
	 * none, and entries of such lists have no source. */
	const char *base_url;
};

/* Returns 0 or -ENOMEM. */
int sl_manifest_new(
	struct sl_manifest **out, const struct sl_manifest_options *options) SL_MUST_CHECK;

/* NULL is fine. */
void sl_manifest_free(struct sl_manifest *manifest);

/* The next bytes of the list, none or more, borrowed until sl_manifest_next returns
 * SL_MANIFEST_MORE. `is_last`: no more follow. */
void sl_manifest_feed(struct sl_manifest *manifest, struct sl_span bytes, bool is_last);

enum sl_manifest_result {
	SL_MANIFEST_MORE,  /* feed more */
	SL_MANIFEST_END,   /* there are no more entries, and nothing needs to be fed */
	SL_MANIFEST_ENTRY, /* in *out */
	SL_MANIFEST_BAD,   /* an entry that cannot be used; the next call continues behind it */
	SL_MANIFEST_BROKEN /* the rest of the list cannot be read; SL_MANIFEST_END follows */
};

/*
 * The next entry into *out; its spans are valid until the next call. BAD and BROKEN have a code and
 * a text with line and reason in *err: SL_E_USAGE for text that cannot be used; BROKEN also has
 * -ENOMEM. Secrets (header fields, passwords) are in no text.
 */
enum sl_manifest_result sl_manifest_next(
	struct sl_manifest *manifest, struct sl_entry *out, struct sl_error *err) SL_MUST_CHECK;

/* Append the names of options that were found so far and have no effect, separated by ", ". */
void sl_manifest_add_ignored(const struct sl_manifest *manifest, struct sl_buf *out);

#endif
