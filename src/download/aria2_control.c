/*
 * aria2_control.c - the control file of aria2 to ranges. No length in it is believed before it was
 * compared with what the file has and with what the numbers before it allow.
 */
#include "sluice/download/aria2_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK (16 * SL_KIB)
#define TORRENT 1u

struct reader {
	struct sl_span rest;
	bool is_big_endian;
	bool is_short; /* more was to be read than there is */
	uint64_t piece_len;
	struct sl_aria2_control *out;
	size_t cap;
};

static struct sl_span
take(struct reader *reader, size_t len)
{
	if (reader->rest.len < len) {
		reader->is_short = true;
		return sl_span(NULL, 0);
	}
	struct sl_span taken = sl_span(reader->rest.data, len);
	reader->rest = sl_span(reader->rest.data + len, reader->rest.len - len);
	return taken;
}

/* 0 if it is not there. */
static uint64_t
take_number(struct reader *reader, size_t bytes)
{
	struct sl_span text = take(reader, bytes);
	uint64_t value = 0;
	for (size_t i = 0; i < text.len; i++) {
		size_t shift = reader->is_big_endian ? text.len - 1 - i : i;
		value |= (uint64_t)(unsigned char)text.data[i] << (8 * shift);
	}
	return value;
}

static int
damaged(struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_PROTO,
		"the control file of aria2 is damaged, or is something else");
}

/* ---- ranges ---- */

static int
add_range(struct reader *reader, uint64_t begin, uint64_t end)
{
	struct sl_aria2_control *out = reader->out;
	if (out->count > 0 && out->done[out->count - 1].end == begin) {
		out->done[out->count - 1].end = end;
		return 0;
	}
	if (out->count == reader->cap) {
		size_t cap = reader->cap ? reader->cap * 2 : 64;
		struct sl_range *done = reallocarray(out->done, cap, sizeof(*done));
		if (!done)
			return -ENOMEM;
		out->done = done;
		reader->cap = cap;
	}
	out->done[out->count++] = (struct sl_range){ begin, end };
	return 0;
}

/* A range for each bit: units of `unit` bytes from `begin` on, the last one up to `end`. Bits
 * behind that mean nothing. */
static int
add_bits(struct reader *reader, struct sl_span bits, uint64_t begin, uint64_t end, uint64_t unit)
{
	int code = 0;
	for (size_t i = 0; i < bits.len * 8 && begin < end && !code; i++, begin += unit)
		if ((unsigned char)bits.data[i / 8] & 0x80u >> (i % 8))
			code = add_range(reader, begin, begin + SL_MIN(unit, end - begin));
	return code;
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct sl_range *left = a, *right = b;
	return (left->begin > right->begin) - (left->begin < right->begin);
}

/* Pieces in flight come in any order, and may be in the bit field, too. */
static void
sort_and_merge(struct sl_aria2_control *control)
{
	struct sl_range *done = control->done;
	size_t count = 0;
	if (control->count == 0)
		return;
	qsort(done, control->count, sizeof(*done), compare_ranges);
	for (size_t i = 0; i < control->count; i++) {
		if (count > 0 && done[i].begin <= done[count - 1].end)
			done[count - 1].end = SL_MAX(done[count - 1].end, done[i].end);
		else
			done[count++] = done[i];
	}
	control->count = count;
}

/* ---- the file ---- */

static uint64_t
bit_field_len(uint64_t bytes, uint64_t unit)
{
	uint64_t units = bytes / unit + (bytes % unit != 0);
	return units / 8 + (units % 8 != 0);
}

static int
read_head(struct reader *reader, struct sl_error *err)
{
	struct sl_span version = take(reader, 2);
	bool is_version =
		version.len == 2 && version.data[0] == 0 && (unsigned char)version.data[1] <= 1;
	if (reader->is_short)
		return damaged(err);
	if (!is_version)
		return sl_fail(err, SL_PHASE_NONE, SL_E_UNSUPPORTED,
			"the control file of aria2 has an unsupported version");
	const uint16_t one = 1;
	bool is_big_machine = *(const unsigned char *)&one == 0;
	reader->is_big_endian = version.data[1] == 1 || is_big_machine;
	/* The extension is four bytes, not a number. */
	struct sl_span extension = take(reader, 4);
	bool is_torrent = extension.len == 4 && (unsigned char)extension.data[3] & TORRENT;
	uint64_t hash_len = take_number(reader, 4);
	if (reader->is_short)
		return damaged(err);
	if (is_torrent || hash_len > 0)
		return sl_fail(err, SL_PHASE_NONE, SL_E_UNSUPPORTED,
			"the control file of aria2 belongs to a torrent");
	reader->piece_len = take_number(reader, 4);
	reader->out->total = take_number(reader, 8);
	(void)take_number(reader, 8);
	return reader->is_short || reader->piece_len == 0 ||
			       reader->out->total > (uint64_t)INT64_MAX
		       ? damaged(err)
		       : 0;
}

static int
read_pieces(struct reader *reader, struct sl_error *err)
{
	uint64_t total = reader->out->total, len = take_number(reader, 4);
	if (reader->is_short || len != bit_field_len(total, reader->piece_len))
		return damaged(err);
	struct sl_span bits = take(reader, (size_t)len);
	if (reader->is_short)
		return damaged(err);
	return add_bits(reader, bits, 0, total, reader->piece_len);
}

static int
read_piece_in_flight(struct reader *reader, struct sl_error *err)
{
	uint64_t total = reader->out->total;
	uint64_t begin = take_number(reader, 4) * reader->piece_len;
	uint64_t len = take_number(reader, 4), bits_len = take_number(reader, 4);
	if (reader->is_short || begin >= total || len != SL_MIN(reader->piece_len, total - begin) ||
		bits_len != bit_field_len(len, BLOCK))
		return damaged(err);
	struct sl_span bits = take(reader, (size_t)bits_len);
	if (reader->is_short)
		return damaged(err);
	return add_bits(reader, bits, begin, begin + len, BLOCK);
}

static int
read_all(struct reader *reader, struct sl_error *err)
{
	int code = read_head(reader, err);
	if (!code)
		code = read_pieces(reader, err);
	uint64_t in_flight = code ? 0 : take_number(reader, 4);
	if (!code && reader->is_short)
		code = damaged(err);
	for (; !code && in_flight > 0; in_flight--)
		code = read_piece_in_flight(reader, err);
	return !code && reader->rest.len > 0 ? damaged(err) : code;
}

int
sl_aria2_control_read(struct sl_aria2_control *out, struct sl_span text, struct sl_error *err)
{
	struct reader reader = { .rest = text, .out = out };
	if (text.len > SL_ARIA2_CONTROL_MAX)
		return sl_fail(
			err, SL_PHASE_NONE, SL_E_LIMIT, "the control file of aria2 is too large");
	int code = read_all(&reader, err);
	if (code)
		sl_aria2_control_release(out);
	else
		sort_and_merge(out);
	return code == -ENOMEM ? sl_fail_code(err, SL_PHASE_NONE, code,
					 "cannot read the control file of aria2")
			       : code;
}

void
sl_aria2_control_release(struct sl_aria2_control *control)
{
	free(control->done);
	*control = (struct sl_aria2_control){ 0 };
}
