/*
 * A run of downloads that is stopped at every moment: by a signal, by its owner, by a
 * sibling's failure, by its deadline. What is reported done has its name, all of its bytes and
 * survives a power cut; what has its name all the same is reported to have it; nothing is left of
 * the rest.
 */
#include "support/entries.h"
#include "support/run.h"

#include "sluice/download/batch.h"
#include "sluice/download/digest.h"
#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BIG (4 * 1024 * 1024 + 100001) /* more than a small file, and no whole number of blocks */
#define DAY_NS (86400 * SL_NS_PER_S)

/* ---- a server ---- */

struct page {
	const char *path, *line; /* of the list, with its options */
	const char *target;      /* where it goes */
	size_t size;
	bool chunked;
};

static const struct page pages[] = {
	{ "/s1", "", "s1", 1000, false },
	{ "/big", "", "big", BIG, false },
	{ "/chunked", " out=d/chunked\n", "d/chunked", 150000, true },
	{ "/empty", "", "empty", 0, false },
	{ "/s2", " out=d/s2\n", "d/s2", 4096, false },
	{ "/sum", " checksum=md5=0123456789abcdef0123456789abcdef\n", "sum", 2000, false },
};
#define PAGES SL_COUNT_OF(pages)

static char bodies[PAGES][BIG];
static char sums[PAGES][33];

static void
make_bodies(void)
{
	for (size_t i = 0; i < PAGES; i++)
		for (size_t off = 0; off < pages[i].size; off++)
			bodies[i][off] = (char)(off * 7 + off / 255 + i * 31);
}

static const struct page *
find_page(const char *path)
{
	for (size_t i = 0; i < PAGES; i++) {
		size_t len = strlen(pages[i].path);
		if (strncmp(path, pages[i].path, len) == 0 && path[len] == ' ')
			return &pages[i];
	}
	return NULL;
}

static void
send_chunks(struct sim_peer *peer, const char *body, size_t len)
{
	struct sl_buf out = { 0 };
	for (size_t off = 0; off < len; off += 50000) {
		size_t piece = SL_MIN(len - off, (size_t)50000);
		sl_buf_printf(&out, "%zx\r\n", piece);
		sl_buf_add(&out, body + off, piece);
		sl_buf_add_str(&out, "\r\n");
	}
	sl_buf_add_str(&out, "0\r\n\r\n");
	sim_peer_send_copy(peer, out.data, out.len);
	sl_buf_release(&out);
}

static void
answer(struct sim_peer *peer, const char *request)
{
	static const char missing[] = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
	const char *path = strchr(request, ' ');
	const struct page *page = path ? find_page(path + 1) : NULL;
	char head[120];
	if (!page) {
		sim_peer_send(peer, missing, sizeof(missing) - 1);
		return;
	}
	const char *body = bodies[page - pages];
	if (page->chunked)
		snprintf(head, sizeof(head),
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	else
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			page->size);
	sim_peer_send_copy(peer, head, strlen(head));
	if (page->chunked)
		send_chunks(peer, body, page->size);
	else
		sim_peer_send(peer, body, page->size);
}

static void
opened(struct sim_peer *peer, void *ctx)
{
	(void)ctx;
	sim_peer_set_data(peer, calloc(1, sizeof(struct sl_buf)));
}

static void
received(struct sim_peer *peer, void *ctx, const char *data, size_t len)
{
	struct sl_buf *request = sim_peer_data(peer);
	(void)ctx;
	sl_buf_add(request, data, len);
	if (request->data && strstr(request->data, "\r\n\r\n")) {
		answer(peer, request->data);
		sl_buf_clear(request);
	}
}

static void
closed(struct sim_peer *peer, void *ctx)
{
	(void)ctx;
	sl_buf_release(sim_peer_data(peer));
	free(sim_peer_data(peer));
}

/* ---- a run ---- */

enum stop { STOP_NEVER, STOP_BY_SIGNAL, STOP_AS_SIBLING };

struct run {
	struct sim *sim;
	enum stop stop;
	uint64_t stop_at;     /* the operation */
	uint64_t deadline_ns; /* from the start; 0 = none */
	const char *more;     /* lines of the list behind the pages */
	bool fail_fast;

	struct sl_buf list;
	struct sl_manifest *manifest;
	struct sl_batch *batch;
	struct sl_group watcher;
	int trap;
	int code;
	struct sl_batch_summary summary;
	enum sl_download_state states[PAGES + 1];
	bool ended[PAGES + 1], durable_failed[PAGES + 1];
};

static int
next_entry(void *ctx, struct sl_entry *out, struct sl_error *err)
{
	return entries_next(((struct run *)ctx)->manifest, out, err);
}

