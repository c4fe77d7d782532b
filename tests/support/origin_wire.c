#include "support/origin_wire.h"

#include "sluice/base/clock.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A peer that does not read for so long is given up; far beyond any time limit of a test. */
#define WRITE_TIMEOUT_MS (120 * 1000)
#define HANDSHAKE_TIMEOUT_MS (30 * 1000)

/* How long a close waits for the peer to have read everything: without it unread input would turn
 * FIN into RST. */
#define LINGER_MS 1000

/* Paced output goes out in slices of this time. */
#define SLICES_PER_S 50

static int
until_ms(uint64_t deadline_ns)
{
	uint64_t now = sl_clock_monotonic_ns();

	return now >= deadline_ns ? 0 : (int)((deadline_ns - now) / SL_NS_PER_MS) + 1;
}

/* True once `events` (or an error) came; false on timeout or stop, and the wire is broken on
 * stop. */
static bool
wait_for(struct sl_wire *wire, short events, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = wire->fd, .events = events },
		{ .fd = wire->stop_fd, .events = POLLIN },
	};
	uint64_t deadline_ns = sl_clock_monotonic_ns() + (unsigned)timeout_ms * SL_NS_PER_MS;
	int n;

	do
		n = poll(fds, SL_COUNT_OF(fds), until_ms(deadline_ns));
	while (n < 0 && errno == EINTR);
	if (n < 0 || fds[1].revents)
		wire->broken = true;
	return n > 0 && !wire->broken;
}

/* Whether to try the TLS call again that returned `result`; breaks the wire if it failed for
 * good. */
