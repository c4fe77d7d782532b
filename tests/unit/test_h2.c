/* HTTP/2 of the client against the server of nghttp2, over TLS on loopback. */
#include "sluice/http/client.h"
#include "support/h2_frames.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_NS (60 * SL_NS_PER_S)

static const char *certs;

/* ---- a server: what it does follows from the path ---- */

struct server {
	struct peer peer;
	SSL_CTX *context;
	atomic_uint requests, refused, resets;
	atomic_size_t sent; /* of bodies of /hold */
	bool is_narrow;     /* it permits one stream at first */
	pthread_mutex_t lock;
	char fields[4096]; /* of the last request, a line each */
};

static struct server server;

struct session {
	SSL *ssl;
	nghttp2_session *nghttp2;
	bool is_broken;
	struct answer *answers; /* freed with it */
};

/* A response being sent. */
struct answer {
	char path[64], fields[4096];
	size_t left, offset;
	bool is_cut; /* reset the stream after the bytes */
	struct answer *next;
};

static unsigned char
body_byte(size_t offset)
{
	return (unsigned char)(offset * 13 + (offset >> 9));
}

static nghttp2_nv
field(const char *name, char *value)
{
	union {
		const char *text;
		uint8_t *bytes;
	} n = { .text = name }, v = { .text = value };
	return (nghttp2_nv){ n.bytes, v.bytes, strlen(name), strlen(value), 0 };
}

static ssize_t
on_send(nghttp2_session *nghttp2, const uint8_t *data, size_t len, int flags, void *ctx)
{
	struct session *session = ctx;
	(void)nghttp2;
	(void)flags;
	if (!session->is_broken && SSL_write(session->ssl, data, (int)len) != (int)len)
		session->is_broken = true;
	return session->is_broken ? NGHTTP2_ERR_CALLBACK_FAILURE : (ssize_t)len;
}

