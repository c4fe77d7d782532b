/* Parts that are resumed by their journal: after an orderly end, a kill, a power cut, failures; and
 * the journals that must not be believed. */
#include "sluice/download/journal.h"

#include "support/run.h"
#include "support/scratch.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/random.h"
#include "sluice/download/part.h"
#include "sluice/rt/io.h"
#include "sluice/rt/semaphore.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PIECE (16u * 1024u)
#define PIECES 40u
#define LENGTH ((uint64_t)PIECE * PIECES - 100) /* the last one is shorter */
#define URL_HASH 77u
#define PART "x.sluice-part"
#define JOURNAL "x.sluice-journal"

/* ---- a part in the current directory, on the real file system or a simulated one ---- */

struct bench {
	void (*body)(struct bench *bench);
	struct sim *sim; /* NULL = real */
	struct sl_directories directories;
	struct sl_directory *directory;
	struct sl_part part;
	struct sl_error err;
	uint64_t gap_ns;  /* between pieces */
	uint64_t written; /* bytes that were recorded */
	uint64_t resumed; /* bytes that a journal had */
	bool was_resumed;
	int sync_failure; /* reported by the journal */
	uint64_t nth;     /* operation that fails, with: */
	int code;
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

static unsigned char
byte_at(uint64_t off)
{
	return (unsigned char)(off * 31 + off / 251 + 1);
}

static struct sl_range
piece_range(size_t piece)
{
	uint64_t begin = (uint64_t)piece * PIECE;
	return (struct sl_range){ begin, SL_MIN(begin + PIECE, LENGTH) };
}

/* As a download does: the write, then its record. */
static int
write_piece(struct bench *bench, size_t piece)
{
	struct sl_range range = piece_range(piece);
	struct sl_chunk chunk = { .data = malloc(PIECE),
		.size = PIECE,
		.len = (size_t)(range.end - range.begin),
		.off = range.begin };
	for (size_t i = 0; i < chunk.len; i++)
		chunk.data[i] = byte_at(range.begin + i);
	int code = sl_part_write(&bench->part, &chunk);
	if (!code) {
		sl_journal_written(bench->part.journal, range.begin, range.end,
			sl_crc32c(0, chunk.data, chunk.len));
		bench->written += chunk.len;
	}
	free(chunk.data);
	return code;
}

static void
note_sync_failure(void *ctx, struct sl_directory *directory, int code)
{
	struct bench *bench = ctx;
	cr_expect_eq(directory, bench->directory);
	bench->sync_failure = code;
}

static const struct sl_journal_resource resource = { .url_hash = URL_HASH,
	.resource = { .length = LENGTH, .etag = "\"v1\"" } };

static int
begin(struct bench *bench)
{
	const struct sl_journal_options options = {
		.resource = &resource, .sync = true, .sync_failed = note_sync_failure, .ctx = bench
	};
	return sl_part_begin_journal(&bench->part, &options);
}

static const uint64_t url_hashes[] = { URL_HASH + 1, URL_HASH };
static const struct sl_journal_urls other_url = { url_hashes, 1 }, same_url = { url_hashes, 2 };

static int
resume(struct bench *bench)
{
	sl_error_clear(&bench->err);
	int code = sl_part_resume(
		&bench->part, bench->directory, "x", SL_PART_NEW, &same_url, &bench->err);
	bench->was_resumed = !code && bench->part.journal;
	bench->resumed = 0;
	if (!bench->was_resumed)
		return code;
	const struct sl_journal_content *content = sl_journal_content(bench->part.journal);
	for (size_t i = 0; i < content->count; i++)
		bench->resumed += content->ranges[i].end - content->ranges[i].begin;
	return code;
}

static void
must_begin_new(struct bench *bench)
{
	cr_assert_eq(resume(bench), 0, "%s", bench->err.text);
	cr_assert_not(bench->was_resumed);
	cr_assert_eq(begin(bench), 0);
}

static void
must_resume(struct bench *bench)
{
	cr_assert_eq(resume(bench), 0, "%s", bench->err.text);
	cr_assert(bench->was_resumed);
}

static void
write_pieces(struct bench *bench, size_t first, size_t last)
{
	for (size_t i = first; i < last; i++)
		cr_assert_eq(write_piece(bench, i), 0);
}

static bool
has_piece(const struct sl_journal_content *content, size_t piece)
{
	struct sl_range range = piece_range(piece);
	for (size_t i = 0; i < content->count; i++)
		if (content->ranges[i].begin == range.begin && content->ranges[i].end == range.end)
			return true;
	return false;
}

/* What is missing, to the end. */
static int
finish(struct bench *bench)
{
	const struct sl_part_attributes set = { .length = LENGTH };
	bool missing[PIECES];
	int code = 0;
	for (size_t i = 0; i < PIECES; i++)
		missing[i] = !bench->part.journal ||
			     !has_piece(sl_journal_content(bench->part.journal), i);
	code = begin(bench);
	for (size_t i = 0; i < PIECES && !code; i++)
		code = missing[i] ? write_piece(bench, i) : 0;
	if (!code)
		code = sl_part_seal(&bench->part, &set, &bench->err);
	if (!code)
		code = sl_part_check(&bench->part, LENGTH, &bench->err);
	if (!code)
		code = sl_part_publish(&bench->part, false, &bench->err);
	if (!code)
		sl_part_close(&bench->part);
	return code;
}

static bool
is_right(struct sl_span got, struct sl_range range)
{
	for (uint64_t off = range.begin; off < range.end; off++)
		if (off >= got.len || (unsigned char)got.data[off] != byte_at(off))
			return false;
	return true;
}

static void
expect_file(struct sl_span got)
{
	cr_expect_eq(got.len, LENGTH);
	cr_expect(is_right(got, (struct sl_range){ 0, LENGTH }));
}

/* ---- the plain way ---- */

static void
keeps_and_resumes(struct bench *bench)
{
	struct sl_buf got = { 0 };
	must_begin_new(bench);
	write_pieces(bench, 30, 40);
	write_pieces(bench, 0, 7);
	cr_assert(sl_part_keep(&bench->part));
	cr_expect_eq(scratch_count("."), 2);
	must_resume(bench);
	const struct sl_journal_content *content = sl_journal_content(bench->part.journal);
	cr_expect_not(sl_journal_needs_verify(bench->part.journal));
	cr_expect_eq(content->count, 17);
	cr_expect_eq(bench->resumed, bench->written);
	cr_expect_eq(content->resource.resource.length, LENGTH);
	cr_expect_str_eq(content->resource.resource.etag, "\"v1\"");
	/* and once more, after some more */
	cr_assert_eq(begin(bench), 0);
	write_pieces(bench, 7, 9);
	cr_assert(sl_part_keep(&bench->part));
	must_resume(bench);
	cr_expect_eq(bench->resumed, bench->written);
	cr_assert_eq(finish(bench), 0, "%s", bench->err.text);
	cr_expect_eq(bench->written, LENGTH, "nothing is written twice");
	cr_expect_eq(scratch_count("."), 1, "the journal is gone");
	cr_assert(scratch_read("x", &got));
	expect_file(sl_buf_span(&got));
	sl_buf_release(&got);
}

Test(journal, a_part_that_was_kept_goes_on_where_it_was)
{
	on_disk(keeps_and_resumes);
}

static void
begins_and_ends(struct bench *bench)
{
	must_begin_new(bench);
	for (size_t i = 0; i < 3; i++) {
		write_pieces(bench, i, i + 1);
		cr_expect_eq(sl_journal_end(bench->part.journal), 0);
		cr_assert_eq(begin(bench), 0);
	}
	cr_assert(sl_part_keep(&bench->part));
	must_resume(bench);
	cr_expect_eq(bench->resumed, bench->written);
	sl_part_discard(&bench->part);
	cr_expect_eq(scratch_count("."), 0, "discarding leaves nothing");
}

Test(journal, may_end_and_begin_while_its_part_is_open)
{
	on_disk(begins_and_ends);
}

static void
keeps_nothing(struct bench *bench)
{
	cr_assert_eq(resume(bench), 0);
	cr_expect_not(sl_part_keep(&bench->part), "it never had a journal");
	cr_expect_eq(scratch_count("."), 0);
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert(sl_part_keep(&bench->part));
	/* as with --no-continue */
	cr_assert_eq(
		sl_part_create(&bench->part, bench->directory, "x", SL_PART_NEW, &bench->err), 0);
	cr_expect_null(bench->part.journal);
	cr_expect_not(scratch_exists(JOURNAL), "a journal goes with its part");
}

Test(journal, without_one_a_part_is_not_kept_and_one_that_is_not_wanted_goes)
{
	on_disk(keeps_nothing);
}

static void
is_unpublished(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert(sl_part_keep(&bench->part));
	/* The run before was killed when it had finished the file: its journal is left. */
	cr_assert_eq(rename(PART, "x"), 0);
	cr_assert_eq(unlink("x"), 0);
	must_begin_new(bench);
	write_pieces(bench, 0, 2);
	cr_assert(sl_part_keep(&bench->part));
	must_resume(bench);
	cr_expect_eq(bench->resumed, 2 * PIECE);
}

Test(journal, of_a_part_that_is_gone_is_replaced)
{
	on_disk(is_unpublished);
}

static void
is_finished(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert(sl_part_keep(&bench->part));
	sl_part_remove_stale_journal(bench->directory, "x", SL_LENGTH_UNKNOWN);
	cr_expect_eq(scratch_count("."), 2, "its part is there");
	cr_assert_eq(rename(PART, "x"), 0);
	sl_part_remove_stale_journal(bench->directory, "x", SL_LENGTH_UNKNOWN);
	sl_part_remove_stale_journal(bench->directory, "x", SL_LENGTH_UNKNOWN);
	cr_expect_eq(scratch_count("."), 1);
	cr_expect(scratch_exists("x"));
}

Test(journal, that_a_finished_file_has_left_is_removed)
{
	on_disk(is_finished);
}

/* ---- what is not believed ---- */

static void
make_left(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, 10);
	cr_assert(sl_part_keep(&bench->part));
}

