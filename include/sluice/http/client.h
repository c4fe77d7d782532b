/*
 * client.h - HTTP/1.1 exchanges: request out, redirects followed, head in, body read piece by piece
 * (RFC 9110, 9112).
 *
 * An exchange is used by one task. Credentials, headers that carry them (base/redact.h knows their
 * names) and a Host of the user's go to the origin of the first URL only: once a redirect changes
 * the origin (scheme, host, port) they are gone for the rest of the chain, also if it comes back.
 * No Referer is sent, and no userinfo out of a Location.
 *
 * Messages are one line that names the URL without secrets, the address once there is one, what
 * failed, why, and what to do.
 */
#ifndef SLUICE_HTTP_CLIENT_H
#define SLUICE_HTTP_CLIENT_H

#include "sluice/base/bytes.h"
#include "sluice/http/head.h"
#include "sluice/http/request.h"
#include "sluice/http/url.h"
#include "sluice/rt/task.h"

struct sl_http_client;
struct sl_http_exchange;

#define SL_BODY_UNKNOWN UINT64_MAX

struct sl_http_client_options {
	unsigned per_host;   /* connections to one host, over all exchanges; at least 1 */
	unsigned total;      /* connections in all; at least 1 */
	uint64_t tls_memory; /* for TLS connections, see net/pool.h; 0 = as many as `total` */
	uint64_t connect_timeout_ns;
	uint64_t stall_timeout_ns; /* no byte for so long, while one is waited for; or no whole
				      head */
	unsigned max_redirects;    /* 0 = none is followed */
	bool allow_downgrade;      /* https to http by redirect */
	bool want_tls;      /* load OpenSSL and the certificates now; else at the first https URL */
	const char *cacert; /* borrowed for the client's life; NULL = the system's store */
	const char *user_agent; /* borrowed likewise; NULL = "sluice/VERSION" */
};

/* All borrowed until sl_http_open returns. */
struct sl_http_request {
	const char *method; /* "GET" or "HEAD" */
	/* Its userinfo becomes Basic credentials for its own origin (RFC 7617). */
	const struct sl_url *url;
	/* The user's; each replaces the client's own of the same name (see request.h). */
	const struct sl_http_header *headers;
	size_t header_count;
};

/* `options` is copied. Returns 0; -ENOMEM; with want_tls what sl_tls_new returns. */
SL_SUSPENDS
int sl_http_client_new(struct sl_http_client **out, const struct sl_http_client_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* All exchanges must be closed (asserted). NULL is fine. */
SL_SUSPENDS
void sl_http_client_free(struct sl_http_client *client);

/*
 * Send the request, follow redirects, skip 1xx, read the final head. One silent retry on a fresh
 * connection if a kept-alive one was closed before any byte of the answer came. Returns 0 for 200
 * and 203 without a content coding. Else no exchange is left open, err->phase says where it failed,
 * and the code is
 *  - SL_E_STATUS: any other status but 206; err->http_status holds it (204 is one: no file came)
 *  - SL_E_REDIRECT: more than max_redirects, a loop, a downgrade, another scheme, no or two
 * Locations
 *  - SL_E_PROTO: no HTTP/1, bad framing, 101, 206, a Content-Encoding: none was asked for
 *  - SL_E_LIMIT: a head too large, more than 32 interim answers
 *  - SL_E_USAGE: a header of the user's that cannot be sent
 *  - -ECONNRESET (the server closed instead of answering), -ETIMEDOUT, -ECANCELED, -ENOMEM, and
 * what sl_pool_take returns.
 */
SL_SUSPENDS
int sl_http_open(struct sl_http_client *client, const struct sl_http_request *request,
	struct sl_http_exchange **out, struct sl_error *err) SL_MUST_CHECK;

const struct sl_head *sl_http_head(const struct sl_http_exchange *exchange);

/* The URL that answered, after redirects; without userinfo if there was one. */
const struct sl_url *sl_http_final_url(const struct sl_http_exchange *exchange);

/* Numeric address and port of the server that answered. */
const char *sl_http_peer(const struct sl_http_exchange *exchange);

/* Bytes of the body as announced by Content-Length (for HEAD: of the body GET would have), or
 * SL_BODY_UNKNOWN (chunked, close-delimited). */
uint64_t sl_http_body_length(const struct sl_http_exchange *exchange);

/* True if only the end of a plain connection tells where the body ends: then nobody can know
 * whether it is complete. */
bool sl_http_is_open_ended(const struct sl_http_exchange *exchange);

/* True if the server sent bytes beyond the body's announced end: cut off, connection dropped (valid
 * at the end). */
bool sl_http_had_excess(const struct sl_http_exchange *exchange);

/*
 * Up to `len` bytes of the body (len > 0) into `data`; what lies behind the count there is
 * undefined. First what came with the head; then, by length or close over a plain connection, one
 * receive that fills `data` while the server keeps up: it asks for no more than about 100 ms' worth
 * at the current rate (16 KiB at least), and returns what came after at most about a second. Over
 * TLS and in small chunks, what is there. Returns the count, or 0 once the body is complete; the
 * connection is given back as soon as that is known, maybe with the last bytes.
 *
 * SL_E_SHORT_BODY (the connection ended before the announced end), SL_E_PROTO and SL_E_LIMIT
 * (broken chunk), SL_E_TLS (broken record, or no close_notify), -ETIMEDOUT (stall or a deadline in
 * force), -ECONNRESET, -ECANCELED. After a failure only sl_http_close may be called.
 */
SL_SUSPENDS
int sl_http_read(struct sl_http_exchange *exchange, void *data, size_t len,
	struct sl_error *err) SL_MUST_CHECK;

/* Ends the exchange: a connection whose body was not read to its end is closed. */
SL_SUSPENDS
void sl_http_close(struct sl_http_exchange *exchange);

#endif
