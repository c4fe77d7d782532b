/*
 * join.c - the open line, and the totals of the pieces before it.
 *
 * Blocks tell what is known of the open line (scan/block.h). Where literals decide, its text is
 * kept only to be shown: until the line's first literal is found, the last SL_JOIN_BEFORE bytes at
 * least, then what follows up to SL_JOIN_KEEP. If the pattern confirms candidates, the text is what
 * they are confirmed by when the line is complete: its first SL_JOIN_KEEP bytes.
 */
#include "sluice/scan/join.h"

#include "sluice/base/error.h"

#include <errno.h>

/* Bytes of a line that are added before its first literal is looked for again. */
#define SLICE (64u * 1024u)

void
sl_join_init(struct sl_join *join, const struct sl_pattern *pattern, struct sl_matcher *matcher,
	bool keeps_text)
{
	*join = (struct sl_join){ .matcher = matcher,
		.plan = sl_pattern_plan(pattern),
		.confirms = sl_pattern_confirms(pattern) };
	/* Confirming needs the text even if the caller does not. */
	join->keeps_text = keeps_text || join->confirms;
}

void
sl_join_release(struct sl_join *join)
{
	sl_buf_release(&join->kept);
}

static void
clear_open(struct sl_join *join)
{
	sl_buf_clear(&join->kept);
	join->open_len = join->skipped = 0;
	join->searched = 0;
	join->is_window = false;
	join->last = '\0';
}

void
sl_join_clear(struct sl_join *join)
{
	clear_open(join);
	join->open_off = 0;
	join->total = (struct sl_block_result){ 0 };
	join->bytes = join->undecided = 0;
	join->completed = SL_BLOCK_LINE_NO;
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
	return join->total.newlines;
}

static void
drop_kept(struct sl_join *join, size_t len)
{
	join->kept.len -= len;
	memmove(join->kept.data, join->kept.data + len, join->kept.len);
	join->skipped += len;
	join->searched -= SL_MIN(join->searched, len);
}

/* Looks for the first literal in what is kept and was not searched yet. */
static bool
find_first(struct sl_join *join, size_t *begin)
{
	const unsigned char *text = (const unsigned char *)join->kept.data;
	size_t end, edge = join->plan->reach ? join->plan->reach - 1 : 0;
	if (sl_match_find(join->plan, text, join->kept.len, join->searched, begin, &end))
		return true;
	/* One that begins in the last bytes may still end. */
	join->searched = SL_MAX(join->searched, join->kept.len - SL_MIN(edge, join->kept.len));
	return false;
}

/* The line is complete, or more is kept than allowed: make the window, if it is known already. */
static void
make_window(struct sl_join *join)
{
	size_t begin = 0;
	if (join->is_window)
		return;
	join->is_window = find_first(join, &begin);
	size_t before = join->is_window ? begin : join->searched;
	if (before > SL_JOIN_BEFORE)
		drop_kept(join, before - SL_JOIN_BEFORE);
}

/* The open line grows; what exceeds the bound is only counted. */
static int
extend(struct sl_join *join, const unsigned char *data, size_t len)
{
	if (len == 0)
		return 0;
	join->open_len += len;
	join->last = data[len - 1];
	while (join->keeps_text && len > 0) {
		bool grows = join->confirms || join->is_window;
		size_t room = SL_JOIN_KEEP - SL_MIN(join->kept.len, (size_t)SL_JOIN_KEEP);
		size_t some = SL_MIN(len, grows ? room : (size_t)SLICE);
		if (some == 0)
			break;
		sl_buf_add(&join->kept, data, some);
		if (join->kept.failed)
			return -ENOMEM;
		data += some;
		len -= some;
		if (!grows && join->kept.len > SL_JOIN_KEEP)
			make_window(join);
	}
	if (join->kept.len > SL_JOIN_KEEP)
		join->kept.len = SL_JOIN_KEEP;
	return 0;
}

/*
 * As extend() with so many zeros. Those in the middle of many change nothing but the lengths: where
 * the line's first literal is still searched for, all that is kept is zeros by then.
 */
static int
extend_zeros(struct sl_join *join, uint64_t len)
{
	static const unsigned char zeros[4096];
	uint64_t rest = len > 2 * SL_JOIN_KEEP ? len - 2 * SL_JOIN_KEEP : 0;
	int code = 0;
	for (uint64_t some; len > rest && code == 0; len -= some) {
		some = SL_MIN(len - rest, sizeof(zeros));
		code = extend(join, zeros, (size_t)some);
	}
	join->open_len += rest;
	if (join->keeps_text && !join->confirms && !join->is_window)
		join->skipped += rest;
	return code;
}

/* What may match of a line that is complete. */
static struct sl_subject
subject_of(const struct sl_join *join, const struct sl_join_line *line)
{
	/* A CR is the line's last byte, which need not be among those that are kept. */
	bool has_cr = line->is_closed && join->last == '\r';
	uint64_t whole = line->whole_len - (join->open_len && has_cr);
	bool goes_on = line->skipped + line->len < whole;
	return sl_subject_of(line->text, line->len, line->off == 0 && line->skipped == 0,
		line->is_closed && line->skipped + line->len == line->whole_len, goes_on);
}

