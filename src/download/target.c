/*
 * Where a download goes, and whether it may: the URL, the folder, the name, and what has that name
 * already. All of it before the first request, so that what is known to fail costs the server
 * nothing.
 */
#include "fetch_int.h"

#include "sluice/base/clock.h"
#include "sluice/http/date.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBERS_MAX 9999                  /* NAME.1 .. NAME.9999 for --if-exists=rename */
#define FIFO_RETRY_NS (50 * SL_NS_PER_MS) /* between looks whether somebody reads a FIFO */

static int
name_refused(struct fetch *fetch, struct sl_span name, const char *why)
{
	return sl_fail(&fetch->error, SL_PHASE_NONE, SL_E_NAME, "file name '%.*s' refused: %s",
		(int)SL_MIN(name.len, 120u), name.len ? name.data : "", why);
}

/* One component: what a list or the command line may call a file. */
static int
check_name(struct fetch *fetch, struct sl_span name)
{
	if (name.len == 0 || sl_span_is(name, ".") || sl_span_is(name, ".."))
		return name_refused(fetch, name, "it names a folder");
	if (name.len > NAME_MAX)
		return name_refused(fetch, name, "longer than 255 bytes");
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
			return name_refused(fetch, name, "it has control bytes");
	return 0;
}

/* "a/b/c" into folder "a/b" and name "c". */
static void
split(struct sl_span path, struct sl_span *folder, struct sl_span *name)
{
	size_t cut = path.len;
	while (cut > 0 && path.data[cut - 1] != '/')
		cut--;
	*name = sl_span(path.data + cut, path.len - cut);
	*folder = cut > 1 ? sl_span(path.data, cut - 1) : sl_span(path.data, cut);
}

SL_SUSPENDS
static int
run_folder(struct fetch *fetch)
{
	struct sl_batch *batch = fetch->batch;
	if (batch->folder)
		return 0;
	const char *dir = batch->options.dir ? batch->options.dir : ".";
	struct sl_folder *folder = NULL;
	int code = sl_folders_open(&batch->folders, NULL, sl_span_str(dir), &folder, &fetch->error);
	if (code)
		return code;
	if (batch->folder)
		sl_folder_unref(folder); /* another job was as quick */
	else
		batch->folder = folder;
	return 0;
}

/* "dir/folder", "dir" or "folder": what both name together, for words of the user. */
SL_SUSPENDS
static int
open_users_folder(struct fetch *fetch, struct sl_span first, struct sl_span second)
{
	struct sl_buf path = { 0 };
	bool absolute = second.len > 0 && second.data[0] == '/';
	if (!absolute && first.len > 0) {
		sl_buf_add_span(&path, first);
		if (second.len > 0)
			sl_buf_add_char(&path, '/');
	}
	sl_buf_add_span(&path, second);
	if (path.len == 0)
		sl_buf_add_str(&path, ".");
	int code = path.failed ? -ENOMEM
			       : sl_folders_open(&fetch->batch->folders, NULL, sl_buf_span(&path),
					 &fetch->folder, &fetch->error);
	sl_buf_release(&path);
	return code;
}

/* out= and dir= of a list: below the folder of the run, step by step, unless the user allows more.
 */
