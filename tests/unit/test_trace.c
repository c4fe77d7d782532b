/*
 * Requests and responses in the log: each line, no secret, no control byte.
 */
#include "sluice/base/log.h"
#include "sluice/http/trace.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct sl_buf logged;

static void
keep(SL_UNUSED void *ctx, SL_UNUSED enum sl_log_level level, const char *line)
{
	sl_buf_add_str(&logged, line);
	sl_buf_add_char(&logged, '\n');
}

static void
begin(enum sl_log_level level)
{
	sl_buf_clear(&logged);
	sl_buf_add_str(&logged, "");
	sl_log_set_sink(keep, NULL, level);
}

static void
respond(const char *text)
{
	struct sl_head head;
	struct sl_error err = { 0 };
	size_t used = 0;
	sl_head_init(&head);
	cr_assert_eq(sl_head_feed(&head, text, strlen(text), &used, &err), SL_PARSE_DONE);
	sl_trace_response(7, &head);
	sl_head_release(&head);
}

Test(trace, shows_each_line_of_a_request)
{
	begin(SL_LOG_INFO);
	sl_trace_request(7, sl_span_str("GET /a?b=c HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n"));
	cr_expect_str_eq(
		logged.data, "[7] > GET /a?b=c HTTP/1.1\n[7] > Host: h\n[7] > Accept: */*\n");
}

Test(trace, shows_no_secret_of_a_request)
{
	begin(SL_LOG_INFO);
	sl_trace_request(
		7, sl_span_str(
			   "GET /a?token=s3cret&b=c HTTP/1.1\r\nHost: h\r\n"
			   "Authorization: Basic s3cret\r\nProxy-Authorization: Digest a s3cret\r\n"
			   "Cookie: a=s3cret; b=s3cret\r\nX-Plain: s3cret\r\nReferer: "
			   "http://me:s3cret@h/?sig=s3cret\r\n\r\n"));
	cr_expect(!strstr(logged.data, "s3cret"), "%s", logged.data);
	cr_expect(strstr(logged.data, "[7] > GET /a?token=***&b=c HTTP/1.1\n"), "%s", logged.data);
	cr_expect(strstr(logged.data, "[7] > Authorization: ***\n"), "%s", logged.data);
	cr_expect(strstr(logged.data, "[7] > Cookie: ***\n"), "%s", logged.data);
}

Test(trace, shows_a_response_without_secrets_and_control_bytes)
{
	begin(SL_LOG_INFO);
	respond("HTTP/1.1 302 Found\r\nLocation: http://me:s3cret@h/?sig=s3cret&a=b\r\n"
		"Set-Cookie: id=s3cret; Path=/\r\nX-Odd: a\x1b[31mb\r\nETag: \"x\"\r\n\r\n");
	cr_expect(!strstr(logged.data, "s3cret"), "%s", logged.data);
	cr_expect(strstr(logged.data, "[7] < HTTP/1.1 302 Found\n") == logged.data);
	cr_expect(strstr(logged.data, "[7] < Set-Cookie: ***\n"));
	cr_expect(strstr(logged.data, "[7] < X-Odd: a\\x1b[31mb\n"), "%s", logged.data);
	cr_expect(strstr(logged.data, "[7] < ETag: \"x\"\n"));
}

Test(trace, counts_the_fields_of_a_long_head)
{
	struct sl_buf text = { 0 };
	begin(SL_LOG_INFO);
	sl_buf_add_str(&text, "HTTP/1.0 200\r\n");
	for (unsigned i = 0; i < SL_TRACE_FIELDS + 5; i++)
		sl_buf_printf(&text, "X-%u: a\r\n", i);
	sl_buf_add_str(&text, "\r\n");
	respond(text.data);
	cr_expect(strstr(logged.data, "[7] < X-99: a\n[7] < and 5 more fields\n"));
	cr_expect(!strstr(logged.data, "X-100"));
	sl_buf_release(&text);
}

Test(trace, shows_the_phases_that_a_request_took)
{
	const struct sl_trace_times fresh = { false, 100000, 2 * SL_NS_PER_MS, 1250000, 12345678 };
	const struct sl_trace_times kept = { .is_kept = true, .response_ns = 999999 };
	const struct sl_trace_times plain = { .connect_ns = SL_NS_PER_MS };
	begin(SL_LOG_INFO);
	sl_trace_times(7, "127.0.0.1:80", &fresh);
	cr_expect_str_eq(logged.data,
		"[7] 127.0.0.1:80: lookup 0.1 ms, connect 2.0 ms, TLS 1.2 ms, response 12.3 ms\n");
	begin(SL_LOG_INFO);
	sl_trace_times(8, "h", &kept);
	cr_expect_str_eq(logged.data, "[8] h: kept connection, response 0.9 ms\n");
	begin(SL_LOG_INFO);
	sl_trace_times(9, "h", &plain);
	cr_expect_str_eq(logged.data, "[9] h: connect 1.0 ms, response 0.0 ms\n");
}

Test(trace, is_silent_without_v)
{
	begin(SL_LOG_WARN);
	sl_trace_request(7, sl_span_str("GET / HTTP/1.1\r\n\r\n"));
	respond("HTTP/1.1 200 OK\r\n\r\n");
	sl_trace_times(7, "h", &(struct sl_trace_times){ 0 });
	cr_expect_str_eq(logged.data, "");
}
