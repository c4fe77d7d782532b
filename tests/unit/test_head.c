#include "sluice/http/head.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct sl_error last;

static enum sl_parse
feed(struct sl_head *head, const char *data, size_t len, size_t *used)
{
	sl_error_clear(&last);
	return sl_head_feed(head, data, len, used, &last);
}

/* The head as text with one line a field, for comparing: "200 1 OK\nname=value\n...". */
static void
describe(struct sl_buf *out, const struct sl_head *head)
{
	struct sl_span reason = sl_head_reason(head);
	sl_buf_printf(out, "%d %d %.*s\n", head->status, head->minor, (int)reason.len, reason.data);
	for (size_t i = 0; i < sl_head_count(head); i++) {
		struct sl_head_field field = sl_head_at(head, i);
		sl_buf_add_span(out, field.name);
		sl_buf_add_char(out, '=');
		sl_buf_add_span(out, field.value);
		sl_buf_add_char(out, '\n');
	}
}

static void
expect_head(const char *text, size_t len, size_t cut, const char *wanted, size_t wanted_used)
{
	struct sl_head head;
	struct sl_buf got = { 0 };
	struct guard guard;
	size_t used = 0, more = 0;
	guard_init(&guard, len);
	sl_head_init(&head);
	enum sl_parse result = feed(&head, guard_place(&guard, text, cut), cut, &used);
	if (result == SL_PARSE_MORE) {
		cr_expect_eq(used, cut);
		result = feed(&head, guard_place(&guard, text + cut, len - cut), len - cut, &more);
	}
	cr_assert_eq(result, SL_PARSE_DONE, "cut at %zu: %s", cut, last.text);
	cr_expect_eq(used + more, wanted_used, "cut at %zu: used %zu", cut, used + more);
	describe(&got, &head);
	cr_expect_str_eq(got.data, wanted, "cut at %zu: '%s'", cut, got.data);
	sl_buf_release(&got);
	sl_head_release(&head);
	guard_release(&guard);
}

Test(http_head, reads_heads_cut_anywhere)
{
	static const struct {
		const char *text, *wanted, *body;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n",
			"200 1 OK\nContent-Length=5\nX=y\n", "hello" },
		{ "HTTP/1.0 404 Not  Found\nA:b\nC:\n\n", "404 0 Not  Found\nA=b\nC=\n", "\n\n" },
		{ "HTTP/1.1 204\r\n\r\n", "204 1 \n", "" },
		{ "HTTP/1.1 204 \r\n\r\n", "204 1 \n", "x" },
		{ "HTTP/1.7 999 \xe4\r\na: \t b c \t\r\n\r\n", "999 1 \xe4\na=b c\n", "" },
		{ "HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\t\r\n\td\r\nE: \r\n f\r\n\r\n",
			"200 1 OK\nA=b c d\nE=f\n", "HTTP/1.1" },
		{ "HTTP/1.1 200 OK\r\nA: b:c\r\nA: d\x01\xff\r\n\r\n",
			"200 1 OK\nA=b:c\nA=d\x01\xff\n", "" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf text = { 0 };
		sl_buf_add_str(&text, cases[i].text);
		sl_buf_add_str(&text, cases[i].body);
		for (size_t cut = 0; cut <= text.len; cut++)
			expect_head(
				text.data, text.len, cut, cases[i].wanted, strlen(cases[i].text));
		sl_buf_release(&text);
	}
}

static void
expect_refused(const char *text, size_t len, int code, const char *message)
{
	for (size_t cut = 0; cut <= len; cut++) {
		struct sl_head head;
		size_t used = 0;
		sl_head_init(&head);
		enum sl_parse result = feed(&head, text, cut, &used);
		if (result == SL_PARSE_MORE)
			result = feed(&head, text + cut, len - cut, &used);
		cr_expect_eq(result, SL_PARSE_BAD, "'%s' cut at %zu", text, cut);
		cr_expect_eq(last.code, code);
		cr_expect(strstr(last.text, message), "'%s': '%s'", text, last.text);
		cr_expect_eq(feed(&head, "HTTP/1.1 200 OK\r\n\r\n", 19, &used), SL_PARSE_BAD);
		sl_head_release(&head);
	}
}

