/*
 * tls.h - TLS 1.2 and 1.3 by OpenSSL over a plain connection's socket: SNI, name verification,
 * session reuse.
 *
 * OpenSSL's error queue belongs to the thread, so it is cleared before each call and read before
 * any suspension.
 */
#ifndef SLUICE_NET_TLS_H
#define SLUICE_NET_TLS_H

#include "sluice/net/connection.h"

struct sl_tls;

/*
 * Load OpenSSL and the trusted certificates (in the blocking pool): the system's store, or only
 * those in the PEM file `cacert` if it is not NULL. Returns 0; SL_E_TLS or a file's error, named in
 * *err.
 */
SL_SUSPENDS
int sl_tls_new(struct sl_tls **out, const char *cacert, struct sl_error *err) SL_MUST_CHECK;

/* No connection of it may be open. NULL is fine. */
void sl_tls_free(struct sl_tls *tls);

/*
 * Handshake on `fd` with the server called `host` (verified as DNS name or IP address; SNI is never
 * an address) until `deadline_ns`. Takes fd: it is the connection's on success and closed on
 * failure. Sessions are shared by host and port. Returns 0; SL_E_TLS with the reason, the
 * certificate and the host in *err; -ETIMEDOUT...
 */
SL_SUSPENDS
int sl_tls_connect(struct sl_tls *tls, int fd, const char *host, uint16_t port,
	uint64_t deadline_ns, struct sl_connection **out, struct sl_error *err) SL_MUST_CHECK;

#endif
