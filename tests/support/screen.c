#include "support/screen.h"

#include "sluice/base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS_MAX 640
#define ROWS_MAX 1024    /* with history; the oldest are not dropped */
#define WIDE 0xffffffffu /* the second cell of a wide character */

struct row {
	uint32_t cells[COLUMNS_MAX]; /* 0 = blank */
	bool wrapped;                /* goes on in the next row */
};

struct screen {
	size_t columns, rows;
	size_t top;  /* index of the first row of the screen; those above are history */
	size_t y, x; /* of the cursor; y counts from the first row of the history */
	bool pending_wrap, hidden;
	struct row *row;
	struct sl_buf cut; /* a sequence whose end has not come yet */
};

static void
fail(const char *what)
{
	fprintf(stderr, "screen: %s\n", what);
	abort();
}

struct screen *
screen_new(size_t columns, size_t rows)
{
	struct screen *screen = calloc(1, sizeof(*screen));
	if (screen)
		screen->row = calloc(ROWS_MAX, sizeof(*screen->row));
	if (!screen || !screen->row || columns > COLUMNS_MAX)
		fail("cannot be made");
	screen->columns = columns;
	screen->rows = rows;
	return screen;
}

void
screen_free(struct screen *screen)
{
	sl_buf_release(&screen->cut);
	free(screen->row);
	free(screen);
}

static void
line_feed(struct screen *screen)
{
	screen->y++;
	if (screen->y >= ROWS_MAX)
		fail("too many rows");
	if (screen->y >= screen->top + screen->rows)
		screen->top = screen->y - screen->rows + 1;
}

static void
put(struct screen *screen, uint32_t code, size_t width)
{
	if (width == 0)
		return;
	if (screen->pending_wrap || screen->x + width > screen->columns) {
		screen->row[screen->y].wrapped = true;
		line_feed(screen);
		screen->x = 0;
		screen->pending_wrap = false;
	}
	screen->row[screen->y].cells[screen->x] = code;
	if (width == 2)
		screen->row[screen->y].cells[screen->x + 1] = WIDE;
	screen->x += width;
	if (screen->x == screen->columns) {
		screen->x--;
		screen->pending_wrap = true;
	}
}

static void
erase_line_end(struct screen *screen)
{
	struct row *row = &screen->row[screen->y];
	memset(row->cells + screen->x, 0, (screen->columns - screen->x) * sizeof(row->cells[0]));
	row->wrapped = false;
}

static void
control(struct screen *screen, struct sl_span arguments, char final)
{
	unsigned long number = strtoul(arguments.data, NULL, 10);
	screen->pending_wrap = false;
	if (final == 'm' || sl_span_is(arguments, "?2026"))
		return;
	if (final == 'K' && arguments.len == 0) {
		erase_line_end(screen);
	} else if (final == 'J' && arguments.len == 0) {
		erase_line_end(screen);
		memset(screen->row + screen->y + 1, 0,
			(ROWS_MAX - screen->y - 1) * sizeof(struct row));
	} else if (final == 'A' && number > 0) {
		screen->y -= SL_MIN(number, screen->y - screen->top);
	} else if (sl_span_is(arguments, "?25") && (final == 'h' || final == 'l')) {
		screen->hidden = final == 'l';
	} else {
		fail("unknown control sequence");
	}
}

/* Bytes taken; 0 if the sequence goes on in what is written next. */
static size_t
take_escape(struct screen *screen, struct sl_span data)
{
	size_t len = 2;
	if (data.len < 2)
		return 0;
	if (data.data[1] != '[')
		fail("unknown escape");
	while (len < data.len && strchr("0123456789;?", data.data[len]))
		len++;
	if (len == data.len)
		return 0;
	control(screen, sl_span(data.data + 2, len - 2), data.data[len]);
	return len + 1;
}

/* As take_escape, for anything. */
static size_t
take(struct screen *screen, struct sl_span data)
{
	uint32_t code = 0;
	size_t len = sl_text_utf8(data, &code);
	if (len == 0 && data.len < 4)
		return 0;
	if (len == 0)
		fail("no UTF-8");
	if (code == 033)
		return take_escape(screen, data);
	if (code == '\r' || code == '\n') {
		/* The terminal driver makes a line feed a carriage return and a line feed. */
		screen->x = 0;
		screen->pending_wrap = false;
		if (code == '\n')
			line_feed(screen);
	} else if (code < 0x20 || code == 0x7f) {
		fail("a control byte");
	} else {
		put(screen, code, sl_text_width(sl_span(data.data, len)));
	}
	return len;
}

