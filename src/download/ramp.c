/*
 * ramp.c - the growth of connections to a host, and the trials that cap it.
 *
 * Throughput is measured in windows of SL_RAMP_WINDOW_NS or, if little comes, up to four times
 * that. After SL_RAMP_WINDOWS of them with about as many connections in use a trial may begin:
 *
 *    with fewer   cap = 3/4 of the connections in use. Those that are too many finish their pieces
 *                 first, however long that takes. It fails as soon as the windows since have less
 *                 than 9/10 of the throughput before, or a single one less than 8/10. If as many
 *                 windows have it, the connections were not needed: the next trial may follow.
 *    with more    cap = 5/4 of the cap, each SL_RAMP_PROBE_NS. It succeeds with 11/10 of the
 *                 throughput before.
 *
 * A throughput that varies by itself shows nothing: with fewer connections than before, no trial
 * begins if it does. With more, it does not matter: too many connections cost the user nothing, too
 * few do. If a cap no longer brings 3/4 of what it had, it is lifted at once.
 *
 * Growth and refusals are independent of trials, except that a refusal ends one.
 */
#include "sluice/download/ramp.h"

#include "sluice/base/def.h"

#include <stddef.h>

/* A window has several receives of each connection, the first of which may be of 256 KiB: else it
 * is chance which of them it has. */
#define WINDOW_BYTES (128 * SL_KIB)
#define WINDOW_MAX_NS (4 * (uint64_t)SL_RAMP_WINDOW_NS)

#define SPREAD_TENTHS 3 /* of the mean, between the highest and the lowest window */

/* New connections need some time to reach their rate. */
#define WARM_UP_NS 1000000000u

static void
set_limit(struct sl_ramp *ramp)
{
	ramp->limit = SL_MIN(ramp->grown, ramp->cap);
}

void
sl_ramp_init(struct sl_ramp *ramp, unsigned most)
{
	*ramp = (struct sl_ramp){ .most = most,
		.limit = 1,
		.grown = 1,
		.threshold = most,
		.cap = most,
		.wait_ns = SL_RAMP_TRIAL_NS };
}

void
sl_ramp_allow(struct sl_ramp *ramp, unsigned most)
{
	if (most <= ramp->most)
		return;
	if (ramp->threshold == ramp->most) /* it was never refused */
		ramp->threshold = most;
	if (ramp->cap == ramp->most) /* nor capped */
		ramp->cap = most;
	ramp->most = most;
	set_limit(ramp);
}

/* ---- growth ---- */

void
sl_ramp_answered(struct sl_ramp *ramp, uint64_t now_ns)
{
	if (ramp->grown >= ramp->most)
		return;
	bool is_slow = ramp->grown >= ramp->threshold;
	if (is_slow && now_ns - ramp->changed_ns < SL_RAMP_STEP_NS)
		return;
	ramp->grown++;
	ramp->grown_ns = now_ns;
	if (is_slow)
		ramp->changed_ns = now_ns;
	set_limit(ramp);
}

void
sl_ramp_waited(struct sl_ramp *ramp, uint64_t now_ns)
{
	if (ramp->grown >= ramp->threshold) {
		if (ramp->bytes > 0)
			sl_ramp_answered(ramp, now_ns);
		return;
	}
	if (now_ns - ramp->grown_ns < SL_RAMP_PATIENCE_NS)
		return;
	ramp->grown = SL_MIN(2 * ramp->grown, ramp->threshold);
	ramp->grown_ns = now_ns;
	set_limit(ramp);
}

/* ---- trials ---- */

static uint64_t
mean_of(const struct sl_ramp *ramp)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < ramp->windows; i++)
		sum += ramp->rates[i] / ramp->windows;
	return sum;
}

/* The values of the windows lie so close together that three quarters of them could be told from
 * all. */
static bool
is_steady(const struct sl_ramp *ramp)
{
	uint64_t least = UINT64_MAX, best = 0;
	for (unsigned i = 0; i < ramp->windows; i++) {
		least = SL_MIN(least, ramp->rates[i]);
		best = SL_MAX(best, ramp->rates[i]);
	}
	return ramp->windows == SL_RAMP_WINDOWS && best > 0 &&
	       best - least <= mean_of(ramp) / 10 * SPREAD_TENTHS;
}

static void
add_window(struct sl_ramp *ramp, uint64_t rate)
{
	if (ramp->windows == SL_RAMP_WINDOWS) {
		for (size_t i = 1; i < SL_RAMP_WINDOWS; i++)
			ramp->rates[i - 1] = ramp->rates[i];
		ramp->windows--;
	}
	ramp->rates[ramp->windows++] = rate;
}

static void
begin_trial(struct sl_ramp *ramp, enum sl_ramp_trial trial, unsigned cap, uint64_t now_ns)
{
	ramp->base = mean_of(ramp);
	ramp->trial = trial;
	ramp->trial_ns = now_ns;
	ramp->cap_before = ramp->cap;
	ramp->cap = cap;
	ramp->windows = 0;
	set_limit(ramp);
}

static void
wait_longer(struct sl_ramp *ramp, uint64_t now_ns)
{
	ramp->next_ns = now_ns + ramp->wait_ns;
	ramp->wait_ns = SL_MIN(4 * ramp->wait_ns, (uint64_t)SL_RAMP_TRIAL_MAX_NS);
}

