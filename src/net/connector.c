#include "sluice/net/connector.h"

#include "sluice/net/dial.h"
#include "sluice/net/dns.h"

#include <errno.h>
#include <stdlib.h>

struct sl_connector {
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
	int code = sl_dns_new(&connector->dns);
	if (code < 0) {
		free(connector);
		return code;
	}
	connector->dialler.receive_buffer = options->receive_buffer;
	connector->tls = options->tls;
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

/* An answer none of whose addresses accepts a connection is asked for anew. */
SL_SUSPENDS
static int
dial(struct sl_connector *connector, const char *host, uint16_t port, uint64_t deadline_ns,
	struct sl_address *address, struct sl_error *err)
{
	struct sl_addresses addresses;
	size_t index = 0;
	int code = sl_dns_lookup(connector->dns, host, port, deadline_ns, &addresses, err);
	if (code < 0)
		return code;
	int fd = sl_dial(&connector->dialler, &addresses, host, deadline_ns, &index, err);
	if (fd >= 0)
		*address = addresses.list[index];
	else
		sl_dns_forget(connector->dns, host);
	return fd;
}

int
sl_connector_open(struct sl_connector *connector, const char *host, uint16_t port,
	uint64_t deadline_ns, struct sl_connection **out, struct sl_error *err)
{
	struct sl_address address;
	int fd = dial(connector, host, port, deadline_ns, &address, err);
	if (fd < 0)
		return fd;
	int code = sl_connection_open_plain(fd, out);
	if (code < 0)
		return sl_fail_code(err, SL_PHASE_CONNECT, code, "cannot connect to '%s'", host);
	sl_address_format((*out)->peer, sizeof((*out)->peer), &address);
	return 0;
}

int
sl_connector_secure(struct sl_connector *connector, struct sl_connection *below, const char *host,
	uint16_t port, uint64_t deadline_ns, struct sl_connection **out, struct sl_error *err)
{
	if (connector->tls)
		return sl_tls_connect(connector->tls, below, host, port, deadline_ns, out, err);
	sl_connection_close(below);
	return sl_fail(err, SL_PHASE_TLS, SL_E_UNSUPPORTED,
		"cannot connect to '%s': TLS is not set up", host);
}
