/*
 * Lines and their context, of a text in pieces, against a walk over the whole text. The input's
 * first bytes: lines before and after; the bound of the lines before in steps of 8 bytes, 255 =
 * none; how many lines count, 0 = all; flags (1: others are selected, 2: lines are confirmed). Then
 * the lengths of pieces that take turns, up to a zero; the rest is the text.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/cpu.h"
#include "sluice/scan/join.h"
#include "support/context_oracle.h"

#define MOST_TEXT 2048u
#define MOST_PIECES 32u

static struct sl_pattern *pattern;
static struct sl_matcher *matcher;
static struct sl_join join;
static struct sl_context context;
static struct context_line lines[MOST_TEXT + 1];
static size_t count, next;

static void
compile(bool inverts, bool confirms)
{
	const struct sl_span text = sl_span_str(confirms ? "a[b]" : "ab");
	struct sl_pattern_spec spec = { .texts = &text, .count = 1, .inverts = inverts };
	struct sl_error err = { 0 };
	must(sl_pattern_new(&pattern, &spec, sl_match_choose(sl_cpu_features()), &err) == 0);
	must(sl_matcher_new(&matcher, pattern) == 0);
}

static void
see(const char *text, uint64_t *hits_left)
{
	struct sl_partial_line line;
	int code;
	while ((code = sl_context_next(&context, &line)) == 1) {
		must(next < count && context_oracle_is_line(&lines[next], text, &line));
		next++;
		if (!line.is_context && --*hits_left == 0)
			sl_context_stop(&context);
	}
	must(code == 0);
}

static void
add_piece(const char *text, size_t at, size_t len, uint64_t *hits_left)
{
	uint64_t marks[SL_MATCH_MARK_WORDS(MOST_TEXT) + 1] = { 0 };
	struct sl_partial_run piece = { .data = (const unsigned char *)text + at, .len = len };
	struct sl_partial_line line;
	struct sl_block_steps steps = { .kernel = sl_pattern_kernel(pattern),
		.plan = sl_pattern_plan(pattern),
		.matcher = matcher,
		.data = piece.data,
		.len = len,
		.marks = marks,
		.inverts = sl_pattern_inverts(pattern),
		.result = &piece.block };
	(void)sl_block_step(&steps, UINT64_MAX);
	int code = sl_join_head(&join, &piece, &line);
	must(code >= 0);
	if (code == 1)
		sl_context_begin_line(&context, &line);
	see(text, hits_left);
	struct sl_context_run run = { &piece, marks, NULL, sl_join_bytes(&join),
		sl_join_newlines(&join), sl_pattern_kernel(pattern) };
	sl_context_begin(&context, &run);
	see(text, hits_left);
	must(sl_join_tail(&join, &piece) == 0);
}

static void
walk(const char *text, size_t len, const uint8_t *sizes, size_t size_count, uint64_t hits_left)
{
	struct sl_partial_line line;
	for (size_t at = 0, i = 0, some; at < len; at += some, i++) {
		some = size_count ? SL_MIN(len - at, (size_t)sizes[i % size_count]) : len;
		add_piece(text, at, some, &hits_left);
	}
	if (sl_join_end(&join, &line) == 1)
		sl_context_begin_line(&context, &line);
	see(text, &hits_left);
	must(next == count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	uint8_t sizes[MOST_PIECES], size;
	size_t size_count = 0;
	struct context_oracle oracle = { .rule = { .before = take(&in), .after = take(&in) } };
	uint8_t bytes = take(&in), hits = take(&in), flags = take(&in);
	oracle.rule.before_bytes = bytes == UINT8_MAX ? SIZE_MAX : 8u * bytes;
	oracle.most_hits = hits ? hits : UINT64_MAX;
	oracle.inverts = flags & 1;
	while (size_count < MOST_PIECES && (size = take(&in)) != 0)
		sizes[size_count++] = size;
	in.len = SL_MIN(in.len, (size_t)MOST_TEXT);
	const char *text = in.len ? (const char *)in.at : "";
	count = context_oracle_choose(&oracle, text, in.len, lines);
	next = 0;
	compile(oracle.inverts, flags & 2);
	sl_join_init(&join, pattern, matcher, true);
	sl_partial_spec_give_all(&join.spec);
	sl_context_init(&context, &oracle.rule);
	walk(text, in.len, sizes, size_count, oracle.most_hits);
	sl_context_release(&context);
	sl_join_release(&join);
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
	return 0;
}
