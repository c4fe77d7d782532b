/*
 * cookie_date.h - the dates of the attribute Expires (RFC 6265 5.1.1). Pure.
 *
 * Servers write them in many ways; what is looked for in them is a time of day, a day, a month and
 * a year, in any order, whatever is between.
 */
#ifndef SLUICE_HTTP_COOKIE_DATE_H
#define SLUICE_HTTP_COOKIE_DATE_H

#include "sluice/base/bytes.h"

/* As seconds since 1970-01-01 UTC, negative before it. False, with *seconds unchanged, unless the
 * text has all four and they are a date that exists, of 1601 or later. */
bool sl_cookie_date_parse(struct sl_span text, int64_t *seconds) SL_MUST_CHECK;

#endif
