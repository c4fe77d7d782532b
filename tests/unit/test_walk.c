#include "sluice/scan/walk.h"

#include "support/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a walk said, a line each: a path, or "! " and a message. */
struct scene {
	char directory[64];
	const char *below; /* of the directory: where the walk begins */
	struct sl_buf said;
	size_t files;
	int result;
};

static char *
path_of(const struct scene *scene, const char *name)
{
	static char path[4096];
	snprintf(path, sizeof(path), "%s/%s", scene->directory, name);
	return path;
}

static void
begin(struct scene *scene)
{
	*scene = (struct scene){ .directory = "/tmp/sluice-walk.XXXXXX", .below = "" };
	cr_assert_not_null(mkdtemp(scene->directory));
}

static void
put_file(const struct scene *scene, const char *name)
{
	int fd = open(path_of(scene, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_geq(fd, 0);
	close(fd);
}

static void
put_directory(const struct scene *scene, const char *name)
{
	cr_assert_eq(mkdir(path_of(scene, name), 0755), 0);
}

static int
walk_task(void *arg)
{
	struct scene *scene = arg;
	struct sl_walk *walk = NULL;
	struct sl_error err = { 0 };
	const char *path = NULL;
	size_t skip = strlen(scene->directory) + 1;
	cr_assert_eq(sl_walk_new(&walk, path_of(scene, scene->below)), 0);
	while ((scene->result = sl_walk_next(walk, &path, &err)) != 0) {
		if (scene->result == 1)
			sl_buf_printf(&scene->said, "%s\n", path + skip);
		else if (scene->result == SL_E_NAME)
			sl_buf_printf(&scene->said, "! %s\n", err.text);
		else
			break;
		scene->files++;
	}
	sl_walk_free(walk);
	return 0;
}

static void
walk(struct scene *scene)
{
	cr_assert_eq(ring_run(1, walk_task, scene), 0);
	cr_assert_eq(scene->result, 0);
}

static void
end(struct scene *scene)
{
	char command[256];
	sl_buf_release(&scene->said);
	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", scene->directory,
		scene->directory);
	cr_assert_eq(system(command), 0);
}

Test(walk, regular_files_come_sorted_with_those_of_directories_between)
{
	struct scene scene;
	begin(&scene);
	put_file(&scene, "c");
	put_file(&scene, "a");
	put_directory(&scene, "b");
	put_file(&scene, "b/2");
	put_file(&scene, "b/1");
	put_directory(&scene, "b/deep");
	put_file(&scene, "b/deep/x y");
	put_directory(&scene, "empty");
	put_file(&scene, ".hidden");
	walk(&scene);
	cr_assert_str_eq(scene.said.data, ".hidden\na\nb/1\nb/2\nb/deep/x y\nc\n");
	end(&scene);
}

Test(walk, what_is_no_regular_file_is_passed_over_and_no_link_is_followed)
{
	struct scene scene;
	begin(&scene);
	put_directory(&scene, "d");
	put_file(&scene, "d/file");
	cr_assert_eq(symlink("d", path_of(&scene, "link-to-directory")), 0);
	cr_assert_eq(symlink("..", path_of(&scene, "d/loop")), 0);
	cr_assert_eq(symlink("file", path_of(&scene, "d/link-to-file")), 0);
	cr_assert_eq(mkfifo(path_of(&scene, "fifo"), 0644), 0);
	walk(&scene);
	cr_assert_str_eq(scene.said.data, "d/file\n");
	end(&scene);
}

Test(walk, a_link_that_was_asked_for_is_followed)
{
	struct scene scene;
	begin(&scene);
	put_directory(&scene, "d");
	put_file(&scene, "d/file");
	cr_assert_eq(symlink("d", path_of(&scene, "link")), 0);
	scene.below = "link/";
	walk(&scene);
	cr_assert_str_eq(scene.said.data, "link/file\n");
	end(&scene);
}

Test(walk, a_directory_that_cannot_be_read_is_named_and_the_others_go_on)
{
	struct scene scene;
	if (geteuid() == 0)
		cr_skip_test("root may read every directory");
	begin(&scene);
	put_directory(&scene, "a");
	put_file(&scene, "a/1");
	put_directory(&scene, "b");
	put_file(&scene, "b/2");
	put_directory(&scene, "c");
	put_file(&scene, "c/3");
	cr_assert_eq(chmod(path_of(&scene, "b"), 0), 0);
	walk(&scene);
	char want[256];
	snprintf(want, sizeof(want),
		"a/1\n! cannot read directory '%s/b': permission denied\nc/3\n", scene.directory);
	cr_assert_str_eq(scene.said.data, want);
	end(&scene);
}

Test(walk, a_directory_that_is_none_is_named)
{
	struct scene scene;
	begin(&scene);
	put_file(&scene, "file");
	scene.below = "file";
	walk(&scene);
	cr_assert_not_null(strstr(scene.said.data, "! cannot read directory '"));
	scene.below = "missing";
	walk(&scene);
	cr_assert_not_null(strstr(scene.said.data, "missing': no such file or directory"));
	end(&scene);
}

Test(walk, every_file_of_a_large_directory_comes_once)
{
	struct scene scene;
	begin(&scene);
	const size_t count = SL_WALK_BATCH * 2 + 100;
	for (size_t i = 0; i < count; i++) {
		char name[32];
		snprintf(name, sizeof(name), "%08zu", i);
		put_file(&scene, name);
	}
	walk(&scene);
	cr_assert_eq(scene.files, count);
	char *seen = calloc(count, 1);
	for (const char *line = scene.said.data; *line; line = strchr(line, '\n') + 1) {
		size_t index = (size_t)strtoul(line, NULL, 10);
		cr_assert(index < count && !seen[index]);
		seen[index] = 1;
	}
	free(seen);
	end(&scene);
}

Test(walk, directories_nested_too_deeply_are_named)
{
	struct scene scene;
	begin(&scene);
	char name[(SL_WALK_DEPTH + 2) * 2] = "";
	for (size_t i = 0; i < SL_WALK_DEPTH + 2; i++) {
		name[2 * i] = 'd';
		name[2 * i + 1] = '\0';
		put_directory(&scene, name);
		name[2 * i + 1] = '/';
	}
	put_file(&scene, "after");
	put_file(&scene, "d/near");
	walk(&scene);
	cr_assert_not_null(strstr(scene.said.data, "more than 100 directories in one another"));
	cr_assert_not_null(strstr(scene.said.data, "d/near\n"));
	cr_assert_not_null(strstr(scene.said.data, "after\n"));
	end(&scene);
}
