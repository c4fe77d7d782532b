/*
 * masks.c - one pass over a line, from value to value:
 *
 *     white space               one space
 *     a word, with its digits   a month: a time? a scheme: a URL? hexadecimal: a UUID? else as it
 *                               is, with masks for digits ("node-12", "eth0")
 *     digits                    a time, an address, a size or duration, a number
 *     a quotation mark          the text up to the next one, unless it is a value ("msg=") or the
 *                               message of a line of klog, whose words say what the line is
 *                               about; of a request of HTTP the target, and the status code
 *                               behind it stays. Marks behind a backslash belong together, and
 *                               may be within quoted text
 *     a slash                   a path
 *
 * This runs for each error line: what a byte may begin is looked up in a table.
 */
#include "masks_int.h"

#define METHOD_MAX 16u /* of a request; bytes */
#define TARGET_MAX 8192u
#define EXTENSION_MAX 4u /* of a source file; letters */

struct pass {
	const unsigned char *at, *end, *begin;
	/* The quotation mark at the end of a value, or NULL; one behind a backslash: [1]. */
	const unsigned char *value_end[2];
	unsigned char *out, *out_begin;
};

static size_t
left(const struct pass *pass)
{
	return (size_t)(pass->end - pass->at);
}

static unsigned char
before(const struct pass *pass)
{
	return pass->at > pass->begin ? pass->at[-1] : ' ';
}

static void
put(struct pass *pass, enum sl_mask mask, size_t len)
{
	*pass->out++ = (unsigned char)mask;
	pass->at += len;
}

static void
copy(struct pass *pass, size_t len)
{
	memcpy(pass->out, pass->at, len);
	pass->out += len;
	pass->at += len;
}

/* ---- what a byte begins ---- */

static bool
is_in_path(unsigned char c)
{
	return sl_mask_is_word(c) || (c != '\0' && strchr("/.-+~@%#$&", c));
}

static bool
ends_url(unsigned char c)
{
	return sl_mask_kinds[c] == SL_MASK_BYTE_SPACE ||
	       (c != '\0' && strchr("\"'<>()[]{}|\\,;", c));
}

/* Digits within a word are numbers, also in "log4j": which digits there are must not matter. */
static void
mask_mixed(struct pass *pass, size_t len)
{
	const unsigned char *end = pass->at + len;
	while (pass->at < end) {
		size_t digits = sl_mask_count(pass->at, end, SL_MASK_BYTE_DIGIT);
		if (digits)
			put(pass, SL_MASK_NUMBER, digits);
		copy(pass, sl_mask_count(pass->at, end, SL_MASK_BYTE_WORD));
	}
}

static void
mask_url(struct pass *pass, size_t len)
{
	while (len < left(pass) && !ends_url(pass->at[len]))
		len++;
	while (len > 0 && (pass->at[len - 1] == '.' || pass->at[len - 1] == ':'))
		len--;
	put(pass, SL_MASK_URL, len);
}

/* C:\a\b.txt */
static void
mask_drive(struct pass *pass)
{
	size_t len = 2;
	while (len < left(pass) && (is_in_path(pass->at[len]) || pass->at[len] == '\\'))
		len++;
	put(pass, SL_MASK_PATH, len);
}

static bool
may_begin_time(const unsigned char *word, size_t len)
{
	return len == 3 && word[0] >= 'A' && word[0] <= 'W';
}

/* What a word without a digit is, apart from itself. */
static bool
mask_letters(struct pass *pass, size_t len)
{
	size_t rest = left(pass) - len;
	const unsigned char *behind = pass->at + len;
	size_t found = 0;
	if (rest == 0 || sl_mask_is_word(before(pass)))
		return false;
	if (*behind == ' ' && may_begin_time(pass->at, len) &&
		(found = sl_mask_time(pass->at, left(pass))))
		put(pass, SL_MASK_TIME, found);
	else if (rest > 3 && memcmp(behind, "://", 3) == 0)
		mask_url(pass, len);
	else if (*behind == ':' && len <= 4 && (found = sl_mask_groups(pass->at, pass->end)))
		put(pass, SL_MASK_ADDRESS, found);
	else if (*behind == '-' && len == SL_MASK_HEX_MIN && sl_mask_is_uuid(pass->at, left(pass)))
		put(pass, SL_MASK_UUID, SL_MASK_UUID_LEN);
	else if (len == 1 && rest > 2 && *behind == ':' && behind[1] == '\\')
		mask_drive(pass);
	else
		return false;
	return true;
}

