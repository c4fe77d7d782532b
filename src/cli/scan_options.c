/*
 * scan_options.c - the options of `sluice scan`: their defaults, and the rules that concern several
 * of them.
 */
#include "option_int.h"

#include "sluice/base/number.h"
#include "sluice/logline/timeline.h"

#include <stdlib.h>

void
option_init_scan(struct sl_scan_options *options)
{
	*options = (struct sl_scan_options){
		.sorted_slack_ns = SL_OPTION_NOT_SORTED,
		.before = SL_OPTION_NO_CONTEXT,
		.after = SL_OPTION_NO_CONTEXT,
		.context = SL_OPTION_NO_CONTEXT,
		.max_columns = SL_OPTION_AUTO_COLUMNS,
		.max_count = UINT64_MAX,
		.top = SL_OPTION_TOP_AUTO,
		.chunk = SL_OPTION_CHUNK,
		.queue = SL_OPTION_QUEUE,
		.max_memory = SL_OPTION_MEMORY,
		.deadline_ns = SL_FOREVER,
	};
	option_init_network(&options->network);
}

bool
sl_scan_has_context(const struct sl_scan_options *options)
{
	return options->before != SL_OPTION_NO_CONTEXT || options->after != SL_OPTION_NO_CONTEXT ||
	       options->context != SL_OPTION_NO_CONTEXT;
}

/* What patterns are read from cannot be scanned as well. */
static int
check_pattern_files(struct option_parser *parser, const struct sl_scan_options *options)
{
	bool is_stdin = options->inputs.count == 0;
	unsigned stdins = 0;
	for (size_t i = 0; i < options->pattern_files.count; i++) {
		if (!options->pattern_files.items[i][0])
			return option_usage(parser, "option '-f' (--file): FILE must not be empty");
		stdins += strcmp(options->pattern_files.items[i], "-") == 0;
	}
	for (size_t i = 0; i < options->inputs.count; i++)
		is_stdin = is_stdin || strcmp(options->inputs.items[i], "-") == 0;
	if (stdins > 1)
		return option_usage(parser,
			"'-f -' can be given only once: it reads standard input to "
			"its end");
	if (stdins && is_stdin)
		return option_usage(parser,
			"'-f -' takes the patterns from standard input, which cannot "
			"be scanned as well: name files or directories");
	return 0;
}

static int
check_level(struct option_parser *parser, struct sl_scan_options *options)
{
	if (!options->level_name)
		return 0;
	options->level = sl_level_of_name(sl_span_str(options->level_name));
	if (!options->level)
		return option_usage(parser,
			"option '--level': '%s' is not a level (use trace, debug, info, notice, "
			"warning, error or critical)",
			options->level_name);
	if (options->patterns.count || options->pattern_files.count)
		return option_usage(parser,
			"--level selects lines by their own level, not by a pattern: "
			"use it without -e and -f");
	if (options->fixed_strings || options->ignore_case || options->word_regexp ||
		options->line_regexp)
		return option_usage(parser,
			"-F, -i, -w and -x are for patterns, which --level takes the place of");
	return 0;
}

static int
check_histogram(struct option_parser *parser, struct sl_scan_options *options)
{
	if (!options->histogram)
		return 0;
	if (strcmp(options->histogram, "auto") != 0 &&
		!sl_timeline_parse_interval(options->histogram, &options->histogram_interval_s))
		return option_usage(parser,
			"option '--histogram': '%s' is not an interval (write it as 30s, 10m, 1h, "
			"1d or 1w, at most 366d)",
			options->histogram);
	if (options->print || options->count || options->quiet || options->files_with_matches ||
		options->files_without_match)
		return option_usage(parser,
			"--histogram is for the table and --json: use it without -p, -c, -q, -l "
			"and -L");
	return 0;
}

static bool
is_standard_stream(const char *file)
{
	return file && strcmp(file, "-") == 0;
}

static int
check_kinds(struct option_parser *parser, const struct sl_scan_options *options)
{
	bool has_kinds = options->top != SL_OPTION_TOP_AUTO && options->top > 0;
	bool lists = options->files_with_matches || options->files_without_match;
	if (is_standard_stream(options->digest_out) || is_standard_stream(options->digest_base))
		return option_usage(parser,
			"a digest must be a file, not '-' (/dev/stdin and /dev/stdout "
			"are files)");
	if (options->digest_out && (options->quiet || lists))
		return option_usage(parser,
			"--digest-out needs all error lines: it cannot be combined "
			"with -q, -l or -L");
	if (options->digest_base && options->top == 0)
		return option_usage(parser,
			"--digest-base shows kinds of error lines, and --top 0 shows "
			"none: use one of them");
	if (!has_kinds && !options->digest_base)
		return 0;
	if (options->print || options->count || options->quiet || lists)
		return option_usage(parser,
			"%s is for the table and --json: it cannot be combined with "
			"-p, -c, -q, -l or -L",
			has_kinds ? "--top" : "--digest-base");
	return 0;
}

