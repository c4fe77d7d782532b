/* TLS against OpenSSL's server on loopback: verification, handshakes, streams, sessions. */
#include "sluice/net/tls.h"

#include "sluice/base/random.h"
#include "sluice/net/dial.h"
#include "sluice/rt/io.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_NS (60 * SL_NS_PER_S)
#define SHORT_NS (20 * SL_NS_PER_MS)
#define BIG (8 * SL_MIB)
#define TICKETS 3

static const char *certs;

/* What the server does and what it saw. */
struct server {
	struct peer peer;
	SSL_CTX *context;
	char sni[64], alpn[32];
	atomic_uint handshakes, closed_orderly;
	uint16_t behind; /* a relay's: the port it passes on to */
};

static struct server server;
static enum sl_alpn alpn; /* that is offered */

/* ---- the server's side ---- */

static int /* NOLINTNEXTLINE(readability-non-const-parameter): a type of OpenSSL's */
on_sni(SSL *ssl, int *alert, void *arg)
{
	struct server *of = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	(void)alert;
	snprintf(of->sni, sizeof(of->sni), "%s", name ? name : "(none)");
	return SSL_TLSEXT_ERR_OK;
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
	unsigned in_len, void *arg)
{
	struct server *of = arg;
	(void)ssl;
	cr_assert_geq(in_len, 1);
	snprintf(of->alpn, sizeof(of->alpn), "%.*s", (int)in_len - 1, (const char *)in + 1);
	*out = in + 1;
	*out_len = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static SSL *
begin(struct peer *peer, int fd)
{
	struct server *of = peer->ctx;
	SSL *ssl = peer_tls_accept(of->context, fd);
	if (ssl)
		atomic_fetch_add(&of->handshakes, 1);
	return ssl;
}

/* Returns all it gets until the client closes. */
static void
serve_echo(struct peer *peer, int fd)
{
	struct server *of = peer->ctx;
	SSL *ssl = begin(peer, fd);
	char data[20000];
	int got;
	while (ssl && (got = SSL_read(ssl, data, sizeof(data))) > 0)
		if (SSL_write(ssl, data, got) != got)
			break;
	if (ssl && SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN)
		atomic_fetch_add(&of->closed_orderly, 1);
	SSL_free(ssl);
}

static void
serve_handshake(struct peer *peer, int fd)
{
	SSL *ssl = begin(peer, fd);
	peer_drain(fd);
	SSL_free(ssl);
}

static void
serve_text_then_end(struct peer *peer, int fd)
{
	SSL *ssl = begin(peer, fd);
	cr_expect_eq(SSL_write(ssl, "hello", 5), 5);
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
}

static void
serve_text_then_cut(struct peer *peer, int fd)
{
	SSL *ssl = begin(peer, fd);
	cr_expect_eq(SSL_write(ssl, "hello", 5), 5);
	shutdown(fd, SHUT_WR);
	peer_drain(fd);
	SSL_free(ssl);
}

static void
serve_text_then_damage(struct peer *peer, int fd)
{
	static const unsigned char record[] = { 23, 3, 3, 0, 32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
		12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
		32 };
	SSL *ssl = begin(peer, fd);
	cr_expect_eq(SSL_write(ssl, "hello", 5), 5);
	peer_send(fd, record, sizeof(record));
	peer_drain(fd);
	SSL_free(ssl);
}

static void
serve_text_then_reset(struct peer *peer, int fd)
{
	SSL *ssl = begin(peer, fd);
	char byte;
	cr_expect_eq(SSL_write(ssl, "hello", 5), 5);
	cr_expect_eq(SSL_read(ssl, &byte, 1), 1, "the client has read");
	peer_reset_on_close(fd);
	SSL_free(ssl);
}

/* "one" is sent at once, "two" when the client has spoken. */
static void
serve_text_on_demand(struct peer *peer, int fd)
{
	SSL *ssl = begin(peer, fd);
	char byte;
	cr_expect_eq(SSL_write(ssl, "one", 3), 3);
	cr_expect_eq(SSL_read(ssl, &byte, 1), 1);
	cr_expect_eq(SSL_write(ssl, "two", 3), 3);
	(void)SSL_read(ssl, &byte, 1);
	SSL_free(ssl);
}

static void
serve_key_updates(struct peer *peer, int fd)
{
	SSL *ssl = begin(peer, fd);
	char data[8];
	for (int i = 0; i < 3; i++) {
		cr_expect(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED));
		cr_expect_eq(SSL_write(ssl, "ping", 4), 4);
		cr_expect_eq(SSL_read(ssl, data, sizeof(data)), 4);
		cr_expect_arr_eq(data, "pong", 4);
	}
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
}

/* More of them in one flight than OpenSSL may answer before what it wrote is sent. */
static void
serve_many_key_updates(struct peer *peer, int fd)
{
	SSL *ssl = begin(peer, fd);
	BIO *socket_bio = SSL_get_wbio(ssl), *flight = BIO_new(BIO_s_mem());
	char *data = NULL, byte;
	cr_expect_eq(SSL_write(ssl, "hello", 5), 5);
	cr_expect_eq(SSL_read(ssl, &byte, 1), 1);
	cr_assert(flight && BIO_up_ref(socket_bio));
	SSL_set0_wbio(ssl, flight);
	for (int i = 0; i < 3000; i++)
		cr_assert(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) &&
			  SSL_do_handshake(ssl) == 1);
	long len = BIO_get_mem_data(flight, &data);
	peer_send(fd, data, (size_t)len);
	SSL_set0_wbio(ssl, socket_bio);
	cr_expect_eq(SSL_write(ssl, "world", 5), 5);
	peer_drain(fd);
	SSL_free(ssl);
}

