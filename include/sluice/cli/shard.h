/*
 * shard.h - the part of the inputs that one of several runs takes: "--shard I/N". Pure but for the
 * environment, which the caller hands in.
 */
#ifndef SLUICE_CLI_SHARD_H
#define SLUICE_CLI_SHARD_H

#include "sluice/base/def.h"
#include "sluice/base/error.h"

struct sl_shard {
	uint64_t index; /* from 0 */
	uint64_t count;
};

/*
 * "I/N", I from 1 to N, as test runners number their shards; "auto" for the task of an array job;
 * or "auto/N", where the scheduler does not tell a task how many there are. `env` is getenv.
 * Returns 0; SL_E_USAGE, also if it is auto and no variable of a scheduler is set.
 */
int sl_shard_parse(struct sl_shard *out, const char *text, char *(*env)(const char *name),
	struct sl_error *err) SL_MUST_CHECK;

#endif
