/*
 * Channels: order, back-pressure, closing; nothing lost and nothing doubled when waits are
 * cancelled.
 */
#include "support/run.h"

#include "sluice/base/random.h"
#include "sluice/rt/channel.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>

static int
run_seeds(unsigned count, sl_task_fn *fn)
{
	struct sim_seeds seeds = sim_seeds(count);
	int result = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end && !result; seed++) {
		struct sim *sim = sim_plain(seed);
		result = sim_run(sim, fn, sim);
		sim_free(sim);
	}
	return result;
}

static struct sl_channel *
make(size_t capacity)
{
	struct sl_channel *channel = NULL;
	cr_assert_eq(sl_channel_new(&channel, "test", capacity, sizeof(int)), 0);
	return channel;
}

static int
fifo(void *arg)
{
	(void)arg;
	struct sl_channel *channel = make(3);
	int item = 0;
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 3; i++)
			cr_assert_eq(sl_channel_send(channel, &i, 0), 0);
		cr_assert_eq(sl_channel_send(channel, &item, 0), -ETIMEDOUT, "full");
		cr_assert_eq(sl_channel_count(channel), 3);
		for (int i = 0; i < 3; i++) {
			cr_assert_eq(sl_channel_receive(channel, &item, 0), 0);
			cr_assert_eq(item, i);
		}
		cr_assert_eq(sl_channel_receive(channel, &item, 0), -ETIMEDOUT, "empty");
		cr_assert_eq(sl_channel_try_receive(channel, &item), -EAGAIN);
	}
	cr_assert_eq(sl_channel_high_water(channel), 3);
	sl_channel_free(channel);
	sl_channel_free(NULL);
	return 0;
}

Test(channel, items_come_out_in_the_order_they_went_in)
{
	cr_assert_eq(run_seeds(3, fifo), 0);
}

static int
ridiculous(void *arg)
{
	(void)arg;
	struct sl_channel *channel = NULL;
	cr_assert_eq(sl_channel_new(&channel, "test", SIZE_MAX / 2, 4), -ENOMEM);
	cr_assert_eq(sl_channel_new(&channel, "test", SIZE_MAX - 1, 1), -ENOMEM);
	return 0;
}

Test(channel, a_size_that_overflows_is_out_of_memory)
{
	cr_assert_eq(run_seeds(1, ridiculous), 0);
}

struct side {
	struct sl_channel *channel;
	int count, next, last;
	int result;
	size_t most;
};

static int
send_many(void *arg)
{
	struct side *side = arg;
	for (int i = 0; i < side->count; i++) {
		int code = sl_channel_send(side->channel, &i, SL_FOREVER);
		if (code)
			return side->result = code;
		side->last = i;
		side->most = SL_MAX(side->most, sl_channel_count(side->channel));
	}
	return 0;
}

static int
receive_slowly(void *arg)
{
	struct side *side = arg;
	int item = 0, code = 0;
	while ((code = sl_channel_receive(side->channel, &item, SL_FOREVER)) == 0) {
		cr_assert_eq(item, side->next++);
		cr_assert_eq(sl_sleep(SL_NS_PER_MS), 0);
	}
	return side->result = code;
}

static int
back_pressure(void *arg)
{
	(void)arg;
	struct side sender = { .channel = make(4), .count = 100 },
		    receiver = { .channel = sender.channel };
	struct sl_group group;
	uint64_t start = sl_now();
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "receiver", receive_slowly, &receiver, NULL), 0);
	cr_assert_eq(sl_group_spawn(&group, "sender", send_many, &sender, NULL), 0);
	cr_assert_eq(sl_group_wait_below(&group, 2), 0);
	cr_assert_geq(
		sl_now() - start, 90 * SL_NS_PER_MS, "the sender was held to the receiver's pace");
	sl_channel_close(sender.channel);
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_assert_eq(receiver.next, 100);
	cr_assert_eq(receiver.result, -EPIPE);
	cr_assert_eq(sender.most, 4);
	cr_assert_eq(sl_channel_high_water(sender.channel), 4);
	sl_channel_free(sender.channel);
	return 0;
}

Test(channel, a_full_channel_holds_the_sender)
{
	cr_assert_eq(run_seeds(10, back_pressure), 0);
}

static int
send_one(void *arg)
{
	struct side *side = arg;
	return side->result = sl_channel_send(side->channel, &side->next, SL_FOREVER);
}

static int
receive_one(void *arg)
{
	struct side *side = arg;
	return side->result = sl_channel_receive(side->channel, &side->last, SL_FOREVER);
}

