/*
 * batch_bench.h - a batch of downloads on the real ring, from the origin server in this process
 * into a scratch directory, and what became of each input. Its functions are static: Criterion's
 * checks do not belong into the library that tests share.
 */
#ifndef TESTS_UNIT_BATCH_BENCH_H
#define TESTS_UNIT_BATCH_BENCH_H

#include "support/entries.h"
#include "support/origin.h"
#include "support/origin_body.h"
#include "support/peer.h"
#include "support/run.h"
#include "support/scratch.h"

#include "sluice/download/batch.h"
#include "sluice/rt/stats.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_INPUTS 512

struct batch_input {
	enum sl_download_state state;
	char path[300];
	char url[300];
	struct sl_error error;
	uint64_t received, total;
	bool begun, ended, excess, unverified, is_repeat;
	unsigned retries, pauses, starts;
};

struct batch_bench {
	struct sl_origin *origin;
	unsigned port;
	struct sl_batch_options options; /* before batch_run: what differs from the default */
	uint64_t stall_ns, deadline_ns;  /* of a run */
	uint64_t head_ns;                /* 0 = stall_ns */
	uint64_t least_rate, slow_ns;    /* 0 = none */
	size_t chunks;                   /* in the pool, of SL_CHUNK_SIZE */
	unsigned connections;            /* to the origin; 0 = 16 */
	uint64_t limit_rate;             /* bytes a second; 0 = no limit */
	const char *cacert;              /* URLs are https; NULL = http */

	/* Called before the index-th entry is given out; may suspend. NULL = nothing. */
	SL_SUSPENDS
	void (*before)(struct batch_bench *bench, uint64_t index);
	/* Runs beside the batch, in a task of its own. NULL = nothing. */
	SL_SUSPENDS
	void (*control)(struct batch_bench *bench);
	struct sl_batch *batch; /* while it runs */

	/* after batch_run */
	int code;
	struct sl_batch_summary summary;
	struct batch_input inputs[BATCH_INPUTS];
	uint64_t started;
	uint64_t order[BATCH_INPUTS]; /* the indices of the inputs, as they ended */
	uint64_t order_len;
	uint64_t looks; /* names that were looked up on the file system, one by one */

	struct sl_origin_options served; /* the rest is the bench's own */
	struct sl_buf list;
	struct sl_manifest *manifest;
	uint64_t given;
	unsigned fds_before;
};

/* Enter a scratch directory and start the server. */
SL_UNUSED
static struct batch_bench *
batch_begin(void)
{
	struct batch_bench *bench = calloc(1, sizeof(*bench));
	struct sl_error err = { 0 };
	cr_assert_not_null(bench);
	bench->fds_before = count_fds();
	scratch_enter();
	bench->served = (struct sl_origin_options){ .max_connections = 64,
		.ports = { { .name = "http", .kind = SL_ORIGIN_HTTP } },
		.port_count = 1 };
	cr_assert_eq(sl_origin_start(&bench->origin, &bench->served, &err), 0, "%s", err.text);
	bench->port = sl_origin_port_of(bench->origin, "http");
	bench->stall_ns = 20 * SL_NS_PER_S;
	bench->deadline_ns = SL_FOREVER;
	bench->chunks = 32;
	bench->options =
		(struct sl_batch_options){ .jobs = 4, .remote_time = true, .descriptors = 1000 };
	return bench;
}

/* Stop it; ends the test if a descriptor is left. */
SL_UNUSED
static void
batch_end(struct batch_bench *bench)
{
	sl_origin_stop(bench->origin);
	scratch_leave();
	cr_expect_eq(count_fds(), bench->fds_before, "a descriptor is left");
	sl_manifest_free(bench->manifest);
	sl_buf_release(&bench->list);
	free(bench);
}

/* ---- events ---- */

static struct batch_input *
input_of(struct batch_bench *bench, const struct sl_download *download)
{
	cr_assert_lt(download->index, BATCH_INPUTS);
	return &bench->inputs[download->index];
}

static void
started(void *ctx, const struct sl_download *download)
{
	struct batch_bench *bench = ctx;
	bench->started += !input_of(bench, download)->begun; /* it may begin again after a pause */
	input_of(bench, download)->begun = true;
	input_of(bench, download)->starts++;
	cr_expect_not(input_of(bench, download)->ended, "begun after its end");
}

