/*
 * Any bytes as the file of --state: they are refused by name, or what was read is written as the
 * same text again.
 */
#include "fuzz/fuzz.h"
#include "support/state_text.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_state state, again;
	struct sl_error err = { 0 };
	struct sl_buf text = { 0 }, more = { 0 };
	int code = state_text_read(&state, sl_span((const char *)data, len), "name", &err);
	if (code) {
		must(code == SL_E_USAGE || code == SL_E_UNSUPPORTED);
		must(strstr(err.text, "'name'"));
	} else {
		state_text_write(&state, &text);
		must(!text.failed);
		must(state_text_read(&again, sl_buf_span(&text), "name", &err) == 0);
		must(again.count == state.count);
		state_text_write(&again, &more);
		must(sl_span_equal(sl_buf_span(&text), sl_buf_span(&more)));
		sl_state_release(&again);
	}
	sl_state_release(&state);
	sl_buf_release(&text);
	sl_buf_release(&more);
	return 0;
}
