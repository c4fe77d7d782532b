/*
 * The client: one sl_http_open is a chain of exchanges (exchange.c), one for each redirect.
 *
 * Rules: once the chain has left the first origin, its credentials and headers are gone for good
 * (struct chain); a downgrade from https to http needs the user's consent; every chain ends after
 * max_redirects, whatever its targets are. An answer is accepted by its status alone; header fields
 * that describe the content are left to the caller.
 */
#include "sluice/http/client.h"

#include "exchange_int.h"
#include "host_limit_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/base/redact.h"
#include "sluice/base/text.h"
#include "sluice/http/header.h"
#include "sluice/http/request.h"
#include "sluice/http/retry_after.h"
#include "sluice/net/tls.h"
#include "sluice/rt/semaphore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Idle connections older than this are closed. Servers close theirs sooner or later than that; each
 * connection is checked before it is used again. */
#define IDLE_NS (30 * SL_NS_PER_S)

#define SHOWN_MAX 200 /* bytes of a server's text in a message */

/* Of the body of an error, with -v; and how long to wait for it. */
#define BODY_SHOWN 200
#define BODY_SHOWN_NS (2 * SL_NS_PER_S)

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
	struct sl_connector *connector;
	struct sl_route route;
	struct sl_pool *pool;
	struct sl_tls *tls;
	struct sl_semaphore tls_lock; /* one task loads TLS, the others wait for it */
	struct sl_limiter limiter;    /* with options.limit_rate */
	struct sl_host_limits host_limits;
	unsigned exchanges;
};

/* One sl_http_open over all its hops. */
struct chain {
	struct sl_http_client *client;
	const struct sl_http_request *request;
	struct sl_http_exchange *exchange;
	struct sl_http_header *headers; /* from the user; those that may still be sent */
	size_t header_count;
	unsigned hops;
};

/* ---- client ---- */

SL_SUSPENDS
static int
load_tls(struct sl_http_client *client, struct sl_error *err)
{
	int code = sl_semaphore_take(&client->tls_lock, SL_FOREVER);
	if (code < 0)
		return sl_fail_code(err, SL_PHASE_TLS, code, "cannot set up TLS");
	if (!client->tls) {
		code = sl_tls_new(&client->tls, client->options.cacert, err);
		if (code == 0)
			sl_connector_set_tls(client->connector, client->tls);
		else
			client->tls = NULL;
	}
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
	struct sl_connector_options connector = { .receive_buffer =
							  receive_buffer(options->limit_rate) };
	struct sl_pool_options pool = { .per_host = options->per_host,
		.total = options->total,
		.tls_memory = options->tls_memory,
		.connect_timeout_ns = options->connect_timeout_ns,
		.idle_ns = IDLE_NS,
		.admit = options->max_rps_milli ? admit : NULL,
		.admit_ctx = &client->host_limits };
	int code = sl_connector_new(&client->connector, &connector);
	if (code == 0)
		code = sl_route_init(
			&client->route, client->connector, options->proxies, options->user_agent);
	if (sl_route_has_nested_tls(&client->route))
		pool.tls_memory /= 2;
	return code < 0 ? code : sl_pool_new(&client->pool, &pool);
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
	sl_semaphore_init(&client->tls_lock, "TLS setup", 1);
	init_limits(client);
	int code = set_up_connections(client);
	if (code < 0)
		sl_fail_code(err, SL_PHASE_NONE, code, "cannot set up HTTP");
	else if (options->want_tls)
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
	sl_pool_free(client->pool);
	sl_route_release(&client->route);
	sl_connector_free(client->connector);
	sl_host_limits_release(&client->host_limits);
	sl_tls_free(client->tls);
	free(client);
}

/* ---- requests ---- */

SL_SUSPENDS
static int
send_request(struct chain *chain, struct sl_error *err)
{
	struct sl_http_exchange *exchange = chain->exchange;
	const struct sl_url *first = chain->request->url;
	const struct sl_http_range *range = chain->request->range;
	struct sl_error cause = { 0 };
	struct sl_buf text = { 0 };
	char range_text[64];
	struct sl_request request = { .method = chain->request->method,
		.url = &exchange->url,
		.user_agent = chain->client->options.user_agent,
		.user = exchange->left_origin ? NULL : first->user,
		.password = exchange->left_origin ? NULL : first->password,
		.headers = chain->headers,
		.header_count = chain->header_count };
	int code = 0;
	if (range) {
		snprintf(range_text, sizeof(range_text), "bytes=%llu-%llu",
			(unsigned long long)range->begin, (unsigned long long)range->end - 1);
		request.range = range_text;
		request.if_range = range->unconditional ? NULL : sl_resource_validator(range->of);
	}
	request.relay = sl_route_relay(&chain->client->route, &exchange->url);
	if (!chain->client->tls && sl_route_needs_tls(&chain->client->route, &exchange->url))
		code = load_tls(chain->client, err);
	if (code < 0)
		return code;
	code = sl_request_format(&text, &request, &cause);
	if (code < 0)
		sl_exchange_fail(exchange, err, SL_PHASE_REQUEST, code, "%s", cause.text);
	else
		code = sl_exchange_ask(exchange, sl_buf_span(&text), err);
	if (text.data)
		explicit_bzero(text.data, text.len);
	sl_buf_release(&text);
	return code;
}

