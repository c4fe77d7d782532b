/* Signed requests, with a server that checks them as S3 does. */
#include "support/client_scene.h"
#include "support/peer.h"
#include "support/scratch.h"

#include "sluice/http/client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STORE "/sigv4/AKID/SECRET/us-east-1"

static struct client_scene *
new_scene(void)
{
	struct client_scene *fixture = client_scene_new();
	fixture->options.credentials.aws =
		(struct sl_aws_options){ .sigv4 = "aws:amz", .id = "AKID", .secret = "SECRET" };
	return fixture;
}

/* A client for which the origin of `text` was typed; *typed is to be given to end(). */
SL_SUSPENDS
static int
begin(struct client_scene *fixture, const char *text, struct sl_url *typed)
{
	client_scene_url(fixture, text, typed);
	fixture->options.credentials.origins.typed = typed;
	fixture->options.credentials.origins.typed_count = 1;
	return client_scene_begin(fixture);
}

SL_SUSPENDS
static void
end(struct client_scene *fixture, struct sl_url *typed)
{
	sl_http_client_free(fixture->client);
	fixture->client = NULL;
	sl_url_release(typed);
}

/* With a client of its own. */
SL_SUSPENDS
static int
fetch(struct client_scene *fixture, const char *userinfo, const char *path,
	const struct sl_http_header *headers, size_t header_count)
{
	const struct sl_http_request more = { .headers = headers, .header_count = header_count };
	char text[CLIENT_SCENE_URL];
	struct sl_url typed;
	snprintf(text, sizeof(text), "http://%s127.0.0.1:$0%s", userinfo, path);
	int code = begin(fixture, text, &typed);
	if (!code)
		code = client_scene_fetch(fixture, text, &more);
	end(fixture, &typed);
	return code;
}

static struct sl_http_header
header(const char *name, const char *value)
{
	return (struct sl_http_header){ sl_span_str(name), sl_span_str(value) };
}

static bool
has(const struct client_scene *fixture, const char *text)
{
	return strstr(fixture->body, text) != NULL;
}

#define AWS_TEST(name) \
	static int name##_task(void *arg); \
	Test(http_aws, name) \
	{ \
		cr_expect_eq(peer_run(name##_task, NULL), 0); \
	} \
	static int name##_task(SL_UNUSED void *arg)

AWS_TEST(the_signature_covers_host_and_all_fields_of_the_store)
{
	struct client_scene *fixture = new_scene();
	const struct sl_http_header headers[] = { header("X-Amz-Request-Payer", " requester "),
		header("X-AMZ-Date", "20000101T000000Z"), header("x-amz-content-sha256", "abc"),
		header("Host", "other.example"), header("X-Amzn-Trace", "t"),
		header("Range-Unit", "b") };
	cr_expect_eq(fetch(fixture, "", STORE "/gen/10/1", headers, SL_COUNT_OF(headers)), 0, "%s",
		fixture->err.text);
	cr_expect_eq(strlen(fixture->body), 10);
	cr_expect_eq(fetch(fixture, "", "/echo-headers", headers, SL_COUNT_OF(headers)), 0);
	cr_expect(has(fixture, "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
			       "x-amz-request-payer, "),
		"%s", fixture->body);
	cr_expect(has(fixture, "Credential=AKID/"), "%s", fixture->body);
	cr_expect(has(fixture, "/us-east-1/s3/aws4_request"), "%s", fixture->body);
	cr_expect_not(has(fixture, "20000101"), "%s", fixture->body);
	cr_expect_not(has(fixture, ": abc"), "%s", fixture->body);
	cr_expect_not(has(fixture, "SECRET"), "%s", fixture->body);
	client_scene_free(fixture);
	return 0;
}

AWS_TEST(other_services_and_providers_have_other_fields)
{
	struct client_scene *fixture = new_scene();
	fixture->options.credentials.aws.sigv4 = "osc:out:there:api";
	fixture->options.credentials.aws.token = "TOKEN";
	cr_expect_eq(fetch(fixture, "", "/echo-headers", NULL, 0), 0);
	cr_expect(has(fixture, "OSC4-HMAC-SHA256 Credential=AKID/"), "%s", fixture->body);
	cr_expect(has(fixture, "/there/api/osc4_request, "
			       "SignedHeaders=host;x-out-date;x-out-security-token, "),
		"%s", fixture->body);
	cr_expect(has(fixture, "\r\nx-out-security-token: TOKEN\r\n"), "%s", fixture->body);
	client_scene_free(fixture);
	return 0;
}

AWS_TEST(userinfo_of_the_url_and_an_authorization_of_the_user_come_first)
{
	struct client_scene *fixture = new_scene();
	const struct sl_http_header own = header("Authorization", "Bearer mine");
	fixture->options.credentials.aws.token = "TOKEN";
	cr_expect_eq(fetch(fixture, "OWN:word@", "/sigv4/OWN/word/us-east-1/gen/10/1", NULL, 0), 0,
		"%s", fixture->err.text);
	cr_expect_eq(fetch(fixture, "", "/echo-headers", &own, 1), 0);
	cr_expect(has(fixture, "Bearer mine"), "%s", fixture->body);
	cr_expect_not(has(fixture, "x-amz"), "%s", fixture->body);
	client_scene_free(fixture);
	return 0;
}

/* CVE-2018-1000007, CVE-2022-27774: what is for one origin must not reach another one. */
AWS_TEST(a_redirect_to_another_origin_takes_the_keys_away_for_good)
{
	struct client_scene *fixture = new_scene();
	char path[512];
	snprintf(path, sizeof(path), "/redirect-to?url=http://127.0.0.1:%u/echo-headers",
		fixture->ports[1]);
	cr_expect_eq(fetch(fixture, "", path, NULL, 0), 0);
	cr_expect_not(has(fixture, "x-amz") || has(fixture, "AKID"), "%s", fixture->body);
	snprintf(path, sizeof(path),
		"/redirect-to?url=http://127.0.0.1:%u/redirect-to%%3Furl=http://127.0.0.1:%u"
		"/echo-headers",
		fixture->ports[1], fixture->ports[0]);
	cr_expect_eq(fetch(fixture, "", path, NULL, 0), 0);
	cr_expect(has(fixture, "GET /echo-headers"), "%s", fixture->body);
	cr_expect_not(has(fixture, "x-amz") || has(fixture, "AKID"), "%s", fixture->body);
	snprintf(path, sizeof(path), "/redirect-to?url=http://127.0.0.1:%u" STORE "/gen/10/1",
		fixture->ports[0]);
	cr_expect_eq(fetch(fixture, "", path, NULL, 0), 0, "%s", fixture->err.text);
	client_scene_free(fixture);
	return 0;
}

AWS_TEST(refusals_are_explained)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "/sigv4/AKID/SECRET/elsewhere/gen/10/1",
			"was signed for the region 'us-east-1'" },
		{ "/sigv4/AKID/OTHER/us-east-1/gen/10/1", "does not accept these access keys" },
		{ "/sigv4-skewed", "the clock of this computer differs" },
		{ "/sigv4-elsewhere/eu-west-1/301", "is in the region 'eu-west-1'" },
		{ "/sigv4-elsewhere/eu-west-1/307", "is in the region 'eu-west-1'" },
		{ "/sigv4-elsewhere/eu-west-1/400", "is in the region 'eu-west-1'" },
	};
	struct client_scene *fixture = new_scene();
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		cr_expect_eq(
			fetch(fixture, "", rows[i].path, NULL, 0), SL_E_STATUS, "%s", rows[i].path);
		cr_expect(strstr(fixture->err.text, rows[i].want), "%s", fixture->err.text);
	}
	cr_expect_eq(fetch(fixture, "", "/sigv4-elsewhere/us-east-1/301", NULL, 0), SL_E_REDIRECT);
	client_scene_free(fixture);
	return 0;
}

