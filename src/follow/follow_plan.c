/*
 * follow_plan.c - an input of a round: which log its file is, and what follows from that.
 */
#include "follow_int.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>

/* ---- logs that are not where they were ---- */

static bool
is_beside(const char *path, const char *other)
{
	size_t len = (size_t)(sl_siblings_name_of(path) - path);
	return (size_t)(sl_siblings_name_of(other) - other) == len &&
	       strncmp(path, other, len) == 0;
}

static int
note_lost(struct sl_follow *follow, struct sl_state_log *log)
{
	struct sl_state_log **lost =
		reallocarray(follow->lost, follow->lost_count + 1, sizeof(struct sl_state_log *));
	if (!lost)
		return -ENOMEM;
	follow->lost = lost;
	lost[follow->lost_count++] = log;
	return 0;
}

/* Found out once a round, when a file is met that no log has. */
SL_SUSPENDS
static int
find_lost(struct sl_follow *follow)
{
	int code = 0;
	if (follow->has_lost)
		return 0;
	follow->has_lost = true;
	for (size_t i = 0; i < follow->indexed && code == 0; i++) {
		struct sl_state_log *log = follow->by_file[i].log;
		struct sl_state_file file;
		if (sl_follow_is_met(follow, log) || sl_state_is_dropped(log))
			continue;
		if (!sl_probe_stat(sl_state_at(log), &file) ||
			!sl_state_is_same_file(&file, &log->file))
			code = note_lost(follow, log);
	}
	return code;
}

/* 1 and *log if the file holds the text of one of them. */
SL_SUSPENDS
static int
match_lost(struct sl_follow *follow, const char *path, struct sl_probe *probe,
	struct sl_state_log **log)
{
	struct sl_probe_heads heads;
	int code = find_lost(follow);
	if (code || follow->lost_count == 0)
		return code;
	code = sl_probe_heads(probe, &heads);
	for (size_t i = 0; i < follow->lost_count && code == 0; i++) {
		struct sl_state_log *lost = follow->lost[i];
		if (lost->off == 0 || !sl_probe_may_hold(&heads, &lost->print) ||
			sl_follow_is_met(follow, lost) || sl_state_is_dropped(lost) ||
			!is_beside(lost->path, path))
			continue;
		code = sl_probe_holds(probe, lost);
		*log = lost;
	}
	return code;
}

/* ---- which log a file is ---- */

/* Nothing was in the log when it was rotated, and its file has another name now, and a text: the
 * file was removed, and this one has its inode. */
static bool
is_used_again(const struct sl_state_log *same, const char *path, const struct sl_state_file *file)
{
	return same->at && same->off == 0 && strcmp(same->at, path) != 0 &&
	       !sl_state_is_unchanged(&same->file, file);
}

/* *log, or NULL for a new one; *is_met if the file was met in this round already. */
SL_SUSPENDS
static int
match(struct sl_follow *follow, const char *path, struct sl_probe *probe, struct sl_state_log **log,
	bool *is_met)
{
	struct sl_state_log *same = sl_follow_by_file(follow, &probe->file);
	struct sl_state_log *named = sl_follow_by_path(follow, path);
	bool may_be_same = same && !is_used_again(same, path, &probe->file);
	int code = may_be_same ? sl_probe_may_be(probe, same) : 0;
	*log = NULL;
	if (code < 0)
		return code;
	/* Else its file was removed, and this one has its inode. */
	*is_met = code == 1 && sl_follow_is_met(follow, same);
	*is_met = *is_met || sl_follow_find_fresh(follow, &probe->file);
	if (*is_met)
		return 0;
	*log = same;
	if (code == 0 && same)
		code = note_lost(follow, same);
	/* How a log begins of which nothing was scanned shows nothing: others begin alike. */
	if (code == 0 && named && named != same && named->off > 0 &&
		!sl_follow_is_met(follow, named)) {
		code = sl_probe_holds(probe, named);
		*log = named;
	}
	if (code == 0)
		code = match_lost(follow, path, probe, log);
	if (code == 0)
		*log = NULL;
	return SL_MIN(code, 0);
}

/* ---- inputs that are not logs ---- */

static int
pass_on(struct sl_follow *follow, const char *path, bool is_found, int found)
{
	struct follow_item *item = sl_follow_add(follow, path);
	if (!item)
		return -ENOMEM;
	item->is_found = is_found;
	item->found = found;
	if (found >= 0 && found != SL_WALK_OTHER_LINK && found != SL_WALK_SPECIAL)
		return 0;
	item->err = malloc(sizeof(*item->err));
	if (!item->err)
		return -ENOMEM;
	*item->err = follow->walk_err;
	return 0;
}

