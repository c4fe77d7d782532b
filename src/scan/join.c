/*
 * Rule: the result is that of one pass over the whole input, wherever it was cut into pieces. Only
 * the text of the line that is open at a cut is copied; counts are merged by block.h, or added
 * where there are only regular expressions, which need the whole text of a line.
 */
#include "sluice/scan/join.h"

#include "sluice/base/error.h"

#include <errno.h>

void
sl_join_init(struct sl_join *join, const struct sl_pattern *pattern, struct sl_matcher *matcher,
	bool keeps_text)
{
	*join = (struct sl_join){ .matcher = matcher, .plan = sl_pattern_plan(pattern) };
	/* A regular expression needs the text even if the caller does not. */
	join->keeps_text = keeps_text || !join->plan;
}

void
sl_join_release(struct sl_join *join)
{
	sl_buf_release(&join->kept);
}

void
sl_join_clear(struct sl_join *join)
{
	sl_buf_clear(&join->kept);
	join->open_len = join->open_off = 0;
	join->total = (struct sl_block_result){ 0 };
	join->bytes = join->newlines = join->hits = join->undecided = 0;
}

void
sl_join_count(struct sl_join *join, const struct sl_join_piece *piece)
{
	join->bytes += piece->len;
	sl_block_merge(join->plan, &join->total, &piece->block);
}

uint64_t
sl_join_newlines(const struct sl_join *join)
{
	return join->plan ? join->total.newlines : join->newlines;
}

static void
add_zeros(struct sl_buf *buf, size_t len)
{
	static const unsigned char zeros[4096];
	for (size_t some; len > 0; len -= some) {
		some = SL_MIN(len, sizeof(zeros));
		sl_buf_add(buf, zeros, some);
	}
}

/* Append to the open line; bytes beyond the limit are only counted. */
static int
extend(struct sl_join *join, const unsigned char *data, size_t len)
{
	size_t keep = SL_MIN(len, SL_JOIN_KEEP - join->kept.len);
	if (join->keeps_text && data)
		sl_buf_add(&join->kept, data, keep);
	else if (join->keeps_text)
		add_zeros(&join->kept, keep);
	join->open_len += len;
	return join->kept.failed ? -ENOMEM : 0;
}

/* True if the open line, which is complete now, matches. With a plan its blocks have the answer. */
static bool
decide(struct sl_join *join, const struct sl_join_line *line, bool plan_hit)
{
	if (join->plan)
		return plan_hit;
	int code = line->whole_len > line->len
			   ? sl_matcher_line_begin(join->matcher, line->text, line->len)
			   : sl_matcher_line(join->matcher, line->text, line->len);
	join->hits += code == 1;
	join->undecided += code < 0;
	return code == 1;
}

static struct sl_join_line
open_line(const struct sl_join *join, bool is_closed)
{
	return (struct sl_join_line){
		.text = (const unsigned char *)(join->kept.data ? join->kept.data : ""),
		.len = join->kept.len,
		.whole_len = join->open_len,
		.off = join->open_off,
		.index = sl_join_newlines(join),
		.is_closed = is_closed,
	};
}

/* Bytes of the piece up to and including its first newline, which must exist. */
static size_t
head_len(const struct sl_join *join, const struct sl_join_piece *piece)
{
	if (!join->plan)
		return piece->lines.head_len;
	const unsigned char *newline = memchr(piece->data, '\n', piece->len);
	return (size_t)(newline - piece->data) + 1;
}

static bool
has_newline(const struct sl_join *join, const struct sl_join_piece *piece)
{
	return (join->plan ? piece->block.newlines : piece->lines.newlines) > 0;
}

int
sl_join_head(struct sl_join *join, const struct sl_join_piece *piece, struct sl_join_line *line)
{
	if (!has_newline(join, piece))
		return extend(join, piece->data, piece->len);
	size_t len = head_len(join, piece);
	bool hit = join->total.len ? join->plan && sl_block_joint_hit(
							   join->plan, &join->total, &piece->block)
				   : piece->block.head_hit;
	if (join->open_len == 0) {
		*line = open_line(join, true);
		line->text = piece->data;
		line->len = line->whole_len = len - 1;
	} else {
		int code = extend(join, piece->data, len - 1);
		if (code)
			return code;
		*line = open_line(join, true);
	}
	return decide(join, line, hit);
}

int
sl_join_tail(struct sl_join *join, const struct sl_join_piece *piece)
{
	int code = 0;
	if (has_newline(join, piece)) {
		const unsigned char *last = memrchr(piece->data, '\n', piece->len);
		size_t off = (size_t)(last - piece->data) + 1;
		sl_buf_clear(&join->kept);
		join->open_len = 0;
		join->open_off = join->bytes + off;
		code = extend(join, piece->data + off, piece->len - off);
	}
	join->bytes += piece->len;
	if (join->plan) {
		sl_block_merge(join->plan, &join->total, &piece->block);
		return code;
	}
	join->newlines += piece->lines.newlines;
	join->hits += piece->lines.hits;
	join->undecided += piece->lines.undecided;
	return code;
}

int
sl_join_end(struct sl_join *join, struct sl_join_line *line)
{
	if (join->open_len == 0)
		return 0;
	*line = open_line(join, false);
	return decide(join, line, join->total.tail_hit);
}

struct sl_join_totals
sl_join_totals(const struct sl_join *join)
{
	struct sl_join_totals totals = { .bytes = join->bytes };
	if (join->plan) {
		struct sl_block_totals block = sl_block_finish(&join->total);
		totals.lines = block.lines;
		totals.hits = block.hits;
		return totals;
	}
	totals.lines = join->newlines + (join->open_len > 0);
	totals.hits = join->hits;
	totals.undecided = join->undecided;
	return totals;
}
