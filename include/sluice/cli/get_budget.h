/*
 * get_budget.h - what a run of `sluice get` may use: open files, connections, and how --max-memory
 * is divided between TLS connections, windows of HTTP/2, chunks and everything else.
 */
#ifndef SLUICE_CLI_GET_BUDGET_H
#define SLUICE_CLI_GET_BUDGET_H

#include "sluice/cli/options.h"
#include "sluice/rt/chunk.h"

struct sl_get_budget {
	bool has_https;                    /* by the URLs of the command line */
	unsigned descriptors;              /* for files and connections */
	unsigned connections;              /* at once, of all hosts */
	uint64_t tls_memory, window_memory, chunk_memory; /* of --max-memory */
};

/* Before the run: raises the limit of open files to the hard limit. Returns 0, or -EMFILE if that
 * is too low, described in *err. */
int sl_get_budget_init(struct sl_get_budget *budget, const struct sl_get_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* Once options->max_memory is final; `scan_memory` of it is for --scan. Warns if it is too
 * small. */
void sl_get_budget_share_memory(
	struct sl_get_budget *budget, const struct sl_get_options *options, uint64_t scan_memory);

/* That the pool of connections may hold, idle ones included. */
unsigned sl_get_budget_connections(const struct sl_get_budget *budget);

/* The chunks, of a size with which there are enough. Returns 0 or -ENOMEM, described in *err. */
int sl_get_budget_make_pool(const struct sl_get_budget *budget,
	const struct sl_get_options *options, struct sl_chunk_pool **out,
	struct sl_error *err) SL_MUST_CHECK;

#endif
