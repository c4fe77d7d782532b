/* What other users see of a command line. */
#include "sluice/cli/arguments.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(arguments, users_and_passwords_of_urls_are_hidden_and_stay_usable)
{
	static const struct {
		const char *word, *shown;
	} cases[] = {
		{ "get", "get" },
		{ "http://a/x@y", "http://a/x@y" },
		{ "http://a?x@y", "http://a?x@y" },
		{ "http://@a/", "http://@a/" },
		{ "http://", "http://" },
		{ "me@a/", "me@a/" },
		{ "http://me:secret@a/", "http://*********@a/" },
		{ "https://token@a", "https://*****@a" },
		{ "https://a@b@c/@", "https://***@c/@" },
		{ "--proxy=socks5://u:p@h:1", "--proxy=socks5://***@h:1" },
		{ "http://a/\thttp://u:p@b/", "http://a/\thttp://***@b/" },
		{ "https://u:p@a/?http://v:q@b", "https://***@a/?http://***@b" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char seen[64], *argv[] = { seen, NULL };
		snprintf(seen, sizeof(seen), "%s", cases[i].word);
		cr_assert_eq(sl_arguments_hide_urls(1, argv), 0);
		cr_expect_str_eq(seen, cases[i].shown);
		cr_expect_str_eq(argv[0], cases[i].word);
		if (argv[0] != seen)
			free(argv[0]);
	}
}

Test(arguments, values_of_options_are_hidden_in_their_place)
{
	char user[] = "me:se:cret", name[] = "me", proxy[] = "u:p@h:1", plain[] = "h:1";
	sl_arguments_hide_password(user);
	cr_expect_str_eq(user, "me:*******");
	sl_arguments_hide_password(name);
	cr_expect_str_eq(name, "me");
	sl_arguments_hide_userinfo(proxy);
	cr_expect_str_eq(proxy, "***@h:1");
	sl_arguments_hide_userinfo(plain);
	cr_expect_str_eq(plain, "h:1");
}
