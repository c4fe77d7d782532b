/*
 * TLS connections after their handshake (tls_handshake.c): OpenSSL without waits of its own.
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
#include "sluice/net/tls_secured.h"

#include "sluice/base/bytes.h"
#include "sluice/base/number.h"
#include "sluice/net/tls_reason.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

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

static struct sl_secured *
secured_of(const struct sl_connection *connection)
{
	return SL_CONTAINER_OF((uintptr_t)connection, struct sl_secured, connection);
}

/* ---- the connection ---- */

/* Clearing a queue that is empty takes a fiftieth of the CPU time of a download, so that it is
 * looked at first. */
void
sl_secured_clear_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

int
sl_secured_why_failed(struct sl_secured *secured, int result, bool in_handshake)
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
refuse_broken(const struct sl_secured *secured, struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_TLS, secured->cut ? SL_E_SHORT_BODY : SL_E_TLS,
		"TLS connection with %s failed: %s", secured->server.key, secured->broken);
}

/* What to return at its end (0) or after a failure. */
SL_SUSPENDS
static int
end_code(const struct sl_secured *secured, struct sl_error *err)
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
works(const struct sl_secured *secured)
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

int
sl_secured_flush(struct sl_secured *secured, bool wait, uint64_t deadline_ns, struct sl_error *err)
{
	int code = sl_tls_bio_flush(&secured->io, secured->below, wait, deadline_ns, err);
	if (code < 0 && !is_retryable(code))
		secured->below_error = code;
	return code;
}

/* Ciphertext counts as progress only if there is plaintext in it from time to time. */
static void
note_progress(struct sl_secured *secured)
{
	secured->empty += secured->io.pending;
	if (secured->io.pending > 0 && secured->empty <= EMPTY_MAX)
		secured->connection.moved_ns = secured->below->moved_ns;
}

