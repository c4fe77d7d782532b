/*
 * tls_keylog.h - the file of session secrets with which Wireshark decrypts captured traffic, in the
 * format of NSS (SSLKEYLOGFILE). Used by net/tls_context.c only.
 */
#ifndef SLUICE_NET_TLS_KEYLOG_H
#define SLUICE_NET_TLS_KEYLOG_H

#include "sluice/base/error.h"

/*
 * Open the file, to append to it; a new one is readable by its owner only. May block. Returns a
 * descriptor, or a failure that is named in *err: it cannot be opened, or is not a regular file.
 */
int sl_tls_keylog_open(const char *path, struct sl_error *err) SL_MUST_CHECK;

/* A line, without its end; one that cannot be written is lost. */
void sl_tls_keylog_write(int fd, const char *line);

#endif
