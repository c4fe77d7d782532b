#include "state_text.h"

int
state_text_read(struct sl_state *state, struct sl_span text, const char *name, struct sl_error *err)
{
	*state = (struct sl_state){ 0 };
	struct sl_state_reader reader = { .state = state, .name = name };
	int code = sl_state_read_some(&reader, text, err);
	if (code == 0)
		code = sl_state_read_end(&reader, err);
	sl_state_reader_release(&reader);
	return code;
}

void
state_text_write(const struct sl_state *state, struct sl_buf *out)
{
	struct sl_state_writer writer = { .state = state };
	while (sl_state_write_some(&writer, out, SIZE_MAX / 2))
		;
}
