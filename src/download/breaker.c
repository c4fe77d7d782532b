/*
 * breaker.c - the table of failing origins, searched from its front: there are few. Times come from
 * the caller, and so do random numbers.
 */
#include "sluice/download/breaker.h"

void
sl_breaker_init(struct sl_breaker *breaker, const struct sl_retry_policy *policy)
{
	*breaker = (struct sl_breaker){ .policy = policy };
}

static size_t
index_of(const struct sl_breaker *breaker, uint64_t key)
{
	size_t i = 0;
	while (i < breaker->count && breaker->origins[i].key != key)
		i++;
	return i;
}

static struct sl_breaker_origin *
find(struct sl_breaker *breaker, uint64_t key)
{
	size_t i = index_of(breaker, key);
	return i < breaker->count ? &breaker->origins[i] : NULL;
}

static const struct sl_breaker_origin *
find_open(const struct sl_breaker *breaker, uint64_t key)
{
	size_t i = index_of(breaker, key);
	return i < breaker->count && breaker->origins[i].is_open ? &breaker->origins[i] : NULL;
}

/* One that is being probed stays: its probe ends with a call for it. */
static struct sl_breaker_origin *
find_oldest(struct sl_breaker *breaker)
{
	struct sl_breaker_origin *oldest = NULL;
	for (size_t i = 0; i < breaker->count; i++) {
		struct sl_breaker_origin *origin = &breaker->origins[i];
		if (!origin->is_probing && (!oldest || origin->failed_ns < oldest->failed_ns))
			oldest = origin;
	}
	return oldest;
}

/* NULL if every place is taken by an origin that is being probed. */
static struct sl_breaker_origin *
add(struct sl_breaker *breaker, uint64_t key)
{
	struct sl_breaker_origin *origin = breaker->count < SL_BREAKER_ORIGINS
						   ? &breaker->origins[breaker->count++]
						   : find_oldest(breaker);
	if (origin)
		*origin = (struct sl_breaker_origin){ .key = key };
	return origin;
}

uint64_t
sl_breaker_next_ns(const struct sl_breaker *breaker, uint64_t key, uint64_t now_ns)
{
	const struct sl_breaker_origin *origin = find_open(breaker, key);
	if (!origin)
		return 0;
	if (origin->is_probing)
		return SL_FOREVER;
	return origin->until_ns > now_ns ? origin->until_ns : 0;
}

bool
sl_breaker_begin(struct sl_breaker *breaker, uint64_t key, uint64_t now_ns)
{
	struct sl_breaker_origin *origin = find(breaker, key);
	if (!origin || !origin->is_open || origin->is_probing || origin->until_ns > now_ns)
		return false;
	origin->is_probing = true;
	return true;
}

bool
sl_breaker_succeed(struct sl_breaker *breaker, uint64_t key)
{
	size_t i = index_of(breaker, key);
	if (i == breaker->count)
		return false;
	bool was_open = breaker->origins[i].is_open;
	breaker->origins[i] = breaker->origins[--breaker->count];
	return was_open;
}

/* Random between half of the ceiling and all of it: at least that long the origin is left alone. */
static uint64_t
pause_ns(const struct sl_breaker *breaker, const struct sl_breaker_origin *origin, unsigned asked_s,
	uint64_t random)
{
	uint64_t ceiling_ns = sl_retry_ceiling_ns(breaker->policy, origin->probes + 1);
	uint64_t pause = ceiling_ns - random % (ceiling_ns / 2 + 1);
	return SL_MIN(SL_MAX(pause, asked_s * SL_NS_PER_S), breaker->policy->max_wait_ns);
}

uint64_t
sl_breaker_fail(struct sl_breaker *breaker, uint64_t key, bool is_probe, const struct sl_error *err,
	uint64_t now_ns, uint64_t random)
{
	struct sl_breaker_origin *origin = find(breaker, key);
	if (breaker->policy->retries == 0)
		return 0;
	if (!origin)
		origin = add(breaker, key);
	if (!origin)
		return 0;
	origin->code = err->code;
	origin->phase = err->phase;
	origin->failed_ns = now_ns;
	if (is_probe) {
		origin->is_probing = false;
		origin->probes++;
	} else if (origin->is_open) {
		return 0; /* sent before it opened */
	}
	bool is_limited = sl_retry_classify(err) == SL_RETRY_LIMITED;
	if (!origin->is_open && ++origin->failures < SL_BREAKER_FAILURES && !is_limited)
		return 0;
	uint64_t pause = pause_ns(breaker, origin, err->retry_after_s, random);
	origin->is_open = true;
	origin->until_ns = now_ns + pause;
	return SL_MAX(pause, 1u);
}

void
sl_breaker_abandon(struct sl_breaker *breaker, uint64_t key)
{
	struct sl_breaker_origin *origin = find(breaker, key);
	if (origin)
		origin->is_probing = false;
}

const struct sl_breaker_origin *
sl_breaker_exhausted(const struct sl_breaker *breaker, uint64_t key)
{
	const struct sl_breaker_origin *origin = find_open(breaker, key);
	return origin && origin->probes >= breaker->policy->retries ? origin : NULL;
}
