/*
 * Awaitable operations above the seam: deadlines, cancellation, what is and what is not
 * interrupted, bounds.
 */
#include "support/run.h"

#include "sluice/base/random.h"
#include "sluice/net/tls_file.h"
#include "sluice/rt/io.h"
#include "sluice/rt/task.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIND(kind) (1ull << (kind))

/* ---- harness ---- */

struct scene {
	struct sim *sim;
	const char *message;
	size_t len;
	int fd;
	struct sl_buf heard; /* by the server */
	void *more;
};

static void
hear(struct sim_peer *peer, void *ctx, const char *data, size_t len)
{
	struct scene *scene = ctx;
	(void)peer;
	sl_buf_add(&scene->heard, data, len);
}

static const struct sim_server_methods listening = { .received = hear };

/* Each scene under many seeds; `set_up` prepares the world. */
static void
play(unsigned count, void (*set_up)(struct scene *scene), sl_task_fn *fn)
{
	struct sim_seeds seeds = sim_seeds(count);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene scene = { .sim = sim_plain(seed) };
		if (set_up)
			set_up(&scene);
		int result = sim_run(scene.sim, fn, &scene);
		sim_check(scene.sim, result == 0, "the scene ended with %d", result);
		sl_buf_release(&scene.heard);
		sim_free(scene.sim);
	}
}

static int
connect_to(const char *address, uint16_t port, uint64_t deadline_ns, int *fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	cr_assert_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
	*fd = sl_io_socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(*fd >= 0);
	return sl_io_connect(*fd, (struct sockaddr *)&to, sizeof(to), deadline_ns);
}

static int
must_connect(void)
{
	int fd = -1;
	cr_assert_eq(connect_to("10.0.0.1", 80, SL_FOREVER, &fd), 0);
	return fd;
}

static void
serve(struct scene *scene, struct sim_server server)
{
	server.address = "10.0.0.1";
	server.port = 80;
	server.ctx = scene;
	sim_listen(scene->sim, &server);
}

/* ---- connecting ---- */

static void
black_hole(struct scene *scene)
{
	serve(scene, (struct sim_server){ .reach = SIM_BLACK_HOLE });
}

static int
connect_late(void *arg)
{
	(void)arg;
	int fd = -1;
	uint64_t until = sl_deadline_in(30 * SL_NS_PER_S);
	cr_assert_eq(connect_to("10.0.0.1", 80, until, &fd), -ETIMEDOUT);
	cr_assert_geq(sl_now(), until);
	cr_assert_lt(sl_now(), until + 50 * SL_NS_PER_MS);
	sl_io_close(fd);
	return 0;
}

Test(io, a_connect_without_an_answer_ends_at_its_deadline)
{
	play(50, black_hole, connect_late);
}

static int
connect_in_force(void *arg)
{
	(void)arg;
	int fd = -1;
	struct sl_deadline scope;
	uint64_t until = sl_deadline_in(5 * SL_NS_PER_S);
	sl_deadline_begin(&scope, until);
	cr_assert_eq(connect_to("10.0.0.1", 80, sl_deadline_in(30 * SL_NS_PER_S), &fd), -ETIMEDOUT);
	cr_assert_lt(sl_now(), until + 50 * SL_NS_PER_MS);
	sl_io_close(fd);
	sl_deadline_end(&scope);
	return 0;
}

Test(io, the_deadline_in_force_is_nearer_than_the_calls_own)
{
	play(50, black_hole, connect_in_force);
}

static int
connect_refused(void *arg)
{
	(void)arg;
	int fd = -1;
	cr_assert_eq(connect_to("10.0.0.2", 80, SL_FOREVER, &fd), -ECONNREFUSED);
	sl_io_close(fd);
	sl_io_close(-1);
	return 0;
}

Test(io, a_refused_connect_fails_at_once)
{
	play(20, NULL, connect_refused);
}

/* ---- receiving ---- */

static const struct sim_step half_then_silence[] = {
	{ .kind = SIM_STEP_SEND, .data = "0123456789", .len = 10 },
	{ .kind = SIM_STEP_END },
};

static void
half_server(struct scene *scene)
{
	serve(scene, (struct sim_server){ .script = half_then_silence });
}

static int
waitall_partial(void *arg)
{
	struct scene *scene = arg;
	char text[100];
	int fd = must_connect();
	size_t got = 0;
	int n = 0;
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(10 * SL_NS_PER_S));
	while ((n = sl_io_recv(fd, text + got, sizeof(text) - got, MSG_WAITALL, SL_FOREVER)) > 0)
		got += (size_t)n;
	sim_check(scene->sim, n == -ETIMEDOUT, "recv: %d", n);
	sim_check(
		scene->sim, got == 10 && memcmp(text, "0123456789", 10) == 0, "got %zu bytes", got);
	sl_deadline_end(&scope);
	sl_io_close(fd);
	return 0;
}

Test(io, a_whole_receive_returns_what_came_by_the_deadline_and_then_the_code)
{
	play(200, half_server, waitall_partial);
}

static int
recv_in_no_time(void *arg)
{
	(void)arg;
	char text[10];
	int fd = must_connect(), n = 0;
	for (int got = 0; got < 10; got += n) {
		n = sl_io_recv(fd, text, sizeof(text), 0, SL_FOREVER);
		cr_assert(n > 0, "%d after %d bytes", n, got);
	}
	uint64_t before = sl_now();
	cr_assert_eq(sl_io_recv(fd, text, sizeof(text), 0, 0), -ETIMEDOUT, "no more are there");
	cr_assert_lt(sl_now() - before, SL_NS_PER_MS);
	sl_io_close(fd);
	return 0;
}

Test(io, a_deadline_that_has_passed_ends_a_receive_at_once)
{
	play(100, half_server, recv_in_no_time);
}

static const struct sim_step reset_soon[] = {
	{ .kind = SIM_STEP_SEND, .data = "01234", .len = 5 },
	{ .kind = SIM_STEP_RESET },
	{ .kind = SIM_STEP_END },
};