void
screen_write(struct screen *screen, struct sl_span data)
{
	struct sl_buf whole = screen->cut;
	size_t done = 0, len = 0;
	screen->cut = (struct sl_buf){ 0 };
	sl_buf_add_span(&whole, data);
	while (done < whole.len &&
		(len = take(screen, sl_span(whole.data + done, whole.len - done))) > 0)
		done += len;
	if (done < whole.len)
		sl_buf_add(&screen->cut, whole.data + done, whole.len - done);
	sl_buf_release(&whole);
}

static size_t
row_len(const struct row *row)
{
	size_t len = COLUMNS_MAX;
	while (len > 0 && (row->cells[len - 1] == 0 || row->cells[len - 1] == ' '))
		len--;
	return len;
}

void
screen_resize(struct screen *screen, size_t columns, size_t rows)
{
	struct row *old = screen->row;
	size_t last = screen->y, column = screen->x;
	screen->row = calloc(ROWS_MAX, sizeof(*screen->row));
	if (!screen->row || columns > COLUMNS_MAX)
		fail("cannot be resized");
	screen->columns = columns;
	screen->rows = rows;
	screen->top = screen->y = screen->x = 0;
	screen->pending_wrap = false;
	for (size_t y = 0; y < last; y++) {
		size_t len = old[y].wrapped ? COLUMNS_MAX : row_len(&old[y]);
		for (size_t x = 0; x < len; x++)
			if (old[y].cells[x] != 0 && old[y].cells[x] != WIDE)
				put(screen, old[y].cells[x], old[y].cells[x + 1] == WIDE ? 2 : 1);
			else if (old[y].cells[x] == 0 && !old[y].wrapped)
				put(screen, ' ', 1);
		if (!old[y].wrapped)
			screen_write(screen, sl_span("\n", 1));
	}
	screen->x = SL_MIN(column, columns - 1);
	free(old);
}

static void
add_code(struct sl_buf *out, uint32_t code)
{
	if (code < 0x80) {
		sl_buf_add_char(out, (char)code);
	} else if (code < 0x800) {
		sl_buf_add_char(out, (char)(0xc0 | code >> 6));
		sl_buf_add_char(out, (char)(0x80 | (code & 63)));
	} else {
		if (code < 0x10000) {
			sl_buf_add_char(out, (char)(0xe0 | code >> 12));
		} else {
			sl_buf_add_char(out, (char)(0xf0 | code >> 18));
			sl_buf_add_char(out, (char)(0x80 | (code >> 12 & 63)));
		}
		sl_buf_add_char(out, (char)(0x80 | (code >> 6 & 63)));
		sl_buf_add_char(out, (char)(0x80 | (code & 63)));
	}
}

bool
screen_is_settled(const struct screen *screen)
{
	return screen->cut.len == 0;
}

void
screen_text(const struct screen *screen, struct sl_buf *out)
{
	if (screen->cut.len > 0)
		fail("a sequence was not finished");
	for (size_t y = 0; y <= screen->y; y++) {
		const struct row *row = &screen->row[y];
		size_t len = row->wrapped ? screen->columns : row_len(row);
		for (size_t x = 0; x < len; x++)
			if (row->cells[x] != WIDE && (row->cells[x] != 0 || !row->wrapped))
				add_code(out, row->cells[x] ? row->cells[x] : ' ');
		if (!row->wrapped)
			sl_buf_add_char(out, '\n');
	}
	while (out->len > 1 && out->data[out->len - 2] == '\n')
		out->data[--out->len] = '\0';
}

size_t
screen_row_count(const struct screen *screen)
{
	return screen->y + 1;
}

size_t
screen_cursor_column(const struct screen *screen)
{
	return screen->x;
}

bool
screen_cursor_is_hidden(const struct screen *screen)
{
	return screen->hidden;
}
