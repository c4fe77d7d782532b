/*
 * match_plan.c - compiles literals into a plan: the filter that suits them, and its constants. A
 * plan has no pointers into the caller's memory, and is constant afterwards.
 */
#include "match_int.h"

#include "sluice/base/error.h"

/* A doubled letter is rarer than two such letters apart. */
#define DOUBLED_BONUS 8

/* Farthest byte of a candidate that the pair filter looks at: bounds what a kernel leaves to
 * sl_match_pass_rest. */
#define PAIR_REACH 32

/* A literal in so many bytes of a log: then most lines hold one. */
#define FREQUENT 0.004

/* The part of all places at which grams may begin, at most, so that it pays to look for these
 * first. */
#define FEW_PLACES 0.4

static void
add_start(struct sl_match_plan *plan, unsigned index)
{
	unsigned char first = plan->text[index][0];
	plan->starts[first] |= 1ull << index;
	if (plan->ignore_case && sl_match_is_letter(first))
		plan->starts[first ^ SL_MATCH_FOLD] |= 1ull << index;
}

/* The first bytes as words, for a comparison without a loop. */
static void
add_head(struct sl_match_plan *plan, unsigned index)
{
	unsigned char fold[SL_MATCH_HEAD] = { 0 }, mask[SL_MATCH_HEAD] = { 0 },
		      head[SL_MATCH_HEAD] = { 0 };
	for (unsigned i = 0; i < SL_MATCH_HEAD && i < plan->len[index]; i++) {
		head[i] = plan->text[index][i];
		mask[i] = 0xff;
		fold[i] = plan->ignore_case && sl_match_is_letter(head[i]) ? SL_MATCH_FOLD : 0;
	}
	memcpy(&plan->head[index], head, SL_MATCH_HEAD);
	memcpy(&plan->mask[index], mask, SL_MATCH_HEAD);
	memcpy(&plan->fold[index], fold, SL_MATCH_HEAD);
}

static int
add_literal(struct sl_match_plan *plan, struct sl_span literal)
{
	if (literal.len > SL_MATCH_LITERAL_LEN ||
		(literal.len && memchr(literal.data, '\n', literal.len)))
		return SL_E_LIMIT;
	unsigned index = plan->count++;
	unsigned len = (unsigned)literal.len;
	for (unsigned i = 0; i < len; i++) {
		unsigned char c = (unsigned char)literal.data[i];
		plan->text[index][i] = plan->ignore_case ? sl_match_lower(c) : c;
	}
	plan->len[index] = (unsigned char)len;
	plan->rank[index] = index;
	add_head(plan, index);
	plan->shortest = index == 0 ? len : SL_MIN(plan->shortest, len);
	plan->longest = SL_MAX(plan->longest, len);
	if (len)
		add_start(plan, index);
	return 0;
}

/* How all literals look at offset `off`, if they agree but for the case of a letter. */
static bool
common_byte(
	const struct sl_match_plan *plan, unsigned off, unsigned char *byte, unsigned char *fold)
{
	unsigned char first = plan->text[0][off];
	*fold = plan->ignore_case && sl_match_is_letter(first) ? SL_MATCH_FOLD : 0;
	for (unsigned i = 1; i < plan->count; i++) {
		unsigned char c = plan->text[i][off];
		if (c == first)
			continue;
		if (!sl_match_is_letter(c) || sl_match_lower(c) != sl_match_lower(first))
			return false;
		*fold = SL_MATCH_FOLD;
	}
	*byte = *fold ? sl_match_lower(first) : first;
	return true;
}

static unsigned
pair_score(const struct sl_match_plan *plan, unsigned a, unsigned b)
{
	unsigned char left = sl_match_lower(plan->text[0][a]),
		      right = sl_match_lower(plan->text[0][b]);
	bool doubled = b == a + 1 && left == right && sl_match_is_letter(left);
	return sl_match_rarity(left) + sl_match_rarity(right) + (doubled ? DOUBLED_BONUS : 0);
}

/* Offsets where all literals agree, as bits. */
static uint32_t
common_offsets(const struct sl_match_plan *plan)
{
	uint32_t offsets = 0;
	unsigned char byte, fold;
	for (unsigned i = 0; i < plan->shortest && i < PAIR_REACH; i++) {
		if (common_byte(plan, i, &byte, &fold))
			offsets |= 1u << i;
	}
	return offsets;
}

static void
set_offset(struct sl_match_plan *plan, unsigned index, unsigned off)
{
	plan->pair_off[index] = (unsigned char)off;
	(void)common_byte(plan, off, &plan->pair_byte[index], &plan->pair_fold[index]);
}