/* Whatever listens there would be stored as the file, and its banner shown. */
Test(http_head, refuses_what_is_not_http_1)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "<html>", "HTTP/0.9" },
		{ "SSH-2.0-x\r\n", "HTTP/0.9" },
		{ "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/0.9" },
		{ " HTTP/1.1 200 OK\r\n\r\n", "HTTP/0.9" },
		{ "http/1.1 200 OK\r\n\r\n", "HTTP/0.9" },
		{ "ICY 200 OK\r\n\r\n", "HTTP/0.9" },
		{ "\x1b[31mhello\r\n", "\\x1b" },
		{ "HTTP/2 200\r\n\r\n", "version of HTTP" },
		{ "HTTP/0.9 200 OK\r\n\r\n", "version of HTTP" },
		{ "HTTP/1 200 OK\r\n\r\n", "version of HTTP" },
		{ "HTTP/1.1\r\n\r\n", "status line" },
		{ "HTTP/1.1 \r\n\r\n", "status line" },
		{ "HTTP/1.1 20\r\n\r\n", "status line" },
		{ "HTTP/1.1 2000 OK\r\n\r\n", "status line" },
		{ "HTTP/1.1 099 OK\r\n\r\n", "status line" },
		{ "HTTP/1.1 -20 OK\r\n\r\n", "status line" },
		{ "HTTP/1.1  200 OK\r\n\r\n", "status line" },
		{ "HTTP/1.1\t200 OK\r\n\r\n", "status line" },
		{ "HTTP/1.10 200 OK\r\n\r\n", "status line" },
		{ "HTTP/1.1 20x OK\r\n\r\n", "status line" },
		{ "HTTP/1.x 200 OK\r\n\r\n", "status line" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_refused(cases[i].text, strlen(cases[i].text), SL_E_PROTO, cases[i].message);
}

#define OK_LINE "HTTP/1.1 200 OK\r\n"

Test(http_head, refuses_malformed_fields)
{
	static const struct {
		const char *text;
		size_t len;
		const char *message;
	} cases[] = {
#define CASE(text, message) { text, sizeof(text) - 1, message }
		CASE(OK_LINE " A: b\r\n\r\n", "begins with a space or tab"),
		CASE(OK_LINE "\tA: b\r\n\r\n", "begins with a space or tab"),
		CASE(OK_LINE "nocolon\r\n\r\n", "no colon"),
		CASE(OK_LINE "no colon\r\n\r\n", "no colon"),
		CASE(OK_LINE "A: b\rC: d\r\n\r\n", "CR without LF"),
		CASE(OK_LINE "A: b\r\r\n\r\n", "CR without LF"),
		CASE(OK_LINE "\r\r\n", "CR without LF"),
		CASE("HTTP/1.1 200 \rOK\r\n\r\n", "CR without LF"),
		CASE(OK_LINE "A: b\0c\r\n\r\n", "NUL"),
		CASE(OK_LINE "A\0: b\r\n\r\n", "NUL"),
		CASE("HTTP/1.1 200 \0\r\n\r\n", "NUL"),
#undef CASE
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_refused(cases[i].text, cases[i].len, SL_E_PROTO, cases[i].message);
}

/* What curl and browsers read; nothing depends on such a field. */
Test(http_head, skips_fields_whose_name_is_not_valid)
{
	static const char *const lines[] = { "A : b\r\n", "A\t: b\r\n", "A B: b\n", ": b\r\n",
		"A(: b\r\n", "\xc3\xa4: b\r\n", "X Content-Length: 7\r\n", "Location : /x\r\n",
		"Content-Encoding : gzip\r\n", "A : b\r\n continued\r\n\tagain\r\n",
		"A : b\r\nB : c\r\n d\r\n" };
	for (size_t i = 0; i < SL_COUNT_OF(lines); i++) {
		struct sl_buf text = { 0 };
		sl_buf_printf(&text, OK_LINE "C: d\r\n%sE: f\r\n g\r\n\r\n", lines[i]);
		for (size_t cut = 0; cut <= text.len; cut++)
			expect_head(text.data, text.len, cut, "200 1 OK\nC=d\nE=f g\n", text.len);
		sl_buf_clear(&text);
		sl_buf_printf(&text, OK_LINE "%s\r\n", lines[i]);
		expect_head(text.data, text.len, 20, "200 1 OK\n", text.len);
		sl_buf_release(&text);
	}
}

/* Two readers that disagree about the end of an answer are how one passes for another. */
Test(http_head, refuses_framing_fields_whose_name_is_not_valid)
{
	static const char *const names[] = { "Content-Length ", "Content-Length\t",
		"content-length \t ", "Content- Length", "Content Length", "Transfer-Encoding ",
		"\"Transfer-Encoding\"", "Transfer-Encoding\xa0", "Content-Range ", "CONNECTION ",
		"\x01TE" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++) {
		char text[100];
		snprintf(text, sizeof(text), OK_LINE "A: b\r\n%s: 5\r\n\r\n", names[i]);
		expect_refused(text, strlen(text), SL_E_PROTO, "where the response ends");
	}
}

Test(http_head, never_shows_the_value_of_a_bad_field)
{
	static const char *const texts[] = { OK_LINE "Connection : SECRET\r\n\r\n",
		OK_LINE "Connection\xff: SECRET\r\n\r\n" };
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++) {
		struct sl_head head;
		size_t used = 0;
		sl_head_init(&head);
		cr_assert_eq(feed(&head, texts[i], strlen(texts[i]), &used), SL_PARSE_BAD);
		cr_expect(!strstr(last.text, "SECRET") && strstr(last.text, "Connection"), "%s",
			last.text);
		sl_head_release(&head);
	}
}

