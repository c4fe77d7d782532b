#include "support/decode_pieces.h"

static enum sl_decode_step
run_piece(decode_step *step, void *decoder, struct sl_span data, bool is_last, size_t room,
	struct sl_buf *text)
{
	struct sl_decode_io io = {
		.in = (const unsigned char *)data.data, .in_len = data.len, .is_last = is_last
	};
	enum sl_decode_step got;
	do {
		sl_assert(sl_buf_reserve(text, room));
		io.out = (unsigned char *)text->data + text->len;
		io.out_len = room;
		got = step(decoder, &io);
		sl_assert(io.in_len <= data.len && io.out_len <= room);
		sl_assert(got != SL_DECODE_FULL || io.out_len == 0);
		sl_assert(got != SL_DECODE_MORE || (io.in_len == 0 && !is_last));
		sl_assert(got != SL_DECODE_END || (io.in_len == 0 && is_last));
		text->len += room - io.out_len;
	} while (got == SL_DECODE_FULL && text->len < DECODE_PIECES_MOST);
	return got;
}

struct decode_outcome
decode_pieces(decode_step *step, void *decoder, struct sl_span data, size_t first, size_t piece,
	size_t room)
{
	struct decode_outcome out = { .step = SL_DECODE_MORE };
	size_t off = 0;
	for (size_t some = first; out.step == SL_DECODE_MORE; some = piece) {
		size_t take = SL_MIN(some, data.len - off);
		struct sl_span part = sl_span(data.data + off, take);
		out.step = run_piece(step, decoder, part, off + take == data.len, room, &out.text);
		off += take;
	}
	return out;
}

bool
decode_is_same(const struct decode_outcome *a, const struct decode_outcome *b)
{
	if (a->step == SL_DECODE_FULL || b->step == SL_DECODE_FULL)
		return true;
	if (a->step != b->step)
		return false;
	return a->step != SL_DECODE_END ||
	       sl_span_equal(sl_buf_span(&a->text), sl_buf_span(&b->text));
}

bool
decode_is_same_in_pieces(
	decode_run *run, int format, struct sl_span data, struct decode_outcome *whole)
{
	size_t cut = data.len ? (unsigned char)data.data[data.len - 1] : 0;
	*whole = run(format, data, SIZE_MAX, SIZE_MAX, 64 * SL_KIB);
	struct decode_outcome bytes = run(format, data, 1, 1, 1);
	struct decode_outcome once = run(format, data, cut, SIZE_MAX, 1000);
	bool is_same = decode_is_same(whole, &bytes) && decode_is_same(whole, &once);
	sl_buf_release(&bytes.text);
	sl_buf_release(&once.text);
	return is_same;
}