/* ---- redirects ---- */

static bool
is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int
refuse_redirect(struct chain *chain, struct sl_error *err, const char *why)
{
	return sl_exchange_fail(chain->exchange, err, SL_PHASE_HEAD, SL_E_REDIRECT,
		"redirect (%d) refused: %s", chain->exchange->head.status, why);
}

static int
refuse_target(
	struct chain *chain, const struct sl_url *target, struct sl_error *err, const char *why)
{
	struct sl_buf shown = { 0 };
	sl_exchange_show_url(&shown, target);
	int code = sl_exchange_fail(chain->exchange, err, SL_PHASE_HEAD, SL_E_REDIRECT,
		"redirect (%d) to '%s' refused: %s", chain->exchange->head.status,
		shown.data ? shown.data : "", why);
	sl_buf_release(&shown);
	return code;
}

/* The Location; equal ones count as one. */
static int
read_location(struct chain *chain, struct sl_span *location, struct sl_error *err)
{
	const struct sl_head *head = &chain->exchange->head;
	*location = sl_head_find(head, "Location", 0);
	if (location->len == 0)
		return refuse_redirect(chain, err, "it has no Location");
	for (size_t nth = 1;; nth++) {
		struct sl_span other = sl_head_find(head, "Location", nth);
		if (!other.data)
			return 0;
		if (!sl_span_equal(*location, other))
			return refuse_redirect(chain, err, "it has two different Locations");
	}
}

static bool
is_same_url(const struct sl_url *a, const struct sl_url *b)
{
	return sl_url_same_origin(a, b) && strcmp(a->target, b->target) == 0;
}

static int
check_target(struct chain *chain, const struct sl_url *target, struct sl_error *err)
{
	const struct sl_http_client_options *options = &chain->client->options;
	bool downgrade =
		chain->exchange->url.scheme == SL_SCHEME_HTTPS && target->scheme == SL_SCHEME_HTTP;
	/* A redirect to the URL itself is not refused earlier: some sites let a client in after a
	 * few of them. */
	if (chain->hops == options->max_redirects)
		return refuse_target(chain, target, err,
			is_same_url(&chain->exchange->url, target)
				? "it leads to itself and exceeds --max-redirs; the site may need "
				  "cookies, which are not supported"
				: "it exceeds --max-redirs");
	if (downgrade && !options->allow_downgrade)
		return refuse_target(chain, target, err,
			"it leads from https to http (--allow-downgrade permits that)");
	return 0;
}

