/*
 * cookie_jar.h - the cookies of a run: which of them a request to a URL is sent (RFC 6265 5.3, 5.4,
 * with the rules of its revision 6265bis). Pure: the time is given; nothing is stored elsewhere.
 *
 * These hold:
 *  1. A cookie is sent to the host that set it, or to the hosts of its domain, which is never a
 *     public suffix or part of an IP address. A host can set it for domains that it is in only.
 *  2. A cookie with Secure is set and sent over https only, and what is set over http does not
 *     take its place.
 *  3. Ports do not matter; paths do.
 *  4. There are at most SL_COOKIE_JAR_DOMAIN_MAX of a domain, and SL_COOKIE_JAR_MAX in all: another
 *     one takes the place of one that has expired, or else of the one that was not sent for the
 *     longest time, those without Secure first, those of a file last.
 */
#ifndef SLUICE_HTTP_COOKIE_JAR_H
#define SLUICE_HTTP_COOKIE_JAR_H

#include "sluice/http/cookie.h"
#include "sluice/http/url.h"

#define SL_COOKIE_JAR_DOMAIN_MAX 50
#define SL_COOKIE_JAR_MAX 3000

/* Of one request: servers refuse larger fields (CVE-2022-32205; the limits are curl's). */
#define SL_COOKIE_FIELD_MAX 8190
#define SL_COOKIE_FIELD_COOKIES 150

struct sl_cookie_entry;

/* {0} is empty. */
struct sl_cookie_jar {
	struct sl_cookie_entry **entries; /* in the order of creation */
	size_t count, cap;
	uint64_t ticks; /* of creations and uses */
};

/* Harmless on {0}; all of it is wiped. */
void sl_cookie_jar_release(struct sl_cookie_jar *jar);

/* Take the value of a Set-Cookie field of a response from `url`. Returns 1 if a cookie was stored;
 * 0 if it was refused, or has expired, which removes the one before it; -ENOMEM. */
int sl_cookie_jar_set(struct sl_cookie_jar *jar, const struct sl_url *url, struct sl_span value,
	int64_t now_s) SL_MUST_CHECK;

/* Take a cookie of a file. Returns 1; 0 if it has expired; SL_E_USAGE, and SL_E_LIMIT if there is
 * no room, both with the reason in *err and without text of the cookie; -ENOMEM. */
int sl_cookie_jar_add(struct sl_cookie_jar *jar, const struct sl_cookie *cookie, int64_t now_s,
	struct sl_error *err) SL_MUST_CHECK;

/*
 * Append the value of the Cookie field of a request to `url`: those with the longest paths first,
 * then in the order of creation. `given` is a value of the user, or empty: it is put first, and
 * cookies of names that it has are left out. Those that do not fit the limits above are left out.
 * Returns the number of cookies behind `given`; with 0 nothing was appended. -ENOMEM: likewise.
 */
int sl_cookie_jar_format(struct sl_cookie_jar *jar, const struct sl_url *url, int64_t now_s,
	struct sl_span given, struct sl_buf *out) SL_MUST_CHECK;

#endif
