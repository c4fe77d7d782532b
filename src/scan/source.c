/*
 * Rules: a file is read to the size it had when it was opened; a read that fails or ends early
 * keeps the bytes before; data is never waited for on the runtime's thread, and never mapped, so
 * that a file truncated during the scan is a short read and not a SIGBUS.
 */
#include "sluice/scan/source.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"
#include "sluice/scan/match.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Smaller files are never read with O_DIRECT. */
#define DIRECT_MIN (4 * SL_MIB)

/* In a cold file the page cache is tried again after so many bytes: each try starts a readahead
 * that direct reads make no use of. */
#define PROBE_STRIDE (16 * SL_MIB)

/* Long holes are split: the length of a range must fit an int. */
#define HOLE_RANGE_MAX SL_GIB

/* Files of sysfs and the like have a size of one page and less content. They have no blocks, like a
 * file that is one small hole: both are read in order to their end, whatever their size. */
#define MADE_UP_MAX (64 * SL_KIB)

/* Bytes of a stream are passed on if no more arrive for so long. */
#define STREAM_IDLE_NS SL_NS_PER_MS

static char *
shown_name(const char *path)
{
	struct sl_buf buf = { 0 };
	sl_text_shorten(&buf, sl_span_str(path), SL_INPUT_SHOWN_MAX);
	return sl_buf_detach(&buf);
}

int
sl_input_new(struct sl_input **out, const char *path, bool is_found)
{
	struct sl_input *input = calloc(1, sizeof(*input));
	*out = NULL;
	if (!input)
		return -ENOMEM;
	input->path = strdup(path);
	input->shown = input->path ? shown_name(path) : NULL;
	if (!input->shown) {
		free(input->path);
		free(input);
		return -ENOMEM;
	}
	input->is_stdin = !is_found && strcmp(path, "-") == 0;
	input->is_found = is_found;
	input->fd = input->direct_fd = -1;
	input->left = UINT64_MAX;
	*out = input;
	return 0;
}

void
sl_input_free(struct sl_input *input)
{
	if (!input)
		return;
	sl_assert(input->fd < 0 && input->direct_fd < 0);
	free(input->path);
	free(input->shown);
	free(input);
}

/* ---- opening ---- */

static struct sl_op
open_op(const struct sl_input *input)
{
	int flags = O_RDONLY | O_NOCTTY;
	if (input->is_found && !input->is_link)
		flags |= O_NOFOLLOW;
	/* A file found in a directory may have been replaced by a FIFO; for a regular file the flag
	 * means nothing. */
	if (input->may_block || input->is_found)
		flags |= O_NONBLOCK;
	return (struct sl_op){ .kind = SL_OP_OPEN,
		.dir_fd = AT_FDCWD,
		.path = input->path,
		.flags = (uint32_t)flags };
}

static struct sl_op
stat_op(int fd, struct statx *st)
{
	return (struct sl_op){ .kind = SL_OP_STAT,
		.dir_fd = fd,
		.path = "",
		.flags = AT_EMPTY_PATH,
		.mask = STATX_TYPE | STATX_SIZE | STATX_INO | STATX_BLOCKS | STATX_DIOALIGN,
		.statx = st };
}

static int
fail_open(struct sl_input *input, int code)
{
	const char *hint = code == -EMFILE ? " (raise 'ulimit -n')" : "";
	if (input->is_stdin)
		return sl_input_fail_read(input, code, 0);
	return sl_fail(&input->err, SL_PHASE_OPEN, code, "cannot open '%s': %s%s", input->shown,
		sl_code_text(code), hint);
}

static bool
can_be_direct(const struct statx *st)
{
	return st->stx_size >= DIRECT_MIN && (st->stx_mask & STATX_DIOALIGN) &&
	       st->stx_dio_offset_align != 0 && SL_INPUT_ALIGN % st->stx_dio_offset_align == 0 &&
	       st->stx_dio_mem_align != 0 && SL_INPUT_ALIGN % st->stx_dio_mem_align == 0;
}

static bool
is_made_up(const struct statx *st)
{
	return (st->stx_mask & STATX_BLOCKS) && st->stx_blocks == 0 && st->stx_size <= MADE_UP_MAX;
}

