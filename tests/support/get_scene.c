#include "get_scene.h"

#include "run.h"
#include "scanned.h"
#include "shadow.h"

#include "sluice/base/random.h"
#include "sluice/rt/io.h"
#include "sluice/rt/task.h"

#include <errno.h>
#include <stdlib.h>

void
get_scene_init(struct get_scene *scene, struct sim *sim)
{
	*scene = (struct get_scene){ .sim = sim,
		.jobs = 4,
		.per_host = 4,
		.descriptors = 200,
		.segments = 1,
		.min_segment = SL_MIB,
		.chunks = 16,
		.chunk_size = 64 * SL_KIB,
		.remote_time = true,
		.connect_timeout_ns = 30 * SL_NS_PER_S,
		.stall_timeout_ns = 60 * SL_NS_PER_S,
		.directory_timeout_ns = 60 * SL_NS_PER_S,
		.run_ns = SL_FOREVER,
		.cancel_fd = -1 };
}

struct get_file *
get_scene_add(struct get_scene *scene, struct get_file file)
{
	sl_assert(scene->count < GET_FILES);
	if (file.before)
		sim_put_file(scene->sim, file.name, file.before, file.before_len, 0644);
	scene->files[scene->count] = file;
	return &scene->files[scene->count++];
}

char *
get_scene_body(uint64_t seed, size_t len)
{
	struct sl_random random;
	char *data = malloc(len + 8);
	sl_assert(data);
	sl_random_init(&random, seed + 77);
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = sl_random_next(&random);
		memcpy(data + i, &word, 8);
	}
	return data;
}

/* ---- the run ---- */

static int
next_entry(void *ctx, struct sl_entry *out, struct sl_error *err)
{
	struct get_scene *scene = ctx;
	if (scene->next > 0 && scene->entry_pause_ns && sl_sleep(scene->entry_pause_ns) != 0)
		return sl_fail_code(err, SL_PHASE_READ, -ECANCELED, "list");
	if (scene->next == scene->count)
		return 0;
	const struct get_file *file = &scene->files[scene->next++];
	*out = (struct sl_entry){ .sources = { sl_span_str(file->url) }, .source_count = 1 };
	if (file->dir)
		out->dir = sl_span_str(file->dir);
	if (file->mirror)
		out->sources[out->source_count++] = sl_span_str(file->mirror);
	if (file->mirror2)
		out->sources[out->source_count++] = sl_span_str(file->mirror2);
	if (file->header)
		out->headers[out->header_count++] = sl_span_str(file->header);
	int code = 0;
	if (file->checksum)
		code = sl_checksum_parse(&out->checksum, sl_span_str(file->checksum), err);
	if (file->pieces)
		out->pieces = *file->pieces;
	return code ? code : 1;
}

static struct get_file *
file_of(struct get_scene *scene, const struct sl_download *download)
{
	sim_check(scene->sim, download->index < scene->count, "an unknown download");
	return &scene->files[download->index];
}

static void
note_start(void *ctx, const struct sl_download *download)
{
	file_of(ctx, download)->begun++;
}

static void
note_retry(void *ctx, const struct sl_download *download)
{
	struct get_scene *scene = ctx;
	struct get_file *file = file_of(scene, download);
	file->retries++;
	file->wait_ns = download->wait_ns;
	sim_check(scene->sim, download->retries == file->retries, "another number of retries");
	sim_check(scene->sim, download->error->code < 0, "tried again without a failure");
	if (scene->retried)
		scene->retried(scene, download);
}

