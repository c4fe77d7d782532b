/*
 * admission.h - which segments of a batch may be under way: each has a place at its host and a
 * chunk, granted together. No segment keeps a chunk while it waits for a place, nor a place while
 * it waits for its chunk.
 *
 * The first segment of a file waits for its turn, first come first served. Further segments take
 * what is left: what no file waits for, and no file that is about to begin will need.
 */
#ifndef SLUICE_DOWNLOAD_ADMISSION_H
#define SLUICE_DOWNLOAD_ADMISSION_H

#include "sluice/http/url.h"
#include "sluice/rt/chunk.h"

struct sl_admission;
struct sl_admission_host;

struct sl_admission_options {
	unsigned per_host; /* segments to one host at once, see sl_permit_shared; at least 1 */
	unsigned total;    /* over all hosts; at least 1 */
	struct sl_chunk_pool *pool;
};

/* Returns 0 or -ENOMEM. */
int sl_admission_new(
	struct sl_admission **out, const struct sl_admission_options *options) SL_MUST_CHECK;

/* No permit may be out (asserted). NULL is fine. */
void sl_admission_free(struct sl_admission *admission);

/* In its holder's memory; {0} = none. */
struct sl_permit {
	struct sl_admission *admission;
	struct sl_admission_host *host;
};

/* One more file, or one fewer, will soon want its first permit. */
void sl_admission_expect(struct sl_admission *admission);
void sl_admission_expect_not(struct sl_admission *admission);

/* For the first segment of a file: waits. Returns 0; -ENOMEM; the cancellation. The permit and the
 * chunk are the caller's. */
SL_SUSPENDS
int sl_admission_take(struct sl_admission *admission, const struct sl_url *url,
	struct sl_permit *permit, struct sl_chunk **chunk) SL_MUST_CHECK;

/* For a further one: never suspends. */
bool sl_admission_try_take(struct sl_admission *admission, const struct sl_url *url,
	struct sl_permit *permit, struct sl_chunk **chunk) SL_MUST_CHECK;

/* Harmless on {0}, which it is afterwards. */
void sl_permit_give(struct sl_permit *permit);

/* A redirect has led to this URL: the permit counts for its host from now on. */
void sl_permit_move(struct sl_permit *permit, const struct sl_url *url);

/* The host has answered, or refused: see ramp.h. */
void sl_permit_answered(const struct sl_permit *permit);
void sl_permit_refused(const struct sl_permit *permit);

/* Its connection carries others as well (HTTP/2). So files do not need one each: as many may be
 * under way to this host as in all. Further segments do, and stay within per_host. */
void sl_permit_shared(const struct sl_permit *permit);

/* Bytes have come on its connection. Harmless on {0}. */
void sl_permit_received(const struct sl_permit *permit, uint64_t bytes);

/* Whether a failure shows that the host wants fewer connections. */
bool sl_admission_is_refusal(const struct sl_error *err);

/* Whether it is to be given back before anything else is begun with it: a file waits for a permit
 * that this one could be, or fewer connections to the host are enough. */
bool sl_permit_is_wanted(const struct sl_permit *permit);

#endif
