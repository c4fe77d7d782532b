/*
 * present_use.c - whether a regular file is complete, and if not what can be used of it.
 */
#include "present_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/download/journal_format.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define FRESH_S 600 /* a file that was changed since may not be on the disk yet */

static int
found_usable(const struct look *look, struct sl_at_hand *at_hand, const struct statx *st)
{
	sl_at_hand_set_file(at_hand, st);
	look->present->at_hand = at_hand;
	return look_found(look, SL_PRESENT_USABLE);
}

/* Bad pieces are written again, which could not be undone in a file that is moved. */
static bool
has_pieces(const struct look *look)
{
	return look->sources->entry->pieces.kind != SL_CHECKSUM_NONE;
}

/* By another request than the one whose head is looked at, and only bytes as they are sent. */
static bool
may_use_parts(const struct look *look)
{
	return !look_is_decoded(look) && !look->remote;
}

bool
look_may_use_beginning(const struct look *look)
{
	return (look->options->adopt || look->options->append) && may_use_parts(look);
}

static bool
is_shorter(const struct difference *difference, const struct statx *st)
{
	return difference->remote_len > st->stx_size;
}

int
look_replace(const struct look *look)
{
	look->present->has_rights = true;
	look->present->has_control = look->aria2_control == 0;
	return look_found(look, SL_PRESENT_REPLACE);
}

/* Parts of it were never written: programs that fetch several parts at once give a file its size
 * before they have all of it. A sparse copy of a complete file is like that, too, and cannot be
 * told from it. */
SL_SUSPENDS
static bool
has_hole(const struct look *look, const struct statx *st)
{
	struct sl_op ops[] = {
		{ .kind = SL_OP_OPEN,
			.dir_fd = look->place->directory->fd,
			.path = look->place->name,
			.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY },
		{ .kind = SL_OP_HAS_HOLE, .fd = SL_FD_OF_AFTER, .length = st->stx_size },
		{ .kind = SL_OP_CLOSE, .fd = SL_FD_OF_AFTER },
	};
	ops[1].after = ops[2].after = &ops[0];
	return sl_io_batch(ops, SL_COUNT_OF(ops)) == 0 && ops[0].result >= 0 && ops[1].result == 1;
}

/* A log may have holes of its own, and is copied as it is. */
SL_SUSPENDS
static int
add_written(const struct look *look, struct sl_at_hand *at_hand, const struct statx *st)
{
	const struct sl_place *place = look->place;
	if (!look->options->adopt)
		return sl_ranges_add_done(&at_hand->ranges, (struct sl_range){ 0, st->stx_size });
	int fd = sl_io_open(
		place->directory->fd, place->name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, 0);
	const struct sl_range all = { 0, st->stx_size };
	int code = fd < 0 ? fd : sl_at_hand_add_written(at_hand, fd, all);
	sl_io_close(fd);
	return code;
}

/* Of an empty file there is nothing to compare, and nothing to lose. */
SL_SUSPENDS
static int
use_written(const struct look *look, const struct statx *st, uint64_t remote_len)
{
	struct sl_at_hand *at_hand = NULL;
	if (st->stx_size == 0)
		return look_replace(look);
	int code = sl_at_hand_new(&at_hand, remote_len);
	if (!code)
		code = add_written(look, at_hand, st);
	if (!code) {
		at_hand->is_beginning = !at_hand->has_holes;
		at_hand->is_left = look->options->adopt;
		at_hand->is_moved =
			look->options->adopt && !at_hand->has_holes && !has_pieces(look);
		return found_usable(look, at_hand, st);
	}
	sl_at_hand_free(at_hand);
	return sl_fail_code(
		look->err, SL_PHASE_NONE, code, "cannot take over '%s'", look->place->path);
}

static const char *
remedy_of(const struct look *look, const struct difference *difference, const struct statx *st)
{
	if (difference->unknown && !look_is_decoded(look))
		return "--checksum verifies it, ";
	if (is_shorter(difference, st) && may_use_parts(look))
		return "--adopt completes what another program has left, --append keeps it and "
		       "fetches what is new, ";
	return "";
}

