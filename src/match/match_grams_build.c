/*
 * match_grams_build.c - compiles literals for the search of match_grams.c: how long grams are, how
 * far apart samples, and which window of each literal.
 *
 * Longer grams are rarer, larger strides look at fewer places; the shortest literal bounds their
 * sum. What they cost is estimated from how frequent grams are in a sample of the text, or else
 * from how frequent their bytes are in logs (match_rarity.c): a
 * sample that passes the filter costs some twenty that do not, mostly the mispredicted branch. The
 * window of a literal is the one whose grams are the least frequent; of those that are about as
 * rare, one that few other literals have.
 */
#include "match_grams_int.h"
#include "match_int.h"

#include <errno.h>
#include <stdlib.h>

#define GRAM_MIN 4u      /* bytes, if all literals have as many: three are in too many words */
#define FALSE_ALARM 20.0 /* cost of a sample that passes the filter, in samples that do not */
#define ESTIMATED 200u   /* literals that the choice of gram and stride looks at */
#define BITS_A_GRAM 64u  /* of the filter */
#define FILTER_BITS_MIN 15u
#define FILTER_BITS_MAX 23u /* 1 MiB, a second-level cache */
#define TABLE_BITS_MIN 8u
#define TABLE_BITS_MAX 30u
#define AS_RARE 2.0 /* a window may be that many times as frequent as the rarest */

#define SAMPLE_GRAM 4u   /* bytes of the grams that are counted in a sample */
#define SAMPLE_BITS 18u  /* of their counts: 1 MiB, and few grams of a MiB of logs share one */
#define SAMPLE_MIN 4096u /* bytes: a shorter one says less than what is known of logs */
#define LITERAL_MAX 256u

struct shape {
	unsigned gram, stride;
};

struct builder {
	const struct sl_match_literal *literals;
	size_t count;
	bool ignore_case;
	struct shape shape;
	double frequency[256]; /* of a byte in logs */
	uint32_t *counts;      /* of grams in the sample, by their hash; NULL: there is none */
	double counted;        /* grams in it */
	struct sl_match_grams *grams;
	uint16_t *used; /* for each slot: literals that have such a window; saturates */
};

/* ---- how frequent ---- */

enum kind { LETTER, DIGIT, OTHER };

static enum kind
kind_of(unsigned char c)
{
	return sl_match_is_letter(c) ? LETTER : c >= '0' && c <= '9' ? DIGIT : OTHER;
}

/* After another byte: words and numbers go on. */
static double
frequency_after(const struct builder *builder, unsigned char before, unsigned char c)
{
	enum kind kind = kind_of(c);
	double factor = kind == OTHER || kind != kind_of(before) ? 0.5 : kind == DIGIT ? 2.5 : 1.5;
	return builder->frequency[c] * factor;
}

static void
set_frequencies(struct builder *builder)
{
	for (unsigned c = 0; c < 256; c++)
		builder->frequency[c] = sl_match_frequency((unsigned char)c);
}

/* As bytes of logs follow each other. */
static double
expected(const struct builder *builder, const unsigned char *text, unsigned gram)
{
	double product = builder->frequency[text[0]];
	for (unsigned i = 1; i < gram; i++)
		product *= frequency_after(builder, text[i - 1], text[i]);
	return product;
}

static size_t
count_index(const struct builder *builder, const unsigned char *text)
{
	uint32_t word;
	memcpy(&word, text, SAMPLE_GRAM);
	word |= builder->ignore_case ? 0x01010101u * SL_MATCH_FOLD : 0;
	return (word * 0x9e3779b1u) >> (32 - SAMPLE_BITS);
}

/* In the sample. What is not in it may still be in the text: half a time, or less often if its
 * bytes are rare. */
static double
counted(const struct builder *builder, const unsigned char *text)
{
	double count = builder->counts[count_index(builder, text)];
	double unseen = expected(builder, text, SAMPLE_GRAM) * builder->counted;
	return (count + SL_MIN(unseen, 0.5)) / builder->counted;
}

/* A longer gram is as rare as its rarest part. */
static double
gram_frequency(const struct builder *builder, const unsigned char *text, unsigned gram)
{
	if (!builder->counts || gram < SAMPLE_GRAM)
		return expected(builder, text, gram);
	double least = 1;
	for (unsigned i = 0; i + SAMPLE_GRAM <= gram; i++) {
		double part = counted(builder, text + i);
		least = SL_MIN(least, part);
	}
	return least;
}

/* Without memory there is no sample. */
static void
count_sample(struct builder *builder, struct sl_span sample)
{
	if (sample.len < SAMPLE_MIN)
		return;
	builder->counts = calloc(1u << SAMPLE_BITS, sizeof(*builder->counts));
	if (!builder->counts)
		return;
	const unsigned char *text = (const unsigned char *)sample.data;
	for (size_t i = 0; i + SAMPLE_GRAM <= sample.len; i++)
		builder->counts[count_index(builder, text + i)]++;
	builder->counted = (double)sample.len;
}

/* Frequency of each window of the shape in a literal: the sum of its grams. Returns how many
 * windows. */
