/*
 * The pool of connections, and the bounds on their number.
 *
 * Up to three bounds hold for a connection: that of its host, that of all TLS connections (their
 * memory), that of all connections. Each is a struct quota: permits, and the idle connections that
 * count against it. A permit is the right to use a connection, not the connection itself: one of
 * each quota is taken before an idle connection is picked or a new one is dialled, and given back
 * with it. Idle connections hold no permit; they are room that a task with permits may claim by
 * closing the oldest. So tasks wait for permits only, and every connection given back, idle or
 * closed, lets the next task continue. Permits are always taken in the order of enum bound, so that
 * no two tasks wait for each other.
 *
 * While there are idle connections, a task, the reaper, sleeps until the oldest has come of age and
 * closes it: servers count open connections, too, and a long run may not ask for one again.
 */
#include "sluice/net/pool.h"

#include "sluice/base/list.h"
#include "sluice/net/tls.h"
#include "sluice/rt/semaphore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum bound { OF_HOST, OF_TLS, OF_ALL, BOUNDS };

struct quota {
	struct sl_semaphore permits;
	unsigned used;       /* permits with a connection, or with one that is being established */
	struct sl_list idle; /* links, most recently used first */
	unsigned idle_count;
};

struct host {
	struct sl_list of_pool;
	struct quota quota;
	unsigned users; /* tasks in sl_pool_take and connections, idle ones counted; freed at 0 */
	bool tls;
	uint16_t port;
	const char *route; /* behind the name */
	char name[];
};

/* What the pool keeps about a connection. */
struct slot {
	struct link {
		struct sl_list of_quota; /* linked while idle */
		struct slot *slot;
	} links[BOUNDS];
	struct host *host;
	struct sl_connection *connection;
	unsigned lane;
	uint64_t idle_since_ns;
};

struct sl_pool {
	struct sl_pool_options options;
	struct sl_list hosts;
	struct quota tls, all;
	struct sl_group reaper; /* one task at most; the pool's owner leaves it */
	bool is_reaping;
	uint64_t dialled, reused;
};

/* ---- quotas ---- */

static void
init_quota(struct quota *quota, const char *name, unsigned limit)
{
	sl_semaphore_init(&quota->permits, name, limit);
	sl_list_init(&quota->idle);
	quota->used = 0;
	quota->idle_count = 0;
}

/* NULL if the bound does not apply to connections to this host. */
static struct quota *
quota_of(struct sl_pool *pool, struct host *host, enum bound bound)
{
	switch (bound) {
	case OF_HOST:
		return &host->quota;
	case OF_TLS:
		return host->tls ? &pool->tls : NULL;
	case OF_ALL:
	case BOUNDS:
		break;
	}
	return &pool->all;
}

static bool
is_exceeded(const struct quota *quota)
{
	return quota->permits.taken + quota->idle_count > quota->permits.limit;
}

static void
count_used(struct sl_pool *pool, struct host *host, bool more)
{
	for (enum bound bound = OF_HOST; bound < BOUNDS; bound++) {
		struct quota *quota = quota_of(pool, host, bound);
		if (quota)
			quota->used = more ? quota->used + 1 : quota->used - 1;
	}
}

static struct slot *
newest_idle_of(const struct quota *quota, const struct sl_pool_key *key)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): see base/list.h */
	sl_list_each(node, &quota->idle)
	{
		struct slot *slot = sl_list_item(node, struct link, of_quota)->slot;
		if (slot->connection->http2 ? !key->http1 : slot->lane == key->lane)
			return slot;
	}
	return NULL;
}

static struct slot *
oldest_idle(const struct quota *quota)
{
	if (sl_list_is_empty(&quota->idle))
		return NULL;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): see base/list.h */
	return sl_list_item(quota->idle.prev, struct link, of_quota)->slot;
}

/* ---- hosts ---- */

