/*
 * journal_verify.c - the ranges of a journal read back from the part and compared with their CRC.
 *
 * Some tasks take one range after the other; each holds one chunk, which it reads into, and a
 * worker computes the CRC.
 */
#include "journal_int.h"

#include "sluice/base/crc32c.h"
#include "sluice/download/part_reader.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define TASKS 4

struct verification {
	struct sl_journal *journal;
	struct sl_chunk_pool *pool;
	struct sl_part_reader reader;
	size_t next;  /* range */
	bool *is_bad; /* one for each range */
	int failure;  /* first */
};

struct piece {
	const unsigned char *data;
	size_t len;
	uint32_t crc;
};

static int
add_to_crc(void *arg)
{
	struct piece *piece = arg;
	piece->crc = sl_crc32c(piece->crc, piece->data, piece->len);
	return 0;
}

/* 0, or a code; *is_bad tells. What the disk cannot read is bad. */
SL_SUSPENDS
static int
check_range(struct verification *all, struct sl_chunk *chunk, const struct sl_journal_range *range,
	bool *is_bad)
{
	struct piece piece = { .data = chunk->data };
	for (uint64_t off = range->begin; off < range->end; off += piece.len) {
		piece.len = (size_t)SL_MIN(range->end - off, (uint64_t)chunk->size);
		int got = sl_part_read(&all->reader, chunk, off, piece.len);
		*is_bad = got == -EIO || (got >= 0 && (size_t)got < piece.len);
		if (got < 0 || *is_bad)
			return *is_bad ? 0 : got;
		int code = sl_offload(add_to_crc, &piece);
		if (code)
			return code;
	}
	*is_bad = piece.crc != range->crc;
	return 0;
}

SL_SUSPENDS
static int
check_task(void *arg)
{
	struct verification *all = arg;
	struct sl_chunk *chunk = NULL;
	int code = sl_chunk_take(all->pool, &chunk, SL_FOREVER);
	while (!code && !all->failure && all->next < all->journal->content.count) {
		size_t i = all->next++;
		code = check_range(all, chunk, &all->journal->content.ranges[i], &all->is_bad[i]);
	}
	sl_chunk_unref(chunk);
	if (code && !all->failure)
		all->failure = code;
	return 0;
}

SL_SUSPENDS
static struct sl_part_reader
open_reader(const struct sl_journal *journal)
{
	bool is_direct = journal->part.directory->traits & SL_DIRECTORY_DIRECT;
	int direct_fd = is_direct ? sl_part_reader_open_direct(journal->part.fd, O_RDONLY) : -1;
	return (struct sl_part_reader){ journal->part.fd, SL_MAX(direct_fd, -1) };
}

SL_SUSPENDS
static int
check_all(struct verification *all)
{
	struct sl_group group;
	int code = 0;
	all->reader = open_reader(all->journal);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (size_t i = 0; !code && i < SL_MIN(all->journal->content.count, (size_t)TASKS); i++)
		code = sl_group_spawn(&group, "verify", check_task, all, NULL);
	int left = sl_group_leave(&group);
	sl_io_close(all->reader.direct_fd);
	code = code ? code : all->failure;
	return code ? code : left;
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct sl_range *left = a, *right = b;
	return (left->begin > right->begin) - (left->begin < right->begin);
}

/* Sorted and apart, so that few records will do: what is bad is often all of some region. */
static void
merge_bad(struct sl_journal *journal)
{
	struct sl_range *bad = journal->bad;
	size_t count = 0;
	qsort(bad, journal->bad_count, sizeof(*bad), compare_ranges);
	for (size_t i = 0; i < journal->bad_count; i++) {
		if (count > 0 && bad[i].begin <= bad[count - 1].end)
			bad[count - 1].end = SL_MAX(bad[count - 1].end, bad[i].end);
		else
			bad[count++] = bad[i];
	}
	journal->bad_count = count;
}

/* Bad ranges leave the content and are kept to be recorded. Other ranges that overlap one go with
 * it, as they do when that record is read. */
static void
drop_bad(struct verification *all, struct sl_journal_verified *verified)
{
	struct sl_journal *journal = all->journal;
	const struct sl_journal_content *content = &journal->content;
	for (size_t i = 0; i < content->count; i++) {
		const struct sl_journal_range *range = &content->ranges[i];
		verified->bytes += range->end - range->begin;
		if (!all->is_bad[i])
			continue;
		verified->bad_bytes += range->end - range->begin;
		verified->bad_ranges++;
		journal->bad[journal->bad_count++] = (struct sl_range){ range->begin, range->end };
	}
	merge_bad(journal);
	sl_journal_content_drop(&journal->content, journal->bad, journal->bad_count);
}

int
sl_journal_verify(struct sl_journal *journal, struct sl_chunk_pool *pool,
	struct sl_journal_verified *verified, struct sl_error *err)
{
	size_t count = journal->content.count;
	struct verification all = {
		.journal = journal, .pool = pool, .is_bad = calloc(count + 1, sizeof(bool))
	};
	sl_assert(!journal->is_begun && !journal->bad);
	*verified = (struct sl_journal_verified){ 0 };
	journal->bad = calloc(count + 1, sizeof(*journal->bad));
	int code = all.is_bad && journal->bad ? check_all(&all) : -ENOMEM;
	if (!code) {
		drop_bad(&all, verified);
		journal->needs_verify = false;
	}
	free(all.is_bad);
	return code ? sl_fail_code(err, SL_PHASE_READ, code, "cannot read back '%s'",
			      journal->part.part_name)
		    : 0;
}
