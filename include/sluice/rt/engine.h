/*
 * engine.h - the seam between the runtime and what carries out operations: the ring
 * (engine_uring.c), or a simulator with virtual time for tests (tests/support/engine_sim.c). Code
 * above rt must not refer to io_uring, and code above this interface does not ask which engine it
 * uses: the differences are methods.
 *
 * Rules every engine keeps:
 *  - An operation is submitted once and comes back exactly once, by wait(). Until then the
 *    operation, and every byte it points at, belongs to the engine and must stay where it is.
 *  - cancel() only asks. The operation still comes back by wait(): with what was done (bytes moved,
 *    a descriptor opened, a name renamed) if anything was done, else with -ECANCELED. Cancelling a
 *    finished operation is harmless.
 *  - No operation times out by itself, and none is linked to another.
 *  - One thread, the one that made the engine, calls everything except now(), thread_ns(),
 *    run_blocking(), wake(), and free() if a blocking call outlives the runtime.
 */
#ifndef SLUICE_RT_ENGINE_H
#define SLUICE_RT_ENGINE_H

#include "sluice/base/error.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

struct statx;

/* Operations in flight at once, at most; cancels not counted. An engine may have fewer. */
#define SL_ENGINE_SLOTS 1024

enum sl_op_kind {
	SL_OP_NOP,
	SL_OP_SOCKET,  /* domain, type, protocol -> fd, close-on-exec */
	SL_OP_CONNECT, /* fd, address, address_len */
	SL_OP_ACCEPT,  /* fd, peer and peer_len (or NULL) -> fd, close-on-exec */
	SL_OP_SEND,    /* fd, data, len, flags (MSG_*; MSG_NOSIGNAL is added) -> bytes */
	SL_OP_RECV,    /* fd, data, len, flags -> bytes, 0 at the end of the stream; with
			  MSG_WAITALL a cancel returns the bytes that came */
	SL_OP_READ,    /* fd, data, len, off, flags (RWF_*) -> bytes. With off SL_OFF_CURRENT it is
			  a stream: see sl_op_is_stream */
	SL_OP_WRITE,   /* as READ */
	SL_OP_POLL,    /* fd, flags (POLLIN...) -> events */
	SL_OP_OPEN,    /* dir_fd, path, flags (O_*; O_CLOEXEC is added), mode, resolve (RESOLVE_* of
			  openat2) -> fd */
	SL_OP_CLOSE,   /* fd; nothing may be in flight on it */
	SL_OP_ALLOCATE,  /* fd, off, length: fallocate mode 0 */
	SL_OP_SYNC,      /* fd, flags (0 or SL_SYNC_DATA) */
	SL_OP_SYNC_FS,   /* fd: syncfs of the file system that holds it */
	SL_OP_RENAME,    /* dir_fd, path -> dir_fd2, path2, flags (RENAME_*) */
	SL_OP_LINK,      /* dir_fd, path -> dir_fd2, path2 */
	SL_OP_UNLINK,    /* dir_fd, path, flags (AT_REMOVEDIR) */
	SL_OP_MKDIR,     /* dir_fd, path, mode */
	SL_OP_STAT,      /* dir_fd, path ("" with AT_EMPTY_PATH: dir_fd itself), flags (AT_*), mask
			   (STATX_*), statx */
	SL_OP_TRUNCATE,  /* fd, length */
	SL_OP_LOCK,      /* fd: exclusive flock without waiting; -EWOULDBLOCK if another holds it */
	SL_OP_SET_MODE,  /* fd, mode */
	SL_OP_SET_TIME,  /* fd, time_ns: modification time, wall clock; access time becomes now */
	SL_OP_FLUSH,     /* fd: what closing it would report (quota, NFS), and it stays open */
	SL_OP_SET_OWNER, /* fd, uid, gid, each may be SL_ID_LEFT; with both only the change time
			    changes */
	SL_OP_GET_ACL,   /* fd (O_PATH will do), data, len -> bytes of the access ACL as in its
			    extended attribute; 0 = none; -ERANGE if it is longer */
	SL_OP_SET_ACL, /* fd, data, len: the mode follows. Without data the ACL is removed, and the
			    mode stays; none to remove, or a file system without ACLs, is success */
	SL_OP_GET_XATTR, /* fd, attribute, data, len -> bytes of the extended attribute; 0 = none,
			    or a file system without them; -ERANGE if it is longer */
	SL_OP_SET_XATTR, /* fd, attribute, data, len */
	SL_OP_HAS_HOLE,  /* fd, off, length: 1 if some of these bytes were never written, else 0 */
	SL_OP_LIST, /* fd of a directory, data, len -> bytes of entries as of getdents64(2), from
			     the descriptor's position on; 0 at the end */
	SL_OP_HAS_WRITER, /* fd, opened for reading only: 1 if the file is open for writing by any
			     process, else 0; -EINVAL, -EACCES... where that is not known */
	SL_OP_WIDEN_PIPE, /* fd, length: a pipe that can hold so many bytes at least -> bytes it can
			     hold; -EBADF for what is no pipe, -EPERM beyond the user's limits */
	SL_OP_CALL,       /* fn, arg, free_arg -> what fn returned; on a thread, or what stands for
			   one */
	SL_OP_KINDS
};

