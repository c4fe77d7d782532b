/*
 * url_reader.h - the body of a URL, in order and piece by piece, received ahead of its use.
 *
 * A task of its own receives it, so that a pause of the server can be told from its end, and the
 * caller may stop at any time. A request that fails is tried again as that of a file is: from the
 * first byte that is missing, if the version can be told from others; else only until there was a
 * byte. So what is read is always of one version.
 */
#ifndef SLUICE_DOWNLOAD_URL_READER_H
#define SLUICE_DOWNLOAD_URL_READER_H

#include "sluice/download/retry.h"
#include "sluice/http/client.h"
#include "sluice/rt/task.h"

/* All borrowed until the group is left. */
struct sl_url_reader_options {
	struct sl_http_client *client;
	const struct sl_retry_policy *retry;
	struct sl_group *group;  /* of the task that receives */
	bool compressed;         /* content codings are requested; what comes is decoded anyway */
	const char *what;        /* for the warning that it is tried again: "the list", or NULL */
	size_t piece;            /* bytes that are passed on at a time */
	size_t ahead;            /* pieces that wait for the caller; two more are in use */
	uint64_t most;           /* bytes in all: more is SL_E_LIMIT; UINT64_MAX = no limit */
	const char *most_advice; /* what to do about that limit */
};

struct sl_url_reader;

/* True for http:// and https://. */
bool sl_url_reader_takes(const char *text);

/* It is requested when it is first read. Returns 0; what sl_url_parse returns; -ENOMEM. */
int sl_url_reader_new(struct sl_url_reader **out, const char *url,
	const struct sl_url_reader_options *options, struct sl_error *err) SL_MUST_CHECK;

/* The rest is not needed, and it is not read again: its task ends soon. */
void sl_url_reader_stop(struct sl_url_reader *reader);

/* Stops it. NULL is fine. */
void sl_url_reader_free(struct sl_url_reader *reader);

/* The URL without secrets. */
const char *sl_url_reader_name(const struct sl_url_reader *reader);

/*
 * The next bytes, at most a piece, valid until the next call. Returns 1; 0 at the end; -ETIMEDOUT
 * at `deadline_ns`, with err->code 0, and nothing is lost; the cancellation, likewise. Else the
 * failure, which each further call returns again: what sl_http_open and sl_http_read return,
 * SL_E_CHANGED, SL_E_LIMIT, -ENOMEM.
 */
SL_SUSPENDS
int sl_url_reader_read(struct sl_url_reader *reader, struct sl_span *bytes, uint64_t deadline_ns,
	struct sl_error *err) SL_MUST_CHECK;

#endif