static bool
tls_again(struct sl_wire *wire, int result, int timeout_ms)
{
	switch (SSL_get_error(wire->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(wire, POLLIN, timeout_ms);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(wire, POLLOUT, timeout_ms);
	default:
		return false;
	}
}

static void
handshake(struct sl_wire *wire, SSL_CTX *context)
{
	int result;

	wire->ssl = SSL_new(context);
	if (!wire->ssl || !SSL_set_fd(wire->ssl, wire->fd)) {
		wire->broken = true;
		return;
	}
	do {
		ERR_clear_error();
		result = SSL_accept(wire->ssl);
	} while (result != 1 && tls_again(wire, result, HANDSHAKE_TIMEOUT_MS));
	wire->broken = wire->broken || result != 1;
}

struct sl_wire *
sl_wire_new(int fd, int stop_fd, SSL_CTX *context)
{
	struct sl_wire *wire = calloc(1, sizeof(*wire));

	if (!wire) {
		close(fd);
		return NULL;
	}
	wire->fd = fd;
	wire->stop_fd = stop_fd;
	if (context)
		handshake(wire, context);
	return wire;
}

static ssize_t
send_some(struct sl_wire *wire, const char *data, size_t len)
{
	for (;;) {
		if (wire->ssl && !wire->slow_link) {
			size_t sent = 0;
			int result;

			ERR_clear_error();
			result = SSL_write_ex(wire->ssl, data, len, &sent);
			if (result == 1)
				return (ssize_t)sent;
			if (!tls_again(wire, result, WRITE_TIMEOUT_MS))
				return -1;
		} else {
			ssize_t n = send(wire->fd, data, len, MSG_NOSIGNAL);

			if (n >= 0)
				return n;
			if (errno != EAGAIN || !wait_for(wire, POLLOUT, WRITE_TIMEOUT_MS))
				return -1;
		}
	}
}

static void
send_all(struct sl_wire *wire, const char *data, size_t len)
{
	while (len > 0 && !wire->broken) {
		ssize_t n = send_some(wire, data, len);

		if (n < 0) {
			wire->broken = true;
			return;
		}
		data += n;
		len -= (size_t)n;
	}
}

static bool
is_gone(struct sl_wire *wire)
{
	struct pollfd fd = { .fd = wire->fd, .events = POLLRDHUP };

	return poll(&fd, 1, 0) > 0;
}

static void
send_paced(struct sl_wire *wire, const char *data, size_t all)
{
	size_t slice = all;

	if (wire->rate_bytes_s > 0)
		slice = (size_t)SL_MAX(wire->rate_bytes_s / SLICES_PER_S, 1ull);
	if (wire->drip)
		slice = 1;
	for (size_t off = 0; off < all && !wire->broken;) {
		size_t len = SL_MIN(slice, all - off);

		send_all(wire, data + off, len);
		off += len;
		if (wire->rate_bytes_s > 0) {
			wait_for(wire, 0, (int)(len * 1000 / wire->rate_bytes_s));
			wire->broken = wire->broken || is_gone(wire);
		}
	}
}

/* Records as large as can be, which go out in slices; the first is small, it holds the head. */
static void
seal_and_send(struct sl_wire *wire)
{
	BIO *before = SSL_get_wbio(wire->ssl), *sealed = BIO_new(BIO_s_mem());
	size_t done = 0, piece = SL_KIB;
	char *data = NULL;

	if (!sealed || !BIO_up_ref(before)) {
		wire->broken = true;
		BIO_free(sealed);
		return;
	}
	SSL_set0_wbio(wire->ssl, sealed);
	while (done < wire->out_len && !wire->broken) {
		size_t sent = 0;

		piece = SL_MIN(piece, wire->out_len - done);
		wire->broken = SSL_write_ex(wire->ssl, wire->out + done, piece, &sent) != 1;
		done += sent;
		piece = sizeof(wire->out);
	}
	long len = BIO_get_mem_data(sealed, &data);
	send_paced(wire, data, (size_t)len);
	SSL_set0_wbio(wire->ssl, before);
}

void
sl_wire_flush(struct sl_wire *wire)
{
	if (wire->ssl && wire->slow_link && wire->out_len > 0)
		seal_and_send(wire);
	else
		send_paced(wire, wire->out, wire->out_len);
	wire->out_len = 0;
}

void
sl_wire_put(struct sl_wire *wire, const void *data, size_t len)
{
	const char *from = data;

	/* Large pieces of a good body are not worth a copy. */
	if (len >= sizeof(wire->out) && !wire->drip && wire->rate_bytes_s == 0) {
		sl_wire_flush(wire);
		send_all(wire, from, len);
		return;
	}
	while (len > 0 && !wire->broken) {
		size_t n = SL_MIN(len, sizeof(wire->out) - wire->out_len);

		memcpy(wire->out + wire->out_len, from, n);
		wire->out_len += n;
		from += n;
		len -= n;
		if (wire->out_len == sizeof(wire->out))
			sl_wire_flush(wire);
	}
}

void
sl_wire_printf(struct sl_wire *wire, const char *fmt, ...)
{
	char text[1024];
	va_list list;
	int len;

	va_start(list, fmt);
	len = vsnprintf(text, sizeof(text), fmt, list);
	va_end(list);
	sl_assert(len >= 0 && (size_t)len < sizeof(text));
	sl_wire_put(wire, text, (size_t)len);
}

bool
sl_wire_pause(struct sl_wire *wire, int timeout_ms)
{
	sl_wire_flush(wire);
	if (wire->broken)
		return false;
	/* POLLRDHUP and not POLLIN: pipelined requests must not end the pause. */
	wait_for(wire, POLLRDHUP, timeout_ms);
	wire->broken = wire->broken || is_gone(wire);
	return !wire->broken;
}

static ssize_t
receive_some(struct sl_wire *wire, int timeout_ms)
{
	char *to = wire->in + wire->in_end;
	size_t room = sizeof(wire->in) - wire->in_end;

	for (;;) {
		if (wire->ssl) {
			size_t got = 0;
			int result;

			ERR_clear_error();
			result = SSL_read_ex(wire->ssl, to, room, &got);
			if (result == 1)
				return (ssize_t)got;
			if (!tls_again(wire, result, timeout_ms))
				return -1;
		} else {
			ssize_t n = recv(wire->fd, to, room, 0);

			if (n >= 0)
				return n;
			if (errno != EAGAIN || !wait_for(wire, POLLIN, timeout_ms))
				return -1;
		}
	}
}

bool
sl_wire_receive(struct sl_wire *wire, int timeout_ms)
{
	ssize_t n;

	if (wire->broken)
		return false;
	if (wire->in_begin > 0) {
		memmove(wire->in, wire->in + wire->in_begin, wire->in_end - wire->in_begin);
		wire->in_end -= wire->in_begin;
		wire->in_begin = 0;
	}
	if (wire->in_end == sizeof(wire->in))
		return false;
	n = receive_some(wire, timeout_ms);
	if (n <= 0)
		return false;
	wire->in_end += (size_t)n;
	return true;
}

static void
release(struct sl_wire *wire)
{
	if (wire->ssl) {
		SSL_free(wire->ssl);
		ERR_clear_error();
	}
	close(wire->fd);
	free(wire);
}

static void
linger(struct sl_wire *wire)
{
	uint64_t deadline_ns = sl_clock_monotonic_ns() + LINGER_MS * SL_NS_PER_MS;
	char scrap[4096];
	ssize_t n;

	shutdown(wire->fd, SHUT_WR);
	do
		n = recv(wire->fd, scrap, sizeof(scrap), 0);
	while (n > 0 || (n < 0 && errno == EAGAIN && until_ms(deadline_ns) > 0 &&
				wait_for(wire, POLLIN, until_ms(deadline_ns))));
}

void
sl_wire_close(struct sl_wire *wire, bool notify)
{
	sl_wire_flush(wire);
	if (!wire->broken) {
		if (wire->ssl && notify) {
			ERR_clear_error();
			SSL_shutdown(wire->ssl);
		}
		linger(wire);
	}
	release(wire);
}

void
sl_wire_reset(struct sl_wire *wire)
{
	struct linger none = { .l_onoff = 1, .l_linger = 0 };

	sl_wire_flush(wire);
	setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	release(wire);
}
