#include "sluice/cli/request_fields.h"

#include "sluice/http/user_field.h"

#include <errno.h>
#include <stdlib.h>

static bool
has(const struct sl_request_fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (sl_span_is_nocase(fields->items[i].name, name))
			return true;
	return false;
}

int
sl_request_fields_init(
	struct sl_request_fields *fields, const struct sl_words *headers, const char *referer)
{
	*fields = (struct sl_request_fields){ 0 };
	if (headers->count == 0 && !referer)
		return 0;
	fields->items = calloc(headers->count + 1, sizeof(*fields->items));
	if (!fields->items)
		return -ENOMEM;
	for (size_t i = 0; i < headers->count; i++) {
		int code = sl_user_field_parse(
			&fields->items[fields->count++], sl_span_str(headers->items[i]), NULL);
		sl_assert(code == 0); /* the parser of options has checked it */
	}
	if (referer && !has(fields, "Referer"))
		fields->items[fields->count++] =
			(struct sl_http_header){ sl_span_str("Referer"), sl_span_str(referer) };
	return 0;
}

void
sl_request_fields_release(struct sl_request_fields *fields)
{
	free(fields->items);
	*fields = (struct sl_request_fields){ 0 };
}
