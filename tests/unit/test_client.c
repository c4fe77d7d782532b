#include "sluice/http/client.h"

#include "sluice/base/log.h"
#include "sluice/base/redact.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STALL_NS (200 * SL_NS_PER_MS)
#define STEPS 48
#define REQUEST_MAX 2048

/* ---- a server that follows a script, whatever it is asked ---- */

enum then { KEEP, CLOSE, RESET, STALL };

struct step {
	const char *reply; /* NULL: none */
	size_t len;        /* 0: as a string */
	enum then then;
	bool bytewise;    /* each byte by itself */
	const char *owed; /* sent once the next request has come on this connection */
};

struct script {
	struct step steps[STEPS];
	atomic_uint next;
	char requests[STEPS][REQUEST_MAX];
	SSL_CTX *tls; /* NULL: plain */
	bool no_close_notify;
};

struct stream {
	int fd;
	SSL *ssl;
};

static int
stream_recv(struct stream *stream, void *data, size_t len)
{
	return stream->ssl ? SSL_read(stream->ssl, data, (int)len)
			   : (int)recv(stream->fd, data, len, 0);
}

/* What the client does not take any more is lost: it may have closed. */
static void
stream_send(struct stream *stream, const char *data, size_t len)
{
	while (len > 0) {
		int sent = stream->ssl ? SSL_write(stream->ssl, data, (int)len)
				       : (int)send(stream->fd, data, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		data += sent;
		len -= (size_t)sent;
	}
}

static bool
read_request(struct stream *stream, char *text)
{
	size_t len = 0;
	while (len < REQUEST_MAX - 1) {
		int n = stream_recv(stream, text + len, 1);
		if (n <= 0)
			return false;
		text[++len] = '\0';
		if (len >= 4 && strcmp(text + len - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static bool
play(struct stream *stream, const struct step *step)
{
	size_t len = step->reply ? step->len ? step->len : strlen(step->reply) : 0;
	for (size_t i = 0; step->bytewise && i < len; i++)
		stream_send(stream, step->reply + i, 1);
	if (!step->bytewise)
		stream_send(stream, step->reply, len);
	if (step->then == STALL) {
		char rest[64];
		while (stream_recv(stream, rest, sizeof(rest)) > 0)
			;
	} else if (step->then == RESET) {
		peer_reset_on_close(stream->fd);
	}
	return step->then == KEEP;
}

static void
serve(struct peer *peer, int fd)
{
	struct script *script = peer->ctx;
	struct stream stream = { .fd = fd };
	char request[REQUEST_MAX];
	const char *owed = NULL;
	if (script->tls) {
		stream.ssl = peer_tls_accept(script->tls, fd);
		if (!stream.ssl)
			return;
	}
	while (read_request(&stream, request)) {
		unsigned index = atomic_fetch_add(&script->next, 1);
		if (index >= STEPS)
			break;
		memcpy(script->requests[index], request, sizeof(request));
		if (owed)
			stream_send(&stream, owed, strlen(owed));
		if (!play(&stream, &script->steps[index]))
			break;
		owed = script->steps[index].owed;
	}
	if (stream.ssl && !script->no_close_notify)
		SSL_shutdown(stream.ssl);
	SSL_free(stream.ssl);
}

/* ---- a client, a server and what came of it ---- */

struct fixture {
	struct peer peer, other; /* two origins: the ports differ */
	struct script script, other_script;
	struct sl_http_client_options options;
	struct sl_http_client *client;
	struct sl_error err;
	struct sl_buf body;
	const struct sl_http_header *headers;
	size_t header_count, read_len;
	const char *method;
	bool excess;
	uint64_t length;
	char text[STEPS][512]; /* replies that were made on the way */
};

/* On the heap: tasks have small stacks. */
static struct fixture *
fixture_new(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->options = (struct sl_http_client_options){ .per_host = 4,
		.total = 8,
		.connect_timeout_ns = 5 * SL_NS_PER_S,
		.stall_timeout_ns = 5 * SL_NS_PER_S,
		.max_redirects = 20,
		.user_agent = "test" };
	fixture->read_len = 65536;
	fixture->method = "GET";
	peer_start(&fixture->peer, serve, &fixture->script);
	peer_start(&fixture->other, serve, &fixture->other_script);
	return fixture;
}

static void
fixture_free(struct fixture *fixture)
{
	sl_http_client_free(fixture->client);
	peer_stop(&fixture->peer);
	peer_stop(&fixture->other);
	sl_buf_release(&fixture->body);
	free(fixture);
}

static int
read_all(struct fixture *fixture, struct sl_http_exchange *exchange)
{
	char *data = malloc(fixture->read_len);
	int n = 1;
	fixture->length = sl_http_body_length(exchange);
	while (n > 0) {
		n = sl_http_read(exchange, data, fixture->read_len, &fixture->err);
		if (n > 0)
			sl_buf_add(&fixture->body, data, (size_t)n);
	}
	free(data);
	fixture->excess = sl_http_had_excess(exchange);
	return n;
}

/* "http://127.0.0.1:PORT" and what `path` says; `userinfo` as "user:password@" or "". */
static int
fetch_as(struct fixture *fixture, const char *scheme, const char *userinfo, const char *path)
{
	char text[512];
	struct sl_url url;
	struct sl_http_exchange *exchange = NULL;
	snprintf(text, sizeof(text), "%s://%s127.0.0.1:%u%s", scheme, userinfo, fixture->peer.port,
		path);
	sl_error_clear(&fixture->err);
	sl_buf_clear(&fixture->body);
	sl_buf_add_str(&fixture->body, "");
	if (!fixture->client)
		cr_assert_eq(
			sl_http_client_new(&fixture->client, &fixture->options, &fixture->err), 0);
	cr_assert_eq(sl_url_parse(&url, sl_span_str(text), &fixture->err), 0);
	struct sl_http_request request = { .method = fixture->method,
		.url = &url,
		.headers = fixture->headers,
		.header_count = fixture->header_count };
	int code = sl_http_open(fixture->client, &request, &exchange, &fixture->err);
	sl_url_release(&url);
	if (code == 0) {
		code = read_all(fixture, exchange);
		sl_http_close(exchange);
	}
	cr_expect_null(strchr(fixture->err.text, '\n'));
	cr_expect_eq(code, fixture->err.code, "%s", fixture->err.text);
	return code;
}

static int
fetch(struct fixture *fixture, const char *path)
{
	return fetch_as(fixture, "http", "", path);
}

static void
expect_body(struct fixture *fixture, const char *path, const char *wanted)
{
	int code = fetch(fixture, path);
	cr_expect_eq(code, 0, "%s: %s", path, fixture->err.text);
	cr_expect_str_eq(fixture->body.data, wanted, "%s: '%s'", path, fixture->body.data);
}

static void
expect_failure(struct fixture *fixture, int wanted, enum sl_phase phase, const char *words)
{
	int code = fetch(fixture, "/file?token=SECRET");
	cr_expect_eq(code, wanted, "%d: %s", code, fixture->err.text);
	cr_expect_eq(fixture->err.phase, phase, "phase %d: %s", (int)fixture->err.phase,
		fixture->err.text);
	cr_expect(
		strstr(fixture->err.text, words), "'%s' is not in '%s'", words, fixture->err.text);
	cr_expect_null(strstr(fixture->err.text, "SECRET"), "%s", fixture->err.text);
	cr_expect(strstr(fixture->err.text, "cannot fetch 'http://127.0.0.1:"), "%s",
		fixture->err.text);
	/* The log redacts each line: that must not eat an example in our own words. */
	struct sl_buf logged = { 0 };
	sl_redact(&logged, sl_span_str(fixture->err.text));
	cr_expect_str_eq(logged.data, fixture->err.text);
	sl_buf_release(&logged);
}

/* A redirect to `target` of the first or the other server, as a step's reply. */
static const char *
redirect_to(struct fixture *fixture, unsigned slot, int status, uint16_t port, const char *target)
{
	snprintf(fixture->text[slot], sizeof(fixture->text[slot]),
		"HTTP/1.1 %d Moved\r\nLocation: http://127.0.0.1:%u%s\r\nContent-Length: "
		"2\r\n\r\nno",
		status, port, target);
	return fixture->text[slot];
}

#define OK "HTTP/1.1 200 OK\r\n"
#define LENGTH(n) "Content-Length: " #n "\r\n\r\n"
#define HELLO OK LENGTH(5) "hello"

/* Run `fn` as a test in a runtime of its own. */
#define CLIENT_TEST(name) \
	static int name##_task(void *arg); \
	Test(http_client, name) \
	{ \
		cr_expect_eq(peer_run(name##_task, NULL), 0); \
	} \
	static int name##_task(SL_UNUSED void *arg)

/* ---- bodies ---- */

CLIENT_TEST(reads_bodies_of_every_framing_on_one_connection)
{
	struct fixture *fixture = fixture_new();
	static const struct step steps[] = {
		{ .reply = HELLO },
		{ .reply = OK "Transfer-Encoding: chunked\r\n\r\n3;x\r\nhel\r\n2\r\nlo\r\n0\r\nT: "
			      "x\r\n\r\n" },
		{ .reply = OK LENGTH(0) },
		{ .reply = HELLO, .bytewise = true },
		{ .reply = OK "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
			.bytewise = true },
		{ .reply = "HTTP/1.1 203 x\n" LENGTH(5) "hello" },
		{ .reply = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: "
			   "x\r\n\r\n" HELLO },
		{ .reply = OK "\r\nhello", .then = CLOSE },
	};
	memcpy(fixture->script.steps, steps, sizeof(steps));
	for (size_t i = 0; i < SL_COUNT_OF(steps); i++) {
		expect_body(fixture, "/", i == 2 ? "" : "hello");
		cr_expect(!fixture->excess);
		cr_expect_eq(fixture->length, i == 2                       ? 0
					      : i == 1 || i == 4 || i == 7 ? SL_BODY_UNKNOWN
									   : 5);
	}
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 1);
	fixture_free(fixture);
	return 0;
}

/* Chunks of 1, 2, 3... up to 400 bytes, one of 70,000, and the body they make. */
static void
make_chunks(struct sl_buf *coded, struct sl_buf *plain)
{
	sl_buf_add_str(coded, OK "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t size = 1; size <= 401; size++) {
		size_t len = size == 401 ? 70000 : size;
		sl_buf_printf(coded, "%zx\r\n", len);
		for (size_t i = 0; i < len; i++) {
			char c = (char)('a' + (plain->len * 7 + size) % 26);
			sl_buf_add_char(plain, c);
			sl_buf_add_char(coded, c);
		}
		sl_buf_add_str(coded, "\r\n");
	}
	sl_buf_add_str(coded, "0\r\n\r\n");
}

CLIENT_TEST(decodes_chunks_into_memory_of_any_size)
{
	static const size_t sizes[] = { 1, 2, 7, 100, 4096, 65536, 1u << 20 };
	struct fixture *fixture = fixture_new();
	struct sl_buf coded = { 0 }, plain = { 0 };
	make_chunks(&coded, &plain);
	for (size_t i = 0; i < SL_COUNT_OF(sizes); i++) {
		fixture->script.steps[i] = (struct step){ .reply = coded.data, .len = coded.len };
		fixture->read_len = sizes[i];
		cr_expect_eq(fetch(fixture, "/"), 0, "%s", fixture->err.text);
		cr_expect(sl_span_equal(sl_buf_span(&fixture->body), sl_buf_span(&plain)),
			"in pieces of %zu", sizes[i]);
	}
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 1);
	fixture_free(fixture);
	sl_buf_release(&coded);
	sl_buf_release(&plain);
	return 0;
}

CLIENT_TEST(reads_a_large_body)
{
	static const size_t sizes[] = { 1000, 65536, 1u << 20 };
	struct fixture *fixture = fixture_new();
	struct sl_buf reply = { 0 };
	size_t len = 5 * 1000 * 1000;
	sl_buf_printf(&reply, OK "Content-Length: %zu\r\n\r\n", len);
	size_t head = reply.len;
	for (size_t i = 0; i < len; i++)
		sl_buf_add_char(&reply, (char)(i * 2654435761u >> 13));
	for (size_t i = 0; i < SL_COUNT_OF(sizes); i++) {
		fixture->script.steps[i] = (struct step){ .reply = reply.data, .len = reply.len };
		fixture->read_len = sizes[i];
		cr_expect_eq(fetch(fixture, "/"), 0, "%s", fixture->err.text);
		cr_expect(sl_span_equal(
			sl_buf_span(&fixture->body), sl_span(reply.data + head, len)));
	}
	fixture_free(fixture);
	sl_buf_release(&reply);
	return 0;
}

/* However late it comes: here with the next request, of which no client can know. */
CLIENT_TEST(does_not_take_the_body_of_a_head_for_the_content_of_a_file)
{
	static const char *const heads[] = { OK LENGTH(43), OK "Transfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 302 x\r\nLocation: /x\r\n" LENGTH(43), "HTTP/1.1 404 x\r\n" LENGTH(43) };
	struct fixture *fixture = fixture_new();
	unsigned step = 0;
	for (size_t i = 0; i < SL_COUNT_OF(heads); i++) {
		fixture->script.steps[step++] =
			(struct step){ .reply = heads[i], .owed = OK LENGTH(5) "wrong" };
		if (i == 2)
			fixture->script.steps[step++] = (struct step){ .reply = OK LENGTH(5) };
		fixture->script.steps[step++] = (struct step){ .reply = HELLO };
		fixture->method = "HEAD";
		(void)fetch(fixture, "/");
		fixture->method = "GET";
		expect_body(fixture, "/", "hello");
	}
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(does_not_take_a_body_that_304_announces_for_an_answer)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] = (struct step){ .reply = "HTTP/1.1 304 x\r\n" LENGTH(43),
		.owed = OK LENGTH(5) "wrong" };
	fixture->script.steps[1] = (struct step){ .reply = HELLO };
	cr_expect_eq(fetch(fixture, "/"), SL_E_STATUS);
	expect_body(fixture, "/", "hello");
	fixture_free(fixture);
	return 0;
}

/* A second run over thousands of files asks for each by HEAD. */
CLIENT_TEST(keeps_a_connection_between_heads)
{
	struct fixture *fixture = fixture_new();
	for (unsigned i = 0; i < 3; i++)
		fixture->script.steps[i] = (struct step){ .reply = OK LENGTH(5) };
	fixture->script.steps[3] = fixture->script.steps[4] = (struct step){ .reply = HELLO };
	fixture->method = "HEAD";
	for (unsigned i = 0; i < 3; i++)
		expect_body(fixture, "/", "");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 1);
	fixture->method = "GET";
	expect_body(fixture, "/", "hello");
	expect_body(fixture, "/", "hello");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 2);
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(asks_again_where_the_rest_of_an_earlier_answer_came)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] = (struct step){ .reply = HELLO };
	fixture->script.steps[1] = (struct step){ .reply = "rest of it" HELLO };
	fixture->script.steps[2] = (struct step){ .reply = HELLO };
	expect_body(fixture, "/", "hello");
	expect_body(fixture, "/", "hello");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 2);
	fixture->script.steps[3] = (struct step){ .reply = "HTTP/1.1 200 OK\r\nno colon\r\n\r\n" };
	cr_expect_eq(fetch(fixture, "/"), SL_E_PROTO, "a bad answer is one");
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(asks_for_heads_without_bodies)
{
	struct fixture *fixture = fixture_new();
	fixture->method = "HEAD";
	fixture->script.steps[0] = (struct step){ .reply = OK LENGTH(5) };
	fixture->script.steps[1] =
		(struct step){ .reply = OK "Transfer-Encoding: chunked\r\n\r\n" };
	expect_body(fixture, "/", "");
	cr_expect_eq(fixture->length, 5);
	expect_body(fixture, "/", "");
	cr_expect_eq(fixture->length, SL_BODY_UNKNOWN);
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 1);
	cr_expect(strstr(fixture->script.requests[0], "HEAD / HTTP/1.1\r\n"));
	fixture_free(fixture);
	return 0;
}