/* A run that finds it begins anew, and nothing of it is left but what another name keeps. */
static void
expect_anew(struct bench *bench, const char *what)
{
	struct stat st;
	cr_assert_eq(resume(bench), 0, "%s: %s", what, bench->err.text);
	cr_expect_not(bench->was_resumed, "%s", what);
	cr_assert(scratch_stat(PART, &st));
	cr_expect_eq(st.st_size, 0, "%s", what);
	cr_assert_eq(begin(bench), 0);
	write_pieces(bench, 0, 1);
	sl_part_discard(&bench->part);
	cr_expect_not(scratch_exists(PART), "%s", what);
}

static void
change_byte(const char *path, long off)
{
	struct sl_buf text = { 0 };
	cr_assert(scratch_read(path, &text));
	size_t at = off < 0 ? text.len - (size_t)-off : (size_t)off;
	text.data[at] ^= 1;
	scratch_write(path, text.data, text.len);
	sl_buf_release(&text);
}

/* Version 2, with its right sum. */
static void
make_newer(void)
{
	struct sl_buf text = { 0 };
	cr_assert(scratch_read(JOURNAL, &text));
	text.data[24] = 2;
	uint32_t crc = sl_crc32c(0, text.data + 4, 4 + 52);
	for (size_t i = 0; i < 4; i++)
		text.data[i] = (char)(crc >> (8 * i));
	scratch_write(JOURNAL, text.data, text.len);
	sl_buf_release(&text);
}

static void
refuses(struct bench *bench)
{
	make_left(bench);
	change_byte(JOURNAL, 30);
	expect_anew(bench, "damaged");

	make_left(bench);
	make_newer();
	expect_anew(bench, "of another version");

	make_left(bench);
	cr_assert_eq(truncate(JOURNAL, 0), 0);
	expect_anew(bench, "empty");

	make_left(bench);
	cr_assert_eq(truncate(JOURNAL, 60), 0);
	expect_anew(bench, "without a resource");

	make_left(bench);
	scratch_write_text(JOURNAL, "the notes of somebody");
	expect_anew(bench, "another program's");

	make_left(bench);
	cr_assert_eq(unlink(JOURNAL), 0);
	expect_anew(bench, "none");

	make_left(bench);
	cr_assert_eq(link(PART, "backup"), 0);
	expect_anew(bench, "the part has another name");
	struct sl_buf got = { 0 };
	cr_assert(scratch_read("backup", &got));
	cr_expect(is_right(sl_buf_span(&got), (struct sl_range){ 0, 10 * PIECE }),
		"its content is untouched");
	sl_buf_release(&got);

	make_left(bench);
	cr_assert_eq(link(JOURNAL, "backup2"), 0);
	expect_anew(bench, "the journal has another name");

	make_left(bench);
	cr_assert_eq(rename(JOURNAL, "away"), 0);
	cr_assert_eq(symlink("away", JOURNAL), 0);
	expect_anew(bench, "the journal is a link");
	cr_expect(scratch_exists("away"), "what a link leads to is untouched");
	cr_assert_eq(unlink(JOURNAL), 0);

	make_left(bench);
	cr_assert_eq(unlink(JOURNAL) | mkfifo(JOURNAL, 0600), 0);
	expect_anew(bench, "the journal is a FIFO");
	cr_assert_eq(unlink(JOURNAL), 0);

	make_left(bench);
	cr_assert_eq(chmod(PART, 0600), 0);
	expect_anew(bench, "the part has other permissions");
}

