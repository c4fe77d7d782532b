/*
 * The life of one download: request, body in chunks to the writer, then the end. Sources of one
 * file are tried in turn, each from byte 0.
 */
#include "fetch_int.h"

#include "sluice/base/log.h"

#include <errno.h>

SL_SUSPENDS
static int
open_exchange(struct fetch *fetch)
{
	struct sl_http_header headers[SL_ENTRY_HEADERS];
	struct sl_http_request request = { .method = "GET",
		.url = &fetch->url,
		.headers = headers,
		.header_count = target_headers(fetch, headers) };
	return sl_http_open(
		fetch->batch->options.client, &request, &fetch->exchange, &fetch->error);
}

/* What another run holds, or somebody else's file has, as the name of a part. */
static bool
is_part_taken(int code)
{
	return code == SL_E_IN_USE || code == -EEXIST || code == -ELOOP || code == -EISDIR;
}

/* The final name came into being after it was looked at: another run has just finished it. 0 with
 * what begin_part shall try next; 1 = there is nothing left to do; a code. */
SL_SUSPENDS
static int
look_again(struct fetch *fetch)
{
	sl_part_discard(&fetch->part);
	return existing_look(fetch);
}

/* Before the request: a directory that takes no file, or another run at work, costs the server
 * nothing. 0; 1 = skip it, all is there; a code. */
SL_SUSPENDS
static int
begin_part(struct fetch *fetch)
{
	bool rename = fetch->batch->options.if_exists == SL_EXISTS_RENAME;
	int code = 0;
	if (fetch->part.fd >= 0) /* by fetch_prepare */
		return 0;
	while (!code && fetch->target == TARGET_FILE) {
		code = sl_part_create(&fetch->part, fetch->directory, fetch->name, &fetch->error);
		if (!code && (!fetch->part.name_taken || fetch->replace))
			break;
		if (!code) {
			code = look_again(fetch);
		} else if (rename && is_part_taken(code)) {
			sl_error_clear(&fetch->error);
			code = target_rename(fetch);
		}
	}
	return code;
}

SL_SUSPENDS
static int
reserve(struct fetch *fetch)
{
	uint64_t total = fetch->view.total;
	if (fetch->target == TARGET_STREAM || total == SL_BODY_UNKNOWN || total <= SMALL_MAX)
		return 0;
	return sl_part_reserve(&fetch->part, total, fetch->batch->options.io, &fetch->error);
}

/* A file is written in whole chunks; who reads a stream wants what is there. */
static bool
is_due(const struct fetch *fetch)
{
	return fetch->chunk->len == fetch->chunk->size || fetch->target == TARGET_STREAM;
}

/* Fill chunks and pass them on; 0 at the end of the body, with the last chunk (perhaps empty) in
 * fetch->chunk. */
SL_SUSPENDS
static int
receive_into(struct fetch *fetch, struct writer *writer)
{
	struct sl_chunk_pool *pool = fetch->batch->options.pool;
	struct sl_batch_summary *summary = &fetch->batch->summary;
	while (!writer->failure) {
		struct sl_chunk *chunk = fetch->chunk;
		uint64_t before_ns = sl_now();
		int got = sl_http_read(fetch->exchange, chunk->data + chunk->len,
			chunk->size - chunk->len, &fetch->error);
		uint64_t after_ns = sl_now();
		summary->network_ns += after_ns - before_ns;
		if (got <= 0)
			return got;
		chunk->len += (size_t)got;
		fetch->view.received += (uint64_t)got;
		if (!is_due(fetch))
			continue;
		fetch->chunk = NULL;
		uint64_t next_off = chunk->off + chunk->len;
		int code = writer_put(writer, chunk);
		if (!code)
			code = sl_chunk_take(pool, &fetch->chunk, SL_FOREVER);
		summary->disk_ns += sl_now() - after_ns;
		if (code)
			return code;
		fetch->chunk->off = next_off;
	}
	return writer->failure;
}

SL_SUSPENDS
static int
receive_body(struct fetch *fetch)
{
	struct writer writer;
	int code = writer_begin(&writer, fetch);
	if (code)
		return code;
	code = receive_into(fetch, &writer);
	struct sl_chunk *last = fetch->chunk;
	fetch->chunk = NULL;
	bool whole =
		last && last->off == 0 && fetch->target == TARGET_FILE && fetch->part.direct_fd < 0;
	if (!code && last && last->len > 0)
		code = whole ? writer_put_whole(&writer, last) : writer_put(&writer, last);
	else
		sl_chunk_unref(last);
	int end = writer_end(&writer);
	return code ? code : end;
}

static int
check_digest(struct fetch *fetch)
{
	if (!fetch->digest)
		return 0;
	int code =
		sl_digest_check(fetch->digest, &fetch->entry.checksum, fetch->path, &fetch->error);
	sl_digest_free(fetch->digest);
	fetch->digest = NULL;
	return code;
}

static int
begin_digest(struct fetch *fetch)
{
	sl_digest_free(fetch->digest);
	fetch->digest = NULL;
	if (fetch->entry.checksum.kind == SL_CHECKSUM_NONE)
		return 0;
	int code = sl_digest_new(&fetch->digest, fetch->entry.checksum.kind);
	if (code)
		return sl_fail_code(&fetch->error, SL_PHASE_NONE, code, "cannot compute %s here",
			sl_checksum_name(fetch->entry.checksum.kind));
	return 0;
}