static ssize_t
on_body(nghttp2_session *nghttp2, int32_t id, uint8_t *out, size_t len, uint32_t *flags,
	nghttp2_data_source *source, void *ctx)
{
	struct answer *answer = source->ptr;
	size_t n = SL_MIN(len, answer->left);
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		out[i] = body_byte(answer->offset + i);
	answer->offset += n;
	answer->left -= n;
	if (strncmp(answer->path, "/hold", 5) == 0)
		atomic_fetch_add(&server.sent, n);
	if (answer->left == 0 && answer->is_cut) {
		cr_assert_eq(nghttp2_submit_rst_stream(nghttp2, 0, id, NGHTTP2_INTERNAL_ERROR), 0);
		return n > 0 ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
	}
	if (answer->left == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (answer->left == 0 && strncmp(answer->path, "/trailers", 9) == 0) {
		char value[] = "1";
		nghttp2_nv nv = field("x-sum", value);
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		cr_assert_eq(nghttp2_submit_trailer(nghttp2, id, &nv, 1), 0);
	}
	return (ssize_t)n;
}

static bool
asks_for(const struct answer *answer, const char *what)
{
	return strncmp(answer->path, what, strlen(what)) == 0;
}

static void
send_body(nghttp2_session *nghttp2, int32_t id, struct answer *answer, size_t announced)
{
	char status[] = "200", length[24];
	const nghttp2_data_provider body = { .source.ptr = answer, .read_callback = on_body };
	snprintf(length, sizeof(length), "%zu", announced);
	nghttp2_nv list[] = { field(":status", status), field("content-length", length) };
	size_t count = asks_for(answer, "/unknown") ? 1 : 2;
	cr_assert_eq(nghttp2_submit_response(nghttp2, id, list, count, &body), 0);
}

static void
send_challenge(nghttp2_session *nghttp2, int32_t id)
{
	char status[] = "401", length[] = "0";
	char challenge[] = "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"";
	nghttp2_nv list[] = { field(":status", status), field("content-length", length),
		field("www-authenticate", challenge) };
	cr_assert_eq(nghttp2_submit_response(nghttp2, id, list, SL_COUNT_OF(list), NULL), 0);
}

static void
send_cookie(nghttp2_session *nghttp2, int32_t id)
{
	char status[] = "200", length[] = "0", cookie[] = "session=abc; Path=/; Secure";
	nghttp2_nv list[] = { field(":status", status), field("content-length", length),
		field("set-cookie", cookie) };
	cr_assert_eq(nghttp2_submit_response(nghttp2, id, list, SL_COUNT_OF(list), NULL), 0);
}

/* 600 fields of 600 bytes. */
static void
send_bomb(nghttp2_session *nghttp2, int32_t id)
{
	static char value[601], status[] = "200";
	nghttp2_nv list[601] = { field(":status", status) };
	memset(value, 'x', sizeof(value) - 1);
	for (size_t i = 1; i < SL_COUNT_OF(list); i++)
		list[i] = field("x-much", value);
	cr_assert_eq(nghttp2_submit_response(nghttp2, id, list, SL_COUNT_OF(list), NULL), 0);
}

static void
send_interim(nghttp2_session *nghttp2, int32_t id, unsigned count)
{
	char status[] = "103";
	nghttp2_nv nv = field(":status", status);
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(nghttp2_submit_headers(nghttp2, 0, id, NULL, &nv, 1, NULL), 0);
}

static void
send_pings(nghttp2_session *nghttp2, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(nghttp2_submit_ping(nghttp2, 0, NULL), 0);
}

/* "/NAME/SIZE" */
static void
respond(nghttp2_session *nghttp2, int32_t id, struct answer *answer)
{
	const char *size = strrchr(answer->path, '/');
	size_t len = (size_t)strtoul(size + 1, NULL, 10);
	answer->left = len;
	if (asks_for(answer, "/refuse") && atomic_fetch_add(&server.refused, 1) < len) {
		nghttp2_submit_rst_stream(nghttp2, 0, id, NGHTTP2_REFUSED_STREAM);
		return;
	}
	if (asks_for(answer, "/flood"))
		send_pings(nghttp2, (unsigned)len);
	else if (asks_for(answer, "/http1"))
		nghttp2_submit_rst_stream(nghttp2, 0, id, NGHTTP2_HTTP_1_1_REQUIRED);
	else if (asks_for(answer, "/digest") && !strstr(answer->fields, "\nauthorization: "))
		send_challenge(nghttp2, id);
	else if (asks_for(answer, "/cookie"))
		send_cookie(nghttp2, id);
	else if (asks_for(answer, "/bomb"))
		send_bomb(nghttp2, id);
	else if (asks_for(answer, "/short"))
		send_body(nghttp2, id, answer, len + 1);
	else if (asks_for(answer, "/long"))
		send_body(nghttp2, id, answer, len - 1);
	else {
		if (asks_for(answer, "/interim"))
			send_interim(nghttp2, id, (unsigned)len);
		answer->is_cut = asks_for(answer, "/cut");
		send_body(nghttp2, id, answer, answer->is_cut ? 2 * len : len);
	}
	if (asks_for(answer, "/leave"))
		cr_assert_eq(nghttp2_submit_goaway(nghttp2, 0, id, NGHTTP2_NO_ERROR, NULL, 0), 0);
}

static int
on_begin(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	struct session *session = ctx;
	cr_assert(answer);
	answer->next = session->answers;
	session->answers = answer;
	nghttp2_session_set_stream_user_data(nghttp2, frame->hd.stream_id, answer);
	return 0;
}

static int
on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *ctx)
{
	struct answer *answer = nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);
	size_t len = strlen(answer->fields);
	(void)flags;
	(void)ctx;
	snprintf(answer->fields + len, sizeof(answer->fields) - len, "%.*s: %.*s\n", (int)name_len,
		(const char *)name, (int)value_len, (const char *)value);
	if (name_len == 5 && memcmp(name, ":path", 5) == 0)
		snprintf(answer->path, sizeof(answer->path), "%.*s", (int)value_len,
			(const char *)value);
	return 0;
}

/* Bytes of a body of no stream. */
static void
send_garbage(struct session *session)
{
	static const unsigned char frame[10] = { 0, 0, 1 };
	session->is_broken = SSL_write(session->ssl, frame, sizeof(frame)) != sizeof(frame);
}

static int
permit(nghttp2_session *nghttp2, uint32_t streams)
{
	const nghttp2_settings_entry settings = { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		streams };
	return nghttp2_submit_settings(nghttp2, 0, &settings, 1);
}

static int
on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	struct answer *answer = nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);
	if (frame->hd.type == NGHTTP2_RST_STREAM)
		atomic_fetch_add(&server.resets, 1);
	if (frame->hd.type == NGHTTP2_WINDOW_UPDATE && answer && server.is_narrow) {
		server.is_narrow = false;
		cr_assert_eq(permit(nghttp2, 20), 0);
	}
	if (frame->hd.type != NGHTTP2_HEADERS || !answer)
		return 0;
	atomic_fetch_add(&server.requests, 1);
	pthread_mutex_lock(&server.lock);
	memcpy(server.fields, answer->fields, sizeof(server.fields));
	pthread_mutex_unlock(&server.lock);
	if (asks_for(answer, "/gone")) {
		((struct session *)ctx)->is_broken = true;
		return 0;
	}
	if (asks_for(answer, "/garbage"))
		send_garbage(ctx);
	else
		respond(nghttp2, frame->hd.stream_id, answer);
	return 0;
}

