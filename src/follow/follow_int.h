/*
 * follow_int.h - what the files of a follow share.
 */
#ifndef SLUICE_FOLLOW_FOLLOW_INT_H
#define SLUICE_FOLLOW_FOLLOW_INT_H

#include "sluice/follow/follow.h"
#include "sluice/follow/probe.h"
#include "sluice/follow/siblings.h"

#include <errno.h>

/* A part of a log that is to be scanned, or an input that is passed on as it is (log is NULL). */
struct follow_item {
	struct sl_state_log *log;
	char *path;
	struct sl_error *err; /* why it is not read, or NULL */
	int refused;          /* the code with which it could not be opened, or 0 */
	bool is_found;
	int found;
	int fd;       /* of the file, or -1 */
	int copy_fd;  /* of a copy of the part, or -1 */
	bool owns_fd; /* else it is log->fd */
	uint64_t from, until, skip;
	struct sl_state_file file;
	bool is_encoded;
	struct sl_fingerprint print; /* at `until` */
	bool has_result;
	enum sl_scan_state state;
	uint64_t bytes, lines, hits;
	enum sl_period_side next_side;
};

struct follow_by_file {
	unsigned dev_major, dev_minor; /* of its file when the round began */
	uint64_t inode;
	struct sl_state_log *log;
};

struct follow_fresh {
	struct sl_state_file file;
	bool is_begun; /* nothing of its log was scanned before */
};

struct follow_by_path {
	const char *path;
	struct sl_state_log *log;
};

/* follow_places.c */
struct follow_places {
	struct follow_place *slots;
	size_t cap, count;
	size_t seen; /* logs of the state that were looked at */
};

struct sl_follow {
	const struct sl_follow_setup *setup;
	struct sl_state state;
	uint64_t round;
	bool has_changed, has_more;
	bool is_settled;               /* no record is left to a later round */
	uint64_t due_ns;               /* sl_follow_due_ns */
	unsigned open_count, open_max; /* files that stay open */
	unsigned char *buffer;

	/* The logs of the state when the round began, sorted. */
	struct follow_by_file *by_file;
	struct follow_by_path *by_path;
	size_t indexed;
	struct follow_places places; /* and what has changed since then */
	char **retired; /* paths of logs that have another one now; freed with the next round */
	size_t retired_count;
	/* Logs that are not where they were, by their files or their content; once `has_lost`. */
	struct sl_state_log **lost;
	size_t lost_count;
	bool has_lost;
	/* Files that are those of logs since this round, and not by their names. */
	struct follow_fresh *fresh;
	size_t fresh_count;
	/* The file that is planned, and its text, all of it: it may be renamed, and compressed,
	 * before the files beside it are looked at. */
	struct sl_probe *planned;
	struct sl_state_log now;
	struct sl_state_file *own; /* setup->own_files, as far as they exist */
	size_t own_count;

	/* The list. */
	size_t argument;
	struct sl_walk *walk;
	struct sl_error walk_err;

	/* The batch. */
	struct follow_item *items;
	size_t count, cap, ended;
	struct sl_scan_item *given;
	uint64_t bytes;
};

/* ---- follow_index.c ---- */

int sl_follow_index(struct sl_follow *follow) SL_MUST_CHECK;
void sl_follow_index_release(struct sl_follow *follow);

/* Look where the file of each log is to be, all at once: most have not changed. Returns 0 or the
 * cancellation. */
SL_SUSPENDS
int sl_follow_look(struct sl_follow *follow) SL_MUST_CHECK;

/* When the round began, the file was where it is to be, and as it was when it was scanned. */
bool sl_follow_was_quiet(const struct sl_follow *follow, const struct sl_state_log *log);

/* NULL if there is none. Of a path, the one that is not rotated. */
struct sl_state_log *sl_follow_by_file(
	const struct sl_follow *follow, const struct sl_state_file *file);
struct sl_state_log *sl_follow_by_path(const struct sl_follow *follow, const char *path);

/* The next log of a path, rotated ones among them, from *next on, which is 0 at first. */
struct sl_state_log *sl_follow_next_of(
	const struct sl_follow *follow, const char *path, size_t *next);

/* ---- follow_places.c ---- */

/* A round begins, or the follow ends. */
void sl_follow_places_clear(struct sl_follow *follow);

/* A log of the index has this path now, or its file does. Returns 0 or -ENOMEM. */
int sl_follow_places_add(
	struct sl_follow *follow, struct sl_state_log *log, const char *path) SL_MUST_CHECK;

/* A log has another path. Returns 0 or -ENOMEM. */
int sl_follow_move(
	struct sl_follow *follow, struct sl_state_log *log, const char *path) SL_MUST_CHECK;

/* All logs that have this path, or whose file has it: some may come twice. No log is added
 * meanwhile. Returns 0 or -ENOMEM. */
struct follow_search {
	const char *path;
	size_t next, slot; /* private */
	bool is_indexed;
};
int sl_follow_find(
	struct sl_follow *follow, const char *path, struct follow_search *search) SL_MUST_CHECK;

/* The next one, or NULL. */
struct sl_state_log *sl_follow_next_found(
	const struct sl_follow *follow, struct follow_search *search);

