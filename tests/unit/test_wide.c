/* UTF-16 that begins in the middle of text: against a naive search, for every cut and order. */
#include "sluice/scan/wide.h"

#include "sluice/base/random.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define MOST 600u
#define PARTS 12u

/* Characters that end with the byte before `end`, without a newline if they are of one line. */
static bool
has_chars(const unsigned char *data, size_t end, size_t count, size_t low, bool of_line)
{
	if (end < 2 * count)
		return false;
	for (size_t i = 1; i <= count; i++) {
		const unsigned char *pair = data + end - 2 * i;
		unsigned char c = pair[low];
		bool is_text =
			(c >= ' ' && c <= '~') || c == '\t' || c == '\r' || (c == '\n' && !of_line);
		if (!is_text || pair[1 - low] != 0)
			return false;
	}
	return true;
}

static bool
decides(const unsigned char *data, size_t at)
{
	if (has_chars(data, at + 1, SL_WIDE_RUN, 0, false) ||
		has_chars(data, at + 1, SL_WIDE_RUN, 1, false))
		return true;
	if (data[at] != '\n')
		return false;
	return has_chars(data, at, SL_WIDE_LINE, 0, true) ||
	       (at > 0 && data[at - 1] == 0 && has_chars(data, at - 1, SL_WIDE_LINE, 1, true));
}

static struct sl_wide
expected(const unsigned char *data, size_t len)
{
	struct sl_wide wide = { .len = len };
	for (size_t at = 0; at < len && !wide.is_found; at++) {
		if (!decides(data, at))
			continue;
		wide.is_found = true;
		wide.at = at;
		for (size_t i = 0; i < at; i++)
			wide.text_len = data[i] == '\n' ? i + 1 : wide.text_len;
	}
	return wide;
}

static void
check_same(const struct sl_wide *got, const struct sl_wide *want, const char *what)
{
	cr_assert(got->is_found == want->is_found && got->len == want->len, "%s: found %d", what,
		got->is_found);
	if (want->is_found)
		cr_assert(got->at == want->at && got->text_len == want->text_len,
			"%s: at %llu, not %llu; %llu bytes, not %llu", what,
			(unsigned long long)got->at, (unsigned long long)want->at,
			(unsigned long long)got->text_len, (unsigned long long)want->text_len);
}

/* ---- what is searched ---- */

static unsigned char
char_of(struct sl_random *random)
{
	static const unsigned char chars[] = "abcERROR \n\r\t\n\x80\x01";
	return chars[sl_random_below(random, sizeof(chars) - 1)];
}

/* Text, NULs and UTF-16 in turns, most of them about as long as what decides. */
static size_t
make(struct sl_random *random, unsigned char *data)
{
	size_t len = 0, most = 1 + sl_random_below(random, MOST);
	while (len < most) {
		uint64_t kind = sl_random_below(random, 5), count = sl_random_below(random, 30);
		bool is_clean = sl_random_below(random, 2);
		for (uint64_t i = 0; i < count && len + 2 <= MOST; i++) {
			unsigned char c = is_clean ? 'x' : char_of(random);
			if (kind == 1 || kind == 3)
				data[len++] = 0;
			if (kind < 4)
				data[len++] = kind == 3 ? 0 : c;
			if (kind == 2)
				data[len++] = 0;
		}
		if (len + 2 > MOST)
			break;
	}
	return len;
}

/* ---- tests ---- */

Test(wide, the_byte_that_decides_is_that_of_a_naive_search)
{
	struct guard guard;
	struct sl_random random;
	static unsigned char data[MOST];
	size_t found = 0;
	guard_init(&guard, MOST);
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		sl_random_init(&random, seed);
		size_t len = make(&random, data);
		const char *at = guard_place(&guard, (const char *)data, len);
		struct sl_wide want = expected(data, len), got;
		sl_wide_search(&got, (const unsigned char *)at, len);
		char what[32];
		snprintf(what, sizeof(what), "seed %llu", (unsigned long long)seed);
		check_same(&got, &want, what);
		found += want.is_found;
	}
	cr_assert(found > 5000 && found < 18000, "%zu", found);
	guard_release(&guard);
}

