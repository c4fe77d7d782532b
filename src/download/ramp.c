#include "sluice/download/ramp.h"

#include "sluice/base/def.h"

void
sl_ramp_init(struct sl_ramp *ramp, unsigned most)
{
	*ramp = (struct sl_ramp){ .most = most, .limit = 1, .threshold = most };
}

void
sl_ramp_answered(struct sl_ramp *ramp, uint64_t now_ns)
{
	if (ramp->limit >= ramp->most)
		return;
	bool is_slow = ramp->limit >= ramp->threshold;
	if (is_slow && now_ns - ramp->changed_ns < SL_RAMP_STEP_NS)
		return;
	ramp->limit++;
	ramp->grown_ns = now_ns;
	if (is_slow)
		ramp->changed_ns = now_ns;
}

void
sl_ramp_waited(struct sl_ramp *ramp, uint64_t now_ns)
{
	if (ramp->limit >= ramp->threshold || now_ns - ramp->grown_ns < SL_RAMP_PATIENCE_NS)
		return;
	ramp->limit = SL_MIN(2 * ramp->limit, ramp->threshold);
	ramp->grown_ns = now_ns;
}

void
sl_ramp_refused(struct sl_ramp *ramp, uint64_t now_ns)
{
	if (ramp->refused_ns && now_ns - ramp->refused_ns < SL_RAMP_REFUSAL_NS)
		return;
	ramp->limit = SL_MAX(ramp->limit / 2, 1u);
	ramp->threshold = ramp->limit;
	ramp->changed_ns = ramp->refused_ns = now_ns;
}
