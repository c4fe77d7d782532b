/*
 * Checksum lists, as sha256sum, md5sum, shasum, md5 (BSD), cksum and openssl dgst write them:
 *
 *    HEX  NAME, HEX *NAME, HEX NAME      the number of digits is that of the algorithm
 *    ALG (NAME) = HEX, ALG(NAME)= HEX    with the algorithm's name
 *
 *  - A line that begins with a backslash has a name with \\, \n and \r in it (coreutils).
 *  - 128 digits without a name of the algorithm are sha-512; for BLAKE2 there must be a name.
 *  - Lines that begin with '#' and blank lines are skipped, as is what PGP adds to a signed text.
 *    The signature is not verified.
 *  - The URL of a name is that of its directory (options.base_url), followed by the name, percent-
 *    encoded. The name is also the name of the file, with its directories, so that `sha256sum -c`
 *    finds it; a leading "./" is dropped.
 */
#include "sluice/base/number.h"
#include "sluice/download/manifest_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum part {
	PART_LINES,
	PART_PGP_HEADER,    /* up to a blank line */
	PART_PGP_SIGNATURE, /* up to the end */
};

struct sums {
	const struct sl_manifest_options *options;
	struct sl_manifest_lines lines;
	enum part part;
	struct sl_buf name, url; /* of the entry that was returned last */
};

/* ---- one line ---- */

struct sum {
	struct sl_span algorithm; /* as written; len 0 = by the number of digits */
	struct sl_span hex;
	struct sl_span name;
	bool is_escaped;
};

static struct sl_span
behind(struct sl_span text, size_t len)
{
	return sl_span(text.data + len, text.len - len);
}

static size_t
count_digits(struct sl_span text)
{
	size_t count = 0;
	while (count < text.len && sl_hex_digit((unsigned char)text.data[count]) >= 0)
		count++;
	return count;
}

/* The algorithm that digests of so many digits are of, as lists without names of algorithms have
 * them; NULL if there is none. */
static const char *
algorithm_of(size_t digits)
{
	switch (digits) {
	case 32:
		return "md5";
	case 40:
		return "sha-1";
	case 56:
		return "sha-224";
	case 64:
		return "sha-256";
	case 96:
		return "sha-384";
	case 128:
		return "sha-512";
	default:
		return NULL;
	}
}

/* HEX, one blank, then one more or an asterisk, NAME. */
static bool
split_by_hex(struct sl_span line, struct sum *out)
{
	size_t digits = count_digits(line);
	struct sl_span rest = behind(line, digits);
	if (!algorithm_of(digits) || rest.len < 2 || (rest.data[0] != ' ' && rest.data[0] != '\t'))
		return false;
	rest = behind(rest, 1);
	if (rest.data[0] == ' ' || rest.data[0] == '*')
		rest = behind(rest, 1);
	out->hex = sl_span(line.data, digits);
	out->name = rest;
	return rest.len > 0;
}

static bool
is_of_algorithm(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '/';
}

/* ALG (NAME) = HEX; the name may have parentheses, so HEX is found from the end. */
static bool
split_by_algorithm(struct sl_span line, struct sum *out)
{
	size_t len = 0, end = line.len;
	while (len < line.len && is_of_algorithm(line.data[len]))
		len++;
	struct sl_span rest = behind(line, len);
	if (rest.len > 0 && rest.data[0] == ' ')
		rest = behind(rest, 1);
	while (end > 0 && sl_hex_digit((unsigned char)line.data[end - 1]) >= 0)
		end--;
	out->algorithm = sl_span(line.data, len);
	out->hex = behind(line, end);
	size_t close = line.data + end > rest.data ? (size_t)(line.data + end - rest.data) : 0;
	struct sl_span before = sl_span(rest.data, close);
	size_t mark = before.len >= 4 && memcmp(before.data + before.len - 4, ") = ", 4) == 0  ? 4
		      : before.len >= 3 && memcmp(before.data + before.len - 3, ")= ", 3) == 0 ? 3
											       : 0;
	if (len == 0 || out->hex.len == 0 || mark == 0 || before.data[0] != '(' ||
		before.len < mark + 2)
		return false;
	out->name = sl_span(before.data + 1, before.len - mark - 1);
	return true;
}

