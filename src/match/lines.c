#include "sluice/match/lines.h"

#define KERNEL_LEN 512u /* bytes from which a kernel counts newlines faster */

void
sl_lines_init(struct sl_lines *lines, const struct sl_match_kernel *kernel,
	const unsigned char *data, size_t len, const uint64_t *marks)
{
	*lines = (struct sl_lines){ .kernel = kernel, .data = data, .len = len, .marks = marks };
	if (len)
		lines->left = marks[0];
}

void
sl_lines_init_hits(
	struct sl_lines *lines, const unsigned char *data, const struct sl_match_hits *hits)
{
	sl_assert(hits->is_complete);
	*lines = (struct sl_lines){ .data = data, .hits = hits };
}

size_t
sl_lines_begin(const unsigned char *data, size_t from, size_t at)
{
	const unsigned char *newline = at > from ? memrchr(data + from, '\n', at - from) : NULL;
	return newline ? (size_t)(newline - data) + 1 : from;
}

/* The next word with a mark. Most have none. */
static bool
find_word(struct sl_lines *lines)
{
	const uint64_t *marks = lines->marks;
	size_t word = lines->word + 1, count = SL_MATCH_MARK_WORDS(lines->len);
	while (word + 4 <= count &&
		!(marks[word] | marks[word + 1] | marks[word + 2] | marks[word + 3]))
		word += 4;
	while (word < count && !marks[word])
		word++;
	lines->word = word;
	lines->left = word < count ? marks[word] : 0;
	return word < count;
}

/* Newlines in [counted, to). Where many lines match there are few, and memchr is faster than a
 * kernel, which goes byte by byte at the end. */
static uint64_t
count_newlines(const struct sl_lines *lines, size_t to)
{
	const unsigned char *at = lines->data + lines->counted, *end = lines->data + to;
	uint64_t count = 0;
	if ((size_t)(end - at) > KERNEL_LEN)
		return lines->kernel->newlines(at, (size_t)(end - at));
	while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
		count++;
		at++;
	}
	return count;
}

static bool
next_hit(struct sl_lines *lines, struct sl_line *line)
{
	if (lines->next_hit == lines->hits->count)
		return false;
	const struct sl_match_hit *hit = &lines->hits->items[lines->next_hit++];
	size_t begin = sl_lines_begin(lines->data, lines->begin, hit->end);
	lines->begin = hit->end + 1;
	*line = (struct sl_line){ lines->data + begin, hit->end - begin, hit->index };
	return true;
}

bool
sl_lines_next(struct sl_lines *lines, struct sl_line *line)
{
	if (lines->hits)
		return next_hit(lines, line);
	if (!lines->left && !find_word(lines))
		return false;
	size_t end = lines->word * 64 + (size_t)__builtin_ctzll(lines->left);
	lines->left &= lines->left - 1;
	size_t begin = sl_lines_begin(lines->data, lines->begin, end);
	lines->begin = end + 1;
	if (lines->kernel) {
		lines->newlines += count_newlines(lines, begin);
		lines->counted = begin;
	}
	*line = (struct sl_line){ lines->data + begin, end - begin, lines->newlines };
	return true;
}
