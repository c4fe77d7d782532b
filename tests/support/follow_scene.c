#include "follow_scene.h"

#include "run.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT 1
/* Between two rotations during a run: inputs are looked at every two seconds at the latest, and
 * that takes a while. */
#define ROTATE_NS (5 * SL_NS_PER_S)

static void
note_warning(void *ctx, enum sl_log_level level, const char *line)
{
	struct follow_scene *scene = ctx;
	(void)level;
	snprintf(scene->warning, sizeof(scene->warning), "%s", line);
	if (strncmp(line, "cannot open ", 12) == 0 && !strstr(line, ".log'"))
		memcpy(scene->refused, scene->warning, sizeof(scene->refused));
	scene->cuts += strstr(line, " bytes are counted)") != NULL;
	rotator_trace(scene->sim, "message:", line, "");
}

/* What is rotated before the state has text of it is not followed; and during a run, files are
 * rotated more slowly than a round takes. */
static bool
may_rotate(void *ctx, const char *path)
{
	struct follow_scene *scene = ctx;
	if (scene->is_running && sim_now(scene->sim) - scene->rotator.stepped_ns < scene->rotate_ns)
		return false;
	struct sl_span text;
	char wanted[ROTATOR_PATH + 8];
	snprintf(wanted, sizeof(wanted), "path=%s\n", path);
	if (!sim_content(scene->sim, FOLLOW_STATE, &text) ||
		!sim_is_durable(scene->sim, FOLLOW_STATE))
		return false;
	const char *found = memmem(text.data, text.len, wanted, strlen(wanted));
	const char *line = found ? memrchr(text.data, '\n', (size_t)(found - text.data)) : NULL;
	return line && strncmp(line + 1, "offset=0 ", 9) != 0;
}

struct follow_scene *
follow_scene_new(const struct sim_options *options)
{
	struct follow_scene *scene = calloc(1, sizeof(*scene));
	sl_assert(scene);
	scene->sim = sim_new(options);
	scene->rotate_ns = ROTATE_NS;
	sl_random_init(&scene->random, options->seed + 7);
	rotator_init(&scene->rotator, scene->sim, options->seed);
	scene->rotator.may_rotate = may_rotate;
	scene->rotator.ctx = scene;
	sim_put_directory(scene->sim, "state", 0755);
	rotator_act(&scene->rotator);
	sl_log_set_sink(note_warning, scene, SL_LOG_WARN);
	return scene;
}

void
follow_scene_free(struct follow_scene *scene)
{
	sl_log_set_sink(NULL, NULL, SL_LOG_WARN);
	rotator_release(&scene->rotator);
	sl_buf_release(&scene->out);
	sim_free(scene->sim);
	free(scene);
}

/* ---- what happens meanwhile ---- */

static void
end_run(struct follow_scene *scene)
{
	scene->has_ended = true;
	scene->printed = sim_sink_data(scene->sim, OUTPUT).len;
	if (scene->ending == FOLLOW_KILL)
		sim_cut_now(scene->sim, scene->how);
	if (scene->ending != FOLLOW_NONE) {
		sim_source_data(scene->sim, scene->signal_fd, "!", 1);
		sim_source_end(scene->sim, scene->signal_fd);
	}
}

static void
act(struct sim *sim, void *ctx)
{
	struct follow_scene *scene = ctx;
	if (scene->has_ended)
		return;
	if (scene->acts_left == 0) {
		end_run(scene);
		return;
	}
	scene->acts_left--;
	if (!scene->is_quiet)
		rotator_act(&scene->rotator);
	sim_at(sim, 1 + sl_random_below(&scene->random, scene->gap), act, scene);
}

/* ---- a run, as cmd_scan.c has it ---- */

static int
run_rounds(struct follow_scene *scene)
{
	struct sl_scan_options *options = &scene->options;
	struct sl_scan_output_setup to = { .options = options, .fd = OUTPUT };
	int code = sl_scan_output_begin(&scene->output, &to, &scene->err);
	/* What the standard output of this process is must not matter. */
	scene->output.results.writer.is_file = false;
	scene->output.results.style = (struct sl_results_style){ 0 };
	if (code == 0)
		code = sl_scan_rounds_begin(&scene->rounds, options, &scene->output, &scene->err);
	if (code)
		(void)sl_fail_code(&scene->err, SL_PHASE_NONE, code, "cannot start");
	struct sl_scan_setup setup = { .paths = options->inputs.items,
		.count = options->inputs.count,
		.pattern = scene->match.pattern,
		.sinks = scene->output.sinks,
		.sink_count = scene->output.sink_count,
		.numbers = scene->output.with_numbers,
		.max_hits = UINT64_MAX,
		.chunk = 64 * SL_KIB,
		.queue = 4,
		.max_memory = SL_SCAN_MEMORY_MIN,
		.max_cached = UINT64_MAX };
	return code ? code
		    : sl_scan_rounds_run(&scene->rounds, &setup, &scene->progress, &scene->err);
}

