/*
 * match_grams.c - the search with sampled grams, for more literals than the shuffles of Teddy tell
 * apart.
 *
 * Of each literal a window of gram + stride - 1 bytes is chosen (match_grams_build.c). Wherever a
 * literal stands, one of the `stride` grams of its window begins at a sampled place:
 *
 *     for each `stride`th place of the text:
 *         is this gram one of a window?              (a bit of `filter`, some 98 % end here)
 *         at which bytes of a window?                (a byte of `places`)
 *         for each: is it a window?                  (`slots`, by the hash of all its bytes)
 *             for each literal with that window:     (a chain of `entries`)
 *                 is it here?
 *
 * Where every place is a sample, those are left out at which the kernel finds that no gram begins,
 * by the classes of its bytes (sl_match_grams_any_of): at most places of a log no word goes on.
 *
 * The hash of the whole window bounds what follows: literals that share a gram, such as a thousand
 * of the form aaa...baaa, are only compared where their window is too.
 */
#include "match_grams_int.h"

/* Ends of what is searched: windows and literals lie within. */
struct extent {
	const unsigned char *begin, *end;
};

static bool
equal(const struct sl_match_grams *grams, const unsigned char *data, const unsigned char *text,
	size_t len)
{
	if (!grams->ignore_case)
		return memcmp(data, text, len) == 0;
	for (size_t i = 0; i < len; i++) {
		if (sl_lower(data[i]) != text[i])
			return false;
	}
	return true;
}

/* Where the literal of an entry begins, whose window is at `at`; NULL if it is not there. */
static const unsigned char *
literal_at(const struct sl_match_grams *grams, const struct sl_grams_entry *entry,
	struct extent extent, const unsigned char *at)
{
	if ((size_t)(at - extent.begin) < entry->off)
		return NULL;
	at -= entry->off;
	bool fits = (size_t)(extent.end - at) >= entry->len;
	return fits && equal(grams, at, grams->texts + entry->text, entry->len) ? at : NULL;
}

static const struct sl_grams_entry *
entry_of(const struct sl_match_grams *grams, uint32_t index)
{
	return index == SL_GRAMS_NONE ? NULL : &grams->entries[index];
}

/* The first entry in the chain of a window, which lies within the extent. */
static const struct sl_grams_entry *
chain_of(const struct sl_match_grams *grams, uint32_t hash)
{
	return entry_of(grams, grams->slots[hash >> grams->slots_shift]);
}

static const unsigned char *
any_at_window(const struct sl_match_grams *grams, struct extent extent, const unsigned char *at)
{
	uint32_t hash = sl_grams_window_hash(grams, at, extent.end);
	const struct sl_grams_entry *entry = chain_of(grams, hash);
	for (; entry; entry = entry_of(grams, entry->next)) {
		const unsigned char *begin =
			entry->hash == hash ? literal_at(grams, entry, extent, at) : NULL;
		if (begin)
			return begin;
	}
	return NULL;
}

/* What is known of a gram at `at`: it passed the filter. */
static SL_NOINLINE const unsigned char *
any_at_sample(const struct sl_match_grams *grams, struct extent extent, const unsigned char *at,
	uint64_t hash)
{
	unsigned bits = grams->places[sl_grams_places_index(grams, hash)];
	for (; bits; bits &= bits - 1) {
		size_t off = (size_t)__builtin_ctz(bits);
		if (off > (size_t)(at - extent.begin))
			break;
		const unsigned char *window = at - off;
		if ((size_t)(extent.end - window) < grams->window)
			continue;
		const unsigned char *begin = any_at_window(grams, extent, window);
		if (begin)
			return begin;
	}
	return NULL;
}

static inline unsigned
passes(const struct sl_match_grams *grams, uint64_t hash)
{
	size_t index = sl_grams_filter_index(grams, hash);
	return (unsigned)grams->filter[index / 8] >> (index % 8) & 1u;
}

#define UNROLLED 4u /* samples between two branches */

static inline unsigned
passes_at(const struct sl_match_grams *grams, const unsigned char *at)
{
	return passes(grams, sl_grams_hash(grams, sl_grams_load(at)));
}

/* The next sample from `at` on, up to `last`, that passes the filter; else one behind `last`. */
static inline const unsigned char *
next_sample(const struct sl_match_grams *grams, const unsigned char *at, const unsigned char *last)
{
	const size_t stride = grams->stride;
	while ((size_t)(last - at) >= UNROLLED * stride) {
		unsigned found = passes_at(grams, at) | passes_at(grams, at + stride) << 1 |
				 passes_at(grams, at + 2 * stride) << 2 |
				 passes_at(grams, at + 3 * stride) << 3;
		if (__builtin_expect(found != 0, 0))
			return at + (unsigned)__builtin_ctz(found) * stride;
		at += UNROLLED * stride;
	}
	while (at <= last && !passes_at(grams, at))
		at += stride;
	return at;
}

bool
sl_match_grams_any(const struct sl_match_grams *grams, const unsigned char *data, size_t len,
	size_t from, size_t *begin)
{
	struct extent extent = { data + from, data + len };
	const unsigned char *at = extent.begin, *found = NULL;
	if (len - from < grams->window)
		return false;
	if (len - from >= sizeof(uint64_t)) {
		const unsigned char *last = extent.end - sizeof(uint64_t);
		while (!found && at <= last && (at = next_sample(grams, at, last)) <= last) {
			uint64_t hash = sl_grams_hash(grams, sl_grams_load(at));
			found = any_at_sample(grams, extent, at, hash);
			at += grams->stride;
		}
	}
	for (; !found && (size_t)(extent.end - at) >= grams->gram; at += grams->stride) {
		uint64_t hash = sl_grams_hash(grams, sl_grams_load_few(at, grams->gram));
		if (passes(grams, hash))
			found = any_at_sample(grams, extent, at, hash);
		if ((size_t)(extent.end - at) < grams->stride)
			break;
	}
	if (found)
		*begin = (size_t)(found - data);
	return found != NULL;
}

