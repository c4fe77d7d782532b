/*
 * What has a download's name already. With --if-exists=auto a regular file is complete if
 *  - it has the size that was given, if one was; and
 *  - it has the checksum that was given: its stamp (stamp.h) tells, or else it is hashed; or
 *    without one
 *  - aria2 has not left its control file, and the server's answer is that the version of the stamp
 *    is the one that it has (304, or the same ETag), or else the file matches the head of the
 *    answer: the same size and not older, or the same time if the server sends no size, or if the
 *    file was decoded: checksum and size are those of the compressed one then. Without a stamp it
 *    must have no holes either.
 * Without a stamp no condition is sent: a file that is newer than the server's, and incomplete,
 * satisfies If-Modified-Since too.
 *
 * A file that is shorter than the server's may be the beginning of it (--adopt, --append); one with
 * holes (--adopt), one of aria2's, with its control file, and a damaged one (--verify-resume) have
 * parts of it. Whether they can be used is for the caller to find out. With --if-exists=replace
 * these are tried first.
 *
 * Devices and FIFOs are written to only if --output names them.
 */
#include "present_int.h"

#include "sluice/download/part.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* What cannot be used is replaced. */
SL_SUSPENDS
static int
examine_or_replace(struct look *look, const struct statx *st)
{
	if (!look_may_use_beginning(look))
		return look_replace(look);
	int code = look_examine(look, st);
	if (code != -EEXIST)
		return code;
	sl_error_clear(look->err);
	return look_replace(look);
}

SL_SUSPENDS
static int
regular_exists(struct look *look, const struct statx *st)
{
	switch (look->options->if_exists) {
	case SL_EXISTS_FAIL:
		return look_exists(look, "");
	case SL_EXISTS_SKIP:
		look->present->unverified = true;
		look->present->size = st->stx_size;
		return look_found(look, SL_PRESENT_SAME);
	case SL_EXISTS_REPLACE:
		return examine_or_replace(look, st);
	case SL_EXISTS_RENAME:
		return look_found(look, SL_PRESENT_TAKEN);
	case SL_EXISTS_AUTO:
		break;
	}
	return look_examine(look, st);
}

/* A dangling link: the file does not exist, but a rename without replacing fails. */
SL_SUSPENDS
static int
dangling_exists(const struct look *look)
{
	switch (look->options->if_exists) {
	case SL_EXISTS_REPLACE:
		return look_found(look, SL_PRESENT_REPLACE);
	case SL_EXISTS_RENAME:
		return look_found(look, SL_PRESENT_TAKEN);
	default:
		return look_exists(look, " as a symbolic link to a file that does not exist");
	}
}

/* ---- all of it ---- */

/* Devices and FIFOs under a name that a URL or a list gave are refused: they would take the data
 * or wait for a reader, and nothing would be downloaded. */
SL_SUSPENDS
static int
check_found(struct look *look, const struct statx *st)
{
	if (S_ISREG(st->stx_mode))
		return regular_exists(look, st);
	if (look_is_stream(look, st))
		return look_open_stream(look);
	if (look->options->if_exists == SL_EXISTS_RENAME)
		return look_found(look, SL_PRESENT_TAKEN);
	if (S_ISDIR(st->stx_mode))
		return sl_fail(look->err, SL_PHASE_NONE, -EEXIST,
			"'%s' is a directory (--dir names a directory to download into)",
			look->place->path);
	return sl_fail(look->err, SL_PHASE_NONE, -EEXIST, "'%s' is not a regular file%s",
		look->place->path,
		look->options->may_stream ? ", a character device or a FIFO"
					  : " (--output may name a device or a FIFO)");
}

/* Standard output or standard error if --output leads to that regular file (/dev/stdout and the
 * like): the bytes go where the descriptor leads, not to a name to be replaced. Else -1. Streams
 * behind it are opened as any stream. */
