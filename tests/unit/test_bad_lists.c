/*
 * Lists of each kind that were cut or damaged: what stands in front of the damage is read as it
 * was, and a file whose element or object is not whole is never one of the list.
 */
#include "support/entries.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct kind {
	const char *name, *text;
	bool is_closed; /* an entry has an end of its own: one that is cut is no entry */
} kinds[] = {
	{ "plain", "http://a/x\thttp://b/x\r\n out=y\r\n# c\r\n\r\nhttp://c/z\n\tdir=d\n", false },
	{ "sums", SHA256 "  a\n" MD5 " *d/b c\n\\" MD5 "  e\\\\f\nMD5 (g) = " MD5 "\n", false },
	{ "JSON lines",
		"{\"url\": \"http://a/x\", \"out\": \"d/\\u00e4\", \"size\": 10, \"md5\": \"" MD5
		"\"}\n\n{\"urls\": [\"http://a/y\", \"http://b/y\"], \"headers\": {\"A\": \"b\"}}\n"
		"{\"url\": \"http://a/z\"}\n",
		true },
	{ "Metalink",
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n"
		"<file name=\"d/a\"><size>10</size><hash type=\"md5\">" MD5 "</hash>"
		"<url priority=\"2\">http://a/x</url><url priority=\"1\">http://b/x</url></file>\n"
		"<!-- c --><file name=\"b\"><url><![CDATA[http://a/y?a&b]]></url></file>"
		"<file name=\"c\"><url>http://a/z</url></file></metalink>\n",
		true },
};

static const struct entries_reading reading = { .options = { .base_url = "http://h/d/" } };

static struct sl_buf
read_list(const char *text, size_t len)
{
	struct sl_buf got = { 0 };
	entries_read(&got, sl_span(text, len), &reading);
	return got;
}

/* Drop the failures, each in a line of its own; returns how many there were. */
static unsigned
drop_failures(struct sl_buf *got)
{
	unsigned failures = 0;
	size_t kept = 0;
	for (size_t at = 0; at < got->len;) {
		size_t len = (size_t)((char *)memchr(got->data + at, '\n', got->len - at) -
				      (got->data + at)) +
			     1;
		if (got->data[at] == '!') {
			failures++;
		} else {
			memmove(got->data + kept, got->data + at, len);
			kept += len;
		}
		at += len;
	}
	got->len = kept;
	return failures;
}

static void
drop_last(struct sl_buf *got)
{
	size_t len = got->len;
	while (len > 0 && (len == got->len || got->data[len - 1] != '\n'))
		len--;
	got->len = len;
}

static bool
begins_with(const struct sl_buf *all, const struct sl_buf *got)
{
	return got->len == 0 ||
	       (got->len <= all->len && memcmp(got->data, all->data, got->len) == 0);
}

Test(bad_lists, one_that_is_cut_anywhere_has_the_entries_in_front_of_the_cut)
{
	for (size_t k = 0; k < SL_COUNT_OF(kinds); k++) {
		const char *text = kinds[k].text;
		struct sl_buf all = read_list(text, strlen(text));
		cr_assert_eq(
			drop_failures(&all), 0, "%s: %.*s", kinds[k].name, (int)all.len, all.data);
		for (size_t cut = 0; cut < strlen(text); cut++) {
			struct sl_buf got = read_list(text, cut);
			(void)drop_failures(&got);
			if (!kinds[k].is_closed)
				drop_last(&got); /* the cut may have changed it */
			cr_expect(begins_with(&all, &got), "%s cut at %zu: %.*s", kinds[k].name,
				cut, (int)got.len, got.data);
			sl_buf_release(&got);
		}
		sl_buf_release(&all);
	}
}

/* Where the cut falls into an object or a document, that is an error. */
Test(bad_lists, one_whose_entries_have_an_end_fails_if_that_is_missing)
{
	for (size_t k = 0; k < SL_COUNT_OF(kinds); k++) {
		const char *text = kinds[k].text;
		size_t len = strlen(text);
		if (!kinds[k].is_closed)
			continue;
		for (size_t cut = 1; cut < len; cut++) {
			struct sl_buf got = read_list(text, cut);
			bool is_whole = strcmp(kinds[k].name, "Metalink") == 0
						? cut == len - 1
						: text[cut - 1] == '\n' || text[cut] == '\n';
			cr_expect_eq(drop_failures(&got) == 0, is_whole, "%s cut at %zu",
				kinds[k].name, cut);
			sl_buf_release(&got);
		}
	}
}

/* Entries in front of a byte that was changed are as they were. */
Test(bad_lists, one_with_a_changed_byte_has_the_entries_in_front_of_it)
{
	static const char changes[] = { '\0', '\xff', '\x80', '\n', '\r', '<', '>', '&', '{', '"',
		'\\', '%', '/', '.', '\t' };
	for (size_t k = 0; k < SL_COUNT_OF(kinds); k++) {
		size_t len = strlen(kinds[k].text);
		char text[1024];
		for (size_t at = 0; at < len; at++) {
			struct sl_buf before = read_list(kinds[k].text, at);
			(void)drop_failures(&before);
			drop_last(&before); /* which may be of the line that is changed */
			for (size_t c = 0; c < sizeof(changes); c++) {
				cr_assert_lt(len, sizeof(text));
				memcpy(text, kinds[k].text, len);
				text[at] = changes[c];
				struct sl_buf got = read_list(text, len);
				(void)drop_failures(&got);
				cr_expect(begins_with(&got, &before), "%s with %d at %zu: %.*s",
					kinds[k].name, changes[c], at, (int)got.len, got.data);
				sl_buf_release(&got);
			}
			sl_buf_release(&before);
		}
	}
}

/* None of them is read as URLs, nor taken for an empty list. */
Test(bad_lists, in_another_encoding_than_utf_8_are_refused)
{
	for (size_t k = 0; k < SL_COUNT_OF(kinds); k++)
		for (int marks = 0; marks < 2; marks++)
			for (int big = 0; big < 2; big++) {
				struct sl_buf text = { 0 };
				if (marks)
					sl_buf_add(&text, big ? "\xfe\xff" : "\xff\xfe", 2);
				for (const char *c = kinds[k].text; *c; c++)
					sl_buf_add(&text,
						big ? (char[]){ '\0', *c } : (char[]){ *c, '\0' },
						2);
				struct sl_buf got = read_list(text.data, text.len);
				unsigned failures = drop_failures(&got);
				cr_expect_eq(got.len, 0, "%s: %.*s", kinds[k].name, (int)got.len,
					got.data);
				cr_expect_gt(failures, 0, "%s", kinds[k].name);
				sl_buf_release(&got);
				sl_buf_release(&text);
			}
}
