#include "sluice/net/connection.h"

#include "sluice/base/number.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>

/* The engine takes no more in one operation. */
#define MAX_ONCE ((size_t)1 << 30)

/* What waits in the socket takes room of the window, and so lowers the rate of a distant peer. The
 * window of 3 MiB that Linux allows by default is 300 MB/s for this round trip. */
#define NEAR_NS (10 * SL_NS_PER_MS)

SL_SUSPENDS
static int
plain_send_all(struct sl_connection *connection, const void *data, size_t len, uint64_t deadline_ns,
	struct sl_error *err)
{
	(void)err;
	return sl_io_send_all(connection->fd, data, len, deadline_ns);
}

SL_SUSPENDS
static int
receive(struct sl_connection *connection, void *data, size_t len, int flags, uint64_t deadline_ns)
{
	int code = sl_io_recv(connection->fd, data, SL_MIN(len, MAX_ONCE), flags, deadline_ns);
	if (code > 0) {
		connection->moved_ns = sl_now();
		connection->received += (uint64_t)code;
	}
	return code == 0 && sl_io_was_reset(connection->fd, connection->received) ? -ECONNRESET
										  : code;
}

SL_SUSPENDS
static int
plain_recv(struct sl_connection *connection, void *data, size_t len, bool whole,
	uint64_t deadline_ns, struct sl_error *err)
{
	(void)err;
	return receive(connection, data, len, whole ? MSG_WAITALL : 0, deadline_ns);
}

SL_SUSPENDS
static int
plain_recv_ready(struct sl_connection *connection, void *data, size_t len, struct sl_error *err)
{
	(void)err;
	return receive(connection, data, len, MSG_DONTWAIT, SL_FOREVER);
}

SL_SUSPENDS
static int
plain_send_some(struct sl_connection *connection, const void *data, size_t len, bool wait,
	uint64_t deadline_ns, struct sl_error *err)
{
	(void)err;
	return sl_io_send(connection->fd, data, SL_MIN(len, MAX_ONCE), wait ? 0 : MSG_DONTWAIT,
		wait ? deadline_ns : SL_FOREVER);
}

SL_SUSPENDS
static bool
plain_is_disturbed(struct sl_connection *connection)
{
	return sl_connection_has_input(connection->fd);
}

/* What is set stays as long as it is right to within a factor of two. */
static void
plain_gather(struct sl_connection *connection, size_t len)
{
	size_t now = connection->gathered;
	if (now <= len && now >= len / 2)
		return;
	if (len > 0 && sl_io_round_trip_ns(connection->fd) > NEAR_NS)
		return;
	connection->gathered = len;
	(void)sl_io_set_option(
		connection->fd, SOL_SOCKET, SO_RCVLOWAT, sl_int(SL_MAX(len, (size_t)1)));
}

SL_SUSPENDS
static void
plain_close(struct sl_connection *connection)
{
	sl_io_close(connection->fd);
	free(connection);
}

static const struct sl_connection_methods plain_methods = {
	.send_all = plain_send_all,
	.recv = plain_recv,
	.is_disturbed = plain_is_disturbed,
	.gather = plain_gather,
	.close = plain_close,
	.send_some = plain_send_some,
	.recv_ready = plain_recv_ready,
};

int
sl_connection_open_plain(int fd, struct sl_connection **out)
{
	struct sl_connection *connection = calloc(1, sizeof(*connection));
	if (!connection) {
		sl_io_close(fd);
		return -ENOMEM;
	}
	connection->methods = &plain_methods;
	connection->fd = fd;
	*out = connection;
	return 0;
}

bool
sl_connection_has_input(int fd)
{
	char byte;
	int code = sl_io_recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, SL_FOREVER);
	return code != -EAGAIN;
}
