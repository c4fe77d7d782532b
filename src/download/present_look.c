/*
 * present_look.c - what a name has, its stamp, and what is beside it.
 */
#include "present_int.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>

int
look_found(const struct look *look, enum sl_present_kind kind)
{
	look->present->kind = kind;
	return 0;
}

int
look_refuse(const struct look *look, const char *why, const char *remedy)
{
	return sl_fail(look->err, SL_PHASE_NONE, -EEXIST,
		"'%s' exists%s (%s--if-exists=replace overwrites it, rename finds another name, "
		"skip keeps it)",
		look->place->path, why, remedy);
}

int
look_exists(const struct look *look, const char *why)
{
	return look_refuse(look, why, "");
}

/* ---- the stamp ---- */

/* It holds for a file with this size and time. */
static bool
is_of(const struct sl_stamp *stamp, const struct statx *st)
{
	const struct statx_timestamp *time = &st->stx_mtime;
	return stamp->size == st->stx_size && time->tv_sec >= 0 &&
	       stamp->mtime_ns == (uint64_t)time->tv_sec * SL_NS_PER_S + time->tv_nsec;
}

/* The steps of stat_name. */
enum { STEP_NAME, STEP_OPEN, STEP_STAMP, STEP_FD, STEP_CLOSE, STEP_ARIA2, STEP_JOURNAL, STEPS };

static bool
may_compare(const struct look *look)
{
	enum sl_if_exists if_exists = look->options->if_exists;
	return if_exists == SL_EXISTS_AUTO || if_exists == SL_EXISTS_REPLACE;
}

/* A stamp that cannot be read, or is of an earlier content, is as none. */
static void
take_stamp(struct look *look, const struct sl_op *ops, const struct statx *by_fd)
{
	int len = ops[STEP_STAMP].result;
	bool is_read = ops[STEP_OPEN].result >= 0 && len > 0 && ops[STEP_FD].result == 0;
	if (!is_read || !sl_stamp_parse(&look->stamp, look->stamp_bytes, (size_t)len) ||
		!is_of(&look->stamp, by_fd))
		look->stamp = (struct sl_stamp){ 0 };
}

int
look_stat(struct look *look, int flags, struct statx *st)
{
	const char *name = look->place->name;
	const struct sl_directory *directory = look->place->directory;
	struct statx by_fd = { 0 }, control = { 0 }, journal = { 0 };
	struct sl_op ops[STEPS] = {
		[STEP_NAME] = { .kind = SL_OP_STAT,
			.dir_fd = directory->fd,
			.path = name,
			.flags = (uint32_t)flags,
			.mask = STATX_BASIC_STATS,
			.statx = st },
		[STEP_OPEN] = { .kind = SL_OP_OPEN,
			.dir_fd = directory->fd,
			.path = name,
			.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY },
		[STEP_STAMP] = { .kind = SL_OP_GET_XATTR,
			.fd = SL_FD_OF_AFTER,
			.attribute = SL_STAMP_ATTRIBUTE,
			.data = look->stamp_bytes,
			.len = sizeof(look->stamp_bytes) },
		[STEP_FD] = { .kind = SL_OP_STAT,
			.dir_fd = SL_FD_OF_AFTER,
			.path = "",
			.flags = AT_EMPTY_PATH,
			.mask = STATX_BASIC_STATS,
			.statx = &by_fd },
		[STEP_CLOSE] = { .kind = SL_OP_CLOSE, .fd = SL_FD_OF_AFTER },
		[STEP_ARIA2] = { .kind = SL_OP_STAT,
			.dir_fd = directory->fd,
			.path = look->aria2_name,
			.flags = AT_SYMLINK_NOFOLLOW,
			.mask = STATX_TYPE,
			.statx = &control },
		[STEP_JOURNAL] = { .kind = SL_OP_STAT,
			.dir_fd = directory->fd,
			.path = look->journal_name,
			.flags = AT_SYMLINK_NOFOLLOW,
			.mask = STATX_TYPE,
			.statx = &journal },
	};
	static const int after_name[] = { STEP_OPEN, STEP_ARIA2, STEP_JOURNAL };
	for (size_t i = 0; i < SL_COUNT_OF(after_name); i++) {
		ops[after_name[i]].after = &ops[STEP_NAME];
		ops[after_name[i]].after_regular = true;
	}
	for (size_t i = STEP_STAMP; i <= STEP_CLOSE; i++)
		ops[i].after = &ops[STEP_OPEN];
	if (directory->is_missing)
		return -ENOENT;
	if (!may_compare(look))
		return sl_io_stat(directory->fd, name, flags, STATX_BASIC_STATS, st);
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (code)
		return code;
	take_stamp(look, ops, &by_fd);
	look->aria2_control = ops[STEP_ARIA2].result;
	look->present->has_journal = ops[STEP_JOURNAL].result == 0;
	return ops[STEP_NAME].result;
}

bool
look_is_decoded(const struct look *look)
{
	return look->place->codec != SL_CODEC_NONE;
}

bool
look_is_from_source(const struct look *look)
{
	const char *url = sl_sources_show(look->sources);
	bool was_coded = look->options->compressed && sl_stamp_is_from(&look->stamp, url, true);
	return was_coded || sl_stamp_is_from(&look->stamp, url, look_is_decoded(look));
}
