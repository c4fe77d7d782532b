/*
 * The BIO between OpenSSL and a connection: reads land where OpenSSL wants them, writes are
 * collected.
 *
 * The address that OpenSSL asked for is kept across a suspension. It stays valid because OpenSSL
 * neither moves nor frees its record buffer between two calls: SSL_MODE_RELEASE_BUFFERS would, and
 * must never be set. net/tls.c frees the buffers with SSL_free_buffers() and then calls
 * sl_tls_bio_forget_room().
 */
#include "sluice/net/tls_bio.h"

#include "sluice/rt/waiter.h"

#include <errno.h>
#include <string.h>

#define RECORD_HEADER ((size_t)5) /* type, version, length */

/* More than a handshake writes in one go; beyond it the write returns "retry", to be repeated after
 * a flush. */
#define OUT_LIMIT (64 * SL_KIB)

/*
 * The bytes have been received at io->want, where OpenSSL asked for them; asked again, it gives the
 * same address, since nothing happened to its record buffer in between. Should a version of OpenSSL
 * ever ask elsewhere, the bytes are moved, and if they were overwritten the record's seal is
 * broken: an error, never wrong data.
 */
static int
bio_read(BIO *bio, char *data, size_t len, size_t *count)
{
	struct sl_tls_bio *io = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	*count = SL_MIN(len, io->pending);
	if (*count > 0) {
		if ((unsigned char *)data != io->want)
			memmove(data, io->want, *count);
		io->want += *count;
		io->pending -= *count;
		io->want_len = 0; /* the place is OpenSSL's again until it asks anew */
		return 1;
	}
	if (io->ended)
		return 0;
	io->want = (unsigned char *)data;
	io->want_len = len;
	BIO_set_retry_read(bio);
	return 0;
}

static int
bio_write(BIO *bio, const char *data, size_t len, size_t *count)
{
	struct sl_tls_bio *io = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	*count = 0;
	if (io->out.failed)
		return 0;
	if (io->out.len > OUT_LIMIT) {
		BIO_set_retry_write(bio);
		return 0;
	}
	sl_buf_add(&io->out, data, len);
	if (io->out.failed)
		return 0;
	*count = len;
	return 1;
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	struct sl_tls_bio *io = BIO_get_data(bio);
	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH: /* the task does, after each call */
		return 1;
	case BIO_CTRL_EOF:
		return io->ended && io->pending == 0;
	default:
		return 0;
	}
}

BIO_METHOD *
sl_tls_bio_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice");
	if (method && BIO_meth_set_read_ex(method, bio_read) &&
		BIO_meth_set_write_ex(method, bio_write) && BIO_meth_set_ctrl(method, bio_ctrl))
		return method;
	BIO_meth_free(method);
	return NULL;
}

BIO *
sl_tls_bio_new(BIO_METHOD *method, struct sl_tls_bio *io)
{
	BIO *bio = BIO_new(method);
	if (!bio)
		return NULL;
	sl_list_init(&io->waiting);
	BIO_set_data(bio, io);
	BIO_set_init(bio, 1);
	return bio;
}

void
sl_tls_bio_release(struct sl_tls_bio *io)
{
	sl_buf_release(&io->out);
	sl_buf_release(&io->sending);
	io->sent = 0;
}

void
sl_tls_bio_forget_room(struct sl_tls_bio *io)
{
	sl_assert(io->pending == 0);
	io->want = NULL;
	io->want_len = 0;
}

/* More than a record is asked for only where a record begins: read-ahead in search of a header. */
static bool
is_at_boundary(const struct sl_tls_bio *io)
{
	return io->want_len > SL_TLS_RECORD;
}

/*
 * OpenSSL asks for a full buffer where a record begins, but only for the rest of a record it has
 * the beginning of: a full buffer that cuts one costs a second, smaller receive. Servers send
 * record after record of one size, so a whole number of the last size seen is received at once.
 */
static size_t
piece(const struct sl_tls_bio *io)
{
	if (!is_at_boundary(io) || !io->record)
		return io->want_len;
	return io->want_len - io->want_len % io->record;
}

