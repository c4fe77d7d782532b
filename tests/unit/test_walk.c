#include "sluice/scan/walk.h"

#include "support/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a walk reported, one line each: a path, with "@ " before it if it is a link to be read, or
 * "! " and a message. */
struct scene {
	char directory[64];
	const char *below; /* of the directory: where the walk begins */
	bool no_follow;
	struct sl_walk_rules rules;
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

/* In memory if possible: there are thousands of files, and ext4 takes long to find inodes that were
 * not just freed. */
static void
begin(struct scene *scene)
{
	const char *base = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
	*scene = (struct scene){ .below = "" };
	snprintf(scene->directory, sizeof(scene->directory), "%s/sluice-walk.XXXXXX", base);
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

/* The path is in the message; "DIR" stands for the scene's directory. */
static void
add_message(struct scene *scene, const char *path, const struct sl_error *err)
{
	const char *at = strstr(err->text, scene->directory);
	cr_assert(at && strstr(err->text, path), "'%s' does not name '%s'", err->text, path);
	sl_buf_printf(&scene->said, "! %.*sDIR%s\n", (int)(at - err->text), err->text,
		at + strlen(scene->directory));
}

static int
walk_task(void *arg)
{
	struct scene *scene = arg;
	struct sl_walk *walk = NULL;
	struct sl_error err = { 0 };
	const char *path = NULL;
	size_t skip = strlen(scene->directory) + 1;
	cr_assert_eq(
		sl_walk_new(&walk, path_of(scene, scene->below), !scene->no_follow, &scene->rules),
		0);
	while ((scene->result = sl_walk_next(walk, &path, &err)) != SL_WALK_END) {
		if (scene->result == SL_WALK_FILE || scene->result == SL_WALK_LINK)
			sl_buf_printf(&scene->said, "%s%s\n",
				scene->result == SL_WALK_LINK ? "@ " : "", path + skip);
		else if (scene->result == SL_E_NAME || scene->result > 0)
			add_message(scene, path, &err);
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

static void
put_link(const struct scene *scene, const char *name, const char *target)
{
	cr_assert_eq(symlink(target, path_of(scene, name)), 0);
}

Test(walk, rules_leave_names_out_as_those_of_grep)
{
	static const struct {
		struct sl_walk_rule rules[4];
		size_t count;
		const char *files;
	} cases[] = {
		{ { { SL_WALK_INCLUDE, "*.log" } }, 1, "a.log\nlogs/b.log\nold/c.log\n" },
		{ { { SL_WALK_EXCLUDE, "*.gz" }, { SL_WALK_EXCLUDE, ".*" } }, 2,
			"a.log\nlink\nlogs/b.log\nold/c.log\n" },
		/* The last one that matches, and without any the first one. */
		{ { { SL_WALK_INCLUDE, "*.log" }, { SL_WALK_EXCLUDE, "b*" } }, 2,
			"a.log\nold/c.log\n" },
		{ { { SL_WALK_EXCLUDE, "*.log" }, { SL_WALK_INCLUDE, "[bc].log" } }, 2,
			".hidden\na.gz\nlink\nlogs/b.log\nold/c.log\n" },
		{ { { SL_WALK_INCLUDE, "a.*" }, { SL_WALK_INCLUDE, "c?log" } }, 2,
			"a.gz\na.log\nold/c.log\n" },
		/* Directories have rules of their own. */
		{ { { SL_WALK_EXCLUDE_DIRECTORY, "o*" }, { SL_WALK_EXCLUDE, "logs" } }, 2,
			".hidden\na.gz\na.log\nlink\nlogs/b.log\n" },
		{ { { SL_WALK_EXCLUDE_DIRECTORY, "*" }, { SL_WALK_INCLUDE, "*.log" } }, 2,
			"a.log\n" },
		{ { { SL_WALK_INCLUDE, "x" } }, 1, NULL },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct scene scene;
		begin(&scene);
		put_file(&scene, "a.log");
		put_file(&scene, "a.gz");
		put_file(&scene, ".hidden");
		put_directory(&scene, "logs");
		put_file(&scene, "logs/b.log");
		put_directory(&scene, "old");
		put_file(&scene, "old/c.log");
		/* What a link leads to outside is read like a file. */
		put_link(&scene, "link", "/proc/self/maps");
		scene.rules = (struct sl_walk_rules){ cases[i].rules, cases[i].count };
		walk(&scene);
		const char *said = scene.said.data ? scene.said.data : "";
		struct sl_buf files = { 0 };
		for (const char *at = said; *at; at++)
			if (*at != '@' && !(*at == ' ' && at > said && at[-1] == '@'))
				sl_buf_add_char(&files, *at);
		cr_expect_str_eq(files.data ? files.data : "", cases[i].files ? cases[i].files : "",
			"case %zu: %s", i, said);
		sl_buf_release(&files);
		end(&scene);
	}
}

#define PASSED "' is skipped: it is a "

Test(walk, what_is_not_a_regular_file_is_reported_and_no_link_to_a_directory_is_followed)
{
	struct scene scene;
	begin(&scene);
	put_directory(&scene, "d");
	put_directory(&scene, "out");
	put_file(&scene, "out/file");
	put_link(&scene, "d/dangling", "nowhere");
	put_link(&scene, "d/loop", "loop");
	put_link(&scene, "d/to-null", "/dev/null");
	put_link(&scene, "d/to-out", "../out");
	put_link(&scene, "d/up", "..");
	cr_assert_eq(mkfifo(path_of(&scene, "d/fifo"), 0644), 0);
	scene.below = "d";
	walk(&scene);
	cr_assert_str_eq(scene.said.data,
		"! 'DIR/d/dangling" PASSED "link to a file that does not exist\n"
		"! 'DIR/d/fifo" PASSED "device, a socket or a FIFO\n"
		"! 'DIR/d/loop" PASSED "link in a loop of links\n"
		"! 'DIR/d/to-null" PASSED "device, a socket or a FIFO\n"
		"! 'DIR/d/to-out" PASSED "link to a directory (name it to scan its files)\n"
		"! 'DIR/d/up" PASSED "link to a directory (name it to scan its files)\n");
	end(&scene);
}

Test(walk, a_file_outside_is_read_by_the_first_link_to_it)
{
	struct scene scene;
	begin(&scene);
	put_directory(&scene, "d");
	put_directory(&scene, "d/deep");
	put_directory(&scene, "d2");
	put_file(&scene, "d2/file");
	put_link(&scene, "d/1", "../d2/file");
	put_link(&scene, "d/2", "../d2/file");
	put_link(&scene, "d/deep/3", "../1");
	put_link(&scene, "other", "d2/file");
	put_link(&scene, "d/4", "../other");
	scene.below = "d";
	walk(&scene);
	cr_assert_str_eq(scene.said.data, "@ d/1\n");
	end(&scene);
}

Test(walk, links_to_what_the_walk_meets_anyway_are_left_out)
{
	struct scene scene;
	begin(&scene);
	put_directory(&scene, "d");
	put_directory(&scene, "d/deep");
	put_file(&scene, "d/deep/file");
	put_link(&scene, "d/before", "deep/file");
	put_link(&scene, "d/zlast", "before");
	put_link(&scene, "d/down", "deep");
	put_link(&scene, "d/deep/self", ".");
	put_link(&scene, "d/deep/top", "../../d");
	put_link(&scene, "named", "d");
	scene.below = "named";
	walk(&scene);
	cr_assert_str_eq(scene.said.data, "named/deep/file\n");
	end(&scene);
}

Test(walk, without_following_each_link_is_passed_over)
{
	struct scene scene;
	begin(&scene);
	put_directory(&scene, "d");
	put_file(&scene, "d/file");
	put_link(&scene, "d/link", "file");
	put_link(&scene, "d/to-directory", "/");
	scene.below = "d";
	scene.no_follow = true;
	walk(&scene);
	cr_assert_str_eq(scene.said.data, "d/file\n"
					  "! 'DIR/d/link" PASSED "link (--no-follow)\n"
					  "! 'DIR/d/to-directory" PASSED "link (--no-follow)\n");
	end(&scene);
}

Test(walk, links_beyond_the_limit_are_reported)
{
	struct scene scene;
	begin(&scene);
	put_directory(&scene, "d");
	put_directory(&scene, "out");
	for (size_t i = 0; i < SL_WALK_LINKS + 3; i++) {
		char name[32], target[40];
		snprintf(name, sizeof(name), "out/%06zu", i);
		put_file(&scene, name);
		snprintf(target, sizeof(target), "../%s", name);
		snprintf(name, sizeof(name), "d/%06zu", i);
		put_link(&scene, name, target);
	}
	scene.below = "d";
	walk(&scene);
	cr_assert_eq(scene.files, SL_WALK_LINKS + 3);
	size_t reported = 0;
	for (const char *at = scene.said.data; (at = strstr(at, "! ")) != NULL; at++)
		reported++;
	cr_assert_eq(reported, 3);
	cr_assert_not_null(strstr(scene.said.data, "too many were followed"));
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
	cr_assert_str_eq(
		scene.said.data, "a/1\n! cannot read directory 'DIR/b': permission denied\nc/3\n");
	end(&scene);
}

Test(walk, an_argument_that_is_not_a_directory_is_reported)
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
	cr_assert_not_null(strstr(scene.said.data, "more than 100 nested directories"));
	cr_assert_not_null(strstr(scene.said.data, "d/near\n"));
	cr_assert_not_null(strstr(scene.said.data, "after\n"));
	end(&scene);
}
