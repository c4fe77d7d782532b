/*
 * Repr-Digest and Content-Digest are dictionaries of structured fields (RFC 9651 3.2), of which
 * only byte sequences matter here:
 *
 *	Repr-Digest: sha-256=:base64:, sha-512=:base64:;parameter=1
 *
 * Values of other types are skipped as what they are, since a comma may be in them. Digest of
 * RFC 3230, which older servers and mirrors send, is a list of name=base64. MD5 and SHA-1 are
 * taken too: they detect what damaged a file on its way, which is all that a digest from the
 * server itself can do. Not read: Content-MD5 (removed from HTTP by RFC 7231, and of a range where
 * the response is one).
 */
#include "sluice/download/digest_field.h"

#include "sluice/base/text.h"
#include "sluice/http/header.h"

/* ---- one digest ---- */

/* Names of algorithms are in lower case in a dictionary, in any case in Digest. "sha" is SHA-1. */
static void
keep_stronger(struct sl_checksum *kept, struct sl_span name, struct sl_span base64)
{
	struct sl_checksum sum = { .from_server = true };
	sum.kind = sl_span_is_nocase(name, "sha") ? SL_CHECKSUM_SHA1 : sl_checksum_kind_of(name);
	if (sl_checksum_is_stronger(sum.kind, kept->kind) &&
		sl_text_read_base64(base64, sum.value, sizeof(sum.value), &sum.len) &&
		sum.len == sl_checksum_len(sum.kind))
		*kept = sum;
}

/* ---- structured fields ---- */

static const char key_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.*";
static const char base64_chars[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
/* of tokens, numbers, booleans and dates */
static const char plain_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				  "!#$%&'*+-.^_`|~:/?@";

static bool
is_next(const struct sl_span *rest, char c)
{
	return rest->len > 0 && rest->data[0] == c;
}

/* What is next if it is `c`. */
static bool
skip(struct sl_span *rest, char c)
{
	if (!is_next(rest, c))
		return false;
	*rest = sl_span(rest->data + 1, rest->len - 1);
	return true;
}

static struct sl_span
take_all_of(struct sl_span *rest, const char *chars)
{
	size_t len = 0;
	while (len < rest->len && rest->data[len] && strchr(chars, rest->data[len]))
		len++;
	struct sl_span taken = sl_span(rest->data, len);
	*rest = sl_span(rest->data + len, rest->len - len);
	return taken;
}

/* Behind its first quote. */
static bool
skip_string(struct sl_span *rest)
{
	while (rest->len > 0) {
		if (skip(rest, '"'))
			return true;
		skip(rest, '\\'); /* what is behind it is part of the string */
		if (rest->len > 0)
			*rest = sl_span(rest->data + 1, rest->len - 1);
	}
	return false;
}

/* A bare item; *base64 is that of a byte sequence, else it has no data. */
static bool
take_item(struct sl_span *rest, struct sl_span *base64)
{
	*base64 = (struct sl_span){ 0 };
	if (skip(rest, '"'))
		return skip_string(rest);
	if (!skip(rest, ':'))
		return take_all_of(rest, plain_chars).len > 0;
	*base64 = take_all_of(rest, base64_chars);
	return skip(rest, ':');
}

static bool
skip_parameters(struct sl_span *rest)
{
	struct sl_span value;
	while (skip(rest, ';')) {
		take_all_of(rest, " ");
		if (take_all_of(rest, key_chars).len == 0)
			return false;
		if (skip(rest, '=') && !take_item(rest, &value))
			return false;
	}
	return true;
}

static bool
skip_inner_list(struct sl_span *rest)
{
	struct sl_span item;
	for (;;) {
		take_all_of(rest, " ");
		if (skip(rest, ')'))
			return true;
		if (!take_item(rest, &item) || !skip_parameters(rest))
			return false;
	}
}

/* "key", "key=item" or "key=(items)", each with parameters. */
static bool
take_member(struct sl_span *rest, struct sl_checksum *kept)
{
	struct sl_span key = take_all_of(rest, key_chars), base64 = { 0 };
	if (key.len == 0)
		return false;
	if (skip(rest, '=')) {
		bool is_good = skip(rest, '(') ? skip_inner_list(rest) : take_item(rest, &base64);
		if (!is_good)
			return false;
	}
	if (base64.data)
		keep_stronger(kept, key, base64);
	return skip_parameters(rest);
}

static bool
read_dictionary(struct sl_span rest, struct sl_checksum *kept)
{
	while (rest.len > 0) {
		if (!take_member(&rest, kept))
			return false;
		take_all_of(&rest, " \t");
		if (rest.len == 0)
			break;
		if (!skip(&rest, ','))
			return false;
		take_all_of(&rest, " \t");
		if (rest.len == 0)
			return false; /* a comma at the end */
	}
	return true;
}

/* All fields of that name are one dictionary: one that is malformed spoils the others. */
static void
read_dictionaries(const struct sl_head *head, const char *name, struct sl_checksum *kept)
{
	struct sl_checksum found = *kept;
	for (size_t nth = 0;; nth++) {
		struct sl_span value = sl_head_find(head, name, nth);
		if (!value.data)
			break;
		if (!read_dictionary(value, &found))
			return;
	}
	*kept = found;
}

/* ---- RFC 3230 ---- */

static void
read_list(const struct sl_head *head, struct sl_checksum *kept)
{
	struct sl_header_list list;
	struct sl_span member;
	sl_header_list_init(&list, head, "Digest");
	while (sl_header_list_next(&list, &member)) {
		const char *equals = memchr(member.data, '=', member.len);
		size_t len = equals ? (size_t)(equals - member.data) : 0;
		if (equals)
			keep_stronger(kept, sl_span(member.data, len),
				sl_span(equals + 1, member.len - len - 1));
	}
}

bool
sl_digest_field_read(const struct sl_head *head, bool is_whole, struct sl_checksum *out)
{
	*out = (struct sl_checksum){ 0 };
	read_dictionaries(head, "Repr-Digest", out);
	if (is_whole)
		read_dictionaries(head, "Content-Digest", out);
	read_list(head, out);
	return out->kind != SL_CHECKSUM_NONE;
}
