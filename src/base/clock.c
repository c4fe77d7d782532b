#include "sluice/base/clock.h"

#include <time.h>

static uint64_t
read_clock(clockid_t id)
{
	struct timespec ts = { 0 };
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * SL_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t
sl_clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t
sl_clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
sl_clock_wall_s(void)
{
	return (int64_t)(sl_clock_wall_ns() / SL_NS_PER_S);
}

uint64_t
sl_clock_thread_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
