/*
 * lines_sink.h - the matching lines, with names and numbers as grep prints them, and the context of
 * them: groups of lines that follow each other are separated. Of a line of which only a part is
 * kept, that part between marks.
 */
#ifndef SLUICE_SINK_LINES_SINK_H
#define SLUICE_SINK_LINES_SINK_H

#include "sluice/scan/event.h"
#include "sluice/sink/results.h"

struct sl_lines_sink_options {
	bool has_numbers;
	bool has_context;    /* the scan gives context (sl_scan_setup.before, after) */
	bool has_records;    /* it gives records: lines of these that do not match are context */
	size_t most;         /* bytes of a line that are printed; 0 = all */
	bool prints_matches; /* each match on a line of its own, instead of the line */
};

struct sl_lines_sink {
	struct sl_results *results;
	struct sl_results_names names;
	struct sl_lines_sink_options options;
	bool has_lines; /* some were printed */
	/* With prints_matches: lines of which not all matches were printed, because a limit was
	 * reached or only a part of the line is kept, and the place of the first. */
	uint64_t incomplete;
	uint64_t incomplete_number; /* of that line; 0 = lines are not numbered */
	uint64_t incomplete_off;
	char *incomplete_input; /* as messages name it */
};

/* The sink to be passed to the scan. *lines and *results stay in place. With has_numbers the scan
 * must number lines (sl_scan_setup.numbers). */
struct sl_scan_sink sl_lines_sink_init(struct sl_lines_sink *lines, struct sl_results *results,
	const struct sl_results_names *names, struct sl_lines_sink_options options);

/* Harmless on {0}. */
void sl_lines_sink_release(struct sl_lines_sink *lines);

#endif
