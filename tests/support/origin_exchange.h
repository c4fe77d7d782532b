/*
 * origin_exchange.h - inside the test origin: what the server (origin.c) and its scripts
 * (origin_routes.c) share.
 */
#ifndef SUPPORT_ORIGIN_EXCHANGE_H
#define SUPPORT_ORIGIN_EXCHANGE_H

#include "sluice/base/bytes.h"
#include "support/origin.h"
#include "support/origin_wire.h"

#include <time.h>

#define SL_ORIGIN_WORD 256 /* longest path segment a route takes as an argument */

enum sl_origin_ending {
	SL_ORIGIN_KEEP,      /* wait for the next request */
	SL_ORIGIN_CLOSE,     /* end in order */
	SL_ORIGIN_NO_NOTIFY, /* as close, without TLS's close_notify */
	SL_ORIGIN_RESET,     /* RST */
};

enum sl_origin_framing {
	SL_ORIGIN_LENGTH,
	SL_ORIGIN_CHUNKED,
	SL_ORIGIN_UNTIL_CLOSE,
};

/* One request and how it will be answered. Routes that come first in a path change the fields for
 * those after it. */
struct sl_origin_exchange {
	struct sl_origin *origin;
	struct sl_wire *wire;
	struct sl_span head;    /* the request as it came, blank line included; NUL-terminated */
	const char *rest;       /* of the path: what is still to be routed */
	const char *query;      /* behind '?', or "" */
	unsigned on_connection; /* 1 for the first request on its connection */
	unsigned depth;         /* of routes within routes */
	bool head_only;         /* HEAD */
	enum sl_origin_ending ending;
	enum sl_origin_framing framing;
	const char *eol;
	struct sl_buf headers;     /* extra header lines, complete */
	char gate[SL_ORIGIN_WORD]; /* half of the body waits for it; "" = none */
	char tag[SL_ORIGIN_WORD];  /* the counter this request belongs to; "" = none */
};

struct sl_origin_body {
	uint64_t size;
	const char *text; /* else */
	int fd;           /* else, if -1, */
	uint64_t seed;    /* of a generated one */
};

/* The complete bytes of an answer; the connection is closed behind them. */
struct sl_origin_canned {
	const char *path;
	const char *bytes;
	size_t len;
};

/* Answer one request: routes x->rest. */
void sl_origin_route(struct sl_origin_exchange *x);

/* From origin_answer.c: */

/* One more header line for the head to come. */
void sl_origin_add_header(struct sl_origin_exchange *x, const char *name, const char *value);
void sl_origin_add_date(struct sl_origin_exchange *x, const char *name, time_t when);

/* Head, and body unless the request was HEAD. */
void sl_origin_answer(
	struct sl_origin_exchange *x, unsigned status, const struct sl_origin_body *body);
void sl_origin_answer_text(
	struct sl_origin_exchange *x, unsigned status, const char *text, size_t len);

/* The parts of an answer that lies: `announced` may be anything, bytes [0, size) of the body
 * follow. */
void sl_origin_put_head(struct sl_origin_exchange *x, unsigned status, uint64_t announced);
void sl_origin_put_body(
	struct sl_origin_exchange *x, const struct sl_origin_body *body, uint64_t size);

/* From origin_canned.c; NULL if there is none. */
const struct sl_origin_canned *sl_origin_canned_find(const char *path);
void sl_origin_canned_help(FILE *to);

/* From origin.c, thread-safe: */

/* Count this exchange under a name until it ends. */
void sl_origin_tag_begin(struct sl_origin_exchange *x, const char *tag);

/* The counters of a tag, or of everything for "", as JSON. */
void sl_origin_count(struct sl_origin *origin, const char *tag, struct sl_buf *out);

/* Set every maximum and total to what is the case now. */
void sl_origin_count_reset(struct sl_origin *origin);

void sl_origin_gate_open(struct sl_origin *origin, const char *gate);
bool sl_origin_gate_is_open(struct sl_origin *origin, const char *gate);

/* A regular file below the served directory, or a negative errno value; `path` without leading
 * slash. */
int sl_origin_open_file(const struct sl_origin *origin, const char *path);

#endif
