/*
 * The client: one sl_http_open is a chain of exchanges (exchange.c), one for each redirect
 * (redirect.c) and for each 401 that can be answered (authorization.c), until a response is the
 * file or is refused (refusal.c).
 *
 * Rules: which of the user's secrets may go to a URL is decided by scope.c, for the whole chain;
 * every chain ends after max_redirects, whatever its targets are. A response is accepted by its
 * status alone; header fields that describe the content are left to the caller.
 */
#include "sluice/http/client.h"

#include "authorization_int.h"
#include "cookies_int.h"
#include "exchange_int.h"
#include "host_limit_int.h"
#include "negotiation_int.h"
#include "redirect_int.h"
#include "refusal_int.h"
#include "relay_int.h"
#include "signature_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/http/cookie_file.h"
#include "sluice/http/header.h"
#include "sluice/http/request.h"
#include "sluice/http/user_field.h"
#include "sluice/net/dial.h"
#include "sluice/net/tls.h"
#include "sluice/rt/semaphore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Idle connections as old as this are closed. Servers close theirs sooner or later than that; each
 * connection is checked before it is used again. */
#define IDLE_NS (30 * SL_NS_PER_S)

/* Idle connections over all hosts, unless one host may have more. A list with a file at each of
 * many hosts would keep one at each of them open for IDLE_NS. */
#define IDLE_MAX 64u

/* Of limit_rate, what may be saved up while no connection receives, and then be received at
 * once. */
#define LIMIT_DEPTH_NS (100 * SL_NS_PER_MS)

/*
 * By default a socket buffers 64 KiB before a byte is read. At a rate below that, servers would
 * send many seconds' worth at once, and then see no progress for so long that they close the
 * connection. So the buffer is made as large as what comes in a second, and at least a few packets.
 */
#define LIMIT_DEFAULT_BUFFER (64 * SL_KIB)
#define LIMIT_BUFFER_MIN (4 * SL_KIB)

struct sl_http_client {
	struct sl_http_client_options options;
	struct sl_connections connections;
	struct sl_tls *tls;
	struct sl_tls *proxy_tls;     /* of https proxies, where it differs; else NULL */
	struct sl_semaphore tls_lock; /* one task loads TLS, the others wait for it */
	struct sl_limiter limiter;    /* with options.limit_rate */
	struct sl_host_limits host_limits;
	struct sl_authorizer authorizer;
	struct sl_cookie_jar cookies; /* of the file, and those that servers have set */
	bool has_warned;              /* of a header field that was not sent */
	unsigned exchanges;
	uint64_t last_number; /* of an exchange */
};

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

/* ---- client ---- */

static int64_t
now_s(void)
{
	return (int64_t)(sl_clock_wall_ns() / SL_NS_PER_S);
}

static void
wipe(struct sl_buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->len);
	sl_buf_release(buf);
}

/*
 * Certificates of proxies are verified as those of servers. But --cert is not for them, --insecure
 * and --pinnedpubkey are about the servers whose files are wanted.
 */
SL_SUSPENDS
static int
load_proxy_tls(struct sl_http_client *client, struct sl_error *err)
{
	const struct sl_tls_options *options = &client->options.tls;
	const struct sl_tls_options wanted = {
		.cacert = options->cacert, .capath = options->capath, .least = options->least
	};
	struct sl_tls *tls = client->tls;
	if (options->cert || options->pinnedpubkey || options->insecure) {
		int code = sl_tls_new(&client->proxy_tls, &wanted, err);
		if (code < 0) {
			client->proxy_tls = NULL;
			return code;
		}
		tls = client->proxy_tls;
	}
	sl_route_set_proxy_tls(&client->connections.route, tls);
	return 0;
}

/* Both or none. */
SL_SUSPENDS
static int
load_all_tls(struct sl_http_client *client, struct sl_error *err)
{
	int code = sl_tls_new(&client->tls, &client->options.tls, err);
	if (code == 0 && sl_proxies_have_tls(client->options.proxies)) {
		code = load_proxy_tls(client, err);
		if (code < 0)
			sl_tls_free(client->tls);
	}
	if (code < 0)
		client->tls = NULL;
	else
		sl_connector_set_tls(client->connections.connector, client->tls);
	return code;
}

SL_SUSPENDS
static int
load_tls(struct sl_http_client *client, struct sl_error *err)
{
	int code = sl_semaphore_take(&client->tls_lock, SL_FOREVER);
	if (code < 0)
		return sl_fail_code(err, SL_PHASE_TLS, code, "cannot set up TLS");
	if (!client->tls)
		code = load_all_tls(client, err);
	sl_semaphore_give(&client->tls_lock);
	return code;
}