Test(journal, that_is_foreign_newer_or_damaged_is_refused)
{
	umask(022);
	on_disk(refuses);
}

static void
other_requests(struct bench *bench)
{
	make_left(bench);
	cr_assert_eq(sl_part_resume(&bench->part, bench->directory, "x", SL_PART_NEW, &other_url,
			     &bench->err),
		0);
	cr_expect_null(bench->part.journal, "another URL");
	sl_part_discard(&bench->part);
	make_left(bench);
	cr_assert_eq(sl_part_resume(&bench->part, bench->directory, "x", SL_PART_PRIVATE, &same_url,
			     &bench->err),
		0);
	cr_expect_null(bench->part.journal, "it is to replace a file now");
}

Test(journal, of_another_url_or_other_permissions_is_refused)
{
	on_disk(other_requests);
}

/* Its inode number may well be used again, for a part that has nothing of the old bytes. */
static void
has_old_journal(struct bench *bench)
{
	struct stat old, new;
	make_left(bench);
	cr_assert(scratch_stat(PART, &old));
	cr_assert_eq(unlink(PART), 0);
	for (int i = 0; i < 100; i++) {
		scratch_write_text(PART, "");
		cr_assert(scratch_stat(PART, &new));
		if (new.st_ino == old.st_ino)
			break;
		cr_assert_eq(unlink(PART), 0);
	}
	if (!scratch_exists(PART))
		scratch_write_text(PART, "");
	cr_assert_eq(truncate(PART, (off_t)LENGTH), 0);
	expect_anew(bench, "of an older part with the same inode number");
}

Test(journal, of_an_older_part_is_refused_although_the_inode_number_is_the_same)
{
	on_disk(has_old_journal);
}

static void
another_user(struct bench *bench)
{
	make_left(bench);
	cr_assert_eq(chown(JOURNAL, 65534, 65534), 0);
	expect_anew(bench, "the journal is another user's");
	make_left(bench);
	cr_assert_eq(chown(PART, 65534, 65534), 0);
	expect_anew(bench, "the part is another user's");
}

Test(journal, of_another_user_is_refused)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	on_disk(another_user);
}

/* ---- changes by other programs ---- */

static void
expect_verify(struct bench *bench, bool needs, const char *what)
{
	must_resume(bench);
	cr_expect_eq(sl_journal_needs_verify(bench->part.journal), needs, "%s", what);
	sl_part_discard(&bench->part);
}

static void
is_changed(struct bench *bench)
{
	struct stat st;
	make_left(bench);
	expect_verify(bench, false, "as it was left");
	make_left(bench);
	cr_assert_eq(truncate(PART, 5 * PIECE), 0);
	expect_verify(bench, true, "cut");
	make_left(bench);
	cr_assert_eq(truncate(PART, (off_t)(2 * LENGTH)), 0);
	expect_verify(bench, true, "longer");
	make_left(bench);
	change_byte(PART, 3);
	expect_verify(bench, true, "written to");
	make_left(bench);
	cr_assert(scratch_stat(PART, &st));
	cr_assert_eq(truncate(PART, (off_t)(2 * LENGTH)), 0);
	const struct timespec times[] = { st.st_atim, st.st_mtim };
	cr_assert_eq(utimensat(AT_FDCWD, PART, times, 0), 0);
	expect_verify(bench, true, "longer, with the time that it had");
}

Test(journal, of_a_part_that_was_changed_since_wants_to_be_verified)
{
	on_disk(is_changed);
}

static void
set_modified(const char *path, time_t seconds)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = seconds } };
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* As a kill leaves them: the journal has no record of the end. */
static void
make_killed(struct bench *bench, time_t part_s, time_t journal_s)
{
	struct sl_buf text = { 0 };
	must_begin_new(bench);
	write_pieces(bench, 0, 10);
	cr_assert_eq(sl_journal_end(bench->part.journal), 0);
	cr_assert(scratch_read(JOURNAL, &text));
	cr_assert(sl_part_keep(&bench->part));
	scratch_write(JOURNAL, text.data, text.len);
	sl_buf_release(&text);
	set_modified(PART, part_s);
	set_modified(JOURNAL, journal_s);
}

static void
is_changed_after_kill(struct bench *bench)
{
	make_killed(bench, 1000000, 1000000);
	expect_verify(bench, false, "at the same time");
	make_killed(bench, 1000009, 1000000);
	expect_verify(bench, false, "the last record was not written yet");
	make_killed(bench, 1000000, 2000000);
	expect_verify(bench, false, "the journal is newer");
	make_killed(bench, 1000011, 1000000);
	expect_verify(bench, true, "written to since");
	make_killed(bench, 1000000, 1000000);
	cr_assert_eq(truncate(PART, 10 * PIECE - 1), 0);
	set_modified(PART, 1000000);
	expect_verify(bench, true, "shorter than its last record");
}

Test(journal, of_a_killed_run_wants_a_part_that_is_newer_or_shorter_to_be_verified)
{
	on_disk(is_changed_after_kill);
}

static void
verify(struct bench *bench, struct sl_journal_verified *verified)
{
	struct sl_chunk_pool *pool = NULL;
	cr_assert_eq(sl_chunk_pool_new(&pool, 2, 8192), 0);
	cr_assert_eq(sl_journal_verify(bench->part.journal, pool, verified, &bench->err), 0, "%s",
		bench->err.text);
	sl_chunk_pool_free(pool);
}

