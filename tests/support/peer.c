#include "support/peer.h"

#include "sluice/rt/engine.h"
#include "support/certs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Support for tests ends the test where it cannot go on; it has no caller to report to. */
static void
must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
	abort();
}

static int
listen_on_loopback(int backlog, uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
			(backlog < 0 || listen(fd, backlog) == 0) &&
			getsockname(fd, (struct sockaddr *)&address, &len) == 0,
		"listen");
	*port = ntohs(address.sin_port);
	return fd;
}

static void *
serve_one(void *arg)
{
	struct peer_connection *connection = arg;
	struct peer *peer = connection->peer;
	unsigned now = atomic_fetch_add(&peer->open, 1) + 1;
	unsigned most = atomic_load(&peer->open_most);
	while (now > most && !atomic_compare_exchange_weak(&peer->open_most, &most, now))
		;
	peer->serve(peer, connection->fd);
	atomic_fetch_sub(&peer->open, 1);
	close(connection->fd);
	return NULL;
}

static void *
accept_all(void *arg)
{
	struct peer *peer = arg;
	for (;;) {
		int fd = accept4(peer->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return NULL;
		unsigned index = atomic_load(&peer->accepted);
		if (index == PEER_CONNECTIONS) {
			close(fd);
			continue;
		}
		peer->connections[index].peer = peer;
		peer->connections[index].fd = fd;
		/* Counted before it can answer: a client that has an answer sees the count. */
		atomic_store(&peer->accepted, index + 1);
		must(pthread_create(&peer->connections[index].thread, NULL, serve_one,
			     &peer->connections[index]) == 0,
			"thread");
	}
}

void
peer_start(struct peer *peer, peer_fn *serve, void *ctx)
{
	memset(peer, 0, sizeof(*peer));
	peer->serve = serve;
	peer->ctx = ctx;
	peer->listen_fd = listen_on_loopback(PEER_CONNECTIONS, &peer->port);
	must(pthread_create(&peer->thread, NULL, accept_all, peer) == 0, "thread");
}

void
peer_stop(struct peer *peer)
{
	shutdown(peer->listen_fd, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	for (unsigned i = 0; i < atomic_load(&peer->accepted); i++)
		pthread_join(peer->connections[i].thread, NULL);
	close(peer->listen_fd);
}

struct sl_address
peer_address(const struct peer *peer)
{
	struct sl_address address;
	must(sl_address_parse(&address, "127.0.0.1", peer->port), "address");
	return address;
}

void
peer_send(int fd, const void *data, size_t len)
{
	const char *from = data;
	while (len > 0) {
		ssize_t sent = send(fd, from, len, MSG_NOSIGNAL);
		must(sent > 0, "send");
		from += sent;
		len -= (size_t)sent;
	}
}

void
peer_drain(int fd)
{
	char rest[4096];
	while (recv(fd, rest, sizeof(rest), 0) > 0)
		;
}

void
peer_reset_on_close(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0, "linger");
}

uint16_t
peer_unused_port(void)
{
	uint16_t port;
	close(listen_on_loopback(-1, &port));
	return port;
}

void
peer_full_open(struct peer_full *full)
{
	full->listen_fd = listen_on_loopback(0, &full->port);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(full->port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (size_t i = 0; i < SL_COUNT_OF(full->fillers); i++) {
		full->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		int code = connect(full->fillers[i], (struct sockaddr *)&address, sizeof(address));
		must(code == 0 || errno == EINPROGRESS, "connect");
	}
}

void
peer_full_close(struct peer_full *full)
{
	for (size_t i = 0; i < SL_COUNT_OF(full->fillers); i++)
		close(full->fillers[i]);
	close(full->listen_fd);
}

int
peer_run(sl_task_fn *fn, void *arg)
{
	struct sl_error err = { 0 };
	struct sl_rt_options options = { .workers = 1, .blocking = 1, .resolvers = 2 };
	struct sl_rt *rt = NULL;
	if (sl_engine_uring_new(&options.engine, &err) < 0 || sl_rt_new(&rt, &options, &err) < 0) {
		fprintf(stderr, "peer: %s\n", err.text);
		abort();
	}
	int code = sl_rt_run(rt, fn, arg);
	sl_rt_free(rt);
	return code;
}

static char certs_dir[] = "/tmp/sluice-certs-XXXXXX";

const char *
peer_make_certs(void)
{
	struct sl_error err = { 0 };
	must(mkdtemp(certs_dir) != NULL, "mkdtemp");
	if (certs_write(certs_dir, &err) < 0) {
		fprintf(stderr, "peer: %s\n", err.text);
		abort();
	}
	return certs_dir;
}

void
peer_remove_certs(void)
{
	for (size_t i = 0; certs_name(i); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s.pem", certs_dir, certs_name(i));
		unlink(path);
		snprintf(path, sizeof(path), "%s/%s.key", certs_dir, certs_name(i));
		unlink(path);
	}
	rmdir(certs_dir);
}

SSL_CTX *
peer_tls_context(const char *dir, const char *name)
{
	char cert[128], key[128];
	snprintf(cert, sizeof(cert), "%s/%s.pem", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	if (context) /* certificates that are too weak are for the client to refuse */
		SSL_CTX_set_security_level(context, 0);
	must(context && SSL_CTX_use_certificate_chain_file(context, cert) &&
			SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM),
		"context");
	/* OpenSSL writes to a socket whose reader may be gone. */
	signal(SIGPIPE, SIG_IGN);
	return context;
}

SSL *
peer_tls_accept(SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);
	must(ssl && SSL_set_fd(ssl, fd), "accept");
	if (SSL_accept(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}
