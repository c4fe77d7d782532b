#include "sluice/scan/lines.h"

#define KERNEL_LEN 512u /* bytes from which a kernel counts newlines faster */

void
sl_lines_init(struct sl_lines *lines, const struct sl_match_kernel *kernel,
	const unsigned char *data, size_t len, const uint64_t *marks)
{
	*lines = (struct sl_lines){ .kernel = kernel, .data = data, .len = len, .marks = marks };
	if (len)
		lines->left = marks[0];
}

size_t
sl_lines_begin(const unsigned char *data, size_t from, size_t at)
{
	const unsigned char *newline = at > from ? memrchr(data + from, '\n', at - from) : NULL;
	return newline ? (size_t)(newline - data) + 1 : from;
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

bool
sl_lines_next(struct sl_lines *lines, struct sl_line *line)
{
	while (!lines->left) {
		if (++lines->word >= SL_MATCH_MARK_WORDS(lines->len))
			return false;
		lines->left = lines->marks[lines->word];
	}
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
