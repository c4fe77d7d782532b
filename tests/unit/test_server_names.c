/*
 * --content-disposition: the name is that of the server's answer, and all that holds for other
 * names holds for it.
 */
#include "batch_bench.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#define NAMED(name) "$/header/Content-Disposition/attachment;filename=" name

static struct batch_bench *
begin(void)
{
	struct batch_bench *bench = batch_begin();
	bench->options.server_names = true;
	return bench;
}

static void
put_gen(const char *path, size_t size, uint64_t seed, time_t modified)
{
	static char data[64 * 1024];
	struct utimbuf times = { .actime = modified, .modtime = modified };
	cr_assert_leq(size, sizeof(data));
	sl_origin_body_fill(seed, 0, data, size);
	scratch_write(path, data, size);
	cr_assert_eq(utime(path, &times), 0);
}

Test(server_names, are_those_of_the_answer)
{
	static const struct {
		const char *url, *name;
	} cases[] = {
		{ NAMED("a.bin") "/gen/1000/1/x", "a.bin" },
		{ NAMED("%22a%20b%22") "/gen/1000/1/x", "a b" },
		{ NAMED("a.bin") "/gen/1000/1/?id=7", "a.bin" },
		{ "$/redirect/302/header/Content-Disposition/filename=a.bin/gen/1000/1/x",
			"a.bin" },
		{ "$/header/Content-Disposition/inline;filename*=UTF-8%27%27%25c3%25a4/gen/1000/1/"
		  "x",
			"\xc3\xa4" },
		{ NAMED("%22..%2f..%2fetc%2fpasswd%22") "/gen/1000/1/x", "passwd" },
		{ NAMED("..%5c..%5cpasswd") "/gen/1000/1/x", "passwd" },
		{ NAMED(".bashrc") "/gen/1000/1/x", "_.bashrc" },
		/* without a name that can be used it is the URL's */
		{ "$/gen/1000/1/x", "x" },
		{ "$/header/Content-Disposition/attachment/gen/1000/1/x", "x" },
		{ NAMED("%22%22") "/gen/1000/1/x", "x" },
		{ NAMED("..") "/gen/1000/1/x", "x" },
		{ NAMED("a%01b") "/gen/1000/1/x", "x" },
		{ "$/header/Content-Disposition/filename*=UTF-8%27%27a%2500b/gen/1000/1/x", "x" },
		/* large, and without a length */
		{ NAMED("a.bin") "/gen/9000000/1/x", "a.bin" },
		{ NAMED("a.bin") "/chunked/gen/1000/1/x", "a.bin" },
		{ NAMED("a.bin") "/gen/0/1/x", "a.bin" },
	};
	struct batch_bench *bench = begin();
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		cr_expect_eq(batch_run(bench, cases[i].url), 0, "%s: %s", cases[i].url,
			bench->inputs[0].error.text);
		uint64_t size = strstr(cases[i].url, "9000000") ? 9000000
				: strstr(cases[i].url, "gen/0") ? 0
								: 1000;
		batch_expect_gen(bench, 0, cases[i].name, size, 1);
		cr_expect_eq(scratch_count("."), 1, "%s", cases[i].url);
		cr_assert_eq(unlink(cases[i].name), 0);
	}
	batch_end(bench);
}

Test(server_names, leave_those_of_a_list_and_its_directories)
{
	struct batch_bench *bench = begin();
	cr_expect_eq(batch_run(bench, NAMED("a") "/gen/10/1/x\n out=own\n" NAMED(
					      "b") "/gen/10/2/x\n dir=d\n"),
		0);
	batch_expect_gen(bench, 0, "own", 10, 1);
	batch_expect_gen(bench, 1, "d/b", 10, 2);
	batch_end(bench);
}

Test(server_names, of_two_inputs_are_kept_apart)
{
	struct batch_bench *bench = begin();
	bench->options.jobs = 1;
	cr_expect_eq(batch_run(bench, NAMED("a") "/gen/10/1/x\n" NAMED("a") "/gen/10/2/y\n" NAMED(
					      "b") "/gen/10/3/x\n"),
		SL_E_TWICE);
	batch_expect_gen(bench, 0, "a", 10, 1);
	batch_expect_failed(bench, 1, SL_E_TWICE, "'a' is already the name of input 1");
	batch_expect_gen(bench, 2, "b", 10, 3);
	bench->options.if_exists = SL_EXISTS_RENAME;
	cr_expect_eq(batch_run(bench, NAMED("c") "/gen/10/1/x\n" NAMED("c") "/gen/10/2/y\n" NAMED(
					      "a") "/gen/10/3/x\n"),
		0);
	batch_expect_gen(bench, 0, "c", 10, 1);
	batch_expect_gen(bench, 1, "c.1", 10, 2);
	batch_expect_gen(bench, 2, "a.1", 10, 3);
	batch_end(bench);
}

/* The same URL twice is one download, whichever of the two comes first. */
Test(server_names, of_an_input_given_twice_is_downloaded_once)
{
	struct batch_bench *bench = begin();
	for (unsigned jobs = 1; jobs <= 2; jobs++) {
		bench->options.jobs = jobs;
		cr_expect_eq(
			batch_run(bench, NAMED("a") "/gen/10/1/x\n" NAMED("a") "/gen/10/1/x\n"), 0);
		cr_expect_eq(bench->summary.done, 1);
		cr_expect_eq(bench->summary.repeats, 1);
		cr_expect(batch_is_gen("a", 10, 1));
		cr_assert_eq(unlink("a"), 0);
	}
	cr_expect_eq(batch_run(bench, NAMED("a") "/short/5/10/x\n" NAMED("a") "/short/5/10/x\n"),
		SL_E_SHORT_BODY);
	cr_expect_eq(bench->summary.failed, 2);
	batch_end(bench);
}

