/*
 * exchange_int.h - one request and its response, for chain.c, which follows the redirects.
 * exchange.c has it up to the final head, body.c what follows. See client.h for the public side of
 * an exchange.
 */
#ifndef SLUICE_HTTP_EXCHANGE_INT_H
#define SLUICE_HTTP_EXCHANGE_INT_H

#include "coded_int.h"
#include "connections_int.h"

#include "sluice/http/client.h"
#include "sluice/http/scope.h"

struct sl_http_exchange {
	/* set by the client */
	struct sl_http_client *client;
	struct sl_connections *connections;
	struct sl_limiter *limiter; /* of bytes, shared by all exchanges; NULL = no limit */
	struct sl_url url;
	struct sl_proxy_route *through; /* how it is reached, see sl_route_choose */
	bool is_head;
	/* NULL, or adds to the request what depends on the time: called when it is to be sent,
	 * which may be long after it was made (--max-rps). 0 or a code. */
	int (*complete)(void *ctx, struct sl_request *request);
	void *complete_ctx;
	uint64_t number;       /* for http/trace.h */
	struct sl_scope scope; /* what of the user's secrets may still be sent */

	/* what carries it: NULL once the body is complete or anything has failed */
	struct sl_stream *stream;
	char peer[SL_ADDRESS_TEXT]; /* "" until connected; kept afterwards for messages */
	bool reused;                /* the connection had carried an exchange before */

	/* the response */
	struct sl_head head;
	size_t heads_len, heads_lines; /* of all heads so far, those of redirects and 1xx too */
	struct sl_body_state body; /* as that of the stream, which may be gone */
	bool is_range;             /* the body is the range that was requested */
	uint64_t range_total;      /* size of the whole content; SL_LENGTH_UNKNOWN */
	enum sl_codec coding;   /* what the body is decoded from; SL_CODEC_NONE = as it is sent */
	struct sl_coded *coded; /* its decoder, from the first read on */

	uint64_t least_rate, slow_time_ns; /* of the client's options */
	/* Of the body, since it was fast enough last: what came, and how long it was waited for. */
	uint64_t pace_bytes, pace_waited_ns;

	struct sl_limited *limited;     /* of the request, until the response is there; else own */
	struct sl_limited limited_read; /* of the body */
};

/*
 * Take a stream to the URL's origin, send the request and read the final head, with one silent
 * retry as in sl_http_open. Afterwards the body is to be read. After a failure the stream has
 * ended.
 */
SL_SUSPENDS
int sl_exchange_ask(struct sl_http_exchange *exchange, struct sl_request *request,
	struct sl_error *err) SL_MUST_CHECK;

/* Done with this response: reads a small body to its end so that the connection can be used again.
 * A read may have failed before. */
SL_SUSPENDS
void sl_exchange_drain(struct sl_http_exchange *exchange);

/* End the stream, if there still is one. */
SL_SUSPENDS
void sl_exchange_end_stream(struct sl_http_exchange *exchange);

/* After the stream has read: take over how far it is, and end it if the body is complete. */
SL_SUSPENDS
void sl_exchange_note_body(struct sl_http_exchange *exchange);

/* Record "cannot fetch 'URL' (address): ..." without secrets. */
int sl_exchange_fail(const struct sl_http_exchange *exchange, struct sl_error *err,
	enum sl_phase phase, int code, const char *fmt, ...) SL_PRINTF(5, 6);

/* The same for a failure of the stream, which has a phase and a text. Returns `code`. */
int sl_exchange_fail_as(const struct sl_http_exchange *exchange, struct sl_error *err, int code,
	const struct sl_error *cause);

/* Append the URL for a message: without userinfo and secrets in the query, not too long. */
void sl_exchange_show_url(struct sl_buf *out, const struct sl_url *url);

#endif
