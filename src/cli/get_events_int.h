/*
 * get_events_int.h - shared by get_events.c (the batch's events, and what people read), get_plan.c,
 * get_json.c, and get_meter.c; each uses those named after it.
 */
#ifndef SLUICE_CLI_GET_EVENTS_INT_H
#define SLUICE_CLI_GET_EVENTS_INT_H

#include "sluice/cli/get_events.h"
#include "sluice/ui/json.h"
#include "sluice/ui/units.h"

/* Inputs that the batch has not begun. */
static inline uint64_t
sl_get_not_begun(const struct sl_get_events *events, const struct sl_batch_summary *summary)
{
	return events->inputs > summary->files ? events->inputs - summary->files : 0;
}

/* Add ", 3 failed" to a summary; nothing for 0. */
static inline void
sl_get_add_count(struct sl_buf *out, uint64_t count, const char *what)
{
	if (count > 0)
		sl_buf_printf(out, ", %s %s", sl_units_count(count).text, what);
}

/* ---- get_meter.c ---- */

/* The meter of a download: its own, a free one, or NULL. */
struct sl_get_meter *sl_get_meter_of(
	struct sl_get_events *events, const struct sl_download *download);

/* The rate, in bytes a second. The measurement begins when the connection is established. */
uint64_t sl_get_meter_sample(struct sl_get_meter *meter, const struct sl_download *download);

/* Free the meters that were not sampled since the last call: their downloads have ended. */
void sl_get_meters_pack(struct sl_get_events *events);

/* ---- get_json.c ---- */

/* Send a line or more to events->output, waiting for its reader, and release it. */
SL_SUSPENDS
void sl_get_send(struct sl_get_events *events, struct sl_buf *line);

/* Begin an event about a download with the keys that each of them has. */
void sl_get_json_begin(struct sl_json *json, struct sl_buf *line, const char *type,
	const struct sl_download *download);

/* With --json only: */

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

/* ---- get_plan.c: with --dry-run only ---- */

/* A file that would be downloaded or skipped. */
SL_SUSPENDS
void sl_get_plan_file(struct sl_get_events *events, const struct sl_download *download);

SL_SUSPENDS
void sl_get_plan_end(struct sl_get_events *events, const struct sl_batch_summary *summary);

#endif
