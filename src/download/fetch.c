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
	struct sl_http_header headers[TARGET_HEADERS];
	struct sl_http_request request = { .method = "GET",
		.url = &fetch->url,
		.headers = headers,
		.header_count = target_headers(fetch, headers) };
	return sl_http_open(
		fetch->batch->options.client, &request, &fetch->exchange, &fetch->error);
}

/* What another run holds, or another program's file has, as the name of a part. */
static bool
is_part_taken(int code)
{
	return code == SL_E_IN_USE || code == -EEXIST || code == -ELOOP || code == -EISDIR;
}

/* The final name was created after it was looked up: another run has just finished it. 0 with what
 * begin_part shall try next; FETCH_SKIPPED; a code. */
SL_SUSPENDS
static int
compare_again(struct fetch *fetch)
{
	sl_part_discard(&fetch->part);
	return existing_check(fetch);
}

/* Never wider than the file it replaces, and always ours to write. */
static uint32_t
mode_of_part(const struct fetch *fetch)
{
	const uint32_t own = S_IRUSR | S_IWUSR, new = 0666;
	return fetch->mode == MODE_OF_NEW ? new : (fetch->mode & new) | own;
}

/* What the part is to get when it is complete. */
static struct sl_part_attributes
attributes_of(const struct fetch *fetch)
{
	return (struct sl_part_attributes){ .time_ns = fetch->modified_ns,
		.has_mode = fetch->mode != MODE_OF_NEW,
		.mode = fetch->mode,
		.length = fetch->view.received };
}

/* Before the request: a directory that takes no file, or another run at work, costs the server
 * nothing. 0; FETCH_SKIPPED; a code. */
SL_SUSPENDS
static int
begin_part(struct fetch *fetch)
{
	bool rename = fetch->batch->options.if_exists == SL_EXISTS_RENAME;
	int code = 0;
	if (fetch->part.fd >= 0) /* by fetch_prepare */
		return 0;
	while (!code && fetch->target == TARGET_FILE) {
		code = sl_part_create(&fetch->part, fetch->directory, fetch->name,
			mode_of_part(fetch), &fetch->error);
		if (!code && (!fetch->part.name_taken || fetch->replace))
			break;
		if (!code) {
			code = compare_again(fetch);
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

/* A file is written in whole chunks; the reader of a stream wants what is there. */
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
	struct sl_part_attributes set = attributes_of(fetch);
	if (!code && last && last->len > 0)
		code = whole ? writer_put_whole(&writer, last, &set) : writer_put(&writer, last);
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
	fetch->modified_ns = target_wants_time(fetch) ? existing_remote_time(fetch->exchange) : 0;
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
		sl_log_warn("%s: the server sent no length, so truncation cannot be detected (use "
			    "--checksum to verify)",
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
may_try_next_source(const struct fetch *fetch, int code)
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
report_next_source(struct fetch *fetch)
{
	const struct sl_batch_events *events = &fetch->batch->options.events;
	sl_log_warn("%s; trying the next source", fetch->error.text);
	if (events->retrying)
		events->retrying(events->ctx, &fetch->view);
	sl_error_clear(&fetch->error);
}

static void
add_source_count(struct fetch *fetch)
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
	bool other = may_try_next_source(fetch, code);
	while (other && fetch->source + 1 < fetch->entry.source_count) {
		report_next_source(fetch);
		fetch->source++;
		if (fetch_set_url(fetch) == 0)
			return true;
	}
	if (fetch->source > 0 && other && fetch->error.code)
		add_source_count(fetch);
	return false;
}

/* ---- all of it ---- */

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
	batch->uncommitted_bytes += fetch->view.received;
	code = sl_channel_send(batch->finished, &fetch, SL_FOREVER);
	sl_shield_end(&shield);
	if (code)
		batch->uncommitted_bytes -= fetch->view.received;
	if (code == -EPIPE)
		code = batch->commit_code ? batch->commit_code : -ECANCELED;
	return code ? code : FETCH_HANDED_OVER;
}

/* What is written in pieces; a whole one was sealed as it was written. A sibling's failure does not
 * touch it any more. */
SL_SUSPENDS
static int
seal(struct fetch *fetch)
{
	struct sl_part_attributes set = attributes_of(fetch);
	struct sl_shield shield;
	int code = fetch->part.is_sealed ? 0 : commit_shield_begin(&shield);
	if (fetch->part.is_sealed || code)
		return code;
	code = sl_part_seal(&fetch->part, &set, &fetch->error);
	sl_shield_end(&shield);
	return code;
}

/* Once a run. */
static void
note_time(struct fetch *fetch)
{
	if (!fetch->part.time_refused || fetch->batch->time_noted)
		return;
	fetch->batch->time_noted = true;
	sl_log_warn(
		"'%s': this file system did not keep the modification time that the server "
		"reported, so a later run cannot compare it (reported once; use --no-remote-time "
		"to leave times alone)",
		fetch->path);
}

int
fetch_prepare(struct fetch *fetch)
{
	if (fetch->target == TARGET_FILE) {
		int stop = 0;
		switch (sl_part_create_first(
			&fetch->part, fetch->directory, fetch->name, mode_of_part(fetch), &stop)) {
		case SL_PART_CREATED:
			return 0;
		case SL_PART_STOPPED:
			return stop;
		case SL_PART_NAME_TAKEN:
			break;
		}
	}
	int code = existing_check(fetch);
	return code == FETCH_SKIPPED && fetch->needs_sync ? hand_over(fetch) : code;
}

int
fetch_run(struct fetch *fetch)
{
	struct sl_batch *batch = fetch->batch;
	int code = transfer(fetch);
	while (code && fetch_next_source(fetch, code))
		code = transfer(fetch);
	if (code == FETCH_SKIPPED && fetch->needs_sync)
		return hand_over(fetch);
	if (code || fetch->target == TARGET_STREAM)
		return code;
	uint64_t before_ns = sl_now();
	code = seal(fetch);
	if (!code)
		note_time(fetch);
	if (!code && (batch->options.sync == SL_SYNC_ALL || fetch->view.received > SMALL_MAX))
		code = commit_one(fetch);
	else if (!code)
		code = hand_over(fetch);
	batch->summary.commit_ns += sl_now() - before_ns;
	if (code < 0)
		sl_part_discard(&fetch->part);
	return code;
}
