/*
 * batch_int.h - one file of a batch, and the batch; shared by batch.c, file.c and fetch.c. Only
 * these report; place, present, transfer and commit return outcomes and know no batch.
 *
 * The states of a file:
 *
 *    state        entered by           valid besides entry and view   owner
 *    ----------   ------------------   ----------------------------   -------------------------
 *    named        batch.c: begin       sources, place                 the job that took it
 *    prepared     file_prepare         present; part, or stream_fd    the job
 *    transferred  file_run             transfer                       the job
 *    sealed       file_run: seal       part is sealed                 the job
 *    waiting      file_run: hand_over  commit                         the committer
 *    ended        file_end             error                          freed after its report
 *
 *  - An input that repeats an earlier one leaves `named` at once: only its number is kept, in
 *    `repeats` of the first one, and it ends with that. If the first one has ended, it ends now.
 *  - What stands under the name may end a file from each state before `sealed` (skipped).
 *  - With several sources a failed one leads back to `prepared`, with an empty part.
 *  - view.state says the same in the words of events: CONNECTING until a response was accepted,
 *    RECEIVING, FINISHING from the last byte to the end.
 *
 * Cancellation has three reasons here: -ECANCELED (a sibling failed, or the batch was stopped):
 * what is complete is still given its name; -ETIMEDOUT (the run's time is over) and
 * SL_E_INTERRUPTED (a signal): nothing more is begun.
 */
#ifndef SLUICE_DOWNLOAD_BATCH_INT_H
#define SLUICE_DOWNLOAD_BATCH_INT_H

#include "sluice/download/batch.h"
#include "sluice/download/commit.h"
#include "sluice/download/transfer.h"
#include "sluice/rt/semaphore.h"

/* What is not a failure (a negative code). */
enum file_outcome {
	FILE_DONE = 0,        /* or: go on */
	FILE_SKIPPED = 1,     /* the file is there already */
	FILE_HANDED_OVER = 2, /* to the committer: the file is no longer the caller's */
	FILE_REPEAT = 3,      /* the same download as an earlier input, which has the name */
};

/* Later inputs that are the same download, and end as it does. */
struct repeats {
	uint64_t *indices;
	size_t count, cap;
};

struct file {
	struct sl_download view; /* file_view brings it up to date */
	struct sl_list link;     /* batch->active */
	struct sl_batch *batch;
	struct sl_entry entry;
	struct sl_error error; /* first failure */
	struct sl_sources sources;
	struct sl_place place;
	struct repeats repeats;
	struct sl_present present;
	bool is_stream;
	int stream_fd; /* with is_stream; closed at the end unless it is one of the program's own */
	struct sl_part part;
	struct sl_transfer transfer;
	bool is_transferred; /* all bytes are here */
	struct sl_commit commit;
	bool is_ended; /* then view.state is how */
};

struct sl_batch {
	struct sl_batch_options options;
	struct sl_batch_summary summary;
	struct sl_places places;
	struct sl_present_options present;
	struct sl_transfer_options transfer;
	struct sl_committer committer;
	struct sl_list active;
	struct sl_group *jobs, *committing; /* NULL unless running */
	uint64_t last_words_ns; /* until when the ends of cancelled downloads are reported; 0 = none
				   yet */
	bool not_durable;       /* a stream, or a file whose sync failed */
	bool time_noted;        /* that a file system does not keep times */
	uint64_t next_index;
	bool source_ended;
	struct sl_semaphore source_turn; /* a source may suspend: one job at a time asks it */
	int cancel_reason;
};

/* file.c: counted, in batch->active, and the caller's. NULL if memory ends. */
struct file *file_new(struct sl_batch *batch, const struct sl_entry *entry, uint64_t index);

/* file.c: bring `view` up to date and return it. */
const struct sl_download *file_view(struct file *file);

/* file.c: report and free. `code` is FILE_DONE, FILE_SKIPPED or the failure. */
SL_SUSPENDS
void file_end(struct file *file, int code);

/* file.c: instead, for FILE_REPEAT: it ends with the first input that is the same. */
SL_SUSPENDS
void file_follow_original(struct file *repeat);

/* file.c: an input that failed for lack of memory, counted and reported as any other failure. */
SL_SUSPENDS
void file_out_of_memory(struct sl_batch *batch, uint64_t index);

/* file.c: with the reason, stop what is under way; see sl_batch_cancel. */
void file_cancel_all(struct sl_batch *batch, int reason);

/* fetch.c: its part, if nothing has the name; else what has it is compared. 0 = go on with
 * file_run; else as file_run. */
SL_SUSPENDS
int file_prepare(struct file *file);

/* fetch.c: from the request to the finished file, once it is prepared. Returns 0, FILE_SKIPPED, a
 * code; or FILE_HANDED_OVER: then it is no longer the caller's. */
SL_SUSPENDS
int file_run(struct file *file);

/* fetch.c: for the committer: another name for a part whose final name was taken. Returns 0, or
 * -EEXIST if the file is not to be renamed; a code. */
SL_SUSPENDS
int file_find_other_name(struct file *file);

#endif
