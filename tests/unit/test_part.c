#include "sluice/download/part.h"

#include "support/run.h"
#include "support/scratch.h"

#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- a part in the current directory, on the real file system or a simulated one ---- */

struct bench {
	void (*body)(struct bench *bench);
	struct sim *sim; /* NULL = real */
	struct sl_directories directories;
	struct sl_directory *directory;
	struct sl_part part;
	struct sl_error err;
};

static int
bench_main(void *arg)
{
	struct bench *bench = arg;
	sl_directories_init(&bench->directories, 4, false);
	sl_part_init(&bench->part);
	if (sl_directories_open(
		    &bench->directories, NULL, sl_span_str(""), &bench->directory, NULL) == 0)
		bench->body(bench);
	sl_part_discard(&bench->part);
	sl_directory_unref(bench->directory);
	sl_directories_release(&bench->directories);
	return 0;
}

static void
on_disk(void (*body)(struct bench *bench))
{
	struct bench bench = { .body = body };
	scratch_enter();
	cr_expect_eq(ring_run(1, bench_main, &bench), 0);
	scratch_leave();
}

static void
simulated(const struct sim_options *options, void (*body)(struct bench *bench))
{
	struct bench bench = { .body = body, .sim = sim_new(options) };
	cr_expect_eq(sim_run(bench.sim, bench_main, &bench), 0);
	sim_free(bench.sim);
}

static int
create(struct bench *bench, const char *name)
{
	sl_error_clear(&bench->err);
	return sl_part_create(&bench->part, bench->directory, name, 0666, &bench->err);
}

static void
must_create(struct bench *bench, const char *name)
{
	cr_assert_eq(create(bench, name), 0, "%s", bench->err.text);
}

static void
put(struct bench *bench, const char *text)
{
	struct sl_chunk chunk = { .len = strlen(text), .size = strlen(text) };
	chunk.data = malloc(chunk.len + 1);
	memcpy(chunk.data, text, chunk.len);
	cr_assert_eq(sl_part_write(&bench->part, &chunk), 0);
	free(chunk.data);
}

static void
expect_refused(struct bench *bench, const char *name, int want, const char *message)
{
	int code = create(bench, name);
	cr_expect_eq(code, want, "%d: %s", code, bench->err.text);
	cr_expect_eq(bench->err.code, want);
	cr_expect_eq(bench->err.phase, SL_PHASE_CREATE);
	cr_expect_str_eq(bench->err.text, message);
	cr_expect_eq(bench->part.fd, -1, "nothing is held");
}

/* ---- creating ---- */

static void
creates(struct bench *bench)
{
	struct stat st;
	mode_t mask = umask(027);
	must_create(bench, "x");
	umask(mask);
	cr_expect(scratch_stat("x.sluice-part", &st));
	cr_expect_eq(st.st_mode & 07777, 0640, "what it has in the end");
	cr_expect_not(scratch_exists("x"));
	put(bench, "hello");
	cr_expect_eq(sl_part_check(&bench->part, 5, &bench->err), 0);
	cr_expect_eq(sl_part_publish(&bench->part, false, &bench->err), 0);
	sl_part_close(&bench->part);
	cr_expect(scratch_holds("x", "hello"));
	cr_expect_eq(scratch_count("."), 1);
}

Test(part, a_rename_gives_it_its_final_name)
{
	on_disk(creates);
}

static void
creates_first(struct bench *bench)
{
	struct stat st;
	int stop = 1;
	cr_assert_eq(sl_part_create_first(&bench->part, bench->directory, "x", 0600, &stop),
		SL_PART_CREATED);
	cr_expect_eq(stop, 0);
	cr_expect(scratch_stat("x.sluice-part", &st));
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_expect_geq(bench->part.fd, 0);
	sl_part_discard(&bench->part);
	/* A file, a link to nothing and a directory have the name; something has the part's. */
	scratch_write_text("file", "theirs");
	cr_assert_eq(symlink("nothing", "link"), 0);
	cr_assert_eq(mkdir("directory", 0755), 0);
	scratch_write_text("y.sluice-part", "theirs");
	static const char *const taken[] = { "file", "link", "directory", "y" };
	for (size_t i = 0; i < SL_COUNT_OF(taken); i++) {
		cr_expect_eq(
			sl_part_create_first(&bench->part, bench->directory, taken[i], 0666, &stop),
			SL_PART_NAME_TAKEN, "%s", taken[i]);
		cr_expect_eq(bench->part.fd, -1);
	}
	cr_expect_eq(scratch_count("."), 4, "nothing is made, nothing goes");
	cr_expect(scratch_holds("file", "theirs") && scratch_holds("y.sluice-part", "theirs"));
}

Test(part, is_made_at_once_where_nothing_has_the_name)
{
	on_disk(creates_first);
}

#define WHOLE_LEN 50000u
#define WHOLE_TIME_NS (1700000000 * SL_NS_PER_S)

static void
put_replaced(const struct bench *bench, uint32_t mode)
{
	if (bench->sim) {
		sim_put_file(bench->sim, "x", "old", 3, mode);
		return;
	}
	scratch_write_text("x", "old");
	cr_assert_eq(chmod("x", mode), 0);
}