static nghttp2_session *
new_nghttp2(struct session *session)
{
	nghttp2_session *nghttp2 = NULL;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	cr_assert_eq(nghttp2_option_new(&option), 0);
	nghttp2_option_set_max_send_header_block_length(option, SL_MIB);
	cr_assert_eq(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	cr_assert_eq(nghttp2_session_server_new2(&nghttp2, callbacks, session, option), 0);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	cr_assert_eq(permit(nghttp2, server.is_narrow ? 1 : 20), 0);
	return nghttp2;
}

static void
serve_http1(SSL *ssl)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\0\r\032";
	char data[4096];
	while (SSL_read(ssl, data, sizeof(data)) > 0)
		if (SSL_write(ssl, reply, sizeof(reply) - 1) <= 0)
			break;
}

static void
serve(struct peer *peer, int fd)
{
	struct session session = { .ssl = peer_tls_accept(server.context, fd) };
	const unsigned char *name = NULL;
	unsigned len = 0;
	char data[16384];
	int got;
	(void)peer;
	if (!session.ssl)
		return;
	SSL_get0_alpn_selected(session.ssl, &name, &len);
	if (len != 2) {
		serve_http1(session.ssl);
		SSL_free(session.ssl);
		return;
	}
	session.nghttp2 = new_nghttp2(&session);
	while (nghttp2_session_send(session.nghttp2) == 0 && !session.is_broken &&
		(got = SSL_read(session.ssl, data, sizeof(data))) > 0)
		if (nghttp2_session_mem_recv(session.nghttp2, (const uint8_t *)data, (size_t)got) <
			0)
			break;
	nghttp2_session_del(session.nghttp2);
	for (struct answer *next; session.answers; session.answers = next) {
		next = session.answers->next;
		free(session.answers);
	}
	SSL_free(session.ssl);
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
	unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	(void)in_len;
	*out = in + 1;
	*out_len = in[0];
	return SSL_TLSEXT_ERR_OK;
}

/* ---- the client ---- */

struct fixture {
	struct sl_http_client *client;
	struct sl_http_client_options options;
	sl_task_fn *fn;
};

/* Of a whole download. */
struct fetch {
	struct fixture *fixture;
	char path[64];
	const struct sl_http_range *range;
	size_t got;
	int code;
	struct sl_error err;
};

static void
read_all(struct fetch *fetch, struct sl_http_exchange *exchange)
{
	unsigned char data[5000];
	int code;
	while ((code = sl_http_read(exchange, data, sizeof(data), &fetch->err)) > 0) {
		for (size_t i = 0; i < (size_t)code; i++)
			cr_assert_eq(data[i], body_byte(fetch->got + i), "%s at %zu", fetch->path,
				fetch->got + i);
		fetch->got += (size_t)code;
	}
	fetch->code = code;
}

static int
run_fetch(void *arg)
{
	struct fetch *fetch = arg;
	struct sl_http_exchange *exchange;
	struct sl_url url;
	char text[128];
	int len = snprintf(
		text, sizeof(text), "https://localhost:%u%s", server.peer.port, fetch->path);
	cr_assert_eq(sl_url_parse(&url, sl_span(text, (size_t)len), NULL), 0);
	const struct sl_http_request request = {
		.method = "GET", .url = &url, .range = fetch->range
	};
	fetch->code = sl_http_open(fetch->fixture->client, &request, &exchange, &fetch->err);
	if (fetch->code == 0) {
		read_all(fetch, exchange);
		sl_http_close(exchange);
	}
	sl_url_release(&url);
	return 0;
}

static struct fetch
fetch(struct fixture *fixture, const char *path)
{
	struct fetch fetch = { .fixture = fixture };
	snprintf(fetch.path, sizeof(fetch.path), "%s", path);
	run_fetch(&fetch);
	return fetch;
}

static int
with_client(void *arg)
{
	struct fixture *fixture = arg;
	struct sl_error err = { 0 };
	cr_assert_eq(
		sl_http_client_new(&fixture->client, &fixture->options, &err), 0, "%s", err.text);
	int code = fixture->fn(fixture);
	sl_http_client_free(fixture->client);
	return code;
}

static void
run_with(sl_task_fn *fn, peer_fn *serve_fn, void (*choose)(struct sl_http_client_options *))
{
	char ca[128];
	snprintf(ca, sizeof(ca), "%s/ca.pem", certs);
	struct fixture fixture = { .fn = fn,
		.options = { .per_host = 4,
			.total = 8,
			.connect_timeout_ns = LONG_NS,
			.stall_timeout_ns = LONG_NS,
			.max_redirects = 5,
			.tls.cacert = ca } };
	memset(&server, 0, sizeof(server));
	pthread_mutex_init(&server.lock, NULL);
	server.context = peer_tls_context(certs, "server");
	SSL_CTX_set_alpn_select_cb(server.context, on_alpn, NULL);
	peer_start(&server.peer, serve_fn, &server);
	if (choose)
		choose(&fixture.options);
	cr_expect_eq(peer_run(with_client, &fixture), 0);
	peer_stop(&server.peer);
	SSL_CTX_free(server.context);
}

