/*
 * tls_reason.h - why a handshake or a certificate failed, in words for a person. Used by net/tls.c,
 * net/tls_handshake.c and net/tls_trust.c only.
 */
#ifndef SLUICE_NET_TLS_REASON_H
#define SLUICE_NET_TLS_REASON_H

#include "sluice/net/tls.h"

#include <openssl/x509.h>

#define SL_TLS_HINT 512

struct sl_tls_trust;

/* {0} = nothing was refused. The texts hold bytes of the server's: no NUL, bounded, else as they
 * are. */
struct sl_tls_refusal {
	int code;                                       /* X509_V_* */
	char subject[SL_TLS_NAME], issuer[SL_TLS_NAME]; /* of the certificate, "/O=.../CN=..." */
	char hint[SL_TLS_HINT]; /* what is wrong with it and what to do; may be "" */
};

/* To be called in the verify callback when it gets an error: the certificate is not available
 * afterwards. */
void sl_tls_refusal_describe(
	struct sl_tls_refusal *refusal, X509_STORE_CTX *store, const struct sl_tls_trust *trust);

/* "2026-01-31"; "" if the time is not readable. */
void sl_tls_date_format(char text[static sizeof("2026-01-31")], const ASN1_TIME *time);

/*
 * Why OpenSSL failed, static text; `least` is the oldest version that we accept. The error queue is
 * the thread's: call this right after the call that failed, before any suspension lets another task
 * fill or clear it.
 */
const char *sl_tls_reason(bool in_handshake, enum sl_tls_version least);

#endif
