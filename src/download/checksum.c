#include "sluice/download/checksum.h"

#include "sluice/base/number.h"

#include <string.h>

/* From the weakest to the strongest. Names: IANA's, which lists and RFC 9530 use; without the dash,
 * as sums files and Metalink 3 have them; for BLAKE2 those of coreutils, OpenSSL and multihash. */
static const struct algorithm {
	enum sl_checksum_kind kind;
	size_t len;
	const char *names[4]; /* the first is the one that is shown */
} algorithms[] = {
	{ SL_CHECKSUM_MD5, 16, { "md5", "md-5" } },
	{ SL_CHECKSUM_SHA1, 20, { "sha-1", "sha1" } },
	{ SL_CHECKSUM_BLAKE2S, 32, { "blake2s", "blake2s-256", "blake2s256" } },
	{ SL_CHECKSUM_SHA256, 32, { "sha-256", "sha256" } },
	{ SL_CHECKSUM_BLAKE2B, 64, { "blake2b", "b2", "blake2b-512", "blake2b512" } },
	{ SL_CHECKSUM_SHA512, 64, { "sha-512", "sha512" } },
};

static const struct algorithm *
by_kind(enum sl_checksum_kind kind)
{
	for (size_t i = 0; i < SL_COUNT_OF(algorithms); i++)
		if (algorithms[i].kind == kind)
			return &algorithms[i];
	return NULL;
}

static bool
has_name(const struct algorithm *algorithm, struct sl_span name)
{
	for (size_t i = 0; i < SL_COUNT_OF(algorithm->names) && algorithm->names[i]; i++)
		if (sl_span_is_nocase(name, algorithm->names[i]))
			return true;
	return false;
}

enum sl_checksum_kind
sl_checksum_kind_of(struct sl_span name)
{
	for (size_t i = 0; i < SL_COUNT_OF(algorithms); i++)
		if (has_name(&algorithms[i], name))
			return algorithms[i].kind;
	return SL_CHECKSUM_NONE;
}

const char *
sl_checksum_name(enum sl_checksum_kind kind)
{
	const struct algorithm *algorithm = by_kind(kind);
	return algorithm ? algorithm->names[0] : "none";
}

size_t
sl_checksum_len(enum sl_checksum_kind kind)
{
	const struct algorithm *algorithm = by_kind(kind);
	return algorithm ? algorithm->len : 0;
}

bool
sl_checksum_is_stronger(enum sl_checksum_kind a, enum sl_checksum_kind b)
{
	const struct algorithm *first = by_kind(a), *second = by_kind(b);
	return first && (!second || first > second);
}

int
sl_checksum_set_hex(struct sl_checksum *out, enum sl_checksum_kind kind, struct sl_span hex,
	struct sl_error *err)
{
	struct sl_checksum sum = { .kind = kind, .len = sl_checksum_len(kind) };
	if (hex.len != sum.len * 2)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"a %s checksum has %zu hex digits, not %zu", sl_checksum_name(kind),
			sum.len * 2, hex.len);
	for (size_t i = 0; i < sum.len; i++) {
		int high = sl_hex_digit((unsigned char)hex.data[2 * i]);
		int low = sl_hex_digit((unsigned char)hex.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return sl_fail(
				err, SL_PHASE_NONE, SL_E_USAGE, "a checksum has hex digits only");
		sum.value[i] = (unsigned char)(high << 4 | low);
	}
	*out = sum;
	return 0;
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
	enum sl_checksum_kind kind = sl_checksum_kind_of(sl_span(text.data, name_len));
	if (kind == SL_CHECKSUM_NONE)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"unknown checksum algorithm '%.*s' (known: sha-256, sha-512, sha-1, md5, "
			"blake2b, blake2s)",
			(int)SL_MIN(name_len, 80u), text.data);
	return sl_checksum_set_hex(out, kind, sl_span(equals + 1, text.len - name_len - 1), err);
}
