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

/* Append to the `count` fields those of `given` of which none has the name.
 * Returns the new count. */
static size_t
add_given(struct sl_http_header *out, size_t count, const struct sl_http_header *given,
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

/* To leave a field out gives nothing away. */
static bool
is_harmless(const struct sl_http_header *field)
{
	return !field->value.data || sl_scope_is_harmless(field->name);
}

/* Host names the origin that the chain begins with, and must not follow it to another one. */
static bool
is_of_first(const struct sl_http_header *field)
{
	return sl_span_is_nocase(field->name, "Host");
}

size_t
sl_user_fields_choose(struct sl_http_header *out, const struct sl_user_field_choice *choice,
	struct sl_span *withheld)
{
	bool permits_given = sl_scope_permits_given(choice->scope, choice->origins, choice->url);
	size_t count = 0;
	*withheld = (struct sl_span){ 0 };
	for (size_t i = 0; i < choice->own.count; i++)
		if (sl_scope_permits_own(choice->scope) || is_harmless(&choice->own.items[i]))
			out[count++] = choice->own.items[i];
	size_t all = add_given(out, count, choice->given.items, choice->given.count);
	for (size_t i = count; i < all; i++) {
		struct sl_http_header field = out[i];
		bool is_permitted =
			permits_given && !(choice->scope->has_left && is_of_first(&field));
		if (is_permitted || is_harmless(&field))
			out[count++] = field;
		else
			*withheld = field.name;
	}
	return count;
}
