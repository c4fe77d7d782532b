/*
 * address.h - numeric socket addresses, IPv4 and IPv6, and their text.
 */
#ifndef SLUICE_NET_ADDRESS_H
#define SLUICE_NET_ADDRESS_H

#include "sluice/base/def.h"

#include <stdbool.h>
#include <sys/socket.h>

/* "[", the longest IPv6 text with a zone, "]:65535" and the NUL fit. */
#define SL_ADDRESS_TEXT 72

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

/* True if sl_address_parse takes it: such a host is never sent as SNI and is verified as an
 * address. */
bool sl_address_is_numeric(const char *host);

/* Keep the host, change the port. */
void sl_address_set_port(struct sl_address *address, uint16_t port);
uint16_t sl_address_port(const struct sl_address *address);

/* "127.0.0.1:80", "[::1]:443", NUL-terminated, cut if cap is below SL_ADDRESS_TEXT. Other families
 * give "unknown". */
void sl_address_format(char *text, size_t cap, const struct sl_address *address);

#endif
