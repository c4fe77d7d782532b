/*
 * The test origin's answers that depend on the requests before.
 */
#include "sluice/base/clock.h"
#include "support/ask.h"
#include "support/origin_wire.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEED 7
#define RANGE "Range: bytes=10-19\r\n"

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

#define NTH_TEST(name) Test(origin_nth, name, .init = start, .fini = stop)

static unsigned
status_of(const char *path, const char *headers)
{
	struct ask_reply reply;
	unsigned status;

	ask(server.port, path, headers, &reply);
	status = reply.status;
	ask_release(&reply);
	return status;
}

/* The next answer to a GET of the path is this body and has this ETag ("" = none). */
static void
expect_body(const char *path, uint64_t seed, size_t size, const char *etag)
{
	struct ask_reply reply;

	ask(server.port, path, "", &reply);
	cr_expect_eq(reply.status, 200, "%s", path);
	cr_expect(reply.is_whole && reply.body.len == size, "%s: %zu bytes", path, reply.body.len);
	cr_expect(ask_is_gen(reply.body.data, reply.body.len, seed, 0), "%s", path);
	cr_expect_str_eq(
		ask_header(&reply, "ETag"), etag, "%s: %s", path, ask_header(&reply, "ETag"));
	ask_release(&reply);
}

/* How often `part` is in the text. */
static unsigned
count_of(const char *text, const char *part)
{
	unsigned count = 0;

	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

/* ---- ranges and versions ---- */

NTH_TEST(the_first_ranges_are_honoured)
{
	static const char path[] = "/norange-after/2/gen/100/7";

	cr_expect_eq(status_of(path, RANGE), 206);
	cr_expect_eq(status_of(path, ""), 200, "not counted: no Range");
	cr_expect_eq(status_of(path, RANGE), 206);
	cr_expect_eq(status_of(path, RANGE), 200);
	cr_expect_eq(status_of(path, RANGE), 200);
	cr_expect_eq(status_of("/norange-after/2/gen/100/8", RANGE), 206, "another path");
	cr_expect_eq(status_of("/norange-after/0/gen/100/7", RANGE), 200);
	/* Also where another shape counts every request. */
	cr_expect_eq(status_of("/flip-etag/9/norange-after/1/gen/100/7", ""), 200);
	cr_expect_eq(status_of("/flip-etag/9/norange-after/1/gen/100/7", RANGE), 206);
	cr_expect_eq(status_of("/flip-etag/9/norange-after/1/gen/100/7", RANGE), 200);
}

NTH_TEST(a_resource_changes_once)
{
	static const char path[] = "/change/3/gen/100/7";
	char first[64];
	struct ask_reply reply;

	ask(server.port, path, "", &reply);
	cr_expect_str_eq(ask_header(&reply, "ETag"), "\"version-1\"");
	snprintf(first, sizeof(first), "%s", ask_header(&reply, "Last-Modified"));
	cr_expect_str_neq(first, "");
	cr_expect(ask_is_gen(reply.body.data, reply.body.len, 7, 0));
	ask_release(&reply);
	expect_body(path, 7, 100, "\"version-1\"");
	ask(server.port, path, "", &reply);
	cr_expect_str_eq(ask_header(&reply, "ETag"), "\"version-2\"");
	cr_expect_str_neq(ask_header(&reply, "Last-Modified"), first);
	cr_expect_eq(reply.body.len, 100);
	cr_expect(ask_is_gen(reply.body.data, reply.body.len, 8, 0));
	ask_release(&reply);
	expect_body(path, 8, 100, "\"version-2\"");
}

/* If-Range with the validator of the version before brings all of the new one. */
NTH_TEST(if_range_sees_the_change)
{
	static const char path[] = "/change/2/ranges/gen/100/7";
	static const char headers[] = "If-Range: \"version-1\"\r\n" RANGE;
	struct ask_reply reply;

	cr_expect_eq(status_of(path, headers), 206);
	ask(server.port, path, headers, &reply);
	cr_expect_eq(reply.status, 200);
	cr_expect(reply.body.len == 100 && ask_is_gen(reply.body.data, 100, 8, 0));
	ask_release(&reply);
	ask(server.port, path, RANGE, &reply);
	cr_expect_eq(reply.status, 206);
	cr_expect_str_eq(ask_header(&reply, "ETag"), "\"version-2\"");
	cr_expect(reply.body.len == 10 && ask_is_gen(reply.body.data, 10, 8, 10));
	ask_release(&reply);
}

NTH_TEST(a_resource_grows)
{
	static const char path[] = "/grow/2/50/ranges/gen/100/7";
	struct ask_reply reply;

	expect_body(path, 7, 100, "\"version-1\"");
	expect_body(path, 7, 150, "\"version-2\"");
	ask(server.port, path, "Range: bytes=100-\r\n", &reply);
	cr_expect_str_eq(ask_header(&reply, "Content-Range"), "bytes 100-149/150");
	cr_expect(reply.body.len == 50 && ask_is_gen(reply.body.data, 50, 7, 100));
	ask_release(&reply);
}

NTH_TEST(an_etag_flips_or_alternates)
{
	expect_body("/flip-etag/2/gen/100/7", 7, 100, "\"first\"");
	expect_body("/flip-etag/2/gen/100/7", 7, 100, "\"flipped\"");
	expect_body("/flip-etag/2/gen/100/7", 7, 100, "\"flipped\"");
	for (int i = 0; i < 2; i++) {
		expect_body("/alternate/gen/100/7", 7, 100, "\"node-1\"");
		expect_body("/alternate/gen/100/7", 7, 100, "\"node-2\"");
	}
}

/* A HEAD is answered as the next GET would be, and is not counted. */
NTH_TEST(a_head_is_not_counted)
{
	int fd = ask_open(server.port);
	struct ask_reply reply;

	for (int i = 0; i < 3; i++) {
		ask_send(fd, "HEAD", "/flip-etag/2/gen/100/7", "");
		ask_read(fd, false, &reply);
		cr_expect_str_eq(ask_header(&reply, "ETag"), "\"first\"");
		ask_release(&reply);
	}
	expect_body("/flip-etag/2/gen/100/7", 7, 100, "\"first\"");
	ask_send(fd, "HEAD", "/flip-etag/2/gen/100/7", "");
	ask_read(fd, false, &reply);
	cr_expect_str_eq(ask_header(&reply, "ETag"), "\"flipped\"");
	ask_release(&reply);
	close(fd);
}

NTH_TEST(one_byte_is_flipped)
{
	static const char path[] = "/ranges/flip-byte/12/gen/100/7";
	struct ask_reply reply;

	ask(server.port, path, RANGE, &reply);
	cr_assert_eq(reply.body.len, 10);
	cr_expect(ask_is_gen(reply.body.data, 2, 7, 10));
	cr_expect_not(ask_is_gen(reply.body.data + 2, 1, 7, 12));
	cr_expect(ask_is_gen(reply.body.data + 3, 7, 7, 13));
	ask_release(&reply);
	ask(server.port, path, "Range: bytes=13-\r\n", &reply);
	cr_expect(ask_is_gen(reply.body.data, reply.body.len, 7, 13));
	ask_release(&reply);
}

NTH_TEST(a_shape_holds_for_one_request_or_from_one_on)
{
	static const unsigned only[] = { 206, 416, 206, 206 }, from[] = { 206, 416, 416, 416 };

	for (size_t i = 0; i < SL_COUNT_OF(only); i++) {
		cr_expect_eq(status_of("/ranges/only/2/range-refused/gen/100/7", RANGE), only[i]);
		cr_expect_eq(status_of("/ranges/from/2/range-refused/gen/100/7", RANGE), from[i]);
	}
	for (unsigned i = 1; i <= 3; i++)
		cr_expect_eq(status_of("/only/2/status/503/gen/100/7", ""), i == 2 ? 503 : 200);
	cr_expect_eq(status_of("/only/1/nothing", ""), 404);
	cr_expect_eq(status_of("/only/2/nothing", ""), 500);
}

/* Shapes that count share the number of a request: it is counted once. */
NTH_TEST(shapes_count_a_request_once)
{
	static const char path[] = "/flip-etag/2/only/2/etag/other/change/3/gen/100/7";

	expect_body(path, 7, 100, "\"version-1\"");
	expect_body(path, 7, 100, "\"version-1\"");
	expect_body(path, 8, 100, "\"version-2\"");
}

/* ---- broken, late and doubled answers ---- */

NTH_TEST(the_kth_request_stops_before_its_last_byte)
{
	static const char path[] = "/stall-nth/2/ranges/gen/1000/7";
	int fd = ask_open(server.port);
	struct ask_reply reply;
	char data[101];

	cr_expect_eq(status_of(path, ""), 200);
	ask_send(fd, "GET", path, "Range: bytes=100-199\r\n");
	ask_read_head(fd, &reply);
	cr_expect_str_eq(ask_header(&reply, "Content-Length"), "100");
	cr_assert_eq(ask_read_some(fd, data, 99), 99);
	cr_expect(ask_is_gen(data, 99, SEED, 100));
	expect_body(path, 7, 1000, "");
	/* Nothing more comes until the server ends. */
	ask_origin_stop(&server);
	cr_expect_eq(ask_read_some(fd, data, 1), 0);
	close(fd);
}

NTH_TEST(the_kth_request_is_reset)
{
	static const struct {
		const char *path, *headers;
		size_t off, len, announced;
	} rows[] = {
		{ "/reset-nth/2/37/gen/1000/7", "", 0, 37, 1000 },
		{ "/reset-nth/2/0/gen/1000/7", "", 0, 0, 1000 },
		{ "/reset-nth/2/37/ranges/gen/1000/7", "Range: bytes=100-\r\n", 100, 37, 900 },
		{ "/reset-nth/2/200000/gen/300000/7", "", 0, 200000, 300000 },
	};

	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct ask_reply reply;

		ask(server.port, rows[i].path, rows[i].headers, &reply);
		cr_expect_eq(reply.body.len, rows[i].announced, "the first is right");
		ask_release(&reply);
		ask(server.port, rows[i].path, rows[i].headers, &reply);
		cr_expect_not(reply.is_whole, "%s", rows[i].path);
		cr_expect_eq(
			strtoul(ask_header(&reply, "Content-Length"), NULL, 10), rows[i].announced);
		cr_expect_eq(
			reply.body.len, rows[i].len, "%s: %zu bytes", rows[i].path, reply.body.len);
		cr_expect(ask_is_gen(reply.body.data, reply.body.len, SEED, rows[i].off));
		ask_release(&reply);
		ask(server.port, rows[i].path, rows[i].headers, &reply);
		cr_expect(reply.is_whole, "the third is right");
		ask_release(&reply);
	}
}

