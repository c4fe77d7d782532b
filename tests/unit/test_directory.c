#include "sluice/base/clock.h"
#include "sluice/download/directory.h"

#include "support/run.h"
#include "support/scratch.h"

#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* ---- what stays below and what does not ---- */

struct open_case {
	const char *path;
	int want;            /* 0 or a code */
	const char *message; /* NULL = not looked at */
};

SL_SUSPENDS
static void
expect_open(
	struct sl_directories *directories, struct sl_directory *base, const struct open_case *c)
{
	struct sl_directory *directory = NULL;
	struct sl_error err = { 0 };
	int code = sl_directories_open(directories, base, sl_span_str(c->path), &directory, &err);
	cr_expect_eq(code, c->want, "'%s': %d, want %d (%s)", c->path, code, c->want, err.text);
	cr_expect_eq(err.code, c->want);
	cr_expect_eq(err.phase, c->want ? SL_PHASE_DIRECTORY : SL_PHASE_NONE);
	if (c->message)
		cr_expect_str_eq(err.text, c->message);
	if (code == 0)
		sl_directory_unref(directory);
}

static const struct open_case below[] = {
	{ "", 0, NULL },
	{ "a", 0, NULL },
	{ "a/b/c", 0, NULL },
	{ "a//b/", 0, NULL },
	{ "./a/./b", 0, NULL },
	{ "..a/b..", 0, NULL },
	{ "...", 0, NULL },
	{ "with blank/\xc3\xa4", 0, NULL },
	{ "..", SL_E_NAME,
		"directory '..' of the list leaves the output directory: refused (--allow-outside "
		"permits "
		"it)" },
	{ "a/../b", SL_E_NAME, NULL },
	{ "a/..", SL_E_NAME, NULL },
	{ "../a", SL_E_NAME, NULL },
	{ "/etc", SL_E_NAME,
		"directory '/etc' of the list leaves the output directory: refused "
		"(--allow-outside "
		"permits it)" },
	{ "/", SL_E_NAME, NULL },
	{ "a\nb", SL_E_NAME, NULL },
	{ "a\x1b[31m", SL_E_NAME, NULL },
	{ "a\x7f", SL_E_NAME, NULL },
	{ "file", -ENOTDIR, "cannot open or make the directory 'base/file': not a directory" },
	{ "file/sub", -ENOTDIR, NULL },
	{ "out", -ELOOP,
		"directory 'base/out' of the list leads through a symbolic link: refused "
		"(--allow-outside permits it)" },
	{ "out/sub", -ELOOP, NULL },
	{ "in", -ELOOP, NULL }, /* also one that stays below: it may be changed any time */
	{ "in/sub", -ELOOP, NULL },
	{ "dangling", -ELOOP, NULL },
};

SL_SUSPENDS
static int
open_below(void *arg)
{
	(void)arg;
	struct sl_directories directories;
	struct sl_directory *base = NULL;
	struct sl_error err = { 0 };
	sl_directories_init(&directories, 4, false);
	cr_assert_eq(sl_directories_open(&directories, NULL, sl_span_str("base"), &base, &err), 0,
		"%s", err.text);
	for (size_t i = 0; i < SL_COUNT_OF(below); i++)
		expect_open(&directories, base, &below[i]);
	sl_directory_unref(base);
	sl_directories_release(&directories);
	return 0;
}

Test(directory, names_from_a_list_stay_below_the_base)
{
	scratch_enter();
	cr_assert_eq(mkdir("base", 0777) | mkdir("outside", 0777) | mkdir("base/real", 0777), 0);
	cr_assert_eq(symlink("../outside", "base/out"), 0);
	cr_assert_eq(symlink("real", "base/in"), 0);
	cr_assert_eq(symlink("nothing", "base/dangling"), 0);
	scratch_write_text("base/file", "x");
	cr_expect_eq(ring_run(1, open_below, NULL), 0);
	cr_expect(scratch_exists("base/a/b/c"));
	cr_expect_eq(scratch_count("outside"), 0, "nothing was made outside");
	cr_expect_eq(scratch_count("."), 2);
	scratch_leave();
}

