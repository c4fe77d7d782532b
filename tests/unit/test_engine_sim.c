/*
 * The simulator is trusted by every scenario, so it is tested like the program: against the real
 * file system, against its own rules, and for being the same for the same seed.
 */
#include "support/engine_sim.h"
#include "support/scratch.h"

#include "sluice/base/number.h"
#include "sluice/base/random.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RENAME_NOREPLACE_FLAG 1u

/* ---- at the seam: submit, wait, look ---- */

static struct sim *
quick_world(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0;
	return sim_new(&options);
}

static struct sim *
tolerant_world(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.tolerant = true;
	return sim_new(&options);
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
	struct sl_op *done[4];
	while (op->state != SL_OP_DONE) {
		int count = engine->methods->wait(engine, SL_FOREVER, done, 4);
		cr_assert(count >= 0);
	}
}

static int
run(struct sl_engine *engine, struct sl_op op)
{
	submit(engine, &op);
	await(engine, &op);
	return op.result;
}

static void
end(struct sl_engine *engine, struct sim *sim)
{
	engine->methods->free(engine);
	sim_free(sim);
}

static int
open_file(struct sl_engine *engine, const char *path, int flags)
{
	return run(engine, (struct sl_op){ .kind = SL_OP_OPEN,
				   .dir_fd = AT_FDCWD,
				   .path = path,
				   .flags = (uint32_t)flags,
				   .mode = 0600 });
}

static int
write_text(struct sl_engine *engine, int fd, char *text, uint64_t off)
{
	return run(engine, (struct sl_op){ .kind = SL_OP_WRITE,
				   .fd = fd,
				   .data = text,
				   .len = strlen(text),
				   .off = off });
}

static int
sync_fd(struct sl_engine *engine, int fd)
{
	return run(engine, (struct sl_op){ .kind = SL_OP_SYNC, .fd = fd });
}

static int
close_fd(struct sl_engine *engine, int fd)
{
	return run(engine, (struct sl_op){ .kind = SL_OP_CLOSE, .fd = fd });
}

static int
rename_to(struct sl_engine *engine, const char *from, const char *to)
{
	return run(engine, (struct sl_op){ .kind = SL_OP_RENAME,
				   .dir_fd = AT_FDCWD,
				   .path = from,
				   .dir_fd2 = AT_FDCWD,
				   .path2 = to });
}

/* ---- time ---- */

Test(engine_sim, wait_goes_to_the_time_asked_for_without_waiting)
{
	struct sim *sim = quick_world(1);
	struct sl_engine *engine = sim_engine(sim);
	struct sl_op *done[1];
	uint64_t until = sim_now(sim) + 3600 * SL_NS_PER_S;
	cr_assert_eq(engine->methods->wait(engine, until, done, 1), 0);
	cr_assert_eq(engine->methods->now(engine), until);
	cr_assert_eq(engine->methods->wait(engine, 0, done, 1), 0);
	end(engine, sim);
}

Test(engine_sim, wake_ends_the_next_wait_once)
{
	struct sim *sim = quick_world(1);
	struct sl_engine *engine = sim_engine(sim);
	struct sl_op *done[1];
	uint64_t until = sim_now(sim) + SL_NS_PER_S;
	engine->methods->wake(engine);
	cr_assert_eq(engine->methods->wait(engine, until, done, 1), 0);
	cr_assert_lt(sim_now(sim), until);
	engine->methods->wait(engine, until, done, 1);
	cr_assert_eq(sim_now(sim), until);
	end(engine, sim);
}

Test(engine_sim, operations_come_back_in_many_orders)
{
	bool reordered = false, kept = false;
	for (uint64_t seed = 1; seed < 40; seed++) {
		struct sim *sim = quick_world(seed);
		struct sl_engine *engine = sim_engine(sim);
		struct sl_op ops[2] = { { .kind = SL_OP_NOP }, { .kind = SL_OP_NOP } };
		struct sl_op *done[2];
		submit(engine, &ops[0]);
		submit(engine, &ops[1]);
		while (engine->methods->wait(engine, SL_FOREVER, done, 2) == 0)
			;
		reordered = reordered || done[0] == &ops[1];
		kept = kept || done[0] == &ops[0];
		end(engine, sim);
	}
	cr_assert(reordered && kept);
}

static uint64_t
fingerprint(uint64_t seed)
{
	struct sim *sim = sim_new(&(struct sim_options){ 0 });
	sim_free(sim);
	struct sim_options options = sim_options(seed);
	sim = sim_new(&options);
	struct sl_engine *engine = sim_engine(sim);
	char text[5000];
	memset(text, 'x', sizeof(text));
	int fd = open_file(engine, "a", O_RDWR | O_CREAT);
	uint64_t sum = 0;
	for (int i = 0; i < 20; i++) {
		int n = run(engine,
			(struct sl_op){
				.kind = SL_OP_WRITE, .fd = fd, .data = text, .len = sizeof(text) });
		sum = sum * 31 + (uint64_t)n + sim_now(sim);
	}
	close_fd(engine, fd);
	end(engine, sim);
	return sum;
}

Test(engine_sim, one_seed_is_one_history)
{
	cr_assert_eq(fingerprint(7), fingerprint(7));
	cr_assert_neq(fingerprint(7), fingerprint(8));
}

Test(engine_sim, nothing_to_come_is_a_deadlock)
{
	struct sim *sim = quick_world(1);
	struct sl_engine *engine = sim_engine(sim);
	struct sl_op *done[1];
	char byte;
	struct sl_op op = { .kind = SL_OP_READ,
		.fd = sim_source(sim, 0),
		.data = &byte,
		.len = 1,
		.off = SL_OFF_CURRENT };
	submit(engine, &op);
	cr_assert_eq(engine->methods->wait(engine, SL_FOREVER, done, 1), -EDEADLK);
	end(engine, sim);
}

Test(engine_sim, a_program_that_spins_is_reported)
{
	struct sim *sim = tolerant_world(1);
	struct sl_engine *engine = sim_engine(sim);
	struct sl_op *done[1];
	for (int i = 0; i < 1000100; i++)
		cr_assert_eq(engine->methods->wait(engine, 0, done, 1), 0);
	cr_assert_eq(sim_breaches(sim), 1);
	end(engine, sim);
}

/* ---- rules ---- */