/* A session ticket for each byte of the client's, then the end. */
static void
serve_text_then_tickets(struct peer *peer, int fd)
{
	SSL *ssl = begin(peer, fd);
	char byte;
	cr_expect_eq(SSL_write(ssl, "hello", 5), 5);
	for (int i = 0; i < TICKETS; i++) {
		cr_expect_eq(SSL_read(ssl, &byte, 1), 1);
		cr_expect(SSL_new_session_ticket(ssl) && SSL_do_handshake(ssl) == 1);
	}
	cr_expect_eq(SSL_read(ssl, &byte, 1), 1);
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
}

static void
serve_plain_http(struct peer *peer, int fd)
{
	char hello[1024];
	(void)peer;
	cr_expect_gt(recv(fd, hello, sizeof(hello), 0), 0);
	peer_send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	peer_drain(fd);
}

static void
serve_hangup(struct peer *peer, int fd)
{
	char hello[4096];
	(void)peer;
	cr_expect_gt(recv(fd, hello, sizeof(hello), 0), 0);
}

static void
serve_reset(struct peer *peer, int fd)
{
	char hello[4096];
	(void)peer;
	cr_expect_gt(recv(fd, hello, sizeof(hello), 0), 0);
	peer_reset_on_close(fd);
}

static void
serve_silence(struct peer *peer, int fd)
{
	(void)peer;
	peer_drain(fd);
}

/* Passes the server's bytes on in pieces of 1 to 7, the client's as they come. */
static void
serve_relay(struct peer *peer, int fd)
{
	const struct server *of = peer->ctx;
	struct sl_address to = peer_address(peer);
	struct sl_random random;
	char data[4096];
	sl_random_init(&random, 7);
	sl_address_set_port(&to, of->behind);
	int back = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(back, (struct sockaddr *)&to.storage, to.len), 0);
	fcntl(back, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		size_t piece = 1 + (size_t)sl_random_below(&random, 7);
		ssize_t up = recv(fd, data, sizeof(data), 0);
		if (up > 0)
			peer_send(back, data, (size_t)up);
		if (up == 0)
			break;
		ssize_t down = recv(back, data, piece, 0);
		if (down > 0)
			peer_send(fd, data, (size_t)down);
	}
	close(back);
}

static void
start(const char *cert, peer_fn *serve)
{
	memset(&server, 0, sizeof(server));
	server.context = peer_tls_context(certs, cert);
	SSL_CTX_set_tlsext_servername_callback(server.context, on_sni);
	SSL_CTX_set_tlsext_servername_arg(server.context, &server);
	SSL_CTX_set_alpn_select_cb(server.context, on_alpn, &server);
	peer_start(&server.peer, serve, &server);
}

static void
stop(void)
{
	peer_stop(&server.peer);
	SSL_CTX_free(server.context);
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

TestSuite(net_tls, .init = set_up, .fini = tear_down);

/* ---- the client's side ---- */

static struct sl_tls *
new_tls(const char *name)
{
	char path[128];
	struct sl_tls *tls = NULL;
	struct sl_error err = { 0 };
	snprintf(path, sizeof(path), "%s/%s.pem", certs, name);
	cr_assert_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = path }, &err), 0, "%s",
		err.text);
	return tls;
}

static struct sl_connection *
open_plain(const char *host)
{
	struct sl_addresses addresses = { .count = 1, .list = { peer_address(&server.peer) } };
	struct sl_dialler dialler = { 0 };
	struct sl_connection *plain = NULL;
	size_t index;
	int fd = sl_dial(&dialler, &addresses, host, sl_deadline_in(LONG_NS), &index, NULL);
	cr_assert_geq(fd, 0);
	cr_assert_eq(sl_connection_open_plain(fd, &plain), 0);
	return plain;
}

static int
connect_as(struct sl_tls *tls, const char *host, uint64_t timeout_ns, struct sl_connection **out,
	struct sl_error *err)
{
	return sl_tls_connect(tls, open_plain(host), host, server.peer.port, alpn,
		sl_deadline_in(timeout_ns), out, err);
}

static struct sl_connection *
must_connect(struct sl_tls *tls, const char *host)
{
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	cr_assert_eq(connect_as(tls, host, LONG_NS, &connection, &err), 0, "%s", err.text);
	return connection;
}

static void
expect_text(struct sl_connection *connection, const char *text)
{
	char got[64];
	size_t len = strlen(text), done = 0;
	while (done < len) {
		struct sl_error err = { 0 };
		int code = sl_connection_recv(
			connection, got + done, len - done, false, SL_FOREVER, &err);
		cr_assert_gt(code, 0, "%d %s", code, err.text);
		done += (size_t)code;
	}
	cr_expect_arr_eq(got, text, len);
}

static void
send_text(struct sl_connection *connection, const char *text)
{
	cr_expect_eq(sl_connection_send_all(connection, text, strlen(text), SL_FOREVER, NULL), 0);
}

