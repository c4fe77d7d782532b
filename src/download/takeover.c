/*
 * takeover.c - from a file to a part with its journal.
 *
 *    moved     claim the part's name > lock the file > read it, and record its ranges with their
 *              CRC > sync file, journal and directory > rename the file > sync the directory >
 *              remove NAME.aria2
 *    copied    create the part > copy the ranges, and record them > close it
 *
 * A file is moved if another program has left it half-done, since it may be as large as what is
 * free. That can be undone by cutting it to its size, as long as nothing else in it changes: a file
 * with holes, which are downloaded, is copied, and so is one with piece hashes, whose bad pieces
 * are written again. A file that was copied is replaced only by a complete one.
 *
 * The file must be the one that was examined, before and after it is read; sl_part_move tells the
 * latter of one that is moved. Each byte is read once. A run that is ended anywhere leaves the file
 * as it was, and perhaps a part of no use, which the next run removes; or after the rename a part
 * that is resumed, or put back (part_back.c). NAME.aria2 stays until the file is complete under its
 * name: a file of its full size that was put back would look complete without it.
 */
#include "sluice/download/takeover.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/download/overlap.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>

#define TRIES 3u /* to compare a file that grows meanwhile */
#define REPLACE_HINT " (--if-exists=replace downloads all of it)"

/* ---- comparing ---- */

static int
refuse(const struct sl_takeover *takeover, const char *why)
{
	sl_error_clear(takeover->err);
	return sl_fail(takeover->err, SL_PHASE_NONE, -EEXIST,
		"'%s' exists, and cannot be taken over: %s%s", takeover->place->path, why,
		takeover->may_replace ? "" : REPLACE_HINT);
}

/* The answer shows a version that what is at hand belongs to. */
static int
take_version(const struct sl_takeover *takeover, const struct sl_resource *version)
{
	struct sl_at_hand *at_hand = takeover->at_hand;
	struct sl_ranges *ranges = &at_hand->ranges;
	if (at_hand->is_beginning ? version->length <= at_hand->file.size
				  : version->length != ranges->total)
		return refuse(takeover, "the file has changed on the server");
	ranges->total = version->length; /* it may have grown */
	if (!sl_resource_validator(version))
		return refuse(takeover, "the server sends neither a strong ETag nor a usable "
					"Last-Modified, so a change in the meantime would go "
					"unnoticed");
	at_hand->version = *version;
	at_hand->has_version = true;
	return 0;
}

/* A source that fails may be tried again; one that has other bytes, or sends no ranges, may not. */
static int
fail_compare(const struct sl_takeover *takeover, int result)
{
	struct sl_error why = *takeover->err;
	if (result == SL_OVERLAP_DIFFERS || why.code == SL_E_UNSUPPORTED)
		return refuse(takeover, why.text);
	return why.code;
}

/* What was found out of the file says nothing of what another program has written since. */
SL_SUSPENDS
static int
check_unchanged(const struct sl_takeover *takeover, int fd)
{
	struct statx st = { 0 };
	int code = sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);
	if (code)
		return sl_fail_code(takeover->err, SL_PHASE_OPEN, code, "cannot examine '%s'",
			takeover->place->path);
	if (sl_file_id_is(&takeover->at_hand->file, &st))
		return 0;
	sl_error_clear(takeover->err);
	return sl_fail(takeover->err, SL_PHASE_OPEN, SL_E_REPLACED,
		"'%s' exists, and cannot be taken over: it was changed in the meantime (is another "
		"program writing it?)",
		takeover->place->path);
}

/* The program that has left a file half-done must have ended; one that writes a log goes on. */
SL_SUSPENDS
static int
check_not_written(const struct sl_takeover *takeover, int fd)
{
	struct sl_op op = { .kind = SL_OP_HAS_WRITER, .fd = fd };
	int code = takeover->at_hand->is_left ? sl_io_batch(&op, 1) : 0;
	if (code || op.result != 1)
		return code;
	return sl_fail(takeover->err, SL_PHASE_OPEN, SL_E_IN_USE,
		"'%s' exists, and cannot be taken over: another program has it open for writing; "
		"end that first",
		takeover->place->path);
}

