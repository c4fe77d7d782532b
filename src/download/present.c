/*
 * What has a download's name already. With --if-exists=auto a regular file is complete if
 *  - it has the size that was given, if one was; and
 *  - it has the checksum that was given: its stamp (stamp.h) tells, or else it is hashed; or
 *    without one
 *  - aria2 has not left its control file, and the server's answer is that the version of the stamp
 *    is the one that it has (304, or the same ETag), or else the file matches the head of the
 *    answer: the same size and not older, or the same time if the server sends no size, or if the
 *    file was decoded: checksum and size are those of the compressed one then. Without a stamp it
 *    must have no holes either.
 * Without a stamp no condition is sent: a file that is newer than the server's, and incomplete,
 * satisfies If-Modified-Since too.
 *
 * A file that is shorter than the server's may be the beginning of it (--adopt, --append); one with
 * holes (--adopt), one of aria2's, with its control file, and a damaged one (--verify-resume) have
 * parts of it. Whether they can be used is for the caller to find out. With --if-exists=replace
 * these are tried first.
 *
 * Devices and FIFOs are written to only if --output names them.
 */
#include "sluice/download/present.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/download/digest.h"
#include "sluice/download/journal_format.h"
#include "sluice/download/part.h"
#include "sluice/download/probe.h"
#include "sluice/download/stamp.h"
#include "sluice/http/date.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIFO_RETRY_NS (50 * SL_NS_PER_MS) /* between attempts to open a FIFO without a reader */
#define STREAM_FLAGS (O_WRONLY | O_NONBLOCK | O_NOCTTY)
#define TIME_GRAIN_S 2 /* the coarsest time stamps of files that are common (FAT) */
#define FRESH_S 600    /* a file that was changed since may not be on the disk yet */
#define WHY_MAX 200

/* One call of sl_present_look. */
struct look {
	const struct sl_present_options *options;
	const struct sl_place *place;
	const struct sl_sources *sources;
	const struct sl_resource *remote; /* from the head of an answer to GET; NULL = none yet */
	struct sl_present *present;
	struct sl_error *err;
	/* Of a regular file, if it may be compared: */
	char *aria2_name, *journal_name; /* of what may be beside it */
	int aria2_control;               /* what a stat of NAME.aria2 returned */
	struct sl_stamp stamp;           /* of the file as it is now, in: */
	unsigned char stamp_bytes[SL_STAMP_MAX];
};

/* What a file's state is found to be: a kind of sl_present and 0, or a code. */
static int
found(const struct look *look, enum sl_present_kind kind)
{
	look->present->kind = kind;
	return 0;
}

static int
refuse(const struct look *look, const char *why, const char *remedy)
{
	return sl_fail(look->err, SL_PHASE_NONE, -EEXIST,
		"'%s' exists%s (%s--if-exists=replace overwrites it, rename finds another name, "
		"skip keeps it)",
		look->place->path, why, remedy);
}

static int
exists(const struct look *look, const char *why)
{
	return refuse(look, why, "");
}

/* ---- the stamp ---- */

/* It holds for a file with this size and time. */
static bool
is_of(const struct sl_stamp *stamp, const struct statx *st)
{
	const struct statx_timestamp *time = &st->stx_mtime;
	return stamp->size == st->stx_size && time->tv_sec >= 0 &&
	       stamp->mtime_ns == (uint64_t)time->tv_sec * SL_NS_PER_S + time->tv_nsec;
}

/* The steps of stat_name. */
enum { STEP_NAME, STEP_OPEN, STEP_STAMP, STEP_FD, STEP_CLOSE, STEP_ARIA2, STEP_JOURNAL, STEPS };

static bool
may_compare(const struct look *look)
{
	enum sl_if_exists if_exists = look->options->if_exists;
	return if_exists == SL_EXISTS_AUTO || if_exists == SL_EXISTS_REPLACE;
}

/* A stamp that cannot be read, or is of an earlier content, is as none. */
static void
take_stamp(struct look *look, const struct sl_op *ops, const struct statx *by_fd)
{
	int len = ops[STEP_STAMP].result;
	bool is_read = ops[STEP_OPEN].result >= 0 && len > 0 && ops[STEP_FD].result == 0;
	if (!is_read || !sl_stamp_parse(&look->stamp, look->stamp_bytes, (size_t)len) ||
		!is_of(&look->stamp, by_fd))
		look->stamp = (struct sl_stamp){ 0 };
}

