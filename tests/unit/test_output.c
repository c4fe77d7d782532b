#include "sluice/cli/output.h"

#include "support/engine_sim.h"
#include "support/run.h"

#include "sluice/base/random.h"
#include "sluice/rt/engine.h"
#include "sluice/rt/io.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct scene {
	int fd;         /* to write to */
	int reader;     /* the other end of a pipe, or -1 */
	size_t buffers; /* to send */
	int sent, closed, state;
	size_t count; /* sent with success */
	struct sl_error err;
	struct sl_buf got;
};

#define NUMBERS 4096u
#define BUFFER (NUMBERS * 8u) /* bytes */

static void
add_numbered(struct sl_buf *buf, size_t number)
{
	for (size_t i = 0; i < NUMBERS; i++)
		sl_buf_printf(buf, "%07zu\n", number * NUMBERS + i);
}

static int
send_all(void *arg)
{
	struct scene *scene = arg;
	struct sl_output *output = NULL;
	cr_assert_eq(sl_output_open(&output, scene->fd), 0);
	while (scene->sent == 0 && scene->count < scene->buffers) {
		struct sl_buf buf = { 0 };
		add_numbered(&buf, scene->count);
		scene->sent = sl_output_send(output, &buf);
		if (scene->sent == 0) {
			cr_expect_null(buf.data);
			scene->count++;
		}
		sl_buf_release(&buf);
	}
	scene->state = sl_output_state(output);
	scene->closed = sl_output_close(output, &scene->err);
	return 0;
}

static void
run(sl_task_fn *fn, struct scene *scene)
{
	struct sl_rt *rt = NULL;
	struct sl_rt_options options = { .workers = 1 };
	struct sl_error err = { 0 };
	cr_assert_eq(sl_engine_uring_new(&options.engine, &err), 0, "%s", err.text);
	cr_assert_eq(sl_rt_new(&rt, &options, &err), 0);
	cr_assert_eq(sl_rt_run(rt, fn, scene), 0);
	sl_rt_free(rt);
}

static void
make_pipe(struct scene *scene)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	scene->reader = ends[0];
	scene->fd = ends[1];
	signal(SIGPIPE, SIG_IGN);
}

Test(output, writes_everything_in_order)
{
	struct scene scene = { .buffers = 40 };
	char path[] = "/tmp/sluice-output-XXXXXX", *text = NULL;
	struct sl_buf want = { 0 };
	scene.fd = mkstemp(path);
	cr_assert(scene.fd >= 0);
	run(send_all, &scene);
	cr_expect_eq(scene.sent, 0);
	cr_expect_eq(scene.closed, 0);
	for (size_t i = 0; i < 40; i++)
		add_numbered(&want, i);
	text = calloc(1, want.len + 1);
	cr_assert_eq(pread(scene.fd, text, want.len + 1, 0), (ssize_t)want.len);
	cr_expect_eq(memcmp(text, want.data, want.len), 0);
	free(text);
	sl_buf_release(&want);
	unlink(path);
}

/* The reader takes one piece at a time, only when it is asked to. */
static int
read_slowly(void *arg)
{
	struct scene *scene = arg;
	char piece[5000];
	ssize_t len = 0;
	for (;;) {
		if (sl_yield() != 0)
			return 0;
		len = read(scene->reader, piece, sizeof(piece));
		if (len < 0 && errno == EAGAIN)
			continue;
		if (len <= 0)
			return 0;
		sl_buf_add(&scene->got, piece, (size_t)len);
	}
}

static int
send_and_close(void *arg)
{
	struct scene *scene = arg;
	int code = send_all(scene);
	close(scene->fd);
	return code;
}

static int
send_and_read(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "reader", read_slowly, arg, NULL), 0);
	cr_assert_eq(sl_group_spawn(&group, "writer", send_and_close, arg, NULL), 0);
	return sl_group_leave(&group);
}

