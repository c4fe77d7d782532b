/*
 * TLS connections: OpenSSL without waits of its own.
 *
 * OpenSSL is called, uses the ciphertext that is there and returns what it needs; then the task
 * sends what OpenSSL wrote, receives what it needs (net/tls_bio.h) and calls it again. Rules:
 *  - The reason of a failure is read from OpenSSL's error queue right after the call, before any
 *    suspension: the queue is the thread's, and other tasks use it.
 *  - A failure of the connection or of the one below is final. What came before it is returned
 *    first.
 *  - A deadline or a cancellation leaves the connection intact.
 *  - OpenSSL's buffers are freed only where nothing received lies in them (release_buffers).
 */
#include "sluice/net/tls.h"

#include "sluice/base/bytes.h"
#include "sluice/base/number.h"
#include "sluice/net/tls_bio.h"
#include "sluice/net/tls_context.h"
#include "sluice/net/tls_pinned.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* What one SSL_write takes, so that the ciphertext waiting to be sent stays one record long. */
#define WRITE_PIECE ((size_t)16384)

/* To hand close_notify to the kernel; its buffer has room unless the peer stopped reading. */
#define CLOSE_NS (100 * SL_NS_PER_MS)

/* Ciphertext received without a byte for the reader; more than that does not count as
 * progress. */
#define EMPTY_MAX (256 * SL_KIB)

/* Of ciphertext: most of the buffer that it is received into. */
#define GATHER_MAX (3 * SL_TLS_RECORD)

/* Receives of records without plaintext, before a connection counts as disturbed. */
#define PEEKS_MAX 8

struct secured {
	struct sl_connection connection;
	struct sl_connection *below; /* carries the ciphertext */
	struct sl_tls_server server;
	SSL *ssl;
	struct sl_tls_bio io;
	const char *broken; /* why OpenSSL gave up, static text; NULL = it works */
	bool cut;           /* it ended without close_notify */
	int below_error;    /* the code with which `below` failed; 0 = it works */
	size_t empty;       /* ciphertext received since the last plaintext */
};

static struct secured *
secured_of(const struct sl_connection *connection)
{
	return SL_CONTAINER_OF((uintptr_t)connection, struct secured, connection);
}

/* ---- the connection ---- */

/* Before each call of OpenSSL, for the reason of its failure to be its own. Clearing a queue that
 * is empty takes a fiftieth of the CPU time of a download, so that it is looked at first. */
static void
clear_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

/*
 * After a call that did not succeed: SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE, to be followed by
 * exchange(); SSL_ERROR_ZERO_RETURN; else secured->broken is set.
 */
static int
why_failed(struct secured *secured, int result, bool in_handshake)
{
	int why = SSL_get_error(secured->ssl, result);
	unsigned long code = ERR_peek_error();
	if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
		ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		secured->cut = true;
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE &&
		why != SSL_ERROR_ZERO_RETURN && !secured->broken)
		secured->broken =
			secured->io.out.failed
				? "out of memory"
				: sl_tls_reason(in_handshake, secured->server.tls->options.least);
	return why;
}

static int
refuse_broken(const struct secured *secured, struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_TLS, secured->cut ? SL_E_SHORT_BODY : SL_E_TLS,
		"TLS connection with %s failed: %s", secured->server.key, secured->broken);
}

/* What to return at its end (0) or after a failure. */
SL_SUSPENDS
static int
end_code(const struct secured *secured, struct sl_error *err)
{
	if (secured->broken)
		return refuse_broken(secured, err);
	/* TLS below, which is broken for good, gives its reason again. */
	char byte;
	if (secured->below_error == SL_E_TLS)
		return sl_connection_recv_ready(secured->below, &byte, 1, err);
	return secured->below_error;
}

static bool
works(const struct secured *secured)
{
	return !secured->broken && !secured->below_error;
}

/* Codes after which the connection below works as before. */
static bool
is_retryable(int code)
{
	return code == -ETIMEDOUT || code == -ECANCELED || code == SL_E_INTERRUPTED ||
	       code == -EAGAIN;
}

SL_SUSPENDS
static int
flush(struct secured *secured, bool wait, uint64_t deadline_ns, struct sl_error *err)
{
	int code = sl_tls_bio_flush(&secured->io, secured->below, wait, deadline_ns, err);
	if (code < 0 && !is_retryable(code))
		secured->below_error = code;
	return code;
}

