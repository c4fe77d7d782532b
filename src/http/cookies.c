#include "cookies_int.h"

#include "sluice/base/clock.h"

int
sl_cookies_add(struct sl_cookie_jar *jar, const struct sl_http_exchange *exchange,
	const struct sl_http_header *headers, size_t count, struct sl_buf *value,
	struct sl_error *err)
{
	struct sl_span given = { 0 };
	for (size_t i = 0; i < count && !given.data; i++) {
		if (!sl_span_is_nocase(headers[i].name, "Cookie"))
			continue;
		if (!headers[i].value.data)
			return 0;
		given = sl_span_trim(headers[i].value);
	}
	int code = sl_cookie_jar_format(jar, &exchange->url, sl_clock_wall_s(), given, value);
	return code < 0 ? sl_exchange_fail(exchange, err, SL_PHASE_REQUEST, code,
				  "cannot prepare the cookies: %s", sl_code_text(code))
			: 0;
}

int
sl_cookies_take(
	struct sl_cookie_jar *jar, const struct sl_http_exchange *exchange, struct sl_error *err)
{
	for (size_t i = 0; i < SL_COOKIE_FIELDS_MAX; i++) {
		struct sl_span value = sl_head_find(&exchange->head, "Set-Cookie", i);
		if (!value.data)
			break;
		int code = sl_cookie_jar_set(jar, &exchange->url, value, sl_clock_wall_s());
		if (code < 0)
			return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, code,
				"cannot keep the cookies: %s", sl_code_text(code));
	}
	return 0;
}
