/* The options of TLS against OpenSSL's server on loopback: what is trusted, who we are, which
 * versions and keys are accepted, and what files may hold. */
#include "sluice/net/tls.h"

#include "sluice/net/pins.h"
#include "sluice/rt/io.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_NS (60 * SL_NS_PER_S)

static char certs[64]; /* the directory of the certificates */
static char own[64];   /* one for files of the test */
static struct peer peer;
static SSL_CTX *context;
static char client[SL_TLS_NAME]; /* who the last client was; "" = it did not say */

/* ---- the server ---- */

/* Returns each byte until the client closes. */
static void
serve_echo(struct peer *of, int fd)
{
	SSL *ssl = peer_tls_accept(context, fd);
	X509 *cert = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
	char byte;
	(void)of;
	client[0] = '\0';
	if (cert)
		X509_NAME_oneline(X509_get_subject_name(cert), client, sizeof(client));
	while (ssl && SSL_read(ssl, &byte, 1) == 1)
		if (SSL_write(ssl, &byte, 1) != 1)
			break;
	SSL_free(ssl);
}

static const char *
path_of(const char *name)
{
	static char paths[8][160];
	static unsigned next;
	char *path = paths[next++ % SL_COUNT_OF(paths)];
	snprintf(path, sizeof(paths[0]), "%s/%s", certs, name);
	return path;
}

static const char *
own_path(const char *name)
{
	static char paths[8][160];
	static unsigned next;
	char *path = paths[next++ % SL_COUNT_OF(paths)];
	snprintf(path, sizeof(paths[0]), "%s/%s", own, name);
	return path;
}

static void
write_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "we");
	cr_assert(file && fwrite(data, 1, len, file) == len);
	cr_assert_eq(fclose(file), 0);
}

static void
set_up(void)
{
	snprintf(certs, sizeof(certs), "%s", peer_make_certs());
	snprintf(own, sizeof(own), "/tmp/sluice-tls-XXXXXX");
	cr_assert(mkdtemp(own));
	context = peer_tls_context(certs, "server");
}

static void
tear_down(void)
{
	static const char *const names[] = { "key", "public", "text", "empty", "both" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++)
		unlink(own_path(names[i]));
	rmdir(own);
	SSL_CTX_free(context);
	peer_remove_certs();
}

TestSuite(net_tls_options, .init = set_up, .fini = tear_down);

/* ---- the client ---- */

static int
open_connection(
	struct sl_tls *tls, const char *host, struct sl_connection **out, struct sl_error *err)
{
	struct sl_connection *plain = NULL;
	struct sl_address address = peer_address(&peer);
	int fd = sl_io_socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(sl_io_connect(fd, (struct sockaddr *)&address.storage, address.len,
			     sl_deadline_in(LONG_NS)),
		0);
	cr_assert_eq(sl_connection_open_plain(fd, &plain), 0);
	return sl_tls_connect(
		tls, plain, host, peer.port, SL_ALPN_HTTP1, sl_deadline_in(LONG_NS), out, err);
}

/* One connection; `use` = exchange a byte, after which the server has verified our certificate. */
static int
connect_once(struct sl_tls *tls, const char *host, bool use, struct sl_tls_info *info,
	struct sl_error *err)
{
	struct sl_connection *connection = NULL;
	char byte = 'x';
	int code = open_connection(tls, host, &connection, err);
	if (code < 0)
		return code;
	if (info)
		sl_tls_describe(connection, info);
	if (use)
		code = sl_connection_send_all(connection, &byte, 1, SL_FOREVER, err);
	if (use && code == 0)
		code = sl_connection_recv(connection, &byte, 1, false, SL_FOREVER, err);
	sl_connection_close(connection);
	return SL_MIN(code, 0);
}

/* What a case expects: a code, and words of the message. */
struct attempt {
	struct sl_tls_options options;
	const char *host;
	int code;
	const char *text;
};

