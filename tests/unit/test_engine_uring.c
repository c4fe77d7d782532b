/*
 * The ring engine on the real kernel: each kind of operation, what a cancel meets, waking, and
 * refusals.
 */
#include "support/peer.h"
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
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
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
	if (!engine->methods->carries(engine, op.kind))
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
		cr_assert(!engine->simulated);
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

/* Bytes came while a receive waited for more, then the other side broke off. */
Test(engine_uring, a_reset_is_no_orderly_end)
{
	struct sl_engine *engine = new_engine();
	struct sockaddr_in address;
	int server = listen_somewhere(&address);
	cr_assert_eq(listen(server, 5), 0);
	int fd = new_socket(engine);
	cr_assert_eq(connect_op(engine, fd, &address), 0);
	int peer = accept(server, NULL, NULL);
	struct sl_op *done[4];
	char buffer[100];
	struct sl_op op = {
		.kind = SL_OP_RECV, .fd = fd, .data = buffer, .len = 100, .flags = MSG_WAITALL
	};
	submit(engine, &op);
	cr_assert_eq(engine->methods->wait(engine, 0, done, 4), 0);
	cr_assert_eq(write(peer, "0123456789", 10), 10);
	uint64_t until = engine->methods->now(engine) + 20 * SL_NS_PER_MS;
	cr_assert_eq(engine->methods->wait(engine, until, done, 4), 0, "it waits for all");
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
		sizeof(struct linger));
	close(peer);
	await(engine, &op);
	cr_assert(op.result == 10 || op.result == -ECONNRESET, "%d", op.result);
	op.flags = 0;
	cr_assert_eq(run(engine, op), -ECONNRESET);
	close_fd(engine, fd);
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

/* The other side has ended in order, and closes with bytes of ours unread. */
Test(engine_uring, a_reset_behind_an_orderly_end_leaves_that_end)
{
	struct sl_engine *engine = new_engine();
	struct sockaddr_in address;
	int server = listen_somewhere(&address);
	cr_assert_eq(listen(server, 5), 0);
	for (int whole = 0; whole < 2; whole++) {
		int fd = new_socket(engine);
		cr_assert_eq(connect_op(engine, fd, &address), 0);
		int peer = accept(server, NULL, NULL);
		cr_assert_eq(write(fd, "request", 7), 7);
		cr_assert_eq(write(peer, "0123456789", 10), 10);
		cr_assert_eq(shutdown(peer, SHUT_WR), 0);
		close(peer);
		char buffer[100];
		struct sl_op op = { .kind = SL_OP_RECV,
			.fd = fd,
			.data = buffer,
			.len = 100,
			.flags = whole ? MSG_WAITALL : 0 };
		cr_expect_eq(run(engine, op), 10);
		cr_expect_eq(run(engine, op), 0);
		close_fd(engine, fd);
	}
	close(server);
	engine->methods->free(engine);
}

/* The other end is gone: an errno, and no signal that ends the process. */
Test(engine_uring, sending_to_nobody_is_an_errno)
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

Test(engine_uring, many_operations_of_one_turn_all_come_back)
{
	struct sl_engine *engine = new_engine();
	static struct sl_op ops[SL_ENGINE_SLOTS];
	struct sl_op *done[100];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SL_ENGINE_SLOTS; i++) {
			ops[i] = (struct sl_op){ .kind = SL_OP_NOP };
			submit(engine, &ops[i]);
		}
		int count = 0;
		while (count < SL_ENGINE_SLOTS) {
			int n = engine->methods->wait(engine, SL_FOREVER, done, 100);
			cr_assert(n >= 0 && n <= 100);
			count += n;
		}
		for (int i = 0; i < SL_ENGINE_SLOTS; i++)
			cr_assert(ops[i].state == SL_OP_DONE && ops[i].result == 0);
	}
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

Test(engine_uring, pipes_polls_and_connects_can_be_cancelled)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	int fds[2];
	char buffer[10];
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	struct peer_full full;
	peer_full_open(&full);
	struct sockaddr_in nowhere = { .sin_family = AF_INET,
		.sin_port = htons(full.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
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
			.address = (struct sockaddr *)&nowhere,
			.address_len = sizeof(nowhere) },
	};
	for (size_t i = 0; i < SL_COUNT_OF(ops); i++)
		submit(engine, &ops[i]);
	engine->methods->wait(engine, engine->methods->now(engine) + SL_NS_PER_MS, done, 4);
	for (size_t i = 0; i < SL_COUNT_OF(ops); i++)
		engine->methods->cancel(engine, &ops[i]);
	for (size_t i = 0; i < SL_COUNT_OF(ops); i++)
		await(engine, &ops[i]);
	cr_assert(ops[0].result == -ECANCELED || ops[0].result == -EINTR);
	cr_assert_eq(ops[1].result, -ECANCELED);
	cr_assert_eq(ops[2].result, -ECANCELED);
	close_pair(fds);
	close(fd);
	peer_full_close(&full);
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

static void *
wake_thrice(void *arg)
{
	struct sl_engine *engine = arg;
	for (int i = 0; i < 3; i++) {
		usleep(2000);
		engine->methods->wake(engine);
	}
	return NULL;
}

Test(engine_uring, another_thread_wakes_it)
{
	struct sl_engine *engine = new_engine();
	struct sl_op *done[4];
	pthread_t thread;
	engine->methods->wake(engine);
	cr_assert_eq(engine->methods->wait(engine, SL_FOREVER, done, 4), 0,
		"a wake-up before the wait counts");
	cr_assert_eq(pthread_create(&thread, NULL, wake_thrice, engine), 0);
	cr_assert_eq(engine->methods->wait(engine, SL_FOREVER, done, 4), 0);
	pthread_join(thread, NULL);
	cr_assert_eq(engine->methods->wait(engine, SL_FOREVER, done, 4), 0, "those two became one");
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

Test(engine_uring, a_filter_that_forbids_only_the_entering_is_a_failure_not_a_hang)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct sl_engine *engine = NULL;
		struct sl_error err = { 0 };
		struct sl_op *done[1], op = { .kind = SL_OP_NOP };
		refuse(SYS_io_uring_enter, EPERM);
		if (sl_engine_uring_new(&engine, &err) != 0)
			_exit(0);
		submit(engine, &op);
		_exit(engine->methods->wait(engine, SL_FOREVER, done, 1) < 0 ? 0 : 1);
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
