/*
 * Whole downloads: what a run of several inputs leaves behind, says and returns.
 */
#include "batch_bench.h"

#include "sluice/rt/io.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define LARGE 9000001 /* not a small file, and no whole number of blocks */

Test(batch, downloads_small_large_empty_and_unannounced_files)
{
	struct batch_bench *bench = batch_begin();
	int code = batch_run(bench, "$/gen/1000/1/small\n"
				    "$/gen/9000001/2/large\n"
				    "$/gen/0/3/empty\n"
				    "$/chunked/gen/9000001/4/chunked\n"
				    "$/untilclose/gen/70000/5/close\n"
				    "$/chunked/gen/0/6/nothing\n"
				    "$/redirect/302/gen/1234/7/typed\n");
	cr_expect_eq(code, 0);
	batch_expect_gen(bench, 0, "small", 1000, 1);
	batch_expect_gen(bench, 1, "large", LARGE, 2);
	batch_expect_gen(bench, 2, "empty", 0, 3);
	batch_expect_gen(bench, 3, "chunked", LARGE, 4);
	batch_expect_gen(bench, 4, "close", 70000, 5);
	batch_expect_gen(bench, 5, "nothing", 0, 6);
	batch_expect_gen(bench, 6, "typed", 1234, 7);
	cr_expect_eq(scratch_count("."), 7);
	cr_expect_eq(bench->summary.files, 7);
	cr_expect_eq(bench->summary.done, 7);
	cr_expect_eq(bench->summary.bytes, 1000 + 2 * LARGE + 70000 + 1234);
	batch_end(bench);
}

Test(batch, more_than_memory_holds_goes_through_it)
{
	struct batch_bench *bench = batch_begin();
	bench->chunks = 2;
	cr_expect_eq(batch_run(bench, "$/chunked/gen/20000003/1/a\n$/gen/20000003/2/b\n"), 0);
	batch_expect_gen(bench, 0, "a", 20000003, 1);
	batch_expect_gen(bench, 1, "b", 20000003, 2);
	batch_end(bench);
}

Test(batch, modes_are_those_of_new_files_and_times_those_of_the_server)
{
	struct stat st;
	struct batch_bench *bench = batch_begin();
	umask(027);
	cr_expect_eq(
		batch_run(bench, "$/lm/1000000000/gen/10/1/a\n$/lm/1000000000/gen/9000000/1/b\n"),
		0);
	cr_assert(scratch_stat("a", &st));
	cr_expect_eq(st.st_mode & 07777, 0640);
	cr_expect_eq(st.st_mtim.tv_sec, 1000000000);
	cr_assert(scratch_stat("b", &st));
	cr_expect_eq(st.st_mode & 07777, 0640);
	cr_expect_eq(st.st_mtim.tv_sec, 1000000000);
	bench->options.remote_time = false;
	cr_expect_eq(batch_run(bench, "$/lm/1000000000/gen/10/1/c\n"), 0);
	cr_assert(scratch_stat("c", &st));
	cr_expect_gt(st.st_mtim.tv_sec, 1500000000);
	batch_end(bench);
}

Test(batch, hundreds_of_small_files_are_committed_in_groups)
{
	struct sl_buf list = { 0 };
	struct batch_bench *bench = batch_begin();
	for (unsigned i = 0; i < 300; i++)
		sl_buf_printf(&list, "$/gen/%u/%u\n out=d%u/f%u\n", i * 10, i, i % 7, i);
	cr_expect_eq(batch_run(bench, list.data), 0);
	for (unsigned i = 0; i < 300; i++) {
		char path[32];
		snprintf(path, sizeof(path), "d%u/f%u", i % 7, i);
		batch_expect_gen(bench, i, path, i * 10, i);
	}
	sl_buf_release(&list);
	batch_end(bench);
}

Test(batch, few_descriptors_are_enough)
{
	struct sl_buf list = { 0 };
	struct batch_bench *bench = batch_begin();
	for (unsigned i = 0; i < 60; i++)
		sl_buf_printf(&list, "$/gen/5000/%u\n out=d%u/f\n", i, i);
	bench->options.descriptors = 4;
	bench->options.jobs = 16;
	cr_expect_eq(batch_run(bench, list.data), 0);
	cr_expect_eq(bench->summary.done, 60);
	sl_buf_release(&list);
	batch_end(bench);
}

