/*
 * results.h - the results of a scan as bytes: formatted by the sinks of this layer, collected here,
 * and sent in large buffers by a writer that the caller supplies.
 *
 *   event -> sink (formats) -> results (collects) -> writer (sends)
 *
 * Invariants:
 *  1. The memory is bounded whatever the length of a line: a sink adds a piece of text, then
 *     calls sl_results_make_room.
 *  2. Bytes that a terminal could act on are escaped for a terminal only; a file or pipe gets the
 *     bytes as they are.
 *  3. Of an event that is complete, all is sent or nothing: others may write to the same output
 *     between events.
 *  4. On a terminal or pipe, results are sent before the scan waits for more input; to a file, only
 *     while a stream is scanned.
 *
 * Used by the task that scans.
 */
#ifndef SLUICE_SINK_RESULTS_H
#define SLUICE_SINK_RESULTS_H

#include "sluice/base/text.h"
#include "sluice/ui/colour.h"

struct sl_input;

struct sl_results_writer {
	void *ctx;

	/* Take the bytes of *buf, which is empty afterwards. Returns 0, or a negative code; then
	 * *buf holds what was not taken. */
	SL_SUSPENDS
	int (*send)(void *ctx, struct sl_buf *buf);

	/* 0, or the code with which an earlier write has failed. Never suspends. */
	int (*state)(const void *ctx);

	/* 0, or why the run has to end, although it still takes the rest of an event. Never
	 * suspends. NULL = it never has to. */
	int (*ended)(const void *ctx);

	size_t buffer; /* bytes that are worth sending */
	bool is_file;  /* what was written is not read yet: bytes may wait until a buffer is full */
};

/* How text is formatted for what is behind the writer. */
struct sl_results_style {
	bool is_terminal;
	size_t columns; /* of the terminal; 0 = not a terminal */
	bool colour;
	bool unicode; /* the terminal shows UTF-8 */
};

struct sl_results {
	/* The caller's. */
	struct sl_results_writer writer;
	struct sl_results_style style;

	/* {0} at first. Private to this layer, except that the caller may write `pending` in some
	 * other way if the writer can no longer be used. */
	struct sl_buf pending;
	uint64_t sent; /* bytes given to the writer */
	bool flushes_when_idle;
	bool has_sent_part; /* of an event that is not complete */
};

/* Harmless on {0}. */
void sl_results_release(struct sl_results *results);

/* ---- sending: 0; the writer's code; -ENOMEM if results could not be collected ---- */

/* All that is pending. */
SL_SUSPENDS
int sl_results_send(struct sl_results *results) SL_MUST_CHECK;

/* The same if a buffer is full: within a line, which may be long, and longer once it is escaped. */
SL_SUSPENDS
int sl_results_make_room(struct sl_results *results) SL_MUST_CHECK;

/* The same, after what an event of `input` adds is complete; also the rest of one that was sent in
 * part. Fails as well if an earlier write has. */
SL_SUSPENDS
int sl_results_complete(struct sl_results *results, const struct sl_input *input) SL_MUST_CHECK;

/* Before the scan waits: send what is pending if it must not wait as well. */
SL_SUSPENDS
int sl_results_idle(struct sl_results *results) SL_MUST_CHECK;

/* ---- formatting ---- */

/* These two are inline: several of them are called for each matching line. */

/* At most SL_LINE_PIECE bytes of any text (sink/line.h): safe for a terminal. */
static inline void
sl_results_add_piece(struct sl_results *results, struct sl_span text)
{
	if (!results->style.is_terminal)
		sl_buf_add_span(&results->pending, text);
	else if (results->style.unicode)
		sl_text_make_safe(&results->pending, text);
	else
		sl_text_make_ascii(&results->pending, text);
}

/* Nothing unless colours are wanted. */
static inline void
sl_results_add_colour(struct sl_results *results, enum sl_colour colour)
{
	if (results->style.colour)
		sl_buf_add_str(&results->pending, sl_colour_code(true, colour));
}

/* A text of any length, in pieces. Returns what sl_results_make_room does. */
SL_SUSPENDS
int sl_results_add_text(struct sl_results *results, struct sl_span text) SL_MUST_CHECK;

/* A short text, such as a number. */
void sl_results_add_coloured(
	struct sl_results *results, enum sl_colour colour, struct sl_span text);

/* Which results begin with the name of their input, and what follows the name. */
struct sl_results_names {
	bool always, never; /* neither: of inputs found in directories, as with grep */
	char separator;
};

bool sl_results_has_name(const struct sl_results_names *names, const struct sl_input *input);

/* The name, if it is wanted for this input. */
void sl_results_add_name(struct sl_results *results, const struct sl_results_names *names,
	const struct sl_input *input);

/* As it appears in results: the path, or "<stdin>". */
struct sl_span sl_results_name(const struct sl_input *input);

#endif
