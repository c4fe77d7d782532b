/*
 * Writes requests. Everything is checked first and written afterwards, so that a refused request
 * leaves the buffer unchanged. Headers from the user replace the client's own of the same name, but
 * never those that decide about the connection or the framing.
 */
#include "sluice/http/request.h"

#include "sluice/base/text.h"
#include "sluice/http/head.h"

#include <errno.h>

#define SHOWN_MAX 80 /* bytes of a name in a message */

/* They control the connection or the body's framing, which the client manages. */
static const char *const forbidden[] = { "Connection", "Content-Length", "Transfer-Encoding",
	"Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Expect" };

/* ---- bytes ---- */

static bool
is_visible(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x21 || *p > 0x7e)
			return false;
	return text[0] != '\0';
}

static bool
is_value(struct sl_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* ---- headers from the user ---- */

static int
refuse_header(struct sl_error *err, struct sl_span name, const char *why)
{
	struct sl_buf shown = { 0 };
	sl_text_show(&shown, name, SHOWN_MAX);
	int code = sl_fail(err, SL_PHASE_REQUEST, SL_E_USAGE, "cannot send header '%s': %s",
		shown.data ? shown.data : "", why);
	sl_buf_release(&shown);
	return code;
}

int
sl_request_check_header(const struct sl_http_header *header, struct sl_error *err)
{
	if (!sl_head_is_token(header->name))
		return refuse_header(
			err, header->name, "its name contains a character that is not allowed");
	if (!is_value(header->value))
		return refuse_header(err, header->name,
			"its value contains a line break or another control byte");
	for (size_t i = 0; i < SL_COUNT_OF(forbidden); i++)
		if (sl_span_is_nocase(header->name, forbidden[i]))
			return refuse_header(err, header->name, "sluice sets it itself");
	/* For the proxy alone (CVE-2003-1605, CVE-2015-3153), and not for each hop of a chain. */
	if (sl_span_is_nocase(header->name, "Proxy-Authorization"))
		return refuse_header(err, header->name,
			"origins would get it; give USER:PASSWORD for the proxy with --proxy-user");
	struct sl_span value = sl_span_trim(header->value);
	if (sl_span_is_nocase(header->name, "Host") &&
		(value.len == 0 || memchr(value.data, ' ', value.len) ||
			memchr(value.data, '\t', value.len)))
		return refuse_header(err, header->name, "its value is not a host name");
	return 0;
}

static bool
user_has(const struct sl_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (sl_span_is_nocase(request->headers[i].name, name))
			return true;
	return false;
}

int
sl_request_check(const struct sl_request *request, struct sl_error *err)
{
	if (!sl_head_is_token(sl_span_str(request->method)) || !is_visible(request->url->target) ||
		!is_visible(request->url->host))
		return sl_fail(err, SL_PHASE_REQUEST, SL_E_USAGE,
			"cannot send a request with a space, control byte or byte beyond ASCII in "
			"its URL");
	if (!is_value(sl_span_str(request->user_agent)))
		return refuse_header(
			err, sl_span_str("User-Agent"), "its value contains a control byte");
	if (request->authorization && !is_value(sl_span_str(request->authorization)))
		return refuse_header(
			err, sl_span_str("Authorization"), "its value contains a control byte");
	if (request->cookies && !is_value(sl_span_str(request->cookies)))
		return refuse_header(
			err, sl_span_str("Cookie"), "its value contains a control byte");
	for (size_t i = 0; i < request->header_count + request->field_count; i++) {
		int code = sl_request_check_header(
			i < request->header_count ? &request->headers[i]
						  : &request->fields[i - request->header_count],
			err);
		if (code)
			return code;
	}
	return 0;
}

/* ---- writing ---- */

static void
add_header(struct sl_buf *buf, struct sl_span name, struct sl_span value)
{
	sl_buf_add_span(buf, name);
	sl_buf_add_str(buf, ": ");
	sl_buf_add_span(buf, sl_span_trim(value));
	sl_buf_add_str(buf, "\r\n");
}

static void
add_own(struct sl_buf *buf, const struct sl_request *request, const char *name, const char *value)
{
	if (!user_has(request, name))
		add_header(buf, sl_span_str(name), sl_span_str(value));
}

static bool
is_of_range(struct sl_span name)
{
	return sl_span_is_nocase(name, "Range") || sl_span_is_nocase(name, "If-Range");
}

/* Whether a header of the user is not sent. */
static bool
is_replaced(const struct sl_request *request, struct sl_span name)
{
	for (size_t i = 0; i < request->field_count; i++)
		if (sl_span_equal_nocase(request->fields[i].name, name))
			return true;
	return request->range && is_of_range(name);
}

static void
add_request_line(struct sl_buf *buf, const struct sl_request *request)
{
	sl_buf_printf(buf, "%s ", request->method);
	if (request->is_absolute)
		sl_url_format(buf, request->url);
	else
		sl_buf_add_str(buf, request->url->target);
	sl_buf_add_str(buf, " HTTP/1.1\r\n");
}

static void
add_user_headers(struct sl_buf *buf, const struct sl_request *request)
{
	bool has_cookies = !request->cookies;
	for (size_t i = 0; i < request->header_count; i++) {
		struct sl_http_header header = request->headers[i];
		bool is_first_cookie = !has_cookies && sl_span_is_nocase(header.name, "Cookie");
		has_cookies = has_cookies || is_first_cookie;
		if (header.value.data && !is_first_cookie && !is_replaced(request, header.name))
			add_header(buf, header.name, header.value);
	}
}

static void
add_request(struct sl_buf *buf, const struct sl_request *request)
{
	add_request_line(buf, request);
	if (!user_has(request, "Host")) {
		sl_buf_add_str(buf, "Host: ");
		sl_url_format_authority(buf, request->url);
		sl_buf_add_str(buf, "\r\n");
	}
	if (request->proxy_authorization)
		add_header(buf, sl_span_str("Proxy-Authorization"),
			sl_span_str(request->proxy_authorization));
	add_own(buf, request, "User-Agent", request->user_agent);
	add_own(buf, request, "Accept", "*/*");
	add_own(buf, request, "Accept-Encoding",
		request->accept_encoding ? request->accept_encoding : "identity");
	if (request->authorization)
		add_own(buf, request, "Authorization", request->authorization);
	if (request->cookies)
		add_header(buf, sl_span_str("Cookie"), sl_span_str(request->cookies));
	add_user_headers(buf, request);
	for (size_t i = 0; i < request->field_count; i++)
		add_header(buf, request->fields[i].name, request->fields[i].value);
	if (request->range)
		add_header(buf, sl_span_str("Range"), sl_span_str(request->range));
	if (request->if_range)
		add_header(buf, sl_span_str("If-Range"), sl_span_str(request->if_range));
	sl_buf_add_str(buf, "\r\n");
}

int
sl_request_format(struct sl_buf *buf, const struct sl_request *request, struct sl_error *err)
{
	int code = sl_request_check(request, err);
	if (code)
		return code;
	size_t before = buf->len;
	add_request(buf, request);
	if (!buf->failed)
		return 0;
	buf->len = before;
	return sl_fail_code(err, SL_PHASE_REQUEST, -ENOMEM, "cannot write a request");
}

int
sl_request_add_basic(struct sl_buf *value, const char *user, const char *password)
{
	struct sl_buf pair = { 0 };
	/* In one piece, which is wiped: a buffer that grows would leave copies of the password. */
	sl_buf_reserve(&pair, strlen(user) + strlen(password) + 2);
	sl_buf_printf(&pair, "%s:%s", user, password);
	sl_buf_add_str(value, "Basic ");
	sl_text_add_base64(value, sl_buf_span(&pair));
	int code = pair.failed || value->failed ? -ENOMEM : 0;
	sl_buf_wipe(&pair);
	return code;
}