/*
 * A stat of the name, and of a regular file that may be compared its stamp and whether NAME.aria2
 * and a journal are there: in one call of the blocking pool, since a second run over thousands of
 * files does little else. Other files are not opened: that may have effects.
 */
SL_SUSPENDS
static int
stat_name(struct look *look, int flags, struct statx *st)
{
	const char *name = look->place->name;
	const struct sl_directory *directory = look->place->directory;
	struct statx by_fd = { 0 }, control = { 0 }, journal = { 0 };
	struct sl_op ops[STEPS] = {
		[STEP_NAME] = { .kind = SL_OP_STAT,
			.dir_fd = directory->fd,
			.path = name,
			.flags = (uint32_t)flags,
			.mask = STATX_BASIC_STATS,
			.statx = st },
		[STEP_OPEN] = { .kind = SL_OP_OPEN,
			.dir_fd = directory->fd,
			.path = name,
			.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY },
		[STEP_STAMP] = { .kind = SL_OP_GET_XATTR,
			.fd = SL_FD_OF_AFTER,
			.attribute = SL_STAMP_ATTRIBUTE,
			.data = look->stamp_bytes,
			.len = sizeof(look->stamp_bytes) },
		[STEP_FD] = { .kind = SL_OP_STAT,
			.dir_fd = SL_FD_OF_AFTER,
			.path = "",
			.flags = AT_EMPTY_PATH,
			.mask = STATX_BASIC_STATS,
			.statx = &by_fd },
		[STEP_CLOSE] = { .kind = SL_OP_CLOSE, .fd = SL_FD_OF_AFTER },
		[STEP_ARIA2] = { .kind = SL_OP_STAT,
			.dir_fd = directory->fd,
			.path = look->aria2_name,
			.flags = AT_SYMLINK_NOFOLLOW,
			.mask = STATX_TYPE,
			.statx = &control },
		[STEP_JOURNAL] = { .kind = SL_OP_STAT,
			.dir_fd = directory->fd,
			.path = look->journal_name,
			.flags = AT_SYMLINK_NOFOLLOW,
			.mask = STATX_TYPE,
			.statx = &journal },
	};
	static const int after_name[] = { STEP_OPEN, STEP_ARIA2, STEP_JOURNAL };
	for (size_t i = 0; i < SL_COUNT_OF(after_name); i++) {
		ops[after_name[i]].after = &ops[STEP_NAME];
		ops[after_name[i]].after_regular = true;
	}
	for (size_t i = STEP_STAMP; i <= STEP_CLOSE; i++)
		ops[i].after = &ops[STEP_OPEN];
	if (directory->is_missing)
		return -ENOENT;
	if (!may_compare(look))
		return sl_io_stat(directory->fd, name, flags, STATX_BASIC_STATS, st);
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (code)
		return code;
	take_stamp(look, ops, &by_fd);
	look->aria2_control = ops[STEP_ARIA2].result;
	look->present->has_journal = ops[STEP_JOURNAL].result == 0;
	return ops[STEP_NAME].result;
}

static bool
is_decoded(const struct look *look)
{
	return look->place->codec != SL_CODEC_NONE;
}

static bool
is_from_source(const struct look *look)
{
	return sl_stamp_is_from(&look->stamp, sl_sources_show(look->sources), is_decoded(look));
}

/* ---- by checksum ---- */

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

/* *same = the file has the expected checksum. */
SL_SUSPENDS
static int
verify_checksum(const struct look *look, bool *same)
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
	if (!is_from_source(look) || has_condition(look->sources))
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

/* How the local file differs from the server's, for messages. */
struct difference {
	bool found;
	bool unknown;        /* it may be the same: what the server sent does not decide it */
	uint64_t remote_len; /* if that is the difference; else 0 */
	char why[WHY_MAX];
};

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
	return stamp->etag.len > 0 && sl_span_is(stamp->etag, remote->etag) && is_from_source(look);
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
	bool may_be_same = is_decoded(look) || !has_length || remote->length == st->stx_size;
	if (is_stamped_version(look, remote) && may_be_same)
		return none;
	if (is_decoded(look))
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

