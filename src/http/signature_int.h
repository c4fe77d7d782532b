/*
 * signature_int.h - the fields of a signed request (http/sigv4.h), and what a refusal of one means.
 *
 *  - Signed are Host and all fields that begin with x-amz-: the user's and those that are added. No
 *    other: proxies may change them, and the range and its condition are checked in the response.
 *  - Each request is signed when it is sent, so that its time is that of the attempt.
 *  - A URL that is signed itself gets no second signature: stores refuse two.
 */
#ifndef SLUICE_HTTP_SIGNATURE_INT_H
#define SLUICE_HTTP_SIGNATURE_INT_H

#include "sluice/http/credentials.h"
#include "sluice/http/head.h"
#include "sluice/http/sigv4.h"

#define SL_SIGNATURE_FIELDS 3u

/* {0} is none. */
struct sl_signature {
	struct sl_buf value; /* of Authorization */
	/* Fields to be sent with it, instead of those of the user with these names. */
	struct sl_http_header fields[SL_SIGNATURE_FIELDS];
	size_t field_count;
	struct sl_buf names; /* of the fields */
	char *token;
	char time[SL_SIGV4_TIME_MAX];
	char region[SL_SIGV4_PART_MAX + 1]; /* "" = no request was signed */
};

/* Harmless on {0}; secrets are wiped. */
void sl_signature_release(struct sl_signature *signature);

/*
 * Sign a request with the keys of `identity`, which is of the kind KEYS; `time_s` is the present
 * time. `headers` are those of the user. With a URL that has a signature, *out is {0}. Returns 0;
 * what sl_sigv4_sign returns; -ENOMEM.
 */
int sl_signature_make(struct sl_signature *out, const struct sl_sigv4_variant *variant,
	const struct sl_identity *identity, const char *method, const struct sl_url *url,
	const struct sl_http_header *headers, size_t header_count, int64_t time_s) SL_MUST_CHECK;

/* Whether this response is not a redirect, although its status is: the bucket is in another region.
 */
bool sl_signature_is_elsewhere(const struct sl_signature *signature, const struct sl_head *head);

/* Append what the response to the signed request means: "" or "; ..." */
void sl_signature_add_hint(struct sl_buf *out, const struct sl_signature *signature,
	const struct sl_head *head, int64_t now_s);

#endif
