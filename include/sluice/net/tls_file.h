/*
 * tls_file.h - files with certificates and keys that the user named, read into memory.
 * Used by net/tls_context.c only.
 */
#ifndef SLUICE_NET_TLS_FILE_H
#define SLUICE_NET_TLS_FILE_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/rt/task.h"

/*
 * The text of the file `path`, which holds `what` ("trusted certificates"), into *text, which is
 * {0} before and to be given to sl_buf_wipe in any case. It may be a FIFO, whose writer is
 * waited for. Returns 0; SL_E_TLS: it is too large; -ENOMEM; a file's error such as -ENOENT; the
 * cancellation; named in *err.
 */
SL_SUSPENDS
int sl_tls_file_read(struct sl_buf *text, const char *path, const char *what,
	struct sl_error *err) SL_MUST_CHECK;

#endif
