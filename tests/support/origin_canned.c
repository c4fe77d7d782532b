/*
 * Answers that need no code, byte for byte.
 */
#include "support/origin_exchange.h"

#define LENGTH_ONLY "Content-Length: 5\r\n\r\nhello"

#define CANNED(path, bytes) \
	{ \
		path, bytes, sizeof(bytes) - 1 \
	}
#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED_OK OK "Transfer-Encoding: chunked\r\n\r\n"
#define MOVED "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"

static const struct sl_origin_canned canned[] = {
	CANNED("http09",
		"this is not an answer of HTTP/1.1, and everything that an old server sends\n"),
	CANNED("http2", "HTTP/2 200 OK\r\n" LENGTH_ONLY),
	CANNED("http10", "HTTP/1.0 200 OK\r\n" LENGTH_ONLY),
	CANNED("http17", "HTTP/1.7 200 OK\r\n" LENGTH_ONLY),
	CANNED("ftp", "220 ready\r\n331 user name okay\r\n"),
	CANNED("empty", ""),
	CANNED("halfline", "HTTP/1.1 2"),
	CANNED("halfhead", OK "Content-Le"),
	CANNED("leadingspace", OK " folded: first\r\n" LENGTH_ONLY),
	CANNED("nul", OK "X-Bad: a\0b\r\n" LENGTH_ONLY),
	CANNED("nulname", OK "X-B\0ad: ab\r\n" LENGTH_ONLY),
	CANNED("barecr", OK "X-Bad: a\rb\r\n" LENGTH_ONLY),
	CANNED("nocolon", OK "no colon in this line\r\n" LENGTH_ONLY),
	CANNED("spacecolon", OK "Content-Length : 5\r\n\r\nhello"),
	CANNED("name/space", OK "X Bad: a\r\n folded\r\n" LENGTH_ONLY),
	CANNED("name/colon", OK "X-Bad : a\r\n" LENGTH_ONLY),
	CANNED("name/parenthesis", OK "X-Bad(1): a\r\n" LENGTH_ONLY),
	CANNED("te/identity", OK "Transfer-Encoding: identity\r\n" LENGTH_ONLY),
	CANNED("obsfold", OK "X-Long: one\r\n two\r\n\tthree\r\n" LENGTH_ONLY),
	CANNED("latin1", OK "X-Name: caf\xe9\r\n" LENGTH_ONLY),
	CANNED("noreason", "HTTP/1.1 200\r\n" LENGTH_ONLY),
	CANNED("status/short", "HTTP/1.1 20 OK\r\n" LENGTH_ONLY),
	CANNED("status/long", "HTTP/1.1 2000 OK\r\n" LENGTH_ONLY),
	CANNED("status/word", "HTTP/1.1 two OK\r\n" LENGTH_ONLY),
	CANNED("status/sign", "HTTP/1.1 +20 OK\r\n" LENGTH_ONLY),
	CANNED("status/escape",
		"HTTP/1.1 404 \x1b[31mred\x1b]0;title\x07\r\nContent-Length: 0\r\n\r\n"),
	CANNED("cl/negative", OK "Content-Length: -5\r\n\r\nhello"),
	CANNED("cl/sign", OK "Content-Length: +5\r\n\r\nhello"),
	CANNED("cl/hex", OK "Content-Length: 0x5\r\n\r\nhello"),
	CANNED("cl/word", OK "Content-Length: five\r\n\r\nhello"),
	CANNED("cl/empty", OK "Content-Length:\r\n\r\nhello"),
	CANNED("cl/space", OK "Content-Length: 5 5\r\n\r\nhello"),
	CANNED("cl/overflow", OK "Content-Length: 18446744073709551621\r\n\r\nhello"),
	CANNED("cl/huge", OK "Content-Length: 9223372036854775808\r\n\r\nhello"),
	CANNED("cl/zeros", OK "Content-Length: 0000005\r\n\r\nhello"),
	CANNED("cl/list", OK "Content-Length: 5, 5\r\n\r\nhello"),
	CANNED("cl/listdiffer", OK "Content-Length: 5, 6\r\n\r\nhello"),
	CANNED("dupcl/same", OK "Content-Length: 5\r\n" LENGTH_ONLY),
	CANNED("dupcl/differ", OK "Content-Length: 3\r\n" LENGTH_ONLY),
	CANNED("tecl", OK
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
	CANNED("te/unknown", OK "Transfer-Encoding: sluice\r\n\r\nhello"),
	CANNED("te/gzip", OK "Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
	CANNED("te/notlast", OK "Transfer-Encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
	CANNED("te/twice", OK "Transfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
	CANNED("te/case", OK "transfer-encoding: ChUnKeD\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
	CANNED("te/http10",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
	CANNED("goodchunk/ext", CHUNKED_OK "5;a=b;c=\"d\"\r\nhello\r\n0;last\r\n\r\n"),
	CANNED("goodchunk/trailers",
		CHUNKED_OK "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-End: yes\r\n\r\n"),
	CANNED("goodchunk/zeros", CHUNKED_OK "0005\r\nhello\r\n000\r\n\r\n"),
	CANNED("badchunk/negative", CHUNKED_OK "-5\r\nhello\r\n0\r\n\r\n"),
	CANNED("badchunk/overflow", CHUNKED_OK "10000000000000005\r\nhello\r\n0\r\n\r\n"),
	CANNED("badchunk/huge", CHUNKED_OK "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
	CANNED("badchunk/sign", CHUNKED_OK "+5\r\nhello\r\n0\r\n\r\n"),
	CANNED("badchunk/hex", CHUNKED_OK "0x5\r\nhello\r\n0\r\n\r\n"),
	CANNED("badchunk/space", CHUNKED_OK " 5\r\nhello\r\n0\r\n\r\n"),
	CANNED("badchunk/word", CHUNKED_OK "five\r\nhello\r\n0\r\n\r\n"),
	CANNED("badchunk/empty", CHUNKED_OK "\r\nhello\r\n0\r\n\r\n"),
	CANNED("badchunk/noCRLF", CHUNKED_OK "5\r\nhello0\r\n\r\n"),
	CANNED("badchunk/long", CHUNKED_OK "5\r\nhello, world\r\n0\r\n\r\n"),
	CANNED("badchunk/nul", CHUNKED_OK "5;a=\0\r\nhello\r\n0\r\n\r\n"),
	CANNED("badchunk/barecr", CHUNKED_OK "5\rhello\r\n0\r\n\r\n"),
	CANNED("badchunk/short", CHUNKED_OK "5\r\nhello\r\n"),
	CANNED("badchunk/cut", CHUNKED_OK "5\r\nhel"),
	CANNED("badchunk/nolast", CHUNKED_OK "5\r\nhello\r\n0\r\n"),
	CANNED("location/none", MOVED "\r\n"),
	CANNED("location/blank", MOVED "Location: \r\n\r\n"),
	CANNED("location/same", MOVED "Location: /gen/5/1\r\nLocation: /gen/5/1\r\n\r\n"),
	CANNED("location/differ", MOVED "Location: /gen/5/1\r\nLocation: /gen/5/2\r\n\r\n"),
	CANNED("location/fragment", MOVED "Location: /gen/5/1#part\r\n\r\n"),
	CANNED("location/relative", MOVED "Location: ../gen/5/1\r\n\r\n"),
	CANNED("location/file", MOVED "Location: file:///etc/hostname\r\n\r\n"),
	CANNED("location/ftp", MOVED "Location: ftp://127.0.0.1/x\r\n\r\n"),
	CANNED("location/gopher", MOVED "Location: gopher://127.0.0.1/x\r\n\r\n"),
	CANNED("location/injected",
		MOVED "Location: /echo-headers?%0d%0aX-Injected:%20yes\r\n\r\n"),
	CANNED("location/control", MOVED "Location: /gen/5/1\x01\x7f\r\n\r\n"),
	CANNED("location/space", MOVED "Location: /echo-headers?a b\r\n\r\n"),
	CANNED("location/spacehost", MOVED "Location: http://127.0.0.1 /x\r\n\r\n"),
	CANNED("location/backslash", MOVED "Location: \\gen\\5\\1\r\n\r\n"),
	CANNED("location/tab", MOVED "Location: /ge\tn/5/1\r\n\r\n"),
	CANNED("location/utf8", MOVED "Location: /echo-headers?\xc3\xa4\r\n\r\n"),
	CANNED("location/brackets", MOVED "Location: /echo-headers?[a]\r\n\r\n"),
	CANNED("location/percent", MOVED "Location: /echo-headers?100%\r\n\r\n"),
	CANNED("location/nohost", MOVED "Location: http:///gen/5/1\r\n\r\n"),
	CANNED("206/plain",
		"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/5\r\n" LENGTH_ONLY),
	CANNED("206/part",
		"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/10\r\n" LENGTH_ONLY),
	CANNED("206/norange", "HTTP/1.1 206 Partial Content\r\n" LENGTH_ONLY),
	CANNED("206/multipart",
		"HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=b\r\n"
		"Content-Length: 53\r\n\r\n--b\r\nContent-Range: bytes "
		"0-4/5\r\n\r\nhello\r\n--b--\r\n    "),
	CANNED("200range", OK "Content-Range: bytes 0-4/10\r\n" LENGTH_ONLY),
	CANNED("204body", "HTTP/1.1 204 No Content\r\n" LENGTH_ONLY),
	CANNED("304body", "HTTP/1.1 304 Not Modified\r\n" LENGTH_ONLY),
	CANNED("101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: sluice\r\nConnection: "
		      "Upgrade\r\n\r\nhello"),
	CANNED("gzip", OK "Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n"
			  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86"
			  "\xa6\x10\x36\x05\x00\x00\x00"),
	CANNED("lf", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
};

const struct sl_origin_canned *
sl_origin_canned_find(const char *path)
{
	for (size_t i = 0; i < SL_COUNT_OF(canned); i++)
		if (strcmp(canned[i].path, path) == 0)
			return &canned[i];
	return NULL;
}

void
sl_origin_canned_help(FILE *to)
{
	fprintf(to, "fixed answers, the connection is closed behind them:\n");
	for (size_t i = 0; i < SL_COUNT_OF(canned); i++)
		fprintf(to, "  /%s\n", canned[i].path);
}