/* What is known of the open line if the first line of this piece is added, or with NULL without. */
static enum sl_block_line
known_of(const struct sl_join *join, const struct sl_join_piece *piece)
{
	return piece ? sl_block_joint(join->plan, &join->total, &piece->block)
		     : join->total.tail_line;
}

/* Whether the open line, which is complete now, matches. A candidate is confirmed. */
static bool
decide(struct sl_join *join, const struct sl_join_line *line, enum sl_block_line known)
{
	if (known != SL_BLOCK_LINE_CANDIDATE)
		return known == SL_BLOCK_LINE_HIT;
	struct sl_subject subject = subject_of(join, line);
	bool took_long = false;
	enum sl_verdict verdict = sl_matcher_confirm(join->matcher, &subject, &took_long);
	join->undecided += verdict == SL_VERDICT_UNDECIDED;
	return verdict == SL_VERDICT_YES;
}

static struct sl_join_line
open_line(struct sl_join *join, bool is_closed)
{
	if (join->skipped)
		make_window(join);
	return (struct sl_join_line){
		.text = (const unsigned char *)(join->kept.data ? join->kept.data : ""),
		.len = SL_MIN(join->kept.len, (size_t)SL_JOIN_KEEP),
		.skipped = join->skipped,
		.whole_len = join->open_len,
		.off = join->open_off,
		.index = sl_join_newlines(join),
		.is_closed = is_closed,
	};
}

void
sl_join_shorten(const struct sl_join *join, struct sl_join_line *line)
{
	size_t begin = 0, end;
	if (line->len <= SL_JOIN_KEEP)
		return;
	if (!join->confirms)
		(void)sl_match_find(join->plan, line->text, line->len, 0, &begin, &end);
	size_t skipped = begin > SL_JOIN_BEFORE ? begin - SL_JOIN_BEFORE : 0;
	line->skipped = skipped;
	line->text += skipped;
	line->len = SL_MIN(line->len - skipped, (size_t)SL_JOIN_KEEP);
}

struct sl_subject
sl_join_subject(const struct sl_join_line *line)
{
	bool is_whole = line->skipped + line->len == line->whole_len;
	return sl_subject_of(line->text, line->len, line->off == 0 && line->skipped == 0,
		line->is_closed && is_whole, !is_whole);
}

bool
sl_join_is_costly(const struct sl_join *join, const struct sl_join_piece *piece)
{
	if (known_of(join, piece) == SL_BLOCK_LINE_CANDIDATE)
		return true;
	size_t more = piece ? piece->len : 0;
	return !join->confirms && join->keeps_text && join->open_len + more > SL_JOIN_KEEP;
}

/* Of a piece with a newline: bytes up to and with the first. */
static size_t
head_len(const struct sl_join_piece *piece)
{
	const unsigned char *newline = memchr(piece->data, '\n', piece->len);
	return (size_t)(newline - piece->data) + 1;
}

int
sl_join_head(struct sl_join *join, const struct sl_join_piece *piece, struct sl_join_line *line)
{
	if (!piece->block.newlines)
		return piece->data ? extend(join, piece->data, piece->len)
				   : extend_zeros(join, piece->len);
	size_t len = head_len(piece);
	bool is_inside = join->open_len == 0;
	int code = is_inside ? 0 : extend(join, piece->data, len - 1);
	if (code)
		return code;
	*line = open_line(join, true);
	if (is_inside) {
		line->text = piece->data;
		line->len = line->whole_len = len - 1;
	}
	bool is_hit = decide(join, line, known_of(join, piece));
	join->completed = is_hit ? SL_BLOCK_LINE_HIT : SL_BLOCK_LINE_NO;
	if (is_hit && is_inside && join->keeps_text)
		sl_join_shorten(join, line);
	return is_hit;
}

int
sl_join_tail(struct sl_join *join, const struct sl_join_piece *piece)
{
	const struct sl_block_result *block = &piece->block;
	int code = 0;
	if (block->newlines) {
		const unsigned char *last = memrchr(piece->data, '\n', piece->len);
		size_t off = (size_t)(last - piece->data) + 1;
		clear_open(join);
		join->open_off = join->bytes + off;
		code = extend(join, piece->data + off, piece->len - off);
	}
	bool is_first = join->total.newlines == 0;
	enum sl_block_line joint = block->newlines ? join->completed : known_of(join, piece);
	sl_block_merge_line(join->plan, &join->total, block, joint);
	if (is_first) /* also if it is all in this piece, which is then the whole result */
		join->total.head_line = joint;
	join->bytes += piece->len;
	return code;
}

int
sl_join_end(struct sl_join *join, struct sl_join_line *line)
{
	if (join->open_len == 0)
		return 0;
	*line = open_line(join, false);
	bool is_hit = decide(join, line, join->total.tail_line);
	join->total.tail_line = is_hit ? SL_BLOCK_LINE_HIT : SL_BLOCK_LINE_NO;
	return is_hit;
}

uint64_t
sl_join_undecided(const struct sl_join *join)
{
	return join->total.undecided + join->undecided;
}

struct sl_block_totals
sl_join_totals(const struct sl_join *join)
{
	struct sl_block_totals totals = sl_block_finish(&join->total);
	totals.undecided = sl_join_undecided(join);
	return totals;
}
