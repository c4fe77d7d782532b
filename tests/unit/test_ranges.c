/* Ranges against an oracle that has a state for each byte, over random operations. */
#include "sluice/base/random.h"
#include "sluice/download/ranges.h"

#include <criterion/criterion.h>
#include <errno.h>

#define TOTAL_MAX 200
#define LEASES 6

struct oracle {
	uint64_t total;
	bool done[TOTAL_MAX];
	struct sl_lease leases[LEASES];
};

static bool
is_leased(const struct oracle *oracle, uint64_t off)
{
	for (size_t i = 0; i < LEASES; i++)
		if (oracle->leases[i].is_active && oracle->leases[i].at <= off &&
			off < oracle->leases[i].end)
			return true;
	return false;
}

static void
check(const struct oracle *oracle, const struct sl_ranges *ranges)
{
	uint64_t done = 0, frontier = 0;
	for (uint64_t off = 0; off < oracle->total; off++)
		done += oracle->done[off];
	while (frontier < oracle->total && oracle->done[frontier])
		frontier++;
	cr_assert_eq(ranges->done_bytes, done);
	cr_assert_eq(sl_ranges_frontier(ranges), frontier);
	cr_assert_eq(sl_ranges_is_complete(ranges), done == oracle->total);
	struct sl_range missing = { 0 };
	for (uint64_t off = 0; sl_ranges_next_missing(ranges, off, &missing); off = missing.end) {
		for (; off < missing.begin; off++)
			cr_assert(oracle->done[off]);
		for (; off < missing.end; off++)
			cr_assert_not(oracle->done[off]);
		cr_assert(off == oracle->total || oracle->done[off]);
	}
	struct sl_range found = { 0 };
	uint64_t seen = 0;
	for (uint64_t off = 0; sl_ranges_next_done(ranges, off, &found); off = found.end) {
		cr_assert(found.begin >= off && found.begin < found.end);
		for (; off < found.end; off++)
			cr_assert_eq(oracle->done[off], off >= found.begin);
		seen += found.end - found.begin;
	}
	cr_assert_eq(seen, done);
	size_t at = 0;
	for (size_t i = 0; i < ranges->count; i++) {
		cr_assert_lt(ranges->done[i].begin, ranges->done[i].end);
		cr_assert(i == 0 || ranges->done[i - 1].end < ranges->done[i].begin);
		for (; at < ranges->done[i].end; at++)
			cr_assert_eq(oracle->done[at], at >= ranges->done[i].begin);
	}
	for (; at < oracle->total; at++)
		cr_assert_not(oracle->done[at]);
}

static struct sl_lease *
free_lease(struct oracle *oracle)
{
	for (size_t i = 0; i < LEASES; i++)
		if (!oracle->leases[i].is_active)
			return &oracle->leases[i];
	return NULL;
}

static struct sl_lease *
some_lease(struct oracle *oracle, struct sl_random *random)
{
	struct sl_lease *lease = &oracle->leases[sl_random_below(random, LEASES)];
	return lease->is_active ? lease : NULL;
}

static void
try_lease(struct oracle *oracle, struct sl_ranges *ranges, struct sl_random *random)
{
	struct sl_lease *lease = free_lease(oracle);
	uint64_t first = 0, most = 1 + sl_random_below(random, 40), want = 0;
	while (first < oracle->total && (oracle->done[first] || is_leased(oracle, first)))
		first++;
	while (want < most && first + want < oracle->total && !oracle->done[first + want] &&
		!is_leased(oracle, first + want))
		want++;
	if (!lease)
		return;
	int result = sl_ranges_lease(ranges, lease, most);
	cr_assert_eq(result, first == oracle->total ? SL_LEASE_NONE : SL_LEASE_GRANTED);
	if (result == SL_LEASE_NONE)
		return;
	cr_assert_eq(lease->at, first);
	cr_assert_eq(lease->end, first + want);
}

static void
try_advance(struct oracle *oracle, struct sl_ranges *ranges, struct sl_random *random)
{
	struct sl_lease *lease = some_lease(oracle, random);
	if (!lease)
		return;
	uint64_t bytes = sl_random_below(random, lease->end - lease->at + 1);
	uint64_t fresh = 0;
	for (uint64_t i = 0; i < bytes; i++) {
		fresh += !oracle->done[lease->at + i];
		oracle->done[lease->at + i] = true;
	}
	cr_assert_eq(sl_ranges_advance(ranges, lease, bytes), fresh);
}

static void
try_split(struct oracle *oracle, struct sl_ranges *ranges, struct sl_random *random)
{
	struct sl_lease *lease = free_lease(oracle);
	uint64_t grain = 1 + sl_random_below(random, 8), largest = 0;
	if (!lease)
		return;
	for (size_t i = 0; i < LEASES; i++)
		if (oracle->leases[i].is_active && !oracle->leases[i].twin)
			largest = SL_MAX(largest, oracle->leases[i].end - oracle->leases[i].at);
	if (sl_ranges_split(ranges, lease, grain) == SL_LEASE_NONE) {
		cr_assert_lt(largest, 4 * grain, "large enough for a cut, wherever the grid is");
		return;
	}
	cr_assert_eq(lease->at % grain, 0);
	cr_assert_geq(lease->end - lease->at, grain);
	cr_assert_leq(lease->end - lease->at, (largest + 1) / 2);
	unsigned others = 0;
	for (size_t i = 0; i < LEASES; i++)
		others += oracle->leases[i].is_active && oracle->leases[i].end == lease->at;
	cr_assert_geq(others, 1, "the other half");
}

