/*
 * follow_rest.c - the rest of logs that were rotated. Names may change at any moment: identities
 * and texts are compared on open files.
 */
#include "follow_int.h"

#include "sluice/base/log.h"
#include "sluice/follow/rotation.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>

/* A rotated log that stays as it is for so long is not kept open. */
#define QUIET_NS (10 * SL_NS_PER_S)

/* 1 if the file is that of another log, and holds its text: it was not copied to. One that was
 * empty has left nothing but its inode, which the copy may have. */
SL_SUSPENDS
static int
is_of_other(struct sl_follow *follow, const struct sl_state_log *log, struct sl_probe *probe)
{
	const struct sl_state_log *other = sl_follow_by_file(follow, &probe->file);
	if (sl_follow_find_fresh(follow, &probe->file))
		return 1;
	if (!other || other == log)
		return 0;
	return sl_probe_holds(probe, other);
}

/* A code below this: a candidate that cannot be read at the moment, and why. It may be the file of
 * the log, unless another user's right is what is missing, which stays so. */
#define UNREADABLE (-100000)

static int
of_unreadable(int code, bool is_same)
{
	bool is_refused = code == -EACCES || code == -EPERM;
	if (code >= 0 || sl_follow_is_fatal(code))
		return SL_MIN(code, 0);
	return code == -ENOENT || (is_refused && !is_same) ? 0 : UNREADABLE + code;
}

/* 1 and an open probe if the sibling holds the log; below UNREADABLE. */
SL_SUSPENDS
static int
try_sibling(struct sl_follow *follow, const struct sl_state_log *log,
	const struct sl_sibling *sibling, struct sl_probe *probe)
{
	*probe = sl_follow_probe(follow);
	bool is_same = sl_state_is_same_file(&sibling->file, &log->file);
	int code = sl_probe_open(probe, sibling->path);
	if (code)
		return of_unreadable(code, is_same);
	is_same = sl_state_is_same_file(&probe->file, &log->file);
	int other = is_of_other(follow, log, probe);
	if (probe->is_regular && other == 0)
		code = is_same ? sl_probe_may_be(probe, log) : sl_probe_holds(probe, log);
	if (other < 0)
		code = other;
	if (code != 1)
		sl_probe_close(probe);
	return code == 1 ? 1 : of_unreadable(code, is_same);
}

/* Those with its identity first: they need no comparison with all others. 1, *found and an open
 * probe; below UNREADABLE and *found; else 0. */
SL_SUSPENDS
static int
search(struct sl_follow *follow, const struct sl_state_log *log, const struct follow_beside *of,
	size_t *found, struct sl_probe *probe)
{
	const struct sl_siblings *siblings = &of->list;
	int code = 0, unreadable = 0;
	size_t unread = 0;
	for (int by_identity = 1; by_identity >= 0 && code == 0; by_identity--) {
		for (size_t i = 0; i < siblings->count && code == 0; i++) {
			const struct sl_state_file *file = &siblings->items[i].file;
			bool is_same = sl_state_is_same_file(file, &log->file);
			if (is_same != by_identity || sl_state_is_same_file(file, of->now))
				continue;
			code = try_sibling(follow, log, &siblings->items[i], probe);
			*found = i;
			if (code >= UNREADABLE)
				continue;
			unread = unreadable ? unread : i;
			unreadable = unreadable ? unreadable : code;
			code = 0;
		}
	}
	*found = code == 1 ? *found : unread;
	return code ? code : unreadable;
}

/* Nothing is added to a log any more if its name refers to a file that is written to, or its text
 * is a copy. */
static bool
is_complete(const struct sl_state_log *log, const struct sl_state_file *now,
	const struct sl_probe *probe)
{
	return now->size > 0 || !sl_state_is_same_file(&log->file, &probe->file);
}

/* ---- the rest of a log ---- */

/* In the file that is still open: it may have been removed. */
SL_SUSPENDS
static int
take_open(struct sl_follow *follow, struct sl_state_log *log, const struct follow_beside *of,
	bool *is_done)
{
	struct sl_probe probe = sl_follow_probe(follow);
	*is_done = false;
	if (log->fd < 0)
		return 0;
	int code = sl_probe_take(&probe, log->fd);
	if (code == 0)
		code = sl_probe_may_be(&probe, log);
	if (code != 1)
		return sl_follow_only_fatal(code);
	*is_done = true;
	return sl_follow_part(follow, log, &probe, sl_state_at(log), of->is_found,
		is_complete(log, of->now, &probe));
}

