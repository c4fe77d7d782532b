/*
 * manifest_kind.h - what a kind of list consists of, for manifest.c and the parsers. Pure.
 *
 * To add a kind: write its parser in a module of its own, declare its struct sl_manifest_kind
 * below, and add it to the table in manifest.c, before the kinds that accept more. The front
 * (manifest.c) has decompressed the text, removed a byte order mark and refused UTF-16. Kinds made
 * of lines take these from sl_manifest_line, which enforces their limits.
 */
#ifndef SLUICE_DOWNLOAD_MANIFEST_KIND_H
#define SLUICE_DOWNLOAD_MANIFEST_KIND_H

#include "sluice/download/manifest.h"

enum sl_manifest_match { SL_MANIFEST_IS_NOT, SL_MANIFEST_IS, SL_MANIFEST_IS_UNSURE };

struct sl_manifest_kind {
	/* Whether a list that begins with `head` is of this kind; UNSURE waits for more, and is not
	 * returned if `is_all` is set (the list is not longer, or the limit is reached). */
	enum sl_manifest_match (*detect)(struct sl_span head, bool is_all);

	/* A parser, NULL if out of memory. The options live longer than it. */
	void *(*new)(const struct sl_manifest_options *options);
	void (*free)(void *parser);

	/*
	 * Parse from the beginning of `text`, which continues where the last call stopped; *used is
	 * the number of bytes consumed, also with an error. Returns ENTRY (its spans point into
	 * `text` or into the parser, until the next call), BAD or BROKEN with *err, or MORE: a
	 * longer text is needed, or with `is_last` there is nothing more. Never END. MORE
	 * consumes something of a text of SL_MANIFEST_TEXT bytes. Not called again after BROKEN.
	 */
	enum sl_manifest_result (*parse)(void *parser, struct sl_span text, bool is_last,
		size_t *used, struct sl_entry *out, struct sl_error *err);

	/* As sl_manifest_add_ignored; NULL if nothing is ever ignored. */
	void (*add_ignored)(const void *parser, struct sl_buf *out);
};

/* Metalink 4 (RFC 5854) and 3.0: accepts what begins with '<', which no URL does. */
extern const struct sl_manifest_kind sl_manifest_metalink;

/* One JSON object a line: accepts what begins with '{'. */
extern const struct sl_manifest_kind sl_manifest_jsonl;

/* Checksum lists, as sha256sum writes them. */
extern const struct sl_manifest_kind sl_manifest_sums;

/* URLs, one a line, and aria2's input files: accepts any text. */
extern const struct sl_manifest_kind sl_manifest_plain;

/* ---- lines ---- */

/* {0} before the first line. */
struct sl_manifest_lines {
	uint64_t number; /* of the line that was returned last, 1-based */
	bool in_long;    /* the rest of a line that was too long is skipped */
};

enum sl_manifest_line {
	SL_LINE_MORE,  /* it is not complete; with `is_last`: there are no more lines */
	SL_LINE_WHOLE, /* *line, without LF or CRLF */
	SL_LINE_LONG,  /* more than SL_MANIFEST_LINE bytes: *line has so many of them */
	SL_LINE_NUL,   /* *line has a NUL byte: this is not a list, see sl_manifest_fail_nul */
};

/* The line at the beginning of *text, which is advanced behind it. */
enum sl_manifest_line sl_manifest_line(struct sl_manifest_lines *lines, struct sl_span *text,
	bool is_last, struct sl_span *line) SL_MUST_CHECK;

/* Skip what is left of a line that was too long, as sl_manifest_line does before the next one. */
void sl_manifest_skip_long(struct sl_manifest_lines *lines, struct sl_span *text);

/* SL_E_USAGE with "line N of the list: why"; and what to return for a line that is too long, and
 * for one with a NUL byte. */
void sl_manifest_fail_line(struct sl_error *err, uint64_t line, const char *why);
enum sl_manifest_result sl_manifest_fail_long(struct sl_error *err, uint64_t line);
enum sl_manifest_result sl_manifest_fail_nul(struct sl_error *err, uint64_t line);

#endif
