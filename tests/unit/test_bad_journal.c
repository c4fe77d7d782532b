/*
 * Journals that are not as this program wrote them. Whatever is in a journal, the run that finds it
 * ends with the right file: a damaged journal costs a part of the download at most.
 */
#include "batch_bench.h"

#include <unistd.h>

#define SIZE (4u * 1024 * 1024 + 12345) /* larger than a small part */
#define ARRIVED 2200000
#define SEED 7
#define FILES 16 /* in one run */

/* What a run has left of one file. */
struct left {
	char journal[24]; /* its name */
	char text[4096];
	size_t len;
};

struct group {
	struct batch_bench *bench;
	struct left left[FILES];
	unsigned first; /* number of the first of its files */
};

static struct group *
begin(void)
{
	struct group *group = calloc(1, sizeof(*group));
	cr_assert_not_null(group);
	group->bench = batch_begin();
	group->bench->options.sync = SL_SYNC_NONE;
	group->bench->options.resume = true;
	group->bench->options.min_segment = SL_MIB;
	group->bench->options.jobs = FILES;
	group->bench->chunks = 4 * FILES;
	return group;
}

static void
end(struct group *group)
{
	batch_end(group->bench);
	free(group);
}

static int
run(struct group *group, unsigned segments)
{
	struct sl_buf list = { 0 };
	for (unsigned n = 0; n < FILES; n++)
		sl_buf_printf(&list, "$/short-first/1/%u/ranges/etag/v1/gen/%u/%u/f%u\n", ARRIVED,
			SIZE, SEED, group->first + n);
	group->bench->options.segments = segments;
	int code = batch_run(group->bench, list.data);
	sl_buf_release(&list);
	return code;
}

/* A run that gets some of each file, and keeps that. */
static void
leave(struct group *group)
{
	cr_assert_eq(run(group, 1), SL_E_SHORT_BODY);
	cr_assert_eq(group->bench->summary.kept, FILES);
	for (unsigned n = 0; n < FILES; n++) {
		struct left *left = &group->left[n];
		snprintf(left->journal, sizeof(left->journal), "f%u.sluice-journal",
			group->first + n);
		FILE *file = fopen(left->journal, "rbe");
		cr_assert_not_null(file);
		left->len = fread(left->text, 1, sizeof(left->text), file);
		cr_assert_eq(fclose(file), 0);
		cr_assert(left->len > 150 && left->len < sizeof(left->text) / 2);
	}
}

/* The same with the journals as they stand in the group; returns how much was resumed. */
static uint64_t
resume(struct group *group)
{
	for (unsigned n = 0; n < FILES; n++) {
		const struct left *left = &group->left[n];
		FILE *file = fopen(left->journal, "r+be"); /* it keeps owner and mode */
		cr_assert_not_null(file);
		cr_assert_eq(ftruncate(fileno(file), 0), 0);
		cr_assert_eq(fwrite(left->text, 1, left->len, file), left->len);
		cr_assert_eq(fclose(file), 0);
	}
	cr_expect_eq(run(group, 4), 0, "%s", group->bench->summary.first_error.text);
	for (unsigned n = 0; n < FILES; n++) {
		char name[16];
		snprintf(name, sizeof(name), "f%u", group->first + n);
		batch_expect_gen(group->bench, n, name, SIZE, SEED);
		cr_assert_eq(unlink(name), 0);
	}
	cr_expect_eq(scratch_count("."), 0, "something is left");
	group->first += FILES;
	return group->bench->summary.resumed;
}

Test(bad_journal, those_that_are_whole_are_used)
{
	struct group *group = begin();
	leave(group);
	cr_expect_eq(resume(group), FILES * ARRIVED);
	end(group);
}

Test(bad_journal, whatever_byte_is_changed_the_file_is_right, .timeout = 900)
{
	struct group *group = begin();
	uint64_t resumed = 0;
	size_t len = 1;
	while (group->first < len) {
		leave(group);
		for (unsigned n = 0; n < FILES; n++) {
			struct left *left = &group->left[n];
			size_t off = SL_MIN(group->first + n, left->len - 1);
			left->text[off] ^= (char)(1 + off * 37 % 255);
			len = left->len;
		}
		resumed += resume(group);
	}
	cr_expect_lt(resumed, (uint64_t)group->first * ARRIVED / 2, "what is damaged was used");
	end(group);
}

Test(bad_journal, wherever_it_is_cut_the_file_is_right, .timeout = 900)
{
	struct group *group = begin();
	size_t len = 1;
	while (group->first < len) {
		leave(group);
		for (unsigned n = 0; n < FILES; n++) {
			struct left *left = &group->left[n];
			len = left->len;
			left->len = SL_MIN(group->first + n, left->len - 1);
		}
		cr_expect_leq(resume(group), FILES * ARRIVED);
	}
	end(group);
}

/* It lists what this part does not have. */
Test(bad_journal, that_of_another_part_is_not_used)
{
	struct group *group = begin();
	leave(group);
	for (unsigned n = 0; n + 1 < FILES; n += 2) {
		memcpy(group->left[n].text, group->left[n + 1].text, sizeof(group->left[n].text));
		group->left[n].len = group->left[n + 1].len;
	}
	cr_expect_eq(resume(group), FILES / 2 * ARRIVED);
	end(group);
}

Test(bad_journal, what_follows_it_is_ignored)
{
	struct group *group = begin();
	leave(group);
	for (unsigned n = 0; n < FILES; n++)
		for (size_t more = n * n; more > 0; more--)
			group->left[n].text[group->left[n].len++] =
				(char)(n % 2 ? 0 : more * 91 + 17);
	cr_expect_eq(resume(group), FILES * ARRIVED);
	end(group);
}
