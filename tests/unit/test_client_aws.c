/* Signed requests, with a server that checks them as S3 does. */
#include "support/origin.h"
#include "support/peer.h"
#include "support/scratch.h"

#include "sluice/http/client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STORE "/sigv4/AKID/SECRET/us-east-1"

struct fixture {
	struct sl_origin *origin;
	struct sl_origin_options served;
	struct sl_http_client_options options;
	unsigned ports[2];
	/* of the last request */
	struct sl_error err;
	char body[4096];
};

/* On the heap: tasks have small stacks. */
static struct fixture *
fixture_new(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	cr_assert_not_null(fixture);
	fixture->served = (struct sl_origin_options){ .max_connections = 64,
		.ports = { { .name = "0", .kind = SL_ORIGIN_HTTP },
			{ .name = "1", .kind = SL_ORIGIN_HTTP } },
		.port_count = 2 };
	fixture->options = (struct sl_http_client_options){ .per_host = 8,
		.total = 8,
		.connect_timeout_ns = 60 * SL_NS_PER_S,
		.stall_timeout_ns = 60 * SL_NS_PER_S,
		.max_redirects = 5,
		.credentials = {
			.aws = { .sigv4 = "aws:amz", .id = "AKID", .secret = "SECRET" } } };
	cr_assert_eq(sl_origin_start(&fixture->origin, &fixture->served, NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		fixture->ports[i] =
			sl_origin_port_of(fixture->origin, fixture->served.ports[i].name);
	return fixture;
}

static void
fixture_free(struct fixture *fixture)
{
	sl_origin_stop(fixture->origin);
	free(fixture);
}

SL_SUSPENDS
static int
read_all(struct fixture *fixture, struct sl_http_exchange *exchange)
{
	size_t len = 0;
	int got;
	while ((got = sl_http_read(exchange, fixture->body + len, sizeof(fixture->body) - 1 - len,
			&fixture->err)) > 0)
		len += (size_t)got;
	fixture->body[len] = '\0';
	sl_http_close(exchange);
	return got;
}

/* With a client of its own, for which the origin of `url` was typed. `parts` are the path, and what
 * follows numbers of ports in it. */
SL_SUSPENDS
static int
fetch(struct fixture *fixture, const char *userinfo, const char *path,
	const struct sl_http_header *headers, size_t header_count)
{
	char text[1024];
	struct sl_url url = { 0 };
	struct sl_http_client *client = NULL;
	struct sl_http_exchange *exchange = NULL;
	struct sl_http_client_options options = fixture->options;
	sl_error_clear(&fixture->err);
	fixture->body[0] = '\0';
	snprintf(text, sizeof(text), "http://%s127.0.0.1:%u%s", userinfo, fixture->ports[0], path);
	cr_assert_eq(sl_url_parse(&url, sl_span_str(text), NULL), 0, "%s", text);
	options.credentials.origins.typed = &url;
	options.credentials.origins.typed_count = 1;
	int code = sl_http_client_new(&client, &options, &fixture->err);
	struct sl_http_request request = {
		.method = "GET", .url = &url, .headers = headers, .header_count = header_count
	};
	if (!code)
		code = sl_http_open(client, &request, &exchange, &fixture->err);
	if (!code)
		code = read_all(fixture, exchange);
	sl_http_client_free(client);
	sl_url_release(&url);
	return code;
}

static struct sl_http_header
header(const char *name, const char *value)
{
	return (struct sl_http_header){ sl_span_str(name), sl_span_str(value) };
}

static bool
has(const struct fixture *fixture, const char *text)
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
	struct fixture *fixture = fixture_new();
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
	fixture_free(fixture);
	return 0;
}

AWS_TEST(other_services_and_providers_have_other_fields)
{
	struct fixture *fixture = fixture_new();
	fixture->options.credentials.aws.sigv4 = "osc:out:there:api";
	fixture->options.credentials.aws.token = "TOKEN";
	cr_expect_eq(fetch(fixture, "", "/echo-headers", NULL, 0), 0);
	cr_expect(has(fixture, "OSC4-HMAC-SHA256 Credential=AKID/"), "%s", fixture->body);
	cr_expect(has(fixture, "/there/api/osc4_request, "
			       "SignedHeaders=host;x-out-date;x-out-security-token, "),
		"%s", fixture->body);
	cr_expect(has(fixture, "\r\nx-out-security-token: TOKEN\r\n"), "%s", fixture->body);
	fixture_free(fixture);
	return 0;
}

AWS_TEST(userinfo_of_the_url_and_an_authorization_of_the_user_come_first)
{
	struct fixture *fixture = fixture_new();
	const struct sl_http_header own = header("Authorization", "Bearer mine");
	fixture->options.credentials.aws.token = "TOKEN";
	cr_expect_eq(fetch(fixture, "OWN:word@", "/sigv4/OWN/word/us-east-1/gen/10/1", NULL, 0), 0,
		"%s", fixture->err.text);
	cr_expect_eq(fetch(fixture, "", "/echo-headers", &own, 1), 0);
	cr_expect(has(fixture, "Bearer mine"), "%s", fixture->body);
	cr_expect_not(has(fixture, "x-amz"), "%s", fixture->body);
	fixture_free(fixture);
	return 0;
}

/* CVE-2018-1000007, CVE-2022-27774: what is for one origin must not reach another one. */
AWS_TEST(a_redirect_to_another_origin_takes_the_keys_away_for_good)
{
	struct fixture *fixture = fixture_new();
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
	fixture_free(fixture);
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
	struct fixture *fixture = fixture_new();
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		cr_expect_eq(
			fetch(fixture, "", rows[i].path, NULL, 0), SL_E_STATUS, "%s", rows[i].path);
		cr_expect(strstr(fixture->err.text, rows[i].want), "%s", fixture->err.text);
	}
	cr_expect_eq(fetch(fixture, "", "/sigv4-elsewhere/us-east-1/301", NULL, 0), SL_E_REDIRECT);
	fixture_free(fixture);
	return 0;
}

