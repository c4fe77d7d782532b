/* Lists of pinned public keys, as the user types them. */
#include "sluice/net/pins.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <string.h>

#define A "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define B "sha256//AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static const struct {
	const char *text;
	size_t count; /* 0 = refused */
} cases[] = {
	{ A, 1 },
	{ A ";" B, 2 },
	{ A ";" A, 2 },
	{ "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1 }, /* without its padding */
	{ "", 0 },
	{ ";", 0 },
	{ A ";", 0 },
	{ ";" A, 0 },
	{ A ";;" B, 0 },
	{ A "; " B, 0 },
	{ A "," B, 0 },
	{ "sha256//", 0 },
	{ "sha256//AAAA", 0 },
	{ "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0 }, /* 33 bytes */
	{ "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_A=", 0 }, /* base64url */
	{ "SHA256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0 },
	{ "sha512//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0 },
	{ "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0 },
	{ "server.pub", 0 },
};

Test(net_pins, reads_lists_and_refuses_everything_else)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_pins pins;
		struct sl_error err = { 0 };
		int code = sl_pins_parse(&pins, sl_span_str(cases[i].text), &err);
		cr_expect_eq(
			code, cases[i].count ? 0 : SL_E_USAGE, "'%s': %d", cases[i].text, code);
		cr_expect(code || pins.count == cases[i].count, "'%s'", cases[i].text);
		cr_expect_eq(err.code, code);
	}
}

/* The end of the text is its length, not a NUL. */
Test(net_pins, reads_no_byte_after_the_text)
{
	static const char text[] = A ";" B;
	struct guard guard;
	guard_init(&guard, sizeof(text));
	for (size_t len = 0; len <= strlen(text); len++) {
		struct sl_pins pins;
		const char *copy = guard_place(&guard, text, len);
		int code = sl_pins_parse(&pins, sl_span(copy, len), NULL);
		bool whole = len == strlen(A) || len == strlen(A) - 1 || len == sizeof(text) - 1 ||
			     len == sizeof(text) - 2;
		cr_expect_eq(code, whole ? 0 : SL_E_USAGE, "%zu", len);
	}
	guard_release(&guard);
}

Test(net_pins, finds_what_it_has_read_and_writes_it_the_same)
{
	struct sl_pins pins;
	struct sl_buf text = { 0 };
	unsigned char hash[SL_PIN_SIZE];
	cr_assert_eq(sl_pins_parse(&pins, sl_span_str(A ";" B), NULL), 0);
	for (int value = 0; value < 3; value++) {
		memset(hash, value, sizeof(hash));
		cr_expect_eq(sl_pins_has(&pins, hash), value < 2);
	}
	memset(hash, 1, sizeof(hash));
	sl_pins_format(&text, hash);
	cr_expect(strcmp(text.data, B) == 0, "%s", text.data);
	sl_buf_release(&text);
}

Test(net_pins, has_a_limit)
{
	struct sl_buf text = { 0 };
	struct sl_pins pins;
	for (int i = 0; i < SL_PINS_MAX; i++) {
		sl_buf_add_str(&text, i ? ";" A : A);
		cr_expect_eq(sl_pins_parse(&pins, sl_buf_span(&text), NULL), 0);
	}
	sl_buf_add_str(&text, ";" A);
	cr_expect_eq(sl_pins_parse(&pins, sl_buf_span(&text), NULL), SL_E_USAGE);
	sl_buf_release(&text);
}
