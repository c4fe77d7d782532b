/*
 * Exchanges by HTTP/2 in which the nth allocation fails, that of nghttp2 too, for every n until
 * there are no more: each stream ends well or with a failure, what came of a body is right, and
 * the session goes.
 */
#include "support/failing_alloc.h"
#include "support/h2_frames.h"
#include "support/h2_played.h"
#include "support/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const char text[] = "the body of the response";

/* Fields that grow the table of HPACK, a head in two frames, DATA of two streams in turns. */
static const char served[] =
	"SETTINGS 0 - ;HEADERS 1 h :status=200 content-length=24 4003782d6103626362;"
	"HEADERS 3 - 88;CONTINUATION 3 h x-b=c be;PING 0 - '12345678';"
	"DATA 1 - 'the' 20 'body' 20;DATA 3 - 'the' 20;"
	"DATA 1 s 'of' 20 'the' 20 'response';DATA 3 s 'body' 20 'of' 20 'the' 20 'response';"
	"GOAWAY 0 - 00000003 00000000;";

struct run {
	struct h2_play play;
	uint64_t nth, count;
	bool and_all_after;
};

static int
play_task(void *arg)
{
	struct run *run = arg;
	alloc_fail_nth(run->nth, run->and_all_after);
	(void)h2_play_task(&run->play);
	run->count = alloc_end();
	return 0;
}

static void
check(const struct h2_play *play, uint64_t nth, bool hit)
{
	cr_expect_eq(play->left, 0);
	cr_expect(play->code == 0 || (hit && play->code == -ENOMEM), "allocation %llu: %d",
		(unsigned long long)nth, play->code);
	for (unsigned i = 0; play->code == 0 && i < play->streams; i++) {
		const struct h2_outcome *out = &play->outcomes[i];
		cr_expect(out->code == 0 ? out->is_whole && out->body.len == sizeof(text) - 1 : hit,
			"allocation %llu: %d %s", (unsigned long long)nth, out->code,
			out->err.text);
		cr_expect(!strstr(out->err.text, "callback"), "allocation %llu: %s",
			(unsigned long long)nth, out->err.text);
		cr_expect(out->body.len == 0 || memcmp(out->body.data, text, out->body.len) == 0);
	}
}

/* Whether the allocation was made. *failures grows by the streams that failed. */
static bool
fail_at(struct sl_span frames, uint64_t nth, bool and_all_after, unsigned *failures)
{
	struct run run = { .play = { .frames = frames, .streams = 2, .read = 7 },
		.nth = nth,
		.and_all_after = and_all_after };
	struct sim *sim = sim_plain(1);
	cr_assert_eq(sim_run(sim, play_task, &run), 0);
	check(&run.play, nth, run.count >= nth);
	for (unsigned i = 0; i < H2_STREAMS_MAX; i++)
		*failures += run.play.outcomes[i].code != 0;
	*failures += run.play.code != 0;
	h2_play_release(&run.play);
	sim_free(sim);
	return run.count >= nth;
}

static void
fail_each(bool and_all_after)
{
	struct sl_buf frames = { 0 };
	unsigned failures = 0;
	uint64_t nth = 1;
	h2_frames(&frames, served);
	while (fail_at(sl_buf_span(&frames), nth, and_all_after, &failures))
		nth++;
	cr_log_info("%llu allocations, %u failures", (unsigned long long)nth, failures);
	cr_expect_gt(nth, 50, "only %llu allocations", (unsigned long long)nth);
	cr_expect_gt(failures, 50, "only %u failures", failures);
	sl_buf_release(&frames);
}

Test(alloc_h2, any_allocation_may_fail, .timeout = 900)
{
	fail_each(false);
}

Test(alloc_h2, memory_may_end_at_any_allocation, .timeout = 900)
{
	fail_each(true);
}
