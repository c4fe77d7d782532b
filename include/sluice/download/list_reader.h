/*
 * list_reader.h - the bytes of a list, piece by piece: of a file, of standard input, or of a URL.
 *
 * A request that fails is tried again as that of a file is: from the first byte that is missing, if
 * the version can be told from others, else only until there was one.
 *
 * A file is read as its entries are needed. What a URL has is received by a task of its own as fast
 * as it comes, up to SL_LIST_URL_MAX bytes: an answer that is only read as fast as its entries are
 * downloaded would be ended by many servers, and would keep a connection from the downloads.
 */
#ifndef SLUICE_DOWNLOAD_LIST_READER_H
#define SLUICE_DOWNLOAD_LIST_READER_H

#include "sluice/download/retry.h"
#include "sluice/http/client.h"
#include "sluice/rt/task.h"

#define SL_LIST_PIECE (256u * 1024u) /* bytes that are read at a time */
#define SL_LIST_URL_MAX (128 * SL_MIB)

struct sl_list_reader;

/* Name for messages: without secrets. */
const char *sl_list_reader_name(const struct sl_list_reader *reader);

/*
 * A list by its path, "-" for standard input, or a URL; `from` and `retry` are borrowed. A file is
 * opened, a URL is requested when it is first read, by a task of `group`. Returns 0; a code of
 * openat with SL_PHASE_OPEN; what sl_url_parse returns; -ENOMEM.
 */
SL_SUSPENDS
int sl_list_reader_new(struct sl_list_reader **out, const char *from, struct sl_http_client *client,
	const struct sl_retry_policy *retry, struct sl_group *group,
	struct sl_error *err) SL_MUST_CHECK;

/* No task of the group may run any more. NULL is fine. */
SL_SUSPENDS
void sl_list_reader_free(struct sl_list_reader *reader);

/*
 * The next bytes, at most SL_LIST_PIECE, valid until the next call. *is_last: the list ends with
 * them. Returns 0; a code of read with SL_PHASE_READ; what sl_http_open and sl_http_read return;
 * SL_E_LIMIT above SL_LIST_URL_MAX; -ENOMEM; the cancellation. After a failure, or with *is_last,
 * it is not called again.
 */
SL_SUSPENDS
int sl_list_reader_read(struct sl_list_reader *reader, struct sl_span *bytes, bool *is_last,
	struct sl_error *err) SL_MUST_CHECK;

/* The rest is not needed: what still runs for it ends soon. */
void sl_list_reader_stop(struct sl_list_reader *reader);

#endif