static void
writes_whole(struct bench *bench)
{
	struct sl_part_attributes set = {
		.time_ns = WHOLE_TIME_NS, .replaces = true, .length = WHOLE_LEN
	};
	struct statx st = { 0 };
	struct sl_chunk chunk = { .data = malloc(WHOLE_LEN), .len = WHOLE_LEN, .size = WHOLE_LEN };
	unsigned char *got = malloc(WHOLE_LEN);
	for (size_t i = 0; i < WHOLE_LEN; i++)
		chunk.data[i] = (unsigned char)(i * 7 + i / 251);
	put_replaced(bench, 0604);
	must_create(bench, "x");
	cr_assert_eq(sl_part_write_whole(&bench->part, &chunk, &set, &bench->err), 0, "%s",
		bench->err.text);
	cr_expect_eq(sl_io_stat(bench->part.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st), 0);
	cr_expect_eq(st.stx_size, WHOLE_LEN);
	cr_expect_eq(st.stx_mtime.tv_sec, 1700000000);
	cr_expect_eq(st.stx_mode & 07777, 0604);
	cr_expect(bench->part.is_sealed && !bench->part.time_refused);
	for (size_t done = 0; done < WHOLE_LEN;) {
		int rc = sl_io_read(bench->part.fd, got + done, WHOLE_LEN - done, done, 0);
		cr_assert_gt(rc, 0);
		done += (size_t)rc;
	}
	cr_expect_arr_eq(got, chunk.data, WHOLE_LEN);
	free(chunk.data);
	free(got);
}

Test(part, a_small_file_is_written_at_once_however_short_the_writes)
{
	on_disk(writes_whole);
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct sim_options options = sim_options(seed);
		simulated(&options, writes_whole);
	}
}

static void
flush_fails_once(struct bench *bench)
{
	const struct sl_part_attributes set = { .length = WHOLE_LEN };
	struct sl_chunk chunk = {
		.data = calloc(1, WHOLE_LEN), .len = WHOLE_LEN, .size = WHOLE_LEN
	};
	must_create(bench, "x");
	sim_fail_nth(bench->sim, 1, -EDQUOT, 1ull << SL_OP_FLUSH);
	cr_expect_eq(sl_part_write_whole(&bench->part, &chunk, &set, &bench->err), -EDQUOT);
	free(chunk.data);
}

/* A file system reports a failed write once: here to the flush after a part of the file. */
Test(part, a_failure_reported_after_a_short_write_is_not_lost)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct sim_options options = sim_options(seed);
		options.short_percent = 100;
		simulated(&options, flush_fails_once);
	}
}

static void
discards(struct bench *bench)
{
	must_create(bench, "x");
	put(bench, "hello");
	sl_part_discard(&bench->part);
	cr_expect_eq(scratch_count("."), 0);
	sl_part_discard(&bench->part); /* harmless */
}

Test(part, discarding_leaves_nothing)
{
	on_disk(discards);
}

static void
takes_over(struct bench *bench)
{
	struct stat after;
	scratch_write_text("x.sluice-part", "what a killed run has left");
	cr_assert_eq(chmod("x.sluice-part", 0600), 0);
	cr_assert_eq(link("x.sluice-part", "backup"), 0);
	must_create(bench, "x");
	cr_assert(scratch_stat("x.sluice-part", &after));
	cr_expect_eq(after.st_size, 0, "it begins again");
	cr_expect_neq(after.st_mode & 0044, 0, "with the rights of a new file");
	cr_expect(scratch_holds("backup", "what a killed run has left"));
}

Test(part, what_a_killed_run_has_left_is_removed_and_never_written_to)
{
	umask(022);
	on_disk(takes_over);
}

static void
is_locked(struct bench *bench)
{
	struct sl_part first;
	must_create(bench, "x");
	first = bench->part;
	expect_refused(
		bench, "x", SL_E_IN_USE, "cannot use 'x.sluice-part': another run is writing it");
	bench->part = first;
	cr_expect_eq(sl_part_check(&bench->part, 0, &bench->err), 0, "the first is untouched");
	sl_part_discard(&bench->part);
	must_create(bench, "x");
}

Test(part, another_run_that_writes_it_keeps_it)
{
	on_disk(is_locked);
}

static void
others_stay(struct bench *bench)
{
	scratch_write_text("target", "keep");
	cr_assert_eq(
		symlink("target", "link.sluice-part") | symlink("nothing", "dangling.sluice-part"),
		0);
	cr_assert_eq(mkdir("directory.sluice-part", 0700) | mkfifo("fifo.sluice-part", 0600), 0);
	expect_refused(bench, "link", -ELOOP,
		"cannot use 'link.sluice-part': it is a symbolic link; move it away");
	expect_refused(bench, "dangling", -ELOOP,
		"cannot use 'dangling.sluice-part': it is a symbolic link; move it away");
	expect_refused(
		bench, "directory", -EISDIR, "cannot use 'directory.sluice-part': is a directory");
	expect_refused(bench, "fifo", -EEXIST,
		"cannot use 'fifo.sluice-part': it is not a regular file; move it away");
	cr_expect(scratch_holds("target", "keep"));
	cr_expect_not(scratch_exists("nothing"));
	cr_expect_eq(scratch_count("."), 5, "nothing is made, nothing goes");
}

Test(part, what_is_not_ours_is_refused_and_left_alone)
{
	on_disk(others_stay);
}

/* Firefox, yt-dlp and others give these names. */
static void
part_of_others(struct bench *bench)
{
	scratch_write_text("x.part", "precious");
	cr_assert_eq(chmod("x.part", 0600), 0);
	must_create(bench, "x");
	put(bench, "hello");
	cr_expect_eq(sl_part_publish(&bench->part, false, &bench->err), 0);
	sl_part_close(&bench->part);
	cr_expect(scratch_holds("x.part", "precious") && scratch_holds("x", "hello"));
}

