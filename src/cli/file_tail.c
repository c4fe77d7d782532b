#include "sluice/cli/file_tail.h"

#include "sluice/rt/io.h"
#include "sluice/scan/sniff.h"

#include <fcntl.h>
#include <stdlib.h>

#define PIECE (64 * SL_KIB) /* read at a time, backwards */

_Static_assert(PIECE >= SL_SNIFF_WINDOW, "the first bytes show what kind of text it is");

/* [off, off + len); true if all of it was read. */
SL_SUSPENDS
static bool
read_range(int fd, unsigned char *data, uint64_t off, size_t len)
{
	size_t done = 0;
	while (done < len) {
		int got = sl_io_read(fd, data + done, len - done, off + done, 0);
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

SL_SUSPENDS
static bool
is_plain(int fd, unsigned char *data, uint64_t len)
{
	size_t most = (size_t)SL_MIN((uint64_t)SL_SNIFF_WINDOW, len);
	return read_range(fd, data, 0, most) && sl_sniff_form(data, most) == SL_FORM_PLAIN;
}

SL_SUSPENDS
static uint64_t
last_line_begin(int fd, unsigned char *data, uint64_t len)
{
	while (len > 0) {
		size_t some = (size_t)SL_MIN((uint64_t)PIECE, len);
		if (!read_range(fd, data, len - some, some))
			return 0;
		const unsigned char *newline = memrchr(data, '\n', some);
		if (newline)
			return len - some + (uint64_t)(newline - data) + 1;
		len -= some;
	}
	return 0;
}

uint64_t
sl_file_tail_begin(const char *path, uint64_t len)
{
	uint64_t begin = 0;
	unsigned char *data = malloc(PIECE);
	int fd = data ? sl_io_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, 0) : -1;
	if (fd >= 0 && is_plain(fd, data, len))
		begin = last_line_begin(fd, data, len);
	sl_io_close(SL_MAX(fd, -1));
	free(data);
	return begin;
}

SL_SUSPENDS
static int
read_tail(void *ctx, unsigned char *data, size_t len, uint64_t deadline_ns, struct sl_error *err)
{
	struct sl_file_tail *tail = ctx;
	(void)deadline_ns; /* a file does not pause */
	if (tail->fd < 0)
		tail->fd = sl_io_open(AT_FDCWD, tail->path, O_RDONLY, 0, 0);
	int got = tail->fd < 0 ? tail->fd : sl_io_read(tail->fd, data, len, tail->next_off, 0);
	if (got < 0)
		return sl_fail_code(err, SL_PHASE_READ, got, "cannot read '%s'", tail->path);
	tail->next_off += (uint64_t)got;
	return got;
}

SL_SUSPENDS
static void
close_tail(void *ctx)
{
	struct sl_file_tail *tail = ctx;
	sl_io_close(tail->fd);
	tail->fd = -1;
}

void
sl_file_tail_init(struct sl_file_tail *tail, const char *path, uint64_t off)
{
	*tail = (struct sl_file_tail){ .path = path, .next_off = off, .fd = -1 };
	tail->remote = (struct sl_input_remote){
		.ctx = tail, .off = off, .read = read_tail, .close = close_tail
	};
}
