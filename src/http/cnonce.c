#include "cnonce_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/text.h"

#include <sys/random.h>

#define BYTES ((SL_DIGEST_CNONCE - 1) / 2)

void
sl_cnonce_make(char cnonce[static SL_DIGEST_CNONCE])
{
	unsigned char bytes[BYTES] = { 0 };
	uint64_t now_ns = sl_clock_wall_ns();
	/* Soon after the system has started there may be no random bytes yet. */
	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t)sizeof(bytes))
		memcpy(bytes, &now_ns, sizeof(now_ns));
	sl_text_write_hex(cnonce, bytes, sizeof(bytes));
}
