/*
 * TLS streams: OpenSSL without waits of its own.
 *
 * OpenSSL is called, uses the ciphertext that is there and returns what it needs; then the task
 * sends what OpenSSL wrote, receives what it needs (net/tls_bio.h) and calls it again. Rules:
 *  - The reason of a failure is read from OpenSSL's error queue right after the call, before any
 *    suspension: the queue is the thread's, and other tasks use it.
 *  - A failure of the stream or of the connection below is final. What came before it is returned
 *    first.
 *  - A deadline or a cancellation leaves the stream intact.
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

struct stream {
	struct sl_connection connection;
	struct sl_connection *below; /* carries the ciphertext */
	struct sl_tls_server server;
	SSL *ssl;
	struct sl_tls_bio io;
	const char *broken; /* why OpenSSL gave up, static text; NULL = it works */
	bool cut;           /* the stream ended without close_notify */
	int below_error;    /* the code with which `below` failed; 0 = it works */
	size_t empty;       /* ciphertext received since the last plaintext */
};

static struct stream *
stream_of(const struct sl_connection *connection)
{
	return SL_CONTAINER_OF((uintptr_t)connection, struct stream, connection);
}

/* ---- the stream ---- */

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
 * exchange(); SSL_ERROR_ZERO_RETURN; else stream->broken is set.
 */
static int
why_failed(struct stream *stream, int result, bool in_handshake)
{
	int why = SSL_get_error(stream->ssl, result);
	unsigned long code = ERR_peek_error();
	if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
		ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		stream->cut = true;
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE &&
		why != SSL_ERROR_ZERO_RETURN && !stream->broken)
		stream->broken = stream->io.out.failed ? "out of memory"
						       : sl_tls_reason(in_handshake,
								 stream->server.tls->options.least);
	return why;
}

static int
refuse_broken(const struct stream *stream, struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_TLS, stream->cut ? SL_E_SHORT_BODY : SL_E_TLS,
		"TLS connection with %s failed: %s", stream->server.key, stream->broken);
}

/* What to return at the end of the stream (0) or after a failure. */
SL_SUSPENDS
static int
end_code(const struct stream *stream, struct sl_error *err)
{
	if (stream->broken)
		return refuse_broken(stream, err);
	/* TLS below, which is broken for good, gives its reason again. */
	char byte;
	if (stream->below_error == SL_E_TLS)
		return sl_connection_recv_ready(stream->below, &byte, 1, err);
	return stream->below_error;
}

