/*
 * follow_part.c - what is new of a log in a file: from where to where, and of live logs a copy of
 * it.
 *
 * A live log may be truncated while it is read. So its new part is copied to memory, and is an item
 * only if the fingerprint behind it is the same before and after the copy, and that before it is
 * still the one of the state then: the file may contain another text since it was compared. The
 * memory is that of setup->step for each batch; a line or record that is longer is scanned in its
 * file.
 */
#include "follow_int.h"

#include "sluice/rt/engine.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <stdlib.h>

struct sl_probe
sl_follow_probe(const struct sl_follow *follow)
{
	return (struct sl_probe){
		.fd = -1, .buffer = follow->buffer, .window_max = follow->setup->window_max
	};
}

struct follow_item *
sl_follow_add(struct sl_follow *follow, const char *path)
{
	if (follow->count == follow->cap) {
		size_t cap = follow->cap ? follow->cap * 2 : 64;
		struct follow_item *items = reallocarray(follow->items, cap, sizeof(*items));
		if (!items)
			return NULL;
		follow->items = items;
		follow->cap = cap;
	}
	char *copy = strdup(path);
	if (!copy)
		return NULL;
	struct follow_item *item = &follow->items[follow->count++];
	*item = (struct follow_item){
		.path = copy, .found = SL_WALK_FILE, .fd = -1, .copy_fd = -1, .until = UINT64_MAX
	};
	return item;
}

int
sl_follow_refuse(struct sl_follow *follow, struct sl_state_log *log, const char *path,
	bool is_found, int refused)
{
	log->round = follow->round;
	log->file.mtime_s = log->file.mtime_ns = 0; /* it counts as changed */
	follow->has_changed = true;
	if (log->is_reported)
		return 0;
	struct follow_item *item = sl_follow_add(follow, path);
	if (!item)
		return -ENOMEM;
	item->is_found = is_found;
	item->refused = refused;
	log->is_reported = true;
	return 0;
}

void
sl_follow_close(struct sl_follow *follow, struct sl_state_log *log)
{
	if (log->fd < 0)
		return;
	(void)sl_io_close(log->fd);
	log->fd = -1;
	follow->open_count--;
}

/* ---- copies ---- */

struct copy_call {
	struct sl_engine *engine;
	int fd, copy_fd;
	uint64_t from, until;
	unsigned char *buffer;
	bool is_short;
};

/* One read or write, which may be short. */
static int
transfer(const struct copy_call *call, struct sl_op op)
{
	int done;
	do
		done = call->engine->methods->run_blocking(call->engine, &op);
	while (done == -EINTR);
	return done;
}

static int
read_some(const struct copy_call *call, uint64_t at, size_t len)
{
	return transfer(call, (struct sl_op){ .kind = SL_OP_READ,
				      .fd = call->fd,
				      .data = call->buffer,
				      .len = len,
				      .off = at });
}

static int
write_all(const struct copy_call *call, uint64_t at, size_t len)
{
	for (size_t done = 0; done < len;) {
		int code = transfer(call, (struct sl_op){ .kind = SL_OP_WRITE,
						  .fd = call->copy_fd,
						  .data = call->buffer + done,
						  .len = len - done,
						  .off = at + done });
		if (code < 0)
			return code;
		done += (size_t)code;
	}
	return 0;
}

static int
copy(void *arg)
{
	struct copy_call *call = arg;
	for (uint64_t at = call->from; at < call->until;) {
		size_t len = (size_t)SL_MIN(call->until - at, (uint64_t)SL_PROBE_BUFFER);
		int got = read_some(call, at, len);
		call->is_short = got == 0;
		if (got <= 0)
			return got;
		int code = write_all(call, at - call->from, (size_t)got);
		if (code)
			return code;
		at += (size_t)got;
	}
	return 0;
}

/* 1 if the item has a copy of what was to be scanned; 0 if the file has changed: it may have been
 * truncated since it was compared with the log, and written to up to where that ends. */
