/*
 * The test origin's range requests: what RFC 9110 says of them, and the faults by name.
 */
#include "support/ask.h"
#include "support/origin_body.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SEED 7

/* As in origin_ranges.c. */
#define BOUNDARY "a-boundary-of-the-test-origin"

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

#define RANGES_TEST(name) Test(origin_ranges, name, .init = start, .fini = stop)

static const char *
range_line(const char *value)
{
	static char line[256];

	line[0] = '\0';
	if (value)
		snprintf(line, sizeof(line), "Range: %s\r\n", value);
	return line;
}

struct row {
	const char *path, *range;
	unsigned status;
	const char *content_range; /* "" = none */
	size_t off, len;           /* the bytes that come */
};

static void
check(const struct row *row, const char *headers)
{
	struct ask_reply reply;

	ask(server.port, row->path, headers, &reply);
	cr_expect_eq(reply.status, row->status, "%s, %s: %u", row->path, row->range, reply.status);
	cr_expect_str_eq(ask_header(&reply, "Content-Range"), row->content_range, "%s, %s: %s",
		row->path, row->range, ask_header(&reply, "Content-Range"));
	cr_expect(reply.is_whole, "%s, %s", row->path, row->range);
	if (row->status < 400) {
		cr_expect_eq(reply.body.len, row->len, "%s, %s: %zu bytes", row->path, row->range,
			reply.body.len);
		cr_expect(ask_is_gen(reply.body.data, reply.body.len, SEED, row->off), "%s, %s",
			row->path, row->range);
	}
	ask_release(&reply);
}

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&rows[i], range_line(rows[i].range));
}

RANGES_TEST(single_ranges_bring_their_bytes)
{
	static const char path[] = "/ranges/gen/1000/7", outside[] = "bytes */1000";
	static const struct row rows[] = {
		{ path, NULL, 200, "", 0, 1000 },
		{ path, "bytes=0-0", 206, "bytes 0-0/1000", 0, 1 },
		{ path, "bytes=0-999", 206, "bytes 0-999/1000", 0, 1000 },
		{ path, "bytes=3-16", 206, "bytes 3-16/1000", 3, 14 },
		{ path, "bytes=990-", 206, "bytes 990-999/1000", 990, 10 },
		{ path, "bytes=999-", 206, "bytes 999-999/1000", 999, 1 },
		{ path, "bytes=990-5000", 206, "bytes 990-999/1000", 990, 10 },
		{ path, "bytes=-1", 206, "bytes 999-999/1000", 999, 1 },
		{ path, "bytes=-1000", 206, "bytes 0-999/1000", 0, 1000 },
		{ path, "bytes=-5000", 206, "bytes 0-999/1000", 0, 1000 },
		{ path, "Bytes=3-16", 206, "bytes 3-16/1000", 3, 14 },
		{ path, "bytes=, 3-16 ,", 206, "bytes 3-16/1000", 3, 14 },
		{ path, "bytes=1000-", 416, outside, 0, 0 },
		{ path, "bytes=1000-1001", 416, outside, 0, 0 },
		{ path, "bytes=-0", 416, outside, 0, 0 },
		{ path, "bytes=1000-,2000-", 416, outside, 0, 0 },
		{ "/ranges/gen/0/7", "bytes=0-", 416, "bytes */0", 0, 0 },
		{ "/ranges/gen/0/7", "bytes=-1", 416, "bytes */0", 0, 0 },
		{ "/ranges/gen/0/7", NULL, 200, "", 0, 0 },
	};

	check_rows(rows, SL_COUNT_OF(rows));
}

RANGES_TEST(a_header_that_is_not_valid_is_ignored)
{
	static const char *const values[] = { "bytes=", "bytes=-", "bytes=5", "bytes=9-3",
		"bytes=a-b", "bytes=1-2-3", "bytes=+1-2", "bytes=1-2,x", "bytes 1-2", "lines=1-2",
		"1-2", "bytes=0x1-2", "bytes=18446744073709551616-",
		"bytes=1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1" };

	for (size_t i = 0; i < SL_COUNT_OF(values); i++)
		check(&(struct row){ "/ranges/gen/100/7", values[i], 200, "", 0, 100 },
			range_line(values[i]));
}

