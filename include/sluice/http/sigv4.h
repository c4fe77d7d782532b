/*
 * sigv4.h - AWS Signature Version 4 of a request without a body, as S3 and services like it check
 * it. Pure; the hashes are OpenSSL's.
 *
 * A signature holds for the method, the path, the query and the header fields it lists, at a time,
 * for one region and service. What is signed is not exactly what is sent: the path is encoded anew
 * (for services other than S3 after its dot segments were removed, and twice), and the query is
 * sorted.
 */
#ifndef SLUICE_HTTP_SIGV4_H
#define SLUICE_HTTP_SIGV4_H

#include "sluice/http/request.h"
#include "sluice/http/sigv4_variant.h"

/* SHA-256 of a body without bytes, in hexadecimal. */
#define SL_SIGV4_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Room for 20150830T123600Z and its end. */
#define SL_SIGV4_TIME_MAX 17

/* Header fields and parameters of a request. */
#define SL_SIGV4_ITEMS_MAX 1000u

/* True if the query of `target` has a signature: such a request must not have a second one. */
bool sl_sigv4_is_presigned(const char *target);

/* All borrowed. */
struct sl_sigv4_request {
	const char *method;
	const char *target;                  /* path and query, as sent */
	const struct sl_http_header *fields; /* all that are to be signed, in any order */
	size_t field_count;
	bool normalizes;    /* remove dot segments and double slashes from the path */
	bool encodes_twice; /* percent signs of the path are encoded too */
};

struct sl_sigv4_keys {
	const char *id, *secret;
};

/* The time of a signature as YYYYMMDDTHHMMSSZ; `time_s` is of the years 1970 to 9999. */
void sl_sigv4_format_time(char out[SL_SIGV4_TIME_MAX], int64_t time_s);

/*
 * Append the value of the Authorization field. `time` is as sl_sigv4_format_time writes it; fields
 * that hold it must be among those that are signed. Returns 0; SL_E_LIMIT above
 * SL_SIGV4_ITEMS_MAX; SL_E_UNSUPPORTED if OpenSSL does not permit the hash; -ENOMEM.
 */
int sl_sigv4_sign(struct sl_buf *out, const struct sl_sigv4_variant *variant,
	const struct sl_sigv4_keys *keys, const char *time,
	const struct sl_sigv4_request *request) SL_MUST_CHECK;

#endif
