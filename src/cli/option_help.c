/*
 * option_help.c - formats --help and the list of commands from the option tables, wrapped at 80
 * columns.
 */
#include "sluice/cli/options.h"

#include "sluice/base/text.h"

#include <stdio.h>

#define COLUMNS 80
#define INDENT 28 /* column at which help texts begin */

/* Append `text` wrapped at COLUMNS; the first line begins at column `at`, the others at `indent`.
 * Ends the line. */
static void
add_wrapped(struct sl_buf *out, const char *text, size_t at, size_t indent)
{
	size_t column = at;
	while (*text) {
		size_t len = strcspn(text, " "), width = sl_text_width(sl_span(text, len));
		if (column > indent && column + 1 + width > COLUMNS) {
			sl_buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			sl_buf_add_char(out, ' ');
			column++;
		}
		sl_buf_add(out, text, len);
		column += width;
		text += len;
		text += strspn(text, " ");
	}
	sl_buf_add_char(out, '\n');
}

static void
add_option(struct sl_buf *out, const struct sl_option *option)
{
	char head[80], text[1024];
	int len = 0;
	if (option->letter && option->name)
		len = snprintf(head, sizeof(head), "  -%c, --%s", option->letter, option->name);
	else if (option->name)
		len = snprintf(head, sizeof(head), "      --%s", option->name);
	else
		len = snprintf(head, sizeof(head), "  -%c", option->letter);
	if (option->omitted)
		len += snprintf(head + len, sizeof(head) - (size_t)len, "[=%s]", option->argument);
	else if (option->argument)
		len += snprintf(head + len, sizeof(head) - (size_t)len, " %s", option->argument);
	sl_assert(len > 0 && (size_t)len < sizeof(head));

	snprintf(text, sizeof(text), "%s%s%s%s", option->help, option->standard ? " Default: " : "",
		option->standard ? option->standard : "", option->standard ? "." : "");
	if (option->standard && strcmp(option->standard, ".") == 0)
		text[strlen(text) - 1] = '\0';
	if ((size_t)len + 2 > INDENT)
		sl_buf_printf(out, "%s\n%*s", head, INDENT, "");
	else
		sl_buf_printf(out, "%-*s", INDENT, head);
	add_wrapped(out, text, INDENT, INDENT);
}

void
sl_command_help(const struct sl_command *command, struct sl_buf *out)
{
	sl_buf_printf(out, "Usage: sluice %s [options] %s\n\n", command->name, command->operands);
	add_wrapped(out, command->about, 0, 0);
	const char *group = "";
	for (size_t i = 0; i < command->option_count; i++) {
		const struct sl_option *option = &command->options[i];
		if (strcmp(group, option->group) != 0)
			sl_buf_printf(out, "\n%s:\n", option->group);
		group = option->group;
		add_option(out, option);
	}
	sl_buf_add_char(out, '\n');
	add_wrapped(out,
		"Sizes accept the suffixes K, M, G and T (powers of 1024; KB for powers of 1000). "
		"Times are in seconds, or have the suffix ms, s, m or h. Options may follow "
		"operands; '--' ends the options.",
		0, 0);
	sl_buf_printf(
		out, "See sluice-%s(1) for details, exit statuses and examples.\n", command->name);
}

void
sl_command_list(struct sl_buf *out)
{
	size_t count = 0;
	const struct sl_command *commands = sl_commands(&count);
	sl_buf_add_str(out, "Usage: sluice COMMAND [options] ...\n\n");
	for (size_t i = 0; i < count; i++) {
		char head[64];
		snprintf(head, sizeof(head), "  %s %s", commands[i].name, commands[i].operands);
		sl_buf_printf(out, "%-*s%s\n", INDENT, head, commands[i].summary);
	}
	sl_buf_printf(out, "%-*s%s\n", INDENT, "  help [COMMAND]",
		"show this help, or that of a command");
	sl_buf_printf(out, "%-*s%s\n", INDENT, "  completions SHELL",
		"print the completions for bash, zsh or fish");
	sl_buf_printf(out, "\n%-*s%s\n", INDENT, "      --help", "show this help");
	sl_buf_printf(out, "%-*s", INDENT, "      --version");
	add_wrapped(out, "show the versions of the program, the engine and the libraries", INDENT,
		INDENT);
}
