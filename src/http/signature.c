#include "signature_int.h"

#include "sluice/base/text.h"
#include "sluice/http/date.h"

#include <errno.h>
#include <stdlib.h>

/* Stores accept a request that was signed 15 minutes before or after their own time. */
#define SKEW_S (15 * 60)

#define REGION_FIELD "x-amz-bucket-region"

void
sl_signature_release(struct sl_signature *signature)
{
	struct sl_buf *const texts[] = { &signature->value, &signature->names };
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++)
		sl_buf_release(texts[i]);
	sl_text_wipe(signature->token);
	*signature = (struct sl_signature){ 0 };
}

/* ---- what is signed ---- */

/* Fields of x-PROVIDER2-... */
static bool
is_provider_field(const struct sl_sigv4_variant *variant, struct sl_span name)
{
	struct sl_span provider = variant->provider2;
	return name.len > provider.len + 3 &&
	       sl_span_equal_nocase(sl_span(name.data, 2), sl_span_str("x-")) &&
	       sl_span_equal_nocase(sl_span(name.data + 2, provider.len), provider) &&
	       name.data[provider.len + 2] == '-';
}

static bool
is_own_field(const struct sl_signature *signature, struct sl_span name)
{
	for (size_t i = 0; i < signature->field_count; i++)
		if (sl_span_equal_nocase(signature->fields[i].name, name))
			return true;
	return false;
}

/* The name is all of the text of `names` behind `from`. */
static void
set_field(struct sl_signature *signature, size_t from, struct sl_span value)
{
	struct sl_span name = sl_span(signature->names.data + from, signature->names.len - from);
	if (!signature->names.failed)
		signature->fields[signature->field_count++] =
			(struct sl_http_header){ name, value };
}

static void
add_name(struct sl_signature *signature, const struct sl_sigv4_variant *variant, const char *rest)
{
	sl_buf_add_str(&signature->names, "x-");
	for (size_t i = 0; i < variant->provider2.len; i++)
		sl_buf_add_char(&signature->names,
			(char)sl_lower((unsigned char)variant->provider2.data[i]));
	sl_buf_add_str(&signature->names, rest);
}

/* Also the names that the user's fields are compared with. */
static int
make_own_fields(struct sl_signature *signature, const struct sl_sigv4_variant *variant,
	const struct sl_identity *identity)
{
	static const char date[] = "-date", hash[] = "-content-sha256", token[] = "-security-token";
	/* In one piece: the fields point into it. */
	size_t most =
		3 * (variant->provider2.len + 2) + sizeof(date) + sizeof(hash) + sizeof(token);
	if (!sl_buf_reserve(&signature->names, most))
		return -ENOMEM;
	size_t from = signature->names.len;
	add_name(signature, variant, date);
	set_field(signature, from, sl_span_str(signature->time));
	if (sl_sigv4_is_s3(variant)) {
		from = signature->names.len;
		add_name(signature, variant, hash);
		set_field(signature, from, sl_span_str(SL_SIGV4_EMPTY));
	}
	if (!identity->token)
		return 0;
	signature->token = sl_span_dup(sl_span_str(identity->token));
	if (!signature->token)
		return -ENOMEM;
	from = signature->names.len;
	add_name(signature, variant, token);
	set_field(signature, from, sl_span_str(signature->token));
	return 0;
}

/* Host, the own fields and the user's; `fields` has room for all. */
static size_t
collect(struct sl_http_header *fields, const struct sl_signature *signature,
	const struct sl_sigv4_variant *variant, struct sl_span host,
	const struct sl_http_header *headers, size_t header_count)
{
	size_t count = 0;
	fields[count++] = (struct sl_http_header){ sl_span_str("host"), host };
	for (size_t i = 0; i < signature->field_count; i++)
		fields[count++] = signature->fields[i];
	for (size_t i = 0; i < header_count; i++) {
		if (!headers[i].value.data)
			continue; /* a field that is left out */
		if (sl_span_is_nocase(headers[i].name, "Host"))
			fields[0].value = headers[i].value;
		else if (is_provider_field(variant, headers[i].name) &&
			 !is_own_field(signature, headers[i].name))
			fields[count++] = headers[i];
	}
	return count;
}

