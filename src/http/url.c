/*
 * The parser of URLs. A text is split into the five parts of RFC 3986 appendix B first, and each
 * part is then taken into struct sl_url by a function of its own, which checks all of it: nothing
 * is stored that was not checked. References from servers (url_resolve.c) go through the same
 * functions.
 */
#include "sluice/http/url.h"

#include "url_int.h"

#include "sluice/base/number.h"
#include "sluice/base/redact.h"
#include "sluice/base/text.h"
#include "sluice/http/idn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#define PORT_HTTP 80
#define PORT_HTTPS 443

/* RFC 1035 2.3.4: a label, and a name in its text form without the final dot. */
#define LABEL_MAX 63
#define NAME_MAX_BYTES 253

#define SHOWN_MAX 240 /* bytes of a refused URL in a message */

/* ---- classes of bytes ---- */

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(unsigned char c)
{
	return sl_lower(c) >= 'a' && sl_lower(c) <= 'z';
}

/* pchar, '/' and '?' of RFC 3986 3.3 and 3.4, without '%'. */
static bool
is_target_char(unsigned char c)
{
	return is_alpha(c) || is_digit(c) || (c && strchr("-._~!$&'()*+,;=:@/?", c));
}

static bool
is_host_char(unsigned char c)
{
	return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

/* ---- refusing ---- */

int
sl_url_no_memory(struct sl_error *err)
{
	return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot store a URL");
}

/* Text that cannot be parsed cannot be split into secrets and the rest either, so everything
 * between the scheme and the last '@' is masked. */
void
sl_url_show(struct sl_buf *out, struct sl_span text)
{
	struct sl_buf masked = { 0 }, clean = { 0 };
	const char *at = text.len ? memrchr(text.data, '@', text.len) : NULL;
	if (at) {
		const char *authority = memmem(text.data, text.len, "://", 3);
		if (authority && authority < at)
			sl_buf_add(&masked, text.data, (size_t)(authority - text.data) + 3);
		sl_buf_add_str(&masked, "***");
		sl_buf_add(&masked, at, text.len - (size_t)(at - text.data));
	} else {
		sl_buf_add_span(&masked, text);
	}
	sl_redact(&clean, sl_buf_span(&masked));
	sl_text_show(out, sl_buf_span(&clean), SHOWN_MAX);
	sl_buf_release(&clean);
	sl_buf_release(&masked);
}

static int
refuse_as(struct sl_error *err, int code, struct sl_span text, const char *why)
{
	struct sl_buf shown = { 0 };
	sl_url_show(&shown, text);
	sl_fail(err, SL_PHASE_NONE, code, "cannot use URL '%s': %s", shown.data ? shown.data : "",
		why);
	sl_buf_release(&shown);
	return code;
}

int
sl_url_refuse(struct sl_error *err, struct sl_span text, const char *why)
{
	return refuse_as(err, SL_E_USAGE, text, why);
}

/* ---- splitting ---- */

/* Length up to the first of the bytes in `ends`, or all. */
size_t
sl_url_span_until(struct sl_span text, const char *ends)
{
	size_t len = 0;
	while (len < text.len && !strchr(ends, text.data[len]))
		len++;
	return len;
}

struct sl_span
sl_url_skip(struct sl_span text, size_t len)
{
	return sl_span(text.data + len, text.len - len);
}

static bool
is_scheme(struct sl_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (!is_alpha(c) && (i == 0 || (!is_digit(c) && !strchr("+-.", c))))
			return false;
	}
	return text.len > 0;
}

/* RFC 3986 appendix B. The text holds no NUL: sl_url_check_bytes() or check_reference() went first.
 * */
