/*
 * interface.h - where connections come from: a network interface, a local address, or both.
 *
 * Nothing is looked up. Whether there is such an interface or address shows when a socket is
 * bound (net/dial.h).
 */
#ifndef SLUICE_NET_INTERFACE_H
#define SLUICE_NET_INTERFACE_H

#include "sluice/base/error.h"
#include "sluice/net/address.h"

/* The longest name of an interface on Linux, and the NUL (IFNAMSIZ). */
#define SL_INTERFACE_NAME 16

struct sl_interface {
	char device[SL_INTERFACE_NAME]; /* "" = any */
	bool has_address;
	struct sl_address address; /* with port 0 */
};

/*
 * As curl's --interface: an interface or a numeric address, or with a prefix `if!NAME`,
 * `host!ADDRESS`, `ifhost!NAME!ADDRESS`. IPv6 with or without brackets. Returns 0; SL_E_USAGE with
 * the reason: *out is then undefined.
 */
int sl_interface_parse(
	struct sl_interface *out, const char *text, struct sl_error *err) SL_MUST_CHECK;

/* "interface 'eth0'", "10.0.0.5", "10.0.0.5 on interface 'eth0'", NUL-terminated, cut if cap is
 * below SL_INTERFACE_TEXT. */
#define SL_INTERFACE_TEXT (SL_ADDRESS_TEXT + SL_INTERFACE_NAME + 16)
void sl_interface_format(char *text, size_t cap, const struct sl_interface *from);

#endif
