/*
 * tls_trust.h - the trusted certificates: the system's store, or what the user named.
 * Used by net/tls_context.c and net/tls_reason.c only.
 */
#ifndef SLUICE_NET_TLS_TRUST_H
#define SLUICE_NET_TLS_TRUST_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/net/tls.h"

#include <openssl/ssl.h>

#define SL_TLS_PLACES 256

struct sl_tls_trust {
	const char *where;  /* they are: "in the system's store"; static texts */
	const char *remedy; /* if one is missing */
	/* Where the system's store was looked for if it holds no certificate; else "". */
	char searched[SL_TLS_PLACES];
};

/*
 * Load the certificates that `options` name, `pem` being the text of options->cacert, into
 * `context`. May block. A system's store without certificates is not a failure here: http needs
 * none. Returns 0; SL_E_TLS, a directory's error such as -ENOENT; named in *err.
 */
int sl_tls_trust_load(struct sl_tls_trust *trust, SSL_CTX *context,
	const struct sl_tls_options *options, struct sl_span pem,
	struct sl_error *err) SL_MUST_CHECK;

#endif
