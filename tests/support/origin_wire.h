/*
 * origin_wire.h - one connection of the test origin, plain or TLS: buffered input and output,
 * pacing, ways to end.
 *
 * A failure of the connection is sticky: `broken` is set, and everything after it does nothing. So
 * the scripts in origin_routes.c read straight through, and only their long loops look at `broken`.
 * Every wait ends when `stop_fd` becomes readable. One thread uses a wire.
 */
#ifndef SUPPORT_ORIGIN_WIRE_H
#define SUPPORT_ORIGIN_WIRE_H

#include "sluice/base/def.h"

#include <openssl/ssl.h>
#include <stdbool.h>

#define SL_WIRE_BUFFER (64 * SL_KIB)

struct sl_wire {
	int fd;
	int stop_fd;
	SSL *ssl; /* NULL on a plain connection */
	bool broken;
	bool drip;             /* every byte its own segment */
	uint64_t rate_bytes_s; /* 0 = as fast as it goes */
	bool slow_link;        /* the rate is that of the ciphertext: large records come slowly */
	size_t out_len;
	size_t in_begin, in_end; /* what was received and not yet used */
	char in[SL_WIRE_BUFFER];
	char out[SL_WIRE_BUFFER];
};

/* Takes `fd`. `context` = NULL for plain, else the TLS handshake is done here. The result's
 * `broken` is set after a failure. */
struct sl_wire *sl_wire_new(int fd, int stop_fd, SSL_CTX *context) SL_MUST_CHECK;

/* Flush, then end the connection in order: close_notify (if `notify`), FIN, wait a moment for the
 * peer's, close. */
void sl_wire_close(struct sl_wire *wire, bool notify);

/* Flush, then end it with a RST. */
void sl_wire_reset(struct sl_wire *wire);

/* Receive more into `in`, at most `timeout_ms` from now; false at the end of input, when broken or
 * when `in` is full. */
bool sl_wire_receive(struct sl_wire *wire, int timeout_ms);

void sl_wire_put(struct sl_wire *wire, const void *data, size_t len);
void sl_wire_printf(struct sl_wire *wire, const char *fmt, ...) SL_PRINTF(2, 3);
void sl_wire_flush(struct sl_wire *wire);

/* Flush, then do nothing for `timeout_ms`. True if the time passed and the peer is still there. */
bool sl_wire_pause(struct sl_wire *wire, int timeout_ms);

#endif