SL_SUSPENDS
static int
open_and_receive(struct fetch *fetch)
{
	int code = open_exchange(fetch);
	if (code)
		return code;
	fetch->view.total = sl_http_body_length(fetch->exchange);
	fetch->modified_ns =
		fetch->batch->options.remote_time ? existing_remote_time(fetch->exchange) : 0;
	fetch->view.state = SL_DOWNLOAD_RECEIVING;
	answer_note(fetch);
	bool open_ended = sl_http_is_open_ended(fetch->exchange);
	code = reserve(fetch);
	if (!code)
		code = receive_body(fetch);
	if (code)
		return code;
	fetch->view.excess = sl_http_had_excess(fetch->exchange);
	if (open_ended && !fetch->digest)
		sl_log_warn("%s: the server gave no length, so nobody can know whether all of it "
			    "came (a checksum would tell)",
			fetch->view.url);
	return 0;
}

/* One source, from the request to a complete and checked part. */
SL_SUSPENDS
static int
transfer(struct fetch *fetch)
{
	fetch->view.state = SL_DOWNLOAD_CONNECTING;
	fetch->view.received = 0;
	fetch->view.total = SL_BODY_UNKNOWN;
	int code = begin_digest(fetch);
	if (!code)
		code = begin_part(fetch);
	/* A connection is opened only with a chunk in hand: what it receives has a place. */
	if (!code)
		code = sl_chunk_take(fetch->batch->options.pool, &fetch->chunk, SL_FOREVER);
	if (!code)
		code = open_and_receive(fetch);
	sl_chunk_unref(fetch->chunk);
	fetch->chunk = NULL;
	if (fetch->exchange)
		sl_http_close(fetch->exchange);
	fetch->exchange = NULL;
	fetch->batch->summary.bytes += fetch->view.received;
	if (!code) {
		fetch->view.state = SL_DOWNLOAD_FINISHING;
		code = check_digest(fetch);
	}
	if (code)
		sl_part_discard(&fetch->part);
	return code;
}

/* ---- sources ---- */

/* Another source may do better if this one or the way to it failed; not if the disk did. */
static bool
is_sources_fault(const struct fetch *fetch, int code)
{
	if (sl_task_cancelled())
		return false;
	switch (fetch->error.phase) {
	case SL_PHASE_RESOLVE:
	case SL_PHASE_CONNECT:
	case SL_PHASE_TLS:
	case SL_PHASE_REQUEST:
	case SL_PHASE_HEAD:
	case SL_PHASE_BODY:
		return fetch->target == TARGET_FILE || fetch->view.received == 0;
	default:
		return code == SL_E_CHECKSUM && fetch->target == TARGET_FILE;
	}
}

SL_SUSPENDS
static void
say_next(struct fetch *fetch)
{
	const struct sl_batch_events *events = &fetch->batch->options.events;
	sl_log_warn("%s; trying the next source", fetch->error.text);
	if (events->retrying)
		events->retrying(events->ctx, &fetch->view);
	sl_error_clear(&fetch->error);
}

static void
say_count(struct fetch *fetch)
{
	struct sl_error last = fetch->error;
	sl_error_clear(&fetch->error);
	(void)sl_fail(&fetch->error, last.phase, last.code,
		"%s (the last of %zu sources, all failed)", last.text, fetch->source + 1);
	fetch->error.http_status = last.http_status;
}

bool
fetch_next_source(struct fetch *fetch, int code)
{
	bool other = is_sources_fault(fetch, code);
	while (other && fetch->source + 1 < fetch->entry.source_count) {
		say_next(fetch);
		fetch->source++;
		if (fetch_set_url(fetch) == 0)
			return true;
	}
	if (fetch->source > 0 && other && fetch->error.code)
		say_count(fetch);
	return false;
}

/* ---- all of it ---- */

int
fetch_prepare(struct fetch *fetch)
{
	int code = 1;
	if (fetch->target == TARGET_FILE)
		code = sl_part_create_first(&fetch->part, fetch->directory, fetch->name);
	return code == 1 ? existing_look(fetch) : code;
}

/* The committer ends before its time only if something is wrong with it. */
SL_SUSPENDS
static int
hand_over(struct fetch *fetch)
{
	struct sl_batch *batch = fetch->batch;
	struct sl_shield shield;
	int code = commit_shield_begin(&shield);
	if (code)
		return code;
	fetch->view.waiting = true;
	code = sl_channel_send(batch->finished, &fetch, SL_FOREVER);
	sl_shield_end(&shield);
	if (code == -EPIPE)
		code = batch->commit_code ? batch->commit_code : -ECANCELED;
	return code ? code : FETCH_HANDED_OVER;
}

int
fetch_run(struct fetch *fetch)
{
	struct sl_batch *batch = fetch->batch;
	int code = transfer(fetch);
	while (code && fetch_next_source(fetch, code))
		code = transfer(fetch);
	if (code || fetch->target == TARGET_STREAM)
		return code;
	uint64_t before_ns = sl_now();
	if (batch->options.sync == SL_SYNC_ALL || fetch->view.received > SMALL_MAX)
		code = commit_one(fetch);
	else
		code = hand_over(fetch);
	batch->summary.commit_ns += sl_now() - before_ns;
	if (code < 0)
		sl_part_discard(&fetch->part);
	return code;
}