static void
note_end(void *ctx, const struct sl_download *download)
{
	struct get_scene *scene = ctx;
	struct get_file *file = file_of(scene, download);
	sim_check(scene->sim, !file->reported, "%s is reported twice", file->url);
	file->reported = true;
	file->state = download->state;
	file->error = *download->error;
	snprintf(file->path, sizeof(file->path), "%s", download->path);
	file->at_op = sim_ops(scene->sim);
	file->ended_ns = sl_now();
	struct sl_span content = { 0 };
	if (file->state == SL_DOWNLOAD_DONE && scene->shadow) {
		bool is_there = sim_content(scene->sim, download->path, &content);
		sim_check(scene->sim, is_there || download->streamed, "%s is not there", file->url);
		if (download->streamed)
			content = sl_span(file->data, file->len);
		file->was_scanned = shadow_has(scene->shadow, download, content);
	}
	if (scene->scanned)
		scanned_ended(scene->scanned, download,
			download->streamed ? sl_span(file->data, file->len)
					   : (struct sl_span){ 0 });
	file->received = download->received;
	file->resumed = download->resumed;
	file->fetched = download->fetched;
	for (size_t i = 0; i < SL_MIN(download->source_count, SL_COUNT_OF(file->delivered)); i++)
		file->delivered[i] = download->delivered[i];
	sim_check(scene->sim, file->resumed <= file->received, "%llu of %llu bytes were resumed",
		(unsigned long long)file->resumed, (unsigned long long)file->received);
	sim_check(scene->sim, file->received <= file->resumed + file->fetched,
		"%llu bytes, %llu of them resumed, but only %llu were fetched",
		(unsigned long long)file->received, (unsigned long long)file->resumed,
		(unsigned long long)file->fetched);
	/* Checked at once, not later: readers of the report may rely on it. */
	bool promised = file->state == SL_DOWNLOAD_DONE && scene->sync != SL_SYNC_NONE;
	sim_check(scene->sim,
		!promised || !file->name || scene->shared || file->has_lost ||
			sim_is_durable(scene->sim, download->path),
		"%s is reported done before it is durable", download->path);
}

static int
wait_for_signal(void *arg)
{
	struct get_scene *scene = arg;
	char byte = 0;
	if (sl_io_read_stream(scene->cancel_fd, &byte, 1, SL_FOREVER) == 1)
		get_scene_cancel(scene, SL_E_INTERRUPTED);
	return 0;
}

static const struct sl_tee_consumer *
consumer_of(const struct get_scene *scene)
{
	if (scene->scanned)
		return sl_get_scan_consumer(&scene->scanned->scan);
	return scene->shadow ? &scene->shadow->consumer : NULL;
}

static struct sl_batch_options
batch_options(struct get_scene *scene, struct sl_http_client *client, struct sl_chunk_pool *pool)
{
	return (struct sl_batch_options){ .client = client,
		.pool = pool,
		.dir = scene->dir,
		.output = scene->output,
		.server_names = scene->server_names,
		.if_exists = scene->if_exists,
		.jobs = scene->jobs,
		.per_host = scene->per_host,
		.segments = scene->segments,
		.min_segment = scene->min_segment,
		.resume = scene->resume,
		.verify_resume = scene->verify_resume,
		.adopt = scene->adopt,
		.append = scene->append,
		.keep_journal = scene->keep_journal,
		.fail_fast = scene->fail_fast,
		.dry_run = scene->dry_run,
		.stays_open = scene->control != NULL,
		.sync = scene->sync,
		.remote_time = scene->remote_time,
		.compressed = scene->compressed,
		.decompress = scene->decompress,
		.decode_window_max = 8 * SL_MIB,
		.io = scene->io,
		.descriptors = scene->descriptors,
		.stall_timeout_ns = scene->directory_timeout_ns,
		.source = next_entry,
		.source_ctx = scene,
		.retry = scene->retry,
		.tee = consumer_of(scene),
		.events = { .ctx = scene,
			.started = note_start,
			.retrying = note_retry,
			.ended = note_end } };
}

static int
control_main(void *arg)
{
	struct get_scene *scene = arg;
	scene->control(scene);
	return 0;
}

SL_SUSPENDS
static int
run_batch(struct get_scene *scene)
{
	struct sl_group group;
	if (!scene->control)
		return sl_batch_run(scene->batch, &scene->summary);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	int code = sl_group_spawn(&group, "control", control_main, scene, NULL);
	sim_check(scene->sim, code == 0, "control: %d", code);
	code = sl_batch_run(scene->batch, &scene->summary);
	sl_group_leave(&group);
	return code;
}

