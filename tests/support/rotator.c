#include "rotator.h"

#include "compress.h"

#include <stdlib.h>
#include <string.h>

#define GENERATIONS 40u /* numbers of rotated logs that are looked for */

static uint64_t
below(struct rotator *rotator, uint64_t bound)
{
	return sl_random_below(&rotator->random, bound);
}

void
rotator_init(struct rotator *rotator, struct sim *sim, uint64_t seed)
{
	*rotator = (struct rotator){ .sim = sim, .rotate_percent = ROTATOR_PERCENT };
	sl_random_init(&rotator->random, seed);
	for (size_t i = 0; i < ROTATOR_LOGS; i++) {
		struct rotated_log *log = &rotator->logs[i];
		snprintf(log->path, sizeof(log->path), "logs/%c.log", (char)('a' + i));
		log->has_dates = below(rotator, 3) == 0;
	}
	sim_put_directory(sim, "logs", 0755);
}

void
rotator_release(struct rotator *rotator)
{
	for (size_t i = 0; i < ROTATOR_LOGS; i++)
		sl_buf_release(&rotator->logs[i].rest);
}

void
rotator_trace(const struct sim *sim, const char *what, const char *from, const char *to)
{
	const char *wanted = getenv("SLUICE_SIM_TRACE");
	if (wanted && *wanted == '1')
		fprintf(stderr, "%12.6f ------ %s %s %s\n",
			(double)(sim_now(sim) % (1000 * SL_NS_PER_S)) / 1e9, what, from,
			to);
}

/* ---- lines ---- */

bool
rotator_is_error(size_t log, unsigned number)
{
	return (number + log) % 3 != 0;
}

static void
add_line(struct rotator *rotator, struct rotated_log *log)
{
	size_t index = (size_t)(log - rotator->logs);
	unsigned number = ++log->lines;
	int len = (int)below(rotator, below(rotator, 20) == 0 ? 2000 : 60);
	sl_buf_printf(&log->rest, "%c%u %s %0*d\n", (char)('a' + index), number,
		rotator_is_error(index, number) ? "ERROR" : "info", len, 0);
}

/* The first bytes of what is to be written. */
static void
write_some(struct rotator *rotator, struct rotated_log *log, size_t len)
{
	char text[32];
	snprintf(text, sizeof(text), "%zu bytes, line %u", len, log->lines);
	rotator_trace(rotator->sim, "write", log->writes_to, text);
	sim_append(rotator->sim, log->writes_to, log->rest.data, len);
	sim_make_durable(rotator->sim, log->writes_to);
	memmove(log->rest.data, log->rest.data + len, log->rest.len - len);
	log->rest.len -= len;
}

static void
end_line(struct rotator *rotator, struct rotated_log *log)
{
	if (log->rest.len)
		write_some(rotator, log, log->rest.len);
}

static void
append(struct rotator *rotator, struct rotated_log *log)
{
	uint64_t count = below(rotator, below(rotator, 30) == 0 ? 200 : 8);
	if (log->is_paused)
		return;
	for (uint64_t i = 0; i < count; i++)
		add_line(rotator, log);
	size_t len = log->rest.len;
	if (len && below(rotator, 2))
		len = 1 + (size_t)below(rotator, len);
	if (len)
		write_some(rotator, log, len);
}

/* ---- steps ---- */

static struct rotator_step *
add_step(struct rotator *rotator, enum rotator_kind kind, struct rotated_log *log, const char *from,
	const char *to)
{
	sl_assert(rotator->step_count < ROTATOR_STEPS);
	struct rotator_step *step = &rotator->steps[rotator->step_count++];
	*step = (struct rotator_step){ .kind = kind, .log = log };
	snprintf(step->from, sizeof(step->from), "%s", from ? from : "");
	snprintf(step->to, sizeof(step->to), "%s", to ? to : "");
	return step;
}

static void
open_log(struct rotator *rotator, struct rotated_log *log)
{
	sim_put_file(rotator->sim, log->path, NULL, 0, 0644);
	memcpy(log->writes_to, log->path, sizeof(log->path));
	log->exists = true;
}

static void
copy_file(struct rotator *rotator, const struct rotator_step *step)
{
	struct sl_span all;
	struct sl_buf data = { 0 };
	sl_assert(sim_content(rotator->sim, step->from, &all));
	if (step->kind == ROTATOR_GZIP)
		compress_add(&data, SL_CODEC_GZIP, all.data, all.len);
	else
		sl_buf_add(&data, all.data, all.len);
	struct sl_span there = { 0 };
	if (!sim_exists(rotator->sim, step->to))
		sim_put_file(rotator->sim, step->to, NULL, 0, 0644);
	sl_assert(sim_content(rotator->sim, step->to, &there) && there.len <= data.len);
	size_t more = data.len - there.len;
	if (!step->is_last)
		more = (size_t)below(rotator, more + 1);
	sim_append(rotator->sim, step->to, data.data + there.len, more);
	sim_make_durable(rotator->sim, step->to);
	sl_buf_release(&data);
}

