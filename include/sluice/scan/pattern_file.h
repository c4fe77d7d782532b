/*
 * pattern_file.h - the patterns in a text, one a line, as with grep -f. Pure.
 *
 * A line ends with LF or CRLF; the last one may end with the text. An empty line is a pattern that
 * matches every line, and an empty text has no pattern. A UTF-8 byte order mark at the beginning is
 * not part of the first pattern.
 */
#ifndef SLUICE_SCAN_PATTERN_FILE_H
#define SLUICE_SCAN_PATTERN_FILE_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* Patterns, in order. {0} has none. */
struct sl_pattern_texts {
	struct sl_span *items; /* their text belongs to the caller and must stay */
	size_t count, cap;
};

/* Returns 0 or -ENOMEM. */
int sl_pattern_texts_add(struct sl_pattern_texts *list, struct sl_span text) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_pattern_texts_release(struct sl_pattern_texts *list);

/*
 * Append the patterns of `text`, all of the file that messages call `shown`. Returns 0; SL_E_USAGE
 * if it is not lines of text: compressed, UTF-16, UTF-32, or with a NUL byte; -ENOMEM. After a
 * failure some may have been added.
 */
int sl_pattern_file_read(struct sl_pattern_texts *list, struct sl_span text, const char *shown,
	struct sl_error *err) SL_MUST_CHECK;

#endif
