/*
 * The test origin's conditional requests: what RFC 9110 says of them, the servers that do otherwise
 * by name, and the counters of requests by kind.
 */
#include "support/ask.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static struct ask_origin server;

static void
start(void)
{
	ask_origin_start(&server, NULL);
}

static void
stop(void)
{
	ask_origin_stop(&server);
}

#define CONDITIONS_TEST(name) Test(origin_conditions, name, .init = start, .fini = stop)

#define TIME "Sun, 09 Sep 2001 01:46:40 GMT"
#define EARLIER "Sun, 09 Sep 2001 01:46:39 GMT"
#define LATER "Mon, 10 Sep 2001 01:46:40 GMT"
#define NONE_MATCH(tags) "If-None-Match: " tags "\r\n"
#define SINCE(date) "If-Modified-Since: " date "\r\n"

static const char both[] = "/etag/a/lm/1000000000/gen/100/7";

struct row {
	const char *path, *headers;
	unsigned status;
};

/* By GET and by HEAD, on one connection: a 304 has no body. */
static void
check(const struct row *row)
{
	static const char *const methods[] = { "GET", "HEAD" };
	struct ask_reply reply;
	int fd = ask_open(server.port);

	for (size_t i = 0; i < SL_COUNT_OF(methods); i++) {
		ask_send(fd, methods[i], row->path, row->headers);
		ask_read(fd, i == 0 && row->status == 200, &reply);
		cr_expect_eq(reply.status, row->status, "%s %s, %s: %u", methods[i], row->path,
			row->headers, reply.status);
		cr_expect(reply.is_whole);
		ask_release(&reply);
	}
	close(fd);
}

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&rows[i]);
}

CONDITIONS_TEST(if_none_match_is_a_list_compared_weakly)
{
	static const char weak[] = "/etag/weak-a/gen/100/7", comma[] = "/etag/a,b/gen/100/7";
	static const struct row rows[] = {
		{ both, "", 200 },
		{ both, NONE_MATCH("\"a\""), 304 },
		{ both, NONE_MATCH("W/\"a\""), 304 },
		{ both, NONE_MATCH("\"b\""), 200 },
		{ both, NONE_MATCH("\"A\""), 200 },
		{ both, NONE_MATCH("a"), 200 },
		{ both, NONE_MATCH("\"b\", W/\"c\" ,\"a\""), 304 },
		{ both, NONE_MATCH("\"b, \"a"), 200 },
		{ both, NONE_MATCH("*"), 304 },
		{ weak, NONE_MATCH("\"a\""), 304 },
		{ weak, NONE_MATCH("W/\"a\""), 304 },
		{ comma, NONE_MATCH("\"a,b\""), 304 },
		{ comma, NONE_MATCH("\"b\""), 200 },
		{ "/gen/100/7", NONE_MATCH("\"a\""), 200 },
		{ "/ranges/etag/a/gen/100/7", NONE_MATCH("\"a\"") "Range: bytes=0-1\r\n", 304 },
	};

	check_rows(rows, SL_COUNT_OF(rows));
}

CONDITIONS_TEST(if_modified_since_counts_without_if_none_match)
{
	static const struct row rows[] = {
		{ both, SINCE(TIME), 304 },
		{ both, SINCE(LATER), 304 },
		{ both, SINCE(EARLIER), 200 },
		{ both, SINCE("yesterday"), 200 },
		{ both, SINCE(LATER) NONE_MATCH("\"b\""), 200 },
		{ both, SINCE(EARLIER) NONE_MATCH("\"a\""), 304 },
		{ "/gen/100/7", SINCE(LATER), 200 },
	};

	check_rows(rows, SL_COUNT_OF(rows));
}

CONDITIONS_TEST(servers_that_ignore_them_or_always_answer_304)
{
	static const struct row rows[] = {
		{ "/unconditional/etag/a/lm/1/gen/100/7", NONE_MATCH("\"a\"") SINCE(LATER), 200 },
		{ "/always-304/etag/a/lm/1/gen/100/7", NONE_MATCH("\"b\""), 304 },
		{ "/always-304/gen/100/7", SINCE(EARLIER), 304 },
		{ "/always-304/gen/100/7", "", 200 },
	};

	check_rows(rows, SL_COUNT_OF(rows));
}

CONDITIONS_TEST(a_304_has_the_etag_or_else_the_time_and_no_framing)
{
	struct ask_reply reply;
	int fd = ask_open(server.port);

	ask_send(fd, "GET", both, NONE_MATCH("\"a\""));
	ask_read(fd, false, &reply);
	cr_expect_str_eq(ask_header(&reply, "ETag"), "\"a\"");
	cr_expect_str_eq(ask_header(&reply, "Last-Modified"), "");
	cr_expect_str_eq(ask_header(&reply, "Content-Length"), "");
	ask_release(&reply);
	ask_send(fd, "GET", "/chunked/lm/1000000000/gen/100/7", SINCE(TIME));
	ask_read(fd, false, &reply);
	cr_expect_eq(reply.status, 304);
	cr_expect_str_eq(ask_header(&reply, "Last-Modified"), TIME);
	cr_expect_str_eq(ask_header(&reply, "Transfer-Encoding"), "");
	ask_release(&reply);
	ask_send(fd, "GET", both, "");
	ask_read(fd, true, &reply);
	cr_expect_eq(reply.body.len, 100, "the connection goes on");
	ask_release(&reply);
	close(fd);
}

CONDITIONS_TEST(requests_are_counted_by_kind)
{
	struct ask_reply reply;
	int fd = ask_open(server.port);

	ask_send(fd, "HEAD", "/tag/t/gen/100/7", "");
	ask_read(fd, false, &reply);
	ask_release(&reply);
	close(fd);
	ask(server.port, "/tag/t/ranges/gen/100/7", "Range: bytes=0-1\r\n", &reply);
	ask_release(&reply);
	ask(server.port, "/tag/t/etag/a/gen/100/7", NONE_MATCH("\"b\""), &reply);
	ask_release(&reply);
	ask(server.port, "/tag/t/gen/100/7", SINCE(TIME), &reply);
	ask_release(&reply);
	ask(server.port, "/count/t", "", &reply);
	cr_expect(strstr(reply.body.data,
			  "\"requests\":4,\"heads\":1,\"ranges\":1,\"conditionals\":2,"),
		"%s", reply.body.data);
	ask_release(&reply);
	ask(server.port, "/count-reset", "", &reply);
	ask_release(&reply);
	ask(server.port, "/count/all", "", &reply);
	cr_expect(strstr(reply.body.data,
			  "\"requests\":0,\"heads\":0,\"ranges\":0,\"conditionals\":0,"),
		"%s", reply.body.data);
	ask_release(&reply);
}