Test(batch, every_way_of_syncing_gives_the_same_files)
{
	static const enum sl_sync_mode modes[] = { SL_SYNC_AUTO, SL_SYNC_ALL, SL_SYNC_NONE };
	static const enum sl_io_mode ios[] = { SL_IO_AUTO, SL_IO_DIRECT, SL_IO_BUFFERED };
	struct batch_bench *bench = batch_begin();
	for (size_t i = 0; i < SL_COUNT_OF(modes); i++) {
		bench->options.sync = modes[i];
		bench->options.io = ios[i];
		bench->options.if_exists = SL_EXISTS_REPLACE;
		cr_expect_eq(
			batch_run(bench, "$/gen/10/1/a\n$/gen/20/2/b\n$/gen/9000001/3/c\n"), 0);
		batch_expect_gen(bench, 0, "a", 10, 1);
		batch_expect_gen(bench, 1, "b", 20, 2);
		batch_expect_gen(bench, 2, "c", LARGE, 3);
	}
	batch_end(bench);
}

/* ---- failures ---- */

Test(batch, a_failure_does_not_stop_the_others)
{
	struct batch_bench *bench = batch_begin();
	int code = batch_run(bench,
		"$/gen/1000/1/a\n$/status/404\n$/short/500/1000\n$/reset/6000000/9000000\n"
		"$/gen/9000001/2/b\n$/gen/0/3/c\n");
	cr_expect_eq(code, SL_E_STATUS);
	batch_expect_gen(bench, 0, "a", 1000, 1);
	batch_expect_failed(bench, 1, SL_E_STATUS, "404");
	cr_expect_eq(bench->inputs[1].error.http_status, 404);
	batch_expect_failed(bench, 2, SL_E_SHORT_BODY, "500 of 1000 bytes");
	batch_expect_state(bench, 3, SL_DOWNLOAD_FAILED);
	cr_expect_eq(bench->inputs[3].error.phase, SL_PHASE_BODY);
	batch_expect_gen(bench, 4, "b", LARGE, 2);
	batch_expect_gen(bench, 5, "c", 0, 3);
	cr_expect_eq(scratch_count("."), 3, "nothing is left of those that failed");
	cr_expect_eq(bench->summary.failed, 3);
	batch_end(bench);
}

Test(batch, the_first_failure_is_the_first_in_the_order_of_the_inputs)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "$/gen/1/1/a\n$/after/200/status/410\n$/status/500\n"),
		SL_E_STATUS);
	cr_expect_eq(bench->summary.first_index, 1);
	cr_expect_eq(bench->summary.first_error.http_status, 410, "though another failed before");
	batch_end(bench);
}

Test(batch, what_cannot_be_read_in_a_list_is_a_failed_input)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(
		batch_run(bench, "$/gen/1/1/a\n spit=3\nnot a url\n$/gen/2/2/b\n"), SL_E_USAGE);
	batch_expect_failed(bench, 0, SL_E_USAGE, "line 2 of the list");
	batch_expect_failed(bench, 1, SL_E_USAGE, NULL);
	batch_expect_gen(bench, 2, "b", 2, 2);
	batch_end(bench);
}

Test(batch, events_show_urls_without_secrets)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "$/gen/10/1/f?token=hunter2&x=1\n"), 0);
	batch_expect_gen(bench, 0, "f", 10, 1);
	cr_expect_null(strstr(bench->inputs[0].url, "hunter2"), "%s", bench->inputs[0].url);
	cr_expect_not_null(strstr(bench->inputs[0].url, "x=1"));
	batch_end(bench);
}

Test(batch, a_body_longer_than_announced_is_cut_and_noted)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "$/long/1000/3000\n out=x\n"), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_DONE);
	struct stat st;
	cr_expect(scratch_stat("x", &st) && st.st_size == 1000);
	cr_expect(bench->inputs[0].excess);
	batch_end(bench);
}

Test(batch, a_limit_on_file_sizes_fails_that_file_and_leaves_nothing)
{
	struct batch_bench *bench = batch_begin();
	struct rlimit small = { 6 * SL_MIB, RLIM_INFINITY };
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	int code = batch_run(bench, "$/gen/9000001/1/a\n$/chunked/gen/9000001/2/b\n$/gen/10/3/c\n");
	cr_expect_eq(code, -EFBIG);
	batch_expect_failed(bench, 0, -EFBIG, "cannot write 'a.sluice-part': file too large");
	batch_expect_failed(bench, 1, -EFBIG, "cannot write 'b.sluice-part': file too large");
	cr_expect_eq(bench->inputs[0].error.phase, SL_PHASE_WRITE);
	batch_expect_gen(bench, 2, "c", 10, 3);
	cr_expect_eq(scratch_count("."), 1);
	batch_end(bench);
}

