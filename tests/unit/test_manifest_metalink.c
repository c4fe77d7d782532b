#include "support/entries.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"
#define SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA512 \
	"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" \
	"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

#define BEGIN4 "<?xml version=\"1.0\"?><metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">"
#define END4 "</metalink>"
#define U "<url>http://a/x</url>"

/* Whatever pieces it is fed in. */
static void
expect_list(const char *text, const char *want, bool messages)
{
	struct entries_reading reading = { .messages = messages };
	struct sl_buf got = { 0 };
	cr_expect(entries_are(sl_span_str(text), want, &reading, &got),
		"list '%s' fed as %zu and %zu: got '%s', want '%s'", text, reading.first,
		reading.step, got.data ? got.data : "", want);
	sl_buf_release(&got);
}

/* A file of that content in a document of version 4. */
static void
expect_file(const char *content, const char *want, bool messages)
{
	struct sl_buf text = { 0 };
	sl_buf_printf(&text, "%s<file name=\"n\">%s</file>%s", BEGIN4, content, END4);
	expect_list(text.data, want, messages);
	sl_buf_release(&text);
}

/* ---- documents ---- */

Test(manifest_metalink, reads_version_4_with_all_that_it_has)
{
	expect_list("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n"
		    "<generator>g/1</generator><origin dynamic=\"true\">http://o/l.meta4</origin>\n"
		    "<published>2009-05-15T12:23:23Z</published>\n"
		    "<file name=\"d/example.ext\">\n"
		    " <identity>Example</identity><version>1.0</version><language>en</language>\n"
		    " <size>\n  25 \n </size>\n"
		    " <hash type=\"md5\">" MD5 "</hash><hash type=\"sha-256\">" SHA256 "</hash>\n"
		    " <hash type=\"sha-1\">" SHA1 "</hash>\n"
		    " <pieces length=\"10\" type=\"sha-1\"><hash>" SHA1 "</hash>\n"
		    "  <hash>0a11a3ee5e6b4b0d3255bfef95601890afd80709</hash>\n"
		    "  <hash>0b22a3ee5e6b4b0d3255bfef95601890afd80709</hash></pieces>\n"
		    " <url location=\"de\" priority=\"2\">http://b/x</url>\n"
		    " <url priority=\"1\">https://a/x?a=1&amp;b=2</url>\n"
		    " <metaurl mediatype=\"torrent\">http://a/x.torrent</metaurl>\n"
		    " <signature mediatype=\"application/pgp-signature\">-----BEGIN</signature>\n"
		    "</file>\n<file name=\"y\"><url>http://c/y</url></file>\n"
		    "</metalink>\n",
		"5 https://a/x?a=1&b=2 http://b/x out=d/example.ext sum=sha-256:e3b0 size=25 "
		"pieces=sha-1:10:da39,0a11,0b22\n"
		"20 http://c/y out=y\n",
		false);
}

Test(manifest_metalink, reads_version_3)
{
	expect_list("<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\">\n"
		    "<publisher><name>p</name></publisher><files>\n"
		    "<file name=\"x\"><size>11</size><verification>\n"
		    "<hash type=\"sha1\">" SHA1 "</hash><signature type=\"pgp\">s</signature>\n"
		    "<pieces length=\"6\" type=\"md5\"><hash piece=\"0\">" MD5 "</hash>\n"
		    "<hash piece=\"1\">" MD5 "</hash></pieces></verification>\n"
		    "<resources maxconnections=\"1\">\n"
		    "<url type=\"http\" preference=\"10\">http://a/x</url>\n"
		    "<url type=\"http\" preference=\"100\">http://b/x</url>\n"
		    "<url type=\"http\">http://c/x</url>\n"
		    "<url type=\"bittorrent\" preference=\"100\">http://b/x.torrent</url>\n"
		    "<url type=\"ftp\" preference=\"100\">ftp://b/x</url>\n"
		    "</resources></file></files></metalink>",
		"3 http://b/x http://a/x http://c/x out=x sum=sha-1:da39 size=11 "
		"pieces=md5:6:d41d,d41d\n",
		false);
}