static void
take_claim(struct sl_input *input, const struct statx *st)
{
	input->may_be_made_up = true;
	input->claimed_size = input->claimed_left = st->stx_size;
}

struct sl_input_identity
sl_input_identify(int fd)
{
	struct statx st = { 0 };
	if (fd <= 0 || sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &st) != 0 ||
		!S_ISREG(st.stx_mode))
		return (struct sl_input_identity){ 0 };
	return (struct sl_input_identity){ true, st.stx_dev_major, st.stx_dev_minor, st.stx_ino };
}

static bool
is_output(const struct statx *st, const struct sl_input_identity *output)
{
	return output->is_file && st->stx_ino == output->inode &&
	       st->stx_dev_major == output->dev_major && st->stx_dev_minor == output->dev_minor;
}

static void
take_stat(struct sl_input *input, const struct statx *st, const struct sl_input_context *context)
{
	unsigned type = st->stx_mode & S_IFMT;
	if (is_output(st, &context->output)) {
		(void)sl_fail(&input->err, SL_PHASE_OPEN, SL_E_IN_USE,
			"'%s' is skipped: the results are written to it", input->shown);
		return;
	}
	if (type == S_IFDIR) {
		(void)fail_open(input, -EISDIR);
		return;
	}
	if (input->is_found && type != S_IFREG) {
		(void)sl_fail(&input->err, SL_PHASE_OPEN, SL_E_REPLACED,
			"cannot read '%s': it is no longer a regular file", input->shown);
		return;
	}
	/* Standard input begins at the position of its descriptor, so it is read in order. It ends
	 * at its current size: it may grow by our own output. */
	bool has_size = type == S_IFREG && st->stx_size > 0 && !is_made_up(st);
	if (has_size && input->is_stdin) {
		input->left = st->stx_size;
		has_size = false;
	}
	if (type == S_IFREG && !has_size && input->left == UINT64_MAX)
		take_claim(input, st);
	input->kind = has_size ? SL_INPUT_FILE : SL_INPUT_STREAM;
	input->size = has_size ? st->stx_size : 0;
	input->may_be_sparse =
		has_size && (st->stx_mask & STATX_BLOCKS) && st->stx_blocks < st->stx_size / 512;
	input->direct = has_size && can_be_direct(st) ? SL_INPUT_DIRECT_MAYBE : SL_INPUT_DIRECT_NO;
}

/* The operations that open an input; one batch carries them out for many inputs. */
struct opening {
	struct sl_op open, stat;
};

static void
prepare_opening(const struct sl_input *input, struct opening *opening, struct statx *st)
{
	*opening = (struct opening){ { .kind = SL_OP_NOP }, { .kind = SL_OP_NOP } };
	if (input->err.code)
		return;
	opening->stat = stat_op(STDIN_FILENO, st);
	if (input->is_stdin)
		return;
	opening->open = open_op(input);
	opening->stat.dir_fd = SL_FD_OF_AFTER;
	opening->stat.after = &opening->open;
}

static void
take_opening(struct sl_input *input, const struct opening *opening, const struct statx *st)
{
	if (input->err.code)
		return;
	input->fd = input->is_stdin ? STDIN_FILENO : SL_MAX(opening->open.result, -1);
	if (opening->open.result < 0)
		(void)fail_open(input, opening->open.result);
	else if (opening->stat.result < 0)
		(void)fail_open(input, opening->stat.result);
	else
		take_stat(input, st, input->context);
}

int
sl_input_open(struct sl_input **inputs, size_t count, struct sl_input_context *context)
{
	struct opening openings[SL_INPUT_OPEN_MAX];
	struct statx stats[SL_INPUT_OPEN_MAX];
	_Static_assert(
		sizeof(struct opening) == 2 * sizeof(struct sl_op), "an array of operations");
	sl_assert(count <= SL_INPUT_OPEN_MAX);
	for (size_t i = 0; i < count; i++) {
		inputs[i]->context = context;
		prepare_opening(inputs[i], &openings[i], &stats[i]);
	}
	int code = sl_io_batch(&openings[0].open, 2 * count);
	for (size_t i = 0; i < count && !code; i++)
		take_opening(inputs[i], &openings[i], &stats[i]);
	return code;
}

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

