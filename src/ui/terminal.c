#include "sluice/ui/terminal.h"

#include "sluice/base/text.h"

void
sl_terminal_up(struct sl_buf *out, size_t rows)
{
	sl_buf_add_char(out, '\r');
	if (rows > 0)
		sl_buf_printf(out, "\033[%zuA", rows);
}

/* Bytes of the first character; an invalid byte counts as a character. */
static size_t
character_len(struct sl_span text)
{
	uint32_t code = 0;
	size_t len = sl_text_utf8(text, &code);
	return len ? len : 1;
}

struct sl_span
sl_terminal_prefix(struct sl_span text, size_t columns)
{
	size_t used = 0, width = 0;
	while (used < text.len) {
		size_t len = character_len(sl_span(text.data + used, text.len - used));
		width += sl_text_width(sl_span(text.data + used, len));
		if (width > columns)
			break;
		used += len;
	}
	return sl_span(text.data, used);
}

struct sl_span
sl_terminal_suffix(struct sl_span text, size_t columns)
{
	size_t width = sl_text_width(text);
	while (text.len > 0) {
		size_t len = character_len(text), own = sl_text_width(sl_span(text.data, len));
		/* A combining character at the cut belongs to the character that is cut off. */
		if (width <= columns && own > 0)
			break;
		width -= own;
		text.data += len;
		text.len -= len;
	}
	return text;
}

size_t
sl_terminal_add_cut(struct sl_buf *out, struct sl_span text, size_t columns, bool unicode)
{
	size_t width = sl_text_width(text);
	if (width <= columns) {
		sl_buf_add_span(out, text);
		return width;
	}
	size_t mark = unicode ? 1 : 3;
	if (columns < mark + 2) {
		struct sl_span head = sl_terminal_prefix(text, columns);
		sl_buf_add_span(out, head);
		return sl_text_width(head);
	}
	struct sl_span head = sl_terminal_prefix(text, (columns - mark) / 2);
	struct sl_span tail = sl_terminal_suffix(text, columns - mark - sl_text_width(head));
	sl_buf_add_span(out, head);
	sl_buf_add_str(out, unicode ? "\u2026" : "...");
	sl_buf_add_span(out, tail);
	return sl_text_width(head) + mark + sl_text_width(tail);
}

void
sl_terminal_add_left(struct sl_buf *out, struct sl_span text, size_t columns, bool unicode)
{
	size_t used = sl_terminal_add_cut(out, text, columns, unicode);
	sl_terminal_add_spaces(out, columns - used);
}

void
sl_terminal_add_right(struct sl_buf *out, struct sl_span text, size_t columns)
{
	text = sl_terminal_prefix(text, columns);
	sl_terminal_add_spaces(out, columns - sl_text_width(text));
	sl_buf_add_span(out, text);
}

void
sl_terminal_add_spaces(struct sl_buf *out, size_t count)
{
	static const char spaces[] =
		"                                                                ";
	for (; count > 0; count -= SL_MIN(count, sizeof(spaces) - 1))
		sl_buf_add(out, spaces, SL_MIN(count, sizeof(spaces) - 1));
}
