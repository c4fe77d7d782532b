/* The bytes of a journal: written, read, cut, damaged. */
#include "sluice/base/crc32c.h"
#include "sluice/base/random.h"
#include "sluice/download/journal_format.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define RECORDS 40
#define SEED 0x1234abcdu

static const unsigned char this_boot[SL_JOURNAL_BOOT_ID] = "this boot is 16";
static const unsigned char other_boot[SL_JOURNAL_BOOT_ID] = "the other one!!";

static const struct sl_journal_begin begin = { .seed = SEED,
	.dev_major = 8,
	.dev_minor = 1,
	.inode = UINT64_MAX - 7,
	.birth_ns = 77,
	.mode = 0666 };

/* What the reader should find, kept the long way. */
struct oracle {
	struct {
		struct sl_journal_range range;
		bool is_synced, is_gone, is_of_this_boot;
	} written[RECORDS];
	size_t count;
	bool is_closed;
	bool has_resource;
};

static struct sl_journal_resource
some_resource(void)
{
	struct sl_journal_resource resource = { .url_hash = 99,
		.resource = { .length = 1000, .modified_ns = 5 * SL_NS_PER_S, .etag = "\"v1\"" } };
	return resource;
}

static struct sl_journal_content
read_all(struct sl_span text)
{
	struct sl_journal_content content = { 0 };
	struct sl_error err = { 0 };
	cr_assert_eq(sl_journal_read(&content, text, this_boot, &err), 0, "%s", err.text);
	return content;
}

static void
expect_ranges(const struct sl_journal_content *content, const struct oracle *oracle)
{
	size_t at = 0;
	for (size_t i = 0; i < oracle->count; i++) {
		if (oracle->written[i].is_gone ||
			!(oracle->written[i].is_synced || oracle->written[i].is_of_this_boot))
			continue;
		cr_assert_lt(at, content->count, "range %zu is missing", i);
		cr_assert_eq(content->ranges[at].begin, oracle->written[i].range.begin);
		cr_assert_eq(content->ranges[at].end, oracle->written[i].range.end);
		cr_assert_eq(content->ranges[at].crc, oracle->written[i].range.crc);
		cr_assert_eq(at < content->synced, oracle->written[i].is_synced);
		at++;
	}
	cr_assert_eq(at, content->count, "ranges that were not recorded");
	cr_assert_eq(content->is_closed, oracle->is_closed);
	cr_assert_eq(content->has_resource, oracle->has_resource);
}

static void
add_written(struct sl_buf *out, uint32_t *chain, struct oracle *oracle, struct sl_random *random,
	bool this)
{
	struct sl_journal_range range = { .begin = sl_random_below(random, 500) };
	range.end = range.begin + 1 + sl_random_below(random, 500);
	range.crc = (uint32_t)sl_random_next(random);
	sl_journal_add_written(out, chain, &range);
	range.record_end = out->len;
	oracle->written[oracle->count].range = range;
	oracle->written[oracle->count++].is_of_this_boot = this;
}

static void
add_void(struct sl_buf *out, uint32_t *chain, struct oracle *oracle, struct sl_random *random)
{
	uint64_t from = sl_random_below(random, 900), to = from + 1 + sl_random_below(random, 100);
	for (size_t i = 0; i < oracle->count; i++)
		if (oracle->written[i].range.begin < to && from < oracle->written[i].range.end)
			oracle->written[i].is_gone = true;
	sl_journal_add_void(out, chain, from, to);
}

/* A boot ends the trust in what the one before has not synced. */
static void
add_boot(struct sl_buf *out, uint32_t *chain, struct oracle *oracle, bool was_this, bool is_this)
{
	sl_journal_add_boot(out, chain, is_this ? this_boot : other_boot);
	for (size_t i = 0; i < oracle->count; i++)
		if (was_this != is_this && !oracle->written[i].is_synced)
			oracle->written[i].is_gone = true;
}

/* What was recorded before some offset of the journal, often its end. */
static void
add_synced(struct sl_buf *out, uint32_t *chain, struct oracle *oracle, struct sl_random *random)
{
	uint64_t off = sl_random_below(random, 2) ? out->len : sl_random_below(random, out->len);
	sl_journal_add_synced(out, chain, off);
	for (size_t i = 0; i < oracle->count; i++)
		if (oracle->written[i].range.record_end <= off)
			oracle->written[i].is_synced = true;
}

