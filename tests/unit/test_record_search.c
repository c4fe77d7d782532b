#include "sluice/follow/record_search.h"

#include "sluice/base/random.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* Lines of all looks, in an order that leaves each state before each look. */
static const char *const lines[] = { "2024-01-01 ERROR failed", "\tat A.main(A.java:3)", "",
	"java.io.IOException: one", "Caused by: x",
	"Traceback (most recent call last):", "KeyError: 'x'",
	"goroutine 1 [running]:", "main.run(0x1)", "exit status 2",
	"thread 'main' panicked at a.rs:4:5:", "explicit panic", "x\r", "#0 file(1): f()" };

static void
fill(struct sl_buf *text, struct sl_random *random, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		sl_buf_add_str(text, lines[sl_random_below(random, SL_COUNT_OF(lines))]);
		if (sl_random_below(random, 20) == 0)
			for (unsigned j = 0; j < 300; j++)
				sl_buf_add_char(text, j % 2 ? 'x' : ' ');
		sl_buf_add_char(text, '\n');
	}
}

struct found {
	uint64_t last;
	enum sl_record_state state;
};

/* From the beginning, a line at a time. */
static struct found
naive(struct sl_span text, enum sl_record_state state)
{
	struct found found = { SL_RECORD_SEARCH_NONE, state };
	const char *at = text.data, *end = text.data + text.len, *newline;
	for (; at < end && (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
		struct sl_span line = sl_span(at, (size_t)(newline - at));
		if (sl_record_step(&found.state, sl_record_look(line)))
			found.last = (uint64_t)(at - text.data);
	}
	return found;
}

static void
add_all(struct sl_record_search *search, struct sl_span text, size_t from, size_t cut)
{
	size_t middle = SL_MAX(from, cut);
	sl_record_search_add(search, sl_span(text.data + from, middle - from));
	sl_record_search_add(search, sl_span(text.data + middle, text.len - middle));
}

Test(record_search, the_last_record_does_not_depend_on_the_pieces)
{
	struct sl_random random;
	sl_random_init(&random, 7);
	for (unsigned round = 0; round < 60; round++) {
		struct sl_buf text = { 0 };
		fill(&text, &random, 12);
		enum sl_record_state state = (enum sl_record_state)(round % 5);
		struct found want = naive(sl_buf_span(&text), state);
		for (size_t cut = 0; cut <= text.len; cut++) {
			struct sl_record_search search;
			sl_record_search_begin(&search, 0, state);
			add_all(&search, sl_buf_span(&text), 0, cut);
			cr_assert_eq(search.last, want.last);
			cr_assert_eq(search.state, want.state);
		}
		sl_buf_release(&text);
	}
}

Test(record_search, what_is_found_from_anywhere_is_what_is_found_from_the_beginning)
{
	struct sl_random random;
	sl_random_init(&random, 8);
	unsigned known = 0;
	for (unsigned round = 0; round < 300; round++) {
		struct sl_buf text = { 0 };
		fill(&text, &random, 30);
		struct found want = naive(sl_buf_span(&text), SL_RECORD_PLAIN);
		for (size_t from = 0; from < text.len; from += 1 + text.len / 50) {
			struct sl_record_search search;
			sl_record_search_begin_inside(&search, from);
			add_all(&search, sl_buf_span(&text), from, text.len / 2);
			if (search.last == SL_RECORD_SEARCH_NONE)
				continue;
			cr_assert_eq(search.last, want.last, "from %zu of\n%s", from, text.data);
			cr_assert_eq(search.state, want.state);
			known++;
		}
		sl_buf_release(&text);
	}
	cr_assert_gt(known, 5000u);
}

Test(record_search, a_line_without_its_newline_does_not_count)
{
	struct sl_record_search search;
	sl_record_search_begin(&search, 100, SL_RECORD_PLAIN);
	sl_record_search_add(&search, sl_span_str("one\n\ttwo\nthree"));
	cr_assert_eq(search.last, 100u);
	sl_record_search_add(&search, sl_span_str("\n"));
	cr_assert_eq(search.last, 109u);
}

/* The colon at the end of a long line decides whether the next line belongs to it. */
Test(record_search, the_end_of_a_long_line_is_looked_at)
{
	for (size_t len = 240; len < 280; len++) {
		for (unsigned is_panic = 0; is_panic < 2; is_panic++) {
			struct sl_buf text = { 0 };
			struct sl_record_search search;
			sl_buf_add_str(&text, "thread 'main' panicked at ");
			while (text.len < len - 1)
				sl_buf_add_char(&text, 'x');
			sl_buf_add_str(&text, is_panic ? ":\nmessage\n" : "x\nmessage\n");
			for (size_t cut = len - 3; cut <= text.len; cut++) {
				sl_record_search_begin(&search, 0, SL_RECORD_PLAIN);
				add_all(&search, sl_buf_span(&text), 0, cut);
				cr_assert_eq(search.last, is_panic ? 0 : len + 1);
			}
			sl_buf_release(&text);
		}
	}
}
