/* Content-Disposition as servers send it, and as they should not. */
#include "sluice/http/disposition.h"

#include "support/guard.h"

#include "sluice/http/url.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct row {
	const char *value, *name; /* NULL = none */
};

static void
check(const struct row *row, enum sl_disposition want)
{
	struct sl_buf name = { 0 };
	const char *why = NULL;
	int got = sl_disposition_parse(sl_span_str(row->value), &name, &why);
	cr_expect_eq(got, (int)want, "%s: %d, %s", row->value, got, name.len ? name.data : "");
	if (got == SL_DISPOSITION_NAME && row->name)
		cr_expect_str_eq(name.data, row->name, "%s: %s", row->value, name.data);
	if (got == SL_DISPOSITION_UNUSABLE && row->name)
		cr_expect(strstr(why, row->name), "%s: %s", row->value, why);
	sl_buf_release(&name);
}

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&rows[i], rows[i].name ? SL_DISPOSITION_NAME : SL_DISPOSITION_NONE);
}

Test(http_disposition, a_name_is_a_token_or_a_quoted_string)
{
	static const struct row rows[] = {
		{ "attachment; filename=a.bin", "a.bin" },
		{ "attachment; filename=\"a.bin\"", "a.bin" },
		{ "ATTACHMENT;FILENAME=a.bin", "a.bin" },
		{ "attachment ; filename = \"a b.bin\" ; size=3", "a b.bin" },
		{ "inline; filename=a.bin", "a.bin" },
		{ "filename=a.bin", "a.bin" },
		{ "attachment; filename=my file.bin; x=y", "my file.bin" },
		{ "attachment; filename=\"a;b=\\\"c\\\".bin\"", "a;b=\"c\".bin" },
		{ "attachment; filename=\"\\\\\\\\server\\\\a.bin\"", "a.bin" },
		{ "attachment; x=\"filename=no\"; filename=yes", "yes" },
		{ "attachment; foo-filename=no; filename=yes", "yes" },
		{ "attachment; filename=a%20b", "a%20b" },
		{ "attachment; filename=\"a\" b; filename*=x", "a" },
		{ "attachment; filename=first; filename=second", "first" },
		{ "attachment;; ;filename=a", "a" },
		{ "attachment", NULL },
		{ "", NULL },
		{ ";;", NULL },
		{ "attachment; filename", NULL },
		{ "attachment; filename=\"cut", NULL },
		{ "attachment; filename=a; filename=\"cut", "a" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_disposition, an_extended_value_takes_precedence_if_it_is_valid)
{
	static const struct row rows[] = {
		{ "attachment; filename*=UTF-8''%e2%82%ac.txt", "\xe2\x82\xac.txt" },
		{ "attachment; filename*=utf-8'de'%C3%A4", "\xc3\xa4" },
		{ "attachment; filename*=ISO-8859-1''%e4.txt", "\xc3\xa4.txt" },
		{ "attachment; filename=no; filename*=UTF-8''yes", "yes" },
		{ "attachment; filename*=UTF-8''yes; filename=no", "yes" },
		{ "attachment; filename*=\"UTF-8''yes\"", "yes" },
		{ "attachment; filename*=UTF-8''%ff; filename=plain", "plain" },
		{ "attachment; filename*=UTF-8''%e2%82; filename=plain", "plain" },
		{ "attachment; filename*=UTF-8''a%2; filename=plain", "plain" },
		{ "attachment; filename*=UTF-8''a%; filename=plain", "plain" },
		{ "attachment; filename*=UTF-8''%zz; filename=plain", "plain" },
		{ "attachment; filename*=koi8-r''a; filename=plain", "plain" },
		{ "attachment; filename*=UTF-8'a; filename=plain", "plain" },
		{ "attachment; filename*=a; filename=plain", "plain" },
		{ "attachment; filename*0=\"a\"; filename*1=\"b\"", NULL },
		{ "attachment; filename*=UTF-8''%ff", NULL },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_disposition, bytes_beyond_ascii_are_utf_8_or_iso_8859_1)
{
	static const struct row rows[] = {
		{ "attachment; filename=\"\xc3\xa4.txt\"", "\xc3\xa4.txt" },
		{ "attachment; filename=\"\xe4.txt\"", "\xc3\xa4.txt" },
		{ "attachment; filename=\xe4\xff", "\xc3\xa4\xc3\xbf" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_disposition, only_a_last_component_that_can_be_a_name_is_taken)
{
	static const struct row rows[] = {
		{ "attachment; filename=\"../../etc/passwd\"", "passwd" },
		{ "attachment; filename=\"/etc/passwd\"", "passwd" },
		{ "attachment; filename=..\\..\\autoexec.bat", "autoexec.bat" },
		{ "attachment; filename=C:\\a\\b.txt", "b.txt" },
		{ "attachment; filename*=UTF-8''..%2f..%2Fetc%5cpasswd", "passwd" },
		{ "attachment; filename=\".bashrc\"", "_.bashrc" },
		{ "attachment; filename=\"-rf\"", "_-rf" },
		{ "attachment; filename=\"a/ -rf\"", "_-rf" },
		{ "attachment; filename=...", "_..." },
		{ "attachment; filename=\" a \"", "a" },
	};
	static const struct row unusable[] = {
		{ "attachment; filename=\"\"", "empty" },
		{ "attachment; filename=", "empty" },
		{ "attachment; filename=\"a/\"", "empty" },
		{ "attachment; filename=\"  \"", "empty" },
		{ "attachment; filename=\".\"", "directory" },
		{ "attachment; filename=\"..\"", "directory" },
		{ "attachment; filename=\"a/..\"", "directory" },
		{ "attachment; filename=\"a\x01"
		  "b\"",
			"control byte" },
		{ "attachment; filename*=UTF-8''a%00b", "control byte" },
		{ "attachment; filename*=UTF-8''a%0d%0ab", "control byte" },
		{ "attachment; filename*=UTF-8''a%7fb; filename=plain", "control byte" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
	for (size_t i = 0; i < SL_COUNT_OF(unusable); i++)
		check(&unusable[i], SL_DISPOSITION_UNUSABLE);
}

Test(http_disposition, a_name_is_not_longer_than_a_directory_holds)
{
	static const struct {
		char first;
		size_t len;
		bool fits;
	} cases[] = { { 'a', 255, true }, { 'a', 256, false }, { '.', 254, true },
		{ '.', 255, false }, { 'a', 60000, false } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf value = { 0 }, name = { 0 };
		const char *why = NULL;
		sl_buf_printf(&value, "attachment; filename=%c", cases[i].first);
		for (size_t n = 1; n < cases[i].len; n++)
			sl_buf_add_char(&value, 'a');
		cr_expect_eq(sl_disposition_parse(sl_buf_span(&value), &name, &why),
			cases[i].fits ? SL_DISPOSITION_NAME : SL_DISPOSITION_UNUSABLE, "%zu", i);
		cr_expect(cases[i].fits ? name.len <= SL_URL_FILE_NAME_MAX
					: strstr(why, "255") != NULL);
		sl_buf_release(&value);
		sl_buf_release(&name);
	}
}

Test(http_disposition, never_reads_past_its_text)
{
	static const char *const values[] = { "attachment; filename*=UTF-8'en'a%20b; filename=c",
		"a; filename=\"x\\\"y/z\\\\\"; filename*=ISO-8859-1''%e4", "filename=\xc3\xa4" };
	struct guard guard;
	guard_init(&guard, 128);
	for (size_t i = 0; i < SL_COUNT_OF(values); i++)
		for (size_t len = 0; len <= strlen(values[i]); len++) {
			struct sl_buf name = { 0 };
			const char *why = NULL;
			char *place = guard_place(&guard, values[i], len);
			cr_expect_geq(sl_disposition_parse(sl_span(place, len), &name, &why), 0);
			sl_buf_release(&name);
		}
	guard_release(&guard);
}
