/*
 * peer.h - a server of a few threads on loopback for unit tests of the network, and a runtime on
 * the ring to talk to it from.
 */
#ifndef TESTS_SUPPORT_PEER_H
#define TESTS_SUPPORT_PEER_H

#include "sluice/net/address.h"
#include "sluice/rt/task.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#define PEER_CONNECTIONS 64 /* that one peer serves in its life; more are closed at once */

struct peer;

/* Runs on a thread of its own for each connection; fd is closed after it. */
typedef void peer_fn(struct peer *peer, int fd);

struct peer {
	int listen_fd;
	uint16_t port;
	peer_fn *serve;
	void *ctx;
	pthread_t thread;
	atomic_uint accepted;        /* connections so far */
	atomic_uint open, open_most; /* now; the most at one time */
	struct peer_connection {
		struct peer *peer;
		pthread_t thread;
		int fd;
	} connections[PEER_CONNECTIONS];
};

/* Listens on a free port of 127.0.0.1. */
void peer_start(struct peer *peer, peer_fn *serve, void *ctx);

/* Stops listening and waits until all connections have been served. */
void peer_stop(struct peer *peer);

/* 127.0.0.1 and the peer's port. */
struct sl_address peer_address(const struct peer *peer);

/* All of it or a failed test. */
void peer_send(int fd, const void *data, size_t len);

/* Read and drop until the other side closes. */
void peer_drain(int fd);

/* Makes the close of fd a reset. */
void peer_reset_on_close(int fd);

/* A port of 127.0.0.1 without a listener. */
uint16_t peer_unused_port(void);

/* A listener whose queue is full: connecting to it gets no answer. Close both with
 * peer_full_close. */
struct peer_full {
	int listen_fd, fillers[3];
	uint16_t port;
};

void peer_full_open(struct peer_full *full);
void peer_full_close(struct peer_full *full);

/* Run fn(arg) as the main task of a fresh runtime on the ring; returns what it returned. */
int peer_run(sl_task_fn *fn, void *arg);

/* A directory with the certificates of support/certs.h, removed by peer_remove_certs; static
 * text. */
const char *peer_make_certs(void);
void peer_remove_certs(void);

/* A server's context with NAME.pem and NAME.key of that directory; free it with SSL_CTX_free. */
SSL_CTX *peer_tls_context(const char *dir, const char *name);

/* Handshake on a blocking socket, which stays the caller's; NULL if it fails. */
SSL *peer_tls_accept(SSL_CTX *context, int fd);

#endif
