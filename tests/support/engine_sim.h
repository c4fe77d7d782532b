/*
 * engine_sim.h - the simulated engine behind rt/engine.h: a world with its own clock, file system
 * and network, moved by one seed. One thread, no system calls, no waiting: a minute of stalls costs
 * microseconds.
 *
 * What it does to the code under test, by the seed:
 *  - operations begin and end after random virtual delays (now and then a very long one), so in any
 *    order;
 *  - reads, writes, receives and sends come back short; MSG_WAITALL now and then too;
 *  - a cancel meets its operation before, while or after it was carried out; what was done is
 *    reported as done;
 *  - functions of the workers and of the blocking pool run on stacks of their own that take turns
 *    with everything else: what they do through run_blocking() is delayed, cut short and made to
 *    fail like any other operation, and an abandoned one goes on behind the caller's back;
 *  - operations on a path hang until they are let go (sim_hang);
 *  - the n-th operation fails, or any with some probability (sim_fail_nth, options.fault_ppm);
 *  - the power is cut (sim_crash): what was not synced is gone, torn or there, and names likewise.
 *
 * What it insists on (a breach prints the seed and a dump, and aborts): an operation is submitted
 * once and not touched while in flight; a buffer that is being received into is neither read (ASan)
 * nor written, and no other operation uses it; a buffer that is being written does not change;
 * descriptors are used only while open, and closed when nothing is in flight on them; no more than
 * SL_ENGINE_SLOTS operations at a time; the program does not spin. If nothing can ever happen
 * again, wait() prints which task waits for what and returns -EDEADLK, so sl_rt_run does too.
 *
 * A world outlives its engine: a second runtime may be started on it, as a second run of the
 * program would be. Environment: SLUICE_SEED=N runs that seed only; SLUICE_SIM_TRACE=1 prints each
 * operation to stderr.
 */
#ifndef SLUICE_TESTS_SUPPORT_ENGINE_SIM_H
#define SLUICE_TESTS_SUPPORT_ENGINE_SIM_H

#include "sluice/base/bytes.h"
#include "sluice/rt/engine.h"

#include <stdio.h>

struct sim;

/* ---- the world ---- */

struct sim_options {
	uint64_t seed;
	uint64_t start_ns; /* of the monotonic clock; not 0, so that 0 is always in the past */
	uint64_t wall_ns;  /* wall clock at the start, for the times of files */
	uint64_t limit_ns; /* virtual time a run may take */
	uint64_t disk_ns;  /* usual longest delay of an operation on a file; 1 in 64 takes up to 16
			      times as long */
	uint64_t net_ns;   /* longest one-way delay of the network */
	unsigned short_percent; /* of transfers that are cut short */
	unsigned late_percent; /* of cancels that come too late for an operation that could still be
				  stopped */
	uint64_t fault_ppm;    /* operations in a million that fail, among fault_kinds */
	uint64_t fault_kinds;  /* set of 1 << kind; 0 = all that can fail */
	uint64_t capacity;     /* of the file system, bytes */
	uint32_t dio_align;    /* alignment O_DIRECT wants; 0 = O_DIRECT is refused */
	unsigned fd_limit;     /* descriptors open at once */
	unsigned slots;        /* operations it takes at once; 0 = SL_ENGINE_SLOTS */
	bool no_allocate;      /* fallocate is not supported */
	bool fresh_files;      /* each file was changed just now, by the real clock */
	bool no_times;         /* times cannot be set, and the attempt succeeds */
	bool no_xattrs;        /* extended attributes other than ACLs are refused */
	bool no_noreplace;     /* RENAME_NOREPLACE is not supported (-EINVAL) */
	bool no_link;          /* hard links are not supported (-EPERM) */
	bool reuse_inodes;     /* a new file gets the number of one that is gone, as on ext4 */
	/* inotify */
	bool no_watch;               /* there is none (-EMFILE) */
	unsigned watch_limit;        /* directories that can be watched; 0 = no limit */
	size_t watch_queue;          /* events that wait; then one says that others are lost */
	uint64_t watch_late_ns;      /* the longest time an event takes */
	unsigned watch_lost_percent; /* of events that never come, as on network file systems */
	bool tolerant; /* breaches are counted, not fatal: for tests of the simulator itself */
};

/* Moderate defaults for this seed: 2 ms disk, 20 ms network, a third of transfers short, no faults,
 * 1 GiB, 4096. */
struct sim_options sim_options(uint64_t seed);

struct sim *sim_new(const struct sim_options *options);

/* The runtime on it must be gone. Descriptors may still be open. NULL is fine. */
void sim_free(struct sim *sim);

