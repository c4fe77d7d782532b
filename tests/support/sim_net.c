/*
 * sim_net.c - sockets of the simulated world and the servers they reach.
 */
#include "sim_world.h"

#include "sluice/base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>

#define SEND_BUFFER (256 * SL_KIB)
#define GIVE_UP_NS (127 * SL_NS_PER_S) /* when Linux stops repeating a SYN */

/* of <netinet/tcp.h>, which does not get on with <linux/tcp.h> */
#define STATE_ESTABLISHED 1
#define STATE_CLOSE 7

enum socket_state { SOCKET_FRESH, SOCKET_CONNECTING, SOCKET_CONNECTED };

struct sim_socket {
	enum socket_state state;
	int domain, type;
	struct sim_peer *peer;
	struct sim_fd *fd;
	bool lost; /* connecting to a black hole */
};

struct listener {
	struct sl_list link;
	struct sim_server server;
	struct sim_line line; /* with server.total_rate */
	struct sockaddr_storage address;
};

struct sim_peer {
	struct sl_list link;
	struct sim *sim;
	struct sim_server server;
	unsigned index;
	struct sim_socket *socket; /* NULL once the client has closed */
	struct sim_flow down, up;  /* to the client, to the server */
	struct sl_buf unmatched;   /* what came since the last EXPECT was met */
	const struct sim_step *script;
	bool broken; /* the client has received the reset */
	void *data;
};

/* ---- servers ---- */

static void
make_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return;
	}
	sl_assert(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
}

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET) {
		const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;
		return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
	}
	const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;
	return x->sin6_port == y->sin6_port &&
	       memcmp(&x->sin6_addr, &y->sin6_addr, sizeof(x->sin6_addr)) == 0;
}

static struct listener *
find_listener(struct sim *sim, const struct sockaddr_storage *address)
{
	sl_list_each(node, &sim->servers)
	{
		struct listener *listener = sl_list_item(node, struct listener, link);
		if (same_address(&listener->address, address))
			return listener;
	}
	return NULL;
}

void
sim_listen(struct sim *sim, const struct sim_server *server)
{
	struct sockaddr_storage address;
	make_address(server->address, server->port, &address);
	struct listener *listener = find_listener(sim, &address);
	if (!listener) {
		listener = calloc(1, sizeof(*listener));
		sl_assert(listener);
		sl_list_push_back(&sim->servers, &listener->link);
	}
	listener->address = address;
	listener->server = *server;
	listener->line.rate = server->total_rate;
}

/* ---- a server's end ---- */

void
sim_peer_send(struct sim_peer *peer, const void *data, size_t len)
{
	sim_flow_push(&peer->down, data, len, false);
}

void
sim_peer_send_copy(struct sim_peer *peer, const void *data, size_t len)
{
	sim_flow_push(&peer->down, data, len, true);
}

void
sim_peer_pause(struct sim_peer *peer, uint64_t ns)
{
	sim_flow_pause(&peer->down, ns);
}

void
sim_peer_finish(struct sim_peer *peer)
{
	sim_flow_end(&peer->down);
}

void
sim_peer_reset(struct sim_peer *peer)
{
	sim_flow_fail(&peer->down, -ECONNRESET);
}

void
sim_peer_set_data(struct sim_peer *peer, void *data)
{
	peer->data = data;
}

void *
sim_peer_data(const struct sim_peer *peer)
{
	return peer->data;
}

unsigned
sim_peer_index(const struct sim_peer *peer)
{
	return peer->index;
}

struct sim *
sim_peer_world(const struct sim_peer *peer)
{
	return peer->sim;
}

static bool
meet(struct sim_peer *peer, const char *text)
{
	const char *found = peer->unmatched.data ? strstr(peer->unmatched.data, text) : NULL;
	if (!found)
		return false;
	size_t end = (size_t)(found - peer->unmatched.data) + strlen(text);
	struct sl_buf rest = { 0 };
	sl_buf_add(&rest, peer->unmatched.data + end, peer->unmatched.len - end);
	sl_buf_release(&peer->unmatched);
	peer->unmatched = rest;
	return true;
}

