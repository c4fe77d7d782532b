/*
 * Connections to hosts: which addresses they have, and the steps in their order.
 *
 * A Unix socket that the user has chosen stands in place of every host, and then nothing is looked
 * up. Addresses that the user gives for a host come before lookups, also for numeric hosts.
 */
#include "sluice/net/connector.h"

#include "sluice/base/log.h"
#include "sluice/net/dial.h"

#include <errno.h>
#include <stdlib.h>

struct sl_connector {
	struct sl_reach reach;
	struct sl_dns *dns;
	struct sl_dialler dialler;
	struct sl_tls *tls; /* NULL = not loaded yet */
};

int
sl_connector_new(struct sl_connector **out, const struct sl_connector_options *options)
{
	struct sl_connector *connector = calloc(1, sizeof(*connector));
	if (!connector)
		return -ENOMEM;
	int code = sl_dns_new(&connector->dns, options->reach.family);
	if (code < 0) {
		free(connector);
		return code;
	}
	connector->reach = options->reach;
	connector->dialler.receive_buffer = options->receive_buffer;
	connector->dialler.from = options->reach.from;
	*out = connector;
	return 0;
}

void
sl_connector_free(struct sl_connector *connector)
{
	if (!connector)
		return;
	sl_dns_free(connector->dns);
	free(connector);
}

void
sl_connector_set_tls(struct sl_connector *connector, struct sl_tls *tls)
{
	sl_assert(!connector->tls);
	connector->tls = tls;
}

/* Those of the family that is wanted. */
static int
take_given(const struct sl_resolve_entry *entry, int family, struct sl_addresses *out,
	struct sl_error *err)
{
	out->count = 0;
	for (size_t i = 0; i < SL_MIN(entry->count, (size_t)SL_DNS_ADDRESSES); i++)
		if (family == AF_UNSPEC || entry->list[i].storage.ss_family == family)
			out->list[out->count++] = entry->list[i];
	if (out->count > 0)
		return 0;
	return sl_fail(err, SL_PHASE_RESOLVE, SL_E_RESOLVE,
		"cannot resolve '%s' to an %s address: --resolve gives none", entry->host,
		sl_address_family_name(family));
}

int
sl_connector_lookup(struct sl_connector *connector, const char *host, uint16_t port,
	uint64_t deadline_ns, struct sl_addresses *out, struct sl_error *err)
{
	const struct sl_reach *reach = &connector->reach;
	const struct sl_resolve_entry *given =
		reach->resolve ? sl_resolve_list_find(reach->resolve, host, port) : NULL;
	return given ? take_given(given, reach->family, out, err)
		     : sl_dns_lookup(connector->dns, host, port, deadline_ns, out, err);
}

SL_SUSPENDS
static int
find_addresses(struct sl_connector *connector, const char *host, uint16_t port,
	uint64_t deadline_ns, struct sl_addresses *out, struct sl_error *err)
{
	const struct sl_reach *reach = &connector->reach;
	if (!reach->socket)
		return sl_connector_lookup(connector, host, port, deadline_ns, out, err);
	out->count = 1;
	out->list[0] = *reach->socket;
	return 0;
}

/* A numeric host is not looked up, and neither is one whose addresses the user gives. */
static bool
is_looked_up(const struct sl_reach *reach, const char *host, uint16_t port)
{
	struct sl_address address;
	bool is_given = reach->socket ||
			(reach->resolve && sl_resolve_list_find(reach->resolve, host, port));
	return !is_given && !sl_address_parse(&address, host, port);
}

/* An answer none of whose addresses accepts a connection is asked for anew. */
SL_SUSPENDS
static int
dial(struct sl_connector *connector, const char *host, uint16_t port, uint64_t deadline_ns,
	struct sl_address *address, struct sl_connection_times *times, struct sl_error *err)
{
	struct sl_addresses addresses;
	size_t index = 0;
	uint64_t begun_ns = sl_now();
	int code = find_addresses(connector, host, port, deadline_ns, &addresses, err);
	if (code < 0)
		return code;
	uint64_t found_ns = sl_now();
	if (is_looked_up(&connector->reach, host, port))
		times->lookup_ns = found_ns - begun_ns;
	int fd = sl_dial(&connector->dialler, &addresses, host, deadline_ns, &index, err);
	if (fd >= 0)
		*address = addresses.list[index];
	else
		sl_dns_forget(connector->dns, host);
	times->connect_ns = sl_now() - found_ns;
	return fd;
}

int
sl_connector_open(struct sl_connector *connector, const char *host, uint16_t port,
	uint64_t deadline_ns, struct sl_connection **out, struct sl_error *err)
{
	struct sl_address address;
	struct sl_connection_times times = { 0 };
	int fd = dial(connector, host, port, deadline_ns, &address, &times, err);
	if (fd < 0)
		return fd;
	int code = sl_connection_open_plain(fd, out);
	if (code < 0)
		return sl_fail_code(err, SL_PHASE_CONNECT, code, "cannot connect to '%s'", host);
	sl_address_format((*out)->peer, sizeof((*out)->peer), &address);
	(*out)->times = times;
	return 0;
}

/* Names come from the server: the log makes them safe. */
static void
log_tls(const struct sl_connection *connection, const char *host)
{
	struct sl_tls_info info;
	if (sl_log_level() < SL_LOG_INFO)
		return;
	sl_tls_describe(connection, &info);
	sl_log_info("connected to %s (%s) by %s, %s%s, certificate '%s' issued by '%s', valid "
		    "until %s%s",
		host, connection->peer, info.version, info.cipher,
		info.resumed ? " (session resumed)" : "", info.subject, info.issuer, info.ends,
		info.verified ? "" : " (not verified)");
}

int
sl_connector_secure(struct sl_connector *connector, struct sl_connection *below, const char *host,
	uint16_t port, enum sl_alpn alpn, uint64_t deadline_ns, struct sl_connection **out,
	struct sl_error *err)
{
	if (!connector->tls) {
		sl_connection_close(below);
		return sl_fail(err, SL_PHASE_TLS, SL_E_UNSUPPORTED,
			"cannot connect to '%s': TLS is not set up", host);
	}
	int code = sl_tls_connect(connector->tls, below, host, port, alpn, deadline_ns, out, err);
	if (code == 0)
		log_tls(*out, host);
	return code;
}
