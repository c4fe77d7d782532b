#include "support/entries.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define U "\"url\":\"http://a/x\""

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

Test(manifest_jsonl, reads_objects_one_a_line)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{" U "}", "1 http://a/x\n" },
		{ "\n  \r\n{" U "}\r\n\n{\"url\":\"http://b/y\"}\n",
			"3 http://a/x\n5 http://b/y\n" },
		{ " { \"url\" : \"http://a/x\" , \"out\" : \"n\" } \n", "1 http://a/x out=n\n" },
		{ "{\"urls\":[\"http://a/x\",\"http://b/x\"]}", "1 http://a/x http://b/x\n" },
		{ "{\"mirrors\":[\"http://b/x\",\"http://c/x\"]," U "}",
			"1 http://a/x http://b/x http://c/x\n" },
		{ "{\"urls\":\"http://a/x\"}", "1 http://a/x\n" },
		{ "{" U ",\"name\":\"n\"}", "1 http://a/x out=n\n" },
		{ "{" U ",\"path\":\"d/n\",\"name\":\"m\"}", "1 http://a/x out=d/n\n" },
		{ "{" U ",\"name\":\"m\",\"out\":\"o\",\"path\":\"p\",\"dir\":\"d\"}",
			"1 http://a/x out=o dir=d\n" },
		{ "{" U ",\"size\":0}", "1 http://a/x size=0\n" },
		{ "{" U ",\"size\":9007199254740992}", "1 http://a/x size=9007199254740992\n" },
		{ "{" U ",\"size\":1e3}", "1 http://a/x size=1000\n" },
		{ "{" U ",\"size\":\"9223372036854775807\"}",
			"1 http://a/x size=9223372036854775807\n" },
		{ "{" U ",\"sha256\":\"" SHA256 "\"}", "1 http://a/x sum=sha-256:e3b0\n" },
		{ "{" U ",\"md5\":\"" MD5 "\",\"SHA-256\":\"" SHA256 "\"}",
			"1 http://a/x sum=sha-256:e3b0\n" },
		{ "{" U ",\"checksum\":\"sha-256=" SHA256 "\",\"md5\":\"" MD5 "\"}",
			"1 http://a/x sum=sha-256:e3b0\n" },
		{ "{" U ",\"headers\":{\"A\":\"b\",\"C\":\"\"}}",
			"1 http://a/x header=A: b header=C: \n" },
		/* null is as if it was not there */
		{ "{" U ",\"out\":null,\"name\":\"n\",\"size\":null,\"md5\":null,\"headers\":null}",
			"1 http://a/x out=n\n" },
		/* strings */
		{ "{\"url\":\"http:\\/\\/a\\/\\u0078\"}", "1 http://a/x\n" },
		{ "{" U ",\"out\":\"\\ud83d\\ude00 \\u00e4\\\"\\\\\"}",
			"1 http://a/x out=\xf0\x9f\x98\x80 \xc3\xa4\"\\\n" },
		{ "{" U ",\"out\":\"\xc3\xa4\"}", "1 http://a/x out=\xc3\xa4\n" },
		{ "\xef\xbb\xbf{" U "}", "1 http://a/x\n" },
		/* keys that have no meaning here, with values of all kinds */
		{ "{\"etag\":\"e\",\"n\":-12345678901234567890123,\"t\":true,\"a\":[{\"b\":[]}]," U
		  "}",
			"1 http://a/x\n" },
		{ "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]," U "}",
			"1 http://a/x\n" },
		{ "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"{\"," U "}",
			"1 http://a/x\n" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_list(cases[i].text, cases[i].want, false);
}

Test(manifest_jsonl, a_bad_line_is_refused_without_its_values_and_the_next_one_read)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "{", "not valid JSON at byte 1: it ends too early" },
		{ "{" U, "not valid JSON at byte 19: it ends too early" },
		{ "{" U "} {}", "not valid JSON at byte 22: there is text behind the object" },
		{ "{'url':1}", NULL },
		{ "{" U ",}", NULL },
		{ "{" U ",\"headers\":{\"A\":hunter2}}", NULL },
		{ "{" U "," U "}", NULL },
		{ "{" U ",\"x\":1e999}", NULL },
		{ "{" U ",\"out\":\"\xff\"}", "not valid JSON at byte 27: it is not valid UTF-8" },
		{ "{" U ",\"out\":\"\xed\xa0\x80\"}", NULL },
		{ "{" U ",\"out\":\"\\ud83d\"}", NULL },
		{ "{" U ",\"out\":\"\\ude00\"}", NULL },
		{ "{" U ",\"out\":\"a\\u0000b\"}", NULL },
		{ "{" U ",\"out\":\"a\tb\"}", NULL },
		{ "{" U ",\"out\":\"\\q\"}", NULL },
		{ "[{" U "}]", "a line must be a JSON object" },
		{ "17", NULL },
		{ "{}", "a line needs \"url\" or \"urls\"" },
		{ "{\"url\":\"\"}", "a line needs \"url\" or \"urls\"" },
		{ "{\"urls\":[]}", "a line needs \"url\" or \"urls\"" },
		{ "{\"url\":7}", "\"url\" must be a string" },
		{ "{\"urls\":[\"http://a/\",7]}", "\"urls\" must be a string" },
		{ "{\"url\":\"http://a/\\n\"}", "\"url\" must not have control characters in it" },
		{ "{" U ",\"out\":{}}", "\"out\" must be a string" },
		{ "{" U ",\"out\":\"a\\u0007\"}",
			"\"out\" must not have control characters in it" },
		{ "{" U ",\"size\":-1}", "\"size\" must be a whole number of bytes" },
		{ "{" U ",\"size\":1.5}", "\"size\" must be a whole number of bytes" },
		{ "{" U ",\"size\":9007199254740994}", "\"size\" must be a whole number of bytes" },
		{ "{" U ",\"size\":\"x\"}", "\"size\" must be a whole number of bytes" },
		{ "{" U ",\"size\":true}", "\"size\" must be a whole number of bytes" },
		{ "{" U ",\"md5\":\"00\"}", "a md5 checksum has 32 hex digits, not 2" },
		{ "{" U ",\"md5\":5}", "\"md5\" must be a string" },
		{ "{" U ",\"checksum\":\"crc=00\"}", NULL },
		{ "{" U ",\"md5\":\"" MD5
		  "\",\"checksum\":\"md5=00000000000000000000000000000000\"}",
			"a file has two different checksums of one kind" },
		{ "{" U ",\"headers\":[]}", "\"headers\" must be an object of names and values" },
		{ "{" U ",\"headers\":{\"A\":1}}", "\"headers\" must be a string" },
		{ "{" U ",\"headers\":{\"A\":\"b\\r\\nhunter2: c\"}}",
			"\"headers\" must not have control characters in it" },
		{ "{" U ",\"headers\":{\"\":\"b\"}}",
			"\"headers\" has a name that is not one of a header field" },
		{ "{" U ",\"headers\":{\"A:hunter2\":\"b\"}}",
			"\"headers\" has a name that is not one of a header field" },
		{ "{" U ",\"headers\":{\"A\\nhunter2\":\"b\"}}",
			"\"headers\" has a name that is not one of a header field" },
		{ "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]," U "}",
			"arrays and objects are nested too deeply" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf text = { 0 }, got = { 0 }, want = { 0 };
		struct entries_reading reading = { .messages = true };
		sl_buf_printf(&text, "{\"url\":\"http://1/\"}\n%s\n{\"url\":\"http://3/\"}\n",
			cases[i].line);
		expect_list(text.data, "1 http://1/\n!\n3 http://3/\n", false);
		entries_read(&got, sl_buf_span(&text), &reading);
		cr_expect_not(strstr(got.data, "hunter2"), "%s", got.data);
		sl_buf_printf(
			&want, "! line 2 of the list: %s\n", cases[i].why ? cases[i].why : "");
		if (cases[i].why)
			cr_expect(strstr(got.data, want.data), "%s: %s", cases[i].line, got.data);
		sl_buf_release(&text);
		sl_buf_release(&got);
		sl_buf_release(&want);
	}
}

