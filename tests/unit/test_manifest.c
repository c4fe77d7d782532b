/* Plain lists and aria2's input files, and what all lists have in common. */
#include "support/entries.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* Whatever pieces it is fed in. */
static void
expect_span(struct sl_span text, const char *want)
{
	struct entries_reading reading = { 0 };
	struct sl_buf got = { 0 };
	cr_expect(entries_are(text, want, &reading, &got),
		"list '%.*s' fed as %zu and %zu: got '%s', want '%s'", (int)text.len, text.data,
		reading.first, reading.step, got.data ? got.data : "", want);
	sl_buf_release(&got);
}

static void
expect_list(const char *text, const char *want)
{
	expect_span(sl_span_str(text), want);
}

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"

Test(manifest, reads_lists_of_urls_and_options)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "\n\n  \n\t\n", "" },
		{ "# only a comment", "" },
		{ "http://h/a\n # a comment\n\t#out=x\n out=y\n #", "1 http://h/a out=y\n" },
		{ "http://a/x", "1 http://a/x\n" },
		{ "http://a/x\n", "1 http://a/x\n" },
		{ "http://a/x\r\n", "1 http://a/x\n" },
		{ "http://a/x\r", "1 http://a/x\n" },
		{ "http://a/x  \n", "1 http://a/x\n" },
		{ "http://a/x\nhttp://b/y\n", "1 http://a/x\n2 http://b/y\n" },
		{ "\nhttp://a/x\n\n# c\nhttp://b/y", "2 http://a/x\n5 http://b/y\n" },
		{ "http://a/#part\n", "1 http://a/#part\n" },
		{ "http://a/x\thttp://b/x\n", "1 http://a/x http://b/x\n" },
		{ "http://a/x\t\thttp://b/x\t\n", "1 http://a/x http://b/x\n" },
		{ "http://a/x\n out=y\n", "1 http://a/x out=y\n" },
		{ "http://a/x\n\tout=y\n  dir=d/e\n", "1 http://a/x out=y dir=d/e\n" },
		{ "http://a/x\r\n out=y\r\n dir=d\r\n", "1 http://a/x out=y dir=d\n" },
		{ "http://a/x\n out = a name with blanks \n",
			"1 http://a/x out=a name with blanks\n" },
		{ "http://a/x\n out=a=b\n", "1 http://a/x out=a=b\n" },
		{ "http://a/x\n out=\n", "1 http://a/x\n" },
		{ "http://a/x\n out=a\n out=b\n", "1 http://a/x out=b\n" },
		{ "http://a/x\n header=A: b\n header=C:d\n",
			"1 http://a/x header=A: b header=C:d\n" },
		{ "http://a/x\n checksum=md5=" MD5 "\n", "1 http://a/x sum=md5:d41d\n" },
		{ "http://a/x\n referer=http://b/\n user-agent=me 1\n",
			"1 http://a/x referer=http://b/ agent=me 1\n" },
		{ "http://a/x\n http-user=me\n http-passwd=a=b\n",
			"1 http://a/x user=me password=a=b\n" },
		{ "http://a/x\n remote-time=true\nhttp://b/y\n remote-time=false\n",
			"1 http://a/x time\n3 http://b/y no-time\n" },
		/* as aria2 saves a session */
		{ "http://a/x\thttp://b/x\t\n gid=0123456789abcdef\n dir=/d\n out=f\n split=5\n"
		  " max-connection-per-server=16\n pause=true\n",
			"1 http://a/x http://b/x out=f dir=/d\n" },
		/* comments and blank lines do not end an entry */
		{ "http://a/x\n\n# c\n out=y\nhttp://b\n", "1 http://a/x out=y\n5 http://b\n" },
		{ "\xef\xbb\xbfhttp://a/x\n", "1 http://a/x\n" },
		{ "\xef\xbb\xbf", "" },
		/* text that is not a URL is refused when it is fetched */
		{ "not a url\n", "1 not a url\n" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_list(cases[i].text, cases[i].want);
}

#define SUPPORTED \
	" (out, dir, checksum, header, referer, user-agent, http-user, http-passwd and " \
	"remote-time apply to a file; other options of aria2's input files are ignored)"

