/*
 * completion.c - the scripts for bash, zsh and fish.
 *
 *  - What follows an option is told by the table: one of its choices, or by the name of its
 *    argument FILE, PATH, DIR, or a text of which nothing is known.
 *  - File names are left to the shell, which knows how to quote them.
 *  - A description is the first sentence of an option's help.
 */
#include "sluice/cli/completion.h"

#include "sluice/cli/options.h"

#define SHELLS "bash zsh fish"

enum follower { FOLLOWER_TEXT, FOLLOWER_FILE, FOLLOWER_DIR, FOLLOWER_CHOICE };

static enum follower
follower(const struct sl_option *option)
{
	return option->choices                         ? FOLLOWER_CHOICE
	       : strcmp(option->argument, "FILE") == 0 ? FOLLOWER_FILE
	       : strcmp(option->argument, "PATH") == 0 ? FOLLOWER_FILE
	       : strcmp(option->argument, "DIR") == 0  ? FOLLOWER_DIR
						       : FOLLOWER_TEXT;
}

static bool
is_repeatable(const struct sl_option *option)
{
	return option->kind == SL_OPTION_WORDS || option->kind == SL_OPTION_HEADERS ||
	       option->kind == SL_OPTION_RULE || option->kind == SL_OPTION_TALLY;
}

static void
add_choices(struct sl_buf *out, const struct sl_option *option)
{
	for (size_t i = 0; option->choices[i]; i++)
		sl_buf_printf(out, "%s%s", i ? " " : "", option->choices[i]);
}

/* Each byte of `escaped` with a backslash before it, and single quotes as a shell takes them within
 * single quotes. */
static void
add_escaped(struct sl_buf *out, struct sl_span text, const char *escaped, const char *quote)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\'') {
			sl_buf_add_str(out, quote);
			continue;
		}
		if (strchr(escaped, text.data[i]))
			sl_buf_add_char(out, '\\');
		sl_buf_add_char(out, text.data[i]);
	}
}

/* Its first sentence. */
static void
add_summary(struct sl_buf *out, const char *help, const char *escaped, const char *quote)
{
	const char *end = strstr(help, ". ");
	size_t len = end ? (size_t)(end - help) : strlen(help);
	if (!end && len && help[len - 1] == '.')
		len--;
	add_escaped(out, sl_span(help, len), escaped, quote);
}

/* ---- bash ---- */

static const char bash_begin[] =
	"# bash completion for sluice, made by 'sluice completions bash'\n"
	"\n"
	"_sluice()\n"
	"{\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"	local prefix= equals= words=\n"
	"	COMPREPLY=()\n"
	"	# '=' is a word of its own, unless COMP_WORDBREAKS lacks it.\n"
	"	if [[ $cur == = ]]; then\n"
	"		cur= equals=yes\n"
	"	elif [[ $prev == = ]] && ((COMP_CWORD > 2)); then\n"
	"		prev=${COMP_WORDS[COMP_CWORD - 2]} equals=yes\n"
	"	elif [[ $cur == --*=* ]]; then\n"
	"		prefix=${cur%%=*}= prev=${cur%%=*} cur=${cur#*=} equals=yes\n"
	"	fi\n"
	"	# Where no word is found, and these options are not taken back, bash completes "
	"file names.\n"
	"	case $((COMP_CWORD > 1)):${COMP_WORDS[1]}:$prev in\n";

static const char bash_end[] = "	*)\n"
			       "		case ${COMP_WORDS[1]}:$equals$cur in\n";

static const char bash_last[] =
	"		esac ;;\n"
	"	esac\n"
	"	compopt +o default +o bashdefault\n"
	"	COMPREPLY=($(compgen -P \"$prefix\" -W \"$words\" -- \"$cur\"))\n"
	"}\n"
	"complete -o bashdefault -o default -F _sluice sluice\n";

