/*
 * h2_played.h - exchanges by HTTP/2 whose server is bytes: it sends its frames in pieces, whatever
 * it gets, and closes. The runtime is one on the simulator; nothing takes time.
 */
#ifndef TESTS_SUPPORT_H2_PLAYED_H
#define TESTS_SUPPORT_H2_PLAYED_H

#include "sluice/http/h2.h"
#include "support/engine_sim.h"
#include "support/scripted.h"

#define H2_STREAMS_MAX 3 /* numbers 1, 3 and 5 */

/* What became of one stream. */
struct h2_outcome {
	int code;      /* 0, or that of the step that failed */
	int status;    /* of the final head; 0 = none came */
	bool is_whole; /* the body came to its end */
	struct sl_buf body;
	struct sl_error err;
};

struct h2_play {
	struct sl_span frames;
	size_t first, piece; /* as of struct scripted */
	unsigned streams;    /* 1 to H2_STREAMS_MAX, all begun before a byte is received */
	bool is_head;        /* the requests are by HEAD */
	size_t read;         /* bytes of one read; 0 = 1000 */
	int end;             /* what a receive behind the frames returns: 0, the end, or a code */
	unsigned empty;      /* as of struct scripted */
	bool is_full;        /* as of struct scripted */
	/* results */
	int code; /* -ENOMEM: nothing was begun */
	struct h2_outcome outcomes[H2_STREAMS_MAX];
	unsigned left; /* connections and tasks at the end: 0 */
	bool was_closed;
	/* while it plays */
	struct scripted peer;
	struct sl_pool *pool;
	struct sl_stream *stream[H2_STREAMS_MAX];
};

/* In a runtime that all plays share. */
void h2_play(struct h2_play *play);

/* The same in a task; for tests of what it allocates. */
SL_SUSPENDS
int h2_play_task(void *play);

void h2_play_release(struct h2_play *play);

#endif