Test(manifest, refuses_an_entry_and_goes_on_behind_it)
{
	static const struct {
		const char *text, *want, *message;
	} cases[] = {
		{ " out=y\nhttp://a/x\n", "!\n2 http://a/x\n",
			"line 1 of the list: an option line (it begins with a space) has no URL "
			"before it" },
		{ "http://a/x\n colour=4\nhttp://b/y\n", "!\n3 http://b/y\n",
			"line 2 of the list: unknown option 'colour'" SUPPORTED },
		/* of the command line of aria2, which its input files do not have */
		{ "http://a/x\n max-concurrent-downloads=4\n", "!\n", NULL },
		{ "http://a/x\n spli=4\n", "!\n",
			"line 2 of the list: unknown option 'spli'" SUPPORTED },
		{ "http://a/x\n splits=4\n", "!\n",
			"line 2 of the list: unknown option 'splits'" SUPPORTED },
		{ "http://a/x\n remote-time=maybe\n", "!\n",
			"line 2 of the list: remote-time must be true or false" },
		{ "http://a/x\n out\nhttp://b/y\n", "!\n3 http://b/y\n",
			"line 2 of the list: an option line is name=value, not 'out'" },
		{ "http://a/x\n OUT=y\n", "!\n", NULL },
		/* what may be a secret is not shown */
		{ "http://a/x\n https://me:hunter2=xx@h/x\n", "!\n",
			"line 2 of the list: an option line (it begins with a space) is "
			"name=value; a URL must begin at the start of its line" },
		{ " https://me:hunter2@h/x\n", "!\n",
			"line 1 of the list: an option line (it begins with a space) has no URL "
			"before it" },
		{ "http://a/x\n header X-Api-Key hunter2\n", "!\n",
			"line 2 of the list: an option line is name=value, with out, dir, checksum "
			"or header as its name" },
		{ "http://a/x\n =y\n", "!\n", NULL },
		{ "http://a/x\n checksum=md5=zz\nhttp://b\n", "!\n3 http://b\n",
			"line 2 of the list: a md5 checksum has 32 hex digits, not 2" },
		{ "http://a/x\n checksum=crc=00\n", "!\n", NULL },
		{ "http://a/x\n header=Authorization secret\n", "!\n",
			"line 2 of the list: a header is header=Name: value" },
		{ "http://a/x\n header=: secret\n", "!\n",
			"line 2 of the list: a header is header=Name: value" },
		{ "http://a/x\n header=\n", "!\n", NULL },
		/* the first fault counts, the rest of the entry is read over */
		{ "http://a/x\n bad=1\n out=y\n worse=2\nhttp://b\n", "!\n5 http://b\n",
			"line 2 of the list: unknown option 'bad'" SUPPORTED },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_manifest *manifest = entries_open(sl_span_str(cases[i].text));
		struct sl_entry entry;
		struct sl_error err = { 0 };
		expect_list(cases[i].text, cases[i].want);
		cr_expect_eq(entries_next(manifest, &entry, &err), SL_E_USAGE);
		if (cases[i].message)
			cr_expect_str_eq(err.text, cases[i].message);
		sl_manifest_free(manifest);
	}
}

static int
first_code(const struct sl_buf *text, struct sl_entry *entry)
{
	struct sl_manifest *manifest = entries_open(sl_buf_span(text));
	int code = entries_next(manifest, entry, NULL);
	sl_manifest_free(manifest);
	return code;
}

static void
expect_ignored(const char *text, const char *want)
{
	struct sl_manifest *manifest = entries_open(sl_span_str(text));
	struct sl_entry entry;
	struct sl_buf names = { 0 };
	while (entries_next(manifest, &entry, NULL) != 0)
		continue;
	sl_manifest_add_ignored(manifest, &names);
	cr_expect_str_eq(names.data ? names.data : "", want);
	sl_manifest_free(manifest);
	sl_buf_release(&names);
}

Test(manifest, options_of_aria2_that_are_ignored_are_named_once)
{
	expect_ignored("http://a/x\n out=y\n gid=0123456789abcdef\n", "");
	expect_ignored("http://a/x\n user-agent=b\n all-proxy=c\nhttp://b/\n use-head=true\n"
		       " split=2\n split=3\n all-proxy=d\n",
		"all-proxy, split, use-head");
	expect_ignored("http://a/x\n wrong=y\n split=1\n", "split");
}

