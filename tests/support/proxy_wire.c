#include "support/proxy_wire.h"

#include "sluice/net/address.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 65536

bool
proxy_send(struct proxy_end *end, const void *data, size_t len)
{
	const char *from = data;
	while (len > 0) {
		ssize_t n = end->ssl ? SSL_write(end->ssl, from, (int)len)
				     : send(end->fd, from, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		from += n;
		len -= (size_t)n;
	}
	return true;
}

bool
proxy_send_text(struct proxy_end *end, const char *text)
{
	return proxy_send(end, text, strlen(text));
}

int
proxy_recv(struct proxy_end *end, void *data, size_t len)
{
	return end->ssl ? SSL_read(end->ssl, data, (int)len) : (int)recv(end->fd, data, len, 0);
}

bool
proxy_recv_all(struct proxy_end *end, void *data, size_t len)
{
	char *to = data;
	while (len > 0) {
		int n = proxy_recv(end, to, len);
		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}
	return true;
}

int
proxy_dial(const char *host, unsigned port)
{
	struct sl_address address;
	size_t len = strlen(host);
	if (strcmp(host, "localhost") == 0 || (len > 5 && strcmp(host + len - 5, ".test") == 0))
		host = "127.0.0.1";
	if (!sl_address_parse(&address, host, (uint16_t)port))
		return -1;
	int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address.storage, address.len) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One piece; false once one of them has ended. */
static bool
pass(struct proxy_end *from, struct proxy_end *to)
{
	static _Thread_local char data[PIECE];
	int n = proxy_recv(from, data, sizeof(data));
	if (n <= 0 && from->ssl && SSL_get_error(from->ssl, n) == SSL_ERROR_WANT_READ)
		return true; /* part of a record, or a message of TLS itself */
	return n > 0 && proxy_send(to, data, (size_t)n);
}

void
proxy_pump(struct proxy_end *a, struct proxy_end *b)
{
	struct pollfd wait[2] = { { .fd = a->fd, .events = POLLIN },
		{ .fd = b->fd, .events = POLLIN } };
	for (;;) {
		bool pending = a->ssl && SSL_pending(a->ssl) > 0;
		if (poll(wait, 2, pending ? 0 : -1) < 0)
			return;
		if ((pending || wait[0].revents) && !pass(a, b))
			return;
		if (wait[1].revents && !pass(b, a))
			return;
	}
}
