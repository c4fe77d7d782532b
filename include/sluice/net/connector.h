/*
 * connector.h - makes connections: name lookup, dialling and TLS, each a step that can stand on the
 * one before.
 *
 * To an origin directly: open, then secure if it is https. Through a proxy: open to the proxy, ask
 * it for the way on, then secure with the name of the origin. An https proxy: secure with the name
 * of the proxy in between.
 */
#ifndef SLUICE_NET_CONNECTOR_H
#define SLUICE_NET_CONNECTOR_H

#include "sluice/net/connection.h"
#include "sluice/net/dns.h"
#include "sluice/net/reach.h"
#include "sluice/net/tls.h"

struct sl_connector;

struct sl_connector_options {
	int receive_buffer;    /* of each socket, see net/dial.h; 0 = as the kernel adapts it */
	struct sl_reach reach; /* what it points to is borrowed for the connector's life */
};

/* Returns 0 or -ENOMEM. */
int sl_connector_new(
	struct sl_connector **out, const struct sl_connector_options *options) SL_MUST_CHECK;

/* Connections that it made may still be open; none may be under way (asserted). NULL is fine. */
void sl_connector_free(struct sl_connector *connector);

/* Borrowed; nothing can be secured before. It is set once only, when OpenSSL is first needed and
 * was loaded. */
void sl_connector_set_tls(struct sl_connector *connector, struct sl_tls *tls);

/*
 * A plain connection to `host` (a name or a numeric address, no brackets): looks it up and dials
 * its addresses until `deadline_ns`, as options.reach has it. Its peer is set. Returns 0;
 * SL_E_RESOLVE, SL_E_DNS_FAILURE, -ECONNREFUSED, -ETIMEDOUT, -ECANCELED, -ENOMEM...; *err with
 * the phase is always filled.
 */
SL_SUSPENDS
int sl_connector_open(struct sl_connector *connector, const char *host, uint16_t port,
	uint64_t deadline_ns, struct sl_connection **out, struct sl_error *err) SL_MUST_CHECK;

/* The addresses of `host`, given by the user or looked up, for a proxy that does not look names up;
 * see sl_dns_lookup. */
SL_SUSPENDS
int sl_connector_lookup(struct sl_connector *connector, const char *host, uint16_t port,
	uint64_t deadline_ns, struct sl_addresses *out, struct sl_error *err) SL_MUST_CHECK;

/*
 * TLS over `below`, of any kind, with the server called `host`; see sl_tls_connect. Takes below: it
 * is the connection's on success and closed on failure. SL_E_UNSUPPORTED: no TLS set up.
 */
SL_SUSPENDS
int sl_connector_secure(struct sl_connector *connector, struct sl_connection *below,
	const char *host, uint16_t port, enum sl_alpn alpn, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err) SL_MUST_CHECK;

#endif
