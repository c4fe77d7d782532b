#include "runtime_int.h"

static _Thread_local struct sl_rt *current;

struct sl_rt *
sl_rt_current(void)
{
	return current;
}

void
rt_set_current(struct sl_rt *rt)
{
	current = rt;
}

uint64_t
sl_now(void)
{
	sl_assert(current);
	return current->engine->methods->now(current->engine);
}

uint64_t
sl_deadline_in(uint64_t ns)
{
	uint64_t now = sl_now();
	return ns > SL_FOREVER - now ? SL_FOREVER : now + ns;
}