static void
take_step(struct rotator *rotator, const struct rotator_step *step)
{
	static const char *const names[] = { "rename", "create", "pause", "copy", "gzip", "cut",
		"remove" };
	rotator_trace(rotator->sim, names[step->kind], step->from, step->to);
	rotator->stepped_ns = sim_now(rotator->sim);
	switch (step->kind) {
	case ROTATOR_RENAME:
		sim_rename(rotator->sim, step->from, step->to);
		if (strcmp(step->log->writes_to, step->from) == 0)
			memcpy(step->log->writes_to, step->to, sizeof(step->to));
		break;
	case ROTATOR_CREATE:
		end_line(rotator, step->log);
		open_log(rotator, step->log);
		break;
	case ROTATOR_PAUSE:
		end_line(rotator, step->log);
		step->log->is_paused = true;
		break;
	case ROTATOR_COPY:
	case ROTATOR_GZIP:
		copy_file(rotator, step);
		break;
	case ROTATOR_CUT:
		sim_cut(rotator->sim, step->from, 0);
		sim_make_durable(rotator->sim, step->from);
		step->log->is_paused = false;
		break;
	case ROTATOR_REMOVE:
		sim_remove(rotator->sim, step->from);
		break;
	}
	sim_make_durable(rotator->sim, "logs");
}

static void
add_gzip(struct rotator *rotator, struct rotated_log *log, const char *path)
{
	char to[ROTATOR_PATH];
	snprintf(to, sizeof(to), "%.*s.gz", ROTATOR_PATH - 8, path);
	(void)add_step(rotator, ROTATOR_GZIP, log, path, to);
	add_step(rotator, ROTATOR_GZIP, log, path, to)->is_last = true;
	(void)add_step(rotator, ROTATOR_REMOVE, log, path, NULL);
}

/* The name of a generation, "" if there is none. */
static void
find_generation(struct rotator *rotator, const struct rotated_log *log, unsigned number, char *path)
{
	snprintf(path, ROTATOR_PATH, "%.32s.%u", log->path, number);
	if (!sim_exists(rotator->sim, path))
		snprintf(path, ROTATOR_PATH, "%.32s.%u.gz", log->path, number);
	if (!sim_exists(rotator->sim, path))
		*path = '\0';
}

/* As logrotate does with delaycompress: the last one is compressed when the next one comes. */
static void
add_shift(struct rotator *rotator, struct rotated_log *log)
{
	for (unsigned number = GENERATIONS; number > 0; number--) {
		char from[ROTATOR_PATH], to[ROTATOR_PATH];
		find_generation(rotator, log, number, from);
		size_t len = strlen(from);
		bool is_gzip = len > 3 && strcmp(from + len - 3, ".gz") == 0;
		snprintf(to, sizeof(to), "%.32s.%u%s", log->path, number + 1, is_gzip ? ".gz" : "");
		if (!len)
			continue;
		(void)add_step(rotator, ROTATOR_RENAME, log, from, to);
		if (!is_gzip && number == 1 && below(rotator, 2))
			add_gzip(rotator, log, to);
	}
}

static void
begin_rotation(struct rotator *rotator, struct rotated_log *log)
{
	char to[ROTATOR_PATH];
	rotator->step_count = rotator->next = 0;
	log->rotations++;
	if (log->has_dates)
		snprintf(to, sizeof(to), "%.32s-20260131%04u", log->path, log->rotations);
	else
		snprintf(to, sizeof(to), "%.32s.1", log->path);
	if (!log->has_dates)
		add_shift(rotator, log);
	if (!rotator->no_copies && below(rotator, 3) == 0) {
		(void)add_step(rotator, ROTATOR_PAUSE, log, NULL, NULL);
		(void)add_step(rotator, ROTATOR_COPY, log, log->path, to);
		add_step(rotator, ROTATOR_COPY, log, log->path, to)->is_last = true;
		(void)add_step(rotator, ROTATOR_CUT, log, log->path, NULL);
	} else {
		(void)add_step(rotator, ROTATOR_RENAME, log, log->path, to);
		(void)add_step(rotator, ROTATOR_CREATE, log, NULL, log->path);
	}
	if (below(rotator, 4) == 0)
		add_gzip(rotator, log, to);
}

/* ---- a deed ---- */

void
rotator_act(struct rotator *rotator)
{
	struct rotated_log *log = &rotator->logs[below(rotator, ROTATOR_LOGS)];
	if (rotator->next < rotator->step_count && below(rotator, 2)) {
		take_step(rotator, &rotator->steps[rotator->next++]);
		return;
	}
	if (!log->exists) {
		if (log == rotator->logs || below(rotator, 20) == 0)
			open_log(rotator, log);
		return;
	}
	bool is_idle = rotator->next == rotator->step_count;
	if (is_idle && below(rotator, 100) < rotator->rotate_percent &&
		log->rotations < GENERATIONS && rotator->may_rotate(rotator->ctx, log->path))
		begin_rotation(rotator, log);
	else
		append(rotator, log);
}

bool
rotator_is_copying(const struct rotator *rotator)
{
	bool is_copying = false;
	for (size_t i = rotator->next; i < rotator->step_count; i++)
		is_copying = is_copying || rotator->steps[i].kind == ROTATOR_CUT;
	return is_copying;
}

void
rotator_settle(struct rotator *rotator)
{
	while (rotator->next < rotator->step_count)
		take_step(rotator, &rotator->steps[rotator->next++]);
}

void
rotator_finish(struct rotator *rotator)
{
	rotator_settle(rotator);
	for (size_t i = 0; i < ROTATOR_LOGS; i++)
		if (rotator->logs[i].exists)
			end_line(rotator, &rotator->logs[i]);
}
