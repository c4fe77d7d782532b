/*
 * One input at a time: what it is taken for, the ranges it is read in, and what comes when reading
 * it goes wrong.
 */
#include "sluice/scan/source.h"

#include "support/run.h"
#include "support/scratch.h"

#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOM (256u * 1024u)
#define STAMP 0x5a

struct bench {
	void (*body)(struct bench *bench);
	struct sim *sim; /* NULL = real */
	struct sl_input *input;
	struct sl_input_context context;
	unsigned char *data; /* ROOM bytes, aligned; behind them a page of STAMP */
};

static int
bench_main(void *arg)
{
	struct bench *bench = arg;
	bench->data = aligned_alloc(SL_INPUT_ALIGN, ROOM + SL_INPUT_ALIGN);
	sl_assert(bench->data);
	memset(bench->data, STAMP, ROOM + SL_INPUT_ALIGN);
	bench->body(bench);
	free(bench->data);
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
open_inputs(
	struct bench *bench, struct sl_input **inputs, size_t count, struct sl_input_small *small)
{
	struct sl_input_opener *opener = sl_input_opener_new(count);
	cr_assert_not_null(opener);
	cr_expect_eq(sl_input_open(opener, inputs, count, &bench->context, small), 0);
	sl_input_opener_free(opener);
}

static void
open_input(struct bench *bench, const char *path, bool is_found)
{
	cr_assert_eq(sl_input_new(&bench->input, path, is_found), 0);
	open_inputs(bench, &bench->input, 1, NULL);
}

static void
close_input(struct bench *bench)
{
	sl_input_close(bench->input);
	sl_input_free(bench->input);
	bench->input = NULL;
}

/* All that a stream gives, a read at a time. Returns the last read's code. */
static int
read_stream(struct bench *bench, struct sl_buf *out)
{
	size_t len = 0;
	int got;
	sl_buf_clear(out);
	do {
		got = sl_input_read_stream(bench->input, bench->data, ROOM, &len);
		sl_buf_add(out, bench->data, len);
	} while (got > 0);
	return got;
}

static void
expect_stream(struct bench *bench, const char *text)
{
	struct sl_buf got = { 0 };
	cr_expect_eq(bench->input->err.code, 0, "%s", bench->input->err.text);
	cr_expect_eq(bench->input->kind, SL_INPUT_STREAM);
	cr_expect_eq(read_stream(bench, &got), 0);
	cr_expect_eq(got.len, strlen(text));
	cr_expect(got.len == 0 || memcmp(got.data, text, got.len) == 0, "%.*s", (int)got.len,
		got.data);
	sl_buf_release(&got);
}

/* ---- standard input ---- */

static int
take_stdin(int fd)
{
	int saved = dup(STDIN_FILENO);
	cr_assert_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
	return saved;
}

static void
give_back_stdin(int saved)
{
	if (saved < 0) {
		close(STDIN_FILENO);
		return;
	}
	cr_assert_eq(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	close(saved);
}

static void
reads_stdin_from_its_place(struct bench *bench)
{
	scratch_write_text("log", "read already, the rest");
	int fd = open("log", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(lseek(fd, 14, SEEK_SET), 14);
	int saved = take_stdin(fd);
	open_input(bench, "-", false);
	cr_expect(bench->input->is_stdin);
	int writer = open("log", O_WRONLY | O_APPEND | O_CLOEXEC);
	cr_assert_eq(write(writer, " and more", 9), 9);
	close(writer);
	expect_stream(bench, "the rest");
	close_input(bench);
	cr_expect_eq(lseek(STDIN_FILENO, 0, SEEK_CUR), 22, "its place is after what was read");
	give_back_stdin(saved);
}

Test(source, a_file_as_standard_input_is_read_from_its_place_to_the_size_it_had)
{
	on_disk(reads_stdin_from_its_place);
}

static void
reads_stdin_beyond_its_end(struct bench *bench)
{
	scratch_write_text("log", "short");
	int fd = open("log", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(lseek(fd, 100, SEEK_SET), 100);
	int saved = take_stdin(fd);
	open_input(bench, "-", false);
	expect_stream(bench, "");
	close_input(bench);
	give_back_stdin(saved);
}

Test(source, standard_input_behind_the_end_of_its_file_is_empty)
{
	on_disk(reads_stdin_beyond_its_end);
}

static void
reads_nonblocking(struct bench *bench)
{
	int fds[2];
	cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	int saved = take_stdin(fds[0]);
	cr_assert_eq(write(fds[1], "first", 5), 5);
	open_input(bench, "-", false);
	size_t len = 0;
	cr_expect_eq(sl_input_read_stream(bench->input, bench->data, ROOM, &len), 5,
		"a pause passes on what is there");
	cr_assert_eq(write(fds[1], "second", 6), 6);
	close(fds[1]);
	expect_stream(bench, "second");
	close_input(bench);
	give_back_stdin(saved);
}

Test(source, standard_input_in_non_blocking_mode_is_waited_for)
{
	on_disk(reads_nonblocking);
}

static void
names_bad_stdin(struct bench *bench)
{
	scratch_write_text("log", "");
	int saved = take_stdin(open("log", O_WRONLY | O_CLOEXEC));
	size_t len = 0;
	open_input(bench, "-", false);
	cr_expect_eq(sl_input_read_stream(bench->input, bench->data, ROOM, &len), -EBADF);
	close_input(bench);
	give_back_stdin(saved);
	saved = take_stdin(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	open_input(bench, "-", false);
	cr_expect_eq(bench->input->err.code, -EISDIR);
	cr_expect(strstr(bench->input->err.text, "standard input"), "%s", bench->input->err.text);
	close_input(bench);
	give_back_stdin(saved);
}

Test(source, standard_input_that_cannot_be_read_is_named)
{
	on_disk(names_bad_stdin);
}

/* ---- what an input is ---- */

static void
takes_names_as_they_are(struct bench *bench)
{
	scratch_write_text("-", "a file");
	open_input(bench, "-", true);
	cr_expect_not(bench->input->is_stdin, "a file of that name was found");
	cr_expect_eq(bench->input->kind, SL_INPUT_FILE);
	cr_expect_eq(bench->input->size, 6);
	close_input(bench);
	scratch_write_text("empty", "");
	open_input(bench, "empty", false);
	expect_stream(bench, "");
	close_input(bench);
}

Test(source, a_dash_is_standard_input_only_as_an_argument)
{
	on_disk(takes_names_as_they_are);
}

static void
refuses_what_is_no_file(struct bench *bench)
{
	scratch_write_text("file", "text");
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	cr_assert_eq(mkdir("directory", 0700), 0);
	cr_assert_eq(symlink("file", "link"), 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	close(listener);
	static const struct {
		const char *path;
		bool is_found;
		int code;
	} cases[] = {
		{ "fifo", true, SL_E_REPLACED },
		{ "directory", true, -EISDIR },
		{ "directory", false, -EISDIR },
		{ "link", true, -ELOOP },
		{ "link", false, 0 },
		{ "missing", false, -ENOENT },
		{ "file/x", false, -ENOTDIR },
		{ "socket", false, -ENXIO },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		open_input(bench, cases[i].path, cases[i].is_found);
		cr_expect_eq(bench->input->err.code, cases[i].code, "%s: %d", cases[i].path,
			bench->input->err.code);
		cr_expect(cases[i].code == 0 || strstr(bench->input->err.text, cases[i].path));
		close_input(bench);
	}
}

Test(source, what_was_found_and_is_not_a_regular_file_any_more_is_refused_without_waiting)
{
	on_disk(refuses_what_is_no_file);
}

static void
opens_many(struct bench *bench)
{
	(void)bench;
	struct sl_input *inputs[SL_INPUT_OPEN_MAX];
	scratch_write_text("there", "text");
	for (size_t i = 0; i < SL_COUNT_OF(inputs); i++)
		cr_assert_eq(sl_input_new(&inputs[i], i % 3 ? "there" : "missing", false), 0);
	(void)sl_fail(&inputs[1]->err, SL_PHASE_DIRECTORY, -EACCES, "known before");
	open_inputs(bench, inputs, SL_COUNT_OF(inputs), NULL);
	for (size_t i = 0; i < SL_COUNT_OF(inputs); i++) {
		int want = i == 1 ? -EACCES : i % 3 ? 0 : -ENOENT;
		cr_expect_eq(inputs[i]->err.code, want, "%zu", i);
		cr_expect_eq(inputs[i]->fd >= 0, want == 0, "%zu", i);
		sl_input_close(inputs[i]);
		sl_input_free(inputs[i]);
	}
}

Test(source, each_of_many_has_its_own_failure)
{
	on_disk(opens_many);
}

/* Those that are small, in the page cache and fit into the memory are read and closed at once. */
static void
reads_what_it_opens(struct bench *bench)
{
	static const struct {
		const char *path, *text;
		bool is_read;
	} files[] = { { "a", "first", true }, { "long", "longer than file_max", false },
		{ "b", "second", true }, { "empty", "", false }, { "c", "no room", false },
		{ "d", "fits", true }, { "/proc/self/cmdline", NULL, false },
		{ "missing", NULL, false }, { ".", NULL, false } };
	struct sl_input *inputs[SL_COUNT_OF(files)];
	struct sl_input_small small = {
		.data = bench->data, .room = SL_INPUT_SMALL_ALIGN * 2 + 4, .file_max = 10
	};
	for (size_t i = 0; i < SL_COUNT_OF(files); i++) {
		if (files[i].text)
			scratch_write_text(files[i].path, files[i].text);
		cr_assert_eq(sl_input_new(&inputs[i], files[i].path, false), 0);
	}
	open_inputs(bench, inputs, SL_COUNT_OF(files), &small);
	for (size_t i = 0; i < SL_COUNT_OF(files); i++) {
		const unsigned char *at = small.files[i];
		bool is_open = inputs[i]->err.code == 0 && !files[i].is_read;
		cr_expect_eq(at != NULL, files[i].is_read, "%s", files[i].path);
		cr_expect_eq(inputs[i]->fd >= 0 && inputs[i]->err.code == 0, is_open, "%s",
			files[i].path);
		if (at) {
			cr_expect_eq((size_t)(at - bench->data) % SL_INPUT_SMALL_ALIGN, 0);
			cr_expect_eq(memcmp(at, files[i].text, inputs[i]->size), 0);
			cr_expect_eq(inputs[i]->size, strlen(files[i].text));
		}
		sl_input_close(inputs[i]);
		sl_input_free(inputs[i]);
	}
}

Test(source, small_files_are_read_with_their_opening)
{
	on_disk(reads_what_it_opens);
}

static void
reads_made_up_files(struct bench *bench)
{
	static const char *const paths[] = { "/proc/self/stat",
		"/sys/kernel/mm/transparent_hugepage/enabled", "/sys/devices/system/cpu/online" };
	for (size_t i = 0; i < SL_COUNT_OF(paths); i++) {
		struct sl_buf got = { 0 };
		if (access(paths[i], R_OK) != 0)
			continue;
		open_input(bench, paths[i], false);
		cr_expect_eq(bench->input->kind, SL_INPUT_STREAM, "%s", paths[i]);
		cr_expect_eq(read_stream(bench, &got), 0);
		cr_expect(got.len > 0 && got.data[got.len - 1] == '\n', "%s", paths[i]);
		close_input(bench);
		sl_buf_release(&got);
	}
}

Test(source, files_whose_size_is_made_up_are_read_to_their_end)
{
	on_disk(reads_made_up_files);
}

static void
reads_a_hole(struct bench *bench)
{
	struct sl_buf got = { 0 };
	scratch_write_text("hole", "");
	cr_assert_eq(truncate("hole", 50000), 0);
	open_input(bench, "hole", false);
	cr_expect_eq(read_stream(bench, &got), 0);
	cr_expect_eq(got.len, 50000, "%zu", got.len);
	close_input(bench);
	sl_buf_release(&got);
}

Test(source, a_small_hole_is_read_whole)
{
	on_disk(reads_a_hole);
}

static void
append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* If what is found in it were written to it, it would never end. */
static void
grows_from_nothing(struct bench *bench)
{
	scratch_write_text("log", "");
	open_input(bench, "log", false);
	append("log", "error\n");
	expect_stream(bench, "");
	close_input(bench);
	scratch_write_text("log", "");
	int saved = take_stdin(open("log", O_RDONLY | O_CLOEXEC));
	open_input(bench, "-", false);
	append("log", "error\n");
	expect_stream(bench, "");
	close_input(bench);
	give_back_stdin(saved);
}

Test(source, an_empty_file_that_grows_is_empty)
{
	on_disk(grows_from_nothing);
}

static void
grows_behind_a_hole(struct bench *bench)
{
	struct sl_buf got = { 0 };
	scratch_write_text("hole", "");
	cr_assert_eq(truncate("hole", 50000), 0);
	open_input(bench, "hole", false);
	append("hole", "error\n");
	cr_expect_eq(read_stream(bench, &got), 0);
	cr_expect_eq(got.len, 50000, "%zu", got.len);
	close_input(bench);
	sl_buf_release(&got);
}

Test(source, a_small_hole_that_grows_is_read_to_the_size_it_had)
{
	on_disk(grows_behind_a_hole);
}

/* ---- ranges ---- */

static void
divides(struct bench *bench)
{
	static const uint64_t sizes[] = { 1, 4095, 4096, 4097, ROOM - 1, ROOM, ROOM + 1,
		3 * ROOM + 5000 };
	for (size_t i = 0; i < SL_COUNT_OF(sizes); i++) {
		struct sl_input_range range;
		uint64_t next = 0;
		bench->input->kind = SL_INPUT_FILE;
		bench->input->size = sizes[i];
		bench->input->next_off = 0;
		while (sl_input_next(bench->input, ROOM, &range)) {
			cr_assert_eq(range.off, next);
			cr_assert(range.off % SL_INPUT_ALIGN == 0 && range.len > 0);
			cr_assert(range.len <= ROOM);
			next = range.off + range.len;
		}
		cr_expect_eq(next, sizes[i]);
	}
}

Test(source, ranges_cover_a_file_once_and_begin_at_blocks)
{
	struct bench bench = { 0 };
	cr_assert_eq(sl_input_new(&bench.input, "x", false), 0);
	divides(&bench);
	sl_input_free(bench.input);
}

/* ---- holes ---- */

struct extent {
	uint64_t off, len;
};

static void
put_sparse(const char *path, uint64_t size, const struct extent *extents, size_t count)
{
	static char text[SL_MIB];
	memset(text, 'x', sizeof(text));
	scratch_write_text(path, "");
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_eq(ftruncate(fd, (off_t)size), 0);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(pwrite(fd, text, extents[i].len, (off_t)extents[i].off),
			(ssize_t)extents[i].len);
	close(fd);
}

static bool
next_range(struct bench *bench, struct sl_input_range *range)
{
	cr_assert_eq(sl_input_find_hole(bench->input), 0);
	return sl_input_next(bench->input, ROOM, range);
}

/* The ranges cover the file once, in order; no hole holds data. Returns the bytes in holes. */
static uint64_t
walk_ranges(struct bench *bench, const struct extent *extents, size_t count)
{
	struct sl_input_range range;
	uint64_t next = 0, holes = 0;
	while (next_range(bench, &range)) {
		cr_assert(range.off == next && range.len > 0);
		cr_assert(range.off % SL_INPUT_ALIGN == 0 && (range.is_hole || range.len <= ROOM));
		next = range.off + range.len;
		holes += range.is_hole ? range.len : 0;
		for (size_t i = 0; i < count && range.is_hole; i++)
			cr_assert(extents[i].off >= next ||
					  extents[i].off + extents[i].len <= range.off,
				"data at %llu is in a hole", (unsigned long long)extents[i].off);
	}
	cr_assert_eq(next, bench->input->size);
	return holes;
}

static void
finds_holes(struct bench *bench)
{
	static const struct extent extents[] = { { 0, 5000 }, { SL_MIB + 77, 10 },
		{ SL_MIB + 300 * SL_KIB, 1 }, { 70 * SL_GIB, SL_MIB },
		{ 70 * SL_GIB + 2 * SL_MIB, 4096 } };
	for (size_t i = 0; i <= SL_COUNT_OF(extents); i++) {
		put_sparse("sparse", 100 * SL_GIB + 123, extents, i);
		open_input(bench, "sparse", false);
		uint64_t holes = walk_ranges(bench, extents, i);
		cr_expect_gt(holes, 100 * SL_GIB - 4 * SL_MIB, "%llu bytes in holes",
			(unsigned long long)holes);
		close_input(bench);
	}
}

Test(source, long_holes_are_ranges_of_their_own_and_hold_no_data)
{
	on_disk(finds_holes);
}

static void
loses_a_hole(struct bench *bench)
{
	struct sl_input_range range;
	size_t len = 1;
	put_sparse("sparse", SL_GIB, NULL, 0);
	open_input(bench, "sparse", false);
	cr_assert_eq(truncate("sparse", 100), 0);
	cr_assert_eq(sl_input_find_hole(bench->input), 0);
	cr_assert(sl_input_next(bench->input, ROOM, &range));
	cr_expect_not(range.is_hole, "it is behind the end now");
	cr_expect_eq(sl_input_read(bench->input, &range, bench->data, &len), 100);
	close_input(bench);
}

Test(source, the_end_of_a_file_that_was_cut_is_not_a_hole)
{
	on_disk(loses_a_hole);
}

/* ---- the page cache ---- */

/* Written, and no page of it in the page cache. False where the file system keeps them. */
static bool
put_cold(const char *path, size_t len)
{
	char *text = calloc(1, len);
	unsigned char byte;
	cr_assert(text);
	memset(text, 'x', len);
	scratch_write(path, text, len);
	free(text);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_cold =
		fdatasync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
		sl_input_read_cached(sl_rt_engine(sl_rt_current()), fd, len / 2, &byte, 1) == 0;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return is_cold;
}

static void
read_whole(struct bench *bench, const char *path)
{
	struct sl_input_range range;
	size_t len;
	open_input(bench, path, false);
	while (sl_input_next(bench->input, ROOM, &range))
		cr_assert_eq(
			sl_input_read(bench->input, &range, bench->data, &len), (int)range.len);
}

static void
fills_the_cache(struct bench *bench)
{
	enum { LEN = 6 * 1024 * 1024 };
	if (!put_cold("first", LEN) || !put_cold("second", LEN))
		return;
	bench->context.cache_left = 2 * LEN - 1;
	read_whole(bench, "first");
	cr_expect_eq(bench->input->direct_bytes, 0);
	cr_expect_gt(bench->input->waited_ns, 0);
	close_input(bench);
	cr_expect_eq(bench->context.cache_left, LEN - 1);
	open_input(bench, "second", false);
	bool can_be_direct = bench->input->direct == SL_INPUT_DIRECT_MAYBE;
	close_input(bench);
	read_whole(bench, "second");
	cr_expect_eq(bench->input->direct_bytes > 0, can_be_direct, "it does not fit any more");
	close_input(bench);
	/* Another process may empty the page cache. */
	bool was_there = false;
	for (unsigned attempt = 0; attempt < 5 && !was_there; attempt++) {
		bench->context.cache_left = UINT64_MAX;
		read_whole(bench, "first");
		was_there = bench->input->waited_ns == 0;
		close_input(bench);
	}
	cr_expect(was_there, "it is read again");
	cr_expect_eq(bench->context.cache_left, UINT64_MAX, "what is there does not count");
}

Test(source, cold_files_are_read_through_the_page_cache_while_they_fit_and_past_it_then)
{
	on_disk(fills_the_cache);
}

static void
reads_small(struct bench *bench)
{
	struct sl_input *inputs[3];
	unsigned char *data[3];
	bool is_read[3];
	scratch_write_text("a", "first");
	scratch_write_text("b", "it becomes shorter");
	scratch_write_text("c", "it grows");
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(sl_input_new(&inputs[i], (char[]){ (char)('a' + i), 0 }, false), 0);
		data[i] = bench->data + i * 4096;
	}
	open_inputs(bench, inputs, 3, NULL);
	cr_assert_eq(truncate("b", 3), 0);
	append("c", " and grows");
	cr_assert_eq(sl_input_read_small(inputs, data, 3, is_read), 0);
	cr_expect(is_read[0] && memcmp(data[0], "first", 5) == 0);
	cr_expect_not(is_read[1], "not as long as it was");
	cr_expect(is_read[2] && memcmp(data[2], "it grows", 8) == 0 && data[2][8] == STAMP);
	sl_input_close_many(inputs, 3);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(inputs[i]->fd, -1);
		sl_input_free(inputs[i]);
	}
}

Test(source, small_files_are_read_together_to_the_sizes_they_had)
{
	on_disk(reads_small);
}

/* ---- on the simulator: every way of reading gives the same bytes ---- */

struct file {
	struct bench bench;
	char *text;
	size_t len, cut_to;
	uint64_t fail_nth;
	int fail_code;
	size_t good; /* bytes that came before the end or a failure */
	int code;
};

static char
byte_at(size_t off)
{
	return (char)(off * 2654435761u >> 13);
}

static void
reads_all(struct bench *bench)
{
	struct file *file = SL_CONTAINER_OF(bench, struct file, bench);
	struct sl_input_range range;
	open_input(bench, "log", false);
	if (file->cut_to < file->len)
		sim_cut(bench->sim, "log", file->cut_to);
	if (file->fail_nth)
		sim_fail_nth(bench->sim, file->fail_nth, file->fail_code, 1ull << SL_OP_READ);
	file->code = bench->input->err.code;
	while (file->code >= 0 && sl_input_next(bench->input, ROOM, &range)) {
		size_t len = 0;
		file->code = sl_input_read(bench->input, &range, bench->data, &len);
		sim_check(bench->sim, len <= range.len, "more than was asked for");
		sim_check(bench->sim, file->code < 0 || file->code == (int)len, "two lengths");
		sim_check(bench->sim, memcmp(bench->data, file->text + range.off, len) == 0,
			"wrong bytes at %llu", (unsigned long long)range.off);
		size_t room = (range.len + SL_INPUT_ALIGN - 1) / SL_INPUT_ALIGN * SL_INPUT_ALIGN;
		sim_check(bench->sim, bench->data[room] == STAMP, "bytes behind the range");
		memset(bench->data, STAMP, room);
		file->good = range.off + len;
		if (len < range.len)
			break;
	}
	close_input(bench);
}

static void
run_file(struct file *file, struct sim_options options)
{
	file->text = malloc(file->len + 1);
	for (size_t i = 0; i < file->len; i++)
		file->text[i] = byte_at(i);
	file->bench.body = reads_all;
	file->bench.sim = sim_new(&options);
	sim_put_file(file->bench.sim, "log", file->text, file->len, 0644);
	cr_assert_eq(sim_run(file->bench.sim, bench_main, &file->bench), 0);
	sim_free(file->bench.sim);
	free(file->text);
}

static size_t
some_size(uint64_t seed)
{
	static const size_t sizes[] = { 1, 4096, 70001, 4 * SL_MIB, 4 * SL_MIB + 1,
		4 * SL_MIB + 4095, 5 * SL_MIB - 1, 4 * SL_MIB + ROOM };
	return sizes[seed % SL_COUNT_OF(sizes)];
}

Test(source, cold_and_warm_direct_and_buffered_reads_give_the_same_bytes)
{
	struct sim_seeds seeds = sim_seeds(64);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.dio_align = seed & 8 ? 4096 : seed & 16 ? 512 : 0;
		struct file file = { .len = some_size(seed) };
		file.cut_to = file.len;
		run_file(&file, options);
		cr_expect_eq(file.good, file.len, "seed %llu", (unsigned long long)seed);
		cr_expect(file.code >= 0);
	}
}

Test(source, a_file_that_was_cut_ends_there)
{
	struct sim_seeds seeds = sim_seeds(64);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.dio_align = seed & 8 ? 4096 : 0;
		struct file file = { .len = some_size(seed) };
		file.cut_to = file.len / 3 * (seed % 3);
		run_file(&file, options);
		cr_expect_eq(file.good, file.cut_to, "seed %llu", (unsigned long long)seed);
		cr_expect(file.code >= 0);
	}
}

Test(source, every_read_fails_in_turn_and_what_came_before_is_kept)
{
	static const int codes[] = { -EIO, -EINTR, -EAGAIN, -EINVAL };
	for (uint64_t nth = 1; nth < 40; nth++) {
		for (size_t i = 0; i < SL_COUNT_OF(codes); i++) {
			struct sim_options options = sim_options(nth);
			options.dio_align = nth & 1 ? 4096 : 0;
			struct file file = { .len = 4 * SL_MIB + 77 };
			file.cut_to = file.len;
			file.fail_nth = nth;
			file.fail_code = codes[i];
			run_file(&file, options);
			bool repeats = codes[i] == -EINTR || codes[i] == -EAGAIN;
			cr_expect(file.good == file.len || file.code == codes[i], "%llu %d: %d",
				(unsigned long long)nth, codes[i], file.code);
			cr_expect(!repeats || file.good == file.len, "repeated");
		}
	}
}

/* ---- streams on the simulator ---- */

struct stream {
	struct bench bench;
	const char *text;
	struct sl_buf got;
	unsigned reads;
	int code;
};

static void
reads_slowly(struct bench *bench)
{
	struct stream *stream = SL_CONTAINER_OF(bench, struct stream, bench);
	int got;
	open_input(bench, "-", false);
	do {
		size_t len = 0;
		got = sl_input_read_stream(bench->input, bench->data, 16, &len);
		sl_buf_add(&stream->got, bench->data, len);
		stream->reads++;
	} while (got > 0);
	stream->code = got;
	close_input(bench);
}

static void
run_stream(struct stream *stream, uint64_t seed, uint64_t pause_ns, int end)
{
	stream->bench.body = reads_slowly;
	stream->bench.sim = sim_plain(seed);
	int fd = sim_source(stream->bench.sim, 0);
	for (const char *at = stream->text; *at; at++) {
		sim_source_data(stream->bench.sim, fd, at, 1);
		sim_source_pause(stream->bench.sim, fd, pause_ns);
	}
	if (end)
		sim_source_fail(stream->bench.sim, fd, end);
	else
		sim_source_end(stream->bench.sim, fd);
	cr_assert_eq(sim_run(stream->bench.sim, bench_main, &stream->bench), 0);
	sim_free(stream->bench.sim);
	/* Bytes that were not read before a failure may be gone with it. */
	bool all_came = end == 0 || pause_ns > 0;
	cr_expect(stream->got.len == strlen(stream->text) || !all_came, "%zu: %.*s",
		stream->got.len, (int)stream->got.len, stream->got.data);
	cr_expect(memcmp(stream->got.data, stream->text, stream->got.len) == 0);
	sl_buf_release(&stream->got);
}

Test(source, a_stream_passes_on_what_it_has_when_it_pauses)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct stream stream = { .text = "error\n" };
		run_stream(&stream, seed, SL_NS_PER_S, 0);
		cr_expect_eq(stream.code, 0);
		/* The first byte alone could be that of a UTF-16 character. */
		cr_expect_eq(stream.reads, 6, "%u reads", stream.reads);
	}
}