NTH_TEST(the_first_requests_end_too_early)
{
	static const char path[] = "/short-first/2/37/ranges/gen/1000/7";

	for (int i = 1; i <= 3; i++) {
		struct ask_reply reply;

		ask(server.port, path, i == 2 ? "Range: bytes=100-\r\n" : "", &reply);
		cr_expect_eq(reply.is_whole, i == 3, "%d", i);
		cr_expect_eq(reply.body.len, i == 3 ? 1000 : 37, "%d: %zu", i, reply.body.len);
		cr_expect(ask_is_gen(reply.body.data, reply.body.len, SEED, i == 2 ? 100 : 0));
		ask_release(&reply);
	}
}

/* At least: a lower bound of the time cannot fail on a busy machine. */
NTH_TEST(the_nth_request_of_a_connection_is_late)
{
	int fd = ask_open(server.port);
	struct ask_reply reply;

	for (int i = 1; i <= 3; i++) {
		uint64_t begin_ns = sl_clock_monotonic_ns();

		ask_send(fd, "GET", "/late-nth/2/60/gen/100/7", "");
		ask_read(fd, true, &reply);
		cr_expect(reply.is_whole);
		cr_expect(i != 2 || sl_clock_monotonic_ns() - begin_ns >= 60 * SL_NS_PER_MS);
		ask_release(&reply);
	}
	close(fd);
}

