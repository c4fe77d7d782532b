/*
 * ramp.h - how many connections to one host there may be: few at first, more while the host
 * answers, fewer once it refuses. Pure.
 *
 * As TCP's congestion window: begins with 1 and grows by 1 with each answer, which doubles it in a
 * round trip, up to `most`. It doubles as well if no answer comes for SL_RAMP_PATIENCE_NS: a slow
 * response must not hold up other files of its host. A refusal halves it; from there on it grows by
 * 1 each SL_RAMP_STEP_NS at most, since the host has shown where its limit is.
 */
#ifndef SLUICE_DOWNLOAD_RAMP_H
#define SLUICE_DOWNLOAD_RAMP_H

#include <stdbool.h>
#include <stdint.h>

#define SL_RAMP_STEP_NS 5000000000u /* 5 s between two steps after a refusal */
/* Connections that were open when the host refused one are refused, too: once is enough. */
#define SL_RAMP_REFUSAL_NS 1000000000u

#define SL_RAMP_PATIENCE_NS 250000000u

struct sl_ramp {
	unsigned most, limit;
	unsigned threshold;  /* from here on it grows slowly */
	uint64_t grown_ns;   /* when it last grew */
	uint64_t changed_ns; /* when it last grew slowly, or was halved */
	uint64_t refused_ns; /* when it was halved; 0 = never */
};

/* `most` is at least 1. */
void sl_ramp_init(struct sl_ramp *ramp, unsigned most);

/* The host has answered a request. */
void sl_ramp_answered(struct sl_ramp *ramp, uint64_t now_ns);

/* A request waits for a connection. */
void sl_ramp_waited(struct sl_ramp *ramp, uint64_t now_ns);

/* The host has refused one: 429, 503, a reset, no connection. */
void sl_ramp_refused(struct sl_ramp *ramp, uint64_t now_ns);

#endif
