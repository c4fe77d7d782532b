/*
 * get_options.c - the options of `sluice get`: their defaults, and the rules that concern several
 * of them.
 */
#include "option_int.h"

#include <stdlib.h>

static int
check_mirrors(struct option_parser *parser, const struct sl_get_options *options, bool single)
{
	if (options->mirrors.count > 0 && !single)
		return option_usage(parser,
			"--mirror names another source of exactly one URL; in a list, separate "
			"the URLs of a file by TAB");
	if (options->mirrors.count >= SL_ENTRY_SOURCES)
		return option_usage(
			parser, "a file can have at most %d mirrors", SL_ENTRY_SOURCES - 1);
	for (size_t i = 0; i < options->mirrors.count; i++) {
		struct sl_url url;
		struct sl_error why = { 0 };
		if (sl_url_parse(&url, sl_span_str(options->mirrors.items[i]), &why) != 0)
			return option_usage(parser, "option '--mirror': %s", why.text);
		sl_url_release(&url);
	}
	return 0;
}

/* What is taken over becomes a part with a journal, and needs a name that is known before the
 * request; the other values of --if-exists leave a file that exists alone. */
static int
check_takeover(struct option_parser *parser, const struct sl_get_options *options)
{
	const char *name = options->adopt ? "--adopt" : options->append ? "--append" : NULL;
	bool keeps =
		options->if_exists != SL_EXISTS_AUTO && options->if_exists != SL_EXISTS_REPLACE;
	if (options->adopt && options->append)
		return option_usage(parser,
			"--adopt and --append exclude each other: --adopt completes a "
			"file that another program has left, --append one that has "
			"grown on the server");
	if (options->keep_journal && !options->resume)
		return option_usage(
			parser, "--keep-journal needs the journal that --no-continue omits");
	if (!name)
		return 0;
	if (!options->resume)
		return option_usage(
			parser, "%s resumes a file, which --no-continue excludes", name);
	if (keeps)
		return option_usage(parser, "%s works with --if-exists=auto or replace only", name);
	if (options->content_disposition)
		return option_usage(parser,
			"%s needs a name that is known before the request: it does not work with "
			"--content-disposition",
			name);
	if (options->output && strcmp(options->output, "-") == 0)
		return option_usage(parser, "-o - writes no file, so %s has no effect", name);
	return 0;
}

static int
check_get_scan(struct option_parser *parser, struct sl_get_options *options)
{
	struct sl_scan_options *scan = &options->scanning;
	bool has_options = scan->patterns.count > 0 || scan->fixed_strings || scan->ignore_case ||
			   scan->print || scan->records;
	bool has_period = scan->since || scan->until;
	if ((has_options || has_period) && !options->scan)
		return option_usage(parser,
			"--regexp, --fixed-strings, --ignore-case, --records, --since, --until and "
			"--print say what is scanned: add --scan");
	if (options->scan && options->dry_run)
		return option_usage(parser, "--dry-run downloads nothing, so --scan has no effect");
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
check_get(struct option_parser *parser, struct sl_get_options *options)
{
	bool has_list = options->lists.count > 0;
	bool single = options->urls.count == 1 && !has_list;
	if (options->urls.count == 0 && !has_list && options->mirrors.count > 0)
		return option_usage(parser,
			"no URL given: --mirror names another source of a URL (links are "
			"not followed, as wget --mirror does)");
	if (options->urls.count == 0 && !has_list)
		return option_usage(parser, "no URL given; 'sluice get --help' shows the usage");
	unsigned stdins = options->sums && strcmp(options->sums, "-") == 0;
	for (size_t i = 0; i < options->lists.count; i++) {
		if (!options->lists.items[i][0])
			return option_usage(
				parser, "option '-i' (--input-file): FILE must not be empty");
		stdins += strcmp(options->lists.items[i], "-") == 0;
	}
	if (stdins > 1)
		return option_usage(parser, "standard input can be only one list");
	if (options->output && !single)
		return option_usage(parser,
			"-o takes exactly one URL; use -d to choose the directory for several");
	if (options->output && options->content_disposition)
		return option_usage(parser,
			"-o gives the name of the file, so --content-disposition has "
			"no effect: use one of them");
	if (options->output && options->tree)
		return option_usage(parser,
			"-o gives the name of the file, so --tree has no effect: use "
			"one of them; -d chooses the directory of the tree");
	if (options->checksum.kind != SL_CHECKSUM_NONE && !single)
		return option_usage(parser,
			"--checksum takes exactly one URL; in a list, use a checksum= "
			"line for each");
	int code = check_takeover(parser, options);
	if (!code)
		code = check_get_scan(parser, options);
	if (!code)
		code = option_check_network(parser, &options->network);
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
sl_get_options_parse(struct sl_get_options *out, const struct sl_config *config, int argc,
	char **argv, struct sl_error *err)
{
	struct option_parser parser = { .command = sl_command_find("get"),
		.result = out,
		.argc = argc,
		.argv = argv,
		.err = err,
		.config = config };
	*out = (struct sl_get_options){
		.dir = ".",
		.jobs = SL_OPTION_JOBS,
		.connections_per_host = SL_OPTION_PER_HOST,
		.segments = SL_OPTION_SEGMENTS,
		.min_segment = SL_OPTION_MIN_SEGMENT,
		.resume = true,
		.remote_time = true,
		.deadline_ns = SL_FOREVER,
		.max_memory = SL_OPTION_MEMORY,
	};
	option_init_network(&out->network);
	option_init_scan(&out->scanning);
	out->scanning.top = 0; /* what is pushed has no kinds */
	int code = option_apply_config(&parser);
	if (code == 0)
		code = option_parse(&parser, &out->urls);
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
	option_release_network(&options->network);
	sl_scan_options_release(&options->scanning);
}
