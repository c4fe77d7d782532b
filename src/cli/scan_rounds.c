#include "sluice/cli/scan_rounds.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* Of --max-memory, for the window of a decoder that looks for the text of a log. */
#define WINDOW_SHARE 4u
/* Of it, for copies of new lines; there may be two. */
#define STEP_SHARE 8u

/* With --follow the state is saved after so much time, or bytes: a run that is killed has printed
 * at most as much as the next one prints again. The man page says so. */
#define SAVE_NS (2 * SL_NS_PER_S)
#define SAVE_BYTES (16 * SL_MIB)

/* Inputs are looked at so often, whatever the kernel reports; and not again before a pause, of so
 * many times the round before. */
#define INTERVAL_NS SL_NS_PER_S
#define PAUSE_NS (20 * SL_NS_PER_MS)
#define PAUSE_ROUNDS 2u

static struct sl_follow_setup
setup_of(const struct sl_scan_rounds *rounds)
{
	static const char *const standard_input[] = { "-" };
	const struct sl_scan_options *options = rounds->options;
	bool is_named = options->inputs.count > 0;
	return (struct sl_follow_setup){
		.paths = is_named ? options->inputs.items : standard_input,
		.count = is_named ? options->inputs.count : 1,
		.rules = { options->rules.items, options->rules.count },
		.no_follow = options->no_follow,
		.own_files = rounds->own_files,
		.own_count = SL_COUNT_OF(rounds->own_files),
		.window_max = options->max_memory / WINDOW_SHARE,
		.records = options->records,
		.keeps_stamps = options->state != NULL,
		.is_live = options->follow,
		.step = options->max_memory / STEP_SHARE,
	};
}

/* Logs stay open while they are followed. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit = { 0 };
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int
sl_scan_rounds_begin(struct sl_scan_rounds *rounds, const struct sl_scan_options *options,
	struct sl_scan_output *output, struct sl_error *err)
{
	struct sl_state state = { 0 };
	*rounds = (struct sl_scan_rounds){ .options = options, .output = output };
	int code = 0;
	if (options->state)
		code = sl_store_open(&rounds->store, options->state, &state, err);
	_Static_assert(SL_COUNT_OF(rounds->own_files) == SL_COUNT_OF(output->own_files) + 1,
		"and the state");
	memcpy(rounds->own_files, output->own_files, sizeof(output->own_files));
	rounds->own_files[SL_COUNT_OF(output->own_files)] = rounds->store.path;
	rounds->setup = setup_of(rounds);
	if (options->follow) {
		raise_descriptor_limit();
		sl_watch_open(&rounds->watch);
	}
	if (code == 0) {
		code = sl_follow_new(&rounds->follow, &rounds->setup, &state);
		if (code)
			(void)sl_fail_code(err, SL_PHASE_NONE, code, "cannot scan");
	}
	sl_state_release(&state);
	return code;
}

/* ---- saving ---- */

/* A signal that comes now ends the run behind it: it is no failure to save. */
SL_SUSPENDS
static int
save(struct sl_scan_rounds *rounds, struct sl_error *err)
{
	struct sl_shield shield;
	bool has_changed = sl_follow_take_change(rounds->follow);
	if (!rounds->store.is_open || !has_changed)
		return 0;
	sl_shield_begin(&shield, SL_FOREVER);
	int code = sl_store_save(&rounds->store, sl_follow_state(rounds->follow), err);
	sl_shield_end(&shield);
	return code;
}

/* Results that are written may not be written again, so the state follows them. */
SL_SUSPENDS
static int
save_if_due(struct sl_scan_rounds *rounds, const struct sl_scan_progress *progress,
	struct sl_error *err)
{
	int code = sl_scan_output_flush(rounds->output);
	bool is_due = sl_now() - rounds->saved_ns >= SAVE_NS ||
		      progress->read - rounds->saved_bytes >= SAVE_BYTES;
	if (code || !is_due)
		return code;
	code = save(rounds, err);
	rounds->saved_ns = sl_now();
	rounds->saved_bytes = progress->read;
	return code;
}

/* ---- rounds ---- */

/* A batch of the round; *is_over if there was none. */
SL_SUSPENDS
static int
run_batch(struct sl_scan_rounds *rounds, struct sl_scan_setup *setup,
	struct sl_scan_progress *progress, struct sl_error *err, bool *is_over)
{
	int code = sl_follow_next(rounds->follow, &setup->items, &setup->count);
	*is_over = setup->count == 0;
	if (code || *is_over)
		return code;
	/* If the run is killed soon, the next one has the identities of the first logs at least. */
	if (rounds->options->follow && rounds->saved_ns == 0) {
		code = save(rounds, err);
		rounds->saved_ns = sl_now();
	}
	if (code == 0)
		code = sl_scan_run(setup, progress, err);
	int committed = sl_follow_commit(rounds->follow);
	code = code ? code : committed;
	return code || !rounds->options->follow ? code : save_if_due(rounds, progress, err);
}

