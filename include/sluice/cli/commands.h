/*
 * commands.h - the commands that main runs.
 */
#ifndef SLUICE_CLI_COMMANDS_H
#define SLUICE_CLI_COMMANDS_H

/*
 * Run a command: argv[0] is its own word ("get"). Called once, by main, after
 * sl_console_open(), outside any runtime. Returns the exit status; does not return if a signal
 * ended the run.
 */
int sl_cmd_get(int argc, char **argv);
int sl_cmd_scan(int argc, char **argv);
int sl_cmd_help(int argc, char **argv);
int sl_cmd_completions(int argc, char **argv);
int sl_cmd_version(void);

/* Write what `sluice NAME --help` shows to standard output. Returns the exit status. */
int sl_show_help(const char *name);

/* Write the list of commands, as `sluice --help` does. Returns the exit status. */
int sl_show_commands(void);

#endif