RANGES_TEST(without_the_shape_there_are_no_ranges)
{
	struct ask_reply reply;

	ask(server.port, "/etag/a/gen/100/7", "Range: bytes=1-2\r\n", &reply);
	cr_expect_eq(reply.status, 200);
	cr_expect_eq(reply.body.len, 100);
	cr_expect_str_eq(ask_header(&reply, "Accept-Ranges"), "");
	ask_release(&reply);
}

RANGES_TEST(they_are_announced_and_a_head_is_never_partial)
{
	int fd = ask_open(server.port);
	struct ask_reply reply;

	ask_send(fd, "HEAD", "/ranges/gen/100/7", "Range: bytes=1-2\r\n");
	ask_read(fd, false, &reply);
	cr_expect_eq(reply.status, 200);
	cr_expect_str_eq(ask_header(&reply, "Accept-Ranges"), "bytes");
	cr_expect_str_eq(ask_header(&reply, "Content-Length"), "100");
	ask_release(&reply);
	ask_send(fd, "GET", "/ranges/gen/100/7", "Range: bytes=1-2\r\n");
	ask_read(fd, true, &reply);
	cr_expect_eq(reply.status, 206, "the connection goes on");
	cr_expect_str_eq(ask_header(&reply, "Accept-Ranges"), "bytes");
	ask_release(&reply);
	close(fd);
}

RANGES_TEST(other_shapes_go_before_and_behind)
{
	static const char want[] = "bytes 300-999/300000";
	static const char *const paths[] = { "/ranges/chunked/gen/300000/7",
		"/chunked/ranges/gen/300000/7", "/ranges/slow/2000000/gen/300000/7",
		"/slow/2000000/ranges/gen/300000/7", "/ranges/etag/a/lm/1/gen/300000/7",
		"/etag/a/lm/1/ranges/gen/300000/7", "/ranges/untilclose/gen/300000/7",
		"/gate/g/ranges/gen/300000/7", "/ranges/gate/g/gen/300000/7" };
	struct ask_reply reply;

	ask(server.port, "/open/g", "", &reply);
	ask_release(&reply);
	for (size_t i = 0; i < SL_COUNT_OF(paths); i++)
		check(&(struct row){ paths[i], "bytes=300-999", 206, want, 300, 700 },
			range_line("bytes=300-999"));
}

RANGES_TEST(a_gate_is_at_half_of_the_range)
{
	int fd = ask_open(server.port);
	char data[100];
	struct ask_reply reply;

	ask_send(fd, "GET", "/ranges/gate/half/gen/1000/7", "Range: bytes=100-199\r\n");
	ask_read_head(fd, &reply);
	cr_assert_eq(ask_read_some(fd, data, 50), 50);
	ask(server.port, "/open/half", "", &reply);
	ask_release(&reply);
	cr_assert_eq(ask_read_some(fd, data + 50, 50), 50);
	cr_expect(ask_is_gen(data, 100, SEED, 100));
	close(fd);
}

RANGES_TEST(validators_are_in_a_206)
{
	struct ask_reply reply;

	ask(server.port, "/ranges/etag/a/lm/1000000000/gen/100/7", "Range: bytes=1-2\r\n", &reply);
	cr_expect_eq(reply.status, 206);
	cr_expect_str_eq(ask_header(&reply, "ETag"), "\"a\"");
	cr_expect_str_eq(ask_header(&reply, "Last-Modified"), "Sun, 09 Sep 2001 01:46:40 GMT");
	ask_release(&reply);
}