static void
mask_word(struct pass *pass)
{
	size_t letters = sl_mask_count(pass->at, pass->end, SL_MASK_BYTE_WORD);
	if (letters < left(pass) && sl_mask_kinds[pass->at[letters]] == SL_MASK_BYTE_DIGIT) {
		size_t len = sl_mask_count_word(pass->at, pass->end), groups = 0;
		if (len == SL_MASK_HEX_MIN && sl_mask_is_uuid(pass->at, left(pass)))
			put(pass, SL_MASK_UUID, SL_MASK_UUID_LEN);
		else if (sl_mask_is_hex(pass->at, len))
			put(pass, SL_MASK_HEX, len);
		else if (len <= 4 && (groups = sl_mask_groups(pass->at, pass->end)))
			put(pass, SL_MASK_ADDRESS, groups);
		else
			mask_mixed(pass, len);
	} else if (!mask_letters(pass, letters)) {
		copy(pass, letters);
	}
}

/* A minus or plus sign that belongs to the number was written already. */
static void
take_sign(struct pass *pass)
{
	if (pass->at - pass->begin < 1 || pass->out == pass->out_begin)
		return;
	unsigned char sign = pass->at[-1];
	unsigned char c = pass->at - pass->begin > 1 ? pass->at[-2] : ' ';
	bool is_sign = sign == '-' || sign == '+';
	if (is_sign && pass->out[-1] == sign && (c == ' ' || c == '_' || strchr("=([,:{", c)))
		pass->out--;
}

static void
mask_number(struct pass *pass)
{
	unsigned groups;
	enum sl_mask mask = SL_MASK_NUMBER;
	size_t len = sl_mask_number(pass->at, pass->end, &groups);
	const unsigned char *behind = pass->at + len;
	take_sign(pass);
	if (groups == 4) {
		mask = SL_MASK_ADDRESS;
		len += sl_mask_port(behind, pass->end);
	} else {
		len += sl_mask_unit(behind, pass->end, &mask);
	}
	put(pass, mask, len);
}

static void
mask_digits(struct pass *pass)
{
	size_t word = sl_mask_count_word(pass->at, pass->end), found;
	if (!sl_mask_is_word(before(pass)) && (found = sl_mask_time(pass->at, left(pass))))
		put(pass, SL_MASK_TIME, found);
	else if (word == SL_MASK_HEX_MIN && sl_mask_is_uuid(pass->at, left(pass)))
		put(pass, SL_MASK_UUID, SL_MASK_UUID_LEN);
	else if (word <= 4 && (found = sl_mask_groups(pass->at, pass->end)))
		put(pass, SL_MASK_ADDRESS, found);
	else if (sl_mask_is_hex(pass->at, word))
		put(pass, SL_MASK_HEX, word);
	else
		mask_number(pass);
}

/* `proxy.go:12] ` comes before `mark`: what is quoted there is the message. */
static bool
is_behind_position(const struct pass *pass, const unsigned char *mark)
{
	if (mark - pass->begin < 2 || memcmp(mark - 2, "] ", 2) != 0)
		return false;
	const unsigned char *digits_end = mark - 2, *at = digits_end;
	while (at > pass->begin && sl_mask_is_digit(at[-1]))
		at--;
	if (at == digits_end || at == pass->begin || *--at != ':')
		return false;
	const unsigned char *letters_end = at;
	while (at > pass->begin && sl_mask_is_letter(at[-1]))
		at--;
	size_t letters = (size_t)(letters_end - at);
	return letters > 0 && letters <= EXTENSION_MAX && at > pass->begin && at[-1] == '.';
}

/* Quoted text is what a message is about; only as a value of a key it is the message. `mark` is
 * the quotation mark before it, `c` the byte before that. */
static bool
is_value(const struct pass *pass, const unsigned char *mark, unsigned char c)
{
	return c == '=' || c == ':' || *pass->begin == '{' || is_behind_position(pass, mark);
}

/* Where the backslashes before `at` begin. */
static const unsigned char *
skip_backslashes(const struct pass *pass, const unsigned char *at)
{
	while (at > pass->begin && at[-1] == '\\')
		at--;
	return at;
}

/* Of two backslashes the second is not one that escapes. */
static bool
is_escaped(const struct pass *pass, const unsigned char *mark)
{
	return (mark - skip_backslashes(pass, mark)) % 2 == 1;
}

