/*
 * records.c - for each line, in order:
 *
 *     NEW    does it begin a record? If so, the one before ends: where all of its lines
 *            have to match, it is selected now, and its copies are given        (end_record)
 *     END    the record before is left behind                                   (close_record)
 *     BEGIN  a new one begins                                                   (begin_record)
 *     ADD    the line is added to its record: one that matches selects it       (add_line)
 *            what waits for that is copied                                      (hold)
 *     GIVE   the copies are given, then the line
 *
 * A history holds the lines of the records before that are wanted as context, and of the current
 * one. It never drops lines by itself: hold() makes room, so that the number of records in it is
 * known.
 */
#include "sluice/scan/records.h"

#include <errno.h>

void
sl_records_init(struct sl_records *records, const struct sl_records_rule *rule)
{
	*records = (struct sl_records){ .rule = *rule,
		.history = { .most_lines = UINT64_MAX, .most_bytes = rule->held_bytes },
		.given_end = UINT64_MAX };
}

void
sl_records_release(struct sl_records *records)
{
	sl_history_release(&records->history);
}

/* ---- the history ---- */

static bool
take(struct sl_records *records, struct sl_partial_line *line)
{
	if (!sl_history_take(&records->history, line))
		return false;
	records->held -= line->begins_record;
	return true;
}

static void
forget(struct sl_records *records)
{
	sl_history_clear(&records->history);
	records->held = 0;
}

/* The oldest line is of a record before the current one. */
static bool
has_earlier(const struct sl_records *records)
{
	struct sl_partial_line first;
	return sl_history_get(&records->history, 0, &first) && first.record != records->record;
}

/* Of the current record, the first line that is held. */
static bool
find_first(const struct sl_records *records, struct sl_partial_line *line)
{
	for (size_t i = 0; sl_history_get(&records->history, i, line); i++)
		if (line->record == records->record)
			return true;
	return false;
}

/* The last `count` records stay, each with its beginning. */
static void
keep_records(struct sl_records *records, uint64_t count)
{
	struct sl_partial_line line;
	while (sl_history_get(&records->history, 0, &line) &&
		(records->held > count || !line.begins_record))
		(void)take(records, &line);
}

static int
hold(struct sl_records *records)
{
	struct sl_partial_line copy = records->line, dropped;
	copy.len = SL_MIN(copy.len, (size_t)SL_PARTIAL_KEEP);
	size_t cost = sl_history_cost(copy.len), most = records->rule.held_bytes;
	if (most == 0 || records->is_over)
		return 0;
	while (records->history.bytes + cost > most && has_earlier(records))
		(void)take(records, &dropped);
	if (records->lost || records->history.bytes + cost > most) {
		records->lost++;
		return 0;
	}
	records->held += copy.begins_record;
	return sl_history_add(&records->history, &copy);
}

/* ---- records ---- */

static int
select_record(struct sl_records *records)
{
	records->is_selected = records->gives_history = true;
	records->selected++;
	records->left_out += records->lost;
	return SL_RECORDS_SELECTED;
}

/* The last line of the record has come. SELECTED and *line, or NONE. */
static int
end_record(struct sl_records *records, struct sl_partial_line *line)
{
	bool decides = records->rule.whole && records->has_record && !records->is_over;
	if (decides && !records->has_unwanted) {
		if (!find_first(records, line))
			*line = (struct sl_partial_line){ .text = (const unsigned char *)"",
				.index = records->record };
		return select_record(records);
	}
	if (decides && records->after_left) {
		records->gives_history = true;
		records->left_out += records->lost;
	}
	return SL_RECORDS_NONE;
}

/* It is outside a period: it ends records and context, and the next line begins a record. */
static bool
is_outside(const struct sl_records *records)
{
	return records->line.side == SL_PERIOD_OUTSIDE && !records->has_ended;
}

/* Its lines were given. ENDED if it was selected, or nothing more is given. */
static int
close_record(struct sl_records *records, struct sl_partial_line *line)
{
	bool was_selected = records->is_selected;
	if (was_selected)
		records->after_left = records->rule.after;
	else if (records->has_record && records->after_left)
		records->after_left--;
	records->has_record = records->is_selected = records->has_unwanted = false;
	records->lost = 0;
	*line = records->line;
	bool is_last = records->is_over && (!records->after_left || is_outside(records));
	return (was_selected || is_last) && !records->has_ended ? SL_RECORDS_ENDED
								: SL_RECORDS_NONE;
}

