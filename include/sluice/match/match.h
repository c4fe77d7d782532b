/*
 * match.h - which kernel looks for literals: the fastest that the CPU can run.
 *
 * match_plan.h compiles the literals, match_pass.h is the pass over a block; match.c describes how
 * they work.
 */
#ifndef SLUICE_MATCH_MATCH_H
#define SLUICE_MATCH_MATCH_H

#include "sluice/match/match_pass.h"

/* The fastest kernel that a CPU with these features (sl_cpu_features()) can run. Never NULL. */
const struct sl_match_kernel *sl_match_choose(unsigned features);

/* A kernel by its name, for tests and measurements; NULL if it is not built in or needs more than
 * `features`. */
const struct sl_match_kernel *sl_match_by_name(const char *name, unsigned features);

/* The kernels built in, fastest first; NULL past the last. */
const struct sl_match_kernel *sl_match_nth(size_t index);

#endif
