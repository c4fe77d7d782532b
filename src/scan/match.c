#include "match_int.h"

const struct sl_match_kernel *
sl_match_nth(size_t index)
{
	const struct sl_match_kernel *kernels[] = { sl_match_kernel_avx512(),
		sl_match_kernel_avx2(), sl_match_kernel_neon(), sl_match_kernel_scalar() };
	for (size_t i = 0; i < SL_COUNT_OF(kernels); i++) {
		if (kernels[i] && index-- == 0)
			return kernels[i];
	}
	return NULL;
}

const struct sl_match_kernel *
sl_match_choose(unsigned features)
{
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++) {
		if ((kernel->features & features) == kernel->features)
			return kernel;
	}
	return sl_match_kernel_scalar();
}

const struct sl_match_kernel *
sl_match_by_name(const char *name, unsigned features)
{
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++) {
		if (strcmp(kernel->name, name) == 0)
			return (kernel->features & features) == kernel->features ? kernel : NULL;
	}
	return NULL;
}
