/*
 * templates.c - Drain over sorted lines.
 *
 *     for each line
 *         among the templates with as many tokens, the newest first, at most CANDIDATES:
 *             the one with the largest share of equal words; most show in a sample of their
 *             words that they have too few
 *         if that share is SHARE or more: words that differ become "any" in it
 *         else the line is a new template
 *
 * Of a template, tokens are kept as hashes; its text is made from its first line. Two tokens with
 * one hash are taken as equal, which would show as a word that not all lines have.
 */
#include "sluice/digest/templates.h"

#include "sluice/digest/masks.h"
#include "sluice/digest/tokens.h"

#include <errno.h>
#include <stdlib.h>

/* Of the words of a line, in percent: so many must be equal for lines to be of one kind. */
#define SHARE 80u
/* Bounds the time for lines that are all different. */
#define CANDIDATES 256u

/* Hashes of tokens have the lowest bit set if they have a word, and the next one if they have a
 * value that was not masked since it makes a kind: a status code. The third one is set of words
 * with a number or another mask in them, names of hosts and the like: two of these may differ. */
#define ANY 0u
#define HAS_WORD 1u
#define HAS_VALUE 2u
#define IS_NAME 4u

struct sl_template {
	struct sl_span line; /* the first one */
	uint64_t sample;     /* of its tokens */
	uint32_t tokens_at, token_count;
	uint32_t older; /* with as many tokens, plus 1; 0 = none */
};

static uint32_t
code_of(const struct sl_token *token)
{
	uint32_t code = token->hash & ~(HAS_WORD | HAS_VALUE | IS_NAME);
	if (token->is_any)
		return ANY;
	return (code ? code : 8u) | (token->has_word ? HAS_WORD : 0u) |
	       (token->has_digit ? HAS_VALUE : 0u) |
	       (token->has_word && token->has_mask ? IS_NAME : 0u);
}

static bool
is_word(uint32_t code)
{
	return code == ANY || (code & HAS_WORD);
}

/* Of a name, or what names have become. */
static bool
is_name(uint32_t code)
{
	return code == ANY || (code & IS_NAME);
}

/* One of them is a word, and they are not both names. */
static bool
is_difference(uint32_t a, uint32_t b)
{
	bool are_names = ((a | b) & IS_NAME) && is_name(a) && is_name(b);
	return !are_names && (is_word(a) || is_word(b));
}

/* Of so many words of a line. */
static unsigned
most_differing(unsigned words)
{
	return words * (100u - SHARE) / 100u;
}

/* ---- samples ---- */

#define SAMPLES 8u /* tokens of a line, a byte each; 0 for what is no word, 1 for a name */

/* Tokens at the same places, spread over the line. */
static uint64_t
sample_of(const uint32_t *codes, size_t count)
{
	uint64_t sample = 0;
	for (size_t i = 0; i < SAMPLES && i < count; i++) {
		uint32_t code = codes[count > SAMPLES ? i * count / SAMPLES : i];
		uint64_t word = is_name(code) ? 1 : (code >> 24) | 1;
		uint64_t byte = is_word(code) ? word : 0;
		sample |= byte << (8 * i);
	}
	return sample;
}

/* So many words differ at least: the bytes that do. */
static unsigned
count_differing(uint64_t a, uint64_t b)
{
	const uint64_t ones = 0x0101010101010101ull, low7 = 0x7f7f7f7f7f7f7f7full;
	uint64_t differing = a ^ b, tops = ((differing & low7) + low7) | differing;
	return (unsigned)((((tops & ~low7) >> 7) * ones) >> 56);
}

/* ---- templates ---- */

/* The share of equal words in percent; 0 if it is less than SHARE. */
static unsigned
compare(const uint32_t *template, const uint32_t *line, size_t count, unsigned words)
{
	unsigned differing = 0, most = most_differing(words);
	for (size_t i = 0; i < count; i++) {
		bool is_same = template[i] == line[i] && line[i] != ANY;
		differing += !is_same && is_difference(template[i], line[i]);
		if (differing > most || (!is_same && ((template[i] | line[i]) & HAS_VALUE)))
			return 0;
	}
	return words ? 100u * (words - differing) / words : 100u;
}

static uint32_t *
tokens_of(const struct sl_templates *templates, const struct sl_template *template)
{
	return templates->tokens + template->tokens_at;
}

