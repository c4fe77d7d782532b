/*
 * steps.h - work on bytes that may take long, done on workers in steps, so that it neither holds a
 * worker for good nor hides a signal.
 */
#ifndef SLUICE_SCAN_STEPS_H
#define SLUICE_SCAN_STEPS_H

#include "sluice/rt/offload.h"
#include "sluice/match/matcher.h"

/* Time after which a step ends, with a pattern that takes long: a signal is handled, and other
 * pieces have their turn. */
#define SL_STEPS_NS (50 * SL_NS_PER_MS)

/* Call step(arg) on workers until it does not return 1. Returns what it returned, or what cancelled
 * it. */
SL_SUSPENDS
int sl_steps_offload(sl_offload_fn *step, void *arg) SL_MUST_CHECK;

/* The time of a struct sl_engine, on any thread: where a step ends depends on no other clock, so
 * that the simulator can repeat a run. */
uint64_t sl_steps_clock_ns(void *engine);

/* As sl_matcher_new. Within a task, the time that a line may take is by the engine's clock for
 * threads: the CPU time of the thread, or that of the simulator. */
int sl_steps_matcher_new(struct sl_matcher **out, const struct sl_pattern *pattern) SL_MUST_CHECK;

#endif
