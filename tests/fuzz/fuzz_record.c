/*
 * A log. Each line has a look that depends on its text alone, and not on what follows it; a line
 * that certainly begins a record does so. Indented lines never do. The last record is found in
 * pieces, and if it is found from the middle of the log, it is the same.
 */
#include "fuzz/fuzz.h"
#include "sluice/follow/record_search.h"
#include "sluice/logline/record.h"

#include <stdlib.h>
#include <string.h>

/* In memory of its own. */
static enum sl_record_look
look_of(const uint8_t *data, size_t len)
{
	char *copy = malloc(len + 1);
	must(copy);
	if (len)
		memcpy(copy, data, len);
	enum sl_record_look look = sl_record_look(sl_span(copy, len));
	if (len && copy[len - 1] != '\r') {
		copy[len] = '\r';
		must(look == sl_record_look(sl_span(copy, len + 1)));
	}
	free(copy);
	return look;
}

static void
search(const uint8_t *data, size_t len, size_t from, uint64_t last, enum sl_record_state state)
{
	struct sl_record_search search;
	if (from == 0)
		sl_record_search_begin(&search, 0, SL_RECORD_PLAIN);
	else
		sl_record_search_begin_inside(&search, from);
	for (size_t at = from; at < len;) {
		size_t piece = SL_MIN(len - at, (size_t)data[at] * 3 + 1);
		sl_record_search_add(&search, sl_span((const char *)data + at, piece));
		at += piece;
	}
	must(search.last == last || (from > 0 && search.last == SL_RECORD_SEARCH_NONE));
	must(search.last == SL_RECORD_SEARCH_NONE || search.state == state);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum sl_record_state state = SL_RECORD_PLAIN;
	enum sl_record_state closed_state = SL_RECORD_PLAIN;
	enum sl_record_look before = SL_RECORD_OTHER;
	uint64_t last = SL_RECORD_SEARCH_NONE;
	for (size_t at = 0; at < len;) {
		const uint8_t *newline = memchr(data + at, '\n', len - at);
		size_t line_len = newline ? (size_t)(newline - data) - at : len - at;
		enum sl_record_look look = look_of(data + at, line_len);
		must(look <= SL_RECORD_PANIC);
		bool begins = sl_record_step(&state, look);
		must(begins || !sl_record_is_sure(before, look) || at == 0);
		must(state <= SL_RECORD_IN_PANIC);
		if (line_len && (data[at] == ' ' || data[at] == '\t'))
			must(!begins && look == SL_RECORD_BELONGS);
		before = look;
		if (newline) {
			last = begins ? at : last;
			closed_state = state;
		}
		at += line_len + 1;
	}
	if (len) {
		search(data, len, 0, last, closed_state);
		search(data, len, data[0] % len, last, closed_state);
	}
	return 0;
}
