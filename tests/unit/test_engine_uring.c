/*
 * The ring engine on the real kernel: each kind of operation, what a cancel meets, waking, and
 * refusals.
 */
#include "support/run.h"

#include "sluice/rt/engine.h"
#include "sluice/rt/io.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sl_engine *
new_engine(void)
{
	struct sl_engine *engine = NULL;
	struct sl_error err = { 0 };
	cr_assert_eq(sl_engine_uring_new(&engine, &err), 0, "%s", err.text);
	return engine;
}

static void
submit(struct sl_engine *engine, struct sl_op *op)
{
	op->state = SL_OP_IDLE;
	engine->methods->submit(engine, op);
}

static void
await(struct sl_engine *engine, struct sl_op *op)
{
	struct sl_op *done[8];
	while (op->state != SL_OP_DONE)
		cr_assert_geq(engine->methods->wait(engine, SL_FOREVER, done, 8), 0);
}

/* As the runtime does: what the engine does not carry is run by plain calls. */
static int
run(struct sl_engine *engine, struct sl_op op)
{
	if (!engine->methods->carries(engine, &op))
		return sl_op_run_blocking(&op);
	submit(engine, &op);
	await(engine, &op);
	return op.result;
}

static void
close_fd(struct sl_engine *engine, int fd)
{
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_CLOSE, .fd = fd }), 0);
}

