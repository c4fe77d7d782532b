/*
 * secret_file_int.h - files with passwords and tokens, read as a whole. The caller wipes what is
 * read.
 */
#ifndef SLUICE_HTTP_SECRET_FILE_INT_H
#define SLUICE_HTTP_SECRET_FILE_INT_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* Read a file of at most `most` bytes into *text, which is empty. `what` it is to be is for the
 * message. Returns 0; SL_E_USAGE if it is larger; -ENOMEM, and what sl_io_read_input
 * returns. */
SL_SUSPENDS
int sl_secret_file_read(const char *path, const char *what, size_t most, struct sl_buf *text,
	struct sl_error *err) SL_MUST_CHECK;

/* False also if it cannot be looked at. */
SL_SUSPENDS
bool sl_secret_file_is_regular(const char *path);

/* Log a warning if other users can read it; `content` is "passwords" or the like. */
SL_SUSPENDS
void sl_secret_file_warn(const char *path, const char *content);

#endif
