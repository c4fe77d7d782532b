/* get_rows_int.h - the rows of the table of `sluice get`, included by option_table.c only. */
/* clang-format off */
	{ .group = "What and where", .letter = 'i', .name = "input-file", .argument = "FILE",
		.kind = SL_OPTION_WORDS, FIELD(lists),
		.help = "Also download the files listed in FILE, which may be a URL, or '-' for "
		"standard input. Can be repeated. A list has one URL per line, or is an aria2 "
		"input file: URLs of the same file are separated by TAB, and "
		"indented lines below them set out=NAME, dir=DIR, checksum=ALG=HEX, "
		"header=NAME: VALUE, referer=URL, user-agent=NAME, http-user=USER, "
		"http-passwd=PASSWORD or remote-time=true|false. Empty lines and lines that "
		"begin with '#' are ignored. A list can also be a list of checksums as "
		"sha256sum writes it, a Metalink document, or JSON lines, and it can be "
		"compressed." },
	{ .group = "What and where", .name = "base-url", .argument = "URL",
		.kind = SL_OPTION_WORD, FIELD(base_url),
		.standard = "the directory of the list's own URL",
		.help = "The directory of the files in a list of checksums." },
	{ .group = "What and where", .name = "shard", .argument = "I/N",
		.kind = SL_OPTION_WORD, FIELD(shard),
		.help = "Download only every Nth input, beginning with the Ith, so that N runs "
		"with I from 1 to N download each input once. 'auto' takes I and N from the "
		"array job of Slurm or AWS Batch that the run belongs to, 'auto/N' also I from "
		"an indexed job of Kubernetes." },
	{ .group = "What and where", .letter = 'o', .name = "output", .argument = "FILE",
		.kind = SL_OPTION_WORD, FIELD(output),
		.standard = "the last component of the URL path",
		.help = "Write the single URL to FILE, or to standard output if FILE is '-'." },
	{ .group = "What and where", .letter = 'd', .name = "dir", .argument = "DIR",
		.kind = SL_OPTION_WORD, FIELD(dir), .standard = ".",
		.help = "Save files in the directory DIR, which is created if missing." },
	{ .group = "What and where", .name = "mirror", .argument = "URL",
		.kind = SL_OPTION_WORDS, FIELD(mirrors),
		.help = "Another source of the single URL. Can be repeated; in a list, separate "
		"the URLs of a file by TAB." },
	{ .group = "What and where", .name = "tree",
		.kind = SL_OPTION_FLAG, FIELD(tree),
		.help = "Save each file in directories named after the host and the path of "
		"its URL, as wget -x does. Entries with out= keep that name." },
	{ .group = "What and where", .name = "content-disposition",
		.kind = SL_OPTION_FLAG, FIELD(content_disposition),
		.help = "Use the file name that the server suggests in Content-Disposition, if "
		"there is one: its last component, made safe. Entries with out= keep that "
		"name." },
	{ .group = "What and where", .name = "if-exists", .argument = "WHAT",
		.kind = SL_OPTION_CHOICE, FIELD(if_exists), .choices = if_exists_choices,
		.standard = "auto",
		.help = "What to do if a file exists. auto: skip the download if the file is "
		"complete, judged by its checksum or by size and Last-Modified; otherwise "
		"fail. skip: keep the file unverified. replace: replace the file once the new "
		"one is complete. rename: save under the next free name. fail: report an "
		"error." },
	{ .group = "What and where", .name = "adopt",
		.kind = SL_OPTION_FLAG, FIELD(adopt),
		.help = "Complete a file that curl, wget or another program has left: if it is "
		"shorter than the server's and the beginning of it, download only the rest." },
	{ .group = "What and where", .name = "append",
		.kind = SL_OPTION_FLAG, FIELD(append),
		.help = "If a file has grown on the server, download only what was appended. The "
		"existing file is replaced once the new one is complete." },
	{ .group = "What and where", .name = "dry-run",
		.kind = SL_OPTION_FLAG, FIELD(dry_run),
		.help = "Download nothing, and create no file or directory. Request the head "
		"of each file and print what would be done: sizes, names, the space needed "
		"and an estimate of the time." },
	{ .group = "What and where", .name = "compressed",
		.kind = SL_OPTION_FLAG, FIELD(compressed),
		.help = "Request files in a compressed form (gzip, br, zstd or deflate as the "
		"content coding) and save them decoded. A server that does not support that "
		"sends them as they are." },
	{ .group = "What and where", .name = "decompress",
		.kind = SL_OPTION_FLAG, FIELD(decompress),
		.help = "Decompress files whose URL path ends in .gz, .bgz, .zst, .xz or .bz2, "
		"and save them without that suffix; .tgz, .tzst, .txz, .tbz2 and .tbz become "
		".tar. A file that is not of that format, or damaged, fails." },
	{ .group = "What and where", .name = "allow-outside",
		.kind = SL_OPTION_FLAG, FIELD(allow_outside),
		.help = "Allow names in a list to leave the output directory, through '..' or "
		"as absolute paths." },

	{ .group = "Parallelism", .letter = 'j', .name = "jobs", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(jobs), RANGE(1, SL_OPTION_JOBS_MAX),
		.standard = "16",
		.help = "Download N files in parallel, 1 to 512." },
	{ .group = "Parallelism", .letter = 'x', .name = "connections-per-host", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(connections_per_host),
		RANGE(1, SL_OPTION_PER_HOST_MAX),
		.standard = "16", .elsewhere = "for a proxy use --proxy URL",
		.help = "Use at most N connections per host, over all files, 1 to 256. Fewer "
			"are used if the host refuses more, or if more bring no throughput." },
	{ .group = "Parallelism", .letter = 's', .name = "segments", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(segments), RANGE(1, SL_OPTION_SEGMENTS_MAX),
		.standard = "8", .elsewhere = "for no output use -q",
		.help = "Use at most N connections for one file, 1 to 64, if the server sends "
		"ranges." },
	{ .group = "Parallelism", .letter = 'k', .name = "min-segment", .argument = "SIZE",
		.kind = SL_OPTION_SIZE, FIELD(min_segment), RANGE(SL_MIB, 1024 * SL_MIB),
		.standard = "16M",
		.elsewhere = "to trust another certificate use --cacert FILE; --insecure verifies "
			     "none",
		.help = "Request at least SIZE at a time, 1M to 1G. Files smaller than twice "
		"that use one connection." },
	{ .group = "Parallelism", .name = "fail-fast",
		.kind = SL_OPTION_FLAG, FIELD(fail_fast),
		.help = "Cancel the remaining files when one fails. By default they continue." },

	{ .group = "Integrity", .name = "checksum", .argument = "ALG=HEX",
		.kind = SL_OPTION_CHECKSUM, FIELD(checksum),
		.help = "Verify that the single URL has the checksum HEX. ALG is sha-256, "
		"sha-512, sha-1, md5, blake2b (also b2, as b2sum writes) or blake2s." },
	{ .group = "Integrity", .name = "sums", .argument = "FILE",
		.kind = SL_OPTION_WORD, FIELD(sums),
		.help = "Verify files by the list of checksums FILE, which may be a URL, or '-' "
		"for standard input. A warning counts the files without a checksum in it." },
	{ .group = "Integrity", .name = "sync", .argument = "WHEN",
		.kind = SL_OPTION_CHOICE, FIELD(sync), .choices = sync_choices, .standard = "auto",
		.help = "When to sync files to disk. auto: large files one by one, small "
		"files in groups. all: each file and its directory individually. none: never, "
		"which the summary reports." },
	{ .group = "Integrity", .letter = 'c', .name = "continue",
		.kind = SL_OPTION_FLAG, FIELD(resume), .standard = "on",
		.help = "Resume large files that an earlier run has left incomplete, and keep "
		"what is needed to resume them." },
	{ .group = "Integrity", .name = "no-continue",
		.kind = SL_OPTION_UNFLAG, FIELD(resume),
		.help = "Begin incomplete files anew, and remove them if they fail." },
	{ .group = "Integrity", .name = "verify-resume",
		.kind = SL_OPTION_FLAG, FIELD(verify_resume),
		.help = "Read incomplete files back before they are resumed, and download again "
		"what is not as it was written. The same for complete files whose journal was "
		"kept, or that have checksums of their pieces in a list." },
	{ .group = "Integrity", .name = "keep-journal",
		.kind = SL_OPTION_FLAG, FIELD(keep_journal),
		.help = "Keep the journal of each complete file as NAME.sluice-kept, for a later "
		"run with --verify-resume." },
	{ .group = "Integrity", .letter = 'R', .name = "remote-time",
		.kind = SL_OPTION_FLAG, FIELD(remote_time), .standard = "on",
		.help = "Set the modification time of each file from Last-Modified." },
	{ .group = "Integrity", .name = "no-remote-time",
		.kind = SL_OPTION_UNFLAG, FIELD(remote_time),
		.help = "Do not set modification times from Last-Modified." },

	{ .group = "Scan", .name = "scan",
		.kind = SL_OPTION_FLAG, FIELD(scan),
		.help = "Scan what is downloaded, as sluice scan does, while it arrives: count "
		"the lines and the error lines of each file, and print a table after the "
		"summary. Files that are complete already are read and counted too. The exit "
		"status does not depend on what is found." },
	{ .group = "Scan", .name = "regexp", .argument = "PATTERN",
		.kind = SL_OPTION_WORDS, FIELD(scanning.patterns),
		.standard = "lines that contain 'ERROR' or 'error'",
		.help = "With --scan: count lines that match the Perl-compatible regular "
		"expression PATTERN as error lines. Can be repeated: a line counts if any "
		"pattern matches." },
	{ .group = "Scan", .name = "fixed-strings",
		.kind = SL_OPTION_FLAG, FIELD(scanning.fixed_strings),
		.help = "With --scan: treat patterns as plain strings, not as regular "
		"expressions." },
	{ .group = "Scan", .name = "ignore-case",
		.kind = SL_OPTION_FLAG, FIELD(scanning.ignore_case),
		.help = "With --scan: ignore the case of ASCII letters, and in patterns with "
		"non-ASCII characters the case of all letters." },
	{ .group = "Scan", .name = "records",
		.kind = SL_OPTION_FLAG, FIELD(scanning.records),
		.help = "With --scan: count records instead of error lines. A record is a line and "
		"the lines after it that belong to it, such as a stack trace; it is an error record "
		"if any of its lines matches." },
	{ .group = "Scan", .name = "since", .argument = "TIME",
		.kind = SL_OPTION_WORD, FIELD(scanning.since),
		.help = "With --scan: scan only lines whose time stamp is TIME or later, as "
		"with sluice scan --since." },
	{ .group = "Scan", .name = "until", .argument = "TIME",
		.kind = SL_OPTION_WORD, FIELD(scanning.until),
		.help = "With --scan: scan only lines whose time stamp is TIME or earlier." },
	{ .group = "Scan", .name = "print",
		.kind = SL_OPTION_FLAG, FIELD(scanning.print),
		.help = "With --scan: print the error lines themselves instead of the table, as "
		"they arrive: in any order, each after the name of its file." },

