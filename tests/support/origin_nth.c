/*
 * Shapes whose answer depends on the requests before: the Nth request of a path or of a connection,
 * how many are being answered, how often a token was used.
 *
 * "The path" is the whole path of the request, without the query: a /tag/WORD in front makes it
 * another one. Its requests are counted from 1, GET only; a HEAD is answered as the next GET would
 * be. A request that a shape in front has answered (429, 403) is not counted.
 */
#include "support/origin_exchange.h"

#include "sluice/base/number.h"

/* Last-Modified of the versions of a resource. */
#define VERSION_TIME 1000000000
#define VERSION_STEP 1000

struct sl_origin_turn
sl_origin_turn(struct sl_origin_exchange *x)
{
	struct sl_span value;

	if (x->turn.request == 0)
		x->turn = sl_origin_state_count(
			x->state, x->path, sl_origin_find_header(x, "Range", &value), x->head_only);
	return x->turn;
}

/* ---- versions ---- */

static void
set_version(struct sl_origin_exchange *x, unsigned version)
{
	sl_origin_set_etag(x, version == 1 ? "version-1" : "version-2");
	sl_origin_set_last_modified(x, VERSION_TIME + (time_t)version * VERSION_STEP);
}

static void
shape_change(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	bool changed = sl_origin_turn(x).request >= args->n[0];

	set_version(x, changed ? 2 : 1);
	x->more_seed = changed ? 1 : 0;
	sl_origin_route(x);
}

static void
shape_grow(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	bool grown = sl_origin_turn(x).request >= args->n[0];

	set_version(x, grown ? 2 : 1);
	x->more_size = grown ? args->n[1] : 0;
	sl_origin_route(x);
}

static void
shape_flip_etag(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	sl_origin_set_etag(x, sl_origin_turn(x).request >= args->n[0] ? "flipped" : "first");
	sl_origin_route(x);
}

static void
shape_alternate(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	sl_origin_set_etag(x, sl_origin_turn(x).request % 2 ? "node-1" : "node-2");
	sl_origin_route(x);
}

static void
shape_flip_byte(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->has_flipped = true;
	x->flipped_at = args->n[0];
	sl_origin_route(x);
}

static void
shape_flip_byte_nth(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->has_flipped = sl_origin_turn(x).request == args->n[0];
	x->flipped_at = args->n[1];
	sl_origin_route(x);
}

/* ---- broken, late and doubled answers ---- */

static void
shape_stall_nth(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (sl_origin_turn(x).request == args->n[0] && !x->head_only)
		x->cut = SL_ORIGIN_CUT_STALL;
	sl_origin_route(x);
}

static void
shape_reset_nth(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (sl_origin_turn(x).request == args->n[0] && !x->head_only) {
		x->cut = SL_ORIGIN_CUT_RESET;
		x->cut_at = args->n[1];
	}
	sl_origin_route(x);
}

static void
shape_short_first(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (sl_origin_turn(x).request <= args->n[0] && !x->head_only) {
		x->cut = SL_ORIGIN_CUT_CLOSE;
		x->cut_at = args->n[1];
	}
	sl_origin_route(x);
}

static void
shape_slow_nth(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (sl_origin_turn(x).request == args->n[0])
		x->wire->rate_bytes_s = args->n[1];
	sl_origin_route(x);
}

static void
shape_late_nth(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (x->on_connection == args->n[0])
		sl_wire_pause(x->wire, (int)SL_MIN(args->n[1], (uint64_t)SL_ORIGIN_FOREVER_MS));
	sl_origin_route(x);
}

static void
shape_hold_nth(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	if (x->on_connection == args->n[0])
		sl_origin_wait_gate(x, args->w[1]);
	sl_origin_route(x);
}

static void
shape_twice(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	const char *rest = x->rest;
	struct sl_buf headers = { 0 };

	sl_buf_add(&headers, x->headers.data, x->headers.len);
	sl_origin_route(x);
	sl_buf_release(&x->headers);
	x->headers = headers;
	x->rest = rest;
	if (x->ending == SL_ORIGIN_KEEP)
		sl_origin_route(x);
}

