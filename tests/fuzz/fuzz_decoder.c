/*
 * Compressed data, by the format that its first bytes show: whole, byte by byte with one byte of
 * room, and cut once it has the same outcome, and if it is intact the same content.
 */
#include "fuzz/fuzz.h"
#include "sluice/codec/decoder.h"

#define WINDOW SL_MIB
#define ROOM (64u * 1024u)
#define MOST (256u * 1024u) /* output that is looked at */

struct outcome {
	enum sl_decode_step step; /* SL_DECODE_FULL: more than MOST */
	struct sl_buf content;
};

/* The piece must be used up, or the output. */
static enum sl_decode_step
run_piece(struct outcome *out, struct sl_decoder *decoder, const uint8_t *data, size_t len,
	bool is_last, size_t room)
{
	struct sl_decode_io io = { .in = data, .in_len = len, .is_last = is_last };
	enum sl_decode_step step;
	do {
		must(sl_buf_reserve(&out->content, room));
		io.out = (unsigned char *)out->content.data + out->content.len;
		io.out_len = room;
		step = sl_decoder_step(decoder, &io);
		must(io.in_len <= len && io.out_len <= room);
		must(step != SL_DECODE_FULL || io.out_len == 0);
		must(step != SL_DECODE_MORE || (io.in_len == 0 && !is_last));
		must(step != SL_DECODE_END || (io.in_len == 0 && is_last));
		out->content.len += room - io.out_len;
	} while (step == SL_DECODE_FULL && out->content.len < MOST);
	return step;
}

static void
run(struct outcome *out, enum sl_codec codec, const uint8_t *data, size_t len, size_t first,
	size_t piece, size_t room)
{
	struct sl_decoder *decoder = sl_decoder_new(codec, WINDOW);
	size_t off = 0;
	must(decoder);
	*out = (struct outcome){ .step = SL_DECODE_MORE };
	for (size_t some = first; out->step == SL_DECODE_MORE; some = piece) {
		size_t take = SL_MIN(some, len - off);
		out->step = run_piece(out, decoder, data + off, take, off + take == len, room);
		off += take;
	}
	if (sl_decode_is_failure(out->step)) {
		struct sl_decode_io io = { .out = (unsigned char *)out->content.data };
		must(sl_decoder_step(decoder, &io) == out->step);
	}
	sl_decoder_free(decoder);
}

/* Before a failure, how much is written may depend on the room. */
static void
check_same(const struct outcome *a, const struct outcome *b)
{
	bool is_long = a->step == SL_DECODE_FULL || b->step == SL_DECODE_FULL;
	must(is_long || a->step == b->step);
	if (a->step == SL_DECODE_END && b->step == SL_DECODE_END)
		must(sl_span_equal(sl_buf_span(&a->content), sl_buf_span(&b->content)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum sl_codec codec = sl_codec_detect(data, len);
	struct outcome whole, bytes, cut;
	if (codec == SL_CODEC_NONE) { /* the first byte is not the data's */
		if (len == 0)
			return 0;
		codec = (enum sl_codec)(SL_CODEC_GZIP + data[0] % (SL_CODECS - SL_CODEC_GZIP));
		data++;
		len--;
	}
	run(&whole, codec, data, len, SIZE_MAX, SIZE_MAX, ROOM);
	run(&bytes, codec, data, len, 1, 1, 1);
	run(&cut, codec, data, len, len ? data[len - 1] : 0, SIZE_MAX, 1000);
	check_same(&whole, &bytes);
	check_same(&whole, &cut);
	sl_buf_release(&whole.content);
	sl_buf_release(&bytes.content);
	sl_buf_release(&cut.content);
	return 0;
}