static const struct open_case anywhere[] = {
	{ "", 0, NULL },
	{ ".", 0, NULL },
	{ "/", 0, NULL },
	{ "//", 0, NULL },
	{ "new", 0, NULL },
	{ "new/deep/er/", 0, NULL },
	{ "new/../other", 0, NULL },
	{ "link/sub", 0, NULL },
	{ "line\nfeed", 0, NULL }, /* the user's own words are the user's */
	{ "file", -ENOTDIR, "cannot open or make the directory 'file': not a directory" },
	{ "file/a", -ENOTDIR, NULL },
	{ "dangling", -ENOENT, NULL },
};

SL_SUSPENDS
static int
open_anywhere(void *arg)
{
	struct sl_directories directories;
	struct sl_buf absolute = { 0 };
	sl_directories_init(&directories, 4, true);
	for (size_t i = 0; i < SL_COUNT_OF(anywhere); i++)
		expect_open(&directories, NULL, &anywhere[i]);
	sl_buf_printf(&absolute, "%s/abs/sub", (const char *)arg);
	expect_open(&directories, NULL, &(struct open_case){ absolute.data, 0, NULL });
	sl_buf_release(&absolute);
	sl_directories_release(&directories);
	return 0;
}

Test(directory, directories_of_the_command_line_may_be_anywhere)
{
	static char path[4096];
	snprintf(path, sizeof(path), "%s", scratch_enter());
	cr_assert_eq(mkdir("real", 0777), 0);
	cr_assert_eq(symlink("real", "link"), 0);
	cr_assert_eq(symlink("nothing", "dangling"), 0);
	scratch_write_text("file", "x");
	cr_expect_eq(ring_run(1, open_anywhere, path), 0);
	cr_expect(scratch_exists("new/deep/er") && scratch_exists("other"));
	cr_expect(scratch_exists("real/sub") && scratch_exists("abs/sub"));
	scratch_leave();
}

/* ---- looking only ---- */

static const struct {
	const char *base, *path; /* base NULL = the user's own path */
	int code;
	bool is_missing;
} looked_at[] = {
	{ NULL, "real", 0, false },
	{ NULL, "new", 0, true },
	{ NULL, "real/new/deep/er", 0, true },
	{ NULL, "/nowhere/at/all", 0, true },
	{ NULL, "file", -ENOTDIR, false },
	{ NULL, "file/sub", -ENOTDIR, false },
	{ "real", "new", 0, true },
	{ "real", "sub", 0, false },
	{ "real", "..", SL_E_NAME, false },
	{ "real", "link", -ELOOP, false },
	{ "new", "sub", 0, true }, /* not the one in the current directory */
	{ "new", "real", 0, true },
	{ "new/deep", "a/b", 0, true },
};

SL_SUSPENDS
static int
look_only(void *arg)
{
	(void)arg;
	struct sl_directories directories;
	struct statx st;
	sl_directories_init(&directories, 4, true);
	directories.look_only = true;
	for (size_t i = 0; i < SL_COUNT_OF(looked_at); i++) {
		struct sl_directory *base = NULL, *directory = NULL;
		struct sl_error err = { 0 };
		const char *above = looked_at[i].base, *path = looked_at[i].path;
		if (above)
			cr_assert_eq(sl_directories_open(
					     &directories, NULL, sl_span_str(above), &base, &err),
				0, "%s", err.text);
		int code = sl_directories_open(
			&directories, base, sl_span_str(path), &directory, &err);
		cr_expect_eq(code, looked_at[i].code, "'%s': %d %s", path, code, err.text);
		if (!code) {
			cr_expect_eq(directory->is_missing, looked_at[i].is_missing, "'%s'", path);
			cr_expect_eq(sl_directory_stat(directory, ".", 0, STATX_BASIC_STATS, &st),
				looked_at[i].is_missing ? -ENOENT : 0, "'%s'", path);
			cr_expect(directory->free_bytes > 0, "'%s'", path);
		}
		sl_directory_unref(directory);
		sl_directory_unref(base);
	}
	sl_directories_release(&directories);
	return 0;
}

