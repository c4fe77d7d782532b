/*
 * pool_key.h - keys of connections that a connector makes directly, by HTTP/1.1, for tests of
 * net/pool.h.
 */
#ifndef TESTS_SUPPORT_POOL_KEY_H
#define TESTS_SUPPORT_POOL_KEY_H

#include "sluice/net/connector.h"
#include "sluice/net/pool.h"

struct sl_pool_key pool_key(
	struct sl_connector *connector, bool tls, const char *host, uint16_t port);

/* A connector with options {0}, or a failed test. */
struct sl_connector *pool_connector(struct sl_tls *tls);

#endif
