#include "sluice/cli/arguments.h"

#include "sluice/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

/* The words are those of argv, or of a configuration file, which both may be written to. */
static void
overwrite(const char *text, size_t len)
{
	memset((char *)(uintptr_t)text, '*', len);
}

void
sl_arguments_hide(const char *text)
{
	overwrite(text, strlen(text));
}

void
sl_arguments_hide_password(const char *text)
{
	const char *colon = strchr(text, ':');
	if (colon)
		sl_arguments_hide(colon + 1);
}

/* Bytes before the last '@' of what is the authority of a URL; 0 = there is none. */
static size_t
userinfo_len(const char *authority)
{
	size_t len = strcspn(authority, "/?#");
	while (len > 0 && authority[len - 1] != '@')
		len--;
	return len > 0 ? len - 1 : 0;
}

static const char *
after_scheme(const char *text)
{
	const char *at = strstr(text, "://");
	return at ? at + strlen("://") : NULL;
}

void
sl_arguments_hide_userinfo(const char *url)
{
	const char *authority = after_scheme(url);
	if (!authority)
		authority = url;
	overwrite(authority, userinfo_len(authority));
}

static bool
has_secret(const char *word)
{
	while ((word = after_scheme(word)))
		if (userinfo_len(word) > 0)
			return true;
	return false;
}

int
sl_arguments_hide_urls(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char *word = argv[i];
		if (!has_secret(word))
			continue;
		argv[i] = strdup(word);
		if (!argv[i])
			return -ENOMEM;
		for (const char *at = word; (at = after_scheme(at));)
			overwrite(at, userinfo_len(at));
	}
	return 0;
}