SL_SUSPENDS
static int
open_file(const struct sl_takeover *takeover)
{
	const struct sl_place *place = takeover->place;
	int fd = sl_io_open(place->directory->fd, place->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, 0);
	if (fd == -ELOOP)
		return refuse(takeover, "it is a symbolic link");
	if (fd < 0)
		return sl_fail_code(
			takeover->err, SL_PHASE_OPEN, fd, "cannot read '%s'", place->path);
	int code = check_not_written(takeover, fd);
	if (!code)
		code = check_unchanged(takeover, fd);
	if (code)
		sl_io_close(fd);
	return code ? code : fd;
}

/* A log may have grown since its size was asked for. */
SL_SUSPENDS
static int
compare(const struct sl_takeover *takeover, int fd)
{
	const struct sl_transfer_options *options = takeover->options;
	struct sl_at_hand *at_hand = takeover->at_hand;
	struct sl_overlap overlap = { .client = options->client,
		.pool = options->pool,
		.admission = options->admission,
		.sources = takeover->sources,
		.expected = { .length = at_hand->is_beginning ? SL_LENGTH_UNKNOWN
							      : at_hand->ranges.total },
		.fd = fd,
		.at_hand = &at_hand->ranges };
	int code = sl_overlap_compare(&overlap, takeover->err);
	if (code == SL_OVERLAP_SAME)
		code = take_version(takeover, &overlap.answer.resource);
	sl_source_release(&overlap.answer);
	return code;
}

SL_SUSPENDS
static int
compare_usable(const struct sl_takeover *takeover, int fd)
{
	if (takeover->at_hand->ranges.done_bytes == 0)
		return refuse(takeover, "it has nothing that could be used");
	int code = compare(takeover, fd);
	/* Not other bytes, but another version than that of the first sample. */
	for (unsigned tries = 1; tries < TRIES && code == SL_OVERLAP_DIFFERS &&
				 takeover->err->phase != SL_PHASE_BODY;
		tries++) {
		sl_error_clear(takeover->err);
		code = compare(takeover, fd);
	}
	return code > 0 ? fail_compare(takeover, code) : code;
}

int
sl_takeover_compare(const struct sl_takeover *takeover)
{
	if (takeover->at_hand->has_version)
		return 0;
	int fd = open_file(takeover);
	if (fd < 0)
		return fd;
	int code = compare_usable(takeover, fd);
	sl_io_close(fd);
	return code;
}

/* ---- the ranges ---- */

static int
fail_journal(const struct sl_takeover *takeover, int code)
{
	if (sl_part_is_stop(code))
		return code;
	return sl_fail(takeover->err, SL_PHASE_SYNC, code,
		"'%s' cannot be taken over: its journal cannot be written: %s",
		takeover->place->path, sl_code_text(code));
}

/* Reading a file into a part, or a file that is a part to be. */
struct reading {
	const struct sl_takeover *takeover;
	int fd;
	struct sl_part *part;
	bool copies;
	struct sl_chunk *chunk;
};

static int
add_crc(void *arg)
{
	struct sl_chunk *chunk = arg;
	chunk->crc = sl_crc32c(0, chunk->data, chunk->len);
	return 0;
}

SL_SUSPENDS
static int
take_chunk(struct reading *reading, uint64_t off, size_t len)
{
	const struct sl_takeover *takeover = reading->takeover;
	struct sl_part_reader reader = { reading->fd, -1 };
	struct sl_chunk *chunk = reading->chunk;
	int got = sl_part_read(&reader, chunk, off, len);
	if (got >= 0 && (size_t)got < len)
		return sl_fail(takeover->err, SL_PHASE_READ, SL_E_REPLACED,
			"'%s' was truncated while it was read", takeover->place->path);
	if (got < 0)
		return sl_fail_code(takeover->err, SL_PHASE_READ, got, "cannot read '%s'",
			takeover->place->path);
	chunk->off = off;
	chunk->len = len;
	int code = sl_offload(add_crc, chunk);
	if (code || !reading->copies)
		return code;
	code = sl_part_write(reading->part, chunk);
	return code ? sl_part_write_failed(reading->part, code,
			      takeover->at_hand->ranges.total - off, takeover->err)
		    : 0;
}