/* Sends until the connection is reset: the server has closed without reading. */
static int
send_late(void *arg)
{
	const struct attempt *attempt = arg;
	struct sl_connection *connection = NULL;
	struct sl_tls *tls = NULL;
	struct sl_error err = { 0 };
	char text[100] = { 0 };
	cr_assert_eq(sl_tls_new(&tls, &attempt->options, &err), 0);
	cr_assert_eq(open_connection(tls, "localhost", &connection, &err), 0);
	int code = 0;
	while (code == 0) {
		code = sl_connection_send_all(connection, text, sizeof(text), SL_FOREVER, &err);
		cr_assert_eq(sl_sleep(SL_NS_PER_MS), 0);
	}
	cr_expect_eq(code, attempt->code, "%d instead of %d: %s", code, attempt->code, err.text);
	cr_expect(strstr(err.text, attempt->text), "'%s' not in: %s", attempt->text, err.text);
	sl_connection_close(connection);
	sl_tls_free(tls);
	return 0;
}

static int
try_once(void *arg)
{
	const struct attempt *attempt = arg;
	struct sl_tls *tls = NULL;
	struct sl_error err = { 0 };
	int code = sl_tls_new(&tls, &attempt->options, &err);
	if (code == 0)
		code = connect_once(
			tls, attempt->host ? attempt->host : "localhost", true, NULL, &err);
	cr_expect_eq(code, attempt->code, "%d instead of %d: %s", code, attempt->code, err.text);
	cr_expect(!attempt->text || strstr(err.text, attempt->text), "'%s' not in: %s",
		attempt->text, err.text);
	sl_tls_free(tls);
	return 0;
}

static void
expect(struct attempt attempt)
{
	peer_start(&peer, serve_echo, NULL);
	cr_expect_eq(peer_run(try_once, &attempt), 0);
	peer_stop(&peer);
}

/* ---- our own certificate ---- */

