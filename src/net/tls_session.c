#include "sluice/net/tls_session.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct sl_list of_store;
	SSL_SESSION *session;
	char key[];
};

static void
drop(struct sl_tls_sessions *sessions, struct entry *entry)
{
	sl_list_remove(&entry->of_store);
	sessions->count--;
	SSL_SESSION_free(entry->session);
	free(entry);
}

/* Drops the oldest ones of `key` until fewer than `keep` are left. */
static void
thin_out(struct sl_tls_sessions *sessions, const char *key, size_t keep)
{
	size_t seen = 0;
	sl_list_each(node, &sessions->entries)
	{
		struct entry *entry = sl_list_item(node, struct entry, of_store);
		if (strcmp(entry->key, key) == 0 && ++seen >= keep)
			drop(sessions, entry);
	}
}

void
sl_tls_sessions_init(struct sl_tls_sessions *sessions)
{
	sl_list_init(&sessions->entries);
	sessions->count = 0;
}

void
sl_tls_sessions_release(struct sl_tls_sessions *sessions)
{
	sl_list_each(node, &sessions->entries)
		drop(sessions, sl_list_item(node, struct entry, of_store));
}

bool
sl_tls_sessions_put(struct sl_tls_sessions *sessions, const char *key, SSL_SESSION *session)
{
	size_t key_size = strlen(key) + 1;
	struct entry *entry = malloc(sizeof(*entry) + key_size);
	if (!entry)
		return false;
	thin_out(sessions, key, SL_TLS_SESSIONS_PER_KEY);
	if (sessions->count == SL_TLS_SESSIONS)
		drop(sessions, sl_list_item(sessions->entries.prev, struct entry, of_store));
	memcpy(entry->key, key, key_size);
	entry->session = session;
	sl_list_push_front(&sessions->entries, &entry->of_store);
	sessions->count++;
	return true;
}

SSL_SESSION *
sl_tls_sessions_take(struct sl_tls_sessions *sessions, const char *key)
{
	sl_list_each(node, &sessions->entries)
	{
		struct entry *entry = sl_list_item(node, struct entry, of_store);
		if (strcmp(entry->key, key) != 0)
			continue;
		/* OpenSSL marks a session whose connection broke: it must not be offered again. */
		bool usable = SSL_SESSION_is_resumable(entry->session) &&
			      SSL_SESSION_up_ref(entry->session);
		SSL_SESSION *session = entry->session;
		if (!usable || SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
			drop(sessions, entry);
		if (usable)
			return session;
	}
	return NULL;
}

void
sl_tls_sessions_forget(struct sl_tls_sessions *sessions, const char *key)
{
	thin_out(sessions, key, 1);
}
