/*
 * scan_pattern.h - the pattern that the options of a scan describe, with what it is made of.
 */
#ifndef SLUICE_CLI_SCAN_PATTERN_H
#define SLUICE_CLI_SCAN_PATTERN_H

#include "sluice/cli/options.h"
#include "sluice/cli/pattern_source.h"
#include "sluice/match/pattern.h"
#include "sluice/match/tally.h"

/* In its owner's memory; {0} before init. */
struct sl_scan_pattern {
	struct sl_pattern_source source; /* the texts, to which the others may point */
	struct sl_pattern *pattern;
	struct sl_tally *tally; /* if the options ask for a count for each pattern, else NULL */
	bool is_default;        /* none was given: lines that contain ERROR or error */
};

/* Reads the files of patterns, and compiles on a worker. Returns 0; or a code with words in *err:
 * SL_E_USAGE for patterns that are wrong; -ENOMEM. *out can be released in any case. */
SL_SUSPENDS
int sl_scan_pattern_init(struct sl_scan_pattern *out, const struct sl_scan_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* The same, of what out->source has. Takes more stack than a task has. */
int sl_scan_pattern_compile(struct sl_scan_pattern *out, const struct sl_scan_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_scan_pattern_release(struct sl_scan_pattern *pattern);

#endif
