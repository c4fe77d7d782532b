/*
 * Patterns of any form, compiled and matched. The input's first byte says how many patterns follow,
 * and whether they are strings and case counts; each has a length byte; one byte seeds where the
 * rest, the text, is cut. What compiles must decide each line of the text alike, whether the text
 * comes whole or in pieces, and the matches that are located in a line must be in order and in the
 * line, and there must be one if the line matches. An expression alone must decide as it does when
 * the literals that it needs are not known.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/join.h"
#include "support/oracle.h"

#define MOST_PATTERNS 3
#define PATTERN_LEN (SL_MATCH_LITERAL_LEN + 12u) /* some are too long for the kernels */
#define TEXT_LEN 2000u

/* Looks at the clock, not time, end a search: an input has the same result each time. */
static uint64_t looks;

static uint64_t
ticking(void *clock)
{
	(void)clock;
	return ++looks * (SL_PATTERN_LINE_NS / 4);
}

static struct sl_pattern *pattern;
static struct sl_matcher *matcher;

struct totals {
	uint64_t hits, undecided;
};

/* In the whole line; \K may put a match behind its end. */
static void
check_places(const struct sl_subject *line, bool has_k)
{
	struct sl_match_range place = { 0 };
	size_t from = 0, count = 0;
	enum sl_verdict verdict;
	while ((verdict = sl_matcher_find(matcher, line, from, false, &place)) == SL_VERDICT_YES) {
		must(place.begin <= place.end && place.end <= line->len);
		must(place.start >= from && (has_k || place.begin == place.start));
		from = sl_match_range_next(&place);
		count++;
	}
	must(has_k || count > 0 || verdict == SL_VERDICT_UNDECIDED);
}

/* A line alone, with its newline. */
static enum sl_verdict
decide(struct sl_span line, const struct sl_subject *subject)
{
	struct sl_block_result result;
	bool took_long = false;
	unsigned char *block = malloc(line.len + 1);
	must(block);
	memcpy(block, line.data, line.len);
	block[line.len] = '\n';
	sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher, block,
		line.len + 1, NULL, &result);
	free(block);
	must(result.newlines == 1 && result.hits == 0 && result.undecided == 0);
	if (result.head_line == SL_BLOCK_LINE_CANDIDATE)
		return sl_matcher_confirm(matcher, subject, &took_long);
	return result.head_line == SL_BLOCK_LINE_HIT ? SL_VERDICT_YES : SL_VERDICT_NO;
}

static struct totals
count_lines(struct sl_span text, bool has_k)
{
	struct totals totals = { 0 };
	struct sl_span rest = text, line;
	while (oracle_next_line(&rest, &line)) {
		bool is_closed = line.data + line.len < text.data + text.len;
		struct sl_subject subject = sl_subject_of((const unsigned char *)line.data,
			line.len, line.data == text.data, is_closed, false);
		enum sl_verdict verdict = decide(line, &subject);
		totals.hits += verdict == SL_VERDICT_YES;
		totals.undecided += verdict == SL_VERDICT_UNDECIDED;
		if (verdict == SL_VERDICT_YES)
			check_places(&subject, has_k);
	}
	return totals;
}

/* At once, or in steps that end at each look at the clock. */
static void
scan_piece(struct sl_random *random, struct sl_partial_run *piece)
{
	struct sl_block_steps steps = { .kernel = sl_pattern_kernel(pattern),
		.plan = sl_pattern_plan(pattern),
		.matcher = matcher,
		.data = piece->data,
		.len = piece->len,
		.clock_ns = ticking,
		.result = &piece->block };
	uint64_t ns = sl_random_below(random, 2) ? 1 : UINT64_MAX;
	while (sl_block_step(&steps, ns))
		;
}

static struct totals
join_pieces(struct sl_random *random, struct sl_span text)
{
	struct sl_join join;
	struct sl_partial_line found;
	sl_join_init(&join, pattern, matcher, true);
	while (text.len > 0) {
		size_t some = 1 + sl_random_below(random, SL_MIN(text.len, (size_t)300));
		struct sl_partial_run piece = { .data = (const unsigned char *)text.data,
			.len = some };
		scan_piece(random, &piece);
		must(sl_join_head(&join, &piece, &found) >= 0);
		must(sl_join_tail(&join, &piece) == 0);
		text = sl_span(text.data + some, text.len - some);
	}
	must(sl_join_end(&join, &found) >= 0);
	struct sl_block_totals totals = sl_join_totals(&join);
	sl_join_release(&join);
	return (struct totals){ totals.hits, totals.undecided };
}

static bool
compile(const struct sl_span *texts, size_t count, uint8_t flags)
{
	struct sl_pattern_spec spec = {
		.texts = texts, .count = count, .fixed = flags & 0x80, .ignore_case = flags & 0x40
	};
	struct sl_error err = { 0 };
	int code = sl_pattern_new(&pattern, &spec, sl_match_choose(sl_cpu_features()), &err);
	must(code == 0 || (err.code == code && err.text[0]));
	return code == 0 && sl_matcher_new(&matcher, pattern) == 0;
}

static void
release(void)
{
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
}

/* An expression is asked about every line if a verb is in it: then no literals are read from it. */
static void
check_without_literals(
	struct sl_span expression, uint8_t flags, struct sl_span text, struct totals want)
{
	struct sl_buf verb = { 0 };
	if (memchr(expression.data, '\n', expression.len))
		return;
	sl_buf_add_str(&verb, "(?:");
	sl_buf_add_span(&verb, expression);
	sl_buf_add_str(&verb, ")|(*FAIL)");
	must(!verb.failed);
	const struct sl_span alone = sl_buf_span(&verb);
	if (compile(&alone, 1, flags)) {
		sl_matcher_set_clock(matcher, ticking, NULL);
		struct totals got = count_lines(text, true);
		must(got.undecided || want.undecided || got.hits == want.hits);
		release();
	}
	sl_buf_release(&verb);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span texts[MOST_PATTERNS];
	struct sl_random random;
	if (len < 2)
		return 0;
	uint8_t flags = data[0];
	size_t count = 1 + flags % MOST_PATTERNS, at = 2;
	bool has_k = false;
	sl_random_init(&random, data[1]);
	for (size_t i = 0; i < count; i++) {
		size_t own = at < len ? data[at++] % (PATTERN_LEN + 1) : 0;
		own = SL_MIN(own, len - at);
		texts[i] = sl_span((const char *)data + at, own);
		has_k = has_k || (own && memmem(texts[i].data, own, "\\K", 2));
		at += own;
	}
	struct sl_span text = sl_span((const char *)data + at, SL_MIN(len - at, (size_t)TEXT_LEN));
	if (!compile(texts, count, flags))
		return 0;
	sl_matcher_set_clock(matcher, ticking, NULL);
	struct totals whole = count_lines(text, has_k);
	struct totals pieces = join_pieces(&random, text);
	must(whole.hits == pieces.hits && whole.undecided == pieces.undecided);
	release();
	if (count == 1 && !(flags & 0x80))
		check_without_literals(texts[0], flags, text, whole);
	return 0;
}
