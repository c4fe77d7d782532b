/*
 * Dialling: one address after the other, within one deadline.
 *
 * An address that failed is remembered for as long as the dialler lives and comes after all others
 * from then on, until it accepts a connection again: a dead first address costs its share of the
 * connect timeout once, not once per connection.
 */
#include "sluice/net/dial.h"

#include "sluice/base/bytes.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

/* Addresses named in the message of a host that answers at none of them. */
#define NAMED_ADDRESSES 4

/* No address gets a shorter time, however many there are: a handshake takes one round trip. */
#define SHARE_MIN_NS (250 * SL_NS_PER_MS)

/* What the addresses tried so far have shown. */
struct attempt {
	int code; /* the most specific */
	size_t tried;
	size_t text_len;
	char text[512];
};

/* ---- the memory ---- */

static bool
is_same(const struct sl_address *a, const struct sl_address *b)
{
	return a->len == b->len && memcmp(&a->storage, &b->storage, a->len) == 0;
}

static bool
has_failed(const struct sl_dialler *dialler, const struct sl_address *address)
{
	for (size_t i = 0; i < dialler->failed_count; i++)
		if (is_same(&dialler->failed[i], address))
			return true;
	return false;
}

static void
forget_failed(struct sl_dialler *dialler, const struct sl_address *address)
{
	size_t kept = 0;
	for (size_t i = 0; i < dialler->failed_count; i++)
		if (!is_same(&dialler->failed[i], address))
			dialler->failed[kept++] = dialler->failed[i];
	dialler->failed_count = kept;
}

static void
remember_failed(struct sl_dialler *dialler, const struct sl_address *address)
{
	forget_failed(dialler, address);
	if (dialler->failed_count == SL_DIAL_FAILED)
		memmove(&dialler->failed[0], &dialler->failed[1],
			--dialler->failed_count * sizeof(dialler->failed[0]));
	dialler->failed[dialler->failed_count++] = *address;
}

/* Indexes into `addresses` in the order of the dial. */
static void
sort(const struct sl_dialler *dialler, const struct sl_addresses *addresses, size_t *order)
{
	size_t count = 0, last = addresses->count;
	for (size_t i = 0; i < addresses->count; i++)
		if (!has_failed(dialler, &addresses->list[i]))
			order[count++] = i;
	for (size_t i = addresses->count; i-- > 0;)
		if (has_failed(dialler, &addresses->list[i]))
			order[--last] = i;
}

/* ---- the dial ---- */

/* Higher: more about the server, less about the route to it. */
static int
specificity(int code)
{
	switch (code) {
	case -ECONNREFUSED:
		return 5;
	case -ECONNRESET:
		return 4;
	case -ETIMEDOUT:
		return 3;
	case -EHOSTUNREACH:
		return 2;
	case -ENETUNREACH:
		return 1;
	default:
		return 0;
	}
}

/* Failures of this machine, which another address would not cure. */
static bool
is_own_failure(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOMEM || code == -ENOBUFS;
}

static void
note(struct attempt *attempt, const struct sl_address *address, int code)
{
	if (attempt->code == 0 || specificity(code) > specificity(attempt->code))
		attempt->code = code;
	if (attempt->tried++ >= NAMED_ADDRESSES)
		return;
	char text[SL_ADDRESS_TEXT];
	sl_address_format(text, sizeof(text), address);
	size_t room = sizeof(attempt->text) - attempt->text_len;
	int len = snprintf(attempt->text + attempt->text_len, room, "%s%s (%s)",
		attempt->text_len ? ", " : "", sl_code_text(code), text);
	attempt->text_len += len < 0 ? 0 : SL_MIN((size_t)len, room - 1);
}

static int
refuse(const struct attempt *attempt, const char *host, struct sl_error *err)
{
	if (attempt->tried > NAMED_ADDRESSES)
		return sl_fail(err, SL_PHASE_CONNECT, attempt->code,
			"cannot connect to '%s': %s, and %zu more addresses", host, attempt->text,
			attempt->tried - NAMED_ADDRESSES);
	return sl_fail(err, SL_PHASE_CONNECT, attempt->code, "cannot connect to '%s': %s", host,
		attempt->text);
}

/* Requests are written whole, so waiting for more bytes to send (Nagle) only delays them. A failure
 * costs speed alone; other sockets than TCP have no such delay. */
static void
set_nodelay(int fd)
{
	(void)sl_io_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* Before the connect, which announces it as the window. If it fails, more is buffered. */
static void
set_receive_buffer(int fd, int size)
{
	if (size > 0)
		(void)sl_io_set_option(fd, SOL_SOCKET, SO_RCVBUF, size);
}

SL_SUSPENDS
static int
dial_one(const struct sl_dialler *dialler, const struct sl_address *address, uint64_t deadline_ns)
{
	int protocol = address->storage.ss_family == AF_UNIX ? 0 : IPPROTO_TCP;
	int fd = sl_io_socket(address->storage.ss_family, SOCK_STREAM, protocol);
	if (fd < 0)
		return fd;
	set_receive_buffer(fd, dialler->receive_buffer);
	int code = sl_io_connect(
		fd, (const struct sockaddr *)&address->storage, address->len, deadline_ns);
	if (code < 0) {
		sl_io_close(fd);
		return code;
	}
	set_nodelay(fd);
	return fd;
}

/* When to move on to the next address, with `count` left to try, this one included. */
static uint64_t
share_until(uint64_t deadline_ns, size_t count)
{
	uint64_t now_ns = sl_now();
	uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	return SL_MIN(deadline_ns, sl_deadline_in(SL_MAX(left_ns / count, SHARE_MIN_NS)));
}

int
sl_dial(struct sl_dialler *dialler, const struct sl_addresses *addresses, const char *host,
	uint64_t deadline_ns, size_t *index, struct sl_error *err)
{
	sl_assert(addresses->count > 0);
	struct attempt attempt = { 0 };
	size_t order[SL_DNS_ADDRESSES] = { 0 };
	sort(dialler, addresses, order);
	for (size_t i = 0; i < addresses->count; i++) {
		const struct sl_address *address = &addresses->list[order[i]];
		int fd = dial_one(dialler, address, share_until(deadline_ns, addresses->count - i));
		if (fd >= 0) {
			forget_failed(dialler, address);
			*index = order[i];
			return fd;
		}
		note(&attempt, address, fd);
		int cancelled = sl_task_cancelled();
		if (cancelled)
			attempt.code = cancelled;
		if (cancelled || is_own_failure(fd))
			break;
		remember_failed(dialler, address);
		if (sl_now() >= deadline_ns)
			break;
	}
	if (is_own_failure(attempt.code))
		return sl_fail_code(
			err, SL_PHASE_CONNECT, attempt.code, "cannot open a socket for '%s'", host);
	return refuse(&attempt, host, err);
}
