/*
 * line.c - matches are located on the thread of the runtime as long as that takes no more than
 * some milliseconds, otherwise on a worker, which returns now and then, so that a signal can end
 * the run.
 */
#include "sluice/sink/line.h"

#include "sluice/base/text.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/task.h"
#include "sluice/scan/steps.h"

#include <errno.h>

/* Lines up to here are searched on the runtime's thread, as long as that is quick. */
#define INLINE_LINE 4096u

struct sl_span
sl_line_take_piece(struct sl_span *text)
{
	size_t len = SL_MIN(text->len, (size_t)SL_LINE_PIECE), back = 0;
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

/* Bytes [*begin, *end) without those of characters that are cut at an end. */
static void
keep_whole(const struct sl_scan_line *line, bool is_cut_before, bool is_cut_after, size_t *begin,
	size_t *end)
{
	size_t most = *begin + 3, back = 1;
	uint32_t code = 0;
	while (is_cut_before && *begin < most && *begin < *end &&
		(line->text[*begin] & 0xc0) == 0x80)
		++*begin;
	if (!is_cut_after || *end == *begin)
		return;
	while (back < 4 && *begin + back < *end && (line->text[*end - back] & 0xc0) == 0x80)
		back++;
	const char *last = (const char *)line->text + *end - back;
	if (sl_text_utf8(sl_span(last, back), &code) != back)
		*end -= back;
}

struct sl_line_shown
sl_line_shown(const struct sl_scan_line *line)
{
	size_t begin = 0, end = line->len;
	keep_whole(line, line->skipped > 0, line->skipped + end < line->whole_len, &begin, &end);
	uint64_t after = line->whole_len - line->skipped - end;
	return (struct sl_line_shown){ begin, end, line->skipped + begin, after };
}

/* ---- matches in a line ---- */

void
sl_line_matches_begin(struct sl_line_matches *matches, const struct sl_scan_line *line)
{
	matches->line = line;
	matches->from = matches->count = matches->next = 0;
	matches->is_quick = false;
	matches->engine = NULL;
	matches->verdict = line->has_no_match ? SL_VERDICT_NO : SL_VERDICT_YES;
}

/* Locate the next matches; on the runtime's thread or on a worker. */
static int
locate(void *arg)
{
	struct sl_line_matches *matches = arg;
	const struct sl_scan_line *line = matches->line;
	uint64_t begun_ns = matches->is_quick ? 0 : sl_steps_clock_ns(matches->engine);
	matches->count = matches->next = 0;
	while (matches->count < SL_LINE_MATCHES) {
		struct sl_match_range *range = &matches->found[matches->count];
		matches->verdict = sl_matcher_find(
			line->matcher, &line->subject, matches->from, matches->is_quick, range);
		if (matches->verdict != SL_VERDICT_YES)
			break;
		matches->from = sl_match_range_next(range);
		matches->count++;
		if (!matches->is_quick &&
			sl_steps_clock_ns(matches->engine) - begun_ns > SL_STEPS_NS)
			break;
	}
	return 0;
}

SL_SUSPENDS
static int
locate_on_worker(struct sl_line_matches *matches)
{
	matches->engine = sl_rt_engine(sl_rt_current());
	return sl_offload(locate, matches);
}

SL_SUSPENDS
int
sl_line_matches_next(struct sl_line_matches *matches, struct sl_match_range *range)
{
	const struct sl_scan_line *line = matches->line;
	size_t off = (size_t)(line->subject.text - line->text);
	if (matches->next == matches->count) {
		int code = 0;
		if (matches->verdict == SL_VERDICT_YES) {
			matches->is_quick = line->subject.len <= INLINE_LINE;
			code = matches->is_quick ? locate(matches) : locate_on_worker(matches);
		}
		bool is_used_up = matches->count == matches->next;
		if (!code && is_used_up && matches->is_quick &&
			matches->verdict == SL_VERDICT_UNDECIDED) {
			matches->is_quick = false;
			code = locate_on_worker(matches);
		}
		if (code || matches->next == matches->count)
			return code;
	}
	*range = matches->found[matches->next++];
	range->begin += off;
	range->end += off;
	range->start += off;
	return 1;
}

SL_SUSPENDS
int
sl_line_narrow(const struct sl_scan_line *line, size_t most, struct sl_line_shown *shown)
{
	struct sl_line_matches matches;
	struct sl_match_range match = { shown->begin, shown->begin, shown->begin };
	size_t old_begin = shown->begin, old_end = shown->end;
	if (old_end - old_begin <= most)
		return 0;
	sl_line_matches_begin(&matches, line);
	int code = line->has_no_match ? 0 : sl_line_matches_next(&matches, &match);
	if (code < 0)
		return code;
	size_t at = SL_MIN(SL_MAX(match.begin, old_begin), old_end);
	size_t len = SL_MIN(match.end - match.begin, most);
	size_t before = SL_MIN((most - len) / 2, at - old_begin);
	shown->begin = SL_MIN(at - before, old_end - most);
	shown->end = shown->begin + most;
	keep_whole(
		line, shown->begin > old_begin, shown->end < old_end, &shown->begin, &shown->end);
	shown->before += shown->begin - old_begin;
	shown->after += old_end - shown->end;
	return 0;
}