Test(directory, with_look_only_nothing_is_made_and_what_is_missing_is_described)
{
	scratch_enter();
	cr_assert_eq(mkdir("real", 0777) | mkdir("real/sub", 0777) | mkdir("sub", 0777), 0);
	cr_assert_eq(symlink("sub", "real/link"), 0);
	scratch_write_text("file", "x");
	cr_expect_eq(ring_run(1, look_only, NULL), 0);
	cr_expect_eq(scratch_count("."), 3);
	cr_expect_eq(scratch_count("real"), 2);
	cr_expect_not(scratch_exists("/nowhere"));
	scratch_leave();
}

SL_SUSPENDS
static int
two_missing(void *arg)
{
	(void)arg;
	struct sl_directories directories;
	sl_directories_init(&directories, 4, true);
	directories.look_only = true;
	struct sl_directory *found[3] = { NULL };
	const char *paths[] = { "new", "./new/", "other" };
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(sl_directories_open(
				     &directories, NULL, sl_span_str(paths[i]), &found[i], NULL),
			0);
	cr_expect_eq(found[0]->inode, found[1]->inode);
	cr_expect_neq(found[0]->inode, found[2]->inode);
	for (size_t i = 0; i < 3; i++)
		sl_directory_unref(found[i]);
	sl_directories_release(&directories);
	return 0;
}

Test(directory, missing_directories_have_identities)
{
	scratch_enter();
	cr_expect_eq(ring_run(1, two_missing, NULL), 0);
	scratch_leave();
}

/* ---- what is kept open ---- */

SL_SUSPENDS
static struct sl_directory *
must_open(struct sl_directories *directories, struct sl_directory *base, const char *path)
{
	struct sl_directory *directory = NULL;
	struct sl_error err = { 0 };
	int code = sl_directories_open(directories, base, sl_span_str(path), &directory, &err);
	cr_assert_eq(code, 0, "'%s': %s", path, err.text);
	return directory;
}

SL_SUSPENDS
static int
open_twice(void *arg)
{
	(void)arg;
	struct sl_directories directories;
	sl_directories_init(&directories, 4, false);
	struct sl_directory *base = must_open(&directories, NULL, "d");
	struct sl_directory *a = must_open(&directories, base, "sub");
	struct sl_directory *b = must_open(&directories, base, "sub");
	struct sl_directory *c = must_open(&directories, NULL, "d/./sub");
	cr_expect_eq(a, b, "one path, one descriptor");
	cr_expect_eq(a->inode, c->inode, "and whatever leads there, one directory");
	cr_expect_eq(a->dev_minor, c->dev_minor);
	cr_expect_str_eq(a->path, "d/sub");
	struct sl_directory *same = must_open(&directories, base, "");
	cr_expect_eq(same, base);
	struct sl_directory *all[] = { base, a, b, c, same };
	for (size_t i = 0; i < SL_COUNT_OF(all); i++)
		sl_directory_unref(all[i]);
	sl_directories_release(&directories);
	return 0;
}

Test(directory, one_directory_is_opened_once)
{
	scratch_enter();
	cr_expect_eq(ring_run(1, open_twice, NULL), 0);
	scratch_leave();
}

#define KEPT 3
#define MANY 40

struct crowd {
	struct sl_directories directories;
	unsigned failed, most;
};

struct visitor {
	struct crowd *crowd;
	unsigned number;
};

SL_SUSPENDS
static int
visit(void *arg)
{
	struct visitor *visitor = arg;
	struct crowd *crowd = visitor->crowd;
	for (unsigned i = 0; i < 8; i++) {
		char path[32];
		struct sl_directory *directory = NULL;
		snprintf(path, sizeof(path), "d%u", (visitor->number * 7 + i) % MANY);
		if (sl_directories_open(
			    &crowd->directories, NULL, sl_span_str(path), &directory, NULL) != 0) {
			crowd->failed++;
			continue;
		}
		crowd->most = SL_MAX(crowd->most, crowd->directories.count);
		if (sl_yield() != 0)
			crowd->failed++;
		sl_directory_unref(directory);
	}
	return 0;
}