Test(engine_sim, a_buffer_in_flight_is_scribbled_and_filled_at_the_end)
{
	struct sim *sim = quick_world(3);
	struct sl_engine *engine = sim_engine(sim);
	sim_put_file(sim, "a", "hello", 5, 0600);
	int fd = open_file(engine, "a", O_RDONLY);
	char buffer[9] = "ABCDEFGH";
	struct sl_op op = { .kind = SL_OP_READ, .fd = fd, .data = buffer, .len = 8 };
	submit(engine, &op);
	await(engine, &op);
	cr_assert_eq(op.result, 5);
	cr_assert_arr_eq(buffer, "hello", 5);
	cr_assert_neq(buffer[5], 'F');
	cr_assert_eq(buffer[8], '\0');
	close_fd(engine, fd);
	end(engine, sim);
}

Test(engine_sim, changed_bytes_of_a_write_in_flight_are_reported)
{
	struct sim *sim = tolerant_world(3);
	struct sl_engine *engine = sim_engine(sim);
	int fd = open_file(engine, "a", O_WRONLY | O_CREAT);
	char buffer[8] = "abcdefg";
	struct sl_op op = { .kind = SL_OP_WRITE, .fd = fd, .data = buffer, .len = 8 };
	submit(engine, &op);
	buffer[3] = 'X';
	await(engine, &op);
	cr_assert_eq(sim_breaches(sim), 1);
	cr_assert(strstr(sim_last_breach(sim), "changed while"));
	close_fd(engine, fd);
	end(engine, sim);
}

Test(engine_sim, two_receives_into_one_buffer_are_reported)
{
	struct sim *sim = tolerant_world(3);
	struct sl_engine *engine = sim_engine(sim);
	sim_put_file(sim, "a", "hello", 5, 0600);
	int fd = open_file(engine, "a", O_RDONLY);
	char buffer[16];
	struct sl_op one = { .kind = SL_OP_READ, .fd = fd, .data = buffer, .len = 8 };
	struct sl_op two = { .kind = SL_OP_READ, .fd = fd, .data = buffer + 7, .len = 8 };
	submit(engine, &one);
	submit(engine, &two);
	cr_assert_geq(sim_breaches(sim), 1);
	cr_assert(strstr(sim_last_breach(sim), "buffer"));
	await(engine, &one);
	await(engine, &two);
	close_fd(engine, fd);
	end(engine, sim);
}

Test(engine_sim, an_operation_changed_in_flight_is_reported)
{
	struct sim *sim = tolerant_world(3);
	struct sl_engine *engine = sim_engine(sim);
	char path[] = "one";
	struct sl_op op = { .kind = SL_OP_MKDIR, .dir_fd = AT_FDCWD, .path = path, .mode = 0700 };
	submit(engine, &op);
	path[0] = 'X';
	await(engine, &op);
	cr_assert_eq(sim_breaches(sim), 1);
	end(engine, sim);
}

Test(engine_sim, closing_under_an_operation_and_using_a_closed_descriptor_are_reported)
{
	struct sim *sim = tolerant_world(3);
	struct sl_engine *engine = sim_engine(sim);
	int fd = open_file(engine, "a", O_WRONLY | O_CREAT);
	struct sl_op sync = { .kind = SL_OP_SYNC, .fd = fd };
	submit(engine, &sync);
	struct sl_op close = { .kind = SL_OP_CLOSE, .fd = fd };
	submit(engine, &close);
	cr_assert_eq(sim_breaches(sim), 1);
	await(engine, &sync);
	await(engine, &close);
	cr_assert_eq(sync_fd(engine, fd), -EBADF);
	cr_assert_eq(sim_breaches(sim), 2);
	cr_assert_eq(sim_open_fds(sim), 0);
	end(engine, sim);
}

Test(engine_sim, an_operation_is_submitted_once)
{
	struct sim *sim = tolerant_world(3);
	struct sl_engine *engine = sim_engine(sim);
	struct sl_op op = { .kind = SL_OP_NOP, .state = SL_OP_IN_FLIGHT };
	engine->methods->submit(engine, &op);
	cr_assert_eq(sim_breaches(sim), 1);
	await(engine, &op);
	end(engine, sim);
}

/* ---- cancelling ---- */

Test(engine_sim, a_cancelled_file_operation_is_done_or_not_and_reports_which)
{
	bool done = false, stopped = false;
	for (uint64_t seed = 1; seed < 60; seed++) {
		struct sim *sim = quick_world(seed);
		struct sl_engine *engine = sim_engine(sim);
		struct sl_op op = {
			.kind = SL_OP_MKDIR, .dir_fd = AT_FDCWD, .path = "d", .mode = 0700
		};
		submit(engine, &op);
		engine->methods->cancel(engine, &op);
		await(engine, &op);
		cr_assert(op.result == 0 || op.result == -ECANCELED);
		cr_assert_eq(sim_exists(sim, "d"), op.result == 0);
		done = done || op.result == 0;
		stopped = stopped || op.result == -ECANCELED;
		engine->methods->cancel(engine, &op);
		end(engine, sim);
	}
	cr_assert(done && stopped);
}

Test(engine_sim, a_read_from_a_silent_stream_can_always_be_cancelled)
{
	for (uint64_t seed = 1; seed < 60; seed++) {
		struct sim *sim = quick_world(seed);
		struct sl_engine *engine = sim_engine(sim);
		struct sl_op *done[1];
		char byte;
		struct sl_op op = { .kind = SL_OP_READ,
			.fd = sim_source(sim, 0),
			.data = &byte,
			.len = 1,
			.off = SL_OFF_CURRENT };
		submit(engine, &op);
		if (seed % 2)
			engine->methods->wait(engine, sim_now(sim) + SL_NS_PER_S, done, 1);
		engine->methods->cancel(engine, &op);
		await(engine, &op);
		cr_assert_eq(op.result, -ECANCELED);
		end(engine, sim);
	}
}

/* ---- the network ---- */

static const struct sim_step greet[] = {
	{ .kind = SIM_STEP_EXPECT, .data = "ping\n" },
	{ .kind = SIM_STEP_SEND, .data = "pong pong\n", .len = 10 },
	{ .kind = SIM_STEP_PAUSE, .ns = 5 * SL_NS_PER_S },
	{ .kind = SIM_STEP_SEND, .data = "late\n", .len = 5 },
	{ .kind = SIM_STEP_FINISH },
	{ .kind = SIM_STEP_END },
};

static int
dial(struct sl_engine *engine, const char *address, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	cr_assert_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
	int fd = run(engine,
		(struct sl_op){ .kind = SL_OP_SOCKET, .domain = AF_INET, .type = SOCK_STREAM });
	int code = run(engine, (struct sl_op){ .kind = SL_OP_CONNECT,
				       .fd = fd,
				       .address = (struct sockaddr *)&to,
				       .address_len = sizeof(to) });
	if (code < 0)
		close_fd(engine, fd);
	return code < 0 ? code : fd;
}

