/* Where a redirect leads (RFC 9110 10.2.2, 15.4), and whether it is followed. */
#include "redirect_int.h"

#include "sluice/base/text.h"

#include <errno.h>
#include <string.h>

static int
refuse(const struct sl_http_exchange *exchange, struct sl_error *err, const char *why)
{
	return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_REDIRECT,
		"redirect (%d) refused: %s", exchange->head.status, why);
}

static int
refuse_target(const struct sl_http_exchange *exchange, const struct sl_url *target,
	struct sl_error *err, const char *why)
{
	struct sl_buf shown = { 0 };
	sl_exchange_show_url(&shown, target);
	int code = sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_REDIRECT,
		"redirect (%d) to '%s' refused: %s", exchange->head.status,
		shown.data ? shown.data : "", why);
	sl_buf_release(&shown);
	return code;
}

/* Equal ones count as one. */
static bool
has_two_locations(const struct sl_head *head)
{
	struct sl_span first = sl_head_find(head, "Location", 0);
	for (size_t nth = 1;; nth++) {
		struct sl_span other = sl_head_find(head, "Location", nth);
		if (!other.data)
			return false;
		if (!sl_span_equal(first, other))
			return true;
	}
}

static int
read_location(
	const struct sl_http_exchange *exchange, struct sl_span *location, struct sl_error *err)
{
	*location = sl_head_find(&exchange->head, "Location", 0);
	if (location->len == 0)
		return refuse(exchange, err, "it has no Location");
	return has_two_locations(&exchange->head)
		       ? refuse(exchange, err, "it has two different Locations")
		       : 0;
}

static bool
is_same_url(const struct sl_url *a, const struct sl_url *b)
{
	return sl_url_same_origin(a, b) && strcmp(a->target, b->target) == 0;
}

static int
check_target(const struct sl_http_exchange *exchange, const struct sl_redirect_rules *rules,
	const struct sl_url *target, struct sl_error *err)
{
	bool downgrade =
		exchange->url.scheme == SL_SCHEME_HTTPS && target->scheme == SL_SCHEME_HTTP;
	/* A redirect to the URL itself is not refused earlier: some sites let a client in after a
	 * few of them. */
	if (rules->hops == rules->max)
		return refuse_target(exchange, target, err,
			is_same_url(&exchange->url, target)
				? "it leads to itself and exceeds --max-redirs; the site may need "
				  "cookies of a session (--cookie-file)"
				: "it exceeds --max-redirs");
	if (downgrade && !rules->allow_downgrade)
		return refuse_target(exchange, target, err,
			"it leads from https to http (--allow-downgrade permits that)");
	return 0;
}

static int
resolve(const struct sl_http_exchange *exchange, struct sl_url *target, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	struct sl_span location;
	int code = read_location(exchange, &location, err);
	if (code < 0)
		return code;
	code = sl_url_resolve(target, &exchange->url, location, &cause);
	if (code == -ENOMEM)
		return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, code, "%s", cause.text);
	return code < 0 ? refuse(exchange, err, cause.text) : 0;
}

bool
sl_redirect_is(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

int
sl_redirect_check_unused(const struct sl_http_exchange *exchange, struct sl_error *err)
{
	return has_two_locations(&exchange->head)
		       ? sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_PROTO,
				 "the server sent two different Locations")
		       : 0;
}

int
sl_redirect_target(const struct sl_http_exchange *exchange, const struct sl_redirect_rules *rules,
	struct sl_url *target, struct sl_error *err)
{
	*target = (struct sl_url){ 0 };
	int code = resolve(exchange, target, err);
	if (code == 0)
		code = check_target(exchange, rules, target, err);
	if (code < 0)
		sl_url_release(target);
	return code;
}
