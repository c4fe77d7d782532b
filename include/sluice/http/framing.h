/*
 * framing.h - where a response's body ends, and whether the connection may carry another exchange
 * (RFC 9112 6.3, 9.3). Pure.
 */
#ifndef SLUICE_HTTP_FRAMING_H
#define SLUICE_HTTP_FRAMING_H

#include "sluice/http/header.h"

enum sl_framing_kind {
	SL_FRAMING_NONE,    /* no body whatever the head has: 1xx, 204, 304, a response to HEAD */
	SL_FRAMING_LENGTH,  /* exactly `length` bytes */
	SL_FRAMING_CHUNKED, /* up to the last chunk (http/chunked.h) */
	SL_FRAMING_CLOSE,   /* until the connection ends */
};

struct sl_framing {
	enum sl_framing_kind kind;
	uint64_t length;    /* with SL_FRAMING_LENGTH */
	uint64_t announced; /* after a HEAD: the length of GET's body; SL_HEADER_NO_LENGTH = none */
	bool keep_alive;    /* the connection may be used again once the body was read to its end */
};

/*
 * Decide for a complete head. Transfer-Encoding wins over Content-Length; then, and in HTTP/1.0,
 * the connection is not used again (RFC 9112 6.1), nor after a 1xx, 204 or 304 that announces a
 * body or with a transfer coding "identity", which is taken for none. Returns 0; SL_E_PROTO for
 * another transfer coding than one final "chunked" (the client asks for no other) and for a bad
 * Content-Length.
 */
int sl_framing_decide(struct sl_framing *framing, const struct sl_head *head, bool request_was_head,
	struct sl_error *err) SL_MUST_CHECK;

#endif
