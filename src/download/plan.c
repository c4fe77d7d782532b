/*
 * The sums of a plan, and the estimate of its time.
 *
 * By Little's law, L requests in flight that take T each are L / T requests a second. A run is
 * bounded by the least of three rates: of bytes, of requests to the host with most of them, and of
 * the requests that fit in flight. What a rate needs in flight gets a fifth more, since requests do
 * not come at even intervals.
 */
#include "sluice/download/plan.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPARE 1.2

static uint64_t
sum(uint64_t a, uint64_t b)
{
	uint64_t total = 0;
	return sl_add_u64(a, b, &total) ? total : UINT64_MAX;
}

/* NULL if out of memory. */
static struct sl_plan_volume *
volume_of(struct sl_plan *plan, const struct sl_plan_file *file)
{
	for (size_t i = 0; i < plan->volume_count; i++)
		if (plan->volumes[i].dev_major == file->dev_major &&
			plan->volumes[i].dev_minor == file->dev_minor)
			return &plan->volumes[i];
	size_t count = plan->volume_count + 1;
	struct sl_plan_volume *volumes = reallocarray(plan->volumes, count, sizeof(*plan->volumes));
	if (!volumes)
		return NULL;
	plan->volumes = volumes;
	char *path = strdup(file->path);
	if (!path)
		return NULL;
	plan->volume_count = count;
	volumes[count - 1] = (struct sl_plan_volume){ .path = path,
		.dev_major = file->dev_major,
		.dev_minor = file->dev_minor,
		.free_bytes = file->free_bytes };
	return &volumes[count - 1];
}

int
sl_plan_add(struct sl_plan *plan, const struct sl_plan_file *file)
{
	bool is_known = file->length != UINT64_MAX;
	struct sl_plan_volume *volume = file->path ? volume_of(plan, file) : NULL;
	uint64_t requests = sl_names_next_number(&plan->requests, file->host);
	if ((file->path && !volume) || requests == 0)
		return -ENOMEM;
	plan->hosts += requests == 1;
	plan->most_requests = SL_MAX(plan->most_requests, requests);
	plan->latency_ns =
		plan->files == 0 ? file->latency_ns : SL_MIN(plan->latency_ns, file->latency_ns);
	plan->files++;
	plan->unknown_files += !is_known;
	uint64_t length = is_known ? file->length : 0;
	uint64_t present = SL_MIN(file->present, length);
	plan->bytes = sum(plan->bytes, length - present);
	plan->present = sum(plan->present, present);
	if (volume)
		volume->needed_bytes =
			sum(volume->needed_bytes, length - SL_MIN(file->allocated, length));
	return 0;
}

void
sl_plan_release(struct sl_plan *plan)
{
	for (size_t i = 0; i < plan->volume_count; i++)
		free(plan->volumes[i].path);
	free(plan->volumes);
	sl_names_release(&plan->requests);
	*plan = (struct sl_plan){ 0 };
}

bool
sl_plan_is_short(const struct sl_plan_volume *volume)
{
	return volume->needed_bytes > volume->free_bytes;
}

static uint64_t
to_ns(double seconds)
{
	double ns = seconds * (double)SL_NS_PER_S;
	return ns < (double)INT64_MAX ? (uint64_t)ns : INT64_MAX;
}

/* For `requests_s` a second. */
static uint64_t
needed_in_flight(double requests_s, double latency_s)
{
	double needed = requests_s * latency_s * SPARE;
	return needed < 1 ? 1 : needed < 1e9 ? (uint64_t)(needed + 0.999999) : 1000000000u;
}

struct sl_plan_estimate
sl_plan_estimate(const struct sl_plan *plan, const struct sl_plan_limits *limits)
{
	double latency_s = (double)plan->latency_ns / (double)SL_NS_PER_S;
	double files = (double)plan->files;
	struct sl_plan_estimate estimate = { .bound = SL_PLAN_BY_LATENCY,
		.in_flight = SL_MIN(limits->jobs, limits->per_host * SL_MAX(plan->hosts, 1u)) };
	double seconds = files * latency_s / (double)estimate.in_flight;
	double by_rate =
		limits->rate_bytes_s ? (double)plan->bytes / (double)limits->rate_bytes_s : 0;
	double by_requests =
		limits->max_rps_milli && plan->most_requests
			? (double)(plan->most_requests - 1) * 1000 / (double)limits->max_rps_milli
			: 0;
	if (by_rate > seconds) {
		seconds = by_rate;
		estimate.bound = SL_PLAN_BY_RATE;
	}
	if (by_requests > seconds) {
		seconds = by_requests;
		estimate.bound = SL_PLAN_BY_REQUESTS;
	}
	if (estimate.bound != SL_PLAN_BY_LATENCY)
		estimate.in_flight =
			SL_MIN(estimate.in_flight, needed_in_flight(files / seconds, latency_s));
	estimate.ns = to_ns(seconds);
	return estimate;
}
