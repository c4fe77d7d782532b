/* The queue of a batch: adding, pausing, resuming, moving and removing entries. */
#include "batch_bench.h"

/* Add one entry: lines as in a list, '$' as in batch_run. Returns its number. */
static uint64_t
add_at(struct batch_bench *bench, size_t position, const char *lines)
{
	struct sl_buf text = { 0 };
	struct sl_manifest *manifest;
	struct sl_entry entry = { 0 };
	uint64_t index = UINT64_MAX;
	for (; *lines; lines++)
		if (*lines == '$')
			sl_buf_printf(&text, "http://127.0.0.1:%u", bench->port);
		else
			sl_buf_add_char(&text, *lines);
	manifest = entries_open(sl_buf_span(&text));
	cr_assert_eq(entries_next(manifest, &entry, NULL), 1);
	cr_assert_eq(sl_batch_add(bench->batch, &entry, position, &index), 0);
	sl_manifest_free(manifest); /* the entry was copied */
	sl_buf_release(&text);
	return index;
}

static uint64_t
add(struct batch_bench *bench, const char *lines)
{
	return add_at(bench, SL_BATCH_LAST, lines);
}

static void
expect_order(const struct batch_bench *bench, const uint64_t *order, size_t len)
{
	cr_assert_eq(bench->order_len, len);
	for (size_t i = 0; i < len; i++)
		cr_expect_eq(bench->order[i], order[i], "the %zu-th to end is input %llu", i,
			(unsigned long long)bench->order[i]);
}

/* The batch of these tests has one job and stays open. */
static struct batch_bench *
begin_open(SL_SUSPENDS void (*control)(struct batch_bench *bench))
{
	struct batch_bench *bench = batch_begin();
	bench->options.jobs = 1;
	bench->options.stays_open = true;
	bench->control = control;
	return bench;
}

struct seen {
	uint64_t index;
	enum sl_download_state state;
	uint64_t received;
	bool found;
};

static void
see(void *ctx, const struct sl_download *download)
{
	struct seen *seen = ctx;
	if (download->index != seen->index)
		return;
	seen->found = true;
	seen->state = download->state;
	seen->received = download->received;
}

static struct seen
look_at(struct batch_bench *bench, uint64_t index)
{
	struct seen seen = { .index = index };
	sl_batch_each(bench->batch, see, &seen);
	sl_batch_each_queued(bench->batch, see, &seen);
	return seen;
}

SL_SUSPENDS
static void
wait_for_bytes(struct batch_bench *bench, uint64_t index, uint64_t bytes)
{
	while (look_at(bench, index).received < bytes)
		cr_assert_eq(sl_yield(), 0);
}

SL_SUSPENDS
static void
wait_for_end(struct batch_bench *bench, uint64_t index)
{
	while (!bench->inputs[index].ended)
		cr_assert_eq(sl_yield(), 0);
}

SL_SUSPENDS
static void
wait_for_state(struct batch_bench *bench, uint64_t index, enum sl_download_state state)
{
	for (;;) {
		struct seen seen = look_at(bench, index);
		if (seen.found && seen.state == state)
			return;
		cr_assert_eq(sl_yield(), 0);
	}
}

/* ---- adding ---- */

SL_SUSPENDS
static void
add_two_and_close(struct batch_bench *bench)
{
	cr_expect_eq(add(bench, "$/gen/100/1/a\n"), 0);
	wait_for_end(bench, 0);
	cr_expect_eq(add(bench, "$/gen/100/2\n out=sub/b\n header=X-Any: x\n"), 1);
	wait_for_end(bench, 1);
	sl_batch_close(bench->batch);
}

Test(queue, entries_may_be_added_while_the_batch_runs_until_it_is_closed)
{
	struct batch_bench *bench = begin_open(add_two_and_close);
	cr_expect_eq(batch_run(bench, ""), 0);
	batch_expect_gen(bench, 0, "a", 100, 1);
	batch_expect_gen(bench, 1, "sub/b", 100, 2);
	batch_end(bench);
}

