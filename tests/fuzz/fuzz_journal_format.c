/*
 * A journal: the input is read as it is, and as records (a byte of type, one of length, payload)
 * that are given a right sum and put behind a good BEGIN. Whatever is accepted makes sense, and the
 * part that was accepted is read the same once more.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/crc32c.h"
#include "sluice/download/journal_format.h"

static const unsigned char boot[SL_JOURNAL_BOOT_ID] = "0123456789abcde";

static void
check_content(const struct sl_journal_content *content, struct sl_span text)
{
	must(content->len <= text.len);
	must(content->synced <= content->count);
	for (size_t i = 0; i < content->count; i++) {
		must(content->ranges[i].begin < content->ranges[i].end);
		must(content->ranges[i].end <= (uint64_t)INT64_MAX);
	}
	must(strlen(content->resource.resource.etag) <= SL_ETAG_MAX);
}

static void
check_same(const struct sl_journal_content *a, const struct sl_journal_content *b)
{
	must(a->len == b->len && a->count == b->count && a->untrusted == b->untrusted);
	must(a->synced == b->synced && a->chain == b->chain && a->is_closed == b->is_closed);
	must(a->has_resource == b->has_resource && a->same_boot == b->same_boot);
	must(a->resource.url_hash == b->resource.url_hash &&
		strcmp(a->resource.resource.etag, b->resource.resource.etag) == 0);
	for (size_t i = 0; i < a->count; i++)
		must(a->ranges[i].begin == b->ranges[i].begin &&
			a->ranges[i].end == b->ranges[i].end &&
			a->ranges[i].crc == b->ranges[i].crc);
}

static void
check(struct sl_span text)
{
	struct sl_journal_content content = { 0 }, again = { 0 };
	if (sl_journal_read(&content, text, boot, NULL) == 0) {
		check_content(&content, text);
		must(sl_journal_read(&again, sl_span(text.data, content.len), boot, NULL) == 0);
		check_same(&content, &again);
	}
	sl_journal_content_release(&content);
	sl_journal_content_release(&again);
}

static void
add_record(struct sl_buf *out, uint32_t *chain, uint8_t type, const uint8_t *payload, uint8_t len)
{
	const unsigned char frame[4] = { type, 0, len, 0 };
	uint32_t crc = sl_crc32c(*chain, frame, sizeof(frame));
	crc = sl_crc32c(crc, payload, len);
	*chain = crc;
	for (size_t i = 0; i < 4; i++)
		sl_buf_add_char(out, (char)(crc >> (8 * i)));
	sl_buf_add(out, (const char *)frame, sizeof(frame));
	sl_buf_add(out, (const char *)payload, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_buf text = { 0 };
	struct sl_journal_begin begin = { .seed = 1, .inode = 2 };
	uint32_t chain = 0;
	check(sl_span((const char *)data, len));
	sl_journal_add_begin(&text, &chain, &begin);
	for (size_t at = 0; at + 2 <= len && data[at + 1] <= len - at - 2; at += 2u + data[at + 1])
		add_record(&text, &chain, data[at], data + at + 2, data[at + 1]);
	if (!text.failed)
		check(sl_buf_span(&text));
	sl_buf_release(&text);
	return 0;
}
