/*
 * journal.c - a journal from its first record to its end. Records are collected in memory; the
 * tasks of journal_write.c bring them to the disk.
 */
#include "journal_int.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define JOURNAL_MODE 0600
/* Records in memory while the disk does not take them; beyond that ranges are not recorded. More
 * than 2 GiB of them fit. */
#define PENDING_MAX (64 * SL_KIB)
#define END_NS (60 * SL_NS_PER_S)

bool
sl_journal_is_valid(const struct sl_journal *journal)
{
	bool has_unrecorded = journal->bad_count > 0 && !journal->is_begun;
	return journal->written_len > 0 && !has_unrecorded;
}

int
sl_journal_check_whole(const struct sl_journal *journal)
{
	return journal->off_code;
}

uint64_t
sl_journal_syncs(const struct sl_journal *journal)
{
	return journal->syncs;
}

int
sl_journal_failure(const struct sl_journal *journal)
{
	return journal->sync_failure;
}

/* ---- the beginning ---- */

SL_SUSPENDS
static int
open_new(struct sl_journal *journal)
{
	struct statx st = { 0 };
	struct sl_op ops[] = {
		{ .kind = SL_OP_OPEN,
			.dir_fd = journal->part.directory->fd,
			.path = journal->part.file_name,
			.flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
			.mode = JOURNAL_MODE },
		{ .kind = SL_OP_STAT,
			.dir_fd = SL_FD_OF_AFTER,
			.path = "",
			.flags = AT_EMPTY_PATH,
			.mask = STATX_BASIC_STATS,
			.statx = &st },
	};
	ops[1].after = &ops[0];
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (code || ops[0].result < 0)
		return code ? code : ops[0].result;
	journal->fd = ops[0].result;
	journal->inode = st.stx_ino;
	journal->dev_major = st.stx_dev_major;
	journal->dev_minor = st.stx_dev_minor;
	return ops[1].result;
}

/* Only a new part has no journal yet: what has the name was left by a run that was killed. */
SL_SUSPENDS
static int
create(struct sl_journal *journal)
{
	const struct sl_journal_part *part = &journal->part;
	const struct sl_journal_begin begin = { .seed = (uint32_t)sl_now(),
		.dev_major = part->dev_major,
		.dev_minor = part->dev_minor,
		.inode = part->inode,
		.birth_ns = part->birth_ns,
		.mode = part->mode };
	int code = open_new(journal);
	if (code == -EEXIST) {
		code = sl_journal_remove_left(part->directory, part->file_name);
		code = code ? code : open_new(journal);
	}
	if (!code)
		sl_journal_add_begin(&journal->pending, &journal->chain, &begin);
	return code;
}

/* Cut where its whole records end. */
SL_SUSPENDS
static int
continue_loaded(struct sl_journal *journal)
{
	const struct sl_journal_content *content = &journal->content;
	journal->chain = content->chain;
	return journal->file_size > content->len ? sl_io_truncate(journal->fd, content->len) : 0;
}

/* RESOURCE follows BEGIN. What is bad must be known to be so after a power cut, too: the ranges are
 * written again. */
SL_SUSPENDS
static int
add_first_records(struct sl_journal *journal, const struct sl_journal_resource *resource)
{
	unsigned char boot_id[SL_JOURNAL_BOOT_ID];
	struct sl_buf *out = &journal->pending;
	sl_journal_add_resource(out, &journal->chain, resource);
	(void)journal_read_boot_id(boot_id);
	int code = sl_task_cancelled();
	if (code)
		return code;
	sl_journal_add_boot(out, &journal->chain, boot_id);
	for (size_t i = 0; i < journal->bad_count; i++)
		sl_journal_add_void(
			out, &journal->chain, journal->bad[i].begin, journal->bad[i].end);
	code = journal_check_pending(journal);
	if (!code)
		code = journal_flush(journal);
	if (!code && journal->bad_count > 0)
		code = journal_sync(journal);
	return code;
}

/* The first time: 0, also if it is off then; or a code. */
SL_SUSPENDS
static int
write_first_records(struct sl_journal *journal, const struct sl_journal_resource *resource)
{
	int code = journal->fd < 0 ? create(journal) : continue_loaded(journal);
	if (!code)
		code = add_first_records(journal, resource);
	if (journal_is_stop(code))
		return code;
	if (code)
		journal_turn_off(journal, journal->fd < 0 ? "create" : "write", code);
	code = journal->is_off && journal->bad_count > 0 ? journal_destroy(journal) : 0;
	journal->is_begun = code == 0;
	return code;
}

