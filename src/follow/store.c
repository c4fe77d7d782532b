/*
 * store.c - calls in the blocking pool: they are short, and the file is small.
 */
#include "sluice/follow/store.h"

#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define READ_LEN (256u * 1024u)
#define TRIES 16u /* another process may replace the file at the same time, but not for ever */

/* ---- opening ---- */

struct open_call {
	struct sl_store *store;
	struct sl_buf text;
	bool is_other; /* it is not a regular file */
};

static struct sl_state_file
file_of(const struct stat *st)
{
	return (struct sl_state_file){
		.dev_major = major(st->st_dev), .dev_minor = minor(st->st_dev), .inode = st->st_ino
	};
}

/* 1 if the name refers to another file by now. */
static int
lock(struct open_call *call)
{
	struct sl_store *store = call->store;
	struct stat st, named;
	store->fd = open(store->name, O_RDWR | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0666);
	if (store->fd < 0 || fstat(store->fd, &st) < 0)
		return -errno;
	call->is_other = !S_ISREG(st.st_mode);
	if (call->is_other)
		return -EINVAL;
	if (flock(store->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? SL_E_IN_USE : -errno;
	store->file = file_of(&st);
	bool is_named = stat(store->name, &named) == 0;
	struct sl_state_file now = is_named ? file_of(&named) : (struct sl_state_file){ 0 };
	return is_named && sl_state_is_same_file(&now, &store->file) ? 0 : 1;
}

static int
read_all(struct open_call *call)
{
	struct sl_buf *text = &call->text;
	ssize_t got;
	do {
		if (!sl_buf_reserve(text, READ_LEN))
			return -ENOMEM;
		got = pread(call->store->fd, text->data + text->len, READ_LEN, (off_t)text->len);
		text->len += got > 0 ? (size_t)got : 0;
	} while (got > 0 && text->len <= SL_STATE_MAX);
	if (got < 0)
		return -errno;
	return got > 0 ? -EFBIG : 0;
}

static int
open_file(void *arg)
{
	struct open_call *call = arg;
	struct sl_store *store = call->store;
	int code = 1;
	for (unsigned i = 0; i < TRIES && code == 1; i++) {
		code = lock(call);
		if (code && store->fd >= 0) {
			(void)close(store->fd);
			store->fd = -1;
		}
	}
	if (code)
		return code == 1 ? SL_E_IN_USE : code;
	store->path = realpath(store->name, NULL);
	return store->path ? read_all(call) : -errno;
}

static int
fail_open(const struct open_call *call, int code, struct sl_error *err)
{
	const char *name = call->store->name;
	if (code == SL_E_IN_USE)
		return sl_fail(err, SL_PHASE_OPEN, code,
			"'%s' is in use by another run (wait until it has ended, or use another "
			"--state)",
			name);
	if (call->is_other)
		return sl_fail(err, SL_PHASE_OPEN, SL_E_USAGE,
			"'%s' is not a regular file, so no state can be kept in it", name);
	return sl_fail_code(err, SL_PHASE_OPEN, code, "cannot open '%s'", name);
}

int
sl_store_open(
	struct sl_store *store, const char *name, struct sl_state *state, struct sl_error *err)
{
	struct open_call call = { .store = store };
	*store = (struct sl_store){ .name = name, .fd = -1, .is_open = true };
	*state = (struct sl_state){ 0 };
	int code = sl_blocking_wait(open_file, &call);
	if (code)
		code = fail_open(&call, code, err);
	else
		code = sl_state_read(state, sl_buf_span(&call.text), name, err);
	sl_buf_release(&call.text);
	return code;
}

/* ---- saving ---- */

struct save_call {
	struct sl_store *store;
	struct sl_span text;
	char *temporary;
	int fd;
};

/* The temporary file has its whole content, and is locked. */
static int
prepare(struct save_call *call)
{
	struct stat st;
	if (fstat(call->store->fd, &st) < 0)
		return -errno;
	call->fd = open(call->temporary,
		O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
	if (call->fd < 0)
		return -errno;
	if (fchmod(call->fd, st.st_mode & 07777) < 0 || flock(call->fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	int code = sl_blocking_write(call->fd, call->text);
	return code == 0 && fsync(call->fd) < 0 ? -errno : code;
}

static int
sync_directory(const char *path)
{
	char *directory = strdup(path);
	if (!directory)
		return -ENOMEM;
	char *slash = strrchr(directory, '/');
	slash[slash == directory] = '\0'; /* the path is absolute */
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	if (fd < 0)
		return -errno;
	/* Some file systems cannot sync a directory: then there is nothing to sync. */
	int code = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
	(void)close(fd);
	return code;
}

static int
save(void *arg)
{
	struct save_call *call = arg;
	struct sl_store *store = call->store;
	struct stat st;
	if (asprintf(&call->temporary, "%s.%ld.tmp", store->path, (long)getpid()) < 0) {
		call->temporary = NULL;
		return -ENOMEM;
	}
	int code = prepare(call);
	if (code == 0 && (fstat(call->fd, &st) < 0 || rename(call->temporary, store->path) < 0))
		code = -errno;
	if (code) {
		if (call->fd >= 0)
			(void)close(call->fd);
		(void)unlink(call->temporary);
		return code;
	}
	(void)close(store->fd);
	store->fd = call->fd;
	store->file = file_of(&st);
	return sync_directory(store->path);
}

int
sl_store_save(struct sl_store *store, const struct sl_state *state, struct sl_error *err)
{
	struct sl_buf text = { 0 };
	sl_state_write(state, &text);
	struct save_call call = { .store = store, .text = sl_buf_span(&text), .fd = -1 };
	int code = text.failed ? -ENOMEM : sl_blocking_wait(save, &call);
	free(call.temporary);
	sl_buf_release(&text);
	return code ? sl_fail_code(err, SL_PHASE_WRITE, code, "cannot write '%s'", store->name) : 0;
}

void
sl_store_close(struct sl_store *store)
{
	if (store->is_open)
		(void)sl_io_close(store->fd);
	free(store->path);
	*store = (struct sl_store){ 0 };
}