static void
verifies(struct bench *bench)
{
	struct sl_journal_verified verified;
	struct sl_buf got = { 0 };
	must_begin_new(bench);
	write_pieces(bench, 0, 20);
	write_pieces(bench, 39, 40);
	cr_assert(sl_part_keep(&bench->part));
	change_byte(PART, 3 * PIECE + 5);
	change_byte(PART, 4 * PIECE);
	change_byte(PART, 10 * PIECE - 1);
	must_resume(bench);
	verify(bench, &verified);
	cr_expect_eq(verified.bytes, bench->written);
	cr_expect_eq(verified.bad_bytes, 3 * PIECE);
	cr_expect_eq(verified.bad_ranges, 3);
	const struct sl_journal_content *content = sl_journal_content(bench->part.journal);
	cr_expect_eq(content->count, 18);
	cr_expect_not(has_piece(content, 3) || has_piece(content, 4) || has_piece(content, 9));
	/* what was found is recorded, although it is not repaired in this run */
	cr_assert_eq(begin(bench), 0);
	cr_assert(sl_part_keep(&bench->part));
	must_resume(bench);
	cr_expect_eq(sl_journal_content(bench->part.journal)->count, 18);
	verify(bench, &verified);
	cr_expect_eq(verified.bad_ranges, 0);
	cr_assert_eq(finish(bench), 0, "%s", bench->err.text);
	cr_assert(scratch_read("x", &got));
	expect_file(sl_buf_span(&got));
	sl_buf_release(&got);
}

Test(journal, verifying_finds_the_bad_ranges_and_only_those)
{
	on_disk(verifies);
}

static void
verify_simulated(struct bench *bench)
{
	struct sl_journal_verified verified;
	must_begin_new(bench);
	write_pieces(bench, 0, PIECES);
	cr_assert(sl_part_keep(&bench->part));
	sim_cut(bench->sim, PART, 20 * PIECE + 7);
	must_resume(bench);
	verify(bench, &verified);
	cr_expect_eq(verified.bad_ranges, 20, "%zu", verified.bad_ranges);
	cr_assert_eq(finish(bench), 0, "%s", bench->err.text);
	struct sl_span got;
	cr_assert(sim_content(bench->sim, "x", &got));
	expect_file(got);
}

Test(journal, ranges_beyond_the_end_of_a_part_that_was_cut_are_bad)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim_options options = sim_options(seed);
		simulated(&options, verify_simulated);
	}
}

static void
verify_unreadable(struct bench *bench)
{
	struct sl_journal_verified verified;
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert(sl_part_keep(&bench->part));
	sim_append(bench->sim, PART, "", 1); /* which sets its time */
	must_resume(bench);
	sim_fail_nth(bench->sim, 1, -EIO, 1ull << SL_OP_READ);
	verify(bench, &verified);
	cr_expect_eq(sim_faults(bench->sim), 1);
	cr_expect_eq(verified.bad_ranges, 1, "%zu", verified.bad_ranges);
	cr_assert_eq(begin(bench), 0);
	write_pieces(bench, 0, PIECES);
	sl_part_discard(&bench->part);
}

Test(journal, what_the_disk_cannot_read_is_bad_and_the_rest_is_resumed)
{
	struct sim_options options = sim_options(1);
	options.short_percent = 0;
	options.dio_align = 0;
	simulated(&options, verify_unreadable);
}

/* One of four pieces was changed. */
static void
find_bad(struct bench *bench)
{
	struct sl_journal_verified verified;
	struct sl_span got;
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert(sl_part_keep(&bench->part));
	cr_assert(sim_content(bench->sim, PART, &got));
	struct sl_buf changed = { 0 };
	sl_buf_add_span(&changed, got);
	changed.data[PIECE] ^= 1;
	sim_put_file(bench->sim, PART, changed.data, changed.len, 0666);
	sl_buf_release(&changed);
	must_resume(bench);
	verify(bench, &verified);
	cr_expect_eq(verified.bad_ranges, 1);
}

static void
keep_unrecorded(struct bench *bench)
{
	find_bad(bench);
	cr_expect_not(sl_part_keep(&bench->part), "the journal still lists it");
	find_bad(bench);
	sim_fail_from(bench->sim, 1, -ENOSPC, 1ull << SL_OP_WRITE);
	cr_expect_eq(begin(bench), 0, "it is off");
	sim_stop_faults(bench->sim);
	sim_fail_nth(bench->sim, 0, 0, 0);
	cr_expect_not(sl_part_keep(&bench->part), "as before");
	cr_expect_eq(sim_name_count(bench->sim, "/"), 0);
}

Test(journal, a_part_is_not_kept_unless_what_was_found_bad_is_recorded)
{
	struct sim_options options = sim_options(1);
	simulated(&options, keep_unrecorded);
}

static void
voids(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, 10);
	cr_assert_eq(sl_journal_void(bench->part.journal, 2 * PIECE + 1, 4 * PIECE), 0);
	write_pieces(bench, 3, 4);
	cr_assert(sl_part_keep(&bench->part));
	must_resume(bench);
	const struct sl_journal_content *content = sl_journal_content(bench->part.journal);
	cr_expect_eq(content->count, 9);
	cr_expect_not(has_piece(content, 2));
	cr_expect(has_piece(content, 3), "it was written again");
}

Test(journal, what_is_void_is_not_trusted_until_it_is_written_again)
{
	on_disk(voids);
}

/* ---- kills, power cuts and failures, on the simulator ---- */

/* Some pieces, in an order of chance, and an orderly end or another. */
static void
download(struct bench *bench)
{
	struct sl_random random;
	bool missing[PIECES];
	if (resume(bench) != 0 ||
		(bench->part.journal && sl_journal_needs_verify(bench->part.journal)))
		return;
	for (size_t i = 0; i < PIECES; i++)
		missing[i] = !bench->part.journal ||
			     !has_piece(sl_journal_content(bench->part.journal), i);
	if (sl_part_reserve(&bench->part, LENGTH, SL_IO_AUTO, NULL) != 0 || begin(bench) != 0)
		return;
	sl_random_init(&random, sim_seed(bench->sim));
	for (size_t i = 0; i < PIECES / 2; i++) {
		size_t piece = sl_random_below(&random, PIECES);
		if (missing[piece] && write_piece(bench, piece) != 0)
			break;
		missing[piece] = false;
		if (sl_sleep(bench->gap_ns) != 0)
			break;
	}
	sl_part_keep(&bench->part);
}

#define WRITERS 4

struct writer {
	struct bench *bench;
	size_t first;
};

static int
writer_main(void *arg)
{
	struct writer *writer = arg;
	for (size_t i = writer->first; i < PIECES; i += WRITERS)
		if (write_piece(writer->bench, i) != 0 || sl_sleep(300 * SL_NS_PER_MS) != 0)
			break;
	return 0;
}

/* All pieces, several at once: some are written while the part is synced. */
static void
download_at_once(struct bench *bench)
{
	struct writer writers[WRITERS];
	struct sl_group group;
	if (resume(bench) != 0 || begin(bench) != 0)
		return;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ bench, i };
		cr_assert_eq(sl_group_spawn(&group, "writer", writer_main, &writers[i], NULL), 0);
	}
	sl_group_leave(&group);
	sl_part_keep(&bench->part);
}

