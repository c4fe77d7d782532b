/*
 * sigv4.c - the steps of AWS's documentation "Create a signed AWS API request":
 *
 *	canonical request = method, path, query, fields, names of the fields, hash of the body
 *	string to sign    = algorithm, time, scope (date/region/service/aws4_request), hash of that
 *	signing key       = HMAC of the date, the region, the service and "aws4_request" in turn,
 *	                    the first with "AWS4" and the secret key
 *
 * Servers decode path and query and encode them themselves, so both are decoded and encoded here:
 * the URL may have any equivalent form. In a query '+' is a space, as servers read it. Secrets are
 * wiped.
 */
#include "sluice/http/sigv4.h"

#include "sluice/base/calendar.h"
#include "sluice/base/number.h"
#include "sluice/base/text.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGEST_LEN 32u
#define HEX_MAX (2 * DIGEST_LEN + 1)

/* ---- encoding ---- */

static bool
is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static void
encode(struct sl_buf *out, struct sl_span text, const char *kept)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (is_unreserved(c) || (c && strchr(kept, c))) {
			sl_buf_add_char(out, text.data[i]);
		} else {
			const char coded[] = { '%', digits[c >> 4], digits[c & 15] };
			sl_buf_add(out, coded, sizeof(coded));
		}
	}
}

static void
decode(struct sl_buf *out, struct sl_span text, bool is_query)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		int high = i + 2 < text.len ? sl_hex_digit((unsigned char)text.data[i + 1]) : -1;
		int low = high >= 0 ? sl_hex_digit((unsigned char)text.data[i + 2]) : -1;
		if (c == '%' && low >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && is_query) {
			c = ' ';
		}
		sl_buf_add_char(out, c);
	}
}

static void
encode_again(struct sl_buf *out, struct sl_span text, const char *kept, bool is_query)
{
	struct sl_buf plain = { 0 };
	decode(&plain, text, is_query);
	encode(out, sl_buf_span(&plain), kept);
	out->failed = out->failed || plain.failed;
	sl_buf_release(&plain);
}

/* ---- path ---- */

/* Append the path without ".", ".." and empty segments; a slash at its end stays. */
static void
normalize(struct sl_buf *out, struct sl_span path)
{
	size_t base = out->len;
	struct sl_span segment;
	bool is_directory = false, more = true;
	while (more) {
		more = sl_span_take_until(&path, '/', &segment);
		if (!more)
			segment = path;
		bool is_up = sl_span_is(segment, "..");
		is_directory = segment.len == 0 || is_up || sl_span_is(segment, ".");
		while (is_up && out->len > base && out->data[--out->len] != '/')
			;
		if (!is_directory) {
			sl_buf_add_char(out, '/');
			sl_buf_add_span(out, segment);
		}
	}
	if (is_directory || out->len == base)
		sl_buf_add_char(out, '/');
}

static void
add_path(struct sl_buf *out, const struct sl_sigv4_request *request, struct sl_span path)
{
	struct sl_buf normal = { 0 };
	if (request->normalizes) {
		normalize(&normal, path);
		path = sl_buf_span(&normal);
	}
	if (request->encodes_twice)
		encode(out, path, "/");
	else
		encode_again(out, path, "/", false);
	out->failed = out->failed || normal.failed;
	sl_buf_release(&normal);
}

/* ---- query ---- */

