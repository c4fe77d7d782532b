/*
 * log.h - formats a line and passes it to the sink that cli has set. Before that, secrets are
 * removed (base/redact.h) and control bytes are escaped. May be called from any thread; so must the
 * sink.
 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include "sluice/base/def.h"

enum sl_log_level { SL_LOG_ERROR, SL_LOG_WARN, SL_LOG_INFO, SL_LOG_DEBUG };

#define SL_LOG_LINE 2048 /* longer lines are cut and end with "..." */

/* `line` has no newline and is valid during the call only. */
typedef void sl_log_sink(void *ctx, enum sl_log_level level, const char *line);

/* Only before the first thread starts or after the last has ended. NULL = discard lines. Lines
 * above `level` are not formatted. */
void sl_log_set_sink(sl_log_sink *sink, void *ctx, enum sl_log_level level);

enum sl_log_level sl_log_level(void);

void sl_log_error(const char *fmt, ...) SL_PRINTF(1, 2);
void sl_log_warn(const char *fmt, ...) SL_PRINTF(1, 2);
void sl_log_info(const char *fmt, ...) SL_PRINTF(1, 2);
void sl_log_debug(const char *fmt, ...) SL_PRINTF(1, 2);

#endif
