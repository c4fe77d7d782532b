/* ~/.aws/credentials and ~/.aws/config as users and AWS's programs write them. */
#include "sluice/http/aws_profile.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void
show(char *out, size_t cap, const struct sl_aws_profile *profile)
{
	const struct sl_span values[] = { profile->id, profile->secret, profile->token,
		profile->region };
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < SL_COUNT_OF(values); i++)
		len += (size_t)snprintf(out + len, cap - len, "%s%.*s", i ? " " : "",
			(int)values[i].len, values[i].len ? values[i].data : "");
}

struct row {
	enum sl_aws_file file;
	const char *text, *name;
	const char *want; /* id, secret, token, region; NULL = no such profile */
};

Test(aws_profile, finds_the_settings_of_a_profile)
{
	const enum sl_aws_file credentials = SL_AWS_FILE_CREDENTIALS, config = SL_AWS_FILE_CONFIG;
	const struct row rows[] = {
		{ credentials, "[default]\naws_access_key_id = A\naws_secret_access_key = B\n",
			"default", "A B  " },
		{ credentials,
			"[default]\r\naws_access_key_id=A\r\nAWS_SECRET_ACCESS_KEY=B/+=\r\n"
			"aws_session_token\t=\tC\r\n",
			"default", "A B/+= C " },
		{ credentials, "[a]\naws_access_key_id=A\n[b]\naws_access_key_id=B", "b", "B   " },
		{ credentials, "[a]\naws_access_key_id=A\n[b]\naws_access_key_id=B", "a", "A   " },
		{ credentials, "[a]\naws_access_key_id=A\n[b]\n[a]\naws_secret_access_key=C", "a",
			"A C  " },
		{ credentials, "[a]\naws_access_key_id=A\naws_access_key_id=B", "a", "B   " },
		{ credentials, "[a]\n# x\n; y\n\n  # z\naws_access_key_id=A", "a", "A   " },
		{ credentials, "\xef\xbb\xbf[a]\naws_access_key_id=A", "a", "A   " },
		{ credentials, "[ a ] # mine\naws_access_key_id=A", "a", "A   " },
		{ credentials, "[a]\naws_access_key_id=", "a", "   " },
		{ credentials, "[A]\naws_access_key_id=A", "a", NULL },
		{ credentials, "aws_access_key_id=A", "default", NULL },
		{ credentials, "[profile a]\naws_access_key_id=A", "a", NULL },
		{ credentials, "", "a", NULL },
		{ config, "[profile a]\nregion = eu-west-1\noutput = json\n", "a", "   eu-west-1" },
		{ config, "[profile \t a b]\nregion = r", "a b", "   r" },
		{ config, "[default]\nregion = r", "default", "   r" },
		{ config, "[profile default]\nregion = r", "default", "   r" },
		{ config, "[a]\nregion = r", "a", NULL },
		{ config, "[profile]\nregion = r", "", NULL },
		{ config, "[sso-session a]\nregion = r", "a", NULL },
		{ config, "[default]\ns3 =\n  region = no\n  endpoint_url = x y\nregion = r",
			"default", "   r" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_aws_profile profile = { 0 };
		char got[200];
		int code = sl_aws_profile_read(
			&profile, sl_span_str(rows[i].text), rows[i].file, rows[i].name, NULL);
		cr_expect_eq(code, 0, "%s", rows[i].text);
		cr_expect_eq(profile.is_found, rows[i].want != NULL, "%s", rows[i].text);
		show(got, sizeof(got), &profile);
		cr_expect_str_eq(got, rows[i].want ? rows[i].want : "   ", "%s", rows[i].text);
	}
}

Test(aws_profile, the_file_that_is_read_first_counts)
{
	struct sl_aws_profile profile = { 0 };
	char got[200];
	cr_assert_eq(
		sl_aws_profile_read(&profile, sl_span_str("[a]\naws_access_key_id=A\nregion=\n"),
			SL_AWS_FILE_CREDENTIALS, "a", NULL),
		0);
	cr_assert_eq(sl_aws_profile_read(&profile,
			     sl_span_str("[profile a]\naws_access_key_id=B\nregion=r\n"
					 "aws_secret_access_key=S"),
			     SL_AWS_FILE_CONFIG, "a", NULL),
		0);
	show(got, sizeof(got), &profile);
	cr_expect_str_eq(got, "A S  r");
}

Test(aws_profile, other_sources_of_keys_are_named)
{
	struct sl_aws_profile profile = { 0 };
	cr_assert_eq(
		sl_aws_profile_read(&profile,
			sl_span_str(
				"[profile b]\nrole_arn=x\n[profile a]\ncredential_process = /x y"),
			SL_AWS_FILE_CONFIG, "a", NULL),
		0);
	cr_expect_str_eq(profile.other_source, "credential_process");
}

Test(aws_profile, what_is_not_understood_is_refused_without_being_shown)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "[a]\nhidden", "line 2: it is neither" },
		{ "\n[a\nhidden=1", "line 2: a section has no ']'" },
		{ "[a]\n\naws_secret_access_key = hid den", "line 3: its value contains a blank" },
		{ "[a]\naws_secret_access_key = hidden\x7f", "line 2: its value contains" },
		{ "[a]\nregion = hidden\xc3\xa4", "line 2: its value contains" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_aws_profile profile = { 0 };
		struct sl_error err = { 0 };
		cr_expect_eq(sl_aws_profile_read(&profile, sl_span_str(rows[i].text),
				     SL_AWS_FILE_CREDENTIALS, "a", &err),
			SL_E_USAGE, "%s", rows[i].text);
		cr_expect(strstr(err.text, rows[i].why), "%s: %s", rows[i].text, err.text);
		cr_expect_not(strstr(err.text, "hid"), "%s", err.text);
	}
	/* Of another profile they do not matter. */
	struct sl_aws_profile profile = { 0 };
	cr_expect_eq(sl_aws_profile_read(&profile, sl_span_str("[b]\nx\nregion=a b\n[a]\n"),
			     SL_AWS_FILE_CREDENTIALS, "a", NULL),
		0);
}

/* Each beginning of a file is read within its bounds, and gives what it has. */
Test(aws_profile, may_end_anywhere)
{
	static const char text[] = "# c\r\n[a]\r\naws_access_key_id = A\r\n x\n[b]\nregion=r\n";
	const size_t found_from = 8, id_from = 29; /* behind "[a]" and "= A" */
	struct guard guard;
	guard_init(&guard, sizeof(text));
	for (size_t len = 0; len < sizeof(text); len++) {
		struct sl_aws_profile profile = { 0 };
		char *place = guard_place(&guard, text, len);
		int code = sl_aws_profile_read(
			&profile, sl_span(place, len), SL_AWS_FILE_CREDENTIALS, "a", NULL);
		cr_expect(code == 0 || code == SL_E_USAGE);
		cr_expect_eq(profile.is_found, len >= found_from, "%zu", len);
		cr_expect_eq(sl_span_is(profile.id, "A"), len >= id_from + 2, "%zu", len);
	}
	guard_release(&guard);
}
