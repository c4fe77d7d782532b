#include "sluice/base/crc32c.h"

#include "sluice/base/random.h"

#include <criterion/criterion.h>
#include <string.h>

/* RFC 3720, appendix B.4, and the check value of the catalogue of CRC algorithms. */
Test(crc32c, gives_the_published_values)
{
	unsigned char zeros[32], ones[32], up[32], down[32];
	memset(zeros, 0, sizeof(zeros));
	memset(ones, 0xff, sizeof(ones));
	for (unsigned char i = 0; i < 32; i++) {
		up[i] = i;
		down[31 - i] = i;
	}
	const struct {
		const void *data;
		size_t len;
		uint32_t want;
	} cases[] = {
		{ "", 0, 0 },
		{ "123456789", 9, 0xe3069283 },
		{ zeros, 32, 0x8a9136aa },
		{ ones, 32, 0x62a8ab43 },
		{ up, 32, 0x46dd794e },
		{ down, 32, 0x113fdb5c },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		cr_expect_eq(
			sl_crc32c(0, cases[i].data, cases[i].len), cases[i].want, "case %zu", i);
		cr_expect_eq(sl_crc32c_portable(0, cases[i].data, cases[i].len), cases[i].want,
			"case %zu", i);
	}
}

Test(crc32c, is_the_same_for_every_split_and_every_alignment)
{
	unsigned char data[80];
	struct sl_random random;
	sl_random_init(&random, 3);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)sl_random_next(&random);
	for (size_t from = 0; from < 9; from++) {
		size_t len = sizeof(data) - from;
		uint32_t whole = sl_crc32c_portable(0, data + from, len);
		for (size_t split = 0; split <= len; split++) {
			uint32_t crc = sl_crc32c(0, data + from, split);
			cr_assert_eq(sl_crc32c(crc, data + from + split, len - split), whole);
		}
	}
}