/* A journal that is loaded for what is there lists right bytes only. */
static void
check_left(struct bench *bench)
{
	struct sl_span got = { 0 };
	int code = resume(bench);
	sim_check(bench->sim, code == 0, "not resumed: %s", bench->err.text);
	if (!bench->was_resumed)
		return;
	struct sl_journal_verified verified = { 0 };
	if (sl_journal_needs_verify(bench->part.journal))
		verify(bench, &verified);
	sim_check(bench->sim, verified.bad_ranges == 0, "%zu bad ranges", verified.bad_ranges);
	const struct sl_journal_content *content = sl_journal_content(bench->part.journal);
	(void)sim_content(bench->sim, PART, &got);
	for (size_t i = 0; i < content->count; i++) {
		struct sl_range range = { content->ranges[i].begin, content->ranges[i].end };
		sim_check(bench->sim, is_right(got, range), "bytes %llu to %llu are not there",
			(unsigned long long)range.begin, (unsigned long long)range.end);
	}
}

static void
check_and_finish(struct bench *bench)
{
	struct sl_span got;
	check_left(bench);
	int code = finish(bench);
	sim_check(bench->sim, code == 0, "not finished: %s", bench->err.text);
	sim_check(bench->sim,
		sim_content(bench->sim, "x", &got) && got.len == LENGTH &&
			is_right(got, (struct sl_range){ 0, LENGTH }),
		"the file is wrong");
	sim_check(bench->sim, !sim_exists(bench->sim, JOURNAL), "the journal is left");
}

/* Run it on a world until operation `nth`, where the world is copied as `how` leaves it. Returns
 * the copy, or NULL if the run has no such operation. */
static struct sim *
cut_world(void (*body)(struct bench *bench), uint64_t seed, uint64_t nth, enum sim_crash how,
	struct bench *bench)
{
	uint64_t at_op;
	struct sim_options options = sim_options(seed);
	options.disk_ns = body == download ? SL_NS_PER_MS : SL_NS_PER_S;
	*bench = (struct bench){
		.body = body, .sim = sim_new(&options), .gap_ns = 700 * SL_NS_PER_MS
	};
	sim_cut_at(bench->sim, nth, how);
	sim_run(bench->sim, bench_main, bench);
	struct sim *world = sim_cut_world(bench->sim, &at_op);
	sim_free(bench->sim);
	return world;
}

/* From the first operation to the last. Returns the most bytes that were resumed. */
static uint64_t
cut_everywhere(void (*body)(struct bench *bench), enum sim_crash how, uint64_t seed)
{
	uint64_t most = 0;
	for (uint64_t nth = 1;; nth += sim_stride(1)) {
		struct bench bench;
		struct sim *world = cut_world(body, seed, nth, how, &bench);
		if (!world)
			return most;
		struct bench next = { .body = check_and_finish, .sim = world };
		sim_run(world, bench_main, &next);
		most = SL_MAX(most, next.resumed);
		sim_free(world);
	}
}

Test(journal, after_a_power_cut_at_any_moment_it_lists_only_what_is_on_disk)
{
	static const enum sim_crash ways[] = { SIM_CRASH_DROP, SIM_CRASH_NAMES, SIM_CRASH_RANDOM,
		SIM_CRASH_RANDOM };
	struct sim_seeds seeds = sim_seeds(4);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		uint64_t most = cut_everywhere(download, ways[seed % SL_COUNT_OF(ways)], seed);
		cr_expect(sim_seeds_are_chosen() || most >= 8 * PIECE, "seed %llu: only %llu bytes",
			(unsigned long long)seed, (unsigned long long)most);
	}
}

Test(journal, a_sync_covers_only_what_was_written_before_it)
{
	struct sim_seeds seeds = sim_seeds(4);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		cut_everywhere(download_at_once, SIM_CRASH_DROP, seed);
}

Test(journal, after_a_kill_at_any_moment_it_lists_only_what_was_written)
{
	struct sim_seeds seeds = sim_seeds(2);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		cut_everywhere(download, SIM_CRASH_KILL, seed);
}

/* Killed between two pieces, when the records before had the time they are given. */
static void
write_and_die(struct bench *bench)
{
	must_begin_new(bench);
	for (size_t i = 0; i < PIECES; i++) {
		cr_assert_eq(write_piece(bench, i), 0);
		cr_assert_eq(sl_sleep(10 * SL_NS_PER_MS), 0);
	}
	sim_cut_now(bench->sim, SIM_CRASH_KILL);
}

Test(journal, after_a_kill_only_the_last_pieces_are_missing)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		uint64_t at_op;
		struct sim_options options = sim_options(seed);
		options.disk_ns = SL_NS_PER_MS;
		struct bench bench = { .body = write_and_die, .sim = sim_new(&options) };
		sim_run(bench.sim, bench_main, &bench);
		struct sim *world = sim_cut_world(bench.sim, &at_op);
		sim_free(bench.sim);
		struct bench next = { .body = check_left, .sim = world };
		sim_run(world, bench_main, &next);
		/* 100 ms of them wait, and a write of the journal may be under way */
		cr_expect_geq(next.resumed + 16 * PIECE, bench.written, "seed %llu: %llu of %llu",
			(unsigned long long)seed, (unsigned long long)next.resumed,
			(unsigned long long)bench.written);
		sim_free(world);
	}
}

/* Piece after piece for half a minute, then the power goes. */
static void
write_and_lose_power(struct bench *bench)
{
	must_begin_new(bench);
	for (size_t i = 0; i < PIECES; i++) {
		cr_assert_eq(write_piece(bench, i), 0);
		cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	}
	sim_cut_now(bench->sim, SIM_CRASH_DROP);
}

Test(journal, after_a_power_cut_one_sync_interval_is_missing)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		uint64_t at_op;
		struct sim_options options = sim_options(seed);
		struct bench bench = { .body = write_and_lose_power, .sim = sim_new(&options) };
		sim_run(bench.sim, bench_main, &bench);
		struct sim *world = sim_cut_world(bench.sim, &at_op);
		sim_free(bench.sim);
		struct bench next = { .body = check_left, .sim = world };
		sim_run(world, bench_main, &next);
		cr_expect_geq(next.resumed + 7 * PIECE, bench.written, "seed %llu",
			(unsigned long long)seed);
		sim_free(world);
	}
}

