/*
 * The handshake of TLS: what is asked for, until both sides have finished and the certificate has
 * been found to be right.
 */
#include "sluice/net/tls.h"

#include "sluice/base/bytes.h"
#include "sluice/net/tls_pinned.h"
#include "sluice/net/tls_reason.h"
#include "sluice/net/tls_secured.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/*
 * Everything the certificate must satisfy is set before the first byte is sent. The dot of the
 * root label at the end of a name does not belong into certificates and SNI (RFC 6066 3).
 */
static bool
expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	if (sl_address_is_numeric(host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, host);
	X509_VERIFY_PARAM_set_hostflags(
		param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	size_t len = strlen(host);
	if (len > 1 && host[len - 1] == '.')
		len--;
	char *name = sl_span_dup(sl_span(host, len));
	bool good = name && len > 0 && X509_VERIFY_PARAM_set1_host(param, name, len) &&
		    SSL_set_tlsext_host_name(ssl, name);
	free(name);
	return good;
}

static bool
offer(SSL *ssl, enum sl_alpn alpn)
{
	static const unsigned char both[] = "\x02h2\x08http/1.1";
	const unsigned char *list = alpn == SL_ALPN_HTTP2 ? both : both + 3;
	size_t len = sizeof(both) - 1 - (size_t)(list - both);
	return SSL_set_alpn_protos(ssl, list, (unsigned)len) == 0;
}

static bool
chose_http2(const SSL *ssl)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	SSL_get0_alpn_selected(ssl, &name, &len);
	return len == 2 && memcmp(name, "h2", 2) == 0;
}

static bool
prepare(struct sl_secured *secured, const char *host)
{
	struct sl_tls *tls = secured->server.tls;
	secured->ssl = SSL_new(tls->context);
	if (!secured->ssl)
		return false;
	BIO *bio = sl_tls_bio_new(tls->method, &secured->io);
	if (!bio)
		return false;
	SSL_set_bio(secured->ssl, bio, bio);
	SSL_set_app_data(secured->ssl, &secured->server);
	SSL_set_connect_state(secured->ssl);
	if (!expect_host(secured->ssl, host))
		return false;
	SSL_SESSION *session = sl_tls_sessions_take(&tls->sessions, secured->server.key);
	if (session)
		(void)SSL_set_session(secured->ssl, session);
	SSL_SESSION_free(session);
	return true;
}

/* Returns 0 once both sides have finished; SL_E_TLS with broken or a refusal set; a code of the
 * connection below. */
SL_SUSPENDS
static int
handshake(struct sl_secured *secured, uint64_t deadline_ns, struct sl_error *err)
{
	for (;;) {
		sl_secured_clear_errors();
		int ok = SSL_do_handshake(secured->ssl);
		if (ok == 1)
			return sl_secured_flush(secured, true, deadline_ns, err);
		int why = sl_secured_why_failed(secured, ok, true);
		/* Often a server that is being restarted, unlike one that refuses with an alert. */
		if (why == SSL_ERROR_ZERO_RETURN)
			secured->broken = "server closed the connection";
		if (why == SSL_ERROR_ZERO_RETURN || secured->cut)
			return -ECONNRESET;
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return SL_E_TLS;
		int code = sl_secured_exchange(secured, why, 0, true, deadline_ns, err);
		if (code < 0)
			return code;
	}
}

/* The callback refuses what is wrong; this is for the day it is not called. */
static bool
is_verified(const struct sl_secured *secured)
{
	return SSL_get_verify_result(secured->ssl) == X509_V_OK &&
	       SSL_get0_peer_certificate(secured->ssl);
}

/* Also of a session that was taken up: its certificate is that of its first handshake. */
static int
confirm_trusted(struct sl_secured *secured, const char *host, struct sl_error *err)
{
	const struct sl_tls *tls = secured->server.tls;
	if (!tls->options.insecure && !is_verified(secured)) {
		secured->broken = "the certificate was not verified";
		return SL_E_TLS;
	}
	X509 *cert = SSL_get0_peer_certificate(secured->ssl);
	return tls->pins.count > 0 ? sl_tls_pinned_check(&tls->pins, cert, host, err) : 0;
}

static int
refuse_handshake(const struct sl_secured *secured, int code, const char *host, struct sl_error *err)
{
	const struct sl_tls_refusal *refusal = secured->server.refusal;
	if (code == SL_E_TLS && refusal->code)
		return sl_fail(err, SL_PHASE_TLS, code,
			"cannot trust the certificate of '%s': %s (subject '%s', issuer '%s')%s%s",
			host, X509_verify_cert_error_string(refusal->code), refusal->subject,
			refusal->issuer, refusal->hint[0] ? "; " : "", refusal->hint);
	if (secured->broken)
		return sl_fail(err, SL_PHASE_TLS, code, "TLS handshake with '%s' failed: %s", host,
			secured->broken);
	return sl_fail_code(err, SL_PHASE_TLS, code, "TLS handshake with '%s' failed", host);
}

