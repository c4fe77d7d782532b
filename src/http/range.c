#include "range_int.h"

#include "sluice/http/header.h"

static int
refuse(const struct sl_http_exchange *exchange, struct sl_error *err, const char *why)
{
	return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_PROTO,
		"the server's response to a request for a part of the file %s", why);
}

int
sl_range_check(
	struct sl_http_exchange *exchange, const struct sl_http_range *range, struct sl_error *err)
{
	struct sl_content_range got;
	struct sl_error cause = { 0 };
	if (sl_content_range_read(&got, &exchange->head, &cause))
		return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_PROTO, "%s", cause.text);
	if (got.is_unsatisfied || got.begin != range->begin || got.end > range->end)
		return refuse(exchange, err, "has another part");
	uint64_t length = sl_http_body_length(exchange);
	if (length != SL_BODY_UNKNOWN && length != got.end - got.begin)
		return refuse(exchange, err,
			"announces one length in Content-Range and another in Content-Length");
	if (sl_head_find(&exchange->head, "Content-Encoding", 0).data)
		return refuse(exchange, err, "has a content coding, which was not requested");
	exchange->is_range = true;
	exchange->range_total = got.total;
	struct sl_resource resource = sl_http_resource(exchange);
	if (sl_resource_compare(range->of, &resource) == SL_RESOURCE_OTHER)
		return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_CHANGED,
			"the file has changed on the server");
	return 0;
}

int
sl_range_refuse(const struct sl_http_exchange *exchange, bool asked_by_user, struct sl_error *err)
{
	return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_PROTO,
		"the server sent a part of the file (206), %s",
		asked_by_user ? "as the header 'Range' asks; only whole files are downloaded: "
				"leave that header out"
			      : "but no range was requested");
}