static void
warn_lost(const struct sl_state_log *log)
{
	sl_log_warn("'%s' was replaced, and the previous file was not found beside it: lines added "
		    "to that one after byte %llu are not counted",
		log->path, (unsigned long long)log->off);
}

/* The log was rotated to this path; if it was a generation of another one, as all files of a
 * directory are inputs, it is the log of that path now. */
static int
set_place(struct sl_follow *follow, struct sl_state_log *log, const char *path)
{
	return sl_rotation_may_be(sl_siblings_name_of(log->path), sl_siblings_name_of(path))
		       ? sl_follow_set_at(follow, log, path)
		       : sl_follow_move(follow, log, path);
}

SL_SUSPENDS
static int
take_sibling(struct sl_follow *follow, struct sl_state_log *log, const struct follow_beside *of,
	bool *is_done)
{
	struct sl_probe probe;
	size_t found = 0;
	int code = search(follow, log, of, &found, &probe);
	bool is_unreadable = code < UNREADABLE;
	int refused = code - UNREADABLE;
	*is_done = code == 1 || is_unreadable;
	if (!*is_done)
		return code;
	const char *path = of->list.items[found].path;
	code = set_place(follow, log, path);
	if (is_unreadable)
		log->presumed = of->list.items[found].file;
	if (is_unreadable)
		return code ? code : sl_follow_refuse(follow, log, path, of->is_found, refused);
	if (code) {
		sl_probe_close(&probe);
		return code;
	}
	sl_follow_close(follow, log);
	return sl_follow_part(
		follow, log, &probe, path, of->is_found, is_complete(log, of->now, &probe));
}

/* The name of a file that is still open, and was renamed. *is_named: it has one. */
static int
name_open(struct sl_follow *follow, struct sl_state_log *log, const struct sl_siblings *siblings,
	bool *is_named)
{
	*is_named = false;
	for (size_t i = 0; i < siblings->count && !*is_named; i++) {
		*is_named = sl_state_is_same_file(&siblings->items[i].file, &log->file);
		if (*is_named)
			return set_place(follow, log, siblings->items[i].path);
	}
	return log->at ? 0 : sl_follow_set_at(follow, log, log->path);
}

/* The file of a sibling that is a copy of the log is known from here on. */
SL_SUSPENDS
static int
know_copy(struct sl_follow *follow, const struct sl_state_log *log, const struct follow_beside *of)
{
	struct sl_probe probe;
	size_t found = 0;
	int code = search(follow, log, of, &found, &probe);
	if (code != 1)
		return code < UNREADABLE ? 0 : code;
	code = sl_follow_note_fresh(follow, &probe.file, log->off == 0);
	sl_probe_close(&probe);
	return code;
}

/* Lines that were added to a file that is open. */
SL_SUSPENDS
static bool
has_grown(const struct sl_follow *follow, const struct sl_state_log *log)
{
	struct sl_probe probe = sl_follow_probe(follow);
	return sl_probe_take(&probe, log->fd) == 0 && probe.file.size > log->off;
}

/*
 * The log is open. While its file has a name, or new lines, these are read there; then a copy of it
 * takes its place, such as a compressed one. Without either it is kept for a while: a program may
 * write to it.
 */
SL_SUSPENDS
static int
rest_of_open(struct sl_follow *follow, struct sl_state_log *log, const struct follow_beside *of,
	bool *is_done)
{
	bool was_rotated = log->at != NULL, is_named;
	int code = name_open(follow, log, &of->list, &is_named);
	*is_done = false;
	if (code == 0 && !is_named && !has_grown(follow, log))
		code = take_sibling(follow, log, of, is_done);
	if (code || *is_done)
		return code;
	bool is_over = !is_named && sl_now() - log->grown_ns > QUIET_NS;
	if (!is_over)
		code = take_open(follow, log, of, is_done);
	if (code == 0 && *is_done && !is_named && !was_rotated)
		code = know_copy(follow, log, of);
	return code;
}

