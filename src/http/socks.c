/*
 * Each state awaits a fixed number of bytes (reply_end); when they are there, its function in
 * take() checks them and prepares what comes next: the next message to send, or more bytes of the
 * same reply.
 */
#include "sluice/http/socks.h"

#include <arpa/inet.h>
#include <errno.h>

#define VERSION5 5
#define VERSION4 4
#define AUTH_VERSION 1 /* of RFC 1929 */
#define CONNECT 1

/* RFC 1928 3 */
#define METHOD_NONE 0
#define METHOD_PASSWORD 2
#define METHOD_NO_ACCEPTABLE 0xff

/* RFC 1928 4 */
#define TYPE_IPV4 1
#define TYPE_NAME 3
#define TYPE_IPV6 4

#define GRANTED4 90

/* RFC 1928 6, by number. A code for which another attempt may do better is one of the network. */
static const struct {
	int code;
	const char *text;
} replies5[] = {
	{ 0, "" },
	{ -ECONNREFUSED, "general failure" },
	{ -EACCES, "its rules do not allow this connection" },
	{ -ENETUNREACH, "network unreachable" },
	{ -EHOSTUNREACH, "host unreachable" },
	{ -ECONNREFUSED, "connection refused" },
	{ -ETIMEDOUT, "TTL expired" },
	{ -EOPNOTSUPP, "command not supported" },
	{ -EAFNOSUPPORT, "address type not supported" },
};

/* ---- messages ---- */

static void
add(struct sl_socks *socks, const void *data, size_t len)
{
	sl_assert(len <= sizeof(socks->output) - socks->output_len);
	memcpy(socks->output + socks->output_len, data, len);
	socks->output_len += len;
}

static void
add_byte(struct sl_socks *socks, size_t value)
{
	sl_assert(value <= 0xff);
	unsigned char byte = (unsigned char)value;
	add(socks, &byte, 1);
}

static void
add_port(struct sl_socks *socks)
{
	add_byte(socks, socks->target->port >> 8);
	add_byte(socks, socks->target->port & 0xff);
}

/* A length byte and the text. */
static void
add_counted(struct sl_socks *socks, const char *text)
{
	size_t len = strlen(text);
	add_byte(socks, len);
	add(socks, text, len);
}

static void
await(struct sl_socks *socks, enum sl_socks_state state, size_t end)
{
	socks->state = state;
	socks->reply_end = end;
	if (state != SL_SOCKS_BOUND && state != SL_SOCKS_REST)
		socks->reply_len = 0;
}

/* A method that the proxy may choose is offered only if it could be carried out. */
static void
ask_method(struct sl_socks *socks)
{
	static const unsigned char with_password[] = { VERSION5, 2, METHOD_NONE, METHOD_PASSWORD };
	static const unsigned char without[] = { VERSION5, 1, METHOD_NONE };
	if (socks->proxy->user)
		add(socks, with_password, sizeof(with_password));
	else
		add(socks, without, sizeof(without));
	await(socks, SL_SOCKS_METHOD, 2);
}

static void
ask_password(struct sl_socks *socks)
{
	add_byte(socks, AUTH_VERSION);
	add_counted(socks, socks->proxy->user);
	add_counted(socks, socks->proxy->password);
	await(socks, SL_SOCKS_AUTH, 2);
}

static void
ask_connection(struct sl_socks *socks)
{
	const struct sl_socks_target *target = socks->target;
	add_byte(socks, VERSION5);
	add_byte(socks, CONNECT);
	add_byte(socks, 0);
	if (target->address_len > 0) {
		add_byte(socks, target->address_len == 4 ? TYPE_IPV4 : TYPE_IPV6);
		add(socks, target->address, target->address_len);
	} else {
		add_byte(socks, TYPE_NAME);
		add_counted(socks, target->name);
	}
	add_port(socks);
	await(socks, SL_SOCKS_REPLY, 2);
}

/* 4a: the address 0.0.0.1, which no host has, and the name behind the user. */
static void
ask_connection4(struct sl_socks *socks)
{
	static const unsigned char no_address[] = { 0, 0, 0, 1 };
	const struct sl_socks_target *target = socks->target;
	const char *user = socks->proxy->user ? socks->proxy->user : "";
	add_byte(socks, VERSION4);
	add_byte(socks, CONNECT);
	add_port(socks);
	add(socks, target->address_len > 0 ? target->address : no_address, 4);
	add(socks, user, strlen(user) + 1);
	if (target->address_len == 0)
		add(socks, target->name, strlen(target->name) + 1);
	await(socks, SL_SOCKS_REPLY4, 8);
}

/* ---- replies ---- */

static int
refuse_reply(struct sl_error *err, const char *why)
{
	return sl_fail(err, SL_PHASE_PROXY, SL_E_PROTO,
		"the SOCKS proxy's response is not valid: %s", why);
}

static int
take_method(struct sl_socks *socks, struct sl_error *err)
{
	unsigned method = socks->reply[1];
	if (socks->reply[0] != VERSION5)
		return refuse_reply(err, "it is not of version 5");
	if (method == METHOD_NONE) {
		ask_connection(socks);
		return 0;
	}
	if (method == METHOD_PASSWORD && socks->proxy->user) {
		ask_password(socks);
		return 0;
	}
	if (method == METHOD_NO_ACCEPTABLE || method == METHOD_PASSWORD)
		return sl_fail(err, SL_PHASE_PROXY, SL_E_AUTH,
			socks->proxy->user
				? "the SOCKS proxy accepts no user name and password"
				: "the SOCKS proxy requires a user name and password; give them "
				  "with --proxy-user or before the host of the proxy");
	return refuse_reply(err, "it chose a method that was not offered");
}

