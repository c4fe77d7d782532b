/*
 * admission.c - permits by host.
 *
 * A permit that is given back, or a limit that grew, goes to the file that has waited longest among
 * those whose host has room. Hosts without permits and waiters are kept for what their ramp has
 * learned, up to HOSTS of them.
 */
#include "sluice/download/admission.h"

#include "sluice/download/ramp.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS 256u /* without permits: a bound on memory */

struct sl_admission_host {
	struct sl_list link; /* of admission->hosts, last used first */
	struct sl_ramp ramp;
	unsigned taken, waiting;
	unsigned pinned; /* by tasks that wait for a chunk */
	enum sl_scheme scheme;
	uint16_t port;
	char name[];
};

struct sl_admission {
	struct sl_admission_options options;
	struct sl_list hosts;
	unsigned host_count;
	struct sl_list waiters; /* of struct applicant.waiter */
	unsigned taken;
	unsigned expected; /* files that will soon want their first permit */
};

struct applicant {
	struct sl_waiter waiter;
	struct sl_admission_host *host;
};

/* ---- hosts ---- */

static struct sl_admission_host *
find(struct sl_admission *admission, const struct sl_url *url)
{
	sl_list_each(node, &admission->hosts)
	{
		struct sl_admission_host *host = sl_list_item(node, struct sl_admission_host, link);
		if (host->scheme == url->scheme && host->port == url->port &&
			strcmp(host->name, url->host) == 0)
			return host;
	}
	return NULL;
}

/* The one that was not used for longest, of those without users but the first, which is about to be
 * used. */
static void
forget_oldest(struct sl_admission *admission)
{
	struct sl_list *node = admission->hosts.prev;
	if (admission->host_count <= HOSTS)
		return;
	for (; node != admission->hosts.next; node = node->prev) {
		struct sl_admission_host *host = sl_list_item(node, struct sl_admission_host, link);
		if (host->taken > 0 || host->waiting > 0 || host->pinned > 0)
			continue;
		sl_list_remove(node);
		admission->host_count--;
		free(host);
		return;
	}
}

/* NULL if out of memory. */
static struct sl_admission_host *
use(struct sl_admission *admission, const struct sl_url *url)
{
	struct sl_admission_host *host = find(admission, url);
	if (!host) {
		size_t size = strlen(url->host) + 1;
		host = calloc(1, sizeof(*host) + size);
		if (!host)
			return NULL;
		host->scheme = url->scheme;
		host->port = url->port;
		memcpy(host->name, url->host, size);
		sl_ramp_init(&host->ramp, admission->options.per_host);
		sl_list_init(&host->link);
		admission->host_count++;
	}
	sl_list_remove(&host->link);
	sl_list_push_front(&admission->hosts, &host->link);
	forget_oldest(admission);
	return host;
}

/* ---- permits ---- */

static bool
has_room(const struct sl_admission *admission, const struct sl_admission_host *host)
{
	return host->taken < host->ramp.limit && admission->taken < admission->options.total;
}

static void
count(struct sl_admission *admission, struct sl_admission_host *host)
{
	host->taken++;
	admission->taken++;
	sl_ramp_used(&host->ramp, host->taken, sl_now());
}

static void
serve(struct sl_admission *admission)
{
	struct sl_list *node = admission->waiters.next;
	while (node != &admission->waiters) {
		struct applicant *applicant = sl_list_item(node, struct applicant, waiter.link);
		node = node->next;
		if (!has_room(admission, applicant->host))
			continue;
		count(admission, applicant->host);
		sl_list_remove(&applicant->waiter.link);
		sl_waiter_serve(&applicant->waiter, 0);
	}
}

/* A place at the host; waits for it. */
SL_SUSPENDS
static int
take_place(struct sl_admission *admission, struct sl_admission_host *host)
{
	struct applicant applicant = { .host = host };
	if (host->waiting == 0 && has_room(admission, host)) {
		count(admission, host);
		return 0;
	}
	int code = sl_task_cancelled();
	host->waiting++;
	while (!code) {
		code = sl_waiter_wait(&applicant.waiter, &admission->waiters, "connection to host",
			sl_deadline_in(SL_RAMP_PATIENCE_NS));
		if (code != -ETIMEDOUT)
			break;
		code = sl_task_cancelled();
		if (code)
			break;
		sl_ramp_waited(&host->ramp, sl_now());
		sl_ramp_used(&host->ramp, host->taken, sl_now());
		serve(admission);
		if (has_room(admission, host)) {
			count(admission, host);
			break;
		}
	}
	host->waiting--;
	return code;
}

static void
give_place(struct sl_admission *admission, struct sl_admission_host *host)
{
	sl_assert(host->taken > 0 && admission->taken > 0);
	host->taken--;
	admission->taken--;
	sl_ramp_used(&host->ramp, host->taken, sl_now());
	serve(admission);
}

int
sl_admission_new(struct sl_admission **out, const struct sl_admission_options *options)
{
	struct sl_admission *admission = calloc(1, sizeof(*admission));
	if (!admission)
		return -ENOMEM;
	admission->options = *options;
	sl_list_init(&admission->hosts);
	sl_list_init(&admission->waiters);
	*out = admission;
	return 0;
}

