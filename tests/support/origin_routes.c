/*
 * What each path does. A path is a list of segments; each route takes its name and its arguments
 * from the front. Shapes (marked with "/...") change how the answer will be sent and route what is
 * left; the others answer. The table here holds the plain ones; origin_lies.c, origin_ranges.c,
 * origin_conditions.c, origin_nth.c, origin_auth.c, origin_sigv4.c and origin_cookies.c have
 * tables of their own.
 */
#include "support/origin_exchange.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH 32

static void
serve_rest(struct sl_origin_exchange *x)
{
	sl_origin_route(x);
}

static void
percent_decode(const char *text, struct sl_buf *out)
{
	for (; *text; text++) {
		int high = *text == '%' ? sl_hex_digit((unsigned char)text[1]) : -1;
		int low = high >= 0 ? sl_hex_digit((unsigned char)text[2]) : -1;

		if (low >= 0) {
			sl_buf_add_char(out, (char)(high * 16 + low));
			text += 2;
		} else {
			sl_buf_add_char(out, *text);
		}
	}
}

/* ---- good answers ---- */

static void
serve_gen(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	sl_origin_answer_resource(x, &(struct sl_origin_body){ .size = args->n[0] + x->more_size,
					     .fd = -1,
					     .seed = args->n[1] + x->more_seed });
}

static void
serve_file(struct sl_origin_exchange *x)
{
	struct sl_origin_body body = { .fd = -1 };
	struct sl_buf path = { 0 };
	struct stat st;

	percent_decode(x->rest, &path);
	body.fd = sl_origin_open_file(x->origin, path.data ? path.data : "");
	sl_buf_release(&path);
	if (body.fd < 0 || fstat(body.fd, &st) < 0) {
		sl_origin_answer_text(x, body.fd == -EACCES ? 403 : 404, "no such file\n", 13);
		return;
	}
	body.size = (uint64_t)st.st_size;
	if (!x->last_modified[0])
		sl_origin_set_last_modified(x, st.st_mtime);
	sl_origin_answer_resource(x, &body);
	close(body.fd);
}

static void
serve_echo_headers(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	sl_origin_answer_text(x, 200, x->head.data, x->head.len);
}

static void
serve_count(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	struct sl_buf text = { 0 };

	sl_origin_count(x->origin, strcmp(args->w[0], "all") == 0 ? "" : args->w[0], &text);
	sl_origin_answer_text(x, 200, text.data, text.len);
	sl_buf_release(&text);
}

static void
serve_count_reset(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	sl_origin_count_reset(x->origin);
	sl_origin_answer_text(x, 200, "reset\n", 6);
}

static void
serve_open(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	sl_origin_gate_open(x->origin, args->w[0]);
	sl_origin_answer_text(x, 200, "open\n", 5);
}

/* ---- statuses and redirects ---- */

static void
serve_status(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	static const char text[] = "this is not the file\n";
	unsigned status = (unsigned)(args->n[0] % 1000);

	if (status == 401)
		sl_origin_add_header(x, "WWW-Authenticate", "Basic realm=\"tests\"");
	if (status == 407)
		sl_origin_add_header(x, "Proxy-Authenticate", "Basic realm=\"tests\"");
	sl_origin_answer_text(x, status, text, sizeof(text) - 1);
}

void
sl_origin_redirect(struct sl_origin_exchange *x, unsigned status, const char *location)
{
	/* A body, as real servers send one: it has to be read or the connection dropped. */
	static const char text[] = "<html>moved</html>\n";

	sl_origin_add_header(x, "Location", location);
	sl_origin_answer_text(x, status, text, sizeof(text) - 1);
}

static void
redirect_path(struct sl_origin_exchange *x, unsigned status, const char *prefix, const char *path)
{
	struct sl_buf location = { 0 };

	sl_buf_printf(&location, "%s/%s", prefix, path);
	if (x->query[0])
		sl_buf_printf(&location, "?%s", x->query);
	sl_origin_redirect(x, status, location.data);
	sl_buf_release(&location);
}

static void
serve_redirect(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	redirect_path(x, (unsigned)(args->n[0] % 1000), "", x->rest);
}

static void
serve_loop(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	sl_origin_redirect(x, 302, "/loop");
}