/* ---- --fail-fast ---- */

Test(batch, fail_fast_cancels_what_is_under_way_and_begins_nothing)
{
	struct batch_bench *bench = batch_begin();
	bench->options.fail_fast = true;
	bench->options.jobs = 3;
	int code = batch_run(bench,
		"$/stall/100/9000000\n$/stall/100/200\n$/after/100/status/404\n$/gen/1/1/never\n");
	cr_expect_eq(code, SL_E_STATUS);
	batch_expect_state(bench, 0, SL_DOWNLOAD_CANCELLED);
	batch_expect_state(bench, 1, SL_DOWNLOAD_CANCELLED);
	batch_expect_failed(bench, 2, SL_E_STATUS, "404");
	cr_expect_eq(bench->summary.files, 3, "the last was not begun");
	cr_expect_eq(bench->summary.first_index, 2, "those that were cancelled do not count");
	cr_expect_eq(scratch_count("."), 0);
	batch_end(bench);
}

/* The gate opens when the small file's bytes are all here, long before its group is complete. */
Test(batch, fail_fast_keeps_small_files_that_wait_for_their_group)
{
	struct batch_bench *bench = batch_begin();
	bench->options.fail_fast = true;
	bench->options.jobs = 1;
	cr_expect_eq(
		batch_run(bench, "$/gen/1000/1/a\n$/gen/2000/2/b\n$/status/404\n"), SL_E_STATUS);
	batch_expect_gen(bench, 0, "a", 1000, 1);
	batch_expect_gen(bench, 1, "b", 2000, 2);
	batch_expect_failed(bench, 2, SL_E_STATUS, "404");
	batch_end(bench);
}

/* ---- stopping ---- */

SL_SUSPENDS
static void
interrupt_at_two(struct batch_bench *bench, uint64_t index)
{
	if (index == 2)
		sl_batch_cancel(bench->batch, SL_E_INTERRUPTED);
}

Test(batch, a_signal_leaves_no_part_and_commits_nothing_more)
{
	struct batch_bench *bench = batch_begin();
	bench->before = interrupt_at_two;
	bench->options.jobs = 2;
	cr_expect_eq(batch_run(bench, "$/stall/100/9000000\n$/gen/1000/1/a\n$/gen/2000/2/b\n"),
		SL_E_INTERRUPTED);
	batch_expect_state(bench, 0, SL_DOWNLOAD_CANCELLED);
	batch_expect_state(bench, 1, SL_DOWNLOAD_CANCELLED);
	cr_expect_eq(bench->summary.failed, 0, "no file failed by itself");
	cr_expect_eq(scratch_count("."), 0);
	batch_end(bench);
}

Test(batch, the_deadline_of_the_run_is_a_timeout_of_what_is_under_way)
{
	struct batch_bench *bench = batch_begin();
	bench->deadline_ns = 300 * SL_NS_PER_MS;
	bench->options.jobs = 1;
	cr_expect_eq(batch_run(bench, "$/stall/100/9000000\n$/gen/1/1/never\n"), -ETIMEDOUT);
	batch_expect_failed(bench, 0, -ETIMEDOUT, NULL);
	cr_expect_eq(bench->summary.files, 1);
	cr_expect_eq(scratch_count("."), 0);
	batch_end(bench);
}

SL_SUSPENDS
static void
wait_for_the_end(struct batch_bench *bench, uint64_t index)
{
	(void)bench;
	if (index == 1)
		cr_expect_eq(sl_sleep_until(SL_FOREVER - 1), -ETIMEDOUT);
}

Test(batch, inputs_left_over_at_the_deadline_fail_the_run)
{
	struct batch_bench *bench = batch_begin();
	bench->deadline_ns = 300 * SL_NS_PER_MS;
	bench->options.jobs = 1;
	bench->options.sync = SL_SYNC_ALL;
	bench->before = wait_for_the_end;
	cr_expect_eq(
		batch_run(bench, "$/gen/10/1/a\n$/gen/1/1/late\n$/gen/1/1/never\n"), -ETIMEDOUT);
	batch_expect_gen(bench, 0, "a", 10, 1);
	cr_expect_not(bench->inputs[1].begun);
	cr_expect_eq(bench->summary.files, 1);
	batch_end(bench);
}