Test(source, a_stream_that_begins_as_a_compressed_one_is_waited_for)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct stream stream = { .text = "BZh91A is text" };
		run_stream(&stream, seed, SL_NS_PER_S, 0);
		cr_expect_eq(stream.code, 0);
		cr_expect_eq(stream.reads, 9, "%u reads: 'BZh91A ' came at once", stream.reads);
	}
}

Test(source, a_stream_that_fails_has_given_all_before)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct stream stream = { .text = "error and then nothing more" };
		run_stream(&stream, seed, seed % 2 ? SL_NS_PER_S : 0, -EIO);
		cr_expect_eq(stream.code, -EIO);
	}
}

Test(source, one_whose_rotated_logs_never_stay_is_left_to_the_next_run)
{
	struct sl_input *input;
	cr_assert_eq(sl_input_new(&input, "a.log", false), 0);
	sl_input_refuse(input, SL_E_REPLACED);
	cr_expect_eq(input->err.code, SL_E_REPLACED);
	cr_expect_str_eq(input->err.text,
		"cannot open 'a.log': changed by another program in the meantime (what is new is "
		"left to the next run)");
	sl_input_free(input);
}

/* ---- files of a directory that give nothing ---- */

struct two_readers {
	struct bench bench;
	int codes[2];
	uint64_t elapsed_ns;
};