static void
serve_hops(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	char prefix[32] = "";

	if (args->n[0] == 0) {
		serve_rest(x);
		return;
	}
	if (args->n[0] > 1)
		snprintf(prefix, sizeof(prefix), "/hops/%llu", (unsigned long long)args->n[0] - 1);
	redirect_path(x, 302, prefix, x->rest);
}

static void
serve_wall(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	char prefix[32];

	if (x->on_connection > args->n[0]) {
		serve_rest(x);
		return;
	}
	snprintf(prefix, sizeof(prefix), "/wall/%llu", (unsigned long long)args->n[0]);
	redirect_path(x, 302, prefix, x->rest);
}

/* The bytes of "url=" in the query, percent-decoded: they may be any bytes at all. */
static void
serve_redirect_to(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	struct sl_buf url = { 0 };

	percent_decode(strncmp(x->query, "url=", 4) == 0 ? x->query + 4 : "", &url);
	sl_origin_redirect(x, 302, url.data ? url.data : "");
	sl_buf_release(&url);
}

static void
serve_location_long(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	struct sl_buf path = { 0 };

	for (uint64_t i = 0; i < args->n[0]; i++)
		sl_buf_add_char(&path, 'a');
	redirect_path(x, 302, "/gen/5/1", path.data);
	sl_buf_release(&path);
}

/* ---- shapes ---- */

static void
shape_slow(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->wire->rate_bytes_s = args->n[0];
	serve_rest(x);
}

static void
shape_slow_link(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->wire->slow_link = true;
	shape_slow(x, args);
}

static void
shape_drip(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	x->wire->drip = true;
	serve_rest(x);
}

static void
shape_after(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	sl_wire_pause(x->wire, (int)SL_MIN(args->n[0], (uint64_t)SL_ORIGIN_FOREVER_MS));
	serve_rest(x);
}

static void
shape_gate(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	snprintf(x->gate, sizeof(x->gate), "%s", args->w[0]);
	serve_rest(x);
}

static void
shape_chunked(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	x->framing = SL_ORIGIN_CHUNKED;
	serve_rest(x);
}

static void
shape_until_close(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	x->framing = SL_ORIGIN_UNTIL_CLOSE;
	serve_rest(x);
}

static void
shape_last(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	x->ending = SL_ORIGIN_CLOSE;
	serve_rest(x);
}

static void
shape_no_notify(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	x->ending = SL_ORIGIN_NO_NOTIFY;
	serve_rest(x);
}

static void
shape_line_feeds(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	x->eol = "\n";
	serve_rest(x);
}

static void
shape_1xx(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	for (uint64_t i = 0; i < args->n[0] && !x->wire->broken; i++)
		sl_wire_printf(
			x->wire, "HTTP/1.1 %d Wait\r\nX-Hint: yes\r\n\r\n", i % 2 ? 103 : 100);
	serve_rest(x);
}

static void
shape_header(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	struct sl_buf value = { 0 };

	percent_decode(args->w[1], &value);
	sl_origin_add_header(x, args->w[0], value.data ? value.data : "");
	sl_buf_release(&value);
	serve_rest(x);
}

static void
shape_coded(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	sl_origin_add_header(x, "Content-Encoding", args->w[0]);
	serve_rest(x);
}

static void
shape_etag(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	sl_origin_set_etag(x, args->w[0]);
	serve_rest(x);
}

static void
shape_last_modified(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	sl_origin_set_last_modified(x, (time_t)args->n[0]);
	serve_rest(x);
}

static void
shape_tag(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	sl_origin_tag_begin(x, args->w[0]);
	serve_rest(x);
}

static void
shape_keepalive_close(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (x->on_connection == args->n[0])
		x->ending = SL_ORIGIN_CLOSE;
	else
		serve_rest(x);
}

/* Basic credentials of RFC 7617, compared as the client has to write them. */
static void
shape_auth(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	char plain[2 * SL_ORIGIN_WORD + 2], coded[sizeof(plain) * 2], line[sizeof(coded) + 32];
	int len = snprintf(plain, sizeof(plain), "%s:%s", args->w[0], args->w[1]);

	EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)plain, len);
	snprintf(line, sizeof(line), "\r\nAuthorization: Basic %s\r\n", coded);
	if (strcasestr(x->head.data, line))
		serve_rest(x);
	else
		serve_status(x, &(struct sl_origin_args){ .n = { 401 } });
}