/* The engine for sl_rt_options.engine. Again after the runtime that had it was freed. */
struct sl_engine *sim_engine(struct sim *sim);

uint64_t sim_seed(const struct sim *sim);
uint64_t sim_now(const struct sim *sim);
uint64_t sim_wall_now(const struct sim *sim);

/* Operations submitted so far (also by earlier runtimes), those of one kind, and those in
 * flight. */
uint64_t sim_ops(const struct sim *sim);
uint64_t sim_ops_of(const struct sim *sim, enum sl_op_kind kind);

/* Operations under way now: of one kind, and all. */
unsigned sim_in_flight_of(const struct sim *sim, enum sl_op_kind kind);
unsigned sim_in_flight(const struct sim *sim);

/* From now on count how many operations of these kinds (set of 1 << kind) are in flight at once;
 * the most so far. */
void sim_watch(struct sim *sim, uint64_t kinds);
unsigned sim_watched_peak(const struct sim *sim);

/* Descriptors that operations opened and none has closed. */
unsigned sim_open_fds(const struct sim *sim);

/* Breaches so far, with `tolerant`; the text of the last one, or "". */
unsigned sim_breaches(const struct sim *sim);
const char *sim_last_breach(const struct sim *sim);

/* Everything in flight and open, and the connections. */
void sim_dump(struct sim *sim, FILE *out);

/* ---- seeds and checks ---- */

/* Half-open; end is 0 behind the seed 2^64 - 1, so that a loop ends at `seed != end`. */
struct sim_seeds {
	uint64_t first, end;
};

/*
 * [1, count + 1), a quarter of them in debug and sanitizer builds. The environment overrides it:
 * SLUICE_SEED=N is that seed alone, SLUICE_SEEDS=COUNT is [1, COUNT + 1), and
 * SLUICE_SEEDS=FIRST:COUNT is [FIRST, FIRST + COUNT), without COUNT as many as usual. Any seed
 * below 2^64 will do; other text fails.
 */
struct sim_seeds sim_seeds(unsigned count);

/* True if the environment has chosen the seeds. What holds only across a test's own seeds, as that
 * each of two outcomes is seen, is not asserted then. */
bool sim_seeds_are_chosen(void);

/* From one moment to the next that is tried: `usual`, three times that in debug and sanitizer
 * builds; but every one if SLUICE_SEED or SLUICE_SEEDS is set. */
unsigned sim_stride(unsigned usual);

