/*
 * ramp.h - how many connections to one host there may be: few at first, more while the host
 * answers, fewer once it refuses, and no more than bring throughput. Pure.
 *
 * As TCP's congestion window: begins with 1 and grows by 1 with each answer, which doubles it in a
 * round trip, up to `most`. It doubles as well if no answer comes for SL_RAMP_PATIENCE_NS: a slow
 * response must not hold up other files of its host. A refusal halves it; from there on it grows by
 * 1 each SL_RAMP_STEP_NS at most, since the host has shown where its limit is: with an answer, or
 * while bytes come, because a long response must not hold up the others either.
 *
 * Throughput is compared afterwards, because a comparison before each doubling would take longer
 * than many downloads. Once connections have been busy for SL_RAMP_TRIAL_NS, a quarter of them is
 * left out on trial (see ramp.c); if what remains brings as much, that is the `cap` from then on.
 */
#ifndef SLUICE_DOWNLOAD_RAMP_H
#define SLUICE_DOWNLOAD_RAMP_H

#include <stdbool.h>
#include <stdint.h>

#define SL_RAMP_STEP_NS 5000000000u /* 5 s between two steps after a refusal */
/* Connections that were open when the host refused one are refused, too: once is enough. */
#define SL_RAMP_REFUSAL_NS 1000000000u

#define SL_RAMP_PATIENCE_NS 250000000u

#define SL_RAMP_WINDOW_NS 1000000000u /* what a throughput is measured over */
#define SL_RAMP_WINDOWS 4             /* as many are compared with as many */
/* Before the first trial with fewer connections, then four times as long, and again after each that
 * failed: that costs a quarter of the throughput for about two seconds. */
#define SL_RAMP_TRIAL_NS 10000000000u
#define SL_RAMP_TRIAL_MAX_NS 160000000000u
#define SL_RAMP_PROBE_NS 10000000000u /* between two trials with more than the cap */
/* With a single connection there would be no other to compare a slow one with. */
#define SL_RAMP_CAP_LEAST 2u

enum sl_ramp_trial {
	SL_RAMP_NO_TRIAL,
	SL_RAMP_FEWER, /* the cap is lower than `cap_before`, which brought `base` */
	SL_RAMP_MORE,  /* higher */
};

struct sl_ramp {
	unsigned most;
	unsigned limit;      /* connections there may be now: the lower of `grown` and `cap` */
	unsigned grown;      /* by answers and refusals */
	unsigned threshold;  /* from here on that grows slowly */
	uint64_t grown_ns;   /* when it last grew */
	uint64_t changed_ns; /* when it last grew slowly, or was halved */
	uint64_t refused_ns; /* when it was halved; 0 = never */
	/* The window under way. */
	uint64_t window_ns;  /* its beginning; 0 = none */
	uint64_t counted_ns; /* until when `used` is counted */
	uint64_t bytes;
	uint64_t used;  /* connections in use, times nanoseconds */
	unsigned taken; /* connections in use now */
	/* Windows before it, with about as many connections. */
	uint64_t rates[SL_RAMP_WINDOWS]; /* bytes/s */
	unsigned windows;
	unsigned in_use; /* on average, in the last one */
	/* Trials. */
	enum sl_ramp_trial trial;
	unsigned cap, cap_before; /* `most` = none */
	uint64_t base;            /* bytes/s to compare a trial, or the cap that is kept, with */
	uint64_t trial_ns;        /* when it began */
	uint64_t next_ns;         /* no trial with fewer before; 0 = not known yet */
	uint64_t wait_ns;         /* until that after a failure */
	uint64_t probe_ns;        /* none with more before */
};

/* `most` is at least 1. */
void sl_ramp_init(struct sl_ramp *ramp, unsigned most);

/* The host turns out to bear more; never fewer than before. */
void sl_ramp_allow(struct sl_ramp *ramp, unsigned most);

/* The host has answered a request. */
void sl_ramp_answered(struct sl_ramp *ramp, uint64_t now_ns);

/* A request waits for a connection. */
void sl_ramp_waited(struct sl_ramp *ramp, uint64_t now_ns);

/* The host has refused one: 429, 503, a reset, no connection. */
void sl_ramp_refused(struct sl_ramp *ramp, uint64_t now_ns);

/* So many connections are in use from now on; called also when that is as before. */
void sl_ramp_used(struct sl_ramp *ramp, unsigned taken, uint64_t now_ns);

/* Bytes have come on one of them. */
void sl_ramp_received(struct sl_ramp *ramp, uint64_t bytes, uint64_t now_ns);

/* More connections are in use than the cap allows: one that has done its piece is to be left out.
 * (After a refusal those that work go on.) */
bool sl_ramp_is_exceeded(const struct sl_ramp *ramp);

#endif