void
sl_url_split(struct sl_url_parts *parts, struct sl_span text)
{
	memset(parts, 0, sizeof(*parts));
	text.len = sl_url_span_until(text, "#");
	size_t colon = sl_url_span_until(text, ":/?");
	if (colon < text.len && text.data[colon] == ':' && is_scheme(sl_span(text.data, colon))) {
		parts->has_scheme = true;
		parts->scheme = sl_span(text.data, colon);
		text = sl_url_skip(text, colon + 1);
	}
	if (text.len >= 2 && memcmp(text.data, "//", 2) == 0) {
		text = sl_url_skip(text, 2);
		parts->has_authority = true;
		parts->authority = sl_span(text.data, sl_url_span_until(text, "/?"));
		text = sl_url_skip(text, parts->authority.len);
	}
	parts->path = sl_span(text.data, sl_url_span_until(text, "?"));
	text = sl_url_skip(text, parts->path.len);
	if (text.len > 0) {
		parts->has_query = true;
		parts->query = sl_url_skip(text, 1);
	}
}

int
sl_url_check_bytes(struct sl_span text, struct sl_error *err)
{
	if (text.len > SL_URL_MAX)
		return sl_url_refuse(err, text, "it is longer than 16 KiB");
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == ' ')
			return sl_url_refuse(err, text, "it has a space in it; write %20");
		if (c < 0x21 || c == 0x7f)
			return sl_url_refuse(err, text, "it has a control byte in it");
		if (c == '\\')
			return sl_url_refuse(err, text, "it has a backslash in it; write / or %5C");
	}
	return 0;
}

/* ---- userinfo ---- */

