/*
 * origin_exchange.h - inside the test origin: what the server (origin.c) and its scripts
 * (origin_routes.c and the files of its tables) share.
 */
#ifndef SUPPORT_ORIGIN_EXCHANGE_H
#define SUPPORT_ORIGIN_EXCHANGE_H

#include "sluice/base/bytes.h"
#include "support/origin.h"
#include "support/origin_state.h"
#include "support/origin_wire.h"

#include <time.h>

#define SL_ORIGIN_WORD 256 /* longest path segment a route takes as an argument */
#define SL_ORIGIN_ARGS 3

/* Longer than any test's time limit. The pause ends as soon as the client goes. */
#define SL_ORIGIN_FOREVER_MS (10 * 60 * 1000)

#define SL_ORIGIN_DATE_TEXT 64

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

/* How the body of an answer ends before its time. */
enum sl_origin_cut {
	SL_ORIGIN_CUT_NONE,
	SL_ORIGIN_CUT_STALL, /* before its last byte: nothing more is sent */
	SL_ORIGIN_CUT_RESET, /* RST after cut_at bytes, at the latest behind the last one */
	SL_ORIGIN_CUT_CLOSE, /* the same with an end in order */
};

/* What is wrong with a 206. `n` is x->ranges.fault_bytes. */
enum sl_origin_range_fault {
	SL_ORIGIN_RANGE_RIGHT,
	SL_ORIGIN_RANGE_EARLY,         /* starts one byte early, header and bytes agree */
	SL_ORIGIN_RANGE_EARLY_SHIFTED, /* the header starts one byte early, the bytes do not */
	SL_ORIGIN_RANGE_SHIFTED,       /* the header as asked, the bytes from one byte further on */
	SL_ORIGIN_RANGE_BARE,          /* no Content-Range */
	SL_ORIGIN_RANGE_TOTAL,         /* the total is one byte larger */
	SL_ORIGIN_RANGE_NO_TOTAL,      /* the total is '*' */
	SL_ORIGIN_RANGE_REVERSED,      /* last-first instead of first-last */
	SL_ORIGIN_RANGE_FEWER,         /* n bytes at most, the header says so */
	SL_ORIGIN_RANGE_MORE,          /* n bytes more, the header says so */
	SL_ORIGIN_RANGE_LONG,          /* n bytes more than the header says */
	SL_ORIGIN_RANGE_SHORT,         /* n bytes fewer than the header says */
	SL_ORIGIN_RANGE_MULTIPART,     /* multipart/byteranges for a single range */
	SL_ORIGIN_RANGE_UNASKED,       /* 206 to a request without Range */
	SL_ORIGIN_RANGE_REFUSED,       /* 416 to any range */
	SL_ORIGIN_RANGE_STATUS,        /* status n to any range */
};

/* How If-Range is evaluated. */
enum sl_origin_if_range {
	SL_ORIGIN_IF_RANGE_RIGHT,   /* RFC 9110, 13.1.5 */
	SL_ORIGIN_IF_RANGE_NO_ETAG, /* an ETag never matches */
	SL_ORIGIN_IF_RANGE_IGNORED, /* as if it matched */
};

/* How If-None-Match and If-Modified-Since are evaluated. */
enum sl_origin_conditions {
	SL_ORIGIN_CONDITIONS_RIGHT,       /* RFC 9110, 13.2.2 */
	SL_ORIGIN_CONDITIONS_IGNORED,     /* 200 */
	SL_ORIGIN_CONDITIONS_ALWAYS_TRUE, /* 304 if there is one */
};

struct sl_origin_ranges {
	bool supported;
	enum sl_origin_range_fault fault;
	uint64_t fault_bytes;
	enum sl_origin_if_range if_range;
	bool limited;      /* only the first `honoured` range requests of the path are */
	uint64_t honoured; /* answered as such */
};

/* One request and how it will be answered. Routes that come first in a path change the fields for
 * those after it. */
struct sl_origin_exchange {
	struct sl_origin *origin;
	struct sl_origin_state *state;
	struct sl_wire *wire;
	struct sl_span head;    /* the request as it came, blank line included; NUL-terminated */
	const char *path;       /* all of it, without the query */
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

