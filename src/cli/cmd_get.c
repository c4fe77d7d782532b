/*
 * cmd_get.c - `sluice get`: turns options into a batch, runs it, and derives the exit status.
 *
 *  - What the run may use is in get_budget.c.
 *  - --deadline is a deadline of the main task, so that it covers reading the list as well. What
 *    cannot be cancelled then (rt/io.h) is abandoned with the process, see sl_run.deadline_ns.
 *  - What is printed about files during the run is in get_events.c.
 */
#include "sluice/base/log.h"
#include "sluice/base/memory.h"
#include "sluice/base/redact.h"
#include "sluice/base/text.h"
#include "sluice/cli/commands.h"
#include "sluice/cli/console.h"
#include "sluice/cli/exit_status.h"
#include "sluice/cli/get_budget.h"
#include "sluice/cli/get_events.h"
#include "sluice/cli/get_scan.h"
#include "sluice/cli/options.h"
#include "sluice/cli/output.h"
#include "sluice/cli/request_fields.h"
#include "sluice/cli/run.h"
#include "sluice/cli/run_client.h"
#include "sluice/cli/run_credentials.h"
#include "sluice/cli/shard.h"
#include "sluice/cli/stats.h"
#include "sluice/download/batch.h"
#include "sluice/download/inputs.h"
#include "sluice/download/url_reader.h"
#include "sluice/rt/io.h"
#include "sluice/ui/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct get {
	struct sl_config config; /* what the options may point into */
	struct sl_get_options options;
	struct sl_proxies proxies;
	struct sl_request_fields fields;
	struct sl_get_events events;
	struct sl_get_scan scan;
	struct sl_batch *batch; /* while it runs; else NULL */
	struct sl_batch_summary summary;
	struct sl_error error;    /* of the run itself, not of a file */
	struct sl_shard shard;    /* count 0 = all inputs */
	struct sl_inputs *inputs; /* while it runs */
	struct sl_get_budget budget;
	struct sl_run_credentials credentials;
	enum sl_exit status;
};

/* ---- the inputs ---- */

/* Where the sizes of lists must fit: not known if other names are used than the lists have. A dry
 * run does better. */
static const char *
space_dir(const struct sl_get_options *options)
{
	bool is_known = !options->dry_run && !options->output && !options->tree &&
			!options->content_disposition && !options->decompress;
	return is_known ? options->dir ? options->dir : "." : NULL;
}

SL_SUSPENDS
static int
open_inputs(struct get *get, struct sl_http_client *client)
{
	const struct sl_get_options *options = &get->options;
	const struct sl_inputs_options wanted = { .urls = options->urls.items,
		.url_count = options->urls.count,
		.mirrors = options->mirrors.items,
		.mirror_count = options->mirrors.count,
		.checksum = options->checksum,
		.lists = options->lists.items,
		.list_count = options->lists.count,
		.base_url = options->base_url,
		.sums = options->sums,
		.space_dir = space_dir(options),
		.shard_index = get->shard.index,
		.shard_count = get->shard.count,
		.client = client,
		.retry = sl_run_retry_policy(&options->network) };
	return sl_inputs_new(&get->inputs, &wanted, &get->error);
}

static void
count_inputs(struct get *get)
{
	get->events.inputs = sl_inputs_count(get->inputs, &get->events.has_all_inputs);
}

SL_SUSPENDS
static int
next_entry(void *ctx, struct sl_entry *out, struct sl_error *err)
{
	struct get *get = ctx;
	const struct sl_get_options *options = &get->options;
	int got = sl_inputs_next(get->inputs, out, err);
	if (got == 1 && options->network.referer && out->referer.len == 0)
		out->referer = sl_span_str(options->network.referer);
	count_inputs(get);
	return got;
}

/* ---- the run ---- */

struct engine_parts {
	struct sl_http_client *client;
	struct sl_chunk_pool *pool;
	struct sl_batch *batch;
};

SL_SUSPENDS
static int
make_client(struct get *get, struct sl_http_client **out)
{
	const struct sl_get_options *options = &get->options;
	struct sl_http_client_options wanted = sl_run_client_options(
		&options->network, &get->proxies, &get->fields, &get->credentials);
	wanted.per_host = options->connections_per_host;
	wanted.total = sl_get_budget_connections(&get->budget);
	wanted.tls_memory = get->budget.tls_memory;
	wanted.window_memory = get->budget.window_memory;
	wanted.streams = options->jobs;
	wanted.limit_rate = options->limit_rate;
	wanted.max_rps_milli = options->max_rps_milli;
	wanted.want_tls = get->budget.has_https;
	return sl_http_client_new(out, &wanted, &get->error);
}