SL_SUSPENDS
static int
open_lists_folder(struct fetch *fetch, struct sl_span out_folder)
{
	struct sl_entry *entry = &fetch->entry;
	struct sl_batch *batch = fetch->batch;
	if (batch->options.allow_outside) {
		struct sl_buf dir = { 0 };
		bool absolute = entry->dir.len > 0 && entry->dir.data[0] == '/';
		if (!absolute && batch->options.dir) {
			sl_buf_add_str(&dir, batch->options.dir);
			if (entry->dir.len > 0)
				sl_buf_add_char(&dir, '/');
		}
		sl_buf_add_span(&dir, entry->dir);
		int code = dir.failed ? -ENOMEM
				      : open_users_folder(fetch, sl_buf_span(&dir), out_folder);
		sl_buf_release(&dir);
		return code;
	}
	int code = run_folder(fetch);
	if (code)
		return code;
	struct sl_buf path = { 0 };
	sl_buf_add_span(&path, entry->dir);
	if (entry->dir.len > 0 && out_folder.len > 0)
		sl_buf_add_char(&path, '/');
	if (out_folder.len > 0 && out_folder.data[0] == '/')
		code = name_refused(fetch, entry->out,
			"it leaves the output folder (--allow-outside permits that)");
	sl_buf_add_span(&path, out_folder);
	if (!code)
		code = path.failed ? -ENOMEM
				   : sl_folders_open(&batch->folders, batch->folder,
					     sl_buf_span(&path), &fetch->folder, &fetch->error);
	sl_buf_release(&path);
	return code;
}

static int
set_name(struct fetch *fetch, struct sl_span name)
{
	int code = check_name(fetch, name);
	if (code)
		return code;
	free(fetch->name);
	fetch->name = sl_span_dup(name);
	return fetch->name ? 0 : -ENOMEM;
}

static int
set_path(struct fetch *fetch)
{
	struct sl_buf path = { 0 };
	sl_folder_join(fetch->folder, fetch->name, &path);
	free(fetch->path);
	fetch->path = sl_buf_detach(&path);
	fetch->view.path = fetch->path ? fetch->path : "";
	return fetch->path ? 0 : -ENOMEM;
}

SL_SUSPENDS
static int
find_folder_and_name(struct fetch *fetch)
{
	const struct sl_batch_options *options = &fetch->batch->options;
	struct sl_span folder = { 0 }, name = { 0 };
	int code = 0;
	if (options->output) {
		split(sl_span_str(options->output), &folder, &name);
		code = set_name(fetch, name);
		if (!code)
			code = open_users_folder(
				fetch, sl_span_str(options->dir ? options->dir : ""), folder);
	} else {
		struct sl_buf from_url = { 0 };
		if (fetch->entry.out.len > 0) {
			split(fetch->entry.out, &folder, &name);
		} else {
			code = sl_url_file_name(&fetch->url, &from_url, &fetch->error);
			name = sl_buf_span(&from_url);
		}
		if (!code)
			code = set_name(fetch, name);
		sl_buf_release(&from_url);
		if (!code)
			code = open_lists_folder(fetch, folder);
	}
	return code ? code : set_path(fetch);
}

static int
claim(struct fetch *fetch)
{
	uint64_t other = 0;
	int taken = sl_names_claim(&fetch->batch->names, fetch->path, fetch->view.index, &other);
	if (taken != 1)
		return taken;
	return sl_fail(&fetch->error, SL_PHASE_NONE, SL_E_TWICE,
		"'%s' is the name of input %llu already, so '%s' (input %llu) is not downloaded "
		"(--if-exists=rename gives "
		"it a name of its own)",
		fetch->path, (unsigned long long)other + 1, fetch->view.url,
		(unsigned long long)fetch->view.index + 1);
}

/* ---- what has the name already ---- */

SL_SUSPENDS
static int
stat_target(struct fetch *fetch, struct statx *st, int flags)
{
	return sl_io_stat(fetch->folder->fd, fetch->name, flags, STATX_BASIC_STATS, st);
}

int
target_rename(struct fetch *fetch)
{
	char *stem = sl_span_dup(sl_span_str(fetch->name));
	int code = stem ? -EEXIST : -ENOMEM;
	for (int i = 1; code == -EEXIST && i <= NUMBERS_MAX; i++) {
		char number[16];
		snprintf(number, sizeof(number), ".%d", i);
		struct sl_buf name = { 0 };
		sl_buf_add_str(&name, stem);
		sl_buf_add_str(&name, number);
		struct statx st = { 0 };
		uint64_t other = 0;
		code = name.failed ? -ENOMEM : set_name(fetch, sl_buf_span(&name));
		if (!code)
			code = set_path(fetch);
		if (!code) {
			int there = stat_target(fetch, &st, AT_SYMLINK_NOFOLLOW);
			code = there == 0 ? -EEXIST : there == -ENOENT ? 0 : there;
		}
		if (!code) {
			int taken = sl_names_claim(
				&fetch->batch->names, fetch->path, fetch->view.index, &other);
			code = taken == 1 ? -EEXIST : taken;
		}
		sl_buf_release(&name);
	}
	if (code)
		sl_fail_code(&fetch->error, SL_PHASE_CREATE, code, "no free name beside '%s'",
			stem ? stem : "");
	free(stem);
	return code;
}

