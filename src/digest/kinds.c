/*
 * kinds.c - a hash table of masked lines, whose text is in blocks that are freed together.
 *
 * Half of the memory is for the table and the blocks; the other half is needed while similar kinds
 * become one, since that builds a new table next to the old one.
 */
#include "sluice/digest/kinds.h"

#include "sluice/digest/shape.h"
#include "sluice/digest/templates.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK (2u * 1024u)
/* Of a digest that shares a budget: as much as it may have in any case. Enough for any kind. */
#define OWN_BYTES (SL_KINDS_BYTES_MIN / 2)
/* Bytes that are planned for a kind: the kind itself, its slot and what a usual one has of text. */
#define KIND_BYTES 512u
#define KINDS_FIRST 16u
/* When similar kinds were joined and so much of the digest is still in use, kinds are dropped. */
#define FULL_PERCENT 75u
#define KEPT_PERCENT 50u

struct block {
	struct block *next;
	size_t used;
	char data[];
};

struct sl_kinds {
	struct sl_kind *items;
	size_t count, cap, most;
	uint32_t *slots; /* index of a kind plus 1, or 0; twice as many as `cap` */
	struct block *blocks;
	size_t block_count, blocks_most;
	uint64_t lines, dropped;
	uint64_t clock;                 /* counts uses */
	uint64_t state;                 /* another one whenever indices of kinds change */
	struct sl_kinds_budget *budget; /* that is shared, or NULL */
	size_t held;                    /* of it */
};

/* state: no two digests ever have the same state, so that a memo can tell them apart. */
static _Atomic uint64_t states;

/* ---- memory ---- */

static void
change_state(struct sl_kinds *kinds)
{
	kinds->state = ++states;
}

struct sl_kinds *
sl_kinds_new(size_t max_bytes)
{
	struct sl_kinds *kinds = calloc(1, sizeof(*kinds));
	sl_assert(max_bytes >= SL_KINDS_BYTES_MIN);
	if (!kinds)
		return NULL;
	size_t half = max_bytes / 2, each = sizeof(struct sl_kind) + 2 * sizeof(uint32_t);
	change_state(kinds);
	kinds->most = half / KIND_BYTES;
	kinds->blocks_most = (half - kinds->most * each) / (BLOCK + sizeof(struct block));
	return kinds;
}

void
sl_kinds_share(struct sl_kinds *kinds, struct sl_kinds_budget *budget)
{
	sl_assert(kinds->cap == 0 && !kinds->blocks);
	kinds->budget = budget;
}

static size_t
table_bytes(size_t cap)
{
	return cap * (sizeof(struct sl_kind) + 2 * sizeof(uint32_t));
}

/* After the table or the blocks have changed. */
static void
count_memory(struct sl_kinds *kinds)
{
	size_t held = table_bytes(kinds->cap) + kinds->block_count * (sizeof(struct block) + BLOCK);
	if (kinds->budget)
		kinds->budget->used += held - kinds->held;
	kinds->held = held;
}

static void
free_blocks(struct block *block)
{
	while (block) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
}

void
sl_kinds_free(struct sl_kinds *kinds)
{
	if (!kinds)
		return;
	if (kinds->budget)
		kinds->budget->used -= kinds->held;
	free_blocks(kinds->blocks);
	free(kinds->items);
	free(kinds->slots);
	free(kinds);
}

static void
clear_slots(struct sl_kinds *kinds)
{
	if (kinds->slots)
		memset(kinds->slots, 0, 2 * kinds->cap * sizeof(*kinds->slots));
}

void
sl_kinds_clear(struct sl_kinds *kinds)
{
	if (kinds->cap > KINDS_FIRST) {
		free(kinds->items);
		free(kinds->slots);
		kinds->items = NULL;
		kinds->slots = NULL;
		kinds->cap = 0;
	}
	clear_slots(kinds);
	if (kinds->blocks) {
		free_blocks(kinds->blocks->next);
		kinds->blocks->next = NULL;
		kinds->blocks->used = 0;
		kinds->block_count = 1;
	}
	count_memory(kinds);
	kinds->count = 0;
	change_state(kinds);
	kinds->lines = kinds->dropped = kinds->clock = 0;
}

