/*
 * tls_session.h - a bounded store of TLS sessions by server, so that the next handshake is short.
 *
 * TLS 1.3 sessions are given out once, since a ticket used twice lets an observer link connections
 * (RFC 8446 C.4); TLS 1.2 sessions stay. For net/tls_secured.h.
 */
#ifndef SLUICE_NET_TLS_SESSION_H
#define SLUICE_NET_TLS_SESSION_H

#include "sluice/base/list.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* Sessions kept for one key, and in all; the least recently stored goes first. */
#define SL_TLS_SESSIONS_PER_KEY 8
#define SL_TLS_SESSIONS 128

/* In its owner's memory; fields are the module's. */
struct sl_tls_sessions {
	struct sl_list entries; /* newest first */
	size_t count;
};

void sl_tls_sessions_init(struct sl_tls_sessions *sessions);
void sl_tls_sessions_release(struct sl_tls_sessions *sessions);

/* True: the caller's reference to `session` is the store's now. False: it stays the caller's. */
bool sl_tls_sessions_put(struct sl_tls_sessions *sessions, const char *key, SSL_SESSION *session);

/* The newest one that can still be resumed, a reference for the caller, or NULL. */
SSL_SESSION *sl_tls_sessions_take(struct sl_tls_sessions *sessions, const char *key) SL_MUST_CHECK;

/* Drop all of `key`: a handshake that offered one failed. */
void sl_tls_sessions_forget(struct sl_tls_sessions *sessions, const char *key);

#endif
