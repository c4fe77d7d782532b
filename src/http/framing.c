#include "sluice/http/framing.h"

#include "sluice/base/text.h"
#include "sluice/http/header.h"

#define SHOWN_MAX 60 /* bytes of a value in a message */

#define UNSUPPORTED "is not supported (only chunked is)"

/* RFC 9112 9.3: HTTP/1.1 keeps the connection unless it has "close", 1.0 only with "keep-alive". */
static bool
wants_keep_alive(const struct sl_head *head)
{
	if (sl_header_has_token(head, "Connection", "close"))
		return false;
	return head->minor >= 1 || sl_header_has_token(head, "Connection", "keep-alive");
}

static int
refuse_coding(struct sl_error *err, struct sl_span member, const char *why)
{
	struct sl_buf shown = { 0 };
	sl_text_show(&shown, member, SHOWN_MAX);
	int code = sl_fail(err, SL_PHASE_HEAD, SL_E_PROTO, "the server's Transfer-Encoding '%s' %s",
		shown.data ? shown.data : "", why);
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
			return refuse_coding(err, member, "follows 'chunked', which must be last");
		if (sl_span_is_nocase(member, "chunked"))
			*transfer = TRANSFER_CHUNKED;
		else if (sl_span_is_nocase(member, "identity"))
			*transfer = TRANSFER_IDENTITY;
		else
			return refuse_coding(err, member, UNSUPPORTED);
	}
	if (*transfer == TRANSFER_PLAIN && sl_head_find(head, "Transfer-Encoding", 0).data)
		return refuse_coding(err, sl_span("", 0), UNSUPPORTED);
	return 0;
}

int
sl_framing_decide(struct sl_framing *framing, const struct sl_head *head, bool request_was_head,
	struct sl_error *err)
{
	*framing = (struct sl_framing){ .keep_alive = wants_keep_alive(head),
		.announced = SL_HEADER_NO_LENGTH };
	int status = head->status;
	bool bodiless = request_was_head || status < 200 || status == 204 || status == 304;
	enum transfer transfer;
	int code = read_transfer(&transfer, head, err);
	if (code)
		return code;
	/* A proxy on the way may find the body's end elsewhere, so nothing may follow it. */
	if (transfer == TRANSFER_IDENTITY)
		framing->keep_alive = false;
	if (transfer == TRANSFER_CHUNKED) {
		bool lengths_too = sl_head_find(head, "Content-Length", 0).data != NULL;
		framing->kind = bodiless ? SL_FRAMING_NONE : SL_FRAMING_CHUNKED;
		if (lengths_too || head->minor == 0 || (bodiless && !request_was_head))
			framing->keep_alive = false;
		return 0;
	}
	code = sl_header_content_length(head, &framing->announced, err);
	if (code)
		return code;
	bool has_length = framing->announced != SL_HEADER_NO_LENGTH;
	if (bodiless) {
		/* The server may send the body it announced, later, and it would be read as the
		 * next response. After a HEAD the client takes care of that (see connections.c). */
		if (!request_was_head && has_length && framing->announced > 0)
			framing->keep_alive = false;
		return 0;
	}
	framing->length = has_length ? framing->announced : 0;
	framing->kind = has_length ? SL_FRAMING_LENGTH : SL_FRAMING_CLOSE;
	framing->keep_alive = framing->keep_alive && has_length;
	return 0;
}
