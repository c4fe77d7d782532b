/*
 * file_id.h - which file had a name, and as of when: to find out later whether another program has
 * replaced it or written to it since.
 */
#ifndef SLUICE_DOWNLOAD_FILE_ID_H
#define SLUICE_DOWNLOAD_FILE_ID_H

#include "sluice/base/def.h"

#include <stdbool.h>
#include <stdint.h>

struct statx;

struct sl_file_id {
	uint64_t inode, size;
	uint32_t dev_major, dev_minor;
	int64_t modified_s;
	uint32_t modified_ns;
};

struct sl_file_id sl_file_id(const struct statx *st);

/* This is that file, and it has not been written to since. */
bool sl_file_id_is(const struct sl_file_id *id, const struct statx *st) SL_MUST_CHECK;

#endif
