/*
 * A walk keeps a stack of open directories, each with a batch of its entries, sorted by name.
 * Everything that may block (opening a directory, reading a batch, resolving links) runs in the
 * blocking pool, which owns the walk during the call.
 *
 * Links. A walk meets every file whose real path lies below the real path of its directory, since
 * it enters each directory there or reports it as unreadable. A link to such a file is skipped.
 * Files elsewhere are remembered by device and inode, so that further links to one are skipped too;
 * once SL_WALK_LINKS are remembered, links to other files are skipped.
 */
#include "sluice/scan/walk.h"

#include "sluice/base/text.h"
#include "sluice/rt/listing.h"
#include "sluice/rt/offload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN_MAX 400u /* bytes of a path in messages, which have room for the reason too */

enum kind {
	KIND_NONE, /* gone, or met elsewhere in the walk */
	KIND_DIRECTORY,
	KIND_FILE,
	KIND_LINK,
	/* Passed over, each for its reason. */
	KIND_LINK_LEFT_OUT,
	KIND_LINK_TO_DIRECTORY,
	KIND_LINK_TO_NOTHING,
	KIND_LINK_IN_A_LOOP,
	KIND_LINK_UNKNOWN,
	KIND_LINK_TOO_MANY,
	KIND_SPECIAL,
	KINDS
};

static const char *const reasons[KINDS] = {
	[KIND_LINK_LEFT_OUT] = "it is a link (--no-follow)",
	[KIND_LINK_TO_DIRECTORY] = "it is a link to a directory (name it to scan its files)",
	[KIND_LINK_TO_NOTHING] = "it is a link to a file that does not exist",
	[KIND_LINK_IN_A_LOOP] = "it is a link in a loop of links",
	[KIND_LINK_UNKNOWN] = "it is a link, which cannot be resolved without /proc",
	[KIND_LINK_TOO_MANY] =
		"it is a link, and too many were followed (name its target to scan it)",
	[KIND_SPECIAL] = "it is a device, a socket or a FIFO",
};

struct walk_entry {
	size_t name; /* offset in the level's names: they move as the buffer grows */
	enum kind kind;
};

/* A directory that is open, and those of its entries that were read and not yet passed on. */
struct level {
	struct sl_listing dir;
	size_t path_len; /* of the walk's path when this directory is the last in it */
	struct sl_buf names;
	struct walk_entry *entries;
	size_t count, next;
	bool at_end;
	int failure; /* of reading it: passed on after its entries */
};

struct file_id {
	uint64_t device, inode;
};

struct sl_walk {
	struct sl_engine *engine;
	struct sl_buf path;
	struct level levels[SL_WALK_DEPTH];
	size_t depth; /* levels open; 0 before the first directory and after the last */
	bool has_begun;
	bool follow;
	struct sl_walk_rules rules;

	char *real_path; /* of the first directory; NULL if it is not known */
	void *linked;    /* tree of struct file_id: files that links have led to */
	size_t linked_count;
};

/* ---- in the blocking pool ---- */

static int
run(const struct sl_walk *walk, struct sl_op op)
{
	return walk->engine->methods->run_blocking(walk->engine, &op);
}

/* `path` "": the descriptor itself. */
static int
stat_at(const struct sl_walk *walk, int fd, const char *path, uint32_t flags, struct statx *st)
{
	return run(walk, (struct sl_op){ .kind = SL_OP_STAT,
				 .dir_fd = fd,
				 .path = path,
				 .flags = flags,
				 .mask = STATX_TYPE | STATX_INO,
				 .statx = st });
}

/* The path of the open file `fd`, without links in it. NULL if it is unknown. */
static char *
real_path_of(int fd)
{
	char self[32], path[PATH_MAX];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(self, path, sizeof(path));
	return len > 0 && len < (ssize_t)sizeof(path) && path[0] == '/' ? strndup(path, (size_t)len)
									: NULL;
}

