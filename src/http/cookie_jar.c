/*
 * An array that is searched from end to end: it is short, and most runs have a few cookies or none.
 * Each cookie is one allocation, so that all of it can be wiped.
 */
#include "sluice/http/cookie_jar.h"

#include "sluice/http/public_suffix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HOST_MAX 253 /* bytes of a host name (RFC 1035) */

struct sl_cookie_entry {
	struct sl_span name, value, domain, path; /* in text; the domain in lower case */
	bool is_host_only, is_secure, is_of_file;
	int64_t expires_s;
	uint64_t created, used;
	size_t len;
	char text[];
};

/* Who sets a cookie. */
struct setter {
	const struct sl_url *url; /* NULL = a file */
	int64_t now_s;
};

/* ---- entries ---- */

static void
entry_free(struct sl_cookie_entry *entry)
{
	explicit_bzero(entry, sizeof(*entry) + entry->len);
	free(entry);
}

static struct sl_span
copy(struct sl_cookie_entry *entry, struct sl_span part)
{
	char *place = entry->text + entry->len;
	if (part.len > 0)
		memcpy(place, part.data, part.len);
	entry->len += part.len;
	return sl_span(place, part.len);
}

static struct sl_cookie_entry *
entry_new(const struct sl_cookie *cookie)
{
	size_t len = cookie->name.len + cookie->value.len + cookie->domain.len + cookie->path.len;
	struct sl_cookie_entry *entry = calloc(1, sizeof(*entry) + len);
	if (!entry)
		return NULL;
	entry->name = copy(entry, cookie->name);
	entry->value = copy(entry, cookie->value);
	entry->domain = copy(entry, cookie->domain);
	entry->path = copy(entry, cookie->path);
	entry->is_host_only = cookie->is_host_only;
	entry->is_secure = cookie->is_secure;
	entry->expires_s = cookie->expires_s;
	return entry;
}

static void
remove_at(struct sl_cookie_jar *jar, size_t index)
{
	entry_free(jar->entries[index]);
	jar->count--;
	memmove(jar->entries + index, jar->entries + index + 1,
		(jar->count - index) * sizeof(*jar->entries));
}

static bool
is_expired(const struct sl_cookie_entry *entry, int64_t now_s)
{
	return entry->expires_s != SL_COOKIE_NEVER && entry->expires_s <= now_s;
}

/* ---- room ---- */

static int
rank(const struct sl_cookie_entry *entry, int64_t now_s)
{
	if (is_expired(entry, now_s))
		return 0;
	return entry->is_of_file ? 3 : entry->is_secure ? 2 : 1;
}

/* Count those of a domain, or all if it is empty, and find the one that is given up first. */
static size_t
find_last(const struct sl_cookie_jar *jar, struct sl_span domain, int64_t now_s, size_t *out)
{
	size_t count = 0;
	for (size_t i = 0; i < jar->count; i++) {
		const struct sl_cookie_entry *entry = jar->entries[i], *last = jar->entries[*out];
		if (domain.len > 0 && !sl_span_equal(entry->domain, domain))
			continue;
		int difference = rank(entry, now_s) - rank(last, now_s);
		if (count == 0 || difference < 0 || (difference == 0 && entry->used < last->used))
			*out = i;
		count++;
	}
	return count;
}

/* A server makes room by giving up another cookie, a file only one that has expired. */
static bool
make_room(struct sl_cookie_jar *jar, struct sl_span domain, size_t most, const struct setter *by)
{
	size_t last = 0;
	if (find_last(jar, domain, by->now_s, &last) < most)
		return true;
	if (!by->url && !is_expired(jar->entries[last], by->now_s))
		return false;
	remove_at(jar, last);
	return true;
}

static int
grow(struct sl_cookie_jar *jar)
{
	if (jar->count < jar->cap)
		return 0;
	size_t cap = jar->cap ? 2 * jar->cap : 8;
	struct sl_cookie_entry **entries =
		reallocarray(jar->entries, cap, sizeof(struct sl_cookie_entry *));
	if (!entries)
		return -ENOMEM;
	jar->entries = entries;
	jar->cap = cap;
	return 0;
}

/* ---- storing ---- */

static bool
is_same(const struct sl_cookie_entry *entry, const struct sl_cookie *cookie)
{
	return sl_span_equal(entry->name, cookie->name) &&
	       sl_span_equal(entry->domain, cookie->domain) &&
	       sl_span_equal(entry->path, cookie->path) &&
	       entry->is_host_only == cookie->is_host_only;
}

/* Remove the one that the cookie replaces; its time of creation, or a new one. */
static uint64_t
replace(struct sl_cookie_jar *jar, const struct sl_cookie *cookie)
{
	for (size_t i = 0; i < jar->count; i++)
		if (is_same(jar->entries[i], cookie)) {
			uint64_t created = jar->entries[i]->created;
			remove_at(jar, i);
			return created;
		}
	return ++jar->ticks;
}

