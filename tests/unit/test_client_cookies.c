/* Cookies of a run: what servers set over chains of redirects, and what a file has. */
#include "support/client_scene.h"
#include "support/peer.h"
#include "support/scratch.h"

#include "sluice/base/log.h"
#include "sluice/http/client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* "$0" in the path becomes the port. */
SL_SUSPENDS
static int
fetch_with(struct client_scene *fixture, const struct sl_http_request *more, const char *host,
	const char *path)
{
	char text[CLIENT_SCENE_URL];
	snprintf(text, sizeof(text), "http://%s:$0%s", host, path);
	return client_scene_fetch(fixture, text, more);
}

SL_SUSPENDS
static int
fetch(struct client_scene *fixture, const char *host, const char *path)
{
	return fetch_with(fixture, NULL, host, path);
}

/* The lines of Cookie that /echo-headers reports, each with "|" behind it; static text. */
static const char *
sent(const struct client_scene *fixture)
{
	static char text[4096];
	const char *line = fixture->body;
	text[0] = '\0';
	while ((line = strstr(line, "\r\nCookie: "))) {
		const char *value = line + strlen("\r\nCookie: ");
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "%.*s|",
			(int)(strstr(value, "\r\n") - value), value);
		line = value;
	}
	return text;
}

#define COOKIE_TEST(name) \
	static int name##_task(void *arg); \
	Test(http_client_cookies, name) \
	{ \
		cr_expect_eq(peer_run(name##_task, NULL), 0); \
	} \
	static int name##_task(SL_UNUSED void *arg)

COOKIE_TEST(what_a_server_sets_is_sent_with_later_requests_of_the_chain_and_the_run)
{
	struct client_scene *fixture = client_scene_new();
	cr_assert_eq(client_scene_begin(fixture), 0);
	cr_expect_eq(fetch(fixture, "127.0.0.1",
			     "/set-cookie/a=1%3B%20path=%2F/set-cookie/b=2%3Bpath=%2F/redirect/302/"
			     "echo-headers"),
		0);
	cr_expect_str_eq(sent(fixture), "a=1; b=2|");
	cr_expect_eq(fetch(fixture, "127.0.0.1", "/cookie/c=3/cookie/d=4/gen/10/1"), 0, "%s",
		fixture->err.text);
	cr_expect_eq(fetch(fixture, "127.0.0.1", "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "a=1; b=2|");
	cr_expect_eq(fetch(fixture, "localhost", "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "");
	client_scene_free(fixture);
	return 0;
}

COOKIE_TEST(a_redirect_to_another_host_takes_none_along_and_its_own_come_back)
{
	struct client_scene *fixture = client_scene_new();
	cr_assert_eq(client_scene_begin(fixture), 0);
	cr_expect_eq(fetch(fixture, "127.0.0.1",
			     "/set-cookie/a=1%3Bpath=%2F/redirect-to?url=http://localhost:$0/"
			     "set-cookie/b=2%253Bpath=%252F/echo-headers"),
		0, "%s", fixture->err.text);
	cr_expect_str_eq(sent(fixture), "");
	cr_expect_eq(fetch(fixture, "localhost", "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "b=2|");
	cr_expect_eq(
		fetch(fixture, "localhost", "/redirect-to?url=http://127.0.0.1:$0/echo-headers"),
		0);
	cr_expect_str_eq(sent(fixture), "a=1|");
	client_scene_free(fixture);
	return 0;
}

COOKIE_TEST(statuses_that_fail_set_cookies_too)
{
	static const char *const paths[] = { "/set-cookie/a=1%3Bpath=%2F/status/401",
		"/set-cookie/a=1%3Bpath=%2F/status/404", "/set-cookie/a=1%3Bpath=%2F/status/503",
		"/set-cookie/a=1%3Bpath=%2F/redirect-to?url=ftp://x" };
	struct client_scene *fixture = client_scene_new();
	for (size_t i = 0; i < SL_COUNT_OF(paths); i++) {
		cr_assert_eq(client_scene_begin(fixture), 0);
		cr_expect_lt(fetch(fixture, "127.0.0.1", paths[i]), 0);
		cr_expect_eq(fetch(fixture, "127.0.0.1", "/echo-headers"), 0);
		cr_expect_str_eq(sent(fixture), "a=1|", "%s", paths[i]);
	}
	client_scene_free(fixture);
	return 0;
}

COOKIE_TEST(a_site_that_never_accepts_its_cookie_is_left)
{
	struct client_scene *fixture = client_scene_new();
	cr_assert_eq(client_scene_begin(fixture), 0);
	/* Secure, over http */
	cr_expect_eq(fetch(fixture, "127.0.0.1", "/cookie/a=1%3Bsecure/gen/1/1"), SL_E_REDIRECT);
	cr_expect(strstr(fixture->err.text, "cookies of a session (--cookie-file)"), "%s",
		fixture->err.text);
	client_scene_free(fixture);
	return 0;
}

COOKIE_TEST(the_users_own_field_stays_at_its_origin_and_the_jars_are_added)
{
	static const struct sl_http_header headers[] = { { { "Cookie", 6 }, { "a=9; u=8", 8 } },
		{ { "X-Plain", 7 }, { "x", 1 } }, { { "cookie", 6 }, { "v=7", 3 } } };
	struct client_scene *fixture = client_scene_new();
	cr_assert_eq(client_scene_begin(fixture), 0);
	struct sl_http_request own = { .headers = headers, .header_count = 1 };
	cr_expect_eq(fetch_with(fixture, &own, "127.0.0.1", "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "a=9; u=8|");
	cr_expect_eq(fetch_with(fixture, &own, "127.0.0.1",
			     "/set-cookie/a=1%3Bpath=%2F/set-cookie/b=2%3Bpath=%2F/redirect/302/"
			     "echo-headers"),
		0);
	cr_expect_str_eq(sent(fixture), "a=9; u=8; b=2|");
	cr_expect_eq(fetch_with(fixture, &own, "127.0.0.1",
			     "/redirect-to?url=http://localhost:$0/echo-headers"),
		0);
	cr_expect_str_eq(sent(fixture), "");
	/* Elsewhere, and back: the user's are gone for this chain, the jar's are not. */
	cr_expect_eq(fetch_with(fixture, &own, "127.0.0.1",
			     "/redirect-to?url=http://localhost:$0/redirect-to?"
			     "url=http://127.0.0.1:$0/echo-headers"),
		0);
	cr_expect_str_eq(sent(fixture), "a=1; b=2|");
	/* Left out: none at all. */
	static const struct sl_http_header none[] = { { { "Cookie", 6 }, { NULL, 0 } } };
	own.headers = none;
	cr_expect_eq(fetch_with(fixture, &own, "127.0.0.1", "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "");
	own.headers = headers;
	own.header_count = 3;
	cr_expect_eq(fetch_with(fixture, &own, "127.0.0.1", "/echo-headers"), 0);
	cr_expect(strstr(fixture->body, "Cookie: a=9; u=8; b=2\r\n") &&
		  strstr(fixture->body, "cookie: v=7\r\n") && strstr(fixture->body, "X-Plain: x"));
	client_scene_free(fixture);
	return 0;
}

/* ---- files ---- */

static char lines[4096];

static void
keep_lines(SL_UNUSED void *ctx, SL_UNUSED enum sl_log_level level, const char *line)
{
	size_t used = strlen(lines);
	snprintf(lines + used, sizeof(lines) - used, "%s\n", line);
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	scratch_write_text(path, text);
	cr_assert_eq(chmod(path, mode), 0);
}

COOKIE_TEST(the_cookies_of_a_file_go_to_their_own_domains)
{
	static const char path[] = "cookies";
	struct client_scene *fixture = client_scene_new();
	scratch_enter();
	write_file(path,
		"\xef\xbb\xbf# Netscape HTTP Cookie File\n\n"
		"127.0.0.1\tFALSE\t/\tFALSE\t0\tip\t1\n"
		"#HttpOnly_localhost\tFALSE\t/\tFALSE\t0\thttponly\t2\r\n"
		"localhost\tFALSE\t/private\tFALSE\t0\tpath\t3\n"
		"localhost\tFALSE\t/\tTRUE\t0\tsecure\t4\n"
		"localhost\tFALSE\t/\tFALSE\t1\told\t5\n"
		"localhost\tFALSE\t/\tFALSE\t0\tlast\t6",
		0600);
	fixture->options.cookie_file = path;
	lines[0] = '\0';
	sl_log_set_sink(keep_lines, NULL, SL_LOG_INFO);
	cr_expect_eq(client_scene_begin(fixture), 0, "%s", fixture->err.text);
	cr_expect_str_eq(lines, "");
	sl_log_set_sink(NULL, NULL, SL_LOG_ERROR);
	cr_expect_eq(fetch(fixture, "127.0.0.1", "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "ip=1|");
	cr_expect_eq(fetch(fixture, "localhost", "/echo-headers"), 0);
	cr_expect_str_eq(sent(fixture), "httponly=2; last=6|");
	cr_expect_eq(
		fetch(fixture, "localhost", "/redirect-to?url=http://127.0.0.1:$0/echo-headers"),
		0);
	cr_expect_str_eq(sent(fixture), "ip=1|");
	client_scene_free(fixture);
	scratch_leave();
	return 0;
}

COOKIE_TEST(what_is_wrong_with_a_file_is_reported_without_showing_it)
{
	static const struct {
		const char *text;
		mode_t mode;
		int code;
		const char *want; /* of the message, or of the lines */
	} rows[] = {
		{ "x.test\tFALSE\t/\tFALSE\t0\ta\tsecret\n", 0644, 0,
			"can be read by other users" },
		{ "x.test\tFALSE\t/\tFALSE\t0\ta\tsecret\n\nx.test\tno\t/\tFALSE\t0\ta\tsecret\n",
			0600, 0, "', line 3: the cookie is skipped, because its second field" },
		{ "x.test\tFALSE\t/\tFALSE\t0\ta\tb\n.com.\tTRUE\t/\tFALSE\t0\ta\tsecret\n", 0600,
			0, "', line 2: the cookie is skipped, because its domain" },
		{ "x.test\tFALSE\t/\tFALSE\t1\ta\tsecret\n", 0600, 0, "have expired" },
		{ "b\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nx.test\tFALSE\t/\tFALSE\t0\ta\tb\n", 0600, 0,
			"': 2 more cookies are skipped" },
		{ "", 0600, SL_E_USAGE, "has no cookies in Netscape's format" },
		{ "# Netscape HTTP Cookie File\n", 0600, SL_E_USAGE, "has no cookies" },
		{ "a=secret\n", 0600, SL_E_USAGE, "has no cookies" },
		{ NULL, 0, -ENOENT, "cannot read the cookie file" },
	};
	static const char path[] = "cookies";
	struct client_scene *fixture = client_scene_new();
	scratch_enter();
	fixture->options.cookie_file = path;
	sl_log_set_sink(keep_lines, NULL, SL_LOG_INFO);
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		remove(path);
		if (rows[i].text)
			write_file(path, rows[i].text, rows[i].mode);
		lines[0] = '\0';
		cr_expect_eq(
			client_scene_begin(fixture), rows[i].code, "%zu: %s", i, fixture->err.text);
		cr_expect(strstr(rows[i].code ? fixture->err.text : lines, rows[i].want),
			"%zu: %s %s", i, fixture->err.text, lines);
		cr_expect(!strstr(fixture->err.text, "secret") && !strstr(lines, "secret"));
	}
	sl_log_set_sink(NULL, NULL, SL_LOG_ERROR);
	client_scene_free(fixture);
	scratch_leave();
	return 0;
}