SL_SUSPENDS
static int
late_source(void *ctx, struct sl_entry *out, struct sl_error *err)
{
	(void)out;
	return sl_fail_code(
		err, SL_PHASE_READ, sl_sleep_until(SL_FOREVER - 1), "%s", (const char *)ctx);
}

SL_SUSPENDS
static int
wait_for_source(void *arg)
{
	struct sl_batch_options options = {
		.jobs = 1, .descriptors = 100, .source = late_source, .source_ctx = arg
	};
	struct sl_batch *batch = NULL;
	struct sl_batch_summary summary;
	struct sl_deadline deadline;
	cr_assert_eq(sl_chunk_pool_new(&options.pool, 2, SL_CHUNK_SIZE), 0);
	cr_assert_eq(sl_batch_new(&batch, &options), 0);
	sl_deadline_begin(&deadline, sl_deadline_in(SL_NS_PER_S));
	int code = sl_batch_run(batch, &summary);
	sl_deadline_end(&deadline);
	cr_expect_eq(summary.files, 0);
	sl_batch_free(batch);
	sl_chunk_pool_free(options.pool);
	return code;
}

Test(batch, a_source_that_delivers_no_entry_in_time_fails_the_run)
{
	static char name[] = "list";
	struct sim *sim = sim_plain(1);
	cr_expect_eq(sim_run(sim, wait_for_source, name), -ETIMEDOUT);
	sim_free(sim);
}

Test(batch, a_stall_is_a_timeout_of_its_own)
{
	struct batch_bench *bench = batch_begin();
	bench->stall_ns = 200 * SL_NS_PER_MS;
	cr_expect_eq(
		batch_run(bench, "$/stall/100/9000000\n$/stallhead\n$/gen/10/1/a\n"), -ETIMEDOUT);
	batch_expect_failed(bench, 0, -ETIMEDOUT, "--stall-timeout");
	batch_expect_failed(bench, 1, -ETIMEDOUT, "--stall-timeout");
	batch_expect_gen(bench, 2, "a", 10, 1);
	batch_expect_no_parts();
	batch_end(bench);
}

/* ---- checksums ---- */

#define MD5_EMPTY "d41d8cd98f00b204e9800998ecf8427e"
#define MD5_OTHER "d41d8cd98f00b204e9800998ecf8427f"

static void
add_with_sum(struct sl_buf *list, const char *path, uint64_t size, uint64_t seed, bool right)
{
	char sum[SL_ORIGIN_SUM_TEXT];
	cr_assert_eq(sl_origin_body_sum(seed, size, sum), 0);
	if (!right)
		sum[63] = sum[63] == '0' ? '1' : '0';
	sl_buf_printf(list, "$/%s/%llu/%llu\n out=%c%llu\n checksum=sha-256=%s\n", path,
		(unsigned long long)size, (unsigned long long)seed, right ? 'r' : 'w',
		(unsigned long long)seed, sum);
}

Test(batch, a_file_gets_its_name_only_if_its_checksum_matches)
{
	struct sl_buf list = { 0 };
	struct batch_bench *bench = batch_begin();
	add_with_sum(&list, "gen", 1000, 1, true);
	add_with_sum(&list, "gen", LARGE, 2, true);
	add_with_sum(&list, "chunked/gen", LARGE, 3, true);
	add_with_sum(&list, "gen", 1000, 4, false);
	add_with_sum(&list, "gen", LARGE, 5, false);
	cr_expect_eq(batch_run(bench, list.data), SL_E_CHECKSUM);
	batch_expect_gen(bench, 0, "r1", 1000, 1);
	batch_expect_gen(bench, 1, "r2", LARGE, 2);
	batch_expect_gen(bench, 2, "r3", LARGE, 3);
	batch_expect_failed(
		bench, 3, SL_E_CHECKSUM, "checksum of 'w4' does not match: sha-256 is ");
	batch_expect_failed(bench, 4, SL_E_CHECKSUM, ", expected ");
	cr_expect_eq(scratch_count("."), 3);
	sl_buf_release(&list);
	batch_end(bench);
}

