/*
 * chain.c - one sl_http_open is a chain of exchanges (exchange.c), one for each redirect
 * (redirect.c) and for each 401 that can be answered (authorization.c), until a response is the
 * file or is refused (refusal.c).
 *
 * Rules: which of the user's secrets may go to a URL is decided by scope.c, for the whole chain;
 * every chain ends after max_redirects, whatever its targets are. A response is accepted by its
 * status alone; header fields that describe the content are left to the caller.
 */
#include "client_int.h"
#include "cookies_int.h"
#include "exchange_int.h"
#include "negotiation_int.h"
#include "range_int.h"
#include "redirect_int.h"
#include "refusal_int.h"
#include "relay_int.h"
#include "signature_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/http/request.h"
#include "sluice/http/user_field.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* One sl_http_open over all its hops. */
struct chain {
	struct sl_http_client *client;
	const struct sl_http_request *request;
	struct sl_http_exchange *exchange;
	struct sl_http_header *headers; /* from the user; those that may still be sent */
	size_t header_count;
	unsigned hops;
	struct sl_authorization authorization; /* of the request to the current URL */
	struct sl_signature signature;         /* of the last request, if it was signed */
};

/* ---- requests ---- */

/* Lists may have URLs of any origin: that a field is not sent to one is said once. */
static void
warn_withheld(struct chain *chain, struct sl_span name)
{
	struct sl_http_client *client = chain->client;
	const struct sl_url *url = &chain->exchange->url;
	struct sl_buf origin = { 0 };
	if (name.len == 0 || chain->exchange->scope.has_left || client->has_warned)
		return;
	client->has_warned = true;
	sl_url_format_authority(&origin, url);
	sl_log_warn("the header field '%.*s' is not sent to '%s', which is not on the command line "
		    "(--auth-origin %s://%s permits it)",
		(int)name.len, name.data, origin.data ? origin.data : "",
		sl_url_scheme_name(url->scheme), origin.data ? origin.data : "");
	sl_buf_release(&origin);
}

/* What may be sent of the user's header fields. */
static void
choose_headers(struct chain *chain)
{
	const struct sl_http_client_options *options = &chain->client->options;
	const struct sl_user_field_choice choice = {
		.own = { chain->request->headers, chain->request->header_count },
		.given = { options->headers, options->header_count },
		.scope = &chain->exchange->scope,
		.origins = sl_credentials_origins(chain->client->authorizer.credentials),
		.url = &chain->exchange->url,
	};
	struct sl_span withheld;
	chain->header_count = sl_user_fields_choose(chain->headers, &choice, &withheld);
	warn_withheld(chain, withheld);
}

static bool
has_header(const struct chain *chain, const char *name)
{
	for (size_t i = 0; i < chain->header_count; i++)
		if (sl_span_is_nocase(chain->headers[i].name, name))
			return true;
	return false;
}

static int
fail_authorization(struct chain *chain, enum sl_phase phase, int code, struct sl_error *err)
{
	return sl_exchange_fail(chain->exchange, err, phase, code,
		"cannot prepare the credentials: %s", sl_code_text(code));
}

/* Stores accept a signature for some minutes only: made when the request is sent. */
static int
sign(void *ctx, struct sl_request *request)
{
	struct chain *chain = ctx;
	const struct sl_url *url = &chain->exchange->url;
	struct sl_sigv4_variant variant =
		sl_credentials_locate(chain->client->authorizer.credentials, url->host);
	sl_signature_release(&chain->signature);
	int code = sl_signature_make(&chain->signature, &variant, &chain->authorization.identity,
		chain->request->method, url, chain->headers, chain->header_count,
		sl_clock_wall_s());
	request->authorization = chain->signature.value.data;
	request->fields = chain->signature.fields;
	request->field_count = chain->signature.field_count;
	return code;
}

/* The value of Authorization, unless the user's own field is sent. A signature has its own. */
static int
authorize(struct chain *chain, struct sl_buf *value, struct sl_error *err)
{
	struct sl_http_exchange *exchange = chain->exchange;
	sl_signature_release(&chain->signature);
	exchange->complete = NULL;
	if (has_header(chain, "Authorization"))
		return 0;
	int code = sl_authorization_make(&chain->authorization, &chain->client->authorizer,
		&exchange->scope, chain->request->url, &exchange->url, chain->request->method,
		value);
	if (!code && chain->authorization.kind == SL_AUTHORIZATION_SIGNED) {
		exchange->complete = sign;
		exchange->complete_ctx = chain;
	}
	return code < 0 ? fail_authorization(chain, SL_PHASE_REQUEST, code, err) : 0;
}