static int
scan_task(void *arg)
{
	struct follow_scene *scene = arg;
	struct sl_shield shield;
	if (scene->before)
		scene->before(scene);
	int code = run_rounds(scene);
	sl_shield_begin(&shield, SL_FOREVER);
	struct sl_scan_outcome outcome = { .summary = &scene->progress.summary };
	int written = sl_scan_output_end(&scene->output, &outcome, code == 0, &scene->err);
	code = code ? code : written;
	int saved = sl_scan_rounds_end(&scene->rounds, code == 0, &scene->err);
	sl_shield_end(&shield);
	scene->code = code ? code : saved;
	if (scene->code && !scene->err.code)
		(void)sl_fail_code(&scene->err, SL_PHASE_NONE, scene->code, "cannot scan");
	if (scene->after)
		scene->after(scene);
	return 0;
}

struct canceller {
	struct follow_scene *scene;
	struct sl_group *group;
};

static int
wait_for_signal(void *arg)
{
	struct canceller *canceller = arg;
	char byte = 0;
	int code;
	/* It may be the operation that is to fail. */
	do
		code = sl_io_read_stream(canceller->scene->signal_fd, &byte, 1, SL_FOREVER);
	while (code < 0 && !sl_task_cancelled());
	if (code == 1)
		sl_group_cancel(canceller->group, SL_E_INTERRUPTED);
	return 0;
}

static int
main_task(void *arg)
{
	struct follow_scene *scene = arg;
	struct sl_group scans, signals;
	struct canceller canceller = { scene, &scans };
	sl_group_enter(&signals, SL_GROUP_COLLECT);
	sl_group_enter(&scans, SL_GROUP_COLLECT);
	int code = sl_group_spawn(&signals, "signal", wait_for_signal, &canceller, NULL);
	if (code == 0)
		code = sl_group_spawn(&scans, "scan", scan_task, scene, NULL);
	sim_check(scene->sim, code == 0, "spawn");
	(void)sl_group_leave(&scans);
	sl_group_cancel(&signals, -ECANCELED);
	(void)sl_group_leave(&signals);
	sim_check(scene->sim, sl_task_count() == 1, "%u tasks are left", sl_task_count());
	return 0;
}

static void
parse_options(struct follow_scene *scene)
{
	static const char *const words[] = { "scan", "-p", "--no-filename", "--state", FOLLOW_STATE,
		"--follow" };
	size_t count = SL_COUNT_OF(words) - !scene->is_live;
	for (size_t i = 0; i < count; i++)
		snprintf(scene->words[i], ROTATOR_PATH, "%s", words[i]);
	for (size_t i = 0; i < ROTATOR_LOGS && !scene->is_directory; i++)
		snprintf(scene->words[count++], ROTATOR_PATH, "%s", scene->rotator.logs[i].path);
	if (scene->is_directory)
		snprintf(scene->words[count++], ROTATOR_PATH, "logs");
	for (size_t i = 0; i < count; i++)
		scene->argv[i] = scene->words[i];
	int code =
		sl_scan_options_parse(&scene->options, NULL, (int)count, scene->argv, &scene->err);
	scene->match = (struct sl_scan_pattern){ 0 };
	if (code == 0)
		code = sl_scan_pattern_compile(&scene->match, &scene->options, &scene->err);
	sim_check(scene->sim, code == 0, "%s", scene->err.text);
}

/* The world as it is after a kill. */
static void
enter_next_world(struct follow_scene *scene)
{
	uint64_t at_op;
	struct sim *next = sim_cut_world(scene->sim, &at_op);
	if (!next)
		return;
	sim_free(scene->sim);
	scene->sim = scene->rotator.sim = next;
	scene->kills++;
}

/* A line that was cut by a kill or a failure is left out: it comes again. */
static void
add_output(struct follow_scene *scene)
{
	const char *data = sim_sink_data(scene->sim, OUTPUT).data;
	size_t len = scene->printed;
	bool is_cut = scene->ending == FOLLOW_KILL || scene->code;
	while (is_cut && len > 0 && data[len - 1] != '\n')
		len--;
	sl_buf_add(&scene->out, data, len);
}