/* The rarest of the offsets that are left, for when the pair alone gives many false alarms. */
static void
choose_third(struct sl_match_plan *plan, uint32_t offsets)
{
	unsigned best = plan->pair_off[1];
	offsets &= ~(1u << plan->pair_off[0] | 1u << plan->pair_off[1]);
	plan->has_third = offsets != 0;
	for (uint32_t rest = offsets; rest; rest &= rest - 1) {
		unsigned off = (unsigned)__builtin_ctz(rest);
		bool is_first = rest == offsets;
		if (is_first ||
			sl_match_rarity(plan->text[0][off]) > sl_match_rarity(plan->text[0][best]))
			best = off;
	}
	set_offset(plan, SL_MATCH_PAIR, best);
}

/* True if there are two offsets (one, for literals of one byte) where all literals agree; takes the
 * rarest two. */
static bool
choose_pair(struct sl_match_plan *plan)
{
	uint32_t offsets = common_offsets(plan);
	unsigned best = 0, first = 0, second = 0;
	bool found = false;
	if (offsets == 1 && plan->shortest == 1)
		found = true; /* looked at twice */
	for (uint32_t a = offsets; a; a &= a - 1) {
		for (uint32_t b = a & (a - 1); b; b &= b - 1) {
			unsigned i = (unsigned)__builtin_ctz(a), k = (unsigned)__builtin_ctz(b);
			unsigned score = pair_score(plan, i, k);
			if (found && score <= best)
				continue;
			found = true;
			best = score;
			first = i;
			second = k;
		}
	}
	if (!found)
		return false;
	set_offset(plan, 0, first);
	set_offset(plan, 1, second);
	choose_third(plan, offsets);
	return true;
}

static void
add_nibbles(struct sl_match_plan *plan, unsigned pos, unsigned char c, unsigned bucket)
{
	unsigned char bit = (unsigned char)(1u << bucket);
	plan->ascii = plan->ascii && c < 0x80;
	plan->low[pos][c & 15] |= bit;
	plan->high[pos][c >> 4] |= bit;
}

/* ---- classes ---- */

static bool
are_ascii(const struct sl_match_classes *classes)
{
	bool are_all = true;
	for (unsigned c = 0x80; c < 256; c++)
		are_all = are_all && !classes->members[c];
	return are_all;
}

/* How many literals the classes make, case aside if it is ignored; a number above the limit if it
 * is. */
static unsigned
count_product(const struct sl_match_plan *plan, const struct sl_match_classes *classes)
{
	unsigned product = 1;
	for (unsigned pos = 0; pos < classes->len; pos++) {
		unsigned size = 0;
		for (unsigned c = 0; c < 0x80; c++) {
			bool counts = !plan->ignore_case || sl_match_lower((unsigned char)c) == c;
			size += counts && (classes->members[c] >> pos & 1);
		}
		product = SL_MIN(product * size, 2u * SL_MATCH_LITERALS);
	}
	return product;
}

static bool
has_equal(const struct sl_match_plan *plan)
{
	bool found = false;
	for (unsigned i = 0; i < plan->count; i++) {
		for (unsigned k = 0; k < i && !found; k++)
			found = memcmp(plan->text[i], plan->text[k], plan->longest) == 0;
	}
	return found;
}

/* The classes of the bytes at each place. True if the literals are all that these make. */
static bool
find_classes(const struct sl_match_plan *plan, struct sl_match_classes *classes)
{
	*classes = (struct sl_match_classes){ .len = plan->longest };
	if (plan->shortest != plan->longest || plan->longest > SL_MATCH_CLASSES)
		return false;
	for (unsigned i = 0; i < plan->count; i++) {
		for (unsigned pos = 0; pos < classes->len; pos++)
			sl_match_classes_add(classes, pos, plan->text[i][pos], plan->ignore_case);
	}
	if (!are_ascii(classes))
		return false;
	return classes->len == 1 ||
	       (count_product(plan, classes) == plan->count && !has_equal(plan));
}

/* A bucket for each high half, of which ASCII has eight. */
static void
set_tables(struct sl_match_plan *plan, const struct sl_match_classes *classes)
{
	plan->classes = classes->len;
	memcpy(plan->members, classes->members, sizeof(plan->members));
	for (unsigned pos = 0; pos < classes->len; pos++) {
		for (unsigned c = 0; c < 0x80; c++) {
			if (classes->members[c] >> pos & 1)
				add_nibbles(plan, pos, (unsigned char)c, c >> 4);
		}
	}
}

/* Other filters than that of classes look at the first byte only. */
static void
set_classes(struct sl_match_plan *plan, const struct sl_match_classes *classes)
{
	plan->filter = SL_MATCH_NIBBLES;
	plan->width = 1;
	plan->ascii = true;
	set_tables(plan, classes);
}

/* How many of the places of a log one of the literals stands at, about. */
static double
frequency_of(const struct sl_match_classes *classes)
{
	double product = 1;
	for (unsigned pos = 0; pos < classes->len; pos++) {
		double sum = 0;
		for (unsigned c = 0; c < 0x80; c++) {
			if (classes->members[c] >> pos & 1)
				sum += sl_match_frequency((unsigned char)c);
		}
		product *= SL_MIN(sum, 1.0);
	}
	return product;
}

/* Where literals are so frequent that most lines hold one, looking at each costs more than looking
 * at all bytes of all classes. */