static int
sign(struct sl_signature *out, const struct sl_sigv4_variant *variant,
	const struct sl_identity *identity, const char *method, const struct sl_url *url,
	const struct sl_http_header *headers, size_t header_count)
{
	struct sl_buf host = { 0 };
	struct sl_http_header *fields =
		calloc(1 + SL_SIGNATURE_FIELDS + header_count, sizeof(*fields));
	sl_url_format_authority(&host, url);
	int code = fields && !host.failed ? 0 : -ENOMEM;
	if (!code) {
		bool is_s3 = sl_sigv4_is_s3(variant);
		const struct sl_sigv4_keys keys = { identity->user, identity->secret };
		const struct sl_sigv4_request request = { .method = method,
			.target = url->target,
			.fields = fields,
			.field_count = collect(
				fields, out, variant, sl_buf_span(&host), headers, header_count),
			.normalizes = !is_s3,
			.encodes_twice = !is_s3 };
		code = sl_sigv4_sign(&out->value, variant, &keys, out->time, &request);
	}
	sl_buf_release(&host);
	free(fields);
	return code;
}

int
sl_signature_make(struct sl_signature *out, const struct sl_sigv4_variant *variant,
	const struct sl_identity *identity, const char *method, const struct sl_url *url,
	const struct sl_http_header *headers, size_t header_count, int64_t time_s)
{
	*out = (struct sl_signature){ 0 };
	if (sl_sigv4_is_presigned(url->target))
		return 0;
	sl_sigv4_format_time(out->time, time_s);
	int code = make_own_fields(out, variant, identity);
	if (!code)
		code = sign(out, variant, identity, method, url, headers, header_count);
	if (code)
		sl_signature_release(out);
	else
		memcpy(out->region, variant->region.data, variant->region.len);
	return code;
}

/* ---- refusals ---- */

/* The region of the bucket, if it is another one than that of the signature. */
static struct sl_span
other_region(const struct sl_signature *signature, const struct sl_head *head)
{
	struct sl_span region = sl_head_find(head, REGION_FIELD, 0);
	bool is_other = signature->region[0] && region.len > 0 && sl_sigv4_is_part(region) &&
			!sl_span_is(region, signature->region);
	return is_other ? region : (struct sl_span){ 0 };
}

bool
sl_signature_is_elsewhere(const struct sl_signature *signature, const struct sl_head *head)
{
	return other_region(signature, head).len > 0 && !sl_head_find(head, "Location", 0).data;
}

/* By how many seconds the server's clock differs from this one; 0 if it sends no time. */
static int64_t
skew_of(const struct sl_head *head, int64_t now_s)
{
	int64_t date_s;
	if (!sl_date_parse(sl_head_find(head, "Date", 0), now_s, &date_s))
		return 0;
	return date_s > now_s ? date_s - now_s : now_s - date_s;
}

void
sl_signature_add_hint(struct sl_buf *out, const struct sl_signature *signature,
	const struct sl_head *head, int64_t now_s)
{
	struct sl_span region = other_region(signature, head);
	int64_t skew_s = skew_of(head, now_s);
	if (!signature->region[0])
		return;
	if (region.len > 0)
		sl_buf_printf(out,
			"; the bucket is in the region '%.*s', but the request was signed for "
			"'%s': use that region in --aws-sigv4 and in the host",
			(int)region.len, region.data, signature->region);
	else if (head->status == 403 && skew_s >= SKEW_S)
		sl_buf_printf(out,
			"; the clock of this computer differs from that of the server by %lld "
			"minutes, and signatures are valid for 15: set the clock",
			(long long)(skew_s / 60));
	else if (head->status == 403 || head->status == 400)
		sl_buf_printf(out,
			"; the request was signed for the region '%s': the server does not accept "
			"these access keys, or they do not permit this (-v shows its answer)",
			signature->region);
}
