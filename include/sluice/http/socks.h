/*
 * socks.h - the messages of SOCKS4, 4a and 5 that ask a proxy for a connection (RFC 1928, RFC 1929;
 * "SOCKS: A protocol for TCP proxy across firewalls" and its extension 4a).
 *
 *	sl_socks_begin, and while sl_socks_wanted() > 0:
 *	send sl_socks_output, if there is some, and call sl_socks_sent
 *	receive up to sl_socks_wanted bytes and give them to sl_socks_feed
 *
 * No byte is wanted beyond a reply, because what follows the last one is the origin's. Replies may
 * come in any pieces.
 *
 * States of version 5: METHOD (a method was offered, and its reply is awaited) -> AUTH, if the
 * proxy chose a password -> REPLY (its first two bytes) -> BOUND (as far as the length of the
 * address) -> REST -> DONE. Version 4: REPLY4 -> DONE.
 *
 * Pure: no I/O.
 */
#ifndef SLUICE_HTTP_SOCKS_H
#define SLUICE_HTTP_SOCKS_H

#include "sluice/http/proxy.h"

/* Bytes of a name: its length is one byte. */
#define SL_SOCKS_NAME_MAX 255

/* The longest messages: a request of SOCKS4a with user and name, and a reply with a name. */
#define SL_SOCKS_OUTPUT_MAX (8 + 2 * (255 + 1))
#define SL_SOCKS_REPLY_MAX (4 + 1 + 255 + 2)

/* What is to be connected to: an address, else a name. */
struct sl_socks_target {
	const char *name;          /* a name, or a numeric address without brackets */
	unsigned char address[16]; /* in network order */
	size_t address_len;        /* 4, 16; 0 = the proxy gets `name` */
	uint16_t port;
};

enum sl_socks_state {
	SL_SOCKS_METHOD,
	SL_SOCKS_AUTH,
	SL_SOCKS_REPLY,
	SL_SOCKS_BOUND,
	SL_SOCKS_REST,
	SL_SOCKS_REPLY4,
	SL_SOCKS_DONE,
};

/* Its fields are the module's. */
struct sl_socks {
	const struct sl_proxy *proxy;
	const struct sl_socks_target *target;
	enum sl_socks_state state;
	size_t output_len, reply_len, reply_end; /* reply_end: of what is awaited in this state */
	unsigned char output[SL_SOCKS_OUTPUT_MAX], reply[SL_SOCKS_REPLY_MAX];
};

/*
 * Begin for a SOCKS proxy (asserted) and a target, both borrowed until the end. A numeric name
 * becomes an address. Returns 0; SL_E_UNSUPPORTED for an IPv6 address with SOCKS4 and 4a;
 * SL_E_LIMIT for a name of more than SL_SOCKS_NAME_MAX bytes, or none: it is never looked up here
 * instead (CVE-2023-38545).
 */
int sl_socks_begin(struct sl_socks *socks, const struct sl_proxy *proxy,
	struct sl_socks_target *target, struct sl_error *err) SL_MUST_CHECK;

/* To be sent before anything is received; may be empty. */
struct sl_span sl_socks_output(const struct sl_socks *socks);

/* It was sent, and is wiped. */
void sl_socks_sent(struct sl_socks *socks);

/* Bytes to be received next; 0 = the connection stands. */
size_t sl_socks_wanted(const struct sl_socks *socks);

/*
 * Take the next bytes, at most as many as are wanted (asserted). Returns 0; SL_E_PROTO (not the
 * reply of a SOCKS proxy); SL_E_AUTH (it requires or refused a user and password); -ECONNREFUSED,
 * -EHOSTUNREACH, -ENETUNREACH, -ETIMEDOUT, -EACCES, -EOPNOTSUPP or -EAFNOSUPPORT, as the proxy
 * reports of the target. The phase is SL_PHASE_PROXY. After a failure there is nothing more to be
 * done.
 */
int sl_socks_feed(
	struct sl_socks *socks, const void *data, size_t len, struct sl_error *err) SL_MUST_CHECK;

/* Wipe what it holds. */
void sl_socks_end(struct sl_socks *socks);

#endif
