/*
 * journal_format.c - records of a journal to bytes and back. Nothing that was read is believed
 * before its CRC was compared; after that, what cannot be right (a range that is not in order, an
 * ETag longer than its record) ends the journal like a damaged record.
 */
#include "sluice/download/journal_format.h"

#include "sluice/base/crc32c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRAME 8u /* bytes before the payload */
#define BEGIN_PAYLOAD 52u
#define RESOURCE_PAYLOAD 30u /* without the ETag */
#define FLAG_WEAK 1u
#define FLAG_MODIFIED_STRONG 2u
#define FLAG_CONTROL 1u

static const char magic[16] = "sluice-journal\n";

enum record_type { BEGIN = 1, RESOURCE, BOOT, WRITTEN, SYNCED, VOID, CLOSED, TAKEN };

/* ---- writing ---- */

/* A payload being made; SL_JOURNAL_PAYLOAD_MAX is beyond the largest record. */
struct payload {
	unsigned char data[SL_JOURNAL_PAYLOAD_MAX];
	size_t len;
};

static void
put(struct payload *payload, uint64_t value, size_t bytes)
{
	sl_assert(payload->len + bytes <= sizeof(payload->data));
	for (size_t i = 0; i < bytes; i++)
		payload->data[payload->len++] = (unsigned char)(value >> (8 * i));
}

static void
put_bytes(struct payload *payload, const void *data, size_t len)
{
	sl_assert(payload->len + len <= sizeof(payload->data));
	if (len > 0)
		memcpy(payload->data + payload->len, data, len);
	payload->len += len;
}

/* All of it or nothing: *chain stays the CRC of the last record in *out. */
static void
add_record(
	struct sl_buf *out, uint32_t *chain, enum record_type type, const struct payload *payload)
{
	struct payload record = { .len = 0 };
	put(&record, 0, 4);
	put(&record, type, 2);
	put(&record, payload->len, 2);
	uint32_t crc = sl_crc32c(*chain, record.data + 4, record.len - 4);
	crc = sl_crc32c(crc, payload->data, payload->len);
	struct payload sum = { .len = 0 };
	put(&sum, crc, 4);
	memcpy(record.data, sum.data, sum.len);
	if (!sl_buf_reserve(out, record.len + payload->len))
		return;
	sl_buf_add(out, record.data, record.len);
	sl_buf_add(out, payload->data, payload->len);
	*chain = crc;
}

void
sl_journal_add_begin(struct sl_buf *out, uint32_t *chain, const struct sl_journal_begin *begin)
{
	struct payload payload = { .len = 0 };
	put_bytes(&payload, magic, sizeof(magic));
	put(&payload, SL_JOURNAL_VERSION, 4);
	put(&payload, begin->seed, 4);
	put(&payload, begin->dev_major, 4);
	put(&payload, begin->dev_minor, 4);
	put(&payload, begin->inode, 8);
	put(&payload, begin->birth_ns, 8);
	put(&payload, begin->mode, 4);
	*chain = 0;
	add_record(out, chain, BEGIN, &payload);
}

void
sl_journal_add_resource(
	struct sl_buf *out, uint32_t *chain, const struct sl_journal_resource *resource)
{
	const struct sl_resource *of = &resource->resource;
	struct payload payload = { .len = 0 };
	size_t len = strlen(of->etag);
	uint32_t flags = (of->is_etag_weak ? FLAG_WEAK : 0) |
			 (of->is_modified_strong ? FLAG_MODIFIED_STRONG : 0);
	put(&payload, of->length, 8);
	put(&payload, of->modified_ns, 8);
	put(&payload, flags, 4);
	put(&payload, resource->url_hash, 8);
	put(&payload, len, 2);
	put_bytes(&payload, of->etag, len);
	add_record(out, chain, RESOURCE, &payload);
}

void
sl_journal_add_boot(struct sl_buf *out, uint32_t *chain, const unsigned char id[SL_JOURNAL_BOOT_ID])
{
	struct payload payload = { .len = 0 };
	put_bytes(&payload, id, SL_JOURNAL_BOOT_ID);
	add_record(out, chain, BOOT, &payload);
}