/*
 * Servers that generate their answers, or do not implement HEAD, send other sizes and times for
 * HEAD than for GET, or none: only a match by HEAD is believed. Else the head of the answer to GET
 * decides; its body is not read.
 */
SL_SUSPENDS
static int
compare_with_source(const struct look *look, const struct statx *st, struct difference *out)
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

/* ---- what can be used of it ---- */

static int
found_usable(const struct look *look, struct sl_at_hand *at_hand, const struct statx *st)
{
	sl_at_hand_set_file(at_hand, st);
	look->present->at_hand = at_hand;
	return found(look, SL_PRESENT_USABLE);
}

/* Bad pieces are written again, which could not be undone in a file that is moved. */
static bool
has_pieces(const struct look *look)
{
	return look->sources->entry->pieces.kind != SL_CHECKSUM_NONE;
}

/* By another request than the one whose head is looked at, and only bytes as they are sent. */
static bool
may_use_parts(const struct look *look)
{
	return !is_decoded(look) && !look->remote;
}

static bool
may_use_beginning(const struct look *look)
{
	return (look->options->adopt || look->options->append) && may_use_parts(look);
}

static bool
is_shorter(const struct difference *difference, const struct statx *st)
{
	return difference->remote_len > st->stx_size;
}

static int
replace(const struct look *look)
{
	look->present->has_rights = true;
	return found(look, SL_PRESENT_REPLACE);
}

/* Parts of it were never written: programs that fetch several parts at once give a file its size
 * before they have all of it. A sparse copy of a complete file is like that, too, and cannot be
 * told from it. */
SL_SUSPENDS
static bool
has_hole(const struct look *look, const struct statx *st)
{
	struct sl_op ops[] = {
		{ .kind = SL_OP_OPEN,
			.dir_fd = look->place->directory->fd,
			.path = look->place->name,
			.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY },
		{ .kind = SL_OP_HAS_HOLE, .fd = SL_FD_OF_AFTER, .length = st->stx_size },
		{ .kind = SL_OP_CLOSE, .fd = SL_FD_OF_AFTER },
	};
	ops[1].after = ops[2].after = &ops[0];
	return sl_io_batch(ops, SL_COUNT_OF(ops)) == 0 && ops[0].result >= 0 && ops[1].result == 1;
}

/* A log may have holes of its own, and is copied as it is. */
SL_SUSPENDS
static int
add_written(const struct look *look, struct sl_at_hand *at_hand, const struct statx *st)
{
	const struct sl_place *place = look->place;
	if (!look->options->adopt)
		return sl_ranges_add_done(&at_hand->ranges, (struct sl_range){ 0, st->stx_size });
	int fd = sl_io_open(
		place->directory->fd, place->name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, 0);
	const struct sl_range all = { 0, st->stx_size };
	int code = fd < 0 ? fd : sl_at_hand_add_written(at_hand, fd, all);
	sl_io_close(fd);
	return code;
}

/* Of an empty file there is nothing to compare, and nothing to lose. */
SL_SUSPENDS
static int
use_written(const struct look *look, const struct statx *st, uint64_t remote_len)
{
	struct sl_at_hand *at_hand = NULL;
	if (st->stx_size == 0)
		return replace(look);
	int code = sl_at_hand_new(&at_hand, remote_len);
	if (!code)
		code = add_written(look, at_hand, st);
	if (!code) {
		at_hand->is_beginning = !at_hand->has_holes;
		at_hand->is_left = look->options->adopt;
		at_hand->is_moved =
			look->options->adopt && !at_hand->has_holes && !has_pieces(look);
		return found_usable(look, at_hand, st);
	}
	sl_at_hand_free(at_hand);
	return sl_fail_code(
		look->err, SL_PHASE_NONE, code, "cannot take over '%s'", look->place->path);
}

static const char *
remedy_of(const struct look *look, const struct difference *difference, const struct statx *st)
{
	if (difference->unknown && !is_decoded(look))
		return "--checksum verifies it, ";
	if (is_shorter(difference, st) && may_use_parts(look))
		return "--adopt completes what another program has left, --append keeps it and "
		       "fetches what is new, ";
	return "";
}

