#include "sluice/cli/scan_pattern.h"

#include "sluice/base/cpu.h"
#include "sluice/cli/text_sample.h"
#include "sluice/rt/offload.h"

/* Fewer are searched for without regard to what the text is like. */
#define MANY_PATTERNS 17u

static struct sl_pattern_spec
spec_of(const struct sl_pattern_source *source, const struct sl_scan_options *options)
{
	return (struct sl_pattern_spec){ .texts = source->list.items,
		.count = source->list.count,
		.has_no_default = options->pattern_files.count > 0,
		.fixed = options->fixed_strings,
		.ignore_case = options->ignore_case,
		.bounds = options->line_regexp   ? SL_BOUNDS_LINE
			  : options->word_regexp ? SL_BOUNDS_WORD
						 : SL_BOUNDS_NONE,
		.inverts = options->invert_match,
		.level = options->level,
		.memory_max = options->max_memory / 2 };
}

int
sl_scan_pattern_compile(
	struct sl_scan_pattern *out, const struct sl_scan_options *options, struct sl_error *err)
{
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	struct sl_pattern_spec spec = spec_of(&out->source, options);
	struct sl_buf sample = { 0 };
	if (spec.count >= MANY_PATTERNS) {
		sl_text_sample_read(&sample, options);
		spec.sample = sl_buf_span(&sample);
	}
	out->is_default = spec.count == 0 && !spec.has_no_default && !spec.level && !spec.inverts &&
			  spec.bounds == SL_BOUNDS_NONE;
	int code = sl_pattern_new(&out->pattern, &spec, kernel, err);
	if (code == 0 && options->by_pattern && !options->quiet)
		code = sl_tally_new(&out->tally, &spec, kernel, err);
	sl_buf_release(&sample);
	return code;
}

struct compiling {
	struct sl_scan_pattern *out;
	const struct sl_scan_options *options;
	struct sl_error *err;
};

static int
compile(void *arg)
{
	struct compiling *compiling = arg;
	return sl_scan_pattern_compile(compiling->out, compiling->options, compiling->err);
}

int
sl_scan_pattern_init(
	struct sl_scan_pattern *out, const struct sl_scan_options *options, struct sl_error *err)
{
	struct compiling compiling = { out, options, err };
	*out = (struct sl_scan_pattern){ 0 };
	int code = sl_pattern_source_read(&out->source, options, options->max_memory / 2, err);
	return code ? code : sl_offload(compile, &compiling);
}

void
sl_scan_pattern_release(struct sl_scan_pattern *pattern)
{
	sl_tally_free(pattern->tally);
	sl_pattern_free(pattern->pattern);
	sl_pattern_source_release(&pattern->source);
	*pattern = (struct sl_scan_pattern){ 0 };
}
