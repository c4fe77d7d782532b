#include "sluice/net/tls_file.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <string.h>

/* The bundles of systems have a quarter of a MiB. */
#define FILE_MAX (16u * 1024u * 1024u)

/* More than a key and its chain: so that no copy of a key is left behind by a growing buffer. */
#define ROOM (64 * SL_KIB)

int
sl_tls_file_read(struct sl_buf *text, const char *path, const char *what, struct sl_error *err)
{
	if (!sl_buf_reserve(text, ROOM))
		return sl_fail_code(
			err, SL_PHASE_TLS, -ENOMEM, "cannot read the %s in '%s'", what, path);
	int code = sl_io_read_input(path, text, FILE_MAX);
	if (code == -EFBIG)
		return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
			"'%s' is too large for a file of %s: it has more than %u MiB", path, what,
			FILE_MAX / (unsigned)SL_MIB);
	if (code == -ETIMEDOUT)
		return sl_fail(err, SL_PHASE_TLS, code, "cannot read the %s in '%s': %s", what,
			path, sl_io_input_timeout_text());
	if (code == -ECANCELED)
		return sl_fail(err, SL_PHASE_TLS, code,
			"the %s in '%s' were not read to their end (a FIFO needs "
			"a writer that writes them and closes it)",
			what, path);
	if (code)
		return sl_fail_code(
			err, SL_PHASE_TLS, code, "cannot read the %s in '%s'", what, path);
	return 0;
}