static struct host *
find_host(const struct sl_pool *pool, const struct sl_pool_key *key)
{
	sl_list_each(node, &pool->hosts)
	{
		struct host *host = sl_list_item(node, struct host, of_pool);
		if (host->tls == key->tls && host->port == key->port &&
			strcmp(host->name, key->host) == 0 && strcmp(host->route, key->route) == 0)
			return host;
	}
	return NULL;
}

static struct host *
use_host(struct sl_pool *pool, const struct sl_pool_key *key)
{
	struct host *host = find_host(pool, key);
	if (!host) {
		size_t name_size = strlen(key->host) + 1, route_size = strlen(key->route) + 1;
		host = calloc(1, sizeof(*host) + name_size + route_size);
		if (!host)
			return NULL;
		init_quota(&host->quota, "connection to host", pool->options.per_host);
		host->tls = key->tls;
		host->port = key->port;
		memcpy(host->name, key->host, name_size);
		host->route = memcpy(host->name + name_size, key->route, route_size);
		sl_list_push_front(&pool->hosts, &host->of_pool);
	}
	host->users++;
	return host;
}

static void
unuse_host(struct host *host)
{
	if (--host->users > 0)
		return;
	sl_list_remove(&host->of_pool);
	explicit_bzero(host->name, strlen(host->name) + 1 + strlen(host->route));
	free(host);
}

/* ---- idle connections ---- */

static void
make_idle(struct sl_pool *pool, struct slot *slot)
{
	sl_connection_release_memory(slot->connection);
	slot->idle_since_ns = sl_now();
	for (enum bound bound = OF_HOST; bound < BOUNDS; bound++) {
		struct quota *quota = quota_of(pool, slot->host, bound);
		if (!quota)
			continue;
		sl_list_push_front(&quota->idle, &slot->links[bound].of_quota);
		quota->idle_count++;
	}
}

static void
unmake_idle(struct sl_pool *pool, struct slot *slot)
{
	for (enum bound bound = OF_HOST; bound < BOUNDS; bound++) {
		struct quota *quota = quota_of(pool, slot->host, bound);
		if (!quota)
			continue;
		sl_list_remove(&slot->links[bound].of_quota);
		quota->idle_count--;
	}
}

/* The slot is in no list any more: other tasks do not find it while close suspends. */
SL_SUSPENDS
static void
close_slot(struct slot *slot)
{
	sl_connection_close(slot->connection);
	unuse_host(slot->host);
	free(slot);
}

SL_SUSPENDS
static void
close_idle(struct sl_pool *pool, struct slot *slot)
{
	unmake_idle(pool, slot);
	close_slot(slot);
}

SL_SUSPENDS
static void
close_old(struct sl_pool *pool)
{
	struct slot *slot;
	while ((slot = oldest_idle(&pool->all)) &&
		sl_now() - slot->idle_since_ns >= pool->options.idle_ns)
		close_idle(pool, slot);
}

SL_SUSPENDS
static void
close_surplus(struct sl_pool *pool)
{
	struct slot *slot;
	while (pool->options.idle_max > 0 && pool->all.idle_count > pool->options.idle_max &&
		(slot = oldest_idle(&pool->all)))
		close_idle(pool, slot);
}

/* Until there is no idle connection, or the pool's owner is cancelled or frees it. */
SL_SUSPENDS
static int
reap(void *arg)
{
	struct sl_pool *pool = arg;
	struct slot *slot;
	int code = 0;
	while (code == 0 && (slot = oldest_idle(&pool->all))) {
		uint64_t age_ns = sl_now() - slot->idle_since_ns;
		code = sl_sleep(pool->options.idle_ns - SL_MIN(age_ns, pool->options.idle_ns));
		if (code == 0)
			close_old(pool);
	}
	pool->is_reaping = false;
	return code;
}

/* Without it (no memory, a run that is cancelled) idle connections are closed when the next one is
 * taken, or with the pool. */
static void
begin_reaping(struct sl_pool *pool)
{
	if (!pool->is_reaping)
		pool->is_reaping =
			sl_group_spawn(&pool->reaper, "idle connections", reap, pool, NULL) == 0;
}

