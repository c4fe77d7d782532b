/*
 * scan_pattern.h - the pattern that the options of a scan describe.
 */
#ifndef SLUICE_CLI_SCAN_PATTERN_H
#define SLUICE_CLI_SCAN_PATTERN_H

#include "sluice/cli/options.h"
#include "sluice/scan/pattern.h"

/* Returns 0; or a code with words in *err: SL_E_USAGE for patterns that are wrong; -ENOMEM. */
int sl_scan_pattern_new(struct sl_pattern **out, const struct sl_scan_options *options,
	struct sl_error *err) SL_MUST_CHECK;

#endif