SL_SUSPENDS
static int
take_copy(struct sl_follow *follow, struct follow_item *item, struct sl_probe *probe)
{
	struct sl_fingerprint after;
	item->copy_fd = sl_io_memory_file();
	if (item->copy_fd < 0)
		return item->copy_fd;
	struct copy_call call = { .engine = sl_rt_engine(sl_rt_current()),
		.fd = probe->fd,
		.copy_fd = item->copy_fd,
		.from = item->from,
		.until = item->until,
		.buffer = follow->buffer };
	int code = sl_blocking_wait(copy, &call);
	if (code == 0 && !call.is_short) {
		code = sl_probe_print(probe, item->until, &after);
		if (code == 0 && sl_fingerprint_equal(&after, &item->print))
			code = sl_probe_may_be(probe, item->log);
	}
	return code;
}

/* ---- parts ---- */

/* Until something is scanned, a log is known by how it begins: its file may be truncated, or its
 * inode be that of another one, before it is looked at again. */
SL_SUSPENDS
static int
note_head(struct sl_follow *follow, struct sl_state_log *log, struct sl_probe *probe)
{
	struct sl_fingerprint seen;
	if (log->off > 0)
		return 0;
	unsigned len = sl_fingerprint_len(probe->file.size, SL_FINGERPRINT_HEAD);
	int code = sl_probe_print(probe, len, &seen);
	seen = sl_fingerprint_head(&seen);
	int is_same = code ? code : sl_probe_may_be(probe, log);
	if (is_same < 0)
		return is_same;
	if (is_same && seen.head_len && !sl_fingerprint_equal(&seen, &log->print)) {
		log->print = seen;
		follow->has_changed = true;
	}
	return 0;
}

/* 1 if there are new lines, or 0; then, if item->until is behind item->from, the file has
 * changed. */
SL_SUSPENDS
static int
take_lines(struct sl_follow *follow, struct follow_item *item, struct sl_probe *probe,
	bool is_complete)
{
	struct sl_state_log *log = item->log;
	int code = sl_follow_end(follow, log, probe, is_complete, &item->until);
	if (code == 0)
		code = sl_probe_print(probe, item->until, &item->print);
	if (code || item->until == item->from || item->print.head_len == 0)
		return code;
	if (!follow->setup->is_live || item->until - item->from > follow->setup->step)
		return sl_probe_may_be(probe, log);
	return take_copy(follow, item, probe);
}

/* 1 if there are new lines. */
SL_SUSPENDS
static int
plan_plain(struct sl_follow *follow, struct follow_item *item, struct sl_probe *probe,
	bool is_complete)
{
	struct sl_state_log *log = item->log;
	item->from = item->until = log->off;
	int code = sl_probe_may_be(probe, log);
	if (code == 1) {
		code = note_head(follow, log, probe);
		code = code ? code : take_lines(follow, item, probe, is_complete);
		if (code || item->until == item->from)
			return code;
	}
	if (code)
		return code;
	/* The next round, or run, finds out what it is now. */
	log->has_more = follow->has_more = true;
	item->until = item->from;
	item->print = log->print;
	return 0;
}

/* 1 if there is text that was not decoded before. */
SL_SUSPENDS
static int
plan_encoded(struct follow_item *item, struct sl_probe *probe)
{
	struct sl_state_log *log = item->log;
	item->is_encoded = true;
	item->skip = log->off;
	bool is_unchanged = log->is_encoded && log->off > 0 &&
			    sl_state_is_same_file(&log->file, &probe->file) &&
			    log->file.size == probe->file.size;
	item->print = log->print;
	if (is_unchanged) {
		item->skip = 0;
		item->until = 0;
		return 0;
	}
	int code = sl_probe_head(probe, &item->print);
	if (code == 0 && log->off == 0)
		log->print = item->print;
	return code ? code : 1;
}

