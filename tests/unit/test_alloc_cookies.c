/*
 * A jar of cookies, of which the nth allocation fails, for every n until there are no more: the
 * result is the right one or -ENOMEM, and nothing leaks.
 */
#include "support/failing_alloc.h"

#include "sluice/http/cookie_jar.h"

#include <criterion/criterion.h>
#include <errno.h>

static int
set_and_send(void)
{
	struct sl_cookie_jar jar = { 0 };
	struct sl_url url = { 0 };
	struct sl_buf value = { 0 };
	int code = sl_url_parse(&url, sl_span_str("https://w.example.com/"), NULL);
	if (!code)
		code = sl_cookie_jar_set(&jar, &url, sl_span_str("a=b"), 0);
	if (code == 1)
		code = sl_cookie_jar_set(
			&jar, &url, sl_span_str("a=c; Domain=example.com; Secure"), 0);
	if (code == 1)
		code = sl_cookie_jar_format(&jar, &url, 0, sl_span_str("u=v"), &value);
	code = code == 2 ? 1 : code;
	cr_expect(code == 1 || code == -ENOMEM, "%d", code);
	cr_expect(code != 1 || sl_span_is(sl_buf_span(&value), "u=v; a=b; a=c"), "%s", value.data);
	sl_buf_release(&value);
	sl_cookie_jar_release(&jar);
	sl_url_release(&url);
	return code == 1 ? 0 : code;
}

Test(alloc_cookies, each_allocation_may_fail)
{
	uint64_t nth = 0;
	for (bool hit = true; hit;) {
		nth++;
		alloc_fail_nth(nth, nth % 2);
		int code = set_and_send();
		hit = alloc_end() >= nth;
		cr_expect(hit ? code == -ENOMEM : code == 0, "%llu: %d", (unsigned long long)nth,
			code);
	}
	cr_expect_gt(nth, 4);
}
