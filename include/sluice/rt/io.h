/*
 * io.h - operations that suspend the calling task until the engine has carried them out.
 *
 * Written once above the seam: waiting for a slot, parking, deadlines, cancelling, counting.
 * Results are those of the system calls, as 0, a count or a descriptor, or a negative errno. For
 * all of them:
 *  - -ECANCELED or -ETIMEDOUT if cancellation or a deadline in force came and nothing was done.
 *  - Operations on regular files and names are waited for once the engine has them, whatever the
 *    deadline; a cancellation before they start still stops them. Those that the engine does not
 *    carry (lock, set mode, set time, syncfs with io_uring) end at the deadlines in force: the call
 *    is abandoned, and may still take effect.
 *  - Buffers and paths stay the caller's and may be reused when the call returns.
 */
#ifndef SLUICE_RT_IO_H
#define SLUICE_RT_IO_H

#include "sluice/base/bytes.h"
#include "sluice/rt/engine.h"
#include "sluice/rt/task.h"

/* ---- sockets and pipes: `deadline_ns` (SL_FOREVER = only the deadlines in force) ---- */

/* SOCK_CLOEXEC is added. */
SL_SUSPENDS
int sl_io_socket(int domain, int type, int protocol) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_connect(
	int fd, const struct sockaddr *address, socklen_t len, uint64_t deadline_ns) SL_MUST_CHECK;

/* A connection's descriptor from a listening socket, close-on-exec. `peer` and `peer_len` as of
 * accept(2), or NULL. */
SL_SUSPENDS
int sl_io_accept(int fd, struct sockaddr_storage *peer, socklen_t *peer_len,
	uint64_t deadline_ns) SL_MUST_CHECK;

/* setsockopt of an int; does not suspend. 0 or a negative errno. */
int sl_io_set_option(int fd, int level, int name, int value);

/* The address a socket connects from; port 0 = any, chosen when it connects. Does not suspend. 0 or
 * a negative errno: -EADDRNOTAVAIL if this machine does not have it. */
int sl_io_bind(int fd, const struct sockaddr *address, socklen_t len) SL_MUST_CHECK;

/* Send and receive through the network interface `name` only (SO_BINDTODEVICE; Linux 5.7 lets every
 * user). Does not suspend. 0 or a negative errno: -ENODEV if there is none, also if the name is too
 * long for one. */
int sl_io_bind_device(int fd, const char *name) SL_MUST_CHECK;

/* The shortest round trip of a connected TCP socket so far; UINT64_MAX if that is not known. */
uint64_t sl_io_round_trip_ns(int fd);

/* One send; may be short. */
SL_SUSPENDS
int sl_io_send(int fd, const void *data, size_t len, int flags, uint64_t deadline_ns) SL_MUST_CHECK;

/* All of it, or a failure; how much went out before a failure is not known. Returns 0. */
SL_SUSPENDS
int sl_io_send_all(int fd, const void *data, size_t len, uint64_t deadline_ns) SL_MUST_CHECK;

/* 0 = end of stream, or a reset behind bytes: see sl_io_was_reset. With MSG_WAITALL, fewer bytes
 * than asked if the stream ended, or the deadline or a cancellation came after some had arrived
 * (then the count, and the next call returns the code). */
SL_SUSPENDS
int sl_io_recv(int fd, void *data, size_t len, int flags, uint64_t deadline_ns) SL_MUST_CHECK;

/*
 * After a receive returned 0 and `received` bytes in all: true if the other side did not end the
 * stream but reset the connection. May be asked as often as wanted, also after a shutdown of our
 * own; false for other sockets than TCP. Does not suspend.
 */
bool sl_io_was_reset(int fd, uint64_t received);

/* Read from a pipe, terminal or other stream without position; may be cancelled. 0 = end. */
SL_SUSPENDS
int sl_io_read_stream(int fd, void *data, size_t len, uint64_t deadline_ns) SL_MUST_CHECK;

/* Add all that is left of a stream to *text: 0, or -EFBIG if that is more than `most` bytes, or
 * another negative errno; then *text has what was read. */
SL_SUSPENDS
int sl_io_read_all(int fd, struct sl_buf *text, size_t most) SL_MUST_CHECK;

/* One write to a stream; may be short and may be cancelled. Never blocks the ring. */
SL_SUSPENDS
int sl_io_write_stream(int fd, const void *data, size_t len, uint64_t deadline_ns) SL_MUST_CHECK;

/* The same, of a descriptor that is used often: whether it is a terminal (isatty) is not asked each
 * time. */
SL_SUSPENDS
int sl_io_read_stream_as(
	int fd, bool is_terminal, void *data, size_t len, uint64_t deadline_ns) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_write_stream_as(
	int fd, bool is_terminal, const void *data, size_t len, uint64_t deadline_ns) SL_MUST_CHECK;

/* Let a pipe hold SL_IO_PIPE bytes (Linux 2.6.35), if the system allows it, in place of the usual
 * 64 KiB, with which the processes at its ends take turns and only one of them works at a time.
 * What is no pipe stays as it is. */
#define SL_IO_PIPE (1u << 20)
SL_SUSPENDS
void sl_io_widen_pipe(int fd);

/* Events of poll(2). */
SL_SUSPENDS
int sl_io_poll(int fd, uint32_t events, uint64_t deadline_ns) SL_MUST_CHECK;

/* ---- files ---- */

/* One positioned read or write; may be short. `rw_flags` are RWF_*. */
SL_SUSPENDS
int sl_io_read(int fd, void *data, size_t len, uint64_t off, uint32_t rw_flags) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_write(int fd, const void *data, size_t len, uint64_t off) SL_MUST_CHECK;

