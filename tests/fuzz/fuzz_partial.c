/*
 * A text in pieces, added in any order, against the same pieces joined in order and a naive count.
 * The input's first byte says how many literals follow, and whether case counts; each literal has a
 * length byte, and one longer than the kernels take is confirmed; then pairs of bytes, up to one
 * whose first is zero: how long the next piece is, and its rank, by which pieces are added. The
 * rest is the text, of which only few bytes of a long line are kept.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/cpu.h"
#include "sluice/scan/join.h"
#include "sluice/match/lines.h"
#include "sluice/scan/partials.h"
#include "support/oracle.h"

#define MOST_LITERALS 4u
#define MOST_LITERAL 200u
#define MOST_PIECES 48u
#define MOST_TEXT 8192u
#define KEEP SL_FRAGMENT_KEEP_MIN

static struct sl_pattern *pattern;
static struct sl_matcher *matcher;
static struct sl_partial_spec spec;

struct piece {
	size_t off, len;
	uint8_t rank;
};

/* Sums over the lines that came, which do not depend on their order. */
struct outcome {
	struct sl_block_totals totals;
	uint64_t lines, offs, skipped, lens, texts;
};

static void
note_line(struct outcome *out, const struct sl_partial_line *line)
{
	uint64_t hash = line->off;
	for (size_t i = 0; i < line->len; i++)
		hash = hash * 1099511628211u + line->text[i];
	must(line->skipped + line->len <= line->whole_len && line->len <= spec.text.keep);
	out->lines++;
	out->offs += line->off;
	out->skipped += line->skipped * (line->off + 1);
	out->lens += line->whole_len * (line->off + 1) + line->is_closed;
	out->texts += hash;
}

static struct sl_partial_run
scan(struct outcome *out, const uint8_t *text, const struct piece *piece)
{
	struct sl_partial_run run = { .data = text + piece->off, .len = piece->len };
	uint64_t *marks = calloc(SL_MATCH_MARK_WORDS(run.len) + 1, sizeof(*marks));
	struct sl_lines lines;
	struct sl_line line;
	must(marks);
	sl_block_scan(sl_pattern_kernel(pattern), spec.text.plan, matcher, run.data, run.len, marks,
		&run.block);
	sl_lines_init(&lines, NULL, run.data, run.len, marks);
	while (sl_lines_next(&lines, &line)) {
		struct sl_partial_line found = { .text = line.text,
			.len = line.len,
			.whole_len = line.len,
			.off = (uint64_t)(line.text - text),
			.is_closed = true };
		sl_partial_shorten(&spec, &found);
		note_line(out, &found);
	}
	free(marks);
	return run;
}

static struct outcome
join_in_order(const uint8_t *text, const struct piece *pieces, size_t count)
{
	struct outcome out = { 0 };
	struct sl_join join;
	struct sl_partial_line line;
	sl_join_init(&join, pattern, matcher, true);
	join.spec = spec;
	for (size_t i = 0; i < count; i++) {
		struct sl_partial_run run = scan(&out, text, &pieces[i]);
		int hit = sl_join_head(&join, &run, &line);
		must(hit >= 0);
		if (hit)
			note_line(&out, &line);
		must(sl_join_tail(&join, &run) == 0);
	}
	if (sl_join_end(&join, &line))
		note_line(&out, &line);
	out.totals = sl_join_totals(&join);
	sl_join_release(&join);
	return out;
}

static void
add(struct outcome *out, struct sl_partials *partials, const uint8_t *text,
	const struct piece *piece)
{
	struct sl_partial_run run = scan(out, text, piece);
	struct sl_partial *partial = sl_partials_new_partial(piece->off);
	struct sl_partial_line line;
	must(partial);
	int hit = sl_partial_set(&spec, partial, &run, &line);
	must(hit >= 0);
	if (hit)
		note_line(out, &line);
	must(sl_partials_insert(partials, partial) == 0);
	while (sl_partials_has_neighbours(partials)) {
		hit = sl_partials_merge(partials, &line);
		must(hit >= 0);
		if (hit)
			note_line(out, &line);
	}
}

