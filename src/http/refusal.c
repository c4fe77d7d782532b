/*
 * What is reported of a response whose status is not that of a file: the server's own words, and
 * when it can be asked again.
 */
#include "refusal_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/base/redact.h"
#include "sluice/base/text.h"
#include "sluice/http/header.h"
#include "sluice/http/retry_after.h"

#define SHOWN_MAX 200 /* bytes of a server's text in a message */

/* Of the body of an error, with -v; and how long to wait for it. */
#define BODY_SHOWN 200
#define BODY_SHOWN_NS (2 * SL_NS_PER_S)

static void
add_field(struct sl_buf *out, const struct sl_head *head, const char *name)
{
	struct sl_span value = sl_head_find(head, name, 0);
	if (value.len == 0)
		return;
	sl_buf_printf(out, " (%s: ", name);
	sl_text_show(out, value, SHOWN_MAX);
	sl_buf_add_str(out, ")");
}

static bool
has_suffix(struct sl_span type, const char *suffix)
{
	size_t len = strlen(suffix);
	return type.len > len &&
	       sl_span_is_nocase(sl_span(type.data + type.len - len, len), suffix);
}

/* Text, XML and JSON; the first bytes of HTML tell nothing. */
static bool
is_readable(struct sl_span type)
{
	if (sl_span_is_nocase(type, "text/html") || has_suffix(type, "/xhtml+xml"))
		return false;
	return (type.len > 5 && sl_span_is_nocase(sl_span(type.data, 5), "text/")) ||
	       sl_span_is_nocase(type, "application/json") ||
	       sl_span_is_nocase(type, "application/xml") || has_suffix(type, "+json") ||
	       has_suffix(type, "+xml");
}

/* The start of the body that is left, at most `cap` bytes. */
SL_SUSPENDS
static size_t
read_start(struct sl_http_exchange *exchange, char *data, size_t cap)
{
	struct sl_deadline scope;
	size_t len = 0;
	int got = 1;
	sl_deadline_begin(&scope, sl_deadline_in(BODY_SHOWN_NS));
	while (len < cap && got > 0) {
		got = sl_http_read(exchange, data + len, cap - len, NULL);
		len += got > 0 ? (size_t)got : 0;
	}
	sl_deadline_end(&scope);
	return len;
}

/* In one line, and without secrets. */
static void
add_document(struct sl_buf *out, struct sl_span text)
{
	struct sl_buf line = { 0 };
	for (size_t i = 0; i < text.len; i++) {
		bool blank = memchr(" \t\r\n", text.data[i], 4);
		if (!blank)
			sl_buf_add_char(&line, text.data[i]);
		else if (line.len > 0 && line.data[line.len - 1] != ' ')
			sl_buf_add_char(&line, ' ');
	}
	struct sl_buf clean = { 0 };
	sl_redact_document(&clean, sl_span_trim(sl_buf_span(&line)));
	sl_text_make_safe(out, sl_buf_span(&clean));
	sl_buf_release(&clean);
	sl_buf_release(&line);
}

/* Servers explain an error in its body: shown with -v. */
SL_SUSPENDS
static void
add_body(struct sl_buf *out, struct sl_http_exchange *exchange)
{
	char data[BODY_SHOWN + 3]; /* all of the character that the cut may be in */
	if (sl_log_level() < SL_LOG_INFO || !is_readable(sl_header_media_type(&exchange->head)) ||
		sl_head_find(&exchange->head, "Content-Encoding", 0).data)
		return;
	size_t len = read_start(exchange, data, sizeof(data));
	if (len == 0)
		return;
	sl_buf_add_str(out, "; the response begins: ");
	add_document(out, sl_span(data, sl_text_cut(sl_span(data, len), BODY_SHOWN)));
}

/* 403 is for good, unless it comes with a limit that was reached. */
static unsigned
wait_of(const struct sl_head *head, int64_t now_s)
{
	unsigned seconds = sl_u32(sl_retry_after_read(head, now_s));
	if (head->status != 403)
		return seconds;
	return sl_retry_after_is_limit(head, now_s) ? SL_MAX(seconds, 1u) : 0;
}

int
sl_refusal_describe(struct sl_http_exchange *exchange, bool range_requested, const char *hint,
	struct sl_error *err)
{
	int status = exchange->head.status;
	struct sl_span reason = sl_head_reason(&exchange->head);
	struct sl_buf words = { 0 };
	bool first = err && !err->code;
	if (reason.len > 0)
		sl_buf_add_str(&words, " ");
	sl_text_show(&words, reason, SHOWN_MAX);
	if (range_requested)
		sl_buf_add_str(&words, " to a request for a range");
	sl_buf_add_str(&words, hint);
	add_field(&words, &exchange->head, "Retry-After");
	add_body(&words, exchange);
	sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_STATUS, "the server answered %d%s",
		status, words.data ? words.data : "");
	if (first) {
		int64_t now_s = sl_clock_wall_s();
		err->http_status = status;
		err->retry_after_s = wait_of(&exchange->head, now_s);
	}
	sl_buf_release(&words);
	return SL_E_STATUS;
}
