#include "sluice/download/folder.h"

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
expect_open(struct sl_folders *folders, struct sl_folder *base, const struct open_case *c)
{
	struct sl_folder *folder = NULL;
	struct sl_error err = { 0 };
	int code = sl_folders_open(folders, base, sl_span_str(c->path), &folder, &err);
	cr_expect_eq(code, c->want, "'%s': %d, want %d (%s)", c->path, code, c->want, err.text);
	cr_expect_eq(err.code, c->want);
	cr_expect_eq(err.phase, c->want ? SL_PHASE_FOLDER : SL_PHASE_NONE);
	if (c->message)
		cr_expect_str_eq(err.text, c->message);
	if (code == 0)
		sl_folder_unref(folder);
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
		"folder '..' of the list leaves the output folder: refused (--allow-outside "
		"permits "
		"it)" },
	{ "a/../b", SL_E_NAME, NULL },
	{ "a/..", SL_E_NAME, NULL },
	{ "../a", SL_E_NAME, NULL },
	{ "/etc", SL_E_NAME,
		"folder '/etc' of the list leaves the output folder: refused (--allow-outside "
		"permits it)" },
	{ "/", SL_E_NAME, NULL },
	{ "a\nb", SL_E_NAME, NULL },
	{ "a\x1b[31m", SL_E_NAME, NULL },
	{ "a\x7f", SL_E_NAME, NULL },
	{ "file", -ENOTDIR, "cannot open or make the folder 'base/file': not a folder" },
	{ "file/sub", -ENOTDIR, NULL },
	{ "out", -ELOOP,
		"folder 'base/out' of the list leads through a symbolic link: refused "
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
	struct sl_folders folders;
	struct sl_folder *base = NULL;
	struct sl_error err = { 0 };
	sl_folders_init(&folders, 4, false);
	cr_assert_eq(sl_folders_open(&folders, NULL, sl_span_str("base"), &base, &err), 0, "%s",
		err.text);
	for (size_t i = 0; i < SL_COUNT_OF(below); i++)
		expect_open(&folders, base, &below[i]);
	sl_folder_unref(base);
	sl_folders_release(&folders);
	return 0;
}

Test(folder, names_from_a_list_stay_below_the_base)
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
	{ "file", -ENOTDIR, "cannot open or make the folder 'file': not a folder" },
	{ "file/a", -ENOTDIR, NULL },
	{ "dangling", -ENOENT, NULL },
};

SL_SUSPENDS
static int
open_anywhere(void *arg)
{
	struct sl_folders folders;
	struct sl_buf absolute = { 0 };
	sl_folders_init(&folders, 4, true);
	for (size_t i = 0; i < SL_COUNT_OF(anywhere); i++)
		expect_open(&folders, NULL, &anywhere[i]);
	sl_buf_printf(&absolute, "%s/abs/sub", (const char *)arg);
	expect_open(&folders, NULL, &(struct open_case){ absolute.data, 0, NULL });
	sl_buf_release(&absolute);
	sl_folders_release(&folders);
	return 0;
}

Test(folder, the_users_own_words_lead_anywhere)
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

/* ---- what is kept open ---- */

SL_SUSPENDS
static struct sl_folder *
must_open(struct sl_folders *folders, struct sl_folder *base, const char *path)
{
	struct sl_folder *folder = NULL;
	struct sl_error err = { 0 };
	int code = sl_folders_open(folders, base, sl_span_str(path), &folder, &err);
	cr_assert_eq(code, 0, "'%s': %s", path, err.text);
	return folder;
}

SL_SUSPENDS
static int
open_twice(void *arg)
{
	(void)arg;
	struct sl_folders folders;
	sl_folders_init(&folders, 4, false);
	struct sl_folder *base = must_open(&folders, NULL, "d");
	struct sl_folder *a = must_open(&folders, base, "sub");
	struct sl_folder *b = must_open(&folders, base, "sub");
	struct sl_folder *c = must_open(&folders, NULL, "d/./sub");
	cr_expect_eq(a, b, "one path, one descriptor");
	cr_expect_eq(a->inode, c->inode, "and whatever leads there, one folder");
	cr_expect_eq(a->dev_minor, c->dev_minor);
	cr_expect_str_eq(a->path, "d/sub");
	struct sl_folder *same = must_open(&folders, base, "");
	cr_expect_eq(same, base);
	struct sl_folder *all[] = { base, a, b, c, same };
	for (size_t i = 0; i < SL_COUNT_OF(all); i++)
		sl_folder_unref(all[i]);
	sl_folders_release(&folders);
	return 0;
}

