#include "sluice/download/pieces.h"

#include "sluice/base/number.h"

bool
sl_pieces_fit(const struct sl_pieces *pieces, uint64_t size)
{
	if (pieces->kind == SL_CHECKSUM_NONE || pieces->length == 0)
		return false;
	uint64_t whole = size / pieces->length, rest = size % pieces->length;
	return pieces->count == whole + (rest > 0);
}

size_t
sl_pieces_index(const struct sl_pieces *pieces, uint64_t off)
{
	return sl_size(off / pieces->length);
}

struct sl_range
sl_pieces_range(const struct sl_pieces *pieces, uint64_t size, size_t index)
{
	sl_assert(index < pieces->count);
	uint64_t begin = index * pieces->length; /* below size, since they fit it */
	sl_assert(begin < size);
	return (struct sl_range){ begin, begin + SL_MIN(pieces->length, size - begin) };
}

const unsigned char *
sl_pieces_digest(const struct sl_pieces *pieces, size_t index)
{
	sl_assert(index < pieces->count);
	return pieces->digests + index * sl_checksum_len(pieces->kind);
}
