#include "plain_check_int.h"

static struct sl_span
span_of(const struct sl_subject *line)
{
	return sl_span((const char *)line->text, line->len);
}

/* The word that makes the level. */
static enum sl_verdict
find_level(const struct sl_pattern_check *check, const struct sl_subject *line, size_t from,
	struct sl_lexicon_place *place)
{
	struct sl_level_found found = sl_level_find(span_of(line));
	if (found.level < check->level || found.begin < from)
		return SL_VERDICT_NO;
	*place = (struct sl_lexicon_place){ found.begin, found.end, check->rank };
	return SL_VERDICT_YES;
}

/* A check without PCRE2: where a literal stands. Linear in the line. */
enum sl_verdict
sl_plain_check_find(const struct sl_pattern_check *check, const struct sl_subject *line,
	size_t from, struct sl_lexicon_place *place)
{
	bool is_open = false;
	if (from > line->len)
		return SL_VERDICT_NO;
	if (check->level)
		return find_level(check, line, from, place);
	if (check->lexicon) {
		if (sl_lexicon_find(check->lexicon, line->text, line->len, line->goes_on, from,
			    place, &is_open))
			return SL_VERDICT_YES;
		bool is_bound = check->lexicon->bounds == SL_BOUNDS_LINE;
		bool may_follow = is_bound ? is_open : line->goes_on;
		return may_follow ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
	}
	const struct sl_span *literal = &check->literal;
	const unsigned char *at =
		memmem(line->text + from, line->len - from, literal->data, literal->len);
	if (!at)
		return line->goes_on ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
	size_t begin = (size_t)(at - line->text);
	*place = (struct sl_lexicon_place){ begin, begin + literal->len, check->rank };
	return SL_VERDICT_YES;
}
