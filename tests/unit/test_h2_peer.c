/*
 * Downloads from servers of HTTP/2 that break the rules of RFC 9113: each fails with a message that
 * says why, and leaves nothing. What the RFC wants to be ignored is.
 *
 * The server is TLS and a table of frames (support/h2_frames.h), which it sends for the request.
 */
#include "batch_bench.h"

#include "support/h2_frames.h"
#include "support/h2_server.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lie {
	const char *what, *frames;
	int code; /* 0 = the file is "hello" */
	const char *text;
};

/* ---- the server ---- */

struct server {
	struct peer peer;
	SSL_CTX *context;
	const char *frames;
};

static struct server server;

static bool
read_whole(SSL *ssl, void *data, size_t len)
{
	char *at = data;
	while (len > 0) {
		int got = SSL_read(ssl, at, (int)len);
		if (got <= 0)
			return false;
		at += got;
		len -= (size_t)got;
	}
	return true;
}

/* Until the head of a request has come. */
static bool
read_request(SSL *ssl)
{
	unsigned char head[9], preface[24], byte;
	if (!read_whole(ssl, preface, sizeof(preface)))
		return false;
	for (;;) {
		if (!read_whole(ssl, head, sizeof(head)))
			return false;
		size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
		for (; len > 0; len--)
			if (!read_whole(ssl, &byte, 1))
				return false;
		if (head[3] == 1)
			return true;
	}
}

static void
serve(struct peer *peer, int fd)
{
	int on = 1; /* or the frames wait for an acknowledgement of what OpenSSL sends before */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	SSL *ssl = peer_tls_accept(server.context, fd);
	struct sl_buf out = { 0 };
	char rest[4096];
	(void)peer;
	if (!ssl)
		return;
	if (read_request(ssl)) {
		bool closes = server.frames[0] == '!';
		h2_frames(&out, server.frames + closes);
		if (out.len == 0 || SSL_write(ssl, out.data, (int)out.len) > 0)
			while (!closes && SSL_read(ssl, rest, sizeof(rest)) > 0)
				;
		if (closes)
			SSL_shutdown(ssl);
	}
	sl_buf_release(&out);
	SSL_free(ssl);
}

/* ---- what it sends ---- */

#define SETTINGS "SETTINGS 0 -;"
#define HEAD "HEADERS 1 h :status=200 content-length=5;"
#define BODY "DATA 1 s 'hello';"
#define GOOD HEAD BODY

