/*
 * Responses as they have misled other clients, each byte for byte through the client: what is taken
 * for the file, what is refused, and that the next response on the connection, or on another one,
 * is that of the next request in any case.
 */
#include "sluice/http/client.h"

#include "support/peer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_MAX 2048
#define BODY_MAX 256

/* What comes behind the first response. */
enum end {
	KEPT,  /* nothing: the connection is used again, or closed by the client */
	ENDED, /* the server's end of the connection; with TLS in order */
	CUT,   /* the same, with TLS without close_notify */
};

struct row {
	const char *reply;
	size_t len; /* 0 = as a string */
	enum end end;
	int code;         /* of the first download */
	const char *want; /* its body; with a failure words of the message, or NULL */
	bool is_reused;   /* the connection, for the next download */
	const char *sent; /* begins the last request of the first download; NULL = anything */
};

struct scene {
	struct row row;
	struct peer peer;
	SSL_CTX *tls; /* NULL = plain */
	atomic_uint requests;
	char last[REQUEST_MAX]; /* request; read it after `requests` */
	struct sl_http_client *client;
	struct sl_http_client_options options;
	struct sl_error err;
	char body[BODY_MAX];
};

#define SECOND "second"

/* ---- the server ---- */

struct stream {
	int fd;
	SSL *ssl;
};

static void
say(const struct stream *stream, const char *text, size_t len)
{
	if (stream->ssl)
		(void)SSL_write(stream->ssl, text, (int)len);
	else
		(void)send(stream->fd, text, len, MSG_NOSIGNAL);
}

