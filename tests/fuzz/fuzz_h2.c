/*
 * The frames of a server of HTTP/2, for one to three streams. Whole, byte by byte and cut once the
 * outcome is the same: code, status and body.
 *
 * The first byte chooses streams and method; the second whether the rest is bytes as they come, or
 * frames: type, flags, stream and length in a byte each, then as much payload. Where a stream of
 * several was refused, the others may depend on when the server is told: then one body begins as
 * the other does.
 */
#include "fuzz/fuzz.h"
#include "support/h2_frames.h"
#include "support/h2_played.h"

#include <errno.h>

/* No body exceeds a window, so that nothing depends on when it is enlarged; and no flood of
 * frames. */
#define FRAMES_MAX (15 * SL_KIB)

static void
make_frames(struct sl_buf *out, struct input in)
{
	static const uint32_t streams[] = { 1, 3, 5, 0, 2, 7, 0x7fffffff, 1 };
	while (in.len > 0) {
		unsigned type = take(&in), flags = take(&in);
		uint32_t stream = streams[take(&in) % SL_COUNT_OF(streams)];
		size_t len = take(&in);
		len = SL_MIN(len, in.len);
		h2_frame(out, type % 12, flags, stream, sl_span((const char *)in.at, len));
		in.at += len;
		in.len -= len;
	}
}

static void
run(struct h2_play *play, unsigned choice, struct sl_span frames, size_t first, size_t piece)
{
	*play = (struct h2_play){ .frames = frames,
		.first = first,
		.piece = piece,
		.streams = 1 + choice % H2_STREAMS_MAX,
		.is_head = choice & 4,
		.read = piece };
	h2_play(play);
	must(play->code == 0);
	for (unsigned i = 0; i < play->streams; i++) {
		const struct h2_outcome *out = &play->outcomes[i];
		must(out->code <= 0 && (out->code == 0) == (out->err.code == 0));
		must(out->is_whole == (out->code == 0));
		must(out->code == 0 || (out->err.text[0] && out->err.phase));
		must(!out->is_whole || out->status >= 200);
		must(!play->is_head || out->body.len == 0);
	}
}

static bool
is_refused(const struct h2_play *play)
{
	bool refused = false;
	for (unsigned i = 0; i < play->streams; i++)
		refused = refused || play->outcomes[i].code < 0;
	return play->streams > 1 && refused;
}

/* nghttp2 counts how often it is called before it has the head of a CONTINUATION: more than 8 times
 * are too many, in bytes already with one of them. */
static bool
is_miscounted(const struct h2_play *play)
{
	return strstr(play->outcomes[0].err.text, "Too many CONTINUATION");
}

static void
show(const struct h2_outcome *x, const struct h2_outcome *y)
{
	fprintf(stderr, "%d, status %d, %zu bytes, '%s'; %d, status %d, %zu bytes, '%s'\n", x->code,
		x->status, x->body.len, x->err.text, y->code, y->status, y->body.len, y->err.text);
}

/* A reset that comes with the bytes that were wrong is received before ours is sent. */
static int
code_of(const struct h2_outcome *out)
{
	return out->code == -ECONNRESET || out->code == SL_E_STALE ? SL_E_PROTO : out->code;
}

/* A read that fails may have had bytes, which are not handed out. */
static bool
is_same(const struct h2_outcome *x, const struct h2_outcome *y)
{
	return code_of(x) == code_of(y) && x->status == y->status &&
	       (x->code || x->body.len == y->body.len);
}

static void
check_same(const struct h2_play *a, const struct h2_play *b)
{
	bool is_loose = is_refused(a) || is_refused(b) || is_miscounted(b);
	for (unsigned i = 0; i < a->streams; i++) {
		const struct h2_outcome *x = &a->outcomes[i], *y = &b->outcomes[i];
		size_t common = SL_MIN(x->body.len, y->body.len);
		must(common == 0 || memcmp(x->body.data, y->body.data, common) == 0);
		if (!is_loose && !is_same(x, y))
			show(x, y);
		must(is_loose || is_same(x, y));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct h2_play whole, bytes, cut;
	struct sl_buf frames = { 0 };
	if (len < 2)
		return 0;
	if (data[1] & 1)
		make_frames(&frames, (struct input){ data + 2, len - 2 });
	else
		sl_buf_add(&frames, data + 2, len - 2);
	struct sl_span all = sl_buf_span(&frames);
	if (all.len <= FRAMES_MAX) {
		run(&whole, data[0], all, 0, 0);
		run(&bytes, data[0], all, 1, 1);
		run(&cut, data[0], all, all.len ? data[len - 1] % all.len + 1 : 0, 0);
		check_same(&whole, &bytes);
		check_same(&whole, &cut);
		h2_play_release(&whole);
		h2_play_release(&bytes);
		h2_play_release(&cut);
	}
	sl_buf_release(&frames);
	return 0;
}