static void
reset_server(struct scene *scene)
{
	serve(scene, (struct sim_server){ .script = reset_soon });
}

static int
recv_until_reset(void *arg)
{
	(void)arg;
	char text[100];
	int fd = must_connect(), n = 0;
	while ((n = sl_io_recv(fd, text, sizeof(text), 0, SL_FOREVER)) > 0)
		;
	cr_assert_eq(n, -ECONNRESET);
	sl_io_close(fd);
	return 0;
}

Test(io, a_reset_is_a_failure_not_an_end)
{
	play(50, reset_server, recv_until_reset);
}

static const struct sim_step finish_soon[] = {
	{ .kind = SIM_STEP_SEND, .data = "0123456789", .len = 10 },
	{ .kind = SIM_STEP_FINISH },
	{ .kind = SIM_STEP_END },
};

static void
finishing_server(struct scene *scene)
{
	serve(scene, (struct sim_server){ .script = finish_soon });
}

/* Receives for the whole, behind whose bytes the kernel may forget a reset. */
static int
recv_whole(int fd, uint64_t *received)
{
	char text[100];
	int n = 0;
	while ((n = sl_io_recv(fd, text, sizeof(text), MSG_WAITALL, SL_FOREVER)) > 0)
		*received += (uint64_t)n;
	return n;
}

static int
tells_a_forgotten_reset(void *arg)
{
	(void)arg;
	uint64_t received = 0;
	int fd = must_connect();
	int code = recv_whole(fd, &received);
	cr_assert(code == -ECONNRESET || code == 0);
	for (int i = 0; i < 3; i++)
		cr_assert(code < 0 || sl_io_was_reset(fd, received));
	sl_io_close(fd);
	return 0;
}

static int
tells_an_orderly_end(void *arg)
{
	(void)arg;
	uint64_t received = 0;
	int fd = must_connect();
	cr_assert_eq(recv_whole(fd, &received), 0);
	for (int i = 0; i < 3; i++)
		cr_assert(!sl_io_was_reset(fd, received));
	sl_io_close(fd);
	return 0;
}

Test(io, a_reset_behind_bytes_is_told_from_an_orderly_end)
{
	play(50, reset_server, tells_a_forgotten_reset);
	play(50, finishing_server, tells_an_orderly_end);
}

/* A connection over loopback: fds[0] dialled, fds[1] accepted. */
static void
connect_pair(int fds[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	fds[0] = sl_io_socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(sl_io_connect(fds[0], (struct sockaddr *)&address, len, SL_FOREVER), 0);
	fds[1] = sl_io_accept(listener, NULL, NULL, SL_FOREVER);
	cr_assert(fds[1] >= 0);
	sl_io_close(listener);
}

static void
reset(int fd)
{
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
			     sizeof(struct linger)),
		0);
	sl_io_close(fd);
}

static int
resets_behind_bytes(void *arg)
{
	int *mine = arg; /* the end that is ours */
	int fds[2];
	uint64_t received = 0;
	connect_pair(fds);
	int fd = fds[*mine], other = fds[!*mine];
	cr_assert_eq(sl_io_send_all(fd, "request", 7, SL_FOREVER), 0);
	cr_assert_eq(sl_io_send_all(other, "0123456789", 10, SL_FOREVER), 0);
	reset(other);
	int code = recv_whole(fd, &received);
	cr_assert(code == 0 || code == -ECONNRESET, "%d", code);
	/* A second receive says 0 in any case, as at an orderly end. */
	cr_assert_eq(recv_whole(fd, &received), 0);
	for (int i = 0; i < 3; i++)
		cr_assert(sl_io_was_reset(fd, received));
	sl_io_close(fd);
	return 0;
}

/* The other side has ended in order, and closes with bytes of ours unread. */
static int
resets_behind_an_end(void *arg)
{
	int *mine = arg;
	int fds[2];
	uint64_t received = 0;
	connect_pair(fds);
	int fd = fds[*mine], other = fds[!*mine];
	cr_assert_eq(sl_io_send_all(fd, "request", 7, SL_FOREVER), 0);
	cr_assert_eq(sl_io_send_all(other, "0123456789", 10, SL_FOREVER), 0);
	cr_assert_eq(shutdown(other, SHUT_WR), 0);
	cr_assert_eq(recv_whole(fd, &received), 0);
	sl_io_close(other);
	for (int i = 0; i < 3; i++)
		cr_assert(!sl_io_was_reset(fd, received));
	while (sl_io_send_all(fd, "x", 1, SL_FOREVER) == 0)
		;
	cr_assert(!sl_io_was_reset(fd, received), "a failed send has taken the error");
	sl_io_close(fd);
	return 0;
}

static int
shuts_down_first(void *arg)
{
	int *mine = arg;
	int fds[2];
	uint64_t received = 0;
	connect_pair(fds);
	int fd = fds[*mine], other = fds[!*mine];
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	cr_assert_eq(sl_io_send_all(other, "0123456789", 10, SL_FOREVER), 0);
	sl_io_close(other);
	cr_assert_eq(recv_whole(fd, &received), 0);
	cr_assert_eq(received, 10);
	for (int i = 0; i < 3; i++)
		cr_assert(!sl_io_was_reset(fd, received));
	sl_io_close(fd);
	return 0;
}

Test(io, the_kernels_resets_are_told_from_its_orderly_ends)
{
	for (int mine = 0; mine < 2; mine++) {
		cr_assert_eq(ring_run(1, resets_behind_bytes, &mine), 0);
		cr_assert_eq(ring_run(1, resets_behind_an_end, &mine), 0);
		cr_assert_eq(ring_run(1, shuts_down_first, &mine), 0);
	}
}

/* ---- sending ---- */

static void
hearing_server(struct scene *scene)
{
	serve(scene, (struct sim_server){ .methods = &listening });
}

