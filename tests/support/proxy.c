/* The ports of the test proxy: a thread for each, and one for each connection. */
#include "support/proxy.h"

#include "support/proxy_wire.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64

static const char *const names[] = { "http", "auth", "digest", "again", "socks", "socks_auth",
	"garbage", "hangup", "silent", "interim", "excess", "unmodified", "refuse", "tls",
	"tls_auth" };

struct listener {
	struct proxy *proxy;
	const char *name;
	int fd;
	uint16_t port;
};

struct proxy {
	FILE *log;
	pthread_mutex_t lock; /* of the log */
	SSL_CTX *context;     /* NULL = no TLS */
	struct listener listeners[SL_COUNT_OF(names)];
};

struct connection {
	struct proxy_client client;
	bool is_tls;
};

void
proxy_log(struct proxy_client *client, const char *fmt, ...)
{
	va_list args;
	pthread_mutex_lock(&client->proxy->lock);
	fprintf(client->proxy->log, "%s ", client->port_name);
	va_start(args, fmt);
	vfprintf(client->proxy->log, fmt, args);
	va_end(args);
	fputc('\n', client->proxy->log);
	fflush(client->proxy->log);
	pthread_mutex_unlock(&client->proxy->lock);
}

/* ---- connections ---- */

static bool
accept_tls(struct proxy_client *client)
{
	client->end.ssl = SSL_new(client->proxy->context);
	return client->end.ssl && SSL_set_fd(client->end.ssl, client->end.fd) == 1 &&
	       SSL_accept(client->end.ssl) == 1;
}

static void *
serve_connection(void *arg)
{
	struct connection *connection = arg;
	struct proxy_client *client = &connection->client;
	if (!connection->is_tls || accept_tls(client)) {
		if (strncmp(client->port_name, "socks", 5) == 0)
			proxy_serve_socks(client);
		else
			proxy_serve_http(client);
	}
	if (client->end.ssl)
		SSL_shutdown(client->end.ssl);
	SSL_free(client->end.ssl);
	close(client->end.fd);
	free(connection);
	return NULL;
}

static void *
listen_on(void *arg)
{
	struct listener *listener = arg;
	for (;;) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
		struct connection *connection = calloc(1, sizeof(*connection));
		pthread_t thread;
		if (fd < 0 || !connection)
			abort();
		connection->is_tls = strncmp(listener->name, "tls", 3) == 0;
		connection->client = (struct proxy_client){
			.proxy = listener->proxy, .port_name = listener->name, .end.fd = fd
		};
		if (pthread_create(&thread, NULL, serve_connection, connection) != 0)
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

/* ---- set-up ---- */

static bool
open_listener(struct listener *listener)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	pthread_t thread;
	listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener->fd < 0 || bind(listener->fd, (struct sockaddr *)&address, len) < 0 ||
		getsockname(listener->fd, (struct sockaddr *)&address, &len) < 0 ||
		listen(listener->fd, BACKLOG) < 0)
		return false;
	listener->port = ntohs(address.sin_port);
	return pthread_create(&thread, NULL, listen_on, listener) == 0 &&
	       pthread_detach(thread) == 0;
}

static bool
open_all(struct proxy *proxy)
{
	for (size_t i = 0; i < SL_COUNT_OF(names); i++) {
		proxy->listeners[i].proxy = proxy;
		proxy->listeners[i].name = names[i];
		if (!proxy->context && strncmp(names[i], "tls", 3) == 0)
			continue;
		if (!open_listener(&proxy->listeners[i]))
			return false;
	}
	return true;
}

/* Complete or not there. */
static bool
write_ready(const struct proxy *proxy, const char *path)
{
	char part[4096];
	snprintf(part, sizeof(part), "%s.new", path);
	FILE *to = fopen(part, "we");
	if (!to)
		return false;
	for (size_t i = 0; i < SL_COUNT_OF(names); i++)
		if (proxy->listeners[i].port)
			fprintf(to, "%s=%u\n", names[i], proxy->listeners[i].port);
	return fclose(to) == 0 && rename(part, path) == 0;
}

static SSL_CTX *
make_context(const struct proxy_options *options)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	if (!context || SSL_CTX_use_certificate_chain_file(context, options->cert) != 1 ||
		SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM) != 1)
		return NULL;
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY); /* see proxy_pump() */
	return context;
}

int
proxy_run(const struct proxy_options *options)
{
	static struct proxy proxy = { .lock = PTHREAD_MUTEX_INITIALIZER };
	sigset_t ends;
	int number;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	proxy.log = fopen(options->log, "ae");
	proxy.context = options->cert ? make_context(options) : NULL;
	if (!proxy.log || (options->cert && !proxy.context) || !open_all(&proxy) ||
		!write_ready(&proxy, options->ready_file)) {
		fprintf(stderr, "proxy: cannot start\n");
		return 1;
	}
	sigwait(&ends, &number);
	_exit(0); /* its threads end with it */
}