/* ---- connections ---- */

CLIENT_TEST(does_not_reuse_what_the_server_will_close)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] =
		(struct step){ .reply = OK "Connection: close\r\n" LENGTH(5) "hello",
			.then = STALL };
	fixture->script.steps[1] =
		(struct step){ .reply = "HTTP/1.0 200 OK\r\n" LENGTH(5) "hello", .then = STALL };
	fixture->script.steps[2] =
		(struct step){ .reply = OK
			       "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			.then = STALL };
	fixture->script.steps[3] = (struct step){ .reply = HELLO };
	expect_body(fixture, "/", "hello");
	expect_body(fixture, "/", "hello");
	expect_body(fixture, "/", "");
	expect_body(fixture, "/", "hello");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 4);
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(retries_once_when_a_kept_connection_was_closed_under_the_request)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] = (struct step){ .reply = HELLO };
	fixture->script.steps[1] = (struct step){ .then = CLOSE };
	fixture->script.steps[2] = (struct step){ .reply = HELLO };
	fixture->script.steps[3] = (struct step){ .then = RESET };
	fixture->script.steps[4] = (struct step){ .reply = HELLO };
	fixture->script.steps[5] = (struct step){ .then = CLOSE };
	fixture->script.steps[6] = (struct step){ .then = CLOSE };
	expect_body(fixture, "/", "hello");
	expect_body(fixture, "/", "hello");
	expect_body(fixture, "/", "hello");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 3);
	expect_failure(fixture, -ECONNRESET, SL_PHASE_HEAD, "without a response");
	cr_expect_eq(atomic_load(&fixture->script.next), 7, "one retry, not two");
	fixture_free(fixture);
	return 0;
}