Test(manifest_metalink, namespaces_may_be_missing_or_prefixed_and_others_are_skipped)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "<metalink><file name=\"x\">" U "</file></metalink>", "1 http://a/x out=x\n" },
		{ "<m:metalink xmlns:m=\"urn:ietf:params:xml:ns:metalink\">"
		  "<m:file name=\"x\"><m:url>http://a/x</m:url></m:file></m:metalink>",
			"1 http://a/x out=x\n" },
		/* another namespace for children, which stand for nothing */
		{ BEGIN4 "<file name=\"x\"><o:url xmlns:o=\"urn:o\">http://o/</o:url>" U
			 "<o:box xmlns:o=\"urn:o\"><url>http://a/no</url></o:box></file>" END4,
			"1 http://a/x out=x\n" },
		{ BEGIN4 "<o:file xmlns:o=\"urn:o\" name=\"y\"><file name=\"z\">" U
			 "</file></o:file>"
			 "<file name=\"x\">" U "</file>" END4,
			"1 http://a/x out=x\n" },
		/* elements of this namespace at the wrong place */
		{ BEGIN4 U "<hash type=\"md5\">" MD5 "</hash><size>1</size>"
			   "<file name=\"x\">" U "<pieces/></file>" END4,
			"1 http://a/x out=x\n" },
		{ BEGIN4 END4, "" },
		{ "<!-- a comment --><metalink/>", "" },
		/* a text that is interrupted */
		{ BEGIN4 "<file name=\"x\"><url>http://<!-- c -->a/<o:o xmlns:o=\"urn:o\">no</o:o>x"
			 "</url></file>" END4,
			"1 http://a/x out=x\n" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_list(cases[i].text, cases[i].want, false);
}

Test(manifest_metalink, text_may_be_escaped_or_in_cdata_or_in_another_encoding)
{
	expect_file("<url><![CDATA[http://a/x?a&b]]></url>", "1 http://a/x?a&b out=n\n", false);
	expect_file("<url> http&#58;//a/&#x78; </url>", "1 http://a/x out=n\n", false);
	expect_list(
		"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><metalink><file name=\"\xe4\">" U
		"</file></metalink>",
		"1 http://a/x out=\xc3\xa4\n", false);
	expect_list("\xef\xbb\xbf\r\n<metalink>\r\n<file name='a&apos;b'>" U "</file></metalink>",
		"3 http://a/x out=a'b\n", false);
}

/* ---- files ---- */

Test(manifest_metalink, the_strongest_known_digest_counts)
{
	expect_file(U "<hash type=\"sha-512\">" SHA512 "</hash><hash type=\"sha-256\">" SHA256
		      "</hash>",
		"1 http://a/x out=n sum=sha-512:cf83\n", false);
	expect_file(U "<hash type=\"sha-999\">00</hash><hash type=\"MD5\">" MD5 "</hash>"
		      "<hash>" SHA256 "</hash>",
		"1 http://a/x out=n sum=md5:d41d\n", false);
	expect_file(U "<pieces type=\"md5\" length=\"1\"><hash>" MD5 "</hash></pieces>"
		      "<pieces type=\"sha-1\" length=\"2\"><hash>" SHA1 "</hash></pieces>"
		      "<pieces type=\"what\" length=\"2\"><hash>" SHA1 "</hash></pieces>"
		      "<pieces type=\"md5\" length=\"1\"><hash>" MD5 "</hash></pieces>",
		"1 http://a/x out=n pieces=sha-1:2:da39\n", false);
}

Test(manifest_metalink, urls_are_in_the_order_of_their_priority_and_equal_ones_as_they_come)
{
	expect_file("<url priority=\"5\">http://5/</url><url>http://none/</url>"
		    "<url priority=\"1\">http://1/</url><url priority=\"5\">http://5b/</url>"
		    "<url priority=\"0\">http://bad/</url><url priority=\"-1\">http://bad2/</url>"
		    "<url priority=\"999999\">http://last/</url>",
		"1 http://1/ http://5/ http://5b/ http://last/ http://none/ http://bad/ "
		"http://bad2/ out=n\n",
		false);
}

