/*
 * limits - prints the limits of sluice get for scripts/check-docs, which compares them with the
 * section LIMITS of the man page: a line each of what is limited and by how much, separated by TAB.
 */
#include "sluice/base/bytes.h"
#include "sluice/cli/config_file.h"
#include "sluice/cli/options.h"
#include "sluice/cli/password.h"
#include "sluice/codec/decoder.h"
#include "sluice/download/entry.h"
#include "sluice/download/list_reader.h"
#include "sluice/download/manifest.h"
#include "sluice/download/pieces.h"
#include "sluice/http/chunked.h"
#include "sluice/http/client.h"
#include "sluice/http/cookie.h"
#include "sluice/http/cookie_file.h"
#include "sluice/http/cookie_jar.h"
#include "sluice/http/digest_auth.h"
#include "sluice/http/proxy.h"
#include "sluice/http/retry_after.h"
#include "sluice/http/sigv4.h"
#include "sluice/http/sigv4_variant.h"
#include "sluice/http/socks.h"
#include "sluice/net/dns.h"
#include "sluice/net/pins.h"
#include "sluice/net/resolve_list.h"
#include "sluice/rt/io.h"

#include <stdio.h>

enum unit { COUNT, BYTES, SECONDS, DAYS };

struct limit {
	const char *what;
	enum unit unit;
	uint64_t value;
};

