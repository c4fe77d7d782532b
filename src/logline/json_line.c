#include "sluice/logline/json_line.h"

static void
skip_blanks(struct sl_json_line *line)
{
	while (line->at < line->end && (*line->at == ' ' || *line->at == '\t' || *line->at == '\r'))
		line->at++;
}

/* The next character is `c`: it is taken, and blanks around it. */
static bool
take(struct sl_json_line *line, char c)
{
	skip_blanks(line);
	if (line->at == line->end || *line->at != c)
		return false;
	line->at++;
	skip_blanks(line);
	return true;
}

/* What is between two quotes. */
static bool
take_string(struct sl_json_line *line, struct sl_span *out)
{
	if (line->at == line->end || *line->at != '"')
		return false;
	const char *begin = line->at + 1, *at = begin;
	while (at < line->end && *at != '"')
		at += *at == '\\' ? 2 : 1;
	if (at >= line->end)
		return false;
	*out = sl_span(begin, (size_t)(at - begin));
	line->at = at + 1;
	return true;
}

static bool
take_nested(struct sl_json_line *line, struct sl_span *out)
{
	const char *begin = line->at;
	size_t depth = 0;
	do {
		struct sl_span text;
		char c = *line->at;
		if (c == '"' && !take_string(line, &text))
			return false;
		if (c == '"')
			continue;
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		line->at++;
	} while (depth && line->at < line->end);
	*out = sl_span(begin, (size_t)(line->at - begin));
	return depth == 0;
}

/* A number or a word: up to what ends a value. */
static bool
take_plain(struct sl_json_line *line, struct sl_span *out)
{
	const char *begin = line->at;
	while (line->at < line->end && !strchr(",}] \t\r\"{[:", *line->at))
		line->at++;
	*out = sl_span(begin, (size_t)(line->at - begin));
	return out->len > 0;
}

static bool
take_value(struct sl_json_line *line, struct sl_json_line_member *member)
{
	if (line->at == line->end)
		return false;
	char c = *line->at;
	if (c == '"') {
		member->kind = SL_JSON_LINE_STRING;
		return take_string(line, &member->value);
	}
	if (c == '{' || c == '[') {
		member->kind = SL_JSON_LINE_NESTED;
		return take_nested(line, &member->value);
	}
	member->kind = c == '-' || (c >= '0' && c <= '9') ? SL_JSON_LINE_NUMBER : SL_JSON_LINE_WORD;
	return take_plain(line, &member->value);
}

bool
sl_json_line_begin(struct sl_json_line *line, struct sl_span text)
{
	*line = (struct sl_json_line){ text.data, text.data + text.len };
	return text.len > 0 && take(line, '{');
}

bool
sl_json_line_next(struct sl_json_line *line, struct sl_json_line_member *member)
{
	bool is_member =
		take_string(line, &member->key) && take(line, ':') && take_value(line, member);
	if (!is_member || !take(line, ','))
		line->at = line->end;
	return is_member;
}
