/*
 * options.c - parses a command line by the command's table (option_table.c) into its result.
 *
 *  - Options and operands may be mixed; "--" ends the options, and "-" is an operand.
 *  - A value follows after "=", as the next word or, with a letter, in the same word; "--name="
 *    gives an empty value.
 *  - The first error ends the parsing. Its message contains the option as it was written, the
 *    value, and what would be accepted.
 *  - Rules that concern several options are checked at the end (check_get, check_scan).
 */
#include "sluice/cli/options.h"

#include "sluice/base/number.h"
#include "sluice/logline/timeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct parser {
	const struct sl_command *command;
	void *result;
	int argc, next; /* next: index in argv of the next word to parse */
	char **argv;
	struct sl_error *err;
};

/* An option as it appears in messages: "'-j' (--jobs)", "'--json'". */
struct shown_name {
	char text[64];
};

static struct shown_name
shown_name(const struct sl_option *option, bool by_letter)
{
	struct shown_name out;
	if (by_letter && option->name)
		snprintf(out.text, sizeof(out.text), "'-%c' (--%s)", option->letter, option->name);
	else if (by_letter)
		snprintf(out.text, sizeof(out.text), "'-%c'", option->letter);
	else
		snprintf(out.text, sizeof(out.text), "'--%s'", option->name);
	return out;
}

#define usage(parser, ...) sl_fail((parser)->err, SL_PHASE_NONE, SL_E_USAGE, __VA_ARGS__)

static int
unknown_option(struct parser *parser, const char *word)
{
	struct sl_option_hint hint = sl_option_hint(parser->command, word);
	if (hint.text[0])
		return usage(parser, "unknown option '%s': %s", word, hint.text);
	return usage(parser, "unknown option '%s'; 'sluice %s --help' lists the options", word,
		parser->command->name);
}

/* ---- values ---- */

struct bound {
	char text[32];
};

/* A limit as the user would type it. */
static struct bound
bound(enum sl_option_kind kind, uint64_t value)
{
	static const char units[] = "KMGT";
	struct bound out;
	const char *suffix = "";
	char unit[2] = "";
	if (kind == SL_OPTION_SIZE) {
		for (size_t i = 0; units[i] && value >= 1024 && value % 1024 == 0;
			i++, value /= 1024)
			unit[0] = units[i];
		suffix = unit;
	} else if (kind == SL_OPTION_DURATION) {
		bool hours = value % (3600 * SL_NS_PER_S) == 0;
		value /= hours ? 3600 * SL_NS_PER_S : SL_NS_PER_MS;
		suffix = hours ? "h" : "ms";
	} else if (kind == SL_OPTION_MILLI) {
		snprintf(out.text, sizeof(out.text), "%.10g", (double)value / 1000);
		return out;
	}
	snprintf(out.text, sizeof(out.text), "%llu%s", (unsigned long long)value, suffix);
	return out;
}

static int
out_of_range(
	struct parser *parser, const struct sl_option *option, const char *name, const char *value)
{
	return usage(parser, "option %s: '%s' is out of range, from %s to %s", name, value,
		bound(option->kind, option->min).text, bound(option->kind, option->max).text);
}

static int
parse_number(struct parser *parser, const struct sl_option *option, const char *name,
	const char *value, uint64_t *out)
{
	switch (option->kind) {
	case SL_OPTION_SIZE:
		if (!sl_parse_size(value, out))
			return usage(parser,
				"option %s: '%s' is not a size (write it as 64M or 1.5G%s%s)", name,
				value, option->elsewhere ? "; " : "",
				option->elsewhere ? option->elsewhere : "");
		break;
	case SL_OPTION_DURATION:
		if (!sl_parse_duration(value, out))
			return usage(parser,
				"option %s: '%s' is not a time (write it as 30s, 500ms or 2h)",
				name, value);
		break;
	case SL_OPTION_MILLI:
		if (!sl_parse_milli(value, out))
			return usage(parser,
				"option %s: '%s' is not a number (write it as 10 or 0.5)", name,
				value);
		break;
	default:
		if (strspn(value, "0123456789") != strlen(value) || !*value)
			return usage(parser, "option %s: '%s' is not a whole number%s%s", name,
				value, option->elsewhere ? "; " : "",
				option->elsewhere ? option->elsewhere : "");
		if (!sl_parse_u64(value, strlen(value), out))
			return out_of_range(parser, option, name, value);
		break;
	}
	if (*out < option->min || *out > option->max)
		return out_of_range(parser, option, name, value);
	return 0;
}

