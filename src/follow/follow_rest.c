/*
 * follow_rest.c - the rest of logs that were rotated. Names may change at any moment: identities
 * and texts are compared on open files.
 */
#include "follow_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>

/* A rotated log that stays as it is for so long is not kept open. */
#define QUIET_NS (10 * SL_NS_PER_S)
#define TRIES 100u /* to look for a log while the files beside it change */

struct sl_probe
sl_follow_probe(const struct sl_follow *follow)
{
	return (struct sl_probe){
		.fd = -1, .buffer = follow->buffer, .window_max = follow->setup->window_max
	};
}

/* A failure to read one candidate is not that of the run. */
static int
only_fatal(int code)
{
	return sl_follow_is_fatal(code) ? code : 0;
}

static bool
is_fresh(const struct sl_follow *follow, const struct sl_state_file *file)
{
	for (size_t i = 0; i < follow->fresh_count; i++)
		if (sl_state_is_same_file(&follow->fresh[i], file))
			return true;
	return false;
}

/* 1 if the file is that of another log, and holds its text: it was not copied to. One that was
 * empty has left nothing but its inode, which the copy may have. */
SL_SUSPENDS
static int
is_of_other(struct sl_follow *follow, const struct sl_state_log *log, struct sl_probe *probe)
{
	const struct sl_state_log *other = sl_follow_by_file(follow, &probe->file);
	if (is_fresh(follow, &probe->file))
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
search(struct sl_follow *follow, const struct sl_state_log *log, const struct sl_state_file *now,
	const struct sl_siblings *siblings, size_t *found, struct sl_probe *probe)
{
	int code = 0, unreadable = 0;
	size_t unread = 0;
	for (int by_identity = 1; by_identity >= 0 && code == 0; by_identity--) {
		for (size_t i = 0; i < siblings->count && code == 0; i++) {
			const struct sl_state_file *file = &siblings->items[i].file;
			bool is_same = sl_state_is_same_file(file, &log->file);
			if (is_same != by_identity || sl_state_is_same_file(file, now))
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

static int
set_at(struct sl_state_log *log, const char *at)
{
	char *copy = strdup(at);
	if (!copy)
		return -ENOMEM;
	if (!log->at)
		log->grown_ns = sl_now();
	free(log->at);
	log->at = copy;
	return 0;
}

/* Nothing is added to a log any more if its name refers to a file that is written to, or its text
 * is a copy. */
static bool
is_complete(const struct sl_state_log *log, const struct sl_state_file *now,
	const struct sl_probe *probe)
{
	return now->size > 0 || !sl_state_is_same_file(&log->file, &probe->file);
}

/* ---- generations between ---- */

/* The file that was listed under its name, as far as is known: one that was created since may have
 * its inode. */
static bool
is_listed(const struct sl_sibling *sibling, const struct sl_state_file *file)
{
	return sl_state_is_same_file(file, &sibling->file) && file->size >= sibling->file.size;
}

/* 1 if it is the file that is planned, which was renamed since it was opened, and compressed; not
 * if that was truncated, and its text is only here. */
SL_SUSPENDS
static int
is_of_planned(struct sl_follow *follow, const char *path, struct sl_probe *probe)
{
	struct sl_state_file named;
	if (!follow->planned || follow->now.off == 0 ||
		(sl_probe_stat(path, &named) &&
			sl_state_is_same_file(&named, &follow->planned->file)))
		return 0;
	int code = sl_probe_is_encoded(probe);
	if (code == 1)
		code = sl_probe_holds(probe, &follow->now);
	return code == 1 ? sl_probe_holds(follow->planned, &follow->now) : code;
}

/* 1 if the name refers to another file by now. */
SL_SUSPENDS
static int
add_generation(struct sl_follow *follow, const char *path, const struct sl_sibling *sibling,
	bool is_found, bool is_over)
{
	struct sl_probe probe = sl_follow_probe(follow);
	int code = sl_probe_open(&probe, sibling->path);
	bool is_there = code == 0 && is_listed(sibling, &probe.file);
	if (code == 0 && !is_there)
		sl_probe_close(&probe);
	if (!is_there && (code == -ENOENT || code == 0 || sl_follow_is_fatal(code)))
		return code == -ENOENT || code == 0 ? 1 : code;
	int refused = code;
	if (is_there && is_of_planned(follow, path, &probe) == 1) {
		sl_probe_close(&probe);
		return 0;
	}
	struct sl_state_log *log = sl_state_add(&follow->state, path);
	code = log ? set_at(log, sibling->path) : -ENOMEM;
	/* The state may be saved before it is scanned. */
	if (log)
		log->file = refused ? sibling->file : probe.file;
	if (code == 0)
		code = sl_follow_note_fresh(follow, &log->file);
	if (code == 0 && refused)
		return sl_follow_refuse(follow, log, log->at, is_found, refused);
	if (code) {
		if (log)
			sl_state_drop(log);
		if (is_there)
			sl_probe_close(&probe);
		return code;
	}
	return sl_follow_part(follow, log, &probe, sibling->path, is_found, is_over);
}

static bool
has_file(const struct sl_siblings *siblings, const struct sl_state_file *file)
{
	for (size_t i = 0; i < siblings->count; i++)
		if (sl_state_is_same_file(&siblings->items[i].file, file))
			return true;
	return false;
}

/* 1 if the file holds the text of a log whose own file is not there any more: it was compressed
 * since that was read. */
SL_SUSPENDS
static int
is_copy(struct sl_follow *follow, const char *path, const struct sl_siblings *siblings,
	struct sl_probe *probe)
{
	const struct sl_state_log *log;
	size_t next = 0;
	int code = 0;
	while (code == 0 && (log = sl_follow_next_of(follow, path, &next)))
		if (!has_file(siblings, &log->file))
			code = sl_probe_holds(probe, log);
	return code;
}

/* It could not be read when a log was looked for, and may be its rest: those that are newer are
 * others, and the next round finds that one alone. */
static bool
is_presumed(const struct sl_follow *follow, const char *path, const struct sl_state_file *file)
{
	const struct sl_state_log *log;
	size_t next = 0;
	while ((log = sl_follow_next_of(follow, path, &next)))
		if (sl_follow_is_met(follow, log) && sl_state_is_same_file(&log->presumed, file))
			return true;
	return false;
}

/* A file that cannot be read is what its identity shows, if that of a log whose text was not found
 * in another one. */
static int
known_unread(const struct sl_follow *follow, int code, const struct sl_state_log *log)
{
	bool is_its = log && log->moved_round != follow->round;
	return code < 0 && only_fatal(code) == 0 && is_its ? 1 : only_fatal(code);
}

/* 1 if the sibling is a log already. Identities alone do not decide: those of removed files are
 * used again soon. 2 if the name refers to another file by now; 3 if nothing of the log was scanned
 * before this round, so that it shows nothing about others. */
SL_SUSPENDS
static int
is_known(struct sl_follow *follow, const char *path, const struct sl_siblings *siblings,
	const struct sl_sibling *sibling)
{
	const struct sl_state_log *log = sl_follow_by_file(follow, &sibling->file);
	struct sl_probe probe = sl_follow_probe(follow);
	if (is_fresh(follow, &sibling->file) || is_presumed(follow, path, &sibling->file))
		return 1;
	if (log && log->off == 0)
		return 3;
	int code = sl_probe_open(&probe, sibling->path);
	if (code)
		return code == -ENOENT ? 2 : known_unread(follow, code, log);
	if (!is_listed(sibling, &probe.file))
		code = 2;
	if (code == 0 && log)
		code = sl_probe_holds(&probe, log);
	if (code == 0)
		code = is_copy(follow, path, siblings, &probe);
	sl_probe_close(&probe);
	return code > 0 ? code : known_unread(follow, code, log);
}

/* The file is that of a log of which nothing was scanned before, and is scanned in this round; not
 * if the text of that log was found in another file, since this one has only its inode. */
static bool
is_planned(const struct sl_follow *follow, const struct sl_state_file *file)
{
	const struct sl_state_log *log = sl_follow_by_file(follow, file);
	if (!log || !sl_follow_is_met(follow, log) || log->off > 0)
		return false;
	for (size_t i = 0; i < follow->count; i++)
		if (follow->items[i].log == log)
			return sl_state_is_same_file(&follow->items[i].file, file);
	return true;
}

/* Siblings among which new ones are looked for: those newer than all that are known, or if one that
 * was never read is to be among them (is_all), than the oldest that is known. */
struct generations {
	const char *path;
	struct sl_siblings list;
	const struct sl_state_file *now;
	bool is_found, is_all;
};

/* 1, and *known is the index of the one that they are newer than, and where known[i] is set, the
 * sibling is none of them; 0 if nothing is known; 2 if the list is no longer true. */
SL_SUSPENDS
static int
find_known(struct sl_follow *follow, const struct generations *of, bool *known, size_t *oldest)
{
	bool has_known = false;
	for (size_t i = 0; i < of->list.count && (of->is_all || !has_known); i++) {
		const struct sl_sibling *sibling = &of->list.items[i];
		known[i] = sl_state_is_same_file(&sibling->file, of->now);
		int code = known[i] ? 0 : is_known(follow, of->path, &of->list, sibling);
		if (code < 0 || code == 2)
			return code;
		known[i] = known[i] || code == 1 || (code == 3 && of->is_all);
		if (code == 1) {
			has_known = true;
			*oldest = i;
		}
	}
	return has_known;
}

/* Rotated logs that came into being since the last round: oldest first. 1 if the list is no longer
 * true. */
SL_SUSPENDS
static int
add_listed(struct sl_follow *follow, const struct generations *of)
{
	const struct sl_sibling *items = of->list.items;
	size_t oldest = 0;
	bool *known = calloc(of->list.count + 1, sizeof(*known));
	if (!known)
		return -ENOMEM;
	int found = find_known(follow, of, known, &oldest);
	int code = found == 2 ? 1 : SL_MIN(found, 0);
	for (size_t i = oldest; found == 1 && i-- > 0 && code == 0;) {
		/* The newest may still be written to. */
		bool is_over = of->now->size > 0 || i > 0;
		if (!known[i] && sl_rotation_is_newer(items[i].age, items[oldest].age) &&
			!is_planned(follow, &items[i].file))
			code = add_generation(
				follow, of->path, &items[i], of->is_found, is_over);
	}
	free(known);
	return code;
}

SL_SUSPENDS
static int
add_beside(struct sl_follow *follow, struct generations *of)
{
	int code = add_listed(follow, of);
	for (unsigned i = 0; i < TRIES && code == 1; i++) {
		sl_siblings_release(&of->list);
		code = sl_siblings_find(&of->list, of->path);
		if (code == 0)
			code = add_listed(follow, of);
	}
	return SL_MIN(code, 0);
}

int
sl_follow_generations(
	struct sl_follow *follow, const char *path, const struct sl_state_file *now, bool is_found)
{
	struct generations beside = { .path = path, .now = now, .is_found = is_found };
	int code = sl_siblings_find(&beside.list, path);
	if (code == 0)
		code = add_beside(follow, &beside);
	sl_siblings_release(&beside.list);
	return code;
}

/* ---- the rest of a log ---- */

/* In the file that is still open: it may have been removed. */
SL_SUSPENDS
static int
take_open(struct sl_follow *follow, struct sl_state_log *log, const struct sl_state_file *now,
	bool is_found, bool *is_done)
{
	struct sl_probe probe = sl_follow_probe(follow);
	*is_done = false;
	if (log->fd < 0)
		return 0;
	int code = sl_probe_take(&probe, log->fd);
	if (code == 0)
		code = sl_probe_may_be(&probe, log);
	if (code != 1)
		return only_fatal(code);
	*is_done = true;
	return sl_follow_part(
		follow, log, &probe, sl_state_at(log), is_found, is_complete(log, now, &probe));
}

static void
warn_lost(const struct sl_state_log *log)
{
	sl_log_warn("'%s' was replaced, and the previous file was not found beside it: lines added "
		    "to that one after byte %llu are not counted",
		log->path, (unsigned long long)log->off);
}

SL_SUSPENDS
static int
take_sibling(struct sl_follow *follow, struct sl_state_log *log, const struct sl_state_file *now,
	bool is_found, const struct sl_siblings *siblings, bool *is_done)
{
	struct sl_probe probe;
	size_t found = 0;
	int code = search(follow, log, now, siblings, &found, &probe);
	bool is_unreadable = code < UNREADABLE;
	int refused = code - UNREADABLE;
	*is_done = code == 1 || is_unreadable;
	if (!*is_done)
		return code;
	const char *path = siblings->items[found].path;
	code = set_at(log, path);
	if (is_unreadable)
		log->presumed = siblings->items[found].file;
	if (is_unreadable)
		return code ? code : sl_follow_refuse(follow, log, path, is_found, refused);
	if (code) {
		sl_probe_close(&probe);
		return code;
	}
	sl_follow_close(follow, log);
	return sl_follow_part(follow, log, &probe, path, is_found, is_complete(log, now, &probe));
}

/* The name of a file that is still open, and was renamed. *is_named: it has one. */
static int
name_open(struct sl_state_log *log, const struct sl_siblings *siblings, bool *is_named)
{
	*is_named = false;
	for (size_t i = 0; i < siblings->count && !*is_named; i++) {
		*is_named = sl_state_is_same_file(&siblings->items[i].file, &log->file);
		if (*is_named)
			return set_at(log, siblings->items[i].path);
	}
	return log->at ? 0 : set_at(log, log->path);
}

/* The file of a sibling that is a copy of the log is known from here on. */
SL_SUSPENDS
static int
know_copy(struct sl_follow *follow, const struct sl_state_log *log, const struct sl_state_file *now,
	const struct sl_siblings *siblings)
{
	struct sl_probe probe;
	size_t found = 0;
	int code = search(follow, log, now, siblings, &found, &probe);
	if (code != 1)
		return code < UNREADABLE ? 0 : code;
	code = sl_follow_note_fresh(follow, &probe.file);
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
rest_of_open(struct sl_follow *follow, struct sl_state_log *log, const struct sl_state_file *now,
	bool is_found, const struct sl_siblings *siblings, bool *is_done)
{
	bool was_rotated = log->at != NULL, is_named;
	int code = name_open(log, siblings, &is_named);
	*is_done = false;
	if (code == 0 && !is_named && !has_grown(follow, log))
		code = take_sibling(follow, log, now, is_found, siblings, is_done);
	if (code || *is_done)
		return code;
	bool is_over = !is_named && sl_now() - log->grown_ns > QUIET_NS;
	if (!is_over)
		code = take_open(follow, log, now, is_found, is_done);
	if (code == 0 && *is_done && !is_named && !was_rotated)
		code = know_copy(follow, log, now, siblings);
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
find_rest(struct sl_follow *follow, struct sl_state_log *log, const struct sl_state_file *now,
	bool is_found, const struct sl_siblings *siblings, bool *is_done)
{
	int code = 0;
	*is_done = false;
	if (log->fd >= 0)
		code = rest_of_open(follow, log, now, is_found, siblings, is_done);
	if (code == 0 && !*is_done)
		code = take_sibling(follow, log, now, is_found, siblings, is_done);
	return code;
}

/* Files may be renamed, or compressed, between the list of them and a look at each. */
SL_SUSPENDS
static int
find_until_stable(struct sl_follow *follow, struct sl_state_log *log,
	const struct sl_state_file *now, bool is_found, struct sl_siblings *siblings, bool *is_done)
{
	bool is_stable = false;
	int code = sl_siblings_find(siblings, log->path);
	for (unsigned i = 0; i < TRIES && code == 0 && !is_stable; i++) {
		struct sl_siblings again = { 0 };
		code = find_rest(follow, log, now, is_found, siblings, is_done);
		if (code || *is_done)
			break;
		code = sl_siblings_find(&again, log->path);
		is_stable = sl_siblings_are_equal(siblings, &again);
		sl_siblings_release(siblings);
		*siblings = again;
	}
	return code;
}

/* Its file was met, and is not known by its text. */
static bool
was_never_read(const struct sl_state_log *log)
{
	return log->off == 0 && log->print.head_len == 0 && log->file.size > 0;
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

/* The rest of a log is not there. */
SL_SUSPENDS
static int
give_up(struct sl_follow *follow, struct sl_state_log *log, struct generations *beside,
	size_t logs_before)
{
	int code = 0;
	drop(follow, log);
	beside->is_all = was_never_read(log);
	if (beside->is_all)
		code = add_beside(follow, beside);
	bool is_replaced = beside->is_all && follow->state.count > logs_before;
	bool is_lost = (beside->is_all || was_refused(log)) && !is_replaced;
	return code || !is_lost ? code : report_lost(follow, log);
}

int
sl_follow_rest(struct sl_follow *follow, struct sl_state_log *log, const struct sl_state_file *now,
	bool is_found)
{
	struct generations beside = { .path = log->path, .now = now, .is_found = is_found };
	bool was_rotated = log->at != NULL, is_done = false;
	size_t before = follow->state.count;
	int code = find_until_stable(follow, log, now, is_found, &beside.list, &is_done);
	follow->has_changed = true;
	log->round = follow->round;
	if (code == 0 && !was_rotated)
		code = sl_follow_rotated(follow, log->path, now, is_found);
	if (code == 0 && !was_rotated)
		code = add_beside(follow, &beside);
	/* It may come back: its directory may not be mounted at the moment. */
	bool is_absent = now->inode == 0 && !log->at;
	if (code == 0 && !is_done && !was_rotated && !is_absent && log->off > 0)
		warn_lost(log);
	if (code == 0 && !is_done && !is_absent)
		code = give_up(follow, log, &beside, before);
	sl_siblings_release(&beside.list);
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
	if (sl_follow_was_quiet(follow, log) && !is_fresh(follow, &log->file) &&
		has_nothing_new(log, now))
		return 0;
	bool is_there = sl_probe_stat(log->at, &file) && sl_state_is_same_file(&file, &log->file) &&
			!is_fresh(follow, &file);
	if (is_there && sl_state_is_unchanged(&file, &log->file) && !log->has_more &&
		!log->is_held && has_nothing_new(log, now))
		return 0;
	if (!is_there)
		return sl_follow_rest(follow, log, now, is_found);
	struct sl_probe probe = sl_follow_probe(follow);
	int code = log->fd >= 0 ? sl_probe_take(&probe, log->fd) : sl_probe_open(&probe, log->at);
	if (code)
		return only_fatal(code);
	code = sl_probe_may_be(&probe, log);
	if (code == 1 && sl_state_is_same_file(&probe.file, &log->file))
		return sl_follow_part(
			follow, log, &probe, log->at, is_found, is_complete(log, now, &probe));
	if (probe.fd != log->fd)
		sl_probe_close(&probe);
	return code < 0 ? only_fatal(code) : sl_follow_rest(follow, log, now, is_found);
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