/* Directly or through a proxy, and what that needs. */
SL_SUSPENDS
static int
choose_way(struct chain *chain, struct sl_error *err)
{
	struct sl_http_client *client = chain->client;
	struct sl_http_exchange *exchange = chain->exchange;
	struct sl_error cause = { 0 };
	int code = sl_route_choose(
		&client->connections.route, &exchange->url, &exchange->through, &cause);
	exchange->peer[0] = '\0';
	if (code < 0)
		return sl_exchange_fail_as(exchange, err, code, &cause);
	if (client->tls || !sl_route_needs_tls(exchange->through, &exchange->url))
		return 0;
	return sl_http_client_load_tls(client, err);
}

SL_SUSPENDS
static int
send_request(struct chain *chain, struct sl_error *err)
{
	struct sl_http_exchange *exchange = chain->exchange;
	const struct sl_http_range *range = chain->request->range;
	struct sl_buf authorization = { 0 }, cookies = { 0 };
	char range_text[64];
	choose_headers(chain);
	int code = authorize(chain, &authorization, err);
	if (!code)
		code = sl_cookies_add(&chain->client->cookies, exchange, chain->headers,
			chain->header_count, &cookies, err);
	struct sl_request request = { .method = chain->request->method,
		.url = &exchange->url,
		.user_agent = chain->client->options.user_agent,
		.accept_encoding = sl_negotiation_accept(chain->request, &exchange->url),
		.authorization = authorization.data,
		.cookies = cookies.data,
		.headers = chain->headers,
		.header_count = chain->header_count };
	if (range) {
		snprintf(range_text, sizeof(range_text), "bytes=%llu-%llu",
			(unsigned long long)range->begin, (unsigned long long)range->end - 1);
		request.range = range_text;
		request.if_range = range->unconditional ? NULL : sl_resource_validator(range->of);
	}
	if (!code)
		code = choose_way(chain, err);
	if (!code)
		code = sl_relay_ask(exchange, &request, err);
	sl_buf_wipe(&authorization);
	sl_buf_wipe(&cookies);
	return code;
}

/* Set the exchange's URL to the target of the redirect. */
SL_SUSPENDS
static int
redirect(struct chain *chain, struct sl_error *err)
{
	const struct sl_http_client_options *options = &chain->client->options;
	const struct sl_redirect_rules rules = { .hops = chain->hops,
		.max = options->max_redirects,
		.allow_downgrade = options->allow_downgrade };
	struct sl_url *url = &chain->exchange->url;
	struct sl_url target;
	int code = sl_redirect_target(chain->exchange, &rules, &target, err);
	if (code < 0)
		return code;
	chain->hops++;
	sl_scope_follow(&chain->exchange->scope,
		sl_credentials_origins(chain->client->authorizer.credentials), url, &target);
	sl_authorization_release(&chain->authorization);
	sl_exchange_drain(chain->exchange);
	sl_url_release(url);
	*url = target;
	return 0;
}

/* ---- responses ---- */

/* A proxy that relays requests may have answered. tinyproxy answers 401 to credentials that are
 * wrong. */
static void
add_proxy_hint(struct sl_buf *hint, const struct chain *chain)
{
	const struct sl_proxy_route *through = chain->exchange->through;
	bool is_relayed = sl_proxy_route_is_relay(through);
	bool has_user = is_relayed && through->proxy->user;
	if (is_relayed && chain->exchange->head.status == 407)
		sl_buf_add_str(hint, sl_proxy_auth_hint(has_user));
	else if (has_user)
		sl_buf_add_str(
			hint, "; if the proxy answered, it refused its user name or password");
}

/* What the status means for the credentials that were sent, or were not. */
static void
add_hint(struct sl_buf *hint, const struct chain *chain)
{
	const struct sl_head *head = &chain->exchange->head;
	if (head->status == 407 || head->status == 401)
		add_proxy_hint(hint, chain);
	if (head->status == 407 || has_header(chain, "Authorization"))
		return;
	/* S3 answers 403 to requests without credentials. */
	if (head->status == 401 ||
		(head->status == 403 && chain->authorization.identity.is_withheld))
		sl_buf_add_str(hint, sl_authorization_hint(&chain->authorization));
	else
		sl_signature_add_hint(hint, &chain->signature, head, sl_clock_wall_s());
}

