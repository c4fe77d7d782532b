/*
 * probe.h - what a server has under a URL, without downloading it.
 */
#ifndef SLUICE_DOWNLOAD_PROBE_H
#define SLUICE_DOWNLOAD_PROBE_H

#include "sluice/download/sources.h"
#include "sluice/http/client.h"

/*
 * Ask for the head of the source in use: by HEAD; and by GET, whose body is not read, if HEAD may
 * be unsupported or its answer has no size, since servers that generate their answers send sizes
 * for GET only. *latency_ns is the time that the request in *out took, without waits for the limits
 * of the client. Returns 0 or what sl_http_open returns.
 */
SL_SUSPENDS
int sl_probe(struct sl_http_client *client, const struct sl_sources *sources,
	struct sl_resource *out, uint64_t *latency_ns, struct sl_error *err) SL_MUST_CHECK;

/* A request by HEAD that failed so may have failed because it was HEAD. */
bool sl_probe_may_mean_no_head(const struct sl_error *err);

#endif