static void
run(sl_task_fn *fn)
{
	run_with(fn, serve, NULL);
}

static void
set_up(void)
{
	certs = peer_make_certs();
}

static void
tear_down(void)
{
	peer_remove_certs();
}

TestSuite(http_h2, .init = set_up, .fini = tear_down);

static void
expect_whole(const struct fetch *fetch, size_t len)
{
	cr_expect_eq(fetch->code, 0, "%s: %s", fetch->path, fetch->err.text);
	cr_expect_eq(fetch->got, len, "%s: %zu", fetch->path, fetch->got);
}

/* ---- tests ---- */

static int
fetch_one_by_one(void *arg)
{
	static const struct {
		const char *path;
		size_t len;
	} cases[] = { { "/a/0", 0 }, { "/a/1", 1 }, { "/a/5000", 5000 }, { "/a/1000000", 1000000 },
		{ "/unknown/0", 0 }, { "/unknown/70000", 70000 }, { "/trailers/70000", 70000 },
		{ "/trailers/0", 0 }, { "/interim/32", 32 } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct fetch got = fetch(arg, cases[i].path);
		expect_whole(&got, cases[i].len);
	}
	cr_expect_eq(atomic_load(&server.peer.accepted), 1);
	return 0;
}

Test(http_h2, one_connection_carries_one_response_after_the_other)
{
	run(fetch_one_by_one);
}

enum { MANY = 60 };

/* More at a time than the server permits streams of one connection; bodies beyond the windows. */
static int
fetch_many(void *arg)
{
	static struct fetch fetches[MANY];
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < MANY; i++) {
		fetches[i] = (struct fetch){ .fixture = arg };
		snprintf(fetches[i].path, sizeof(fetches[i].path), "/a/%u", i * 10007);
		cr_assert_eq(sl_group_spawn(&group, "fetch", run_fetch, &fetches[i], NULL), 0);
	}
	int code = sl_group_leave(&group);
	for (unsigned i = 0; i < MANY; i++)
		expect_whole(&fetches[i], i * 10007);
	cr_expect_leq(atomic_load(&server.peer.accepted), 4);
	return code;
}

Test(http_h2, many_tasks_share_few_connections)
{
	run(fetch_many);
	cr_expect_eq(atomic_load(&server.requests), MANY);
}

static int
stop_in_the_middle(void *arg)
{
	struct fixture *fixture = arg;
	struct sl_http_exchange *exchange;
	struct sl_url url;
	char text[64], byte;
	int len = snprintf(text, sizeof(text), "https://localhost:%u/a/9000000", server.peer.port);
	cr_assert_eq(sl_url_parse(&url, sl_span(text, (size_t)len), NULL), 0);
	const struct sl_http_request request = { .method = "GET", .url = &url };
	for (unsigned i = 0; i < 40; i++) { /* more than the window of the connection holds */
		cr_assert_eq(sl_http_open(fixture->client, &request, &exchange, NULL), 0);
		cr_assert_eq(sl_http_read(exchange, &byte, 1, NULL), 1);
		sl_http_close(exchange);
	}
	sl_url_release(&url);
	struct fetch got = fetch(fixture, "/a/500000");
	expect_whole(&got, 500000);
	cr_expect_eq(atomic_load(&server.peer.accepted), 1);
	return 0;
}

Test(http_h2, what_is_not_read_does_not_hold_the_connection)
{
	run(stop_in_the_middle);
	cr_expect_eq(atomic_load(&server.resets), 40);
}

static int
repeat_unprocessed(void *arg)
{
	struct fetch got = fetch(arg, "/refuse/1");
	expect_whole(&got, 1);
	atomic_store(&server.refused, 0);
	got = fetch(arg, "/refuse/2");
	cr_expect_eq(got.code, SL_E_STALE, "%s", got.err.text);
	return 0;
}

Test(http_h2, a_request_that_was_not_processed_is_repeated_once)
{
	run(repeat_unprocessed);
}

static int
go_on_after_goaway(void *arg)
{
	for (unsigned i = 0; i < 3; i++) {
		struct fetch got = fetch(arg, "/leave/300000");
		expect_whole(&got, 300000);
	}
	cr_expect_eq(atomic_load(&server.peer.accepted), 3);
	return 0;
}

Test(http_h2, after_goaway_streams_end_and_new_ones_have_another_connection)
{
	run(go_on_after_goaway);
}