/* Some proxies answer with version 5 here. */
static int
take_password(struct sl_socks *socks, struct sl_error *err)
{
	if (socks->reply[0] != AUTH_VERSION && socks->reply[0] != VERSION5)
		return refuse_reply(err, "it is not one to a user name and password");
	if (socks->reply[1] != 0)
		return sl_fail(err, SL_PHASE_PROXY, SL_E_AUTH,
			"the SOCKS proxy refused the user name or password");
	ask_connection(socks);
	return 0;
}

/* A failure need not be followed by an address. */
static int
take_reply(struct sl_socks *socks, struct sl_error *err)
{
	unsigned reply = socks->reply[1];
	if (socks->reply[0] != VERSION5)
		return refuse_reply(err, "it is not of version 5");
	if (reply >= SL_COUNT_OF(replies5))
		return refuse_reply(err, "its status is not defined");
	if (reply > 0)
		return sl_fail(err, SL_PHASE_PROXY, replies5[reply].code,
			"the SOCKS proxy cannot connect to '%s': %s", socks->target->name,
			replies5[reply].text);
	await(socks, SL_SOCKS_BOUND, 5);
	return 0;
}

static int
take_bound(struct sl_socks *socks, struct sl_error *err)
{
	size_t len;
	switch (socks->reply[3]) {
	case TYPE_IPV4:
		len = 4;
		break;
	case TYPE_IPV6:
		len = 16;
		break;
	case TYPE_NAME:
		len = 1 + (size_t)socks->reply[4];
		break;
	default:
		return refuse_reply(err, "its address is of an unknown type");
	}
	await(socks, SL_SOCKS_REST, 4 + len + 2);
	return 0;
}

static int
take_reply4(struct sl_socks *socks, struct sl_error *err)
{
	unsigned reply = socks->reply[1];
	if (socks->reply[0] != 0)
		return refuse_reply(err, "it is not of version 4");
	switch (reply) {
	case GRANTED4:
		await(socks, SL_SOCKS_DONE, 0);
		return 0;
	case 91:
		return sl_fail(err, SL_PHASE_PROXY, -ECONNREFUSED,
			"the SOCKS proxy cannot connect to '%s': request rejected or failed",
			socks->target->name);
	case 92:
	case 93:
		return sl_fail(err, SL_PHASE_PROXY, SL_E_AUTH,
			"the SOCKS proxy cannot verify the user by identd (%u)", reply);
	default:
		return refuse_reply(err, "its status is not defined");
	}
}

/* All that this state awaits is there. */
static int
take(struct sl_socks *socks, struct sl_error *err)
{
	switch (socks->state) {
	case SL_SOCKS_METHOD:
		return take_method(socks, err);
	case SL_SOCKS_AUTH:
		return take_password(socks, err);
	case SL_SOCKS_REPLY:
		return take_reply(socks, err);
	case SL_SOCKS_BOUND:
		return take_bound(socks, err);
	case SL_SOCKS_REPLY4:
		return take_reply4(socks, err);
	case SL_SOCKS_REST:
	case SL_SOCKS_DONE:
		break;
	}
	await(socks, SL_SOCKS_DONE, 0);
	return 0;
}

/* ---- public ---- */

static void
find_address(struct sl_socks_target *target)
{
	if (target->address_len > 0)
		return;
	if (inet_pton(AF_INET, target->name, target->address) == 1)
		target->address_len = 4;
	else if (inet_pton(AF_INET6, target->name, target->address) == 1)
		target->address_len = 16;
}

int
sl_socks_begin(struct sl_socks *socks, const struct sl_proxy *proxy, struct sl_socks_target *target,
	struct sl_error *err)
{
	bool is_v4 = proxy->kind == SL_PROXY_SOCKS4 || proxy->kind == SL_PROXY_SOCKS4A;
	size_t name_len = strlen(target->name);
	sl_assert(sl_proxy_is_socks(proxy));
	memset(socks, 0, sizeof(*socks));
	socks->proxy = proxy;
	socks->target = target;
	find_address(target);
	if (is_v4 && target->address_len == 16)
		return sl_fail(err, SL_PHASE_PROXY, SL_E_UNSUPPORTED,
			"SOCKS4 has no IPv6 addresses, and '%s' is one; use socks5 or socks5h",
			target->name);
	if (target->address_len == 0 && (name_len == 0 || name_len > SL_SOCKS_NAME_MAX))
		return sl_fail(err, SL_PHASE_PROXY, SL_E_LIMIT,
			"a host name of %zu bytes cannot be sent to a SOCKS proxy", name_len);
	if (is_v4)
		ask_connection4(socks);
	else
		ask_method(socks);
	return 0;
}

struct sl_span
sl_socks_output(const struct sl_socks *socks)
{
	return sl_span((const char *)socks->output, socks->output_len);
}

void
sl_socks_sent(struct sl_socks *socks)
{
	explicit_bzero(socks->output, sizeof(socks->output));
	socks->output_len = 0;
}

size_t
sl_socks_wanted(const struct sl_socks *socks)
{
	return socks->reply_end - socks->reply_len;
}

int
sl_socks_feed(struct sl_socks *socks, const void *data, size_t len, struct sl_error *err)
{
	sl_assert(len <= sl_socks_wanted(socks));
	memcpy(socks->reply + socks->reply_len, data, len);
	socks->reply_len += len;
	return sl_socks_wanted(socks) > 0 ? 0 : take(socks, err);
}

void
sl_socks_end(struct sl_socks *socks)
{
	sl_socks_sent(socks);
}
