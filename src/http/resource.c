#include "sluice/http/resource.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"
#include "sluice/http/date.h"
#include "sluice/http/header.h"

#include <string.h>

#define STRONG_AFTER_S 60 /* between Last-Modified and Date: clocks of one service may differ */
#define LENGTH_MAX ((uint64_t)INT64_MAX) /* file offsets are signed */
#define SHOWN_MAX 60                     /* bytes of a value in a message */

/* ---- validators ---- */

/* Into out[cap + 1], or "" if it is too long. */
static void
copy_text(char *out, size_t cap, struct sl_span text)
{
	size_t len = text.len <= cap ? text.len : 0;
	if (len > 0)
		memcpy(out, text.data, len);
	out[len] = '\0';
}

bool
sl_etag_is_valid(struct sl_span tag)
{
	if (tag.len >= 2 && memcmp(tag.data, "W/", 2) == 0)
		tag = sl_span(tag.data + 2, tag.len - 2);
	if (tag.len < 2 || tag.data[0] != '"' || tag.data[tag.len - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < tag.len; i++) {
		unsigned char c = (unsigned char)tag.data[i];
		if (c < 0x21 || c == '"' || c == 0x7f)
			return false;
	}
	return true;
}

static bool
read_date(const struct sl_head *head, const char *name, int64_t now_s, int64_t *seconds)
{
	struct sl_span value = sl_head_find(head, name, 0);
	return value.data && sl_date_parse(value, now_s, seconds) && *seconds > 0 &&
	       (uint64_t)*seconds <= UINT64_MAX / SL_NS_PER_S;
}

void
sl_resource_read(struct sl_resource *resource, const struct sl_head *head, int64_t now_s)
{
	struct sl_span etag = sl_head_find(head, "ETag", 0);
	int64_t modified_s = 0, date_s = 0;
	bool is_date = read_date(head, "Last-Modified", now_s, &modified_s);
	copy_text(resource->etag, SL_ETAG_MAX, sl_etag_is_valid(etag) ? etag : sl_span("", 0));
	resource->is_etag_weak = strncmp(resource->etag, "W/", 2) == 0;
	copy_text(resource->modified, SL_MODIFIED_MAX,
		is_date ? sl_head_find(head, "Last-Modified", 0) : sl_span("", 0));
	resource->modified_ns = is_date ? (uint64_t)modified_s * SL_NS_PER_S : 0;
	resource->is_modified_strong = is_date && read_date(head, "Date", now_s, &date_s) &&
				       date_s - modified_s >= STRONG_AFTER_S;
	resource->takes_ranges = sl_header_has_token(head, "Accept-Ranges", "bytes") ||
				 sl_head_find(head, "Content-Range", 0).data;
}

bool
sl_resource_has_strong_etag(const struct sl_resource *resource)
{
	return resource->etag[0] && !resource->is_etag_weak;
}

const char *
sl_resource_validator(const struct sl_resource *resource)
{
	if (sl_resource_has_strong_etag(resource))
		return resource->etag;
	return resource->is_modified_strong && resource->modified[0] ? resource->modified : NULL;
}

enum sl_resource_match
sl_resource_compare(const struct sl_resource *a, const struct sl_resource *b)
{
	bool has_lengths = a->length != SL_LENGTH_UNKNOWN && b->length != SL_LENGTH_UNKNOWN;
	bool has_times = a->modified_ns && b->modified_ns;
	bool has_etags = sl_resource_has_strong_etag(a) && sl_resource_has_strong_etag(b);
	bool same_time = has_times && a->modified_ns == b->modified_ns;
	bool same_etag = has_etags && strcmp(a->etag, b->etag) == 0;
	if (has_lengths && a->length != b->length)
		return SL_RESOURCE_OTHER;
	if (same_etag)
		return SL_RESOURCE_SAME;
	if (has_times && !same_time)
		return SL_RESOURCE_OTHER;
	if (has_etags)
		return same_time ? SL_RESOURCE_UNDECIDED : SL_RESOURCE_OTHER;
	bool strong = a->is_modified_strong && b->is_modified_strong;
	return same_time && strong ? SL_RESOURCE_SAME : SL_RESOURCE_UNDECIDED;
}

/* ---- Content-Range ---- */

static int
refuse(struct sl_error *err, const char *why, struct sl_span value)
{
	struct sl_buf shown = { 0 };
	sl_text_make_safe(&shown, sl_span(value.data, SL_MIN(value.len, (size_t)SHOWN_MAX)));
	int code = sl_fail(err, SL_PHASE_HEAD, SL_E_PROTO, "the server's Content-Range '%s' %s",
		shown.data ? shown.data : "", why);
	sl_buf_release(&shown);
	return code;
}

/* The digits before `end` into *out, and what is behind `end` into *rest. */
static bool
take_number(struct sl_span *rest, char end, uint64_t *out)
{
	const char *at = rest->len ? memchr(rest->data, end, rest->len) : NULL;
	size_t len = at ? (size_t)(at - rest->data) : 0;
	if (!at || !sl_parse_u64(rest->data, len, out) || *out > LENGTH_MAX)
		return false;
	*rest = sl_span(at + 1, rest->len - len - 1);
	return true;
}

static bool
parse(struct sl_content_range *out, struct sl_span value)
{
	const size_t unit = strlen("bytes ");
	uint64_t last = 0;
	if (value.len <= unit || !sl_span_is_nocase(sl_span(value.data, unit), "bytes "))
		return false;
	struct sl_span rest = sl_span_trim(sl_span(value.data + unit, value.len - unit));
	*out = (struct sl_content_range){ .total = SL_LENGTH_UNKNOWN };
	if (rest.len > 2 && rest.data[0] == '*' && rest.data[1] == '/') {
		out->is_unsatisfied = true;
		rest = sl_span(rest.data + 2, rest.len - 2);
	} else {
		if (!take_number(&rest, '-', &out->begin) || !take_number(&rest, '/', &last))
			return false;
		out->end = last + 1;
	}
	if (sl_span_is(rest, "*"))
		return !out->is_unsatisfied;
	return sl_parse_u64(rest.data, rest.len, &out->total) && out->total <= LENGTH_MAX;
}

int
sl_content_range_read(
	struct sl_content_range *out, const struct sl_head *head, struct sl_error *err)
{
	struct sl_span value = sl_head_find(head, "Content-Range", 0);
	struct sl_span second = sl_head_find(head, "Content-Range", 1);
	if (!value.data)
		return sl_fail(err, SL_PHASE_HEAD, SL_E_PROTO,
			"the server sent a range without Content-Range");
	if (second.data && !sl_span_equal(value, second))
		return refuse(err, "is followed by another one", value);
	if (!parse(out, value))
		return refuse(err, "is not valid", value);
	if (!out->is_unsatisfied && (out->end <= out->begin || out->end > out->total))
		return refuse(err, "is not within its own size", value);
	return 0;
}
