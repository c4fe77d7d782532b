#include "sluice/download/piece_check.h"

#include "support/run.h"
#include "support/scratch.h"

#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- a file of bytes that differ, and its pieces ---- */

static unsigned char *
make_data(size_t size)
{
	unsigned char *data = malloc(size + 1);
	uint32_t state = 1;
	for (size_t i = 0; i < size; i++) {
		state = state * 1664525u + 1013904223u;
		data[i] = (unsigned char)(state >> 24);
	}
	return data;
}

/* sha-256, the digests on the heap. */
static struct sl_pieces
make_pieces(const unsigned char *data, size_t size, size_t length)
{
	struct sl_pieces pieces = {
		.kind = SL_CHECKSUM_SHA256, .length = length, .count = (size + length - 1) / length
	};
	unsigned char *digests = malloc(pieces.count * 32 + 1);
	for (size_t i = 0; i < pieces.count; i++)
		cr_assert_eq(EVP_Digest(data + i * length, SL_MIN(length, size - i * length),
				     digests + i * 32, NULL, EVP_sha256(), NULL),
			1);
	pieces.digests = digests;
	return pieces;
}

static void
free_pieces(const struct sl_pieces *pieces)
{
	free((void *)(uintptr_t)pieces->digests);
}

/* "[0,10) [20,25) " */
static void
show_bad(const struct sl_piece_check *check, struct sl_buf *out)
{
	struct sl_range range = { 0 };
	sl_buf_clear(out);
	while (sl_piece_check_next_bad(check, range.end, &range))
		sl_buf_printf(out, "[%llu,%llu) ", (unsigned long long)range.begin,
			(unsigned long long)range.end);
}

static void
expect_bad(const struct sl_piece_check *check, const char *want)
{
	struct sl_buf got = { 0 };
	show_bad(check, &got);
	cr_expect_str_eq(got.data ? got.data : "", want);
	sl_buf_release(&got);
}

/* ---- pieces ---- */