static void
retrying(void *ctx, const struct sl_download *download)
{
	cr_expect_neq(download->error->code, 0);
	input_of(ctx, download)->retries++;
}

static void
paused(void *ctx, const struct sl_download *download)
{
	cr_expect_eq(download->state, SL_DOWNLOAD_PAUSED);
	input_of(ctx, download)->pauses++;
}

static void
ended(void *ctx, const struct sl_download *download)
{
	struct batch_bench *bench = ctx;
	struct batch_input *input = input_of(bench, download);
	bench->order[bench->order_len++] = download->index;
	cr_expect_not(input->ended, "ended twice");
	input->ended = true;
	input->state = download->state;
	input->received = download->received;
	input->total = download->total;
	input->excess = download->excess;
	input->unverified = download->unverified;
	input->is_repeat = download->is_repeat;
	input->error = *download->error;
	snprintf(input->path, sizeof(input->path), "%s", download->path);
	snprintf(input->url, sizeof(input->url), "%s", download->url);
	cr_expect_geq(download->ended_ns, download->started_ns);
}

static int
next_entry(void *ctx, struct sl_entry *out, struct sl_error *err)
{
	struct batch_bench *bench = ctx;
	if (bench->before)
		bench->before(bench, bench->given);
	bench->given++;
	return entries_next(bench->manifest, out, err);
}

/* ---- a run ---- */

static void
fill_list(struct batch_bench *bench, const char *list)
{
	sl_buf_clear(&bench->list);
	for (; *list; list++)
		if (*list == '$')
			sl_buf_printf(&bench->list, "http%s://127.0.0.1:%u",
				bench->cacert ? "s" : "", bench->port);
		else
			sl_buf_add_char(&bench->list, *list);
	sl_manifest_free(bench->manifest);
	bench->manifest = entries_open(sl_buf_span(&bench->list));
}

SL_SUSPENDS
static int
control_main(void *arg)
{
	struct batch_bench *bench = arg;
	if (bench->control)
		bench->control(bench);
	return 0;
}

SL_SUSPENDS
static void
run_beside_control(struct batch_bench *bench)
{
	struct sl_deadline deadline;
	struct sl_group group;
	sl_deadline_begin(&deadline, sl_deadline_in(bench->deadline_ns));
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "control", control_main, bench, NULL), 0);
	bench->code = sl_batch_run(bench->batch, &bench->summary);
	sl_group_leave(&group);
	sl_deadline_end(&deadline);
}

static int
run_main(void *arg)
{
	struct batch_bench *bench = arg;
	struct sl_batch_options options = bench->options;
	unsigned connections = bench->connections ? bench->connections : 16;
	struct sl_http_client_options client = { .per_host = connections,
		.total = 2 * connections,
		.connect_timeout_ns = 10 * SL_NS_PER_S,
		.stall_timeout_ns = bench->stall_ns,
		.head_timeout_ns = bench->head_ns,
		.least_rate = bench->least_rate,
		.slow_time_ns = bench->slow_ns,
		.max_redirects = 5,
		.limit_rate = bench->limit_rate,
		.tls.cacert = bench->cacert };
	cr_assert_eq(sl_http_client_new(&options.client, &client, NULL), 0);
	cr_assert_eq(sl_chunk_pool_new(&options.pool, bench->chunks, SL_CHUNK_SIZE), 0);
	options.stall_timeout_ns = bench->stall_ns;
	options.source = next_entry;
	options.source_ctx = bench;
	options.events = (struct sl_batch_events){ .ctx = bench,
		.started = started,
		.retrying = retrying,
		.paused = paused,
		.ended = ended };
	cr_assert_eq(sl_batch_new(&bench->batch, &options), 0);
	run_beside_control(bench);
	bench->looks = sl_rt_stats(sl_rt_current())->op[SL_OP_STAT].count;
	sl_batch_free(bench->batch);
	sl_http_client_free(options.client);
	sl_chunk_pool_free(options.pool);
	return 0;
}

