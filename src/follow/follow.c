/*
 * follow.c - rounds: the list of inputs, batches of items, and what a scan makes of them.
 */
#include "follow_int.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Inputs of a batch: each has an open file. */
#define BATCH 64u
/* Descriptors for other things: the ring, standard streams, what a scan of a batch opens. */
#define OTHER_FDS 200u
#define OPEN_MAX 4096u /* files that stay open, at most */

static unsigned
open_max(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	uint64_t left = limit.rlim_cur > OTHER_FDS ? limit.rlim_cur - OTHER_FDS : 0;
	return (unsigned)SL_MIN(left / 2, (uint64_t)OPEN_MAX);
}

int
sl_follow_new(struct sl_follow **out, const struct sl_follow_setup *setup, struct sl_state *state)
{
	struct sl_follow *follow = *out = calloc(1, sizeof(*follow));
	if (!follow)
		return -ENOMEM;
	follow->setup = setup;
	follow->state = *state;
	*state = (struct sl_state){ 0 };
	follow->open_max = open_max();
	follow->is_settled = !setup->records;
	follow->due_ns = SL_FOREVER;
	follow->buffer = aligned_alloc(4096, SL_PROBE_BUFFER);
	return follow->buffer ? 0 : -ENOMEM;
}

/* ---- a batch ---- */

SL_SUSPENDS
static void
release_item(struct sl_follow *follow, struct follow_item *item)
{
	struct sl_state_log *log = item->log;
	(void)sl_io_close(item->copy_fd);
	bool stays = follow->setup->is_live && item->owns_fd && log && !sl_state_is_dropped(log) &&
		     !item->is_encoded && follow->open_count < follow->open_max;
	if (stays) {
		sl_follow_close(follow, log);
		log->fd = item->fd;
		follow->open_count++;
	} else if (item->owns_fd) {
		(void)sl_io_close(item->fd);
	}
	free(item->path);
	free(item->err);
}

SL_SUSPENDS
static void
clear_batch(struct sl_follow *follow)
{
	for (size_t i = 0; i < follow->count; i++)
		release_item(follow, &follow->items[i]);
	follow->count = follow->ended = 0;
	follow->bytes = 0;
	free(follow->given);
	follow->given = NULL;
}

SL_SUSPENDS
void
sl_follow_free(struct sl_follow *follow)
{
	if (!follow)
		return;
	clear_batch(follow);
	for (size_t i = 0; i < follow->state.count; i++)
		sl_follow_close(follow, follow->state.logs[i]);
	sl_walk_free(follow->walk);
	sl_follow_index_release(follow);
	sl_follow_places_clear(follow);
	sl_state_release(&follow->state);
	free(follow->items);
	free(follow->lost);
	free(follow->fresh);
	free(follow->own);
	free(follow->buffer);
	free(follow);
}

const struct sl_state *
sl_follow_state(const struct sl_follow *follow)
{
	return &follow->state;
}

/* ---- a round ---- */

SL_SUSPENDS
static int
find_own_files(struct sl_follow *follow)
{
	const struct sl_follow_setup *setup = follow->setup;
	free(follow->own);
	follow->own_count = 0;
	follow->own = calloc(setup->own_count + 1, sizeof(*follow->own));
	if (!follow->own)
		return -ENOMEM;
	for (size_t i = 0; i < setup->own_count; i++)
		if (setup->own_files[i] &&
			sl_probe_stat(setup->own_files[i], &follow->own[follow->own_count]))
			follow->own_count++;
	return 0;
}

int
sl_follow_begin(struct sl_follow *follow)
{
	sl_assert(follow->count == 0);
	sl_state_sweep(&follow->state);
	sl_follow_places_clear(follow);
	follow->round++;
	follow->has_more = follow->has_lost = false;
	follow->due_ns = SL_FOREVER;
	follow->lost_count = follow->fresh_count = 0;
	follow->argument = 0;
	sl_walk_free(follow->walk);
	follow->walk = NULL;
	int code = find_own_files(follow);
	if (code == 0)
		code = sl_follow_index(follow);
	return code || !follow->setup->is_live ? code : sl_follow_look(follow);
}

/* An entry of the directory that is being walked. */
SL_SUSPENDS
static int
plan_entry(struct sl_follow *follow)
{
	const char *path = NULL;
	int found = sl_walk_next(follow->walk, &path, &follow->walk_err);
	if (found == SL_WALK_END) {
		sl_walk_free(follow->walk);
		follow->walk = NULL;
		return 0;
	}
	return found < 0 && found != SL_E_NAME ? found : sl_follow_plan(follow, path, true, found);
}

SL_SUSPENDS
static bool
is_directory(const char *path)
{
	struct statx st = { 0 };
	return strcmp(path, "-") != 0 && sl_io_stat(AT_FDCWD, path, 0, STATX_TYPE, &st) == 0 &&
	       S_ISDIR(st.stx_mode);
}

SL_SUSPENDS
static int
plan_argument(struct sl_follow *follow)
{
	const struct sl_follow_setup *setup = follow->setup;
	const char *path = setup->paths[follow->argument++];
	if (is_directory(path))
		return sl_walk_new(&follow->walk, path, !setup->no_follow, &setup->rules);
	return sl_follow_plan(follow, path, false, SL_WALK_FILE);
}

static bool
is_full(const struct sl_follow *follow)
{
	const struct sl_follow_setup *setup = follow->setup;
	return follow->count >= BATCH || (setup->is_live && follow->bytes >= setup->step);
}

/* Of its first lines without a stamp. */
static enum sl_period_side
first_side(const struct sl_follow *follow, const struct sl_state_log *log)
{
	const struct sl_period *period = follow->setup->period;
	if (!log || log->off == 0 || !period)
		return SL_PERIOD_UNKNOWN;
	if (log->next_side != SL_PERIOD_UNKNOWN || !log->has_stamp)
		return log->next_side;
	return sl_period_side_of_stamp(period, log->stamp);
}

