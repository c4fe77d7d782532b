#include "support/records_oracle.h"

#include <stdlib.h>

/* ---- the whole ---- */

static bool
is_outside(const char *text, size_t len)
{
	return len && memchr(text, '~', len);
}

/* All lines, in order; is_context if they do not match, or others are wanted and they do. */
static size_t
split(const struct records_oracle *oracle, const char *text, size_t len, struct records_line *lines)
{
	enum sl_record_state state = SL_RECORD_PLAIN;
	size_t count = 0;
	for (size_t at = 0; at < len; count++) {
		const char *newline = memchr(text + at, '\n', len - at);
		size_t line_len = newline ? (size_t)(newline - text) - at : len - at;
		bool is_match = memmem(text + at, line_len, "ab", 2);
		enum sl_record_look look = sl_record_look(sl_span(text + at, line_len));
		bool is_out = is_outside(text + at, line_len);
		bool begins = sl_record_step(&state, look) || count == 0 || is_out ||
			      lines[count - 1].is_outside;
		if (is_out)
			state = SL_RECORD_PLAIN;
		lines[count] = (struct records_line){ .off = at,
			.len = line_len,
			.index = count,
			.record = begins ? count : lines[count - 1].record,
			.begins_record = begins,
			.is_outside = is_out,
			.is_closed = newline != NULL,
			.is_context = is_match == oracle->rule.whole };
		at += line_len + 1;
	}
	return count;
}

struct record {
	size_t begin, end; /* lines */
	bool is_selected, is_outside;
};

static bool
is_selected(const struct sl_records_rule *rule, const struct records_line *lines,
	const struct record *record)
{
	size_t end = rule->heads ? record->begin + 1 : record->end;
	for (size_t i = record->begin; i < end; i++)
		if (lines[i].is_context == rule->whole)
			return !rule->whole;
	return rule->whole;
}

static size_t
group(const struct records_oracle *oracle, const struct records_line *lines, size_t count,
	struct record *records, uint64_t *selected)
{
	size_t record_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (lines[i].begins_record)
			records[record_count++] =
				(struct record){ .begin = i, .is_outside = lines[i].is_outside };
		records[record_count - 1].end = i + 1;
	}
	*selected = 0;
	for (size_t r = 0; r < record_count; r++) {
		records[r].is_selected = *selected < oracle->most && !records[r].is_outside &&
					 is_selected(&oracle->rule, lines, &records[r]);
		*selected += records[r].is_selected;
	}
	return record_count;
}

static bool
is_near(const struct sl_records_rule *rule, const struct record *records, size_t count, size_t r)
{
	for (size_t i = r; i < count && i - r <= rule->before && !records[i].is_outside; i++)
		if (records[i].is_selected)
			return true;
	for (size_t i = r + 1; i > 0 && r + 1 - i <= rule->after; i--) {
		if (records[i - 1].is_outside)
			return false;
		if (records[i - 1].is_selected)
			return true;
	}
	return false;
}

void
records_oracle_choose(const struct records_oracle *oracle, const char *text, size_t len,
	struct records_choice *choice)
{
	struct records_line *lines = choice->lines;
	size_t count = split(oracle, text, len, lines);
	struct record *records = calloc(count + 1, sizeof(*records));
	sl_assert(records);
	size_t record_count = group(oracle, lines, count, records, &choice->selected);
	choice->count = 0;
	for (size_t r = 0; r < record_count; r++) {
		if (!is_near(&oracle->rule, records, record_count, r))
			continue;
		for (size_t i = records[r].begin; i < records[r].end; i++) {
			struct records_line *last = &lines[choice->count], line = lines[i];
			line.is_context |= !records[r].is_selected;
			line.begins_group = choice->count == 0 || last[-1].index + 1 != line.index;
			*last = line;
			choice->count++;
		}
	}
	free(records);
}

/* ---- in pieces ---- */

struct walk {
	const struct records_oracle *oracle;
	const char *text;
	struct sl_records records;
	struct sl_join join;
	struct records_choice *choice;
	bool is_over;
};

static void
add_line(struct walk *walk, const struct sl_partial_line *line)
{
	sl_assert(line->len == line->whole_len && line->skipped == 0);
	sl_assert(memcmp(line->text, walk->text + line->off, line->len) == 0);
	walk->choice->lines[walk->choice->count++] = (struct records_line){ .off = line->off,
		.len = line->len,
		.index = line->index,
		.record = line->record,
		.is_closed = line->is_closed,
		.is_context = line->is_context,
		.begins_group = line->begins_group,
		.begins_record = line->begins_record };
}

/* The first line of a record that matches; and, if copies are not limited, its first line. */
static void
check_selected(const struct walk *walk, const struct sl_partial_line *line)
{
	const struct sl_records_rule *rule = &walk->oracle->rule;
	struct sl_span head = sl_records_head(&walk->records);
	sl_assert(rule->whole != (memmem(line->text, line->len, "ab", 2) != NULL));
	if (rule->held_bytes != SIZE_MAX || rule->after)
		return;
	const char *newline, *at = walk->text;
	for (uint64_t i = 0; i < walk->records.record; i++) {
		newline = strchr(at, '\n');
		at = newline + 1;
	}
	sl_assert(memcmp(head.data, at, head.len) == 0);
	sl_assert(at[head.len] == '\n' || at[head.len] == '\0');
}

