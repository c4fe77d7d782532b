/*
 * Both parsers only find the parts of a cookie. Which server may set it for which hosts is decided
 * by the jar. A byte that could end a header field is refused here, whatever it came from.
 */
#include "sluice/http/cookie.h"

#include "sluice/base/number.h"
#include "sluice/http/cookie_date.h"

#include <arpa/inet.h>

#define LINE_FIELDS 7u
#define HTTP_ONLY "#HttpOnly_"

/* ---- text ---- */

/* A tab is no blank in the value of a field. */
static bool
has_control(struct sl_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static bool
has_prefix(struct sl_span text, const char *prefix)
{
	size_t len = strlen(prefix);
	return text.len >= len &&
	       sl_span_equal_nocase(sl_span(text.data, len), sl_span(prefix, len));
}

static struct sl_span
skip(struct sl_span text, size_t len)
{
	return sl_span(text.data + len, text.len - len);
}

/* Take what precedes the separator, or all that is left. */
static struct sl_span
take_part(struct sl_span *rest, char separator)
{
	struct sl_span part;
	if (sl_span_take_until(rest, separator, &part))
		return part;
	part = *rest;
	*rest = skip(*rest, rest->len);
	return part;
}

static struct sl_span
without_dot(struct sl_span domain)
{
	return domain.len > 0 && domain.data[0] == '.' ? skip(domain, 1) : domain;
}

/* ---- Set-Cookie ---- */

/* 5.2.2: digits, maybe with a sign. What is beyond 64 bits is as good as that. */
static bool
parse_max_age(struct sl_span text, int64_t now_s, int64_t *expires_s)
{
	bool is_negative = text.len > 0 && text.data[0] == '-';
	struct sl_span digits = is_negative ? skip(text, 1) : text;
	int64_t age = 0;
	if (digits.len == 0)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		if (__builtin_mul_overflow(age, 10, &age) ||
			__builtin_add_overflow(age, digits.data[i] - '0', &age))
			age = INT64_MAX / 10;
	}
	if (is_negative || age == 0)
		*expires_s = INT64_MIN;
	else if (__builtin_add_overflow(now_s, age, expires_s))
		*expires_s = SL_COOKIE_NEVER;
	return true;
}

struct times {
	bool has_age;
	int64_t now_s;
};

static void
take_attribute(struct sl_cookie *cookie, struct times *times, struct sl_span text)
{
	struct sl_span name = sl_span_trim(take_part(&text, '='));
	struct sl_span value = sl_span_trim(text);
	int64_t date;
	if (value.len > SL_COOKIE_ATTRIBUTE_MAX)
		return;
	if (sl_span_is_nocase(name, "Domain"))
		cookie->domain = without_dot(value);
	else if (sl_span_is_nocase(name, "Path"))
		cookie->path = value.len > 0 && value.data[0] == '/' ? value : sl_span("", 0);
	else if (sl_span_is_nocase(name, "Secure"))
		cookie->is_secure = true;
	else if (sl_span_is_nocase(name, "Max-Age"))
		times->has_age =
			parse_max_age(value, times->now_s, &cookie->expires_s) || times->has_age;
	else if (sl_span_is_nocase(name, "Expires") && !times->has_age &&
		 sl_cookie_date_parse(value, &date))
		cookie->expires_s = date;
}

bool
sl_cookie_parse(struct sl_cookie *cookie, struct sl_span value, int64_t now_s)
{
	struct sl_span rest = value;
	struct sl_span pair = take_part(&rest, ';');
	struct times times = { .now_s = now_s };
	*cookie = (struct sl_cookie){
		.domain = sl_span("", 0), .path = sl_span("", 0), .expires_s = SL_COOKIE_NEVER
	};
	struct sl_span name;
	if (has_control(value) || !sl_span_take_until(&pair, '=', &name))
		return false;
	cookie->name = sl_span_trim(name);
	cookie->value = sl_span_trim(pair);
	if (cookie->name.len == 0 || cookie->name.len + cookie->value.len > SL_COOKIE_MAX)
		return false;
	while (rest.len > 0)
		take_attribute(cookie, &times, take_part(&rest, ';'));
	return true;
}

/* ---- a line of a file ---- */

static int
refuse(struct sl_error *err, const char *why)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "%s", why);
}

static bool
parse_flag(struct sl_span text, bool *out)
{
	*out = sl_span_is_nocase(text, "TRUE");
	return *out || sl_span_is_nocase(text, "FALSE");
}