SL_SUSPENDS
static int
own_descriptor(const struct look *look, const struct statx *st)
{
	static const int own[] = { STDOUT_FILENO, STDERR_FILENO };
	if (!look->options->may_stream || !S_ISREG(st->stx_mode))
		return -1;
	for (size_t i = 0; i < SL_COUNT_OF(own); i++) {
		struct statx open = { 0 };
		if (sl_io_stat(own[i], "", AT_EMPTY_PATH, STATX_BASIC_STATS, &open) == 0 &&
			sl_io_is_same_inode(&open, st))
			return own[i];
	}
	return -1;
}

/* A file that is to be replaced in the end must be one that a rename can replace: that would fail
 * once all of it is downloaded. */
static int
check_replaceable(const struct look *look, const struct statx *st)
{
	const char *why = NULL, *remedy = "";
	enum sl_present_kind kind = look->present->kind;
	if (kind != SL_PRESENT_REPLACE && kind != SL_PRESENT_USABLE)
		return 0;
	if (st->stx_attributes & STATX_ATTR_MOUNT_ROOT) {
		why = "it is a mount point";
		remedy = "download to another name, and copy that into it";
	} else if (st->stx_attributes & STATX_ATTR_IMMUTABLE) {
		why = "it is immutable";
		remedy = "'chattr -i' ends that";
	} else if (st->stx_attributes & STATX_ATTR_APPEND) {
		why = "it may only be appended to";
		remedy = "'chattr -a' ends that";
	}
	return why ? sl_fail(look->err, SL_PHASE_RENAME, -EBUSY,
			     "'%s' exists and cannot be replaced: %s (%s)", look->place->path, why,
			     remedy)
		   : 0;
}

SL_SUSPENDS
static int
check_name(struct look *look)
{
	struct statx st = { 0 };
	int code = look_stat(look, AT_SYMLINK_NOFOLLOW, &st);
	if (code == -ENOENT)
		return look_found(look, SL_PRESENT_ABSENT);
	look->present->file = sl_file_id(&st);
	bool by_link = !code && S_ISLNK(st.stx_mode);
	if (by_link)
		code = look_stat(look, 0, &st);
	if (by_link && (code == -ENOENT || code == -ELOOP))
		return dangling_exists(look);
	if (code)
		return sl_fail_code(
			look->err, SL_PHASE_CREATE, code, "cannot examine '%s'", look->place->path);
	int own = by_link ? own_descriptor(look, &st) : -1;
	if (own < 0) {
		code = check_found(look, &st);
		return code || by_link ? code : check_replaceable(look, &st);
	}
	look->present->stream_fd = own;
	return look_found(look, SL_PRESENT_STREAM);
}

int
sl_present_look(const struct sl_present_options *options, const struct sl_place *place,
	const struct sl_sources *sources, const struct sl_resource *remote,
	struct sl_present *present, struct sl_error *err)
{
	struct look look = { .options = options,
		.place = place,
		.sources = sources,
		.remote = remote,
		.present = present,
		.err = err };
	struct sl_buf aria2_name = { 0 };
	sl_buf_printf(&aria2_name, "%s.aria2", place->name);
	look.aria2_name = sl_buf_detach(&aria2_name);
	look.journal_name = sl_part_journal_name(place->name);
	*present = (struct sl_present){ .size = SL_BODY_UNKNOWN, .stream_fd = -1 };
	int code = look.aria2_name && look.journal_name
			   ? check_name(&look)
			   : sl_fail_code(err, SL_PHASE_CREATE, -ENOMEM, "cannot examine '%s'",
				     place->path);
	free(look.aria2_name);
	free(look.journal_name);
	return code;
}

bool
sl_present_is_taken(const struct sl_present_options *options, const struct sl_place *place)
{
	struct look look = { .options = options, .place = place };
	struct statx st = { 0 };
	return sl_directory_stat(place->directory, place->name, 0, STATX_BASIC_STATS, &st) == 0 &&
	       !look_is_stream(&look, &st) && own_descriptor(&look, &st) < 0;
}
