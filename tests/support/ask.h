/*
 * ask.h - raw HTTP/1.1 requests to the test origin and what came back, byte for byte, for tests of
 * the origin itself.
 *
 * Nothing here is the program's code. Sockets block, at most ASK_LIMIT_S for each read; a failure
 * that is not the server's ends the test.
 */
#ifndef TESTS_SUPPORT_ASK_H
#define TESTS_SUPPORT_ASK_H

#include "sluice/base/bytes.h"
#include "support/origin.h"

#define ASK_LIMIT_S 30

struct ask_reply {
	unsigned status; /* 0: no complete head came */
	char head[4096]; /* NUL-terminated, blank line included */
	struct sl_buf body;
	bool is_whole; /* as the framing says */
};

/* An origin with one port, for HTTP. */
struct ask_origin {
	struct sl_origin_options options;
	struct sl_origin *origin;
	unsigned port;
};

/* `dir` is served, NULL for none. The struct stays where it is until stop. */
void ask_origin_start(struct ask_origin *server, const char *dir);
void ask_origin_stop(struct ask_origin *server);

/* A connection; the caller closes it. */
int ask_open(unsigned port);

/* `headers` are complete lines with CRLF, "" for none. */
void ask_send(int fd, const char *method, const char *path, const char *headers);

/* Read one answer; `has_body` = false for that to a HEAD. Release it with ask_release(). */
void ask_read(int fd, bool has_body, struct ask_reply *reply);

/* Read up to `len` bytes of the body of an answer whose head was read, without framing; fewer at
 * the end of the connection. */
size_t ask_read_some(int fd, void *data, size_t len);

/* Only the head. */
void ask_read_head(int fd, struct ask_reply *reply);

/* A GET on a connection of its own. */
void ask(unsigned port, const char *path, const char *headers, struct ask_reply *reply);

/* The value of a header of the answer, "" if there is none; valid until the thread's next call. */
const char *ask_header(const struct ask_reply *reply, const char *name);

/* Whether data are bytes [off, off + len) of the generated body called `seed`. */
bool ask_is_gen(const void *data, size_t len, uint64_t seed, uint64_t off);

void ask_release(struct ask_reply *reply);

#endif