/* Go on with the script until it ends or waits for the client. */
static void
run_script(struct sim_peer *peer)
{
	for (; peer->script && peer->script->kind != SIM_STEP_END; peer->script++) {
		const struct sim_step *step = peer->script;
		switch (step->kind) {
		case SIM_STEP_SEND:
			sim_peer_send(peer, step->data, step->len);
			break;
		case SIM_STEP_PAUSE:
			sim_peer_pause(peer, step->ns);
			break;
		case SIM_STEP_FINISH:
			sim_peer_finish(peer);
			break;
		case SIM_STEP_RESET:
			sim_peer_reset(peer);
			break;
		case SIM_STEP_EXPECT:
			if (!meet(peer, step->data))
				return;
			break;
		case SIM_STEP_END:
			break;
		}
	}
}

void
sim_peer_run(struct sim_peer *peer, const struct sim_step *script)
{
	peer->script = script;
	run_script(peer);
}

static void
down_arrived(struct sim_flow *flow)
{
	struct sim_peer *peer = flow->owner;
	if (flow->error)
		peer->broken = true;
	if (peer->socket)
		sim_fd_poke(flow->sim, peer->socket->fd);
}

static void
up_arrived(struct sim_flow *flow)
{
	struct sim_peer *peer = flow->owner;
	const struct sim_server *server = &peer->server;
	if (flow->len > 0 && server->methods && server->methods->received)
		server->methods->received(peer, server->ctx, (const char *)flow->data, flow->len);
	if (flow->len > 0 && peer->script)
		sl_buf_add(&peer->unmatched, flow->data, flow->len);
	sim_flow_take(flow, flow->len);
	run_script(peer);
	if (peer->socket)
		sim_fd_poke(flow->sim, peer->socket->fd);
}

/* By the seed a connection delivers byte by byte, packet by packet, or in bulk. */
static size_t
choose_segment(struct sim *sim)
{
	static const size_t sizes[] = { 20, 1460, 1460, 64 * SL_KIB };
	return sizes[sim_below(sim, SL_COUNT_OF(sizes))];
}

static struct sim_peer *
accept_peer(struct sim *sim, struct listener *listener, struct sim_socket *socket)
{
	const struct sim_server *server = &listener->server;
	struct sim_peer *peer = calloc(1, sizeof(*peer));
	sl_assert(peer);
	peer->sim = sim;
	peer->server = *server;
	peer->index = sim->accepted++;
	peer->socket = socket;
	sim_flow_init(&peer->down, sim, down_arrived, peer);
	sim_flow_init(&peer->up, sim, up_arrived, peer);
	peer->down.segment = server->segment ? server->segment : choose_segment(sim);
	if (server->window)
		peer->down.window = server->window;
	if (server->gap_ns)
		peer->down.gap_ns = server->gap_ns;
	if (server->rate)
		peer->down.rate = server->rate;
	if (server->total_rate)
		peer->down.line = &listener->line;
	if (server->reads_nothing)
		peer->up.rate = 0;
	sl_list_push_back(&sim->peers, &peer->link);
	sim->connected++;
	return peer;
}

static void
free_peer(struct sim_peer *peer)
{
	sl_list_remove(&peer->link);
	sim_flow_release(&peer->down);
	sim_flow_release(&peer->up);
	sl_buf_release(&peer->unmatched);
	free(peer);
}

/* ---- sockets ---- */

int
sim_net_socket(struct sim *sim, const struct sl_op *op)
{
	if (sim_fd_full(sim))
		return -EMFILE;
	if (op->domain != AF_INET && op->domain != AF_INET6)
		return -EAFNOSUPPORT;
	struct sim_socket *socket = calloc(1, sizeof(*socket));
	sl_assert(socket);
	socket->domain = op->domain;
	socket->type = op->type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	socket->fd = sim_fd_new(sim, -1);
	socket->fd->socket = socket;
	sim->fd_open++;
	return socket->fd->number;
}

