/*
 * name_list.c - an entry is its numbers, the bytes that its name shares with the one before, the
 * number of those that follow, and these. Numbers have 7 bits a byte, the lowest first, and the top
 * bit in all bytes but the last. Every STRIDE-th entry shares nothing, so that one can be found
 * without reading all.
 */
#include "sluice/sink/name_list.h"

#include <errno.h>
#include <stdlib.h>

#define STRIDE 64u

/* ---- adding ---- */

static void
add_number(struct sl_buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		sl_buf_add_char(out, (char)(unsigned char)(value | 0x80));
	sl_buf_add_char(out, (char)(unsigned char)value);
}

static size_t
shared_len(struct sl_span a, struct sl_span b)
{
	size_t len = 0;
	while (len < a.len && len < b.len && a.data[len] == b.data[len])
		len++;
	return len;
}

/* The next entry has its whole name. */
static int
add_mark(struct sl_name_list *list)
{
	size_t index = list->count / STRIDE;
	if (index == list->mark_cap) {
		size_t cap = list->mark_cap ? list->mark_cap * 2 : 16;
		size_t *marks = reallocarray(list->marks, cap, sizeof(*marks));
		if (!marks)
			return -ENOMEM;
		list->marks = marks;
		list->mark_cap = cap;
	}
	list->marks[index] = list->entries.len;
	sl_buf_clear(&list->last);
	return 0;
}

int
sl_name_list_add(struct sl_name_list *list, struct sl_span name,
	const uint64_t numbers[SL_NAME_LIST_NUMBERS])
{
	struct sl_buf *out = &list->entries;
	size_t begin = out->len;
	if (list->count % STRIDE == 0 && add_mark(list) != 0)
		return -ENOMEM;
	size_t shared = shared_len(sl_buf_span(&list->last), name);
	for (unsigned i = 0; i < SL_NAME_LIST_NUMBERS; i++)
		add_number(out, numbers[i]);
	add_number(out, shared);
	add_number(out, name.len - shared);
	sl_buf_add(out, name.data + shared, name.len - shared);
	list->last.len = shared;
	sl_buf_add(&list->last, name.data + shared, name.len - shared);
	if (out->failed || list->last.failed) {
		out->len = begin;
		return -ENOMEM;
	}
	list->count++;
	return 0;
}

void
sl_name_list_release(struct sl_name_list *list)
{
	sl_buf_release(&list->entries);
	sl_buf_release(&list->last);
	free(list->marks);
	*list = (struct sl_name_list){ 0 };
}

/* ---- reading ---- */

static uint64_t
take_number(struct sl_name_list_reader *reader)
{
	const char *data = reader->list->entries.data;
	uint64_t value = 0;
	for (unsigned shift = 0;; shift += 7) {
		unsigned char c = (unsigned char)data[reader->at++];
		value |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return value;
	}
}

bool
sl_name_list_next(struct sl_name_list_reader *reader)
{
	const struct sl_name_list *list = reader->list;
	if (reader->next == list->count || reader->name.failed)
		return false;
	for (unsigned i = 0; i < SL_NAME_LIST_NUMBERS; i++)
		reader->numbers[i] = take_number(reader);
	reader->name.len = (size_t)take_number(reader);
	size_t len = (size_t)take_number(reader);
	sl_buf_add(&reader->name, list->entries.data + reader->at, len);
	reader->at += len;
	reader->next++;
	return !reader->name.failed;
}

static void
seek(struct sl_name_list_reader *reader, size_t mark)
{
	reader->next = mark * STRIDE;
	reader->at = reader->list->marks[mark];
}

/* The last mark whose entry has this first number or a lower one; 0 if none does. */
static size_t
find_mark(struct sl_name_list_reader *reader, uint64_t number)
{
	size_t low = 0, high = (reader->list->count + STRIDE - 1) / STRIDE;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		reader->at = reader->list->marks[middle];
		if (take_number(reader) <= number)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool
sl_name_list_find(struct sl_name_list_reader *reader, uint64_t number)
{
	if (reader->list->count == 0)
		return false;
	seek(reader, find_mark(reader, number));
	while (sl_name_list_next(reader))
		if (reader->numbers[0] >= number)
			return reader->numbers[0] == number;
	return false;
}

void
sl_name_list_reader_release(struct sl_name_list_reader *reader)
{
	sl_buf_release(&reader->name);
}
