/*
 * A command line, one word a line: "get" or "scan" and its words. What is accepted is within the
 * limits of the table, and what getopt_long makes of the same words with the same table, but for
 * abbreviations; what getopt_long refuses is refused, and what it takes is not, unless a value may
 * be wrong or options exclude each other. The rules between options are written down here again,
 * from the manual.
 */
#include "fuzz/fuzz.h"
#include "sluice/cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#define WORDS_MAX 64

/* What a header field may not have in it, or needs not to have. */
#define CONTROL_BYTES \
	"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16" \
	"\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"
#define OPTIONS_MAX 128
#define NO_LETTER 256 /* codes of options for getopt_long: from here on the index in the table */

struct line {
	char *words[WORDS_MAX + 1];
	int count;
};

/* What an option was given last, and how often it was given. */
struct given {
	const char *value;
	unsigned count;
	unsigned last; /* place in the order of all that were given */
};

struct oracle {
	struct given given[OPTIONS_MAX];
	unsigned order;
	bool is_refused;
	bool is_doubtful; /* a value was given that may be wrong */
	const char *operands[WORDS_MAX];
	size_t operand_count;
};

/* ---- the oracle ---- */

/* getopt_long takes abbreviations, which is a documented departure. */
static bool
has_abbreviation(const struct sl_command *command, const struct line *line)
{
	for (int i = 1; i < line->count; i++) {
		const char *word = line->words[i];
		size_t len = strcspn(word, "=");
		bool known = strncmp(word, "--", 2) != 0 || len <= 2;
		for (size_t k = 0; k < command->option_count && !known; k++) {
			const char *name = command->options[k].name;
			known = name && strlen(name) == len - 2 &&
				strncmp(name, word + 2, len - 2) == 0;
		}
		if (!known)
			return true;
	}
	return false;
}

static size_t
index_of_letter(const struct sl_command *command, int letter)
{
	size_t i = 0;
	while (command->options[i].letter != letter)
		must(++i < command->option_count);
	return i;
}

static bool
is_named(const struct sl_option *option, const char *name)
{
	return option->name && strcmp(option->name, name) == 0;
}

/* Words that are looked at after the parsing. */
static bool
is_surely_valid_word(const struct sl_option *option, const char *value)
{
	if (is_named(option, "mirror") || is_named(option, "resolve") ||
		is_named(option, "interface"))
		return false; /* URLs and addresses */
	if (is_named(option, "unix-socket") || is_named(option, "abstract-unix-socket"))
		return value[0] && strlen(value) <= 107;
	if (is_named(option, "regexp"))
		return true;
	if (is_named(option, "auth-origin") || is_named(option, "pinnedpubkey"))
		return false; /* a URL, a list of hashes */
	if (is_named(option, "user") && value[0] == ':')
		return false; /* without a name */
	if (is_named(option, "user-agent") || is_named(option, "referer") ||
		is_named(option, "user"))
		return value[0] && value[strcspn(value, CONTROL_BYTES)] == '\0';
	if (is_named(option, "level"))
		return strcmp(value, "error") == 0 || strcmp(value, "info") == 0;
	if (is_named(option, "histogram"))
		return strcmp(value, "auto") == 0 || strcmp(value, "10m") == 0;
	if (is_named(option, "output"))
		return value[0] && value[0] != '/'; /* there may be names of standard output */
	if (is_named(option, "file") || is_named(option, "digest-out") ||
		is_named(option, "digest-base"))
		return value[0] && strcmp(value, "-") != 0;
	return value[0] != '\0';
}

/* For kinds whose values are easily judged; others may be wrong. */
static bool
is_surely_valid(const struct sl_option *option, const char *value)
{
	switch (option->kind) {
	case SL_OPTION_FLAG:
	case SL_OPTION_UNFLAG:
	case SL_OPTION_TALLY:
	case SL_OPTION_IGNORED:
	case SL_OPTION_TEXT:
		return true;
	case SL_OPTION_WORDS:
	case SL_OPTION_WORD:
		return is_surely_valid_word(option, value);
	case SL_OPTION_UNSIGNED: {
		bool is_number = value[0] && strlen(value) < 10 &&
				 strspn(value, "0123456789") == strlen(value);
		unsigned long long number = is_number ? strtoull(value, NULL, 10) : 0;
		return is_number && number >= option->min && number <= option->max;
	}
	default:
		return false;
	}
}

