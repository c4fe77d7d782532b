/*
 * option_value.c - values of options: what is a number, a size, a time, one of the choices, and in
 * which field of the result it goes.
 *
 *  - A message has the option as it was written, the value, and what would be accepted.
 */
#include "option_int.h"

#include "sluice/base/number.h"
#include "sluice/http/user_field.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct bound {
	char text[32];
};

/* A limit as the user would type it. */
static struct bound
bound(enum sl_option_kind kind, uint64_t value)
{
	static const char units[] = "KMGT";
	struct bound out;
	const char *suffix = "";
	char unit[2] = "";
	if (kind == SL_OPTION_SIZE) {
		for (size_t i = 0; units[i] && value >= 1024 && value % 1024 == 0;
			i++, value /= 1024)
			unit[0] = units[i];
		suffix = unit;
	} else if (kind == SL_OPTION_DURATION) {
		bool hours = value % (3600 * SL_NS_PER_S) == 0;
		value /= hours ? 3600 * SL_NS_PER_S : SL_NS_PER_MS;
		suffix = hours ? "h" : "ms";
	} else if (kind == SL_OPTION_MILLI) {
		snprintf(out.text, sizeof(out.text), "%.10g", (double)value / 1000);
		return out;
	}
	snprintf(out.text, sizeof(out.text), "%llu%s", (unsigned long long)value, suffix);
	return out;
}

static int
out_of_range(struct option_parser *parser, const struct sl_option *option, const char *name,
	const char *value)
{
	return option_usage(parser, "option %s: '%s' is out of range, from %s to %s", name, value,
		bound(option->kind, option->min).text, bound(option->kind, option->max).text);
}

static int
parse_number(struct option_parser *parser, const struct sl_option *option, const char *name,
	const char *value, uint64_t *out)
{
	switch (option->kind) {
	case SL_OPTION_SIZE:
		if (!sl_parse_size(value, out))
			return option_usage(parser,
				"option %s: '%s' is not a size (write it as 64M or 1.5G%s%s)", name,
				value, option->elsewhere ? "; " : "",
				option->elsewhere ? option->elsewhere : "");
		break;
	case SL_OPTION_DURATION:
		if (!sl_parse_duration(value, out))
			return option_usage(parser,
				"option %s: '%s' is not a time (write it as 30s, 500ms or 2h)",
				name, value);
		break;
	case SL_OPTION_MILLI:
		if (!sl_parse_milli(value, out))
			return option_usage(parser,
				"option %s: '%s' is not a number (write it as 10 or 0.5)", name,
				value);
		break;
	default:
		if (strspn(value, "0123456789") != strlen(value) || !*value)
			return option_usage(parser, "option %s: '%s' is not a whole number%s%s",
				name, value, option->elsewhere ? "; " : "",
				option->elsewhere ? option->elsewhere : "");
		if (!sl_parse_u64(value, strlen(value), out))
			return out_of_range(parser, option, name, value);
		break;
	}
	if (*out < option->min || *out > option->max)
		return out_of_range(parser, option, name, value);
	return 0;
}

static int
parse_choice(struct option_parser *parser, const struct sl_option *option, const char *name,
	const char *value, int *out)
{
	char known[128] = "";
	size_t len = 0;
	for (int i = 0; option->choices[i]; i++) {
		if (strcmp(option->choices[i], value) == 0) {
			*out = i;
			return 0;
		}
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i ? ", " : "",
			option->choices[i]);
		sl_assert(len < sizeof(known));
	}
	return option_usage(parser, "option %s: '%s' must be one of %s", name, value, known);
}

static int
parse_checksum(
	struct option_parser *parser, const char *name, const char *value, struct sl_checksum *out)
{
	struct sl_error why = { 0 };
	if (sl_checksum_parse(out, sl_span_str(value), &why) != 0)
		return option_usage(parser, "option %s: %s", name, why.text);
	return 0;
}

/* There are fewer words than that, so no array grows. */
static size_t
most_words(const struct option_parser *parser)
{
	return (size_t)parser->argc + 1 + (parser->config ? parser->config->count : 0);
}

int
option_add_word(struct option_parser *parser, struct sl_words *words, const char *word)
{
	if (!words->items)
		words->items = calloc(most_words(parser), sizeof(*words->items));
	if (!words->items)
		return sl_fail(parser->err, SL_PHASE_NONE, -ENOMEM, "out of memory");
	words->items[words->count++] = word;
	return 0;
}

