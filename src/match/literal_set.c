#include "sluice/match/literal_set.h"

#include "match_int.h"

/*
 * What more literals cost, in candidates: a candidate is a line that is matched by PCRE2, some 150
 * ns. A pair of bytes is looked for in 0.03 ns a byte, several literals in 0.1 and many in up to
 * 0.7.
 */
#define COST_OF_SEVERAL 0.0005
#define COST_OF_MANY 0.003
#define SEVERAL 16u

void
sl_literal_set_release(struct sl_literal_set *set)
{
	sl_buf_release(&set->bytes);
	*set = (struct sl_literal_set){ 0 };
}

void
sl_literal_set_move(struct sl_literal_set *to, struct sl_literal_set *from)
{
	sl_literal_set_release(to);
	*to = *from;
	*from = (struct sl_literal_set){ 0 };
}

bool
sl_literal_set_add(struct sl_literal_set *set, struct sl_span literal)
{
	if (set->count == SL_LITERAL_SET_MAX || literal.len > SL_MATCH_LITERAL_LEN)
		return false;
	sl_buf_add(&set->bytes, literal.data, literal.len);
	set->len[set->count++] = (unsigned char)literal.len;
	return true;
}

struct sl_span
sl_literal_set_next(const struct sl_literal_set *set, unsigned index, size_t *at)
{
	size_t from = *at;
	if (set->bytes.failed)
		return sl_span("", 0);
	*at += set->len[index];
	return sl_span(set->bytes.data ? set->bytes.data + from : "", set->len[index]);
}

bool
sl_literal_set_unite(struct sl_literal_set *set, const struct sl_literal_set *other)
{
	if (set->count + other->count > SL_LITERAL_SET_MAX)
		return false;
	size_t at = 0;
	for (unsigned i = 0; i < other->count; i++)
		(void)sl_literal_set_add(set, sl_literal_set_next(other, i, &at));
	set->ignore_case = set->ignore_case || other->ignore_case;
	set->bytes.failed = set->bytes.failed || other->bytes.failed;
	return true;
}

static unsigned
longest(const struct sl_literal_set *set)
{
	unsigned most = 0;
	for (unsigned i = 0; i < set->count; i++)
		most = SL_MAX(most, (unsigned)set->len[i]);
	return most;
}

bool
sl_literal_set_append(struct sl_literal_set *set, const struct sl_literal_set *other)
{
	if (set->count * other->count > SL_LITERAL_SET_MAX ||
		longest(set) + longest(other) > SL_MATCH_LITERAL_LEN)
		return false;
	struct sl_literal_set product = { .count = set->count * other->count,
		.ignore_case = set->ignore_case || other->ignore_case };
	product.bytes.failed = set->bytes.failed || other->bytes.failed;
	size_t at = 0;
	for (unsigned i = 0, made = 0; i < set->count; i++) {
		struct sl_span left = sl_literal_set_next(set, i, &at);
		size_t other_at = 0;
		for (unsigned k = 0; k < other->count; k++) {
			struct sl_span right = sl_literal_set_next(other, k, &other_at);
			sl_buf_add(&product.bytes, left.data, left.len);
			sl_buf_add(&product.bytes, right.data, right.len);
			product.len[made++] = (unsigned char)(left.len + right.len);
		}
	}
	sl_literal_set_move(set, &product);
	return true;
}

double
sl_literal_set_cost(const struct sl_literal_set *set)
{
	double sum = 0;
	size_t at = 0;
	for (unsigned i = 0; i < set->count; i++) {
		struct sl_span literal = sl_literal_set_next(set, i, &at);
		double product = 1;
		for (size_t k = 0; k < literal.len; k++)
			product *= sl_match_frequency((unsigned char)literal.data[k]);
		sum += product;
	}
	if (set->count == 0 || sum > 1)
		return 1;
	return sum + (set->count == 1 ? 0 : set->count <= SEVERAL ? COST_OF_SEVERAL : COST_OF_MANY);
}
