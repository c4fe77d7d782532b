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

enum transfer { TRANSFER_PLAIN, TRANSFER_IDENTITY, TRANSFER_CHUNKED };

/* "identity" means no coding at all (RFC 2616 3.6; dropped since, and still sent by old servers).
 * Behind "chunked" it would no longer be clear which of them ends the body. */
static int
read_transfer(enum transfer *transfer, const struct sl_head *head, struct sl_error *err)
{
	struct sl_header_list list;
	struct sl_span member;
	*transfer = TRANSFER_PLAIN;
	sl_header_list_init(&list, head, "Transfer-Encoding");
	while (sl_header_list_next(&list, &member)) {
		if (*transfer == TRANSFER_CHUNKED)
			return refuse_coding(err, member);
		if (sl_span_is_nocase(member, "chunked"))
			*transfer = TRANSFER_CHUNKED;
		else if (sl_span_is_nocase(member, "identity"))
			*transfer = TRANSFER_IDENTITY;
		else
			return refuse_coding(err, member);
	}
	if (*transfer == TRANSFER_PLAIN && sl_head_find(head, "Transfer-Encoding", 0).data)
		return refuse_coding(err, sl_span("", 0));
	return 0;
}

int
sl_framing_decide(struct sl_framing *framing, const struct sl_head *head, bool request_was_head,
	struct sl_error *err)
{
	*framing = (struct sl_framing){ .keep_alive = wants_keep_alive(head) };
	int status = head->status;
	bool bodiless = request_was_head || status < 200 || status == 204 || status == 304;
	enum transfer transfer;
	int code = read_transfer(&transfer, head, err);
	if (code)
		return code;
	/* A proxy on the way may see another end than we do: not where bytes could follow it. */
	if (transfer == TRANSFER_IDENTITY)
		framing->keep_alive = false;
	if (transfer == TRANSFER_CHUNKED) {
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