/* All that the command does, and is cancelled with it. */
static int
command(void *arg)
{
	struct get_scene *scene = arg;
	struct sl_http_client *client = NULL;
	struct sl_chunk_pool *pool = NULL;
	struct sl_error err = { 0 };
	struct sl_deadline scope;
	struct sl_http_client_options options = { .per_host = scene->per_host,
		.total = 16,
		.connect_timeout_ns = scene->connect_timeout_ns,
		.stall_timeout_ns = scene->stall_timeout_ns,
		.max_redirects = 20,
		.head_timeout_ns = scene->head_timeout_ns,
		.least_rate = scene->least_rate,
		.slow_time_ns = scene->slow_time_ns,
		.limit_rate = scene->limit_rate,
		.max_rps_milli = scene->max_rps_milli };
	scene->started_ns = sl_now();
	scene->next = 0;
	sl_deadline_begin(&scope, sl_deadline_in(scene->run_ns));
	int code = sl_http_client_new(&client, &options, &err);
	sim_check(scene->sim, code == 0, "%s", err.text);
	sim_check(scene->sim, sl_chunk_pool_new(&pool, scene->chunks, scene->chunk_size) == 0,
		"pool");
	if (scene->shadow)
		shadow_open(scene->shadow);
	if (scene->scanned)
		scanned_open(scene->scanned);
	struct sl_batch_options batch_opts = batch_options(scene, client, pool);
	sim_check(scene->sim, sl_batch_new(&scene->batch, &batch_opts) == 0, "batch");
	if (scene->run_begins)
		scene->run_begins();
	scene->result = run_batch(scene);
	if (scene->run_ended)
		scene->run_ended();
	scene->ended_ns = sl_now();
	sl_batch_free(scene->batch);
	scene->batch = NULL;
	if (scene->shadow)
		shadow_close(scene->shadow);
	if (scene->scanned)
		scanned_close(scene->scanned);
	sl_http_client_free(client);
	sl_chunk_pool_free(pool); /* asserts that every chunk is back */
	sl_deadline_end(&scope);
	return 0;
}

void
get_scene_play(struct get_scene *scene)
{
	struct sl_group signals, group;
	sl_group_enter(&signals, SL_GROUP_COLLECT);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	scene->command = &group;
	int code = 0;
	if (scene->cancel_fd >= 0)
		code = sl_group_spawn(&signals, "signal", wait_for_signal, scene, NULL);
	if (!code)
		code = sl_group_spawn(&group, "command", command, scene, NULL);
	sim_check(scene->sim, code == 0 || sl_task_cancelled(), "spawn: %d", code);
	(void)sl_group_leave(&group);
	scene->command = NULL;
	sl_group_cancel(&signals, -ECANCELED);
	(void)sl_group_leave(&signals);
}

void
get_scene_cancel(struct get_scene *scene, int reason)
{
	if (!scene->command || !scene->batch)
		return;
	scene->cancelled_ns = sim_now(scene->sim);
	if (scene->by_command)
		sl_group_cancel(scene->command, reason);
	else
		sl_batch_cancel(scene->batch, reason);
}

void
get_scene_cut(struct get_scene *scene, enum sim_crash how)
{
	for (size_t i = 0; i < scene->count; i++) {
		struct get_file *file = &scene->files[i];
		file->was_done = file->reported && file->state == SL_DOWNLOAD_DONE;
	}
	sim_cut_now(scene->sim, how);
}

static int
run_main(void *arg)
{
	struct get_scene *scene = arg;
	get_scene_play(scene);
	sim_check(scene->sim, sl_task_count() == 1, "%u tasks are left", sl_task_count());
	return 0;
}

void
get_scene_run(struct get_scene *scene)
{
	sim_check(scene->sim, sim_run(scene->sim, run_main, scene) == 0, "the run");
}

/* ---- the promises ---- */

static bool
holds(struct sim *world, const char *name, const char *data, size_t len)
{
	struct sl_span content;
	if (!data)
		return !sim_exists(world, name);
	return sim_content(world, name, &content) && content.len == len &&
	       (len == 0 || memcmp(content.data, data, len) == 0);
}

/* Where it went: with --if-exists=rename, or beside another of its name, not where it was to go. */
static const char *
place_of(const struct get_file *file)
{
	return file->path[0] ? file->path : file->name;
}

static bool
is_complete(struct sim *world, const struct get_file *file)
{
	return holds(world, place_of(file), file->data, file->len) ||
	       (file->other && holds(world, place_of(file), file->other, file->other_len));
}

