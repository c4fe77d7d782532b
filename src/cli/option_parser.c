/*
 * option_parser.c - goes through the words of a command line, by the command's table
 * (option_table.c).
 *
 *  - Options and operands may be mixed; "--" ends the options, and "-" is an operand.
 *  - A value follows after "=", as the next word or, with a letter, in the same word; "--name="
 *    gives an empty value.
 *  - The first error ends the parsing.
 *  - The words are gone through twice: once to learn which configuration file to read, whose
 *    options come before them, and once to set the others.
 */
#include "option_int.h"

#include <stdio.h>

struct option_name
option_name(const struct sl_option *option, bool by_letter)
{
	struct option_name out;
	if (by_letter && option->name)
		snprintf(out.text, sizeof(out.text), "'-%c' (--%s)", option->letter, option->name);
	else if (by_letter)
		snprintf(out.text, sizeof(out.text), "'-%c'", option->letter);
	else
		snprintf(out.text, sizeof(out.text), "'--%s'", option->name);
	return out;
}

static int
unknown_option(struct option_parser *parser, const char *word)
{
	struct sl_option_hint hint = sl_option_hint(parser->command, word);
	if (hint.text[0])
		return option_usage(parser, "unknown option '%s': %s", word, hint.text);
	return option_usage(parser, "unknown option '%s'; 'sluice %s --help' lists the options",
		word, parser->command->name);
}

int
option_apply_flag(struct option_parser *parser, const struct sl_option *option)
{
	char *result = parser->result;
	if (parser->is_hiding)
		return 0;
	if (option->kind == SL_OPTION_SHOW_HELP)
		return SL_OPTIONS_HELP;
	if (parser->is_choosing != (option->kind == SL_OPTION_NO_CONFIG))
		return 0;
	switch (option->kind) {
	case SL_OPTION_FLAG:
	case SL_OPTION_UNFLAG:
		*(bool *)(void *)(result + option->offset) = option->kind == SL_OPTION_FLAG;
		if (option->clears)
			*(bool *)(void *)(result + option->clears) = false;
		return 0;
	case SL_OPTION_TALLY:
		*(unsigned *)(void *)(result + option->offset) += 1;
		return 0;
	case SL_OPTION_NO_CONFIG:
		parser->choice = (struct sl_config_choice){ .is_off = true };
		return 0;
	default:
		return 0;
	}
}

static int
parse_long(struct option_parser *parser, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	for (size_t i = 0; i < parser->command->option_count; i++) {
		const struct sl_option *option = &parser->command->options[i];
		if (!option->name || !sl_span_is(sl_span(word + 2, len - 2), option->name))
			continue;
		struct option_name name = option_name(option, false);
		if (!option->argument && equals)
			return option_usage(parser, "option %s takes no value", name.text);
		if (!option->argument)
			return option_apply_flag(parser, option);
		if (equals)
			return option_set_value(parser, option, name.text, equals + 1);
		if (option->omitted)
			return option_set_value(parser, option, name.text, option->omitted);
		if (parser->next == parser->argc)
			return option_usage(
				parser, "option %s needs a value: %s", name.text, option->argument);
		return option_set_value(parser, option, name.text, parser->argv[parser->next++]);
	}
	char cut[64];
	snprintf(cut, sizeof(cut), "%.*s", (int)SL_MIN(len, sizeof(cut)), word);
	return unknown_option(parser, cut);
}

/* "-j8", "-qv", "-qj", "8". */
static int
parse_letters(struct option_parser *parser, const char *word)
{
	for (const char *at = word + 1; *at; at++) {
		const struct sl_option *option = NULL;
		for (size_t i = 0; i < parser->command->option_count && !option; i++)
			if (parser->command->options[i].letter == *at)
				option = &parser->command->options[i];
		if (!option) {
			/* wget has options of two letters: "-nc". */
			bool whole = sl_option_hint(parser->command, word).text[0] != '\0';
			return unknown_option(parser, whole ? word : (char[]){ '-', *at, '\0' });
		}
		struct option_name name = option_name(option, true);
		int code = 0;
		if (!option->argument) {
			code = option_apply_flag(parser, option);
			if (code != 0)
				return code;
			continue;
		}
		if (at[1])
			return option_set_value(parser, option, name.text, at + 1);
		if (parser->next == parser->argc)
			return option_usage(
				parser, "option %s needs a value: %s", name.text, option->argument);
		return option_set_value(parser, option, name.text, parser->argv[parser->next++]);
	}
	return 0;
}

static int
take_operand(struct option_parser *parser, struct sl_words *operands, const char *word)
{
	if (parser->is_hiding)
		option_hide_value(NULL, word);
	return operands ? option_add_word(parser, operands, word) : 0;
}

int
option_parse(struct option_parser *parser, struct sl_words *operands)
{
	bool options_end = false;
	int code = 0;
	parser->next = 1;
	while (code == 0 && parser->next < parser->argc) {
		const char *word = parser->argv[parser->next++];
		if (options_end || word[0] != '-' || word[1] == '\0')
			code = take_operand(parser, operands, word);
		else if (strcmp(word, "--") == 0)
			options_end = true;
		else if (word[1] == '-')
			code = parse_long(parser, word);
		else
			code = parse_letters(parser, word);
		if (parser->is_hiding)
			code = 0; /* what is wrong is reported later */
	}
	return code;
}

int
sl_options_choose_config(struct sl_config_choice *out, const char *command, int argc, char **argv,
	struct sl_error *err)
{
	struct option_parser parser = { .command = sl_command_find(command),
		.argc = argc,
		.argv = argv,
		.err = err,
		.is_choosing = true };
	int code = option_parse(&parser, NULL);
	*out = parser.choice;
	return code;
}

void
sl_options_hide(const char *command, int argc, char **argv)
{
	struct option_parser parser = {
		.command = sl_command_find(command), .argc = argc, .argv = argv, .is_hiding = true
	};
	if (parser.command)
		(void)option_parse(&parser, NULL);
}
