/*
 * sim_world.h - what the files of the simulated engine share. Tests include engine_sim.h only.
 *
 *   engine_sim.c  operations through their stages    sim_flow.c  bytes on their way
 *   sim_check.c   rules and reports                  sim_fd.c    descriptors, sources, sinks
 *   sim_fault.c   which operations fail              sim_net.c   sockets, servers
 *   sim_world.c   birth and end                      sim_path.c  inodes, names, walking
 *   sim_disk.c    what is durable, power cuts        sim_file.c  operations on files
 *   sim_thread.c  calls that stand for threads       sim_list.c  entries of directories
 *   sim_watch.c   changes in directories
 */
#ifndef SLUICE_TESTS_SUPPORT_SIM_WORLD_H
#define SLUICE_TESTS_SUPPORT_SIM_WORLD_H

#include "engine_sim.h"
#include "sim_block.h"

#include "sluice/base/heap.h"
#include "sluice/base/list.h"
#include "sluice/base/random.h"
#include "sluice/rt/fiber.h"

#include <sys/stat.h>

/* ---- time ---- */

struct sim_event {
	struct sl_heap_node node;
	void (*fire)(struct sim *sim, struct sim_event *event);
};

/* Arm it, anew if it was armed. */
void sim_event_at(struct sim *sim, struct sim_event *event, uint64_t at_ns);
void sim_event_drop(struct sim *sim, struct sim_event *event);

uint64_t sim_below(struct sim *sim, uint64_t bound); /* 0 if bound is 0 */
bool sim_percent(struct sim *sim, unsigned percent);

/* How many of the `n` units it could move a transfer does move: by chance, or because it was asked
 * for. */
struct sim_job;
size_t sim_shorten(struct sim *sim, const struct sim_job *job, size_t n);

/* ---- operations ---- */

/*
 * QUEUED -> DELAYED (wait() passed it on) -> WAITING (begun, the other side must move first) ->
 * FINISHING (its result stands) -> READY (the next wait() may return it). Cancelling stops it in
 * the first three, by chance.
 */
enum sim_stage { SIM_FREE, SIM_QUEUED, SIM_DELAYED, SIM_WAITING, SIM_FINISHING, SIM_READY };

/* Jobs at once: the operations of the seam's slots, and what calls on threads add to them. */
#define SIM_JOBS (SL_ENGINE_SLOTS + 1024)

struct sim_thread;

struct sim_job {
	struct sl_list link; /* in queued, ready, or the descriptor's waiting list */
	struct sim_event event;
	enum sim_stage stage;
	struct sl_op *op;
	struct sl_op copy; /* as submitted */
	char *path, *path2;
	struct sockaddr_storage address;
	uint64_t id; /* counts from 1 over the world's life */
	int fault;   /* the code it is to fail with */
	bool brief;  /* it is to move fewer bytes than it could */
	bool waits;  /* it found too little at first */
	bool cancelled;
	int result;
	struct sim_thread *thread; /* a call: the thread it runs on */
	struct sim_thread *waiter; /* the thread that waits for it; NULL: it comes back by wait() */
	unsigned char *staging; /* what the caller's buffer gets when the operation is returned */
	size_t got;
	uint32_t crc; /* of what is being written */
	struct statx statx;
};

void sim_job_finish(struct sim *sim, struct sim_job *job, int result);

/* The operation is the caller's again. */
void sim_job_return(struct sim *sim, struct sim_job *job);

/* Take an operation, and let what was taken begin. */
struct sim_job *sim_job_submit(struct sim *sim, struct sl_op *op);
void sim_pass_on(struct sim *sim);

/* It leads to or through a path that hangs. */
bool sim_hangs(const struct sim *sim, const struct sim_job *job);

/* Carry it out to its end, now. */
void sim_job_run_now(struct sim *sim, struct sim_job *job);

/* ---- threads: see sim_thread.c ---- */

void sim_thread_begin(struct sim *sim, struct sim_job *call);
void sim_thread_abandon(struct sim *sim, struct sim_job *call);
void sim_thread_resume(struct sim *sim, struct sim_thread *thread);
int sim_thread_run(struct sim *sim, struct sl_op *op);
void sim_threads_free(struct sim *sim);

/* Put bytes behind those the job has got. */
void sim_job_gather(struct sim_job *job, const void *data, size_t len);

extern const struct sl_engine_methods sim_engine_methods;

