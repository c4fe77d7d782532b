/*
 * torture_tasks [ROUNDS [SEED]] - a thousand tasks a round that sleep, send, receive, take chunks
 * and turns, spawn and shield, while they are cancelled at random; on the ring, and the same on the
 * simulator. After each round nothing may be left: no task, chunk, turn, item or descriptor.
 */
#include "support/run.h"
#include "support/torture.h"

#include "sluice/base/random.h"
#include "sluice/rt/channel.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/semaphore.h"
#include "sluice/rt/task.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TASKS 1000
#define PAIRS 8
#define CHUNKS 20
#define TURNS 10
#define REUSES 30000 /* TSan died after 20,000 */

struct world {
	const struct torture *torture;
	uint64_t done;
	struct sim *sim; /* NULL = the ring */
	struct sl_random random;
	struct sl_channel *channel;
	struct sl_chunk_pool *pool;
	struct sl_semaphore turns;
	unsigned turns_out;
	int pairs[PAIRS][2];
	uint64_t sent, received, dropped;
	unsigned alive;
};

static uint64_t
below(struct world *world, uint64_t bound)
{
	return sl_random_below(&world->random, bound);
}

static uint64_t
soon(struct world *world)
{
	return sl_deadline_in(below(world, 300000));
}

/* ---- what a task may do; each returns 0 or the code that ends it ---- */

static int
do_channel(struct world *world)
{
	int code = 0;
	uint64_t item = 1;
	if (below(world, 2)) {
		code = sl_channel_send(world->channel, &item, soon(world));
		world->sent += code == 0;
	} else {
		code = sl_channel_receive(world->channel, &item, soon(world));
		world->received += code == 0 ? item : 0;
	}
	return code;
}

static int
do_chunk(struct world *world)
{
	struct sl_chunk *chunk = NULL;
	int code = sl_chunk_take(world->pool, &chunk, soon(world));
	if (code)
		return code;
	chunk->data[0]++;
	sl_chunk_ref(chunk);
	code = sl_sleep(below(world, 50000));
	sl_chunk_unref(chunk);
	require(chunk->refs == 1, "a held chunk has other references");
	sl_chunk_unref(chunk);
	return code;
}

static int
do_turn(struct world *world)
{
	int code = sl_semaphore_take(&world->turns, soon(world));
	if (code)
		return code;
	world->turns_out++;
	require(world->turns_out <= TURNS, "more turns out than there are");
	code = sl_yield();
	world->turns_out--;
	sl_semaphore_give(&world->turns);
	return code;
}

/* Half of the descriptors' traffic is sent, half received; bytes have no meaning, the buffers do:
 * ASan watches them. */
static int
do_stream(struct world *world)
{
	char buffer[64];
	int fd = world->pairs[below(world, PAIRS)][below(world, 2)];
	int flags = below(world, 4) == 0 ? MSG_WAITALL : 0;
	size_t len = 1 + (size_t)below(world, sizeof(buffer));
	if (fd < 0)
		return sl_yield();
	int got = 0;
	if (below(world, 2)) {
		memset(buffer, 's', sizeof(buffer));
		got = sl_io_send(fd, buffer, len, 0, soon(world));
	} else {
		got = sl_io_recv(fd, buffer, len, flags, soon(world));
		require(got <= (int)len, "more received than asked for");
		for (int i = 0; i < got; i++)
			require(buffer[i] == 's', "received what was not sent");
	}
	return got < 0 ? got : 0;
}

static int
add_one(void *arg)
{
	++*(int *)arg;
	return 7;
}

static int
do_offload(void)
{
	int value = 0;
	int code = sl_offload(add_one, &value);
	require(code == 7 ? value == 1 : value == 0, "offloaded work was lost");
	return code < 0 ? code : 0;
}

static int
do_shield(struct world *world)
{
	struct sl_shield shield;
	/* A second may pass between two steps where a thousand tasks share a busy machine. */
	sl_shield_begin(&shield, sl_deadline_in(60 * SL_NS_PER_S));
	int code = sl_sleep(below(world, 20000));
	require(code == 0, "a shielded sleep was interrupted");
	sl_shield_end(&shield);
	return 0;
}

static int
leaf(void *arg)
{
	struct world *world = arg;
	return below(world, 4) ? sl_sleep(below(world, 100000)) : -EIO;
}

static int
do_group(struct world *world)
{
	struct sl_group group;
	struct sl_deadline scope;
	sl_deadline_begin(&scope, soon(world));
	sl_group_enter(&group, below(world, 2) ? SL_GROUP_FAIL_FAST : SL_GROUP_COLLECT);
	for (uint64_t i = below(world, 4); i > 0; i--) {
		int code = sl_group_spawn(&group, "leaf", leaf, world, NULL);
		require(code == 0 || code == -ECANCELED || code == SL_E_INTERRUPTED, "spawn");
	}
	if (below(world, 3) == 0)
		sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	sl_deadline_end(&scope);
	return 0;
}