static const struct limit limits[] = {
	/* responses */
	{ "line of a response header", BYTES, SL_HEAD_LINE_MAX },
	{ "response header, or those of a chain of redirects", BYTES, SL_HEAD_MAX },
	{ "header fields of a response, or of a chain of redirects", COUNT,
		SL_HEAD_FIELDS_MAX },
	{ "interim responses (1xx) before a response", COUNT, SL_HEAD_INTERIM_MAX },
	{ "extension of a chunk", BYTES, SL_CHUNKED_EXTENSION_MAX },
	{ "extensions of the chunks of a body in excess of its data",
		BYTES, SL_CHUNKED_EXCESS_MAX },
	{ "trailers of a body", BYTES, SL_CHUNKED_TRAILER_MAX },
	{ "entity tag that is used to resume and compare", BYTES, SL_ETAG_MAX },
	{ "longest wait that a server can ask for", DAYS, SL_RETRY_AFTER_MAX_S },
	{ "body of a redirect or an error that is read", BYTES, SL_CLIENT_DRAIN_MAX },
	{ "time to read such a body", SECONDS, SL_CLIENT_DRAIN_NS },
	{ "bytes decoded from a byte, beyond the first 64 MiB", COUNT,
		SL_DECODE_BOMB_RATIO },
	/* HTTP/2 */
	{ "window of an HTTP/2 stream at its beginning", BYTES, SL_H2_WINDOW_MAX },
	{ "streams of an HTTP/2 connection at a time", COUNT, SL_H2_STREAMS },
	{ "HTTP/2 frames without progress", COUNT, SL_H2_IDLE_FRAMES_MAX },
	/* requests */
	{ "URL, also of a redirect", BYTES, SL_URL_MAX },
	{ "file name from a URL or a server", BYTES, SL_URL_FILE_NAME_MAX },
	{ "redirects for each URL, by --max-redirs", COUNT, SL_OPTION_REDIRECTS_MAX },
	/* connections */
	{ "addresses of a host name that are used", COUNT, SL_DNS_ADDRESSES },
	{ "time for the lookup of a host name", SECONDS, SL_DNS_LONGEST_NS },
	{ "time that the addresses of a host name are remembered", SECONDS, SL_DNS_LIFE_NS },
	{ "time that the failure of a lookup is remembered", SECONDS, SL_DNS_FAILURE_LIFE_NS },
	{ "host names whose addresses are remembered", COUNT, SL_DNS_CACHE_NAMES },
	{ "addresses of an entry of --resolve", COUNT, SL_RESOLVE_ADDRESSES },
	{ "public keys of --pinnedpubkey", COUNT, SL_PINS_MAX },
	{ "idle connections, unless -x allows more for one host", COUNT, SL_CLIENT_IDLE_MAX },
	{ "time that an idle connection is kept", SECONDS, SL_CLIENT_IDLE_NS },
	/* credentials */
	{ "file of --netrc, or of access keys", BYTES, SL_CREDENTIALS_FILE_MAX },
	{ "token of --bearer-file", BYTES, SL_CREDENTIALS_TOKEN_MAX },
	{ "time to read a file with credentials or certificates", SECONDS, SL_IO_INPUT_NS },
	{ "password typed on the terminal", BYTES, SL_PASSWORD_MAX },
	{ "parameter of a Digest challenge", BYTES, SL_DIGEST_AUTH_VALUE_MAX },
	{ "parts of --aws-sigv4, each", BYTES, SL_SIGV4_PART_MAX },
	{ "header fields or query parameters that are signed", COUNT, SL_SIGV4_ITEMS_MAX },
	{ "user name or password for a SOCKS proxy", BYTES, SL_PROXY_SOCKS_USER_MAX },
	{ "host name for a SOCKS proxy", BYTES, SL_SOCKS_NAME_MAX },
	/* cookies */
	{ "name and value of a cookie", BYTES, SL_COOKIE_MAX },
	{ "attribute of a cookie", BYTES, SL_COOKIE_ATTRIBUTE_MAX },
	{ "cookies set by a response", COUNT, SL_COOKIE_FIELDS_MAX },
	{ "cookies of a domain", COUNT, SL_COOKIE_JAR_DOMAIN_MAX },
	{ "cookies in all", COUNT, SL_COOKIE_JAR_MAX },
	{ "cookies sent with a request", COUNT, SL_COOKIE_FIELD_COOKIES },
	{ "header field Cookie", BYTES, SL_COOKIE_FIELD_MAX },
	{ "file of --cookie-file", BYTES, SL_COOKIE_FILE_MAX },
	/* files of the user */
	{ "configuration file", BYTES, SL_CONFIG_BYTES },
	{ "time to read a configuration file", SECONDS, SL_CONFIG_WAIT_NS },
	{ "line of a configuration file", BYTES, SL_CONFIG_LINE },
	{ "options in a configuration file", COUNT, SL_CONFIG_ITEMS },
	{ "line of a list", BYTES, SL_MANIFEST_LINE },
	{ "list that comes from a URL", BYTES, SL_LIST_URL_MAX },
	{ "URLs of one file in a list", COUNT, SL_ENTRY_SOURCES },
	{ "header fields of one file in a list", COUNT, SL_ENTRY_HEADERS },
	{ "checksums of the pieces of a file", COUNT, SL_PIECES_MAX },
};

/* With commas between the thousands. */
static void
print_count(uint64_t value)
{
	if (value >= 1000)
		print_count(value / 1000);
	printf(value >= 1000 ? ",%03u" : "%u", (unsigned)(value % 1000));
}

static void
print_bytes(uint64_t value)
{
	bool is_mib = value % SL_MIB == 0, is_kib = value % SL_KIB == 0;
	print_count(is_mib ? value / SL_MIB : is_kib ? value / SL_KIB : value);
	printf(" %s", is_mib ? "MiB" : is_kib ? "KiB" : "bytes");
}

static void
print_value(const struct limit *limit)
{
	switch (limit->unit) {
	case COUNT:
		print_count(limit->value);
		break;
	case BYTES:
		print_bytes(limit->value);
		break;
	case SECONDS:
		printf("%u s", (unsigned)(limit->value / SL_NS_PER_S));
		break;
	case DAYS:
		printf("%u days", (unsigned)(limit->value / 86400));
		break;
	}
}

int
main(void)
{
	for (size_t i = 0; i < SL_COUNT_OF(limits); i++) {
		printf("%s\t", limits[i].what);
		print_value(&limits[i]);
		printf("\n");
	}
	return 0;
}
