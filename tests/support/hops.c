/*
 * hops.c - what a server answers follows from how many requests of origins were answered before:
 * the client is one task, so requests come one after the other.
 */
#include "support/hops.h"

#include "support/peer.h"
#include "support/scratch.h"

#include "sluice/http/user_field.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TEXT_MAX 2048
#define BODY "hello"     /* Content-Length has its length */
#define TLS_HANDSHAKE 22 /* the type of a record, RFC 8446 5.1 */

struct hops {
	const struct hops_row *row;
	struct peer servers[HOPS_SERVERS];
	SSL_CTX *tls;
	pthread_mutex_t lock;
	unsigned url; /* the one that is asked for next */
	char got[TEXT_MAX];
	/* of the client */
	struct sl_http_client *client;
	struct sl_http_client_options options;
	struct sl_resolve_list resolve;
	struct sl_proxies proxies;
	struct sl_url typed[HOPS_ORIGINS], named[HOPS_ORIGINS];
	struct sl_http_header header, own_header;
	struct sl_error err;
};

struct stream {
	int fd;
	SSL *ssl;
};

/* ---- texts ---- */

/* "$N" becomes the port of server N. */
static void
expand(const struct hops *hops, char out[TEXT_MAX], const char *text)
{
	size_t len = 0;
	for (; *text && len < TEXT_MAX - 8; text++) {
		if (*text == '$' && text[1] >= '0' && text[1] < '0' + HOPS_SERVERS)
			len += (size_t)snprintf(
				out + len, 8, "%u", hops->servers[*++text - '0'].port);
		else
			out[len++] = *text;
	}
	out[len] = '\0';
}

