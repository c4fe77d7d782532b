/*
 * tls_secured.h - the inside of a TLS connection (tls.h). tls.c has what it does once it is
 * established, tls_handshake.c how it becomes so.
 *
 * The functions are called one after the other by the task that uses the connection: clear_errors,
 * OpenSSL, why_failed, without a suspension in between.
 */
#ifndef SLUICE_NET_TLS_SECURED_H
#define SLUICE_NET_TLS_SECURED_H

#include "sluice/net/connection.h"
#include "sluice/net/tls_bio.h"
#include "sluice/net/tls_context.h"

struct sl_secured {
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

extern const struct sl_connection_methods sl_secured_methods;

/* Before each call of OpenSSL, for the reason of its failure to be its own. */
void sl_secured_clear_errors(void);

/*
 * After a call that did not succeed: SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE, to be followed by
 * sl_secured_exchange(); SSL_ERROR_ZERO_RETURN; else secured->broken is set.
 */
int sl_secured_why_failed(struct sl_secured *secured, int result, bool in_handshake);

/* Send what OpenSSL wrote. Returns 0 or a code of the connection below. */
SL_SUSPENDS
int sl_secured_flush(
	struct sl_secured *secured, bool wait, uint64_t deadline_ns, struct sl_error *err);

/*
 * The same and, if OpenSSL wants to read, wait for ciphertext: `sure` and `wait` as in
 * sl_tls_bio_fill. `why` is SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE.
 */
SL_SUSPENDS
int sl_secured_exchange(struct sl_secured *secured, int why, size_t sure, bool wait,
	uint64_t deadline_ns, struct sl_error *err);

#endif
