/*
 * screen.h - a small terminal for tests: takes the bytes a program would send and holds what would
 * be displayed.
 *
 * It scrolls into an unbounded history, wraps at the last column with the wrap pending (as xterm
 * does), and re-wraps all lines when it is resized (as most terminals do now). Anything it does not
 * know fails the test.
 */
#ifndef SLUICE_TESTS_SCREEN_H
#define SLUICE_TESTS_SCREEN_H

#include "sluice/base/bytes.h"

struct screen;

struct screen *screen_new(size_t columns, size_t rows);
void screen_free(struct screen *screen);
void screen_resize(struct screen *screen, size_t columns, size_t rows);
void screen_write(struct screen *screen, struct sl_span data);

/* False between the pieces of a control sequence or character. */
bool screen_is_settled(const struct screen *screen);

/* Everything, history included, as UTF-8: wrapped rows joined, trailing blanks and trailing empty
 * lines left out. */
void screen_text(const struct screen *screen, struct sl_buf *out);

/* Rows of the history and the screen, down to the cursor's. */
size_t screen_row_count(const struct screen *screen);
size_t screen_cursor_column(const struct screen *screen);
bool screen_cursor_is_hidden(const struct screen *screen);

#endif
