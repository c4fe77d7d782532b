/*
 * present_int.h - one look at what has a name, shared by the files of present.c.
 */
#ifndef SLUICE_DOWNLOAD_PRESENT_INT_H
#define SLUICE_DOWNLOAD_PRESENT_INT_H

#include "sluice/download/present.h"
#include "sluice/download/stamp.h"

#include <sys/stat.h>

#define WHY_MAX 200 /* of a text that says how two files differ */

/* One call of sl_present_look. */
struct look {
	const struct sl_present_options *options;
	const struct sl_place *place;
	const struct sl_sources *sources;
	const struct sl_resource *remote; /* from the head of an answer to GET; NULL = none yet */
	struct sl_present *present;
	struct sl_error *err;
	/* Of a regular file, if it may be compared: */
	char *aria2_name, *journal_name; /* of what may be beside it */
	int aria2_control;               /* what a stat of NAME.aria2 returned */
	struct sl_stamp stamp;           /* of the file as it is now, in: */
	unsigned char stamp_bytes[SL_STAMP_MAX];
};

/* How the local file differs from the server's, for messages. */
struct difference {
	bool found;
	bool unknown;        /* it may be the same: what the server sent does not decide it */
	uint64_t remote_len; /* if that is the difference; else 0 */
	char why[WHY_MAX];
};

/* ---- present_look.c ---- */

/* What a file's state is found to be: a kind of sl_present and 0, or a code. */
int look_found(const struct look *look, enum sl_present_kind kind);

/* -EEXIST with a message: why, and besides what is always possible, what to do. Texts may be
 * empty. */
int look_refuse(const struct look *look, const char *why, const char *remedy);
int look_exists(const struct look *look, const char *why);

/*
 * A stat of the name, and of a regular file that may be compared its stamp and whether NAME.aria2
 * and a journal are there: in one call of the blocking pool, since a second run over thousands of
 * files does little else. Other files are not opened: that may have effects.
 */
SL_SUSPENDS
int look_stat(struct look *look, int flags, struct statx *st);

/* The file is stored decoded. */
bool look_is_decoded(const struct look *look);

/* The stamp is that of a download from the source in use. */
bool look_is_from_source(const struct look *look);

/* ---- present_compare.c ---- */

/* *same = the file has the expected checksum. Returns 0 or a code. */
SL_SUSPENDS
int look_verify_checksum(const struct look *look, bool *same);

/*
 * With what the source in use says of the file that it has, which is asked for by HEAD unless an
 * answer to GET is at hand. Returns 0 or a code.
 *
 * Servers that generate their answers, or do not implement HEAD, send other sizes and times for
 * HEAD than for GET, or none: only a match by HEAD is believed. Else the head of the answer to GET
 * decides; its body is not read.
 */
SL_SUSPENDS
int look_compare(const struct look *look, const struct statx *st, struct difference *out);

/* ---- present_use.c ---- */

/* A file that is shorter than the source's may be kept as its beginning. */
bool look_may_use_beginning(const struct look *look);

/* Found: it is to be replaced. */
int look_replace(const struct look *look);

/* Found: it is complete, or parts of it can be used; or a code, -EEXIST if neither. */
SL_SUSPENDS
int look_examine(struct look *look, const struct statx *st);

/* ---- present_stream.c ---- */

/* A character device or FIFO that --output names: it is written to as it is. */
bool look_is_stream(const struct look *look, const struct statx *st);

/* Found: a stream, which is open unless look_only; or a code. */
SL_SUSPENDS
int look_open_stream(const struct look *look);

#endif
