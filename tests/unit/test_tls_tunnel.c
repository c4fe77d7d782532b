/* TLS within TLS on loopback: an origin behind the TLS of a proxy, both OpenSSL's. */
#include "sluice/net/connector.h"

#include "sluice/base/random.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LONG_NS (60 * SL_NS_PER_S)
#define PIECE (100 * SL_KIB) /* many records; fits into the buffers of the sockets */
#define PIECES 20

static const char *certs;
static SSL_CTX *proxy_context, *origin_context;
static struct peer peer;
static atomic_uint origin_closes; /* close_notify of the inner stream */

/* ---- the server's side ---- */

/* The origin's stream within the proxy's; NULL if its handshake fails. */
static SSL *
accept_within(SSL *proxy)
{
	SSL *origin = SSL_new(origin_context);
	BIO *bio = BIO_new(BIO_f_ssl());
	cr_assert(origin && bio && BIO_set_ssl(bio, proxy, BIO_NOCLOSE));
	SSL_set_bio(origin, bio, bio);
	if (SSL_accept(origin) == 1)
		return origin;
	SSL_free(origin);
	return NULL;
}

static void
serve_echo(struct peer *of, int fd)
{
	SSL *proxy = peer_tls_accept(proxy_context, fd);
	SSL *origin = proxy ? accept_within(proxy) : NULL;
	char data[20000];
	int got;
	(void)of;
	while (origin && (got = SSL_read(origin, data, sizeof(data))) > 0)
		if (SSL_write(origin, data, got) != got)
			break;
	if (origin && SSL_get_shutdown(origin) & SSL_RECEIVED_SHUTDOWN)
		atomic_fetch_add(&origin_closes, 1);
	SSL_free(origin);
	SSL_free(proxy);
}

enum ending { BOTH_END, PROXY_ENDS, PROXY_IS_CUT, PROXY_IS_DAMAGED };

/* "hello" from the origin, and then the end as the test wants it (peer.ctx). */
static void
serve_ending(struct peer *of, int fd)
{
	static const unsigned char damage[] = { 23, 3, 3, 0, 4, 1, 2, 3, 4 };
	enum ending ending = *(const enum ending *)of->ctx;
	SSL *proxy = peer_tls_accept(proxy_context, fd), *origin = accept_within(proxy);
	cr_expect_eq(SSL_write(origin, "hello", 5), 5);
	if (ending == BOTH_END)
		(void)SSL_shutdown(origin);
	if (ending == PROXY_IS_DAMAGED)
		peer_send(fd, damage, sizeof(damage));
	else if (ending != PROXY_IS_CUT)
		(void)SSL_shutdown(proxy);
	shutdown(fd, SHUT_WR);
	peer_drain(fd);
	SSL_free(origin);
	SSL_free(proxy);
}

/* ---- the client's side ---- */

struct test {
	sl_task_fn *fn;
	struct sl_connector *connector;
};

static bool proxy_resumed; /* of the last tunnel: the proxy has taken up an earlier session */

static int
open_tunnel(struct sl_connector *connector, const char *proxy, const char *origin,
	struct sl_connection **out, struct sl_error *err)
{
	uint64_t until_ns = sl_deadline_in(LONG_NS);
	struct sl_connection *plain = NULL, *tunnel = NULL;
	cr_assert_eq(
		sl_connector_open(connector, "127.0.0.1", peer.port, until_ns, &plain, err), 0);
	int code = sl_connector_secure(
		connector, plain, proxy, peer.port, SL_ALPN_HTTP1, until_ns, &tunnel, err);
	if (code < 0)
		return code;
	struct sl_tls_info info;
	sl_tls_describe(tunnel, &info);
	proxy_resumed = info.resumed;
	return sl_connector_secure(
		connector, tunnel, origin, 443, SL_ALPN_HTTP1, until_ns, out, err);
}

static struct sl_connection *
must_open(struct sl_connector *connector)
{
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	int code = open_tunnel(connector, "localhost", "sluice.test", &connection, &err);
	cr_assert_eq(code, 0, "%s", err.text);
	return connection;
}

