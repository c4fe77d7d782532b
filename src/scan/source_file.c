/*
 * source_file.c - reads files, at any offsets: holes, ranges, the page cache and direct I/O.
 *
 * Rules: a file is read to the size it had when it was opened; a read that fails or ends early
 * keeps the bytes before; data is never waited for on the runtime's thread, and never mapped, so
 * that a file truncated during the scan is a short read and not a SIGBUS.
 */
#include "sluice/scan/source.h"

#include "sluice/base/number.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* In a cold file the page cache is tried again after so many bytes: each try starts a readahead
 * that direct reads make no use of. */
#define PROBE_STRIDE (16 * SL_MIB)

/* Long holes are split: the length of a range must fit an int. */
#define HOLE_RANGE_MAX SL_GIB

/* ---- holes ---- */

struct hole_search {
	int fd;
	uint64_t off, size;
	uint64_t hole_end, data_end; /* as in struct sl_input */
};

/* No data follows: a hole up to the size the file had, unless it has become shorter, which reading
 * will report. */
static void
search_end(struct hole_search *search)
{
	struct stat st;
	bool is_whole = fstat(search->fd, &st) == 0 && (uint64_t)st.st_size >= search->size;
	search->hole_end = is_whole ? search->size : 0;
	search->data_end = search->size;
}

/*
 * In the blocking pool: on a network file system these are requests. Data counts as at least as
 * long as the shortest hole, so that a file of many small extents takes two calls for 128 KiB at
 * most. Where the file system cannot tell, all is data.
 */
static int
search_hole(void *arg)
{
	struct hole_search *search = arg;
	off_t data = lseek(search->fd, (off_t)search->off, SEEK_DATA);
	if (data < 0 && errno == ENXIO) {
		search_end(search);
		return 0;
	}
	uint64_t begin = data < 0 ? search->size : sl_round_down((uint64_t)data, SL_INPUT_ALIGN);
	if (data >= 0 && begin >= search->off + SL_INPUT_HOLE_MIN) {
		search->hole_end = SL_MIN(begin, search->size);
		return 0;
	}
	uint64_t from = SL_MAX(begin, search->off + SL_INPUT_HOLE_MIN);
	off_t hole = from < search->size ? lseek(search->fd, (off_t)from, SEEK_HOLE) : -1;
	search->data_end = hole < 0 ? search->size : sl_round_up((uint64_t)hole, SL_INPUT_ALIGN);
	return 0;
}

int
sl_input_find_hole(struct sl_input *input)
{
	if (!input->may_be_sparse || input->next_off >= input->size ||
		input->next_off < SL_MAX(input->hole_end, input->data_end))
		return 0;
	struct hole_search search = {
		.fd = input->fd, .off = input->next_off, .size = input->size
	};
	int code = sl_blocking_wait(search_hole, &search);
	if (code)
		return code;
	input->hole_end = search.hole_end;
	input->data_end = search.data_end;
	return 0;
}

/* ---- ranges ---- */

void
sl_input_narrow(struct sl_input *input, uint64_t from, uint64_t until)
{
	sl_assert(from <= until && until <= input->size && input->next_off == 0);
	input->from = input->next_off = from;
	input->size = until;
}

/* Only the first range may not begin at a multiple of SL_INPUT_ALIGN: the next ones are to be fit
 * for direct I/O. */
static uint64_t
end_of_range(uint64_t off, size_t most)
{
	return off % SL_INPUT_ALIGN ? sl_round_down(off + most, SL_INPUT_ALIGN) : off + most;
}

bool
sl_input_next(struct sl_input *input, size_t most, struct sl_input_range *range)
{
	if (input->kind != SL_INPUT_FILE || input->next_off >= input->size)
		return false;
	uint64_t off = input->next_off, end = input->size;
	*range = (struct sl_input_range){ .off = off, .is_hole = input->hole_end > off };
	if (range->is_hole)
		end = SL_MIN(input->hole_end, off + HOLE_RANGE_MAX);
	else if (input->data_end > off)
		end = SL_MIN(end, SL_MIN(input->data_end, end_of_range(off, most)));
	else
		end = SL_MIN(end, end_of_range(off, most));
	range->len = (size_t)(end - off);
	range->is_probe = !range->is_hole && input->is_cold && off >= input->probe_at;
	if (range->is_probe)
		input->probe_at = off + PROBE_STRIDE;
	input->next_off = end;
	return true;
}

/* Open the same file again with O_DIRECT: by /proc, since its name may be another file's by now. */
SL_SUSPENDS
static void
open_direct(struct sl_input *input)
{
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", input->fd);
	input->direct = SL_INPUT_DIRECT_OPENING;
	int fd = sl_io_open(AT_FDCWD, self, O_RDONLY | O_DIRECT | O_NOCTTY, 0, 0);
	input->direct_fd = SL_MAX(fd, -1);
	input->direct = fd >= 0 ? SL_INPUT_DIRECT_YES : SL_INPUT_DIRECT_NO;
}