static int
parse_choice(struct parser *parser, const struct sl_option *option, const char *name,
	const char *value, int *out)
{
	char known[128] = "";
	size_t len = 0;
	for (int i = 0; option->choices[i]; i++) {
		if (strcmp(option->choices[i], value) == 0) {
			*out = i;
			return 0;
		}
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i ? ", " : "",
			option->choices[i]);
		sl_assert(len < sizeof(known));
	}
	return usage(parser, "option %s: '%s' must be one of %s", name, value, known);
}

static int
parse_checksum(struct parser *parser, const char *name, const char *value, struct sl_checksum *out)
{
	struct sl_error why = { 0 };
	if (sl_checksum_parse(out, sl_span_str(value), &why) != 0)
		return usage(parser, "option %s: %s", name, why.text);
	return 0;
}

/* There are fewer than argc words, so the array never grows. */
static int
add_word(struct parser *parser, struct sl_words *words, const char *word)
{
	if (!words->items)
		words->items = calloc((size_t)parser->argc + 1, sizeof(*words->items));
	if (!words->items)
		return sl_fail(parser->err, SL_PHASE_NONE, -ENOMEM, "out of memory");
	words->items[words->count++] = word;
	return 0;
}

/* Names have no slash in them: such a glob would match nothing. One at the end of a directory's is
 * ignored, as with grep. */
static int
add_rule(struct parser *parser, const struct sl_option *option, struct sl_option_rules *rules,
	const char *value)
{
	size_t len = strlen(value);
	while (option->min == SL_WALK_EXCLUDE_DIRECTORY && len > 1 && value[len - 1] == '/')
		len--;
	if (len == 0 || memchr(value, '/', len))
		return usage(parser,
			"option '--%s': '%s' cannot match: GLOB is compared with the last "
			"component of a path",
			option->name, value);
	if (!rules->items)
		rules->items = calloc((size_t)parser->argc + 1, sizeof(*rules->items));
	char *glob = strndup(value, len);
	if (!rules->items || !glob) {
		free(glob);
		return sl_fail(parser->err, SL_PHASE_NONE, -ENOMEM, "out of memory");
	}
	rules->items[rules->count++] =
		(struct sl_walk_rule){ (enum sl_walk_rule_kind)option->min, glob };
	return 0;
}

static void
release_rules(struct sl_option_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free((char *)(uintptr_t)rules->items[i].glob);
	free(rules->items);
	*rules = (struct sl_option_rules){ 0 };
}

/* ---- one option ---- */

static int
apply_value(
	struct parser *parser, const struct sl_option *option, const char *name, const char *value)
{
	void *field = (char *)parser->result + option->offset;
	uint64_t number = 0;
	int code = 0;
	switch (option->kind) {
	case SL_OPTION_WORD:
		if (!*value)
			return usage(
				parser, "option %s: %s must not be empty", name, option->argument);
		*(const char **)field = value;
		return 0;
	case SL_OPTION_WORDS:
		return add_word(parser, field, value);
	case SL_OPTION_RULE:
		return add_rule(parser, option, field, value);
	case SL_OPTION_UNSIGNED:
		code = parse_number(parser, option, name, value, &number);
		if (code == 0)
			*(unsigned *)field = sl_u32(number);
		return code;
	case SL_OPTION_NUMBER:
	case SL_OPTION_SIZE:
	case SL_OPTION_DURATION:
	case SL_OPTION_MILLI:
		return parse_number(parser, option, name, value, field);
	case SL_OPTION_CHOICE:
		/* Every enum of the results is an int wide (asserted below). */
		return parse_choice(parser, option, name, value, field);
	default:
		sl_assert(option->kind == SL_OPTION_CHECKSUM);
		return parse_checksum(parser, name, value, field);
	}
}

_Static_assert(sizeof(enum sl_if_exists) == sizeof(int), "parse_choice writes an int");
_Static_assert(sizeof(enum sl_sync_mode) == sizeof(int), "parse_choice writes an int");
_Static_assert(sizeof(enum sl_io_mode) == sizeof(int), "parse_choice writes an int");
_Static_assert(sizeof(enum sl_colour_when) == sizeof(int), "parse_choice writes an int");
_Static_assert(sizeof(enum sl_option_progress) == sizeof(int), "parse_choice writes an int");

