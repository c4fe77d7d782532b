/*
 * scripted.h - a connection whose peer is a text: it sends that in pieces, whatever it gets, and
 * closes. Nothing suspends, so no runtime is needed.
 */
#ifndef TESTS_SUPPORT_SCRIPTED_H
#define TESTS_SUPPORT_SCRIPTED_H

#include "sluice/base/bytes.h"
#include "sluice/net/connection.h"

struct scripted {
	struct sl_connection connection;
	struct sl_span reply; /* what is left of it */
	size_t first, piece;  /* bytes of the first receive and of each later one; 0 = all */
	int end;              /* what a receive behind the reply returns */
	unsigned empty;       /* receives that do not wait and come to nothing, before others */
	bool is_full;         /* nothing can be sent */
	struct sl_buf sent;   /* what the peer has got */
	size_t asked;         /* the most that a receive has asked for */
	bool is_closed;       /* by its user; it stays valid */
};

void scripted_init(struct scripted *scripted, struct sl_span reply, size_t first, size_t piece);
void scripted_release(struct scripted *scripted);

#endif