/* By its size and time the local file is complete. The holes of one that was decoded may be those
 * of the program that did it. */
SL_SUSPENDS
static int
found_same_unless_hole(const struct look *look, const struct statx *st)
{
	if (sl_stamp_is_useful(&look->stamp) || look_is_decoded(look) || !has_hole(look, st))
		return look_found(look, SL_PRESENT_SAME);
	if (look->options->adopt && may_use_parts(look))
		return use_written(look, st, st->stx_size);
	return look_refuse(look, " with the right size, but parts of it were never written",
		may_use_parts(look) ? "--adopt fetches these, --checksum verifies it, "
				    : "--checksum verifies it, ");
}

/* The local file is what the source in use has, or a code: -EEXIST if it is not. */
SL_SUSPENDS
static int
compare_with_server(const struct look *look, const struct statx *st)
{
	struct difference difference = { 0 };
	int code = look_compare(look, st, &difference);
	if (code)
		return code;
	look->present->size = st->stx_size;
	if (!difference.found)
		return found_same_unless_hole(look, st);
	if (is_shorter(&difference, st) && look_may_use_beginning(look))
		return use_written(look, st, difference.remote_len);
	return look_refuse(look, difference.why, remedy_of(look, &difference, st));
}

/* Its control file is there. If that lists nothing, there is nothing to lose either. */
SL_SUSPENDS
static int
use_aria2s(const struct look *look, const struct statx *st)
{
	struct sl_error why = { 0 };
	struct sl_at_hand *at_hand = NULL;
	char text[WHY_MAX];
	const struct sl_place *place = look->place;
	if (!look->options->resume || !may_use_parts(look))
		return look_exists(look,
			", and aria2 has not finished it (its control file NAME.aria2 is there)");
	int code = sl_at_hand_of_aria2(&at_hand, place->directory, place->name, st->stx_size, &why);
	look->present->has_control = code == 0;
	if (!code && at_hand->ranges.done_bytes == 0) {
		sl_at_hand_free(at_hand);
		return look_replace(look);
	}
	if (!code) {
		at_hand->is_moved = !at_hand->has_holes && !has_pieces(look);
		return found_usable(look, at_hand, st);
	}
	if (code == -ECANCELED || code == -ETIMEDOUT)
		return code;
	snprintf(text, sizeof(text),
		", aria2 has not finished it, and its control file cannot be used: %.100s",
		why.text[0] ? why.text : sl_code_text(code));
	return look_exists(look, text);
}

/* aria2 gives a file its whole size before the first byte, and keeps NAME.aria2 in the same
 * directory until the last. With *is_found: look_found, or a code. */
SL_SUSPENDS
static int
find_aria2s(const struct look *look, const struct statx *st, bool *is_found)
{
	int code = look->aria2_control;
	*is_found = code == 0;
	if (code && code != -ENOENT && code != -ENAMETOOLONG)
		return sl_fail_code(
			look->err, SL_PHASE_CREATE, code, "cannot examine '%s'", look->place->path);
	return *is_found ? use_aria2s(look, st) : 0;
}

/* Without a checksum. */
SL_SUSPENDS
static int
compare(const struct look *look, const struct statx *st)
{
	bool unfinished = false;
	/* A stamp was set once it was complete, and would not hold if aria2 had gone on. */
	int code = sl_stamp_is_useful(&look->stamp) ? 0 : find_aria2s(look, st, &unfinished);
	return code || unfinished ? code : compare_with_server(look, st);
}

