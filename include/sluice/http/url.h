/*
 * url.h - http and https URLs: parsed once, strictly, and trusted afterwards (RFC 3986).
 *
 * Ambiguous text is refused: when two programs read different hosts from one URL, credentials reach
 * the wrong server. These hold for a parsed URL:
 *  1. host is lower case ASCII: a DNS name of letters, digits, '-', '_' and '.', a dotted IPv4
 *     address, or an IPv6 address in its canonical form. Nothing in it is percent-encoded.
 *  2. target begins with '/' and holds only characters that RFC 3986 allows in a path and a query;
 *     no byte in it is below 0x21 or above 0x7e, and every '%' is followed by two hex digits.
 *  3. user and password are percent-decoded, without control bytes, the user without ':'.
 *
 * Pure: no I/O. A URL owns its strings.
 */
#ifndef SLUICE_HTTP_URL_H
#define SLUICE_HTTP_URL_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* Bytes of a URL, before and after percent-encoding: room for any signed URL, and small compared
 * with a response head. */
#define SL_URL_MAX (16 * 1024)

/* Bytes of a file name taken from a URL (NAME_MAX of Linux). */
#define SL_URL_FILE_NAME_MAX 255

/* Bytes of the directories above it; PATH_MAX of Linux is 4096. */
#define SL_URL_DIRECTORY_MAX 4000

enum sl_scheme { SL_SCHEME_HTTP, SL_SCHEME_HTTPS };

struct sl_url {
	enum sl_scheme scheme;
	char *host; /* without brackets */
	bool is_ipv6;
	uint16_t port; /* the scheme's default if the URL has none; never 0 */
	char *target;  /* path and query, as sent */
	bool has_userinfo;
	char *user, *password; /* NULL without userinfo; password "" if the URL has none */
};

/*
 * Parse an absolute URL. Text without "://" is read as https only if it is exactly host/path or
 * host:port/path. Bytes above 0x7e and those that RFC 3986 does not allow raw (" < > ^ ` { | } [ ])
 * are percent-encoded in path and query; a host beyond ASCII is converted by IDNA; the fragment is
 * dropped. Refused: space, control bytes, backslash, empty or malformed host, zone ids, '%' in the
 * host, more than one '@' before the path, bad percent escapes, port 0 or above 65535. Returns 0;
 * SL_E_USAGE, also above SL_URL_MAX; SL_E_UNSUPPORTED for another scheme; -ENOMEM. *url is
 * neutral (releasable) after a failure. The message shows the text without its userinfo.
 */
int sl_url_parse(struct sl_url *url, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}; *url is {0} again. The password's bytes are wiped. */
void sl_url_release(struct sl_url *url);

/* An independent copy. Returns 0 or -ENOMEM (*out neutral). */
int sl_url_copy(struct sl_url *out, const struct sl_url *url) SL_MUST_CHECK;

/*
 * Resolve `reference`, from a server, relative to `base` (RFC 3986 5.2: absolute, scheme-relative,
 * absolute path, relative, query only; dot segments removed). It is read as browsers do (WHATWG
 * URL): blanks around it, tabs and line ends are removed, a backslash before the query counts as
 * '/', and bytes that RFC 3986 does not allow in a path or query are percent-encoded, also a space
 * and a '%' without two hex digits. Control bytes are refused, and the host is checked as in
 * sl_url_parse. *out never has userinfo: a server cannot set credentials. Errors as sl_url_parse.
 */
int sl_url_resolve(struct sl_url *out, const struct sl_url *base, struct sl_span reference,
	struct sl_error *err) SL_MUST_CHECK;

/* Remove user and password; the password's bytes are wiped. */
void sl_url_drop_userinfo(struct sl_url *url);

/* Give it the user and password of `url`, which is of the same origin. Returns 0 or -ENOMEM: then
 * it has none. */
int sl_url_copy_userinfo(struct sl_url *out, const struct sl_url *url) SL_MUST_CHECK;

/* Same scheme, host and port, all three. */
bool sl_url_same_origin(const struct sl_url *a, const struct sl_url *b);

/* Append the URL without userinfo, in the form that sl_url_parse reads back as the same URL. */
void sl_url_format(struct sl_buf *buf, const struct sl_url *url);

/* Append host[:port] as in a Host field: an IPv6 address in brackets, the port only if it is not
 * the scheme's default. */
void sl_url_format_authority(struct sl_buf *buf, const struct sl_url *url);

/* Static text: "http" or "https". */
const char *sl_url_scheme_name(enum sl_scheme scheme);

/* Append the text of a URL, valid or not, for a message: safe, masked and cut. */
void sl_url_show(struct sl_buf *out, struct sl_span text);

/*
 * Append the name a download of this URL gets: the last component of the path, percent-decoded;
 * "index.html" if that is empty. "%2F" stays as it is. A leading '-' or '.' gets '_' before it.
 * Bytes that are not UTF-8 are kept. Returns 0; SL_E_NAME for ".", "..", a NUL or control byte, or
 * more than SL_URL_FILE_NAME_MAX bytes; -ENOMEM. *buf is as before after a failure.
 */
int sl_url_file_name(
	const struct sl_url *url, struct sl_buf *buf, struct sl_error *err) SL_MUST_CHECK;

/*
 * Append the directory that wget -x puts a download of this URL into: "host/dir/dir", with the port
 * behind the host if it is not the scheme's default. Each component is made as a file name is;
 * empty ones are left out. Errors likewise; SL_E_NAME also above SL_URL_DIRECTORY_MAX bytes.
 */
int sl_url_directory_name(
	const struct sl_url *url, struct sl_buf *buf, struct sl_error *err) SL_MUST_CHECK;

#endif