RANGES_TEST(if_range_is_a_strong_etag_or_the_exact_date)
{
	static const char both[] = "/ranges/etag/a/lm/1000000000/gen/100/7";
	static const char weak[] = "/ranges/etag/weak-a/gen/100/7", none[] = "/ranges/gen/100/7";
	static const struct {
		const char *path, *if_range;
		bool partial;
	} rows[] = {
		{ both, "\"a\"", true },
		{ both, "\"b\"", false },
		{ both, "\"A\"", false },
		{ both, "a", false },
		{ both, "W/\"a\"", false },
		{ both, "\"a\", \"b\"", false },
		{ both, "Sun, 09 Sep 2001 01:46:40 GMT", true },
		{ both, "Sun, 09 Sep 2001 01:46:41 GMT", false },
		{ both, "Sunday, 09-Sep-01 01:46:40 GMT", false },
		{ both, "Mon, 10 Sep 2001 01:46:40 GMT", false },
		{ weak, "W/\"a\"", false },
		{ weak, "\"a\"", false },
		{ none, "\"a\"", false },
		{ none, "Sun, 09 Sep 2001 01:46:40 GMT", false },
		{ "/no-if-range/etag/a/lm/1000000000/gen/100/7", "\"a\"", false },
		{ "/no-if-range/etag/a/lm/1000000000/gen/100/7", "Sun, 09 Sep 2001 01:46:40 GMT",
			true },
		{ "/ignore-if-range/etag/a/gen/100/7", "\"b\"", true },
	};
	char headers[128];

	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct row row = { rows[i].path, rows[i].if_range, 200, "", 0, 100 };

		if (rows[i].partial)
			row = (struct row){ rows[i].path, rows[i].if_range, 206, "bytes 1-2/100", 1,
				2 };
		snprintf(headers, sizeof(headers), "If-Range: %s\r\nRange: bytes=1-2\r\n",
			rows[i].if_range);
		check(&row, headers);
	}
	check(&(struct row){ both, "If-Range alone", 200, "", 0, 100 }, "If-Range: \"a\"\r\n");
}

RANGES_TEST(several_ranges_are_a_multipart)
{
	static const struct {
		const char *path, *range;
		size_t parts[3][2]; /* [begin, end) */
	} rows[] = {
		{ "/ranges/gen/1000/7", "bytes=0-9,990-", { { 0, 10 }, { 990, 1000 } } },
		{ "/ranges/chunked/gen/1000/7", "bytes=5-5 , 7-7", { { 5, 6 }, { 7, 8 } } },
		{ "/ranges/gen/1000/7", "bytes=-5,0-0,2-3", { { 995, 1000 }, { 0, 1 }, { 2, 4 } } },
		{ "/ranges/gen/1000/7", "bytes=3-4,1000-", { { 3, 5 } } },
		{ "/range-multipart/gen/1000/7", "bytes=3-4", { { 3, 5 } } },
	};

	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_buf want = { 0 };
		struct ask_reply reply;

		ask(server.port, rows[i].path, range_line(rows[i].range), &reply);
		cr_expect_eq(reply.status, 206);
		cr_expect(reply.is_whole);
		cr_expect_str_eq(ask_header(&reply, "Content-Range"), "");
		cr_expect_str_eq(ask_header(&reply, "Content-Type"),
			"multipart/byteranges; boundary=" BOUNDARY);
		for (size_t k = 0; k < 3 && rows[i].parts[k][1] > 0; k++) {
			size_t begin = rows[i].parts[k][0], end = rows[i].parts[k][1];
			char bytes[16];

			sl_buf_printf(&want,
				"--" BOUNDARY "\r\nContent-Type: application/octet-stream\r\n"
				"Content-Range: bytes %zu-%zu/1000\r\n\r\n",
				begin, end - 1);
			sl_origin_body_fill(SEED, begin, bytes, end - begin);
			sl_buf_add(&want, bytes, end - begin);
			sl_buf_add_str(&want, "\r\n");
		}
		sl_buf_add_str(&want, "--" BOUNDARY "--\r\n");
		cr_expect(sl_span_equal(sl_buf_span(&reply.body), sl_buf_span(&want)), "%s",
			rows[i].range);
		sl_buf_release(&want);
		ask_release(&reply);
	}
}

/* ---- faults ---- */

