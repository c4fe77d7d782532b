/*
 * sim_http.h - a small HTTP/1.1 server in the simulated world, honest or not, file by file.
 */
#ifndef SLUICE_TESTS_SUPPORT_SIM_HTTP_H
#define SLUICE_TESTS_SUPPORT_SIM_HTTP_H

#include "engine_sim.h"

struct sim_http;

enum sim_http_framing { SIM_HTTP_LENGTH, SIM_HTTP_CHUNKED, SIM_HTTP_CLOSE };

/* What happens when `misdeed_at` bytes of the body were sent. */
enum sim_http_misdeed {
	SIM_HTTP_HONEST,
	SIM_HTTP_ENDS, /* the connection is closed in order */
	SIM_HTTP_RESETS,
	SIM_HTTP_STALLS, /* nothing more ever comes */
	SIM_HTTP_PAUSES, /* for misdeed_ns, then it goes on */
};

/* What is wrong with responses to requests for ranges. The bytes are those that the response
 * announces, as far as it does. */
enum sim_http_lie {
	SIM_HTTP_TRUTH,
	SIM_HTTP_LIE_EARLY,     /* it begins a byte early */
	SIM_HTTP_LIE_LATE,      /* it begins a byte late */
	SIM_HTTP_LIE_SHORT,     /* it ends early */
	SIM_HTTP_LIE_TOTAL,     /* another size of the file */
	SIM_HTTP_LIE_NO_TOTAL,  /* "*" for it */
	SIM_HTTP_LIE_NO_RANGE,  /* no Content-Range */
	SIM_HTTP_LIE_WHOLE,     /* 200 and all of the file */
	SIM_HTTP_LIE_REFUSED,   /* 416 */
	SIM_HTTP_LIE_UNMARKED,  /* without ETag and Last-Modified */
	SIM_HTTP_LIE_MULTIPART, /* multipart/byteranges */
	SIM_HTTP_LIES,
};

struct sim_http_file {
	const char *path; /* "/name" */
	const void *data;
	size_t len;
	enum sim_http_framing framing;
	int status;           /* 0 = 200 */
	const char *location; /* for 3xx; or NULL */
	const char *modified; /* Last-Modified; or NULL */
	const char *etag;     /* with its quotes; or NULL */
	const char *etag2;    /* the ETag of every other response: of another node; or NULL */
	const char *date;     /* Date; or NULL */
	const char *coding;   /* Content-Encoding, which `data` has; or NULL */
	bool ranges;          /* answers range requests, and If-Range by ETag or Last-Modified */
	/* What it is from the Nth answer on (N > 0): of the same path. */
	const struct sim_http_file *later;
	unsigned later_from;
	unsigned busy_from, busy; /* so many answers, from the Nth on, are busy_status */
	int busy_status;          /* 0 = 503 with a body */
	const char *busy_fields;  /* of their heads, "Name: value\r\n"; or NULL */
	uint64_t busy_ns;         /* before each of them */
	enum sim_http_lie lie;
	unsigned lies_from, lies; /* so many answers, from the Nth on, are such */
	uint64_t third_lie_ns;    /* before the third of them */
	enum sim_http_misdeed misdeed;
	size_t misdeed_at;
	size_t misdeed_step; /* so many bytes later with each further answer */
	uint64_t misdeed_ns;
	unsigned misdeeds; /* answers it happens to, the first ones; 0 = all */
	size_t excess;     /* bytes sent beyond the announced end */
	uint64_t drip_ns;  /* pause before each `drip` bytes; 0 = as fast as the network */
	size_t drip;
	unsigned drips;       /* answers that drip, the first ones; 0 = all */
	bool no_head;         /* a HEAD request gets 405 */
	unsigned bad_answers; /* the first ones have bad_status, and no body; UINT_MAX = all */
	int bad_status;
	const char *bad_fields; /* of their heads, "Name: value\r\n"; or NULL */
};

/* Listens at once. Files are looked up by the path of the request; others get 404. Free it after
 * the world. */
struct sim_http *sim_http_new(struct sim *sim, const char *address, uint16_t port);

/* Serve the same in another world too. */
void sim_http_serve(struct sim_http *http, struct sim *sim);
void sim_http_free(struct sim_http *http);

/* Borrowed, with its data, until sim_http_free. Replaces one of the same path. */
void sim_http_add(struct sim_http *http, const struct sim_http_file *file);

/* Close each connection after so many answers, without announcing it. 0 = never. */
void sim_http_close_after(struct sim_http *http, unsigned answers);

/* Largest piece that arrives at once on later connections; 0 = by the seed, from single bytes. */
void sim_http_set_segment(struct sim_http *http, struct sim *sim, size_t segment);

/* Bytes a second of later connections, each and all together; 0 = no limit. */
void sim_http_set_rates(struct sim_http *http, struct sim *sim, uint64_t rate, uint64_t total_rate);

unsigned sim_http_requests(const struct sim_http *http);
unsigned sim_http_connections(const struct sim_http *http);

/* Whether any request had this text. */
bool sim_http_saw(const struct sim_http *http, const char *text);

/* Bytes of bodies that were sent. */
uint64_t sim_http_sent(const struct sim_http *http);

/* Requests of one path other than HEAD. */
unsigned sim_http_answers(const struct sim_http *http, const char *path);

#endif