static int
waiting_senders_keep_their_turn(void *arg)
{
	(void)arg;
	struct sl_channel *channel = make(1);
	struct side senders[3];
	struct sl_group group;
	int item = 0;
	cr_assert_eq(sl_channel_send(channel, &item, 0), 0);
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (int i = 0; i < 3; i++) {
		senders[i] = (struct side){ .channel = channel, .next = i + 1, .result = 1 };
		cr_assert_eq(sl_group_spawn(&group, "sender", send_one, &senders[i], NULL), 0);
	}
	cr_assert_eq(sl_sleep(1000), 0);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(sl_channel_receive(channel, &item, 0), 0);
		cr_assert_eq(item, i);
	}
	cr_assert_eq(sl_group_leave(&group), 0);
	sl_channel_free(channel);
	return 0;
}

Test(channel, senders_that_wait_are_served_in_order)
{
	cr_assert_eq(run_seeds(3, waiting_senders_keep_their_turn), 0);
}

static int
waiting_receivers_keep_their_turn(void *arg)
{
	(void)arg;
	struct sl_channel *channel = make(8);
	struct side receivers[3];
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (int i = 0; i < 3; i++) {
		receivers[i] = (struct side){ .channel = channel, .result = 1 };
		cr_assert_eq(
			sl_group_spawn(&group, "receiver", receive_one, &receivers[i], NULL), 0);
	}
	cr_assert_eq(sl_sleep(1000), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(sl_channel_send(channel, &i, 0), 0);
	cr_assert_eq(sl_group_leave(&group), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(receivers[i].last, i);
	sl_channel_free(channel);
	return 0;
}

Test(channel, receivers_that_wait_are_served_in_order)
{
	cr_assert_eq(run_seeds(3, waiting_receivers_keep_their_turn), 0);
}

/* ---- closing ---- */

static int
close_full(void *arg)
{
	(void)arg;
	struct side blocked = { .channel = make(2), .next = 9, .result = 1 };
	struct sl_group group;
	int item = 0;
	for (int i = 0; i < 2; i++)
		cr_assert_eq(sl_channel_send(blocked.channel, &i, 0), 0);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "blocked", send_one, &blocked, NULL), 0);
	cr_assert_eq(sl_sleep(1000), 0);
	sl_channel_close(blocked.channel);
	sl_channel_close(blocked.channel);
	cr_assert_eq(sl_channel_send(blocked.channel, &item, 0), -EPIPE);
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_assert_eq(blocked.result, -EPIPE, "it was waiting");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(sl_channel_receive(blocked.channel, &item, SL_FOREVER), 0);
		cr_assert_eq(item, i, "what is inside still comes out");
	}
	cr_assert_eq(sl_channel_receive(blocked.channel, &item, SL_FOREVER), -EPIPE);
	cr_assert_eq(sl_channel_try_receive(blocked.channel, &item), -EPIPE);
	sl_channel_free(blocked.channel);
	return 0;
}

Test(channel, closing_stops_senders_and_lets_receivers_finish)
{
	cr_assert_eq(run_seeds(3, close_full), 0);
}

static int
close_empty(void *arg)
{
	(void)arg;
	struct side blocked[3];
	struct sl_channel *channel = make(2);
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < 3; i++) {
		blocked[i] = (struct side){ .channel = channel, .result = 1 };
		cr_assert_eq(sl_group_spawn(&group, "blocked", receive_one, &blocked[i], NULL), 0);
	}
	cr_assert_eq(sl_sleep(1000), 0);
	sl_channel_close(channel);
	cr_assert_eq(sl_group_leave(&group), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(blocked[i].result, -EPIPE);
	sl_channel_free(channel);
	return 0;
}

Test(channel, closing_wakes_all_receivers)
{
	cr_assert_eq(run_seeds(3, close_empty), 0);
}

/* ---- time and cancellation ---- */

static int
timeouts(void *arg)
{
	(void)arg;
	struct sl_channel *channel = make(1);
	int item = 1;
	uint64_t start = sl_now();
	cr_assert_eq(sl_channel_receive(channel, &item, start + SL_NS_PER_S), -ETIMEDOUT);
	cr_assert_eq(sl_now(), start + SL_NS_PER_S);
	cr_assert_eq(sl_channel_send(channel, &item, 0), 0);
	cr_assert_eq(sl_channel_send(channel, &item, start + 2 * SL_NS_PER_S), -ETIMEDOUT);
	cr_assert_eq(sl_now(), start + 2 * SL_NS_PER_S);
	cr_assert_eq(sl_channel_count(channel), 1, "nothing was sent");
	sl_channel_free(channel);
	return 0;
}

