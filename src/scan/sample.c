#include "sluice/scan/sample.h"

#include "sluice/logline/level.h"
#include "sluice/match/match_pass.h"

static void
add_line(struct sl_sample *sample, const struct sl_match_plan *plan, const unsigned char *text,
	size_t len)
{
	size_t begin, end;
	uint32_t rank;
	enum sl_level level = sl_level_find(sl_span((const char *)text, len)).level;
	if (level == SL_LEVEL_NONE)
		return;
	bool is_hit = sl_match_find_one(plan, text, len, 0, &begin, &end, &rank);
	sample->lines++;
	sample->hits += is_hit;
	sample->lower += is_hit && level < SL_LEVEL_ERROR;
	sample->missed += !is_hit && level >= SL_LEVEL_ERROR;
}

void
sl_sample_add(struct sl_sample *sample, const struct sl_match_plan *plan, const unsigned char *data,
	size_t len)
{
	const unsigned char *end = data + SL_MIN(len, (size_t)SL_SAMPLE_BYTES), *newline;
	while (data < end && (newline = memchr(data, '\n', (size_t)(end - data)))) {
		add_line(sample, plan, data, (size_t)(newline - data));
		data = newline + 1;
	}
}

void
sl_sample_merge(struct sl_sample *sample, const struct sl_sample *from)
{
	sample->lines += from->lines;
	sample->hits += from->hits;
	sample->lower += from->lower;
	sample->missed += from->missed;
}