/* Said as the server closed an idle connection, and read as the answer to what was just sent. */
CLIENT_TEST(asks_again_after_408_on_a_kept_connection)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] = (struct step){ .reply = HELLO };
	fixture->script.steps[1] = (struct step){ .reply = "HTTP/1.1 408 x\r\n" LENGTH(0) };
	fixture->script.steps[2] = (struct step){ .reply = HELLO };
	expect_body(fixture, "/", "hello");
	expect_body(fixture, "/", "hello");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 2);
	fixture->script.steps[3] = (struct step){ .reply = "HTTP/1.1 408 x\r\n" LENGTH(0) };
	fixture->script.steps[4] = (struct step){ .reply = "HTTP/1.1 408 x\r\n" LENGTH(0) };
	expect_failure(fixture, SL_E_STATUS, SL_PHASE_HEAD, "408");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 3, "only once");
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(does_not_retry_what_a_fresh_or_answering_connection_broke)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] = (struct step){ .then = CLOSE };
	fixture->script.steps[1] = (struct step){ .reply = HELLO };
	fixture->script.steps[2] = (struct step){ .reply = "HTTP/1.1 2", .then = CLOSE };
	expect_failure(fixture, -ECONNRESET, SL_PHASE_HEAD, "without a response");
	expect_body(fixture, "/", "hello");
	expect_failure(fixture, -ECONNRESET, SL_PHASE_HEAD, "within its response header");
	cr_expect_eq(atomic_load(&fixture->script.next), 3);
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(cuts_off_and_notes_bytes_behind_the_body)
{
	struct fixture *fixture = fixture_new();
	struct sl_buf large = { 0 }, chunked = { 0 };
	sl_buf_add_str(&large, OK LENGTH(30000));
	for (int i = 0; i < 30000 + 7; i++)
		sl_buf_add_char(&large, 'x');
	/* Longer than the buffer of the head, so that the end is decoded where it was received. */
	sl_buf_add_str(&chunked, OK "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 30000; i++)
		sl_buf_add_str(&chunked, "1\r\nx\r\n");
	sl_buf_add_str(&chunked, "0\r\n\r\n!");
	fixture->script.steps[0] = (struct step){ .reply = HELLO " world", .then = STALL };
	fixture->script.steps[1] =
		(struct step){ .reply = OK
			       "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n!",
			.then = STALL };
	fixture->script.steps[2] =
		(struct step){ .reply = large.data, .len = large.len, .then = STALL };
	fixture->script.steps[3] = (struct step){ .reply = OK LENGTH(0) HELLO, .then = STALL };
	fixture->script.steps[4] =
		(struct step){ .reply = chunked.data, .len = chunked.len, .then = STALL };
	fixture->script.steps[5] = (struct step){ .reply = HELLO };
	static const size_t lens[] = { 5, 5, 30000, 0, 30000 };
	for (size_t i = 0; i < SL_COUNT_OF(lens); i++) {
		cr_expect_eq(fetch(fixture, "/"), 0, "%s", fixture->err.text);
		cr_expect_eq(fixture->body.len, lens[i]);
		cr_expect(fixture->excess, "step %zu", i);
	}
	expect_body(fixture, "/", "hello");
	cr_expect(!fixture->excess);
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 6);
	fixture_free(fixture);
	sl_buf_release(&large);
	sl_buf_release(&chunked);
	return 0;
}