static void
add_bash_pattern(struct sl_buf *out, const char *command, const struct sl_option *option,
	const char *separator)
{
	if (option->letter)
		sl_buf_printf(out, "%s1:%s:-%c", separator, command, option->letter);
	if (option->name)
		sl_buf_printf(out, "%s1:%s:--%s", option->letter ? "|" : separator, command,
			option->name);
}

/* One branch for all options that are followed by the same. An option whose value may be omitted
 * has it only after '=', so that the next word is not one. */
static void
add_bash_branch(struct sl_buf *out, const struct sl_command *command, enum follower kind,
	const char *action)
{
	size_t count = 0;
	for (size_t i = 0; i < command->option_count; i++) {
		const struct sl_option *option = &command->options[i];
		if (option->argument && !option->omitted && follower(option) == kind)
			add_bash_pattern(out, command->name, option, count++ ? "|\\\n\t" : "\t");
	}
	if (count)
		sl_buf_printf(out, ")\n\t\t%s ;;\n", action);
}

static void
add_bash_choices(struct sl_buf *out, const struct sl_command *command)
{
	for (size_t i = 0; i < command->option_count; i++) {
		const struct sl_option *option = &command->options[i];
		if (!option->choices)
			continue;
		add_bash_pattern(out, command->name, option, "\t");
		sl_buf_add_str(out, ") words='");
		add_choices(out, option);
		sl_buf_add_str(out, "' ;;\n");
	}
}

static void
add_bash_names(struct sl_buf *out, const struct sl_command *command)
{
	sl_buf_printf(out, "\t\t%s:-*) words='", command->name);
	for (size_t i = 0; i < command->option_count; i++) {
		const struct sl_option *option = &command->options[i];
		if (option->letter)
			sl_buf_printf(out, "-%c ", option->letter);
		if (option->name)
			sl_buf_printf(out, "--%s ", option->name);
	}
	sl_buf_add_str(out, "' ;;\n");
	if (command->takes_files)
		sl_buf_printf(out, "\t\t%s:yes*) ;;\n\t\t%s:*) return ;;\n", command->name,
			command->name);
}

static void
add_bash(struct sl_buf *out, const struct sl_command *commands, size_t count)
{
	sl_buf_add_str(out, bash_begin);
	sl_buf_add_str(out, "\t0:*) words='");
	for (size_t i = 0; i < count; i++)
		sl_buf_printf(out, "%s ", commands[i].name);
	sl_buf_add_str(out, "completions help --help --version' ;;\n\t1:help:help) words='");
	for (size_t i = 0; i < count; i++)
		sl_buf_printf(out, "%s ", commands[i].name);
	sl_buf_add_str(out, "' ;;\n\t1:completions:completions) words='" SHELLS "' ;;\n");
	for (size_t i = 0; i < count; i++) {
		add_bash_choices(out, &commands[i]);
		add_bash_branch(out, &commands[i], FOLLOWER_FILE, "return");
		add_bash_branch(out, &commands[i], FOLLOWER_DIR,
			"compopt -o dirnames +o default +o bashdefault; return");
		add_bash_branch(out, &commands[i], FOLLOWER_TEXT, ":");
	}
	sl_buf_add_str(out, bash_end);
	for (size_t i = 0; i < count; i++)
		add_bash_names(out, &commands[i]);
	sl_buf_add_str(out, bash_last);
}

/* ---- zsh ---- */

static void
add_zsh_action(struct sl_buf *out, const struct sl_option *option)
{
	static const char *const actions[] = {
		[FOLLOWER_TEXT] = " ", [FOLLOWER_FILE] = "_files", [FOLLOWER_DIR] = "_files -/"
	};
	if (option->choices) {
		sl_buf_add_char(out, '(');
		add_choices(out, option);
		sl_buf_add_char(out, ')');
	} else if (option->omitted)
		sl_buf_printf(out, "(%s)", option->omitted);
	else
		sl_buf_add_str(out, actions[follower(option)]);
}