static void
make_pair(int fds[2])
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void
close_pair(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static bool
is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

Test(engine_uring, making_and_freeing_leaves_no_descriptor)
{
	unsigned before = count_fds();
	for (int i = 0; i < 20; i++) {
		struct sl_engine *engine = new_engine();
		char text[200];
		engine->methods->describe(engine, text, sizeof(text));
		cr_assert(strstr(text, "io_uring"));
		cr_assert_str_eq(engine->methods->name, "io_uring");
		cr_assert_eq(engine->slots, SL_ENGINE_SLOTS);
		engine->methods->free(engine);
	}
	cr_assert_eq(count_fds(), before);
}

/* ---- each kind ---- */

struct directory {
	struct sl_engine *engine;
	char path[40];
	int fd;
};

static void
open_directory(struct directory *directory)
{
	directory->engine = new_engine();
	snprintf(directory->path, sizeof(directory->path), "/var/tmp/sluice-ring-XXXXXX");
	cr_assert(mkdtemp(directory->path));
	directory->fd = run(directory->engine, (struct sl_op){ .kind = SL_OP_OPEN,
						       .dir_fd = AT_FDCWD,
						       .path = directory->path,
						       .flags = O_RDONLY | O_DIRECTORY,
						       .mode = 0600 });
	cr_assert_geq(directory->fd, 0);
}

static void
close_directory(struct directory *directory)
{
	close_fd(directory->engine, directory->fd);
	cr_assert_eq(rmdir(directory->path), 0, "something is left in it");
	directory->engine->methods->free(directory->engine);
}

static int
name_op(const struct directory *directory, enum sl_op_kind kind, const char *path,
	const char *path2, uint32_t flags)
{
	return run(directory->engine, (struct sl_op){ .kind = kind,
					      .dir_fd = directory->fd,
					      .path = path,
					      .dir_fd2 = directory->fd,
					      .path2 = path2,
					      .flags = flags,
					      .mode = 0700 });
}

static int
open_in(const struct directory *directory, const char *path, int flags, uint64_t resolve)
{
	return run(directory->engine, (struct sl_op){ .kind = SL_OP_OPEN,
					      .dir_fd = directory->fd,
					      .path = path,
					      .flags = (uint32_t)flags,
					      .mode = 0600,
					      .resolve = resolve });
}

Test(engine_uring, names_are_made_renamed_linked_and_removed)
{
	struct directory directory;
	open_directory(&directory);
	int fd = open_in(&directory, "a", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0);
	cr_assert_geq(fd, 0);
	cr_assert(is_cloexec(fd));
	cr_assert_eq(open_in(&directory, "a", O_RDWR | O_CREAT | O_EXCL, 0), -EEXIST);
	cr_assert_eq(open_in(&directory, "../x", O_RDWR | O_CREAT, RESOLVE_BENEATH), -EXDEV);
	cr_assert_eq(name_op(&directory, SL_OP_MKDIR, "d", NULL, 0), 0);
	cr_assert_eq(name_op(&directory, SL_OP_RENAME, "a", "b", 1), 0);
	cr_assert_eq(name_op(&directory, SL_OP_LINK, "b", "c", 0), 0);
	cr_assert_eq(name_op(&directory, SL_OP_RENAME, "b", "c", 1), -EEXIST);
	cr_assert_eq(name_op(&directory, SL_OP_UNLINK, "b", NULL, 0), 0);
	cr_assert_eq(name_op(&directory, SL_OP_UNLINK, "c", NULL, 0), 0);
	cr_assert_eq(name_op(&directory, SL_OP_UNLINK, "d", NULL, 0), -EISDIR);
	cr_assert_eq(name_op(&directory, SL_OP_UNLINK, "d", NULL, AT_REMOVEDIR), 0);
	close_fd(directory.engine, fd);
	close_directory(&directory);
}

Test(engine_uring, a_file_is_written_read_measured_and_synced)
{
	struct directory directory;
	open_directory(&directory);
	struct sl_engine *engine = directory.engine;
	int fd = open_in(&directory, "a", O_RDWR | O_CREAT, 0);
	char data[] = "0123456789", back[20] = "";
	struct statx st;
	cr_assert_eq(run(engine,
			     (struct sl_op){
				     .kind = SL_OP_ALLOCATE, .fd = fd, .off = 0, .length = 8192 }),
		0);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_WRITE,
					 .fd = fd,
					 .data = data,
					 .len = 10,
					 .off = 100 }),
		10);
	cr_assert_eq(
		run(engine,
			(struct sl_op){
				.kind = SL_OP_READ, .fd = fd, .data = back, .len = 5, .off = 103 }),
		5);
	cr_assert_arr_eq(back, "34567", 5);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_WRITE,
					 .fd = fd,
					 .data = data,
					 .len = 3,
					 .off = SL_OFF_CURRENT }),
		3);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_WRITE,
					 .fd = fd,
					 .data = data + 3,
					 .len = 3,
					 .off = SL_OFF_CURRENT }),
		3);
	cr_assert_eq(
		run(engine,
			(struct sl_op){
				.kind = SL_OP_READ, .fd = fd, .data = back, .len = 6, .off = 0 }),
		6);
	cr_assert_arr_eq(back, "012345", 6);
	cr_assert_eq(
		run(engine, (struct sl_op){ .kind = SL_OP_TRUNCATE, .fd = fd, .length = 110 }), 0);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_SYNC, .fd = fd }), 0);
	cr_assert_eq(
		run(engine, (struct sl_op){ .kind = SL_OP_SYNC, .fd = fd, .flags = SL_SYNC_DATA }),
		0);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_SYNC_FS, .fd = fd }), 0);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_LOCK, .fd = fd }), 0);
	cr_assert_eq(
		run(engine, (struct sl_op){ .kind = SL_OP_SET_MODE, .fd = fd, .mode = 0640 }), 0);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_SET_TIME,
					 .fd = fd,
					 .time_ns = 1500000000123456789 }),
		0);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_STAT,
					 .dir_fd = fd,
					 .path = "",
					 .flags = AT_EMPTY_PATH,
					 .mask = STATX_BASIC_STATS,
					 .statx = &st }),
		0);
	cr_assert(st.stx_size == 110 && (st.stx_mode & 07777) == 0640);
	cr_assert(st.stx_mtime.tv_sec == 1500000000 && st.stx_mtime.tv_nsec == 123456789);
	int other = open_in(&directory, "a", O_RDWR, 0);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_LOCK, .fd = other }), -EWOULDBLOCK);
	close_fd(engine, other);
	close_fd(engine, fd);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_SYNC, .fd = 9999 }), -EBADF);
	cr_assert_eq(name_op(&directory, SL_OP_UNLINK, "a", NULL, 0), 0);
	close_directory(&directory);
}

static int
fstat_of(struct sl_engine *engine, int fd, struct statx *st)
{
	return run(engine, (struct sl_op){ .kind = SL_OP_STAT,
				   .dir_fd = fd,
				   .path = "",
				   .flags = AT_EMPTY_PATH,
				   .mask = STATX_BASIC_STATS,
				   .statx = st });
}

