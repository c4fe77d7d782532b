/*
 * record.c - most lines are told apart by their first byte; names and calls are read up to the
 * first byte that does not belong to one.
 */
#include "sluice/logline/record.h"

#include <string.h>

#define CLOSING_MAX 8u     /* bytes of a line that only closes brackets */
#define REGISTER_COLUMN 7u /* of the value of a register */

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
is_hex_digit(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
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

/* "... 23 more"; "...additional frames elided..." and "...23 frames elided..." of Go. */
static bool
is_elision(struct sl_span line)
{
	if (has_prefix(line, "... "))
		return has_digits(line, 4, ' ');
	return has_prefix(line, "...") &&
	       (has_digits(line, 3, ' ') || has_prefix(line, "...additional "));
}

/* "}", "]," and the like: the end of what the lines before show of an object. */
static bool
is_closing(struct sl_span line)
{
	size_t len = 0;
	while (len < line.len && len < CLOSING_MAX && memchr("}]),;", line.data[len], 5))
		len++;
	return len == line.len;
}

/* A frame of PHP, "#0 file(1): f()"; and what is written between frames or behind them. */
static bool
is_marked(struct sl_span line)
{
	switch (line.data[0]) {
	case '#':
		return has_digits(line, 1, ' ');
	case '.':
		return is_elision(line);
	case '[':
		return has_prefix(line, "[signal ");
	case '-':
		return has_prefix(line, "--- End of ");
	case '}':
	case ']':
	case ')':
		return is_closing(line);
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

/* In the bytes that are looked at. */
static bool
has(struct sl_span line, const char *text)
{
	return memmem(line.data, SL_MIN(line.len, (size_t)SL_RECORD_LOOK), text, strlen(text));
}

static bool
is_panic(struct sl_span line)
{
	return line.data[line.len - 1] == ':' && has_prefix(line, "thread '") &&
	       has(line, " panicked at ");
}

/* "/app/x.js:3", "node:internal/process/promises:389": where the line of the source is from that
 * Node.js writes next. */
static bool
is_source(struct sl_span line)
{
	static const char *const suffixes[] = { ".js", ".cjs", ".mjs", ".ts" };
	size_t end = line.len;
	if (line.len > SL_RECORD_LOOK || !is_digit(line.data[end - 1]))
		return false;
	while (end > 0 && is_digit(line.data[end - 1]))
		end--;
	if (end < 2 || line.data[--end] != ':' || memchr(line.data, ' ', line.len))
		return false;
	struct sl_span name = sl_span(line.data, end);
	for (size_t i = 0; i < SL_COUNT_OF(suffixes); i++)
		if (ends_with(name, suffixes[i]))
			return true;
	return has_prefix(name, "node:");
}

/* "Current thread 0x7f1 (most recent call first):", as Python's faulthandler writes it. */
static bool
is_thread(struct sl_span line)
{
	return (has_prefix(line, "Current thread 0x") || has_prefix(line, "Thread 0x")) &&
	       has(line, " (most recent call first)");
}

/* "rax    0x1", as Go writes them behind its goroutines. */
static bool
is_register(struct sl_span line)
{
	size_t at = 0;
	if (line.len < REGISTER_COLUMN + 3 || line.len > REGISTER_COLUMN + 2 + 16)
		return false;
	while (at < REGISTER_COLUMN - 1 && is_name_char(line.data[at]))
		at++;
	while (at < REGISTER_COLUMN && line.data[at] == ' ')
		at++;
	if (at < REGISTER_COLUMN || memcmp(line.data + at, "0x", 2) != 0)
		return false;
	for (at += 2; at < line.len && is_hex_digit(line.data[at]);)
		at++;
	return at == line.len;
}

static bool
is_exception(struct sl_span name)
{
	return ends_with(name, "Error") || ends_with(name, "Exception") ||
	       ends_with(name, "Throwable") || ends_with(name, "UnhandledPromiseRejection");
}

/* `at` is behind a name: "", ":", ": text"; of Node.js also " [CODE]: text". */
static bool
ends_name(struct sl_span line, size_t at)
{
	size_t most = SL_MIN(line.len, (size_t)SL_RECORD_LOOK);
	if (at + 1 < most && line.data[at] == ' ' && line.data[at + 1] == '[') {
		for (at += 2; at < most && is_name_char(line.data[at]);)
			at++;
		if (at == most || line.data[at++] != ']')
			return false;
	}
	if (at == line.len)
		return true;
	return line.data[at] == ':' && (at + 1 == line.len || line.data[at + 1] == ' ');
}

/* Of a line that begins with a letter, and not with one of the fixed texts. */
static enum sl_record_look
look_at_name(struct sl_span line)
{
	size_t most = SL_MIN(line.len, (size_t)SL_RECORD_LOOK), len = 0;
	while (len < most && (is_name_char(line.data[len]) || memchr("<>", line.data[len], 2)))
		len++;
	if (ends_name(line, len))
		return is_exception(sl_span(line.data, len)) ? SL_RECORD_EXCEPTION : SL_RECORD_NAME;
	while (len < most &&
		(is_name_char(line.data[len]) || memchr("/-~@%+[]", line.data[len], 8)))
		len++;
	bool is_call = len < most && line.data[len] == '(' && line.data[line.len - 1] == ')';
	return is_call || is_register(line) ? SL_RECORD_CALL : SL_RECORD_OTHER;
}

/* "[TypeError: text]", as Node.js writes an error without its frames. */
static enum sl_record_look
look_at_bracket(struct sl_span line)
{
	size_t most = SL_MIN(line.len, (size_t)SL_RECORD_LOOK), len = 1;
	while (len < most && is_name_char(line.data[len]))
		len++;
	struct sl_span name = sl_span(line.data + 1, len - 1);
	bool is_name = len + 1 < most && memcmp(line.data + len, ": ", 2) == 0;
	return is_name && is_exception(name) ? SL_RECORD_EXCEPTION : SL_RECORD_OTHER;
}

static enum sl_record_look
look_at_text(struct sl_span line)
{
	static const char *const belongs[] = { "Caused by:", "Suppressed:", "Wrapped by:",
		"During handling of the above exception, ", "The above exception was ",
		"Stack (most recent call last):", "future: <", "stack backtrace:",
		"Stack backtrace:", "Stack trace:", "note: run with `RUST_BACKTRACE",
		"note: Run with `RUST_BACKTRACE", "note: Some details are omitted", "PC=0x",
		"Node.js v", "Thrown at:" };
	static const char *const calls[] = { "created by ", "exit status " };
	if (has_any_prefix(line, belongs, SL_COUNT_OF(belongs)) || is_thread(line))
		return SL_RECORD_BELONGS;
	if (has_prefix(line, "Traceback (most recent call last)"))
		return SL_RECORD_TRACEBACK;
	if (has_prefix(line, "goroutine ") && has_digits(line, 10, ' '))
		return SL_RECORD_GOROUTINE;
	if (has_prefix(line, "runtime stack:"))
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
	if (is_source(line))
		return SL_RECORD_PANIC;
	if (is_letter(line.data[0]))
		return look_at_text(line);
	if (is_marked(line))
		return SL_RECORD_BELONGS;
	return line.data[0] == '[' ? look_at_bracket(line) : SL_RECORD_OTHER;
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
