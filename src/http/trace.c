#include "sluice/http/trace.h"

#include "sluice/base/log.h"
#include "sluice/http/scope.h"

#include <stdio.h>

static bool
is_wanted(void)
{
	return sl_log_level() >= SL_LOG_INFO;
}

static void
trace_line(uint64_t number, char direction, struct sl_span line)
{
	sl_log_info("[%llu] %c %.*s", (unsigned long long)number, direction,
		(int)SL_MIN(line.len, (size_t)SL_LOG_LINE), line.data);
}

/* Services use any name for the field with their key: only those that are known to hold none. */
static bool
is_shown(struct sl_span name)
{
	return sl_span_is_nocase(name, "Host") || sl_span_is_nocase(name, "Referer") ||
	       sl_scope_permits(&(struct sl_scope){ .has_left = true }, name);
}

static void
trace_field(uint64_t number, struct sl_span line)
{
	struct sl_span value = line, name;
	if (sl_span_take_until(&value, ':', &name) && !is_shown(name))
		sl_log_info(
			"[%llu] > %.*s: ***", (unsigned long long)number, (int)name.len, name.data);
	else
		trace_line(number, '>', line);
}

void
sl_trace_request(uint64_t number, struct sl_span text)
{
	struct sl_span line;
	bool is_first = true;
	if (!is_wanted())
		return;
	while (sl_span_take_until(&text, '\n', &line)) {
		if (line.len && line.data[line.len - 1] == '\r')
			line.len--;
		if (is_first)
			trace_line(number, '>', line);
		else if (line.len)
			trace_field(number, line);
		is_first = false;
	}
}

void
sl_trace_response(uint64_t number, const struct sl_head *head)
{
	size_t count = sl_head_count(head);
	struct sl_buf line = { 0 };
	if (!is_wanted())
		return;
	struct sl_span reason = sl_head_reason(head);
	sl_buf_printf(&line, "HTTP/1.%d %d %.*s", head->minor, head->status, (int)reason.len,
		reason.data);
	trace_line(number, '<', sl_buf_span(&line));
	for (size_t i = 0; i < SL_MIN(count, (size_t)SL_TRACE_FIELDS); i++) {
		struct sl_head_field field = sl_head_at(head, i);
		sl_buf_clear(&line);
		sl_buf_add_span(&line, field.name);
		sl_buf_add_str(&line, ": ");
		sl_buf_add_span(&line, field.value);
		trace_line(number, '<', sl_buf_span(&line));
	}
	if (count > SL_TRACE_FIELDS)
		sl_log_info("[%llu] < and %zu more fields", (unsigned long long)number,
			count - SL_TRACE_FIELDS);
	sl_buf_release(&line);
}

static void
add_time(struct sl_buf *out, const char *name, uint64_t ns)
{
	sl_buf_printf(out, "%s %llu.%llu ms, ", name, (unsigned long long)(ns / SL_NS_PER_MS),
		(unsigned long long)(ns % SL_NS_PER_MS / (SL_NS_PER_MS / 10)));
}

void
sl_trace_times(uint64_t number, const char *peer, const struct sl_trace_times *times)
{
	struct sl_buf text = { 0 };
	if (!is_wanted())
		return;
	if (times->is_kept)
		sl_buf_add_str(&text, "kept connection, ");
	if (!times->is_kept && times->lookup_ns)
		add_time(&text, "lookup", times->lookup_ns);
	if (!times->is_kept)
		add_time(&text, "connect", times->connect_ns);
	if (!times->is_kept && times->tls_ns)
		add_time(&text, "TLS", times->tls_ns);
	add_time(&text, "response", times->response_ns);
	if (!text.failed)
		sl_log_info("[%llu] %s: %.*s", (unsigned long long)number, peer,
			(int)(text.len - strlen(", ")), text.data);
	sl_buf_release(&text);
}
