/*
 * Relay: an event loop over pairs of sockets. What a run of it does to its connections is described
 * in relay.h.
 *
 * The round trip is added to requests alone: a client sees the same times as with half of it each
 * way, and responses, which are large, need no memory here. connect() on loopback returns at once,
 * so bytes that a client sends within the first round trip are treated as if sent at its end.
 *
 * `paid_ns` is the time up to which a connection's bytes have used up its rate; once it has passed,
 * more bytes may follow, TICK_NS of them at a time. If the relay itself is late, it catches up, by
 * LATE_NS at most, so that its scheduling does not lower the rate. Time in which a connection waits
 * for the server or for its client is lost.
 *
 * Responses are moved by splice(), without copying their bytes here. Requests are read, held until
 * they are due, and counted by their empty lines. A client that closes ends its connection: HTTP
 * clients do not half-close.
 */
#include "support/relay.h"

#include "sluice/base/clock.h"
#include "sluice/base/list.h"
#include "sluice/base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Between two steps of a limited connection: 50 kB at 50 MB/s. */
#define TICK_NS ((uint64_t)1000000)

/* Longer than other programs occupy the CPU, shorter than what a client notices. */
#define LATE_NS ((uint64_t)50000000)

#define PIPE_BYTES ((size_t)256 * 1024)
#define REQUEST_BYTES ((size_t)64 * 1024) /* one read from a client */
#define HELD_MAX ((size_t)1024 * 1024)    /* of requests not sent yet; then reading stops */
#define EVENTS 256
#define BACKLOG 4096
#define NEVER UINT64_MAX

/* Bytes of a client that are not due yet. */
struct held {
	struct sl_list node;
	uint64_t due_ns;
	size_t off, len;
	unsigned char data[];
};

struct connection;

/* One of its two sockets. The events are edge-triggered: a flag stays set until EAGAIN. */
struct end {
	struct connection *connection;
	int fd;
	bool readable, writable;
};

struct connection {
	struct sl_list node;
	struct end client, server;
	bool closed; /* freed when the events at hand are done */

	struct sl_list held; /* of struct held, in order */
	size_t held_len;
	uint64_t opened_ns;
	unsigned matched; /* bytes of the empty line that ends a request's head */
	bool client_ended;

	int pipe[2];
	size_t piped; /* bytes of the response in it */
	uint64_t rate_bytes_s;
	uint64_t paid_ns;
	bool backlogged; /* it waits for nothing but its rate */
	bool stalled;

	uint64_t wake_ns; /* when it has to be pumped without an event */
};

struct counts {
	uint64_t connections, requests, bytes;
};

struct relay {
	struct sl_relay_options options;
	int epoll, listener, signals;
	struct sl_list open, closed;
	struct counts counts;
	bool has_stalled;
	uint64_t now_ns;
	uint64_t wake_ns; /* the earliest of all connections, or earlier */
};

static void
die(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool
would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* ---- requests ---- */

static void
count_requests(struct relay *relay, struct connection *conn, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == (unsigned char)"\r\n\r\n"[conn->matched])
			conn->matched++;
		else
			conn->matched = data[i] == '\r';
		if (conn->matched == 4) {
			relay->counts.requests++;
			conn->matched = 0;
		}
	}
}

static void
hold(struct relay *relay, struct connection *conn, const unsigned char *data, size_t len)
{
	struct held *held = malloc(sizeof(*held) + len);

	if (!held)
		die("cannot hold a request");
	held->due_ns = SL_MAX(relay->now_ns, conn->opened_ns + relay->options.rtt_ns) +
		       relay->options.rtt_ns;
	held->off = 0;
	held->len = len;
	memcpy(held->data, data, len);
	sl_list_push_back(&conn->held, &held->node);
	conn->held_len += len;
}

/* False if the connection is over. */
static bool
read_requests(struct relay *relay, struct connection *conn)
{
	unsigned char data[REQUEST_BYTES];

	while (conn->client.readable && !conn->client_ended && conn->held_len < HELD_MAX) {
		ssize_t len = read(conn->client.fd, data, sizeof(data));

		if (len < 0 && !would_block())
			return false;
		if (len < 0) {
			conn->client.readable = false;
		} else if (len == 0) {
			conn->client_ended = true;
		} else {
			count_requests(relay, conn, data, (size_t)len);
			hold(relay, conn, data, (size_t)len);
		}
	}
	return true;
}

static bool
send_requests(struct relay *relay, struct connection *conn)
{
	while (!sl_list_is_empty(&conn->held) && conn->server.writable) {
		struct held *held = sl_list_item(conn->held.next, struct held, node);
		ssize_t len;

		if (held->due_ns > relay->now_ns) {
			conn->wake_ns = SL_MIN(conn->wake_ns, held->due_ns);
			return true;
		}
		len = send(conn->server.fd, held->data + held->off, held->len - held->off,
			MSG_NOSIGNAL);
		if (len < 0 && !would_block())
			return false;
		if (len < 0) {
			conn->server.writable = false;
			return true;
		}
		held->off += (size_t)len;
		conn->held_len -= (size_t)len;
		if (held->off == held->len) {
			sl_list_pop(&conn->held);
			free(held);
		}
	}
	return !conn->client_ended || !sl_list_is_empty(&conn->held);
}