Test(manifest_jsonl, a_nul_byte_ends_the_list_and_a_line_that_is_too_long_does_not)
{
	static const char nul[] = "{" U "}\n{\0}\n{" U "}\n";
	struct entries_reading reading = { 0 };
	struct sl_buf text = { 0 }, got = { 0 };
	entries_read(&got, sl_span(nul, sizeof(nul) - 1), &reading);
	cr_expect_str_eq(got.data, "1 http://a/x\n!!\n");
	sl_buf_clear(&got);
	sl_buf_add_str(&text, "{" U ",\"a\":\"");
	for (unsigned i = 0; i < 3 * SL_MANIFEST_LINE; i++)
		sl_buf_add_char(&text, 'x');
	sl_buf_add_str(&text, "\"}\n{" U "}\n");
	reading.messages = true;
	entries_read(&got, sl_buf_span(&text), &reading);
	cr_expect_str_eq(
		got.data, "! line 1 of the list: it is longer than 65536 bytes\n2 http://a/x\n");
	sl_buf_release(&text);
	sl_buf_release(&got);
}

Test(manifest_jsonl, a_file_has_so_many_urls_and_headers_and_no_more)
{
	for (int more = 0; more < 2; more++)
		for (int headers = 0; headers < 2; headers++) {
			struct sl_buf text = { 0 };
			struct sl_entry entry;
			sl_buf_add_str(&text, headers ? "{" U ",\"headers\":{" : "{\"urls\":[");
			for (int i = 0; i < 32 + more; i++)
				sl_buf_printf(&text,
					headers ? "%s\"A%d\":\"b\"" : "%s\"http://a/%d\"",
					i ? "," : "", i);
			sl_buf_add_str(&text, headers ? "}}" : "]}");
			struct sl_manifest *manifest = entries_open(sl_buf_span(&text));
			cr_expect_eq(entries_next(manifest, &entry, NULL), more ? SL_E_USAGE : 1);
			sl_manifest_free(manifest);
			sl_buf_release(&text);
		}
}

