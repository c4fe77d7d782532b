#include "sluice/scan/steps.h"

int
sl_steps_offload(sl_offload_fn *step, void *arg)
{
	int code = 1;
	while (code == 1)
		code = sl_offload(step, arg);
	return code;
}