/* A quotation mark behind a word ends what is quoted. */
static bool
is_behind_word(const struct pass *pass, const unsigned char *mark)
{
	const unsigned char *at = skip_backslashes(pass, mark);
	return at > pass->begin && sl_mask_is_word(at[-1]);
}

/* The length of `GET ` at the start of a request; 0 if that is something else. */
static size_t
count_method(const struct pass *pass)
{
	size_t len = 0, most = SL_MIN(left(pass), (size_t)METHOD_MAX);
	while (len < most && pass->at[len] >= 'A' && pass->at[len] <= 'Z')
		len++;
	return len >= 3 && len < most && pass->at[len] == ' ' ? len + 1 : 0;
}

/* The length of ` HTTP/1.1` at the end of a request; 0 if it is something else. */
static size_t
count_version(const unsigned char *begin, const unsigned char *end)
{
	static const char name[] = " HTTP/";
	const unsigned char *at = end;
	while (at > begin && (sl_mask_is_digit(at[-1]) || at[-1] == '.'))
		at--;
	size_t len = sizeof(name) - 1;
	bool is_version =
		at < end && (size_t)(at - begin) > len && memcmp(at - len, name, len) == 0;
	return is_version ? (size_t)(end - at) + len : 0;
}

/* What a server answers to a request stands behind it in its log, and says what kind it is. */
static void
copy_status(struct pass *pass)
{
	const unsigned char *at = pass->at;
	size_t digits = left(pass) > 1 && *at == ' '
				? sl_mask_count(at + 1, pass->end, SL_MASK_BYTE_DIGIT)
				: 0;
	if (digits == SL_MASK_STATUS_LEN && (left(pass) == digits + 1 || at[digits + 1] == ' '))
		copy(pass, digits + 1);
}

/* Behind a quotation mark: a request up to the next one. */
static bool
mask_request(struct pass *pass, unsigned char quote)
{
	size_t method = count_method(pass);
	if (!method)
		return false;
	const unsigned char *target = pass->at + method;
	size_t most = SL_MIN(left(pass) - method, (size_t)TARGET_MAX);
	const unsigned char *close = memchr(target, quote, most);
	size_t version = close ? count_version(target, close) : 0;
	if (!version)
		return false;
	copy(pass, method);
	put(pass, SL_MASK_PATH, (size_t)(close - target) - version);
	copy(pass, sizeof(" HTTP/") - 1);
	put(pass, SL_MASK_NUMBER, (size_t)(close - pass->at));
	copy(pass, 1);
	copy_status(pass);
	return true;
}

/* The end of text that begins here, behind a mark; NULL if there is none nearby. Within the text,
 * two marks behind backslashes are skipped; a backslash may also be the last byte of the text: of
 * the name of a directory. */
static const unsigned char *
find_close(const struct pass *pass, unsigned char quote, bool escaped)
{
	const unsigned char *end = pass->at + SL_MIN(left(pass), (size_t)SL_MASK_QUOTED_MAX);
	const unsigned char *at = pass->at;
	bool is_within = false;
	for (; (at = memchr(at, quote, (size_t)(end - at))); at++) {
		bool is_other = is_escaped(pass, at) != escaped;
		if (!is_other || (!escaped && !is_within && is_behind_word(pass, at)))
			return at;
		if (escaped)
			return NULL;
		is_within = !is_within;
	}
	return NULL;
}

static void
mask_quote(struct pass *pass)
{
	const unsigned char *mark = pass->at, *outer = skip_backslashes(pass, mark);
	unsigned char quote = *mark;
	bool escaped = (mark - outer) % 2 == 1;
	unsigned char c = escaped ? (outer > pass->begin ? outer[-1] : ' ') : before(pass);
	bool ends_value = mark == pass->value_end[0] || mark == pass->value_end[1];
	copy(pass, 1);
	if (sl_mask_is_word(c) || ends_value || !left(pass) || mask_request(pass, quote))
		return;
	const unsigned char *close = find_close(pass, quote, escaped);
	const unsigned char *end = close ? close - escaped : NULL; /* of the text */
	unsigned char next = close && close + 1 < pass->end ? close[1] : ' ';
	if (!close || (quote == '\'' && sl_mask_is_word(next)))
		return;
	if (is_value(pass, mark, c) || next == ':') {
		pass->value_end[escaped] = close;
		return;
	}
	if (end > pass->at)
		put(pass, SL_MASK_TEXT, (size_t)(end - pass->at));
	copy(pass, (size_t)(close - end) + 1);
}