/* Run it until it cuts its world, which is the bench's then. */
static void
run_until_cut(struct bench *bench)
{
	uint64_t at_op;
	sim_run(bench->sim, bench_main, bench);
	struct sim *world = sim_cut_world(bench->sim, &at_op);
	cr_assert_not_null(world);
	sim_free(bench->sim);
	bench->sim = world;
}

/* Returns the bytes that the next run resumes, which are right. */
static uint64_t
resumed_after(struct bench *bench)
{
	run_until_cut(bench);
	bench->body = check_left;
	sim_run(bench->sim, bench_main, bench);
	return bench->resumed;
}

/* Some are recorded while a slow sync is under way, then none for some minutes. */
static void
pause_and_lose_power(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, 1);
	cr_assert_eq(sl_sleep(4 * SL_NS_PER_S), 0);
	write_pieces(bench, 1, 5);
	cr_assert_eq(sl_sleep(300 * SL_NS_PER_S), 0);
	sim_cut_now(bench->sim, SIM_CRASH_DROP);
}

Test(journal, bytes_that_come_while_it_syncs_are_synced_too)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct sim_options options = sim_options(seed);
		options.disk_ns = SL_NS_PER_S;
		struct bench bench = { .body = pause_and_lose_power, .sim = sim_new(&options) };
		uint64_t resumed = resumed_after(&bench);
		cr_expect_eq(resumed, 5 * PIECE, "seed %llu: %llu bytes", (unsigned long long)seed,
			(unsigned long long)resumed);
		sim_free(bench.sim);
	}
}

static void
resume_and_lose_power(struct bench *bench)
{
	must_resume(bench);
	cr_expect_gt(bench->resumed, 0);
	cr_assert_eq(begin(bench), 0);
	cr_assert_eq(sl_sleep(20 * SL_NS_PER_S), 0);
	sim_cut_now(bench->sim, SIM_CRASH_DROP);
}

Test(journal, what_a_killed_run_has_not_synced_the_next_one_does)
{
	struct sim_options options = sim_options(1);
	struct bench bench = { .body = write_and_die, .sim = sim_new(&options) };
	run_until_cut(&bench);
	struct bench next = { .body = resume_and_lose_power, .sim = bench.sim };
	run_until_cut(&next);
	uint64_t killed = next.resumed;
	next.body = check_left;
	sim_run(next.sim, bench_main, &next);
	cr_expect_eq(next.resumed, killed);
	sim_free(next.sim);
}

/* As of a file that is taken over: no task syncs it. */
static void
sync_and_lose_power(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, 10);
	cr_assert_eq(sl_journal_end(bench->part.journal), 0);
	cr_assert_eq(sl_journal_sync(bench->part.journal), 0);
	sim_cut_now(bench->sim, SIM_CRASH_DROP);
}

Test(journal, that_was_synced_has_all_of_its_ranges_after_a_power_cut)
{
	struct sim_options options = sim_options(1);
	struct bench bench = { .body = sync_and_lose_power, .sim = sim_new(&options) };
	cr_expect_eq(resumed_after(&bench), 10 * PIECE);
	sim_free(bench.sim);
}

/* Other bytes may be on the disk by then. */
static void
void_and_lose_power(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	cr_assert_eq(sl_journal_void(bench->part.journal, PIECE, 2 * PIECE), 0);
	sim_cut_now(bench->sim, SIM_CRASH_DROP);
}

Test(journal, what_is_void_stays_so_after_a_power_cut)
{
	struct sim_options options = sim_options(1);
	struct bench bench = { .body = void_and_lose_power, .sim = sim_new(&options) };
	cr_expect_eq(resumed_after(&bench), 3 * PIECE);
	sim_free(bench.sim);
}

static void
find_bad_and_lose_power(struct bench *bench)
{
	struct sl_journal_verified verified;
	struct sl_span got;
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	cr_assert(sl_part_keep(&bench->part));
	cr_assert(sim_content(bench->sim, PART, &got));
	struct sl_buf changed = { 0 };
	sl_buf_add_span(&changed, got);
	changed.data[PIECE] ^= 1;
	sim_put_file(bench->sim, PART, changed.data, changed.len, 0666);
	sl_buf_release(&changed);
	must_resume(bench);
	verify(bench, &verified);
	cr_expect_eq(verified.bad_ranges, 1);
	cr_assert_eq(begin(bench), 0);
	sim_cut_now(bench->sim, SIM_CRASH_DROP);
}

Test(journal, what_was_found_bad_stays_so_after_a_power_cut)
{
	struct sim_options options = sim_options(1);
	struct bench bench = { .body = find_bad_and_lose_power, .sim = sim_new(&options) };
	cr_expect_eq(resumed_after(&bench), 3 * PIECE);
	sim_free(bench.sim);
}

