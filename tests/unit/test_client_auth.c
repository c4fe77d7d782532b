/* Credentials of requests, and answers to 401, with a server that checks them. */
#include "support/client_scene.h"
#include "support/peer.h"
#include "support/scratch.h"

#include "sluice/base/log.h"
#include "sluice/http/client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A new client, with other options. */
SL_SUSPENDS
static void
begin(struct client_scene *fixture)
{
	cr_assert_eq(client_scene_begin(fixture), 0, "%s", fixture->err.text);
}

/* "http://USERINFO127.0.0.1:PORT/path" for client_scene_fetch. */
static void
format_url(char out[CLIENT_SCENE_URL], const char *userinfo, unsigned port, const char *path)
{
	snprintf(out, CLIENT_SCENE_URL, "http://%s127.0.0.1:$%u%s", userinfo, port, path);
}

SL_SUSPENDS
static int
fetch(struct client_scene *fixture, const char *userinfo, unsigned port, const char *path)
{
	char text[CLIENT_SCENE_URL];
	format_url(text, userinfo, port, path);
	return client_scene_fetch(fixture, text, NULL);
}

/* Requests that came with /tag/NAME. */
SL_SUSPENDS
static int
requests(struct client_scene *fixture, const char *name)
{
	char path[64];
	int count = -1;
	snprintf(path, sizeof(path), "/count/%s", name);
	cr_assert_eq(fetch(fixture, "", 0, path), 0);
	cr_assert_eq(sscanf(fixture->body, "{\"requests\":%d", &count), 1, "%s", fixture->body);
	return count;
}

/* "user:password" or "Bearer token" or "Digest" that /echo-headers reports; "" = none. */
static const char *
sent(const struct client_scene *fixture)
{
	static const struct {
		const char *line, *what;
	} known[] = { { "Authorization: Basic b3duOnB3\r\n", "own" },
		{ "Authorization: Basic cnVuOnB3\r\n", "run" },
		{ "Authorization: Basic bmV0OnB3\r\n", "netrc" },
		{ "Authorization: Basic ZGVmOnB3\r\n", "default" },
		{ "Authorization: Bearer T1\r\n", "bearer" },
		{ "Authorization: Digest ", "digest" } };
	if (!strstr(fixture->body, "Authorization"))
		return "";
	for (size_t i = 0; i < SL_COUNT_OF(known); i++)
		if (strstr(fixture->body, known[i].line))
			return known[i].what;
	return "another";
}