/* It has at least `len` bytes, and begins with what counts of those that were there. */
static bool
begins_as_before(struct sim *world, const char *name, const struct get_file *file, size_t len)
{
	struct sl_span content;
	size_t kept = file->before_kept ? file->before_kept : file->before_len;
	return sim_content(world, name, &content) && content.len >= len &&
	       memcmp(content.data, file->before, kept) == 0;
}

/* What was adopted has the name of a part, or has got its own name back. */
static bool
is_untouched(const struct get_scene *scene, struct sim *world, const struct get_file *file)
{
	char part[300];
	snprintf(part, sizeof(part), "%s.sluice-part", file->name);
	if (!scene->adopt || !file->before)
		return holds(world, file->name, file->before, file->before_len);
	if (!sim_exists(world, file->name))
		return begins_as_before(world, part, file, 0);
	return file->before_kept ? begins_as_before(world, file->name, file, file->before_len)
				 : holds(world, file->name, file->before, file->before_len);
}

/* Where a file differs from a version, for messages. */
static void
show_difference(
	struct sim *world, const char *name, const char *version, const char *data, size_t len)
{
	struct sl_span content = { 0 };
	size_t at = 0;
	if (!data || !sim_content(world, name, &content))
		return;
	while (at < content.len && at < len && content.data[at] == data[at])
		at++;
	fprintf(stderr, "sim: %s: %zu bytes, version '%s' has %zu; they differ from %zu on\n", name,
		content.len, version, len, at);
}

static void
check_done(struct get_scene *scene, const struct get_file *file)
{
	const char *name = place_of(file);
	if (is_complete(scene->sim, file))
		return;
	show_difference(scene->sim, name, "first", file->data, file->len);
	show_difference(scene->sim, name, "other", file->other, file->other_len);
	sim_check(scene->sim, false, "%s is reported done, and is not", name);
}

/* The run was to end before the file did: what a slow disk has not removed by then stays. */
static bool
has_ended_late(const struct get_scene *scene, const struct get_file *file)
{
	uint64_t stopped_ns = scene->cancelled_ns;
	if (!stopped_ns && scene->run_ns != SL_FOREVER)
		stopped_ns = scene->started_ns + scene->run_ns;
	return stopped_ns && file->ended_ns >= stopped_ns;
}

static void
check_file(struct get_scene *scene, const struct get_file *file)
{
	struct sim *sim = scene->sim;
	bool syncs = scene->sync != SL_SYNC_NONE;
	char part[300];
	switch (file->state) {
	case SL_DOWNLOAD_DONE:
		check_done(scene, file);
		sim_check(sim, !syncs || file->has_lost || sim_is_durable(sim, place_of(file)),
			"%s is reported done and is not durable", place_of(file));
		break;
	case SL_DOWNLOAD_SKIPPED:
		sim_check(sim,
			is_untouched(scene, sim, file) ||
				((scene->adopt || scene->append) && is_complete(sim, file)),
			"%s was skipped and is another", file->name);
		break;
	default: {
		/* Only the directory's sync was still to come: the name may have the whole new
		 * file. */
		bool late = is_complete(sim, file) && file->error.phase == SL_PHASE_SYNC;
		sim_check(sim, late || is_untouched(scene, sim, file),
			"%s was not downloaded (%s), and was touched", file->name,
			file->error.text);
		sim_check(sim, file->error.code < 0 && file->error.text[0],
			"%s failed without a word", file->name);
	}
	}
	snprintf(part, sizeof(part), "%s.sluice-part", place_of(file));
	bool is_useful = scene->resume && file->error.code != SL_E_CHECKSUM;
	bool may_stay = (is_useful || file->has_part) && file->state != SL_DOWNLOAD_DONE;
	sim_check(
		sim, may_stay || !sim_exists(sim, part), "%s is left (%s)", part, file->error.text);
	snprintf(part, sizeof(part), "%s.sluice-journal", place_of(file));
	may_stay = may_stay || file->has_journal || has_ended_late(scene, file);
	sim_check(
		sim, may_stay || !sim_exists(sim, part), "%s is left (%s)", part, file->error.text);
}

