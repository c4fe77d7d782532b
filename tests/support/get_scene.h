/*
 * get_scene.h - the download engine on a simulated world: one run over some files, and the promises
 * that hold after any run whatever happened in it (reliability: exit 0 means complete, verified,
 * durable; else the final name is untouched).
 */
#ifndef SLUICE_TESTS_SUPPORT_GET_SCENE_H
#define SLUICE_TESTS_SUPPORT_GET_SCENE_H

#include "engine_sim.h"

#include "sluice/download/batch.h"

#define GET_FILES 300

struct scanned;
struct shadow;

struct get_file {
	const char *url;
	const char *mirror; /* another source of the same, or NULL */
	const char *mirror2;
	const char *header; /* "Name: value" of its entry, or NULL */
	const char *dir;    /* of its entry; NULL = none */
	const char *name;   /* where it goes; NULL = nowhere (stdout) */
	const char *data;   /* what the server has */
	size_t len;
	const char *other; /* another version that the server has, of other_len; or NULL */
	size_t other_len;
	const char *before; /* what has the name before the run; NULL = nothing */
	size_t before_len;
	bool has_lost;      /* a sync of it has failed: the simulator takes it for lost for good */
	size_t before_kept; /* only so many of these bytes count, if adopted; 0 = all of them */
	bool is_unsettled;  /* that is not durable: a power cut may bring back what was before */
	/* What an earlier run has left: a part may stay if the file is not begun, and a journal
	 * without a part, after a power cut, until the name has another journal. */
	bool has_part, has_journal;
	const char *checksum;           /* "sha-256=HEX" or NULL */
	const struct sl_pieces *pieces; /* or NULL */
	/* what became of it */
	bool reported;
	enum sl_download_state state;
	struct sl_error error;
	char path[64];    /* where it was put, as reported */
	uint64_t at_op;   /* operations submitted when it was reported */
	bool was_done;    /* at get_scene_cut */
	bool was_scanned; /* the shadow has all of it */
	uint64_t ended_ns;
	unsigned begun;                      /* how often it was reported as started */
	unsigned retries;                    /* the same as to be tried again */
	uint64_t wait_ns;                    /* before the last of these */
	uint64_t received, resumed, fetched; /* as reported at its end */
	uint64_t delivered[3];               /* the same by source */
};

struct get_scene {
	struct sim *sim;
	struct get_file files[GET_FILES];
	size_t count;
	/* options, set by get_scene_init */
	unsigned jobs, per_host, descriptors;
	unsigned segments;
	uint64_t min_segment;
	bool resume, verify_resume; /* parts may be left, with their journals */
	bool adopt;                 /* what has a name may have become its part */
	bool append, keep_journal;
	size_t chunks, chunk_size;
	enum sl_if_exists if_exists;
	enum sl_sync_mode sync;
	enum sl_io_mode io;
	const char *dir, *output;
	bool fail_fast, remote_time, dry_run;
	bool server_names;
	bool compressed; /* content codings are requested */
	bool decompress; /* with windows of up to 8 MiB */
	bool shared;     /* another run works on the same names */
	bool by_command; /* a signal cancels the whole command, as the program's do, not the batch
			    alone */
	uint64_t connect_timeout_ns, stall_timeout_ns; /* of the network */
	uint64_t directory_timeout_ns;                 /* stall_timeout_ns of the batch */
	uint64_t head_timeout_ns;                      /* 0 = stall_timeout_ns */
	uint64_t least_rate, slow_time_ns;             /* of the client; 0 = none */
	uint64_t limit_rate, max_rps_milli;            /* of the client; 0 = no limit */
	uint64_t run_ns;              /* deadline of the run from its start; SL_FOREVER */
	struct sl_retry_policy retry; /* none */
	uint64_t entry_pause_ns;      /* before each entry but the first */
	/* Called when a file is to be tried again; may be NULL. */
	void (*retried)(struct get_scene *scene, const struct sl_download *download);
	struct shadow *shadow;   /* gets what is stored; NULL = nothing does */
	struct scanned *scanned; /* the same; not both */
	int cancel_fd;           /* sim_trap: a signal comes when it is readable; -1 = none */
	/* Runs beside the batch, in a task of its own, which must close the batch: that stays open.
	 * NULL = nothing. */
	SL_SUSPENDS
	void (*control)(struct get_scene *scene);
	void (*run_begins)(void); /* called just before and after the batch's run; may be NULL */
	void (*run_ended)(void);
	/* results */
	int result;
	struct sl_batch_summary summary;
	uint64_t started_ns, ended_ns, cancelled_ns;
	size_t next; /* entry */
	/* while it runs */
	struct sl_batch *batch;
	struct sl_group *command;
};

/* Moderate options: 4 jobs, 16 chunks of 64 KiB, timeouts as the program's. */
void get_scene_init(struct get_scene *scene, struct sim *sim);

/* Returned so that tests can set the rest. Data is borrowed; `before` is put into the world at
 * once. */
struct get_file *get_scene_add(struct get_scene *scene, struct get_file file);

/* Run it on its world, in a runtime of its own. */
void get_scene_run(struct get_scene *scene);

/* The same inside a task of a running runtime, which may have others. */
void get_scene_play(struct get_scene *scene);

/* Stop it while it runs: the command if by_command, else the batch. Does nothing if there is none
 * (any more). */
void get_scene_cancel(struct get_scene *scene, int reason);

/* The power fails now, or the process is killed: what sim_cut_world gives is checked with
 * get_scene_check_disk. */
void get_scene_cut(struct get_scene *scene, enum sim_crash how);

/* Every promise that can be looked at now: fails with the seed if one is broken. */
void get_scene_check(struct get_scene *scene);

/* The same for a disk after a power cut or kill at this operation count. */
void get_scene_check_disk(struct get_scene *scene, struct sim *world, uint64_t at_op);

/* The same command on this disk, as a run that has not begun: what is set there is what disturbs
 * it. The caller's to free. */
struct get_scene *get_scene_again(const struct get_scene *scene, struct sim *world);

/* Download all of it again on this disk, undisturbed: everything must come out complete. */
void get_scene_rerun(struct get_scene *scene, struct sim *world);

/* len bytes that look like nothing else, the same for the same seed; the caller's to free. */
char *get_scene_body(uint64_t seed, size_t len);

#endif
