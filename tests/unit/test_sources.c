/* The URLs of one file and what is sent to each. */
#include "sluice/download/sources.h"

#include "support/entries.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* The only entry of a list, until the next call. */
static struct sl_entry
entry_of(const char *list)
{
	static struct sl_manifest *manifest;
	struct sl_entry entry = { 0 };
	sl_manifest_free(manifest);
	manifest = entries_open(sl_span_str(list));
	cr_assert_eq(entries_next(manifest, &entry, NULL), 1, "%s", list);
	return entry;
}

static uint64_t
identity_of(const char *list)
{
	struct sl_entry entry = entry_of(list);
	struct sl_sources sources;
	sl_sources_init(&sources, &entry);
	cr_assert_eq(sl_sources_use(&sources, 0, NULL), 0);
	uint64_t identity = sl_sources_identity(&sources);
	sl_sources_release(&sources);
	return identity;
}

Test(sources, they_are_used_one_after_the_other)
{
	struct sl_entry entry = entry_of("http://a/x?token=secret\tftp://b/x\thttps://u:pw@c/x\n");
	struct sl_sources sources;
	struct sl_error err = { 0 };
	sl_sources_init(&sources, &entry);
	cr_expect_str_eq(sl_sources_show(&sources), "");
	cr_expect_eq(sl_sources_use(&sources, 0, &err), 0);
	cr_expect_str_eq(sources.url.host, "a");
	cr_expect_null(strstr(sl_sources_show(&sources), "secret"));
	cr_expect_eq(sl_sources_use(&sources, 1, &err), SL_E_UNSUPPORTED);
	cr_expect_not_null(strstr(sl_sources_show(&sources), "//a/x"), "that of the one before");
	sl_error_clear(&err);
	cr_expect_eq(sl_sources_use(&sources, 2, &err), 0);
	cr_expect_str_eq(sources.url.host, "c");
	cr_expect_null(strstr(sl_sources_show(&sources), "pw"));
	sl_sources_release(&sources);
}

Test(sources, the_user_of_the_entry_is_that_of_urls_without_one)
{
	struct sl_entry entry = entry_of("http://a/x\thttp://me:mine@b/x\n http-user=u\n"
					 " http-passwd=p\n");
	struct sl_sources sources;
	sl_sources_init(&sources, &entry);
	cr_assert_eq(sl_sources_use(&sources, 0, NULL), 0);
	cr_expect_str_eq(sources.url.user, "u");
	cr_expect_str_eq(sources.url.password, "p");
	cr_assert_eq(sl_sources_use(&sources, 1, NULL), 0);
	cr_expect_str_eq(sources.url.user, "me");
	cr_expect_str_eq(sources.url.password, "mine");
	sl_sources_release(&sources);
}

Test(sources, an_entry_without_a_url_cannot_be_used)
{
	struct sl_entry entry = { 0 };
	struct sl_sources sources;
	struct sl_error err = { 0 };
	sl_sources_init(&sources, &entry);
	cr_expect_eq(sl_sources_use(&sources, 0, &err), SL_E_USAGE);
	cr_expect_neq(err.text[0], '\0');
	sl_sources_release(&sources);
}

Test(sources, header_lines_come_before_options_of_the_same_field)
{
	struct sl_entry entry = entry_of("http://a/x\n header=X-One:  1 \n header=referer: mine\n"
					 " referer=other\n user-agent=tester\n");
	struct sl_http_header headers[SL_SOURCES_HEADERS];
	struct sl_sources sources;
	sl_sources_init(&sources, &entry);
	cr_assert_eq(sl_sources_headers(&sources, headers), 3);
	cr_expect(sl_span_is(headers[0].name, "X-One"));
	cr_expect(sl_span_is(headers[0].value, "1"));
	cr_expect(sl_span_is(headers[1].value, "mine"));
	cr_expect(sl_span_is(headers[2].name, "User-Agent"));
	cr_expect(sl_span_is(headers[2].value, "tester"));
	cr_expect_eq(sl_sources_check_headers(&sources, NULL), 0);
	sl_sources_release(&sources);
}

Test(sources, a_header_that_cannot_be_sent_is_known_before_a_request)
{
	struct sl_entry entry = entry_of("http://a/x\n header=Content-Length: 5\n");
	struct sl_sources sources;
	struct sl_error err = { 0 };
	sl_sources_init(&sources, &entry);
	cr_expect_eq(sl_sources_check_headers(&sources, &err), SL_E_USAGE);
	cr_expect_not_null(strstr(err.text, "Content-Length"));
	sl_sources_release(&sources);
}

/* Each differs from the first one in one thing that is sent or checked; out= and dir= do not
 * count. */
Test(sources, what_is_sent_or_checked_makes_a_download_another_one)
{
	static const char plain[] = "http://a/x\n";
	static const char *const others[] = { "http://a/y\n", "https://a/x\n", "http://a:81/x\n",
		"http://u@a/x\n", "http://u:p@a/x\n", "http://a/x?\n", "http://a/x\n header=A: b\n",
		"http://a/x\n header=A: c\n", "http://a/x\n referer=r\n",
		"http://a/x\n user-agent=r\n", "http://a/x\n http-user=u\n http-passwd=q\n",
		"http://a/x\n checksum=md5=900150983cd24fb0d6963f7d28e17f72\n" };
	uint64_t seen[SL_COUNT_OF(others)];
	cr_expect_eq(identity_of("HTTP://A:80/x#f\n out=o\n dir=d\n"), identity_of(plain));
	for (size_t i = 0; i < SL_COUNT_OF(others); i++) {
		seen[i] = identity_of(others[i]);
		cr_expect_neq(seen[i], identity_of(plain), "%s", others[i]);
		for (size_t k = 0; k < i; k++)
			cr_expect_neq(seen[i], seen[k], "%s and %s", others[i], others[k]);
	}
}

Test(sources, a_copy_of_an_entry_outlives_its_text)
{
	char list[] = "http://a/x\thttp://b/x\n out=o\n dir=d\n header=A: b\n referer=r\n"
		      " user-agent=u\n http-user=n\n http-passwd=p\n";
	struct sl_entry entry = entry_of(list), copy;
	char *memory = NULL;
	cr_assert_eq(sl_entry_copy(&copy, &entry, &memory), 0);
	memset(list, '#', sizeof(list) - 1);
	cr_expect_eq(copy.source_count, 2);
	cr_expect(sl_span_is(copy.sources[0], "http://a/x"));
	cr_expect(sl_span_is(copy.sources[1], "http://b/x"));
	cr_expect(sl_span_is(copy.out, "o"));
	cr_expect(sl_span_is(copy.dir, "d"));
	cr_expect(sl_span_is(copy.headers[0], "A: b"));
	cr_expect(sl_span_is(copy.referer, "r"));
	cr_expect(sl_span_is(copy.user_agent, "u"));
	cr_expect(sl_span_is(copy.user, "n"));
	cr_expect(sl_span_is(copy.password, "p"));
	free(memory);
}