Test(part, the_part_of_another_program_is_not_touched)
{
	on_disk(part_of_others);
}

static void
another_user(struct bench *bench)
{
	scratch_write_text("x.sluice-part", "keep");
	cr_assert_eq(chmod("x.sluice-part", 0666) | chmod(".", 0777), 0);
	cr_assert_eq(seteuid(65534), 0);
	expect_refused(bench, "x", -EEXIST,
		"cannot use 'x.sluice-part': it belongs to another user; move it away");
	cr_assert_eq(seteuid(0), 0);
	cr_expect(scratch_holds("x.sluice-part", "keep"));
}

Test(part, another_users_file_is_refused)
{
	if (geteuid() != 0)
		cr_skip_test("only root can make a file of another user");
	on_disk(another_user);
}

static void
no_permission(struct bench *bench)
{
	cr_assert_eq(mkdir("closed", 0500), 0);
	sl_directory_unref(bench->directory);
	cr_assert_eq(sl_directories_open(&bench->directories, NULL, sl_span_str("closed"),
			     &bench->directory, NULL),
		0);
	expect_refused(
		bench, "x", -EACCES, "cannot create 'closed/x.sluice-part': permission denied");
}

Test(part, a_directory_that_takes_no_files_is_named)
{
	if (geteuid() == 0)
		cr_skip_test("root may write to every directory");
	on_disk(no_permission);
}

/* Another run takes the part that was just created for a leftover, and locks it first. */
static void
lock_it(struct sim *sim, void *ctx)
{
	bool *locked = ctx;
	*locked = sim_exists(sim, "x.sluice-part");
	if (*locked)
		sim_hold_lock(sim, "x.sluice-part", true);
}

static void
locked_by_another(struct bench *bench)
{
	bool locked = false;
	for (uint64_t n = 1; !locked; n++) {
		cr_assert_lt(n, 10);
		sim_at(bench->sim, n, lock_it, &locked);
		if (create(bench, "x") == 0) {
			cr_expect_not(locked, "created, and locked by another");
			sl_part_discard(&bench->part);
		}
	}
	cr_expect_eq(bench->err.code, SL_E_IN_USE, "%s", bench->err.text);
	cr_expect(sim_exists(bench->sim, "x.sluice-part"), "it is the other's");
}

Test(part, one_that_another_run_locks_first_is_left_to_it)
{
	struct sim_options options = sim_options(3);
	simulated(&options, locked_by_another);
}

/* ---- names ---- */

static void
name_of(struct bench *bench, const char *name, char out[NAME_MAX + 1])
{
	must_create(bench, name);
	snprintf(out, NAME_MAX + 1, "%s", bench->part.part_name);
	cr_expect(scratch_exists(out));
	sl_part_discard(&bench->part);
}

static bool
ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void
longest_uncut_name(struct bench *bench)
{
	char name[NAME_MAX + 1], part[NAME_MAX + 1], want[NAME_MAX + 1 + sizeof(SL_PART_SUFFIX)];
	size_t len = NAME_MAX - strlen(SL_PART_SUFFIX);
	memset(name, 'n', len);
	name[len] = '\0';
	name_of(bench, name, part);
	snprintf(want, sizeof(want), "%s" SL_PART_SUFFIX, name);
	cr_expect_str_eq(part, want);
}

Test(part, a_name_is_cut_only_if_it_is_too_long_with_its_suffix)
{
	on_disk(longest_uncut_name);
}

static void
long_names(struct bench *bench)
{
	char name[NAME_MAX + 1], a[NAME_MAX + 1], b[NAME_MAX + 1];
	for (size_t len = NAME_MAX - 8; len <= NAME_MAX; len++) {
		memset(name, 'n', len);
		name[len] = '\0';
		name_of(bench, name, a);
		cr_expect_leq(strlen(a), NAME_MAX);
		cr_expect(ends_with(a, ".sluice-part"));
		name[len - 1] = 'm';
		name_of(bench, name, b);
		cr_expect_str_neq(a, b, "a hash keeps neighbours apart");
	}
}

Test(part, a_long_name_is_shortened_with_a_hash)
{
	on_disk(long_names);
}

static void
whole_characters(struct bench *bench)
{
	char name[NAME_MAX + 1] = "", part[NAME_MAX + 1];
	for (size_t i = 0; i < 4; i++) { /* shifts where the cut falls */
		size_t len = i;
		memset(name, 'a', i);
		for (; len + 3 <= NAME_MAX; len += 3)
			memcpy(name + len, "\xe6\xbc\xa2", 4);
		name_of(bench, name, part);
		for (size_t at = 0; part[at];) {
			unsigned char c = (unsigned char)part[at];
			cr_assert(c < 0x80 || c == 0xe6, "cut inside a character");
			at += c < 0x80 ? 1 : 3;
		}
	}
}

Test(part, a_name_is_not_cut_inside_a_character)
{
	on_disk(whole_characters);
}

/* ---- publishing ---- */