static bool
hear(const struct stream *stream, char text[REQUEST_MAX])
{
	for (size_t len = 0; len < REQUEST_MAX - 1;) {
		int n = stream->ssl ? SSL_read(stream->ssl, text + len, 1)
				    : (int)recv(stream->fd, text + len, 1, 0);
		if (n != 1)
			return false;
		text[++len] = '\0';
		if (len >= 4 && strcmp(text + len - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

/* The row's reply first, then SECOND for whatever is asked. */
static void
serve(struct peer *peer, int fd)
{
	struct scene *scene = peer->ctx;
	const struct row *row = &scene->row;
	struct stream stream = { .fd = fd };
	static const char second[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n" SECOND;
	char request[REQUEST_MAX];
	bool is_cut = false;
	if (scene->tls && !(stream.ssl = peer_tls_accept(scene->tls, fd)))
		return;
	while (!is_cut && hear(&stream, request)) {
		memcpy(scene->last, request, sizeof(request));
		if (atomic_fetch_add(&scene->requests, 1) > 0) {
			say(&stream, second, strlen(second));
			continue;
		}
		say(&stream, row->reply, row->len ? row->len : strlen(row->reply));
		if (row->end != KEPT)
			break;
	}
	if (stream.ssl && row->end != CUT)
		SSL_shutdown(stream.ssl);
	SSL_free(stream.ssl);
}

/* ---- the client ---- */

SL_SUSPENDS
static int
download(struct scene *scene)
{
	struct sl_url url;
	struct sl_http_exchange *exchange = NULL;
	char text[64];
	size_t len = 0;
	int got;
	snprintf(text, sizeof(text), "http%s://127.0.0.1:%u/file", scene->tls ? "s" : "",
		scene->peer.port);
	sl_error_clear(&scene->err);
	scene->body[0] = '\0';
	cr_assert_eq(sl_url_parse(&url, sl_span_str(text), NULL), 0);
	struct sl_http_request request = { .method = "GET", .url = &url };
	int code = sl_http_open(scene->client, &request, &exchange, &scene->err);
	sl_url_release(&url);
	if (code)
		return code;
	while ((got = sl_http_read(exchange, scene->body + len, BODY_MAX - 1 - len, &scene->err)) >
		0)
		len += (size_t)got;
	scene->body[len] = '\0';
	sl_http_close(exchange);
	return got;
}

static int
play(void *arg)
{
	struct scene *scene = arg;
	const struct row *row = &scene->row;
	cr_assert_eq(sl_http_client_new(&scene->client, &scene->options, &scene->err), 0, "%s",
		scene->err.text);
	int code = download(scene);
	cr_expect_eq(code, row->code, "'%s': %d %s", row->reply, code, scene->err.text);
	if (row->code == 0)
		cr_expect_str_eq(scene->body, row->want, "'%s': '%s'", row->reply, scene->body);
	else if (row->want)
		cr_expect(strstr(scene->err.text, row->want), "'%s': %s", row->reply,
			scene->err.text);
	if (row->sent && atomic_load(&scene->requests) > 0)
		cr_expect_eq(strncmp(scene->last, row->sent, strlen(row->sent)), 0, "'%s': %s",
			row->reply, scene->last);
	cr_expect_eq(download(scene), 0, "'%s', next: %s", row->reply, scene->err.text);
	cr_expect_str_eq(scene->body, SECOND, "'%s', next: '%s'", row->reply, scene->body);
	cr_expect_eq(atomic_load(&scene->peer.accepted), row->is_reused ? 1 : 2, "'%s': %u",
		row->reply, atomic_load(&scene->peer.accepted));
	sl_http_client_free(scene->client);
	return 0;
}

static void
check_row(const struct row *row, SSL_CTX *tls, const char *ca)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	cr_assert_not_null(scene);
	scene->row = *row;
	scene->tls = tls;
	scene->options = (struct sl_http_client_options){ .per_host = 1,
		.total = 1,
		.connect_timeout_ns = 60 * SL_NS_PER_S,
		.stall_timeout_ns = 60 * SL_NS_PER_S,
		.max_redirects = 5,
		.tls.cacert = ca };
	peer_start(&scene->peer, serve, scene);
	cr_expect_eq(peer_run(play, scene), 0);
	peer_stop(&scene->peer);
	free(scene);
}

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(&rows[i], NULL, NULL);
}

#define CHECK(rows) check_rows(rows, SL_COUNT_OF(rows))
#define OK "HTTP/1.1 200 OK\r\n"
#define CL "Content-Length: "
#define TE "Transfer-Encoding: "
#define CHUNKED OK TE "chunked\r\n\r\n"
#define TEXT(text) .reply = (text), .len = sizeof(text) - 1
#define BAD(text, why) \
	{ \
		TEXT(text), .code = SL_E_PROTO, .want = (why) \
	}

/* CVE-2017-13089, CVE-2017-13090 (wget): a negative size of a chunk overran a buffer. */
Test(messages, a_size_of_a_chunk_is_a_number_of_hexadecimal_digits)
{
	static const struct row rows[] = {
		BAD(CHUNKED "-FFFFF000\r\nxxxx\r\n0\r\n\r\n", "hexadecimal"),
		BAD(CHUNKED "-1\r\nx\r\n0\r\n\r\n", "hexadecimal"),
		BAD(CHUNKED "+1\r\nx\r\n0\r\n\r\n", "hexadecimal"),
		BAD(CHUNKED "0x1\r\nx\r\n0\r\n\r\n", "hexadecimal"),
		BAD(CHUNKED " 1\r\nx\r\n0\r\n\r\n", "hexadecimal"),
		BAD(CHUNKED "\r\nx\r\n0\r\n\r\n", "hexadecimal"),
		BAD(CHUNKED "g\r\n", "hexadecimal"),
		BAD(CHUNKED "1_0\r\nxxxxxxxxxxxxxxxx\r\n0\r\n\r\n", "hexadecimal"),
		BAD(CHUNKED "8000000000000001\r\nx\r\n0\r\n\r\n", "too large"),
		BAD(CHUNKED "fffffffffffffffe\r\nx\r\n0\r\n\r\n", "too large"),
		BAD(CHUNKED "10000000000000001\r\nx\r\n0\r\n\r\n", "too large"),
		BAD(CHUNKED "1\r\nxy\r\n0\r\n\r\n", "longer than its announced size"),
		{ TEXT(CHUNKED "A\r\n0123456789\r\n0\r\n\r\n"), .want = "0123456789",
			.is_reused = true },
		{ TEXT(CHUNKED "0000000000000001\r\nx\r\n0\r\n\r\n"), .want = "x",
			.is_reused = true },
	};
	CHECK(rows);
}

/* CVE-2016-8617, CVE-2016-8622, CVE-2018-14618, CVE-2019-5435 (curl), CVE-2025-0725 (zlib in curl):
 * lengths that were cut to 32 bits, or overflowed. */
Test(messages, a_length_has_63_bits)
{
	static const struct row rows[] = {
		BAD(OK CL "4294967296000000000000\r\n\r\nhello", "Content-Length"),
		BAD(OK CL "9223372036854775808\r\n\r\nhello", "Content-Length"),
		BAD(OK CL "18446744073709551621\r\n\r\nhello", "Content-Length"),
		BAD(OK CL "-1\r\n\r\nhello", "Content-Length"),
		BAD(OK CL "+5\r\n\r\nhello", "Content-Length"),
		BAD(OK CL "5 \v\r\n\r\nhello", "Content-Length"),
		BAD(OK CL "5.0\r\n\r\nhello", "Content-Length"),
		BAD(OK CL "0x5\r\n\r\nhello", "Content-Length"),
		BAD(OK CL "\r\n\r\nhello", "Content-Length"),
		/* 2^32 + 5: not the 5 bytes that come */
		{ TEXT(OK CL "4294967301\r\n\r\nhello"), .end = ENDED, .code = SL_E_SHORT_BODY,
			.want = "5 of 4294967301" },
		{ TEXT(OK CL "9223372036854775807\r\n\r\nhello"), .end = ENDED,
			.code = SL_E_SHORT_BODY },
		{ TEXT(OK CL "005\r\n\r\nhello"), .want = "hello", .is_reused = true },
	};
	CHECK(rows);
}

/* RFC 9112 6.1, 6.3, 11.2: where two parsers find different ends of a message, one response passes
 * for another (CVE-2005-2088). */
Test(messages, conflicting_framing_is_refused_or_ends_the_connection)
{
	static const struct row rows[] = {
		/* The transfer coding counts, and the connection is not used again. */
		{ TEXT(OK CL "3\r\n" TE "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
			.want = "hello" },
		{ TEXT(OK TE "chunked\r\n" CL "500\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
			.want = "hello" },
		{ TEXT(OK TE "CHUNKED\r\n" CL "x\r\n\r\n0\r\n\r\n"), .want = "" },
		{ TEXT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" TE
		       "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
			.want = "hello" },
		BAD(OK CL "5\r\n" CL "6\r\n\r\nhello!", "Content-Length"),
		BAD(OK CL "5, 6\r\n\r\nhello!", "Content-Length"),
		BAD(OK CL "6\r\nX: y\r\ncontent-length: 5\r\n\r\nhello!", "Content-Length"),
		{ TEXT(OK CL "5\r\n" CL "5\r\n\r\nhello"), .want = "hello", .is_reused = true },
		{ TEXT(OK CL "5,5\r\n\r\nhello"), .want = "hello", .is_reused = true },
		BAD(OK TE "chunked, gzip\r\n\r\n0\r\n\r\n", "Transfer-Encoding"),
		BAD(OK TE "gzip, chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding"),
		BAD(OK TE "chunked\r\n" TE "chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding"),
		BAD(OK TE "chunked\r\n" TE "identity\r\n\r\n0\r\n\r\n", "Transfer-Encoding"),
		BAD(OK TE "xchunked\r\n" CL "5\r\n\r\nhello", "Transfer-Encoding"),
		BAD(OK TE "\vchunked\r\n" CL "5\r\n\r\nhello", "Transfer-Encoding"),
		BAD(OK TE "\"chunked\"\r\n" CL "5\r\n\r\nhello", "Transfer-Encoding"),
		BAD(OK TE "\r\n" CL "5\r\n\r\nhello", "Transfer-Encoding"),
		BAD(OK "Transfer-Encoding : chunked\r\n" CL "5\r\n\r\nhello", "Transfer-Encoding"),
		BAD(OK "Content-Length : 5\r\n\r\nhello", "Content-Length"),
		/* A fold does not hide a value. */
		{ TEXT(OK TE "\r\n chunked\r\n" CL "3\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
			.want = "hello" },
		BAD(OK CL "5\r\n 6\r\n\r\nhello", "Content-Length"),
	};
	CHECK(rows);
}

/* CVE-2025-22871 (Go): a bare LF ended the line of a chunk. RFC 9112 2.2 lets a recipient take LF
 * alone for the end of a line; a bare CR or a NUL is refused, and a folded line joined (5.2). */
Test(messages, line_ends_are_lf_with_or_without_cr)
{
	static const struct row rows[] = {
		{ TEXT("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"), .want = "hello",
			.is_reused = true },
		{ TEXT(OK TE "chunked\n\n5\nhello\n0\n\n"), .want = "hello", .is_reused = true },
		/* Whatever the LF of an extension makes of it, the end is one. */
		{ TEXT(CHUNKED "5;a\nhello\r\n0\r\n\r\n"), .want = "hello", .is_reused = true },
		BAD(CHUNKED "5;a\rb\nhello\r\n0\r\n\r\n", "CR without LF"),
		BAD(CHUNKED "5\rhello\r\n0\r\n\r\n", "CR without LF"),
		BAD(CHUNKED "5\r\nhello\rx0\r\n\r\n", "CR without LF"),
		BAD(OK "A: b\r" CL "5\r\n\r\nhello", "CR without LF"),
		BAD(OK "A: b\r\r\n" CL "5\r\n\r\nhello", "CR without LF"),
		BAD(OK CL "5\r\r\nhello", "CR without LF"),
		BAD(OK CL "5\0\r\n\r\nhello", "NUL"),
		BAD(OK "A\0: b\r\n" CL "5\r\n\r\nhello", "NUL"),
		BAD("HTTP/1.1 200 \0OK\r\n" CL "5\r\n\r\nhello", "NUL"),
		BAD(CHUNKED "5\0\r\nhello\r\n0\r\n\r\n", "hexadecimal"),
		BAD(CHUNKED "5\r\nhello\r\n0\r\nA\0: b\r\n\r\n", "NUL"),
		BAD(OK " " CL "5\r\n\r\nhello", "begins with a space or tab"),
		BAD(OK "\t\r\n" CL "5\r\n\r\nhello", "begins with a space or tab"),
		{ TEXT(OK "A: b\r\n c\r\n\td\r\n" CL "5\r\n\r\nhello"), .want = "hello",
			.is_reused = true },
		BAD(OK "no colon\r\n" CL "5\r\n\r\nhello", "no colon"),
	};
	CHECK(rows);
}

/*
 * RFC 9112 9.2, 9.3.2: an answer has to be that of its request. Bytes behind a body, or behind a
 * response that has none, would be taken for the answer to the next request.
 */
Test(messages, bytes_behind_a_response_are_not_the_next_one)
{
#define EVIL "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	static const struct row rows[] = {
		{ TEXT(OK CL "5\r\n\r\nhello" EVIL), .want = "hello" },
		{ TEXT(OK CL "5\r\n\r\nhello\r\n"), .want = "hello" },
		{ TEXT(OK CL "5\r\n\r\nhello!"), .want = "hello" },
		{ TEXT(OK CL "0\r\n\r\n" EVIL), .want = "" },
		{ TEXT(CHUNKED "5\r\nhello\r\n0\r\n\r\n" EVIL), .want = "hello" },
		{ TEXT(CHUNKED "5\r\nhello\r\n0\r\n\r\n\r\n"), .want = "hello" },
		{ TEXT("HTTP/1.1 204 x\r\n\r\n" EVIL), .code = SL_E_STATUS, .want = "204" },
		{ TEXT("HTTP/1.1 204 x\r\n" CL "4\r\n\r\nevil"), .code = SL_E_STATUS,
			.want = "204" },
		{ TEXT("HTTP/1.1 304 x\r\n\r\n" EVIL), .code = SL_E_STATUS, .want = "304" },
		{ TEXT("HTTP/1.1 304 x\r\n" CL "50\r\n\r\n" EVIL), .code = SL_E_STATUS,
			.want = "304" },
		{ TEXT("HTTP/1.1 304 x\r\n" TE "chunked\r\n\r\n" EVIL), .code = SL_E_STATUS,
			.want = "304" },
		{ TEXT("HTTP/1.1 404 x\r\n" CL "2\r\n\r\nno" EVIL), .code = SL_E_STATUS,
			.want = "404" },
		{ TEXT("HTTP/1.1 404 x\r\n" CL "2\r\n\r\nno"), .code = SL_E_STATUS, .want = "404",
			.is_reused = true },
		{ TEXT("HTTP/1.1 205 x\r\n" CL "0\r\n\r\n" EVIL), .code = SL_E_STATUS,
			.want = "205" },
	};
	CHECK(rows);
}

/* RFC 9112 8: a message that ends early is incomplete, whatever has come; without a length or
 * chunks the end of the connection is that of the body, over TLS only with close_notify. */
Test(messages, an_early_end_is_no_success)
{
	static const struct row rows[] = {
		{ TEXT(OK CL "9\r\n\r\nhello"), .end = ENDED, .code = SL_E_SHORT_BODY,
			.want = "5 of 9" },
		{ TEXT(OK CL "5\r\n\r\n"), .end = ENDED, .code = SL_E_SHORT_BODY,
			.want = "0 of 5" },
		{ TEXT(CHUNKED "5\r\nhello\r\n"), .end = ENDED, .code = SL_E_SHORT_BODY },
		{ TEXT(CHUNKED "5\r\nhello\r\n0"), .end = ENDED, .code = SL_E_SHORT_BODY },
		{ TEXT(CHUNKED "5\r\nhello\r\n0\r\n"), .end = ENDED, .code = SL_E_SHORT_BODY },
		{ TEXT(CHUNKED "5\r\nhello\r\n0\r\nA: b\r\n"), .end = ENDED,
			.code = SL_E_SHORT_BODY },
		{ TEXT(CHUNKED "6\r\nhello"), .end = ENDED, .code = SL_E_SHORT_BODY },
		{ TEXT(CHUNKED), .end = ENDED, .code = SL_E_SHORT_BODY },
		{ TEXT(OK "\r\nhello"), .end = ENDED, .want = "hello" },
	};
	static const struct row tls_rows[] = {
		{ TEXT(OK CL "9\r\n\r\nhello"), .end = ENDED, .code = SL_E_SHORT_BODY },
		{ TEXT(OK CL "9\r\n\r\nhello"), .end = CUT, .code = SL_E_SHORT_BODY },
		{ TEXT(CHUNKED "5\r\nhello\r\n"), .end = ENDED, .code = SL_E_SHORT_BODY },
		{ TEXT(CHUNKED "5\r\nhello\r\n"), .end = CUT, .code = SL_E_SHORT_BODY },
		{ TEXT(OK "\r\nhello"), .end = CUT, .code = SL_E_SHORT_BODY,
			.want = "close_notify" },
		{ TEXT(OK "\r\nhello"), .end = ENDED, .want = "hello" },
		{ TEXT(OK CL "5\r\n\r\nhello"), .end = CUT, .want = "hello" },
		{ TEXT(CHUNKED "5\r\nhello\r\n0\r\n\r\n"), .end = CUT, .want = "hello" },
	};
	const char *dir = peer_make_certs();
	SSL_CTX *tls = peer_tls_context(dir, "server");
	char ca[128];
	CHECK(rows);
	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	for (size_t i = 0; i < SL_COUNT_OF(tls_rows); i++)
		check_row(&tls_rows[i], tls, ca);
	SSL_CTX_free(tls);
	peer_remove_certs();
}

/* HTTP/0.9 has no head: any service that listens would be stored as the file. */
Test(messages, what_has_no_head_of_http_1_is_not_a_file)
{
	static const struct row rows[] = {
		BAD("hello\n", "HTTP/0.9"),
		BAD("<html>hello</html>\r\n\r\n", "HTTP/0.9"),
		BAD("SSH-2.0-OpenSSH_9.2\r\n", "HTTP/0.9"),
		BAD("220 mail.test ESMTP\r\n", "HTTP/0.9"),
		BAD("\r\n" OK CL "5\r\n\r\nhello", "HTTP/0.9"),
		BAD(" " OK CL "5\r\n\r\nhello", "HTTP/0.9"),
		BAD("HTTP/0.9 200 OK\r\n\r\nhello", "version of HTTP"),
		BAD("HTTP/2.0 200 OK\r\n\r\nhello", "version of HTTP"),
		BAD("HTTP/11 200 OK\r\n\r\nhello", "version of HTTP"),
		BAD("HTTP/1.1 0200 OK\r\n\r\nhello", "status line"),
		BAD("HTTP/1.1 +20 OK\r\n\r\nhello", "status line"),
	};
	CHECK(rows);
}

/*
 * CVE-2019-3462 (apt): a coded line end in a Location became a message of the protocol behind it,
 * and what that installed ran as root. CVE-2017-6508 (wget): a host with line ends. CVE-2012-0036,
 * CVE-2014-8150 (curl): URLs with coded line ends. What is coded stays so, and the rest is refused.
 */
Test(messages, nothing_of_a_location_becomes_a_line_of_the_request)
{
#define MOVED(location) "HTTP/1.1 302 x\r\n" CL "0\r\nLocation: " location "\r\n\r\n"
#define FOLLOWED(location, target) \
	{ \
		TEXT(MOVED(location)), .want = SECOND, .is_reused = true, \
				       .sent = "GET " target " HTTP/1.1\r\nHost: 127.0.0.1:" \
	}
#define REFUSED(location) \
	{ \
		TEXT(MOVED(location)), .code = SL_E_REDIRECT, .is_reused = true \
	}
	static const struct row rows[] = {
		FOLLOWED("/new-uri%0a201%20URI%20Done%0aFilename:%20/etc/passwd",
			"/new-uri%0a201%20URI%20Done%0aFilename:%20/etc/passwd"),
		FOLLOWED("/a%0d%0aX-Injected:%20yes", "/a%0d%0aX-Injected:%20yes"),
		FOLLOWED("/a?b%0D%0Ac", "/a?b%0D%0Ac"),
		FOLLOWED("/a%00b", "/a%00b"),
		FOLLOWED("/a b", "/a%20b"),
		FOLLOWED("/\xc3\xa4\xff", "/%C3%A4%FF"),
		FOLLOWED("/a\tb", "/ab"), /* as browsers do */
		FOLLOWED("/a\r\n /b", "/a%20/b"),
		REFUSED("/a\x01"
			"b"),
		REFUSED("/a\x7f"),
		REFUSED("/a\x1b[2J"),
		REFUSED("http://a%0d%0aX:%20y/"),
		REFUSED("http://127.0.0.1%0aX:%20y/"),
		REFUSED("http://a\x0b"
			"b/"),
		/* The line ends here, for all readers alike. */
		{ TEXT("HTTP/1.1 302 x\r\n" CL "0\r\nLocation: /a\rX: y\r\n\r\n"),
			.code = SL_E_PROTO, .want = "CR without LF" },
		{ TEXT("HTTP/1.1 302 x\r\n" CL "0\r\nLocation: /a\0b\r\n\r\n"), .code = SL_E_PROTO,
			.want = "NUL" },
		FOLLOWED("/a\nX: y", "/a"),
	};
	CHECK(rows);
}

/* RFC 9110 15.4: of a redirect only the Location counts, and there has to be one. */
Test(messages, a_redirect_has_one_location)
{
	static const struct row rows[] = {
		{ TEXT("HTTP/1.1 302 x\r\n" CL "0\r\nLocation: /a\r\nLocation: /b\r\n\r\n"),
			.code = SL_E_REDIRECT, .want = "two different Locations",
			.is_reused = true },
		{ TEXT("HTTP/1.1 302 x\r\n" CL "0\r\nLocation: /a\r\nX: y\r\nlocation: /a\r\n\r\n"),
			.want = SECOND, .sent = "GET /a HTTP/1.1\r\n", .is_reused = true },
		{ TEXT("HTTP/1.1 302 x\r\n" CL "0\r\nLocation: /a\r\nLocation:\r\n\r\n"),
			.code = SL_E_REDIRECT, .is_reused = true },
		{ TEXT("HTTP/1.1 302 x\r\n" CL "0\r\n\r\n"), .code = SL_E_REDIRECT,
			.want = "no Location", .is_reused = true },
		{ TEXT("HTTP/1.1 302 x\r\n" CL "0\r\nLocation: \t\r\n\r\n"), .code = SL_E_REDIRECT,
			.want = "no Location", .is_reused = true },
		/* Its body is never the file. */
		{ TEXT("HTTP/1.1 301 x\r\n" CL "5\r\nLocation: /a\r\n\r\nhello"), .want = SECOND,
			.is_reused = true },
		{ TEXT("HTTP/1.1 301 x\r\n" TE "chunked\r\nLocation: /a\r\n\r\n5\r\nhello\r\n0"
		       "\r\n\r\n"),
			.want = SECOND },
		{ TEXT("HTTP/1.1 301 x\r\n" CL "5\r\n\r\nhello"), .code = SL_E_REDIRECT },
		/* Others with a Location are no redirects, and 300 and 305 lead nowhere. */
		{ TEXT(OK CL "5\r\nLocation: /a\r\n\r\nhello"), .want = "hello",
			.is_reused = true },
		{ TEXT("HTTP/1.1 300 x\r\n" CL "5\r\nLocation: /a\r\n\r\nhello"),
			.code = SL_E_STATUS, .is_reused = true },
		{ TEXT("HTTP/1.1 305 x\r\n" CL "5\r\nLocation: /a\r\n\r\nhello"),
			.code = SL_E_STATUS, .is_reused = true },
	};
	CHECK(rows);
}
