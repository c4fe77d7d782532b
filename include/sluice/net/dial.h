/*
 * dial.h - a connection to the first address of a host that accepts it.
 *
 * Addresses are tried in the order given, but with the families in turn (RFC 8305 4), the one that
 * was connected to last in the same run first, and those that failed last; while one does not
 * answer, the next one is tried beside it (RFC 8305 5). The error names the host, where the
 * connection was to come from if that was chosen, the first four addresses that failed and why; its
 * code is the most specific of all: refused comes before timed out, and that before no route.
 */
#ifndef SLUICE_NET_DIAL_H
#define SLUICE_NET_DIAL_H

#include "sluice/net/dns.h"
#include "sluice/net/interface.h"

/* Addresses remembered as failed, and as those that accepted; the oldest is forgotten first. */
#define SL_DIAL_REMEMBERED 64

struct sl_dial_memory {
	struct sl_address list[SL_DIAL_REMEMBERED]; /* oldest first */
	size_t count;
};

/* What holds for all dials, and what is remembered from one to the next; {0} to begin with. The
 * memories are the module's. */
struct sl_dialler {
	int receive_buffer; /* SO_RCVBUF of the sockets: bytes; 0 = as the kernel adapts it */
	const struct sl_interface *from; /* borrowed; NULL = as the system routes */
	struct sl_dial_memory accepted, failed; /* no address is in both */
};

/*
 * Whether sockets can be bound to `from`, as every dial would. Returns 0; -ENODEV, -EADDRNOTAVAIL,
 * -EPERM... with *err.
 */
SL_SUSPENDS
int sl_dial_check(const struct sl_interface *from, struct sl_error *err) SL_MUST_CHECK;

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
