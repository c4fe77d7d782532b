/*
 * overlap.h - whether a source has the bytes that are at hand in a local file: ranges of it are
 * requested and compared. Before bytes of two sources, or of a source and a file that was found,
 * become one file.
 *
 * A sample shows that two files differ, never that they are equal: it is to be used together with
 * the size and a validator, or a checksum.
 */
#ifndef SLUICE_DOWNLOAD_OVERLAP_H
#define SLUICE_DOWNLOAD_OVERLAP_H

#include "sluice/download/admission.h"
#include "sluice/download/ranges.h"
#include "sluice/download/sources.h"
#include "sluice/http/client.h"

#define SL_OVERLAP_SAMPLES 3u           /* the first, the middle, the last of what is there */
#define SL_OVERLAP_SAMPLE (64 * SL_KIB) /* bytes of each at most */

enum sl_overlap_result {
	SL_OVERLAP_SAME,
	SL_OVERLAP_DIFFERS, /* another size, version, or other bytes */
	SL_OVERLAP_UNCLEAR, /* the source does not send ranges, or has failed */
};

struct sl_overlap {
	/* The caller's, borrowed: */
	struct sl_http_client *client;
	struct sl_chunk_pool *pool;
	struct sl_admission *admission;
	const struct sl_sources *sources; /* the one in use is asked */
	const struct sl_url *url;         /* where that has led before; NULL = to be asked itself */
	struct sl_scope scope;            /* of what led to `url` */
	/* A response of another version DIFFERS, without a comparison. Often the size alone is set,
	 * or SL_LENGTH_UNKNOWN. */
	struct sl_resource expected;
	/* Each sample comes by a connection of its own, as other nodes of a service might. */
	bool closes;
	int fd;                          /* the file; not O_DIRECT */
	const struct sl_ranges *at_hand; /* its bytes that are compared; at least one */
	/* Results, unless UNCLEAR: */
	struct sl_source answer; /* the caller's to release in any case */
};

/* The ranges to compare, in their order, none of which overlap: up to SL_OVERLAP_SAMPLES, each of 1
 * to SL_OVERLAP_SAMPLE bytes that are at hand. Returns their count, 0 if nothing is at hand. */
size_t sl_overlap_samples(const struct sl_ranges *at_hand, struct sl_range out[SL_OVERLAP_SAMPLES]);

/*
 * Compare the samples, one request after the other on one connection, each without If-Range: what
 * the responses are of is compared here. Waits for a permit of the host. `at_hand` may grow
 * meanwhile. Returns an sl_overlap_result; unless it is SAME, *err has the reason. Or a code with
 * words in *err: the cancellation, -ENOMEM, or what reading the file returned.
 */
SL_SUSPENDS
int sl_overlap_compare(struct sl_overlap *overlap, struct sl_error *err) SL_MUST_CHECK;

/* The same for one range of at most SL_OVERLAP_SAMPLE bytes. */
SL_SUSPENDS
int sl_overlap_compare_range(
	struct sl_overlap *overlap, struct sl_range range, struct sl_error *err) SL_MUST_CHECK;

#endif
