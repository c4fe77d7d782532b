/*
 * Each listener has a few threads that accept by themselves. A connection has a number, from which
 * and from the seed its misfortunes follow. A thread closes what it has accepted, whatever happens,
 * so that descriptors that are left are those of the client.
 */
#include "support/rough_server.h"

#include "rough_server_int.h"
#include "sluice/base/def.h"
#include "support/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 24 /* idle connections have one each: more than all clients have together */
#define BACKLOG 128

struct listener {
	struct rough_server *server;
	enum rough_kind kind;
	int fd;
	uint16_t port;
	SSL_CTX *context;
	pthread_t threads[THREADS];
	atomic_uint accepted;
};

struct rough_server {
	struct listener listeners[ROUGH_KINDS];
	uint64_t seed;
	atomic_uint open, refused;
};

static const struct {
	const char *name;
	bool cuts_head, cuts_body;
} acts[ROUGH_ACTS] = {
	[ROUGH_WHOLE] = { "whole", false, false },
	[ROUGH_UNKNOWN] = { "unknown", false, false },
	[ROUGH_LAST] = { "last", false, false },
	[ROUGH_UNTIL_END] = { "until-end", false, false },
	[ROUGH_MOVED] = { "moved", false, false },
	[ROUGH_REFUSE] = { "refuse", false, false },
	[ROUGH_LEAVE] = { "leave", false, false },
	[ROUGH_NO_HEAD] = { "no-head", true, true },
	[ROUGH_IN_HEAD] = { "in-head", true, true },
	[ROUGH_STALL_HEAD] = { "stall-head", true, true },
	[ROUGH_RESET_HEAD] = { "reset-head", true, true },
	[ROUGH_IN_BODY] = { "in-body", false, true },
	[ROUGH_STALL_BODY] = { "stall-body", false, true },
	[ROUGH_RESET_BODY] = { "reset-body", false, true },
};

static void
must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "rough_server: %s: %s\n", what, strerror(errno));
	abort();
}

/* ---- what the versions of HTTP share ---- */

const char *
rough_act_name(enum rough_act act)
{
	return acts[act].name;
}

bool
rough_act_cuts_body(enum rough_act act)
{
	return acts[act].cuts_body;
}

bool
rough_act_cuts_head(enum rough_act act)
{
	return acts[act].cuts_head;
}

unsigned char
rough_byte(size_t size, size_t offset)
{
	return (unsigned char)(offset * 13 + (offset >> 9) + size * 7);
}

bool
rough_parse_path(const char *path, enum rough_act *act, size_t *size)
{
	const char *slash = path[0] == '/' ? strchr(path + 1, '/') : NULL;
	if (!slash)
		return false;
	*size = (size_t)strtoul(slash + 1, NULL, 10);
	for (unsigned i = 0; i < ROUGH_ACTS; i++) {
		size_t len = strlen(acts[i].name);
		*act = (enum rough_act)i;
		if ((size_t)(slash - path) == len + 1 && memcmp(path + 1, acts[i].name, len) == 0)
			return true;
	}
	return false;
}

bool
rough_refuses(struct rough_wire *wire)
{
	return atomic_fetch_add(&wire->server->refused, 1) % 2 == 0;
}

bool
rough_wait(const struct rough_wire *wire, int ms)
{
	struct pollfd poll_fd = { .fd = wire->fd, .events = POLLIN };
	return poll(&poll_fd, 1, ms) > 0;
}

/* ---- connections ---- */

/* Before there is a request. True = the connection is served. */
static bool
survives(struct rough_wire *wire, struct sl_random *random, bool tls)
{
	static const char part_of_hello[] = "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03";
	char hello[64];
	switch (sl_random_below(random, tls ? 20 : 30)) {
	case 0: /* closed at once */
		return false;
	case 1:
		peer_reset_on_close(wire->fd);
		return false;
	case 2: /* in the handshake, or in the request */
		(void)recv(wire->fd, hello, sizeof(hello), 0);
		return false;
	case 3:
		(void)recv(wire->fd, hello, sizeof(hello), 0);
		if (tls)
			(void)send(
				wire->fd, part_of_hello, sizeof(part_of_hello) - 1, MSG_NOSIGNAL);
		peer_reset_on_close(wire->fd);
		return false;
	case 4: /* no byte, for a time */
		(void)poll(NULL, 0, ROUGH_STALL_MS);
		return false;
	default:
		return true;
	}
}

