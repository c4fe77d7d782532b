#include "sluice/digest/changes.h"
#include "sluice/digest/masks.h"
#include "sluice/digest/saved.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define TEXT(text) \
	{ \
		text, sizeof(text) - 1 \
	}

static const struct sl_saved_kind kinds[] = {
	{ .count = 46,
		.first = TEXT("a.log:4"),
		.last = TEXT("b c.log:160"),
		.first_time = TEXT("2005-12-04 04:47:44"),
		.last_time = TEXT("2005-12-04 05:47:44"),
		.intervals = TEXT("128: 45 1"),
		.text = TEXT("[<time>] \xc3\xa4 error <num>"),
		.example = TEXT("[12:00:01] \xc3\xa4 error 6") },
	{ .count = 13,
		.first = TEXT("a\t\n\\x.log:4"),
		.last = TEXT("a.log:5"),
		.text = TEXT("\xff<*>\\"),
		.example = TEXT("") },
	{ .count = UINT64_MAX,
		.first = TEXT("\0:1"),
		.last = TEXT(""),
		.text = TEXT("\033[31m\xc2\x85\x7f"),
		.example = TEXT("x") },
};

static void
write_all(struct sl_buf *out)
{
	sl_saved_begin(out, 59, 2, SL_COUNT_OF(kinds));
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++)
		sl_saved_add(out, &kinds[i]);
}

Test(saved, what_is_written_is_read)
{
	struct sl_buf text = { 0 };
	struct sl_saved saved;
	struct sl_error err = { 0 };
	write_all(&text);
	cr_assert_eq(sl_saved_read(&saved, sl_buf_span(&text), "f", &err), 0, "%s", err.text);
	cr_assert_eq(saved.lines, 59);
	cr_assert_eq(saved.dropped, 2);
	cr_assert_eq(saved.count, SL_COUNT_OF(kinds));
	for (size_t i = 0; i < saved.count; i++) {
		cr_assert_eq(saved.kinds[i].count, kinds[i].count);
		cr_assert(sl_span_equal(saved.kinds[i].first, kinds[i].first));
		cr_assert(sl_span_equal(saved.kinds[i].last, kinds[i].last));
		cr_assert(sl_span_equal(saved.kinds[i].first_time, kinds[i].first_time));
		cr_assert(sl_span_equal(saved.kinds[i].last_time, kinds[i].last_time));
		cr_assert(sl_span_equal(saved.kinds[i].intervals, kinds[i].intervals));
		cr_assert(sl_span_equal(saved.kinds[i].text, kinds[i].text));
		cr_assert(sl_span_equal(saved.kinds[i].example, kinds[i].example));
	}
	sl_saved_release(&saved);
	sl_buf_release(&text);
}

Test(saved, is_text_without_control_bytes)
{
	struct sl_buf text = { 0 };
	write_all(&text);
	cr_assert_str_eq(text.data,
		"sluice digest 2\nerror lines\t59\ndropped\t2\nkinds\t3\n"
		"46\ta.log:4\tb c.log:160\t2005-12-04 04:47:44\t2005-12-04 05:47:44\t128: 45 1\t"
		"[<time>] \xc3\xa4 error <num>\t[12:00:01] \xc3\xa4 "
		"error 6\n"
		"13\ta\\x09\\x0a\\\\x.log:4\ta.log:5\t\t\t\t\\xff<*>\\\\\t\n"
		"18446744073709551615\t\\x00:1\t\t\t\t\t\\x1b[31m\\xc2\\x85\\x7f\tx\n");
	sl_buf_release(&text);
}

/* A file that was cut anywhere is refused. */
Test(saved, each_part_is_refused_by_name)
{
	struct sl_buf text = { 0 };
	write_all(&text);
	for (size_t len = 0; len < text.len; len++) {
		struct sl_saved saved;
		struct sl_error err = { 0 };
		char *part = malloc(len + 1);
		memcpy(part, text.data, len);
		cr_assert_eq(sl_saved_read(&saved, sl_span(part, len), "part", &err), SL_E_USAGE,
			"%zu bytes are accepted", len);
		cr_assert(strstr(err.text, "'part'"));
		sl_saved_release(&saved);
		free(part);
	}
	sl_buf_release(&text);
}

