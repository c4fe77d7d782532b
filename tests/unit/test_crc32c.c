#include "sluice/base/crc32c.h"

#include "sluice/base/random.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FULL_CHUNK ((size_t)1 << 20)

static unsigned char *
random_bytes(size_t len, uint64_t seed)
{
	unsigned char *data = malloc(len);
	struct sl_random random;
	cr_assert_not_null(data);
	sl_random_init(&random, seed);
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)sl_random_next(&random);
	return data;
}

/* Skips the test if the version is not built in or this CPU cannot run it. */
static const struct sl_crc32c_kernel *
kernel_or_skip(const char *name)
{
	const struct sl_crc32c_kernel *kernel;
	for (size_t i = 0; (kernel = sl_crc32c_nth(i)) != NULL; i++) {
		if (strcmp(kernel->name, name) != 0)
			continue;
		if (!kernel->is_supported())
			cr_skip_test("this CPU cannot run the version '%s'", name);
		return kernel;
	}
	cr_skip_test("the version '%s' is not built in on this machine", name);
}

static void
check(const struct sl_crc32c_kernel *kernel, uint32_t before, const void *data, size_t len,
	const char *where)
{
	uint32_t got = kernel->crc32c(before, data, len);
	uint32_t want = sl_crc32c_portable(before, data, len);
	cr_assert_eq(got, want, "%s: %zu bytes %s after %08x: %08x, not %08x", kernel->name, len,
		where, before, got, want);
}

/* Every alignment, with random lengths and initial values; and each length around the steps of a
 * version (8, 256, 512, 768 bytes). */
static void
check_lengths_and_alignments(const char *name)
{
	const struct sl_crc32c_kernel *kernel = kernel_or_skip(name);
	const size_t most = 5000;
	unsigned char *data = random_bytes(most + 64, 5);
	struct sl_random random;
	sl_random_init(&random, 6);
	for (size_t from = 0; from < 64; from++) {
		char where[32];
		snprintf(where, sizeof(where), "from %zu on", from);
		for (int i = 0; i < 40; i++)
			check(kernel, (uint32_t)sl_random_next(&random), data + from,
				sl_random_below(&random, most + 1), where);
		check(kernel, 0, data + from, most, where);
		check(kernel, UINT32_MAX, data + from, most, where);
	}
	for (size_t len = 0; len <= 1100; len++)
		check(kernel, (uint32_t)sl_random_next(&random), data, len, "from 0 on");
	free(data);
}

/* 1 MiB, and a few bytes more or less that no step divides. */
static void
check_chunks(const char *name)
{
	const struct sl_crc32c_kernel *kernel = kernel_or_skip(name);
	const size_t lens[] = { FULL_CHUNK, FULL_CHUNK - 1, FULL_CHUNK + 1, FULL_CHUNK + 1237 };
	unsigned char *data = random_bytes(FULL_CHUNK + 1237 + 1, 7);
	for (size_t i = 0; i < SL_COUNT_OF(lens); i++) {
		check(kernel, 0, data, lens[i], "from 0 on");
		check(kernel, 0x12345678, data + 1, lens[i], "from 1 on");
	}
	free(data);
}

static void
check_end_of_page(const char *name)
{
	const struct sl_crc32c_kernel *kernel = kernel_or_skip(name);
	const size_t most = 2100;
	unsigned char *data = random_bytes(most, 8);
	struct guard guard;
	guard_init(&guard, most);
	for (size_t len = 0; len <= most; len++)
		check(kernel, 1, guard_place(&guard, data, len), len, "before the guard page");
	guard_release(&guard);
	free(data);
}

Test(crc32c, by_folding_is_the_portable_one)
{
	check_lengths_and_alignments("folding");
	check_chunks("folding");
}

Test(crc32c, by_folding_reads_no_byte_past_the_end)
{
	check_end_of_page("folding");
}

Test(crc32c, by_the_instruction_is_the_portable_one)
{
	check_lengths_and_alignments("instruction");
	check_chunks("instruction");
}

Test(crc32c, by_the_instruction_reads_no_byte_past_the_end)
{
	check_end_of_page("instruction");
}

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
		const struct sl_crc32c_kernel *kernel;
		for (size_t k = 0; (kernel = sl_crc32c_nth(k)) != NULL; k++)
			if (kernel->is_supported())
				cr_expect_eq(kernel->crc32c(0, cases[i].data, cases[i].len),
					cases[i].want, "%s, case %zu", kernel->name, i);
	}
}

Test(crc32c, has_the_portable_version_for_any_cpu)
{
	size_t last = 0;
	while (sl_crc32c_nth(last + 1))
		last++;
	cr_expect_str_eq(sl_crc32c_nth(last)->name, "portable");
	cr_expect(sl_crc32c_nth(last)->is_supported());
	cr_expect_eq(sl_crc32c_nth(last)->crc32c, sl_crc32c_portable);
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
	unsigned char *data = random_bytes(size, 3);
	struct sl_random random;
	sl_random_init(&random, 4);
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