static size_t
read_all(struct sl_engine *engine, int fd, char *out, size_t size, uint32_t flags)
{
	size_t len = 0;
	for (;;) {
		int n = run(engine, (struct sl_op){ .kind = SL_OP_RECV,
					    .fd = fd,
					    .data = out + len,
					    .len = size - len,
					    .flags = flags });
		cr_assert(n >= 0, "recv: %d", n);
		if (n == 0)
			return len;
		len += (size_t)n;
	}
}

Test(engine_sim, a_scripted_server_answers)
{
	for (uint64_t seed = 1; seed < 60; seed++) {
		struct sim *sim = sim_new(&(struct sim_options){ 0 });
		sim_free(sim);
		struct sim_options options = sim_options(seed);
		sim = sim_new(&options);
		struct sl_engine *engine = sim_engine(sim);
		sim_listen(sim,
			&(struct sim_server){ .address = "10.0.0.1", .port = 80, .script = greet });
		uint64_t start = sim_now(sim);
		int fd = dial(engine, "10.0.0.1", 80);
		cr_assert(fd >= 0);
		char ping[] = "ping\n";
		size_t sent = 0;
		while (sent < 5) {
			int n = run(engine, (struct sl_op){ .kind = SL_OP_SEND,
						    .fd = fd,
						    .data = ping + sent,
						    .len = 5 - sent });
			cr_assert(n > 0);
			sent += (size_t)n;
		}
		char text[100];
		cr_assert_eq(
			read_all(engine, fd, text, sizeof(text), seed % 2 ? MSG_WAITALL : 0), 15);
		cr_assert_arr_eq(text, "pong pong\nlate\n", 15);
		cr_assert_geq(sim_now(sim) - start, 5 * SL_NS_PER_S);
		cr_assert_eq(sim_connections_open(sim), 1);
		close_fd(engine, fd);
		cr_assert_eq(sim_connections_open(sim), 0);
		end(engine, sim);
	}
}

Test(engine_sim, connects_fail_as_the_server_says)
{
	struct sim *sim = quick_world(5);
	struct sl_engine *engine = sim_engine(sim);
	sim_listen(sim,
		&(struct sim_server){ .address = "10.0.0.1", .port = 80, .reach = SIM_REFUSE });
	sim_listen(sim, &(struct sim_server){
				.address = "10.0.0.2", .port = 80, .reach = SIM_UNREACHABLE });
	sim_listen(sim,
		&(struct sim_server){ .address = "10.0.0.3", .port = 80, .reach = SIM_BLACK_HOLE });
	cr_assert_eq(dial(engine, "10.0.0.1", 80), -ECONNREFUSED);
	cr_assert_eq(dial(engine, "10.0.0.9", 80), -ECONNREFUSED);
	int code = dial(engine, "10.0.0.2", 80);
	cr_assert(code == -EHOSTUNREACH || code == -ENETUNREACH);
	uint64_t before = sim_now(sim);
	cr_assert_eq(dial(engine, "10.0.0.3", 80), -ETIMEDOUT);
	cr_assert_gt(sim_now(sim) - before, 100 * SL_NS_PER_S);
	end(engine, sim);
}

static const struct sim_step half_then_silence[] = {
	{ .kind = SIM_STEP_SEND, .data = "0123456789", .len = 10 },
	{ .kind = SIM_STEP_END },
};

Test(engine_sim, a_cancelled_waitall_returns_the_bytes_that_came)
{
	for (uint64_t seed = 1; seed < 100; seed++) {
		struct sim *sim = quick_world(seed);
		struct sl_engine *engine = sim_engine(sim);
		struct sl_op *done[1];
		sim_listen(sim,
			&(struct sim_server){
				.address = "10.0.0.1", .port = 80, .script = half_then_silence });
		int fd = dial(engine, "10.0.0.1", 80);
		char text[100];
		struct sl_op op = { .kind = SL_OP_RECV,
			.fd = fd,
			.data = text,
			.len = sizeof(text),
			.flags = MSG_WAITALL };
		submit(engine, &op);
		uint64_t until = sim_now(sim) + SL_NS_PER_S;
		while (sim_now(sim) < until && op.state != SL_OP_DONE)
			engine->methods->wait(engine, until, done, 1);
		engine->methods->cancel(engine, &op);
		await(engine, &op);
		cr_assert(op.result > 0 && op.result <= 10, "seed %d: %d", (int)seed, op.result);
		cr_assert_arr_eq(text, "0123456789", (size_t)op.result);
		close_fd(engine, fd);
		end(engine, sim);
	}
}

static const struct sim_step reset_at_once[] = {
	{ .kind = SIM_STEP_SEND, .data = "01234", .len = 5 },
	{ .kind = SIM_STEP_RESET },
	{ .kind = SIM_STEP_END },
};

Test(engine_sim, a_reset_is_seen_once_by_receives_and_by_every_send)
{
	for (uint64_t seed = 1; seed < 60; seed++) {
		struct sim *sim = quick_world(seed);
		struct sl_engine *engine = sim_engine(sim);
		sim_listen(
			sim, &(struct sim_server){
				     .address = "10.0.0.1", .port = 80, .script = reset_at_once });
		int fd = dial(engine, "10.0.0.1", 80);
		char text[100];
		int n = 0;
		while ((n = run(engine,
				(struct sl_op){
					.kind = SL_OP_RECV, .fd = fd, .data = text, .len = 100 })) >
			0)
			;
		cr_assert_eq(n, -ECONNRESET);
		n = run(engine,
			(struct sl_op){ .kind = SL_OP_SEND, .fd = fd, .data = text, .len = 1 });
		cr_assert(n == -EPIPE || n == -ECONNRESET);
		close_fd(engine, fd);
		end(engine, sim);
	}
}

Test(engine_sim, a_server_that_does_not_read_stops_sends_when_the_buffers_are_full)
{
	struct sim *sim = quick_world(5);
	struct sl_engine *engine = sim_engine(sim);
	struct sl_op *done[1];
	sim_listen(sim,
		&(struct sim_server){ .address = "10.0.0.1", .port = 80, .reads_nothing = true });
	int fd = dial(engine, "10.0.0.1", 80);
	static char block[300000];
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_SEND,
					 .fd = fd,
					 .data = block,
					 .len = sizeof(block) }),
		262144);
	struct sl_op op = { .kind = SL_OP_SEND, .fd = fd, .data = block, .len = 10 };
	submit(engine, &op);
	engine->methods->wait(engine, sim_now(sim) + SL_NS_PER_S, done, 1);
	cr_assert_neq(op.state, SL_OP_DONE);
	engine->methods->cancel(engine, &op);
	await(engine, &op);
	cr_assert_eq(op.result, -ECANCELED);
	close_fd(engine, fd);
	end(engine, sim);
}