bool sim_op_is_input(const struct sl_op *op);  /* its buffer gets bytes from the engine */
bool sim_op_is_output(const struct sl_op *op); /* its buffer is read by the engine */
bool sim_op_uses_fd(enum sl_op_kind kind);

void sim_check_submitted(struct sim *sim, const struct sl_op *op);
void sim_check_untouched(struct sim *sim, const struct sim_job *job);
void sim_take_memory(struct sim_job *job);
void sim_give_memory_back(struct sim *sim, struct sim_job *job);
void sim_forget_memory(const struct sim_job *job);

void sim_fault_choose(struct sim *sim, struct sim_job *job);
void sim_traps_spring(struct sim *sim);
void sim_done_spring(struct sim *sim);

/* Dump, and say how to repeat the run. NULL is fine. */
void sim_print_seed(struct sim *sim);
void sim_breach(struct sim *sim, const char *fmt, ...) SL_PRINTF(2, 3);

/* ---- bytes on their way from a producer to a consumer ---- */

/* What several flows share: pieces take turns. */
struct sim_line {
	uint64_t rate;     /* bytes a second */
	uint64_t ready_ns; /* when it has carried all that was sent */
};

struct sim_flow {
	struct sim *sim;
	struct sl_list items;
	size_t queued; /* bytes pushed that have not arrived */
	unsigned char *data;
	size_t len, cap; /* bytes that arrived and were not taken */
	uint64_t taken;  /* bytes the consumer has had so far */
	bool ended;
	bool was_reset; /* it ended by a failure */
	int error;
	bool stalled;      /* the consumer's window is full */
	uint64_t ready_ns; /* no piece before */
	struct sim_event event;
	size_t segment, window;
	size_t low_water; /* a read that waits goes on once so much is there */
	uint64_t gap_ns;
	uint64_t rate;         /* bytes a second; SL_FOREVER = by gap_ns */
	struct sim_line *line; /* NULL = none */
	void (*arrived)(struct sim_flow *flow);
	void *owner;
};

void sim_flow_init(
	struct sim_flow *flow, struct sim *sim, void (*arrived)(struct sim_flow *), void *owner);
void sim_flow_release(struct sim_flow *flow);
void sim_flow_push(struct sim_flow *flow, const void *data, size_t len, bool copy);
void sim_flow_pause(struct sim_flow *flow, uint64_t ns);
void sim_flow_end(struct sim_flow *flow);
void sim_flow_fail(struct sim_flow *flow, int code);

/* Takes the first n arrived bytes away. */
void sim_flow_take(struct sim_flow *flow, size_t n);

/* READ or RECV from it; true when the job was finished. */
bool sim_flow_read(struct sim_flow *flow, struct sim_job *job);
short sim_flow_events(const struct sim_flow *flow);

/* ---- descriptors ---- */

struct sim_fd {
	int number;
	int flags; /* O_* */
	unsigned in_flight;
	bool closing;
	struct sl_list waiting; /* jobs */
	struct sim_inode *inode;
	uint64_t position;
	struct sim_socket *socket;
	struct sim_flow *source;
	struct sim_sink *sink;
	struct sim_watcher *watcher;
};

#define SIM_FD_FIRST 1000 /* far from real descriptors, so that a mix-up shows */

/* NULL if there is none. */
struct sim_fd *sim_fd(const struct sim *sim, int number);

/* number -1 = a new one. */
struct sim_fd *sim_fd_new(struct sim *sim, int number);

/* True, and an operation gets -EMFILE, if the limit is reached. */
bool sim_fd_full(const struct sim *sim);
/* Of a file or directory; a lock stays the first descriptor's. */
int sim_fd_duplicate(struct sim *sim, int number);
void sim_fd_close(struct sim *sim, struct sim_fd *fd);
void sim_fd_close_all(struct sim *sim);

/* Something changed: let the jobs that wait on it try again. */
void sim_fd_poke(struct sim *sim, struct sim_fd *fd);

/* Try to carry out a job on a stream or socket; true when it was finished. */
bool sim_stream_try(struct sim *sim, struct sim_fd *fd, struct sim_job *job);

/* ---- streams ---- */

struct sim_sink {
	struct sim_flow pipe;
	struct sl_buf taken; /* all that was ever written */
	uint64_t limit;
	int code;
	int fd;
};

void sim_sink_free(struct sim_sink *sink);
struct sim_sink *sim_sink_new(struct sim *sim, int fd, size_t room, uint64_t rate);
bool sim_sink_write(struct sim *sim, struct sim_sink *sink, struct sim_job *job);
short sim_sink_events(const struct sim_sink *sink);

