#include "torture.h"

#include "sluice/base/clock.h"
#include "sluice/base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For require(): a torture program is one run with one seed. */
static struct torture current;

void
require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s (seed %llu)\n", current.name, what,
		(unsigned long long)current.seed);
	abort();
}

/* The environment bounds a run by time, for checks that must end: a round is never cut short. */
static uint64_t
end_of_run(void)
{
	const char *text = getenv("TORTURE_SECONDS");
	uint64_t seconds = 0;
	if (!text)
		return UINT64_MAX;
	if (!sl_parse_u64(text, strlen(text), &seconds) || seconds > 1000000) {
		fprintf(stderr, "TORTURE_SECONDS must be a number of seconds\n");
		exit(2);
	}
	return sl_clock_monotonic_ns() + seconds * SL_NS_PER_S;
}

bool
torture_continues(const struct torture *torture, uint64_t done)
{
	return done < torture->rounds && (done == 0 || sl_clock_monotonic_ns() < torture->until_ns);
}

void
torture_restart(struct torture *torture)
{
	torture->until_ns = end_of_run();
}

static uint64_t
argument(int argc, char **argv, int index, uint64_t otherwise)
{
	uint64_t value = otherwise;
	if (argc > index && !sl_parse_u64(argv[index], strlen(argv[index]), &value)) {
		fprintf(stderr, "usage: %s [ROUNDS [SEED]]\n", current.name);
		exit(2);
	}
	return value;
}

struct torture
torture_begin(const char *name, int argc, char **argv, uint64_t default_rounds)
{
	current.name = name;
	current.rounds = argument(argc, argv, 1, default_rounds);
	current.seed = argument(argc, argv, 2, 1);
	current.until_ns = end_of_run();
	return current;
}

int
torture_end(const struct torture *torture)
{
	printf("%s: ok\n", torture->name);
	return 0;
}
