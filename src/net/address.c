/*
 * address.c - numeric IPv4 and IPv6 addresses and paths of Unix sockets, to and from text. Names
 * are resolved in dns.c.
 */
#include "sluice/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* The storage is declared with the alignment of every socket address, so these views are sound. */
static struct sockaddr_in *
as_v4(const struct sl_address *address)
{
	return (struct sockaddr_in *)(uintptr_t)&address->storage;
}

static struct sockaddr_in6 *
as_v6(const struct sl_address *address)
{
	return (struct sockaddr_in6 *)(uintptr_t)&address->storage;
}

static struct sockaddr_un *
as_unix(const struct sl_address *address)
{
	return (struct sockaddr_un *)(uintptr_t)&address->storage;
}

bool
sl_address_parse(struct sl_address *out, const char *host, uint16_t port)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, &as_v4(out)->sin_addr) == 1) {
		out->storage.ss_family = AF_INET;
		out->len = sizeof(struct sockaddr_in);
	} else if (inet_pton(AF_INET6, host, &as_v6(out)->sin6_addr) == 1) {
		out->storage.ss_family = AF_INET6;
		out->len = sizeof(struct sockaddr_in6);
	} else {
		return false;
	}
	sl_address_set_port(out, port);
	return true;
}

bool
sl_address_parse_unix(struct sl_address *out, const char *path)
{
	size_t len = strlen(path);
	memset(out, 0, sizeof(*out));
	if (len == 0 || len >= sizeof(as_unix(out)->sun_path))
		return false;
	out->storage.ss_family = AF_UNIX;
	memcpy(as_unix(out)->sun_path, path, len + 1);
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return true;
}

/* The name begins behind a NUL, ends with the address, and may have any bytes. */
bool
sl_address_parse_abstract(struct sl_address *out, const char *name)
{
	size_t len = strlen(name);
	memset(out, 0, sizeof(*out));
	if (len == 0 || len >= sizeof(as_unix(out)->sun_path))
		return false;
	out->storage.ss_family = AF_UNIX;
	memcpy(as_unix(out)->sun_path + 1, name, len);
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
	return true;
}

bool
sl_address_is_numeric(const char *host)
{
	struct sl_address address;
	return sl_address_parse(&address, host, 0);
}

void
sl_address_set_port(struct sl_address *address, uint16_t port)
{
	if (address->storage.ss_family == AF_INET)
		as_v4(address)->sin_port = htons(port);
	else if (address->storage.ss_family == AF_INET6)
		as_v6(address)->sin6_port = htons(port);
}

uint16_t
sl_address_port(const struct sl_address *address)
{
	if (address->storage.ss_family == AF_INET)
		return ntohs(as_v4(address)->sin_port);
	if (address->storage.ss_family == AF_INET6)
		return ntohs(as_v6(address)->sin6_port);
	return 0;
}

const char *
sl_address_family_name(int family)
{
	return family == AF_INET ? "IPv4" : family == AF_INET6 ? "IPv6" : "IP";
}

static void
format_v6(char *text, size_t cap, const struct sockaddr_in6 *v6)
{
	char host[INET6_ADDRSTRLEN];
	if (!inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host)))
		snprintf(text, cap, "unknown");
	else if (v6->sin6_scope_id)
		snprintf(text, cap, "[%s%%%u]:%u", host, (unsigned)v6->sin6_scope_id,
			(unsigned)ntohs(v6->sin6_port));
	else
		snprintf(text, cap, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
}

static void
format_unix(char *text, size_t cap, const struct sl_address *address)
{
	const char *path = as_unix(address)->sun_path;
	size_t len = address->len - offsetof(struct sockaddr_un, sun_path);
	if (path[0])
		snprintf(text, cap, "unix:%s", path);
	else
		snprintf(text, cap, "unix:@%.*s", (int)len - 1, path + 1);
}

void
sl_address_format(char *text, size_t cap, const struct sl_address *address)
{
	char host[INET_ADDRSTRLEN];
	if (address->storage.ss_family == AF_INET6)
		format_v6(text, cap, as_v6(address));
	else if (address->storage.ss_family == AF_INET &&
		 inet_ntop(AF_INET, &as_v4(address)->sin_addr, host, sizeof(host)))
		snprintf(text, cap, "%s:%u", host, (unsigned)sl_address_port(address));
	else if (address->storage.ss_family == AF_UNIX)
		format_unix(text, cap, address);
	else
		snprintf(text, cap, "unknown");
}
