/*
 * A value of Set-Cookie, from hosts of several kinds: what is kept is sent back without a control
 * byte, to the hosts that may have it and to no other, and over http only if it is not Secure.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/cookie_jar.h"
#include "sluice/http/public_suffix.h"

#define NOW 1000000

static const char *const hosts[] = { "a.example.com", "example.com", "evil.test", "other.co.uk",
	"10.0.0.1", "9.10.0.0.1.test", "a.example.com.", "com" };

static struct sl_url
url_of(enum sl_scheme scheme, const char *host)
{
	/* Both are only read. */
	return (struct sl_url){ .scheme = scheme,
		.host = (char *)(uintptr_t)host,
		.port = 80,
		.target = (char *)(uintptr_t) "/dir/file?q" };
}

static bool
is_below(const char *domain, const char *host)
{
	size_t len = strlen(domain), all = strlen(host);
	return all > len && host[all - len - 1] == '.' && strcmp(host + all - len, domain) == 0;
}

/* They are the same, or both are, or are below, some name that is no public suffix. */
static bool
may_share(const char *a, const char *b)
{
	for (const char *name = a; name; name = strchr(name, '.')) {
		name += *name == '.';
		if (*name && (strcmp(name, a) == 0 || is_below(name, a)) &&
			(strcmp(name, b) == 0 || is_below(name, b)) && !sl_public_suffix_is(name) &&
			name[strlen(name) - 1] != '.')
			return true;
	}
	return strcmp(a, b) == 0;
}

static void
check_sent(struct sl_cookie_jar *jar, const struct sl_url *from, const char *host,
	enum sl_scheme scheme, bool is_secure)
{
	struct sl_url to = url_of(scheme, host);
	struct sl_buf out = { 0 };
	int count = sl_cookie_jar_format(jar, &to, NOW, sl_span("", 0), &out);
	must(count == 0 || count == 1);
	must((count == 1) == (out.len > 0));
	if (count == 1) {
		must(may_share(from->host, host));
		must(scheme == SL_SCHEME_HTTPS || !is_secure);
		for (size_t i = 0; i < out.len; i++)
			must(((unsigned char)out.data[i] >= 0x20 && out.data[i] != 0x7f) ||
				out.data[i] == '\t');
		must(!memchr(out.data, ';', out.len) && memchr(out.data, '=', out.len));
	}
	sl_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span value = sl_span((const char *)data, len);
	for (size_t i = 0; i < 6; i++) {
		struct sl_url from = url_of(i % 2 ? SL_SCHEME_HTTPS : SL_SCHEME_HTTP, hosts[i]);
		struct sl_cookie_jar jar = { 0 };
		struct sl_cookie cookie;
		int code = sl_cookie_jar_set(&jar, &from, value, NOW);
		must(code == 0 || code == 1);
		must((size_t)code == jar.count);
		bool is_secure = sl_cookie_parse(&cookie, value, NOW) && cookie.is_secure;
		must(code == 0 || !is_secure || from.scheme == SL_SCHEME_HTTPS);
		for (size_t k = 0; k < SL_COUNT_OF(hosts); k++) {
			check_sent(&jar, &from, hosts[k], SL_SCHEME_HTTP, is_secure);
			check_sent(&jar, &from, hosts[k], SL_SCHEME_HTTPS, is_secure);
		}
		sl_cookie_jar_release(&jar);
	}
	return 0;
}