static int
send_much(void *arg)
{
	struct scene *scene = arg;
	size_t len = 700000;
	char *data = malloc(len);
	cr_assert(data);
	struct sl_random random;
	sl_random_init(&random, sim_seed(scene->sim));
	for (size_t i = 0; i < len; i++)
		data[i] = (char)sl_random_next(&random);
	int fd = must_connect();
	cr_assert_eq(sl_io_send_all(fd, data, len, SL_FOREVER), 0);
	cr_assert_eq(sl_io_send_all(fd, data, 0, SL_FOREVER), 0);
	while (scene->heard.len < len)
		cr_assert_eq(sl_sleep(SL_NS_PER_MS), 0);
	sim_check(scene->sim, scene->heard.len == len && memcmp(scene->heard.data, data, len) == 0,
		"other bytes");
	free(data);
	sl_io_close(fd);
	return 0;
}

Test(io, all_bytes_are_sent_in_order_however_short_the_sends)
{
	play(30, hearing_server, send_much);
}

static void
unread_server(struct scene *scene)
{
	serve(scene, (struct sim_server){ .reads_nothing = true });
}

static int
send_unread(void *arg)
{
	(void)arg;
	size_t len = 400000;
	char *data = calloc(1, len);
	cr_assert(data);
	int fd = must_connect();
	uint64_t until = sl_deadline_in(20 * SL_NS_PER_S);
	cr_assert_eq(sl_io_send_all(fd, data, len, until), -ETIMEDOUT);
	cr_assert(sl_now() >= until && sl_now() < until + SL_NS_PER_S);
	free(data);
	sl_io_close(fd);
	return 0;
}

Test(io, sending_to_a_peer_that_does_not_read_ends_at_the_deadline)
{
	play(50, unread_server, send_unread);
}

/* ---- streams ---- */

static int
copy_stream(void *arg)
{
	struct scene *scene = arg;
	int in = sim_source(scene->sim, 0), out = sim_sink(scene->sim, 1, 50, 100000);
	static char text[3000];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	sim_source_data(scene->sim, in, text, 1000);
	sim_source_pause(scene->sim, in, SL_NS_PER_S);
	sim_source_data(scene->sim, in, text + 1000, 2000);
	sim_source_end(scene->sim, in);
	char buffer[700];
	int n = 0;
	while ((n = sl_io_read_stream(in, buffer, sizeof(buffer), SL_FOREVER)) > 0)
		for (int off = 0; off < n;) {
			int written = sl_io_write_stream(
				out, buffer + off, (size_t)(n - off), SL_FOREVER);
			cr_assert_gt(written, 0);
			off += written;
		}
	cr_assert_eq(n, 0);
	struct sl_span taken = sim_sink_data(scene->sim, out);
	sim_check(scene->sim, taken.len == 3000 && memcmp(taken.data, text, 3000) == 0, "%zu bytes",
		taken.len);
	sim_sink_limit(scene->sim, out, 0, -EPIPE);
	cr_assert_eq(sl_io_write_stream(out, text, 1, SL_FOREVER), -EPIPE);
	return 0;
}

Test(io, streams_are_copied_whole)
{
	play(50, NULL, copy_stream);
}

static int
read_all(void *arg)
{
	struct scene *scene = arg;
	int in = sim_source(scene->sim, 0);
	static char bytes[300000];
	bool fits = sim_seed(scene->sim) % 2 == 0;
	struct sl_buf text = { 0 };
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)('a' + i % 23);
	sl_buf_add_str(&text, "first ");
	sim_source_data(scene->sim, in, bytes, 100000);
	sim_source_pause(scene->sim, in, SL_NS_PER_S);
	sim_source_data(scene->sim, in, bytes + 100000, 200000);
	sim_source_end(scene->sim, in);
	int code = sl_io_read_all(in, &text, sizeof(bytes) - !fits);
	sim_check(scene->sim, code == (fits ? 0 : -EFBIG), "code %d", code);
	sim_check(scene->sim, text.len == 6 + sizeof(bytes), "%zu bytes", text.len);
	cr_assert_eq(memcmp(text.data + 6, bytes, sizeof(bytes)), 0);
	sl_buf_release(&text);
	return 0;
}

Test(io, a_stream_is_read_whole_or_refused_as_too_large)
{
	play(50, NULL, read_all);
}

static int
stalled_streams(void *arg)
{
	struct scene *scene = arg;
	int in = sim_source(scene->sim, 0), out = sim_sink(scene->sim, 1, 10, 0);
	char byte = 'x';
	uint64_t until = sl_deadline_in(SL_NS_PER_S);
	cr_assert_eq(sl_io_read_stream(in, &byte, 1, until), -ETIMEDOUT);
	cr_assert_geq(sl_now(), until);
	until = sl_deadline_in(SL_NS_PER_S);
	int n = 0;
	while ((n = sl_io_write_stream(out, "0123456789ab", 12, until)) > 0)
		;
	cr_assert_eq(n, -ETIMEDOUT);
	cr_assert_eq(sl_io_poll(in, POLLIN, sl_deadline_in(SL_NS_PER_S)), -ETIMEDOUT);
	sim_source_data(scene->sim, in, "x", 1);
	cr_assert_eq(sl_io_poll(in, POLLIN, SL_FOREVER), POLLIN);
	return 0;
}

/* As of a FIFO without a writer. */
static int
read_input_that_hangs(void *arg)
{
	struct scene *scene = arg;
	struct sl_buf text = { 0 };
	struct sl_error err = { 0 };
	struct sl_deadline deadline;
	sim_hang(scene->sim, "fifo");
	uint64_t begun_ns = sl_now();
	cr_assert_eq(sl_io_read_input("fifo", &text, 100), -ETIMEDOUT);
	cr_assert_leq(sl_now() - begun_ns, SL_IO_INPUT_NS + SL_NS_PER_S);
	cr_assert_eq(sl_tls_file_read(&text, "fifo", "certificates", &err), -ETIMEDOUT);
	cr_assert(strstr(err.text, "60 s (a FIFO needs a writer"), "%s", err.text);
	sl_error_clear(&err);
	sl_deadline_begin(&deadline, sl_deadline_in(SL_NS_PER_S));
	cr_assert_eq(sl_tls_file_read(&text, "fifo", "certificates", &err), -ETIMEDOUT);
	cr_assert(strstr(err.text, "the deadline has passed"), "%s", err.text);
	sl_deadline_end(&deadline);
	sim_hang(scene->sim, NULL);
	sl_buf_release(&text);
	return 0;
}