/* SO_RCVLOWAT of a connection; as on Linux at most half of the window. Others change nothing. */
void
sim_net_set_option(const struct sim_socket *socket, int level, int name, const void *value)
{
	int low;
	if (level != SOL_SOCKET || name != SO_RCVLOWAT || socket->state != SOCKET_CONNECTED)
		return;
	memcpy(&low, value, sizeof(low));
	struct sim_flow *down = &socket->peer->down;
	down->low_water = SL_MIN((size_t)SL_MAX(low, 1), down->window / 2);
}

/* What is asked of a connection: TCP_INFO, as far as rt asks it. */
int
sim_net_get_option(
	const struct sim_socket *socket, int level, int name, void *value, socklen_t *len)
{
	struct tcp_info info = { 0 };
	if (level != IPPROTO_TCP || name != TCP_INFO)
		return -ENOPROTOOPT;
	if (socket->state == SOCKET_CONNECTED) {
		const struct sim_flow *down = &socket->peer->down;
		bool is_reset = socket->peer->broken || down->was_reset;
		info.tcpi_state = is_reset ? STATE_CLOSE : STATE_ESTABLISHED;
		/* An orderly end is a FIN, and counts as a byte. */
		info.tcpi_bytes_received = down->taken + (down->ended && !down->was_reset);
	}
	*len = SL_MIN(*len, (socklen_t)sizeof(info));
	memcpy(value, &info, *len);
	return 0;
}

bool
sim_net_is_lost(const struct sim_socket *socket)
{
	return socket && socket->lost;
}

static void
connected(struct sim *sim, struct sim_event *event)
{
	struct sim_job *job = SL_CONTAINER_OF(event, struct sim_job, event);
	struct sim_socket *socket = sim_fd(sim, job->copy.fd)->socket;
	struct listener *listener = find_listener(sim, &job->address);
	enum sim_reach reach = listener ? listener->server.reach : SIM_REFUSE;
	socket->state = SOCKET_FRESH;
	if (reach == SIM_BLACK_HOLE)
		sim_job_finish(sim, job, -ETIMEDOUT);
	else if (reach == SIM_REFUSE)
		sim_job_finish(sim, job, -ECONNREFUSED);
	else if (reach == SIM_UNREACHABLE)
		sim_job_finish(sim, job, sim_percent(sim, 50) ? -EHOSTUNREACH : -ENETUNREACH);
	else {
		socket->state = SOCKET_CONNECTED;
		socket->peer = accept_peer(sim, listener, socket);
		sim_job_finish(sim, job, 0);
		const struct sim_server *server = &socket->peer->server;
		if (server->methods && server->methods->opened)
			server->methods->opened(socket->peer, server->ctx);
		if (server->script)
			sim_peer_run(socket->peer, server->script);
	}
}

static bool
begin_connect(struct sim *sim, struct sim_socket *socket, struct sim_job *job)
{
	if (socket->state != SOCKET_FRESH) {
		sim_job_finish(sim, job, socket->state == SOCKET_CONNECTED ? -EISCONN : -EALREADY);
		return true;
	}
	const struct listener *listener = find_listener(sim, &job->address);
	socket->state = SOCKET_CONNECTING;
	socket->lost = listener && listener->server.reach == SIM_BLACK_HOLE;
	uint64_t delay = socket->lost ? GIVE_UP_NS : sim_below(sim, 2 * sim->options.net_ns + 1);
	job->event.fire = connected;
	sim_event_at(sim, &job->event, sim->now + delay);
	return false;
}

