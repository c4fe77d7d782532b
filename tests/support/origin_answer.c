/*
 * Heads and bodies in the shapes that an exchange asks for.
 */
#include "support/origin_body.h"
#include "support/origin_exchange.h"

#include <time.h>
#include <unistd.h>

/* False if the file is shorter than it was. */
static bool
body_read(const struct sl_origin_body *body, uint64_t off, char *to, size_t len)
{
	if (body->text)
		memcpy(to, body->text + off, len);
	else if (body->fd < 0)
		sl_origin_body_fill(body->seed, off, to, len);
	else
		while (len > 0) {
			ssize_t n = pread(body->fd, to, len, (off_t)off);

			if (n <= 0)
				return false;
			to += n;
			off += (uint64_t)n;
			len -= (size_t)n;
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

static void
wait_at_gate(struct sl_origin_exchange *x)
{
	while (!x->wire->broken && !sl_origin_gate_is_open(x->origin, x->gate))
		sl_wire_pause(x->wire, 10);
}

/* Bytes [0, size) of the body, whatever was announced. */
void
sl_origin_put_body(struct sl_origin_exchange *x, const struct sl_origin_body *body, uint64_t size)
{
	char block[128 * SL_KIB];
	uint64_t gate_at = x->gate[0] ? size / 2 : UINT64_MAX;

	for (uint64_t off = 0; off < size && !x->wire->broken;) {
		size_t len = (size_t)SL_MIN((uint64_t)sizeof(block), size - off);

		if (off >= gate_at) {
			wait_at_gate(x);
			gate_at = UINT64_MAX;
		} else if (gate_at < off + len) {
			len = (size_t)(gate_at - off);
		}
		if (!body_read(body, off, block, len)) {
			x->ending = SL_ORIGIN_RESET;
			return;
		}
		put_chunk(x, block, len);
		off += len;
	}
	if (x->framing == SL_ORIGIN_CHUNKED)
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
	case 429:
		return "Too Many Requests";
	case 503:
		return "Service Unavailable";
	default:
		return "As Asked";
	}
}

void
sl_origin_put_head(struct sl_origin_exchange *x, unsigned status, uint64_t announced)
{
	struct sl_wire *wire = x->wire;

	sl_wire_printf(wire, "HTTP/1.1 %u %s%s", status, reason(status), x->eol);
	sl_wire_put(wire, x->headers.data, x->headers.len);
	if (x->framing == SL_ORIGIN_CHUNKED)
		sl_wire_printf(wire, "Transfer-Encoding: chunked%s", x->eol);
	else if (x->framing == SL_ORIGIN_UNTIL_CLOSE)
		x->ending = SL_MAX(x->ending, SL_ORIGIN_CLOSE);
	else if (status != 204 && status != 304)
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
sl_origin_add_date(struct sl_origin_exchange *x, const char *name, time_t when)
{
	char text[64];
	struct tm utc;

	if (gmtime_r(&when, &utc) &&
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc) > 0)
		sl_origin_add_header(x, name, text);
}
