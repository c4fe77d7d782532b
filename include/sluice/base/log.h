/*
 * log.h - formats a line and hands it to the sink that cli set. Secrets are taken out
 * (base/redact.h) and control bytes made visible before the sink sees the line. May be called from
 * any thread; the sink must allow that.
 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include "sluice/base/def.h"

enum sl_log_level { SL_LOG_ERROR, SL_LOG_WARN, SL_LOG_INFO, SL_LOG_DEBUG };

#define SL_LOG_LINE 2048 /* longer lines are cut and end with "..." */

/* `line` has no newline and dies with the call. */
typedef void sl_log_sink(void *ctx, enum sl_log_level level, const char *line);

/* Before the first thread starts and after the last has ended only. NULL = drop. Lines above
 * `level` are not formatted. */
void sl_log_set_sink(sl_log_sink *sink, void *ctx, enum sl_log_level level);

enum sl_log_level sl_log_level(void);

void sl_log_error(const char *fmt, ...) SL_PRINTF(1, 2);
void sl_log_warn(const char *fmt, ...) SL_PRINTF(1, 2);
void sl_log_info(const char *fmt, ...) SL_PRINTF(1, 2);
void sl_log_debug(const char *fmt, ...) SL_PRINTF(1, 2);

#endif