Test(io, a_file_that_the_user_has_named_is_not_waited_for_without_limit)
{
	play(20, NULL, read_input_that_hangs);
}

Test(io, waits_for_streams_end_at_their_deadline)
{
	play(50, NULL, stalled_streams);
}

/* ---- files ---- */

static int
file_life(void *arg)
{
	struct scene *scene = arg;
	static char data[50000], back[50000];
	struct sl_random random;
	sl_random_init(&random, sim_seed(scene->sim));
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)sl_random_next(&random);
	cr_assert_eq(sl_io_mkdir(AT_FDCWD, "d", 0755), 0);
	int dir = sl_io_open(AT_FDCWD, "d", O_RDONLY | O_DIRECTORY, 0, 0);
	int fd = sl_io_open(
		dir, "a.part", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, RESOLVE_BENEATH);
	cr_assert(dir >= 0 && fd >= 0);
	cr_assert_eq(sl_io_lock(fd), 0);
	cr_assert_eq(sl_io_allocate(fd, 0, 60000), 0);
	cr_assert_eq(sl_io_write_all(fd, data, sizeof(data), 1000), 0);
	cr_assert_eq(sl_io_truncate(fd, 51000), 0);
	for (size_t got = 0; got < sizeof(back);) {
		int n = sl_io_read(fd, back + got, sizeof(back) - got, 1000 + got, 0);
		cr_assert_gt(n, 0);
		got += (size_t)n;
	}
	cr_assert_arr_eq(data, back, sizeof(data));
	cr_assert_eq(sl_io_read(fd, back, 1, 51000, 0), 0);
	cr_assert_eq(sl_io_set_mode(fd, 0644), 0);
	cr_assert_eq(sl_io_set_time(fd, 5 * SL_NS_PER_S), 0);
	cr_assert_eq(sl_io_sync(fd, SL_SYNC_DATA), 0);
	cr_assert_eq(sl_io_rename(dir, "a.part", dir, "a", 1), 0);
	cr_assert_eq(sl_io_link(dir, "a", dir, "b"), 0);
	cr_assert_eq(sl_io_link(dir, "a", dir, "b"), -EEXIST);
	cr_assert_eq(sl_io_sync(dir, 0), 0);
	struct statx st;
	cr_assert_eq(sl_io_stat(dir, "a", 0, STATX_BASIC_STATS, &st), 0);
	cr_assert(st.stx_size == 51000 && st.stx_mode == (S_IFREG | 0644) && st.stx_nlink == 2 &&
		  st.stx_mtime.tv_sec == 5);
	cr_assert(sim_is_durable(scene->sim, "d/a") == false,
		"the directory d itself was not synced");
	cr_assert_eq(sl_io_sync_fs(fd), 0);
	cr_assert(sim_is_durable(scene->sim, "d/a"));
	cr_assert_eq(sl_io_unlink(dir, "b", 0), 0);
	sl_io_close(fd);
	sl_io_close(dir);
	return 0;
}

Test(io, a_file_is_made_written_synced_and_renamed)
{
	play(100, NULL, file_life);
}

static int
interrupted_writes(void *arg)
{
	struct scene *scene = arg;
	static char data[20000];
	int fd = sl_io_open(AT_FDCWD, "a", O_RDWR | O_CREAT, 0600, 0);
	memset(data, 'd', sizeof(data));
	sim_fail_nth(scene->sim, 1, sim_seed(scene->sim) % 2 ? -EINTR : -EAGAIN, KIND(SL_OP_WRITE));
	cr_assert_eq(sl_io_write_all(fd, data, sizeof(data), 0), 0);
	cr_assert_eq(sim_faults(scene->sim), 1);
	struct sl_span content;
	cr_assert(sim_content(scene->sim, "a", &content));
	cr_assert(content.len == sizeof(data) && memcmp(content.data, data, sizeof(data)) == 0);
	sim_set_capacity(scene->sim, 32768);
	cr_assert_eq(sl_io_write_all(fd, data, sizeof(data), 20000), -ENOSPC);
	sl_io_close(fd);
	return 0;
}

Test(io, a_write_goes_on_after_an_interruption_and_stops_at_a_full_disk)
{
	play(30, NULL, interrupted_writes);
}

static int
sync_past_deadline(void *arg)
{
	struct scene *scene = arg;
	struct sl_deadline scope;
	int fd = sl_io_open(AT_FDCWD, "a", O_RDWR | O_CREAT, 0600, 0);
	cr_assert_eq(sl_io_write_all(fd, "text", 4, 0), 0);
	/* Nearer than any operation takes: it comes while the sync is out. */
	sl_deadline_begin(&scope, sl_now() + 1);
	int code = sl_io_sync(fd, 0);
	sim_check(scene->sim, code == 0, "sync: %d", code);
	cr_assert_eq(sl_io_sync(fd, 0), -ETIMEDOUT, "this one was not begun");
	cr_assert_eq(sl_io_write(fd, "more", 4, 4), -ETIMEDOUT);
	sl_io_close(fd);
	sl_deadline_end(&scope);
	cr_assert_eq(sim_open_fds(scene->sim), 0, "closing always works");
	return 0;
}

Test(io, an_operation_on_a_file_is_waited_for_once_it_is_under_way)
{
	play(50, NULL, sync_past_deadline);
}

static int
rename_when_cancelled(void *arg)
{
	struct scene *scene = arg;
	scene->fd = sl_io_open(AT_FDCWD, "a", O_RDWR | O_CREAT, 0600, 0);
	int code = sl_io_rename(AT_FDCWD, "a", AT_FDCWD, "b", 0);
	sim_check(scene->sim, code == 0 || code == -ECANCELED, "rename: %d", code);
	sim_check(scene->sim, sim_exists(scene->sim, "b") == (code == 0), "it says %d", code);
	sl_io_close(scene->fd);
	return 0;
}

