/*
 * logfmt.h - the pairs of a log line in logfmt: key=value, with the value in quotes where it has
 * blanks. Words that are no pair are passed over, so that pairs are found in any text. Pure;
 * allocates nothing.
 */
#ifndef SLUICE_LOGLINE_LOGFMT_H
#define SLUICE_LOGLINE_LOGFMT_H

#include "sluice/base/bytes.h"

struct sl_logfmt {
	const char *at, *end;
};

struct sl_logfmt_pair {
	struct sl_span key;   /* not empty: letters, digits and any of . _ - @ / */
	struct sl_span value; /* without its quotes, escapes as they are written; may be empty */
};

static inline struct sl_logfmt
sl_logfmt_begin(struct sl_span line)
{
	return (struct sl_logfmt){ line.data, line.data + line.len };
}

/* The next pair, false after the last. All pairs together take time linear in the line. */
bool sl_logfmt_next(struct sl_logfmt *logfmt, struct sl_logfmt_pair *pair);

#endif
