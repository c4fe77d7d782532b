/*
 * scan_messages.h - what `sluice scan` writes to standard error about its inputs, as a sink of the
 * scan: why an input was not read, hints, and warnings about what was not counted. Inputs that are
 * skipped in directories are counted, and reported in one line at the end.
 */
#ifndef SLUICE_CLI_SCAN_MESSAGES_H
#define SLUICE_CLI_SCAN_MESSAGES_H

#include "sluice/cli/options.h"
#include "sluice/scan/event.h"

struct sl_scan_messages {
	const struct sl_scan_options *options;
	uint64_t skipped[SL_SCAN_STATES]; /* inputs, by state */
};

/* The sink to be passed to the scan. *messages and *options stay in place. */
struct sl_scan_sink sl_scan_messages_init(
	struct sl_scan_messages *messages, const struct sl_scan_options *options);

/* One line with the numbers of skipped inputs by kind, if there are any. When the scan has ended,
 * also by a cancellation. */
void sl_scan_messages_skipped(const struct sl_scan_messages *messages);

#endif
