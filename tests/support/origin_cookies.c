/*
 * Cookies. /set-cookie/TEXT/... answers as the rest of the path does, with "Set-Cookie: TEXT" on
 * any status; /cookie/TEXT/... does so only for requests whose Cookie has TEXT, while others are
 * redirected to themselves with "Set-Cookie: TEXT", as sites do that let a client in only with a
 * cookie. TEXT is percent-coded.
 */
#include "support/origin_exchange.h"

#include "sluice/base/number.h"

#include <string.h>

static void
decode(const char *text, struct sl_buf *out)
{
	for (; *text; text++) {
		int high = *text == '%' ? sl_hex_digit((unsigned char)text[1]) : -1;
		int low = high >= 0 ? sl_hex_digit((unsigned char)text[2]) : -1;
		sl_buf_add_char(out, low >= 0 ? (char)(high * 16 + low) : *text);
		text += low >= 0 ? 2 : 0;
	}
}

static void
set_cookie(struct sl_origin_exchange *x, const char *word)
{
	struct sl_buf value = { 0 };
	decode(word, &value);
	sl_origin_add_header(x, "Set-Cookie", value.data ? value.data : "");
	sl_buf_release(&value);
}

static void
shape_set_cookie(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	set_cookie(x, args->w[0]);
	sl_origin_route(x);
}

static void
shape_cookie(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	struct sl_buf wanted = { 0 }, location = { 0 };
	struct sl_span sent;
	decode(args->w[0], &wanted);
	bool has = sl_origin_find_header(x, "Cookie", &sent) && wanted.len > 0 &&
		   memmem(sent.data, sent.len, wanted.data, wanted.len);
	sl_buf_release(&wanted);
	if (has) {
		sl_origin_route(x);
		return;
	}
	set_cookie(x, args->w[0]);
	sl_buf_printf(&location, "/%s", x->path);
	sl_origin_redirect(x, 302, location.data);
	sl_buf_release(&location);
}

const struct sl_origin_route sl_origin_cookie_routes[] = {
	{ "set-cookie", "w", shape_set_cookie, "/TEXT/...: with Set-Cookie: TEXT" },
	{ "cookie", "w", shape_cookie,
		"/TEXT/...: with this cookie; others get it, and a 302 to the same path" },
	{ 0 },
};
