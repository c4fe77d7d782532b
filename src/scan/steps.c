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

static uint64_t
thread_ns(void *engine)
{
	const struct sl_engine *of = engine;
	return of->methods->thread_ns(engine);
}

int
sl_steps_matcher_new(struct sl_matcher **out, const struct sl_pattern *pattern)
{
	struct sl_rt *rt = sl_rt_current();
	int code = sl_matcher_new(out, pattern);
	if (code == 0 && rt)
		sl_matcher_set_clock(*out, thread_ns, sl_rt_engine(rt));
	return code;
}