/* The bucket is empty at first: what is saved up until the first body is little in any case. */
static void
init_limits(struct sl_http_client *client)
{
	uint64_t rate = client->options.limit_rate;
	uint64_t depth = rate / (SL_NS_PER_S / LIMIT_DEPTH_NS);
	if (rate > 0)
		sl_limiter_init(
			&client->limiter, "rate limit", rate, SL_MIN(depth, SL_TOKEN_COUNT_MAX), 0);
	sl_host_limits_init(&client->host_limits, client->options.max_rps_milli);
}

/* Of each connection; 0 = as the kernel adapts it. */
static int
receive_buffer(uint64_t limit_rate)
{
	if (limit_rate == 0 || limit_rate >= LIMIT_DEFAULT_BUFFER)
		return 0;
	return sl_int(SL_MAX(limit_rate, LIMIT_BUFFER_MIN));
}

SL_SUSPENDS
static int
admit(void *ctx, const struct sl_pool_key *key, struct sl_error *err)
{
	return sl_host_limits_take(ctx, key->host, key->taker, err);
}

static int
set_up_connections(struct sl_http_client *client)
{
	const struct sl_http_client_options *options = &client->options;
	struct sl_connections *connections = &client->connections;
	const struct sl_connections_options wanted = {
		.connector = { .receive_buffer = receive_buffer(options->limit_rate),
			.reach = options->reach },
		.pool = { .per_host = options->per_host,
			.total = options->total,
			.tls_memory = options->tls_memory /
				      (sl_proxies_nest_tls(options->proxies) ? 2 : 1),
			.connect_timeout_ns = options->connect_timeout_ns,
			.idle_ns = IDLE_NS,
			.idle_max = SL_MAX(IDLE_MAX, options->per_host),
			.admit = options->max_rps_milli ? admit : NULL,
			.admit_ctx = &client->host_limits },
		.proxies = options->proxies,
		.user_agent = options->user_agent
	};
	connections->stall_timeout_ns = options->stall_timeout_ns;
	connections->is_limited = options->limit_rate > 0;
	return sl_connections_init(connections, &wanted);
}

int
sl_http_client_new(struct sl_http_client **out, const struct sl_http_client_options *options,
	struct sl_error *err)
{
	struct sl_http_client *client = calloc(1, sizeof(*client));
	if (!client)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot set up HTTP");
	client->options = *options;
	if (!client->options.user_agent)
		client->options.user_agent = "sluice/" SL_VERSION;
	if (options->reach.socket)
		client->options.proxies = NULL; /* it stands for the origin, not for a proxy */
	sl_semaphore_init(&client->tls_lock, "TLS setup", 1);
	init_limits(client);
	int code = set_up_connections(client);
	if (code < 0)
		sl_fail_code(err, SL_PHASE_NONE, code, "cannot set up HTTP");
	else if (options->reach.from && !options->reach.socket)
		code = sl_dial_check(options->reach.from, err);
	if (code == 0)
		code = sl_credentials_new(
			&client->authorizer.credentials, &options->credentials, err);
	if (code == 0 && options->cookie_file)
		code = sl_cookie_file_load(&client->cookies, options->cookie_file, now_s(), err);
	if (code == 0 && options->want_tls)
		code = load_tls(client, err);
	if (code < 0) {
		sl_http_client_free(client);
		return code;
	}
	*out = client;
	return 0;
}

void
sl_http_client_free(struct sl_http_client *client)
{
	if (!client)
		return;
	sl_assert(client->exchanges == 0);
	sl_connections_release(&client->connections);
	sl_host_limits_release(&client->host_limits);
	sl_authorizer_release(&client->authorizer);
	sl_cookie_jar_release(&client->cookies);
	sl_tls_free(client->proxy_tls);
	sl_tls_free(client->tls);
	free(client);
}

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

static int
sign(struct chain *chain)
{
	const struct sl_url *url = &chain->exchange->url;
	struct sl_sigv4_variant variant =
		sl_credentials_locate(chain->client->authorizer.credentials, url->host);
	return sl_signature_make(&chain->signature, &variant, &chain->authorization.identity,
		chain->request->method, url, chain->headers, chain->header_count, now_s());
}

/* The value of Authorization, unless the user's own field is sent. A signature has its own. */
static int
authorize(struct chain *chain, struct sl_buf *value, struct sl_error *err)
{
	const struct sl_http_exchange *exchange = chain->exchange;
	sl_signature_release(&chain->signature);
	if (has_header(chain, "Authorization"))
		return 0;
	int code = sl_authorization_make(&chain->authorization, &chain->client->authorizer,
		&exchange->scope, chain->request->url, &exchange->url, chain->request->method,
		value);
	if (!code && chain->authorization.kind == SL_AUTHORIZATION_SIGNED)
		code = sign(chain);
	return code < 0 ? fail_authorization(chain, SL_PHASE_REQUEST, code, err) : 0;
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
		.authorization =
			authorization.data ? authorization.data : chain->signature.value.data,
		.cookies = cookies.data,
		.headers = chain->headers,
		.header_count = chain->header_count,
		.fields = chain->signature.fields,
		.field_count = chain->signature.field_count };
	if (range) {
		snprintf(range_text, sizeof(range_text), "bytes=%llu-%llu",
			(unsigned long long)range->begin, (unsigned long long)range->end - 1);
		request.range = range_text;
		request.if_range = range->unconditional ? NULL : sl_resource_validator(range->of);
	}
	if (!code && !chain->client->tls &&
		sl_route_needs_tls(&chain->client->connections.route, &exchange->url))
		code = load_tls(chain->client, err);
	if (!code)
		code = sl_relay_ask(exchange, &request, err);
	wipe(&authorization);
	wipe(&cookies);
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