/* Keep the file open, or close it. */
SL_SUSPENDS
static void
settle_fd(struct sl_follow *follow, struct sl_state_log *log, int fd)
{
	if (fd < 0 || fd == log->fd)
		return;
	sl_follow_close(follow, log);
	if (!follow->setup->is_live || follow->open_count >= follow->open_max) {
		(void)sl_io_close(fd);
		return;
	}
	log->fd = fd;
	follow->open_count++;
}

SL_SUSPENDS
static void
forget_item(struct sl_follow *follow)
{
	struct follow_item *item = &follow->items[--follow->count];
	(void)sl_io_close(item->copy_fd);
	free(item->path);
}

/* An empty file has no form yet. */
SL_SUSPENDS
static int
is_encoded(const struct sl_state_log *log, struct sl_probe *probe)
{
	bool is_known = log->off > 0 && sl_state_is_same_file(&log->file, &probe->file);
	return is_known ? log->is_encoded : sl_probe_is_encoded(probe);
}

int
sl_follow_note_fresh(struct sl_follow *follow, const struct sl_state_file *file, bool is_begun)
{
	struct follow_fresh *fresh =
		reallocarray(follow->fresh, follow->fresh_count + 1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	follow->fresh = fresh;
	fresh[follow->fresh_count++] = (struct follow_fresh){ *file, is_begun };
	return 0;
}

const struct follow_fresh *
sl_follow_find_fresh(const struct sl_follow *follow, const struct sl_state_file *file)
{
	for (size_t i = 0; i < follow->fresh_count; i++)
		if (sl_state_is_same_file(&follow->fresh[i].file, file))
			return &follow->fresh[i];
	return NULL;
}

int
sl_follow_set_at(struct sl_follow *follow, struct sl_state_log *log, const char *at)
{
	char *copy = strdup(at);
	if (!copy || sl_follow_places_add(follow, log, at) != 0) {
		free(copy);
		return -ENOMEM;
	}
	if (!log->at)
		log->grown_ns = sl_now();
	free(log->at);
	log->at = copy;
	return 0;
}

int
sl_follow_part(struct sl_follow *follow, struct sl_state_log *log, struct sl_probe *probe,
	const char *path, bool is_found, bool is_complete)
{
	bool is_live = follow->setup->is_live;
	struct follow_item *item = sl_follow_add(follow, path);
	int code = item ? is_encoded(log, probe) : -ENOMEM;
	log->round = follow->round;
	log->presumed = code < 0 ? probe->file : (struct sl_state_file){ 0 };
	bool is_moved = code >= 0 && !sl_state_is_same_file(&log->file, &probe->file);
	if (is_moved) {
		log->moved_round = follow->round;
		log->moved = probe->file;
	}
	if (is_moved && sl_follow_note_fresh(follow, &probe->file, log->off == 0) < 0)
		code = -ENOMEM;
	if (code < 0 || !item) {
		if (item)
			forget_item(follow);
		if (log->file.inode == 0)
			log->file = probe->file;
		if (probe->fd != log->fd)
			sl_probe_close(probe);
		return sl_follow_is_fatal(code)
			       ? code
			       : sl_follow_refuse(follow, log, path, is_found, code);
	}
	item->log = log;
	item->is_found = is_found;
	item->file = probe->file;
	bool is_plain = code == 0;
	code = is_plain ? plan_plain(follow, item, probe, is_complete) : plan_encoded(item, probe);
	if (code < 0 || (is_live && code == 0)) {
		/* A copy that could not be read is not its file yet. */
		if (code == 0 || log->file.inode == 0)
			log->file = probe->file;
		forget_item(follow);
		settle_fd(follow, log, probe->fd);
		return code == 0 || sl_follow_is_fatal(code)
			       ? code
			       : sl_follow_refuse(follow, log, path, is_found, code);
	}
	item->fd = probe->fd;
	item->owns_fd = probe->fd != log->fd;
	follow->bytes += is_plain ? item->until - item->from : probe->file.size;
	return 0;
}
