/*
 * relay.h - stands between HTTP clients and a server, both on loopback, and adds the delay and the
 * rate limit of a network. For benchmarks and for tests of slow connections.
 */
#ifndef TESTS_SUPPORT_RELAY_H
#define TESTS_SUPPORT_RELAY_H

#include "sluice/base/def.h"

#include <stdint.h>

struct sl_relay_options {
	uint16_t to;           /* port of the server */
	uint64_t rtt_ns;       /* 0 = no delay */
	uint64_t rate_bytes_s; /* of each connection; 0 = no limit */
	uint64_t slow_index;   /* this connection of a run, from 1; 0 = none */
	uint64_t slow_bytes_s; /* its rate */
	uint64_t stall_at;     /* bytes of responses in a run; 0 = none stalls */
};

/*
 * Listen on a free port of loopback and pass on what arrives there. Prints "port=N pid=N" once it
 * listens. Ends on SIGTERM, on SIGINT and with the parent process, and then prints
 * "connections=N requests=N bytes=N". SIGUSR1 begins a new run: the line is printed, the
 * connections are closed and all counting starts from 0 again. Failures end the process.
 */
void sl_relay_run(const struct sl_relay_options *options);

#endif
