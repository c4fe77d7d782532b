/*
 * follow_end.c - where the new lines of a log end that are to be scanned: behind its last newline,
 * or where records are scanned, before the last record if that may go on.
 *
 * What was searched without result is not searched again: a line, or record, may be of any length,
 * and grow for long. The log has how far that is.
 */
#include "follow_int.h"

#include "sluice/base/clock.h"

/* Clocks of other machines may be ahead by so much. */
#define SKEW_NS (60 * SL_NS_PER_S)

/* When the last record of a file will be complete that was changed last at its modification time:
 * if that is far in the future, now. */
static uint64_t
settled_ns(const struct sl_state_file *file)
{
	uint64_t now_ns = sl_clock_wall_ns(), age_ns = SL_FOLLOW_HOLD_NS;
	uint64_t changed_ns = file->mtime_s * SL_NS_PER_S + file->mtime_ns;
	if (changed_ns <= now_ns)
		age_ns = SL_MIN(now_ns - changed_ns, SL_FOLLOW_HOLD_NS);
	else if (changed_ns < now_ns + SKEW_NS)
		age_ns = 0;
	return sl_now() + SL_FOLLOW_HOLD_NS - age_ns;
}

/* What grows while it is followed is timed by our clock, not that of its file system. */
static bool
is_settled(
	const struct sl_follow *follow, struct sl_state_log *log, const struct sl_state_file *file)
{
	if (log->settled_ns == 0)
		log->settled_ns = settled_ns(file);
	else if (log->settled_size != file->size)
		log->settled_ns = sl_deadline_in(SL_FOLLOW_HOLD_NS);
	log->settled_size = file->size;
	return follow->is_settled || sl_now() >= log->settled_ns;
}

/* In the lines before `to`: 1 and *end, where the last record begins, if it is not the first. */
SL_SUSPENDS
static int
find_record(struct sl_state_log *log, struct sl_probe *probe, uint64_t to, uint64_t *end)
{
	uint64_t from = SL_MAX(log->off, SL_MIN(log->held_end, to)), begin;
	enum sl_record_state state = log->held_state;
	int code = sl_probe_last_record(probe, from, to, &state, &begin);
	if (code)
		return code;
	if (begin == SL_RECORD_SEARCH_NONE || begin == log->off) {
		log->held_end = to;
		log->held_state = state;
		return 0;
	}
	*end = begin;
	return 1;
}

/* What is known of the end of a file. */
struct file_end {
	bool is_complete; /* nothing is added any more */
	bool is_settled;  /* nor to its last record */
};

/* 1 and *end if there are lines, or records, that end in (from, to]. */
SL_SUSPENDS
static int
find_in(struct sl_state_log *log, struct sl_probe *probe, const struct file_end *file,
	uint64_t from, uint64_t to, uint64_t *end)
{
	bool is_last = to == probe->file.size, is_all = file->is_complete && is_last;
	uint64_t lines_end = to;
	int code = is_all ? 0 : sl_probe_last_line(probe, from, to, &lines_end);
	if (code || (!is_all && lines_end == from))
		return code;
	if (is_all || (file->is_settled && is_last)) {
		*end = lines_end;
		return 1;
	}
	return find_record(log, probe, lines_end, end);
}

int
sl_follow_end(struct sl_follow *follow, struct sl_state_log *log, struct sl_probe *probe,
	bool is_complete, uint64_t *end)
{
	uint64_t size = probe->file.size, to = size;
	uint64_t from = SL_MAX(log->off, SL_MIN(log->searched, size));
	const struct file_end file = { is_complete, is_settled(follow, log, &probe->file) };
	int code = 0;
	*end = log->off;
	do {
		if (follow->setup->is_live)
			to = SL_MIN(size, from + follow->setup->step);
		code = find_in(log, probe, &file, from, to, end);
		from = to;
	} while (code == 0 && to < size);
	if (code < 0)
		return code;
	if (code == 0) {
		log->searched = size;
		if (file.is_settled)
			*end = SL_MAX(log->off, SL_MIN(log->held_end, size));
	}
	bool is_left = code == 1 || log->held_end > log->off;
	log->is_held = is_left && to == size && !is_complete && !file.is_settled;
	if (log->is_held)
		follow->due_ns = SL_MIN(follow->due_ns, log->settled_ns);
	log->has_more = to < size;
	follow->has_more = follow->has_more || log->has_more;
	return 0;
}