static void
try_extend(struct oracle *oracle, struct sl_ranges *ranges, struct sl_random *random)
{
	struct sl_lease *lease = some_lease(oracle, random);
	uint64_t most = 1 + sl_random_below(random, 40), want = 0;
	if (!lease)
		return;
	uint64_t end = lease->end;
	while (!lease->twin && want < most && end + want < oracle->total &&
		!oracle->done[end + want] && !is_leased(oracle, end + want))
		want++;
	cr_assert_eq(sl_ranges_extend(ranges, lease, most), want > 0);
	cr_assert_eq(lease->end, end + want);
}

static void
check_done(const struct oracle *oracle, const struct sl_ranges *ranges, struct sl_random *random)
{
	uint64_t begin = sl_random_below(random, oracle->total + 1);
	uint64_t end = begin + sl_random_below(random, oracle->total - begin + 1), done = 0;
	while (begin + done < oracle->total && oracle->done[begin + done])
		done++;
	cr_assert_eq(sl_ranges_done_from(ranges, begin), done);
	cr_assert_eq(sl_ranges_has(ranges, (struct sl_range){ begin, end }), done >= end - begin);
}

static void
try_hedge(struct oracle *oracle, struct sl_ranges *ranges, struct sl_random *random)
{
	struct sl_lease *of = some_lease(oracle, random), *lease = free_lease(oracle);
	if (!of || !lease)
		return;
	bool hedged = of->twin != NULL;
	cr_assert_eq(sl_ranges_hedge(ranges, lease, of), hedged ? -EALREADY : 0);
	if (hedged)
		return;
	cr_assert_eq(lease->at, of->at);
	cr_assert_eq(lease->end, of->end);
}

static void
try_add_done(struct oracle *oracle, struct sl_ranges *ranges, struct sl_random *random)
{
	uint64_t begin = sl_random_below(random, oracle->total + 1);
	uint64_t end = begin + sl_random_below(random, oracle->total - begin + 1);
	for (uint64_t off = begin; off < end; off++)
		if (is_leased(oracle, off))
			return;
	for (uint64_t off = begin; off < end; off++)
		oracle->done[off] = true;
	cr_assert_eq(sl_ranges_add_done(ranges, (struct sl_range){ begin, end }), 0);
}

static void
try_remove_done(struct oracle *oracle, struct sl_ranges *ranges, struct sl_random *random)
{
	uint64_t begin = sl_random_below(random, oracle->total + 1);
	uint64_t end = begin + sl_random_below(random, (oracle->total - begin) / 4 + 1);
	for (uint64_t off = begin; off < end; off++)
		if (is_leased(oracle, off))
			return;
	for (uint64_t off = begin; off < end; off++)
		oracle->done[off] = false;
	cr_assert_eq(sl_ranges_remove_done(ranges, (struct sl_range){ begin, end }), 0);
}

/* No byte is leased twice but by a hedge. */
static void
check_leases(const struct oracle *oracle)
{
	for (uint64_t off = 0; off < oracle->total; off++) {
		unsigned plain = 0;
		for (size_t i = 0; i < LEASES; i++) {
			const struct sl_lease *lease = &oracle->leases[i];
			plain += lease->is_active && !lease->twin && lease->at <= off &&
				 off < lease->end;
		}
		cr_assert_leq(plain, 1);
	}
}

static void
one_step(struct oracle *oracle, struct sl_ranges *ranges, struct sl_random *random)
{
	switch (sl_random_below(random, 10)) {
	case 0:
	case 1:
		try_lease(oracle, ranges, random);
		break;
	case 2:
	case 3:
	case 4:
		try_advance(oracle, ranges, random);
		break;
	case 5:
		try_split(oracle, ranges, random);
		break;
	case 7:
		try_extend(oracle, ranges, random);
		break;
	case 6:
		try_hedge(oracle, ranges, random);
		break;
	case 8:
		if (sl_random_below(random, 2) == 0)
			try_add_done(oracle, ranges, random);
		else
			try_remove_done(oracle, ranges, random);
		break;
	default:
		sl_ranges_give_back(ranges, &oracle->leases[sl_random_below(random, LEASES)]);
		break;
	}
}

Test(ranges, bytes_are_missing_leased_or_done_whatever_happens_in_which_order)
{
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct sl_random random;
		struct sl_ranges ranges;
		struct oracle oracle = { 0 };
		sl_random_init(&random, seed);
		oracle.total = sl_random_below(&random, TOTAL_MAX + 1);
		sl_ranges_init(&ranges, oracle.total);
		for (unsigned i = 0; i < 200; i++) {
			one_step(&oracle, &ranges, &random);
			check(&oracle, &ranges);
			check_leases(&oracle);
			check_done(&oracle, &ranges, &random);
		}
		for (size_t i = 0; i < LEASES; i++)
			sl_ranges_give_back(&ranges, &oracle.leases[i]);
		sl_ranges_release(&ranges);
	}
}

