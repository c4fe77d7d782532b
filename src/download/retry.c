#include "sluice/download/retry.h"

#include <errno.h>

#define DOUBLINGS_MAX 33u /* 272 years still fit */

/* 408, 425, 429, 500, 502, 503, 504 (RFC 9110 15.5, 15.6; RFC 8470; RFC 6585), and those with which
 * Cloudflare reports that it cannot reach the origin behind it. */
static enum sl_retry_kind
classify_status(const struct sl_error *err)
{
	int status = err->http_status;
	switch (status) {
	case 403: /* with which some services, as GitHub's, report a rate limit, too */
		return err->retry_after_s > 0 ? SL_RETRY_LIMITED : SL_RETRY_PERMANENT;
	case 408:
	case 425:
	case 500:
		return SL_RETRY_TRANSIENT;
	case 429:
		return SL_RETRY_LIMITED;
	case 502:
	case 503:
	case 504:
	case 530:
		return SL_RETRY_ORIGIN;
	default:
		return status >= 520 && status <= 527 ? SL_RETRY_ORIGIN : SL_RETRY_PERMANENT;
	}
}

/* After the head of a response the origin works. */
static enum sl_retry_kind
transient_in(enum sl_phase phase)
{
	return phase == SL_PHASE_BODY ? SL_RETRY_TRANSIENT : SL_RETRY_ORIGIN;
}

enum sl_retry_kind
sl_retry_classify(const struct sl_error *err)
{
	if (!sl_phase_is_network(err->phase))
		return SL_RETRY_PERMANENT;
	switch (err->code) {
	case SL_E_STATUS:
		return classify_status(err);
	case SL_E_DNS_FAILURE:
	case SL_E_SHORT_BODY:
	case SL_E_STALE:
	case SL_E_SLOW:
	case -ETIMEDOUT:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ECONNABORTED:
	case -EPIPE:
	case -ENOTCONN:
	case -EHOSTUNREACH:
	case -EHOSTDOWN:
	case -ENETUNREACH:
	case -ENETDOWN:
	case -ENETRESET:
		return transient_in(err->phase);
	case -EADDRNOTAVAIL: /* every local port is in use, or waits for late packets */
		return SL_RETRY_TRANSIENT;
	default:
		return SL_RETRY_PERMANENT;
	}
}

bool
sl_retry_is_unreachable(enum sl_phase phase)
{
	return phase == SL_PHASE_RESOLVE || phase == SL_PHASE_CONNECT || phase == SL_PHASE_PROXY ||
	       phase == SL_PHASE_TLS;
}

uint64_t
sl_retry_ceiling_ns(const struct sl_retry_policy *policy, unsigned retry)
{
	uint64_t ceiling_ns = SL_RETRY_FIRST_NS << SL_MIN(retry - 1, DOUBLINGS_MAX);
	return SL_MIN(ceiling_ns, policy->max_wait_ns);
}

uint64_t
sl_retry_wait_ns(
	const struct sl_retry_policy *policy, unsigned retry, unsigned asked_s, uint64_t random)
{
	uint64_t most_ns = sl_retry_ceiling_ns(policy, retry);
	uint64_t wait_ns = most_ns < UINT64_MAX ? random % (most_ns + 1) : random;
	uint64_t asked_ns = asked_s * SL_NS_PER_S;
	return SL_MIN(SL_MAX(wait_ns, asked_ns), policy->max_wait_ns);
}
