#include "sluice/http/chunked.h"

#include "sluice/base/bytes.h"
#include "support/guard.h"

#include <criterion/criterion.h>

static struct sl_error last;

/* Decode one piece; appends payload to *out. Returns the last step and, in *used, the bytes
 * taken. */
static enum sl_chunked_step
decode(struct sl_chunked *chunked, const char *data, size_t len, size_t *used, struct sl_buf *out)
{
	*used = 0;
	for (;;) {
		size_t n = 0;
		enum sl_chunked_step step =
			sl_chunked_step(chunked, data + *used, len - *used, &n, &last);
		*used += n;
		if (step != SL_CHUNKED_DATA)
			return step;
		if (*used == len)
			return SL_CHUNKED_MORE;
		size_t take = SL_MIN(len - *used, (size_t)sl_chunked_left(chunked));
		sl_buf_add(out, data + *used, take);
		sl_chunked_took(chunked, take);
		*used += take;
	}
}

static enum sl_chunked_step
decode_cut(const char *text, size_t len, size_t cut, size_t *used, struct sl_buf *out)
{
	struct sl_chunked chunked;
	struct guard guard;
	size_t more = 0;
	sl_error_clear(&last);
	sl_chunked_init(&chunked);
	guard_init(&guard, len);
	enum sl_chunked_step step =
		decode(&chunked, guard_place(&guard, text, cut), cut, used, out);
	if (step == SL_CHUNKED_MORE) {
		step = decode(&chunked, guard_place(&guard, text + cut, len - cut), len - cut,
			&more, out);
		*used += more;
	}
	guard_release(&guard);
	return step;
}

/* Also with bare LF, which is accepted at all ends of lines (CVE-2025-22871 is what follows from
 * accepting it in a proxy). */
Test(http_chunked, decodes_bodies_cut_anywhere)
{
	static const struct {
		const char *text, *wanted;
		size_t used;
	} cases[] = {
		{ "0\r\n\r\n", "", 5 },
		{ "0\n\n", "", 3 },
		{ "5\r\nhello\r\n0\r\n\r\nHTTP/1.1", "hello", 15 },
		{ "5\nhello\n6\n world\n0\n\n", "hello world", 20 },
		{ "000000000000000A\r\n0123456789\r\n00\r\n\r\n", "0123456789", 36 },
		{ "a;x=y\r\n0123456789\r\n0;z\r\n\r\n", "0123456789", 26 },
		{ "1 ;a=\"b;c\"\r\nx\r\n0 \t\r\n\r\n", "x", 22 },
		{ "1;\r\nx\r\n0;;\r\nTrailer: y\r\nz:\r\n\r\nrest", "x", 30 },
		{ "0\r\na: b\r\n folded\n\tagain\r\n:\n\r\nrest", "", 29 },
		{ "2\r\n\r\n\r\n0\r\n\r\n", "\r\n", 12 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].text);
		for (size_t cut = 0; cut <= len; cut++) {
			struct sl_buf out = { 0 };
			size_t used = 0;
			sl_buf_add_str(&out, "");
			enum sl_chunked_step step =
				decode_cut(cases[i].text, len, cut, &used, &out);
			cr_expect_eq(step, SL_CHUNKED_DONE, "case %zu cut at %zu: %s", i, cut,
				last.text);
			cr_expect_str_eq(out.data, cases[i].wanted);
			cr_expect_eq(used, cases[i].used, "case %zu used %zu", i, used);
			sl_buf_release(&out);
		}
	}
}

Test(http_chunked, asks_for_more_until_the_end)
{
	static const char text[] = "5;x\r\nhello\r\n0\r\nT: x\r\n\r\n";
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		struct sl_buf out = { 0 };
		size_t used = 0;
		cr_expect_eq(decode_cut(text, len, len / 2, &used, &out), SL_CHUNKED_MORE);
		cr_expect_eq(used, len);
		sl_buf_release(&out);
	}
}

static void
expect_refused(const char *text, size_t len, int code, const char *message)
{
	for (size_t cut = 0; cut <= len; cut++) {
		struct sl_buf out = { 0 };
		size_t used = 0;
		cr_expect_eq(decode_cut(text, len, cut, &used, &out), SL_CHUNKED_BAD,
			"'%s' cut at %zu", text, cut);
		cr_expect_eq(last.code, code);
		cr_expect(strstr(last.text, message), "'%s': %s", text, last.text);
		sl_buf_release(&out);
	}
}

/* CVE-2017-13089, CVE-2017-13090: sizes that became negative. */
Test(http_chunked, rejects_a_size_that_overflows)
{
	static const char *const cases[] = { "8000000000000000\r\n", "ffffffffffffffff\r\n",
		"FFFFFFFFFFFFFFFF;\n", "00000000000000001\r\n", "10000000000000000\r\n" };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_refused(cases[i], strlen(cases[i]), SL_E_PROTO, "too large");
}

Test(http_chunked, accepts_the_largest_size)
{
	struct sl_chunked chunked;
	size_t used = 0;
	sl_chunked_init(&chunked);
	cr_assert_eq(sl_chunked_step(&chunked, "7fffffffffffffff\r\nx", 19, &used, &last),
		SL_CHUNKED_DATA);
	cr_expect_eq(used, 18);
	cr_expect_eq(sl_chunked_left(&chunked), (uint64_t)INT64_MAX);
	sl_chunked_took(&chunked, (uint64_t)INT64_MAX - 1);
	cr_expect_eq(sl_chunked_left(&chunked), 1);
	cr_expect_eq(sl_chunked_step(&chunked, "x", 1, &used, &last), SL_CHUNKED_DATA);
	cr_expect_eq(used, 0, "payload is never taken by a step");
}