void
sl_journal_add_written(struct sl_buf *out, uint32_t *chain, const struct sl_journal_range *range)
{
	struct payload payload = { .len = 0 };
	put(&payload, range->begin, 8);
	put(&payload, range->end, 8);
	put(&payload, range->crc, 4);
	add_record(out, chain, WRITTEN, &payload);
}

void
sl_journal_add_synced(struct sl_buf *out, uint32_t *chain, uint64_t off)
{
	struct payload payload = { .len = 0 };
	put(&payload, off, 8);
	add_record(out, chain, SYNCED, &payload);
}

void
sl_journal_add_void(struct sl_buf *out, uint32_t *chain, uint64_t begin, uint64_t end)
{
	struct payload payload = { .len = 0 };
	put(&payload, begin, 8);
	put(&payload, end, 8);
	add_record(out, chain, VOID, &payload);
}

void
sl_journal_add_closed(struct sl_buf *out, uint32_t *chain, const struct sl_journal_closed *closed)
{
	struct payload payload = { .len = 0 };
	put(&payload, closed->size, 8);
	put(&payload, closed->modified_ns, 8);
	add_record(out, chain, CLOSED, &payload);
}

void
sl_journal_add_taken(struct sl_buf *out, uint32_t *chain, const struct sl_journal_taken *taken)
{
	struct payload payload = { .len = 0 };
	put(&payload, taken->size, 8);
	put(&payload, taken->modified_ns, 8);
	put(&payload, taken->has_control ? FLAG_CONTROL : 0, 4);
	add_record(out, chain, TAKEN, &payload);
}

/* FNV-1a of 64 bits: it need not withstand an attacker, who would have to write here as this user.
 * */
static uint64_t
hash(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *byte = data;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * 0x100000001b3u;
	return hash;
}

uint64_t
sl_journal_url_hash(const struct sl_url *url)
{
	const unsigned char origin[] = { (unsigned char)url->scheme, (unsigned char)url->port,
		(unsigned char)(url->port >> 8) };
	uint64_t sum = hash(0xcbf29ce484222325u, origin, sizeof(origin));
	sum = hash(sum, url->host, strlen(url->host) + 1);
	return hash(sum, url->target, strcspn(url->target, "?"));
}

/* ---- reading ---- */

struct record {
	unsigned type;
	struct sl_span rest; /* of the payload */
};

static uint64_t
take(struct sl_span *rest, size_t bytes)
{
	uint64_t value = 0;
	sl_assert(rest->len >= bytes);
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)(unsigned char)rest->data[i] << (8 * i);
	*rest = sl_span(rest->data + bytes, rest->len - bytes);
	return value;
}

/* The record at the start of *text, which is then behind it. False if it is not whole. */
static bool
take_record(struct sl_span *text, uint32_t *chain, struct record *out)
{
	struct sl_span at = *text;
	if (at.len < FRAME)
		return false;
	uint32_t crc = (uint32_t)take(&at, 4);
	struct sl_span summed = at;
	out->type = (unsigned)take(&at, 2);
	size_t len = (size_t)take(&at, 2);
	if (len > SL_JOURNAL_PAYLOAD_MAX || at.len < len ||
		sl_crc32c(*chain, summed.data, FRAME - 4 + len) != crc)
		return false;
	*chain = crc;
	out->rest = sl_span(at.data, len);
	*text = sl_span(at.data + len, at.len - len);
	return true;
}

static int
refuse(struct sl_error *err, int code, const char *why)
{
	return sl_fail(err, SL_PHASE_NONE, code, "the journal cannot be used: %s", why);
}

