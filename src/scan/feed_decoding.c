#include "sluice/scan/feed_decoding.h"

#include "sluice/rt/offload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct sl_feed_decoding {
	struct sl_feed *feed;
	struct sl_decoding *decoding;
	uint64_t window_max;
	uint64_t len;      /* of the text */
	uint64_t consumed; /* of the input */
	enum sl_decode_step last;
	unsigned char text[SL_FEED_DECODING_BUFFER];
};

uint64_t
sl_feed_decoding_memory(enum sl_form form)
{
	return sizeof(struct sl_feed_decoding) + SL_DECODING_SIZE + sl_decoding_memory(form);
}

int
sl_feed_decoding_new(
	struct sl_feed_decoding **out, struct sl_feed *feed, enum sl_form form, uint64_t window_max)
{
	struct sl_feed_decoding *decoding = *out = malloc(sizeof(*decoding));
	if (!decoding)
		return -ENOMEM;
	decoding->feed = feed;
	decoding->window_max = window_max;
	decoding->len = decoding->consumed = 0;
	decoding->last = SL_DECODE_MORE;
	decoding->decoding = sl_decoding_new(form, window_max);
	if (decoding->decoding)
		return 0;
	free(decoding);
	*out = NULL;
	return -ENOMEM;
}

void
sl_feed_decoding_free(struct sl_feed_decoding *decoding)
{
	if (decoding)
		sl_decoding_free(decoding->decoding);
	free(decoding);
}

struct step_call {
	struct sl_feed_decoding *decoding;
	struct sl_decode_io io;
};

static int
step(void *arg)
{
	struct step_call *call = arg;
	struct sl_feed_decoding *decoding = call->decoding;
	call->io.out = decoding->text;
	call->io.out_len = sizeof(decoding->text);
	size_t before = call->io.in_len;
	decoding->last = sl_decoding_step(decoding->decoding, &call->io);
	decoding->consumed += before - call->io.in_len;
	return 0;
}

static bool
is_damage(enum sl_decode_step step)
{
	return sl_decode_is_failure(step) && step != SL_DECODE_WINDOW &&
	       step != SL_DECODE_UNSUPPORTED && step != SL_DECODE_NO_MEMORY;
}

/* Of the step that was last: 0 if the text may be counted. */
static int
outcome(const struct sl_feed_decoding *decoding)
{
	const struct sl_decoding *of = decoding->decoding;
	if (sl_decode_is_failure(decoding->last) && !is_damage(decoding->last))
		return SL_E_DECODE;
	bool is_text = !sl_decoding_is_known(of) || sl_decoding_content(of) == SL_FORM_PLAIN;
	return is_text ? 0 : SL_E_UNSUPPORTED;
}

int
sl_feed_decoding_add(
	struct sl_feed_decoding *decoding, const unsigned char *data, size_t len, bool is_last)
{
	struct step_call call = { .decoding = decoding,
		.io = { .in = data, .in_len = len, .is_last = is_last } };
	if (is_damage(decoding->last))
		return 0;
	do {
		int code = sl_offload(step, &call);
		size_t some = sizeof(decoding->text) - call.io.out_len;
		if (!code)
			code = outcome(decoding);
		if (!code && some > 0)
			code = sl_feed_add(decoding->feed, decoding->len, decoding->text, some);
		if (code)
			return code;
		decoding->len += some;
	} while (decoding->last == SL_DECODE_FULL);
	return 0;
}

enum sl_scan_state
sl_feed_decoding_state(const struct sl_feed_decoding *decoding)
{
	if (!is_damage(decoding->last))
		return SL_SCAN_OK;
	return decoding->last == SL_DECODE_TRUNCATED ? SL_SCAN_TRUNCATED : SL_SCAN_DAMAGED;
}

uint64_t
sl_feed_decoding_consumed(const struct sl_feed_decoding *decoding)
{
	return decoding->consumed;
}

uint64_t
sl_feed_decoding_len(const struct sl_feed_decoding *decoding)
{
	return decoding->len;
}

bool
sl_feed_decoding_has_only_cr(const struct sl_feed_decoding *decoding)
{
	return sl_decoding_has_only_cr(decoding->decoding);
}

void
sl_feed_decoding_reason(const struct sl_feed_decoding *decoding, char reason[SL_DECODE_REASON])
{
	if (sl_decode_is_failure(decoding->last))
		sl_decoding_reason(
			decoding->decoding, decoding->last, decoding->window_max, reason);
	else
		snprintf(reason, SL_DECODE_REASON, "what was decoded is not text");
}
