/*
 * What has a download's name already, and what --if-exists makes of it. Before the first byte is
 * asked for; a file is compared with the server's by a HEAD request.
 */
#include "fetch_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/http/date.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIFO_RETRY_NS (50 * SL_NS_PER_MS) /* between looks whether somebody reads a FIFO */
#define FIFO_FLAGS (O_WRONLY | O_NONBLOCK | O_NOCTTY)
#define TIME_GRAIN_S 2 /* the coarsest time stamps of files that are common (FAT) */
#define FRESH_S 600    /* a file that was changed since may not be on the disk yet */
#define WHY_MAX 200

static int
exists(struct fetch *fetch, const char *why)
{
	return sl_fail(&fetch->error, SL_PHASE_NONE, -EEXIST,
		"'%s' exists%s (--if-exists=replace overwrites it, rename finds another name, skip "
		"leaves it)",
		fetch->path, why);
}

/* ---- by checksum ---- */

struct local_hash {
	struct sl_digest *digest;
	unsigned char *data;
	size_t len;
};

static int
add_on_worker(void *arg)
{
	struct local_hash *job = arg;
	sl_digest_add(job->digest, job->data, job->len);
	return 0;
}

/* The whole file through one chunk: the disk waits while the worker hashes, which is well enough
 * for what happens once in a file's life. */
SL_SUSPENDS
static int
hash_file(struct fetch *fetch, int fd, struct sl_digest *digest)
{
	struct local_hash job = { .digest = digest };
	struct sl_chunk *chunk = NULL;
	uint64_t off = 0;
	int code = sl_chunk_take(fetch->batch->options.pool, &chunk, SL_FOREVER);
	while (!code) {
		int got = sl_io_read(fd, chunk->data, chunk->size, off, 0);
		if (got == -EINTR || got == -EAGAIN)
			continue;
		if (got <= 0) {
			code = got;
			break;
		}
		job.data = chunk->data;
		job.len = (size_t)got;
		off += (uint64_t)got;
		code = sl_offload(add_on_worker, &job);
	}
	sl_chunk_unref(chunk);
	return code;
}

/* 1 = it has the expected checksum, 0 = it has not, or a code. */
SL_SUSPENDS
static int
local_matches(struct fetch *fetch)
{
	const struct sl_checksum *expected = &fetch->entry.checksum;
	struct sl_error mismatch = { 0 };
	struct sl_digest *digest = NULL;
	int code = sl_digest_new(&digest, expected->kind);
	if (code)
		return sl_fail_code(&fetch->error, SL_PHASE_NONE, code, "cannot compute %s here",
			sl_checksum_name(expected->kind));
	int fd = sl_io_open(fetch->directory->fd, fetch->name, O_RDONLY | O_NONBLOCK, 0, 0);
	code = fd < 0 ? fd : hash_file(fetch, fd, digest);
	if (code)
		code = sl_fail_code(
			&fetch->error, SL_PHASE_READ, code, "cannot read '%s'", fetch->path);
	else
		code = sl_digest_check(digest, expected, fetch->path, &mismatch) == 0;
	sl_digest_free(digest);
	sl_io_close(fd);
	return code;
}

/* ---- by what the server says ---- */

struct remote {
	uint64_t length;      /* SL_BODY_UNKNOWN if it does not say */
	uint64_t modified_ns; /* 0 if it does not say */
};

static uint64_t
remote_time(const struct sl_head *head)
{
	int64_t seconds = 0;
	struct sl_span value = sl_head_find(head, "Last-Modified", 0);
	int64_t now_s = (int64_t)(sl_clock_wall_ns() / SL_NS_PER_S);
	if (!value.data || !sl_date_parse(value, now_s, &seconds) || seconds <= 0 ||
		(uint64_t)seconds > UINT64_MAX / SL_NS_PER_S)
		return 0;
	return (uint64_t)seconds * SL_NS_PER_S;
}

uint64_t
existing_remote_time(const struct sl_http_exchange *exchange)
{
	return remote_time(sl_http_head(exchange));
}

SL_SUSPENDS
static int
ask(struct fetch *fetch, const char *method, struct remote *out)
{
	struct sl_http_exchange *exchange = NULL;
	struct sl_http_header headers[SL_ENTRY_HEADERS];
	struct sl_http_request request = { .method = method,
		.url = &fetch->url,
		.headers = headers,
		.header_count = target_headers(fetch, headers) };
	int code = sl_http_open(fetch->batch->options.client, &request, &exchange, &fetch->error);
	if (code)
		return code;
	out->length = sl_http_body_length(exchange);
	out->modified_ns = remote_time(sl_http_head(exchange));
	sl_http_close(exchange);
	return 0;
}

/* Servers that do not know HEAD say so in many ways (signed URLs: 403), or close; those that want
 * to be left alone, or credentials, mean it. */
static bool
may_mean_no_head(const struct fetch *fetch, int code)
{
	static const int statuses[] = { 204, 304, 400, 403, 404, 405, 500, 501 };
	if (code == SL_E_PROTO || (code == -ECONNRESET && fetch->error.phase == SL_PHASE_HEAD))
		return true;
	for (size_t i = 0; code == SL_E_STATUS && i < SL_COUNT_OF(statuses); i++)
		if (fetch->error.http_status == statuses[i])
			return true;
	return false;
}