static void
check_result(struct get_scene *scene)
{
	size_t good = 0, bad = 0;
	uint64_t fetched = 0, resumed = 0;
	for (size_t i = 0; i < scene->count; i++) {
		const struct get_file *file = &scene->files[i];
		bool done = file->state == SL_DOWNLOAD_DONE || file->state == SL_DOWNLOAD_SKIPPED;
		good += file->reported && done;
		bad += file->reported && !done;
		fetched += file->reported ? file->fetched : 0;
		resumed += file->reported ? file->resumed : 0;
	}
	const struct sl_batch_summary *summary = &scene->summary;
	sim_check(scene->sim, summary->bytes == fetched, "%llu bytes in all, %llu of the files",
		(unsigned long long)summary->bytes, (unsigned long long)fetched);
	sim_check(scene->sim, summary->resumed == resumed, "%llu bytes resumed, %llu of the files",
		(unsigned long long)summary->resumed, (unsigned long long)resumed);
	sim_check(scene->sim, summary->waiting == 0, "%llu files still wait",
		(unsigned long long)summary->waiting);
	sim_check(scene->sim, summary->done + summary->skipped == good, "another number is done");
	sim_check(scene->sim, summary->failed + summary->cancelled + summary->removed == bad,
		"another number has failed");
	sim_check(scene->sim, summary->files == good + bad, "%llu files, %zu of them reported",
		(unsigned long long)summary->files, good + bad);
	/* All done, and then the disk failed: no success either. */
	bool disk_failed = summary->failed == 0 && summary->first_error.code;
	sim_check(scene->sim, (scene->result == 0) == (good == scene->count && !disk_failed),
		"result %d, %zu of %zu done", scene->result, good, scene->count);
	sim_check(scene->sim,
		!summary->durable ||
			(scene->sync != SL_SYNC_NONE && summary->done > 0 && !disk_failed),
		"durable, with %llu done", (unsigned long long)summary->done);
}

void
get_scene_check(struct get_scene *scene)
{
	check_result(scene);
	for (size_t i = 0; i < scene->count; i++) {
		const struct get_file *file = &scene->files[i];
		if (!file->name)
			continue;
		if (file->reported)
			check_file(scene, file);
		else
			sim_check(scene->sim, is_untouched(scene, scene->sim, file),
				"%s was never reported, and was touched", file->name);
	}
	sim_check(scene->sim, sim_connections_open(scene->sim) == 0, "connections are left open");
}

void
get_scene_check_disk(struct get_scene *scene, struct sim *world, uint64_t at_op)
{
	bool syncs = scene->sync != SL_SYNC_NONE;
	for (size_t i = 0; i < scene->count; i++) {
		const struct get_file *file = &scene->files[i];
		if (!file->name)
			continue;
		bool complete = is_complete(world, file),
		     untouched = is_untouched(scene, world, file);
		sim_check(scene->sim, complete || untouched || !syncs || file->is_unsettled,
			"cut at operation %llu: %s is neither what it was nor what it was to "
			"become",
			(unsigned long long)at_op, file->name);
		bool done = file->was_done || (file->reported && file->state == SL_DOWNLOAD_DONE &&
						      file->at_op < at_op);
		sim_check(scene->sim, complete || !done || !syncs,
			"cut at operation %llu: %s had been reported done, and is gone",
			(unsigned long long)at_op, file->name);
	}
}

struct get_scene *
get_scene_again(const struct get_scene *scene, struct sim *world)
{
	struct get_scene *again = malloc(sizeof(*again));
	sl_assert(again);
	*again = *scene;
	again->sim = world;
	again->cancel_fd = -1;
	again->run_ns = SL_FOREVER;
	again->run_begins = again->run_ended = NULL;
	again->shadow = NULL;
	again->scanned = NULL;
	again->if_exists = SL_EXISTS_REPLACE;
	for (size_t i = 0; i < again->count; i++) {
		again->files[i].reported = again->files[i].was_done = false;
		again->files[i].was_scanned = false;
		again->files[i].retries = 0;
	}
	return again;
}

void
get_scene_rerun(struct get_scene *scene, struct sim *world)
{
	struct get_scene *again = get_scene_again(scene, world);
	get_scene_run(again);
	get_scene_check(again);
	sim_check(
		world, again->result == 0, "the rerun failed: %s", again->summary.first_error.text);
	free(again);
}
