#include "sluice/digest/kinds.h"

#include "sluice/base/random.h"
#include "sluice/digest/masks.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define SIZE (16 * SL_MIB)

static struct sl_memo *memo;

static void
setup(void)
{
	memo = sl_memo_new(SL_MEMO_BYTES_MIN);
	cr_assert(memo);
}

static void
teardown(void)
{
	sl_memo_free(memo);
}

TestSuite(kinds, .init = setup, .fini = teardown);

static void
add(struct sl_kinds *kinds, const char *line, uint64_t input, uint64_t number)
{
	struct sl_kinds_place place = { input, number };
	cr_assert_eq(sl_kinds_add(kinds, memo, sl_span_str(line), place), 0);
}

/* Of all kinds and of the dropped lines. */
static uint64_t
sum_of(struct sl_kinds *kinds)
{
	size_t count;
	const struct sl_kind *sorted = sl_kinds_sort(kinds, &count);
	uint64_t sum = sl_kinds_dropped(kinds);
	for (size_t i = 0; i < count; i++)
		sum += sorted[i].count;
	cr_assert_eq(sum, sl_kinds_lines(kinds));
	return sum;
}

/* Each kind in a line: count, template, places, example. */
static char *
describe(struct sl_kinds *kinds)
{
	struct sl_buf out = { 0 };
	size_t count;
	const struct sl_kind *sorted = sl_kinds_sort(kinds, &count);
	for (size_t i = 0; i < count; i++) {
		const struct sl_kind *kind = &sorted[i];
		sl_buf_printf(&out, "%llu ", (unsigned long long)kind->count);
		sl_masks_show(&out, kind->text);
		sl_buf_printf(&out, " %llu:%llu-%llu:%llu ", (unsigned long long)kind->first.input,
			(unsigned long long)kind->first.line, (unsigned long long)kind->last.input,
			(unsigned long long)kind->last.line);
		sl_buf_add_span(&out, kind->example);
		sl_buf_add_char(&out, '\n');
	}
	sl_buf_add_str(&out, "");
	return sl_buf_detach(&out);
}

static void
expect(struct sl_kinds *kinds, const char *want)
{
	char *got = describe(kinds);
	cr_expect_str_eq(got, want);
	free(got);
}

Test(kinds, counts_lines_and_keeps_first_last_and_an_example)
{
	struct sl_kinds *kinds = sl_kinds_new(SIZE);
	add(kinds, "error 17 in a", 0, 5);
	add(kinds, "timeout after 3s", 0, 6);
	add(kinds, "error 18 in a\r", 1, 2);
	add(kinds, "error 16 in a", 0, 3);
	expect(kinds, "3 error <num> in a 0:3-1:2 error 16 in a\n"
		      "1 timeout after <duration> 0:6-0:6 timeout after 3s\n");
	cr_assert_eq(sum_of(kinds), 4);
	sl_kinds_free(kinds);
}

Test(kinds, lines_that_differ_in_a_few_words_are_grouped)
{
	struct sl_kinds *kinds = sl_kinds_new(SIZE);
	add(kinds, "error: Failed password for root from 10.0.0.1 port 1 ssh2", 0, 0);
	add(kinds, "error: Failed password for admin from 10.0.0.2 port 2 ssh2", 0, 1);
	add(kinds, "error: Failed password for guest from 10.0.0.2 port 2 ssh2", 0, 2);
	add(kinds, "error: Connection closed by 10.0.0.2 in state three of preauth x", 0, 3);
	cr_assert_eq(sl_kinds_count(kinds), 4);
	cr_assert_eq(sl_kinds_group(kinds), 0);
	expect(kinds, "3 error: Failed password for <*> from <ip> port <num> ssh<num> 0:0-0:2 "
		      "error: Failed password for root from 10.0.0.1 port 1 ssh2\n"
		      "1 error: Connection closed by <ip> in state three of preauth x 0:3-0:3 "
		      "error: Connection closed by 10.0.0.2 in state three of preauth x\n");
	sl_kinds_free(kinds);
}