/* The cookie is complete, and its domain in lower case. */
static int
put(struct sl_cookie_jar *jar, const struct sl_cookie *cookie, const struct setter *by)
{
	struct sl_cookie_entry *entry = entry_new(cookie);
	if (!entry || grow(jar) < 0) {
		if (entry)
			entry_free(entry);
		return -ENOMEM;
	}
	entry->created = replace(jar, cookie);
	entry->used = ++jar->ticks;
	entry->is_of_file = !by->url;
	bool has_expired = is_expired(entry, by->now_s);
	if (has_expired || !make_room(jar, entry->domain, SL_COOKIE_JAR_DOMAIN_MAX, by) ||
		!make_room(jar, sl_span("", 0), SL_COOKIE_JAR_MAX, by)) {
		entry_free(entry);
		return has_expired ? 0 : SL_E_LIMIT;
	}
	jar->entries[jar->count++] = entry;
	return 1;
}

/* A host name in lower case; false if it cannot be one. A dot at its end would make another name of
 * the same host (CVE-2022-27779). */
static bool
normalize(struct sl_span domain, char out[HOST_MAX + 1])
{
	if (domain.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < domain.len; i++) {
		unsigned char c = sl_lower((unsigned char)domain.data[i]);
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
				 c == '_' || c == ':';
		if (!is_letter && (c != '.' || i == 0 || i + 1 == domain.len || out[i - 1] == '.'))
			return false;
		out[i] = (char)c;
	}
	out[domain.len] = '\0';
	return true;
}

/* 5.3, 6 and 5: the host itself, or a domain that it is in and that is no public suffix. */
static bool
settle_domain(struct sl_cookie *cookie, const char *host, char domain[HOST_MAX + 1])
{
	if (!normalize(cookie->domain, domain) || strlen(host) > HOST_MAX)
		return false;
	bool is_host = strcmp(domain, host) == 0;
	cookie->is_host_only = domain[0] == '\0' || (is_host && sl_public_suffix_is(domain));
	if (!cookie->is_host_only && !is_host &&
		(sl_public_suffix_is(domain) ||
			!sl_cookie_domain_matches(sl_span_str(domain), host)))
		return false;
	cookie->domain = cookie->is_host_only ? sl_span_str(host) : sl_span_str(domain);
	return true;
}

/* Whether one of two domains is in the other. */
static bool
is_related(struct sl_span a, struct sl_span b)
{
	char name_a[HOST_MAX + 1], name_b[HOST_MAX + 1];
	snprintf(name_a, sizeof(name_a), "%.*s", (int)a.len, a.data);
	snprintf(name_b, sizeof(name_b), "%.*s", (int)b.len, b.data);
	return sl_cookie_domain_matches(a, name_b) || sl_cookie_domain_matches(b, name_a);
}

/* 6265bis 5.7, 16: one that was set over http must not stand before one with Secure. */
static bool
hides_secure(const struct sl_cookie_jar *jar, const struct sl_cookie *cookie)
{
	for (size_t i = 0; i < jar->count; i++) {
		const struct sl_cookie_entry *entry = jar->entries[i];
		if (entry->is_secure && sl_span_equal(entry->name, cookie->name) &&
			is_related(entry->domain, cookie->domain) &&
			sl_cookie_path_matches(entry->path, cookie->path))
			return true;
	}
	return false;
}

int
sl_cookie_jar_set(
	struct sl_cookie_jar *jar, const struct sl_url *url, struct sl_span value, int64_t now_s)
{
	const struct setter by = { url, now_s };
	char domain[HOST_MAX + 1];
	struct sl_cookie cookie;
	bool is_https = url->scheme == SL_SCHEME_HTTPS;
	if (!sl_cookie_parse(&cookie, value, now_s) || (cookie.is_secure && !is_https) ||
		!settle_domain(&cookie, url->host, domain) ||
		!sl_cookie_prefix_permits(cookie.name, cookie.is_secure, cookie.is_host_only,
			sl_span_is(cookie.path, "/")))
		return 0;
	if (cookie.path.len == 0)
		cookie.path = sl_cookie_default_path(sl_span_str(url->target));
	if (!is_https && hides_secure(jar, &cookie))
		return 0;
	int code = put(jar, &cookie, &by);
	return code == SL_E_LIMIT ? 0 : code;
}

static int
refuse(struct sl_error *err, int code, const char *why)
{
	return sl_fail(err, SL_PHASE_NONE, code, "%s", why);
}

