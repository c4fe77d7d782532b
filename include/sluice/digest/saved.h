/*
 * saved.h - kinds of lines as text, to be compared with those of a later run. Pure.
 *
 *	sluice digest 2
 *	error lines <TAB> 59
 *	dropped <TAB> 0
 *	kinds <TAB> 2
 *	46 <TAB> a.log:4 <TAB> a.log:160 <TAB> 2005-12-04 04:47:44 <TAB> 2005-12-04 04:52:01 <TAB>
 *	  16: 3 0 43 <TAB> [<time>] state <num> <TAB> [12:00:01] state ...	(one line)
 *	13 <TAB> ...
 *
 * The first line has the version of the format. Of each kind: lines, place of the first and the
 * last, the first and the last time, the seconds of an interval and the lines in each, template,
 * example; kinds with more lines come first. Times and intervals are empty if no line has a stamp.
 * The first interval that has lines is that of the first time; each begins at a multiple of its
 * seconds. In texts, backslashes are \\, and control bytes and bytes that are not UTF-8 are \xNN.
 * There is nothing behind the last kind: a file that was cut is noticed.
 */
#ifndef SLUICE_DIGEST_SAVED_H
#define SLUICE_DIGEST_SAVED_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

#define SL_SAVED_MAGIC "sluice digest " /* the version follows */
#define SL_SAVED_VERSION 2
#define SL_SAVED_MAX (64 * SL_MIB) /* bytes of a file; ten thousand kinds take 6 MiB */

struct sl_saved_kind {
	uint64_t count;
	struct sl_span first, last; /* "a.log:4" */
	struct sl_span first_time, last_time;
	struct sl_span intervals; /* "16: 3 0 43" */
	struct sl_span text;      /* template, as it is shown */
	struct sl_span example;
};

/* ---- writing ---- */

/* So many kinds must follow. */
void sl_saved_begin(struct sl_buf *out, uint64_t lines, uint64_t dropped, size_t kinds);
void sl_saved_add(struct sl_buf *out, const struct sl_saved_kind *kind);

/* ---- reading ---- */

/* {0} is empty. */
struct sl_saved {
	uint64_t lines, dropped;
	struct sl_saved_kind *kinds;
	size_t count;
	struct sl_buf bytes; /* that the kinds point to */
};

/* `name` is that of the file, for messages. Returns 0; SL_E_USAGE if it is not such a text,
 * SL_E_UNSUPPORTED if it has another version; -ENOMEM. *saved is to be released in all cases. */
int sl_saved_read(struct sl_saved *saved, struct sl_span text, const char *name,
	struct sl_error *err) SL_MUST_CHECK;
void sl_saved_release(struct sl_saved *saved);

#endif
