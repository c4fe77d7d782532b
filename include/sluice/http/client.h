/*
 * client.h - HTTP/1.1 exchanges: request out, redirects followed, head in, body read piece by piece
 * (RFC 9110, 9112).
 *
 * An exchange is used by one task. Credentials and custom headers go to the origin of the first URL
 * only: once a redirect changes the origin (scheme, host, port) they are gone for the rest of the
 * chain.
 */
#ifndef SLUICE_HTTP_CLIENT_H
#define SLUICE_HTTP_CLIENT_H

#include "sluice/base/bytes.h"
#include "sluice/http/head.h"
#include "sluice/http/url.h"
#include "sluice/rt/task.h"

struct sl_http_client;
struct sl_http_exchange;

#define SL_BODY_UNKNOWN UINT64_MAX

struct sl_http_client_options {
	unsigned per_host; /* connections to one host, over all exchanges */
	unsigned total;    /* connections in all */
	uint64_t connect_timeout_ns;
	uint64_t stall_timeout_ns; /* no byte for so long, while one is waited for */
	unsigned max_redirects;
	bool allow_downgrade; /* https to http by redirect */
	bool want_tls;      /* load OpenSSL and the certificates now; else at the first https URL */
	const char *cacert; /* borrowed for the client's life; NULL = the system's store */
	const char *user_agent; /* NULL = "sluice/VERSION" */
};

struct sl_http_header {
	struct sl_span name, value;
};

struct sl_http_request {
	const char *method; /* "GET" or "HEAD" */
	const struct sl_url
		*url; /* its userinfo becomes Basic credentials for its own origin (RFC 7617) */
	const struct sl_http_header
		*headers; /* the user's; replace the client's own of the same name */
	size_t header_count;
};

SL_SUSPENDS
int sl_http_client_new(struct sl_http_client **out, const struct sl_http_client_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* All exchanges must be closed. NULL is fine. */
SL_SUSPENDS
void sl_http_client_free(struct sl_http_client *client);

/*
 * Send the request, follow redirects, skip 1xx, read the final head. One silent retry on a fresh
 * connection if a kept-alive one was closed before any byte of the answer came. Returns 0 for 2xx.
 * Else no exchange is left open and: SL_E_STATUS (err->http_status), SL_E_REDIRECT, SL_E_PROTO,
 * SL_E_LIMIT, and what the pool returns; err->phase says where. Answers other than 200 to a plain
 * GET (206, 204 with a body, unknown content coding) are SL_E_PROTO.
 */
SL_SUSPENDS
int sl_http_open(struct sl_http_client *client, const struct sl_http_request *request,
	struct sl_http_exchange **out, struct sl_error *err) SL_MUST_CHECK;

const struct sl_head *sl_http_head(const struct sl_http_exchange *exchange);

/* The URL that answered, after redirects. */
const struct sl_url *sl_http_final_url(const struct sl_http_exchange *exchange);

/* Bytes of the body as announced by Content-Length, or SL_BODY_UNKNOWN (chunked, close-delimited).
 */
uint64_t sl_http_body_length(const struct sl_http_exchange *exchange);

/* True if the server sent bytes beyond the body's announced end: cut off, connection dropped (valid
 * at the end). */
bool sl_http_had_excess(const struct sl_http_exchange *exchange);

/*
 * Up to `len` bytes of the body (len > 0) into `data`. Tries to fill it while the server keeps up:
 * asks for no more than about 100 ms' worth at the current rate (16 KiB at least) at a time, and
 * returns what came after at most about a second. Returns the count, or 0 once the body is
 * complete; SL_E_SHORT_BODY, SL_E_PROTO, SL_E_TLS, -ETIMEDOUT (stall or a deadline in force),
 * -ECONNRESET, -ECANCELED. After a failure only sl_http_close may be called.
 */
SL_SUSPENDS
int sl_http_read(struct sl_http_exchange *exchange, void *data, size_t len,
	struct sl_error *err) SL_MUST_CHECK;

/* Ends the exchange: the connection is kept if the body was read to its end and may be reused, else
 * closed. */
SL_SUSPENDS
void sl_http_close(struct sl_http_exchange *exchange);

#endif
