/*
 * address.h - socket addresses that need no lookup, and their text: numeric IPv4 and IPv6, and
 * paths of Unix sockets.
 */
#ifndef SLUICE_NET_ADDRESS_H
#define SLUICE_NET_ADDRESS_H

#include "sluice/base/def.h"

#include <stdbool.h>
#include <sys/socket.h>

/* "unix:", the longest path of a Unix socket and the NUL fit; numeric addresses are shorter. */
#define SL_ADDRESS_TEXT 116

struct sl_address {
	struct sockaddr_storage storage;
	socklen_t len;
};

/*
 * A numeric host without brackets: dotted-decimal IPv4 with four parts (RFC 6943 3.1.1, strict
 * form) or IPv6 (RFC 4291 2.2) without a zone. False for anything else, *out is then undefined; no
 * name is looked up.
 */
bool sl_address_parse(struct sl_address *out, const char *host, uint16_t port) SL_MUST_CHECK;

/*
 * The Unix socket at `path`. False if the path is empty or does not fit sockaddr_un with its NUL
 * (108 bytes on Linux): it would be cut, and another socket reached. *out is then undefined.
 */
bool sl_address_parse_unix(struct sl_address *out, const char *path) SL_MUST_CHECK;

/*
 * The Unix socket with the abstract name `name` (unix(7)): it has no path and no permissions. False
 * if the name is empty or longer than 107 bytes; *out is then undefined.
 */
bool sl_address_parse_abstract(struct sl_address *out, const char *name) SL_MUST_CHECK;

/* True if sl_address_parse takes it: such a host is never sent as SNI and is verified as an
 * address. */
bool sl_address_is_numeric(const char *host);

/* Keep the host, change the port. A Unix socket has none: nothing changes, and it is 0. */
void sl_address_set_port(struct sl_address *address, uint16_t port);
uint16_t sl_address_port(const struct sl_address *address);

/* "IPv4", "IPv6"; "IP" for AF_UNSPEC. */
const char *sl_address_family_name(int family);

/* "127.0.0.1:80", "[::1]:443", "unix:/run/x.sock", "unix:@abstract", NUL-terminated, cut if cap is
 * below SL_ADDRESS_TEXT. Other families give "unknown". */
void sl_address_format(char *text, size_t cap, const struct sl_address *address);

#endif