static int
cancel_rename(void *arg)
{
	struct scene *scene = arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "renamer", rename_when_cancelled, scene, NULL), 0);
	cr_assert_eq(sl_sleep(sim_seed(scene->sim) % 8 * 500 * SL_NS_PER_US), 0);
	sl_group_cancel(&group, -ECANCELED);
	return sl_group_leave(&group) == -ECANCELED ? 0 : -1;
}

Test(io, a_cancelled_rename_reports_what_was_done)
{
	play(200, NULL, cancel_rename);
}

/* ---- bounds ---- */

static int
read_silent(void *arg)
{
	struct scene *scene = arg;
	char byte = 0;
	return sl_io_read_stream(scene->fd, &byte, 1, SL_FOREVER);
}

/* Whatever waits for another side, files are opened and closed meanwhile. */
static void
check_files_go_on(struct scene *scene)
{
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(SL_NS_PER_S));
	for (int i = 0; i < 3; i++) {
		int fd = sl_io_open(AT_FDCWD, "beside", O_RDWR | O_CREAT, 0600, 0);
		sim_check(scene->sim, fd >= 0, "opening: %d", fd);
		sim_check(scene->sim, sl_io_close(fd) == 0, "closing");
	}
	sl_deadline_end(&scope);
}

static int
more_than_slots(void *arg)
{
	struct scene *scene = arg;
	struct sl_group group;
	scene->fd = sim_source(scene->sim, -1);
	sim_watch(scene->sim, KIND(SL_OP_READ));
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < SL_ENGINE_SLOTS + 300; i++)
		cr_assert_eq(sl_group_spawn(&group, "reader", read_silent, scene, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	unsigned slots = sl_rt_engine(sl_rt_current())->slots, peak = sim_watched_peak(scene->sim);
	cr_assert(peak > slots / 2 && peak < slots, "%u of %u", peak, slots);
	check_files_go_on(scene);
	char *many = calloc(1, SL_ENGINE_SLOTS + 300);
	cr_assert(many);
	sim_source_data(scene->sim, scene->fd, many, SL_ENGINE_SLOTS + 100);
	free(many);
	cr_assert_eq(sl_group_wait_below(&group, 201), 0);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	return 0;
}

Test(io, more_operations_than_slots_wait_their_turn)
{
	play(3, NULL, more_than_slots);
}

Test(io, a_ring_with_few_slots_does_the_same)
{
	struct sim_options options = sim_options(1);
	options.slots = 60;
	struct scene scene = { .sim = sim_new(&options) };
	sim_check(scene.sim, sim_run(scene.sim, more_than_slots, &scene) == 0, "the scene");
	sim_free(scene.sim);
}

static int
stat_something(void *arg)
{
	struct statx st;
	(void)arg;
	int code = sl_io_stat(AT_FDCWD, "x", 0, STATX_BASIC_STATS, &st);
	return code;
}

static int
close_something(void *arg)
{
	const int *fd = arg;
	return sl_io_close(*fd);
}

/* A disk that answers no more for hours: all slots are taken by operations on files. */
static int
close_on_a_hung_disk(void *arg)
{
	struct scene *scene = arg;
	struct sl_group group;
	static int fds[200];
	int last = sl_io_open(AT_FDCWD, "last", O_RDWR | O_CREAT, 0600, 0);
	for (size_t i = 0; i < SL_COUNT_OF(fds); i++) {
		fds[i] = sl_io_open(AT_FDCWD, "x", O_RDWR | O_CREAT, 0600, 0);
		sim_check(scene->sim, fds[i] >= 0, "opening: %d", fds[i]);
	}
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < SL_ENGINE_SLOTS; i++)
		cr_assert_eq(sl_group_spawn(&group, "stat", stat_something, NULL, NULL), 0);
	for (size_t i = 0; i < SL_COUNT_OF(fds); i++)
		cr_assert_eq(sl_group_spawn(&group, "close", close_something, &fds[i], NULL), 0);
	cr_assert_eq(sl_yield(), 0);
	cr_assert_eq(sl_yield(), 0);
	uint64_t before = sl_now();
	cr_assert_eq(sl_io_close(last), 0);
	sim_check(scene->sim, sl_now() - before < SL_NS_PER_MS, "it waited %llu ms",
		(unsigned long long)(sl_now() - before) / SL_NS_PER_MS);
	return sl_group_leave(&group);
}

Test(io, a_close_never_waits_for_a_slot)
{
	struct sim_options options = sim_options(1);
	options.disk_ns = 3600 * SL_NS_PER_S;
	options.limit_ns = SL_FOREVER / 2;
	struct scene scene = { .sim = sim_new(&options) };
	sim_check(scene.sim, sim_run(scene.sim, close_on_a_hung_disk, &scene) == 0, "the scene");
	sim_free(scene.sim);
}

struct slow_task {
	struct scene *scene;
	int kind;
	char name[16];
};

static int
be_slow(void *arg)
{
	struct slow_task *task = arg;
	int fd = sl_io_open(AT_FDCWD, task->name, O_RDWR | O_CREAT, 0600, 0);
	cr_assert(fd >= 0);
	cr_assert_eq(sl_io_allocate(fd, 0, 4096), 0);
	cr_assert_eq(sl_io_sync(fd, 0), 0);
	cr_assert_eq(sl_io_unlink(AT_FDCWD, task->name, 0), 0);
	sl_io_close(fd);
	return 0;
}