struct reader {
	struct sl_input *input;
	int *code;
};

SL_SUSPENDS
static int
reads_once(void *arg)
{
	struct reader *reader = arg;
	unsigned char byte;
	size_t len = 0;
	*reader->code = sl_input_read_stream(reader->input, &byte, 1, &len);
	return 0;
}

static void
reads_twice_at_once(struct bench *bench)
{
	struct two_readers *two = SL_CONTAINER_OF(bench, struct two_readers, bench);
	struct reader readers[2];
	struct sl_group group;
	for (unsigned i = 0; i < 2; i++) {
		open_input(bench, "-", false);
		bench->input->is_found = true;
		readers[i] = (struct reader){ bench->input, &two->codes[i] };
	}
	uint64_t begun_ns = sl_now();
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(sl_group_spawn(&group, "reader", reads_once, &readers[i], NULL), 0);
	cr_assert_eq(sl_group_leave(&group), 0);
	two->elapsed_ns = sl_now() - begun_ns;
	for (unsigned i = 0; i < 2; i++) {
		bench->input = readers[i].input;
		close_input(bench);
	}
}

/* As the kernel's messages in /proc/kmsg, which a daemon reads too. */
Test(source, data_of_a_file_in_a_directory_that_another_reader_takes_is_not_waited_for)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct two_readers two = { .bench = { .body = reads_twice_at_once } };
		two.bench.sim = sim_plain(seed);
		int fd = sim_source(two.bench.sim, 0);
		sim_source_data(two.bench.sim, fd, "x", 1);
		sim_source_pause(two.bench.sim, fd, 3600 * SL_NS_PER_S);
		sim_source_end(two.bench.sim, fd);
		cr_assert_eq(sim_run(two.bench.sim, bench_main, &two.bench), 0);
		sim_free(two.bench.sim);
		cr_expect(two.elapsed_ns < 60 * SL_NS_PER_S, "seed %llu",
			(unsigned long long)seed);
		for (unsigned i = 0; i < 2; i++)
			cr_expect(two.codes[i] == 1 || two.codes[i] == -EAGAIN, "%d", two.codes[i]);
	}
}