static void
end_trial(struct sl_ramp *ramp, bool is_kept, uint64_t now_ns)
{
	bool was_fewer = ramp->trial == SL_RAMP_FEWER;
	ramp->trial = SL_RAMP_NO_TRIAL;
	if (is_kept)
		ramp->base = mean_of(ramp);
	else
		ramp->cap = ramp->cap_before;
	if (was_fewer && !is_kept)
		wait_longer(ramp, now_ns);
	if (was_fewer || !is_kept)
		ramp->probe_ns = now_ns + SL_RAMP_PROBE_NS;
	if (!is_kept)
		ramp->windows = 0;
	set_limit(ramp);
}

static void
stop_measuring(struct sl_ramp *ramp, uint64_t now_ns)
{
	if (ramp->trial != SL_RAMP_NO_TRIAL)
		end_trial(ramp, false, now_ns);
	ramp->windows = 0;
}

void
sl_ramp_refused(struct sl_ramp *ramp, uint64_t now_ns)
{
	if (ramp->refused_ns && now_ns - ramp->refused_ns < SL_RAMP_REFUSAL_NS)
		return;
	unsigned refused = ramp->limit; /* perhaps of a trial */
	stop_measuring(ramp, now_ns);
	ramp->grown = SL_MAX(refused / 2, 1u);
	ramp->threshold = ramp->grown;
	ramp->changed_ns = ramp->refused_ns = now_ns;
	set_limit(ramp);
}

static void
go_on_with_fewer(struct sl_ramp *ramp, uint64_t rate, unsigned in_use, uint64_t now_ns)
{
	bool fails = rate / 8 < ramp->base / 10;
	if (!fails && ramp->taken <= ramp->cap) {
		add_window(ramp, rate);
		ramp->in_use = in_use;
		fails = ramp->windows > 1 && mean_of(ramp) / 9 < ramp->base / 10;
	}
	if (fails || ramp->windows == SL_RAMP_WINDOWS)
		end_trial(ramp, !fails, now_ns);
}

static void
go_on_with_more(struct sl_ramp *ramp, uint64_t rate, uint64_t now_ns)
{
	if (now_ns - ramp->trial_ns <= WARM_UP_NS + SL_RAMP_WINDOW_NS)
		return;
	add_window(ramp, rate);
	if (ramp->windows == SL_RAMP_WINDOWS)
		end_trial(ramp, mean_of(ramp) / 11 >= ramp->base / 10, now_ns);
}

/* Two windows in a row: one is short if a file has just ended. */
static bool
has_collapsed(const struct sl_ramp *ramp)
{
	uint64_t last = ramp->windows - 1;
	return ramp->cap < ramp->most && ramp->windows > 1 &&
	       SL_MAX(ramp->rates[last], ramp->rates[last - 1]) / 3 < ramp->base / 4;
}

/* Between trials, after a window with `in_use` connections. */
static void
consider(struct sl_ramp *ramp, uint64_t rate, unsigned in_use, uint64_t now_ns)
{
	unsigned difference = in_use > ramp->in_use ? in_use - ramp->in_use : ramp->in_use - in_use;
	if (difference > in_use / 8)
		ramp->windows = 0;
	ramp->in_use = in_use;
	add_window(ramp, rate);
	if (!ramp->next_ns)
		wait_longer(ramp, ramp->window_ns);
	if (has_collapsed(ramp)) {
		ramp->cap = ramp->most;
		wait_longer(ramp, now_ns);
		set_limit(ramp);
		return;
	}
	if (ramp->windows < SL_RAMP_WINDOWS || in_use > ramp->cap)
		return;
	unsigned fewer = SL_MAX(in_use - (in_use + 3) / 4, SL_RAMP_CAP_LEAST);
	unsigned more = SL_MIN(ramp->cap + (ramp->cap + 3) / 4, ramp->most);
	if (fewer < in_use && is_steady(ramp) && now_ns >= ramp->next_ns)
		begin_trial(ramp, SL_RAMP_FEWER, fewer, now_ns);
	else if (more > ramp->cap && in_use >= ramp->cap && now_ns >= ramp->probe_ns)
		begin_trial(ramp, SL_RAMP_MORE, more, now_ns);
}

static void
end_window(struct sl_ramp *ramp, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - ramp->window_ns;
	uint64_t rate = (uint64_t)((double)ramp->bytes * 1e9 / (double)elapsed_ns);
	unsigned in_use = (unsigned)((ramp->used + elapsed_ns / 2) / elapsed_ns);
	if (in_use == 0)
		stop_measuring(ramp, now_ns);
	else if (ramp->trial == SL_RAMP_FEWER)
		go_on_with_fewer(ramp, rate, in_use, now_ns);
	else if (ramp->trial == SL_RAMP_MORE)
		go_on_with_more(ramp, rate, now_ns);
	else
		consider(ramp, rate, in_use, now_ns);
	ramp->window_ns = now_ns;
	ramp->bytes = ramp->used = 0;
}

void
sl_ramp_used(struct sl_ramp *ramp, unsigned taken, uint64_t now_ns)
{
	if (!ramp->window_ns)
		ramp->window_ns = ramp->counted_ns = now_ns;
	ramp->used += ramp->taken * (now_ns - ramp->counted_ns);
	ramp->counted_ns = now_ns;
	ramp->taken = taken;
	uint64_t elapsed_ns = now_ns - ramp->window_ns;
	if (elapsed_ns >= WINDOW_MAX_NS ||
		(elapsed_ns >= SL_RAMP_WINDOW_NS && ramp->bytes >= taken * WINDOW_BYTES))
		end_window(ramp, now_ns);
}

void
sl_ramp_received(struct sl_ramp *ramp, uint64_t bytes, uint64_t now_ns)
{
	ramp->bytes += bytes;
	sl_ramp_used(ramp, ramp->taken, now_ns);
}

bool
sl_ramp_is_exceeded(const struct sl_ramp *ramp)
{
	return ramp->taken > ramp->cap;
}
