/*
 * options - prints the option tables for scripts/check-docs: a line each of command, letter, long
 * name, argument, default and words, separated by TAB; "-" stands for what there is not.
 */
#include "sluice/cli/options.h"

#include <stdio.h>

static const char *
or_dash(const char *text)
{
	return text ? text : "-";
}

int
main(void)
{
	size_t count = 0;
	const struct sl_command *commands = sl_commands(&count);
	for (size_t c = 0; c < count; c++) {
		for (size_t i = 0; i < commands[c].option_count; i++) {
			const struct sl_option *option = &commands[c].options[i];
			printf("%s\t%c\t%s\t%s\t%s\t%s\n", commands[c].name,
				option->letter ? option->letter : '-', or_dash(option->name),
				or_dash(option->argument), or_dash(option->standard), option->help);
		}
	}
	return 0;
}