/* By its size and time the local file is complete. The holes of one that was decoded may be those
 * of the program that did it. */
SL_SUSPENDS
static int
found_same_unless_hole(const struct look *look, const struct statx *st)
{
	if (sl_stamp_is_useful(&look->stamp) || is_decoded(look) || !has_hole(look, st))
		return found(look, SL_PRESENT_SAME);
	if (look->options->adopt && may_use_parts(look))
		return use_written(look, st, st->stx_size);
	return refuse(look, " with the right size, but parts of it were never written",
		may_use_parts(look) ? "--adopt fetches these, --checksum verifies it, "
				    : "--checksum verifies it, ");
}

/* The local file is what the source in use has, or a code: -EEXIST if it is not. */
SL_SUSPENDS
static int
compare_with_server(const struct look *look, const struct statx *st)
{
	struct difference difference = { 0 };
	int code = compare_with_source(look, st, &difference);
	if (code)
		return code;
	look->present->size = st->stx_size;
	if (!difference.found)
		return found_same_unless_hole(look, st);
	if (is_shorter(&difference, st) && may_use_beginning(look))
		return use_written(look, st, difference.remote_len);
	return refuse(look, difference.why, remedy_of(look, &difference, st));
}

/* Its control file is there. If that lists nothing, there is nothing to lose either. */
SL_SUSPENDS
static int
use_aria2s(const struct look *look, const struct statx *st)
{
	struct sl_error why = { 0 };
	struct sl_at_hand *at_hand = NULL;
	char text[WHY_MAX];
	const struct sl_place *place = look->place;
	if (!look->options->resume || !may_use_parts(look))
		return exists(look,
			", and aria2 has not finished it (its control file NAME.aria2 is there)");
	int code = sl_at_hand_of_aria2(&at_hand, place->directory, place->name, st->stx_size, &why);
	look->present->has_control = code == 0;
	if (!code && at_hand->ranges.done_bytes == 0) {
		sl_at_hand_free(at_hand);
		return replace(look);
	}
	if (!code) {
		at_hand->is_moved = !at_hand->has_holes && !has_pieces(look);
		return found_usable(look, at_hand, st);
	}
	if (code == -ECANCELED || code == -ETIMEDOUT)
		return code;
	snprintf(text, sizeof(text),
		", aria2 has not finished it, and its control file cannot be used: %.100s",
		why.text[0] ? why.text : sl_code_text(code));
	return exists(look, text);
}

/* aria2 gives a file its whole size before the first byte, and keeps NAME.aria2 in the same
 * directory until the last. With *is_found: found, or a code. */
SL_SUSPENDS
static int
find_aria2s(const struct look *look, const struct statx *st, bool *is_found)
{
	int code = look->aria2_control;
	*is_found = code == 0;
	if (code && code != -ENOENT && code != -ENAMETOOLONG)
		return sl_fail_code(
			look->err, SL_PHASE_CREATE, code, "cannot examine '%s'", look->place->path);
	return *is_found ? use_aria2s(look, st) : 0;
}

/* Without a checksum. */
SL_SUSPENDS
static int
compare(const struct look *look, const struct statx *st)
{
	bool unfinished = false;
	/* A stamp was set once it was complete, and would not hold if aria2 had gone on. */
	int code = sl_stamp_is_useful(&look->stamp) ? 0 : find_aria2s(look, st, &unfinished);
	return code || unfinished ? code : compare_with_server(look, st);
}

/* By checksum or size it is not complete: it may have a part of the file. *why: of the refusal. */
SL_SUSPENDS
static int
use_unfinished(const struct look *look, const struct statx *st, const char *why)
{
	bool unfinished = false;
	struct difference difference = { 0 };
	int code = may_use_parts(look) ? find_aria2s(look, st, &unfinished) : 0;
	if (code || unfinished)
		return code;
	if (may_use_beginning(look))
		code = compare_with_source(look, st, &difference);
	if (!code && is_shorter(&difference, st))
		return use_written(look, st, difference.remote_len);
	if (!code && look->options->adopt && may_use_parts(look) && !difference.found &&
		has_hole(look, st))
		return use_written(look, st, st->stx_size);
	return code ? code : exists(look, why);
}