static struct sl_secured *
new_secured(struct sl_tls *tls, struct sl_connection *below, const char *host, uint16_t port)
{
	struct sl_secured *secured = calloc(1, sizeof(*secured));
	struct sl_buf key = { 0 };
	sl_buf_printf(&key, "%s:%u", host, (unsigned)port);
	char *text = sl_buf_detach(&key);
	if (!secured || !text) {
		free(secured);
		free(text);
		return NULL;
	}
	secured->connection.methods = &sl_secured_methods;
	secured->connection.fd = below->fd;
	secured->connection.tls = true;
	memcpy(secured->connection.peer, below->peer, sizeof(below->peer));
	secured->connection.times = below->times;
	secured->below = below;
	secured->server.key = text;
	secured->server.tls = tls;
	tls->connections++;
	return secured;
}

/* options.timeout_ns is over, and not the deadline of the connection or of the task. */
static int
fail_late(const struct sl_tls *tls, const char *host, struct sl_error *err)
{
	bool first = err && !err->code;
	sl_fail(err, SL_PHASE_TLS, -ETIMEDOUT,
		"TLS handshake with '%s' failed: not complete within %.3g s (--tls-timeout sets "
		"this limit)",
		host, (double)tls->options.timeout_ns / (double)SL_NS_PER_S);
	if (first)
		err->names_limit = true;
	return -ETIMEDOUT;
}

/* Of both the nearer; options.timeout_ns begins now. */
static uint64_t
handshake_until(const struct sl_tls *tls, uint64_t deadline_ns)
{
	uint64_t timeout_ns = tls->options.timeout_ns;
	return timeout_ns ? SL_MIN(deadline_ns, sl_deadline_in(timeout_ns)) : deadline_ns;
}

SL_SUSPENDS
static int
handshake_in_time(
	struct sl_secured *secured, const char *host, uint64_t deadline_ns, struct sl_error *err)
{
	uint64_t until_ns = handshake_until(secured->server.tls, deadline_ns);
	int code = handshake(secured, until_ns, err);
	if (code == -ETIMEDOUT && until_ns < deadline_ns && sl_task_deadline() > sl_now())
		return fail_late(secured->server.tls, host, err);
	return code;
}

int
sl_tls_connect(struct sl_tls *tls, struct sl_connection *below, const char *host, uint16_t port,
	enum sl_alpn alpn, uint64_t deadline_ns, struct sl_connection **out, struct sl_error *err)
{
	struct sl_secured *secured = new_secured(tls, below, host, port);
	if (!secured) {
		sl_connection_close(below);
		return sl_fail_code(
			err, SL_PHASE_TLS, -ENOMEM, "TLS handshake with '%s' failed", host);
	}
	struct sl_tls_refusal refusal = { 0 };
	uint64_t begun_ns = sl_now();
	secured->server.refusal = &refusal;
	sl_secured_clear_errors();
	int code = SL_E_TLS;
	if (!prepare(secured, host) || !offer(secured->ssl, alpn))
		secured->broken = sl_tls_reason(true, tls->options.least);
	else
		code = handshake_in_time(secured, host, deadline_ns, err);
	if (code == 0)
		code = confirm_trusted(secured, host, err);
	if (code < 0) {
		sl_tls_sessions_forget(&tls->sessions, secured->server.key);
		(void)refuse_handshake(secured, code, host, err);
		sl_connection_close(&secured->connection);
		return code;
	}
	secured->server.refusal = NULL;
	secured->connection.http2 = chose_http2(secured->ssl);
	secured->connection.times.tls_ns += sl_now() - begun_ns;
	*out = &secured->connection;
	return 0;
}

void
sl_tls_describe(const struct sl_connection *connection, struct sl_tls_info *out)
{
	sl_assert(connection->methods == &sl_secured_methods);
	const struct sl_secured *secured =
		SL_CONTAINER_OF((uintptr_t)connection, struct sl_secured, connection);
	X509 *cert = SSL_get0_peer_certificate(secured->ssl);
	*out = (struct sl_tls_info){ .version = SSL_get_version(secured->ssl),
		.cipher = SSL_get_cipher_name(secured->ssl),
		.resumed = SSL_session_reused(secured->ssl),
		.verified = is_verified(secured) };
	if (!cert)
		return;
	X509_NAME_oneline(X509_get_subject_name(cert), out->subject, SL_TLS_NAME);
	X509_NAME_oneline(X509_get_issuer_name(cert), out->issuer, SL_TLS_NAME);
	sl_tls_date_format(out->ends, X509_get0_notAfter(cert));
}
