/*
 * The decoder of the chunked coding, byte by byte. States and arrows; every line end is CR LF or
 * LF:
 *
 *	SIZE -digits-> EXTENSION -line end-> DATA (size > 0) or TRAILER (size 0)
 *	DATA -payload taken-> DATA_END -line end-> SIZE
 *	TRAILER -line with a name, or that continues one-> TRAILER
 *	TRAILER -empty line-> END
 *
 * Each ..._LF state follows the CR of a line end: only LF may come next. Skipped bytes are counted
 * as they are read, so that a limit takes effect before the line is complete.
 */
#include "sluice/http/chunked.h"

#include "sluice/base/number.h"

#include <string.h>

#define SIZE_DIGITS_MAX 16 /* 64 bits */
#define SIZE_MAX_VALUE ((uint64_t)INT64_MAX)

void
sl_chunked_init(struct sl_chunked *chunked)
{
	memset(chunked, 0, sizeof(*chunked));
}

uint64_t
sl_chunked_left(const struct sl_chunked *chunked)
{
	return chunked->state == SL_CHUNKED_AT_DATA ? chunked->left : 0;
}

void
sl_chunked_took(struct sl_chunked *chunked, uint64_t len)
{
	sl_assert(len <= sl_chunked_left(chunked));
	chunked->left -= len;
	if (chunked->state == SL_CHUNKED_AT_DATA && chunked->left == 0)
		chunked->state = SL_CHUNKED_AT_DATA_END;
}

static void
fail(struct sl_chunked *chunked, int code, const char *why, struct sl_error *err)
{
	chunked->state = SL_CHUNKED_REFUSED;
	chunked->left = 0;
	sl_fail(err, SL_PHASE_BODY, code, "%s", why);
}

static void
begin_size(struct sl_chunked *chunked)
{
	chunked->state = SL_CHUNKED_AT_SIZE;
	chunked->digits = 0;
	chunked->extension = 0;
	chunked->extended = false;
}

static void
end_size_line(struct sl_chunked *chunked)
{
	unsigned used = chunked->excess + chunked->extension;
	uint64_t allowed = SL_CHUNKED_EXTENSION_FREE + chunked->left;
	chunked->excess = used > allowed ? used - (unsigned)allowed : 0;
	chunked->state = chunked->left > 0 ? SL_CHUNKED_AT_DATA : SL_CHUNKED_AT_TRAILER;
}

static void
take_size(struct sl_chunked *chunked, char c, struct sl_error *err)
{
	int digit = sl_hex_digit((unsigned char)c);
	if (digit >= 0 && chunked->digits < SIZE_DIGITS_MAX) {
		chunked->left = chunked->left << 4 | (unsigned)digit;
		chunked->digits++;
	} else if (digit >= 0 || chunked->left > SIZE_MAX_VALUE) {
		fail(chunked, SL_E_PROTO, "the size of a chunk from the server is too large", err);
	} else if (chunked->digits == 0) {
		fail(chunked, SL_E_PROTO,
			"the size of a chunk from the server is not a hexadecimal number", err);
	} else if (c == '\r') {
		chunked->state = SL_CHUNKED_AT_SIZE_LF;
	} else if (c == '\n') {
		end_size_line(chunked);
	} else if (c == ';' || c == ' ' || c == '\t') {
		chunked->state = SL_CHUNKED_AT_EXTENSION;
		chunked->extended = c == ';';
	} else {
		fail(chunked, SL_E_PROTO,
			"the size of a chunk from the server is not a hexadecimal number", err);
	}
}

/* Blanks may stand before the ';' (RFC 9112 7.1.1), and old servers pad sizes with them. */
static void
take_extension(struct sl_chunked *chunked, char c, struct sl_error *err)
{
	if (c == '\r')
		chunked->state = SL_CHUNKED_AT_SIZE_LF;
	else if (c == '\n')
		end_size_line(chunked);
	else if (++chunked->extension > SL_CHUNKED_EXTENSION_MAX)
		fail(chunked, SL_E_LIMIT, "a chunk extension from the server is longer than 4 KiB",
			err);
	else if (chunked->excess + chunked->extension >
		 SL_CHUNKED_EXCESS_MAX + SL_CHUNKED_EXTENSION_FREE + chunked->left)
		fail(chunked, SL_E_LIMIT,
			"the chunk extensions from the server are larger than the body itself",
			err);
	else if (c == ';')
		chunked->extended = true;
	else if (c == '\0' || (!chunked->extended && c != ' ' && c != '\t'))
		fail(chunked, SL_E_PROTO,
			"the size of a chunk from the server is not a hexadecimal number", err);
}

