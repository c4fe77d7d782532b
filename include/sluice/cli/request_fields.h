/*
 * request_fields.h - the header fields that options give for all requests of a run.
 */
#ifndef SLUICE_CLI_REQUEST_FIELDS_H
#define SLUICE_CLI_REQUEST_FIELDS_H

#include "sluice/cli/options.h"
#include "sluice/http/request.h"

/* {0} has none. They borrow from the options. */
struct sl_request_fields {
	struct sl_http_header *items;
	size_t count;
};

/* Those of --header, and of --referer unless it is NULL or one of them has that name. Returns 0;
 * -ENOMEM. */
int sl_request_fields_init(struct sl_request_fields *fields, const struct sl_words *headers,
	const char *referer) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_request_fields_release(struct sl_request_fields *fields);

#endif