#define AUTH_TEST(name) \
	static int name##_task(void *arg); \
	Test(http_auth, name) \
	{ \
		cr_expect_eq(peer_run(name##_task, NULL), 0); \
	} \
	static int name##_task(SL_UNUSED void *arg)

/* ---- Digest ---- */

AUTH_TEST(the_strongest_challenge_that_is_supported_is_answered_and_remembered)
{
	static const char *const kinds[] = { "sha256", "md5", "plain", "sha256+md5", "sess+md5",
		"basic+sha256", "basic+sha256+md5+fields", "sess+sha256+md5+plain+fields" };
	struct client_scene *fixture = client_scene_new();
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++) {
		char path[200], tag[20];
		begin(fixture);
		snprintf(tag, sizeof(tag), "k%zu", i);
		for (int n = 0; n < 10; n++) {
			snprintf(path, sizeof(path), "/tag/%s/digest/u/p%%20w/%s/gen/%d/1?a=b,c",
				tag, kinds[i], n);
			cr_expect_eq(fetch(fixture, "u:p%2520w@", 0, path), 0, "%s: %s", kinds[i],
				fixture->err.text);
			cr_expect_eq(strlen(fixture->body), (size_t)n);
		}
		cr_expect_eq(requests(fixture, tag), 11, "%s", kinds[i]);
	}
	client_scene_free(fixture);
	return 0;
}

AUTH_TEST(a_nonce_that_is_too_old_is_replaced)
{
	struct client_scene *fixture = client_scene_new();
	begin(fixture);
	for (int n = 0; n < 10; n++)
		cr_expect_eq(fetch(fixture, "u:p@", 0, "/tag/s/digest/u/p/sha256+stale/gen/5/1"), 0,
			"%s", fixture->err.text);
	/* One at first, and one after each third. */
	cr_expect_eq(requests(fixture, "s"), 10 + 1 + 3);
	for (int n = 0; n < 5; n++)
		cr_expect_eq(fetch(fixture, "u:p@", 1, "/tag/n/digest/u/p/md5+next/gen/5/1"), 0,
			"%s", fixture->err.text);
	cr_expect_eq(requests(fixture, "n"), 5 + 1);
	client_scene_free(fixture);
	return 0;
}

AUTH_TEST(credentials_that_are_refused_are_not_sent_again_and_again)
{
	static const struct {
		const char *path, *words;
		int count;
	} rows[] = {
		{ "/digest/u/other/sha256/gen/5/1", "does not accept", 2 },
		{ "/digest/other/p/md5+basic/gen/5/1", "does not accept", 2 },
		{ "/auth/u/other/gen/5/1", "does not accept", 1 },
		{ "/digest/u/p/sess/gen/5/1", "Digest challenge is not supported", 1 },
		{ "/digest/u/p/sess+basic/gen/5/1", "does not accept", 1 },
		{ "/bearer/T/gen/5/1", "does not accept", 1 },
	};
	struct client_scene *fixture = client_scene_new();
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		char path[200], tag[20];
		begin(fixture);
		snprintf(tag, sizeof(tag), "r%zu", i);
		snprintf(path, sizeof(path), "/tag/%s%s", tag, rows[i].path);
		cr_expect_eq(fetch(fixture, "u:p@", 0, path), SL_E_STATUS);
		cr_expect_eq(fixture->err.http_status, 401);
		cr_expect(strstr(fixture->err.text, rows[i].words), "%s", fixture->err.text);
		cr_expect_eq(requests(fixture, tag), rows[i].count, "%s", path);
	}
	client_scene_free(fixture);
	return 0;
}