/* The caller holds permits and will dial: make sure that the connection it adds is within
 * bounds. */
SL_SUSPENDS
static void
make_room(struct sl_pool *pool, struct host *host)
{
	for (enum bound bound = OF_HOST; bound < BOUNDS; bound++) {
		struct quota *quota = quota_of(pool, host, bound);
		struct slot *slot;
		while (quota && is_exceeded(quota) && (slot = oldest_idle(quota)))
			close_idle(pool, slot);
	}
}

/* The most recently used idle connection of the lane that can carry a request, or NULL. */
SL_SUSPENDS
static struct slot *
pick_idle(struct sl_pool *pool, struct host *host, const struct sl_pool_key *key)
{
	struct slot *slot;
	while ((slot = newest_idle_of(&host->quota, key))) {
		unmake_idle(pool, slot);
		if (!sl_connection_is_disturbed(slot->connection))
			return slot;
		close_slot(slot);
	}
	return NULL;
}

/* ---- fresh connections ---- */

/* One deadline for all of it, as curl's --connect-timeout has it. */
SL_SUSPENDS
static int
open_fresh(struct sl_pool *pool, const struct sl_pool_key *key, struct sl_connection **out,
	struct sl_error *err)
{
	uint64_t deadline_ns = sl_deadline_in(pool->options.connect_timeout_ns);
	int code = key->connect(key->connect_ctx, key, deadline_ns, out, err);
	if (code < 0)
		return sl_fail_code(
			err, SL_PHASE_CONNECT, code, "cannot connect to '%s'", key->host);
	pool->dialled++;
	return 0;
}

/* The caller holds permits; the slot counts as a user of the host from now on. */
SL_SUSPENDS
static int
fill_slot(struct sl_pool *pool, struct host *host, const struct sl_pool_key *key, struct slot **out,
	struct sl_error *err)
{
	make_room(pool, host);
	struct slot *slot = calloc(1, sizeof(*slot));
	if (!slot)
		return sl_fail_code(
			err, SL_PHASE_CONNECT, -ENOMEM, "cannot connect to '%s'", host->name);
	for (enum bound bound = OF_HOST; bound < BOUNDS; bound++) {
		sl_list_init(&slot->links[bound].of_quota);
		slot->links[bound].slot = slot;
	}
	count_used(pool, host, true);
	int code = open_fresh(pool, key, &slot->connection, err);
	if (code < 0) {
		count_used(pool, host, false);
		free(slot);
		return code;
	}
	sl_assert(slot->connection);
	slot->host = host;
	slot->connection->pool_slot = slot;
	host->users++;
	*out = slot;
	return 0;
}

/* ---- permits ---- */

/* Of all bounds before `end`. */
static void
give_permits(struct sl_pool *pool, struct host *host, enum bound end)
{
	for (enum bound bound = OF_HOST; bound < end; bound++) {
		struct quota *quota = quota_of(pool, host, bound);
		if (quota)
			sl_semaphore_give(&quota->permits);
	}
}

SL_SUSPENDS
static int
take_permits(struct sl_pool *pool, struct host *host, struct sl_error *err)
{
	for (enum bound bound = OF_HOST; bound < BOUNDS; bound++) {
		struct quota *quota = quota_of(pool, host, bound);
		int code = quota ? sl_semaphore_take(&quota->permits, SL_FOREVER) : 0;
		if (code < 0) {
			give_permits(pool, host, bound);
			return sl_fail_code(err, SL_PHASE_CONNECT, code,
				"cannot connect to '%s': all connections are in use", host->name);
		}
	}
	return 0;
}

SL_SUSPENDS
static int
admit(struct sl_pool *pool, struct host *host, const struct sl_pool_key *key, struct sl_error *err)
{
	int code = take_permits(pool, host, err);
	if (code < 0 || !pool->options.admit)
		return code;
	code = pool->options.admit(pool->options.admit_ctx, key, err);
	if (code < 0)
		give_permits(pool, host, BOUNDS);
	return code;
}

/* ---- public ---- */