static int
apply_flag(struct parser *parser, const struct sl_option *option)
{
	char *result = parser->result;
	switch (option->kind) {
	case SL_OPTION_FLAG:
	case SL_OPTION_UNFLAG:
		*(bool *)(void *)(result + option->offset) = option->kind == SL_OPTION_FLAG;
		if (option->clears)
			*(bool *)(void *)(result + option->clears) = false;
		return 0;
	case SL_OPTION_TALLY:
		*(unsigned *)(void *)(result + option->offset) += 1;
		return 0;
	case SL_OPTION_SHOW_HELP:
		return SL_OPTIONS_HELP;
	default:
		return 0;
	}
}

static int
parse_long(struct parser *parser, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	for (size_t i = 0; i < parser->command->option_count; i++) {
		const struct sl_option *option = &parser->command->options[i];
		if (!option->name || !sl_span_is(sl_span(word + 2, len - 2), option->name))
			continue;
		struct shown_name name = shown_name(option, false);
		if (!option->argument && equals)
			return usage(parser, "option %s takes no value", name.text);
		if (!option->argument)
			return apply_flag(parser, option);
		if (equals)
			return apply_value(parser, option, name.text, equals + 1);
		if (option->omitted)
			return apply_value(parser, option, name.text, option->omitted);
		if (parser->next == parser->argc)
			return usage(
				parser, "option %s needs a value: %s", name.text, option->argument);
		return apply_value(parser, option, name.text, parser->argv[parser->next++]);
	}
	char cut[64];
	snprintf(cut, sizeof(cut), "%.*s", (int)SL_MIN(len, sizeof(cut)), word);
	return unknown_option(parser, cut);
}

/* "-j8", "-qv", "-qj", "8". */
static int
parse_letters(struct parser *parser, const char *word)
{
	for (const char *at = word + 1; *at; at++) {
		const struct sl_option *option = NULL;
		for (size_t i = 0; i < parser->command->option_count && !option; i++)
			if (parser->command->options[i].letter == *at)
				option = &parser->command->options[i];
		if (!option) {
			/* wget has options of two letters: "-nc". */
			bool whole = sl_option_hint(parser->command, word).text[0] != '\0';
			return unknown_option(parser, whole ? word : (char[]){ '-', *at, '\0' });
		}
		struct shown_name name = shown_name(option, true);
		int code = 0;
		if (!option->argument) {
			code = apply_flag(parser, option);
			if (code != 0)
				return code;
			continue;
		}
		if (at[1])
			return apply_value(parser, option, name.text, at + 1);
		if (parser->next == parser->argc)
			return usage(
				parser, "option %s needs a value: %s", name.text, option->argument);
		return apply_value(parser, option, name.text, parser->argv[parser->next++]);
	}
	return 0;
}

static int
parse(struct parser *parser, struct sl_words *operands)
{
	bool options_end = false;
	parser->next = 1;
	while (parser->next < parser->argc) {
		const char *word = parser->argv[parser->next++];
		int code = 0;
		if (options_end || word[0] != '-' || word[1] == '\0')
			code = add_word(parser, operands, word);
		else if (strcmp(word, "--") == 0)
			options_end = true;
		else if (word[1] == '-')
			code = parse_long(parser, word);
		else
			code = parse_letters(parser, word);
		if (code != 0)
			return code;
	}
	return 0;
}

/* ---- commands ---- */

static const struct sl_scan_options scan_defaults = {
	.before = SL_OPTION_NO_CONTEXT,
	.after = SL_OPTION_NO_CONTEXT,
	.context = SL_OPTION_NO_CONTEXT,
	.max_columns = SL_OPTION_AUTO_COLUMNS,
	.max_count = UINT64_MAX,
	.top = SL_OPTION_TOP_AUTO,
	.chunk = SL_OPTION_CHUNK,
	.queue = SL_OPTION_QUEUE,
	.max_memory = SL_OPTION_MEMORY,
	.connect_timeout_ns = SL_OPTION_CONNECT_NS,
	.stall_timeout_ns = SL_OPTION_STALL_NS,
	.deadline_ns = SL_FOREVER,
	.retries = SL_OPTION_RETRIES,
	.retry_max_wait_ns = SL_OPTION_RETRY_WAIT_NS,
	.max_redirects = SL_OPTION_REDIRECTS,
};

