/*
 * A cookie file: a line that is a cookie is read as the same one when it is written again, what is
 * refused has a reason, and the jar keeps its limits.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/text.h"
#include "sluice/http/cookie_jar.h"

#define NOW 1000000

static void
check_again(const struct sl_cookie *cookie)
{
	struct sl_buf line = { 0 };
	struct sl_cookie again;
	sl_buf_printf(&line, "%.*s\t%s\t%.*s\t%s\t%lld\t%.*s\t", (int)cookie->domain.len,
		cookie->domain.data, cookie->is_host_only ? "FALSE" : "TRUE", (int)cookie->path.len,
		cookie->path.data, cookie->is_secure ? "TRUE" : "FALSE",
		cookie->expires_s == SL_COOKIE_NEVER ? 0LL : (long long)cookie->expires_s,
		(int)cookie->name.len, cookie->name.data);
	sl_buf_add_span(&line, cookie->value);
	int code = sl_cookie_parse_line(&again, sl_buf_span(&line), NULL);
	/* Another dot, or "#", may begin the domain now. */
	if (cookie->domain.data[0] != '.' && cookie->domain.data[0] != '#') {
		must(code == 1);
		must(sl_span_equal(again.domain, cookie->domain));
		must(sl_span_equal(again.path, cookie->path));
		must(sl_span_equal(again.name, cookie->name));
		must(sl_span_equal(again.value, cookie->value));
		must(again.expires_s == cookie->expires_s);
		must(again.is_secure == cookie->is_secure);
		must(again.is_host_only == cookie->is_host_only);
	}
	sl_buf_release(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span text = sl_span((const char *)data, len), line;
	struct sl_cookie_jar jar = { 0 };
	while (sl_span_take_until(&text, '\n', &line)) {
		struct sl_cookie cookie;
		struct sl_error err = { 0 };
		int code = sl_cookie_parse_line(&cookie, line, &err);
		if (code == 1) {
			check_again(&cookie);
			code = sl_cookie_jar_add(&jar, &cookie, NOW, &err);
			must(code != 1 || jar.count > 0);
		}
		must(code == 0 || code == 1 || code == SL_E_USAGE || code == SL_E_LIMIT);
		must((code < 0) == (err.text[0] != '\0'));
		must(jar.count <= SL_COOKIE_JAR_MAX);
	}
	sl_cookie_jar_release(&jar);
	return 0;
}
