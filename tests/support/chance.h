/*
 * chance.h - random choices of tests that build a world for each seed.
 */
#ifndef SLUICE_TESTS_SUPPORT_CHANCE_H
#define SLUICE_TESTS_SUPPORT_CHANCE_H

#include "sluice/base/random.h"

#include <stdbool.h>

/* Below `bound`; 0 if that is 0. */
uint64_t pick(struct sl_random *random, uint64_t bound);

/* True with a probability of 1 / count. */
bool one_in(struct sl_random *random, uint64_t count);

/* One element of an array. */
#define PICK_OF(random, array) ((array)[pick((random), SL_COUNT_OF(array))])

#endif
