/*
 * tree.h - the directories below that of a run which its files need, so that no path is used as a
 * directory and as a file. Pure.
 *
 * Paths are relative to the directory of the run; empty and "." components do not count.
 */
#ifndef SLUICE_DOWNLOAD_TREE_H
#define SLUICE_DOWNLOAD_TREE_H

#include "sluice/download/names.h"

/* A directory that is needed. */
struct sl_tree_node {
	uint64_t index; /* of the first input that needs it */
	bool is_open;   /* it was opened for a file in it, and is: */
	uint64_t inode;
	uint32_t dev_major, dev_minor;
};

/* {0} is empty. */
struct sl_tree {
	struct sl_names paths; /* the owner's `source` is the place among the nodes */
	struct sl_tree_node *nodes;
	size_t count, cap;
};

void sl_tree_release(struct sl_tree *tree);

/* Input `index` needs the directory `path` and those above it. Returns 0 or -ENOMEM. */
int sl_tree_add(struct sl_tree *tree, struct sl_span path, uint64_t index) SL_MUST_CHECK;

/* NULL if no input needs it, or out of memory. Valid until the next sl_tree_add. */
struct sl_tree_node *sl_tree_find(const struct sl_tree *tree, struct sl_span path);

/* The first component of *path, which is taken away; false at the end. */
bool sl_tree_next(struct sl_span *path, struct sl_span *component);

/* Append a component behind a '/', unless *path is empty. */
void sl_tree_append(struct sl_buf *path, struct sl_span component);

#endif