static int
with_connector(void *arg)
{
	struct test *test = arg;
	struct sl_tls *tls = NULL;
	char path[128];
	snprintf(path, sizeof(path), "%s/ca.pem", certs);
	cr_assert_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = path }, NULL), 0);
	cr_assert_eq(sl_connector_new(&test->connector, &(struct sl_connector_options){ 0 }), 0);
	sl_connector_set_tls(test->connector, tls);
	int code = test->fn(test->connector);
	sl_connector_free(test->connector);
	sl_tls_free(tls);
	return code;
}

static void
run_with(peer_fn *serve, void *ctx, sl_task_fn *fn)
{
	struct test test = { .fn = fn };
	peer_start(&peer, serve, ctx);
	cr_expect_eq(peer_run(with_connector, &test), 0);
	peer_stop(&peer);
}

static void
set_up(void)
{
	certs = peer_make_certs();
	proxy_context = peer_tls_context(certs, "server");
	origin_context = peer_tls_context(certs, "server");
}

static void
tear_down(void)
{
	SSL_CTX_free(proxy_context);
	SSL_CTX_free(origin_context);
	peer_remove_certs();
}

TestSuite(net_tls_tunnel, .init = set_up, .fini = tear_down);

/* ---- tests ---- */

static void
exchange(struct sl_connection *connection, struct sl_random *random, bool whole)
{
	static unsigned char sent[PIECE], got[PIECE];
	struct sl_error err = { 0 };
	for (size_t i = 0; i < PIECE; i++)
		sent[i] = (unsigned char)sl_random_next(random);
	cr_expect_eq(sl_connection_send_all(connection, sent, PIECE, SL_FOREVER, &err), 0);
	for (size_t done = 0; done < PIECE;) {
		int code = sl_connection_recv(
			connection, got + done, PIECE - done, whole, SL_FOREVER, &err);
		cr_assert_gt(code, 0, "%d %s", code, err.text);
		done += (size_t)code;
	}
	cr_expect_eq(memcmp(sent, got, PIECE), 0);
}

static int
carry(void *arg)
{
	struct sl_connection *connection = must_open(arg);
	char address[SL_ADDRESS_TEXT];
	snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)peer.port);
	cr_expect(strcmp(connection->peer, address) == 0, "%s", connection->peer);
	cr_expect(connection->tls);
	struct sl_random random;
	sl_random_init(&random, 1);
	for (int i = 0; i < PIECES; i++) {
		uint64_t begin_ns = sl_now();
		exchange(connection, &random, i % 2);
		cr_expect_geq(connection->moved_ns, begin_ns);
		cr_expect_not(sl_connection_is_disturbed(connection));
		sl_connection_release_memory(connection);
	}
	sl_connection_close(connection);
	return 0;
}

Test(net_tls_tunnel, carries_tls_within_tls)
{
	run_with(serve_echo, NULL, carry);
	cr_expect_eq(atomic_load(&origin_closes), 1);
	cr_expect_eq(atomic_load(&peer.accepted), 1);
}

static int
resume_both(void *arg)
{
	struct sl_random random;
	sl_random_init(&random, 1);
	for (int i = 0; i < 3; i++) {
		struct sl_connection *connection = must_open(arg);
		struct sl_tls_info info;
		sl_tls_describe(connection, &info);
		cr_expect_eq(info.resumed, i > 0, "the origin, connection %d", i);
		cr_expect_eq(proxy_resumed, i > 0, "the proxy, connection %d", i);
		exchange(connection, &random, true); /* their tickets have come */
		sl_connection_close(connection);
	}
	return 0;
}

/* CVE-2021-22890: the ticket of the one was taken for that of the other. */
Test(net_tls_tunnel, keeps_the_sessions_of_proxy_and_origin_apart)
{
	run_with(serve_echo, NULL, resume_both);
}

static int
verify_both(void *arg)
{
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	cr_expect_eq(open_tunnel(arg, "proxy.test", "sluice.test", &connection, &err), SL_E_TLS);
	cr_expect(strstr(err.text, "the certificate of 'proxy.test'"), "%s", err.text);
	sl_error_clear(&err);
	cr_expect_eq(open_tunnel(arg, "localhost", "origin.test", &connection, &err), SL_E_TLS);
	cr_expect(strstr(err.text, "the certificate of 'origin.test'"), "%s", err.text);
	return 0;
}

