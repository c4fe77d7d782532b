/*
 * Sets of literals of any form, in text of any form: plans that are made of a set, by each kernel
 * that runs here, and tables made of all of it, find the lines, the first literals and the ones
 * across a cut that a naive search does. The input's first bytes say how many literals there are,
 * whether case is ignored, where the text is cut, and whether it is a sample for the tables; each
 * literal has a length byte. The rest is the text; literals of it that are long are repeated in it,
 * since chance would not find them.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/cpu.h"
#include "sluice/match/match.h"
#include "sluice/match/match_plans.h"
#include "support/oracle.h"

#define MOST 80u
#define TEXT_LEN 700u

static struct sl_match_literal literals[MOST], sorted[MOST];
static struct sl_span texts[MOST];
static size_t count;
static bool ignore_case;

/* Newlines end a literal; literals that are not given are made of those before. */
static void
take_literals(struct input *in, size_t most)
{
	for (count = 0; count < most; count++) {
		size_t len = take(in) % SL_MATCH_LITERAL_LEN;
		len = SL_MIN(len, in->len);
		const char *data = (const char *)in->at;
		const char *newline = len ? memchr(data, '\n', len) : NULL;
		len = newline ? (size_t)(newline - data) : len;
		texts[count] = sl_span(data, len);
		if (len == 0 && count)
			texts[count] = sl_span(texts[count / 2].data, texts[count / 2].len / 2);
		in->at += len;
		in->len -= len;
		literals[count] = (struct sl_match_literal){ texts[count], (uint32_t)count };
	}
}

static bool
is_at(struct sl_span literal, struct sl_span text, size_t at)
{
	struct sl_span here = { text.data + at, literal.len };
	return at + literal.len <= text.len &&
	       (ignore_case ? sl_span_equal_nocase(here, literal) : sl_span_equal(here, literal));
}

static bool
find_naively(struct sl_span text, size_t *begin, size_t *len)
{
	for (*begin = 0; *begin <= text.len; ++*begin) {
		for (size_t i = 0; i < count; i++) {
			*len = texts[i].len;
			if (is_at(texts[i], text, *begin))
				return true;
		}
	}
	return false;
}

static void
check_find(const struct sl_match_plan *plan, struct sl_span text)
{
	size_t begin, end, want = 0, len = 0;
	bool found =
		sl_match_find(plan, (const unsigned char *)text.data, text.len, 0, &begin, &end);
	must(found == find_naively(text, &want, &len));
	must(!found || (begin == want && end == want + len));
}

static void
check_spans(const struct sl_match_plan *plan, struct sl_span text, size_t cut)
{
	bool want = false, found = false;
	for (size_t at = 0; at < cut; at++)
		for (size_t i = 0; i < count; i++)
			want = want || (at + texts[i].len > cut && is_at(texts[i], text, at));
	for (; plan; plan = plan->next)
		found = found ||
			sl_match_spans(plan, (const unsigned char *)text.data, text.len, cut);
	must(found == want);
}

/* For each line of the text, whether it holds a literal. */
static bool hits[TEXT_LEN + 1];

static void
find_lines(struct sl_span text)
{
	struct sl_span line;
	for (size_t i = 0; oracle_next_line(&text, &line); i++)
		hits[i] = oracle_line_hit(line, texts, count, ignore_case);
}

static void
check_lines(
	const struct sl_match_plan *plan, const struct sl_match_kernel *kernel, struct sl_span text)
{
	uint64_t marks[SL_MATCH_MARK_WORDS(TEXT_LEN)] = { 0 };
	struct sl_match_counts counts;
	bool head = false, tail = false;
	for (; plan; plan = plan->next) {
		kernel->scan(
			plan, (const unsigned char *)text.data, text.len, marks, NULL, &counts);
		head = head || counts.head_hit;
		tail = tail || counts.tail_hit;
	}
	struct sl_span rest = text, line;
	for (size_t i = 0; oracle_next_line(&rest, &line); i++) {
		size_t end = (size_t)(line.data - text.data) + line.len;
		bool hit = hits[i];
		must(line.data != text.data || head == hit);
		must(end < text.len || tail == hit);
		if (line.data != text.data && end < text.len)
			must((marks[end / 64] >> (end % 64) & 1) == hit);
	}
}

static void
check(const struct sl_match_plan *plan, struct sl_span text, size_t cut)
{
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++)
		if (sl_match_by_name(kernel->name, sl_cpu_features()))
			check_lines(plan, kernel, text);
	check_find(plan, text);
	check_spans(plan, text, SL_MIN(cut, text.len));
}

/* The input's bytes, with some of the literals put among them. */
static size_t
make_text(struct input *in, char text[TEXT_LEN])
{
	size_t len = 0;
	while (in->len && len < TEXT_LEN) {
		char c = (char)take(in);
		struct sl_span literal = texts[(unsigned char)c % count];
		bool repeats = literal.len > 4 && in->len % 16 == 0;
		if (repeats && len + literal.len < TEXT_LEN) {
			memcpy(text + len, literal.data, literal.len);
			len += literal.len;
		}
		text[len++] = c;
		if (len == TEXT_LEN)
			break;
	}
	return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct sl_match_plans plans = { 0 };
	struct sl_match_plan tables;
	char text[TEXT_LEN];
	size_t most = 1 + take(&in) % MOST, cut = take(&in);
	ignore_case = take(&in) & 1;
	take_literals(&in, most);
	struct sl_span span = sl_span(text, make_text(&in, text));
	find_lines(span);
	memcpy(sorted, literals, sizeof(literals));
	const struct sl_span sample = cut % 2 ? span : sl_span("", 0);
	plans.sample = sample;
	must(sl_match_plans_add(&plans, sorted, count, ignore_case, false) == 0);
	sl_match_plans_join(plans.items, plans.count);
	check(plans.items, span, cut);
	sl_match_plans_release(&plans);
	bool has_empty = false;
	for (size_t i = 0; i < count; i++)
		has_empty = has_empty || texts[i].len == 0;
	if (has_empty)
		return 0;
	must(sl_match_plan_init_grams(&tables, literals, count, ignore_case, sample) == 0);
	check(&tables, span, cut);
	sl_match_plan_release(&tables);
	return 0;
}
