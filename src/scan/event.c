#include "sluice/scan/event.h"

unsigned
sl_scan_wanted(const struct sl_scan_sink *sinks, size_t count)
{
	unsigned wanted = 0;
	for (size_t i = 0; i < count; i++)
		wanted |= sinks[i].wants;
	return wanted;
}

SL_SUSPENDS
int
sl_scan_emit(const struct sl_scan_sink *sinks, size_t count, const struct sl_scan_event *event)
{
	int code = 0;
	for (size_t i = 0; i < count && code == 0; i++) {
		if (sinks[i].wants & SL_SCAN_WANTS(event->kind))
			code = sinks[i].event(sinks[i].ctx, event);
	}
	return code;
}
