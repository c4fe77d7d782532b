/*
 * aria2_file.h - NAME.aria2, the control file that aria2 keeps beside an incomplete file.
 */
#ifndef SLUICE_DOWNLOAD_ARIA2_FILE_H
#define SLUICE_DOWNLOAD_ARIA2_FILE_H

#include "sluice/download/aria2_control.h"
#include "sluice/download/directory.h"

/*
 * Read that of `name`. Returns 0; -ENOENT without such a file; with the reason in *err what
 * sl_aria2_control_read returns, or SL_E_REPLACED if it is not a regular file; a kernel's code.
 */
SL_SUSPENDS
int sl_aria2_file_read(struct sl_aria2_control *control, struct sl_directory *directory,
	const char *name, struct sl_error *err) SL_MUST_CHECK;

/* `name` is complete, and has `total` bytes: remove its control file if it is of such a file.
 * Failures are logged. */
SL_SUSPENDS
void sl_aria2_file_remove(struct sl_directory *directory, const char *name, uint64_t total);

#endif
