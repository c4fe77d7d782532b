/*
 * sim_path.c - inodes, names and where a path leads; and what tests put there and look up.
 */
#include "sim_world.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_LINKS 40 /* followed in one walk, as the kernel */
#define MAX_NAME 255
#define MAX_PATH 4096

/* The number of a file that is gone for good: no power cut brings it back. */
static uint64_t
next_ino(struct sim *sim)
{
	sl_list_each(node, &sim->inodes)
	{
		struct sim_inode *gone = sl_list_item(node, struct sim_inode, link);
		if (!sim->options.reuse_inodes || gone->is_ino_reused || gone->names > 0 ||
			gone->opens > 0 || !gone->parent || gone->parent == gone ||
			!sl_list_is_empty(&gone->parent->changes))
			continue;
		gone->is_ino_reused = true;
		return gone->ino;
	}
	return 100 + sim->next_ino++;
}

struct sim_inode *
sim_inode_new(struct sim *sim, uint32_t mode)
{
	struct sim_inode *inode = calloc(1, sizeof(*inode));
	sl_assert(inode);
	inode->ino = next_ino(sim);
	inode->mode = inode->stable_mode = mode;
	inode->owner.uid = geteuid();
	inode->owner.gid = getegid();
	inode->stable_owner = inode->owner;
	inode->mtime_ns = inode->stable_mtime_ns = inode->birth_ns = sim_wall_now(sim);
	sl_list_init(&inode->entries);
	sl_list_init(&inode->stable_entries);
	sl_list_init(&inode->changes);
	sl_list_push_back(&sim->inodes, &inode->link);
	return inode;
}

/* Its bytes are free again; the inode itself stays until the world ends, for what a crash may bring
 * back. */
void
sim_inode_drop_if_unused(struct sim *sim, struct sim_inode *inode)
{
	if (inode->names > 0 || inode->opens > 0)
		return;
	sim->used -= inode->allocated;
	inode->allocated = 0;
}

struct sim_name *
sim_entry(struct sim_inode *directory, const char *text, size_t len)
{
	sl_list_each(node, &directory->entries)
	{
		struct sim_name *name = sl_list_item(node, struct sim_name, link);
		if (strlen(name->text) == len && memcmp(name->text, text, len) == 0)
			return name;
	}
	return NULL;
}

/* ---- walking ---- */

struct walk {
	struct sim *sim;
	struct sim_inode *start, *at;
	uint64_t resolve;
	enum sim_follow follow;
	unsigned links;
	char rest[MAX_PATH];
};

static int
step_up(struct walk *walk)
{
	if ((walk->resolve & RESOLVE_BENEATH) && walk->at == walk->start)
		return -EXDEV;
	walk->at = walk->at->parent;
	return 0;
}

/* Put the link's target before what is left of the path. */
static int
follow_link(struct walk *walk, const struct sim_inode *link, const char *left, bool slash)
{
	if (walk->resolve & RESOLVE_NO_SYMLINKS)
		return -ELOOP;
	if (++walk->links > MAX_LINKS)
		return -ELOOP;
	char joined[MAX_PATH];
	int len = snprintf(joined, sizeof(joined), "%s%s%s", link->target, slash ? "/" : "", left);
	if (len < 0 || (size_t)len >= sizeof(joined))
		return -ENAMETOOLONG;
	if (joined[0] == '/') {
		if (walk->resolve & RESOLVE_BENEATH)
			return -EXDEV;
		walk->at = walk->sim->root;
	}
	memcpy(walk->rest, joined, (size_t)len + 1);
	return 0;
}

static void
place_self(struct walk *walk, const char *name, struct sim_place *place)
{
	*place =
		(struct sim_place){ .directory = walk->at->parent, .inode = walk->at, .dot = true };
	memcpy(place->last, name, strlen(name) + 1);
}

/* One component. Returns 1 when the walk has arrived, 0 to go on, or a negative code. */
static int
step(struct walk *walk, struct sim_place *place)
{
	char *name = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(name, "/");
	char *left = name + len + strspn(name + len, "/");
	bool last = *left == '\0', slash = name[len] == '/';
	if (!S_ISDIR(walk->at->mode))
		return -ENOTDIR;
	if (len > MAX_NAME)
		return -ENAMETOOLONG;
	bool up = len == 2 && memcmp(name, "..", 2) == 0,
	     self = len == 0 || (len == 1 && *name == '.');
	if (up || self) {
		int code = up ? step_up(walk) : 0;
		if (code == 0 && last)
			place_self(walk, up ? ".." : ".", place);
		memmove(walk->rest, left, strlen(left) + 1);
		return code ? code : last;
	}
	struct sim_name *entry = sim_entry(walk->at, name, len);
	struct sim_inode *inode = entry ? entry->inode : NULL;
	bool through =
		!last || walk->follow == SIM_FOLLOW || (slash && walk->follow == SIM_NOFOLLOW);
	if (inode && S_ISLNK(inode->mode) && through)
		return follow_link(walk, inode, left, slash);
	if (last) {
		*place = (struct sim_place){
			.directory = walk->at, .inode = inode, .wants_directory = slash
		};
		memcpy(place->last, name, len);
		bool refused = slash && walk->follow != SIM_NAME && inode && !S_ISDIR(inode->mode);
		return refused ? -ENOTDIR : 1;
	}
	if (!inode)
		return -ENOENT;
	walk->at = inode;
	memmove(walk->rest, left, strlen(left) + 1);
	return 0;
}