/* '(-d --dir)-d+[Save files in the directory DIR]:DIR:_files -/' */
static void
add_zsh_spec(struct sl_buf *out, const struct sl_option *option, bool by_letter)
{
	sl_buf_add_str(out, " \\\n\t\t\t'");
	if (is_repeatable(option))
		sl_buf_add_char(out, '*');
	else if (option->kind == SL_OPTION_SHOW_HELP)
		sl_buf_add_str(out, "(- *)");
	else if (option->letter && option->name)
		sl_buf_printf(out, "(-%c --%s)", option->letter, option->name);
	if (by_letter)
		sl_buf_printf(out, "-%c%s", option->letter, option->argument ? "+" : "");
	else
		sl_buf_printf(out, "--%s%s", option->name,
			option->omitted    ? "=-"
			: option->argument ? "="
					   : "");
	sl_buf_add_char(out, '[');
	add_summary(out, option->help, "[]\\", "'\\''");
	sl_buf_add_char(out, ']');
	if (option->argument) {
		sl_buf_add_str(out, option->omitted ? "::" : ":");
		add_escaped(out, sl_span_str(option->argument), ":\\", "'\\''");
		sl_buf_add_char(out, ':');
		add_zsh_action(out, option);
	}
	sl_buf_add_char(out, '\'');
}

static void
add_zsh_command(struct sl_buf *out, const struct sl_command *command)
{
	sl_buf_printf(out, "\t%s)\n\t\t_arguments -s -S", command->name);
	for (size_t i = 0; i < command->option_count; i++) {
		const struct sl_option *option = &command->options[i];
		if (option->letter)
			add_zsh_spec(out, option, true);
		if (option->name)
			add_zsh_spec(out, option, false);
	}
	sl_buf_printf(out, " \\\n\t\t\t'*:%s:%s' ;;\n", command->takes_files ? "input" : "URL",
		command->takes_files ? "_files" : " ");
}

static void
add_zsh(struct sl_buf *out, const struct sl_command *commands, size_t count)
{
	sl_buf_add_str(out, "#compdef sluice\n"
			    "# zsh completion for sluice, made by 'sluice completions zsh'\n"
			    "\n"
			    "_sluice() {\n"
			    "	local curcontext=$curcontext state line\n"
			    "	local -a commands names\n"
			    "	typeset -A opt_args\n"
			    "	names=(");
	for (size_t i = 0; i < count; i++)
		sl_buf_printf(out, "%s%s", i ? " " : "", commands[i].name);
	sl_buf_add_str(out, ")\n	commands=(\n");
	for (size_t i = 0; i < count; i++) {
		sl_buf_printf(out, "\t\t'%s:", commands[i].name);
		add_summary(out, commands[i].summary, "\\:", "'\\''");
		sl_buf_add_str(out, "'\n");
	}
	sl_buf_add_str(out,
		"		'completions:print the completions for a shell'\n"
		"		'help:show the options of a command'\n"
		"	)\n"
		"	_arguments -C '(- *)--help[Show the list of commands]' \\\n"
		"		'(- *)--version[Show the versions of program and libraries]' \\\n"
		"		'1: :->command' '*:: :->words'\n"
		"	[[ $state != command ]] || _describe command commands\n"
		"	[[ $state == words ]] || return\n"
		"	curcontext=\"${curcontext%:*:*}:sluice-$words[1]:\"\n"
		"	case $words[1] in\n"
		"	help) _arguments \"1:command:($names)\" ;;\n"
		"	completions) _arguments '1:shell:(" SHELLS ")' ;;\n");
	for (size_t i = 0; i < count; i++)
		add_zsh_command(out, &commands[i]);
	sl_buf_add_str(out, "	esac\n"
			    "}\n"
			    "\n"
			    "# As a function of $fpath it is called; sourced, it is registered.\n"
			    "if [[ $funcstack[1] == _sluice ]]; then\n"
			    "	_sluice \"$@\"\n"
			    "else\n"
			    "	compdef _sluice sluice\n"
			    "fi\n");
}

