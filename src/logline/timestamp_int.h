/*
 * timestamp_int.h - what timestamp.c and timestamp_forms.c share.
 */
#ifndef SLUICE_LOGLINE_TIMESTAMP_INT_H
#define SLUICE_LOGLINE_TIMESTAMP_INT_H

#include "sluice/logline/timestamp.h"

#define TIMESTAMP_YEAR_MIN 1970
#define TIMESTAMP_YEAR_MAX 2199

struct cursor {
	const char *at, *end;
};

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char
peek(const struct cursor *in)
{
	return in->at < in->end ? *in->at : '\0';
}

/* As timestamp.h shows them, in its order. */
enum timestamp_form {
	TIMESTAMP_ISO,
	TIMESTAMP_COMPACT,
	TIMESTAMP_DAY_FIRST,
	TIMESTAMP_MONTH_FIRST,
	TIMESTAMP_KLOG,
	TIMESTAMP_ANDROID,
	TIMESTAMP_SHORT_YEAR,
	TIMESTAMP_SHORT_DATE,
	TIMESTAMP_EPOCH,
};

/* A stamp of that form, and a zone behind it. On success *in is behind it, and *stamp is set but
 * for its place. */
bool sl_timestamp_take(enum timestamp_form form, struct cursor *in, struct sl_timestamp *stamp);

#endif
