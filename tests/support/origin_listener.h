/*
 * origin_listener.h - inside the test origin: one port, of any kind.
 */
#ifndef SUPPORT_ORIGIN_LISTENER_H
#define SUPPORT_ORIGIN_LISTENER_H

#include "support/origin.h"

#include <openssl/ssl.h>

/* More than a queue of length 0 takes. */
#define SL_ORIGIN_FILLERS 8

struct sl_origin_listener {
	const struct sl_origin_port *port;
	int fd;
	unsigned number;
	SSL_CTX *context;
	int fillers[SL_ORIGIN_FILLERS];
	size_t filler_count;
};

/* Bind and listen on `port`, which is borrowed. On failure nothing is left open. */
int sl_origin_listener_open(struct sl_origin_listener *listener, const struct sl_origin_port *port,
	struct sl_error *err) SL_MUST_CHECK;
void sl_origin_listener_release(struct sl_origin_listener *listener);

#endif