/* Some programs write a fraction. */
static bool
parse_expiry(struct sl_span text, int64_t *out)
{
	uint64_t seconds, fraction;
	struct sl_span whole = take_part(&text, '.');
	if (!sl_parse_u64(whole.data, whole.len, &seconds) ||
		(text.len > 0 && !sl_parse_u64(text.data, text.len, &fraction)))
		return false;
	*out = seconds == 0 || seconds > INT64_MAX ? SL_COOKIE_NEVER : (int64_t)seconds;
	return true;
}

static int
check_line(struct sl_cookie *cookie, const struct sl_span fields[LINE_FIELDS], struct sl_error *err)
{
	bool has_subdomains;
	cookie->domain = without_dot(fields[0]);
	cookie->path = fields[2];
	cookie->name = fields[5];
	cookie->value = fields[6];
	if (cookie->domain.len == 0)
		return refuse(err, "its domain is empty");
	if (!parse_flag(fields[1], &has_subdomains))
		return refuse(err, "its second field is not TRUE or FALSE");
	if (cookie->path.len == 0 || cookie->path.data[0] != '/')
		return refuse(err, "its path does not begin with '/'");
	if (!parse_flag(fields[3], &cookie->is_secure))
		return refuse(err, "its fourth field is not TRUE or FALSE");
	if (!parse_expiry(fields[4], &cookie->expires_s))
		return refuse(err, "its time of expiry is not a number of seconds");
	if (cookie->name.len == 0)
		return refuse(err, "its name is empty");
	if (memchr(cookie->name.data, '=', cookie->name.len) ||
		memchr(cookie->name.data, ';', cookie->name.len) ||
		(cookie->value.len && memchr(cookie->value.data, ';', cookie->value.len)))
		return refuse(err, "its name or value contains a character that is not allowed");
	if (cookie->name.len + cookie->value.len > SL_COOKIE_MAX)
		return refuse(err, "its name and value are larger than 4096 bytes");
	cookie->is_host_only = !has_subdomains;
	return 1;
}

int
sl_cookie_parse_line(struct sl_cookie *cookie, struct sl_span line, struct sl_error *err)
{
	struct sl_span fields[LINE_FIELDS];
	size_t count = 0;
	*cookie = (struct sl_cookie){ 0 };
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	if (has_prefix(line, HTTP_ONLY))
		line = skip(line, strlen(HTTP_ONLY));
	else if (sl_span_trim(line).len == 0 || line.data[0] == '#')
		return 0;
	if (has_control(line))
		return refuse(err, "it contains a control byte");
	while (count < LINE_FIELDS - 1 && sl_span_take_until(&line, '\t', &fields[count]))
		count++;
	fields[count++] = line;
	if (count == LINE_FIELDS - 1)
		fields[count++] = sl_span("", 0);
	if (count < LINE_FIELDS || memchr(fields[6].data, '\t', fields[6].len))
		return refuse(err, "it does not have seven fields with a tab between them");
	return check_line(cookie, fields, err);
}

/* ---- matches ---- */

static bool
is_address(const char *host)
{
	struct in6_addr address;
	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* 5.1.3 */
bool
sl_cookie_domain_matches(struct sl_span domain, const char *host)
{
	struct sl_span name = sl_span_str(host);
	if (sl_span_equal_nocase(domain, name))
		return true;
	if (domain.len == 0 || name.len <= domain.len || is_address(host))
		return false;
	size_t above = name.len - domain.len;
	return host[above - 1] == '.' && sl_span_equal_nocase(domain, skip(name, above));
}

static struct sl_span
path_of(struct sl_span target)
{
	const char *query = target.len ? memchr(target.data, '?', target.len) : NULL;
	return query ? sl_span(target.data, (size_t)(query - target.data)) : target;
}

/* 5.1.4 */
bool
sl_cookie_path_matches(struct sl_span path, struct sl_span target)
{
	target = path_of(target);
	if (path.len == 0 || target.len < path.len || memcmp(path.data, target.data, path.len) != 0)
		return false;
	return target.len == path.len || path.data[path.len - 1] == '/' ||
	       target.data[path.len] == '/';
}

struct sl_span
sl_cookie_default_path(struct sl_span target)
{
	target = path_of(target);
	const char *last = target.len ? memrchr(target.data, '/', target.len) : NULL;
	if (!last || target.data[0] != '/' || last == target.data)
		return sl_span("/", 1);
	return sl_span(target.data, (size_t)(last - target.data));
}

/* 6265bis 4.1.3, in any case, since servers compare names in any case. */
bool
sl_cookie_prefix_permits(struct sl_span name, bool is_secure, bool is_host_only, bool has_root_path)
{
	if (has_prefix(name, "__Secure-"))
		return is_secure;
	if (has_prefix(name, "__Host-"))
		return is_secure && is_host_only && has_root_path;
	return true;
}