/* Runs `fn` with a client that trusts ca.pem, against one server. */
static int
with_tls(void *arg)
{
	sl_task_fn **fn = arg;
	struct sl_tls *tls = new_tls("ca");
	int code = (*fn)(tls);
	sl_tls_free(tls);
	return code;
}

static void
run(const char *cert, peer_fn *serve, sl_task_fn *fn)
{
	start(cert, serve);
	cr_expect_eq(peer_run(with_tls, &fn), 0);
	stop();
}

/* ---- verification ---- */

struct verdict {
	const char *cert, *trusted, *host;
	const char *text; /* in the message; NULL = accepted */
	const char *text2;
};

#define NOT_IN_FILE "is not in the file given with --cacert"
#define ALONE \
	"the server did not send an intermediate certificate, and the issuer '/O=sluice tests/CN="
#define UNKNOWN "unable to get local issuer certificate"

static const struct verdict verdicts[] = {
	{ "server", "ca", "localhost", NULL, NULL },
	{ "server", "ca", "localhost.", NULL, NULL },
	{ "server", "ca", "sluice.test", NULL, NULL },
	{ "server", "ca", "a.wild.test", NULL, NULL },
	{ "server", "ca", "127.0.0.1", NULL, NULL },
	{ "server", "ca", "::1", NULL, NULL },
	{ "server", "ca", "0:0::1", NULL, NULL },
	{ "selfsigned", "selfsigned", "localhost", NULL, NULL },
	{ "server", "ca", "other.test",
		"cannot trust the certificate of 'other.test': hostname mismatch",
		"it is for localhost, sluice.test, *.wild.test, p*.part.test" },
	{ "server", "ca", "wild.test", "hostname mismatch", "" },
	{ "server", "ca", "a.b.wild.test", "hostname mismatch", "" },
	{ "server", "ca", "pa.part.test", "hostname mismatch", "" },
	{ "server", "ca", "127.0.0.2", "IP address mismatch",
		"it is for localhost, sluice.test, *.wild.test, p*.part.test, 127.0.0.1, ::1" },
	{ "server", "ca", "::2", "IP address mismatch", "" },
	{ "wronghost", "ca", "localhost", "hostname mismatch", "it is for other.example" },
	{ "wronghost", "ca", "127.0.0.1", "IP address mismatch", "it is for other.example" },
	{ "nosan", "ca", "localhost", "hostname mismatch", "it holds no DNS name" },
	{ "nulname", "ca", "localhost", "hostname mismatch", "it is for localhost?.evil.example" },
	{ "nulcommon", "ca", "localhost", "hostname mismatch", "it holds no DNS name" },
	{ "wildaddress", "ca", "127.0.0.1", "IP address mismatch", "it is for *.0.0.1" },
	{ "dnsaddress", "ca", "127.0.0.1", "IP address mismatch", "it is for 127.0.0.1, ::1" },
	{ "dnsaddress", "ca", "::1", "IP address mismatch", "" },
	{ "wildtop", "ca", "localhost", "hostname mismatch", "it is for *, *.test" },
	{ "wildtop", "ca", "sluice.test", "hostname mismatch", "" },
	{ "wildtop", "ca", "a.sluice.test", "hostname mismatch", "" },
	{ "expired", "ca", "localhost", "certificate has expired", "; it ended on 2" },
	{ "future", "ca", "localhost", "certificate is not yet valid", "; it begins on 2" },
	{ "selfsigned", "ca", "localhost", "self-signed certificate",
		"it is self-signed and " NOT_IN_FILE },
	{ "stranger", "ca", "localhost", UNKNOWN,
		"(subject '/O=sluice tests/CN=localhost', issuer '/O=sluice tests/CN=stranger's "
		"authority'); " ALONE "stranger's authority' " NOT_IN_FILE },
	{ "server", "selfsigned", "localhost", UNKNOWN,
		ALONE "sluice test authority' " NOT_IN_FILE },
	{ "falseca", "ca", "localhost", "invalid CA certificate",
		"(subject '/O=sluice tests/CN=no authority', issuer '/O=sluice tests/CN=sluice "
		"test authority'); it has signed another one and must not" },
	{ "weakdigest", "ca", "localhost", "CA signature digest algorithm too weak",
		"such certificates can be forged" },
	{ "weakkey", "ca", "localhost", "EE certificate key too weak",
		"such certificates can be forged" },
	{ "client", "ca", "localhost", "unsuitable certificate purpose",
		"it is not one of a server" },
	/* Chains, and what trusts them: any certificate of the chain, as with curl. */
	{ "chained", "ca", "localhost", NULL, NULL },
	{ "chained", "intermediate", "localhost", NULL, NULL },
	{ "incomplete", "intermediate", "localhost", NULL, NULL },
	{ "server", "server", "localhost", NULL, NULL },
	{ "server", "intermediate", "localhost", UNKNOWN, ALONE "sluice test authority'" },
	{ "incomplete", "ca", "localhost", UNKNOWN,
		ALONE "sluice test intermediate' " NOT_IN_FILE
		      ": the server should send its whole chain" },
	{ "chained", "stranger", "localhost", UNKNOWN,
		"its issuer '/O=sluice tests/CN=sluice test authority' was not sent by the server "
		"and " NOT_IN_FILE "; if you trust the issuer, add its certificate to that file" },
};

