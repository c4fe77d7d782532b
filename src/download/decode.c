#include "sluice/download/decode.h"

#include "sluice/codec/decoder.h"
#include "sluice/rt/offload.h"

#include <errno.h>

struct job {
	struct sl_decoder *decoder;
	struct sl_decode_io *io;
	enum sl_decode_step step;
};

static int
step_on_worker(void *arg)
{
	struct job *job = arg;
	job->step = sl_decoder_step(job->decoder, job->io);
	return 0;
}

static int
fail(const struct sl_decode *decode, enum sl_decode_step failure)
{
	char reason[SL_DECODE_REASON];
	const char *remedy = "without --decompress the file is stored as it is";
	int code = SL_E_DECODE;
	switch (failure) {
	case SL_DECODE_NO_MEMORY:
		return sl_fail_code(
			decode->err, SL_PHASE_NONE, -ENOMEM, "cannot decode '%s'", decode->what);
	case SL_DECODE_WINDOW:
		remedy = "a larger --max-memory permits it";
		code = SL_E_LIMIT;
		break;
	case SL_DECODE_BOMB:
		code = SL_E_LIMIT;
		break;
	default:
		break;
	}
	sl_decode_reason(failure, decode->codec, decode->window_max, reason);
	return sl_fail(decode->err, SL_PHASE_BODY, code, "cannot decode '%s': %s (%s)",
		decode->what, reason, remedy);
}

SL_SUSPENDS
static int
take_chunk(struct sl_decode *decode)
{
	int code = sl_chunk_take(decode->pool, &decode->out, SL_FOREVER);
	if (!code)
		decode->out->off = decode->produced;
	return code;
}

SL_SUSPENDS
static int
pass_on(struct sl_decode *decode)
{
	struct sl_chunk *chunk = decode->out;
	decode->out = NULL;
	return decode->deliver(decode->ctx, chunk);
}

/* As far as the input or the chunk goes. */
SL_SUSPENDS
static int
decode_some(struct sl_decode *decode, struct sl_decode_io *io, enum sl_decode_step *step)
{
	int code = decode->out ? 0 : take_chunk(decode);
	if (code)
		return code;
	struct sl_chunk *out = decode->out;
	struct job job = { decode->decoder, io, SL_DECODE_MORE };
	io->out = out->data + out->len;
	io->out_len = out->size - out->len;
	uint64_t before_ns = sl_now();
	code = sl_offload(step_on_worker, &job);
	decode->waited_ns += sl_now() - before_ns;
	if (code)
		return code;
	decode->produced += out->size - io->out_len - out->len;
	out->len = out->size - io->out_len;
	*step = job.step;
	return sl_decode_is_failure(job.step) ? fail(decode, job.step) : 0;
}

SL_SUSPENDS
static int
decode_all(struct sl_decode *decode, struct sl_decode_io *io)
{
	enum sl_decode_step step = SL_DECODE_FULL;
	int code = 0;
	while (!code && step == SL_DECODE_FULL) {
		code = decode_some(decode, io, &step);
		if (!code && step == SL_DECODE_FULL)
			code = pass_on(decode);
	}
	return code;
}

int
sl_decode_begin(struct sl_decode *decode)
{
	decode->produced = decode->waited_ns = 0;
	decode->out = NULL;
	decode->decoder = sl_decoder_new(decode->codec, decode->window_max);
	return decode->decoder ? 0 : fail(decode, SL_DECODE_NO_MEMORY);
}

int
sl_decode_put(struct sl_decode *decode, struct sl_chunk *chunk)
{
	struct sl_decode_io io = { .in = chunk->data, .in_len = chunk->len };
	int code = decode_all(decode, &io);
	sl_chunk_unref(chunk);
	if (!code && decode->as_it_comes && decode->out && decode->out->len > 0)
		code = pass_on(decode);
	return code;
}

int
sl_decode_end(struct sl_decode *decode, struct sl_chunk **last)
{
	struct sl_decode_io io = { .is_last = true };
	int code = decode_all(decode, &io);
	*last = NULL;
	if (!code) {
		*last = decode->out;
		decode->out = NULL;
	}
	return code;
}

void
sl_decode_release(struct sl_decode *decode)
{
	sl_chunk_unref(decode->out);
	sl_decoder_free(decode->decoder);
	decode->out = NULL;
	decode->decoder = NULL;
}