int
sl_cookie_jar_add(struct sl_cookie_jar *jar, const struct sl_cookie *given, int64_t now_s,
	struct sl_error *err)
{
	const struct setter by = { NULL, now_s };
	char domain[HOST_MAX + 1];
	struct sl_cookie cookie = *given;
	if (cookie.domain.len == 0 || !normalize(cookie.domain, domain))
		return refuse(err, SL_E_USAGE, "its domain is not a host name");
	cookie.domain = sl_span_str(domain);
	/* "localhost" and other names without a domain count as public suffixes. */
	cookie.is_host_only = cookie.is_host_only || !strchr(domain, '.');
	if (!cookie.is_host_only && sl_public_suffix_is(domain))
		return refuse(err, SL_E_USAGE,
			"its domain is a public suffix, below which others register names");
	if (!sl_cookie_prefix_permits(cookie.name, cookie.is_secure, cookie.is_host_only,
		    sl_span_is(cookie.path, "/")))
		return refuse(
			err, SL_E_USAGE, "the prefix of its name does not permit its other fields");
	int code = put(jar, &cookie, &by);
	if (code == SL_E_LIMIT)
		return refuse(err, SL_E_LIMIT, "there are too many cookies");
	return code;
}

void
sl_cookie_jar_release(struct sl_cookie_jar *jar)
{
	for (size_t i = 0; i < jar->count; i++)
		entry_free(jar->entries[i]);
	free(jar->entries);
	*jar = (struct sl_cookie_jar){ 0 };
}

/* ---- sending ---- */

static bool
is_for(const struct sl_cookie_entry *entry, const struct sl_url *url, int64_t now_s)
{
	bool is_of_host = entry->is_host_only ? sl_span_is(entry->domain, url->host)
					      : sl_cookie_domain_matches(entry->domain, url->host);
	return is_of_host && !is_expired(entry, now_s) &&
	       (!entry->is_secure || url->scheme == SL_SCHEME_HTTPS) &&
	       sl_cookie_path_matches(entry->path, sl_span_str(url->target));
}

/* Whether the user's own value has a cookie of that name. */
static bool
has_name(struct sl_span given, struct sl_span name)
{
	while (given.len > 0) {
		struct sl_span pair, own;
		if (!sl_span_take_until(&given, ';', &pair)) {
			pair = given;
			given.len = 0;
		}
		if (sl_span_take_until(&pair, '=', &own) && sl_span_equal(sl_span_trim(own), name))
			return true;
	}
	return false;
}

static int
compare(const void *a, const void *b)
{
	const struct sl_cookie_entry *x = *(struct sl_cookie_entry *const *)a;
	const struct sl_cookie_entry *y = *(struct sl_cookie_entry *const *)b;
	if (x->path.len != y->path.len)
		return x->path.len > y->path.len ? -1 : 1;
	return x->created < y->created ? -1 : 1;
}

/* In the order in which they are sent. */
static size_t
find_all(const struct sl_cookie_jar *jar, const struct sl_url *url, int64_t now_s,
	struct sl_span given, struct sl_cookie_entry **found)
{
	size_t count = 0;
	for (size_t i = 0; i < jar->count; i++)
		if (is_for(jar->entries[i], url, now_s) && !has_name(given, jar->entries[i]->name))
			found[count++] = jar->entries[i];
	qsort(found, count, sizeof(struct sl_cookie_entry *), compare);
	return count;
}

/* Leave out what makes the field too large. */
static size_t
limit(struct sl_cookie_entry **found, size_t count, size_t *len)
{
	size_t kept = 0;
	for (size_t i = 0; i < count && kept < SL_COOKIE_FIELD_COOKIES; i++) {
		size_t more = found[i]->name.len + found[i]->value.len + strlen("; =");
		if (*len + more > SL_COOKIE_FIELD_MAX)
			continue;
		*len += more;
		found[kept++] = found[i];
	}
	return kept;
}

int
sl_cookie_jar_format(struct sl_cookie_jar *jar, const struct sl_url *url, int64_t now_s,
	struct sl_span given, struct sl_buf *out)
{
	if (jar->count == 0)
		return 0;
	struct sl_cookie_entry **found = calloc(jar->count, sizeof(struct sl_cookie_entry *));
	size_t len = given.len;
	if (!found)
		return -ENOMEM;
	size_t count = limit(found, find_all(jar, url, now_s, given, found), &len);
	/* In one piece: a buffer that grows would leave copies. */
	if (count > 0 && sl_buf_reserve(out, len + 1))
		sl_buf_add_span(out, given);
	for (size_t i = 0; i < count; i++) {
		found[i]->used = ++jar->ticks;
		if (i > 0 || given.len > 0)
			sl_buf_add_str(out, "; ");
		sl_buf_add_span(out, found[i]->name);
		sl_buf_add_char(out, '=');
		sl_buf_add_span(out, found[i]->value);
	}
	free(found);
	return out->failed ? -ENOMEM : (int)count;
}