/* As a header line without a colon is: it may belong to something else than this body. */
static void
end_trailer_line(struct sl_chunked *chunked, struct sl_error *err)
{
	if (chunked->named)
		chunked->state = SL_CHUNKED_AT_TRAILER;
	else
		fail(chunked, SL_E_PROTO, "a trailer line from the server has no colon", err);
}

static void
take_trailer(struct sl_chunked *chunked, char c, struct sl_error *err)
{
	bool at_start = chunked->state == SL_CHUNKED_AT_TRAILER;
	if (at_start) /* a blank continues the line before (RFC 9112 5.2) */
		chunked->named = (c == ' ' || c == '\t') && chunked->trailer > 0;
	if (c == '\r')
		chunked->state = at_start ? SL_CHUNKED_AT_FINAL_LF : SL_CHUNKED_AT_TRAILER_LF;
	else if (c == '\n' && at_start)
		chunked->state = SL_CHUNKED_AT_END;
	else if (c == '\n')
		end_trailer_line(chunked, err);
	else if (c == '\0')
		fail(chunked, SL_E_PROTO, "a trailer from the server contains a NUL byte", err);
	else if (++chunked->trailer > SL_CHUNKED_TRAILER_MAX)
		fail(chunked, SL_E_LIMIT, "the trailers from the server are longer than 64 KiB",
			err);
	else
		chunked->state = SL_CHUNKED_IN_TRAILER;
	chunked->named = chunked->named || c == ':';
}

static void
take_lf(struct sl_chunked *chunked, char c, struct sl_error *err)
{
	if (c != '\n')
		fail(chunked, SL_E_PROTO,
			"a line of the server's chunked body contains a CR without LF", err);
	else if (chunked->state == SL_CHUNKED_AT_SIZE_LF)
		end_size_line(chunked);
	else if (chunked->state == SL_CHUNKED_AT_DATA_LF)
		begin_size(chunked);
	else if (chunked->state == SL_CHUNKED_AT_FINAL_LF)
		chunked->state = SL_CHUNKED_AT_END;
	else
		end_trailer_line(chunked, err);
}

static void
take_data_end(struct sl_chunked *chunked, char c, struct sl_error *err)
{
	if (c == '\r')
		chunked->state = SL_CHUNKED_AT_DATA_LF;
	else if (c == '\n')
		begin_size(chunked);
	else
		fail(chunked, SL_E_PROTO,
			"a chunk from the server is longer than its announced size", err);
}

static void
take_byte(struct sl_chunked *chunked, char c, struct sl_error *err)
{
	switch (chunked->state) {
	case SL_CHUNKED_AT_SIZE:
		take_size(chunked, c, err);
		return;
	case SL_CHUNKED_AT_EXTENSION:
		take_extension(chunked, c, err);
		return;
	case SL_CHUNKED_AT_DATA_END:
		take_data_end(chunked, c, err);
		return;
	case SL_CHUNKED_AT_TRAILER:
	case SL_CHUNKED_IN_TRAILER:
		take_trailer(chunked, c, err);
		return;
	default:
		take_lf(chunked, c, err);
	}
}

enum sl_chunked_step
sl_chunked_step(struct sl_chunked *chunked, const char *data, size_t len, size_t *used,
	struct sl_error *err)
{
	*used = 0;
	for (;;) {
		if (chunked->state == SL_CHUNKED_AT_DATA)
			return SL_CHUNKED_DATA;
		if (chunked->state == SL_CHUNKED_AT_END)
			return SL_CHUNKED_DONE;
		if (chunked->state == SL_CHUNKED_REFUSED) {
			sl_fail(err, SL_PHASE_BODY, SL_E_PROTO,
				"the server's chunked body was refused earlier");
			return SL_CHUNKED_BAD;
		}
		if (*used == len)
			return SL_CHUNKED_MORE;
		take_byte(chunked, data[(*used)++], err);
	}
}