/* By checksum or size it is not complete: it may have a part of the file. *why: of the refusal. */
SL_SUSPENDS
static int
use_unfinished(const struct look *look, const struct statx *st, const char *why)
{
	bool unfinished = false;
	struct difference difference = { 0 };
	int code = may_use_parts(look) ? find_aria2s(look, st, &unfinished) : 0;
	if (code || unfinished)
		return code;
	if (look_may_use_beginning(look))
		code = look_compare(look, st, &difference);
	if (!code && is_shorter(&difference, st))
		return use_written(look, st, difference.remote_len);
	if (!code && look->options->adopt && may_use_parts(look) && !difference.found &&
		has_hole(look, st))
		return use_written(look, st, st->stx_size);
	return code ? code : look_exists(look, why);
}

SL_SUSPENDS
static int
compare_checksum(const struct look *look, const struct statx *st)
{
	const struct sl_checksum *checksum = &look->sources->entry->checksum;
	bool same = !look->options->verify && sl_stamp_has_checksum(&look->stamp, checksum);
	look->present->size = st->stx_size;
	int code = same ? 0 : look_verify_checksum(look, &same);
	if (code)
		return code;
	return same ? look_found(look, SL_PRESENT_SAME)
		    : use_unfinished(look, st, " and has another checksum");
}

/* What the list says of the size is of the file as it is sent; a download of another size would
 * fail. */
static bool
has_other_size(const struct look *look, const struct statx *st)
{
	const struct sl_entry *entry = look->sources->entry;
	return entry->has_size && !look_is_decoded(look) && entry->size != st->stx_size;
}

SL_SUSPENDS
static int
use_or_refuse_size(const struct look *look, const struct statx *st)
{
	char why[WHY_MAX];
	snprintf(why, sizeof(why), " with %llu bytes, and the list has %llu",
		(unsigned long long)st->stx_size, (unsigned long long)look->sources->entry->size);
	look->present->size = st->stx_size;
	return use_unfinished(look, st, why);
}

/* What a list has of its pieces, or a kept journal, says of a file that looks complete. 0, also if
 * nothing is damaged; or look_found, with *is_damaged; a code. */
SL_SUSPENDS
static int
find_damage(const struct look *look, const struct statx *st, bool *is_damaged)
{
	const struct sl_entry *entry = look->sources->entry;
	struct sl_at_hand *at_hand = NULL;
	const struct sl_at_hand_file file = { .directory = look->place->directory,
		.name = look->place->name,
		.path = look->place->path,
		.url_hash = sl_journal_url_hash(&look->sources->url),
		.pieces = &entry->pieces,
		.size = entry->has_size ? entry->size : SL_LENGTH_UNKNOWN,
		.pool = look->options->pool };
	int code = sl_at_hand_verify(&at_hand, &file, look->err);
	if (code || !at_hand)
		return code;
	sl_log_warn("'%s' is damaged: %llu bytes in %zu range%s are not what was written to it; "
		    "they are fetched again",
		look->place->path, (unsigned long long)at_hand->damage, at_hand->gaps,
		at_hand->gaps == 1 ? "" : "s");
	*is_damaged = true;
	return found_usable(look, at_hand, st);
}

/* ---- all of it ---- */

/* What a run left that did not sync, or was killed before. The kernel writes what is older than
 * half a minute by itself. */
static bool
may_be_in_memory_only(const struct look *look, const struct statx *st)
{
	int64_t changed_s = SL_MAX(st->stx_ctime.tv_sec, (int64_t)0);
	return look->options->sync && changed_s > sl_clock_wall_s() - FRESH_S;
}

int
look_examine(struct look *look, const struct statx *st)
{
	bool by_checksum = sl_present_is_by_checksum(look->place, look->sources->entry);
	bool is_damaged = false;
	int code = 0;
	if (look->options->verify && may_use_parts(look) && st->stx_size > 0)
		code = find_damage(look, st, &is_damaged);
	if (code || is_damaged)
		return code;
	if (has_other_size(look, st))
		return use_or_refuse_size(look, st);
	code = by_checksum ? compare_checksum(look, st) : compare(look, st);
	look->present->needs_sync =
		!code && look->present->kind == SL_PRESENT_SAME && may_be_in_memory_only(look, st);
	return code;
}