/* Ciphertext counts as progress only if there is plaintext in it from time to time. */
static void
note_progress(struct secured *secured)
{
	secured->empty += secured->io.pending;
	if (secured->io.pending > 0 && secured->empty <= EMPTY_MAX)
		secured->connection.moved_ns = secured->below->moved_ns;
}

/*
 * Send what OpenSSL wrote and, if it wants to read, wait for ciphertext: `sure` and `wait` as in
 * sl_tls_bio_fill. `why` is SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE.
 */
SL_SUSPENDS
static int
exchange(struct secured *secured, int why, size_t sure, bool wait, uint64_t deadline_ns,
	struct sl_error *err)
{
	int code = flush(secured, true, deadline_ns, err);
	if (code < 0 || why == SSL_ERROR_WANT_WRITE)
		return code;
	code = sl_tls_bio_fill(&secured->io, secured->below, sure, wait, deadline_ns, err);
	if (code == 0)
		note_progress(secured);
	else if (!is_retryable(code))
		secured->below_error = code;
	return code;
}

/*
 * Give the record buffers back, OpenSSL allocates them again when it needs them. What was received
 * and not yet taken lies in them, and so does a record that is not whole: then they stay.
 */
static void
release_buffers(struct secured *secured)
{
	if (secured->io.pending > 0 || !SSL_free_buffers(secured->ssl))
		return;
	sl_tls_bio_forget_room(&secured->io);
}

/* As much as is there without waiting: the count, maybe 0; *why is set if it is less than len. */
static size_t
read_ready(struct secured *secured, char *data, size_t len, int *why)
{
	size_t done = 0;
	while (done < len) {
		size_t count = 0;
		clear_errors();
		int ok = SSL_read_ex(secured->ssl, data + done, len - done, &count);
		if (!ok) {
			*why = why_failed(secured, ok, false);
			break;
		}
		done += count;
		secured->empty = 0;
	}
	return done;
}

SL_SUSPENDS
static int
tls_recv(struct sl_connection *connection, void *data, size_t len, bool whole, uint64_t deadline_ns,
	struct sl_error *err)
{
	struct secured *secured = secured_of(connection);
	size_t done = 0;
	len = SL_MIN(len, (size_t)INT32_MAX);
	for (;;) {
		int why = SSL_ERROR_NONE;
		if (works(secured))
			done += read_ready(secured, (char *)data + done, len - done, &why);
		/* A failure waits for the next call if there is something to give first. */
		bool at_end = why == SSL_ERROR_ZERO_RETURN || !works(secured);
		if (done == len || (done > 0 && (!whole || at_end)))
			return sl_int(done);
		if (at_end)
			return end_code(secured, err);
		int code = exchange(secured, why, whole ? len - done : 0, true, deadline_ns,
			done > 0 ? NULL : err);
		/* Records without plaintext may come for ever. */
		if (code == 0 && sl_now() >= deadline_ns)
			code = -ETIMEDOUT;
		if (code < 0 && is_retryable(code))
			return done > 0 ? sl_int(done) : code;
	}
}

/* For a connection over this one: records without plaintext are for OpenSSL, but not for ever. */
SL_SUSPENDS
static int
tls_recv_ready(struct sl_connection *connection, void *data, size_t len, struct sl_error *err)
{
	struct secured *secured = secured_of(connection);
	for (unsigned i = 0; i < PEEKS_MAX; i++) {
		int why = SSL_ERROR_NONE;
		size_t done = 0;
		if (works(secured))
			done = read_ready(secured, data, SL_MIN(len, (size_t)INT32_MAX), &why);
		if (done > 0)
			return sl_int(done);
		if (why == SSL_ERROR_ZERO_RETURN || !works(secured))
			return end_code(secured, err);
		int code = exchange(secured, why, 0, false, sl_deadline_in(CLOSE_NS), err);
		if (code < 0)
			return code;
	}
	return -ETIMEDOUT;
}