static void
keeps_existing(struct bench *bench)
{
	must_create(bench, "x");
	put(bench, "new");
	scratch_write_text("x", "old");
	cr_expect_eq(sl_part_publish(&bench->part, false, &bench->err), -EEXIST);
	cr_expect_str_eq(bench->err.text, "cannot finish 'x.sluice-part': 'x' was created in the "
					  "meantime and is left as it is "
					  "(--if-exists=replace overwrites it)");
	cr_expect_eq(bench->err.phase, SL_PHASE_RENAME);
	cr_expect(scratch_holds("x", "old") && scratch_holds("x.sluice-part", "new"));
	cr_expect_eq(sl_part_publish(&bench->part, true, NULL), 0);
	sl_part_close(&bench->part);
	cr_expect(scratch_holds("x", "new"));
	cr_expect_eq(scratch_count("."), 1);
}

Test(part, a_name_that_is_taken_is_replaced_only_if_asked)
{
	on_disk(keeps_existing);
}

static void
replaces_link(struct bench *bench)
{
	struct stat st;
	scratch_write_text("target", "old");
	cr_assert_eq(symlink("target", "x"), 0);
	must_create(bench, "x");
	put(bench, "new");
	cr_expect_eq(sl_part_publish(&bench->part, true, &bench->err), 0);
	sl_part_close(&bench->part);
	cr_expect(scratch_stat("x", &st) && S_ISREG(st.st_mode));
	cr_expect(scratch_holds("x", "new") && scratch_holds("target", "old"));
}

Test(part, replacing_a_symbolic_link_leaves_its_target)
{
	on_disk(replaces_link);
}

static void
publish_simulated(struct bench *bench, const char *existing, int want)
{
	if (existing)
		sim_put_file(bench->sim, "x", existing, strlen(existing), 0644);
	must_create(bench, "x");
	put(bench, "new");
	struct sl_error err = { 0 };
	cr_expect_eq(sl_part_publish(&bench->part, false, &err), want, "%s", err.text);
	struct sl_span got;
	const char *content = existing ? existing : "new";
	if (want == 0 || want == -EEXIST) {
		cr_assert(sim_content(bench->sim, "x", &got));
		cr_expect(sl_span_is(got, content));
	}
	if (want == 0)
		sl_part_close(&bench->part);
	else
		sl_part_discard(&bench->part);
	cr_expect_not(sim_exists(bench->sim, "x.sluice-part"));
}

static void
publish_free(struct bench *bench)
{
	publish_simulated(bench, NULL, 0);
}

static void
publish_taken(struct bench *bench)
{
	publish_simulated(bench, "old", -EEXIST);
}

Test(part, where_a_rename_cannot_refuse_a_link_does)
{
	struct sim_options options = sim_options(3);
	options.no_noreplace = true;
	simulated(&options, publish_free);
	simulated(&options, publish_taken);
	options.no_link = true;
	simulated(&options, publish_free);
	simulated(&options, publish_taken);
}

/* The time of the run is over at some moment of it. */
static void
publish_in_a_hurry(struct bench *bench)
{
	unsigned given = 0;
	for (uint64_t n = 0; n < 200; n++) {
		struct sl_deadline deadline;
		must_create(bench, "x");
		put(bench, "new");
		sl_deadline_begin(&deadline, sl_deadline_in(n * SL_NS_PER_MS / 20));
		int code = sl_part_publish(&bench->part, false, NULL);
		sl_deadline_end(&deadline);
		cr_expect_eq(sim_exists(bench->sim, "x"), code == 0);
		if (code == 0)
			sl_part_close(&bench->part);
		else
			sl_part_discard(&bench->part);
		cr_expect_not(sim_exists(bench->sim, "x.sluice-part"), "left after %llu",
			(unsigned long long)n);
		if (code == 0)
			sim_remove(bench->sim, "x");
		given += code == 0;
	}
	cr_expect(given > 0 && given < 200);
}

Test(part, a_name_given_by_a_link_is_given_wholly)
{
	struct sim_options options = sim_options(4);
	options.no_noreplace = true;
	simulated(&options, publish_in_a_hurry);
}

/* ---- another program at work ---- */

struct second {
	struct bench bench;
	int code;
	bool taken;
};

static int
second_main(void *arg)
{
	struct second *second = arg;
	second->code = create(&second->bench, "x");
	second->taken = second->bench.part.name_taken;
	sl_part_discard(&second->bench.part);
	return 0;
}

/* It has renamed its part and syncs the directory, longer than others wait. */
static void
finishes_slowly(struct bench *bench)
{
	struct second second = { .bench = { .directory = bench->directory } };
	struct sl_group group;
	must_create(bench, "x");
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "second", second_main, &second, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S / 5), 0);
	cr_assert_eq(sl_part_publish(&bench->part, false, NULL), 0);
	cr_assert_eq(sl_sleep(5 * SL_NS_PER_S), 0);
	sl_group_leave(&group);
	cr_expect_eq(second.code, 0, "%s", second.bench.err.text);
	cr_expect(second.taken, "it reports that the final name is no longer free");
}

Test(part, one_that_got_its_final_name_is_not_checked_by_those_who_waited)
{
	struct sim_options options = sim_options(5);
	simulated(&options, finishes_slowly);
}

static void
says_whose_timeout(struct bench *bench)
{
	struct sl_deadline deadline;
	must_create(bench, "x");
	struct sl_error err = { 0 };
	cr_expect_eq(sl_part_write_failed(&bench->part, -ETIMEDOUT, 0, &err), -ETIMEDOUT);
	cr_expect_eq(err.phase, SL_PHASE_WRITE, "no time limit is in force: it is the disk's");
	sl_error_clear(&err);
	sl_deadline_begin(&deadline, sl_now());
	cr_expect_eq(sl_part_write_failed(&bench->part, -ETIMEDOUT, 0, &err), -ETIMEDOUT);
	cr_expect_eq(err.code, 0, "it is the run's");
	sl_deadline_end(&deadline);
}