Test(folder, one_folder_is_opened_once)
{
	scratch_enter();
	cr_expect_eq(ring_run(1, open_twice, NULL), 0);
	scratch_leave();
}

#define KEPT 3
#define MANY 40

struct crowd {
	struct sl_folders folders;
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
		struct sl_folder *folder = NULL;
		snprintf(path, sizeof(path), "d%u", (visitor->number * 7 + i) % MANY);
		if (sl_folders_open(&crowd->folders, NULL, sl_span_str(path), &folder, NULL) != 0) {
			crowd->failed++;
			continue;
		}
		crowd->most = SL_MAX(crowd->most, crowd->folders.count);
		if (sl_yield() != 0)
			crowd->failed++;
		sl_folder_unref(folder);
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
	sl_folders_init(&crowd->folders, KEPT, false);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < MANY; i++) {
		visitors[i] = (struct visitor){ crowd, i };
		cr_assert_eq(sl_group_spawn(&group, "visit", visit, &visitors[i], NULL), 0);
	}
	sl_group_leave(&group);
	sl_folder_unref(must_open(&crowd->folders, NULL, "last"));
	cr_expect_leq(crowd->folders.count, KEPT + 1);
	sl_folders_release(&crowd->folders);
	return 0;
}

/* Closing suspends: others open, find and close folders in the middle of it. */
Test(folder, many_tasks_open_and_close_at_once)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct sim *sim = sim_plain(seed);
		struct crowd crowd = { 0 };
		sim_check(sim, sim_run(sim, crowd_main, &crowd) == 0, "run");
		sim_check(sim, crowd.failed == 0, "%u failed", crowd.failed);
		sim_check(sim, sim_exists(sim, "d0") && sim_exists(sim, "d39"), "made");
		sim_free(sim);
	}
}

/* ---- durable ---- */

SL_SUSPENDS
static int
make_deep(void *arg)
{
	struct sl_folders folders;
	struct sl_folder *folder = NULL;
	sl_folders_init(&folders, 4, *(bool *)arg);
	int code = sl_folders_open(&folders, NULL, sl_span_str("a/b/c"), &folder, NULL);
	if (!code)
		sl_folder_unref(folder);
	sl_folders_release(&folders);
	return code;
}

Test(folder, a_folder_that_is_made_survives_a_power_cut)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct sim *sim = sim_plain(seed);
		bool sync = true;
		sim_check(sim, sim_run(sim, make_deep, &sync) == 0, "run");
		sim_crash(sim, SIM_CRASH_DROP);
		sim_check(sim, sim_exists(sim, "a/b/c"), "lost");
		sim_free(sim);
	}
}

Test(folder, without_sync_none_is_spent)
{
	struct sim *sim = sim_plain(1);
	bool sync = false;
	cr_expect_eq(sim_run(sim, make_deep, &sync), 0);
	cr_expect_eq(sim_ops_of(sim, SL_OP_SYNC), 0);
	sim_free(sim);
}

Test(folder, whatever_fails_nothing_stays_open)
{
	for (unsigned nth = 1;; nth++) {
		struct sim *sim = sim_plain(nth);
		bool sync = true;
		sim_fail_nth(sim, nth, 0, 0);
		int code = sim_run(sim, make_deep, &sync); /* which looks for descriptors left */
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

Test(folder, a_name_is_joined_as_one_would_type_it)
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
		sl_folder_join(&(struct sl_folder){ .path = path }, "f", &out);
		cr_expect_str_eq(out.data, cases[i].want);
		sl_buf_release(&out);
	}
}