NTH_TEST(the_kth_request_of_a_path_is_slow)
{
	uint64_t begin_ns;

	expect_body("/slow-nth/2/10000/gen/1000/7", 7, 1000, "");
	begin_ns = sl_clock_monotonic_ns();
	expect_body("/slow-nth/2/10000/gen/1000/7", 7, 1000, "");
	cr_expect(sl_clock_monotonic_ns() - begin_ns >= 60 * SL_NS_PER_MS);
}

NTH_TEST(a_held_request_waits_for_its_gate)
{
	static const char path[] = "/hold-nth/2/held/gen/100/7";
	int held = ask_open(server.port), fd = ask_open(server.port);
	struct ask_reply reply;

	ask_send(held, "GET", path, "");
	ask_read(held, true, &reply);
	cr_expect(reply.is_whole);
	ask_release(&reply);
	ask_send(held, "GET", path, "");
	/* The later request is answered first. */
	ask_send(fd, "GET", path, "");
	ask_read(fd, true, &reply);
	cr_expect(reply.is_whole);
	ask_release(&reply);
	cr_expect_eq(recv(held, reply.head, 1, MSG_DONTWAIT), -1);
	cr_expect_eq(status_of("/open/held", ""), 200);
	ask_read(held, true, &reply);
	cr_expect(reply.is_whole && ask_is_gen(reply.body.data, 100, SEED, 0));
	ask_release(&reply);
	close(held);
	close(fd);
}

