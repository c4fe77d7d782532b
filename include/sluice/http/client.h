/*
 * client.h - HTTP/1.1 exchanges: sends a request, follows redirects, reads the head and, piece by
 * piece, the body (RFC 9110, 9112).
 *
 * An exchange is used by one task. Which credentials and header fields of the user go where is
 * decided by http/scope.h. No Referer is sent, and no userinfo of a Location. A 401 is answered
 * with the credentials that it asks for, if there are some.
 *
 * Messages are one line with the URL without secrets, the address once it is known, what failed,
 * why, and what to do.
 */
#ifndef SLUICE_HTTP_CLIENT_H
#define SLUICE_HTTP_CLIENT_H

#include "sluice/base/bytes.h"
#include "sluice/codec/codec.h"
#include "sluice/http/credentials.h"
#include "sluice/http/head.h"
#include "sluice/http/proxies.h"
#include "sluice/http/request.h"
#include "sluice/http/resource.h"
#include "sluice/http/url.h"
#include "sluice/net/reach.h"
#include "sluice/net/tls.h"
#include "sluice/rt/limiter.h"

struct sl_http_client;
struct sl_http_exchange;

#define SL_BODY_UNKNOWN SL_LENGTH_UNKNOWN

/* Idle connections as old as this are closed. Servers close theirs sooner or later than that; each
 * connection is checked before it is used again. */
#define SL_CLIENT_IDLE_NS (30 * SL_NS_PER_S)

/* Idle connections over all hosts, unless one host may have more. A list with a file at each of
 * many hosts would keep one at each of them open for SL_CLIENT_IDLE_NS. */
#define SL_CLIENT_IDLE_MAX 64u

/* Of a stream of HTTP/2: what a server sends before it is read, at first. Nearly all small files
 * fit. Large bodies get more (h2_stream.c). */
#define SL_H2_WINDOW_MAX (128 * SL_KIB)

/* Of a connection of HTTP/2 at a time. */
#define SL_H2_STREAMS 32u

/* Frames of HTTP/2 without a byte of a body, a head or the end of a stream: a server could send
 * them for ever. */
#define SL_H2_IDLE_FRAMES_MAX 2000

/* The body of a redirect or an error that is read to its end, so that the connection can be used
 * again, and for how long. */
#define SL_CLIENT_DRAIN_MAX (64 * SL_KIB)
#define SL_CLIENT_DRAIN_NS (2 * SL_NS_PER_S)

struct sl_http_client_options {
	unsigned per_host;   /* connections to one host, over all exchanges; at least 1 */
	unsigned total;      /* connections in all; at least 1 */
	uint64_t tls_memory; /* for TLS connections, see net/pool.h; 0 = as many as `total` */
	/* For windows of HTTP/2, and how many streams there are at a time, which get at least
	 * 16 KiB each; 0 = 256 KiB for each, and `total`. */
	uint64_t window_memory;
	unsigned streams;
	struct sl_reach reach; /* what it points to is borrowed for the client's life */
	uint64_t connect_timeout_ns;
	uint64_t proxy_timeout_ns; /* of it, for a proxy to connect; 0 = all of it */
	uint64_t stall_timeout_ns; /* until a byte of a body */
	uint64_t head_timeout_ns;  /* until a complete head; 0 = the same */
	/* A body fails that brings fewer bytes a second than this while it is waited for, over
	 * slow_time_ns of waiting; 0 = none does. */
	uint64_t least_rate, slow_time_ns;
	unsigned max_redirects;    /* 0 = do not follow any */
	bool http1;                /* never HTTP/2 */
	bool allow_downgrade;      /* follow redirects from https to http */
	bool want_tls; /* load OpenSSL and the certificates now, not at the first https URL */
	struct sl_tls_options tls;        /* its texts are borrowed for the client's life */
	const struct sl_proxies *proxies; /* borrowed likewise; NULL = all hosts directly, as with
					     reach.socket */
	const char *user_agent;           /* borrowed likewise; NULL = "sluice/VERSION" */
	/* The user's fields for all requests, borrowed likewise; a request's own of the same name
	 * take their place. They are sent where those are (see above). */
	const struct sl_http_header *headers;
	size_t header_count;
	struct sl_credentials_options credentials; /* borrowed likewise */
	/* In Netscape's format; borrowed until sl_http_client_new returns; NULL = none. Cookies
	 * that servers set are kept for the client's life in any case. */
	const char *cookie_file;
	/* Bytes of bodies a second, over all exchanges; 0 = no limit. */
	uint64_t limit_rate;
	/* Requests a second to one host, in thousandths; 0 = no limit. Each hop of a redirect and
	 * each repetition counts. */
	uint64_t max_rps_milli;
};

