/*
 * probe.h - what a server has under a URL, without downloading it.
 */
#ifndef SLUICE_DOWNLOAD_PROBE_H
#define SLUICE_DOWNLOAD_PROBE_H

#include "sluice/download/sources.h"
#include "sluice/http/client.h"

#define SL_PROBE_CONDITIONS 2

struct sl_probe {
	struct sl_http_client *client;
	const struct sl_sources *sources; /* the one in use is asked */
	/* Fields that are sent beside those of the source, at most SL_PROBE_CONDITIONS. */
	const struct sl_http_header *conditions;
	size_t condition_count;
	enum sl_http_codings codings;
	bool only_get; /* HEAD is not sent: what matters is more than the size */
	/* Looks at the response in *resource before its end; a code other than 0 is the result.
	 * NULL = nothing to do. */
	SL_SUSPENDS
	int (*accept)(void *ctx, const struct sl_http_exchange *exchange);
	void *ctx;
	/* Results: */
	struct sl_resource *resource;
	uint64_t *latency_ns; /* of its request, without waits for limits of the client; or NULL */
};

/*
 * One request. The caller closes *out. Returns 0 with *probe->resource, or what sl_http_open
 * returned.
 */
SL_SUSPENDS
int sl_probe_ask(const struct sl_probe *probe, const char *method, struct sl_http_exchange **out,
	struct sl_error *err) SL_MUST_CHECK;

/*
 * Ask for the head by HEAD; and by GET, whose body is not read, with only_get, if HEAD may be
 * unsupported, or if the response to it has no size, since servers that generate their responses
 * send sizes for GET only.
 * Returns 0, or what sl_http_open or accept returned.
 */
SL_SUSPENDS
int sl_probe_run(const struct sl_probe *probe, struct sl_error *err) SL_MUST_CHECK;

/* A request by HEAD that failed so may have failed because it was HEAD. */
bool sl_probe_may_mean_no_head(const struct sl_error *err);

#endif
