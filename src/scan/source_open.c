/*
 * source_open.c - opens inputs, many with one call, decides which are files and which streams,
 * reads small files with the same call, and closes them.
 */
#include "sluice/scan/source.h"

#include "sluice/base/number.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Smaller files are never read with O_DIRECT. */
#define DIRECT_MIN (4 * SL_MIB)

/* Files of sysfs and the like have a size of one page and less content. They have no blocks, like a
 * file that is one small hole: both are read in order to their end, whatever their size. */
#define MADE_UP_MAX (64 * SL_KIB)

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
	const char *hint = code == -EMFILE         ? " (raise 'ulimit -n')"
			   : code == -ENXIO        ? " (a socket, or a device that is not there)"
			   : code == SL_E_REPLACED ? " (what is new is left to the next run)"
						   : "";
	if (input->is_stdin)
		return sl_input_fail_read(input, code, 0);
	return sl_fail(&input->err, SL_PHASE_OPEN, code, "cannot open %s: %s%s", input->shown,
		sl_code_text(code), hint);
}

void
sl_input_refuse(struct sl_input *input, int code)
{
	(void)fail_open(input, code);
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

static struct sl_input_identity
identity_of(const struct statx *st)
{
	return (struct sl_input_identity){ true, st->stx_dev_major, st->stx_dev_minor,
		st->stx_ino };
}

static bool
is_same(const struct sl_input_identity *a, const struct sl_input_identity *b)
{
	return a->is_known && b->is_known && a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor;
}

struct sl_input_identity
sl_input_identify(int fd)
{
	struct statx st = { 0 };
	if (fd <= 0 || sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &st) != 0 ||
		!S_ISREG(st.stx_mode))
		return (struct sl_input_identity){ 0 };
	return identity_of(&st);
}

bool
sl_input_is_same_stream(const struct sl_input *a, const struct sl_input *b)
{
	return is_same(&a->stream, &b->stream);
}

/* A terminal has several names, each with a file of its own. */
static struct sl_input_identity
stream_of(const struct statx *st)
{
	return S_ISCHR(st->stx_mode) ? (struct sl_input_identity){ .is_known = true }
				     : identity_of(st);
}

