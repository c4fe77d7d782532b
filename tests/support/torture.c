#include "torture.h"

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
	return current;
}

int
torture_end(const struct torture *torture)
{
	printf("%s: ok\n", torture->name);
	return 0;
}
