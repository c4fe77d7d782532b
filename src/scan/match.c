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

/* True if there are two places (one, for literals of one byte) where all literals agree; takes the
 * rarest two. */
static bool
choose_pair(struct sl_match_plan *plan)
{
	unsigned reach = SL_MIN(plan->shortest, PAIR_REACH);
	unsigned best = 0;
	bool found = false;
	for (unsigned a = 0; a < reach; a++) {
		unsigned char byte_a, fold_a, byte_b, fold_b;
		if (!common_byte(plan, a, &byte_a, &fold_a))
			continue;
		for (unsigned b = reach == 1 ? a : a + 1; b < reach; b++) {
			if (!common_byte(plan, b, &byte_b, &fold_b))
				continue;
			unsigned score = pair_score(plan, a, b);
			if (found && score <= best)
				continue;
			found = true;
			best = score;
			plan->pair_off[0] = (unsigned char)a, plan->pair_off[1] = (unsigned char)b;
			plan->pair_byte[0] = byte_a, plan->pair_byte[1] = byte_b;
			plan->pair_fold[0] = fold_a, plan->pair_fold[1] = fold_b;
		}
	}
	return found;
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
		int rc = add_literal(plan, literals[i]);
		if (rc < 0)
			return rc;
	}
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

static bool
equal_at(const struct sl_match_plan *plan, unsigned index, const unsigned char *data)
{
	const unsigned char *text = plan->text[index];
	size_t len = plan->len[index];
	if (!plan->ignore_case)
		return memcmp(text, data, len) == 0;
	for (size_t i = 0; i < len; i++) {
		if (lower(data[i]) != text[i])
			return false;
	}
	return true;
}

/* The literal that stands at data[0], the first in order, or -1. */
static int
literal_at(const struct sl_match_plan *plan, const unsigned char *data, size_t len)
{
	if (plan->filter == SL_MATCH_EVERY || len == 0) {
		for (unsigned i = 0; i < plan->count; i++) {
			if (plan->len[i] <= len && equal_at(plan, i, data))
				return (int)i;
		}
		return -1;
	}
	for (uint64_t bits = plan->starts[data[0]]; bits; bits &= bits - 1) {
		unsigned index = (unsigned)__builtin_ctzll(bits);
		if (plan->len[index] <= len && equal_at(plan, index, data))
			return (int)index;
	}
	return -1;
}

bool
sl_match_at(const struct sl_match_plan *plan, const unsigned char *data, size_t len)
{
	return literal_at(plan, data, len) >= 0;
}

bool
sl_match_find(const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t from,
	size_t *begin, size_t *end)
{
	for (size_t at = from; at <= len; at++) {
		int index = literal_at(plan, data + at, len - at);
		if (index < 0)
			continue;
		*begin = at;
		*end = at + plan->len[index];
		return true;
	}
	return false;
}

bool
sl_match_spans(const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t cut)
{
	for (size_t at = 0; at < cut; at++) {
		for (uint64_t bits = plan->starts[data[at]]; bits; bits &= bits - 1) {
			unsigned index = (unsigned)__builtin_ctzll(bits);
			size_t end = at + plan->len[index];
			if (end > cut && end <= len && equal_at(plan, index, data + at))
				return true;
		}
	}
	return false;
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
	if (at < pass->skip || !sl_match_at(pass->plan, at, (size_t)(pass->end - at)))
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
