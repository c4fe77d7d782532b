#include "support/origin_listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 512

/* How long a SYN on loopback has to stay unanswered to be a dropped one. */
#define FILLER_WAIT_MS 100

static socklen_t
loopback(struct sockaddr_storage *address, bool v6, unsigned port)
{
	memset(address, 0, sizeof(*address));
	if (v6) {
		struct sockaddr_in6 *to = (struct sockaddr_in6 *)address;

		to->sin6_family = AF_INET6;
		to->sin6_addr = in6addr_loopback;
		to->sin6_port = htons((uint16_t)port);
		return sizeof(*to);
	} else {
		struct sockaddr_in *to = (struct sockaddr_in *)address;

		to->sin_family = AF_INET;
		to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		to->sin_port = htons((uint16_t)port);
		return sizeof(*to);
	}
}

/*
 * Connect to our own listener until the kernel drops the SYN: its queue is full then, and as
 * nothing accepts it stays so. Clients that come later wait for a handshake that does not happen.
 */
static int
fill_queue(struct sl_origin_listener *listener)
{
	struct sockaddr_storage address;
	socklen_t len = loopback(&address, listener->port->v6, listener->number);

	while (listener->filler_count < SL_ORIGIN_FILLERS) {
		int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct pollfd wait = { .fd = fd, .events = POLLOUT };

		if (fd < 0)
			return -errno;
		listener->fillers[listener->filler_count++] = fd;
		if (connect(fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS)
			return -errno;
		if (poll(&wait, 1, FILLER_WAIT_MS) == 0)
			return 0;
	}
	return -EBUSY;
}

/* Of a path that is cut, the beginning is bound. */
static socklen_t
unix_address(struct sockaddr_storage *address, const char *path)
{
	struct sockaddr_un *to = (struct sockaddr_un *)address;
	size_t len = strlen(path);

	memset(address, 0, sizeof(*address));
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, len < sizeof(to->sun_path) ? len : sizeof(to->sun_path) - 1);
	if (path[0] != '@')
		return sizeof(*to);
	to->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int
listener_bind(struct sl_origin_listener *listener)
{
	const struct sl_origin_port *port = listener->port;
	struct sockaddr_storage address;
	socklen_t len =
		port->path ? unix_address(&address, port->path) : loopback(&address, port->v6, 0);
	int backlog = port->kind == SL_ORIGIN_FULL ? 0 : LISTEN_BACKLOG;

	listener->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0 || bind(listener->fd, (struct sockaddr *)&address, len) < 0 ||
		getsockname(listener->fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	if (!port->path)
		listener->number = ntohs(port->v6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						  : ((struct sockaddr_in *)&address)->sin_port);
	if (port->kind != SL_ORIGIN_CLOSED && listen(listener->fd, backlog) < 0)
		return -errno;
	return port->kind == SL_ORIGIN_FULL ? fill_queue(listener) : 0;
}

/* Old protocol versions need the lowest security level: they sign with SHA-1. */
static bool
limit_version(SSL_CTX *context, const char *version)
{
	if (!version)
		return true;
	if (strcmp(version, "1.2") == 0)
		return SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	return strcmp(version, "1.1") == 0 &&
	       SSL_CTX_set_min_proto_version(context, TLS1_VERSION) &&
	       SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION) &&
	       SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
}

static int
listener_tls(struct sl_origin_listener *listener, struct sl_error *err)
{
	const struct sl_origin_port *port = listener->port;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	bool ok = context && limit_version(context, port->max_version) &&
		  SSL_CTX_use_certificate_chain_file(context, port->cert) == 1 &&
		  SSL_CTX_use_PrivateKey_file(context, port->key, SSL_FILETYPE_PEM) == 1;

	listener->context = context;
	if (!ok) {
		ERR_clear_error();
		return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
			"cannot use certificate '%s' with key '%s'", port->cert, port->key);
	}
	SSL_CTX_set_mode(
		context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return 0;
}

void
sl_origin_listener_release(struct sl_origin_listener *listener)
{
	for (size_t i = 0; i < listener->filler_count; i++)
		close(listener->fillers[i]);
	if (listener->fd >= 0)
		close(listener->fd);
	SSL_CTX_free(listener->context);
}

int
sl_origin_listener_open(struct sl_origin_listener *listener, const struct sl_origin_port *port,
	struct sl_error *err)
{
	int rc;

	memset(listener, 0, sizeof(*listener));
	listener->port = port;
	rc = listener_bind(listener);
	if (rc < 0)
		sl_fail_code(err, SL_PHASE_CONNECT, rc, "cannot listen for '%s'", port->name);
	else if (port->kind == SL_ORIGIN_HTTPS)
		rc = listener_tls(listener, err);
	if (rc < 0)
		sl_origin_listener_release(listener);
	return rc;
}
