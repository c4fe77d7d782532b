/*
 * scan_period.h - the period of time that --since and --until select, by the clock and the time
 * zone of this machine.
 */
#ifndef SLUICE_CLI_SCAN_PERIOD_H
#define SLUICE_CLI_SCAN_PERIOD_H

#include "sluice/cli/options.h"
#include "sluice/scan/period.h"

/* Whether the options select one. */
static inline bool
sl_scan_has_period(const struct sl_scan_options *options)
{
	return options->since || options->until;
}

/* Returns 0 or SL_E_USAGE: a time is not one, or --until is before --since. */
int sl_scan_period_init(struct sl_period *period, const struct sl_scan_options *options,
	struct sl_error *err) SL_MUST_CHECK;

#endif
