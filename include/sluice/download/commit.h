/*
 * commit.h - how complete, sealed parts become durable files under their final names; large ones
 * one by one, small ones in groups.
 *
 * A file is reported done only after the last step (see commit.c). Files that stood there already
 * but may not be on disk yet are synced in the same groups.
 */
#ifndef SLUICE_DOWNLOAD_COMMIT_H
#define SLUICE_DOWNLOAD_COMMIT_H

#include "sluice/download/file_id.h"
#include "sluice/download/part.h"
#include "sluice/download/place.h"
#include "sluice/download/schedule.h"
#include "sluice/rt/channel.h"
#include "sluice/rt/task.h"

enum sl_sync_mode { SL_SYNC_AUTO, SL_SYNC_ALL, SL_SYNC_NONE };

#define SL_COMMIT_FILES SL_SCHEDULE_COMMIT_FILES

/* One file on its way. In the memory of its owner, who keeps everything it points at until it has
 * ended. */
struct sl_commit {
	const struct sl_place *place;
	struct sl_part *part; /* sealed; closed or discarded when the commit ends */
	bool is_there;        /* the file has its name already: it is only to be synced */
	bool replace;         /* what has the final name is replaced; else it must be free */
	/* With `replace`: nothing but this file is, as it was then. NULL = whatever is there. Not
	 * in a group. */
	const struct sl_file_id *replaced;
	uint64_t length; /* bytes of the part */
	struct sl_error *err;
	struct sl_list link; /* commit.c's */
};

struct sl_committer_options {
	enum sl_sync_mode sync;
	unsigned files; /* of a group; 1 to SL_COMMIT_FILES */
	void *ctx;
	/* Something has the final name of the part. 0: place and part have another name now, which
	 * is tried, and the error is cleared; or the code the commit ends with (-EEXIST). */
	SL_SUSPENDS
	int (*taken)(void *ctx, struct sl_commit *commit);
	/* A commit that was handed over has ended; the committer does not touch it any more. */
	SL_SUSPENDS
	void (*ended)(void *ctx, struct sl_commit *commit, int code);
};

/* A file system that files of this run went to. */
struct sl_commit_device {
	struct sl_directory *directory; /* one on it, one reference; NULL = unused */
	int failure;                    /* of a sync: nothing on it is durable any more */
};
#define SL_COMMIT_DEVICES 16

struct sl_committer {
	struct sl_committer_options options;
	/* commit.c's: */
	struct sl_channel *queue;   /* of struct sl_commit *, handed over */
	uint64_t uncommitted_bytes; /* of those, and of the group under way */
	bool sync_each; /* syncfs has failed once: it cannot vouch for a group any more */
	int end_code;   /* why it ended while files still came */
	struct sl_commit_device devices[SL_COMMIT_DEVICES];
};

/* Returns 0 or -ENOMEM. */
int sl_committer_init(
	struct sl_committer *committer, const struct sl_committer_options *options) SL_MUST_CHECK;
void sl_committer_release(struct sl_committer *committer);

/* The task that commits what is handed over, a group at a time, until sl_committer_finish; arg is
 * the committer. Once it is cancelled, what is left ends with the cancellation. */
SL_SUSPENDS
int sl_committer_run(void *arg);

/* Nothing more will be handed over. */
void sl_committer_finish(struct sl_committer *committer);

/* A sync in this directory, or of a file in it, has returned `code` (as sl_journal_options.
 * sync_failed reports it): if its device has failed, no file on it is reported as done any more. */
void sl_committer_note_sync(
	struct sl_committer *committer, struct sl_directory *directory, int code);

/* Give a commit to the committer; waits while a group's worth is queued. Returns 0: from now on it
 * is the committer's, until `ended` was called; or a code, and it stays the caller's. */
SL_SUSPENDS
int sl_committer_hand_over(struct sl_committer *committer, struct sl_commit *commit) SL_MUST_CHECK;

/* Commit one file now, in the calling task. The part is closed once it has its final name, and else
 * stays the caller's. Returns 0 or a code; with SL_PHASE_SYNC in the error the complete file may
 * have its name and not be durable. */
SL_SUSPENDS
int sl_committer_commit(struct sl_committer *committer, struct sl_commit *commit) SL_MUST_CHECK;

/* Once more at the end of a run, whether the file systems it wrote to still take changes. Returns 0
 * or a code with words in *err. Releases the directories. */
SL_SUSPENDS
int sl_committer_confirm(struct sl_committer *committer, struct sl_error *err) SL_MUST_CHECK;

/* For what is complete: a cancellation with -ECANCELED (a sibling's failure) does not touch it any
 * more. Returns 0 with the shield begun, or the reason why nothing more may be begun. */
int sl_commit_shield_begin(struct sl_shield *shield) SL_MUST_CHECK;

#endif