SL_SUSPENDS
static int
take_and_record(struct reading *reading, struct sl_range range)
{
	struct sl_part *part = reading->part;
	int code = take_chunk(reading, range.begin, (size_t)(range.end - range.begin));
	if (!code)
		sl_journal_written(part->journal, range.begin, range.end, reading->chunk->crc);
	return code;
}

/* Up to the next whole chunk, so that records cover the chunks of a download. */
SL_SUSPENDS
static int
take_ranges(struct reading *reading)
{
	const struct sl_ranges *ranges = &reading->takeover->at_hand->ranges;
	uint64_t size = reading->chunk->size;
	struct sl_range range = { 0 };
	int code = 0;
	while (!code && sl_ranges_next_done(ranges, range.end, &range)) {
		range.end = SL_MIN(range.begin - range.begin % size + size, range.end);
		code = take_and_record(reading, range);
	}
	return code;
}

/* The run that resumes the part, or removes it, must know what it was. */
SL_SUSPENDS
static int
record_taken(const struct reading *reading)
{
	const struct sl_takeover *takeover = reading->takeover;
	const struct sl_at_hand *at_hand = takeover->at_hand;
	uint64_t seconds = (uint64_t)SL_MAX(at_hand->file.modified_s, (int64_t)0);
	const struct sl_journal_taken taken = { .size = at_hand->file.size,
		.modified_ns = seconds * SL_NS_PER_S + at_hand->file.modified_ns,
		.has_control = at_hand->is_aria2s };
	int code = sl_journal_set_taken(reading->part->journal, &taken);
	return code ? fail_journal(takeover, code) : 0;
}

/* 0 once the journal has all ranges. */
SL_SUSPENDS
static int
record_ranges(struct reading *reading)
{
	const struct sl_takeover *takeover = reading->takeover;
	struct sl_part *part = reading->part;
	int code = sl_transfer_begin_journal(
		takeover->options, part, &takeover->sources->url, &takeover->at_hand->version);
	if (!code && !reading->copies)
		code = record_taken(reading);
	if (!code)
		code = sl_chunk_take(takeover->options->pool, &reading->chunk, SL_FOREVER);
	if (!code)
		code = take_ranges(reading);
	sl_chunk_unref(reading->chunk);
	reading->chunk = NULL;
	int ended = sl_part_end_journal(part, takeover->err);
	return code ? code : ended;
}

/* ---- moved ---- */

/* Otherwise the part could be lost by a power cut just after it was renamed; one whose journal does
 * not list what it has is removed by the step that follows. */
SL_SUSPENDS
static int
sync_all(const struct sl_takeover *takeover, struct sl_part *part)
{
	int code = takeover->options->sync ? sl_journal_sync(part->journal) : 0;
	if (!code)
		code = sl_journal_check_whole(part->journal);
	return code ? fail_journal(takeover, code) : 0;
}

/* Nothing is written to the file before its new name is durable: after a power cut it would have
 * the old one, and perhaps the size of a complete file. */
SL_SUSPENDS
static int
end_move(const struct sl_takeover *takeover)
{
	const struct sl_place *place = takeover->place;
	int code = takeover->options->sync ? sl_directory_sync(place->directory) : 0;
	if (!code || sl_part_is_stop(code))
		return code;
	return sl_fail(takeover->err, SL_PHASE_SYNC, code,
		"'%s' was taken over, but its directory cannot be synced: %s", place->path,
		sl_code_text(code));
}

/* Behind the reason why it cannot become the part. */
static void
add_hint(const struct sl_takeover *takeover)
{
	struct sl_error refusal = *takeover->err;
	if (takeover->may_replace)
		return;
	sl_error_clear(takeover->err);
	(void)sl_fail(takeover->err, refusal.phase, refusal.code, "%s" REPLACE_HINT, refusal.text);
}