/* The connection breaks while others wait, read and send: each ends, well or not. */
static int
lose_connections(void *arg)
{
	static struct fetch fetches[MANY];
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < MANY; i++) {
		fetches[i] = (struct fetch){ .fixture = arg };
		snprintf(fetches[i].path, sizeof(fetches[i].path), "/%s/90007",
			i % 15 == 14 ? "gone" : "a");
		cr_assert_eq(sl_group_spawn(&group, "fetch", run_fetch, &fetches[i], NULL), 0);
	}
	int code = sl_group_leave(&group);
	for (unsigned i = 0; i < MANY; i++) {
		if (fetches[i].code == 0)
			cr_expect_eq(fetches[i].got, 90007);
		cr_expect_neq(fetches[i].code, -ETIMEDOUT, "%s", fetches[i].err.text);
		cr_expect(i % 15 != 14 || fetches[i].code < 0, "%s", fetches[i].path);
	}
	return code;
}

Test(http_h2, a_connection_that_breaks_ends_all_of_its_streams)
{
	run(lose_connections);
}

static int
use_http1(void *arg)
{
	for (unsigned i = 0; i < 3; i++) {
		struct fetch got = fetch(arg, "/http1/3");
		expect_whole(&got, 3);
	}
	cr_expect_eq(atomic_load(&server.requests), 1);
	return 0;
}

Test(http_h2, an_origin_that_requires_http_1_1_gets_it)
{
	run(use_http1);
}

static int
refuse_bad(void *arg)
{
	static const struct {
		const char *path;
		int code;
		const char *text;
	} cases[] = {
		{ "/cut/70000", -ECONNRESET, "INTERNAL_ERROR" },
		{ "/short/70000", SL_E_PROTO, "malformed" },
		{ "/long/70000", SL_E_PROTO, "malformed" },
		{ "/interim/33", SL_E_LIMIT, "more than 32 interim" },
		{ "/garbage/0", SL_E_PROTO, "malformed" },
		{ "/bomb/0", SL_E_LIMIT, "larger than 256 KiB" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct fetch got = fetch(arg, cases[i].path);
		cr_expect_eq(got.code, cases[i].code, "%s: %d", cases[i].path, got.code);
		cr_expect(
			strstr(got.err.text, cases[i].text), "%s: %s", cases[i].path, got.err.text);
		got = fetch(arg, "/a/3000");
		expect_whole(&got, 3000);
	}
	return 0;
}

Test(http_h2, a_bad_response_is_refused_and_the_others_go_on)
{
	run(refuse_bad);
}

static int
end_flood(void *arg)
{
	struct fetch got = fetch(arg, "/flood/3000");
	cr_expect_eq(got.code, SL_E_LIMIT, "%d %s", got.code, got.err.text);
	return 0;
}

Test(http_h2, frames_without_progress_end_the_connection)
{
	run(end_flood);
}

/* ---- which connection carries what ---- */

static const struct sl_resource anything;
static const struct sl_http_range first_bytes = { .begin = 0, .end = 3, .of = &anything };

static int
fetch_ranges(void *arg)
{
	for (unsigned i = 0; i < 3; i++) {
		struct fetch part = { .fixture = arg, .path = "/part/3", .range = &first_bytes };
		run_fetch(&part);
		expect_whole(&part, 3);
		struct fetch got = fetch(arg, "/a/5000");
		expect_whole(&got, 5000);
	}
	cr_expect_eq(atomic_load(&server.peer.accepted), 2);
	return 0;
}

/* Which does not make the origin one without HTTP/2. */
Test(http_h2, ranges_have_connections_of_http_1_1_for_themselves)
{
	run(fetch_ranges);
	cr_expect_eq(atomic_load(&server.requests), 3);
}

SL_SUSPENDS
static struct sl_http_exchange *
open_exchange(struct fixture *fixture, const char *path)
{
	struct sl_http_exchange *exchange = NULL;
	struct sl_url url;
	char text[128];
	int len = snprintf(text, sizeof(text), "https://localhost:%u%s", server.peer.port, path);
	cr_assert_eq(sl_url_parse(&url, sl_span(text, (size_t)len), NULL), 0);
	const struct sl_http_request request = { .method = "GET", .url = &url };
	cr_assert_eq(sl_http_open(fixture->client, &request, &exchange, NULL), 0);
	sl_url_release(&url);
	return exchange;
}

static void
allow_one_connection(struct sl_http_client_options *options)
{
	options->per_host = options->total = 1;
}

/* A body that is not read holds its stream, and the only connection with it. */
static int
fetch_beside(void *arg)
{
	static struct fetch fetches[MANY];
	struct sl_http_exchange *held = open_exchange(arg, "/a/9000000");
	struct sl_group group;
	struct sl_deadline deadline;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	sl_deadline_begin(&deadline, sl_deadline_in(LONG_NS));
	for (unsigned i = 0; i < MANY; i++) {
		fetches[i] = (struct fetch){ .fixture = arg, .path = "/a/3000" };
		cr_assert_eq(sl_group_spawn(&group, "fetch", run_fetch, &fetches[i], NULL), 0);
	}
	int code = sl_group_leave(&group);
	sl_deadline_end(&deadline);
	for (unsigned i = 0; i < MANY; i++)
		expect_whole(&fetches[i], 3000);
	sl_http_close(held);
	return code;
}

Test(http_h2, a_task_that_waits_finds_room_as_soon_as_a_stream_ends)
{
	run_with(fetch_beside, serve, allow_one_connection);
	cr_expect_eq(atomic_load(&server.peer.accepted), 1);
}

enum { TOGETHER = 3 };

static unsigned open_count;

/* Holds its stream until all have one, or the test has given up. */
static int
open_together(void *arg)
{
	struct sl_http_exchange *exchange = open_exchange(arg, "/a/3000");
	open_count++;
	while (open_count < TOGETHER && sl_yield() == 0)
		;
	sl_http_close(exchange);
	return 0;
}

/* The server permits more streams once the body of the only one is being read. */
static int
widen(void *arg)
{
	static char data[65536];
	struct sl_http_exchange *held = open_exchange(arg, "/a/900000000");
	struct sl_group group;
	open_count = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < TOGETHER; i++)
		cr_assert_eq(sl_group_spawn(&group, "open", open_together, arg, NULL), 0);
	cr_assert_eq(sl_yield(), 0); /* they wait now */
	for (unsigned i = 0; i < 5000 && open_count < TOGETHER; i++)
		cr_assert_gt(sl_http_read(held, data, sizeof(data), NULL), 0);
	cr_expect_eq(open_count, TOGETHER, "%u", open_count);
	open_count = TOGETHER;
	sl_http_close(held);
	return sl_group_leave(&group);
}

