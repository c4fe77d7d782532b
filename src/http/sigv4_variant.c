/*
 * sigv4_variant.c - hosts of AWS name their service and region, in several forms that have come
 * about over the years; other stores do not.
 */
#include "sluice/http/sigv4_variant.h"

/* The region of a store that does not name another one. */
#define DEFAULT_REGION "us-east-1"

bool
sl_sigv4_is_part(struct sl_span part)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	for (size_t i = 0; i < part.len; i++)
		if (!memchr(allowed, part.data[i], sizeof(allowed) - 1))
			return false;
	return part.len <= SL_SIGV4_PART_MAX;
}

int
sl_sigv4_read_variant(struct sl_sigv4_variant *out, struct sl_span text, struct sl_error *err)
{
	struct sl_span *const parts[] = { &out->provider1, &out->provider2, &out->region,
		&out->service };
	struct sl_span rest = text;
	bool is_good = true, is_last = false;
	*out = (struct sl_sigv4_variant){ 0 };
	for (size_t i = 0; i < SL_COUNT_OF(parts) && !is_last; i++) {
		is_last = !sl_span_take_until(&rest, ':', parts[i]);
		if (is_last)
			*parts[i] = rest;
		is_good = is_good && sl_sigv4_is_part(*parts[i]);
	}
	if (!is_good || !is_last || out->provider1.len == 0)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"not PROVIDER1[:PROVIDER2[:REGION[:SERVICE]]], such as "
			"aws:amz:eu-central-1:s3");
	if (out->provider2.len == 0)
		out->provider2 = sl_span_is_nocase(out->provider1, "aws") ? sl_span_str("amz")
									  : out->provider1;
	return 0;
}

static bool
ends_with(struct sl_span text, const char *suffix)
{
	size_t len = strlen(suffix);
	return text.len > len && memcmp(text.data + text.len - len, suffix, len) == 0;
}

static bool
begins_with(struct sl_span text, const char *prefix)
{
	size_t len = strlen(prefix);
	return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

static struct sl_span
drop_last(struct sl_span text, size_t len)
{
	return sl_span(text.data, text.len - SL_MIN(len, text.len));
}

/* Cut the last label off; empty if there is none left. */
static struct sl_span
take_label(struct sl_span *labels)
{
	size_t from = labels->len;
	while (from > 0 && labels->data[from - 1] != '.')
		from--;
	struct sl_span label = sl_span(labels->data + from, labels->len - from);
	*labels = drop_last(*labels, label.len + (from > 0));
	return label;
}

/* "eu-central-1", but neither "s3" nor "s3-accelerate". */
static bool
is_region(struct sl_span label)
{
	return label.len > 3 && memchr(label.data, '-', label.len) &&
	       label.data[label.len - 1] >= '0' && label.data[label.len - 1] <= '9' &&
	       !begins_with(label, "s3-");
}

/* `labels` is what stands before amazonaws.com. */
static void
locate_in_aws(struct sl_span labels, struct sl_span *region, struct sl_span *service)
{
	struct sl_span label = take_label(&labels);
	if (is_region(label)) {
		*region = label;
		label = take_label(&labels);
	}
	if (sl_span_is(label, "dualstack"))
		label = take_label(&labels);
	if (!region->len && begins_with(label, "s3-") &&
		is_region(sl_span(label.data + 3, label.len - 3)))
		*region = sl_span(label.data + 3, label.len - 3);
	*service = begins_with(label, "s3-") ? sl_span_str("s3") : label;
}

void
sl_sigv4_locate(struct sl_sigv4_variant *variant, const char *host, const char *region)
{
	struct sl_span name = sl_span_str(host);
	struct sl_span found_region = { 0 }, found_service = { 0 };
	if (ends_with(name, ".amazonaws.com"))
		locate_in_aws(
			drop_last(name, strlen(".amazonaws.com")), &found_region, &found_service);
	else if (ends_with(name, ".amazonaws.com.cn"))
		locate_in_aws(drop_last(name, strlen(".amazonaws.com.cn")), &found_region,
			&found_service);
	else if (!region && ends_with(name, ".r2.cloudflarestorage.com"))
		found_region = sl_span_str("auto");
	if (!found_region.len)
		found_region = sl_span_str(region ? region : DEFAULT_REGION);
	if (!variant->region.len)
		variant->region = found_region;
	if (!variant->service.len)
		variant->service = found_service.len ? found_service : sl_span_str("s3");
}

bool
sl_sigv4_is_s3(const struct sl_sigv4_variant *variant)
{
	return sl_span_is_nocase(variant->service, "s3") ||
	       sl_span_is_nocase(variant->service, "s3-object-lambda") ||
	       sl_span_is_nocase(variant->service, "s3express");
}
