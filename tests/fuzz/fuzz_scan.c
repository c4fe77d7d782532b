/*
 * A block scanned in pieces against a naive splitter. The input's first byte says how many literals
 * follow, whether case counts, and whether each gets a plan of its own and those are joined; each
 * literal has a length byte; two bytes seed where the rest, the text, is cut. Each piece is scanned
 * by another kernel, neighbours are merged in an order that the seed says, and the totals are those
 * of the naive splitter.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/block.h"
#include "sluice/match/lines.h"
#include "support/oracle.h"

#define MOST_LITERALS 7
#define MOST_PARTS 32

static size_t
take_literals(struct input *in, struct sl_span *literals, bool *ignore_case, bool *joined)
{
	uint8_t head = take(in);
	size_t count = head % (MOST_LITERALS + 1);
	*ignore_case = head & 0x80;
	*joined = head & 0x40;
	for (size_t i = 0; i < count; i++) {
		size_t len = take(in) % (SL_MATCH_LITERAL_LEN + 1);
		len = SL_MIN(len, in->len);
		literals[i] = sl_span((const char *)in->at, len);
		in->at += len;
		in->len -= len;
	}
	return count;
}

/* Kernels take turns. */
static const struct sl_match_kernel *
next_kernel(size_t *turn)
{
	for (;;) {
		const struct sl_match_kernel *kernel = sl_match_nth((*turn)++);
		if (!kernel)
			*turn = 0;
		else if (sl_match_by_name(kernel->name, sl_cpu_features()))
			return kernel;
	}
}

static struct sl_match_plan plans[MOST_LITERALS];

/* The marked lines of a piece are its closed lines that match. */
static void
check_marks(const uint8_t *data, size_t len, const uint64_t *marks, uint64_t hits)
{
	struct sl_lines lines;
	struct sl_line line;
	uint64_t seen = 0;
	size_t begin, end;
	sl_lines_init(&lines, NULL, data, len, marks);
	while (sl_lines_next(&lines, &line)) {
		must(sl_match_find(plans, line.text, line.len, 0, &begin, &end));
		seen++;
	}
	must(seen == hits);
}

static bool
make_plans(const struct sl_span *literals, size_t count, bool ignore_case, bool joined)
{
	size_t each = joined && count > 0 ? 1 : count, made = 0;
	for (size_t at = 0; at < count || made == 0; at += each) {
		if (sl_match_plan_init(&plans[made++], literals + at, each, ignore_case) != 0)
			return false;
	}
	sl_match_plans_join(plans, made);
	return true;
}

static size_t
scan_parts(struct sl_random *random, struct input text, struct sl_block_result *parts)
{
	size_t count = 0, turn = sl_random_below(random, 3);
	while (count < MOST_PARTS) {
		bool is_last = count == MOST_PARTS - 1 || sl_random_below(random, 8) == 0;
		size_t some = sl_random_below(random, SL_MIN(text.len, (size_t)600) + 1);
		size_t len = is_last ? text.len : some;
		uint64_t *marks = calloc(SL_MATCH_MARK_WORDS(len) + 1, 8);
		must(marks);
		sl_block_scan(next_kernel(&turn), plans, NULL, text.at, len, marks, &parts[count]);
		uint64_t hits = parts[count].hits;
		check_marks(text.at, len, marks, hits);
		/* Without marks it goes another way to the same end. */
		sl_block_scan(next_kernel(&turn), plans, NULL, text.at, len, NULL, &parts[count]);
		free(marks);
		must(parts[count].hits == hits);
		count++;
		text.at += len;
		text.len -= len;
		if (is_last)
			break;
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct sl_span literals[MOST_LITERALS];
	struct sl_block_result parts[MOST_PARTS];
	struct sl_random random;
	bool ignore_case, joined;
	size_t count = take_literals(&in, literals, &ignore_case, &joined);
	uint64_t seed = take(&in);
	sl_random_init(&random, seed << 8 | take(&in));
	if (!make_plans(literals, count, ignore_case, joined))
		return 0;
	size_t left = scan_parts(&random, in, parts);
	for (; left > 1; left--) {
		size_t at = sl_random_below(&random, left - 1);
		sl_block_merge(plans, &parts[at], &parts[at + 1]);
		memmove(&parts[at + 1], &parts[at + 2], (left - at - 2) * sizeof(parts[0]));
	}
	struct sl_block_totals got = sl_block_finish(&parts[0]);
	struct oracle_totals want =
		oracle_count(sl_span((const char *)in.at, in.len), literals, count, ignore_case);
	must(got.bytes == in.len && got.lines == want.lines && got.hits == want.hits);
	return 0;
}