/* Ranges that a run of this boot has written and not synced. */
static void
count_unsynced(struct sl_journal *journal)
{
	const struct sl_journal_content *content = &journal->content;
	for (size_t i = content->synced; i < content->count; i++)
		journal->unsynced_bytes += content->ranges[i].end - content->ranges[i].begin;
	journal->unsynced_since_ns = sl_now();
}

static int
spawn(struct sl_journal *journal)
{
	sl_group_enter(&journal->tasks, SL_GROUP_COLLECT);
	journal->is_running = true;
	journal->is_stopping = false;
	int code = sl_group_spawn(&journal->tasks, "journal", journal_write_task, journal, NULL);
	if (!code && journal->options.sync)
		code = sl_group_spawn(
			&journal->tasks, "journal sync", journal_sync_task, journal, NULL);
	if (code != -ENOMEM)
		return code;
	journal_turn_off(journal, "write", code);
	return 0;
}

int
sl_journal_begin(struct sl_journal *journal, const struct sl_journal_options *options)
{
	sl_assert(!journal->is_running && !journal->needs_verify);
	journal->options = *options;
	journal->options.resource = NULL;
	int code = 0;
	if (!journal->is_begun)
		code = write_first_records(journal, options->resource);
	else if (!journal->is_off)
		sl_journal_add_resource(&journal->pending, &journal->chain, options->resource);
	if (code)
		return code;
	free(journal->bad);
	journal->bad = NULL;
	journal->bad_count = 0;
	count_unsynced(journal);
	sl_journal_content_release(&journal->content);
	code = journal_check_pending(journal);
	if (code)
		journal_turn_off(journal, "write", code);
	return spawn(journal);
}

/* ---- records ---- */

void
sl_journal_written(struct sl_journal *journal, uint64_t begin, uint64_t end, uint32_t crc)
{
	const struct sl_journal_range range = { .begin = begin, .end = end, .crc = crc };
	struct sl_buf *pending = &journal->pending;
	if (!journal->is_running || journal->is_off)
		return;
	if (pending->len < PENDING_MAX)
		sl_journal_add_written(pending, &journal->chain, &range);
	(void)journal_check_pending(journal);
	if (journal->pending_records++ == 0)
		journal->pending_since_ns = sl_now();
	if (journal->unsynced_bytes == 0)
		journal->unsynced_since_ns = sl_now();
	uint64_t before = journal->unsynced_bytes;
	journal->unsynced_bytes += end - begin;
	if (journal->pending_records == 1 || journal->pending_records == JOURNAL_FLUSH_RECORDS)
		journal_wake(&journal->writer);
	if (before == 0 ||
		(before < JOURNAL_SYNC_BYTES && journal->unsynced_bytes >= JOURNAL_SYNC_BYTES))
		journal_wake(&journal->syncer);
}

int
sl_journal_void(struct sl_journal *journal, uint64_t begin, uint64_t end)
{
	int code = 0;
	sl_assert(journal->is_running);
	if (!journal->is_off)
		sl_journal_add_void(&journal->pending, &journal->chain, begin, end);
	if (journal_check_pending(journal) != 0)
		journal_turn_off(journal, "write", -ENOMEM);
	if (!journal->is_off)
		code = journal_flush(journal);
	if (!code && !journal->is_off)
		code = journal_sync(journal);
	if (journal_is_stop(code))
		return code;
	return journal->is_off && journal->fd >= 0 ? journal_destroy(journal) : 0;
}

int
sl_journal_set_taken(struct sl_journal *journal, const struct sl_journal_taken *taken)
{
	sl_assert(journal->is_running);
	if (!journal->is_off)
		sl_journal_add_taken(&journal->pending, &journal->chain, taken);
	int code = journal_check_pending(journal);
	uint64_t end = journal_end_of_records(journal);
	if (!code)
		code = journal_flush(journal);
	if (!code)
		code = journal->off_code;
	journal->is_taken = code == 0;
	journal->taken_end = journal->is_taken ? end : 0;
	journal->taken = *taken;
	return code;
}

/* ---- the end ---- */

/* Inside a shield of the caller, that one's deadline. */
static uint64_t
end_deadline_ns(void)
{
	int reason = sl_task_cancelled();
	bool hurried = reason == SL_E_INTERRUPTED || reason == -ETIMEDOUT;
	uint64_t until_ns = sl_deadline_in(hurried ? JOURNAL_HURRIED_NS : END_NS);
	return reason ? until_ns : SL_MIN(until_ns, sl_task_deadline());
}

