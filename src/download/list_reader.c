/*
 * list_reader.c - reads a list: a file or pipe by read(2), a URL by a task that fills pieces ahead
 * of their use.
 *
 *  - Pieces of a URL travel through a channel with room for all there can be, so the task never
 *    waits for the reader. While the reader waits for it, a piece is passed on before it is full.
 *  - What fails is tried again by the task; what the reader has got stays. A server may send all of
 *    the list instead of a range (RFC 9110 14.2): of the same version, the bytes that were received
 *    before are compared by their CRC and skipped.
 *  - The task ends its exchange before the channel is closed: the connection is back in the pool
 *    when the last entry is begun.
 */
#include "sluice/download/list_reader.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/log.h"
#include "sluice/base/random.h"
#include "sluice/base/redact.h"
#include "sluice/rt/channel.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Full ones, and one that is not. */
#define PIECES_MAX (SL_LIST_URL_MAX / SL_LIST_PIECE + 1)

struct piece {
	char *data;
	size_t len;
};

struct sl_list_reader {
	const char *from;
	char *shown;
	char *data; /* the piece the caller has */
	/* a file */
	int fd;
	bool is_regular;
	/* a URL */
	struct sl_url url;
	struct sl_http_client *client;
	struct sl_group *group;
	const struct sl_retry_policy *retry;
	bool is_requested;
	struct sl_channel *pieces;   /* NULL until it is requested; closed at the end of the list */
	struct piece next;           /* the task's, being filled */
	uint64_t received;           /* bytes of the list, by the task */
	uint32_t crc;                /* CRC-32C of them */
	bool no_ranges;              /* the server has refused to send one */
	struct sl_resource resource; /* their version */
	struct sl_error error;       /* why the task has failed; set before the channel is closed */
};

bool
sl_list_is_url(const char *from)
{
	return strncasecmp(from, "http://", 7) == 0 || strncasecmp(from, "https://", 8) == 0;
}

const char *
sl_list_reader_name(const struct sl_list_reader *reader)
{
	return reader->shown;
}

/* ---- opening ---- */