NTH_TEST(an_answer_comes_twice)
{
	int fd = ask_open(server.port);

	ask_send(fd, "GET", "/header/X-A/a/twice/header/X-B/b/ranges/gen/100/7", RANGE);
	for (int i = 0; i < 2; i++) {
		struct ask_reply reply;

		ask_read(fd, true, &reply);
		cr_expect_eq(reply.status, 206);
		cr_expect(reply.body.len == 10 && ask_is_gen(reply.body.data, 10, SEED, 10));
		cr_expect_eq(count_of(reply.head, "X-A: a\r\n"), 1);
		cr_expect_eq(count_of(reply.head, "X-B: b\r\n"), 1);
		ask_release(&reply);
	}
	close(fd);
}

/* ---- limits and tokens ---- */

/* An answer of the path that has begun and waits for the gate "limit". */
static int
begin_answer(const char *path)
{
	int fd = ask_open(server.port);
	struct ask_reply reply;

	ask_send(fd, "GET", path, "");
	ask_read_head(fd, &reply);
	cr_assert_eq(reply.status, 200, "%s", path);
	return fd;
}

static void
end_answer(int fd)
{
	char data[100];

	cr_expect_eq(ask_read_some(fd, data, sizeof(data)), sizeof(data));
	close(fd);
}

NTH_TEST(more_requests_at_once_are_refused)
{
	static const char path[] = "/at-most/2/gate/limit/gen/100/7";
	int a = begin_answer(path), b = begin_answer(path);
	struct ask_reply reply;

	ask(server.port, path, "", &reply);
	cr_expect_eq(reply.status, 429);
	cr_expect_str_eq(ask_header(&reply, "Retry-After"), "1");
	ask_release(&reply);
	end_answer(begin_answer("/at-most/2/gen/100/7"));
	cr_expect_eq(status_of("/open/limit", ""), 200);
	end_answer(a);
	end_answer(b);
}

/*
 * At once, also for a request on another connection. Head and body fill the wire's buffer exactly
 * and are one slice of its pace: were the limit left after the last byte, it would be left late.
 */
NTH_TEST(an_answered_request_has_left_its_limit)
{
	int fd = ask_open(server.port);
	struct ask_reply reply;
	char path[64];

	ask(server.port, "/slow/3276800/at-most/1/gen/60000/7", "", &reply);
	cr_assert_eq(reply.status, 200);
	snprintf(path, sizeof(path), "/slow/3276800/at-most/1/gen/%zu/7",
		(size_t)SL_WIRE_BUFFER - strlen(reply.head));
	ask_release(&reply);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(status_of(path, ""), 200);
	for (int i = 0; i < 3; i++) {
		ask_send(fd, "HEAD", "/at-most/1/gen/100/7", "");
		ask_read(fd, false, &reply);
		cr_expect_eq(reply.status, 200);
		ask_release(&reply);
	}
	close(fd);
}

