#include "sluice/http/public_suffix.h"

#include <libpsl.h>

bool
sl_public_suffix_is(const char *domain)
{
	const psl_ctx_t *list = psl_builtin();
	return !list || psl_is_public_suffix(list, domain);
}

const char *
sl_public_suffix_version(void)
{
	return psl_get_version();
}
