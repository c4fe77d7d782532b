/*
 * dns.h - names into addresses: getaddrinfo in the blocking pool, so that /etc/hosts, nsswitch and
 * VPNs are respected.
 *
 * Answers are kept for a minute in a small cache (a server that closes each connection would else
 * cost a lookup a file), failures for some seconds. Each name is asked for once at a time, by
 * whoever comes first: a name server that does not answer for one name costs one thread, and the
 * others have theirs. Numeric hosts are answered at once and never cached.
 */
#ifndef SLUICE_NET_DNS_H
#define SLUICE_NET_DNS_H

#include "sluice/base/error.h"
#include "sluice/net/address.h"
#include "sluice/rt/task.h"

#define SL_DNS_ADDRESSES 32   /* of one name; more are dropped: a dial tries them in turn */
#define SL_DNS_CACHE_NAMES 64 /* the least recently looked up goes first */
#define SL_DNS_LIFE_NS \
	(60 * SL_NS_PER_S) /* getaddrinfo tells no TTL; a minute is what browsers take */

#define SL_DNS_FAILURE_LIFE_NS (5 * SL_NS_PER_S)

struct sl_addresses {
	size_t count;
	struct sl_address list[SL_DNS_ADDRESSES];
};

/* A cache. */
struct sl_dns;

int sl_dns_new(struct sl_dns **out) SL_MUST_CHECK;

/* No lookup may be under way. NULL is fine. */
void sl_dns_free(struct sl_dns *dns);

/*
 * All stream addresses of `host` (a name or a numeric address, no brackets), in the system's order
 * of preference (RFC 6724), with `port` set. Waits until `deadline_ns`; the lookup itself is then
 * abandoned. Returns 0 with at least one address; SL_E_RESOLVE with the resolver's reason in *err;
 * -ETIMEDOUT, -ECANCELED, -ENOMEM.
 */
SL_SUSPENDS
int sl_dns_lookup(struct sl_dns *dns, const char *host, uint16_t port, uint64_t deadline_ns,
	struct sl_addresses *out, struct sl_error *err) SL_MUST_CHECK;

/* Put this address in front of the others that are cached for `host`: it answered, and those before
 * it did not. */
void sl_dns_prefer(struct sl_dns *dns, const char *host, const struct sl_address *address);

/* Drop what is cached for `host`: none of its addresses answered. */
void sl_dns_forget(struct sl_dns *dns, const char *host);

#endif