static bool
add_block(struct sl_kinds *kinds)
{
	struct block *block = malloc(sizeof(*block) + BLOCK);
	if (!block)
		return false;
	block->next = kinds->blocks;
	block->used = 0;
	kinds->blocks = block;
	kinds->block_count++;
	count_memory(kinds);
	return true;
}

static bool
fits_block(const struct sl_kinds *kinds, size_t len)
{
	return kinds->blocks && kinds->blocks->used + len <= BLOCK;
}

/* NULL if out of memory. */
static char *
store(struct sl_kinds *kinds, struct sl_span text)
{
	if (!fits_block(kinds, text.len) && !add_block(kinds))
		return NULL;
	char *at = kinds->blocks->data + kinds->blocks->used;
	if (text.len)
		memcpy(at, text.data, text.len);
	kinds->blocks->used += text.len;
	return at;
}

/* ---- the table ---- */

/* The slot of the kind with this text, or the empty one where it would be. */
static uint32_t *
find_slot(const struct sl_kinds *kinds, struct sl_span text, uint64_t hash)
{
	size_t mask = 2 * kinds->cap - 1;
	for (size_t i = (size_t)(hash >> 32) & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &kinds->slots[i];
		if (!*slot)
			return slot;
		const struct sl_kind *kind = &kinds->items[*slot - 1];
		if (kind->hash == hash && sl_span_equal(kind->text, text))
			return slot;
	}
}

static void
fill_slots(struct sl_kinds *kinds)
{
	clear_slots(kinds);
	for (size_t i = 0; i < kinds->count; i++)
		*find_slot(kinds, kinds->items[i].text, kinds->items[i].hash) = (uint32_t)(i + 1);
}

static size_t
next_cap(const struct sl_kinds *kinds)
{
	return kinds->cap ? kinds->cap * 2 : KINDS_FIRST;
}

/* Room for one more kind. */
static bool
grow(struct sl_kinds *kinds)
{
	if (kinds->count < kinds->cap)
		return true;
	size_t cap = next_cap(kinds);
	void *items = reallocarray(kinds->items, cap, sizeof(*kinds->items));
	if (!items)
		return false;
	kinds->items = items;
	void *slots = reallocarray(kinds->slots, 2 * cap, sizeof(*kinds->slots));
	if (!slots)
		return false;
	kinds->slots = slots;
	kinds->cap = cap;
	count_memory(kinds);
	fill_slots(kinds);
	return true;
}

static bool
is_before(struct sl_kinds_place a, struct sl_kinds_place b)
{
	return a.input < b.input || (a.input == b.input && a.line < b.line);
}

/* It has the same text. Returns 0 or -ENOMEM. */
static int
add_to_kind(struct sl_kinds *kinds, struct sl_kind *kind, const struct sl_kind *more)
{
	kind->count += more->count;
	if (more->times.has_any)
		sl_times_merge(&kind->times, &more->times);
	kind->used = ++kinds->clock;
	if (is_before(kind->last, more->last))
		kind->last = more->last;
	if (!is_before(more->first, kind->first))
		return 0;
	char *example = store(kinds, more->example);
	kind->first = more->first;
	kind->example = sl_span(example, more->example.len);
	return example ? 0 : -ENOMEM;
}

static int
add_kind(struct sl_kinds *kinds, const struct sl_kind *kind)
{
	if (!grow(kinds))
		return -ENOMEM;
	char *text = store(kinds, kind->text);
	char *example = text ? store(kinds, kind->example) : NULL;
	if (!example)
		return -ENOMEM;
	struct sl_kind *added = &kinds->items[kinds->count++];
	*added = *kind;
	added->text.data = text;
	added->example.data = example;
	added->used = ++kinds->clock;
	*find_slot(kinds, added->text, added->hash) = (uint32_t)kinds->count;
	return 0;
}

/* One more kind, with so many bytes of text, would need more than is left of the budget. */
static bool
exceeds_budget(const struct sl_kinds *kinds, size_t more)
{
	size_t needed = fits_block(kinds, more) ? 0 : sizeof(struct block) + BLOCK;
	if (kinds->count == kinds->cap)
		needed += table_bytes(next_cap(kinds)) - table_bytes(kinds->cap);
	if (!kinds->budget || !needed || kinds->held + needed <= OWN_BYTES)
		return false;
	return kinds->budget->used + needed > kinds->budget->max;
}