/* Percent-decoded copy, or NULL with *code set: a bad escape or a control byte is SL_E_USAGE. */
static char *
decode_userinfo(struct sl_span text, int *code)
{
	struct sl_buf out = { 0 };
	*code = 0;
	for (size_t i = 0; i < text.len && !*code; i++) {
		int c = (unsigned char)text.data[i];
		if (c == '%') {
			int high = i + 2 < text.len ? sl_hex_digit((unsigned char)text.data[i + 1])
						    : -1;
			int low = i + 2 < text.len ? sl_hex_digit((unsigned char)text.data[i + 2])
						   : -1;
			c = high < 0 || low < 0 ? -1 : high * 16 + low;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			*code = SL_E_USAGE;
		else
			sl_buf_add_char(&out, (char)c);
	}
	char *copy = *code ? NULL : sl_buf_detach(&out);
	if (!copy && !*code)
		*code = -ENOMEM;
	sl_buf_release(&out);
	return copy;
}

static int
take_userinfo(struct sl_url *url, struct sl_span info, struct sl_span text, struct sl_error *err)
{
	size_t colon = sl_url_span_until(info, ":");
	struct sl_span password =
		colon < info.len ? sl_url_skip(info, colon + 1) : sl_span(info.data, 0);
	int code = 0;
	url->has_userinfo = true;
	url->user = decode_userinfo(sl_span(info.data, colon), &code);
	if (!code)
		url->password = decode_userinfo(password, &code);
	if (code == -ENOMEM)
		return sl_url_no_memory(err);
	if (code)
		return sl_url_refuse(err, text,
			"a bad percent escape or control byte in the user name or password");
	if (strchr(url->user, ':'))
		return sl_url_refuse(
			err, text, "a colon in the user name cannot be sent (RFC 7617)");
	return 0;
}

/* ---- host and port ---- */

/* By the last label: names that one resolver reads as a number and another as a name. */
static bool
ends_in_number(struct sl_span host)
{
	const char *dot = memrchr(host.data, '.', host.len);
	struct sl_span label = dot ? sl_url_skip(host, (size_t)(dot - host.data) + 1) : host;
	bool hex = label.len >= 2 && sl_span_is_nocase(sl_span(label.data, 2), "0x");
	for (size_t i = hex ? 2 : 0; i < label.len; i++) {
		unsigned char c = (unsigned char)label.data[i];
		if (hex ? sl_hex_digit(c) < 0 : !is_digit(c))
			return false;
	}
	return true;
}

/* NULL, or why it is not a host name. */
static const char *
host_fault(const char *host)
{
	size_t label = 0, len = strlen(host);
	if (len > 0 && host[len - 1] == '.')
		len--; /* the root's dot: a name that is not searched for in local domains */
	if (len == 0)
		return "it has no host";
	if (len > NAME_MAX_BYTES)
		return "its host name is longer than 253 bytes";
	for (size_t i = 0; i <= len; i++) {
		if (i < len && !is_host_char((unsigned char)host[i]))
			return host[i] == '%' ? "a percent escape in the host is not allowed"
					      : "a character in its host is not allowed";
		if (i < len && host[i] != '.') {
			label++;
			continue;
		}
		if (label == 0)
			return "its host has an empty label";
		if (label > LABEL_MAX)
			return "its host has a label longer than 63 bytes";
		label = 0;
	}
	struct in_addr address;
	if (ends_in_number(sl_span(host, len)) && inet_pton(AF_INET, host, &address) != 1)
		return "its host is not an IPv4 address of four decimal numbers";
	return NULL;
}

static int
take_name(struct sl_url *url, struct sl_span host, struct sl_span text, struct sl_error *err)
{
	struct sl_buf name = { 0 };
	bool ascii = true;
	for (size_t i = 0; i < host.len; i++)
		ascii = ascii && (unsigned char)host.data[i] < 0x80;
	int code = 0;
	if (ascii)
		sl_buf_add_span(&name, host);
	else
		code = sl_idn_to_ascii(&name, host, err);
	if (!code) {
		url->host = sl_buf_detach(&name);
		if (!url->host)
			code = sl_url_no_memory(err);
	}
	sl_buf_release(&name);
	if (code)
		return code;
	for (char *c = url->host; *c; c++)
		*c = (char)sl_lower((unsigned char)*c);
	const char *fault = host_fault(url->host);
	return fault ? sl_url_refuse(err, text, fault) : 0;
}

/* `host` begins with '['. *rest gets what follows the ']'. */
static int
take_ipv6(struct sl_url *url, struct sl_span host, struct sl_span *rest, struct sl_span text,
	struct sl_error *err)
{
	struct in6_addr address;
	char literal[INET6_ADDRSTRLEN] = "";
	size_t end = sl_url_span_until(host, "]");
	if (end == host.len)
		return sl_url_refuse(
			err, text, "the bracket before its IPv6 address is not closed");
	if (memchr(host.data, '%', end))
		return sl_url_refuse(err, text, "an IPv6 address with a zone is not supported");
	if (end - 1 < sizeof(literal))
		memcpy(literal, host.data + 1, end - 1);
	if (end - 1 >= sizeof(literal) || inet_pton(AF_INET6, literal, &address) != 1)
		return sl_url_refuse(err, text, "the text in its brackets is not an IPv6 address");
	inet_ntop(AF_INET6, &address, literal, sizeof(literal));
	url->is_ipv6 = true;
	url->host = sl_span_dup(sl_span_str(literal));
	*rest = sl_url_skip(host, end + 1);
	return url->host ? 0 : sl_url_no_memory(err);
}

/* `rest` is empty or begins with ':'. An empty port is the scheme's own (RFC 3986 3.2.3). */
static int
take_port(struct sl_url *url, struct sl_span rest, struct sl_span text, struct sl_error *err)
{
	uint64_t port = url->scheme == SL_SCHEME_HTTPS ? PORT_HTTPS : PORT_HTTP;
	if (rest.len > 0 && rest.data[0] != ':')
		return sl_url_refuse(err, text, "something other than a port follows its host");
	if (rest.len > 1 &&
		(!sl_parse_u64(rest.data + 1, rest.len - 1, &port) || port == 0 || port > 65535))
		return sl_url_refuse(err, text, "its port is not a number from 1 to 65535");
	url->port = (uint16_t)port;
	return 0;
}

int
sl_url_take_authority(
	struct sl_url *url, struct sl_span authority, struct sl_span text, struct sl_error *err)
{
	size_t at = sl_url_span_until(authority, "@");
	int code = 0;
	if (at < authority.len) {
		struct sl_span info = sl_span(authority.data, at);
		authority = sl_url_skip(authority, at + 1);
		if (memchr(authority.data, '@', authority.len))
			return sl_url_refuse(err, text,
				"it has more than one @ before its path; write %40 in a password");
		code = take_userinfo(url, info, text, err);
	}
	if (code)
		return code;
	struct sl_span rest = { 0 };
	if (authority.len > 0 && authority.data[0] == '[') {
		code = take_ipv6(url, authority, &rest, text, err);
	} else {
		size_t len = sl_url_span_until(authority, ":");
		if (len == 0)
			return sl_url_refuse(err, text, "it has no host");
		rest = sl_url_skip(authority, len);
		code = take_name(url, sl_span(authority.data, len), text, err);
	}
	return code ? code : take_port(url, rest, text, err);
}

/* ---- path and query ---- */

static bool
is_escape(struct sl_span text)
{
	return text.len >= 3 && text.data[0] == '%' &&
	       sl_hex_digit((unsigned char)text.data[1]) >= 0 &&
	       sl_hex_digit((unsigned char)text.data[2]) >= 0;
}

/* Append the text, encoded for a target; false on a bad percent escape unless `lenient`. */
static bool
add_target(struct sl_buf *out, struct sl_span text, bool lenient)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool escape = is_escape(sl_url_skip(text, i));
		if (c == '%' && !escape && !lenient)
			return false;
		if (escape || is_target_char(c))
			sl_buf_add_char(out, (char)c);
		else
			sl_buf_printf(out, "%%%02X", c);
	}
	return true;
}

