/*
 * connection.h - a connection to a server, plain or TLS behind one table of functions.
 *
 * One task at a time uses a connection, except that one may receive while another sends. All
 * deadlines are absolute (SL_FOREVER = only those in force). Errno codes leave *err untouched: the
 * caller adds what it was sending or waiting for. Only those of TLS come with a text (phase
 * SL_PHASE_TLS).
 */
#ifndef SLUICE_NET_CONNECTION_H
#define SLUICE_NET_CONNECTION_H

#include "sluice/base/error.h"
#include "sluice/net/address.h"
#include "sluice/rt/task.h"

#include <stdbool.h>

struct sl_connection;

/* How each kind of connection does it; its struct begins with a struct sl_connection. */
struct sl_connection_methods {
	SL_SUSPENDS
	int (*send_all)(struct sl_connection *connection, const void *data, size_t len,
		uint64_t deadline_ns, struct sl_error *err);
	SL_SUSPENDS
	int (*recv)(struct sl_connection *connection, void *data, size_t len, bool whole,
		uint64_t deadline_ns, struct sl_error *err);
	SL_SUSPENDS
	bool (*is_disturbed)(struct sl_connection *connection);
	void (*gather)(struct sl_connection *connection, size_t len); /* NULL = it never does */
	void (*release_memory)(struct sl_connection *connection);     /* NULL = there is none */
	SL_SUSPENDS
	void (*close)(struct sl_connection *connection);
	/* For a connection that is carried by this one (TLS): see sl_connection_send_some() and
	 * sl_connection_recv_ready(). */
	SL_SUSPENDS
	int (*send_some)(struct sl_connection *connection, const void *data, size_t len, bool wait,
		uint64_t deadline_ns, struct sl_error *err);
	SL_SUSPENDS
	int (*recv_ready)(
		struct sl_connection *connection, void *data, size_t len, struct sl_error *err);
};

/* How long each step took to establish a connection; 0 = there was none. */
struct sl_connection_times {
	uint64_t lookup_ns, connect_ns, tls_ns;
};

struct sl_connection {
	const struct sl_connection_methods *methods;
	int fd; /* the socket below all */
	bool tls;
	bool http2;                 /* TLS has agreed on it */
	bool reused;                /* it has carried an exchange before */
	uint64_t received;          /* bytes read from the socket of a plain connection */
	size_t gathered;            /* of a plain one: as set by sl_connection_gather() */
	uint64_t rate_bytes_s;      /* of bodies, kept by http; 0 = not known yet */
	uint64_t moved_ns;          /* when bytes last came, TLS: of a record not yet whole, too */
	char peer[SL_ADDRESS_TEXT]; /* numeric address and port, for messages; may be "" */
	struct sl_connection_times times; /* set by the connector */
	void *pool_slot;                  /* kept by the pool */
};

/* Takes fd, a connected socket: it is the connection's on success and closed on failure.
 * -ENOMEM. */
SL_SUSPENDS
int sl_connection_open_plain(int fd, struct sl_connection **out) SL_MUST_CHECK;

/*
 * All of the bytes. Returns 0; -ECONNRESET, -EPIPE, -ETIMEDOUT, -ECANCELED...; SL_E_TLS. After a
 * failure the connection can only be closed.
 */
SL_SUSPENDS
static inline int
sl_connection_send_all(struct sl_connection *connection, const void *data, size_t len,
	uint64_t deadline_ns, struct sl_error *err)
{
	return connection->methods->send_all(connection, data, len, deadline_ns, err);
}

/*
 * Up to len bytes (len > 0): returns the count, at least 1; 0 at the orderly end of what is sent
 * (TLS: close_notify); SL_E_SHORT_BODY (TLS: cut off without it); SL_E_TLS (a record damaged);
 * -ECONNRESET, -ETIMEDOUT, -ECANCELED.
 * With `whole`, waits until len bytes are there, the peer ends or the deadline comes, and returns
 * what came if anything did: then more must be known to come, since a TLS connection may wait for
 * ciphertext in large pieces. After -ETIMEDOUT and -ECANCELED the connection is intact.
 */
SL_SUSPENDS
static inline int
sl_connection_recv(struct sl_connection *connection, void *data, size_t len, bool whole,
	uint64_t deadline_ns, struct sl_error *err)
{
	return connection->methods->recv(connection, data, len, whole, deadline_ns, err);
}

/*
 * Waiting receives go on once about `len` bytes are there or the peer ends: one wake-up, where
 * there would be one for each packet. As many bytes must be known to come until this is called
 * again; 0 = as they come. It is a hint: connections to a distant peer ignore it, and TLS waits for
 * what its buffer holds at most.
 */
static inline void
sl_connection_gather(struct sl_connection *connection, size_t len)
{
	if (connection->methods->gather)
		connection->methods->gather(connection, len);
}

/*
 * True if bytes wait to be read or the peer has closed: not fit for another request. Does not wait
 * for the peer. In a cancelled task always true.
 */
SL_SUSPENDS
static inline bool
sl_connection_is_disturbed(struct sl_connection *connection)
{
	return connection->methods->is_disturbed(connection);
}

/* For a connection that will be idle for a while: give back what can be allocated again. It can be
 * used as before. */
static inline void
sl_connection_release_memory(struct sl_connection *connection)
{
	if (connection->methods->release_memory)
		connection->methods->release_memory(connection);
}

/*
 * Closes and frees, also in a cancelled task. NULL is fine. TLS: close_notify is tried, the peer's
 * is not waited for.
 */
SL_SUSPENDS
static inline void
sl_connection_close(struct sl_connection *connection)
{
	if (connection)
		connection->methods->close(connection);
}

/* ---- for the kinds of connection ---- */

/*
 * Some of the bytes: returns the count, at least 1. Without `wait`, only what is taken at once:
 * -EAGAIN if that is nothing, and `deadline_ns` does not matter. Other codes as
 * sl_connection_send_all, but after -ETIMEDOUT, -ECANCELED and -EAGAIN nothing was taken and the
 * connection is intact.
 */
SL_SUSPENDS
static inline int
sl_connection_send_some(struct sl_connection *connection, const void *data, size_t len, bool wait,
	uint64_t deadline_ns, struct sl_error *err)
{
	return connection->methods->send_some(connection, data, len, wait, deadline_ns, err);
}

/* As sl_connection_recv, but does not wait for the peer: -EAGAIN if there is nothing. */
SL_SUSPENDS
static inline int
sl_connection_recv_ready(
	struct sl_connection *connection, void *data, size_t len, struct sl_error *err)
{
	return connection->methods->recv_ready(connection, data, len, err);
}

/* True unless an open socket with nothing to read is behind fd: bytes, the end of what is sent, or
 * an error. */
SL_SUSPENDS
bool sl_connection_has_input(int fd);

#endif
