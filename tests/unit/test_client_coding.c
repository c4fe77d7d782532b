/*
 * Responses with a content coding: what is asked for, what is decoded, and what is refused, through
 * the client, for bodies of every framing that come in pieces of any size.
 */
#include "sluice/http/client.h"

#include "support/compress.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define REQUEST_MAX 2048

enum framing { LENGTH, CHUNKED, CLOSE };

/* What the server answers to every request. */
struct reply {
	const char *fields; /* of the head */
	struct sl_span body;
	enum framing framing;
	size_t piece; /* bytes of a chunk, or of one send; 0 = all */
};

struct fixture {
	struct peer peer;
	pthread_mutex_t answering; /* held while the server uses `reply` */
	struct reply reply;
	char request[REQUEST_MAX]; /* the last one */
	struct sl_http_client *client;
	/* of the last response */
	struct sl_error err;
	struct sl_buf body;
	enum sl_codec coding;
	uint64_t length;
	bool is_open_ended;
};

/* ---- the server ---- */

static bool
read_request(int fd, char *text)
{
	for (size_t len = 0; len < REQUEST_MAX - 1;) {
		if (recv(fd, text + len, 1, 0) != 1)
			return false;
		text[++len] = '\0';
		if (len >= 4 && strcmp(text + len - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

/* The client may have closed: what it does not take is lost. */
static bool
say(int fd, const void *data, size_t len)
{
	return send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool
say_piece(int fd, const struct reply *reply, const char *data, size_t len)
{
	char size[32];
	int n = snprintf(size, sizeof(size), "%zx\r\n", len);
	if (reply->framing == CHUNKED && !say(fd, size, (size_t)n))
		return false;
	return say(fd, data, len) && (reply->framing != CHUNKED || say(fd, "\r\n", 2));
}

static bool
answer(int fd, const struct reply *reply, bool has_body)
{
	char head[512];
	size_t len = reply->body.len, piece = reply->piece ? reply->piece : len;
	int n = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s", reply->fields);
	if (reply->framing == LENGTH)
		n += snprintf(head + n, sizeof(head) - (size_t)n, "Content-Length: %zu\r\n", len);
	if (reply->framing == CHUNKED)
		n += snprintf(head + n, sizeof(head) - (size_t)n, "Transfer-Encoding: chunked\r\n");
	n += snprintf(head + n, sizeof(head) - (size_t)n, "\r\n");
	if (!say(fd, head, (size_t)n) || !has_body)
		return !has_body;
	for (size_t off = 0; off < len; off += piece)
		if (!say_piece(fd, reply, reply->body.data + off, SL_MIN(piece, len - off)))
			return false;
	return reply->framing == CHUNKED ? say(fd, "0\r\n\r\n", 5) : reply->framing == LENGTH;
}

static void
serve(struct peer *peer, int fd)
{
	struct fixture *fixture = peer->ctx;
	bool goes_on = true;
	while (goes_on && read_request(fd, fixture->request)) {
		pthread_mutex_lock(&fixture->answering);
		goes_on = answer(fd, &fixture->reply, fixture->request[0] == 'G');
		pthread_mutex_unlock(&fixture->answering);
	}
}

/* What a client refuses is still being sent for a moment: until then `reply` must stay. */
static void
wait_for_server(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->answering);
	pthread_mutex_unlock(&fixture->answering);
}

/* ---- the client ---- */

/* On the heap: tasks have small stacks. */
static struct fixture *
fixture_new(void)
{
	const struct sl_http_client_options options = { .per_host = 1,
		.total = 1,
		.connect_timeout_ns = 60 * SL_NS_PER_S,
		.stall_timeout_ns = 60 * SL_NS_PER_S,
		.max_redirects = 5,
		.user_agent = "test" };
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	cr_assert_not_null(fixture);
	pthread_mutex_init(&fixture->answering, NULL);
	peer_start(&fixture->peer, serve, fixture);
	cr_assert_eq(sl_http_client_new(&fixture->client, &options, NULL), 0);
	return fixture;
}

static void
fixture_free(struct fixture *fixture)
{
	sl_http_client_free(fixture->client);
	peer_stop(&fixture->peer);
	pthread_mutex_destroy(&fixture->answering);
	sl_buf_release(&fixture->body);
	free(fixture);
}

SL_SUSPENDS
static int
read_all(struct fixture *fixture, struct sl_http_exchange *exchange, size_t room)
{
	char *data = malloc(room);
	int got = 1;
	while (got > 0) {
		got = sl_http_read(exchange, data, room, &fixture->err);
		if (got > 0)
			sl_buf_add(&fixture->body, data, (size_t)got);
	}
	free(data);
	return got;
}

/* With `range` of *request too. `room` = of each read. */
SL_SUSPENDS
static int
ask(struct fixture *fixture, struct sl_http_request request, const char *path, size_t room)
{
	char text[200];
	struct sl_url url;
	struct sl_http_exchange *exchange = NULL;
	snprintf(text, sizeof(text), "http://127.0.0.1:%u%s", fixture->peer.port, path);
	cr_assert_eq(sl_url_parse(&url, sl_span_str(text), NULL), 0);
	sl_error_clear(&fixture->err);
	sl_buf_clear(&fixture->body);
	request.method = request.method ? request.method : "GET";
	request.url = &url;
	int code = sl_http_open(fixture->client, &request, &exchange, &fixture->err);
	if (code == 0) {
		fixture->coding = sl_http_coding(exchange);
		fixture->length = sl_http_resource(exchange).length;
		fixture->is_open_ended = sl_http_is_open_ended(exchange);
		code = read_all(fixture, exchange, room);
		sl_http_close(exchange);
	}
	wait_for_server(fixture);
	sl_url_release(&url);
	cr_expect_eq(code, fixture->err.code, "%d: %s", code, fixture->err.text);
	return code;
}

static int
fetch(struct fixture *fixture, enum sl_http_codings codings, size_t room)
{
	return ask(fixture, (struct sl_http_request){ .codings = codings }, "/file", room);
}

#define CODING_TEST(name) \
	static int name##_task(void *arg); \
	Test(http_client_coding, name) \
	{ \
		cr_expect_eq(peer_run(name##_task, NULL), 0); \
	} \
	static int name##_task(SL_UNUSED void *arg)

/* ---- what is decoded ---- */

static const struct {
	enum sl_codec codec;
	const char *fields;
} codings[] = {
	{ SL_CODEC_GZIP, "Content-Encoding: gzip\r\n" },
	{ SL_CODEC_GZIP, "content-encoding: X-GZIP\r\n" },
	{ SL_CODEC_DEFLATE, "Content-Encoding: deflate\r\n" },
	{ SL_CODEC_BROTLI, "Content-Encoding: br\r\n" },
	{ SL_CODEC_ZSTD, "Content-Encoding: zstd, identity\r\n" },
};

CODING_TEST(decodes_bodies_of_every_framing_into_memory_of_any_size)
{
	static const size_t pieces[] = { 0, 1, 7 }, rooms[] = { 1, 100, 65536 };
	struct fixture *fixture = fixture_new();
	struct sl_buf text = { 0 };
	compress_make_text(&text, 700);
	for (size_t i = 0; i < SL_COUNT_OF(codings); i++) {
		struct sl_buf data = { 0 };
		compress_add(&data, codings[i].codec, text.data, text.len);
		for (int framing = LENGTH; framing <= CLOSE; framing++) {
			fixture->reply = (struct reply){ .fields = codings[i].fields,
				.body = sl_buf_span(&data),
				.framing = (enum framing)framing,
				.piece = pieces[framing] };
			int code = fetch(fixture, SL_CODINGS_REQUEST, rooms[framing]);
			cr_expect_eq(code, 0, "%s", fixture->err.text);
			cr_expect(sl_span_equal(sl_buf_span(&fixture->body), sl_buf_span(&text)));
			cr_expect_eq(fixture->coding, codings[i].codec);
			cr_expect_eq(fixture->length, SL_LENGTH_UNKNOWN, "that of coded bytes");
			cr_expect_not(fixture->is_open_ended, "its end is in the coding");
		}
		sl_buf_release(&data);
	}
	fixture_free(fixture);
	sl_buf_release(&text);
	return 0;
}

/* RFC 1952 2.2: wget, wget2 and aria2 give the first one of them and report success. */
CODING_TEST(decodes_all_members)
{
	static const enum sl_codec sequences[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD };
	static const char *const fields[] = { "Content-Encoding: gzip\r\n",
		"Content-Encoding: zstd\r\n" };
	struct fixture *fixture = fixture_new();
	for (size_t i = 0; i < SL_COUNT_OF(sequences); i++) {
		struct sl_buf data = { 0 };
		compress_add(&data, sequences[i], "first", 5);
		compress_add(&data, sequences[i], " second", 7);
		sl_buf_add(&data, "\0\0\0", 4); /* padding */
		fixture->reply = (struct reply){ .fields = fields[i], .body = sl_buf_span(&data) };
		cr_expect_eq(fetch(fixture, SL_CODINGS_REQUEST, 4), 0, "%s", fixture->err.text);
		cr_expect(sl_span_is(sl_buf_span(&fixture->body), "first second"));
		sl_buf_release(&data);
	}
	fixture_free(fixture);
	return 0;
}

/* More than the buffer, in rooms that are much smaller and much larger than what is decoded. */
CODING_TEST(decodes_a_large_body)
{
	static const size_t rooms[] = { 1000, SL_MIB };
	struct fixture *fixture = fixture_new();
	struct sl_buf text = { 0 }, data = { 0 };
	compress_make_text(&text, 2 * SL_MIB);
	compress_add(&data, SL_CODEC_GZIP, text.data, text.len);
	cr_assert_gt(data.len, 200000);
	for (size_t i = 0; i < SL_COUNT_OF(rooms); i++) {
		fixture->reply = (struct reply){ .fields = "Content-Encoding: gzip\r\n",
			.body = sl_buf_span(&data),
			.framing = i == 0 ? LENGTH : CHUNKED,
			.piece = 10000 };
		int code = fetch(fixture, SL_CODINGS_DECODE, rooms[i]);
		cr_expect_eq(code, 0, "%s", fixture->err.text);
		cr_expect(sl_span_equal(sl_buf_span(&fixture->body), sl_buf_span(&text)));
	}
	cr_expect_eq(fixture->peer.accepted, 1, "the connection is used again");
	fixture_free(fixture);
	sl_buf_release(&data);
	sl_buf_release(&text);
	return 0;
}

/* Servers declare a coding for empty files, too. Where the end of the connection is that of the
 * body, all of it may be missing. */
CODING_TEST(an_empty_body_is_empty_if_its_framing_tells)
{
	struct fixture *fixture = fixture_new();
	for (int framing = LENGTH; framing <= CLOSE; framing++) {
		fixture->reply = (struct reply){ .fields = "Content-Encoding: gzip\r\n",
			.body = sl_span("", 0),
			.framing = (enum framing)framing };
		cr_expect_eq(fetch(fixture, SL_CODINGS_REQUEST, 100),
			framing == CLOSE ? SL_E_DECODE : 0, "%d", framing);
		cr_expect_eq(fixture->body.len, 0);
	}
	fixture_free(fixture);
	return 0;
}

/* ---- what is not ---- */

CODING_TEST(decodes_only_where_that_was_asked_for)
{
	struct fixture *fixture = fixture_new();
	fixture->reply = (struct reply){ .fields = "Content-Encoding: gzip\r\n",
		.body = sl_span_str("as it is") };
	cr_expect_eq(fetch(fixture, SL_CODINGS_AS_SENT, 100), 0, "%s", fixture->err.text);
	cr_expect(sl_span_is(sl_buf_span(&fixture->body), "as it is"));
	cr_expect_eq(fixture->coding, SL_CODEC_NONE);
	cr_expect_eq(fixture->length, 8);
	fixture->reply.fields = "Content-Encoding: identity, UTF-8\r\n";
	cr_expect_eq(fetch(fixture, SL_CODINGS_REQUEST, 100), 0, "%s", fixture->err.text);
	cr_expect(sl_span_is(sl_buf_span(&fixture->body), "as it is"));
	cr_expect_eq(fixture->length, 8);
	fixture_free(fixture);
	return 0;
}

/* CVE-2022-32206, CVE-2023-23916 (curl): chains of codings, each of which expands. A reader that
 * recognises formats by their content decides itself. */
CODING_TEST(another_coding_is_refused_where_one_was_requested)
{
	static const char *const fields[] = { "Content-Encoding: compress\r\n",
		"Content-Encoding: x\x01y\r\n", "Content-Encoding: gzip, gzip\r\n",
		"Content-Encoding: gzip\r\nContent-Encoding: br\r\n" };
	static const char *const words[] = {
		"the content coding 'compress', which is not supported", "'x\\x01y'",
		"several content codings ('gzip, gzip')", "several content codings ('gzip, br')"
	};
	struct fixture *fixture = fixture_new();
	for (size_t i = 0; i < SL_COUNT_OF(fields); i++) {
		fixture->reply = (struct reply){ .fields = fields[i], .body = sl_span_str("text") };
		cr_expect_eq(fetch(fixture, SL_CODINGS_REQUEST, 100), SL_E_DECODE);
		cr_expect(strstr(fixture->err.text, words[i]), "%s", fixture->err.text);
		cr_expect_eq(fixture->err.phase, SL_PHASE_HEAD);
		cr_expect_eq(fetch(fixture, SL_CODINGS_DECODE, 100), 0, "%s", fixture->err.text);
		cr_expect(sl_span_is(sl_buf_span(&fixture->body), "text"));
	}
	fixture_free(fixture);
	return 0;
}

enum damage { CUT, CHECKSUM, BEHIND, OTHER };

/* RFC 1952 2.3: a missing trailer, a wrong checksum, bytes behind the end, and what is not in the
 * coding at all. */
CODING_TEST(damage_is_an_error)
{
	static const struct {
		enum damage damage;
		const char *words;
	} cases[] = {
		{ CUT, "cannot decode the body: the gzip data is truncated" },
		{ CHECKSUM, "cannot decode the body: the gzip data is corrupt" },
		{ BEHIND, "cannot decode the body: the gzip data is followed by other data" },
		{ OTHER, "cannot decode the body: it is not gzip data" },
	};
	struct fixture *fixture = fixture_new();
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf data = { 0 };
		if (cases[i].damage == OTHER)
			sl_buf_add_str(&data, "<html>");
		else
			compress_add(&data, SL_CODEC_GZIP, "some text", 9);
		if (cases[i].damage == CUT)
			data.len -= 8;
		else if (cases[i].damage == CHECKSUM)
			data.data[data.len - 8] ^= 1;
		else if (cases[i].damage == BEHIND)
			sl_buf_add_str(&data, "<html>");
		for (int framing = LENGTH; framing <= CLOSE; framing++) {
			fixture->reply = (struct reply){ .fields = "Content-Encoding: gzip\r\n",
				.body = sl_buf_span(&data),
				.framing = (enum framing)framing,
				.piece = 5 };
			cr_expect_eq(fetch(fixture, SL_CODINGS_REQUEST, 100), SL_E_DECODE);
			cr_expect_eq(fixture->err.phase, SL_PHASE_BODY);
			cr_expect(
				strstr(fixture->err.text, cases[i].words), "%s", fixture->err.text);
			cr_expect(strstr(fixture->err.text, "cannot fetch 'http://127.0.0.1:"),
				"%s", fixture->err.text);
		}
		sl_buf_release(&data);
	}
	fixture_free(fixture);
	return 0;
}

/* CVE-2022-32206, CVE-2025-66471: what only fills memory or disks ends soon after 64 MiB. */
CODING_TEST(a_body_that_expands_without_bound_is_refused)
{
	struct fixture *fixture = fixture_new();
	struct sl_buf data = { 0 };
	size_t len = 100 * SL_MIB;
	char *zeros = calloc(1, len);
	compress_add(&data, SL_CODEC_ZSTD, zeros, len);
	free(zeros);
	fixture->reply = (struct reply){ .fields = "Content-Encoding: zstd\r\n",
		.body = sl_buf_span(&data) };
	cr_expect_eq(fetch(fixture, SL_CODINGS_REQUEST, SL_MIB), SL_E_LIMIT);
	cr_expect(strstr(fixture->err.text, "expands to more than 1100 times"), "%s",
		fixture->err.text);
	cr_expect_leq(fixture->body.len, 66 * SL_MIB);
	fixture_free(fixture);
	sl_buf_release(&data);
	return 0;
}

/* RFC 9659: zstd has windows of up to 8 MiB as a content coding. All windows of brotli are fine. */
CODING_TEST(windows_are_limited)
{
	static const struct {
		enum sl_codec codec;
		int log, code;
	} cases[] = { { SL_CODEC_ZSTD, 23, 0 }, { SL_CODEC_ZSTD, 24, SL_E_LIMIT },
		{ SL_CODEC_BROTLI, 24, 0 } };
	struct fixture *fixture = fixture_new();
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf data = { 0 };
		compress_add_window(&data, cases[i].codec, cases[i].log, "text", 4);
		fixture->reply = (struct reply){ .fields = cases[i].codec == SL_CODEC_ZSTD
								   ? "Content-Encoding: zstd\r\n"
								   : "Content-Encoding: br\r\n",
			.body = sl_buf_span(&data) };
		cr_expect_eq(fetch(fixture, SL_CODINGS_REQUEST, 100), cases[i].code, "%zu: %s", i,
			fixture->err.text);
		sl_buf_release(&data);
	}
	fixture_free(fixture);
	return 0;
}

/* ---- what is requested ---- */

static void
expect_accept(struct fixture *fixture, struct sl_http_request request, const char *path,
	const char *wanted)
{
	char line[100];
	(void)ask(fixture, request, path, 100);
	snprintf(line, sizeof(line), "\r\nAccept-Encoding: %s\r\n", wanted);
	cr_expect_not_null(strstr(fixture->request, line), "%s: %s", path, fixture->request);
}

/* What is compressed already gains nothing, and some servers call its own compression a coding. */
CODING_TEST(codings_are_requested_for_whole_files_that_are_not_compressed)
{
	static const char *const compressed[] = { "/a.gz", "/b/A.TGZ?x=y", "/a.zst", "/a.svgz",
		"/a.br", "/a.xz", "/a.bz2" };
	static const char *const others[] = { "/", "/a", "/a?x=.gz", "/a.gz/b", "/a.json" };
	struct fixture *fixture = fixture_new();
	struct sl_resource resource = { .length = 100 };
	struct sl_http_range range = { .begin = 1, .end = 2, .of = &resource };
	static const enum sl_http_codings others_ask[] = { SL_CODINGS_AS_SENT, SL_CODINGS_DECODE,
		SL_CODINGS_COMPARE };
	struct sl_http_request request = { .codings = SL_CODINGS_REQUEST };
	fixture->reply = (struct reply){ .fields = "", .body = sl_span_str("text") };
	for (size_t i = 0; i < SL_COUNT_OF(others); i++)
		expect_accept(fixture, request, others[i], "gzip, br, zstd, deflate");
	for (size_t i = 0; i < SL_COUNT_OF(compressed); i++)
		expect_accept(fixture, request, compressed[i], "identity");
	request.range = &range;
	expect_accept(fixture, request, "/a", "identity");
	request.range = NULL;
	request.method = "HEAD";
	expect_accept(fixture, request, "/a", "identity");
	request.method = "GET";
	for (size_t i = 0; i < SL_COUNT_OF(others_ask); i++) {
		request.codings = others_ask[i];
		expect_accept(fixture, request, "/a", "identity");
	}
	fixture_free(fixture);
	return 0;
}

CODING_TEST(what_is_compressed_by_its_name_comes_as_it_is)
{
	struct fixture *fixture = fixture_new();
	struct sl_http_request request = { .codings = SL_CODINGS_REQUEST };
	fixture->reply = (struct reply){ .fields = "Content-Encoding: x-gzip\r\n",
		.body = sl_span_str("packed") };
	cr_expect_eq(ask(fixture, request, "/a.tar.gz", 100), 0, "%s", fixture->err.text);
	cr_expect(sl_span_is(sl_buf_span(&fixture->body), "packed"));
	cr_expect_eq(fixture->length, 6);
	cr_expect_eq(fixture->coding, SL_CODEC_NONE);
	fixture_free(fixture);
	return 0;
}

/* The length in the answer to HEAD is that of the coded body. */
CODING_TEST(a_head_tells_no_length_of_what_would_be_decoded)
{
	struct fixture *fixture = fixture_new();
	struct sl_http_request request = { .codings = SL_CODINGS_COMPARE, .method = "HEAD" };
	fixture->reply = (struct reply){ .fields = "Content-Encoding: br\r\n",
		.body = sl_span_str("packed") };
	cr_expect_eq(ask(fixture, request, "/a", 100), 0, "%s", fixture->err.text);
	cr_expect_eq(fixture->length, SL_LENGTH_UNKNOWN);
	cr_expect_eq(ask(fixture, request, "/a.br", 100), 0, "%s", fixture->err.text);
	cr_expect_eq(fixture->length, 6);
	request.codings = SL_CODINGS_AS_SENT;
	cr_expect_eq(ask(fixture, request, "/a", 100), 0, "%s", fixture->err.text);
	cr_expect_eq(fixture->length, 6);
	fixture_free(fixture);
	return 0;
}
