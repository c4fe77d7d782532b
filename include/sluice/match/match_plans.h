/*
 * match_plans.h - divides the literals of a set into plans: as few passes over the text as they
 * allow, each with the filter that suits its literals.
 *
 * Pure: no I/O.
 */
#ifndef SLUICE_MATCH_MATCH_PLANS_H
#define SLUICE_MATCH_MATCH_PLANS_H

#include "sluice/match/match_plan.h"

/* {0} is empty. In its owner's memory. */
struct sl_match_plans {
	struct sl_match_plan *items; /* not joined yet */
	size_t count, cap;
	struct sl_span sample; /* text like that which will be searched, for plans that are added;
				  or empty */
};

/*
 * Append plans for `count` literals of at most SL_MATCH_LITERAL_LEN bytes, which are sorted; their
 * bytes are copied. Of equal literals that decide only the first is kept. For no literals, a plan
 * that matches nothing. Returns 0, -ENOMEM, or SL_E_LIMIT for a literal that is too long or has a
 * newline.
 */
int sl_match_plans_add(struct sl_match_plans *plans, struct sl_match_literal *literals,
	size_t count, bool ignore_case, bool is_prefilter) SL_MUST_CHECK;

/* Append one plan for them, which decides. There are at most SL_MATCH_LITERALS. */
int sl_match_plans_add_few(struct sl_match_plans *plans, struct sl_match_literal *literals,
	size_t count, bool ignore_case) SL_MUST_CHECK;

/* Append a plan for a sequence of classes, which decides. */
int sl_match_plans_add_classes(
	struct sl_match_plans *plans, const struct sl_match_classes *classes) SL_MUST_CHECK;

void sl_match_plans_release(struct sl_match_plans *plans);

/* Memory that they take, in bytes. */
size_t sl_match_plans_size(const struct sl_match_plans *plans);

#endif