static int
verify(void *arg)
{
	const struct verdict *verdict = arg;
	struct sl_tls *tls = new_tls(verdict->trusted);
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	int code = connect_as(tls, verdict->host, LONG_NS, &connection, &err);
	if (!verdict->text) {
		cr_expect_eq(code, 0, "%s", err.text);
	} else {
		cr_expect_eq(code, SL_E_TLS);
		cr_expect_eq(err.phase, SL_PHASE_TLS);
		cr_expect(strstr(err.text, verdict->text) && strstr(err.text, verdict->text2), "%s",
			err.text);
		cr_expect_null(connection);
	}
	sl_connection_close(connection);
	sl_tls_free(tls);
	return 0;
}

/* CVE-2020-13614, CVE-2013-4545: a name that is not compared; CVE-2009-2417, CVE-2009-3490: one
 * that ends at a NUL; CVE-2014-0139: a wildcard for an address. */
Test(net_tls, accepts_only_a_trusted_valid_certificate_of_the_host)
{
	for (size_t i = 0; i < SL_COUNT_OF(verdicts); i++) {
		struct verdict verdict = verdicts[i];
		start(verdict.cert, serve_handshake);
		cr_expect_eq(peer_run(verify, &verdict), 0);
		stop();
	}
}

/* ---- loading ---- */

static int
load_bad_files(void *arg)
{
	static const struct {
		const char *name;
		int code;
		const char *text;
	} cases[] = {
		{ "missing.pem", -ENOENT, "no such file or directory" },
		{ "server.key", SL_E_TLS, "holds no readable certificate" },
		{ ".", -EISDIR, "is a directory" },
	};
	(void)arg;
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char path[128];
		struct sl_tls *tls = NULL;
		struct sl_error err = { 0 };
		snprintf(path, sizeof(path), "%s/%s", certs, cases[i].name);
		cr_expect_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = path }, &err),
			cases[i].code, "%s", err.text);
		cr_expect(
			strstr(err.text, cases[i].text) && strstr(err.text, path), "%s", err.text);
	}
	return 0;
}

static int
load_empty_file(void *arg)
{
	struct sl_tls *tls = NULL;
	struct sl_error err = { 0 };
	(void)arg;
	cr_expect_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = "/dev/null" }, &err),
		SL_E_TLS);
	cr_expect(strstr(err.text, "'/dev/null' holds no readable certificate"), "%s", err.text);
	return 0;
}

static int
load_endless_file(void *arg)
{
	struct sl_tls *tls = NULL;
	struct sl_error err = { 0 };
	(void)arg;
	cr_expect_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = "/dev/zero" }, &err),
		SL_E_TLS);
	cr_expect(strstr(err.text, "'/dev/zero' is too large"), "%s", err.text);
	return 0;
}

/* As a shell passes the output of a command: <(command). */
static int
load_pipe(void *arg)
{
	char path[128], text[16384];
	int fds[2];
	(void)arg;
	snprintf(path, sizeof(path), "%s/ca.pem", certs);
	int file = open(path, O_RDONLY);
	ssize_t len = read(file, text, sizeof(text));
	cr_assert(len > 0 && len < (ssize_t)sizeof(text) && pipe(fds) == 0);
	cr_assert_eq(write(fds[1], text, (size_t)len), len);
	close(file);
	close(fds[1]);
	struct sl_tls *tls = NULL;
	struct sl_error err = { 0 };
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
	cr_expect_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = path }, &err), 0, "%s",
		err.text);
	sl_tls_free(tls);
	close(fds[0]);
	return 0;
}

static int
load_silent_fifo(void *arg)
{
	char path[128];
	struct sl_deadline deadline;
	struct sl_tls *tls = NULL;
	struct sl_error err = { 0 };
	(void)arg;
	snprintf(path, sizeof(path), "%s/fifo", certs);
	cr_assert_eq(mkfifo(path, 0600), 0);
	sl_deadline_begin(&deadline, sl_deadline_in(10 * SL_NS_PER_MS));
	cr_expect_eq(
		sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = path }, &err), -ETIMEDOUT);
	sl_deadline_end(&deadline);
	cr_expect(strstr(err.text, path) && strstr(err.text, "needs a writer"), "%s", err.text);
	unlink(path);
	return 0;
}

static const char *expected_hint;

static int
distrust_by_system_store(void *arg)
{
	struct sl_tls *tls = NULL;
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	(void)arg;
	cr_assert_eq(sl_tls_new(&tls, &(struct sl_tls_options){ .cacert = NULL }, &err), 0, "%s",
		err.text);
	cr_expect_eq(connect_as(tls, "localhost", LONG_NS, &connection, &err), SL_E_TLS);
	cr_expect(strstr(err.text, expected_hint), "%s", err.text);
	sl_tls_free(tls);
	return 0;
}

Test(net_tls, names_a_certificate_file_it_cannot_use)
{
	cr_expect_eq(peer_run(load_bad_files, NULL), 0);
	cr_expect_eq(peer_run(load_empty_file, NULL), 0);
	cr_expect_eq(peer_run(load_endless_file, NULL), 0);
}

Test(net_tls, reads_certificates_from_a_pipe_and_waits_no_longer_than_the_run_may_take)
{
	cr_expect_eq(peer_run(load_pipe, NULL), 0);
	cr_expect_eq(peer_run(load_silent_fifo, NULL), 0);
}