static void
note_cold(struct sl_input *input, uint64_t off)
{
	if (!input->is_cold)
		input->probe_at = off + PROBE_STRIDE;
	input->is_cold = true;
}

/* At the first cold part of a file: read all of them through the page cache if the whole file fits
 * into what is left, else with O_DIRECT. */
SL_SUSPENDS
static void
choose_io(struct sl_input *input)
{
	uint64_t size = input->size - input->from;
	if (size > input->context->cache_left) {
		open_direct(input);
		return;
	}
	input->context->cache_left -= size;
	input->direct = SL_INPUT_DIRECT_NO;
}

SL_SUSPENDS
static int
read_cold(struct sl_input *input, unsigned char *data, size_t len, uint64_t off)
{
	if (input->direct == SL_INPUT_DIRECT_MAYBE)
		choose_io(input);
	if (input->direct == SL_INPUT_DIRECT_YES && off % SL_INPUT_ALIGN == 0 &&
		(uintptr_t)data % SL_INPUT_ALIGN == 0) {
		size_t whole = (size_t)sl_round_up(len, SL_INPUT_ALIGN);
		int got = sl_io_read(input->direct_fd, data, whole, off, 0);
		if (got != -EINVAL && got != -EOPNOTSUPP) {
			got = got > 0 ? (int)SL_MIN((size_t)got, len) : got;
			input->direct_bytes += got > 0 ? (uint64_t)got : 0;
			return got;
		}
		input->direct = SL_INPUT_DIRECT_NO;
	}
	return sl_io_read(input->fd, data, len, off, 0);
}

/* One read that may wait for a disk; the time counts. */
SL_SUSPENDS
static int
read_waiting(struct sl_input *input, unsigned char *data, size_t len, uint64_t off)
{
	uint64_t begun_ns = sl_input_begin_wait(input);
	int got = input->no_nowait ? sl_io_read(input->fd, data, len, off, 0)
				   : read_cold(input, data, len, off);
	sl_input_end_wait(input, begun_ns);
	return got;
}

/* One read; its result shows whether the file is in the page cache. */
SL_SUSPENDS
static int
read_once(struct sl_input *input, unsigned char *data, size_t len, uint64_t off, bool is_probe)
{
	if (input->no_nowait || (input->is_cold && !is_probe))
		return read_waiting(input, data, len, off);
	int got = sl_io_read(input->fd, data, len, off, RWF_NOWAIT);
	if (got == (int)len)
		input->is_cold = false;
	if (got == -EOPNOTSUPP || got == -EINVAL)
		input->no_nowait = true;
	else if (got == -EAGAIN)
		note_cold(input, off);
	else
		return got;
	return read_waiting(input, data, len, off);
}

bool
sl_input_may_be_warm(const struct sl_input *input)
{
	return input->kind == SL_INPUT_FILE && !input->is_cold && !input->no_nowait;
}