Test(output, a_slow_reader_gets_everything_also_through_a_non_blocking_pipe)
{
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		struct scene scene = { .buffers = 20 };
		struct sl_buf want = { 0 };
		make_pipe(&scene);
		cr_assert_eq(fcntl(scene.reader, F_SETFL, O_NONBLOCK), 0);
		cr_assert_eq(fcntl(scene.fd, F_SETFL, flags), 0);
		run(send_and_read, &scene);
		for (size_t i = 0; i < 20; i++)
			add_numbered(&want, i);
		cr_expect_eq(scene.closed, 0);
		cr_expect(sl_span_equal(sl_buf_span(&scene.got), sl_buf_span(&want)));
		sl_buf_release(&want);
		sl_buf_release(&scene.got);
		close(scene.reader);
	}
}

Test(output, a_reader_that_has_gone_is_not_a_failure_and_ends_the_sending)
{
	struct scene scene = { .buffers = 100 };
	make_pipe(&scene);
	close(scene.reader);
	run(send_all, &scene);
	cr_expect_eq(scene.sent, -EPIPE);
	cr_expect(scene.count < 100);
	cr_expect_eq(scene.state, -EPIPE);
	cr_expect_eq(scene.closed, -EPIPE);
	cr_expect_eq(scene.err.code, 0);
	close(scene.fd);
}

Test(output, a_full_device_is_a_failure_reported_once)
{
	struct scene scene = { .buffers = 1 };
	scene.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	run(send_all, &scene);
	cr_expect_eq(scene.closed, -ENOSPC);
	cr_expect_str_eq(scene.err.text, "cannot write standard output: no space left on device");
	close(scene.fd);
}

/* The reader does not read; the run is cancelled while the sender waits for room. */
static int
cancel_in_the_middle(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "writer", send_all, arg, NULL), 0);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, -ECANCELED);
	sl_group_leave(&group);
	return 0;
}

Test(output, a_cancelled_run_does_not_wait_for_a_reader_that_does_not_read)
{
	struct scene scene = { .buffers = 100 };
	make_pipe(&scene);
	run(cancel_in_the_middle, &scene);
	cr_expect_eq(scene.sent, -ECANCELED);
	size_t held = (size_t)fcntl(scene.fd, F_GETPIPE_SZ) / BUFFER;
	cr_expect(scene.count <= SL_OUTPUT_QUEUE + 4 + held, "%zu buffers were taken", scene.count);
	cr_expect_eq(scene.closed, -ETIMEDOUT);
	close(scene.fd);
	close(scene.reader);
}

/* Not where the system does not allow it. */
Test(output, a_pipe_is_widened)
{
	struct scene scene = { .buffers = 1 }, own;
	make_pipe(&own);
	bool is_allowed = fcntl(own.fd, F_SETPIPE_SZ, (int)SL_IO_PIPE) > 0;
	make_pipe(&scene);
	run(send_all, &scene);
	cr_expect(!is_allowed || fcntl(scene.reader, F_GETPIPE_SZ) >= (int)SL_IO_PIPE);
	close(own.fd);
	close(own.reader);
	close(scene.fd);
	close(scene.reader);
}

/* ---- events in several pieces, and a run that is cancelled between two of them ---- */

#define PIECES 10u
#define PIECE ((size_t)30000)

struct events {
	struct sim *sim;
	int fd;
	uint64_t cancel_ns; /* after so long */
	struct sl_output *output;
	uint64_t cancelled_ns, closed_ns;
	int last, closed; /* codes: of what is sent behind the events, and of the close */
};

/* "a" and many "b", in pieces, and a newline. */
static int
send_events(void *arg)
{
	struct events *events = arg;
	int code = 0;
	while (code == 0 && sl_task_cancelled() == 0) {
		for (unsigned i = 0; i <= PIECES && code == 0; i++) {
			struct sl_buf buf = { 0 };
			for (size_t n = 0; i < PIECES && n < PIECE; n++)
				sl_buf_add_char(&buf, i + n ? 'b' : 'a');
			sl_buf_add_str(&buf, i < PIECES ? "" : "\n");
			code = sl_output_send(events->output, &buf);
			sl_buf_release(&buf);
		}
	}
	return code;
}