/* ---- follow_end.c ---- */

/* *end: of the new lines of the log in this file that are to be scanned; log->off if there are
 * none. Sets what is left of the log. Returns 0 or a negative code. */
SL_SUSPENDS
int sl_follow_end(struct sl_follow *follow, struct sl_state_log *log, struct sl_probe *probe,
	bool is_complete, uint64_t *end) SL_MUST_CHECK;

/* ---- follow_part.c ---- */

struct sl_probe sl_follow_probe(const struct sl_follow *follow);

/* It no longer keeps its file open. */
SL_SUSPENDS
void sl_follow_close(struct sl_follow *follow, struct sl_state_log *log);

/* A file is that of a log, and the index of the round does not have it. `is_begun`: nothing of that
 * was scanned before. Returns 0 or -ENOMEM. */
int sl_follow_note_fresh(struct sl_follow *follow, const struct sl_state_file *file,
	bool is_begun) SL_MUST_CHECK;

/* True for what ends the round; other failures are those of one file. */
static inline bool
sl_follow_is_fatal(int code)
{
	return code == -ECANCELED || code == -ETIMEDOUT || code == -ENOMEM ||
	       code == SL_E_INTERRUPTED;
}

/* The file of a log, or what may be one, cannot be read at the moment: an item reports that once,
 * and the next round looks at it again. Returns 0 or -ENOMEM. */
int sl_follow_refuse(struct sl_follow *follow, struct sl_state_log *log, const char *path,
	bool is_found, int refused) SL_MUST_CHECK;

/* The file has been that of a log since this round; else NULL. */
const struct follow_fresh *sl_follow_find_fresh(
	const struct sl_follow *follow, const struct sl_state_file *file);

/* The log was rotated: its file is `at`. Returns 0 or -ENOMEM. */
int sl_follow_set_at(
	struct sl_follow *follow, struct sl_state_log *log, const char *at) SL_MUST_CHECK;

/* Append an item; it takes nothing. NULL if out of memory. */
struct follow_item *sl_follow_add(struct sl_follow *follow, const char *path) SL_MUST_CHECK;

/*
 * What is new of a log in this file, which is taken over, becomes an item. `is_complete`: nothing
 * is added to the file any more. Returns 0 or a negative code.
 */
SL_SUSPENDS
int sl_follow_part(struct sl_follow *follow, struct sl_state_log *log, struct sl_probe *probe,
	const char *path, bool is_found, bool is_complete) SL_MUST_CHECK;

/* A failure to read one candidate is not that of the run. */
static inline int
sl_follow_only_fatal(int code)
{
	return sl_follow_is_fatal(code) ? code : 0;
}

/* ---- follow_beside.c ---- */

#define FOLLOW_TRIES 100u /* to look for logs while the files beside them change */

/* Of a path whose names, or files, change: what was added is older than all that was not, which the
 * next round looks for. */
#define FOLLOW_LATER 2

/* Siblings among which new ones are looked for: those newer than all that are known, or if one that
 * was never read is to be among them (is_all), than the oldest that is known. */
struct follow_beside {
	const char *path;
	struct sl_siblings list;
	bool is_listed; /* the list is there, and was true at one time */
	const struct sl_state_file *now;
	bool is_found, is_all;
};

/* Oldest first. Returns 0, FOLLOW_LATER or a negative code. */
SL_SUSPENDS
int sl_follow_add_beside(struct sl_follow *follow, struct follow_beside *of) SL_MUST_CHECK;

/* Logs of `path` that were rotated since the last round. Returns the same. */
SL_SUSPENDS
int sl_follow_generations(struct sl_follow *follow, const char *path,
	const struct sl_state_file *now, bool is_found) SL_MUST_CHECK;

/* ---- follow_rest.c ---- */

static inline bool
sl_follow_is_met(const struct sl_follow *follow, const struct sl_state_log *log)
{
	return log->round == follow->round;
}

/* The rest of the log of `path`, whose file is another one now (`now`, or {0} for none). Returns 0,
 * FOLLOW_LATER or a negative code. */
SL_SUSPENDS
int sl_follow_rest(struct sl_follow *follow, struct sl_state_log *log,
	const struct sl_state_file *now, bool is_found) SL_MUST_CHECK;

/* The same of all logs that were rotated before. */
SL_SUSPENDS
int sl_follow_rotated(struct sl_follow *follow, const char *path, const struct sl_state_file *now,
	bool is_found) SL_MUST_CHECK;

/* ---- follow_copy.c ---- */

/*
 * 1 if this new file holds the text of the one that has its name without the suffix of a format, or
 * had it until now: while that is compressed, both are there. The next round finds only one. Or it
 * holds what a log does that is still there, or was until it was truncated: it is the rest of that
 * log then.
 */
SL_SUSPENDS
int sl_follow_is_copy(
	struct sl_follow *follow, const char *path, struct sl_probe *probe) SL_MUST_CHECK;

/* ---- follow_plan.c ---- */

/* An input: `found` as from sl_walk_next. */
SL_SUSPENDS
int sl_follow_plan(
	struct sl_follow *follow, const char *path, bool is_found, int found) SL_MUST_CHECK;

#endif
