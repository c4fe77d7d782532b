/*
 * follow_beside.c - logs that were rotated since the last round, in files beside the one that has
 * their name now: which of these are known, and those that are not.
 */
#include "follow_int.h"

#include "sluice/follow/rotation.h"

#include <errno.h>
#include <stdlib.h>

/* Of a sibling; failures are negative. */
enum known {
	IS_NEW,     /* it is no log that is known */
	IS_KNOWN,   /* it is a log already */
	IS_CHANGED, /* its name refers to another file by now */
	IS_BEGUN    /* of its log nothing was scanned before this round: others may begin alike */
};

/* The file that was listed under its name, as far as is known: one that was created since may have
 * its inode. */
static bool
is_listed(const struct sl_sibling *sibling, const struct sl_state_file *file)
{
	return sl_state_is_same_file(file, &sibling->file) && file->size >= sibling->file.size;
}

/*
 * 1 if the path refers to the file that is planned still, and that has the text it had when it was
 * opened: what was listed since then is older. Else 0, or a negative code.
 */
SL_SUSPENDS
static int
is_newest(const struct sl_follow *follow, const struct follow_beside *of)
{
	struct sl_state_file named;
	bool is_there = sl_probe_stat(of->path, &named);
	if (of->now->inode == 0 || !is_there)
		return of->now->inode == 0 && !is_there;
	if (!sl_state_is_same_file(&named, of->now) || named.size < of->now->size)
		return 0;
	if (of->now->size == 0)
		return sl_state_is_unchanged(&named, of->now);
	bool is_printed = follow->planned && follow->now.print.head_len;
	return is_printed ? sl_probe_holds(follow->planned, &follow->now) : 1;
}

static bool
is_later(uint64_t s, uint64_t ns, uint64_t than_s, uint64_t than_ns)
{
	return s > than_s || (s == than_s && ns > than_ns);
}

static bool
is_born_after(const struct sl_state_file *file, const struct sl_state_file *other)
{
	bool are_known = file->born_s > 0 && other->born_s > 0;
	return are_known && is_later(file->born_s, file->born_ns, other->born_s, other->born_ns);
}

/* 1 if it is a copy of what is planned, maybe not all of it yet: that is read itself. One without
 * any text may be the beginning of one if it was created later. */
SL_SUSPENDS
static int
is_copy_of_planned(struct sl_follow *follow, struct sl_probe *probe)
{
	struct sl_fingerprint own, planned;
	uint64_t size = probe->file.size;
	if (!follow->planned)
		return 0;
	if (size == 0)
		return is_born_after(&probe->file, &follow->planned->file);
	int code = sl_probe_print(probe, size, &own);
	if (code == 0)
		code = sl_probe_print(follow->planned, size, &planned);
	return code ? code : sl_fingerprint_equal(&own, &planned);
}

#define IS_LEFT_OUT 1 /* as a copy of what is planned */

/* IS_LEFT_OUT; 0 if the file has another text; FOLLOW_LATER if what is planned has changed
 * meanwhile; or a negative code. */
SL_SUSPENDS
static int
is_left_out(struct sl_follow *follow, const struct follow_beside *of, struct sl_probe *probe)
{
	int code = is_copy_of_planned(follow, probe);
	if (code)
		return code;
	int is_same = is_newest(follow, of);
	return is_same == 0 ? FOLLOW_LATER : SL_MIN(is_same, 0);
}

/* 1 if the name refers to another file by now; FOLLOW_LATER. */
SL_SUSPENDS
static int
add_generation(struct sl_follow *follow, const struct follow_beside *of,
	const struct sl_sibling *sibling, bool is_over)
{
	struct sl_probe probe = sl_follow_probe(follow);
	int code = sl_probe_open(&probe, sibling->path);
	bool is_there = code == 0 && is_listed(sibling, &probe.file);
	if (code == 0 && !is_there)
		sl_probe_close(&probe);
	if (!is_there && (code == -ENOENT || code == 0 || sl_follow_is_fatal(code)))
		return code == -ENOENT || code == 0 ? 1 : code;
	int refused = code;
	code = is_there ? is_left_out(follow, of, &probe) : 0;
	if (code > 0 || sl_follow_is_fatal(code)) {
		sl_probe_close(&probe);
		return code == IS_LEFT_OUT ? 0 : code;
	}
	struct sl_state_log *log = sl_state_add(&follow->state, of->path);
	code = log ? sl_follow_set_at(follow, log, sibling->path) : -ENOMEM;
	/* The state may be saved before it is scanned. */
	if (log)
		log->file = refused ? sibling->file : probe.file;
	if (code == 0)
		code = sl_follow_note_fresh(follow, &log->file, false);
	if (code == 0 && refused)
		return sl_follow_refuse(follow, log, log->at, of->is_found, refused);
	if (code) {
		if (log)
			sl_state_drop(log);
		if (is_there)
			sl_probe_close(&probe);
		return code;
	}
	return sl_follow_part(follow, log, &probe, sibling->path, of->is_found, is_over);
}

