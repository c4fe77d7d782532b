#include "sluice/sink/results.h"

#include "sluice/scan/source.h"
#include "sluice/sink/line.h"

#include <errno.h>

void
sl_results_release(struct sl_results *results)
{
	sl_buf_release(&results->pending);
}

SL_SUSPENDS
int
sl_results_send(struct sl_results *results)
{
	if (results->pending.failed)
		return -ENOMEM;
	if (results->pending.len == 0)
		return 0;
	results->sent += results->pending.len;
	return results->writer.send(results->writer.ctx, &results->pending);
}

SL_SUSPENDS
int
sl_results_make_room(struct sl_results *results)
{
	if (results->pending.len < results->writer.buffer)
		return 0;
	results->has_sent_part = true;
	return sl_results_send(results);
}

SL_SUSPENDS
int
sl_results_complete(struct sl_results *results, const struct sl_input *input)
{
	const struct sl_results_writer *writer = &results->writer;
	results->flushes_when_idle = !writer->is_file || input->kind == SL_INPUT_STREAM;
	bool may_wait = results->pending.len < writer->buffer && !results->has_sent_part;
	if (may_wait && !results->pending.failed)
		return writer->state(writer->ctx);
	results->has_sent_part = false;
	int code = sl_results_send(results);
	return code || !writer->ended ? code : writer->ended(writer->ctx);
}

SL_SUSPENDS
int
sl_results_idle(struct sl_results *results)
{
	return results->flushes_when_idle ? sl_results_send(results) : 0;
}

void
sl_results_add_coloured(struct sl_results *results, enum sl_colour colour, struct sl_span text)
{
	sl_results_add_colour(results, colour);
	sl_results_add_piece(results, text);
	sl_results_add_colour(results, SL_COLOUR_RESET);
}

bool
sl_results_has_name(const struct sl_results_names *names, const struct sl_input *input)
{
	return !names->never && (names->always || input->is_found);
}

void
sl_results_add_name(struct sl_results *results, const struct sl_results_names *names,
	const struct sl_input *input)
{
	if (!sl_results_has_name(names, input))
		return;
	sl_results_add_coloured(results, SL_COLOUR_FILE, sl_results_name(input));
	sl_buf_add_char(&results->pending, names->separator);
}

struct sl_span
sl_results_name(const struct sl_input *input)
{
	return sl_span_str(input->is_stdin ? "<stdin>" : input->path);
}

int
sl_results_add_text(struct sl_results *results, struct sl_span text)
{
	int code = 0;
	while (text.len > 0 && code == 0) {
		sl_results_add_piece(results, sl_line_take_piece(&text));
		code = sl_results_make_room(results);
	}
	return code;
}