static const struct lie lies[] = {
	/* the table itself, and what is to be ignored */
	{ "a good response", SETTINGS GOOD, 0, NULL },
	{ "unknown frames",
		SETTINGS "UNKNOWN 0 - 00;UNKNOWN 1 sh 'abc'*99;" HEAD "UNKNOWN 1 - ;" BODY, 0,
		NULL },
	{ "many unknown frames", SETTINGS "5000 UNKNOWN 0 - ;" GOOD, 0, NULL },
	{ "unknown settings", "SETTINGS 0 - 00ff00000001 00aaffffffff;" GOOD, 0, NULL },
	{ "settings twice", SETTINGS SETTINGS "SETTINGS 0 - 000300000001;" GOOD, 0, NULL },
	{ "padding", SETTINGS "HEADERS 1 hp 03 :status=200 000000;DATA 1 sp 02 'hello' 0000;", 0,
		NULL },
	{ "priorities",
		SETTINGS "PRIORITY 1 - 0000000010;PRIORITY 7 - 0000000010;HEADERS 1 hr 0000000000 "
			 ":status=200;" BODY,
		0, NULL },
	{ "a PING and its ACK", SETTINGS "PING 0 - '12345678';PING 0 a '12345678';" GOOD, 0, NULL },
	{ "trailers", SETTINGS HEAD "DATA 1 - 'hello';HEADERS 1 hs x-sum=1;", 0, NULL },
	{ "DATA without bytes", SETTINGS HEAD "DATA 1 - ;DATA 1 - 'hello';DATA 1 s ;", 0, NULL },
	{ "interim responses",
		SETTINGS "HEADERS 1 h :status=103 link=a;HEADERS 1 h :status=100;" GOOD, 0, NULL },
	{ "a window of 0 for requests, which have no body", "SETTINGS 0 - 000400000000;" GOOD, 0,
		NULL },
	{ "GOAWAY with an error after the last stream",
		SETTINGS "GOAWAY 0 - 00000001 00000002 'bye';" GOOD, 0, NULL },
	{ "GOAWAY with falling numbers",
		SETTINGS "GOAWAY 0 - 7fffffff 00000000;GOAWAY 0 - 00000001 00000000;" GOOD, 0,
		NULL },
	{ "a reset without an error behind the end", SETTINGS GOOD "RST_STREAM 1 - 00000000;", 0,
		NULL },
	{ "DATA behind the end", SETTINGS GOOD "DATA 1 s 'more';", 0, NULL },
	{ "a head in CONTINUATION",
		SETTINGS
		"HEADERS 1 - 88;CONTINUATION 1 - content-length=5;CONTINUATION 1 h x-a=b;" BODY,
		0, NULL },
	/* flow control */
	{ "a window enlarged by 0", SETTINGS "WINDOW_UPDATE 1 - 00000000;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "the window of the connection enlarged by 0", SETTINGS "WINDOW_UPDATE 0 - 00000000;" GOOD,
		SL_E_PROTO, "malformed" },
	{ "a window beyond 2^31-1", SETTINGS "WINDOW_UPDATE 1 - 7fffffff;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "the window of the connection beyond 2^31-1", SETTINGS "WINDOW_UPDATE 0 - 7fffffff;" GOOD,
		SL_E_PROTO, "malformed" },
	{ "a short WINDOW_UPDATE", SETTINGS "WINDOW_UPDATE 0 - 0001;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "WINDOW_UPDATE of an idle stream", SETTINGS "WINDOW_UPDATE 5 - 00000001;" GOOD,
		SL_E_PROTO, "malformed" },
	{ "windows of more than 2^31-1", "SETTINGS 0 - 000480000000;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "windows that exceed 2^31-1 later",
		SETTINGS "WINDOW_UPDATE 1 - 00000001;SETTINGS 0 - 00047fffffff;" GOOD, SL_E_PROTO,
		"malformed" },
	/* streams */
	{ "DATA of stream 0", SETTINGS HEAD "DATA 0 s 'hello';", SL_E_PROTO, "malformed" },
	{ "DATA of an idle stream", SETTINGS HEAD "DATA 3 s 'hello';", SL_E_PROTO, "malformed" },
	{ "DATA of an even stream", SETTINGS HEAD "DATA 2 s 'hello';", SL_E_PROTO, "malformed" },
	{ "DATA before the head", SETTINGS "DATA 1 - 'hello';" HEAD, SL_E_PROTO, "malformed" },
	{ "HEADERS of stream 0", SETTINGS "HEADERS 0 h :status=200;", SL_E_PROTO, "malformed" },
	{ "HEADERS of an even stream", SETTINGS "HEADERS 2 h :status=200;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "HEADERS of an idle stream", SETTINGS "HEADERS 3 h :status=200;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "CONTINUATION without HEADERS", SETTINGS "CONTINUATION 1 h :status=200;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "CONTINUATION of another stream",
		SETTINGS "HEADERS 1 - 88;CONTINUATION 3 h content-length=5;" BODY, SL_E_PROTO,
		"malformed" },
	{ "CONTINUATION behind the end of a head", SETTINGS HEAD "CONTINUATION 1 h x-a=b;" BODY,
		SL_E_PROTO, "malformed" },
	{ "DATA within a head", SETTINGS "HEADERS 1 - 88;" BODY, SL_E_PROTO, "malformed" },
	{ "PING within a head",
		SETTINGS "HEADERS 1 - 88;PING 0 - '12345678';CONTINUATION 1 h x-a=b;" BODY,
		SL_E_PROTO, "malformed" },
	{ "an unknown frame within a head",
		SETTINGS "HEADERS 1 - 88;UNKNOWN 1 - ;CONTINUATION 1 h x-a=b;" BODY, SL_E_PROTO,
		"malformed" },
	{ "PUSH_PROMISE that was sent before the client forbade it",
		SETTINGS "PUSH_PROMISE 1 h 00000002 828684;HEADERS 2 h 88;DATA 2 s 'hello';" GOOD,
		0, NULL },
	{ "PUSH_PROMISE", SETTINGS "SETTINGS 0 a ;PUSH_PROMISE 1 h 00000002 828684;" GOOD,
		SL_E_PROTO, "malformed" },
	{ "PUSH_PROMISE of stream 0", SETTINGS "PUSH_PROMISE 0 h 00000002 828684;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "a short PUSH_PROMISE", SETTINGS "PUSH_PROMISE 1 h 0000;" GOOD, SL_E_PROTO, "malformed" },
	/* frames of the connection */
	{ "no SETTINGS", GOOD, SL_E_PROTO, "malformed" },
	{ "SETTINGS behind others", "PING 0 - '12345678';" SETTINGS GOOD, SL_E_PROTO, "malformed" },
	{ "SETTINGS of 5 bytes", "SETTINGS 0 - 0003000000;" GOOD, SL_E_PROTO, "malformed" },
	{ "SETTINGS of a stream", "SETTINGS 1 - ;" GOOD, SL_E_PROTO, "malformed" },
	{ "SETTINGS ACK with bytes", SETTINGS "SETTINGS 0 a 000300000001;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "SETTINGS ACK that was not expected twice", SETTINGS "SETTINGS 0 a ;SETTINGS 0 a ;" GOOD,
		SL_E_PROTO, "malformed" },
	{ "push enabled by a server", "SETTINGS 0 - 000200000001;" GOOD, SL_E_PROTO, "malformed" },
	{ "push neither enabled nor disabled", "SETTINGS 0 - 000200000002;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "frames of 100 bytes at most", "SETTINGS 0 - 000500000064;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "frames of 16 MiB and more", "SETTINGS 0 - 000501000000;" GOOD, SL_E_PROTO, "malformed" },
	{ "PING of 7 bytes", SETTINGS "PING 0 - '1234567';" GOOD, SL_E_PROTO, "malformed" },
	{ "PING of a stream", SETTINGS "PING 1 - '12345678';" GOOD, SL_E_PROTO, "malformed" },
	{ "GOAWAY with rising numbers",
		SETTINGS "GOAWAY 0 - 00000001 00000000;GOAWAY 0 - 00000003 00000000;" GOOD,
		SL_E_PROTO, "malformed" },
	{ "GOAWAY of a stream", SETTINGS "GOAWAY 1 - 00000001 00000000;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "a short GOAWAY", SETTINGS "GOAWAY 0 - 00000001;" GOOD, SL_E_PROTO, "malformed" },
	{ "GOAWAY that leaves the request out, twice", SETTINGS "GOAWAY 0 - 00000000 00000000;",
		SL_E_STALE, "did not process" },
	{ "a reset", SETTINGS HEAD "DATA 1 - 'hel';RST_STREAM 1 - 00000002;", -ECONNRESET,
		"INTERNAL_ERROR" },
	{ "a reset with an unknown code", SETTINGS HEAD "RST_STREAM 1 - 12345678;", -ECONNRESET,
		"reset" },
	{ "a reset of 3 bytes", SETTINGS HEAD "RST_STREAM 1 - 000000;", SL_E_PROTO, "malformed" },
	{ "a reset of stream 0", SETTINGS "RST_STREAM 0 - 00000000;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "a reset of an idle stream", SETTINGS "RST_STREAM 3 - 00000000;" GOOD, SL_E_PROTO,
		"malformed" },
	{ "PRIORITY of 4 bytes", SETTINGS "PRIORITY 1 - 00000000;" GOOD, SL_E_PROTO, "malformed" },
	{ "DATA beyond the size of frames", SETTINGS "HEADERS 1 h :status=200;DATA 1 s 'x'*16385;",
		SL_E_PROTO, "malformed" },
	{ "HEADERS beyond the size of frames", SETTINGS "HEADERS 1 h :status=200 x-a=b*2400;" BODY,
		SL_E_PROTO, "malformed" },
	{ "padding longer than DATA", SETTINGS HEAD "DATA 1 sp 06 'hello';", SL_E_PROTO,
		"malformed" },
	{ "padding longer than HEADERS", SETTINGS "HEADERS 1 hp 20 :status=200;" BODY, SL_E_PROTO,
		"malformed" },
	{ "DATA without the length of its padding", SETTINGS HEAD "DATA 1 sp ;", SL_E_PROTO,
		"malformed" },
	/* heads */
	{ "an index of HPACK that there is not", SETTINGS "HEADERS 1 h ff8080808010;" BODY,
		SL_E_PROTO, "malformed" },
	{ "index 0 of HPACK", SETTINGS "HEADERS 1 h 8880;" BODY, SL_E_PROTO, "malformed" },
	{ "an HPACK string longer than the frame", SETTINGS "HEADERS 1 h 88 00017f;" BODY,
		SL_E_PROTO, "malformed" },
	{ "an HPACK number without an end",
		SETTINGS "HEADERS 1 h 88 0001787fffffffffffffffffffffff7f;" BODY, SL_E_PROTO,
		"malformed" },
	{ "bad Huffman code", SETTINGS "HEADERS 1 h 88 00017884ffffffff;" BODY, SL_E_PROTO,
		"malformed" },
	{ "an HPACK table larger than permitted", SETTINGS "HEADERS 1 h 3fe1ffff03 88;" BODY,
		SL_E_PROTO, "malformed" },
	{ "a size of the HPACK table behind a field", SETTINGS "HEADERS 1 h 88 20;" BODY,
		SL_E_PROTO, "malformed" },
	{ "an upper-case name", SETTINGS "HEADERS 1 h :status=200 X-A=b;" BODY, SL_E_PROTO,
		"malformed" },
	{ "an empty name", SETTINGS "HEADERS 1 h :status=200 =b;" BODY, SL_E_PROTO, "malformed" },
	{ "a name with a space", SETTINGS "HEADERS 1 h 88 000361206201 'c';" BODY, SL_E_PROTO,
		"malformed" },
	{ "a value with LF", SETTINGS "HEADERS 1 h 88 000161 03 'b' 0a 'c';" BODY, SL_E_PROTO,
		"malformed" },
	{ "a value with CR", SETTINGS "HEADERS 1 h 88 000161 03 'b' 0d 'c';" BODY, SL_E_PROTO,
		"malformed" },
	{ "a value with NUL", SETTINGS "HEADERS 1 h 88 000161 03 'b' 00 'c';" BODY, SL_E_PROTO,
		"malformed" },
	{ "no status", SETTINGS "HEADERS 1 h content-length=5;" BODY, SL_E_PROTO,
		"does not begin with a status code" },
	{ "no field", SETTINGS "HEADERS 1 h ;" BODY, SL_E_PROTO, "malformed" },
	{ "two status codes", SETTINGS "HEADERS 1 h :status=200 :status=200;" BODY, SL_E_PROTO,
		"malformed" },
	{ "a status that is not a number", SETTINGS "HEADERS 1 h :status=abc;" BODY, SL_E_PROTO,
		"malformed" },
	{ "a status of two digits", SETTINGS "HEADERS 1 h :status=20;" BODY, SL_E_PROTO,
		"malformed" },
	{ "a status of four digits", SETTINGS "HEADERS 1 h :status=2000;" BODY, SL_E_PROTO,
		"malformed" },
	{ "an empty status", SETTINGS "HEADERS 1 h :status=;" BODY, SL_E_PROTO, "malformed" },
	{ "a pseudo-header field of requests", SETTINGS "HEADERS 1 h :status=200 :path=/;" BODY,
		SL_E_PROTO, "malformed" },
	{ "an unknown pseudo-header field", SETTINGS "HEADERS 1 h :status=200 :magic=1;" BODY,
		SL_E_PROTO, "malformed" },
	{ "a status behind a field", SETTINGS "HEADERS 1 h content-length=5 :status=200;" BODY,
		SL_E_PROTO, "does not begin with a status code" },
	{ "connection close", SETTINGS "HEADERS 1 h :status=200 connection=close;" BODY, SL_E_PROTO,
		"malformed" },
	{ "connection keep-alive", SETTINGS "HEADERS 1 h :status=200 connection=keep-alive;" BODY,
		SL_E_PROTO, "malformed" },
	{ "keep-alive 1", SETTINGS "HEADERS 1 h :status=200 keep-alive=1;" BODY, SL_E_PROTO,
		"malformed" },
	{ "proxy-connection close", SETTINGS "HEADERS 1 h :status=200 proxy-connection=close;" BODY,
		SL_E_PROTO, "malformed" },
	{ "transfer-encoding chunked",
		SETTINGS "HEADERS 1 h :status=200 transfer-encoding=chunked;" BODY, SL_E_PROTO,
		"malformed" },
	{ "upgrade h2c", SETTINGS "HEADERS 1 h :status=200 upgrade=h2c;" BODY, SL_E_PROTO,
		"malformed" },
	{ "two lengths", SETTINGS "HEADERS 1 h :status=200 content-length=5 content-length=6;" BODY,
		SL_E_PROTO, "malformed" },
	{ "a length that is not a number",
		SETTINGS "HEADERS 1 h :status=200 content-length=five;" BODY, SL_E_PROTO,
		"malformed" },
	{ "a negative length", SETTINGS "HEADERS 1 h :status=200 content-length=-5;" BODY,
		SL_E_PROTO, "malformed" },
	{ "a length beyond 64 bits",
		SETTINGS "HEADERS 1 h :status=200 content-length=99999999999999999999;" BODY,
		SL_E_PROTO, "malformed" },
	{ "a body longer than announced", SETTINGS HEAD "DATA 1 s 'hello!';", SL_E_PROTO,
		"not as long as announced" },
	{ "a body shorter than announced", SETTINGS HEAD "DATA 1 s 'hell';", SL_E_PROTO,
		"not as long as announced" },
	{ "no body, but a length", SETTINGS "HEADERS 1 hs :status=200 content-length=5;",
		SL_E_PROTO, "malformed" },
	{ "two final heads", SETTINGS HEAD "HEADERS 1 h :status=200;" BODY, SL_E_PROTO,
		"malformed" },
	{ "a second final head with the end",
		SETTINGS HEAD "DATA 1 - 'hello';HEADERS 1 hs :status=200;", SL_E_PROTO,
		"malformed" },
	{ "trailers before the end", SETTINGS HEAD "HEADERS 1 h x-sum=1;" BODY, SL_E_PROTO,
		"malformed" },
	{ "trailers with a pseudo-header field",
		SETTINGS HEAD "DATA 1 - 'hello';HEADERS 1 hs x-sum=1 :path=/;", SL_E_PROTO,
		"malformed" },
	{ "trailers with a bad name", SETTINGS HEAD "DATA 1 - 'hello';HEADERS 1 hs X-Sum=1;",
		SL_E_PROTO, "malformed" },
	{ "the end with an interim response", SETTINGS "HEADERS 1 hs :status=103;", SL_E_PROTO,
		"malformed" },
	{ "DATA behind an interim response", SETTINGS "HEADERS 1 h :status=103;" BODY, SL_E_PROTO,
		"malformed" },
	{ "other protocols", SETTINGS "HEADERS 1 h :status=101;" GOOD, SL_E_PROTO, "malformed" },
	{ "204 with a body", SETTINGS "HEADERS 1 h :status=204;" BODY, SL_E_PROTO, "malformed" },
	/* too much */
	{ "33 interim responses", SETTINGS "33 HEADERS 1 h :status=103;" GOOD, SL_E_LIMIT,
		"more than 32 interim" },
	{ "100,000 interim responses", SETTINGS "100000 HEADERS 1 h :status=103;" GOOD, SL_E_LIMIT,
		"more than 32 interim" },
	{ "a field of 80,000 bytes",
		SETTINGS "HEADERS 1 - 88 0001787f81f004 'x'*16000;3 CONTINUATION 1 - "
			 "'x'*16000;CONTINUATION 1 h 'x'*16000;" BODY,
		SL_E_PROTO, "malformed" },
	{ "2,000 fields", SETTINGS "HEADERS 1 h 88 000161016a*2000;" BODY, SL_E_LIMIT,
		"1,000 header lines" },
	{ "a table of HPACK that grows to 15 MB",
		SETTINGS "HEADERS 1 h 88 4001787fb916 'x'*3000 be*5000;" BODY, SL_E_LIMIT,
		"256 KiB" },
	{ "CONTINUATION for ever", SETTINGS "HEADERS 1 - 88;100000 CONTINUATION 1 - ;", SL_E_PROTO,
		"Too many CONTINUATION" },
	{ "CONTINUATION with fields for ever",
		SETTINGS "HEADERS 1 - 88;20000 CONTINUATION 1 - x-a=b*100;", SL_E_PROTO,
		"Too many CONTINUATION" },
	{ "SETTINGS for ever", "5000 SETTINGS 0 - 000300000001;" GOOD, SL_E_LIMIT, "Flooding" },
	{ "SETTINGS ACK for ever", SETTINGS "5000 SETTINGS 0 a ;" GOOD, SL_E_PROTO, "malformed" },
	{ "PING for ever", SETTINGS "5000 PING 0 - '12345678';" GOOD, SL_E_LIMIT, "Flooding" },
	{ "PING ACK for ever", SETTINGS "5000 PING 0 a '12345678';" GOOD, SL_E_LIMIT,
		"without progress" },
	{ "PRIORITY for ever", SETTINGS "5000 PRIORITY 1 - 0000000010;" GOOD, SL_E_LIMIT,
		"without progress" },
	{ "WINDOW_UPDATE for ever", SETTINGS "5000 WINDOW_UPDATE 0 - 00000001;" GOOD, SL_E_LIMIT,
		"without progress" },
	{ "DATA without bytes for ever", SETTINGS HEAD "5000 DATA 1 - ;" BODY, SL_E_LIMIT,
		"without progress" },
	{ "padding for ever", SETTINGS HEAD "5000 DATA 1 p 03 000000;" BODY, SL_E_LIMIT,
		"without progress" },
	{ "resets for ever", SETTINGS "5000 RST_STREAM 1 - 00000008;", -ECONNRESET, "CANCEL" },
	/* connections that end, marked by "!"; what is not HTTP/2 */
	{ "the end at once", "!", -ECONNRESET, "the server closed the connection" },
	{ "the end behind SETTINGS", "!" SETTINGS, -ECONNRESET,
		"the server closed the connection" },
	{ "the end in a frame", "!" SETTINGS "RAW 0000;", -ECONNRESET,
		"the server closed the connection" },
	{ "the end in a head", "!" SETTINGS "HEADERS 1 - 88;", -ECONNRESET,
		"the server closed the connection" },
	{ "the end behind a head", "!" SETTINGS HEAD, -ECONNRESET,
		"the server closed the connection" },
	{ "the end in DATA", "!" SETTINGS HEAD "RAW 000005000100000001 'he';", -ECONNRESET,
		"the server closed the connection" },
	{ "the end behind DATA, without a length",
		"!" SETTINGS "HEADERS 1 h :status=200;DATA 1 - 'hello';", -ECONNRESET,
		"the server closed the connection" },
	{ "the end behind all bytes, without END_STREAM", "!" SETTINGS HEAD "DATA 1 - 'hello';",
		-ECONNRESET, "the server closed the connection" },
	{ "a reset without an error, but before the end",
		SETTINGS "HEADERS 1 h :status=200;DATA 1 - 'hello';RST_STREAM 1 - 00000000;",
		-ECONNRESET, "stopped after 5 bytes: the server reset the stream" },
	{ "GOAWAY and the end in the body",
		"!" SETTINGS HEAD "DATA 1 - 'he';GOAWAY 0 - 00000001 00000000;", -ECONNRESET,
		"the server closed the connection" },
	{ "HTTP/1.1", "RAW 'HTTP/1.1' 20 '200' 20 'OK' 0d0a 'Content-Length:5' 0d0a0d0a 'hello';",
		SL_E_PROTO, "malformed" },
	{ "HTTP/1.0 400", "!RAW 'HTTP/1.0' 20 '400' 20 'Bad' 0d0a0d0a;", SL_E_PROTO, "malformed" },
	{ "zeros", "RAW 00*1000;", SL_E_PROTO, "malformed" },
	{ "garbage", "RAW ff*1000 'garbage'*1000;", SL_E_PROTO, "malformed" },
};

static void
tell(struct batch_bench *bench, const struct lie *lie)
{
	server.frames = lie->frames;
	(void)batch_run(bench, "$/f\n");
	const struct batch_input *in = &bench->inputs[0];
	cr_expect_eq(in->error.code, lie->code, "%s: %d, want %d (%s)", lie->what, in->error.code,
		lie->code, in->error.text);
	cr_expect_eq(scratch_count("."), lie->code == 0, "%s", lie->what);
	if (lie->code == 0) {
		cr_expect(scratch_holds("f", "hello"), "%s", lie->what);
	} else {
		cr_expect(strstr(in->error.text, lie->text), "%s: %s", lie->what, in->error.text);
	}
	unlink("f");
}

static const char *certs;

static void
set_up(void)
{
	certs = peer_make_certs();
}

static void
tear_down(void)
{
	peer_remove_certs();
}

TestSuite(http_h2_peer, .init = set_up, .fini = tear_down, .timeout = 900);

static struct batch_bench *
begin(char ca[128])
{
	struct batch_bench *bench = batch_begin();
	snprintf(ca, 128, "%s/ca.pem", certs);
	server.context = peer_tls_context(certs, "server");
	SSL_CTX_set_alpn_select_cb(server.context, h2_server_alpn, NULL);
	bench->cacert = ca;
	return bench;
}

/* A peer serves few connections in its life. */
static void
tell_one(struct batch_bench *bench, const struct lie *lie)
{
	peer_start(&server.peer, serve, &server);
	bench->port = server.peer.port;
	tell(bench, lie);
	peer_stop(&server.peer);
}

/* The limit is that of this case alone: the others would meet it on a machine that is busy. */
Test(http_h2_peer, a_body_that_does_not_come_is_a_stall)
{
	static const struct lie stalls[] = {
		{ "nothing", "", -ETIMEDOUT, "--stall-timeout" },
		{ "no head", SETTINGS, -ETIMEDOUT, "--stall-timeout" },
		{ "no body", SETTINGS HEAD, -ETIMEDOUT, "--stall-timeout" },
		{ "no end", SETTINGS HEAD "DATA 1 - 'hello';", -ETIMEDOUT, "--stall-timeout" },
	};
	char ca[128];
	struct batch_bench *bench = begin(ca);
	bench->stall_ns = 100 * SL_NS_PER_MS;
	for (size_t i = 0; i < SL_COUNT_OF(stalls); i++)
		tell_one(bench, &stalls[i]);
	SSL_CTX_free(server.context);
	batch_end(bench);
}

Test(http_h2_peer, a_head_and_the_rate_of_a_body_have_limits_of_their_own)
{
	static const struct lie head = { "no head", SETTINGS, -ETIMEDOUT, "--first-byte-timeout" };
	static const struct lie slow = { "no end", SETTINGS HEAD "DATA 1 - 'hello';", SL_E_SLOW,
		"--speed-limit" };
	char ca[128];
	struct batch_bench *bench = begin(ca);
	bench->head_ns = 100 * SL_NS_PER_MS;
	tell_one(bench, &head);
	bench->head_ns = 0;
	bench->least_rate = 1000000;
	bench->slow_ns = 100 * SL_NS_PER_MS;
	tell_one(bench, &slow);
	SSL_CTX_free(server.context);
	batch_end(bench);
}

Test(http_h2_peer, what_breaks_the_rules_fails_and_leaves_nothing)
{
	char ca[128];
	struct batch_bench *bench = begin(ca);
	for (size_t i = 0; i < SL_COUNT_OF(lies); i++)
		tell_one(bench, &lies[i]);
	SSL_CTX_free(server.context);
	batch_end(bench);
}
