/*
 * shadow.h - a consumer of the tee that knows what is right: it keeps a copy of each file made of
 * the bytes that are passed, checks that each byte comes once, and
 * in order where that is wanted, and feeds them to a scan.
 */
#ifndef SLUICE_TESTS_SUPPORT_SHADOW_H
#define SLUICE_TESTS_SUPPORT_SHADOW_H

#include "engine_sim.h"

#include "sluice/base/random.h"
#include "sluice/download/batch.h"
#include "sluice/scan/feed.h"

enum shadow_order {
	SHADOW_ANY_ORDER,
	SHADOW_IN_ORDER,
	SHADOW_BY_HEAD, /* in order, wanted only once the first bytes are known */
	SHADOW_ORDERS
};

struct shadow {
	struct sim *sim;
	struct sl_tee_consumer consumer;
	struct sl_random random;
	uint64_t most_ns;        /* that a pass takes */
	enum shadow_order order; /* of files that are saved; a test may set it */
	uint64_t passed;         /* bytes, of all files */
	unsigned restarts, finished;
	/* shadow.c's */
	struct sl_pattern *pattern;
	struct sl_feeds *feeds; /* while it is open */
};

/* A pass takes up to `most_ns`. */
void shadow_init(struct shadow *shadow, struct sim *sim, uint64_t most_ns);
void shadow_release(struct shadow *shadow);

/* In the task of the run, around it. */
void shadow_open(struct shadow *shadow);
void shadow_close(struct shadow *shadow);

/* For `ended` of the batch. `content` is that of a file that is done. True if all of it was passed
 * and finished, which then is checked to be this content, and its totals to be those of a scan of
 * it. */
bool shadow_has(
	const struct shadow *shadow, const struct sl_download *download, struct sl_span content);

#endif