/* Which member of the union in struct sl_op a kind uses. */
enum sl_op_family {
	SL_FAMILY_PLAIN, /* none: NOP, POLL, CLOSE, SYNC, SYNC_FS, LOCK, SET_MODE, FLUSH,
			    HAS_WRITER */
	SL_FAMILY_SOCKET,
	SL_FAMILY_CONNECT,
	SL_FAMILY_ACCEPT,
	SL_FAMILY_TRANSFER, /* SEND, RECV, READ, WRITE, GET_ACL, SET_ACL, GET_XATTR, SET_XATTR,
			       LIST */
	SL_FAMILY_EXTENT,   /* ALLOCATE, TRUNCATE, HAS_HOLE, WIDEN_PIPE */
	SL_FAMILY_TIME,
	SL_FAMILY_OWNER,
	SL_FAMILY_OPEN, /* OPEN and the three below begin with dir_fd and path */
	SL_FAMILY_NAME, /* UNLINK, MKDIR */
	SL_FAMILY_TWO_NAMES,
	SL_FAMILY_STAT,
	SL_FAMILY_CALL,
};

#define SL_OFF_CURRENT UINT64_MAX /* the descriptor's own position */
#define SL_ID_LEFT UINT32_MAX     /* this user or group stays as it is */
#define SL_SYNC_DATA 1u           /* fdatasync: the data and what is needed to find it */

/* Result of an operation that the engine took and then could not carry out; nothing was done. The
 * caller runs it in the blocking pool, as one that carries() refuses. */
#define SL_OP_NOT_CARRIED (-5900)

enum sl_op_state { SL_OP_IDLE, SL_OP_IN_FLIGHT, SL_OP_DONE };

/* Caller-owned; usually on the stack of the task that is parked on it. */
struct sl_op {
	enum sl_op_kind kind;
	enum sl_op_state state; /* the engine's; SL_OP_IDLE before submit, SL_OP_DONE once wait()
				   returned it */
	int fd;
	int result; /* valid in SL_OP_DONE: 0 or a count or a descriptor, or a negative errno */
	uint32_t flags;
	uint32_t mode;
	uint64_t off;
	union {
		struct { /* SL_FAMILY_TRANSFER */
			void *data;
			size_t len;     /* at most 2^30 */
			bool may_block; /* a terminal: reading and writing it blocks although asked
					   not to */
			const char *attribute; /* GET_XATTR and SET_XATTR: its name */
		};
		struct { /* SL_FAMILY_SOCKET */
			int domain, type, protocol;
		};
		struct { /* SL_FAMILY_CONNECT */
			const struct sockaddr *address;
			socklen_t address_len;
		};
		struct { /* SL_FAMILY_ACCEPT */
			struct sockaddr *peer;
			socklen_t *peer_len;
		};
		struct { /* SL_FAMILY_EXTENT */
			uint64_t length;
		};
		struct { /* SL_FAMILY_TIME */
			uint64_t time_ns;
		};
		struct { /* SL_FAMILY_OWNER */
			uid_t uid;
			gid_t gid;
		};
		struct { /* SL_FAMILY_OPEN, NAME, TWO_NAMES, STAT */
			int dir_fd;
			const char *path;
			union {
				uint64_t resolve; /* OPEN */
				struct {          /* TWO_NAMES */
					int dir_fd2;
					const char *path2;
				};
				struct { /* STAT */
					uint32_t mask;
					struct statx *statx;
				};
			};
		};
		struct { /* SL_FAMILY_CALL */
			int (*fn)(void *arg);
			void *arg;
			/* NULL: once begun the call cannot be cancelled. Else `arg` is heap memory,
			 * and a cancel abandons the call: it comes back at once with `is_abandoned`
			 * set, and free_arg(arg) is called when fn has returned, or if it never
			 * ran. */
			void (*free_arg)(void *arg);
			bool is_abandoned;
		};
	};
	void *owner;           /* the submitter's; the engine does not look at it */
	uint64_t submitted_ns; /* the submitter's, for statistics */
	uint32_t slot;         /* the engine's */
	bool after_absent;     /* in a batch (sl_io_batch); the engine does not look at it */
	bool after_regular;    /* likewise */
	struct sl_op *after;   /* likewise */
	bool (*is_due)(struct sl_op *op); /* likewise */
	uint64_t took_ns;                 /* likewise, of one run in a batch */
};