static int
make_batch(struct get *get, struct engine_parts *parts)
{
	const struct sl_get_options *options = &get->options;
	struct sl_batch_options wanted = { .client = parts->client,
		.pool = parts->pool,
		.dir = options->dir,
		.output = options->output,
		.tree = options->tree,
		.server_names = options->content_disposition,
		.if_exists = options->if_exists,
		.jobs = options->jobs,
		.per_host = options->connections_per_host,
		.resume = options->resume,
		.verify_resume = options->verify_resume,
		.keep_journal = options->keep_journal,
		.adopt = options->adopt,
		.append = options->append,
		.segments = options->segments,
		.min_segment = options->min_segment,
		.fail_fast = options->fail_fast,
		.sync = options->sync,
		.remote_time = options->remote_time,
		.io = options->io,
		.allow_outside = options->allow_outside,
		.dry_run = options->dry_run,
		.compressed = options->compressed,
		.decompress = options->decompress,
		.decode_window_max = options->max_memory,
		.descriptors = get->budget.descriptors,
		.stall_timeout_ns = options->network.stall_timeout_ns,
		.retry = sl_run_retry_policy(&options->network),
		.source = next_entry,
		.source_ctx = get,
		.events = sl_get_events_table(&get->events),
		.tee = sl_get_scan_consumer(&get->scan) };
	return sl_batch_new(&parts->batch, &wanted);
}

/* The plan of a dry run cannot be carried out if files do not fit. A file that fails anyway is the
 * first reason. */
static void
check_space(struct get *get, const struct sl_plan *plan)
{
	for (size_t i = 0; i < plan->volume_count; i++) {
		const struct sl_plan_volume *volume = &plan->volumes[i];
		if (sl_plan_is_short(volume) && get->summary.failed == 0)
			sl_fail(&get->error, SL_PHASE_NONE, -ENOSPC,
				"not enough space in '%s': %s needed, %s free", volume->path,
				sl_units_size(volume->needed_bytes).text,
				sl_units_size(volume->free_bytes).text);
	}
}

/* The deadline ended the run between two files: no file failed, but some inputs were not begun. */
static void
report_deadline(struct get *get, int code)
{
	const struct sl_batch_summary *summary = &get->summary;
	if (code != -ETIMEDOUT || summary->failed > 0)
		return;
	sl_log_error("the time limit of the run was reached (--deadline): %s%llu inputs were not "
		     "begun",
		get->events.has_all_inputs ? "" : "the list was not read to its end, and ",
		(unsigned long long)(get->events.inputs - summary->files));
}

SL_SUSPENDS
static int
run_batch(struct get *get)
{
	struct engine_parts parts = { 0 };
	get->events.scan = &get->scan;
	sl_get_budget_share_memory(&get->budget, &get->options, sl_get_scan_memory(&get->scan));
	int code = make_client(get, &parts.client);
	if (!code)
		code = sl_get_budget_make_pool(
			&get->budget, &get->options, &parts.pool, &get->error);
	if (!code)
		code = make_batch(get, &parts);
	if (!code)
		code = open_inputs(get, parts.client);
	if (!code)
		code = sl_get_events_begin(&get->events, parts.batch);
	if (code) {
		sl_fail_code(&get->error, SL_PHASE_NONE, code, "cannot start");
	} else {
		count_inputs(get);
		get->batch = parts.batch;
		code = sl_batch_run(parts.batch, &get->summary);
		get->batch = NULL;
		if (get->summary.failed == 0)
			get->error = get->summary.first_error;
		report_deadline(get, code);
		sl_inputs_report(get->inputs);
		/* Their memory is for scanning now. */
		sl_http_client_free(parts.client);
		sl_chunk_pool_free(parts.pool);
		parts.client = NULL;
		parts.pool = NULL;
		int scanned = sl_get_scan_finish(&get->scan);
		code = code ? code : scanned;
		sl_get_events_end(&get->events, &get->summary, &get->error);
		check_space(get, sl_batch_plan(parts.batch));
	}
	sl_inputs_free(get->inputs);
	get->inputs = NULL;
	sl_batch_free(parts.batch);
	sl_http_client_free(parts.client);
	sl_chunk_pool_free(parts.pool);
	return code;
}

SL_SUSPENDS
static int
get_task(void *arg)
{
	struct get *get = arg;
	struct sl_deadline deadline;
	sl_deadline_begin(&deadline, sl_deadline_in(get->options.deadline_ns));
	int code = sl_get_scan_init(&get->scan, &get->options, &get->error);
	if (!code)
		code = run_batch(get);
	sl_deadline_end(&deadline);
	return code;
}