Test(engine_sim, poll_reports_that_a_stream_can_be_read)
{
	struct sim *sim = quick_world(5);
	struct sl_engine *engine = sim_engine(sim);
	int fd = sim_source(sim, 0);
	sim_source_pause(sim, fd, SL_NS_PER_S);
	sim_source_data(sim, fd, "x", 1);
	uint64_t before = sim_now(sim);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_POLL, .fd = fd, .flags = POLLIN }),
		POLLIN);
	cr_assert_geq(sim_now(sim) - before, SL_NS_PER_S);
	end(engine, sim);
}

/* ---- streams ---- */

Test(engine_sim, a_sink_takes_what_its_reader_takes)
{
	struct sim *sim = quick_world(5);
	struct sl_engine *engine = sim_engine(sim);
	int fd = sim_sink(sim, 1, 100, 1000);
	static char block[1000];
	memset(block, 'b', sizeof(block));
	uint64_t before = sim_now(sim);
	for (size_t sent = 0; sent < sizeof(block);) {
		int n = run(engine, (struct sl_op){ .kind = SL_OP_WRITE,
					    .fd = fd,
					    .data = block + sent,
					    .len = sizeof(block) - sent,
					    .off = SL_OFF_CURRENT });
		cr_assert(n > 0 && n <= 100);
		sent += (size_t)n;
	}
	cr_assert_geq(sim_now(sim) - before, 8 * SL_NS_PER_S / 10);
	cr_assert_eq(sim_sink_data(sim, fd).len, 1000);
	sim_sink_limit(sim, fd, 0, -EPIPE);
	cr_assert_eq(run(engine, (struct sl_op){ .kind = SL_OP_WRITE,
					 .fd = fd,
					 .data = block,
					 .len = 1,
					 .off = SL_OFF_CURRENT }),
		-EPIPE);
	end(engine, sim);
}

/* ---- faults ---- */

Test(engine_sim, the_nth_operation_fails_and_leaves_nothing)
{
	for (uint64_t n = 1; n <= 4; n++) {
		struct sim *sim = quick_world(n);
		struct sl_engine *engine = sim_engine(sim);
		sim_fail_nth(sim, n, -EIO, 0);
		const char *names[] = { "a", "b", "c" };
		for (uint64_t i = 0; i < 3; i++) {
			int code = run(engine, (struct sl_op){ .kind = SL_OP_MKDIR,
						       .dir_fd = AT_FDCWD,
						       .path = names[i],
						       .mode = 0700 });
			cr_assert_eq(code, i + 1 == n ? -EIO : 0);
			cr_assert_eq(sim_exists(sim, names[i]), i + 1 != n);
		}
		cr_assert_eq(sim_faults(sim), n <= 3);
		end(engine, sim);
	}
}

Test(engine_sim, faults_pick_their_kinds_and_can_last)
{
	struct sim *sim = quick_world(2);
	struct sl_engine *engine = sim_engine(sim);
	sim_fail_from(sim, 2, -ENOSPC, 1ull << SL_OP_WRITE);
	int fd = open_file(engine, "a", O_WRONLY | O_CREAT);
	char text[] = "text";
	cr_assert_eq(write_text(engine, fd, text, 0), 4);
	cr_assert_eq(write_text(engine, fd, text, 0), -ENOSPC);
	cr_assert_eq(sync_fd(engine, fd), 0);
	cr_assert_eq(write_text(engine, fd, text, 0), -ENOSPC);
	sim_fail_nth(sim, 1, -EIO, 0);
	cr_assert_eq(close_fd(engine, fd), -EIO);
	cr_assert_eq(sim_open_fds(sim), 0);
	end(engine, sim);
}

static struct sl_op
any_op(enum sl_op_kind kind)
{
	static char byte;
	static struct sockaddr_in address;
	static struct statx statx;
	struct sl_op op = { .kind = kind, .fd = 1000 };
	switch (sl_op_family(kind)) {
	case SL_FAMILY_TRANSFER:
		op.data = &byte;
		op.len = 1;
		break;
	case SL_FAMILY_CONNECT:
		op.address = (struct sockaddr *)&address;
		op.address_len = sizeof(address);
		break;
	case SL_FAMILY_STAT:
		op.statx = &statx;
		op.path = "x";
		break;
	case SL_FAMILY_TWO_NAMES:
		op.path2 = "y";
		op.path = "x";
		break;
	case SL_FAMILY_OPEN:
	case SL_FAMILY_NAME:
		op.path = "x";
		break;
	case SL_FAMILY_PLAIN:
	case SL_FAMILY_SOCKET:
	case SL_FAMILY_ACCEPT:
	case SL_FAMILY_EXTENT:
	case SL_FAMILY_TIME:
	case SL_FAMILY_OWNER:
	case SL_FAMILY_CALL:
		break;
	}
	return op;
}

Test(engine_sim, every_kind_that_can_fail_has_a_likely_code)
{
	struct sim *sim = tolerant_world(2);
	struct sl_engine *engine = sim_engine(sim);
	for (enum sl_op_kind kind = SL_OP_SOCKET; kind < SL_OP_CALL; kind++) {
		sim_fail_nth(sim, 1, 0, 0);
		int code = run(engine, any_op(kind));
		cr_assert(code < 0 && code > -4096, "%s: %d", sl_op_kind_name(kind), code);
	}
	cr_assert_eq(sim_faults(sim), SL_OP_CALL - 1);
	end(engine, sim);
}

Test(engine_sim, a_trap_springs_at_the_nth_operation)
{
	struct sim *sim = quick_world(2);
	struct sl_engine *engine = sim_engine(sim);
	struct sl_op *done[1];
	int fd = sim_trap(sim, 3);
	char byte = 0;
	struct sl_op read = {
		.kind = SL_OP_READ, .fd = fd, .data = &byte, .len = 1, .off = SL_OFF_CURRENT
	};
	submit(engine, &read);
	engine->methods->wait(engine, sim_now(sim) + SL_NS_PER_S, done, 1);
	run(engine, (struct sl_op){ .kind = SL_OP_NOP });
	cr_assert_neq(read.state, SL_OP_DONE);
	run(engine, (struct sl_op){ .kind = SL_OP_NOP });
	await(engine, &read);
	cr_assert_eq(read.result, 1);
	end(engine, sim);
}

/* ---- power cuts ---- */

