/*
 * run.h - a main task on a simulated world or on the real ring, and the checks after it.
 */
#ifndef SLUICE_TESTS_SUPPORT_RUN_H
#define SLUICE_TESTS_SUPPORT_RUN_H

#include "engine_sim.h"

#include "sluice/rt/task.h"

/*
 * A runtime on this world, fn as its main task, the runtime's end. Aborts with the seed on a
 * deadlock, or if operations or descriptors are left that were not there before. Returns what fn
 * returned.
 */
int sim_run(struct sim *sim, sl_task_fn *fn, void *arg);

/* As sim_run, but fn runs in a task of its own, which is cancelled after a time. */
int sim_run_cancelled(struct sim *sim, sl_task_fn *fn, void *arg, uint64_t after_ns);

/* As sim_run on the ring of this machine, with `workers` CPU threads (0 = as many as CPUs).
 * Aborts if descriptors are left. */
int ring_run(unsigned workers, sl_task_fn *fn, void *arg);

/* A runtime on the ring, to be run and freed by the caller. */
struct sl_rt *ring_rt(unsigned workers);

/* A world with moderate defaults and this seed. */
struct sim *sim_plain(uint64_t seed);

/* Descriptors of this process. */
unsigned count_fds(void);

/* Wait until there are so many: a call that was abandoned may end after its runtime, and closes
 * what it has then. Aborts if the number is another one after some seconds. */
void wait_for_fds(unsigned count);

#endif
