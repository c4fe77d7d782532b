#include "sluice/scan/join.h"

void
sl_join_init(struct sl_join *join, const struct sl_pattern *pattern, struct sl_matcher *matcher,
	bool keeps_text)
{
	*join = (struct sl_join){ .spec = sl_partial_spec_of(pattern, matcher, keeps_text) };
}

void
sl_join_release(struct sl_join *join)
{
	sl_partial_release(&join->total);
}

void
sl_join_count(struct sl_join *join, const struct sl_partial_run *piece)
{
	sl_block_merge(join->spec.text.plan, &join->total.result, &piece->block);
}

bool
sl_join_is_costly(const struct sl_join *join, const struct sl_partial_run *piece)
{
	return sl_partial_is_costly(
		&join->spec, &join->total, piece ? &piece->block : NULL, piece ? piece->len : 0);
}

bool
sl_join_tail_is_costly(const struct sl_join *join, const struct sl_partial_run *piece)
{
	return !join->spec.text.confirms && sl_join_is_costly(join, piece);
}

int
sl_join_head(struct sl_join *join, const struct sl_partial_run *piece, struct sl_partial_line *line)
{
	return sl_partial_add_head(&join->spec, &join->total, piece, &join->current, line);
}

int
sl_join_tail(struct sl_join *join, const struct sl_partial_run *piece)
{
	return sl_partial_add_rest(&join->spec, &join->total, piece, join->current);
}

int
sl_join_end(struct sl_join *join, struct sl_partial_line *line)
{
	return sl_partial_end(&join->spec, &join->total, line);
}
