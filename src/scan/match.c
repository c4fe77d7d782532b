#include "match_int.h"

#include "sluice/base/error.h"

/*
 * The bytes of real logs, letters in lower case, most frequent first; bytes that are not listed are
 * rarer. The pair filter looks for the two rarest bytes of a literal.
 */
static const char frequent[] =
	" 0e1rotn2asic:.d53-l4um7p68h9f\r\ngbk_[]=jw/yvx|()#,z;@*q><!'+\\${}&";

/* A doubled letter is rarer than two such letters apart. */
#define DOUBLED_BONUS 8

/* Farthest byte of a candidate that the pair filter looks at: bounds what a kernel leaves to
 * sl_match_pass_rest. */
#define PAIR_REACH 32

#define HEAD sizeof(uint64_t) /* bytes of a literal that are compared at once */

#define FOLD 0x20u /* the bit in which ASCII letters differ by case */

static unsigned char
lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | FOLD) : c;
}

static bool
is_letter(unsigned char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

/* Higher is rarer. */
static unsigned
rank_of(unsigned char c)
{
	const char *at = memchr(frequent, lower(c), sizeof(frequent) - 1);
	return at ? (unsigned)(at - frequent) : (unsigned)sizeof(frequent);
}

static void
add_start(struct sl_match_plan *plan, unsigned index)
{
	unsigned char first = plan->text[index][0];
	plan->starts[first] |= 1ull << index;
	if (plan->ignore_case && is_letter(first))
		plan->starts[first ^ FOLD] |= 1ull << index;
}

/* The first bytes as words, for a comparison without a loop. */
static void
add_head(struct sl_match_plan *plan, unsigned index)
{
	unsigned char fold[HEAD] = { 0 }, mask[HEAD] = { 0 }, head[HEAD] = { 0 };
	for (unsigned i = 0; i < HEAD && i < plan->len[index]; i++) {
		head[i] = plan->text[index][i];
		mask[i] = 0xff;
		fold[i] = plan->ignore_case && is_letter(head[i]) ? FOLD : 0;
	}
	memcpy(&plan->head[index], head, HEAD);
	memcpy(&plan->mask[index], mask, HEAD);
	memcpy(&plan->fold[index], fold, HEAD);
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
		plan->text[index][i] = plan->ignore_case ? lower(c) : c;
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
	*fold = plan->ignore_case && is_letter(first) ? FOLD : 0;
	for (unsigned i = 1; i < plan->count; i++) {
		unsigned char c = plan->text[i][off];
		if (c == first)
			continue;
		if (!is_letter(c) || lower(c) != lower(first))
			return false;
		*fold = FOLD;
	}
	*byte = *fold ? lower(first) : first;
	return true;
}

static unsigned
pair_score(const struct sl_match_plan *plan, unsigned a, unsigned b)
{
	unsigned char left = lower(plan->text[0][a]), right = lower(plan->text[0][b]);
	bool doubled = b == a + 1 && left == right && is_letter(left);
	return rank_of(left) + rank_of(right) + (doubled ? DOUBLED_BONUS : 0);
}

/* Offsets where all literals agree, as bits. */
static uint32_t
common_places(const struct sl_match_plan *plan)
{
	uint32_t places = 0;
	unsigned char byte, fold;
	for (unsigned i = 0; i < plan->shortest && i < PAIR_REACH; i++) {
		if (common_byte(plan, i, &byte, &fold))
			places |= 1u << i;
	}
	return places;
}

static void
set_place(struct sl_match_plan *plan, unsigned index, unsigned off)
{
	plan->pair_off[index] = (unsigned char)off;
	(void)common_byte(plan, off, &plan->pair_byte[index], &plan->pair_fold[index]);
}

/* The rarest of the places that are left, for when the pair alone gives many false alarms. */
static void
choose_third(struct sl_match_plan *plan, uint32_t places)
{
	unsigned best = plan->pair_off[1];
	places &= ~(1u << plan->pair_off[0] | 1u << plan->pair_off[1]);
	plan->has_third = places != 0;
	for (uint32_t rest = places; rest; rest &= rest - 1) {
		unsigned off = (unsigned)__builtin_ctz(rest);
		bool is_first = rest == places;
		if (is_first || rank_of(plan->text[0][off]) > rank_of(plan->text[0][best]))
			best = off;
	}
	set_place(plan, SL_MATCH_PAIR, best);
}

/* True if there are two places (one, for literals of one byte) where all literals agree; takes the
 * rarest two. */
static bool
choose_pair(struct sl_match_plan *plan)
{
	uint32_t places = common_places(plan);
	unsigned best = 0, first = 0, second = 0;
	bool found = false;
	if (places == 1 && plan->shortest == 1)
		found = true; /* looked at twice */
	for (uint32_t a = places; a; a &= a - 1) {
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
	set_place(plan, 0, first);
	set_place(plan, 1, second);
	choose_third(plan, places);
	return true;
}

static void
add_nibbles(struct sl_match_plan *plan, unsigned place, unsigned char c, unsigned bucket)
{
	unsigned char bit = (unsigned char)(1u << bucket);
	plan->ascii = plan->ascii && c < 0x80;
	plan->low[place][c & 15] |= bit;
	plan->high[place][c >> 4] |= bit;
}

/* Neighbours share one of the eight buckets; both cases of a letter go into the tables. */
static void
choose_nibbles(struct sl_match_plan *plan)
{
	plan->width = SL_MIN(plan->shortest, (unsigned)SL_MATCH_WIDTH);
	plan->ascii = true;
	for (unsigned i = 0; i < plan->count; i++) {
		unsigned bucket = i * 8 / SL_MAX(plan->count, 8u);
		for (unsigned place = 0; place < plan->width; place++) {
			unsigned char c = plan->text[i][place];
			add_nibbles(plan, place, c, bucket);
			if (plan->ignore_case && is_letter(c))
				add_nibbles(plan, place, c ^ FOLD, bucket);
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
	} else if (choose_pair(plan)) {
		plan->filter = SL_MATCH_PAIRS;
	} else {
		plan->filter = SL_MATCH_NIBBLES;
		choose_nibbles(plan);
	}
	return 0;
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

bool
sl_match_is_every(const struct sl_match_plan *plan)
{
	while (plan && plan->filter != SL_MATCH_EVERY)
		plan = plan->next;
	return plan != NULL;
}

/* Bytes [from, len) of a literal; data has as many. */
static bool
equal_from(const struct sl_match_plan *plan, unsigned index, const unsigned char *data, size_t from)
{
	const unsigned char *text = plan->text[index];
	size_t len = plan->len[index];
	if (!plan->ignore_case)
		return memcmp(text + from, data + from, len - from) == 0;
	for (size_t i = from; i < len; i++) {
		if (lower(data[i]) != text[i])
			return false;
	}
	return true;
}

static bool
literal_is_at(
	const struct sl_match_plan *plan, unsigned index, const unsigned char *data, size_t len)
{
	size_t own = plan->len[index];
	uint64_t word;
	if (own > len)
		return false;
	if (len < HEAD)
		return equal_from(plan, index, data, 0);
	memcpy(&word, data, HEAD);
	if (((word | plan->fold[index]) & plan->mask[index]) != plan->head[index])
		return false;
	return own <= HEAD || equal_from(plan, index, data, HEAD);
}

/* The literals that may stand where this byte is; all, where an empty one does. */
static uint64_t
starters(const struct sl_match_plan *plan, const unsigned char *data, size_t len)
{
	if (plan->filter == SL_MATCH_EVERY || len == 0)
		return plan->count ? ~0ull >> (SL_MATCH_LITERALS - plan->count) : 0;
	return plan->starts[data[0]];
}

/* Of one plan: true if a literal stands at data[0]. */
static bool
is_hit(const struct sl_match_plan *plan, const unsigned char *data, size_t len)
{
	for (uint64_t bits = starters(plan, data, len); bits; bits &= bits - 1) {
		if (literal_is_at(plan, (unsigned)__builtin_ctzll(bits), data, len))
			return true;
	}
	return false;
}

/* Of one plan: the literal that stands at data[0], the first in the user's order, or -1. */
static int
literal_at(const struct sl_match_plan *plan, const unsigned char *data, size_t len)
{
	int first = -1;
	for (uint64_t bits = starters(plan, data, len); bits; bits &= bits - 1) {
		unsigned index = (unsigned)__builtin_ctzll(bits);
		bool later = first >= 0 && plan->rank[index] > plan->rank[first];
		if (!later && literal_is_at(plan, index, data, len))
			first = (int)index;
	}
	return first;
}

bool
sl_match_find(const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t from,
	size_t *begin, size_t *end)
{
	uint32_t rank = 0;
	bool found = false;
	for (; plan; plan = plan->next) {
		for (size_t at = from; at <= (found ? *begin : len); at++) {
			int index = literal_at(plan, data + at, len - at);
			if (index < 0)
				continue;
			if (!found || at < *begin || plan->rank[index] < rank) {
				*begin = at;
				*end = at + plan->len[index];
				rank = plan->rank[index];
			}
			found = true;
			break;
		}
	}
	return found;
}

/* Of one plan. */
static bool
spans(const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t cut)
{
	for (size_t at = 0; at < cut; at++) {
		for (uint64_t bits = plan->starts[data[at]]; bits; bits &= bits - 1) {
			unsigned index = (unsigned)__builtin_ctzll(bits);
			size_t end = at + plan->len[index];
			if (end > cut && literal_is_at(plan, index, data + at, len - at))
				return true;
		}
	}
	return false;
}

bool
sl_match_spans(const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t cut)
{
	while (plan && !spans(plan, data, len, cut))
		plan = plan->next;
	return plan != NULL;
}

/* The newline that ends the block's first line, looked for when the first hit wants to know whether
 * it is in it. */
static const unsigned char *
first_newline(struct sl_match_pass *pass)
{
	if (!pass->first_newline) {
		pass->first_newline = memchr(pass->data, '\n', (size_t)(pass->end - pass->data));
		if (!pass->first_newline)
			pass->first_newline = pass->end;
	}
	return pass->first_newline;
}

static void
mark(struct sl_match_pass *pass, const unsigned char *newline)
{
	size_t off = (size_t)(newline - pass->data);
	if (pass->marks)
		pass->marks[off / 64] |= 1ull << (off % 64);
}

bool
sl_match_pass_candidate(struct sl_match_pass *pass, const unsigned char *at)
{
	if (at < pass->skip || !is_hit(pass->plan, at, (size_t)(pass->end - at)))
		return true;
	const unsigned char *newline = memchr(at, '\n', (size_t)(pass->end - at));
	bool is_head = at < first_newline(pass);
	if (is_head)
		pass->counts->head_hit = true;
	if (!newline) {
		pass->counts->tail_hit = true;
		return false;
	}
	if (!is_head) {
		pass->counts->hits++;
		mark(pass, newline);
	}
	pass->skip = newline + 1;
	return true;
}

void
sl_match_pass_rest(struct sl_match_pass *pass, const unsigned char *at)
{
	const struct sl_match_plan *plan = pass->plan;
	for (; at < pass->end; at++) {
		if (*at == '\n')
			pass->counts->newlines++;
		else if (plan->starts[*at] && !sl_match_pass_candidate(pass, at))
			return;
	}
}

void
sl_match_pass_every(const struct sl_match_pass *pass, uint64_t newlines)
{
	struct sl_match_counts *counts = pass->counts;
	counts->newlines = newlines;
	if (pass->plan->filter != SL_MATCH_EVERY || pass->data == pass->end)
		return;
	counts->head_hit = true;
	counts->tail_hit = pass->end[-1] != '\n';
	counts->hits = newlines ? newlines - 1 : 0;
	if (!pass->marks || newlines < 2)
		return;
	const unsigned char *at = memchr(pass->data, '\n', (size_t)(pass->end - pass->data));
	for (uint64_t i = 0; i < counts->hits; i++) {
		at = memchr(at + 1, '\n', (size_t)(pass->end - at - 1));
		size_t off = (size_t)(at - pass->data);
		pass->marks[off / 64] |= 1ull << (off % 64);
	}
}

const struct sl_match_kernel *
sl_match_nth(size_t index)
{
	const struct sl_match_kernel *kernels[] = { sl_match_kernel_avx512(),
		sl_match_kernel_avx2(), sl_match_kernel_neon(), sl_match_kernel_scalar() };
	for (size_t i = 0; i < SL_COUNT_OF(kernels); i++) {
		if (kernels[i] && index-- == 0)
			return kernels[i];
	}
	return NULL;
}

const struct sl_match_kernel *
sl_match_choose(unsigned features)
{
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++) {
		if ((kernel->features & features) == kernel->features)
			return kernel;
	}
	return sl_match_kernel_scalar();
}

const struct sl_match_kernel *
sl_match_by_name(const char *name, unsigned features)
{
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++) {
		if (strcmp(kernel->name, name) == 0)
			return (kernel->features & features) == kernel->features ? kernel : NULL;
	}
	return NULL;
}