/* Records are written before the tasks are waited for: one may be in a sync that takes long. */
int
sl_journal_end(struct sl_journal *journal)
{
	struct sl_shield shield;
	if (!journal->is_running)
		return journal->sync_failure;
	sl_shield_begin(&shield, end_deadline_ns());
	(void)journal_flush(journal);
	journal->is_stopping = true;
	journal_wake(&journal->writer);
	journal_wake(&journal->syncer);
	(void)sl_group_leave(&journal->tasks);
	journal->is_running = false;
	(void)journal_flush(journal);
	sl_shield_end(&shield);
	return journal->sync_failure;
}

SL_SUSPENDS
static void
unlink_own(struct sl_journal *journal)
{
	struct statx st = { 0 };
	int dir_fd = journal->part.directory->fd;
	if (journal->fd < 0)
		return;
	int code = sl_io_stat(
		dir_fd, journal->part.file_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);
	bool is_own = st.stx_ino == journal->inode && st.stx_dev_major == journal->dev_major &&
		      st.stx_dev_minor == journal->dev_minor;
	if (!code && is_own)
		code = sl_io_unlink(dir_fd, journal->part.file_name, 0);
	if (code && code != -ENOENT)
		journal_warn(journal, "remove", code, "the next run removes it");
}

SL_SUSPENDS
static void
write_closed(struct sl_journal *journal, const struct sl_journal_closed *closed)
{
	if (journal->is_off || !journal->is_begun)
		return;
	sl_journal_add_closed(&journal->pending, &journal->chain, closed);
	(void)journal_check_pending(journal);
	(void)journal_flush(journal);
}

/* What the part is like when no task writes to it any more. */
SL_SUSPENDS
static void
write_closed_now(struct sl_journal *journal)
{
	struct statx st = { 0 };
	if (sl_io_stat(journal->part.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) != 0)
		return;
	const struct sl_journal_closed closed = { .size = st.stx_size,
		.modified_ns = (uint64_t)st.stx_mtime.tv_sec * SL_NS_PER_S + st.stx_mtime.tv_nsec };
	write_closed(journal, &closed);
}

void
sl_journal_close_as(struct sl_journal *journal, const struct sl_journal_closed *closed)
{
	struct sl_shield shield;
	if (!journal)
		return;
	(void)sl_journal_end(journal);
	sl_shield_begin(&shield, end_deadline_ns());
	if (closed)
		write_closed(journal, closed);
	else
		write_closed_now(journal);
	journal_free(journal);
	sl_shield_end(&shield);
}

void
sl_journal_close(struct sl_journal *journal)
{
	sl_journal_close_as(journal, NULL);
}

/* What it lists is compared before it is used: whether it was synced does not matter then. */
static void
add_end_of_kept(struct sl_journal *journal, uint64_t size, uint64_t modified_ns)
{
	const struct sl_journal_closed closed = { .size = size, .modified_ns = modified_ns };
	uint64_t off = journal->written_len + journal->in_flight.len + journal->pending.len;
	sl_journal_add_synced(&journal->pending, &journal->chain, off);
	sl_journal_add_closed(&journal->pending, &journal->chain, &closed);
}

SL_SUSPENDS
static int
keep(struct sl_journal *journal, const char *kept_name, uint64_t size, uint64_t modified_ns)
{
	int dir_fd = journal->part.directory->fd;
	add_end_of_kept(journal, size, modified_ns);
	int code = journal_check_pending(journal);
	if (!code)
		code = journal_flush(journal);
	if (!code && journal->options.sync)
		code = journal_sync(journal);
	if (!code && journal->is_off)
		return journal->off_code; /* which was logged */
	if (!code)
		code = sl_io_rename(dir_fd, journal->part.file_name, dir_fd, kept_name, 0);
	if (code && !journal_is_stop(code))
		journal_warn(journal, "keep", code, "the file is complete without it");
	return code;
}

void
sl_journal_keep(
	struct sl_journal *journal, const char *kept_name, uint64_t size, uint64_t modified_ns)
{
	struct sl_shield shield;
	(void)sl_journal_end(journal);
	sl_shield_begin(&shield, end_deadline_ns());
	if (!journal->is_begun || journal->is_off ||
		keep(journal, kept_name, size, modified_ns) != 0)
		unlink_own(journal);
	journal_free(journal);
	sl_shield_end(&shield);
}

/* Nothing more of it is worth writing. */
void
sl_journal_remove(struct sl_journal *journal)
{
	struct sl_shield shield;
	if (!journal)
		return;
	journal->is_off = true;
	(void)sl_journal_end(journal);
	sl_shield_begin(&shield, end_deadline_ns());
	unlink_own(journal);
	journal_free(journal);
	sl_shield_end(&shield);
}