Test(channel, waits_end_at_their_deadline)
{
	cr_assert_eq(run_seeds(3, timeouts), 0);
}

static int
drain(void *arg)
{
	struct side *side = arg;
	int item = 0;
	cr_assert_eq(sl_sleep(SL_NS_PER_S), -ECANCELED);
	while (sl_channel_try_receive(side->channel, &item) == 0)
		side->count++;
	return 0;
}

static int
drain_when_cancelled(void *arg)
{
	(void)arg;
	struct side side = { .channel = make(5) };
	struct sl_group group;
	for (int i = 0; i < 5; i++)
		cr_assert_eq(sl_channel_send(side.channel, &i, 0), 0);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "drain", drain, &side, NULL), 0);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert_eq(side.count, 5);
	sl_channel_free(side.channel);
	return 0;
}

Test(channel, a_cancelled_task_can_drain_it)
{
	cr_assert_eq(run_seeds(3, drain_when_cancelled), 0);
}

/*
 * Many senders and receivers with deadlines and cancellations at random times: each item that a
 * send reported as sent is received exactly once, each that it did not report is never seen.
 */
enum { SENDERS = 5, RECEIVERS = 4, EACH = 40 };

struct market {
	struct sim *sim;
	struct sl_channel *channel;
	struct sl_random random;
	unsigned char sent[SENDERS][EACH], got[SENDERS][EACH];
	int next_sender;
	struct sl_group senders, receivers;
};

static uint64_t
soon(struct market *market)
{
	return sl_deadline_in(sl_random_below(&market->random, 200000));
}

static int
market_sender(void *arg)
{
	struct market *market = arg;
	int self = market->next_sender++;
	for (int i = 0; i < EACH; i++) {
		int item = self * EACH + i;
		int code = sl_channel_send(market->channel, &item, soon(market));
		if (code == -ECANCELED || code == -EPIPE)
			return 0;
		market->sent[self][i] = code == 0;
		if (sl_random_below(&market->random, 3) == 0 &&
			sl_sleep(sl_random_below(&market->random, 300000)) != 0)
			return 0;
	}
	return 0;
}

static int
market_receiver(void *arg)
{
	struct market *market = arg;
	for (;;) {
		int item = -1;
		int code = sl_channel_receive(market->channel, &item, soon(market));
		if (code == 0)
			market->got[item / EACH][item % EACH]++;
		else if (code != -ETIMEDOUT)
			return 0;
		if (sl_random_below(&market->random, 3) == 0 &&
			sl_sleep(sl_random_below(&market->random, 300000)) != 0)
			return 0;
	}
}

static int
market_day(void *arg)
{
	struct market market = { .sim = arg, .channel = make(3) };
	sl_random_init(&market.random, sim_seed(market.sim));
	sl_group_enter(&market.receivers, SL_GROUP_COLLECT);
	sl_group_enter(&market.senders, SL_GROUP_COLLECT);
	for (int i = 0; i < SENDERS; i++)
		cr_assert_eq(
			sl_group_spawn(&market.senders, "sender", market_sender, &market, NULL), 0);
	for (int i = 0; i < RECEIVERS; i++)
		cr_assert_eq(sl_group_spawn(
				     &market.receivers, "receiver", market_receiver, &market, NULL),
			0);
	cr_assert_eq(sl_sleep(sl_random_below(&market.random, 8 * SL_NS_PER_MS)), 0);
	sl_group_cancel(&market.senders, -ECANCELED);
	(void)sl_group_leave(&market.senders);
	sl_channel_close(market.channel);
	if (sl_random_below(&market.random, 2))
		sl_group_cancel(&market.receivers, -ECANCELED);
	(void)sl_group_leave(&market.receivers);
	int item = 0;
	while (sl_channel_try_receive(market.channel, &item) == 0)
		market.got[item / EACH][item % EACH]++;
	for (int s = 0; s < SENDERS; s++)
		for (int i = 0; i < EACH; i++)
			sim_check(market.sim, market.sent[s][i] == market.got[s][i],
				"item %d of sender %d: sent %d, got %d", i, s, market.sent[s][i],
				market.got[s][i]);
	sim_check(market.sim, sl_channel_high_water(market.channel) <= 3, "the bound");
	sl_channel_free(market.channel);
	return 0;
}

Test(channel, nothing_is_lost_or_doubled_when_waits_end_at_random)
{
	cr_assert_eq(run_seeds(300, market_day), 0);
}