/* Sent along with an answer that has no body, or before a request was: another file would get
 * it. */
CLIENT_TEST(does_not_take_bytes_behind_an_answer_without_a_body_for_the_next_one)
{
	static const char *const answers[] = { "HTTP/1.1 204 No Content\r\n\r\n" OK LENGTH(
						       4) "evil",
		"HTTP/1.1 304 Not Modified\r\n\r\n" OK LENGTH(4) "evil",
		"HTTP/1.1 404 x\r\n" LENGTH(0) OK LENGTH(4) "evil",
		"HTTP/1.1 404 x\r\n" LENGTH(2) "no" OK LENGTH(4) "evil" };
	for (size_t i = 0; i < SL_COUNT_OF(answers); i++) {
		struct fixture *fixture = fixture_new();
		fixture->script.steps[0].reply = answers[i];
		fixture->script.steps[1].reply = HELLO;
		cr_expect_eq(fetch(fixture, "/"), SL_E_STATUS, "%s", fixture->err.text);
		expect_body(fixture, "/", "hello");
		cr_expect_eq(atomic_load(&fixture->peer.accepted), 2, "case %zu", i);
		fixture_free(fixture);
	}
	return 0;
}

/* ---- answers that are refused ---- */

CLIENT_TEST(refuses_answers_that_are_not_the_file)
{
	static const struct {
		const char *reply;
		int code;
		const char *words;
	} cases[] = {
		{ "HTTP/1.1 404 Not\x1b[2J Found\r\n" LENGTH(2) "no", SL_E_STATUS,
			"the server answered 404 Not\\x1b[2J Found" },
		{ "HTTP/1.1 401 x\r\n" LENGTH(2) "no", SL_E_STATUS, "credentials" },
		{ "HTTP/1.1 500\r\n" LENGTH(0), SL_E_STATUS, "answered 500" },
		{ "HTTP/1.1 204 No Content\r\n\r\n", SL_E_STATUS, "204" },
		{ "HTTP/1.1 304 Not Modified\r\n\r\n", SL_E_STATUS, "304" },
		{ "HTTP/1.1 206 Partial\r\n" LENGTH(0), SL_E_PROTO, "206" },
		{ OK "Transfer-Encoding: gzip, chunked\r\n\r\n", SL_E_PROTO, "Transfer-Encoding" },
		{ OK "Content-Length: 5, 6\r\n\r\nhello", SL_E_PROTO, "Content-Length" },
		{ OK "Content-Length: -5\r\n\r\nhello", SL_E_PROTO, "Content-Length" },
		{ OK "Content-Length : 5\r\n\r\nhello", SL_E_PROTO, "'Content-Length :'" },
		{ OK "garbage line\r\n\r\n", SL_E_PROTO, "no colon" },
		{ "hello, I am no HTTP server\n", SL_E_PROTO, "HTTP/0.9" },
		{ "HTTP/2 200\r\n\r\n", SL_E_PROTO, "version" },
		{ "HTTP/1.1 101 Switching\r\n\r\n", SL_E_PROTO, "101" },
		{ OK "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello", SL_E_PROTO, "hexadecimal" },
	};
	struct fixture *fixture = fixture_new();
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		fixture->script.steps[i] = (struct step){ .reply = cases[i].reply };
		bool in_body = i == SL_COUNT_OF(cases) - 1;
		expect_failure(fixture, cases[i].code, in_body ? SL_PHASE_BODY : SL_PHASE_HEAD,
			cases[i].words);
		cr_expect_eq(fixture->err.http_status,
			cases[i].code == SL_E_STATUS ? (int)strtol(cases[i].reply + 9, NULL, 10)
						     : 0);
	}
	fixture_free(fixture);
	return 0;
}

/* Only 200 and 203 are the file, and 1xx an interim response; three digits from 100 on are a
 * status. */
CLIENT_TEST(refuses_odd_statuses)
{
	static const struct {
		const char *status;
		int code;
	} cases[] = {
		{ "000", SL_E_PROTO },
		{ "099", SL_E_PROTO },
		{ "20", SL_E_PROTO },
		{ "2000", SL_E_PROTO },
		{ "-200", SL_E_PROTO },
		{ "2OO", SL_E_PROTO },
		{ "0x200", SL_E_PROTO },
		{ "201", SL_E_STATUS },
		{ "202", SL_E_STATUS },
		{ "204", SL_E_STATUS },
		{ "205", SL_E_STATUS },
		{ "226", SL_E_STATUS },
		{ "299", SL_E_STATUS },
		{ "300", SL_E_STATUS },
		{ "304", SL_E_STATUS },
		{ "305", SL_E_STATUS },
		{ "306", SL_E_STATUS },
		{ "399", SL_E_STATUS },
		{ "421", SL_E_STATUS },
		{ "451", SL_E_STATUS },
		{ "600", SL_E_STATUS },
		{ "999", SL_E_STATUS },
	};
	struct fixture *fixture = fixture_new();
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char *reply = fixture->text[i];
		snprintf(reply, sizeof(fixture->text[i]),
			"HTTP/1.1 199 x\r\n\r\nHTTP/1.1 %s x\r\nLocation: /other\r\n" LENGTH(0),
			cases[i].status);
		fixture->script.steps[i] = (struct step){ .reply = reply, .then = CLOSE };
		expect_failure(fixture, cases[i].code, SL_PHASE_HEAD, cases[i].status);
		cr_expect_eq(fixture->err.http_status,
			cases[i].code == SL_E_STATUS ? (int)strtol(cases[i].status, NULL, 10) : 0);
	}
	cr_expect_eq(atomic_load(&fixture->script.next), SL_COUNT_OF(cases), "each is asked once");
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(names_the_header_that_asked_for_a_part)
{
	static const char reply[] =
		"HTTP/1.1 206 x\r\nContent-Range: bytes 0-4/9\r\n" LENGTH(5) "hello";
	static const struct sl_http_header range = { { "range", 5 }, { "bytes=0-4", 9 } };
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0].reply = fixture->script.steps[1].reply = reply;
	expect_failure(fixture, SL_E_PROTO, SL_PHASE_HEAD, "(206), but no range was requested");
	fixture->headers = &range;
	fixture->header_count = 1;
	expect_failure(fixture, SL_E_PROTO, SL_PHASE_HEAD, "(206), as the header 'Range' asks");
	fixture_free(fixture);
	return 0;
}

