/*
 * tls_bio.h - carries ciphertext between OpenSSL and a connection without an extra copy.
 *
 * OpenSSL never waits here. If a read finds no ciphertext, the destination of the read is kept, the
 * read returns "retry", and the task receives directly into that destination before it calls
 * OpenSSL again. What OpenSSL writes is collected and sent after the call. For net/tls_secured.h.
 */
#ifndef SLUICE_NET_TLS_BIO_H
#define SLUICE_NET_TLS_BIO_H

#include "sluice/base/bytes.h"
#include "sluice/net/connection.h"

#include <openssl/bio.h>

/* The longest record on the wire: header, 2^14 bytes and what sealing adds (RFC 8446 5.2; TLS 1.2
 * allows 2048, but none of the ciphers in use adds more than 256). */
#define SL_TLS_RECORD ((size_t)5 + 16384 + 256)

/* In its owner's memory; {0} to begin with. */
struct sl_tls_bio {
	unsigned char *want; /* where OpenSSL wants ciphertext: in its own record buffer */
	size_t want_len;
	size_t pending;    /* bytes received at `want` that OpenSSL has not taken yet */
	size_t record;     /* size on the wire of the last record whose header was seen; 0 = none */
	bool ended;        /* the peer has closed */
	struct sl_buf out; /* what OpenSSL wrote */
	struct sl_buf sending;  /* was taken out of it, and lies still while it is sent */
	size_t sent;            /* of sending */
	bool is_flushing;       /* a task sends */
	struct sl_list waiting; /* for it, to write more */
};

/* The kind of BIO, to be freed with BIO_meth_free after all BIOs of it; NULL if out of memory. */
BIO_METHOD *sl_tls_bio_method(void) SL_MUST_CHECK;

/* A BIO over `io`, which must outlive it; NULL if out of memory. */
BIO *sl_tls_bio_new(BIO_METHOD *method, struct sl_tls_bio *io) SL_MUST_CHECK;

/* Free what waits to be sent, and its memory; the BIO can be used as before. */
void sl_tls_bio_release(struct sl_tls_bio *io);

/* OpenSSL has freed its record buffer: what it wants will be somewhere else. Nothing received may
 * wait there (asserted). */
void sl_tls_bio_forget_room(struct sl_tls_bio *io);

/*
 * Wait for ciphertext, after OpenSSL has returned "want read". At least `sure` bytes of plaintext
 * will follow, or the end: if that is more than fits into OpenSSL's buffer, the call waits until
 * the buffer is full, since a wake-up for each packet costs more than the packet. Returns 0, also
 * if the peer has closed (which the next read of OpenSSL returns); -ECONNRESET, SL_E_TLS (of TLS
 * below, with a text); -ETIMEDOUT, -ECANCELED, without `wait` -EAGAIN: may be called again; -EPROTO
 * if OpenSSL does not want to read.
 */
SL_SUSPENDS
int sl_tls_bio_fill(struct sl_tls_bio *io, struct sl_connection *below, size_t sure, bool wait,
	uint64_t deadline_ns, struct sl_error *err) SL_MUST_CHECK;

/* Send all that OpenSSL wrote. If another task does already, it takes this along, and the call
 * returns 0 as soon as OpenSSL can write again. Returns 0; -ENOMEM if some was lost; a code of
 * sl_connection_send_some. May be called again after -ETIMEDOUT: it goes on where it was. */
SL_SUSPENDS
int sl_tls_bio_flush(struct sl_tls_bio *io, struct sl_connection *below, bool wait,
	uint64_t deadline_ns, struct sl_error *err) SL_MUST_CHECK;

#endif
