/*
 * io.c - the operations that io.h offers.
 */
#include "io_int.h"

#include <errno.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* TCP_CLOSE of <netinet/tcp.h>, whose tcp_info is older than the one of <linux/tcp.h> */
#define STATE_CLOSE 7

#define READ_LEN (64u * 1024u)
#define READ_FULL_MAX SL_MIB /* of one read, so that a task which is to stop does so */

/* ---- sockets and pipes ---- */

int
sl_io_socket(int domain, int type, int protocol)
{
	struct sl_op op = {
		.kind = SL_OP_SOCKET, .domain = domain, .type = type, .protocol = protocol
	};
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_connect(int fd, const struct sockaddr *address, socklen_t len, uint64_t deadline_ns)
{
	struct sl_op op = {
		.kind = SL_OP_CONNECT, .fd = fd, .address = address, .address_len = len
	};
	return io_run(&op, deadline_ns, IO_INTERRUPTIBLE);
}

int
sl_io_accept(int fd, struct sockaddr_storage *peer, socklen_t *peer_len, uint64_t deadline_ns)
{
	struct sl_op op = { .kind = SL_OP_ACCEPT,
		.fd = fd,
		.peer = (struct sockaddr *)peer,
		.peer_len = peer_len };
	return io_run(&op, deadline_ns, IO_INTERRUPTIBLE);
}

int
sl_io_set_option(int fd, int level, int name, int value)
{
	struct sl_engine *engine = sl_rt_current()->engine;
	return engine->methods->set_option(engine, fd, level, name, &value, sizeof(value));
}

int
sl_io_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	struct sl_engine *engine = sl_rt_current()->engine;
	/* Else each connection takes a port of all that the address has, and not one for each
	 * destination. Where it is refused, that is how it is. */
	(void)sl_io_set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	return engine->methods->bind(engine, fd, address, len);
}

int
sl_io_bind_device(int fd, const char *name)
{
	struct sl_engine *engine = sl_rt_current()->engine;
	size_t len = strlen(name);
	if (len == 0 || len >= IFNAMSIZ)
		return -ENODEV;
	return engine->methods->set_option(
		engine, fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)len);
}

static bool
get_tcp_info(int fd, struct tcp_info *info, size_t least)
{
	struct sl_engine *engine = sl_rt_current()->engine;
	socklen_t len = sizeof(*info);
	return engine->methods->get_option(engine, fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0 &&
	       len >= least;
}

uint64_t
sl_io_round_trip_ns(int fd)
{
	struct tcp_info info = { 0 };
	const size_t least = offsetof(struct tcp_info, tcpi_min_rtt) + sizeof(info.tcpi_min_rtt);
	return get_tcp_info(fd, &info, least) ? info.tcpi_min_rtt * SL_NS_PER_US : UINT64_MAX;
}

/*
 * The reset itself may be gone: a receive for the whole (MSG_WAITALL) that has bytes already when
 * the other side resets the connection returns the bytes, and the kernel forgets the reset (seen
 * with 6.18). But an orderly end is a FIN, which takes a place in the sequence behind the last byte
 * and is counted in tcpi_bytes_received. Unlike SO_ERROR that is not taken away by asking, and what
 * we did to our own half does not change it. Other sockets than TCP have no such count, and
 * lose no reset.
 */
bool
sl_io_was_reset(int fd, uint64_t received)
{
	struct tcp_info info = { 0 };
	const size_t least =
		offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received);
	return get_tcp_info(fd, &info, least) && info.tcpi_state == STATE_CLOSE &&
	       info.tcpi_bytes_received == received;
}

/* The engine reads only; the cast is the price of one field for both directions. */
static void *
unconst(const void *data)
{
	union {
		const void *in;
		void *out;
	} both = { .in = data };
	return both.out;
}

int
sl_io_send(int fd, const void *data, size_t len, int flags, uint64_t deadline_ns)
{
	struct sl_op op = { .kind = SL_OP_SEND,
		.fd = fd,
		.data = unconst(data),
		.len = len,
		.flags = (uint32_t)flags };
	return io_run(&op, deadline_ns, IO_INTERRUPTIBLE);
}

int
sl_io_send_all(int fd, const void *data, size_t len, uint64_t deadline_ns)
{
	const char *rest = data;
	while (len > 0) {
		int sent = sl_io_send(fd, rest, SL_MIN(len, (size_t)1 << 30), 0, deadline_ns);
		if (sent == -EINTR || sent == -EAGAIN)
			continue;
		if (sent < 0)
			return sent;
		if (sent == 0)
			return -EPIPE;
		rest += sent;
		len -= (size_t)sent;
	}
	return 0;
}

