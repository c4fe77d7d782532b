/*
 * date.h - HTTP dates (RFC 9110 5.6.7). Pure.
 */
#ifndef SLUICE_HTTP_DATE_H
#define SLUICE_HTTP_DATE_H

#include "sluice/base/bytes.h"

/*
 * Read an HTTP date in one of its three forms (IMF-fixdate, RFC 850, asctime) as seconds since
 * 1970-01-01 UTC, negative before it. `now_s` (the same unit) decides the century of RFC 850's
 * two-digit year: the nearest that is not more than 50 years ahead. The day of the week must be
 * valid, but need not fit the date; a leap second is read as the second after it. Returns false,
 * with *seconds unchanged, for anything else.
 */
bool sl_date_parse(struct sl_span text, int64_t now_s, int64_t *seconds) SL_MUST_CHECK;

/* Append the IMF-fixdate of `seconds`, as above; of years from 1 to 9999 (asserted). */
void sl_date_format(struct sl_buf *out, int64_t seconds);

#endif
