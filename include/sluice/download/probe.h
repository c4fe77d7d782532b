/*
 * probe.h - what a server has under a URL, without downloading it.
 */
#ifndef SLUICE_DOWNLOAD_PROBE_H
#define SLUICE_DOWNLOAD_PROBE_H

#include "sluice/download/sources.h"
#include "sluice/http/client.h"

struct sl_probe {
	struct sl_http_client *client;
	const struct sl_sources *sources; /* the one in use is asked */
	/* Looks at the response in *resource before its end; a code other than 0 is the result.
	 * NULL = nothing to do. */
	SL_SUSPENDS
	int (*accept)(void *ctx, const struct sl_http_exchange *exchange);
	void *ctx;
	/* Results: */
	struct sl_resource *resource;
	uint64_t *latency_ns; /* of its request, without waits for limits of the client */
};

/*
 * Ask for the head by HEAD; and by GET, whose body is not read, if HEAD may be unsupported or the
 * response to it has no size, since servers that generate their responses send sizes for GET only.
 * Returns 0, or what sl_http_open or accept returned.
 */
SL_SUSPENDS
int sl_probe_run(const struct sl_probe *probe, struct sl_error *err) SL_MUST_CHECK;

/* A request by HEAD that failed so may have failed because it was HEAD. */
bool sl_probe_may_mean_no_head(const struct sl_error *err);

#endif