AWS_TEST(keys_of_a_profile_are_all_from_that_profile)
{
	struct fixture *fixture = fixture_new();
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
	fixture_free(fixture);
	return 0;
}

/* ---- a request that waits ---- */

/* The time of the signature of what /echo-headers has shown, in seconds of its day. */
static int
signed_at(const struct fixture *fixture)
{
	int hours = 0, minutes = 0, seconds = 0;
	const char *date = strcasestr(fixture->body, "x-amz-date: ");
	cr_assert_not_null(date, "%s", fixture->body);
	cr_assert_eq(sscanf(date + strlen("x-amz-date: "), "%*8dT%2d%2d%2d", &hours, &minutes,
			     &seconds),
		3);
	return (hours * 60 + minutes) * 60 + seconds;
}

/* 1.25 s apart: not in the same second. */
AWS_TEST(a_request_that_waits_for_its_turn_is_signed_when_it_is_sent)
{
	struct fixture *fixture = fixture_new();
	char text[128];
	int at[2];
	struct sl_url url = { 0 };
	struct sl_http_client *client = NULL;
	struct sl_http_client_options options = fixture->options;
	snprintf(text, sizeof(text), "http://127.0.0.1:%u/echo-headers", fixture->ports[0]);
	cr_assert_eq(sl_url_parse(&url, sl_span_str(text), NULL), 0);
	options.credentials.origins.typed = &url;
	options.credentials.origins.typed_count = 1;
	options.max_rps_milli = 800;
	cr_assert_eq(sl_http_client_new(&client, &options, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		struct sl_http_exchange *exchange = NULL;
		const struct sl_http_request request = { .method = "GET", .url = &url };
		cr_assert_eq(sl_http_open(client, &request, &exchange, &fixture->err), 0, "%s",
			fixture->err.text);
		cr_assert_eq(read_all(fixture, exchange), 0);
		at[i] = signed_at(fixture);
	}
	cr_expect_neq(at[0], at[1]);
	sl_http_client_free(client);
	sl_url_release(&url);
	fixture_free(fixture);
	return 0;
}