static void
ended(void *ctx, const struct sl_download *download)
{
	struct run *run = ctx;
	sim_check(run->sim, download->index <= PAGES, "index");
	sim_check(run->sim, !run->ended[download->index], "ended twice");
	run->ended[download->index] = true;
	run->states[download->index] = download->state;
	run->durable_failed[download->index] =
		strstr(download->error->text, "is complete under its name") != NULL;
	bool failed = download->state == SL_DOWNLOAD_FAILED;
	sim_check(run->sim, !failed || download->error->text[0], "no words");
	sim_check(run->sim, !failed || download->error->code < 0, "no code");
}

static int
watch(void *arg)
{
	struct run *run = arg;
	char byte;
	int got = sl_io_read_stream(run->trap, &byte, 1, SL_FOREVER);
	if (got == 1)
		sl_batch_cancel(
			run->batch, run->stop == STOP_BY_SIGNAL ? SL_E_INTERRUPTED : -ECANCELED);
	return 0;
}

static void
make_list(struct run *run)
{
	sl_buf_clear(&run->list);
	for (size_t i = 0; i < PAGES; i++) {
		char line[100];
		snprintf(line, sizeof(line), "%s", pages[i].line);
		char *sum = strstr(line, "0123456789abcdef");
		if (sum)
			memcpy(sum, sums[i], 32);
		sl_buf_printf(&run->list, "http://10.0.0.1%s\n%s", pages[i].path, line);
	}
	if (run->more)
		sl_buf_add_str(&run->list, run->more);
	sl_manifest_free(run->manifest);
	run->manifest = entries_open(sl_buf_span(&run->list));
}

static int
run_batch(struct run *run, struct sl_batch_options *options)
{
	struct sl_deadline deadline;
	int code = sl_batch_new(&run->batch, options);
	if (code)
		return code;
	sl_group_enter(&run->watcher, SL_GROUP_COLLECT);
	if (run->stop != STOP_NEVER)
		code = sl_group_spawn(&run->watcher, "watch", watch, run, NULL);
	sl_deadline_begin(
		&deadline, run->deadline_ns ? sl_deadline_in(run->deadline_ns) : SL_FOREVER);
	if (!code)
		code = sl_batch_run(run->batch, &run->summary);
	sl_deadline_end(&deadline);
	sl_group_cancel(&run->watcher, -ECANCELED);
	sl_group_leave(&run->watcher);
	sl_batch_free(run->batch);
	return code;
}

static int
run_main(void *arg)
{
	struct run *run = arg;
	struct sl_http_client_options client = { .per_host = 4,
		.total = 4,
		.connect_timeout_ns = DAY_NS,
		.stall_timeout_ns = DAY_NS,
		.max_redirects = 5 };
	struct sl_batch_options options = { .jobs = 3,
		.remote_time = true,
		.fail_fast = run->fail_fast,
		.stall_timeout_ns = DAY_NS,
		.descriptors = 100,
		.source = next_entry,
		.source_ctx = run,
		.events = { .ctx = run, .ended = ended } };
	make_list(run);
	int code = sl_http_client_new(&options.client, &client, NULL);
	sim_check(run->sim, code == 0, "no client");
	cr_assert_eq(sl_chunk_pool_new(&options.pool, 8, SL_CHUNK_SIZE), 0);
	run->code = run_batch(run, &options);
	sl_http_client_free(options.client);
	sl_chunk_pool_free(options.pool);
	sl_manifest_free(run->manifest);
	run->manifest = NULL;
	sl_buf_release(&run->list);
	return 0;
}

static void
run_in(struct run *run, struct sim *sim)
{
	static const struct sim_server_methods methods = { opened, received, closed };
	run->sim = sim;
	sim_listen(sim,
		&(struct sim_server){ .address = "10.0.0.1", .port = 80, .methods = &methods });
	run->trap = run->stop == STOP_NEVER ? -1 : sim_trap(sim, run->stop_at);
	sim_check(sim, sim_run(sim, run_main, run) == 0, "run");
}

/* ---- what must hold ---- */

static bool
is_new(struct run *run, size_t i)
{
	struct sl_span got;
	return sim_content(run->sim, pages[i].target, &got) &&
	       sl_span_equal(got, sl_span(bodies[i], pages[i].size));
}

