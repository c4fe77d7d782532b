/*
 * The text of an input that is decoded: compressed data by its magic number, else taken for UTF-16
 * in the order that the first byte says. Whole, byte by byte, and cut once it has the same outcome
 * and the same text; UTF-16 becomes valid UTF-8.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/text.h"
#include "sluice/scan/decoding.h"
#include "support/decode_pieces.h"

static enum sl_decode_step
step(void *decoding, struct sl_decode_io *io)
{
	return sl_decoding_step(decoding, io);
}

static struct decode_outcome
run(int form, struct sl_span data, size_t first, size_t piece, size_t room)
{
	struct sl_decoding *decoding = sl_decoding_new((enum sl_form)form, SL_MIB);
	must(decoding);
	struct decode_outcome out = decode_pieces(step, decoding, data, first, piece, room);
	sl_decoding_free(decoding);
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum sl_form form = sl_sniff_form(data, len);
	if (len == 0)
		return 0;
	if (!sl_decoding_is_for(form)) {
		form = data[0] % 2 ? SL_FORM_UTF16LE : SL_FORM_UTF16BE;
		data++;
		len--;
	}
	struct sl_span all = sl_span((const char *)data, len);
	struct decode_outcome whole;
	must(decode_is_same_in_pieces(run, (int)form, all, &whole));
	if (form >= SL_FORM_UTF16 && whole.step != SL_DECODE_FULL)
		must(sl_text_is_utf8(sl_buf_span(&whole.text)));
	sl_buf_release(&whole.text);
	return 0;
}
