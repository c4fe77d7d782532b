/*
 * batch_int.h - one file of a batch, and the batch; shared by batch.c, queue.c, opening.c,
 * attempt.c, file.c and fetch.c. Only these report; place, present, transfer and commit return
 * outcomes and do not refer to a batch.
 *
 * The states of a file:
 *
 *    state        entered by               valid besides entry and view    owner
 *    ----------   ----------------------   -----------------------------   --------------------
 *    WAITING      file_new, resume,        after a pause or an attempt:    the queue
 *                 queue_park               sources, place; then attempts
 *    PAUSED       pause                    as WAITING                      the queue
 *    ACTIVE       batch.c: next_input      sources, place; then, step by   the job that took it,
 *                                          step (fetch.c): present; part   or an opening
 *                                          or stream_fd; transfer; commit
 *    COMMITTING   fetch.c: hand_over       commit                          the committer
 *    ENDED        file_end                 error                           freed after its report
 *
 *  - An ACTIVE file whose directory is not open yet waits for that (opening.c), and then goes back
 *    to the queue with its place.
 *  - The steps of an ACTIVE file run in a task of its own (`group`), which is cancelled to pause or
 *    remove it; the job waits for that task.
 *  - An input that repeats an earlier one leaves ACTIVE at once: only its number is kept, in
 *    `repeats` of the first one, and it ends with that. If the first one has ended, it ends now.
 *  - With --content-disposition the name of an ACTIVE file is claimed once the server has
 *    answered: until then it has neither a part nor `present` (file_transfer.c).
 *  - With several sources a failed one leads to the next, which goes on with the part if it has the
 *    same bytes, and is passed over if not, unless no other can complete the part: then it begins
 *    with an empty one. When all have failed, the file is parked: WAITING with
 *    a time (attempts.not_before_ns) and the error it ends with if the run ends first. So is a file
 *    whose origin is paused by its circuit breaker.
 *  - With dry_run, the step ends after `present`, with the head of the file in `planned`.
 *
 * The states of a segment, while the transfer of an ACTIVE file has several (segments.c; the driver
 * is the file's task):
 *
 *    state of a slot    entered by              valid                               owner
 *    ---------------    --------------------    --------------------------------    --------------
 *    free               reap                    -                                   the driver
 *    requesting         start, lease_next       source, permit, lease, chunk        its task
 *    receiving          sl_segment_open         the same, but the exchange for      its task
 *                                               the chunk
 *    dropped            drop                    as before, until its task ends      its task
 *    has_ended          slot_task               code, error                         the driver
 *
 * The states of a source of such a transfer (sources.h; what is asked beside the source in use is
 * transfer_sources.c's):
 *
 *    state        entered by                     valid                       owner
 *    ---------    ---------------------------    ------------------------    ----------------------
 *    CANDIDATE    transfer_begin_sources         of                          the comparing task
 *    COMPARING    compare_candidate; or in       of; in doubt: all           the comparing task
 *                 doubt, transfer_doubt_source
 *    JOINED       compare_candidate, or the      of, resource; url if        segments.c
 *                 first response                 has_url
 *    DROPPED      compare_candidate, segments    of                          -
 *                 (drop_source), drop
 *
 * Cancellation has three reasons here: -ECANCELED (a sibling failed, or the batch was stopped):
 * what is complete is still given its name; -ETIMEDOUT (the run's time is over) and
 * SL_E_INTERRUPTED (a signal): nothing more is begun.
 */
#ifndef SLUICE_DOWNLOAD_BATCH_INT_H
#define SLUICE_DOWNLOAD_BATCH_INT_H

#include "sluice/base/random.h"
#include "sluice/download/batch.h"
#include "sluice/download/breaker.h"
#include "sluice/download/commit.h"
#include "sluice/download/plan.h"
#include "sluice/download/schedule.h"
#include "sluice/download/transfer.h"
#include "sluice/rt/semaphore.h"

/* What is not a failure (a negative code). */
enum file_outcome {
	FILE_DONE = 0,        /* or: go on */
	FILE_SKIPPED = 1,     /* the file is there already */
	FILE_HANDED_OVER = 2, /* to the committer: the file is no longer the caller's */
	FILE_REPEAT = 3,      /* the same download as an earlier input, which has the name */
	FILE_OPENING = 4,     /* it waits for its directory: the file is no longer the caller's */
	FILE_RESUME = 5,      /* fetch.c's: an earlier run has left a part of it */
	FILE_LATER = 6,       /* its origin is paused: it is to be parked */
};

