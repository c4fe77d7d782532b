#include "support/h2_frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX 600

static void
must(int good, const char *text)
{
	if (good)
		return;
	fprintf(stderr, "h2_frames: '%s' is not of the form\n", text);
	abort();
}

void
h2_frame(struct sl_buf *out, unsigned type, unsigned flags, uint32_t stream, struct sl_span payload)
{
	const unsigned char head[] = { (unsigned char)(payload.len >> 16),
		(unsigned char)(payload.len >> 8), (unsigned char)payload.len, (unsigned char)type,
		(unsigned char)flags, (unsigned char)(stream >> 24), (unsigned char)(stream >> 16),
		(unsigned char)(stream >> 8), (unsigned char)stream };
	sl_buf_add(out, head, sizeof(head));
	sl_buf_add_span(out, payload);
}

/* ---- pieces of a payload ---- */

/* RFC 7541 5.1, of 7 bits. */
static void
add_string(struct sl_buf *out, const char *data, size_t len)
{
	size_t rest = len;
	sl_buf_add_char(out, (char)SL_MIN(len, (size_t)127));
	if (len >= 127) {
		for (rest -= 127; rest >= 128; rest /= 128)
			sl_buf_add_char(out, (char)(rest % 128 + 128));
		sl_buf_add_char(out, (char)rest);
	}
	sl_buf_add(out, data, len);
}

static void
add_piece(struct sl_buf *out, const char *piece, size_t len)
{
	const char *equals = memchr(piece, '=', len);
	if (*piece == '\'') {
		must(len >= 2 && piece[len - 1] == '\'', piece);
		sl_buf_add(out, piece + 1, len - 2);
	} else if (equals) {
		sl_buf_add_char(out, 0);
		add_string(out, piece, (size_t)(equals - piece));
		add_string(out, equals + 1, len - 1 - (size_t)(equals - piece));
	} else {
		must(len % 2 == 0, piece);
		for (size_t i = 0; i < len; i += 2) {
			char digits[3] = { piece[i], piece[i + 1] }, *end;
			sl_buf_add_char(out, (char)strtoul(digits, &end, 16));
			must(*end == '\0', piece);
		}
	}
}

static void
add_pieces(struct sl_buf *out, const char *token)
{
	const char *star = strrchr(token, '*');
	size_t len = star ? (size_t)(star - token) : strlen(token);
	unsigned long times = star ? strtoul(star + 1, NULL, 10) : 1;
	for (; times > 0; times--)
		add_piece(out, token, len);
}

/* ---- frames ---- */

static const char *const types[] = { "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS",
	"PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION", "UNKNOWN", "RAW" };
enum { RAW = 11 };

static unsigned
type_of(const char *name)
{
	for (unsigned i = 0; i < SL_COUNT_OF(types); i++)
		if (strcmp(types[i], name) == 0)
			return i;
	must(false, name);
	return 0;
}

static unsigned
flags_of(const char *letters)
{
	unsigned flags = 0;
	for (; *letters; letters++)
		switch (*letters) {
		case 's':
		case 'a':
			flags |= 1;
			break;
		case 'h':
			flags |= 4;
			break;
		case 'p':
			flags |= 8;
			break;
		case 'r':
			flags |= 0x20;
			break;
		default:
			must(*letters == '-', letters);
		}
	return flags;
}

/* The next word of one frame, or "". */
static const char *
next(const char **at, char word[TOKEN_MAX])
{
	*at += strspn(*at, " ");
	size_t len = strcspn(*at, " ;");
	must(len < TOKEN_MAX, *at);
	memcpy(word, *at, len);
	word[len] = '\0';
	*at += len;
	return word;
}

static void
add_frame(struct sl_buf *out, const char **at)
{
	char word[TOKEN_MAX], *end;
	struct sl_buf payload = { 0 };
	unsigned long times = strtoul(next(at, word), &end, 10);
	unsigned type, flags = 0;
	uint32_t stream = 0;
	if (end == word)
		times = 1;
	else
		next(at, word);
	type = type_of(word);
	if (type != RAW) {
		stream = (uint32_t)strtoul(next(at, word), &end, 10);
		must(*end == '\0', word);
		flags = flags_of(next(at, word));
	}
	while (*next(at, word))
		add_pieces(&payload, word);
	for (; times > 0; times--)
		if (type == RAW)
			sl_buf_add_span(out, sl_buf_span(&payload));
		else
			h2_frame(out, type, flags, stream, sl_buf_span(&payload));
	sl_buf_release(&payload);
}

void
h2_frames(struct sl_buf *out, const char *text)
{
	const char *at = text;
	while (*at) {
		add_frame(out, &at);
		must(*at == '\0' || *at == ';', at);
		at += *at == ';';
		at += strspn(at, " ");
	}
	must(!out->failed, "memory");
}
