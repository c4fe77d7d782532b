/*
 * A URL and, behind the first newline, a reference to resolve beside it. What was accepted holds
 * url.h's invariants, formats to text that reads back as the same URL, gives a safe file name and a
 * safe directory or none, and makes one request line.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/request.h"
#include "sluice/http/url.h"

#include <ctype.h>

static void
check_invariants(const struct sl_url *url)
{
	must(url->host && url->host[0]);
	for (const char *c = url->host; *c; c++)
		must(islower(*c) || isdigit(*c) || strchr(url->is_ipv6 ? ":." : "-._", *c));
	must(url->port != 0);
	must(url->target && url->target[0] == '/' && strlen(url->target) <= SL_URL_MAX);
	for (const char *c = url->target; *c; c++) {
		must((unsigned char)*c >= 0x21 && (unsigned char)*c <= 0x7e &&
			!strchr("\"#<>\\^`{|}[]", *c));
		must(*c != '%' || (isxdigit(c[1]) && isxdigit(c[2])));
	}
	must(url->has_userinfo == (url->user != NULL) &&
		url->has_userinfo == (url->password != NULL));
}

static void
check_round_trip(const struct sl_url *url)
{
	struct sl_buf text = { 0 }, again_text = { 0 };
	struct sl_url again, self;
	sl_url_format(&text, url);
	if (text.len >
		SL_URL_MAX) { /* a default port or a scheme that was left out may be spelt out */
		sl_buf_release(&text);
		return;
	}
	must(sl_url_parse(&again, sl_buf_span(&text), NULL) == 0);
	must(sl_url_same_origin(url, &again) && strcmp(url->target, again.target) == 0);
	must(!again.has_userinfo);
	sl_url_format(&again_text, &again);
	must(sl_span_equal(sl_buf_span(&text), sl_buf_span(&again_text)));
	/* A URL resolves to its own origin, and to itself once its dot segments are gone. */
	must(sl_url_resolve(&self, url, sl_buf_span(&text), NULL) == 0);
	must(sl_url_same_origin(url, &self));
	must(strstr(url->target, "/.") || strcasestr(url->target, "/%2e") ||
		strcmp(url->target, self.target) == 0);
	sl_url_release(&self);
	sl_url_release(&again);
	sl_buf_release(&again_text);
	sl_buf_release(&text);
}

static void
check_file_name(const struct sl_url *url)
{
	struct sl_buf name = { 0 };
	if (sl_url_file_name(url, &name, NULL) == 0) {
		must(name.len > 0 && name.len <= SL_URL_FILE_NAME_MAX);
		must(name.data[0] != '.' && name.data[0] != '-');
		for (size_t i = 0; i < name.len; i++)
			must(name.data[i] != '/' && !iscntrl((unsigned char)name.data[i]));
	}
	sl_buf_release(&name);
}

static void
check_directory_name(const struct sl_url *url)
{
	struct sl_buf name = { 0 };
	if (sl_url_directory_name(url, &name, NULL) == 0) {
		must(name.len > 0 && name.len <= SL_URL_DIRECTORY_MAX);
		must(name.data[0] != '/' && name.data[name.len - 1] != '/');
		for (size_t i = 0; i < name.len; i++) {
			bool begins = i == 0 || name.data[i - 1] == '/';
			must(!iscntrl((unsigned char)name.data[i]));
			must(!begins || !strchr("/.-", name.data[i]));
		}
	}
	sl_buf_release(&name);
}

static void
check_request(const struct sl_url *url)
{
	struct sl_buf text = { 0 }, credentials = { 0 };
	if (url->has_userinfo)
		must(sl_request_add_basic(&credentials, url->user, url->password) == 0);
	struct sl_request request = {
		.method = "GET", .url = url, .user_agent = "fuzz", .authorization = credentials.data
	};
	must(sl_request_format(&text, &request, NULL) == 0);
	size_t lines = 0;
	for (size_t i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	must(lines == 6u + url->has_userinfo);
	sl_buf_release(&credentials);
	sl_buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	const char *newline = len ? memchr(text, '\n', len) : NULL;
	size_t first = newline ? (size_t)(newline - text) : len;
	struct sl_url url, out;
	if (sl_url_parse(&url, sl_span(text, first), NULL) != 0)
		return 0;
	check_invariants(&url);
	check_round_trip(&url);
	check_file_name(&url);
	check_directory_name(&url);
	check_request(&url);
	if (newline &&
		sl_url_resolve(&out, &url, sl_span(newline + 1, len - first - 1), NULL) == 0) {
		check_invariants(&out);
		check_round_trip(&out);
		must(!out.has_userinfo);
		sl_url_release(&out);
	}
	sl_url_release(&url);
	return 0;
}
