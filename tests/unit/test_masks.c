#include "sluice/digest/masks.h"

#include "sluice/base/random.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void
expect_masked(const char *line, const char *want)
{
	unsigned char masked[4096];
	struct sl_buf shown = { 0 };
	size_t len = sl_masks_apply((const unsigned char *)line, strlen(line), masked);
	cr_assert(len <= strlen(line));
	sl_masks_show(&shown, sl_span((const char *)masked, len));
	cr_expect(sl_span_is(sl_buf_span(&shown), want), "%s\nis    %s\nnot   %s", line,
		shown.data ? shown.data : "", want);
	sl_buf_release(&shown);
}

Test(masks, values_are_masked)
{
	static const char *const cases[][2] = {
		{ "took 17 of 1,234.5 steps, -3 left", "took <num> of <num> steps, <num> left" },
		{ "at 0x1F and 7f3a90b2", "at <hex> and <hex>" },
		{ "deadbeef cafe 20240102", "deadbeef cafe <num>" },
		{ "from 10.0.0.1:8080 to fe80::1 and ::1", "from <ip> to <ip> and ::<num>" },
		{ "mac 00:1b:44:11:3a:b7 up", "mac <ip> up" },
		{ "version 1.2.3 of 4.5", "version <num> of <num>" },
		{ "id 123e4567-e89b-12d3-a456-426614174000.", "id <uuid>." },
		{ "id abcdefab-e89b-12d3-a456-426614174000", "id <uuid>" },
		{ "open /var/log/app-1.log: denied", "open <path>: denied" },
		{ "open C:\\Temp\\a.txt failed", "open <path> failed" },
		{ "GET https://example.org/a?b=1, 404", "GET <url>, <num>" },
		{ "read/write and N/A and / stay", "read/write and N/A and / stay" },
		{ "file 'a b.txt' of \"me\" can't", "file '<text>' of \"<text>\" can't" },
		{ "empty '' and \"\"", "empty '' and \"\"" },
		{ "level=error msg=\"disk full.\" user=\"x\"",
			"level=error msg=\"disk full.\" user=\"x\"" },
		{ "{\"msg\":\"no route\",\"n\":5}", "{\"msg\":\"no route\",\"n\":<num>}" },
		{ "waited 15ms, 2.5 s, 3h, used 12MB of 4GiB",
			"waited <duration>, <num> s, <duration>, used <size> of <size>" },
		{ "eth0 node-12 log4j task_0001", "eth<num> node-<num> log<num>j task_<num>" },
		{ "blk_-123 rdd_1_2", "blk_<num> rdd_<num>_<num>" },
		{ "5th 3x", "<num>th <num>x" },
		/* the message of a line of klog, but not what else is quoted behind a bracket */
		{ "E1 reflector.go:12] \"Failed to watch\" err=\"no route\" pod=\"a/b\"",
			"E<num> reflector.go:<num>] \"Failed to watch\" err=\"no route\" "
			"pod=\"a/b\"" },
		{ "a.cc:7] \"one, two.\" \"x\"", "a.cc:<num>] \"one, two.\" \"<text>\"" },
		{ "[x:7] \"a b\" 1", "[x:<num>] \"<text>\" <num>" },
		{ "go:7] \"a b\" .go:] \"c\" ] \"d\"",
			"go:<num>] \"<text>\" .go:] \"<text>\" ] \"<text>\"" },
		/* quotation marks behind backslashes */
		{ "err=\"Get \\\"http://a/b\\\": no route, retried.\" n=1",
			"err=\"Get \\\"<url>\\\": no route, retried.\" n=<num>" },
		{ "msg=\"user \\\"a.b\\\" cannot, or \\\"c\\\"\" \"d\"",
			"msg=\"user \\\"<text>\\\" cannot, or \\\"<text>\\\"\" \"<text>\"" },
		{ "said \"he: \\\"no.\\\" to me\" 7", "said \"<text>\" <num>" },
		{ "in \"C:\\a\\\" to \"D:\\b\\\" 7", "in \"<text>\" to \"<text>\" <num>" },
		{ "in \"C:\\\\a\\\\\" as \"x\"", "in \"<text>\" as \"<text>\"" },
		{ "empty \\\"\\\" and \\\" alone, or a", "empty \\\"\\\" and \\\" alone, or a" },
		{ "no \"\" nor \"\" or x=\"\" y=\"\"", "no \"\" nor \"\" or x=\"\" y=\"\"" },
		{ "a \\\"b c\" d", "a \\\"b c\" d" },
		{ "\\\"", "\\\"" },
		/* of a request, method and status make the kind */
		{ "10.0.0.1 - bob \"GET /a?b=1 HTTP/1.1\" 502 157 \"-\"",
			"<ip> - bob \"GET <path> HTTP/<num>\" 502 <num> \"<text>\"" },
		{ "request: \"POST http://[::1]/x y HTTP/2\", host: \"b\"",
			"request: \"POST <path> HTTP/<num>\", host: \"<text>\"" },
		{ "{\"request\": \"PUT /a HTTP/1.0\", \"status\": 500}",
			"{\"request\": \"PUT <path> HTTP/<num>\", \"status\": <num>}" },
		{ "\"GET / HTTP/1.1\" 404", "\"GET <path> HTTP/<num>\" 404" },
		{ "\"GET / HTTP/1.1\" 40404 7", "\"GET <path> HTTP/<num>\" <num> <num>" },
		{ "\"GET /a HTTP/1.1", "\"GET <path> HTTP/<num>" },
		{ "\"GET  HTTP/\" \"GET HTTP/1.1\" 500", "\"<text>\" \"<text>\" <num>" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_masked(cases[i][0], cases[i][1]);
}

Test(masks, dates_and_times_of_all_usual_forms_are_one_mask)
{
	static const char *const times[] = { "2015-10-18 18:01:47,978", "2024-01-02T03:04:05Z",
		"2024-01-02T03:04:05.678+01:00", "2024-01-02 03:04:05 +0100",
		"2005-06-03-15.42.50.363779", "17/06/09 20:10:40", "2024/01/02 03:04:05",
		"20171223-22:15:29:606", "04/Dec/2005:04:47:44 +0100", "Jun 14 15:16:01",
		"Jun  4 15:16:01", "Sun Dec 04 04:47:44 2005", "18:01:47", "18:01:47.123456",
		"2024-01-02", "02.01.2024", "20171223-2:5:9:6" };
	char line[128];
	for (size_t i = 0; i < SL_COUNT_OF(times); i++) {
		snprintf(line, sizeof(line), "[%s] ERROR", times[i]);
		expect_masked(line, "[<time>] ERROR");
		expect_masked(times[i], "<time>");
	}
	expect_masked(
		"Mon 14 and May be 12:30 1-2", "Mon <num> and May be <num>:<num> <num>-<num>");
	expect_masked("1234:56:78 12:34:567", "<num>:<num>:<num> <num>:<num>:<num>");
}

Test(masks, white_space_and_colours_do_not_matter)
{
	expect_masked("  a\t b  ", "a b");
	expect_masked("\033[1;31mERROR\033[0m x", "ERROR x");
	expect_masked("a\x01\x02 b\x7f", "a b");
	expect_masked("", "");
	expect_masked(" ", "");
}

Test(masks, what_is_shown_can_be_read_back)
{
	static const char shown[] = "<time> a <num> <b> <*> <duration><size>< <url";
	struct sl_buf masked = { 0 }, again = { 0 };
	sl_masks_read(&masked, sl_span_str(shown));
	cr_assert_eq(masked.len, strlen(" a "
					" <b> "
					" "
					"< <url") +
					 5);
	sl_masks_show(&again, sl_buf_span(&masked));
	cr_assert(sl_span_is(sl_buf_span(&again), shown));
	sl_buf_release(&masked);
	sl_buf_release(&again);
}

/* Flush against a page that cannot be read, at every length. */
Test(masks, never_reads_behind_the_line_nor_writes_more_than_its_length)
{
	static const char alphabet[] = "019aAfFxXzZ_-+.,:;/\\'\"=({[<> \t\033[mJanSun\x80\xff"
				       "T";
	struct sl_random random;
	struct guard in, out;
	char line[256];
	sl_random_init(&random, 7);
	guard_init(&in, sizeof(line));
	guard_init(&out, sizeof(line));
	for (unsigned round = 0; round < 20000; round++) {
		size_t len = (size_t)sl_random_below(&random, sizeof(line));
		for (size_t i = 0; i < len; i++)
			line[i] = alphabet[sl_random_below(&random, sizeof(alphabet) - 1)];
		const char *placed = guard_place(&in, line, len);
		char *masked = guard_place(&out, line, len);
		size_t masked_len =
			sl_masks_apply((const unsigned char *)placed, len, (unsigned char *)masked);
		cr_assert(masked_len <= len);
		for (size_t i = 0; i < masked_len; i++)
			cr_assert((unsigned char)masked[i] >= ' ' ||
				  (unsigned char)masked[i] < SL_MASK_END);
	}
	guard_release(&in);
	guard_release(&out);
}