void
sl_input_close_many(struct sl_input **inputs, size_t count)
{
	struct sl_op ops[SL_INPUT_OPEN_MAX];
	struct sl_shield shield;
	sl_assert(count <= SL_INPUT_OPEN_MAX);
	for (size_t i = 0; i < count; i++) {
		sl_assert(!inputs[i]->is_stdin && inputs[i]->direct_fd < 0);
		ops[i] = (struct sl_op){ .kind = SL_OP_CLOSE, .fd = inputs[i]->fd };
		inputs[i]->fd = -1;
	}
	sl_shield_begin(&shield, SL_FOREVER);
	int code = sl_io_batch(ops, count);
	sl_assert(code == 0);
	sl_shield_end(&shield);
}

void
sl_input_close(struct sl_input *input)
{
	int fd = input->fd, direct_fd = input->direct_fd;
	input->fd = input->direct_fd = -1;
	if (!input->is_stdin)
		sl_io_close(fd);
	sl_io_close(direct_fd);
}

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

/* ---- files ---- */

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
		end = SL_MIN(end, SL_MIN(input->data_end, off + most));
	else
		end = SL_MIN(end, off + most);
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
	if (input->size > input->context->cache_left) {
		open_direct(input);
		return;
	}
	input->context->cache_left -= input->size;
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
	uint64_t begun_ns = sl_now();
	int got = input->no_nowait ? sl_io_read(input->fd, data, len, off, 0)
				   : read_cold(input, data, len, off);
	input->waited_ns += sl_now() - begun_ns;
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
	uint64_t begun_ns = sl_now();
	if (got == -EAGAIN)
		got = sl_io_read(input->fd, &byte, 1, range->off + range->len - 1, 0);
	input->waited_ns += sl_now() - begun_ns;
	return (got == -ECANCELED || got == -ETIMEDOUT) && sl_task_cancelled() != 0 ? got : 0;
}

/* ---- streams ---- */

/*
 * A file found in a directory that has no data now (/proc/kmsg, trace_pipe) is not waited for:
 * -EAGAIN. The ring may wait for it although it is open in non-blocking mode.
 */
SL_SUSPENDS
static int
poll_found(const struct sl_input *input)
{
	int code = sl_io_poll(input->fd, POLLIN, sl_deadline_in(STREAM_IDLE_NS));
	return code == -ETIMEDOUT && sl_task_cancelled() == 0 ? -EAGAIN : code;
}

/* One read, once data is ready. A FIFO without a writer would read as ended. */
SL_SUSPENDS
static int
read_some(struct sl_input *input, unsigned char *data, size_t len, uint64_t deadline_ns)
{
	int ready = 0;
	if (input->is_found)
		ready = poll_found(input);
	else if (input->may_block && !input->has_begun)
		ready = sl_io_poll(input->fd, POLLIN, deadline_ns);
	if (ready < 0)
		return ready;
	input->has_begun = true;
	for (;;) {
		int got = sl_io_read_stream(input->fd, data, len, deadline_ns);
		if (got == -EINTR)
			continue;
		if (got != -EAGAIN || input->is_found)
			return got;
		/* The descriptor was inherited in non-blocking mode. */
		int code = sl_io_poll(input->fd, POLLIN, deadline_ns);
		if (code < 0)
			return code;
	}
}

/*
 * How many of `got` bytes belong to the input. A file of /proc holds more than its size, which does
 * not change; a file with another size than before has grown, maybe by our own output, and is read
 * to the size it had.
 */
SL_SUSPENDS
static int
within_claim(struct sl_input *input, int got)
{
	struct statx st = { 0 };
	if ((uint64_t)got <= input->claimed_left) {
		input->claimed_left -= (uint64_t)got;
		return got;
	}
	int code = sl_io_stat(input->fd, "", AT_EMPTY_PATH, STATX_SIZE, &st);
	if (code == -ECANCELED || code == -ETIMEDOUT)
		return code;
	if (code < 0 || st.stx_size == input->claimed_size)
		return got;
	got = (int)input->claimed_left;
	input->claimed_left = input->left = 0;
	return got;
}