/* ---- after the run ---- */

static void
report_left_part(void *ctx, const char *path)
{
	(void)ctx;
	sl_log_error("'%s' was not removed: the disk did not respond in time (the next run resumes "
		     "or removes it)",
		path);
}

static void
report_unfinished(void *ctx, const struct sl_download *download)
{
	uint64_t *first = ctx;
	*first = SL_MIN(*first, download->index);
	sl_log_error("cannot download '%s': the time limit of the run was reached (--deadline), "
		     "and the file system of '%s' does not respond",
		download->url, download->path[0] ? download->path : ".");
}

/* The status of the first failed file in input order, as of any run. */
static int
abandoned(void *arg, int signo)
{
	const struct get *get = arg;
	uint64_t first = UINT64_MAX;
	if (!get->batch) {
		if (!signo)
			sl_log_error("the time limit of the run was reached (--deadline), and a "
				     "file system or the output does not respond");
		return SL_EXIT_TIMEOUT;
	}
	if (!signo)
		sl_batch_each(get->batch, report_unfinished, &first);
	sl_batch_each_part(get->batch, report_left_part, NULL);
	const struct sl_batch_summary *summary = sl_batch_summary(get->batch);
	if (summary->failed > 0 && summary->first_index < first && summary->first_error.code)
		return (int)sl_exit_status(&summary->first_error);
	return SL_EXIT_TIMEOUT;
}

static void
report_part_of_failed_run(void *ctx, const char *path)
{
	(void)ctx;
	sl_log_error("'%s' is left incomplete (the next run resumes or removes it)", path);
}

/* The ring could not be set up, or has failed during the run. */
static void
fail_run(const struct get *get, const struct sl_error *err)
{
	sl_log_error("%s%s", err->text,
		get->batch ? "; files that are not reported as done are not complete" : "");
	if (get->batch)
		sl_batch_each_part(get->batch, report_part_of_failed_run, NULL);
}

static void
at_end(void *arg, struct sl_rt *rt)
{
	struct get *get = arg;
	if (!get->options.stats)
		return;
	struct sl_buf text = { 0 };
	const struct sl_batch_summary *summary = &get->summary;
	struct sl_stats_stage stages[7] = { { "network", summary->network_ns },
		{ "disk", summary->disk_ns }, { "hash", summary->hash_ns },
		{ "commit", summary->commit_ns } };
	size_t count = 4;
	if (get->options.compressed || get->options.decompress)
		stages[count++] = (struct sl_stats_stage){ "decode", summary->decode_ns };
	if (get->options.scan)
		stages[count++] = (struct sl_stats_stage){ "scan", summary->tee_ns };
	if (get->options.limit_rate)
		stages[count++] = (struct sl_stats_stage){ "rate limit", summary->limited_ns };
	sl_stats_print(&text, rt, stages, count);
	sl_get_add_segments(&text, summary);
	sl_console_print(sl_buf_span(&text));
	sl_buf_release(&text);
}

static enum sl_exit
status_of(const struct get *get, int code)
{
	const struct sl_batch_summary *summary = &get->summary;
	/* Writing the events to stdout failed. SL_EXIT_IO whatever the code is: -ENOSPC would else
	 * be reported as a full disk of the downloads. */
	if (get->error.phase == SL_PHASE_WRITE)
		return SL_EXIT_IO;
	if (get->error.code)
		return sl_exit_status(&get->error);
	if (summary->failed > 0) {
		const struct sl_error *first = &summary->first_error;
		if (sl_get_is_to_stdout(&get->options) && first->phase == SL_PHASE_WRITE)
			return first->code == -EPIPE ? SL_EXIT_DONE : SL_EXIT_IO;
		return first->code ? sl_exit_status(first) : SL_EXIT_OTHER;
	}
	if (code == -ETIMEDOUT)
		return SL_EXIT_TIMEOUT;
	return code ? SL_EXIT_OTHER : SL_EXIT_DONE;
}

/* Lists are typed only if they are URLs: a file may have a name like one. */
static int
init_credentials(struct get *get, struct sl_error *err)
{
	const struct sl_get_options *options = &get->options;
	struct sl_run_credentials *credentials = &get->credentials;
	int code = sl_run_credentials_init(credentials, &options->network.auth, getenv, err);
	if (code)
		return code;
	code = sl_run_credentials_add_all(credentials, &options->urls);
	if (!code)
		code = sl_run_credentials_add_all(credentials, &options->mirrors);
	if (!code)
		code = sl_run_credentials_add(credentials, options->base_url);
	for (size_t i = 0; i < options->lists.count && !code; i++)
		if (sl_url_reader_takes(options->lists.items[i]))
			code = sl_run_credentials_add(credentials, options->lists.items[i]);
	if (!code && options->sums && sl_url_reader_takes(options->sums))
		code = sl_run_credentials_add(credentials, options->sums);
	return code ? sl_fail_code(err, SL_PHASE_NONE, code, "cannot start") : 0;
}