Test(part, a_timeout_of_the_disk_is_not_the_runs)
{
	struct sim_options options = sim_options(6);
	simulated(&options, says_whose_timeout);
}

static void
expect_changed(struct bench *bench, const char *why)
{
	struct sl_error err = { 0 };
	cr_expect_eq(sl_part_check(&bench->part, 5, &err), SL_E_REPLACED);
	cr_expect_eq(err.phase, SL_PHASE_RENAME);
	cr_expect_not_null(strstr(err.text, why), "'%s' in '%s'", why, err.text);
}

#define LARGE_ENOUGH (2 * SL_MIB) /* for holes */

static void
sees_changes(struct bench *bench)
{
	must_create(bench, "x");
	put(bench, "hello");
	cr_expect_eq(sl_part_check(&bench->part, 5, NULL), 0);
	cr_assert_eq(truncate("x.sluice-part", 4), 0);
	expect_changed(bench, "it has 4 bytes instead of 5");
	cr_assert_eq(truncate("x.sluice-part", 6), 0);
	expect_changed(bench, "it has 6 bytes instead of 5");
	cr_assert_eq(truncate("x.sluice-part", 5), 0);
	cr_assert_eq(rename("x.sluice-part", "away"), 0);
	expect_changed(bench, "it was removed or replaced");
	scratch_write_text("x.sluice-part", "12345");
	expect_changed(bench, "it was removed or replaced");
	sl_part_discard(&bench->part);
	cr_expect(scratch_holds("x.sluice-part", "12345"), "that one is not ours");
	cr_expect(scratch_exists("away"), "nor is what has another name now");
}

Test(part, a_change_by_another_program_is_seen)
{
	on_disk(sees_changes);
}

/* The same size and other bytes, in time. */
static void
sees_later_writes(struct bench *bench)
{
	struct sl_part_attributes set = { .time_ns = WHOLE_TIME_NS, .length = 5 };
	must_create(bench, "x");
	put(bench, "hello");
	cr_assert_eq(sl_part_seal(&bench->part, &set, &bench->err), 0, "%s", bench->err.text);
	cr_expect_eq(sl_part_check(&bench->part, 5, NULL), 0);
	scratch_write_text("x.sluice-part", "HELLO");
	expect_changed(bench, "another program changed it while it was written");
}

Test(part, a_write_after_the_seal_is_seen_although_the_size_is_right)
{
	on_disk(sees_later_writes);
}

/* Cut to nothing between two writes: at the end it has its size again. */
static void
sees_truncation(struct bench *bench)
{
	struct sl_part_attributes set = { .length = LARGE_ENOUGH };
	struct sl_chunk chunk = { .data = calloc(1, LARGE_ENOUGH), .len = LARGE_ENOUGH / 2 };
	memset(chunk.data, 'x', LARGE_ENOUGH);
	must_create(bench, "x");
	cr_assert_eq(sl_part_write(&bench->part, &chunk), 0);
	cr_assert_eq(truncate("x.sluice-part", 0), 0);
	chunk.off = LARGE_ENOUGH / 2;
	cr_assert_eq(sl_part_write(&bench->part, &chunk), 0);
	cr_expect_eq(sl_part_check(&bench->part, LARGE_ENOUGH, NULL), 0, "size says nothing");
	cr_expect_eq(sl_part_seal(&bench->part, &set, &bench->err), SL_E_REPLACED);
	cr_expect_str_eq(bench->err.text,
		"cannot finish 'x.sluice-part': another program truncated it while it was "
		"written: a part of it is missing");
	sl_part_discard(&bench->part);
	/* All of it written: no hole, whatever the bytes. */
	sl_error_clear(&bench->err);
	must_create(bench, "x");
	memset(chunk.data, 0, LARGE_ENOUGH);
	chunk.off = 0;
	chunk.len = LARGE_ENOUGH;
	cr_assert_eq(sl_part_write(&bench->part, &chunk), 0);
	cr_expect_eq(sl_part_seal(&bench->part, &set, &bench->err), 0, "%s", bench->err.text);
	free(chunk.data);
}

Test(part, a_truncation_between_two_writes_is_seen_as_a_hole)
{
	on_disk(sees_truncation);
}

/* What the seal's calls may report. */
static void
seal_fails(struct bench *bench, enum sl_op_kind kind, int code, int want, const char *text)
{
	struct sl_part_attributes set = { .time_ns = WHOLE_TIME_NS, .replaces = true, .length = 5 };
	put_replaced(bench, 0600);
	must_create(bench, "x");
	put(bench, "hello");
	sim_fail_nth(bench->sim, 1, code, 1ull << kind);
	cr_expect_eq(sl_part_seal(&bench->part, &set, &bench->err), want, "%s of %s",
		strerror(-code), sl_op_kind_name(kind));
	sim_fail_nth(bench->sim, 0, 0, 0);
	cr_expect_str_eq(bench->err.text, text);
	cr_expect_eq(bench->part.time_refused, want == 0 && kind == SL_OP_SET_TIME);
	sl_part_discard(&bench->part);
}