Test(batch, an_empty_body_has_a_checksum_too)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "$/gen/0/1/a\n checksum=md5=" MD5_EMPTY "\n"
				      "$/gen/0/1/b\n checksum=md5=" MD5_OTHER "\n"
				      "$/chunked/gen/0/1/c\n checksum=md5=" MD5_OTHER "\n"),
		SL_E_CHECKSUM);
	batch_expect_gen(bench, 0, "a", 0, 1);
	batch_expect_failed(bench, 1, SL_E_CHECKSUM, MD5_EMPTY);
	batch_expect_failed(bench, 2, SL_E_CHECKSUM, MD5_EMPTY);
	cr_expect_eq(scratch_count("."), 1);
	batch_end(bench);
}

/* ---- sources ---- */

Test(batch, sources_are_tried_in_turn)
{
	struct batch_bench *bench = batch_begin();
	int code = batch_run(bench,
		"$/status/404/x\t$/short/10/20\tftp://nowhere/x\t$/gen/9000001/1/y\n out=x\n");
	cr_expect_eq(code, 0);
	batch_expect_gen(bench, 0, "x", LARGE, 1);
	cr_expect_eq(bench->inputs[0].retries, 2, "the third cannot be used");
	cr_expect_not_null(
		strstr(bench->inputs[0].url, "/gen/9000001/1/y"), "%s", bench->inputs[0].url);
	batch_expect_no_parts();
	batch_end(bench);
}

Test(batch, if_all_sources_fail_the_last_is_reported_with_their_number)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(
		batch_run(bench, "$/status/404/x\t$/status/503/x\t$/status/410/x\n"), SL_E_STATUS);
	batch_expect_failed(bench, 0, SL_E_STATUS, "410");
	batch_expect_failed(bench, 0, SL_E_STATUS, "(the last of 3 sources, all failed)");
	cr_expect_eq(bench->inputs[0].error.http_status, 410);
	cr_expect_eq(scratch_count("."), 0);
	batch_end(bench);
}

Test(batch, a_wrong_checksum_is_the_sources_fault)
{
	char sum[SL_ORIGIN_SUM_TEXT];
	struct sl_buf list = { 0 };
	struct batch_bench *bench = batch_begin();
	cr_assert_eq(sl_origin_body_sum(2, LARGE, sum), 0);
	sl_buf_printf(&list, "$/gen/9000001/1/x\t$/gen/9000001/2/x\n checksum=sha-256=%s\n", sum);
	cr_expect_eq(batch_run(bench, list.data), 0);
	batch_expect_gen(bench, 0, "x", LARGE, 2);
	sl_buf_release(&list);
	batch_end(bench);
}

Test(batch, a_disk_failure_does_not_lead_to_another_source)
{
	struct batch_bench *bench = batch_begin();
	cr_assert_eq(mkdir("x.sluice-part", 0700), 0);
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\t$/gen/10/2/x\n"), -EISDIR);
	cr_expect_eq(bench->inputs[0].retries, 0);
	batch_end(bench);
}

/* ---- headers of a list ---- */

Test(batch, headers_of_an_entry_are_sent_with_it)
{
	struct sl_buf got = { 0 };
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "$/echo-headers\n out=a\n header=X-Wish: granted\n"
				      "$/echo-headers\n out=b\n"),
		0);
	cr_expect(scratch_read("a", &got));
	cr_expect_not_null(strstr(got.data, "X-Wish: granted\r\n"));
	cr_expect(scratch_read("b", &got));
	cr_expect_null(strstr(got.data, "X-Wish"));
	sl_buf_release(&got);
	batch_end(bench);
}

Test(batch, a_header_that_cannot_be_sent_is_refused_before_anything_is_made)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(
		batch_run(bench, "$/gen/10/1/a\n dir=d\n header=Content-Length: 5\n"), SL_E_USAGE);
	batch_expect_failed(bench, 0, SL_E_USAGE, "Content-Length");
	cr_expect_eq(scratch_count("."), 0);
	batch_end(bench);
}

/* ---- another program at work while the body comes ---- */

/* The first input has half of its body and waits for a gate, which the second one opens. */
static int
run_gated(struct batch_bench *bench, unsigned gate)
{
	char list[120];
	snprintf(list, sizeof(list), "$/gate/g%u/gen/1000/1/x\n$/open/g%u\n out=opened\n", gate,
		gate);
	return batch_run(bench, list);
}

