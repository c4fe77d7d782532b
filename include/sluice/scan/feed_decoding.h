/*
 * feed_decoding.h - gives the text of a compressed or UTF-16 input to a feed, while its bytes come
 * in their order.
 */
#ifndef SLUICE_SCAN_FEED_DECODING_H
#define SLUICE_SCAN_FEED_DECODING_H

#include "sluice/scan/decoding.h"
#include "sluice/scan/feed.h"

/* Text that is decoded at a time, in a buffer of this size. */
#define SL_FEED_DECODING_BUFFER (512u * 1024u)

struct sl_feed_decoding;

/* For a form that sl_decoding_is_for(); windows of zstd and xz up to `window_max`. The feed must
 * stay. Returns 0 or -ENOMEM. */
int sl_feed_decoding_new(struct sl_feed_decoding **out, struct sl_feed *feed, enum sl_form form,
	uint64_t window_max) SL_MUST_CHECK;

/* NULL is fine. */
void sl_feed_decoding_free(struct sl_feed_decoding *decoding);

/* The memory that it takes, without the window. */
uint64_t sl_feed_decoding_memory(enum sl_form form);

/*
 * The next bytes of the input; with is_last there are no more. They are decoded on workers, and the
 * text is added to the feed. Returns 0; as sl_feed_add; SL_E_DECODE: its window is too large, or it
 * needs something else that is not supported; SL_E_UNSUPPORTED: its content is not text. Damage
 * ends the text: the bytes behind it are ignored.
 */
SL_SUSPENDS
int sl_feed_decoding_add(struct sl_feed_decoding *decoding, const unsigned char *data, size_t len,
	bool is_last) SL_MUST_CHECK;

/* Bytes of text so far. */
uint64_t sl_feed_decoding_len(const struct sl_feed_decoding *decoding);

/* Of the text, as sniff.h says; once the last bytes were added. */
bool sl_feed_decoding_has_only_cr(const struct sl_feed_decoding *decoding);

/* Once the last bytes were added: SL_SCAN_OK; or TRUNCATED or DAMAGED, and then the bytes of the
 * input that were decoded. */
enum sl_scan_state sl_feed_decoding_state(const struct sl_feed_decoding *decoding);
uint64_t sl_feed_decoding_consumed(const struct sl_feed_decoding *decoding);

/* Of damage, and after SL_E_DECODE or SL_E_UNSUPPORTED, for messages: "the gzip data is
 * truncated". */
void sl_feed_decoding_reason(
	const struct sl_feed_decoding *decoding, char reason[SL_DECODE_REASON]);

#endif
