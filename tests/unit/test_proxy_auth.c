/* What a proxy is sent of its user, and what follows a 407. */
#include "sluice/http/proxy_auth.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define DIGEST "Proxy-Authenticate: Digest realm=\"r\", qop=\"auth\", nonce="

struct scene {
	struct sl_proxy proxy;
	struct sl_proxy_auth auth;
	struct sl_proxy_login login;
	struct sl_buf value;
};

static void
begin(struct scene *scene, const char *proxy)
{
	memset(scene, 0, sizeof(*scene));
	cr_assert_eq(sl_proxy_parse(&scene->proxy, sl_span_str(proxy), NULL), 0);
	sl_proxy_auth_init(&scene->auth, &scene->proxy);
}

static void
end(struct scene *scene)
{
	sl_proxy_login_release(&scene->login);
	sl_proxy_auth_release(&scene->auth);
	sl_proxy_release(&scene->proxy);
	sl_buf_release(&scene->value);
}

static const char *
sent(struct scene *scene)
{
	sl_buf_clear(&scene->value);
	cr_assert_eq(sl_proxy_auth_format(&scene->auth, &scene->login, "CONNECT", "a.example:443",
			     &scene->value),
		0);
	return scene->value.len ? scene->value.data : "";
}

/* A 407 with these fields. */
static int
refused(struct scene *scene, const char *fields)
{
	struct sl_buf text = { 0 };
	struct sl_head head;
	size_t used = 0;
	sl_head_init(&head);
	sl_buf_printf(&text, "HTTP/1.1 407 No\r\n%s\r\n", fields);
	cr_assert_eq(sl_head_feed(&head, text.data, text.len, &used, NULL), SL_PARSE_DONE);
	int again = sl_proxy_auth_refused(&scene->auth, &scene->login, &head);
	sl_head_release(&head);
	sl_buf_release(&text);
	return again;
}

static void
accepted(struct scene *scene)
{
	sl_proxy_auth_accepted(&scene->auth, &scene->login);
	sl_proxy_login_release(&scene->login);
}

static void
expect_digest(struct scene *scene, const char *nonce, const char *count)
{
	char wanted[100];
	const char *value = sent(scene);
	cr_expect(strncmp(value, "Digest ", 7) == 0, "%s", value);
	snprintf(wanted, sizeof(wanted), "nonce=\"%s\"", nonce);
	cr_expect(strstr(value, wanted), "%s", value);
	snprintf(wanted, sizeof(wanted), "nc=%s", count);
	cr_expect(strstr(value, wanted), "%s", value);
	cr_expect(strstr(value, "uri=\"a.example:443\""), "%s", value);
	cr_expect_not(strstr(value, "secret"));
}

Test(proxy_auth, sends_nothing_without_a_user)
{
	struct scene scene;
	begin(&scene, "http://p");
	cr_expect_str_eq(sent(&scene), "");
	cr_expect_eq(refused(&scene, DIGEST "\"n1\"\r\n"), 0);
	end(&scene);
}

Test(proxy_auth, sends_basic_at_once_and_no_more_than_once)
{
	struct scene scene;
	begin(&scene, "http://user:secret@p");
	cr_expect_str_eq(sent(&scene), "Basic dXNlcjpzZWNyZXQ=");
	cr_expect_eq(refused(&scene, "Proxy-Authenticate: Basic realm=\"r\"\r\n"), 0);
	cr_expect_eq(refused(&scene, ""), 0);
	cr_expect_eq(refused(&scene, "Proxy-Authenticate: Negotiate\r\n"), 0);
	end(&scene);
}

Test(proxy_auth, repeats_a_request_once_with_digest)
{
	struct scene scene;
	begin(&scene, "http://user:secret@p");
	sent(&scene);
	cr_expect_eq(
		refused(&scene, "Proxy-Authenticate: Basic realm=\"r\"\r\n" DIGEST "\"n1\"\r\n"),
		1);
	expect_digest(&scene, "n1", "00000001");
	cr_expect_eq(refused(&scene, DIGEST "\"n2\"\r\n"), 0);
	cr_expect_eq(refused(&scene, DIGEST "\"n2\", stale=true\r\n"), 0);
	end(&scene);
}

Test(proxy_auth, goes_on_with_the_nonce_that_was_accepted)
{
	struct scene scene;
	begin(&scene, "http://user:secret@p");
	sent(&scene);
	cr_expect_eq(refused(&scene, DIGEST "\"n1\"\r\n"), 1);
	sent(&scene);
	accepted(&scene);
	expect_digest(&scene, "n1", "00000002");
	accepted(&scene);
	expect_digest(&scene, "n1", "00000003");
	/* too old: a new one, of which no other request knows yet */
	cr_expect_eq(refused(&scene, DIGEST "\"n2\", stale=true\r\n"), 1);
	struct sl_proxy_login own = scene.login;
	scene.login = (struct sl_proxy_login){ .is_digest = false };
	expect_digest(&scene, "n1", "00000004");
	scene.login = own;
	expect_digest(&scene, "n2", "00000001");
	accepted(&scene);
	expect_digest(&scene, "n2", "00000002");
	end(&scene);
}

Test(proxy_auth, chooses_the_strongest_digest)
{
	struct scene scene;
	begin(&scene, "http://user:secret@p");
	sent(&scene);
	cr_expect_eq(
		refused(&scene, DIGEST
			"\"n1\", algorithm=MD5\r\n" DIGEST "\"n2\", algorithm=SHA-256\r\n" DIGEST
			"\"n3\", algorithm=MD5\r\n" DIGEST "\"n4\", algorithm=SHA-512-256\r\n"),
		1);
	expect_digest(&scene, "n2", "00000001");
	end(&scene);
}

Test(proxy_auth, returns_to_basic_if_digest_is_not_wanted_any_more)
{
	struct scene scene;
	begin(&scene, "http://user:secret@p");
	sent(&scene);
	cr_expect_eq(refused(&scene, DIGEST "\"n1\"\r\n"), 1);
	sent(&scene);
	accepted(&scene);
	sent(&scene);
	cr_expect_eq(refused(&scene, "Proxy-Authenticate: Basic realm=\"r\"\r\n"), 1);
	cr_expect_str_eq(sent(&scene), "Basic dXNlcjpzZWNyZXQ=");
	cr_expect_eq(refused(&scene, "Proxy-Authenticate: Basic realm=\"r\"\r\n"), 0);
	end(&scene);
}

/* RFC 7616 3.3: what WWW-Authenticate has is for the origin. */
Test(proxy_auth, does_not_answer_challenges_of_origins)
{
	struct scene scene;
	begin(&scene, "http://user:secret@p");
	sent(&scene);
	cr_expect_eq(refused(&scene, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\"\r\n"), 0);
	end(&scene);
}
