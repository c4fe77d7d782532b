/*
 * digest_file.h - the files of --digest-base and --digest-out.
 */
#ifndef SLUICE_CLI_DIGEST_FILE_H
#define SLUICE_CLI_DIGEST_FILE_H

#include "sluice/digest/saved.h"

/* Read a digest. Ends at a cancellation, also while a FIFO has no writer. Returns 0 and *saved, to
 * be released in all cases; or a negative code, described in *err. */
SL_SUSPENDS
int sl_digest_file_read(
	struct sl_saved *saved, const char *path, struct sl_error *err) SL_MUST_CHECK;

/* Where the path leads, without links: to be freed by the caller. NULL if there is no file, or path
 * is NULL. */
SL_SUSPENDS
char *sl_digest_file_resolve(const char *path);

/* Fail before a long scan if the path is a directory, or a file with other content than a digest:
 * it may be a log. NULL is fine. Returns 0 or a negative code, described in *err. */
SL_SUSPENDS
int sl_digest_file_check(const char *path, int output_fd, struct sl_error *err) SL_MUST_CHECK;

/*
 * Write the text to a file that then gets its name: who reads it finds the old digest or the new
 * one. It has the mode of an existing file; where a link leads is replaced, not the link. What is
 * not a regular file, and the file that is open as output_fd, is written to. Returns 0 or a
 * negative code, described in *err.
 */
SL_SUSPENDS
int sl_digest_file_write(const char *path, int output_fd, struct sl_span text,
	struct sl_error *err) SL_MUST_CHECK;

#endif
