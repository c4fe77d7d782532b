#include "sluice/cli/scan_rounds.h"

#include <errno.h>
#include <string.h>

/* Of --max-memory, for the window of a decoder that looks for the text of a log. */
#define WINDOW_SHARE 4u

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
	};
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
	if (code == 0) {
		code = sl_follow_new(&rounds->follow, &rounds->setup, &state);
		if (code)
			(void)sl_fail_code(err, SL_PHASE_NONE, code, "cannot scan");
	}
	sl_state_release(&state);
	return code;
}

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
	code = sl_scan_run(setup, progress, err);
	int committed = sl_follow_commit(rounds->follow);
	return code ? code : committed;
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

int
sl_scan_rounds_run(struct sl_scan_rounds *rounds, const struct sl_scan_setup *setup,
	struct sl_scan_progress *progress, struct sl_error *err)
{
	struct sl_scan_setup own = *setup;
	sl_assert(setup->sink_count < SL_COUNT_OF(rounds->sinks));
	memcpy(rounds->sinks, setup->sinks, setup->sink_count * sizeof(*setup->sinks));
	rounds->sinks[setup->sink_count] = sl_follow_sink(rounds->follow);
	own.sinks = rounds->sinks;
	own.sink_count = setup->sink_count + 1;
	own.goes_on = true;
	/* All that is new is scanned, or it would be new again. */
	own.stop_at_hit = own.stop_input_at_hit = false;
	int code = run_round(rounds, &own, progress, err);
	if (code && !err->code && !sl_task_cancelled())
		(void)sl_fail_code(err, SL_PHASE_NONE, code, "cannot scan");
	return code;
}

int
sl_scan_rounds_end(struct sl_scan_rounds *rounds, bool is_complete, struct sl_error *err)
{
	int code = 0;
	if (rounds->store.is_open && rounds->follow && is_complete)
		code = sl_store_save(&rounds->store, sl_follow_state(rounds->follow), err);
	sl_follow_free(rounds->follow);
	sl_store_close(&rounds->store);
	*rounds = (struct sl_scan_rounds){ 0 };
	return code;
}
