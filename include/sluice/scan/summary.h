/*
 * summary.h - the result of scanning one input, and the sums over all of them. Pure.
 */
#ifndef SLUICE_SCAN_SUMMARY_H
#define SLUICE_SCAN_SUMMARY_H

#include "sluice/base/error.h"
#include "sluice/scan/period.h"
#include "sluice/scan/sample.h"

#include <stdbool.h>

enum sl_scan_state {
	SL_SCAN_OK,      /* each line was counted and decided */
	SL_SCAN_LIMITED, /* stopped at the number of matching lines that was asked for */
	/* Found in a directory and skipped: nothing was counted. */
	SL_SCAN_BINARY,
	SL_SCAN_LINK,    /* what it leads to was not read, or does not exist */
	SL_SCAN_SPECIAL, /* a device, socket or FIFO */
	/* Trouble. */
	SL_SCAN_UNDECIDED,   /* read to its end; some lines reached a limit of the pattern */
	SL_SCAN_UNSORTED,    /* a part was not read because the input was said to be sorted, and
				what was read is not: lines may be missing */
	SL_SCAN_UNSUPPORTED, /* UTF-32, compressed twice, or with too large a window: counted up to
				there, mostly nothing */
	SL_SCAN_TRUNCATED,   /* compressed data ends early, or the file became shorter while it was
				read: counted to its end */
	SL_SCAN_DAMAGED,     /* compressed data is damaged, or followed by other data: counted up to
				there */
	SL_SCAN_UNREADABLE,  /* not opened, or reading failed: counted up to there */
	SL_SCAN_STATES
};

/* For messages and JSON: "ok", "truncated". Static text. */
const char *sl_scan_state_name(enum sl_scan_state state);

/* True if an input in this state makes the scan fail (exit status 2). */
bool sl_scan_state_is_trouble(enum sl_scan_state state);

/* True for what was found in a directory and skipped. It does not make a scan fail that found
 * lines; a scan that found none fails, because the skipped files may have some. */
bool sl_scan_state_is_skipped(enum sl_scan_state state);

struct sl_scan_result {
	enum sl_scan_state state;
	uint64_t bytes;                /* that were counted */
	uint64_t skipped;              /* of a sorted file, bytes before and behind the period that
					  were not read */
	bool is_unnumbered;            /* some of them are before: lines have no numbers */
	uint64_t lines;                /* a last one without newline counts */
	uint64_t all_lines;            /* those outside a period too */
	enum sl_period_side next_side; /* if a period is wanted, of a line that follows without a
					  stamp */
	uint64_t hits;                 /* lines that match, or records */
	uint64_t left_out; /* lines of such records that did not fit into the memory for them */
	uint64_t undecided;
	uint64_t undecided_line;    /* number of the first of them; 0 = none */
	uint64_t unlevelled;        /* lines without a level, if the pattern is one */
	uint64_t other_case;        /* lines that would match if case were ignored (block.h) */
	bool has_only_cr;           /* it has carriage returns and not one newline */
	uint64_t elapsed_ns;        /* from its first piece to its last; inputs overlap */
	const struct sl_error *err; /* code is not 0 if a message explains the state */
};

/* True if nothing of the input was read, so that a count of 0 would be wrong. */
bool sl_scan_result_is_unread(const struct sl_scan_result *result);

/* True for an input that was found in a directory and not read at all, unless that failed. Such
 * inputs are counted by kind: a directory may have hundreds of compressed logs. */
bool sl_scan_result_is_skipped(const struct sl_scan_result *result, bool is_found);

/* {0} to begin with. */
struct sl_scan_summary {
	uint64_t inputs; /* in all states */
	uint64_t inputs_with_hits;
	uint64_t inputs_in[SL_SCAN_STATES];
	uint64_t bytes, skipped, lines, hits, undecided, left_out;
	uint64_t unlevelled;     /* lines without a level, if the pattern is one */
	uint64_t other_case;     /* lines that would match if case were ignored (scan/block.h) */
	struct sl_sample sample; /* if sl_scan_setup.samples_levels */
};

void sl_scan_summary_add(struct sl_scan_summary *summary, const struct sl_scan_result *result);

/* All inputs of another one. */
void sl_scan_summary_merge(struct sl_scan_summary *summary, const struct sl_scan_summary *more);

/* Inputs whose state is trouble. */
uint64_t sl_scan_summary_troubles(const struct sl_scan_summary *summary);

/* Inputs whose state is a skipped one. */
uint64_t sl_scan_summary_skipped(const struct sl_scan_summary *summary);

#endif
