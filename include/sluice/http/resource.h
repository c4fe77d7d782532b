/*
 * resource.h - what the head of a response says of the resource itself. Pure.
 */
#ifndef SLUICE_HTTP_RESOURCE_H
#define SLUICE_HTTP_RESOURCE_H

#include "sluice/http/head.h"

struct sl_resource {
	uint64_t length;      /* of the whole content; SL_BODY_UNKNOWN if it was not sent */
	uint64_t modified_ns; /* Last-Modified (RFC 9110 8.8.2), wall clock; 0 = none */
};

/* Set what is taken from header fields; `length` is the caller's, who knows the framing. `now_s` =
 * wall clock, for years of two digits. */
void sl_resource_read(struct sl_resource *resource, const struct sl_head *head, int64_t now_s);

#endif
