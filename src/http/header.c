#include "sluice/http/header.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"

#define LENGTH_MAX ((uint64_t)INT64_MAX) /* file offsets are signed */
#define SHOWN_MAX 40                     /* bytes of a value in a message */

void
sl_header_list_init(struct sl_header_list *list, const struct sl_head *head, const char *name)
{
	*list = (struct sl_header_list){ .head = head, .name = name };
}

bool
sl_header_list_next(struct sl_header_list *list, struct sl_span *member)
{
	for (;;) {
		while (list->rest.len > 0) {
			const char *comma = memchr(list->rest.data, ',', list->rest.len);
			size_t len = comma ? (size_t)(comma - list->rest.data) : list->rest.len;
			size_t used = comma ? len + 1 : len;
			*member = sl_span_trim(sl_span(list->rest.data, len));
			list->rest = sl_span(list->rest.data + used, list->rest.len - used);
			if (member->len > 0)
				return true;
		}
		list->rest = sl_head_find(list->head, list->name, list->nth);
		if (!list->rest.data)
			return false;
		list->nth++;
	}
}

bool
sl_header_has_token(const struct sl_head *head, const char *name, const char *token)
{
	struct sl_header_list list;
	struct sl_span member;
	sl_header_list_init(&list, head, name);
	while (sl_header_list_next(&list, &member))
		if (sl_span_is_nocase(member, token))
			return true;
	return false;
}

static int
refuse_length(struct sl_error *err, const char *why, struct sl_span value)
{
	struct sl_buf shown = { 0 };
	sl_text_show(&shown, value, SHOWN_MAX);
	int code = sl_fail(
		err, SL_PHASE_HEAD, SL_E_PROTO, "%s: '%s'", why, shown.data ? shown.data : "");
	sl_buf_release(&shown);
	return code;
}

int
sl_header_content_length(const struct sl_head *head, uint64_t *length, struct sl_error *err)
{
	struct sl_header_list list;
	struct sl_span member;
	*length = SL_HEADER_NO_LENGTH;
	sl_header_list_init(&list, head, "Content-Length");
	while (sl_header_list_next(&list, &member)) {
		uint64_t value = 0;
		if (!sl_parse_u64(member.data, member.len, &value) || value > LENGTH_MAX)
			return refuse_length(
				err, "the server's Content-Length is not a valid number", member);
		if (*length != SL_HEADER_NO_LENGTH && value != *length)
			return refuse_length(err,
				"the server sent two different Content-Lengths, the second",
				member);
		*length = value;
	}
	/* A field without any member announces a length that cannot be read. */
	if (*length == SL_HEADER_NO_LENGTH && sl_head_find(head, "Content-Length", 0).data)
		return refuse_length(
			err, "the server's Content-Length is not a valid number", sl_span("", 0));
	return 0;
}

struct sl_span
sl_header_media_type(const struct sl_head *head)
{
	struct sl_span value = sl_head_find(head, "Content-Type", 0);
	const char *semicolon = value.len ? memchr(value.data, ';', value.len) : NULL;
	if (semicolon)
		value.len = (size_t)(semicolon - value.data);
	return value.len ? sl_span_trim(value) : sl_span("", 0);
}
