#include "sluice/download/probe.h"

#include <errno.h>

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
sl_probe_ask(const struct sl_probe *probe, const char *method, struct sl_http_exchange **out,
	struct sl_error *err)
{
	struct sl_limited limited = { 0 };
	uint64_t begin_ns = sl_now();
	struct sl_http_header headers[SL_SOURCES_HEADERS + SL_PROBE_CONDITIONS];
	struct sl_http_request request = { .method = method,
		.url = &probe->sources->url,
		.codings = probe->codings,
		.limited = &limited,
		.headers = headers,
		.header_count = sl_sources_headers(probe->sources, headers) };
	sl_assert(probe->condition_count <= SL_PROBE_CONDITIONS);
	for (size_t i = 0; i < probe->condition_count; i++)
		headers[request.header_count++] = probe->conditions[i];
	int code = sl_http_open(probe->client, &request, out, err);
	if (code)
		return code;
	*probe->resource = sl_http_resource(*out);
	if (probe->latency_ns)
		*probe->latency_ns = sl_now() - begin_ns - limited.total_ns;
	return 0;
}

/* By HEAD; *out stays NULL if its response does not decide. */
SL_SUSPENDS
static int
ask_by_head(const struct sl_probe *probe, struct sl_http_exchange **out, struct sl_error *err)
{
	int code = sl_probe_ask(probe, "HEAD", out, err);
	if (code && !sl_probe_may_mean_no_head(err))
		return code;
	uint64_t length = probe->resource->length;
	if (!code && (length == SL_LENGTH_UNKNOWN || length == 0)) {
		sl_http_close(*out);
		*out = NULL;
	}
	sl_error_clear(err);
	return 0;
}

int
sl_probe_run(const struct sl_probe *probe, struct sl_error *err)
{
	struct sl_http_exchange *exchange = NULL;
	int code = probe->only_get ? 0 : ask_by_head(probe, &exchange, err);
	if (!code && !exchange)
		code = sl_probe_ask(probe, "GET", &exchange, err);
	if (code)
		return code;
	if (probe->accept)
		code = probe->accept(probe->ctx, exchange);
	sl_http_close(exchange);
	return code;
}