	/* The validators of the resource, "" = none. */
	char etag[SL_ORIGIN_WORD + 8]; /* as it is sent, quotes included */
	char last_modified[SL_ORIGIN_DATE_TEXT];

	/* What this version of a generated body has more than the one that the path names. */
	uint64_t more_seed, more_size;
	bool has_flipped; /* one byte of a generated body is another one: */
	uint64_t flipped_at;

	struct sl_origin_ranges ranges;
	enum sl_origin_conditions conditions;
	enum sl_origin_cut cut;
	uint64_t cut_at;
	bool is_limited;            /* counts for a limit of requests at one time */
	struct sl_origin_turn turn; /* .request = 0: not counted yet, see sl_origin_turn() */
};

/* The body of an answer: bytes [off, off + size) of a resource. */
struct sl_origin_body {
	uint64_t off, size;
	const char *text; /* else */
	int fd;           /* else, if -1, */
	uint64_t seed;    /* of a generated one */
};

struct sl_origin_args {
	uint64_t n[SL_ORIGIN_ARGS];
	char w[SL_ORIGIN_ARGS][SL_ORIGIN_WORD];
	const char *name; /* of the route */
};

/* One name in a path. A table of them ends with name = NULL. */
struct sl_origin_route {
	const char *name;
	const char *kinds; /* of the arguments: n = number, w = word */
	void (*serve)(struct sl_origin_exchange *x, const struct sl_origin_args *args);
	const char *usage;
};

/* The complete bytes of an answer; the connection is closed behind them. */
struct sl_origin_canned {
	const char *path;
	const char *bytes;
	size_t len;
};

/* Answer one request: routes x->rest. */
void sl_origin_route(struct sl_origin_exchange *x);

/* A redirect with a small body. */
void sl_origin_redirect(struct sl_origin_exchange *x, unsigned status, const char *location);

/* The tables of the other files: origin_lies.c, origin_ranges.c, origin_conditions.c, origin_nth.c,
 * origin_auth.c, origin_sigv4.c, origin_cookies.c. */
extern const struct sl_origin_route sl_origin_lie_routes[], sl_origin_range_routes[],
	sl_origin_condition_routes[], sl_origin_nth_routes[], sl_origin_auth_routes[],
	sl_origin_sigv4_routes[], sl_origin_cookie_routes[];

/* From origin_ranges.c: */

/* The value of the request's first header of that name; false if there is none. */
bool sl_origin_find_header(
	const struct sl_origin_exchange *x, const char *name, struct sl_span *value);

/* Answer with a resource: all of it, or the ranges that are asked for if the path supports them. */
void sl_origin_answer_resource(struct sl_origin_exchange *x, const struct sl_origin_body *body);

/* From origin_conditions.c: */

/* Whether the request has If-None-Match or If-Modified-Since. */
bool sl_origin_is_conditional(const struct sl_origin_exchange *x);

/* Whether it is to be answered with 304. */
bool sl_origin_is_not_modified(const struct sl_origin_exchange *x);

/* From origin_nth.c: */

/* Which request of its path this one is. It is counted by the first call. */
struct sl_origin_turn sl_origin_turn(struct sl_origin_exchange *x);

/* From origin_answer.c: */

/* One more header line for the head to come. */
void sl_origin_add_header(struct sl_origin_exchange *x, const char *name, const char *value);

/* The ETag: `word` in quotes, a weak one if it begins with "weak-". */
void sl_origin_set_etag(struct sl_origin_exchange *x, const char *word);
void sl_origin_set_last_modified(struct sl_origin_exchange *x, time_t when);

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

/* Bytes [off, off + len) of the resource; false if its file has become shorter. */
bool sl_origin_body_read(const struct sl_origin_exchange *x, const struct sl_origin_body *body,
	uint64_t off, char *to, size_t len);

/* Wait until /open/GATE was asked for, or the client is gone. */
void sl_origin_wait_gate(struct sl_origin_exchange *x, const char *gate);

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
