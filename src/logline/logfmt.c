#include "sluice/logline/logfmt.h"

static bool
is_of_key(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-' || c == '@' || c == '/';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* In quotes: up to the closing one, or to the end if there is none. */
static struct sl_span
take_quoted(struct sl_logfmt *logfmt)
{
	const char *begin = ++logfmt->at, *at = begin;
	while (at < logfmt->end && *at != '"')
		at += *at == '\\' && at + 1 < logfmt->end ? 2 : 1;
	logfmt->at = at < logfmt->end ? at + 1 : at;
	return sl_span(begin, (size_t)(at - begin));
}

static struct sl_span
take_value(struct sl_logfmt *logfmt)
{
	const char *begin = logfmt->at;
	if (begin < logfmt->end && *begin == '"')
		return take_quoted(logfmt);
	while (logfmt->at < logfmt->end && !is_blank(*logfmt->at))
		logfmt->at++;
	return sl_span(begin, (size_t)(logfmt->at - begin));
}

bool
sl_logfmt_next(struct sl_logfmt *logfmt, struct sl_logfmt_pair *pair)
{
	while (logfmt->at < logfmt->end) {
		const char *begin = logfmt->at;
		while (logfmt->at < logfmt->end && is_of_key(*logfmt->at))
			logfmt->at++;
		size_t len = (size_t)(logfmt->at - begin);
		if (logfmt->at == logfmt->end)
			return false;
		if (*logfmt->at++ != '=' || len == 0)
			continue;
		pair->key = sl_span(begin, len);
		pair->value = take_value(logfmt);
		return true;
	}
	return false;
}
