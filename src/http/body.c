/*
 * The body of a response behind one read.
 *
 * limiter -> stream, which takes the framing away -> the caller's memory
 *                                                 -> coded.c, with a content coding -> the caller's
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

/* ---- the least rate ---- */

/*
 * Only the time counts in which the server is waited for, not that of a limiter, a disk or a
 * decoder. When slow_time_ns of it have passed with fewer bytes than least_rate gives, the body is
 * too slow; else they are counted anew. A read ends when it is certain that this would follow,
 * whatever comes: one that is given up loses its connection.
 */

static uint64_t
ns_for(uint64_t bytes, uint64_t rate)
{
	double ns = (double)bytes * (double)SL_NS_PER_S / (double)rate;
	return ns < (double)INT64_MAX ? (uint64_t)ns : INT64_MAX;
}

/* How much longer nothing may come. */
static uint64_t
patience_ns(const struct sl_http_exchange *exchange)
{
	uint64_t earned_ns = ns_for(exchange->pace_bytes, exchange->least_rate);
	uint64_t until_ns = SL_MAX(exchange->slow_time_ns, earned_ns);
	return until_ns > exchange->pace_waited_ns ? until_ns - exchange->pace_waited_ns : 0;
}

static bool
is_too_slow(const struct sl_http_exchange *exchange)
{
	return patience_ns(exchange) == 0;
}

static void
note_pace(struct sl_http_exchange *exchange, uint64_t waited_ns, int count)
{
	exchange->pace_bytes += count > 0 ? (unsigned)count : 0;
	exchange->pace_waited_ns += waited_ns;
	if (exchange->pace_waited_ns >= exchange->slow_time_ns && !is_too_slow(exchange))
		exchange->pace_bytes = exchange->pace_waited_ns = 0;
}

static int
fail_slow(const struct sl_http_exchange *exchange, struct sl_error *err)
{
	return sl_exchange_fail(exchange, err, SL_PHASE_BODY, SL_E_SLOW,
		"the body is too slow: %llu bytes came in %.3g s, less than %llu per second "
		"(--speed-limit and --speed-time set this limit)",
		(unsigned long long)exchange->pace_bytes,
		(double)exchange->pace_waited_ns / (double)SL_NS_PER_S,
		(unsigned long long)exchange->least_rate);
}

SL_SUSPENDS
static int
read_paced(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *cause)
{
	struct sl_deadline scope;
	uint64_t begun_ns = sl_now();
	sl_deadline_begin(&scope, sl_deadline_in(patience_ns(exchange)));
	int code = exchange->stream->methods->read(exchange->stream, data, len, cause);
	sl_deadline_end(&scope);
	note_pace(exchange, sl_now() - begun_ns, code);
	return code;
}

/* ---- stages ---- */

SL_SUSPENDS
static int
read_stream(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	bool is_paced = exchange->least_rate > 0;
	int code = is_paced ? read_paced(exchange, data, len, &cause)
			    : exchange->stream->methods->read(exchange->stream, data, len, &cause);
	bool is_slow = is_paced && (code > 0 || code == -ETIMEDOUT) && is_too_slow(exchange) &&
		       !exchange->stream->body.complete && !sl_task_cancelled();
	if (is_slow)
		return fail_slow(exchange, err);
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

/* Of the body as it was sent. */
SL_SUSPENDS
static int
read_sent(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *err)
{
	if (exchange->body.complete)
		return 0;
	sl_assert(exchange->stream); /* else a read failed before */
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

SL_SUSPENDS
static int
read_source(void *ctx, char *data, size_t len, struct sl_error *err)
{
	return read_sent(ctx, data, len, err);
}

SL_SUSPENDS
static int
read_decoded(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *err)
{
	const struct sl_coded_source source = { .ctx = exchange, .read = read_source };
	struct sl_error cause = { 0 };
	if (!exchange->coded)
		exchange->coded = sl_coded_new(
			exchange->coding, exchange->body.framing.kind != SL_FRAMING_CLOSE);
	if (!exchange->coded)
		return sl_exchange_fail(exchange, err, SL_PHASE_BODY, -ENOMEM, "out of memory");
	int code = sl_coded_read(exchange->coded, &source, data, len, &cause, err);
	if (cause.code)
		sl_exchange_fail_as(exchange, err, code, &cause);
	if (code < 0)
		sl_exchange_end_stream(exchange);
	return code;
}

int
sl_http_read(struct sl_http_exchange *exchange, void *data, size_t len, struct sl_error *err)
{
	sl_assert(len > 0);
	len = SL_MIN(len, READ_MAX);
	return exchange->coding == SL_CODEC_NONE ? read_sent(exchange, data, len, err)
						 : read_decoded(exchange, data, len, err);
}

void
sl_exchange_drain(struct sl_http_exchange *exchange)
{
	char scratch[4096];
	struct sl_deadline scope;
	bool small = exchange->body.framing.kind == SL_FRAMING_LENGTH &&
		     exchange->body.framing.length <= SL_CLIENT_DRAIN_MAX &&
		     exchange->body.framing.keep_alive;
	if (!exchange->body.complete && small && exchange->stream) {
		sl_deadline_begin(&scope, sl_deadline_in(SL_CLIENT_DRAIN_NS));
		while (read_sent(exchange, scratch, sizeof(scratch), NULL) > 0)
			;
		sl_deadline_end(&scope);
	}
	sl_exchange_end_stream(exchange);
}
