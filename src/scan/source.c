#include "sluice/scan/source.h"

#include "sluice/base/text.h"
#include "sluice/rt/io.h"
#include "sluice/scan/match.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Smaller files come through the page cache whatever their temperature. */
#define DIRECT_MIN (4 * SL_MIB)

/* A cold file is looked at again after so many bytes: each look starts a read-ahead of 128 KiB that
 * is wasted. */
#define PROBE_STRIDE (16 * SL_MIB)

/* Files of sysfs and the like claim a page and give less. They have no blocks, as a file that is
 * one small hole: those are read in order to their end, whatever their size. */
#define MADE_UP_MAX (64 * SL_KIB)

/* What a stream has given is passed on if it gives nothing more for so long. */
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
	if (input->is_found)
		flags |= O_NOFOLLOW;
	/* What was found may have become a FIFO since; a regular file does not mind. */
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
take_stat(struct sl_input *input, const struct statx *st, const struct sl_input_identity *output)
{
	unsigned type = st->stx_mode & S_IFMT;
	if (is_output(st, output)) {
		(void)sl_fail(&input->err, SL_PHASE_OPEN, SL_E_IN_USE,
			"'%s' is passed over: the results are written to it", input->shown);
		return;
	}
	if (type == S_IFDIR) {
		(void)fail_open(input, -EISDIR);
		return;
	}
	if (input->is_found && type != S_IFREG) {
		(void)sl_fail(&input->err, SL_PHASE_OPEN, SL_E_REPLACED,
			"cannot read '%s': it is no regular file any more", input->shown);
		return;
	}
	/* Standard input begins where its descriptor stands, which only reading in order knows. It
	 * ends at its size now: it may grow with what we print. */
	bool has_size = type == S_IFREG && st->stx_size > 0 && !is_made_up(st);
	if (has_size && input->is_stdin) {
		input->left = st->stx_size;
		has_size = false;
	}
	if (type == S_IFREG && !has_size && input->left == UINT64_MAX)
		take_claim(input, st);
	input->kind = has_size ? SL_INPUT_FILE : SL_INPUT_STREAM;
	input->size = has_size ? st->stx_size : 0;
	input->direct = has_size && can_be_direct(st) ? SL_INPUT_DIRECT_MAYBE : SL_INPUT_DIRECT_NO;
}

SL_SUSPENDS
static int
open_files(struct sl_input **inputs, size_t count)
{
	struct sl_op ops[SL_INPUT_OPEN_MAX];
	size_t of[SL_INPUT_OPEN_MAX], op_count = 0;
	for (size_t i = 0; i < count; i++) {
		inputs[i]->fd = inputs[i]->is_stdin ? STDIN_FILENO : -1;
		if (inputs[i]->err.code || inputs[i]->is_stdin)
			continue;
		of[op_count] = i;
		ops[op_count++] = open_op(inputs[i]);
	}
	int code = sl_io_batch(ops, op_count);
	for (size_t i = 0; i < op_count && !code; i++) {
		struct sl_input *input = inputs[of[i]];
		if (ops[i].result < 0)
			(void)fail_open(input, ops[i].result);
		else
			input->fd = ops[i].result;
	}
	return code;
}

SL_SUSPENDS
static int
stat_files(struct sl_input **inputs, size_t count, const struct sl_input_identity *output)
{
	struct sl_op ops[SL_INPUT_OPEN_MAX];
	struct statx stats[SL_INPUT_OPEN_MAX];
	size_t of[SL_INPUT_OPEN_MAX], op_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (inputs[i]->err.code)
			continue;
		of[op_count] = i;
		ops[op_count] = stat_op(inputs[i]->fd, &stats[op_count]);
		op_count++;
	}
	int code = sl_io_batch(ops, op_count);
	for (size_t i = 0; i < op_count && !code; i++) {
		struct sl_input *input = inputs[of[i]];
		if (ops[i].result < 0)
			(void)fail_open(input, ops[i].result);
		else
			take_stat(input, &stats[i], output);
	}
	return code;
}

/* Is the beginning in the page cache? One page tells for the file, until a read finds out better.
 */
SL_SUSPENDS
static void
take_temperature(struct sl_input *input)
{
	unsigned char byte;
	if (input->direct != SL_INPUT_DIRECT_MAYBE)
		return;
	int got = sl_io_read(input->fd, &byte, 1, 0, RWF_NOWAIT);
	input->no_nowait = got == -EOPNOTSUPP || got == -EINVAL;
	input->is_cold = got == -EAGAIN;
	input->probe_at = PROBE_STRIDE;
}