static void
ask_getopt(struct oracle *oracle, const struct sl_command *command, const struct line *line)
{
	struct option longs[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 2], *at = letters;
	char *words[WORDS_MAX + 1];
	size_t count = 0;
	must(command->option_count <= OPTIONS_MAX);
	*at++ = ':';
	for (size_t i = 0; i < command->option_count; i++) {
		const struct sl_option *option = &command->options[i];
		if (option->letter)
			*at++ = option->letter;
		if (option->letter && option->argument)
			*at++ = ':';
		if (option->name)
			longs[count++] = (struct option){ option->name,
				option->omitted    ? optional_argument
				: option->argument ? required_argument
						   : no_argument,
				NULL, NO_LETTER + (int)i };
	}
	*at = '\0';
	longs[count] = (struct option){ 0 };
	memcpy(words, line->words, sizeof(words)); /* they are permuted */
	optind = 0;
	opterr = 0;
	for (int code; (code = getopt_long(line->count, words, letters, longs, NULL)) != -1;) {
		if (code == '?' || code == ':') {
			oracle->is_refused = true;
			return;
		}
		size_t index = code >= NO_LETTER ? (size_t)(code - NO_LETTER)
						 : index_of_letter(command, code);
		struct given *given = &oracle->given[index];
		given->value = optarg ? optarg : command->options[index].omitted;
		given->count++;
		given->last = ++oracle->order;
		bool is_sure = is_surely_valid(&command->options[index], given->value);
		oracle->is_doubtful = oracle->is_doubtful || !is_sure;
	}
	while (optind < line->count)
		oracle->operands[oracle->operand_count++] = words[optind++];
}

/* ---- rules between options ---- */

/* The flag that was given last among all that set or clear this bool. */
static bool
flag_wanted(const struct sl_command *command, const struct oracle *oracle, size_t offset, bool now)
{
	unsigned last = 0;
	bool value = now;
	for (size_t i = 0; i < command->option_count; i++) {
		const struct sl_option *option = &command->options[i];
		bool is_flag = option->kind == SL_OPTION_FLAG || option->kind == SL_OPTION_UNFLAG;
		bool sets = is_flag && option->offset == offset;
		bool clears = is_flag && option->clears && option->clears == offset;
		if ((!sets && !clears) || oracle->given[i].last <= last)
			continue;
		last = oracle->given[i].last;
		value = sets && option->kind == SL_OPTION_FLAG;
	}
	return value;
}

static size_t
index_of_name(const struct sl_command *command, const char *name)
{
	size_t i = 0;
	while (!is_named(&command->options[i], name))
		must(++i < command->option_count);
	return i;
}

/* The value given last, or NULL. */
static const char *
value_of(const struct sl_command *command, const struct oracle *oracle, const char *name)
{
	return oracle->given[index_of_name(command, name)].value;
}

static bool
is_on(const struct sl_command *command, const struct oracle *oracle, const char *name, bool usual)
{
	const struct sl_option *option = &command->options[index_of_name(command, name)];
	must(option->kind == SL_OPTION_FLAG);
	return flag_wanted(command, oracle, option->offset, usual);
}

static bool
has_context(const struct sl_command *command, const struct oracle *oracle)
{
	return value_of(command, oracle, "after-context") ||
	       value_of(command, oracle, "before-context") || value_of(command, oracle, "context");
}

/* What `sluice scan` is to write. */
struct scan_output {
	bool print, count, quiet, lists, json;
};

static struct scan_output
scan_output(const struct sl_command *command, const struct oracle *oracle)
{
	struct scan_output out = {
		.count = is_on(command, oracle, "count", false),
		.quiet = is_on(command, oracle, "quiet", false),
		.lists = is_on(command, oracle, "files-with-matches", false) ||
			 is_on(command, oracle, "files-without-match", false),
		.json = is_on(command, oracle, "json", false),
	};
	bool implied = is_on(command, oracle, "line-number", false) ||
		       is_on(command, oracle, "only-matching", false) ||
		       has_context(command, oracle);
	out.print = is_on(command, oracle, "print", false) || (implied && !out.json) ||
		    is_on(command, oracle, "follow", false);
	out.print = out.print && !out.count && !out.quiet && !out.lists;
	return out;
}

static bool
has_follow_conflict(const struct sl_command *command, const struct oracle *oracle)
{
	struct scan_output out = scan_output(command, oracle);
	const char *top = value_of(command, oracle, "top");
	bool has_stdin = false;
	if (!is_on(command, oracle, "follow", false))
		return false;
	for (size_t i = 0; i < oracle->operand_count; i++)
		has_stdin = has_stdin || strcmp(oracle->operands[i], "-") == 0;
	return has_stdin || oracle->operand_count == 0 || out.count || out.quiet || out.lists ||
	       is_on(command, oracle, "by-pattern", false) ||
	       value_of(command, oracle, "histogram") || value_of(command, oracle, "digest-out") ||
	       value_of(command, oracle, "digest-base") || (top && strtoull(top, NULL, 10) > 0) ||
	       value_of(command, oracle, "max-count") || has_context(command, oracle);
}

