/*
 * scratch.h - a directory of its own for a test on the real file system, and small helpers for
 * files in it. A failing helper ends the test.
 */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include "sluice/base/bytes.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Make a fresh directory under TMPDIR or /tmp and go there. Static text: its path. */
const char *scratch_enter(void);

/* Go back to where the test was and remove the directory with all that is in it. */
void scratch_leave(void);

void scratch_write(const char *path, const void *data, size_t len);
void scratch_write_text(const char *path, const char *text);

/* What is in a file; *out is cleared first. False if it cannot be read. */
bool scratch_read(const char *path, struct sl_buf *out);

/* True if it is a file that holds this. */
bool scratch_holds(const char *path, const char *text);

/* lstat; false if the name does not exist. */
bool scratch_stat(const char *path, struct stat *st);
bool scratch_exists(const char *path);

/* Names in a directory. */
unsigned scratch_count(const char *path);

#endif