/* Later inputs that are the same download, and end as it does. */
struct repeat {
	uint64_t index;
	bool is_started; /* reported as such: it was under way when its name was found */
};

struct repeats {
	struct repeat *items;
	size_t count, cap;
};

enum file_state { FILE_WAITING, FILE_PAUSED, FILE_ACTIVE, FILE_COMMITTING, FILE_ENDED };

/* What is to become of it once its task has stopped; the later, the stronger. */
enum file_wish {
	FILE_GO_ON,
	FILE_REQUEUE, /* it was to be paused, and was resumed before it had stopped */
	FILE_PAUSE,
	FILE_REMOVE,
};

/* What was tried of it: attempt.c's. A round is one attempt at each source. */
struct attempts {
	uint64_t origin;        /* of the source in use, as breaker.h has it; 0 = none yet */
	uint64_t not_before_ns; /* of the next round */
	unsigned made;          /* rounds that failed */
	unsigned failed;        /* the same since the last progress */
	unsigned asked_s;       /* the longest wait that a source of this round has asked for */
	uint64_t reached;       /* bytes of the file that this round got to */
	uint64_t received;      /* the same of the best round before */
	uint32_t dead;          /* sources that failed for good: set of 1 << index */
	uint32_t passed;        /* the same of those that this round has passed over, since they
				 * cannot go on with what another one has sent */
	uint32_t probes;        /* the same of those that are asked beside the one in use, while a
				 * request to them is their origin's probe */
	bool is_probe;          /* the request under way is its origin's probe */
	bool is_admitted;       /* attempt_begin returned ATTEMPT_NOW for this round */
	bool is_refused;        /* it returned ATTEMPT_REFUSED */
	bool is_out_of_time;    /* the run ends before the next round could begin */
	struct sl_error *last;  /* why the round before this one failed; NULL = there was none */
};

struct file {
	struct sl_download view;   /* file_view brings it up to date */
	struct sl_list link;       /* batch->queue or batch->active */
	struct sl_list of_opening; /* ACTIVE, while it waits for its directory */
	struct sl_batch *batch;
	enum file_state state;
	enum file_wish wish;
	struct sl_group *group; /* ACTIVE, while its task runs: of that task; else NULL */
	struct sl_entry entry;
	char *entry_memory; /* of the entry's spans; NULL for a repeat, which has its original's */
	struct sl_error error; /* first failure */
	struct sl_sources sources;
	struct sl_place place;
	struct repeats repeats;
	struct attempts attempts;
	bool is_kept;     /* the part of the attempt before is left, with its journal */
	uint64_t left;    /* at most so many bytes of the part can be an earlier run's */
	uint64_t counted; /* of transfer.counts.received: in view.fetched and the summary */
	bool is_parked;   /* WAITING, and counted in summary.waiting */
	bool is_started;  /* reported as started, and not paused since */
	struct sl_present present;
	bool keeps_journal; /* of the complete file */
	bool is_fresh;  /* the part was just made of what was at hand: it need not be verified */
	bool is_copied; /* the part began as a copy of the file that it replaces */
	bool is_taken;  /* the part was a file of the final name, in this run or an earlier one */
	const struct sl_resource *remote; /* while its head is looked at; else NULL */
	struct sl_resource planned;       /* with view.remote */
	bool is_stream;
	int stream_fd; /* with is_stream; closed at the end unless it is one of the program's own */
	struct sl_part part;
	struct sl_transfer transfer;
	struct sl_tee *tee; /* of all attempts; NULL if the batch has no consumer */
	/* Of the source in use, which is `tried_index`: */
	size_t tried_index;
	unsigned changes; /* times the file was begun again, since it changed on the server */
	bool no_ranges;   /* only a single response of it is sure to be of one version */
	bool is_alone;    /* bytes of several sources were not the file: they are not mixed again */
	bool is_transferred; /* all bytes are here */
	bool is_counted;     /* in summary.files */
	struct sl_commit commit;
};

