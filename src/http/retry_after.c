/*
 * retry_after.c - reads the header fields with which servers ask for a pause. Every field is a hint
 * of the server: what cannot be read is as if it was not there.
 */
#include "sluice/http/retry_after.h"

#include "sluice/base/number.h"
#include "sluice/http/date.h"
#include "sluice/http/header.h"

/* X-RateLimit-Reset has no specification. A number beyond this, 31 years, is a time of day. */
#define EPOCH_LEAST 1000000000u

/* Names of policies and parameters of RateLimit, beyond which a field is left alone. */
#define PARAMETERS_MAX 16

/* ---- values ---- */

/* The server's time of day, if it sent it. */
static int64_t
clock_of(const struct sl_head *head, int64_t now_s)
{
	struct sl_span date = sl_head_find(head, "Date", 0);
	int64_t date_s = now_s;
	if (date.data && sl_date_parse(date, now_s, &date_s))
		return date_s;
	return now_s;
}

static uint64_t
until(int64_t time_s, int64_t clock_s)
{
	return time_s > clock_s ? (uint64_t)time_s - (uint64_t)clock_s : 0;
}

static uint64_t
limited(uint64_t seconds)
{
	return SL_MIN(seconds, (uint64_t)SL_RETRY_AFTER_MAX_S);
}

static bool
read_number(struct sl_span text, uint64_t *out)
{
	return text.len > 0 && sl_parse_u64(text.data, text.len, out);
}

/* ---- Retry-After ---- */

static bool
has_digits_only(struct sl_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	}
	return text.len > 0;
}

static uint64_t
read_retry_after(const struct sl_head *head, int64_t clock_s)
{
	struct sl_span value = sl_head_find(head, "Retry-After", 0);
	uint64_t seconds = 0;
	int64_t time_s = 0;
	if (!value.data)
		return 0;
	if (read_number(value, &seconds))
		return limited(seconds);
	if (has_digits_only(value)) /* there may be any number of them (RFC 9110 10.2.3) */
		return SL_RETRY_AFTER_MAX_S;
	return sl_date_parse(value, clock_s, &time_s) ? limited(until(time_s, clock_s)) : 0;
}

/* ---- RateLimit: a list of policies, each with parameters (RFC 9651 3.1, 3.1.2) ---- */

/* The bytes up to `end`, which is not looked for in quotes; `text` then begins behind it. */
static struct sl_span
take_until(struct sl_span *text, char end)
{
	bool is_quoted = false;
	size_t len = 0;
	for (; len < text->len && (is_quoted || text->data[len] != end); len++) {
		if (text->data[len] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && text->data[len] == '\\' && len + 1 < text->len)
			len++;
	}
	struct sl_span taken = sl_span_trim(sl_span(text->data, len));
	size_t used = SL_MIN(len + 1, text->len);
	*text = sl_span(text->data + used, text->len - used);
	return taken;
}

static bool
has_key(struct sl_span parameter, const char *key, struct sl_span *value)
{
	size_t len = strlen(key);
	if (parameter.len <= len || memcmp(parameter.data, key, len) != 0 ||
		parameter.data[len] != '=')
		return false;
	*value = sl_span(parameter.data + len + 1, parameter.len - len - 1);
	return true;
}

/* Of one policy; 0 if there is quota left, or if it is not told. */
static uint64_t
read_policy(struct sl_span policy)
{
	uint64_t left = 1, seconds = 0;
	(void)take_until(&policy, ';'); /* its name */
	for (unsigned i = 0; policy.len > 0 && i < PARAMETERS_MAX; i++) {
		struct sl_span parameter = take_until(&policy, ';'), value;
		if (has_key(parameter, "r", &value) && !read_number(value, &left))
			return 0;
		if (has_key(parameter, "t", &value) && !read_number(value, &seconds))
			return 0;
	}
	return left == 0 ? limited(seconds) : 0;
}

/* One policy whose parameters are members of the field: `limit=100, remaining=0, reset=5` (draft
 * 07). */
struct members {
	uint64_t left, seconds;
	bool has_left;
};

static void
read_member(struct members *members, struct sl_span member)
{
	struct sl_span value;
	if (has_key(member, "remaining", &value))
		members->has_left = read_number(value, &members->left);
	if (has_key(member, "reset", &value) && !read_number(value, &members->seconds))
		members->seconds = 0;
}

static uint64_t
read_policies(const struct sl_head *head)
{
	struct sl_span value;
	struct members members = { 0 };
	uint64_t longest = 0;
	for (size_t nth = 0; (value = sl_head_find(head, "RateLimit", nth)).data; nth++)
		while (value.len > 0) {
			struct sl_span item = take_until(&value, ',');
			uint64_t seconds = read_policy(item);
			longest = SL_MAX(longest, seconds);
			read_member(&members, item);
		}
	if (members.has_left && members.left == 0)
		longest = SL_MAX(longest, limited(members.seconds));
	return longest;
}

/* ---- RateLimit-Reset and what came before it ---- */

static uint64_t
read_reset(const struct sl_head *head, const char *reset_name, const char *remaining_name,
	int64_t clock_s)
{
	struct sl_span reset = sl_head_find(head, reset_name, 0);
	struct sl_span remaining = sl_head_find(head, remaining_name, 0);
	uint64_t value = 0, left = 0;
	if (!read_number(reset, &value))
		return 0;
	if (remaining.data && (!read_number(remaining, &left) || left > 0))
		return 0;
	if (value < EPOCH_LEAST)
		return limited(value);
	return value > INT64_MAX ? 0 : limited(until((int64_t)value, clock_s));
}

uint64_t
sl_retry_after_read(const struct sl_head *head, int64_t now_s)
{
	int64_t clock_s = clock_of(head, now_s);
	uint64_t seconds = read_retry_after(head, clock_s);
	if (!seconds)
		seconds = read_policies(head);
	if (!seconds)
		seconds = read_reset(head, "RateLimit-Reset", "RateLimit-Remaining", clock_s);
	if (!seconds)
		seconds = read_reset(head, "X-RateLimit-Reset", "X-RateLimit-Remaining", clock_s);
	return seconds;
}

/* ---- whether a limit was reached ---- */

static bool
has_none_left(const struct sl_head *head, const char *name)
{
	struct sl_span field = sl_head_find(head, name, 0);
	uint64_t left;
	return field.data && read_number(field, &left) && left == 0;
}

bool
sl_retry_after_is_limit(const struct sl_head *head, int64_t now_s)
{
	return read_retry_after(head, clock_of(head, now_s)) > 0 || read_policies(head) > 0 ||
	       has_none_left(head, "RateLimit-Remaining") ||
	       has_none_left(head, "X-RateLimit-Remaining");
}
