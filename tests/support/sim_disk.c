/*
 * sim_disk.c - what is durable, and what a power cut leaves.
 *
 * The rules are those POSIX gives, not those of a kind file system: syncing a file makes its
 * content durable and not its name; syncing a folder makes its names durable and not their files'
 * content. Changes of one folder reach the disk in order, those of different folders independently.
 * Unsynced content may be old, new or torn by blocks. After a sync that failed, what was dirty is
 * lost, and the next sync says nothing about it.
 */
#include "sim_world.h"

#include <fcntl.h>
#include <stdlib.h>

#define BLOCK 512 /* what a disk writes whole */

static char *
copy_text(const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	sl_assert(copy || !text);
	return copy;
}

static void
drop_name(struct sim_name *name)
{
	sl_list_remove(&name->link);
	free(name->text);
	free(name);
}

static struct sim_name *
find_name(struct sl_list *names, const char *text)
{
	sl_list_each(node, names)
	{
		struct sim_name *name = sl_list_item(node, struct sim_name, link);
		if (strcmp(name->text, text) == 0)
			return name;
	}
	return NULL;
}

static void
set_name(struct sl_list *names, const char *remove, const char *add, struct sim_inode *inode)
{
	struct sim_name *old = remove ? find_name(names, remove) : NULL;
	if (old)
		drop_name(old);
	if (!add)
		return;
	struct sim_name *name = find_name(names, add);
	if (!name) {
		name = calloc(1, sizeof(*name));
		sl_assert(name);
		name->text = copy_text(add);
		sl_list_push_back(names, &name->link);
	}
	name->inode = inode;
}

static void
count_names(struct sim *sim, struct sim_inode *folder, const char *text, int by)
{
	struct sim_name *name = text ? find_name(&folder->entries, text) : NULL;
	if (!name)
		return;
	name->inode->names += (unsigned)by;
	sim_inode_drop_if_unused(sim, name->inode);
}

void
sim_folder_change(struct sim *sim, struct sim_inode *folder, const char *remove, const char *add,
	struct sim_inode *inode)
{
	struct sim_change *change = calloc(1, sizeof(*change));
	sl_assert(change);
	*change = (struct sim_change){
		.remove = copy_text(remove), .add = copy_text(add), .inode = inode
	};
	sl_list_push_back(&folder->changes, &change->link);
	if (inode)
		inode->names++;
	count_names(sim, folder, remove, -1);
	count_names(sim, folder, add, -1);
	set_name(&folder->entries, remove, add, inode);
	folder->mtime_ns = sim_wall_now(sim);
}

static void
settle_change(struct sim_inode *folder, struct sim_change *change, bool apply)
{
	if (apply)
		set_name(&folder->stable_entries, change->remove, change->add, change->inode);
	sl_list_remove(&change->link);
	free(change->remove);
	free(change->add);
	free(change);
}

static void
settle_changes(struct sim_inode *folder, size_t apply)
{
	sl_list_each(node, &folder->changes)
	{
		settle_change(folder, sl_list_item(node, struct sim_change, link), apply > 0);
		apply -= apply > 0;
	}
}

static void
sync_content(struct sim_inode *inode)
{
	if (inode->lost)
		return;
	free(inode->stable);
	inode->stable = inode->size ? malloc(inode->size) : NULL;
	sl_assert(inode->stable || inode->size == 0);
	if (inode->size)
		memcpy(inode->stable, inode->data, inode->size);
	inode->stable_size = inode->size;
}

void
sim_disk_sync(struct sim_inode *inode)
{
	if (S_ISREG(inode->mode))
		sync_content(inode);
	if (S_ISDIR(inode->mode))
		settle_changes(inode, SIZE_MAX);
}

void
sim_disk_sync_all(struct sim *sim)
{
	sl_list_each(node, &sim->inodes) sim_disk_sync(sl_list_item(node, struct sim_inode, link));
}

static bool
content_is_stable(const struct sim_inode *inode)
{
	return inode->size == inode->stable_size &&
	       (inode->size == 0 || memcmp(inode->data, inode->stable, inode->size) == 0);
}

void
sim_disk_lose(struct sim_inode *inode)
{
	if (S_ISREG(inode->mode) && !content_is_stable(inode))
		inode->lost = true;
}