/* Its text may be NULL. */
/* However few of the other words differ. */
Test(kinds, requests_with_another_status_are_of_another_kind)
{
	struct sl_kinds *kinds = sl_kinds_new(SL_MIB);
	add(kinds, "10.0.0.1 - amy [a b] \"GET /a HTTP/1.1\" 500 7 \"-\" \"x\"", 0, 0);
	add(kinds, "10.0.0.2 - bob [a b] \"GET /b HTTP/1.1\" 502 8 \"-\" \"y\"", 0, 1);
	add(kinds, "10.0.0.3 - joe [a b] \"GET /c HTTP/1.1\" 502 9 \"-\" \"z\"", 0, 2);
	cr_assert_eq(sl_kinds_group(kinds), 0);
	expect(kinds,
		"2 <ip> - <*> [a b] \"GET <path> HTTP/<num>\" 502 <num> \"<text>\" \"<text>\" "
		"0:1-0:2 10.0.0.2 - bob [a b] \"GET /b HTTP/1.1\" 502 8 \"-\" \"y\"\n"
		"1 <ip> - amy [a b] \"GET <path> HTTP/<num>\" 500 <num> \"<text>\" \"<text>\" "
		"0:0-0:0 10.0.0.1 - amy [a b] \"GET /a HTTP/1.1\" 500 7 \"-\" \"x\"\n");
	sl_kinds_free(kinds);
}

Test(kinds, requests_that_differ_in_the_status_alone_are_of_different_kinds)
{
	struct sl_kinds *kinds = sl_kinds_new(SL_MIB);
	add(kinds, "\"GET /a HTTP/1.1\" 500 7", 0, 0);
	add(kinds, "\"GET /a HTTP/1.1\" 502 7", 0, 1);
	expect(kinds, "1 \"GET <path> HTTP/<num>\" 500 <num> 0:0-0:0 \"GET /a HTTP/1.1\" 500 7\n"
		      "1 \"GET <path> HTTP/<num>\" 502 <num> 0:1-0:1 \"GET /a HTTP/1.1\" 502 7\n");
	sl_kinds_free(kinds);
}

Test(kinds, an_empty_line_is_of_a_kind)
{
	struct sl_kinds *kinds = sl_kinds_new(SIZE);
	add(kinds, "", 0, 1);
	add(kinds, "error", 0, 2);
	struct sl_kinds_place place = { 0, 3 };
	cr_assert_eq(sl_kinds_add(kinds, memo, sl_span(NULL, 0), place), 0);
	cr_assert_eq(sl_kinds_group(kinds), 0);
	expect(kinds, "2  0:1-0:3 \n1 error 0:2-0:2 error\n");
	sl_kinds_free(kinds);
}

Test(kinds, grouping_twice_changes_nothing)
{
	struct sl_kinds *kinds = sl_kinds_new(SIZE);
	char line[64];
	for (unsigned i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "error in %c%c of the %c part", 'a' + (int)(i % 26),
			'a' + (int)(i / 26), 'a' + (int)(i % 7));
		add(kinds, line, 0, i);
	}
	cr_assert_eq(sl_kinds_group(kinds), 0);
	char *once = describe(kinds);
	cr_assert_eq(sl_kinds_group(kinds), 0);
	expect(kinds, once);
	cr_assert_eq(sum_of(kinds), 300);
	free(once);
	sl_kinds_free(kinds);
}

Test(kinds, equal_counts_come_in_the_order_of_their_text)
{
	struct sl_kinds *kinds = sl_kinds_new(SIZE);
	add(kinds, "b error", 0, 0);
	add(kinds, "c error x", 0, 1);
	add(kinds, "a error", 0, 2);
	expect(kinds, "1 a error 0:2-0:2 a error\n1 b error 0:0-0:0 b error\n"
		      "1 c error x 0:1-0:1 c error x\n");
	sl_kinds_free(kinds);
}

/* ---- merging ---- */

static const char *
random_line(struct sl_random *random, char *line, size_t size)
{
	static const char *const words[] = { "error", "disk", "full", "user", "lost", "a", "b",
		"c" };
	size_t len = 0;
	uint64_t count = 1 + sl_random_below(random, 6);
	for (uint64_t i = 0; i < count; i++)
		len += (size_t)snprintf(line + len, size - len, "%s%s%llu ",
			words[sl_random_below(random, SL_COUNT_OF(words))],
			sl_random_below(random, 2) ? " " : "=",
			(unsigned long long)sl_random_below(random, 100));
	return line;
}

#define PARTS 9u
#define LINES 40u

/* The same lines: in one digest, and in one for each part, which are merged in a random order and
 * grouping. */