size_t
sl_input_read_cached(
	struct sl_engine *engine, int fd, uint64_t off, unsigned char *data, size_t len)
{
	size_t done = 0;
	while (done < len) {
		struct sl_op op = { .kind = SL_OP_READ,
			.fd = fd,
			.data = data + done,
			.len = len - done,
			.off = off + done,
			.flags = RWF_NOWAIT };
		int got = engine->methods->run_blocking(engine, &op);
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

bool
sl_input_is_cached(struct sl_input *input, size_t len)
{
	unsigned char byte;
	uint64_t end = SL_MIN(input->size, input->next_off + len);
	struct sl_engine *engine = sl_rt_engine(sl_rt_current());
	if (end > input->next_off &&
		sl_input_read_cached(engine, input->fd, end - 1, &byte, 1) == 1)
		return true;
	note_cold(input, input->next_off);
	return false;
}

int
sl_input_read(struct sl_input *input, const struct sl_input_range *range, unsigned char *data,
	size_t *read_len)
{
	*read_len = 0;
	while (*read_len < range->len) {
		int got = read_once(input, data + *read_len, range->len - *read_len,
			range->off + *read_len, range->is_probe);
		if (got == -EINTR || got == -EAGAIN)
			continue;
		if (got < 0)
			return got;
		if (got == 0)
			break;
		*read_len += (size_t)got;
	}
	return (int)*read_len;
}

bool
sl_input_is_caching(const struct sl_input *input)
{
	return input->is_cold && input->direct == SL_INPUT_DIRECT_NO && !input->no_nowait;
}

/* A read that may not wait starts a readahead of its range; the last byte is then waited for. */
int
sl_input_fetch(struct sl_input *input, const struct sl_input_range *range, unsigned char *data,
	bool *is_read)
{
	unsigned char byte;
	int got = sl_io_read(input->fd, data, range->len, range->off, RWF_NOWAIT);
	*is_read = got == (int)range->len;
	if (*is_read) {
		input->is_cold = false;
		return 0;
	}
	uint64_t begun_ns = sl_input_begin_wait(input);
	if (got == -EAGAIN)
		got = sl_io_read(input->fd, &byte, 1, range->off + range->len - 1, 0);
	sl_input_end_wait(input, begun_ns);
	return (got == -ECANCELED || got == -ETIMEDOUT) && sl_task_cancelled() != 0 ? got : 0;
}

/* ---- small files ---- */

int
sl_input_read_small(
	struct sl_input **inputs, unsigned char *const *data, size_t count, bool *is_read)
{
	struct sl_op ops[SL_INPUT_OPEN_MAX];
	sl_assert(count <= SL_INPUT_OPEN_MAX);
	for (size_t i = 0; i < count; i++)
		ops[i] = (struct sl_op){ .kind = SL_OP_READ,
			.fd = inputs[i]->fd,
			.data = data[i],
			.len = (size_t)inputs[i]->size,
			.flags = RWF_NOWAIT };
	int code = sl_io_batch(ops, count);
	for (size_t i = 0; i < count && !code; i++) {
		is_read[i] = ops[i].result == (int)ops[i].len;
		/* The attempt has started a readahead. */
		if (ops[i].result == -EAGAIN)
			inputs[i]->is_cold = true;
	}
	return code;
}

/* ---- the first bytes ---- */

struct first {
	struct sl_input **inputs;
	unsigned char *data;
	size_t most;
	size_t *lens;
	bool is_over[SL_INPUT_FIRST_MAX]; /* nothing more comes */
};

static size_t
first_missing(const struct first *first, size_t index)
{
	size_t wanted = (size_t)SL_MIN((uint64_t)first->most, first->inputs[index]->size);
	return first->is_over[index] ? 0 : wanted - first->lens[index];
}

/* What was read of it leaves open what the file is. */
static bool
is_unknown(const struct first *first, size_t index)
{
	size_t len = first->lens[index];
	return len == 0 || sl_sniff_wants_more(first->data + index * first->most, len);
}

/* What a file is, is not known without its first bytes: later ones are of no use then. */
static void
take_first(struct first *first, size_t index, int got, bool may_wait)
{
	if (got > 0)
		first->lens[index] += (size_t)got;
	if (!may_wait || got == -EINTR || got == -EAGAIN)
		return;
	first->is_over[index] = got <= 0;
	if (got < 0 && is_unknown(first, index))
		(void)sl_input_fail_read(first->inputs[index], got, 0);
}

/* One read of each that is not complete. Returns their number, or the cancellation. */
SL_SUSPENDS
static int
read_more(struct first *first, size_t count, unsigned flags)
{
	struct sl_op ops[SL_INPUT_FIRST_MAX];
	size_t index[SL_INPUT_FIRST_MAX], reads = 0;
	for (size_t i = 0; i < count; i++) {
		size_t missing = first_missing(first, i);
		if (missing == 0)
			continue;
		index[reads] = i;
		ops[reads++] = (struct sl_op){ .kind = SL_OP_READ,
			.fd = first->inputs[i]->fd,
			.data = first->data + i * first->most + first->lens[i],
			.len = missing,
			.off = first->lens[i],
			.flags = flags };
	}
	int code = reads ? sl_io_batch(ops, reads) : 0;
	for (size_t i = 0; i < reads && !code; i++)
		take_first(first, index[i], ops[i].result, flags == 0);
	return code ? code : (int)reads;
}

/* What is not in the page cache is waited for afterwards: by then, readahead has begun for all of
 * them. */
int
sl_input_read_first(
	struct sl_input **inputs, size_t count, unsigned char *data, size_t most, size_t *lens)
{
	struct first first = { .inputs = inputs, .data = data, .most = most, .lens = lens };
	sl_assert(count <= SL_INPUT_FIRST_MAX);
	for (size_t i = 0; i < count; i++)
		lens[i] = 0;
	int code = read_more(&first, count, RWF_NOWAIT);
	while (code > 0)
		code = read_more(&first, count, 0);
	return code;
}

/* ---- parts ---- */

int
sl_input_look(struct sl_input *input, uint64_t off, unsigned char *data, size_t len)
{
	uint64_t begun_ns = sl_input_begin_wait(input);
	size_t done = 0;
	int got = 1;
	while (done < len && got > 0) {
		got = sl_io_read(input->fd, data + done, len - done, off + done, 0);
		if (got == -EINTR || got == -EAGAIN)
			got = 1;
		else if (got > 0)
			done += (size_t)got;
	}
	sl_input_end_wait(input, begun_ns);
	bool is_cancelled = (got == -ECANCELED || got == -ETIMEDOUT) && sl_task_cancelled() != 0;
	return is_cancelled ? got : (int)done;
}