/* HEAD as servers answer it that generate their bodies: with the head of another answer. */
static void
shape_other_head(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (x->head_only)
		serve_gen(x, &(struct sl_origin_args){ .n = { args->n[0], 1 } });
	else
		serve_rest(x);
}

/* HEAD as servers without it answer it; with 0, as those that do not count for it. */
static void
shape_no_head(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (x->head_only && args->n[0] != 0) {
		serve_status(x, args);
		return;
	}
	if (x->head_only)
		x->framing = SL_ORIGIN_CHUNKED;
	serve_rest(x);
}

/* A server that sends the body of a HEAD, too, but only once the next request has come: no client
 * can see it before. It looks like an answer, with as many bytes as /gen/10/1 has. */
static void
shape_late_body(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	serve_rest(x);
	if (!x->head_only)
		return;
	sl_wire_flush(x->wire);
	if (sl_wire_receive(x->wire, SL_ORIGIN_FOREVER_MS))
		sl_wire_printf(x->wire, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nnot a file");
}

/* As if the next route was not in the path. */
static void serve_without_next(struct sl_origin_exchange *x);

static void
shape_only(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (sl_origin_turn(x).request == args->n[0])
		serve_rest(x);
	else
		serve_without_next(x);
}

static void
shape_from(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (sl_origin_turn(x).request >= args->n[0])
		serve_rest(x);
	else
		serve_without_next(x);
}

static const struct sl_origin_route routes[] = {
	{ "gen", "nn", serve_gen, "/SIZE/SEED[/NAME]: a generated body" },
	{ "echo-headers", "", serve_echo_headers, ": the head of the request is the body" },
	{ "count", "w", serve_count, "/TAG: JSON of the tag's counters; 'all' = of everything" },
	{ "count-reset", "", serve_count_reset, ": forget maxima and totals" },
	{ "open", "w", serve_open, "/NAME: open the gate" },
	{ "status", "n", serve_status, "/CODE: this status with a small body" },
	{ "redirect", "n", serve_redirect, "/CODE/PATH: to PATH" },
	{ "wall", "n", serve_wall,
		"/N/PATH: 302 to itself for the first N requests of a connection, then PATH" },
	{ "redirect-to", "", serve_redirect_to, "?url=URL (percent-coded bytes): 302 to it" },
	{ "loop", "", serve_loop, ": 302 to itself" },
	{ "hops", "n", serve_hops, "/N/PATH: N redirects, then PATH" },
	{ "location-long", "n", serve_location_long, "/N: 302 to a path of N more bytes" },
	{ "slow", "n", shape_slow, "/BYTES_PER_S/..." },
	{ "slow-link", "n", shape_slow_link,
		"/BYTES_PER_S/...: over TLS large records come slowly" },
	{ "drip", "", shape_drip, "/...: every byte its own segment" },
	{ "after", "n", shape_after, "/MS/...: wait before answering" },
	{ "gate", "w", shape_gate,
		"/NAME/...: half of the body, the rest once /open/NAME was asked for" },
	{ "chunked", "", shape_chunked, "/..." },
	{ "untilclose", "", shape_until_close, "/...: delimited by the end of the connection" },
	{ "last", "", shape_last, "/...: with 'Connection: close'" },
	{ "nonotify", "", shape_no_notify, "/...: the connection ends without close_notify" },
	{ "linefeeds", "", shape_line_feeds, "/...: head lines end in LF" },
	{ "nohead", "n", shape_no_head,
		"/CODE/...: HEAD is answered with CODE, or with 0 without a length" },
	{ "otherhead", "n", shape_other_head,
		"/SIZE/...: HEAD is answered as /gen/SIZE/1 would be" },
	{ "latebody", "", shape_late_body,
		"/...: HEAD is answered with a body, once the next request has come" },
	{ "1xx", "n", shape_1xx, "/N/...: N informational answers first" },
	{ "header", "ww", shape_header, "/NAME/VALUE/...: one more header, VALUE percent-decoded" },
	{ "coded", "w", shape_coded, "/CODING/...: Content-Encoding, the body as it is" },
	{ "etag", "w", shape_etag, "/WORD/...: ETag; 'weak-WORD' a weak one" },
	{ "lm", "n", shape_last_modified, "/UNIX_SECONDS/...: Last-Modified" },
	{ "tag", "w", shape_tag, "/TAG/...: counted under the tag" },
	{ "keepalive-close", "n", shape_keepalive_close,
		"/N/...: closes instead of answering the Nth request of a connection" },
	{ "auth", "ww", shape_auth, "/USER/PASSWORD/...: 401 without these Basic credentials" },
	{ "only", "n", shape_only,
		"/K/ROUTE/...: ROUTE for the Kth request of the path, the others as if it was not "
		"there" },
	{ "from", "n", shape_from, "/K/ROUTE/...: the same from the Kth request on" },
	{ 0 },
};

static const struct sl_origin_route *const tables[] = { routes, sl_origin_lie_routes,
	sl_origin_range_routes, sl_origin_condition_routes, sl_origin_nth_routes,
	sl_origin_auth_routes, sl_origin_sigv4_routes, sl_origin_cookie_routes };

/* The next segment of x->rest, cut off; false if it is empty or too long. */
static bool
take_segment(struct sl_origin_exchange *x, char word[SL_ORIGIN_WORD])
{
	size_t len = strcspn(x->rest, "/");

	if (len == 0 || len >= SL_ORIGIN_WORD)
		return false;
	memcpy(word, x->rest, len);
	word[len] = '\0';
	x->rest += len;
	if (*x->rest == '/')
		x->rest++;
	return true;
}

static bool
take_args(struct sl_origin_exchange *x, const struct sl_origin_route *route,
	struct sl_origin_args *args)
{
	const char *kinds = route->kinds;

	args->name = route->name;
	for (size_t i = 0; kinds[i]; i++) {
		if (!take_segment(x, args->w[i]))
			return false;
		if (kinds[i] == 'n' && !sl_parse_u64(args->w[i], strlen(args->w[i]), &args->n[i]))
			return false;
	}
	return true;
}

static const struct sl_origin_route *
find_route(const char *path)
{
	size_t len = strcspn(path, "/");

	for (size_t i = 0; i < SL_COUNT_OF(tables); i++)
		for (const struct sl_origin_route *route = tables[i]; route->name; route++)
			if (strlen(route->name) == len && memcmp(route->name, path, len) == 0)
				return route;
	return NULL;
}

static void
serve_without_next(struct sl_origin_exchange *x)
{
	static const char text[] = "no route to leave out\n";
	const struct sl_origin_route *route = find_route(x->rest);
	struct sl_origin_args args = { 0 };
	char name[SL_ORIGIN_WORD];

	if (route && take_segment(x, name) && take_args(x, route, &args))
		serve_rest(x);
	else
		sl_origin_answer_text(x, 500, text, sizeof(text) - 1);
}

void
sl_origin_route(struct sl_origin_exchange *x)
{
	const struct sl_origin_canned *text = sl_origin_canned_find(x->rest);
	const struct sl_origin_route *route = find_route(x->rest);
	char name[SL_ORIGIN_WORD];
	struct sl_origin_args args = { 0 };

	if (text) {
		sl_wire_put(x->wire, text->bytes, text->len);
		x->ending = SL_MAX(x->ending, SL_ORIGIN_CLOSE);
	} else if (!route) {
		serve_file(x);
	} else if (++x->depth > MAX_DEPTH || !take_segment(x, name) ||
		   !take_args(x, route, &args)) {
		sl_origin_answer_text(x, 500, route->usage, strlen(route->usage));
	} else {
		route->serve(x, &args);
	}
}

void
sl_origin_help(FILE *to)
{
	fprintf(to, "paths (those that end in '...' shape the answer of the path behind them):\n");
	for (size_t i = 0; i < SL_COUNT_OF(tables); i++)
		for (const struct sl_origin_route *route = tables[i]; route->name; route++)
			fprintf(to, "  /%s%s\n", route->name, route->usage);
	sl_origin_canned_help(to);
	fprintf(to, "any other path names a file of the served directory\n");
}
