#include "sluice/base/cpu.h"
#include "sluice/match/match.h"
#include "sluice/match/pattern.h"
#include "sluice/scan/sample.h"

#include <criterion/criterion.h>

static struct sl_sample
sample_of(struct sl_span text)
{
	struct sl_pattern *pattern;
	struct sl_pattern_spec spec = { 0 };
	struct sl_error err = { 0 };
	struct sl_sample sample = { 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), 0);
	sl_sample_add(
		&sample, sl_pattern_plan(pattern), (const unsigned char *)text.data, text.len);
	sl_pattern_free(pattern);
	return sample;
}

Test(sample, compares_levels_with_words)
{
	struct sl_sample sample = sample_of(sl_span_str("[error] x\n[info] an error\n[crit] y\n"
							"no level, an error\n[warn] z\n\n"
							"ERROR last, without newline"));
	cr_expect_eq(sample.lines, 4);
	cr_expect_eq(sample.hits, 2);
	cr_expect_eq(sample.lower, 1);
	cr_expect_eq(sample.missed, 1);
	struct sl_sample both = sample;
	sl_sample_merge(&both, &sample);
	cr_expect(both.lines == 8 && both.hits == 4 && both.lower == 2 && both.missed == 2);
}

Test(sample, is_of_the_first_bytes)
{
	struct sl_buf text = { 0 };
	while (text.len < 2 * SL_SAMPLE_BYTES)
		sl_buf_add_str(&text, "[error] 7890123\n");
	struct sl_sample sample = sample_of(sl_buf_span(&text));
	cr_expect_eq(sample.lines, SL_SAMPLE_BYTES / 16);
	cr_expect_eq(sample.hits, sample.lines);
	sl_buf_release(&text);
}