/* Only recorded: what they hold does not matter. */
static void
many_bytes_come(struct bench *bench)
{
	const uint64_t interval = 256 * SL_MIB;
	must_begin_new(bench);
	struct sl_journal *journal = bench->part.journal;
	sl_journal_written(journal, 0, interval - 1, 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	cr_expect_eq(sl_journal_syncs(journal), 0);
	sl_journal_written(journal, interval - 1, interval, 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	cr_expect_eq(sl_journal_syncs(journal), 1);
	sl_part_discard(&bench->part);
}

Test(journal, syncs_at_once_after_256_MiB)
{
	struct sim_options options = sim_options(1);
	simulated(&options, many_bytes_come);
}

/* One operation fails: then another run finds what was left. */
Test(journal, whatever_operation_fails_it_lists_only_what_is_there)
{
	for (uint64_t nth = 1;; nth += sim_stride(1)) {
		struct sim_options options = sim_options(nth);
		struct bench bench = {
			.body = download, .sim = sim_new(&options), .gap_ns = 700 * SL_NS_PER_MS
		};
		sim_fail_nth(bench.sim, nth, 0, 0);
		sim_run(bench.sim, bench_main, &bench);
		bool failed = sim_faults(bench.sim) > 0;
		sim_fail_nth(bench.sim, 0, 0, 0);
		bench.body = check_and_finish;
		sim_run(bench.sim, bench_main, &bench);
		sim_free(bench.sim);
		if (!failed)
			break;
	}
}

/* ---- failures of the journal and of the part ---- */

static void
finish_whatever(struct bench *bench)
{
	struct sl_span got;
	cr_assert_eq(resume(bench), 0);
	cr_assert_eq(finish(bench), 0, "%s", bench->err.text);
	cr_assert(sim_content(bench->sim, "x", &got));
	expect_file(got);
	cr_expect_not(sim_exists(bench->sim, JOURNAL));
}

/* The writes of a part are whole and longer than this. */
static void
journal_write_fails(struct bench *bench)
{
	cr_assert_eq(resume(bench), 0);
	sim_fail_nth(bench->sim, 1, -ENOSPC, 1ull << SL_OP_WRITE);
	cr_assert_eq(begin(bench), 0, "its first records");
	cr_expect_eq(sim_faults(bench->sim), 1);
	write_pieces(bench, 0, 3);
	cr_expect_not(sl_part_keep(&bench->part), "there is nothing to resume by");
	cr_expect_eq(sim_name_count(bench->sim, "/"), 0);
	finish_whatever(bench);
}

Test(journal, that_cannot_be_written_fails_no_file)
{
	struct sim_options options = sim_options(1);
	simulated(&options, journal_write_fails);
}

static void
later_write_fails(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, 3);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	write_pieces(bench, 3, 6);
	sim_fail_from(bench->sim, 1, -ENOSPC, 1ull << SL_OP_WRITE);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sim_fail_nth(bench->sim, 0, 0, 0);
	write_pieces(bench, 6, 9);
	cr_assert(sl_part_keep(&bench->part));
	must_resume(bench);
	cr_expect_eq(bench->resumed, 3 * PIECE, "what it had before stays");
	cr_assert_eq(finish(bench), 0, "%s", bench->err.text);
}

Test(journal, whose_disk_is_full_keeps_what_it_has)
{
	struct sim_options options = sim_options(2);
	simulated(&options, later_write_fails);
}

static void
fail_nth_sync(struct bench *bench, uint64_t nth)
{
	const struct sl_part_attributes set = { .length = LENGTH };
	must_begin_new(bench);
	write_pieces(bench, 0, PIECES);
	sim_fail_nth(bench->sim, nth, -EIO, 1ull << SL_OP_SYNC);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	cr_expect_eq(bench->sync_failure, -EIO, "reported at once");
	cr_expect_eq(sl_part_seal(&bench->part, &set, &bench->err), -EIO);
	cr_expect_eq(bench->err.phase, SL_PHASE_SYNC);
	cr_expect_str_eq(bench->err.text,
		"cannot sync 'x.sluice-part': input/output error (its bytes may be lost)");
	cr_expect_eq(sl_journal_end(bench->part.journal), -EIO, "and each time it is asked");
	cr_expect_not(sl_part_keep(&bench->part), "bytes of it may be lost");
	cr_expect_eq(sim_name_count(bench->sim, "/"), 0);
}

static void
part_sync_fails(struct bench *bench)
{
	fail_nth_sync(bench, 1);
}

static void
directory_sync_fails(struct bench *bench)
{
	fail_nth_sync(bench, 2);
}

Test(journal, a_failed_sync_of_the_part_or_its_directory_fails_the_file)
{
	struct sim_options options = sim_options(3);
	simulated(&options, part_sync_fails);
	simulated(&options, directory_sync_fails);
}

/* After the part and the directory the journal itself is synced. */
static void
journal_sync_fails(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, PIECES);
	sim_fail_nth(bench->sim, 3, -EIO, 1ull << SL_OP_SYNC);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	cr_expect_eq(sim_faults(bench->sim), 1);
	cr_expect_eq(bench->sync_failure, -EIO, "other files of the device may be lost");
	uint64_t syncs = sim_ops_of(bench->sim, SL_OP_SYNC);
	cr_assert_eq(sl_sleep(60 * SL_NS_PER_S), 0);
	cr_expect_eq(sim_ops_of(bench->sim, SL_OP_SYNC), syncs, "it is not used any more");
	cr_expect_eq(sl_journal_end(bench->part.journal), 0, "the part has all its bytes");
	sl_part_discard(&bench->part);
}

Test(journal, a_failed_sync_of_the_journal_is_reported_and_fails_no_file)
{
	struct sim_options options = sim_options(3);
	simulated(&options, journal_sync_fails);
}

static void
sync_fails_and_journal_stays(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, PIECES);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sim_fail_from(bench->sim, 1, -EIO, 1ull << SL_OP_SYNC | 1ull << SL_OP_TRUNCATE);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	sim_stop_faults(bench->sim);
	cr_expect_eq(bench->sync_failure, -EIO);
	cr_expect_not(sl_part_keep(&bench->part), "bytes of it may be lost");
	cr_expect_eq(sim_name_count(bench->sim, "/"), 0);
}

/* A file of the final name that became the part, as takeover.c does it. */
static void
take_and_fail_sync(struct bench *bench)
{
	const struct sl_journal_taken taken = { .size = 4 * PIECE, .modified_ns = SL_NS_PER_S };
	must_begin_new(bench);
	cr_assert_eq(sl_journal_set_taken(bench->part.journal, &taken), 0);
	write_pieces(bench, 0, 10);
	sim_fail_nth(bench->sim, 1, -EIO, 1ull << SL_OP_SYNC);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	cr_expect_eq(bench->sync_failure, -EIO);
	sim_cut_now(bench->sim, SIM_CRASH_KILL);
}

static void
find_put_back(struct bench *bench)
{
	struct sl_span got = { 0 };
	cr_assert_eq(resume(bench), 0, "%s", bench->err.text);
	cr_expect_eq(bench->resumed, 0, "what may be lost is not listed");
	sl_part_discard(&bench->part);
	cr_assert(sim_content(bench->sim, "x", &got), "the file that was there is gone");
	cr_expect_eq(got.len, 4 * PIECE);
	cr_expect(is_right(got, (struct sl_range){ 0, got.len }));
	cr_expect_not(sim_exists(bench->sim, PART));
	cr_expect_not(sim_exists(bench->sim, JOURNAL));
}

Test(journal, that_is_emptied_still_tells_what_the_part_was)
{
	struct sim_options options = sim_options(3);
	struct bench bench = { .body = take_and_fail_sync, .sim = sim_new(&options) };
	run_until_cut(&bench);
	bench.body = find_put_back;
	sim_run(bench.sim, bench_main, &bench);
	sim_free(bench.sim);
}

static void
take_and_die(struct bench *bench)
{
	const struct sl_journal_taken taken = { .size = 4 * PIECE, .modified_ns = SL_NS_PER_S };
	must_begin_new(bench);
	cr_assert_eq(sl_journal_set_taken(bench->part.journal, &taken), 0);
	write_pieces(bench, 0, 10);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sim_cut_now(bench->sim, SIM_CRASH_KILL);
}

