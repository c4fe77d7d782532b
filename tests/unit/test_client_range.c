/* Requests for a part of a resource: what is accepted is what was asked for, or all of it. */
#include "support/client_scene.h"
#include "support/origin_body.h"
#include "support/peer.h"

#include "sluice/http/client.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define SIZE 1000
#define SEED 7

SL_SUSPENDS
static struct client_scene *
begin(void)
{
	struct client_scene *fixture = client_scene_new();
	cr_assert_eq(client_scene_begin(fixture), 0);
	return fixture;
}

/* `text` = a URL; `range` NULL = all. */
SL_SUSPENDS
static int
ask_url(struct client_scene *fixture, const char *text, const struct sl_http_range *range,
	struct sl_http_request *more)
{
	struct sl_http_request request = more ? *more : (struct sl_http_request){ 0 };
	request.range = range;
	return client_scene_fetch(fixture, text, &request);
}

SL_SUSPENDS
static int
ask(struct client_scene *fixture, const char *path, const struct sl_http_range *range)
{
	char text[300];
	snprintf(text, sizeof(text), "http://127.0.0.1:$0%s", path);
	return ask_url(fixture, text, range, NULL);
}

/* The body is the generated one from `off` on. */
static void
expect_bytes(const struct client_scene *fixture, const char *path, uint64_t off, size_t len)
{
	char want[SIZE];
	cr_assert_eq(fixture->len, len, "%s: %zu bytes", path, fixture->len);
	sl_origin_body_fill(SEED, off, want, len);
	cr_expect_eq(memcmp(fixture->body, want, len), 0, "%s", path);
}

