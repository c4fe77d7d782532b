/*
 * rotator.h - programs that write logs in a simulated world, and what rotates these logs: by the
 * name, by a copy, and by compressing, a step at a time. Each step is a call, so that a test can
 * take it between any two operations of the program under test.
 *
 * Line i of log "a" is "ai ERROR ..." or "ai info ...", so that each line is unlike all others.
 */
#ifndef SLUICE_TESTS_SUPPORT_ROTATOR_H
#define SLUICE_TESTS_SUPPORT_ROTATOR_H

#include "engine_sim.h"

#include "sluice/base/random.h"

#define ROTATOR_LOGS 3
#define ROTATOR_STEPS 64
#define ROTATOR_PATH 64
#define ROTATOR_PERCENT 20u

struct rotated_log {
	char path[ROTATOR_PATH];
	char writes_to[ROTATOR_PATH]; /* its program has this one open */
	bool exists, is_paused;
	bool has_dates;     /* in the names of rotated logs */
	unsigned lines;     /* begun so far */
	unsigned rotations; /* so far */
	struct sl_buf rest; /* of the last line, not written yet */
};

enum rotator_kind {
	ROTATOR_RENAME, /* from -> to */
	ROTATOR_CREATE, /* the program opens `to` anew */
	ROTATOR_PAUSE,  /* it writes nothing, behind the end of a line */
	ROTATOR_COPY,   /* the beginning of `from` to `to`, and with `is_last` all of it */
	ROTATOR_GZIP,   /* the same, compressed */
	ROTATOR_CUT,    /* `from` is empty, and the program goes on */
	ROTATOR_REMOVE, /* from */
};

struct rotator_step {
	enum rotator_kind kind;
	struct rotated_log *log;
	char from[ROTATOR_PATH], to[ROTATOR_PATH];
	bool is_last;
};

struct rotator {
	struct sim *sim;
	struct sl_random random;
	struct rotated_log logs[ROTATOR_LOGS];
	struct rotator_step steps[ROTATOR_STEPS];
	size_t step_count, next;
	uint64_t stepped_ns; /* when the last one was taken, by the world's clock */
	unsigned rotate_percent; /* of the calls, if no rotation goes on */
	bool no_copies;          /* logs are rotated by their names alone */
	/* True if this log may be rotated now. */
	bool (*may_rotate)(void *ctx, const char *path);
	void *ctx;
};

/* Logs in the directory "logs"; the first exists. */
void rotator_init(struct rotator *rotator, struct sim *sim, uint64_t seed);
void rotator_release(struct rotator *rotator);

/* Write something, or take the next step of a rotation, or begin one. All gets durable. */
void rotator_act(struct rotator *rotator);

/* A log is being copied, or not truncated yet. */
bool rotator_is_copying(const struct rotator *rotator);

/* Take all steps that are left. */
void rotator_settle(struct rotator *rotator);

/* The same, and complete all lines. */
void rotator_finish(struct rotator *rotator);

/* Where the simulator's operations are traced (SLUICE_SIM_TRACE=1): what a test does. */
void rotator_trace(const struct sim *sim, const char *what, const char *from, const char *to);

/* Whether the line of this log and number has the word. */
bool rotator_is_error(size_t log, unsigned number);

#endif
