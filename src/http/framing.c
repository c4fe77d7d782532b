#include "sluice/http/framing.h"

#include "sluice/base/text.h"
#include "sluice/http/header.h"

#define SHOWN_MAX 60 /* bytes of a value in a message */

/* RFC 9112 9.3: 1.1 keeps unless told otherwise, 1.0 only if told so. */
static bool
wants_keep_alive(const struct sl_head *head)
{
	if (sl_header_has_token(head, "Connection", "close"))
		return false;
	return head->minor >= 1 || sl_header_has_token(head, "Connection", "keep-alive");
}

static int
refuse_coding(struct sl_error *err, struct sl_span member)
{
	struct sl_buf shown = { 0 };
	sl_text_make_safe(&shown, sl_span(member.data, SL_MIN(member.len, (size_t)SHOWN_MAX)));
	int code = sl_fail(err, SL_PHASE_HEAD, SL_E_PROTO,
		"the server's Transfer-Encoding is not understood (only chunked is): '%s'",
		shown.data ? shown.data : "");
	sl_buf_release(&shown);
	return code;
}

/* Returns 1 if the body is chunked, 0 if there is no Transfer-Encoding at all. */
static int
is_chunked(const struct sl_head *head, struct sl_error *err)
{
	struct sl_header_list list;
	struct sl_span member;
	int chunked = 0;
	sl_header_list_init(&list, head, "Transfer-Encoding");
	while (sl_header_list_next(&list, &member)) {
		if (chunked || !sl_span_is_nocase(member, "chunked"))
			return refuse_coding(err, member);
		chunked = 1;
	}
	if (!chunked && sl_head_find(head, "Transfer-Encoding", 0).data)
		return refuse_coding(err, sl_span("", 0));
	return chunked;
}

int
sl_framing_decide(struct sl_framing *framing, const struct sl_head *head, bool request_was_head,
	struct sl_error *err)
{
	*framing = (struct sl_framing){ .keep_alive = wants_keep_alive(head) };
	int status = head->status;
	bool bodiless = request_was_head || status < 200 || status == 204 || status == 304;
	int chunked = is_chunked(head, err);
	if (chunked < 0)
		return chunked;
	if (chunked) {
		bool lengths_too = sl_head_find(head, "Content-Length", 0).data != NULL;
		framing->kind = bodiless ? SL_FRAMING_NONE : SL_FRAMING_CHUNKED;
		if (lengths_too || head->minor == 0 || (bodiless && !request_was_head))
			framing->keep_alive = false;
		return 0;
	}
	int found = sl_header_content_length(head, &framing->length, err);
	if (found < 0)
		return found;
	if (bodiless) {
		/* The server may send the body it announced, later, and it would be read as the
		 * next answer. After a HEAD the client sees to that (see exchange.c). */
		if (!request_was_head && framing->length > 0)
			framing->keep_alive = false;
		framing->length = 0;
		return 0;
	}
	framing->kind = found ? SL_FRAMING_LENGTH : SL_FRAMING_CLOSE;
	framing->keep_alive = framing->keep_alive && found;
	return 0;
}