AWS_TEST(keys_of_a_profile_are_all_from_that_profile)
{
	struct client_scene *fixture = new_scene();
	struct sl_aws_options *aws = &fixture->options.credentials.aws;
	scratch_enter();
	scratch_write_text("credentials",
		"[default]\naws_access_key_id=FILE\naws_secret_access_key=WORD\n"
		"aws_session_token=T\n");
	scratch_write_text("config", "[default]\nregion=there\n");
	*aws = (struct sl_aws_options){
		.sigv4 = "aws", .credentials_file = "credentials", .config_file = "config"
	};
	cr_expect_eq(fetch(fixture, "", "/sigv4/FILE+T/WORD/there/gen/10/1", NULL, 0), 0, "%s",
		fixture->err.text);
	/* Neither the secret nor the token of the file belongs to an id that is given. */
	aws->id = "AKID";
	cr_expect_eq(fetch(fixture, "", "/", NULL, 0), SL_E_USAGE);
	aws->secret = "SECRET";
	cr_expect_eq(fetch(fixture, "", "/sigv4/AKID/SECRET/there/gen/10/1", NULL, 0), 0, "%s",
		fixture->err.text);
	aws->profile = "missing";
	cr_expect_eq(fetch(fixture, "", "/", NULL, 0), SL_E_USAGE);
	cr_expect(strstr(fixture->err.text, "the AWS profile 'missing'"), "%s", fixture->err.text);
	scratch_leave();
	client_scene_free(fixture);
	return 0;
}

/* ---- a request that waits ---- */

/* The time of the signature of what /echo-headers has shown, in seconds of its day. */
static int
signed_at(const struct client_scene *fixture)
{
	int hours = 0, minutes = 0, seconds = 0;
	const char *date = strcasestr(fixture->body, "x-amz-date: ");
	cr_assert_not_null(date, "%s", fixture->body);
	cr_assert_eq(
		sscanf(date + strlen("x-amz-date: "), "%*8dT%2d%2d%2d", &hours, &minutes, &seconds),
		3);
	return (hours * 60 + minutes) * 60 + seconds;
}

/* 1.25 s apart: not in the same second. */
AWS_TEST(a_request_that_waits_for_its_turn_is_signed_when_it_is_sent)
{
	static const char text[] = "http://127.0.0.1:$0/echo-headers";
	struct client_scene *fixture = new_scene();
	struct sl_url typed;
	int at[2];
	fixture->options.max_rps_milli = 800;
	cr_assert_eq(begin(fixture, text, &typed), 0);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(client_scene_fetch(fixture, text, NULL), 0, "%s", fixture->err.text);
		at[i] = signed_at(fixture);
	}
	cr_expect_neq(at[0], at[1]);
	end(fixture, &typed);
	client_scene_free(fixture);
	return 0;
}
