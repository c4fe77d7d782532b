/*
 * Header fields of a response: the wait read from them is bounded and reads nothing beyond the
 * head; with a Date it does not depend on the local clock; each field alone gives the same result
 * as all of them, in their order.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/date.h"
#include "sluice/http/retry_after.h"

#include <stdbool.h>
#include <strings.h>

#define NOW_S 1700000000 /* in the middle of a year: a second more is the same century */

static bool
feed(struct sl_head *head, struct sl_buf *text)
{
	struct sl_error err = { 0 };
	size_t used = 0;
	sl_head_init(head);
	return !text->failed &&
	       sl_head_feed(head, text->data, text->len, &used, &err) == SL_PARSE_DONE;
}

static bool
is_one_of(struct sl_span name, const char *const *names)
{
	for (; *names; names++)
		if (sl_span_is_nocase(name, *names))
			return true;
	return false;
}

/* As from a response that has only these fields, and Date. */
static uint64_t
read_only(const struct sl_head *head, const char *const *names)
{
	struct sl_buf text = { 0 };
	struct sl_head some;
	sl_buf_add_str(&text, "HTTP/1.1 503 No\r\n");
	for (size_t i = 0; i < sl_head_count(head); i++) {
		struct sl_head_field field = sl_head_at(head, i);
		if (!is_one_of(field.name, names) && !sl_span_is_nocase(field.name, "Date"))
			continue;
		sl_buf_add_span(&text, field.name);
		sl_buf_add_str(&text, ": ");
		sl_buf_add_span(&text, field.value);
		sl_buf_add_str(&text, "\r\n");
	}
	sl_buf_add_str(&text, "\r\n");
	must(feed(&some, &text));
	uint64_t seconds = sl_retry_after_read(&some, NOW_S);
	sl_head_release(&some);
	sl_buf_release(&text);
	return seconds;
}

static void
check(const struct sl_head *head)
{
	static const char *const groups[][3] = { { "Retry-After" }, { "RateLimit" },
		{ "RateLimit-Reset", "RateLimit-Remaining" },
		{ "X-RateLimit-Reset", "X-RateLimit-Remaining" } };
	uint64_t seconds = sl_retry_after_read(head, NOW_S), first = 0;
	must(seconds <= SL_RETRY_AFTER_MAX_S);
	for (size_t i = 0; i < SL_COUNT_OF(groups) && first == 0; i++)
		first = read_only(head, groups[i]);
	must(seconds == first);
	int64_t date_s = 0;
	struct sl_span date = sl_head_find(head, "Date", 0);
	if (date.data && sl_date_parse(date, NOW_S, &date_s))
		must(seconds == sl_retry_after_read(head, NOW_S + 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_buf text = { 0 };
	struct sl_head head;
	sl_buf_add_str(&text, "HTTP/1.1 503 No\r\n");
	sl_buf_add(&text, data, len);
	sl_buf_add_str(&text, "\r\n\r\n");
	if (feed(&head, &text))
		check(&head);
	sl_head_release(&head);
	sl_buf_release(&text);
	return 0;
}