static void
run_with_system_store(const char *file, const char *directory, const char *hint)
{
	expected_hint = hint;
	setenv("SSL_CERT_FILE", file, 1);
	setenv("SSL_CERT_DIR", directory, 1);
	start("server", serve_handshake);
	cr_expect_eq(peer_run(distrust_by_system_store, NULL), 0);
	stop();
}

Test(net_tls, uses_the_systems_store_without_a_file)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/stranger.pem", certs);
	run_with_system_store(path, "/nonexistent/certs",
		"is not in the system's store: the server should send its whole chain; if you "
		"trust "
		"the issuer, give its certificate with --cacert FILE");
}

Test(net_tls, names_a_system_store_that_holds_no_certificate)
{
	run_with_system_store("/nonexistent/cert.pem", "/nonexistent/certs",
		"no CA certificates were found in '/nonexistent/cert.pem' and "
		"'/nonexistent/certs': install the package ca-certificates, or name a file of "
		"trusted certificates with --cacert FILE");
	/* A directory whose files do not have the names that OpenSSL looks for. */
	run_with_system_store(
		"/dev/null", certs, "no CA certificates were found in '/dev/null' and ");
}

Test(net_tls, finds_certificates_in_any_directory_of_the_system_store)
{
	char path[128], paths[256];
	snprintf(path, sizeof(path), "%s/0123abcd.0", certs);
	snprintf(paths, sizeof(paths), "/nonexistent/certs:%s", certs);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	run_with_system_store("/nonexistent/cert.pem", paths, "is not in the system's store");
	unlink(path);
}

/* ---- what is offered ---- */

static int
offer_name(void *arg)
{
	sl_connection_close(must_connect(arg, "sluice.test."));
	cr_expect_str_eq(server.sni, "sluice.test");
	sl_connection_close(must_connect(arg, "127.0.0.1"));
	cr_expect_str_eq(server.sni, "(none)");
	sl_connection_close(must_connect(arg, "::1"));
	cr_expect_str_eq(server.sni, "(none)");
	cr_expect_str_eq(server.alpn, "http/1.1");
	return 0;
}

Test(net_tls, sends_the_server_names_but_no_addresses_and_http_1_1)
{
	run("server", serve_handshake, offer_name);
}

static int
describe(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	struct sl_tls_info info;
	sl_tls_describe(connection, &info);
	cr_expect_str_eq(info.version, "TLSv1.3");
	cr_expect_not(info.resumed);
	cr_expect(connection->tls);
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, negotiates_the_newest_version)
{
	run("server", serve_handshake, describe);
}

/* ---- handshakes that fail ---- */

struct failure {
	int code;
	const char *text;
};

static const struct failure *expected_failure;

static int
fail_handshake(void *arg)
{
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	cr_expect_eq(connect_as(arg, "localhost", LONG_NS, &connection, &err),
		expected_failure->code, "%s", err.text);
	cr_expect_str_eq(err.text, expected_failure->text);
	cr_expect_eq(err.phase, SL_PHASE_TLS);
	return 0;
}

static void
run_failure(peer_fn *serve, const struct failure *failure)
{
	expected_failure = failure;
	run("server", serve, fail_handshake);
}

Test(net_tls, reports_that_the_port_does_not_use_tls)
{
	run_failure(serve_plain_http,
		&(struct failure){ SL_E_TLS,
			"TLS handshake with 'localhost' failed: the server on this port does not "
			"use TLS" });
}

Test(net_tls, reports_that_the_server_closed_during_the_handshake)
{
	run_failure(serve_hangup,
		&(struct failure){ -ECONNRESET,
			"TLS handshake with 'localhost' failed: server closed the connection" });
}

Test(net_tls, reports_a_reset_during_the_handshake)
{
	run_failure(serve_reset,
		&(struct failure){ -ECONNRESET,
			"TLS handshake with 'localhost' failed: connection reset by peer" });
}

Test(net_tls, refuses_a_server_that_supports_only_old_versions)
{
	static const struct failure failure = {
		SL_E_TLS,
		"TLS handshake with 'localhost' failed: server offers neither TLS 1.2 nor TLS 1.3"
	};
	sl_task_fn *fn = fail_handshake;
	expected_failure = &failure;
	start("server", serve_handshake);
	SSL_CTX_set_security_level(server.context, 0);
	cr_assert(SSL_CTX_set_min_proto_version(server.context, TLS1_VERSION));
	cr_assert(SSL_CTX_set_max_proto_version(server.context, TLS1_1_VERSION));
	cr_expect_eq(peer_run(with_tls, &fn), 0);
	stop();
}

static int
wait_for_silence(void *arg)
{
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	cr_expect_eq(connect_as(arg, "localhost", SHORT_NS, &connection, &err), -ETIMEDOUT);
	cr_expect_str_eq(err.text, "TLS handshake with 'localhost' failed: timed out");
	return 0;
}

Test(net_tls, gives_up_a_handshake_at_its_deadline)
{
	run("server", serve_silence, wait_for_silence);
}

static int
handshake_forever(void *arg)
{
	struct sl_connection *connection = NULL;
	return connect_as(arg, "localhost", LONG_NS, &connection, NULL);
}