/* As curl stores them: the caller decides what to make of a coding. */
CLIENT_TEST(takes_bodies_of_any_content_coding_as_they_come)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0].reply = OK "Content-Encoding: gzip, x\r\n" LENGTH(5) "hello";
	fixture->script.steps[1].reply = OK "Content-Encoding: \r\n" LENGTH(5) "hello";
	expect_body(fixture, "/", "hello");
	expect_body(fixture, "/", "hello");
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(tells_when_to_try_again)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0].reply = "HTTP/1.1 429 Too Many\r\nRetry-After: 120\r\n" LENGTH(0);
	fixture->script.steps[1].reply =
		"HTTP/1.1 503 x\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\x1b\r\n" LENGTH(0);
	expect_failure(
		fixture, SL_E_STATUS, SL_PHASE_HEAD, "answered 429 Too Many (Retry-After: 120)");
	cr_expect_eq(fixture->err.retry_after_s, 120);
	expect_failure(fixture, SL_E_STATUS, SL_PHASE_HEAD,
		"(Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\\x1b)");
	cr_expect_eq(fixture->err.retry_after_s, 0);
	fixture_free(fixture);
	return 0;
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X47 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X200 X50 X50 X50 X50
#define A7 "\xd0\xb0\xd0\xb0\xd0\xb0\xd0\xb0\xd0\xb0\xd0\xb0\xd0\xb0"
#define A49 A7 A7 A7 A7 A7 A7 A7
#define A50 A49 "\xd0\xb0"

static void
drop_line(SL_UNUSED void *ctx, SL_UNUSED enum sl_log_level level, SL_UNUSED const char *line)
{
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);
	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* A 403 with that body; `missing` bytes more are announced than come. */
static struct step
forbidden(struct fixture *fixture, unsigned slot, const char *fields, const char *body,
	size_t missing)
{
	snprintf(fixture->text[slot], sizeof(fixture->text[slot]),
		"HTTP/1.1 403 x\r\n%sContent-Length: %zu\r\n\r\n%s", fields, strlen(body) + missing,
		body);
	return (struct step){ .reply = fixture->text[slot], .then = missing ? CLOSE : KEEP };
}

CLIENT_TEST(shows_the_beginning_of_an_errors_body_if_verbose)
{
	static const struct {
		const char *fields, *body, *words; /* NULL = none of the body is shown */
		size_t missing;
	} cases[] = {
#define TYPE(type) "Content-Type: " type "\r\n"
		{ TYPE("text/plain"), "Rate limit\r\n\r\n  hit\n", "begins: Rate limit hit", 0 },
		{ TYPE("application/problem+json; charset=utf-8"),
			"{\"title\": \"no\", \"token\":\n\"SECRET-rest\"}",
			"begins: {\"title\": \"no\", \"token\": ***}", 0 },
		{ TYPE("text/xml"), "<Code>No</Code>\n<Token>SECRET</Token>",
			"begins: <Code>No</Code> <Token>***</Token>", 0 },
		{ TYPE("text/plain"), "a\x1b[2J", "begins: a\\x1b[2J", 0 },
		{ TYPE("text/plain"), "y" X50 X50 X50 "\xc3\xa4" X50,
			"begins: y" X50 X50 X50 "\xc3\xa4" X47, 0 },
		{ TYPE("text/plain"), X50 X50 X50 X47 "xx\xc3\xa4", "begins: " X50 X50 X50 X47 "xx",
			0 },
		{ TYPE("text/plain"), A50 A50 "\xd0\xb0", "begins: " A50 A50, 0 },
		{ TYPE("text/plain"), "y" A50 A50, "begins: y" A50 A49, 0 },
		{ TYPE("text/plain"), "stops", "begins: stops", 4 },
		{ TYPE("text/html"), "hello", NULL, 0 },
		{ TYPE("application/xhtml+xml"), "hello", NULL, 0 },
		{ TYPE("image/png"), "hello", NULL, 0 },
		{ TYPE("text/plain") "Content-Encoding: gzip\r\n", "hello", NULL, 0 },
		{ "", "hello", NULL, 0 },
		{ TYPE("text/plain"), "", NULL, 0 },
#undef TYPE
	};
	struct fixture *fixture = fixture_new();
	unsigned step = 0;
	for (enum sl_log_level level = SL_LOG_WARN; level <= SL_LOG_INFO; level++) {
		sl_log_set_sink(drop_line, NULL, level);
		for (size_t i = 0; i < SL_COUNT_OF(cases); i++, step++) {
			bool shown = level == SL_LOG_INFO && cases[i].words;
			fixture->script.steps[step] = forbidden(
				fixture, step, cases[i].fields, cases[i].body, cases[i].missing);
			expect_failure(fixture, SL_E_STATUS, SL_PHASE_HEAD,
				shown ? cases[i].words : "answered 403 x");
			cr_expect_eq(strstr(fixture->err.text, "begins") != NULL, shown, "%s",
				fixture->err.text);
			cr_expect(!shown || ends_with(fixture->err.text, cases[i].words), "%s",
				fixture->err.text);
			cr_expect_eq(fixture->err.http_status, 403);
		}
	}
	sl_log_set_sink(NULL, NULL, SL_LOG_WARN);
	cr_expect_eq(
		atomic_load(&fixture->peer.accepted), 3, "only what stopped cost a connection");
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(keeps_the_connection_after_a_small_error_page)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] =
		(struct step){ .reply = "HTTP/1.1 404 Not Found\r\n" LENGTH(7) "missing" };
	fixture->script.steps[1] = (struct step){ .reply = HELLO };
	expect_failure(fixture, SL_E_STATUS, SL_PHASE_HEAD, "404");
	expect_body(fixture, "/", "hello");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 1);
	fixture_free(fixture);
	return 0;
}

/* CVE-2021-3737: without end. */
CLIENT_TEST(passes_over_a_bounded_number_of_interim_answers)
{
	struct fixture *fixture = fixture_new();
	struct sl_buf few = { 0 }, many = { 0 };
	for (int i = 0; i < 33; i++) {
		sl_buf_add_str(i < 32 ? &few : &many, "HTTP/1.1 102 Processing\r\n\r\n");
		if (i < 32)
			sl_buf_add_str(&many, "HTTP/1.1 102 Processing\r\n\r\n");
	}
	sl_buf_add_str(&few, HELLO);
	sl_buf_add_str(&many, HELLO);
	fixture->script.steps[0] = (struct step){ .reply = few.data };
	fixture->script.steps[1] = (struct step){ .reply = many.data };
	expect_body(fixture, "/", "hello");
	expect_failure(fixture, SL_E_LIMIT, SL_PHASE_HEAD, "interim");
	fixture_free(fixture);
	sl_buf_release(&few);
	sl_buf_release(&many);
	return 0;
}

CLIENT_TEST(names_bodies_that_end_early)
{
	static const struct {
		struct step step;
		int code;
		const char *words;
	} cases[] = {
		{ { .reply = OK LENGTH(10) "hello", .then = CLOSE }, SL_E_SHORT_BODY,
			"after 5 of 10 bytes" },
		{ { .reply = OK LENGTH(10), .then = CLOSE }, SL_E_SHORT_BODY, "after 0 of 10" },
		{ { .reply = OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", .then = CLOSE },
			SL_E_SHORT_BODY, "after 3 bytes" },
		{ { .reply = OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
			  .then = CLOSE },
			SL_E_SHORT_BODY, "after 5 bytes" },
	};
	struct fixture *fixture = fixture_new();
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		fixture->script.steps[i] = cases[i].step;
		expect_failure(fixture, cases[i].code, SL_PHASE_BODY, cases[i].words);
	}
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(names_a_reset)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] =
		(struct step){ .reply = OK LENGTH(1000000) "hello", .then = RESET };
	int code = fetch(fixture, "/");
	cr_expect_eq(code, -ECONNRESET, "%s", fixture->err.text);
	cr_expect(strstr(fixture->err.text, "reset"), "%s", fixture->err.text);
	fixture_free(fixture);
	return 0;
}

