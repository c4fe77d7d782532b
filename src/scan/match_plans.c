/*
 * match_plans.c - which literals share a plan.
 *
 *     up to FEW     one plan: a pair, or Teddy
 *     more          short ones, an empty one too, in plans of Teddy, the rest in tables of grams
 *
 * Literals that share a plan are neighbours in sorted order, so that those of a bucket of Teddy
 * begin alike. Short literals would make the grams of all others short, and their samples dense:
 * up to FEW of them are taken out if that lets the others be sampled much more sparsely.
 */
#include "sluice/scan/match_plans.h"

#include "sluice/base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

/* Literals of one plan of Teddy. With more than about twenty its buckets are blunt, and the tables
 * of grams are quicker where literals are long enough to be sampled. */
#define FEW ((size_t)SL_MATCH_LITERALS)

#define SHORT 3u /* bytes: grams of as many stand in too many words */

/* Plans of Teddy with short literals, at most: beyond, one of grams is less work. */
#define SHORT_PLANS 4u

static int
compare_texts(const void *left, const void *right)
{
	const struct sl_match_literal *a = left, *b = right;
	size_t len = SL_MIN(a->text.len, b->text.len);
	int order = len ? strncasecmp(a->text.data, b->text.data, len) : 0;
	if (order == 0)
		order = (a->text.len > b->text.len) - (a->text.len < b->text.len);
	if (order == 0 && len)
		order = memcmp(a->text.data, b->text.data, len);
	return order ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

static int
compare_lengths(const void *left, const void *right)
{
	const struct sl_match_literal *a = left, *b = right;
	return (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static void
sort(struct sl_match_literal *literals, size_t count,
	int (*compare)(const void *left, const void *right))
{
	if (count)
		qsort(literals, count, sizeof(*literals), compare);
}

static struct sl_match_plan *
add_plan(struct sl_match_plans *plans)
{
	if (plans->count == plans->cap) {
		size_t cap = plans->cap + 4;
		struct sl_match_plan *items = realloc(plans->items, cap * sizeof(*items));
		if (!items)
			return NULL;
		plans->items = items;
		plans->cap = cap;
	}
	struct sl_match_plan *plan = &plans->items[plans->count++];
	*plan = (struct sl_match_plan){ 0 };
	return plan;
}

/* What plans are made with. */
struct making {
	struct sl_match_plans *plans;
	bool ignore_case, is_prefilter;
};

static int
add_few(const struct making *making, const struct sl_match_literal *literals, size_t count)
{
	struct sl_span texts[SL_MATCH_LITERALS] = { 0 };
	struct sl_match_plan *plan = add_plan(making->plans);
	if (!plan)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		texts[i] = literals[i].text;
	int code = sl_match_plan_init(plan, texts, count, making->ignore_case);
	for (size_t i = 0; i < count && code == 0; i++)
		sl_match_plan_rank(plan, i, literals[i].rank);
	plan->is_prefilter = making->is_prefilter;
	return code;
}

/* Sorts them. */
static int
add_fews(const struct making *making, struct sl_match_literal *literals, size_t count)
{
	int code = 0;
	sort(literals, count, compare_texts);
	for (size_t from = 0; from < count && code == 0; from += FEW) {
		size_t some = SL_MIN(count - from, FEW);
		code = add_few(making, literals + from, some);
	}
	return code;
}

static int
add_grams(const struct making *making, const struct sl_match_literal *literals, size_t count)
{
	struct sl_match_plan *plan = add_plan(making->plans);
	if (!plan)
		return -ENOMEM;
	int code = sl_match_plan_init_grams(plan, literals, count, making->ignore_case);
	plan->is_prefilter = making->is_prefilter;
	return code;
}

/* Of literals sorted by length: how many are at most `len` bytes long. */
static size_t
count_up_to(const struct sl_match_literal *literals, size_t count, size_t len)
{
	size_t some = 0;
	while (some < count && literals[some].text.len <= len)
		some++;
	return some;
}

/* Of literals sorted by length: how many of the shortest are left to Teddy. */
static size_t
count_short(const struct sl_match_literal *literals, size_t count)
{
	size_t some = count_up_to(literals, count, SHORT);
	if (some > FEW * SHORT_PLANS)
		return count_up_to(literals, count, 1);
	if (some < FEW && count > FEW && literals[FEW].text.len >= 2 * literals[some].text.len)
		return count_up_to(literals, FEW, literals[FEW].text.len - 1);
	return some;
}

/* Of equal ones, which are neighbours, the first in the user's order is left. */
static size_t
drop_equal(struct sl_match_literal *literals, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || !sl_span_equal(literals[kept - 1].text, literals[i].text))
			literals[kept++] = literals[i];
	}
	return kept;
}

int
sl_match_plans_add(struct sl_match_plans *plans, struct sl_match_literal *literals, size_t count,
	bool ignore_case, bool is_prefilter)
{
	const struct making making = { plans, ignore_case, is_prefilter };
	sort(literals, count, compare_texts);
	count = drop_equal(literals, count);
	if (count <= FEW)
		return add_few(&making, literals, count);
	sort(literals, count, compare_lengths);
	size_t few = count_short(literals, count);
	int code = add_fews(&making, literals, few);
	if (code || few == count)
		return code;
	return count - few <= FEW ? add_fews(&making, literals + few, count - few)
				  : add_grams(&making, literals + few, count - few);
}

void
sl_match_plans_release(struct sl_match_plans *plans)
{
	for (size_t i = 0; i < plans->count; i++)
		sl_match_plan_release(&plans->items[i]);
	free(plans->items);
	*plans = (struct sl_match_plans){ 0 };
}

size_t
sl_match_plans_size(const struct sl_match_plans *plans)
{
	size_t size = plans->cap * sizeof(*plans->items);
	for (size_t i = 0; i < plans->count; i++)
		size += plans->items[i].grams ? sl_match_grams_size(plans->items[i].grams) : 0;
	return size;
}