/* A log of `path`, or one that was found under the name of a generation of it: those of a directory
 * are inputs themselves. */
static bool
is_of_path(const struct sl_state_log *log, const char *path)
{
	size_t len = (size_t)(sl_siblings_name_of(path) - path);
	if (sl_state_is_dropped(log) || strncmp(log->path, path, len) != 0 ||
		strchr(log->path + len, '/'))
		return false;
	return strcmp(log->path + len, path + len) == 0 ||
	       sl_rotation_may_be(path + len, log->path + len);
}

/* What is in the file of a log, if that is open: also if it was removed. */
SL_SUSPENDS
static int
read_open(struct sl_follow *follow, const struct sl_state_log *log, struct sl_state_log *text)
{
	struct sl_probe probe = sl_follow_probe(follow);
	if (log->fd < 0)
		return 0;
	int code = sl_probe_take(&probe, log->fd);
	if (code)
		return code;
	text->off = probe.file.size;
	return sl_probe_print(&probe, text->off, &text->print);
}

/* 1 if the file holds what was scanned of the log, or is to be in this batch; or if that is
 * nothing, what its file has. */
SL_SUSPENDS
static int
holds_text(struct sl_follow *follow, struct sl_probe *probe, const struct sl_state_log *log)
{
	struct sl_state_log text = { 0 };
	int code = 0;
	if (log->off > 0)
		return sl_probe_holds(probe, log);
	for (size_t i = 0; i < follow->count; i++) {
		const struct follow_item *item = &follow->items[i];
		if (item->log == log)
			text = (struct sl_state_log){ .off = item->until,
				.print = item->print,
				.is_encoded = item->is_encoded };
	}
	if (text.off == 0)
		code = read_open(follow, log, &text);
	return code == 0 && text.off > 0 ? sl_probe_holds(probe, &text) : code;
}

/* 1 if the file holds the text of a log whose own file is not there any more: it was compressed
 * since that was read. */
SL_SUSPENDS
static int
is_copy(struct sl_follow *follow, const char *path, const struct sl_siblings *siblings,
	struct sl_probe *probe)
{
	int code = 0;
	for (size_t i = 0; i < follow->state.count && code == 0; i++) {
		const struct sl_state_log *log = follow->state.logs[i];
		bool has_moved = log->moved_round == follow->round;
		if (is_of_path(log, path) &&
			!sl_siblings_have(siblings, has_moved ? &log->moved : &log->file))
			code = holds_text(follow, probe, log);
	}
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
	int fatal = sl_follow_only_fatal(code);
	return code < 0 && fatal == 0 && is_its ? IS_KNOWN : fatal;
}

/* A value of enum known. Identities alone do not decide: those of removed files are used again
 * soon. */
