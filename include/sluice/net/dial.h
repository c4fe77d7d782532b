/*
 * dial.h - a TCP connection to the first address of a host that takes it.
 *
 * Addresses are tried one after the other in the order given. The error names the host, every
 * address tried and why each failed; its code is the most telling of them: refused says more than
 * timed out, and that more than no route.
 */
#ifndef SLUICE_NET_DIAL_H
#define SLUICE_NET_DIAL_H

#include "sluice/net/dns.h"

/*
 * Connect to one of `addresses` (at least one), each for at most `timeout_ns`. `host` is for
 * messages only. On success returns the descriptor (TCP_NODELAY set, close-on-exec), the caller's,
 * and *index tells the address. Else -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, -ENETUNREACH,
 * -EMFILE...; -ECANCELED, or -ETIMEDOUT at once when a deadline in force has come.
 */
SL_SUSPENDS
int sl_dial(const struct sl_addresses *addresses, const char *host, uint64_t timeout_ns,
	size_t *index, struct sl_error *err) SL_MUST_CHECK;

#endif
