/*
 * sigv4_variant.h - which signature a store expects: the protocol's names, the region and the
 * service. Pure.
 */
#ifndef SLUICE_HTTP_SIGV4_VARIANT_H
#define SLUICE_HTTP_SIGV4_VARIANT_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* Bytes of each part of a variant. */
#define SL_SIGV4_PART_MAX 64u

/* Which variant of the protocol; of {0} nothing is given. Borrowed. */
struct sl_sigv4_variant {
	struct sl_span provider1, provider2; /* "aws" and "amz" */
	struct sl_span region, service;      /* empty = by the host */
};

/* Whether it may be a region or another part; an empty one may. */
bool sl_sigv4_is_part(struct sl_span text);

/*
 * Read PROVIDER1[:PROVIDER2[:REGION[:SERVICE]]], as of curl: without PROVIDER2 it is PROVIDER1, or
 * "amz" for "aws". Parts are letters, digits, '-', '_' and '.'; REGION and SERVICE may be empty.
 * Returns 0 or SL_E_USAGE.
 */
int sl_sigv4_read_variant(
	struct sl_sigv4_variant *out, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/*
 * Set what is missing of region and service by the host: of SERVICE.REGION.amazonaws.com (also
 * .amazonaws.com.cn, with a bucket before it, s3-REGION, or no region: us-east-1) both; any other
 * host is taken for a store like S3, in `region`, or, if that is NULL, in "auto" for Cloudflare R2
 * and else us-east-1.
 */
void sl_sigv4_locate(struct sl_sigv4_variant *variant, const char *host, const char *region);

/* The object is read by its own key: its path is signed as it is. */
bool sl_sigv4_is_s3(const struct sl_sigv4_variant *variant);

#endif
