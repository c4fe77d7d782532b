#include "sluice/cli/scan_pattern.h"

#include "sluice/base/cpu.h"
#include "sluice/cli/pattern_source.h"

int
sl_scan_pattern_new(
	struct sl_pattern **out, const struct sl_scan_options *options, struct sl_error *err)
{
	struct sl_pattern_source source;
	int code = sl_pattern_source_read(&source, options, options->max_memory / 2, err);
	struct sl_pattern_spec spec = { .texts = source.list.items,
		.count = source.list.count,
		.has_no_default = options->pattern_files.count > 0,
		.fixed = options->fixed_strings,
		.ignore_case = options->ignore_case,
		.bounds = options->line_regexp   ? SL_BOUNDS_LINE
			  : options->word_regexp ? SL_BOUNDS_WORD
						 : SL_BOUNDS_NONE,
		.inverts = options->invert_match,
		.memory_max = options->max_memory / 2 };
	if (code == 0)
		code = sl_pattern_new(out, &spec, sl_match_choose(sl_cpu_features()), err);
	sl_pattern_source_release(&source);
	return code;
}
