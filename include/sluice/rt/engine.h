/*
 * engine.h - the seam: what carries operations. The ring (engine_uring.c) for real work, a
 * simulator with virtual time for tests (tests/support/engine_sim.c), later epoll with threads.
 * Nobody above rt names io_uring.
 *
 * Rules every engine keeps:
 *  - An operation is submitted once and comes back exactly once, by wait(). Until then the
 * operation, and every byte it points at, belongs to the engine and must stay where it is.
 *  - cancel() only asks. The operation still comes back by wait(): with what was done (bytes moved,
 * a descriptor opened, a name renamed) if anything was done, else with -ECANCELED. Cancelling a
 * finished operation is harmless.
 *  - No operation times out by itself, and none is linked to another.
 *  - One thread, the one that made the engine, calls everything except wake().
 */
#ifndef SLUICE_RT_ENGINE_H
#define SLUICE_RT_ENGINE_H

#include "sluice/base/error.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

struct statx;

/* Operations in flight at once, cancels not counted. With CQ 4096 an overflow cannot happen. */
#define SL_ENGINE_SLOTS 1024

enum sl_op_kind {
	SL_OP_NOP,
	SL_OP_SOCKET,  /* domain, type, protocol -> fd, close-on-exec */
	SL_OP_CONNECT, /* fd, address, address_len */
	SL_OP_SEND,    /* fd, data, len, flags (MSG_*; MSG_NOSIGNAL is added) -> bytes */
	SL_OP_RECV,    /* fd, data, len, flags -> bytes, 0 only at an orderly end; with MSG_WAITALL
			  a cancel returns the bytes that came */
	SL_OP_READ,  /* fd, data, len, off (SL_OFF_CURRENT = the descriptor's own), flags (RWF_*) ->
			bytes */
	SL_OP_WRITE, /* as READ */
	SL_OP_POLL,  /* fd, flags (POLLIN...) -> events */
	SL_OP_OPEN,  /* dir_fd, path, flags (O_*; O_CLOEXEC is added), mode, resolve (RESOLVE_* of
			openat2) -> fd */
	SL_OP_CLOSE, /* fd; nothing may be in flight on it */
	SL_OP_ALLOCATE, /* fd, off, length: fallocate mode 0 */
	SL_OP_SYNC,     /* fd, flags (0 or SL_SYNC_DATA) */
	SL_OP_SYNC_FS,  /* fd: syncfs of the file system that holds it */
	SL_OP_RENAME,   /* dir_fd, path -> dir_fd2, path2, flags (RENAME_*) */
	SL_OP_LINK,     /* dir_fd, path -> dir_fd2, path2 */
	SL_OP_UNLINK,   /* dir_fd, path, flags (AT_REMOVEDIR) */
	SL_OP_MKDIR,    /* dir_fd, path, mode */
	SL_OP_STAT,     /* dir_fd, path ("" with AT_EMPTY_PATH: dir_fd itself), flags (AT_*), mask
			   (STATX_*), statx */
	SL_OP_TRUNCATE, /* fd, length */
	SL_OP_LOCK,     /* fd: exclusive flock without waiting; -EWOULDBLOCK if another holds it */
	SL_OP_SET_MODE, /* fd, mode */
	SL_OP_SET_TIME, /* fd, time_ns: modification time, wall clock; access time becomes now */
	SL_OP_FLUSH,    /* fd: what closing it would report (quota, NFS), and it stays open */
	SL_OP_TOUCH,    /* fd: an attribute call that changes nothing but the change time */
	SL_OP_HAS_HOLE, /* fd, length: 1 if a part of [0, length) was never written, else 0 */
	SL_OP_KINDS
};

#define SL_OFF_CURRENT UINT64_MAX
#define SL_SYNC_DATA 1u /* fdatasync: the data and what is needed to find it */

enum sl_op_state { SL_OP_IDLE, SL_OP_QUEUED, SL_OP_IN_FLIGHT, SL_OP_DONE };