static void
begin_record(struct sl_records *records)
{
	keep_records(records, records->rule.before);
	records->has_record = true;
	records->record = records->line.index;
}

/* ---- a line ---- */

/* What is kept of a line longer than SL_PARTIAL_KEEP may not be its beginning. */
static enum sl_record_look
look_of(const struct sl_partial_line *line)
{
	if (line->whole_len > SL_PARTIAL_KEEP)
		return SL_RECORD_OTHER;
	return sl_record_look(sl_span((const char *)line->text, line->len));
}

static int
add_line(struct sl_records *records, struct sl_partial_line *line)
{
	const struct sl_records_rule *rule = &records->rule;
	bool decides = records->begins || !rule->heads;
	bool matches = decides && !records->line.is_context && !records->is_over;
	records->line.record = records->record;
	records->line.begins_record = records->begins;
	records->has_unwanted |= decides && !matches;
	records->stage = SL_RECORDS_GIVE;
	if (!rule->whole && matches && !records->is_selected) {
		*line = records->line;
		return select_record(records);
	}
	bool waits = rule->whole && !records->is_over;
	if (!waits && (records->is_selected || records->after_left))
		return SL_RECORDS_NONE;
	records->stage = SL_RECORDS_IDLE;
	return hold(records);
}

/* Lines of records that are not selected are context, whether they match or not. */
static int
give(struct sl_records *records, struct sl_partial_line *line)
{
	line->is_context |= !records->is_selected || line->record != records->record;
	line->begins_group = line->off != records->given_end;
	records->given_end = line->off + line->whole_len + line->is_closed;
	return SL_RECORDS_LINE;
}

/* After it. */
static int
pass_outside(struct sl_records *records)
{
	records->after_left = 0;
	records->state = SL_RECORD_PLAIN;
	records->stage = SL_RECORDS_IDLE;
	forget(records);
	return SL_RECORDS_NONE;
}

/* One step of the line on its way, or of the end. */
static int
advance(struct sl_records *records, struct sl_partial_line *line)
{
	switch (records->stage) {
	case SL_RECORDS_NEW:
		records->begins = records->has_ended || is_outside(records) ||
				  sl_record_step(&records->state, look_of(&records->line)) ||
				  !records->has_record;
		records->stage = records->begins ? SL_RECORDS_END : SL_RECORDS_ADD;
		return records->begins ? end_record(records, line) : SL_RECORDS_NONE;
	case SL_RECORDS_END:
		records->stage = records->has_ended ? SL_RECORDS_IDLE : SL_RECORDS_BEGIN;
		return close_record(records, line);
	case SL_RECORDS_BEGIN:
		if (is_outside(records))
			return pass_outside(records);
		begin_record(records);
		records->stage = SL_RECORDS_ADD;
		return SL_RECORDS_NONE;
	case SL_RECORDS_ADD:
		return add_line(records, line);
	case SL_RECORDS_GIVE:
		*line = records->line;
		records->stage = SL_RECORDS_IDLE;
		return give(records, line);
	case SL_RECORDS_IDLE:
		break;
	}
	return SL_RECORDS_NONE;
}

/* ---- the lines of a run ---- */

void
sl_records_begin(struct sl_records *records, const struct sl_context_run *run)
{
	const struct sl_partial_run *piece = run->piece;
	records->has_run = piece->block.newlines > 1;
	if (!records->has_run)
		return;
	const unsigned char *first = memchr(piece->data, '\n', piece->len);
	records->run = *run;
	records->at = records->searched = (size_t)(first - piece->data) + 1;
	records->end = sl_lines_begin(piece->data, records->at, piece->len);
	records->index = run->newlines + 1;
}

static bool
is_marked(const struct sl_records *records, size_t newline)
{
	return records->run.marks[newline / 64] >> (newline % 64) & 1;
}

/* The line may be given. */
static bool
is_within(const struct sl_records *records, size_t newline)
{
	const uint64_t *within = records->run.within;
	return !within || (within[newline / 64] >> (newline % 64) & 1);
}

