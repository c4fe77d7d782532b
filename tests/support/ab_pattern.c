#include "support/ab_pattern.h"

#include "sluice/base/cpu.h"

void
ab_pattern_init(struct ab_pattern *ab, bool inverts, bool confirms)
{
	const struct sl_span text = sl_span_str(confirms ? "a[b]" : "ab");
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	struct sl_pattern_spec spec = { .texts = &text, .count = 1, .inverts = inverts };
	struct sl_error err = { 0 };
	int code = sl_pattern_new(&ab->pattern, &spec, kernel, &err);
	sl_assert(code == 0);
	code = sl_matcher_new(&ab->matcher, ab->pattern);
	sl_assert(code == 0);
}

void
ab_pattern_release(struct ab_pattern *ab)
{
	sl_matcher_free(ab->matcher);
	sl_pattern_free(ab->pattern);
}
