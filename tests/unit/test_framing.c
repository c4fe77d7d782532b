#include "sluice/http/framing.h"
#include "sluice/http/header.h"

#include <criterion/criterion.h>

static struct sl_error last;

static void
read_head(struct sl_head *head, const char *status, const char *fields)
{
	struct sl_buf text = { 0 };
	size_t used = 0;
	sl_error_clear(&last);
	sl_buf_printf(&text, "%s\r\n%s\r\n", status, fields);
	sl_head_init(head);
	enum sl_parse result = sl_head_feed(head, text.data, text.len, &used, &last);
	cr_assert_eq(result, SL_PARSE_DONE, "%s", last.text);
	sl_buf_release(&text);
}

/* Lengths that wrap around or are cut off: CVE-2016-8617, CVE-2016-8622, CVE-2018-14618,
 * CVE-2019-5435, CVE-2025-0725. */
Test(http_header, reads_content_lengths)
{
	static const struct {
		const char *fields;
		int code;
		uint64_t length;
	} cases[] = {
		{ "", 0, SL_HEADER_NO_LENGTH },
		{ "Content-Length: 0\r\n", 0, 0 },
		{ "content-length:   42 \r\n", 0, 42 },
		{ "Content-Length: 6,6\r\n", 0, 6 },
		{ "Content-Length: 6, 06 ,,6\r\n", 0, 6 },
		{ "Content-Length: 6\r\nContent-Length: 6\r\n", 0, 6 },
		{ "Content-Length: 9223372036854775807\r\n", 0, INT64_MAX },
		{ "Content-Length: 9223372036854775808\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: 18446744073709551616\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: 99999999999999999999999\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: 6,7\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: 6\r\nContent-Length: 7\r\n", SL_E_PROTO, 0 },
		{ "Content-Length:\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: ,\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: +6\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: -6\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: 0x6\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: 6 6\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: 6;x\r\n", SL_E_PROTO, 0 },
		{ "Content-Length: \"6\"\r\n", SL_E_PROTO, 0 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_head head;
		uint64_t length = 0;
		read_head(&head, "HTTP/1.1 200 OK", cases[i].fields);
		cr_expect_eq(sl_header_content_length(&head, &length, &last), cases[i].code, "%s",
			cases[i].fields);
		if (cases[i].code == 0)
			cr_expect_eq(length, cases[i].length);
		sl_head_release(&head);
	}
}

Test(http_header, finds_the_media_type)
{
	static const struct {
		const char *fields, *wanted;
	} cases[] = {
		{ "", "" },
		{ "Content-Type:\r\n", "" },
		{ "Content-Type: text/html\r\n", "text/html" },
		{ "content-type: Text/HTML ; charset=utf-8\r\n", "Text/HTML" },
		{ "Content-Type: ;x\r\n", "" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_head head;
		read_head(&head, "HTTP/1.1 200 OK", cases[i].fields);
		cr_expect(sl_span_is(sl_header_media_type(&head), cases[i].wanted), "%s",
			cases[i].fields);
		sl_head_release(&head);
	}
}

Test(http_header, walks_lists_over_several_fields)
{
	struct sl_head head;
	struct sl_header_list list;
	struct sl_span member;
	struct sl_buf got = { 0 };
	read_head(&head, "HTTP/1.1 200 OK", "C: a, ,b\r\nD: x\r\nC: ,\r\nc:\r\nC: c d\t,e,\r\n");
	sl_header_list_init(&list, &head, "c");
	while (sl_header_list_next(&list, &member)) {
		sl_buf_add_span(&got, member);
		sl_buf_add_char(&got, '|');
	}
	cr_expect_str_eq(got.data, "a|b|c d|e|");
	cr_expect(sl_header_has_token(&head, "C", "E"));
	cr_expect(!sl_header_has_token(&head, "C", "d"));
	cr_expect(!sl_header_has_token(&head, "X", "d"));
	sl_buf_release(&got);
	sl_head_release(&head);
}

/* Where two parsers see different ends, one response passes for another (RFC 9112 11.1, 11.2;
 * CVE-2005-2088). long: one table */
Test(http_framing, follows_rfc_9112_6_3)
{
	static const struct {
		const char *status, *fields;
		bool was_head;
		int code;
		enum sl_framing_kind kind;
		uint64_t length; /* after a HEAD: as announced */
		bool keep_alive;
	} cases[] = {
#define TE "Transfer-Encoding: "
#define CL "Content-Length: "
#define NONE SL_HEADER_NO_LENGTH
		{ "HTTP/1.1 200 OK", "", false, 0, SL_FRAMING_CLOSE, 0, false },
		{ "HTTP/1.1 200 OK", CL "5\r\n", false, 0, SL_FRAMING_LENGTH, 5, true },
		{ "HTTP/1.1 200 OK", CL "0\r\n", false, 0, SL_FRAMING_LENGTH, 0, true },
		{ "HTTP/1.1 200 OK", CL "5\r\nConnection: x, Close\r\n", false, 0,
			SL_FRAMING_LENGTH, 5, false },
		{ "HTTP/1.0 200 OK", CL "5\r\n", false, 0, SL_FRAMING_LENGTH, 5, false },
		{ "HTTP/1.0 200 OK", CL "5\r\nConnection: Keep-Alive\r\n", false, 0,
			SL_FRAMING_LENGTH, 5, true },
		{ "HTTP/1.0 200 OK", CL "5\r\nConnection: keep-alive, close\r\n", false, 0,
			SL_FRAMING_LENGTH, 5, false },
		{ "HTTP/1.1 200 OK", TE "chunked\r\n", false, 0, SL_FRAMING_CHUNKED, 0, true },
		{ "HTTP/1.1 200 OK", TE "Chunked\r\nConnection: close\r\n", false, 0,
			SL_FRAMING_CHUNKED, 0, false },
		{ "HTTP/1.1 200 OK", TE "chunked\r\n" CL "5\r\n", false, 0, SL_FRAMING_CHUNKED, 0,
			false },
		{ "HTTP/1.1 200 OK", CL "5,6\r\n" TE "chunked\r\n", false, 0, SL_FRAMING_CHUNKED, 0,
			false },
		{ "HTTP/1.0 200 OK", TE "chunked\r\nConnection: keep-alive\r\n", false, 0,
			SL_FRAMING_CHUNKED, 0, false },
		{ "HTTP/1.1 200 OK", TE "gzip, chunked\r\n", false, SL_E_PROTO, 0, 0, false },
		{ "HTTP/1.1 200 OK", TE "chunked, gzip\r\n", false, SL_E_PROTO, 0, 0, false },
		{ "HTTP/1.1 200 OK", TE "chunked, chunked\r\n", false, SL_E_PROTO, 0, 0, false },
		{ "HTTP/1.1 200 OK", TE "chunked\r\n" TE "identity\r\n", false, SL_E_PROTO, 0, 0,
			false },
		{ "HTTP/1.1 200 OK", TE "identity\r\n" CL "5\r\n", false, 0, SL_FRAMING_LENGTH, 5,
			false },
		{ "HTTP/1.1 200 OK", TE "Identity\r\n", false, 0, SL_FRAMING_CLOSE, 0, false },
		{ "HTTP/1.1 200 OK", TE "identity, chunked\r\n", false, 0, SL_FRAMING_CHUNKED, 0,
			true },
		{ "HTTP/1.1 200 OK", TE "identity\r\n" CL "5,6\r\n", false, SL_E_PROTO, 0, 0,
			false },
		{ "HTTP/1.1 200 OK", TE "identity, gzip\r\n", false, SL_E_PROTO, 0, 0, false },
		{ "HTTP/1.1 200 OK", TE "xchunked\r\n", false, SL_E_PROTO, 0, 0, false },
		{ "HTTP/1.1 200 OK", TE "chunked;q=1\r\n", false, SL_E_PROTO, 0, 0, false },
		{ "HTTP/1.1 200 OK",
			TE "\x0b"
			   "chunked\r\n",
			false, SL_E_PROTO, 0, 0, false },
		{ "HTTP/1.1 200 OK", TE "\r\n" CL "5\r\n", false, SL_E_PROTO, 0, 0, false },
		{ "HTTP/1.1 200 OK", CL "5,6\r\n", false, SL_E_PROTO, 0, 0, false },
		{ "HTTP/1.1 200 OK", CL "5\r\n", true, 0, SL_FRAMING_NONE, 5, true },
		{ "HTTP/1.1 200 OK", CL "0\r\n", true, 0, SL_FRAMING_NONE, 0, true },
		{ "HTTP/1.1 200 OK", TE "chunked\r\n", true, 0, SL_FRAMING_NONE, NONE, true },
		{ "HTTP/1.1 200 OK", TE "chunked\r\n" CL "5\r\n", true, 0, SL_FRAMING_NONE, NONE,
			false },
		{ "HTTP/1.1 200 OK", "", true, 0, SL_FRAMING_NONE, NONE, true },
		{ "HTTP/1.1 204 No Content", "", false, 0, SL_FRAMING_NONE, 0, true },
		{ "HTTP/1.1 204 No Content", CL "0\r\n", false, 0, SL_FRAMING_NONE, 0, true },
		{ "HTTP/1.1 204 No Content", CL "5\r\n", false, 0, SL_FRAMING_NONE, 0, false },
		{ "HTTP/1.1 204 No Content", TE "chunked\r\n", false, 0, SL_FRAMING_NONE, 0,
			false },
		{ "HTTP/1.1 304 Not Modified", "", false, 0, SL_FRAMING_NONE, 0, true },
		{ "HTTP/1.1 304 Not Modified", CL "5\r\n", false, 0, SL_FRAMING_NONE, 0, false },
		{ "HTTP/1.1 304 Not Modified", TE "chunked\r\n", false, 0, SL_FRAMING_NONE, 0,
			false },
		{ "HTTP/1.1 100 Continue", "", false, 0, SL_FRAMING_NONE, 0, true },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_head head;
		struct sl_framing framing;
		read_head(&head, cases[i].status, cases[i].fields);
		int code = sl_framing_decide(&framing, &head, cases[i].was_head, &last);
		cr_expect_eq(
			code, cases[i].code, "case %zu '%s' gives %d", i, cases[i].fields, code);
		if (!code) {
			cr_expect_eq(framing.kind, cases[i].kind, "case %zu", i);
			cr_expect_eq(cases[i].was_head ? framing.announced : framing.length,
				cases[i].length, "case %zu", i);
			cr_expect_eq(framing.keep_alive, cases[i].keep_alive, "case %zu", i);
		}
		sl_head_release(&head);
	}
}