int
sl_url_take_target(struct sl_url *url, struct sl_span path, const struct sl_url_parts *parts,
	struct sl_span text, struct sl_error *err)
{
	struct sl_buf out = { 0 };
	if (path.len == 0 || path.data[0] != '/')
		sl_buf_add_char(&out, '/');
	bool good = add_target(&out, path, parts->lenient);
	if (good && parts->has_query) {
		sl_buf_add_char(&out, '?');
		good = add_target(&out, parts->query, parts->lenient);
	}
	int code = 0;
	if (!good)
		code = sl_url_refuse(err, text,
			"a % in it is not followed by two hexadecimal digits; write %25");
	else if (out.len > SL_URL_MAX)
		code = sl_url_refuse(err, text, "it is longer than 16 KiB");
	if (!code) {
		url->target = sl_buf_detach(&out);
		if (!url->target)
			code = sl_url_no_memory(err);
	}
	sl_buf_release(&out);
	return code;
}

/* ---- whole URLs ---- */

int
sl_url_take_scheme(
	struct sl_url *url, struct sl_span scheme, struct sl_span text, struct sl_error *err)
{
	if (sl_span_is_nocase(scheme, "https"))
		url->scheme = SL_SCHEME_HTTPS;
	else if (sl_span_is_nocase(scheme, "http"))
		url->scheme = SL_SCHEME_HTTP;
	else if (sl_span_is_nocase(scheme, "s3"))
		return refuse_as(err, SL_E_UNSUPPORTED, text,
			"only http and https are supported: with --aws-sigv4 aws:amz, use "
			"https://BUCKET.s3.REGION.amazonaws.com/KEY or the URL of another store");
	else
		return refuse_as(err, SL_E_UNSUPPORTED, text, "only http and https are supported");
	return 0;
}

/* Text without a scheme: host/path or host:port/path means https. */
static int
guess_https(struct sl_url_parts *parts, struct sl_span text, struct sl_error *err)
{
	struct sl_span rest = sl_span(text.data, sl_url_span_until(text, "#"));
	struct sl_span authority = sl_span(rest.data, sl_url_span_until(rest, "/?"));
	bool port_empty = authority.len > 0 && authority.data[authority.len - 1] == ':';
	bool slash = authority.len < rest.len && rest.data[authority.len] == '/';
	if (!slash || authority.len == 0 || port_empty ||
		memchr(authority.data, '@', authority.len))
		return sl_url_refuse(err, text, "it is not a full URL; write https://host/path");
	memset(parts, 0, sizeof(*parts));
	parts->has_authority = true;
	parts->authority = authority;
	rest = sl_url_skip(rest, authority.len);
	parts->path = sl_span(rest.data, sl_url_span_until(rest, "?"));
	parts->has_query = parts->path.len < rest.len;
	if (parts->has_query)
		parts->query = sl_url_skip(rest, parts->path.len + 1);
	return 0;
}

