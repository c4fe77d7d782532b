#include "sluice/download/probe.h"

#include <errno.h>

SL_SUSPENDS
static int
ask(struct sl_http_client *client, const struct sl_sources *sources, const char *method,
	struct sl_resource *out, uint64_t *latency_ns, struct sl_error *err)
{
	struct sl_limited limited = { 0 };
	uint64_t begin_ns = sl_now();
	struct sl_http_exchange *exchange = NULL;
	struct sl_http_header headers[SL_SOURCES_HEADERS];
	struct sl_http_request request = { .method = method,
		.url = &sources->url,
		.limited = &limited,
		.headers = headers,
		.header_count = sl_sources_headers(sources, headers) };
	int code = sl_http_open(client, &request, &exchange, err);
	if (code)
		return code;
	*out = sl_http_resource(exchange);
	*latency_ns = sl_now() - begin_ns - limited.total_ns;
	sl_http_close(exchange);
	return 0;
}

/* Servers without HEAD refuse it in many ways (signed URLs: 403), or close the connection. A status
 * that asks for a pause or for credentials is not one of them. */
bool
sl_probe_may_mean_no_head(const struct sl_error *err)
{
	static const int statuses[] = { 204, 304, 400, 403, 404, 405, 500, 501 };
	if (err->code == SL_E_PROTO || (err->code == -ECONNRESET && err->phase == SL_PHASE_HEAD))
		return true;
	for (size_t i = 0; err->code == SL_E_STATUS && i < SL_COUNT_OF(statuses); i++)
		if (err->http_status == statuses[i])
			return true;
	return false;
}

int
sl_probe(struct sl_http_client *client, const struct sl_sources *sources, struct sl_resource *out,
	uint64_t *latency_ns, struct sl_error *err)
{
	int code = ask(client, sources, "HEAD", out, latency_ns, err);
	if (code && !sl_probe_may_mean_no_head(err))
		return code;
	if (!code && out->length != SL_LENGTH_UNKNOWN && out->length != 0)
		return 0;
	sl_error_clear(err);
	return ask(client, sources, "GET", out, latency_ns, err);
}