/* By HEAD, or else by the head of the answer to GET, whose body is not read. */
SL_SUSPENDS
static int
ask_somehow(struct fetch *fetch, struct remote *out)
{
	int code = ask(fetch, "HEAD", out);
	bool refused = code && may_mean_no_head(fetch, code);
	/* The length of the empty body is said by those who do not know what HEAD is. */
	bool says = !code && out->length != SL_BODY_UNKNOWN && out->length != 0;
	if (!refused && (code || says))
		return code;
	sl_error_clear(&fetch->error);
	return ask(fetch, "GET", out);
}

/* With the server's time on the file it must be that one; else the file must not be older. */
static bool
is_other_time(const struct fetch *fetch, const struct remote *remote, const struct statx *st)
{
	int64_t local_s = st->stx_mtime.tv_sec;
	int64_t remote_s = (int64_t)(remote->modified_ns / SL_NS_PER_S);
	if (remote->modified_ns == 0)
		return false;
	return remote_s >= local_s + TIME_GRAIN_S ||
	       (fetch->batch->options.remote_time && local_s >= remote_s + TIME_GRAIN_S);
}

/* 1 = the local file is what the server has; a code, -EEXIST if it is not. */
SL_SUSPENDS
static int
compare_with_server(struct fetch *fetch, const struct statx *st)
{
	char why[WHY_MAX];
	struct remote remote;
	int code = ask_somehow(fetch, &remote);
	while (code && fetch_next_source(fetch, code))
		code = ask_somehow(fetch, &remote);
	if (code)
		return code;
	fetch->view.total = remote.length;
	if (remote.length == SL_BODY_UNKNOWN)
		return exists(fetch, ", and the server does not say how large its file is");
	if (remote.length != st->stx_size) {
		snprintf(why, sizeof(why), " with %llu bytes, and the server's file has %llu",
			(unsigned long long)st->stx_size, (unsigned long long)remote.length);
		return exists(fetch, why);
	}
	if (is_other_time(fetch, &remote, st))
		return exists(fetch, ", and the server's file was changed at another time");
	fetch->view.by_size = remote.modified_ns == 0;
	return 1;
}

/* aria2 gives a file its whole size before the first byte, and leaves NAME.aria2 beside it until
 * the last: 1 = there is one. */
SL_SUSPENDS
static int
is_begun_by_aria2(const struct fetch *fetch)
{
	struct statx st = { 0 };
	struct sl_buf name = { 0 };
	sl_buf_printf(&name, "%s.aria2", fetch->name);
	int code = name.failed ? -ENOMEM
			       : sl_io_stat(fetch->directory->fd, name.data, AT_SYMLINK_NOFOLLOW,
					 STATX_TYPE, &st);
	sl_buf_release(&name);
	return code == 0 ? 1 : code == -ENOENT || code == -ENAMETOOLONG ? 0 : code;
}

/* Without a checksum. */
SL_SUSPENDS
static int
compare(struct fetch *fetch, const struct statx *st)
{
	int begun = is_begun_by_aria2(fetch);
	if (begun == 1)
		return exists(fetch, ", and aria2 has not finished it: there is a '.aria2' beside");
	if (begun < 0)
		return sl_fail_code(
			&fetch->error, SL_PHASE_CREATE, begun, "cannot look at '%s'", fetch->path);
	return compare_with_server(fetch, st);
}

SL_SUSPENDS
static int
compare_checksum(struct fetch *fetch, const struct statx *st)
{
	fetch->view.total = st->stx_size;
	int same = local_matches(fetch);
	return same == 0 ? exists(fetch, " and has another checksum") : same;
}

/* ---- what is there ---- */

/* What a run left that did not sync, or was killed before. The kernel writes what is older than
 * half a minute by itself. */
static bool
may_be_in_memory_only(const struct fetch *fetch, const struct statx *st)
{
	uint64_t now_s = sl_clock_wall_ns() / SL_NS_PER_S;
	uint64_t changed_s = (uint64_t)SL_MAX(st->stx_ctime.tv_sec, (int64_t)0);
	return fetch->batch->options.sync != SL_SYNC_NONE && changed_s + FRESH_S > now_s;
}

SL_SUSPENDS
static int
regular_exists(struct fetch *fetch, const struct statx *st)
{
	switch (fetch->batch->options.if_exists) {
	case SL_EXISTS_FAIL:
		return exists(fetch, "");
	case SL_EXISTS_SKIP:
		fetch->view.unverified = true;
		fetch->view.total = st->stx_size;
		return 1;
	case SL_EXISTS_REPLACE:
		fetch->mode = st->stx_mode & 0777; /* no set-user-ID for what came from outside */
		return 0;
	case SL_EXISTS_RENAME:
		return target_rename(fetch);
	case SL_EXISTS_AUTO:
		break;
	}
	int same = fetch->entry.checksum.kind != SL_CHECKSUM_NONE ? compare_checksum(fetch, st)
								  : compare(fetch, st);
	fetch->needs_sync = same == 1 && may_be_in_memory_only(fetch, st);
	return same;
}

