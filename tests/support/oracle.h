/*
 * oracle.h - the naive answer that the scan modules are compared with: splits lines one by one,
 * searches each byte by byte.
 */
#ifndef TESTS_SUPPORT_ORACLE_H
#define TESTS_SUPPORT_ORACLE_H

#include "sluice/base/bytes.h"

struct oracle_totals {
	uint64_t lines, hits;
};

/* True if the line holds one of the literals. */
bool oracle_line_hit(
	struct sl_span line, const struct sl_span *literals, size_t count, bool ignore_case);

/* Takes the first line off *rest, without its newline. False if nothing is left. */
bool oracle_next_line(struct sl_span *rest, struct sl_span *line);

struct oracle_totals oracle_count(
	struct sl_span data, const struct sl_span *literals, size_t count, bool ignore_case);

#endif