Test(manifest_metalink, of_many_urls_the_best_are_kept)
{
	struct sl_buf text = { 0 }, got = { 0 }, ignored = { 0 };
	sl_buf_add_str(&text, BEGIN4 "<file name=\"x\">");
	for (int i = 0; i < 300; i++)
		sl_buf_printf(&text, "<url priority=\"%d\">http://h%d/x</url>", 300 - i, 300 - i);
	sl_buf_add_str(&text, "</file>" END4);
	struct sl_manifest *manifest = entries_open(sl_buf_span(&text));
	struct sl_entry entry;
	cr_assert_eq(entries_next(manifest, &entry, NULL), 1);
	cr_expect_eq(entry.source_count, SL_ENTRY_SOURCES);
	for (size_t i = 0; i < entry.source_count; i++) {
		sl_buf_clear(&got);
		sl_buf_printf(&got, "http://h%zu/x", i + 1);
		cr_expect(sl_span_equal(entry.sources[i], sl_buf_span(&got)), "%.*s",
			(int)entry.sources[i].len, entry.sources[i].data);
	}
	sl_manifest_add_ignored(manifest, &ignored);
	cr_expect_str_eq(ignored.data, "268 URLs beyond the best 32 of a file");
	sl_manifest_free(manifest);
	sl_buf_release(&text);
	sl_buf_release(&got);
	sl_buf_release(&ignored);
}

Test(manifest_metalink, what_is_ignored_is_counted)
{
	struct sl_buf ignored = { 0 };
	struct sl_entry entry;
	struct sl_manifest *manifest = entries_open(sl_span_str(
		BEGIN4 "<file name=\"x\">" U "<url>ftp://a/x</url><url>rsync://a/x</url>"
		       "<metaurl mediatype=\"torrent\">http://a/t</metaurl>"
		       "<hash type=\"sha-999\">0</hash></file>"
		       "<file name=\"y\">" U "<metaurl mediatype=\"torrent\">http://a/t</metaurl>"
		       "</file>" END4));
	while (entries_next(manifest, &entry, NULL) != 0)
		continue;
	sl_manifest_add_ignored(manifest, &ignored);
	cr_expect_str_eq(ignored.data, "2 torrents (metaurl), 2 URLs other than http and https, "
				       "1 digests of unknown algorithms");
	sl_manifest_free(manifest);
	sl_buf_release(&ignored);
}

#define NAME_MUST "the name of a file must not "
#define STAY ": it must stay in the directory of the run\n"

Test(manifest_metalink, a_file_that_cannot_be_used_is_refused_and_the_next_one_read)
{
	static const struct {
		const char *attributes, *content, *why;
	} cases[] = {
		{ "name=\"/etc/passwd\"", U, NAME_MUST "begin with '/'" STAY },
		{ "name=\"../x\"", U, NAME_MUST "have '..' in it" STAY },
		{ "name=\"a/../x\"", U, NAME_MUST "have '..' in it" STAY },
		{ "name=\"a/..\"", U, NAME_MUST "have '..' in it" STAY },
		{ "name=\"..\"", U, NAME_MUST "have '..' in it" STAY },
		{ "name=\"a&#10;b\"", U, "the name of a file has control characters in it\n" },
		{ "name=\"\"", U, "a file has no name\n" },
		{ "", U, "a file has no name\n" },
		{ "name=\"x\"", "", "a file has no http or https URL\n" },
		{ "name=\"x\"", "<url>ftp://a/x</url>", "a file has no http or https URL\n" },
		{ "name=\"x\"", "<url>http://</url>", "a file has no http or https URL\n" },
		{ "name=\"x\"", U "<size>x</size>", "the size of a file is not a valid number\n" },
		{ "name=\"x\"", U "<size/>", "the size of a file is not a valid number\n" },
		{ "name=\"x\"", U "<size>-1</size>", "the size of a file is not a valid number\n" },
		{ "name=\"x\"", U "<size>9223372036854775808</size>",
			"the size of a file is not a valid number\n" },
		{ "name=\"x\"", U "<size>1</size><size>2</size>",
			"a file has two different sizes\n" },
		{ "name=\"x\"", U "<hash type=\"md5\">00</hash>",
			"a md5 checksum has 32 hex digits, not 2\n" },
		{ "name=\"x\"", U "<hash type=\"md5\">d41d8cd98f00b204e9800998ecf8427g</hash>",
			"a checksum has hex digits only\n" },
		{ "name=\"x\"",
			U "<hash type=\"md5\">" MD5 "</hash><hash type=\"md5\">" MD5 "</hash>"
			  "<hash type=\"md5\">00000000000000000000000000000000</hash>",
			"a file has two different checksums of one kind\n" },
		{ "name=\"x\"", U "<pieces type=\"md5\" length=\"0\"/>",
			"the length of the pieces of a file is not a valid number\n" },
		{ "name=\"x\"", U "<pieces type=\"md5\"/>",
			"the length of the pieces of a file is not a valid number\n" },
		{ "name=\"x\"", U "<pieces type=\"md5\" length=\"1\"><hash>0</hash></pieces>",
			"a md5 checksum has 32 hex digits, not 1\n" },
		{ "name=\"x\"",
			U "<pieces type=\"md5\" length=\"1\"><hash piece=\"1\">" MD5
			  "</hash></pieces>",
			"the pieces of a file are not in order\n" },
		{ "name=\"x\"",
			U "<size>2</size><pieces type=\"md5\" length=\"1\"><hash>" MD5
			  "</hash></pieces>",
			"the number of pieces of a file does not match its size\n" },
		/* the first fault is the one that is named */
		{ "name=\"..\"", "<size>x</size>", NAME_MUST "have '..' in it" STAY },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf text = { 0 }, want = { 0 };
		sl_buf_printf(&text, "%s\n<file %s>%s</file>\n<file name=\"y\">%s</file>%s", BEGIN4,
			cases[i].attributes, cases[i].content, U, END4);
		sl_buf_printf(&want, "! line 2 of the list: %s3 http://a/x out=y\n", cases[i].why);
		expect_list(text.data, want.data, true);
		sl_buf_release(&text);
		sl_buf_release(&want);
	}
}