static int
cancel_handshake(void *arg)
{
	struct sl_group group;
	int result = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "handshake", handshake_forever, arg, &result), 0);
	/* Until the server has the connection, at least. */
	while (atomic_load(&server.peer.accepted) == 0)
		cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	cr_expect_eq(result, -ECANCELED);
	return 0;
}

Test(net_tls, gives_up_a_handshake_when_cancelled)
{
	run("server", serve_silence, cancel_handshake);
}

/* ---- the stream ---- */

static void
fill(unsigned char *data, size_t len)
{
	struct sl_random random;
	sl_random_init(&random, 1);
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)sl_random_next(&random);
}

/* One task at a time may use a connection, so sending and receiving take turns: what is sent must
 * fit the buffers on the way. */
static int
echo_everything(void *arg)
{
	enum { PIECE = 40000 };
	static unsigned char sent[PIECE], got[PIECE];
	struct sl_connection *connection = must_connect(arg, "localhost");
	struct sl_random random;
	sl_random_init(&random, 2);
	fill(sent, PIECE);
	for (int round = 0; round < 50; round++) {
		struct sl_error err = { 0 };
		size_t len = 1 + (size_t)sl_random_below(&random, PIECE), done = 0;
		cr_assert_eq(sl_connection_send_all(connection, sent, len, SL_FOREVER, &err), 0);
		while (done < len) {
			size_t ask = 1 + (size_t)sl_random_below(&random, len - done);
			int code = sl_connection_recv(connection, got + done, ask,
				sl_random_below(&random, 2) == 1, SL_FOREVER, &err);
			cr_assert(code > 0 && (size_t)code <= ask, "%d %s", code, err.text);
			done += (size_t)code;
		}
		cr_assert_eq(memcmp(sent, got, len), 0);
	}
	cr_expect_not(sl_connection_is_disturbed(connection), "nothing is left over");
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, carries_bytes_both_ways_unchanged)
{
	run("server", serve_echo, echo_everything);
	cr_expect_eq(atomic_load(&server.closed_orderly), 1, "close_notify was sent");
}

Test(net_tls, carries_bytes_both_ways_with_tls_1_2)
{
	sl_task_fn *fn = echo_everything;
	start("server", serve_echo);
	cr_assert(SSL_CTX_set_max_proto_version(server.context, TLS1_2_VERSION));
	cr_expect_eq(peer_run(with_tls, &fn), 0);
	stop();
	cr_expect_eq(atomic_load(&server.closed_orderly), 1);
}

Test(net_tls, carries_bytes_that_come_in_crumbs)
{
	static struct server behind;
	sl_task_fn *fn = echo_everything;
	start("server", serve_echo);
	behind = server;
	peer_stop(&server.peer);
	peer_start(&behind.peer, serve_echo, &behind);
	peer_start(&server.peer, serve_relay, &server);
	server.behind = behind.peer.port;
	cr_expect_eq(peer_run(with_tls, &fn), 0);
	stop();
	peer_stop(&behind.peer);
}

static void
serve_big(struct peer *peer, int fd)
{
	SSL *ssl = begin(peer, fd);
	unsigned char *data = malloc(BIG);
	fill(data, BIG);
	cr_expect_eq(SSL_write(ssl, data, (int)BIG), (int)BIG);
	(void)SSL_shutdown(ssl);
	free(data);
	SSL_free(ssl);
}

static int
receive_big(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	unsigned char *expected = malloc(BIG), *got = malloc(BIG + 1);
	size_t done = 0;
	int code;
	fill(expected, BIG);
	while ((code = sl_connection_recv(
			connection, got + done, BIG + 1 - done, true, SL_FOREVER, NULL)) > 0)
		done += (size_t)code;
	cr_expect_eq(code, 0);
	cr_expect_eq(done, BIG);
	cr_expect_eq(memcmp(expected, got, BIG), 0);
	sl_connection_close(connection);
	free(expected);
	free(got);
	return 0;
}

Test(net_tls, receives_a_large_body_and_its_orderly_end)
{
	run("server", serve_big, receive_big);
}

static size_t gathered;

static void
note_gathered(struct sl_connection *connection, size_t len)
{
	(void)connection;
	gathered = len;
}

/* A record has up to 16,645 bytes. The beginning of one may be in OpenSSL's buffer, which holds
 * four. */
static const struct {
	size_t wanted, expected;
} gatherings[] = { { SL_MIB, 49935 }, { 0, 0 }, { 66580, 49935 }, { 66579, 49934 }, { 16646, 1 },
	{ 16645, 0 }, { 1, 0 } };

static int
gather(void *arg)
{
	struct sl_connection *below = open_plain("localhost"), *connection = NULL;
	struct sl_connection_methods methods = *below->methods;
	methods.gather = note_gathered;
	below->methods = &methods;
	cr_assert_eq(sl_tls_connect(arg, below, "localhost", server.peer.port, alpn,
			     sl_deadline_in(LONG_NS), &connection, NULL),
		0);
	for (size_t i = 0; i < SL_COUNT_OF(gatherings); i++) {
		sl_connection_gather(connection, gatherings[i].wanted);
		cr_expect_eq(gathered, gatherings[i].expected, "%zu: %zu", gatherings[i].wanted,
			gathered);
	}
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, gathers_ciphertext_that_must_come)
{
	run("server", serve_handshake, gather);
}

