/*
 * cookie.h - a cookie as a server sets it (RFC 6265 5.2, with the rules of its revision 6265bis),
 * or as a line of a cookie file in Netscape's format has it; and which hosts and paths a domain and
 * a path match. Pure.
 *
 * A line has seven fields, with a tab between them:
 *
 *	DOMAIN  TRUE|FALSE  PATH  TRUE|FALSE  EXPIRY  NAME  VALUE
 *
 * The first flag is TRUE if hosts below DOMAIN get the cookie as well, the second if it is sent
 * over https only. EXPIRY is in seconds since 1970, 0 = none. The value may be empty, and its tab
 * missing. Lines that begin with '#' are comments, but for the prefix "#HttpOnly_".
 */
#ifndef SLUICE_HTTP_COOKIE_H
#define SLUICE_HTTP_COOKIE_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* Bytes of name and value together, and of the value of an attribute; longer ones are ignored, as
 * browsers do. */
#define SL_COOKIE_MAX 4096
#define SL_COOKIE_ATTRIBUTE_MAX 1024
#define SL_COOKIE_FIELDS_MAX 50 /* Set-Cookie of one response; curl has the same limit */

#define SL_COOKIE_NEVER INT64_MAX /* it lasts as long as the run */

/* Spans of the text that it was read from. */
struct sl_cookie {
	struct sl_span name, value;
	struct sl_span domain; /* without a dot before it, in any case; empty = the host alone */
	struct sl_span path; /* begins with '/'; empty = that of the request, up to its last '/' */
	bool is_host_only;   /* as set by a line: `domain` is a host */
	bool is_secure;
	int64_t expires_s; /* since 1970; SL_COOKIE_NEVER */
};

/*
 * Read the value of a Set-Cookie field. False if it is to be ignored: without '=' or a name, with a
 * control byte other than a tab, or larger than SL_COOKIE_MAX. Attributes that are malformed or
 * unknown are passed over; of several, the last counts.
 */
bool sl_cookie_parse(struct sl_cookie *cookie, struct sl_span value, int64_t now_s) SL_MUST_CHECK;

/*
 * Read a line of a cookie file, without its end. Returns 1; 0 for a comment or an empty line;
 * SL_E_USAGE for what is malformed, with the reason and none of the text in *err.
 */
int sl_cookie_parse_line(
	struct sl_cookie *cookie, struct sl_span line, struct sl_error *err) SL_MUST_CHECK;

/* Whether `host`, in lower case, is `domain` (in any case), or a name below it. An IP address
 * matches only itself. */
bool sl_cookie_domain_matches(struct sl_span domain, const char *host);

/* Whether a request's target is in the directory `path`, or is that. */
bool sl_cookie_path_matches(struct sl_span path, struct sl_span target);

/* The path of a target up to its last '/', without that; "/" if nothing is left. */
struct sl_span sl_cookie_default_path(struct sl_span target);

/* Whether the prefixes __Secure- and __Host- in the cookie's name (in any case) permit what else it
 * has. `has_root_path`: its path was given, and is "/". */
bool sl_cookie_prefix_permits(
	struct sl_span name, bool is_secure, bool is_host_only, bool has_root_path);

#endif