SL_SUSPENDS
static void
add_during_list(struct batch_bench *bench, uint64_t index)
{
	if (index == 1)
		cr_expect_eq(add(bench, "$/gen/100/7/added\n"), 1);
}

Test(queue, what_was_added_comes_before_the_rest_of_a_list)
{
	static const uint64_t order[] = { 0, 2, 1 }; /* the list gives one while it is added */
	struct batch_bench *bench = batch_begin();
	bench->options.jobs = 1;
	bench->options.sync = SL_SYNC_ALL;
	bench->before = add_during_list;
	cr_expect_eq(batch_run(bench, "$/gen/100/1/a\n$/gen/100/2/b\n"), 0);
	expect_order(bench, order, SL_COUNT_OF(order));
	batch_end(bench);
}

/* ---- the order ---- */

SL_SUSPENDS
static void
move_around(struct batch_bench *bench)
{
	for (unsigned i = 0; i < 4; i++) {
		char line[40];
		snprintf(line, sizeof(line), "$/gen/100/%u/f%u\n", i, i);
		cr_assert_eq(add(bench, line), i);
	}
	cr_expect_eq(sl_batch_move(bench->batch, 3, 0), 0);             /* 3 0 1 2 */
	cr_expect_eq(sl_batch_move(bench->batch, 0, SL_BATCH_LAST), 0); /* 3 1 2 0 */
	cr_expect_eq(sl_batch_move(bench->batch, 2, 1), 0);             /* 3 2 1 0 */
	cr_expect_eq(add_at(bench, 2, "$/gen/100/9/f4\n"), 4);          /* 3 2 4 1 0 */
	cr_expect_eq(sl_batch_move(bench->batch, 99, 0), -ENOENT);
	sl_batch_close(bench->batch);
}

Test(queue, entries_are_taken_in_the_order_they_were_moved_to)
{
	static const uint64_t order[] = { 3, 2, 4, 1, 0 };
	struct batch_bench *bench = begin_open(move_around);
	bench->options.sync = SL_SYNC_ALL; /* each by itself: they end in the order they began */
	cr_expect_eq(batch_run(bench, ""), 0);
	expect_order(bench, order, SL_COUNT_OF(order));
	batch_end(bench);
}

/* ---- pausing ---- */

SL_SUSPENDS
static void
pause_waiting(struct batch_bench *bench)
{
	add(bench, "$/gen/100/1/a\n");
	add(bench, "$/gen/100/2/b\n");
	cr_expect_eq(sl_batch_pause(bench->batch, 0), 0);
	cr_expect_eq(sl_batch_pause(bench->batch, 0), 0, "paused already");
	wait_for_end(bench, 1);
	cr_expect_eq(look_at(bench, 0).state, SL_DOWNLOAD_PAUSED);
	cr_expect_eq(sl_batch_resume(bench->batch, 0), 0);
	wait_for_end(bench, 0);
	cr_expect_eq(sl_batch_resume(bench->batch, 0), -ENOENT);
	cr_expect_eq(sl_batch_pause(bench->batch, 0), -ENOENT);
	sl_batch_close(bench->batch);
}

Test(queue, a_paused_entry_waits_until_it_is_resumed)
{
	static const uint64_t order[] = { 1, 0 };
	struct batch_bench *bench = begin_open(pause_waiting);
	cr_expect_eq(batch_run(bench, ""), 0);
	expect_order(bench, order, SL_COUNT_OF(order));
	batch_expect_gen(bench, 0, "a", 100, 1);
	cr_expect_eq(bench->inputs[0].pauses, 0, "it was not under way");
	batch_end(bench);
}

