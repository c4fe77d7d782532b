/*
 * level.c - the words of a line are looked up, and where one stands decides whether it is a level.
 *
 *     priority, letters at the beginning
 *     each word of the first bytes, from left to right; quoted values of pairs are passed over
 *         klog, or a level in one of the places of level.h: that is it
 *     an object in the line: its members
 *     pairs further behind
 *     the status of a request
 */
#include "level_int.h"

#include "sluice/logline/json_line.h"
#include "sluice/logline/logfmt.h"
#include "sluice/logline/timestamp.h"

#define PAIRS_MAX 4096u   /* bytes in which pairs are looked for */
#define PRIORITY_MAX 191  /* RFC 5424: facility 23, severity 7 */
#define STATUS_BEHIND 16u /* bytes from HTTP/ to the quote behind its version, at most */
#define ESCAPE '\033'

static const struct sl_level_found none = { SL_LEVEL_NONE, 0, 0 };

/* ---- the status of a request ---- */

static struct sl_level_found
found_at(struct sl_span line, struct sl_span text, enum sl_level level)
{
	size_t begin = (size_t)(text.data - line.data);
	return level ? (struct sl_level_found){ level, begin, begin + text.len } : none;
}

static enum sl_level
level_of_status(const char *digits)
{
	return digits[0] == '5'   ? SL_LEVEL_ERROR
	       : digits[0] == '4' ? SL_LEVEL_WARNING
				  : SL_LEVEL_INFO;
}

static bool
is_status(const char *at, const char *end)
{
	return end - at >= 3 && at[0] >= '1' && at[0] <= '5' && level_is_digit(at[1]) &&
	       level_is_digit(at[2]) && (end - at == 3 || !level_is_digit(at[3]));
}

/* "GET /a HTTP/1.1" 502 */
static struct sl_level_found
find_status(struct sl_span line)
{
	const char *end = line.data + line.len;
	const char *version = memmem(line.data, line.len, " HTTP/", 6);
	if (!version)
		return none;
	size_t rest = (size_t)(end - version);
	const char *quote = memchr(version, '"', SL_MIN(rest, (size_t)STATUS_BEHIND));
	if (!quote || end - quote < 5 || quote[1] != ' ' || !is_status(quote + 2, end))
		return none;
	return found_at(line, sl_span(quote + 2, 3), level_of_status(quote + 2));
}

/* ---- the words of a text ---- */

struct text {
	struct sl_span line;
	const char *end;    /* of the bytes that are looked at */
	const char *object; /* where one begins; or NULL */
};

/* What stands before a word, and behind it: 0 at the ends of the line. A change of colour does not
 * count as text. */
struct place {
	const char *begin, *end;
	char before, behind;
};

static char
char_at(const struct text *text, const char *at)
{
	return at >= text->line.data && at < text->line.data + text->line.len ? *at : '\0';
}

static bool
is_small(const struct place *place)
{
	return place->begin[0] >= 'a';
}

/* All of it in capitals. */
static bool
is_capital(const struct place *place)
{
	for (const char *at = place->begin; at < place->end; at++)
		if (*at >= 'a')
			return false;
	return true;
}

/* All in one case, or with a capital at the beginning. */
static bool
is_plain(const struct place *place)
{
	bool is_mixed = false;
	for (const char *at = place->begin + 1; at < place->end; at++)
		is_mixed = is_mixed || *at < 'a';
	return !is_mixed || is_capital(place);
}

/* "[error]", "[WARN ]", "[core:error]", "|error|" */
static bool
is_in_brackets(const struct text *text, const struct place *place)
{
	const char *after = place->end;
	while (level_is_blank(char_at(text, after)))
		after++;
	char close = char_at(text, after);
	if (place->before == '[' || (place->before == ':' && close == ']'))
		return close == ']';
	return place->before == '|' && close == '|';
}

/* A word that is a level wherever it stands, as long as it is one for itself. */
static bool
is_for_itself(const struct place *place)
{
	bool begins = !place->before || level_is_one_of(place->before, " \t[(|:]>,;");
	bool ends = !place->behind || level_is_one_of(place->behind, " \t])|:,;[(/\r\033");
	return begins && ends;
}

/* Behind ": " or "] ", or the first word. */
static bool
begins_message(const struct text *text, const struct place *place)
{
	if (place->begin == text->line.data)
		return true;
	char before = char_at(text, place->begin - 2);
	return place->before == ' ' && level_is_one_of(before, ":]>|");
}

/* Nothing but marks stands between a stamp and the word. */
static bool
is_behind_stamp(const struct text *text, const struct place *place)
{
	struct sl_timestamp stamp;
	if (!place->behind || !level_is_one_of(place->behind, " \t:]|[,"))
		return false;
	if (!level_is_blank(place->before) || !sl_timestamp_find(text->line, &stamp) ||
		!stamp.has_year)
		return false;
	const char *at = text->line.data + stamp.end;
	while (at < place->begin && level_is_one_of(*at, " \t]|[-:,"))
		at++;
	return at == place->begin;
}