static int
exists(struct fetch *fetch, const char *why)
{
	return sl_fail(&fetch->error, SL_PHASE_NONE, -EEXIST,
		"'%s' exists%s (--if-exists=replace overwrites it, rename finds another name, skip "
		"leaves it)",
		fetch->path, why);
}

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

/* 1 = it has the expected checksum, 0 = it has not, or a code. */
SL_SUSPENDS
static int
local_matches(struct fetch *fetch)
{
	struct sl_error mismatch = { 0 };
	struct local_hash job = { 0 };
	struct sl_chunk *chunk = NULL;
	int fd = sl_io_open(fetch->folder->fd, fetch->name, O_RDONLY | O_NONBLOCK, 0, 0);
	int code = fd < 0 ? fd : sl_digest_new(&job.digest, fetch->entry.checksum.kind);
	if (!code)
		code = sl_chunk_take(fetch->batch->options.pool, &chunk, SL_FOREVER);
	for (uint64_t off = 0; !code;) {
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
	if (!code)
		code = sl_digest_check(
			       job.digest, &fetch->entry.checksum, fetch->path, &mismatch) == 0
			       ? 1
			       : 0;
	else
		code = sl_fail_code(
			&fetch->error, SL_PHASE_READ, code, "cannot read '%s'", fetch->path);
	sl_chunk_unref(chunk);
	sl_digest_free(job.digest);
	sl_io_close(fd);
	return code;
}

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
target_remote_time(const struct sl_http_exchange *exchange)
{
	return remote_time(sl_http_head(exchange));
}

/*
 * The server's word on size and time, by HEAD: 1 = the local file is what the server has, 0 = it is
 * not, or a code. A server that gives neither cannot be compared with.
 */
SL_SUSPENDS
static int
remote_matches(struct fetch *fetch, const struct statx *st)
{
	struct sl_http_exchange *exchange = NULL;
	struct sl_http_header headers[SL_ENTRY_HEADERS];
	struct sl_http_request request = { .method = "HEAD",
		.url = &fetch->url,
		.headers = headers,
		.header_count = target_headers(fetch, headers) };
	int code = sl_http_open(fetch->batch->options.client, &request, &exchange, &fetch->error);
	if (code)
		return code;
	uint64_t length = sl_http_body_length(exchange),
		 modified_ns = remote_time(sl_http_head(exchange));
	sl_http_close(exchange);
	if (length != st->stx_size)
		return 0;
	return modified_ns == 0 || modified_ns / SL_NS_PER_S == (uint64_t)st->stx_mtime.tv_sec;
}

size_t
target_headers(const struct fetch *fetch, struct sl_http_header *out)
{
	size_t count = 0;
	for (size_t i = 0; i < fetch->entry.header_count; i++) {
		struct sl_span line = fetch->entry.headers[i];
		const char *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
		size_t name_len = colon ? (size_t)(colon - line.data) : line.len;
		out[count].name = sl_span(line.data, name_len);
		out[count].value = colon ? sl_span_trim(sl_span(colon + 1, line.len - name_len - 1))
					 : sl_span("", 0);
		count++;
	}
	return count;
}

/* --if-exists=auto: complete and matching is skipped, anything else is refused. */
SL_SUSPENDS
static int
compare(struct fetch *fetch, const struct statx *st)
{
	bool by_checksum = fetch->entry.checksum.kind != SL_CHECKSUM_NONE;
	int same = by_checksum ? local_matches(fetch) : remote_matches(fetch, st);
	if (same == 0)
		return exists(fetch, by_checksum ? " and has another checksum"
						 : " and differs from what the server has");
	return same;
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
		return 1;
	case SL_EXISTS_REPLACE:
		fetch->replace = true;
		fetch->mode = st->stx_mode & 07777;
		return 0;
	case SL_EXISTS_RENAME:
		return target_rename(fetch);
	case SL_EXISTS_AUTO:
		break;
	}
	return compare(fetch, st);
}