/* The newline of the next line that matches; `end` if there is none. */
static size_t
next_mark(const struct sl_records *records)
{
	size_t word = records->at / 64, words = SL_MATCH_MARK_WORDS(records->end);
	uint64_t bits = records->run.marks[word] >> (records->at % 64) << (records->at % 64);
	while (!bits && ++word < words)
		bits = records->run.marks[word];
	return bits ? SL_MIN(word * 64 + (size_t)__builtin_ctzll(bits), records->end)
		    : records->end;
}

static enum sl_record_look
look_between(const struct sl_records *records, size_t begin, size_t end)
{
	const struct sl_partial_line line = { .text = records->run.piece->data + begin,
		.len = end - begin,
		.whole_len = end - begin };
	return look_of(&line);
}

/* Looking back from the line [begin, newline): where the last one begins that begins a record for
 * certain; `at` if that is not known. */
static size_t
find_sure(const struct sl_records *records, size_t begin, size_t newline)
{
	enum sl_record_look look = look_between(records, begin, newline);
	while (begin > records->at && is_within(records, begin - 1)) {
		size_t previous = sl_lines_begin(records->run.piece->data, records->at, begin - 1);
		enum sl_record_look before = look_between(records, previous, begin - 1);
		if (sl_record_is_sure(before, look))
			break;
		begin = previous;
		look = before;
	}
	return begin;
}

/* No line before `to`, where a record begins, is given or copied: none of them was selected. */
static void
skip(struct sl_records *records, size_t to)
{
	const struct sl_context_run *run = &records->run;
	if (to == records->at)
		return;
	if (run->kernel)
		records->index +=
			run->kernel->newlines(run->piece->data + records->at, to - records->at);
	records->at = to;
	records->has_record = records->has_unwanted = false;
	records->lost = 0;
	records->state = SL_RECORD_PLAIN;
	forget(records);
}

/* To the record of the next line that matches, or to the last of the run. */
static void
skip_lines(struct sl_records *records)
{
	const struct sl_records_rule *rule = &records->rule;
	if (records->at < records->searched || records->is_selected || records->after_left ||
		rule->before || rule->whole)
		return;
	size_t newline = next_mark(records);
	if (newline == records->end)
		newline = records->end - 1;
	records->searched = newline + 1;
	skip(records,
		find_sure(records, sl_lines_begin(records->run.piece->data, records->at, newline),
			newline));
}

/* The next line of the run is on its way. */
static bool
fetch(struct sl_records *records)
{
	records->has_run = records->has_run && records->at < records->end;
	if (!records->has_run)
		return false;
	skip_lines(records);
	const unsigned char *data = records->run.piece->data;
	const unsigned char *newline = memchr(data + records->at, '\n', records->end - records->at);
	size_t end = (size_t)(newline - data);
	records->line = (struct sl_partial_line){ .text = data + records->at,
		.len = end - records->at,
		.whole_len = end - records->at,
		.off = records->run.off + records->at,
		.index = records->index++,
		.is_closed = true,
		.is_context = !is_marked(records, end),
		.side = is_within(records, end) ? SL_PERIOD_UNKNOWN : SL_PERIOD_OUTSIDE };
	records->at = end + 1;
	records->stage = SL_RECORDS_NEW;
	return true;
}

/* ---- public functions ---- */

void
sl_records_begin_line(struct sl_records *records, const struct sl_partial_line *line)
{
	records->line = *line;
	records->stage = SL_RECORDS_NEW;
}

void
sl_records_end(struct sl_records *records)
{
	records->has_ended = true;
	records->stage = SL_RECORDS_NEW;
}

int
sl_records_next(struct sl_records *records, struct sl_partial_line *line)
{
	for (;;) {
		if (records->gives_history) {
			if (take(records, line))
				return give(records, line);
			records->gives_history = false;
		}
		if (records->stage == SL_RECORDS_IDLE && !fetch(records))
			return SL_RECORDS_NONE;
		int step = advance(records, line);
		if (step != SL_RECORDS_NONE)
			return step;
	}
}

struct sl_span
sl_records_head(const struct sl_records *records)
{
	struct sl_partial_line line = records->line;
	bool has_line = !records->rule.whole && records->begins;
	if (!has_line && !find_first(records, &line))
		return sl_span("", 0);
	return sl_span((const char *)line.text, line.len);
}

void
sl_records_stop(struct sl_records *records)
{
	records->is_over = true;
	forget(records);
}
