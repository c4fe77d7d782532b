/*
 * space.c - compares the sizes of a list with the file system.
 *
 * The sum is enough while it fits. Only if it does not, the entries are looked for: a finished file
 * of that size, or the blocks that a partial file has, need no space. What is complete is dropped
 * then, so that entries are not looked for again with each piece. Both sides of the comparison are
 * as they are now: what the run has downloaded meanwhile is neither needed nor free. All that may
 * block is one call of the pool for directories, which is abandoned if the file system does not
 * respond; then those entries are not counted any more.
 */
#include "sluice/download/space.h"

#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/download/directory.h"
#include "sluice/download/part.h"
#include "sluice/http/url.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/task.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_NS SL_NS_PER_S

/* Of paths: some 20,000 entries. The first ones, which are likely to be complete, are dropped. */
#define PATHS_MAX SL_MIB

/* On the heap: it may be abandoned. */
struct call {
	char *dir;
	struct sl_buf paths, sizes;
	uint64_t needed, free_bytes; /* needed: the sum of the sizes, or what is missing of them */
};

static void
free_call(void *arg)
{
	struct call *call = arg;
	free(call->dir);
	sl_buf_release(&call->paths);
	sl_buf_release(&call->sizes);
	free(call);
}

/* ---- collecting ---- */

/* "dir/out", or the name in the URL. False if it leaves the directory of the run, or has no name
 * that is known now. */
static bool
add_path(struct sl_buf *paths, const struct sl_entry *entry)
{
	size_t begin = paths->len;
	if ((entry->dir.len > 0 && entry->dir.data[0] == '/') ||
		(entry->out.len > 0 && entry->out.data[0] == '/'))
		return false;
	if (entry->dir.len > 0) {
		sl_buf_add_span(paths, entry->dir);
		sl_buf_add_char(paths, '/');
	}
	if (entry->out.len > 0) {
		sl_buf_add_span(paths, entry->out);
	} else {
		struct sl_url url = { 0 };
		bool has_name = entry->source_count > 0 &&
				sl_url_parse(&url, entry->sources[0], NULL) == 0 &&
				sl_url_file_name(&url, paths, NULL) == 0;
		sl_url_release(&url);
		if (!has_name) {
			paths->len = begin;
			return false;
		}
	}
	sl_buf_add_char(paths, '\0');
	return !paths->failed;
}

void
sl_space_add(struct sl_space *space, const struct sl_entry *entry)
{
	uint64_t known;
	if (!space->dir || space->is_reported || !entry->has_size ||
		!sl_add_u64(space->known, entry->size, &known) || !add_path(&space->paths, entry))
		return;
	sl_buf_add(&space->sizes, &entry->size, sizeof(entry->size));
	space->known = known;
	space->has_new = true;
}

/* ---- measuring ---- */

