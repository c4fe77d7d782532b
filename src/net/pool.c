#include "sluice/net/pool.h"

#include "sluice/base/list.h"
#include "sluice/net/dial.h"
#include "sluice/net/dns.h"
#include "sluice/rt/semaphore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A place is the right to use a connection, not the connection itself: it is taken before an idle
 * one is picked or a fresh one dialled and given back with it. Idle connections hold no place; they
 * are room that whoever has a place may claim by closing the oldest. So tasks wait for places only,
 * and every connection given back, idle or closed, lets the next one on.
 */
struct host {
	struct sl_list of_pool;
	struct sl_list idle; /* slots, most recently used first */
	struct sl_semaphore places;
	unsigned users; /* tasks in sl_pool_take and connections, idle ones counted: 0 = can go */
	unsigned idle_count;
	bool tls;
	uint16_t port;
	char name[];
};

/* What the pool knows of a connection. */
struct slot {
	struct sl_list of_host, of_pool; /* linked while idle */
	struct host *host;
	struct sl_connection *connection;
	unsigned lane;
	uint64_t idle_since_ns;
};

struct sl_pool {
	struct sl_pool_options options;
	struct sl_dns *dns;
	struct sl_list hosts;
	struct sl_list idle; /* slots of all hosts, most recently used first */
	struct sl_semaphore places;
	unsigned idle_count;
	uint64_t dialled, reused;
};

/* ---- hosts ---- */

static struct host *
find_host(struct sl_pool *pool, const struct sl_pool_key *key)
{
	sl_list_each(node, &pool->hosts)
	{
		struct host *host = sl_list_item(node, struct host, of_pool);
		if (host->tls == key->tls && host->port == key->port &&
			strcmp(host->name, key->host) == 0)
			return host;
	}
	return NULL;
}

static struct host *
use_host(struct sl_pool *pool, const struct sl_pool_key *key)
{
	struct host *host = find_host(pool, key);
	if (!host) {
		size_t name_size = strlen(key->host) + 1;
		host = calloc(1, sizeof(*host) + name_size);
		if (!host)
			return NULL;
		sl_list_init(&host->idle);
		sl_semaphore_init(&host->places, "connection to host", pool->options.per_host);
		host->tls = key->tls;
		host->port = key->port;
		memcpy(host->name, key->host, name_size);
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
	free(host);
}

/* ---- idle connections ---- */

static void
make_idle(struct sl_pool *pool, struct slot *slot)
{
	slot->idle_since_ns = sl_now();
	sl_list_push_front(&slot->host->idle, &slot->of_host);
	sl_list_push_front(&pool->idle, &slot->of_pool);
	slot->host->idle_count++;
	pool->idle_count++;
}

static void
unmake_idle(struct sl_pool *pool, struct slot *slot)
{
	sl_list_remove(&slot->of_host);
	sl_list_remove(&slot->of_pool);
	slot->host->idle_count--;
	pool->idle_count--;
}

/*
 * The slot is in no list any more, so that nobody else comes upon it while close suspends.
 * (clang's analyzer does not follow the lists and takes the next slot for this one.)
 */
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

/* The list is in order of age, so the old ones are at its end. */
SL_SUSPENDS
static void
close_old(struct sl_pool *pool)
{
	while (!sl_list_is_empty(&pool->idle)) {
		struct slot *slot = sl_list_item(pool->idle.prev, struct slot, of_pool);
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		if (sl_now() - slot->idle_since_ns <= pool->options.idle_ns)
			return;
		close_idle(pool, slot);
	}
}

/* The caller holds a place and will dial: make sure that the connection it adds is within bounds.
 */
SL_SUSPENDS
static void
make_room(struct sl_pool *pool, struct host *host)
{
	while (host->idle_count > 0 &&
		host->places.taken + host->idle_count > pool->options.per_host)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		close_idle(pool, sl_list_item(host->idle.prev, struct slot, of_host));
	while (pool->idle_count > 0 && pool->places.taken + pool->idle_count > pool->options.total)
		close_idle(pool, sl_list_item(pool->idle.prev, struct slot, of_pool));
}

static struct slot *
first_idle_of_lane(struct host *host, unsigned lane)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	sl_list_each(node, &host->idle)
	{
		struct slot *slot = sl_list_item(node, struct slot, of_host);
		if (slot->lane == lane)
			return slot;
	}
	return NULL;
}

/* The most recently used idle connection of the lane that can carry a request, or NULL. */
SL_SUSPENDS
static struct slot *
pick_idle(struct sl_pool *pool, struct host *host, unsigned lane)
{
	struct slot *slot;
	while ((slot = first_idle_of_lane(host, lane))) {
		unmake_idle(pool, slot);
		if (!sl_connection_is_disturbed(slot->connection))
			return slot;
		close_slot(slot);
	}
	return NULL;
}

/* ---- fresh connections ---- */

SL_SUSPENDS
static int
dial(struct sl_pool *pool, const struct host *host, char peer[static SL_ADDRESS_TEXT],
	struct sl_error *err)
{
	struct sl_addresses addresses;
	uint64_t timeout_ns = pool->options.connect_timeout_ns;
	int code = sl_dns_lookup(
		pool->dns, host->name, host->port, sl_deadline_in(timeout_ns), &addresses, err);
	if (code < 0)
		return code;
	size_t index = 0;
	int fd = sl_dial(&addresses, host->name, timeout_ns, &index, err);
	if (fd >= 0 && index > 0)
		sl_dns_prefer(pool->dns, host->name, &addresses.list[index]);
	if (fd >= 0)
		sl_address_format(peer, SL_ADDRESS_TEXT, &addresses.list[index]);
	else
		sl_dns_forget(pool->dns, host->name);
	return fd;
}

