/*
 * context.c - in a run of lines:
 *
 *     lines that belong to the match before, up to the next match    (after_left)
 *     the lines before that match: chosen once, by looking back      (look_back)
 *         first those of the history, then those of the run
 *     the match
 *     at the end: the last lines of the run go to the history        (remember)
 *
 * While lines are given because of a match before them, the history is empty; so it always ends
 * where the next line begins.
 */
#include "sluice/scan/context.h"

#include <errno.h>

void
sl_context_init(struct sl_context *context, const struct sl_context_rule *rule)
{
	*context = (struct sl_context){ .rule = *rule,
		.history = { .most_lines = rule->before, .most_bytes = rule->before_bytes },
		.given_end = UINT64_MAX };
}

void
sl_context_release(struct sl_context *context)
{
	sl_history_release(&context->history);
}

static size_t
shown_len(size_t len)
{
	return SL_MIN(len, (size_t)SL_PARTIAL_KEEP);
}

/* The piece begins with the end of a line, and ends with the beginning of one. */
void
sl_context_begin(struct sl_context *context, const struct sl_context_run *run)
{
	const struct sl_partial_run *piece = run->piece;
	context->has_run = piece->block.newlines > 1;
	if (!context->has_run)
		return;
	const unsigned char *first = memchr(piece->data, '\n', piece->len);
	context->run = *run;
	context->at = (size_t)(first - piece->data) + 1;
	context->end = sl_lines_begin(piece->data, context->at, piece->len);
	context->index = run->newlines + 1;
	context->is_looked_back = context->has_match = false;
	if (context->is_over)
		return;
	sl_lines_init(&context->lines, run->kernel, piece->data, piece->len, run->marks);
	context->has_match = sl_lines_next(&context->lines, &context->match);
}

void
sl_context_begin_line(struct sl_context *context, const struct sl_partial_line *line)
{
	context->single = *line;
	context->single.is_context |= context->is_over;
	context->has_single = true;
}

void
sl_context_stop(struct sl_context *context)
{
	context->is_over = true;
	context->has_match = false;
	sl_history_clear(&context->history);
}

/* ---- giving ---- */

static int
give(struct sl_context *context, struct sl_partial_line *line)
{
	line->begins_group = line->off != context->given_end;
	context->given_end = line->off + line->whole_len + line->is_closed;
	if (line->is_context)
		context->after_left -= context->after_left > 0;
	else
		context->after_left = context->rule.after;
	return 1;
}

/* A line of the run. The fields are written where they stay: a copy of the whole would wait for
 * them, which took a third of the time where lines are short. */
static void
set_line(struct sl_partial_line *line, const struct sl_context *context, size_t begin, size_t end,
	uint64_t index)
{
	const unsigned char *text = context->run.piece->data + begin;
	uint64_t off = context->run.off + begin;
	*line = (struct sl_partial_line){ .text = text,
		.len = end - begin,
		.whole_len = end - begin,
		.off = off,
		.index = index,
		.is_closed = true };
}

static struct sl_partial_line
context_at(const struct sl_context *context, size_t begin, size_t end, uint64_t index)
{
	struct sl_partial_line line;
	set_line(&line, context, begin, end, index);
	line.len = shown_len(line.len);
	line.is_context = true;
	return line;
}

/* The line that ends there may be given. */
static bool
is_within(const struct sl_context *context, size_t newline)
{
	const uint64_t *within = context->run.within;
	return !within || (within[newline / 64] >> (newline % 64) & 1);
}

/* The line at `at`, which is context, or ends it. */
static int
give_context(struct sl_context *context, struct sl_partial_line *line)
{
	const unsigned char *data = context->run.piece->data;
	const unsigned char *newline = memchr(data + context->at, '\n', context->end - context->at);
	size_t end = (size_t)(newline - data);
	if (!is_within(context, end)) {
		context->after_left = 0;
		return 0;
	}
	*line = context_at(context, context->at, end, context->index++);
	context->at = end + 1;
	return give(context, line);
}

