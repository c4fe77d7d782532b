/*
 * match_pass.c - what all kernels share: a candidate becomes a match of its line, once; the bytes
 * at the end that are fewer than a vector; and the searches that go a byte at a time, in single
 * lines and around cuts. See match.c for the whole.
 */
#include "match_int.h"

/* Bytes [from, len) of a literal; data has as many. */
static bool
equal_from(const struct sl_match_plan *plan, unsigned index, const unsigned char *data, size_t from)
{
	const unsigned char *text = plan->text[index];
	size_t len = plan->len[index];
	if (!plan->ignore_case)
		return memcmp(text + from, data + from, len - from) == 0;
	for (size_t i = from; i < len; i++) {
		if (sl_match_lower(data[i]) != text[i])
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
	if (plan->is_sequence)
		return sl_match_classes_are_at(plan, data, len);
	if (len < SL_MATCH_HEAD)
		return equal_from(plan, index, data, 0);
	memcpy(&word, data, SL_MATCH_HEAD);
	if (((word | plan->fold[index]) & plan->mask[index]) != plan->head[index])
		return false;
	return own <= SL_MATCH_HEAD || equal_from(plan, index, data, SL_MATCH_HEAD);
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

/* The first place from `at` on where a literal may stand; `len` if there is none. */
static size_t
next_start(const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t at)
{
	if (plan->filter == SL_MATCH_PAIRS && !plan->pair_fold[0]) {
		size_t off = at + plan->pair_off[0];
		const unsigned char *found =
			off < len ? memchr(data + off, plan->pair_byte[0], len - off) : NULL;
		return found ? (size_t)(found - data) - plan->pair_off[0] : len;
	}
	while (at < len && !plan->starts[data[at]])
		at++;
	return at;
}

bool
sl_match_find_one(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
	size_t from, size_t *begin, size_t *end, uint32_t *rank)
{
	if (plan->filter == SL_MATCH_GRAMS)
		return sl_match_grams_find(plan->grams, data, len, from, begin, end, rank);
	bool is_every = plan->filter == SL_MATCH_EVERY;
	for (size_t at = from; at <= len; at++) {
		at = is_every ? at : next_start(plan, data, len, at);
		int index = literal_at(plan, data + at, len - at);
		if (index < 0)
			continue;
		*begin = at;
		*end = at + plan->len[index];
		*rank = plan->rank[index];
		return true;
	}
	return false;
}

bool
sl_match_find(const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t from,
	size_t *begin, size_t *end)
{
	uint32_t best = 0;
	bool found = false;
	for (; plan; plan = plan->next) {
		size_t one_begin, one_end;
		uint32_t rank;
		if (!sl_match_find_one(plan, data, len, from, &one_begin, &one_end, &rank))
			continue;
		bool is_first =
			!found || one_begin < *begin || (one_begin == *begin && rank < best);
		found = true;
		if (!is_first)
			continue;
		*begin = one_begin;
		*end = one_end;
		best = rank;
	}
	return found;
}

void
sl_match_ranks(
	const struct sl_match_plan *plan, const unsigned char *data, size_t len, uint64_t *ranks)
{
	if (plan->filter == SL_MATCH_GRAMS) {
		sl_match_grams_ranks(plan->grams, data, len, ranks);
		return;
	}
	for (size_t at = 0; at < len; at++) {
		for (uint64_t bits = starters(plan, data + at, len - at); bits; bits &= bits - 1) {
			unsigned index = (unsigned)__builtin_ctzll(bits);
			uint32_t rank = plan->rank[index];
			if (literal_is_at(plan, index, data + at, len - at))
				ranks[rank / 64] |= 1ull << (rank % 64);
		}
	}
}

/* Does the first literal, which is all of them, stand here but for its case? */
static bool
is_other_case(const struct sl_match_plan *plan, const unsigned char *data, size_t len)
{
	size_t own = plan->len[0];
	if (own > len)
		return false;
	for (size_t i = 0; i < own; i++) {
		if (sl_match_lower(data[i]) != sl_match_lower(plan->text[0][i]))
			return false;
	}
	return true;
}

bool
sl_match_spans(const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t cut)
{
	if (plan->filter == SL_MATCH_GRAMS)
		return sl_match_grams_spans(plan->grams, data, len, cut);
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
sl_match_spans_other_case(
	const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t cut)
{
	if (!plan->counts_other_case)
		return false;
	size_t at = cut - SL_MIN(cut, (size_t)plan->len[0] - 1);
	for (; at < cut; at++) {
		if (at + plan->len[0] > cut && is_other_case(plan, data + at, len - at))
			return true;
	}
	return false;
}

/* The newline that ends the block's first line; looked for once, at the first hit. */
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
mark(const struct sl_match_pass *pass, size_t off)
{
	if (pass->marks)
		pass->marks[off / 64] |= 1ull << (off % 64);
}

/* There is no room for more hits: they become marks. */
static void
mark_hits(struct sl_match_pass *pass)
{
	for (size_t i = 0; i < pass->hits->count; i++)
		mark(pass, pass->hits->items[i].end);
	pass->hits->is_complete = false;
	pass->hits = NULL;
}

/* The line of the candidate at `at` ends at data[end]. A mark is a byte of a bitmap that is in no
 * near cache: where there is room for hits, it is not touched. */
static void
add_line(struct sl_match_pass *pass, const unsigned char *at, size_t end)
{
	struct sl_match_hits *hits = pass->hits;
	if (hits && hits->count == SL_MATCH_HITS)
		mark_hits(pass);
	if (!pass->hits) {
		mark(pass, end);
		return;
	}
	size_t behind = (size_t)(pass->counted - at);
	uint64_t index = pass->newlines - sl_match_count_newlines(at, behind);
	hits->items[hits->count++] = (struct sl_match_hit){ (uint32_t)end, (uint32_t)index };
}

static void
count_other_case(struct sl_match_pass *pass, const unsigned char *at)
{
	struct sl_match_counts *counts = pass->counts;
	if (at < pass->other_case_end || !is_other_case(pass->plan, at, (size_t)(pass->end - at)))
		return;
	const unsigned char *newline = memchr(at, '\n', (size_t)(pass->end - at));
	bool is_head = at < first_newline(pass);
	if (is_head)
		counts->head_other_case = true;
	if (!newline)
		counts->tail_other_case = true;
	else if (!is_head)
		counts->other_case++;
	pass->other_case_end = newline ? newline + 1 : pass->end;
}

/* A literal lies at `at`: its line counts. False as from sl_match_pass_candidate. */
static bool
count_hit(struct sl_match_pass *pass, const unsigned char *at)
{
	const unsigned char *newline = memchr(at, '\n', (size_t)(pass->end - at));
	bool is_head = at < first_newline(pass);
	if (newline && !is_head && at < pass->other_case_end)
		pass->counts->other_case--; /* the line matches after all */
	if (is_head)
		pass->counts->head_hit = true;
	if (!newline) {
		pass->counts->tail_hit = true;
		return false;
	}
	if (!is_head) {
		pass->counts->hits++;
		add_line(pass, at, (size_t)(newline - pass->data));
	}
	pass->skip = newline + 1;
	return true;
}

bool
sl_match_pass_candidate(struct sl_match_pass *pass, const unsigned char *at)
{
	if (at < pass->skip)
		return true;
	if (is_hit(pass->plan, at, (size_t)(pass->end - at)))
		return count_hit(pass, at);
	if (pass->plan->counts_other_case)
		count_other_case(pass, at);
	return true;
}

void
sl_match_places_end(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
	size_t off, uint64_t *places)
{
	for (; off < len; off += 64) {
		size_t rest = len - off;
		uint64_t found = 0;
		for (size_t i = 0; i < rest && i < 64; i++) {
			bool is_found = sl_match_classes_are_at(plan, data + off + i, rest - i);
			found |= (uint64_t)is_found << i;
		}
		places[off / 64] = found;
	}
}

void
sl_match_runs_end(struct sl_match_runs *runs, size_t off)
{
	const struct sl_match_pass *pass = runs->pass;
	size_t len = (size_t)(pass->end - pass->data);
	for (; off < len; off += 64) {
		const unsigned char *at = pass->data + off;
		size_t rest = len - off;
		uint64_t newlines = 0, found = 0;
		for (size_t i = 0; i < rest && i < 64; i++) {
			bool is_found = sl_match_classes_are_at(pass->plan, at + i, rest - i);
			newlines |= (uint64_t)(at[i] == '\n') << i;
			found |= (uint64_t)is_found << i;
		}
		sl_match_runs_add(runs, off, newlines, found); /* the last run ends behind it */
	}
	pass->counts->tail_hit = runs->carry;
	pass->counts->head_hit = runs->has_newline ? pass->counts->head_hit : runs->carry;
}

void
sl_match_pass_rest(struct sl_match_pass *pass, const unsigned char *at)
{
	const struct sl_match_plan *plan = pass->plan;
	for (; at < pass->end; at++) {
		if (*at == '\n') {
			pass->counts->newlines++;
			continue;
		}
		sl_match_pass_count(pass, at, pass->counts->newlines);
		if (plan->starts[*at] && !sl_match_pass_candidate(pass, at))
			return;
	}
}

/* The first newline ends no closed line. */
static uint64_t
mark_every(const struct sl_match_pass *pass, const struct sl_match_kernel *kernel)
{
	size_t len = (size_t)(pass->end - pass->data);
	const unsigned char *first = memchr(pass->data, '\n', len);
	if (!first)
		return 0;
	size_t off = (size_t)(first - pass->data);
	uint64_t newlines = kernel->mark_newlines(pass->data, len, pass->marks);
	pass->marks[off / 64] &= ~(1ull << (off % 64));
	return newlines;
}

static void
find_every(const struct sl_match_pass *pass, const struct sl_match_kernel *kernel)
{
	struct sl_match_counts *counts = pass->counts;
	size_t len = (size_t)(pass->end - pass->data);
	bool is_every = pass->plan->filter == SL_MATCH_EVERY && len;
	counts->newlines = is_every && pass->marks ? mark_every(pass, kernel)
						   : kernel->newlines(pass->data, len);
	if (!is_every)
		return;
	counts->head_hit = true;
	counts->tail_hit = pass->end[-1] != '\n';
	counts->hits = counts->newlines ? counts->newlines - 1 : 0;
}

/* Places that are looked up after one look for classes. */
#define PLACES 1024u

/* Only where the classes match may a gram begin: in logs, few places are the middle of a word. */
static void
find_lines_in_places(struct sl_match_pass *pass, const struct sl_match_kernel *kernel)
{
	const struct sl_match_plan *plan = pass->plan;
	uint64_t bits[SL_MATCH_MARK_WORDS(PLACES + SL_MATCH_CLASSES)];
	size_t len = (size_t)(pass->end - pass->data), at;
	for (size_t off = 0; off < len; off += PLACES) {
		size_t seen = SL_MIN(len - off, (size_t)PLACES + plan->classes - 1);
		struct sl_match_grams_places places = { bits, off, SL_MIN(len, off + PLACES) };
		if ((size_t)(pass->skip - pass->data) >= places.end)
			continue;
		kernel->places(plan, pass->data + off, seen, bits);
		while (sl_match_grams_any_of(plan->grams, pass->data, len,
			(size_t)(pass->skip - pass->data), &places, &at)) {
			if (!count_hit(pass, pass->data + at))
				return;
		}
	}
}

static void
find_lines(struct sl_match_pass *pass, const struct sl_match_kernel *kernel)
{
	size_t len = (size_t)(pass->end - pass->data), at;
	pass->counts->newlines = kernel->newlines(pass->data, len);
	if (pass->plan->classes && kernel->places) {
		find_lines_in_places(pass, kernel);
		return;
	}
	while (sl_match_grams_any(pass->plan->grams, pass->data, len,
		       (size_t)(pass->skip - pass->data), &at) &&
		count_hit(pass, pass->data + at))
		;
}

bool
sl_match_pass_scalar(struct sl_match_pass *pass, const struct sl_match_kernel *kernel)
{
	enum sl_match_filter filter = pass->plan->filter;
	if (filter == SL_MATCH_GRAMS)
		find_lines(pass, kernel);
	else if (filter == SL_MATCH_NONE || filter == SL_MATCH_EVERY)
		find_every(pass, kernel);
	else
		return false;
	return true;
}
