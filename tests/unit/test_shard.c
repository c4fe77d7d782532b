#include "sluice/cli/shard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* "NAME=VALUE NAME=VALUE" */
static const char *environment;

static char *
lookup(const char *name)
{
	static char value[64];
	size_t len = strlen(name);
	for (const char *at = environment; at && *at;
		at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
		if (strncmp(at, name, len) == 0 && at[len] == '=') {
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + len + 1, " "),
				at + len + 1);
			return value;
		}
	return NULL;
}

/* "index/count", or the message. */
static void
expect(const char *text, const char *env, const char *want)
{
	struct sl_shard shard;
	struct sl_error err = { 0 };
	char got[SL_ERROR_TEXT];
	environment = env;
	if (sl_shard_parse(&shard, text, lookup, &err) == 0)
		snprintf(got, sizeof(got), "%llu/%llu", (unsigned long long)shard.index,
			(unsigned long long)shard.count);
	else
		snprintf(got, sizeof(got), "%s", err.text);
	cr_expect(strstr(got, want) != NULL, "%s with %s: '%s', not '%s'", text, env, got, want);
}

Test(shard, is_counted_from_one)
{
	expect("1/1", "", "0/1");
	expect("1/4", "", "0/4");
	expect("4/4", "", "3/4");
	expect("3/1000000", "SLURM_ARRAY_TASK_ID=7", "2/1000000");
}

Test(shard, what_is_neither_i_of_n_nor_auto_is_refused)
{
	static const char *const texts[] = { "", "/", "1", "1/", "/1", "0/4", "5/4", "-1/4", "1/0",
		"0/0", "1/4/2", "1 /4", "1/ 4", "+1/4", "x/4", "1/x", "1/99999999999999999999",
		"Auto", "auto/", "auto/0", "auto/x", "autox", "auto4/4" };
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++)
		expect(texts[i], "JOB_COMPLETION_INDEX=0", "must be I/N with I from 1 to N");
}

#define SLURM(id, count, min) \
	"SLURM_ARRAY_TASK_ID=" id " SLURM_ARRAY_TASK_COUNT=" count " SLURM_ARRAY_TASK_MIN=" min

Test(shard, auto_is_the_task_of_an_array_job)
{
	expect("auto", SLURM("0", "4", "0"), "0/4");
	expect("auto", SLURM("4", "4", "1"), "3/4");
	expect("auto", SLURM("12", "4", "10"), "2/4");
	expect("auto", SLURM("7", "4", "1") " SLURM_ARRAY_TASK_STEP=2", "3/4");
	expect("auto", "AWS_BATCH_JOB_ARRAY_INDEX=2 AWS_BATCH_JOB_ARRAY_SIZE=3", "2/3");
	expect("auto/5", "AWS_BATCH_JOB_ARRAY_INDEX=2", "2/5");
	expect("auto/5", "JOB_COMPLETION_INDEX=4", "4/5");
	expect("auto/8", SLURM("4", "4", "1"), "3/8");
	expect("auto",
		"SLURM_ARRAY_TASK_ID= AWS_BATCH_JOB_ARRAY_INDEX=1 AWS_BATCH_JOB_ARRAY_SIZE=3",
		"1/3");
}

Test(shard, auto_without_what_it_needs_says_what_was_looked_for)
{
	expect("auto", "",
		"none of SLURM_ARRAY_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX and "
		"JOB_COMPLETION_INDEX is set");
	expect("auto/4", "SLURM_ARRAY_TASK_COUNT=4", "none of SLURM_ARRAY_TASK_ID");
	expect("auto", "JOB_COMPLETION_INDEX=1",
		"the number of tasks is not known: write --shard auto/N");
	expect("auto", "AWS_BATCH_JOB_ARRAY_INDEX=1", "not known from AWS_BATCH_JOB_ARRAY_SIZE");
	expect("auto/4", "JOB_COMPLETION_INDEX=4", "is not one of 4 tasks");
	expect("auto", SLURM("1", "4", "2"), "is not one of 4 tasks");
	expect("auto", SLURM("7", "3", "1"), "is not one of 3 tasks"); /* --array=1,5,7 */
	expect("auto", SLURM("2", "4", "1") " SLURM_ARRAY_TASK_STEP=2", "is not one of 4 tasks");
	expect("auto", SLURM("1", "4", "1") " SLURM_ARRAY_TASK_STEP=0", "is not one of 4 tasks");
	expect("auto", SLURM("x", "4", "1"), "SLURM_ARRAY_TASK_ID has 'x', which is not a number");
	expect("auto/2", "JOB_COMPLETION_INDEX=-1", "which is not a number");
}