/* Walk the record headers (RFC 8446 5.1) in what was received. A wrong size costs speed only. */
static void
learn_record(struct sl_tls_bio *io)
{
	for (size_t off = 0; off + RECORD_HEADER <= io->pending;) {
		const unsigned char *header = io->want + off;
		size_t record = RECORD_HEADER + ((size_t)header[3] << 8 | header[4]);
		if (header[1] != 3 || record > SL_TLS_RECORD)
			return;
		io->record = record;
		off += record;
	}
}

int
sl_tls_bio_fill(struct sl_tls_bio *io, struct sl_connection *below, size_t sure, bool wait,
	uint64_t deadline_ns, struct sl_error *err)
{
	/* Nothing may be received where nothing was asked for. */
	if (io->pending > 0 || io->want_len == 0)
		return -EPROTO;
	/* Part of a record may be in OpenSSL's buffer already; the rest holds all that is sure. */
	bool whole = sure >= io->want_len + SL_TLS_RECORD;
	struct sl_error cause = { 0 };
	int code = wait ? sl_connection_recv(below, io->want, piece(io), whole, deadline_ns, &cause)
			: sl_connection_recv_ready(below, io->want, piece(io), &cause);
	if (code ==
		SL_E_SHORT_BODY) /* TLS below was cut off: so is this connection, unless it ended */
		code = 0;
	if (code < 0 && cause.code)
		return sl_fail(err, cause.phase, code, "%s", cause.text);
	if (code < 0)
		return code;
	io->pending = (size_t)code;
	io->ended = code == 0;
	if (is_at_boundary(io))
		learn_record(io);
	return 0;
}

SL_SUSPENDS
static int
send_taken(struct sl_tls_bio *io, struct sl_connection *below, bool wait, uint64_t deadline_ns,
	struct sl_error *err)
{
	while (io->sent < io->sending.len) {
		int code = sl_connection_send_some(below, io->sending.data + io->sent,
			io->sending.len - io->sent, wait, deadline_ns, err);
		if (code < 0)
			return code;
		io->sent += (size_t)code;
	}
	io->sent = 0;
	sl_buf_clear(&io->sending);
	return 0;
}

/* OpenSSL may write while the task is suspended, for another task: into the other buffer. */
static void
swap_buffers(struct sl_tls_bio *io)
{
	struct sl_buf other = io->sending;
	io->sending = io->out;
	io->out = other;
}

static void
wake_waiting(struct sl_tls_bio *io)
{
	struct sl_waiter *waiter;
	while ((waiter = sl_waiter_pop(&io->waiting)))
		sl_waiter_serve(waiter, 0);
}

SL_SUSPENDS
static int
send_all(struct sl_tls_bio *io, struct sl_connection *below, bool wait, uint64_t deadline_ns,
	struct sl_error *err)
{
	int code = 0;
	while (code == 0 && io->sending.len + io->out.len > 0) {
		if (io->sending.len == 0) {
			swap_buffers(io);
			wake_waiting(io);
		}
		code = send_taken(io, below, wait, deadline_ns, err);
	}
	if (code == 0 && !io->out.data)
		swap_buffers(io); /* mostly one buffer is enough */
	return code;
}

/* Until OpenSSL can write again, or nobody sends. */
SL_SUSPENDS
static int
wait_for_room(struct sl_tls_bio *io, bool wait, uint64_t deadline_ns)
{
	int code = 0;
	while (code == 0 && io->is_flushing && io->out.len > OUT_LIMIT) {
		struct sl_waiter waiter;
		code = wait ? sl_waiter_wait(&waiter, &io->waiting, "TLS send", deadline_ns)
			    : -EAGAIN;
	}
	return code;
}

int
sl_tls_bio_flush(struct sl_tls_bio *io, struct sl_connection *below, bool wait,
	uint64_t deadline_ns, struct sl_error *err)
{
	int code = wait_for_room(io, wait, deadline_ns);
	if (code < 0 || io->is_flushing)
		return code;
	io->is_flushing = true;
	code = send_all(io, below, wait, deadline_ns, err);
	io->is_flushing = false;
	wake_waiting(io);
	return code == 0 && (io->out.failed || io->sending.failed) ? -ENOMEM : code;
}