Test(pieces, fit_a_file_that_has_as_many)
{
	static const struct {
		uint64_t length, size;
		size_t count;
		bool fit;
	} cases[] = {
		{ 10, 0, 0, true },
		{ 10, 0, 1, false },
		{ 10, 1, 1, true },
		{ 10, 10, 1, true },
		{ 10, 11, 1, false },
		{ 10, 11, 2, true },
		{ 10, 20, 3, false },
		{ 1, UINT64_MAX, 1, false },
		{ INT64_MAX, INT64_MAX, 1, true },
		{ UINT64_MAX, UINT64_MAX, 1, true },
		{ 0, 0, 0, false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_pieces pieces = {
			.kind = SL_CHECKSUM_MD5, .length = cases[i].length, .count = cases[i].count
		};
		cr_expect_eq(sl_pieces_fit(&pieces, cases[i].size), cases[i].fit, "case %zu", i);
		pieces.kind = SL_CHECKSUM_NONE;
		cr_expect_not(sl_pieces_fit(&pieces, cases[i].size));
	}
}

Test(pieces, each_byte_is_in_one_piece)
{
	for (uint64_t length = 1; length < 9; length++)
		for (uint64_t size = 1; size < 40; size++) {
			struct sl_pieces pieces = { .kind = SL_CHECKSUM_MD5,
				.length = length,
				.count = (size_t)((size + length - 1) / length) };
			for (uint64_t off = 0; off < size; off++) {
				struct sl_range range = sl_pieces_range(
					&pieces, size, sl_pieces_index(&pieces, off));
				cr_expect(range.begin <= off && off < range.end &&
					  range.end <= size && range.end - range.begin <= length);
			}
		}
}

/* ---- as bytes arrive ---- */

Test(piece_check, bad_pieces_are_those_with_a_wrong_byte_however_the_bytes_come)
{
	enum { SIZE = 95, LENGTH = 10 };
	unsigned char *data = make_data(SIZE);
	struct sl_pieces pieces = make_pieces(data, SIZE, LENGTH);
	for (size_t wrong = 0; wrong < SIZE; wrong++)
		for (size_t step = 1; step < SIZE + 7; step += 6) {
			struct sl_piece_check check;
			struct sl_range range = { 0 };
			cr_assert_eq(sl_piece_check_init(&check, &pieces, SIZE, "x", NULL), 0);
			data[wrong] ^= 0x10;
			for (size_t off = 0; off < SIZE; off += step)
				sl_piece_check_add(&check, data + off, SL_MIN(step, SIZE - off));
			data[wrong] ^= 0x10;
			cr_expect_eq(check.bad_count, 1);
			cr_assert(sl_piece_check_next_bad(&check, 0, &range));
			cr_expect(range.begin == wrong / LENGTH * LENGTH);
			cr_expect(range.end == SL_MIN(range.begin + LENGTH, (uint64_t)SIZE));
			cr_expect_not(sl_piece_check_next_bad(&check, range.end, &range));
			sl_piece_check_release(&check);
		}
	free_pieces(&pieces);
	free(data);
}

Test(piece_check, neighbours_are_one_range_and_a_good_repetition_makes_a_piece_good)
{
	enum { SIZE = 95, LENGTH = 10 };
	unsigned char *data = make_data(SIZE);
	struct sl_pieces pieces = make_pieces(data, SIZE, LENGTH);
	struct sl_piece_check check;
	cr_assert_eq(sl_piece_check_init(&check, &pieces, SIZE, "x", NULL), 0);
	expect_bad(&check, "");
	static const size_t wrong[] = { 12, 29, 50, 94 };
	for (size_t i = 0; i < SL_COUNT_OF(wrong); i++)
		data[wrong[i]] ^= 1;
	sl_piece_check_add(&check, data, SIZE);
	expect_bad(&check, "[10,30) [50,60) [90,95) ");
	for (size_t i = 0; i < SL_COUNT_OF(wrong); i++)
		data[wrong[i]] ^= 1;
	sl_piece_check_seek(&check, 2);
	sl_piece_check_add(&check, data + 20, 9);
	expect_bad(&check, "[10,30) [50,60) [90,95) "); /* not complete */
	sl_piece_check_add(&check, data + 29, 1);
	expect_bad(&check, "[10,20) [50,60) [90,95) ");
	sl_piece_check_seek(&check, 9);
	sl_piece_check_add(&check, data + 90, 5);
	sl_piece_check_add(&check, "beyond", 6);
	expect_bad(&check, "[10,20) [50,60) ");
	cr_expect_eq(check.bad_count, 2);
	sl_piece_check_release(&check);
	free_pieces(&pieces);
	free(data);
}

Test(piece_check, pieces_of_another_size_are_refused)
{
	unsigned char digest[32] = { 0 };
	struct sl_pieces pieces = {
		.kind = SL_CHECKSUM_SHA256, .length = 10, .digests = digest, .count = 1
	};
	struct sl_piece_check check;
	struct sl_error err = { 0 };
	cr_expect_eq(sl_piece_check_init(&check, &pieces, 11, "x", &err), SL_E_CHECKSUM);
	cr_expect_str_eq(err.text, "the list has 1 pieces of 10 bytes for 'x', which has 11 bytes");
	sl_piece_check_release(&check);
}

/* ---- read back ---- */

enum { FILE_SIZE = 300 * 1000, PIECE = 7 * 1000 };

struct reading {
	const struct sl_pieces *pieces;
	const unsigned char *data;
	size_t file_size;
	int flags;
};

static void
expect_read(struct sl_piece_check *check, const struct sl_part_reader *from, struct sl_range range,
	struct sl_chunk_pool *pool, const char *want)
{
	struct sl_error err = { 0 };
	cr_expect_eq(sl_piece_check_read(check, from, range, pool, "x", &err), 0, "%s", err.text);
	expect_bad(check, want);
}

static int
read_back(void *arg)
{
	struct reading *reading = arg;
	struct sl_chunk_pool *pool = NULL;
	struct sl_piece_check check;
	cr_assert_eq(sl_chunk_pool_new(&pool, 2, 4 * SL_CHUNK_ALIGN), 0);
	cr_assert_eq(sl_piece_check_init(&check, reading->pieces, FILE_SIZE, "x", NULL), 0);
	int plain = sl_io_open(AT_FDCWD, "x", O_RDWR | O_CREAT, 0600, 0);
	int fd = reading->flags ? sl_part_reader_open_direct(plain, O_RDONLY) : -1;
	cr_assert(plain >= 0 && (fd >= 0 || !reading->flags), "%d %d", fd, plain);
	struct sl_part_reader from = { plain, fd };
	cr_assert_eq(sl_io_write_all(plain, reading->data, reading->file_size, 0), 0);
	/* whole; then a damaged byte in pieces 1 and 40; then one range at a time */
	struct sl_range all = { 0, UINT64_MAX };
	expect_read(&check, &from, all, pool, "");
	cr_assert_eq(sl_io_write_all(plain, "?", 1, PIECE + 5), 0);
	cr_assert_eq(sl_io_write_all(plain, "?", 1, 41 * PIECE - 1), 0);
	expect_read(&check, &from, (struct sl_range){ 0, PIECE }, pool, "");
	expect_read(&check, &from, (struct sl_range){ 2 * PIECE - 1, 2 * PIECE }, pool,
		"[7000,14000) ");
	expect_read(&check, &from, all, pool, "[7000,14000) [280000,287000) ");
	cr_assert_eq(sl_io_write_all(plain, reading->data + PIECE, PIECE, PIECE), 0);
	expect_read(&check, &from, (struct sl_range){ PIECE, PIECE + 1 }, pool, "[280000,287000) ");
	expect_read(&check, &from, (struct sl_range){ 5, 5 }, pool, "[280000,287000) ");
	/* truncated */
	cr_assert_eq(sl_io_truncate(plain, 290 * 1000), 0);
	expect_read(&check, &from, all, pool, "[280000,300000) ");
	cr_assert_eq(sl_io_truncate(plain, 0), 0);
	expect_read(&check, &from, all, pool, "[0,300000) ");
	cr_expect_eq(check.bad_count, reading->pieces->count);
	sl_io_close(fd);
	sl_io_close(plain);
	sl_piece_check_release(&check);
	sl_chunk_pool_free(pool);
	return 0;
}

static void
with_file(struct reading *reading, int flags, struct sim *sim)
{
	unsigned char *data = make_data(FILE_SIZE);
	struct sl_pieces pieces = make_pieces(data, FILE_SIZE, PIECE);
	*reading = (struct reading){ &pieces, data, FILE_SIZE, flags };
	int code = sim ? sim_run(sim, read_back, reading) : ring_run(2, read_back, reading);
	cr_expect_eq(code, 0);
	free_pieces(&pieces);
	free(data);
}

Test(piece_check, a_file_read_back_has_its_damaged_and_missing_pieces_named)
{
	struct reading reading;
	scratch_enter();
	with_file(&reading, 0, NULL);
	scratch_leave();
}

Test(piece_check, it_reads_direct_where_the_file_system_can)
{
	struct reading reading;
	scratch_enter();
	int fd = open("probe", O_RDWR | O_CREAT | O_DIRECT, 0600);
	if (fd >= 0)
		with_file(&reading, O_DIRECT, NULL);
	else
		cr_expect_eq(errno, EINVAL);
	if (fd >= 0)
		close(fd);
	scratch_leave();
}

Test(piece_check, the_simulator_gives_the_same)
{
	for (uint64_t seed = 1; seed < 5; seed++) {
		struct sim *sim = sim_plain(seed);
		struct reading reading;
		with_file(&reading, 0, sim);
		sim_free(sim);
	}
}

static int
fail_to_read(void *arg)
{
	const struct sl_pieces *pieces = arg;
	struct sl_chunk_pool *pool = NULL;
	struct sl_piece_check check;
	struct sl_error err = { 0 };
	struct sl_part_reader from = { 1000000, -1 };
	cr_assert_eq(sl_chunk_pool_new(&pool, 2, SL_CHUNK_ALIGN), 0);
	cr_assert_eq(sl_piece_check_init(&check, pieces, 20, "x", NULL), 0);
	cr_expect_eq(
		sl_piece_check_read(&check, &from, (struct sl_range){ 0, 20 }, pool, "x", &err),
		-EBADF);
	cr_expect_eq(err.phase, SL_PHASE_READ);
	sl_piece_check_release(&check);
	sl_chunk_pool_free(pool);
	return 0;
}

Test(piece_check, a_read_that_fails_is_reported)
{
	unsigned char *data = make_data(20);
	struct sl_pieces pieces = make_pieces(data, 20, 10);
	cr_expect_eq(ring_run(1, fail_to_read, &pieces), 0);
	free_pieces(&pieces);
	free(data);
}