SL_SUSPENDS
static int
compare_checksum(const struct look *look, const struct statx *st)
{
	const struct sl_checksum *checksum = &look->sources->entry->checksum;
	bool same = !look->options->verify && sl_stamp_has_checksum(&look->stamp, checksum);
	look->present->size = st->stx_size;
	int code = same ? 0 : verify_checksum(look, &same);
	if (code)
		return code;
	return same ? found(look, SL_PRESENT_SAME)
		    : use_unfinished(look, st, " and has another checksum");
}

/* What the list says of the size is of the file as it is sent; a download of another size would
 * fail. */
static bool
has_other_size(const struct look *look, const struct statx *st)
{
	const struct sl_entry *entry = look->sources->entry;
	return entry->has_size && !is_decoded(look) && entry->size != st->stx_size;
}

SL_SUSPENDS
static int
use_or_refuse_size(const struct look *look, const struct statx *st)
{
	char why[WHY_MAX];
	snprintf(why, sizeof(why), " with %llu bytes, and the list has %llu",
		(unsigned long long)st->stx_size, (unsigned long long)look->sources->entry->size);
	look->present->size = st->stx_size;
	return use_unfinished(look, st, why);
}

/* What a list has of its pieces, or a kept journal, says of a file that looks complete. 0, also if
 * nothing is damaged; or found, with *is_damaged; a code. */
SL_SUSPENDS
static int
find_damage(const struct look *look, const struct statx *st, bool *is_damaged)
{
	const struct sl_entry *entry = look->sources->entry;
	struct sl_at_hand *at_hand = NULL;
	const struct sl_at_hand_file file = { .directory = look->place->directory,
		.name = look->place->name,
		.path = look->place->path,
		.url_hash = sl_journal_url_hash(&look->sources->url),
		.pieces = &entry->pieces,
		.size = entry->has_size ? entry->size : SL_LENGTH_UNKNOWN,
		.pool = look->options->pool };
	int code = sl_at_hand_verify(&at_hand, &file, look->err);
	if (code || !at_hand)
		return code;
	sl_log_warn("'%s' is damaged: %llu bytes in %zu range%s are not what was written to it; "
		    "they are fetched again",
		look->place->path, (unsigned long long)at_hand->damage, at_hand->gaps,
		at_hand->gaps == 1 ? "" : "s");
	*is_damaged = true;
	return found_usable(look, at_hand, st);
}

/* ---- what is there ---- */

/* What a run left that did not sync, or was killed before. The kernel writes what is older than
 * half a minute by itself. */
static bool
may_be_in_memory_only(const struct look *look, const struct statx *st)
{
	uint64_t now_s = sl_clock_wall_ns() / SL_NS_PER_S;
	uint64_t changed_s = (uint64_t)SL_MAX(st->stx_ctime.tv_sec, (int64_t)0);
	return look->options->sync && changed_s + FRESH_S > now_s;
}

SL_SUSPENDS
static int
examine(struct look *look, const struct statx *st)
{
	bool by_checksum = sl_present_is_by_checksum(look->place, look->sources->entry);
	bool is_damaged = false;
	int code = 0;
	if (look->options->verify && may_use_parts(look) && st->stx_size > 0)
		code = find_damage(look, st, &is_damaged);
	if (code || is_damaged)
		return code;
	if (has_other_size(look, st))
		return use_or_refuse_size(look, st);
	code = by_checksum ? compare_checksum(look, st) : compare(look, st);
	look->present->needs_sync =
		!code && look->present->kind == SL_PRESENT_SAME && may_be_in_memory_only(look, st);
	return code;
}

/* What cannot be used is replaced. */
SL_SUSPENDS
static int
examine_or_replace(struct look *look, const struct statx *st)
{
	if (!may_use_beginning(look))
		return replace(look);
	int code = examine(look, st);
	if (code != -EEXIST)
		return code;
	sl_error_clear(look->err);
	return replace(look);
}