static void
seal_failures(struct bench *bench)
{
	static const int unsupported[] = { -EPERM, -EACCES, -EOPNOTSUPP, -ENOSYS, -EINVAL };
	static const enum sl_op_kind attributes[] = { SL_OP_SET_MODE, SL_OP_SET_TIME };
	for (size_t i = 0; i < SL_COUNT_OF(unsupported); i++)
		for (size_t k = 0; k < SL_COUNT_OF(attributes); k++)
			seal_fails(bench, attributes[k], unsupported[i], 0, "");
	seal_fails(bench, SL_OP_SET_MODE, -EROFS, -EROFS,
		"cannot set the mode of 'x.sluice-part': read-only file system");
	seal_fails(bench, SL_OP_SET_TIME, -EIO, -EIO,
		"cannot set the time of 'x.sluice-part': input/output error");
	seal_fails(bench, SL_OP_FLUSH, -EDQUOT, -EDQUOT,
		"cannot write 'x.sluice-part': disk quota exceeded (free some and run the same "
		"command)");
	seal_fails(
		bench, SL_OP_FLUSH, -EIO, -EIO, "cannot write 'x.sluice-part': input/output error");
}

Test(part, what_a_close_reports_counts_and_attributes_unless_unsupported)
{
	struct sim_options options = sim_options(8);
	simulated(&options, seal_failures);
}

static void
time_without_effect(struct bench *bench)
{
	struct sl_part_attributes set = { .time_ns = WHOLE_TIME_NS / 2 };
	must_create(bench, "x");
	put(bench, "hello");
	cr_expect_eq(sl_part_seal(&bench->part, &set, &bench->err), 0, "%s", bench->err.text);
	cr_expect(bench->part.time_refused);
	cr_expect_eq(sl_part_check(&bench->part, 5, &bench->err), 0, "%s", bench->err.text);
}

Test(part, a_time_that_was_set_without_effect_is_noticed_and_not_a_failure)
{
	struct sim_options options = sim_options(9);
	options.no_times = true;
	simulated(&options, time_without_effect);
}

static const struct sl_stamp stamp = { .modified_s = 1, .etag = "\"abc\"" };

/* What has the part's attribute now; false if there is none. */
static bool
read_stamp(const struct bench *bench, struct sl_stamp *out)
{
	unsigned char bytes[SL_STAMP_MAX];
	struct sl_op op = { .kind = SL_OP_GET_XATTR,
		.fd = bench->part.fd,
		.attribute = SL_STAMP_ATTRIBUTE,
		.data = bytes,
		.len = sizeof(bytes) };
	cr_assert_eq(sl_io_batch(&op, 1), 0);
	cr_assert_geq(op.result, 0);
	return sl_stamp_parse(out, bytes, (size_t)op.result);
}

/* Without a time of the server's it gets that of its completion. */
static void
stamped(struct bench *bench)
{
	const uint64_t times[] = { WHOLE_TIME_NS / 2, 0 };
	for (size_t i = 0; i < SL_COUNT_OF(times); i++) {
		struct sl_part_attributes set = {
			.time_ns = times[i], .length = 5, .stamp = &stamp
		};
		struct sl_stamp got;
		must_create(bench, i ? "x" : "y");
		put(bench, "hello");
		cr_expect_eq(sl_part_seal(&bench->part, &set, &bench->err), 0);
		cr_assert(read_stamp(bench, &got));
		cr_expect_eq(got.size, 5);
		cr_expect_eq(got.mtime_ns,
			(uint64_t)bench->part.sealed_s * SL_NS_PER_S + bench->part.sealed_ns);
		cr_expect(times[i] ? got.mtime_ns == times[i] : got.mtime_ns > times[0]);
		cr_expect_str_eq(got.etag, stamp.etag);
		cr_expect_not(bench->part.time_refused);
		sl_part_discard(&bench->part);
	}
}

Test(part, a_stamp_has_the_size_and_the_time_of_the_seal)
{
	struct sim_options options = sim_options(10);
	simulated(&options, stamped);
}

static void
without_stamp(struct bench *bench)
{
	struct sl_part_attributes set = { .length = 5, .stamp = &stamp };
	struct sl_stamp got;
	must_create(bench, "x");
	put(bench, "hello");
	cr_expect_eq(sl_part_seal(&bench->part, &set, &bench->err), 0, "%s", bench->err.text);
	cr_expect_not(read_stamp(bench, &got));
	cr_expect_eq(sl_part_check(&bench->part, 5, &bench->err), 0, "%s", bench->err.text);
}

Test(part, a_stamp_that_cannot_be_set_is_not_a_failure)
{
	struct sim_options options = sim_options(11);
	options.no_xattrs = true;
	simulated(&options, without_stamp);
}

/* Two runs with one target at the same time, whatever the order of their steps. */
struct rival {
	struct sl_directory *directory;
	const char *text;
	int created, published;
};

static int
rival_main(void *arg)
{
	struct rival *rival = arg;
	struct sl_part part;
	rival->published = -1;
	rival->created = sl_part_create(&part, rival->directory, "x", 0666, NULL);
	if (rival->created)
		return 0;
	struct bench bench = { .part = part };
	put(&bench, rival->text);
	rival->published = sl_part_check(&bench.part, strlen(rival->text), NULL);
	if (!rival->published)
		rival->published = sl_part_publish(&bench.part, false, NULL);
	if (rival->published)
		sl_part_discard(&bench.part);
	else
		sl_part_close(&bench.part);
	return 0;
}

