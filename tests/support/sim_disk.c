/*
 * sim_disk.c - what is durable, and what a power cut leaves.
 *
 * The rules are those POSIX gives, not those of a kind file system: syncing a file makes its
 * content durable and not its name; syncing a directory makes its names durable and not their
 * files' content. Changes of one directory reach the disk in order, those of different directories
 * independently. Unsynced content may be old, new or torn by blocks. After a sync that failed, what
 * was dirty is lost, and the next sync does not report it.
 */
#include "sim_world.h"

#include <fcntl.h>
#include <stdlib.h>

static char *
copy_text(const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	sl_assert(copy || !text);
	return copy;
}

void
sim_drop_name(struct sim_name *name)
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

void
sim_set_name(struct sl_list *names, const char *remove, const char *add, struct sim_inode *inode)
{
	struct sim_name *old = remove ? find_name(names, remove) : NULL;
	if (old)
		sim_drop_name(old);
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
count_names(struct sim *sim, struct sim_inode *directory, const char *text, int by)
{
	struct sim_name *name = text ? find_name(&directory->entries, text) : NULL;
	if (!name)
		return;
	name->inode->names += (unsigned)by;
	sim_inode_drop_if_unused(sim, name->inode);
}

void
sim_directory_change(struct sim *sim, struct sim_inode *directory, const char *remove,
	const char *add, struct sim_inode *inode)
{
	struct sim_change *change = calloc(1, sizeof(*change));
	sl_assert(change);
	*change = (struct sim_change){
		.remove = copy_text(remove), .add = copy_text(add), .inode = inode
	};
	sl_list_push_back(&directory->changes, &change->link);
	if (inode)
		inode->names++;
	count_names(sim, directory, remove, -1);
	count_names(sim, directory, add, -1);
	sim_set_name(&directory->entries, remove, add, inode);
	directory->mtime_ns = sim_wall_now(sim);
	sim_watch_renamed(sim, directory, remove, add);
}

static void
settle_change(struct sim_inode *directory, struct sim_change *change, bool apply)
{
	if (apply)
		sim_set_name(
			&directory->stable_entries, change->remove, change->add, change->inode);
	sl_list_remove(&change->link);
	free(change->remove);
	free(change->add);
	free(change);
}

void
sim_settle_changes(struct sim_inode *directory, size_t apply)
{
	sl_list_each(node, &directory->changes)
	{
		settle_change(directory, sl_list_item(node, struct sim_change, link), apply > 0);
		apply -= apply > 0;
	}
}

static void
sync_content(struct sim_inode *inode)
{
	if (inode->lost)
		return;
	sim_block_free(inode->stable);
	inode->stable = inode->size ? sim_block_new(inode->size) : NULL;
	if (inode->size)
		memcpy(inode->stable, inode->data, inode->size);
	inode->stable_size = inode->size;
}

void
sim_disk_sync(struct sim_inode *inode)
{
	inode->stable_mode = inode->mode;
	inode->stable_owner = inode->owner;
	inode->stable_mtime_ns = inode->mtime_ns;
	if (S_ISREG(inode->mode))
		sync_content(inode);
	if (S_ISDIR(inode->mode))
		sim_settle_changes(inode, SIZE_MAX);
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
sim_abort_journal(struct sim *sim)
{
	sim->aborted = true;
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
	/* Each directory on the way must be known to the disk too; a change of the name that is
	 * still open might undo it. */
	struct sim_inode *inode = place.inode, *directory = place.directory;
	if (S_ISREG(inode->mode) && !content_is_stable(inode))
		return false;
	for (const char *name = place.last;;) {
		const struct sim_name *stable = find_name(&directory->stable_entries, name);
		if (!stable || stable->inode != inode)
			return false;
		sl_list_each(node, &directory->changes)
		{
			const struct sim_change *change =
				sl_list_item(node, struct sim_change, link);
			if ((change->remove && strcmp(change->remove, name) == 0) ||
				(change->add && strcmp(change->add, name) == 0))
				return false;
		}
		if (directory == sim->root)
			return true;
		inode = directory;
		directory = directory->parent;
		name = NULL;
		sl_list_each(node, &directory->entries)
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
sim_disk_forget(struct sim_inode *directory)
{
	sim_settle_changes(directory, 0);
	sl_list_each(node, &directory->entries)
		sim_drop_name(sl_list_item(node, struct sim_name, link));
	sl_list_each(node, &directory->stable_entries)
		sim_drop_name(sl_list_item(node, struct sim_name, link));
}