SL_SUSPENDS
static int
regular_exists(struct look *look, const struct statx *st)
{
	switch (look->options->if_exists) {
	case SL_EXISTS_FAIL:
		return exists(look, "");
	case SL_EXISTS_SKIP:
		look->present->unverified = true;
		look->present->size = st->stx_size;
		return found(look, SL_PRESENT_SAME);
	case SL_EXISTS_REPLACE:
		return examine_or_replace(look, st);
	case SL_EXISTS_RENAME:
		return found(look, SL_PRESENT_TAKEN);
	case SL_EXISTS_AUTO:
		break;
	}
	return examine(look, st);
}

/* A dangling link: the file does not exist, but a rename without replacing fails. */
SL_SUSPENDS
static int
dangling_exists(const struct look *look)
{
	switch (look->options->if_exists) {
	case SL_EXISTS_REPLACE:
		return found(look, SL_PRESENT_REPLACE);
	case SL_EXISTS_RENAME:
		return found(look, SL_PRESENT_TAKEN);
	default:
		return exists(look, " as a symbolic link to a file that does not exist");
	}
}

/* ---- streams ---- */

/* A character device or FIFO that --output names: it is written to as it is. */
static bool
is_stream(const struct look *look, const struct statx *st)
{
	return look->options->may_stream && (S_ISCHR(st->stx_mode) || S_ISFIFO(st->stx_mode));
}

/* A FIFO can be opened once it has a reader; a blocking open that waits for one would hold a worker
 * of the kernel. */
SL_SUSPENDS
static int
open_when_read(const struct look *look)
{
	bool is_logged = false;
	for (;;) {
		int fd = sl_io_open(
			look->place->directory->fd, look->place->name, STREAM_FLAGS, 0, 0);
		if (fd != -ENXIO)
			return fd;
		if (!is_logged)
			sl_log_info("waiting for a reader of '%s'", look->place->path);
		is_logged = true;
		int code = sl_sleep(FIFO_RETRY_NS);
		if (code)
			return code;
	}
}

SL_SUSPENDS
static int
open_stream(const struct look *look)
{
	struct statx opened = { 0 };
	struct sl_deadline deadline;
	if (look->options->look_only)
		return found(look, SL_PRESENT_STREAM);
	sl_deadline_begin(&deadline, sl_deadline_in(look->options->stall_timeout_ns));
	int fd = open_when_read(look);
	sl_deadline_end(&deadline);
	if (fd == -ETIMEDOUT && !sl_task_cancelled())
		return sl_fail(look->err, SL_PHASE_OPEN, fd,
			"cannot open '%s': no program has opened it for reading in time "
			"(--stall-timeout waits longer)",
			look->place->path);
	if (fd < 0)
		return sl_fail_code(
			look->err, SL_PHASE_OPEN, fd, "cannot open '%s'", look->place->path);
	/* The name may stand for something else by now, and no file is written in place. */
	int code = sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &opened);
	if (!code && !is_stream(look, &opened))
		code = -EEXIST;
	if (code) {
		sl_io_close(fd);
		return sl_fail_code(look->err, SL_PHASE_OPEN, code,
			"'%s' was replaced while it was opened", look->place->path);
	}
	look->present->stream_fd = fd;
	return found(look, SL_PRESENT_STREAM);
}

/* ---- all of it ---- */

/* Devices and FIFOs under a name that a URL or a list gave are refused: they would take the data
 * or wait for a reader, and nothing would be downloaded. */
SL_SUSPENDS
static int
check_found(struct look *look, const struct statx *st)
{
	if (S_ISREG(st->stx_mode))
		return regular_exists(look, st);
	if (is_stream(look, st))
		return open_stream(look);
	if (look->options->if_exists == SL_EXISTS_RENAME)
		return found(look, SL_PRESENT_TAKEN);
	if (S_ISDIR(st->stx_mode))
		return sl_fail(look->err, SL_PHASE_NONE, -EEXIST,
			"'%s' is a directory (--dir names a directory to download into)",
			look->place->path);
	return sl_fail(look->err, SL_PHASE_NONE, -EEXIST, "'%s' is not a regular file%s",
		look->place->path,
		look->options->may_stream ? ", a character device or a FIFO"
					  : " (--output may name a device or a FIFO)");
}

/* Standard output or standard error if --output leads to that regular file (/dev/stdout and the
 * like): the bytes go where the descriptor leads, not to a name to be replaced. Else -1. Streams
 * behind it are opened as any stream. */
