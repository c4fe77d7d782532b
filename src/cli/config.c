/*
 * config.c - parses configuration files line by line.
 *
 *  - Names and values are copied to one array that is never reallocated, so that a secret is in one
 *    place, which is wiped at the end. Each takes a NUL in it. It has room, since a name is
 *    followed by something else in the text or by the end of the line, and so is a value.
 *  - Messages never show a value: it may be a password.
 */
#include "sluice/cli/config.h"

#include "sluice/base/text.h"

#include <errno.h>
#include <stdlib.h>

#define NAME_SHOWN 64 /* bytes of a name in messages */

struct parser {
	struct sl_config *config;
	size_t room; /* of items */
	unsigned line;
	struct sl_error *err;
};

static int
wrong(struct parser *parser, const char *why)
{
	return sl_config_fail(parser->config, parser->line, SL_E_USAGE, why, parser->err);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

static void
skip_blanks(struct sl_span *rest)
{
	while (rest->len && is_blank(rest->data[0]))
		*rest = sl_span(rest->data + 1, rest->len - 1);
}

/* What follows a name without a value, a section and a value in quotes. */
static bool
is_end(struct sl_span rest)
{
	skip_blanks(&rest);
	return rest.len == 0 || rest.data[0] == '#';
}

static void
store_char(struct parser *parser, char c)
{
	parser->config->store[parser->config->store_len++] = c;
}

static const char *
store_span(struct parser *parser, struct sl_span text)
{
	const char *out = parser->config->store + parser->config->store_len;
	for (size_t i = 0; i < text.len; i++)
		store_char(parser, text.data[i]);
	store_char(parser, '\0');
	return out;
}

static struct sl_span
take_name(struct sl_span *rest)
{
	size_t len = 0;
	while (len < rest->len && is_name(rest->data[len]))
		len++;
	struct sl_span name = sl_span(rest->data, len);
	*rest = sl_span(rest->data + len, rest->len - len);
	return name;
}

/* `rest` begins with the quotation mark. */
static int
take_quoted(struct parser *parser, struct sl_span rest, const char **value)
{
	char quote = rest.data[0];
	size_t at = 1;
	*value = parser->config->store + parser->config->store_len;
	for (; at < rest.len && rest.data[at] != quote; at++) {
		char c = rest.data[at];
		if (quote == '"' && c == '\\') {
			char escaped = ++at < rest.len ? rest.data[at] : '\0';
			if (escaped != '"' && escaped != '\\' && escaped != 't')
				return wrong(parser,
					"in double quotes a backslash must be followed by \\, \" "
					"or t (use single quotes, in which it stands for itself)");
			c = escaped == 't' ? '\t' : escaped;
		}
		store_char(parser, c);
	}
	store_char(parser, '\0');
	if (at == rest.len)
		return wrong(parser, "the quotation mark that ends the value is missing");
	rest = sl_span(rest.data + at + 1, rest.len - at - 1);
	if (!is_end(rest) || (rest.len && rest.data[0] == '#'))
		return wrong(parser, "the line goes on after the value in quotes");
	return 0;
}

/* `rest` is what follows the name. */
static int
take_value(struct parser *parser, struct sl_span rest, const char **value)
{
	bool has_equals = false;
	*value = NULL;
	skip_blanks(&rest);
	if (rest.len && rest.data[0] == '=') {
		has_equals = true;
		rest = sl_span(rest.data + 1, rest.len - 1);
		skip_blanks(&rest);
	}
	if (!has_equals && is_end(rest))
		return 0;
	if (rest.len && (rest.data[0] == '"' || rest.data[0] == '\''))
		return take_quoted(parser, rest, value);
	rest = sl_span_trim(rest);
	for (size_t i = 0; i < rest.len; i++)
		if (rest.data[i] == '#' && (i == 0 || is_blank(rest.data[i - 1])))
			return wrong(parser,
				"the value has a '#' after a blank: put the value into quotes, or "
				"the comment on a line of its own");
	*value = store_span(parser, rest);
	return 0;
}

static int
parse_section(struct parser *parser, struct sl_span rest, struct sl_config_item *item)
{
	rest = sl_span(rest.data + 1, rest.len - 1);
	struct sl_span name = take_name(&rest);
	item->is_section = true;
	if (name.len == 0 || rest.len == 0 || rest.data[0] != ']')
		return wrong(parser, "a section is written as [get] or [scan]");
	if (!is_end(sl_span(rest.data + 1, rest.len - 1)))
		return wrong(parser, "the line goes on after the section");
	item->name = store_span(parser, name);
	return 0;
}

static int
parse_option(struct parser *parser, struct sl_span rest, struct sl_config_item *item)
{
	struct sl_span name = take_name(&rest);
	if (name.len == 0 || (rest.len && rest.data[0] != '=' && !is_blank(rest.data[0])))
		return wrong(parser,
			"not an option (write NAME, NAME=VALUE or a comment that begins with '#')");
	if (name.len > NAME_SHOWN)
		return wrong(parser, "the name of the option is too long");
	item->name = store_span(parser, name);
	return take_value(parser, rest, &item->value);
}

static int
add_room(struct parser *parser)
{
	struct sl_config *config = parser->config;
	if (config->count < parser->room)
		return 0;
	if (config->count == SL_CONFIG_ITEMS)
		return wrong(parser, "the file has more than 1000 options and sections");
	size_t room = SL_MIN(SL_MAX(2 * parser->room, (size_t)16), (size_t)SL_CONFIG_ITEMS);
	struct sl_config_item *items = reallocarray(config->items, room, sizeof(*config->items));
	if (!items)
		return sl_fail(parser->err, SL_PHASE_NONE, -ENOMEM, "out of memory");
	config->items = items;
	parser->room = room;
	return 0;
}

static bool
has_control(struct sl_span line)
{
	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.data[i] < 0x20 && line.data[i] != '\t') ||
			line.data[i] == 0x7f)
			return true;
	return false;
}