Test(kinds, merging_in_any_order_and_grouping_gives_the_same)
{
	struct sl_random random;
	sl_random_init(&random, 3);
	for (unsigned round = 0; round < 50; round++) {
		struct sl_kinds *whole = sl_kinds_new(SIZE), *parts[PARTS];
		char line[128];
		for (uint64_t part = 0; part < PARTS; part++) {
			struct sl_kinds *lines = sl_kinds_new(SIZE);
			parts[part] = sl_kinds_new(SIZE);
			for (uint64_t i = 0; i < LINES; i++) {
				random_line(&random, line, sizeof(line));
				add(whole, line, part / 3, part % 3 * LINES + i);
				add(lines, line, 0, i);
			}
			struct sl_kinds_place base = { part / 3, part % 3 * LINES };
			cr_assert_eq(sl_kinds_merge(parts[part], lines, base), 0);
			sl_kinds_free(lines);
		}
		/* Each keeps its input's number from here on. */
		for (size_t left = PARTS; left > 1; left--) {
			size_t a = (size_t)sl_random_below(&random, left), b;
			do
				b = (size_t)sl_random_below(&random, left);
			while (a == b);
			cr_assert_eq(
				sl_kinds_merge(parts[a], parts[b], (struct sl_kinds_place){ 0 }),
				0);
			sl_kinds_free(parts[b]);
			parts[b] = parts[left - 1];
			if (a == left - 1)
				a = b;
		}
		for (unsigned grouped = 0; grouped < 2; grouped++) {
			char *want = describe(whole);
			expect(parts[0], want);
			free(want);
			cr_assert_eq(sl_kinds_group(whole), 0);
			cr_assert_eq(sl_kinds_group(parts[0]), 0);
		}
		sl_kinds_free(parts[0]);
		sl_kinds_free(whole);
	}
}

/* ---- pieces ---- */

#define PIECES 9u
#define PIECE_LINES 300u
#define KINDS_OF_PIECES 12u /* so few that nothing is grouped, however little memory there is */

static void
add_to_piece(struct sl_random *random, struct sl_kinds *piece, struct sl_memo *memo_of_piece,
	struct sl_kinds *whole, uint64_t at, uint64_t before)
{
	struct sl_random again;
	char line[128];
	sl_random_init(&again, 1 + sl_random_below(random, KINDS_OF_PIECES));
	struct sl_span text = sl_span_str(random_line(&again, line, sizeof(line)));
	struct sl_kinds_place place = { 0, at }, of_whole = { 0, before + at };
	for (size_t i = 0; i < text.len; i++)
		if (line[i] >= '0' && line[i] <= '9')
			line[i] = (char)('0' + sl_random_below(random, 10));
	cr_assert_eq(sl_kinds_add(piece, memo_of_piece, text, place), 0);
	cr_assert_eq(sl_kinds_add(whole, memo, text, of_whole), 0);
}

/* Neighbours become one, and what comes of it is merged in its order. */
static void
merge_pieces(struct sl_random *random, struct sl_kinds **pieces, struct sl_kinds *sum)
{
	for (uint64_t first = 0, next; first < PIECES; first = next) {
		struct sl_kinds_place base = { .line = first * PIECE_LINES };
		uint64_t count = 1 + sl_random_below(random, 4);
		for (next = first + 1; next < PIECES && next < first + count; next++) {
			struct sl_kinds_place behind = { .line = (next - first) * PIECE_LINES };
			cr_assert_eq(sl_kinds_take(pieces[first], pieces[next], behind), 0);
			pieces[next] = NULL;
		}
		cr_assert_eq(sl_kinds_merge(sum, pieces[first], base), 0);
	}
}

