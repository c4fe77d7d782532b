/*
 * retry_after.h - how long a server asks its clients to wait before the next request. Pure.
 */
#ifndef SLUICE_HTTP_RETRY_AFTER_H
#define SLUICE_HTTP_RETRY_AFTER_H

#include "sluice/http/head.h"

/* A longer time is read as this one. */
#define SL_RETRY_AFTER_MAX_S (366ull * 86400)

/*
 * The time in seconds, at most SL_RETRY_AFTER_MAX_S; 0 if the response has none that can be used: a
 * number that is negative or too large, a date in the past, other text. From the first of these
 * that can be used:
 *  - Retry-After, seconds or a date (RFC 9110 10.2.3);
 *  - RateLimit, `"name";r=0;t=30` (draft-ietf-httpapi-ratelimit-headers-08 and later) or
 *    `limit=9, remaining=0, reset=30` (07): the longest time of the policies that have nothing
 *    left;
 *  - RateLimit-Reset (drafts until 06) and X-RateLimit-Reset, seconds, or seconds since 1970 as
 *    some services send them, unless the -Remaining field of the same prefix is above 0.
 * Times of day are compared with Date, which is of the same clock, and without one with `now_s`
 * (seconds since 1970).
 */
uint64_t sl_retry_after_read(const struct sl_head *head, int64_t now_s);

/* Whether one of these fields shows that a limit was reached, also if the time is over: some
 * services answer 403 then. */
bool sl_retry_after_is_limit(const struct sl_head *head, int64_t now_s);

#endif
