/*
 * A chunked body: byte by byte, cut once and whole give the same payload and end; and a naive
 * reader that has all the bytes at once agrees about what is accepted.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/bytes.h"
#include "sluice/base/number.h"
#include "sluice/http/chunked.h"

struct outcome {
	enum sl_chunked_step step;
	size_t used;
	struct sl_buf payload;
	struct sl_error err;
};

static void
run_piece(struct outcome *out, struct sl_chunked *chunked, const char *data, size_t len)
{
	size_t off = 0;
	for (;;) {
		size_t used = 0;
		out->step = sl_chunked_step(chunked, data + off, len - off, &used, &out->err);
		must(used <= len - off);
		off += used;
		if (out->step != SL_CHUNKED_DATA || off == len)
			break;
		size_t take = SL_MIN(len - off, (size_t)sl_chunked_left(chunked));
		must(take > 0);
		sl_buf_add(&out->payload, data + off, take);
		sl_chunked_took(chunked, take);
		off += take;
	}
	must(out->step != SL_CHUNKED_MORE || off == len);
	must((out->step == SL_CHUNKED_BAD) == (out->err.code != 0));
	out->used += off;
}

static void
run(struct outcome *out, const char *data, size_t len, size_t first, size_t step)
{
	struct sl_chunked chunked;
	size_t piece = first;
	memset(out, 0, sizeof(*out));
	sl_chunked_init(&chunked);
	do {
		size_t n = SL_MIN(piece, len - out->used);
		run_piece(out, &chunked, data + out->used, n);
		piece = step;
	} while ((out->step == SL_CHUNKED_MORE || out->step == SL_CHUNKED_DATA) && out->used < len);
}

/* A line's length without its end, and the offset behind it; false if it is not whole or has a lone
 * CR or NUL. */
static bool
naive_line(const char *data, size_t len, size_t *off, struct sl_span *line)
{
	const char *lf = *off < len ? memchr(data + *off, '\n', len - *off) : NULL;
	if (!lf)
		return false;
	*line = sl_span(data + *off, (size_t)(lf - data) - *off);
	*off += line->len + 1;
	if (line->len > 0 && line->data[line->len - 1] == '\r')
		line->len--;
	return line->len == 0 ||
	       (!memchr(line->data, '\r', line->len) && !memchr(line->data, '\0', line->len));
}

/* *excess: see SL_CHUNKED_EXCESS_MAX. */
static bool
naive_size(struct sl_span line, uint64_t *size, uint64_t *excess)
{
	size_t digits = 0;
	while (digits < line.len && sl_hex_digit((unsigned char)line.data[digits]) >= 0)
		digits++;
	struct sl_span rest = sl_span_trim(sl_span(line.data + digits, line.len - digits));
	if (!sl_parse_hex(line.data, digits, size) || *size > INT64_MAX)
		return false;
	uint64_t extension = line.len > digits ? line.len - digits - 1 : 0;
	uint64_t allowed = *size + SL_CHUNKED_EXTENSION_FREE;
	*excess = *excess + extension > allowed ? *excess + extension - allowed : 0;
	return extension <= SL_CHUNKED_EXTENSION_MAX && *excess <= SL_CHUNKED_EXCESS_MAX &&
	       (rest.len == 0 || rest.data[0] == ';');
}

/* A name, or the continuation of a line before. */
static bool
naive_trailer(struct sl_span line, bool is_first)
{
	return (!is_first && (line.data[0] == ' ' || line.data[0] == '\t')) ||
	       memchr(line.data, ':', line.len);
}

/* True if all of it is one complete body, up to *end. */
static bool
naive(const char *data, size_t len, struct sl_buf *payload, size_t *end)
{
	struct sl_span line;
	uint64_t size = 0, excess = 0;
	size_t trailer = 0;
	*end = 0;
	while (naive_line(data, len, end, &line) && naive_size(line, &size, &excess)) {
		if (size == 0) {
			while (naive_line(data, len, end, &line)) {
				trailer += line.len;
				if (line.len == 0)
					return trailer <= SL_CHUNKED_TRAILER_MAX;
				if (!naive_trailer(line, trailer == line.len))
					return false;
			}
			return false;
		}
		if (size > len - *end)
			return false;
		sl_buf_add(payload, data + *end, (size_t)size);
		*end += (size_t)size;
		if (!naive_line(data, len, end, &line) || line.len > 0)
			return false;
	}
	return false;
}

static void
check_same(const struct outcome *a, const struct outcome *b)
{
	must(a->step == b->step);
	must(sl_span_equal(sl_buf_span(&a->payload), sl_buf_span(&b->payload)));
	must(a->step == SL_CHUNKED_BAD || a->used == b->used);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct outcome whole, bytes, cut;
	struct sl_buf payload = { 0 };
	size_t end = 0;
	run(&whole, text, len, SIZE_MAX, SIZE_MAX);
	run(&bytes, text, len, 1, 1);
	run(&cut, text, len, len ? data[len - 1] : 0, SIZE_MAX);
	check_same(&whole, &bytes);
	check_same(&whole, &cut);
	if (naive(text, len, &payload, &end)) {
		must(whole.step == SL_CHUNKED_DONE && whole.used == end);
		must(sl_span_equal(sl_buf_span(&whole.payload), sl_buf_span(&payload)));
	} else {
		must(whole.step != SL_CHUNKED_DONE);
	}
	sl_buf_release(&payload);
	sl_buf_release(&whole.payload);
	sl_buf_release(&bytes.payload);
	sl_buf_release(&cut.payload);
	return 0;
}