SL_SUSPENDS
static int
check_response(struct chain *chain, struct sl_error *err)
{
	int status = chain->exchange->head.status;
	struct sl_buf hint = { 0 };
	if (status == 206)
		return chain->request->range
			       ? sl_range_check(chain->exchange, chain->request->range, err)
			       : sl_range_refuse(chain->exchange, has_header(chain, "Range"), err);
	if (status == 200 || status == 203) {
		int bad = sl_redirect_check_unused(chain->exchange, err);
		return bad ? bad
			   : sl_negotiation_take(chain->exchange, chain->request->codings, err);
	}
	add_hint(&hint, chain);
	int code = sl_refusal_describe(
		chain->exchange, chain->request->range != NULL, hint.data ? hint.data : "", err);
	sl_buf_release(&hint);
	return code;
}

/* ---- exchanges ---- */

/* Whether the request is to be made again, with the credentials that the response asks for: 1 or 0.
 */
SL_SUSPENDS
static int
is_challenged(struct chain *chain, struct sl_error *err)
{
	struct sl_http_exchange *exchange = chain->exchange;
	struct sl_authorizer *authorizer = &chain->client->authorizer;
	if (exchange->head.status != 401) {
		sl_authorization_accepted(&chain->authorization, authorizer, &exchange->head);
		return 0;
	}
	int code = sl_authorization_refused(
		&chain->authorization, authorizer, &exchange->url, &exchange->head);
	if (code > 0)
		sl_exchange_drain(exchange);
	return code < 0 ? fail_authorization(chain, SL_PHASE_HEAD, code, err) : code;
}

SL_SUSPENDS
static int
follow(struct chain *chain, struct sl_error *err)
{
	for (;;) {
		int code = send_request(chain, err);
		if (code < 0)
			return code;
		sl_log_debug("%s answered %d", chain->exchange->peer, chain->exchange->head.status);
		code = sl_cookies_take(&chain->client->cookies, chain->exchange, err);
		if (!code)
			code = is_challenged(chain, err);
		if (code < 0)
			return code;
		if (code > 0)
			continue;
		if (!sl_redirect_is(chain->exchange->head.status) ||
			sl_signature_is_elsewhere(&chain->signature, &chain->exchange->head))
			return check_response(chain, err);
		code = redirect(chain, err);
		if (code < 0)
			return code;
	}
}

static int
set_up(struct chain *chain)
{
	struct sl_http_exchange *exchange = calloc(1, sizeof(*exchange));
	const struct sl_http_client_options *options = &chain->client->options;
	size_t count = chain->request->header_count;
	chain->exchange = exchange;
	if (!exchange)
		return -ENOMEM;
	exchange->client = chain->client;
	exchange->connections = &chain->client->connections;
	exchange->limiter = chain->client->options.limit_rate ? &chain->client->limiter : NULL;
	exchange->least_rate = options->least_rate;
	exchange->slow_time_ns = options->slow_time_ns;
	exchange->limited =
		chain->request->limited ? chain->request->limited : &exchange->limited_read;
	exchange->is_head = strcmp(chain->request->method, "HEAD") == 0;
	chain->client->exchanges++;
	exchange->number = ++chain->client->last_number;
	sl_head_init(&exchange->head);
	chain->headers = calloc(count + options->header_count + 1, sizeof(*chain->headers));
	if (!chain->headers || sl_url_copy(&exchange->url, chain->request->url) < 0)
		return -ENOMEM;
	sl_url_drop_userinfo(&exchange->url);
	exchange->scope = chain->request->scope;
	return 0;
}

void
sl_http_close(struct sl_http_exchange *exchange)
{
	sl_exchange_end_stream(exchange);
	sl_coded_free(exchange->coded);
	sl_head_release(&exchange->head);
	sl_url_release(&exchange->url);
	exchange->client->exchanges--;
	free(exchange);
}

int
sl_http_open(struct sl_http_client *client, const struct sl_http_request *request,
	struct sl_http_exchange **out, struct sl_error *err)
{
	struct chain chain = { .client = client, .request = request };
	int code = set_up(&chain);
	if (code < 0)
		sl_fail_code(err, SL_PHASE_NONE, code, "cannot begin a request");
	else
		code = follow(&chain, err);
	if (code == 0) {
		chain.exchange->limited = &chain.exchange->limited_read;
		*out = chain.exchange;
	} else if (chain.exchange) {
		/* An error page that is small is read, so that the next file needs no new
		 * connection. */
		if (code == SL_E_STATUS)
			sl_exchange_drain(chain.exchange);
		sl_http_close(chain.exchange);
	}
	sl_authorization_release(&chain.authorization);
	sl_signature_release(&chain.signature);
	free(chain.headers);
	return code;
}