static bool
is_level(const struct text *text, const struct place *place, const struct level_word *word)
{
	bool has_colon = place->behind == ':', is_first = place->begin == text->line.data;
	if (!is_plain(place))
		return false;
	if (is_first && place->behind == '[' && word->strength != LEVEL_WEAK)
		return true;
	if (word->strength == LEVEL_SHORT)
		return false;
	if (is_in_brackets(text, place))
		return word->strength == LEVEL_STRONG || !is_small(place);
	if (has_colon && begins_message(text, place))
		return true;
	if (is_capital(place) && is_for_itself(place))
		return word->strength == LEVEL_STRONG || has_colon;
	return is_behind_stamp(text, place);
}

/* "E1018 18:01:47", "E20151018 18:01:47" */
static bool
is_klog(const struct text *text, const struct place *place)
{
	const char *at = place->end;
	while (level_is_digit(char_at(text, at)) && at - place->end < 9)
		at++;
	ptrdiff_t digits = at - place->end;
	return (digits == 4 || digits == 8) && char_at(text, at) == ' ' &&
	       level_is_digit(char_at(text, at + 1)) && char_at(text, at + 3) == ':';
}

/* Android: "E/Tag( 123): ", and behind the stamp and two numbers "  123  456 E Tag: "; MongoDB:
 * behind the stamp "E NETWORK". */
static bool
is_level_letter(const struct text *text, const struct place *place)
{
	if (place->begin == text->line.data && place->behind == '/') {
		size_t rest = (size_t)(text->end - place->end);
		return level_is_letter(char_at(text, place->end + 1)) &&
		       memmem(place->end, rest, ": ", 2);
	}
	struct sl_timestamp stamp;
	if (!level_is_blank(place->before) || !level_is_blank(place->behind) ||
		!sl_timestamp_find(text->line, &stamp))
		return false;
	const char *at = text->line.data + stamp.end;
	while (at < place->begin && (level_is_blank(*at) || level_is_digit(*at)))
		at++;
	return at == place->begin && level_is_letter(char_at(text, place->end + 1));
}

/* "level=error", "level=\"error\"" */
static bool
is_of_pair(const struct text *text, const struct place *place)
{
	const char *at = place->begin - (place->before == '"');
	if (char_at(text, at - 1) != '=')
		return false;
	const char *end = --at;
	while (at > text->line.data && (level_is_letter(at[-1]) || level_is_one_of(at[-1], "._@")))
		at--;
	return sl_level_is_key(sl_span(at, (size_t)(end - at)));
}

static enum sl_level
level_of_place(const struct text *text, const struct place *place)
{
	size_t len = (size_t)(place->end - place->begin);
	if (len == 1) {
		enum sl_level level = sl_level_of_letter(place->begin[0]);
		if (!level || (place->before && !level_is_blank(place->before)))
			return SL_LEVEL_NONE;
		bool is_one = level_is_digit(place->behind) ? is_klog(text, place)
							    : is_level_letter(text, place);
		return is_one ? level : SL_LEVEL_NONE;
	}
	const struct level_word *word = sl_level_word(place->begin, len);
	if (!word)
		return SL_LEVEL_NONE;
	return is_of_pair(text, place) || is_level(text, place, word) ? word->level : SL_LEVEL_NONE;
}

/* Behind what is no word: a change of colour, or a quoted value of a pair that is no level. */
static const char *
skip_other(const struct text *text, const char *at)
{
	if (*at == ESCAPE && char_at(text, at + 1) == '[') {
		at += 2;
		while (at < text->end && (level_is_digit(*at) || *at == ';'))
			at++;
		return at < text->end ? at + 1 : at;
	}
	if (*at != '"' || char_at(text, at - 1) != '=' ||
		is_of_pair(text, &(struct place){ at, at, 0, 0 }))
		return at + 1;
	for (at++; at < text->end && *at != '"';)
		at += *at == '\\' ? 2 : 1;
	return SL_MIN(at + 1, text->end);
}

static bool
begins_object(const struct text *text, const char *at)
{
	const char *next = at + 1;
	while (level_is_blank(char_at(text, next)))
		next++;
	return *at == '{' && char_at(text, next) == '"' &&
	       (at == text->line.data || level_is_one_of(at[-1], " \t:"));
}

static struct sl_level_found
find_in_words(struct text *text)
{
	bool after_colour = false;
	for (const char *at = text->line.data; at < text->end;) {
		if (!level_is_letter(*at)) {
			if (begins_object(text, at)) {
				text->object = at;
				return none;
			}
			after_colour = *at == ESCAPE;
			at = skip_other(text, at);
			continue;
		}
		const char *line_end = text->line.data + text->line.len;
		struct place place = { at, at, after_colour ? ' ' : char_at(text, at - 1), 0 };
		while (place.end < line_end && level_is_letter(*place.end))
			place.end++;
		place.behind = char_at(text, place.end);
		enum sl_level level = level_of_place(text, &place);
		if (level)
			return found_at(text->line, sl_span(at, (size_t)(place.end - at)), level);
		at = place.end;
		after_colour = false;
	}
	return none;
}