static void
check_file(struct run *run, size_t i)
{
	const char *name = pages[i].target;
	bool done = run->ended[i] && run->states[i] == SL_DOWNLOAD_DONE;
	if (done) {
		sim_check(run->sim, is_new(run, i), "'%s' is done and not whole", name);
		sim_check(run->sim, sim_is_durable(run->sim, name),
			"'%s' is done and would not survive", name);
	} else if (run->durable_failed[i]) {
		sim_check(run->sim, is_new(run, i), "'%s' is reported to be complete", name);
	} else {
		sim_check(
			run->sim, !sim_exists(run->sim, name), "'%s' is not done and there", name);
	}
}

static unsigned
count_parts(struct sim *sim, const char *directory)
{
	unsigned count = 0;
	const char *name;
	for (size_t i = 0; (name = sim_name(sim, directory, i)); i++)
		count += strstr(name, ".sluice-part") != NULL;
	return count;
}

static void
check_run(struct run *run)
{
	unsigned left = count_parts(run->sim, "/");
	if (sim_exists(run->sim, "d"))
		left += count_parts(run->sim, "d");
	sim_check(run->sim, left == 0, "%u parts are left", left);
	bool all = true;
	for (size_t i = 0; i < PAGES; i++) {
		check_file(run, i);
		all = all && run->ended[i] && run->states[i] == SL_DOWNLOAD_DONE;
	}
	sim_check(run->sim, (run->code == 0) == (all && !run->more), "code %d", run->code);
	sim_check(run->sim, run->summary.failed == 0 || run->code == run->summary.first_error.code,
		"code %d is not that of the first failure", run->code);
}

/* What is done stays done when the power goes. */
static void
check_after_crash(struct run *run, enum sim_crash how)
{
	sim_crash(run->sim, how);
	for (size_t i = 0; i < PAGES; i++)
		if (run->ended[i] && run->states[i] == SL_DOWNLOAD_DONE)
			sim_check(run->sim, is_new(run, i), "'%s' is lost", pages[i].target);
		else
			sim_check(run->sim,
				is_new(run, i) || !sim_exists(run->sim, pages[i].target),
				"'%s' is half there", pages[i].target);
}

static void
init(void)
{
	struct sl_checksum sum;
	make_bodies();
	for (size_t i = 0; i < PAGES; i++) {
		struct sl_digest *digest = NULL;
		struct sl_error err = { 0 };
		sum = (struct sl_checksum){ .kind = SL_CHECKSUM_MD5, .len = 16 };
		cr_assert_eq(sl_digest_new(&digest, SL_CHECKSUM_MD5), 0);
		sl_digest_add(digest, bodies[i], pages[i].size);
		cr_assert_eq(sl_digest_check(digest, &sum, "x", &err), SL_E_CHECKSUM);
		const char *got = strstr(err.text, "md5 is ");
		cr_assert_not_null(got);
		memcpy(sums[i], got + strlen("md5 is "), 32);
		sl_digest_free(digest);
	}
}

TestSuite(batch_stop, .init = init);

static void
stopped_anywhere(enum stop stop)
{
	for (uint64_t nth = 1;; nth += 3) {
		struct run run = { .stop = stop, .stop_at = nth };
		struct sim *sim = sim_plain(nth);
		run_in(&run, sim);
		sim_check(sim, run.summary.failed == 0, "%s", run.summary.first_error.text);
		check_run(&run);
		check_after_crash(&run, (enum sim_crash)(nth % 3));
		uint64_t ops = sim_ops(sim);
		sim_free(sim);
		if (ops < nth)
			break;
	}
}

Test(batch_stop, a_signal_may_come_any_time)
{
	stopped_anywhere(STOP_BY_SIGNAL);
}

Test(batch_stop, the_run_may_be_stopped_any_time)
{
	stopped_anywhere(STOP_AS_SIBLING);
}

Test(batch_stop, the_time_may_be_over_any_time)
{
	for (uint64_t ms = 1; ms < 900; ms += 9) {
		struct run run = { .deadline_ns = ms * SL_NS_PER_MS };
		struct sim *sim = sim_plain(ms);
		run_in(&run, sim);
		sim_check(sim, run.summary.cancelled == 0, "a timeout is a failure");
		sim_check(sim, run.code == 0 || run.code == -ETIMEDOUT, "code %d", run.code);
		check_run(&run);
		sim_free(sim);
	}
}

Test(batch_stop, with_fail_fast_one_failure_is_reported_and_the_rest_is_cancelled)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct run run = { .fail_fast = true, .more = "http://10.0.0.1/missing\n" };
		struct sim *sim = sim_plain(seed);
		run_in(&run, sim);
		sim_check(sim, run.summary.failed == 1, "%llu failed",
			(unsigned long long)run.summary.failed);
		sim_check(sim, run.code == SL_E_STATUS, "code %d", run.code);
		check_run(&run);
		sim_free(sim);
	}
}
