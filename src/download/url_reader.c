/*
 * url_reader.c - a task sends the requests and fills pieces, which travel through a channel.
 *
 *  - While the caller waits, a piece is passed on before it is full. While the channel is full, the
 *    task waits, and the connection with it.
 *  - What fails is tried again by the task; what the caller has got stays. A server may send all of
 *    it instead of a range (RFC 9110 14.2): of the same version, the bytes that were received
 *    before are compared by their CRC and skipped.
 *  - The task ends its exchange before the channel is closed: the connection is back in the pool
 *    when the caller gets the end.
 */
#include "sluice/download/url_reader.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/log.h"
#include "sluice/base/random.h"
#include "sluice/base/redact.h"
#include "sluice/rt/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

struct piece {
	char *data;
	size_t len;
};

struct sl_url_reader {
	struct sl_url_reader_options options;
	struct sl_url url;
	char *shown;
	char *data; /* the piece the caller has */

	/* The task's, once there was a read: */
	bool is_requested, is_running;
	bool is_stopped;             /* by the caller */
	bool is_freed;               /* by the caller: the task frees what is left */
	struct sl_group *receiving;  /* to be cancelled; NULL = it has not begun, or has ended */
	struct sl_channel *pieces;   /* closed at the end */
	struct piece next;           /* being filled */
	uint64_t received;           /* bytes of all */
	uint32_t crc;                /* CRC-32C of them */
	bool no_ranges;              /* the server has refused to send one */
	struct sl_resource resource; /* their version */
	bool is_coded;               /* they came with a content coding */
	struct sl_error error;       /* why the task has failed; set before the channel is closed */
};

/* ---- the task ---- */

/* Pass on what was received. False if no more is wanted. */
SL_SUSPENDS
static bool
pass_on(struct sl_url_reader *reader)
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
read_some(struct sl_url_reader *reader, struct sl_http_exchange *exchange, uint64_t most)
{
	struct piece *next = &reader->next;
	size_t room = reader->options.piece - next->len;
	if (!next->data)
		next->data = malloc(reader->options.piece);
	if (!next->data)
		return -ENOMEM;
	return sl_http_read(exchange, next->data + next->len, (size_t)SL_MIN(most, (uint64_t)room),
		&reader->error);
}

/* At the end of a response: a range may be shorter than the one that was requested. */
static int
check_end(struct sl_url_reader *reader)
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
receive(struct sl_url_reader *reader, struct sl_http_exchange *exchange)
{
	struct piece *next = &reader->next;
	int got = 1;
	while (got > 0) {
		got = read_some(reader, exchange, reader->options.piece);
		if (got > 0)
			reader->crc = sl_crc32c(reader->crc, next->data + next->len, (size_t)got);
		next->len += got > 0 ? (size_t)got : 0;
		reader->received += got > 0 ? (size_t)got : 0;
		if (reader->received > reader->options.most)
			return sl_fail(&reader->error, SL_PHASE_BODY, SL_E_LIMIT,
				"'%s' is larger than %llu MiB (%s)", reader->shown,
				(unsigned long long)(reader->options.most / SL_MIB),
				reader->options.most_advice);
		bool is_due =
			next->len == reader->options.piece || sl_channel_count(reader->pieces) == 0;
		if (got > 0 && is_due && !pass_on(reader))
			return 0;
	}
	return got < 0 ? got : check_end(reader);
}

static int
fail_changed(struct sl_url_reader *reader)
{
	return sl_fail(&reader->error, SL_PHASE_HEAD, SL_E_CHANGED,
		"'%s' has changed on the server while it was read", reader->shown);
}

/* Of a response that has everything, the bytes that were received before. */
SL_SUSPENDS
static int
skip_received(struct sl_url_reader *reader, struct sl_http_exchange *exchange)
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
accept_response(struct sl_url_reader *reader, struct sl_http_exchange *exchange)
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
	reader->is_coded = sl_http_coding(exchange) != SL_CODEC_NONE;
	return sl_http_is_range(exchange) ? 0 : skip_received(reader, exchange);
}

/* Once there were bytes, what follows comes in the same form: another one has another ETag. */
static enum sl_http_codings
codings(const struct sl_url_reader *reader)
{
	bool may_request = reader->received == 0 || reader->is_coded;
	return reader->options.compressed && may_request ? SL_CODINGS_REQUEST : SL_CODINGS_DECODE;
}