SL_SUSPENDS
static void
drop(struct sl_follow *follow, struct sl_state_log *log)
{
	sl_follow_close(follow, log);
	sl_state_drop(log);
}

SL_SUSPENDS
static int
find_rest(struct sl_follow *follow, struct sl_state_log *log, const struct follow_beside *of,
	bool *is_done)
{
	int code = 0;
	*is_done = false;
	/* Else its file was truncated. */
	if (log->fd >= 0 && !sl_state_is_same_file(&log->file, of->now))
		code = rest_of_open(follow, log, of, is_done);
	if (code == 0 && !*is_done)
		code = take_sibling(follow, log, of, is_done);
	return code;
}

/* A log that was found in a directory may be a generation of another one: then it is renamed to
 * the next of these, not to one of its own. */
SL_SUSPENDS
static int
find_siblings(struct sl_siblings *siblings, const char *path, bool is_found, bool *is_generation)
{
	const char *name = sl_siblings_name_of(path);
	char *base = strdup(path);
	*siblings = (struct sl_siblings){ 0 };
	if (!base)
		return -ENOMEM;
	if (is_found)
		sl_rotation_base(name, base + (name - path));
	*is_generation = strcmp(base, path) != 0;
	int code = sl_siblings_find(siblings, base);
	free(base);
	return code;
}

/* Files may be renamed, or compressed, between the list of them and a look at each. FOLLOW_LATER if
 * they are again and again. */
SL_SUSPENDS
static int
find_until_stable(struct sl_follow *follow, struct sl_state_log *log, struct follow_beside *beside,
	bool *is_done, bool *is_generation)
{
	struct sl_siblings *siblings = &beside->list;
	bool is_stable = false, is_found = beside->is_found;
	int listed = find_siblings(siblings, log->path, is_found, is_generation), code = 0;
	for (unsigned i = 0; i < FOLLOW_TRIES && listed >= 0 && !is_stable; i++) {
		struct sl_siblings again = { 0 };
		bool was_listed = beside->is_listed = listed == 0;
		code = find_rest(follow, log, beside, is_done);
		if (code || *is_done)
			return code;
		listed = find_siblings(&again, log->path, is_found, is_generation);
		beside->is_listed = listed == 0;
		is_stable = was_listed && listed == 0 && sl_siblings_are_equal(siblings, &again);
		sl_siblings_release(siblings);
		*siblings = again;
	}
	return is_stable ? 0 : listed < 0 ? listed : FOLLOW_LATER;
}

/* Nothing was scanned of the log, whose file had some text. */
static bool
was_unread(const struct sl_state_log *log)
{
	return log->off == 0 && (log->file.size > 0 || log->print.head_len > 0);
}

/* sl_follow_refuse: lines may have been left in its file. */
static bool
was_refused(const struct sl_state_log *log)
{
	return log->file.size > 0 && log->file.mtime_s == 0 && log->file.mtime_ns == 0;
}

/* Its lines are lost: the scan names it as an input that is missing. */
static int
report_lost(struct sl_follow *follow, const struct sl_state_log *log)
{
	struct follow_item *item = sl_follow_add(follow, sl_state_at(log));
	if (!item)
		return -ENOMEM;
	item->refused = -ENOENT;
	return 0;
}

/* The rest of a log is not there. One of which nothing was scanned may be what no other log is. */
SL_SUSPENDS
static int
give_up(struct sl_follow *follow, struct sl_state_log *log, struct follow_beside *beside,
	size_t logs_before)
{
	int code = 0;
	beside->is_all = was_unread(log);
	if (beside->is_all)
		code = sl_follow_add_beside(follow, beside);
	if (code)
		return code;
	bool is_replaced = beside->is_all && follow->state.count > logs_before;
	bool is_seen = log->print.head_len > 0; /* and not refused: it was in its file then */
	bool is_lost = (beside->is_all || was_refused(log)) && !is_replaced;
	if (is_lost && is_seen && log->off == 0)
		warn_lost(log);
	else if (is_lost)
		code = report_lost(follow, log);
	drop(follow, log);
	return code;
}

static void
set_unrotated(struct sl_state_log *log)
{
	free(log->at);
	log->at = NULL;
}

