/*
 * option_table.c - the options of each command: the parser, --help and the checks of the man pages
 * read these tables. Their rows are in get_rows_int.h, scan_rows_int.h and, for both commands,
 * network_rows_int.h. Each `help` text is repeated word for word in the man page
 * (scripts/check-docs compares them): change both together.
 */
#include "sluice/cli/options.h"

#define MS SL_NS_PER_MS
#define DURATION_MAX (10ull * 365 * 24 * 3600 * SL_NS_PER_S)

static const char *const if_exists_choices[] = { "auto", "skip", "replace", "rename", "fail",
	NULL };
static const char *const sync_choices[] = { "auto", "all", "none", NULL };
static const char *const io_choices[] = { "auto", "direct", "buffered", NULL };
static const char *const tls_choices[] = { "1.2", "1.3", NULL }; /* enum sl_tls_version */
static const char *const colour_choices[] = { "auto", "always", "never", NULL };
static const char *const level_choices[] = { "trace", "debug", "info", "notice", "warning", "error",
	"critical", NULL };
static const char *const progress_choices[] = { "auto", "bars", "plain", "none", NULL };

/* clang-format off */

#define FIELD(name) .offset = offsetof(RESULT, name)
#define RANGE(least, most) .min = (least), .max = (most)
#define NETWORK(name) FIELD(network.name)
#define CLEARS(name) .clears = offsetof(RESULT, name)

#define RESULT struct sl_get_options
#define LETTER(c) c
#define FOR(get, scan) get
#define FIRST(word, same) word
static const struct sl_option get_options[] = {
#include "get_rows_int.h"
};
#undef RESULT
#undef LETTER
#undef FOR
#undef FIRST

#define RESULT struct sl_scan_options
#define LETTER(c) 0
#define FOR(get, scan) scan
#define FIRST(word, same) "For URLs: " same
static const struct sl_option scan_options[] = {
#include "scan_rows_int.h"
};
#undef RESULT
#undef LETTER
#undef FOR
#undef FIRST

static const struct sl_command commands[] = {
	{ .name = "get", .operands = "URL...",
		.summary = "download files over HTTP and HTTPS",
		.about = "Downloads each URL into a file. Files are downloaded in parallel, "
		"streamed to disk in chunks, and get their names only when they are complete.",
		.options = get_options, .option_count = SL_COUNT_OF(get_options) },
	{ .name = "scan", .operands = "[FILE|DIR|URL|-]...",
		.summary = "count the lines and the error lines of logs",
		.takes_files = true,
		.about = "Counts the lines and the error lines of each input. Directories are "
		"searched recursively, and URLs are read without being stored. '-' is standard "
		"input, which is also read if no input is named and standard input is not a "
		"terminal.",
		.options = scan_options, .option_count = SL_COUNT_OF(scan_options) },
};
/* clang-format on */

const struct sl_command *
sl_commands(size_t *count)
{
	*count = SL_COUNT_OF(commands);
	return commands;
}

const struct sl_command *
sl_command_find(const char *name)
{
	for (size_t i = 0; i < SL_COUNT_OF(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}
