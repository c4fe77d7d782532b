/*
 * Which sessions there are to an origin, and who waits for one.
 *
 * Rule: a task that was woken looks again, since others may have been quicker. It takes room or
 * finds none: whoever took it wakes the next one when its stream ends. One that wants no room any
 * more wakes another (sl_sessions_pass_on).
 */
#include "sessions_int.h"

#include "sluice/rt/waiter.h"

#include <stdlib.h>
#include <string.h>

/* Origins that are remembered although nothing is under way to them. */
#define REMEMBERED_MAX 256

void
sl_sessions_init(struct sl_sessions *sessions)
{
	sl_list_init(&sessions->origins);
	sessions->count = 0;
}

/* On the stack of a task in sl_sessions_wait. */
struct waiting {
	struct sl_waiter waiter;
	struct sl_error *err;
	const struct sl_pool_key *key;
};

static void
forget(struct sl_sessions_origin *origin)
{
	sl_list_remove(&origin->of_table);
	origin->table->count--;
	explicit_bzero(origin->name, strlen(origin->name) + 1 + strlen(origin->route));
	free(origin);
}

void
sl_sessions_release(struct sl_sessions *sessions)
{
	if (!sessions->origins.next)
		return;
	sl_list_each(node, &sessions->origins)
	{
		struct sl_sessions_origin *origin =
			sl_list_item(node, struct sl_sessions_origin, of_table);
		sl_assert(origin->users == 0 && sl_list_is_empty(&origin->sessions));
		forget(origin);
	}
}

static struct sl_sessions_origin *
find_origin(struct sl_sessions *sessions, const struct sl_pool_key *key)
{
	sl_list_each(node, &sessions->origins)
	{
		struct sl_sessions_origin *origin =
			sl_list_item(node, struct sl_sessions_origin, of_table);
		if (origin->tls == key->tls && origin->port == key->port &&
			strcmp(origin->name, key->host) == 0 &&
			strcmp(origin->route, key->route) == 0)
			return origin;
	}
	return NULL;
}

static struct sl_sessions_origin *
add_origin(struct sl_sessions *sessions, const struct sl_pool_key *key)
{
	size_t name_size = strlen(key->host) + 1, route_size = strlen(key->route) + 1;
	struct sl_sessions_origin *origin = calloc(1, sizeof(*origin) + name_size + route_size);
	if (!origin)
		return NULL;
	sl_list_init(&origin->sessions);
	sl_list_init(&origin->waiting);
	origin->table = sessions;
	origin->tls = key->tls;
	origin->port = key->port;
	memcpy(origin->name, key->host, name_size);
	origin->route = memcpy(origin->name + name_size, key->route, route_size);
	sl_list_push_front(&sessions->origins, &origin->of_table);
	sessions->count++;
	return origin;
}

struct sl_sessions_origin *
sl_sessions_use(struct sl_sessions *sessions, const struct sl_pool_key *key)
{
	struct sl_sessions_origin *origin = find_origin(sessions, key);
	if (!origin)
		origin = add_origin(sessions, key);
	if (origin)
		origin->users++;
	return origin;
}

void
sl_sessions_unuse(struct sl_sessions_origin *origin)
{
	bool is_remembered = origin->http1 && origin->table->count <= REMEMBERED_MAX;
	if (--origin->users == 0 && !is_remembered)
		forget(origin);
}

/* ---- sessions ---- */

struct sl_h2 *
sl_sessions_find(const struct sl_sessions_origin *origin)
{
	sl_list_each(node, &origin->sessions)
	{
		struct sl_h2 *session = sl_list_item(node, struct sl_h2, of_origin);
		if (sl_h2_has_room(session))
			return session;
	}
	return NULL;
}

bool
sl_sessions_may_have_room(const struct sl_sessions_origin *origin)
{
	bool may = false;
	sl_list_each(node, &origin->sessions)
	{
		may = may || sl_h2_works(sl_list_item(node, struct sl_h2, of_origin));
	}
	return may;
}

