/*
 * follow_copy.c - files that are met in a directory while others are compressed or copied to them.
 */
#include "follow_int.h"

#include "sluice/follow/rotation.h"

#include <stdlib.h>

/* ---- compressed copies ---- */

/* 1 if both texts begin alike, as far as the compressed one is there. */
SL_SUSPENDS
static int
begins_as(struct sl_follow *follow, struct sl_probe *compressed, const char *path)
{
	struct sl_probe plain = sl_follow_probe(follow);
	struct sl_fingerprint head, same;
	int code = sl_probe_head(compressed, &head);
	if (code == 0)
		code = sl_probe_open(&plain, path);
	if (code)
		return sl_follow_is_fatal(code) ? code : 0;
	code = sl_probe_print(&plain, head.head_len, &same);
	sl_probe_close(&plain);
	same = sl_fingerprint_head(&same);
	return code ? code : head.head_len == 0 || sl_fingerprint_equal(&head, &same);
}

/* 1 if the file holds the text of a log that is, or was until now, in `plain`. */
SL_SUSPENDS
static int
holds_log_of(struct sl_follow *follow, struct sl_probe *probe, const char *plain)
{
	struct follow_search search;
	const struct sl_state_log *log;
	int code = sl_follow_find(follow, plain, &search);
	while (code == 0 && (log = sl_follow_next_found(follow, &search)))
		if (strcmp(sl_state_at(log), plain) == 0)
			code = sl_probe_holds(probe, log);
	return code;
}

SL_SUSPENDS
static int
is_compressed_copy(struct sl_follow *follow, const char *path, struct sl_probe *probe)
{
	const char *suffix = strrchr(path, '.');
	char *plain = suffix ? strndup(path, (size_t)(suffix - path)) : NULL;
	if (!plain)
		return suffix ? -ENOMEM : 0;
	int code = 0;
	bool is_named = sl_rotation_is_compressed(plain, path);
	int encoded = is_named ? sl_probe_is_encoded(probe) : 0;
	if (encoded == 1)
		code = holds_log_of(follow, probe, plain);
	if (encoded == 1 && code == 0)
		code = begins_as(follow, probe, plain);
	if (encoded < 0)
		code = encoded;
	free(plain);
	return code;
}

/* ---- copies of logs that are to be truncated ---- */

/* The file may be a copy of the log, which has this name and is elsewhere: something of it was
 * scanned before this round. */
static bool
may_be_copy(const struct sl_state_log *log, const char *name, const char *path)
{
	return log->is_old && log->off > 0 && strcmp(log->path, name) == 0 &&
	       strcmp(sl_state_at(log), path) != 0;
}

/* 1 if all of the file is a beginning of the one of the log, or that has been truncated, and the
 * text of the log is here. */
SL_SUSPENDS
static int
has_text_of(struct sl_follow *follow, struct sl_probe *probe, const struct sl_state_log *log)
{
	struct sl_state_log text = { .off = probe->file.size };
	struct sl_probe own = sl_follow_probe(follow);
	int code = sl_probe_print(probe, text.off, &text.print);
	if (code == 0)
		code = sl_probe_open(&own, sl_state_at(log));
	if (code)
		return sl_follow_is_fatal(code) ? code : 0;
	if (!sl_state_is_same_file(&own.file, &probe->file)) {
		code = text.off == 0 ? 1 : sl_probe_holds(&own, &text);
		int is_there = code == 0 ? sl_probe_holds(&own, log) : 1;
		if (is_there == 0)
			code = sl_probe_holds(probe, log);
	}
	sl_probe_close(&own);
	return code < 0 && !sl_follow_is_fatal(code) ? 0 : code;
}

/* Of the logs with this name that were there before this round: others that begin alike are
 * inputs. */
SL_SUSPENDS
static int
is_copy_of_named(
	struct sl_follow *follow, const char *name, const char *path, struct sl_probe *probe)
{
	struct follow_search search;
	const struct sl_state_log *log;
	int code = sl_follow_find(follow, name, &search);
	while (code == 0 && (log = sl_follow_next_found(follow, &search)))
		if (may_be_copy(log, name, path))
			code = has_text_of(follow, probe, log);
	return code;
}

SL_SUSPENDS
static int
is_copy_of_log(struct sl_follow *follow, const char *path, struct sl_probe *probe)
{
	if (follow->indexed == 0)
		return 0;
	size_t len = (size_t)(sl_siblings_name_of(path) - path);
	struct sl_rotation_names names = { .other = path + len };
	char *name = strdup(path);
	int code = name ? 0 : -ENOMEM;
	while (code == 0 && sl_rotation_next_name(&names, name + len))
		code = is_copy_of_named(follow, name, path, probe);
	free(name);
	return code;
}

int
sl_follow_is_copy(struct sl_follow *follow, const char *path, struct sl_probe *probe)
{
	int code = is_compressed_copy(follow, path, probe);
	return code ? code : is_copy_of_log(follow, path, probe);
}