_Static_assert(sizeof(struct sl_op) <= 128, "two cache lines: hundreds stand in a batch");

struct sl_engine;

struct sl_engine_methods {
	const char *name; /* "io_uring", "simulator" */
	void (*free)(struct sl_engine *engine);
	uint64_t (*now)(struct sl_engine *engine);

	/* CPU time of the calling thread, for limits that must not depend on how busy the machine
	 * is. A simulator's own time, which does not pass meanwhile. */
	uint64_t (*thread_ns)(struct sl_engine *engine);

	/* True if the engine itself carries this operation; else the caller runs it in the blocking
	 * pool. It may look at all of it: an engine that waits for readiness carries the read of a
	 * pipe and not that of a file. */
	bool (*carries)(struct sl_engine *engine, const struct sl_op *op);

	/* Carry out the operation by this call, which may block. From any thread: workers and the
	 * blocking pool use it. Returns what op->result would be, and changes nothing else in
	 * *op. */
	int (*run_blocking)(struct sl_engine *engine, struct sl_op *op);

	/* NULL, or carries out at once what cannot wait (sends and receives with MSG_DONTWAIT), for
	 * which a turn of the loop would cost more than it does. True if op->result has come, and
	 * op->submitted_ns; the operation was not submitted then. */
	bool (*run_now)(struct sl_engine *engine, struct sl_op *op);

	/* getsockopt and setsockopt, which never block. 0 or a negative errno. */
	int (*get_option)(
		struct sl_engine *engine, int fd, int level, int name, void *value, socklen_t *len);
	int (*set_option)(struct sl_engine *engine, int fd, int level, int name, const void *value,
		socklen_t len);

	/* bind(2) of an Internet socket, which never blocks. 0 or a negative errno. */
	int (*bind)(
		struct sl_engine *engine, int fd, const struct sockaddr *address, socklen_t len);

	/* A second descriptor of the same open file, close-on-exec, or a negative errno. Never
	 * blocks. */
	int (*duplicate)(struct sl_engine *engine, int fd);

	/* A new file in memory, without a name, open for reading and writing, close-on-exec; or a
	 * negative errno. Never blocks. */
	int (*memory_file)(struct sl_engine *engine);

	/* inotify(7): a descriptor, close-on-exec and non-blocking, that is read as a stream; and
	 * what it is to report. Descriptors or negative errnos. */
	int (*watch_open)(struct sl_engine *engine);
	int (*watch_add)(struct sl_engine *engine, int fd, const char *path, uint32_t events);

	/* The absolute path of what `path` leads to, without links, on the heap. From any thread;
	 * may block. Returns 0 or a negative errno. */
	int (*real_path)(struct sl_engine *engine, const char *path, char **out);

	/* Take the operation. At most engine->slots are out at once (the caller's semaphores see to
	 * it). Never fails: what the kernel refuses comes back as a result. */
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
	unsigned slots;    /* operations it takes at once, at most SL_ENGINE_SLOTS */
	uint64_t enters;   /* calls into the kernel that waited or submitted */
	bool is_real_time; /* now() goes on while the process is stopped: see rt/current.c */
};

/*
 * The io_uring engine of the calling thread. `err` names which refusal it was (ENOSYS, EINVAL:
 * kernel older than 6.1; EPERM: kernel.io_uring_disabled or a seccomp filter; ENOMEM: lockable
 * memory) and what to do.
 */
int sl_engine_uring_new(struct sl_engine **out, struct sl_error *err) SL_MUST_CHECK;

/* Static text: "read", "sync", "rename"... */
const char *sl_op_kind_name(enum sl_op_kind kind);

enum sl_op_family sl_op_family(enum sl_op_kind kind);

/* True for kinds that find their object by dir_fd and path rather than by fd. */
bool sl_op_has_path(enum sl_op_kind kind);

/* A read or write at the descriptor's own position: a pipe, a terminal, an eventfd. It may wait for
 * as long as the other side likes; one with an offset waits for a disk. */
bool sl_op_is_stream(const struct sl_op *op);

/* Run an operation by plain system calls, blocking; of the real engines, and for engines that lack
 * a kind. Returns what op->result would be. */
int sl_op_run_blocking(struct sl_op *op);

/* The methods of these names, by plain system calls; of the real engines. */
int sl_engine_memory_file(struct sl_engine *engine);
int sl_engine_watch_open(struct sl_engine *engine);
int sl_engine_watch_add(struct sl_engine *engine, int fd, const char *path, uint32_t events);
int sl_engine_real_path(struct sl_engine *engine, const char *path, char **out);

#endif
