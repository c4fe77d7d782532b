/*
 * What a server of HTTP/2 sends, cut at each byte: the outcome is the same. Heads in CONTINUATION
 * frames, at each byte too.
 */
#include "support/h2_frames.h"
#include "support/h2_played.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const char hello[] = "hello";

static const struct {
	const char *frames;
	unsigned streams;
	bool is_head;
	int code; /* of each stream */
} cases[] = {
	{ "SETTINGS 0 - ;HEADERS 1 h :status=103;HEADERS 1 h 88;DATA 1 s 'hello';", 1, false, 0 },
	{ "SETTINGS 0 - ;HEADERS 1 hp 02 88 0000;PING 0 - '12345678';DATA 1 p 03 'hel' 000000;"
	  "UNKNOWN 1 - 'x';DATA 1 s 'lo';",
		1, false, 0 },
	{ "SETTINGS 0 - ;HEADERS 3 h 88;HEADERS 1 h 88;DATA 3 - 'he';DATA 1 - 'hell';"
	  "DATA 3 s 'llo';DATA 1 - 'o';HEADERS 1 hs x-sum=1;",
		2, false, 0 },
	{ "SETTINGS 0 - ;HEADERS 1 - 88;CONTINUATION 1 h content-length=5;DATA 1 s 'hello';", 1,
		false, 0 },
	{ "SETTINGS 0 - ;HEADERS 1 h content-length=5;DATA 1 s 'hello';", 1, false, SL_E_PROTO },
	{ "SETTINGS 0 - ;HEADERS 1 h :status=200 A=b;DATA 1 s 'hello';", 1, false, SL_E_PROTO },
	{ "SETTINGS 0 - ;HEADERS 1 h 88;DATA 0 s 'hello';", 1, false, SL_E_PROTO },
	/* the response to HEAD has no body, whatever length it announces */
	{ "SETTINGS 0 - ;HEADERS 1 hs :status=200 content-length=5;", 1, true, 0 },
	{ "SETTINGS 0 - ;HEADERS 1 h :status=200 content-length=5;DATA 1 s ;", 1, true, 0 },
	{ "SETTINGS 0 - ;HEADERS 1 h :status=200 content-length=5;DATA 1 s 'hello';", 1, true,
		SL_E_PROTO },
};

static void
expect(struct sl_span frames, size_t first, size_t i)
{
	struct h2_play play = { .frames = frames,
		.first = first,
		.streams = cases[i].streams,
		.is_head = cases[i].is_head };
	h2_play(&play);
	for (unsigned k = 0; k < play.streams; k++) {
		const struct h2_outcome *out = &play.outcomes[k];
		size_t want = cases[i].is_head ? 0 : sizeof(hello) - 1;
		cr_expect_eq(out->code, cases[i].code, "case %zu cut at %zu: %d %s", i, first,
			out->code, out->err.text);
		if (out->code == 0)
			cr_expect(out->body.len == want &&
					  (want == 0 || memcmp(out->body.data, hello, want) == 0),
				"case %zu cut at %zu", i, first);
	}
	h2_play_release(&play);
}

Test(h2_split, a_cut_at_any_byte_changes_nothing)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf frames = { 0 };
		h2_frames(&frames, cases[i].frames);
		for (size_t first = 0; first <= frames.len; first++)
			expect(sl_buf_span(&frames), first, i);
		sl_buf_release(&frames);
	}
}

/* The head of the first case that ends with its length, in two and in three frames. */
Test(h2_split, a_head_may_be_cut_at_any_byte_into_continuation_frames)
{
	struct sl_buf head = { 0 };
	h2_frames(&head, "RAW :status=200 4003782d6103626362 content-length=5 be;");
	for (size_t a = 0; a <= head.len; a++)
		for (size_t b = a; b <= head.len; b++) {
			struct sl_buf frames = { 0 };
			h2_frames(&frames, "SETTINGS 0 - ;");
			h2_frame(&frames, 1, 0, 1, sl_span(head.data, a));
			h2_frame(&frames, 9, 0, 1, sl_span(head.data + a, b - a));
			h2_frame(&frames, 9, 4, 1, sl_span(head.data + b, head.len - b));
			h2_frames(&frames, "DATA 1 s 'hello';");
			expect(sl_buf_span(&frames), 0, 0);
			sl_buf_release(&frames);
		}
	sl_buf_release(&head);
}

