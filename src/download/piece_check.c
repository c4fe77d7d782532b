/*
 * Digests of pieces. A piece is hashed by one digest that begins anew at its first byte, and is
 * compared at its last; what is not known to be good when it is read back counts as bad.
 *
 * A failure of the library makes a piece bad: it is fetched again, and never taken for good.
 */
#include "sluice/download/piece_check.h"

#include "sluice/base/number.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <stdlib.h>

int
sl_piece_check_init(struct sl_piece_check *check, const struct sl_pieces *pieces, uint64_t size,
	const char *what, struct sl_error *err)
{
	*check = (struct sl_piece_check){ .pieces = pieces, .size = size };
	if (!sl_pieces_fit(pieces, size))
		return sl_fail(err, SL_PHASE_NONE, SL_E_CHECKSUM,
			"the list has %zu pieces of %llu bytes for '%s', which has %llu bytes",
			pieces->count, (unsigned long long)pieces->length, what,
			(unsigned long long)size);
	check->bad = calloc(pieces->count / 8 + 1, 1);
	int code = check->bad ? sl_digest_new(&check->digest, pieces->kind) : -ENOMEM;
	if (!code)
		return 0;
	sl_piece_check_release(check);
	return sl_fail_code(err, SL_PHASE_NONE, code, "cannot verify the pieces of '%s'", what);
}

void
sl_piece_check_release(struct sl_piece_check *check)
{
	sl_digest_free(check->digest);
	free(check->bad);
	*check = (struct sl_piece_check){ 0 };
}

/* ---- adding ---- */

static bool
is_bad(const struct sl_piece_check *check, size_t index)
{
	return check->bad[index / 8] >> index % 8 & 1;
}

static void
set_bad(struct sl_piece_check *check, size_t index, bool bad)
{
	unsigned char bit = (unsigned char)(1u << index % 8);
	if (is_bad(check, index) == bad)
		return;
	check->bad[index / 8] ^= bit;
	check->bad_count += bad ? 1 : SIZE_MAX;
}

void
sl_piece_check_seek(struct sl_piece_check *check, size_t index)
{
	sl_assert(index <= check->pieces->count);
	check->off = SL_MIN(index * check->pieces->length, check->size);
	sl_digest_restart(check->digest);
}

static void
end_piece(struct sl_piece_check *check, size_t index)
{
	const struct sl_pieces *pieces = check->pieces;
	bool is_good = sl_digest_is(
		check->digest, sl_pieces_digest(pieces, index), sl_checksum_len(pieces->kind));
	set_bad(check, index, !is_good);
	sl_digest_restart(check->digest);
}

void
sl_piece_check_add(struct sl_piece_check *check, const void *data, size_t len)
{
	const unsigned char *from = data;
	while (len > 0 && check->off < check->size) {
		size_t index = sl_pieces_index(check->pieces, check->off);
		struct sl_range piece = sl_pieces_range(check->pieces, check->size, index);
		size_t n = (size_t)SL_MIN(piece.end - check->off, (uint64_t)len);
		sl_digest_add(check->digest, from, n);
		check->off += n;
		from += n;
		len -= n;
		if (check->off == piece.end)
			end_piece(check, index);
	}
}

struct job {
	struct sl_piece_check *check;
	const void *data;
	size_t len;
};

static int
add_on_worker(void *arg)
{
	const struct job *job = arg;
	sl_piece_check_add(job->check, job->data, job->len);
	return 0;
}

int
sl_piece_check_offload(struct sl_piece_check *check, const void *data, size_t len)
{
	struct job job = { check, data, len };
	return sl_offload(add_on_worker, &job);
}

/* ---- reading back ---- */

/* Whatever was not added up to the end of piece `last` is bad. */
static void
mark_missing(struct sl_piece_check *check, size_t last)
{
	for (size_t i = sl_pieces_index(check->pieces, check->off); i <= last; i++)
		set_bad(check, i, true);
}

/* From check->off to `end`, in whole blocks, which direct I/O needs. Returns 0 at the end, which
 * may be that of the file, or a code. */
SL_SUSPENDS
static int
read_to(struct sl_piece_check *check, const struct sl_part_reader *reader, uint64_t end,
	struct sl_chunk *chunk)
{
	while (check->off < end) {
		uint64_t begin = sl_round_down(check->off, SL_CHUNK_ALIGN);
		size_t skip = (size_t)(check->off - begin);
		size_t len = (size_t)SL_MIN(end - begin, (uint64_t)chunk->size);
		int got = sl_part_read(reader, chunk, begin, len);
		if (got < 0)
			return got;
		if ((size_t)got <= skip)
			return 0;
		int code = sl_piece_check_offload(check, chunk->data + skip, (size_t)got - skip);
		if (code)
			return code;
	}
	return 0;
}

int
sl_piece_check_read(struct sl_piece_check *check, const struct sl_part_reader *reader,
	struct sl_range range, struct sl_chunk_pool *pool, const char *what, struct sl_error *err)
{
	struct sl_chunk *chunk = NULL;
	range.end = SL_MIN(range.end, check->size);
	if (range.begin >= range.end)
		return 0;
	size_t last = sl_pieces_index(check->pieces, range.end - 1);
	uint64_t end = sl_pieces_range(check->pieces, check->size, last).end;
	sl_piece_check_seek(check, sl_pieces_index(check->pieces, range.begin));
	int code = sl_chunk_take(pool, &chunk, SL_FOREVER);
	if (!code)
		code = read_to(check, reader, end, chunk);
	sl_chunk_unref(chunk);
	if (!code && check->off < end)
		mark_missing(check, last);
	return code ? sl_fail_code(err, SL_PHASE_READ, code, "cannot read '%s' back", what) : 0;
}

bool
sl_piece_check_next_bad(const struct sl_piece_check *check, uint64_t from, struct sl_range *out)
{
	const struct sl_pieces *pieces = check->pieces;
	if (from >= check->size || check->bad_count == 0)
		return false;
	size_t first = sl_pieces_index(pieces, from);
	if (from > first * pieces->length)
		first++; /* it begins before */
	while (first < pieces->count && !is_bad(check, first))
		first++;
	if (first == pieces->count)
		return false;
	size_t last = first;
	while (last + 1 < pieces->count && is_bad(check, last + 1))
		last++;
	*out = (struct sl_range){ sl_pieces_range(pieces, check->size, first).begin,
		sl_pieces_range(pieces, check->size, last).end };
	return true;
}
