/*
 * cpu.h - the CPU's instruction sets, and the number of CPUs.
 */
#ifndef SLUICE_BASE_CPU_H
#define SLUICE_BASE_CPU_H

#include "sluice/base/def.h"

enum sl_cpu_feature {
	SL_CPU_SSE42 = 1 << 0,
	SL_CPU_AVX2 = 1 << 1,     /* with BMI1, BMI2, POPCNT */
	SL_CPU_AVX512BW = 1 << 2, /* with F, and the operating system saving the registers */
	SL_CPU_NEON = 1 << 3,
};

/* A set of sl_cpu_feature. Not cached. */
unsigned sl_cpu_features(void);

/* CPUs this process may run on; at least 1. */
unsigned sl_cpu_count(void);

#endif
