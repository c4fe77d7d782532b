#include "sluice/http/user_field.h"

#include "sluice/http/head.h"

/* A text that has none of the forms is not shown: what would be the name may be part of a value. */
static int
refuse(struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"a header field is written as 'Name: value' ('Name:' leaves it out, 'Name;' sends "
		"it without a value)");
}

int
sl_user_field_parse(struct sl_http_header *out, struct sl_span text, struct sl_error *err)
{
	struct sl_span rest = text;
	*out = (struct sl_http_header){ 0 };
	if (sl_span_take_until(&rest, ':', &out->name)) {
		out->value = sl_span_trim(rest);
		if (out->value.len == 0)
			out->value = (struct sl_span){ 0 };
	} else if (sl_span_take_until(&rest, ';', &out->name)) {
		out->value = sl_span_trim(rest);
		if (out->value.len)
			return refuse(err);
	} else {
		return refuse(err);
	}
	return sl_head_is_token(out->name) ? sl_request_check_header(out, err) : refuse(err);
}

size_t
sl_user_fields_add(struct sl_http_header *out, size_t count, const struct sl_http_header *given,
	size_t given_count)
{
	size_t own = count;
	for (size_t i = 0; i < given_count; i++) {
		bool is_own = false;
		for (size_t j = 0; j < own && !is_own; j++)
			is_own = sl_span_equal_nocase(out[j].name, given[i].name);
		if (!is_own)
			out[count++] = given[i];
	}
	return count;
}
