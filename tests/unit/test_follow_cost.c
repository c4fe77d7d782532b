/*
 * What a run with --state reads of each log of a directory: it must not grow with their number.
 */
#include "support/follow_scene.h"

#include <criterion/criterion.h>

enum { LOGS = 150, READS_MAX = 60 /* of a small log: some are short, and repeated */ };

static uint64_t reads;

static void
count_reads(struct follow_scene *scene)
{
	reads = sim_ops_of(scene->sim, SL_OP_READ);
}

static struct follow_scene *
begin(void)
{
	const struct sim_options options = sim_options(1);
	struct follow_scene *scene = follow_scene_new(&options);
	scene->is_directory = true;
	scene->ending = FOLLOW_NONE;
	scene->is_quiet = true;
	scene->after = count_reads;
	return scene;
}

/* No line of them matches. */
static void
put_logs(struct follow_scene *scene, const char *suffix)
{
	for (unsigned i = 0; i < LOGS; i++) {
		char path[64], text[64];
		snprintf(path, sizeof(path), "logs/job%u%s", i, suffix);
		snprintf(text, sizeof(text), "fine %u%s\n", i, suffix);
		sim_put_file(scene->sim, path, text, strlen(text), 0644);
	}
}

static void
remove_logs(struct follow_scene *scene, const char *suffix)
{
	for (unsigned i = 0; i < LOGS; i++) {
		char path[64];
		snprintf(path, sizeof(path), "logs/job%u%s", i, suffix);
		sim_remove(scene->sim, path);
	}
}

static void
run(struct follow_scene *scene)
{
	follow_scene_run(scene, 0);
	cr_assert_eq(scene->code, 0, "%s", scene->err.text);
	cr_expect_leq(reads, LOGS * READS_MAX, "%llu reads", (unsigned long long)reads);
	cr_expect_geq(reads, LOGS);
}

Test(follow_cost, new_logs_where_others_were_removed_are_read_once)
{
	struct follow_scene *scene = begin();
	put_logs(scene, ".log");
	run(scene);
	remove_logs(scene, ".log");
	put_logs(scene, ".txt");
	run(scene);
	follow_scene_free(scene);
}