static void
compete(struct bench *bench)
{
	struct rival rivals[] = { { bench->directory, "one", 0, 0 },
		{ bench->directory, "three", 0, 0 }, { bench->directory, "five.", 0, 0 } };
	struct sl_group group;
	unsigned winners = 0;
	struct sl_span got;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (size_t i = 0; i < SL_COUNT_OF(rivals); i++)
		cr_assert_eq(sl_group_spawn(&group, "rival", rival_main, &rivals[i], NULL), 0);
	sl_group_leave(&group);
	for (size_t i = 0; i < SL_COUNT_OF(rivals); i++) {
		winners += rivals[i].published == 0;
		if (rivals[i].published == 0)
			sim_check(bench->sim,
				sim_content(bench->sim, "x", &got) &&
					sl_span_is(got, rivals[i].text),
				"the winner's file is not its own");
	}
	sim_check(bench->sim, winners <= 1, "%u winners", winners);
	sim_check(
		bench->sim, winners == 1 || !sim_exists(bench->sim, "x"), "a file of none of them");
	sim_check(bench->sim, !sim_exists(bench->sim, "x.sluice-part"), "a part stays");
}

Test(part, of_rivals_at_most_one_wins_and_its_file_is_its_own)
{
	struct sim_seeds seeds = sim_seeds(300);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		simulated(&options, compete);
	}
}

/* ---- reserving and writing ---- */

#define LARGE (3 * SL_CHUNK_SIZE + 8192 + 77) /* a last block that is not whole */

static unsigned char
byte_at(uint64_t off)
{
	return (unsigned char)(off * 31 + off / 251);
}

static void
write_chunk(struct bench *bench, struct sl_chunk_pool *pool, uint64_t off, size_t len)
{
	struct sl_chunk *chunk = NULL;
	cr_assert_eq(sl_chunk_take(pool, &chunk, SL_FOREVER), 0);
	for (size_t i = 0; i < len; i++)
		chunk->data[i] = byte_at(off + i);
	chunk->len = len;
	chunk->off = off;
	cr_assert_eq(sl_part_write(&bench->part, chunk), 0);
	sl_chunk_unref(chunk);
}

static void
write_large(struct bench *bench)
{
	struct sl_chunk_pool *pool = NULL;
	cr_assert_eq(sl_chunk_pool_new(&pool, 2, SL_CHUNK_SIZE), 0);
	for (uint64_t off = 0; off < LARGE; off += SL_CHUNK_SIZE)
		write_chunk(bench, pool, off, (size_t)SL_MIN(LARGE - off, (uint64_t)SL_CHUNK_SIZE));
	sl_chunk_pool_free(pool);
	cr_expect_eq(sl_part_check(&bench->part, LARGE, &bench->err), 0, "%s", bench->err.text);
}

static void
expect_large(struct sl_span got)
{
	cr_assert_eq(got.len, LARGE);
	for (uint64_t off = 0; off < LARGE; off++)
		cr_assert_eq((unsigned char)got.data[off], byte_at(off), "at %llu",
			(unsigned long long)off);
}

static void
reserve_and_write(struct bench *bench, enum sl_io_mode mode)
{
	struct sl_buf got = { 0 };
	must_create(bench, "x");
	cr_assert_eq(
		sl_part_reserve(&bench->part, LARGE, mode, &bench->err), 0, "%s", bench->err.text);
	cr_expect_eq(sl_part_check(&bench->part, LARGE, NULL), 0, "all of it is reserved");
	cr_expect(mode != SL_IO_BUFFERED || bench->part.direct_fd < 0);
	write_large(bench);
	cr_expect_eq(sl_part_publish(&bench->part, false, NULL), 0);
	sl_part_close(&bench->part);
	cr_expect(scratch_read("x", &got));
	expect_large(sl_buf_span(&got));
	sl_buf_release(&got);
}

static void
any_mode(struct bench *bench)
{
	reserve_and_write(bench, SL_IO_AUTO);
}

static void
direct_mode(struct bench *bench)
{
	reserve_and_write(bench, SL_IO_DIRECT);
}

static void
buffered_mode(struct bench *bench)
{
	reserve_and_write(bench, SL_IO_BUFFERED);
}

Test(part, what_is_written_is_what_is_there_in_every_mode)
{
	on_disk(any_mode);
	on_disk(direct_mode);
	on_disk(buffered_mode);
}

static void
direct_on_ext4(struct bench *bench)
{
	must_create(bench, "x");
	cr_assert_eq(sl_part_reserve(&bench->part, LARGE, SL_IO_AUTO, NULL), 0);
	cr_expect_geq(bench->part.direct_fd, 0);
	write_large(bench);
	cr_expect_not(bench->part.direct_refused);
}

Test(part, large_files_are_written_direct_on_ext4)
{
	struct statfs fs;
	cr_assert_eq(statfs(scratch_enter(), &fs), 0);
	scratch_leave();
	if (fs.f_type != EXT4_SUPER_MAGIC)
		cr_skip_test("TMPDIR, or /tmp without it, is not on ext4");
	on_disk(direct_on_ext4);
}

static void
refused_midway(struct bench *bench)
{
	struct sl_span got;
	must_create(bench, "x");
	cr_assert_eq(sl_part_reserve(&bench->part, LARGE, SL_IO_AUTO, NULL), 0);
	cr_assert_geq(bench->part.direct_fd, 0);
	sim_fail_nth(bench->sim, 2, -EINVAL, 1u << SL_OP_WRITE);
	write_large(bench);
	cr_expect(bench->part.direct_refused, "once is for good");
	cr_assert(sim_content(bench->sim, "x.sluice-part", &got));
	expect_large(got);
}