SL_SUSPENDS
static int
crowd_main(void *arg)
{
	struct crowd *crowd = arg;
	struct visitor visitors[MANY];
	struct sl_group group;
	sl_directories_init(&crowd->directories, KEPT, false);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < MANY; i++) {
		visitors[i] = (struct visitor){ crowd, i };
		cr_assert_eq(sl_group_spawn(&group, "visit", visit, &visitors[i], NULL), 0);
	}
	sl_group_leave(&group);
	sl_directory_unref(must_open(&crowd->directories, NULL, "last"));
	cr_expect_leq(crowd->directories.count, KEPT + 1);
	sl_directories_release(&crowd->directories);
	return 0;
}

/* Closing suspends: others open, find and close directories in the middle of it. */
Test(directory, many_tasks_open_and_close_at_once)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim *sim = sim_plain(seed);
		struct crowd crowd = { 0 };
		sim_check(sim, sim_run(sim, crowd_main, &crowd) == 0, "run");
		sim_check(sim, crowd.failed == 0, "%u failed", crowd.failed);
		sim_check(sim, sim_exists(sim, "d0") && sim_exists(sim, "d39"), "made");
		sim_free(sim);
	}
}

/* ---- durable ---- */

struct deep {
	bool sync_made, sync;
};

SL_SUSPENDS
static int
make_deep(void *arg)
{
	struct sl_directories directories;
	struct sl_directory *directory = NULL;
	const struct deep *deep = arg;
	sl_directories_init(&directories, 4, deep->sync_made);
	int code = sl_directories_open(&directories, NULL, sl_span_str("a/b/c"), &directory, NULL);
	if (!code && deep->sync)
		code = sl_directory_sync(directory);
	sl_directory_unref(directory);
	sl_directories_release(&directories);
	return code;
}

Test(directory, a_directory_that_is_made_survives_a_power_cut_once_it_was_synced)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim *sim = sim_plain(seed);
		struct deep deep = { .sync_made = true, .sync = true };
		sim_check(sim, sim_run(sim, make_deep, &deep) == 0, "run");
		sim_crash(sim, SIM_CRASH_DROP);
		sim_check(sim, sim_exists(sim, "a/b/c"), "lost");
		sim_free(sim);
	}
}

/* It is there for the next run, but not on the disk yet. */
Test(directory,
	a_directory_that_a_killed_run_has_made_survives_a_power_cut_once_the_next_has_synced)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.wall_ns = sl_clock_wall_ns();
		struct sim *sim = sim_new(&options);
		struct deep killed = { .sync_made = true },
			    next = { .sync_made = true, .sync = true };
		sim_check(sim, sim_run(sim, make_deep, &killed) == 0, "run");
		sim_check(sim, sim_run(sim, make_deep, &next) == 0, "run");
		sim_crash(sim, SIM_CRASH_DROP);
		sim_check(sim, sim_exists(sim, "a/b/c"), "lost");
		sim_free(sim);
	}
}

/* Made for one file, and there already for the next, which is reported first. */
SL_SUSPENDS
static int
make_for_another(void *arg)
{
	(void)arg;
	struct sl_directories directories;
	sl_directories_init(&directories, 4, true);
	struct sl_directory *deep = must_open(&directories, NULL, "a/b");
	struct sl_directory *directory = must_open(&directories, NULL, "a");
	int code = sl_directory_sync(directory);
	sl_directory_unref(deep);
	sl_directory_unref(directory);
	sl_directories_release(&directories);
	return code;
}

Test(directory, a_directory_made_for_another_file_is_durable_with_this_one)
{
	struct sim *sim = sim_plain(1);
	cr_expect_eq(sim_run(sim, make_for_another, NULL), 0);
	sim_crash(sim, SIM_CRASH_DROP);
	cr_expect(sim_exists(sim, "a"));
	sim_free(sim);
}