static void
ask_for_certificates(void)
{
	cr_assert(SSL_CTX_load_verify_locations(context, path_of("ca.pem"), NULL));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

Test(net_tls_options, a_client_certificate_is_sent_to_a_server_that_asks)
{
	ask_for_certificates();
	expect((struct attempt){ .options = { .cacert = path_of("ca.pem"),
					 .cert = path_of("client.pem"),
					 .key = path_of("client.key") } });
	cr_expect(strstr(client, "CN=some client"), "%s", client);
}

Test(net_tls_options, a_client_certificate_is_sent_with_its_chain)
{
	ask_for_certificates();
	expect((struct attempt){ .options = { .cacert = path_of("ca.pem"),
					 .cert = path_of("client2.pem"),
					 .key = path_of("client2.key") } });
	cr_expect(strstr(client, "CN=other client"), "%s", client);
}

Test(net_tls_options, a_client_certificate_is_not_sent_unless_asked_for)
{
	expect((struct attempt){ .options = { .cacert = path_of("ca.pem"),
					 .cert = path_of("client.pem"),
					 .key = path_of("client.key") } });
	cr_expect(client[0] == '\0', "%s", client);
}

Test(net_tls_options, a_certificate_and_its_key_may_be_in_one_file)
{
	char text[8192];
	size_t len = 0;
	static const char *const names[] = { "client.key", "client.pem" };
	for (size_t i = 0; i < 2; i++) {
		FILE *file = fopen(path_of(names[i]), "re");
		cr_assert(file);
		len += fread(text + len, 1, sizeof(text) - len, file);
		fclose(file);
	}
	write_file(own_path("both"), text, len);
	ask_for_certificates();
	expect((struct attempt){
		.options = { .cacert = path_of("ca.pem"), .cert = own_path("both") } });
	cr_expect(strstr(client, "CN=some client"), "%s", client);
}

Test(net_tls_options, a_server_that_requires_a_certificate_is_named_as_the_reason)
{
	ask_for_certificates();
	expect((struct attempt){ .options = { .cacert = path_of("ca.pem") },
		.code = SL_E_TLS,
		.text = "the server requires a client certificate (--cert FILE)" });
	expect((struct attempt){ .options = { .cacert = path_of("ca.pem"),
					 .cert = path_of("selfsigned.pem"),
					 .key = path_of("selfsigned.key") },
		.code = SL_E_TLS,
		.text = "client certificate (--cert)" });
}

Test(net_tls_options, the_reason_is_found_although_the_server_has_reset_the_connection)
{
	struct attempt attempt = { .options = { .cacert = path_of("ca.pem") },
		.code = SL_E_TLS,
		.text = "the server requires a client certificate (--cert FILE)" };
	ask_for_certificates();
	peer_start(&peer, serve_echo, NULL);
	cr_expect_eq(peer_run(send_late, &attempt), 0);
	peer_stop(&peer);
}

Test(net_tls_options, files_of_a_client_certificate_that_do_not_do_are_refused)
{
	static const struct {
		const char *cert, *key;
		int code;
		const char *text;
	} cases[] = {
		{ "client.pem", "server.key", SL_E_TLS, "does not belong to the certificate in" },
		{ "client.pem", NULL, SL_E_TLS, "name its file with --key FILE" },
		{ "client.key", "client.key", SL_E_TLS, "holds no client certificate" },
		{ "client.pem", "client.pem", SL_E_TLS, "it must be a PEM file" },
		{ "encrypted.pem", "encrypted.key", SL_E_TLS, "is encrypted" },
		{ "missing.pem", NULL, -ENOENT, "missing.pem" },
		{ "client.pem", "missing.key", -ENOENT, "missing.key" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect((struct attempt){
			.options = { .cacert = path_of("ca.pem"),
				.cert = path_of(cases[i].cert),
				.key = cases[i].key ? path_of(cases[i].key) : NULL },
			.code = cases[i].code,
			.text = cases[i].text });
}

Test(net_tls_options, a_damaged_certificate_behind_ours_is_refused)
{
	char text[8192];
	FILE *file = fopen(path_of("client2.pem"), "re");
	cr_assert(file);
	size_t len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	char *second = strstr(text + 10, "-----BEGIN");
	cr_assert(second);
	second[100] = '!';
	write_file(own_path("both"), text, len);
	expect((struct attempt){ .options = { .cacert = path_of("ca.pem"),
					 .cert = own_path("both"),
					 .key = path_of("client2.key") },
		.code = SL_E_TLS,
		.text = "cannot use the client certificate in" });
}

/* ---- trust ---- */

static void
link_by_hash(const char *cert, const char *directory, char *path, size_t cap)
{
	FILE *file = fopen(path_of(cert), "re");
	cr_assert(file);
	X509 *x509 = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	cr_assert(x509);
	snprintf(path, cap, "%s/%08lx.0", directory, X509_subject_name_hash(x509));
	X509_free(x509);
	cr_assert_eq(symlink(path_of(cert), path), 0);
}

Test(net_tls_options, a_directory_of_certificates_is_trusted_alone_or_with_a_file)
{
	char hashed[160];
	expect((struct attempt){
		.options = { .capath = own }, .code = SL_E_TLS, .text = "openssl rehash" });
	expect((struct attempt){ .options = { .capath = own_path("none") }, .code = -ENOENT });
	link_by_hash("stranger.pem", own, hashed, sizeof(hashed));
	expect((struct attempt){ .options = { .capath = own },
		.code = SL_E_TLS,
		.text = "in the directory given with --capath" });
	expect((struct attempt){ .options = { .capath = own, .cacert = path_of("ca.pem") } });
	expect((struct attempt){ .options = { .capath = own, .cacert = path_of("selfsigned.pem") },
		.code = SL_E_TLS,
		.text = "in the file and the directory given with --cacert and --capath" });
	unlink(hashed);
	link_by_hash("ca.pem", own, hashed, sizeof(hashed));
	expect((struct attempt){ .options = { .capath = own } });
	unlink(hashed);
}

Test(net_tls_options, any_certificate_will_do_if_none_is_verified)
{
	static const char *const bad[] = { "expired", "wronghost", "selfsigned", "falseca",
		"weakdigest" };
	for (size_t i = 0; i < SL_COUNT_OF(bad); i++) {
		SSL_CTX_free(context);
		context = peer_tls_context(certs, bad[i]);
		expect((struct attempt){ .options = { .insecure = true } });
	}
}

/* ---- pinned keys ---- */

/* The key of server.pem as a list, with `before` in front of it. */
static const char *
pin_of_server(const char *before)
{
	static char text[512];
	unsigned char *der = NULL, hash[SL_PIN_SIZE];
	struct sl_buf pin = { 0 };
	X509 *cert = SSL_CTX_get0_certificate(context);
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	cr_assert(len > 0 && EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL));
	write_file(own_path("public"), der, (size_t)len);
	OPENSSL_free(der);
	sl_pins_format(&pin, hash);
	snprintf(text, sizeof(text), "%s%s", before, pin.data);
	sl_buf_release(&pin);
	return text;
}

#define OTHER_PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

Test(net_tls_options, a_server_must_have_a_pinned_key)
{
	const char *pinned = pin_of_server(OTHER_PIN ";");
	struct sl_tls_options options = { .cacert = path_of("ca.pem"), .pinnedpubkey = pinned };
	expect((struct attempt){ .options = options });
	options.pinnedpubkey = own_path("public");
	expect((struct attempt){ .options = options });
	FILE *file = fopen(own_path("key"), "we");
	cr_assert(file &&
		  PEM_write_PUBKEY(file, X509_get0_pubkey(SSL_CTX_get0_certificate(context))) &&
		  fclose(file) == 0);
	options.pinnedpubkey = own_path("key");
	expect((struct attempt){ .options = options });
	options.pinnedpubkey = OTHER_PIN;
	expect((struct attempt){ .options = options, .code = SL_E_TLS, .text = pin_of_server("") });
}

Test(net_tls_options, a_pinned_key_is_compared_although_no_certificate_is_verified)
{
	struct sl_tls_options options = { .insecure = true, .pinnedpubkey = OTHER_PIN };
	expect((struct attempt){ .options = options, .code = SL_E_TLS, .text = "--pinnedpubkey" });
	options.pinnedpubkey = pin_of_server("");
	expect((struct attempt){ .options = options });
}

Test(net_tls_options, a_pinned_key_does_not_replace_verification)
{
	expect((struct attempt){
		.options = { .cacert = path_of("stranger.pem"), .pinnedpubkey = pin_of_server("") },
		.code = SL_E_TLS,
		.text = "cannot trust the certificate of 'localhost'" });
}

Test(net_tls_options, a_file_without_a_public_key_cannot_be_pinned)
{
	static const char *const files[] = { "client.pem", "client.key" };
	struct sl_tls_options options = { .cacert = path_of("ca.pem") };
	for (size_t i = 0; i < SL_COUNT_OF(files); i++) {
		options.pinnedpubkey = path_of(files[i]);
		expect((struct attempt){
			.options = options, .code = SL_E_TLS, .text = "holds no public key" });
	}
	write_file(own_path("empty"), "", 0);
	options.pinnedpubkey = own_path("empty");
	expect((struct attempt){
		.options = options, .code = SL_E_TLS, .text = "holds no public key" });
	options.pinnedpubkey = path_of("missing");
	expect((struct attempt){ .options = options, .code = -ENOENT });
	options.pinnedpubkey = "sha256//AAAA";
	expect((struct attempt){ .options = options, .code = SL_E_USAGE });
}

/* ---- versions ---- */

Test(net_tls_options, the_oldest_version_is_that_of_the_option)
{
	struct sl_tls_options options = { .cacert = path_of("ca.pem"), .least = SL_TLS_1_3 };
	expect((struct attempt){ .options = options });
	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	expect((struct attempt){ .options = options,
		.code = SL_E_TLS,
		.text = "server does not offer TLS 1.3, which --tls-min requires" });
	options.least = SL_TLS_1_2;
	expect((struct attempt){ .options = options });
}

/* ---- the log of secrets ---- */

Test(net_tls_options, secrets_are_appended_to_a_file_of_our_own)
{
	struct stat st;
	char text[4096];
	struct sl_tls_options options = { .cacert = path_of("ca.pem"), .keylog = own_path("text") };
	umask(0);
	expect((struct attempt){ .options = options });
	expect((struct attempt){ .options = options });
	FILE *file = fopen(options.keylog, "re");
	cr_assert(file);
	size_t len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	cr_expect_eq(fstat(fileno(file), &st), 0);
	fclose(file);
	cr_expect_eq(st.st_mode & 07777, 0600, "%o", (unsigned)st.st_mode);
	unsigned count = 0;
	for (const char *at = text; (at = strstr(at, "CLIENT_TRAFFIC_SECRET_0 ")); at++)
		count += at == text || at[-1] == '\n';
	cr_expect_eq(count, 2, "%s", text);
	cr_expect_eq(text[len - 1], '\n');
}

Test(net_tls_options, secrets_go_to_a_regular_file_only)
{
	struct sl_tls_options options = { .cacert = path_of("ca.pem"), .keylog = own_path("text") };
	cr_assert_eq(mkfifo(options.keylog, 0600), 0);
	expect((struct attempt){ .options = options, .code = -ENXIO, .text = "SSLKEYLOGFILE" });
	options.keylog = "/dev/null";
	expect((struct attempt){
		.options = options, .code = SL_E_TLS, .text = "it is not a regular file" });
	options.keylog = own_path("no/such");
	expect((struct attempt){ .options = options, .code = -ENOENT, .text = "SSLKEYLOGFILE" });
}

/* ---- sessions and what is told of a connection ---- */

/* A session is taken up again, but not by another configuration. */
static int
two_configurations(void *arg)
{
	struct sl_tls_options options = { .cacert = path_of("ca.pem") };
	struct sl_tls *first = NULL, *second = NULL;
	struct sl_tls_info info;
	struct sl_error err = { 0 };
	(void)arg;
	cr_assert_eq(sl_tls_new(&first, &options, &err), 0, "%s", err.text);
	options.cert = path_of("client.pem");
	options.key = path_of("client.key");
	cr_assert_eq(sl_tls_new(&second, &options, &err), 0, "%s", err.text);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(connect_once(first, "localhost", true, &info, &err), 0);
		cr_expect_eq(info.resumed, i > 0);
	}
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(connect_once(second, "localhost", true, &info, &err), 0);
		cr_expect_eq(info.resumed, i > 0, "connection %d", i);
	}
	cr_expect_eq(connect_once(first, "sluice.test", true, &info, &err), 0);
	cr_expect_not(info.resumed, "a session of another host");
	sl_tls_free(first);
	sl_tls_free(second);
	return 0;
}