/* They have notes, or kinds if there is little memory. */
static void
check_pieces(struct sl_random *random, struct sl_memo **memos, size_t budget_max)
{
	struct sl_kinds_budget budget = { .max = budget_max };
	struct sl_kinds *whole = sl_kinds_new(SIZE), *sum = sl_kinds_new(SIZE), *pieces[PIECES];
	unsigned with_kinds = 0;
	for (uint64_t piece = 0; piece < PIECES; piece++) {
		pieces[piece] = sl_kinds_new(SIZE);
		sl_kinds_share(pieces[piece], &budget);
		for (uint64_t i = 0; i < PIECE_LINES; i++)
			add_to_piece(random, pieces[piece], memos[piece % 2], whole, i,
				piece * PIECE_LINES);
		with_kinds += sl_kinds_count(pieces[piece]) > 0;
	}
	cr_assert_eq(with_kinds, budget_max < SIZE ? PIECES : 0);
	if (budget_max == SIZE && sl_random_below(random, 2)) /* too much is left to keep it */
		budget.max = budget.used;
	merge_pieces(random, pieces, sum);
	char *want = describe(whole), *got = describe(sum);
	cr_assert_str_eq(got, want);
	free(want);
	free(got);
	for (uint64_t piece = 0; piece < PIECES; piece++)
		sl_kinds_free(pieces[piece]);
	cr_assert_eq((size_t)budget.used, 0);
	sl_kinds_free(sum);
	sl_kinds_free(whole);
}

Test(kinds, pieces_with_notes_or_kinds_merge_to_the_same)
{
	struct sl_random random;
	struct sl_memo *memos[] = { sl_memo_new(SL_MEMO_BYTES_MIN),
		sl_memo_new(SL_MEMO_BYTES_MAX) };
	sl_random_init(&random, 5);
	for (unsigned round = 0; round < 40; round++)
		check_pieces(&random, memos, round % 2 ? SIZE : 1);
	sl_memo_free(memos[0]);
	sl_memo_free(memos[1]);
}

/* ---- bounds ---- */

/* A word of letters, so that it is not masked. */
static void
add_number_in_words(char *line, unsigned number)
{
	size_t len = strlen(line);
	for (unsigned i = 0; i < 8; i++, number /= 10)
		line[len++] = (char)('a' + number % 10);
	line[len++] = ' ';
	line[len] = '\0';
}

Test(kinds, too_many_are_dropped_and_their_lines_are_counted)
{
	struct sl_kinds *kinds = sl_kinds_new(SL_KINDS_BYTES_MIN);
	for (unsigned i = 0; i < 20000; i++) {
		/* All words differ, so that they cannot be grouped. */
		char line[128] = "";
		for (unsigned word = 0; word < 3; word++)
			add_number_in_words(line, i * 7 + word * 100003);
		add(kinds, line, 0, i);
		add(kinds, "a frequent error", 0, i);
	}
	cr_assert_eq(sum_of(kinds), 40000);
	cr_assert(sl_kinds_dropped(kinds) > 10000);
	cr_assert(sl_kinds_count(kinds) <= SL_KINDS_BYTES_MIN / 2 / 384);
	size_t count;
	const struct sl_kind *first = sl_kinds_sort(kinds, &count);
	cr_assert_eq(first->count, 20000);
	sl_kinds_free(kinds);
}

/* Digests that all want more than there is: each goes on with what it may have in any case. */
Test(kinds, digests_share_a_budget)
{
	enum { DIGESTS = 8, EACH = 2000 };
	struct sl_kinds_budget budget = { .max = 4 * SL_KINDS_BYTES_MIN };
	struct sl_kinds *kinds[DIGESTS], *sum = sl_kinds_new(SIZE);
	for (unsigned i = 0; i < DIGESTS; i++) {
		kinds[i] = sl_kinds_new(SIZE);
		sl_kinds_share(kinds[i], &budget);
	}
	size_t most = 0, alone = 0;
	for (unsigned i = 0; i < EACH * DIGESTS; i++) {
		char line[128] = "";
		for (unsigned word = 0; word < 3; word++)
			add_number_in_words(line, i * 7 + word * 100003);
		/* The first has all of it to itself for a while. */
		add(kinds[i < EACH ? 0 : i % DIGESTS], line, 0, i);
		most = SL_MAX(most, (size_t)budget.used);
		if (i == EACH - 1)
			alone = budget.used;
	}
	cr_assert(alone > SL_KINDS_BYTES_MIN, "%zu", alone);
	/* While one is made smaller, it is there twice. */
	cr_assert(most <= 2 * budget.max + DIGESTS * SL_KINDS_BYTES_MIN / 2, "%zu", most);
	for (unsigned i = 0; i < DIGESTS; i++) {
		cr_assert(sl_kinds_count(kinds[i]) > 0);
		cr_assert_eq(sl_kinds_merge(sum, kinds[i], (struct sl_kinds_place){ 0 }), 0);
	}
	cr_assert_eq(sum_of(sum), EACH * DIGESTS);
	sl_kinds_clear(kinds[0]);
	for (unsigned i = 0; i < DIGESTS; i++)
		sl_kinds_free(kinds[i]);
	cr_assert_eq((size_t)budget.used, 0);
	sl_kinds_free(sum);
}

