#include "support/oracle.h"

static bool
holds(struct sl_span line, struct sl_span literal, bool ignore_case)
{
	for (size_t at = 0; at + literal.len <= line.len; at++) {
		struct sl_span part = { line.data + at, literal.len };
		if (ignore_case ? sl_span_equal_nocase(part, literal)
				: sl_span_equal(part, literal))
			return true;
	}
	return false;
}

bool
oracle_line_hit(struct sl_span line, const struct sl_span *literals, size_t count, bool ignore_case)
{
	for (size_t i = 0; i < count; i++) {
		if (holds(line, literals[i], ignore_case))
			return true;
	}
	return false;
}

bool
oracle_next_line(struct sl_span *rest, struct sl_span *line)
{
	if (rest->len == 0)
		return false;
	size_t len = 0;
	while (len < rest->len && rest->data[len] != '\n')
		len++;
	*line = (struct sl_span){ rest->data, len };
	size_t used = len < rest->len ? len + 1 : len;
	rest->data += used;
	rest->len -= used;
	return true;
}

struct oracle_totals
oracle_count(struct sl_span data, const struct sl_span *literals, size_t count, bool ignore_case)
{
	struct oracle_totals totals = { 0, 0 };
	struct sl_span line;
	while (oracle_next_line(&data, &line)) {
		totals.lines++;
		totals.hits += oracle_line_hit(line, literals, count, ignore_case);
	}
	return totals;
}