Test(net_tls_tunnel, verifies_the_name_of_the_proxy_and_that_of_the_origin)
{
	run_with(serve_echo, NULL, verify_both);
}

static const struct {
	enum ending ending;
	int code;
	const char *text;
} endings[] = {
	{ BOTH_END, 0, "" },
	{ PROXY_ENDS, SL_E_SHORT_BODY,
		"sluice.test:443 failed: server closed without close_notify" },
	{ PROXY_IS_CUT, SL_E_SHORT_BODY,
		"sluice.test:443 failed: server closed without close_notify" },
	{ PROXY_IS_DAMAGED, SL_E_TLS, "TLS connection with localhost:" },
};

/* What came before is given first; a failure is final, and comes with a text each time. */
static int
end(void *arg)
{
	size_t nth = *(const enum ending *)peer.ctx;
	struct sl_connection *connection = must_open(arg);
	char data[16];
	struct sl_error err = { 0 };
	int code = sl_connection_recv(connection, data, sizeof(data), true, SL_FOREVER, &err);
	cr_expect_eq(code, 5, "%d", code);
	cr_expect_eq(err.code, 0);
	for (int i = 0; i < 2; i++) {
		sl_error_clear(&err);
		code = sl_connection_recv(connection, data, sizeof(data), false, SL_FOREVER, &err);
		cr_expect_eq(code, endings[nth].code, "ending %zu: %d", nth, code);
		cr_expect_eq(err.code, code);
		cr_expect(strstr(err.text, endings[nth].text), "ending %zu: %s", nth, err.text);
	}
	cr_expect(sl_connection_is_disturbed(connection));
	sl_connection_close(connection);
	return 0;
}

Test(net_tls_tunnel, ends_as_the_origin_does_or_is_cut_off)
{
	for (size_t i = 0; i < SL_COUNT_OF(endings); i++) {
		enum ending ending = endings[i].ending;
		cr_assert_eq((size_t)ending, i);
		run_with(serve_ending, &ending, end);
	}
}

/* The proxy's TLS, and then the end without close_notify. */
static void
serve_cut(struct peer *of, int fd)
{
	SSL *proxy = peer_tls_accept(proxy_context, fd);
	char data[1000];
	(void)of;
	(void)SSL_read(proxy, data, sizeof(data)); /* of the handshake with the origin */
	shutdown(fd, SHUT_WR);
	peer_drain(fd);
	SSL_free(proxy);
}

static int
cut_in_handshake(void *arg)
{
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	int code = open_tunnel(arg, "localhost", "sluice.test", &connection, &err);
	cr_expect_eq(code, -ECONNRESET, "%d", code);
	cr_expect_eq(err.code, code);
	cr_expect(strstr(err.text, "TLS handshake with 'sluice.test' failed"), "%s", err.text);
	return 0;
}

Test(net_tls_tunnel, reports_a_handshake_that_is_cut_off_once)
{
	run_with(serve_cut, NULL, cut_in_handshake);
}

static int
not_set_up(void *arg)
{
	struct sl_connector *connector = NULL;
	struct sl_connection *plain = NULL, *secure = NULL;
	struct sl_error err = { 0 };
	(void)arg;
	cr_assert_eq(sl_connector_new(&connector, &(struct sl_connector_options){ 0 }), 0);
	cr_assert_eq(
		sl_connector_open(connector, "127.0.0.1", peer.port, SL_FOREVER, &plain, &err), 0);
	cr_expect_eq(sl_connector_secure(connector, plain, "localhost", 443, SL_ALPN_HTTP1,
			     SL_FOREVER, &secure, &err),
		SL_E_UNSUPPORTED);
	cr_expect(strstr(err.text, "TLS is not set up"), "%s", err.text);
	sl_connector_free(connector);
	return 0;
}

Test(net_tls_tunnel, is_refused_before_tls_is_set_up)
{
	run_with(serve_echo, NULL, not_set_up);
}