/* The file that was there is the part, or has its name back. */
static void
expect_taken_is_there(struct bench *bench, uint64_t nth)
{
	struct sl_span got = { 0 };
	const char *name = sim_exists(bench->sim, "x") ? "x" : PART;
	bool is_there = sim_content(bench->sim, name, &got) && got.len >= 4 * PIECE &&
			is_right(got, (struct sl_range){ 0, 4 * PIECE });
	sim_check(bench->sim, is_there, "operation %llu: the file that was there is gone",
		(unsigned long long)nth);
}

static void
try_to_begin_anew(struct bench *bench)
{
	sim_fail_nth(bench->sim, bench->nth, bench->code,
		1ull << SL_OP_OPEN | 1ull << SL_OP_READ | 1ull << SL_OP_STAT |
			1ull << SL_OP_RENAME | 1ull << SL_OP_TRUNCATE);
	if (sl_part_create(&bench->part, bench->directory, "x", SL_PART_NEW, &bench->err) != 0)
		cr_expect(bench->err.text[0]);
}

Test(journal, that_cannot_be_read_loses_no_file_that_became_the_part)
{
	static const int codes[] = { -EIO, -EACCES };
	for (size_t i = 0; i < SL_COUNT_OF(codes); i++) {
		bool hit = true;
		for (uint64_t nth = 1; hit; nth++) {
			struct sim_options options = sim_options(nth);
			struct bench bench = { .body = take_and_die, .sim = sim_new(&options) };
			run_until_cut(&bench);
			bench.body = try_to_begin_anew;
			bench.nth = nth;
			bench.code = codes[i];
			sim_run(bench.sim, bench_main, &bench);
			hit = sim_faults(bench.sim) > 0;
			expect_taken_is_there(&bench, nth);
			sim_free(bench.sim);
		}
	}
}

Test(journal, that_cannot_be_emptied_after_a_failed_sync_is_removed_with_its_part)
{
	struct sim_options options = sim_options(3);
	simulated(&options, sync_fails_and_journal_stays);
}

static void
killed_after_failed_sync(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, PIECES);
	sim_fail_nth(bench->sim, 1, -EIO, 1ull << SL_OP_SYNC);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	sim_cut_now(bench->sim, SIM_CRASH_KILL);
}

Test(journal, lists_nothing_after_a_failed_sync)
{
	uint64_t at_op;
	struct sim_options options = sim_options(4);
	struct bench bench = { .body = killed_after_failed_sync, .sim = sim_new(&options) };
	sim_run(bench.sim, bench_main, &bench);
	struct sim *world = sim_cut_world(bench.sim, &at_op);
	sim_free(bench.sim);
	struct bench next = { .body = check_left, .sim = world };
	sim_run(world, bench_main, &next);
	cr_expect_eq(next.resumed, 0);
	sim_free(world);
}

static void
void_fails(struct bench *bench)
{
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sim_fail_nth(bench->sim, 1, -ENOSPC, 1ull << SL_OP_WRITE);
	cr_expect_eq(sl_journal_void(bench->part.journal, 0, PIECE), 0,
		"it is emptied, so it does not list these bytes");
	cr_expect_not(sl_part_keep(&bench->part));
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sim_fail_nth(bench->sim, 1, -EIO, 1ull << SL_OP_SYNC);
	cr_expect_eq(sl_journal_void(bench->part.journal, 0, PIECE), 0, "emptied as well");
	cr_expect_not(sl_part_keep(&bench->part));
	must_begin_new(bench);
	write_pieces(bench, 0, 4);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sim_fail_from(bench->sim, 1, -EIO, 1ull << SL_OP_WRITE | 1ull << SL_OP_TRUNCATE);
	cr_expect_eq(sl_journal_void(bench->part.journal, 0, PIECE), -EIO, "it still lists them");
	sim_fail_nth(bench->sim, 0, 0, 0);
}

Test(journal, bytes_may_be_replaced_only_once_the_journal_does_not_list_them)
{
	struct sim_options options = sim_options(5);
	simulated(&options, void_fails);
}

/* A sync under way does not hold records up. */
static void
slow_sync(struct bench *bench)
{
	must_begin_new(bench);
	for (size_t i = 0; i < PIECES; i++) {
		cr_assert_eq(write_piece(bench, i), 0);
		cr_assert_eq(sl_sleep(500 * SL_NS_PER_MS), 0);
	}
	uint64_t syncs = sim_ops_of(bench->sim, SL_OP_SYNC);
	cr_expect_geq(syncs, 4);
	cr_expect_leq(syncs, 13, "two files each 5 s, and once the directory");
}

Test(journal, syncs_every_few_seconds)
{
	struct sim_options options = sim_options(6);
	simulated(&options, slow_sync);
}

static void
waits_for_turn(struct bench *bench)
{
	struct sl_semaphore turn;
	struct sl_journal_options options = {
		.resource = &resource, .sync = true, .sync_turn = &turn
	};
	sl_semaphore_init(&turn, "turn", 1);
	cr_assert_eq(resume(bench), 0);
	cr_assert_eq(sl_part_begin_journal(&bench->part, &options), 0);
	cr_assert(sl_semaphore_try_take(&turn));
	write_pieces(bench, 0, 4);
	uint64_t syncs = sim_ops_of(bench->sim, SL_OP_SYNC);
	cr_assert_eq(sl_sleep(20 * SL_NS_PER_S), 0);
	cr_expect_eq(sim_ops_of(bench->sim, SL_OP_SYNC), syncs);
	sl_semaphore_give(&turn);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	cr_expect_gt(sim_ops_of(bench->sim, SL_OP_SYNC), syncs);
	sl_part_discard(&bench->part);
	cr_expect(sl_semaphore_try_take(&turn), "it is given back");
}

Test(journal, syncs_take_turns)
{
	struct sim_options options = sim_options(7);
	simulated(&options, waits_for_turn);
}

static int
cancelled_task(void *arg)
{
	struct bench *bench = arg;
	must_begin_new(bench);
	write_pieces(bench, 0, 9);
	int code = sl_sleep(SL_FOREVER / 2);
	cr_expect(sl_part_keep(&bench->part), "a cancellation does not keep it from being kept");
	return code;
}

static void
is_cancelled(struct bench *bench)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "download", cancelled_task, bench, NULL), 0);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	sl_group_cancel(&group, SL_E_INTERRUPTED);
	sl_group_leave(&group);
	must_resume(bench);
	cr_expect_eq(bench->resumed, 9 * PIECE, "not even the last records are lost");
}

Test(journal, an_interrupted_download_keeps_all_it_has)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim_options options = sim_options(seed);
		simulated(&options, is_cancelled);
	}
}