Test(engine_uring, a_flush_and_an_owner_left_leave_a_file_open_locked_and_unchanged)
{
	struct directory directory;
	struct statx st = { 0 };
	char data[] = "0123456789";
	open_directory(&directory);
	struct sl_engine *engine = directory.engine;
	int fd = open_in(&directory, "a", O_RDWR | O_CREAT, 0);
	struct sl_op write = { .kind = SL_OP_WRITE, .fd = fd, .data = data, .len = 10 };
	struct sl_op lock = { .kind = SL_OP_LOCK, .fd = fd };
	struct sl_op time = { .kind = SL_OP_SET_TIME, .fd = fd, .time_ns = 1500000000000000000 };
	cr_assert_eq(run(engine, write), 10);
	cr_assert_eq(run(engine, lock), 0);
	cr_assert_eq(run(engine, time), 0);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_FLUSH, .fd = fd }), 0);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_SET_OWNER,
					 .fd = fd,
					 .uid = SL_ID_LEFT,
					 .gid = SL_ID_LEFT }),
		0);
	cr_assert_eq(fstat_of(engine, fd, &st), 0);
	cr_assert(st.stx_mtime.tv_sec == 1500000000 && st.stx_size == 10);
	int other = open_in(&directory, "a", O_RDWR, 0);
	lock.fd = other;
	cr_assert_eq(run(engine, lock), -EWOULDBLOCK);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_FLUSH, .fd = 9999 }), -EBADF);
	close_fd(engine, other);
	close_fd(engine, fd);
	cr_assert_eq(name_op(&directory, SL_OP_UNLINK, "a", NULL, 0), 0);
	close_directory(&directory);
}

static int about_to_close;

static void
close_it(int signo)
{
	(void)signo;
	close(about_to_close);
}

/* It takes a descriptor for a moment. By an alarm, since a thread may begin later than the flush
 * ends. */
Test(engine_uring, a_flush_waits_for_a_descriptor_that_is_about_to_be_closed)
{
	int fds[2], fd;
	make_pair(fds);
	const struct rlimit few = { 64, 64 };
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((fd = dup(fds[0])) >= 0)
		about_to_close = fd;
	struct sl_op flush = { .kind = SL_OP_FLUSH, .fd = fds[0] };
	cr_expect_eq(sl_op_run_blocking(&flush), -EMFILE);
	const struct sigaction action = { .sa_handler = close_it };
	const struct itimerval soon = { .it_value = { .tv_usec = 50000 } };
	cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
	cr_assert_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	cr_expect_eq(sl_op_run_blocking(&flush), 0);
}

Test(engine_uring, a_hole_is_what_was_never_written)
{
	struct directory directory;
	char data[4096] = ""; /* zeros are data, too */
	open_directory(&directory);
	struct sl_engine *engine = directory.engine;
	int fd = open_in(&directory, "a", O_RDWR | O_CREAT, 0);
	struct sl_op write = { .kind = SL_OP_WRITE, .fd = fd, .data = data, .len = sizeof(data) };
	struct sl_op hole = { .kind = SL_OP_HAS_HOLE, .fd = fd, .length = sizeof(data) };
	cr_assert_eq(run(engine, write), sizeof(data));
	cr_assert_eq(run(engine, hole), 0);
	write.off = SL_MIB;
	cr_assert_eq(run(engine, write), sizeof(data));
	cr_assert_eq(run(engine, hole), 0, "not in the beginning");
	hole.length = SL_MIB + sizeof(data);
	cr_assert_eq(run(engine, hole), 1);
	hole.off = SL_MIB;
	hole.length = sizeof(data);
	cr_assert_eq(run(engine, hole), 0, "not at the end");
	hole.off = SL_MIB - 1;
	cr_assert_eq(run(engine, hole), 1);
	close_fd(engine, fd);
	cr_assert_eq(name_op(&directory, SL_OP_UNLINK, "a", NULL, 0), 0);
	close_directory(&directory);
}

Test(engine_uring, a_pipe_is_widened_and_never_narrowed)
{
	struct directory directory;
	int fds[2];
	open_directory(&directory);
	struct sl_engine *engine = directory.engine;
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	int before = fcntl(fds[0], F_GETPIPE_SZ);
	struct sl_op widen = {
		.kind = SL_OP_WIDEN_PIPE, .fd = fds[0], .length = 2 * (size_t)before
	};
	/* The pipes of a user have a limit together, which others may have reached. */
	int wide = run(engine, widen);
	int least = wide == -EPERM ? before : 2 * before;
	cr_expect(wide == -EPERM || wide >= least, "%d", wide);
	cr_expect_geq(fcntl(fds[1], F_GETPIPE_SZ), least);
	widen.length = 1;
	cr_expect_geq(run(engine, widen), least);
	cr_expect_geq(fcntl(fds[1], F_GETPIPE_SZ), least);
	int fd = open_in(&directory, "a", O_RDWR | O_CREAT, 0);
	widen.fd = fd;
	cr_expect_eq(run(engine, widen), -EBADF, "no pipe");
	close_fd(engine, fd);
	close_fd(engine, fds[0]);
	close_fd(engine, fds[1]);
	cr_assert_eq(name_op(&directory, SL_OP_UNLINK, "a", NULL, 0), 0);
	close_directory(&directory);
}

