/*
 * Lines of any bytes in a small digest: their counts add up, whatever is grouped and dropped; what
 * is masked is never longer than the line and can be read back from what is shown; and two halves
 * merge to what the whole is while nothing is full.
 */
#include "fuzz/fuzz.h"
#include "sluice/digest/kinds.h"
#include "sluice/digest/masks.h"

#include <string.h>

#define MOST (64u * 1024u)
#define LARGE (64 * SL_MIB)

static struct sl_memo *memo;

static void
check_masks(struct sl_span line)
{
	static unsigned char masked[MOST];
	struct sl_buf shown = { 0 }, read = { 0 }, again = { 0 };
	size_t len = sl_masks_apply((const unsigned char *)line.data, line.len, masked);
	must(len <= line.len);
	for (size_t i = 0; i < len; i++)
		must(masked[i] >= ' ' || (masked[i] && masked[i] < SL_MASK_END));
	sl_masks_show(&shown, sl_span((const char *)masked, len));
	sl_masks_read(&read, sl_buf_span(&shown));
	sl_masks_show(&again, sl_buf_span(&read));
	must(sl_span_equal(sl_buf_span(&shown), sl_buf_span(&again)));
	sl_buf_release(&shown);
	sl_buf_release(&read);
	sl_buf_release(&again);
}

static void
add_lines(struct sl_kinds *kinds, const uint8_t *data, size_t len, uint64_t first)
{
	for (size_t off = 0; off < len; first++) {
		const uint8_t *newline = memchr(data + off, '\n', len - off);
		size_t end = newline ? (size_t)(newline - data) : len;
		struct sl_span line = sl_span((const char *)data + off, end - off);
		check_masks(line);
		must(sl_kinds_add(kinds, memo, line, (struct sl_kinds_place){ .line = first }) ==
			0);
		off = end + 1;
	}
}

static void
check_sum(struct sl_kinds *kinds, uint64_t lines)
{
	size_t count;
	const struct sl_kind *sorted = sl_kinds_sort(kinds, &count);
	uint64_t sum = sl_kinds_dropped(kinds);
	for (size_t i = 0; i < count; i++) {
		sum += sorted[i].count;
		must(i == 0 || sorted[i - 1].count >= sorted[i].count);
	}
	must(sum == lines && sl_kinds_lines(kinds) == lines);
}

static void
check_same(struct sl_kinds *a, struct sl_kinds *b)
{
	size_t count, other_count;
	const struct sl_kind *left = sl_kinds_sort(a, &count);
	const struct sl_kind *right = sl_kinds_sort(b, &other_count);
	must(count == other_count);
	for (size_t i = 0; i < count; i++) {
		must(sl_span_equal(left[i].text, right[i].text));
		must(sl_span_equal(left[i].example, right[i].example));
		must(left[i].count == right[i].count);
		must(left[i].first.line == right[i].first.line);
		must(left[i].last.line == right[i].last.line);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_kinds *small = sl_kinds_new(SL_KINDS_BYTES_MIN), *whole = sl_kinds_new(LARGE);
	struct sl_kinds *left = sl_kinds_new(LARGE), *right = sl_kinds_new(LARGE);
	uint64_t lines = 0, before = 0;
	memo = sl_memo_new(SL_MEMO_BYTES_MIN);
	len = SL_MIN(len, (size_t)MOST);
	const uint8_t *middle = len ? memchr(data + len / 2, '\n', len - len / 2) : NULL;
	size_t cut = middle ? (size_t)(middle - data) + 1 : len;
	for (size_t i = 0; i < len; i++) {
		lines += data[i] == '\n' || i == len - 1;
		before += i < cut && data[i] == '\n';
	}
	add_lines(small, data, len, 0);
	add_lines(whole, data, len, 0);
	check_sum(small, lines);
	must(sl_kinds_group(small) == 0);
	check_sum(small, lines);
	add_lines(left, data, cut, 0);
	add_lines(right, data + cut, len - cut, 0);
	must(sl_kinds_merge(left, right, (struct sl_kinds_place){ .line = before }) == 0);
	check_same(whole, left);
	must(sl_kinds_group(whole) == 0 && sl_kinds_group(left) == 0);
	check_same(whole, left);
	check_sum(whole, lines);
	sl_kinds_free(small);
	sl_kinds_free(whole);
	sl_kinds_free(left);
	sl_kinds_free(right);
	sl_memo_free(memo);
	return 0;
}