/* A receive of a large body waits until much of it is there. */
CLIENT_TEST(reads_a_short_answer_after_a_large_body_on_the_same_connection)
{
	struct fixture *fixture = fixture_new();
	const size_t len = 8 * SL_MIB;
	struct sl_buf large = { 0 };
	sl_buf_printf(&large, OK "Content-Length: %zu\r\n\r\n", len);
	for (size_t i = 0; i < len / 8; i++)
		sl_buf_add_str(&large, "01234567");
	for (unsigned i = 0; i < 6; i += 2) {
		fixture->script.steps[i] = (struct step){ .reply = large.data, .len = large.len };
		fixture->script.steps[i + 1] = (struct step){ .reply = HELLO, .bytewise = true };
	}
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(fetch(fixture, "/"), 0, "%s", fixture->err.text);
		cr_expect_eq(fixture->body.len, len);
		expect_body(fixture, "/", "hello");
	}
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 1);
	fixture_free(fixture);
	sl_buf_release(&large);
	return 0;
}

CLIENT_TEST(gives_up_on_a_stall)
{
	struct fixture *fixture = fixture_new();
	fixture->options.stall_timeout_ns = STALL_NS;
	fixture->script.steps[0] = (struct step){ .then = STALL };
	fixture->script.steps[1] = (struct step){ .reply = "HTTP/1.1 200 O", .then = STALL };
	fixture->script.steps[2] = (struct step){ .reply = OK LENGTH(10) "hello", .then = STALL };
	fixture->script.steps[3] =
		(struct step){ .reply = OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
			.then = STALL };
	expect_failure(
		fixture, -ETIMEDOUT, SL_PHASE_HEAD, "no complete response header within 0.2 s");
	expect_failure(fixture, -ETIMEDOUT, SL_PHASE_HEAD, "--stall-timeout");
	expect_failure(fixture, -ETIMEDOUT, SL_PHASE_BODY, "after 5 of 10 bytes: no data for");
	expect_failure(fixture, -ETIMEDOUT, SL_PHASE_BODY, "after 3 bytes: no data for");
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(ends_with_the_deadline_in_force)
{
	struct fixture *fixture = fixture_new();
	struct sl_deadline scope;
	fixture->script.steps[0] = (struct step){ .reply = OK LENGTH(10) "hello", .then = STALL };
	sl_deadline_begin(&scope, sl_deadline_in(STALL_NS));
	expect_failure(fixture, -ETIMEDOUT, SL_PHASE_BODY, "deadline");
	sl_deadline_end(&scope);
	fixture_free(fixture);
	return 0;
}

struct cancelled {
	struct fixture *fixture;
	int code;
};

static int
fetch_stalling(void *arg)
{
	struct cancelled *cancelled = arg;
	cancelled->code = fetch(cancelled->fixture, "/");
	return cancelled->code;
}

CLIENT_TEST(stops_when_cancelled)
{
	struct fixture *fixture = fixture_new();
	struct cancelled cancelled = { .fixture = fixture };
	struct sl_group group;
	fixture->script.steps[0] = (struct step){ .reply = OK LENGTH(10) "hello", .then = STALL };
	/* Its owner is the task that makes it. */
	cr_assert_eq(sl_http_client_new(&fixture->client, &fixture->options, &fixture->err), 0);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "fetch", fetch_stalling, &cancelled, NULL), 0);
	while (fixture->body.len < 5)
		cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, -ECANCELED);
	sl_group_leave(&group);
	cr_expect_eq(cancelled.code, -ECANCELED, "%s", fixture->err.text);
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(names_a_refused_connection)
{
	struct fixture *fixture = fixture_new();
	peer_stop(&fixture->peer);
	expect_failure(fixture, -ECONNREFUSED, SL_PHASE_CONNECT, "refused");
	peer_start(&fixture->peer, serve, &fixture->script);
	fixture_free(fixture);
	return 0;
}

/* ---- redirects ---- */

CLIENT_TEST(follows_redirects_on_one_connection)
{
	static const int statuses[] = { 301, 302, 303, 307, 308 };
	struct fixture *fixture = fixture_new();
	for (unsigned i = 0; i < SL_COUNT_OF(statuses); i++) {
		snprintf(fixture->text[i], sizeof(fixture->text[i]),
			"HTTP/1.1 %d x\r\nLocation: %u?q\r\nLocation: %u?q\r\n" LENGTH(4) "body",
			statuses[i], i, i);
		fixture->script.steps[i].reply = fixture->text[i];
	}
	fixture->script.steps[5].reply = HELLO;
	expect_body(fixture, "/a/b", "hello");
	cr_expect(strstr(fixture->script.requests[5], "GET /a/4?q HTTP/1.1\r\n"), "%s",
		fixture->script.requests[5]);
	cr_expect_null(strstr(fixture->script.requests[5], "Referer"));
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 1);
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(follows_a_redirect_to_a_name_with_blanks)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] =
		(struct step){ .reply = "HTTP/1.1 302 x\r\nLocation: /a b?c d\r\n" LENGTH(0) };
	fixture->script.steps[1] =
		(struct step){ .reply = "HTTP/1.1 302 x\r\nLocation: d e//f g\r\n" LENGTH(0) };
	fixture->script.steps[2] = (struct step){ .reply = HELLO };
	expect_body(fixture, "/", "hello");
	cr_expect(strstr(fixture->script.requests[1], "GET /a%20b?c%20d HTTP/1.1"));
	cr_expect(strstr(fixture->script.requests[2], "GET /d%20e//f%20g HTTP/1.1"));
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(follows_redirects_with_large_or_unframed_bodies_on_fresh_connections)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0] =
		(struct step){ .reply = "HTTP/1.1 302 x\r\nLocation: /b\r\n" LENGTH(70000) "...",
			.then = STALL };
	fixture->script.steps[1] =
		(struct step){ .reply = "HTTP/1.1 302 x\r\nLocation: /c\r\n\r\n...",
			.then = STALL };
	fixture->script.steps[2].reply = HELLO;
	expect_body(fixture, "/a", "hello");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 3);
	fixture_free(fixture);
	return 0;
}

#define AUTH "Authorization: Basic dXNlcjpwYXNz\r\n"