Test(engine_sim, only_what_was_synced_survives)
{
	struct sim *sim = quick_world(2);
	struct sl_engine *engine = sim_engine(sim);
	char text[] = "some text";
	int directory = open_file(engine, "/", O_RDONLY | O_DIRECTORY);
	int fd = open_file(engine, "a", O_WRONLY | O_CREAT);
	write_text(engine, fd, text, 0);
	cr_assert(!sim_is_durable(sim, "a"));
	sync_fd(engine, fd);
	cr_assert(!sim_is_durable(sim, "a"), "its name is not on the disk");
	sync_fd(engine, directory);
	cr_assert(sim_is_durable(sim, "a"));
	cr_assert_eq(rename_to(engine, "a", "b"), 0);
	cr_assert(!sim_is_durable(sim, "b"));
	write_text(engine, fd, text, 9);
	close_fd(engine, fd);
	close_fd(engine, directory);
	engine->methods->free(engine);
	sim_crash(sim, SIM_CRASH_DROP);
	struct sl_span content;
	cr_assert(!sim_exists(sim, "b"));
	cr_assert(sim_content(sim, "a", &content) && sl_span_is(content, text));
	sim_free(sim);
}

static void
read_boot_id(struct sl_engine *engine, char *out)
{
	int fd = open_file(engine, "/proc/sys/kernel/random/boot_id", O_RDONLY);
	run(engine, (struct sl_op){ .kind = SL_OP_READ, .fd = fd, .data = out, .len = 36 });
	close_fd(engine, fd);
}

Test(engine_sim, a_name_may_survive_its_content)
{
	struct sim *sim = quick_world(2);
	struct sl_engine *engine = sim_engine(sim);
	char text[] = "some text";
	int fd = open_file(engine, "a.part", O_WRONLY | O_CREAT);
	write_text(engine, fd, text, 0);
	cr_assert_eq(rename_to(engine, "a.part", "a"), 0);
	close_fd(engine, fd);
	engine->methods->free(engine);
	sim_crash(sim, SIM_CRASH_NAMES);
	struct sl_span content;
	cr_assert(sim_content(sim, "a", &content));
	cr_assert_eq(content.len, 0);
	sim_free(sim);
}

Test(engine_sim, a_cut_may_leave_sizes_without_data_or_all_to_another_boot)
{
	static const enum sim_crash hows[] = { SIM_CRASH_SIZES, SIM_CRASH_KEEP, SIM_CRASH_KILL };
	for (size_t i = 0; i < SL_COUNT_OF(hows); i++) {
		struct sim *sim = quick_world(2);
		struct sl_engine *engine = sim_engine(sim);
		char text[] = "some text", boots[2][40] = { { 0 } };
		int fd = open_file(engine, "a.part", O_WRONLY | O_CREAT);
		write_text(engine, fd, text, 0);
		cr_assert_eq(rename_to(engine, "a.part", "a"), 0);
		close_fd(engine, fd);
		read_boot_id(engine, boots[0]);
		engine->methods->free(engine);
		sim_crash(sim, hows[i]);
		engine = sim_engine(sim);
		read_boot_id(engine, boots[1]);
		engine->methods->free(engine);
		struct sl_span content;
		static const char zeros[sizeof(text) - 1];
		cr_assert(sim_content(sim, "a", &content) && content.len == sizeof(zeros));
		cr_expect_arr_eq(
			content.data, hows[i] == SIM_CRASH_SIZES ? zeros : text, sizeof(zeros));
		cr_expect_eq(hows[i] == SIM_CRASH_KILL, strcmp(boots[0], boots[1]) == 0);
		sim_free(sim);
	}
}

Test(engine_sim, a_random_cut_leaves_old_new_or_torn_states)
{
	bool old = false, fresh = false, torn = false, renamed = false;
	for (uint64_t seed = 1; seed < 80; seed++) {
		struct sim *sim = quick_world(seed);
		struct sl_engine *engine = sim_engine(sim);
		static char before[2048], after[2048];
		memset(before, 'o', sizeof(before));
		memset(after, 'n', sizeof(after));
		sim_put_file(sim, "a", before, sizeof(before), 0600);
		int fd = open_file(engine, "a", O_WRONLY);
		run(engine, (struct sl_op){ .kind = SL_OP_WRITE,
				    .fd = fd,
				    .data = after,
				    .len = sizeof(after) });
		close_fd(engine, fd);
		rename_to(engine, "a", "b");
		engine->methods->free(engine);
		sim_crash(sim, SIM_CRASH_RANDOM);
		struct sl_span content;
		bool moved = sim_exists(sim, "b");
		cr_assert_neq(moved, sim_exists(sim, "a"), "a rename in one directory is atomic");
		cr_assert(sim_content(sim, moved ? "b" : "a", &content));
		cr_assert_eq(content.len, 2048);
		bool is_old = memcmp(content.data, before, 2048) == 0,
		     is_new = memcmp(content.data, after, 2048) == 0;
		old = old || is_old;
		fresh = fresh || is_new;
		torn = torn || (!is_old && !is_new);
		renamed = renamed || moved;
		sim_free(sim);
	}
	cr_assert(old && fresh && torn && renamed);
}

Test(engine_sim, after_a_failed_sync_the_next_one_succeeds_without_effect)
{
	struct sim *sim = quick_world(2);
	struct sl_engine *engine = sim_engine(sim);
	char text[] = "some text";
	sim_put_file(sim, "a", "", 0, 0600);
	int fd = open_file(engine, "a", O_WRONLY);
	write_text(engine, fd, text, 0);
	sim_fail_nth(sim, 1, -EIO, 0);
	cr_assert_eq(sync_fd(engine, fd), -EIO);
	cr_assert_eq(sync_fd(engine, fd), 0);
	cr_assert(!sim_is_durable(sim, "a"));
	close_fd(engine, fd);
	end(engine, sim);
}

/* ---- the disk's bounds ---- */

Test(engine_sim, a_full_disk_gives_a_short_write_and_then_enospc)
{
	struct sim_options options = sim_options(2);
	options.short_percent = 0;
	options.capacity = 3 * 4096;
	struct sim *sim = sim_new(&options);
	struct sl_engine *engine = sim_engine(sim);
	static char block[5 * 4096];
	int fd = open_file(engine, "a", O_WRONLY | O_CREAT);
	struct sl_op write = { .kind = SL_OP_WRITE, .fd = fd, .data = block, .len = sizeof(block) };
	cr_assert_eq(run(engine, write), 3 * 4096);
	write.off = 3 * 4096;
	cr_assert_eq(run(engine, write), -ENOSPC);
	cr_assert_eq(
		run(engine, (struct sl_op){ .kind = SL_OP_TRUNCATE, .fd = fd, .length = 4096 }), 0);
	cr_assert_eq(sim_room(sim), 2 * 4096);
	cr_assert_eq(
		run(engine, (struct sl_op){ .kind = SL_OP_ALLOCATE, .fd = fd, .length = 5 * 4096 }),
		-ENOSPC);
	cr_assert_eq(sim_room(sim), 2 * 4096);
	cr_assert_eq(
		run(engine, (struct sl_op){ .kind = SL_OP_ALLOCATE, .fd = fd, .length = 3 * 4096 }),
		0);
	cr_assert_eq(sim_room(sim), 0);
	run(engine, (struct sl_op){ .kind = SL_OP_UNLINK, .dir_fd = AT_FDCWD, .path = "a" });
	cr_assert_eq(sim_room(sim), 0, "it is still open");
	close_fd(engine, fd);
	cr_assert_eq(sim_room(sim), 3 * 4096);
	end(engine, sim);
}