/* Those of aria2c 1.36, from the section "Input File" of its manual. */
static const char *const aria2_options[] = {
	"all-proxy",
	"all-proxy-passwd",
	"all-proxy-user",
	"allow-overwrite",
	"allow-piece-length-change",
	"always-resume",
	"async-dns",
	"auto-file-renaming",
	"bt-enable-hook-after-hash-check",
	"bt-enable-lpd",
	"bt-exclude-tracker",
	"bt-external-ip",
	"bt-force-encryption",
	"bt-hash-check-seed",
	"bt-load-saved-metadata",
	"bt-max-peers",
	"bt-metadata-only",
	"bt-min-crypto-level",
	"bt-prioritize-piece",
	"bt-remove-unselected-file",
	"bt-request-peer-speed-limit",
	"bt-require-crypto",
	"bt-save-metadata",
	"bt-seed-unverified",
	"bt-stop-timeout",
	"bt-tracker",
	"bt-tracker-connect-timeout",
	"bt-tracker-interval",
	"bt-tracker-timeout",
	"check-integrity",
	"checksum",
	"conditional-get",
	"connect-timeout",
	"content-disposition-default-utf8",
	"continue",
	"dir",
	"dry-run",
	"enable-http-keep-alive",
	"enable-http-pipelining",
	"enable-mmap",
	"enable-peer-exchange",
	"file-allocation",
	"follow-metalink",
	"follow-torrent",
	"force-save",
	"ftp-passwd",
	"ftp-pasv",
	"ftp-proxy",
	"ftp-proxy-passwd",
	"ftp-proxy-user",
	"ftp-reuse-connection",
	"ftp-type",
	"ftp-user",
	"gid",
	"hash-check-only",
	"header",
	"http-accept-gzip",
	"http-auth-challenge",
	"http-no-cache",
	"http-passwd",
	"http-proxy",
	"http-proxy-passwd",
	"http-proxy-user",
	"http-user",
	"https-proxy",
	"https-proxy-passwd",
	"https-proxy-user",
	"index-out",
	"lowest-speed-limit",
	"max-connection-per-server",
	"max-download-limit",
	"max-file-not-found",
	"max-mmap-limit",
	"max-resume-failure-tries",
	"max-tries",
	"max-upload-limit",
	"metalink-base-uri",
	"metalink-enable-unique-protocol",
	"metalink-language",
	"metalink-location",
	"metalink-os",
	"metalink-preferred-protocol",
	"metalink-version",
	"min-split-size",
	"no-file-allocation-limit",
	"no-netrc",
	"no-proxy",
	"out",
	"parameterized-uri",
	"pause",
	"pause-metadata",
	"piece-length",
	"proxy-method",
	"realtime-chunk-checksum",
	"referer",
	"remote-time",
	"remove-control-file",
	"retry-wait",
	"reuse-uri",
	"rpc-save-upload-metadata",
	"seed-ratio",
	"seed-time",
	"select-file",
	"split",
	"ssh-host-key-md",
	"stream-piece-selector",
	"timeout",
	"uri-selector",
	"use-head",
	"user-agent",
};

Test(manifest, every_option_of_aria2s_input_files_is_accepted)
{
	for (size_t i = 0; i < SL_COUNT_OF(aria2_options); i++) {
		struct sl_buf text = { 0 };
		const char *value = strcmp(aria2_options[i], "checksum") == 0      ? "md5=" MD5
				    : strcmp(aria2_options[i], "header") == 0      ? "A: b"
				    : strcmp(aria2_options[i], "remote-time") == 0 ? "true"
										   : "1";
		sl_buf_printf(&text, "http://a/x\n %s=%s\n", aria2_options[i], value);
		struct sl_entry entry;
		cr_expect_eq(first_code(&text, &entry), 1, "%s", aria2_options[i]);
		sl_buf_release(&text);
	}
}

Test(manifest, a_nul_byte_ends_the_list)
{
	static const char text[] = "http://a/x\nhttp://b\0\nhttp://c/x\n";
	expect_span(sl_span(text, sizeof(text) - 1), "1 http://a/x\n!!\n");
}

/* ---- limits ---- */

static void
add_many(struct sl_buf *out, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		sl_buf_add_str(out, text);
}

Test(manifest, an_entry_has_so_many_urls_and_no_more)
{
	struct sl_buf text = { 0 };
	struct sl_entry entry;
	add_many(&text, SL_ENTRY_SOURCES, "http://a/x\t");
	cr_expect_eq(first_code(&text, &entry), 1);
	cr_expect_eq(entry.source_count, SL_ENTRY_SOURCES);
	add_many(&text, 1, "http://a/x");
	cr_expect_eq(first_code(&text, &entry), SL_E_USAGE);
	sl_buf_release(&text);
}

Test(manifest, an_entry_has_so_many_headers_and_no_more)
{
	struct sl_buf text = { 0 };
	struct sl_entry entry;
	sl_buf_add_str(&text, "http://a/x\n");
	add_many(&text, SL_ENTRY_HEADERS, " header=A: b\n");
	cr_expect_eq(first_code(&text, &entry), 1);
	cr_expect_eq(entry.header_count, SL_ENTRY_HEADERS);
	add_many(&text, 1, " header=A: b\n");
	cr_expect_eq(first_code(&text, &entry), SL_E_USAGE);
	sl_buf_release(&text);
}

Test(manifest, a_line_has_so_many_bytes_and_no_more)
{
	struct sl_buf text = { 0 };
	struct sl_entry entry;
	add_many(&text, SL_MANIFEST_LINE, "x");
	cr_expect_eq(first_code(&text, &entry), 1);
	cr_expect_eq(entry.sources[0].len, SL_MANIFEST_LINE);
	add_many(&text, 1, "x\nhttp://b/y\n");
	struct sl_manifest *manifest = entries_open(sl_buf_span(&text));
	cr_expect_eq(entries_next(manifest, &entry, NULL), SL_E_USAGE);
	cr_expect_eq(entries_next(manifest, &entry, NULL), 1, "the next one is good");
	cr_expect_eq(entry.line, 2);
	sl_manifest_free(manifest);
	sl_buf_release(&text);
}

