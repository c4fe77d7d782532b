/*
 * user_field.h - header fields as users write them, in the forms of curl's -H. Pure.
 *
 *	Name: value    sent in the place of the client's own field of that name
 *	Name:          not sent: the client's own is left out
 *	Name;          sent with an empty value
 */
#ifndef SLUICE_HTTP_USER_FIELD_H
#define SLUICE_HTTP_USER_FIELD_H

#include "sluice/http/request.h"

/*
 * Returns 0, *out borrows from `text`; SL_E_USAGE with the reason if the text has none of the
 * forms, or the field must not be sent (see sl_request_check_header). The message never shows the
 * value.
 */
int sl_user_field_parse(
	struct sl_http_header *out, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* Append to the `count` fields of a request those that are given for all requests, without those of
 * which it has the name. `out` has room for them. Returns the new count. */
size_t sl_user_fields_add(struct sl_http_header *out, size_t count,
	const struct sl_http_header *given, size_t given_count);

#endif