/* The value of a field of a request, in `out`; false if there is none. */
static bool
find_field(const char *request, const char *name, char out[512])
{
	size_t len = strlen(name);
	for (const char *line = strstr(request, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
			continue;
		const char *value = line + 2 + len + 1;
		value += strspn(value, " ");
		snprintf(out, 512, "%.*s", (int)strcspn(value, "\r"), value);
		return true;
	}
	return false;
}

static void
append(char out[TEXT_MAX], const char *text)
{
	size_t len = strlen(out);
	snprintf(out + len, TEXT_MAX - len, "%s", text);
}

/* "user:password", "Bearer T" or "Digest user". */
static void
describe_credentials(char out[TEXT_MAX], const char *value)
{
	unsigned char text[512] = "";
	const char *user = strstr(value, "username=\"");
	if (strncmp(value, "Basic ", 6) == 0 && strlen(value) < 500) {
		EVP_DecodeBlock(text, (const unsigned char *)value + 6, (int)strlen(value) - 6);
		append(out, (const char *)text);
	} else if (strncmp(value, "Digest ", 7) == 0 && user) {
		user += strlen("username=\"");
		snprintf((char *)text, sizeof(text), "Digest %.*s", (int)strcspn(user, "\""), user);
		append(out, (const char *)text);
	} else {
		append(out, value);
	}
}

/* What a request has of the fields that may hold secrets: credentials alone, others as "Name=...",
 * with ", " between; "-" for none. */
static void
describe(char out[TEXT_MAX], const char *request)
{
	static const struct {
		const char *name, *prefix;
		bool is_credentials;
	} fields[] = { { "Proxy-Authorization", "proxy ", true }, { "Authorization", "", true },
		{ "Cookie", "Cookie=", false }, { "Referer", "Referer=", false },
		{ "X-Key", "X-Key=", false } };
	bool is_first = true;
	char value[512];
	for (size_t i = 0; i < SL_COUNT_OF(fields); i++) {
		if (!find_field(request, fields[i].name, value))
			continue;
		append(out, is_first ? "" : ", ");
		append(out, fields[i].prefix);
		if (fields[i].is_credentials)
			describe_credentials(out, value);
		else
			append(out, value);
		is_first = false;
	}
	append(out, is_first ? "-" : "");
}

/* ---- servers ---- */

static bool
read_request(const struct stream *stream, char text[TEXT_MAX])
{
	size_t len = 0;
	while (len < TEXT_MAX - 1) {
		int n = stream->ssl ? SSL_read(stream->ssl, text + len, 1)
				    : (int)recv(stream->fd, text + len, 1, 0);
		if (n <= 0)
			return false;
		text[++len] = '\0';
		if (len >= 4 && strcmp(text + len - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static void
answer(const struct stream *stream, const char *text)
{
	if (stream->ssl)
		(void)SSL_write(stream->ssl, text, (int)strlen(text));
	else
		(void)send(stream->fd, text, strlen(text), MSG_NOSIGNAL);
}

static bool
is_digest(const char *request, const char *name)
{
	char value[512];
	return find_field(request, name, value) && strncmp(value, "Digest ", 7) == 0;
}

/* A refusal that asks for credentials in the answer to a challenge. */
static void
refuse(char out[TEXT_MAX], const char *status, const char *field, const char *challenge)
{
	snprintf(out, TEXT_MAX, "HTTP/1.1 %s x\r\n%s: %s\r\nContent-Length: 0\r\n\r\n", status,
		field, challenge);
}

/* The redirect of a URL to the next one, or the file. */
static void
respond_as_origin(struct hops *hops, unsigned url, char out[TEXT_MAX])
{
	const struct hops_row *row = hops->row;
	const char *next = url + 1 < HOPS_URLS ? row->urls[url + 1] : NULL;
	bool is_redirect = next && next[0] != '+';
	char text[TEXT_MAX];
	hops->url++;
	snprintf(out, TEXT_MAX, "HTTP/1.1 %s x\r\n", is_redirect ? "302" : "200");
	append(out, row->fields[url] ? row->fields[url] : "");
	if (is_redirect) {
		expand(hops, text, next);
		append(out, "Location: ");
		append(out, text);
		append(out, "\r\nContent-Length: 0\r\n\r\n");
	} else {
		append(out, "Content-Length: 5\r\n\r\n" BODY);
	}
}

/* The response to a request for the current URL, which it may end. */
static void
respond(struct hops *hops, const char *request, bool is_connect, char out[TEXT_MAX])
{
	const struct hops_row *row = hops->row;
	unsigned url = hops->url < HOPS_URLS ? hops->url : HOPS_URLS - 1;
	const char *challenge = row->challenges[url], *proxy = row->proxy_challenges[url];
	if (proxy && !is_digest(request, "Proxy-Authorization"))
		refuse(out, "407", "Proxy-Authenticate", proxy);
	else if (is_connect)
		snprintf(out, TEXT_MAX, "%s",
			row->connect_reply ? row->connect_reply : "HTTP/1.1 200 x\r\n\r\n");
	else if (challenge && !is_digest(request, "Authorization"))
		refuse(out, "401", "WWW-Authenticate", challenge);
	else
		respond_as_origin(hops, url, out);
}

/* Host is that of the URL, whatever way the request takes. */
static void
check_host(const struct hops *hops, const char *request)
{
	struct sl_url url;
	struct sl_buf authority = { 0 };
	char text[TEXT_MAX], host[512] = "";
	const char *from = hops->url < HOPS_URLS ? hops->row->urls[hops->url] : NULL;
	cr_assert_not_null(from, "a request too many: %s", request);
	if (hops->row->own_header && strncmp(hops->row->own_header, "Host:", 5) == 0)
		return;
	expand(hops, text, from + (from[0] == '+'));
	if (sl_url_parse(&url, sl_span_str(text), NULL) == 0) {
		sl_url_format_authority(&authority, &url);
		find_field(request, "Host", host);
		cr_expect_str_eq(host, authority.data, "%s", from);
		sl_url_release(&url);
	}
	sl_buf_release(&authority);
}

static void
note(struct hops *hops, size_t server, const struct stream *stream, const char *request)
{
	char text[64];
	bool is_connect = strncmp(request, "CONNECT ", 8) == 0;
	bool is_absolute = strncmp(request, "GET http", 8) == 0;
	snprintf(text, sizeof(text), "%s%zu%s%s: ", hops->got[0] ? "; " : "", server,
		stream->ssl ? "s" : "",
		is_connect    ? " CONNECT"
		: is_absolute ? " absolute"
			      : "");
	append(hops->got, text);
	describe(hops->got, request);
	if (!is_connect)
		check_host(hops, request);
}

/* TLS, if that is what comes. False for a connection that ends. */
static bool
begin_tls(struct hops *hops, struct stream *stream)
{
	char first;
	if (recv(stream->fd, &first, 1, MSG_PEEK) != 1)
		return false;
	if (first != TLS_HANDSHAKE)
		return true;
	stream->ssl = peer_tls_accept(hops->tls, stream->fd);
	return stream->ssl != NULL;
}

static void
serve(struct peer *peer, int fd)
{
	struct hops *hops = peer->ctx;
	struct stream stream = { .fd = fd };
	char request[TEXT_MAX], response[TEXT_MAX];
	bool goes_on = begin_tls(hops, &stream);
	while (goes_on && read_request(&stream, request)) {
		bool is_connect = strncmp(request, "CONNECT ", 8) == 0;
		pthread_mutex_lock(&hops->lock);
		note(hops, (size_t)(peer - hops->servers), &stream, request);
		respond(hops, request, is_connect, response);
		pthread_mutex_unlock(&hops->lock);
		answer(&stream, response);
		if (is_connect && strstr(response, " 200 "))
			goes_on = begin_tls(hops, &stream);
	}
	if (stream.ssl)
		SSL_shutdown(stream.ssl);
	SSL_free(stream.ssl);
}

/* ---- the client ---- */

static size_t
parse_origins(const struct hops *hops, struct sl_url *out, const char *const *texts)
{
	size_t count = 0;
	for (; count < HOPS_ORIGINS && texts[count]; count++) {
		char text[TEXT_MAX];
		expand(hops, text, texts[count]);
		cr_assert_eq(sl_url_parse(&out[count], sl_span_str(text), NULL), 0, "%s", text);
	}
	return count;
}

/* The name of a file with this text; NULL for none. */
static const char *
file_of(const char *name, const char *text)
{
	if (!text)
		return NULL;
	scratch_write_text(name, text);
	cr_assert_eq(chmod(name, 0600), 0);
	return name;
}

static _Thread_local const struct hops *environment_of;
static _Thread_local char environment_text[TEXT_MAX];

static char *
environment(const char *name)
{
	const struct hops_row *row = environment_of->row;
	const char *text = strcmp(name, "http_proxy") == 0    ? row->http_proxy
			   : strcmp(name, "https_proxy") == 0 ? row->https_proxy
							      : NULL;
	if (!text)
		return NULL;
	expand(environment_of, environment_text, text);
	return environment_text;
}

static void
choose_proxies(struct hops *hops)
{
	const struct hops_row *row = hops->row;
	char text[TEXT_MAX];
	if (!row->proxy && !row->http_proxy && !row->https_proxy)
		return;
	expand(hops, text, row->proxy ? row->proxy : "");
	struct sl_proxy_options options = { .proxy = row->proxy ? text : NULL,
		.user = row->proxy_user };
	environment_of = hops;
	cr_assert_eq(sl_proxies_init(&hops->proxies, &options, environment, &hops->err), 0, "%s",
		hops->err.text);
	hops->options.proxies = &hops->proxies;
}

static void
resolve_all(struct hops *hops)
{
	for (size_t i = 0; i < HOPS_SERVERS; i++) {
		char text[64];
		snprintf(text, sizeof(text), "*:%u:127.0.0.1", hops->servers[i].port);
		cr_assert_eq(sl_resolve_list_add(&hops->resolve, sl_span_str(text), NULL), 0);
	}
}

static void
choose_options(struct hops *hops, const char *ca)
{
	const struct hops_row *row = hops->row;
	hops->options = (struct sl_http_client_options){ .per_host = 4,
		.total = 8,
		.connect_timeout_ns = 60 * SL_NS_PER_S,
		.stall_timeout_ns = 60 * SL_NS_PER_S,
		.max_redirects = HOPS_URLS,
		.allow_downgrade = row->allow_downgrade,
		.tls.cacert = ca,
		.cookie_file = file_of("cookies", row->cookies),
		.credentials = { .user = row->user,
			.password = row->password,
			.only_digest = row->only_digest,
			.bearer_file = file_of("bearer", row->bearer),
			.netrc_file = file_of("netrc", row->netrc),
			.origins = { .typed = hops->typed,
				.typed_count = parse_origins(hops, hops->typed, row->typed),
				.named = hops->named,
				.named_count = parse_origins(hops, hops->named, row->named) } } };
	resolve_all(hops);
	hops->options.reach.resolve = &hops->resolve;
	choose_proxies(hops);
	if (row->header) {
		cr_assert_eq(sl_user_field_parse(&hops->header, sl_span_str(row->header), NULL), 0);
		hops->options.headers = &hops->header;
		hops->options.header_count = 1;
	}
	if (row->own_header)
		cr_assert_eq(
			sl_user_field_parse(&hops->own_header, sl_span_str(row->own_header), NULL),
			0);
}

SL_SUSPENDS
static int
download(struct hops *hops, const char *text)
{
	struct sl_url url;
	struct sl_http_exchange *exchange = NULL;
	char expanded[TEXT_MAX], body[64];
	int got;
	expand(hops, expanded, text);
	sl_error_clear(&hops->err);
	int code = sl_url_parse(&url, sl_span_str(expanded), &hops->err);
	if (code)
		return code;
	struct sl_http_request request = { .method = "GET",
		.url = &url,
		.headers = &hops->own_header,
		.header_count = hops->row->own_header != NULL };
	code = sl_http_open(hops->client, &request, &exchange, &hops->err);
	sl_url_release(&url);
	if (code)
		return code;
	/* CVE-2026-94266: what was reported as the URL of the end had a password. */
	struct sl_buf final = { 0 };
	sl_url_format(&final, sl_http_final_url(exchange));
	cr_assert_not_null(final.data);
	const char *host = strstr(final.data, "//") + 2;
	cr_expect_null(memchr(host, '@', strcspn(host, "/")), "%s", final.data);
	sl_buf_release(&final);
	while ((got = sl_http_read(exchange, body, sizeof(body), &hops->err)) > 0)
		;
	sl_http_close(exchange);
	return got;
}

static void
expect_end(const struct hops *hops, int code, bool is_last)
{
	const struct hops_row *row = hops->row;
	cr_expect_eq(
		code, is_last ? row->code : 0, "%s: %d %s", row->urls[0], code, hops->err.text);
	cr_expect(!is_last || !row->words || strstr(hops->err.text, row->words), "%s: %s",
		row->urls[0], hops->err.text);
}

SL_SUSPENDS
static void
download_all(struct hops *hops)
{
	const struct hops_row *row = hops->row;
	int code = download(hops, row->urls[0]);
	for (size_t i = 1; i < HOPS_URLS && row->urls[i]; i++) {
		if (row->urls[i][0] != '+')
			continue;
		expect_end(hops, code, false);
		code = download(hops, row->urls[i] + 1);
	}
	expect_end(hops, code, true);
}

static int
play(void *arg)
{
	struct hops *hops = arg;
	cr_assert_eq(sl_http_client_new(&hops->client, &hops->options, &hops->err), 0, "%s",
		hops->err.text);
	download_all(hops);
	sl_http_client_free(hops->client);
	return 0;
}

/* ---- rows ---- */

static unsigned
stop_servers(struct hops *hops)
{
	unsigned connections = 0;
	for (size_t i = 0; i < HOPS_SERVERS; i++) {
		peer_stop(&hops->servers[i]);
		connections += atomic_load(&hops->servers[i].accepted);
	}
	return connections;
}

static void
release_client(struct hops *hops)
{
	for (size_t i = 0; i < HOPS_ORIGINS; i++) {
		sl_url_release(&hops->typed[i]);
		sl_url_release(&hops->named[i]);
	}
	sl_resolve_list_release(&hops->resolve);
	sl_proxies_release(&hops->proxies);
}

static void
check_row(const struct hops_row *row, SSL_CTX *tls, const char *ca)
{
	struct hops *hops = calloc(1, sizeof(*hops));
	char want[TEXT_MAX];
	cr_assert_not_null(hops);
	hops->row = row;
	hops->tls = tls;
	pthread_mutex_init(&hops->lock, NULL);
	for (size_t i = 0; i < HOPS_SERVERS; i++)
		peer_start(&hops->servers[i], serve, hops);
	choose_options(hops, ca);
	cr_expect_eq(peer_run(play, hops), 0);
	unsigned connections = stop_servers(hops);
	expand(hops, want, row->want);
	cr_expect_str_eq(hops->got, want, "%s %s:\n  got  %s\n  want %s", row->urls[0],
		row->urls[1] ? row->urls[1] : "", hops->got, want);
	cr_expect(row->connections == 0 || connections == row->connections, "%s: %u connections",
		row->urls[0], connections);
	release_client(hops);
	pthread_mutex_destroy(&hops->lock);
	free(hops);
}

void
hops_check(const struct hops_row *rows, size_t count)
{
	const char *dir = peer_make_certs();
	char ca[128];
	SSL_CTX *tls = peer_tls_context(dir, "server");
	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	scratch_enter();
	for (size_t i = 0; i < count; i++)
		check_row(&rows[i], tls, ca);
	scratch_leave();
	SSL_CTX_free(tls);
	peer_remove_certs();
}
