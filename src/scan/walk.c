#include "sluice/scan/walk.h"

#include "sluice/base/text.h"
#include "sluice/rt/offload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN_MAX 400u /* bytes of a path in messages, which have room for the reason too */

struct entry {
	size_t name; /* offset in the level's names: they move as the buffer grows */
	bool is_directory;
};

/* A directory that is open, and those of its entries that were read and not yet passed on. */
struct level {
	DIR *dir;
	size_t path_len; /* of the walk's path when this directory is the last in it */
	struct sl_buf names;
	struct entry *entries;
	size_t count, next;
	size_t passed_over; /* entries of the batch that are no files and no directories */
	bool at_end;
	int failure; /* of reading it: passed on after its entries */
};

struct sl_walk {
	struct sl_buf path;
	struct level levels[SL_WALK_DEPTH];
	size_t depth; /* levels open; 0 before the first directory and after the last */
	size_t passed_over;
	bool has_begun;
	int failure; /* of opening the directory that `path` names */
};

/* ---- in the blocking pool ---- */

/* d_type where the file system tells it. Links are not followed. 'd' directory, 'f' file, 0
 * anything else. */
static char
kind_of(DIR *dir, const struct dirent *found)
{
	if (found->d_type == DT_DIR || found->d_type == DT_REG)
		return found->d_type == DT_DIR ? 'd' : 'f';
	struct stat st;
	if (found->d_type != DT_UNKNOWN)
		return 0;
	/* What cannot be looked at is for the opening to name. */
	if (fstatat(dirfd(dir), found->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : 'f';
	return S_ISDIR(st.st_mode) ? 'd' : S_ISREG(st.st_mode) ? 'f' : 0;
}

static bool
add_entry(struct level *level, const struct dirent *found)
{
	const char *name = found->d_name;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	char kind = kind_of(level->dir, found);
	if (!kind) {
		level->passed_over++;
		return true;
	}
	level->entries[level->count++] = (struct entry){ level->names.len, kind == 'd' };
	sl_buf_add(&level->names, name, strlen(name) + 1);
	return !level->names.failed;
}

static int
by_name(const void *a, const void *b, void *names)
{
	const struct entry *left = a, *right = b;
	const char *text = names;
	return strcmp(text + left->name, text + right->name);
}

/* Reads the next batch of a level. */
static int
read_batch(void *arg)
{
	struct level *level = arg;
	level->count = level->next = level->passed_over = 0;
	sl_buf_clear(&level->names);
	if (!level->entries)
		level->entries = calloc(SL_WALK_BATCH, sizeof(*level->entries));
	if (!level->entries)
		return -ENOMEM;
	while (level->count < SL_WALK_BATCH) {
		errno = 0;
		const struct dirent *found = readdir(level->dir);
		if (!found) {
			level->failure = -errno;
			level->at_end = true;
			break;
		}
		if (!add_entry(level, found))
			return -ENOMEM;
	}
	if (level->count)
		qsort_r(level->entries, level->count, sizeof(*level->entries), by_name,
			level->names.data);
	return 0;
}

struct open_call {
	int parent; /* AT_FDCWD for the first directory, which may be a link */
	const char *name;
	DIR *dir;
};

static int
open_directory(void *arg)
{
	struct open_call *call = arg;
	int nofollow = call->parent == AT_FDCWD ? 0 : O_NOFOLLOW;
	int fd = openat(call->parent, call->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | nofollow);
	if (fd < 0)
		return -errno;
	call->dir = fdopendir(fd);
	if (call->dir)
		return 0;
	int code = -errno;
	close(fd);
	return code;
}

/* ---- in the task ---- */

static struct level *
top_of(struct sl_walk *walk)
{
	return &walk->levels[walk->depth - 1];
}

/* A batch of names is memory of its own, so that a level that was left gives it back. */
static void
leave(struct sl_walk *walk)
{
	struct level *level = top_of(walk);
	closedir(level->dir); /* of a directory that was only read: nothing to wait for */
	sl_buf_release(&level->names);
	free(level->entries);
	*level = (struct level){ 0 };
	walk->depth--;
}

/* Cuts the path to the directory on top and appends a name to it. */
static bool
set_path(struct sl_walk *walk, size_t len, const char *name)
{
	walk->path.len = len;
	if (len && walk->path.data[len - 1] != '/')
		sl_buf_add_char(&walk->path, '/');
	sl_buf_add_str(&walk->path, name);
	return !walk->path.failed;
}

/* Opens the directory that `path` names as a new level. */
SL_SUSPENDS
static int
enter(struct sl_walk *walk, int parent, const char *name)
{
	struct open_call call = { .parent = parent, .name = name };
	if (walk->depth == SL_WALK_DEPTH)
		return -ELOOP;
	int code = sl_blocking_wait(open_directory, &call);
	if (code)
		return code;
	walk->levels[walk->depth++] = (struct level){ .dir = call.dir, .path_len = walk->path.len };
	return 0;
}

int
sl_walk_new(struct sl_walk **out, const char *directory)
{
	struct sl_walk *walk = calloc(1, sizeof(*walk));
	*out = walk;
	if (!walk)
		return -ENOMEM;
	sl_buf_add_str(&walk->path, directory);
	if (!walk->path.failed)
		return 0;
	free(walk);
	*out = NULL;
	return -ENOMEM;
}

void
sl_walk_free(struct sl_walk *walk)
{
	if (!walk)
		return;
	while (walk->depth)
		leave(walk);
	sl_buf_release(&walk->path);
	free(walk);
}

/* What is wrong with the directory in `path`, or the end of the walk. */
static int
directory_failed(struct sl_walk *walk, const char **path, int code, struct sl_error *err)
{
	if (code == -ECANCELED || code == -ETIMEDOUT || code == -ENOMEM)
		return code;
	*path = walk->path.data;
	sl_error_clear(err);
	struct sl_buf shown = { 0 };
	sl_text_shorten(&shown, sl_buf_span(&walk->path), SHOWN_MAX);
	const char *name = shown.data && !shown.failed ? shown.data : "";
	if (code == -ELOOP && walk->depth == SL_WALK_DEPTH)
		(void)sl_fail(err, SL_PHASE_DIRECTORY, SL_E_LIMIT,
			"cannot read directory '%s': more than %u directories in one another", name,
			SL_WALK_DEPTH);
	else
		(void)sl_fail_code(
			err, SL_PHASE_DIRECTORY, code, "cannot read directory '%s'", name);
	sl_buf_release(&shown);
	return SL_E_NAME;
}

/* Passes on the next entry of the top level: 1 a file, 0 nothing (an entry was entered, or the
 * level left). */
SL_SUSPENDS
static int
step(struct sl_walk *walk, const char **path, struct sl_error *err)
{
	struct level *level = top_of(walk);
	if (level->next == level->count && !level->at_end) {
		int code = sl_blocking_wait(read_batch, level);
		walk->passed_over += level->passed_over;
		return code ? directory_failed(walk, path, code, err) : 0;
	}
	if (level->next == level->count) {
		int failure = level->failure;
		walk->path.len = level->path_len;
		walk->path.data[level->path_len] = '\0';
		leave(walk);
		return failure ? directory_failed(walk, path, failure, err) : 0;
	}
	const struct entry *entry = &level->entries[level->next++];
	const char *name = level->names.data + entry->name;
	if (!set_path(walk, level->path_len, name))
		return -ENOMEM;
	*path = walk->path.data;
	if (!entry->is_directory)
		return 1;
	int code = enter(walk, dirfd(level->dir), name);
	return code ? directory_failed(walk, path, code, err) : 0;
}

int
sl_walk_next(struct sl_walk *walk, const char **path, struct sl_error *err)
{
	int code = 0;
	if (!walk->has_begun) {
		walk->has_begun = true;
		code = enter(walk, AT_FDCWD, walk->path.data);
		if (code)
			return directory_failed(walk, path, code, err);
	}
	while (code == 0 && walk->depth)
		code = step(walk, path, err);
	return code;
}

size_t
sl_walk_passed_over(const struct sl_walk *walk)
{
	return walk->passed_over;
}