/* ---- changes in directories: see sim_watch.c ---- */

int sim_watch_open(struct sim *sim);
int sim_watch_add(struct sim *sim, int fd, const char *path, uint32_t mask);
void sim_watch_close(struct sim_watcher *watcher);
short sim_watch_events(const struct sim_watcher *watcher);
void sim_watch_read(struct sim *sim, struct sim_watcher *watcher, struct sim_job *job);

/* Events for those that watch the directory, or that of the file. */
void sim_watch_tell(struct sim *sim, const struct sim_inode *directory, const char *name,
	uint32_t mask, uint32_t cookie);
void sim_watch_modified(struct sim *sim, const struct sim_inode *inode);
void sim_watch_renamed(
	struct sim *sim, const struct sim_inode *directory, const char *remove, const char *add);

/* ---- network ---- */

void sim_net_set_option(const struct sim_socket *socket, int level, int name, const void *value);
int sim_net_get_option(
	const struct sim_socket *socket, int level, int name, void *value, socklen_t *len);
int sim_net_socket(struct sim *sim, const struct sl_op *op);
void sim_net_connect(struct sim *sim, struct sim_fd *fd, struct sim_job *job);
bool sim_net_try(struct sim *sim, struct sim_fd *fd, struct sim_job *job);
void sim_net_break(struct sim *sim, struct sim_fd *fd, int code);
void sim_net_close(struct sim *sim, struct sim_socket *socket);
bool sim_net_is_lost(
	const struct sim_socket *socket); /* no answer will come before the kernel gives up */
void sim_net_dump(const struct sim *sim, FILE *out);
void sim_net_release(struct sim *sim);

/* ---- the file system ---- */

struct sim_name {
	struct sl_list link;
	char *text;
	struct sim_inode *inode;
};

/* A change of a directory that no sync has covered: `add` now leads to inode (NULL = nothing),
 * `remove` is gone. */
struct sim_change {
	struct sl_list link;
	char *remove, *add;
	struct sim_inode *inode;
};

#define SIM_ACL_MAX 100
#define SIM_XATTR_MAX 320

/* Whose it is, the access ACL in the form of its extended attribute, and the one other attribute
 * that it can have, whatever its name. */
struct sim_owner {
	uint32_t uid, gid;
	size_t acl_len; /* 0 = no ACL */
	unsigned char acl[SIM_ACL_MAX];
	size_t xattr_len; /* 0 = no attribute */
	unsigned char xattr[SIM_XATTR_MAX];
};

struct sim_inode {
	struct sl_list link; /* of all in the world */
	uint64_t ino;
	uint32_t mode; /* with the type */
	struct sim_owner owner;
	unsigned names, opens;
	uint64_t mtime_ns, birth_ns;
	/* regular file */
	unsigned char *data;
	size_t size, cap;
	uint64_t allocated;
	unsigned char *stable;
	size_t stable_size;
	uint32_t stable_mode;
	struct sim_owner stable_owner;
	uint64_t stable_mtime_ns;
	bool is_ino_reused;
	bool lost;     /* a sync failed: what was dirty then will never be written */
	int lost_code; /* of the failed syncfs that lost it, which the file's own sync reports */
	struct sim_fd *locked_by;
	bool locked_outside;
	bool is_damaged; /* from this offset on */
	uint64_t damaged_off;
	/* directory */
	struct sim_inode *parent;
	struct sl_list entries, stable_entries; /* sim_name */
	struct sl_list changes;
	/* link */
	char *target;
	/* device, FIFO */
	struct sim_sink *sink;
	struct sim_inode *copy; /* while a disk is being copied */
};

struct sim_inode *sim_inode_new(struct sim *sim, uint32_t mode);
struct sim_name *sim_entry(struct sim_inode *directory, const char *text, size_t len);

/* Change a directory's names, and note that the change is not durable. Exactly one of them may be
 * NULL. */
void sim_directory_change(struct sim *sim, struct sim_inode *directory, const char *remove,
	const char *add, struct sim_inode *inode);

/* Where a path leads. `last` is the final component, in `directory`; inode is NULL if there is no
 * such name. */
struct sim_place {
	struct sim_inode *directory;
	char last[256];
	struct sim_inode *inode;
	bool wants_directory; /* the path ended with a slash */
	bool dot;             /* it ended with . or .. */
};

/* What becomes of a link as the last component: the name itself is meant (rename, unlink, making
 * something); it is not followed unless a slash comes behind it; it is followed. */