Test(engine_sim, direct_transfers_must_be_aligned)
{
	struct sim *sim = quick_world(2);
	struct sl_engine *engine = sim_engine(sim);
	static _Alignas(4096) char block[8192];
	int fd = open_file(engine, "a", O_RDWR | O_CREAT | O_DIRECT);
	struct sl_op write = { .kind = SL_OP_WRITE, .fd = fd, .data = block, .len = 4096 };
	cr_assert_eq(run(engine, write), 4096);
	write.off = 512;
	cr_assert_eq(run(engine, write), -EINVAL);
	write.off = 0;
	write.len = 100;
	cr_assert_eq(run(engine, write), -EINVAL);
	write.len = 4096;
	write.data = block + 512;
	cr_assert_eq(run(engine, write), -EINVAL);
	close_fd(engine, fd);
	end(engine, sim);
}

/* ---- the same operations here and on the real file system ---- */

enum { SLOTS = 4 };

struct twin {
	struct sl_engine *engine;
	struct sim *sim;
	int real_dir, sim_dir;
	int real_fd[SLOTS], sim_fd[SLOTS];
};

static const char *const paths[] = { "a", "b", "d", "d/a", "d/b", "d/e", "d/../a", "l", "l/a",
	"./b", "d/", "x/y", ".", "", "a/b", "d/e/f", "loop", "nowhere", "../a", "a/", "l/", "d/.",
	"d/..", "nowhere/", "new", "new2/", "/tmp/../etc/hostname" };

static struct sl_op
random_name_op(struct sl_random *random)
{
	static const enum sl_op_kind kinds[] = { SL_OP_OPEN, SL_OP_OPEN, SL_OP_OPEN, SL_OP_RENAME,
		SL_OP_LINK, SL_OP_UNLINK, SL_OP_MKDIR, SL_OP_STAT };
	static const uint32_t flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_CREAT,
		O_RDWR | O_CREAT | O_EXCL, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
		O_WRONLY | O_TRUNC, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW,
		O_RDWR | O_CREAT | O_NOFOLLOW, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
		O_WRONLY | O_CREAT | O_APPEND, O_PATH };
	static const uint64_t resolves[] = { 0, 0, 0, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	struct sl_op op = { .kind = kinds[sl_random_below(random, SL_COUNT_OF(kinds))] };
	op.path = paths[sl_random_below(random,
		SL_COUNT_OF(paths) - (op.kind == SL_OP_OPEN || op.kind == SL_OP_STAT ? 0 : 1))];
	op.mode = op.kind == SL_OP_MKDIR ? 0755 : 0644;
	if (op.kind == SL_OP_OPEN) {
		op.flags = flags[sl_random_below(random, SL_COUNT_OF(flags))];
		op.resolve = resolves[sl_random_below(random, SL_COUNT_OF(resolves))];
		/* An absolute path leads out of the test's directory. */
		if (op.path[0] == '/')
			op.resolve |= RESOLVE_BENEATH;
	}
	if (op.kind == SL_OP_STAT) {
		if (op.path[0] == '/')
			op.path = "b";
		op.mask = STATX_BASIC_STATS;
		op.flags = sl_random_below(random, 2) ? AT_SYMLINK_NOFOLLOW : 0;
	}
	if (op.kind == SL_OP_UNLINK)
		op.flags = sl_random_below(random, 3) ? 0 : AT_REMOVEDIR;
	if (op.kind == SL_OP_RENAME || op.kind == SL_OP_LINK)
		op.path2 = paths[sl_random_below(random, SL_COUNT_OF(paths) - 1)];
	if (op.kind == SL_OP_RENAME)
		op.flags = sl_random_below(random, 2) ? RENAME_NOREPLACE_FLAG : 0;
	return op;
}

static struct sl_op
random_fd_op(struct sl_random *random, char *buffer, size_t size)
{
	static const enum sl_op_kind kinds[] = { SL_OP_READ, SL_OP_WRITE, SL_OP_WRITE,
		SL_OP_ALLOCATE, SL_OP_TRUNCATE, SL_OP_SYNC, SL_OP_LOCK, SL_OP_SET_MODE,
		SL_OP_SET_TIME, SL_OP_CLOSE };
	struct sl_op op = { .kind = kinds[sl_random_below(random, SL_COUNT_OF(kinds))] };
	op.off = sl_random_below(random, 8) ? sl_random_below(random, 20000) : SL_OFF_CURRENT;
	op.mode = 0740; /* what the owner of a file or directory may do stays allowed */
	if (op.kind == SL_OP_READ || op.kind == SL_OP_WRITE) {
		op.len = (size_t)sl_random_below(random, size);
		op.data = buffer;
	} else if (op.kind == SL_OP_ALLOCATE || op.kind == SL_OP_TRUNCATE) {
		op.length = sl_random_below(random, 20000);
	} else if (op.kind == SL_OP_SET_TIME) {
		op.time_ns = 12345678901234567;
	}
	if (op.kind == SL_OP_ALLOCATE)
		op.off = sl_random_below(random, 20000);
	return op;
}

static void
set_up(struct twin *twin, const char *directory, uint64_t seed)
{
	/* One level down, so that ".." stays within the test's own. */
	char inner[100];
	snprintf(inner, sizeof(inner), "%s/w", directory);
	cr_assert_eq(mkdir(inner, 0755), 0);
	twin->real_dir = open(inner, O_RDONLY | O_DIRECTORY);
	cr_assert(twin->real_dir >= 0);
	cr_assert_eq(mkdirat(twin->real_dir, "d", 0755), 0);
	cr_assert_eq(mkdirat(twin->real_dir, "d/e", 0755), 0);
	cr_assert_eq(symlinkat("d", twin->real_dir, "l"), 0);
	cr_assert_eq(symlinkat("loop", twin->real_dir, "loop"), 0);
	cr_assert_eq(symlinkat("missing", twin->real_dir, "nowhere"), 0);
	twin->sim = quick_world(seed);
	twin->engine = sim_engine(twin->sim);
	sim_put_directory(twin->sim, "/p/w/d/e", 0755);
	sim_put_link(twin->sim, "/p/w/l", "d");
	sim_put_link(twin->sim, "/p/w/loop", "loop");
	sim_put_link(twin->sim, "/p/w/nowhere", "missing");
	twin->sim_dir = open_file(twin->engine, "/p/w", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < SLOTS; i++)
		twin->real_fd[i] = twin->sim_fd[i] = -1;
}