static void
see_first(void *ctx, const struct sl_download *download)
{
	if (download->index == 0)
		*(uint64_t *)ctx = download->received;
}

/* Half of the first one's body is here. */
SL_SUSPENDS
static void
wait_for_half(struct batch_bench *bench)
{
	uint64_t received = 0;
	while (received < 500) {
		sl_batch_each(bench->batch, see_first, &received);
		cr_assert_eq(sl_yield(), 0);
	}
}

SL_SUSPENDS
static void
take_name(struct batch_bench *bench, uint64_t index)
{
	if (index != 1)
		return;
	wait_for_half(bench);
	scratch_write_text("x", "another's");
}

Test(batch, a_name_taken_meanwhile_is_left_alone)
{
	struct batch_bench *bench = batch_begin();
	bench->before = take_name;
	cr_expect_eq(run_gated(bench, 1), -EEXIST);
	batch_expect_failed(bench, 0, -EEXIST, "'x' was created in the meantime");
	cr_expect(scratch_holds("x", "another's"));
	batch_expect_no_parts();
	batch_end(bench);
}

Test(batch, a_name_taken_meanwhile_is_replaced_or_avoided_if_asked)
{
	struct batch_bench *bench = batch_begin();
	bench->before = take_name;
	bench->options.if_exists = SL_EXISTS_RENAME;
	cr_expect_eq(run_gated(bench, 1), 0);
	batch_expect_gen(bench, 0, "x.1", 1000, 1);
	cr_expect(scratch_holds("x", "another's"));
	cr_assert_eq(unlink("x") | unlink("opened"), 0);
	bench->options.if_exists = SL_EXISTS_REPLACE;
	cr_expect_eq(run_gated(bench, 2), 0);
	batch_expect_gen(bench, 0, "x", 1000, 1);
	batch_end(bench);
}

SL_SUSPENDS
static void
remove_part(struct batch_bench *bench, uint64_t index)
{
	if (index != 1)
		return;
	wait_for_half(bench);
	cr_assert_eq(unlink("x.sluice-part"), 0);
}

Test(batch, a_part_that_another_program_removed_is_a_failure)
{
	static const enum sl_sync_mode modes[] = { SL_SYNC_AUTO, SL_SYNC_ALL, SL_SYNC_NONE };
	struct batch_bench *bench = batch_begin();
	bench->before = remove_part;
	for (size_t i = 0; i < SL_COUNT_OF(modes); i++) {
		bench->options.sync = modes[i];
		cr_expect_eq(run_gated(bench, (unsigned)i), SL_E_REPLACED);
		batch_expect_failed(bench, 0, SL_E_REPLACED, "it was removed or replaced");
		cr_expect_not(scratch_exists("x"));
		cr_assert_eq(unlink("opened"), 0);
	}
	batch_end(bench);
}

SL_SUSPENDS
static void
replace_part(struct batch_bench *bench, uint64_t index)
{
	if (index != 1)
		return;
	remove_part(bench, index);
	scratch_write_text("x.sluice-part", "another's");
}

Test(batch, a_part_that_another_program_replaced_is_left_alone)
{
	struct batch_bench *bench = batch_begin();
	bench->before = replace_part;
	cr_expect_eq(run_gated(bench, 1), SL_E_REPLACED);
	batch_expect_failed(bench, 0, SL_E_REPLACED, NULL);
	cr_expect_not(scratch_exists("x"));
	cr_expect(scratch_holds("x.sluice-part", "another's"));
	batch_end(bench);
}

Test(batch, another_runs_part_is_in_use)
{
	struct batch_bench *bench = batch_begin();
	scratch_write_text("x.sluice-part", "");
	cr_assert_eq(chmod("x.sluice-part", 01600), 0);
	struct sl_op lock = { .kind = SL_OP_LOCK, .fd = open("x.sluice-part", O_RDWR | O_CLOEXEC) };
	cr_assert_eq(sl_op_run_blocking(&lock), 0);
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n$/gen/10/1/y\n"), SL_E_IN_USE);
	batch_expect_failed(
		bench, 0, SL_E_IN_USE, "cannot use 'x.sluice-part': another run is writing it");
	batch_expect_gen(bench, 1, "y", 10, 1);
	close(lock.fd);
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n"), 0);
	batch_expect_gen(bench, 0, "x", 10, 1);
	batch_end(bench);
}