/* CVE-2016-5419, CVE-2024-0853, CVE-2025-14819 */
Test(net_tls_options, sessions_do_not_cross_configurations_and_hosts)
{
	peer_start(&peer, serve_echo, NULL);
	cr_expect_eq(peer_run(two_configurations, NULL), 0);
	peer_stop(&peer);
}

/* Without verification if arg is not NULL. */
static int
described(void *arg)
{
	struct sl_tls_options options = { .insecure = arg != NULL, .cacert = NULL };
	struct sl_tls *tls = NULL;
	struct sl_tls_info info;
	struct sl_error err = { 0 };
	if (!options.insecure)
		options.cacert = path_of("ca.pem");
	cr_assert_eq(sl_tls_new(&tls, &options, &err), 0, "%s", err.text);
	cr_assert_eq(connect_once(tls, "localhost", true, &info, &err), 0, "%s", err.text);
	cr_expect(strcmp(info.version, "TLSv1.3") == 0 && strstr(info.cipher, "TLS_"), "%s %s",
		info.version, info.cipher);
	cr_expect(strcmp(info.subject, "/O=sluice tests/CN=localhost") == 0, "%s", info.subject);
	cr_expect(strstr(info.issuer, "/CN=sluice test authority"), "%s", info.issuer);
	cr_expect(strlen(info.ends) == 10 && strncmp(info.ends, "20", 2) == 0, "%s", info.ends);
	cr_expect_eq(info.verified, !options.insecure);
	sl_tls_free(tls);
	return 0;
}

Test(net_tls_options, a_connection_tells_what_was_negotiated)
{
	static int insecure;
	peer_start(&peer, serve_echo, NULL);
	cr_expect_eq(peer_run(described, NULL), 0);
	cr_expect_eq(peer_run(described, &insecure), 0);
	peer_stop(&peer);
}