/* What a digest has taken is still its own when it becomes smaller. */
Test(kinds, a_digest_that_is_full_keeps_those_that_it_has_taken)
{
	enum { TAKEN = 3, EACH = 50, MORE = 4000 };
	struct sl_kinds_budget budget = { .max = 16 * SL_MIB };
	struct sl_kinds *first = sl_kinds_new(SL_KINDS_BYTES_MIN), *sum = sl_kinds_new(SIZE);
	sl_kinds_share(first, &budget);
	for (unsigned i = 0; i < TAKEN; i++) {
		struct sl_kinds *next = sl_kinds_new(SL_KINDS_BYTES_MIN);
		sl_kinds_share(next, &budget);
		for (unsigned line = 0; line < EACH; line++)
			add(next, "a frequent error", 0, line);
		struct sl_kinds_place behind = { .line = i * EACH };
		cr_assert_eq(sl_kinds_take(first, next, behind), 0);
	}
	for (unsigned i = 0; i < MORE; i++) {
		char line[128] = "";
		for (unsigned word = 0; word < 3; word++)
			add_number_in_words(line, i * 7 + word * 100003);
		add(first, line, 0, TAKEN * EACH + i);
	}
	cr_assert(sl_kinds_dropped(first) > 0);
	cr_assert_eq(sl_kinds_lines(first), TAKEN * EACH + MORE);
	cr_assert_eq(sl_kinds_merge(sum, first, (struct sl_kinds_place){ 0 }), 0);
	cr_assert_eq(sum_of(sum), TAKEN * EACH + MORE);
	size_t count;
	cr_assert_eq(sl_kinds_sort(sum, &count)->count, TAKEN * EACH);
	sl_kinds_free(first);
	cr_assert_eq((size_t)budget.used, 0);
	sl_kinds_free(sum);
}

Test(kinds, a_full_digest_groups_before_it_drops)
{
	struct sl_kinds *kinds = sl_kinds_new(SL_KINDS_BYTES_MIN);
	for (unsigned i = 0; i < 20000; i++) {
		char line[128] = "error: cannot connect to the data base server as user ";
		add_number_in_words(line, i);
		add(kinds, line, 0, i);
	}
	cr_assert_eq(sl_kinds_group(kinds), 0);
	expect(kinds, "20000 error: cannot connect to the data base server as user <*> 0:0-0:19999 "
		      "error: cannot connect to the data base server as user aaaaaaaa \n");
	cr_assert_eq(sl_kinds_dropped(kinds), 0);
	sl_kinds_free(kinds);
}

Test(kinds, long_lines_are_decided_by_their_beginning)
{
	struct sl_kinds *kinds = sl_kinds_new(SL_KINDS_BYTES_MIN);
	char *line = malloc(1000001);
	cr_assert(line);
	memset(line, 'x', 1000000);
	line[1000000] = '\0';
	add(kinds, line, 0, 0);
	line[SL_KINDS_LINE_MAX] = 'y';
	add(kinds, line, 0, 1);
	line[SL_KINDS_LINE_MAX - 1] = 'y';
	add(kinds, line, 0, 2);
	size_t count;
	const struct sl_kind *sorted = sl_kinds_sort(kinds, &count);
	cr_assert_eq(count, 2);
	cr_assert_eq(sorted->count, 2);
	cr_assert_eq(sorted->example.len, SL_KINDS_EXAMPLE_MAX);
	free(line);
	sl_kinds_free(kinds);
}

Test(kinds, a_cleared_digest_is_as_new)
{
	struct sl_kinds *kinds = sl_kinds_new(SIZE);
	for (unsigned i = 0; i < 100; i++) {
		char line[64] = "error ";
		add_number_in_words(line, i);
		add(kinds, line, 0, i);
	}
	sl_kinds_clear(kinds);
	cr_assert_eq(sl_kinds_count(kinds), 0);
	cr_assert_eq(sum_of(kinds), 0);
	add(kinds, "error 1", 0, 1);
	expect(kinds, "1 error <num> 0:1-0:1 error 1\n");
	sl_kinds_free(kinds);
}
