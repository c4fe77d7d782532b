/*
 * Lines: a variant, a host, a path, a query. What is signed is the same for the parameters of the
 * query in the opposite order, and for a path in which each byte is percent-encoded.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/number.h"
#include "sluice/http/sigv4.h"

#include <stdlib.h>

static void
sign(struct sl_buf *out, const struct sl_sigv4_variant *variant, struct sl_span path,
	struct sl_span query)
{
	const struct sl_sigv4_keys keys = { "ID", "SECRET" };
	const struct sl_http_header fields[] = {
		{ sl_span_str("host"), path },
		{ sl_span_str("x-amz-date"), query },
	};
	struct sl_buf target = { 0 };
	sl_buf_add_char(&target, '/');
	sl_buf_add_span(&target, path);
	sl_buf_add_char(&target, '?');
	sl_buf_add_span(&target, query);
	const struct sl_sigv4_request request = {
		.method = "GET", .target = target.data, .fields = fields, .field_count = 0
	};
	(void)sl_sigv4_is_presigned(target.data);
	int code = sl_sigv4_sign(out, variant, &keys, "20150830T123600Z", &request);
	must(code == 0 || code == SL_E_LIMIT);
	must((code == 0) == (out->len > 0));
	struct sl_sigv4_request other = request;
	struct sl_buf ignored = { 0 };
	other.field_count = SL_COUNT_OF(fields);
	other.normalizes = other.encodes_twice = true;
	code = sl_sigv4_sign(&ignored, variant, &keys, "20150830T123600Z", &other);
	must(code == 0 || code == SL_E_LIMIT);
	sl_buf_release(&ignored);
	sl_buf_release(&target);
}

static void
reverse(struct sl_buf *out, struct sl_span query)
{
	size_t end = query.len;
	for (size_t at = query.len; at > 0; at--)
		if (query.data[at - 1] == '&') {
			sl_buf_add(out, query.data + at, end - at);
			sl_buf_add_char(out, '&');
			end = at - 1;
		}
	sl_buf_add(out, query.data, end);
}

/* Where '%' begins no escape, it stands for itself. */
static void
encode(struct sl_buf *out, struct sl_span path)
{
	for (size_t i = 0; i < path.len; i++)
		if (path.data[i] == '%')
			sl_buf_add_char(out, '%');
		else if (path.data[i] == '/' || sl_hex_digit((unsigned char)path.data[i]) >= 0)
			sl_buf_add_char(out, path.data[i]);
		else
			sl_buf_printf(out, "%%%02x", (unsigned char)path.data[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span rest = sl_span((const char *)data, len), text, host, path;
	struct sl_sigv4_variant variant;
	struct sl_error err = { 0 };
	if (memchr(data, 0, len) || !sl_span_take_until(&rest, '\n', &text) ||
		!sl_span_take_until(&rest, '\n', &host) ||
		!sl_span_take_until(&rest, '\n', &path) || memchr(path.data, '?', path.len))
		return 0;
	int code = sl_sigv4_read_variant(&variant, text, &err);
	must(code == 0 || (code == SL_E_USAGE && err.text[0]));
	if (code)
		return 0;
	char *name = sl_span_dup(host);
	must(name != NULL);
	sl_sigv4_locate(&variant, name, NULL);
	must(variant.region.len > 0 && variant.service.len > 0);
	struct sl_buf one = { 0 }, other = { 0 }, query = { 0 }, encoded = { 0 };
	reverse(&query, rest);
	encode(&encoded, path);
	sign(&one, &variant, path, rest);
	sign(&other, &variant, sl_buf_span(&encoded), sl_buf_span(&query));
	must(sl_span_equal(sl_buf_span(&one), sl_buf_span(&other)));
	sl_buf_release(&one);
	sl_buf_release(&other);
	sl_buf_release(&query);
	sl_buf_release(&encoded);
	free(name);
	return 0;
}
