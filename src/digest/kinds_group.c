/*
 * kinds_group.c - a digest becomes smaller: similar kinds become one, and if that is not enough,
 * those are dropped that were not used for the longest time.
 */
#include "kinds_int.h"

#include "sluice/digest/shape.h"
#include "sluice/digest/templates.h"

#include <errno.h>
#include <stdlib.h>

/* When similar kinds were joined and so much of the digest is still in use, kinds are dropped. */
#define FULL_PERCENT 75u
#define KEPT_PERCENT 50u

/* ---- making it smaller ---- */

int
sl_kinds_compare_text(const void *a, const void *b)
{
	struct sl_span left = ((const struct sl_kind *)a)->text;
	struct sl_span right = ((const struct sl_kind *)b)->text;
	int order = memcmp(left.data, right.data, SL_MIN(left.len, right.len));
	return order ? order : (left.len > right.len) - (left.len < right.len);
}

static int
compare_texts(const void *a, const void *b)
{
	return sl_kinds_compare_text(*(const void *const *)a, *(const void *const *)b);
}

static int
compare_uses(const void *a, const void *b)
{
	uint64_t left = (*(const struct sl_kind *const *)a)->used;
	uint64_t right = (*(const struct sl_kind *const *)b)->used;
	return (left < right) - (left > right);
}

/* The kinds, which stay where they are since they are large, in that order; NULL if out of
 * memory. */
static const struct sl_kind **
sort(const struct sl_kinds *kinds, int (*compare)(const void *, const void *))
{
	const struct sl_kind **order = reallocarray(NULL, kinds->count + 1, sizeof(*order));
	if (!order)
		return NULL;
	for (size_t i = 0; i < kinds->count; i++)
		order[i] = &kinds->items[i];
	qsort(order, kinds->count, sizeof(*order), compare);
	return order;
}

/* The kinds become those of the other digest, which has the old ones afterwards. All else stays as
 * it is: lines, notes, and digests that were taken. */
static void
replace(struct sl_kinds *kinds, struct sl_kinds *other)
{
	struct sl_kinds old = *kinds;
	kinds->items = other->items;
	kinds->count = other->count;
	kinds->cap = other->cap;
	kinds->slots = other->slots;
	kinds->blocks = other->blocks;
	kinds->block_count = other->block_count;
	kinds->clock = other->clock;
	sl_kinds_change_state(kinds);
	other->items = old.items;
	other->count = old.count;
	other->cap = old.cap;
	other->slots = old.slots;
	other->blocks = old.blocks;
	other->block_count = old.block_count;
	sl_kinds_count_memory(kinds);
	sl_kinds_count_memory(other);
}

static struct sl_kinds *
new_like(const struct sl_kinds *kinds)
{
	struct sl_kinds *other = calloc(1, sizeof(*other));
	if (!other)
		return NULL;
	other->most = kinds->most;
	other->blocks_most = kinds->blocks_most;
	other->budget = kinds->budget;
	return other;
}

/* A kind with the text of its template, and the hash of that. The order of uses is kept. */
static int
add_grouped(struct sl_kinds *grouped, struct sl_kind kind, struct sl_span text, uint64_t hash)
{
	kind.text = text;
	kind.hash = hash;
	const struct sl_kind *found = sl_kinds_find(grouped, text, hash);
	uint64_t used = found ? SL_MAX(found->used, kind.used) : kind.used;
	size_t index;
	int code = sl_kinds_insert(grouped, &kind, &index);
	if (code == 0)
		grouped->items[index].used = used;
	return code;
}

/* The kinds are sorted by text: those of a template often come together. */
static int
add_all_grouped(const struct sl_kinds *kinds, const struct sl_kind *const *order,
	const struct sl_templates *templates, struct sl_kinds *grouped)
{
	const uint32_t *group_of = templates->group_of;
	struct sl_buf text = { 0 };
	uint64_t hash = 0;
	int code = 0;
	for (size_t i = 0; i < kinds->count && code == 0; i++) {
		if (i == 0 || group_of[i] != group_of[i - 1]) {
			sl_buf_clear(&text);
			sl_templates_text(templates, group_of[i], &text);
			hash = sl_shape_hash_text(sl_buf_span(&text));
		}
		code = text.failed ? -ENOMEM
				   : add_grouped(grouped, *order[i], sl_buf_span(&text), hash);
	}
	sl_buf_release(&text);
	grouped->clock = kinds->clock;
	return code;
}

static int
make_templates(const struct sl_kind *const *order, size_t count, struct sl_templates *templates)
{
	struct sl_span *lines = calloc(count + 1, sizeof(*lines));
	*templates = (struct sl_templates){ 0 };
	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		lines[i] = order[i]->text;
	int code = sl_templates_make(templates, lines, count);
	free(lines);
	return code;
}

int
sl_kinds_join_similar(struct sl_kinds *kinds)
{
	struct sl_templates templates = { 0 };
	struct sl_kinds *grouped = new_like(kinds);
	const struct sl_kind **order = sort(kinds, compare_texts);
	int code = grouped && order ? make_templates(order, kinds->count, &templates) : -ENOMEM;
	if (code == 0)
		code = add_all_grouped(kinds, order, &templates, grouped);
	if (code == 0)
		replace(kinds, grouped);
	sl_templates_release(&templates);
	sl_kinds_free(grouped);
	free(order);
	return code;
}

/* Keep the kinds that were used last. */
static int
drop(struct sl_kinds *kinds)
{
	struct sl_kinds *kept = new_like(kinds);
	const struct sl_kind **order = sort(kinds, compare_uses);
	int code = kept && order ? 0 : -ENOMEM;
	size_t count = kinds->count * KEPT_PERCENT / 100;
	for (size_t i = 0; i < kinds->count && code == 0; i++) {
		if (i < count)
			code = add_grouped(kept, *order[i], order[i]->text, order[i]->hash);
		else
			kinds->dropped += order[i]->count;
	}
	if (code == 0) {
		kept->clock = kinds->clock;
		replace(kinds, kept);
	}
	sl_kinds_free(kept);
	free(order);
	return code;
}

static bool
is_nearly_full(const struct sl_kinds *kinds)
{
	return kinds->count * 100 > kinds->most * FULL_PERCENT ||
	       kinds->block_count * 100 > kinds->blocks_most * FULL_PERCENT;
}

int
sl_kinds_shrink(struct sl_kinds *kinds)
{
	int code = sl_kinds_join_similar(kinds);
	while (code == 0 &&
		(is_nearly_full(kinds) || sl_kinds_exceeds_budget(kinds, SL_KINDS_BLOCK)))
		code = drop(kinds);
	return code;
}
