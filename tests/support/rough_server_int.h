/* rough_server_int.h - what the files of rough_server share. */
#ifndef TESTS_SUPPORT_ROUGH_SERVER_INT_H
#define TESTS_SUPPORT_ROUGH_SERVER_INT_H

#include "sluice/base/random.h"
#include "support/h2_server.h"
#include "support/rough_server.h"

/* A connection. */
struct rough_wire {
	struct rough_server *server;
	int fd;
	SSL *ssl; /* NULL = plain */
};

/* False if the path is not "/ACT/SIZE". */
bool rough_parse_path(const char *path, enum rough_act *act, size_t *size);

/* For ROUGH_REFUSE and ROUGH_LEAVE. */
bool rough_refuses(struct rough_wire *wire);

/* Until there is something to read, or the time has passed: false. */
bool rough_wait(const struct rough_wire *wire, int ms);

/* Requests until the connection ends. */
void rough_serve_h1(struct rough_wire *wire);
void rough_serve_h2(struct rough_wire *wire, uint32_t streams);

#endif