static int
give_items(struct sl_follow *follow, const struct sl_scan_item **items)
{
	free(follow->given); /* of the end of a round, which has no commit */
	follow->given = calloc(follow->count + 1, sizeof(*follow->given));
	if (!follow->given)
		return -ENOMEM;
	for (size_t i = 0; i < follow->count; i++) {
		const struct follow_item *item = &follow->items[i];
		bool is_copy = item->copy_fd >= 0;
		follow->given[i] = (struct sl_scan_item){ .path = item->path,
			.is_found = item->is_found,
			.found = item->found,
			.err = item->err,
			.refused = item->refused,
			.fd = is_copy ? item->copy_fd : item->fd,
			.from = is_copy ? 0 : item->from,
			.until = is_copy ? item->until - item->from : item->until,
			.skip = item->skip,
			.lines = item->log ? item->log->lines : 0,
			.off = item->from + item->skip,
			.first_side = first_side(follow, item->log) };
	}
	*items = follow->given;
	return 0;
}

int
sl_follow_next(struct sl_follow *follow, const struct sl_scan_item **items, size_t *count)
{
	sl_assert(follow->count == 0);
	int code = 0;
	*count = 0;
	while (code == 0 && !is_full(follow)) {
		if (follow->walk)
			code = plan_entry(follow);
		else if (follow->argument < follow->setup->count)
			code = plan_argument(follow);
		else
			break;
	}
	if (code == 0)
		code = give_items(follow, items);
	if (code)
		clear_batch(follow);
	*count = follow->count;
	return code;
}

/* ---- what a scan made of it ---- */

static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_follow *follow = ctx;
	const struct sl_scan_result *result = event->result;
	sl_assert(follow->ended < follow->count);
	struct follow_item *item = &follow->items[follow->ended++];
	item->has_result = true;
	item->state = result->state;
	item->bytes = result->bytes;
	item->lines = result->all_lines;
	item->next_side = result->next_side;
	item->hits = result->hits;
	return 0;
}

struct sl_scan_sink
sl_follow_sink(struct sl_follow *follow)
{
	return (struct sl_scan_sink){
		.ctx = follow, .wants = SL_SCAN_WANTS(SL_SCAN_EVENT_END), .event = on_event
	};
}

/* Of what is compressed, the text before a damaged place stays what it is. */
static bool
counts(const struct follow_item *item)
{
	switch (item->state) {
	case SL_SCAN_OK:
	case SL_SCAN_LIMITED:
	case SL_SCAN_UNDECIDED:
		return true;
	case SL_SCAN_TRUNCATED:
	case SL_SCAN_DAMAGED:
		return item->is_encoded;
	default:
		return false;
	}
}

/* The last stamp of the lines in [item->from, off). Where these are decoded, or none of many has
 * one, it is not known. */
SL_SUSPENDS
static int
find_stamp(struct sl_follow *follow, const struct follow_item *item, uint64_t off)
{
	struct sl_state_log *log = item->log;
	struct sl_probe probe = sl_follow_probe(follow);
	bool is_copy = item->copy_fd >= 0;
	uint64_t from = is_copy ? 0 : item->from, first = from;
	if (!follow->setup->keeps_stamps || item->bytes == 0)
		return 0;
	probe.fd = is_copy ? item->copy_fd : item->fd;
	int code = item->is_encoded ? 0
				    : sl_probe_last_stamp(&probe, &from,
					      is_copy ? off - item->from : off, &log->stamp);
	bool is_found = code == 1 && log->stamp.ns >= 0;
	if (item->is_encoded || from > first || code == 1)
		log->has_stamp = is_found;
	return SL_MIN(code, 0);
}

SL_SUSPENDS
static int
commit_item(struct sl_follow *follow, struct follow_item *item)
{
	struct sl_state_log *log = item->log;
	if (!log || !item->has_result)
		return 0;
	if (!counts(item)) {
		log->is_refused = true; /* in this run */
		return 0;
	}
	bool is_unchanged = item->is_encoded && item->until == 0;
	uint64_t off = is_unchanged ? log->off : item->from + item->skip + item->bytes;
	int code = 0;
	if (!item->is_encoded && off != item->until) {
		struct sl_probe probe = sl_follow_probe(follow);
		probe.fd = item->fd;
		code = sl_probe_print(&probe, off, &item->print);
	}
	if (code == 0)
		code = find_stamp(follow, item, off);
	log->off = off;
	log->file = item->file;
	if (off > 0)
		log->print = item->print;
	log->is_encoded = item->is_encoded;
	log->lines += item->lines;
	log->next_side = item->next_side;
	log->hits += item->hits;
	log->searched = log->held_end = 0;
	log->held_state = SL_RECORD_PLAIN;
	log->is_reported = false;
	if (item->bytes)
		log->grown_ns = sl_now();
	follow->has_changed = true;
	return code;
}

int
sl_follow_commit(struct sl_follow *follow)
{
	int code = 0;
	for (size_t i = 0; i < follow->count && code == 0; i++)
		code = commit_item(follow, &follow->items[i]);
	clear_batch(follow);
	return code;
}

bool
sl_follow_take_change(struct sl_follow *follow)
{
	bool has_changed = follow->has_changed;
	follow->has_changed = false;
	return has_changed;
}

bool
sl_follow_has_more(const struct sl_follow *follow)
{
	return follow->has_more;
}

uint64_t
sl_follow_due_ns(const struct sl_follow *follow)
{
	return follow->due_ns;
}

void
sl_follow_settle(struct sl_follow *follow)
{
	follow->is_settled = true;
}