#include "network_rows_int.h"
	{ .group = "Network", .name = "deadline", .argument = "TIME",
		.kind = SL_OPTION_DURATION, FIELD(deadline_ns), RANGE(MS, DURATION_MAX),
		.standard = "none",
		.help = "Stop the whole run after TIME. Files that are not done by then count "
		"as failed." },
	{ .group = "Network", .name = "limit-rate", .argument = "RATE",
		.kind = SL_OPTION_SIZE, FIELD(limit_rate), RANGE(1, SL_OPTION_RATE_MAX),
		.standard = "none",
		.help = "Receive at most RATE bytes per second, over all connections "
		"together." },
	{ .group = "Network", .name = "max-rps", .argument = "N",
		.kind = SL_OPTION_MILLI, FIELD(max_rps_milli), RANGE(1, SL_OPTION_RPS_MAX * 1000),
		.standard = "none",
		.help = "Send at most N requests per second to each host; N may be a fraction, "
		"such as 0.5." },

	{ .group = "Output", .name = "progress", .argument = "HOW",
		.kind = SL_OPTION_CHOICE, FIELD(progress), .choices = progress_choices,
		.standard = "auto",
		.help = "How to show progress on standard error. bars: one bar per file. "
		"plain: one line every five seconds. none: no progress. auto: bars on a "
		"terminal, plain otherwise." },
	{ .group = "Output", .name = "json",
		.kind = SL_OPTION_FLAG, FIELD(json),
		.help = "Write one JSON object per line for each event: file_start, progress, "
		"retry, file_done, file_error, run_summary, with --dry-run file_plan and "
		"plan_summary, and with --scan those of sluice scan --json. Events go to standard output, or with '-o -' to standard "
		"error." },
	{ .group = "Output", .name = "stats",
		.kind = SL_OPTION_FLAG, FIELD(stats),
		.help = "Report the cost of the run at its end: CPU time, memory, operations, "
		"latencies, the stage that was the bottleneck, and segments." },
	{ .group = "Output", .letter = 'q', .name = "quiet",
		.kind = SL_OPTION_FLAG, FIELD(quiet),
		.help = "Show only errors, no progress and no summary." },
	{ .group = "Output", .letter = 'v', .name = "verbose",
		.kind = SL_OPTION_TALLY, FIELD(verbose),
		.help = "Log more: the heads of requests and responses without what may be secret in "
		"them, and how long each phase of a request took. -vv adds debug messages." },
	{ .group = "Output", .name = "color", .argument = "WHEN",
		.kind = SL_OPTION_CHOICE, FIELD(colour), .choices = colour_choices,
		.standard = "auto",
		.help = "When to colour output: auto, always or never. auto: on a terminal, "
		"unless disabled by NO_COLOR, CLICOLOR=0 or TERM=dumb." },

	{ .group = "Engine", .name = "max-memory", .argument = "SIZE",
		.kind = SL_OPTION_SIZE, FIELD(max_memory),
		RANGE(SL_OPTION_MEMORY_MIN, SL_OPTION_MEMORY_MAX),
		.standard = "64M",
		.help = "Use at most SIZE of memory for all buffers, at least 8M. Lists and "
		"the names of files are not included." },
	{ .group = "Engine", .name = "io", .argument = "HOW",
		.kind = SL_OPTION_CHOICE, FIELD(io), .choices = io_choices, .standard = "auto",
		.help = "How to write files. direct: bypass the page cache. buffered: use the "
		"page cache. auto: direct for large files on ext4 and XFS, buffered "
		"otherwise." },
	{ .group = "Engine", .name = "workers", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, FIELD(workers), RANGE(1, SL_OPTION_WORKERS_MAX),
		.standard = "the number of CPUs",
		.help = "Use N threads for CPU-bound work, 1 to 256." },

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
