/*
 * main.c - prepares the process (descriptors 0 to 2, signals, the console) and runs the command.
 */
#include "sluice/base/log.h"
#include "sluice/cli/arguments.h"
#include "sluice/cli/commands.h"
#include "sluice/cli/console.h"
#include "sluice/cli/exit_status.h"
#include "sluice/cli/options.h"
#include "sluice/http/url.h"
#include "sluice/rt/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * If a descriptor below 3 is closed, the next file opened would get its number, and messages for
 * the terminal would be written into that file. Such a descriptor is opened on /dev/null with the
 * wrong access mode, so that using it fails as on a closed one.
 */
static void
fill_standard_descriptors(void)
{
	static const int wrong_modes[] = { O_WRONLY, O_RDONLY, O_WRONLY };
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
			open("/dev/null", wrong_modes[fd]) != fd)
			_exit(SL_EXIT_OTHER);
}

/* Threads that allocate share so many arenas of glibc. Each keeps what is freed in it; there would
 * be up to eight for each CPU, which --max-memory does not include. */
#define ARENAS 4

static void
limit_arenas(void)
{
#ifdef M_ARENA_MAX
	(void)mallopt(M_ARENA_MAX, ARENAS);
#endif
}

static int
wrong_command(const char *word)
{
	if (strstr(word, "://")) {
		struct sl_buf shown = { 0 };
		sl_url_show(&shown, sl_span_str(word));
		sl_log_error("no command given: to download the URL, 'sluice get %s'",
			shown.data ? shown.data : "URL");
		sl_buf_release(&shown);
	} else if (strcmp(word, "-h") == 0 || strcmp(word, "-V") == 0)
		sl_log_error("unknown option '%s': use --help or --version", word);
	else if (word[0] == '-')
		sl_log_error("unknown option '%s': options come after the command, as in 'sluice "
			     "get %s'",
			word, word);
	else if (access(word, F_OK) == 0)
		sl_log_error("unknown command '%s': to count the error lines of a file, 'sluice "
			     "scan %s'",
			word, word);
	else
		sl_log_error("unknown command '%s'; 'sluice help' lists the commands", word);
	return SL_EXIT_USAGE;
}

static int
run_command(int argc, char **argv)
{
	const char *word = argv[1];
	if (strcmp(word, "get") == 0)
		return sl_cmd_get(argc - 1, argv + 1);
	if (strcmp(word, "scan") == 0)
		return sl_cmd_scan(argc - 1, argv + 1);
	if (strcmp(word, "help") == 0)
		return sl_cmd_help(argc - 1, argv + 1);
	if (strcmp(word, "completions") == 0)
		return sl_cmd_completions(argc - 1, argv + 1);
	if (strcmp(word, "--help") == 0)
		return sl_show_commands();
	if (strcmp(word, "--version") == 0)
		return sl_cmd_version();
	return wrong_command(word);
}

int
main(int argc, char **argv)
{
	struct sl_arguments arguments = { 0 };
	fill_standard_descriptors();
	limit_arenas();
	sl_signal_ignore_write_errors();
	sl_console_open();
	if (argc < 2) {
		sl_log_error("no command given; 'sluice help' lists the commands");
		return SL_EXIT_USAGE;
	}
	if (sl_arguments_take(&arguments, argc, argv) < 0) {
		sl_log_error("cannot start: out of memory");
		return SL_EXIT_OTHER;
	}
	int status = run_command(arguments.count, arguments.words);
	sl_arguments_release(&arguments);
	return status;
}
