/*
 * Compressed data, by the format that its first bytes show: whole, byte by byte with one byte of
 * room, and cut once it has the same outcome, and if it is intact the same content.
 */
#include "fuzz/fuzz.h"
#include "support/decode_pieces.h"

#define WINDOW SL_MIB

static enum sl_decode_step
step(void *decoder, struct sl_decode_io *io)
{
	return sl_decoder_step(decoder, io);
}

static struct decode_outcome
run(int codec, struct sl_span data, size_t first, size_t piece, size_t room)
{
	struct sl_decoder *decoder = sl_decoder_new((enum sl_codec)codec, WINDOW);
	must(decoder);
	struct decode_outcome out = decode_pieces(step, decoder, data, first, piece, room);
	if (sl_decode_is_failure(out.step)) {
		struct sl_decode_io io = { .out = (unsigned char *)out.text.data };
		must(sl_decoder_step(decoder, &io) == out.step);
	}
	sl_decoder_free(decoder);
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum sl_codec codec = sl_codec_detect(data, len);
	if (codec == SL_CODEC_NONE) { /* the first byte is not the data's */
		if (len == 0)
			return 0;
		codec = (enum sl_codec)(SL_CODEC_GZIP + data[0] % (SL_CODECS - SL_CODEC_GZIP));
		data++;
		len--;
	}
	struct sl_span all = sl_span((const char *)data, len);
	struct decode_outcome whole;
	must(decode_is_same_in_pieces(run, (int)codec, all, &whole));
	sl_buf_release(&whole.text);
	return 0;
}
