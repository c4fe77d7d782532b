/*
 * resolve_list.h - addresses that the user gives for host names, in place of a lookup.
 *
 * Entries are as those of curl's --resolve. Of several that match a host and port, one with the
 * name comes before one for all hosts ("*"), and a later one replaces an earlier one of the same
 * host and port. Nothing is looked up.
 */
#ifndef SLUICE_NET_RESOLVE_LIST_H
#define SLUICE_NET_RESOLVE_LIST_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/net/address.h"

/* Of one entry; more are refused. As many as of one name (SL_DNS_ADDRESSES). */
#define SL_RESOLVE_ADDRESSES 32

/* The longest name of a host, without a final dot (RFC 1035 2.3.4). */
#define SL_RESOLVE_HOST_MAX 253

struct sl_resolve_entry {
	char *host; /* lower case; "*" = any */
	uint16_t port;
	size_t count;            /* at least 1 */
	struct sl_address *list; /* with the port */
};

/* {0} to begin with. Fields are for reading only. */
struct sl_resolve_list {
	struct sl_resolve_entry *items;
	size_t count;
};

/*
 * Add `HOST:PORT:ADDRESS[,ADDRESS...]`; HOST may be "*", or IPv6 in brackets, as the addresses may
 * be. `-HOST:PORT` removes the entry of an earlier call. Returns 0; SL_E_USAGE with the reason in
 * *err; -ENOMEM: then nothing has changed.
 */
int sl_resolve_list_add(
	struct sl_resolve_list *list, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* The entry for a host (as of a URL: lower case, no brackets) and port, or NULL; valid until the
 * next call of sl_resolve_list_add. */
const struct sl_resolve_entry *sl_resolve_list_find(
	const struct sl_resolve_list *list, const char *host, uint16_t port);

void sl_resolve_list_release(struct sl_resolve_list *list);

#endif
