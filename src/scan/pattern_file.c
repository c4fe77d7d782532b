#include "sluice/scan/pattern_file.h"

#include "sluice/scan/sniff.h"

#include <errno.h>
#include <stdlib.h>

int
sl_pattern_texts_add(struct sl_pattern_texts *list, struct sl_span text)
{
	if (list->count == list->cap) {
		size_t cap = SL_MAX(list->cap * 2, (size_t)64);
		struct sl_span *items = realloc(list->items, cap * sizeof(*items));
		if (!items)
			return -ENOMEM;
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] = text;
	return 0;
}

void
sl_pattern_texts_release(struct sl_pattern_texts *list)
{
	free(list->items);
	*list = (struct sl_pattern_texts){ 0 };
}

static int
refuse_form(enum sl_form form, const char *shown, struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"cannot take patterns from %s: it is %s%s (use: %s FILE | sluice scan -f - INPUT)",
		shown, sl_form_name(form), sl_form_is_wide(form) ? " text" : "-compressed",
		sl_form_reader(form));
}

/* A NUL would be part of a pattern that no text has; more likely the file is not text at all. */
static int
refuse_nul(struct sl_span text, const char *nul, const char *shown, struct sl_error *err)
{
	unsigned long long line = 1;
	for (const char *at = text.data; at < nul; at++)
		line += *at == '\n';
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"cannot take patterns from %s: line %llu has a NUL byte (it must be text with one "
		"pattern per line; \\x00 in a pattern matches NUL)",
		shown, line);
}

int
sl_pattern_file_read(
	struct sl_pattern_texts *list, struct sl_span text, const char *shown, struct sl_error *err)
{
	enum sl_form form = sl_sniff_form((const unsigned char *)text.data, text.len);
	if (form != SL_FORM_PLAIN)
		return refuse_form(form, shown, err);
	const char *nul = text.len ? memchr(text.data, '\0', text.len) : NULL;
	if (nul)
		return refuse_nul(text, nul, shown, err);
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = sl_span(text.data + 3, text.len - 3);
	while (text.len > 0) {
		const char *newline = memchr(text.data, '\n', text.len);
		size_t len = newline ? (size_t)(newline - text.data) : text.len;
		size_t next = newline ? len + 1 : len;
		if (newline && len && text.data[len - 1] == '\r')
			len--;
		if (sl_pattern_texts_add(list, sl_span(text.data, len)) != 0)
			return sl_fail_code(
				err, SL_PHASE_NONE, -ENOMEM, "cannot read the patterns");
		text = sl_span(text.data + next, text.len - next);
	}
	return 0;
}
