/*
 * A store like S3: requests have to be signed (AWS Signature Version 4, service s3). Signatures are
 * made here in another way than by the client's modules, from the documentation alone, and the
 * errors are those of S3.
 */
#include "support/origin_exchange.h"

#include <ctype.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

#define TEXT_MAX 8192
#define PARAMETERS_MAX 64
#define SKEW_MAX_S 900

/* ---- answers ---- */

static void
refuse(struct sl_origin_exchange *x, const char *code, const char *key)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code>"
		"<AWSAccessKeyId>%s</AWSAccessKeyId><Message>See the code</Message></Error>\n",
		code, key);

	sl_origin_add_header(x, "Content-Type", "application/xml");
	sl_origin_answer_text(x, 403, text, (size_t)len);
}

/* ---- text ---- */

struct text {
	char data[TEXT_MAX];
	size_t len;
};

static void
add(struct text *text, const char *data, size_t len)
{
	if (len < sizeof(text->data) - text->len) {
		memcpy(text->data + text->len, data, len);
		text->len += len;
		text->data[text->len] = '\0';
	}
}

static void
add_str(struct text *text, const char *data)
{
	add(text, data, strlen(data));
}

static int
hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* UriEncode() of the documentation, of what the server has decoded. */
static void
add_encoded(struct text *text, const char *from, size_t len, const char *plus, bool keeps_slash)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)from[i];
		char coded[8];

		if (c == '%' && i + 2 < len && isxdigit((unsigned char)from[i + 1]) &&
			isxdigit((unsigned char)from[i + 2])) {
			c = (unsigned char)(hex_value(from[i + 1]) * 16 + hex_value(from[i + 2]));
			i += 2;
		} else if (c == '+') {
			add_str(text, plus);
			continue;
		}
		bool is_kept = isalnum(c) || (c && strchr("-._~", c)) || (c == '/' && keeps_slash);
		snprintf(coded, sizeof(coded), is_kept ? "%c" : "%%%02X", c);
		add_str(text, coded);
	}
}

/* ---- the canonical request ---- */

