/*
 * stream.h - what carries one exchange: a request to the server, and its response back.
 *
 * A stream is one of several kinds behind one table of functions, as connections are. For HTTP/1.1
 * (h1.c) it is a connection that it has for itself, for HTTP/2 (h2_stream.c) a part of one.
 * connections_int.h gives streams; exchange.c and body.c use them, and do not depend on the version
 * of HTTP.
 *
 * Order: send, then read_head once for each head (interim ones and the final one), begin_body, read
 * until the body is complete, end. One task uses a stream. After a failure of one of them it can
 * only be ended. Failures come with a phase and a text, but without the URL and the address, which
 * exchange.c adds.
 */
#ifndef SLUICE_HTTP_STREAM_H
#define SLUICE_HTTP_STREAM_H

#include "sluice/http/framing.h"
#include "sluice/http/head.h"
#include "sluice/http/request.h"
#include "sluice/net/connection.h"
#include "sluice/rt/task.h"

struct sl_stream;

/* How far a response's body was read; valid since begin_body. */
struct sl_body_state {
	struct sl_framing framing;
	uint64_t received; /* bytes that were handed out */
	bool complete;     /* it was read to its end */
	bool excess;       /* bytes followed it */
};

struct sl_stream_methods {
	SL_SUSPENDS
	int (*send)(
		struct sl_stream *stream, const struct sl_request *request, struct sl_error *err);

	/* The next head, into an empty `head`. */
	SL_SUSPENDS
	int (*read_head)(struct sl_stream *stream, struct sl_head *head, struct sl_error *err);

	/* After the final head: decide where the body ends. It can be complete at once. */
	SL_SUSPENDS
	int (*begin_body)(struct sl_stream *stream, const struct sl_head *head,
		bool request_was_head, struct sl_error *err);

	/*
	 * Up to len bytes (len > 0) of a body that is not complete: the count. 0 = complete,
	 * without another byte; the last bytes may complete it as well. SL_E_SHORT_BODY,
	 * SL_E_PROTO, SL_E_LIMIT, SL_E_TLS, -ETIMEDOUT, -ECONNRESET, -ECANCELED.
	 */
	SL_SUSPENDS
	int (*read)(struct sl_stream *stream, char *data, size_t len, struct sl_error *err);

	/* Frees the stream, also in a cancelled task. What carried it can carry another one if the
	 * body is complete and nothing is wrong. */
	SL_SUSPENDS
	void (*end)(struct sl_stream *stream);
};

/* A stream of each kind begins with it. */
struct sl_stream {
	const struct sl_stream_methods *methods;
	char peer[SL_ADDRESS_TEXT];       /* numeric address and port of the server */
	bool reused;                      /* the connection had carried an exchange before */
	bool answered;                    /* a byte of the response was received */
	bool is_unprocessed;              /* the server says so: the request may be repeated */
	struct sl_connection_times times; /* of a connection that is not reused */
	uint64_t number;                  /* of the exchange, for http/trace.h; set by it */
	/* set by connections.c */
	uint64_t stall_timeout_ns; /* for the next bytes of a body */
	uint64_t head_timeout_ns;  /* for a head as a whole; 0 = the same */
	bool is_limited;           /* a limiter paces the reads: none waits for much more */
	struct sl_body_state body;
};

/* ---- for the kinds of stream ---- */

/* The text for a failure of a connection or below: its own if it has one. */
const char *sl_stream_cause(const struct sl_error *cause, int code);

/* Until when a head that is waited for from now on must have come. */
uint64_t sl_stream_head_deadline(const struct sl_stream *stream);

/* What was waited for did not come, because of a timeout of the stream or of a deadline in
 * force. */
int sl_stream_fail_timeout(const struct sl_stream *stream, enum sl_phase phase, const char *what,
	struct sl_error *err);

/* The body broke off: how far it came, and why. */
int sl_stream_fail_body(const struct sl_stream *stream, int code, const struct sl_error *cause,
	struct sl_error *err);

#endif