static unsigned
window_frequencies(const struct builder *builder, struct shape shape, struct sl_span text,
	double frequencies[LITERAL_MAX])
{
	const unsigned char *bytes = (const unsigned char *)text.data;
	unsigned windows = (unsigned)text.len - (shape.gram + shape.stride - 1) + 1;
	double grams[LITERAL_MAX];
	for (unsigned i = 0; i + shape.gram <= text.len; i++)
		grams[i] = gram_frequency(builder, bytes + i, shape.gram);
	for (unsigned i = 0; i < windows; i++) {
		frequencies[i] = 0;
		for (unsigned k = 0; k < shape.stride; k++)
			frequencies[i] += grams[i + k];
	}
	return windows;
}

static unsigned
rarest(const double *frequencies, unsigned count)
{
	unsigned best = 0;
	for (unsigned i = 1; i < count; i++)
		best = frequencies[i] < frequencies[best] ? i : best;
	return best;
}

/* ---- shape ---- */

static unsigned
filter_bits(size_t count, unsigned stride)
{
	unsigned bits = FILTER_BITS_MIN;
	while (bits < FILTER_BITS_MAX && (1ull << bits) < (uint64_t)count * stride * BITS_A_GRAM)
		bits++;
	return bits;
}

/* What a byte of text costs, in samples. */
static double
cost_of(const struct builder *builder, struct shape shape)
{
	double frequencies[LITERAL_MAX], sum = 0;
	size_t step = builder->count / ESTIMATED + 1, seen = 0;
	for (size_t i = 0; i < builder->count; i += step, seen++) {
		unsigned windows =
			window_frequencies(builder, shape, builder->literals[i].text, frequencies);
		sum += frequencies[rarest(frequencies, windows)];
	}
	double grams = (double)builder->count * shape.stride;
	double by_chance = grams / (double)(1ull << filter_bits(builder->count, shape.stride));
	double passing = sum * (double)builder->count / (double)seen + by_chance;
	return (1 + FALSE_ALARM * SL_MIN(passing, 1.0)) / shape.stride;
}

static struct shape
choose_shape(const struct builder *builder)
{
	size_t shortest = builder->literals[0].text.len;
	for (size_t i = 1; i < builder->count; i++)
		shortest = SL_MIN(shortest, builder->literals[i].text.len);
	unsigned gram = (unsigned)SL_MIN(shortest, (size_t)GRAM_MIN);
	struct shape best = { gram, 1 };
	double least = cost_of(builder, best);
	for (; gram <= SL_GRAMS_GRAM && gram <= shortest; gram++) {
		for (unsigned stride = 1; stride <= SL_GRAMS_STRIDE; stride++) {
			struct shape shape = { gram, stride };
			double cost =
				gram + stride - 1 <= shortest ? cost_of(builder, shape) : least;
			if (cost >= least)
				continue;
			least = cost;
			best = shape;
		}
	}
	return best;
}

/* ---- tables ---- */

static uint64_t
mask_of(unsigned len)
{
	unsigned char bytes[sizeof(uint64_t)] = { 0 };
	uint64_t mask;
	memset(bytes, 0xff, SL_MIN(len, sizeof(bytes)));
	memcpy(&mask, bytes, sizeof(mask));
	return mask;
}

/* Bits of an index for `count` things, a slot or more for each. */
static unsigned
table_bits(uint64_t count)
{
	unsigned bits = TABLE_BITS_MIN;
	while (bits < TABLE_BITS_MAX && (1ull << bits) < count)
		bits++;
	return bits;
}

static void
set_shape(struct builder *builder)
{
	struct sl_match_grams *grams = builder->grams;
	struct shape shape = builder->shape;
	grams->ignore_case = builder->ignore_case;
	grams->gram = shape.gram;
	grams->stride = shape.stride;
	grams->window = shape.gram + shape.stride - 1;
	grams->gram_mask = mask_of(grams->gram);
	grams->head_mask = mask_of(grams->window);
	grams->fold = builder->ignore_case ? 0x0101010101010101ull * SL_MATCH_FOLD : 0;
	grams->filter_shift = 64 - filter_bits(builder->count, shape.stride);
	grams->places_shift = 64 - table_bits((uint64_t)builder->count * shape.stride * 2);
	grams->slots_shift = 32 - table_bits((uint64_t)builder->count);
	grams->count = builder->count;
}

static bool
make_tables(struct builder *builder)
{
	struct sl_match_grams *grams = builder->grams;
	size_t filter = (1ull << (64 - grams->filter_shift)) / 8;
	size_t places = 1ull << (64 - grams->places_shift),
	       slots = 1ull << (32 - grams->slots_shift);
	size_t texts = 0;
	for (size_t i = 0; i < builder->count; i++)
		texts += builder->literals[i].text.len;
	grams->filter = calloc(filter, 1);
	grams->places = calloc(places, 1);
	grams->slots = malloc(slots * sizeof(*grams->slots));
	grams->entries = calloc(builder->count, sizeof(*grams->entries));
	grams->texts = malloc(texts);
	builder->used = calloc(slots, sizeof(*builder->used));
	if (!grams->filter || !grams->places || !grams->slots || !grams->entries || !grams->texts ||
		!builder->used || texts > UINT32_MAX)
		return false;
	memset(grams->slots, 0xff, slots * sizeof(*grams->slots));
	grams->size = sizeof(*grams) + filter + places + slots * sizeof(*grams->slots) +
		      builder->count * sizeof(*grams->entries) + texts;
	return true;
}

