#include "sluice/base/siphash.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Of the bytes 0, 1, 2... under the key 00 01 ... 0f: from the reference implementation, as
 * `openssl mac -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:16 SIPHASH` prints. */
Test(siphash, gives_the_values_of_the_reference)
{
	static const struct {
		size_t len;
		const char *want;
	} cases[] = {
		{ 0, "a3817f04ba25a8e66df67214c7550293" },
		{ 1, "da87c1d86b99af44347659119b22fc45" },
		{ 15, "5493e99933b0a8117e08ec0f97cfc3d9" },
		{ 63, "5150d1772f50834a503e069a973fbd7c" },
	};
	char text[64];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_siphash hash = sl_siphash(
			0x0706050403020100, 0x0f0e0d0c0b0a0908, sl_span(text, cases[i].len));
		char got[33];
		for (size_t j = 0; j < 16; j++)
			snprintf(got + 2 * j, 3, "%02x",
				(unsigned)((j < 8 ? hash.low : hash.high) >> 8 * (j % 8) & 0xff));
		cr_expect_str_eq(got, cases[i].want);
	}
}