/* One piece, encrypted; what OpenSSL wrote is to be sent. */
SL_SUSPENDS
static int
encrypt(struct secured *secured, const char *data, size_t len, uint64_t deadline_ns,
	struct sl_error *err)
{
	for (;;) {
		size_t count = 0;
		clear_errors();
		int ok = SSL_write_ex(secured->ssl, data, len, &count);
		if (ok)
			return 0;
		int why = why_failed(secured, ok, false);
		if (why == SSL_ERROR_ZERO_RETURN)
			return -EPIPE;
		if (secured->broken)
			return refuse_broken(secured, err);
		int code = exchange(secured, why, 0, true, deadline_ns, err);
		if (code < 0)
			return code;
	}
}

/*
 * A server may refuse our certificate after the handshake (TLS 1.3), and close without reading what
 * was sent since: the connection is reset, with the alert that tells why still to be read.
 */
SL_SUSPENDS
static int
explain_reset(struct secured *secured, int code, struct sl_error *err)
{
	int why = SSL_ERROR_WANT_READ;
	if (code != -ECONNRESET && code != -EPIPE)
		return code;
	for (unsigned i = 0; i < PEEKS_MAX && why == SSL_ERROR_WANT_READ; i++) {
		char byte;
		size_t count = 0;
		clear_errors();
		int ok = SSL_peek_ex(secured->ssl, &byte, 1, &count);
		why = ok ? SSL_ERROR_NONE : why_failed(secured, ok, false);
		if (why == SSL_ERROR_WANT_READ && sl_tls_bio_fill(&secured->io, secured->below, 0,
							  false, SL_FOREVER, NULL) < 0)
			break;
	}
	return secured->broken && !secured->cut ? refuse_broken(secured, err) : code;
}

SL_SUSPENDS
static int
tls_send_all(struct sl_connection *connection, const void *data, size_t len, uint64_t deadline_ns,
	struct sl_error *err)
{
	struct secured *secured = secured_of(connection);
	const char *from = data;
	if (!works(secured))
		return end_code(secured, err);
	while (len > 0) {
		size_t piece = SL_MIN(len, WRITE_PIECE);
		int code = encrypt(secured, from, piece, deadline_ns, err);
		if (code == 0)
			code = flush(secured, true, deadline_ns, err);
		if (code < 0)
			return explain_reset(secured, code, err);
		from += piece;
		len -= piece;
	}
	return 0;
}

/*
 * For a connection over this one. What OpenSSL wrote before goes first, so that at most a record
 * waits to be sent, and OpenSSL never refuses the piece. Once encrypted it counts as taken, though
 * its record may be sent by a later call.
 */
SL_SUSPENDS
static int
tls_send_some(struct sl_connection *connection, const void *data, size_t len, bool wait,
	uint64_t deadline_ns, struct sl_error *err)
{
	struct secured *secured = secured_of(connection);
	size_t piece = SL_MIN(len, WRITE_PIECE);
	if (!works(secured))
		return end_code(secured, err);
	int code = flush(secured, wait, deadline_ns, err);
	if (code == 0)
		code = encrypt(secured, data, piece, deadline_ns, err);
	if (code < 0)
		return code;
	code = flush(secured, wait, deadline_ns, err);
	return code < 0 && !is_retryable(code) ? code : sl_int(piece);
}

SL_SUSPENDS
static bool
tls_is_disturbed(struct sl_connection *connection)
{
	struct secured *secured = secured_of(connection);
	for (unsigned i = 0; i < PEEKS_MAX && works(secured); i++) {
		char byte;
		size_t count = 0;
		clear_errors();
		int ok = SSL_peek_ex(secured->ssl, &byte, 1, &count);
		int why = ok ? SSL_ERROR_NONE : why_failed(secured, ok, false);
		if (why != SSL_ERROR_WANT_READ)
			return true;
		/* New session tickets and the like are for OpenSSL. */
		int code = exchange(secured, why, 0, false, sl_deadline_in(CLOSE_NS), NULL);
		if (code == -EAGAIN)
			return false;
		if (code < 0)
			return true;
	}
	return true;
}

/*
 * The body has `len` bytes more than what is received next. Of these the beginning of a record may
 * be in OpenSSL's buffer already, and that buffer is never asked to hold more than GATHER_MAX.
 */
