/*
 * tls_identity.h - the certificate and the private key with which this program identifies itself
 * to a server that asks for them. Used by net/tls_context.c only.
 */
#ifndef SLUICE_NET_TLS_IDENTITY_H
#define SLUICE_NET_TLS_IDENTITY_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

#include <openssl/ssl.h>

/* Texts in PEM, and the names of their files for messages. */
struct sl_tls_identity {
	const char *cert_path, *key_path; /* key_path NULL = the key is in the same file */
	struct sl_span cert, key;
};

/*
 * Into `context`: the first certificate is ours, those behind it are its chain. Returns 0; or
 * SL_E_TLS, named in *err: no certificate or key in it, an encrypted key, a key of another
 * certificate, one that OpenSSL finds too weak.
 */
int sl_tls_identity_load(SSL_CTX *context, const struct sl_tls_identity *identity,
	struct sl_error *err) SL_MUST_CHECK;

#endif
