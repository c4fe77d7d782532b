/*
 * no_proxy.h - whether a host is in a list of hosts to be contacted without a proxy, as curl 8
 * reads --noproxy and no_proxy.
 *
 * The list is "*" alone, for all hosts, or items separated by commas or blanks. An item is the name
 * of a host or of a domain with all hosts below it, and a dot before it makes no difference; or an
 * address; or a network as ADDRESS/BITS. An IPv6 address may have brackets. Names are compared as
 * text, in any case and without a final dot: none is looked up, so a network matches hosts only
 * that are given as addresses. Ports are not supported: an item with one matches nothing.
 *
 * Pure: no I/O.
 */
#ifndef SLUICE_HTTP_NO_PROXY_H
#define SLUICE_HTTP_NO_PROXY_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* `host` is a lower case name or a numeric address without brackets, as in struct sl_url. */
bool sl_no_proxy_matches(struct sl_span list, const char *host);

/* Whether each item may match some host: a malformed network, one with a port and '*' in a list
 * match none. Returns 0; SL_E_USAGE with the first that does not in *why. */
int sl_no_proxy_check(struct sl_span list, struct sl_error *why) SL_MUST_CHECK;

#endif