RANGES_TEST(faults_are_what_their_names_say)
{
	static const struct row rows[] = {
		{ "/range-early/gen/1000/7", "bytes=10-19", 206, "bytes 9-19/1000", 9, 11 },
		{ "/range-early/gen/1000/7", "bytes=0-19", 206, "bytes 0-19/1000", 0, 20 },
		{ "/range-early-shifted/gen/1000/7", "bytes=10-19", 206, "bytes 9-19/1000", 10,
			11 },
		{ "/range-early-shifted/gen/1000/7", "bytes=0-19", 206, "bytes 0-19/1000", 0, 20 },
		{ "/range-shifted/gen/1000/7", "bytes=10-19", 206, "bytes 10-19/1000", 11, 10 },
		{ "/range-shifted/gen/1000/7", "bytes=990-", 206, "bytes 990-999/1000", 991, 10 },
		{ "/range-bare/gen/1000/7", "bytes=10-19", 206, "", 10, 10 },
		{ "/range-total/gen/1000/7", "bytes=10-19", 206, "bytes 10-19/1001", 10, 10 },
		{ "/range-no-total/gen/1000/7", "bytes=10-19", 206, "bytes 10-19/*", 10, 10 },
		{ "/range-reversed/gen/1000/7", "bytes=10-19", 206, "bytes 19-10/1000", 10, 10 },
		{ "/range-fewer/4/gen/1000/7", "bytes=10-19", 206, "bytes 10-13/1000", 10, 4 },
		{ "/range-fewer/40/gen/1000/7", "bytes=10-19", 206, "bytes 10-19/1000", 10, 10 },
		{ "/range-fewer/0/gen/1000/7", "bytes=10-19", 206, "bytes 10-10/1000", 10, 1 },
		{ "/range-more/5/gen/1000/7", "bytes=10-19", 206, "bytes 10-24/1000", 10, 15 },
		{ "/range-more/5/gen/1000/7", "bytes=10-997", 206, "bytes 10-999/1000", 10, 990 },
		{ "/range-long/5/gen/1000/7", "bytes=10-19", 206, "bytes 10-19/1000", 10, 15 },
		{ "/range-short/3/gen/1000/7", "bytes=10-19", 206, "bytes 10-19/1000", 10, 7 },
		{ "/range-short/30/gen/1000/7", "bytes=10-19", 206, "bytes 10-19/1000", 10, 0 },
		{ "/range-unasked/gen/1000/7", NULL, 206, "bytes 0-999/1000", 0, 1000 },
		{ "/range-unasked/gen/1000/7", "bytes=10-19", 206, "bytes 10-19/1000", 10, 10 },
		{ "/range-refused/gen/1000/7", "bytes=10-19", 416, "bytes */1000", 0, 0 },
		{ "/range-refused/gen/1000/7", NULL, 200, "", 0, 1000 },
		{ "/range-status/403/gen/1000/7", "bytes=10-19", 403, "", 0, 0 },
	};

	check_rows(rows, SL_COUNT_OF(rows));
}

/* Each fault is a fault of ranges alone: without one the answer is right, and ranges are
 * announced. */
RANGES_TEST(faults_leave_a_request_without_range_alone)
{
	static const char *const shapes[] = { "range-early", "range-early-shifted", "range-shifted",
		"range-bare", "range-total", "range-no-total", "range-reversed", "range-fewer/1",
		"range-more/1", "range-long/1", "range-short/1", "range-multipart", "range-refused",
		"range-status/403", "norange-after/0", "no-if-range", "ignore-if-range" };

	for (size_t i = 0; i < SL_COUNT_OF(shapes); i++) {
		struct ask_reply reply;
		char path[64];

		snprintf(path, sizeof(path), "/%s/gen/100/7", shapes[i]);
		ask(server.port, path, "", &reply);
		cr_expect_eq(reply.status, 200, "%s", path);
		cr_expect_str_eq(ask_header(&reply, "Accept-Ranges"), "bytes", "%s", path);
		cr_expect_str_eq(ask_header(&reply, "Content-Range"), "", "%s", path);
		cr_expect(reply.body.len == 100 && ask_is_gen(reply.body.data, 100, SEED, 0), "%s",
			path);
		ask_release(&reply);
	}
}

RANGES_TEST(a_file_has_ranges_too)
{
	struct ask_origin files;
	struct ask_reply reply;
	char dir[] = "/tmp/sluice-origin-XXXXXX", path[64];
	FILE *file;

	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	file = fopen(path, "we");
	cr_assert(file);
	cr_assert(fputs("0123456789", file) >= 0);
	cr_assert_eq(fclose(file), 0);
	ask_origin_start(&files, dir);
	ask(files.port, "/ranges/f", "Range: bytes=3-5\r\n", &reply);
	cr_expect_eq(reply.status, 206);
	cr_expect_str_eq(ask_header(&reply, "Content-Range"), "bytes 3-5/10");
	cr_expect(sl_span_is(sl_buf_span(&reply.body), "345"));
	ask_release(&reply);
	ask_origin_stop(&files);
	unlink(path);
	rmdir(dir);
}