static int
read_begin(struct sl_journal_content *content, struct sl_span *text, struct sl_error *err)
{
	struct record record;
	bool whole = take_record(text, &content->chain, &record);
	if (!whole || record.type != BEGIN || record.rest.len < BEGIN_PAYLOAD ||
		memcmp(record.rest.data, magic, sizeof(magic)) != 0)
		return refuse(err, SL_E_PROTO, "it is damaged, or was not written by sluice");
	(void)take(&record.rest, 8);
	(void)take(&record.rest, 8);
	if (take(&record.rest, 4) != SL_JOURNAL_VERSION)
		return refuse(err, SL_E_UNSUPPORTED, "it was written by another version of sluice");
	content->begin.seed = (uint32_t)take(&record.rest, 4);
	content->begin.dev_major = (uint32_t)take(&record.rest, 4);
	content->begin.dev_minor = (uint32_t)take(&record.rest, 4);
	content->begin.inode = take(&record.rest, 8);
	content->begin.birth_ns = take(&record.rest, 8);
	content->begin.mode = (uint32_t)take(&record.rest, 4);
	return 0;
}

static bool
read_resource(struct sl_journal_content *content, struct sl_span rest)
{
	struct sl_journal_resource read = { 0 };
	if (rest.len < RESOURCE_PAYLOAD)
		return false;
	read.resource.length = take(&rest, 8);
	read.resource.modified_ns = take(&rest, 8);
	uint32_t flags = (uint32_t)take(&rest, 4);
	read.resource.is_etag_weak = flags & FLAG_WEAK;
	read.resource.is_modified_strong =
		(flags & FLAG_MODIFIED_STRONG) && read.resource.modified_ns;
	read.url_hash = take(&rest, 8);
	size_t len = (size_t)take(&rest, 2);
	if (len != rest.len || len > SL_ETAG_MAX || (len > 0 && memchr(rest.data, '\0', len)))
		return false;
	if (len > 0)
		memcpy(read.resource.etag, rest.data, len);
	content->resource = read;
	content->has_resource = true;
	return true;
}

static bool
is_range(uint64_t begin, uint64_t end)
{
	return begin < end && end <= (uint64_t)INT64_MAX;
}

/* False if memory ends. */
static bool
add_range(struct sl_journal_content *content, const struct sl_journal_range *range)
{
	if (content->count == content->cap) {
		size_t cap = content->cap ? content->cap * 2 : 64;
		struct sl_journal_range *ranges =
			reallocarray(content->ranges, cap, sizeof(*ranges));
		if (!ranges)
			return false;
		content->ranges = ranges;
		content->cap = cap;
	}
	content->ranges[content->count++] = *range;
	return true;
}

static bool
overlaps_one(const struct sl_journal_range *range, const struct sl_range *sorted, size_t count)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (sorted[mid].end <= range->begin)
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && sorted[low].begin < range->end;
}

void
sl_journal_content_drop(
	struct sl_journal_content *content, const struct sl_range *gone, size_t gone_count)
{
	size_t kept = 0, kept_synced = 0;
	for (size_t i = 0; i < content->count; i++) {
		if (overlaps_one(&content->ranges[i], gone, gone_count))
			continue;
		content->ranges[kept++] = content->ranges[i];
		kept_synced += i < content->synced;
	}
	content->count = kept;
	content->synced = kept_synced;
}

struct reader {
	struct sl_journal_content *content;
	const unsigned char *boot_id; /* NULL = not known */
	struct sl_span last_boot;     /* the id in the last BOOT */
};

/* What was written before another boot and not synced is lost, perhaps. */
static void
drop_unsynced(struct reader *reader)
{
	struct sl_journal_content *content = reader->content;
	content->untrusted += content->count - content->synced;
	content->count = content->synced;
}

/* Under the boot of the run before it the kernel has what that one has written, and a sync covers
 * it. */
static bool
read_boot(struct reader *reader, struct sl_span rest)
{
	if (rest.len != SL_JOURNAL_BOOT_ID)
		return false;
	if (!sl_span_equal(rest, reader->last_boot))
		drop_unsynced(reader);
	reader->last_boot = rest;
	reader->content->same_boot =
		reader->boot_id && memcmp(rest.data, reader->boot_id, SL_JOURNAL_BOOT_ID) == 0;
	return true;
}