static int
parse(struct sl_url *url, struct sl_span text, struct sl_error *err)
{
	struct sl_url_parts parts;
	int code = sl_url_check_bytes(text, err);
	if (code)
		return code;
	sl_url_split(&parts, text);
	url->scheme = SL_SCHEME_HTTPS;
	if (parts.has_scheme && parts.has_authority)
		code = sl_url_take_scheme(url, parts.scheme, text, err);
	else
		code = guess_https(&parts, text, err);
	if (!code)
		code = sl_url_take_authority(url, parts.authority, text, err);
	if (!code)
		code = sl_url_take_target(url, parts.path, &parts, text, err);
	return code;
}

int
sl_url_parse(struct sl_url *url, struct sl_span text, struct sl_error *err)
{
	memset(url, 0, sizeof(*url));
	int code = parse(url, text, err);
	if (code)
		sl_url_release(url);
	return code;
}

void
sl_url_drop_userinfo(struct sl_url *url)
{
	free(url->user);
	sl_text_wipe(url->password);
	url->user = url->password = NULL;
	url->has_userinfo = false;
}

void
sl_url_release(struct sl_url *url)
{
	sl_url_drop_userinfo(url);
	free(url->host);
	free(url->target);
	memset(url, 0, sizeof(*url));
}

/* A copy of `text`, or NULL if it is NULL; *failed is set if out of memory. */
static char *
dup_or_null(const char *text, bool *failed)
{
	char *copy = text ? sl_span_dup(sl_span_str(text)) : NULL;
	*failed = *failed || (text && !copy);
	return copy;
}

int
sl_url_copy(struct sl_url *out, const struct sl_url *url)
{
	bool failed = false;
	*out = *url;
	out->host = dup_or_null(url->host, &failed);
	out->target = dup_or_null(url->target, &failed);
	out->user = dup_or_null(url->user, &failed);
	out->password = dup_or_null(url->password, &failed);
	if (failed)
		sl_url_release(out);
	return failed ? -ENOMEM : 0;
}

int
sl_url_copy_userinfo(struct sl_url *out, const struct sl_url *url)
{
	bool failed = false;
	sl_url_drop_userinfo(out);
	out->user = dup_or_null(url->user, &failed);
	out->password = dup_or_null(url->password, &failed);
	out->has_userinfo = url->has_userinfo;
	if (failed)
		sl_url_drop_userinfo(out);
	return failed ? -ENOMEM : 0;
}

bool
sl_url_same_origin(const struct sl_url *a, const struct sl_url *b)
{
	return a->scheme == b->scheme && a->port == b->port && strcmp(a->host, b->host) == 0;
}

const char *
sl_url_scheme_name(enum sl_scheme scheme)
{
	return scheme == SL_SCHEME_HTTPS ? "https" : "http";
}

void
sl_url_format_authority(struct sl_buf *buf, const struct sl_url *url)
{
	sl_buf_printf(buf, url->is_ipv6 ? "[%s]" : "%s", url->host);
	if (url->port != (url->scheme == SL_SCHEME_HTTPS ? PORT_HTTPS : PORT_HTTP))
		sl_buf_printf(buf, ":%u", url->port);
}

void
sl_url_format(struct sl_buf *buf, const struct sl_url *url)
{
	sl_buf_printf(buf, "%s://", sl_url_scheme_name(url->scheme));
	sl_url_format_authority(buf, url);
	sl_buf_add_str(buf, url->target);
}