Test(part, a_refusal_of_direct_writes_falls_back_for_good)
{
	struct sim_options options = sim_options(7);
	options.short_percent = 0;
	simulated(&options, refused_midway);
}

static void
direct_close_fails(struct bench *bench)
{
	const struct sl_part_attributes set = { .length = LARGE };
	must_create(bench, "x");
	cr_assert_eq(sl_part_reserve(&bench->part, LARGE, SL_IO_AUTO, NULL), 0);
	cr_assert_geq(bench->part.direct_fd, 0);
	write_large(bench);
	sim_fail_nth(bench->sim, 1, -EDQUOT, 1u << SL_OP_CLOSE);
	cr_expect_eq(sl_part_seal(&bench->part, &set, &bench->err), -EDQUOT);
}

/* The descriptor for direct writes is closed by the seal. */
Test(part, what_the_close_after_direct_writes_reports_counts)
{
	struct sim_options options = sim_options(7);
	simulated(&options, direct_close_fails);
}

static void
no_direct(struct bench *bench)
{
	struct sl_span got;
	must_create(bench, "x");
	cr_assert_eq(sl_part_reserve(&bench->part, LARGE, SL_IO_DIRECT, NULL), 0);
	cr_expect_lt(bench->part.direct_fd, 0);
	write_large(bench);
	cr_assert(sim_content(bench->sim, "x.sluice-part", &got));
	expect_large(got);
}

Test(part, a_file_system_without_reservation_or_direct_writes_will_do)
{
	for (uint64_t seed = 1; seed < 6; seed++) {
		struct sim_options options = sim_options(seed);
		options.dio_align = 0;
		simulated(&options, no_direct);
		options.dio_align = 4096;
		options.no_allocate = true;
		simulated(&options, no_direct);
	}
}

static void
full_disk(struct bench *bench)
{
	must_create(bench, "x");
	cr_expect_eq(
		sl_part_reserve(&bench->part, 5 * SL_MIB / 2, SL_IO_AUTO, &bench->err), -ENOSPC);
	cr_expect_str_eq(bench->err.text, "cannot write 'x.sluice-part': no space left on device "
					  "(needs 2.5 MiB; free some and run "
					  "the same command)");
	cr_expect_eq(bench->err.phase, SL_PHASE_WRITE);
	sl_part_discard(&bench->part);
	cr_expect_not(sim_exists(bench->sim, "x.sluice-part"));
}

Test(part, the_message_for_a_full_disk_states_how_much_is_needed)
{
	struct sim_options options = sim_options(1);
	options.capacity = SL_MIB;
	simulated(&options, full_disk);
}

Test(part, messages_for_write_failures_state_what_to_do)
{
	static const struct {
		int code;
		uint64_t needed;
		const char *text;
	} cases[] = {
		{ -ENOSPC, 0,
			"cannot write 'd/x.sluice-part': no space left on device (free some and "
			"run the "
			"same command)" },
		{ -ENOSPC, 1023,
			"cannot write 'd/x.sluice-part': no space left on device (needs 1023 "
			"bytes; free "
			"some and run the same command)" },
		{ -EDQUOT, 1536,
			"cannot write 'd/x.sluice-part': disk quota exceeded (needs 1.5 KiB; free "
			"some "
			"and run the same command)" },
		{ -EFBIG, 99,
			"cannot write 'd/x.sluice-part': file too large (the limit of this shell, "
			"'ulimit -f', or of the file system)" },
		{ -EIO, 99, "cannot write 'd/x.sluice-part': input/output error" },
		{ -ECANCELED, 99, "" },
	};
	char directory_path[] = "d", part_name[] = "x.sluice-part";
	struct sl_directory directory = { .path = directory_path };
	struct sl_part part = { .directory = &directory, .part_name = part_name };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_error err = { 0 };
		cr_expect_eq(sl_part_write_failed(&part, cases[i].code, cases[i].needed, &err),
			cases[i].code);
		cr_expect_str_eq(err.text, cases[i].text);
	}
}

/* ---- faults ---- */

static void
whole_life(struct bench *bench)
{
	if (create(bench, "x") != 0)
		return;
	struct sl_chunk chunk = { .data = (unsigned char[]){ 'h', 'i' }, .len = 2, .size = 2 };
	int code = sl_part_reserve(&bench->part, 2, SL_IO_AUTO, NULL);
	if (!code)
		code = sl_part_write(&bench->part, &chunk);
	if (!code)
		code = sl_part_check(&bench->part, 2, NULL);
	if (!code)
		code = sl_part_publish(&bench->part, false, NULL);
	struct sl_span got;
	bool there = sim_content(bench->sim, "x", &got);
	sim_check(bench->sim, there == (code == 0), "code %d and the file is %sthere", code,
		there ? "" : "not ");
	sim_check(bench->sim, !there || sl_span_is(got, "hi"), "half a file");
	if (code == 0)
		sl_part_close(&bench->part);
}

/* Also looks whether a descriptor is left (sim_run does). */
Test(part, whatever_operation_fails_there_is_a_whole_file_or_none)
{
	for (unsigned nth = 1;; nth++) {
		struct sim_options options = sim_options(nth);
		options.no_noreplace = nth % 2;
		struct bench bench = { .body = whole_life, .sim = sim_new(&options) };
		sim_fail_nth(bench.sim, nth, 0, 0);
		sim_run(bench.sim, bench_main, &bench);
		unsigned faults = sim_faults(bench.sim);
		sim_free(bench.sim);
		if (faults == 0)
			break;
	}
}