static bool
is_full(const struct sl_kinds *kinds, size_t more)
{
	return kinds->count >= kinds->most ||
	       (!fits_block(kinds, more) && kinds->block_count >= kinds->blocks_most) ||
	       exceeds_budget(kinds, more);
}

static int shrink(struct sl_kinds *kinds);

/* The kind, whose text and example are not in the digest. Returns 0 and its index, or -ENOMEM. */
static int
add(struct sl_kinds *kinds, const struct sl_kind *kind, size_t *index)
{
	if (is_full(kinds, kind->text.len + kind->example.len)) {
		int code = shrink(kinds);
		if (code)
			return code;
	}
	uint32_t slot = kinds->cap ? *find_slot(kinds, kind->text, kind->hash) : 0;
	kinds->lines += kind->count;
	*index = slot ? slot - 1 : kinds->count;
	return slot ? add_to_kind(kinds, &kinds->items[slot - 1], kind) : add_kind(kinds, kind);
}

/* ---- making it smaller ---- */

static int
compare_text(const void *a, const void *b)
{
	struct sl_span left = ((const struct sl_kind *)a)->text;
	struct sl_span right = ((const struct sl_kind *)b)->text;
	int order = memcmp(left.data, right.data, SL_MIN(left.len, right.len));
	return order ? order : (left.len > right.len) - (left.len < right.len);
}

static int
compare_use(const void *a, const void *b)
{
	uint64_t left = ((const struct sl_kind *)a)->used;
	uint64_t right = ((const struct sl_kind *)b)->used;
	return (left < right) - (left > right);
}

static int
compare_count(const void *a, const void *b)
{
	uint64_t left = ((const struct sl_kind *)a)->count;
	uint64_t right = ((const struct sl_kind *)b)->count;
	return left == right ? compare_text(a, b) : (left < right) - (left > right);
}

/* The kinds become those of the other kinds, which is empty afterwards. */
static void
replace(struct sl_kinds *kinds, struct sl_kinds *other)
{
	struct sl_kinds old = *kinds;
	uint64_t lines = kinds->lines, dropped = kinds->dropped;
	*kinds = *other;
	kinds->lines = lines;
	kinds->dropped = dropped;
	change_state(kinds);
	*other = old;
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

/* A kind with the text of its template. The order of uses is kept. */
static int
add_grouped(struct sl_kinds *grouped, struct sl_kind kind, struct sl_span text)
{
	kind.text = text;
	kind.hash = sl_shape_hash_text(text);
	uint32_t slot = grouped->cap ? *find_slot(grouped, text, kind.hash) : 0;
	uint64_t used = slot ? SL_MAX(grouped->items[slot - 1].used, kind.used) : kind.used;
	int code = slot ? add_to_kind(grouped, &grouped->items[slot - 1], &kind)
			: add_kind(grouped, &kind);
	if (code == 0)
		grouped->items[slot ? slot - 1 : grouped->count - 1].used = used;
	return code;
}

/* The kinds are sorted by text. */
static int
add_all_grouped(
	struct sl_kinds *kinds, const struct sl_templates *templates, struct sl_kinds *grouped)
{
	struct sl_buf text = { 0 };
	int code = 0;
	for (size_t i = 0; i < kinds->count && code == 0; i++) {
		sl_buf_clear(&text);
		sl_templates_text(templates, templates->group_of[i], &text);
		code = text.failed ? -ENOMEM
				   : add_grouped(grouped, kinds->items[i], sl_buf_span(&text));
	}
	sl_buf_release(&text);
	grouped->clock = kinds->clock;
	return code;
}

static int
make_templates(struct sl_kinds *kinds, struct sl_templates *templates)
{
	struct sl_span *lines = calloc(kinds->count + 1, sizeof(*lines));
	*templates = (struct sl_templates){ 0 };
	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < kinds->count; i++)
		lines[i] = kinds->items[i].text;
	int code = sl_templates_make(templates, lines, kinds->count);
	free(lines);
	return code;
}