/* More than a window that is not read: the server was not permitted to send it. */
Test(h2_split, data_beyond_the_window_of_a_stream_is_refused)
{
	struct sl_buf frames = { 0 };
	h2_frames(&frames, "SETTINGS 0 - ;HEADERS 1 h 88;HEADERS 3 h 88;17 DATA 3 - 'x'*16000;"
			   "DATA 1 s 'hello';DATA 3 s 'x';");
	struct h2_play play = { .frames = sl_buf_span(&frames), .streams = 2, .read = 1 };
	h2_play(&play);
	cr_expect_eq(play.outcomes[0].code, 0, "%s", play.outcomes[0].err.text);
	cr_expect_eq(play.outcomes[1].code, SL_E_PROTO, "%d", play.outcomes[1].code);
	cr_expect(
		strstr(play.outcomes[1].err.text, "FLOW_CONTROL"), "%s", play.outcomes[1].err.text);
	h2_play_release(&play);
	sl_buf_release(&frames);
}

/* ---- what becomes of the streams ---- */

static void
expect_hello(const struct h2_outcome *out)
{
	cr_expect_eq(out->code, 0, "%d %s", out->code, out->err.text);
	cr_expect(out->is_whole && out->body.len == sizeof(hello) - 1 &&
		  memcmp(out->body.data, hello, sizeof(hello) - 1) == 0);
}

/* TLS returns from a receive that does not wait although no record was complete. */
Test(h2_split, a_receive_that_comes_to_nothing_is_not_a_stall)
{
	struct sl_buf frames = { 0 };
	h2_frames(&frames, "SETTINGS 0 - ;HEADERS 1 h 88;DATA 1 s 'hello';");
	for (unsigned empty = 1; empty < 4; empty++) {
		struct h2_play play = {
			.frames = sl_buf_span(&frames), .piece = 10, .streams = 1, .empty = empty
		};
		h2_play(&play);
		expect_hello(&play.outcomes[0]);
		h2_play_release(&play);
	}
	sl_buf_release(&frames);
}

/* Too many frames that ask for an answer end the session: of two streams the first had ended. */
Test(h2_split, a_session_that_fails_takes_no_bytes_that_it_has_received)
{
	struct sl_buf frames = { 0 };
	h2_frames(&frames, "SETTINGS 0 - ;HEADERS 1 h 88;DATA 1 s 'hello';HEADERS 3 h 88;"
			   "DATA 3 - 'hello';1500 PING 0 - '12345678';");
	struct h2_play play = { .frames = sl_buf_span(&frames), .streams = 2 };
	h2_play(&play);
	expect_hello(&play.outcomes[0]);
	cr_expect_eq(play.outcomes[1].code, SL_E_LIMIT, "%d", play.outcomes[1].code);
	cr_expect_eq(play.outcomes[1].body.len, sizeof(hello) - 1);
	h2_play_release(&play);
	sl_buf_release(&frames);
}

/* What one task could not send in time is not a timeout of another one. */
Test(h2_split, a_server_that_does_not_read_ends_the_session)
{
	struct h2_play play = { .streams = 2, .is_full = true };
	h2_play(&play);
	cr_expect_eq(play.outcomes[0].code, -ETIMEDOUT, "%d", play.outcomes[0].code);
	cr_expect_eq(play.outcomes[1].code, -ECONNRESET, "%d", play.outcomes[1].code);
	cr_expect(strstr(play.outcomes[1].err.text, "does not read"), "%s",
		play.outcomes[1].err.text);
	h2_play_release(&play);
}