/* ---- lent descriptors ---- */

static void
reads_a_lent_file(struct bench *bench)
{
	struct sl_input_range range;
	size_t len = 0;
	scratch_write_text("log", "before, within, behind");
	int fd = open("log", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(sl_input_new(&bench->input, "another path", false), 0);
	sl_input_lend(bench->input, fd, 8, 14);
	open_inputs(bench, &bench->input, 1, NULL);
	cr_assert(sl_input_next(bench->input, ROOM, &range));
	cr_expect(range.off == 8 && range.len == 6);
	cr_expect_eq(sl_input_read(bench->input, &range, bench->data, &len), 6);
	cr_expect_eq(memcmp(bench->data, "within", 6), 0);
	close_input(bench);
	cr_expect_eq(close(fd), 0, "it was closed");
}

Test(source, a_lent_descriptor_stays_open)
{
	on_disk(reads_a_lent_file);
}

/* ---- messages ---- */

Test(source, failures_name_the_input_and_what_was_counted)
{
	struct sl_input *input = NULL;
	static const struct {
		const char *path;
		uint64_t off;
		int code;
	} cases[] = { { "a", 0, -EIO }, { "a", 77, -EIO }, { "-", 0, -EBADF }, { "-", 5, -EIO } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		cr_assert_eq(sl_input_new(&input, cases[i].path, false), 0);
		cr_expect_eq(sl_input_fail_read(input, cases[i].code, cases[i].off), cases[i].code);
		const char *name = input->is_stdin ? "standard input" : "'a'";
		cr_expect(strstr(input->err.text, name), "%s", input->err.text);
		cr_expect(strstr(input->err.text, "counted") ? cases[i].off : !cases[i].off, "%s",
			input->err.text);
		sl_input_free(input);
	}
}