int
sl_follow_rest(struct sl_follow *follow, struct sl_state_log *log, const struct sl_state_file *now,
	bool is_found)
{
	struct follow_beside beside = { .path = log->path, .now = now, .is_found = is_found };
	bool was_rotated = log->at != NULL, is_done = false, is_generation = false;
	size_t before = follow->state.count;
	int code = find_until_stable(follow, log, &beside, &is_done, &is_generation);
	follow->has_changed = true;
	log->round = follow->round;
	if (code == 0 && !was_rotated)
		code = sl_follow_rotated(follow, log->path, now, is_found);
	/* Its file is there, with another text, and is to be known as what has that. */
	if (code == 0 && !is_done && log->off == 0 && sl_siblings_have(&beside.list, &log->file)) {
		sl_follow_close(follow, log);
		log->file.inode = 0;
	}
	/* Others of a log that is a generation itself are inputs. */
	if (code == 0 && !was_rotated && !is_generation)
		code = sl_follow_add_beside(follow, &beside);
	/* It may come back: its directory may not be mounted at the moment. */
	bool is_absent = now->inode == 0 && !log->at;
	if (code == 0 && !is_done && !was_rotated && !is_absent && log->off > 0)
		warn_lost(log);
	if (code == 0 && !is_done && !is_absent)
		code = give_up(follow, log, &beside, before);
	sl_siblings_release(&beside.list);
	if (code == FOLLOW_LATER && !is_done) {
		log->round = 0; /* it is looked for again, as the log of its name */
		if (!was_rotated)
			set_unrotated(log);
	}
	return code;
}

/* ---- logs that were rotated before ---- */

/* A program may go on writing to the file for a while. */
SL_SUSPENDS
static void
close_quiet(struct sl_follow *follow, struct sl_state_log *log)
{
	if (log->fd >= 0 && !log->has_more && !log->is_held && sl_now() - log->grown_ns > QUIET_NS)
		sl_follow_close(follow, log);
}

/* Of a file that has not changed: nothing is left of it, or an unfinished line that this run has
 * looked at, which counts once the name refers to a file that is written to. */
static bool
has_nothing_new(const struct sl_state_log *log, const struct sl_state_file *now)
{
	return log->off >= log->file.size || log->is_encoded ||
	       (now->size == 0 && log->settled_ns != 0);
}

SL_SUSPENDS
static int
take_rotated(struct sl_follow *follow, struct sl_state_log *log, const struct sl_state_file *now,
	bool is_found)
{
	struct sl_state_file file;
	log->round = follow->round;
	close_quiet(follow, log);
	if (sl_follow_was_quiet(follow, log) && !sl_follow_find_fresh(follow, &log->file) &&
		has_nothing_new(log, now))
		return 0;
	bool is_there = sl_probe_stat(log->at, &file) && sl_state_is_same_file(&file, &log->file) &&
			!sl_follow_find_fresh(follow, &file);
	if (is_there && sl_state_is_unchanged(&file, &log->file) && !log->has_more &&
		!log->is_held && has_nothing_new(log, now))
		return 0;
	if (!is_there)
		return sl_follow_rest(follow, log, now, is_found);
	struct sl_probe probe = sl_follow_probe(follow);
	int code = log->fd >= 0 ? sl_probe_take(&probe, log->fd) : sl_probe_open(&probe, log->at);
	if (code)
		return sl_follow_only_fatal(code);
	code = sl_probe_may_be(&probe, log);
	if (code == 1 && sl_state_is_same_file(&probe.file, &log->file))
		return sl_follow_part(
			follow, log, &probe, log->at, is_found, is_complete(log, now, &probe));
	if (probe.fd != log->fd)
		sl_probe_close(&probe);
	return code < 0 ? sl_follow_only_fatal(code) : sl_follow_rest(follow, log, now, is_found);
}

int
sl_follow_rotated(
	struct sl_follow *follow, const char *path, const struct sl_state_file *now, bool is_found)
{
	struct sl_state_log *log;
	size_t next = 0;
	int code = 0;
	while (code == 0 && (log = sl_follow_next_of(follow, path, &next)))
		if (log->at && !sl_follow_is_met(follow, log))
			code = take_rotated(follow, log, now, is_found);
	return code;
}