int
sl_secured_exchange(struct sl_secured *secured, int why, size_t sure, bool wait,
	uint64_t deadline_ns, struct sl_error *err)
{
	int code = sl_secured_flush(secured, true, deadline_ns, err);
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
release_buffers(struct sl_secured *secured)
{
	if (secured->io.pending > 0 || !SSL_free_buffers(secured->ssl))
		return;
	sl_tls_bio_forget_room(&secured->io);
}

/* As much as is there without waiting: the count, maybe 0; *why is set if it is less than len. */
static size_t
read_ready(struct sl_secured *secured, char *data, size_t len, int *why)
{
	size_t done = 0;
	while (done < len) {
		size_t count = 0;
		sl_secured_clear_errors();
		int ok = SSL_read_ex(secured->ssl, data + done, len - done, &count);
		if (!ok) {
			*why = sl_secured_why_failed(secured, ok, false);
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
	struct sl_secured *secured = secured_of(connection);
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
		int code = sl_secured_exchange(secured, why, whole ? len - done : 0, true,
			deadline_ns, done > 0 ? NULL : err);
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
	struct sl_secured *secured = secured_of(connection);
	for (unsigned i = 0; i < PEEKS_MAX; i++) {
		int why = SSL_ERROR_NONE;
		size_t done = 0;
		if (works(secured))
			done = read_ready(secured, data, SL_MIN(len, (size_t)INT32_MAX), &why);
		if (done > 0)
			return sl_int(done);
		if (why == SSL_ERROR_ZERO_RETURN || !works(secured))
			return end_code(secured, err);
		int code =
			sl_secured_exchange(secured, why, 0, false, sl_deadline_in(CLOSE_NS), err);
		if (code < 0)
			return code;
	}
	return -ETIMEDOUT;
}

/* One piece, encrypted; what OpenSSL wrote is to be sent. */
SL_SUSPENDS
static int
encrypt(struct sl_secured *secured, const char *data, size_t len, uint64_t deadline_ns,
	struct sl_error *err)
{
	for (;;) {
		size_t count = 0;
		sl_secured_clear_errors();
		int ok = SSL_write_ex(secured->ssl, data, len, &count);
		if (ok)
			return 0;
		int why = sl_secured_why_failed(secured, ok, false);
		if (why == SSL_ERROR_ZERO_RETURN)
			return -EPIPE;
		if (secured->broken)
			return refuse_broken(secured, err);
		int code = sl_secured_exchange(secured, why, 0, true, deadline_ns, err);
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
explain_reset(struct sl_secured *secured, int code, struct sl_error *err)
{
	int why = SSL_ERROR_WANT_READ;
	if (code != -ECONNRESET && code != -EPIPE)
		return code;
	for (unsigned i = 0; i < PEEKS_MAX && why == SSL_ERROR_WANT_READ; i++) {
		char byte;
		size_t count = 0;
		sl_secured_clear_errors();
		int ok = SSL_peek_ex(secured->ssl, &byte, 1, &count);
		why = ok ? SSL_ERROR_NONE : sl_secured_why_failed(secured, ok, false);
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
	struct sl_secured *secured = secured_of(connection);
	const char *from = data;
	if (!works(secured))
		return end_code(secured, err);
	while (len > 0) {
		size_t piece = SL_MIN(len, WRITE_PIECE);
		int code = encrypt(secured, from, piece, deadline_ns, err);
		if (code == 0)
			code = sl_secured_flush(secured, true, deadline_ns, err);
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
	struct sl_secured *secured = secured_of(connection);
	size_t piece = SL_MIN(len, WRITE_PIECE);
	if (!works(secured))
		return end_code(secured, err);
	int code = sl_secured_flush(secured, wait, deadline_ns, err);
	if (code == 0)
		code = encrypt(secured, data, piece, deadline_ns, err);
	if (code < 0)
		return code;
	code = sl_secured_flush(secured, wait, deadline_ns, err);
	return code < 0 && !is_retryable(code) ? code : sl_int(piece);
}

SL_SUSPENDS
static bool
tls_is_disturbed(struct sl_connection *connection)
{
	struct sl_secured *secured = secured_of(connection);
	for (unsigned i = 0; i < PEEKS_MAX && works(secured); i++) {
		char byte;
		size_t count = 0;
		sl_secured_clear_errors();
		int ok = SSL_peek_ex(secured->ssl, &byte, 1, &count);
		int why = ok ? SSL_ERROR_NONE : sl_secured_why_failed(secured, ok, false);
		if (why != SSL_ERROR_WANT_READ)
			return true;
		/* New session tickets and the like are for OpenSSL. */
		int code =
			sl_secured_exchange(secured, why, 0, false, sl_deadline_in(CLOSE_NS), NULL);
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
	struct sl_secured *secured = secured_of(connection);
	release_buffers(secured);
	if (secured->io.out.len + secured->io.sending.len == 0)
		sl_tls_bio_release(&secured->io);
	sl_connection_release_memory(secured->below);
}

/* Alerts, sent at most once: a peer that does not take them at once does not get them. */
SL_SUSPENDS
static void
send_alerts(struct sl_secured *secured)
{
	struct sl_shield shield;
	sl_shield_begin(&shield, sl_deadline_in(CLOSE_NS));
	(void)sl_secured_flush(secured, false, SL_FOREVER, NULL);
	sl_shield_end(&shield);
}

SL_SUSPENDS
static void
tls_close(struct sl_connection *connection)
{
	struct sl_secured *secured = secured_of(connection);
	if (secured->ssl && !secured->below_error) {
		sl_secured_clear_errors();
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

const struct sl_connection_methods sl_secured_methods = {
	.send_all = tls_send_all,
	.recv = tls_recv,
	.is_disturbed = tls_is_disturbed,
	.gather = tls_gather,
	.release_memory = tls_release_memory,
	.close = tls_close,
	.send_some = tls_send_some,
	.recv_ready = tls_recv_ready,
};
