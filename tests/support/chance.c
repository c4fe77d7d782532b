#include "chance.h"

uint64_t
pick(struct sl_random *random, uint64_t bound)
{
	return bound ? sl_random_below(random, bound) : 0;
}

bool
one_in(struct sl_random *random, uint64_t count)
{
	return pick(random, count) == 0;
}
