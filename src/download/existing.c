/*
 * What has a download's name already, and what --if-exists makes of it, before the first byte is
 * requested. With --if-exists=auto a regular file is complete if
 *  - it has the checksum that was given, or without one
 *  - aria2 has not left its control file, and the file matches the head of the server's answer: the
 *    same size and not older, or the same time if the server sends no size.
 * Devices and FIFOs are written to only if --output names them.
 */
#include "fetch_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/http/date.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIFO_RETRY_NS (50 * SL_NS_PER_MS) /* between attempts to open a FIFO without a reader */
#define STREAM_FLAGS (O_WRONLY | O_NONBLOCK | O_NOCTTY)
#define TIME_GRAIN_S 2 /* the coarsest time stamps of files that are common (FAT) */
#define FRESH_S 600    /* a file that was changed since may not be on the disk yet */
#define WHY_MAX 200

static int
refuse(struct fetch *fetch, const char *why, const char *remedy)
{
	return sl_fail(&fetch->error, SL_PHASE_NONE, -EEXIST,
		"'%s' exists%s (%s--if-exists=replace overwrites it, rename finds another name, "
		"skip keeps it)",
		fetch->path, why, remedy);
}

static int
exists(struct fetch *fetch, const char *why)
{
	return refuse(fetch, why, "");
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

/* The whole file through one chunk: the disk waits while the worker hashes, which is good enough
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

/* *same = the file has the expected checksum. */
SL_SUSPENDS
static int
verify_checksum(struct fetch *fetch, bool *same)
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
		*same = sl_digest_check(digest, expected, fetch->path, &mismatch) == 0;
	sl_digest_free(digest);
	sl_io_close(fd);
	return code;
}

/* ---- by the head of an answer ---- */

struct remote {
	uint64_t length;      /* SL_BODY_UNKNOWN if it sent none */
	uint64_t modified_ns; /* 0 if it sent none */
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
	struct sl_http_header headers[TARGET_HEADERS];
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

/* Servers without HEAD refuse it in many ways (signed URLs: 403), or close the connection. A status
 * that asks for a pause or for credentials is not one of them. */
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

/* How the local file differs from the server's, for messages. */
struct difference {
	bool found;
	bool unknown; /* it may be the same: what the server sent does not decide it */
	char why[WHY_MAX];
};

SL_PRINTF(2, 3)
static struct difference
differs(bool unknown, const char *format, ...)
{
	struct difference out = { .found = true, .unknown = unknown };
	va_list args;
	va_start(args, format);
	vsnprintf(out.why, sizeof(out.why), format, args);
	va_end(args);
	return out;
}

/*
 * A local time later than the server's is what copying, unpacking and --no-remote-time leave, and
 * counts as complete, as with wget -N. Of an answer without a length only the time is known: then
 * it must be exactly the one that this program has set.
 */
static struct difference
find_difference(const struct remote *remote, const struct statx *st)
{
	const struct difference none = { .found = false };
	int64_t local_s = st->stx_mtime.tv_sec;
	int64_t remote_s = (int64_t)(remote->modified_ns / SL_NS_PER_S);
	bool has_time = remote->modified_ns != 0;
	bool is_older = has_time && remote_s >= local_s + TIME_GRAIN_S;
	bool is_later = has_time && local_s >= remote_s + TIME_GRAIN_S;
	if (remote->length == SL_BODY_UNKNOWN) {
		if (!has_time)
			return differs(true, ", and the server sent neither a size nor a time");
		if (is_older || is_later)
			return differs(true, ", and the server sent no size and a different time");
		return none;
	}
	if (remote->length != st->stx_size)
		return differs(false, " with %llu bytes, and the server's file has %llu",
			(unsigned long long)st->stx_size, (unsigned long long)remote->length);
	if (remote->length == 0) /* two empty files are the same */
		return none;
	if (!has_time)
		return differs(true, " with the right size, but the server sent no time, so it may "
				     "be another version");
	return is_older ? differs(false, ", and the server's file is newer") : none;
}

/*
 * Servers that generate their answers, or do not implement HEAD, send other sizes and times for
 * HEAD than for GET, or none: only a match by HEAD is believed. Else the head of the answer to GET
 * decides; its body is not read.
 */
SL_SUSPENDS
static int
compare_with_source(struct fetch *fetch, const struct statx *st, struct difference *out)
{
	struct remote remote;
	int code = ask(fetch, "HEAD", &remote);
	if (code && !may_mean_no_head(fetch, code))
		return code;
	if (!code && remote.length != SL_BODY_UNKNOWN && remote.length != 0) {
		*out = find_difference(&remote, st);
		if (!out->found)
			return 0;
	}
	sl_error_clear(&fetch->error);
	code = ask(fetch, "GET", &remote);
	if (!code)
		*out = find_difference(&remote, st);
	return code;
}

/* FETCH_SKIPPED = the local file is what the server has; a code, -EEXIST if it is not. */
SL_SUSPENDS
static int
compare_with_server(struct fetch *fetch, const struct statx *st)
{
	struct difference difference = { 0 };
	int code = compare_with_source(fetch, st, &difference);
	while (code && fetch_next_source(fetch, code))
		code = compare_with_source(fetch, st, &difference);
	if (code)
		return code;
	fetch->view.total = st->stx_size;
	if (!difference.found)
		return FETCH_SKIPPED;
	return refuse(fetch, difference.why, difference.unknown ? "--checksum verifies it, " : "");
}

/* aria2 gives a file its whole size before the first byte, and keeps NAME.aria2 in the same
 * directory until the last. */
SL_SUSPENDS
static int
find_aria2_control_file(const struct fetch *fetch, bool *found)
{
	struct statx st = { 0 };
	struct sl_buf name = { 0 };
	sl_buf_printf(&name, "%s.aria2", fetch->name);
	int code = name.failed ? -ENOMEM
			       : sl_io_stat(fetch->directory->fd, name.data, AT_SYMLINK_NOFOLLOW,
					 STATX_TYPE, &st);
	sl_buf_release(&name);
	*found = code == 0;
	return code == -ENOENT || code == -ENAMETOOLONG ? 0 : code;
}

/* Without a checksum. */
SL_SUSPENDS
static int
compare(struct fetch *fetch, const struct statx *st)
{
	bool unfinished = false;
	int code = find_aria2_control_file(fetch, &unfinished);
	if (code)
		return sl_fail_code(
			&fetch->error, SL_PHASE_CREATE, code, "cannot examine '%s'", fetch->path);
	if (unfinished)
		return exists(fetch,
			", and aria2 has not finished it (its control file NAME.aria2 is there)");
	return compare_with_server(fetch, st);
}

SL_SUSPENDS
static int
compare_checksum(struct fetch *fetch, const struct statx *st)
{
	bool same = false;
	fetch->view.total = st->stx_size;
	int code = verify_checksum(fetch, &same);
	if (code)
		return code;
	return same ? FETCH_SKIPPED : exists(fetch, " and has another checksum");
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
		return FETCH_SKIPPED;
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
	fetch->needs_sync = same == FETCH_SKIPPED && may_be_in_memory_only(fetch, st);
	return same;
}

/* A dangling link: the file does not exist, but a rename without replacing fails. */
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
		return exists(fetch, " as a symbolic link to a file that does not exist");
	}
}