static int
end_orderly(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	char byte;
	expect_text(connection, "hello");
	for (int i = 0; i < 2; i++)
		cr_expect_eq(sl_connection_recv(connection, &byte, 1, false, SL_FOREVER, NULL), 0);
	cr_expect(sl_connection_is_disturbed(connection));
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, reports_the_orderly_end)
{
	run("server", serve_text_then_end, end_orderly);
}

/* The failure comes after all that came before it, and stays. */
static int
end_badly(struct sl_tls *tls, int code, const char *text)
{
	struct sl_connection *connection = must_connect(tls, "localhost");
	char got[64];
	cr_expect_eq(sl_connection_recv(connection, got, sizeof(got), true, SL_FOREVER, NULL), 5);
	cr_expect_arr_eq(got, "hello", 5);
	for (int i = 0; i < 2; i++) {
		struct sl_error err = { 0 };
		char byte;
		cr_expect_eq(
			sl_connection_recv(connection, &byte, 1, false, SL_FOREVER, &err), code);
		cr_expect(strstr(err.text, text), "%s", err.text);
		cr_expect_eq(err.phase, SL_PHASE_TLS);
	}
	cr_expect_eq(sl_connection_send_all(connection, "x", 1, SL_FOREVER, NULL), code);
	cr_expect(sl_connection_is_disturbed(connection));
	sl_connection_close(connection);
	return 0;
}

static int
end_cut(void *arg)
{
	return end_badly(arg, SL_E_SHORT_BODY, "server closed without close_notify");
}

static int
end_damaged(void *arg)
{
	return end_badly(arg, SL_E_TLS, "damaged record");
}

Test(net_tls, never_takes_a_cut_stream_for_a_complete_one)
{
	run("server", serve_text_then_cut, end_cut);
}

Test(net_tls, gives_what_came_before_a_damaged_record_and_then_fails)
{
	run("server", serve_text_then_damage, end_damaged);
}

static int
end_reset(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	char byte;
	expect_text(connection, "hello");
	send_text(connection, "x");
	cr_expect_eq(
		sl_connection_recv(connection, &byte, 1, false, SL_FOREVER, NULL), -ECONNRESET);
	cr_expect(sl_connection_is_disturbed(connection));
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, reports_a_reset)
{
	run("server", serve_text_then_reset, end_reset);
}

static int
outlive_deadline(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	char byte;
	expect_text(connection, "one");
	for (int i = 0; i < 2; i++)
		cr_expect_eq(sl_connection_recv(
				     connection, &byte, 1, false, sl_deadline_in(SHORT_NS), NULL),
			-ETIMEDOUT);
	cr_expect_not(sl_connection_is_disturbed(connection));
	send_text(connection, "x");
	expect_text(connection, "two");
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, is_intact_after_a_deadline)
{
	run("server", serve_text_on_demand, outlive_deadline);
}

static int
wait_for_whole(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	char got[6];
	expect_text(connection, "o");
	cr_expect_eq(sl_connection_recv(
			     connection, got, sizeof(got), true, sl_deadline_in(SHORT_NS), NULL),
		2, "the deadline ends it");
	cr_expect_arr_eq(got, "ne", 2);
	cr_expect_eq(sl_connection_recv(
			     connection, got, sizeof(got), true, sl_deadline_in(SHORT_NS), NULL),
		-ETIMEDOUT);
	send_text(connection, "x");
	cr_expect_eq(sl_connection_recv(connection, got, 3, true, SL_FOREVER, NULL), 3);
	cr_expect_arr_eq(got, "two", 3);
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, waits_for_the_whole_until_a_deadline)
{
	run("server", serve_text_on_demand, wait_for_whole);
}

static int
update_keys(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	char byte;
	for (int i = 0; i < 3; i++) {
		expect_text(connection, "ping");
		send_text(connection, "pong");
	}
	cr_expect_eq(sl_connection_recv(connection, &byte, 1, false, SL_FOREVER, NULL), 0);
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, answers_key_updates)
{
	run("server", serve_key_updates, update_keys);
}

static int
take_many_updates(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	expect_text(connection, "hello");
	send_text(connection, "x");
	expect_text(connection, "world");
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, sends_what_it_has_to_answer_before_it_receives_more)
{
	run("server", serve_many_key_updates, take_many_updates);
}

/* What the server sends lies in the socket. */
static void
await_input(const struct sl_connection *connection)
{
	while (!sl_connection_has_input(connection->fd))
		cr_assert_eq(sl_yield(), 0);
}

static int
pass_over_tickets(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	expect_text(connection, "hello");
	for (int i = 0; i < TICKETS; i++) {
		send_text(connection, "x");
		await_input(connection);
		cr_expect_not(sl_connection_is_disturbed(connection));
		cr_expect_not(sl_connection_has_input(connection->fd), "the ticket was taken");
	}
	send_text(connection, "x");
	await_input(connection);
	cr_expect(sl_connection_is_disturbed(connection), "by the end");
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, is_not_disturbed_by_tickets)
{
	run("server", serve_text_then_tickets, pass_over_tickets);
}

static int
notice_unread(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	expect_text(connection, "h");
	cr_expect(sl_connection_is_disturbed(connection), "by what OpenSSL holds");
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, is_disturbed_by_what_was_not_read)
{
	run("server", serve_text_then_end, notice_unread);
}

