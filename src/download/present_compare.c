/*
 * present_compare.c - a file with its checksum, and with the head of the source's answer.
 */
#include "present_int.h"

#include "sluice/download/digest.h"
#include "sluice/download/probe.h"
#include "sluice/http/date.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#define TIME_GRAIN_S 2 /* the coarsest time stamps of files that are common (FAT) */

/* ---- by checksum ---- */

bool
sl_present_is_by_checksum(const struct sl_place *place, const struct sl_entry *entry)
{
	return entry->checksum.kind != SL_CHECKSUM_NONE && place->codec == SL_CODEC_NONE;
}

/* The whole file through one chunk: the disk waits while the worker hashes, which is good enough
 * for what happens once in a file's life. */
SL_SUSPENDS
static int
hash_file(const struct look *look, int fd, struct sl_digest *digest)
{
	struct sl_chunk *chunk = NULL;
	uint64_t off = 0;
	int code = sl_chunk_take(look->options->pool, &chunk, SL_FOREVER);
	while (!code) {
		int got = sl_io_read(fd, chunk->data, chunk->size, off, 0);
		if (got == -EINTR || got == -EAGAIN)
			continue;
		if (got <= 0) {
			code = got;
			break;
		}
		off += (uint64_t)got;
		code = sl_digest_offload(digest, chunk->data, (size_t)got);
	}
	sl_chunk_unref(chunk);
	return code;
}

int
look_verify_checksum(const struct look *look, bool *same)
{
	const struct sl_checksum *expected = &look->sources->entry->checksum;
	struct sl_error mismatch = { 0 };
	struct sl_digest *digest = NULL;
	int code = sl_digest_new(&digest, expected->kind);
	if (code)
		return sl_fail_code(look->err, SL_PHASE_NONE, code, "cannot compute %s here",
			sl_checksum_name(expected->kind));
	int fd = sl_io_open(
		look->place->directory->fd, look->place->name, O_RDONLY | O_NONBLOCK, 0, 0);
	code = fd < 0 ? fd : hash_file(look, fd, digest);
	if (code)
		code = sl_fail_code(
			look->err, SL_PHASE_READ, code, "cannot read '%s'", look->place->path);
	else
		*same = sl_digest_check(digest, expected, look->place->path, &mismatch) == 0;
	sl_digest_free(digest);
	sl_io_close(fd);
	return code;
}

/* ---- by the head of an answer ---- */

/* Header fields that ask whether the version of the stamp is the one that the server has; with
 * their text. */
struct condition {
	struct sl_http_header headers[SL_PROBE_CONDITIONS];
	size_t count; /* 0 = no condition */
	struct sl_buf date;
};

static void
add_condition(struct condition *condition, const char *name, struct sl_span value)
{
	condition->headers[condition->count++] =
		(struct sl_http_header){ sl_span_str(name), value };
}

/* The user's own conditions are not ours to evaluate. */
static bool
has_condition(const struct sl_sources *sources)
{
	struct sl_http_header headers[SL_SOURCES_HEADERS];
	size_t count = sl_sources_headers(sources, headers);
	static const char *const names[] = { "If-None-Match", "If-Modified-Since", "If-Match",
		"If-Unmodified-Since" };
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < SL_COUNT_OF(names); j++)
			if (sl_span_is_nocase(headers[i].name, names[j]))
				return true;
	return false;
}

/* Servers that have no ETags, and those that do not evaluate them, have the time. */
static void
set_condition(struct condition *condition, const struct look *look)
{
	const struct sl_stamp *stamp = &look->stamp;
	if (!look_is_from_source(look) || has_condition(look->sources))
		return;
	if (stamp->etag.len > 0)
		add_condition(condition, "If-None-Match", stamp->etag);
	if (!stamp->modified_s)
		return;
	sl_date_format(&condition->date, stamp->modified_s);
	if (!condition->date.failed)
		add_condition(condition, "If-Modified-Since", sl_buf_span(&condition->date));
}

enum answer {
	ANSWER_HEAD,         /* in *out */
	ANSWER_NOT_MODIFIED, /* 304 to our condition */
};