Test(engine_uring, a_file_that_is_open_for_writing_has_a_writer)
{
	struct directory directory;
	open_directory(&directory);
	struct sl_engine *engine = directory.engine;
	int writer = open_in(&directory, "a", O_RDWR | O_CREAT, 0);
	int reader = open_in(&directory, "a", O_RDONLY, 0);
	struct sl_op has_writer = { .kind = SL_OP_HAS_WRITER, .fd = reader };
	cr_expect_eq(run(engine, has_writer), 1);
	close_fd(engine, writer);
	cr_expect_eq(run(engine, has_writer), 0);
	writer = open_in(&directory, "a", O_RDWR, 0);
	cr_expect_geq(writer, 0, "no lease is left, which it would wait for");
	close_fd(engine, writer);
	close_fd(engine, reader);
	cr_assert_eq(name_op(&directory, SL_OP_UNLINK, "a", NULL, 0), 0);
	close_directory(&directory);
}

static int
listen_somewhere(struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	*address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)address, len), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)address, &len), 0);
	return fd;
}

static int
connect_op(struct sl_engine *engine, int fd, const struct sockaddr_in *address)
{
	return run(engine, (struct sl_op){ .kind = SL_OP_CONNECT,
				   .fd = fd,
				   .address = (const struct sockaddr *)address,
				   .address_len = sizeof(*address) });
}

static int
new_socket(struct sl_engine *engine)
{
	int fd = run(engine,
		(struct sl_op){ .kind = SL_OP_SOCKET, .domain = AF_INET, .type = SOCK_STREAM });
	cr_assert_geq(fd, 0);
	cr_assert(is_cloexec(fd));
	return fd;
}

Test(engine_uring, a_socket_connects_sends_receives_and_polls)
{
	struct sl_engine *engine = new_engine();
	struct sockaddr_in address;
	int server = listen_somewhere(&address);
	int refused = new_socket(engine);
	cr_assert_eq(connect_op(engine, refused, &address), -ECONNREFUSED);
	close_fd(engine, refused);
	cr_assert_eq(listen(server, 5), 0);
	int fd = new_socket(engine);
	cr_assert_eq(connect_op(engine, fd, &address), 0);
	int peer = accept(server, NULL, NULL);
	char data[] = "hello", back[10];
	cr_assert_eq(
		run(engine, (struct sl_op){ .kind = SL_OP_SEND, .fd = fd, .data = data, .len = 5 }),
		5);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_POLL, .fd = peer, .flags = POLLIN }),
		POLLIN);
	cr_assert_eq(
		run(engine,
			(struct sl_op){ .kind = SL_OP_RECV, .fd = peer, .data = back, .len = 10 }),
		5);
	cr_assert_arr_eq(back, "hello", 5);
	close_fd(engine, fd);
	cr_assert_eq(
		run(engine,
			(struct sl_op){ .kind = SL_OP_RECV, .fd = peer, .data = back, .len = 10 }),
		0, "the end");
	close(peer);
	close(server);
	engine->methods->free(engine);
}

static int
run_now(struct sl_engine *engine, int fd, char *buffer)
{
	struct sl_op op = {
		.kind = SL_OP_RECV, .fd = fd, .data = buffer, .len = 10, .flags = MSG_DONTWAIT
	};
	cr_assert(engine->methods->run_now(engine, &op));
	return op.result;
}