/* One random record; `*this` = whether the run that writes is of this boot. */
static void
add_some(struct sl_buf *out, uint32_t *chain, struct oracle *oracle, struct sl_random *random,
	bool *this)
{
	struct sl_journal_resource resource = some_resource();
	static const struct sl_journal_closed closed = { .size = 1, .modified_ns = 2 };
	oracle->is_closed = false;
	switch (sl_random_below(random, 11)) {
	case 0: {
		bool was = *this;
		*this = sl_random_below(random, 2);
		add_boot(out, chain, oracle, was, *this);
		break;
	}
	case 1:
	case 2:
		add_synced(out, chain, oracle, random);
		break;
	case 3:
		add_void(out, chain, oracle, random);
		break;
	case 4:
		sl_journal_add_resource(out, chain, &resource);
		oracle->has_resource = true;
		break;
	case 5:
		sl_journal_add_closed(out, chain, &closed);
		oracle->is_closed = true;
		break;
	default:
		add_written(out, chain, oracle, random, *this);
		break;
	}
}

/* A journal, what to find in it after each of its records, and where those end. */
struct journal {
	struct sl_buf text;
	struct oracle after[RECORDS + 2];
	size_t ends[RECORDS + 2];
	size_t records;
};

static struct journal *
random_journal(uint64_t seed)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	struct sl_random random;
	struct oracle oracle = { 0 };
	bool this = true;
	cr_assert_not_null(journal);
	sl_random_init(&random, seed);
	uint32_t chain = 0;
	sl_journal_add_begin(&journal->text, &chain, &begin);
	for (size_t i = 0; i <= RECORDS; i++) {
		journal->after[i] = oracle;
		journal->ends[i] = journal->text.len;
		if (i == 0)
			add_boot(&journal->text, &chain, &oracle, false, this);
		else if (i < RECORDS)
			add_some(&journal->text, &chain, &oracle, &random, &this);
	}
	journal->records = RECORDS + 1;
	cr_assert_not(journal->text.failed);
	return journal;
}

static void
free_journal(struct journal *journal)
{
	sl_buf_release(&journal->text);
	free(journal);
}

/* Index of the last record that ends at or before `len`. */
static size_t
whole_records(const struct journal *journal, size_t len)
{
	size_t last = 0;
	while (last + 1 < journal->records && journal->ends[last + 1] <= len)
		last++;
	return last;
}

Test(journal_format, what_was_written_is_read)
{
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct journal *journal = random_journal(seed);
		struct sl_journal_content content = read_all(sl_buf_span(&journal->text));
		expect_ranges(&content, &journal->after[RECORDS]);
		cr_assert_eq(content.len, journal->text.len);
		cr_assert_eq(content.begin.seed, SEED);
		cr_assert_eq(content.begin.dev_major, 8);
		cr_assert_eq(content.begin.dev_minor, 1);
		cr_assert_eq(content.begin.inode, UINT64_MAX - 7);
		cr_assert_eq(content.begin.birth_ns, 77);
		cr_assert_eq(content.begin.mode, 0666);
		if (content.has_resource) {
			cr_assert_eq(content.resource.url_hash, 99);
			cr_assert_eq(content.resource.resource.length, 1000);
			cr_assert_eq(content.resource.resource.modified_ns, 5 * SL_NS_PER_S);
			cr_assert_str_eq(content.resource.resource.etag, "\"v1\"");
		}
		sl_journal_content_release(&content);
		free_journal(journal);
	}
}

Test(journal_format, a_torn_end_is_dropped_wherever_it_is_torn)
{
	struct journal *journal = random_journal(7);
	for (size_t len = 0; len <= journal->text.len; len++) {
		struct sl_journal_content content = { 0 };
		/* flush against the end of its memory, for the sanitizer */
		char *copy = malloc(len ? len : 1);
		memcpy(copy, journal->text.data, len);
		int code = sl_journal_read(&content, sl_span(copy, len), this_boot, NULL);
		cr_assert_eq(code, len < journal->ends[0] ? SL_E_PROTO : 0, "%zu bytes", len);
		if (!code) {
			size_t last = whole_records(journal, len);
			expect_ranges(&content, &journal->after[last]);
			cr_assert_eq(content.len, journal->ends[last]);
		}
		sl_journal_content_release(&content);
		free(copy);
	}
	free_journal(journal);
}

Test(journal_format, a_changed_byte_hides_what_follows_and_invents_nothing)
{
	struct journal *journal = random_journal(11);
	for (size_t off = 0; off < journal->text.len; off++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct sl_journal_content content = { 0 };
			journal->text.data[off] ^= (char)(1u << bit);
			int code = sl_journal_read(
				&content, sl_buf_span(&journal->text), this_boot, NULL);
			journal->text.data[off] ^= (char)(1u << bit);
			cr_assert_eq(code, off < journal->ends[0] ? SL_E_PROTO : 0);
			if (!code)
				expect_ranges(
					&content, &journal->after[whole_records(journal, off)]);
			sl_journal_content_release(&content);
		}
	free_journal(journal);
}

