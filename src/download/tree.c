#include "sluice/download/tree.h"

#include <errno.h>
#include <stdlib.h>

void
sl_tree_release(struct sl_tree *tree)
{
	sl_names_release(&tree->paths);
	free(tree->nodes);
	*tree = (struct sl_tree){ 0 };
}

bool
sl_tree_next(struct sl_span *path, struct sl_span *component)
{
	do {
		const char *slash = path->len ? memchr(path->data, '/', path->len) : NULL;
		size_t len = slash ? (size_t)(slash - path->data) : path->len;
		size_t used = slash ? len + 1 : len;
		if (path->len == 0)
			return false;
		*component = sl_span(path->data, len);
		*path = sl_span(path->data + used, path->len - used);
	} while (component->len == 0 || sl_span_is(*component, "."));
	return true;
}

void
sl_tree_append(struct sl_buf *path, struct sl_span component)
{
	if (path->len > 0)
		sl_buf_add_char(path, '/');
	sl_buf_add_span(path, component);
}

struct sl_tree_node *
sl_tree_find(const struct sl_tree *tree, struct sl_span path)
{
	struct sl_buf clean = { 0 };
	struct sl_span component;
	while (sl_tree_next(&path, &component))
		sl_tree_append(&clean, component);
	const struct sl_names_owner *owner =
		clean.failed ? NULL : sl_names_find(&tree->paths, clean.data ? clean.data : "");
	sl_buf_release(&clean);
	return owner ? &tree->nodes[owner->source] : NULL;
}

static int
add_node(struct sl_tree *tree, const char *path, uint64_t index)
{
	if (tree->count == tree->cap) {
		size_t cap = tree->cap ? tree->cap * 2 : 16;
		struct sl_tree_node *nodes = reallocarray(tree->nodes, cap, sizeof(*nodes));
		if (!nodes)
			return -ENOMEM;
		tree->nodes = nodes;
		tree->cap = cap;
	}
	struct sl_names_owner owner = { .index = (uint32_t)index, .source = tree->count }, other;
	int code = sl_names_claim(&tree->paths, path, &owner, &other);
	if (code == SL_NAMES_CLAIMED)
		tree->nodes[tree->count++] = (struct sl_tree_node){ .index = index };
	return code < 0 ? code : 0;
}

int
sl_tree_add(struct sl_tree *tree, struct sl_span path, uint64_t index)
{
	struct sl_buf clean = { 0 };
	struct sl_span component;
	int code = add_node(tree, "", index);
	while (!code && sl_tree_next(&path, &component)) {
		sl_tree_append(&clean, component);
		code = clean.failed ? -ENOMEM : add_node(tree, clean.data, index);
	}
	sl_buf_release(&clean);
	return code;
}
