/*
 * fragment.c - what is kept of a part of a line, and merged with the part that follows.
 *
 * Shown of a line of `len` bytes, if len > keep, whose first literal begins at `literal`:
 *
 *     [begin, begin + keep)  where  begin = literal - before, not below 0
 *
 * Of a fragment are kept, in its own offsets, with edge = one less than the longest literal:
 *
 *     first:  [0, keep)
 *     rest:   [literal - before, literal - before + keep)    if it has a literal
 *             [len - edge - before, len)                     if it has none
 *
 * Why that is enough, whatever fragments come before and behind. The first literal of the line
 *   lies before the fragment, or spans its beginning:  what is shown of the fragment is a prefix,
 *                                   shorter than keep, because `begin` lies before the fragment.
 *   is the fragment's first one:    if begin lies in the fragment, this is `rest`; if it lies
 *                                   before, a prefix again.
 *   spans the fragment's end, or lies behind it:  it begins not before len - edge, so that what is
 *                                   shown of the fragment begins not before the second `rest`.
 * So the first literal of two fragments is that of the left one; or the one that spans the cut,
 * found in `edge` bytes of both; or that of the right one. What is kept of both together is a part
 * of what is kept of each. Nothing comes before a fragment that begins its line: once it is longer
 * than `keep` it has only `rest`, which then is what is shown or may be; and `first`, if the rule
 * keeps it for lines that are shown without a match.
 *
 * A fragment of at most `keep` bytes is all `first`, and is not searched for literals: most lines
 * are short, and never need it. Without a literal `rest` may begin earlier than it must: bytes are
 * dropped when there are more than `keep`, so that adding few at a time does not move all.
 */
#include "sluice/scan/fragment.h"

#include <errno.h>

static const unsigned char zeros[2 * SL_MATCH_LITERAL_LEN];

void
sl_fragment_release(struct sl_fragment *fragment)
{
	sl_buf_release(&fragment->text);
	*fragment = (struct sl_fragment){ 0 };
}

void
sl_fragment_clear(struct sl_fragment *fragment)
{
	struct sl_buf text = fragment->text;
	sl_buf_clear(&text);
	*fragment = (struct sl_fragment){ .text = text };
}

struct sl_fragment_view
sl_fragment_view(const struct sl_fragment *fragment)
{
	const unsigned char *text = (const unsigned char *)fragment->text.data;
	return (struct sl_fragment_view){ .len = fragment->len,
		.is_searched = fragment->is_searched,
		.last = fragment->last,
		.literal = fragment->literal,
		.first = text,
		.first_len = fragment->first,
		.rest = text ? text + fragment->first : NULL,
		.rest_off = fragment->rest_off,
		.rest_len = fragment->text.len - fragment->first };
}

struct sl_fragment_view
sl_fragment_of(const unsigned char *data, uint64_t len)
{
	return (struct sl_fragment_view){ .len = len,
		.last = data && len ? data[len - 1] : '\0',
		.first = data,
		.first_len = len,
		.rest_off = len };
}

/* ---- literals ---- */

static size_t
edge_of(const struct sl_fragment_rule *rule)
{
	return rule->plan->reach ? rule->plan->reach - 1 : 0;
}

static uint64_t
find(const struct sl_fragment_rule *rule, const unsigned char *text, size_t len)
{
	size_t begin, end;
	bool found = sl_match_find(rule->plan, text, len, 0, &begin, &end);
	return found ? begin : SL_FRAGMENT_NO_LITERAL;
}

/* If it was not searched, all of it is there. */
static uint64_t
literal_of(const struct sl_fragment_rule *rule, const struct sl_fragment_view *view)
{
	if (view->is_searched)
		return view->literal;
	if (view->first)
		return find(rule, view->first, (size_t)view->first_len);
	return find(rule, zeros, (size_t)SL_MIN(view->first_len, sizeof(zeros)));
}

/* Of text that is kept: from + len is at most the end of `first`, or of `rest`. */
static void
copy_part(unsigned char *to, const unsigned char *part, uint64_t off, size_t len)
{
	if (len && part)
		memcpy(to, part + off, len);
	else
		memset(to, 0, len);
}

/* Bytes [from, from + len), all of which are kept. */
static void
copy(unsigned char *to, const struct sl_fragment_view *view, uint64_t from, size_t len)
{
	size_t head = from < view->first_len ? (size_t)SL_MIN(view->first_len - from, len) : 0;
	copy_part(to, view->first, from, head);
	if (head == len)
		return;
	from += head;
	sl_assert(from >= view->rest_off && from + len - head <= view->rest_off + view->rest_len);
	copy_part(to + head, view->rest, from - view->rest_off, len - head);
}

/* Where the literal begins that spans the end of *left, which has none, and the beginning of
 * *right. */
static uint64_t
find_spanning(const struct sl_fragment_rule *rule, const struct sl_fragment_view *left,
	const struct sl_fragment_view *right)
{
	unsigned char joint[2 * SL_MATCH_LITERAL_LEN];
	size_t cut = (size_t)SL_MIN(left->len, edge_of(rule));
	size_t more = (size_t)SL_MIN(right->len, edge_of(rule));
	copy(joint, left, left->len - cut, cut);
	copy(joint + cut, right, 0, more);
	uint64_t begin = cut ? find(rule, joint, cut + more) : SL_FRAGMENT_NO_LITERAL;
	return begin < cut ? left->len - cut + begin : SL_FRAGMENT_NO_LITERAL;
}