/* ---- streams ---- */

bool
existing_is_stream(const struct fetch *fetch, const struct statx *st)
{
	bool is_stream = S_ISCHR(st->stx_mode) || S_ISFIFO(st->stx_mode);
	return is_stream && fetch->batch->options.output;
}

/* A FIFO can be opened once it has a reader; a blocking open that waits for one would hold a worker
 * of the kernel. */
SL_SUSPENDS
static int
open_when_read(struct fetch *fetch)
{
	bool is_logged = false;
	for (;;) {
		int fd = sl_io_open(fetch->directory->fd, fetch->name, STREAM_FLAGS, 0, 0);
		if (fd != -ENXIO)
			return fd;
		if (!is_logged)
			sl_log_info("waiting for a reader of '%s'", fetch->path);
		is_logged = true;
		int code = sl_sleep(FIFO_RETRY_NS);
		if (code)
			return code;
	}
}

SL_SUSPENDS
static int
open_stream(struct fetch *fetch)
{
	struct statx opened = { 0 };
	struct sl_deadline deadline;
	sl_deadline_begin(&deadline, sl_deadline_in(fetch->batch->options.stall_timeout_ns));
	int fd = open_when_read(fetch);
	sl_deadline_end(&deadline);
	if (fd == -ETIMEDOUT && !sl_task_cancelled())
		return sl_fail(&fetch->error, SL_PHASE_OPEN, fd,
			"cannot open '%s': no program has opened it for reading in time "
			"(--stall-timeout waits longer)",
			fetch->path);
	if (fd < 0)
		return sl_fail_code(
			&fetch->error, SL_PHASE_OPEN, fd, "cannot open '%s'", fetch->path);
	fetch->target = TARGET_STREAM;
	fetch->stream_fd = fd;
	/* The name may stand for something else by now, and no file is written in place. */
	int code = sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &opened);
	if (!code && !existing_is_stream(fetch, &opened))
		code = -EEXIST;
	if (code)
		return sl_fail_code(&fetch->error, SL_PHASE_OPEN, code,
			"'%s' was replaced while it was opened", fetch->path);
	return 0;
}

/* ---- all of it ---- */

/* Devices and FIFOs under a name that a URL or a list gave are refused: they would take the data
 * or wait for a reader, and nothing would be downloaded. */
SL_SUSPENDS
static int
check_found(struct fetch *fetch, const struct statx *st)
{
	if (S_ISREG(st->stx_mode))
		return regular_exists(fetch, st);
	if (existing_is_stream(fetch, st))
		return open_stream(fetch);
	if (fetch->batch->options.if_exists == SL_EXISTS_RENAME)
		return target_rename(fetch);
	if (S_ISDIR(st->stx_mode))
		return sl_fail(&fetch->error, SL_PHASE_NONE, -EEXIST,
			"'%s' is a directory (--dir names a directory to download into)",
			fetch->path);
	return sl_fail(&fetch->error, SL_PHASE_NONE, -EEXIST, "'%s' is not a regular file%s",
		fetch->path,
		fetch->batch->options.output ? ", a character device or a FIFO"
					     : " (--output may name a device or a FIFO)");
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
existing_check(struct fetch *fetch)
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
			&fetch->error, SL_PHASE_CREATE, code, "cannot examine '%s'", fetch->path);
	int own = by_link ? existing_own_descriptor(fetch, &st) : -1;
	if (own < 0)
		return check_found(fetch, &st);
	fetch->target = TARGET_STREAM;
	fetch->stream_fd = own;
	return 0;
}