CLIENT_TEST(drops_credentials_when_the_origin_changes_and_for_good)
{
	static const struct sl_http_header headers[] = { { { "Cookie", 6 }, { "c=1", 3 } },
		{ { "X-Functions", 11 }, { "t", 1 } }, { { "Host", 4 }, { "first.example", 13 } },
		{ { "Accept", 6 }, { "kept", 4 } } };
	struct fixture *fixture = fixture_new();
	uint16_t here = fixture->peer.port, there = fixture->other.port;
	char host[64];
	snprintf(host, sizeof(host), "Host: 127.0.0.1:%u\r\n", here);
	fixture->script.steps[0].reply = redirect_to(fixture, 0, 302, here, "/same");
	fixture->script.steps[1].reply = redirect_to(fixture, 1, 302, there, "/other");
	fixture->other_script.steps[0].reply = redirect_to(fixture, 2, 302, here, "/back");
	fixture->script.steps[2].reply = HELLO;
	fixture->headers = headers;
	fixture->header_count = SL_COUNT_OF(headers);
	cr_expect_eq(fetch_as(fixture, "http", "user:pass@", "/"), 0, "%s", fixture->err.text);
	for (int i = 0; i < 2; i++) {
		const char *request = fixture->script.requests[i];
		cr_expect(strstr(request, AUTH) && strstr(request, "Cookie: c=1\r\n") &&
				  strstr(request, "X-Functions: t\r\n") &&
				  strstr(request, "Host: first.example\r\n"),
			"%s", request);
	}
	const char *away[] = { fixture->other_script.requests[0], fixture->script.requests[2] };
	for (int i = 0; i < 2; i++)
		cr_expect(!strstr(away[i], "Authorization") && !strstr(away[i], "Cookie") &&
				  !strstr(away[i], "X-Functions") &&
				  !strstr(away[i], "first.example") &&
				  strstr(away[i], "Accept: kept\r\n"),
			"%s", away[i]);
	cr_expect(strstr(away[1], host));
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(never_sends_the_userinfo_of_a_location)
{
	struct fixture *fixture = fixture_new();
	snprintf(fixture->text[0], sizeof(fixture->text[0]),
		"HTTP/1.1 302 x\r\nLocation: http://evil:SECRET@127.0.0.1:%u/x\r\n" LENGTH(0),
		fixture->peer.port);
	fixture->script.steps[0].reply = fixture->text[0];
	fixture->script.steps[1].reply = "HTTP/1.1 404 x\r\n" LENGTH(0);
	expect_failure(fixture, SL_E_STATUS, SL_PHASE_HEAD, "404");
	cr_expect_null(strstr(fixture->script.requests[1], "Authorization"));
	fixture_free(fixture);
	return 0;
}

CLIENT_TEST(refuses_redirects)
{
#define MOVED "HTTP/1.1 302 x\r\nContent-Length: 0\r\n"
	static const struct {
		const char *reply, *words;
	} cases[] = {
		{ MOVED "\r\n", "no Location" },
		{ MOVED "Location:\r\n\r\n", "no Location" },
		{ MOVED "Location: /a\r\nLocation: /b\r\n\r\n", "two different Locations" },
		{ MOVED "Location: ftp://127.0.0.1/\r\n\r\n", "only http and https" },
		{ MOVED "Location: file:///etc/passwd\r\n\r\n", "only http and https" },
		{ MOVED "Location: http://a@b@c/\r\n\r\n", "more than one @" },
		{ MOVED "Location: http://u:SECRET@h:0/\r\n\r\n", "port" },
		{ MOVED "Location: http://a b/\r\n\r\n", "space" },
		{ MOVED "Location: http://a b@c/\r\n\r\n", "space" },
		{ MOVED "Location: //a b\r\n\r\n", "space" },
		{ MOVED "Location: http://a b?c\r\n\r\n", "space" },
		{ MOVED "Location: /a\x01z\r\n\r\n", "control byte" },
	};
	struct fixture *fixture = fixture_new();
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		fixture->script.steps[i].reply = cases[i].reply;
		expect_failure(fixture, SL_E_REDIRECT, SL_PHASE_HEAD, cases[i].words);
	}
	fixture_free(fixture);
	return 0;
}

/* A response that leads nowhere is refused for it, too; equal ones count as one. */
CLIENT_TEST(refuses_a_file_with_two_different_locations)
{
	struct fixture *fixture = fixture_new();
	fixture->script.steps[0].reply =
		"HTTP/1.1 200 OK\r\nLocation: /a\r\nLocation: /b\r\n" LENGTH(0);
	expect_failure(fixture, SL_E_PROTO, SL_PHASE_HEAD, "two different Locations");
	fixture->script.steps[1].reply =
		"HTTP/1.1 200 OK\r\nLocation: /a\r\nLocation: /a\r\n" LENGTH(0);
	cr_expect_eq(fetch(fixture, "/"), 0, "%s", fixture->err.text);
	fixture_free(fixture);
	return 0;
}

/* 300 KiB of it, beyond the limit of a line; curl's for all of a chain is CVE-2023-38039. */
CLIENT_TEST(refuses_a_location_without_end)
{
	struct fixture *fixture = fixture_new();
	struct sl_buf reply = { 0 };
	sl_buf_add_str(&reply, MOVED "Location: /");
	for (int i = 0; i < 300 * 1024; i++)
		sl_buf_add_char(&reply, 'x');
	sl_buf_add_str(&reply, "\r\n\r\n");
	fixture->script.steps[0] =
		(struct step){ .reply = reply.data, .len = reply.len, .then = CLOSE };
	expect_failure(fixture, SL_E_LIMIT, SL_PHASE_HEAD, "64 KiB");
	fixture_free(fixture);
	sl_buf_release(&reply);
	return 0;
}

/* Each response is within the limits, all of them together are not. */
static void
expect_limit_of_chain(const char *field, unsigned count, const char *words)
{
	struct fixture *fixture = fixture_new();
	struct sl_buf reply = { 0 };
	sl_buf_add_str(&reply, MOVED "Location: /\r\n");
	for (unsigned i = 0; i < count; i++)
		sl_buf_printf(&reply, "x: %s\r\n", field);
	sl_buf_add_str(&reply, "\r\n");
	for (unsigned i = 0; i < 4; i++)
		fixture->script.steps[i] = (struct step){ .reply = reply.data, .len = reply.len };
	fixture->script.steps[4].reply = HELLO;
	expect_failure(fixture, SL_E_LIMIT, SL_PHASE_HEAD, words);
	expect_body(fixture, "/x", "hello"); /* a request of its own */
	cr_expect_eq(atomic_load(&fixture->script.next), 5);
	fixture_free(fixture);
	sl_buf_release(&reply);
}

CLIENT_TEST(refuses_a_chain_of_redirects_whose_heads_are_too_large_together)
{
	struct sl_buf field = { 0 };
	for (int i = 0; i < 3000; i++)
		sl_buf_add_char(&field, 'x');
	expect_limit_of_chain(field.data, 24, "256 KiB together");
	expect_limit_of_chain("", 300, "1,000 header lines");
	sl_buf_release(&field);
	return 0;
}

