#include "sluice/cli/scan_pattern.h"

#include "sluice/base/cpu.h"

#include <errno.h>
#include <stdlib.h>

int
sl_scan_pattern_new(
	struct sl_pattern **out, const struct sl_scan_options *options, struct sl_error *err)
{
	struct sl_span *texts = calloc(options->patterns.count + 1, sizeof(*texts));
	if (!texts)
		return sl_fail(err, SL_PHASE_NONE, -ENOMEM, "out of memory");
	for (size_t i = 0; i < options->patterns.count; i++)
		texts[i] = sl_span_str(options->patterns.items[i]);
	struct sl_pattern_spec spec = { .texts = texts,
		.count = options->patterns.count,
		.fixed = options->fixed_strings,
		.ignore_case = options->ignore_case };
	int code = sl_pattern_new(out, &spec, sl_match_choose(sl_cpu_features()), err);
	free(texts);
	return code;
}