SL_SUSPENDS
static int
move(const struct sl_takeover *takeover, const struct sl_part *claim)
{
	struct sl_part part;
	struct reading reading = { .takeover = takeover, .part = &part };
	sl_part_init(&part);
	int code = sl_part_open_left(&part, claim, takeover->err);
	if (code == -EEXIST)
		add_hint(takeover);
	reading.fd = part.fd;
	if (!code)
		code = check_unchanged(takeover, part.fd);
	if (!code)
		code = record_ranges(&reading);
	if (!code)
		code = sync_all(takeover, &part);
	if (!code)
		code = sl_part_move(&part, takeover->err);
	if (!code)
		code = end_move(takeover);
	sl_part_close_left(&part);
	return code;
}

/* Another run may have moved the file since it was examined, and been ended: then its part is
 * resumed. */
SL_SUSPENDS
static int
make_moved(struct sl_takeover *takeover)
{
	const struct sl_place *place = takeover->place;
	uint64_t hash = sl_journal_url_hash(&takeover->sources->url);
	const struct sl_journal_urls urls = { &hash, 1 };
	struct sl_part claim;
	int code = sl_part_resume(
		&claim, place->directory, place->name, SL_PART_NEW, &urls, takeover->err);
	if (!code && claim.journal && !claim.name_taken) {
		sl_part_close(&claim);
		takeover->was_left = true;
		return 0;
	}
	if (!code && claim.journal) {
		sl_part_discard(&claim);
		code = sl_part_create(
			&claim, place->directory, place->name, SL_PART_NEW, takeover->err);
	}
	if (code)
		return code;
	code = move(takeover, &claim);
	sl_part_discard(&claim); /* by its inode: what was moved stays */
	return code;
}

/* ---- copied ---- */

static uint64_t
bytes_of(const struct sl_journal_content *content)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < content->count; i++)
		bytes += content->ranges[i].end - content->ranges[i].begin;
	return bytes;
}

/* A part that a run before this one has made and was ended: what it has received is worth keeping,
 * unless a power cut has left less of it than is at hand. */
static bool
is_as_good(const struct sl_takeover *takeover, const struct sl_journal *journal)
{
	const struct sl_at_hand *at_hand = takeover->at_hand;
	const struct sl_journal_content *content = sl_journal_content(journal);
	return content->has_resource &&
	       sl_resource_compare(&content->resource.resource, &at_hand->version) ==
		       SL_RESOURCE_SAME &&
	       bytes_of(content) >= at_hand->ranges.done_bytes;
}

SL_SUSPENDS
static int
copy(const struct sl_takeover *takeover, struct sl_part *part)
{
	struct reading reading = { .takeover = takeover, .part = part, .copies = true };
	reading.fd = open_file(takeover);
	int code = SL_MIN(reading.fd, 0);
	if (!code)
		code = sl_part_reserve(part, takeover->at_hand->ranges.total, takeover->options->io,
			takeover->err);
	if (!code)
		code = record_ranges(&reading);
	if (!code)
		code = check_unchanged(takeover, reading.fd);
	sl_io_close(SL_MAX(reading.fd, -1));
	return code;
}

SL_SUSPENDS
static int
make_copy(struct sl_takeover *takeover)
{
	const struct sl_place *place = takeover->place;
	struct sl_part part;
	uint64_t hash = sl_journal_url_hash(&takeover->sources->url);
	const struct sl_journal_urls urls = { &hash, 1 };
	int code = sl_part_resume(
		&part, place->directory, place->name, SL_PART_PRIVATE, &urls, takeover->err);
	if (!code && part.journal && is_as_good(takeover, part.journal)) {
		sl_part_close(&part);
		takeover->was_left = true;
		return 0;
	}
	if (!code && part.journal) {
		sl_part_discard(&part);
		code = sl_part_create(
			&part, place->directory, place->name, SL_PART_PRIVATE, takeover->err);
	}
	if (code)
		return code;
	code = copy(takeover, &part);
	if (code)
		sl_part_discard(&part);
	else
		sl_part_close(&part);
	return code;
}

int
sl_takeover_make_part(struct sl_takeover *takeover)
{
	return takeover->at_hand->is_moved ? make_moved(takeover) : make_copy(takeover);
}
