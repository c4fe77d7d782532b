/*
 * get_events_int.h - shared by get_events.c (the batch's events, and what people read), get_json.c,
 * and get_meter.c, on which both rest.
 */
#ifndef SLUICE_CLI_GET_EVENTS_INT_H
#define SLUICE_CLI_GET_EVENTS_INT_H

#include "sluice/cli/get_events.h"

/* Inputs that the batch has not begun. */
static inline uint64_t
sl_get_not_begun(const struct sl_get_events *events, const struct sl_batch_summary *summary)
{
	return events->inputs > summary->files ? events->inputs - summary->files : 0;
}

/* ---- get_meter.c ---- */

/* The meter of a download: its own, a free one, or NULL. */
struct sl_get_meter *sl_get_meter_of(
	struct sl_get_events *events, const struct sl_download *download);

/* The rate, in bytes a second. The measurement begins when the connection is established. */
uint64_t sl_get_meter_sample(struct sl_get_meter *meter, const struct sl_download *download);

/* Free the meters that were not sampled since the last call: their downloads have ended. */
void sl_get_meters_pack(struct sl_get_events *events);

/* ---- get_json.c: with events->json only ---- */

SL_SUSPENDS
void sl_get_json_start(struct sl_get_events *events, const struct sl_download *download);

SL_SUSPENDS
void sl_get_json_retry(struct sl_get_events *events, const struct sl_download *download);

SL_SUSPENDS
void sl_get_json_end(struct sl_get_events *events, const struct sl_download *download);

SL_SUSPENDS
void sl_get_json_summary(struct sl_get_events *events, const struct sl_batch_summary *summary);

/* A task, struct sl_get_events *: progress of each download, once a second, until cancelled. */
SL_SUSPENDS
int sl_get_json_ticker(void *arg);

#endif