static int
compare_spans(struct sl_span a, struct sl_span b)
{
	size_t len = SL_MIN(a.len, b.len);
	int order = len ? memcmp(a.data, b.data, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_items(const void *a, const void *b)
{
	const struct sl_http_header *x = a, *y = b;
	int order = compare_spans(x->name, y->name);
	return order ? order : compare_spans(x->value, y->value);
}

static size_t
count_char(struct sl_span text, char c)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += text.data[i] == c;
	return count;
}

/* Append "name=value" encoded anew and remember where: as offsets, since *text still grows. */
static void
encode_parameter(struct sl_buf *text, size_t ends[2], struct sl_span parameter)
{
	struct sl_span name = parameter, value = { 0 };
	if (sl_span_take_until(&parameter, '=', &name))
		value = parameter;
	encode_again(text, name, "", true);
	ends[0] = text->len;
	encode_again(text, value, "", true);
	ends[1] = text->len;
}

/* The parameters of `query` encoded anew, in *text, which *items points into. */
static size_t
split_query(
	struct sl_buf *text, struct sl_http_header *items, size_t (*ends)[2], struct sl_span query)
{
	size_t count = 0, at = 0;
	struct sl_span parameter;
	for (bool more = true; more;) {
		more = sl_span_take_until(&query, '&', &parameter);
		if (!more)
			parameter = query;
		if (parameter.len > 0)
			encode_parameter(text, ends[count++], parameter);
	}
	for (size_t i = 0; i < count && !text->failed; i++) {
		items[i].name = sl_span(text->data + at, ends[i][0] - at);
		items[i].value = sl_span(text->data + ends[i][0], ends[i][1] - ends[i][0]);
		at = ends[i][1];
	}
	return count;
}

static int
add_query(struct sl_buf *out, struct sl_span query)
{
	size_t most = count_char(query, '&') + 1;
	if (most > SL_SIGV4_ITEMS_MAX)
		return SL_E_LIMIT;
	struct sl_buf text = { 0 };
	struct sl_http_header *items = calloc(most, sizeof(*items));
	size_t(*ends)[2] = calloc(most, sizeof(*ends));
	bool failed = !items || !ends || !sl_buf_reserve(&text, 3 * query.len + 1);
	size_t count = failed ? 0 : split_query(&text, items, ends, query);
	failed = failed || text.failed;
	if (!failed && count > 0)
		qsort(items, count, sizeof(*items), compare_items);
	for (size_t i = 0; i < count && !failed; i++) {
		if (i > 0)
			sl_buf_add_char(out, '&');
		sl_buf_add_span(out, items[i].name);
		sl_buf_add_char(out, '=');
		sl_buf_add_span(out, items[i].value);
	}
	sl_buf_release(&text);
	free(items);
	free(ends);
	return failed ? -ENOMEM : 0;
}

/* ---- fields ---- */

/* In any case of letters, and fields of one name in the order in which they are sent. */
static int
compare_fields(const void *a, const void *b)
{
	const struct sl_http_header *const *x = a, *const *y = b;
	struct sl_span p = (*x)->name, q = (*y)->name;
	for (size_t i = 0; i < p.len && i < q.len; i++) {
		int order = (int)sl_lower((unsigned char)p.data[i]) -
			    (int)sl_lower((unsigned char)q.data[i]);
		if (order)
			return order;
	}
	return p.len != q.len ? (p.len > q.len) - (p.len < q.len) : (*x > *y) - (*x < *y);
}

static void
add_name(struct sl_buf *out, struct sl_span name)
{
	for (size_t i = 0; i < name.len; i++)
		sl_buf_add_char(out, (char)sl_lower((unsigned char)name.data[i]));
}

/* Without blanks around it, and with one space for several. */
static void
add_value(struct sl_buf *out, struct sl_span value)
{
	value = sl_span_trim(value);
	for (size_t i = 0; i < value.len; i++) {
		bool is_blank = value.data[i] == ' ' || value.data[i] == '\t';
		if (!is_blank || (value.data[i - 1] != ' ' && value.data[i - 1] != '\t'))
			sl_buf_add_char(out, is_blank ? ' ' : value.data[i]);
	}
}

/* The lines of the fields to *lines, their names to *names. */
static int
add_fields(struct sl_buf *lines, struct sl_buf *names, const struct sl_sigv4_request *request)
{
	size_t count = request->field_count;
	if (count > SL_SIGV4_ITEMS_MAX)
		return SL_E_LIMIT;
	const struct sl_http_header **sorted = calloc(SL_MAX(count, (size_t)1), sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &request->fields[i];
	if (count > 0)
		qsort((void *)sorted, count, sizeof(*sorted), compare_fields);
	for (size_t i = 0; i < count; i++) {
		bool is_more = i > 0 && sl_span_equal_nocase(sorted[i - 1]->name, sorted[i]->name);
		if (!is_more) {
			sl_buf_add_str(lines, i > 0 ? "\n" : "");
			add_name(lines, sorted[i]->name);
			sl_buf_add_str(names, i > 0 ? ";" : "");
			add_name(names, sorted[i]->name);
		}
		sl_buf_add_char(lines, is_more ? ',' : ':');
		add_value(lines, sorted[i]->value);
	}
	sl_buf_add_str(lines, "\n");
	free((void *)sorted);
	return 0;
}

/* What the body hashes to, as the request says itself or because it has none. */
static struct sl_span
payload_hash(const struct sl_sigv4_request *request)
{
	for (size_t i = 0; i < request->field_count; i++) {
		struct sl_span name = request->fields[i].name;
		if (name.len > 15 && sl_span_is_nocase(sl_span(name.data + name.len - 15, 15),
					     "-content-sha256"))
			return sl_span_trim(request->fields[i].value);
	}
	return sl_span_str(SL_SIGV4_EMPTY);
}

static int
add_canonical(struct sl_buf *out, struct sl_buf *names, const struct sl_sigv4_request *request)
{
	struct sl_span query = sl_span_str(request->target), path = query;
	if (!sl_span_take_until(&query, '?', &path))
		query = (struct sl_span){ 0 };
	sl_buf_printf(out, "%s\n", request->method);
	add_path(out, request, path);
	sl_buf_add_char(out, '\n');
	int code = add_query(out, query);
	sl_buf_add_char(out, '\n');
	if (!code)
		code = add_fields(out, names, request);
	sl_buf_add_char(out, '\n');
	sl_buf_add_span(out, sl_buf_span(names));
	sl_buf_add_char(out, '\n');
	sl_buf_add_span(out, payload_hash(request));
	return code ? code : out->failed || names->failed ? -ENOMEM : 0;
}

/* ---- hashes ---- */

static int
hash(char hex[HEX_MAX], struct sl_span text)
{
	unsigned char digest[DIGEST_LEN];
	if (EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) != 1)
		return SL_E_UNSUPPORTED;
	sl_text_write_hex(hex, digest, DIGEST_LEN);
	return 0;
}

/* `out` may be `key`. */
static int
sign(unsigned char out[DIGEST_LEN], struct sl_span key, struct sl_span text)
{
	unsigned char digest[DIGEST_LEN];
	size_t len = 0;
	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.data, key.len,
		    (const unsigned char *)text.data, text.len, digest, sizeof(digest), &len))
		return SL_E_UNSUPPORTED;
	memcpy(out, digest, sizeof(digest));
	explicit_bzero(digest, sizeof(digest));
	return 0;
}

