/*
 * Pieces are read back only where they are needed: to find what to fetch again if the checksum does
 * not match, or in its place if there is none.
 */
#include "sluice/download/verify.h"

#include "sluice/base/number.h"
#include "sluice/download/answer.h"
#include "sluice/download/piece_check.h"

static bool
needs_pieces(const struct sl_verify *verify, int code)
{
	bool has_checksum = verify->hasher->expected->kind != SL_CHECKSUM_NONE;
	if (!verify->part || verify->entry->pieces.kind == SL_CHECKSUM_NONE)
		return false;
	return has_checksum ? code == SL_E_CHECKSUM && verify->received : code == 0;
}

/* Whole blocks are fetched again, so that they are written direct where the rest was. */
static int
take_back(const struct sl_verify *verify, struct sl_range bad)
{
	struct sl_range range = { sl_round_down(bad.begin, SL_CHUNK_ALIGN),
		SL_MIN(sl_round_up(bad.end, SL_CHUNK_ALIGN), verify->size) };
	int code = sl_ranges_remove_done(verify->received, range);
	return code ? code : sl_ranges_remove_done(verify->written, range);
}

SL_SUSPENDS
static int
find_bad(const struct sl_verify *verify, size_t *bad, struct sl_error *err)
{
	struct sl_piece_check check;
	struct sl_range all = { 0, verify->size }, range = { 0 };
	struct sl_part_reader reader = sl_part_reader(verify->part);
	int code = sl_piece_check_init(
		&check, &verify->entry->pieces, verify->size, verify->path, err);
	if (code)
		return code;
	code = sl_piece_check_read(&check, &reader, all, verify->pool, verify->path, err);
	while (!code && verify->received && sl_piece_check_next_bad(&check, range.end, &range))
		code = take_back(verify, range);
	*bad = check.bad_count;
	sl_piece_check_release(&check);
	return code;
}

/* `code` is that of the checksum. */
SL_SUSPENDS
static int
check_pieces(const struct sl_verify *verify, int code, size_t *bad, struct sl_error *err)
{
	size_t found = 0;
	int failed = find_bad(verify, &found, err);
	if (failed)
		return code && !sl_part_is_stop(failed) ? code : failed;
	*bad = verify->received ? found : 0;
	if (code || found == 0)
		return code;
	return sl_fail(err, SL_PHASE_NONE, SL_E_CHECKSUM,
		"%zu of %zu pieces of '%s' do not match their checksums", found,
		verify->entry->pieces.count, verify->path);
}

int
sl_verify(const struct sl_verify *verify, size_t *bad, struct sl_error *err)
{
	*bad = 0;
	int code = sl_answer_check_size(verify->entry, verify->size, verify->path, err);
	if (code)
		return code;
	code = sl_hasher_check(verify->hasher, verify->path, err);
	return needs_pieces(verify, code) ? check_pieces(verify, code, bad, err) : code;
}
