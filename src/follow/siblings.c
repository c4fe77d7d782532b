#include "sluice/follow/siblings.h"

#include "sluice/follow/probe.h"
#include "sluice/rt/listing.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TRIES 8u

struct list_call {
	struct sl_engine *engine;
	const char *path;
	struct sl_siblings found;
};

const char *
sl_siblings_name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The path of a name in the same directory. */
static char *
path_beside(const char *path, const char *name)
{
	size_t directory_len = (size_t)(sl_siblings_name_of(path) - path), name_len = strlen(name);
	char *beside = malloc(directory_len + name_len + 1);
	if (!beside)
		return NULL;
	memcpy(beside, path, directory_len);
	memcpy(beside + directory_len, name, name_len + 1);
	return beside;
}

static int
add(struct list_call *call, const struct sl_listing *listing, const char *name)
{
	struct statx st = { 0 };
	struct sl_siblings *found = &call->found;
	struct sl_op op = { .kind = SL_OP_STAT,
		.dir_fd = listing->fd,
		.path = name,
		.flags = AT_SYMLINK_NOFOLLOW,
		.mask = SL_PROBE_MASK,
		.statx = &st };
	if (call->engine->methods->run_blocking(call->engine, &op) < 0 || !S_ISREG(st.stx_mode))
		return 0;
	struct sl_sibling *items =
		reallocarray(found->items, found->count + 1, sizeof(*found->items));
	if (!items)
		return -ENOMEM;
	found->items = items;
	struct sl_sibling *item = &items[found->count];
	*item = (struct sl_sibling){ .path = path_beside(call->path, name) };
	if (!item->path)
		return -ENOMEM;
	item->name = sl_siblings_name_of(item->path);
	item->age = sl_rotation_age(sl_siblings_name_of(call->path), name);
	item->file = sl_probe_file(&st);
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

static bool
is_same_age(const struct sl_sibling *a, const struct sl_sibling *b)
{
	return a->age.is_known && b->age.is_known && a->age.is_date == b->age.is_date &&
	       a->age.number == b->age.number;
}

/* While a file is compressed it is there as well, and the other one has a part of its text. In
 * their order these follow each other. */
static void
leave_out_copies(struct sl_siblings *found)
{
	size_t kept = 0;
	for (size_t i = 0; i < found->count; i++) {
		const struct sl_sibling item = found->items[i];
		bool is_copy = false;
		for (size_t k = kept; k-- > 0 && is_same_age(&found->items[k], &item);)
			is_copy = is_copy ||
				  sl_rotation_is_compressed(found->items[k].name, item.name);
		if (is_copy)
			free(item.path);
		else
			found->items[kept++] = item;
	}
	found->count = kept;
}

static int
list_open(struct list_call *call, struct sl_listing *listing)
{
	const char *name = sl_siblings_name_of(call->path);
	struct sl_listing_entry entry;
	int code = 0, more = 1;
	while (code == 0 && more > 0 && call->found.count < SL_SIBLINGS_MAX) {
		more = sl_listing_next(listing, &entry);
		if (more > 0 && sl_rotation_may_be(name, entry.name))
			code = add(call, listing, entry.name);
	}
	return code;
}

static int
list(void *arg)
{
	struct list_call *call = arg;
	struct sl_listing listing;
	size_t len = (size_t)(sl_siblings_name_of(call->path) - call->path);
	char *path = len ? strndup(call->path, len) : strdup(".");
	int code = path ? sl_listing_open(&listing, call->engine, AT_FDCWD, path, 0) : -ENOMEM;
	free(path);
	if (code)
		return code == -ENOMEM ? code : 0;
	code = list_open(call, &listing);
	sl_listing_close(&listing);
	if (call->found.count)
		qsort(call->found.items, call->found.count, sizeof(*call->found.items), compare);
	leave_out_copies(&call->found);
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

bool
sl_siblings_have(const struct sl_siblings *siblings, const struct sl_state_file *file)
{
	for (size_t i = 0; i < siblings->count; i++)
		if (sl_state_is_same_file(&siblings->items[i].file, file))
			return true;
	return false;
}

int
sl_siblings_find(struct sl_siblings *siblings, const char *path)
{
	bool is_stable = false;
	*siblings = (struct sl_siblings){ 0 };
	for (unsigned i = 0; i < TRIES && !is_stable; i++) {
		struct list_call call = { .engine = sl_rt_engine(sl_rt_current()), .path = path };
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
	return !is_stable;
}

void
sl_siblings_release(struct sl_siblings *siblings)
{
	for (size_t i = 0; i < siblings->count; i++)
		free(siblings->items[i].path);
	free(siblings->items);
	*siblings = (struct sl_siblings){ 0 };
}