/* A FIFO is opened when somebody reads it; waiting for that must not hold a worker of the kernel.
 */
SL_SUSPENDS
static int
open_stream(struct fetch *fetch, bool fifo)
{
	int fd = sl_io_open(fetch->folder->fd, fetch->name, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0, 0);
	while (fifo && fd == -ENXIO) {
		int code = sl_sleep(FIFO_RETRY_NS);
		if (code)
			return code;
		fd = sl_io_open(
			fetch->folder->fd, fetch->name, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0, 0);
	}
	if (fd < 0)
		return sl_fail_code(
			&fetch->error, SL_PHASE_OPEN, fd, "cannot open '%s'", fetch->path);
	fetch->target = TARGET_STREAM;
	fetch->stream_fd = fd;
	return 0;
}

/* A link to nothing has the name too. It is never written through. */
SL_SUSPENDS
static int
dangling_exists(struct fetch *fetch)
{
	switch (fetch->batch->options.if_exists) {
	case SL_EXISTS_REPLACE:
		fetch->replace = true;
		return 0;
	case SL_EXISTS_RENAME:
		return target_rename(fetch);
	default:
		return exists(fetch, " as a symbolic link that leads nowhere");
	}
}

SL_SUSPENDS
static int
look_at_target(struct fetch *fetch)
{
	struct statx st = { 0 };
	int code = stat_target(fetch, &st, AT_SYMLINK_NOFOLLOW);
	if (code == -ENOENT)
		return 0;
	if (!code && S_ISLNK(st.stx_mode)) {
		code = stat_target(fetch, &st, 0);
		if (code == -ENOENT || code == -ELOOP)
			return dangling_exists(fetch);
	}
	if (code)
		return sl_fail_code(
			&fetch->error, SL_PHASE_CREATE, code, "cannot look at '%s'", fetch->path);
	switch (st.stx_mode & S_IFMT) {
	case S_IFREG:
		return regular_exists(fetch, &st);
	case S_IFCHR:
		return open_stream(fetch, false);
	case S_IFIFO:
		return open_stream(fetch, true);
	case S_IFDIR:
		if (fetch->batch->options.if_exists == SL_EXISTS_RENAME)
			return target_rename(fetch);
		return sl_fail(&fetch->error, SL_PHASE_NONE, -EEXIST,
			"'%s' is a folder (-d names a folder, -o a file in it)", fetch->path);
	default:
		return sl_fail(&fetch->error, SL_PHASE_NONE, -EEXIST,
			"'%s' is neither a regular file nor a character device nor a FIFO: refused",
			fetch->path);
	}
}

int
target_prepare(struct fetch *fetch)
{
	const struct sl_batch_options *options = &fetch->batch->options;
	if (options->output && strcmp(options->output, "-") == 0) {
		fetch->target = TARGET_STREAM;
		fetch->stream_fd = STDOUT_FILENO;
		fetch->path = sl_span_dup(sl_span_str("-"));
		fetch->view.path = fetch->path ? fetch->path : "";
		return fetch->path ? 0 : -ENOMEM;
	}
	int code = find_folder_and_name(fetch);
	if (code)
		return code;
	code = claim(fetch);
	if (code == SL_E_TWICE && options->if_exists == SL_EXISTS_RENAME) {
		sl_error_clear(&fetch->error);
		return target_rename(fetch);
	}
	return code ? code : look_at_target(fetch);
}
