/*
 * Request rates by host.
 *
 * Each host that got a request lately has a bucket. A token is a thousandth of a request, so that
 * rates below one a second are whole numbers, too. The first request is sent at once, the next ones
 * at the rate: at high rates up to 10 ms' worth is saved up, since the loop may wake up late. A
 * host whose bucket is full is forgotten: a new bucket is the same.
 */
#include "host_limit_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST ((uint64_t)1000) /* tokens */

/* Requests that may follow each other without a pause, as a part of a second. Below a hundred a
 * second that is one. */
#define DEPTH_DIVISOR 100

struct host {
	struct sl_list link;
	struct sl_limiter limiter;
	unsigned users; /* tasks in sl_host_limits_take */
	char name[];
};

static struct host *
host_of(struct sl_list *node)
{
	return sl_list_item(node, struct host, link);
}

static void
forget(struct host *host)
{
	sl_list_remove(&host->link);
	free(host);
}

static void
forget_idle(struct sl_host_limits *limits)
{
	sl_list_each(node, &limits->hosts)
	{
		struct host *host = host_of(node);
		if (host->users == 0 && sl_limiter_is_idle(&host->limiter))
			forget(host);
	}
}

static struct host *
find(struct sl_host_limits *limits, const char *name)
{
	sl_list_each(node, &limits->hosts)
	{
		struct host *host = host_of(node);
		if (strcmp(host->name, name) == 0)
			return host;
	}
	return NULL;
}

static struct host *
add(struct sl_host_limits *limits, const char *name)
{
	size_t name_size = strlen(name) + 1;
	struct host *host = calloc(1, sizeof(*host) + name_size);
	if (!host)
		return NULL;
	uint64_t depth = SL_MAX(limits->rate_milli / DEPTH_DIVISOR, REQUEST);
	memcpy(host->name, name, name_size);
	sl_limiter_init(&host->limiter, "request rate", limits->rate_milli, depth, depth);
	sl_list_push_front(&limits->hosts, &host->link);
	return host;
}

void
sl_host_limits_init(struct sl_host_limits *limits, uint64_t rate_milli)
{
	limits->rate_milli = rate_milli;
	sl_list_init(&limits->hosts);
}

void
sl_host_limits_release(struct sl_host_limits *limits)
{
	while (!sl_list_is_empty(&limits->hosts)) {
		struct host *host = host_of(limits->hosts.next);
		sl_assert(host->users == 0);
		forget(host);
	}
}

int
sl_host_limits_take(struct sl_host_limits *limits, const char *name, struct sl_limited *limited,
	struct sl_error *err)
{
	forget_idle(limits);
	struct host *host = find(limits, name);
	if (!host)
		host = add(limits, name);
	if (!host)
		return sl_fail_code(
			err, SL_PHASE_REQUEST, -ENOMEM, "cannot send a request to '%s'", name);
	host->users++;
	int code = sl_limiter_take(&host->limiter, REQUEST, limited);
	host->users--;
	if (code < 0)
		return sl_fail_code(err, SL_PHASE_REQUEST, code,
			"the request to '%s' was not sent, --max-rps delayed it", name);
	return 0;
}
