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

static void
forget(struct sl_sessions *sessions, struct sl_sessions_origin *origin)
{
	sl_list_remove(&origin->of_sessions);
	sessions->count--;
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
			sl_list_item(node, struct sl_sessions_origin, of_sessions);
		sl_assert(origin->users == 0 && sl_list_is_empty(&origin->sessions));
		forget(sessions, origin);
	}
}

static struct sl_sessions_origin *
find_origin(struct sl_sessions *sessions, const struct sl_pool_key *key)
{
	sl_list_each(node, &sessions->origins)
	{
		struct sl_sessions_origin *origin =
			sl_list_item(node, struct sl_sessions_origin, of_sessions);
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
	origin->tls = key->tls;
	origin->port = key->port;
	memcpy(origin->name, key->host, name_size);
	origin->route = memcpy(origin->name + name_size, key->route, route_size);
	sl_list_push_front(&sessions->origins, &origin->of_sessions);
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
sl_sessions_unuse(struct sl_sessions *sessions, struct sl_sessions_origin *origin)
{
	bool is_remembered = origin->http1 && sessions->count <= REMEMBERED_MAX;
	if (--origin->users == 0 && !is_remembered)
		forget(sessions, origin);
}

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
sl_sessions_need_http1(const struct sl_sessions_origin *origin)
{
	bool need = origin->refuses_http2;
	sl_list_each(node, &origin->sessions)
	{
		need = need || sl_list_item(node, struct sl_h2, of_origin)->wants_http1;
	}
	return need;
}

void
sl_sessions_enter(struct sl_sessions_origin *origin, struct sl_h2 *session)
{
	sl_list_push_front(&origin->sessions, &session->of_origin);
}

int
sl_sessions_wait(struct sl_sessions_origin *origin)
{
	struct sl_waiter waiter;
	return sl_waiter_wait(&waiter, &origin->waiting, "connection of HTTP/2", SL_FOREVER);
}

void
sl_sessions_connected(struct sl_sessions_origin *origin, bool is_session)
{
	struct sl_waiter *waiter;
	origin->is_connecting = false;
	while ((waiter = sl_waiter_pop(&origin->waiting)))
		sl_waiter_serve(waiter, is_session ? 0 : SL_WAIT_OVER);
}