/* `last` is "aws4_request". */
static int
derive_key(unsigned char out[DIGEST_LEN], const struct sl_sigv4_variant *variant,
	const char *secret, const char *time, struct sl_span last)
{
	const struct sl_span steps[] = { sl_span(time, 8), variant->region, variant->service,
		last };
	struct sl_buf first = { 0 };
	/* In one piece, which is wiped: a buffer that grows would leave copies of the secret. */
	sl_buf_reserve(&first, variant->provider1.len + strlen(secret) + 2);
	for (size_t i = 0; i < variant->provider1.len; i++) {
		char c = variant->provider1.data[i];
		sl_buf_add_char(&first, (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
	}
	sl_buf_add_char(&first, '4');
	sl_buf_add_str(&first, secret);
	int code = first.failed ? -ENOMEM : 0;
	for (size_t i = 0; i < SL_COUNT_OF(steps) && !code; i++)
		code = sign(out, i ? sl_span((const char *)out, DIGEST_LEN) : sl_buf_span(&first),
			steps[i]);
	sl_buf_wipe(&first);
	return code;
}

/* ---- signatures ---- */

bool
sl_sigv4_is_presigned(const char *target)
{
	const char *query = strchr(target, '?');
	struct sl_span rest = sl_span_str(query ? query + 1 : ""), part;
	for (bool more = true; more;) {
		more = sl_span_take_until(&rest, '&', &part);
		if (!more)
			part = rest;
		const char *mark = part.len ? memchr(part.data, '=', part.len) : NULL;
		if (mark)
			part.len = (size_t)(mark - part.data);
		if (sl_span_is_nocase(part, "X-Amz-Signature") ||
			sl_span_is_nocase(part, "Signature"))
			return true;
	}
	return false;
}

void
sl_sigv4_format_time(char out[SL_SIGV4_TIME_MAX], int64_t time_s)
{
	struct sl_calendar_date date = sl_calendar_date(time_s / SL_DAY_S);
	unsigned second = (unsigned)(time_s % SL_DAY_S);
	unsigned year = (unsigned)date.year % 10000, month = (unsigned)date.month % 100;
	snprintf(out, SL_SIGV4_TIME_MAX, "%04u%02u%02uT%02u%02u%02uZ", year, month,
		(unsigned)date.day % 100, second / 3600 % 100, second / 60 % 60, second % 60);
}

/* "AWS4-HMAC-SHA256" */
static void
add_algorithm(struct sl_buf *out, struct sl_span provider)
{
	for (size_t i = 0; i < provider.len; i++) {
		char c = provider.data[i];
		sl_buf_add_char(out, (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
	}
	sl_buf_add_str(out, "4-HMAC-SHA256");
}

static void
add_scope(struct sl_buf *out, const struct sl_sigv4_variant *variant, const char *time,
	struct sl_span last)
{
	sl_buf_add(out, time, 8);
	sl_buf_add_char(out, '/');
	sl_buf_add_span(out, variant->region);
	sl_buf_add_char(out, '/');
	sl_buf_add_span(out, variant->service);
	sl_buf_add_char(out, '/');
	sl_buf_add_span(out, last);
}

static int
sign_canonical(char signature[HEX_MAX], const struct sl_sigv4_variant *variant, const char *secret,
	const char *time, struct sl_span canonical, struct sl_span last)
{
	struct sl_buf text = { 0 };
	unsigned char key[DIGEST_LEN], digest[DIGEST_LEN];
	char hashed[HEX_MAX];
	int code = hash(hashed, canonical);
	if (code)
		return code;
	add_algorithm(&text, variant->provider1);
	sl_buf_printf(&text, "\n%s\n", time);
	add_scope(&text, variant, time, last);
	sl_buf_printf(&text, "\n%s", hashed);
	code = text.failed ? -ENOMEM : derive_key(key, variant, secret, time, last);
	if (!code)
		code = sign(digest, sl_span((const char *)key, sizeof(key)), sl_buf_span(&text));
	if (!code)
		sl_text_write_hex(signature, digest, DIGEST_LEN);
	explicit_bzero(key, sizeof(key));
	sl_buf_release(&text);
	return code;
}

int
sl_sigv4_sign(struct sl_buf *out, const struct sl_sigv4_variant *variant,
	const struct sl_sigv4_keys *keys, const char *time, const struct sl_sigv4_request *request)
{
	struct sl_buf canonical = { 0 }, names = { 0 }, last = { 0 };
	char signature[HEX_MAX];
	size_t before = out->len;
	add_name(&last, variant->provider1);
	sl_buf_add_str(&last, "4_request");
	int code = add_canonical(&canonical, &names, request);
	if (!code)
		code = last.failed ? -ENOMEM
				   : sign_canonical(signature, variant, keys->secret, time,
					     sl_buf_span(&canonical), sl_buf_span(&last));
	if (!code) {
		add_algorithm(out, variant->provider1);
		sl_buf_printf(out, " Credential=%s/", keys->id);
		add_scope(out, variant, time, sl_buf_span(&last));
		sl_buf_printf(out, ", SignedHeaders=%s, Signature=%s", names.data, signature);
		code = out->failed ? -ENOMEM : 0;
	}
	if (code)
		out->len = before;
	sl_buf_release(&canonical);
	sl_buf_release(&names);
	sl_buf_release(&last);
	return code;
}