/* `path` is the directory `below` or lies in it. */
static bool
is_below(const char *path, const char *below)
{
	size_t len = strcmp(below, "/") == 0 ? 0 : strlen(below);
	return strncmp(path, below, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static int
compare_ids(const void *a, const void *b)
{
	const struct file_id *left = a, *right = b;
	if (left->device != right->device)
		return left->device < right->device ? -1 : 1;
	return left->inode < right->inode ? -1 : left->inode > right->inode;
}

/* A file outside the directory: KIND_LINK when a link leads to it for the first time. */
static enum kind
remember_file(struct sl_walk *walk, const struct statx *st)
{
	uint64_t device = (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
	struct file_id wanted = { device, st->stx_ino };
	if (tfind(&wanted, &walk->linked, compare_ids))
		return KIND_NONE;
	if (walk->linked_count == SL_WALK_LINKS)
		return KIND_LINK_TOO_MANY;
	struct file_id *id = malloc(sizeof(*id));
	if (id)
		*id = wanted;
	if (!id || !tsearch(id, &walk->linked, compare_ids)) {
		free(id);
		return KIND_LINK_TOO_MANY;
	}
	walk->linked_count++;
	return KIND_LINK;
}

static enum kind
kind_of_target(struct sl_walk *walk, int fd)
{
	struct statx st = { 0 };
	if (stat_at(walk, fd, "", AT_EMPTY_PATH, &st) != 0)
		return KIND_LINK_UNKNOWN;
	if (!S_ISDIR(st.stx_mode) && !S_ISREG(st.stx_mode))
		return KIND_SPECIAL;
	char *path = walk->real_path ? real_path_of(fd) : NULL;
	if (!path)
		return KIND_LINK_UNKNOWN;
	bool is_met = is_below(path, walk->real_path);
	free(path);
	if (is_met)
		return KIND_NONE;
	return S_ISDIR(st.stx_mode) ? KIND_LINK_TO_DIRECTORY : remember_file(walk, &st);
}

static enum kind
kind_of_link(struct sl_walk *walk, int directory, const char *name)
{
	if (!walk->follow)
		return KIND_LINK_LEFT_OUT;
	int fd = run(walk, (struct sl_op){ .kind = SL_OP_OPEN,
				   .dir_fd = directory,
				   .path = name,
				   .flags = O_PATH | O_CLOEXEC });
	/* Any other failure is reported when it is opened as a file. */
	if (fd == -ENOENT)
		return KIND_LINK_TO_NOTHING;
	if (fd < 0)
		return fd == -ELOOP ? KIND_LINK_IN_A_LOOP : KIND_LINK;
	enum kind kind = kind_of_target(walk, fd);
	(void)run(walk, (struct sl_op){ .kind = SL_OP_CLOSE, .fd = fd });
	return kind;
}

static enum kind
kind_of_mode(mode_t mode)
{
	return S_ISDIR(mode) ? KIND_DIRECTORY : S_ISREG(mode) ? KIND_FILE : KIND_SPECIAL;
}

/* By d_type where the file system fills it in. A link is KIND_LINK, wherever it leads. */
static enum kind
kind_of(const struct sl_walk *walk, const struct sl_listing *dir,
	const struct sl_listing_entry *found)
{
	struct statx st = { 0 };
	mode_t mode = (mode_t)DTTOIF(found->type);
	if (found->type == DT_UNKNOWN) {
		int code = stat_at(walk, dir->fd, found->name, AT_SYMLINK_NOFOLLOW, &st);
		/* A failure is reported when it is opened as a file. */
		if (code)
			return code == -ENOENT ? KIND_NONE : KIND_FILE;
		mode = st.stx_mode;
	}
	return S_ISLNK(mode) ? KIND_LINK : kind_of_mode(mode);
}

static bool
is_left_out(const struct sl_walk_rules *rules, const char *name, bool is_directory)
{
	bool is_out = false, is_first = true;
	for (size_t i = 0; i < rules->count; i++) {
		const struct sl_walk_rule *rule = &rules->items[i];
		if (is_directory != (rule->kind == SL_WALK_EXCLUDE_DIRECTORY))
			continue;
		bool includes = rule->kind == SL_WALK_INCLUDE;
		if (is_first && includes)
			is_out = true;
		is_first = false;
		if (fnmatch(rule->glob, name, 0) == 0)
			is_out = !includes;
	}
	return is_out;
}

static bool
add_entry(struct sl_walk *walk, struct level *level, const struct sl_listing_entry *found)
{
	const char *name = found->name;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	enum kind kind = kind_of(walk, &level->dir, found);
	if (kind == KIND_NONE || is_left_out(&walk->rules, name, kind == KIND_DIRECTORY))
		return true;
	level->entries[level->count++] = (struct walk_entry){ level->names.len, kind };
	sl_buf_add(&level->names, name, strlen(name) + 1);
	return !level->names.failed;
}

static int
by_name(const void *a, const void *b, void *names)
{
	const struct walk_entry *left = a, *right = b;
	const char *text = names;
	return strcmp(text + left->name, text + right->name);
}

/* Replaces the links of a batch by what they lead to, in the order of their names. */
static void
resolve_links(struct sl_walk *walk, struct level *level)
{
	size_t kept = 0;
	for (size_t i = 0; i < level->count; i++) {
		struct walk_entry entry = level->entries[i];
		if (entry.kind == KIND_LINK)
			entry.kind =
				kind_of_link(walk, level->dir.fd, level->names.data + entry.name);
		if (entry.kind != KIND_NONE)
			level->entries[kept++] = entry;
	}
	level->count = kept;
}

/* Reads the next batch of the level on top. */
static int
read_batch(void *arg)
{
	struct sl_walk *walk = arg;
	struct level *level = &walk->levels[walk->depth - 1];
	level->count = level->next = 0;
	sl_buf_clear(&level->names);
	if (!level->entries)
		level->entries = calloc(SL_WALK_BATCH, sizeof(*level->entries));
	if (!level->entries)
		return -ENOMEM;
	while (level->count < SL_WALK_BATCH) {
		struct sl_listing_entry found;
		int code = sl_listing_next(&level->dir, &found);
		if (code <= 0) {
			level->failure = code;
			level->at_end = true;
			break;
		}
		if (!add_entry(walk, level, &found))
			return -ENOMEM;
	}
	if (level->count)
		qsort_r(level->entries, level->count, sizeof(*level->entries), by_name,
			level->names.data);
	resolve_links(walk, level);
	return 0;
}

struct open_call {
	struct sl_walk *walk;
	int parent; /* AT_FDCWD for the first directory, which may be a link */
	const char *name;
	struct sl_listing dir;
};

static int
open_directory(void *arg)
{
	struct open_call *call = arg;
	bool is_first = call->parent == AT_FDCWD;
	int nofollow = is_first ? 0 : O_NOFOLLOW;
	int code =
		sl_listing_open(&call->dir, call->walk->engine, call->parent, call->name, nofollow);
	if (code == 0 && is_first)
		call->walk->real_path = real_path_of(call->dir.fd);
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
	sl_listing_close(&level->dir);
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
	struct open_call call = { .walk = walk, .parent = parent, .name = name };
	if (walk->depth == SL_WALK_DEPTH)
		return -ELOOP;
	int code = sl_blocking_wait(open_directory, &call);
	if (code)
		return code;
	walk->levels[walk->depth++] = (struct level){ .dir = call.dir, .path_len = walk->path.len };
	return 0;
}

int
sl_walk_new(
	struct sl_walk **out, const char *directory, bool follow, const struct sl_walk_rules *rules)
{
	struct sl_walk *walk = calloc(1, sizeof(*walk));
	*out = walk;
	if (!walk)
		return -ENOMEM;
	walk->engine = sl_rt_engine(sl_rt_current());
	walk->follow = follow;
	walk->rules = *rules;
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
	free(walk->real_path);
	tdestroy(walk->linked, free);
	free(walk);
}

/* The walk's path as it is shown in messages: cut in its middle if it is long. */
static void
fail_path(
	struct sl_walk *walk, struct sl_error *err, int code, const char *before, const char *after)
{
	struct sl_buf shown = { 0 };
	sl_error_clear(err);
	sl_text_shorten(&shown, sl_buf_span(&walk->path), SHOWN_MAX);
	(void)sl_fail(err, SL_PHASE_DIRECTORY, code, "%s'%s'%s", before,
		shown.data && !shown.failed ? shown.data : "", after);
	sl_buf_release(&shown);
}

/* Describes what is wrong with the directory in `path`, or ends the walk. */
static int
directory_failed(struct sl_walk *walk, const char **path, int code, struct sl_error *err)
{
	char why[128];
	if (code == -ECANCELED || code == -ETIMEDOUT || code == -ENOMEM)
		return code;
	bool is_too_deep = code == -ELOOP && walk->depth == SL_WALK_DEPTH;
	if (is_too_deep)
		snprintf(why, sizeof(why), ": more than %u nested directories", SL_WALK_DEPTH);
	else
		snprintf(why, sizeof(why), ": %s", sl_code_text(code));
	*path = walk->path.data;
	fail_path(walk, err, is_too_deep ? SL_E_LIMIT : code, "cannot read directory ", why);
	return SL_E_NAME;
}

/* Describes why an entry is not read. Returns its enum sl_walk_found. */
static int
fail_skipped(struct sl_walk *walk, enum kind kind, struct sl_error *err)
{
	char why[160];
	snprintf(why, sizeof(why), " is skipped: %s", reasons[kind]);
	fail_path(walk, err, SL_E_UNSUPPORTED, "", why);
	return kind == KIND_SPECIAL ? SL_WALK_SPECIAL : SL_WALK_OTHER_LINK;
}

/* Moves on by one entry of the level on top: an enum sl_walk_found, SL_WALK_END if nothing is to be
 * passed on (a directory was entered or left). */
SL_SUSPENDS
static int
step(struct sl_walk *walk, const char **path, struct sl_error *err)
{
	struct level *level = top_of(walk);
	if (level->next == level->count && !level->at_end) {
		int code = sl_blocking_wait(read_batch, walk);
		return code ? directory_failed(walk, path, code, err) : SL_WALK_END;
	}
	if (level->next == level->count) {
		int failure = level->failure;
		walk->path.len = level->path_len;
		walk->path.data[level->path_len] = '\0';
		leave(walk);
		return failure ? directory_failed(walk, path, failure, err) : SL_WALK_END;
	}
	const struct walk_entry *entry = &level->entries[level->next++];
	const char *name = level->names.data + entry->name;
	if (!set_path(walk, level->path_len, name))
		return -ENOMEM;
	*path = walk->path.data;
	if (entry->kind == KIND_FILE)
		return SL_WALK_FILE;
	if (entry->kind == KIND_LINK)
		return SL_WALK_LINK;
	if (entry->kind != KIND_DIRECTORY)
		return fail_skipped(walk, entry->kind, err);
	int code = enter(walk, level->dir.fd, name);
	return code ? directory_failed(walk, path, code, err) : SL_WALK_END;
}

int
sl_walk_next(struct sl_walk *walk, const char **path, struct sl_error *err)
{
	int result = SL_WALK_END;
	if (!walk->has_begun) {
		walk->has_begun = true;
		int code = enter(walk, AT_FDCWD, walk->path.data);
		if (code)
			return directory_failed(walk, path, code, err);
	}
	while (result == SL_WALK_END && walk->depth)
		result = step(walk, path, err);
	return result;
}
