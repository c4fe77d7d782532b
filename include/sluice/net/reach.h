/*
 * reach.h - what the user has chosen of how hosts are reached. {0} = nothing: as the system does.
 */
#ifndef SLUICE_NET_REACH_H
#define SLUICE_NET_REACH_H

#include "sluice/net/interface.h"
#include "sluice/net/resolve_list.h"

/* Pointers are borrowed by what takes it, for its life. */
struct sl_reach {
	int family; /* AF_INET or AF_INET6: only addresses of it are used; AF_UNSPEC = of both */
	const struct sl_interface *from;       /* NULL = as the system routes */
	const struct sl_resolve_list *resolve; /* in place of lookups; NULL = none */
	const struct sl_address *socket;       /* a Unix socket in place of every host, whatever the
						  others are; NULL = none */
};

#endif
