/*
 * The runtime of this thread, and its clock.
 *
 * A process that is stopped (SIGSTOP, Ctrl-Z) does not receive, while CLOCK_MONOTONIC goes on: when
 * it continues, each timeout would have passed, although what it waited for may have come. So time
 * in which the loop does not run does not count. The loop looks at the clock four times a second;
 * of a longer interval between two looks all beyond STOPPED_NS is left out. What is left is
 * a clock without jumps: it never goes back, and all deadlines move together. A machine that is
 * suspended is the same, as CLOCK_MONOTONIC stands still then. So is one that is too busy to run
 * the loop.
 */
#include "runtime_int.h"

/* The longest wait of the engine. Waking up costs some microseconds. */
#define LOOK_NS (250 * SL_NS_PER_MS)

/* More between two looks than this was no wait. Less counts: timeouts are rarely that short. */
#define STOPPED_NS (2 * LOOK_NS)

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

/* ---- the clock ---- */

static uint64_t
engine_now(struct sl_rt *rt)
{
	return rt->engine->methods->now(rt->engine);
}

void
rt_begin_clock(struct sl_rt *rt)
{
	rt->seen_ns = engine_now(rt);
	rt->now_ns = rt_now(rt);
	rt->turn_ns = rt->seen_ns;
}

uint64_t
rt_now(struct sl_rt *rt)
{
	uint64_t clock_ns = engine_now(rt);
	uint64_t passed_ns = clock_ns - rt->seen_ns;
	if (rt->engine->is_real_time && passed_ns > STOPPED_NS)
		rt->stopped_ns += passed_ns - STOPPED_NS;
	rt->seen_ns = clock_ns;
	return clock_ns - rt->stopped_ns;
}

int
rt_wait(struct sl_rt *rt, uint64_t until_ns, struct sl_op **done, size_t max)
{
	if (rt->engine->is_real_time && until_ns > 0) {
		uint64_t look_ns = rt_now(rt) + LOOK_NS;
		until_ns = SL_MIN(until_ns, look_ns) + rt->stopped_ns;
	}
	return rt->engine->methods->wait(rt->engine, until_ns, done, max);
}

uint64_t
sl_now(void)
{
	sl_assert(current);
	return rt_now(current);
}

uint64_t
sl_deadline_in(uint64_t ns)
{
	uint64_t now = sl_now();
	return ns > SL_FOREVER - now ? SL_FOREVER : now + ns;
}
