/*
 * The part of a sorted file that is found has all lines of the period, and little else; whatever is
 * looked at.
 */
#include "sluice/scan/period_search.h"

#include "sluice/base/random.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define BASE_S INT64_C(1445169600) /* 2015-10-18 12:00 */
#define NS_PER_S INT64_C(1000000000)
#define BLOCK SL_PERIOD_SEARCH_BLOCK
#define READS_MAX (SL_PERIOD_SEARCH_MAX * 32)

static struct sl_moment
moment_at(int64_t at_s)
{
	return (struct sl_moment){
		.ns = at_s * NS_PER_S, .local_ns = at_s * NS_PER_S, .is_instant = true
	};
}

static struct sl_period
period_of(int64_t since_s, int64_t until_s, int64_t slack_s)
{
	return (struct sl_period){ .has_since = since_s > 0,
		.has_until = until_s > 0,
		.since = moment_at(since_s),
		.until = moment_at(until_s),
		.is_sorted = true,
		.slack_ns = slack_s * NS_PER_S };
}

/* ---- files ---- */

static void
add_stamped(struct sl_buf *text, int64_t at_s)
{
	sl_buf_printf(text, "%lld an event with some words\n", (long long)at_s);
}

/* A line without a stamp, from none to many bytes. */
static void
add_other(struct sl_random *random, struct sl_buf *text)
{
	size_t len = (size_t)sl_random_below(random, 90);
	if (sl_random_below(random, 200) == 0)
		len = (size_t)sl_random_below(random, 3 * BLOCK);
	for (size_t i = 0; i < len; i++)
		sl_buf_add_char(text, 'x');
	sl_buf_add_char(text, '\n');
}

/* Lines of at least `bytes` whose stamps go back by `slack_s` at most; *end_s is behind them. */
static void
add_sorted(struct sl_random *random, struct sl_buf *text, size_t bytes, int64_t slack_s,
	int64_t *end_s)
{
	unsigned others = (unsigned)sl_random_below(random, 4);
	uint64_t per_line_s = 1 + sl_random_below(random, 4);
	int64_t latest_s = BASE_S;
	for (size_t i = 0; text->len < bytes; i++) {
		latest_s += (int64_t)sl_random_below(random, per_line_s);
		add_stamped(
			text, latest_s - (int64_t)sl_random_below(random, (uint64_t)slack_s + 1));
		for (uint64_t n = sl_random_below(random, 1 + others); n > 0; n--)
			add_other(random, text);
	}
	*end_s = latest_s + 1;
}

/* ---- searching ---- */

struct found {
	struct sl_period_search search;
	unsigned reads;
};

static struct found
search_all(
	struct guard *guard, struct sl_span text, const struct sl_period *period, bool keeps_begin)
{
	struct found found = { .reads = 0 };
	uint64_t off;
	size_t len;
	sl_period_search_init(&found.search, period, text.len, keeps_begin);
	while (sl_period_search_next(&found.search, &off, &len)) {
		cr_assert(off + len <= text.len && len <= BLOCK);
		cr_assert_lt(found.reads++, READS_MAX);
		const char *block = guard_place(guard, text.data + off, len);
		sl_period_search_add(&found.search, (const unsigned char *)block, len);
	}
	return found;
}

/* [begin, end) of the lines from the first inside to the last, with those that belong to them. */
struct inside {
	uint64_t begin, end;
};

static struct inside
find_naively(struct sl_span text, const struct sl_period *period)
{
	struct inside inside = { text.len, 0 };
	bool is_inside = !period->has_since;
	for (size_t at = 0; at < text.len;) {
		const char *newline = memchr(text.data + at, '\n', text.len - at);
		size_t end = newline ? (size_t)(newline - text.data) + 1 : text.len;
		enum sl_period_side side =
			sl_period_side_of(period, sl_span(text.data + at, end - at));
		if (side != SL_PERIOD_UNKNOWN)
			is_inside = side == SL_PERIOD_INSIDE;
		if (is_inside) {
			inside.begin = SL_MIN(inside.begin, at);
			inside.end = end;
		}
		at = end;
	}
	return inside;
}

static bool
is_line_begin(struct sl_span text, uint64_t off)
{
	return off == 0 || off == text.len || text.data[off - 1] == '\n';
}

