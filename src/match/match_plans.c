/*
 * match_plans.c - which literals share a plan.
 *
 * Teddy looks at every byte, but tells only some SHARP literals apart by its eight buckets: 16 ids
 * of 16 digits take 0.011 s for 100 MB, 64 of them 0.083. Tables of grams look at a sample, which
 * is the sparser the longer the shortest literal is: 0.068 s for 64 literals of 4 bytes, 0.015 for
 * those ids. So:
 *
 *     up to SHARP literals           one plan: a pair, or Teddy
 *     more, and long enough          tables
 *     short ones among long ones     Teddy, and tables for the others
 *     others                         Teddy, in plans of 64; tables if there are hundreds
 *
 * Literals that share a plan of Teddy are neighbours in sorted order, so that those of a bucket
 * begin alike.
 */
#include "sluice/match/match_plans.h"

#include "sluice/base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#define FEW ((size_t)SL_MATCH_LITERALS)

/* Literals that the buckets of Teddy tell apart well. */
#define SHARP 16u

/* Bytes of a literal: grams of as many are in too many words. */
#define SHORT 3u

/* Tables are worth it for so many literals times the bytes that the shortest has beyond SHORT. */
#define WORTH 64u

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
	int code = sl_match_plan_init_grams(
		plan, literals, count, making->ignore_case, making->plans->sample);
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

/* Of literals sorted by length: how many of the shortest are left to Teddy. A few of them are
 * taken out where that halves the samples of the others. */
static size_t
count_short(const struct sl_match_literal *literals, size_t count)
{
	size_t some = count_up_to(literals, count, SHORT);
	if (some > FEW * SHORT_PLANS)
		return count_up_to(literals, count, 1);
	if (some > SHARP || count <= SHARP)
		return some;
	size_t shortest = literals[some].text.len, next = literals[SHARP].text.len;
	return next - SHORT >= 2 * (shortest - SHORT) ? count_up_to(literals, SHARP, next - 1)
						      : some;
}

/* Of literals sorted by length. */
static bool
is_for_tables(const struct sl_match_literal *literals, size_t count)
{
	if (count > FEW)
		return true;
	size_t shortest = count ? literals[0].text.len : 0;
	return count > SHARP && shortest > SHORT && count * (shortest - SHORT) >= WORTH;
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
	if (!is_prefilter)
		count = drop_equal(literals, count);
	if (count <= SHARP)
		return add_few(&making, literals, count);
	sort(literals, count, compare_lengths);
	size_t few = count_short(literals, count);
	bool has_tables = is_for_tables(literals + few, count - few);
	int code = add_fews(&making, literals, has_tables ? few : count);
	if (code == 0 && has_tables)
		code = add_grams(&making, literals + few, count - few);
	return code;
}

int
sl_match_plans_add_few(struct sl_match_plans *plans, struct sl_match_literal *literals,
	size_t count, bool ignore_case)
{
	const struct making making = { plans, ignore_case, false };
	sl_assert(count <= FEW);
	sort(literals, count, compare_texts);
	return add_few(&making, literals, count);
}

int
sl_match_plans_add_classes(struct sl_match_plans *plans, const struct sl_match_classes *classes)
{
	struct sl_match_plan *plan = add_plan(plans);
	return plan ? sl_match_plan_init_classes(plan, classes) : -ENOMEM;
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