SL_SUSPENDS
static int
is_known(struct sl_follow *follow, const char *path, const struct sl_siblings *siblings,
	const struct sl_sibling *sibling)
{
	const struct sl_state_log *log = sl_follow_by_file(follow, &sibling->file);
	struct sl_probe probe = sl_follow_probe(follow);
	const struct follow_fresh *fresh = sl_follow_find_fresh(follow, &sibling->file);
	if (fresh || is_presumed(follow, path, &sibling->file))
		return fresh && fresh->is_begun ? IS_BEGUN : IS_KNOWN;
	if (log && log->off == 0)
		return IS_BEGUN;
	int code = sl_probe_open(&probe, sibling->path);
	if (code)
		return code == -ENOENT ? IS_CHANGED : known_unread(follow, code, log);
	if (!is_listed(sibling, &probe.file)) {
		sl_probe_close(&probe);
		return IS_CHANGED;
	}
	code = log ? sl_probe_holds(&probe, log) : 0;
	if (code == 0)
		code = is_copy(follow, path, siblings, &probe);
	sl_probe_close(&probe);
	return code > 0 ? IS_KNOWN : known_unread(follow, code, log);
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

/* The file is that of a log of which nothing was scanned, and which was found there. */
static bool
is_taken(const struct sl_follow *follow, const struct sl_state_file *file)
{
	return sl_follow_find_fresh(follow, file) || is_planned(follow, file);
}

/* The file came into being, and was written to, since the other was written to last. */
static bool
is_written_since(const struct sl_state_file *file, const struct sl_state_file *than)
{
	uint64_t s = than->mtime_s, ns = than->mtime_ns;
	return is_later(file->mtime_s, file->mtime_ns, s, ns) &&
	       (file->born_s == 0 || is_later(file->born_s, file->born_ns, s, ns));
}

/*
 * That of find_known, if no log is known beside one that was empty: what was written to it since
 * then may be in copies, so files that are younger than its last change are new, and the others are
 * taken for known. *oldest is their number if there are no others.
 */
static int
find_since_empty(
	const struct sl_follow *follow, const struct follow_beside *of, bool *known, size_t *oldest)
{
	const struct sl_state_log *log = sl_follow_by_path(follow, of->path);
	if (!log || log->off > 0 || log->print.head_len > 0 || log->file.size > 0 ||
		log->file.inode == 0 || log->is_refused)
		return IS_NEW;
	*oldest = of->list.count;
	for (size_t i = of->list.count; i-- > 0;) {
		known[i] = known[i] || !is_written_since(&of->list.items[i].file, &log->file);
		if (known[i] && !sl_state_is_same_file(&of->list.items[i].file, of->now))
			*oldest = i;
	}
	return IS_KNOWN;
}

/*
 * IS_KNOWN: new logs are newer than the one with the index *oldest, and those where known[i] is set
 * are not new. IS_NEW if none is known, IS_CHANGED if the list is no longer true. A log of which
 * nothing was scanned tells only if no other does: it may be in the place of a newer one.
 */
SL_SUSPENDS
static int
find_known(struct sl_follow *follow, const struct follow_beside *of, bool *known, size_t *oldest)
{
	bool has_known = false, has_begun = false;
	size_t begun = 0;
	for (size_t i = 0; i < of->list.count && (of->is_all || !has_known); i++) {
		const struct sl_sibling *sibling = &of->list.items[i];
		known[i] = sl_state_is_same_file(&sibling->file, of->now);
		int code = known[i] ? IS_NEW : is_known(follow, of->path, &of->list, sibling);
		if (code < 0 || code == IS_CHANGED)
			return code;
		bool is_begun = code == IS_BEGUN && is_taken(follow, &sibling->file);
		known[i] = known[i] || code == IS_KNOWN || is_begun;
		if (code == IS_KNOWN) {
			has_known = true;
			*oldest = i;
		}
		if (is_begun) {
			has_begun = true;
			begun = i;
		}
	}
	if (!has_known || (of->is_all && has_begun))
		*oldest = SL_MAX(*oldest, begun);
	return has_known || has_begun ? IS_KNOWN : find_since_empty(follow, of, known, oldest);
}

/* Rotated logs that came into being since the last round: oldest first. 1 if the list is no longer
 * true; FOLLOW_LATER. */
SL_SUSPENDS
static int
add_listed(struct sl_follow *follow, const struct follow_beside *of)
{
	const struct sl_sibling *items = of->list.items;
	size_t oldest = 0;
	bool *known = calloc(of->list.count + 1, sizeof(*known));
	if (!known)
		return -ENOMEM;
	int found = find_known(follow, of, known, &oldest);
	int code = found == IS_CHANGED ? 1 : SL_MIN(found, 0);
	for (size_t i = oldest; found == IS_KNOWN && i-- > 0 && code == 0;) {
		/* The newest may still be written to. */
		bool is_over = of->now->size > 0 || i > 0;
		bool is_newer = oldest == of->list.count ||
				sl_rotation_is_newer(items[i].age, items[oldest].age);
		if (!known[i] && is_newer)
			code = add_generation(follow, of, &items[i], is_over);
	}
	free(known);
	return code;
}

/* The same, if the list is older than the file that is planned. */
SL_SUSPENDS
static int
add_older(struct sl_follow *follow, const struct follow_beside *of)
{
	int is_same = is_newest(follow, of);
	return is_same == 1 ? add_listed(follow, of) : is_same == 0 ? FOLLOW_LATER : is_same;
}

int
sl_follow_add_beside(struct sl_follow *follow, struct follow_beside *of)
{
	int code = 1;
	for (unsigned i = 0; i < FOLLOW_TRIES && code == 1; i++) {
		if (!of->is_listed) {
			sl_siblings_release(&of->list);
			code = sl_siblings_find(&of->list, of->path);
		}
		if (of->is_listed || code == 0)
			code = add_older(follow, of);
		of->is_listed = false;
	}
	return code == 1 ? FOLLOW_LATER : code;
}

int
sl_follow_generations(
	struct sl_follow *follow, const char *path, const struct sl_state_file *now, bool is_found)
{
	struct follow_beside beside = { .path = path, .now = now, .is_found = is_found };
	int code = sl_follow_add_beside(follow, &beside);
	sl_siblings_release(&beside.list);
	return code;
}
