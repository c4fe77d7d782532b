/*
 * store.c - calls in the blocking pool: they are short, unless there are very many logs. What is
 * written is made there too, in pieces.
 */
#include "sluice/follow/store.h"

#include "sluice/follow/probe.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_LEN (256u * 1024u)
#define WRITE_LEN ((size_t)1024 * 1024) /* of a piece, about */
#define TRIES 16u /* another process may replace the file at the same time, but not for ever */

/* ---- operations on a thread ---- */

static int
run(struct sl_engine *engine, struct sl_op op)
{
	int result;
	do
		result = engine->methods->run_blocking(engine, &op);
	while (result == -EINTR && op.kind != SL_OP_CLOSE);
	return result;
}

static int
open_path(struct sl_engine *engine, const char *path, int flags)
{
	return run(engine, (struct sl_op){ .kind = SL_OP_OPEN,
				   .dir_fd = AT_FDCWD,
				   .path = path,
				   .flags = (uint32_t)flags,
				   .mode = 0666 });
}

static void
close_fd(struct sl_engine *engine, int *fd)
{
	if (*fd >= 0)
		(void)run(engine, (struct sl_op){ .kind = SL_OP_CLOSE, .fd = *fd });
	*fd = -1;
}

/* `path` "": the descriptor itself. */
static int
stat_at(struct sl_engine *engine, int fd, const char *path, struct statx *st)
{
	return run(engine, (struct sl_op){ .kind = SL_OP_STAT,
				   .dir_fd = fd,
				   .path = path,
				   .flags = *path ? 0 : AT_EMPTY_PATH,
				   .mask = SL_PROBE_MASK | STATX_MODE,
				   .statx = st });
}

static int
on_fd(struct sl_engine *engine, enum sl_op_kind kind, int fd)
{
	return run(engine, (struct sl_op){ .kind = kind, .fd = fd });
}

/* ---- opening ---- */

struct open_call {
	struct sl_engine *engine;
	struct sl_store *store;
	struct sl_state_reader reader;
	struct sl_error *err;
	int code; /* of the reader, described in *err */
	struct sl_buf piece;
	bool is_other; /* it is not a regular file */
};

/* The file is locked, and the name refers to it; 1 if to another file by now. */
static int
lock(struct open_call *call)
{
	struct sl_store *store = call->store;
	struct statx st = { 0 }, named = { 0 };
	int code = stat_at(call->engine, store->fd, "", &st);
	if (code < 0)
		return code;
	call->is_other = !S_ISREG(st.stx_mode);
	if (call->is_other)
		return -EINVAL;
	code = on_fd(call->engine, SL_OP_LOCK, store->fd);
	if (code < 0)
		return code == -EWOULDBLOCK ? SL_E_IN_USE : code;
	store->file = sl_probe_file(&st);
	code = stat_at(call->engine, AT_FDCWD, store->name, &named);
	if (code < 0)
		return code == -ENOENT ? 1 : code;
	struct sl_state_file now = sl_probe_file(&named);
	return sl_state_is_same_file(&now, &store->file) ? 0 : 1;
}

