/*
 * A log. Each line has a look that depends on its text alone, and not on what follows it; a line
 * that certainly begins a record does so. Indented lines never do.
 */
#include "fuzz/fuzz.h"
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum sl_record_state state = SL_RECORD_PLAIN;
	enum sl_record_look before = SL_RECORD_OTHER;
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
		at += line_len + 1;
	}
	return 0;
}
