#include "sluice/download/checksum.h"

#include "sluice/base/number.h"

#include <string.h>

static const struct algorithm {
	enum sl_checksum_kind kind;
	const char *name, *alias;
	size_t len;
} algorithms[] = {
	{ SL_CHECKSUM_MD5, "md5", "md-5", 16 },
	{ SL_CHECKSUM_SHA1, "sha-1", "sha1", 20 },
	{ SL_CHECKSUM_SHA256, "sha-256", "sha256", 32 },
	{ SL_CHECKSUM_SHA512, "sha-512", "sha512", 64 },
};

static const struct algorithm *
by_kind(enum sl_checksum_kind kind)
{
	for (size_t i = 0; i < SL_COUNT_OF(algorithms); i++)
		if (algorithms[i].kind == kind)
			return &algorithms[i];
	return NULL;
}

static const struct algorithm *
by_name(struct sl_span name)
{
	for (size_t i = 0; i < SL_COUNT_OF(algorithms); i++)
		if (sl_span_is_nocase(name, algorithms[i].name) ||
			sl_span_is_nocase(name, algorithms[i].alias))
			return &algorithms[i];
	return NULL;
}

const char *
sl_checksum_name(enum sl_checksum_kind kind)
{
	const struct algorithm *algorithm = by_kind(kind);
	return algorithm ? algorithm->name : "none";
}

int
sl_checksum_parse(struct sl_checksum *out, struct sl_span text, struct sl_error *err)
{
	const char *equals = text.len ? memchr(text.data, '=', text.len) : NULL;
	if (!equals)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"a checksum is ALGORITHM=HEX, as in sha-256=9f86d0...; got '%.*s'",
			(int)SL_MIN(text.len, 80u), text.len ? text.data : "");
	size_t name_len = (size_t)(equals - text.data);
	const struct algorithm *algorithm = by_name(sl_span(text.data, name_len));
	if (!algorithm)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"unknown checksum algorithm '%.*s' (known: sha-256, sha-512, sha-1, md5)",
			(int)SL_MIN(name_len, 80u), text.data);
	struct sl_span hex = sl_span(equals + 1, text.len - name_len - 1);
	if (hex.len != algorithm->len * 2)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"a %s checksum has %zu hex digits, not %zu", algorithm->name,
			algorithm->len * 2, hex.len);
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < algorithm->len; i++) {
		int high = sl_hex_digit((unsigned char)hex.data[2 * i]);
		int low = sl_hex_digit((unsigned char)hex.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return sl_fail(
				err, SL_PHASE_NONE, SL_E_USAGE, "a checksum has hex digits only");
		out->value[i] = (unsigned char)(high << 4 | low);
	}
	out->kind = algorithm->kind;
	out->len = algorithm->len;
	return 0;
}
