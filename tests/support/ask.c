#include "support/ask.h"

#include "sluice/base/number.h"
#include "support/origin_body.h"
#include "support/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Far more than a test has open: a connection that was closed counts until its thread has run. */
#define MAX_CONNECTIONS 256

static void
must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "ask: %s: %s\n", what, strerror(errno));
	abort();
}

void
ask_origin_start(struct ask_origin *server, const char *dir)
{
	struct sl_error err = { 0 };

	*server = (struct ask_origin){ .options = { .dir = dir,
					       .max_connections = MAX_CONNECTIONS,
					       .ports = { { .name = "http" } },
					       .port_count = 1 } };
	must(sl_origin_start(&server->origin, &server->options, &err) == 0, "origin");
	server->port = sl_origin_port_of(server->origin, "http");
}

void
ask_origin_stop(struct ask_origin *server)
{
	sl_origin_stop(server->origin);
	server->origin = NULL;
}

int
ask_open(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct timeval limit = { .tv_sec = ASK_LIMIT_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
			connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
		"connect");
	return fd;
}

void
ask_send(int fd, const char *method, const char *path, const char *headers)
{
	struct sl_buf text = { 0 };

	sl_buf_printf(&text, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", method, path, headers);
	must(!text.failed, "request");
	peer_send(fd, text.data, text.len);
	sl_buf_release(&text);
}

size_t
ask_read_some(int fd, void *data, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, (char *)data + got, len - got, 0);

		must(n >= 0 || errno == ECONNRESET, "recv");
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

void
ask_read_head(int fd, struct ask_reply *reply)
{
	size_t len = 0;

	*reply = (struct ask_reply){ 0 };
	while (len < sizeof(reply->head) - 1 && ask_read_some(fd, reply->head + len, 1) == 1) {
		len++;
		if (len >= 4 && memcmp(reply->head + len - 4, "\r\n\r\n", 4) == 0) {
			must(sscanf(reply->head, "HTTP/1.1 %3u ", &reply->status) == 1, "status");
			return;
		}
	}
}

/* False if fewer came. */
static bool
add_bytes(int fd, struct sl_buf *body, uint64_t len)
{
	char block[4096];

	while (len > 0) {
		size_t n = (size_t)SL_MIN((uint64_t)sizeof(block), len);
		size_t got = ask_read_some(fd, block, n);

		sl_buf_add(body, block, got);
		must(!body->failed, "body");
		if (got < n)
			return false;
		len -= n;
	}
	return true;
}

static bool
add_chunks(int fd, struct sl_buf *body)
{
	for (;;) {
		char line[32], end[2];
		size_t len = 0;
		uint64_t size = 0;

		do {
			must(len < sizeof(line), "chunk size");
			if (ask_read_some(fd, line + len, 1) == 0)
				return false;
		} while (line[len++] != '\n');
		must(len > 2 && sl_parse_hex(line, len - 2, &size), "chunk size");
		if (!add_bytes(fd, body, size) || ask_read_some(fd, end, 2) < 2)
			return false;
		if (size == 0)
			return true;
	}
}

void
ask_read(int fd, bool has_body, struct ask_reply *reply)
{
	const char *length;
	bool has_size;
	uint64_t size = 0;

	ask_read_head(fd, reply);
	if (reply->status == 0)
		return;
	length = ask_header(reply, "Content-Length");
	has_size = sl_parse_u64(length, strlen(length), &size);
	if (!has_body || reply->status == 204 || reply->status == 304) {
		reply->is_whole = true;
	} else if (strcmp(ask_header(reply, "Transfer-Encoding"), "chunked") == 0) {
		reply->is_whole = add_chunks(fd, &reply->body);
	} else if (has_size) {
		reply->is_whole = add_bytes(fd, &reply->body, size);
	} else {
		add_bytes(fd, &reply->body, UINT64_MAX);
		reply->is_whole = true;
	}
}

void
ask(unsigned port, const char *path, const char *headers, struct ask_reply *reply)
{
	int fd = ask_open(port);

	ask_send(fd, "GET", path, headers);
	ask_read(fd, true, reply);
	close(fd);
}

const char *
ask_header(const struct ask_reply *reply, const char *name)
{
	static _Thread_local char value[1024]; /* state: until the thread's next call */
	size_t name_len = strlen(name);

	value[0] = '\0';
	for (const char *line = strstr(reply->head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, name_len) == 0 &&
			strncmp(line + name_len, ": ", 2) == 0) {
			line += name_len + 2;
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, "\r"), line);
			break;
		}
	}
	return value;
}

bool
ask_is_gen(const void *data, size_t len, uint64_t seed, uint64_t off)
{
	char *want = malloc(len + 1);
	bool same;

	must(want != NULL, "malloc");
	sl_origin_body_fill(seed, off, want, len);
	same = len == 0 || memcmp(data, want, len) == 0;
	free(want);
	return same;
}

void
ask_release(struct ask_reply *reply)
{
	sl_buf_release(&reply->body);
}
