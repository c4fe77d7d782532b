#include "sluice/http/client.h"

#include "exchange_int.h"

#include "sluice/base/log.h"
#include "sluice/base/redact.h"
#include "sluice/base/text.h"
#include "sluice/http/header.h"
#include "sluice/http/request.h"
#include "sluice/net/tls.h"
#include "sluice/rt/semaphore.h"

#include <errno.h>
#include <stdlib.h>

/* Idle connections older than this are closed: most servers close theirs sooner or later than that,
 * and each is looked at before it is used. */
#define IDLE_NS (30 * SL_NS_PER_S)

#define SHOWN_MAX 200 /* bytes of a server's words in a message */

struct sl_http_client {
	struct sl_http_client_options options;
	struct sl_pool *pool;
	struct sl_tls *tls;
	struct sl_semaphore tls_lock; /* one task loads TLS, the others wait for it */
	unsigned exchanges;
};

/* One sl_http_open over all its hops. */
struct chain {
	struct sl_http_client *client;
	const struct sl_http_request *request;
	struct sl_http_exchange *exchange;
	struct sl_http_header *headers; /* of the user; those that still may be sent */
	size_t header_count;
	bool left_origin; /* never reset: what was dropped stays dropped, also back at home */
	unsigned hops;
	struct sl_buf visited; /* "\nURL\nURL\n" */
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
			sl_pool_set_tls(client->pool, client->tls);
		else
			client->tls = NULL;
	}
	sl_semaphore_give(&client->tls_lock);
	return code;
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
	struct sl_pool_options pool = { .per_host = options->per_host,
		.total = options->total,
		.tls_memory = options->tls_memory,
		.connect_timeout_ns = options->connect_timeout_ns,
		.idle_ns = IDLE_NS };
	int code = sl_pool_new(&client->pool, &pool);
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
	sl_tls_free(client->tls);
	free(client);
}

/* ---- asking ---- */

