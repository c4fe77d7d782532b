/*
 * failures.h - what operations of a download may fail with: for tests that let the nth one fail.
 */
#ifndef SLUICE_TESTS_SUPPORT_FAILURES_H
#define SLUICE_TESTS_SUPPORT_FAILURES_H

#include "engine_sim.h"

#define KIND(kind) (1ull << (kind))
#define EVERYTHING (KIND(SL_OP_KINDS) - 1)

struct failure {
	const char *name; /* NULL = the end of the table */
	int code;
	uint64_t kinds;
};

/* Each code with the kinds that may give it. */
extern const struct failure failures[];

#endif
