/*
 * The tables. The words of `help` stand in the man pages too (scripts/check-docs compares them), so
 * that changing one means changing both.
 */
#include "sluice/cli/options.h"

#define MS SL_NS_PER_MS
#define DURATION_MAX (10ull * 365 * 24 * 3600 * SL_NS_PER_S)

static const char *const if_exists_choices[] = { "auto", "skip", "replace", "rename", "fail",
	NULL };
static const char *const sync_choices[] = { "auto", "all", "none", NULL };
static const char *const io_choices[] = { "auto", "direct", "buffered", NULL };
static const char *const colour_choices[] = { "auto", "always", "never", NULL };
static const char *const progress_choices[] = { "auto", "bars", "plain", "none", NULL };

/* clang-format off */

#define FIELD(name) .offset = offsetof(RESULT, name)
#define RANGE(least, most) .min = (least), .max = (most)

#define RESULT struct sl_get_options
static const struct sl_option get_options[] = {
	{ .group = "What and where", .letter = 'i', .name = "input-file", .argument = "FILE",
		.kind = SL_OPTION_WORD, FIELD(input_file),
		.help = "Also fetch what FILE lists, or standard input for '-': one URL a line, "
		"or an input file of aria2, in which the URLs of one file are separated by TAB (they "
		"are tried in turn) and indented lines below them set out=NAME, dir=DIR, "
		"checksum=ALG=HEX, header=NAME: VALUE, referer=URL, user-agent=NAME, "
		"http-user=USER, http-passwd=PASSWORD or remote-time=true|false. Empty lines and lines that begin with '#' "
		"are skipped." },
	{ .group = "What and where", .letter = 'o', .name = "output", .argument = "FILE",
		.kind = SL_OPTION_WORD, FIELD(output), .standard = "the last part of the URL",
		.help = "Write the single URL to FILE, or to standard output for '-'." },
	{ .group = "What and where", .letter = 'd', .name = "dir", .argument = "DIR",
		.kind = SL_OPTION_WORD, FIELD(dir), .standard = ".",
		.help = "Put files into the directory DIR. It is made if it is missing." },
	{ .group = "What and where", .name = "if-exists", .argument = "WHAT",
		.kind = SL_OPTION_CHOICE, FIELD(if_exists), .choices = if_exists_choices,
		.standard = "auto",
		.help = "What to do with a file that exists. auto: skip it if it is complete "
		"by its checksum, or by size and Last-Modified, else refuse it. skip: leave it as it is. replace: put the new one in its place "
		"once it is complete. rename: take the next free name. fail: refuse it." },
	{ .group = "What and where", .name = "allow-outside",
		.kind = SL_OPTION_FLAG, FIELD(allow_outside),
		.help = "Let names in a list leave the directory, by '..' or as absolute paths." },

	{ .group = "Parallelism", .letter = 'j', .name = "jobs", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(jobs), RANGE(1, SL_OPTION_JOBS_MAX),
		.standard = "16",
		.help = "Fetch N files at once, 1 to 512." },
	{ .group = "Parallelism", .letter = 'x', .name = "connections-per-host", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(connections_per_host),
		RANGE(1, SL_OPTION_PER_HOST_MAX),
		.standard = "16",
		.help = "Hold at most N connections to one host, over all files, 1 to 256." },
	{ .group = "Parallelism", .name = "fail-fast",
		.kind = SL_OPTION_FLAG, FIELD(fail_fast),
		.help = "Cancel the rest when a file fails. Without it the other files go on." },

	{ .group = "Integrity", .name = "checksum", .argument = "ALG=HEX",
		.kind = SL_OPTION_CHECKSUM, FIELD(checksum),
		.help = "Accept the single URL only if its checksum is HEX. ALG is sha-256, "
		"sha-512, sha-1 or md5." },
	{ .group = "Integrity", .name = "sync", .argument = "WHEN",
		.kind = SL_OPTION_CHOICE, FIELD(sync), .choices = sync_choices, .standard = "auto",
		.help = "When files are made durable. auto: large ones each before its rename, "
		"small ones in groups. all: each file and its directory at once. none: not at "
		"all, which the summary says." },
	{ .group = "Integrity", .letter = 'R', .name = "remote-time",
		.kind = SL_OPTION_FLAG, FIELD(remote_time), .standard = "on",
		.help = "Set each file's time of modification from Last-Modified." },
	{ .group = "Integrity", .name = "no-remote-time",
		.kind = SL_OPTION_UNFLAG, FIELD(remote_time),
		.help = "Leave each file with the time it was written." },

	{ .group = "Network", .name = "cacert", .argument = "FILE",
		.kind = SL_OPTION_WORD, FIELD(cacert), .standard = "the system's store",
		.help = "Trust the certificates in the PEM file FILE, and no others." },
	{ .group = "Network", .name = "connect-timeout", .argument = "TIME",
		.kind = SL_OPTION_DURATION, FIELD(connect_timeout_ns), RANGE(MS, DURATION_MAX),
		.standard = "30s",
		.help = "Give up a connection that is not made in TIME." },
	{ .group = "Network", .name = "stall-timeout", .argument = "TIME",
		.kind = SL_OPTION_DURATION, FIELD(stall_timeout_ns), RANGE(MS, DURATION_MAX),
		.standard = "60s",
		.help = "Give up a transfer when no byte has come for TIME." },
	{ .group = "Network", .name = "deadline", .argument = "TIME",
		.kind = SL_OPTION_DURATION, FIELD(deadline_ns), RANGE(MS, DURATION_MAX),
		.standard = "none",
		.help = "End the whole run after TIME. Files that are not done then have failed." },
	{ .group = "Network", .name = "max-redirs", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(max_redirects), RANGE(0, SL_OPTION_REDIRECTS_MAX),
		.standard = "20",
		.help = "Follow at most N redirects for a file, 0 to 100." },
	{ .group = "Network", .name = "allow-downgrade",
		.kind = SL_OPTION_FLAG, FIELD(allow_downgrade),
		.help = "Follow redirects from https to http, which are refused otherwise." },

	{ .group = "Output", .name = "progress", .argument = "HOW",
		.kind = SL_OPTION_CHOICE, FIELD(progress), .choices = progress_choices,
		.standard = "auto",
		.help = "How progress is shown on standard error. bars: a bar for each file. "
		"plain: a line now and then. none: not at all. auto: bars on a terminal, plain "
		"elsewhere." },
	{ .group = "Output", .name = "json",
		.kind = SL_OPTION_FLAG, FIELD(json),
		.help = "Write one JSON object a line for each event: file_start, progress, "
		"retry, file_done, file_error, run_summary. They go to standard output, with '-o -' "
		"to standard error." },
	{ .group = "Output", .name = "stats",
		.kind = SL_OPTION_FLAG, FIELD(stats),
		.help = "At the end, say what the run cost: CPU time, memory, operations, "
		"latencies, and which stage was the bottleneck." },
	{ .group = "Output", .letter = 'q', .name = "quiet",
		.kind = SL_OPTION_FLAG, FIELD(quiet),
		.help = "Show no progress and no summary, only errors." },
	{ .group = "Output", .letter = 'v', .name = "verbose",
		.kind = SL_OPTION_TALLY, FIELD(verbose),
		.help = "Say more of what is done; twice: also what only explains it." },
	{ .group = "Output", .name = "color", .argument = "WHEN",
		.kind = SL_OPTION_CHOICE, FIELD(colour), .choices = colour_choices,
		.standard = "auto",
		.help = "When to colour: auto, always or never. auto: on a terminal, unless "
		"NO_COLOR, CLICOLOR=0 or TERM=dumb forbid it." },

	{ .group = "Engine", .name = "max-memory", .argument = "SIZE",
		.kind = SL_OPTION_SIZE, FIELD(max_memory),
		RANGE(SL_OPTION_MEMORY_MIN, SL_OPTION_MEMORY_MAX),
		.standard = "64M",
		.help = "Use at most SIZE for all buffers, at least 8M. The text of a list is "
		"kept beside them." },
	{ .group = "Engine", .name = "io", .argument = "HOW",
		.kind = SL_OPTION_CHOICE, FIELD(io), .choices = io_choices, .standard = "auto",
		.help = "How files are written. direct: past the page cache. buffered: through "
		"it. auto: direct for large files where the file system does it well." },
	{ .group = "Engine", .name = "workers", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(workers), RANGE(1, SL_OPTION_WORKERS_MAX),
		.standard = "the number of processors",
		.help = "Use N threads for work that needs the processor, 1 to 256." },

	{ .group = "Other", .name = "help", .kind = SL_OPTION_SHOW_HELP,
		.help = "Show the options and end." },
};
#undef RESULT

