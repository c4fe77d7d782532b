/*
 * The body of a response behind one read.
 *
 * limiter -> stream, which takes the framing away -> the caller's memory
 *
 * What a stage adds to the bytes on their way belongs here, whatever carries them.
 */
#include "exchange_int.h"

#include "sluice/base/bytes.h"

#include <errno.h>

/* The count is an int. */
#define READ_MAX ((size_t)1 << 30)

/* With a limit, what one receive gets at most: 20 ms' worth, so that many connections take turns
 * several times a second. */
#define LIMIT_DIVISOR 50

/* Bodies of redirects and errors worth reading to keep a connection, and for how long. */
#define DRAIN_MAX (64 * SL_KIB)
#define DRAIN_NS (2 * SL_NS_PER_S)

SL_SUSPENDS
static int
read_stream(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	int code = exchange->stream->methods->read(exchange->stream, data, len, &cause);
	return code < 0 ? sl_exchange_fail_as(exchange, err, code, &cause) : code;
}

static int
fail_limited(struct sl_http_exchange *exchange, int code, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	sl_stream_fail_body(exchange->stream, code, NULL, &cause);
	return sl_exchange_fail_as(exchange, err, code, &cause);
}

/* As many bytes as the limiter has given, which is waited for before the receive: the stall timeout
 * and the pace of receives apply to the server only. */
SL_SUSPENDS
static int
read_limited(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *err)
{
	struct sl_limiter *limiter = exchange->limiter;
	uint64_t piece = SL_MAX(limiter->bucket.rate / LIMIT_DIVISOR, 1u);
	len = (size_t)SL_MIN((uint64_t)len, piece);
	int code = sl_limiter_take(limiter, len, exchange->limited);
	if (code < 0)
		return fail_limited(exchange, code, err);
	code = read_stream(exchange, data, len, err);
	sl_limiter_put_back(limiter, len - (size_t)SL_MAX(code, 0));
	return code;
}

int
sl_http_read(struct sl_http_exchange *exchange, void *data, size_t len, struct sl_error *err)
{
	sl_assert(len > 0);
	if (exchange->body.complete)
		return 0;
	sl_assert(exchange->stream); /* else a read failed before */
	len = SL_MIN(len, READ_MAX);
	if (exchange->body.framing.kind == SL_FRAMING_LENGTH)
		len = (size_t)SL_MIN(
			(uint64_t)len, exchange->body.framing.length - exchange->body.received);
	int code = exchange->limiter ? read_limited(exchange, data, len, err)
				     : read_stream(exchange, data, len, err);
	if (code < 0)
		sl_exchange_end_stream(exchange);
	else
		sl_exchange_note_body(exchange);
	return code;
}

void
sl_exchange_drain(struct sl_http_exchange *exchange)
{
	char scratch[4096];
	struct sl_deadline scope;
	bool small = exchange->body.framing.kind == SL_FRAMING_LENGTH &&
		     exchange->body.framing.length <= DRAIN_MAX &&
		     exchange->body.framing.keep_alive;
	if (!exchange->body.complete && small && exchange->stream) {
		sl_deadline_begin(&scope, sl_deadline_in(DRAIN_NS));
		while (sl_http_read(exchange, scratch, sizeof(scratch), NULL) > 0)
			;
		sl_deadline_end(&scope);
	}
	sl_exchange_end_stream(exchange);
}