static bool
split(struct sl_span line, struct sum *out)
{
	*out = (struct sum){ 0 };
	out->is_escaped = line.len > 0 && line.data[0] == '\\';
	if (out->is_escaped)
		line = behind(line, 1);
	return split_by_hex(line, out) || split_by_algorithm(line, out);
}

/* ---- detection ---- */

static const char pgp_message[] = "-----BEGIN PGP SIGNED MESSAGE-----";
static const char pgp_signature[] = "-----BEGIN PGP SIGNATURE-----";

static bool
is_skipped(struct sl_span line)
{
	return sl_span_trim(line).len == 0 || line.data[0] == '#';
}

/* By the first line that is not skipped. */
static enum sl_manifest_match
detect_sums(struct sl_span head, bool is_all)
{
	struct sl_manifest_lines lines = { 0 };
	struct sl_span line;
	struct sum sum;
	enum sl_manifest_line kind;
	do
		kind = sl_manifest_line(&lines, &head, is_all, &line);
	while (kind == SL_LINE_WHOLE && is_skipped(line));
	if (kind == SL_LINE_MORE && !is_all)
		return SL_MANIFEST_IS_UNSURE;
	bool is = kind == SL_LINE_WHOLE && (sl_span_is(line, pgp_message) || split(line, &sum));
	return is ? SL_MANIFEST_IS : SL_MANIFEST_IS_NOT;
}

/* ---- entries ---- */

static void *
new_sums(const struct sl_manifest_options *options)
{
	struct sums *sums = calloc(1, sizeof(*sums));
	if (sums)
		sums->options = options;
	return sums;
}

static void
free_sums(void *parser)
{
	struct sums *sums = parser;
	sl_buf_release(&sums->name);
	sl_buf_release(&sums->url);
	free(sums);
}

/* False for an escape that no program writes. */
static bool
set_name(struct sums *sums, const struct sum *sum)
{
	struct sl_span from = sum->name;
	sl_buf_clear(&sums->name);
	for (size_t i = 0; i < from.len; i++) {
		char c = from.data[i];
		if (sum->is_escaped && c == '\\') {
			char next = ++i < from.len ? from.data[i] : '\0';
			c = next == 'n' ? '\n' : next == 'r' ? '\r' : next;
			if (next != 'n' && next != 'r' && next != '\\')
				return false;
		}
		sl_buf_add_char(&sums->name, c);
	}
	return true;
}

/* Without "./" in front, which does not change it. */
static struct sl_span
plain_name(const struct sums *sums)
{
	struct sl_span name = sl_buf_span(&sums->name);
	while (name.len > 2 && memcmp(name.data, "./", 2) == 0)
		name = behind(name, 2);
	return name;
}

/* What RFC 3986 calls unreserved. */
static bool
is_kept(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("-._~", c));
}

/* One component of a path at the end of the URL, whose path begins at `root`; "." and ".." as RFC
 * 3986 5.2.4 resolves them. */
static void
add_component(struct sl_buf *url, size_t root, struct sl_span component)
{
	bool is_up = sl_span_is(component, "..");
	if (is_up)
		while (url->len > root + 1 && url->data[--url->len - 1] != '/')
			continue;
	for (size_t i = 0; !is_up && !sl_span_is(component, ".") && i < component.len; i++)
		if (is_kept(component.data[i]))
			sl_buf_add_char(url, component.data[i]);
		else
			sl_buf_printf(url, "%%%02X", (unsigned)(unsigned char)component.data[i]);
}

/* An absolute name is one of the root of the base's server. */
static void
set_url(struct sums *sums, struct sl_span name)
{
	struct sl_buf *url = &sums->url;
	const char *base = sums->options->base_url;
	const char *scheme = strstr(base, "://");
	const char *authority = scheme ? scheme + 3 : base;
	bool is_absolute = name.len > 0 && name.data[0] == '/';
	size_t root = (size_t)(authority - base) + strcspn(authority, "/");
	sl_buf_clear(url);
	sl_buf_add(url, base, is_absolute ? root + 1 : strlen(base));
	for (size_t at = is_absolute; at <= name.len;) {
		const char *slash =
			at < name.len ? memchr(name.data + at, '/', name.len - at) : NULL;
		size_t len = slash ? (size_t)(slash - name.data) - at : name.len - at;
		size_t before = url->len;
		add_component(url, root, sl_span(name.data + at, len));
		if (slash && (url->len > before || len == 0))
			sl_buf_add_char(url, '/');
		at += len + 1;
	}
}