Test(saved, other_texts_are_refused_with_the_reason)
{
	static const char *const cases[][2] = {
		{ "", "was not written by --digest-out" },
		{ "ERROR x\n", "was not written by --digest-out" },
		{ "sluice digest x\n", "was not written by --digest-out" },
		{ "sluice digest 1\n", "version 1" },
		{ "sluice digest 0\nerror lines\t0\n", "supports only version 2" },
		{ "sluice digest 2\nlines\t0\n", "a number is missing in line 2" },
		{ "sluice digest 2\nerror lines\tx\n", "a number is missing in line 2" },
		{ "sluice digest 2\nerror lines\t0\ndropped\t0\nkinds\t18446744073709551615\n",
			"a number is too large" },
		{ "sluice digest 2\nerror lines\t0\ndropped\t0\nkinds\t0\nmore\n",
			"there is more than the kinds in line 5" },
		{ "sluice digest 2\nerror lines\t0\ndropped\t0\nkinds\t1\n1\ta\tb\tc\n",
			"a field is missing in line 5" },
		{ "sluice digest 2\nerror lines\t0\ndropped\t0\nkinds\t1\n1\ta\tb\t\t\t\tc\t\\\n",
			"a backslash has no meaning in line 5" },
		{ "sluice digest 2\nerror lines\t0\ndropped\t0\nkinds\t1\n1\ta\tb\t\t\t\tc\t\\x4\n",
			"a backslash has no meaning in line 5" },
		{ "sluice digest 2\nerror lines\t0\ndropped\t0\nkinds\t1\n-1\ta\tb\tc\td\n",
			"a kind is missing in line 5" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_saved saved;
		struct sl_error err = { 0 };
		int code = sl_saved_read(&saved, sl_span_str(cases[i][0]), "f", &err);
		cr_expect(code == SL_E_USAGE || code == SL_E_UNSUPPORTED);
		cr_expect(strstr(err.text, cases[i][1]), "%s: %s", cases[i][0], err.text);
		sl_saved_release(&saved);
	}
}

/* ---- changes ---- */

struct count {
	const char *line;
	unsigned count;
};

static struct sl_kinds *
digest_of(const struct count *counts, size_t count)
{
	struct sl_kinds *digest = sl_kinds_new(SL_MIB);
	struct sl_memo *memo = sl_memo_new(SL_MEMO_BYTES_MIN);
	for (size_t i = 0; i < count; i++)
		for (unsigned j = 0; j < counts[i].count; j++)
			cr_assert_eq(sl_kinds_add(digest, memo, sl_span_str(counts[i].line),
					     (struct sl_kinds_place){ 0, j }),
				0);
	sl_memo_free(memo);
	cr_assert_eq(sl_kinds_group(digest), 0);
	return digest;
}

/* Through the text of a file. */
static void
save(struct sl_kinds *digest, struct sl_saved *saved)
{
	size_t count;
	const struct sl_kind *sorted = sl_kinds_sort(digest, &count);
	struct sl_buf out = { 0 }, text = { 0 };
	struct sl_error err = { 0 };
	sl_saved_begin(&out, sl_kinds_lines(digest), 0, count);
	for (size_t i = 0; i < count; i++) {
		sl_buf_clear(&text);
		sl_masks_show(&text, sorted[i].text);
		struct sl_saved_kind kind = { .count = sorted[i].count,
			.text = sl_buf_span(&text),
			.example = sorted[i].example };
		sl_saved_add(&out, &kind);
	}
	cr_assert_eq(sl_saved_read(saved, sl_buf_span(&out), "f", &err), 0, "%s", err.text);
	sl_buf_release(&out);
	sl_buf_release(&text);
}

static void
expect_changes(const struct count *before, size_t before_count, const struct count *now,
	size_t now_count, const char *want)
{
	struct sl_kinds *old = digest_of(before, before_count), *new = digest_of(now, now_count);
	struct sl_saved saved;
	struct sl_changes changes;
	struct sl_buf out = { 0 };
	size_t count;
	save(old, &saved);
	const struct sl_kind *sorted = sl_kinds_sort(new, &count);
	cr_assert_eq(sl_changes_make(&changes, sorted, count, &saved), 0);
	for (size_t i = 0; i < changes.count; i++) {
		const struct sl_changed *item = &changes.items[i];
		sl_buf_printf(&out, "%s %llu %llu ", sl_change_name(item->change),
			(unsigned long long)(item->kind ? item->kind->count : 0),
			(unsigned long long)item->before);
		if (item->kind)
			sl_masks_show(&out, item->kind->text);
		else
			sl_buf_add_span(&out, item->gone->text);
		sl_buf_add_char(&out, '\n');
	}
	cr_expect(sl_span_is(sl_buf_span(&out), want), "got\n%swant\n%s", out.data ? out.data : "",
		want);
	sl_buf_release(&out);
	sl_changes_release(&changes);
	sl_saved_release(&saved);
	sl_kinds_free(old);
	sl_kinds_free(new);
}

Test(changes, are_new_gone_more_less_or_none)
{
	static const struct count before[] = { { "error: disk 1 full", 100 },
		{ "timeout of 3s while reading", 100 }, { "no route to 10.0.0.1 error", 7 },
		{ "connection reset by peer error", 5 }, { "stale handle error in cache", 50 } };
	static const struct count now[] = { { "error: disk 7 full", 300 },
		{ "timeout of 5s while reading", 20 }, { "cannot lock file error", 2 },
		{ "connection reset by peer error", 9 }, { "stale handle error in cache", 50 } };
	expect_changes(before, SL_COUNT_OF(before), now, SL_COUNT_OF(now),
		"new 2 0 cannot lock file error\n"
		"gone 0 7 no route to <ip> error\n"
		"more 300 100 error: disk <num> full\n"
		"less 20 100 timeout of <duration> while reading\n"
		"same 50 50 stale handle error in cache\n"
		"same 9 5 connection reset by peer error\n");
}

/* One user then, several now: the template has another word. */
Test(changes, of_a_kind_whose_words_began_to_differ_is_one_of_its_number)
{
	static const struct count before[] = {
		{ "error: Failed password for root from 10.0.0.1 port 1 ssh2", 5 }
	};
	static const struct count now[] = {
		{ "error: Failed password for guest from 10.0.0.1 port 1 ssh2", 50 },
		{ "error: Failed password for admin from 10.0.0.1 port 1 ssh2", 50 }
	};
	expect_changes(before, 1, now, 2,
		"more 100 5 error: Failed password for <*> from <ip> port <num> ssh<num>\n");
	expect_changes(now, 2, before, 1,
		"less 5 100 error: Failed password for root from <ip> port <num> ssh<num>\n");
}

Test(changes, since_nothing_are_all_new_and_to_nothing_all_gone)
{
	static const struct count some[] = { { "an error", 2 }, { "other error text", 1 } };
	expect_changes(some, 0, some, 2, "new 2 0 an error\nnew 1 0 other error text\n");
	expect_changes(some, 2, some, 0, "gone 0 2 an error\ngone 0 1 other error text\n");
	expect_changes(some, 0, some, 0, "");
}
