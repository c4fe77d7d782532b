/* Sizes of a list compared with the free space, on the file system of the tests. */
#include "sluice/download/space.h"

#include "sluice/download/directory.h"
#include "support/run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct scene {
	char dir[32];
	struct sl_space space;
	uint64_t most; /* of one file: more than half of what is free */
};

static void
add(struct scene *scene, const char *name, uint64_t size)
{
	struct sl_entry entry = { .out = sl_span_str(name), .has_size = true, .size = size };
	sl_space_add(&scene->space, &entry);
}

/* It has the size, and no blocks. */
static void
make_complete(const struct scene *scene, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/%s", scene->dir, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)scene->most), 0);
	close(fd);
}

static void
remove_file(const struct scene *scene, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/%s", scene->dir, name);
	cr_assert_eq(unlink(path), 0);
}

static int
one_piece_after_the_other(void *arg)
{
	struct scene *scene = arg;
	add(scene, "a", scene->most);
	sl_space_check(&scene->space);
	cr_expect_not(scene->space.is_reported, "it fits");
	sl_space_check(&scene->space);
	cr_expect_not(scene->space.is_reported, "nothing is counted twice");
	add(scene, "b", scene->most);
	sl_space_check(&scene->space);
	cr_expect(scene->space.is_reported);
	return 0;
}

static int
complete_meanwhile(void *arg)
{
	struct scene *scene = arg;
	add(scene, "a", scene->most);
	sl_space_check(&scene->space);
	make_complete(scene, "a");
	for (int i = 0; i < 3; i++) {
		add(scene, "b", scene->most);
		make_complete(scene, "b");
		sl_space_check(&scene->space);
		cr_expect_not(scene->space.is_reported);
	}
	cr_expect_eq(scene->space.known, 0);
	remove_file(scene, "a");
	remove_file(scene, "b");
	return 0;
}

static int
very_many(void *arg)
{
	struct scene *scene = arg;
	char name[64];
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "a name of some forty bytes %014u", i);
		add(scene, name, 1);
		if (i % 1000 == 999)
			sl_space_check(&scene->space);
	}
	cr_expect_leq(scene->space.paths.len, 2 * SL_MIB);
	cr_expect_eq(scene->space.known, scene->space.sizes.len / sizeof(uint64_t));
	cr_expect_gt(scene->space.known, 0);
	const char *path = scene->space.paths.data;
	for (uint64_t i = 100000 - scene->space.known; i < 100000; i++) {
		snprintf(name, sizeof(name), "a name of some forty bytes %014llu",
			(unsigned long long)i);
		cr_assert_str_eq(path, name);
		path += strlen(path) + 1;
	}
	return 0;
}

static void
run(sl_task_fn *fn)
{
	struct scene scene = { .dir = "/tmp/sluice-space-XXXXXX" };
	cr_assert(mkdtemp(scene.dir));
	int fd = open(scene.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	scene.most = sl_directory_free_bytes(fd) / 10 * 7;
	close(fd);
	scene.space.dir = scene.dir;
	cr_expect_eq(ring_run(1, fn, &scene), 0);
	sl_space_release(&scene.space);
	rmdir(scene.dir);
}

Test(space, what_the_pieces_of_a_list_need_adds_up)
{
	run(one_piece_after_the_other);
}

Test(space, files_that_are_complete_need_nothing)
{
	run(complete_meanwhile);
}

Test(space, a_bounded_number_of_entries_is_kept)
{
	run(very_many);
}