Test(manifest_metalink, names_with_dots_and_directories_that_stay_below_are_fine)
{
	static const char *const names[] = { "a/b/c", "...", "a..b", "..a", "./a", "-", "a/.b" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++) {
		struct sl_buf text = { 0 }, want = { 0 };
		sl_buf_printf(&text, "%s<file name=\"%s\">%s</file>%s", BEGIN4, names[i], U, END4);
		sl_buf_printf(&want, "1 http://a/x out=%s\n", names[i]);
		expect_list(text.data, want.data, true);
		sl_buf_release(&text);
		sl_buf_release(&want);
	}
}

/* ---- bad documents ---- */

#define FIRST BEGIN4 "<file name=\"x\">" U "</file>\n"
#define GOT "1 http://a/x out=x\n"
#define NOT_XML "not well-formed XML: "

Test(manifest_metalink, xml_that_is_not_well_formed_ends_the_list_behind_what_was_read)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ FIRST "<file name=\"y\">" U "</nofile>" END4,
			GOT "!! line 2 of the list: " NOT_XML "mismatched tag\n" },
		{ FIRST "</metalink><metalink/>",
			GOT "!! line 2 of the list: " NOT_XML "invalid syntax\n" },
		{ FIRST "<a b=\"1\" b=\"2\"/>" END4,
			GOT "!! line 2 of the list: " NOT_XML "duplicate attribute\n" },
		{ FIRST "&other;" END4,
			GOT "!! line 2 of the list: " NOT_XML "undefined entity\n" },
		{ FIRST "<o:x/>" END4, GOT "!! line 2 of the list: " NOT_XML "unbound prefix\n" },
		{ FIRST "\xff" END4, GOT "!! line 2 of the list: " NOT_XML "invalid syntax\n" },
		{ FIRST END4 "uk\xf3>", GOT "!! line 2 of the list: " NOT_XML "invalid syntax\n" },
		{ "<?xml version=\"1.0\"?>uk\xf3>",
			"!! line 1 of the list: " NOT_XML "invalid syntax\n" },
		{ FIRST, GOT "!! line 2 of the list: the list ends here, before its last element "
			     "ends\n" },
		{ FIRST "<file name=\"y",
			GOT "!! line 2 of the list: the list ends here, before its "
			    "last element ends\n" },
		{ "<", "!! line 1 of the list: the list ends here, before its last element "
		       "ends\n" },
		{ "<?xml version=\"1.0\" encoding=\"EBCDIC-1\"?><metalink/>",
			"!! line 1 of the list: " NOT_XML "unknown encoding\n" },
		{ "<feed xmlns=\"http://www.w3.org/2005/Atom\"/>",
			"!! line 1 of the list: this is XML, but not a Metalink document\n" },
		{ "<metalink xmlns=\"urn:other\"/>",
			"!! line 1 of the list: this is XML, but not a Metalink document\n" },
		{ "<html><body>no</body></html>",
			"!! line 1 of the list: this is an HTML page, not a list\n" },
		{ "\n<!DOCTYPE html>\n<html>",
			"!! line 2 of the list: this is an HTML page, not a list\n" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_list(cases[i].text, cases[i].want, true);
}

#define NO_DOCTYPE \
	"!! line 2 of the list: a document type declaration (<!DOCTYPE) is not allowed in a " \
	"list\n"

