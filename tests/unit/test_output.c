#include "sluice/cli/output.h"

#include "sluice/rt/engine.h"
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

static void
add_numbered(struct sl_buf *buf, size_t number)
{
	for (size_t i = 0; i < 4096; i++)
		sl_buf_printf(buf, "%07zu\n", number * 4096 + i);
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
	cr_expect(scene.count <= SL_OUTPUT_QUEUE + 4, "%zu buffers were taken", scene.count);
	cr_expect_eq(scene.closed, -ETIMEDOUT);
	close(scene.fd);
	close(scene.reader);
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