/* Neither the value nor what cannot be told from one is shown: it may be a token. */
static int
add_header(
	struct option_parser *parser, const char *name, struct sl_words *words, const char *value)
{
	struct sl_http_header field;
	struct sl_error why = { 0 };
	if (sl_user_field_parse(&field, sl_span_str(value), &why) != 0)
		return option_usage(parser, "option %s: %s", name, why.text);
	return option_add_word(parser, words, value);
}

int
option_check_field(
	struct option_parser *parser, const char *name, const char *field, const char *value)
{
	const struct sl_http_header header = { sl_span_str(field),
		sl_span_str(value ? value : "") };
	struct sl_error why = { 0 };
	if (sl_request_check_header(&header, &why) != 0)
		return option_usage(parser, "option '--%s': %s", name, why.text);
	return 0;
}

/* Names have no slash in them: such a glob would match nothing. One at the end of a directory's is
 * ignored, as with grep. */
static int
add_rule(struct option_parser *parser, const struct sl_option *option,
	struct sl_option_rules *rules, const char *value)
{
	size_t len = strlen(value);
	while (option->min == SL_WALK_EXCLUDE_DIRECTORY && len > 1 && value[len - 1] == '/')
		len--;
	if (len == 0 || memchr(value, '/', len))
		return option_usage(parser,
			"option '--%s': '%s' cannot match: GLOB is compared with the last "
			"component of a path",
			option->name, value);
	if (!rules->items)
		rules->items = calloc(most_words(parser), sizeof(*rules->items));
	char *glob = strndup(value, len);
	if (!rules->items || !glob) {
		free(glob);
		return sl_fail(parser->err, SL_PHASE_NONE, -ENOMEM, "out of memory");
	}
	rules->items[rules->count++] =
		(struct sl_walk_rule){ (enum sl_walk_rule_kind)option->min, glob };
	return 0;
}

void
option_release_rules(struct sl_option_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free((char *)(uintptr_t)rules->items[i].glob);
	free(rules->items);
	*rules = (struct sl_option_rules){ 0 };
}

_Static_assert(sizeof(enum sl_if_exists) == sizeof(int), "parse_choice writes an int");
_Static_assert(sizeof(enum sl_sync_mode) == sizeof(int), "parse_choice writes an int");
_Static_assert(sizeof(enum sl_io_mode) == sizeof(int), "parse_choice writes an int");
_Static_assert(sizeof(enum sl_colour_when) == sizeof(int), "parse_choice writes an int");
_Static_assert(sizeof(enum sl_option_progress) == sizeof(int), "parse_choice writes an int");

static int
choose_file(struct option_parser *parser, const struct sl_option *option, const char *name,
	const char *value)
{
	if (!*value)
		return option_usage(
			parser, "option %s: %s must not be empty", name, option->argument);
	parser->choice = (struct sl_config_choice){ .path = value };
	return 0;
}

/* While the file is chosen there is no result yet. */
int
option_set_value(struct option_parser *parser, const struct sl_option *option, const char *name,
	const char *value)
{
	if (parser->is_hiding && value != option->omitted) /* which is no word of argv */
		option_hide_value(option, value);
	if (parser->is_hiding || parser->is_choosing != (option->kind == SL_OPTION_CONFIG_FILE))
		return 0;
	if (parser->is_choosing)
		return choose_file(parser, option, name, value);
	void *field = (char *)parser->result + option->offset;
	uint64_t number = 0;
	int code = 0;
	switch (option->kind) {
	case SL_OPTION_WORD:
		if (!*value)
			return option_usage(
				parser, "option %s: %s must not be empty", name, option->argument);
		*(const char **)field = value;
		return 0;
	case SL_OPTION_TEXT:
		*(const char **)field = value;
		return 0;
	case SL_OPTION_WORDS:
		return option_add_word(parser, field, value);
	case SL_OPTION_HEADERS:
		return add_header(parser, name, field, value);
	case SL_OPTION_RULE:
		return add_rule(parser, option, field, value);
	case SL_OPTION_UNSIGNED:
		code = parse_number(parser, option, name, value, &number);
		if (code == 0)
			*(unsigned *)field = sl_u32(number);
		return code;
	case SL_OPTION_NUMBER:
	case SL_OPTION_SIZE:
	case SL_OPTION_DURATION:
	case SL_OPTION_MILLI:
		return parse_number(parser, option, name, value, field);
	case SL_OPTION_CHOICE:
		/* Every enum of the results is an int wide (asserted below). */
		return parse_choice(parser, option, name, value, field);
	default:
		sl_assert(option->kind == SL_OPTION_CHECKSUM);
		return parse_checksum(parser, name, value, field);
	}
}