static void
serve_tls(struct rough_wire *wire, SSL_CTX *context, uint32_t streams)
{
	wire->ssl = peer_tls_accept(context, wire->fd);
	if (!wire->ssl)
		return;
	if (h2_server_is_chosen(wire->ssl))
		rough_serve_h2(wire, streams);
	else
		rough_serve_h1(wire);
	SSL_free(wire->ssl);
	ERR_clear_error();
}

static void
serve(struct listener *listener, int fd, unsigned number)
{
	struct rough_wire wire = { .server = listener->server, .fd = fd };
	struct sl_random random;
	int on = 1; /* or pieces of a response wait for acknowledgements */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	sl_random_init(
		&random, listener->server->seed + (uint64_t)number * ROUGH_KINDS + listener->kind);
	bool tls = listener->context != NULL;
	uint32_t streams = 1 + (uint32_t)sl_random_below(&random, 20);
	if (!survives(&wire, &random, tls))
		return;
	if (tls)
		serve_tls(&wire, listener->context, streams);
	else
		rough_serve_h1(&wire);
}

static void *
accept_and_serve(void *arg)
{
	struct listener *listener = arg;
	for (;;) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno == ECONNABORTED)
			continue;
		if (fd < 0)
			return NULL;
		atomic_fetch_add(&listener->server->open, 1);
		serve(listener, fd, atomic_fetch_add(&listener->accepted, 1));
		close(fd);
		atomic_fetch_sub(&listener->server->open, 1);
	}
}

/* ---- the server ---- */

static void
start(struct listener *listener)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t len = sizeof(address);
	int fd = listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
			listen(fd, BACKLOG) == 0 &&
			getsockname(fd, (struct sockaddr *)&address, &len) == 0,
		"listen");
	listener->port = ntohs(address.sin_port);
	for (unsigned i = 0; i < THREADS; i++)
		must(pthread_create(&listener->threads[i], NULL, accept_and_serve, listener) == 0,
			"thread");
}

struct rough_server *
rough_server_new(const char *certs, uint64_t seed)
{
	struct rough_server *server = calloc(1, sizeof(*server));
	must(server, "memory");
	server->seed = seed * 1000003;
	for (unsigned i = 0; i < ROUGH_KINDS; i++) {
		struct listener *listener = &server->listeners[i];
		listener->server = server;
		listener->kind = (enum rough_kind)i;
		if (i != ROUGH_PLAIN)
			listener->context = peer_tls_context(certs, "server");
		if (i == ROUGH_H2)
			SSL_CTX_set_alpn_select_cb(listener->context, h2_server_alpn, NULL);
		start(listener);
	}
	return server;
}

void
rough_server_free(struct rough_server *server)
{
	for (unsigned i = 0; i < ROUGH_KINDS; i++) {
		struct listener *listener = &server->listeners[i];
		shutdown(listener->fd, SHUT_RDWR);
		for (unsigned k = 0; k < THREADS; k++)
			pthread_join(listener->threads[k], NULL);
		close(listener->fd);
		SSL_CTX_free(listener->context);
	}
	free(server);
}

uint16_t
rough_server_port(const struct rough_server *server, enum rough_kind kind)
{
	return server->listeners[kind].port;
}

unsigned
rough_server_accepted(struct rough_server *server, enum rough_kind kind)
{
	return atomic_load(&server->listeners[kind].accepted);
}

unsigned
rough_server_open(struct rough_server *server)
{
	return atomic_load(&server->open);
}