#define RANGE_TEST(name) \
	static int name##_task(void *arg); \
	Test(http_range, name) \
	{ \
		cr_expect_eq(peer_run(name##_task, NULL), 0); \
	} \
	static int name##_task(SL_UNUSED void *arg)

RANGE_TEST(a_part_is_where_it_was_asked_for)
{
	static const char *const shapes[] = { "/ranges", "/ranges/etag/v1", "/ranges/chunked",
		"/ranges/lm/1600000000", "/ranges/etag/weak-v1", "/range-no-total" };
	static const uint64_t parts[][2] = { { 0, 1 }, { 0, SIZE }, { 400, 500 },
		{ SIZE - 1, SIZE } };
	struct client_scene *fixture = begin();
	for (size_t i = 0; i < SL_COUNT_OF(shapes); i++) {
		char path[100];
		snprintf(path, sizeof(path), "%s/gen/%u/%u/x", shapes[i], SIZE, SEED);
		cr_assert_eq(ask(fixture, path, NULL), 0, "%s", fixture->err.text);
		cr_expect_not(fixture->is_range);
		expect_bytes(fixture, path, 0, SIZE);
		struct sl_resource first = fixture->resource;
		first.length = SIZE; /* not announced for a chunked body */
		for (size_t k = 0; k < SL_COUNT_OF(parts); k++) {
			struct sl_http_range range = {
				.begin = parts[k][0], .end = parts[k][1], .of = &first
			};
			cr_assert_eq(ask(fixture, path, &range), 0, "%s", fixture->err.text);
			cr_expect(fixture->is_range, "%s", path);
			expect_bytes(
				fixture, path, parts[k][0], (size_t)(parts[k][1] - parts[k][0]));
		}
	}
	client_scene_free(fixture);
	return 0;
}

RANGE_TEST(a_server_may_send_less_of_it_at_the_end)
{
	struct client_scene *fixture = begin();
	struct sl_resource resource = { .length = SIZE };
	struct sl_http_range range = { .begin = 100, .end = 400, .of = &resource };
	cr_assert_eq(
		ask(fixture, "/range-fewer/50/gen/1000/7/x", &range), 0, "%s", fixture->err.text);
	cr_expect(fixture->is_range);
	expect_bytes(fixture, "fewer", 100, 50);
	client_scene_free(fixture);
	return 0;
}

RANGE_TEST(a_server_may_send_everything_instead)
{
	static const char *const paths[] = { "/gen/1000/7/x", "/norange-after/0/gen/1000/7/x",
		"/no-if-range/etag/v1/gen/1000/7/x", "/ranges/etag/v2/gen/1000/7/x" };
	struct client_scene *fixture = begin();
	struct sl_resource resource = { .length = SIZE, .etag = "\"v1\"" };
	struct sl_http_range range = { .begin = 100, .end = 400, .of = &resource };
	for (size_t i = 0; i < SL_COUNT_OF(paths); i++) {
		cr_assert_eq(ask(fixture, paths[i], &range), 0, "%s", fixture->err.text);
		cr_expect_not(fixture->is_range, "%s", paths[i]);
		expect_bytes(fixture, paths[i], 0, SIZE);
	}
	client_scene_free(fixture);
	return 0;
}

/* RFC 9110 14.4, 15.3.7: each would put bytes at a wrong place, or of another version into the
 * file. */
RANGE_TEST(another_part_than_the_requested_one_is_refused)
{
	static const struct {
		const char *shape;
		int code;
		const char *words;
	} cases[] = {
		{ "/range-early", SL_E_PROTO, "has another part" },
		{ "/range-early-shifted", SL_E_PROTO, "has another part" },
		{ "/range-bare", SL_E_PROTO, "without Content-Range" },
		{ "/range-total", SL_E_CHANGED, "has changed" },
		{ "/range-reversed", SL_E_PROTO, "Content-Range" },
		{ "/range-more/10", SL_E_PROTO, "has another part" },
		{ "/range-long/10", SL_E_PROTO, "one length in Content-Range" },
		{ "/range-short/10", SL_E_PROTO, "one length in Content-Range" },
		{ "/range-multipart", SL_E_PROTO, "without Content-Range" },
		{ "/range-refused", SL_E_STATUS, "416" },
		{ "/ranges/coded/gzip", SL_E_PROTO, "content coding" },
		{ "/ignore-if-range/etag/v2", SL_E_CHANGED, "has changed" },
	};
	struct client_scene *fixture = begin();
	struct sl_resource resource = { .length = SIZE, .etag = "\"v1\"" };
	struct sl_http_range range = { .begin = 100, .end = 400, .of = &resource };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char path[100];
		/* The ETag that If-Range has, so that the fault is met. */
		const char *etag = strstr(cases[i].shape, "etag") ? "" : "/etag/v1";
		snprintf(path, sizeof(path), "%s%s/gen/%u/%u/x", cases[i].shape, etag, SIZE, SEED);
		cr_expect_eq(ask(fixture, path, &range), cases[i].code, "%s: %s", path,
			fixture->err.text);
		cr_expect(strstr(fixture->err.text, cases[i].words), "%s: '%s' is not in '%s'",
			path, cases[i].words, fixture->err.text);
	}
	client_scene_free(fixture);
	return 0;
}

/* RFC 9110 15.3.7: 206 answers requests for ranges only. */
RANGE_TEST(a_part_that_was_not_requested_is_refused)
{
	struct client_scene *fixture = begin();
	cr_expect_eq(ask(fixture, "/range-unasked/gen/1000/7/x", NULL), SL_E_PROTO);
	cr_expect(strstr(fixture->err.text, "206"), "%s", fixture->err.text);
	client_scene_free(fixture);
	return 0;
}

/* The client's own Range goes out, and nothing of the user's. */
RANGE_TEST(the_range_of_a_request_replaces_the_users_own)
{
	static const struct sl_http_header headers[] = { { { "Range", 5 }, { "bytes=0-1", 9 } },
		{ { "If-Range", 8 }, { "\"x\"", 3 } }, { { "X-One", 5 }, { "1", 1 } } };
	struct client_scene *fixture = begin();
	struct sl_http_request more = { .headers = headers, .header_count = 3 };
	struct sl_resource resource = { .length = SIZE, .etag = "\"v1\"" };
	struct sl_http_range range = { .begin = 100, .end = 400, .of = &resource };
	static const char text[] = "http://127.0.0.1:$0/echo-headers";
	cr_assert_eq(ask_url(fixture, text, &range, &more), 0, "%s", fixture->err.text);
	cr_expect_not_null(strstr(fixture->body, "Range: bytes=100-399\r\n"));
	cr_expect_not_null(strstr(fixture->body, "If-Range: \"v1\"\r\n"));
	cr_expect_null(strstr(fixture->body, "bytes=0-1"));
	cr_expect_null(strstr(fixture->body, "If-Range: \"x\""));
	cr_expect_not_null(strstr(fixture->body, "X-One: 1\r\n"));
	range.unconditional = true;
	cr_assert_eq(ask_url(fixture, text, &range, &more), 0, "%s", fixture->err.text);
	cr_expect_not_null(strstr(fixture->body, "Range: bytes=100-399\r\n"));
	cr_expect_null(strstr(fixture->body, "If-Range"));
	client_scene_free(fixture);
	return 0;
}

/* A later request goes to where a redirect led, without what was meant for the first origin. */
RANGE_TEST(a_final_url_is_asked_without_the_users_secrets_if_it_is_of_another_origin)
{
	static const struct sl_http_header headers[] = { { { "X-Key", 5 }, { "secret", 6 } },
		{ { "Accept-Language", 15 }, { "de", 2 } } };
	struct client_scene *fixture = begin();
	struct sl_http_request more = { .headers = headers, .header_count = 2 };
	char text[CLIENT_SCENE_URL];
	for (unsigned other = 0; other < 2; other++) {
		snprintf(text, sizeof(text),
			"http://u:pw@127.0.0.1:$0/redirect-to?url=http://127.0.0.1:$%u/"
			"echo-headers",
			other);
		more.scope = (struct sl_scope){ 0 };
		cr_assert_eq(ask_url(fixture, text, NULL, &more), 0, "%s", fixture->err.text);
		cr_expect_eq(fixture->scope.has_left, other == 1);
		/* the same once more, without the redirect */
		snprintf(text, sizeof(text), "%s", fixture->final_url);
		cr_expect_null(strstr(text, "pw"));
		more.scope = fixture->scope;
		cr_assert_eq(ask_url(fixture, text, NULL, &more), 0);
		cr_expect_eq(
			strstr(fixture->body, "secret") == NULL, other == 1, "%s", fixture->body);
		cr_expect_not_null(strstr(fixture->body, "Accept-Language: de"));
		cr_expect_eq(fixture->scope.has_left, other == 1, "it stays so");
	}
	client_scene_free(fixture);
	return 0;
}
