/*
 * event.h - what a scan reports while it runs, and the sinks that receive it.
 *
 * The scan emits events, in the order of the inputs: for each input BEGIN, its lines, END; and IDLE
 * whenever it has to wait. Only sinks format: those in src/sink make the results, and cli has one
 * for messages. A scan may have several; each receives the kinds that it wants, and all of them
 * receive an event before the next one is emitted.
 *
 * To add a sink: write its event function (src/sink/count_sink.c is the shortest), set the kinds
 * that it wants, and append it to sl_scan_setup.sinks. Lines are passed on only if a sink wants
 * LINE. To add a kind: append it below with its payload, and emit it in src/scan.
 *
 * On the thread of the runtime, in the task that called sl_scan_run.
 */
#ifndef SLUICE_SCAN_EVENT_H
#define SLUICE_SCAN_EVENT_H

#include "sluice/match/matcher.h"
#include "sluice/scan/summary.h"

struct sl_input;

/* A line that is selected because it matches, or because it does not; or context of one. */
struct sl_scan_line {
	struct sl_matcher *matcher; /* to locate matches in the line, with sl_matcher_find */
	const unsigned char *text;  /* without the newline */
	size_t len;
	struct sl_subject subject; /* the part of the text that is searched for matches */

	/* Of a line longer than SL_PARTIAL_KEEP that is only a part (scan/partial.h): so many bytes
	 * are before it, and so many has the whole line. */
	uint64_t skipped, whole_len;
	uint64_t number;   /* from 1; 0 if numbers were not asked for */
	uint64_t off;      /* in the input */
	bool is_closed;    /* it ended with a newline */
	bool has_no_match; /* it is selected because it does not match, or context of one that is
			      because it does */

	/* Of its record, if records are selected: the number of the first line, 0 as above; and
	 * whether this is it. */
	uint64_t record;
	bool begins_record;

	/* It is the first of its input, or lines before it were left out. Only known if context is
	 * wanted. */
	bool begins_group;
};

enum sl_scan_event_kind {
	SL_SCAN_EVENT_BEGIN, /* an input, before its first line */
	SL_SCAN_EVENT_LINE,  /* a matching line */
	SL_SCAN_EVENT_END,   /* an input, with its result: comes for each one that began */
	/* Before waiting for more to be read or scanned: a sink may write what it has collected. Of
	 * no input. */
	SL_SCAN_EVENT_IDLE,
	/* The whole scan, once it is complete or the run has to end. Emitted by the caller of
	 * sl_scan_run, which has the time of the run and first removes its display of the progress.
	 * Of no input. */
	SL_SCAN_EVENT_SUMMARY,
	SL_SCAN_EVENT_CONTEXT, /* a line before or after one that matches, in the order of lines */
};

struct sl_scan_outcome {
	const struct sl_scan_summary *summary;
	uint64_t elapsed_ns;
	bool is_cut; /* the run was ended before all inputs were: these are not in the summary */
};

/* All that it points to is valid during the call. */
struct sl_scan_event {
	enum sl_scan_event_kind kind;
	const struct sl_input *input; /* NULL if it is of no input */
	union {
		const struct sl_scan_line *line;       /* LINE, CONTEXT */
		const struct sl_scan_result *result;   /* END */
		const struct sl_scan_outcome *outcome; /* SUMMARY */
	};
};

/* A set of kinds: these, combined with |. */
#define SL_SCAN_WANTS(kind) (1u << (kind))

struct sl_scan_sink {
	void *ctx;
	unsigned wants; /* SL_SCAN_WANTS of each kind that `event` is called with */

	/* It may suspend, which makes the readers wait. Returns 0, or a negative code: the scan
	 * ends with it, and the sinks that follow do not receive the event. */
	SL_SUSPENDS
	int (*event)(void *ctx, const struct sl_scan_event *event);
};

/* The kinds that any of the sinks wants. */
unsigned sl_scan_wanted(const struct sl_scan_sink *sinks, size_t count);

/* Pass the event to each sink that wants its kind, in the order of the array. Returns 0, or the
 * first negative code. */
SL_SUSPENDS
int sl_scan_emit(const struct sl_scan_sink *sinks, size_t count,
	const struct sl_scan_event *event) SL_MUST_CHECK;

#endif