static int
parse_line(struct parser *parser, struct sl_span line)
{
	struct sl_config_item item = { .line = parser->line };
	if (line.len > SL_CONFIG_LINE)
		return wrong(parser, "the line has more than 16 KiB");
	if (has_control(line))
		return wrong(parser, "the line has a control byte (the file must be text)");
	skip_blanks(&line);
	if (is_end(line))
		return 0;
	int code = add_room(parser);
	if (code)
		return code;
	code = line.data[0] == '[' ? parse_section(parser, line, &item)
				   : parse_option(parser, line, &item);
	if (code == 0)
		parser->config->items[parser->config->count++] = item;
	return code;
}

static struct sl_span
take_line(struct sl_span *rest)
{
	struct sl_span line;
	if (!sl_span_take_until(rest, '\n', &line)) {
		line = *rest;
		*rest = sl_span(rest->data + rest->len, 0);
		return line;
	}
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

int
sl_config_parse(struct sl_config *out, struct sl_span text, struct sl_error *err)
{
	struct parser parser = { .config = out, .err = err };
	if (text.len > SL_CONFIG_BYTES)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"'%s' has more than 256 KiB (is it a configuration file?)", out->path);
	out->store = malloc(text.len + 2);
	if (!out->store)
		return sl_fail(err, SL_PHASE_NONE, -ENOMEM, "out of memory");
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = sl_span(text.data + 3, text.len - 3);
	int code = 0;
	while (text.len && code == 0) {
		parser.line++;
		code = parse_line(&parser, take_line(&text));
	}
	return code;
}

int
sl_config_fail(const struct sl_config *config, unsigned line, int code, const char *why,
	struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_NONE, code, "'%s' line %u: %s", config->path, line, why);
}

void
sl_config_release(struct sl_config *config)
{
	if (config->store)
		explicit_bzero(config->store, config->store_len);
	free(config->store);
	free(config->items);
	free(config->path);
	*config = (struct sl_config){ 0 };
}