Test(manifest_metalink, a_document_type_is_refused_with_its_entities)
{
	static const char *const types[] = {
		"<!DOCTYPE metalink>",
		"<!DOCTYPE metalink SYSTEM \"http://127.0.0.1:1/x.dtd\">",
		"<!DOCTYPE metalink [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>",
		"<!DOCTYPE metalink [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]>",
		("<!DOCTYPE metalink [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">"
		 "<!ENTITY c \"&b;&b;&b;&b;&b;&b;\">]>"),
	};
	for (size_t i = 0; i < SL_COUNT_OF(types); i++) {
		struct sl_buf text = { 0 };
		sl_buf_printf(&text,
			"<?xml version=\"1.0\"?>\n%s<metalink><file "
			"name=\"x\"><url>http://&c;</url>"
			"</file></metalink>",
			types[i]);
		expect_list(text.data, NO_DOCTYPE, true);
		sl_buf_release(&text);
	}
}

static void
expect_first(struct sl_buf *text, const char *message)
{
	struct sl_error err = { 0 };
	struct sl_entry entry;
	struct sl_manifest *manifest = entries_open(sl_buf_span(text));
	cr_expect_eq(entries_next(manifest, &entry, &err), SL_E_USAGE);
	cr_expect_str_eq(err.text, message);
	sl_manifest_free(manifest);
	sl_buf_release(text);
}

static void
add_many(struct sl_buf *out, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		sl_buf_add_str(out, text);
}

Test(manifest_metalink, limits_end_what_is_too_large)
{
	struct sl_buf text = { 0 };
	sl_buf_add_str(&text, BEGIN4);
	add_many(&text, 10000, "<a>");
	expect_first(&text, "line 1 of the list: elements are nested too deeply");

	sl_buf_add_str(&text, BEGIN4 "\n<!--");
	add_many(&text, 100000, "xx");
	expect_first(&text, "line 2 of the list: a tag or comment is too long");

	sl_buf_add_str(&text, BEGIN4 "\n<file name=\"");
	add_many(&text, 100000, "xx");
	expect_first(&text, "line 2 of the list: a tag or comment is too long");

	sl_buf_add_str(&text, BEGIN4);
	for (int i = 0; i < 20000; i++)
		sl_buf_printf(&text, "<a%d/>", i);
	expect_first(
		&text, "line 1 of the list: too many different names of elements and attributes");

	sl_buf_add_str(&text, BEGIN4);
	for (int i = 0; i < 20000; i++)
		sl_buf_printf(&text, "<a xmlns:p%d=\"urn:a\"/>", i);
	expect_first(
		&text, "line 1 of the list: too many different names of elements and attributes");

	sl_buf_add_str(&text, BEGIN4 "<file name=\"x\"><url>http://a/");
	add_many(&text, 16384, "x");
	sl_buf_add_str(&text, "</url></file>" END4);
	expect_first(&text, "line 1 of the list: the text of an element is too long");

	sl_buf_add_str(&text, BEGIN4 "<file name=\"x\">");
	for (int i = 0; i < 100; i++) {
		sl_buf_add_str(&text, "<url>http://a/");
		add_many(&text, 16000, "x");
		sl_buf_add_str(&text, "</url>");
	}
	sl_buf_add_str(&text, "</file>" END4);
	expect_first(&text, "line 1 of the list: the URLs of a file have more than 1 MiB");

	sl_buf_add_str(&text, BEGIN4 "<file name=\"x\">" U "<pieces type=\"md5\" length=\"1\">");
	add_many(&text, SL_PIECES_MAX + 1, "<hash>" MD5 "</hash>");
	sl_buf_add_str(&text, "</pieces></file>" END4);
	expect_first(&text, "line 1 of the list: a file has more than 262144 pieces");
}

Test(manifest_metalink, names_that_come_again_do_not_count_and_long_text_that_is_skipped_is_fine)
{
	struct sl_buf text = { 0 };
	struct sl_entry entry;
	sl_buf_add_str(&text, BEGIN4);
	add_many(&text, 100000, "<o:a xmlns:o=\"urn:o\" o:b=\"1\"/>");
	sl_buf_add_str(&text, "<description>");
	add_many(&text, 100000, "text ");
	sl_buf_add_str(&text, "</description><file name=\"x\">" U "</file>" END4);
	struct sl_manifest *manifest = entries_open(sl_buf_span(&text));
	cr_expect_eq(entries_next(manifest, &entry, NULL), 1);
	cr_expect_eq(entries_next(manifest, &entry, NULL), 0);
	sl_manifest_free(manifest);
	sl_buf_release(&text);
}

