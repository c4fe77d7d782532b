/*
 * Two heads, split at the first byte 0: what they say of a resource and of a range. A range that is
 * accepted is what its text says; versions compare the same both ways; a validator that would go
 * into If-Range is one line of visible text; a content coding that is decoded is the only one.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/coding.h"
#include "sluice/http/header.h"
#include "sluice/http/resource.h"

#include <inttypes.h>

#define NOW_S 1700000000

static bool
read_head(struct sl_head *head, struct sl_span text)
{
	struct sl_error err = { 0 };
	size_t used = 0;
	sl_head_init(head);
	return text.len > 0 &&
	       sl_head_feed(head, text.data, text.len, &used, &err) == SL_PARSE_DONE;
}

static void
check_range(const struct sl_head *head)
{
	struct sl_content_range range;
	struct sl_error err = { 0 };
	if (sl_content_range_read(&range, head, &err)) {
		must(err.code == SL_E_PROTO && err.text[0]);
		return;
	}
	if (range.is_unsatisfied) {
		must(range.total != SL_LENGTH_UNKNOWN);
		return;
	}
	must(range.begin < range.end && range.end <= range.total);
	/* Its numbers, without leading zeros, are in the text. */
	char number[24];
	struct sl_span value = sl_head_find(head, "Content-Range", 0);
	snprintf(number, sizeof(number), "%" PRIu64, range.end - 1);
	must(memmem(value.data, value.len, number, strlen(number)));
}

static void
check_validator(const struct sl_resource *resource)
{
	const char *validator = sl_resource_validator(resource);
	must(strlen(resource->etag) <= SL_ETAG_MAX);
	must(strlen(resource->modified) <= SL_MODIFIED_MAX);
	for (; validator && *validator; validator++)
		must((unsigned char)*validator >= 0x20 && *validator != 0x7f);
}

static void
check_coding(const struct sl_head *head)
{
	struct sl_header_list list;
	struct sl_span member;
	enum sl_codec codec;
	unsigned count = 0;
	enum sl_coding coding = sl_coding_read(head, &codec);
	sl_header_list_init(&list, head, "Content-Encoding");
	while (sl_header_list_next(&list, &member))
		count += !sl_coding_is_none(member);
	must((coding == SL_CODING_NONE) == (count == 0));
	must((coding == SL_CODING_SEVERAL) == (count > 1));
	must(coding != SL_CODING_ONE || codec != SL_CODEC_NONE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	const char *nul = len ? memchr(text, '\0', len) : NULL;
	size_t first = nul ? (size_t)(nul - text) : len;
	struct sl_span texts[2] = { sl_span(text, first),
		nul ? sl_span(nul + 1, len - first - 1) : sl_span("", 0) };
	struct sl_resource resources[2] = { { .length = 10 }, { .length = 10 } };
	for (size_t i = 0; i < 2; i++) {
		struct sl_head head;
		if (read_head(&head, texts[i])) {
			check_range(&head);
			check_coding(&head);
			sl_resource_read(&resources[i], &head, NOW_S);
			check_validator(&resources[i]);
		}
		sl_head_release(&head);
	}
	must(sl_resource_compare(&resources[0], &resources[1]) ==
		sl_resource_compare(&resources[1], &resources[0]));
	must(sl_resource_compare(&resources[0], &resources[0]) != SL_RESOURCE_OTHER);
	return 0;
}