/* ---- literals ---- */

static unsigned
choose_window(const struct builder *builder, struct sl_span text)
{
	const struct sl_match_grams *grams = builder->grams;
	const unsigned char *bytes = (const unsigned char *)text.data;
	double frequencies[LITERAL_MAX];
	unsigned windows = window_frequencies(builder, builder->shape, text, frequencies);
	unsigned best = rarest(frequencies, windows);
	double most = frequencies[best] * AS_RARE;
	unsigned least_used = UINT16_MAX + 1u;
	for (unsigned i = 0; i < windows; i++) {
		if (frequencies[i] > most)
			continue;
		uint32_t hash = sl_grams_window_hash(grams, bytes + i, bytes + text.len);
		unsigned used = builder->used[hash >> grams->slots_shift];
		bool is_rarer = used == least_used && frequencies[i] < frequencies[best];
		if (used > least_used || (used == least_used && !is_rarer))
			continue;
		least_used = used;
		best = i;
	}
	return best;
}

static void
add_grams(struct sl_match_grams *grams, const unsigned char *window, const unsigned char *end)
{
	for (unsigned i = 0; i < grams->stride; i++) {
		const unsigned char *at = window + i;
		uint64_t word = (size_t)(end - at) >= sizeof(word)
					? sl_grams_load(at)
					: sl_grams_load_few(at, grams->gram);
		uint64_t hash = sl_grams_hash(grams, word);
		size_t index = sl_grams_filter_index(grams, hash);
		grams->filter[index / 8] = (uint8_t)(grams->filter[index / 8] | 1u << (index % 8));
		uint8_t *places = &grams->places[sl_grams_places_index(grams, hash)];
		*places = (uint8_t)(*places | 1u << i);
	}
}

static void
add_literal(struct builder *builder, size_t index, size_t text)
{
	struct sl_match_grams *grams = builder->grams;
	const struct sl_match_literal *literal = &builder->literals[index];
	size_t len = literal->text.len;
	unsigned char *bytes = grams->texts + text;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)literal->text.data[i];
		bytes[i] = grams->ignore_case ? sl_match_lower(c) : c;
	}
	unsigned off = choose_window(builder, sl_span((const char *)bytes, len));
	uint32_t hash = sl_grams_window_hash(grams, bytes + off, bytes + len);
	uint32_t slot = hash >> grams->slots_shift;
	grams->entries[index] = (struct sl_grams_entry){ .hash = hash,
		.next = grams->slots[slot],
		.text = (uint32_t)text,
		.rank = literal->rank,
		.len = (uint8_t)len,
		.off = (uint8_t)off };
	grams->slots[slot] = (uint32_t)index;
	builder->used[slot] = (uint16_t)SL_MIN(builder->used[slot] + 1, UINT16_MAX);
	grams->off_max = SL_MAX(grams->off_max, off);
	add_grams(grams, bytes + off, bytes + len);
}

bool
sl_match_grams_classes(const struct sl_match_grams *grams, struct sl_match_classes *classes)
{
	*classes = (struct sl_match_classes){ .len = SL_MIN(grams->gram, (unsigned)GRAM_MIN) };
	for (size_t i = 0; i < grams->count; i++) {
		const struct sl_grams_entry *entry = &grams->entries[i];
		const unsigned char *window = grams->texts + entry->text + entry->off;
		for (unsigned pos = 0; pos < classes->len; pos++)
			sl_match_classes_add(classes, pos, window[pos], grams->ignore_case);
	}
	return grams->stride == 1;
}

int
sl_match_grams_new(struct sl_match_grams **out, const struct sl_match_literal *literals,
	size_t count, bool ignore_case, struct sl_span sample)
{
	struct builder builder = { .literals = literals,
		.count = count,
		.ignore_case = ignore_case,
		.grams = calloc(1, sizeof(*builder.grams)) };
	*out = NULL;
	if (!builder.grams)
		return -ENOMEM;
	set_frequencies(&builder);
	count_sample(&builder, sample);
	builder.shape = choose_shape(&builder);
	set_shape(&builder);
	bool made = make_tables(&builder);
	size_t text = 0;
	for (size_t i = 0; i < count && made; text += literals[i++].text.len)
		add_literal(&builder, i, text);
	free(builder.used);
	free(builder.counts);
	if (!made) {
		sl_match_grams_free(builder.grams);
		return -ENOMEM;
	}
	*out = builder.grams;
	return 0;
}

void
sl_match_grams_free(struct sl_match_grams *grams)
{
	if (!grams)
		return;
	free(grams->filter);
	free(grams->places);
	free(grams->slots);
	free(grams->entries);
	free(grams->texts);
	free(grams);
}
