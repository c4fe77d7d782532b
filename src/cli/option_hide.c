/*
 * option_hide.c - what ps(1) shows of a value without its secrets. A word of the command line keeps
 * its place, and cannot grow.
 */
#include "option_int.h"

#include "sluice/base/redact.h"
#include "sluice/http/scope.h"

#include <string.h>

static void
cover(char *text, size_t len)
{
	memset(text, '*', len);
}

/* "Name: value", where only the values of some names are known to be harmless. */
static void
hide_field(char *value)
{
	size_t len = strcspn(value, ":");
	if (value[len] && !sl_scope_is_harmless(sl_span(value, len)))
		cover(value + len + 1, strlen(value + len + 1));
}

/* "user:password@" before a host, also without a scheme. */
static void
hide_userinfo(char *value)
{
	char *slashes = strstr(value, "//"), *from = slashes ? slashes + 2 : value;
	char *end = from + strcspn(from, "/?#");
	for (char *at = end; at > from; at--) {
		if (at[-1] != '@')
			continue;
		cover(from, (size_t)(at - 1 - from));
		return;
	}
}

static void
hide_known(char *value)
{
	struct sl_buf shown = { 0 };
	size_t len = strlen(value);
	sl_redact(&shown, sl_span(value, len));
	if (shown.failed) {
		cover(value, len);
	} else if (!sl_span_is(sl_buf_span(&shown), value)) {
		memset(value, '\0', len);
		memcpy(value, shown.data, SL_MIN(shown.len, len));
	}
	sl_buf_release(&shown);
}

void
option_hide_value(const struct sl_option *option, const char *word)
{
	char *value = (char *)(uintptr_t)word; /* argv may be written to */
	char *colon = strchr(value, ':');
	if (option && option->kind == SL_OPTION_HEADERS) {
		hide_field(value);
	} else if (option && option->secret_mark == ':') {
		if (colon)
			cover(colon + 1, strlen(colon + 1));
	} else {
		hide_userinfo(value);
		hide_known(value);
	}
}