SL_SUSPENDS
static int
own_descriptor(const struct look *look, const struct statx *st)
{
	static const int own[] = { STDOUT_FILENO, STDERR_FILENO };
	if (!look->options->may_stream || !S_ISREG(st->stx_mode))
		return -1;
	for (size_t i = 0; i < SL_COUNT_OF(own); i++) {
		struct statx open = { 0 };
		if (sl_io_stat(own[i], "", AT_EMPTY_PATH, STATX_BASIC_STATS, &open) == 0 &&
			sl_io_is_same_inode(&open, st))
			return own[i];
	}
	return -1;
}

/* A file that is to be replaced in the end must be one that a rename can replace: that would fail
 * once all of it is downloaded. */
static int
check_replaceable(const struct look *look, const struct statx *st)
{
	const char *why = NULL, *remedy = "";
	enum sl_present_kind kind = look->present->kind;
	if (kind != SL_PRESENT_REPLACE && kind != SL_PRESENT_USABLE)
		return 0;
	if (st->stx_attributes & STATX_ATTR_MOUNT_ROOT) {
		why = "it is a mount point";
		remedy = "download to another name, and copy that into it";
	} else if (st->stx_attributes & STATX_ATTR_IMMUTABLE) {
		why = "it is immutable";
		remedy = "'chattr -i' ends that";
	} else if (st->stx_attributes & STATX_ATTR_APPEND) {
		why = "it may only be appended to";
		remedy = "'chattr -a' ends that";
	}
	return why ? sl_fail(look->err, SL_PHASE_RENAME, -EBUSY,
			     "'%s' exists and cannot be replaced: %s (%s)", look->place->path, why,
			     remedy)
		   : 0;
}

SL_SUSPENDS
static int
check_name(struct look *look)
{
	struct statx st = { 0 };
	int code = stat_name(look, AT_SYMLINK_NOFOLLOW, &st);
	if (code == -ENOENT)
		return found(look, SL_PRESENT_ABSENT);
	look->present->file = sl_file_id(&st);
	bool by_link = !code && S_ISLNK(st.stx_mode);
	if (by_link)
		code = stat_name(look, 0, &st);
	if (by_link && (code == -ENOENT || code == -ELOOP))
		return dangling_exists(look);
	if (code)
		return sl_fail_code(
			look->err, SL_PHASE_CREATE, code, "cannot examine '%s'", look->place->path);
	int own = by_link ? own_descriptor(look, &st) : -1;
	if (own < 0) {
		code = check_found(look, &st);
		return code || by_link ? code : check_replaceable(look, &st);
	}
	look->present->stream_fd = own;
	return found(look, SL_PRESENT_STREAM);
}

bool
sl_present_is_by_checksum(const struct sl_place *place, const struct sl_entry *entry)
{
	return entry->checksum.kind != SL_CHECKSUM_NONE && place->codec == SL_CODEC_NONE;
}

int
sl_present_look(const struct sl_present_options *options, const struct sl_place *place,
	const struct sl_sources *sources, const struct sl_resource *remote,
	struct sl_present *present, struct sl_error *err)
{
	struct look look = { .options = options,
		.place = place,
		.sources = sources,
		.remote = remote,
		.present = present,
		.err = err };
	struct sl_buf aria2_name = { 0 };
	sl_buf_printf(&aria2_name, "%s.aria2", place->name);
	look.aria2_name = sl_buf_detach(&aria2_name);
	look.journal_name = sl_part_journal_name(place->name);
	*present = (struct sl_present){ .size = SL_BODY_UNKNOWN, .stream_fd = -1 };
	int code = look.aria2_name && look.journal_name
			   ? check_name(&look)
			   : sl_fail_code(err, SL_PHASE_CREATE, -ENOMEM, "cannot examine '%s'",
				     place->path);
	free(look.aria2_name);
	free(look.journal_name);
	return code;
}

bool
sl_present_is_taken(const struct sl_present_options *options, const struct sl_place *place)
{
	struct look look = { .options = options, .place = place };
	struct statx st = { 0 };
	return sl_directory_stat(place->directory, place->name, 0, STATX_BASIC_STATS, &st) == 0 &&
	       !is_stream(&look, &st) && own_descriptor(&look, &st) < 0;
}