static unsigned
tls_limit(const struct sl_pool_options *options)
{
	uint64_t count = options->tls_memory / SL_TLS_MEMORY;
	if (options->tls_memory == 0 || count >= options->total)
		return options->total;
	return count > 0 ? (unsigned)count : 1;
}

void
sl_pool_key_set_peer(const struct sl_pool_key *key, const struct sl_connection *connection)
{
	if (key->peer)
		memcpy(*key->peer, connection->peer, sizeof(*key->peer));
}

int
sl_pool_new(struct sl_pool **out, const struct sl_pool_options *options)
{
	sl_assert(options->per_host > 0 && options->total > 0);
	struct sl_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->options = *options;
	sl_list_init(&pool->hosts);
	init_quota(&pool->tls, "TLS connection", tls_limit(options));
	init_quota(&pool->all, "connection", options->total);
	sl_group_enter(&pool->reaper, SL_GROUP_COLLECT);
	*out = pool;
	return 0;
}

void
sl_pool_free(struct sl_pool *pool)
{
	if (!pool)
		return;
	sl_assert(pool->all.permits.taken == 0);
	sl_group_cancel(&pool->reaper, -ECANCELED);
	(void)sl_group_leave(&pool->reaper);
	struct slot *slot;
	while ((slot = oldest_idle(&pool->all)))
		close_idle(pool, slot);
	sl_assert(sl_list_is_empty(&pool->hosts));
	free(pool);
}

int
sl_pool_take(struct sl_pool *pool, const struct sl_pool_key *key, bool fresh,
	struct sl_connection **out, struct sl_error *err)
{
	struct host *host = use_host(pool, key);
	if (!host)
		return sl_fail_code(
			err, SL_PHASE_CONNECT, -ENOMEM, "cannot connect to '%s'", key->host);
	int code = admit(pool, host, key, err);
	if (code < 0) {
		unuse_host(host);
		return code;
	}
	close_old(pool);
	struct slot *slot = fresh ? NULL : pick_idle(pool, host, key);
	if (slot) {
		count_used(pool, host, true);
		slot->connection->reused = true;
		pool->reused++;
	} else {
		code = fill_slot(pool, host, key, &slot, err);
	}
	if (slot) {
		slot->lane = key->lane;
		*out = slot->connection;
	} else {
		give_permits(pool, host, BOUNDS);
	}
	unuse_host(host);
	return code;
}

static bool
has_permit(const struct quota *quota)
{
	return quota->permits.taken < quota->permits.limit &&
	       sl_list_is_empty(&quota->permits.waiters);
}

bool
sl_pool_has_room(const struct sl_pool *pool, const struct sl_pool_key *key)
{
	const struct host *host = find_host(pool, key);
	return (!host || has_permit(&host->quota)) && (!key->tls || has_permit(&pool->tls)) &&
	       has_permit(&pool->all);
}

void
sl_pool_give(struct sl_pool *pool, struct sl_connection *connection, bool reusable)
{
	struct slot *slot = connection->pool_slot;
	struct host *host = slot->host;
	count_used(pool, host, false);
	if (reusable && pool->options.idle_ns > 0) {
		make_idle(pool, slot);
		give_permits(pool, host, BOUNDS);
		close_surplus(pool);
		begin_reaping(pool);
		return;
	}
	/* The permits go last: a task that gets them may dial at once. */
	sl_connection_close(connection);
	free(slot);
	give_permits(pool, host, BOUNDS);
	unuse_host(host);
}

void
sl_pool_stats(const struct sl_pool *pool, struct sl_pool_stats *out)
{
	*out = (struct sl_pool_stats){
		.taken = pool->all.used,
		.idle = pool->all.idle_count,
		.dialled = pool->dialled,
		.reused = pool->reused,
	};
	sl_list_each(node, &pool->hosts)
	{
		const struct quota *quota = &sl_list_item(node, struct host, of_pool)->quota;
		out->most_per_host = SL_MAX(out->most_per_host, quota->used + quota->idle_count);
	}
}