bool
sim_is_durable(struct sim *sim, const char *path)
{
	struct sim_place place;
	if (sim_walk(sim, AT_FDCWD, path, 0, SIM_NAME, &place) != 0 || !place.inode)
		return false;
	/* Each folder on the way must be known to the disk too; a change of the name that is still
	 * open might undo it. */
	struct sim_inode *inode = place.inode, *folder = place.folder;
	if (S_ISREG(inode->mode) && !content_is_stable(inode))
		return false;
	for (const char *name = place.last;;) {
		const struct sim_name *stable = find_name(&folder->stable_entries, name);
		if (!stable || stable->inode != inode)
			return false;
		sl_list_each(node, &folder->changes)
		{
			const struct sim_change *change =
				sl_list_item(node, struct sim_change, link);
			if ((change->remove && strcmp(change->remove, name) == 0) ||
				(change->add && strcmp(change->add, name) == 0))
				return false;
		}
		if (folder == sim->root)
			return true;
		inode = folder;
		folder = folder->parent;
		name = NULL;
		sl_list_each(node, &folder->entries)
		{
			struct sim_name *entry = sl_list_item(node, struct sim_name, link);
			if (entry->inode == inode)
				name = entry->text;
		}
		if (!name)
			return false;
	}
}

void
sim_disk_forget(struct sim_inode *folder)
{
	settle_changes(folder, 0);
	sl_list_each(node, &folder->entries) drop_name(sl_list_item(node, struct sim_name, link));
	sl_list_each(node, &folder->stable_entries)
		drop_name(sl_list_item(node, struct sim_name, link));
}

/* ---- the power cut ---- */

static size_t
surviving_changes(struct sim *sim, const struct sim_inode *folder, enum sim_crash how)
{
	size_t count = 0;
	for (const struct sl_list *node = folder->changes.next; node != &folder->changes;
		node = node->next)
		count++;
	if (how == SIM_CRASH_DROP)
		return 0;
	return how == SIM_CRASH_NAMES ? count : (size_t)sim_below(sim, count + 1);
}

static void
cut_folder(struct sim *sim, struct sim_inode *folder, enum sim_crash how)
{
	settle_changes(folder, surviving_changes(sim, folder, how));
	sl_list_each(node, &folder->entries) drop_name(sl_list_item(node, struct sim_name, link));
	sl_list_each(node, &folder->stable_entries)
	{
		const struct sim_name *name = sl_list_item(node, struct sim_name, link);
		set_name(&folder->entries, NULL, name->text, name->inode);
	}
}

/* Old, new or torn: each block of its own. Bytes that never reached the disk read as zeros. */
static void
tear(struct sim *sim, const struct sim_inode *inode, unsigned char *out, size_t size)
{
	for (size_t off = 0; off < size; off += BLOCK) {
		size_t n = SL_MIN((size_t)BLOCK, size - off);
		bool fresh = !inode->lost && sim_percent(sim, 50);
		const unsigned char *from = fresh ? inode->data : inode->stable;
		size_t have = fresh ? inode->size : inode->stable_size;
		if (off < have)
			memcpy(out + off, from + off, SL_MIN(n, have - off));
	}
}

static void
cut_file(struct sim *sim, struct sim_inode *inode, enum sim_crash how)
{
	size_t size = inode->stable_size;
	if (how == SIM_CRASH_RANDOM && sim_percent(sim, 50))
		size = inode->size;
	unsigned char *data = calloc(1, size + 1);
	sl_assert(data);
	if (how == SIM_CRASH_RANDOM)
		tear(sim, inode, data, size);
	else if (size)
		memcpy(data, inode->stable, size);
	free(inode->data);
	inode->data = data;
	inode->size = size;
	inode->cap = size + 1;
	inode->lost = false;
	sync_content(inode);
}

static void
recount(struct sim *sim)
{
	sl_list_each(node, &sim->inodes) sl_list_item(node, struct sim_inode, link)->names = 0;
	sim->root->names = 1;
	sl_list_each(node, &sim->inodes)
	{
		struct sim_inode *folder = sl_list_item(node, struct sim_inode, link);
		for (struct sl_list *entry = folder->entries.next; entry != &folder->entries;
			entry = entry->next)
			sl_list_item(entry, struct sim_name, link)->inode->names++;
	}
	sim->used = 0;
	sl_list_each(node, &sim->inodes)
	{
		struct sim_inode *inode = sl_list_item(node, struct sim_inode, link);
		inode->locked_by = NULL;
		inode->locked_outside = false;
		inode->allocated = 0;
		if (inode->names > 0 && S_ISREG(inode->mode))
			sim_inode_allocate(sim, inode, inode->size);
	}
}

void
sim_crash(struct sim *sim, enum sim_crash how)
{
	sl_assert(sim->in_flight == 0);
	sim_fd_close_all(sim);
	sl_list_each(node, &sim->inodes)
	{
		struct sim_inode *inode = sl_list_item(node, struct sim_inode, link);
		if (S_ISDIR(inode->mode))
			cut_folder(sim, inode, how);
		else if (S_ISREG(inode->mode))
			cut_file(sim, inode, how);
	}
	recount(sim);
}
