/* .netrc files as users write them. */
#include "sluice/http/netrc.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct row {
	const char *text, *host, *login;
	const char *want; /* "login:password"; NULL = none */
};

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		struct sl_netrc_entry entry = { 0 };
		struct sl_error err = { 0 };
		char got[256] = "";
		int code = sl_netrc_find(
			sl_span_str(row->text), row->host, row->login, true, &entry, &err);
		cr_expect_eq(code, row->want != NULL, "%s: %d %s", row->text, code, err.text);
		if (code == 1)
			snprintf(got, sizeof(got), "%s:%s",
				entry.login.data ? entry.login.data : "",
				entry.password.data ? entry.password.data : "");
		cr_expect_str_eq(got, row->want ? row->want : "", "%s", row->text);
		sl_netrc_entry_release(&entry);
	}
}

Test(http_netrc, the_entry_of_the_host_is_found)
{
	static const struct row rows[] = {
		{ "machine a login me password word", "a", NULL, "me:word" },
		{ "machine a\n\tlogin me\r\n\tpassword word\r\n", "a", NULL, "me:word" },
		{ "machine a password word login me", "a", NULL, "me:word" },
		{ "machine a user me account x password word", "a", NULL, "me:word" },
		{ "machine A.Example login me password word", "a.example", NULL, "me:word" },
		{ "machine b login no password no machine a login me password word", "a", NULL,
			"me:word" },
		{ "machine a login me password word\nmachine a login b password c", "a", NULL,
			"me:word" },
		{ "\xef\xbb\xbfmachine a login me password word", "a", NULL, "me:word" },
		{ "machine ba login me password word", "a", NULL, NULL },
		{ "machine a.b login me password word", "a", NULL, NULL },
		{ "machine a login me password word", "a.b", NULL, NULL },
		{ "", "a", NULL, NULL },
		{ "\n# only a comment", "a", NULL, NULL },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2024-11053, CVE-2025-0167: an entry without a password gave that of another. */
Test(http_netrc, an_entry_without_a_login_or_a_password_gives_no_credentials)
{
	static const struct row rows[] = {
		{ "machine a login me", "a", NULL, NULL },
		{ "machine a password word", "a", NULL, NULL },
		{ "machine a", "a", NULL, NULL },
		{ "machine a default login me password word", "a", NULL, NULL },
		{ "machine a login x machine b login me password word", "a", NULL, NULL },
		{ "default", "a", NULL, NULL },
		{ "default login me", "a", NULL, NULL },
		{ "machine a login x machine a login me password word", "a", NULL, "me:word" },
		{ "machine a login me password \"\"", "a", NULL, "me:" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2026-8926 and others: the login of a URL has to be that of the entry. */
Test(http_netrc, a_login_that_is_given_selects_the_entry)
{
	static const char text[] = "machine a login one password 1\n"
				   "machine a login two password 2\n"
				   "default login two password 3\n";
	static const struct row rows[] = {
		{ text, "a", "one", "one:1" },
		{ text, "a", "two", "two:2" },
		{ text, "a", "TWO", NULL },
		{ text, "a", "three", NULL },
		{ text, "a", "", NULL },
		{ text, "b", "two", "two:3" },
		{ text, "b", "one", NULL },
		{ "machine a password word", "a", "me", NULL },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_netrc, the_default_entry_is_for_hosts_without_an_entry)
{
	static const struct row rows[] = {
		{ "default login me password word", "a", NULL, "me:word" },
		{ "default login x password y machine a login me password word", "a", NULL,
			"me:word" },
		{ "default login x password y machine a login me", "a", NULL, NULL },
		{ "machine b login x password y default login me password word", "a", NULL,
			"me:word" },
	};
	struct sl_netrc_entry entry = { 0 };
	check_rows(rows, SL_COUNT_OF(rows));
	cr_expect_eq(sl_netrc_find(sl_span_str(rows[0].text), "a", NULL, false, &entry, NULL), 0);
	cr_expect_null(entry.login.data);
}

Test(http_netrc, comments_macros_and_quotes)
{
	static const struct row rows[] = {
		{ "# machine a login x password y\nmachine a login me password word", "a", NULL,
			"me:word" },
		{ "machine a # the login\nlogin me password word # x\n", "a", NULL, "me:word" },
		{ "machine a login me password #word", "a", NULL, "me:#word" },
		{ "machine a login me password w#ord", "a", NULL, "me:w#ord" },
		{ "macdef m\nmachine a login x password y\n\nmachine a login me password word", "a",
			NULL, "me:word" },
		{ "machine a login me macdef m\r\nput x password\r\n\r\npassword word", "a", NULL,
			"me:word" },
		{ "macdef m\nnever ends", "a", NULL, NULL },
		{ "macdef m", "a", NULL, NULL },
		{ "machine a login \"m e\" password \"w \\\"o\\\" \\\\ rd\"", "a", NULL,
			"m e:w \"o\" \\ rd" },
		{ "machine \"a\" login me password word\\n", "a", NULL, "me:word\\n" },
		{ "machine a login machine password default", "a", NULL, "machine:default" },
		{ "machine a login me password wo\"rd", "a", NULL, "me:wo\"rd" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_netrc, what_is_not_understood_is_refused_without_showing_it)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "secret", "line 1: 'machine' or 'default'" },
		{ "login me", "line 1: 'machine' or 'default'" },
		{ "machine", "line 1: a value is missing" },
		{ "machine a login me\npassword", "line 2: a value is missing" },
		{ "\n\nmachine a login me password two secret", "line 3: a keyword is expected" },
		{ "machine a login \"secret", "line 1: a quoted value does not end" },
		{ "machine a login \"secret\\", "line 1: a quoted value does not end" },
		{ "machine a login \"sec\nret\"", "line 1: a quoted value does not end" },
		{ "machine a login \"sec\"ret", "line 1: a quoted value is followed by" },
		{ "machine a login me password se\x01"
		  "cret",
			"line 1: a value contains a control byte" },
		{ "machine a login me password \"sec\tret\"",
			"line 1: a value contains a control" },
		{ "machine a login me password \"sec\\nret\"",
			"line 1: a value contains a control" },
		{ "machine a login me password \"sec\\rret\"",
			"line 1: a value contains a control" },
		{ "machine a login me password \"sec\\tret\"",
			"line 1: a value contains a control" },
		{ "machine b login x password y\nLOGIN secret", "line 2: a keyword is expected" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_netrc_entry entry = { 0 };
		struct sl_error err = { 0 };
		int code = sl_netrc_find(sl_span_str(rows[i].text), "b", NULL, true, &entry, &err);
		cr_expect_eq(code, SL_E_USAGE, "%s: %d", rows[i].text, code);
		cr_expect(strstr(err.text, rows[i].want), "%s: %s", rows[i].text, err.text);
		cr_expect_null(strstr(err.text, "secret"), "%s", err.text);
		cr_expect_null(entry.login.data, "%s", rows[i].text);
	}
}

Test(http_netrc, never_reads_past_its_text)
{
	static const char text[] = "# c\nmachine a login \"m\\\"e\" password word account x\n"
				   "macdef m\nx\n\ndefault login b password c\n";
	struct guard guard;
	guard_init(&guard, sizeof(text));
	for (size_t len = 0; len <= strlen(text); len++) {
		struct sl_netrc_entry entry = { 0 };
		char *place = guard_place(&guard, text, len);
		int code = sl_netrc_find(sl_span(place, len), "a", NULL, true, &entry, NULL);
		cr_expect(code >= 0 || code == SL_E_USAGE);
		sl_netrc_entry_release(&entry);
	}
	guard_release(&guard);
}