/* An allow list: services use any name for the header that holds a key. */
static bool
is_harmless(struct sl_span name)
{
	static const char *const names[] = { "User-Agent", "Accept", "Accept-Language",
		"Accept-Encoding", "Accept-Charset", "Cache-Control", "Pragma", "Range", "If-Range",
		"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "DNT" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++)
		if (sl_span_is_nocase(name, names[i]))
			return true;
	return false;
}

/* Another origin gets none of the user's secrets, nor the Host that was set for the first. */
static void
leave_origin(struct chain *chain)
{
	size_t kept = 0;
	chain->exchange->left_origin = true; /* never reset, also if the chain returns */
	for (size_t i = 0; i < chain->header_count; i++) {
		struct sl_http_header header = chain->headers[i];
		if (is_harmless(header.name))
			chain->headers[kept++] = header;
	}
	chain->header_count = kept;
}

static int
resolve_target(struct chain *chain, struct sl_url *target, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	struct sl_span location;
	int code = read_location(chain, &location, err);
	if (code < 0)
		return code;
	code = sl_url_resolve(target, &chain->exchange->url, location, &cause);
	if (code == -ENOMEM)
		return sl_exchange_fail(
			chain->exchange, err, SL_PHASE_HEAD, code, "%s", cause.text);
	return code < 0 ? refuse_redirect(chain, err, cause.text) : 0;
}

/* Set the exchange's URL to the target of the redirect. */
SL_SUSPENDS
static int
redirect(struct chain *chain, struct sl_error *err)
{
	struct sl_url *url = &chain->exchange->url;
	struct sl_url target = { 0 };
	int code = resolve_target(chain, &target, err);
	if (code == 0)
		code = check_target(chain, &target, err);
	if (code < 0) {
		sl_url_release(&target);
		return code;
	}
	chain->hops++;
	if (!sl_url_same_origin(url, &target))
		leave_origin(chain);
	sl_exchange_drain(chain->exchange);
	sl_url_release(url);
	*url = target;
	return 0;
}

/* ---- answers that are not the file ---- */

/* No URL as an example: redaction would mask its user and password. */
static const char *
status_hint(int status)
{
	if (status == 407)
		return "; give USER:PASSWORD for the proxy with --proxy-user or before its host";
	return status == 401 ? "; give credentials as USER:PASSWORD@ before the host in the URL"
			     : "";
}

static void
add_field(struct sl_buf *out, const struct sl_head *head, const char *name)
{
	struct sl_span value = sl_head_find(head, name, 0);
	if (value.len == 0)
		return;
	sl_buf_printf(out, " (%s: ", name);
	sl_text_show(out, value, SHOWN_MAX);
	sl_buf_add_str(out, ")");
}

static bool
has_suffix(struct sl_span type, const char *suffix)
{
	size_t len = strlen(suffix);
	return type.len > len &&
	       sl_span_is_nocase(sl_span(type.data + type.len - len, len), suffix);
}

/* Text, XML and JSON; the first bytes of HTML tell nothing. */
static bool
is_readable(struct sl_span type)
{
	if (sl_span_is_nocase(type, "text/html") || has_suffix(type, "/xhtml+xml"))
		return false;
	return (type.len > 5 && sl_span_is_nocase(sl_span(type.data, 5), "text/")) ||
	       sl_span_is_nocase(type, "application/json") ||
	       sl_span_is_nocase(type, "application/xml") || has_suffix(type, "+json") ||
	       has_suffix(type, "+xml");
}

/* The start of the body that is left, at most `cap` bytes. */
SL_SUSPENDS
static size_t
read_start(struct sl_http_exchange *exchange, char *data, size_t cap)
{
	struct sl_deadline scope;
	size_t len = 0;
	int got = 1;
	sl_deadline_begin(&scope, sl_deadline_in(BODY_SHOWN_NS));
	while (len < cap && got > 0) {
		got = sl_http_read(exchange, data + len, cap - len, NULL);
		len += got > 0 ? (size_t)got : 0;
	}
	sl_deadline_end(&scope);
	return len;
}

/* In one line, and without secrets. */
static void
add_document(struct sl_buf *out, struct sl_span text)
{
	struct sl_buf line = { 0 };
	for (size_t i = 0; i < text.len; i++) {
		bool blank = memchr(" \t\r\n", text.data[i], 4);
		if (!blank)
			sl_buf_add_char(&line, text.data[i]);
		else if (line.len > 0 && line.data[line.len - 1] != ' ')
			sl_buf_add_char(&line, ' ');
	}
	struct sl_buf clean = { 0 };
	sl_redact_document(&clean, sl_span_trim(sl_buf_span(&line)));
	sl_text_make_safe(out, sl_buf_span(&clean));
	sl_buf_release(&clean);
	sl_buf_release(&line);
}

/* Servers explain an error in its body: shown with -v. */
SL_SUSPENDS
static void
add_body(struct sl_buf *out, struct sl_http_exchange *exchange)
{
	char data[BODY_SHOWN + 3]; /* all of the character that the cut may be in */
	if (sl_log_level() < SL_LOG_INFO || !is_readable(sl_header_media_type(&exchange->head)) ||
		sl_head_find(&exchange->head, "Content-Encoding", 0).data)
		return;
	size_t len = read_start(exchange, data, sizeof(data));
	if (len == 0)
		return;
	sl_buf_add_str(out, "; the response begins: ");
	add_document(out, sl_span(data, sl_text_cut(sl_span(data, len), BODY_SHOWN)));
}

/* 403 is for good, unless it comes with a limit that was reached. */
static unsigned
wait_of(const struct sl_head *head, int64_t now_s)
{
	unsigned seconds = sl_u32(sl_retry_after_read(head, now_s));
	if (head->status != 403)
		return seconds;
	return sl_retry_after_is_limit(head, now_s) ? SL_MAX(seconds, 1u) : 0;
}

SL_SUSPENDS
static int
fail_status(struct chain *chain, struct sl_error *err)
{
	struct sl_http_exchange *exchange = chain->exchange;
	int status = exchange->head.status;
	struct sl_span reason = sl_head_reason(&exchange->head);
	struct sl_buf words = { 0 };
	bool first = err && !err->code;
	if (reason.len > 0)
		sl_buf_add_str(&words, " ");
	sl_text_show(&words, reason, SHOWN_MAX);
	if (chain->request->range)
		sl_buf_add_str(&words, " to a request for a range");
	sl_buf_add_str(&words, status_hint(status));
	add_field(&words, &exchange->head, "Retry-After");
	add_body(&words, exchange);
	sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_STATUS, "the server answered %d%s",
		status, words.data ? words.data : "");
	if (first) {
		int64_t now_s = (int64_t)(sl_clock_wall_ns() / SL_NS_PER_S);
		err->http_status = status;
		err->retry_after_s = wait_of(&exchange->head, now_s);
	}
	sl_buf_release(&words);
	return SL_E_STATUS;
}

