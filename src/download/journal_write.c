/*
 * journal_write.c - records on their way to the disk, and what is synced: the two tasks of a
 * journal.
 *
 *    writer    appends what was collected to the file, FLUSH_NS after the first record or once
 *              there are JOURNAL_FLUSH_RECORDS: so much is downloaded again after a kill.
 *    syncer    syncs the part, JOURNAL_SYNC_BYTES or SYNC_NS after the first new byte, then records
 *              that, and syncs the journal: so much is downloaded again after a power cut.
 *
 * Rules:
 *  - One write at a time (write_turn), in the order of the records. A write that was interrupted is
 *    done once more: the same bytes go to the same place.
 *  - A sync covers the ranges that were recorded before it began; records go on while it runs.
 *  - Syncs take at most a fifth of the time: on a slow disk they become rarer.
 *  - A failed sync of the part or its directory is a failure of the file: the kernel reports it
 *    once, and the sync of the commit would succeed. A failure of the journal itself is not.
 */
#include "journal_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"
#include "sluice/rt/waiter.h"

#include <errno.h>

#define FLUSH_NS (100 * SL_NS_PER_MS)
#define SYNC_NS (5 * SL_NS_PER_S)
#define SYNC_PAUSE 4 /* times as long as the last sync took */

/* ---- failures ---- */

bool
journal_is_stop(int code)
{
	return code == -ECANCELED || (code == -ETIMEDOUT && sl_task_cancelled());
}

void
journal_wake(struct sl_list *queue)
{
	struct sl_waiter *waiter = sl_waiter_pop(queue);
	if (waiter)
		sl_waiter_serve(waiter, 0);
}

void
journal_warn(const struct sl_journal *journal, const char *what, int code, const char *then)
{
	struct sl_buf path = { 0 };
	sl_directory_join(journal->part.directory, journal->part.file_name, &path);
	sl_log_warn("cannot %s '%s': %s (%s)", what,
		path.failed ? journal->part.file_name : path.data, sl_code_text(code), then);
	sl_buf_release(&path);
}

/* A write in flight keeps its bytes. */
void
journal_turn_off(struct sl_journal *journal, const char *what, int code)
{
	if (journal->is_off)
		return;
	journal->is_off = true;
	journal->off_code = code;
	sl_buf_clear(&journal->pending);
	journal_wake(&journal->writer);
	journal_wake(&journal->syncer);
	journal_warn(journal, what, code,
		"the download goes on without it: if it is interrupted, what is received from now "
		"on is downloaded again");
}

static void
note_sync_failure(struct sl_journal *journal, int code)
{
	if (journal->options.sync_failed)
		journal->options.sync_failed(journal->options.ctx, journal->part.directory, code);
}

/* ---- writing ---- */

uint64_t
journal_end_of_records(const struct sl_journal *journal)
{
	return journal->written_len + journal->in_flight.len + journal->pending.len;
}

static void
take_pending(struct sl_journal *journal)
{
	struct sl_buf empty = journal->in_flight;
	journal->in_flight = journal->pending;
	journal->pending = empty;
	journal->pending_records = 0;
}

SL_SUSPENDS
static int
write_in_flight(struct sl_journal *journal)
{
	struct sl_buf *bytes = &journal->in_flight;
	int code = sl_io_write_all(journal->fd, bytes->data, bytes->len, journal->written_len);
	if (journal_is_stop(code))
		return code;
	if (code)
		journal_turn_off(journal, "write", code);
	else
		journal->written_len += bytes->len;
	sl_buf_clear(bytes);
	return 0;
}

int
journal_flush(struct sl_journal *journal)
{
	int code = sl_semaphore_take(&journal->write_turn, SL_FOREVER);
	if (code)
		return code;
	while (!code && !journal->is_off && journal->in_flight.len + journal->pending.len > 0) {
		if (journal->in_flight.len == 0)
			take_pending(journal);
		code = write_in_flight(journal);
	}
	sl_semaphore_give(&journal->write_turn);
	return code;
}

int
journal_check_pending(struct sl_journal *journal)
{
	bool failed = journal->pending.failed;
	journal->pending.failed = false;
	return failed ? -ENOMEM : 0;
}

/* In its turn: a write that ends later would make it longer again. Without the record of what the
 * part was, the run after a kill would remove a file that was there. */
int
journal_destroy(struct sl_journal *journal)
{
	int code = sl_semaphore_take(&journal->write_turn, SL_FOREVER);
	if (code)
		return code;
	code = sl_io_truncate(journal->fd, journal->taken_end);
	if (!code)
		code = sl_io_sync(journal->fd, 0);
	if (!code)
		journal->written_len = 0;
	else if (!journal_is_stop(code))
		journal_warn(journal, "empty", code, "remove it and its partial file");
	sl_semaphore_give(&journal->write_turn);
	return code;
}

/* ---- the tasks ---- */

