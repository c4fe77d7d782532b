#include "sluice/download/part_reader.h"

#include "sluice/base/number.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* Through /proc the very same inode is opened. */
int
sl_part_reader_open_direct(int fd, int access)
{
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return sl_io_open(AT_FDCWD, self, access | O_DIRECT, 0, 0);
}

/* Perhaps more than `len` bytes are read, and not counted. Returns bytes read, perhaps fewer. */
SL_SUSPENDS
static int
read_direct(const struct sl_part_reader *reader, struct sl_chunk *chunk, uint64_t off, size_t len)
{
	size_t whole = sl_size(sl_round_up(len, SL_CHUNK_ALIGN));
	if (reader->direct_fd < 0 || off % SL_CHUNK_ALIGN != 0 || whole > chunk->size)
		return -EINVAL;
	int got = sl_io_read(reader->direct_fd, chunk->data, whole, off, 0);
	return got < 0 ? got : (int)SL_MIN((size_t)got, len);
}

int
sl_part_read(const struct sl_part_reader *reader, struct sl_chunk *chunk, uint64_t off, size_t len)
{
	int got = read_direct(reader, chunk, off, len);
	size_t done = got > 0 ? (size_t)got : 0;
	sl_assert(len <= chunk->size);
	got = sl_io_read_full(reader->fd, chunk->data + done, len - done, off + done);
	return got < 0 ? got : (int)done + got;
}