static int
step(struct world *world)
{
	switch (below(world, 9)) {
	case 0:
		return sl_sleep(below(world, 200000));
	case 1:
		return sl_yield();
	case 2:
		return do_channel(world);
	case 3:
		return do_chunk(world);
	case 4:
		return do_turn(world);
	case 5:
		return do_stream(world);
	case 6:
		return do_shield(world);
	case 7:
		return below(world, 8) ? 0 : do_offload();
	default:
		return do_group(world);
	}
}

static int
live(void *arg)
{
	struct world *world = arg;
	world->alive++;
	for (uint64_t steps = 1 + below(world, 6); steps > 0; steps--) {
		int code = step(world);
		if (code == 0 || code == -ETIMEDOUT)
			continue;
		require(code == -ECANCELED, "an unexpected failure");
		require(sl_task_cancelled() == SL_E_INTERRUPTED, "cancelled for nothing");
		require(sl_yield() == -ECANCELED, "cancellation does not stick");
		break;
	}
	world->alive--;
	return 0;
}

/* ---- a round ---- */

static void
drain(struct world *world)
{
	uint64_t item = 0;
	while (sl_channel_try_receive(world->channel, &item) == 0)
		world->dropped++;
}

static void
play_round(struct world *world)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < TASKS; i++)
		require(sl_group_spawn(&group, "tortured", live, world, NULL) == 0, "spawn");
	int slept = sl_sleep(below(world, 2 * SL_NS_PER_MS));
	require(slept == 0, "the main task was disturbed");
	sl_group_cancel(&group, SL_E_INTERRUPTED);
	require(sl_group_leave(&group) == SL_E_INTERRUPTED, "the group's reason is lost");
	drain(world);
	require(sl_task_count() == 1 && world->alive == 0, "tasks are left");
	require(world->turns_out == 0 && world->turns.taken == 0, "turns are left");
	require(world->sent == world->received + world->dropped, "items were lost or doubled");
	require(!world->sim || sim_in_flight(world->sim) == 0, "operations are left");
	world->done++;
}

static void
make_pairs(struct world *world)
{
	for (int i = 0; i < PAIRS; i++) {
		world->pairs[i][0] = world->pairs[i][1] = -1;
		if (!world->sim)
			require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
					world->pairs[i]) == 0,
				"socketpair");
	}
}

static void
close_pairs(struct world *world)
{
	for (int i = 0; i < PAIRS; i++)
		for (int k = 0; k < 2; k++)
			sl_io_close(world->pairs[i][k]);
}

static int
come_and_go(void *arg)
{
	(void)arg;
	return sl_yield();
}

/* Stacks are used again and again: nothing may pile up on them. */
static void
reuse_stacks(void)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (int i = 0; i < REUSES; i++) {
		require(sl_group_spawn(&group, "reused", come_and_go, NULL, NULL) == 0, "spawn");
		require(sl_group_wait_below(&group, 2) == 0, "wait");
	}
	require(sl_group_leave(&group) == 0, "leave");
}

static int
play(void *arg)
{
	struct world *world = arg;
	require(sl_channel_new(&world->channel, "torture", 16, sizeof(uint64_t)) == 0, "channel");
	require(sl_chunk_pool_new(&world->pool, CHUNKS, SL_CHUNK_ALIGN) == 0, "pool");
	sl_semaphore_init(&world->turns, "turn", TURNS);
	make_pairs(world);
	reuse_stacks();
	for (uint64_t i = 0; torture_continues(world->torture, i); i++)
		play_round(world);
	close_pairs(world);
	sl_chunk_pool_free(world->pool); /* asserts that all chunks are back */
	sl_channel_free(world->channel);
	return 0;
}

int
main(int argc, char **argv)
{
	struct torture torture = torture_begin("torture_tasks", argc, argv, 10);
	struct world ring = { .torture = &torture };
	sl_random_init(&ring.random, torture.seed);
	require(ring_run(2, play, &ring) == 0, "the ring's run failed");
	torture_restart(&torture);
	struct world simulated = { .torture = &torture, .sim = sim_plain(torture.seed) };
	sl_random_init(&simulated.random, torture.seed);
	require(sim_run(simulated.sim, play, &simulated) == 0, "the simulator's run failed");
	sim_free(simulated.sim);
	printf("torture_tasks: %llu rounds of %d tasks, %llu items\n",
		(unsigned long long)(ring.done + simulated.done), TASKS,
		(unsigned long long)(ring.sent + simulated.sent));
	return torture_end(&torture);
}
