/*
 * tunnel.h - asks a proxy, over a connection to it, for a connection to an origin: CONNECT (RFC
 * 9110 9.3.6) or SOCKS. Afterwards the connection is a stream to the origin.
 *
 * Nothing but the proxy's reply is received: what follows it is the origin's, which sends nothing
 * before it is asked, so that bytes behind the reply end the tunnel. Failures are of the phase
 * SL_PHASE_PROXY, with a text that names neither the proxy nor the URL; after one the connection
 * can only be closed.
 */
#ifndef SLUICE_HTTP_TUNNEL_H
#define SLUICE_HTTP_TUNNEL_H

#include "sluice/http/head.h"
#include "sluice/http/socks.h"
#include "sluice/net/connection.h"

struct sl_tunnel_request {
	const char *host; /* as in struct sl_url */
	bool is_ipv6;
	uint16_t port;
	const char *user_agent;
	const char *authorization; /* the value of Proxy-Authorization; NULL = none */
};

/* Append HOST:PORT, the target of the request. */
void sl_tunnel_add_authority(struct sl_buf *buf, const struct sl_tunnel_request *request);

/* The request as bytes; the authority always has its port (RFC 9112 3.2.3). -ENOMEM. */
int sl_tunnel_format(struct sl_buf *buf, const struct sl_tunnel_request *request) SL_MUST_CHECK;

/*
 * Send CONNECT and read the response into the empty `head`, until `deadline_ns` for both. Returns 0
 * for a status of 2xx, whose Content-Length and Transfer-Encoding count for nothing. Else
 *  - SL_E_STATUS with err->http_status for 403, 407, 408, 429 and 5xx
 *  - SL_E_AUTH for 401, with which some proxies refuse credentials
 *  - SL_E_PROTO for all other statuses, none of which is the origin's; if the response is not HTTP,
 *    101, or has bytes behind its head
 *  - SL_E_LIMIT: the limits of head.h, or more than 32 interim responses
 *  - -ECONNRESET (the proxy closed the connection), -ETIMEDOUT, -ECANCELED, -ENOMEM, SL_E_TLS
 */
SL_SUSPENDS
int sl_tunnel_connect(struct sl_connection *connection, const struct sl_tunnel_request *request,
	uint64_t deadline_ns, struct sl_head *head, struct sl_error *err) SL_MUST_CHECK;

/* Likewise by SOCKS; errors also as in socks.h. */
SL_SUSPENDS
int sl_tunnel_socks(struct sl_connection *connection, const struct sl_proxy *proxy,
	struct sl_socks_target *target, uint64_t deadline_ns, struct sl_error *err) SL_MUST_CHECK;

#endif
