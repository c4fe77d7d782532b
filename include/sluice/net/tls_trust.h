/*
 * tls_trust.h - the trusted certificates: the system's store, or a file that the user named.
 * Used by net/tls.c and net/tls_reason.c only.
 */
#ifndef SLUICE_NET_TLS_TRUST_H
#define SLUICE_NET_TLS_TRUST_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/rt/task.h"

#include <openssl/ssl.h>
#include <stdbool.h>

#define SL_TLS_PLACES 256

struct sl_tls_trust {
	bool from_file; /* the certificates are those of a file that the user named */
	/* Where the system's store was looked for if it holds no certificate; else "". */
	char searched[SL_TLS_PLACES];
};

/*
 * The text of the file `cacert`, for sl_tls_trust_load, to be released. It may be a FIFO, whose
 * writer is waited for. Returns 0; SL_E_TLS: it is too large; -ENOMEM; a file's error such as
 * -ENOENT; the cancellation; named in *err.
 */
SL_SUSPENDS
int sl_tls_trust_read(struct sl_buf *pem, const char *cacert, struct sl_error *err) SL_MUST_CHECK;

/*
 * Load the certificates in `pem`, the text of the file `cacert`, or the system's store if that is
 * NULL, into `context`. May block. A system's store without certificates is not a failure here:
 * http needs none. Returns 0; SL_E_TLS, named in *err.
 */
int sl_tls_trust_load(struct sl_tls_trust *trust, SSL_CTX *context, const char *cacert,
	struct sl_span pem, struct sl_error *err) SL_MUST_CHECK;

#endif