/* It is for a period, which --state and --follow do not look for. */
static bool
has_sorted_conflict(const struct sl_command *command, const struct oracle *oracle)
{
	bool has_period = value_of(command, oracle, "since") || value_of(command, oracle, "until");
	return value_of(command, oracle, "sorted") &&
	       (!has_period || value_of(command, oracle, "state") ||
		       is_on(command, oracle, "follow", false));
}

/* Of how hosts are reached; addresses of --interface are doubtful values. */
static bool
has_reach_conflict(const struct sl_command *command, const struct oracle *oracle)
{
	return value_of(command, oracle, "unix-socket") &&
	       value_of(command, oracle, "abstract-unix-socket");
}

/* A key belongs to a certificate, and what is not verified needs no authority. */
static bool
has_tls_conflict(const struct sl_command *command, const struct oracle *oracle)
{
	return (value_of(command, oracle, "key") && !value_of(command, oracle, "cert")) ||
	       (is_on(command, oracle, "insecure", false) &&
		       (value_of(command, oracle, "cacert") ||
			       value_of(command, oracle, "capath")));
}

/* A request has one kind of credentials, and there is one .netrc file. */
static bool
has_auth_conflict(const struct sl_command *command, const struct oracle *oracle)
{
	return (value_of(command, oracle, "user") && value_of(command, oracle, "bearer-file")) ||
	       (is_on(command, oracle, "netrc", false) && value_of(command, oracle, "netrc-file"));
}

static bool
has_scan_conflict(const struct sl_command *command, const struct oracle *oracle)
{
	struct scan_output out = scan_output(command, oracle);
	bool no_table = out.print || out.count || out.quiet || out.lists;
	bool by_pattern = is_on(command, oracle, "by-pattern", false);
	const char *top = value_of(command, oracle, "top");
	bool has_kinds =
		(top && strtoull(top, NULL, 10) > 0) || value_of(command, oracle, "digest-base");
	bool has_patterns = value_of(command, oracle, "regexp") ||
			    value_of(command, oracle, "file") ||
			    is_on(command, oracle, "fixed-strings", false) ||
			    is_on(command, oracle, "ignore-case", false) ||
			    is_on(command, oracle, "word-regexp", false) ||
			    is_on(command, oracle, "line-regexp", false);
	return (out.lists && out.json) || has_reach_conflict(command, oracle) ||
	       (by_pattern && is_on(command, oracle, "invert-match", false)) ||
	       (by_pattern && is_on(command, oracle, "records", false)) ||
	       (by_pattern && !out.json && (out.print || out.count || out.lists)) ||
	       (value_of(command, oracle, "level") && has_patterns) ||
	       (value_of(command, oracle, "histogram") && no_table) ||
	       (value_of(command, oracle, "digest-out") && (out.quiet || out.lists)) ||
	       (has_kinds && no_table) || has_follow_conflict(command, oracle) ||
	       has_sorted_conflict(command, oracle);
}

static bool
has_get_conflict(const struct sl_command *command, const struct oracle *oracle)
{
	bool adopts = is_on(command, oracle, "adopt", false);
	bool appends = is_on(command, oracle, "append", false);
	bool resumes = is_on(command, oracle, "continue", true);
	bool renames = is_on(command, oracle, "content-disposition", false);
	bool scans = is_on(command, oracle, "scan", false);
	const char *output = value_of(command, oracle, "output");
	const char *exists = value_of(command, oracle, "if-exists");
	bool keeps = exists && strcmp(exists, "auto") != 0 && strcmp(exists, "replace") != 0;
	bool is_stdout = output && strcmp(output, "-") == 0;
	bool has_scan_options =
		value_of(command, oracle, "regexp") || value_of(command, oracle, "since") ||
		value_of(command, oracle, "until") ||
		is_on(command, oracle, "fixed-strings", false) ||
		is_on(command, oracle, "ignore-case", false) ||
		is_on(command, oracle, "records", false) || is_on(command, oracle, "print", false);
	return (adopts && appends) || has_reach_conflict(command, oracle) ||
	       ((adopts || appends) && (!resumes || keeps || renames || is_stdout)) ||
	       (is_on(command, oracle, "keep-journal", false) && !resumes) ||
	       (output && (renames || is_on(command, oracle, "tree", false))) ||
	       (has_scan_options && !scans) || (scans && is_on(command, oracle, "dry-run", false));
}

/* ---- what was parsed ---- */

static void
check_words(const struct sl_words *words, const char *const *want, size_t count)
{
	must(words->count == count);
	for (size_t i = 0; i < count; i++)
		must(words->items[i] == want[i]);
}

static void
check_choice(const struct sl_option *option, const char *value, int chosen)
{
	int count = 0;
	while (option->choices[count])
		count++;
	must(chosen >= 0 && chosen < count && strcmp(option->choices[chosen], value) == 0);
}