/* Of the runs between `cuts`, neighbours become one until there is one. */
static struct sl_wide
merge_in_any_order(struct sl_random *random, const unsigned char *data, const size_t *cuts)
{
	struct sl_wide parts[PARTS];
	size_t count = PARTS;
	for (size_t i = 0; i < PARTS; i++)
		sl_wide_search(&parts[i], data + cuts[i], cuts[i + 1] - cuts[i]);
	while (count > 1) {
		size_t left = sl_random_below(random, count - 1);
		sl_wide_merge(&parts[left], &parts[left + 1]);
		for (size_t i = left + 1; i + 1 < count; i++)
			parts[i] = parts[i + 1];
		count--;
	}
	return parts[0];
}

Test(wide, cuts_and_the_order_of_merging_change_nothing)
{
	struct sl_random random;
	static unsigned char data[MOST];
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		sl_random_init(&random, seed);
		size_t len = make(&random, data), cuts[PARTS + 1] = { 0 };
		for (size_t i = 1; i <= PARTS; i++) {
			size_t left = len - cuts[i - 1];
			size_t some = sl_random_below(&random, SL_MIN(left, (size_t)90) + 1);
			cuts[i] = i == PARTS ? len : cuts[i - 1] + some;
		}
		struct sl_wide want = expected(data, len);
		struct sl_wide got = merge_in_any_order(&random, data, cuts);
		char what[32];
		snprintf(what, sizeof(what), "seed %llu", (unsigned long long)seed);
		check_same(&got, &want, what);
	}
}

Test(wide, every_split_of_a_line_decides_at_the_same_byte)
{
	static const struct {
		const char *bytes;
		size_t len, at, text_len;
	} cases[] = {
		{ "ok\nE\0R\0R\0!\0\n\0", 13, 11, 3 },
		{ "ok\n\0E\0R\0R\0!\0\n", 13, 12, 3 },
		{ "ok\npartly E\0R\0R\0!\0\n\0", 20, 18, 3 },
		{ "E\0R\0R\0!\0\n\0", 10, 8, 0 },
		/* a short line is not recognised */
		{ "a\nb\0\n\0E\0R\0R\0!\0\n\0", 16, 14, 5 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const unsigned char *data = (const unsigned char *)cases[i].bytes;
		struct sl_wide want = { .len = cases[i].len,
			.is_found = true,
			.at = cases[i].at,
			.text_len = cases[i].text_len };
		for (size_t cut = 0; cut <= want.len; cut++) {
			struct sl_wide left, right;
			char what[32];
			snprintf(what, sizeof(what), "case %zu cut at %zu", i, cut);
			sl_wide_search(&left, data, cut);
			sl_wide_search(&right, data + cut, want.len - cut);
			sl_wide_merge(&left, &right);
			check_same(&left, &want, what);
		}
	}
}

/* A block of `len` bytes of text. */
static void
fill(unsigned char *block, size_t len)
{
	static const char line[] = "2026-03-01 12:00:00 something fine\n";
	for (size_t i = 0; i < len; i++)
		block[i] = (unsigned char)line[i % (sizeof(line) - 1)];
}

Test(wide, text_holes_and_numbers_are_not_utf16)
{
	static unsigned char block[64 * SL_KIB];
	struct sl_wide wide, zeros;
	sl_wide_search(&wide, block, sizeof(block));
	cr_assert_not(wide.is_found, "NULs");
	sl_wide_set_zeros(&zeros, sizeof(block));
	cr_assert(zeros.len == wide.len && zeros.open_len == wide.open_len &&
		  zeros.tail_len == wide.tail_len && zeros.head_len == wide.head_len);
	fill(block, sizeof(block));
	sl_wide_search(&wide, block, sizeof(block));
	cr_assert_not(wide.is_found, "text");
	for (size_t i = 40; i + 1 < sizeof(block); i += 97)
		block[i] = 0;
	sl_wide_search(&wide, block, sizeof(block));
	cr_assert_not(wide.is_found, "stray NULs");
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = i % 2 ? 0 : (unsigned char)(i * 37 / 2);
	sl_wide_search(&wide, block, sizeof(block));
	cr_assert_not(wide.is_found, "numbers");
}
