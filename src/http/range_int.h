/*
 * range_int.h - a response that is a part of the file (206), for chain.c.
 *
 * A part that is stored at a wrong place, or of another version, would damage the file: nothing is
 * taken from a response that is not exactly what was requested.
 */
#ifndef SLUICE_HTTP_RANGE_INT_H
#define SLUICE_HTTP_RANGE_INT_H

#include "exchange_int.h"

/* Accept it as the response to a request for `range`. Returns 0; SL_E_PROTO for another part or a
 * content coding; SL_E_CHANGED for another version. */
int sl_range_check(struct sl_http_exchange *exchange, const struct sl_http_range *range,
	struct sl_error *err) SL_MUST_CHECK;

/* No range was requested, other than by the user's own field Range: a part must not be stored as
 * the file. Returns SL_E_PROTO. */
int sl_range_refuse(
	const struct sl_http_exchange *exchange, bool asked_by_user, struct sl_error *err);

#endif
