/*
 * connection.h - a stream to a server, plain or TLS behind one table of functions.
 *
 * One task at a time uses a connection. All deadlines are absolute (SL_FOREVER = only those in
 * force).
 */
#ifndef SLUICE_NET_CONNECTION_H
#define SLUICE_NET_CONNECTION_H

#include "sluice/base/error.h"
#include "sluice/rt/task.h"

#include <stdbool.h>

struct sl_connection;

/* How each kind of stream does it; the first member of whatever the kind needs. */
struct sl_connection_methods {
	SL_SUSPENDS
	int (*send_all)(struct sl_connection *connection, const void *data, size_t len,
		uint64_t deadline_ns, struct sl_error *err);
	SL_SUSPENDS
	int (*recv)(struct sl_connection *connection, void *data, size_t len, bool whole,
		uint64_t deadline_ns, struct sl_error *err);
	/* True if bytes wait to be read without asking the kernel, or the peer has spoken or gone:
	 * not fit for reuse. */
	bool (*is_disturbed)(struct sl_connection *connection);
	SL_SUSPENDS
	void (*close)(struct sl_connection *connection);
};

struct sl_connection {
	const struct sl_connection_methods *methods;
	int fd;
	bool tls;
	bool reused;   /* it has carried an exchange before */
	char peer[64]; /* numeric address and port, for messages: "127.0.0.1:8080", "[::1]:443" */
	uint64_t idle_ns; /* when it became idle, kept by the pool */
	void *pool_slot;  /* kept by the pool */
};

/* All of the bytes. Returns 0; -ECONNRESET, -EPIPE, -ETIMEDOUT, -ECANCELED...; the connection is of
 * no use after. */
SL_SUSPENDS
static inline int
sl_connection_send_all(struct sl_connection *connection, const void *data, size_t len,
	uint64_t deadline_ns, struct sl_error *err)
{
	return connection->methods->send_all(connection, data, len, deadline_ns, err);
}

/*
 * Up to len bytes (len > 0): returns the count, at least 1; 0 at the orderly end of the stream
 * (TLS: close_notify); SL_E_TLS (truncated, record damaged), -ECONNRESET, -ETIMEDOUT, -ECANCELED.
 * With `whole`, a plain connection waits until len bytes are there, the stream ends or the deadline
 * comes, and returns what came if anything did; a TLS connection returns what it has when more
 * would mean waiting. After -ETIMEDOUT the connection is intact.
 */
SL_SUSPENDS
static inline int
sl_connection_recv(struct sl_connection *connection, void *data, size_t len, bool whole,
	uint64_t deadline_ns, struct sl_error *err)
{
	return connection->methods->recv(connection, data, len, whole, deadline_ns, err);
}

static inline bool
sl_connection_is_disturbed(struct sl_connection *connection)
{
	return connection->methods->is_disturbed(connection);
}

/* Closes and frees, also in a cancelled task. NULL is fine. TLS: close_notify is tried without
 * waiting. */
SL_SUSPENDS
static inline void
sl_connection_close(struct sl_connection *connection)
{
	if (connection)
		connection->methods->close(connection);
}

#endif
