/*
 * Heads and bodies in the shapes that an exchange asks for.
 */
#include "support/origin_body.h"
#include "support/origin_exchange.h"

#include <time.h>
#include <unistd.h>

bool
sl_origin_body_read(const struct sl_origin_exchange *x, const struct sl_origin_body *body,
	uint64_t off, char *to, size_t len)
{
	if (body->text) {
		memcpy(to, body->text + off, len);
	} else if (body->fd < 0) {
		sl_origin_body_fill(body->seed, off, to, len);
		if (x->has_flipped && x->flipped_at >= off && x->flipped_at - off < len)
			to[x->flipped_at - off] ^= 1;
	} else {
		while (len > 0) {
			ssize_t n = pread(body->fd, to, len, (off_t)off);

			if (n <= 0)
				return false;
			to += n;
			off += (uint64_t)n;
			len -= (size_t)n;
		}
	}
	return true;
}

static void
put_chunk(struct sl_origin_exchange *x, const char *data, size_t len)
{
	if (x->framing == SL_ORIGIN_CHUNKED)
		sl_wire_printf(x->wire, "%zx\r\n", len);
	sl_wire_put(x->wire, data, len);
	if (x->framing == SL_ORIGIN_CHUNKED)
		sl_wire_put(x->wire, "\r\n", 2);
}

void
sl_origin_wait_gate(struct sl_origin_exchange *x, const char *gate)
{
	while (!x->wire->broken && !sl_origin_gate_is_open(x->origin, gate))
		sl_wire_pause(x->wire, 10);
}

/* Bytes [begin, end) of the answer's body. False if they could not be read. */
static bool
put_bytes(struct sl_origin_exchange *x, const struct sl_origin_body *body, uint64_t begin,
	uint64_t end)
{
	char block[128 * SL_KIB];

	while (begin < end && !x->wire->broken) {
		size_t len = (size_t)SL_MIN((uint64_t)sizeof(block), end - begin);

		if (!sl_origin_body_read(x, body, body->off + begin, block, len)) {
			x->ending = SL_ORIGIN_RESET;
			return false;
		}
		put_chunk(x, block, len);
		begin += len;
	}
	return true;
}

/* Where the body of `size` bytes really ends. */
static uint64_t
cut_offset(const struct sl_origin_exchange *x, uint64_t size)
{
	switch (x->cut) {
	case SL_ORIGIN_CUT_STALL:
		return size > 0 ? size - 1 : 0;
	case SL_ORIGIN_CUT_RESET:
	case SL_ORIGIN_CUT_CLOSE:
		return SL_MIN(x->cut_at, size);
	default:
		return size;
	}
}

static void
cut_off(struct sl_origin_exchange *x)
{
	if (x->cut == SL_ORIGIN_CUT_CLOSE) {
		x->ending = SL_ORIGIN_CLOSE;
		return;
	}
	/* Before a RST, what was sent must arrive: it throws the rest away. */
	sl_wire_pause(x->wire, x->cut == SL_ORIGIN_CUT_STALL ? SL_ORIGIN_FOREVER_MS : 50);
	x->ending = SL_ORIGIN_RESET;
}

/*
 * Bytes [0, size) of the body, whatever was announced.
 *
 * The last byte of an answer that counts for a limit stays in the wire's buffer until the request
 * has left the limit: a client that has all of the answer is not refused because of it.
 */
void
sl_origin_put_body(struct sl_origin_exchange *x, const struct sl_origin_body *body, uint64_t size)
{
	uint64_t end = cut_offset(x, size);
	uint64_t gate_at = x->gate[0] ? SL_MIN(size / 2, end) : 0;
	uint64_t last_at = x->is_limited && end > gate_at ? end - 1 : end;

	if (!put_bytes(x, body, 0, gate_at))
		return;
	if (x->gate[0] && size > 0)
		sl_origin_wait_gate(x, x->gate);
	if (!put_bytes(x, body, gate_at, last_at))
		return;
	if (x->is_limited)
		sl_wire_flush(x->wire);
	if (!put_bytes(x, body, last_at, end))
		return;
	if (x->cut != SL_ORIGIN_CUT_NONE)
		cut_off(x);
	else if (x->framing == SL_ORIGIN_CHUNKED)
		sl_wire_put(x->wire, "0\r\n\r\n", 5);
}

static const char *
reason(unsigned status)
{
	switch (status) {
	case 200:
		return "OK";
	case 204:
		return "No Content";
	case 206:
		return "Partial Content";
	case 301:
		return "Moved Permanently";
	case 302:
		return "Found";
	case 304:
		return "Not Modified";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 416:
		return "Range Not Satisfiable";
	case 429:
		return "Too Many Requests";
	case 503:
		return "Service Unavailable";
	default:
		return "As Asked";
	}
}

/* A 304 has the ETag, else the time: nothing else about the resource (RFC 9110, 15.4.5). Neither it
 * nor a 204 has a body to be framed. */
void
sl_origin_put_head(struct sl_origin_exchange *x, unsigned status, uint64_t announced)
{
	struct sl_wire *wire = x->wire;
	bool has_body = status != 204 && status != 304;

	sl_wire_printf(wire, "HTTP/1.1 %u %s%s", status, reason(status), x->eol);
	sl_wire_put(wire, x->headers.data, x->headers.len);
	if (x->etag[0])
		sl_wire_printf(wire, "ETag: %s%s", x->etag, x->eol);
	if (x->last_modified[0] && (status != 304 || !x->etag[0]))
		sl_wire_printf(wire, "Last-Modified: %s%s", x->last_modified, x->eol);
	if (has_body && x->framing == SL_ORIGIN_CHUNKED)
		sl_wire_printf(wire, "Transfer-Encoding: chunked%s", x->eol);
	else if (x->framing == SL_ORIGIN_UNTIL_CLOSE)
		x->ending = SL_MAX(x->ending, SL_ORIGIN_CLOSE);
	else if (has_body)
		sl_wire_printf(
			wire, "Content-Length: %llu%s", (unsigned long long)announced, x->eol);
	if (x->ending != SL_ORIGIN_KEEP)
		sl_wire_printf(wire, "Connection: close%s", x->eol);
	sl_wire_put(wire, x->eol, strlen(x->eol));
}

void
sl_origin_answer(struct sl_origin_exchange *x, unsigned status, const struct sl_origin_body *body)
{
	sl_origin_put_head(x, status, body->size);
	if (!x->head_only && status != 204 && status != 304)
		sl_origin_put_body(x, body, body->size);
}

void
sl_origin_answer_text(struct sl_origin_exchange *x, unsigned status, const char *text, size_t len)
{
	sl_origin_answer(
		x, status, &(struct sl_origin_body){ .size = len, .text = text, .fd = -1 });
}

void
sl_origin_add_header(struct sl_origin_exchange *x, const char *name, const char *value)
{
	sl_buf_printf(&x->headers, "%s: %s%s", name, value, x->eol);
}

void
sl_origin_set_etag(struct sl_origin_exchange *x, const char *word)
{
	bool weak = strncmp(word, "weak-", 5) == 0;

	snprintf(x->etag, sizeof(x->etag), "%s\"%s\"", weak ? "W/" : "", word + (weak ? 5 : 0));
}

void
sl_origin_set_last_modified(struct sl_origin_exchange *x, time_t when)
{
	struct tm utc;

	if (!gmtime_r(&when, &utc) || strftime(x->last_modified, sizeof(x->last_modified),
					      "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0)
		x->last_modified[0] = '\0';
}