Test(engine_uring, what_cannot_wait_is_done_at_once)
{
	struct sl_engine *engine = new_engine();
	struct sockaddr_in address;
	char buffer[10];
	int server = listen_somewhere(&address);
	cr_assert_eq(listen(server, 5), 0);
	int fd = new_socket(engine);
	cr_assert_eq(connect_op(engine, fd, &address), 0);
	int peer = accept(server, NULL, NULL);
	struct sl_op waits = { .kind = SL_OP_RECV, .fd = fd, .data = buffer, .len = 10 };
	cr_assert_not(engine->methods->run_now(engine, &waits), "it may wait");
	cr_assert_eq(run_now(engine, fd, buffer), -EAGAIN);
	cr_assert_eq(write(peer, "0123456789", 10), 10);
	cr_assert_eq(run_now(engine, fd, buffer), 10);
	cr_assert_arr_eq(buffer, "0123456789", 10);
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	cr_assert_eq(run_now(engine, fd, buffer), 0, "the end");
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
		sizeof(struct linger));
	close(peer);
	close_fd(engine, fd);
	close(server);
	engine->methods->free(engine);
}

/* The other end is gone: an errno, and no signal that ends the process. */
Test(engine_uring, sending_to_a_closed_peer_fails_with_its_code)
{
	struct sl_engine *engine = new_engine();
	int fds[2];
	char byte = 'x';
	make_pair(fds);
	close(fds[1]);
	cr_assert_eq(run(engine,
			     (struct sl_op){
				     .kind = SL_OP_SEND, .fd = fds[0], .data = &byte, .len = 1 }),
		-EPIPE);
	close(fds[0]);
	engine->methods->free(engine);
}

/* As many as the ring takes, with a cancel for half of them. */
static void
check_all_slots(struct sl_engine *engine)
{
	static struct sl_op ops[SL_ENGINE_SLOTS];
	struct sl_op *done[100];
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < engine->slots; i++) {
			ops[i] = (struct sl_op){ .kind = SL_OP_NOP };
			submit(engine, &ops[i]);
		}
		for (unsigned i = 0; i < engine->slots; i += 2)
			engine->methods->cancel(engine, &ops[i]);
		unsigned count = 0;
		while (count < engine->slots) {
			int n = engine->methods->wait(engine, SL_FOREVER, done, 100);
			cr_assert(n >= 0 && n <= 100);
			count += (unsigned)n;
		}
		for (unsigned i = 0; i < engine->slots; i++)
			cr_assert(ops[i].state == SL_OP_DONE && ops[i].result == 0);
	}
}

Test(engine_uring, many_operations_of_one_turn_all_come_back)
{
	struct sl_engine *engine = new_engine();
	check_all_slots(engine);
	engine->methods->free(engine);
}

/* ---- cancelling ---- */

Test(engine_uring, a_cancelled_receive_is_cancelled)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	for (int armed = 0; armed < 2; armed++) {
		int fds[2];
		char buffer[10];
		make_pair(fds);
		struct sl_op op = { .kind = SL_OP_RECV, .fd = fds[0], .data = buffer, .len = 10 };
		submit(engine, &op);
		if (armed) /* the kernel has it; else both are submitted at once */
			cr_assert_eq(engine->methods->wait(engine, 0, done, 4), 0);
		engine->methods->cancel(engine, &op);
		engine->methods->cancel(engine, &op);
		await(engine, &op);
		cr_assert_eq(op.result, -ECANCELED);
		engine->methods->cancel(engine, &op);
		close_pair(fds);
	}
	engine->methods->free(engine);
}

Test(engine_uring, a_cancelled_whole_receive_returns_what_came)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	int fds[2];
	char buffer[100];
	make_pair(fds);
	struct sl_op op = {
		.kind = SL_OP_RECV, .fd = fds[0], .data = buffer, .len = 100, .flags = MSG_WAITALL
	};
	submit(engine, &op);
	cr_assert_eq(engine->methods->wait(engine, 0, done, 4), 0);
	cr_assert_eq(write(fds[1], "0123456789", 10), 10);
	uint64_t until = engine->methods->now(engine) + 20 * SL_NS_PER_MS;
	cr_assert_eq(engine->methods->wait(engine, until, done, 4), 0, "it waits for all");
	engine->methods->cancel(engine, &op);
	await(engine, &op);
	cr_assert_eq(op.result, 10);
	cr_assert_arr_eq(buffer, "0123456789", 10);
	close_pair(fds);
	engine->methods->free(engine);
}

Test(engine_uring, a_whole_receive_ends_with_the_stream)
{
	struct sl_engine *engine = new_engine();
	int fds[2];
	char buffer[100];
	make_pair(fds);
	cr_assert_eq(write(fds[1], "0123456789", 10), 10);
	shutdown(fds[1], SHUT_WR);
	struct sl_op op = {
		.kind = SL_OP_RECV, .fd = fds[0], .data = buffer, .len = 100, .flags = MSG_WAITALL
	};
	cr_assert_eq(run(engine, op), 10);
	cr_assert_eq(run(engine, op), 0);
	close_pair(fds);
	engine->methods->free(engine);
}

