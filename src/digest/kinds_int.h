/*
 * kinds_int.h - what kinds.c, kinds_table.c and kinds_group.c share: a digest, and its table.
 */
#ifndef SLUICE_DIGEST_KINDS_INT_H
#define SLUICE_DIGEST_KINDS_INT_H

#include "sluice/digest/kinds.h"

#define SL_KINDS_BLOCK (2u * 1024u)

struct sl_kinds_block {
	struct sl_kinds_block *next;
	size_t used;
	char data[];
};

struct sl_kinds {
	struct sl_kind *items;
	size_t count, cap, most;
	uint32_t *slots; /* index of a kind plus 1, or 0; twice as many as `cap` */
	struct sl_kinds_block *blocks;
	size_t block_count, blocks_most;
	uint64_t lines, dropped;
	uint64_t clock;                 /* counts uses */
	uint64_t state;                 /* another one whenever indices of kinds change */
	struct sl_kinds_budget *budget; /* that is shared, or NULL */
	size_t held;                    /* of it */

	/* Others that it has taken: their kinds, lines and notes are its own, moved by `base`. */
	struct sl_kinds *taken; /* the next one */
	struct sl_kinds_place base;

	/* If a budget is shared: of its lines, as long as it has no kinds. */
	struct sl_notes notes;
	size_t notes_most; /* bytes of memory */
};

/* ---- kinds_table.c ---- */

/* Another state: no two digests ever have the same. */
void sl_kinds_change_state(struct sl_kinds *kinds);

/* After the table, the blocks or the notes have changed. */
void sl_kinds_count_memory(struct sl_kinds *kinds);

/* The kind, if the digest has it, else NULL. */
struct sl_kind *sl_kinds_find(const struct sl_kinds *kinds, struct sl_span text, uint64_t hash);

/* After the order of kinds has changed. */
void sl_kinds_fill_slots(struct sl_kinds *kinds);

/* The kind has the same text, of a line that is counted: its place and example. Returns 0 or
 * -ENOMEM. */
int sl_kinds_place(struct sl_kinds *kinds, struct sl_kind *kind, struct sl_kinds_place place,
	struct sl_span example) SL_MUST_CHECK;

/* Add a kind, whose text and example are not in the digest: to the one with its text if there is
 * one. Its lines are not counted among those of the digest. Returns 0 and its index, or -ENOMEM. */
int sl_kinds_insert(
	struct sl_kinds *kinds, const struct sl_kind *kind, size_t *index) SL_MUST_CHECK;

/* There is no room for one more kind with so many bytes of text: within the limit of the digest, or
 * what is left of the budget. */
bool sl_kinds_is_full(const struct sl_kinds *kinds, size_t text);

/* So many more bytes are more than is left of the budget. */
bool sl_kinds_exceeds_budget(const struct sl_kinds *kinds, size_t more);

/* ---- kinds_group.c ---- */

/* Of two kinds, for qsort. */
int sl_kinds_compare_text(const void *a, const void *b);

/* Similar kinds become one. Returns 0 or -ENOMEM. */
int sl_kinds_join_similar(struct sl_kinds *kinds) SL_MUST_CHECK;

/* That; and drop kinds if that is not enough. Returns 0 or -ENOMEM. */
int sl_kinds_shrink(struct sl_kinds *kinds) SL_MUST_CHECK;

#endif