/* Those of the same rank in order. */
static struct outcome
add_by_rank(const uint8_t *text, size_t len, const struct piece *pieces, size_t count)
{
	struct outcome out = { 0 };
	struct sl_partials partials = { .spec = spec };
	struct sl_partial_line line;
	for (unsigned rank = 0; rank <= UINT8_MAX; rank++) {
		for (size_t i = 0; i < count; i++) {
			if (pieces[i].rank == rank)
				add(&out, &partials, text, &pieces[i]);
		}
	}
	enum sl_partials_end ended = sl_partials_finish(&partials, len, &line);
	must(ended != SL_PARTIALS_INCOMPLETE);
	if (ended == SL_PARTIALS_LINE)
		note_line(&out, &line);
	if (len)
		out.totals = sl_block_finish(sl_partials_prefix(&partials));
	sl_partials_release(&partials);
	return out;
}

static size_t
take_literals(struct input *in, struct sl_span *literals, uint8_t head)
{
	size_t count = 1 + head % MOST_LITERALS;
	for (size_t i = 0; i < count; i++) {
		size_t len = take(in) % MOST_LITERAL;
		len = SL_MIN(len, in->len);
		literals[i] = sl_span((const char *)in->at, len);
		in->at += len;
		in->len -= len;
	}
	return count;
}

static size_t
take_pieces(struct input *in, struct piece *pieces)
{
	size_t count = 0;
	uint8_t len;
	while (count < MOST_PIECES && (len = take(in)) != 0)
		pieces[count++] = (struct piece){ .len = len, .rank = take(in) };
	return count;
}

/* Pieces take turns until the text is through. */
static size_t
cut(size_t len, const struct piece *taken, size_t count, struct piece *pieces)
{
	size_t at = 0, made = 0;
	while (at < len) {
		struct piece piece = { .off = at, .len = len - at };
		if (count && made + 1 < MOST_PIECES) {
			piece.len = SL_MIN(len - at, taken[made % count].len);
			piece.rank = taken[made % count].rank;
		}
		at += piece.len;
		pieces[made++] = piece;
	}
	return made;
}

static bool
compile(const struct sl_span *literals, size_t count, bool ignore_case)
{
	struct sl_pattern_spec texts = {
		.texts = literals, .count = count, .fixed = true, .ignore_case = ignore_case
	};
	struct sl_error err = { 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	if (sl_pattern_new(&pattern, &texts, kernel, &err) != 0)
		return false;
	must(sl_matcher_new(&matcher, pattern) == 0);
	spec = sl_partial_spec_of(pattern, matcher, true);
	if (!spec.text.confirms)
		spec.text.keep = KEEP;
	return true;
}

/* A naive search finds them where the pattern does: newlines divide patterns, and case beyond ASCII
 * and the ends of lines have rules of their own. */
static bool
is_plain(const struct sl_span *literals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < literals[i].len; j++) {
			unsigned char c = (unsigned char)literals[i].data[j];
			if (c == '\n' || c == '\r' || c >= 0x80)
				return false;
		}
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct sl_span literals[MOST_LITERALS];
	struct piece taken[MOST_PIECES], pieces[MOST_PIECES];
	uint8_t head = take(&in);
	bool ignore_case = head & 0x80;
	size_t count = take_literals(&in, literals, head);
	size_t taken_count = take_pieces(&in, taken);
	in.len = SL_MIN(in.len, (size_t)MOST_TEXT);
	if (!compile(literals, count, ignore_case))
		return 0;
	size_t made = cut(in.len, taken, taken_count, pieces);
	struct outcome want = join_in_order(in.at, pieces, made);
	struct outcome got = add_by_rank(in.at, in.len, pieces, made);
	must(got.lines == want.lines && got.offs == want.offs && got.skipped == want.skipped);
	must(got.lens == want.lens && got.texts == want.texts);
	must(got.totals.lines == want.totals.lines && got.totals.hits == want.totals.hits);
	if (is_plain(literals, count)) {
		struct oracle_totals naive = oracle_count(
			sl_span((const char *)in.at, in.len), literals, count, ignore_case);
		must(got.totals.lines == naive.lines && got.totals.hits == naive.hits);
	}
	must(got.totals.bytes == in.len && got.totals.undecided == want.totals.undecided);
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
	return 0;
}
