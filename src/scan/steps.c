#include "sluice/scan/steps.h"

#include "sluice/rt/engine.h"

int
sl_steps_offload(sl_offload_fn *step, void *arg)
{
	int code = 1;
	while (code == 1)
		code = sl_offload(step, arg);
	return code;
}

uint64_t
sl_steps_clock_ns(void *engine)
{
	const struct sl_engine *of = engine;
	return of->methods->now(engine);
}