/* Of the directory, or of the nearest one above it that exists. */
static uint64_t
free_in(const char *dir)
{
	char path[PATH_MAX];
	int fd;
	if ((size_t)snprintf(path, sizeof(path), "%s", dir) >= sizeof(path))
		return UINT64_MAX;
	while ((fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
		char *slash = strrchr(path, '/');
		if (errno != ENOENT)
			return UINT64_MAX;
		if (slash && slash > path)
			*slash = '\0';
		else
			snprintf(path, sizeof(path), "%s", slash ? "/" : ".");
	}
	uint64_t bytes = sl_directory_free_bytes(fd);
	close(fd);
	return bytes;
}

/* Bytes of a file of this size that are on the disk. */
static uint64_t
present(int dir_fd, const char *path, uint64_t size)
{
	struct stat st;
	char part[PATH_MAX];
	if (fstatat(dir_fd, path, &st, 0) == 0 && (uint64_t)st.st_size == size)
		return size;
	if ((size_t)snprintf(part, sizeof(part), "%s" SL_PART_SUFFIX, path) >= sizeof(part) ||
		fstatat(dir_fd, part, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return SL_MIN(size, (uint64_t)st.st_blocks * 512);
}

/* Leave out what is complete. */
static void
leave_missing(struct call *call, int dir_fd)
{
	size_t paths_kept = 0, sizes_kept = 0, at = 0;
	for (size_t off = 0; off < call->sizes.len; off += sizeof(uint64_t)) {
		const char *path = call->paths.data + at;
		size_t len = strlen(path) + 1;
		uint64_t size, there;
		memcpy(&size, call->sizes.data + off, sizeof(size));
		there = present(dir_fd, path, size);
		call->needed -= there;
		if (there < size) {
			memmove(call->paths.data + paths_kept, path, len);
			memcpy(call->sizes.data + sizes_kept, &size, sizeof(size));
			paths_kept += len;
			sizes_kept += sizeof(size);
		}
		at += len;
	}
	call->paths.len = paths_kept;
	call->sizes.len = sizes_kept;
}

static int
measure(void *arg)
{
	struct call *call = arg;
	call->free_bytes = free_in(call->dir);
	int dir_fd = call->needed > call->free_bytes
			     ? open(call->dir, O_PATH | O_DIRECTORY | O_CLOEXEC)
			     : -1;
	if (dir_fd >= 0) {
		leave_missing(call, dir_fd);
		close(dir_fd);
	}
	return 0;
}

static void
report(struct sl_space *space, const struct call *call)
{
	char needed[SL_SIZE_TEXT], free_text[SL_SIZE_TEXT];
	space->is_reported = true;
	sl_log_warn(
		"not enough space in '%s' for the list: at least %s needed, %s free; files "
		"that do not fit will fail (free some, and run the same command again for them)",
		space->dir, sl_format_size(needed, call->needed),
		sl_format_size(free_text, call->free_bytes));
}

/* NULL if out of memory. The entries are the call's from now on. */
static struct call *
take_entries(struct sl_space *space)
{
	struct call *call = calloc(1, sizeof(*call));
	char *dir = sl_span_dup(sl_span_str(space->dir));
	if (!call || !dir || space->sizes.failed || space->paths.failed) {
		free(call);
		free(dir);
		return NULL;
	}
	*call = (struct call){
		.dir = dir, .paths = space->paths, .sizes = space->sizes, .needed = space->known
	};
	space->paths = space->sizes = (struct sl_buf){ 0 };
	space->known = 0;
	return call;
}

static uint64_t
sum_of(const struct sl_buf *sizes)
{
	uint64_t sum = 0, size;
	for (size_t off = 0; off < sizes->len; off += sizeof(size)) {
		memcpy(&size, sizes->data + off, sizeof(size));
		sum += size;
	}
	return sum;
}

static void
remove_front(struct sl_buf *buf, size_t len)
{
	buf->len -= len;
	memmove(buf->data, buf->data + len, buf->len);
}

/* The first half of the paths, at least. */
static void
drop_first(struct sl_space *space)
{
	struct sl_buf *paths = &space->paths, *sizes = &space->sizes;
	size_t count = 0, begin = 0;
	while (begin < paths->len / 2) {
		begin += strlen(paths->data + begin) + 1;
		count++;
	}
	remove_front(paths, begin);
	remove_front(sizes, count * sizeof(uint64_t));
}

static void
give_back_entries(struct sl_space *space, struct call *call)
{
	space->paths = call->paths;
	space->sizes = call->sizes;
	call->paths = call->sizes = (struct sl_buf){ 0 };
	if (space->paths.len > PATHS_MAX)
		drop_first(space);
	space->known = sum_of(&space->sizes);
}

void
sl_space_check(struct sl_space *space)
{
	if (!space->has_new || space->is_reported)
		return;
	space->has_new = false;
	struct call *call = take_entries(space);
	bool abandoned = false;
	int code = -ENOMEM;
	if (call)
		code = sl_blocking_run(SL_BLOCKING_DIRECTORIES, measure, call, free_call,
			sl_deadline_in(WAIT_NS), &abandoned);
	if (!code && call->needed > call->free_bytes)
		report(space, call);
	if (call && !abandoned && !space->is_reported)
		give_back_entries(space, call);
	if (call && !abandoned)
		free_call(call);
	if (space->is_reported || !call)
		sl_space_release(space);
}

void
sl_space_release(struct sl_space *space)
{
	sl_buf_release(&space->paths);
	sl_buf_release(&space->sizes);
	space->known = 0;
}