/* ---- limits and tokens ---- */

/* At most `most` requests of the limit `name` at one time. */
static void
limit(struct sl_origin_exchange *x, const char *name, uint64_t most, unsigned status)
{
	static const char text[] = "too many at once\n";

	if (sl_origin_state_enter(x->state, name, most, x->wire->fd)) {
		x->is_limited = true;
		sl_origin_route(x);
		sl_origin_state_leave(x->state, name, x->wire->fd);
		return;
	}
	if (!x->headers.data || !strcasestr(x->headers.data, "Retry-After:"))
		sl_origin_add_header(x, "Retry-After", "1");
	sl_origin_answer_text(x, status, text, sizeof(text) - 1);
}

static void
shape_at_most(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	limit(x, x->path, args->n[0], 429);
}

static void
shape_at_most_503(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	limit(x, x->path, args->n[0], 503);
}

static void
shape_at_most_of(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	limit(x, args->w[0], args->n[1], 429);
}

static void
shape_signed(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	struct sl_buf location = { 0 };

	sl_buf_printf(&location, "/with-token/%s?token=%llu", x->rest,
		(unsigned long long)sl_origin_state_new_token(x->state, args->n[0]));
	sl_origin_redirect(x, 302, location.data);
	sl_buf_release(&location);
}

static void
shape_with_token(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	static const char name[] = "token=", text[] = "the link has expired\n";
	size_t len = strlen(x->query), name_len = strlen(name);
	uint64_t token;

	if (strncmp(x->query, name, name_len) == 0 &&
		sl_parse_u64(x->query + name_len, len - name_len, &token) &&
		sl_origin_state_use_token(x->state, token))
		sl_origin_route(x);
	else
		sl_origin_answer_text(x, 403, text, sizeof(text) - 1);
}

const struct sl_origin_route sl_origin_nth_routes[] = {
	{ "change", "n", shape_change,
		"/N/...: from the Nth request of the path on SEED+1, other ETag and "
		"Last-Modified" },
	{ "grow", "nn", shape_grow, "/N/BYTES/...: as change, but the same body, BYTES longer" },
	{ "flip-etag", "n", shape_flip_etag,
		"/N/...: ETag, from the Nth request of the path on another one; same body" },
	{ "alternate", "", shape_alternate,
		"/...: two ETags in turn, as nodes of one service send them" },
	{ "flip-byte", "n", shape_flip_byte, "/OFFSET/...: the byte at OFFSET has another bit" },
	{ "flip-byte-nth", "nn", shape_flip_byte_nth,
		"/K/OFFSET/...: the same in the Kth request of the path" },
	{ "stall-nth", "n", shape_stall_nth,
		"/K/...: the Kth request of the path stops before its last byte" },
	{ "reset-nth", "nn", shape_reset_nth,
		"/K/BYTES/...: RST in the Kth request of the path after BYTES of the body" },
	{ "short-first", "nn", shape_short_first,
		"/N/BYTES/...: the first N requests of the path end in order after BYTES of the "
		"body" },
	{ "slow-nth", "nn", shape_slow_nth,
		"/K/BYTES_PER_S/...: the Kth request of the path is slow" },
	{ "late-nth", "nn", shape_late_nth,
		"/N/MS/...: wait before answering the Nth request of a connection" },
	{ "hold-nth", "nw", shape_hold_nth,
		"/N/NAME/...: the Nth request of a connection is answered once /open/NAME was "
		"asked for" },
	{ "twice", "", shape_twice, "/...: the answer is sent twice" },
	{ "at-most", "n", shape_at_most,
		"/K/...: 429 with Retry-After while K requests of the path are being answered" },
	{ "at-most-503", "n", shape_at_most_503, "/K/...: the same with 503" },
	{ "at-most-of", "wn", shape_at_most_of,
		"/NAME/K/...: as at-most, for all paths with this NAME" },
	{ "signed", "n", shape_signed,
		"/N/...: 302 to /with-token/...?token=T, a new T each time, good for N requests" },
	{ "with-token", "", shape_with_token, "/...?token=T: 403 once the token is used up" },
	{ 0 },
};