static int
check_mirrors(struct parser *parser, const struct sl_get_options *options, bool single)
{
	if (options->mirrors.count > 0 && !single)
		return usage(parser,
			"--mirror names another source of exactly one URL; in a list, separate "
			"the URLs of a file by TAB");
	if (options->mirrors.count >= SL_ENTRY_SOURCES)
		return usage(parser, "a file can have at most %d mirrors", SL_ENTRY_SOURCES - 1);
	for (size_t i = 0; i < options->mirrors.count; i++) {
		struct sl_url url;
		struct sl_error why = { 0 };
		if (sl_url_parse(&url, sl_span_str(options->mirrors.items[i]), &why) != 0)
			return usage(parser, "option '--mirror': %s", why.text);
		sl_url_release(&url);
	}
	return 0;
}

/* What is taken over becomes a part with a journal, and needs a name that is known before the
 * request; the other values of --if-exists leave a file that exists alone. */
static int
check_takeover(struct parser *parser, const struct sl_get_options *options)
{
	const char *name = options->adopt ? "--adopt" : options->append ? "--append" : NULL;
	bool keeps =
		options->if_exists != SL_EXISTS_AUTO && options->if_exists != SL_EXISTS_REPLACE;
	if (options->adopt && options->append)
		return usage(parser, "--adopt and --append exclude each other: --adopt completes a "
				     "file that another program has left, --append one that has "
				     "grown on the server");
	if (options->keep_journal && !options->resume)
		return usage(parser, "--keep-journal needs the journal that --no-continue omits");
	if (!name)
		return 0;
	if (!options->resume)
		return usage(parser, "%s resumes a file, which --no-continue excludes", name);
	if (keeps)
		return usage(parser, "%s works with --if-exists=auto or replace only", name);
	if (options->content_disposition)
		return usage(parser,
			"%s needs a name that is known before the request: it does not work with "
			"--content-disposition",
			name);
	if (options->output && strcmp(options->output, "-") == 0)
		return usage(parser, "-o - writes no file, so %s has no effect", name);
	return 0;
}

static int
check_get_scan(struct parser *parser, struct sl_get_options *options)
{
	struct sl_scan_options *scan = &options->scanning;
	bool has_options = scan->patterns.count > 0 || scan->fixed_strings || scan->ignore_case ||
			   scan->print || scan->records;
	bool has_period = scan->since || scan->until;
	if ((has_options || has_period) && !options->scan)
		return usage(parser,
			"--regexp, --fixed-strings, --ignore-case, --records, --since, --until and "
			"--print say what is scanned: add --scan");
	if (options->scan && options->dry_run)
		return usage(parser, "--dry-run downloads nothing, so --scan has no effect");
	scan->json = options->json;
	scan->verbose = options->verbose > 0;
	scan->colour = options->colour;
	scan->is_of_get = scan->with_filename = scan->no_line_number = true;
	scan->max_memory = options->max_memory;
	scan->workers = options->workers;
	return 0;
}

/* Rules that concern several options. */
static int
check_get(struct parser *parser, struct sl_get_options *options)
{
	bool has_list = options->lists.count > 0;
	bool single = options->urls.count == 1 && !has_list;
	if (options->urls.count == 0 && !has_list && options->mirrors.count > 0)
		return usage(parser,
			"no URL given: --mirror names another source of a URL (links are "
			"not followed, as wget --mirror does)");
	if (options->urls.count == 0 && !has_list)
		return usage(parser, "no URL given; 'sluice get --help' shows the usage");
	unsigned stdins = options->sums && strcmp(options->sums, "-") == 0;
	for (size_t i = 0; i < options->lists.count; i++) {
		if (!options->lists.items[i][0])
			return usage(parser, "option '-i' (--input-file): FILE must not be empty");
		stdins += strcmp(options->lists.items[i], "-") == 0;
	}
	if (stdins > 1)
		return usage(parser, "standard input can be only one list");
	if (options->output && !single)
		return usage(parser,
			"-o takes exactly one URL; use -d to choose the directory for several");
	if (options->output && options->content_disposition)
		return usage(parser, "-o gives the name of the file, so --content-disposition has "
				     "no effect: use one of them");
	if (options->output && options->tree)
		return usage(parser, "-o gives the name of the file, so --tree has no effect: use "
				     "one of them; -d chooses the directory of the tree");
	if (options->checksum.kind != SL_CHECKSUM_NONE && !single)
		return usage(parser, "--checksum takes exactly one URL; in a list, use a checksum= "
				     "line for each");
	int code = check_takeover(parser, options);
	if (!code)
		code = check_get_scan(parser, options);
	return code ? code : check_mirrors(parser, options, single);
}