bool
sl_match_grams_any_of(const struct sl_match_grams *grams, const unsigned char *data, size_t len,
	size_t from, const struct sl_match_grams_places *places, size_t *begin)
{
	struct extent extent = { data + from, data + len };
	size_t off = SL_MAX(from, places->begin) - places->begin, end = places->end - places->begin;
	uint64_t mask = ~0ull << (off % 64);
	for (off -= off % 64; off < end; off += 64, mask = ~0ull) {
		uint64_t bits = places->bits[off / 64] & mask;
		if (end - off < 64)
			bits &= (1ull << (end - off)) - 1;
		for (; bits; bits &= bits - 1) {
			size_t place = places->begin + off + (size_t)__builtin_ctzll(bits);
			size_t rest = len - place;
			if (rest < grams->gram)
				return false;
			const unsigned char *at = data + place, *found;
			uint64_t word = rest >= sizeof(word) ? sl_grams_load(at)
							     : sl_grams_load_few(at, grams->gram);
			uint64_t hash = sl_grams_hash(grams, word);
			if (!passes(grams, hash) ||
				!(found = any_at_sample(grams, extent, at, hash)))
				continue;
			*begin = (size_t)(found - data);
			return true;
		}
	}
	return false;
}

/* ---- a byte at a time ---- */

/* May a window begin here? `at` is within the extent. */
static bool
may_be_window(const struct sl_match_grams *grams, struct extent extent, const unsigned char *at)
{
	size_t rest = (size_t)(extent.end - at);
	if (rest < grams->window)
		return false;
	uint64_t word =
		rest >= sizeof(word) ? sl_grams_load(at) : sl_grams_load_few(at, grams->gram);
	uint64_t hash = sl_grams_hash(grams, word);
	return passes(grams, hash) && grams->places[sl_grams_places_index(grams, hash)] & 1;
}

struct place {
	const unsigned char *begin;
	const struct sl_grams_entry *entry;
};

/* Is a literal with its window at `at` ahead of the best one? */
static void
improve(const struct sl_match_grams *grams, struct extent extent, const unsigned char *at,
	struct place *best)
{
	uint32_t hash = sl_grams_window_hash(grams, at, extent.end);
	const struct sl_grams_entry *entry = chain_of(grams, hash);
	for (; entry; entry = entry_of(grams, entry->next)) {
		const unsigned char *begin =
			entry->hash == hash ? literal_at(grams, entry, extent, at) : NULL;
		if (!begin)
			continue;
		bool is_ahead = !best->entry || begin < best->begin ||
				(begin == best->begin && entry->rank < best->entry->rank);
		if (is_ahead)
			*best = (struct place){ begin, entry };
	}
}

bool
sl_match_grams_find(const struct sl_match_grams *grams, const unsigned char *data, size_t len,
	size_t from, size_t *begin, size_t *end, uint32_t *rank)
{
	struct extent extent = { data + from, data + len };
	struct place best = { 0 };
	const unsigned char *last = extent.end;
	for (const unsigned char *at = extent.begin; at < last; at++) {
		if (!may_be_window(grams, extent, at))
			continue;
		improve(grams, extent, at, &best);
		/* Another literal that begins no later has its window no further behind. */
		size_t rest = best.entry ? (size_t)(extent.end - best.begin) : 0;
		if (rest > grams->off_max)
			last = best.begin + grams->off_max + 1;
	}
	if (!best.entry)
		return false;
	*begin = (size_t)(best.begin - data);
	*end = *begin + best.entry->len;
	*rank = best.entry->rank;
	return true;
}

static void
set_ranks(const struct sl_match_grams *grams, struct extent extent, const unsigned char *at,
	uint64_t *ranks)
{
	uint32_t hash = sl_grams_window_hash(grams, at, extent.end);
	const struct sl_grams_entry *entry = chain_of(grams, hash);
	for (; entry; entry = entry_of(grams, entry->next)) {
		if (entry->hash == hash && literal_at(grams, entry, extent, at))
			ranks[entry->rank / 64] |= 1ull << (entry->rank % 64);
	}
}

void
sl_match_grams_ranks(
	const struct sl_match_grams *grams, const unsigned char *data, size_t len, uint64_t *ranks)
{
	struct extent extent = { data, data + len };
	for (const unsigned char *at = data; at < extent.end; at++) {
		if (may_be_window(grams, extent, at))
			set_ranks(grams, extent, at, ranks);
	}
}

static bool
spans_at(const struct sl_match_grams *grams, struct extent extent, const unsigned char *at,
	const unsigned char *cut)
{
	uint32_t hash = sl_grams_window_hash(grams, at, extent.end);
	const struct sl_grams_entry *entry = chain_of(grams, hash);
	for (; entry; entry = entry_of(grams, entry->next)) {
		const unsigned char *begin =
			entry->hash == hash ? literal_at(grams, entry, extent, at) : NULL;
		if (begin && begin < cut && begin + entry->len > cut)
			return true;
	}
	return false;
}

bool
sl_match_grams_spans(
	const struct sl_match_grams *grams, const unsigned char *data, size_t len, size_t cut)
{
	struct extent extent = { data, data + len };
	for (const unsigned char *at = data; at < extent.end; at++) {
		if (may_be_window(grams, extent, at) && spans_at(grams, extent, at, data + cut))
			return true;
	}
	return false;
}

size_t
sl_match_grams_size(const struct sl_match_grams *grams)
{
	return grams->size;
}