static uint64_t
find_first(const struct sl_fragment_rule *rule, const struct sl_fragment_view *left,
	const struct sl_fragment_view *right)
{
	uint64_t found = left->len ? literal_of(rule, left) : SL_FRAGMENT_NO_LITERAL;
	if (found == SL_FRAGMENT_NO_LITERAL)
		found = find_spanning(rule, left, right);
	if (found != SL_FRAGMENT_NO_LITERAL)
		return found;
	found = literal_of(rule, right);
	return found == SL_FRAGMENT_NO_LITERAL ? found : left->len + found;
}

/* ---- adding ---- */

/* Bytes [from, end) of *more become the last that are kept. */
static int
append(struct sl_fragment *fragment, const struct sl_fragment_view *more, uint64_t from,
	uint64_t end)
{
	struct sl_buf *text = &fragment->text;
	if (from >= end)
		return 0;
	size_t len = (size_t)(end - from);
	if (!sl_buf_reserve(text, len))
		return -ENOMEM;
	copy((unsigned char *)text->data + text->len, more, from, len);
	text->len += len;
	text->data[text->len] = '\0';
	return 0;
}

/* As long as all bytes are in `first`, the next ones are, up to `keep`. */
static int
fill_first(const struct sl_fragment_rule *rule, struct sl_fragment *fragment,
	const struct sl_fragment_view *more)
{
	if (fragment->first < fragment->len || fragment->first == rule->keep)
		return 0;
	size_t room = rule->keep - fragment->first;
	int code = append(fragment, more, 0, SL_MIN(more->len, room));
	fragment->first = fragment->rest_off = fragment->text.len;
	return code;
}

/* Drop what is kept of [rest_off, begin). */
static void
drop(struct sl_fragment *fragment, uint64_t begin)
{
	struct sl_buf *text = &fragment->text;
	size_t to = fragment->first;
	size_t from = (size_t)SL_MIN(to + (begin - fragment->rest_off), text->len);
	if (from < text->len)
		memmove(text->data + to, text->data + from, text->len - from);
	text->len -= from - to;
	fragment->rest_off = begin;
}

/* Together they are longer than `keep`. */
static int
add_rest(const struct sl_fragment_rule *rule, struct sl_fragment *fragment,
	const struct sl_fragment_view *more, uint64_t len)
{
	bool has_literal = fragment->literal != SL_FRAGMENT_NO_LITERAL;
	uint64_t begin = has_literal ? fragment->literal : len - SL_MIN(edge_of(rule), len);
	begin -= SL_MIN(sl_fragment_before(rule), begin);
	uint64_t end = has_literal ? SL_MIN(len, begin + rule->keep) : len;
	begin = SL_MAX(begin, fragment->first);
	uint64_t kept_end = fragment->rest_off + fragment->text.len - fragment->first;
	uint64_t kept = SL_MAX(end, kept_end) - fragment->rest_off;
	if (begin > fragment->rest_off && (has_literal || begin >= kept_end || kept > rule->keep))
		drop(fragment, begin);
	kept_end = SL_MAX(kept_end, begin);
	return append(fragment, more, kept_end - SL_MIN(fragment->len, kept_end),
		end - SL_MIN(fragment->len, end));
}

int
sl_fragment_add(const struct sl_fragment_rule *rule, struct sl_fragment *fragment,
	const struct sl_fragment_view *more)
{
	uint64_t len = fragment->len + more->len;
	sl_assert(rule->keep >= SL_FRAGMENT_KEEP_MIN);
	if (more->len == 0)
		return 0;
	bool is_long = rule->keeps_text && !rule->confirms && len > rule->keep;
	bool has_first =
		rule->keeps_text && (rule->keeps_first || !(is_long && fragment->begins_line));
	if (is_long) {
		struct sl_fragment_view left = sl_fragment_view(fragment);
		fragment->literal = find_first(rule, &left, more);
		fragment->is_searched = true;
		if (!has_first && fragment->first) /* what was all of it becomes `rest` */
			fragment->first = fragment->rest_off = 0;
	}
	int code = has_first ? fill_first(rule, fragment, more) : 0;
	if (code == 0 && is_long)
		code = add_rest(rule, fragment, more, len);
	fragment->len = len;
	fragment->last = more->last;
	return code;
}

struct sl_fragment_cut
sl_fragment_cut(const struct sl_fragment_rule *rule, const struct sl_fragment_view *line)
{
	struct sl_fragment_cut cut = { (const unsigned char *)"", 0, 0 };
	if (!rule->keeps_text)
		return cut;
	bool is_long = !rule->confirms && line->len > rule->keep;
	uint64_t literal = is_long ? literal_of(rule, line) : 0;
	if (literal != SL_FRAGMENT_NO_LITERAL)
		cut.skipped = literal - SL_MIN(sl_fragment_before(rule), literal);
	cut.len = (size_t)SL_MIN(line->len - cut.skipped, rule->keep);
	/* It is contiguous: `rest` follows `first` in memory, or `first` does not reach it. */
	if (cut.len && cut.skipped < line->first_len)
		cut.text = line->first + cut.skipped;
	else if (cut.len)
		cut.text = line->rest + (cut.skipped - line->rest_off);
	return cut;
}

struct sl_fragment_cut
sl_fragment_cut_first(const struct sl_fragment_rule *rule, const struct sl_fragment_view *line)
{
	struct sl_fragment_cut cut = { (const unsigned char *)"", 0, 0 };
	sl_assert(rule->keeps_first || rule->confirms);
	cut.len = (size_t)SL_MIN(line->first_len, rule->keep);
	if (cut.len)
		cut.text = line->first;
	return cut;
}
