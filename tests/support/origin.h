/*
 * origin.h - a web server for tests: HTTP/1.1 and HTTPS on loopback, with every fault a client may
 * meet, by URL.
 *
 * The path decides what happens: /gen/1000/7 is a good answer with a generated body, /short/10/1000
 * ends too early, /slow/5000/chunked/gen/100000/1 puts shapes before an answer. origin_routes.c
 * holds the whole table, and sl_origin_help() prints it. A path that is in no table names a file of
 * `dir`.
 *
 * A thread for each connection, their number bounded; blocking is what such a server is for. All
 * functions here are called by one thread. Nothing listens anywhere but on the loopback addresses.
 */
#ifndef SUPPORT_ORIGIN_H
#define SUPPORT_ORIGIN_H

#include "sluice/base/error.h"

#include <stdbool.h>
#include <stdio.h>

struct sl_origin;

enum sl_origin_kind {
	SL_ORIGIN_HTTP,
	SL_ORIGIN_HTTPS,
	SL_ORIGIN_CLOSED, /* bound, never listening: connections are refused */
	SL_ORIGIN_FULL,   /* its queue is full: connections are never established */
	SL_ORIGIN_SILENT, /* accepts and sends nothing */
	SL_ORIGIN_HANGUP, /* accepts and closes at once */
};

struct sl_origin_port {
	const char *name; /* what the ready file calls it */
	enum sl_origin_kind kind;
	bool v6;
	bool optional;           /* no failure if the address is not there */
	const char *path;        /* a Unix socket, "@NAME" = an abstract one; NULL = a port */
	const char *cert, *key;  /* PEM files, for HTTPS */
	const char *max_version; /* "1.1", "1.2" or NULL: the newest TLS it supports */
};

#define SL_ORIGIN_PORTS 24

struct sl_origin_options {
	const char *dir; /* files to serve, borrowed; NULL = none */
	const char *log; /* a line for each request is appended to it; NULL = none */
	unsigned max_connections;
	struct sl_origin_port ports[SL_ORIGIN_PORTS];
	size_t port_count;
};

/*
 * Bind every port of the list (the system chooses the numbers) and serve until sl_origin_stop().
 * SIGPIPE is ignored in the whole process from then on. Strings of *options are borrowed until
 * stop. Returns 0 or a negative code with *err.
 */
int sl_origin_start(struct sl_origin **out, const struct sl_origin_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* End every connection, wait for the threads, free. NULL is fine. */
void sl_origin_stop(struct sl_origin *origin);

/* Port number by name, 0 if there is none. */
unsigned sl_origin_port_of(const struct sl_origin *origin, const char *name);

/* A line "name=number" for each port. */
void sl_origin_print_ports(const struct sl_origin *origin, FILE *to);

/* The table of paths, for people. */
void sl_origin_help(FILE *to);

#endif