/* Loopback, and yet without an answer: the queue of connections that wait to be accepted is
 * full. */
static void
fill_backlog(int server, const struct sockaddr_in *address, int *fds, size_t count)
{
	cr_assert_eq(listen(server, 0), 0);
	for (size_t i = 0; i < count; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (const struct sockaddr *)address, sizeof(*address));
	}
}

Test(engine_uring, whatever_waits_for_another_side_can_be_cancelled)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	struct sockaddr_in full, idle;
	int fds[2], fillers[3];
	char buffer[10];
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	int full_server = listen_somewhere(&full), idle_server = listen_somewhere(&idle);
	fill_backlog(full_server, &full, fillers, SL_COUNT_OF(fillers));
	cr_assert_eq(listen(idle_server, 1), 0);
	int fd = new_socket(engine);
	struct sl_op ops[] = {
		{ .kind = SL_OP_READ,
			.fd = fds[0],
			.data = buffer,
			.len = 10,
			.off = SL_OFF_CURRENT },
		{ .kind = SL_OP_POLL, .fd = fds[0], .flags = POLLIN },
		{ .kind = SL_OP_CONNECT,
			.fd = fd,
			.address = (struct sockaddr *)&full,
			.address_len = sizeof(full) },
		{ .kind = SL_OP_ACCEPT, .fd = idle_server },
	};
	for (size_t i = 0; i < SL_COUNT_OF(ops); i++)
		submit(engine, &ops[i]);
	cr_assert_eq(
		engine->methods->wait(engine, engine->methods->now(engine) + SL_NS_PER_MS, done, 4),
		0, "none of them ends by itself");
	for (size_t i = 0; i < SL_COUNT_OF(ops); i++)
		engine->methods->cancel(engine, &ops[i]);
	for (size_t i = 0; i < SL_COUNT_OF(ops); i++) {
		await(engine, &ops[i]);
		cr_expect_eq(ops[i].result, -ECANCELED, "%s: %d", sl_op_kind_name(ops[i].kind),
			ops[i].result);
	}
	for (size_t i = 0; i < SL_COUNT_OF(fillers); i++)
		close(fillers[i]);
	close_pair(fds);
	close(full_server);
	close(idle_server);
	close(fd);
	engine->methods->free(engine);
}

/* The kernel waits in a thread of its own for a place in the queue of an AF_UNIX socket, and ends
 * an interrupted wait with -EINTR. What the thread has not begun yet ends with -ECANCELED, so there
 * are several attempts. */
Test(engine_uring, what_waits_in_a_kernel_thread_can_be_cancelled)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(address);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Without a path the kernel chooses an abstract name. */
	cr_assert_eq(bind(server, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	cr_assert_eq(getsockname(server, (struct sockaddr *)&address, &len), 0);
	cr_assert_eq(listen(server, 0), 0);
	int filler = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(filler, (struct sockaddr *)&address, len), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (unsigned i = 0; i < 20; i++) {
		struct sl_op op = { .kind = SL_OP_CONNECT,
			.fd = fd,
			.address = (struct sockaddr *)&address,
			.address_len = len };
		uint64_t until = engine->methods->now(engine) + SL_NS_PER_MS;
		submit(engine, &op);
		cr_assert_eq(engine->methods->wait(engine, until, done, 4), 0, "it waits");
		engine->methods->cancel(engine, &op);
		await(engine, &op);
		cr_assert_eq(op.result, -ECANCELED, "%d", op.result);
	}
	close(fd);
	close(filler);
	close(server);
	engine->methods->free(engine);
}

/* The cancel of one receive races with its data, and the slot is used again at once: the next one
 * must not be hit. */
Test(engine_uring, a_late_cancel_does_not_hit_the_slots_next_user)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	int fds[2];
	make_pair(fds);
	for (int i = 0; i < 2000; i++) {
		char one = 0, two = 0;
		struct sl_op first = { .kind = SL_OP_RECV, .fd = fds[0], .data = &one, .len = 1 };
		struct sl_op second = { .kind = SL_OP_RECV, .fd = fds[0], .data = &two, .len = 1 };
		submit(engine, &first);
		if (i % 3 == 0)
			engine->methods->wait(engine, 0, done, 4);
		cr_assert_eq(write(fds[1], "a", 1), 1);
		engine->methods->cancel(engine, &first);
		await(engine, &first);
		cr_assert(first.result == 1 || first.result == -ECANCELED);
		submit(engine, &second);
		if (first.result == 1)
			cr_assert_eq(write(fds[1], "b", 1), 1);
		await(engine, &second);
		cr_assert_eq(second.result, 1, "round %d: %d", i, second.result);
	}
	close_pair(fds);
	engine->methods->free(engine);
}

