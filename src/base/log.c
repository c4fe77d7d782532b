#include "sluice/base/log.h"

#include "sluice/base/redact.h"
#include "sluice/base/text.h"

#define CUT_MARK "..."

/* state: the sink, the only state of base; set by cli while there is one thread. */
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

/* Keep at most SL_LOG_LINE - 1 bytes, including "...", and cut between characters. */
static void
cut(struct sl_buf *line)
{
	if (line->len < SL_LOG_LINE)
		return;
	line->len = sl_text_cut(sl_buf_span(line), SL_LOG_LINE - 1 - strlen(CUT_MARK));
	sl_buf_add_str(line, CUT_MARK);
}

SL_PRINTF(2, 0)
static void
emit(enum sl_log_level level, const char *fmt, va_list args)
{
	if (!log_sink || level > log_level)
		return;
	struct sl_buf line = { 0 }, clean = { 0 }, safe = { 0 };
	sl_buf_vprintf(&line, fmt, args);
	/* Cut last: the '@' of a URL, which marks its userinfo as secret, may come after the
	 * cut. */
	sl_redact(&clean, sl_buf_span(&line));
	sl_text_make_safe(&safe, sl_buf_span(&clean));
	cut(&safe);
	if (!line.failed && !clean.failed && !safe.failed)
		log_sink(log_ctx, level, safe.data ? safe.data : "");
	sl_buf_release(&line);
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
