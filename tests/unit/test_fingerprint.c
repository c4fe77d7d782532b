#include "sluice/follow/fingerprint.h"

#include <criterion/criterion.h>

static unsigned char text[5000];

static void
fill(void)
{
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i * i / 7 + i % 251);
}

static struct sl_fingerprint
whole(size_t len)
{
	unsigned head = sl_fingerprint_len(len, SL_FINGERPRINT_HEAD);
	unsigned tail = sl_fingerprint_len(len, SL_FINGERPRINT_TAIL);
	return sl_fingerprint_of(
		sl_span((const char *)text, head), sl_span((const char *)text + len - tail, tail));
}

/* However the text is cut. */
Test(fingerprint, of_pieces_is_that_of_the_whole)
{
	static const size_t lens[] = { 1, 255, 256, 257, 1023, 1024, 1025, 1281, 5000 };
	static const size_t steps[] = { 1, 7, 255, 256, 257, 1024, 5000 };
	fill();
	for (size_t i = 0; i < SL_COUNT_OF(lens); i++) {
		for (size_t j = 0; j < SL_COUNT_OF(steps); j++) {
			struct sl_fingerprinter printer = { 0 };
			for (size_t at = 0; at < lens[i]; at += steps[j])
				sl_fingerprinter_add(
					&printer, sl_span((const char *)text + at,
							  SL_MIN(steps[j], lens[i] - at)));
			struct sl_fingerprint want = whole(lens[i]);
			struct sl_fingerprint got = sl_fingerprinter_end(&printer);
			cr_assert(sl_fingerprint_equal(&got, &want), "%zu bytes by %zu", lens[i],
				steps[j]);
			cr_assert_eq(sl_fingerprinter_head(&printer, want.head_len), want.head);
		}
	}
}

Test(fingerprint, differs_with_each_byte_that_it_covers)
{
	fill();
	for (size_t i = 0; i < 2000; i++) {
		struct sl_fingerprint want = whole(2000);
		text[i] ^= 1;
		struct sl_fingerprint got = whole(2000);
		text[i] ^= 1;
		bool is_covered = i < SL_FINGERPRINT_HEAD || i >= 2000 - SL_FINGERPRINT_TAIL;
		cr_assert_eq(sl_fingerprint_equal(&got, &want), !is_covered, "byte %zu", i);
	}
}

Test(fingerprint, of_nothing_is_not_equal_to_itself)
{
	struct sl_fingerprint none = whole(0);
	cr_assert(!sl_fingerprint_equal(&none, &none));
}
