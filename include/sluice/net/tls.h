/*
 * tls.h - TLS 1.2 and 1.3 by OpenSSL on a connection: SNI, name verification, session reuse.
 *
 * Unless the options say otherwise, the server's certificate is verified: a chain to the trusted
 * certificates, its dates, and a subjectAltName that matches the host (RFC 9525: the subject's
 * common name is not looked at, a wildcard stands for one whole label). Sessions are shared by host
 * and port within one sl_tls only, so they never cross from one configuration to another.
 */
#ifndef SLUICE_NET_TLS_H
#define SLUICE_NET_TLS_H

#include "sluice/net/connection.h"

struct sl_tls;

/*
 * Memory of a connection while it is used, for callers with a memory limit. Measured with OpenSSL
 * 3.0 (tests/unit/test_tls_memory.c): 66,580 bytes for received records, 16,584 for those to send;
 * for everything else 24,808 with a short chain of certificates (they are kept) and 38,896 with
 * three RSA ones: 122,060 in all. While it is idle, without the two buffers, a third of that is
 * left.
 */
#define SL_TLS_MEMORY ((uint64_t)128 * SL_KIB)

/* What a connection offers to speak (ALPN, RFC 7301); HTTP/2 is offered before HTTP/1.1. */
enum sl_alpn { SL_ALPN_HTTP1, SL_ALPN_HTTP2 };

enum sl_tls_version { SL_TLS_1_2, SL_TLS_1_3 };

/* A configuration; {0} verifies by the system's store. The texts are borrowed until sl_tls_free. */
struct sl_tls_options {
	/* Trust only the certificates in a PEM file, and those in a directory prepared by
	 * openssl-rehash(1); both NULL = the system's store. */
	const char *cacert, *capath;
	/* Identify ourselves to each server that asks, by the certificate in a PEM file; its key
	 * is in the same file if `key` is NULL. NULL = never. */
	const char *cert, *key;
	const char *pinnedpubkey; /* see net/pins.h, or a file; any server must have one of these */
	const char *keylog;       /* a file for the secrets of sessions, for debugging; or NULL */
	enum sl_tls_version least;
	uint64_t timeout_ns; /* for a handshake; 0 = only the deadline of the connection */
	bool insecure; /* verify no certificate; keys are compared with pinnedpubkey nevertheless */
};

/*
 * Load OpenSSL and what the options name (in the blocking pool), and warn of those that weaken TLS.
 * Returns 0; SL_E_TLS (no certificate or key in a file, an encrypted key...), SL_E_USAGE (of a list
 * of keys), a file's error such as -ENOENT, -ENOMEM; named in *err.
 */
SL_SUSPENDS
int sl_tls_new(struct sl_tls **out, const struct sl_tls_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* No connection of it may be open (asserted). NULL is fine. */
void sl_tls_free(struct sl_tls *tls);

/*
 * Handshake over `below` (plain, or TLS to a proxy) with the server called `host` (DNS name or
 * numeric address without brackets; SNI is never an address) until `deadline_ns`. Takes below: it
 * is the connection's on success and closed on failure. *out has its peer, how long each step took,
 * and whether HTTP/2 was agreed on. Returns 0; SL_E_TLS; -ECONNRESET (also if the server closed the
 * connection in order), -ETIMEDOUT, -ECANCELED...; *err (phase SL_PHASE_TLS) names the host, the
 * reason, the certificate if that is the reason, and what to do.
 */
SL_SUSPENDS
int sl_tls_connect(struct sl_tls *tls, struct sl_connection *below, const char *host, uint16_t port,
	enum sl_alpn alpn, uint64_t deadline_ns, struct sl_connection **out,
	struct sl_error *err) SL_MUST_CHECK;

/* Bytes of the name of a certificate's subject or issuer that messages show, with the NUL. */
#define SL_TLS_NAME 160

/* What was negotiated, for the log and for tests. Names are the server's bytes. */
struct sl_tls_info {
	const char *version; /* "TLSv1.3"; static text */
	const char *cipher;  /* "TLS_AES_256_GCM_SHA384"; static text */
	bool resumed;        /* an earlier session was taken up */
	bool verified;
	char subject[SL_TLS_NAME], issuer[SL_TLS_NAME]; /* of the server's certificate */
	char ends[sizeof("2026-01-01")];                /* its last day, UTC; "" = not readable */
};

/* `connection` is one that sl_tls_connect made (asserted). */
void sl_tls_describe(const struct sl_connection *connection, struct sl_tls_info *out);

#endif