/* Other names of standard output: events and bars must not be mixed with it under these either. */
static bool
is_stdout(const char *path)
{
	static const char *const names[] = { "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return false;
}

int
sl_get_options_parse(struct sl_get_options *out, int argc, char **argv, struct sl_error *err)
{
	struct parser parser = { .command = sl_command_find("get"),
		.result = out,
		.argc = argc,
		.argv = argv,
		.err = err };
	*out = (struct sl_get_options){
		.dir = ".",
		.jobs = SL_OPTION_JOBS,
		.connections_per_host = SL_OPTION_PER_HOST,
		.segments = SL_OPTION_SEGMENTS,
		.min_segment = SL_OPTION_MIN_SEGMENT,
		.resume = true,
		.remote_time = true,
		.connect_timeout_ns = SL_OPTION_CONNECT_NS,
		.stall_timeout_ns = SL_OPTION_STALL_NS,
		.deadline_ns = SL_FOREVER,
		.retries = SL_OPTION_RETRIES,
		.retry_max_wait_ns = SL_OPTION_RETRY_WAIT_NS,
		.max_redirects = SL_OPTION_REDIRECTS,
		.max_memory = SL_OPTION_MEMORY,
		.scanning = scan_defaults,
	};
	out->scanning.top = 0; /* what is pushed has no kinds */
	int code = parse(&parser, &out->urls);
	if (out->output && is_stdout(out->output))
		out->output = "-";
	return code == 0 ? check_get(&parser, out) : code;
}

bool
sl_get_is_to_stdout(const struct sl_get_options *options)
{
	return options->output && strcmp(options->output, "-") == 0;
}

void
sl_get_options_release(struct sl_get_options *options)
{
	free(options->urls.items);
	free(options->lists.items);
	free(options->mirrors.items);
	options->urls = options->lists = options->mirrors = (struct sl_words){ 0 };
	sl_scan_options_release(&options->scanning);
}

bool
sl_scan_has_context(const struct sl_scan_options *options)
{
	return options->before != SL_OPTION_NO_CONTEXT || options->after != SL_OPTION_NO_CONTEXT ||
	       options->context != SL_OPTION_NO_CONTEXT;
}

/* What patterns are read from cannot be scanned as well. */
static int
check_pattern_files(struct parser *parser, const struct sl_scan_options *options)
{
	bool is_stdin = options->inputs.count == 0;
	unsigned stdins = 0;
	for (size_t i = 0; i < options->pattern_files.count; i++) {
		if (!options->pattern_files.items[i][0])
			return usage(parser, "option '-f' (--file): FILE must not be empty");
		stdins += strcmp(options->pattern_files.items[i], "-") == 0;
	}
	for (size_t i = 0; i < options->inputs.count; i++)
		is_stdin = is_stdin || strcmp(options->inputs.items[i], "-") == 0;
	if (stdins > 1)
		return usage(parser, "'-f -' can be given only once: it reads standard input to "
				     "its end");
	if (stdins && is_stdin)
		return usage(parser, "'-f -' takes the patterns from standard input, which cannot "
				     "be scanned as well: name files or directories");
	return 0;
}

static int
check_level(struct parser *parser, struct sl_scan_options *options)
{
	if (!options->level_name)
		return 0;
	options->level = sl_level_of_name(sl_span_str(options->level_name));
	if (!options->level)
		return usage(parser,
			"option '--level': '%s' is not a level (use trace, debug, info, notice, "
			"warning, error or critical)",
			options->level_name);
	if (options->patterns.count || options->pattern_files.count)
		return usage(parser, "--level selects lines by their own level, not by a pattern: "
				     "use it without -e and -f");
	if (options->fixed_strings || options->ignore_case || options->word_regexp ||
		options->line_regexp)
		return usage(parser,
			"-F, -i, -w and -x are for patterns, which --level takes the place of");
	return 0;
}

static int
check_histogram(struct parser *parser, struct sl_scan_options *options)
{
	if (!options->histogram)
		return 0;
	if (strcmp(options->histogram, "auto") != 0 &&
		!sl_timeline_parse_interval(options->histogram, &options->histogram_interval_s))
		return usage(parser,
			"option '--histogram': '%s' is not an interval (write it as 30s, 10m, 1h, "
			"1d or 1w, at most 366d)",
			options->histogram);
	if (options->print || options->count || options->quiet || options->files_with_matches ||
		options->files_without_match)
		return usage(parser,
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
check_kinds(struct parser *parser, const struct sl_scan_options *options)
{
	bool has_kinds = options->top != SL_OPTION_TOP_AUTO && options->top > 0;
	bool lists = options->files_with_matches || options->files_without_match;
	if (is_standard_stream(options->digest_out) || is_standard_stream(options->digest_base))
		return usage(parser, "a digest must be a file, not '-' (/dev/stdin and /dev/stdout "
				     "are files)");
	if (options->digest_out && (options->quiet || lists))
		return usage(parser, "--digest-out needs all error lines: it cannot be combined "
				     "with -q, -l or -L");
	if (options->digest_base && options->top == 0)
		return usage(parser, "--digest-base shows kinds of error lines, and --top 0 shows "
				     "none: use one of them");
	if (!has_kinds && !options->digest_base)
		return 0;
	if (options->print || options->count || options->quiet || lists)
		return usage(parser,
			"%s is for the table and --json: it cannot be combined with "
			"-p, -c, -q, -l or -L",
			has_kinds ? "--top" : "--digest-base");
	return 0;
}

static int
check_follow(struct parser *parser, const struct sl_scan_options *options)
{
	bool is_listed = options->files_with_matches || options->files_without_match;
	if (!options->follow)
		return 0;
	if (options->inputs.count == 0)
		return usage(parser, "--follow needs names of files or directories");
	for (size_t i = 0; i < options->inputs.count; i++)
		if (strcmp(options->inputs.items[i], "-") == 0)
			return usage(parser,
				"standard input cannot be followed: without --follow it "
				"is read to its end, however long that takes");
	if (options->count || options->quiet || is_listed || options->by_pattern ||
		options->histogram || options->digest_out || options->digest_base ||
		(options->top && options->top != SL_OPTION_TOP_AUTO))
		return usage(parser,
			"--follow prints lines as they come: it does not work with -c, "
			"-q, -l, -L, --by-pattern, --histogram, --top, --digest-out "
			"and --digest-base");
	if (sl_scan_has_context(options) || options->max_count != UINT64_MAX)
		return usage(parser, "--follow does not work with -A, -B, -C and -m");
	return 0;
}

static int
check_columns(struct parser *parser, const struct sl_scan_options *options)
{
	bool lists = options->files_with_matches || options->files_without_match;
	bool has_lines = options->print || options->count || options->quiet || lists;
	if (options->max_columns == SL_OPTION_AUTO_COLUMNS || has_lines || options->json)
		return 0;
	return usage(parser, "--max-columns is for lines that are printed: use it with -p");
}

static int
check_scan(struct parser *parser, struct sl_scan_options *options)
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
		return usage(parser, "-l and -L print names, and --json prints events: use one of "
				     "them (the event 'end' of an input has its 'matched_lines')");
	if (options->by_pattern && options->invert_match)
		return usage(parser,
			"--by-pattern counts the lines that match each pattern, and -v "
			"selects those that match none: use one of them");
	if (options->by_pattern && !options->json && (options->print || options->count || lists))
		return usage(parser, "--by-pattern belongs to the table or to --json: it does not "
				     "work with -p, -o, -c, -l and -L");
	if (options->by_pattern && options->records)
		return usage(parser, "--by-pattern counts lines, and --records counts records: use "
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
		code = check_columns(parser, options);
	if (code)
		return code;
	if (options->chunk > options->max_memory / 2)
		return usage(parser, "two chunks must fit into --max-memory: lower --chunk or "
				     "raise --max-memory");
	return 0;
}

int
sl_scan_options_parse(struct sl_scan_options *out, int argc, char **argv, struct sl_error *err)
{
	struct parser parser = { .command = sl_command_find("scan"),
		.result = out,
		.argc = argc,
		.argv = argv,
		.err = err };
	*out = scan_defaults;
	int code = parse(&parser, &out->inputs);
	return code == 0 ? check_scan(&parser, out) : code;
}

void
sl_scan_options_release(struct sl_scan_options *options)
{
	release_rules(&options->rules);
	free(options->inputs.items);
	free(options->patterns.items);
	free(options->pattern_files.items);
	options->inputs = options->patterns = options->pattern_files = (struct sl_words){ 0 };
}
