/*
 * record.c - most lines are told apart by their first byte; names and calls are read up to the
 * first byte that does not belong to one.
 */
#include "sluice/logline/record.h"

#include <string.h>

static bool
has_prefix(struct sl_span line, const char *prefix)
{
	size_t len = strlen(prefix);
	return line.len >= len && memcmp(line.data, prefix, len) == 0;
}

static bool
has_any_prefix(struct sl_span line, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (has_prefix(line, prefixes[i]))
			return true;
	return false;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
	       c == '.' || c == '$';
}

static bool
is_letter(char c)
{
	return is_name_char(c) && !is_digit(c) && c != '.' && c != '$';
}

/* Digits at `at`, then `end`. */
static bool
has_digits(struct sl_span line, size_t at, char end)
{
	size_t begin = at;
	while (at < line.len && at - begin < SL_RECORD_LOOK && is_digit(line.data[at]))
		at++;
	return at > begin && at < line.len && line.data[at] == end;
}

/* A frame of PHP, "#0 file(1): f()"; "... 23 more"; and what Go and C# write between frames. */
static bool
is_marked(struct sl_span line)
{
	switch (line.data[0]) {
	case '#':
		return has_digits(line, 1, ' ');
	case '.':
		return has_prefix(line, "... ") && has_digits(line, 4, ' ');
	case '[':
		return has_prefix(line, "[signal ");
	case '-':
		return has_prefix(line, "--- End of ");
	default:
		return false;
	}
}

static bool
ends_with(struct sl_span name, const char *suffix)
{
	size_t len = strlen(suffix);
	return name.len >= len && memcmp(name.data + name.len - len, suffix, len) == 0;
}

static bool
is_panic(struct sl_span line)
{
	static const char verb[] = " panicked at ";
	struct sl_span begin = sl_span(line.data, SL_MIN(line.len, (size_t)SL_RECORD_LOOK));
	return line.data[line.len - 1] == ':' && has_prefix(line, "thread '") &&
	       memmem(begin.data, begin.len, verb, sizeof(verb) - 1);
}

/* Of a line that begins with a letter, and not with one of the fixed texts. */
static enum sl_record_look
look_at_name(struct sl_span line)
{
	size_t most = SL_MIN(line.len, (size_t)SL_RECORD_LOOK), len = 0;
	while (len < most && is_name_char(line.data[len]))
		len++;
	struct sl_span name = sl_span(line.data, len);
	bool is_all = len == line.len;
	if (is_all || (line.data[len] == ':' && (len + 1 == line.len || line.data[len + 1] == ' ')))
		return ends_with(name, "Error") || ends_with(name, "Exception")
			       ? SL_RECORD_EXCEPTION
			       : SL_RECORD_NAME;
	while (len < most && (is_name_char(line.data[len]) || memchr("/-~@", line.data[len], 4)))
		len++;
	bool is_call = len < most && line.data[len] == '(' && line.data[line.len - 1] == ')';
	return is_call ? SL_RECORD_CALL : SL_RECORD_OTHER;
}

static enum sl_record_look
look_at_text(struct sl_span line)
{
	static const char *const belongs[] = { "Caused by:", "Suppressed:", "Wrapped by:",
		"During handling of the above exception, ", "The above exception was ",
		"stack backtrace:", "Stack backtrace:", "Stack trace:",
		"note: run with `RUST_BACKTRACE", "note: Some details are omitted" };
	static const char *const calls[] = { "created by ", "exit status " };
	if (has_any_prefix(line, belongs, SL_COUNT_OF(belongs)))
		return SL_RECORD_BELONGS;
	if (has_prefix(line, "Traceback (most recent call last)"))
		return SL_RECORD_TRACEBACK;
	if (has_prefix(line, "goroutine ") && has_digits(line, 10, ' '))
		return SL_RECORD_GOROUTINE;
	if (has_any_prefix(line, calls, SL_COUNT_OF(calls)))
		return SL_RECORD_CALL;
	return is_panic(line) ? SL_RECORD_PANIC : look_at_name(line);
}

enum sl_record_look
sl_record_look(struct sl_span line)
{
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0 || line.data[0] == ' ' || line.data[0] == '\t')
		return SL_RECORD_BELONGS;
	if (is_letter(line.data[0]))
		return look_at_text(line);
	return is_marked(line) ? SL_RECORD_BELONGS : SL_RECORD_OTHER;
}

/* The line begins a record. */
static bool
begin(enum sl_record_state *state, enum sl_record_look look)
{
	*state = look == SL_RECORD_PANIC       ? SL_RECORD_IN_PANIC
		 : look == SL_RECORD_EXCEPTION ? SL_RECORD_HAS_EXCEPTION
					       : SL_RECORD_PLAIN;
	return true;
}

static bool
belong(enum sl_record_state *state, enum sl_record_state next)
{
	*state = next;
	return false;
}

bool
sl_record_step(enum sl_record_state *state, enum sl_record_look look)
{
	enum sl_record_state before = *state;
	if (look == SL_RECORD_TRACEBACK)
		return belong(state, SL_RECORD_IN_TRACEBACK);
	if (look == SL_RECORD_GOROUTINE)
		return belong(state, SL_RECORD_IN_GOROUTINE);
	if (look == SL_RECORD_PANIC)
		return begin(state, look);
	if (before == SL_RECORD_IN_PANIC)
		return belong(state, SL_RECORD_PLAIN);
	if (look == SL_RECORD_BELONGS)
		return false;
	if (look == SL_RECORD_EXCEPTION &&
		(before == SL_RECORD_PLAIN || before == SL_RECORD_IN_TRACEBACK))
		return belong(state, SL_RECORD_HAS_EXCEPTION);
	if (look == SL_RECORD_NAME && before == SL_RECORD_IN_TRACEBACK)
		return belong(state, SL_RECORD_HAS_EXCEPTION);
	if (look == SL_RECORD_CALL && before == SL_RECORD_IN_GOROUTINE)
		return false;
	return begin(state, look);
}

/* Only lines that belong to the one before leave a state that others need. */
bool
sl_record_is_sure(enum sl_record_look before, enum sl_record_look look)
{
	switch (look) {
	case SL_RECORD_PANIC:
		return true;
	case SL_RECORD_OTHER:
		return before != SL_RECORD_PANIC;
	case SL_RECORD_NAME:
		return before == SL_RECORD_OTHER || before == SL_RECORD_NAME ||
		       before == SL_RECORD_EXCEPTION || before == SL_RECORD_CALL;
	case SL_RECORD_CALL:
		return before == SL_RECORD_OTHER || before == SL_RECORD_NAME ||
		       before == SL_RECORD_EXCEPTION;
	default:
		return false;
	}
}