/* Nothing had the name when its last log was rotated: others may have had it since. */
static bool
was_vacant(const struct sl_follow *follow, const char *path)
{
	size_t next = 0;
	return !sl_follow_by_path(follow, path) && sl_follow_next_of(follow, path, &next);
}

/* True and the file that the name refers to, {0} if there is none; false if that is not known: a
 * failure to open it says nothing of where its log is. */
SL_SUSPENDS
static bool
find_named(const char *path, int refused, struct sl_state_file *now)
{
	*now = (struct sl_state_file){ 0 };
	return refused == -ENOENT || refused == -ENOTDIR || sl_probe_stat(path, now);
}

/* The name refers to nothing that can be read: the scan reports it, and does not look again, since
 * what comes into being in the meantime is not in the state. Its log may have been renamed, and
 * nothing have its name yet. */
SL_SUSPENDS
static int
plan_missing(struct sl_follow *follow, const char *path, bool is_found, int refused)
{
	struct sl_state_log *log = sl_follow_by_path(follow, path);
	struct sl_state_file now;
	bool is_known = find_named(path, refused, &now);
	bool is_there = log && sl_state_is_same_file(&now, &log->file);
	bool is_vacant = was_vacant(follow, path);
	follow->planned = NULL;
	int code = 0;
	if (is_known && log && !is_there && !sl_follow_is_met(follow, log))
		code = sl_follow_rest(follow, log, &now, is_found);
	if (is_known && code == 0)
		code = sl_follow_rotated(follow, path, &now, is_found);
	if (is_known && code == 0 && is_vacant)
		code = sl_follow_generations(follow, path, &now, is_found);
	bool was_reported = follow->setup->is_live && follow->round > 1;
	bool is_gone = is_found && refused == -ENOENT; /* since the directory was listed */
	if (code || was_reported || is_gone)
		return code;
	code = pass_on(follow, path, is_found, SL_WALK_FILE);
	if (code == 0)
		follow->items[follow->count - 1].refused = refused;
	return code;
}

/* ---- logs ---- */

static bool
is_own(const struct sl_follow *follow, const struct sl_state_file *file)
{
	for (size_t i = 0; i < follow->own_count; i++)
		if (sl_state_is_same_file(&follow->own[i], file))
			return true;
	return false;
}

/* A live log without anything new, which need not be opened. */
static bool
is_quiet(const struct sl_follow *follow, const struct sl_state_log *log)
{
	return follow->setup->is_live && log && !sl_follow_is_met(follow, log) &&
	       sl_follow_was_quiet(follow, log);
}

/* A new log, of which nothing was scanned. */
static struct sl_state_log *
add_log(struct sl_follow *follow, const char *path, const struct sl_state_file *file)
{
	struct sl_state_log *log = sl_state_add(&follow->state, path);
	if (log)
		log->file = *file;
	follow->has_changed = true;
	return log;
}

/* The log whose name the file has now, if it is not that of the file. */
SL_SUSPENDS
static int
displace(struct sl_follow *follow, const char *path, const struct sl_state_log *log,
	const struct sl_state_file *file, bool is_found)
{
	struct sl_state_log *named = sl_follow_by_path(follow, path);
	if (!named || named == log || sl_follow_is_met(follow, named))
		return 0;
	return sl_follow_rest(follow, named, file, is_found);
}

/* A file that was renamed, or copied, from the name of another input. */
SL_SUSPENDS
static bool
was_rotated(const struct sl_state_log *log, const char *path, const struct sl_probe *probe)
{
	struct sl_state_file now;
	if (strcmp(log->path, path) == 0 && !log->at)
		return false;
	return !sl_state_is_same_file(&log->file, &probe->file) ||
	       (sl_probe_stat(log->path, &now) && now.size > 0 &&
		       !sl_state_is_same_file(&now, &probe->file));
}

/* Of the log of this name and file nothing was scanned, and the file has changed: what it contained
 * may have been copied, or compressed, and the file truncated or its inode used again. */
static bool
may_be_another(const struct sl_state_log *log, const char *path, const struct sl_state_file *file)
{
	return log->off == 0 && !log->at && strcmp(log->path, path) == 0 &&
	       !sl_state_is_unchanged(&log->file, file);
}

/* What is to be read of other files before one with this name, whose log is `log`, or new. Returns
 * 0; FOLLOW_LATER if the file is to be left to the next round; or a negative code. */
