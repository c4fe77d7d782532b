#include "sluice/cli/digest_file.h"

#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Standard output may be the file: to replace it would lose what was written there. */
static bool
is_open_as(int fd, const struct stat *st)
{
	struct stat open_st;
	return fstat(fd, &open_st) == 0 && open_st.st_dev == st->st_dev &&
	       open_st.st_ino == st->st_ino;
}

/* ---- reading ---- */

int
sl_digest_file_read(struct sl_saved *saved, const char *path, struct sl_error *err)
{
	struct sl_buf text = { 0 };
	*saved = (struct sl_saved){ 0 };
	int code = sl_io_read_input(path, &text, SL_SAVED_MAX);
	if (code)
		(void)sl_fail_code(err, SL_PHASE_READ, code, "cannot read '%s'", path);
	else
		code = sl_saved_read(saved, sl_buf_span(&text), path, err);
	sl_buf_release(&text);
	return code;
}

struct check_call {
	const char *path;
	int output_fd;
	const char *why; /* it must not be replaced; NULL = it may */
};

/* What begins like a digest, also of another version, and an empty file may be replaced. */
static int
check_content(struct check_call *call)
{
	char head[sizeof(SL_SAVED_MAGIC)] = "";
	int fd = open(call->path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t len = read(fd, head, sizeof(head) - 1);
	int code = len < 0 ? -errno : 0;
	(void)close(fd);
	if (len > 0 && strcmp(head, SL_SAVED_MAGIC) != 0)
		call->why = "it was not written by --digest-out (remove it first if it is not "
			    "needed, or use another name)";
	return code;
}

static int
check(void *arg)
{
	struct check_call *call = arg;
	struct stat st;
	if (stat(call->path, &st) < 0)
		return errno == ELOOP ? -ELOOP : 0; /* it is new, or writing fails and reports it */
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || is_open_as(call->output_fd, &st))
		return 0;
	return check_content(call);
}

int
sl_digest_file_check(const char *path, int output_fd, struct sl_error *err)
{
	struct check_call call = { .path = path, .output_fd = output_fd };
	int code = path ? sl_blocking_wait(check, &call) : 0;
	if (code)
		return sl_fail_code(err, SL_PHASE_WRITE, code, "cannot write '%s'", path);
	return call.why ? sl_fail(err, SL_PHASE_WRITE, SL_E_USAGE, "'%s' is not replaced: %s", path,
				  call.why)
			: 0;
}

static int
resolve(void *arg)
{
	char **path = arg;
	*path = realpath(*path, NULL);
	return 0;
}

char *
sl_digest_file_resolve(const char *path)
{
	char *found = (char *)(uintptr_t)path;
	return path && sl_blocking_wait(resolve, &found) == 0 ? found : NULL;
}

/* ---- writing: in the blocking pool ---- */

struct write_call {
	const char *path;
	int output_fd;
	struct sl_span text;
	char *target; /* the path without links; NULL if there is nothing */
	char *temporary;
};

static int
write_new(const struct write_call *call, const struct stat *old)
{
	int fd = open(call->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	int code = sl_blocking_write(fd, call->text);
	if (code == 0 && old && fchmod(fd, old->st_mode & 07777) < 0)
		code = -errno;
	if (code == 0 && fsync(fd) < 0)
		code = -errno;
	if (close(fd) < 0 && code == 0)
		code = -errno;
	const char *target = call->target ? call->target : call->path;
	if (code == 0 && rename(call->temporary, target) < 0)
		code = -errno;
	if (code)
		(void)unlink(call->temporary);
	return code;
}

/* A FIFO that nothing reads fails with -ENXIO: waiting for a reader could not be interrupted. */
static int
write_existing(const struct write_call *call)
{
	int fd = open(call->path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int code = fcntl(fd, F_SETFL, O_WRONLY) < 0 ? -errno : sl_blocking_write(fd, call->text);
	return close(fd) < 0 && code == 0 ? -errno : code;
}

static int
create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	return close(fd) < 0 ? -errno : 0;
}

static int
write_file(void *arg)
{
	struct write_call *call = arg;
	struct stat st;
	bool exists = stat(call->path, &st) == 0;
	if (!exists && errno == ENOENT && lstat(call->path, &st) == 0) {
		/* Where a link leads, there is nothing yet. */
		int code = create(call->path);
		if (code)
			return code;
		exists = stat(call->path, &st) == 0;
	}
	if (exists && S_ISREG(st.st_mode) && is_open_as(call->output_fd, &st))
		return sl_blocking_write(call->output_fd, call->text);
	if (exists && !S_ISREG(st.st_mode))
		return write_existing(call);
	call->target = exists ? realpath(call->path, NULL) : NULL;
	if (exists && !call->target)
		return -errno;
	const char *target = call->target ? call->target : call->path;
	if (asprintf(&call->temporary, "%s.%ld.tmp", target, (long)getpid()) < 0) {
		call->temporary = NULL;
		return -ENOMEM;
	}
	return write_new(call, exists ? &st : NULL);
}

int
sl_digest_file_write(const char *path, int output_fd, struct sl_span text, struct sl_error *err)
{
	struct write_call call = { .path = path, .output_fd = output_fd, .text = text };
	int code = sl_blocking_wait(write_file, &call);
	free(call.target);
	free(call.temporary);
	if (code == -ENXIO)
		return sl_fail(err, SL_PHASE_WRITE, code,
			"cannot write '%s': no process has it open for reading", path);
	return code ? sl_fail_code(err, SL_PHASE_WRITE, code, "cannot write '%s'", path) : 0;
}