static void
check_found(struct sl_span text, const struct sl_period *period, const struct sl_period_search *got)
{
	struct inside inside = find_naively(text, period);
	cr_assert(got->begin <= got->end && got->end <= text.len);
	cr_assert(is_line_begin(text, got->begin) && is_line_begin(text, got->end));
	cr_assert(inside.begin >= inside.end ||
			  (got->begin <= inside.begin && got->end >= inside.end),
		"found [%llu, %llu), inside [%llu, %llu)", (unsigned long long)got->begin,
		(unsigned long long)got->end, (unsigned long long)inside.begin,
		(unsigned long long)inside.end);
}

Test(period_search, the_part_has_all_lines_of_the_period)
{
	struct sl_random random;
	struct guard guard;
	sl_random_init(&random, 1);
	guard_init(&guard, BLOCK);
	for (unsigned i = 0; i < 150; i++) {
		struct sl_buf text = { 0 };
		int64_t slack_s = (int64_t)sl_random_below(&random, 100), end_s;
		add_sorted(&random, &text, sl_random_below(&random, 1u << 20), slack_s, &end_s);
		text.len -= text.len && sl_random_below(&random, 2);
		for (unsigned j = 0; j < 4; j++) {
			uint64_t width_s = (uint64_t)(end_s - BASE_S) + 200;
			int64_t since_s = BASE_S - 100 + (int64_t)sl_random_below(&random, width_s);
			int64_t until_s = since_s + (int64_t)sl_random_below(&random, width_s / 2);
			struct sl_period period =
				period_of(j == 1 ? 0 : since_s, j == 2 ? 0 : until_s, slack_s);
			struct found found =
				search_all(&guard, sl_buf_span(&text), &period, j == 3);
			check_found(sl_buf_span(&text), &period, &found.search);
			cr_assert(j != 3 || found.search.begin == 0);
		}
		sl_buf_release(&text);
	}
	guard_release(&guard);
}

/* Lines of 32 bytes, one a second. */
static void
add_even(struct sl_buf *text, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		sl_buf_printf(text, "%lld %020u\n", (long long)BASE_S + i, i);
}

Test(period_search, little_else_is_in_the_part)
{
	struct guard guard;
	struct sl_buf text = { 0 };
	guard_init(&guard, BLOCK);
	add_even(&text, 200000);
	for (unsigned i = 0; i < 200; i++) {
		int64_t since_s = BASE_S + 997 * (int64_t)i, until_s = since_s + 100;
		struct sl_period period = period_of(since_s, until_s, 60);
		struct found found = search_all(&guard, sl_buf_span(&text), &period, false);
		uint64_t most = (101 + 2 * 60) * 32 + 4 * BLOCK + 64;
		check_found(sl_buf_span(&text), &period, &found.search);
		cr_assert_leq(found.search.end - found.search.begin, most, "%u: %llu bytes", i,
			(unsigned long long)(found.search.end - found.search.begin));
		cr_assert_leq(found.reads, 16 + 2 * 4);
	}
	sl_buf_release(&text);
	guard_release(&guard);
}

/* Of the period no line is there: before the file, in a gap of it, and behind it. */
Test(period_search, a_period_without_lines_takes_few_bytes)
{
	struct guard guard;
	struct sl_buf text = { 0 };
	guard_init(&guard, BLOCK);
	add_even(&text, 10000);
	for (unsigned i = 0; i < 10000; i++)
		sl_buf_printf(&text, "%lld %020u\n", (long long)BASE_S + 90000 + i, i);
	const int64_t cases[] = { BASE_S - 5000, BASE_S + 50000, BASE_S + 500000 };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_period period = period_of(cases[i], cases[i] + 10, 60);
		struct found found = search_all(&guard, sl_buf_span(&text), &period, false);
		check_found(sl_buf_span(&text), &period, &found.search);
		cr_expect_leq(found.search.end - found.search.begin, 4 * BLOCK + 64, "%zu", i);
	}
	sl_buf_release(&text);
	guard_release(&guard);
}

static void
reverse(struct sl_buf *to, struct sl_span text)
{
	for (size_t end = text.len; end > 0;) {
		size_t begin = end - 1;
		while (begin > 0 && text.data[begin - 1] != '\n')
			begin--;
		sl_buf_add(to, text.data + begin, end - begin);
		end = begin;
	}
}

