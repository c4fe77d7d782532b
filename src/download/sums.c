/*
 * sums.c - a hash table of checksums. A record is the hash of the name, then one byte each for
 * whether it was used, the algorithm and the length of the digest, then the digest.
 */
#include "sluice/download/sums.h"

#include "sluice/base/siphash.h"
#include "sluice/http/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64u /* a power of two; at most three quarters full */
#define RECORD_USED 16
#define RECORD_KIND 17
#define RECORD_LEN 18
#define RECORD_DIGEST 19

void
sl_sums_release(struct sl_sums *sums)
{
	sl_buf_release(&sums->records);
	free(sums->slots);
	*sums = (struct sl_sums){ 0 };
}

/* ---- names ---- */

/* Without "./" in front. */
static struct sl_span
without_dot(struct sl_span path)
{
	while (path.len > 2 && memcmp(path.data, "./", 2) == 0)
		path = sl_span(path.data + 2, path.len - 2);
	return path;
}

/* The path that the entry itself names, if it does. */
static bool
add_own_path(struct sl_buf *out, const struct sl_entry *entry)
{
	if (entry->out.len == 0)
		return false;
	if (entry->dir.len > 0)
		sl_buf_printf(out, "%.*s/", (int)entry->dir.len, entry->dir.data);
	sl_buf_add_span(out, entry->out);
	return true;
}

/* The name of its first URL. */
static bool
add_name_of_url(struct sl_buf *out, const struct sl_entry *entry)
{
	struct sl_url url;
	bool is_url = entry->source_count > 0 && sl_url_parse(&url, entry->sources[0], NULL) == 0;
	if (!is_url)
		return false;
	bool has_name = sl_url_file_name(&url, out, NULL) == 0;
	sl_url_release(&url);
	return has_name;
}

/* ---- the table ---- */

static bool
has_key(const struct sl_sums *sums, uint32_t slot, const struct sl_siphash *key)
{
	return memcmp(sums->records.data + slot - 1, key, sizeof(*key)) == 0;
}

/* The slot of `key`, or the free one where it would be. */
static uint32_t *
find(const struct sl_sums *sums, const struct sl_siphash *key)
{
	size_t i = (size_t)key->low & (sums->cap - 1);
	while (sums->slots[i] && !has_key(sums, sums->slots[i], key))
		i = (i + 1) & (sums->cap - 1);
	return &sums->slots[i];
}

static int
grow(struct sl_sums *sums)
{
	struct sl_sums larger = *sums;
	larger.cap = sums->cap ? sums->cap * 2 : FIRST_CAP;
	larger.slots = calloc(larger.cap, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < sums->cap; i++) {
		struct sl_siphash key;
		if (!sums->slots[i])
			continue;
		memcpy(&key, sums->records.data + sums->slots[i] - 1, sizeof(key));
		*find(&larger, &key) = sums->slots[i];
	}
	free(sums->slots);
	*sums = larger;
	return 0;
}

/* NULL if there is none. */
static char *
record_of(const struct sl_sums *sums, struct sl_span path)
{
	struct sl_siphash key = sl_siphash(0, 0, without_dot(path));
	uint32_t slot = sums->cap > 0 ? *find(sums, &key) : 0;
	return slot ? sums->records.data + slot - 1 : NULL;
}

/* ---- adding ---- */

static void
append_record(struct sl_sums *sums, const struct sl_siphash *key, const struct sl_checksum *sum)
{
	sl_buf_add(&sums->records, key, sizeof(*key));
	sl_buf_add_char(&sums->records, 0);
	sl_buf_add_char(&sums->records, (char)sum->kind);
	sl_buf_add_char(&sums->records, (char)sum->len);
	sl_buf_add(&sums->records, sum->value, sum->len);
}

/* A weaker one is dropped; a stronger one gets a record of its own, and the old one is left. */
static int
add_record(struct sl_sums *sums, struct sl_span path, const struct sl_checksum *sum,
	struct sl_error *err)
{
	struct sl_siphash key = sl_siphash(0, 0, path);
	if (sums->count * 4 >= sums->cap * 3 && grow(sums) != 0)
		return -ENOMEM;
	uint32_t *slot = find(sums, &key);
	const char *old = *slot ? sums->records.data + *slot - 1 : NULL;
	if (old && old[RECORD_KIND] == (char)sum->kind &&
		memcmp(old + RECORD_DIGEST, sum->value, sum->len) != 0)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"there are two different %s checksums of '%.*s'",
			sl_checksum_name(sum->kind), (int)SL_MIN(path.len, 200u), path.data);
	if (old && old[RECORD_KIND] >= (char)sum->kind)
		return 0;
	if (sums->records.len > UINT32_MAX - 1024)
		return sl_fail(err, SL_PHASE_NONE, SL_E_LIMIT, "there are too many checksums");
	size_t at = sums->records.len;
	append_record(sums, &key, sum);
	if (sums->records.failed)
		return -ENOMEM;
	*slot = (uint32_t)at + 1;
	sums->count += !old;
	return 0;
}

int
sl_sums_add(struct sl_sums *sums, const struct sl_entry *entry, struct sl_error *err)
{
	struct sl_buf path = { 0 };
	if (entry->checksum.kind == SL_CHECKSUM_NONE)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"line %llu of the list has no checksum", (unsigned long long)entry->line);
	int code = 0;
	if (!add_own_path(&path, entry) && !add_name_of_url(&path, entry))
		code = sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"line %llu of the list has no file name", (unsigned long long)entry->line);
	if (!code)
		code = path.failed ? -ENOMEM
				   : add_record(sums, without_dot(sl_buf_span(&path)),
					     &entry->checksum, err);
	sl_buf_release(&path);
	return code;
}

/* ---- looking it up ---- */

bool
sl_sums_apply(struct sl_sums *sums, struct sl_entry *entry)
{
	struct sl_buf path = { 0 };
	char *record = NULL;
	if (entry->checksum.kind != SL_CHECKSUM_NONE)
		return true;
	if (add_own_path(&path, entry))
		record = record_of(sums, sl_buf_span(&path));
	sl_buf_clear(&path);
	if (!record && add_name_of_url(&path, entry))
		record = record_of(sums, sl_buf_span(&path));
	sl_buf_release(&path);
	if (!record)
		return false;
	sums->used += !record[RECORD_USED];
	record[RECORD_USED] = 1;
	entry->checksum.kind = (enum sl_checksum_kind)record[RECORD_KIND];
	entry->checksum.len = (unsigned char)record[RECORD_LEN];
	memcpy(entry->checksum.value, record + RECORD_DIGEST, entry->checksum.len);
	return true;
}
