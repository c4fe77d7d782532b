/*
 * dns.h - host names to addresses: getaddrinfo in the resolver threads, so that /etc/hosts,
 * nsswitch and VPNs are respected, and a cache of its answers.
 *
 * An answer is a list of addresses, kept for a minute, or the resolver's answer that the name
 * has none, kept for some seconds. Everything else is not an answer (a temporary failure, a system
 * error, a call that does not return): it is never cached, and the lookup is repeated until its
 * deadline, at most for SL_DNS_LONGEST_NS. Once a name stayed unanswered until then, later lookups
 * of it wait only SL_DNS_UNANSWERED_NS, until there is an answer: else each file of an unresponsive
 * name would take the whole connect timeout.
 *
 * At most one getaddrinfo per name is under way. One that was given up continues in its thread, and
 * its late answer is used; so names that hang take one resolver thread each. Numeric hosts need no
 * lookup.
 */
#ifndef SLUICE_NET_DNS_H
#define SLUICE_NET_DNS_H

#include "sluice/base/error.h"
#include "sluice/net/address.h"
#include "sluice/rt/task.h"

#define SL_DNS_ADDRESSES 32   /* of one name; more are dropped: a dial tries them in turn */
#define SL_DNS_CACHE_NAMES 64 /* the least recently looked up is dropped first */

/* getaddrinfo does not return the TTL; a minute is what browsers take. */
#define SL_DNS_LIFE_NS (60 * SL_NS_PER_S)
#define SL_DNS_FAILURE_LIFE_NS (5 * SL_NS_PER_S)
#define SL_DNS_UNANSWERED_NS SL_NS_PER_S

/* The C library asks a name server for 5 s before the next one has its turn: two that are dead come
 * first at most, and the rest of the connect timeout is for the connect. */
#define SL_DNS_LONGEST_NS (12 * SL_NS_PER_S)

struct sl_addresses {
	size_t count;
	struct sl_address list[SL_DNS_ADDRESSES];
};

/* A cache. */
struct sl_dns;

/* Of addresses of `family` (AF_INET or AF_INET6) only, or AF_UNSPEC for both. Returns 0 or
 * -ENOMEM; free it with sl_dns_free. */
int sl_dns_new(struct sl_dns **out, int family) SL_MUST_CHECK;

/* No lookup may be under way (asserted). NULL is fine. */
void sl_dns_free(struct sl_dns *dns);

/*
 * All stream addresses of `host` (a name or a numeric address, no brackets), in the system's order
 * of preference (RFC 6724), with `port` set. Temporary failures are retried until `deadline_ns`
 * or for SL_DNS_LONGEST_NS. Returns 0 with at least one address; SL_E_RESOLVE with the
 * resolver's reason in *err if the name has none of the family; SL_E_DNS_FAILURE if there was no
 * answer, and -ETIMEDOUT if the resolver did not return: a later lookup may succeed; -ECANCELED,
 * -ENOMEM.
 */
SL_SUSPENDS
int sl_dns_lookup(struct sl_dns *dns, const char *host, uint16_t port, uint64_t deadline_ns,
	struct sl_addresses *out, struct sl_error *err) SL_MUST_CHECK;

/* Drop the answer cached for `host`: none of its addresses could be connected to. */
void sl_dns_forget(struct sl_dns *dns, const char *host);

#endif
