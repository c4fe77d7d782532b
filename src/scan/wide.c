/*
 * wide.c - searches for UTF-16 near NULs, which text does not have: the search itself costs 4 % of
 * the time of a scan.
 *
 * Each byte ends a pair, which may be a character in either byte order. Characters whose pairs
 * follow each other make a stretch; there are four at a time, by byte order and by whether pairs
 * begin at even or odd bytes. Whether a byte decides depends on no more than the SL_WIDE_EDGE bytes
 * before it.
 *
 * Binary data has a NUL every few bytes. Behind one, six bytes are looked at from every fourth byte
 * on: a stretch that decides has nine at least, and so contains six of them as a whole, at most
 * three bytes behind its beginning.
 */
#include "sluice/scan/wide.h"

#define LOOK 6u /* bytes that are looked at */
#define STEP 4u /* from one look to the next */

/* Looked at behind a NUL before the next one is searched for: as much as that costs. */
#define LOOKS 16u

size_t
sl_wide_count_nuls(const unsigned char *data, size_t len)
{
	size_t count = 0;
	uint64_t word = 0;
	for (; count + sizeof(word) <= len; count += sizeof(word)) {
		memcpy(&word, data + count, sizeof(word));
		if (word)
			break;
	}
	while (count < len && data[count] == 0)
		count++;
	return count;
}

struct stretch {
	unsigned chars;
	unsigned line; /* those after its last newline */
};

/* The pair of this order ends a stretch. True if it decides. */
static bool
add_pair(struct stretch *stretch, const unsigned char *pair, size_t low)
{
	if (!sl_wide_is_ascii(pair, low)) {
		*stretch = (struct stretch){ 0 };
		return false;
	}
	bool is_newline = pair[low] == '\n';
	bool ends_line = is_newline && stretch->line >= SL_WIDE_LINE;
	stretch->line = is_newline ? 0 : stretch->line + 1;
	return ++stretch->chars >= SL_WIDE_RUN || ends_line;
}

/*
 * From `begin`, before which no stretch begins that goes on there. Returns the byte that decides;
 * or len, and *end is where none of the stretches goes on, `until` or later, or a NUL before that.
 */
static size_t
follow(const unsigned char *data, size_t len, size_t begin, size_t until, size_t *end)
{
	struct stretch stretches[2][2] = { 0 }; /* by the place of the low byte, and of the pair */
	size_t at = begin ? begin : 1;
	for (bool goes_on = true; (goes_on || at < until) && at < len; at++) {
		struct stretch *le = &stretches[0][at % 2], *be = &stretches[1][at % 2];
		/* The low byte of a newline comes first here: the line is over already. */
		if (data[at] == '\n' && stretches[0][1 - at % 2].line >= SL_WIDE_LINE)
			return at;
		if (add_pair(le, data + at - 1, 0) || add_pair(be, data + at - 1, 1))
			return at;
		goes_on = le->chars || be->chars;
	}
	*end = at < len && data[at - 1] == 0 ? at - 1 : at;
	return len;
}

/* LOOK bytes that may be characters, in either order. */
static bool
may_be_wide(const unsigned char *data)
{
	unsigned even = data[0] | data[2] | data[4], odd = data[1] | data[3] | data[5];
	if ((even && odd) || even == odd)
		return false;
	size_t low = even ? 0 : 1;
	return sl_wide_is_ascii(data, low) && sl_wide_is_ascii(data + 2, low) &&
	       sl_wide_is_ascii(data + 4, low);
}

/* From `begin`: where the bytes may be wide, or behind LOOKS looks at bytes that are not. */
static size_t
skip(const unsigned char *data, size_t len, size_t begin)
{
	size_t at = begin, end = SL_MIN(len, begin + LOOKS * STEP);
	while (at + LOOK <= end && !may_be_wide(data + at))
		at += STEP;
	return at;
}

