/* What other users see of a command line once its words were copied. */
#include "sluice/cli/arguments.h"

#include "sluice/base/bytes.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8

struct row {
	const char *words[WORDS_MAX], *shown[WORDS_MAX];
};

static void
check(const struct row *row)
{
	char *argv[WORDS_MAX + 1] = { NULL };
	struct sl_arguments arguments = { 0 };
	int argc = 0;
	for (; argc < WORDS_MAX && row->words[argc]; argc++)
		argv[argc] = strdup(row->words[argc]);
	cr_assert_eq(sl_arguments_take(&arguments, argc, argv), 0);
	cr_expect_eq(arguments.count, argc);
	cr_expect_null(arguments.words[argc]);
	for (int i = 0; i < argc; i++) {
		cr_expect_str_eq(arguments.words[i], row->words[i]);
		cr_expect_str_eq(argv[i], row->shown[i], "'%s': '%s'", row->words[i], argv[i]);
		free(argv[i]);
	}
	sl_arguments_release(&arguments);
}

/* CVE-2018-20483 and CVE-2019-3500 are the same of files and logs. */
Test(arguments, secrets_are_hidden_in_what_others_see)
{
	static const struct row rows[] = {
		{ { "s", "get", "http://me:pw@h/x", "http://h/y" },
			{ "s", "get", "http://***@h/x", "http://h/y" } },
		{ { "s", "get", "me:pass@h/x", "h/y@z" }, { "s", "get", "*******@h/x", "h/y@z" } },
		{ { "s", "get", "http://h/x?sig=abc&n=1", "https://h/?X-Amz-Signature=0123456" },
			{ "s", "get", "http://h/x?sig=***&n=1",
				"https://h/?X-Amz-Signature=***" } },
		{ { "s", "get", "http://h/x?sig=a&n=1" }, { "s", "get", "http://h/x?sig=***&n" } },
		{ { "s", "get", "-u", "me:pw", "-ume:pw", "--user=me:pw", "--user", "me:pw" },
			{ "s", "get", "-u", "me:**", "-ume:**", "--user=me:**", "--user",
				"me:**" } },
		{ { "s", "get", "-u", "me", "-qu", "me:p:w" },
			{ "s", "get", "-u", "me", "-qu", "me:***" } },
		{ { "s", "get", "-H", "X-Any: v", "-HAccept: v", "--header=Cookie: v", "-H",
			  "X-None" },
			{ "s", "get", "-H", "X-Any:**", "-HAccept: v", "--header=Cookie:**", "-H",
				"X-None" } },
		{ { "s", "get", "--proxy", "http://u:p@h:1", "--proxy=u:p@h", "--proxy-user",
			  "u:p" },
			{ "s", "get", "--proxy", "http://***@h:1", "--proxy=***@h", "--proxy-user",
				"u:*" } },
		{ { "s", "get", "--mirror", "http://u:p@h/", "-i", "https://h/l?token=abc", "--",
			  "-u" },
			{ "s", "get", "--mirror", "http://***@h/", "-i", "https://h/l?token=***",
				"--", "-u" } },
		{ { "s", "scan", "--user", "me:pw", "-H", "a.log", "http://u:p@h/", "-e" },
			{ "s", "scan", "--user", "me:**", "-H", "a.log", "http://***@h/", "-e" } },
		{ { "s", "get", "http://u:p@h/", "--unknown", "http://u:p@h/", "-%", "--user" },
			{ "s", "get", "http://***@h/", "--unknown", "http://***@h/", "-%",
				"--user" } },
		{ { "s", "get", "--", "http://u:p@h/", "--proxy=x:y@h" },
			{ "s", "get", "--", "http://***@h/", "***********@h" } },
		{ { "s", "help", "get" }, { "s", "help", "get" } },
		{ { "s", "unknown" }, { "s", "unknown" } },
		{ { "s" }, { "s" } },
		{ { "s", "get", "" }, { "s", "get", "" } },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++)
		check(&rows[i]);
}