SL_SUSPENDS
static void
pause_active(struct batch_bench *bench)
{
	add(bench, "$/gate/p/gen/1000/1/a\n");
	wait_for_bytes(bench, 0, 500);
	cr_expect_eq(sl_batch_move(bench->batch, 0, 0), -EBUSY);
	cr_expect_eq(sl_batch_pause(bench->batch, 0), 0);
	wait_for_state(bench, 0, SL_DOWNLOAD_PAUSED);
	cr_expect_eq(scratch_count("."), 0, "no part is left");
	add(bench, "$/gen/100/2/b\n");
	wait_for_end(bench, 1);
	add(bench, "$/gate/p/gen/1000/1/a\n"); /* the same: it ends with the first */
	add(bench, "$/open/p\n out=opened\n");
	wait_for_end(bench, 3);
	cr_expect_not(bench->inputs[2].ended);
	cr_expect_eq(sl_batch_resume(bench->batch, 0), 0);
	wait_for_end(bench, 2);
	sl_batch_close(bench->batch);
}

Test(queue, a_download_under_way_can_be_paused_and_goes_on_later)
{
	struct batch_bench *bench = begin_open(pause_active);
	cr_expect_eq(batch_run(bench, ""), 0);
	batch_expect_gen(bench, 0, "a", 1000, 1);
	batch_expect_gen(bench, 1, "b", 100, 2);
	batch_expect_state(bench, 2, SL_DOWNLOAD_SKIPPED);
	cr_expect(bench->inputs[2].is_repeat);
	cr_expect_eq(bench->inputs[0].pauses, 1);
	cr_expect_eq(bench->summary.files, 4);
	batch_end(bench);
}

SL_SUSPENDS
static void
resume_at_once(struct batch_bench *bench)
{
	add(bench, "$/gate/r/gen/1000/1/a\n");
	wait_for_bytes(bench, 0, 500);
	cr_expect_eq(sl_batch_pause(bench->batch, 0), 0);
	cr_expect_eq(sl_batch_resume(bench->batch, 0), 0);
	add(bench, "$/open/r\n out=opened\n");
	cr_expect_eq(sl_batch_move(bench->batch, 1, 0), 0);
	wait_for_end(bench, 0);
	sl_batch_close(bench->batch);
}

Test(queue, one_that_is_resumed_before_it_has_stopped_goes_on)
{
	struct batch_bench *bench = begin_open(resume_at_once);
	bench->options.jobs = 2;
	cr_expect_eq(batch_run(bench, ""), 0);
	batch_expect_gen(bench, 0, "a", 1000, 1);
	cr_expect_eq(bench->inputs[0].pauses, 0);
	batch_end(bench);
}

SL_SUSPENDS
static void
pause_for_good(struct batch_bench *bench)
{
	add(bench, "$/gen/100/1/a\n");
	add(bench, "$/gen/100/2/b\n");
	cr_expect_eq(sl_batch_pause(bench->batch, 1), 0);
	sl_batch_close(bench->batch);
}

Test(queue, a_run_that_ends_with_a_paused_entry_was_not_successful)
{
	struct batch_bench *bench = begin_open(pause_for_good);
	cr_expect_eq(batch_run(bench, ""), -ECANCELED);
	batch_expect_gen(bench, 0, "a", 100, 1);
	cr_expect_not(bench->inputs[1].ended);
	batch_end(bench);
}

/* ---- removing ---- */

SL_SUSPENDS
static void
remove_all_kinds(struct batch_bench *bench)
{
	add(bench, "$/gate/x/gen/1000/1/a\n");
	add(bench, "$/gen/100/2/b\n");
	wait_for_bytes(bench, 0, 500);
	cr_expect_eq(sl_batch_remove(bench->batch, 1), 0);
	cr_expect(bench->inputs[1].ended, "one that waits ends at once");
	cr_expect_eq(sl_batch_remove(bench->batch, 0), 0);
	wait_for_end(bench, 0);
	cr_expect_eq(sl_batch_remove(bench->batch, 0), -ENOENT);
	cr_expect_eq(scratch_count("."), 0, "no part is left");
	add(bench, "$/gen/100/3/a\n");
	wait_for_end(bench, 2);
	sl_batch_close(bench->batch);
}

