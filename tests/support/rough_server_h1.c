#include "rough_server_int.h"

#include "support/peer.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define PIECE 8192
#define CHUNK 3000

static bool
put(const struct rough_wire *wire, const void *data, size_t len)
{
	const char *from = data;
	while (len > 0) {
		ssize_t sent = wire->ssl ? SSL_write(wire->ssl, from, (int)len)
					 : send(wire->fd, from, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		from += sent;
		len -= (size_t)sent;
	}
	return true;
}

SL_PRINTF(2, 3)
static bool
put_text(const struct rough_wire *wire, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return put(wire, text, (size_t)len);
}

/* Bytes up to `end` of a body of `size`; in chunks, as many as in a piece. */
static bool
put_body(const struct rough_wire *wire, size_t size, size_t end, bool chunked)
{
	unsigned char piece[PIECE];
	for (size_t at = 0, len; at < end; at += len) {
		len = SL_MIN(end - at, chunked ? (size_t)CHUNK : sizeof(piece));
		for (size_t i = 0; i < len; i++)
			piece[i] = rough_byte(size, at + i);
		if ((chunked && !put_text(wire, "%zx\r\n", len)) || !put(wire, piece, len) ||
			(chunked && !put_text(wire, "\r\n")))
			return false;
	}
	return !chunked || put_text(wire, "0\r\n\r\n");
}

static bool
get_request(const struct rough_wire *wire, char *text, size_t size)
{
	size_t len = 0;
	while (len < size - 1) {
		ssize_t got = wire->ssl ? SSL_read(wire->ssl, text + len, (int)(size - 1 - len))
					: recv(wire->fd, text + len, size - 1 - len, 0);
		if (got <= 0)
			return false;
		len += (size_t)got;
		text[len] = '\0';
		if (strstr(text, "\r\n\r\n"))
			return true;
	}
	return false;
}

struct answer {
	enum rough_act act;
	size_t size;
	bool is_head;
};

static bool
put_head(const struct rough_wire *wire, const struct answer *answer)
{
	if (answer->act == ROUGH_MOVED)
		return put_text(wire,
			"HTTP/1.1 302 Found\r\nLocation: /whole/%zu\r\nContent-Length: 0\r\n\r\n",
			answer->size);
	if (answer->act == ROUGH_UNKNOWN)
		return put_text(wire, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	if (answer->act == ROUGH_UNTIL_END)
		return put_text(wire, "HTTP/1.1 200 OK\r\n\r\n");
	return put_text(wire, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n", answer->size,
		answer->act == ROUGH_LAST ? "Connection: close\r\n" : "");
}

/* Without a head. */
static void
fail_early(const struct rough_wire *wire, enum rough_act act)
{
	if (act == ROUGH_IN_HEAD)
		(void)put_text(wire, "HTTP/1.1 200 OK\r\nContent-Le");
	if (act == ROUGH_STALL_HEAD)
		(void)rough_wait(wire, ROUGH_STALL_MS);
	if (act == ROUGH_RESET_HEAD)
		peer_reset_on_close(wire->fd);
}

/* True = another request may follow. */
static bool
respond(struct rough_wire *wire, const struct answer *answer)
{
	bool refuses =
		(answer->act == ROUGH_REFUSE || answer->act == ROUGH_LEAVE) && rough_refuses(wire);
	if (refuses || rough_act_cuts_head(answer->act)) {
		fail_early(wire, answer->act);
		return false;
	}
	bool cut = rough_act_cuts_body(answer->act);
	bool has_body = !answer->is_head && answer->act != ROUGH_MOVED;
	bool sent = put_head(wire, answer);
	if (sent && has_body)
		sent = put_body(wire, answer->size, cut ? answer->size / 2 : answer->size,
			answer->act == ROUGH_UNKNOWN);
	if (answer->act == ROUGH_STALL_BODY)
		(void)rough_wait(wire, ROUGH_STALL_MS);
	if (answer->act == ROUGH_RESET_BODY)
		peer_reset_on_close(wire->fd);
	bool ends = answer->act == ROUGH_LAST || answer->act == ROUGH_UNTIL_END;
	if (sent && ends && wire->ssl)
		(void)SSL_shutdown(wire->ssl);
	return sent && !ends && !cut;
}

static bool
parse(const char *text, struct answer *answer)
{
	const char *path = strchr(text, ' ');
	answer->is_head = strncmp(text, "HEAD ", 5) == 0;
	return path && rough_parse_path(path + 1, &answer->act, &answer->size);
}

void
rough_serve_h1(struct rough_wire *wire)
{
	char text[4096];
	struct answer answer;
	while (get_request(wire, text, sizeof(text)) && parse(text, &answer) &&
		respond(wire, &answer))
		;
}