/* Caller-owned; usually on the stack of the task that is parked on it. */
struct sl_op {
	enum sl_op_kind kind;
	enum sl_op_state state; /* the engine's; SL_OP_IDLE before submit, SL_OP_DONE once wait()
				   returned it */
	int fd;
	int result; /* valid in SL_OP_DONE: 0 or a count or a descriptor, or a negative errno */
	void *data;
	size_t len; /* at most 2^30 */
	uint64_t off;
	uint32_t flags;
	int dir_fd, dir_fd2;
	const char *path, *path2;
	uint32_t mode;
	uint64_t resolve;
	const struct sockaddr *address;
	socklen_t address_len;
	int domain, type, protocol;
	uint64_t length;
	uint64_t time_ns;
	uint32_t mask;
	struct statx *statx;

	struct sl_op *after;   /* in a batch (sl_io_batch); the engine does not look at it */
	bool after_absent;     /* likewise */
	void *owner;           /* the submitter's; the engine does not look at it */
	bool may_block;        /* a terminal: reading and writing it blocks although asked not to */
	uint64_t submitted_ns; /* for latency statistics */
	uint64_t took_ns;      /* likewise, of one run in a batch */
	uint32_t slot;         /* the engine's */
	uint64_t how[3];       /* the engine's: what openat2 points at */
	bool cancelling;       /* the engine's: a cancel has been asked for */
	struct sl_op *next;    /* the engine's: a queue */
};

struct sl_engine;

struct sl_engine_methods {
	const char *name; /* "io_uring", "simulator" */
	void (*free)(struct sl_engine *engine);
	uint64_t (*now)(struct sl_engine *engine);

	/* True if the engine itself carries this kind; else the caller runs it in the blocking
	 * pool. */
	bool (*carries)(struct sl_engine *engine, enum sl_op_kind kind);

	/* NULL, or carries out at once what cannot wait (sends and receives with MSG_DONTWAIT), for
	 * which a turn of the loop would cost more than it does. True if op->result has come, and
	 * op->submitted_ns; the operation was not submitted then. */
	bool (*run_now)(struct sl_engine *engine, struct sl_op *op);

	/* Take the operation. At most SL_ENGINE_SLOTS are out at once (the caller's semaphore sees
	 * to it). Never fails: what the kernel refuses comes back as a result. */
	void (*submit)(struct sl_engine *engine, struct sl_op *op);
	void (*cancel)(struct sl_engine *engine, struct sl_op *op);

	/*
	 * Pass on what was submitted, then wait until something is done, `until_ns` has come (0 =
	 * do not wait) or wake() was called. Puts at most `max` finished operations into done[] and
	 * returns their count, or a negative code if the engine is broken for good.
	 */
	int (*wait)(struct sl_engine *engine, uint64_t until_ns, struct sl_op **done, size_t max);

	/* From any thread: make a wait() that runs or comes next return soon. Cheap if the engine
	 * is not waiting. */
	void (*wake)(struct sl_engine *engine);

	/* What this engine is and what it found, one line for --version and the log, into
	 * text[len]. */
	void (*describe)(struct sl_engine *engine, char *text, size_t len);
};

struct sl_engine {
	const struct sl_engine_methods *methods;
	bool simulated;  /* virtual time: worker and blocking functions run inline, as part of the
			    same thread */
	uint64_t enters; /* calls into the kernel that waited or submitted */
};

/*
 * The io_uring engine of the calling thread. `err` names which refusal it was (ENOSYS, EINVAL:
 * kernel older than 6.1; EPERM: kernel.io_uring_disabled or a seccomp filter; ENOMEM: lockable
 * memory) and what to do.
 */
int sl_engine_uring_new(struct sl_engine **out, struct sl_error *err) SL_MUST_CHECK;

/* Static text: "read", "sync", "rename"... */
const char *sl_op_kind_name(enum sl_op_kind kind);

/* Run an operation by plain system calls, blocking. For the blocking pool and for engines that lack
 * a kind. Returns what op->result would be. */
int sl_op_run_blocking(struct sl_op *op);

#endif
