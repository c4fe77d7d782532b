#include "sluice/ui/sparkline.h"

#include "sluice/ui/units.h"

#define LEVELS 8u

void
sl_sparkline_add(struct sl_buf *out, const uint64_t *numbers, size_t count, bool unicode)
{
	static const char *const blocks[LEVELS] = { "\u2581", "\u2582", "\u2583", "\u2584",
		"\u2585", "\u2586", "\u2587", "\u2588" };
	static const char plain[LEVELS + 1] = ".:-=+*%#";
	uint64_t most = 0;
	for (size_t i = 0; i < count; i++)
		most = SL_MAX(most, numbers[i]);
	sl_buf_add_char(out, '|');
	for (size_t i = 0; i < count; i++) {
		uint64_t level = sl_units_scaled(numbers[i], most, LEVELS);
		level = SL_MAX(level, 1u) - 1;
		if (numbers[i] == 0)
			sl_buf_add_char(out, ' ');
		else if (unicode)
			sl_buf_add_str(out, blocks[level]);
		else
			sl_buf_add_char(out, plain[level]);
	}
	sl_buf_add_char(out, '|');
}