struct sl_batch {
	struct sl_batch_options options;
	struct sl_batch_summary summary;
	struct sl_plan plan; /* with dry_run */
	struct sl_schedule schedule;
	struct sl_places places;
	struct sl_present_options present;
	struct sl_transfer_options transfer;
	struct sl_tee_share tee_share;
	struct sl_committer committer;
	struct sl_list queue;              /* of struct file: WAITING or PAUSED, next first */
	struct sl_list active;             /* ACTIVE or COMMITTING, oldest first */
	struct sl_list idle;               /* waiters: jobs that have nothing to do */
	struct sl_list openings;           /* opening.c's: directories that are being opened */
	struct sl_semaphore opening_files; /* files that wait for them */
	struct sl_semaphore sync_turn;     /* of the journals */
	bool stays_open;
	struct sl_group *jobs, *committing; /* NULL unless running */
	uint64_t last_words_ns; /* until when the ends of cancelled downloads are reported; 0 = none
				   yet */
	bool not_durable;       /* a stream, or a file whose sync failed */
	bool time_noted;        /* that a file system does not keep times */
	bool finds_files;       /* the name of the file before was taken */
	uint64_t next_index;
	struct sl_list source_idle; /* waiter: the task that reads the source */
	bool source_wanted;         /* it reads, or is to read, an entry for a job */
	struct file *given;         /* that entry, for the next job with the turn; NULL = none */
	bool source_ended;
	bool turn_taken; /* opening a directory suspends, and names go to the inputs in their order:
			    one job at a time takes inputs */
	uint64_t queue_next_ns; /* no entry of the queue can be taken before; 0 = not known */
	struct sl_breaker breaker;
	struct sl_random random; /* for waits */
	int cancel_reason;
};

/* file.c: WAITING, in no list. NULL if out of memory. */
struct file *file_new(struct sl_batch *batch, const struct sl_entry *entry, uint64_t index);

/* file.c: counted, ACTIVE, and the caller's. */
void file_begin(struct file *file);

/* file.c: as it was before it began, but for its place, the inputs that repeat it, its attempts and
 * its error. A stream stays open, since closing a FIFO would end its reader; if it has got bytes
 * and can go on, its transfer is kept. */
SL_SUSPENDS
void file_reset(struct file *file);

/* file.c: what present has found at hand. Harmless if there is nothing. */
void file_drop_at_hand(struct file *file);

/* file.c: without a report. */
SL_SUSPENDS
void file_drop(struct file *file);

/* file.c: in the queue or under way; NULL if there is none. */
struct file *file_find(struct sl_batch *batch, uint64_t index);

/* queue.c: the first that is WAITING and may be tried now, taken out; NULL if there is none.
 * Without the turn only those that have their place. */
struct file *queue_take(struct sl_batch *batch, bool has_turn);

/* queue.c: true if an entry is WAITING. */
bool queue_has_waiting(const struct sl_batch *batch);

/* queue.c: wait until an entry may be taken, or anything has changed. Returns 0 or the
 * cancellation. */
SL_SUSPENDS
int queue_wait(struct sl_batch *batch);

/* queue.c: what one job in queue_wait waits for may have come: an entry of the queue may be taken
 * earlier than was found. */
void queue_wake(struct sl_batch *batch);

/* queue.c: the same, and what the queue has is as it was: the turn is free, or the source has given
 * an entry. The queue is not searched once more for each entry of a list. */
void queue_pass(struct sl_batch *batch);

/* queue.c: an ACTIVE file whose task has ended waits, at the end of the queue, until attempt_begin
 * may let it go on. */
SL_SUSPENDS
void queue_park(struct file *file);

/* file.c: file->error is that of the round before, if there was one. */
void file_restore_failure(struct file *file);

/* file.c: it is not parked any more. Harmless if it was not. */
void file_unpark(struct file *file);

enum attempt_start {
	ATTEMPT_NOW,     /* file->error is empty, and the source to try is in use */
	ATTEMPT_LATER,   /* its origin is paused: to be parked */
	ATTEMPT_REFUSED, /* its origin has used up all retries: the file ends with file->error */
};

/* attempt.c: an ACTIVE file with its place is to be tried. */
enum attempt_start attempt_begin(struct file *file);

/* attempt.c: the same for a file that has a part, unless the batch has done it: 0, FILE_LATER or a
 * code; then no part is left. */
SL_SUSPENDS
int attempt_admit(struct file *file);

/* attempt.c: the source in use has failed, with file->error. True if another is in use now, to be
 * tried at once; then the failure was reported and cleared. */
SL_SUSPENDS
bool attempt_next_source(struct file *file);

/* attempt.c: the source in use cannot go on with what is at hand, which came from another one. True
 * if that may still complete it: then the source in use has failed for this round, no more. */
bool attempt_pass_over(struct file *file);

/* attempt.c: no source is left to be tried in this round, and no other round follows. True if one
 * that was passed over is in use now, to be tried from the start, as after attempt_next_source. */
SL_SUSPENDS
bool attempt_return_to_passed(struct file *file);

