#include "sluice/digest/shape.h"

#include "sluice/base/random.h"
#include "sluice/digest/masks.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define LINE 400u

static uint64_t
hash_of(const char *line)
{
	return sl_shape_hash(sl_span_str(line));
}

/* Of lines that programs write, the length of most numbers does not matter. */
Test(shape, lines_that_differ_in_numbers_have_one_shape)
{
	static const char *const pairs[][2] = {
		{ "error 7 in a", "error 12345 in a" },
		{ "x=1, y=22; z=(3)", "x=777, y=1; z=(12)" },
		{ "[worker-7] failed", "[worker-123] failed" },
		{ "took 5ms of 7kB, 12%", "took 1234ms of 77kB, 1%" },
		{ "peer 10.0.1.2, port 5", "peer 192.168.100.2, port 50" },
		{ "peer 10.0.1.2", "peer 1.2.3.4" },
		{ "node12 eth0: lost", "node1 eth10: lost" },
		{ "file.c:12 line 3.", "file.c:1234 line 34." },
		{ "7 errors", "123456789 errors" },
		{ "{\"ms\":12,\"n\":3}", "{\"ms\":1,\"n\":3333}" },
		{ "ratio 1.5", "ratio 10.25" },
		{ "2015-10-18 18:01:47,978 error 1", "2016-11-19 19:11:27,123 error 22" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(pairs); i++)
		cr_expect_eq(hash_of(pairs[i][0]), hash_of(pairs[i][1]), "%s", pairs[i][0]);
}

/* Where it decides about the mask, it does. */
Test(shape, lines_that_are_masked_in_different_ways_have_different_shapes)
{
	static const char *const pairs[][2] = {
		{ "at 20171223 10:11:12", "at 2017122 10:11:12" },
		{ "Jun 14 15:16:01 x", "Jun 144 15:16:01 x" },
		{ "Jun 14 15:16:01 2005 x", "Jun 14 15:16:01 205 x" },
		{ "\"GET / HTTP/1.1\" 500 7", "\"GET / HTTP/1.1\" 50 7" },
		{ "\"GET / HTTP/1.1\" 500 7", "\"GET / HTTP/1.1\" 502 7" },
		{ "a 04/Dec/2005 b", "a 04/Dec/20055 b" },
		{ "a 04-Jun-2005 b", "a 04-Jun-205 b" },
		{ "a 10.12.2024 b", "a 10.12.202 b" },
		{ "a 2024.01.02 b", "a 204.01.02 b" },
		{ "a abcdef12 b", "a abcdef1 b" },
		{ "deadbeef-1234-1234-1234-123456789012", "deadbeef-123-1234-1234-123456789012" },
		{ "a fe80::1 b", "a fe80::12345 b" },
		{ "a 10:11:12 b", "a 110:11:12 b" },
		{ "10:10:10 +0100 x", "10:10:10 +010 x" },
		{ "error 1", "errors 1" },
		{ "a 1 b 2", "a 1 b 2 3" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(pairs); i++)
		cr_expect_neq(hash_of(pairs[i][0]), hash_of(pairs[i][1]), "%s", pairs[i][0]);
}

Test(shape, of_an_empty_line_and_of_the_longest)
{
	char line[SL_SHAPE_LINE_MAX];
	memset(line, '7', sizeof(line));
	cr_expect_eq(sl_shape_hash(sl_span(NULL, 0)), hash_of(""));
	cr_expect_eq(sl_shape_hash(sl_span(line, sizeof(line))), hash_of("1"));
	line[0] = ' ';
	cr_expect_eq(sl_shape_hash(sl_span(line, sizeof(line))), hash_of(" 123"));
}

/* ---- whatever the line: one shape, one masked line ---- */

static const char *const parts[] = { " ", " ", " ", "\"", "'", "=", ",", ".", ":", "-", "/", "[",
	"]", "(", ")", "+", "_", "T", "Z", "Jun", "Sun", "Dec", "GET ", " HTTP/1.1\"", "0x", "a",
	"fe", "x", "z", "ms", "error", "://", "\t", "\x1b[", "m", "\xc2\xb5s", "::", "C:\\", "UTC",
	"\x01", "\\", "\\\"", ".go:", "] \"" };

struct line {
	char text[LINE];
	size_t len;
};

static void
add_text(struct line *line, const char *text)
{
	for (; *text && line->len < LINE; text++)
		line->text[line->len++] = *text;
}

static uint64_t
random_length(struct sl_random *random)
{
	return 1 + sl_random_below(random, sl_random_below(random, 2) ? 4 : 12);
}

/* Two lines of the same parts; what differs are digits and their number. */
static void
make_pair(struct sl_random *random, struct line *a, struct line *b)
{
	a->len = b->len = 0;
	uint64_t count = 1 + sl_random_below(random, sl_random_below(random, 10) ? 16 : 100);
	for (uint64_t i = 0; i < count; i++) {
		const char *part = parts[sl_random_below(random, SL_COUNT_OF(parts))];
		if (sl_random_below(random, 2)) {
			add_text(a, part);
			add_text(b, part);
			continue;
		}
		uint64_t len = random_length(random);
		uint64_t other = sl_random_below(random, 3) ? len : random_length(random);
		for (uint64_t digit = 0; digit < len && a->len < LINE; digit++)
			a->text[a->len++] = (char)('0' + sl_random_below(random, 10));
		for (uint64_t digit = 0; digit < other && b->len < LINE; digit++)
			b->text[b->len++] = (char)('0' + sl_random_below(random, 10));
	}
}

static struct sl_span
mask(const struct line *line, unsigned char *out)
{
	size_t len = sl_masks_apply((const unsigned char *)line->text, line->len, out);
	return sl_span((const char *)out, len);
}

Test(shape, lines_of_one_shape_are_equal_once_masked)
{
	struct sl_random random;
	static struct line a, b;
	unsigned char masked_a[LINE], masked_b[LINE];
	unsigned same = 0, other_length = 0;
	sl_random_init(&random, 1);
	for (unsigned round = 0; round < 300000; round++) {
		make_pair(&random, &a, &b);
		if (sl_shape_hash(sl_span(a.text, a.len)) != sl_shape_hash(sl_span(b.text, b.len)))
			continue;
		same++;
		other_length += a.len != b.len;
		struct sl_span one = mask(&a, masked_a), other = mask(&b, masked_b);
		cr_assert(sl_span_equal(one, other), "'%.*s' '%.*s': '%.*s' '%.*s'", (int)a.len,
			a.text, (int)b.len, b.text, (int)one.len, one.data, (int)other.len,
			other.data);
	}
	cr_assert(same > 10000 && other_length > 1000, "%u %u", same, other_length);
}

Test(shape, never_reads_behind_the_line)
{
	struct sl_random random;
	static struct line a, b;
	struct guard guard;
	sl_random_init(&random, 2);
	guard_init(&guard, LINE);
	for (unsigned round = 0; round < 5000; round++) {
		make_pair(&random, &a, &b);
		const char *placed = guard_place(&guard, a.text, a.len);
		cr_assert_eq(sl_shape_hash(sl_span(placed, a.len)),
			sl_shape_hash(sl_span(a.text, a.len)));
	}
	guard_release(&guard);
}