static void
tls_gather(struct sl_connection *connection, size_t len)
{
	size_t sure = len > SL_TLS_RECORD ? len - SL_TLS_RECORD : 0;
	sl_connection_gather(secured_of(connection)->below, SL_MIN(sure, GATHER_MAX));
}

static void
tls_release_memory(struct sl_connection *connection)
{
	struct secured *secured = secured_of(connection);
	release_buffers(secured);
	if (secured->io.out.len + secured->io.sending.len == 0)
		sl_tls_bio_release(&secured->io);
	sl_connection_release_memory(secured->below);
}

/* Alerts, sent at most once: a peer that does not take them at once does not get them. */
SL_SUSPENDS
static void
send_alerts(struct secured *secured)
{
	struct sl_shield shield;
	sl_shield_begin(&shield, sl_deadline_in(CLOSE_NS));
	(void)flush(secured, false, SL_FOREVER, NULL);
	sl_shield_end(&shield);
}

SL_SUSPENDS
static void
tls_close(struct sl_connection *connection)
{
	struct secured *secured = secured_of(connection);
	if (secured->ssl && !secured->below_error) {
		clear_errors();
		if (!secured->broken && SSL_is_init_finished(secured->ssl))
			(void)SSL_shutdown(secured->ssl);
		send_alerts(secured);
	}
	SSL_free(secured->ssl);
	sl_tls_bio_release(&secured->io);
	sl_connection_close(secured->below);
	secured->server.tls->connections--;
	free(secured->server.key);
	free(secured);
}

static const struct sl_connection_methods tls_methods = {
	.send_all = tls_send_all,
	.recv = tls_recv,
	.is_disturbed = tls_is_disturbed,
	.gather = tls_gather,
	.release_memory = tls_release_memory,
	.close = tls_close,
	.send_some = tls_send_some,
	.recv_ready = tls_recv_ready,
};

/* ---- the handshake ---- */

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
prepare(struct secured *secured, const char *host)
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
handshake(struct secured *secured, uint64_t deadline_ns, struct sl_error *err)
{
	for (;;) {
		clear_errors();
		int ok = SSL_do_handshake(secured->ssl);
		if (ok == 1)
			return flush(secured, true, deadline_ns, err);
		int why = why_failed(secured, ok, true);
		/* Often a server that is being restarted, unlike one that refuses with an alert. */
		if (why == SSL_ERROR_ZERO_RETURN)
			secured->broken = "server closed the connection";
		if (why == SSL_ERROR_ZERO_RETURN || secured->cut)
			return -ECONNRESET;
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return SL_E_TLS;
		int code = exchange(secured, why, 0, true, deadline_ns, err);
		if (code < 0)
			return code;
	}
}

/* The callback refuses what is wrong; this is for the day it is not called. */
static bool
is_verified(const struct secured *secured)
{
	return SSL_get_verify_result(secured->ssl) == X509_V_OK &&
	       SSL_get0_peer_certificate(secured->ssl);
}

/* Also of a session that was taken up: its certificate is that of its first handshake. */
static int
confirm_trusted(struct secured *secured, const char *host, struct sl_error *err)
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
refuse_handshake(const struct secured *secured, int code, const char *host, struct sl_error *err)
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

static struct secured *
new_secured(struct sl_tls *tls, struct sl_connection *below, const char *host, uint16_t port)
{
	struct secured *secured = calloc(1, sizeof(*secured));
	struct sl_buf key = { 0 };
	sl_buf_printf(&key, "%s:%u", host, (unsigned)port);
	char *text = sl_buf_detach(&key);
	if (!secured || !text) {
		free(secured);
		free(text);
		return NULL;
	}
	secured->connection.methods = &tls_methods;
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
	struct secured *secured, const char *host, uint64_t deadline_ns, struct sl_error *err)
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
	struct secured *secured = new_secured(tls, below, host, port);
	if (!secured) {
		sl_connection_close(below);
		return sl_fail_code(
			err, SL_PHASE_TLS, -ENOMEM, "TLS handshake with '%s' failed", host);
	}
	struct sl_tls_refusal refusal = { 0 };
	uint64_t begun_ns = sl_now();
	secured->server.refusal = &refusal;
	clear_errors();
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
		tls_close(&secured->connection);
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
	sl_assert(connection->methods == &tls_methods);
	const struct secured *secured = secured_of(connection);
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
