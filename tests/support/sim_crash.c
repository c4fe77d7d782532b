/*
 * sim_crash.c - power cuts, and copies of a disk: as they are taken in the middle of a run that
 * then goes on.
 */
#include "sim_world.h"

#include <stdlib.h>

#define BLOCK 512 /* what a disk writes whole */

/* ---- what is left ---- */

/* What directories and the attributes of files were changed to is all there. */
static bool
keeps_names(enum sim_crash how)
{
	return how == SIM_CRASH_KEEP || how == SIM_CRASH_NAMES || how == SIM_CRASH_SIZES;
}

static size_t
surviving_changes(struct sim *sim, const struct sim_inode *directory, enum sim_crash how)
{
	size_t count = 0;
	for (const struct sl_list *node = directory->changes.next; node != &directory->changes;
		node = node->next)
		count++;
	if (how == SIM_CRASH_DROP)
		return 0;
	return keeps_names(how) ? count : (size_t)sim_below(sim, count + 1);
}

static void
cut_directory(struct sim *sim, struct sim_inode *directory, enum sim_crash how)
{
	sim_settle_changes(directory, surviving_changes(sim, directory, how));
	sl_list_each(node, &directory->entries)
		sim_drop_name(sl_list_item(node, struct sim_name, link));
	sl_list_each(node, &directory->stable_entries)
	{
		const struct sim_name *name = sl_list_item(node, struct sim_name, link);
		sim_set_name(&directory->entries, NULL, name->text, name->inode);
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

static bool
keeps_size(struct sim *sim, enum sim_crash how)
{
	bool perhaps = how == SIM_CRASH_RANDOM && sim_percent(sim, 50);
	return perhaps || how == SIM_CRASH_SIZES || how == SIM_CRASH_KEEP;
}

static void
cut_file(struct sim *sim, struct sim_inode *inode, enum sim_crash how)
{
	size_t size = keeps_size(sim, how) ? inode->size : inode->stable_size;
	bool keeps_data = how == SIM_CRASH_KEEP && !inode->lost;
	const unsigned char *from = keeps_data ? inode->data : inode->stable;
	size_t have = SL_MIN(size, keeps_data ? inode->size : inode->stable_size);
	unsigned char *data = sim_block_new(size + 1);
	memset(data, 0, size + 1);
	if (how == SIM_CRASH_RANDOM)
		tear(sim, inode, data, size);
	else if (have)
		memcpy(data, from, have);
	sim_block_free(inode->data);
	inode->data = data;
	inode->size = size;
	inode->cap = size + 1;
	inode->lost = false;
	/* A journal keeps the order: a mode set after a rename is not there if the rename is
	 * not. */
	if (!keeps_names(how)) {
		inode->mode = inode->stable_mode;
		inode->owner = inode->stable_owner;
		inode->mtime_ns = inode->stable_mtime_ns;
	}
	sim_disk_sync(inode);
}

static void
recount(struct sim *sim)
{
	sl_list_each(node, &sim->inodes) sl_list_item(node, struct sim_inode, link)->names = 0;
	sim->root->names = 1;
	sl_list_each(node, &sim->inodes)
	{
		struct sim_inode *directory = sl_list_item(node, struct sim_inode, link);
		for (struct sl_list *entry = directory->entries.next; entry != &directory->entries;
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
	if (how == SIM_CRASH_KILL) {
		recount(sim);
		return;
	}
	sim->boot++;
	sl_list_each(node, &sim->inodes)
	{
		struct sim_inode *inode = sl_list_item(node, struct sim_inode, link);
		if (S_ISDIR(inode->mode))
			cut_directory(sim, inode, how);
		else if (S_ISREG(inode->mode))
			cut_file(sim, inode, how);
	}
	recount(sim);
}

/* ---- copies ---- */

static void *
copy_bytes(const void *data, size_t size)
{
	void *copy = sim_block_new(size + 1);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

static void
copy_inode(struct sim *to, struct sim_inode *inode)
{
	struct sim_inode *copy = inode->parent == inode ? to->root : sim_inode_new(to, inode->mode);
	inode->copy = copy;
	copy->mode = inode->mode;
	copy->owner = inode->owner;
	copy->ino = inode->ino;
	copy->is_ino_reused = inode->is_ino_reused;
	copy->mtime_ns = inode->mtime_ns;
	copy->birth_ns = inode->birth_ns;
	copy->data = copy_bytes(inode->data, inode->size);
	copy->size = inode->size;
	copy->cap = inode->size + 1;
	copy->stable = copy_bytes(inode->stable, inode->stable_size);
	copy->stable_size = inode->stable_size;
	copy->stable_mode = inode->stable_mode;
	copy->stable_owner = inode->stable_owner;
	copy->stable_mtime_ns = inode->stable_mtime_ns;
	copy->lost = inode->lost;
	copy->target = inode->target ? strdup(inode->target) : NULL;
	if (inode->sink)
		copy->sink = sim_sink_new(to, -1, SL_MIB, SL_FOREVER);
}

static void
copy_names(struct sl_list *from, struct sl_list *to)
{
	sl_list_each(node, from)
	{
		struct sim_name *name = sl_list_item(node, struct sim_name, link);
		sim_set_name(to, NULL, name->text, name->inode->copy);
	}
}

static void
copy_directory(struct sim_inode *inode)
{
	struct sim_inode *copy = inode->copy;
	copy->parent = inode->parent ? inode->parent->copy : NULL;
	copy_names(&inode->entries, &copy->entries);
	copy_names(&inode->stable_entries, &copy->stable_entries);
	sl_list_each(node, &inode->changes)
	{
		struct sim_change *change = sl_list_item(node, struct sim_change, link);
		struct sim_change *same = calloc(1, sizeof(*same));
		sl_assert(same);
		same->remove = change->remove ? strdup(change->remove) : NULL;
		same->add = change->add ? strdup(change->add) : NULL;
		same->inode = change->inode ? change->inode->copy : NULL;
		sl_list_push_back(&copy->changes, &same->link);
	}
}

static struct sim *
copy_disk(struct sim *sim)
{
	struct sim_options options = sim->options;
	options.seed += 1000003;
	options.start_ns = sim->now;
	options.wall_ns = sim_wall_now(sim);
	struct sim *copy = sim_new(&options);
	copy->first_seed = sim->first_seed;
	copy->next_ino = sim->next_ino;
	copy->boot = sim->boot;
	sl_list_each(node, &sim->inodes)
		copy_inode(copy, sl_list_item(node, struct sim_inode, link));
	sl_list_each(node, &sim->inodes) copy_directory(sl_list_item(node, struct sim_inode, link));
	return copy;
}

/* ---- in the middle of a run ---- */

void
sim_cut_at(struct sim *sim, uint64_t nth, enum sim_crash how)
{
	sim->cut = (struct sim_cut){ .left = nth, .how = how };
}

void
sim_cut_now(struct sim *sim, enum sim_crash how)
{
	sl_assert(!sim->cut.world);
	sim->cut.world = copy_disk(sim);
	sim->cut.at_op = sim->submitted;
	sim_crash(sim->cut.world, how);
}

void
sim_cut_spring(struct sim *sim)
{
	struct sim_cut *cut = &sim->cut;
	if (cut->left > 0 && --cut->left == 0)
		sim_cut_now(sim, cut->how);
}

struct sim *
sim_cut_world(struct sim *sim, uint64_t *at_op)
{
	struct sim *world = sim->cut.world;
	*at_op = sim->cut.at_op;
	sim->cut = (struct sim_cut){ 0 };
	return world;
}