static int
many_slow(void *arg)
{
	struct scene *scene = arg;
	struct sl_group group;
	struct slow_task tasks[20];
	sim_watch(scene->sim, KIND(SL_OP_ALLOCATE) | KIND(SL_OP_SYNC));
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (unsigned i = 0; i < 20; i++) {
		tasks[i] = (struct slow_task){ .scene = scene };
		snprintf(tasks[i].name, sizeof(tasks[i].name), "f%u", i % 100);
		cr_assert_eq(sl_group_spawn(&group, "slow", be_slow, &tasks[i], NULL), 0);
	}
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_assert_eq(sim_watched_peak(scene->sim), SL_IO_SLOW_OPS);
	return 0;
}

Test(io, slow_operations_are_few_at_a_time)
{
	play(10, NULL, many_slow);
}

/* ---- calls that hang ---- */

/* The ring, but for one kind, which is called in the blocking pool and hangs there. */
static const struct sl_engine_methods *ring_methods;
static struct sl_engine_methods hanging_methods;
static enum sl_op_kind hanging_kind;
static sem_t entered, gate;

/* Its clock stands still until the call hangs: a deadline cannot pass before the call has begun,
 * however long its thread takes to start. */
static _Atomic uint64_t stopped_ns;

static uint64_t
now_or_stopped(struct sl_engine *engine)
{
	uint64_t now_ns = stopped_ns;
	return now_ns ? now_ns : ring_methods->now(engine);
}

static bool
carries_but_one(struct sl_engine *engine, const struct sl_op *op)
{
	return op->kind != hanging_kind && ring_methods->carries(engine, op);
}

static int
hang(struct sl_engine *engine, struct sl_op *op)
{
	if (op->kind == hanging_kind) {
		stopped_ns = 0;
		sem_post(&entered);
		sem_wait(&gate);
	}
	return ring_methods->run_blocking(engine, op);
}

static struct sl_rt *
new_hanging(enum sl_op_kind kind)
{
	struct sl_engine *engine = NULL;
	struct sl_error err = { 0 };
	struct sl_rt *rt = NULL;
	sem_init(&entered, 0, 0);
	sem_init(&gate, 0, 0);
	cr_assert_eq(sl_engine_uring_new(&engine, &err), 0, "%s", err.text);
	hanging_kind = kind;
	ring_methods = engine->methods;
	hanging_methods = *ring_methods;
	hanging_methods.carries = carries_but_one;
	hanging_methods.run_blocking = hang;
	hanging_methods.now = now_or_stopped;
	stopped_ns = ring_methods->now(engine);
	engine->methods = &hanging_methods;
	struct sl_rt_options options = { .engine = engine, .workers = 1 };
	cr_assert_eq(sl_rt_new(&rt, &options, &err), 0);
	return rt;
}

static void
hang_on_ring(enum sl_op_kind kind, sl_task_fn *fn, void *arg)
{
	unsigned before = count_fds();
	struct sl_rt *rt = new_hanging(kind);
	cr_assert_eq(sl_rt_run(rt, fn, arg), 0);
	sl_rt_free(rt);
	wait_for_fds(before);
}

