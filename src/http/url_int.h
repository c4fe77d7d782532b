/*
 * url_int.h - the parts of a URL, for url.c, which parses, and url_resolve.c, which resolves
 * references; and what names are made of. `text` is the whole URL throughout, for messages.
 */
#ifndef SLUICE_HTTP_URL_INT_H
#define SLUICE_HTTP_URL_INT_H

#include "sluice/http/url.h"

/* The five parts of RFC 3986 appendix B, borrowed; the fragment is left out. */
struct sl_url_parts {
	struct sl_span scheme, authority, path, query;
	bool has_scheme, has_authority, has_query;
	bool lenient; /* a '%' that begins no escape stands for itself */
};

/* Refuse what no part of a URL may contain: blanks, control bytes, backslashes; or more than
 * SL_URL_MAX bytes. SL_E_USAGE. */
int sl_url_check_bytes(struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* Split at RFC 3986 appendix B's delimiters. The text must not contain NUL. */
void sl_url_split(struct sl_url_parts *parts, struct sl_span text);

/* Check a part and store it in *url. SL_E_USAGE, SL_E_UNSUPPORTED, -ENOMEM. sl_url_take_scheme goes
 * first: the default port depends on it. */
int sl_url_take_scheme(struct sl_url *url, struct sl_span scheme, struct sl_span text,
	struct sl_error *err) SL_MUST_CHECK;
int sl_url_take_authority(struct sl_url *url, struct sl_span authority, struct sl_span text,
	struct sl_error *err) SL_MUST_CHECK;

/* Likewise `path` (not the one in *parts) and the query. */
int sl_url_take_target(struct sl_url *url, struct sl_span path, const struct sl_url_parts *parts,
	struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* Record "cannot use URL 'TEXT': WHY" without secrets. Returns SL_E_USAGE. */
int sl_url_refuse(struct sl_error *err, struct sl_span text, const char *why);

/* Returns -ENOMEM. */
int sl_url_no_memory(struct sl_error *err);

/* url_name.c: append a name that is one component of a path, with '_' before a leading '-' or '.'.
 * NULL, or why these bytes cannot be a name; then nothing was appended. */
const char *sl_url_add_safe_name(struct sl_buf *out, struct sl_span name);

/* Length up to the first of the bytes in `ends`, or all. */
size_t sl_url_span_until(struct sl_span text, const char *ends);

struct sl_span sl_url_skip(struct sl_span text, size_t len);

#endif