SL_SUSPENDS
static int
open_file(struct sl_list_reader *reader, struct sl_error *err)
{
	struct stat st;
	bool is_stdin = strcmp(reader->from, "-") == 0;
	reader->shown = sl_span_dup(sl_span_str(is_stdin ? "standard input" : reader->from));
	if (!reader->shown)
		return -ENOMEM;
	reader->fd = is_stdin ? STDIN_FILENO : sl_io_open(AT_FDCWD, reader->from, O_RDONLY, 0, 0);
	if (reader->fd < 0)
		return sl_fail_code(
			err, SL_PHASE_OPEN, reader->fd, "cannot open the list '%s'", reader->shown);
	reader->is_regular = fstat(reader->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

static int
parse_url(struct sl_list_reader *reader, struct sl_error *err)
{
	struct sl_buf text = { 0 }, shown = { 0 };
	int code = sl_url_parse(&reader->url, sl_span_str(reader->from), err);
	if (code)
		return code;
	sl_url_format(&text, &reader->url);
	sl_redact(&shown, sl_buf_span(&text));
	sl_buf_release(&text);
	reader->shown = sl_buf_detach(&shown);
	return reader->shown ? 0 : -ENOMEM;
}

int
sl_list_reader_new(struct sl_list_reader **out, const char *from, struct sl_http_client *client,
	const struct sl_retry_policy *retry, struct sl_group *group, struct sl_error *err)
{
	struct sl_list_reader *reader = calloc(1, sizeof(*reader));
	*out = reader;
	if (!reader)
		return -ENOMEM;
	reader->from = from;
	reader->fd = -1;
	reader->client = client;
	reader->group = group;
	reader->retry = retry;
	int code = sl_list_is_url(from) ? parse_url(reader, err) : open_file(reader, err);
	if (code) {
		sl_list_reader_free(reader);
		*out = NULL;
	}
	return code;
}

static void
drain(struct sl_list_reader *reader)
{
	struct piece piece;
	while (reader->pieces && sl_channel_try_receive(reader->pieces, &piece) == 0)
		free(piece.data);
}

void
sl_list_reader_free(struct sl_list_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd > STDIN_FILENO)
		sl_io_close(reader->fd);
	drain(reader);
	sl_channel_free(reader->pieces);
	sl_url_release(&reader->url);
	free(reader->next.data);
	free(reader->data);
	free(reader->shown);
	free(reader);
}

void
sl_list_reader_stop(struct sl_list_reader *reader)
{
	drain(reader);
	if (reader->pieces)
		sl_channel_close(reader->pieces);
}

/* ---- a file ---- */

/* A regular file is read up to the end of the piece, so that the end of a short one is seen. */
SL_SUSPENDS
static int
read_file(struct sl_list_reader *reader, struct sl_span *bytes, bool *is_last, struct sl_error *err)
{
	size_t len = 0;
	int got = 1;
	if (!reader->data)
		reader->data = malloc(SL_LIST_PIECE);
	if (!reader->data)
		return sl_fail_code(
			err, SL_PHASE_READ, -ENOMEM, "cannot read the list '%s'", reader->shown);
	while (got > 0 && len < SL_LIST_PIECE && (len == 0 || reader->is_regular)) {
		do
			got = sl_io_read_stream(
				reader->fd, reader->data + len, SL_LIST_PIECE - len, SL_FOREVER);
		while (got == -EINTR);
		len += got > 0 ? (size_t)got : 0;
	}
	*bytes = sl_span(reader->data, len);
	*is_last = got == 0;
	if (got < 0)
		return sl_fail_code(
			err, SL_PHASE_READ, got, "cannot read the list '%s'", reader->shown);
	return 0;
}

/* ---- a URL ---- */

/* Pass on what was received. False if the reader has stopped. */
SL_SUSPENDS
static bool
pass_on(struct sl_list_reader *reader)
{
	if (reader->next.len == 0)
		return true;
	if (sl_channel_send(reader->pieces, &reader->next, SL_FOREVER) != 0)
		return false;
	reader->next = (struct piece){ 0 };
	return true;
}

/* At most `most` bytes behind those in the piece; as sl_http_read. */
SL_SUSPENDS
static int
read_some(struct sl_list_reader *reader, struct sl_http_exchange *exchange, uint64_t most)
{
	struct piece *next = &reader->next;
	size_t room = SL_LIST_PIECE - next->len;
	if (!next->data)
		next->data = malloc(SL_LIST_PIECE);
	if (!next->data)
		return -ENOMEM;
	return sl_http_read(exchange, next->data + next->len, (size_t)SL_MIN(most, (uint64_t)room),
		&reader->error);
}

/* At the end of a response: a range may be shorter than the one that was requested. */
static int
check_end(struct sl_list_reader *reader)
{
	uint64_t length = reader->resource.length;
	if (length == SL_LENGTH_UNKNOWN || reader->received == length)
		return 0;
	return sl_fail(&reader->error, SL_PHASE_BODY, SL_E_SHORT_BODY,
		"'%s': the server sent %llu of %llu bytes", reader->shown,
		(unsigned long long)reader->received, (unsigned long long)length);
}

SL_SUSPENDS
static int
receive(struct sl_list_reader *reader, struct sl_http_exchange *exchange)
{
	struct piece *next = &reader->next;
	int got = 1;
	while (got > 0) {
		got = read_some(reader, exchange, SL_LIST_PIECE);
		if (got > 0)
			reader->crc = sl_crc32c(reader->crc, next->data + next->len, (size_t)got);
		next->len += got > 0 ? (size_t)got : 0;
		reader->received += got > 0 ? (size_t)got : 0;
		if (reader->received > SL_LIST_URL_MAX)
			return sl_fail(&reader->error, SL_PHASE_BODY, SL_E_LIMIT,
				"'%s' is larger than 128 MiB (download it, and use -i FILE)",
				reader->shown);
		bool is_due = next->len == SL_LIST_PIECE || sl_channel_count(reader->pieces) == 0;
		if (got > 0 && is_due && !pass_on(reader))
			return 0;
	}
	return got < 0 ? got : check_end(reader);
}

static int
fail_changed(struct sl_list_reader *reader)
{
	return sl_fail(&reader->error, SL_PHASE_HEAD, SL_E_CHANGED,
		"'%s' has changed on the server while it was read", reader->shown);
}

/* Of a response that has all of the list, the bytes that were received before. */
SL_SUSPENDS
static int
skip_received(struct sl_list_reader *reader, struct sl_http_exchange *exchange)
{
	uint32_t crc = 0;
	for (uint64_t left = reader->received; left > 0;) {
		int got = read_some(reader, exchange, left);
		if (got <= 0)
			return got < 0 ? got : fail_changed(reader);
		crc = sl_crc32c(crc, reader->next.data + reader->next.len, (size_t)got);
		left -= (uint64_t)got;
	}
	return crc == reader->crc ? 0 : fail_changed(reader);
}

/* Up to the first byte that is missing. */
SL_SUSPENDS
static int
accept_response(struct sl_list_reader *reader, struct sl_http_exchange *exchange)
{
	struct sl_resource resource = sl_http_resource(exchange);
	enum sl_resource_match match = sl_resource_compare(&reader->resource, &resource);
	if (reader->received > 0 && match == SL_RESOURCE_OTHER)
		return fail_changed(reader);
	if (reader->received > 0 && match != SL_RESOURCE_SAME)
		return sl_fail(&reader->error, SL_PHASE_HEAD, SL_E_UNSUPPORTED,
			"'%s' broke off, and the rest that the server sends may be of another "
			"version",
			reader->shown);
	reader->resource = resource;
	return sl_http_is_range(exchange) ? 0 : skip_received(reader, exchange);
}

/* The first request, or one for what is missing. */
SL_SUSPENDS
static int
request(struct sl_list_reader *reader, const struct sl_http_range *range)
{
	const struct sl_http_request wanted = {
		.method = "GET", .url = &reader->url, .range = range
	};
	struct sl_http_exchange *exchange = NULL;
	int code = sl_http_open(reader->client, &wanted, &exchange, &reader->error);
	if (code)
		return code;
	code = accept_response(reader, exchange);
	if (!code)
		code = receive(reader, exchange);
	sl_http_close(exchange);
	return code;
}

static bool
is_refusal_of_range(const struct sl_error *err)
{
	return err->code == SL_E_UNSUPPORTED ||
	       (err->code == SL_E_PROTO && err->phase == SL_PHASE_HEAD) ||
	       (err->code == SL_E_STATUS && err->http_status == 416);
}

/* Without a range if the server offers none, or does not answer with it. */
SL_SUSPENDS
static int
attempt(struct sl_list_reader *reader)
{
	const struct sl_resource *resource = &reader->resource;
	const struct sl_http_range range = {
		.begin = reader->received, .end = resource->length, .of = resource
	};
	bool wants_range = !reader->no_ranges && reader->received > 0 && resource->takes_ranges &&
			   resource->length != SL_LENGTH_UNKNOWN;
	int code = request(reader, wants_range ? &range : NULL);
	if (!code || !wants_range || !is_refusal_of_range(&reader->error))
		return code;
	reader->no_ranges = true;
	sl_error_clear(&reader->error);
	return request(reader, NULL);
}

/* Once there were bytes, the list goes on only with those of the same version. */
static bool
may_retry(const struct sl_list_reader *reader, unsigned retry)
{
	const struct sl_resource *resource = &reader->resource;
	bool has_rest = reader->received < resource->length && sl_resource_validator(resource);
	return retry <= reader->retry->retries && (reader->received == 0 || has_rest) &&
	       sl_retry_classify(&reader->error) != SL_RETRY_PERMANENT;
}

/* 0, or the cancellation; then the error is still that of the attempt. */
SL_SUSPENDS
static int
wait_for_retry(struct sl_list_reader *reader, unsigned retry, struct sl_random *random)
{
	uint64_t wait_ns = sl_retry_wait_ns(
		reader->retry, retry, reader->error.retry_after_s, sl_random_next(random));
	sl_log_warn("cannot read the list: %s; trying again in %.1f s (retry %u of %u)",
		reader->error.text, (double)wait_ns / (double)SL_NS_PER_S, retry,
		reader->retry->retries);
	int code = sl_sleep(wait_ns);
	if (!code)
		sl_error_clear(&reader->error);
	return code;
}

SL_SUSPENDS
static int
fetch_task(void *arg)
{
	struct sl_list_reader *reader = arg;
	struct sl_random random;
	sl_random_init(&random, reader->retry->seed);
	int code = attempt(reader);
	for (unsigned retry = 1; code && !sl_task_cancelled(); retry++) {
		uint64_t received = reader->received;
		if (!may_retry(reader, retry) || wait_for_retry(reader, retry, &random) != 0)
			break;
		code = attempt(reader);
		if (reader->received > received)
			retry = 0;
	}
	if (code)
		sl_fail_code(&reader->error, SL_PHASE_BODY, code, "'%s'", reader->shown);
	if (!pass_on(reader) && !code)
		code = -ECANCELED;
	sl_channel_close(reader->pieces);
	return code;
}

SL_SUSPENDS
static int
read_url(struct sl_list_reader *reader, struct sl_span *bytes, bool *is_last, struct sl_error *err)
{
	struct piece piece = { 0 };
	int code = 0;
	if (!reader->pieces)
		code = sl_channel_new(&reader->pieces, "a list", PIECES_MAX, sizeof(piece));
	if (!code && !reader->is_requested)
		code = sl_group_spawn(reader->group, "list", fetch_task, reader, NULL);
	reader->is_requested = true;
	if (!code)
		code = sl_channel_receive(reader->pieces, &piece, SL_FOREVER);
	free(reader->data);
	reader->data = piece.data;
	*bytes = sl_span(piece.data, piece.len);
	*is_last = code == -EPIPE && !reader->error.code;
	if (*is_last || !code)
		return 0;
	int why = code == -EPIPE ? reader->error.code : code;
	if (reader->error.code)
		sl_fail(err, reader->error.phase, why, "cannot read the list: %s",
			reader->error.text);
	else
		sl_fail_code(err, SL_PHASE_NONE, why, "cannot read the list '%s'", reader->shown);
	if (err)
		err->http_status = reader->error.http_status;
	return why;
}

int
sl_list_reader_read(
	struct sl_list_reader *reader, struct sl_span *bytes, bool *is_last, struct sl_error *err)
{
	return sl_list_is_url(reader->from) ? read_url(reader, bytes, is_last, err)
					    : read_file(reader, bytes, is_last, err);
}
