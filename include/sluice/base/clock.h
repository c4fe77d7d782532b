/*
 * clock.h - the system's clocks. Code above rt must use sl_now() (rt/task.h), which is virtual in
 * the simulator.
 */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include "sluice/base/def.h"

/* CLOCK_MONOTONIC in nanoseconds: never decreases, does not advance while the system is
 * suspended. */
uint64_t sl_clock_monotonic_ns(void);

/* Wall clock, nanoseconds since 1970-01-01 UTC; for display and file times only. */
uint64_t sl_clock_wall_ns(void);

/* The same in seconds, as files, cookies and certificates have it. */
int64_t sl_clock_wall_s(void);

/* CPU time used by the calling thread so far, user and system. A system call: about 200 ns. */
uint64_t sl_clock_thread_cpu_ns(void);

#endif