/* ---- fish ---- */

static void
add_fish_option(
	struct sl_buf *out, const struct sl_command *command, const struct sl_option *option)
{
	sl_buf_printf(out, "complete -c sluice -n '__sluice_is %s'", command->name);
	if (option->letter)
		sl_buf_printf(out, " -s %c", option->letter);
	if (option->name)
		sl_buf_printf(out, " -l %s", option->name);
	if (option->argument && option->choices) {
		sl_buf_add_str(out, " -x -a '");
		add_choices(out, option);
		sl_buf_add_char(out, '\'');
	} else if (option->omitted) {
		sl_buf_printf(out, " -f -a %s", option->omitted);
	} else if (option->argument) {
		static const char *const actions[] = { [FOLLOWER_TEXT] = " -x",
			[FOLLOWER_FILE] = " -r -F",
			[FOLLOWER_DIR] = " -x -a '(__fish_complete_directories)'" };
		sl_buf_add_str(out, actions[follower(option)]);
	}
	sl_buf_add_str(out, " -d '");
	add_summary(out, option->help, "\\", "\\'");
	sl_buf_add_str(out, "'\n");
}

static void
add_fish_word(struct sl_buf *out, const char *condition, const char *word, const char *summary)
{
	sl_buf_printf(out, "complete -c sluice -n '%s' -f -a '%s' -d '", condition, word);
	add_summary(out, summary, "\\", "\\'");
	sl_buf_add_str(out, "'\n");
}

static void
add_fish(struct sl_buf *out, const struct sl_command *commands, size_t count)
{
	sl_buf_add_str(out,
		"# fish completion for sluice, made by 'sluice completions fish'\n"
		"\n"
		"function __sluice_has_no_command\n"
		"	test (count (commandline -opc)) -eq 1\n"
		"end\n"
		"\n"
		"function __sluice_is\n"
		"	set -l words (commandline -opc)\n"
		"	test (count $words) -ge 2; and test $words[2] = $argv[1]\n"
		"end\n"
		"\n"
		"complete -c sluice -e\n"
		"complete -c sluice -n __sluice_has_no_command -f\n"
		"complete -c sluice -n __sluice_has_no_command -l help -d 'Show the commands'\n"
		"complete -c sluice -n __sluice_has_no_command -l version -d 'Show the "
		"versions'\n");
	for (size_t i = 0; i < count; i++) {
		add_fish_word(
			out, "__sluice_has_no_command", commands[i].name, commands[i].summary);
		add_fish_word(out, "__sluice_is help", commands[i].name, commands[i].summary);
	}
	add_fish_word(
		out, "__sluice_has_no_command", "completions", "print the completions for a shell");
	add_fish_word(out, "__sluice_has_no_command", "help", "show the options of a command");
	add_fish_word(out, "__sluice_is completions", SHELLS, "shell");
	for (size_t i = 0; i < count; i++) {
		if (!commands[i].takes_files)
			sl_buf_printf(out, "complete -c sluice -n '__sluice_is %s' -f\n",
				commands[i].name);
		for (size_t j = 0; j < commands[i].option_count; j++)
			add_fish_option(out, &commands[i], &commands[i].options[j]);
	}
}

bool
sl_completion_script(struct sl_buf *out, const char *shell)
{
	static const struct {
		const char *name;
		void (*add)(struct sl_buf *out, const struct sl_command *commands, size_t count);
	} shells[] = { { "bash", add_bash }, { "zsh", add_zsh }, { "fish", add_fish } };
	size_t count = 0;
	const struct sl_command *commands = sl_commands(&count);
	for (size_t i = 0; i < SL_COUNT_OF(shells); i++)
		if (strcmp(shells[i].name, shell) == 0) {
			shells[i].add(out, commands, count);
			return true;
		}
	return false;
}
