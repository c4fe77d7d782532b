/*
 * records.h - chooses the lines of an input that are given where records are selected: a line, and
 * those after it that belong to it (logline/record.h). Pure.
 *
 * A record is selected if one of its lines matches; where the other lines are selected (-v), if
 * none does and all are decided. The input is walked over in order as with context.h: the lines
 * that begin and end in a piece, and between two pieces the line that the cut has split; after
 * each, and at the end, sl_records_next until there is no more. What is selected and given does
 * not depend on the cuts.
 *
 * Lines of a record before its first match, and of records before it that are wanted as context,
 * are copied, up to a limit in bytes: of these records the oldest lines are dropped first, then
 * the lines of the record itself that come last, which are counted. The lines after a match are
 * given as they come, so a record may be of any length.
 *
 * Where no record waits for its end, and none before a match is wanted, the lines between two
 * matches are not looked at: it is enough to look back from a match for a line that certainly
 * begins a record.
 *
 * Where only lines of a period are wanted, a line outside it ends records and context, and the one
 * behind it begins a record.
 */
#ifndef SLUICE_SCAN_RECORDS_H
#define SLUICE_SCAN_RECORDS_H

#include "sluice/logline/record.h"
#include "sluice/scan/context.h"

struct sl_records_rule {
	uint64_t before, after; /* records that are given as context of one that is selected */
	size_t held_bytes;      /* of the copied lines, by sl_history_cost; 0: lines are not given,
				   and their text is not needed */
	bool whole;             /* all lines of a record have to be selected, not one */
	bool heads;             /* only its first line decides about a record */
};

/* In its owner's memory; fields are the module's, but for reading `selected` and `left_out`. */
struct sl_records {
	struct sl_records_rule rule;
	uint64_t selected;          /* records */
	uint64_t left_out;          /* lines of selected records that were not given */
	struct sl_history history;  /* lines that were not given, right before the next one */
	uint64_t held;              /* records that begin in it */
	uint64_t after_left;        /* records to be given, with this one, because of one before */
	uint64_t given_end;         /* behind the last line that was given */
	bool is_over;               /* no record is selected any more */
	enum sl_record_state state; /* after the last line */

	/* The record of the last line, if has_record. */
	bool has_record;
	uint64_t record;   /* index of its first line */
	uint64_t lost;     /* its lines that were not copied */
	bool is_selected;  /* already */
	bool has_unwanted; /* a line that does not match */

	/* The line that comes next, on its way. */
	enum {
		SL_RECORDS_IDLE,
		SL_RECORDS_NEW,
		SL_RECORDS_END,
		SL_RECORDS_BEGIN,
		SL_RECORDS_ADD,
		SL_RECORDS_GIVE
	} stage;
	struct sl_partial_line line;
	bool begins;        /* a record */
	bool gives_history; /* its lines come first */
	bool has_ended;     /* the input */

	/* The run, if has_run. */
	bool has_run;
	struct sl_context_run run;
	size_t at, end;  /* lines in data[at, end) are left */
	size_t searched; /* lines before here have to be looked at */
	uint64_t index;  /* of the line at `at`; only known if the run has a kernel */
};

enum sl_records_step {
	SL_RECORDS_NONE,     /* no more, before the next line or piece */
	SL_RECORDS_LINE,     /* *line is given: it matches, or is_context */
	SL_RECORDS_SELECTED, /* a record: *line is its first line that matches */
	SL_RECORDS_ENDED,    /* the record that was selected last, or after sl_records_stop its
				context; *line comes next */
};

void sl_records_init(struct sl_records *records, const struct sl_records_rule *rule);
void sl_records_release(struct sl_records *records);

/* As sl_context_begin and sl_context_begin_line. Without the run's kernel, lines have no index. */
void sl_records_begin(struct sl_records *records, const struct sl_context_run *run);
void sl_records_begin_line(struct sl_records *records, const struct sl_partial_line *line);

/* The input is over. */
void sl_records_end(struct sl_records *records);

/* What comes next: a value of enum sl_records_step, or -ENOMEM. Texts are valid until the next
 * call. */
int sl_records_next(struct sl_records *records, struct sl_partial_line *line) SL_MUST_CHECK;

/* After SELECTED: the first line of the record, as far as it is known. */
struct sl_span sl_records_head(const struct sl_records *records);

/* No more records are selected: after ENDED, only those that are context of the last one are
 * given. */
void sl_records_stop(struct sl_records *records);

/* After sl_records_stop: more lines will be given, if there are any. */
static inline bool
sl_records_wants_more(const struct sl_records *records)
{
	return records->after_left > 0;
}

#endif