SL_SUSPENDS
static int
run_round(struct sl_scan_rounds *rounds, struct sl_scan_setup *setup,
	struct sl_scan_progress *progress, struct sl_error *err)
{
	bool is_over = false;
	int code = sl_follow_begin(rounds->follow);
	while (code == 0 && !is_over)
		code = run_batch(rounds, setup, progress, err, &is_over);
	return code;
}

static void
watch_inputs(struct sl_scan_rounds *rounds)
{
	const struct sl_follow_setup *setup = &rounds->setup;
	const struct sl_state *state = sl_follow_state(rounds->follow);
	for (size_t i = 0; i < setup->count; i++) {
		sl_watch_add(&rounds->watch, setup->paths[i]);
		sl_watch_add_beside(&rounds->watch, setup->paths[i]);
	}
	for (size_t i = 0; i < state->count; i++)
		sl_watch_add_beside(&rounds->watch, state->logs[i]->path);
}

/* Before the next round: a pause that leaves most of the CPU time to others, then until something
 * changes. */
SL_SUSPENDS
static int
wait_for_change(struct sl_scan_rounds *rounds, uint64_t round_ns)
{
	uint64_t pause_ns = SL_MIN(SL_MAX(PAUSE_NS, PAUSE_ROUNDS * round_ns), INTERVAL_NS);
	int code = sl_sleep(pause_ns);
	uint64_t due_ns = SL_MIN(sl_follow_due_ns(rounds->follow), sl_deadline_in(INTERVAL_NS));
	return code ? code : sl_watch_wait(&rounds->watch, due_ns);
}

/* A round is short, and not interrupted: what it prints is what the state has. */
SL_SUSPENDS
static int
run_shielded(struct sl_scan_rounds *rounds, struct sl_scan_setup *setup,
	struct sl_scan_progress *progress, struct sl_error *err)
{
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	int code = run_round(rounds, setup, progress, err);
	sl_shield_end(&shield);
	return code;
}

/* Not a failure that came at the same time. */
static bool
is_cancellation(int code)
{
	int cancelled = sl_task_cancelled();
	return cancelled && (code == cancelled || code == -ECANCELED);
}

SL_SUSPENDS
static int
follow(struct sl_scan_rounds *rounds, struct sl_scan_setup *setup,
	struct sl_scan_progress *progress, struct sl_error *err)
{
	int code = 0;
	while (code == 0 && !sl_task_cancelled()) {
		uint64_t begun_ns = sl_now();
		code = run_shielded(rounds, setup, progress, err);
		if (code == 0)
			code = save_if_due(rounds, progress, err);
		if (code || sl_follow_has_more(rounds->follow))
			continue;
		watch_inputs(rounds);
		code = wait_for_change(rounds, sl_now() - begun_ns);
	}
	if (!sl_task_cancelled() || err->code || (code && !is_cancellation(code)))
		return code;
	/* Without a state no later run prints the records that wait for their last lines. */
	if (!rounds->options->state && sl_follow_due_ns(rounds->follow) != SL_FOREVER) {
		sl_follow_settle(rounds->follow);
		code = run_shielded(rounds, setup, progress, err);
	}
	return is_cancellation(code) && !err->code ? 0 : code;
}

int
sl_scan_rounds_run(struct sl_scan_rounds *rounds, const struct sl_scan_setup *setup,
	struct sl_scan_progress *progress, struct sl_error *err)
{
	struct sl_scan_setup own = *setup;
	rounds->setup.period = setup->period;
	sl_assert(setup->sink_count < SL_COUNT_OF(rounds->sinks));
	memcpy(rounds->sinks, setup->sinks, setup->sink_count * sizeof(*setup->sinks));
	rounds->sinks[setup->sink_count] = sl_follow_sink(rounds->follow);
	own.sinks = rounds->sinks;
	own.sink_count = setup->sink_count + 1;
	own.goes_on = true;
	/* All that is new is scanned, or it would be new again. */
	own.stop_at_hit = own.stop_input_at_hit = false;
	if (rounds->options->follow)
		own.max_memory =
			SL_MAX(own.max_memory - 2 * rounds->setup.step, SL_SCAN_MEMORY_MIN);
	return rounds->options->follow ? follow(rounds, &own, progress, err)
				       : run_round(rounds, &own, progress, err);
}

int
sl_scan_rounds_end(struct sl_scan_rounds *rounds, bool is_complete, struct sl_error *err)
{
	int code = 0;
	if (rounds->follow && is_complete)
		code = save(rounds, err);
	if (rounds->options && rounds->options->follow)
		sl_watch_close(&rounds->watch);
	sl_follow_free(rounds->follow);
	sl_store_close(&rounds->store);
	*rounds = (struct sl_scan_rounds){ 0 };
	return code;
}
