/* Plain connections over a pair of sockets; the test plays the peer. */
#include "sluice/net/connection.h"

#include "sluice/rt/io.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Both ends of a stream: the tests play the peer themselves. */
struct ends {
	struct sl_connection *connection;
	int peer_fd;
};

static struct ends
open_ends(void)
{
	struct ends ends;
	int fds[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_assert_eq(sl_connection_open_plain(fds[0], &ends.connection), 0);
	ends.peer_fd = fds[1];
	return ends;
}

/* The same over TCP. */
static struct ends
open_tcp_ends(void)
{
	struct ends ends;
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(listen(listen_fd, 1), 0);
	cr_assert_eq(getsockname(listen_fd, (struct sockaddr *)&address, &len), 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, len), 0);
	ends.peer_fd = accept(listen_fd, NULL, NULL);
	cr_assert_geq(ends.peer_fd, 0);
	close(listen_fd);
	cr_assert_eq(sl_connection_open_plain(fd, &ends.connection), 0);
	return ends;
}

static void
close_ends(struct ends *ends)
{
	sl_connection_close(ends->connection);
	close(ends->peer_fd);
}

static int
receive(struct ends *ends, char *data, size_t len, bool whole)
{
	return sl_connection_recv(
		ends->connection, data, len, whole, sl_deadline_in(20 * SL_NS_PER_MS), NULL);
}

static int
sends(void *arg)
{
	struct ends ends = open_ends();
	char got[8] = { 0 };
	(void)arg;
	cr_expect_eq(sl_connection_send_all(ends.connection, "request", 7, SL_FOREVER, NULL), 0);
	cr_expect_eq(recv(ends.peer_fd, got, sizeof(got), 0), 7);
	cr_expect_str_eq(got, "request");
	cr_expect_not(ends.connection->tls);
	close_ends(&ends);
	return 0;
}

static int
receives(void *arg)
{
	struct ends ends = open_ends();
	char got[8] = { 0 };
	(void)arg;
	peer_send(ends.peer_fd, "abc", 3);
	cr_expect_eq(receive(&ends, got, sizeof(got), false), 3);
	peer_send(ends.peer_fd, "de", 2);
	cr_expect_eq(receive(&ends, got, sizeof(got), true), 2, "the deadline ends a whole one");
	cr_expect_arr_eq(got, "de", 2);
	cr_expect_eq(receive(&ends, got, sizeof(got), true), -ETIMEDOUT);
	cr_expect_eq(receive(&ends, got, sizeof(got), false), -ETIMEDOUT);
	peer_send(ends.peer_fd, "fghijklmno", 10);
	cr_expect_eq(receive(&ends, got, sizeof(got), true), 8, "intact after a deadline");
	cr_expect_arr_eq(got, "fghijklm", 8);
	cr_expect_eq(shutdown(ends.peer_fd, SHUT_WR), 0);
	cr_expect_eq(receive(&ends, got, sizeof(got), true), 2);
	cr_expect_eq(receive(&ends, got, sizeof(got), true), 0);
	close_ends(&ends);
	return 0;
}

struct waiting {
	struct ends ends;
	char data[64];
	int got;
};

static int
waits_for_bytes(void *arg)
{
	struct waiting *waiting = arg;
	waiting->got = sl_connection_recv(waiting->ends.connection, waiting->data,
		sizeof(waiting->data), false, SL_FOREVER, NULL);
	return 0;
}

/* How many bytes a receive that waits returns if six come one after the other. */
static int
receive_six(struct ends ends)
{
	struct waiting waiting = { .ends = ends };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "wait", waits_for_bytes, &waiting, NULL), 0);
	for (int i = 0; i < 6; i++) {
		/* The ring is entered twice: for the task's receive, and for what it got. */
		cr_assert_eq(sl_sleep(SL_NS_PER_US), 0);
		cr_assert_eq(sl_sleep(SL_NS_PER_US), 0);
		peer_send(ends.peer_fd, "x", 1);
	}
	cr_expect_eq(sl_group_leave(&group), 0);
	return waiting.got;
}

static int
gathers(void *arg)
{
	struct ends ends = open_tcp_ends();
	(void)arg;
	sl_connection_gather(ends.connection, 6);
	cr_expect_eq(receive_six(ends), 6);
	sl_connection_gather(ends.connection, 0);
	cr_expect_lt(receive_six(ends), 6);
	close_ends(&ends);
	return 0;
}

static int
is_disturbed(void *arg)
{
	struct ends ends = open_ends();
	char byte;
	(void)arg;
	cr_expect_not(sl_connection_is_disturbed(ends.connection));
	peer_send(ends.peer_fd, "x", 1);
	cr_expect(sl_connection_is_disturbed(ends.connection), "by a byte");
	cr_expect_eq(receive(&ends, &byte, 1, false), 1, "which is still there");
	cr_expect_not(sl_connection_is_disturbed(ends.connection));
	cr_expect_eq(shutdown(ends.peer_fd, SHUT_WR), 0);
	cr_expect(sl_connection_is_disturbed(ends.connection), "by the end");
	close_ends(&ends);
	return 0;
}

static int
closes_while_cancelled(void *arg)
{
	struct ends *ends = arg;
	int code = receive(ends, (char[1]){ 0 }, 1, false);
	cr_expect(sl_connection_is_disturbed(ends->connection));
	sl_connection_close(ends->connection);
	return code;
}

static int
cancelled(void *arg)
{
	struct ends ends = open_ends();
	struct sl_group group;
	int result = 0;
	(void)arg;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "close", closes_while_cancelled, &ends, &result), 0);
	cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	cr_expect_eq(result, -ECANCELED);
	cr_expect_eq(recv(ends.peer_fd, (char[1]){ 0 }, 1, MSG_DONTWAIT), 0, "was closed");
	close(ends.peer_fd);
	return 0;
}

static int
closes_null(void *arg)
{
	(void)arg;
	sl_connection_close(NULL);
	return 0;
}

Test(net_connection, sends_all_bytes)
{
	cr_expect_eq(peer_run(sends, NULL), 0);
}

Test(net_connection, receives_what_is_there_or_waits_for_the_whole)
{
	cr_expect_eq(peer_run(receives, NULL), 0);
}

Test(net_connection, waits_until_as_many_bytes_are_there_as_it_is_to_gather)
{
	cr_expect_eq(peer_run(gathers, NULL), 0);
}

Test(net_connection, is_disturbed_by_bytes_and_by_the_end)
{
	cr_expect_eq(peer_run(is_disturbed, NULL), 0);
}

Test(net_connection, closes_in_a_cancelled_task)
{
	cr_expect_eq(peer_run(cancelled, NULL), 0);
}

Test(net_connection, takes_null_for_closed)
{
	cr_expect_eq(peer_run(closes_null, NULL), 0);
}
