/* CONNECT and SOCKS over a connection whose peer is a text. */
#include "sluice/http/tunnel.h"
#include "support/scripted.h"

#include <criterion/criterion.h>
#include <errno.h>

static const struct sl_tunnel_request to_a = {
	.host = "a.example", .port = 443, .user_agent = "sluice/test"
};

struct answer {
	const char *reply;
	int code, http_status;
	const char *why;
};

static void
expect_answer(const struct answer *answer, size_t first, size_t piece)
{
	struct scripted peer;
	struct sl_head head;
	struct sl_error err = { 0 };
	scripted_init(&peer, sl_span_str(answer->reply), first, piece);
	sl_head_init(&head);
	int code = sl_tunnel_connect(&peer.connection, &to_a, SL_FOREVER, &head, &err);
	cr_expect_eq(code, answer->code, "'%s' cut at %zu: %s", answer->reply, first, err.text);
	cr_expect_eq(err.http_status, answer->http_status);
	if (answer->code) {
		cr_expect_eq(err.phase, SL_PHASE_PROXY);
		cr_expect(strstr(err.text, answer->why), "'%s': %s", answer->reply, err.text);
	}
	sl_head_release(&head);
	scripted_release(&peer);
}

static void
expect_answers(const struct answer *answers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		expect_answer(&answers[i], 1, 1);
		for (size_t cut = 0; cut <= strlen(answers[i].reply); cut++)
			expect_answer(&answers[i], cut, 0);
	}
}

Test(tunnel, stands_after_a_status_of_2xx)
{
	static const struct answer answers[] = {
		{ "HTTP/1.1 200 Connection established\r\n\r\n", 0, 0, NULL },
		{ "HTTP/1.0 200 OK\r\nVia: x\r\n\r\n", 0, 0, NULL },
		{ "HTTP/1.1 204\r\n\r\n", 0, 0, NULL },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
		  "HTTP/1.1 200 OK\r\n\r\n",
			0, 0, NULL },
		/* RFC 9110 9.3.6: they count for nothing */
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0, 0, NULL },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, NULL },
	};
	expect_answers(answers, SL_COUNT_OF(answers));
}

Test(tunnel, is_refused_by_statuses_of_the_proxy)
{
	static const struct answer answers[] = {
		{ "HTTP/1.1 403 Forbidden\r\n\r\nno", SL_E_STATUS, 403, "answered 403 Forbidden" },
		{ "HTTP/1.1 407 \x1b[31mWho\r\n\r\n", SL_E_STATUS, 407,
			"answered 407 \\x1b[31mWho to CONNECT; give USER:PASSWORD" },
		{ "HTTP/1.1 502 Bad Gateway\r\n\r\n", SL_E_STATUS, 502, "answered 502" },
		{ "HTTP/1.1 503\r\n\r\n", SL_E_STATUS, 503, "answered 503 to CONNECT" },
		{ "HTTP/1.1 504 x\r\n\r\n", SL_E_STATUS, 504, "answered 504" },
		{ "HTTP/1.1 429 x\r\n\r\n", SL_E_STATUS, 429, "answered 429" },
	};
	expect_answers(answers, SL_COUNT_OF(answers));
}

/* "Pretty-Bad-Proxy" (Chen et al., 2009): responses to CONNECT, which anyone on the way can write,
 * were taken for the origin's. Here 304 would mean that a file is up to date, 404 that there is
 * none. */
Test(tunnel, has_no_status_that_could_be_taken_for_the_origins)
{
	static const struct answer answers[] = {
		{ "HTTP/1.1 301 x\r\nLocation: http://evil/\r\n\r\n", SL_E_PROTO, 0, "301" },
		{ "HTTP/1.1 304 Not Modified\r\n\r\n", SL_E_PROTO, 0, "304" },
		{ "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic\r\n\r\n", SL_E_AUTH, 0, "401" },
		{ "HTTP/1.1 404 x\r\n\r\n", SL_E_PROTO, 0, "404" },
		{ "HTTP/1.1 410 x\r\n\r\n", SL_E_PROTO, 0, "410" },
		{ "HTTP/1.1 416 x\r\n\r\n", SL_E_PROTO, 0, "416" },
	};
	expect_answers(answers, SL_COUNT_OF(answers));
}

Test(tunnel, is_refused_if_the_response_is_not_one)
{
	static const struct answer answers[] = {
		{ "", -ECONNRESET, 0, "closed the connection" },
		{ "HTTP/1.1 200 OK\r\n", -ECONNRESET, 0, "closed the connection" },
		{ "SSH-2.0-OpenSSH_9.2\r\n", SL_E_PROTO, 0, "did not answer in HTTP/1" },
		{ "\x05\xff", SL_E_PROTO, 0, "HTTP/1" },
		{ "HTTP/2 200\r\n\r\n", SL_E_PROTO, 0, "other than 1.0 and 1.1" },
		{ "HTTP/1.1 2000 OK\r\n\r\n", SL_E_PROTO, 0, "malformed" },
		{ "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", SL_E_PROTO, 0, "101" },
	};
	expect_answers(answers, SL_COUNT_OF(answers));
}

