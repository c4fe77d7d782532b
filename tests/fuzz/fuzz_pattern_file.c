/*
 * Patterns from a text, against a walk over its bytes; and a text made of the patterns gives them
 * again.
 */
#include "fuzz/fuzz.h"
#include "sluice/scan/pattern_file.h"

#include <string.h>

static void
check_lines(struct sl_span text, const struct sl_pattern_texts *list)
{
	size_t begin = text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0, at = 0;
	for (size_t i = begin; i < text.len; i++) {
		bool is_end = text.data[i] == '\n';
		if (!is_end && i + 1 < text.len)
			continue;
		size_t end = is_end ? i : i + 1;
		if (is_end && end > begin && text.data[end - 1] == '\r')
			end--;
		must(at < list->count);
		must(list->items[at].data == text.data + begin);
		must(list->items[at++].len == end - begin);
		begin = i + 1;
	}
	must(at == list->count);
}

static void
check_again(const struct sl_pattern_texts *list)
{
	struct sl_pattern_texts again = { 0 };
	struct sl_error err = { 0 };
	struct sl_buf text = { 0 };
	sl_buf_add_str(&text, "\xef\xbb\xbf");
	for (size_t i = 0; i < list->count; i++) {
		sl_buf_add_span(&text, list->items[i]);
		sl_buf_add_str(&text, i % 2 ? "\n" : "\r\n");
	}
	must(sl_pattern_file_read(&again, sl_buf_span(&text), "it", &err) == 0);
	must(again.count == list->count);
	for (size_t i = 0; i < list->count; i++) {
		/* A CR at the end of a pattern is one of CRLF there. */
		bool has_cr =
			list->items[i].len && list->items[i].data[list->items[i].len - 1] == '\r';
		must(sl_span_equal(again.items[i], list->items[i]) || (has_cr && i % 2));
	}
	sl_pattern_texts_release(&again);
	sl_buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_pattern_texts list = { 0 };
	struct sl_error err = { 0 };
	struct sl_span text = sl_span((const char *)data, len);
	if (sl_pattern_file_read(&list, text, "it", &err) == 0) {
		check_lines(text, &list);
		check_again(&list);
	} else {
		must(err.code && err.text[0]);
	}
	sl_pattern_texts_release(&list);
	return 0;
}