/* A part must not be stored as the file, even if the user asked for it. */
static int
fail_part(struct chain *chain, struct sl_error *err)
{
	bool requested = false;
	for (size_t i = 0; i < chain->header_count; i++)
		requested = requested || sl_span_is_nocase(chain->headers[i].name, "Range");
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
	exchange->range_off = got.begin;
	exchange->range_total = got.total;
	struct sl_resource resource = sl_http_resource(exchange);
	if (sl_resource_compare(range->of, &resource) == SL_RESOURCE_OTHER)
		return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_CHANGED,
			"the file has changed on the server");
	return 0;
}

SL_SUSPENDS
static int
check_answer(struct chain *chain, struct sl_error *err)
{
	int status = chain->exchange->head.status;
	if (status == 206)
		return chain->request->range ? check_range(chain, err) : fail_part(chain, err);
	if (status != 200 && status != 203)
		return fail_status(chain, err);
	return 0;
}

/* ---- exchanges ---- */

SL_SUSPENDS
static int
follow(struct chain *chain, struct sl_error *err)
{
	for (;;) {
		int code = send_request(chain, err);
		if (code < 0)
			return code;
		sl_log_debug("%s answered %d", chain->exchange->peer, chain->exchange->head.status);
		if (!is_redirect(chain->exchange->head.status))
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
	size_t count = chain->request->header_count;
	chain->exchange = exchange;
	if (!exchange)
		return -ENOMEM;
	exchange->client = chain->client;
	exchange->pool = chain->client->pool;
	exchange->route = &chain->client->route;
	exchange->stall_timeout_ns = chain->client->options.stall_timeout_ns;
	exchange->limiter = chain->client->options.limit_rate ? &chain->client->limiter : NULL;
	exchange->limited =
		chain->request->limited ? chain->request->limited : &exchange->limited_read;
	exchange->is_head = strcmp(chain->request->method, "HEAD") == 0;
	chain->client->exchanges++;
	sl_head_init(&exchange->head);
	chain->headers = calloc(SL_MAX(count, (size_t)1), sizeof(*chain->headers));
	if (!chain->headers || sl_url_copy(&exchange->url, chain->request->url) < 0)
		return -ENOMEM;
	sl_url_drop_userinfo(&exchange->url);
	for (size_t i = 0; i < count; i++)
		chain->headers[i] = chain->request->headers[i];
	chain->header_count = count;
	if (chain->request->left_origin)
		leave_origin(chain);
	return 0;
}

struct sl_resource
sl_http_resource(const struct sl_http_exchange *exchange)
{
	struct sl_resource resource = {
		.length = exchange->is_range ? exchange->range_total : sl_http_body_length(exchange)
	};
	sl_resource_read(&resource, &exchange->head, (int64_t)(sl_clock_wall_ns() / SL_NS_PER_S));
	return resource;
}

const struct sl_url *
sl_http_final_url(const struct sl_http_exchange *exchange)
{
	return &exchange->url;
}

bool
sl_http_left_origin(const struct sl_http_exchange *exchange)
{
	return exchange->left_origin;
}

bool
sl_http_is_range(const struct sl_http_exchange *exchange)
{
	return exchange->is_range;
}

void
sl_http_close(struct sl_http_exchange *exchange)
{
	sl_exchange_drop(exchange);
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
	free(chain.headers);
	return code;
}