static void
check_option(const struct sl_command *command, const struct oracle *oracle, size_t index,
	const char *result)
{
	const struct sl_option *option = &command->options[index];
	const struct given *given = &oracle->given[index];
	const void *field = result + option->offset;
	if (given->count == 0)
		return;
	switch (option->kind) {
	case SL_OPTION_FLAG:
	case SL_OPTION_UNFLAG: {
		bool now = *(const bool *)field;
		bool is_implied = strcmp(command->name, "scan") == 0 && is_named(option, "print");
		must(is_implied || flag_wanted(command, oracle, option->offset, now) == now);
		break;
	}
	case SL_OPTION_TALLY:
		must(*(const unsigned *)field == given->count);
		break;
	case SL_OPTION_WORD: {
		const char *word = *(const char *const *)field;
		/* Names of standard output are all "-". */
		must(word == given->value || strcmp(word, "-") == 0);
		break;
	}
	case SL_OPTION_TEXT:
		must(*(const char *const *)field == given->value);
		break;
	case SL_OPTION_UNSIGNED: {
		unsigned number = *(const unsigned *)field;
		must(number == strtoull(given->value, NULL, 10));
		must(number >= option->min && number <= option->max);
		break;
	}
	case SL_OPTION_NUMBER:
		must(*(const uint64_t *)field == strtoull(given->value, NULL, 10));
		break;
	case SL_OPTION_SIZE:
	case SL_OPTION_DURATION:
		must(*(const uint64_t *)field >= option->min);
		must(*(const uint64_t *)field <= option->max);
		break;
	case SL_OPTION_CHOICE:
		check_choice(option, given->value, *(const int *)field);
		break;
	default:
		must(option->kind != SL_OPTION_SHOW_HELP); /* it would have been the result */
		break;
	}
}

static void
check_parsed(const struct sl_command *command, const struct line *line, int code,
	const void *result, const struct sl_words *operands)
{
	struct oracle oracle = { 0 };
	ask_getopt(&oracle, command, line);
	must(!oracle.is_refused || code != 0);
	bool is_scan = strcmp(command->name, "scan") == 0;
	bool has_conflict = has_auth_conflict(command, &oracle) ||
			    has_tls_conflict(command, &oracle) ||
			    (is_scan ? has_scan_conflict(command, &oracle)
				     : has_get_conflict(command, &oracle));
	must(!has_conflict || code != 0);
	/* One operand and no list of others is what every other combination allows. */
	bool is_fine = !oracle.is_refused && !oracle.is_doubtful && !has_conflict &&
		       oracle.operand_count == 1;
	is_fine = is_fine && (is_scan || !value_of(command, &oracle, "input-file"));
	must(!is_fine || code == 0 || has_abbreviation(command, line));
	if (code != 0 || has_abbreviation(command, line))
		return;
	check_words(operands, oracle.operands, oracle.operand_count);
	for (size_t i = 0; i < command->option_count; i++)
		check_option(command, &oracle, i, result);
	/* Other options imply it. */
	if (is_scan)
		must(((const struct sl_scan_options *)result)->print ==
			scan_output(command, &oracle).print);
}

static void
check_outcome(int code, const struct sl_error *err)
{
	must(code == 0 || code == SL_OPTIONS_HELP || code == SL_E_USAGE);
	must((code == SL_E_USAGE) == (err->code == SL_E_USAGE));
	must(code != SL_E_USAGE || err->text[0]);
}

static void
parse_get(struct line *line)
{
	struct sl_get_options options;
	struct sl_error err = { 0 };
	int code = sl_get_options_parse(&options, NULL, line->count, line->words, &err);
	check_outcome(code, &err);
	check_parsed(sl_command_find("get"), line, code, &options, &options.urls);
	must(code != 0 || options.urls.count > 0 || options.lists.count > 0);
	sl_get_options_release(&options);
}

static void
parse_scan(struct line *line)
{
	struct sl_scan_options options;
	struct sl_error err = { 0 };
	int code = sl_scan_options_parse(&options, NULL, line->count, line->words, &err);
	check_outcome(code, &err);
	check_parsed(sl_command_find("scan"), line, code, &options, &options.inputs);
	must(code != 0 || (options.chunk % 4096 == 0 && options.chunk <= options.max_memory / 2));
	must(!options.with_filename || !options.no_filename);
	sl_scan_options_release(&options);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct line line = { 0 };
	char *text = malloc(len + 1);
	must(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(data[i] ? data[i] : '\n');
	text[len] = '\0';
	for (char *at = text; at && line.count < WORDS_MAX;)
		line.words[line.count++] = strsep(&at, "\n");
	if (strcmp(line.words[0], "scan") == 0)
		parse_scan(&line);
	else
		parse_get(&line);
	free(text);
	return 0;
}