static int
check_follow(struct option_parser *parser, const struct sl_scan_options *options)
{
	bool is_listed = options->files_with_matches || options->files_without_match;
	if (!options->follow)
		return 0;
	if (options->inputs.count == 0)
		return option_usage(parser, "--follow needs names of files or directories");
	for (size_t i = 0; i < options->inputs.count; i++)
		if (strcmp(options->inputs.items[i], "-") == 0)
			return option_usage(parser,
				"standard input cannot be followed: without --follow it "
				"is read to its end, however long that takes");
	if (options->count || options->quiet || is_listed || options->by_pattern ||
		options->histogram || options->digest_out || options->digest_base ||
		(options->top && options->top != SL_OPTION_TOP_AUTO))
		return option_usage(parser,
			"--follow prints lines as they come: it does not work with -c, "
			"-q, -l, -L, --by-pattern, --histogram, --top, --digest-out "
			"and --digest-base");
	if (sl_scan_has_context(options) || options->max_count != UINT64_MAX)
		return option_usage(parser, "--follow does not work with -A, -B, -C and -m");
	return 0;
}

static int
check_sorted(struct option_parser *parser, const struct sl_scan_options *options)
{
	if (options->sorted_slack_ns == SL_OPTION_NOT_SORTED)
		return 0;
	if (!options->since && !options->until)
		return option_usage(parser,
			"--sorted is for finding a period of time: use it with --since or --until");
	if (options->state || options->follow)
		return option_usage(parser,
			"--state and --follow scan what is new as a whole: use them "
			"without --sorted");
	return 0;
}

static int
check_columns(struct option_parser *parser, const struct sl_scan_options *options)
{
	bool lists = options->files_with_matches || options->files_without_match;
	bool has_lines = options->print || options->count || options->quiet || lists;
	if (options->max_columns == SL_OPTION_AUTO_COLUMNS || has_lines || options->json)
		return 0;
	return option_usage(parser, "--max-columns is for lines that are printed: use it with -p");
}

static int
check_scan(struct option_parser *parser, struct sl_scan_options *options)
{
	bool lists = options->files_with_matches || options->files_without_match;
	options->chunk = sl_round_up(options->chunk, 4096);
	if (options->follow && options->json)
		options->print = true;
	bool implies_print = options->follow || options->line_number || options->only_matching ||
			     sl_scan_has_context(options);
	options->print = options->print || (implies_print && !options->json);
	/* As with grep: of lines that are only counted, or only looked for, none is printed. */
	options->print = options->print && !options->count && !options->quiet && !lists;
	if (lists && options->json)
		return option_usage(parser,
			"-l and -L print names, and --json prints events: use one of "
			"them (the event 'end' of an input has its 'matched_lines')");
	if (options->by_pattern && options->invert_match)
		return option_usage(parser,
			"--by-pattern counts the lines that match each pattern, and -v "
			"selects those that match none: use one of them");
	if (options->by_pattern && !options->json && (options->print || options->count || lists))
		return option_usage(parser,
			"--by-pattern belongs to the table or to --json: it does not "
			"work with -p, -o, -c, -l and -L");
	if (options->by_pattern && options->records)
		return option_usage(parser,
			"--by-pattern counts lines, and --records counts records: use "
			"one of them");
	int code = check_pattern_files(parser, options);
	if (!code)
		code = check_level(parser, options);
	if (!code)
		code = check_histogram(parser, options);
	if (!code)
		code = check_kinds(parser, options);
	if (!code)
		code = check_follow(parser, options);
	if (!code)
		code = check_sorted(parser, options);
	if (!code)
		code = check_columns(parser, options);
	if (!code)
		code = option_check_network(parser, &options->network);
	if (code)
		return code;
	if (options->chunk > options->max_memory / 2)
		return option_usage(parser,
			"two chunks must fit into --max-memory: lower --chunk or "
			"raise --max-memory");
	return 0;
}

int
sl_scan_options_parse(struct sl_scan_options *out, const struct sl_config *config, int argc,
	char **argv, struct sl_error *err)
{
	struct option_parser parser = { .command = sl_command_find("scan"),
		.result = out,
		.argc = argc,
		.argv = argv,
		.err = err,
		.config = config };
	option_init_scan(out);
	int code = option_apply_config(&parser);
	if (code == 0)
		code = option_parse(&parser, &out->inputs);
	return code == 0 ? check_scan(&parser, out) : code;
}

void
sl_scan_options_release(struct sl_scan_options *options)
{
	option_release_rules(&options->rules);
	option_release_network(&options->network);
	free(options->inputs.items);
	free(options->patterns.items);
	free(options->pattern_files.items);
	options->inputs = options->patterns = options->pattern_files = (struct sl_words){ 0 };
}