int
sl_input_open(struct sl_input **inputs, size_t count, const struct sl_input_identity *output)
{
	sl_assert(count <= SL_INPUT_OPEN_MAX);
	int code = open_files(inputs, count);
	if (!code)
		code = stat_files(inputs, count, output);
	for (size_t i = 0; i < count && !code; i++) {
		if (inputs[i]->err.code == 0)
			take_temperature(inputs[i]);
	}
	return code;
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

/* ---- files ---- */

bool
sl_input_next(struct sl_input *input, size_t most, struct sl_input_range *range)
{
	if (input->kind != SL_INPUT_FILE || input->next_off >= input->size)
		return false;
	range->off = input->next_off;
	range->len = (size_t)SL_MIN((uint64_t)most, input->size - range->off);
	range->is_probe = input->is_cold && range->off >= input->probe_at;
	if (range->is_probe)
		input->probe_at = range->off + PROBE_STRIDE;
	input->next_off += range->len;
	return true;
}

/* The same file once more, for O_DIRECT: through /proc, whatever has its name by now. */
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

/* One read of what is cold, past the page cache if that is possible here. */
SL_SUSPENDS
static int
read_cold(struct sl_input *input, unsigned char *data, size_t len, uint64_t off)
{
	if (input->direct == SL_INPUT_DIRECT_MAYBE)
		open_direct(input);
	if (input->direct == SL_INPUT_DIRECT_YES && off % SL_INPUT_ALIGN == 0 &&
		(uintptr_t)data % SL_INPUT_ALIGN == 0) {
		size_t whole = (len + SL_INPUT_ALIGN - 1) / SL_INPUT_ALIGN * SL_INPUT_ALIGN;
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

/* One read, and what it tells about the page cache. */
SL_SUSPENDS
static int
read_once(struct sl_input *input, unsigned char *data, size_t len, uint64_t off, bool is_probe)
{
	bool is_small = input->direct == SL_INPUT_DIRECT_NO;
	if (is_small || input->no_nowait)
		return sl_io_read(input->fd, data, len, off, 0);
	if (!input->is_cold || is_probe) {
		int got = sl_io_read(input->fd, data, len, off, RWF_NOWAIT);
		if (got != -EAGAIN) {
			if (got == (int)len)
				input->is_cold = false;
			return got;
		}
		if (!input->is_cold)
			input->probe_at = off + PROBE_STRIDE;
		input->is_cold = true;
	}
	return read_cold(input, data, len, off);
}

bool
sl_input_may_be_warm(const struct sl_input *input)
{
	return input->kind == SL_INPUT_FILE && !input->is_cold && !input->no_nowait;
}

bool
sl_input_read_warm(struct sl_engine *engine, int fd, uint64_t off, unsigned char *data, size_t len)
{
	while (len > 0) {
		struct sl_op op = { .kind = SL_OP_READ,
			.fd = fd,
			.data = data,
			.len = len,
			.off = off,
			.flags = RWF_NOWAIT };
		int got = engine->methods->run_blocking(engine, &op);
		if (got <= 0)
			return false;
		data += got;
		off += (uint64_t)got;
		len -= (size_t)got;
	}
	return true;
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

/* ---- streams ---- */

/*
 * What was found in a directory and has nothing to say (/proc/kmsg, trace_pipe) holds up nobody:
 * -EAGAIN. The ring may wait for it although it is open in non-blocking mode.
 */
SL_SUSPENDS
static int
poll_found(const struct sl_input *input)
{
	int code = sl_io_poll(input->fd, POLLIN, sl_deadline_in(STREAM_IDLE_NS));
	return code == -ETIMEDOUT && sl_task_cancelled() == 0 ? -EAGAIN : code;
}

/* One read, after the stream has something to say. A FIFO without a writer would read as ended. */
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
		/* The descriptor came to us in non-blocking mode. */
		int code = sl_io_poll(input->fd, POLLIN, deadline_ns);
		if (code < 0)
			return code;
	}
}

/*
 * How many of `got` bytes belong to the input. A file of /proc has more than it claims and goes on
 * claiming that; one that now claims another size has grown, maybe by what is found in it, and is
 * read to the size it had.
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

/* Where standard input stands when its turn comes: it may be named twice, opened long before. */
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
		/* The first bytes must be enough to tell the form by. */
		bool enough = *read_len > 0 && !(is_first && sl_sniff_wants_more(data, *read_len));
		uint64_t deadline_ns = enough ? sl_deadline_in(STREAM_IDLE_NS) : SL_FOREVER;
		int got = read_some(input, data + *read_len, most - *read_len, deadline_ns);
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
	/* A closed descriptor 0 is kept busy with one that cannot be read. */
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
sl_input_fail_form(struct sl_input *input, enum sl_form form)
{
	const char *what = form == SL_FORM_UTF16 ? " text" : "-compressed";
	const char *name = sl_form_name(form), *reader = sl_form_reader(form);
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
		"'%s' is passed over: it is binary (files that are named are read whatever they "
		"are)",
		input->shown);
}