static void
take(struct walk *walk)
{
	struct sl_partial_line line;
	int step;
	while (!walk->is_over && (step = sl_records_next(&walk->records, &line)) != 0) {
		sl_assert(step > 0);
		if (step == SL_RECORDS_LINE)
			add_line(walk, &line);
		else if (step == SL_RECORDS_SELECTED)
			check_selected(walk, &line);
		else if (walk->records.selected == walk->oracle->most)
			sl_records_stop(&walk->records);
		if (step == SL_RECORDS_ENDED && walk->records.is_over)
			walk->is_over = !sl_records_wants_more(&walk->records);
	}
}

/* A bit for the newline of each line inside; of the others no mark stays. */
static uint64_t *
find_within(const struct sl_partial_run *piece, uint64_t *marks)
{
	uint64_t *within = calloc(SL_MATCH_MARK_WORDS(piece->len) + 1, sizeof(*within));
	sl_assert(within);
	for (size_t at = 0, end = 0; at < piece->len; at = end + 1) {
		const unsigned char *newline = memchr(piece->data + at, '\n', piece->len - at);
		end = newline ? (size_t)(newline - piece->data) : piece->len;
		bool is_out = is_outside((const char *)piece->data + at, end - at);
		if (newline && is_out)
			marks[end / 64] &= ~(1ull << (end % 64));
		else if (newline)
			within[end / 64] |= 1ull << (end % 64);
	}
	return within;
}

static void
add_cut_line(struct walk *walk, struct sl_partial_line *line)
{
	if (is_outside((const char *)line->text, line->len)) {
		line->side = SL_PERIOD_OUTSIDE;
		line->is_context = true;
	}
	sl_records_begin_line(&walk->records, line);
	take(walk);
}

static void
add_piece(struct walk *walk, const struct sl_pattern *pattern, size_t at, size_t len)
{
	uint64_t *marks = calloc(SL_MATCH_MARK_WORDS(len) + 1, sizeof(*marks));
	struct sl_partial_run piece = { .data = (const unsigned char *)walk->text + at,
		.len = len };
	struct sl_partial_line line;
	struct sl_block_steps steps = { .kernel = sl_pattern_kernel(pattern),
		.plan = sl_pattern_plan(pattern),
		.matcher = walk->join.spec.matcher,
		.data = piece.data,
		.len = len,
		.marks = marks,
		.inverts = sl_pattern_inverts(pattern),
		.result = &piece.block };
	sl_assert(marks);
	(void)sl_block_step(&steps, UINT64_MAX);
	int code = sl_join_head(&walk->join, &piece, &line);
	sl_assert(code >= 0);
	if (code == 1) {
		add_cut_line(walk, &line);
	}
	uint64_t *within = find_within(&piece, marks);
	struct sl_context_run run = { .piece = &piece,
		.marks = marks,
		.within = within,
		.off = at,
		.newlines = sl_join_newlines(&walk->join),
		.kernel = sl_pattern_kernel(pattern) };
	if (!walk->is_over) {
		sl_records_begin(&walk->records, &run);
		take(walk);
	}
	code = sl_join_tail(&walk->join, &piece);
	sl_assert(code == 0);
	free(marks);
	free(within);
}

uint64_t
records_walk(const struct records_oracle *oracle, const struct sl_pattern *pattern,
	struct sl_matcher *matcher, const char *text, size_t len, const size_t *sizes,
	size_t size_count, struct records_choice *choice)
{
	struct walk walk = { .oracle = oracle, .text = text, .choice = choice };
	struct sl_partial_line line;
	choice->count = 0;
	sl_join_init(&walk.join, pattern, matcher, true);
	sl_partial_spec_give_all(&walk.join.spec);
	sl_records_init(&walk.records, &oracle->rule);
	for (size_t at = 0, i = 0, some; at < len && !walk.is_over; at += some, i++) {
		some = size_count ? SL_MIN(len - at, sizes[i % size_count]) : len;
		add_piece(&walk, pattern, at, some);
	}
	if (!walk.is_over && sl_join_end(&walk.join, &line) == 1) {
		add_cut_line(&walk, &line);
	}
	if (!walk.is_over) {
		sl_records_end(&walk.records);
		take(&walk);
	}
	choice->selected = walk.records.selected;
	sl_assert(walk.records.history.bytes <= oracle->rule.held_bytes);
	uint64_t left_out = walk.records.left_out;
	sl_records_release(&walk.records);
	sl_join_release(&walk.join);
	return left_out;
}

bool
records_is_same(const struct records_choice *a, const struct records_choice *b)
{
	bool is_same = a->count == b->count && a->selected == b->selected;
	for (size_t i = 0; is_same && i < a->count; i++) {
		const struct records_line *left = &a->lines[i], *right = &b->lines[i];
		is_same = left->off == right->off && left->len == right->len &&
			  left->index == right->index && left->record == right->record &&
			  left->is_closed == right->is_closed &&
			  left->is_context == right->is_context &&
			  left->begins_group == right->begins_group &&
			  left->begins_record == right->begins_record;
	}
	return is_same;
}