static int
give_match(struct sl_context *context, struct sl_partial_line *line)
{
	const struct sl_line *match = &context->match;
	size_t begin = (size_t)(match->text - context->run.piece->data);
	set_line(line, context, begin, begin + match->len, context->run.newlines + match->index);
	context->at = begin + match->len + 1;
	context->index = line->index + 1;
	context->has_match = sl_lines_next(&context->lines, &context->match);
	context->is_looked_back = false;
	return give(context, line);
}

/* ---- lines before ---- */

/* Lines that end at a place, looked back at. */
struct look {
	size_t begin; /* of the first of them */
	uint64_t count;
	size_t bytes;  /* what they cost */
	bool is_whole; /* all lines back to `at`, and more may be wanted */
};

static struct look
look_back(const struct sl_context *context, size_t end)
{
	const struct sl_context_rule *rule = &context->rule;
	struct look look = { .begin = end };
	while (look.begin > context->at && look.count < rule->before) {
		size_t newline = look.begin - 1;
		if (!is_within(context, newline))
			return look;
		size_t begin = sl_lines_begin(context->run.piece->data, context->at, newline);
		size_t cost = sl_history_cost(shown_len(newline - begin));
		if (cost > rule->before_bytes - look.bytes)
			return look;
		look.begin = begin;
		look.bytes += cost;
		look.count++;
	}
	look.is_whole = look.begin == context->at;
	return look;
}

static void
choose_before(struct sl_context *context)
{
	size_t begin = (size_t)(context->match.text - context->run.piece->data);
	struct look look = look_back(context, begin);
	if (look.is_whole)
		sl_history_keep(&context->history, context->rule.before - look.count,
			context->rule.before_bytes - look.bytes);
	else
		sl_history_clear(&context->history);
	context->at = look.begin;
	context->index = context->run.newlines + context->match.index - look.count;
	context->is_looked_back = true;
}

/* The last lines of the run. */
static int
remember(struct sl_context *context)
{
	if (context->rule.before == 0 || context->is_over)
		return 0;
	const unsigned char *data = context->run.piece->data;
	struct look look = look_back(context, context->end);
	uint64_t index = context->run.newlines + context->run.piece->block.newlines - look.count;
	int code = 0;
	if (!look.is_whole)
		sl_history_clear(&context->history);
	for (size_t at = look.begin; at < context->end && code == 0;) {
		const unsigned char *newline = memchr(data + at, '\n', context->end - at);
		size_t end = (size_t)(newline - data);
		struct sl_partial_line line = context_at(context, at, end, index++);
		code = sl_history_add(&context->history, &line);
		at = end + 1;
	}
	return code;
}

/* ---- the walk ---- */

static int
next_of_run(struct sl_context *context, struct sl_partial_line *line)
{
	size_t match = context->end;
	if (context->has_match)
		match = (size_t)(context->match.text - context->run.piece->data);
	if (context->after_left && context->at < match && give_context(context, line) == 1)
		return 1;
	if (context->has_match) {
		if (context->rule.before == 0)
			return give_match(context, line);
		if (!context->is_looked_back)
			choose_before(context);
		if (sl_history_take(&context->history, line))
			return give(context, line);
		return context->at < match ? give_context(context, line)
					   : give_match(context, line);
	}
	context->has_run = false;
	return remember(context);
}

static int
next_single(struct sl_context *context, struct sl_partial_line *line)
{
	bool is_context = context->single.is_context;
	if (context->single.side == SL_PERIOD_OUTSIDE) {
		context->has_single = false;
		context->after_left = 0;
		sl_history_clear(&context->history);
		return 0;
	}
	if (!is_context && sl_history_take(&context->history, line))
		return give(context, line);
	context->has_single = false;
	*line = context->single;
	if (!is_context || context->after_left)
		return give(context, line);
	return context->is_over ? 0 : sl_history_add(&context->history, line);
}

int
sl_context_next(struct sl_context *context, struct sl_partial_line *line)
{
	if (context->has_single)
		return next_single(context, line);
	return context->has_run ? next_of_run(context, line) : 0;
}