/* OpenSSL 3 writes SHA2-256 for what all others call SHA256. */
static struct sl_span
usual_name(struct sl_span algorithm)
{
	bool is_sha2 = algorithm.len > 5 && sl_span_is_nocase(sl_span(algorithm.data, 5), "SHA2-");
	return is_sha2 ? behind(algorithm, 5) : algorithm;
}

static int
set_checksum(const struct sum *sum, struct sl_checksum *out, struct sl_error *err)
{
	struct sl_span name = usual_name(sum->algorithm);
	struct sl_buf text = { 0 };
	if (sum->algorithm.len == 0)
		sl_buf_add_str(&text, algorithm_of(sum->hex.len));
	else
		sl_buf_printf(&text, "%s%.*s", name.len < sum->algorithm.len ? "sha" : "",
			(int)name.len, name.data);
	sl_buf_add_char(&text, '=');
	sl_buf_add_span(&text, sum->hex);
	int code = text.failed ? -ENOMEM : sl_checksum_parse(out, sl_buf_span(&text), err);
	sl_buf_release(&text);
	return code;
}

static enum sl_manifest_result
refuse(const struct sums *sums, const char *why, struct sl_error *err)
{
	sl_manifest_fail_line(err, sums->lines.number, why);
	return SL_MANIFEST_BAD;
}

static enum sl_manifest_result
make_entry(struct sums *sums, struct sl_span line, struct sl_entry *out, struct sl_error *err)
{
	struct sl_error why = { 0 };
	struct sum sum;
	if (!split(line, &sum))
		return refuse(
			sums, "this is a list of checksums, but not a line of HEX  NAME", err);
	if (!set_name(sums, &sum))
		return refuse(sums, "the name has a backslash that is not \\\\, \\n or \\r", err);
	struct sl_span name = plain_name(sums);
	if (sl_span_is(name, "-"))
		return refuse(sums, "a checksum of standard input, which has no name", err);
	int code = set_checksum(&sum, &out->checksum, &why);
	if (code && code != -ENOMEM)
		return refuse(sums, why.text, err);
	if (sums->options->base_url)
		set_url(sums, name);
	if (code || sums->name.failed || sums->url.failed) {
		sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot read the list");
		return SL_MANIFEST_BROKEN;
	}
	out->out = name;
	out->line = sums->lines.number;
	if (sums->options->base_url)
		out->sources[out->source_count++] = sl_buf_span(&sums->url);
	return SL_MANIFEST_ENTRY;
}

/* What PGP puts around a text, and the "- " before its lines that begin with a dash. True if
 * *line is not part of the text. */
static bool
is_of_pgp(struct sums *sums, struct sl_span *line)
{
	if (sums->part == PART_PGP_HEADER && line->len == 0)
		sums->part = PART_LINES;
	else if (sl_span_is(*line, pgp_message))
		sums->part = PART_PGP_HEADER;
	else if (sl_span_is(*line, pgp_signature))
		sums->part = PART_PGP_SIGNATURE;
	else if (line->len > 2 && memcmp(line->data, "- -", 3) == 0)
		*line = behind(*line, 2);
	return sums->part != PART_LINES;
}

static enum sl_manifest_result
parse_sums(void *parser, struct sl_span text, bool is_last, size_t *used, struct sl_entry *out,
	struct sl_error *err)
{
	struct sums *sums = parser;
	enum sl_manifest_result result = SL_MANIFEST_MORE;
	struct sl_span rest = text, line;
	while (result == SL_MANIFEST_MORE) {
		enum sl_manifest_line kind = sl_manifest_line(&sums->lines, &rest, is_last, &line);
		if (kind == SL_LINE_MORE)
			break;
		if (kind == SL_LINE_NUL)
			result = sl_manifest_fail_nul(err, sums->lines.number);
		else if (is_of_pgp(sums, &line) || is_skipped(line))
			continue;
		else if (kind == SL_LINE_LONG)
			result = sl_manifest_fail_long(err, sums->lines.number);
		else
			result = make_entry(sums, line, out, err);
	}
	*used = text.len - rest.len;
	return result;
}

const struct sl_manifest_kind sl_manifest_sums = {
	.detect = detect_sums, .new = new_sums, .free = free_sums, .parse = parse_sums
};
