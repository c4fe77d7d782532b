/*
 * sim_list.c - the entries of a directory, as a program reads them piece by piece while others
 * change it: in the order of a hash, as ext4 has them. So a file that is renamed meanwhile may come
 * twice, or not at all; one that is not touched comes once.
 */
#include "sim_world.h"

#include "sluice/base/number.h"
#include "sluice/base/siphash.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define BEGINNING 2u /* positions before those of names: "." and ".." */

struct found {
	uint64_t position;
	const struct sim_name *name;
};

static uint64_t
position_of(const struct sim *sim, const char *text)
{
	uint64_t hash = sl_siphash(sim->first_seed, 0, sl_span(text, strlen(text))).low;
	return SL_MAX(hash >> 1, (uint64_t)BEGINNING + 1);
}

static int
compare(const void *a, const void *b)
{
	const struct found *left = a, *right = b;
	return left->position < right->position ? -1 : left->position > right->position;
}

/* False if there is no room. */
static bool
add(struct sim_job *job, const char *text, uint64_t ino, unsigned char type, uint64_t position)
{
	struct dirent64 entry = { 0 };
	size_t text_len = strlen(text);
	size_t len = sl_round_up(offsetof(struct dirent64, d_name) + text_len + 1, 8);
	if (job->copy.len - job->got < len)
		return false;
	entry.d_ino = ino;
	entry.d_off = (off64_t)position;
	entry.d_reclen = (unsigned short)len;
	entry.d_type = type;
	memcpy(entry.d_name, text, text_len + 1);
	sim_job_gather(job, &entry, len);
	return true;
}

int
sim_list_directory(struct sim *sim, struct sim_fd *fd, struct sim_job *job)
{
	struct sim_inode *directory = fd->inode;
	size_t count = 0, left = 0;
	if (!S_ISDIR(directory->mode))
		return -ENOTDIR;
	sl_list_each(node, &directory->entries) count++;
	struct found *found = calloc(count + 1, sizeof(*found));
	sl_assert(found);
	sl_list_each(node, &directory->entries)
	{
		const struct sim_name *name = sl_list_item(node, struct sim_name, link);
		uint64_t position = position_of(sim, name->text);
		if (position > fd->position)
			found[left++] = (struct found){ position, name };
	}
	qsort(found, left, sizeof(*found), compare);
	if (fd->position < BEGINNING) {
		bool has_room = add(job, ".", directory->ino, DT_DIR, 1) &&
				add(job, "..", directory->parent->ino, DT_DIR, BEGINNING);
		sl_assert(has_room);
		fd->position = BEGINNING;
	}
	left = sim_shorten(sim, job, left);
	for (size_t i = 0; i < left; i++) {
		const struct sim_inode *inode = found[i].name->inode;
		bool is_known = !sim_percent(sim, sim->options.short_percent / 4);
		if (!add(job, found[i].name->text, inode->ino,
			    is_known ? (unsigned char)IFTODT(inode->mode) : DT_UNKNOWN,
			    found[i].position))
			break;
		fd->position = found[i].position;
	}
	free(found);
	return job->got || left == 0 ? sl_int(job->got) : -EINVAL;
}