void
sl_admission_free(struct sl_admission *admission)
{
	if (!admission)
		return;
	sl_assert(admission->taken == 0);
	for (struct sl_list *node; (node = sl_list_pop(&admission->hosts));)
		free(sl_list_item(node, struct sl_admission_host, link));
	free(admission);
}

void
sl_admission_expect(struct sl_admission *admission)
{
	admission->expected++;
}

void
sl_admission_expect_not(struct sl_admission *admission)
{
	sl_assert(admission->expected > 0);
	admission->expected--;
}

int
sl_admission_take(struct sl_admission *admission, const struct sl_url *url,
	struct sl_permit *permit, struct sl_chunk **chunk)
{
	int code = sl_task_cancelled();
	struct sl_admission_host *host = code ? NULL : use(admission, url);
	if (!host)
		return code ? code : -ENOMEM;
	*chunk = NULL;
	if (!host->ramp.grown_ns)
		host->ramp.grown_ns = sl_now();
	for (;;) {
		code = take_place(admission, host);
		if (code) {
			sl_chunk_unref(*chunk);
			*chunk = NULL;
			return code;
		}
		*chunk = sl_chunk_try_take(admission->options.pool);
		if (*chunk)
			break;
		/* While it waits for a chunk others may have the place; and the other way round. */
		give_place(admission, host);
		host->pinned++;
		code = sl_chunk_take(admission->options.pool, chunk, SL_FOREVER);
		host->pinned--;
		if (code)
			return code;
		if (has_room(admission, host)) {
			count(admission, host);
			break;
		}
		sl_chunk_unref(*chunk);
		*chunk = NULL;
	}
	*permit = (struct sl_permit){ .admission = admission, .host = host };
	return 0;
}

/* Permits beyond these are of streams that share a connection. */
static unsigned
own_connections(const struct sl_admission *admission, const struct sl_admission_host *host)
{
	return SL_MIN(host->ramp.limit, admission->options.per_host);
}

bool
sl_admission_try_take(struct sl_admission *admission, const struct sl_url *url,
	struct sl_permit *permit, struct sl_chunk **chunk)
{
	struct sl_admission_host *host = use(admission, url);
	if (!host)
		return false;
	sl_ramp_used(&host->ramp, host->taken, sl_now()); /* also if nothing comes on any */
	if (host->waiting > 0 || !has_room(admission, host) ||
		host->taken + admission->expected >= own_connections(admission, host))
		return false;
	*chunk = sl_chunk_try_take(admission->options.pool);
	if (!*chunk)
		return false;
	count(admission, host);
	*permit = (struct sl_permit){ .admission = admission, .host = host };
	return true;
}

void
sl_permit_give(struct sl_permit *permit)
{
	if (permit->host)
		give_place(permit->admission, permit->host);
	*permit = (struct sl_permit){ 0 };
}

void
sl_permit_move(struct sl_permit *permit, const struct sl_url *url)
{
	struct sl_admission_host *host = use(permit->admission, url);
	if (!host || host == permit->host) /* without memory it counts where it is */
		return;
	host->taken++;
	permit->host->taken--;
	sl_ramp_used(&host->ramp, host->taken, sl_now());
	sl_ramp_used(&permit->host->ramp, permit->host->taken, sl_now());
	permit->host = host;
	serve(permit->admission);
}

void
sl_permit_answered(const struct sl_permit *permit)
{
	sl_ramp_answered(&permit->host->ramp, sl_now());
	serve(permit->admission);
}

void
sl_permit_shared(const struct sl_permit *permit)
{
	sl_ramp_allow(&permit->host->ramp, permit->admission->options.total);
	serve(permit->admission);
}

void
sl_permit_refused(const struct sl_permit *permit)
{
	sl_ramp_refused(&permit->host->ramp, sl_now());
}

void
sl_permit_received(const struct sl_permit *permit, uint64_t bytes)
{
	if (permit->host)
		sl_ramp_received(&permit->host->ramp, bytes, sl_now());
}

bool
sl_admission_is_refusal(const struct sl_error *err)
{
	if (err->code == SL_E_STATUS)
		return err->http_status == 429 || err->http_status == 503 ||
		       (err->http_status == 403 && err->retry_after_s > 0);
	return err->phase == SL_PHASE_CONNECT || err->code == -ECONNRESET ||
	       err->code == SL_E_STALE; /* of HTTP/2: twice REFUSED_STREAM or GOAWAY */
}

bool
sl_permit_is_wanted(const struct sl_permit *permit)
{
	if (sl_ramp_is_exceeded(&permit->host->ramp))
		return true;
	sl_list_each(node, &permit->admission->waiters)
	{
		const struct applicant *applicant =
			sl_list_item(node, struct applicant, waiter.link);
		if (applicant->host == permit->host ||
			applicant->host->taken < applicant->host->ramp.limit)
			return true;
	}
	return false;
}