/* ---- responses ---- */

/* How many bytes may pass now. If none, the connection is woken when some may. */
static size_t
allowance(struct relay *relay, struct connection *conn)
{
	uint64_t now = relay->now_ns, credit_ns;

	if (!conn->rate_bytes_s)
		return PIPE_BYTES;
	conn->paid_ns = SL_MAX(conn->paid_ns, conn->backlogged ? now - LATE_NS : now);
	if (conn->paid_ns > now) {
		/* All connections at the same instants: one turn of the loop serves many. */
		uint64_t wake_ns = (conn->paid_ns + TICK_NS - 1) / TICK_NS * TICK_NS;

		conn->wake_ns = SL_MIN(conn->wake_ns, wake_ns);
		return 0;
	}
	credit_ns = now - conn->paid_ns + TICK_NS;
	return (size_t)SL_MIN(
		SL_MAX(conn->rate_bytes_s * credit_ns / SL_NS_PER_S, 1), (uint64_t)PIPE_BYTES);
}

/* How many bytes may pass before a connection has to stall: the first one that asks when none is
 * left. */
static size_t
left_to_stall(struct relay *relay, struct connection *conn)
{
	if (!relay->options.stall_at || relay->has_stalled)
		return conn->stalled ? 0 : PIPE_BYTES;
	if (relay->counts.bytes < relay->options.stall_at)
		return (size_t)SL_MIN(
			relay->options.stall_at - relay->counts.bytes, (uint64_t)PIPE_BYTES);
	relay->has_stalled = true;
	conn->stalled = true;
	return 0;
}

