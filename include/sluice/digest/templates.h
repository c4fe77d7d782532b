/*
 * templates.h - groups masked lines that differ in a few words, as Drain does (He et al. 2017): of
 * each group a template is made, in which those words are masked. Pure.
 *
 * Departures from Drain: the lines are masked already, and masks are no evidence that lines
 * are of one kind; lines are grouped all at once, in their sorted order, so that the groups depend
 * on the lines alone; and the tree has one level, the number of tokens, because headers that differ
 * by host must not keep lines apart. Nor do words with a mask in them, such as names of hosts.
 */
#ifndef SLUICE_DIGEST_TEMPLATES_H
#define SLUICE_DIGEST_TEMPLATES_H

#include "sluice/base/bytes.h"

struct sl_template;

struct sl_templates {
	struct sl_template *items;
	size_t count, cap;
	uint32_t *group_of; /* of each line: the number of its template */

	/* Private. */
	uint32_t *tokens; /* of all templates */
	size_t token_count, token_cap;
	uint32_t *newest; /* by number of tokens: the template made last, or 0, plus 1 */
};

/* `lines` are masked, sorted by their bytes, and must stay. Returns 0 or -ENOMEM; in both cases the
 * caller releases *templates. */
int sl_templates_make(
	struct sl_templates *templates, const struct sl_span *lines, size_t count) SL_MUST_CHECK;
void sl_templates_release(struct sl_templates *templates);

/* Append the text of a template: a masked line with SL_MASK_ANY where lines differ. */
void sl_templates_text(const struct sl_templates *templates, size_t index, struct sl_buf *out);

#endif
