/*
 * References from servers (Location), read as browsers do. clean_reference() brings the text into a
 * form that the parser of url.c takes: what it removes or turns is as in the WHATWG URL standard.
 * Then RFC 3986 5.2 decides which parts come from the base. A host is never guessed: where browsers
 * take a path for a host, the reference is refused.
 */
#include "sluice/http/url.h"

#include "url_int.h"

#include <errno.h>

/* The number of dots, '.' or (as in browsers) "%2e"; 0 if there is anything else. */
static size_t
count_dots(struct sl_span text)
{
	size_t dots = 0;
	while (text.len > 0) {
		bool escaped = text.len >= 3 && sl_span_is_nocase(sl_span(text.data, 3), "%2e");
		if (text.data[0] != '.' && !escaped)
			return 0;
		text = sl_url_skip(text, escaped ? 3 : 1);
		dots++;
	}
	return dots;
}

/*
 * RFC 3986 5.2.4, in place: each segment is kept unless it is "." or "..", the latter taking the
 * one before it along.
 */
static void
remove_dot_segments(struct sl_buf *path)
{
	size_t in = 0, out = 0;
	while (in < path->len) {
		size_t end = in + 1; /* path[in] is '/' */
		while (end < path->len && path->data[end] != '/')
			end++;
		size_t dots = count_dots(sl_span(path->data + in + 1, end - in - 1));
		if (dots == 2)
			while (out > 0 && path->data[--out] != '/')
				;
		if (dots == 1 || dots == 2) {
			if (end == path->len)
				path->data[out++] = '/'; /* "/a/." is the directory "/a/" */
		} else {
			memmove(path->data + out, path->data + in, end - in);
			out += end - in;
		}
		in = end;
	}
	path->len = out;
	path->data[out] = '\0';
}

static struct sl_span
base_path(const struct sl_url *base)
{
	return sl_span(base->target, strcspn(base->target, "?"));
}

/* RFC 3986 5.2.3: the base's path up to its last '/', then the reference's. */
static void
merge(struct sl_buf *out, const struct sl_url *base, struct sl_span path)
{
	struct sl_span dir = base_path(base);
	if (path.len > 0 && path.data[0] != '/') {
		const char *slash = memrchr(dir.data, '/', dir.len);
		sl_buf_add(out, dir.data, (size_t)(slash - dir.data) + 1);
	}
	sl_buf_add_span(out, path);
}

/* Scheme, host and port of a reference without its own authority. */
static int
take_base_origin(struct sl_url *out, const struct sl_url *base, struct sl_error *err)
{
	out->scheme = base->scheme;
	out->is_ipv6 = base->is_ipv6;
	out->port = base->port;
	out->host = sl_span_dup(sl_span_str(base->host));
	return out->host ? 0 : sl_url_no_memory(err);
}

/* A reference without authority: RFC 3986 5.2.2 from "T.authority = Base.authority" up. */
static int
resolve_path(struct sl_url *out, const struct sl_url *base, struct sl_url_parts *parts,
	struct sl_span reference, struct sl_error *err)
{
	struct sl_buf path = { 0 };
	if (parts->path.len == 0 && !parts->has_query) {
		struct sl_span target = sl_span_str(base->target);
		size_t query = sl_url_span_until(target, "?");
		parts->has_query = query < target.len;
		if (parts->has_query)
			parts->query = sl_url_skip(target, query + 1);
	}
	merge(&path, base, parts->path.len ? parts->path : base_path(base));
	if (path.failed)
		return sl_url_no_memory(err);
	remove_dot_segments(&path);
	int code = sl_url_take_target(out, sl_buf_span(&path), parts, reference, err);
	sl_buf_release(&path);
	return code;
}

static int
resolve_authority(struct sl_url *out, struct sl_url_parts *parts, struct sl_span reference,
	struct sl_error *err)
{
	struct sl_buf path = { 0 };
	int code = sl_url_take_authority(out, parts->authority, reference, err);
	if (code)
		return code;
	sl_buf_add_span(&path, parts->path);
	if (path.len > 0)
		remove_dot_segments(&path);
	code = path.failed ? sl_url_no_memory(err)
			   : sl_url_take_target(out, sl_buf_span(&path), parts, reference, err);
	sl_buf_release(&path);
	return code;
}

/*
 * The reference as browsers read it (WHATWG URL 4.4, for http and https): without its fragment,
 * without blanks and control bytes around it, without tabs and line ends in it, and with '/' for
 * each '\' before the query.
 */
static void
clean_reference(struct sl_buf *out, struct sl_span text)
{
	size_t fragment = 0;
	while (fragment < text.len && text.data[fragment] != '#')
		fragment++;
	text.len = fragment;
	while (text.len > 0 && (unsigned char)text.data[0] <= ' ')
		text = sl_url_skip(text, 1);
	while (text.len > 0 && (unsigned char)text.data[text.len - 1] <= ' ')
		text.len--;
	bool in_query = false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		in_query = in_query || c == '?';
		if (c != '\t' && c != '\n' && c != '\r')
			sl_buf_add_char(out, c == '\\' && !in_query ? '/' : c);
	}
}

/* Bytes that no part of a cleaned reference may contain. All others are encoded in a path or query,
 * and refused in a host. */
static int
check_reference(struct sl_span text, struct sl_error *err)
{
	if (text.len > SL_URL_MAX)
		return sl_url_refuse(err, text, "it is longer than 16 KiB");
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return sl_url_refuse(err, text, "it has a control byte in it");
	return 0;
}

static int
resolve(struct sl_url *out, const struct sl_url *base, struct sl_span reference,
	struct sl_error *err)
{
	struct sl_url_parts parts;
	int code = check_reference(reference, err);
	if (code)
		return code;
	sl_url_split(&parts, reference);
	parts.lenient = true;
	out->scheme = base->scheme;
	if (!code && parts.has_scheme)
		code = sl_url_take_scheme(out, parts.scheme, reference, err);
	if (code)
		return code;
	if (parts.has_authority && memchr(parts.authority.data, ' ', parts.authority.len))
		return sl_url_refuse(err, reference, "it has a space in its host");
	if (parts.has_authority)
		return resolve_authority(out, &parts, reference, err);
	/* "http:path" means "path" (RFC 3986 5.2.2, not strict) where the scheme is the base's.
	 * With another scheme browsers take the path for the host, which is a guess. */
	if (parts.has_scheme && out->scheme != base->scheme)
		return sl_url_refuse(err, reference, "it has a scheme and no host");
	code = take_base_origin(out, base, err);
	return code ? code : resolve_path(out, base, &parts, reference, err);
}

int
sl_url_resolve(struct sl_url *out, const struct sl_url *base, struct sl_span reference,
	struct sl_error *err)
{
	struct sl_buf clean = { 0 };
	memset(out, 0, sizeof(*out));
	sl_buf_add_str(&clean, "");
	clean_reference(&clean, reference);
	int code =
		clean.failed ? sl_url_no_memory(err) : resolve(out, base, sl_buf_span(&clean), err);
	sl_buf_release(&clean);
	if (code)
		sl_url_release(out);
	else
		sl_url_drop_userinfo(out);
	return code;
}
