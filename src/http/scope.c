#include "sluice/http/scope.h"

/* Fields without a secret in them, and none that names the first origin, as Host does. */
static const char *const harmless[] = { "User-Agent", "Accept", "Accept-Language",
	"Accept-Encoding", "Accept-Charset", "Cache-Control", "Pragma", "Range", "If-Range",
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "DNT" };

static bool
is_among(const struct sl_url *origins, size_t count, const struct sl_url *url)
{
	for (size_t i = 0; i < count; i++)
		if (sl_url_same_origin(&origins[i], url))
			return true;
	return false;
}

void
sl_scope_follow(struct sl_scope *scope, const struct sl_scope_origins *origins,
	const struct sl_url *from, const struct sl_url *to)
{
	if (sl_url_same_origin(from, to))
		return;
	scope->has_left = true;
	if (!is_among(origins->named, origins->named_count, to))
		scope->has_strayed = true;
}

bool
sl_scope_is_harmless(struct sl_span name)
{
	for (size_t i = 0; i < SL_COUNT_OF(harmless); i++)
		if (sl_span_is_nocase(name, harmless[i]))
			return true;
	return false;
}

bool
sl_scope_permits(const struct sl_scope *scope, struct sl_span name)
{
	return !scope->has_left || sl_scope_is_harmless(name);
}

bool
sl_scope_permits_own(const struct sl_scope *scope)
{
	return !scope->has_left;
}

bool
sl_scope_permits_given(const struct sl_scope *scope, const struct sl_scope_origins *origins,
	const struct sl_url *url)
{
	if (scope->has_strayed)
		return false;
	return is_among(origins->named, origins->named_count, url) ||
	       (!scope->has_left && is_among(origins->typed, origins->typed_count, url));
}
