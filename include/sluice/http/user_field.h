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
#include "sluice/http/scope.h"

/*
 * Returns 0, *out borrows from `text`; SL_E_USAGE with the reason if the text has none of the
 * forms, or the field must not be sent (see sl_request_check_header). The message never shows the
 * value.
 */
int sl_user_field_parse(
	struct sl_http_header *out, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

struct sl_user_fields {
	const struct sl_http_header *items;
	size_t count;
};

/* Of one request of a chain. */
struct sl_user_field_choice {
	struct sl_user_fields own;   /* set for the URL that the chain begins with */
	struct sl_user_fields given; /* for all requests */
	const struct sl_scope *scope;
	const struct sl_scope_origins *origins;
	const struct sl_url *url; /* where the chain is */
};

/* Those that may be sent, to `out`, which has room for all: of the given ones those of which no own
 * one has the name. Returns their count. *withheld gets the name of a given field that may not be
 * sent, or is empty. */
size_t sl_user_fields_choose(struct sl_http_header *out, const struct sl_user_field_choice *choice,
	struct sl_span *withheld);

#endif
