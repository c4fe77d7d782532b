#include "sluice/base/def.h"
#include "sluice/follow/rotation.h"

#include <criterion/criterion.h>
#include <string.h>

Test(rotation, names_of_a_rotated_log)
{
	static const struct {
		const char *name, *other;
		bool may_be;
	} cases[] = {
		{ "app.log", "app.log.1", true },
		{ "app.log", "app.log.2.gz", true },
		{ "app.log", "app.log-20260131", true },
		{ "app.log", "app.log-20260131.xz", true },
		{ "app.log", "app-20260131.log", true },
		{ "app.log", "app-20260131.log.gz", true },
		{ "app.log", "app.1.log", true },
		{ "app.log", "app.log.old", true },
		{ "app.log", "app.log", false },
		{ "app.log", "app.log.", false },
		{ "app.log", "app.log1", false },
		{ "app.log", "app-db.log", false },
		{ "app.log", "app-20260131.logx", false },
		{ "app.log", "app-20260131", false },
		{ "app.log", "other.log.1", false },
		{ "syslog", "syslog.1", true },
		{ "syslog", "sys.1", false },
		{ ".log", ".log.1", true },
		{ "app.log", "", false },
		{ "app.log", "a", false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_eq(sl_rotation_may_be(cases[i].name, cases[i].other), cases[i].may_be,
			"%s", cases[i].other);
}

enum { NAME_LEN = 5, NAMES = 4 + 16 + 64 + 256 + 1024 };

static void
make_name(unsigned number, char *name)
{
	unsigned len = 1;
	for (unsigned of_len = 4; number >= of_len; of_len *= 4, len++)
		number -= of_len;
	for (unsigned i = 0; i < len; i++, number /= 4)
		name[i] = "a1.-"[number % 4];
	name[len] = '\0';
}

/* Of all names of five letters and fewer. */
Test(rotation, each_name_is_found_that_another_may_be_a_rotated_one_of)
{
	static char all[NAMES][NAME_LEN + 1];
	for (unsigned i = 0; i < NAMES; i++)
		make_name(i, all[i]);
	for (unsigned i = 0; i < NAMES; i++) {
		struct sl_rotation_names names = { .other = all[i] };
		char found[64][NAME_LEN + 1];
		unsigned count = 0;
		while (sl_rotation_next_name(&names, found[count])) {
			cr_assert(sl_rotation_may_be(found[count], all[i]));
			cr_assert(++count < SL_COUNT_OF(found));
		}
		for (unsigned j = 0; j < NAMES; j++) {
			bool is_found = false;
			for (unsigned k = 0; k < count; k++)
				is_found = is_found || strcmp(found[k], all[j]) == 0;
			cr_assert_eq(is_found, sl_rotation_may_be(all[j], all[i]), "%s of %s",
				all[i], all[j]);
		}
	}
}

Test(rotation, what_a_generation_is_one_of)
{
	static const struct {
		const char *name, *base;
	} cases[] = {
		{ "app.log", "app.log" },
		{ "app.log.1", "app.log" },
		{ "app.log.2.gz", "app.log" },
		{ "app.log.gz", "app.log" },
		{ "app.log-20260131", "app.log" },
		{ "app.log-2026-01-31.xz", "app.log" },
		{ "app-20260131.log", "app.log" },
		{ "app-20260131.log.gz", "app.log" },
		{ "app.1.log", "app.log" },
		{ "my-2nd-app.log.3", "my-2nd-app.log" },
		{ "app.log.old", "app.log.old" },
		{ ".gz", ".gz" },
		{ ".1", ".1" },
		{ "", "" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char base[64];
		sl_rotation_base(cases[i].name, base);
		cr_expect_str_eq(base, cases[i].base, "%s", cases[i].name);
	}
}

/* Each list from the newest to the oldest. */
Test(rotation, age_follows_from_numbers_and_dates)
{
	static const char *const lists[][6] = {
		{ "x.log.1", "x.log.2.gz", "x.log.3", "x.log.10.xz", "x.log.99999" },
		{ "x.log-20260131", "x.log-20260130.gz", "x.log-20251231", "x.log-19991231.bz2" },
		{ "x-2026-01-31.log", "x-2026-01-30.log.gz", "x-2025-12-31.log" },
		{ "x.log-20260131235959", "x.log-2026013123", "x.log-20260131.gz" },
		{ "x.log_2026-01-31T10:00", "x.log_2026-01-31T09:59.zst" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(lists); i++) {
		for (size_t a = 0; lists[i][a]; a++) {
			for (size_t b = 0; lists[i][b]; b++)
				cr_expect_eq(
					sl_rotation_is_newer(sl_rotation_age("x.log", lists[i][a]),
						sl_rotation_age("x.log", lists[i][b])),
					a < b, "%s and %s", lists[i][a], lists[i][b]);
		}
	}
}

Test(rotation, other_names_have_no_age)
{
	static const char *const names[] = { "x.log.old", "x.log.1x", "x.log.1.old",
		"x.log.1-backup", "x.log.1234567890123456789", "y.log.1", "x.log" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++)
		cr_expect(!sl_rotation_age("x.log", names[i]).is_known, "%s", names[i]);
	cr_expect(!sl_rotation_is_newer(
		sl_rotation_age("x.log", "x.log.1"), sl_rotation_age("x.log", "x.log-20260131")));
}
