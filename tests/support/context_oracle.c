#include "support/context_oracle.h"

#include "sluice/scan/join.h"

#include <stdlib.h>

/* All lines, in order; is_context if they are not selected. */
static size_t
split(const struct context_oracle *oracle, const char *text, size_t len, struct context_line *lines)
{
	size_t count = 0;
	uint64_t hits = 0;
	for (size_t at = 0; at < len; count++) {
		const char *newline = memchr(text + at, '\n', len - at);
		size_t line_len = newline ? (size_t)(newline - text) - at : len - at;
		bool is_match = memmem(text + at, line_len, "ab", 2);
		bool is_selected = is_match != oracle->inverts && hits < oracle->most_hits;
		lines[count] = (struct context_line){ .off = at,
			.len = line_len,
			.index = count,
			.is_closed = newline != NULL,
			.is_context = !is_selected };
		hits += is_selected;
		at += line_len + 1;
	}
	return count;
}

/* Near enough behind a line that is selected. */
static bool
is_after(const struct context_oracle *oracle, const struct context_line *lines, size_t i)
{
	for (size_t back = 1; back <= i && back <= oracle->rule.after; back++) {
		if (!lines[i - back].is_context)
			return true;
	}
	return false;
}

/* Near enough before one: the lines between them, and this one, may cost so much. */
static bool
is_before(const struct context_oracle *oracle, const struct context_line *lines, size_t count,
	size_t i)
{
	size_t bytes = oracle->rule.before_bytes;
	for (size_t next = i + 1; next < count && next - i <= oracle->rule.before; next++) {
		size_t cost = sl_history_cost(lines[next - 1].len);
		if (cost > bytes)
			return false;
		bytes -= cost;
		if (!lines[next].is_context)
			return true;
	}
	return false;
}

size_t
context_oracle_choose(const struct context_oracle *oracle, const char *text, size_t len,
	struct context_line *lines)
{
	size_t count = split(oracle, text, len, lines), chosen = 0;
	for (size_t i = 0; i < count; i++) {
		lines[i].begins_group = !lines[i].is_context || is_after(oracle, lines, i) ||
					is_before(oracle, lines, count, i);
	}
	for (size_t i = 0; i < count; i++) {
		if (!lines[i].begins_group)
			continue;
		lines[chosen] = lines[i];
		lines[chosen].begins_group =
			chosen == 0 || lines[chosen - 1].index + 1 != lines[i].index;
		chosen++;
	}
	return chosen;
}

/* ---- the same, in pieces ---- */

struct walk {
	const char *text;
	struct sl_join join;
	struct sl_context context;
	struct context_line *lines;
	size_t count;
	uint64_t hits_left;
};

static void
take(struct walk *walk)
{
	struct sl_partial_line line;
	int code;
	while ((code = sl_context_next(&walk->context, &line)) == 1) {
		sl_assert(line.len == line.whole_len &&
			  memcmp(line.text, walk->text + line.off, line.len) == 0);
		walk->lines[walk->count++] = (struct context_line){ .off = line.off,
			.len = line.len,
			.index = line.index,
			.is_closed = line.is_closed,
			.is_context = line.is_context,
			.begins_group = line.begins_group };
		if (!line.is_context && --walk->hits_left == 0)
			sl_context_stop(&walk->context);
	}
	sl_assert(code == 0);
}

static void
add_piece(struct walk *walk, const struct ab_pattern *ab, size_t at, size_t len)
{
	uint64_t *marks = calloc(SL_MATCH_MARK_WORDS(len) + 1, sizeof(*marks));
	struct sl_partial_run piece = { .data = (const unsigned char *)walk->text + at,
		.len = len };
	struct sl_partial_line line;
	struct sl_block_steps steps = { .kernel = sl_pattern_kernel(ab->pattern),
		.plan = sl_pattern_plan(ab->pattern),
		.matcher = ab->matcher,
		.data = piece.data,
		.len = len,
		.marks = marks,
		.inverts = sl_pattern_inverts(ab->pattern),
		.result = &piece.block };
	sl_assert(marks);
	(void)sl_block_step(&steps, UINT64_MAX);
	int code = sl_join_head(&walk->join, &piece, &line);
	sl_assert(code >= 0);
	if (code == 1)
		sl_context_begin_line(&walk->context, &line);
	take(walk);
	struct sl_context_run run = { &piece, marks, NULL, sl_join_bytes(&walk->join),
		sl_join_newlines(&walk->join), sl_pattern_kernel(ab->pattern) };
	sl_context_begin(&walk->context, &run);
	take(walk);
	code = sl_join_tail(&walk->join, &piece);
	sl_assert(code == 0);
	free(marks);
}

/* What is kept is within the bound, whose buffers may be twice as long. */
static void
check_memory(const struct walk *walk, const struct context_oracle *oracle, size_t len)
{
	const struct sl_history *history = &walk->context.history;
	size_t most = SL_MIN(oracle->rule.before_bytes, (len + 1) * sl_history_cost(0));
	sl_assert(history->text_cap <= 2 * most + 4096);
	sl_assert(history->cap <= 2 * most / sl_history_cost(0) + 16);
}

size_t
context_walk(const struct context_oracle *oracle, const struct ab_pattern *ab, const char *text,
	size_t len, const size_t *sizes, size_t size_count, struct context_line *lines)
{
	struct walk walk = { .text = text, .lines = lines, .hits_left = oracle->most_hits };
	struct sl_partial_line line;
	sl_join_init(&walk.join, ab->pattern, ab->matcher, true);
	sl_partial_spec_give_all(&walk.join.spec);
	sl_context_init(&walk.context, &oracle->rule);
	for (size_t at = 0, i = 0, some; at < len; at += some, i++) {
		some = size_count ? SL_MIN(len - at, sizes[i % size_count]) : len;
		add_piece(&walk, ab, at, some);
	}
	if (sl_join_end(&walk.join, &line) == 1)
		sl_context_begin_line(&walk.context, &line);
	take(&walk);
	check_memory(&walk, oracle, len);
	sl_context_release(&walk.context);
	sl_join_release(&walk.join);
	return walk.count;
}

bool
context_is_same(
	const struct context_line *a, size_t a_count, const struct context_line *b, size_t b_count)
{
	bool is_same = a_count == b_count;
	for (size_t i = 0; is_same && i < a_count; i++)
		is_same = a[i].off == b[i].off && a[i].len == b[i].len &&
			  a[i].index == b[i].index && a[i].is_closed == b[i].is_closed &&
			  a[i].is_context == b[i].is_context &&
			  a[i].begins_group == b[i].begins_group;
	return is_same;
}
