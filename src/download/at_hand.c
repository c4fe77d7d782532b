/*
 * at_hand.c - what can be used of a file that exists. Nothing is changed here.
 *
 * A control file of aria2 is believed as far as aria2 would: its numbers must fit each other and
 * the file. Whether the bytes are those of the server is for the caller to find out.
 *
 * A complete file is compared with what the list has first: its digests are of the file as it
 * should be. A kept journal only has the CRC of what was written, and is of use only while inode,
 * time of birth, size and modification time are those of the file that it was kept for.
 */
#include "sluice/download/at_hand.h"

#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/download/aria2_file.h"
#include "sluice/download/journal.h"
#include "sluice/download/part.h"
#include "sluice/download/piece_check.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

int
sl_at_hand_new(struct sl_at_hand **out, uint64_t total)
{
	struct sl_at_hand *at_hand = calloc(1, sizeof(*at_hand));
	*out = at_hand;
	if (!at_hand)
		return -ENOMEM;
	sl_ranges_init(&at_hand->ranges, total);
	at_hand->version.length = total;
	return 0;
}

void
sl_at_hand_free(struct sl_at_hand *at_hand)
{
	if (at_hand)
		sl_ranges_release(&at_hand->ranges);
	free(at_hand);
}

void
sl_at_hand_set_file(struct sl_at_hand *at_hand, const struct statx *st)
{
	at_hand->file = sl_file_id(st);
	at_hand->allocated = st->stx_blocks * 512;
}

/* ---- holes ---- */

#define PROBES 16 /* in one call of the blocking pool */

/* With the byte before the step and the one after it, if these are asked for as well: the block of
 * the file system at the end of a hole may be written in part. */
static struct sl_op
probe(int fd, struct sl_range step, struct sl_range all)
{
	uint64_t begin = step.begin > all.begin ? step.begin - 1 : all.begin;
	uint64_t end = SL_MIN(step.end + 1, all.end);
	return (struct sl_op){
		.kind = SL_OP_HAS_HOLE, .fd = fd, .off = begin, .length = end - begin
	};
}

/* Where the file system cannot tell, there is none. */
static int
add_unless_hole(struct sl_at_hand *at_hand, const struct sl_op *op, struct sl_range range)
{
	if (op->result != 1)
		return sl_ranges_add_done(&at_hand->ranges, range);
	at_hand->has_holes = true;
	return 0;
}

int
sl_at_hand_add_written(struct sl_at_hand *at_hand, int fd, struct sl_range range)
{
	struct sl_op ops[PROBES] = { probe(fd, range, range) };
	struct sl_range steps[PROBES];
	int code = sl_io_batch(ops, 1);
	if (code || ops[0].result != 1)
		return code ? code : sl_ranges_add_done(&at_hand->ranges, range);
	for (uint64_t off = range.begin; !code && off < range.end;) {
		size_t count = 0;
		for (; count < PROBES && off < range.end; off = steps[count++].end) {
			uint64_t end = off - off % SL_CHUNK_SIZE + SL_CHUNK_SIZE;
			steps[count] = (struct sl_range){ off, SL_MIN(end, range.end) };
			ops[count] = probe(fd, steps[count], range);
		}
		code = sl_io_batch(ops, count);
		for (size_t i = 0; !code && i < count; i++)
			code = add_unless_hole(at_hand, &ops[i], steps[i]);
	}
	return code;
}

/* ---- aria2 ---- */

/* Bytes beyond the end of the file are not there, whatever the control file lists. */
SL_SUSPENDS
static int
add_control(
	struct sl_at_hand *at_hand, const struct sl_aria2_control *control, int fd, uint64_t size)
{
	int code = 0;
	for (size_t i = 0; i < control->count && !code; i++) {
		struct sl_range range = { control->done[i].begin,
			SL_MIN(control->done[i].end, size) };
		if (range.begin < range.end)
			code = sl_at_hand_add_written(at_hand, fd, range);
	}
	return code;
}

int
sl_at_hand_of_aria2(struct sl_at_hand **out, struct sl_directory *directory, const char *name,
	uint64_t size, struct sl_error *err)
{
	struct sl_aria2_control control = { 0 };
	*out = NULL;
	int code = sl_aria2_file_read(&control, directory, name, err);
	if (!code && size > control.total)
		code = sl_fail(err, SL_PHASE_NONE, SL_E_REPLACED,
			"it is of a file of %llu bytes, and this one has %llu",
			(unsigned long long)control.total, (unsigned long long)size);
	if (!code)
		code = sl_at_hand_new(out, control.total);
	int fd = code ? -1 : sl_io_open(directory->fd, name, OPEN_FLAGS, 0, 0);
	if (!code)
		code = fd < 0 ? fd : add_control(*out, &control, fd, size);
	sl_io_close(fd);
	sl_aria2_control_release(&control);
	if (!code) {
		(*out)->is_left = (*out)->is_moved = (*out)->is_aria2s = true;
		return 0;
	}
	sl_at_hand_free(*out);
	*out = NULL;
	return code;
}

/* ---- a complete file ---- */

/* A complete file that is open. */
struct complete {
	const struct sl_at_hand_file *file;
	int fd;
	struct statx st;
	struct sl_at_hand *at_hand;
	struct sl_error *err;
};

