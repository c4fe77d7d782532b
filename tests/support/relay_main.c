/*
 * relay - stands between HTTP clients and a server on loopback (support/relay.h).
 */
#include "support/relay.h"

#include "sluice/base/number.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* A connection needs four descriptors. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int
usage(FILE *to)
{
	fprintf(to,
		"relay --to PORT [OPTION VALUE]...\n"
		"  --rtt TIME        add a round trip to each request, and one to each connection\n"
		"  --rate SIZE       pass SIZE bytes of responses a second on each connection\n"
		"  --slow K,SIZE     but on the K-th connection of a run this many\n"
		"  --stall-at SIZE   when SIZE bytes have passed in a run, stall the next "
		"connection\n"
		"                    that has some\n");
	return to == stdout ? 0 : 2;
}

/* K,SIZE */
static bool
parse_slow(struct sl_relay_options *options, const char *text)
{
	const char *comma = strchr(text, ',');

	return comma && sl_parse_u64(text, (size_t)(comma - text), &options->slow_index) &&
	       sl_parse_size(comma + 1, &options->slow_bytes_s);
}

static bool
parse(int argc, char **argv, struct sl_relay_options *options)
{
	uint64_t port = 0;
	bool ok = argc % 2 == 1;

	for (int i = 1; ok && i < argc; i += 2) {
		const char *value = argv[i + 1];

		if (strcmp(argv[i], "--to") == 0)
			ok = sl_parse_u64(value, strlen(value), &port);
		else if (strcmp(argv[i], "--rtt") == 0)
			ok = sl_parse_duration(value, &options->rtt_ns);
		else if (strcmp(argv[i], "--rate") == 0)
			ok = sl_parse_size(value, &options->rate_bytes_s);
		else if (strcmp(argv[i], "--slow") == 0)
			ok = parse_slow(options, value);
		else if (strcmp(argv[i], "--stall-at") == 0)
			ok = sl_parse_size(value, &options->stall_at);
		else
			ok = false;
	}
	options->to = (uint16_t)port;
	return ok && port > 0 && port <= UINT16_MAX;
}

int
main(int argc, char **argv)
{
	struct sl_relay_options options = { 0 };

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	if (!parse(argc, argv, &options))
		return usage(stderr);
	raise_descriptor_limit();
	sl_relay_run(&options);
	return 0;
}