/* An enum answer or a code. */
SL_SUSPENDS
static int
ask(const struct look *look, const char *method, struct sl_resource *out)
{
	struct sl_http_exchange *exchange = NULL;
	struct condition condition = { .count = 0 };
	set_condition(&condition, look);
	const struct sl_probe probe = { .client = look->options->client,
		.sources = look->sources,
		.codings = look->options->compressed ? SL_CODINGS_COMPARE : SL_CODINGS_AS_SENT,
		.conditions = condition.headers,
		.condition_count = condition.count,
		.resource = out };
	int code = sl_probe_ask(&probe, method, &exchange, look->err);
	sl_buf_release(&condition.date);
	if (code == SL_E_STATUS && condition.count > 0 && look->err->http_status == 304) {
		sl_error_clear(look->err);
		return ANSWER_NOT_MODIFIED;
	}
	if (code)
		return code;
	sl_http_close(exchange);
	return ANSWER_HEAD;
}

SL_PRINTF(2, 3)
static struct difference
differs(bool unknown, const char *format, ...)
{
	struct difference out = { .found = true, .unknown = unknown };
	va_list args;
	va_start(args, format);
	vsnprintf(out.why, sizeof(out.why), format, args);
	va_end(args);
	return out;
}

/* What is decoded has a size that no server sends. */
static struct difference
find_difference_of_decoded(bool has_time, bool has_same_time)
{
	if (!has_time)
		return differs(true, "; the size of decoded data cannot be compared, and the "
				     "server sent no time");
	if (!has_same_time)
		return differs(true, "; the size of decoded data cannot be compared, and the "
				     "server's file has a different time");
	return (struct difference){ .found = false };
}

/* The server has the version that was downloaded, by its ETag. */
static bool
is_stamped_version(const struct look *look, const struct sl_resource *remote)
{
	const struct sl_stamp *stamp = &look->stamp;
	return stamp->etag.len > 0 && sl_span_is(stamp->etag, remote->etag) &&
	       look_is_from_source(look);
}

static struct difference
find_other_size(uint64_t remote_len, const struct statx *st)
{
	struct difference difference =
		differs(false, " with %llu bytes, and the server's file has %llu",
			(unsigned long long)st->stx_size, (unsigned long long)remote_len);
	difference.remote_len = remote_len;
	return difference;
}

/*
 * A local time later than the server's is what copying, unpacking and --no-remote-time leave, and
 * counts as complete, as with wget -N. Of an answer without a length only the time is known: then
 * it must be exactly the one that this program has set.
 */
static struct difference
find_difference(const struct look *look, const struct sl_resource *remote, const struct statx *st)
{
	const struct difference none = { .found = false };
	int64_t local_s = st->stx_mtime.tv_sec;
	int64_t remote_s = (int64_t)(remote->modified_ns / SL_NS_PER_S);
	bool has_time = remote->modified_ns != 0;
	bool is_older = has_time && remote_s >= local_s + TIME_GRAIN_S;
	bool is_later = has_time && local_s >= remote_s + TIME_GRAIN_S;
	bool has_length = remote->length != SL_BODY_UNKNOWN;
	bool may_be_same = look_is_decoded(look) || !has_length || remote->length == st->stx_size;
	if (is_stamped_version(look, remote) && may_be_same)
		return none;
	if (look_is_decoded(look))
		return find_difference_of_decoded(has_time, !is_older && !is_later);
	if (!has_length) {
		if (!has_time)
			return differs(true, ", and the server sent neither a size nor a time");
		if (is_older || is_later)
			return differs(true, ", and the server sent no size and a different time");
		return none;
	}
	if (remote->length != st->stx_size)
		return find_other_size(remote->length, st);
	if (remote->length == 0) /* two empty files are the same */
		return none;
	if (!has_time)
		return differs(true, " with the right size, but the server sent no time, so it may "
				     "be another version");
	return is_older ? differs(false, ", and the server's file is newer") : none;
}

int
look_compare(const struct look *look, const struct statx *st, struct difference *out)
{
	struct sl_resource remote;
	if (look->remote) {
		*out = find_difference(look, look->remote, st);
		return 0;
	}
	int answer = ask(look, "HEAD", &remote);
	if (answer == ANSWER_NOT_MODIFIED)
		return 0;
	if (answer < 0 && !sl_probe_may_mean_no_head(look->err))
		return answer;
	if (answer == ANSWER_HEAD && remote.length != SL_BODY_UNKNOWN && remote.length != 0) {
		*out = find_difference(look, &remote, st);
		if (!out->found)
			return 0;
	}
	sl_error_clear(look->err);
	*out = (struct difference){ .found = false };
	answer = ask(look, "GET", &remote);
	if (answer == ANSWER_HEAD)
		*out = find_difference(look, &remote, st);
	return answer < 0 ? answer : 0;
}