/* Its brackets are counted before jansson, which recurses, sees them. */
Test(manifest_jsonl, a_line_of_brackets_does_not_exhaust_the_stack)
{
	struct sl_buf text = { 0 };
	struct sl_error err = { 0 };
	struct sl_entry entry;
	sl_buf_add_str(&text, "{\"a\":");
	for (int i = 0; i < 60000; i++)
		sl_buf_add_char(&text, '[');
	struct sl_manifest *manifest = entries_open(sl_buf_span(&text));
	cr_expect_eq(entries_next(manifest, &entry, &err), SL_E_USAGE);
	cr_expect_str_eq(err.text, "line 1 of the list: arrays and objects are nested too deeply");
	sl_manifest_free(manifest);
	sl_buf_release(&text);
}

Test(manifest_jsonl, unknown_keys_are_counted_and_the_first_is_named)
{
	struct sl_buf ignored = { 0 };
	struct sl_entry entry;
	struct sl_manifest *manifest = entries_open(sl_span_str(
		"{" U ",\"e\x1b[31mtag\":1,\"lfs\":{\"a\":1}}\n{" U ",\"etag\":\"x\"}"));
	cr_expect_eq(entries_next(manifest, &entry, NULL), SL_E_USAGE); /* a control character */
	cr_expect_eq(entries_next(manifest, &entry, NULL), 1);
	cr_expect_eq(entries_next(manifest, &entry, NULL), 0);
	sl_manifest_add_ignored(manifest, &ignored);
	cr_expect_str_eq(ignored.data, "1 unknown keys such as 'etag'");
	sl_manifest_free(manifest);
	sl_buf_release(&ignored);
}