static void
begin_narrow(struct sl_http_client_options *options)
{
	allow_one_connection(options);
	server.is_narrow = true;
}

Test(http_h2, all_that_wait_learn_that_the_server_permits_more_streams)
{
	run_with(widen, serve, begin_narrow);
	cr_expect_eq(atomic_load(&server.peer.accepted), 1);
}

/* ---- the first connection ---- */

static void
serve_nothing(struct peer *peer, int fd)
{
	(void)peer;
	peer_drain(fd);
}

/* What is to time out later than a connection or a handshake takes is given longer on a machine
 * that needs longer for those: then `is_too_early` is set. */
static uint64_t patience_ns;
static bool is_too_early;

static void
be_impatient(struct sl_http_client_options *options)
{
	options->connect_timeout_ns = patience_ns;
}

static void
run_patiently(sl_task_fn *fn, peer_fn *serve_fn, void (*choose)(struct sl_http_client_options *))
{
	patience_ns = 200 * SL_NS_PER_MS;
	for (is_too_early = true; is_too_early; patience_ns *= 4) {
		cr_assert_lt(patience_ns, LONG_NS);
		is_too_early = false;
		run_with(fn, serve_fn, choose);
	}
}

static int
fetch_in_vain(void *arg)
{
	static struct fetch fetches[MANY];
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < MANY; i++) {
		fetches[i] = (struct fetch){ .fixture = arg, .path = "/a/3000" };
		cr_assert_eq(sl_group_spawn(&group, "fetch", run_fetch, &fetches[i], NULL), 0);
	}
	int code = sl_group_leave(&group);
	is_too_early = fetches[0].err.phase != SL_PHASE_TLS;
	char address[64];
	snprintf(address, sizeof(address), "(127.0.0.1:%u)", server.peer.port);
	for (unsigned i = 0; i < MANY && !is_too_early; i++) {
		cr_expect_eq(fetches[i].code, -ETIMEDOUT, "%d", fetches[i].code);
		cr_expect(strstr(fetches[i].err.text, address), "%s", fetches[i].err.text);
		cr_expect_eq(fetches[i].err.phase, SL_PHASE_TLS, "%u: %d %s", i,
			fetches[i].err.phase, fetches[i].err.text);
		cr_expect(strstr(fetches[i].err.text, "--connect-timeout sets this limit"), "%s",
			fetches[i].err.text);
	}
	return code;
}

/* One after the other would wait for as many timeouts. */
Test(http_h2, a_connection_that_cannot_be_made_fails_all_that_wait_for_it)
{
	run_patiently(fetch_in_vain, serve_nothing, be_impatient);
	cr_expect_eq(atomic_load(&server.peer.accepted), 1);
}

/* TLS with HTTP/2, and not a frame. */
static void
serve_silence(struct peer *peer, int fd)
{
	SSL *ssl = peer_tls_accept(server.context, fd);
	char data[4096];
	(void)peer;
	while (ssl && SSL_read(ssl, data, sizeof(data)) > 0)
		;
	SSL_free(ssl);
}

static void
be_patient_with_responses_only(struct sl_http_client_options *options)
{
	be_impatient(options);
	options->per_host = options->total = 1;
}

