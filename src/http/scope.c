#include "sluice/http/scope.h"

#include "sluice/base/text.h"

/* Fields without a secret in them, and none that names the first origin, as Host does. */
static const char *const harmless[] = { "User-Agent", "Accept", "Accept-Language",
	"Accept-Encoding", "Accept-Charset", "Cache-Control", "Pragma", "Range", "If-Range",
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "DNT" };

void
sl_scope_follow(struct sl_scope *scope, const struct sl_url *from, const struct sl_url *to)
{
	if (!sl_url_same_origin(from, to))
		scope->has_left = true;
}

bool
sl_scope_permits(const struct sl_scope *scope, struct sl_span name)
{
	if (!scope->has_left)
		return true;
	for (size_t i = 0; i < SL_COUNT_OF(harmless); i++)
		if (sl_span_is_nocase(name, harmless[i]))
			return true;
	return false;
}

bool
sl_scope_permits_credentials(const struct sl_scope *scope)
{
	return !scope->has_left;
}