static bool
try_send(struct sim *sim, struct sim_peer *peer, struct sim_job *job)
{
	size_t under_way = peer->up.queued + peer->up.len;
	if (peer->broken) {
		sim_job_finish(sim, job, sim_percent(sim, 50) ? -EPIPE : -ECONNRESET);
		return true;
	}
	size_t room = SEND_BUFFER - SL_MIN(SEND_BUFFER, under_way);
	size_t n = SL_MIN(room, job->copy.len - job->got);
	if (n == 0)
		return false;
	bool whole = job->copy.flags & MSG_WAITALL;
	if (!whole || job->brief)
		n = sim_shorten(sim, job, n);
	sim_flow_push(&peer->up, (const char *)job->copy.data + job->got, n, true);
	job->got += n;
	if (whole && !job->brief && job->got < job->copy.len)
		return false;
	sim_job_finish(sim, job, sl_int(job->got));
	return true;
}

static bool
try_poll(struct sim *sim, struct sim_peer *peer, struct sim_job *job)
{
	int events = sim_flow_events(&peer->down) | (peer->broken ? POLLERR | POLLHUP : 0);
	if (peer->broken || peer->up.queued + peer->up.len < SEND_BUFFER)
		events |= POLLOUT;
	events &= (int)job->copy.flags | POLLERR | POLLHUP;
	if (!events)
		return false;
	sim_job_finish(sim, job, events);
	return true;
}

static int
unfit(const struct sim_socket *socket, const struct sl_op *op)
{
	if (op->kind != SL_OP_SEND && op->kind != SL_OP_RECV && op->kind != SL_OP_POLL)
		return -EINVAL;
	if (socket->state != SOCKET_CONNECTED)
		return op->kind == SL_OP_SEND ? -EPIPE : -ENOTCONN;
	return 0;
}

bool
sim_net_try(struct sim *sim, struct sim_fd *fd, struct sim_job *job)
{
	struct sim_socket *socket = fd->socket;
	if (job->copy.kind == SL_OP_CONNECT) {
		/* Once begun it ends by its own event. */
		return sl_heap_has(&job->event.node) ? false : begin_connect(sim, socket, job);
	}
	int code = unfit(socket, &job->copy);
	if (code || job->copy.len + (job->copy.kind == SL_OP_POLL) == 0) {
		sim_job_finish(sim, job, code);
		return true;
	}
	if (job->copy.kind == SL_OP_SEND)
		return try_send(sim, socket->peer, job);
	if (job->copy.kind == SL_OP_POLL)
		return try_poll(sim, socket->peer, job);
	return sim_flow_read(&socket->peer->down, job);
}

/* An injected failure of a send or receive: later operations on the connection fail as well. */
void
sim_net_break(struct sim *sim, struct sim_fd *fd, int code)
{
	(void)sim;
	struct sim_peer *peer = fd->socket->peer;
	if (!peer)
		return;
	peer->broken = true;
	peer->down.len = 0;
	peer->down.error = code;
}

void
sim_net_close(struct sim *sim, struct sim_socket *socket)
{
	struct sim_peer *peer = socket->peer;
	if (peer) {
		const struct sim_server *server = &peer->server;
		sim->connected--;
		peer->socket = NULL;
		if (server->methods && server->methods->closed)
			server->methods->closed(peer, server->ctx);
		free_peer(peer);
	}
	free(socket);
}

unsigned
sim_connections(const struct sim *sim)
{
	return sim->accepted;
}

unsigned
sim_connections_open(const struct sim *sim)
{
	return sim->connected;
}

void
sim_net_dump(const struct sim *sim, FILE *out)
{
	sl_list_each(node, &sim->peers)
	{
		const struct sim_peer *peer = sl_list_item(node, struct sim_peer, link);
		fprintf(out,
			"  connection %u to %s:%u: %zu bytes unread, %zu to come, %zu to the "
			"server%s%s\n",
			peer->index, peer->server.address, peer->server.port, peer->down.len,
			peer->down.queued, peer->up.queued, peer->down.ended ? ", ended" : "",
			peer->broken ? ", broken" : "");
	}
}

/* Every descriptor is closed by now, so no peer is left. */
void
sim_net_release(struct sim *sim)
{
	sl_assert(sl_list_is_empty(&sim->peers));
	sl_list_each(node, &sim->servers)
	{
		sl_list_remove(node);
		free(sl_list_item(node, struct listener, link));
	}
}
