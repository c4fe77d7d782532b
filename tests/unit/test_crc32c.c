#include "sluice/base/crc32c.h"

#include "sluice/base/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
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

/* Beyond the lengths at which blocks are summed side by side. */
Test(crc32c, is_that_of_the_portable_version_for_any_length_and_alignment)
{
	const size_t size = 40000;
	unsigned char *data = malloc(size);
	struct sl_random random;
	cr_assert_not_null(data);
	sl_random_init(&random, 4);
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)sl_random_next(&random);
	for (int i = 0; i < 1500; i++) {
		size_t from = sl_random_below(&random, 64);
		size_t most = sl_random_below(&random, 2) ? 2000 : size - from;
		size_t len = sl_random_below(&random, most + 1);
		uint32_t before = (uint32_t)sl_random_next(&random);
		cr_assert_eq(sl_crc32c(before, data + from, len),
			sl_crc32c_portable(before, data + from, len), "%zu bytes from %zu on", len,
			from);
	}
	free(data);
}