static int
find_start(struct walk *walk, int dir_fd, const char *path)
{
	if (path[0] == '/' && (walk->resolve & RESOLVE_BENEATH))
		return -EXDEV;
	walk->start = walk->sim->root;
	if (path[0] == '/' || dir_fd == AT_FDCWD)
		return 0;
	struct sim_fd *fd = sim_fd(walk->sim, dir_fd);
	if (!fd) {
		sim_breach(walk->sim, "descriptor %d, which is not open, is used as a directory",
			dir_fd);
		return -EBADF;
	}
	if (!fd->inode || !S_ISDIR(fd->inode->mode))
		return -ENOTDIR;
	walk->start = fd->inode;
	return 0;
}

int
sim_walk(struct sim *sim, int dir_fd, const char *path, uint64_t resolve, enum sim_follow follow,
	struct sim_place *place)
{
	struct walk walk = { .sim = sim, .resolve = resolve, .follow = follow };
	if (path[0] == '\0')
		return -ENOENT;
	if (strlen(path) >= sizeof(walk.rest))
		return -ENAMETOOLONG;
	int code = find_start(&walk, dir_fd, path);
	if (code)
		return code;
	walk.at = walk.start;
	memcpy(walk.rest, path, strlen(path) + 1);
	do {
		code = step(&walk, place);
	} while (code == 0);
	return code < 0 ? code : 0;
}

struct sim_inode *
sim_find(struct sim *sim, const char *path)
{
	struct sim_place place = { 0 };
	return sim_walk(sim, AT_FDCWD, path, 0, SIM_FOLLOW, &place) == 0 ? place.inode : NULL;
}

/* ---- what tests put and look up ---- */

/* The place of a path, its directories made as needed. */
static struct sim_place
make_place(struct sim *sim, const char *path)
{
	struct sim_place place;
	int code = sim_walk(sim, AT_FDCWD, path, 0, SIM_NAME, &place);
	if (code == -ENOENT) {
		char *parent = strdup(path);
		sl_assert(parent);
		char *slash = strrchr(parent, '/');
		sl_assert(slash && slash != parent);
		*slash = '\0';
		sim_put_directory(sim, parent, 0755);
		free(parent);
		code = sim_walk(sim, AT_FDCWD, path, 0, SIM_NAME, &place);
	}
	sl_assert(code == 0);
	return place;
}

static struct sim_inode *
put(struct sim *sim, const char *path, uint32_t mode)
{
	struct sim_place place = make_place(sim, path);
	if (place.inode) {
		sl_assert((place.inode->mode & S_IFMT) == (mode & S_IFMT));
		place.inode->mode = mode;
		return place.inode;
	}
	struct sim_inode *inode = sim_inode_new(sim, mode);
	inode->parent = place.directory;
	sim_directory_change(sim, place.directory, NULL, place.last, inode);
	sim_disk_sync(place.directory);
	return inode;
}

void
sim_put_file(struct sim *sim, const char *path, const void *data, size_t len, uint32_t mode)
{
	struct sim_inode *inode = put(sim, path, S_IFREG | mode);
	sl_assert(sim_inode_resize(sim, inode, 0) == 0 && sim_inode_resize(sim, inode, len) == 0);
	if (len)
		memcpy(inode->data, data, len);
	sim_disk_sync(inode);
}

void
sim_put_directory(struct sim *sim, const char *path, uint32_t mode)
{
	put(sim, path, S_IFDIR | mode);
}

void
sim_put_link(struct sim *sim, const char *path, const char *target)
{
	struct sim_inode *inode = put(sim, path, S_IFLNK | 0777);
	free(inode->target);
	inode->target = strdup(target);
	sl_assert(inode->target);
}