static void
check_summary(const struct batch_bench *bench)
{
	const struct sl_batch_summary *summary = &bench->summary;
	uint64_t counts[SL_DOWNLOAD_CANCELLED + 1] = { 0 }, ends = 0;
	for (size_t i = 0; i < BATCH_INPUTS; i++)
		if (bench->inputs[i].ended) {
			counts[bench->inputs[i].state]++;
			ends++;
		}
	cr_expect_leq(bench->started, summary->files, "each one that began is counted");
	cr_expect_geq(bench->started + summary->removed, summary->files);
	cr_expect_eq(ends, summary->files, "and each has ended");
	cr_expect_eq(counts[SL_DOWNLOAD_DONE], summary->done);
	cr_expect_eq(counts[SL_DOWNLOAD_SKIPPED], summary->skipped);
	cr_expect_eq(counts[SL_DOWNLOAD_FAILED], summary->failed);
	cr_expect_eq(counts[SL_DOWNLOAD_REMOVED], summary->removed);
	cr_expect_eq(counts[SL_DOWNLOAD_CANCELLED], summary->cancelled);
	if (summary->failed > 0)
		cr_expect_eq(bench->code, summary->first_error.code);
}

/* Download a list in which '$' stands for "http[s]://127.0.0.1:PORT"; lines and options as in
 * download/manifest.h. Returns what sl_batch_run returned. */
SL_UNUSED
static int
batch_run(struct batch_bench *bench, const char *list)
{
	fill_list(bench, list);
	memset(bench->inputs, 0, sizeof(bench->inputs));
	bench->started = bench->given = bench->order_len = 0;
	cr_expect_eq(peer_run(run_main, bench), 0);
	bench->batch = NULL;
	check_summary(bench);
	return bench->code;
}

/* ---- expectations ---- */

/* True if the file is the origin's /gen/SIZE/SEED. */
SL_UNUSED
static bool
batch_is_gen(const char *path, uint64_t size, uint64_t seed)
{
	static char want[64 * 1024], got[sizeof(want)];
	FILE *file = fopen(path, "rbe");
	uint64_t off = 0;
	size_t len = 0;
	bool same = file != NULL;
	while (same && (len = fread(got, 1, sizeof(got), file)) > 0) {
		sl_origin_body_fill(seed, off, want, len);
		same = memcmp(got, want, len) == 0;
		off += len;
	}
	if (file)
		fclose(file);
	return same && off == size;
}

SL_UNUSED
static void
batch_expect_state(struct batch_bench *bench, size_t input, enum sl_download_state state)
{
	const struct batch_input *in = &bench->inputs[input];
	cr_expect(in->ended, "input %zu has not ended", input);
	cr_expect_eq(in->state, state, "input %zu: state %d, want %d (%s)", input, (int)in->state,
		(int)state, in->error.text);
}

/* The input-th was done and is that file; else the test fails. */
SL_UNUSED
static void
batch_expect_gen(
	struct batch_bench *bench, size_t input, const char *path, uint64_t size, uint64_t seed)
{
	batch_expect_state(bench, input, SL_DOWNLOAD_DONE);
	cr_expect_str_eq(bench->inputs[input].path, path);
	cr_expect_eq(bench->inputs[input].received, size);
	cr_expect(batch_is_gen(path, size, seed), "%s is not what it should be", path);
}

/* The input-th failed with this code; `text` is part of its message (NULL = not looked at). */
SL_UNUSED
static void
batch_expect_failed(struct batch_bench *bench, size_t input, int code, const char *text)
{
	const struct sl_error *err = &bench->inputs[input].error;
	batch_expect_state(bench, input, SL_DOWNLOAD_FAILED);
	cr_expect_eq(err->code, code, "input %zu: code %d, want %d (%s)", input, err->code, code,
		err->text);
	cr_expect_neq(err->text[0], '\0', "a failure without words");
	if (text)
		cr_expect(strstr(err->text, text), "'%s' is not in '%s'", text, err->text);
}

/* No name in the directory ends with ".part". */
SL_UNUSED
static void
batch_expect_no_parts(void)
{
	DIR *dir = opendir(".");
	const struct dirent *entry;
	cr_assert_not_null(dir);
	while ((entry = readdir(dir)))
		cr_expect(!strstr(entry->d_name, ".part"), "%s stays", entry->d_name);
	closedir(dir);
}

#endif
