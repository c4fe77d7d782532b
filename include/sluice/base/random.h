/*
 * random.h - small seeded generator (xoshiro256** seeded by SplitMix64; Blackman and Vigna, public
 * domain). For jitter, simulation and tests; never for secrets.
 */
#ifndef SLUICE_BASE_RANDOM_H
#define SLUICE_BASE_RANDOM_H

#include "sluice/base/def.h"

struct sl_random {
	uint64_t state[4];
};

void sl_random_init(struct sl_random *random, uint64_t seed);
uint64_t sl_random_next(struct sl_random *random);

/* In [0, bound); bound > 0. */
uint64_t sl_random_below(struct sl_random *random, uint64_t bound);

#endif