static void
take_stat(struct sl_input *input, const struct statx *st, const struct sl_input_context *context)
{
	unsigned type = st->stx_mode & S_IFMT;
	struct sl_input_identity own = identity_of(st);
	if (is_same(&own, &context->output)) {
		(void)sl_fail(&input->err, SL_PHASE_OPEN, SL_E_IN_USE,
			"%s is skipped: the results are written to it", input->shown);
		return;
	}
	if (type == S_IFDIR) {
		(void)fail_open(input, -EISDIR);
		return;
	}
	if (input->is_found && type != S_IFREG) {
		(void)sl_fail(&input->err, SL_PHASE_OPEN, SL_E_REPLACED,
			"cannot read %s: it is no longer a regular file", input->shown);
		return;
	}
	if (input->is_lent) {
		input->kind = SL_INPUT_FILE;
		input->size = SL_MAX(SL_MIN(input->until, st->stx_size), input->next_off);
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
	if (!has_size)
		input->stream = stream_of(st);
	input->may_be_sparse =
		has_size && (st->stx_mask & STATX_BLOCKS) && st->stx_blocks < st->stx_size / 512;
	input->direct = has_size && can_be_direct(st) ? SL_INPUT_DIRECT_MAYBE : SL_INPUT_DIRECT_NO;
}

/* The operations that open an input, and read and close it if it is small; one batch carries them
 * out for many inputs. */
struct opening {
	struct sl_op open, stat, read, close;
};

#define OPENING_OPS 4u

_Static_assert(
	sizeof(struct opening) == OPENING_OPS * sizeof(struct sl_op), "an array of operations");

struct sl_input_opener {
	size_t most;
	struct statx *stats;
	struct opening openings[];
};

/* On a thread of the pool. For a file whose bytes are stored, so that its size is true. */
static bool
read_is_due(struct sl_op *read)
{
	const struct statx *st = read->after->statx;
	struct sl_input_small *small = read->owner;
	if (!S_ISREG(st->stx_mode) || st->stx_size == 0 || is_made_up(st) ||
		st->stx_size > small->file_max || st->stx_size > small->room - small->used)
		return false;
	read->data = small->data + small->used;
	read->len = (size_t)st->stx_size;
	small->used += (size_t)sl_round_up(st->stx_size, SL_INPUT_SMALL_ALIGN);
	return true;
}

static bool
is_whole(const struct sl_op *read)
{
	return read->result == (int)read->len;
}

static bool
close_is_due(struct sl_op *close)
{
	return is_whole(close->after);
}

static void
prepare_small(struct opening *opening, struct sl_input_small *small)
{
	opening->read = (struct sl_op){ .kind = SL_OP_READ,
		.fd = SL_FD_OF_AFTER,
		.flags = RWF_NOWAIT,
		.owner = small,
		.after = &opening->stat,
		.is_due = read_is_due };
	opening->close = (struct sl_op){ .kind = SL_OP_CLOSE,
		.fd = SL_FD_OF_AFTER,
		.after = &opening->read,
		.is_due = close_is_due };
}

static void
prepare_opening(const struct sl_input *input, struct opening *opening, struct statx *st,
	struct sl_input_small *small)
{
	const struct sl_op nop = { .kind = SL_OP_NOP };
	*opening = (struct opening){ nop, nop, nop, nop };
	if (input->err.code || input->remote)
		return;
	opening->stat = stat_op(input->is_lent ? input->fd : STDIN_FILENO, st);
	if (input->is_stdin || input->is_lent)
		return;
	opening->open = open_op(input);
	opening->stat.dir_fd = SL_FD_OF_AFTER;
	opening->stat.after = &opening->open;
	if (small)
		prepare_small(opening, small);
}

static void
take_opening(struct sl_input *input, const struct opening *opening, const struct statx *st)
{
	if (input->err.code)
		return;
	if (input->remote) {
		input->kind = SL_INPUT_STREAM;
		return;
	}
	if (!input->is_lent)
		input->fd = input->is_stdin ? STDIN_FILENO : SL_MAX(opening->open.result, -1);
	if (opening->open.result < 0)
		(void)fail_open(input, opening->open.result);
	else if (opening->stat.result < 0)
		(void)fail_open(input, opening->stat.result);
	else
		take_stat(input, st, input->context);
}

/* Where its bytes are, all of them, or NULL. An input that is not to be read is not, although its
 * bytes have come. */
static unsigned char *
take_small(struct sl_input *input, const struct opening *opening)
{
	/* Also where closing it has failed. */
	bool is_closed = opening->close.kind == SL_OP_CLOSE && is_whole(&opening->read);
	if (is_closed)
		input->fd = -1;
	/* The attempt has started a readahead. */
	if (opening->read.kind == SL_OP_READ && opening->read.result == -EAGAIN)
		input->is_cold = true;
	return is_closed && input->err.code == 0 ? opening->read.data : NULL;
}

int
sl_input_open(struct sl_input_opener *opener, struct sl_input **inputs, size_t count,
	struct sl_input_context *context, struct sl_input_small *small)
{
	sl_assert(count <= opener->most);
	for (size_t i = 0; i < count; i++) {
		inputs[i]->context = context;
		prepare_opening(inputs[i], &opener->openings[i], &opener->stats[i], small);
	}
	if (small)
		small->used = 0;
	int code = sl_io_batch(&opener->openings[0].open, OPENING_OPS * count);
	for (size_t i = 0; i < count && !code; i++) {
		take_opening(inputs[i], &opener->openings[i], &opener->stats[i]);
		if (small)
			small->files[i] = take_small(inputs[i], &opener->openings[i]);
	}
	return code;
}

struct sl_input_opener *
sl_input_opener_new(size_t most)
{
	size_t each = sizeof(struct opening) + sizeof(struct statx);
	struct sl_input_opener *opener = malloc(sizeof(*opener) + most * each);
	if (!opener)
		return NULL;
	opener->most = most;
	opener->stats = (struct statx *)&opener->openings[most];
	return opener;
}

void
sl_input_opener_free(struct sl_input_opener *opener)
{
	free(opener);
}

void
sl_input_close_many(struct sl_input **inputs, size_t count)
{
	struct sl_op ops[SL_INPUT_OPEN_MAX];
	struct sl_shield shield;
	sl_assert(count <= SL_INPUT_OPEN_MAX);
	for (size_t i = 0; i < count; i++) {
		sl_assert(!inputs[i]->is_stdin && inputs[i]->direct_fd < 0);
		ops[i] = (struct sl_op){ .kind = inputs[i]->is_lent ? SL_OP_NOP : SL_OP_CLOSE,
			.fd = inputs[i]->fd };
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
	if (input->remote)
		input->remote->close(input->remote->ctx);
	input->remote = NULL;
	if (!input->is_stdin && !input->is_lent)
		sl_io_close(fd);
	sl_io_close(direct_fd);
}