void
sim_put_node(struct sim *sim, const char *path, uint32_t type, int code)
{
	struct sim_inode *inode = put(sim, path, type | 0666);
	inode->sink = sim_sink_new(sim, -1, SL_MIB, SL_FOREVER);
	if (code) {
		inode->sink->limit = 0;
		inode->sink->code = code;
	}
}

static struct sim_inode *
must_find(struct sim *sim, const char *path)
{
	struct sim_inode *inode = sim_find(sim, path);
	sl_assert(inode);
	return inode;
}

void
sim_append(struct sim *sim, const char *path, const void *data, size_t len)
{
	struct sim_inode *inode = must_find(sim, path);
	size_t old = inode->size;
	sl_assert(sim_inode_resize(sim, inode, old + len) == 0);
	if (len)
		memcpy(inode->data + old, data, len);
	inode->mtime_ns = sim_wall_now(sim);
	sim_watch_modified(sim, inode);
}

void
sim_cut(struct sim *sim, const char *path, size_t size)
{
	struct sim_inode *inode = must_find(sim, path);
	sl_assert(sim_inode_resize(sim, inode, size) == 0);
	inode->mtime_ns = sim_wall_now(sim);
	sim_watch_modified(sim, inode);
}

void
sim_damage(struct sim *sim, const char *path, uint64_t off)
{
	struct sim_inode *inode = must_find(sim, path);
	inode->is_damaged = true;
	inode->damaged_off = off;
}

void
sim_remove(struct sim *sim, const char *path)
{
	struct sim_place place;
	sl_assert(sim_walk(sim, AT_FDCWD, path, 0, SIM_NAME, &place) == 0 && place.inode);
	sim_directory_change(sim, place.directory, place.last, NULL, NULL);
}

void
sim_rename(struct sim *sim, const char *path, const char *to)
{
	struct sim_place place, target;
	sl_assert(sim_walk(sim, AT_FDCWD, path, 0, SIM_NAME, &place) == 0 && place.inode);
	sl_assert(sim_walk(sim, AT_FDCWD, to, 0, SIM_NAME, &target) == 0 &&
		  target.directory == place.directory);
	sim_directory_change(sim, place.directory, place.last, target.last, place.inode);
}

void
sim_make_durable(struct sim *sim, const char *path)
{
	sim_disk_sync(must_find(sim, path));
}

void
sim_hold_lock(struct sim *sim, const char *path, bool held)
{
	must_find(sim, path)->locked_outside = held;
}

uint64_t
sim_room(const struct sim *sim)
{
	return sim->options.capacity - SL_MIN(sim->options.capacity, sim->used);
}

void
sim_set_capacity(struct sim *sim, uint64_t capacity)
{
	sim->options.capacity = capacity;
}

bool
sim_exists(struct sim *sim, const char *path)
{
	struct sim_place place;
	return sim_walk(sim, AT_FDCWD, path, 0, SIM_NAME, &place) == 0 && place.inode;
}

bool
sim_content(struct sim *sim, const char *path, struct sl_span *out)
{
	struct sim_inode *inode = sim_find(sim, path);
	if (!inode)
		return false;
	if (inode->sink) {
		*out = sl_buf_span(&inode->sink->taken);
		return true;
	}
	*out = sl_span((const char *)inode->data, inode->size);
	return S_ISREG(inode->mode);
}

uint32_t
sim_mode(struct sim *sim, const char *path)
{
	return must_find(sim, path)->mode & 07777;
}

void
sim_set_owner(struct sim *sim, const char *path, uint32_t uid, uint32_t gid)
{
	struct sim_inode *inode = must_find(sim, path);
	inode->owner.uid = uid;
	inode->owner.gid = gid;
	inode->stable_owner = inode->owner;
}

uint32_t
sim_uid(struct sim *sim, const char *path)
{
	return must_find(sim, path)->owner.uid;
}

uint32_t
sim_gid(struct sim *sim, const char *path)
{
	return must_find(sim, path)->owner.gid;
}

struct sl_span
sim_acl(struct sim *sim, const char *path)
{
	const struct sim_inode *inode = must_find(sim, path);
	return sl_span((const char *)inode->owner.acl, inode->owner.acl_len);
}

uint64_t
sim_mtime_ns(struct sim *sim, const char *path)
{
	return must_find(sim, path)->mtime_ns;
}

size_t
sim_name_count(struct sim *sim, const char *directory)
{
	size_t count = 0;
	sl_list_each(node, &must_find(sim, directory)->entries) count++;
	return count;
}

const char *
sim_name(struct sim *sim, const char *directory, size_t index)
{
	struct sim_inode *inode = must_find(sim, directory);
	sl_list_each(node, &inode->entries)
	{
		if (index-- == 0)
			return sl_list_item(node, struct sim_name, link)->text;
	}
	return NULL;
}