/* Why the runtime waits for an operation before it closes the descriptor. */
Test(engine_uring, closing_a_descriptor_ends_no_receive)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	int fds[2];
	char buffer[10];
	make_pair(fds);
	struct sl_op op = { .kind = SL_OP_RECV, .fd = fds[0], .data = buffer, .len = 10 };
	submit(engine, &op);
	engine->methods->wait(engine, 0, done, 4);
	close_fd(engine, fds[0]);
	cr_assert_neq(op.state, SL_OP_DONE);
	cr_assert_eq(write(fds[1], "late", 4), 4);
	await(engine, &op);
	cr_assert_eq(op.result, 4);
	close(fds[1]);
	engine->methods->free(engine);
}

/* ---- waiting and waking ---- */

Test(engine_uring, wait_returns_at_its_time_and_not_before)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	cr_assert_eq(engine->methods->wait(engine, 0, done, 4), 0);
	uint64_t until = engine->methods->now(engine) + 5 * SL_NS_PER_MS;
	cr_assert_eq(engine->methods->wait(engine, until, done, 4), 0);
	cr_assert_geq(engine->methods->now(engine), until);
	cr_assert_eq(engine->methods->wait(engine, 1, done, 4), 0, "a time long ago");
	engine->methods->free(engine);
}

struct waker {
	struct sl_engine *engine;
	_Atomic bool stop;
};

/* Again and again: one that comes between two waits must not be missed, and how many fall together
 * is chance. */
static void *
wake_often(void *arg)
{
	struct waker *waker = arg;
	while (!atomic_load(&waker->stop)) {
		waker->engine->methods->wake(waker->engine);
		sched_yield();
	}
	return NULL;
}

Test(engine_uring, another_thread_wakes_it)
{
	struct waker waker = { .engine = new_engine() };
	struct sl_engine *engine = waker.engine;
	struct sl_op *done[4];
	pthread_t thread;
	engine->methods->wake(engine);
	cr_assert_eq(engine->methods->wait(engine, SL_FOREVER, done, 4), 0,
		"a wake-up before the wait counts");
	cr_assert_eq(pthread_create(&thread, NULL, wake_often, &waker), 0);
	for (int i = 0; i < 200; i++)
		cr_assert_eq(engine->methods->wait(engine, SL_FOREVER, done, 4), 0);
	atomic_store(&waker.stop, true);
	pthread_join(thread, NULL);
	engine->methods->free(engine);
}

static void
ignore_alarm(int signo)
{
	(void)signo;
}

Test(engine_uring, signals_that_interrupt_a_wait_do_no_harm)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	struct sigaction action = { .sa_handler = ignore_alarm };
	struct itimerval often = { .it_interval.tv_usec = 500, .it_value.tv_usec = 500 };
	int fds[2];
	char byte = 0;
	make_pair(fds);
	cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
	cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	struct sl_op op = { .kind = SL_OP_RECV, .fd = fds[0], .data = &byte, .len = 1 };
	submit(engine, &op);
	uint64_t until = engine->methods->now(engine) + 30 * SL_NS_PER_MS;
	while (engine->methods->now(engine) < until)
		cr_assert_eq(engine->methods->wait(engine, until, done, 4), 0);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	await(engine, &op);
	cr_assert_eq(op.result, 1);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	close_pair(fds);
	engine->methods->free(engine);
}

/* ---- through the runtime ---- */

struct crowd {
	int fds[2];
	int received;
};

static int
receive_one(void *arg)
{
	struct crowd *crowd = arg;
	char byte = 0;
	int n = sl_io_recv(crowd->fds[0], &byte, 1, 0, SL_FOREVER);
	crowd->received += n == 1;
	return n < 0 ? n : 0;
}