static uint32_t
mode_of(const char *path)
{
	struct stat st;
	cr_assert_eq(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* The descriptor's number is another file's when the call goes on. */
static int
abandon_a_mode(void *arg)
{
	const char *directory = arg;
	char one[100], two[100];
	struct sl_deadline scope;
	snprintf(one, sizeof(one), "%s/one", directory);
	snprintf(two, sizeof(two), "%s/two", directory);
	int fd = sl_io_open(AT_FDCWD, one, O_RDWR | O_CREAT, 0600, 0);
	uint64_t until = sl_deadline_in(20 * SL_NS_PER_MS);
	sl_deadline_begin(&scope, until);
	cr_assert_eq(sl_io_set_mode(fd, 0640), -ETIMEDOUT);
	sl_deadline_end(&scope);
	cr_assert_geq(sl_now(), until);
	cr_assert_eq(sl_io_close(fd), 0);
	int other = sl_io_open(AT_FDCWD, two, O_RDWR | O_CREAT, 0600, 0);
	cr_assert_eq(other, fd, "the number is used again");
	sem_wait(&entered);
	sem_post(&gate);
	cr_assert_eq(sl_io_close(other), 0);
	return 0;
}

static int
abandon_an_open(void *arg)
{
	const char *directory = arg;
	char path[100];
	struct sl_deadline scope;
	snprintf(path, sizeof(path), "%s/one", directory);
	sl_deadline_begin(&scope, sl_deadline_in(20 * SL_NS_PER_MS));
	cr_assert_eq(sl_io_open(AT_FDCWD, path, O_RDONLY, 0, 0), -ETIMEDOUT);
	sl_deadline_end(&scope);
	sem_wait(&entered);
	sem_post(&gate);
	return 0;
}

Test(io, a_call_that_hangs_is_abandoned_at_its_deadline)
{
	char directory[] = "/tmp/sluice-io-XXXXXX", path[100];
	cr_assert(mkdtemp(directory));
	hang_on_ring(SL_OP_SET_MODE, abandon_a_mode, directory);
	snprintf(path, sizeof(path), "%s/one", directory);
	cr_expect_eq(mode_of(path), 0640, "the call had begun");
	hang_on_ring(SL_OP_OPEN, abandon_an_open, directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/two", directory);
	cr_expect_eq(mode_of(path), 0600);
	unlink(path);
	rmdir(directory);
}

/* The engine is seen to end, but its memory stays until the test frees it. */
static sem_t closed, ended;
static _Atomic bool has_ended, used_afterwards;

static void
note_end(struct sl_engine *engine)
{
	(void)engine;
	has_ended = true;
	sem_post(&ended);
}

static int
hang_then_close(struct sl_engine *engine, struct sl_op *op)
{
	int result = hang(engine, op);
	if (op->kind == SL_OP_CLOSE) {
		used_afterwards = has_ended;
		sem_post(&closed);
	}
	return result;
}

static int
leave_an_open(void *arg)
{
	const char *path = arg;
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(20 * SL_NS_PER_MS));
	cr_assert_eq(sl_io_open(AT_FDCWD, path, O_RDONLY, 0, 0), -ETIMEDOUT);
	sl_deadline_end(&scope);
	sem_wait(&entered);
	return 0;
}

Test(io, an_abandoned_call_that_outlives_the_runtime_still_has_its_engine, .timeout = 900)
{
	char path[] = "/dev/null";
	unsigned before = count_fds();
	sem_init(&closed, 0, 0);
	sem_init(&ended, 0, 0);
	struct sl_rt *rt = new_hanging(SL_OP_OPEN);
	struct sl_engine *engine = sl_rt_engine(rt);
	hanging_methods.run_blocking = hang_then_close;
	hanging_methods.free = note_end;
	cr_assert_eq(sl_rt_run(rt, leave_an_open, path), 0);
	sl_rt_free(rt);
	sem_post(&gate);
	sem_wait(&closed);
	sem_wait(&ended);
	cr_expect(!used_afterwards);
	ring_methods->free(engine);
	cr_expect_eq(count_fds(), before);
}

static bool
carries_all_but_open(struct sl_engine *engine, const struct sl_op *op)
{
	(void)engine;
	return op->kind != SL_OP_OPEN;
}

/* What an abandoned open still opens is closed, whenever it comes. */
static int
open_in_a_hurry(void *arg)
{
	struct scene *scene = arg;
	struct sl_engine *engine = sl_rt_engine(sl_rt_current());
	const struct sl_engine_methods *methods = engine->methods;
	struct sl_engine_methods calling = *methods;
	calling.carries = carries_all_but_open;
	engine->methods = &calling;
	for (unsigned i = 0; i < 20; i++) {
		struct sl_deadline scope;
		sl_deadline_begin(&scope, sl_deadline_in(i * 100 * SL_NS_PER_US));
		int fd = sl_io_open(AT_FDCWD, "f", O_RDWR | O_CREAT, 0600, 0);
		sl_deadline_end(&scope);
		sim_check(scene->sim, fd >= 0 || fd == -ETIMEDOUT, "%d", fd);
		if (fd >= 0)
			sl_io_close(fd);
	}
	engine->methods = methods;
	return sl_sleep(SL_NS_PER_S);
}

Test(io, an_open_that_was_abandoned_leaks_nothing)
{
	play(100, NULL, open_in_a_hurry);
}

/* ---- batches ---- */

static int
batch(void *arg)
{
	struct scene *scene = arg;
	struct sl_op ops[5] = {
		{ .kind = SL_OP_MKDIR, .dir_fd = AT_FDCWD, .path = "x", .mode = 0755 },
		{ .kind = SL_OP_MKDIR, .dir_fd = AT_FDCWD, .path = "y", .mode = 0755 },
		{ .kind = SL_OP_UNLINK, .dir_fd = AT_FDCWD, .path = "missing" },
		{ .kind = SL_OP_OPEN,
			.dir_fd = AT_FDCWD,
			.path = "f",
			.flags = O_WRONLY | O_CREAT,
			.mode = 0600 },
		{ .kind = SL_OP_NOP },
	};
	cr_assert_eq(sl_io_batch(ops, 5), 0);
	cr_assert(ops[0].result == 0 && ops[1].result == 0 && ops[2].result == -ENOENT &&
		  ops[3].result >= 0);
	sl_io_close(ops[3].result);
	cr_assert(sim_exists(scene->sim, "x") && sim_exists(scene->sim, "y"));
	cr_assert_eq(sl_io_batch(NULL, 0), 0);
	return 0;
}

Test(io, a_batch_carries_out_all_and_keeps_each_result)
{
	play(50, NULL, batch);
}

static int
chained_batch(void *arg)
{
	struct scene *scene = arg;
	struct statx st = { 0 };
	struct sl_op made[3] = {
		{ .kind = SL_OP_OPEN,
			.dir_fd = AT_FDCWD,
			.path = "f",
			.flags = O_WRONLY | O_CREAT | O_EXCL,
			.mode = 0600 },
		{ .kind = SL_OP_ALLOCATE, .fd = SL_FD_OF_AFTER, .length = 77, .after = made },
		{ .kind = SL_OP_STAT,
			.dir_fd = SL_FD_OF_AFTER,
			.path = "",
			.flags = AT_EMPTY_PATH,
			.mask = STATX_BASIC_STATS,
			.statx = &st,
			.after = made },
	};
	struct sl_op again[3] = {
		made[0],
		{ .kind = SL_OP_UNLINK, .dir_fd = AT_FDCWD, .path = "f", .after = again },
		{ .kind = SL_OP_MKDIR, .dir_fd = AT_FDCWD, .path = "x", .after = &again[1] },
	};
	cr_assert_eq(sl_io_batch(made, 3), 0);
	cr_assert(made[0].result >= 0 && made[1].result == 0 && made[2].result == 0);
	cr_assert_eq(st.stx_size, 77);
	sl_io_close(made[0].result);
	cr_assert_eq(sl_io_batch(again, 3), 0);
	cr_assert_eq(again[0].result, -EEXIST);
	cr_assert_eq(again[1].result, -ECANCELED);
	cr_assert_eq(again[2].result, -ECANCELED);
	cr_assert(sim_exists(scene->sim, "f") && !sim_exists(scene->sim, "x"));
	return 0;
}

static struct sl_op
stat_op(const char *path, struct statx *st)
{
	return (struct sl_op){ .kind = SL_OP_STAT,
		.dir_fd = AT_FDCWD,
		.path = path,
		.mask = STATX_TYPE,
		.statx = st };
}

static int
absent_batch(void *arg)
{
	struct scene *scene = arg;
	struct statx st = { 0 };
	struct sl_op ops[3];
	for (int again = 0; again < 2; again++) {
		ops[0] = stat_op("new", &st);
		ops[1] = (struct sl_op){ .kind = SL_OP_MKDIR,
			.dir_fd = AT_FDCWD,
			.path = "new",
			.mode = 0700,
			.after = ops,
			.after_absent = true };
		ops[2] = (struct sl_op){ .kind = SL_OP_MKDIR,
			.dir_fd = AT_FDCWD,
			.path = "second",
			.mode = 0700,
			.after = &ops[1] };
		cr_assert_eq(sl_io_batch(ops, 3), 0);
		cr_assert_eq(ops[0].result, again ? 0 : -ENOENT);
		cr_assert_eq(ops[1].result, again ? -ECANCELED : 0);
		cr_assert_eq(ops[2].result, again ? -ECANCELED : 0);
	}
	cr_assert(sim_exists(scene->sim, "second"));
	/* Another failure is not absence: what is there is unknown then. */
	sim_put_file(scene->sim, "file", "", 0, 0600);
	ops[0] = stat_op("file/deeper", &st);
	ops[1].path = "third";
	cr_assert_eq(sl_io_batch(ops, 2), 0);
	cr_assert(ops[0].result < 0 && ops[0].result != -ENOENT, "%d", ops[0].result);
	cr_assert_eq(ops[1].result, -ECANCELED);
	return 0;
}

Test(io, in_a_batch_what_comes_after_an_absence_is_done_only_then)
{
	play(50, NULL, absent_batch);
}

static int
regular_batch(void *arg)
{
	struct scene *scene = arg;
	static const char *const names[] = { "file", "directory", "absent" };
	struct statx st = { 0 };
	sim_put_file(scene->sim, "file", "", 0, 0600);
	cr_assert_eq(sl_io_mkdir(AT_FDCWD, "directory", 0700), 0);
	for (size_t i = 0; i < SL_COUNT_OF(names); i++) {
		struct sl_op ops[] = {
			stat_op(names[i], &st),
			{ .kind = SL_OP_OPEN,
				.dir_fd = AT_FDCWD,
				.path = names[i],
				.after = ops,
				.after_regular = true },
			{ .kind = SL_OP_CLOSE, .fd = SL_FD_OF_AFTER, .after = &ops[1] },
		};
		cr_assert_eq(sl_io_batch(ops, SL_COUNT_OF(ops)), 0);
		cr_assert_eq(ops[0].result, i == 2 ? -ENOENT : 0);
		cr_assert(i > 0 ? ops[1].result == -ECANCELED : ops[1].result >= 0, "%s: %d",
			names[i], ops[1].result);
		cr_assert_eq(ops[2].result, i > 0 ? -ECANCELED : 0);
	}
	return 0;
}

Test(io, in_a_batch_what_comes_after_a_regular_file_is_done_only_then)
{
	play(50, NULL, regular_batch);
}

Test(io, in_a_batch_what_comes_after_a_failure_is_not_done)
{
	play(50, NULL, chained_batch);
}

static int
large_batch(void *arg)
{
	(void)arg;
	size_t count = SL_ENGINE_SLOTS * 2 + 77;
	struct sl_op *ops = calloc(count, sizeof(*ops));
	cr_assert(ops);
	for (size_t i = 0; i < count; i++)
		ops[i] = (struct sl_op){ .kind = SL_OP_MKDIR,
			.dir_fd = AT_FDCWD,
			.path = i % 2 ? "one" : "two",
			.mode = 0755 };
	cr_assert_eq(sl_io_batch(ops, count), 0);
	size_t made = 0;
	for (size_t i = 0; i < count; i++)
		made += ops[i].result == 0;
	cr_assert_eq(made, 2);
	free(ops);
	return 0;
}

Test(io, a_batch_larger_than_the_slots_is_carried_out)
{
	play(2, NULL, large_batch);
}

static int
batch_in_cancelled(void *arg)
{
	struct sl_op op = { .kind = SL_OP_MKDIR, .dir_fd = AT_FDCWD, .path = "x", .mode = 0755 };
	*(int *)arg = sl_io_batch(&op, 1);
	return 0;
}

static int
cancelled_batch(void *arg)
{
	struct scene *scene = arg;
	struct sl_group group;
	int code = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "batch", batch_in_cancelled, &code, NULL), 0);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert_eq(code, -ECANCELED);
	cr_assert(!sim_exists(scene->sim, "x"));
	return 0;
}