static bool
choose_classes(struct sl_match_plan *plan)
{
	struct sl_match_classes classes;
	if (!find_classes(plan, &classes))
		return false;
	if ((classes.len > 1 || plan->count == 1) && frequency_of(&classes) < FREQUENT)
		return false;
	set_classes(plan, &classes);
	return true;
}

/* ---- */

/* Neighbours share one of the eight buckets; both cases of a letter go into the tables. */
static void
choose_nibbles(struct sl_match_plan *plan)
{
	plan->width = SL_MIN(plan->shortest, (unsigned)SL_MATCH_WIDTH);
	plan->ascii = true;
	for (unsigned i = 0; i < plan->count; i++) {
		unsigned bucket = i * 8 / SL_MAX(plan->count, 8u);
		for (unsigned pos = 0; pos < plan->width; pos++) {
			unsigned char c = plan->text[i][pos];
			add_nibbles(plan, pos, c, bucket);
			if (plan->ignore_case && sl_match_is_letter(c))
				add_nibbles(plan, pos, c ^ SL_MATCH_FOLD, bucket);
		}
	}
}

int
sl_match_plan_init(
	struct sl_match_plan *plan, const struct sl_span *literals, size_t count, bool ignore_case)
{
	memset(plan, 0, sizeof(*plan));
	plan->ignore_case = ignore_case;
	if (count > SL_MATCH_LITERALS)
		return SL_E_LIMIT;
	for (size_t i = 0; i < count; i++) {
		int code = add_literal(plan, literals[i]);
		if (code < 0)
			return code;
	}
	plan->reach = plan->longest;
	if (count == 0) {
		plan->filter = SL_MATCH_NONE;
	} else if (plan->shortest == 0) {
		plan->filter = SL_MATCH_EVERY;
	} else if (choose_classes(plan)) {
		return 0;
	} else if (choose_pair(plan)) {
		plan->filter = SL_MATCH_PAIRS;
	} else {
		plan->filter = SL_MATCH_NIBBLES;
		choose_nibbles(plan);
	}
	return 0;
}

int
sl_match_plan_init_classes(struct sl_match_plan *plan, const struct sl_match_classes *classes)
{
	memset(plan, 0, sizeof(*plan));
	if (classes->len == 0 || classes->len > SL_MATCH_CLASSES)
		return SL_E_LIMIT;
	if (!are_ascii(classes) || classes->members['\n'])
		return SL_E_LIMIT;
	for (unsigned c = 0; c < 256; c++)
		plan->starts[c] = classes->members[c] & 1;
	plan->count = 1;
	plan->is_sequence = true;
	plan->len[0] = (unsigned char)classes->len;
	plan->shortest = plan->longest = plan->reach = classes->len;
	set_classes(plan, classes);
	return 0;
}

int
sl_match_plan_init_grams(struct sl_match_plan *plan, const struct sl_match_literal *literals,
	size_t count, bool ignore_case, struct sl_span sample)
{
	memset(plan, 0, sizeof(*plan));
	plan->filter = SL_MATCH_GRAMS;
	plan->ignore_case = ignore_case;
	for (size_t i = 0; i < count; i++) {
		struct sl_span text = literals[i].text;
		if (text.len == 0 || text.len > SL_MATCH_LITERAL_LEN ||
			memchr(text.data, '\n', text.len))
			return SL_E_LIMIT;
		unsigned len = (unsigned)text.len;
		plan->shortest = i == 0 ? len : SL_MIN(plan->shortest, len);
		plan->longest = SL_MAX(plan->longest, len);
	}
	plan->reach = plan->longest;
	int code = sl_match_grams_new(&plan->grams, literals, count, ignore_case, sample);
	if (code)
		return code;
	struct sl_match_classes classes;
	bool has_classes = sl_match_grams_classes(plan->grams, &classes) && are_ascii(&classes);
	if (has_classes && frequency_of(&classes) < FEW_PLACES)
		set_tables(plan, &classes);
	return 0;
}

void
sl_match_plan_release(struct sl_match_plan *plan)
{
	sl_match_grams_free(plan->grams);
	plan->grams = NULL;
}

void
sl_match_plans_join(struct sl_match_plan *plans, size_t count)
{
	unsigned reach = 0;
	for (size_t i = 0; i < count; i++)
		reach = SL_MAX(reach, plans[i].longest);
	for (size_t i = 0; i < count; i++) {
		plans[i].reach = reach;
		plans[i].next = i + 1 < count ? &plans[i + 1] : NULL;
	}
}

void
sl_match_plan_rank(struct sl_match_plan *plan, size_t index, uint32_t rank)
{
	plan->rank[index] = rank;
}

void
sl_match_plan_count_other_case(struct sl_match_plan *plan)
{
	sl_assert(plan->filter == SL_MATCH_PAIRS && plan->shortest >= 2 && !plan->ignore_case);
	sl_assert(plan->shortest == plan->longest && !plan->next);
	plan->counts_other_case = true;
}