/* The first byte that decides, or len. */
static size_t
find(const unsigned char *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		const unsigned char *nul = memchr(data + at, '\0', len - at);
		if (!nul)
			break;
		size_t begin = (size_t)(nul - data);
		begin = SL_MAX(at, begin ? begin - 1 : 0);
		at = skip(data, len, begin);
		if (at + LOOK <= len && !may_be_wide(data + at))
			continue;
		size_t found = follow(data, len, at > STEP ? at - STEP : 0, at + STEP, &at);
		if (found < len)
			return found;
	}
	return len;
}

/* How many bytes before `at` are lines. */
static size_t
lines_len(const unsigned char *data, size_t at)
{
	const unsigned char *newline = memrchr(data, '\n', at);
	return newline ? (size_t)(newline - data) + 1 : 0;
}

void
sl_wide_search(struct sl_wide *wide, const unsigned char *data, size_t len)
{
	size_t edge = SL_MIN(len, (size_t)SL_WIDE_EDGE), at = find(data, len);
	wide->len = len;
	wide->is_found = at < len;
	wide->at = at;
	wide->text_len = wide->is_found ? lines_len(data, at) : 0;
	wide->open_len = wide->is_found ? 0 : len - lines_len(data, len);
	wide->head_len = wide->tail_len = (unsigned char)edge;
	if (edge == 0)
		return;
	memcpy(wide->head, data, edge);
	memcpy(wide->tail, data + len - edge, edge);
}

void
sl_wide_set_zeros(struct sl_wide *wide, uint64_t len)
{
	*wide = (struct sl_wide){ .len = len, .open_len = len };
	wide->head_len = wide->tail_len = (unsigned char)SL_MIN(len, (uint64_t)SL_WIDE_EDGE);
}

/* ---- merging ---- */

/* What decides in the head of the right run, together with the tail of the left one, in which
 * nothing does: its offset there, or the head's length. */
static size_t
find_at_cut(const struct sl_wide *left, const struct sl_wide *right)
{
	unsigned char cut[2 * SL_WIDE_EDGE];
	size_t before = left->tail_len, len = before + right->head_len;
	if (!memchr(left->tail, '\0', before) && !memchr(right->head, '\0', right->head_len))
		return right->head_len;
	memcpy(cut, left->tail, before);
	memcpy(cut + before, right->head, right->head_len);
	return find(cut, len) - before;
}

static void
set_found(struct sl_wide *left, uint64_t at, uint64_t text_len)
{
	left->is_found = true;
	left->at = left->len + at;
	left->text_len = text_len ? left->len + text_len : left->len - left->open_len;
}

static void
merge_heads(struct sl_wide *left, const struct sl_wide *right)
{
	size_t some = SL_MIN(SL_WIDE_EDGE - (size_t)left->head_len, (size_t)right->head_len);
	memcpy(left->head + left->head_len, right->head, some);
	left->head_len = (unsigned char)(left->head_len + some);
}

static void
merge_tails(struct sl_wide *left, const struct sl_wide *right)
{
	size_t some = SL_MIN(SL_WIDE_EDGE - (size_t)right->tail_len, (size_t)left->tail_len);
	memmove(left->tail, left->tail + left->tail_len - some, some);
	memcpy(left->tail + some, right->tail, right->tail_len);
	left->tail_len = (unsigned char)(some + right->tail_len);
}

void
sl_wide_merge(struct sl_wide *left, const struct sl_wide *right)
{
	if (!left->is_found) {
		size_t at = find_at_cut(left, right);
		if (at < right->head_len && !(right->is_found && right->at <= at))
			set_found(left, at, lines_len(right->head, at));
		else if (right->is_found)
			set_found(left, right->at, right->text_len);
	}
	bool has_newline = right->open_len < right->len;
	left->open_len = has_newline ? right->open_len : left->open_len + right->len;
	merge_heads(left, right);
	merge_tails(left, right);
	left->len += right->len;
}