/* Of another journal, and of the same one before it was cut: whole records at the very place where
 * the next one would be. */
Test(journal_format, records_behind_the_end_are_not_taken)
{
	struct sl_buf text = { 0 }, other = { 0 };
	struct sl_journal_range range = { .begin = 0, .end = 10, .crc = 1 };
	uint32_t chain = 0, other_chain = 0;
	sl_journal_add_begin(&other, &other_chain, &begin);
	sl_journal_add_boot(&other, &other_chain, other_boot);
	size_t len = other.len;
	sl_journal_add_written(&other, &other_chain, &range);
	sl_journal_add_synced(&other, &other_chain, other.len);
	sl_journal_add_begin(&text, &chain, &begin);
	sl_journal_add_boot(&text, &chain, this_boot);
	cr_assert_eq(text.len, len);
	sl_buf_add(&text, other.data + len, other.len - len);
	struct sl_journal_content content = read_all(sl_buf_span(&text));
	cr_expect_eq(content.count, 0);
	cr_expect_eq(content.len, len);
	cr_expect_eq(content.chain, chain);
	sl_journal_content_release(&content);
	sl_buf_release(&text);
	sl_buf_release(&other);
}

Test(journal_format, without_a_boot_id_only_what_was_synced_is_trusted)
{
	struct sl_buf text = { 0 };
	struct sl_journal_range range = { .begin = 0, .end = 10, .crc = 1 };
	struct sl_journal_content content = { 0 };
	uint32_t chain = 0;
	sl_journal_add_begin(&text, &chain, &begin);
	sl_journal_add_boot(&text, &chain, this_boot);
	sl_journal_add_written(&text, &chain, &range);
	sl_journal_add_synced(&text, &chain, text.len);
	sl_journal_add_written(&text, &chain, &range);
	cr_assert_eq(sl_journal_read(&content, sl_buf_span(&text), NULL, NULL), 0);
	cr_expect_eq(content.count, 1);
	cr_expect_eq(content.untrusted, 1);
	sl_journal_content_release(&content);
	sl_buf_release(&text);
}

static uint64_t
hash_of(const char *text)
{
	struct sl_url url = { 0 };
	cr_assert_eq(sl_url_parse(&url, sl_span_str(text), NULL), 0);
	uint64_t hash = sl_journal_url_hash(&url);
	sl_url_release(&url);
	return hash;
}

Test(journal_format, the_hash_of_a_url_ignores_secrets_and_nothing_else)
{
	uint64_t hash = hash_of("http://a.example/x/y");
	static const char *const same[] = { "http://u:p@a.example/x/y",
		"http://a.example/x/y?token=1", "http://a.example:80/x/y#z" };
	static const char *const other[] = { "https://a.example/x/y", "http://b.example/x/y",
		"http://a.example:81/x/y", "http://a.example/x/z", "http://a.example/x" };
	for (size_t i = 0; i < SL_COUNT_OF(same); i++)
		cr_expect_eq(hash_of(same[i]), hash, "%s", same[i]);
	for (size_t i = 0; i < SL_COUNT_OF(other); i++)
		cr_expect_neq(hash_of(other[i]), hash, "%s", other[i]);
}

Test(journal_format, only_what_was_synced_outlives_a_boot)
{
	struct sl_buf text = { 0 };
	struct sl_journal_range range = { .begin = 0, .end = 10, .crc = 1 };
	uint32_t chain = 0;
	sl_journal_add_begin(&text, &chain, &begin);
	sl_journal_add_boot(&text, &chain, other_boot);
	sl_journal_add_written(&text, &chain, &range);
	sl_journal_add_synced(&text, &chain, text.len);
	range.begin = 10;
	range.end = 20;
	sl_journal_add_written(&text, &chain, &range);
	struct sl_journal_content content = read_all(sl_buf_span(&text));
	cr_expect_eq(content.count, 1);
	cr_expect_eq(content.untrusted, 1);
	sl_journal_content_release(&content);
	/* and is not trusted later, once this boot goes on */
	sl_journal_add_boot(&text, &chain, this_boot);
	sl_journal_add_synced(&text, &chain, text.len);
	content = read_all(sl_buf_span(&text));
	cr_expect_eq(content.count, 1);
	sl_journal_content_release(&content);
	sl_buf_release(&text);
}

