/*
 * follow_scene.h - a simulated world with logs that are written and rotated (rotator.h), and runs
 * of `sluice scan --state`, with and without --follow, as cmd_scan.c has them. Every check prints
 * the seed.
 */
#ifndef SLUICE_TESTS_SUPPORT_FOLLOW_SCENE_H
#define SLUICE_TESTS_SUPPORT_FOLLOW_SCENE_H

#include "rotator.h"

#include "sluice/cli/scan_pattern.h"
#include "sluice/cli/scan_rounds.h"

#define FOLLOW_STATE "state/s"
#define FOLLOW_WORDS 12
#define FOLLOW_MESSAGE 512

enum follow_ending {
	FOLLOW_TERM, /* after so many acts a signal comes */
	FOLLOW_KILL, /* the process is killed then, or the power cut */
	FOLLOW_NONE, /* without --follow: when it has read what there is */
};

struct follow_scene {
	struct sim *sim;
	struct sl_random random;
	struct rotator rotator;
	bool is_directory;  /* the input is "logs" */
	uint64_t rotate_ns; /* at least so long between two rotations during a run */

	/* the run */
	bool is_live;
	enum follow_ending ending;
	enum sim_crash how;
	uint64_t acts_left, gap;
	bool is_quiet; /* the rotator does nothing meanwhile: acts are operations */
	/* Called in the task that scans, first and last, or NULL. */
	void (*before)(struct follow_scene *scene);
	void (*after)(struct follow_scene *scene);
	int signal_fd;
	char words[FOLLOW_WORDS][ROTATOR_PATH];
	char *argv[FOLLOW_WORDS];
	bool is_running;
	bool has_ended; /* nothing more is written */
	size_t printed; /* what counts of its output; of a kill, that before it */
	struct sl_scan_options options;
	struct sl_scan_pattern match;
	struct sl_scan_output output;
	struct sl_scan_rounds rounds;
	struct sl_scan_progress progress;
	struct sl_error err;
	int code;

	/* all runs */
	struct sl_buf out;
	uint64_t lines; /* as reported */
	unsigned kills;
	unsigned cuts; /* inputs of which only the beginning could be read */
	char warning[FOLLOW_MESSAGE]; /* the last one */
	char refused[FOLLOW_MESSAGE]; /* the last one of a rotated log that could not be opened */
};

/* Of logs, the first is there, and may have some lines. */
struct follow_scene *follow_scene_new(const struct sim_options *options);
void follow_scene_free(struct follow_scene *scene);

/* A run, meanwhile `acts` of the rotator, each at most `gap` operations after the one before. */
void follow_scene_run(struct follow_scene *scene, uint64_t acts);

/* The rotator has ended: a run without --follow, which reads what there is. */
void follow_scene_finish(struct follow_scene *scene);

/* Each line with the word was printed whole, in the end at least once, and at most `repeats` times
 * more. */
void follow_scene_check(struct follow_scene *scene, unsigned repeats, bool is_end);

/* Lines that were written. */
uint64_t follow_scene_lines(const struct follow_scene *scene);

#endif