static enum sl_log_level
level_of(const struct sl_get_options *options)
{
	bool events_only = options->json && sl_get_is_to_stdout(options);
	if (options->quiet || (events_only && options->verbose == 0))
		return SL_LOG_ERROR;
	return options->verbose == 0   ? SL_LOG_WARN
	       : options->verbose == 1 ? SL_LOG_INFO
				       : SL_LOG_DEBUG;
}

/* No bars while events or a file are written to the same terminal. */
static enum sl_option_progress
progress_of(const struct sl_get_options *options)
{
	bool to_stdout = sl_get_is_to_stdout(options);
	int scan_fd = to_stdout ? STDERR_FILENO : STDOUT_FILENO;
	bool shares = isatty(STDOUT_FILENO) && (options->json || options->dry_run || to_stdout);
	shares = shares || (options->scanning.print && isatty(scan_fd));
	bool automatic = options->progress == SL_OPTION_PROGRESS_AUTO;
	if (options->quiet || (automatic && (shares || (options->json && to_stdout))))
		return SL_OPTION_PROGRESS_NONE;
	return options->progress;
}

static void
set_console(const struct sl_get_options *options)
{
	struct sl_console_setting setting = { .level = level_of(options),
		.colour = options->colour,
		.progress = progress_of(options) };
	sl_console_configure(&setting);
}

static void
release(struct get *get)
{
	sl_get_scan_release(&get->scan);
	sl_get_events_release(&get->events);
	sl_run_credentials_release(&get->credentials);
	sl_proxies_release(&get->proxies);
	sl_request_fields_release(&get->fields);
	sl_get_options_release(&get->options);
	sl_config_release(&get->config);
}

static int
usage(struct get *get, struct sl_error *err)
{
	sl_log_error("%s", err->text);
	release(get);
	return err->code == -ENOMEM ? SL_EXIT_OTHER : SL_EXIT_USAGE;
}

static int
parse_options(struct get *get, int argc, char **argv, struct sl_error *err)
{
	struct sl_config_choice choice;
	int code = sl_options_choose_config(&choice, "get", argc, argv, err);
	if (!code)
		code = sl_config_read(&get->config, &choice, getenv, err);
	return code ? code : sl_get_options_parse(&get->options, &get->config, argc, argv, err);
}

int
sl_cmd_get(int argc, char **argv)
{
	struct get get = { 0 };
	struct sl_error err = { 0 };
	struct sl_run run = {
		.fn = get_task, .arg = &get, .at_end = at_end, .abandoned = abandoned
	};
	int code = parse_options(&get, argc, argv, &err);
	if (code == SL_OPTIONS_HELP) {
		release(&get);
		return sl_show_help("get");
	}
	/* --referer is that of each entry. */
	if (!code && sl_request_fields_init(&get.fields, &get.options.network.headers, NULL) != 0)
		code = sl_fail_code(&err, SL_PHASE_NONE, -ENOMEM, "cannot start");
	if (!code && get.options.shard)
		code = sl_shard_parse(&get.shard, get.options.shard, getenv, &err);
	if (!code)
		code = init_credentials(&get, &err);
	if (!code)
		code = sl_proxies_init(&get.proxies, &get.options.network.proxy, getenv, &err);
	if (code)
		return usage(&get, &err);
	set_console(&get.options);
	if (get.config.count)
		sl_log_info("options of '%s' are used", get.config.path);
	sl_run_fit_memory(&get.options.max_memory, sl_memory_available(), SL_OPTION_MEMORY_MIN);
	sl_get_events_init(&get.events, &get.options);
	run.workers = get.options.workers;
	if (get.options.deadline_ns != SL_FOREVER)
		run.deadline_ns = get.options.deadline_ns;
	code = sl_get_budget_init(&get.budget, &get.options, &err);
	if (!code)
		code = sl_run_command(&run, &err);
	if (code) {
		fail_run(&get, &err);
		if (!run.is_stuck)
			release(&get);
		sl_run_end(&run);
		return SL_EXIT_OTHER;
	}
	if (get.error.code && !run.signo)
		sl_log_error("%s", get.error.text);
	get.status = status_of(&get, run.result);
	release(&get);
	sl_run_end(&run);
	return (int)get.status;
}
