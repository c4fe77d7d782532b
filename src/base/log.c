#include "sluice/base/log.h"

#include "sluice/base/redact.h"
#include "sluice/base/text.h"

#include <stdarg.h>
#include <stdio.h>

/* The one mutable state of base: where lines go. Set by cli while there is one thread. */
static sl_log_sink *log_sink;
static void *log_ctx;
static enum sl_log_level log_level = SL_LOG_WARN;

void
sl_log_set_sink(sl_log_sink *sink, void *ctx, enum sl_log_level level)
{
	log_sink = sink;
	log_ctx = ctx;
	log_level = level;
}

enum sl_log_level
sl_log_level(void)
{
	return log_level;
}

SL_PRINTF(2, 0)
static void
emit(enum sl_log_level level, const char *fmt, va_list args)
{
	if (!log_sink || level > log_level)
		return;
	char line[SL_LOG_LINE];
	int len = vsnprintf(line, sizeof(line), fmt, args);
	if (len < 0)
		return;
	size_t used = SL_MIN((size_t)len, sizeof(line) - 1);
	if ((size_t)len > used)
		memcpy(line + used - 3, "...", 3);
	struct sl_buf clean = { 0 }, safe = { 0 };
	sl_redact(&clean, sl_span(line, used));
	sl_text_make_safe(&safe, sl_buf_span(&clean));
	if (!clean.failed && !safe.failed)
		log_sink(log_ctx, level, safe.data ? safe.data : "");
	sl_buf_release(&clean);
	sl_buf_release(&safe);
}

#define LOG_AT(name, level) \
	void name(const char *fmt, ...) \
	{ \
		va_list args; \
		va_start(args, fmt); \
		emit(level, fmt, args); \
		va_end(args); \
	}

LOG_AT(sl_log_error, SL_LOG_ERROR)
LOG_AT(sl_log_warn, SL_LOG_WARN)
LOG_AT(sl_log_info, SL_LOG_INFO)
LOG_AT(sl_log_debug, SL_LOG_DEBUG)