/* A part must not be stored as the file, even if the user asked for it. */
static int
fail_part(struct chain *chain, struct sl_error *err)
{
	bool requested = has_header(chain, "Range");
	return sl_exchange_fail(chain->exchange, err, SL_PHASE_HEAD, SL_E_PROTO,
		"the server sent a part of the file (206), %s",
		requested ? "as the header 'Range' asks; only whole files are downloaded: leave "
			    "that header out"
			  : "but no range was requested");
}

static int
refuse_range(struct chain *chain, struct sl_error *err, const char *why)
{
	return sl_exchange_fail(chain->exchange, err, SL_PHASE_HEAD, SL_E_PROTO,
		"the server's answer to a request for a part of the file %s", why);
}

/* A part that is stored at a wrong place, or of another version, would damage the file: nothing is
 * taken from an answer that is not exactly what was requested. */
static int
check_range(struct chain *chain, struct sl_error *err)
{
	struct sl_http_exchange *exchange = chain->exchange;
	const struct sl_http_range *range = chain->request->range;
	struct sl_content_range got;
	struct sl_error cause = { 0 };
	if (sl_content_range_read(&got, &exchange->head, &cause))
		return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_PROTO, "%s", cause.text);
	if (got.is_unsatisfied || got.begin != range->begin || got.end > range->end)
		return refuse_range(chain, err, "has another part");
	uint64_t length = sl_http_body_length(exchange);
	if (length != SL_BODY_UNKNOWN && length != got.end - got.begin)
		return refuse_range(chain, err,
			"announces one length in Content-Range and "
			"another in Content-Length");
	if (sl_head_find(&exchange->head, "Content-Encoding", 0).data)
		return refuse_range(chain, err, "has a content coding, which was not requested");
	exchange->is_range = true;
	exchange->range_total = got.total;
	struct sl_resource resource = sl_http_resource(exchange);
	if (sl_resource_compare(range->of, &resource) == SL_RESOURCE_OTHER)
		return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_CHANGED,
			"the file has changed on the server");
	return 0;
}

/* A 407 of a proxy to which requests themselves go; a server has no say about proxies. */
static const char *
relay_hint(const struct sl_http_exchange *exchange)
{
	const struct sl_proxy_route *relay =
		sl_route_relay(&exchange->connections->route, &exchange->url);
	if (!relay)
		return "";
	return relay->proxy->user
		       ? "; it refused the user name or password for the proxy"
		       : "; give USER:PASSWORD for the proxy with --proxy-user or before its host";
}

/* What the status means for the credentials that were sent, or were not. */
static void
add_hint(struct sl_buf *hint, const struct chain *chain)
{
	const struct sl_head *head = &chain->exchange->head;
	if (head->status == 407) {
		sl_buf_add_str(hint, relay_hint(chain->exchange));
		return;
	}
	if (has_header(chain, "Authorization"))
		return;
	/* S3 answers 403 to requests without credentials. */
	if (head->status == 401 ||
		(head->status == 403 && chain->authorization.identity.is_withheld))
		sl_buf_add_str(hint, sl_authorization_hint(&chain->authorization));
	else
		sl_signature_add_hint(hint, &chain->signature, head, now_s());
}

SL_SUSPENDS
static int
check_answer(struct chain *chain, struct sl_error *err)
{
	int status = chain->exchange->head.status;
	struct sl_buf hint = { 0 };
	if (status == 206)
		return chain->request->range ? check_range(chain, err) : fail_part(chain, err);
	if (status == 200 || status == 203)
		return sl_negotiation_take(chain->exchange, chain->request->codings, err);
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
			return check_answer(chain, err);
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

struct sl_resource
sl_http_resource(const struct sl_http_exchange *exchange)
{
	struct sl_resource resource = {
		.length = exchange->is_range ? exchange->range_total : sl_http_body_length(exchange)
	};
	sl_resource_read(&resource, &exchange->head, now_s());
	return resource;
}

const struct sl_url *
sl_http_final_url(const struct sl_http_exchange *exchange)
{
	return &exchange->url;
}

struct sl_scope
sl_http_scope(const struct sl_http_exchange *exchange)
{
	return exchange->scope;
}

bool
sl_http_is_range(const struct sl_http_exchange *exchange)
{
	return exchange->is_range;
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
