/* Directories that the files of a run need. */
#include "sluice/download/tree.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct sl_tree_node *
find(const struct sl_tree *tree, const char *path)
{
	return sl_tree_find(tree, sl_span_str(path));
}

Test(tree, has_each_directory_above_what_was_added)
{
	static const char *const yes[] = { "", "a", "a/b", "a/b/c", "./a//b/", "/a/./b/c", "d" };
	static const char *const no[] = { "b", "a/b/c/d", "a/c", "ab", "a/b/cc", "..", "dd" };
	struct sl_tree tree = { 0 };
	cr_expect_null(find(&tree, ""));
	cr_assert_eq(sl_tree_add(&tree, sl_span_str("a//b/./c/"), 7), 0);
	cr_assert_eq(sl_tree_add(&tree, sl_span_str("d"), 8), 0);
	for (size_t i = 0; i < SL_COUNT_OF(yes); i++)
		cr_expect_not_null(find(&tree, yes[i]), "%s", yes[i]);
	for (size_t i = 0; i < SL_COUNT_OF(no); i++)
		cr_expect_null(find(&tree, no[i]), "%s", no[i]);
	cr_expect_eq(tree.count, 5);
	sl_tree_release(&tree);
}

Test(tree, knows_the_first_input_of_each)
{
	struct sl_tree tree = { 0 };
	cr_assert_eq(sl_tree_add(&tree, sl_span_str("a/b"), 7), 0);
	sl_tree_find(&tree, sl_span_str("a/b"))->is_open = true;
	cr_assert_eq(sl_tree_add(&tree, sl_span_str("a/b/c"), 9), 0);
	cr_assert_eq(sl_tree_add(&tree, sl_span_str("a"), 10), 0);
	cr_expect_eq(find(&tree, "a")->index, 7);
	cr_expect_eq(find(&tree, "a/b")->index, 7);
	cr_expect(find(&tree, "a/b")->is_open, "not forgotten");
	cr_expect_eq(find(&tree, "a/b/c")->index, 9);
	cr_expect_not(find(&tree, "a/b/c")->is_open);
	sl_tree_release(&tree);
}

Test(tree, grows)
{
	struct sl_tree tree = { 0 };
	char path[32];
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "a/%u/b", i);
		cr_assert_eq(sl_tree_add(&tree, sl_span_str(path), i), 0);
	}
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "a/%u", i);
		cr_assert_eq(find(&tree, path)->index, i);
	}
	cr_expect_eq(tree.count, 2 + 2 * 5000);
	sl_tree_release(&tree);
}