/* ---- sessions ---- */

static bool
resumes(struct sl_tls *tls, const char *host)
{
	struct sl_connection *connection = must_connect(tls, host);
	struct sl_tls_info info;
	sl_tls_describe(connection, &info);
	send_text(connection, "x");
	expect_text(connection, "x");
	sl_connection_close(connection);
	return info.resumed;
}

static int
reuse_sessions(void *arg)
{
	cr_expect_not(resumes(arg, "localhost"));
	cr_expect(resumes(arg, "localhost"));
	cr_expect(resumes(arg, "localhost"));
	cr_expect_not(resumes(arg, "sluice.test"), "another host");
	cr_expect(resumes(arg, "sluice.test"));
	struct sl_tls *other = new_tls("ca");
	cr_expect_not(resumes(other, "localhost"), "another configuration");
	sl_tls_free(other);
	return 0;
}

Test(net_tls, takes_up_sessions_of_the_same_host_and_configuration)
{
	run("server", serve_echo, reuse_sessions);
}

Test(net_tls, takes_up_sessions_of_tls_1_2)
{
	sl_task_fn *fn = reuse_sessions;
	start("server", serve_echo);
	cr_assert(SSL_CTX_set_max_proto_version(server.context, TLS1_2_VERSION));
	cr_expect_eq(peer_run(with_tls, &fn), 0);
	stop();
}

static int
reuse_on_other_port(void *arg)
{
	cr_expect_not(resumes(arg, "localhost"));
	peer_stop(&server.peer);
	peer_start(&server.peer, serve_echo, &server);
	cr_expect_not(resumes(arg, "localhost"));
	return 0;
}

Test(net_tls, keeps_sessions_of_ports_apart)
{
	run("server", serve_echo, reuse_on_other_port);
}

/* ---- both directions at once ---- */

/* More than the sockets and the server hold, so that neither task can go on without the other. */
#define DUPLEX_BYTES (12 * SL_MIB)

static unsigned char
duplex_byte(size_t offset)
{
	return (unsigned char)(offset * 7 + (offset >> 11));
}

/* By turns all of a piece, and some of it. */
static int
send_duplex(void *arg)
{
	static unsigned char data[40000];
	struct sl_connection *connection = arg;
	struct sl_error err = { 0 };
	size_t done = 0;
	for (unsigned round = 0; done < DUPLEX_BYTES; round++) {
		size_t len = SL_MIN(1 + round * 977 % sizeof(data), DUPLEX_BYTES - done);
		for (size_t i = 0; i < len; i++)
			data[i] = duplex_byte(done + i);
		int code = round % 2 ? sl_connection_send_all(
					       connection, data, len, sl_deadline_in(LONG_NS), &err)
				     : sl_connection_send_some(connection, data, len, true,
					       sl_deadline_in(LONG_NS), &err);
		cr_assert_geq(code, 0, "%s", err.text);
		done += round % 2 ? len : (size_t)code;
	}
	return 0;
}

static int
receive_duplex(void *arg)
{
	static unsigned char data[30000];
	struct sl_error err = { 0 };
	size_t done = 0;
	while (done < DUPLEX_BYTES) {
		int code = sl_connection_recv(
			arg, data, sizeof(data), false, sl_deadline_in(LONG_NS), &err);
		cr_assert_gt(code, 0, "%s after %zu", err.text, done);
		for (size_t i = 0; i < (size_t)code; i++)
			cr_assert_eq(data[i], duplex_byte(done + i), "at %zu", done + i);
		done += (size_t)code;
	}
	return 0;
}

static int
send_and_receive(void *arg)
{
	struct sl_connection *connection = must_connect(arg, "localhost");
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "receive", receive_duplex, connection, NULL), 0);
	cr_assert_eq(sl_group_spawn(&group, "send", send_duplex, connection, NULL), 0);
	int code = sl_group_leave(&group);
	sl_connection_close(connection);
	return code;
}

Test(net_tls, one_task_receives_while_another_sends)
{
	run("server", serve_echo, send_and_receive);
}

static int
offer_http2(void *arg)
{
	alpn = SL_ALPN_HTTP2;
	struct sl_connection *connection = must_connect(arg, "localhost");
	cr_expect(connection->http2);
	cr_expect_str_eq(server.alpn, "h2\bhttp/1.1");
	sl_connection_close(connection);
	alpn = SL_ALPN_HTTP1;
	connection = must_connect(arg, "localhost");
	cr_expect_not(connection->http2);
	cr_expect_str_eq(server.alpn, "http/1.1");
	sl_connection_close(connection);
	return 0;
}

Test(net_tls, offers_http_2_only_where_it_is_wanted)
{
	run("server", serve_handshake, offer_http2);
}

enum { MANY = 6 };

static int
one_of_many(void *arg)
{
	for (int i = 0; i < 3; i++)
		(void)resumes(arg, "localhost");
	return 0;
}

static int
many_at_once(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(sl_group_spawn(&group, "one", one_of_many, arg, NULL), 0);
	return sl_group_leave(&group);
}

Test(net_tls, serves_several_tasks_at_once)
{
	run("server", serve_echo, many_at_once);
	cr_expect_eq(atomic_load(&server.handshakes), MANY * 3);
}