int
sl_kinds_group(struct sl_kinds *kinds)
{
	struct sl_templates templates;
	struct sl_kinds *grouped = new_like(kinds);
	if (!grouped)
		return -ENOMEM;
	if (kinds->count)
		qsort(kinds->items, kinds->count, sizeof(*kinds->items), compare_text);
	int code = make_templates(kinds, &templates);
	if (code == 0)
		code = add_all_grouped(kinds, &templates, grouped);
	if (code == 0)
		replace(kinds, grouped);
	sl_templates_release(&templates);
	sl_kinds_free(grouped);
	return code;
}

/* Keep the kinds that were used last. */
static int
drop(struct sl_kinds *kinds)
{
	struct sl_kinds *kept = new_like(kinds);
	int code = kept ? 0 : -ENOMEM;
	qsort(kinds->items, kinds->count, sizeof(*kinds->items), compare_use);
	size_t count = kinds->count * KEPT_PERCENT / 100;
	for (size_t i = 0; i < kinds->count && code == 0; i++) {
		if (i < count)
			code = add_grouped(kept, kinds->items[i], kinds->items[i].text);
		else
			kinds->dropped += kinds->items[i].count;
	}
	if (code == 0) {
		kept->clock = kinds->clock;
		replace(kinds, kept);
	}
	sl_kinds_free(kept);
	return code;
}

static bool
is_nearly_full(const struct sl_kinds *kinds)
{
	return kinds->count * 100 > kinds->most * FULL_PERCENT ||
	       kinds->block_count * 100 > kinds->blocks_most * FULL_PERCENT;
}

static int
shrink(struct sl_kinds *kinds)
{
	int code = sl_kinds_group(kinds);
	while (code == 0 && (is_nearly_full(kinds) || exceeds_budget(kinds, BLOCK)))
		code = drop(kinds);
	return code;
}

/* ---- public functions ---- */

int
sl_kinds_add(struct sl_kinds *kinds, struct sl_memo *memo, struct sl_span line,
	struct sl_kinds_place place)
{
	struct sl_span whole = line;
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	line.len = SL_MIN(line.len, (size_t)SL_KINDS_LINE_MAX);
	struct sl_memo_line *masked = sl_memo_mask(memo, line);
	struct sl_kind kind = { .hash = masked->hash,
		.text = masked->text,
		.example = sl_span(line.data, SL_MIN(line.len, (size_t)SL_KINDS_EXAMPLE_MAX)),
		.count = 1,
		.first = place,
		.last = place };
	if (masked->digest == kinds->state) {
		kinds->lines++;
		int code = add_to_kind(kinds, &kinds->items[masked->index], &kind);
		sl_times_add(&kinds->items[masked->index].times, whole);
		return code;
	}
	sl_times_add(&kind.times, whole);
	int code = add(kinds, &kind, &masked->index);
	masked->digest = kinds->state;
	return code;
}

static struct sl_kinds_place
moved(struct sl_kinds_place place, struct sl_kinds_place base)
{
	return (struct sl_kinds_place){ base.input + place.input, base.line + place.line };
}

int
sl_kinds_merge(struct sl_kinds *kinds, const struct sl_kinds *from, struct sl_kinds_place base)
{
	for (size_t i = 0; i < from->count; i++) {
		struct sl_kind kind = from->items[i];
		kind.first = moved(kind.first, base);
		kind.last = moved(kind.last, base);
		size_t index;
		int code = add(kinds, &kind, &index);
		if (code)
			return code;
	}
	kinds->lines += from->dropped;
	kinds->dropped += from->dropped;
	return 0;
}

const struct sl_kind *
sl_kinds_sort(struct sl_kinds *kinds, size_t *count)
{
	*count = kinds->count;
	if (kinds->count == 0)
		return NULL;
	qsort(kinds->items, kinds->count, sizeof(*kinds->items), compare_count);
	fill_slots(kinds);
	change_state(kinds);
	return kinds->items;
}

size_t
sl_kinds_count(const struct sl_kinds *kinds)
{
	return kinds->count;
}

uint64_t
sl_kinds_lines(const struct sl_kinds *kinds)
{
	return kinds->lines;
}

uint64_t
sl_kinds_dropped(const struct sl_kinds *kinds)
{
	return kinds->dropped;
}