/* From the server into the empty pipe. False if the connection is over. */
static bool
fill_pipe(struct relay *relay, struct connection *conn)
{
	size_t left, want;
	ssize_t len;

	if (!conn->server.readable)
		return true;
	left = left_to_stall(relay, conn);
	want = allowance(relay, conn);
	want = SL_MIN(want, left);
	if (want == 0)
		return true;
	len = splice(conn->server.fd, NULL, conn->pipe[1], NULL, want,
		SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (len == 0 || (len < 0 && !would_block()))
		return false;
	conn->backlogged = len > 0;
	if (len < 0) {
		conn->server.readable = false;
		return true;
	}
	if (conn->rate_bytes_s)
		conn->paid_ns += (uint64_t)len * SL_NS_PER_S / conn->rate_bytes_s;
	conn->piped = (size_t)len;
	relay->counts.bytes += (uint64_t)len;
	return true;
}

static bool
empty_pipe(struct connection *conn)
{
	while (conn->piped > 0 && conn->client.writable) {
		ssize_t len = splice(conn->pipe[0], NULL, conn->client.fd, NULL, conn->piped,
			SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

		if (len < 0 && !would_block())
			return false;
		if (len < 0) {
			conn->client.writable = false;
			conn->backlogged = false;
		} else {
			conn->piped -= (size_t)len;
		}
	}
	return true;
}

static bool
pass_response(struct relay *relay, struct connection *conn)
{
	do {
		if (conn->piped == 0 && !fill_pipe(relay, conn))
			return false;
		if (conn->piped == 0)
			return true;
		if (!empty_pipe(conn))
			return false;
	} while (conn->piped == 0);
	return true;
}

/* ---- connections ---- */

static void
close_connection(struct relay *relay, struct connection *conn)
{
	struct sl_list *node;

	while ((node = sl_list_pop(&conn->held)) != NULL)
		free(sl_list_item(node, struct held, node));
	close(conn->client.fd);
	close(conn->server.fd);
	close(conn->pipe[0]);
	close(conn->pipe[1]);
	conn->closed = true;
	sl_list_remove(&conn->node);
	sl_list_push_back(&relay->closed, &conn->node);
}

/* Move what can be moved, in both directions. */
static void
pump(struct relay *relay, struct connection *conn)
{
	conn->wake_ns = NEVER;
	if (!read_requests(relay, conn) || !send_requests(relay, conn) ||
		!pass_response(relay, conn))
		close_connection(relay, conn);
	else
		relay->wake_ns = SL_MIN(relay->wake_ns, conn->wake_ns);
}

static void
watch(struct relay *relay, struct end *end, struct connection *conn, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = end };
	int on = 1;

	end->connection = conn;
	end->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("cannot watch a connection");
}

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* If the server refuses, its socket reports an error and the client's is closed. */
static int
dial(const struct relay *relay)
{
	struct sockaddr_in address = loopback(relay->options.to);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("cannot make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS)
		die("cannot connect to the server");
	return fd;
}

static void
open_connection(struct relay *relay, int client)
{
	struct connection *conn = calloc(1, sizeof(*conn));
	const struct sl_relay_options *options = &relay->options;

	if (!conn || pipe2(conn->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		die("cannot take a connection");
	(void)fcntl(conn->pipe[0], F_SETPIPE_SZ, (int)PIPE_BYTES); /* a smaller one will do */
	sl_list_init(&conn->held);
	sl_list_push_back(&relay->open, &conn->node);
	conn->opened_ns = relay->now_ns;
	relay->counts.connections++;
	conn->rate_bytes_s = relay->counts.connections == options->slow_index
				     ? options->slow_bytes_s
				     : options->rate_bytes_s;
	conn->wake_ns = NEVER;
	watch(relay, &conn->client, conn, client);
	watch(relay, &conn->server, conn, dial(relay));
}

static void
accept_all(struct relay *relay)
{
	for (;;) {
		int fd = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			open_connection(relay, fd);
		else if (would_block())
			return;
		else if (errno != ECONNABORTED)
			die("cannot accept");
	}
}

/* ---- the loop ---- */

static void
report(const struct relay *relay)
{
	printf("connections=%llu requests=%llu bytes=%llu\n",
		(unsigned long long)relay->counts.connections,
		(unsigned long long)relay->counts.requests,
		(unsigned long long)relay->counts.bytes);
	fflush(stdout);
}

/* True if the relay has to end. */
static bool
take_signal(struct relay *relay)
{
	struct signalfd_siginfo info;

	if (read(relay->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	report(relay);
	sl_list_each(node, &relay->open)
		close_connection(relay, sl_list_item(node, struct connection, node));
	relay->counts = (struct counts){ 0 };
	relay->has_stalled = false;
	return info.ssi_signo != SIGUSR1;
}

static void
take_event(struct relay *relay, struct end *end, uint32_t events)
{
	const uint32_t trouble = EPOLLERR | EPOLLHUP; /* the next read or write tells which */

	if (end->connection->closed)
		return;
	end->readable = end->readable || events & (EPOLLIN | trouble);
	end->writable = end->writable || events & (EPOLLOUT | trouble);
	pump(relay, end->connection);
}

static void
wake_connections(struct relay *relay)
{
	if (relay->wake_ns > relay->now_ns)
		return;
	relay->wake_ns = NEVER;
	sl_list_each(node, &relay->open)
	{
		struct connection *conn = sl_list_item(node, struct connection, node);

		if (conn->wake_ns <= relay->now_ns)
			pump(relay, conn);
		else
			relay->wake_ns = SL_MIN(relay->wake_ns, conn->wake_ns);
	}
}

static int
wait_for_events(const struct relay *relay, struct epoll_event *events)
{
	uint64_t now = sl_clock_monotonic_ns();
	uint64_t left_ns = relay->wake_ns > now ? relay->wake_ns - now : 0;
	struct timespec left = { .tv_sec = (time_t)(left_ns / SL_NS_PER_S),
		.tv_nsec = (long)(left_ns % SL_NS_PER_S) };
	int count = epoll_pwait2(
		relay->epoll, events, EVENTS, relay->wake_ns == NEVER ? NULL : &left, NULL);

	if (count < 0 && errno != EINTR)
		die("cannot wait");
	return SL_MAX(count, 0);
}

static void
run(struct relay *relay)
{
	struct epoll_event events[EVENTS];
	bool ends = false;

	while (!ends) {
		int count = wait_for_events(relay, events);
		struct sl_list *node;

		relay->now_ns = sl_clock_monotonic_ns();
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == &relay->listener)
				accept_all(relay);
			else if (events[i].data.ptr == &relay->signals)
				ends = take_signal(relay);
			else
				take_event(relay, events[i].data.ptr, events[i].events);
		}
		wake_connections(relay);
		while ((node = sl_list_pop(&relay->closed)) != NULL)
			free(sl_list_item(node, struct connection, node));
	}
}

/* ---- start ---- */

static void
listen_on_loopback(struct relay *relay)
{
	struct sockaddr_in address = loopback(0);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &relay->listener };
	socklen_t len = sizeof(address);

	relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (relay->listener < 0 || bind(relay->listener, (struct sockaddr *)&address, len) < 0 ||
		getsockname(relay->listener, (struct sockaddr *)&address, &len) < 0 ||
		listen(relay->listener, BACKLOG) < 0 ||
		epoll_ctl(relay->epoll, EPOLL_CTL_ADD, relay->listener, &event) < 0)
		die("cannot listen");
	printf("port=%u pid=%ld\n", (unsigned)ntohs(address.sin_port), (long)getpid());
	fflush(stdout);
}

static void
watch_signals(struct relay *relay)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &relay->signals };
	sigset_t set;

	signal(SIGPIPE, SIG_IGN); /* splice() has no flag against it */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	relay->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (relay->signals < 0 ||
		epoll_ctl(relay->epoll, EPOLL_CTL_ADD, relay->signals, &event) < 0)
		die("cannot wait for signals");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

void
sl_relay_run(const struct sl_relay_options *options)
{
	struct relay relay = { .options = *options, .wake_ns = NEVER };

	sl_list_init(&relay.open);
	sl_list_init(&relay.closed);
	relay.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (relay.epoll < 0)
		die("cannot start");
	watch_signals(&relay);
	listen_on_loopback(&relay);
	run(&relay);
}