/* Newest first; two logs one after the other; a single part that is out of order. */
Test(period_search, what_contradicts_the_order_makes_the_part_the_whole_file)
{
	struct guard guard;
	struct sl_buf even = { 0 }, texts[3] = { { 0 } };
	guard_init(&guard, BLOCK);
	add_even(&even, 20000);
	reverse(&texts[0], sl_buf_span(&even));
	sl_buf_add_span(&texts[1], sl_buf_span(&even));
	sl_buf_add_span(&texts[1], sl_buf_span(&even));
	sl_buf_add(&texts[2], even.data, even.len / 2);
	for (unsigned i = 0; i < 3000; i++)
		add_stamped(&texts[2], BASE_S - 10000);
	sl_buf_add(&texts[2], even.data + even.len / 2, even.len / 2);
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++) {
		struct sl_period period = period_of(BASE_S + 15000, BASE_S + 16000, 60);
		struct found found = search_all(&guard, sl_buf_span(&texts[i]), &period, false);
		cr_expect(found.search.begin == 0 && found.search.end == texts[i].len, "%zu", i);
		sl_buf_release(&texts[i]);
	}
	sl_buf_release(&even);
	guard_release(&guard);
}

Test(period_search, a_file_without_stamps_is_read_as_a_whole)
{
	struct guard guard;
	struct sl_buf text = { 0 };
	guard_init(&guard, BLOCK);
	for (unsigned i = 0; i < 300000; i++)
		sl_buf_add_str(
			&text, i % 100000 ? "no stamp here\n" : "xxxxxxxxxxxxxxxxxxxxxxxxxx");
	struct sl_period period = period_of(BASE_S, BASE_S + 10, 60);
	struct found found = search_all(&guard, sl_buf_span(&text), &period, false);
	cr_expect(found.search.begin == 0 && found.search.end == text.len);
	sl_buf_release(&text);
	guard_release(&guard);
}

/* The reader finds out why. */
Test(period_search, a_block_that_is_shorter_makes_the_part_the_whole_file)
{
	struct sl_buf text = { 0 };
	add_even(&text, 50000);
	struct sl_period period = period_of(BASE_S + 20000, BASE_S + 20010, 60);
	for (unsigned nth = 0; nth < 6; nth++) {
		struct sl_period_search search;
		uint64_t off;
		size_t len;
		sl_period_search_init(&search, &period, text.len, false);
		for (unsigned i = 0; sl_period_search_next(&search, &off, &len); i++)
			sl_period_search_add(&search, (unsigned char *)text.data + off,
				i == nth ? len / 2 : len);
		cr_expect(search.begin == 0 && search.end == text.len, "%u", nth);
	}
	sl_buf_release(&text);
}

/* Lines of 32 bytes in a file of 2^62, a line for each 2^32 bytes a second. */
Test(period_search, the_largest_file_takes_few_reads)
{
	const uint64_t size = 1ull << 62;
	struct sl_period period = period_of(BASE_S + 700000000, BASE_S + 700000005, 60);
	struct sl_period_search search;
	char block[BLOCK + 64];
	uint64_t off;
	size_t len;
	unsigned reads = 0;
	sl_period_search_init(&search, &period, size, false);
	while (sl_period_search_next(&search, &off, &len)) {
		uint64_t first = off / 32 * 32;
		for (size_t at = 0; at < len + 32; at += 32) {
			char line[33];
			uint64_t second = (first + at) >> 32;
			snprintf(line, sizeof(line), "%010llu %020llu\n",
				(unsigned long long)BASE_S + second,
				(unsigned long long)(first + at) / 32);
			memcpy(block + at, line, 32);
		}
		reads++;
		sl_period_search_add(&search, (unsigned char *)block + off % 32, len);
	}
	uint64_t begin = (uint64_t)(700000000 - 60) << 32, end = (uint64_t)(700000006 + 60) << 32;
	cr_expect(search.begin < begin && search.begin + 4 * BLOCK > begin);
	cr_expect(search.end >= end && search.end < end + 4 * BLOCK);
	cr_expect_leq(reads, 16 + 2 * 43);
}
