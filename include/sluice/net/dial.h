/*
 * dial.h - a TCP connection to the first address of a host that accepts it.
 *
 * Addresses are tried in the order given, those that failed before in the same run last; while one
 * does not answer, the next one is tried beside it (RFC 8305). The error names the host, the first
 * four addresses that failed and why; its code is the most specific of all: refused comes before
 * timed out, and that before no route.
 */
#ifndef SLUICE_NET_DIAL_H
#define SLUICE_NET_DIAL_H

#include "sluice/net/dns.h"

/* Addresses remembered as failed; the oldest is forgotten first. */
#define SL_DIAL_FAILED 64

/* What is remembered from one dial to the next; {0} to begin with. But for the first, fields are
 * the module's. */
struct sl_dialler {
	int receive_buffer; /* SO_RCVBUF of the sockets: bytes; 0 = as the kernel adapts it */
	struct sl_address failed[SL_DIAL_FAILED]; /* oldest first */
	size_t failed_count;
};

/*
 * Connect to one of `addresses` (at least one) until `deadline_ns`, which is for all of them: if
 * they are more than are tried at a time, each gets a share. `host` is for messages only. On
 * success returns the descriptor (TCP_NODELAY set, close-on-exec), the caller's, and *index is that
 * of the address. Else -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, -ENETUNREACH, -EMFILE...;
 * -ECANCELED, or -ETIMEDOUT at once when a deadline in force has come.
 */
SL_SUSPENDS
int sl_dial(struct sl_dialler *dialler, const struct sl_addresses *addresses, const char *host,
	uint64_t deadline_ns, size_t *index, struct sl_error *err) SL_MUST_CHECK;

#endif