static int
compare_texts(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Parameters are sorted with '=' as the lowest character, so as by name first. */
static void
add_query(struct text *out, const char *query, size_t len)
{
	static _Thread_local struct text all; /* state: too large for the stack of a thread */
	char *parameters[PARAMETERS_MAX];
	size_t count = 0;

	all.len = 0;
	while (len > 0 && count < PARAMETERS_MAX) {
		const char *end = memchr(query, '&', len);
		size_t size = end ? (size_t)(end - query) : len;
		const char *mark = memchr(query, '=', size);
		size_t name = mark ? (size_t)(mark - query) : size;

		parameters[count++] = all.data + all.len;
		add_encoded(&all, query, name, "%20", false);
		add(&all, "\1", 1);
		if (mark)
			add_encoded(&all, mark + 1, size - name - 1, "%20", false);
		add(&all, "", 1);
		query += size + (end != NULL);
		len -= size + (end != NULL);
	}
	qsort(parameters, count, sizeof(parameters[0]), compare_texts);
	for (size_t i = 0; i < count; i++) {
		*strchr(parameters[i], '\1') = '=';
		add_str(out, i ? "&" : "");
		add_str(out, parameters[i]);
	}
}

/* The lines of the signed fields; false if one of them is not there. */
static bool
add_fields(struct text *out, const struct sl_origin_exchange *x, const char *names)
{
	while (*names) {
		char name[64];
		size_t len = strcspn(names, ";");
		struct sl_span value;

		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		if (!sl_origin_find_header(x, name, &value))
			return false;
		add_str(out, name);
		add_str(out, ":");
		for (size_t i = 0; i < value.len; i++)
			if (i == 0 || value.data[i] != ' ' || value.data[i - 1] != ' ')
				add(out, value.data + i, 1);
		add_str(out, "\n");
		names += len + (names[len] == ';');
	}
	return true;
}

static bool
is_listed(const char *names, const char *name, size_t len)
{
	for (const char *at = names; *at; at += strcspn(at, ";"), at += *at == ';')
		if (strcspn(at, ";") == len && strncasecmp(at, name, len) == 0)
			return true;
	return false;
}

/* S3 wants Host and each field that begins with x-amz- to be signed. */
static bool
signs_enough(const struct sl_origin_exchange *x, const char *names)
{
	const char *line = x->head.data;

	while ((line = strchr(line, '\n')) != NULL) {
		size_t len = strcspn(++line, ":\r\n");

		if (strncasecmp(line, "x-amz-", 6) == 0 && !is_listed(names, line, len))
			return false;
	}
	return is_listed(names, "host", 4) && is_listed(names, "x-amz-date", 10) &&
	       is_listed(names, "x-amz-content-sha256", 20);
}

static bool
make_canonical(struct text *out, const struct sl_origin_exchange *x, const char *names)
{
	const char *target = strchr(x->head.data, ' ') + 1;
	size_t len = strcspn(target, " ");
	size_t path = strcspn(target, "? ");
	struct sl_span hash;

	add_str(out, x->head_only ? "HEAD\n" : "GET\n");
	add_encoded(out, target, path, "%2B", true);
	add_str(out, "\n");
	if (path < len)
		add_query(out, target + path + 1, len - path - 1);
	add_str(out, "\n");
	if (!add_fields(out, x, names) || !sl_origin_find_header(x, "x-amz-content-sha256", &hash))
		return false;
	add_str(out, "\n");
	add_str(out, names);
	add_str(out, "\n");
	add(out, hash.data, hash.len);
	return true;
}

/* ---- signatures ---- */

static void
hmac(unsigned char key[32], size_t key_len, const char *text)
{
	unsigned char copy[256], out[32];

	memcpy(copy, key, key_len);
	HMAC(EVP_sha256(), copy, (int)key_len, (const unsigned char *)text, strlen(text), out,
		NULL);
	memcpy(key, out, sizeof(out));
}

static void
to_hex(char out[65], const unsigned char digest[32])
{
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void
make_signature(char out[65], const struct sl_origin_args *args, const char *time,
	const struct text *canonical)
{
	unsigned char key[256], digest[32];
	char date[9], hashed[65], text[512];

	snprintf(date, sizeof(date), "%.8s", time);
	SHA256((const unsigned char *)canonical->data, canonical->len, digest);
	to_hex(hashed, digest);
	snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s", time, date,
		args->w[2], hashed);
	int len = snprintf((char *)key, sizeof(key), "AWS4%.200s", args->w[1]);
	hmac(key, (size_t)len, date);
	hmac(key, 32, args->w[2]);
	hmac(key, 32, "s3");
	hmac(key, 32, "aws4_request");
	hmac(key, 32, text);
	to_hex(out, key);
}

/* ---- requests ---- */

struct sent {
	char credential[256], names[256], signature[80], time[32];
};

static bool
take(const char *from, const char *name, char *out, size_t cap)
{
	const char *at = strstr(from, name);

	if (!at)
		return false;
	at += strlen(name);
	snprintf(out, cap, "%.*s", (int)strcspn(at, ", \r\n"), at);
	return true;
}

static bool
read_sent(const struct sl_origin_exchange *x, struct sent *sent)
{
	struct sl_span value, time;

	if (!sl_origin_find_header(x, "Authorization", &value) ||
		!sl_origin_find_header(x, "x-amz-date", &time) || time.len != 16 ||
		strncmp(value.data, "AWS4-HMAC-SHA256 ", 17) != 0)
		return false;
	snprintf(sent->time, sizeof(sent->time), "%.*s", (int)time.len, time.data);
	return take(value.data, "Credential=", sent->credential, sizeof(sent->credential)) &&
	       take(value.data, "SignedHeaders=", sent->names, sizeof(sent->names)) &&
	       take(value.data, "Signature=", sent->signature, sizeof(sent->signature));
}

static bool
is_in_time(const char *text)
{
	struct tm utc = { 0 };

	if (!strptime(text, "%Y%m%dT%H%M%SZ", &utc))
		return false;
	return llabs((long long)(timegm(&utc) - time(NULL))) <= SKEW_MAX_S;
}

/* Only those that have one send it. */
static bool
has_token(const struct sl_origin_exchange *x, const char *token)
{
	struct sl_span value;
	bool has = sl_origin_find_header(x, "x-amz-security-token", &value);

	return token ? has && sl_span_is(value, token) : !has;
}

static void
shape_sigv4(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	static _Thread_local struct text canonical; /* state: too large for the stack of a thread */
	struct sent sent;
	char key[SL_ORIGIN_WORD], credential[1024], signature[65];
	const char *token = strchr(args->w[0], '+');

	snprintf(key, sizeof(key), "%.*s", (int)strcspn(args->w[0], "+"), args->w[0]);
	if (!read_sent(x, &sent)) {
		refuse(x, "AccessDenied", "");
		return;
	}
	snprintf(credential, sizeof(credential), "%s/%.8s/%s/s3/aws4_request", key, sent.time,
		args->w[2]);
	canonical.len = 0;
	if (strcmp(sent.credential, credential) != 0)
		refuse(x, "InvalidAccessKeyId", sent.credential);
	else if (!is_in_time(sent.time))
		refuse(x, "RequestTimeTooSkewed", key);
	else if (!has_token(x, token ? token + 1 : NULL))
		refuse(x, "InvalidToken", key);
	else if (!signs_enough(x, sent.names) || !make_canonical(&canonical, x, sent.names))
		refuse(x, "AccessDenied", key);
	else {
		make_signature(signature, args, sent.time, &canonical);
		if (strcmp(signature, sent.signature) == 0)
			sl_origin_route(x);
		else
			refuse(x, "SignatureDoesNotMatch", key);
	}
}

/* A server whose clock is an hour ahead. */
static void
serve_skewed(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	time_t later = time(NULL) + 3600;
	char date[SL_ORIGIN_DATE_TEXT];
	struct tm utc;

	if (gmtime_r(&later, &utc) &&
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc) > 0)
		sl_origin_add_header(x, "Date", date);
	refuse(x, "RequestTimeTooSkewed", "");
}

static void
serve_elsewhere(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	static const char text[] = "this is not the file\n";

	sl_origin_add_header(x, "x-amz-bucket-region", args->w[0]);
	sl_origin_answer_text(x, (unsigned)args->n[1], text, sizeof(text) - 1);
}

const struct sl_origin_route sl_origin_sigv4_routes[] = {
	{ "sigv4", "www", shape_sigv4,
		"/KEY[+TOKEN]/SECRET/REGION/...: signed like requests to S3, else 403" },
	{ "sigv4-skewed", "", serve_skewed, ": 403, from a server whose clock is ahead" },
	{ "sigv4-elsewhere", "wn", serve_elsewhere,
		"/REGION/STATUS: the bucket is in another region" },
	{ 0 },
};