int
sl_io_recv(int fd, void *data, size_t len, int flags, uint64_t deadline_ns)
{
	struct sl_op op = {
		.kind = SL_OP_RECV, .fd = fd, .data = data, .len = len, .flags = (uint32_t)flags
	};
	return io_run(&op, deadline_ns, IO_INTERRUPTIBLE);
}

int
sl_io_read_stream_as(int fd, bool is_terminal, void *data, size_t len, uint64_t deadline_ns)
{
	struct sl_op op = { .kind = SL_OP_READ,
		.fd = fd,
		.data = data,
		.len = len,
		.off = SL_OFF_CURRENT,
		.may_block = is_terminal };
	return io_run(&op, deadline_ns, IO_INTERRUPTIBLE);
}

int
sl_io_write_stream_as(int fd, bool is_terminal, const void *data, size_t len, uint64_t deadline_ns)
{
	struct sl_op op = { .kind = SL_OP_WRITE,
		.fd = fd,
		.data = unconst(data),
		.len = len,
		.off = SL_OFF_CURRENT,
		.may_block = is_terminal };
	return io_run(&op, deadline_ns, IO_INTERRUPTIBLE);
}

void
sl_io_widen_pipe(int fd)
{
	struct sl_op op = { .kind = SL_OP_WIDEN_PIPE, .fd = fd, .length = SL_IO_PIPE };
	(void)io_run(&op, SL_FOREVER, 0);
}

int
sl_io_read_stream(int fd, void *data, size_t len, uint64_t deadline_ns)
{
	return sl_io_read_stream_as(fd, isatty(fd), data, len, deadline_ns);
}

int
sl_io_read_all(int fd, struct sl_buf *text, size_t most)
{
	bool is_terminal = isatty(fd);
	size_t begin = text->len;
	int got;
	do {
		if (!sl_buf_reserve(text, READ_LEN))
			return -ENOMEM;
		got = sl_io_read_stream_as(
			fd, is_terminal, text->data + text->len, READ_LEN, SL_FOREVER);
		text->len += got > 0 ? (size_t)got : 0;
	} while (got == -EINTR || (got > 0 && text->len - begin <= most));
	return got > 0 ? -EFBIG : got;
}

int
sl_io_read_input(const char *path, struct sl_buf *text, size_t most)
{
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(SL_IO_INPUT_NS));
	int fd = sl_io_open_input(path);
	int code = fd < 0 ? fd : sl_io_read_all(fd, text, most);
	sl_deadline_end(&scope);
	if (fd >= 0)
		(void)sl_io_close(fd);
	return code;
}

const char *
sl_io_input_timeout_text(void)
{
	_Static_assert(SL_IO_INPUT_NS == 60 * SL_NS_PER_S, "the text has the number");
	return sl_task_deadline() <= sl_now()
		       ? "the deadline has passed (a FIFO needs a writer that closes it)"
		       : "not all of it came within 60 s (a FIFO needs a writer that closes it)";
}

int
sl_io_write_stream(int fd, const void *data, size_t len, uint64_t deadline_ns)
{
	return sl_io_write_stream_as(fd, isatty(fd), data, len, deadline_ns);
}

int
io_poll_reserved(int fd, uint32_t events)
{
	struct sl_op op = { .kind = SL_OP_POLL, .fd = fd, .flags = events };
	return io_run(&op, SL_FOREVER, IO_INTERRUPTIBLE | IO_RESERVED);
}

int
sl_io_poll(int fd, uint32_t events, uint64_t deadline_ns)
{
	struct sl_op op = { .kind = SL_OP_POLL, .fd = fd, .flags = events };
	return io_run(&op, deadline_ns, IO_INTERRUPTIBLE);
}

/* ---- files ---- */