static int
more_than_slots(void *arg)
{
	struct crowd *crowd = arg;
	struct sl_group group;
	static char many[SL_ENGINE_SLOTS + 50];
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < SL_ENGINE_SLOTS + 100; i++)
		cr_assert_eq(sl_group_spawn(&group, "receiver", receive_one, crowd, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_MS), 0);
	cr_assert_eq(write(crowd->fds[1], many, sizeof(many)), (ssize_t)sizeof(many));
	cr_assert_eq(sl_group_wait_below(&group, 51), 0);
	cr_assert_eq(crowd->received, SL_ENGINE_SLOTS + 50);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	return 0;
}

Test(engine_uring, more_operations_than_slots_wait_their_turn)
{
	struct crowd crowd = { .received = 0 };
	make_pair(crowd.fds);
	cr_assert_eq(ring_run(1, more_than_slots, &crowd), 0);
	close_pair(crowd.fds);
}

/* ---- refusals ---- */

/* From now on this system call gives `code` in this process. */
static void
refuse(unsigned call, int code)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = SL_COUNT_OF(filter), .filter = filter };
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void
check_refusal(int code, const char *words)
{
	/* A Criterion test is a process of its own, and so is each refusal: a filter cannot be
	 * taken off. */
	pid_t pid = fork();
	if (pid == 0) {
		struct sl_engine *engine = NULL;
		struct sl_error err = { 0 };
		refuse(SYS_io_uring_setup, code);
		int got = sl_engine_uring_new(&engine, &err);
		bool good = got == -code && err.code == -code && strstr(err.text, words) &&
			    strstr(err.text, "cannot use io_uring");
		if (!good)
			fprintf(stderr, "refusal %d: got %d: %s\n", code, got, err.text);
		_exit(good ? 0 : 1);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "errno %d, '%s'", code, words);
}

Test(engine_uring, each_refusal_is_named_with_what_to_do)
{
	check_refusal(ENOSYS, "6.1");
	check_refusal(EINVAL, "6.1");
	check_refusal(ENOMEM, "ulimit -l");
	check_refusal(EMFILE, "open files");
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int disabled = file ? fgetc(file) : '0';
	if (file)
		fclose(file);
	check_refusal(EPERM, disabled == '0' ? "seccomp" : "io_uring_disabled");
	check_refusal(EACCES, disabled == '0' ? "seccomp" : "io_uring_disabled");
}

/* As an ordinary user, whose locked memory is bounded. */
static int
ring_with_memlock(rlim_t bytes, unsigned *slots)
{
	int fds[2];
	cr_assert_eq(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit limit = { bytes, bytes };
		struct sl_engine *engine = NULL;
		struct sl_error err = { 0 };
		/* a user of its own: what others hold counts against the limit, too */
		if (setresuid(54321, 54321, 54321) != 0 || setrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
			sl_engine_uring_new(&engine, &err) != 0)
			_exit(1);
		if (write(fds[1], &engine->slots, sizeof(engine->slots)) < 0)
			_exit(2);
		check_all_slots(engine);
		_exit(0);
	}
	int status = 0;
	close(fds[1]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(read(fds[0], slots, sizeof(*slots)), (ssize_t)sizeof(*slots), "no ring");
	close(fds[0]);
	return status;
}

Test(engine_uring, with_little_lockable_memory_the_ring_is_smaller_and_works)
{
	if (geteuid() != 0)
		cr_skip_test("needs another user, to whom the limit applies");
	unsigned usual = 0, smaller = 0;
	cr_assert_eq(ring_with_memlock(8 << 20, &usual), 0);
	cr_assert_eq(usual, SL_ENGINE_SLOTS);
	cr_assert_eq(ring_with_memlock(64 << 10, &smaller), 0);
	cr_assert_leq(smaller, usual);
	cr_assert_eq(ring_with_memlock(16 << 10, &smaller), 0);
	cr_assert_lt(smaller, usual, "Linux 6.14 or newer counts it");
}

Test(engine_uring, a_filter_that_forbids_only_the_entering_is_named)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct sl_engine *engine = NULL;
		struct sl_error err = { 0 };
		refuse(SYS_io_uring_enter, EPERM);
		int got = sl_engine_uring_new(&engine, &err);
		_exit(got == -EPERM && strstr(err.text, "seccomp") ? 0 : 1);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(engine_uring, a_filter_that_forbids_only_the_registering_is_named)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct sl_engine *engine = NULL;
		struct sl_error err = { 0 };
		refuse(SYS_io_uring_register, EPERM);
		int got = sl_engine_uring_new(&engine, &err);
		_exit(got == 0 || strstr(err.text, "seccomp") ? 0 : 1);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