/* attempt.c: all sources have failed, the last with file->error. True if the file is to be parked:
 * then the failure was reported, and is kept. */
SL_SUSPENDS
bool attempt_later(struct file *file);

/* attempt.c: the origin of the source in use has responded. */
void attempt_succeeded(struct file *file);

/* attempt.c: the request under way, if there is one, has ended without an outcome. */
void attempt_abandon_probe(struct file *file);

/* attempt.c: for sl_transfer.may_ask and note_source; and requests to other sources than the one in
 * use have ended without an outcome. */
bool attempt_may_ask(void *ctx, const struct sl_sources *source);
void attempt_note_source(void *ctx, const struct sl_sources *source, const struct sl_error *err);
void attempt_abandon_other_probes(struct file *file);

/* attempt.c: the first source with a URL that can be used: lists of other programs have some that
 * cannot. 0 or a code, with words in file->error. */
int attempt_use_first_source(struct file *file);

/* opening.c: the place of an ACTIVE file, claimed. 0; FILE_REPEAT; a code; or FILE_OPENING: then it
 * comes back by the queue once its directory is open, or ends. Called for one input after the
 * other, in their order. */
SL_SUSPENDS
int opening_claim(struct file *file);

/* opening.c: a claim of the name has given `code`: what that comes to under --if-exists. 0,
 * FILE_REPEAT or a code. */
SL_SUSPENDS
int opening_settle(struct file *file, int code);

/* queue.c: its task was stopped because of file->wish. */
SL_SUSPENDS
void queue_fulfil_wish(struct file *file);

/* file.c: bring `view` up to date and return it. */
const struct sl_download *file_view(struct file *file);

/* file.c: add what its transfer has received since the last call to the summary. */
void file_count_received(struct file *file);

/* file.c: report that it begins. */
SL_SUSPENDS
void file_started(struct file *file);

/* file.c: report that it begins, and that it has failed. */
SL_SUSPENDS
void file_refuse(struct file *file, int code);

/* file.c: report and free. `code` is FILE_DONE, FILE_SKIPPED or the failure. */
SL_SUSPENDS
void file_end(struct file *file, int code);

/* file.c: instead, for FILE_REPEAT: it ends with the first input that is the same. */
SL_SUSPENDS
void file_follow_original(struct file *repeat);

/* file.c: an input that failed for lack of memory, counted and reported as any other failure. */
SL_SUSPENDS
void file_out_of_memory(struct sl_batch *batch, uint64_t index);

/* fetch.c: the task of an ACTIVE file, arg: from what has its name to the finished file. Returns 0,
 * FILE_SKIPPED, FILE_REPEAT, FILE_LATER, a code; or FILE_HANDED_OVER: then it is the committer's,
 * and may be gone. */
SL_SUSPENDS
int file_task(void *arg);

/* ---- file_part.c ---- */

/* For the committer: another name for a part whose final name was taken. Returns 0, or -EEXIST if
 * the file is not to be renamed; a code. */
SL_SUSPENDS
int file_find_other_name(struct file *file);

/* What has the name: 0 = go on, with a part or a stream; FILE_SKIPPED; a code. */
SL_SUSPENDS
int file_look(struct file *file);

/* Before the request: a directory that takes no file, or another run at work, costs the server
 * nothing. 0; FILE_SKIPPED; a code. */
SL_SUSPENDS
int file_make_part(struct file *file);

/* The file that has the name is replaced: any; that one; that one for what was found of it, and
 * only as long as that holds. */
bool file_may_replace_any(const struct file *file);
bool file_replaces(const struct file *file);
bool file_replaces_examined(const struct file *file);

/* Of a new part. */
uint32_t file_part_mode(const struct file *file);

/* Of all sources, the one in use first; returns their count. What was made with another one is
 * compared before the transfer goes on with it. */
size_t file_hash_sources(const struct file *file, uint64_t out[SL_ENTRY_SOURCES]);

/* ---- file_transfer.c ---- */

/* ctx: the file. Of the head of an answer, which is the first that tells that the origin works, and
 * may give the name. Returns 0 or a code. */
SL_SUSPENDS
int file_accept_response(void *ctx, const struct sl_http_exchange *exchange);

/* To the part or the stream. Returns 0 or a code. */
SL_SUSPENDS
int file_run_transfer(struct file *file);

/* ---- file_plan.c ---- */

/* In place of the rest: the file is asked for and added to the plan. Returns 0, FILE_SKIPPED,
 * FILE_LATER or a code. */
SL_SUSPENDS
int file_plan(struct file *file);

#endif