/* Bytes that came with the head would be the origin's, which was not asked for anything yet. */
Test(tunnel, is_refused_if_bytes_come_with_the_response)
{
	static const struct answer answers[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", SL_E_PROTO, 0, "behind" },
		{ "HTTP/1.1 200 OK\r\n\r\nx", SL_E_PROTO, 0, "behind its response" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(answers); i++)
		expect_answer(&answers[i], 0, 0);
}

Test(tunnel, has_limits_for_heads_and_interim_responses)
{
	struct sl_buf reply = { 0 };
	for (int i = 0; i <= 32; i++)
		sl_buf_add_str(&reply, "HTTP/1.1 100 Continue\r\n\r\n");
	struct answer answer = { reply.data, SL_E_LIMIT, 0, "more than 32 interim" };
	expect_answer(&answer, 0, 0);
	sl_buf_clear(&reply);
	sl_buf_add_str(&reply, "HTTP/1.1 200 OK\r\n");
	while (reply.len <= SL_HEAD_MAX)
		sl_buf_add_str(&reply, "A: 0123456789012345678901234567890123456789\r\n");
	answer = (struct answer){ reply.data, SL_E_LIMIT, 0, "lines" };
	expect_answer(&answer, 0, 0);
	sl_buf_release(&reply);
}

Test(tunnel, reports_what_a_receive_reports)
{
	static const struct {
		int end, code;
		const char *why;
	} cases[] = {
		{ -ETIMEDOUT, -ETIMEDOUT, "the proxy does not respond" },
		{ -ECONNRESET, -ECONNRESET, "closed the connection" },
		{ SL_E_SHORT_BODY, -ECONNRESET, "closed the connection" },
		{ -ECANCELED, -ECANCELED, "no response from the proxy" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct scripted peer;
		struct sl_head head;
		struct sl_error err = { 0 };
		scripted_init(&peer, sl_span_str("HTTP/1.1 "), 0, 0);
		peer.end = cases[i].end;
		sl_head_init(&head);
		cr_expect_eq(sl_tunnel_connect(&peer.connection, &to_a, SL_FOREVER, &head, &err),
			cases[i].code);
		cr_expect(strstr(err.text, cases[i].why), "%s", err.text);
		sl_head_release(&head);
		scripted_release(&peer);
	}
}

Test(tunnel, asks_with_the_port_and_nothing_of_the_users_but_what_is_for_the_proxy)
{
	static const struct {
		struct sl_tunnel_request request;
		const char *wanted;
	} cases[] = {
		{ { .host = "a.example", .port = 443, .user_agent = "x" },
			"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"
			"User-Agent: x\r\n\r\n" },
		{ { .host = "fd00::1", .is_ipv6 = true, .port = 80, .user_agent = "x" },
			"CONNECT [fd00::1]:80 HTTP/1.1\r\nHost: [fd00::1]:80\r\n"
			"User-Agent: x\r\n\r\n" },
		{ { .host = "a", .port = 1, .user_agent = "x", .authorization = "Basic dTpz" },
			"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nUser-Agent: x\r\n"
			"Proxy-Authorization: Basic dTpz\r\n\r\n" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf text = { 0 };
		cr_assert_eq(sl_tunnel_format(&text, &cases[i].request), 0);
		cr_expect_str_eq(text.data, cases[i].wanted);
		sl_buf_release(&text);
	}
}

Test(tunnel, by_socks_receives_nothing_of_the_origins)
{
	static const char reply[] = "\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34HTTP/1.1";
	for (size_t cut = 0; cut < sizeof(reply); cut++) {
		struct scripted peer;
		struct sl_proxy proxy;
		struct sl_error err = { 0 };
		struct sl_socks_target target = { .name = "a.b", .port = 443 };
		cr_assert_eq(sl_proxy_parse(&proxy, sl_span_str("socks5h://p"), NULL), 0);
		scripted_init(&peer, sl_span(reply, sizeof(reply) - 1), cut, 0);
		cr_expect_eq(sl_tunnel_socks(&peer.connection, &proxy, &target, SL_FOREVER, &err),
			0, "%s", err.text);
		cr_expect(sl_span_is(peer.reply, "HTTP/1.1"));
		scripted_release(&peer);
		sl_proxy_release(&proxy);
	}
}

Test(tunnel, by_socks_fails_if_the_proxy_closes_the_connection)
{
	struct scripted peer;
	struct sl_proxy proxy;
	struct sl_error err = { 0 };
	struct sl_socks_target target = { .name = "a.b", .port = 443 };
	cr_assert_eq(sl_proxy_parse(&proxy, sl_span_str("socks4a://p"), NULL), 0);
	scripted_init(&peer, sl_span("\0", 1), 0, 0);
	cr_expect_eq(
		sl_tunnel_socks(&peer.connection, &proxy, &target, SL_FOREVER, &err), -ECONNRESET);
	cr_expect_eq(err.phase, SL_PHASE_PROXY);
	scripted_release(&peer);
	sl_proxy_release(&proxy);
}