#define SIBLINGS 200

SL_SUSPENDS
static int
make_siblings(void *arg)
{
	(void)arg;
	struct sl_directories directories;
	struct sl_directory *base, *made[SIBLINGS];
	int code = 0;
	sl_directories_init(&directories, SIBLINGS, true);
	base = must_open(&directories, NULL, ".");
	char name[16];
	for (unsigned i = 0; i < SIBLINGS; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		made[i] = must_open(&directories, base, name);
	}
	for (unsigned i = 0; i < SIBLINGS; i++) {
		/* more are made in the meantime, for files that come later */
		snprintf(name, sizeof(name), "later%u", i);
		sl_directory_unref(must_open(&directories, base, name));
		code = code ? code : sl_directory_sync(made[i]);
		sl_directory_unref(made[i]);
	}
	sl_directory_unref(base);
	sl_directories_release(&directories);
	return code;
}

Test(directory, a_parent_is_synced_once_for_all_that_was_made_in_it)
{
	struct sim *sim = sim_plain(1);
	cr_expect_eq(sim_run(sim, make_siblings, NULL), 0);
	cr_expect_eq(sim_ops_of(sim, SL_OP_SYNC), SIBLINGS + 1);
	cr_expect_leq(sim_ops_of(sim, SL_OP_OPEN), 4 * SIBLINGS + 4);
	sim_crash(sim, SIM_CRASH_DROP);
	cr_expect(sim_exists(sim, "d0") && sim_exists(sim, "d199"));
	sim_free(sim);
}

/* The kernel tells of a lost write once. */
SL_SUSPENDS
static int
sync_twice(void *arg)
{
	int *codes = arg;
	struct sl_directories directories;
	sl_directories_init(&directories, 4, true);
	struct sl_directory *directory = must_open(&directories, NULL, "a");
	codes[0] = sl_directory_sync(directory);
	codes[1] = sl_directory_sync(directory);
	sl_directory_unref(directory);
	sl_directories_release(&directories);
	return 0;
}

Test(directory, a_made_directory_whose_sync_failed_stays_not_durable)
{
	int codes[2] = { 0 };
	struct sim *sim = sim_plain(1);
	sim_fail_nth(sim, 1, -EIO, UINT64_C(1) << SL_OP_SYNC);
	cr_expect_eq(sim_run(sim, sync_twice, codes), 0);
	cr_expect_eq(codes[0], -EIO);
	cr_expect_eq(codes[1], -EIO);
	sim_free(sim);
}

Test(directory, without_sync_none_is_spent)
{
	struct sim *sim = sim_plain(1);
	struct deep deep = { .sync_made = false };
	cr_expect_eq(sim_run(sim, make_deep, &deep), 0);
	cr_expect_eq(sim_ops_of(sim, SL_OP_SYNC), 0);
	sim_free(sim);
}

Test(directory, whatever_fails_nothing_stays_open)
{
	for (unsigned nth = 1;; nth++) {
		struct sim *sim = sim_plain(nth);
		struct deep deep = { .sync_made = true, .sync = true };
		sim_fail_nth(sim, nth, 0, 0);
		int code = sim_run(sim, make_deep, &deep); /* which looks for descriptors left */
		unsigned faults = sim_faults(sim);
		sim_free(sim);
		if (faults == 0) {
			cr_expect_eq(code, 0);
			cr_expect_gt(nth, 5);
			break;
		}
	}
}

/* ---- paths in messages ---- */

Test(directory, a_name_is_joined_as_one_would_type_it)
{
	static const struct {
		char path[8];
		const char *want;
	} cases[] = { { ".", "f" }, { "d", "d/f" }, { "d/", "d/f" }, { "/", "/f" },
		{ "/a/b", "/a/b/f" } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char path[8];
		struct sl_buf out = { 0 };
		memcpy(path, cases[i].path, sizeof(path));
		sl_directory_join(&(struct sl_directory){ .path = path }, "f", &out);
		cr_expect_str_eq(out.data, cases[i].want);
		sl_buf_release(&out);
	}
}
