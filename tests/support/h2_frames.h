/*
 * h2_frames.h - frames of HTTP/2 (RFC 9113 4.1) from a text, for peers that a library for HTTP/2
 * would not be.
 *
 * Frames are separated by ";". Each is TYPE STREAM FLAGS PAYLOAD...: a name (DATA, HEADERS,
 * PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, or
 * UNKNOWN), a number, letters (s END_STREAM, a ACK, h END_HEADERS, p PADDED, r PRIORITY; "-" none),
 * and pieces of the payload: 'text'; NAME=VALUE, a literal field of HPACK; else hexadecimal bytes.
 * "*N" behind a piece repeats it, "N" before the type the frame. RAW takes pieces alone: bytes
 * without a frame.
 */
#ifndef TESTS_SUPPORT_H2_FRAMES_H
#define TESTS_SUPPORT_H2_FRAMES_H

#include "sluice/base/bytes.h"

/* Append them. Aborts if the text is not of that form. */
void h2_frames(struct sl_buf *out, const char *text);

/* One frame. */
void h2_frame(
	struct sl_buf *out, unsigned type, unsigned flags, uint32_t stream, struct sl_span payload);

#endif
