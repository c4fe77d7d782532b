/*
 * tls_pinned.h - the pinned public keys of a run, and whether a server has one of them.
 * Used by net/tls_handshake.c and net/tls_context.c only.
 */
#ifndef SLUICE_NET_TLS_PINNED_H
#define SLUICE_NET_TLS_PINNED_H

#include "sluice/net/pins.h"

#include <openssl/x509.h>

/* Pin the public key in `text`, the contents of the file `path`: PEM ("PUBLIC KEY") or DER. Returns
 * 0; SL_E_TLS: it holds none. */
int sl_tls_pinned_load(struct sl_pins *pins, struct sl_span text, const char *path,
	struct sl_error *err) SL_MUST_CHECK;

/* 0 if the key of `cert`, the certificate of the server called `host`, is pinned; else SL_E_TLS,
 * and *err names the key that it has. */
int sl_tls_pinned_check(const struct sl_pins *pins, X509 *cert, const char *host,
	struct sl_error *err) SL_MUST_CHECK;

#endif