/* ---- size ---- */

/* A document without end, fed file by file: what is kept does not grow with it. */
Test(manifest_metalink, a_hundred_thousand_files_are_read_within_constant_memory)
{
	struct sl_manifest_options options = { 0 };
	struct sl_manifest *manifest = NULL;
	struct sl_buf text = { 0 };
	struct sl_entry entry;
	size_t after_first = 0, count = 0;
	cr_assert_eq(sl_manifest_new(&manifest, &options), 0);
	sl_buf_add_str(&text, BEGIN4);
	while (count < 100000) {
		sl_buf_printf(&text,
			"<file name=\"d/%zu\"><size>1</size><hash type=\"sha-256\">" SHA256
			"</hash>"
			"<pieces type=\"md5\" length=\"1\"><hash>" MD5 "</hash></pieces>"
			"<url priority=\"1\">http://a/%zu</url><url>http://b/%zu</url></file>\n",
			count, count, count);
		sl_manifest_feed(manifest, sl_buf_span(&text), false);
		cr_assert_eq(sl_manifest_next(manifest, &entry, NULL), SL_MANIFEST_ENTRY);
		count++;
		cr_assert_eq(entry.source_count, 2);
		cr_assert_eq(entry.line, count, "line %llu", (unsigned long long)entry.line);
		cr_assert_eq(sl_manifest_next(manifest, &entry, NULL), SL_MANIFEST_MORE);
		sl_buf_clear(&text);
		if (count == 1000)
			after_first = mallinfo2().uordblks;
	}
	cr_expect_lt(mallinfo2().uordblks, after_first + 65536);
	sl_manifest_feed(manifest, sl_span_str(END4), true);
	cr_expect_eq(sl_manifest_next(manifest, &entry, NULL), SL_MANIFEST_END);
	sl_manifest_free(manifest);
	sl_buf_release(&text);
}

Test(manifest_metalink, errors_need_not_be_asked_for)
{
	struct sl_entry entry;
	struct sl_manifest_options options = { 0 };
	struct sl_manifest *manifest = NULL;
	cr_assert_eq(sl_manifest_new(&manifest, &options), 0);
	sl_manifest_feed(manifest, sl_span_str(BEGIN4 "<file name=\"..\"/><!DOCTYPE"), true);
	cr_expect_eq(sl_manifest_next(manifest, &entry, NULL), SL_MANIFEST_BAD);
	cr_expect_eq(sl_manifest_next(manifest, &entry, NULL), SL_MANIFEST_BROKEN);
	sl_manifest_free(manifest);
	cr_assert_eq(sl_manifest_new(&manifest, &options), 0);
	sl_manifest_feed(manifest, sl_span_str("<!DOCTYPE a>"), true);
	cr_expect_eq(sl_manifest_next(manifest, &entry, NULL), SL_MANIFEST_BROKEN);
	sl_manifest_free(manifest);
}

/* ---- copies ---- */

Test(manifest_metalink, a_copy_of_an_entry_has_its_size_and_pieces)
{
	struct sl_entry entry, copy;
	char *memory = NULL;
	struct sl_manifest *manifest = entries_open(sl_span_str(BEGIN4
		"<file name=\"x\">" U "<size>3</size><pieces type=\"md5\" length=\"2\"><hash>" MD5
		"</hash><hash>" MD5 "</hash></pieces></file>" END4));
	cr_assert_eq(entries_next(manifest, &entry, NULL), 1);
	cr_assert_eq(sl_entry_copy(&copy, &entry, &memory), 0);
	cr_expect_neq(copy.pieces.digests, entry.pieces.digests);
	cr_expect_eq(memcmp(copy.pieces.digests, entry.pieces.digests, 32), 0);
	sl_manifest_free(manifest);
	cr_expect(copy.has_size && copy.size == 3 && copy.pieces.kind == SL_CHECKSUM_MD5);
	cr_expect(copy.pieces.count == 2 && copy.pieces.length == 2);
	cr_expect_eq(sl_pieces_digest(&copy.pieces, 1)[0], 0xd4);
	cr_expect(sl_span_is(copy.out, "x") && sl_span_is(copy.sources[0], "http://a/x"));
	free(memory);
}