static void
tear_down(const struct twin *twin)
{
	for (int i = 0; i < SLOTS; i++)
		if (twin->real_fd[i] >= 0) {
			close(twin->real_fd[i]);
			close_fd(twin->engine, twin->sim_fd[i]);
		}
	close(twin->real_dir);
	close_fd(twin->engine, twin->sim_dir);
	cr_assert_eq(sim_open_fds(twin->sim), 0);
	end(twin->engine, twin->sim);
}

static void
compare(const struct twin *twin, const struct sl_op *real, const struct sl_op *sim, uint64_t seed,
	int step)
{
	bool opened = real->kind == SL_OP_OPEN && real->result >= 0 && sim->result >= 0;
	bool named = sl_op_has_path(real->kind),
	     two = sl_op_family(real->kind) == SL_FAMILY_TWO_NAMES;
	cr_assert(opened || real->result == sim->result,
		"seed %llu step %d: %s '%s' '%s' flags %o off %lld: "
		"real %d (%s), simulated %d (%s)",
		(unsigned long long)seed, step, sl_op_kind_name(real->kind),
		named ? real->path : "",
		two ? real->path2 : "", real->flags, (long long)real->off, real->result,
		strerror(-real->result), sim->result, strerror(-sim->result));
	(void)twin;
}

static void
compare_stat(const struct statx *real, const struct statx *sim, uint64_t seed, int step)
{
	cr_assert_eq(real->stx_mode, sim->stx_mode, "seed %llu step %d: mode %o %o",
		(unsigned long long)seed, step, real->stx_mode, sim->stx_mode);
	if (S_ISREG(real->stx_mode)) {
		cr_assert_eq(real->stx_size, sim->stx_size, "seed %llu step %d: size",
			(unsigned long long)seed, step);
		cr_assert_eq(real->stx_nlink, sim->stx_nlink, "seed %llu step %d: names",
			(unsigned long long)seed, step);
	}
}

static void
step_names(struct twin *twin, struct sl_random *random, uint64_t seed, int step)
{
	struct sl_op real = random_name_op(random), sim = real;
	struct statx real_stat, sim_stat;
	size_t slot = (size_t)sl_random_below(random, SLOTS);
	if (real.kind == SL_OP_OPEN && twin->real_fd[slot] >= 0)
		return;
	real.dir_fd = twin->real_dir;
	sim.dir_fd = twin->sim_dir;
	if (sl_op_family(real.kind) == SL_FAMILY_TWO_NAMES) {
		real.dir_fd2 = twin->real_dir;
		sim.dir_fd2 = twin->sim_dir;
	} else if (real.kind == SL_OP_STAT) {
		real.statx = &real_stat;
		sim.statx = &sim_stat;
	}
	real.result = sl_op_run_blocking(&real);
	sim.result = run(twin->engine, sim);
	compare(twin, &real, &sim, seed, step);
	if (real.kind == SL_OP_OPEN && real.result >= 0) {
		twin->real_fd[slot] = real.result;
		twin->sim_fd[slot] = sim.result;
	}
	if (real.kind == SL_OP_STAT && real.result == 0)
		compare_stat(&real_stat, &sim_stat, seed, step);
}

static void
step_descriptor(struct twin *twin, struct sl_random *random, uint64_t seed, int step)
{
	static char buffer[9000], copy[9000];
	size_t slot = (size_t)sl_random_below(random, SLOTS);
	if (twin->real_fd[slot] < 0)
		return;
	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = copy[i] = (char)sl_random_below(random, 256);
	struct sl_op real = random_fd_op(random, buffer, sizeof(buffer)), sim = real;
	real.fd = twin->real_fd[slot];
	sim.fd = twin->sim_fd[slot];
	if (sl_op_family(real.kind) == SL_FAMILY_TRANSFER)
		sim.data = copy;
	real.result = sl_op_run_blocking(&real);
	sim.result = run(twin->engine, sim);
	compare(twin, &real, &sim, seed, step);
	if (real.kind == SL_OP_READ && real.result > 0)
		cr_assert_arr_eq(buffer, copy, (size_t)real.result, "seed %llu step %d: bytes",
			(unsigned long long)seed, step);
	if (real.kind == SL_OP_CLOSE)
		twin->real_fd[slot] = twin->sim_fd[slot] = -1;
}

static void
remove_tree(const char *directory)
{
	char command[200];
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	cr_assert_eq(system(command), 0);
}

static void
compare_history(uint64_t seed)
{
	char directory[] = "/var/tmp/sluice-twin-XXXXXX";
	cr_assert(mkdtemp(directory));
	struct twin twin;
	struct sl_random random;
	sl_random_init(&random, seed);
	set_up(&twin, directory, seed);
	for (int step = 0; step < 400; step++) {
		if (sl_random_below(&random, 2))
			step_names(&twin, &random, seed, step);
		else
			step_descriptor(&twin, &random, seed, step);
	}
	tear_down(&twin);
	remove_tree(directory);
}

Test(engine_sim, files_behave_as_on_the_real_file_system)
{
	umask(0);
	struct sim_seeds seeds = sim_seeds(25);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		compare_history(seed);
}

/* ---- seeds ---- */

static const struct {
	const char *seed, *seeds;
	uint64_t first, count;
} chosen_seeds[] = {
	{ "0", NULL, 0, 1 },
	{ "18446744073709551615", NULL, UINT64_MAX, 1 },
	{ "7", "100", 7, 1 },
	{ NULL, "3", 1, 3 },
	{ NULL, "0:2", 0, 2 },
	{ NULL, "9223372036854775808:2", UINT64_C(1) << 63, 2 },
	{ NULL, "18446744073709551614:2", UINT64_MAX - 1, 2 },
};

