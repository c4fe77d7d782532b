#include "secret_file_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static int
fail_read(struct sl_error *err, const char *what, const char *path, int code)
{
	if (code == -ETIMEDOUT)
		return sl_fail(err, SL_PHASE_OPEN, code, "cannot read the %s '%s': %s", what, path,
			sl_io_input_timeout_text());
	if (code == -EFBIG)
		return sl_fail(
			err, SL_PHASE_OPEN, SL_E_USAGE, "'%s' is too large for a %s", path, what);
	return sl_fail_code(err, SL_PHASE_OPEN, code, "cannot read the %s '%s'", what, path);
}

int
sl_secret_file_read(
	const char *path, const char *what, size_t most, struct sl_buf *text, struct sl_error *err)
{
	/* In one piece: a buffer that grows would leave copies. */
	int code = sl_buf_reserve(text, most + 1) ? sl_io_read_input(path, text, most) : -ENOMEM;
	if (code)
		sl_buf_wipe(text);
	return code ? fail_read(err, what, path, code) : 0;
}

/* Its mode, or 0 if it is not a regular file. */
SL_SUSPENDS
static unsigned
mode_of_file(const char *path)
{
	struct statx status;
	int code = sl_io_stat(AT_FDCWD, path, 0, STATX_MODE | STATX_TYPE, &status);
	return code == 0 && S_ISREG(status.stx_mode) ? status.stx_mode : 0;
}

bool
sl_secret_file_is_regular(const char *path)
{
	return mode_of_file(path) != 0;
}

void
sl_secret_file_warn(const char *path, const char *content)
{
	if (mode_of_file(path) & (S_IRGRP | S_IROTH))
		sl_log_warn("'%s' contains %s and can be read by other users ('chmod 600' changes "
			    "that)",
			path, content);
}