SL_SUSPENDS
static int
open_fresh(struct sl_pool *pool, const struct host *host, struct sl_connection **out,
	struct sl_error *err)
{
	if (host->tls && !pool->options.tls)
		return sl_fail(err, SL_PHASE_TLS, SL_E_UNSUPPORTED,
			"cannot connect to '%s': TLS is not set up", host->name);
	char peer[SL_ADDRESS_TEXT];
	int fd = dial(pool, host, peer, err);
	if (fd < 0)
		return fd;
	pool->dialled++;
	int code = host->tls ? sl_tls_connect(pool->options.tls, fd, host->name, host->port,
				       sl_deadline_in(pool->options.connect_timeout_ns), out, err)
			     : sl_connection_open_plain(fd, out);
	if (code < 0)
		return sl_fail_code(
			err, SL_PHASE_CONNECT, code, "cannot connect to '%s'", host->name);
	memcpy((*out)->peer, peer, sizeof(peer));
	return 0;
}

/* The caller holds places; the slot counts as a user of the host from now on. */
SL_SUSPENDS
static int
fill_slot(struct sl_pool *pool, struct host *host, struct slot **out, struct sl_error *err)
{
	make_room(pool, host);
	struct slot *slot = calloc(1, sizeof(*slot));
	if (!slot)
		return sl_fail_code(
			err, SL_PHASE_CONNECT, -ENOMEM, "cannot connect to '%s'", host->name);
	sl_list_init(&slot->of_host);
	sl_list_init(&slot->of_pool);
	int code = open_fresh(pool, host, &slot->connection, err);
	if (code < 0) {
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

/* ---- places ---- */

SL_SUSPENDS
static int
take_places(struct sl_pool *pool, struct host *host, struct sl_error *err)
{
	int code = sl_semaphore_take(&host->places, SL_FOREVER);
	if (code == 0) {
		code = sl_semaphore_take(&pool->places, SL_FOREVER);
		if (code < 0)
			sl_semaphore_give(&host->places);
	}
	if (code < 0)
		return sl_fail_code(err, SL_PHASE_CONNECT, code,
			"cannot connect to '%s': all connections are in use", host->name);
	return 0;
}

static void
give_places(struct sl_pool *pool, struct host *host)
{
	sl_semaphore_give(&host->places);
	sl_semaphore_give(&pool->places);
}

/* ---- public ---- */

int
sl_pool_new(struct sl_pool **out, const struct sl_pool_options *options)
{
	sl_assert(options->per_host > 0 && options->total > 0);
	struct sl_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	int code = sl_dns_new(&pool->dns);
	if (code < 0) {
		free(pool);
		return code;
	}
	pool->options = *options;
	sl_list_init(&pool->hosts);
	sl_list_init(&pool->idle);
	sl_semaphore_init(&pool->places, "connection", options->total);
	*out = pool;
	return 0;
}

void
sl_pool_free(struct sl_pool *pool)
{
	if (!pool)
		return;
	sl_assert(pool->places.taken == 0);
	while (!sl_list_is_empty(&pool->idle))
		close_idle(pool, sl_list_item(pool->idle.prev, struct slot, of_pool));
	sl_assert(sl_list_is_empty(&pool->hosts));
	sl_dns_free(pool->dns);
	free(pool);
}

void
sl_pool_set_tls(struct sl_pool *pool, struct sl_tls *tls)
{
	sl_assert(!pool->options.tls);
	pool->options.tls = tls;
}

int
sl_pool_take(struct sl_pool *pool, const struct sl_pool_key *key, bool fresh,
	struct sl_connection **out, struct sl_error *err)
{
	struct host *host = use_host(pool, key);
	if (!host)
		return sl_fail_code(
			err, SL_PHASE_CONNECT, -ENOMEM, "cannot connect to '%s'", key->host);
	int code = take_places(pool, host, err);
	if (code < 0) {
		unuse_host(host);
		return code;
	}
	close_old(pool);
	struct slot *slot = fresh ? NULL : pick_idle(pool, host, key->lane);
	if (slot) {
		slot->connection->reused = true;
		pool->reused++;
	} else {
		code = fill_slot(pool, host, &slot, err);
	}
	if (slot) {
		slot->lane = key->lane;
		*out = slot->connection;
	} else {
		give_places(pool, host);
	}
	unuse_host(host);
	return code;
}

void
sl_pool_give(struct sl_pool *pool, struct sl_connection *connection, bool reusable)
{
	struct slot *slot = connection->pool_slot;
	struct host *host = slot->host;
	if (reusable && pool->options.idle_ns > 0) {
		make_idle(pool, slot);
		give_places(pool, host);
		return;
	}
	/* The place goes last: who gets it may dial at once. */
	sl_connection_close(connection);
	free(slot);
	give_places(pool, host);
	unuse_host(host);
}

void
sl_pool_stats(const struct sl_pool *pool, struct sl_pool_stats *out)
{
	*out = (struct sl_pool_stats){
		.taken = pool->places.taken,
		.idle = pool->idle_count,
		.dialled = pool->dialled,
		.reused = pool->reused,
	};
}
