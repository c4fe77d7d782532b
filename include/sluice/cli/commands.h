/*
 * commands.h - the commands that main runs, and the exit statuses, which scripts rely on (EXIT
 * STATUS in the man pages).
 */
#ifndef SLUICE_CLI_COMMANDS_H
#define SLUICE_CLI_COMMANDS_H

/* aria2's numbers, for the failures that aria2 has a number for. */
enum sl_exit {
	SL_EXIT_DONE = 0,
	SL_EXIT_OTHER = 1, /* also: io_uring is not permitted, out of memory */
	SL_EXIT_TIMEOUT = 2,
	SL_EXIT_NOT_FOUND = 3, /* 404, 410 */
	SL_EXIT_CONNECT = 6,   /* refused, reset, unreachable */
	SL_EXIT_NO_SPACE = 9,
	SL_EXIT_IN_USE = 11, /* by another run */
	SL_EXIT_EXISTS = 13, /* the file exists, or a name is used twice */
	SL_EXIT_RENAME = 14,
	SL_EXIT_OPEN = 15,
	SL_EXIT_CREATE = 16,
	SL_EXIT_IO = 17,
	SL_EXIT_DIRECTORY = 18,
	SL_EXIT_RESOLVE = 19,
	SL_EXIT_PROTOCOL = 22, /* another HTTP status, bad framing, body cut short */
	SL_EXIT_REDIRECT = 23,
	SL_EXIT_AUTH = 24, /* 401, 403, 407 */
	SL_EXIT_USAGE = 28,
	SL_EXIT_UNAVAILABLE = 29, /* 429, 502, 503, 504 */
	SL_EXIT_CHECKSUM = 32,
	SL_EXIT_TLS = 35,
};

/* grep's, for `sluice scan`. */
enum sl_exit_scan {
	SL_EXIT_SCAN_FOUND = 0,
	SL_EXIT_SCAN_NONE = 1,
	SL_EXIT_SCAN_TROUBLE = 2, /* usage, or something could not be read or decided */
};

/*
 * Run a command: argv[0] is its own word ("get"). Called once, by main, after sl_signal_block() and
 * sl_console_open(), outside any runtime. Returns the exit status; does not return if a signal
 * ended the run.
 */
int sl_cmd_get(int argc, char **argv);
int sl_cmd_scan(int argc, char **argv);
int sl_cmd_help(int argc, char **argv);
int sl_cmd_version(void);

/* Write what `sluice NAME --help` shows to standard output. Returns the exit status. */
int sl_show_help(const char *name);

/* Write the list of commands, as `sluice --help` does. Returns the exit status. */
int sl_show_commands(void);

#endif
