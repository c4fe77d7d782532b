/*
 * state_text.h - the text of a state, read and written at once.
 */
#ifndef SLUICE_TESTS_SUPPORT_STATE_TEXT_H
#define SLUICE_TESTS_SUPPORT_STATE_TEXT_H

#include "sluice/follow/state.h"

/* As sl_state_read_some and sl_state_read_end. *state is to be released in all cases. */
int state_text_read(
	struct sl_state *state, struct sl_span text, const char *name, struct sl_error *err);

/* Append it to *out. */
void state_text_write(const struct sl_state *state, struct sl_buf *out);

#endif
