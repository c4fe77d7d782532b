/*
 * shard.c - numbers of array jobs. Slurm numbers the tasks of a job from SLURM_ARRAY_TASK_MIN in
 * steps of SLURM_ARRAY_TASK_STEP, AWS Batch and indexed jobs of Kubernetes from 0. Slurm lists like
 * --array=1,5,7 have no step; a task whose number does not fit is refused, because two tasks could
 * take the same shard otherwise.
 */
#include "sluice/cli/shard.h"

#include "sluice/base/number.h"

#include <string.h>

/* NULL = none, not even by another variable. */
static const struct scheduler {
	const char *index, *count, *first, *step;
} schedulers[] = {
	{ "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN",
		"SLURM_ARRAY_TASK_STEP" },
	{ "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", NULL, NULL },
	{ "JOB_COMPLETION_INDEX", NULL, NULL, NULL },
};

static bool
parse_number(const char *text, size_t len, uint64_t *out)
{
	return len > 0 && strspn(text, "0123456789") >= len && sl_parse_u64(text, len, out);
}

/* *out is left as it is if the variable is not set. */
static int
read_variable(uint64_t *out, const char *name, char *(*env)(const char *name), struct sl_error *err)
{
	const char *value = name ? env(name) : NULL;
	if (!value || !value[0] || parse_number(value, strlen(value), out))
		return 0;
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"option '--shard': %s has '%.80s', which is not a number", name, value);
}

static int
from_scheduler(struct sl_shard *out, const struct scheduler *of, char *(*env)(const char *name),
	struct sl_error *err)
{
	uint64_t index = 0, first = 0, step = 1, count = out->count;
	int code = read_variable(&index, of->index, env, err);
	if (!code && count == 0)
		code = read_variable(&count, of->count, env, err);
	if (!code)
		code = read_variable(&first, of->first, env, err);
	if (!code)
		code = read_variable(&step, of->step, env, err);
	if (code)
		return code;
	if (count == 0)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"option '--shard': %s is set, but the number of tasks is not known%s%s: "
			"write --shard auto/N",
			of->index, of->count ? " from " : "", of->count ? of->count : "");
	bool fits = step > 0 && index >= first && (index - first) % step == 0 &&
		    (index - first) / step < count;
	if (!fits)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"option '--shard': task %llu (%s) is not one of %llu tasks numbered from "
			"%llu in steps of %llu: write --shard I/N",
			(unsigned long long)index, of->index, (unsigned long long)count,
			(unsigned long long)first, (unsigned long long)step);
	*out = (struct sl_shard){ .index = (index - first) / step, .count = count };
	return 0;
}

static int
from_environment(struct sl_shard *out, char *(*env)(const char *name), struct sl_error *err)
{
	for (size_t i = 0; i < SL_COUNT_OF(schedulers); i++) {
		const char *value = env(schedulers[i].index);
		if (value && value[0])
			return from_scheduler(out, &schedulers[i], env, err);
	}
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"option '--shard': 'auto' needs the task of an array job, but none of %s, %s and "
		"%s is set",
		schedulers[0].index, schedulers[1].index, schedulers[2].index);
}

int
sl_shard_parse(struct sl_shard *out, const char *text, char *(*env)(const char *name),
	struct sl_error *err)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	bool is_auto = len == 4 && memcmp(text, "auto", 4) == 0;
	*out = (struct sl_shard){ 0 };
	bool is_good =
		slash ? parse_number(slash + 1, strlen(slash + 1), &out->count) && out->count > 0
		      : is_auto;
	if (is_good && is_auto)
		return from_environment(out, env, err);
	is_good = is_good && parse_number(text, len, &out->index) && out->index >= 1 &&
		  out->index <= out->count;
	if (!is_good)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"option '--shard': '%.80s' must be I/N with I from 1 to N, auto, or auto/N",
			text);
	out->index--;
	return 0;
}
