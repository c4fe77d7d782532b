/*
 * torture.h - what the stand-alone torture programs share: checks that print and abort, and their
 * arguments.
 */
#ifndef SLUICE_TESTS_SUPPORT_TORTURE_H
#define SLUICE_TESTS_SUPPORT_TORTURE_H

#include "sluice/base/def.h"

#include <stdbool.h>

/* Abort with the text and the seed given to torture_begin unless `holds`. */
void require(bool holds, const char *what);

struct torture {
	const char *name;
	uint64_t rounds, seed;
	uint64_t until_ns; /* monotonic */
};

/*
 * [ROUNDS [SEED]]; exits 2 with a usage line if they are not numbers. With TORTURE_SECONDS=N in the
 * environment a run ends after the round in which N seconds have passed.
 */
struct torture torture_begin(const char *name, int argc, char **argv, uint64_t default_rounds);

/* Whether another round is to follow the `done` ones. At least one is played. */
bool torture_continues(const struct torture *torture, uint64_t done);

/* A second run of the program, which has the whole time again. */
void torture_restart(struct torture *torture);

/* Prints "NAME: ok" as the last line. Returns the exit status. */
int torture_end(const struct torture *torture);

#endif
