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
};

/* [ROUNDS [SEED]]; exits 2 with a usage line if they are no numbers. */
struct torture torture_begin(const char *name, int argc, char **argv, uint64_t default_rounds);

/* Prints "NAME: ok" as the last line. Returns the exit status. */
int torture_end(const struct torture *torture);

#endif
