/*
 * get_meter.c - the rates of the downloads under way. They are sampled when a frame or a JSON
 * progress event is made; there are at most as many as jobs.
 */
#include "get_events_int.h"

struct sl_get_meter *
sl_get_meter_of(struct sl_get_events *events, const struct sl_download *download)
{
	struct sl_get_meter *free_one = NULL;
	for (size_t i = 0; i < SL_GET_METERS; i++) {
		struct sl_get_meter *meter = &events->meters[i];
		if (meter->used && meter->index == download->index)
			return meter;
		if (!meter->used && !free_one)
			free_one = meter;
		if (!meter->used)
			break; /* used ones are packed at the front */
	}
	if (free_one) {
		*free_one = (struct sl_get_meter){ .used = true, .index = download->index };
		sl_rate_begin(&free_one->rate, sl_now(), download->fetched);
	}
	return free_one;
}

uint64_t
sl_get_meter_sample(struct sl_get_meter *meter, const struct sl_download *download)
{
	meter->seen = true;
	if (download->state == SL_DOWNLOAD_CONNECTING)
		sl_rate_begin(&meter->rate, sl_now(), download->fetched);
	return sl_rate_sample(&meter->rate, sl_now(), download->fetched);
}

/* Those that stay in use move to the front. */
void
sl_get_meters_pack(struct sl_get_events *events)
{
	size_t kept = 0;
	for (size_t i = 0; i < SL_GET_METERS && events->meters[i].used; i++) {
		if (!events->meters[i].seen)
			continue;
		events->meters[kept] = events->meters[i];
		events->meters[kept++].seen = false;
	}
	for (size_t i = kept; i < SL_GET_METERS && events->meters[i].used; i++)
		events->meters[i].used = false;
}