enum sim_follow { SIM_NAME, SIM_NOFOLLOW, SIM_FOLLOW };

/* Returns 0 or a negative code; a missing final name is not a failure. */
int sim_walk(struct sim *sim, int dir_fd, const char *path, uint64_t resolve,
	enum sim_follow follow, struct sim_place *place);

/* The inode at a path of the test's; NULL if there is none. */
struct sim_inode *sim_find(struct sim *sim, const char *path);

/* Set the size; -ENOSPC when the disk is full. New bytes are zeros. */
int sim_inode_resize(struct sim *sim, struct sim_inode *inode, uint64_t size);

/* Count bytes up to `end` as allocated; returns how far that was possible. */
uint64_t sim_inode_allocate(struct sim *sim, struct sim_inode *inode, uint64_t end);
void sim_inode_drop_if_unused(struct sim *sim, struct sim_inode *inode);

int sim_file_run(struct sim *sim, struct sim_job *job);
int sim_list_directory(struct sim *sim, struct sim_fd *fd, struct sim_job *job);
int sim_memory_file(struct sim *sim);
void sim_file_fault(struct sim *sim, const struct sim_job *job); /* a sync that failed */

void sim_disk_sync(struct sim_inode *inode);
void sim_disk_sync_all(struct sim *sim);
void sim_disk_lose(struct sim_inode *inode); /* a sync failed: what is dirty is gone */
/* In a list of names: `remove` goes (if not NULL), `add` leads to inode (if not NULL). */
void sim_set_name(
	struct sl_list *names, const char *remove, const char *add, struct sim_inode *inode);
void sim_drop_name(struct sim_name *name);

/* The oldest `apply` changes have reached the disk, the others are forgotten. */
void sim_settle_changes(struct sim_inode *directory, size_t apply);
void sim_disk_forget(struct sim_inode *directory); /* its changes; for the end of the world */

/* ---- the world ---- */

struct sim_fault_plan {
	uint64_t nth; /* operations still to go; 0 = none planned */
	bool lasting;
	int code;
	uint64_t kinds;
};

struct sim_trap {
	uint64_t left; /* operations still to go */
	int fd;
};

#define SIM_TRAPS 8

struct sim_deed_plan {
	uint64_t left; /* operations still to go */
	sim_deed *fn;
	void *ctx;
};

struct sim_cut {
	uint64_t left; /* operations still to go */
	enum sim_crash how;
	struct sim *world; /* what it left */
	uint64_t at_op;
};

void sim_cut_spring(struct sim *sim);

struct sim {
	struct sl_engine engine;
	struct sim_options options;
	uint64_t first_seed; /* of the world that this is a later one of: the one to run again */
	struct sl_random random;
	uint64_t now;
	uint64_t stop_at, stop_ns; /* sim_stop; stop_ns 0 = not any more */
	struct sl_heap events;
	bool attached, woken, trace;
	uint64_t idle_turns;

	struct sl_fiber loop; /* the thread's own stack, on which wait() runs */
	bool has_loop;
	struct sim_thread *running;   /* the call that is being run, or NULL */
	struct sl_list threads, idle; /* of all, and of those that run nothing */

	struct sim_job jobs[SIM_JOBS];
	size_t job_end; /* no job at or behind it was ever used */
	struct sl_list queued, ready;
	struct sl_list hung;  /* operations that hang (sim_hang) */
	char hangs_below[64]; /* the path they lead to or through; "" = none */
	unsigned in_flight;
	unsigned slots_taken; /* of them, those that come back by wait() and are not calls */
	uint64_t submitted, by_kind[SL_OP_KINDS];
	uint64_t watched;
	unsigned watched_now, watched_peak;

	struct sim_fault_plan plan, short_plan;
	unsigned faults;
	uint64_t failed_kinds;
	char last_fault[160];
	struct sim_trap traps[SIM_TRAPS];
	struct sim_deed_plan deed, done_deed;
	struct sim_cut cut;
	unsigned breaches;
	char last_breach[256];

	struct sim_fd **fds;
	size_t fd_cap;
	int fd_next;
	unsigned fd_open; /* made by operations */

	struct sl_list inodes;
	struct sim_inode *root;
	struct sl_list watchers;
	uint32_t watch_cookie;
	bool aborted; /* sim_abort_journal */
	uint64_t next_ino, used;
	unsigned boot; /* power cuts so far */

	struct sl_list servers, peers;
	unsigned accepted, connected;
};

#endif