Test(engine_sim, the_environment_may_choose_any_seed_of_64_bits)
{
	for (size_t i = 0; i < SL_COUNT_OF(chosen_seeds); i++) {
		uint64_t count = 0;
		unsetenv("SLUICE_SEED");
		unsetenv("SLUICE_SEEDS");
		if (chosen_seeds[i].seed)
			setenv("SLUICE_SEED", chosen_seeds[i].seed, 1);
		if (chosen_seeds[i].seeds)
			setenv("SLUICE_SEEDS", chosen_seeds[i].seeds, 1);
		struct sim_seeds seeds = sim_seeds(5);
		cr_expect_eq(seeds.first, chosen_seeds[i].first, "row %zu", i);
		for (uint64_t seed = seeds.first; seed != seeds.end && count < 10; seed++)
			count++;
		cr_expect_eq(count, chosen_seeds[i].count, "row %zu: %llu seeds", i,
			(unsigned long long)count);
	}
}

/* ---- rights ---- */

static void
run_twice(const struct twin *twin, struct sl_op op, int want)
{
	struct sl_op real = op, sim = op;
	real.fd = twin->real_fd[0];
	sim.fd = twin->sim_fd[0];
	cr_assert_eq(sl_op_run_blocking(&real), want, "%s", sl_op_kind_name(op.kind));
	cr_assert_eq(run(twin->engine, sim), want, "%s", sl_op_kind_name(op.kind));
}

/* Whether the range or the descriptor is looked at first shows only if both are wrong. */
Test(engine_sim, an_empty_range_is_invalid_even_if_the_file_is_not_writable)
{
	struct twin twin;
	const char *directory = scratch_enter();
	set_up(&twin, directory, 1);
	twin.real_fd[0] = openat(twin.real_dir, "x", O_RDONLY | O_CREAT, 0600);
	twin.sim_fd[0] = open_file(twin.engine, "/p/w/x", O_RDONLY | O_CREAT);
	run_twice(&twin, (struct sl_op){ .kind = SL_OP_ALLOCATE }, -EINVAL);
	run_twice(&twin, (struct sl_op){ .kind = SL_OP_ALLOCATE, .length = 1 }, -EBADF);
	tear_down(&twin);
	scratch_leave();
}

/* The mode and the ACL, and both are the same here and there. */
static void
expect_rights(const struct twin *twin, uint32_t mode, const void *acl, int len)
{
	unsigned char got[SCRATCH_ACL_LEN + 8];
	struct stat real;
	struct statx sim = { 0 };
	struct sl_op stat_op = { .kind = SL_OP_STAT,
		.dir_fd = twin->sim_fd[0],
		.path = "",
		.flags = AT_EMPTY_PATH,
		.mask = STATX_BASIC_STATS,
		.statx = &sim };
	cr_assert(fstat(twin->real_fd[0], &real) == 0 && run(twin->engine, stat_op) == 0);
	cr_expect_eq(real.st_mode & 07777, mode, "%o", real.st_mode);
	cr_expect_eq(sim.stx_mode & 07777, mode, "%o", sim.stx_mode);
	for (int i = 0; i < 2; i++) {
		struct sl_op op = { .kind = SL_OP_GET_ACL,
			.fd = i ? twin->sim_fd[0] : twin->real_fd[0],
			.data = got,
			.len = sizeof(got) };
		cr_assert_eq(i ? run(twin->engine, op) : sl_op_run_blocking(&op), len);
		if (len)
			cr_expect_arr_eq(got, acl, (size_t)len);
	}
}

Test(engine_sim, acls_are_those_of_the_kernel)
{
	static const struct scratch_acl acl = { 6, 6, 0, 6, 0 }, narrower = { 6, 6, 0, 4, 0 };
	unsigned char bytes[SCRATCH_ACL_LEN], narrower_bytes[SCRATCH_ACL_LEN];
	struct twin twin;
	struct sl_op set = { .kind = SL_OP_SET_ACL, .data = bytes, .len = sizeof(bytes) };
	const char *directory = scratch_enter();
	scratch_write_text("probe", "");
	if (!scratch_set_acl("probe", &acl)) {
		scratch_leave();
		cr_skip_test("this file system has no ACLs");
	}
	set_up(&twin, directory, 1);
	twin.real_fd[0] = openat(twin.real_dir, "x", O_RDWR | O_CREAT, 0600);
	twin.sim_fd[0] = open_file(twin.engine, "/p/w/x", O_RDWR | O_CREAT);
	scratch_acl_bytes(&acl, bytes);
	scratch_acl_bytes(&narrower, narrower_bytes);
	run_twice(&twin, (struct sl_op){ .kind = SL_OP_SET_MODE, .mode = 0600 }, 0);
	expect_rights(&twin, 0600, NULL, 0);
	run_twice(&twin, (struct sl_op){ .kind = SL_OP_SET_ACL }, 0);
	run_twice(&twin, set, 0);
	expect_rights(&twin, 0660, bytes, sizeof(bytes));
	run_twice(&twin, (struct sl_op){ .kind = SL_OP_SET_MODE, .mode = 0640 }, 0);
	expect_rights(&twin, 0640, narrower_bytes, sizeof(narrower_bytes));
	run_twice(&twin, (struct sl_op){ .kind = SL_OP_SET_ACL }, 0);
	expect_rights(&twin, 0640, NULL, 0);
	set.len = 7;
	run_twice(&twin, set, -EINVAL);
	tear_down(&twin);
	scratch_leave();
}

Test(engine_sim, extended_attributes_are_those_of_the_kernel)
{
	static char value[] = "value", longer[] = "a longer value", got[8];
	struct twin twin;
	struct sl_op set = { .kind = SL_OP_SET_XATTR,
		.attribute = "user.sluice-test",
		.data = value,
		.len = strlen(value) };
	struct sl_op get = { .kind = SL_OP_GET_XATTR,
		.attribute = "user.sluice-test",
		.data = got,
		.len = sizeof(got) };
	const char *directory = scratch_enter();
	set_up(&twin, directory, 1);
	twin.real_fd[0] = openat(twin.real_dir, "x", O_RDWR | O_CREAT, 0600);
	twin.sim_fd[0] = open_file(twin.engine, "/p/w/x", O_RDWR | O_CREAT);
	struct sl_op probe = set;
	probe.fd = twin.real_fd[0];
	bool has_none = sl_op_run_blocking(&probe) == -EOPNOTSUPP;
	if (!has_none) {
		cr_assert_eq(fremovexattr(probe.fd, probe.attribute), 0);
		run_twice(&twin, get, 0);
		run_twice(&twin, set, 0);
		run_twice(&twin, get, (int)strlen(value));
		cr_expect_eq(memcmp(got, value, strlen(value)), 0);
		set.data = longer;
		set.len = strlen(longer);
		run_twice(&twin, set, 0);
		run_twice(&twin, get, -ERANGE);
	}
	tear_down(&twin);
	scratch_leave();
	if (has_none)
		cr_skip_test("this file system has no extended attributes");
}
