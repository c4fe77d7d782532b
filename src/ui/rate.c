#include "sluice/ui/rate.h"

#define NEVER_NS 1e18 /* 30 years */

void
sl_rate_begin(struct sl_rate *rate, uint64_t now_ns, uint64_t bytes)
{
	*rate = (struct sl_rate){
		.begun_ns = now_ns, .at_ns = now_ns, .moved_ns = now_ns, .bytes = bytes
	};
}

uint64_t
sl_rate_between(uint64_t bytes, uint64_t ns)
{
	return ns == 0 ? 0 : (uint64_t)((double)bytes * (double)SL_NS_PER_S / (double)ns);
}

/*
 * An exponential moving average. The weight of the time since the last sample is its share of the
 * window, or of the whole time while that is shorter than the window: until then the result is the
 * plain average, so that a burst at the beginning (data the server had ready) does not dominate.
 */
uint64_t
sl_rate_sample(struct sl_rate *rate, uint64_t now_ns, uint64_t bytes)
{
	uint64_t passed = now_ns - rate->at_ns, age = now_ns - rate->begun_ns;
	uint64_t moved = bytes > rate->bytes ? bytes - rate->bytes : 0;
	if (moved) {
		rate->moved_ns = now_ns;
		rate->is_known = rate->moving;
	}
	/* Neither the wait for the first bytes (lookup, connect, the server's own work) nor these
	 * bytes are part of the rate: on a slow link they arrive together after a second. */
	if (!rate->moving) {
		rate->moving = moved > 0;
		rate->begun_ns = rate->at_ns = now_ns;
		rate->bytes += moved;
		return 0;
	}
	if (!rate->is_known)
		return 0;
	if (passed < SL_RATE_STEP_NS)
		return rate->bytes_s ? rate->bytes_s : sl_rate_between(moved, passed);
	double window = (double)SL_MIN(age, SL_RATE_WINDOW_NS);
	double weight = SL_MIN((double)passed / window, 1.0);
	rate->bytes_s = (uint64_t)((double)rate->bytes_s * (1 - weight) +
				   (double)sl_rate_between(moved, passed) * weight);
	rate->bytes = bytes;
	rate->at_ns = now_ns;
	return rate->bytes_s;
}

uint64_t
sl_rate_left_ns(uint64_t left, uint64_t rate_bytes_s)
{
	if (rate_bytes_s == 0)
		return SL_UNITS_UNKNOWN;
	double ns = (double)left / (double)rate_bytes_s * (double)SL_NS_PER_S;
	return ns > NEVER_NS ? SL_UNITS_UNKNOWN : (uint64_t)ns;
}