void
follow_scene_run(struct follow_scene *scene, uint64_t acts)
{
	scene->has_ended = false;
	scene->acts_left = acts;
	scene->code = 0;
	scene->err = (struct sl_error){ 0 };
	scene->progress = (struct sl_scan_progress){ 0 };
	scene->signal_fd = sim_source(scene->sim, -1);
	sim_sink(scene->sim, OUTPUT, SL_MIB, SL_FOREVER);
	parse_options(scene);
	rotator_trace(scene->sim, "run", scene->is_live ? "--follow" : "once", "");
	sim_at(scene->sim, 1, act, scene);
	scene->is_running = true;
	sim_run(scene->sim, main_task, scene);
	scene->is_running = false;
	if (!scene->has_ended || scene->ending != FOLLOW_KILL)
		scene->printed = sim_sink_data(scene->sim, OUTPUT).len;
	add_output(scene);
	scene->lines += scene->progress.summary.lines;
	sl_scan_output_release(&scene->output);
	sl_scan_pattern_release(&scene->match);
	sl_scan_options_release(&scene->options);
	sim_crash(scene->sim, SIM_CRASH_KILL); /* its descriptors are closed */
	enter_next_world(scene);
}

/* ---- what must have come ---- */

struct tally {
	unsigned *counts[ROTATOR_LOGS];
	unsigned cuts;
};

static void
note_line(struct follow_scene *scene, struct tally *tally, const char *line, size_t len)
{
	char *end = NULL;
	size_t log = (size_t)(line[0] - 'a');
	sim_check(scene->sim, log < ROTATOR_LOGS, "a line '%.*s'", (int)len, line);
	unsigned long number = strtoul(line + 1, &end, 10);
	const struct rotated_log *of = &scene->rotator.logs[log];
	bool is_whole = number > 0 && number <= of->lines && strncmp(end, " ERROR 0", 8) == 0;
	for (const char *at = end + 7; is_whole && at < line + len; at++)
		is_whole = *at == '0';
	/* What precedes a failure to read is printed, and comes again; a message names it. */
	bool is_cut = !is_whole && scene->cuts > tally->cuts &&
		      (size_t)(end - line) + strlen(" ERROR 0") > len;
	sim_check(scene->sim, is_whole || is_cut, "a line '%.*s'", (int)len, line);
	tally->cuts += is_cut;
	tally->counts[log][number] += is_whole;
}

static void
note_lines(struct follow_scene *scene, struct tally *tally)
{
	const char *at = scene->out.data, *end = at + scene->out.len;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		/* What was being printed when it was killed. */
		sim_check(scene->sim, newline, "the last line is not whole");
		note_line(scene, tally, at, (size_t)(newline - at));
		at = newline + 1;
	}
}

/* Each line with the word is there, in the end, and at most `repeats` times more. */
void
follow_scene_check(struct follow_scene *scene, unsigned repeats, bool is_end)
{
	struct tally tally = { 0 };
	for (size_t i = 0; i < ROTATOR_LOGS; i++)
		tally.counts[i] = calloc(scene->rotator.logs[i].lines + 1, sizeof(unsigned));
	note_lines(scene, &tally);
	for (size_t i = 0; i < ROTATOR_LOGS; i++) {
		for (unsigned n = 1; n <= scene->rotator.logs[i].lines; n++) {
			unsigned want = rotator_is_error(i, n), count = tally.counts[i][n];
			sim_check(scene->sim,
				(count >= want || !is_end) && count <= want * (1 + repeats),
				"line %u of log %c came %u times (kills: %u; last warning: '%s')",
				n, (char)('a' + i), count, scene->kills, scene->warning);
		}
		free(tally.counts[i]);
	}
}

/* A run that reads what there is. */
void
follow_scene_finish(struct follow_scene *scene)
{
	rotator_finish(&scene->rotator);
	scene->is_live = false;
	scene->ending = FOLLOW_NONE;
	follow_scene_run(scene, 0);
	sim_check(scene->sim, scene->code == 0, "the last run: %s", scene->err.text);
}

uint64_t
follow_scene_lines(const struct follow_scene *scene)
{
	uint64_t lines = 0;
	for (size_t i = 0; i < ROTATOR_LOGS; i++)
		lines += scene->rotator.logs[i].lines;
	return lines;
}
