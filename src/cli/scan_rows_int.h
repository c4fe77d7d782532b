/* scan_rows_int.h - the rows of the table of `sluice scan`, included by option_table.c only. */
/* clang-format off */
	{ .group = "Patterns", .letter = 'e', .name = "regexp", .argument = "PATTERN",
		.kind = SL_OPTION_WORDS, FIELD(patterns),
		.standard = "lines that contain 'ERROR' or 'error'",
		.help = "Count lines that match the Perl-compatible regular expression "
		"PATTERN as error lines. Can be repeated: a line counts if any pattern "
		"matches." },
	{ .group = "Patterns", .letter = 'f', .name = "file", .argument = "FILE",
		.kind = SL_OPTION_WORDS, FIELD(pattern_files),
		.help = "Take patterns from FILE, one per line, in addition to those of -e. '-' is "
		"standard input. Can be repeated. An empty line is a pattern that matches every "
		"line; an empty file has no pattern, which matches no line." },
	{ .group = "Patterns", .letter = 'F', .name = "fixed-strings",
		.kind = SL_OPTION_FLAG, FIELD(fixed_strings),
		.help = "Treat patterns as plain strings, not as regular expressions. Strings "
		"up to 128 bytes are searched by the fast matcher, thousands of "
		"them in one pass. A longer string, or one that ends with a carriage return, is found by its first 128 "
		"bytes and then compared in the first MiB of the line. With -i, the regex "
		"engine compares it, and searches for strings with non-ASCII characters: the "
		"limits described for -e apply to these strings, not to others in the same "
		"run." },
	{ .group = "Patterns", .letter = 'i', .name = "ignore-case",
		.kind = SL_OPTION_FLAG, FIELD(ignore_case),
		.help = "Ignore the case of ASCII letters, and in patterns with non-ASCII "
		"characters the case of all letters." },

	{ .group = "Patterns", .letter = 'w', .name = "word-regexp",
		.kind = SL_OPTION_FLAG, FIELD(word_regexp),
		.help = "Match whole words only: a match counts if it is neither preceded nor "
		"followed by a word character. These are letters, digits and the underscore: "
		"in ASCII, and for patterns with non-ASCII characters also those of Unicode." },
	{ .group = "Patterns", .letter = 'x', .name = "line-regexp",
		.kind = SL_OPTION_FLAG, FIELD(line_regexp),
		.help = "Match whole lines only. With this option, -w has no effect." },
	{ .group = "Patterns", .letter = 'v', .name = "invert-match",
		.kind = SL_OPTION_FLAG, FIELD(invert_match),
		.help = "Select the lines that do not match: wherever error lines are mentioned, "
		"those are meant. Undecided lines are not selected." },
	{ .group = "Patterns", .name = "level", .argument = "LEVEL",
		.kind = SL_OPTION_WORD, FIELD(level_name), .choices = level_choices,
		.help = "Count lines whose own level is LEVEL or a worse one as error lines, "
		"instead of lines that match a pattern. LEVEL is trace, debug, info, notice, "
		"warning, error or critical. Lines without a level are not counted; the table "
		"shows how many there are." },
	{ .group = "Patterns", .name = "records",
		.kind = SL_OPTION_FLAG, FIELD(records),
		.help = "Count, print and limit records instead of lines. A record is a line and "
		"the lines after it that belong to it: indented ones and the other lines of "
		"stack traces. It is an error record if any of its lines matches." },

	{ .group = "Time", .name = "since", .argument = "TIME",
		.kind = SL_OPTION_WORD, FIELD(since),
		.help = "Scan only lines whose time stamp is TIME or later. Lines without a time "
		"stamp belong to the last line before them that has one. Examples of TIME: "
		"2015-10-18, '2015-10-18 18:01:47', 18:01, 1h, '2d ago', yesterday, "
		"@1445191307." },
	{ .group = "Time", .name = "until", .argument = "TIME",
		.kind = SL_OPTION_WORD, FIELD(until),
		.help = "Scan only lines whose time stamp is TIME or earlier." },
	{ .group = "Time", .name = "sorted", .argument = "SLACK", .omitted = "60s",
		.kind = SL_OPTION_DURATION, FIELD(sorted_slack_ns), RANGE(0, DURATION_MAX),
		.help = "With --since or --until, the lines of each file are sorted by time: no "
		"time stamp is earlier than one before it by more than SLACK; if omitted, it is "
		"60s. Of large files only the part that may be in the period is read." },

	{ .group = "Output", .letter = 'p', .name = "print",
		.kind = SL_OPTION_FLAG, FIELD(print),
		.help = "Print the error lines themselves instead of the table." },
	{ .group = "Output", .letter = 'c', .name = "count",
		.kind = SL_OPTION_FLAG, FIELD(count),
		.help = "Print only the number of error lines for each input that was read." },
	{ .group = "Output", .letter = 'o', .name = "only-matching",
		.kind = SL_OPTION_FLAG, FIELD(only_matching),
		.help = "Print only the matches of each error line, each on a line of its own, "
		"except empty ones. Implies -p." },
	{ .group = "Output", .letter = 'l', .name = "files-with-matches",
		.kind = SL_OPTION_FLAG, FIELD(files_with_matches),
		.clears = offsetof(RESULT, files_without_match),
		.help = "Print only the names of inputs with error lines, one per line, and stop "
		"reading each input at its first error line." },
	{ .group = "Output", .letter = 'L', .name = "files-without-match",
		.kind = SL_OPTION_FLAG, FIELD(files_without_match),
		.clears = offsetof(RESULT, files_with_matches),
		.help = "Print only the names of inputs without error lines, one per line. Inputs "
		"that could not be read or decided completely are not among them. The exit status "
		"is the same as without this option." },
	{ .group = "Output", .name = "by-pattern",
		.kind = SL_OPTION_FLAG, FIELD(by_pattern),
		.help = "Below the table, also print for each pattern the number of lines that "
		"match it. A line counts for every pattern that it matches." },
	{ .group = "Output", .letter = 'q', .name = "quiet",
		.kind = SL_OPTION_FLAG, FIELD(quiet),
		.help = "Write nothing to standard output, and exit with status 0 at the first "
		"error line, even if an input could not be read." },
	{ .group = "Output", .letter = 'n', .name = "line-number",
		.kind = SL_OPTION_FLAG, FIELD(line_number),
		.clears = offsetof(RESULT, no_line_number),
		.help = "Print the line number before each line. Implies -p, which prints it "
		"by default unless --no-filename is given." },
	{ .group = "Output", .letter = 'N', .name = "no-line-number",
		.kind = SL_OPTION_FLAG, FIELD(no_line_number),
		.clears = offsetof(RESULT, line_number),
		.help = "Print lines without line numbers." },
	{ .group = "Output", .letter = 'H', .name = "with-filename",
		.kind = SL_OPTION_FLAG, FIELD(with_filename),
		.clears = offsetof(RESULT, no_filename),
		.help = "Print the file name before each line or count. This is the default "
		"with -p and with more than one input." },
	{ .group = "Output", .name = "no-filename",
		.kind = SL_OPTION_FLAG, FIELD(no_filename),
		.clears = offsetof(RESULT, with_filename),
		.help = "Omit file names from the output. With -p, line numbers are omitted "
		"too, unless -n is given." },
	{ .group = "Output", .letter = 'Z', .name = "null",
		.kind = SL_OPTION_FLAG, FIELD(null_names),
		.help = "End the file name before a line or count with a NUL byte instead of "
		"a colon, and with -l and -L each name with one instead of a newline, for names "
		"that contain colons or newlines." },
	{ .group = "Output", .letter = 'A', .name = "after-context", .argument = "N",
		.kind = SL_OPTION_NUMBER, FIELD(after), RANGE(0, UINT64_MAX - 1),
		.standard = "0",
		.help = "Print N lines after each error line. Implies -p." },
	{ .group = "Output", .letter = 'B', .name = "before-context", .argument = "N",
		.kind = SL_OPTION_NUMBER, FIELD(before), RANGE(0, UINT64_MAX - 1),
		.standard = "0",
		.help = "Print N lines before each error line. Implies -p." },
	{ .group = "Output", .letter = 'C', .name = "context", .argument = "N",
		.kind = SL_OPTION_NUMBER, FIELD(context), RANGE(0, UINT64_MAX - 1),
		.standard = "0",
		.help = "Print N lines before and after each error line, where -A or -B does "
		"not set another number. Implies -p." },
	{ .group = "Output", .letter = 'M', .name = "max-columns", .argument = "N",
		.kind = SL_OPTION_NUMBER, FIELD(max_columns), RANGE(0, UINT64_MAX - 1),
		.standard = "4096 on a terminal, 0 otherwise",
		.help = "Print at most N bytes of each line, around its first match, with the "
		"number of omitted bytes on each side. 0: no limit. Not for the table." },
	{ .group = "Output", .letter = 'm', .name = "max-count", .argument = "N",
		.kind = SL_OPTION_NUMBER, FIELD(max_count), RANGE(0, UINT64_MAX - 1),
		.standard = "none",
		.help = "Stop reading an input after N error lines." },
	{ .group = "Output", .name = "histogram", .argument = "INTERVAL", .omitted = "auto",
		.kind = SL_OPTION_WORD, FIELD(histogram),
		.help = "Show the error lines by time below the table, or with --json as an "
		"event of type histogram. INTERVAL is a number with s, m, h, d or w, or auto, "
		"which fits the lines; if omitted, it is auto." },
	{ .group = "Output", .name = "top", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(top), RANGE(0, SL_OPTION_TOP_MAX),
		.standard = "10 on a terminal, 0 otherwise",
		.help = "Show the N most frequent kinds of error lines, 0 to 10000: below the "
		"table, or with --json as events of type template. Lines are of one kind if "
		"they differ only in numbers, times, addresses, paths and the like, or in a few "
		"words." },
	{ .group = "Output", .name = "digest-out", .argument = "FILE",
		.kind = SL_OPTION_WORD, FIELD(digest_out),
		.help = "Write all kinds of error lines to FILE, for --digest-base. FILE is "
		"replaced when the scan is complete." },
	{ .group = "Output", .name = "digest-base", .argument = "FILE",
		.kind = SL_OPTION_WORD, FIELD(digest_base),
		.help = "Compare the kinds of error lines with those that --digest-out wrote "
		"to FILE, and show first which are new, gone, more and less. Without --top, "
		"10 kinds are shown; --top=0 is an error." },
	{ .group = "Output", .name = "json",
		.kind = SL_OPTION_FLAG, FIELD(json),
		.help = "Write one JSON object per line, in the format of ripgrep: begin, "
		"match and context (only with -p), end, template (only with --top or "
		"--digest-base), summary." },
	{ .group = "Output", .name = "stats",
		.kind = SL_OPTION_FLAG, FIELD(stats),
		.help = "Report the cost of the run at its end: CPU time, memory, operations, "
		"latencies, and the stage that was the bottleneck." },
	{ .group = "Output", .name = "color", .argument = "WHEN",
		.kind = SL_OPTION_CHOICE, FIELD(colour), .choices = colour_choices,
		.standard = "auto",
		.help = "When to colour output: auto, always or never. auto: on a terminal, "
		"unless disabled by NO_COLOR, CLICOLOR=0 or TERM=dumb." },
	{ .group = "Output", .name = "progress", .argument = "HOW",
		.kind = SL_OPTION_CHOICE, FIELD(progress), .choices = progress_choices,
		.standard = "auto",
		.help = "How to show progress on standard error. bars: one bar. plain: one "
		"line every five seconds. none: no progress. auto: bars on a terminal, none "
		"otherwise." },
	{ .group = "Output", .name = "verbose",
		.kind = SL_OPTION_FLAG, FIELD(verbose),
		.help = "Name each file that is skipped in a directory. By default one line "
		"counts them by kind. For URLs, log the heads of requests and responses." },

	{ .group = "Inputs", .name = "include", .argument = "GLOB",
		.kind = SL_OPTION_RULE, FIELD(rules), .min = SL_WALK_INCLUDE,
		.help = "In directories, read only files whose name matches GLOB, in which * "
		"stands for any string, ? for any character and [a-z] for one of them. Can be "
		"repeated. Files named as operands are always read." },
	{ .group = "Inputs", .name = "exclude", .argument = "GLOB",
		.kind = SL_OPTION_RULE, FIELD(rules), .min = SL_WALK_EXCLUDE,
		.help = "In directories, leave out files whose name matches GLOB. Can be "
		"repeated; of several --include and --exclude that match a name, the last one "
		"counts." },
	{ .group = "Inputs", .name = "exclude-dir", .argument = "GLOB",
		.kind = SL_OPTION_RULE, FIELD(rules), .min = SL_WALK_EXCLUDE_DIRECTORY,
		.help = "Leave out directories whose name matches GLOB, with all that is in "
		"them. Can be repeated." },
	{ .group = "Inputs", .name = "no-follow",
		.kind = SL_OPTION_FLAG, FIELD(no_follow),
		.help = "Skip symbolic links found in directories. By default a file outside "
		"the directory that a link leads to is read, once." },
	{ .group = "Inputs", .name = "state", .argument = "FILE",
		.kind = SL_OPTION_WORD, FIELD(state),
		.help = "Scan only what is new since the last run with this FILE, and write to "
		"FILE how far each input was scanned. Logs that were rotated since are found by "
		"their content, also compressed." },
	{ .group = "Inputs", .name = "follow",
		.kind = SL_OPTION_FLAG, FIELD(follow),
		.help = "After what the inputs contain, print the error lines that are added "
		"to them, until the run is ended by a signal: also to logs that are rotated, "
		"and to new files in directories. Implies -p." },