/*
 * What is asked for, and made of the content coding of a response (coding.h). Requests for ranges,
 * HEAD, and URLs whose path has the suffix of a compressed file ask for none in any case.
 */
enum sl_http_codings {
	SL_CODINGS_AS_SENT, /* none is requested; a body comes as it was sent */
	/* None is requested; one that comes all the same is decoded if it is supported: for readers
	 * that recognise the other formats. */
	SL_CODINGS_DECODE,
	/* All that are supported are requested, and decoded; another one is refused. What has the
	 * suffix of a compressed file comes as it was sent: some servers call that a coding. */
	SL_CODINGS_REQUEST,
	/* None is requested; what comes is what SL_CODINGS_REQUEST makes of it. */
	SL_CODINGS_COMPARE,
};

/* All borrowed until sl_http_open returns. */
struct sl_http_request {
	const char *method; /* "GET" or "HEAD" */
	/* Its userinfo is among the credentials for its own origin. */
	const struct sl_url *url;
	/* From the user; each replaces the client's own of the same name (see request.h). */
	const struct sl_http_header *headers;
	size_t header_count;
	/* The URL was reached by an earlier chain of redirects: what may be sent follows from that
	 * (sl_http_scope). {0} = it was not. */
	struct sl_scope scope;
	enum sl_http_codings codings;
	const struct sl_http_range *range; /* NULL = all of it; replaces the user's own Range */
	/* Gets the time that sl_http_open waits for options.max_rps_milli and limit_rate; may be
	 * looked at while it does. NULL = not of interest. */
	struct sl_limited *limited;
};

/* A part of a resource that an earlier response has described. */
struct sl_http_range {
	uint64_t begin, end; /* half-open, not empty */
	/* Its validator, if it has one, goes into If-Range: of another version the server sends
	 * all. */
	const struct sl_resource *of;
	bool unconditional; /* without If-Range: some servers send all whatever it holds */
};

/* `options` is copied; the calling task owns the client, and no other frees it. Returns 0; -ENOMEM;
 * what sl_credentials_new returns, with want_tls what sl_tls_new returns, with reach.from what
 * sl_dial_check does. */
