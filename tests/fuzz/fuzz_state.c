/*
 * Any bytes as the file of --state: they are refused by name, or what was read is written as the
 * same text again.
 */
#include "fuzz/fuzz.h"
#include "sluice/follow/state.h"

#include <string.h>

static int
read_all(struct sl_state *state, struct sl_span text, const char *name, struct sl_error *err)
{
	*state = (struct sl_state){ 0 };
	struct sl_state_reader reader = { .state = state, .name = name };
	int code = sl_state_read_some(&reader, text, err);
	if (code == 0)
		code = sl_state_read_end(&reader, err);
	sl_state_reader_release(&reader);
	return code;
}

static void
write_all(const struct sl_state *state, struct sl_buf *out)
{
	struct sl_state_writer writer = { .state = state };
	while (sl_state_write_some(&writer, out, SIZE_MAX / 2))
		;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_state state, again;
	struct sl_error err = { 0 };
	struct sl_buf text = { 0 }, more = { 0 };
	int code = read_all(&state, sl_span((const char *)data, len), "name", &err);
	if (code) {
		must(code == SL_E_USAGE || code == SL_E_UNSUPPORTED);
		must(strstr(err.text, "'name'"));
	} else {
		write_all(&state, &text);
		must(!text.failed);
		must(read_all(&again, sl_buf_span(&text), "name", &err) == 0);
		must(again.count == state.count);
		write_all(&again, &more);
		must(sl_span_equal(sl_buf_span(&text), sl_buf_span(&more)));
		sl_state_release(&again);
	}
	sl_state_release(&state);
	sl_buf_release(&text);
	sl_buf_release(&more);
	return 0;
}