#define RESULT struct sl_scan_options
static const struct sl_option scan_options[] = {
	{ .group = "Patterns", .letter = 'e', .name = "regexp", .argument = "PATTERN",
		.kind = SL_OPTION_WORDS, FIELD(patterns),
		.standard = "lines with 'ERROR' or 'error'",
		.help = "Count a line as an error line if the Perl-compatible regular "
		"expression PATTERN matches in it. May be given more than once: any of them "
		"counts." },
	{ .group = "Patterns", .letter = 'F', .name = "fixed-strings",
		.kind = SL_OPTION_FLAG, FIELD(fixed_strings),
		.help = "Patterns are plain strings, not regular expressions. Strings up to 128 "
			"bytes are searched by the fast matcher, in batches of 64. If one is "
			"longer, ends with a carriage return, or has characters beyond ASCII with "
			"-i, the regex engine is used for all of them and the limits described for "
			"-e apply." },
	{ .group = "Patterns", .letter = 'i', .name = "ignore-case",
		.kind = SL_OPTION_FLAG, FIELD(ignore_case),
		.help = "Ignore case: of ASCII letters, and in a pattern with characters beyond "
			"ASCII of all letters." },

	{ .group = "Output", .letter = 'p', .name = "print",
		.kind = SL_OPTION_FLAG, FIELD(print),
		.help = "Print the error lines themselves instead of the table." },
	{ .group = "Output", .letter = 'c', .name = "count",
		.kind = SL_OPTION_FLAG, FIELD(count),
		.help = "Print only the number of error lines of each input that was read." },
	{ .group = "Output", .letter = 'q', .name = "quiet",
		.kind = SL_OPTION_FLAG, FIELD(quiet),
		.help = "Print nothing and end at the first error line, with status 0 even if "
		"something failed." },
	{ .group = "Output", .letter = 'n', .name = "line-number",
		.kind = SL_OPTION_FLAG, FIELD(line_number),
		.clears = offsetof(RESULT, no_line_number),
		.help = "Put its number before each line. Implies -p, which does so too unless "
		"--no-filename is given." },
	{ .group = "Output", .letter = 'N', .name = "no-line-number",
		.kind = SL_OPTION_FLAG, FIELD(no_line_number),
		.clears = offsetof(RESULT, line_number),
		.help = "Print lines without their numbers." },
	{ .group = "Output", .letter = 'H', .name = "with-filename",
		.kind = SL_OPTION_FLAG, FIELD(with_filename),
		.clears = offsetof(RESULT, no_filename),
		.help = "Put the name of the input before each line or count. This is the "
			"default with -p, and with more than one input." },
	{ .group = "Output", .name = "no-filename",
		.kind = SL_OPTION_FLAG, FIELD(no_filename),
		.clears = offsetof(RESULT, with_filename),
		.help = "Print lines and counts without the name of the input. With -p, lines are "
		"printed as they are: give -n for their numbers." },
	{ .group = "Output", .letter = 'Z', .name = "null",
		.kind = SL_OPTION_FLAG, FIELD(null_names),
		.help = "End the name of an input before a line or count with a NUL byte instead "
		"of a colon, for names that have colons or newlines in them." },
	{ .group = "Output", .letter = 'm', .name = "max-count", .argument = "N",
		.kind = SL_OPTION_NUMBER, FIELD(max_count), RANGE(1, UINT64_MAX - 1),
		.standard = "none",
		.help = "Leave an input after N error lines." },
	{ .group = "Output", .name = "json",
		.kind = SL_OPTION_FLAG, FIELD(json),
		.help = "Write one JSON object a line, in the format of ripgrep: begin, match "
		"(only with -p), end, summary." },
	{ .group = "Output", .name = "stats",
		.kind = SL_OPTION_FLAG, FIELD(stats),
		.help = "At the end, say what the run cost: CPU time, memory, operations, "
		"latencies, and which stage was the bottleneck." },
	{ .group = "Output", .name = "color", .argument = "WHEN",
		.kind = SL_OPTION_CHOICE, FIELD(colour), .choices = colour_choices,
		.standard = "auto",
		.help = "When to colour: auto, always or never. auto: on a terminal, unless "
		"NO_COLOR, CLICOLOR=0 or TERM=dumb forbid it." },
	{ .group = "Output", .name = "progress", .argument = "HOW",
		.kind = SL_OPTION_CHOICE, FIELD(progress), .choices = progress_choices,
		.standard = "auto",
		.help = "How progress is shown on standard error. bars: a bar. plain: a line "
		"now and then. none: not at all. auto: bars on a terminal, none elsewhere." },
	{ .group = "Output", .name = "verbose",
		.kind = SL_OPTION_FLAG, FIELD(verbose),
		.help = "Name each file in a directory that is passed over. Without it one line "
		"says how many there are of each kind." },

	{ .group = "Inputs", .name = "no-follow",
		.kind = SL_OPTION_FLAG, FIELD(no_follow),
		.help = "Pass over links found in directories. Without it, a link to a file "
		"outside the directory is read, once for each file." },

	{ .group = "Engine", .name = "workers", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(workers), RANGE(1, SL_OPTION_WORKERS_MAX),
		.standard = "the number of processors",
		.help = "Scan with N threads, 1 to 256." },
	{ .group = "Engine", .name = "chunk", .argument = "SIZE",
		.kind = SL_OPTION_SIZE, FIELD(chunk),
		RANGE(SL_OPTION_CHUNK_MIN, SL_OPTION_CHUNK_MAX),
		.standard = "1M",
		.help = "Read and scan in pieces of SIZE, 64K to 64M." },
	{ .group = "Engine", .name = "queue", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(queue), RANGE(1, SL_OPTION_QUEUE_MAX),
		.standard = "16",
		.help = "Let at most N pieces that are read wait for a thread, 1 to 4096." },
	{ .group = "Engine", .name = "max-memory", .argument = "SIZE",
		.kind = SL_OPTION_SIZE, FIELD(max_memory),
		RANGE(SL_OPTION_MEMORY_MIN, SL_OPTION_MEMORY_MAX),
		.standard = "64M",
		.help = "Use at most SIZE for all buffers, at least 8M." },
	{ .group = "Engine", .name = "io", .argument = "HOW",
		.kind = SL_OPTION_CHOICE, FIELD(io), .choices = io_choices, .standard = "auto",
		.help = "How files that are not in the page cache are read. direct: past it, if they "
		"have at least 4 MiB and the file system supports it. buffered: through it, so that "
		"another scan finds them there. auto: buffered until the files read so take a "
		"quarter of the available memory, direct beyond." },

	{ .group = "Accepted, does nothing", .letter = 'r', .kind = SL_OPTION_IGNORED,
		.help = "Directories are walked anyway." },
	{ .group = "Accepted, does nothing", .letter = 'E', .kind = SL_OPTION_IGNORED,
		.help = "Patterns are Perl-compatible regular expressions, which include "
		"extended ones." },
	{ .group = "Accepted, does nothing", .letter = 'P', .kind = SL_OPTION_IGNORED,
		.help = "Patterns are Perl-compatible regular expressions anyway." },
	{ .group = "Accepted, does nothing", .letter = 'z', .kind = SL_OPTION_IGNORED,
		.help = "What is compressed is known by its first bytes, but not read: zcat FILE | "
			"sluice scan." },
	{ .group = "Accepted, does nothing", .letter = 'a', .kind = SL_OPTION_IGNORED,
		.help = "Named inputs are read whatever is in them. Binary files found in directories are "
			"passed over: name the file itself." },

	{ .group = "Other", .name = "help", .kind = SL_OPTION_SHOW_HELP,
		.help = "Show the options and end." },
};
#undef RESULT

static const struct sl_command commands[] = {
	{ .name = "get", .operands = "URL...",
		.summary = "fetch files over HTTP and HTTPS",
		.about = "Fetches each URL into a file: many at once, streamed to disk in "
		"chunks, complete or not at all.",
		.options = get_options, .option_count = SL_COUNT_OF(get_options) },
	{ .name = "scan", .operands = "[FILE|DIR|-]...",
		.summary = "count the lines and the error lines of logs",
		.about = "Counts the lines and the error lines of each input. Directories are "
		"walked; '-' is standard input, which is also read if no input is named and it "
		"is not a terminal.",
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
