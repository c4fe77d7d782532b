/*
 * option_config.c - applies the items of a configuration file to the options of a command.
 *
 *  - What stands before the first section is for every command that has the option, and an error if
 *    none has. What stands in the section of another command is not looked at.
 *  - Long names only: letters differ between commands and between versions of other programs.
 */
#include "option_int.h"

#include "sluice/base/log.h"
#include "sluice/base/redact.h"

#include <stdio.h>

static const struct sl_option *
find(const struct sl_command *command, const char *name)
{
	for (size_t i = 0; i < command->option_count; i++)
		if (command->options[i].name && strcmp(command->options[i].name, name) == 0)
			return &command->options[i];
	return NULL;
}

static const char *
without_dashes(const char *name)
{
	return strncmp(name, "--", 2) == 0 ? name + 2 : name;
}

static bool
is_of_any_command(const char *name)
{
	size_t count = 0;
	const struct sl_command *commands = sl_commands(&count);
	for (size_t i = 0; i < count; i++)
		if (find(&commands[i], name))
			return true;
	return false;
}

static int
unknown(struct option_parser *parser, const char *name)
{
	char word[80];
	snprintf(word, sizeof(word), "--%s", name);
	struct sl_option_hint hint = sl_option_hint(parser->command, word);
	if (is_of_any_command(name))
		return option_usage(
			parser, "'sluice %s' has no option '%s'", parser->command->name, name);
	return option_usage(
		parser, "unknown option '%s'%s%s", name, hint.text[0] ? ": " : "", hint.text);
}

/* What a shell would have replaced; a directory of that name would be a surprise. */
static bool
is_home(const struct sl_option *option, const char *value)
{
	bool is_path = strcmp(option->argument, "FILE") == 0 ||
		       strcmp(option->argument, "DIR") == 0 ||
		       strcmp(option->argument, "PATH") == 0;
	return is_path && value[0] == '~' && (value[1] == '/' || value[1] == '\0');
}

static int
apply_option(struct option_parser *parser, const struct sl_config_item *item,
	const struct sl_option *option)
{
	struct option_name name = option_name(option, false);
	if (option->kind == SL_OPTION_SHOW_HELP || option->kind == SL_OPTION_CONFIG_FILE ||
		option->kind == SL_OPTION_NO_CONFIG)
		return option_usage(parser, "option %s is for the command line only", name.text);
	if (option->argument && item->value && is_home(option, item->value))
		return option_usage(parser,
			"option %s: '~' is not replaced by the home directory here: write the "
			"whole "
			"path",
			name.text);
	if (option->argument && item->value)
		return option_set_value(parser, option, name.text, item->value);
	if (option->argument && option->omitted)
		return option_set_value(parser, option, name.text, option->omitted);
	if (option->argument)
		return option_usage(
			parser, "option %s needs a value: %s", name.text, option->argument);
	if (item->value)
		return option_usage(
			parser, "option %s takes no value: write the name alone", name.text);
	return option_apply_flag(parser, option);
}

/* `is_common`: before the first section. */
static int
apply_item(struct option_parser *parser, const struct sl_config_item *item, bool is_common)
{
	const char *name = without_dashes(item->name);
	if (name[0] == '-' || !name[0] || !name[1])
		return option_usage(parser,
			"'%s' is not the long name of an option, such as 'jobs' for -j",
			item->name);
	const struct sl_option *option = find(parser->command, name);
	if (option)
		return apply_option(parser, item, option);
	return is_common && is_of_any_command(name) ? 0 : unknown(parser, name);
}

static void
warn_about_secret(const struct sl_config *config, const struct sl_config_item *item)
{
	sl_log_warn("'%s' line %u: '%s' may be secret, and other users may read the file: use "
		    "'chmod 600' on it",
		config->path, item->line, item->name);
}

/* By the option, or by what stands in the value: a field such as Authorization, a URL with a
 * password. */
static bool
is_secret(const struct sl_command *command, const struct sl_config_item *item)
{
	const struct sl_option *option = find(command, without_dashes(item->name));
	struct sl_buf shown = { 0 };
	if (!option || !item->value)
		return false;
	sl_redact(&shown, sl_span_str(item->value));
	bool is_changed = !sl_span_is(sl_buf_span(&shown), item->value);
	sl_buf_release(&shown);
	return is_changed || (option->secret_mark && strchr(item->value, option->secret_mark));
}

int
option_apply_config(struct option_parser *parser)
{
	const struct sl_config *config = parser->config;
	struct sl_error *outer = parser->err;
	const char *section = NULL;
	bool has_warned = config && !config->is_read_by_others;
	int code = 0;
	for (size_t i = 0; config && i < config->count && code == 0; i++) {
		const struct sl_config_item *item = &config->items[i];
		struct sl_error err = { 0 };
		parser->err = &err;
		if (item->is_section && !sl_command_find(item->name))
			code = option_usage(
				parser, "unknown section '[%s]' (use [get] or [scan])", item->name);
		else if (item->is_section)
			section = item->name;
		else if (!section || strcmp(section, parser->command->name) == 0)
			code = apply_item(parser, item, !section);
		if (code)
			sl_config_fail(config, item->line, code, err.text, outer);
		else if (!item->is_section && !has_warned && is_secret(parser->command, item)) {
			warn_about_secret(config, item);
			has_warned = true;
		}
	}
	parser->err = outer;
	return code;
}