/* All but the damage is at hand. */
static int
add_undamaged(struct complete *complete, const struct sl_piece_check *check)
{
	struct sl_range bad = { 0 }, good = { 0 };
	int code = 0;
	while (!code && good.end < check->size) {
		bool has_bad = sl_piece_check_next_bad(check, bad.end, &bad);
		good = (struct sl_range){ good.end, has_bad ? bad.begin : check->size };
		if (good.begin < good.end)
			code = sl_ranges_add_done(&complete->at_hand->ranges, good);
		good.end = has_bad ? bad.end : check->size;
	}
	return code;
}

SL_SUSPENDS
static int
verify_pieces(struct complete *complete)
{
	const struct sl_at_hand_file *file = complete->file;
	uint64_t size = complete->at_hand->ranges.total;
	struct sl_part_reader reader = { complete->fd, -1 };
	struct sl_piece_check check;
	int code = sl_piece_check_init(&check, file->pieces, size, file->path, complete->err);
	if (code)
		return code;
	code = sl_piece_check_read(&check, &reader, (struct sl_range){ 0, size }, file->pool,
		file->path, complete->err);
	if (!code)
		code = add_undamaged(complete, &check);
	sl_piece_check_release(&check);
	return code;
}

/* The ranges of the journal that have their CRC. */
static int
add_verified(struct complete *complete, const struct sl_journal_content *content)
{
	struct sl_at_hand *at_hand = complete->at_hand;
	int code = 0;
	for (size_t i = 0; i < content->count && !code; i++) {
		struct sl_range range = { content->ranges[i].begin, content->ranges[i].end };
		if (range.end <= at_hand->ranges.total)
			code = sl_ranges_add_done(&at_hand->ranges, range);
	}
	at_hand->version = content->resource.resource;
	at_hand->has_version = at_hand->has_journal = true;
	return code;
}

/* 0, also if there is none that is of this file: then at_hand is NULL. */
SL_SUSPENDS
static int
verify_kept(struct complete *complete)
{
	const struct sl_at_hand_file *file = complete->file;
	struct sl_journal_verified verified = { 0 };
	struct sl_journal *journal = NULL;
	struct sl_error why = { 0 };
	char *kept_name = sl_part_kept_name(file->name);
	struct sl_journal_part of = { .directory = file->directory,
		.part_name = file->name,
		.file_name = kept_name,
		.fd = complete->fd };
	int code = kept_name ? sl_journal_load_kept(&journal, &of, file->url_hash, &why) : -ENOMEM;
	if (!code)
		code = sl_journal_verify(journal, file->pool, &verified, complete->err);
	if (!code)
		code = add_verified(complete, sl_journal_content(journal));
	bool is_none = !journal && code && !sl_part_is_stop(code);
	if (is_none && code != -ENOENT)
		sl_log_warn("'%s' is not verified: '%s': %s", file->path, kept_name,
			why.text[0] ? why.text : sl_code_text(code));
	else if (is_none)
		sl_log_info("'%s' is not verified: no journal was kept for it", file->path);
	if (is_none) {
		sl_at_hand_free(complete->at_hand);
		complete->at_hand = NULL;
		code = 0;
	}
	sl_journal_close(journal);
	free(kept_name);
	return code;
}

static void
count_damage(struct sl_at_hand *at_hand)
{
	struct sl_range gap = { 0 };
	while (sl_ranges_next_missing(&at_hand->ranges, gap.end, &gap)) {
		at_hand->gaps++;
		at_hand->damage += gap.end - gap.begin;
	}
}

SL_SUSPENDS
static int
verify(struct complete *complete)
{
	const struct sl_at_hand_file *file = complete->file;
	uint64_t size = complete->st.stx_size;
	if (file->size != SL_LENGTH_UNKNOWN && file->pieces->kind != SL_CHECKSUM_NONE)
		size = file->size;
	/* Those of a file of another size say nothing of this one. */
	bool has_pieces =
		file->pieces->kind != SL_CHECKSUM_NONE && sl_pieces_fit(file->pieces, size);
	int code = sl_at_hand_new(&complete->at_hand, size);
	if (code)
		return code;
	code = has_pieces ? verify_pieces(complete) : verify_kept(complete);
	if (code || !complete->at_hand)
		return code;
	count_damage(complete->at_hand);
	if (complete->at_hand->gaps == 0)
		sl_log_info("'%s': all %llu bytes are as they were written", file->path,
			(unsigned long long)size);
	return 0;
}

int
sl_at_hand_verify(struct sl_at_hand **out, const struct sl_at_hand_file *file, struct sl_error *err)
{
	struct complete complete = { .file = file, .err = err };
	*out = NULL;
	complete.fd = sl_io_open(file->directory->fd, file->name, OPEN_FLAGS, 0, 0);
	if (complete.fd == -ELOOP) {
		sl_log_warn("'%s' is not verified: it is a symbolic link", file->path);
		return 0;
	}
	int code = complete.fd;
	if (complete.fd >= 0)
		code = sl_io_stat(complete.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &complete.st);
	if (!code)
		code = verify(&complete);
	sl_io_close(complete.fd);
	bool is_useful = !code && complete.at_hand && complete.at_hand->gaps > 0 &&
			 complete.at_hand->ranges.done_bytes > 0;
	if (!is_useful) {
		sl_at_hand_free(complete.at_hand);
		complete.at_hand = NULL;
	}
	*out = complete.at_hand;
	return code ? sl_fail_code(err, SL_PHASE_READ, code, "cannot verify '%s'", file->path) : 0;
}
