/*
 * Answers that are broken off, untrue about their length, or endless.
 */
#include "support/origin_exchange.h"

/* What a client must not be made to read without end: the endless scripts stop there. */
#define FLOOD_BYTES (64 * SL_MIB)

#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED_OK OK "Transfer-Encoding: chunked\r\n\r\n"
#define LENGTH_ONLY "Content-Length: 5\r\n\r\nhello"

/* A body of `announced` bytes of which `sent` follow. */
static void
lie(struct sl_origin_exchange *x, uint64_t announced, uint64_t sent)
{
	sl_origin_put_head(x, 200, announced);
	sl_origin_put_body(x, &(struct sl_origin_body){ .size = sent, .fd = -1, .seed = 1 }, sent);
}

static void
serve_short(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	lie(x, args->n[1], args->n[0]);
	x->ending = SL_ORIGIN_CLOSE;
}

static void
serve_long(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	lie(x, args->n[0], args->n[1]);
}

static void
serve_reset(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	lie(x, args->n[1], args->n[0]);
	/* What was sent must arrive before the RST throws the rest away. */
	sl_wire_pause(x->wire, 50);
	x->ending = SL_ORIGIN_RESET;
}

static void
serve_stall(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	lie(x, args->n[1], args->n[0]);
	sl_wire_pause(x->wire, SL_ORIGIN_FOREVER_MS);
	x->ending = SL_ORIGIN_RESET;
}

static void
serve_stall_head(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	sl_wire_printf(x->wire, OK "Content-Le");
	sl_wire_pause(x->wire, SL_ORIGIN_FOREVER_MS);
	x->ending = SL_ORIGIN_RESET;
}

static void
serve_no_answer(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	sl_wire_pause(x->wire, SL_ORIGIN_FOREVER_MS);
	x->ending = SL_ORIGIN_RESET;
}

static void
serve_reset_head(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	static const char head[] = OK "Content-Length: 5\r\n\r\n";

	sl_wire_put(x->wire, head, (size_t)SL_MIN(args->n[0], (uint64_t)sizeof(head) - 1));
	sl_wire_pause(x->wire, 50);
	x->ending = SL_ORIGIN_RESET;
}

static void
serve_close(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->framing = SL_ORIGIN_UNTIL_CLOSE;
	lie(x, 0, args->n[0]);
}

static void
serve_truncate(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->framing = SL_ORIGIN_UNTIL_CLOSE;
	x->ending = SL_ORIGIN_NO_NOTIFY;
	lie(x, 0, args->n[0]);
}

/* ---- floods ---- */

struct flood {
	const char *kind, *start, *filling;
	uint64_t bytes; /* of filling, at least */
	const char *end;
};

static const struct flood floods[] = {
	{ "fits-line", OK "X-A: ", "a", 60 * SL_KIB, "\r\n" LENGTH_ONLY },
	{ "fits-count", OK, "X-A: b\r\n", 900 * 8, LENGTH_ONLY },
	{ "line", OK "X-A: ", "a", 100 * SL_KIB, "\r\n" LENGTH_ONLY },
	{ "total", OK, "X-A: " B64 B64 B64 B64 B64 "\r\n", 300 * SL_KIB, LENGTH_ONLY },
	{ "count", OK, "X-A: b\r\n", 1100 * 8, LENGTH_ONLY },
	{ "headers", OK, "X-A: b\r\n", FLOOD_BYTES, "" },
	{ "header", OK "X-A: ", B64, FLOOD_BYTES, "" },
	{ "status", "HTTP/1.1 200 ", B64, FLOOD_BYTES, "" },
	{ "1xx", "", "HTTP/1.1 100 Continue\r\n\r\n", FLOOD_BYTES, "" },
	{ "crlf", "", "\r\n\r\n\r\n\r\n", FLOOD_BYTES, "" },
	{ "ext", CHUNKED_OK "5;", B64, FLOOD_BYTES, "" },
	{ "exts", CHUNKED_OK, "1;a=" B64 "\r\nx\r\n", FLOOD_BYTES, "" },
	{ "size", CHUNKED_OK, "0000000000000000000000000000000000000000", FLOOD_BYTES, "" },
	{ "trailers", CHUNKED_OK "5\r\nhello\r\n0\r\n", "X-A: b\r\n", FLOOD_BYTES, "" },
	{ "trailer", CHUNKED_OK "5\r\nhello\r\n0\r\nX-A: ", B64, FLOOD_BYTES, "" },
};

static void
put_repeated(struct sl_origin_exchange *x, const char *text, uint64_t bytes)
{
	size_t len = strlen(text);

	for (uint64_t sent = 0; sent < bytes && !x->wire->broken; sent += len)
		sl_wire_put(x->wire, text, len);
}

static void
serve_flood(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	static const char unknown[] = "no such kind of flood\n";

	x->ending = SL_ORIGIN_CLOSE;
	for (size_t i = 0; i < SL_COUNT_OF(floods); i++)
		if (strcmp(floods[i].kind, args->w[0]) == 0) {
			sl_wire_put(x->wire, floods[i].start, strlen(floods[i].start));
			put_repeated(x, floods[i].filling, floods[i].bytes);
			sl_wire_put(x->wire, floods[i].end, strlen(floods[i].end));
			return;
		}
	sl_origin_answer_text(x, 500, unknown, sizeof(unknown) - 1);
}

static void
serve_garbage(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->framing = SL_ORIGIN_UNTIL_CLOSE;
	x->ending = SL_ORIGIN_CLOSE;
	sl_origin_put_body(
		x, &(struct sl_origin_body){ .size = args->n[0], .fd = -1, .seed = 3 }, args->n[0]);
}

const struct sl_origin_route sl_origin_lie_routes[] = {
	{ "short", "nn", serve_short, "/SENT/ANNOUNCED: closes before the end" },
	{ "long", "nn", serve_long, "/ANNOUNCED/SENT: more than announced" },
	{ "reset", "nn", serve_reset, "/SENT/ANNOUNCED: RST in the body" },
	{ "reset-head", "n", serve_reset_head, "/SENT: RST in the head" },
	{ "stall", "nn", serve_stall, "/SENT/ANNOUNCED: then nothing more" },
	{ "stallhead", "", serve_stall_head, ": half a head, then nothing" },
	{ "noanswer", "", serve_no_answer, ": nothing at all" },
	{ "close", "n", serve_close, "/SIZE: the end of the connection is the end of the body" },
	{ "truncate", "n", serve_truncate, "/SIZE: as close, over TLS without close_notify" },
	{ "flood", "w", serve_flood,
		"/KIND: heads of fits-line, fits-count, line, total, count; up to 64 MiB of "
		"headers, header, status, 1xx, crlf, ext, exts, size, trailers, trailer" },
	{ "garbage", "n", serve_garbage, "/SIZE: random bytes instead of an answer" },
	{ 0 },
};
