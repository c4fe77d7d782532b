#include "sluice/base/random.h"

static uint64_t
splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t
rotl(uint64_t x, unsigned k)
{
	return x << k | x >> (64 - k);
}

void
sl_random_init(struct sl_random *random, uint64_t seed)
{
	for (size_t i = 0; i < SL_COUNT_OF(random->state); i++)
		random->state[i] = splitmix(&seed);
}

uint64_t
sl_random_next(struct sl_random *random)
{
	uint64_t *s = random->state;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t
sl_random_below(struct sl_random *random, uint64_t bound)
{
	sl_assert(bound > 0);
	/* Reject the first 2^64 mod bound values, so that the result is uniform. */
	uint64_t threshold = (0 - bound) % bound, value = 0;
	do {
		value = sl_random_next(random);
	} while (value < threshold);
	return value % bound;
}