NTH_TEST(a_limit_can_be_of_several_paths_and_of_503)
{
	int fd = begin_answer("/at-most-of/host/1/gate/limit/gen/100/1"), other;
	struct ask_reply reply;

	cr_expect_eq(status_of("/at-most-of/host/1/gen/100/2", ""), 429);
	cr_expect_eq(status_of("/at-most-of/host/2/gen/100/2", ""), 200);
	cr_expect_eq(status_of("/at-most-of/other/1/gen/100/2", ""), 200);
	cr_expect_eq(status_of("/at-most-of/other/1/at-most-of/host/1/gen/100/2", ""), 429);
	cr_expect_eq(status_of("/at-most-of/other/1/gen/100/2", ""), 200);
	other = begin_answer("/header/Retry-After/-5/at-most-503/1/gate/limit/gen/100/7");
	ask(server.port, "/header/Retry-After/-5/at-most-503/1/gate/limit/gen/100/7", "", &reply);
	cr_expect_eq(reply.status, 503);
	cr_expect_str_eq(ask_header(&reply, "Retry-After"), "-5");
	cr_expect_eq(count_of(reply.head, "Retry-After:"), 1);
	ask_release(&reply);
	cr_expect_eq(status_of("/open/limit", ""), 200);
	end_answer(fd);
	end_answer(other);
}

/* A connection that its client drops in the middle leaves the limit at once, even if the thread
 * that answers it has not noticed yet. */
NTH_TEST(a_dropped_request_leaves_its_limit)
{
	static const char path[] = "/at-most/1/gate/never/gen/100/7";

	for (int i = 0; i < 1000; i++) {
		int fd = ask_open(server.port);
		struct ask_reply reply;

		ask_send(fd, "GET", path, "");
		ask_read_head(fd, &reply);
		cr_expect_eq(reply.status, 200, "request %d", i);
		close(fd);
	}
}

static void
follow(const char *path, char location[256])
{
	struct ask_reply reply;

	ask(server.port, path, "", &reply);
	cr_expect_eq(reply.status, 302);
	snprintf(location, 256, "%s", ask_header(&reply, "Location"));
	ask_release(&reply);
}

NTH_TEST(a_signed_link_expires)
{
	static const char path[] = "/signed/2/ranges/gen/100/7";
	char first[256], second[256];

	follow(path, first);
	cr_expect_eq(status_of(first, RANGE), 206);
	cr_expect_eq(status_of(first, ""), 200);
	cr_expect_eq(status_of(first, RANGE), 403);
	follow(path, second);
	cr_expect_str_neq(first, second);
	cr_expect_eq(status_of(second, ""), 200);
	cr_expect_eq(status_of(first, ""), 403);
	cr_expect_eq(status_of("/with-token/gen/100/7", ""), 403);
	cr_expect_eq(status_of("/with-token/gen/100/7?token=99", ""), 403);
}

/* ---- state ---- */

NTH_TEST(counters_end_with_their_reset_and_with_their_origin)
{
	static const char path[] = "/flip-etag/2/gen/100/7";
	char link[256];

	expect_body(path, 7, 100, "\"first\"");
	expect_body(path, 7, 100, "\"flipped\"");
	follow("/signed/5/gen/100/7", link);
	cr_expect_eq(status_of("/count-reset", ""), 200);
	cr_expect_eq(status_of(link, ""), 403);
	expect_body(path, 7, 100, "\"first\"");
	stop();
	start();
	expect_body(path, 7, 100, "\"first\"");
}

static void *
ask_often(void *argument)
{
	unsigned *honoured = argument;

	for (int i = 0; i < 50; i++)
		*honoured += status_of("/norange-after/120/gen/100/7", RANGE) == 206;
	return NULL;
}

NTH_TEST(many_connections_are_counted_exactly)
{
	pthread_t threads[4];
	unsigned honoured[4] = { 0 }, all = 0;

	for (size_t i = 0; i < SL_COUNT_OF(threads); i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, ask_often, &honoured[i]), 0);
	for (size_t i = 0; i < SL_COUNT_OF(threads); i++) {
		pthread_join(threads[i], NULL);
		all += honoured[i];
	}
	cr_expect_eq(all, 120);
}