/* The first waits for its response, until the others have given up and it is cancelled. */
static int
fetch_from_silence(void *arg)
{
	static struct fetch fetches[3];
	struct sl_group first, others;
	sl_group_enter(&first, SL_GROUP_COLLECT);
	sl_group_enter(&others, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < SL_COUNT_OF(fetches); i++) {
		fetches[i] = (struct fetch){ .fixture = arg, .path = "/a/3000" };
		cr_assert_eq(sl_group_spawn(i == 0 ? &first : &others, "fetch", run_fetch,
				     &fetches[i], NULL),
			0);
	}
	int code = sl_group_leave(&others);
	is_too_early = fetches[0].code == -ETIMEDOUT;
	for (unsigned i = 1; i < SL_COUNT_OF(fetches) && !is_too_early; i++) {
		cr_expect_eq(fetches[i].code, -ETIMEDOUT, "%d", fetches[i].code);
		cr_expect_eq(fetches[i].err.phase, SL_PHASE_CONNECT);
		cr_expect(strstr(fetches[i].err.text, "--connect-timeout sets this limit"), "%s",
			fetches[i].err.text);
	}
	sl_group_cancel(&first, -ECANCELED);
	(void)sl_group_leave(&first);
	cr_expect(is_too_early || fetches[0].code == -ECANCELED, "%d", fetches[0].code);
	return code;
}

Test(http_h2, settings_that_do_not_come_are_awaited_for_the_connect_timeout)
{
	run_patiently(fetch_from_silence, serve_silence, be_patient_with_responses_only);
}

/* ---- memory ---- */

static void
bound_windows(struct sl_http_client_options *options)
{
	options->window_memory = SL_MIB;
	options->streams = 4;
}

/* Each begins with 128 KiB and then takes half of what is left: 256, 128, 64 and 32 of 512. */
static int
hold_bodies(void *arg)
{
	const size_t window = 128 * SL_KIB, grown = (256 + 128 + 64 + 32) * SL_KIB;
	struct sl_http_exchange *held[4];
	for (unsigned i = 0; i < SL_COUNT_OF(held); i++)
		held[i] = open_exchange(arg, "/hold/9000000");
	struct fetch got = fetch(arg, "/a/9000000");
	expect_whole(&got, 9000000);
	cr_expect_eq(
		atomic_load(&server.sent), 4 * window + grown, "%zu", atomic_load(&server.sent));
	for (unsigned i = 0; i < SL_COUNT_OF(held); i++)
		sl_http_close(held[i]);
	held[0] = open_exchange(arg, "/hold/9000000");
	got = fetch(arg, "/a/9000000");
	sl_http_close(held[0]);
	cr_expect_eq(atomic_load(&server.sent), 5 * window + grown + 256 * SL_KIB, "%zu",
		atomic_load(&server.sent));
	return 0;
}

Test(http_h2, what_is_sent_ahead_of_all_readers_is_bounded)
{
	run_with(hold_bodies, serve, bound_windows);
}

/* Until a frame of the type has come. */
static bool
read_until(SSL *ssl, unsigned type)
{
	unsigned char head[9], byte;
	size_t got = 0;
	do {
		for (size_t i = 0; i < sizeof(head); i++)
			if (SSL_read_ex(ssl, &head[i], 1, &got) != 1)
				return false;
		for (size_t len = (size_t)head[1] << 8 | head[2]; len > 0; len--)
			if (SSL_read_ex(ssl, &byte, 1, &got) != 1)
				return false;
	} while (head[3] != type);
	return true;
}

static bool
send_frames(SSL *ssl, const char *text)
{
	struct sl_buf out = { 0 };
	size_t count = 0;
	h2_frames(&out, text);
	bool good = SSL_write_ex(ssl, out.data, out.len, &count) == 1;
	sl_buf_release(&out);
	return good;
}

static bool
send_data(SSL *ssl, size_t begin, size_t len, unsigned flags)
{
	static char body[16384];
	struct sl_buf out = { 0 };
	size_t count = 0;
	for (size_t i = 0; i < len; i++)
		body[i] = (char)body_byte(begin + i);
	h2_frame(&out, NGHTTP2_DATA, flags, 1, sl_span(body, len));
	bool good = SSL_write_ex(ssl, out.data, out.len, &count) == 1;
	sl_buf_release(&out);
	return good;
}

/* The settings are confirmed after the head, which the client has when it answers the PING. The
 * last bytes wait until it has told of room. */