AUTH_TEST(only_digest_never_sends_a_password)
{
	struct client_scene *fixture = client_scene_new();
	fixture->options.credentials.only_digest = true;
	begin(fixture);
	cr_expect_eq(fetch(fixture, "own:pw@", 0, "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "");
	cr_expect_eq(fetch(fixture, "own:pw@", 0, "/tag/b/auth/own/pw/gen/5/1"), SL_E_STATUS);
	cr_expect(strstr(fixture->err.text, "--digest does not permit"), "%s", fixture->err.text);
	cr_expect_eq(requests(fixture, "b"), 1);
	cr_expect_eq(fetch(fixture, "own:pw@", 0, "/tag/d/digest/own/pw/sha256/gen/5/1"), 0);
	cr_expect_eq(requests(fixture, "d"), 2);
	cr_expect_eq(fetch(fixture, "own:pw@", 0, "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "digest");
	client_scene_free(fixture);
	return 0;
}

/* CVE-2026-11856: what was learned of Digest went to another origin. */
AUTH_TEST(a_challenge_is_remembered_for_its_origin_and_user_alone)
{
	struct client_scene *fixture = client_scene_new();
	begin(fixture);
	cr_expect_eq(fetch(fixture, "own:pw@", 0, "/digest/own/pw/sha256/gen/5/1"), 0);
	cr_expect_eq(fetch(fixture, "own:pw@", 0, "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "digest");
	cr_expect_eq(fetch(fixture, "own:pw@", 1, "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "own");
	cr_expect_eq(fetch(fixture, "run:pw@", 0, "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "run");
	cr_expect_eq(fetch(fixture, "", 0, "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "");
	cr_expect_eq(
		fetch(fixture, "own:pw@", 0,
			"/digest/own/pw/sha256/redirect-to?url=http://127.0.0.1:$1/echo-headers"),
		0);
	cr_expect_str_eq(sent(fixture), "");
	client_scene_free(fixture);
	return 0;
}

AUTH_TEST(a_server_that_changes_to_basic_gets_that)
{
	struct client_scene *fixture = client_scene_new();
	begin(fixture);
	cr_expect_eq(fetch(fixture, "own:pw@", 0, "/digest/own/pw/sha256/gen/5/1"), 0);
	cr_expect_eq(
		fetch(fixture, "own:pw@", 0, "/auth/own/pw/gen/5/1"), 0, "%s", fixture->err.text);
	cr_expect_eq(fetch(fixture, "own:pw@", 0, "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "own");
	client_scene_free(fixture);
	return 0;
}

AUTH_TEST(a_head_has_an_answer_of_its_own)
{
	static const struct sl_http_request head = { .method = "HEAD" };
	char text[CLIENT_SCENE_URL];
	struct client_scene *fixture = client_scene_new();
	begin(fixture);
	format_url(text, "u:p@", 0, "/digest/u/p/sha256/gen/5/1");
	cr_expect_eq(client_scene_fetch(fixture, text, &head), 0, "%s", fixture->err.text);
	cr_expect_eq(client_scene_fetch(fixture, text, NULL), 0);
	client_scene_free(fixture);
	return 0;
}

#define TASKS 6
#define FILES 15

struct worker {
	struct client_scene *fixture;
	int failed;
};

static int
work(void *arg)
{
	struct worker *worker = arg;
	char text[CLIENT_SCENE_URL];
	format_url(text, "u:p@", 0, "/tag/p/digest/u/p/sha256/gen/5/1");
	for (int i = 0; i < FILES; i++) {
		struct sl_url url;
		struct sl_http_exchange *exchange = NULL;
		char data[16];
		client_scene_url(worker->fixture, text, &url);
		struct sl_http_request request = { .method = "GET", .url = &url };
		if (sl_http_open(worker->fixture->client, &request, &exchange, NULL) != 0)
			worker->failed++;
		sl_url_release(&url);
		while (exchange && sl_http_read(exchange, data, sizeof(data), NULL) > 0)
			;
		if (exchange)
			sl_http_close(exchange);
	}
	return 0;
}

/* The server refuses a count that it has seen. */
AUTH_TEST(requests_side_by_side_have_counts_of_their_own)
{
	struct client_scene *fixture = client_scene_new();
	struct worker workers[TASKS];
	struct sl_group group;
	begin(fixture);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < TASKS; i++) {
		workers[i] = (struct worker){ .fixture = fixture };
		cr_assert_eq(sl_group_spawn(&group, "worker", work, &workers[i], NULL), 0);
	}
	cr_expect_eq(sl_group_leave(&group), 0);
	for (int i = 0; i < TASKS; i++)
		cr_expect_eq(workers[i].failed, 0);
	/* Each of the first requests may have been challenged. */
	cr_expect_leq(requests(fixture, "p"), TASKS * FILES + TASKS);
	client_scene_free(fixture);
	return 0;
}

/* ---- to whom they go ---- */

/* The URL http://127.0.0.1:PORT/ as an origin. */
static struct sl_url
origin_url(const struct client_scene *fixture, unsigned port)
{
	char text[CLIENT_SCENE_URL];
	struct sl_url url;
	format_url(text, "", port, "/");
	client_scene_url(fixture, text, &url);
	return url;
}

#define TO(port) "redirect-to?url=http://127.0.0.1:$" #port "/"

AUTH_TEST(credentials_of_the_run_go_to_origins_that_were_typed_or_named)
{
	static const struct {
		const char *userinfo;
		unsigned port;
		const char *path, *want;
	} rows[] = {
		{ "", 0, "/echo-headers", "run" },
		{ "", 1, "/echo-headers", "run" },
		{ "", 2, "/echo-headers", "" },
		{ "own:pw@", 0, "/echo-headers", "own" },
		{ "own:pw@", 2, "/echo-headers", "own" },
		{ "", 0, "/redirect/302/echo-headers", "run" },
		{ "own:pw@", 2, "/redirect/302/echo-headers", "own" },
		{ "", 0, "/" TO(1) "echo-headers", "run" },
		{ "own:pw@", 0, "/" TO(1) "echo-headers", "run" },
		{ "", 0, "/" TO(2) "echo-headers", "" },
		{ "own:pw@", 0, "/" TO(2) "echo-headers", "" },
		{ "own:pw@", 2, "/" TO(0) "echo-headers", "" },
		{ "", 2, "/" TO(1) "echo-headers", "run" },
		{ "", 0, "/" TO(2) TO(1) "echo-headers", "" },
		{ "own:pw@", 0, "/" TO(2) TO(0) "echo-headers", "" },
		{ "own:pw@", 0, "/" TO(1) TO(0) "echo-headers", "" },
	};
	struct client_scene *fixture = client_scene_new();
	struct sl_url typed = origin_url(fixture, 0), named = origin_url(fixture, 1);
	fixture->options.credentials = (struct sl_credentials_options){ .user = "run",
		.password = "pw",
		.origins = {
			.typed = &typed, .typed_count = 1, .named = &named, .named_count = 1 } };
	begin(fixture);
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		cr_expect_eq(fetch(fixture, rows[i].userinfo, rows[i].port, rows[i].path), 0, "%s",
			fixture->err.text);
		cr_expect_str_eq(sent(fixture), rows[i].want, "%u %s %s", rows[i].port,
			rows[i].userinfo, rows[i].path);
		/* A later request to where that has led: the same scope. */
		cr_expect_null(strstr(fixture->final_url, "pw"));
		char again[CLIENT_SCENE_URL];
		snprintf(again, sizeof(again), "%s", fixture->final_url);
		if (rows[i].userinfo[0] && !fixture->scope.has_left)
			continue;
		const struct sl_http_request later = { .scope = fixture->scope };
		cr_expect_eq(client_scene_fetch(fixture, again, &later), 0);
		cr_expect_str_eq(sent(fixture), rows[i].want, "again: %s", rows[i].path);
	}
	cr_expect_eq(fetch(fixture, "", 2, "/status/401"), SL_E_STATUS);
	cr_expect(strstr(fixture->err.text, "--auth-origin"), "%s", fixture->err.text);
	client_scene_free(fixture);
	sl_url_release(&typed);
	sl_url_release(&named);
	return 0;
}

/* CVE-2024-11053 and those like it: the host of each hop decides, and the default entry is only for
 * origins that were typed. */
AUTH_TEST(netrc_entries_go_to_their_hosts)
{
	static const char text[] = "machine localhost login net password pw\n"
				   "machine nobody login x\n"
				   "default login def password pw\n";
	static const struct {
		const char *userinfo;
		unsigned port;
		const char *path, *want;
	} rows[] = {
		{ "", 0, "/echo-headers", "default" },
		{ "", 1, "/echo-headers", "" },
		{ "own:pw@", 0, "/echo-headers", "own" },
		{ "def@", 0, "/echo-headers", "default" },
		{ "", 0, "/redirect-to?url=http://localhost:$0/echo-headers", "netrc" },
		{ "own:pw@", 0, "/redirect-to?url=http://localhost:$1/echo-headers", "netrc" },
		{ "", 0, "/" TO(1) "echo-headers", "" },
		{ "", 0, "/redirect-to?url=http://localhost:$0/" TO(0) "echo-headers", "" },
	};
	struct client_scene *fixture = client_scene_new();
	struct sl_url typed = origin_url(fixture, 0);
	scratch_enter();
	scratch_write_text("netrc", text);
	fixture->options.credentials = (struct sl_credentials_options){ .netrc_file = "netrc",
		.origins = { .typed = &typed, .typed_count = 1 } };
	begin(fixture);
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		cr_expect_eq(fetch(fixture, rows[i].userinfo, rows[i].port, rows[i].path), 0, "%s",
			fixture->err.text);
		cr_expect_str_eq(sent(fixture), rows[i].want, "%u %s%s", rows[i].port,
			rows[i].userinfo, rows[i].path);
	}
	scratch_leave();
	client_scene_free(fixture);
	sl_url_release(&typed);
	return 0;
}

AUTH_TEST(a_token_is_read_again_when_it_is_refused)
{
	struct client_scene *fixture = client_scene_new();
	struct sl_url typed = origin_url(fixture, 0);
	scratch_enter();
	scratch_write_text("token", " \tT1\r\n\n");
	fixture->options.credentials = (struct sl_credentials_options){ .bearer_file = "token",
		.origins = { .typed = &typed, .typed_count = 1 } };
	begin(fixture);
	cr_expect_eq(fetch(fixture, "", 0, "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "bearer");
	cr_expect_eq(fetch(fixture, "", 1, "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "");
	cr_expect_eq(fetch(fixture, "", 0, "/tag/a/bearer/T1/gen/5/1"), 0);
	scratch_write_text("token", "T2\n");
	cr_expect_eq(fetch(fixture, "", 0, "/tag/a/bearer/T1/gen/5/1"), 0);
	cr_expect_eq(fetch(fixture, "", 0, "/tag/a/bearer/T2/gen/5/1"), 0, "%s", fixture->err.text);
	cr_expect_eq(fetch(fixture, "", 0, "/tag/a/bearer/T2/gen/5/1"), 0);
	cr_expect_eq(requests(fixture, "a"), 5);
	/* What is there now is no token, or the same: the refusal is the end. */
	scratch_write_text("token", "T 3\n");
	cr_expect_eq(fetch(fixture, "", 0, "/tag/b/bearer/T3/gen/5/1"), SL_E_STATUS);
	scratch_write_text("token", "T2\n");
	cr_expect_eq(fetch(fixture, "", 0, "/tag/b/bearer/T3/gen/5/1"), SL_E_STATUS);
	cr_expect_null(strstr(fixture->err.text, "T2"));
	cr_expect_eq(requests(fixture, "b"), 2);
	scratch_leave();
	client_scene_free(fixture);
	sl_url_release(&typed);
	return 0;
}

AUTH_TEST(files_that_are_not_valid_are_refused_without_showing_them)
{
	static const struct {
		const char *token, *netrc, *words;
	} rows[] = {
		{ "", NULL, "it is empty" },
		{ " \r\n", NULL, "it is empty" },
		{ "a\nsecret", NULL, "more than one line" },
		{ "Bearer secret", NULL, "contains a blank" },
		{ "secret\x01", NULL, "control byte" },
		{ "secret\xc3\xa4", NULL, "control byte" },
		{ NULL, "machine a login b\npassword c secret", "line 2: a keyword is expected" },
		{ NULL, "password secret", "line 1: 'machine' or 'default'" },
	};
	struct client_scene *fixture = client_scene_new();
	scratch_enter();
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		scratch_write_text("file", rows[i].token ? rows[i].token : rows[i].netrc);
		fixture->options.credentials = (struct sl_credentials_options){
			.bearer_file = rows[i].token ? "file" : NULL,
			.netrc_file = rows[i].netrc ? "file" : NULL,
		};
		sl_error_clear(&fixture->err);
		cr_expect_eq(sl_http_client_new(&fixture->client, &fixture->options, &fixture->err),
			SL_E_USAGE);
		cr_expect(strstr(fixture->err.text, rows[i].words), "%s", fixture->err.text);
		cr_expect_null(strstr(fixture->err.text, "secret"), "%s", fixture->err.text);
	}
	fixture->options.credentials = (struct sl_credentials_options){ .netrc_file = "nowhere" };
	sl_error_clear(&fixture->err);
	cr_expect_eq(
		sl_http_client_new(&fixture->client, &fixture->options, &fixture->err), -ENOENT);
	cr_expect(strstr(fixture->err.text, "'nowhere'"), "%s", fixture->err.text);
	scratch_leave();
	fixture->client = NULL;
	client_scene_free(fixture);
	return 0;
}

/* state: what the log has */
static char logged[4096];

static void
keep_line(void *ctx, enum sl_log_level level, const char *line)
{
	size_t len = strlen(logged);
	(void)ctx;
	(void)level;
	snprintf(logged + len, sizeof(logged) - len, "%s\n", line);
}

AUTH_TEST(a_netrc_file_that_others_can_read_is_reported)
{
	struct client_scene *fixture = client_scene_new();
	scratch_enter();
	scratch_write_text("netrc", "machine a login b password c");
	fixture->options.credentials = (struct sl_credentials_options){ .netrc_file = "netrc" };
	sl_log_set_sink(keep_line, NULL, SL_LOG_WARN);
	for (unsigned mode = 0600; mode <= 0644; mode += 044) {
		logged[0] = '\0';
		cr_assert_eq(chmod("netrc", mode), 0);
		begin(fixture);
		cr_expect_eq(strstr(logged, "can be read by other users") != NULL, mode == 0644,
			"%s", logged);
	}
	sl_log_set_sink(NULL, NULL, SL_LOG_ERROR);
	scratch_leave();
	client_scene_free(fixture);
	return 0;
}
