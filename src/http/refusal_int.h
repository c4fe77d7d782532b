/*
 * refusal_int.h - responses that are not the file, for chain.c.
 */
#ifndef SLUICE_HTTP_REFUSAL_INT_H
#define SLUICE_HTTP_REFUSAL_INT_H

#include "exchange_int.h"

/*
 * Describe the status in *err, with http_status and retry_after_s, and return SL_E_STATUS. `hint`
 * is added to the message: "" or "; what to do". With the log level INFO the message also has the
 * first words of the body, for which the server is waited for a moment.
 */
SL_SUSPENDS
int sl_refusal_describe(struct sl_http_exchange *exchange, bool range_requested, const char *hint,
	struct sl_error *err);

#endif
