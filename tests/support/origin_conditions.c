/*
 * Conditional requests (RFC 9110, section 13), and what servers do wrong about them.
 *
 * Every resource with a validator answers them; those without one have nothing to compare with.
 * If-None-Match is evaluated by the weak comparison, and If-Modified-Since only without it
 * (13.2.2). Both come before Range: a range of what the client has is not sent.
 */
#include "support/origin_exchange.h"

bool
sl_origin_is_conditional(const struct sl_origin_exchange *x)
{
	struct sl_span value;

	return sl_origin_find_header(x, "If-None-Match", &value) ||
	       sl_origin_find_header(x, "If-Modified-Since", &value);
}

/* Without W/ before it. */
static struct sl_span
opaque(struct sl_span tag)
{
	bool weak = tag.len > 2 && memcmp(tag.data, "W/", 2) == 0;

	return weak ? sl_span(tag.data + 2, tag.len - 2) : tag;
}

/* 13.1.2: "*", or a list of tags. An opaque tag may have commas in it. */
static bool
lists_etag(struct sl_span list, struct sl_span etag)
{
	if (sl_span_is(list, "*"))
		return true;
	while (list.len > 0) {
		const char *open = memchr(list.data, '"', list.len);
		size_t before = open ? (size_t)(open - list.data) + 1 : list.len;
		const char *close = memchr(list.data + before, '"', list.len - before);

		if (!open || !close)
			return false;
		if (sl_span_equal(sl_span(open, (size_t)(close - open) + 1), opaque(etag)))
			return true;
		list = sl_span(close + 1, list.len - (size_t)(close + 1 - list.data));
	}
	return false;
}

/* 13.1.3: a date that is not valid is ignored. */
static bool
is_unmodified_since(struct sl_span value, const char *last_modified)
{
	static const char format[] = "%a, %d %b %Y %H:%M:%S GMT";
	char text[SL_ORIGIN_DATE_TEXT];
	struct tm since = { 0 }, modified = { 0 };

	snprintf(text, sizeof(text), "%.*s", (int)value.len, value.data);
	const char *end = strptime(text, format, &since);

	return end && !*end && strptime(last_modified, format, &modified) &&
	       timegm(&modified) <= timegm(&since);
}

bool
sl_origin_is_not_modified(const struct sl_origin_exchange *x)
{
	struct sl_span value;

	if (x->conditions == SL_ORIGIN_CONDITIONS_IGNORED || !sl_origin_is_conditional(x))
		return false;
	if (x->conditions == SL_ORIGIN_CONDITIONS_ALWAYS_TRUE)
		return true;
	if (sl_origin_find_header(x, "If-None-Match", &value))
		return x->etag[0] && lists_etag(value, sl_span_str(x->etag));
	return x->last_modified[0] && sl_origin_find_header(x, "If-Modified-Since", &value) &&
	       is_unmodified_since(value, x->last_modified);
}

static void
shape_ignored(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	x->conditions = SL_ORIGIN_CONDITIONS_IGNORED;
	sl_origin_route(x);
}

static void
shape_always_true(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	x->conditions = SL_ORIGIN_CONDITIONS_ALWAYS_TRUE;
	sl_origin_route(x);
}

const struct sl_origin_route sl_origin_condition_routes[] = {
	{ "unconditional", "", shape_ignored,
		"/...: 200 to conditional requests, as if they had no condition" },
	{ "always-304", "", shape_always_true,
		"/...: 304 to conditional requests, whatever the condition" },
	{ 0 },
};