/* As many reads as it takes; `len` fits into an int. Returns bytes read, fewer
 * than `len` only at the end of the file; or the code of the read that failed. */
SL_SUSPENDS
int sl_io_read_full(int fd, void *data, size_t len, uint64_t off) SL_MUST_CHECK;

/* All of it: continues after short writes and -EINTR, -EAGAIN. Returns 0. */
SL_SUSPENDS
int sl_io_write_all(int fd, const void *data, size_t len, uint64_t off) SL_MUST_CHECK;

/* `resolve` = RESOLVE_* of openat2(2), 0 = as openat. O_CLOEXEC is added. */
SL_SUSPENDS
int sl_io_open(
	int dir_fd, const char *path, int flags, uint32_t mode, uint64_t resolve) SL_MUST_CHECK;

/*
 * Always closes, also in a cancelled task or past its deadline, and never waits for a slot. -1 is
 * ignored. Returns 0, or the failure that close(2) gave: some file systems (NFS, quotas) report a
 * failed write only here. The descriptor is gone all the same.
 */
SL_SUSPENDS
int sl_io_close(int fd);

/* fallocate mode 0. At most SL_IO_SLOW_OPS of allocate and sync run at a time; others wait for
 * their turn. */
SL_SUSPENDS
int sl_io_allocate(int fd, uint64_t off, uint64_t length) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_sync(int fd, uint32_t flags) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_sync_fs(int fd) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_rename(
	int dir_fd, const char *path, int dir_fd2, const char *path2, uint32_t flags) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_link(int dir_fd, const char *path, int dir_fd2, const char *path2) SL_MUST_CHECK;
/* At most SL_IO_REMOVALS run at a time; they do not wait behind syncs. */
SL_SUSPENDS
int sl_io_unlink(int dir_fd, const char *path, int flags);
SL_SUSPENDS
int sl_io_mkdir(int dir_fd, const char *path, uint32_t mode) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_stat(
	int dir_fd, const char *path, int flags, uint32_t mask, struct statx *out) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_truncate(int fd, uint64_t length) SL_MUST_CHECK;

/* Whether two results of sl_io_stat are of one inode. */
bool sl_io_is_same_inode(const struct statx *a, const struct statx *b);

SL_SUSPENDS
int sl_io_lock(int fd) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_set_mode(int fd, uint32_t mode) SL_MUST_CHECK;
SL_SUSPENDS
int sl_io_set_time(int fd, uint64_t time_ns) SL_MUST_CHECK;

/* A new file in memory, without a name: a descriptor or a negative errno. Does not suspend. */
int sl_io_memory_file(void) SL_MUST_CHECK;

/* inotify(7): a descriptor for sl_io_poll and sl_io_read_stream, and what it is to report; or
 * negative errnos. Neither suspends. */
int sl_io_watch_open(void) SL_MUST_CHECK;
int sl_io_watch_add(int fd, const char *path, uint32_t events);

/*
 * Carry out `count` prepared file operations (READ, WRITE, and OPEN and below in sl_op_kind) and
 * wait for all of them, whatever happens; results are in ops[i].result. They run in order in a
 * single call of the blocking pool, so that hundreds of small ones cost one hand-over instead of
 * two for each. One whose `after` points at an earlier one is done only if that went well (with
 * after_absent: only if it returned -ENOENT; with after_regular: only if it is a STAT that found a
 * regular file; with is_due: only if that returns true, which is called on a thread of the pool
 * when its turn has come, and may complete the operation by what those before it found), else its
 * result is -ECANCELED; as its descriptor SL_FD_OF_AFTER stands for the one that was opened there,
 * or that it was done with. Not interrupted once begun. Returns 0, or the cancellation: then none
 * was begun.
 */
#define SL_FD_OF_AFTER (-3) /* op->fd or op->dir_fd */
SL_SUSPENDS
int sl_io_batch(struct sl_op *ops, size_t count) SL_MUST_CHECK;

/*
 * As sl_io_batch, but it ends at the deadlines in force and at a cancellation: then the call is
 * abandoned and none of the results is valid. What it does may still take effect; what it opens
 * then is closed. It runs in a pool of its own (SL_BLOCKING_DIRECTORIES), so that calls which hang
 * hold up no other file operation. Not for READ, WRITE and CLOSE.
 */
SL_SUSPENDS
int sl_io_batch_abandonable(struct sl_op *ops, size_t count) SL_MUST_CHECK;

/*
 * Open for reading a file that the user has named, and that may be a FIFO: to open one waits for
 * its writer, maybe forever, which ends at the deadlines in force and at a cancellation as above.
 * Returns a descriptor.
 */
SL_SUSPENDS
int sl_io_open_input(const char *path) SL_MUST_CHECK;

/* How long the writer of a FIFO is waited for: another program may ask its user for a password. */
#define SL_IO_INPUT_NS (60 * SL_NS_PER_S)

/*
 * Open such a file, add all of it to *text, at most `most` bytes, and close it, within
 * SL_IO_INPUT_NS. Returns 0; -EFBIG; -ETIMEDOUT, also for a deadline in force; what
 * sl_io_open_input and sl_io_read_all return. After a failure *text has what was read.
 */
SL_SUSPENDS
int sl_io_read_input(const char *path, struct sl_buf *text, size_t most) SL_MUST_CHECK;

/* Why it returned -ETIMEDOUT, for a message. */
const char *sl_io_input_timeout_text(void);

#define SL_IO_SLOW_OPS 3
#define SL_IO_REMOVALS 2

#endif