Test(io, a_batch_in_a_cancelled_task_begins_nothing)
{
	play(3, NULL, cancelled_batch);
}

/* ---- a copy under every fault ---- */

struct copy {
	struct sim *sim;
	int result;
};

static int
copy_file(void *arg)
{
	static char buffer[3000];
	(void)arg;
	int in = sl_io_open(AT_FDCWD, "from", O_RDONLY, 0, 0);
	if (in < 0)
		return in;
	int out = sl_io_open(AT_FDCWD, "to.part", O_WRONLY | O_CREAT | O_EXCL, 0600, 0),
	    code = out < 0 ? out : 0;
	uint64_t off = 0;
	while (code == 0) {
		int n = sl_io_read(in, buffer, sizeof(buffer), off, 0);
		if (n <= 0) {
			code = n;
			break;
		}
		code = sl_io_write_all(out, buffer, (size_t)n, off);
		off += (uint64_t)n;
	}
	if (code == 0)
		code = sl_io_sync(out, 0);
	if (code == 0)
		code = sl_io_rename(AT_FDCWD, "to.part", AT_FDCWD, "to", 0);
	sl_io_close(out);
	sl_io_close(in);
	return code;
}

Test(io, the_nth_failure_is_returned_and_nothing_leaks)
{
	static char data[10000];
	memset(data, 'c', sizeof(data));
	struct sim_seeds seeds = sim_seeds(5);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		for (uint64_t n = 1;; n++) {
			struct sim *sim = sim_plain(seed);
			sim_put_file(sim, "from", data, sizeof(data), 0600);
			sim_fail_nth(sim, n, 0, 0);
			int result = sim_run(sim, copy_file, NULL);
			bool closing = strstr(sim_last_fault(sim), "close") != NULL;
			sim_check(sim, (result == 0) == sim_exists(sim, "to"), "%d", result);
			sim_check(sim, sim_faults(sim) == 0 || result < 0 || closing,
				"the failure was swallowed");
			bool hit = sim_faults(sim) > 0;
			sim_free(sim);
			if (!hit)
				break;
		}
}
