/*
 * file_tail.h - the end of a file, from the beginning of a line on: what is scanned of one that has
 * grown.
 */
#ifndef SLUICE_CLI_FILE_TAIL_H
#define SLUICE_CLI_FILE_TAIL_H

#include "sluice/scan/source.h"

/*
 * Where the lines begin that are new if the file `path`, which has `len` bytes, gets more: at its
 * end; at the beginning of its last line, if that has no newline; at 0 if it is not plain text, or
 * cannot be read.
 */
SL_SUSPENDS
uint64_t sl_file_tail_begin(const char *path, uint64_t len);

/* As an input of a scan, in place until that has ended. */
struct sl_file_tail {
	const char *path; /* borrowed */
	uint64_t next_off;
	int fd;
	struct sl_input_remote remote;
};

void sl_file_tail_init(struct sl_file_tail *tail, const char *path, uint64_t off);

#endif
