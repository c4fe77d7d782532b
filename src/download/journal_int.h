/*
 * journal_int.h - a journal as journal.c, journal_write.c, journal_open.c and journal_verify.c
 * share it.
 */
#ifndef SLUICE_DOWNLOAD_JOURNAL_INT_H
#define SLUICE_DOWNLOAD_JOURNAL_INT_H

#include "sluice/download/journal.h"
#include "sluice/download/ranges.h"
#include "sluice/rt/semaphore.h"

struct sl_journal {
	struct sl_journal_part part;
	int fd;                            /* -1 until it is created or loaded */
	uint64_t inode;                    /* of the journal */
	uint32_t dev_major, dev_minor;     /* likewise */
	struct sl_journal_content content; /* as it was loaded, less what is bad */
	bool is_taken;                     /* content.taken, also after the content was released */
	struct sl_journal_taken taken;
	uint64_t taken_end; /* offset in the file behind its record; 0 = there is none */
	uint64_t file_size; /* when it was loaded */
	bool needs_verify;
	struct sl_range *bad; /* found by sl_journal_verify, to be recorded as VOID */
	size_t bad_count;

	/* ---- what is written ---- */
	bool is_begun;           /* its first records are written, or were loaded and cut */
	bool is_off;             /* it could not be written: nothing more is */
	int off_code;            /* why; first */
	uint64_t written_len;    /* bytes of the file that are written */
	struct sl_buf in_flight; /* bytes behind them, being written */
	struct sl_buf pending;   /* records behind those */
	size_t pending_records;
	uint64_t pending_since_ns; /* the first of them */
	uint32_t chain;
	struct sl_semaphore write_turn;

	/* ---- its tasks: the writer and the syncer ---- */
	struct sl_journal_options options; /* without the resource */
	bool is_running, is_stopping;
	struct sl_group tasks;
	struct sl_list writer, syncer; /* waiters: the task, when it has nothing to do */

	/* ---- syncs of the part ---- */
	uint64_t unsynced_bytes; /* recorded since the last sync began */
	uint64_t unsynced_since_ns;
	uint64_t not_before_ns; /* no sync before */
	uint64_t syncs;
	bool directory_synced;
	int sync_failure; /* of the part or its directory; first */
};

#define JOURNAL_FLUSH_RECORDS 16
#define JOURNAL_SYNC_BYTES (256 * SL_MIB)
/* As for a part (part_end.c): after a signal or the deadline of the run there is a second. */
#define JOURNAL_HURRIED_NS (900 * SL_NS_PER_MS)

/* ---- journal_open.c ---- */

/* The boot id of this run. False if it is not known, or the call was cancelled: then it is unlike
 * any other. */
SL_SUSPENDS
bool journal_read_boot_id(unsigned char id[SL_JOURNAL_BOOT_ID]);

/* Without its tasks. */
SL_SUSPENDS
void journal_free(struct sl_journal *journal);

/* ---- journal_write.c ---- */

/* The code is the run's: it was cancelled, or its time is over. */
bool journal_is_stop(int code);

/* Log "cannot WHAT 'directory/NAME.sluice-journal': REASON (THEN)". */
void journal_warn(const struct sl_journal *journal, const char *what, int code, const char *then);

/* It cannot be written: warn once, and write no more. What is on disk stays right. */
void journal_turn_off(struct sl_journal *journal, const char *what, int code);

/* 0, or -ENOMEM if a record could not be added. Records that may be lost are added without it. */
int journal_check_pending(struct sl_journal *journal);

/* Offset in the file behind the last record, which may not be written yet. */
uint64_t journal_end_of_records(const struct sl_journal *journal);

/* Write all that is recorded. Returns 0, also if it is off then; or the cancellation. */
SL_SUSPENDS
int journal_flush(struct sl_journal *journal);

/* What was written of the journal is on disk. Returns 0, or a code: then it is off, unless that is
 * the cancellation. */
SL_SUSPENDS
int journal_sync(struct sl_journal *journal);

/*
 * It has ranges that are wrong, or are about to be, and cannot be written: cut it where none is
 * listed yet, but what the part was stays. Returns 0 once that is on disk; else a code: it may
 * still list them, now or after a power cut.
 */
SL_SUSPENDS
int journal_destroy(struct sl_journal *journal);

/* The task that waits in this list, if any, looks again. */
void journal_wake(struct sl_list *queue);

/* The tasks, arg = the journal. They end once it is stopping or off. */
SL_SUSPENDS
int journal_write_task(void *arg);
SL_SUSPENDS
int journal_sync_task(void *arg);

#endif
