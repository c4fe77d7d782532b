/* Messages that all kinds of stream share. */
#include "sluice/http/stream.h"

#include <errno.h>
#include <stdio.h>

const char *
sl_stream_cause(const struct sl_error *cause, int code)
{
	return cause && cause->code ? cause->text : sl_code_text(code);
}

uint64_t
sl_stream_head_deadline(const struct sl_stream *stream)
{
	return sl_deadline_in(
		stream->head_timeout_ns ? stream->head_timeout_ns : stream->stall_timeout_ns);
}

int
sl_stream_fail_timeout(
	const struct sl_stream *stream, enum sl_phase phase, const char *what, struct sl_error *err)
{
	bool is_head = phase == SL_PHASE_HEAD, is_own = is_head && stream->head_timeout_ns;
	uint64_t limit_ns = is_own ? stream->head_timeout_ns : stream->stall_timeout_ns;
	if (sl_task_deadline() <= sl_now())
		return sl_fail(err, phase, -ETIMEDOUT, "%s: the deadline has passed", what);
	return sl_fail(err, phase, -ETIMEDOUT, "%s: %s %.3g s (--%s sets this limit)", what,
		is_head ? "no complete response header within" : "no data for",
		(double)limit_ns / (double)SL_NS_PER_S,
		is_own ? "first-byte-timeout" : "stall-timeout");
}

int
sl_stream_fail_body(const struct sl_stream *stream, int code, const struct sl_error *cause,
	struct sl_error *err)
{
	char what[96];
	unsigned long long got = stream->body.received;
	if (stream->body.framing.kind == SL_FRAMING_LENGTH)
		snprintf(what, sizeof(what), "the body stopped after %llu of %llu bytes", got,
			(unsigned long long)stream->body.framing.length);
	else
		snprintf(what, sizeof(what), "the body stopped after %llu bytes", got);
	if (code == -ETIMEDOUT)
		return sl_stream_fail_timeout(stream, SL_PHASE_BODY, what, err);
	if (code == SL_E_SHORT_BODY)
		return sl_fail(err, SL_PHASE_BODY, code, "%s: the server closed the connection%s",
			what, cause && cause->code ? " without close_notify" : "");
	return sl_fail(err, SL_PHASE_BODY, code, "%s: %s", what, sl_stream_cause(cause, code));
}
