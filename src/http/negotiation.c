#include "negotiation_int.h"

#include "sluice/base/text.h"
#include "sluice/http/coding.h"
#include "sluice/http/header.h"

#include <string.h>

#define SHOWN_MAX 60 /* bytes of a field in a message */

static bool
has_compressed_name(const struct sl_url *url)
{
	return sl_coding_has_name(sl_span(url->target, strcspn(url->target, "?")));
}

/* Bytes of a range are those of a representation that must not depend on who compressed it when. */
const char *
sl_negotiation_accept(const struct sl_http_request *request, const struct sl_url *url)
{
	bool is_whole = !request->range && strcmp(request->method, "GET") == 0;
	bool wants = request->codings == SL_CODINGS_REQUEST && is_whole;
	return wants && !has_compressed_name(url) ? SL_CODING_ACCEPT : "identity";
}

static bool
is_decoded(enum sl_http_codings codings, const struct sl_url *url)
{
	switch (codings) {
	case SL_CODINGS_AS_SENT:
		return false;
	case SL_CODINGS_DECODE:
		return true;
	case SL_CODINGS_REQUEST:
	case SL_CODINGS_COMPARE:
		break;
	}
	return !has_compressed_name(url);
}

/* "gzip, br", of all fields. */
static void
show_codings(struct sl_buf *out, const struct sl_head *head)
{
	struct sl_header_list list;
	struct sl_span member;
	struct sl_buf all = { 0 };
	sl_header_list_init(&list, head, "Content-Encoding");
	while (all.len <= SHOWN_MAX && sl_header_list_next(&list, &member)) {
		sl_buf_add_str(&all, all.len > 0 ? ", " : "");
		sl_buf_add_span(&all, member);
	}
	sl_text_show(out, sl_buf_span(&all), SHOWN_MAX);
	sl_buf_release(&all);
}

static int
refuse(const struct sl_http_exchange *exchange, enum sl_coding coding, struct sl_error *err)
{
	struct sl_buf shown = { 0 };
	bool is_one = coding == SL_CODING_UNSUPPORTED;
	show_codings(&shown, &exchange->head);
	int code = sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_DECODE,
		"the server applied %s%s'%s'%s, which is not supported "
		"(without --compressed the body is taken as it is sent)",
		is_one ? "the content coding " : "several content codings ", is_one ? "" : "(",
		shown.data ? shown.data : "", is_one ? "" : ")");
	sl_buf_release(&shown);
	return code;
}

int
sl_negotiation_take(
	struct sl_http_exchange *exchange, enum sl_http_codings codings, struct sl_error *err)
{
	enum sl_codec codec = SL_CODEC_NONE;
	if (!is_decoded(codings, &exchange->url))
		return 0;
	enum sl_coding coding = sl_coding_read(&exchange->head, &codec);
	bool is_fine = coding == SL_CODING_NONE || coding == SL_CODING_ONE;
	if (!is_fine && codings != SL_CODINGS_DECODE)
		return refuse(exchange, coding, err);
	exchange->coding = is_fine ? codec : SL_CODEC_NONE;
	return 0;
}