Test(queue, what_is_removed_ends_and_its_name_is_free_again)
{
	struct batch_bench *bench = begin_open(remove_all_kinds);
	cr_expect_eq(batch_run(bench, ""), 0, "what was removed has not failed");
	batch_expect_state(bench, 0, SL_DOWNLOAD_REMOVED);
	batch_expect_state(bench, 1, SL_DOWNLOAD_REMOVED);
	batch_expect_gen(bench, 2, "a", 100, 3);
	cr_expect_eq(bench->summary.removed, 2);
	batch_end(bench);
}

SL_SUSPENDS
static void
remove_while_paused(struct batch_bench *bench)
{
	add(bench, "$/gate/y/gen/1000/1/a\n");
	wait_for_bytes(bench, 0, 500);
	add(bench, "$/gate/y/gen/1000/1/a\n");
	cr_expect_eq(sl_batch_pause(bench->batch, 0), 0);
	wait_for_state(bench, 0, SL_DOWNLOAD_PAUSED);
	while (look_at(bench, 1).found) /* it repeats the first, and ends with it */
		cr_assert_eq(sl_yield(), 0);
	cr_expect_eq(sl_batch_remove(bench->batch, 0), 0);
	sl_batch_close(bench->batch);
}

Test(queue, what_repeats_a_removed_entry_is_removed_with_it)
{
	struct batch_bench *bench = begin_open(remove_while_paused);
	cr_expect_eq(batch_run(bench, ""), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_REMOVED);
	batch_expect_state(bench, 1, SL_DOWNLOAD_REMOVED);
	batch_end(bench);
}

/* ---- the end ---- */

SL_SUSPENDS
static void
stop_while_queued(struct batch_bench *bench)
{
	add(bench, "$/gate/z/gen/1000/1/a\n");
	add(bench, "$/gen/100/2/b\n");
	wait_for_bytes(bench, 0, 500);
	sl_batch_cancel(bench->batch, SL_E_INTERRUPTED);
}

Test(queue, a_stopped_run_begins_nothing_more_from_the_queue)
{
	struct batch_bench *bench = begin_open(stop_while_queued);
	cr_expect_eq(batch_run(bench, ""), SL_E_INTERRUPTED);
	batch_expect_state(bench, 0, SL_DOWNLOAD_CANCELLED);
	cr_expect_not(bench->inputs[1].ended);
	cr_expect_eq(scratch_count("."), 0);
	batch_end(bench);
}

/* ---- entries that wait to be tried again ---- */

#define ASKS_FOR_MINUTES "header/Retry-After/300/only/1/status/503/gen/100/1/a\n"

/* Its first attempt has failed, and the server asks for five minutes. */
SL_SUSPENDS
static void
add_delayed(struct batch_bench *bench)
{
	add(bench, "$/" ASKS_FOR_MINUTES);
	wait_for_state(bench, 0, SL_DOWNLOAD_WAITING);
	while (bench->inputs[0].retries == 0)
		cr_assert_eq(sl_yield(), 0);
	wait_for_state(bench, 0, SL_DOWNLOAD_WAITING);
	cr_expect_eq(scratch_count("."), 0, "no part is left");
}

static struct batch_bench *
begin_delayed(SL_SUSPENDS void (*control)(struct batch_bench *bench))
{
	struct batch_bench *bench = begin_open(control);
	bench->options.retry =
		(struct sl_retry_policy){ .retries = 8, .max_wait_ns = 300 * SL_NS_PER_S };
	return bench;
}