SL_SUSPENDS
int sl_http_client_new(struct sl_http_client **out, const struct sl_http_client_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* All exchanges must be closed (asserted). NULL is fine. */
SL_SUSPENDS
void sl_http_client_free(struct sl_http_client *client);

/*
 * Send the request, follow redirects, skip 1xx, read the final head. One silent retry on a fresh
 * connection if a kept-alive one was closed before the first byte of the response. Returns 0 for
 * 200 and 203; and, if a range was requested, for 206 with that range, or with fewer bytes of it
 * at its end, unless its size, time or strong ETag are not those of `of`. Otherwise no exchange is
 * left open, err->phase is the operation that failed, and the code is
 *  - SL_E_STATUS: any other status but 206; err->http_status holds it (204 as well: it has no
 *    body), err->retry_after_s the wait that the server asked for. With the log level INFO the
 *    message also has the first words of the body
 *  - SL_E_REDIRECT: more than max_redirects, a downgrade, another scheme, no or two Locations
 *  - SL_E_PROTO: a response other than HTTP/1, bad framing, 101, 206 with another range than was
 *    requested or without a request for one, 206 with a content coding
 *  - SL_E_CHANGED: 206 of another version
 *  - SL_E_DECODE: a content coding that request.codings refuses
 *  - SL_E_LIMIT: a head too large, more than 32 interim responses
 *  - SL_E_USAGE: a header from the user that cannot be sent
 *  - -ECONNRESET (the server closed instead of answering), -ETIMEDOUT, -ECANCELED, -ENOMEM, and
 *    what sl_pool_take returns
 */
SL_SUSPENDS
int sl_http_open(struct sl_http_client *client, const struct sl_http_request *request,
	struct sl_http_exchange **out, struct sl_error *err) SL_MUST_CHECK;

const struct sl_head *sl_http_head(const struct sl_http_exchange *exchange);

/* What the response says of the resource. */
struct sl_resource sl_http_resource(const struct sl_http_exchange *exchange);

/* The URL that answered, after redirects, without userinfo; and the scope for later requests to it.
 */
const struct sl_url *sl_http_final_url(const struct sl_http_exchange *exchange);
struct sl_scope sl_http_scope(const struct sl_http_exchange *exchange);

/* True if the body is the range that was requested; false if it is all of the content. */
bool sl_http_is_range(const struct sl_http_exchange *exchange);

/* The content coding that sl_http_read decodes; SL_CODEC_NONE: the body comes as it was sent. */
enum sl_codec sl_http_coding(const struct sl_http_exchange *exchange);

/* Bytes of the body as announced by Content-Length (for HEAD: of the body GET would have), or
 * SL_BODY_UNKNOWN (chunked, close-delimited, decoded). */
uint64_t sl_http_body_length(const struct sl_http_exchange *exchange);

/* True if the body ends with the end of a plain connection, and is not decoded: then truncation
 * cannot be detected. */
bool sl_http_is_open_ended(const struct sl_http_exchange *exchange);

/* How long sl_http_read has waited for options.limit_rate so far, also while it does: time in which
 * the server was not waited for. */
uint64_t sl_http_limited_ns(const struct sl_http_exchange *exchange);

/* How long sl_http_read has waited for workers that decode. */
uint64_t sl_http_decode_ns(const struct sl_http_exchange *exchange);

/* True if the server sent bytes after the announced end of the body; they were cut off and the
 * connection was dropped. Valid once the body is complete. */
bool sl_http_had_excess(const struct sl_http_exchange *exchange);

/*
 * Read up to `len` bytes of the body (len > 0) into `data`; its bytes after the count are
 * undefined. First the bytes that came with the head; then, on a plain connection without small
 * chunks, one receive that waits for about 100 ms' worth of bytes at the current rate (16 KiB at
 * least) and returns after about a second with what came. Over TLS and in small chunks, what is
 * available. With limit_rate, first waits until so many bytes may be received, and returns at most
 * what the rate gives in 20 ms. Returns the count, or 0 once the body is complete; the connection
 * is returned to the pool as soon as that is known, possibly with the last bytes.
 *
 * A body with a content coding is decoded by a worker, and intact once 0 is returned: SL_E_DECODE
 * if it is damaged, SL_E_LIMIT for its window or ratio (codec/decoder.h), -ENOMEM.
 *
 * SL_E_SHORT_BODY (the connection ended before the announced end), SL_E_PROTO and SL_E_LIMIT
 * (broken chunk), SL_E_TLS (broken record, or no close_notify), -ETIMEDOUT (stall or a deadline in
 * force), -ECONNRESET, -ECANCELED. After a failure only sl_http_close may be called.
 */
SL_SUSPENDS
int sl_http_read(struct sl_http_exchange *exchange, void *data, size_t len,
	struct sl_error *err) SL_MUST_CHECK;

/* End the exchange. A connection whose body was not read to its end is closed. */
SL_SUSPENDS
void sl_http_close(struct sl_http_exchange *exchange);

#endif
