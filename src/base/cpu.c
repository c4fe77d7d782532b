#include "sluice/base/cpu.h"

#include <sched.h>
#include <unistd.h>

unsigned
sl_cpu_features(void)
{
	unsigned found = 0;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("sse4.2"))
		found |= SL_CPU_SSE42;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
		__builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt"))
		found |= SL_CPU_AVX2;
	if ((found & SL_CPU_AVX2) && __builtin_cpu_supports("avx512f") &&
		__builtin_cpu_supports("avx512bw"))
		found |= SL_CPU_AVX512BW;
#elif defined(__aarch64__)
	found |= SL_CPU_NEON; /* part of the base architecture */
#endif
	return found;
}

unsigned
sl_cpu_count(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	/* Fails if there are more CPUs than the set has bits; then all of them are counted. */
	long count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
								  : sysconf(_SC_NPROCESSORS_ONLN);
	return count > 0 ? (unsigned)count : 1;
}