CLIENT_TEST(follows_so_many_redirects_and_no_more)
{
	struct fixture *fixture = fixture_new();
	fixture->options.max_redirects = 3;
	for (unsigned i = 0; i < 8; i++) {
		snprintf(fixture->text[i], sizeof(fixture->text[i]), MOVED "Location: /%u\r\n\r\n",
			i);
		fixture->script.steps[i].reply = fixture->text[i];
	}
	fixture->script.steps[3].reply = HELLO;
	expect_body(fixture, "/x", "hello");
	expect_failure(fixture, SL_E_REDIRECT, SL_PHASE_HEAD, "--max-redirs");
	cr_expect_eq(atomic_load(&fixture->script.next), 8);
	fixture_free(fixture);
	return 0;
}

/* Sites that want to see a client twice before they let it in. */
CLIENT_TEST(follows_a_redirect_to_the_same_url_within_the_limit)
{
	struct fixture *fixture = fixture_new();
	fixture->options.max_redirects = 3;
	for (unsigned i = 0; i < 3; i++)
		fixture->script.steps[i].reply =
			i == 1 ? MOVED "Location: #x\r\n\r\n" : MOVED "Location: /a\r\n\r\n";
	fixture->script.steps[3].reply = HELLO;
	expect_body(fixture, "/a", "hello");
	for (unsigned i = 4; i < 8; i++)
		fixture->script.steps[i].reply = MOVED "Location: ?token=SECRET\r\n\r\n";
	cr_expect_eq(fetch(fixture, "/a?token=SECRET"), SL_E_REDIRECT);
	cr_expect(strstr(fixture->err.text, "leads to itself"), "%s", fixture->err.text);
	cr_expect_null(strstr(fixture->err.text, "SECRET"), "%s", fixture->err.text);
	cr_expect_eq(atomic_load(&fixture->script.next), 8);
	fixture_free(fixture);
	return 0;
}

/* ---- TLS ---- */

static struct fixture *
tls_fixture_new(const char *server)
{
	const char *dir = peer_make_certs();
	static char ca[128];
	struct fixture *fixture = fixture_new();
	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	fixture->script.tls = peer_tls_context(dir, server);
	fixture->options.tls.cacert = ca;
	return fixture;
}

static void
tls_fixture_free(struct fixture *fixture)
{
	SSL_CTX *context = fixture->script.tls;
	fixture_free(fixture);
	SSL_CTX_free(context);
	peer_remove_certs();
}

CLIENT_TEST(reads_bodies_over_tls)
{
	struct fixture *fixture = tls_fixture_new("server");
	struct sl_buf coded = { 0 }, plain = { 0 };
	make_chunks(&coded, &plain);
	fixture->script.steps[0].reply = HELLO;
	fixture->script.steps[1] = (struct step){ .reply = coded.data, .len = coded.len };
	fixture->script.steps[2] = (struct step){ .reply = OK "\r\nhello", .then = CLOSE };
	cr_expect_eq(fetch_as(fixture, "https", "", "/"), 0, "%s", fixture->err.text);
	cr_expect_str_eq(fixture->body.data, "hello");
	cr_expect_eq(fetch_as(fixture, "https", "", "/"), 0, "%s", fixture->err.text);
	cr_expect(sl_span_equal(sl_buf_span(&fixture->body), sl_buf_span(&plain)));
	cr_expect_eq(fetch_as(fixture, "https", "", "/"), 0, "%s", fixture->err.text);
	cr_expect_str_eq(fixture->body.data, "hello");
	cr_expect_eq(atomic_load(&fixture->peer.accepted), 1);
	tls_fixture_free(fixture);
	sl_buf_release(&coded);
	sl_buf_release(&plain);
	return 0;
}

CLIENT_TEST(needs_close_notify_at_the_end_of_an_unframed_body_over_tls)
{
	struct fixture *fixture = tls_fixture_new("server");
	fixture->script.no_close_notify = true;
	fixture->script.steps[0] = (struct step){ .reply = OK "\r\nhello", .then = CLOSE };
	cr_expect_eq(fetch_as(fixture, "https", "", "/"), SL_E_SHORT_BODY, "%s", fixture->err.text);
	cr_expect_eq(fixture->err.phase, SL_PHASE_BODY);
	tls_fixture_free(fixture);
	return 0;
}

CLIENT_TEST(retries_over_tls_when_the_kept_connection_was_cut)
{
	struct fixture *fixture = tls_fixture_new("server");
	fixture->script.no_close_notify = true;
	fixture->script.steps[0] = (struct step){ .reply = HELLO };
	fixture->script.steps[1] = (struct step){ .then = CLOSE };
	fixture->script.steps[2] = (struct step){ .reply = HELLO };
	for (int i = 0; i < 2; i++)
		cr_expect_eq(fetch_as(fixture, "https", "", "/"), 0, "%s", fixture->err.text);
	cr_expect_eq(atomic_load(&fixture->script.next), 3);
	tls_fixture_free(fixture);
	return 0;
}

CLIENT_TEST(refuses_a_certificate_that_is_not_trusted)
{
	struct fixture *fixture = tls_fixture_new("selfsigned");
	cr_expect_eq(fetch_as(fixture, "https", "", "/?sig=SECRET"), SL_E_TLS);
	cr_expect_eq(fixture->err.phase, SL_PHASE_TLS);
	cr_expect(strstr(fixture->err.text, "certificate"), "%s", fixture->err.text);
	cr_expect_null(strstr(fixture->err.text, "SECRET"));
	tls_fixture_free(fixture);
	return 0;
}

CLIENT_TEST(goes_from_https_to_http_only_if_allowed)
{
	struct fixture *fixture = tls_fixture_new("server");
	fixture->script.steps[0].reply =
		redirect_to(fixture, 0, 302, fixture->other.port, "/plain");
	fixture->script.steps[1].reply = fixture->script.steps[0].reply;
	fixture->other_script.steps[0].reply = HELLO;
	cr_expect_eq(fetch_as(fixture, "https", "u:p@", "/"), SL_E_REDIRECT);
	cr_expect(strstr(fixture->err.text, "--allow-downgrade"), "%s", fixture->err.text);
	sl_http_client_free(fixture->client);
	fixture->client = NULL;
	fixture->options.allow_downgrade = true;
	cr_expect_eq(fetch_as(fixture, "https", "u:p@", "/"), 0, "%s", fixture->err.text);
	cr_expect(strstr(fixture->script.requests[1], "Authorization"));
	cr_expect_null(strstr(fixture->other_script.requests[0], "Authorization"));
	tls_fixture_free(fixture);
	return 0;
}

CLIENT_TEST(names_a_certificate_file_that_is_missing)
{
	struct fixture *fixture = fixture_new();
	fixture->options.tls.cacert = "/nonexistent/ca.pem";
	fixture->options.want_tls = true;
	cr_expect_eq(
		sl_http_client_new(&fixture->client, &fixture->options, &fixture->err), -ENOENT);
	cr_expect(strstr(fixture->err.text, "/nonexistent/ca.pem"), "%s", fixture->err.text);
	fixture->options.want_tls = false;
	sl_error_clear(&fixture->err);
	cr_expect_eq(fetch_as(fixture, "https", "", "/"), -ENOENT);
	fixture_free(fixture);
	return 0;
}