static void
count_active(void *ctx, SL_UNUSED const struct sl_download *download)
{
	++*(unsigned *)ctx;
}

/* Before the entry that opens the gate: one of the two has the name, and the other has left. */
SL_SUSPENDS
static void
wait_for_repeat(struct batch_bench *bench, uint64_t index)
{
	unsigned active = 0;
	while (index == 2 && (active != 1 || !bench->inputs[0].begun || !bench->inputs[1].begun)) {
		active = 0;
		cr_assert_eq(sl_yield(), 0);
		sl_batch_each(bench->batch, count_active, &active);
	}
}

Test(server_names, that_repeat_those_of_a_download_under_way_begin_once)
{
	struct batch_bench *bench = begin();
	bench->before = wait_for_repeat;
	cr_expect_eq(
		batch_run(bench, "$/gate/twice/header/Content-Disposition/filename=a/gen/1000/1/x\n"
				 "$/gate/twice/header/Content-Disposition/filename=a/gen/1000/1/x\n"
				 "$/open/twice\n out=opened\n"),
		0);
	cr_expect(batch_is_gen("a", 1000, 1));
	cr_expect_eq(bench->summary.repeats, 1);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(
			bench->inputs[i].starts, 1, "input %zu: %u", i, bench->inputs[i].starts);
	batch_end(bench);
}

Test(server_names, are_compared_with_what_is_there)
{
	static const char list[] = NAMED("a") "/lm/1500000000/gen/1000/1/x\n";
	struct batch_bench *bench = begin();
	put_gen("a", 1000, 9, 1500000000);
	put_gen("x", 5, 9, 1);
	cr_expect_eq(batch_run(bench, list), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_SKIPPED);
	cr_expect_eq(batch_run(bench, NAMED("a") "/lm/1600000000/gen/1000/1/x\n"), -EEXIST);
	batch_expect_failed(bench, 0, -EEXIST, "'a' exists, and the server's file is newer");
	bench->options.if_exists = SL_EXISTS_FAIL;
	cr_expect_eq(batch_run(bench, list), -EEXIST);
	bench->options.if_exists = SL_EXISTS_SKIP;
	cr_expect_eq(batch_run(bench, list), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_SKIPPED);
	cr_assert_eq(chmod("a", 0640), 0);
	bench->options.if_exists = SL_EXISTS_REPLACE;
	cr_expect_eq(batch_run(bench, list), 0);
	batch_expect_gen(bench, 0, "a", 1000, 1);
	struct stat st;
	cr_expect(stat("a", &st) == 0 && (st.st_mode & 0777) == 0640);
	cr_assert_eq(unlink("a") | mkdir("a", 0755), 0);
	cr_expect_eq(batch_run(bench, list), -EEXIST);
	batch_expect_failed(bench, 0, -EEXIST, "'a' is a directory");
	cr_expect(batch_is_gen("x", 5, 9), "never its name");
	cr_expect_eq(scratch_count("."), 2);
	batch_end(bench);
}

/* With a checksum the local file is hashed while the answer waits. */
Test(server_names, are_checked_by_checksum)
{
	char sum[SL_ORIGIN_SUM_TEXT], list[400];
	struct batch_bench *bench = begin();
	bench->options.jobs = 16;
	bench->chunks = 4;
	cr_assert_eq(sl_origin_body_sum(1, 1000, sum), 0);
	put_gen("a", 1000, 1, 1);
	put_gen("b", 1000, 2, 1);
	snprintf(list, sizeof(list),
		NAMED("a") "/gen/1000/1/x\n checksum=sha-256=%s\n" NAMED(
			"b") "/gen/1000/1/x\n checksum=sha-256=%s\n",
		sum, sum);
	cr_expect_eq(batch_run(bench, list), -EEXIST);
	batch_expect_state(bench, 0, SL_DOWNLOAD_SKIPPED);
	batch_expect_failed(bench, 1, -EEXIST, "has another checksum");
	batch_end(bench);
}

Test(server_names, that_another_run_is_writing_are_refused)
{
	struct batch_bench *bench = begin();
	scratch_write_text("a.sluice-part", "another run's");
	int fd = open("a.sluice-part", O_RDWR);
	cr_assert(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
	cr_expect_eq(batch_run(bench, NAMED("a") "/gen/10/1/x\n"), SL_E_IN_USE);
	cr_expect(scratch_holds("a.sluice-part", "another run's"));
	close(fd);
	cr_expect_eq(batch_run(bench, NAMED("a") "/gen/10/1/x\n"), 0);
	batch_expect_gen(bench, 0, "a", 10, 1);
	cr_expect_eq(scratch_count("."), 1);
	batch_end(bench);
}

/* A source that fails before its head has named nothing; one that fails later has. */
Test(server_names, stay_with_the_next_source)
{
	struct batch_bench *bench = begin();
	cr_expect_eq(batch_run(bench, "$/status/404\t" NAMED("a") "/gen/1000/1/x\n"), 0);
	batch_expect_gen(bench, 0, "a", 1000, 1);
	cr_expect_eq(
		batch_run(bench, NAMED("b") "/short/5/1000\t" NAMED("c") "/gen/1000/1/x\n"), 0);
	batch_expect_gen(bench, 0, "b", 1000, 1);
	cr_expect_eq(scratch_count("."), 2);
	batch_end(bench);
}

Test(server_names, are_not_used_without_the_option)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, NAMED("a") "/gen/10/1/x\n"), 0);
	batch_expect_gen(bench, 0, "x", 10, 1);
	batch_end(bench);
}