static enum sl_parse
feed_line(struct sl_head *head, size_t value_len, const char *end)
{
	struct sl_buf line = { 0 };
	size_t used = 0;
	sl_buf_add_str(&line, "A:");
	for (size_t i = 0; i < value_len; i++)
		sl_buf_add_char(&line, 'x');
	sl_buf_add_str(&line, end);
	enum sl_parse result = feed(head, line.data, line.len, &used);
	sl_buf_release(&line);
	return result;
}

Test(http_head, limits_a_line)
{
	static const char *const ends[] = { "\r\n", "\n" };
	for (size_t i = 0; i < SL_COUNT_OF(ends); i++) {
		for (size_t over = 0; over < 2; over++) {
			struct sl_head head;
			size_t used = 0;
			sl_head_init(&head);
			cr_assert_eq(
				feed(&head, OK_LINE, sizeof(OK_LINE) - 1, &used), SL_PARSE_MORE);
			enum sl_parse result =
				feed_line(&head, SL_HEAD_LINE_MAX - 2 + over, ends[i]);
			cr_expect_eq(result, over ? SL_PARSE_BAD : SL_PARSE_MORE);
			cr_expect_eq(last.code, over ? SL_E_LIMIT : 0);
			sl_head_release(&head);
		}
	}
	struct sl_head head;
	size_t used = 0;
	sl_head_init(&head);
	cr_assert_eq(feed(&head, OK_LINE, sizeof(OK_LINE) - 1, &used), SL_PARSE_MORE);
	cr_expect_eq(
		feed_line(&head, SL_HEAD_LINE_MAX - 1, ""), SL_PARSE_BAD, "before its end comes");
	sl_head_release(&head);
}

/* CVE-2023-38039. */
Test(http_head, limits_the_whole)
{
	struct sl_head head;
	size_t used = 0, total = sizeof(OK_LINE) - 1;
	sl_head_init(&head);
	cr_assert_eq(feed(&head, OK_LINE, total, &used), SL_PARSE_MORE);
	enum sl_parse result = SL_PARSE_MORE;
	while (result == SL_PARSE_MORE) {
		total += 1000 + 4;
		result = feed_line(&head, 1000, "\r\n");
	}
	cr_expect_eq(result, SL_PARSE_BAD);
	cr_expect_eq(last.code, SL_E_LIMIT);
	cr_expect(total > SL_HEAD_MAX && total < SL_HEAD_MAX + 2000);
	sl_head_release(&head);
}

Test(http_head, limits_the_number_of_fields)
{
	struct sl_head head;
	size_t used = 0;
	sl_head_init(&head);
	cr_assert_eq(feed(&head, OK_LINE, sizeof(OK_LINE) - 1, &used), SL_PARSE_MORE);
	for (size_t i = 0; i < SL_HEAD_FIELDS_MAX; i++)
		cr_assert_eq(feed(&head, i % 2 ? "A: b\n" : "A :b\n", 5, &used), SL_PARSE_MORE);
	cr_expect_eq(feed(&head, "A: b\n", 5, &used), SL_PARSE_BAD);
	cr_expect_eq(last.code, SL_E_LIMIT);
	sl_head_release(&head);
}

Test(http_head, finds_fields_in_any_case)
{
	static const char text[] = OK_LINE "Via: a\r\nLocation: x\r\nVIA: b\r\n\r\n";
	struct sl_head head;
	size_t used = 0;
	sl_head_init(&head);
	cr_assert_eq(feed(&head, text, sizeof(text) - 1, &used), SL_PARSE_DONE);
	cr_expect(sl_span_is(sl_head_find(&head, "via", 0), "a"));
	cr_expect(sl_span_is(sl_head_find(&head, "via", 1), "b"));
	cr_expect_null(sl_head_find(&head, "via", 2).data);
	cr_expect(sl_span_is(sl_head_find(&head, "LOCATION", 0), "x"));
	cr_expect_null(sl_head_find(&head, "Loc", 0).data);
	sl_head_clear(&head);
	cr_expect_eq(sl_head_count(&head), 0);
	cr_assert_eq(feed(&head, "HTTP/1.0 404 No\n\n", 17, &used), SL_PARSE_DONE);
	cr_expect_eq(head.status, 404);
	sl_head_release(&head);
}