/* The first request, or one for what is missing. */
SL_SUSPENDS
static int
request(struct sl_url_reader *reader, const struct sl_http_range *range)
{
	const struct sl_http_request wanted = {
		.method = "GET", .url = &reader->url, .codings = codings(reader), .range = range
	};
	struct sl_http_exchange *exchange = NULL;
	int code = sl_http_open(reader->options.client, &wanted, &exchange, &reader->error);
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
attempt(struct sl_url_reader *reader)
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

/* Once there were bytes, only those of the same version follow. */
static bool
may_retry(const struct sl_url_reader *reader, unsigned retry)
{
	const struct sl_resource *resource = &reader->resource;
	bool has_rest = reader->received < resource->length && sl_resource_validator(resource);
	return retry <= reader->options.retry->retries && (reader->received == 0 || has_rest) &&
	       sl_retry_classify(&reader->error) != SL_RETRY_PERMANENT;
}

/* 0, or the cancellation; then the error is still that of the attempt. */
SL_SUSPENDS
static int
wait_for_retry(struct sl_url_reader *reader, unsigned retry, struct sl_random *random)
{
	uint64_t wait_ns = sl_retry_wait_ns(
		reader->options.retry, retry, reader->error.retry_after_s, sl_random_next(random));
	const char *what = reader->options.what;
	sl_log_warn("%s%s%s%s; trying again in %.1f s (retry %u of %u)", what ? "cannot read " : "",
		what ? what : "", what ? ": " : "", reader->error.text,
		(double)wait_ns / (double)SL_NS_PER_S, retry, reader->options.retry->retries);
	int code = sl_sleep(wait_ns);
	if (!code)
		sl_error_clear(&reader->error);
	return code;
}

/* Until all of it was received, or an attempt has failed for good. */
SL_SUSPENDS
static int
receive_task(void *arg)
{
	struct sl_url_reader *reader = arg;
	struct sl_random random;
	sl_random_init(&random, reader->options.retry->seed);
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
	return code || pass_on(reader) ? code : -ECANCELED;
}

static void
drain(struct sl_url_reader *reader)
{
	struct piece piece;
	while (reader->pieces && sl_channel_try_receive(reader->pieces, &piece) == 0)
		free(piece.data);
}

static void
destroy(struct sl_url_reader *reader)
{
	drain(reader);
	sl_channel_free(reader->pieces);
	sl_url_release(&reader->url);
	free(reader->next.data);
	free(reader->data);
	free(reader->shown);
	free(reader);
}

/* The reader may be freed meanwhile: then this task is the last to have it. */
SL_SUSPENDS
static int
own_task(void *arg)
{
	struct sl_url_reader *reader = arg;
	struct sl_group group;
	int code = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	reader->receiving = &group;
	if (!reader->is_stopped)
		code = sl_group_spawn(&group, "URL", receive_task, reader, NULL);
	sl_group_leave(&group);
	reader->receiving = NULL;
	reader->is_running = false;
	if (code)
		sl_fail_code(&reader->error, SL_PHASE_NONE, code, "'%s'", reader->shown);
	sl_channel_close(reader->pieces);
	if (reader->is_freed)
		destroy(reader);
	return 0;
}

/* ---- public functions ---- */

bool
sl_url_reader_takes(const char *text)
{
	return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

static int
parse(struct sl_url_reader *reader, const char *url, struct sl_error *err)
{
	struct sl_buf text = { 0 }, shown = { 0 };
	int code = sl_url_parse(&reader->url, sl_span_str(url), err);
	if (code)
		return code;
	sl_url_format(&text, &reader->url);
	sl_redact(&shown, sl_buf_span(&text));
	sl_buf_release(&text);
	reader->shown = sl_buf_detach(&shown);
	return reader->shown ? 0 : -ENOMEM;
}

int
sl_url_reader_new(struct sl_url_reader **out, const char *url,
	const struct sl_url_reader_options *options, struct sl_error *err)
{
	struct sl_url_reader *reader = *out = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->options = *options;
	int code = sl_channel_new(&reader->pieces, "a URL", options->ahead, sizeof(struct piece));
	if (!code)
		code = parse(reader, url, err);
	if (code) {
		destroy(reader);
		*out = NULL;
	}
	return code;
}

void
sl_url_reader_stop(struct sl_url_reader *reader)
{
	reader->is_stopped = true;
	drain(reader);
	sl_channel_close(reader->pieces);
	if (reader->receiving)
		sl_group_cancel(reader->receiving, -ECANCELED);
}

void
sl_url_reader_free(struct sl_url_reader *reader)
{
	if (!reader)
		return;
	sl_url_reader_stop(reader);
	reader->is_freed = true;
	if (!reader->is_running)
		destroy(reader);
}

const char *
sl_url_reader_name(const struct sl_url_reader *reader)
{
	return reader->shown;
}

static int
begin(struct sl_url_reader *reader)
{
	if (reader->is_requested)
		return 0;
	int code = sl_group_spawn(reader->options.group, "URL reader", own_task, reader, NULL);
	reader->is_requested = reader->is_running = code == 0;
	return code;
}

int
sl_url_reader_read(struct sl_url_reader *reader, struct sl_span *bytes, uint64_t deadline_ns,
	struct sl_error *err)
{
	struct piece piece = { 0 };
	int code = begin(reader);
	if (!code)
		code = sl_channel_receive(reader->pieces, &piece, deadline_ns);
	if (code && code != -EPIPE)
		return code;
	if (code && reader->error.code) {
		*err = reader->error;
		return reader->error.code;
	}
	free(reader->data);
	reader->data = piece.data;
	*bytes = sl_span(piece.data, piece.len);
	return code ? 0 : 1;
}