static bool
read_void(struct reader *reader, struct sl_span rest)
{
	if (rest.len != 16)
		return false;
	struct sl_range gone = { .begin = take(&rest, 8) };
	gone.end = take(&rest, 8);
	if (!is_range(gone.begin, gone.end))
		return false;
	sl_journal_content_drop(reader->content, &gone, 1);
	return true;
}

/* What a record is: it is read, or ends the journal; or memory ends. */
enum reading { READ, ENDS_JOURNAL, NO_MEMORY };

static enum reading
read_written(struct reader *reader, struct sl_span rest, uint64_t record_end)
{
	if (rest.len != 20)
		return ENDS_JOURNAL;
	struct sl_journal_range range = { .begin = take(&rest, 8), .record_end = record_end };
	range.end = take(&rest, 8);
	range.crc = (uint32_t)take(&rest, 4);
	if (!is_range(range.begin, range.end))
		return ENDS_JOURNAL;
	return add_range(reader->content, &range) ? READ : NO_MEMORY;
}

/* Ranges stand in the order of their records. */
static bool
read_synced(struct reader *reader, struct sl_span rest)
{
	struct sl_journal_content *content = reader->content;
	if (rest.len != 8)
		return false;
	uint64_t off = take(&rest, 8);
	while (content->synced < content->count &&
		content->ranges[content->synced].record_end <= off)
		content->synced++;
	return true;
}

static bool
read_closed(struct reader *reader, struct sl_span rest)
{
	if (rest.len != 16)
		return false;
	reader->content->closed.size = take(&rest, 8);
	reader->content->closed.modified_ns = take(&rest, 8);
	return true;
}

static bool
read_taken(struct reader *reader, struct sl_span rest, uint64_t record_end)
{
	struct sl_journal_content *content = reader->content;
	if (rest.len != 20)
		return false;
	content->taken.size = take(&rest, 8);
	content->taken.modified_ns = take(&rest, 8);
	content->taken.has_control = take(&rest, 4) & FLAG_CONTROL;
	content->is_taken = true;
	content->taken_end = record_end;
	return true;
}

static enum reading
read_record(struct reader *reader, const struct record *record, uint64_t record_end)
{
	bool is_right = false;
	switch (record->type) {
	case RESOURCE:
		is_right = read_resource(reader->content, record->rest);
		break;
	case BOOT:
		is_right = read_boot(reader, record->rest);
		break;
	case WRITTEN:
		return read_written(reader, record->rest, record_end);
	case SYNCED:
		is_right = read_synced(reader, record->rest);
		break;
	case VOID:
		is_right = read_void(reader, record->rest);
		break;
	case CLOSED:
		is_right = read_closed(reader, record->rest);
		break;
	case TAKEN:
		is_right = read_taken(reader, record->rest, record_end);
		break;
	}
	return is_right ? READ : ENDS_JOURNAL;
}

int
sl_journal_read(struct sl_journal_content *content, struct sl_span text,
	const unsigned char *boot_id, struct sl_error *err)
{
	struct sl_span rest = text;
	struct reader reader = { .content = content, .boot_id = boot_id };
	struct record record;
	enum reading reading = READ;
	int code = read_begin(content, &rest, err);
	if (code)
		return code;
	content->len = text.len - rest.len;
	for (uint32_t chain = content->chain;
		reading == READ && take_record(&rest, &chain, &record);) {
		reading = read_record(&reader, &record, text.len - rest.len);
		if (reading == READ) {
			content->len = text.len - rest.len;
			content->chain = chain;
			content->is_closed = record.type == CLOSED;
		}
	}
	if (reading == NO_MEMORY)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot read the journal");
	if (!content->same_boot)
		drop_unsynced(&reader);
	return 0;
}

void
sl_journal_content_release(struct sl_journal_content *content)
{
	free(content->ranges);
	*content = (struct sl_journal_content){ 0 };
}
