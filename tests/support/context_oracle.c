#include "support/context_oracle.h"

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

bool
context_oracle_is_line(
	const struct context_line *chosen, const char *text, const struct sl_partial_line *line)
{
	return line->off == chosen->off && line->index == chosen->index &&
	       line->is_context == chosen->is_context &&
	       line->begins_group == chosen->begins_group && line->is_closed == chosen->is_closed &&
	       line->len == chosen->len && line->whole_len == chosen->len &&
	       memcmp(line->text, text + chosen->off, chosen->len) == 0;
}