int
sl_io_read(int fd, void *data, size_t len, uint64_t off, uint32_t rw_flags)
{
	struct sl_op op = { .kind = SL_OP_READ,
		.fd = fd,
		.data = data,
		.len = len,
		.off = off,
		.flags = rw_flags };
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_read_full(int fd, void *data, size_t len, uint64_t off)
{
	size_t done = 0;
	for (int got = 1; done < len && got > 0;) {
		got = sl_io_read(fd, (char *)data + done, SL_MIN(len - done, (size_t)READ_FULL_MAX),
			off + done, 0);
		if (got == -EINTR || got == -EAGAIN)
			got = 1;
		else if (got < 0)
			return got;
		else
			done += (size_t)got;
	}
	return (int)done;
}

int
sl_io_write(int fd, const void *data, size_t len, uint64_t off)
{
	struct sl_op op = {
		.kind = SL_OP_WRITE, .fd = fd, .data = unconst(data), .len = len, .off = off
	};
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_write_all(int fd, const void *data, size_t len, uint64_t off)
{
	const char *rest = data;
	while (len > 0) {
		int written = sl_io_write(fd, rest, len, off);
		if (written == -EINTR || written == -EAGAIN)
			continue;
		if (written < 0)
			return written;
		if (written == 0)
			return -EIO; /* no progress and no reason: not to be spun on */
		rest += written;
		off += (uint64_t)written;
		len -= (size_t)written;
	}
	return 0;
}

int
sl_io_open(int dir_fd, const char *path, int flags, uint32_t mode, uint64_t resolve)
{
	struct sl_op op = { .kind = SL_OP_OPEN,
		.dir_fd = dir_fd,
		.path = path,
		.flags = (uint32_t)flags,
		.mode = mode,
		.resolve = resolve };
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_allocate(int fd, uint64_t off, uint64_t length)
{
	struct sl_op op = { .kind = SL_OP_ALLOCATE, .fd = fd, .off = off, .length = length };
	return io_run_slow(&op);
}

int
sl_io_sync(int fd, uint32_t flags)
{
	struct sl_op op = { .kind = SL_OP_SYNC, .fd = fd, .flags = flags };
	return io_run_slow(&op);
}

int
sl_io_sync_fs(int fd)
{
	struct sl_op op = { .kind = SL_OP_SYNC_FS, .fd = fd };
	return io_run_slow(&op);
}

int
sl_io_rename(int dir_fd, const char *path, int dir_fd2, const char *path2, uint32_t flags)
{
	struct sl_op op = { .kind = SL_OP_RENAME,
		.dir_fd = dir_fd,
		.path = path,
		.dir_fd2 = dir_fd2,
		.path2 = path2,
		.flags = flags };
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_link(int dir_fd, const char *path, int dir_fd2, const char *path2)
{
	struct sl_op op = { .kind = SL_OP_LINK,
		.dir_fd = dir_fd,
		.path = path,
		.dir_fd2 = dir_fd2,
		.path2 = path2 };
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_unlink(int dir_fd, const char *path, int flags)
{
	struct sl_op op = {
		.kind = SL_OP_UNLINK, .dir_fd = dir_fd, .path = path, .flags = (uint32_t)flags
	};
	return io_run_in_turn(&sl_task_self()->rt->removals, &op);
}

int
sl_io_mkdir(int dir_fd, const char *path, uint32_t mode)
{
	struct sl_op op = { .kind = SL_OP_MKDIR, .dir_fd = dir_fd, .path = path, .mode = mode };
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_stat(int dir_fd, const char *path, int flags, uint32_t mask, struct statx *out)
{
	struct sl_op op = { .kind = SL_OP_STAT,
		.dir_fd = dir_fd,
		.path = path,
		.flags = (uint32_t)flags,
		.mask = mask,
		.statx = out };
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_truncate(int fd, uint64_t length)
{
	struct sl_op op = { .kind = SL_OP_TRUNCATE, .fd = fd, .length = length };
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_lock(int fd)
{
	struct sl_op op = { .kind = SL_OP_LOCK, .fd = fd };
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_set_mode(int fd, uint32_t mode)
{
	struct sl_op op = { .kind = SL_OP_SET_MODE, .fd = fd, .mode = mode };
	return io_run(&op, SL_FOREVER, 0);
}

int
sl_io_set_time(int fd, uint64_t time_ns)
{
	struct sl_op op = { .kind = SL_OP_SET_TIME, .fd = fd, .time_ns = time_ns };
	return io_run(&op, SL_FOREVER, 0);
}

bool
sl_io_is_same_inode(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor;
}

int
sl_io_memory_file(void)
{
	struct sl_engine *engine = sl_rt_current()->engine;
	return engine->methods->memory_file(engine);
}

int
sl_io_watch_open(void)
{
	struct sl_engine *engine = sl_rt_current()->engine;
	return engine->methods->watch_open(engine);
}

int
sl_io_watch_add(int fd, const char *path, uint32_t events)
{
	struct sl_engine *engine = sl_rt_current()->engine;
	return engine->methods->watch_add(engine, fd, path, events);
}