static void
serve_before_confirming(struct peer *peer, int fd)
{
	SSL *ssl = peer_tls_accept(server.context, fd);
	char preface[24], rest[4096];
	size_t count;
	(void)peer;
	if (ssl && SSL_read_ex(ssl, preface, sizeof(preface), &count) == 1 &&
		count == sizeof(preface) && read_until(ssl, NGHTTP2_HEADERS) &&
		send_frames(ssl, "SETTINGS 0 - ;HEADERS 1 h 88;PING 0 - '12345678';") &&
		read_until(ssl, NGHTTP2_PING) && send_frames(ssl, "SETTINGS 0 a ;") &&
		send_data(ssl, 0, 16000, NGHTTP2_FLAG_NONE) &&
		read_until(ssl, NGHTTP2_WINDOW_UPDATE) &&
		send_data(ssl, 16000, 4000, NGHTTP2_FLAG_END_STREAM))
		while (SSL_read(ssl, rest, sizeof(rest)) > 0)
			;
	SSL_free(ssl);
}

static void
bound_small_windows(struct sl_http_client_options *options)
{
	options->window_memory = 128 * SL_KIB;
	options->streams = 4;
}

static int
fetch_early(void *arg)
{
	struct fetch got = fetch(arg, "/a/20000");
	expect_whole(&got, 20000);
	return 0;
}

Test(http_h2, a_response_may_come_before_the_settings_are_confirmed)
{
	run_with(fetch_early, serve_before_confirming, bound_small_windows);
}

/* ---- fields ---- */

static void
expect_field(const char *line)
{
	pthread_mutex_lock(&server.lock);
	cr_expect(strstr(server.fields, line), "%s is missing in:\n%s", line, server.fields);
	pthread_mutex_unlock(&server.lock);
}

static void
expect_no_field(const char *line)
{
	pthread_mutex_lock(&server.lock);
	cr_expect(!strstr(server.fields, line), "%s is in:\n%s", line, server.fields);
	pthread_mutex_unlock(&server.lock);
}

static struct sl_url typed;

static void
type_origin(struct sl_http_client_options *options)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "https://localhost:%u/", server.peer.port);
	cr_assert_eq(sl_url_parse(&typed, sl_span(text, (size_t)len), NULL), 0);
	options->credentials.origins =
		(struct sl_scope_origins){ .typed = &typed, .typed_count = 1 };
}

static void
have_a_user(struct sl_http_client_options *options)
{
	type_origin(options);
	options->credentials.user = "u";
	options->credentials.password = "p";
}

static void
have_a_user_for_digest(struct sl_http_client_options *options)
{
	have_a_user(options);
	options->credentials.only_digest = true;
}

static void
have_keys(struct sl_http_client_options *options)
{
	type_origin(options);
	options->credentials.aws = (struct sl_aws_options){
		.sigv4 = "aws:amz:here:s3", .id = "AKID", .secret = "SECRET", .token = "TOKEN"
	};
}

static int
send_basic(void *arg)
{
	struct fetch got = fetch(arg, "/a/5");
	expect_whole(&got, 5);
	expect_field("\nauthorization: Basic dTpw\n");
	expect_field("\naccept-encoding: identity\n");
	expect_no_field("\nhost: ");
	expect_no_field("connection");
	return 0;
}

static int
send_digest(void *arg)
{
	struct fetch got = fetch(arg, "/digest/5");
	expect_whole(&got, 5);
	expect_field("\nauthorization: Digest username=\"u\"");
	expect_field("uri=\"/digest/5\"");
	got = fetch(arg, "/digest/6");
	expect_whole(&got, 6);
	expect_field("nc=00000002");
	cr_expect_eq(atomic_load(&server.requests), 3);
	return 0;
}

static int
send_signature(void *arg)
{
	struct fetch got = fetch(arg, "/a/5");
	expect_whole(&got, 5);
	expect_field("\nauthorization: AWS4-HMAC-SHA256 Credential=AKID/");
	expect_field("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token");
	expect_field("\nx-amz-date: ");
	expect_field("\nx-amz-content-sha256: ");
	expect_field("\nx-amz-security-token: TOKEN\n");
	return 0;
}

static int
send_cookies(void *arg)
{
	struct fetch got = fetch(arg, "/cookie/0");
	expect_whole(&got, 0);
	expect_no_field("\ncookie: ");
	got = fetch(arg, "/a/5");
	expect_whole(&got, 5);
	expect_field("\ncookie: session=abc\n");
	return 0;
}

Test(http_h2, credentials_and_cookies_are_sent_as_by_http_1_1)
{
	static const struct {
		sl_task_fn *fn;
		void (*choose)(struct sl_http_client_options *);
	} cases[] = {
		{ send_basic, have_a_user },
		{ send_digest, have_a_user_for_digest },
		{ send_signature, have_keys },
		{ send_cookies, NULL },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		run_with(cases[i].fn, serve, cases[i].choose);
		cr_expect_eq(atomic_load(&server.peer.accepted), 1);
		sl_url_release(&typed);
		typed = (struct sl_url){ 0 };
	}
}