/* 0 once woken or at `until_ns`; or the cancellation. */
SL_SUSPENDS
static int
wait_until(struct sl_list *queue, const char *what, uint64_t until_ns)
{
	struct sl_waiter waiter = { 0 };
	int code = sl_waiter_wait(&waiter, queue, what, until_ns);
	return code == -ETIMEDOUT && !sl_task_cancelled() ? 0 : code;
}

static uint64_t
flush_due_ns(const struct sl_journal *journal)
{
	if (journal->pending.len == 0)
		return SL_FOREVER;
	return journal->pending_records >= JOURNAL_FLUSH_RECORDS
		       ? 0
		       : journal->pending_since_ns + FLUSH_NS;
}

int
journal_write_task(void *arg)
{
	struct sl_journal *journal = arg;
	int code = 0;
	while (!code && !journal->is_stopping && !journal->is_off) {
		uint64_t due_ns = flush_due_ns(journal);
		if (due_ns <= sl_now())
			code = journal_flush(journal);
		else
			code = wait_until(&journal->writer, "journal records", due_ns);
	}
	return code;
}

static uint64_t
sync_due_ns(const struct sl_journal *journal)
{
	if (journal->unsynced_bytes == 0)
		return SL_FOREVER;
	uint64_t due_ns = journal->unsynced_bytes >= JOURNAL_SYNC_BYTES
				  ? 0
				  : journal->unsynced_since_ns + SYNC_NS;
	return SL_MAX(due_ns, journal->not_before_ns);
}

/* Bytes that were recorded may be lost: a run after this one must not trust them. */
SL_SUSPENDS
static void
fail_sync(struct sl_journal *journal, int code)
{
	struct sl_shield shield;
	journal->sync_failure = code;
	journal->is_off = true;
	journal->off_code = journal->off_code ? journal->off_code : code;
	note_sync_failure(journal, code);
	sl_buf_clear(&journal->pending);
	journal_wake(&journal->writer);
	sl_shield_begin(&shield, sl_deadline_in(JOURNAL_HURRIED_NS));
	(void)journal_destroy(journal);
	sl_shield_end(&shield);
}

/* The part, and once the names of both. */
SL_SUSPENDS
static int
sync_part(struct sl_journal *journal)
{
	int code = sl_io_sync(journal->part.fd, SL_SYNC_DATA);
	journal->syncs++;
	if (!code && !journal->directory_synced) {
		code = sl_directory_sync(journal->part.directory);
		journal->directory_synced = code == 0;
	}
	if (code && !journal_is_stop(code))
		fail_sync(journal, code);
	return code;
}

int
journal_sync(struct sl_journal *journal)
{
	int code = journal->is_off ? 0 : sl_io_sync(journal->fd, SL_SYNC_DATA);
	if (code && !journal_is_stop(code)) {
		note_sync_failure(journal, code);
		journal_turn_off(journal, "sync", code);
	}
	return code;
}

/* A sync that ends while the journal does is still recorded; the rest does not pay then. */
SL_SUSPENDS
static int
sync_all(struct sl_journal *journal)
{
	uint64_t off = journal_end_of_records(journal), before_ns = sl_now();
	journal->unsynced_bytes = 0;
	int code = sync_part(journal);
	if (code)
		return code;
	sl_journal_add_synced(&journal->pending, &journal->chain, off);
	(void)journal_check_pending(journal);
	if (!journal->is_stopping)
		code = journal_flush(journal);
	if (!code && !journal->is_stopping)
		code = journal_sync(journal);
	journal->not_before_ns = sl_now() + SYNC_PAUSE * (sl_now() - before_ns);
	return code;
}

int
sl_journal_sync(struct sl_journal *journal)
{
	uint64_t off = journal_end_of_records(journal);
	int code = journal->sync_failure;
	sl_assert(!journal->is_running);
	if (!code)
		code = sync_part(journal);
	if (code)
		return code;
	sl_journal_add_synced(&journal->pending, &journal->chain, off);
	code = journal_check_pending(journal);
	if (!code)
		code = journal_flush(journal);
	if (!code)
		code = journal_sync(journal);
	return code ? code : journal->off_code;
}

SL_SUSPENDS
static int
sync_in_turn(struct sl_journal *journal)
{
	struct sl_semaphore *turn = journal->options.sync_turn;
	int code = turn ? sl_semaphore_take(turn, SL_FOREVER) : 0;
	if (code)
		return code;
	if (!journal->is_stopping && !journal->is_off)
		code = sync_all(journal);
	if (turn)
		sl_semaphore_give(turn);
	return code;
}

int
journal_sync_task(void *arg)
{
	struct sl_journal *journal = arg;
	int code = 0;
	while (!code && !journal->is_stopping && !journal->is_off) {
		uint64_t due_ns = sync_due_ns(journal);
		if (due_ns <= sl_now())
			code = sync_in_turn(journal);
		else
			code = wait_until(&journal->syncer, "bytes to sync", due_ns);
	}
	return code;
}
