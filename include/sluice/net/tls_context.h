/*
 * tls_context.h - what the TLS connections of one configuration share: OpenSSL's context, the
 * trusted certificates, our own, the sessions. For net/tls_secured.h.
 */
#ifndef SLUICE_NET_TLS_CONTEXT_H
#define SLUICE_NET_TLS_CONTEXT_H

#include "sluice/net/pins.h"
#include "sluice/net/tls.h"
#include "sluice/net/tls_reason.h"
#include "sluice/net/tls_session.h"
#include "sluice/net/tls_trust.h"

#include <openssl/ssl.h>

struct sl_tls {
	struct sl_tls_options options; /* its texts are used until sl_tls_new returns */
	SSL_CTX *context;
	BIO_METHOD *method;
	struct sl_tls_sessions sessions;
	struct sl_tls_trust trust;
	struct sl_pins pins; /* count 0 = any key */
	int keylog_fd;       /* -1 = none */
	unsigned connections;
};

/* The server of a connection: app data of each SSL, which OpenSSL's callbacks find. */
struct sl_tls_server {
	struct sl_tls *tls;
	char *key;                      /* "host:port" of its sessions */
	struct sl_tls_refusal *refusal; /* of its certificate, during the handshake; else NULL */
};

#endif
