#include "sluice/base/def.h"

#include <stdio.h>
#include <stdlib.h>

void
sl_assert_failed(const char *cond, const char *file, int line)
{
	/* allowed: the process ends here, so no caller can print it. */
	fprintf(stderr, "sluice: internal error: %s does not hold (%s:%d)\n", cond, file, line);
	abort();
}
