/*
 * resource.h - what the head of a response says of the resource itself: its size, its validators,
 * and which of its bytes the response has (RFC 9110 8.6, 8.8, 14). Pure.
 */
#ifndef SLUICE_HTTP_RESOURCE_H
#define SLUICE_HTTP_RESOURCE_H

#include "sluice/base/error.h"
#include "sluice/http/head.h"

#define SL_LENGTH_UNKNOWN UINT64_MAX

#define SL_ETAG_MAX 256    /* bytes with its quotes; a longer one counts as none */
#define SL_MODIFIED_MAX 40 /* bytes of Last-Modified; any of the three formats fits */

struct sl_resource {
	uint64_t length;      /* of the whole content; SL_LENGTH_UNKNOWN if it was not sent */
	uint64_t modified_ns; /* Last-Modified (8.8.2), wall clock; 0 = none */
	bool takes_ranges;    /* Accept-Ranges: bytes, or the response is a range */
	bool is_etag_weak;
	bool is_modified_strong;    /* as a validator: Date is a minute later or more (8.8.2.2) */
	char etag[SL_ETAG_MAX + 1]; /* as sent, with W/; "" = none */
	char modified[SL_MODIFIED_MAX + 1]; /* as sent; "" = none, or not a date */
};

/* RFC 9110 8.8.3: quoted, without quotes or control bytes in it, with or without W/ before it. */
bool sl_etag_is_valid(struct sl_span tag);

/* Set what is taken from header fields; `length` is the caller's, who has the framing. `now_s` =
 * wall clock, for years of two digits. */
void sl_resource_read(struct sl_resource *resource, const struct sl_head *head, int64_t now_s);

bool sl_resource_has_strong_etag(const struct sl_resource *resource);

/* What If-Range may have for this version (13.1.5): a strong ETag, else a strong Last-Modified;
 * NULL if there is neither. Text of *resource. */
const char *sl_resource_validator(const struct sl_resource *resource);

enum sl_resource_match {
	SL_RESOURCE_SAME,
	SL_RESOURCE_UNDECIDED, /* no validators, weak ones, or ETags that differ alone (nodes of one
				  service send such): bytes must be compared */
	SL_RESOURCE_OTHER,     /* another size or time */
};

/* Whether two responses are of one version. */
enum sl_resource_match sl_resource_compare(
	const struct sl_resource *a, const struct sl_resource *b) SL_MUST_CHECK;

/* Content-Range (14.4) of a single range. */
struct sl_content_range {
	bool is_unsatisfied; /* "*": of a 416 */
	uint64_t begin, end; /* half-open; else 0 */
	uint64_t total;      /* SL_LENGTH_UNKNOWN = "*" */
};

/* Returns 0; SL_E_PROTO if the field is missing, there are two, or it is not bytes, not in order
 * or beyond its total. */
int sl_content_range_read(struct sl_content_range *out, const struct sl_head *head,
	struct sl_error *err) SL_MUST_CHECK;

#endif
