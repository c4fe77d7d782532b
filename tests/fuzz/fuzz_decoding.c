/*
 * The text of an input that is decoded: compressed data by its magic number, else taken for UTF-16
 * in the order that the first byte says. Whole, byte by byte, and cut once it has the same outcome
 * and the same text; UTF-16 becomes valid UTF-8.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/text.h"
#include "sluice/scan/decoding.h"

#define MOST (256u * 1024u) /* text that is looked at */

struct outcome {
	enum sl_decode_step step; /* SL_DECODE_FULL: more than MOST */
	struct sl_buf text;
};

static enum sl_decode_step
run_piece(struct outcome *out, struct sl_decoding *decoding, struct sl_decode_io *io, size_t room)
{
	enum sl_decode_step step;
	do {
		must(sl_buf_reserve(&out->text, room));
		io->out = (unsigned char *)out->text.data + out->text.len;
		io->out_len = room;
		step = sl_decoding_step(decoding, io);
		must(io->out_len <= room);
		must(step != SL_DECODE_MORE || (io->in_len == 0 && !io->is_last));
		out->text.len += room - io->out_len;
	} while (step == SL_DECODE_FULL && out->text.len < MOST);
	return step;
}

static void
run(struct outcome *out, enum sl_form form, const uint8_t *data, size_t len, size_t first,
	size_t piece, size_t room)
{
	struct sl_decoding *decoding = sl_decoding_new(form, SL_MIB);
	size_t off = 0;
	must(decoding);
	*out = (struct outcome){ .step = SL_DECODE_MORE };
	for (size_t some = first; out->step == SL_DECODE_MORE; some = piece) {
		size_t take = SL_MIN(some, len - off);
		struct sl_decode_io io = {
			.in = data + off, .in_len = take, .is_last = off + take == len
		};
		out->step = run_piece(out, decoding, &io, room);
		off += take;
	}
	sl_decoding_free(decoding);
}

static void
check_same(const struct outcome *a, const struct outcome *b)
{
	if (a->step == SL_DECODE_FULL || b->step == SL_DECODE_FULL)
		return;
	must(a->step == b->step);
	if (a->step == SL_DECODE_END)
		must(sl_span_equal(sl_buf_span(&a->text), sl_buf_span(&b->text)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct outcome whole, bytes, cut;
	enum sl_form form = sl_sniff_form(data, len);
	if (len == 0)
		return 0;
	if (!sl_decoding_is_for(form)) {
		form = data[0] % 2 ? SL_FORM_UTF16LE : SL_FORM_UTF16BE;
		data++;
		len--;
	}
	run(&whole, form, data, len, SIZE_MAX, SIZE_MAX, 64 * SL_KIB);
	run(&bytes, form, data, len, 1, 1, 1);
	run(&cut, form, data, len, len ? data[len - 1] : 0, SIZE_MAX, 1000);
	check_same(&whole, &bytes);
	check_same(&whole, &cut);
	if (form >= SL_FORM_UTF16 && whole.step != SL_DECODE_FULL)
		must(sl_text_is_utf8(sl_buf_span(&whole.text)));
	sl_buf_release(&whole.text);
	sl_buf_release(&bytes.text);
	sl_buf_release(&cut.text);
	return 0;
}