/* A link to nothing: there is no file, but a rename that replaces nothing would not take its place.
 */
SL_SUSPENDS
static int
dangling_exists(struct fetch *fetch)
{
	switch (fetch->batch->options.if_exists) {
	case SL_EXISTS_REPLACE:
		return 0;
	case SL_EXISTS_RENAME:
		return target_rename(fetch);
	default:
		return exists(fetch, " as a symbolic link that leads to nothing");
	}
}

/* ---- streams ---- */

/* A FIFO is opened when somebody reads it; waiting for that must not hold a worker of the kernel.
 */
SL_SUSPENDS
static int
wait_for_reader(struct fetch *fetch)
{
	sl_log_info("waiting for a reader of '%s'", fetch->path);
	for (;;) {
		int code = sl_sleep(FIFO_RETRY_NS);
		if (code)
			return code;
		int fd = sl_io_open(fetch->directory->fd, fetch->name, FIFO_FLAGS, 0, 0);
		if (fd != -ENXIO)
			return fd;
	}
}

bool
existing_is_stream(const struct statx *st)
{
	return S_ISCHR(st->stx_mode) || S_ISFIFO(st->stx_mode);
}

SL_SUSPENDS
static int
open_stream(struct fetch *fetch, const struct statx *st)
{
	struct statx opened = { 0 };
	int fd = sl_io_open(fetch->directory->fd, fetch->name, FIFO_FLAGS, 0, 0);
	if (fd == -ENXIO && S_ISFIFO(st->stx_mode))
		fd = wait_for_reader(fetch);
	if (fd < 0)
		return sl_fail_code(
			&fetch->error, SL_PHASE_OPEN, fd, "cannot open '%s'", fetch->path);
	fetch->target = TARGET_STREAM;
	fetch->stream_fd = fd;
	/* What has the name now may be another thing, and no file is written in place. */
	int code = sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &opened);
	if (!code && !existing_is_stream(&opened))
		code = -EEXIST;
	if (code)
		return sl_fail_code(&fetch->error, SL_PHASE_OPEN, code,
			"'%s' was a stream a moment ago", fetch->path);
	return 0;
}

/* ---- all of it ---- */

SL_SUSPENDS
static int
judge(struct fetch *fetch, const struct statx *st, bool by_link)
{
	bool users = fetch->batch->options.output != NULL;
	if (S_ISREG(st->stx_mode))
		return regular_exists(fetch, st);
	/* A list's names do not lead to devices elsewhere. */
	if (existing_is_stream(st) && (users || !by_link))
		return open_stream(fetch, st);
	if (fetch->batch->options.if_exists == SL_EXISTS_RENAME)
		return target_rename(fetch);
	if (S_ISDIR(st->stx_mode))
		return sl_fail(&fetch->error, SL_PHASE_NONE, -EEXIST,
			"'%s' is a directory (--dir names a directory to download into)",
			fetch->path);
	return sl_fail(&fetch->error, SL_PHASE_NONE, -EEXIST,
		"'%s' is neither a regular file nor a character device nor a FIFO: refused",
		fetch->path);
}

/* /dev/stdout and the like: where the descriptor leads is where the bytes are to go, not a name to
 * be replaced. Streams behind it are opened as any stream. */
int
existing_own_descriptor(const struct fetch *fetch, const struct statx *st)
{
	static const int own[] = { STDOUT_FILENO, STDERR_FILENO };
	if (!fetch->batch->options.output || !S_ISREG(st->stx_mode))
		return -1;
	for (size_t i = 0; i < SL_COUNT_OF(own); i++) {
		struct statx open = { 0 };
		if (sl_io_stat(own[i], "", AT_EMPTY_PATH, STATX_BASIC_STATS, &open) == 0 &&
			open.stx_ino == st->stx_ino && open.stx_dev_major == st->stx_dev_major &&
			open.stx_dev_minor == st->stx_dev_minor)
			return own[i];
	}
	return -1;
}

int
existing_look(struct fetch *fetch)
{
	struct statx st = { 0 };
	if (!fetch->directory) /* standard output */
		return 0;
	int directory = fetch->directory->fd;
	int code = sl_io_stat(directory, fetch->name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);
	if (code == -ENOENT)
		return 0;
	bool by_link = !code && S_ISLNK(st.stx_mode);
	if (by_link)
		code = sl_io_stat(directory, fetch->name, 0, STATX_BASIC_STATS, &st);
	if (by_link && (code == -ENOENT || code == -ELOOP))
		return dangling_exists(fetch);
	if (code)
		return sl_fail_code(
			&fetch->error, SL_PHASE_CREATE, code, "cannot look at '%s'", fetch->path);
	int own = by_link ? existing_own_descriptor(fetch, &st) : -1;
	if (own < 0)
		return judge(fetch, &st, by_link);
	fetch->target = TARGET_STREAM;
	fetch->stream_fd = own;
	return 0;
}