static void
mask_slash(struct pass *pass)
{
	unsigned char c = before(pass);
	size_t len = 1;
	if (sl_mask_kinds[c] != SL_MASK_BYTE_SPACE && sl_mask_kinds[c] != SL_MASK_BYTE_QUOTE &&
		!strchr("=([{,:<>;|", c)) {
		copy(pass, 1);
		return;
	}
	while (len < left(pass) && is_in_path(pass->at[len]))
		len++;
	while (len > 1 && pass->at[len - 1] == '.')
		len--;
	if (len > 1)
		put(pass, SL_MASK_PATH, len);
	else
		copy(pass, 1);
}

static void
mask_space(struct pass *pass)
{
	pass->at += sl_mask_count(pass->at, pass->end, SL_MASK_BYTE_SPACE);
	if (pass->out > pass->out_begin && pass->out[-1] != ' ')
		*pass->out++ = ' ';
}

/* ESC [ ... letter. */
static void
skip_escape(struct pass *pass)
{
	const unsigned char *at = pass->at + 1;
	if (at == pass->end || *at != '[') {
		pass->at++;
		return;
	}
	for (at++; at < pass->end && (sl_mask_is_digit(*at) || *at == ';');)
		at++;
	pass->at = at < pass->end && sl_mask_is_letter(*at) ? at + 1 : at;
}

size_t
sl_masks_apply(const unsigned char *text, size_t len, unsigned char *out)
{
	struct pass pass = {
		.at = text, .begin = text, .end = text + len, .out = out, .out_begin = out
	};
	while (pass.at < pass.end) {
		switch ((enum sl_mask_byte)sl_mask_kinds[*pass.at]) {
		case SL_MASK_BYTE_WORD:
			mask_word(&pass);
			break;
		case SL_MASK_BYTE_DIGIT:
			mask_digits(&pass);
			break;
		case SL_MASK_BYTE_SPACE:
			mask_space(&pass);
			break;
		case SL_MASK_BYTE_QUOTE:
			mask_quote(&pass);
			break;
		case SL_MASK_BYTE_SLASH:
			mask_slash(&pass);
			break;
		case SL_MASK_BYTE_ESCAPE:
			skip_escape(&pass);
			break;
		case SL_MASK_BYTE_OTHER:
			copy(&pass, 1);
			break;
		}
	}
	if (pass.out > out && pass.out[-1] == ' ')
		pass.out--;
	return (size_t)(pass.out - out);
}

/* ---- as shown ---- */

static const char *const names[SL_MASK_END] = {
	[SL_MASK_ANY] = "<*>",
	[SL_MASK_NUMBER] = "<num>",
	[SL_MASK_HEX] = "<hex>",
	[SL_MASK_ADDRESS] = "<ip>",
	[SL_MASK_UUID] = "<uuid>",
	[SL_MASK_PATH] = "<path>",
	[SL_MASK_URL] = "<url>",
	[SL_MASK_TEXT] = "<text>",
	[SL_MASK_DURATION] = "<duration>",
	[SL_MASK_SIZE] = "<size>",
	[SL_MASK_TIME] = "<time>",
};

static const char *
name_of(char c)
{
	unsigned char mask = (unsigned char)c;
	return mask < SL_MASK_END ? names[mask] : NULL;
}

void
sl_masks_show(struct sl_buf *out, struct sl_span masked)
{
	for (size_t i = 0; i < masked.len; i++) {
		const char *name = name_of(masked.data[i]);
		if (name)
			sl_buf_add_str(out, name);
		else
			sl_buf_add_char(out, masked.data[i]);
	}
}

/* The mask that is shown at the start of the text, or 0. */
static unsigned
mask_at(struct sl_span text, size_t *len)
{
	for (unsigned mask = SL_MASK_ANY; mask < SL_MASK_END; mask++) {
		*len = strlen(names[mask]);
		if (text.len >= *len && memcmp(text.data, names[mask], *len) == 0)
			return mask;
	}
	*len = 1;
	return 0;
}

void
sl_masks_read(struct sl_buf *out, struct sl_span shown)
{
	while (shown.len) {
		size_t len = 1;
		unsigned mask = *shown.data == '<' ? mask_at(shown, &len) : 0;
		sl_buf_add_char(out, mask ? (char)mask : *shown.data);
		shown = sl_span(shown.data + len, shown.len - len);
	}
}