Test(journal_format, what_a_later_run_of_the_same_boot_has_synced_outlives_it)
{
	struct sl_buf text = { 0 };
	const struct sl_journal_range range = { .begin = 0, .end = 10, .crc = 1 };
	uint32_t chain = 0;
	sl_journal_add_begin(&text, &chain, &begin);
	sl_journal_add_boot(&text, &chain, other_boot);
	sl_journal_add_written(&text, &chain, &range);
	sl_journal_add_boot(&text, &chain, other_boot);
	sl_journal_add_synced(&text, &chain, text.len);
	struct sl_journal_content content = read_all(sl_buf_span(&text));
	cr_expect_eq(content.count, 1);
	sl_journal_content_release(&content);
	sl_buf_release(&text);
}

Test(journal_format, a_foreign_or_newer_file_is_refused_with_the_reason)
{
	struct sl_buf newer = { 0 };
	struct sl_journal_content content = { 0 };
	struct sl_error err = { 0 };
	cr_expect_eq(sl_journal_read(&content, sl_span_str("not a journal, but some text"),
			     this_boot, &err),
		SL_E_PROTO);
	cr_expect_neq(err.text[0], '\0');
	sl_error_clear(&err);
	cr_expect_eq(sl_journal_read(&content, sl_span("", 0), this_boot, &err), SL_E_PROTO);
	sl_error_clear(&err);
	/* Version 2, with its right sum: 4 + 2 + 2 bytes of frame and 16 of magic before it. */
	uint32_t chain = 0;
	sl_journal_add_begin(&newer, &chain, &begin);
	newer.data[24] = 2;
	uint32_t crc = sl_crc32c(0, newer.data + 4, newer.len - 4);
	for (size_t i = 0; i < 4; i++)
		newer.data[i] = (char)(crc >> (8 * i));
	cr_expect_eq(
		sl_journal_read(&content, sl_buf_span(&newer), this_boot, &err), SL_E_UNSUPPORTED);
	cr_expect_not_null(strstr(err.text, "another version"));
	sl_buf_release(&newer);
	sl_journal_content_release(&content);
}

Test(journal_format, a_range_that_cannot_be_ends_the_journal)
{
	static const struct sl_journal_range bad[] = { { .begin = 5, .end = 5 },
		{ .begin = 6, .end = 5 }, { .begin = 0, .end = UINT64_MAX } };
	for (size_t i = 0; i < SL_COUNT_OF(bad); i++) {
		struct sl_buf text = { 0 };
		struct sl_journal_range good = { .begin = 0, .end = 10 };
		uint32_t chain = 0;
		sl_journal_add_begin(&text, &chain, &begin);
		sl_journal_add_boot(&text, &chain, this_boot);
		sl_journal_add_written(&text, &chain, &good);
		sl_journal_add_written(&text, &chain, &bad[i]);
		sl_journal_add_written(&text, &chain, &good);
		struct sl_journal_content content = read_all(sl_buf_span(&text));
		cr_expect_eq(content.count, 1);
		sl_journal_content_release(&content);
		sl_buf_release(&text);
	}
}

/* A record that was summed rightly and cannot be read, behind a good one. */
Test(journal_format, a_record_that_ends_the_journal_leaves_what_is_before_it)
{
	const struct sl_journal_closed closed = { .size = 1, .modified_ns = 2 };
	struct sl_journal_resource resource = some_resource();
	struct sl_buf text = { 0 };
	uint32_t chain = 0;
	sl_journal_add_begin(&text, &chain, &begin);
	sl_journal_add_resource(&text, &chain, &resource);
	sl_journal_add_closed(&text, &chain, &closed);
	size_t len = text.len;
	uint32_t before = chain;
	/* a RESOURCE with another hash, whose ETag has a NUL */
	memcpy(resource.resource.etag, "\"x\"", 4);
	resource.url_hash = 98;
	sl_journal_add_resource(&text, &chain, &resource);
	text.data[text.len - 2] = '\0';
	uint32_t crc = sl_crc32c(before, text.data + len + 4, text.len - len - 4);
	for (size_t i = 0; i < 4; i++)
		text.data[len + i] = (char)(crc >> (8 * i));
	struct sl_journal_content content = read_all(sl_buf_span(&text));
	cr_expect_eq(content.len, len);
	cr_expect(content.is_closed);
	cr_expect_eq(content.resource.url_hash, 99);
	cr_expect_str_eq(content.resource.resource.etag, "\"v1\"");
	sl_journal_content_release(&content);
	sl_buf_release(&text);
}