static int
cancel_events(void *arg)
{
	struct events *events = arg;
	struct sl_group group;
	struct sl_error err = { 0 };
	struct sl_buf end = { 0 };
	cr_assert_eq(sl_output_open(&events->output, events->fd), 0);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "events", send_events, events, NULL), 0);
	cr_assert_eq(sl_sleep(events->cancel_ns), 0);
	events->cancelled_ns = sl_now();
	sl_group_cancel(&group, -ECANCELED);
	sl_group_leave(&group);
	sl_buf_add_str(&end, "END\n");
	struct sl_shield shield;
	sl_shield_begin(&shield, sl_deadline_in(SL_NS_PER_S / 2));
	events->last = sl_output_send(events->output, &end);
	events->closed = sl_output_close(events->output, &err);
	sl_shield_end(&shield);
	events->closed_ns = sl_now();
	sl_buf_release(&end);
	return 0;
}

/* Whole events, then END or a part of one, then nothing. */
static bool
has_end_behind_whole_events(struct sl_span data)
{
	size_t event = PIECES * PIECE + 1;
	while (data.len >= event && data.data[0] == 'a' && data.data[event - 1] == '\n')
		data = sl_span(data.data + event, data.len - event);
	if (sl_span_is(data, "END\n"))
		return true;
	cr_expect(memchr(data.data, 'E', data.len) == NULL, "something behind a torn event");
	return false;
}

static struct events
run_events(uint64_t seed, uint64_t rate, bool *has_end)
{
	struct events events = { .sim = sim_plain(seed),
		.cancel_ns = SL_NS_PER_MS * (1 + seed % 50) };
	events.fd = sim_sink(events.sim, -1, 64 * SL_KIB, rate);
	cr_assert_eq(sim_run(events.sim, cancel_events, &events), 0);
	*has_end = has_end_behind_whole_events(sim_sink_data(events.sim, events.fd));
	sim_free(events.sim);
	return events;
}

Test(output, an_event_in_pieces_is_not_torn_by_what_follows_a_cancelled_run)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool has_end = false;
		/* 0.3 MB and what is queued: a tenth of the time that is left for them */
		struct events events = run_events(seed, 30 * 1000 * 1000, &has_end);
		cr_expect(has_end && events.last == 0 && events.closed == 0, "seed %llu: %d, %d",
			(unsigned long long)seed, events.last, events.closed);
	}
}

Test(output, a_cancelled_run_ends_in_half_a_second_however_slow_the_reader)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool has_end = false;
		uint64_t rate = seed % 4 ? seed * 100000 : 0;
		struct events events = run_events(seed, rate, &has_end);
		cr_expect_leq(events.closed_ns - events.cancelled_ns, 505 * SL_NS_PER_MS,
			"seed %llu: %llu us", (unsigned long long)seed,
			(unsigned long long)(events.closed_ns - events.cancelled_ns) / 1000);
		cr_expect(has_end == (events.last == 0 && events.closed == 0), "seed %llu",
			(unsigned long long)seed);
		if (rate == 0)
			cr_expect(events.last == -ETIMEDOUT && events.closed == -ETIMEDOUT);
	}
}

Test(output, writes_now_without_a_runtime)
{
	struct scene scene = { 0 };
	struct sl_error err = { 0 };
	char text[8] = "";
	make_pipe(&scene);
	cr_expect_eq(sl_output_write_now(scene.fd, sl_span_str("hello"), &err), 0);
	cr_expect_eq(read(scene.reader, text, sizeof(text)), 5);
	close(scene.reader);
	cr_expect_eq(sl_output_write_now(scene.fd, sl_span_str("hello"), &err), -EPIPE);
	cr_expect_eq(err.code, 0);
	close(scene.fd);
	cr_expect_eq(sl_output_write_now(scene.fd, sl_span_str("hello"), &err), -EBADF);
	cr_expect_str_eq(err.text, "cannot write standard output: bad file descriptor");
}
