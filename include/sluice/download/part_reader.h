/*
 * part_reader.h - reads a file back into a chunk, past the page cache where that is possible.
 */
#ifndef SLUICE_DOWNLOAD_PART_READER_H
#define SLUICE_DOWNLOAD_PART_READER_H

#include "sluice/rt/chunk.h"

/* Descriptors of one file, the caller's. */
struct sl_part_reader {
	int fd;        /* buffered */
	int direct_fd; /* O_DIRECT with an alignment of at most SL_CHUNK_ALIGN; -1 = none */
};

/* A descriptor of the same inode with O_DIRECT, whatever has happened to its name; `access` is
 * O_RDONLY or O_RDWR. A code if the file system refuses. */
SL_SUSPENDS
int sl_part_reader_open_direct(int fd, int access) SL_MUST_CHECK;

/*
 * Read `len` bytes at `off` to the start of the chunk, which has room for them: fewer only at the
 * end of the file. From the start of a block the read is direct, in whole blocks if they fit; what
 * is left, and all if that fails, is read buffered. Returns the number of bytes; a code.
 */
SL_SUSPENDS
int sl_part_read(const struct sl_part_reader *reader, struct sl_chunk *chunk, uint64_t off,
	size_t len) SL_MUST_CHECK;

#endif