/* Print seed, place and text, dump the world, abort. `sim` may be NULL. */
#define sim_check(sim, cond, ...) \
	((cond) ? (void)0 : sim_failed((sim), #cond, __FILE__, __LINE__, __VA_ARGS__))
SL_NORETURN void sim_failed(struct sim *sim, const char *cond, const char *file, int line,
	const char *fmt, ...) SL_PRINTF(5, 6);

/* ---- faults ---- */

/*
 * The `nth` operation from now (1 = the next) among `kinds` (set of 1 << kind; 0 = all) fails with
 * `code` (negative), or, if 0, with a code this kind may well give, chosen by the seed. Nothing of
 * it is done, except: a failed close closes, a failed sync loses for good what it should have
 * written, a failed send or receive breaks the connection (not -EINTR and -EAGAIN). Replaces an
 * earlier request; nth 0 withdraws it.
 */
void sim_fail_nth(struct sim *sim, uint64_t nth, int code, uint64_t kinds);

/* The same for the nth and all after it. */
void sim_fail_from(struct sim *sim, uint64_t nth, int code, uint64_t kinds);

/* The nth transfer from now (a read, write, receive or send of more than one byte, among `kinds`; 0
 * = all) moves fewer bytes than it could. It counts among sim_faults. nth 0 withdraws it. */
void sim_short_nth(struct sim *sim, uint64_t nth, uint64_t kinds);

/* How many operations were made to fail; whether one of this kind was; and the last of them, for
 * messages. */
unsigned sim_faults(const struct sim *sim);
bool sim_has_failed(const struct sim *sim, enum sl_op_kind kind);

/* From now on no operation fails by chance. */
void sim_stop_faults(struct sim *sim);
const char *sim_last_fault(const struct sim *sim);

/* When the nth operation from now is submitted, call fn: for what other programs do to the files
 * meanwhile. */
typedef void sim_deed(struct sim *sim, void *ctx);
void sim_at(struct sim *sim, uint64_t nth, sim_deed *fn, void *ctx);

/* The same when the nth operation from now comes back: it is done, and its result has not
 * been read yet. */
void sim_at_done(struct sim *sim, uint64_t nth, sim_deed *fn, void *ctx);

/*
 * From now on operations that name `path`, or a path below it, as they are written, do not come
 * back: the server of that mount is down. NULL: it is up again, and they go on.
 */
void sim_hang(struct sim *sim, const char *path);

/* After the runtime's end: what abandoned calls still do is done to its end; what hangs goes on. */
void sim_finish_abandoned(struct sim *sim);

/*
 * From now on the file system is as one whose journal was aborted: nothing gets durable any more.
 * Names and contents change in memory only, a directory's sync still reports success, that of a
 * file or of the whole -EIO, and SL_OP_SET_OWNER -EROFS.
 */
void sim_abort_journal(struct sim *sim);

/* A descriptor that is readable (one byte, then the end) once `nth` operations from now were
 * submitted: what waits for it can then, for example, cancel. */
int sim_trap(struct sim *sim, uint64_t nth);

/* ---- the file system; paths from "/", the working directory ---- */

/* Make it with its parents, durable at once; data is copied. An existing file is replaced in
 * place. */
void sim_put_file(struct sim *sim, const char *path, const void *data, size_t len, uint32_t mode);
void sim_put_directory(struct sim *sim, const char *path, uint32_t mode);
void sim_put_link(struct sim *sim, const char *path, const char *target);

/* A FIFO (S_IFIFO) or character device (S_IFCHR) that takes what is written, or answers `code` if
 * that is not 0. */
void sim_put_node(struct sim *sim, const char *path, uint32_t type, int code);

/* As if other programs did it, now. The path must exist (asserted). */
void sim_append(struct sim *sim, const char *path, const void *data, size_t len);
void sim_cut(struct sim *sim, const char *path, size_t size);
/* Bytes of the file from `off` on cannot be read: -EIO, as from a bad sector. */
void sim_damage(struct sim *sim, const char *path, uint64_t off);
void sim_remove(struct sim *sim, const char *path);
/* What has the name `to` is replaced. In one directory. */
void sim_rename(struct sim *sim, const char *path, const char *to);
/* The content of a file, or the names in a directory, get durable. */
void sim_make_durable(struct sim *sim, const char *path);
void sim_set_owner(struct sim *sim, const char *path, uint32_t uid, uint32_t gid);
/* In the form of its extended attribute. */
void sim_set_acl(struct sim *sim, const char *path, const void *acl, size_t len);
void sim_hold_lock(struct sim *sim, const char *path, bool held);

/* Bytes that can still be allocated. */
uint64_t sim_room(const struct sim *sim);
void sim_set_capacity(struct sim *sim, uint64_t capacity);

bool sim_exists(struct sim *sim, const char *path);

/* The content as it is now, valid until the next change; false without such a regular file. */
bool sim_content(struct sim *sim, const char *path, struct sl_span *out);
uint32_t sim_mode(struct sim *sim, const char *path);
uint32_t sim_uid(struct sim *sim, const char *path);
uint32_t sim_gid(struct sim *sim, const char *path);
struct sl_span sim_acl(struct sim *sim, const char *path); /* empty = none */
uint64_t sim_mtime_ns(struct sim *sim, const char *path);

/* Names in a directory, "." and ".." not counted; the index-th of them (any order), NULL past the
 * end. */
size_t sim_name_count(struct sim *sim, const char *directory);
const char *sim_name(struct sim *sim, const char *directory, size_t index);

/* True if name and content as they are now would survive whatever happens. */
bool sim_is_durable(struct sim *sim, const char *path);

enum sim_crash {
	SIM_CRASH_KILL,   /* only the process is gone: all it did is there */
	SIM_CRASH_KEEP,   /* all it did has reached the disk, and another boot finds it: with each
			     moment, each prefix of the log of changes */
	SIM_CRASH_DROP,   /* nothing survives that was not synced */
	SIM_CRASH_NAMES,  /* all names survive, no unsynced data does: the worst case for renames
			      before syncing */
	SIM_CRASH_SIZES,  /* all names and sizes survive, unsynced data reads as zeros */
	SIM_CRASH_RANDOM, /* each directory keeps a prefix of its changes, each block of a file its
			     old or new bytes */
	SIM_CRASHES,
};

/* Cut the power: the state a next boot would find; descriptors are gone. No operation may be in
 * flight. */
void sim_crash(struct sim *sim, enum sim_crash how);

/*
 * When the nth operation from now is submitted, the disk is copied and the power cut there, while
 * this world goes on. sim_cut_world hands out the copy (a world to be freed; the number of
 * operations at that moment in *at_op), or NULL if the run did not get so far. sim_cut_now does it
 * at once, for deeds.
 */
void sim_cut_at(struct sim *sim, uint64_t nth, enum sim_crash how);
void sim_cut_now(struct sim *sim, enum sim_crash how);
struct sim *sim_cut_world(struct sim *sim, uint64_t *at_op);

/* The process is stopped in `after_ns`, for `ns`, while the world goes on; its engine has a real
 * clock from now on. */
void sim_stop(struct sim *sim, uint64_t after_ns, uint64_t ns);

/* ---- streams: standard input and output, pipes ---- */

/* A stream to read from. number 0 for standard input, -1 for a new descriptor. Returns it. */
int sim_source(struct sim *sim, int number);

/* Queued one behind the other: bytes (copied), a pause, the end, an error. */
void sim_source_data(struct sim *sim, int number, const void *data, size_t len);
void sim_source_pause(struct sim *sim, int number, uint64_t ns);
void sim_source_end(struct sim *sim, int number);
void sim_source_fail(struct sim *sim, int number, int code);

/* A stream to write to: its reader takes `rate` bytes a second (0 = never any, SL_FOREVER = at
 * once) out of a pipe of `room` bytes. number 1, 2 or -1 for a new one. Returns it. */
int sim_sink(struct sim *sim, int number, size_t room, uint64_t rate);

/* After `limit` more bytes each write gives `code` (-EPIPE, -ENOSPC). */
void sim_sink_limit(struct sim *sim, int number, uint64_t limit, int code);

/* What was written so far; valid until the next write. */
struct sl_span sim_sink_data(struct sim *sim, int number);

/* ---- the network ---- */

struct sim_peer; /* a server's end of one connection */

enum sim_reach { SIM_ACCEPT, SIM_REFUSE, SIM_UNREACHABLE, SIM_BLACK_HOLE };

enum sim_step_kind {
	SIM_STEP_END,    /* of the script: nothing more, the connection stays */
	SIM_STEP_SEND,   /* data, len */
	SIM_STEP_PAUSE,  /* ns */
	SIM_STEP_EXPECT, /* wait until what came since the last EXPECT holds `data` (a text) */
	SIM_STEP_FINISH, /* half-close: the client reads the end of the stream */
	SIM_STEP_RESET,
};

struct sim_step {
	enum sim_step_kind kind;
	const void *data;
	size_t len;
	uint64_t ns;
};

/* Events of a connection, for servers that are more than a script. Each may be NULL. */
struct sim_server_methods {
	void (*opened)(struct sim_peer *peer, void *ctx);
	void (*received)(struct sim_peer *peer, void *ctx, const char *data, size_t len);
	void (*closed)(
		struct sim_peer *peer, void *ctx); /* by the client; last call for this peer */
};

struct sim_server {
	const char *address; /* numeric: "10.0.0.1", "fd00::1" */
	uint16_t port;
	enum sim_reach reach;
	const struct sim_server_methods *methods; /* or NULL and */
	const struct sim_step *script;            /* run on each connection */
	void *ctx;
	size_t window;   /* bytes the client's side holds unread; 0 = 256 KiB */
	size_t segment;  /* largest piece that arrives at once; 0 = by the seed: 1..20, 1460 or 64
			    KiB */
	uint64_t gap_ns; /* longest time between pieces; 0 = 100 us */
	/* Bytes a second that it sends on each connection, and on all together; 0 = no limit. */
	uint64_t rate, total_rate;
	bool reads_nothing; /* reads nothing: the client's sends stop when 256 KiB are under way */
};

/* Listen. Everything borrowed until sim_free. An address and port without a server refuses. A later
 * call for the same address replaces the server for later connections. */
void sim_listen(struct sim *sim, const struct sim_server *server);

/* Queued one behind the other; `data` is borrowed for the peer's life. */
void sim_peer_send(struct sim_peer *peer, const void *data, size_t len);
void sim_peer_send_copy(struct sim_peer *peer, const void *data, size_t len);
void sim_peer_pause(struct sim_peer *peer, uint64_t ns);
void sim_peer_finish(struct sim_peer *peer);
void sim_peer_reset(struct sim_peer *peer);
void sim_peer_run(struct sim_peer *peer, const struct sim_step *script);

/* For the server's own state. */
void sim_peer_set_data(struct sim_peer *peer, void *data);
void *sim_peer_data(const struct sim_peer *peer);
unsigned sim_peer_index(const struct sim_peer *peer); /* connections before it in this world */
struct sim *sim_peer_world(const struct sim_peer *peer);

unsigned sim_connections(const struct sim *sim);      /* ever accepted */
unsigned sim_connections_open(const struct sim *sim); /* not yet closed by the client */

#endif
