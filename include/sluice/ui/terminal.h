/*
 * terminal.h - text fitted to columns, and the few control sequences used, as bytes. Pure.
 *
 * The sequences are ECMA-48, supported by every terminal since the VT100; synchronized update
 * (private mode 2026) is ignored by terminals that do not support it.
 */
#ifndef SLUICE_UI_TERMINAL_H
#define SLUICE_UI_TERMINAL_H

#include "sluice/base/bytes.h"

#define SL_TERMINAL_ERASE_LINE_END "\033[K"
#define SL_TERMINAL_ERASE_BELOW "\033[J" /* from the cursor to the end of the screen */
#define SL_TERMINAL_HIDE_CURSOR "\033[?25l"
#define SL_TERMINAL_SHOW_CURSOR "\033[?25h"
#define SL_TERMINAL_SYNC_BEGIN "\033[?2026h"
#define SL_TERMINAL_SYNC_END "\033[?2026l"

/* Cursor to the first column, `rows` rows up; stops at the top of the screen. */
void sl_terminal_up(struct sl_buf *out, size_t rows);

/* The longest prefix of safe text (base/text.h) that takes at most `columns`; a character is never
 * cut in two. */
struct sl_span sl_terminal_prefix(struct sl_span text, size_t columns);

/* The longest suffix that takes at most `columns`; it does not begin with a combining character. */
struct sl_span sl_terminal_suffix(struct sl_span text, size_t columns);

/*
 * Append safe text in at most `columns`; longer text is cut in the middle and marked with an
 * ellipsis ("..." unless `unicode`), since file names may differ at either end. Returns the columns
 * used.
 */
size_t sl_terminal_add_cut(struct sl_buf *out, struct sl_span text, size_t columns, bool unicode);

/* sl_terminal_add_cut, then spaces up to `columns`. */
void sl_terminal_add_left(struct sl_buf *out, struct sl_span text, size_t columns, bool unicode);

/* Spaces, then the text, so that it ends at `columns`. Text that is too long is cut at its end. */
void sl_terminal_add_right(struct sl_buf *out, struct sl_span text, size_t columns);

void sl_terminal_add_spaces(struct sl_buf *out, size_t count);

#endif
