/* Messages that all kinds of stream share. */
#include "sluice/http/stream.h"

#include <errno.h>
#include <stdio.h>

const char *
sl_stream_cause(const struct sl_error *cause, int code)
{
	return cause && cause->code ? cause->text : sl_code_text(code);
}

int
sl_stream_fail_timeout(
	const struct sl_stream *stream, enum sl_phase phase, const char *what, struct sl_error *err)
{
	double seconds = (double)stream->stall_timeout_ns / (double)SL_NS_PER_S;
	if (sl_task_deadline() <= sl_now())
		return sl_fail(err, phase, -ETIMEDOUT, "%s: the deadline has passed", what);
	return sl_fail(err, phase, -ETIMEDOUT, "%s: %s %.3g s (--stall-timeout sets this limit)",
		what, phase == SL_PHASE_HEAD ? "no complete response header within" : "no data for",
		seconds);
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
