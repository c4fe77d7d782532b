#include "sluice/net/dial.h"

#include "sluice/base/bytes.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

/* Addresses named in the message of a host that answers at none of them. */
#define NAMED_ADDRESSES 4

/* What was learnt from the addresses tried so far. */
struct attempt {
	int code; /* the most telling */
	size_t tried;
	size_t text_len;
	char text[512];
};

/* The higher, the more it says about the server rather than about the way to it. */
static int
telling(int code)
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

/* Failures of this machine, which no other address cures. */
static bool
is_own_failure(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOMEM || code == -ENOBUFS;
}

static void
note(struct attempt *attempt, const struct sl_address *address, int code)
{
	if (attempt->code == 0 || telling(code) > telling(attempt->code))
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

SL_SUSPENDS
static int
dial_one(const struct sl_address *address, uint64_t timeout_ns)
{
	int protocol = address->storage.ss_family == AF_UNIX ? 0 : IPPROTO_TCP;
	int fd = sl_io_socket(address->storage.ss_family, SOCK_STREAM, protocol);
	if (fd < 0)
		return fd;
	int code = sl_io_connect(fd, (const struct sockaddr *)&address->storage, address->len,
		sl_deadline_in(timeout_ns));
	if (code < 0) {
		sl_io_close(fd);
		return code;
	}
	set_nodelay(fd);
	return fd;
}

int
sl_dial(const struct sl_addresses *addresses, const char *host, uint64_t timeout_ns, size_t *index,
	struct sl_error *err)
{
	sl_assert(addresses->count > 0);
	struct attempt attempt = { 0 };
	for (size_t i = 0; i < addresses->count; i++) {
		int fd = dial_one(&addresses->list[i], timeout_ns);
		if (fd >= 0) {
			*index = i;
			return fd;
		}
		note(&attempt, &addresses->list[i], fd);
		int cancelled = sl_task_cancelled();
		if (cancelled)
			attempt.code = cancelled;
		if (cancelled || is_own_failure(fd))
			break;
	}
	if (is_own_failure(attempt.code))
		return sl_fail_code(
			err, SL_PHASE_CONNECT, attempt.code, "cannot open a socket for '%s'", host);
	return refuse(&attempt, host, err);
}
