#include "sluice/http/date.h"

#include "support/guard.h"

#include <criterion/criterion.h>

#define NOW 1800000000 /* in January 2027 */

Test(http_date, reads_the_three_forms)
{
	static const struct {
		const char *text;
		int64_t now_s, seconds;
	} cases[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", NOW, 784111777 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", NOW, 784111777 },
		{ "Sun Nov  6 08:49:37 1994", NOW, 784111777 },
		{ "Sun Nov 16 08:49:37 1994", NOW, 784975777 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", NOW, 0 },
		{ "Wed, 31 Dec 1969 23:59:59 GMT", NOW, -1 },
		{ "Tue, 29 Feb 2000 12:00:00 GMT", NOW, 951825600 },
		{ "Thu, 29 Feb 2024 00:00:00 GMT", NOW, 1709164800 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", NOW, 253402300799 },
		{ "sun, 06 nov 1994 08:49:37 gmt", NOW, 784111777 },
		{ "Sat, 31 Dec 2016 23:59:60 GMT", NOW, 1483228800 },
		{ "Monday, 01-Jan-77 00:00:00 GMT", NOW, 3376684800 },
		{ "Monday, 01-Jan-78 00:00:00 GMT", NOW, 252460800 },
		{ "Monday, 01-Jan-05 00:00:00 GMT", 915148800, 1104537600 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		int64_t seconds = -7;
		cr_expect(sl_date_parse(sl_span_str(cases[i].text), cases[i].now_s, &seconds), "%s",
			cases[i].text);
		cr_expect_eq(
			seconds, cases[i].seconds, "%s: %lld", cases[i].text, (long long)seconds);
	}
}

Test(http_date, refuses_everything_else)
{
	static const char *const cases[] = { "", "0", "now", "1994-11-06",
		"Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 1900 08:49:37 GMT",
		"Sun, 06 Nov 0000 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 -8:49:37 GMT",
		"Day, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 1994 GMT", "Sun", "Sun, " };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		int64_t seconds = -7;
		cr_expect(!sl_date_parse(sl_span_str(cases[i]), NOW, &seconds), "%s", cases[i]);
		cr_expect_eq(seconds, -7);
	}
}

Test(http_date, never_reads_past_its_text)
{
	static const char *const cases[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994" };
	struct guard guard;
	guard_init(&guard, 64);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		for (size_t len = 0; len < strlen(cases[i]); len++) {
			int64_t seconds = 0;
			char *place = guard_place(&guard, cases[i], len);
			cr_expect(!sl_date_parse(sl_span(place, len), NOW, &seconds), "%zu of %s",
				len, cases[i]);
		}
	}
	guard_release(&guard);
}

Test(http_date, what_was_formatted_is_read_as_the_same_second)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ -1, "Wed, 31 Dec 1969 23:59:59 GMT" },
		{ 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
		{ UINT32_MAX, "Sun, 07 Feb 2106 06:28:15 GMT" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf text = { 0 };
		int64_t seconds = -7;
		sl_date_format(&text, cases[i].seconds);
		cr_expect(sl_span_is(sl_buf_span(&text), cases[i].text), "%s", cases[i].text);
		cr_expect(sl_date_parse(sl_buf_span(&text), NOW, &seconds));
		cr_expect_eq(seconds, cases[i].seconds);
		sl_buf_release(&text);
	}
}