SL_SUSPENDS
static int
plan_before(struct sl_follow *follow, const char *path, const struct sl_state_log *log,
	struct sl_probe *probe, bool is_found)
{
	const struct sl_state_file file = probe->file;
	bool is_vacant = !log && was_vacant(follow, path);
	bool is_begun = log && may_be_another(log, path, &file);
	int code = 0;
	follow->planned = probe;
	follow->now = (struct sl_state_log){ .off = file.size };
	if (!log || log != sl_follow_by_path(follow, path) || is_begun) {
		code = sl_probe_print(probe, file.size, &follow->now.print);
		if (code == 0 && file.size && follow->now.print.head_len == 0)
			code = FOLLOW_LATER; /* it was truncated since it was opened */
	}
	if (code == 0)
		code = displace(follow, path, log, &file, is_found);
	if (code == 0)
		code = sl_follow_rotated(follow, path, &file, is_found);
	if (code == 0 && (is_vacant || is_begun))
		code = sl_follow_generations(follow, path, &file, is_found);
	return code;
}

SL_SUSPENDS
static int
plan_file(struct sl_follow *follow, const char *path, struct sl_probe *probe, bool is_found)
{
	struct sl_state_log *log = NULL;
	bool is_met = false, is_complete = false;
	int code = match(follow, path, probe, &log, &is_met);
	if (code == 0 && !log && !is_met && is_found)
		code = sl_follow_is_copy(follow, path, probe);
	if (code == 1) {
		sl_probe_close(probe);
		return 0;
	}
	if (code == 0 && !is_met)
		code = plan_before(follow, path, log, probe, is_found);
	if (code == 0 && log && !is_met) {
		is_complete = was_rotated(log, path, probe);
		/* Its last lines may have been added before that was so. */
		if (is_complete)
			code = sl_probe_take(probe, probe->fd);
		if (code == 0 && (strcmp(log->path, path) != 0 || log->at))
			code = sl_follow_move(follow, log, path);
	}
	if (code == 0 && !log && !is_met && !(log = add_log(follow, path, &probe->file)))
		code = -ENOMEM;
	/* What it begins with now: it may be truncated before it is read. */
	if (code == 0 && log && log->off == 0 && log->print.head_len == 0)
		log->print = sl_fingerprint_head(&follow->now.print);
	if (code || is_met || log->is_refused) {
		sl_probe_close(probe);
		return code;
	}
	return sl_follow_part(follow, log, probe, path, is_found, is_complete);
}

/* What the file contains could not be read: it is named, and looked at again. */
static int
refuse(struct sl_follow *follow, const char *path, const struct sl_state_file *file, bool is_found,
	int code)
{
	struct sl_state_log *log = sl_follow_by_path(follow, path);
	if (!log)
		log = add_log(follow, path, file);
	return log ? sl_follow_refuse(follow, log, path, is_found, code) : -ENOMEM;
}

/* sl_follow_plan; or FOLLOW_LATER. */
SL_SUSPENDS
static int
plan(struct sl_follow *follow, const char *path, bool is_found, int found)
{
	bool is_read = !is_found || found == SL_WALK_FILE || found == SL_WALK_LINK;
	struct sl_state_log *log = sl_follow_by_path(follow, path);
	struct sl_probe probe = sl_follow_probe(follow);
	struct sl_state_file file;
	if (!is_read)
		return follow->round > 1 ? 0 : pass_on(follow, path, is_found, found);
	if (is_quiet(follow, log)) {
		log->round = follow->round;
		return sl_follow_rotated(follow, path, &log->seen, is_found);
	}
	if (!is_found && strcmp(path, "-") == 0)
		return pass_on(follow, path, false, SL_WALK_FILE);
	int code = sl_probe_open(&probe, path);
	if (code == -ECANCELED || code == -ETIMEDOUT || code == SL_E_INTERRUPTED)
		return code;
	if (code)
		return plan_missing(follow, path, is_found, code);
	if (!probe.is_regular || is_own(follow, &probe.file)) {
		bool is_skipped = is_found && probe.is_regular;
		sl_probe_close(&probe);
		return is_skipped ? 0 : pass_on(follow, path, is_found, found);
	}
	file = probe.file;
	code = plan_file(follow, path, &probe, is_found);
	follow->planned = NULL;
	return code >= 0 || sl_follow_is_fatal(code) ? code
						     : refuse(follow, path, &file, is_found, code);
}

int
sl_follow_plan(struct sl_follow *follow, const char *path, bool is_found, int found)
{
	int code = FOLLOW_LATER;
	for (unsigned i = 0; i < FOLLOW_TRIES && code == FOLLOW_LATER; i++)
		code = plan(follow, path, is_found, found);
	if (code != FOLLOW_LATER)
		return code;
	follow->has_more = true;
	if (follow->setup->is_live)
		return 0;
	/* No round of this run follows. */
	struct follow_item *item = sl_follow_add(follow, path);
	if (!item)
		return -ENOMEM;
	item->is_found = is_found;
	item->refused = SL_E_REPLACED;
	return 0;
}
