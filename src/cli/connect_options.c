/*
 * connect_options.c - the options that choose how hosts are reached: what they exclude, and what is
 * made of their values.
 *
 * With a Unix socket no host is reached, and the others have no effect, as with curl: a command
 * line may name one although a configuration has the others.
 */
#include "option_int.h"

#include <stdlib.h>

static int
take_resolves(struct option_parser *parser, struct sl_connect_options *options)
{
	for (size_t i = 0; i < options->resolves.count; i++) {
		struct sl_error why = { 0 };
		int code = sl_resolve_list_add(
			&options->resolve_list, sl_span_str(options->resolves.items[i]), &why);
		if (code == SL_E_USAGE)
			return option_usage(parser, "option '--resolve': %s", why.text);
		if (code < 0)
			return sl_fail(parser->err, SL_PHASE_NONE, code, "out of memory");
	}
	return 0;
}

static int
take_interface(struct option_parser *parser, struct sl_connect_options *options)
{
	struct sl_error why = { 0 };
	if (!options->interface)
		return 0;
	if (sl_interface_parse(&options->from, options->interface, &why) != 0)
		return option_usage(parser, "option '--interface': %s", why.text);
	bool is_v6 = options->from.address.storage.ss_family == AF_INET6;
	if (options->from.has_address && (is_v6 ? options->ipv4 : options->ipv6))
		return option_usage(parser, "--interface has an %s address, which --%s excludes",
			is_v6 ? "IPv6" : "IPv4", is_v6 ? "ipv4" : "ipv6");
	return 0;
}

static int
take_socket(struct option_parser *parser, struct sl_connect_options *options)
{
	if (options->unix_socket && options->abstract_unix_socket)
		return option_usage(
			parser, "--unix-socket and --abstract-unix-socket exclude each other");
	if (options->unix_socket && !sl_address_parse_unix(&options->socket, options->unix_socket))
		return option_usage(parser,
			"option '--unix-socket': '%s' is too long: a socket has at most 107 bytes",
			options->unix_socket);
	if (options->abstract_unix_socket &&
		!sl_address_parse_abstract(&options->socket, options->abstract_unix_socket))
		return option_usage(parser,
			"option '--abstract-unix-socket': '%s' is too long: a socket has at most "
			"107 bytes",
			options->abstract_unix_socket);
	return 0;
}

int
option_check_connect(struct option_parser *parser, struct sl_connect_options *options)
{
	int code = take_resolves(parser, options);
	if (code == 0)
		code = take_interface(parser, options);
	return code ? code : take_socket(parser, options);
}

void
option_release_connect(struct sl_connect_options *options)
{
	free(options->resolves.items);
	options->resolves = (struct sl_words){ 0 };
	sl_resolve_list_release(&options->resolve_list);
}

struct sl_reach
sl_connect_options_reach(const struct sl_connect_options *options)
{
	struct sl_reach reach = { .resolve = &options->resolve_list };
	if (options->interface)
		reach.from = &options->from;
	if (options->ipv4 || options->ipv6)
		reach.family = options->ipv4 ? AF_INET : AF_INET6;
	else if (reach.from && reach.from->has_address)
		reach.family = reach.from->address.storage.ss_family;
	if (options->unix_socket || options->abstract_unix_socket)
		reach.socket = &options->socket;
	return reach;
}