/* ---- the line ---- */

/* "<11>" */
static struct sl_level_found
find_priority(struct sl_span line)
{
	uint64_t number = 0;
	size_t at = 1;
	for (; at < line.len && at < 4 && level_is_digit(line.data[at]); at++)
		number = number * 10 + (uint64_t)(line.data[at] - '0');
	if (at == 1 || at == line.len || line.data[at] != '>' || number > PRIORITY_MAX)
		return none;
	char digit = (char)('0' + number % 8);
	return (struct sl_level_found){ sl_level_of_value(sl_span(&digit, 1)), 0, at + 1 };
}

/* In text that is not an object. *object is where one begins in it, or NULL. */
static struct sl_level_found
find_in_text(struct sl_span line, const char **object)
{
	struct text text = { .line = line,
		.end = line.data + SL_MIN(line.len, (size_t)SL_LEVEL_PREFIX) };
	struct sl_level_found found = none;
	if (line.len && line.data[0] == '<')
		found = find_priority(line);
	if (!found.level)
		found = find_in_words(&text);
	*object = text.object;
	return found;
}

static struct sl_level_found
find_in_pairs(struct sl_span line)
{
	struct sl_logfmt logfmt =
		sl_logfmt_begin(sl_span(line.data, SL_MIN(line.len, (size_t)PAIRS_MAX)));
	struct sl_logfmt_pair pair;
	if (!memchr(logfmt.at, '=', (size_t)(logfmt.end - logfmt.at)))
		return none;
	while (sl_logfmt_next(&logfmt, &pair)) {
		enum sl_level level =
			sl_level_is_key(pair.key) ? sl_level_of_value(pair.value) : SL_LEVEL_NONE;
		if (level)
			return found_at(line, pair.value, level);
	}
	return none;
}

/* What members of an object say, the best last. */
struct members {
	struct sl_span level;  /* of a member of its own, or of one in "log" */
	struct sl_span status; /* of a response */
	struct sl_span log;    /* a line in a member of this name */
};

static void
note_member(struct members *members, const struct sl_json_line_member *member)
{
	bool is_plain = member->kind == SL_JSON_LINE_STRING || member->kind == SL_JSON_LINE_NUMBER;
	if (is_plain && !members->level.data && sl_level_is_key(member->key) &&
		sl_level_of_value(member->value))
		members->level = member->value;
	else if (is_plain && member->value.len == 3 &&
		 (sl_span_is(member->key, "status") || sl_span_is(member->key, "status_code")) &&
		 is_status(member->value.data, member->value.data + 3))
		members->status = member->value;
	else if (sl_span_is(member->key, "log") && member->kind != SL_JSON_LINE_WORD)
		members->log = member->value;
}

static struct members
read_members(struct sl_span object)
{
	struct members members = { 0 };
	struct sl_json_line line;
	struct sl_json_line_member member;
	bool good = sl_json_line_begin(&line, object);
	while (good && sl_json_line_next(&line, &member))
		note_member(&members, &member);
	return members;
}

/* "log" is an object with a level (ECS), or a line (Docker). */
static struct sl_level_found
find_in_log(struct sl_span line, struct sl_span log)
{
	const char *object;
	struct members members = { 0 };
	if (log.len && log.data[0] == '{')
		members = read_members(log);
	if (members.level.data)
		return found_at(line, members.level, sl_level_of_value(members.level));
	struct sl_level_found found = find_in_text(log, &object);
	if (!found.level)
		found = find_in_pairs(log);
	size_t off = found.level ? (size_t)(log.data - line.data) : 0;
	return (struct sl_level_found){ found.level, found.begin + off, found.end + off };
}

static struct sl_level_found
find_in_object(struct sl_span line, const char *object)
{
	struct members members =
		read_members(sl_span(object, (size_t)(line.data + line.len - object)));
	struct sl_level_found found = none;
	if (members.level.data)
		return found_at(line, members.level, sl_level_of_value(members.level));
	if (members.log.data)
		found = find_in_log(line, members.log);
	if (!found.level && members.status.data)
		found = found_at(line, members.status, level_of_status(members.status.data));
	return found;
}

struct sl_level_found
sl_level_find(struct sl_span line)
{
	const char *object;
	if (line.len == 0)
		return none;
	line.len = SL_MIN(line.len, (size_t)SL_LEVEL_LINE);
	struct sl_level_found found = find_in_text(line, &object);
	if (!found.level && object)
		return find_in_object(line, object);
	if (!found.level)
		found = find_in_pairs(line);
	return found.level ? found : find_status(line);
}