/* The number of the template plus 1; 0 if none is similar. */
static uint32_t
find(const struct sl_templates *templates, const uint32_t *line, size_t count)
{
	unsigned words = 0, best_share = 0, tried = 0;
	uint64_t sample = sample_of(line, count);
	uint32_t best = 0;
	for (size_t i = 0; i < count; i++)
		words += is_word(line[i]);
	for (uint32_t at = templates->newest[count], older; at && tried < CANDIDATES; tried++) {
		const struct sl_template *template = &templates->items[at - 1];
		older = template->older;
		if (count_differing(template->sample, sample) <= most_differing(words)) {
			unsigned share =
				compare(tokens_of(templates, template), line, count, words);
			best = share && share >= best_share ? at : best;
			best_share = SL_MAX(best_share, share);
		}
		at = older;
	}
	return best;
}

static void
join(const struct sl_templates *templates, struct sl_template *template, const uint32_t *line)
{
	uint32_t *codes = tokens_of(templates, template);
	for (size_t i = 0; i < template->token_count; i++)
		if (codes[i] != line[i])
			codes[i] = ANY;
	template->sample = sample_of(codes, template->token_count);
}

/* Room for `more` items behind `count`. */
static bool
reserve(void **items, size_t *cap, size_t count, size_t more, size_t size)
{
	size_t wanted = *cap ? *cap : 64;
	while (wanted < count + more)
		wanted *= 2;
	if (wanted == *cap)
		return true;
	void *grown = reallocarray(*items, wanted, size);
	if (!grown)
		return false;
	*items = grown;
	*cap = wanted;
	return true;
}

static bool
reserve_template(struct sl_templates *templates, size_t tokens)
{
	void *items = templates->items, *all = templates->tokens;
	bool fits =
		reserve(&items, &templates->cap, templates->count, 1, sizeof(*templates->items)) &&
		reserve(&all, &templates->token_cap, templates->token_count, tokens,
			sizeof(*templates->tokens));
	templates->items = items;
	templates->tokens = all;
	return fits;
}

static int
add_template(
	struct sl_templates *templates, struct sl_span line, const uint32_t *codes, size_t count)
{
	if (!reserve_template(templates, count))
		return -ENOMEM;
	templates->items[templates->count++] = (struct sl_template){ .line = line,
		.sample = sample_of(codes, count),
		.tokens_at = (uint32_t)templates->token_count,
		.token_count = (uint32_t)count,
		.older = templates->newest[count] };
	memcpy(templates->tokens + templates->token_count, codes, count * sizeof(*codes));
	templates->token_count += count;
	templates->newest[count] = (uint32_t)templates->count;
	return 0;
}

static int
add_line(struct sl_templates *templates, struct sl_span line, uint32_t *group)
{
	struct sl_token tokens[SL_TOKENS_MAX];
	uint32_t codes[SL_TOKENS_MAX] = { ANY };
	size_t count = sl_tokens_split(line, tokens);
	for (size_t i = 0; i < count; i++)
		codes[i] = code_of(&tokens[i]);
	uint32_t found = find(templates, codes, count);
	if (found) {
		join(templates, &templates->items[found - 1], codes);
		*group = found - 1;
		return 0;
	}
	*group = (uint32_t)templates->count;
	return add_template(templates, line, codes, count);
}

int
sl_templates_make(struct sl_templates *templates, const struct sl_span *lines, size_t count)
{
	int code = 0;
	*templates = (struct sl_templates){ 0 };
	templates->group_of = calloc(count + 1, sizeof(*templates->group_of));
	templates->newest = calloc(SL_TOKENS_MAX + 1, sizeof(*templates->newest));
	if (!templates->group_of || !templates->newest)
		return -ENOMEM;
	for (size_t i = 0; i < count && code == 0; i++)
		code = add_line(templates, lines[i], &templates->group_of[i]);
	return code;
}

void
sl_templates_release(struct sl_templates *templates)
{
	free(templates->items);
	free(templates->tokens);
	free(templates->newest);
	free(templates->group_of);
	*templates = (struct sl_templates){ 0 };
}

static bool
has_any(const uint32_t *codes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (codes[i] == ANY)
			return true;
	return false;
}

void
sl_templates_text(const struct sl_templates *templates, size_t index, struct sl_buf *out)
{
	const struct sl_template *template = &templates->items[index];
	const uint32_t *codes = tokens_of(templates, template);
	struct sl_token tokens[SL_TOKENS_MAX];
	if (!has_any(codes, template->token_count)) {
		sl_buf_add(out, template->line.data, template->line.len);
		return;
	}
	size_t count = sl_tokens_split(template->line, tokens), at = 0;
	for (size_t i = 0; i < count; i++) {
		size_t end = tokens[i].begin + tokens[i].len;
		if (codes[i] == ANY)
			sl_buf_add_char(out, (char)SL_MASK_ANY);
		else
			sl_buf_add(out, template->line.data + at, end - at);
		at = end;
		if (at < template->line.len)
			sl_buf_add_char(out, template->line.data[at++]);
	}
}