SL_SUSPENDS
static int
ask(struct chain *chain, struct sl_error *err)
{
	struct sl_http_exchange *exchange = chain->exchange;
	const struct sl_url *first = chain->request->url;
	struct sl_error cause = { 0 };
	struct sl_buf text = { 0 };
	struct sl_request request = { .method = chain->request->method,
		.url = &exchange->url,
		.user_agent = chain->client->options.user_agent,
		.user = chain->left_origin ? NULL : first->user,
		.password = chain->left_origin ? NULL : first->password,
		.headers = chain->headers,
		.header_count = chain->header_count };
	int code = 0;
	if (exchange->url.scheme == SL_SCHEME_HTTPS && !chain->client->tls)
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

/* The one Location there is; two that agree are one. */
static int
read_location(struct chain *chain, struct sl_span *location, struct sl_error *err)
{
	const struct sl_head *head = &chain->exchange->head;
	*location = sl_head_find(head, "Location", 0);
	if (location->len == 0)
		return refuse_redirect(chain, err, "the server does not say where to");
	for (size_t nth = 1;; nth++) {
		struct sl_span other = sl_head_find(head, "Location", nth);
		if (!other.data)
			return 0;
		if (!sl_span_equal(*location, other))
			return refuse_redirect(chain, err, "the server names two different places");
	}
}

/* Note the URL as visited. Returns true if it was before. */
static bool
visit(struct chain *chain, const struct sl_url *url)
{
	struct sl_buf line = { 0 };
	sl_buf_add_str(&line, "\n");
	sl_url_format(&line, url);
	sl_buf_add_str(&line, "\n");
	bool seen = chain->visited.len > 0 && !line.failed &&
		    memmem(chain->visited.data, chain->visited.len, line.data, line.len);
	sl_buf_add_span(&chain->visited, sl_buf_span(&line));
	sl_buf_release(&line);
	return seen;
}

static int
check_target(struct chain *chain, const struct sl_url *target, struct sl_error *err)
{
	const struct sl_http_client_options *options = &chain->client->options;
	bool downgrade =
		chain->exchange->url.scheme == SL_SCHEME_HTTPS && target->scheme == SL_SCHEME_HTTP;
	if (chain->hops == options->max_redirects)
		return refuse_target(chain, target, err, "it is one more than --max-redirs allows");
	if (downgrade && !options->allow_downgrade)
		return refuse_target(chain, target, err,
			"it leads from https to http; --allow-downgrade allows that");
	if (visit(chain, target))
		return refuse_target(chain, target, err, "the redirects go round in a circle");
	return 0;
}

/* Only what is surely no secret: who knows what a service calls its keys. */
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

/* Another origin gets none of the user's secrets, and not the Host that was meant for the first. */
static void
leave_origin(struct chain *chain)
{
	size_t kept = 0;
	chain->left_origin = true;
	for (size_t i = 0; i < chain->header_count; i++) {
		struct sl_http_header header = chain->headers[i];
		if (is_harmless(header.name))
			chain->headers[kept++] = header;
	}
	chain->header_count = kept;
}

/* Where the path begins, or what there is of it. */
static size_t
authority_len(struct sl_span location)
{
	const char *start = memmem(location.data, location.len, "//", 2);
	const char *query = memchr(location.data, '?', location.len);
	bool has_authority =
		start && (start == location.data || start[-1] == ':') && (!query || start < query);
	if (!has_authority)
		return 0;
	size_t before = (size_t)(start - location.data) + 2;
	const char *path = memchr(location.data + before, '/', location.len - before);
	return path ? (size_t)(path - location.data) : location.len;
}

/* Servers send names of files as they are: a blank in them is what %20 means, as to browsers. One
 * in a host stays, and is refused. */
static void
add_without_blanks(struct sl_buf *out, struct sl_span location)
{
	size_t authority = authority_len(location);
	for (size_t i = 0; i < location.len; i++) {
		if (location.data[i] == ' ' && i >= authority)
			sl_buf_add_str(out, "%20");
		else
			sl_buf_add_char(out, location.data[i]);
	}
}

static int
resolve_target(struct chain *chain, struct sl_url *target, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	struct sl_span location;
	struct sl_buf text = { 0 };
	int code = read_location(chain, &location, err);
	if (code < 0)
		return code;
	add_without_blanks(&text, location);
	code = text.failed
		       ? -ENOMEM
		       : sl_url_resolve(target, &chain->exchange->url, sl_buf_span(&text), &cause);
	sl_buf_release(&text);
	if (code == -ENOMEM)
		return sl_exchange_fail(
			chain->exchange, err, SL_PHASE_HEAD, code, "%s", cause.text);
	return code < 0 ? refuse_redirect(chain, err, cause.text) : 0;
}

/* Point the exchange at where the answer sends it. */
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

/* ---- judging the answer ---- */

static const char *
status_hint(int status)
{
	switch (status) {
	case 401:
		return "; credentials are given as https://user:password@host/";
	case 429:
	case 503:
		return "; try again later";
	default:
		return "";
	}
}

static int
fail_status(struct chain *chain, struct sl_error *err)
{
	const struct sl_head *head = &chain->exchange->head;
	struct sl_span reason = sl_head_reason(head);
	struct sl_buf shown = { 0 };
	bool first = err && !err->code;
	sl_text_make_safe(&shown, sl_span(reason.data, SL_MIN(reason.len, (size_t)SHOWN_MAX)));
	sl_exchange_fail(chain->exchange, err, SL_PHASE_HEAD, SL_E_STATUS,
		"the server answered %d%s%s%s", head->status, shown.len ? " " : "",
		shown.len ? shown.data : "", status_hint(head->status));
	if (first)
		err->http_status = head->status;
	sl_buf_release(&shown);
	return SL_E_STATUS;
}

static bool
ends_with(struct sl_span text, const char *end)
{
	size_t len = strlen(end);
	return text.len >= len &&
	       sl_span_equal_nocase(sl_span(text.data + text.len - len, len), sl_span(end, len));
}

/*
 * Codings that leave the bytes of the file as they are: none at all, by whatever name servers and
 * object stores give it, and the gzip that some call what the file itself is (*.tar.gz).
 */
static bool
is_no_coding(const struct chain *chain, struct sl_span coding)
{
	static const char *const none[] = { "identity", "none", "binary", "utf-8", "aws-chunked" };
	for (size_t i = 0; i < SL_COUNT_OF(none); i++)
		if (sl_span_is_nocase(coding, none[i]))
			return true;
	const char *target = chain->request->url->target;
	struct sl_span path = sl_span(target, strcspn(target, "?"));
	bool is_gzip = sl_span_is_nocase(coding, "gzip") || sl_span_is_nocase(coding, "x-gzip");
	return is_gzip && (ends_with(path, ".gz") || ends_with(path, ".tgz"));
}

/* Only identity was asked for; stored as it is, a coded body would not be the file. */
static int
check_coding(struct chain *chain, struct sl_error *err)
{
	struct sl_header_list list;
	struct sl_span coding;
	sl_header_list_init(&list, &chain->exchange->head, "Content-Encoding");
	while (sl_header_list_next(&list, &coding)) {
		if (is_no_coding(chain, coding))
			continue;
		struct sl_buf shown = { 0 };
		sl_text_make_safe(
			&shown, sl_span(coding.data, SL_MIN(coding.len, (size_t)SHOWN_MAX)));
		sl_exchange_fail(chain->exchange, err, SL_PHASE_HEAD, SL_E_PROTO,
			"the server sends it with Content-Encoding '%s', which was not asked for",
			shown.data ? shown.data : "");
		sl_buf_release(&shown);
		return SL_E_PROTO;
	}
	return 0;
}

static int
judge(struct chain *chain, struct sl_error *err)
{
	int status = chain->exchange->head.status;
	if (status == 206)
		return sl_exchange_fail(chain->exchange, err, SL_PHASE_HEAD, SL_E_PROTO,
			"the server sends a part (206) although all was asked for");
	if (status != 200 && status != 203)
		return fail_status(chain, err);
	return check_coding(chain, err);
}

/* ---- exchanges ---- */

SL_SUSPENDS
static int
follow(struct chain *chain, struct sl_error *err)
{
	visit(chain, &chain->exchange->url);
	for (;;) {
		int code = ask(chain, err);
		if (code < 0)
			return code;
		sl_log_debug("%s answered %d", chain->exchange->peer, chain->exchange->head.status);
		if (!is_redirect(chain->exchange->head.status))
			return judge(chain, err);
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
	exchange->stall_timeout_ns = chain->client->options.stall_timeout_ns;
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
	return 0;
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
		*out = chain.exchange;
	} else if (chain.exchange) {
		/* An error page that is small is read, so that the next file needs no new
		 * connection. */
		if (code == SL_E_STATUS)
			sl_exchange_drain(chain.exchange);
		sl_http_close(chain.exchange);
	}
	free(chain.headers);
	sl_buf_release(&chain.visited);
	return code;
}
