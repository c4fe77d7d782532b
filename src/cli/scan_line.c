/*
 * scan_line.c - what all forms of the output share: sending what is pending, and a matching line in
 * pieces: the part of it that is shown, and where its matches are.
 */
#include "scan_output_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/text.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/task.h"

#include <errno.h>

/* Lines up to here are searched on the ring's thread, as long as that takes no more than some
 * milliseconds; others on a worker. */
#define INLINE_LINE 4096u

/* CPU time after which a worker returns, so that a signal can end the run in between. */
#define LOCATE_NS (50 * SL_NS_PER_MS)

SL_SUSPENDS
int
sl_scan_output_send(struct sl_scan_output *output)
{
	if (output->pending.failed)
		return -ENOMEM;
	if (output->pending.len == 0)
		return 0;
	uint64_t before_ns = sl_now();
	output->sent_bytes += output->pending.len;
	int code = sl_output_send(output->out, &output->pending);
	output->waited_ns += sl_now() - before_ns;
	return code;
}

struct sl_span
sl_scan_output_name(const struct sl_input *input)
{
	return sl_span_str(input->is_stdin ? "<stdin>" : input->path);
}

SL_SUSPENDS
int
sl_scan_output_make_room(struct sl_scan_output *output)
{
	return output->pending.len >= SL_OUTPUT_BUFFER ? sl_scan_output_send(output) : 0;
}

struct sl_span
sl_scan_output_take_piece(struct sl_span *text)
{
	size_t len = SL_MIN(text->len, (size_t)SL_SCAN_TEXT_PIECE), back = 0;
	while (len < text->len && back < 3 &&
		((unsigned char)text->data[len - back] & 0xc0) == 0x80)
		back++;
	if (len < text->len && ((unsigned char)text->data[len - back] & 0xc0) != 0x80)
		len -= back;
	struct sl_span piece = sl_span(text->data, len);
	text->data += len;
	text->len -= len;
	return piece;
}

struct sl_scan_shown
sl_scan_output_shown(const struct sl_scan_line *line)
{
	size_t begin = 0, end = line->len, back = 1;
	uint32_t code = 0;
	while (line->skipped && begin < 3 && begin < end && (line->text[begin] & 0xc0) == 0x80)
		begin++;
	if (line->skipped + end < line->whole_len && end > begin) {
		while (back < 4 && begin + back < end && (line->text[end - back] & 0xc0) == 0x80)
			back++;
		const char *last = (const char *)line->text + end - back;
		if (sl_text_utf8(sl_span(last, back), &code) != back)
			end -= back;
	}
	uint64_t after = line->whole_len - line->skipped - end;
	return (struct sl_scan_shown){ begin, end, line->skipped + begin, after };
}

/* ---- matches in a line ---- */

void
sl_scan_matches_begin(struct sl_scan_matches *matches, const struct sl_scan_line *line)
{
	matches->line = line;
	matches->from = matches->count = matches->next = 0;
	matches->is_quick = false;
	matches->verdict = SL_VERDICT_YES;
}

/* Locate the next matches; on the runtime's thread or on a worker. */
static int
locate(void *arg)
{
	struct sl_scan_matches *matches = arg;
	const struct sl_scan_line *line = matches->line;
	uint64_t begun_ns = matches->is_quick ? 0 : sl_clock_thread_cpu_ns();
	matches->count = matches->next = 0;
	while (matches->count < SL_SCAN_MATCHES_LOCATED) {
		struct sl_match_range *range = &matches->found[matches->count];
		matches->verdict = sl_matcher_find(
			line->matcher, &line->subject, matches->from, matches->is_quick, range);
		if (matches->verdict != SL_VERDICT_YES)
			break;
		matches->from = range->end > range->begin ? range->end : range->end + 1;
		matches->count++;
		if (!matches->is_quick && sl_clock_thread_cpu_ns() - begun_ns > LOCATE_NS)
			break;
	}
	return 0;
}

SL_SUSPENDS
int
sl_scan_matches_next(struct sl_scan_matches *matches, struct sl_match_range *range)
{
	const struct sl_scan_line *line = matches->line;
	size_t off = (size_t)(line->subject.text - line->text);
	if (matches->next == matches->count) {
		int code = 0;
		if (matches->verdict == SL_VERDICT_YES) {
			matches->is_quick = line->subject.len <= INLINE_LINE;
			code = matches->is_quick ? locate(matches) : sl_offload(locate, matches);
		}
		bool is_used_up = matches->count == matches->next;
		if (!code && is_used_up && matches->is_quick &&
			matches->verdict == SL_VERDICT_UNDECIDED) {
			matches->is_quick = false;
			code = sl_offload(locate, matches);
		}
		if (code || matches->next == matches->count)
			return code;
	}
	*range = matches->found[matches->next++];
	range->begin += off;
	range->end += off;
	return 1;
}
