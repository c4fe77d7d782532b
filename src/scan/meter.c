#include "sluice/scan/meter.h"

#include "sluice/base/bytes.h"

void
sl_meter_change(struct sl_meter *meter, uint64_t now_ns, int working, int waiting)
{
	if (!meter)
		return;
	uint64_t passed = now_ns - meter->since_ns;
	uint64_t busy = passed / meter->workers * SL_MIN(meter->working, meter->workers);
	meter->scan_ns += busy;
	if (meter->waiting)
		meter->input_ns += passed - busy;
	meter->since_ns = now_ns;
	meter->working += (unsigned)working;
	meter->waiting += (unsigned)waiting;
}