SL_SUSPENDS
static void
pause_delayed(struct batch_bench *bench)
{
	add_delayed(bench);
	cr_expect_eq(sl_batch_pause(bench->batch, 0), 0);
	cr_expect_eq(look_at(bench, 0).state, SL_DOWNLOAD_PAUSED);
	add(bench, "$/gen/100/2/b\n");
	wait_for_end(bench, 1);
	cr_expect_eq(sl_batch_resume(bench->batch, 0), 0);
	wait_for_end(bench, 0);
	sl_batch_close(bench->batch);
}

Test(queue, one_that_waits_to_be_tried_again_can_be_paused_and_is_tried_once_resumed)
{
	struct batch_bench *bench = begin_delayed(pause_delayed);
	cr_expect_eq(batch_run(bench, ""), 0);
	batch_expect_gen(bench, 0, "a", 100, 1);
	batch_expect_gen(bench, 1, "b", 100, 2);
	batch_end(bench);
}

SL_SUSPENDS
static void
remove_delayed(struct batch_bench *bench)
{
	add_delayed(bench);
	add(bench, "$/" ASKS_FOR_MINUTES); /* it repeats the first */
	while (look_at(bench, 1).found)
		cr_assert_eq(sl_yield(), 0);
	sl_batch_close(bench->batch);
	for (unsigned i = 0; i < 100; i++) /* the job has seen that, and waits again */
		cr_assert_eq(sl_yield(), 0);
	cr_expect_eq(sl_batch_remove(bench->batch, 0), 0);
	cr_expect(bench->inputs[0].ended, "it ends at once");
}

Test(queue, one_that_waits_to_be_tried_again_can_be_removed_and_the_run_ends)
{
	struct batch_bench *bench = begin_delayed(remove_delayed);
	cr_expect_eq(batch_run(bench, ""), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_REMOVED);
	batch_expect_state(bench, 1, SL_DOWNLOAD_REMOVED);
	cr_expect_eq(bench->summary.waiting, 0);
	batch_end(bench);
}

/* ---- what has arrived before a failure ---- */

#define RESET_AT_6M "ranges/etag/a/reset-nth/1/6000000/gen/9000000/1/a\n"

Test(queue, a_retry_goes_on_with_what_is_missing)
{
	struct batch_bench *bench = batch_begin();
	bench->options.resume = true;
	bench->options.retry =
		(struct sl_retry_policy){ .retries = 1, .max_wait_ns = SL_NS_PER_MS };
	cr_expect_eq(batch_run(bench, "$/" RESET_AT_6M), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_DONE);
	cr_expect(batch_is_gen("a", 9000000, 1));
	cr_expect_eq(bench->inputs[0].retries, 1);
	cr_expect_lt(bench->summary.bytes, 9000000 + SL_CHUNK_SIZE, "%llu bytes were received",
		(unsigned long long)bench->summary.bytes);
	cr_expect_eq(bench->summary.kept, 0, "nothing is left of it");
	cr_expect_eq(scratch_count("."), 1);
	batch_end(bench);
}

SL_SUSPENDS
static void
remove_kept(struct batch_bench *bench)
{
	add(bench, "$/only/2/header/Retry-After/300/only/2/status/503/" RESET_AT_6M);
	while (bench->inputs[0].retries < 2)
		cr_assert_eq(sl_yield(), 0);
	wait_for_state(bench, 0, SL_DOWNLOAD_WAITING);
	cr_expect_gt(scratch_count("."), 0, "what has arrived is kept");
	cr_expect_eq(sl_batch_remove(bench->batch, 0), 0);
	cr_expect_eq(scratch_count("."), 0);
	sl_batch_close(bench->batch);
}

Test(queue, what_is_removed_while_it_waits_leaves_nothing)
{
	struct batch_bench *bench = begin_delayed(remove_kept);
	bench->options.resume = true;
	cr_expect_eq(batch_run(bench, ""), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_REMOVED);
	cr_expect_eq(bench->summary.kept, 0);
	batch_end(bench);
}