bool
sl_sessions_need_http1(const struct sl_sessions_origin *origin)
{
	bool need = origin->refuses_http2;
	sl_list_each(node, &origin->sessions)
	{
		need = need || sl_list_item(node, struct sl_h2, of_origin)->wants_http1;
	}
	return need;
}

/* ---- waiting ---- */

/* The first that waits, to be served in the same turn, or NULL. */
static struct waiting *
pop(struct sl_sessions_origin *origin)
{
	struct sl_waiter *waiter = sl_waiter_pop(&origin->waiting);
	return waiter ? SL_CONTAINER_OF(waiter, struct waiting, waiter) : NULL;
}

static void
wake_one(struct sl_sessions_origin *origin)
{
	struct waiting *waiting = pop(origin);
	if (waiting)
		sl_waiter_serve(&waiting->waiter, 0);
}

static void
wake_all(struct sl_sessions_origin *origin)
{
	while (!sl_list_is_empty(&origin->waiting))
		wake_one(origin);
}

int
sl_sessions_wait(struct sl_sessions_origin *origin, const struct sl_pool_key *key,
	uint64_t deadline_ns, struct sl_error *err)
{
	struct waiting waiting = { .err = err, .key = key };
	return sl_waiter_wait(
		&waiting.waiter, &origin->waiting, "connection of HTTP/2", deadline_ns);
}

void
sl_sessions_pass_on(struct sl_sessions_origin *origin)
{
	wake_one(origin);
}

/* ---- the connection that is being made ---- */

static void
end_connecting(struct sl_sessions_origin *origin)
{
	origin->is_connecting = false;
	origin->dialled_ns = 0;
	origin->awaited = NULL;
	wake_all(origin);
}

void
sl_sessions_connect(struct sl_sessions_origin *origin)
{
	sl_assert(!origin->is_connecting);
	origin->is_connecting = true;
}

void
sl_sessions_dial(struct sl_sessions_origin *origin)
{
	origin->dialled_ns = sl_now();
}

void
sl_sessions_connected(struct sl_sessions_origin *origin, const struct sl_h2 *session)
{
	if (session && !session->has_settings && sl_h2_works(session)) {
		origin->awaited = session;
		wake_all(origin);
	} else {
		end_connecting(origin);
	}
}

void
sl_sessions_failed(struct sl_sessions_origin *origin, const struct sl_pool_key *key,
	const struct sl_error *cause)
{
	struct waiting *waiting;
	while ((waiting = pop(origin))) {
		*waiting->err = *cause;
		if (waiting->key->peer && key->peer)
			memcpy(*waiting->key->peer, *key->peer, sizeof(*key->peer));
		sl_waiter_serve(&waiting->waiter, cause->code);
	}
	end_connecting(origin);
}

/* ---- what sessions tell ---- */

static void
changed(struct sl_h2 *session)
{
	struct sl_sessions_origin *origin = session->origin;
	bool works = sl_h2_works(session);
	if (origin->awaited == session && (session->has_settings || !works))
		end_connecting(origin);
	else if (works)
		wake_one(origin);
	else
		wake_all(origin);
}

static void
left(struct sl_h2 *session)
{
	struct sl_sessions_origin *origin = session->origin;
	if (session->wants_http1)
		origin->http1 = origin->refuses_http2 = true;
	sl_list_remove(&session->of_origin);
	session->table = NULL;
	session->origin = NULL;
	if (origin->awaited == session)
		end_connecting(origin);
	else
		wake_all(origin);
	sl_sessions_unuse(origin);
}

void
sl_sessions_enter(struct sl_sessions_origin *origin, struct sl_h2 *session)
{
	static const struct sl_h2_table table = { .changed = changed, .left = left };
	origin->users++;
	session->table = &table;
	session->origin = origin;
	sl_list_push_front(&origin->sessions, &session->of_origin);
}
