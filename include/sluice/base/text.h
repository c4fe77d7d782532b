/*
 * text.h - makes bytes from servers, files and file names safe to show on a terminal, and measures
 * their width.
 */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include "sluice/base/bytes.h"

/*
 * Append `text` to *out with every byte a terminal could act on shown as \xNN: C0 except tab, DEL,
 * C1 (also as UTF-8 C2 80..9F) and bytes that are not valid UTF-8 (RFC 3629); the bidirectional
 * controls of Unicode (U+061C, U+200E..F, U+202A..E, U+2066..9) are shown as \u{202A}. A newline is
 * shown as \x0a.
 */
void sl_text_make_safe(struct sl_buf *out, struct sl_span text);

/* The same for a terminal without UTF-8: each byte from 0x80 on is shown as \xNN. `text` may also
 * be safe text. */
void sl_text_make_ascii(struct sl_buf *out, struct sl_span text);

/* The bidirectional controls listed above: they change the order in which others are shown. */
bool sl_text_is_bidi_control(uint32_t code);

/* Length of the valid UTF-8 sequence at the start of text, 1..4, or 0 if there is none. *code gets
 * the code point. */
size_t sl_text_utf8(struct sl_span text, uint32_t *code);

bool sl_text_is_utf8(struct sl_span text);

/* Length of the longest start of `text` that is printable ASCII without quotation marks and
 * backslashes: what JSON takes as it is. */
size_t sl_text_plain(struct sl_span text);

/* A control byte of ASCII, NUL and DEL included: such text is refused where a name, a URL or a
 * header field is expected. */
bool sl_text_has_control(struct sl_span text);

/* Length of the longest start of `text` that has at most `most` bytes and does not end within a
 * character. */
size_t sl_text_cut(struct sl_span text, size_t most);

/* Append the start of `text` of at most `most` bytes, made safe, and "..." if that is not all. */
void sl_text_show(struct sl_buf *out, struct sl_span text, size_t most);

/* Append RFC 4648 section 4, with padding. */
void sl_text_add_base64(struct sl_buf *out, struct sl_span data);

/* Decode RFC 4648 section 4 into `out`; the padding may be missing. False if it is not base64 or
 * has more than `cap` bytes. */
bool sl_text_read_base64(
	struct sl_span text, unsigned char *out, size_t cap, size_t *len) SL_MUST_CHECK;

/* The bytes in lower case hexadecimal: 2 * len digits and a NUL. */
void sl_text_write_hex(char *out, const void *data, size_t len);

/* Append `text`, without its middle if it is longer than `most` bytes (at least 16), so that the
 * end of a path, the file name, is kept. Never cuts within a character. */
void sl_text_shorten(struct sl_buf *out, struct sl_span text, size_t most);

/* Columns a terminal uses for safe text: wide characters count 2, combining ones 0. */
size_t sl_text_width(struct sl_span text);

/* Overwrite a secret and free it; NULL is fine. */
void sl_text_wipe(char *text);

#endif
