/*
 * A header field as a user writes it. Whatever it is, a request with it has one line for it or
 * none, and the same lines besides.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/user_field.h"

#include <string.h>

static size_t
count_lines(struct sl_span text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++) {
		must(text.data[i] != '\0');
		if (text.data[i] == '\n') {
			must(i > 0 && text.data[i - 1] == '\r');
			count++;
		} else {
			must(i == 0 || text.data[i - 1] != '\r');
		}
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_http_header field;
	struct sl_error err = { 0 };
	struct sl_buf out = { 0 };
	struct sl_url url;
	int code = sl_user_field_parse(&field, sl_span((const char *)data, len), &err);
	must(code == 0 || (code == SL_E_USAGE && err.text[0]));
	if (code)
		return 0;
	must(sl_url_parse(&url, sl_span_str("http://h/p"), &err) == 0);
	const struct sl_request request = { .method = "GET",
		.url = &url,
		.user_agent = "sluice",
		.headers = &field,
		.header_count = 1 };
	must(sl_request_format(&out, &request, &err) == 0);
	size_t lines = count_lines(sl_buf_span(&out));
	bool is_own = sl_span_is_nocase(field.name, "Host") ||
		      sl_span_is_nocase(field.name, "User-Agent") ||
		      sl_span_is_nocase(field.name, "Accept") ||
		      sl_span_is_nocase(field.name, "Accept-Encoding");
	/* The request line, four fields and the end. */
	must(lines == 6u + (is_own ? 0 : 1u) - (field.value.data ? 0 : 1u));
	sl_buf_release(&out);
	sl_url_release(&url);
	return 0;
}
