/*
 * follow_copy.c - files that are met in a directory while others are compressed to them.
 */
#include "follow_int.h"

#include <stdlib.h>

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
	const struct sl_state *state = &follow->state;
	int code = 0;
	for (size_t i = 0; i < state->count && code == 0; i++) {
		const struct sl_state_log *log = state->logs[i];
		if (!sl_state_is_dropped(log) && strcmp(sl_state_at(log), plain) == 0)
			code = sl_probe_holds(probe, log);
	}
	return code;
}

int
sl_follow_is_copy(struct sl_follow *follow, const char *path, struct sl_probe *probe)
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
