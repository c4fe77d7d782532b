/*
 * decoding.h - the text of an input that is compressed, or UTF-16, or both. Pure.
 *
 * What a compressed input holds is recognised by its first bytes (sniff.h), as that of other inputs
 * is: UTF-16 is converted; what is binary, or compressed once more, is for the caller to refuse.
 * This, and the text, do not depend on how the input is cut.
 */
#ifndef SLUICE_SCAN_DECODING_H
#define SLUICE_SCAN_DECODING_H

#include "sluice/codec/decoder.h"
#include "sluice/scan/sniff.h"

/* What a decoding holds besides the decoder of a format, at most. */
#define SL_DECODING_SIZE (20u * 1024u)

struct sl_decoding;

/* True for the forms that are decoded: compressed data and UTF-16. */
bool sl_decoding_is_for(enum sl_form form);

/* Data of this form has windows: zstd and xz. */
bool sl_decoding_has_window(enum sl_form form);

/* The memory that the decoder of a form needs, without the window of zstd and xz, which is limited
 * by window_max below, and refused first where that is 0. */
uint64_t sl_decoding_memory(enum sl_form form);

/* NULL if out of memory. sl_decoding_is_for(form). */
struct sl_decoding *sl_decoding_new(enum sl_form form, uint64_t window_max) SL_MUST_CHECK;

/* NULL is fine. */
void sl_decoding_free(struct sl_decoding *decoding);

/*
 * As sl_decoder_step, with text as output. SL_DECODE_MORE may leave text that was decoded in the
 * decoding while its form is not known. A failure is returned after all text before it.
 */
enum sl_decode_step sl_decoding_step(
	struct sl_decoding *decoding, struct sl_decode_io *io) SL_MUST_CHECK;

/* Whether the form of the content is known: with the first byte of text, or the end. */
bool sl_decoding_is_known(const struct sl_decoding *decoding);

/* Then: SL_FORM_PLAIN, also for UTF-16, or what it is that no text is made of; and, of its first
 * bytes, as sniff.h says. */
enum sl_form sl_decoding_content(const struct sl_decoding *decoding);
bool sl_decoding_is_binary(const struct sl_decoding *decoding);
bool sl_decoding_has_only_cr(const struct sl_decoding *decoding);

/* The decoder of the compressed data; NULL if it is UTF-16 alone. */
struct sl_decoder *sl_decoding_decoder(const struct sl_decoding *decoding);

/* "the gzip data is truncated", for messages. `window_max` is the largest that could be had. */
void sl_decoding_reason(const struct sl_decoding *decoding, enum sl_decode_step failure,
	uint64_t window_max, char reason[SL_DECODE_REASON]);

#endif