static int
open_locked(struct open_call *call)
{
	struct sl_store *store = call->store;
	store->fd = open_path(
		call->engine, store->name, O_RDWR | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int code = store->fd < 0 ? store->fd : lock(call);
	if (code)
		close_fd(call->engine, &store->fd);
	return code;
}

/* Each piece is read into the buffer. Another file is refused as soon as its first line shows
 * it. */
static int
read_pieces(struct open_call *call)
{
	uint64_t off = 0;
	int got;
	if (!sl_buf_reserve(&call->piece, READ_LEN))
		return -ENOMEM;
	do {
		got = run(call->engine, (struct sl_op){ .kind = SL_OP_READ,
						.fd = call->store->fd,
						.data = call->piece.data,
						.len = READ_LEN,
						.off = off });
		if (got <= 0)
			return got;
		off += (size_t)got;
		call->code = sl_state_read_some(
			&call->reader, sl_span(call->piece.data, (size_t)got), call->err);
	} while (call->code == 0 && off <= SL_STATE_MAX);
	return call->code ? 0 : -EFBIG;
}

static int
open_file(void *arg)
{
	struct open_call *call = arg;
	struct sl_store *store = call->store;
	int code = 1;
	for (unsigned i = 0; i < TRIES && code == 1; i++)
		code = open_locked(call);
	if (code)
		return code == 1 ? SL_E_IN_USE : code;
	code = call->engine->methods->real_path(call->engine, store->name, &store->path);
	if (code == 0)
		code = read_pieces(call);
	if (code == 0 && call->code == 0)
		call->code = sl_state_read_end(&call->reader, call->err);
	return code;
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
	struct open_call call = { .engine = sl_rt_engine(sl_rt_current()),
		.store = store,
		.reader = { .state = state, .name = name },
		.err = err };
	*store = (struct sl_store){ .name = name, .fd = -1, .is_open = true };
	*state = (struct sl_state){ 0 };
	int code = sl_blocking_wait(open_file, &call);
	if (code)
		code = fail_open(&call, code, err);
	sl_buf_release(&call.piece);
	sl_state_reader_release(&call.reader);
	return code ? code : call.code;
}

/* ---- saving ---- */

struct save_call {
	struct sl_engine *engine;
	struct sl_store *store;
	const struct sl_state *state;
	char *temporary;
	int fd;
};

static int
write_piece(const struct save_call *call, struct sl_span text, uint64_t off)
{
	for (size_t done = 0; done < text.len;) {
		union {
			const char *in;
			void *out;
		} data = { .in = text.data + done }; /* the engine reads only */
		int code = run(call->engine, (struct sl_op){ .kind = SL_OP_WRITE,
						     .fd = call->fd,
						     .data = data.out,
						     .len = text.len - done,
						     .off = off + done });
		if (code < 0)
			return code;
		done += (size_t)code;
	}
	return 0;
}

/* What could not be read again is not written. */
static int
write_all(const struct save_call *call)
{
	struct sl_state_writer writer = { .state = call->state };
	struct sl_buf text = { 0 };
	uint64_t off = 0;
	int code = 0;
	while (code == 0 && sl_state_write_some(&writer, &text, WRITE_LEN)) {
		code = text.failed ? -ENOMEM : 0;
		if (code == 0 && off + text.len > SL_STATE_MAX)
			code = -EFBIG;
		if (code == 0)
			code = write_piece(call, sl_buf_span(&text), off);
		off += text.len;
		sl_buf_clear(&text);
	}
	code = text.failed ? -ENOMEM : code;
	sl_buf_release(&text);
	return code;
}

/* The temporary file has its whole content, and is locked. */
static int
prepare(struct save_call *call)
{
	struct statx st = { 0 };
	int code = stat_at(call->engine, call->store->fd, "", &st);
	if (code < 0)
		return code;
	call->fd = open_path(call->engine, call->temporary,
		O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (call->fd < 0)
		return call->fd;
	code = run(call->engine,
		(struct sl_op){
			.kind = SL_OP_SET_MODE, .fd = call->fd, .mode = st.stx_mode & 07777u });
	if (code == 0)
		code = on_fd(call->engine, SL_OP_LOCK, call->fd);
	if (code == 0)
		code = write_all(call);
	return code == 0 ? on_fd(call->engine, SL_OP_SYNC, call->fd) : code;
}

static int
sync_directory(struct sl_engine *engine, const char *path)
{
	char *directory = strdup(path);
	if (!directory)
		return -ENOMEM;
	char *slash = strrchr(directory, '/');
	slash[slash == directory] = '\0'; /* the path is absolute */
	int fd = open_path(engine, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	if (fd < 0)
		return fd;
	/* Some file systems cannot sync a directory: then there is nothing to sync. */
	int code = on_fd(engine, SL_OP_SYNC, fd);
	close_fd(engine, &fd);
	return code == -EINVAL ? 0 : code;
}

/* The temporary file gets the name. */
static int
replace(struct save_call *call)
{
	struct statx st = { 0 };
	int code = prepare(call);
	if (code == 0)
		code = stat_at(call->engine, call->fd, "", &st);
	if (code == 0)
		code = run(call->engine, (struct sl_op){ .kind = SL_OP_RENAME,
						 .dir_fd = AT_FDCWD,
						 .path = call->temporary,
						 .dir_fd2 = AT_FDCWD,
						 .path2 = call->store->path });
	if (code == 0)
		call->store->file = sl_probe_file(&st);
	return code;
}

static int
save(void *arg)
{
	struct save_call *call = arg;
	struct sl_store *store = call->store;
	if (asprintf(&call->temporary, "%s.%ld.tmp", store->path, (long)getpid()) < 0) {
		call->temporary = NULL;
		return -ENOMEM;
	}
	int code = replace(call);
	if (code) {
		close_fd(call->engine, &call->fd);
		(void)run(call->engine, (struct sl_op){ .kind = SL_OP_UNLINK,
						.dir_fd = AT_FDCWD,
						.path = call->temporary });
		return code;
	}
	close_fd(call->engine, &store->fd);
	store->fd = call->fd;
	return sync_directory(call->engine, store->path);
}

int
sl_store_save(struct sl_store *store, const struct sl_state *state, struct sl_error *err)
{
	struct save_call call = { .engine = sl_rt_engine(sl_rt_current()),
		.store = store,
		.state = state,
		.fd = -1 };
	int code = sl_blocking_wait(save, &call);
	free(call.temporary);
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
