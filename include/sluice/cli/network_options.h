/*
 * network_options.h - the options of the network, which get and scan share: one struct of them, and
 * what the HTTP client of a run takes from it.
 */
#ifndef SLUICE_CLI_NETWORK_OPTIONS_H
#define SLUICE_CLI_NETWORK_OPTIONS_H

#include "sluice/http/proxies.h"
#include "sluice/net/reach.h"
#include "sluice/net/tls.h"

#include <stdbool.h>

/* ---- limits and defaults; the man pages name them ---- */

#define SL_OPTION_CONNECT_NS (30 * SL_NS_PER_S)
#define SL_OPTION_STALL_NS (60 * SL_NS_PER_S)
#define SL_OPTION_SLOW_NS (30 * SL_NS_PER_S)
#define SL_OPTION_RATE_MAX (1024 * SL_GIB)
#define SL_OPTION_RETRIES 8u
#define SL_OPTION_RETRIES_MAX 1000u
#define SL_OPTION_RETRY_WAIT_NS (60 * SL_NS_PER_S)
#define SL_OPTION_REDIRECTS 20u
#define SL_OPTION_REDIRECTS_MAX 100u

/* Words of the command line, in order. The strings are those of argv, the array is on the heap. */
struct sl_words {
	const char **items;
	size_t count;
};

/* Credentials for URLs; strings as in sl_words. */
struct sl_auth_options {
	const char *user; /* USER or USER:PASSWORD; NULL = none */
	bool only_digest;
	const char *bearer_file; /* not with user */
	const char *aws_sigv4;   /* not with other kinds of credentials; NULL = none */
	bool netrc;
	const char *netrc_file;
	struct sl_words origins; /* of --auth-origin, checked */
	const char *cookie_file;
};

/* How hosts are reached; of both commands. */
struct sl_connect_options {
	bool ipv4, ipv6;          /* not both */
	bool http1;               /* never HTTP/2 */
	struct sl_words resolves; /* as typed, as the next three; NULL = not given */
	const char *interface;
	const char *unix_socket, *abstract_unix_socket; /* not both */

	/* Made of these. */
	struct sl_interface from;            /* with `interface` */
	struct sl_resolve_list resolve_list; /* with `resolves` */
	struct sl_address socket;            /* with one of the sockets */
};

/* Strings and words as above; the defaults are set by the parsers of the commands. */
struct sl_network_options {
	struct sl_words headers; /* of --header, checked */
	const char *user_agent;  /* NULL = the client's own */
	const char *referer;     /* NULL = none */
	struct sl_auth_options auth;
	struct sl_proxy_options proxy;
	struct sl_tls_options tls;
	struct sl_connect_options connect;
	uint64_t connect_timeout_ns; /* at least a millisecond, as the next */
	uint64_t proxy_timeout_ns, head_timeout_ns; /* 0 = not given */
	uint64_t stall_timeout_ns;
	uint64_t least_rate;   /* bytes a second; 0 = none */
	uint64_t slow_time_ns; /* not 0 once it is checked */
	unsigned retries; /* of a URL, in a row without progress */
	uint64_t retry_max_wait_ns;
	unsigned max_redirects;
	bool allow_downgrade;
};

/* What the HTTP client is to know of it; it borrows from *options. */
struct sl_reach sl_connect_options_reach(const struct sl_connect_options *options);

/* `options` with what the environment adds: SSLKEYLOGFILE. */
struct sl_tls_options sl_tls_options_of_run(const struct sl_tls_options *options);

#endif
