/*
 * trace.h - requests and responses in the log, at the level INFO (-v). Pure but for the log.
 *
 *	[7] > GET /a.iso HTTP/1.1
 *	[7] > Host: example.org
 *	[7] < HTTP/1.1 200 OK
 *	[7] < Content-Length: 1000
 *
 * The number tells exchanges that run side by side apart. Of a request, the values of fields that
 * may hold a secret are masked: all but those that go to any origin (http/scope.h). In all lines
 * the log masks what may be secret by its name (base/redact.h), and escapes control bytes. Nothing
 * is formatted below that level.
 */
#ifndef SLUICE_HTTP_TRACE_H
#define SLUICE_HTTP_TRACE_H

#include "sluice/http/head.h"

#define SL_TRACE_FIELDS 100u /* of a head; the others are counted */

/* A request as bytes, as sl_request_format writes it. */
void sl_trace_request(uint64_t number, struct sl_span text);

/* A head that is complete, of an interim response too. */
void sl_trace_response(uint64_t number, const struct sl_head *head);

/* Durations of one request. */
struct sl_trace_times {
	bool is_kept; /* an idle connection was used: the next three do not matter */
	uint64_t lookup_ns, connect_ns, tls_ns; /* 0 of lookup and TLS = there was none */
	uint64_t response_ns;                   /* from the request to its head */
};

/* "[7] 127.0.0.1:80: lookup 0.1 ms, connect 0.2 ms, response 1.5 ms" */
void sl_trace_times(uint64_t number, const char *peer, const struct sl_trace_times *times);

#endif
