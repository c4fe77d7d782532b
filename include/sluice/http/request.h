/*
 * request.h - a request as bytes (RFC 9112 3, RFC 9110 7). Pure.
 *
 * The last check before sending: whatever was checked earlier, a byte that could end a line or a
 * word early is refused here, so that text from a user or a server cannot become a header or a
 * request of its own.
 */
#ifndef SLUICE_HTTP_REQUEST_H
#define SLUICE_HTTP_REQUEST_H

#include "sluice/http/url.h"

/* With value.data NULL no field of this name is sent, not even the client's own. */
struct sl_http_header {
	struct sl_span name, value;
};

struct sl_request {
	const char *method;       /* "GET", "HEAD" */
	const struct sl_url *url; /* scheme, host, port and target; its userinfo is not used */
	const char *user_agent;
	const char *authorization;            /* value of that field; NULL = none */
	const char *accept_encoding;          /* NULL = "identity" */
	const char *cookies;                  /* of Cookie, in place of the first one in headers */
	const struct sl_http_header *headers; /* each replaces the request's own of the same name */
	size_t header_count;
	const struct sl_http_header *fields; /* of the client, which replace those of `headers` */
	size_t field_count;
	/* Values of Range and If-Range, which no header replaces; NULL = none */
	const char *range, *if_range;
	/* For the HTTP proxy that relays the request: the URL in absolute form (RFC 9112 3.2.2),
	 * and the value of Proxy-Authorization, NULL = none */
	bool is_absolute;
	const char *proxy_authorization;
};

/* Whether sl_request_format would refuse it: 0, or SL_E_USAGE. */
int sl_request_check(const struct sl_request *request, struct sl_error *err) SL_MUST_CHECK;

/*
 * Append the request, with Host, User-Agent, Accept, Accept-Encoding and Authorization
 * unless `headers` has them. Returns 0; SL_E_USAGE for a byte below 0x21 or above 0x7e in method,
 * target, host or a header's name, a control byte other than tab in a value, and for headers that
 * would change the framing or the connection (see sl_request_check_header); -ENOMEM. After a
 * failure *buf is as before.
 */
int sl_request_format(
	struct sl_buf *buf, const struct sl_request *request, struct sl_error *err) SL_MUST_CHECK;

typedef void sl_request_field_fn(void *ctx, struct sl_span name, struct sl_span value);

/* Each field of a request that sl_request_check permits, Host and those of the client's own among
 * them. False if out of memory. */
bool sl_request_each_field(
	const struct sl_request *request, sl_request_field_fn *fn, void *ctx) SL_MUST_CHECK;

/* How many these are at most. */
size_t sl_request_fields_max(const struct sl_request *request);

/*
 * Check a header from the user. Returns 0 if it may be sent; SL_E_USAGE with the reason for
 * Content-Length, Transfer-Encoding, Connection and other fields that the client must set itself,
 * for Proxy-Authorization, which an origin would get, and for bytes that are not allowed. The
 * message never shows the value.
 */
int sl_request_check_header(
	const struct sl_http_header *header, struct sl_error *err) SL_MUST_CHECK;

/* Append the value of Authorization with Basic credentials (RFC 7617): 0 or -ENOMEM. */
int sl_request_add_basic(
	struct sl_buf *value, const char *user, const char *password) SL_MUST_CHECK;

#endif
