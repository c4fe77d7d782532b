/*
 * tls_trust.h - the trusted certificates: the system's store, or a file that the user named.
 * Used by net/tls.c and net/tls_reason.c only.
 */
#ifndef SLUICE_NET_TLS_TRUST_H
#define SLUICE_NET_TLS_TRUST_H

#include "sluice/base/error.h"

#include <openssl/ssl.h>
#include <stdbool.h>

#define SL_TLS_PLACES 256

struct sl_tls_trust {
	bool from_file; /* the certificates are those of a file that the user named */
	/* Where the system's store was looked for if it holds no certificate; else "". */
	char searched[SL_TLS_PLACES];
};

/*
 * Load the certificates in the PEM file `cacert`, or the system's store if it is NULL, into
 * `context`. May block. A system's store without certificates is not a failure here: http needs
 * none. Returns 0; SL_E_TLS, a file's error such as -ENOENT; named in *err.
 */
int sl_tls_trust_load(struct sl_tls_trust *trust, SSL_CTX *context, const char *cacert,
	struct sl_error *err) SL_MUST_CHECK;

#endif