/* A cut list is a shorter list: whatever is missing, the entries before the last are the same. */
Test(manifest, a_list_cut_anywhere_gives_the_entries_before_the_cut)
{
	static const char text[] = "http://a/x\thttp://b/x\r\n out=y\r\n# c\r\n\r\n"
				   "http://c/z\n\tdir=d\n checksum=md5=" MD5 "\nhttp://e/f\n";
	const struct entries_reading whole = { 0 };
	struct sl_buf all = { 0 };
	entries_read(&all, sl_span_str(text), &whole);
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct sl_buf got = { 0 };
		entries_read(&got, sl_span(text, cut), &whole);
		size_t len = got.len; /* without the last entry, which the cut may have changed */
		while (len > 0 && (len == got.len || got.data[len - 1] != '\n'))
			len--;
		cr_expect(len <= all.len && (len == 0 || memcmp(got.data, all.data, len) == 0),
			"cut at %zu: %s", cut, got.data ? got.data : "");
		sl_buf_release(&got);
	}
	sl_buf_release(&all);
}

/* The long lines and the comments are longer than what is kept of a list. */
Test(manifest, a_list_of_any_size_reads_the_same_in_pieces_of_any_size)
{
	static const size_t steps[] = { 1000, 4096, 65537, 262144, 300001 };
	struct sl_buf text = { 0 }, want = { 0 };
	for (unsigned i = 0; i < 20000; i++)
		sl_buf_printf(&text, "http://a/short/%u\n", i);
	for (unsigned i = 0; i < 40; i++) {
		sl_buf_printf(&text, "http://a/%u\thttp://b/%u\n", i, i);
		for (unsigned j = 0; j < i; j++)
			sl_buf_printf(&text, "#%1000u\r\n header=A: %u\n", i, j);
		sl_buf_add_str(&text, i % 7 ? "" : "# ");
		add_many(&text, i % 13 ? 100 : 400000, "x");
		sl_buf_add_str(&text, "\n out=y\n");
	}
	entries_read(&want, sl_buf_span(&text), &(struct entries_reading){ 0 });
	cr_expect_not_null(strstr(want.data, "http://a/31 http://b/31 "));
	for (size_t i = 0; i < SL_COUNT_OF(steps); i++) {
		struct entries_reading reading = { .first = 1, .step = steps[i] };
		struct sl_buf got = { 0 };
		entries_read(&got, sl_buf_span(&text), &reading);
		cr_expect_str_eq(got.data, want.data, "in pieces of %zu", steps[i]);
		sl_buf_release(&got);
	}
	sl_buf_release(&text);
	sl_buf_release(&want);
}

Test(manifest, a_page_of_html_or_xml_is_not_a_list)
{
	expect_list("<!DOCTYPE html>\n<html>\n<body>\n", "!!\n");
	expect_list("# c\n\n  <?xml version='1.0'?>\nhttp://a/x\n", "!!\n");
	expect_list("http://a/x\n<b\nhttp://c/x\n", "1 http://a/x\n2 <b\n3 http://c/x\n");
}

Test(manifest, an_entry_has_so_much_text_and_no_more)
{
	struct sl_buf text = { 0 };
	struct sl_entry entry;
	sl_buf_add_str(&text, "http://a/x\n");
	for (unsigned i = 0; i < 20; i++) {
		sl_buf_add_str(&text, " out=");
		add_many(&text, 60000, "x");
		sl_buf_add_char(&text, '\n');
		cr_expect_eq(first_code(&text, &entry), i < 17 ? 1 : SL_E_USAGE, "%u", i);
	}
	sl_buf_release(&text);
}

Test(manifest, what_is_not_a_list_in_utf_8_is_refused)
{
	static const struct {
		const char *text;
		size_t len;
		const char *words;
	} cases[] = {
		{ "\xff\xfeh\0t\0t\0p\0", 10, "UTF-16" },
		{ "\xfe\xff\0h\0t\0t\0p", 10, "UTF-16" },
		{ "h\0t\0t\0p\0\n\0", 10, "NUL" },
		{ "\x7f"
		  "ELF\2\1\1\0\n",
			9, "NUL" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_span text = sl_span(cases[i].text, cases[i].len);
		struct entries_reading reading = { .messages = true };
		struct sl_buf got = { 0 };
		expect_span(text, "!!\n");
		entries_read(&got, text, &reading);
		cr_expect_not_null(strstr(got.data, cases[i].words), "%s", got.data);
		sl_buf_release(&got);
	}
}