#include "network_rows_int.h"
	{ .group = "Network", .name = "compressed",
		.kind = SL_OPTION_FLAG, FIELD(compressed),
		.help = "For URLs: request a compressed form (gzip, br, zstd or deflate as the "
		"content coding)." },
	{ .group = "Network", .name = "deadline", .argument = "TIME",
		.kind = SL_OPTION_DURATION, FIELD(deadline_ns), RANGE(MS, DURATION_MAX),
		.standard = "none",
		.help = "Stop the whole run after TIME, whatever its inputs are. Those that were "
		"not scanned to their end are reported." },

	{ .group = "Engine", .name = "workers", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(workers), RANGE(1, SL_OPTION_WORKERS_MAX),
		.standard = "the number of CPUs",
		.help = "Scan with N threads, 1 to 256." },
	{ .group = "Engine", .name = "chunk", .argument = "SIZE",
		.kind = SL_OPTION_SIZE, FIELD(chunk),
		RANGE(SL_OPTION_CHUNK_MIN, SL_OPTION_CHUNK_MAX),
		.standard = "1M",
		.help = "Read and scan in chunks of SIZE, 64K to 64M." },
	{ .group = "Engine", .name = "queue", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(queue), RANGE(1, SL_OPTION_QUEUE_MAX),
		.standard = "16",
		.help = "Queue at most N chunks for the scanning threads, 1 to 4096." },
	{ .group = "Engine", .name = "max-memory", .argument = "SIZE",
		.kind = SL_OPTION_SIZE, FIELD(max_memory),
		RANGE(SL_OPTION_MEMORY_MIN, SL_OPTION_MEMORY_MAX),
		.standard = "64M",
		.help = "Use at most SIZE of memory for all buffers, at least 8M. Patterns may take "
		"half of it: a set that needs more is a usage error." },
	{ .group = "Engine", .name = "io", .argument = "HOW",
		.kind = SL_OPTION_CHOICE, FIELD(io), .choices = io_choices, .standard = "auto",
		.help = "How to read files that are not in the page cache. direct: bypass the "
		"page cache, for files of at least 4 MiB where the file system supports it. "
		"buffered: use the page cache, so that the next scan finds the files there. "
		"auto: buffered until the files read this way take a quarter of the available "
		"memory, direct beyond." },

	{ .group = "Accepted and ignored", .letter = 'r', .kind = SL_OPTION_IGNORED,
		.help = "Directories are always searched recursively." },
	{ .group = "Accepted and ignored", .letter = 'E', .kind = SL_OPTION_IGNORED,
		.help = "Patterns are Perl-compatible regular expressions, which include "
		"extended ones." },
	{ .group = "Accepted and ignored", .letter = 'P', .kind = SL_OPTION_IGNORED,
		.help = "Patterns are always Perl-compatible regular expressions." },
	{ .group = "Accepted and ignored", .letter = 'z', .kind = SL_OPTION_IGNORED,
		.help = "Compressed files are detected by their contents and decompressed." },
	{ .group = "Accepted and ignored", .letter = 'a', .kind = SL_OPTION_IGNORED,
		.help = "Files named as operands are always read. Binary files found in "
		"directories are skipped: name them as operands to read them." },

	{ .group = "Other", .name = "config", .argument = "FILE",
		.kind = SL_OPTION_CONFIG_FILE,
		.standard = "sluice/config in $XDG_CONFIG_HOME or ~/.config",
		.help = "Read options from FILE, as if they stood at the beginning of the command "
		"line." },
	{ .group = "Other", .name = "no-config",
		.kind = SL_OPTION_NO_CONFIG,
		.help = "Read no configuration file." },
	{ .group = "Other", .name = "help", .kind = SL_OPTION_SHOW_HELP,
		.help = "Show this help and exit." },
