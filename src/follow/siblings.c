#include "sluice/follow/siblings.h"

#include "sluice/rt/offload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define TRIES 8u

struct list_call {
	const char *path;
	struct sl_siblings found;
};

static const char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int
add(struct list_call *call, DIR *directory, const char *name)
{
	struct stat st;
	struct sl_siblings *found = &call->found;
	if (fstatat(dirfd(directory), name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	struct sl_sibling *items =
		reallocarray(found->items, found->count + 1, sizeof(*found->items));
	if (!items)
		return -ENOMEM;
	found->items = items;
	struct sl_sibling *item = &items[found->count];
	int directory_len = (int)(name_of(call->path) - call->path);
	if (asprintf(&item->path, "%.*s%s", directory_len, call->path, name) < 0)
		return -ENOMEM;
	item->name = name_of(item->path);
	item->age = sl_rotation_age(name_of(call->path), name);
	item->file = (struct sl_state_file){ .dev_major = major(st.st_dev),
		.dev_minor = minor(st.st_dev),
		.inode = st.st_ino,
		.size = (uint64_t)st.st_size,
		.mtime_s = st.st_mtim.tv_sec > 0 ? (uint64_t)st.st_mtim.tv_sec : 0,
		.mtime_ns = (uint64_t)st.st_mtim.tv_nsec };
	found->count++;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct sl_sibling *left = a, *right = b;
	if (left->age.is_known != right->age.is_known)
		return left->age.is_known ? -1 : 1;
	if (left->age.is_date != right->age.is_date)
		return left->age.is_date ? -1 : 1;
	if (sl_rotation_is_newer(left->age, right->age))
		return -1;
	if (sl_rotation_is_newer(right->age, left->age))
		return 1;
	return strcmp(left->name, right->name);
}

static int
list(void *arg)
{
	struct list_call *call = arg;
	const char *name = name_of(call->path);
	size_t len = (size_t)(name - call->path);
	char *path = len ? strndup(call->path, len) : strdup(".");
	DIR *directory = path ? opendir(path) : NULL;
	int code = path ? 0 : -ENOMEM;
	free(path);
	if (!directory)
		return code;
	struct dirent *entry;
	while (code == 0 && call->found.count < SL_SIBLINGS_MAX && (entry = readdir(directory)))
		if (sl_rotation_may_be(name, entry->d_name))
			code = add(call, directory, entry->d_name);
	(void)closedir(directory);
	if (call->found.count)
		qsort(call->found.items, call->found.count, sizeof(*call->found.items), compare);
	return code;
}

bool
sl_siblings_are_equal(const struct sl_siblings *a, const struct sl_siblings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!sl_state_is_same_file(&a->items[i].file, &b->items[i].file) ||
			strcmp(a->items[i].name, b->items[i].name) != 0)
			return false;
	return true;
}

int
sl_siblings_find(struct sl_siblings *siblings, const char *path)
{
	bool is_stable = false;
	*siblings = (struct sl_siblings){ 0 };
	for (unsigned i = 0; i < TRIES && !is_stable; i++) {
		struct list_call call = { .path = path };
		int code = sl_task_cancelled();
		if (code == 0)
			code = sl_blocking_wait(list, &call);
		is_stable = i > 0 && sl_siblings_are_equal(siblings, &call.found);
		sl_siblings_release(siblings);
		*siblings = call.found;
		if (code) {
			sl_siblings_release(siblings);
			return code;
		}
	}
	return 0;
}

void
sl_siblings_release(struct sl_siblings *siblings)
{
	for (size_t i = 0; i < siblings->count; i++)
		free(siblings->items[i].path);
	free(siblings->items);
	*siblings = (struct sl_siblings){ 0 };
}