Test(ranges, leases_that_are_all_fetched_complete_the_file)
{
	struct sl_ranges ranges;
	struct sl_lease leases[3] = { 0 };
	sl_ranges_init(&ranges, 100);
	cr_assert_eq(sl_ranges_lease(&ranges, &leases[0], 60), SL_LEASE_GRANTED);
	cr_assert_eq(sl_ranges_lease(&ranges, &leases[1], 60), SL_LEASE_GRANTED);
	cr_assert_eq(sl_ranges_lease(&ranges, &leases[2], 60), SL_LEASE_NONE);
	cr_assert_eq(sl_ranges_split(&ranges, &leases[2], 10), SL_LEASE_GRANTED);
	cr_expect_eq(leases[2].at, 30);
	cr_expect_eq(leases[0].end, 30);
	cr_expect_eq(sl_ranges_advance(&ranges, &leases[2], 30), 30);
	cr_expect_eq(sl_ranges_frontier(&ranges), 0);
	cr_expect_eq(sl_ranges_advance(&ranges, &leases[0], 30), 30);
	cr_expect_eq(sl_ranges_frontier(&ranges), 60);
	cr_expect_not(sl_ranges_is_complete(&ranges));
	cr_expect_eq(sl_ranges_advance(&ranges, &leases[1], 40), 40);
	cr_expect(sl_ranges_is_complete(&ranges));
	for (size_t i = 0; i < SL_COUNT_OF(leases); i++)
		sl_ranges_give_back(&ranges, &leases[i]);
	sl_ranges_release(&ranges);
}

/* Against the oracle's bytes: cells are the parts of equal length, the last bytes included. */
static void
check_map(const struct oracle *oracle, const struct sl_ranges *ranges, size_t count)
{
	uint8_t cells[64];
	sl_ranges_map(ranges, cells, count);
	for (size_t i = 0; i < count; i++) {
		uint64_t begin = oracle->total * i / count, end = oracle->total * (i + 1) / count;
		uint64_t done = 0;
		for (uint64_t off = begin; off < end; off++)
			done += oracle->done[off];
		cr_assert_eq(cells[i] == SL_RANGES_CELL_FULL, done == end - begin);
		cr_assert_eq(cells[i] == 0, done == 0 && begin < end);
		uint64_t exact = begin < end ? done * SL_RANGES_CELL_FULL / (end - begin)
					     : SL_RANGES_CELL_FULL;
		cr_assert(cells[i] <= exact + 1 && cells[i] + 1u >= exact, "%u, not %llu", cells[i],
			(unsigned long long)exact);
	}
}

Test(ranges, the_map_shows_how_much_of_each_part_of_the_file_is_done)
{
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct sl_random random;
		sl_random_init(&random, seed);
		struct oracle oracle = { .total = sl_random_below(&random, TOTAL_MAX) };
		struct sl_ranges ranges;
		sl_ranges_init(&ranges, oracle.total);
		for (unsigned i = 0; i < 5 && oracle.total > 0; i++) {
			uint64_t begin = sl_random_below(&random, oracle.total);
			uint64_t len = 1 + sl_random_below(&random, oracle.total - begin);
			struct sl_range range = { begin, begin + len };
			memset(oracle.done + begin, true, len);
			cr_assert_eq(sl_ranges_add_done(&ranges, range), 0);
			for (size_t count = 1; count <= 64; count++)
				check_map(&oracle, &ranges, count);
		}
		sl_ranges_release(&ranges);
	}
}

Test(ranges, the_map_of_the_largest_file_does_not_overflow)
{
	struct sl_ranges ranges;
	struct sl_range half = { 0, UINT64_MAX / 2 }, end = { UINT64_MAX - 1, UINT64_MAX };
	uint8_t cells[60];
	sl_ranges_init(&ranges, UINT64_MAX);
	cr_assert_eq(sl_ranges_add_done(&ranges, half), 0);
	cr_assert_eq(sl_ranges_add_done(&ranges, end), 0);
	sl_ranges_map(&ranges, cells, SL_COUNT_OF(cells));
	for (size_t i = 0; i < SL_COUNT_OF(cells); i++)
		cr_expect_eq(cells[i], i < 30 ? SL_RANGES_CELL_FULL : i == 59, "cell %zu", i);
	sl_ranges_release(&ranges);
}

Test(ranges, an_empty_file_is_complete_from_the_start)
{
	struct sl_ranges ranges;
	struct sl_lease lease = { 0 };
	sl_ranges_init(&ranges, 0);
	cr_expect(sl_ranges_is_complete(&ranges));
	cr_expect_eq(sl_ranges_lease(&ranges, &lease, 1), SL_LEASE_NONE);
	sl_ranges_release(&ranges);
}