/* The position of standard input is taken when it is read first: it may be named twice. */
static void
skip_what_was_read(struct sl_input *input)
{
	off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
	uint64_t skipped = at < 0 ? 0 : (uint64_t)at;
	if (input->left != UINT64_MAX)
		input->left -= SL_MIN(skipped, input->left);
	if (input->may_be_made_up)
		input->claimed_left -= SL_MIN(skipped, input->claimed_left);
	input->left_at_first = input->left;
}

int
sl_input_read_stream(struct sl_input *input, unsigned char *data, size_t most, size_t *read_len)
{
	*read_len = 0;
	bool is_first = !input->has_begun;
	if (is_first && input->is_stdin)
		skip_what_was_read(input);
	most = (size_t)SL_MIN((uint64_t)most, input->left);
	while (*read_len < most) {
		/* The first bytes must suffice to recognise the form. */
		bool enough = *read_len > 0 && !(is_first && sl_sniff_wants_more(data, *read_len));
		uint64_t deadline_ns = enough ? sl_deadline_in(STREAM_IDLE_NS) : SL_FOREVER;
		uint64_t begun_ns = sl_now();
		int got = read_some(input, data + *read_len, most - *read_len, deadline_ns);
		input->waited_ns += sl_now() - begun_ns;
		if (got == -ETIMEDOUT && enough && sl_task_cancelled() == 0)
			break;
		if (got > 0 && input->may_be_made_up)
			got = within_claim(input, got);
		if (got < 0)
			return got;
		if (got == 0)
			break;
		*read_len += (size_t)got;
		if (input->left != UINT64_MAX && !input->may_be_made_up)
			input->left -= (uint64_t)got;
	}
	return (int)*read_len;
}

/* ---- failures ---- */

int
sl_input_fail_read(struct sl_input *input, int code, uint64_t off)
{
	/* A closed descriptor 0 was replaced by one that cannot be read. */
	bool is_closed = input->is_stdin && code == -EBADF;
	const char *why = is_closed ? "it is closed" : sl_code_text(code);
	const char *quote = input->is_stdin ? "" : "'";
	const char *name = input->is_stdin ? "standard input" : input->shown;
	if (off == 0)
		return sl_fail(&input->err, SL_PHASE_READ, code, "cannot read %s%s%s: %s", quote,
			name, quote, why);
	return sl_fail(&input->err, SL_PHASE_READ, code,
		"cannot read %s%s%s: %s (only its first %llu bytes are counted)", quote, name,
		quote, why, (unsigned long long)off);
}

int
sl_input_fail_form(struct sl_input *input, enum sl_form form, uint64_t counted)
{
	const char *what = sl_form_is_wide(form) ? " text" : "-compressed";
	const char *name = sl_form_name(form), *reader = sl_form_reader(form);
	const char *quote = input->is_stdin ? "" : "'";
	if (counted > 0)
		return sl_fail(&input->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
			"cannot scan all of %s%s%s: it contains %s text (only its first %llu "
			"bytes "
			"are counted)",
			quote, input->is_stdin ? "standard input" : input->shown, quote, name,
			(unsigned long long)counted);
	if (input->is_stdin)
		return sl_fail(&input->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
			"cannot scan standard input: it is %s%s (put '%s |' in front)", name, what,
			reader);
	return sl_fail(&input->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
		"cannot scan '%s': it is %s%s (use: %s FILE | sluice scan)", input->shown, name,
		what, reader);
}

int
sl_input_fail_undecided(struct sl_input *input, uint64_t lines)
{
	const char *quote = input->is_stdin ? "" : "'";
	return sl_fail(&input->err, SL_PHASE_NONE, SL_E_UNDECIDED,
		"cannot decide %llu of the lines of %s%s%s: the pattern takes too many steps on "
		"them, or they are longer than 1 MiB (a simpler pattern helps; -F with strings of "
		"at most %u bytes has no limits)",
		(unsigned long long)lines, quote, input->is_stdin ? "standard input" : input->shown,
		quote, SL_MATCH_LITERAL_LEN);
}

int
sl_input_fail_binary(struct sl_input *input)
{
	return sl_fail(&input->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
		"'%s' is skipped: it is binary (name the file itself to scan it)", input->shown);
}
