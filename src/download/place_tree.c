/*
 * place_tree.c - a path below the directory of a run is not used as a file by one input and as a
 * directory by another. The later one is refused: a file under way has its partial name only, so
 * that a directory could be made under its final one.
 */
#include "place_int.h"

#include "sluice/base/text.h"

#include <errno.h>
#include <stdlib.h>

char *
place_key(uint32_t dev_major, uint32_t dev_minor, uint64_t inode, struct sl_span name,
	const char *suffix)
{
	struct sl_buf key = { 0 };
	sl_buf_printf(&key, "%x:%x:%llx/", dev_major, dev_minor, (unsigned long long)inode);
	sl_buf_add_span(&key, name);
	sl_buf_add_str(&key, suffix);
	return sl_buf_detach(&key);
}

/* `path` is used by input `other` in one way, and by this one in the other way. Another name does
 * not help if it is to be a directory. */
static int
refuse_path(const struct claim *claim, struct sl_span path, uint64_t other, bool as_directory)
{
	struct sl_buf shown = { 0 }, url = { 0 };
	sl_text_shorten(&shown, path, SHOWN_MAX);
	sl_text_shorten(&url, sl_span_str(sl_sources_show(claim->sources)), SHOWN_MAX);
	int code = sl_fail(claim->err, as_directory ? SL_PHASE_DIRECTORY : SL_PHASE_NONE,
		as_directory ? -ENOTDIR : SL_E_TWICE,
		as_directory
			? "'%s' is the name of input %llu, so it cannot be a directory for '%s' "
			  "(input %llu) (in a list, out= gives another name)"
			: "'%s' is a directory for input %llu, so it cannot be the name of '%s' "
			  "(input %llu) (--if-exists=rename gives it a name of its own)",
		shown.data ? shown.data : "", (unsigned long long)other + 1,
		url.data ? url.data : "", (unsigned long long)claim->place->index + 1);
	sl_buf_release(&shown);
	sl_buf_release(&url);
	return code;
}

int
place_check_steps(const struct claim *claim)
{
	const struct sl_places *places = claim->places;
	struct sl_span rest = sl_span_str(claim->place->directory_path), component;
	struct sl_buf path = { 0 };
	const struct sl_tree_node *parent = sl_tree_find(&places->tree, sl_span("", 0));
	int code = 0;
	while (!code && parent && sl_tree_next(&rest, &component)) {
		char *key = parent->is_open ? place_key(parent->dev_major, parent->dev_minor,
						      parent->inode, component, "")
					    : NULL;
		const struct sl_names_owner *owner =
			key ? sl_names_find(&places->names, key) : NULL;
		sl_tree_append(&path, component);
		if (owner)
			code = refuse_path(claim, sl_buf_span(&path), owner->index, true);
		parent = sl_tree_find(&places->tree, sl_buf_span(&path));
		free(key);
	}
	sl_buf_release(&path);
	return code;
}

int
place_add_directory(const struct claim *claim)
{
	struct sl_tree *tree = &claim->places->tree;
	struct sl_span path = sl_span_str(claim->place->directory_path);
	const struct sl_directory *directory = claim->place->directory;
	int code = sl_tree_add(tree, path, claim->place->index);
	struct sl_tree_node *node = code ? NULL : sl_tree_find(tree, path);
	if (!node)
		return -ENOMEM;
	node->is_open = true;
	node->inode = directory->inode;
	node->dev_major = directory->dev_major;
	node->dev_minor = directory->dev_minor;
	return 0;
}

int
place_check_path(const struct claim *claim)
{
	const struct sl_place *place = claim->place;
	struct sl_buf path = { 0 };
	if (!place->is_below || claim->places->tree.count < 2) /* none but that of the run */
		return 0;
	sl_buf_add_str(&path, place->directory_path);
	sl_tree_append(&path, sl_span_str(place->name));
	const struct sl_tree_node *node = sl_tree_find(&claim->places->tree, sl_buf_span(&path));
	int code = node ? refuse_path(claim, sl_buf_span(&path), node->index, false) : 0;
	sl_buf_release(&path);
	return code;
}
