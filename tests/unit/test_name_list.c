#include "sluice/sink/name_list.h"

#include "sluice/base/random.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 1000, NAME_MAX_LEN = 300 };

struct entry {
	char name[NAME_MAX_LEN + 1];
	size_t len;
	uint64_t numbers[SL_NAME_LIST_NUMBERS];
};

static struct entry entries[COUNT];

/* Any bytes, and often as the one before but for its end. */
static void
make_name(struct sl_random *random, struct entry *entry, const struct entry *before)
{
	entry->len = (size_t)sl_random_below(random, NAME_MAX_LEN + 1);
	size_t kept = before ? (size_t)sl_random_below(random, before->len + 1) : 0;
	for (size_t i = 0; i < entry->len; i++)
		entry->name[i] = i < kept ? before->name[i] : (char)sl_random_below(random, 256);
}

/* The first numbers ascend, with gaps. */
static void
fill(struct sl_name_list *list, uint64_t seed)
{
	struct sl_random random;
	sl_random_init(&random, seed);
	uint64_t number = 0;
	for (size_t i = 0; i < COUNT; i++) {
		make_name(&random, &entries[i], i ? &entries[i - 1] : NULL);
		number += 1 + sl_random_below(&random, 1u << sl_random_below(&random, 20));
		entries[i].numbers[0] = number;
		entries[i].numbers[1] = sl_random_next(&random) >> sl_random_below(&random, 64);
		entries[i].numbers[2] = i % 3 ? 0 : UINT64_MAX;
		struct sl_span name = sl_span(entries[i].name, entries[i].len);
		cr_assert_eq(sl_name_list_add(list, name, entries[i].numbers), 0);
	}
}

static void
expect_entry(const struct sl_name_list_reader *reader, size_t i)
{
	cr_assert_eq(reader->name.len, entries[i].len, "entry %zu", i);
	cr_assert(memcmp(reader->name.data, entries[i].name, entries[i].len) == 0, "entry %zu", i);
	cr_assert(memcmp(reader->numbers, entries[i].numbers, sizeof(reader->numbers)) == 0);
}

Test(name_list, what_was_added_is_read)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct sl_name_list list = { 0 };
		fill(&list, seed);
		cr_assert_eq(list.count, COUNT);
		struct sl_name_list_reader reader = { .list = &list };
		for (size_t i = 0; i < COUNT; i++) {
			cr_assert(sl_name_list_next(&reader));
			expect_entry(&reader, i);
		}
		cr_assert_not(sl_name_list_next(&reader));
		sl_name_list_reader_release(&reader);
		sl_name_list_release(&list);
	}
}

Test(name_list, each_entry_is_found_by_its_number_and_what_follows_it_is_read)
{
	struct sl_name_list list = { 0 };
	struct sl_name_list_reader reader = { .list = &list };
	cr_expect_not(sl_name_list_find(&reader, 0));
	fill(&list, 6);
	for (size_t i = COUNT; i-- > 0;) {
		cr_assert(sl_name_list_find(&reader, entries[i].numbers[0]), "entry %zu", i);
		expect_entry(&reader, i);
		if (i + 1 < COUNT && sl_name_list_next(&reader))
			expect_entry(&reader, i + 1);
		uint64_t before = i ? entries[i - 1].numbers[0] : 0;
		if (entries[i].numbers[0] - 1 > before)
			cr_assert_not(sl_name_list_find(&reader, entries[i].numbers[0] - 1));
	}
	cr_expect_not(sl_name_list_find(&reader, entries[COUNT - 1].numbers[0] + 1));
	cr_expect_not(sl_name_list_find(&reader, 0));
	sl_name_list_reader_release(&reader);
	sl_name_list_release(&list);
}

Test(name_list, sorted_names_of_a_directory_take_few_bytes)
{
	struct sl_name_list list = { 0 };
	for (unsigned i = 0; i < 100000; i++) {
		const uint64_t numbers[SL_NAME_LIST_NUMBERS] = { i % 100, i % 7, 0 };
		char name[64];
		int len = snprintf(name, sizeof(name), "/var/log/containers/%03u/app-%06u.log",
			i / 1000, i);
		cr_assert_eq(sl_name_list_add(&list, sl_span(name, (size_t)len), numbers), 0);
	}
	cr_expect_leq(list.entries.len, 1300000u);
	sl_name_list_release(&list);
}