static bool
works(const struct stream *stream)
{
	return !stream->broken && !stream->below_error;
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
flush(struct stream *stream, bool wait, uint64_t deadline_ns, struct sl_error *err)
{
	int code = sl_tls_bio_flush(&stream->io, stream->below, wait, deadline_ns, err);
	if (code < 0 && !is_retryable(code))
		stream->below_error = code;
	return code;
}

/* Ciphertext counts as progress only if there is plaintext in it from time to time. */
static void
note_progress(struct stream *stream)
{
	stream->empty += stream->io.pending;
	if (stream->io.pending > 0 && stream->empty <= EMPTY_MAX)
		stream->connection.moved_ns = stream->below->moved_ns;
}

/*
 * Send what OpenSSL wrote and, if it wants to read, wait for ciphertext: `sure` and `wait` as in
 * sl_tls_bio_fill. `why` is SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE.
 */
SL_SUSPENDS
static int
exchange(struct stream *stream, int why, size_t sure, bool wait, uint64_t deadline_ns,
	struct sl_error *err)
{
	int code = flush(stream, true, deadline_ns, err);
	if (code < 0 || why == SSL_ERROR_WANT_WRITE)
		return code;
	code = sl_tls_bio_fill(&stream->io, stream->below, sure, wait, deadline_ns, err);
	if (code == 0)
		note_progress(stream);
	else if (!is_retryable(code))
		stream->below_error = code;
	return code;
}

/*
 * Give the record buffers back, OpenSSL allocates them again when it needs them. What was received
 * and not yet taken lies in them, and so does a record that is not whole: then they stay.
 */
static void
release_buffers(struct stream *stream)
{
	if (stream->io.pending > 0 || !SSL_free_buffers(stream->ssl))
		return;
	sl_tls_bio_forget_room(&stream->io);
}

/* As much as is there without waiting: the count, maybe 0; *why is set if it is less than len. */
static size_t
read_ready(struct stream *stream, char *data, size_t len, int *why)
{
	size_t done = 0;
	while (done < len) {
		size_t count = 0;
		clear_errors();
		int ok = SSL_read_ex(stream->ssl, data + done, len - done, &count);
		if (!ok) {
			*why = why_failed(stream, ok, false);
			break;
		}
		done += count;
		stream->empty = 0;
	}
	return done;
}

SL_SUSPENDS
static int
tls_recv(struct sl_connection *connection, void *data, size_t len, bool whole, uint64_t deadline_ns,
	struct sl_error *err)
{
	struct stream *stream = stream_of(connection);
	size_t done = 0;
	len = SL_MIN(len, (size_t)INT32_MAX);
	for (;;) {
		int why = SSL_ERROR_NONE;
		if (works(stream))
			done += read_ready(stream, (char *)data + done, len - done, &why);
		/* A failure waits for the next call if there is something to give first. */
		bool at_end = why == SSL_ERROR_ZERO_RETURN || !works(stream);
		if (done == len || (done > 0 && (!whole || at_end)))
			return sl_int(done);
		if (at_end)
			return end_code(stream, err);
		int code = exchange(stream, why, whole ? len - done : 0, true, deadline_ns,
			done > 0 ? NULL : err);
		/* Records without plaintext may come for ever. */
		if (code == 0 && sl_now() >= deadline_ns)
			code = -ETIMEDOUT;
		if (code < 0 && is_retryable(code))
			return done > 0 ? sl_int(done) : code;
	}
}

/* For a stream over this one: records without plaintext are for OpenSSL, but not for ever. */
SL_SUSPENDS
static int
tls_recv_ready(struct sl_connection *connection, void *data, size_t len, struct sl_error *err)
{
	struct stream *stream = stream_of(connection);
	for (unsigned i = 0; i < PEEKS_MAX; i++) {
		int why = SSL_ERROR_NONE;
		size_t done = 0;
		if (works(stream))
			done = read_ready(stream, data, SL_MIN(len, (size_t)INT32_MAX), &why);
		if (done > 0)
			return sl_int(done);
		if (why == SSL_ERROR_ZERO_RETURN || !works(stream))
			return end_code(stream, err);
		int code = exchange(stream, why, 0, false, sl_deadline_in(CLOSE_NS), err);
		if (code < 0)
			return code;
	}
	return -ETIMEDOUT;
}

/* One piece, encrypted; what OpenSSL wrote is to be sent. */
SL_SUSPENDS
static int
encrypt(struct stream *stream, const char *data, size_t len, uint64_t deadline_ns,
	struct sl_error *err)
{
	for (;;) {
		size_t count = 0;
		clear_errors();
		int ok = SSL_write_ex(stream->ssl, data, len, &count);
		if (ok)
			return 0;
		int why = why_failed(stream, ok, false);
		if (why == SSL_ERROR_ZERO_RETURN)
			return -EPIPE;
		if (stream->broken)
			return refuse_broken(stream, err);
		int code = exchange(stream, why, 0, true, deadline_ns, err);
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
explain_reset(struct stream *stream, int code, struct sl_error *err)
{
	int why = SSL_ERROR_WANT_READ;
	if (code != -ECONNRESET && code != -EPIPE)
		return code;
	for (unsigned i = 0; i < PEEKS_MAX && why == SSL_ERROR_WANT_READ; i++) {
		char byte;
		size_t count = 0;
		clear_errors();
		int ok = SSL_peek_ex(stream->ssl, &byte, 1, &count);
		why = ok ? SSL_ERROR_NONE : why_failed(stream, ok, false);
		if (why == SSL_ERROR_WANT_READ &&
			sl_tls_bio_fill(&stream->io, stream->below, 0, false, SL_FOREVER, NULL) < 0)
			break;
	}
	return stream->broken && !stream->cut ? refuse_broken(stream, err) : code;
}

SL_SUSPENDS
static int
tls_send_all(struct sl_connection *connection, const void *data, size_t len, uint64_t deadline_ns,
	struct sl_error *err)
{
	struct stream *stream = stream_of(connection);
	const char *from = data;
	if (!works(stream))
		return end_code(stream, err);
	while (len > 0) {
		size_t piece = SL_MIN(len, WRITE_PIECE);
		int code = encrypt(stream, from, piece, deadline_ns, err);
		if (code == 0)
			code = flush(stream, true, deadline_ns, err);
		if (code < 0)
			return explain_reset(stream, code, err);
		from += piece;
		len -= piece;
	}
	return 0;
}

/*
 * For a stream over this one. What OpenSSL wrote before goes first, so that at most a record waits
 * to be sent, and OpenSSL never refuses the piece. Once encrypted it counts as taken, although its
 * record may be sent by a later call.
 */
SL_SUSPENDS
static int
tls_send_some(struct sl_connection *connection, const void *data, size_t len, bool wait,
	uint64_t deadline_ns, struct sl_error *err)
{
	struct stream *stream = stream_of(connection);
	size_t piece = SL_MIN(len, WRITE_PIECE);
	if (!works(stream))
		return end_code(stream, err);
	int code = flush(stream, wait, deadline_ns, err);
	if (code == 0)
		code = encrypt(stream, data, piece, deadline_ns, err);
	if (code < 0)
		return code;
	code = flush(stream, wait, deadline_ns, err);
	return code < 0 && !is_retryable(code) ? code : sl_int(piece);
}

SL_SUSPENDS
static bool
tls_is_disturbed(struct sl_connection *connection)
{
	struct stream *stream = stream_of(connection);
	for (unsigned i = 0; i < PEEKS_MAX && works(stream); i++) {
		char byte;
		size_t count = 0;
		clear_errors();
		int ok = SSL_peek_ex(stream->ssl, &byte, 1, &count);
		int why = ok ? SSL_ERROR_NONE : why_failed(stream, ok, false);
		if (why != SSL_ERROR_WANT_READ)
			return true;
		/* New session tickets and the like are for OpenSSL. */
		int code = exchange(stream, why, 0, false, sl_deadline_in(CLOSE_NS), NULL);
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
	sl_connection_gather(stream_of(connection)->below, SL_MIN(sure, GATHER_MAX));
}

static void
tls_release_memory(struct sl_connection *connection)
{
	struct stream *stream = stream_of(connection);
	release_buffers(stream);
	if (stream->io.out.len + stream->io.sending.len == 0)
		sl_tls_bio_release(&stream->io);
	sl_connection_release_memory(stream->below);
}

/* Alerts, sent at most once: a peer that does not take them at once does not get them. */
SL_SUSPENDS
static void
send_alerts(struct stream *stream)
{
	struct sl_shield shield;
	sl_shield_begin(&shield, sl_deadline_in(CLOSE_NS));
	(void)flush(stream, false, SL_FOREVER, NULL);
	sl_shield_end(&shield);
}

SL_SUSPENDS
static void
tls_close(struct sl_connection *connection)
{
	struct stream *stream = stream_of(connection);
	if (stream->ssl && !stream->below_error) {
		clear_errors();
		if (!stream->broken && SSL_is_init_finished(stream->ssl))
			(void)SSL_shutdown(stream->ssl);
		send_alerts(stream);
	}
	SSL_free(stream->ssl);
	sl_tls_bio_release(&stream->io);
	sl_connection_close(stream->below);
	stream->server.tls->connections--;
	free(stream->server.key);
	free(stream);
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
prepare(struct stream *stream, const char *host)
{
	struct sl_tls *tls = stream->server.tls;
	stream->ssl = SSL_new(tls->context);
	if (!stream->ssl)
		return false;
	BIO *bio = sl_tls_bio_new(tls->method, &stream->io);
	if (!bio)
		return false;
	SSL_set_bio(stream->ssl, bio, bio);
	SSL_set_app_data(stream->ssl, &stream->server);
	SSL_set_connect_state(stream->ssl);
	if (!expect_host(stream->ssl, host))
		return false;
	SSL_SESSION *session = sl_tls_sessions_take(&tls->sessions, stream->server.key);
	if (session)
		(void)SSL_set_session(stream->ssl, session);
	SSL_SESSION_free(session);
	return true;
}

/* Returns 0 once both sides have finished; SL_E_TLS with broken or a refusal set; a code of the
 * connection below. */
SL_SUSPENDS
static int
handshake(struct stream *stream, uint64_t deadline_ns, struct sl_error *err)
{
	for (;;) {
		clear_errors();
		int ok = SSL_do_handshake(stream->ssl);
		if (ok == 1)
			return flush(stream, true, deadline_ns, err);
		int why = why_failed(stream, ok, true);
		/* Often a server that is being restarted, unlike one that refuses with an alert. */
		if (why == SSL_ERROR_ZERO_RETURN)
			stream->broken = "server closed the connection";
		if (why == SSL_ERROR_ZERO_RETURN || stream->cut)
			return -ECONNRESET;
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return SL_E_TLS;
		int code = exchange(stream, why, 0, true, deadline_ns, err);
		if (code < 0)
			return code;
	}
}

/* The callback refuses what is wrong; this is for the day it is not called. */
static bool
is_verified(const struct stream *stream)
{
	return SSL_get_verify_result(stream->ssl) == X509_V_OK &&
	       SSL_get0_peer_certificate(stream->ssl);
}

/* Also of a session that was taken up: its certificate is that of its first handshake. */
static int
confirm_trusted(struct stream *stream, const char *host, struct sl_error *err)
{
	const struct sl_tls *tls = stream->server.tls;
	if (!tls->options.insecure && !is_verified(stream)) {
		stream->broken = "the certificate was not verified";
		return SL_E_TLS;
	}
	X509 *cert = SSL_get0_peer_certificate(stream->ssl);
	return tls->pins.count > 0 ? sl_tls_pinned_check(&tls->pins, cert, host, err) : 0;
}

static int
refuse_handshake(const struct stream *stream, int code, const char *host, struct sl_error *err)
{
	const struct sl_tls_refusal *refusal = stream->server.refusal;
	if (code == SL_E_TLS && refusal->code)
		return sl_fail(err, SL_PHASE_TLS, code,
			"cannot trust the certificate of '%s': %s (subject '%s', issuer '%s')%s%s",
			host, X509_verify_cert_error_string(refusal->code), refusal->subject,
			refusal->issuer, refusal->hint[0] ? "; " : "", refusal->hint);
	if (stream->broken)
		return sl_fail(err, SL_PHASE_TLS, code, "TLS handshake with '%s' failed: %s", host,
			stream->broken);
	return sl_fail_code(err, SL_PHASE_TLS, code, "TLS handshake with '%s' failed", host);
}

static struct stream *
new_stream(struct sl_tls *tls, struct sl_connection *below, const char *host, uint16_t port)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct sl_buf key = { 0 };
	sl_buf_printf(&key, "%s:%u", host, (unsigned)port);
	char *text = sl_buf_detach(&key);
	if (!stream || !text) {
		free(stream);
		free(text);
		return NULL;
	}
	stream->connection.methods = &tls_methods;
	stream->connection.fd = below->fd;
	stream->connection.tls = true;
	memcpy(stream->connection.peer, below->peer, sizeof(below->peer));
	stream->connection.times = below->times;
	stream->below = below;
	stream->server.key = text;
	stream->server.tls = tls;
	tls->connections++;
	return stream;
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
	struct stream *stream, const char *host, uint64_t deadline_ns, struct sl_error *err)
{
	uint64_t until_ns = handshake_until(stream->server.tls, deadline_ns);
	int code = handshake(stream, until_ns, err);
	if (code == -ETIMEDOUT && until_ns < deadline_ns && sl_task_deadline() > sl_now())
		return fail_late(stream->server.tls, host, err);
	return code;
}

int
sl_tls_connect(struct sl_tls *tls, struct sl_connection *below, const char *host, uint16_t port,
	enum sl_alpn alpn, uint64_t deadline_ns, struct sl_connection **out, struct sl_error *err)
{
	struct stream *stream = new_stream(tls, below, host, port);
	if (!stream) {
		sl_connection_close(below);
		return sl_fail_code(
			err, SL_PHASE_TLS, -ENOMEM, "TLS handshake with '%s' failed", host);
	}
	struct sl_tls_refusal refusal = { 0 };
	uint64_t begun_ns = sl_now();
	stream->server.refusal = &refusal;
	clear_errors();
	int code = SL_E_TLS;
	if (!prepare(stream, host) || !offer(stream->ssl, alpn))
		stream->broken = sl_tls_reason(true, tls->options.least);
	else
		code = handshake_in_time(stream, host, deadline_ns, err);
	if (code == 0)
		code = confirm_trusted(stream, host, err);
	if (code < 0) {
		sl_tls_sessions_forget(&tls->sessions, stream->server.key);
		(void)refuse_handshake(stream, code, host, err);
		tls_close(&stream->connection);
		return code;
	}
	stream->server.refusal = NULL;
	stream->connection.http2 = chose_http2(stream->ssl);
	stream->connection.times.tls_ns += sl_now() - begun_ns;
	*out = &stream->connection;
	return 0;
}

void
sl_tls_describe(const struct sl_connection *connection, struct sl_tls_info *out)
{
	sl_assert(connection->methods == &tls_methods);
	const struct stream *stream = stream_of(connection);
	X509 *cert = SSL_get0_peer_certificate(stream->ssl);
	*out = (struct sl_tls_info){ .version = SSL_get_version(stream->ssl),
		.cipher = SSL_get_cipher_name(stream->ssl),
		.resumed = SSL_session_reused(stream->ssl),
		.verified = is_verified(stream) };
	if (!cert)
		return;
	X509_NAME_oneline(X509_get_subject_name(cert), out->subject, SL_TLS_NAME);
	X509_NAME_oneline(X509_get_issuer_name(cert), out->issuer, SL_TLS_NAME);
	sl_tls_date_format(out->ends, X509_get0_notAfter(cert));
}