/* A sign, a space or 0x before a size: CVE-2017-13089. */
Test(http_chunked, rejects_malformed_framing)
{
	static const struct {
		const char *text;
		size_t len;
		const char *message;
	} cases[] = {
#define CASE(text, message) { text, sizeof(text) - 1, message }
		CASE("\r\n", "hexadecimal"),
		CASE("\n", "hexadecimal"),
		CASE("-1\r\n", "hexadecimal"),
		CASE("+1\r\n", "hexadecimal"),
		CASE(" 1\r\n", "hexadecimal"),
		CASE("0x1\r\n", "hexadecimal"),
		CASE("1g\r\n", "hexadecimal"),
		CASE("1 2\r\n", "hexadecimal"),
		CASE("1 \x0b\r\n", "hexadecimal"),
		CASE(";x\r\n", "hexadecimal"),
		CASE("1\0\r\n", "hexadecimal"),
		CASE("1;\0\r\n", "hexadecimal"),
		CASE("1\rx\r\n0\r\n\r\n", "CR without LF"),
		CASE("1\r\rx", "CR without LF"),
		CASE("1;a\rb\r\nx\r\n", "CR without LF"),
		CASE("1\r\nxy\r\n", "longer than its announced size"),
		CASE("1\r\nx0\r\n\r\n", "longer than its announced size"),
		CASE("1\r\nx\rx", "CR without LF"),
		CASE("0\r\n\rx", "CR without LF"),
		CASE("0\r\na\rb\r\n", "CR without LF"),
		CASE("0\r\na\0b\r\n", "NUL"),
		CASE("0\r\n0\r\n\r\n", "no colon"),
		CASE("0\r\na: b\r\nHTTP/1.1 200 OK\r\n", "no colon"),
		CASE("0\r\na: b\nc\n\n", "no colon"),
		CASE("0\r\n folded\r\n\r\n", "no colon"),
#undef CASE
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_refused(cases[i].text, cases[i].len, SL_E_PROTO, cases[i].message);
}

/* `count` chunks of `payload` bytes, each with an extension of `extension` bytes. */
static enum sl_chunked_step
decode_extended(size_t count, size_t payload, size_t extension)
{
	struct sl_chunked chunked;
	struct sl_buf text = { 0 }, out = { 0 };
	enum sl_chunked_step step = SL_CHUNKED_MORE;
	sl_chunked_init(&chunked);
	sl_error_clear(&last);
	sl_buf_printf(&text, "%zx;", payload);
	for (size_t i = 1; i < extension; i++)
		sl_buf_add_char(&text, 'e');
	sl_buf_add_str(&text, "\n");
	for (size_t i = 0; i < payload; i++)
		sl_buf_add_char(&text, 'x');
	sl_buf_add_str(&text, "\n");
	for (size_t i = 0; i < count && step == SL_CHUNKED_MORE; i++) {
		size_t used = 0;
		step = decode(&chunked, text.data, text.len, &used, &out);
	}
	sl_buf_release(&text);
	sl_buf_release(&out);
	return step;
}

/* 2 MB of payload in chunks of one byte must not bring gigabytes of extensions along
 * (CVE-2023-39326). */
Test(http_chunked, limits_all_extensions_by_the_payload)
{
	/* The ';' is not counted. Each chunk of one byte pays for 17. */
	cr_expect_eq(decode_extended(100000, 1, 18), SL_CHUNKED_MORE, "%s", last.text);
	cr_expect_eq(decode_extended(SL_CHUNKED_EXCESS_MAX, 1, 19), SL_CHUNKED_MORE);
	cr_expect_eq(decode_extended(SL_CHUNKED_EXCESS_MAX + 1, 1, 19), SL_CHUNKED_BAD);
	cr_expect_eq(last.code, SL_E_LIMIT);
	cr_expect_eq(decode_extended(6, 1, 4001), SL_CHUNKED_BAD);
	cr_expect_eq(last.code, SL_E_LIMIT);
	cr_expect_eq(decode_extended(1000, 8192, 200), SL_CHUNKED_MORE, "signed chunks");
}

Test(http_chunked, limits_extensions_of_each_chunk)
{
	struct sl_buf text = { 0 }, out = { 0 };
	size_t used = 0;
	for (size_t over = 0; over < 2; over++) {
		struct sl_chunked chunked;
		sl_chunked_init(&chunked);
		sl_error_clear(&last);
		sl_buf_clear(&text);
		for (int chunk = 0; chunk < 2; chunk++) {
			sl_buf_add_str(&text, "1;");
			for (size_t i = 0; i < SL_CHUNKED_EXTENSION_MAX + (chunk ? over : 0); i++)
				sl_buf_add_char(&text, 'e');
			sl_buf_add_str(&text, "\r\nx\r\n");
		}
		cr_expect_eq(decode(&chunked, text.data, text.len, &used, &out),
			over ? SL_CHUNKED_BAD : SL_CHUNKED_MORE);
		cr_expect_eq(last.code, over ? SL_E_LIMIT : 0);
	}
	sl_buf_release(&text);
	sl_buf_release(&out);
}

Test(http_chunked, limits_all_trailers_together)
{
	struct sl_chunked chunked;
	struct sl_buf out = { 0 };
	size_t used = 0, lines = 0;
	sl_error_clear(&last);
	sl_chunked_init(&chunked);
	cr_assert_eq(decode(&chunked, "0\r\n", 3, &used, &out), SL_CHUNKED_MORE);
	while (decode(&chunked, "A: 45678\r\n", 10, &used, &out) == SL_CHUNKED_MORE)
		lines++;
	cr_expect_eq(last.code, SL_E_LIMIT);
	cr_expect_eq(lines, SL_CHUNKED_TRAILER_MAX / 8);
	sl_buf_release(&out);
}
