/*
 * A second run over files that are finished: how many requests it costs, and what it detects.
 */
#include "batch_bench.h"

#include "sluice/download/stamp.h"
#include "support/origin_exchange.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define T "1500000000"
#define FILES 300

/* Of all paths. */
static uint64_t
count_requests(const struct batch_bench *bench, const char *kind)
{
	char field[32];
	struct sl_buf text = { 0 };
	snprintf(field, sizeof(field), "\"%s\":", kind);
	sl_origin_count(bench->origin, "", &text);
	const char *at = strstr(text.data, field);
	cr_assert_not_null(at);
	uint64_t count = strtoull(at + strlen(field), NULL, 10);
	sl_buf_release(&text);
	return count;
}

static void
expect_skipped(struct batch_bench *bench, size_t count)
{
	for (size_t i = 0; i < count; i++)
		batch_expect_state(bench, i, SL_DOWNLOAD_SKIPPED);
}

/* Run the list a second time: exactly so many requests, HEADs and conditional ones. */
static int
run_again(struct batch_bench *bench, const char *list, uint64_t requests, uint64_t heads,
	uint64_t conditionals)
{
	static const char *const kinds[] = { "requests", "heads", "conditionals" };
	const uint64_t want[] = { requests, heads, conditionals };
	uint64_t before[SL_COUNT_OF(kinds)];
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++)
		before[i] = count_requests(bench, kinds[i]);
	int code = batch_run(bench, list);
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++) {
		uint64_t count = count_requests(bench, kinds[i]) - before[i];
		cr_expect_eq(count, want[i], "%s: %llu %s, not %llu", list,
			(unsigned long long)count, kinds[i], (unsigned long long)want[i]);
	}
	return code;
}

/* Other bytes of the same length at its begin; the modification time stays. */
static void
damage(const char *path, bool keeps_time)
{
	struct stat st;
	int fd = open(path, O_WRONLY);
	cr_assert(fd >= 0 && fstat(fd, &st) == 0 && pwrite(fd, "damage", 6, 0) == 6);
	const struct timespec times[2] = { st.st_atim,
		keeps_time ? st.st_mtim : (struct timespec){ st.st_mtim.tv_sec, 7 } };
	cr_assert_eq(futimens(fd, times), 0);
	close(fd);
}

static struct batch_bench *
begin(void)
{
	struct batch_bench *bench = batch_begin();
	scratch_write_text("probe", "");
	bool has_attributes = setxattr("probe", "user.sluice-test", "x", 1, 0) == 0;
	cr_assert_eq(unlink("probe"), 0);
	if (!has_attributes) {
		batch_end(bench);
		cr_skip_test("this file system has no extended attributes");
	}
	return bench;
}

/* ---- with checksums ---- */

Test(second_run, of_files_with_checksums_makes_no_request)
{
	struct batch_bench *bench = begin();
	struct sl_buf list = { 0 };
	char sum[SL_ORIGIN_SUM_TEXT];
	for (unsigned i = 0; i < FILES; i++) {
		cr_assert_eq(sl_origin_body_sum(i, 100, sum), 0);
		sl_buf_printf(&list, "$/gen/100/%u/f%u\n checksum=sha-256=%s\n", i, i, sum);
	}
	cr_expect_eq(batch_run(bench, list.data), 0);
	cr_expect_eq(count_requests(bench, "requests"), FILES);
	cr_expect_eq(run_again(bench, list.data, 0, 0, 0), 0);
	expect_skipped(bench, FILES);
	sl_buf_release(&list);
	batch_end(bench);
}

/* Large ones are sealed after their last write, small ones with it. */
Test(second_run, hashes_a_file_only_if_size_or_time_are_not_those_of_the_stamp)
{
	static const uint64_t sizes[] = { 1000, 9000000 };
	char sum[SL_ORIGIN_SUM_TEXT], list[400];
	struct batch_bench *bench = begin();
	for (size_t i = 0; i < SL_COUNT_OF(sizes); i++) {
		cr_assert_eq(sl_origin_body_sum(1, sizes[i], sum), 0);
		snprintf(list, sizeof(list), "$/gen/%llu/1/x%zu\n checksum=sha-256=%s\n",
			(unsigned long long)sizes[i], i, sum);
		char *name = (char[]){ 'x', (char)('0' + i), '\0' };
		cr_expect_eq(batch_run(bench, list), 0);
		damage(name, true);
		cr_expect_eq(run_again(bench, list, 0, 0, 0), 0, "not looked into");
		expect_skipped(bench, 1);
		damage(name, false);
		cr_expect_eq(run_again(bench, list, 0, 0, 0), -EEXIST);
		batch_expect_failed(bench, 0, -EEXIST, "has another checksum");
		cr_assert_eq(truncate(name, 500), 0);
		cr_expect_eq(run_again(bench, list, 0, 0, 0), -EEXIST);
	}
	batch_end(bench);
}

Test(second_run, hashes_a_file_whose_stamp_has_another_checksum_or_none)
{
	char sum[SL_ORIGIN_SUM_TEXT], list[400];
	struct batch_bench *bench = begin();
	cr_assert_eq(sl_origin_body_sum(1, 1000, sum), 0);
	snprintf(list, sizeof(list), "$/gen/1000/1/x\n checksum=sha-256=%s\n", sum);
	cr_expect_eq(batch_run(bench, "$/lm/" T "/gen/1000/1/x\n"), 0);
	cr_expect_eq(run_again(bench, list, 0, 0, 0), 0);
	expect_skipped(bench, 1);
	damage("x", true);
	cr_expect_eq(run_again(bench, list, 0, 0, 0), -EEXIST);
	cr_assert_eq(unlink("x"), 0);
	cr_expect_eq(batch_run(bench, list), 0);
	cr_expect_eq(
		run_again(bench, "$/gen/1000/1/x\n checksum=md5=d41d8cd98f00b204e9800998ecf8427e\n",
			0, 0, 0),
		-EEXIST);
	batch_end(bench);
}

/* ---- without ---- */

static const struct {
	const char *url;
	uint64_t requests, heads, conditionals;
	const char *refusal; /* NULL = skipped */
} seconds[] = {
	{ "$/etag/a/lm/" T "/gen/1000/1/x", 1, 1, 1, NULL },
	{ "$/etag/a/gen/1000/1/x", 1, 1, 1, NULL },
	{ "$/etag/weak-a/gen/1000/1/x", 1, 1, 1, NULL },
	{ "$/lm/" T "/gen/1000/1/x", 1, 1, 1, NULL },
	{ "$/etag/a/chunked/gen/1000/1/x", 1, 1, 1, NULL },
	{ "$/redirect/302/etag/a/gen/1000/1/x", 2, 2, 2, NULL },
	/* without validators there is no condition */
	{ "$/gen/1000/1/x", 2, 1, 0, "the server sent no time" },
	/* servers without conditional requests: its size and time are compared, or its ETag */
	{ "$/unconditional/lm/" T "/gen/1000/1/x", 1, 1, 1, NULL },
	{ "$/unconditional/etag/a/gen/1000/1/x", 1, 1, 1, NULL },
	/* nodes of one service with ETags of their own */
	{ "$/flip-etag/2/lm/" T "/gen/1000/1/x", 1, 1, 1, NULL },
	/* another version */
	{ "$/change/2/gen/1000/1/x", 2, 1, 2, "the server's file is newer" },
	{ "$/grow/2/1/gen/1000/1/x", 2, 1, 2, "the server's file has 1001" },
	{ "$/flip-etag/2/gen/1000/1/x", 2, 1, 2, "the server sent no time" },
	/* HEAD is refused: GET has the condition, too */
	{ "$/nohead/403/etag/a/gen/1000/1/x", 2, 1, 2, NULL },
};

Test(second_run, without_checksums_makes_one_conditional_request)
{
	struct batch_bench *bench = begin();
	for (size_t i = 0; i < SL_COUNT_OF(seconds); i++) {
		cr_expect_eq(batch_run(bench, seconds[i].url), 0);
		batch_expect_state(bench, 0, SL_DOWNLOAD_DONE);
		int code = run_again(bench, seconds[i].url, seconds[i].requests, seconds[i].heads,
			seconds[i].conditionals);
		cr_expect_eq(code, seconds[i].refusal ? -EEXIST : 0, "%s", seconds[i].url);
		if (seconds[i].refusal)
			batch_expect_failed(bench, 0, -EEXIST, seconds[i].refusal);
		else
			expect_skipped(bench, 1);
		cr_assert_eq(unlink("x"), 0);
	}
	batch_end(bench);
}

/* Else a file that another program has left half-done would be complete for If-Modified-Since. */
Test(second_run, sends_no_condition_without_a_stamp_of_this_file_and_url)
{
	static const char list[] = "$/always-304/lm/" T "/gen/1000/1/x\n";
	struct batch_bench *bench = begin();
	scratch_write_text("x", "half");
	cr_expect_eq(run_again(bench, list, 2, 1, 0), -EEXIST);
	batch_expect_failed(bench, 0, -EEXIST, "with 4 bytes, and the server's file has 1000");
	cr_assert_eq(unlink("x"), 0);
	cr_expect_eq(batch_run(bench, list), 0);
	cr_expect_eq(run_again(bench, list, 1, 1, 1), 0);
	expect_skipped(bench, 1);
	cr_expect_eq(run_again(bench, "$/always-304/lm/" T "/gen/1001/1/x\n", 2, 1, 0), -EEXIST,
		"another URL");
	cr_assert_eq(truncate("x", 999), 0);
	cr_expect_eq(run_again(bench, list, 2, 1, 0), -EEXIST);
	batch_expect_failed(bench, 0, -EEXIST, "with 999 bytes, and the server's file has 1000");
	batch_end(bench);
}

Test(second_run, leaves_conditions_of_the_list_as_they_are)
{
	struct batch_bench *bench = begin();
	cr_expect_eq(batch_run(bench, "$/etag/a/gen/1000/1/x\n"), 0);
	cr_expect_eq(
		run_again(bench, "$/etag/a/gen/1000/1/x\n header=If-None-Match: \"b\"\n", 1, 1, 1),
		0);
	cr_expect_eq(
		run_again(bench, "$/etag/a/gen/1000/1/x\n header=If-None-Match: \"a\"\n", 2, 1, 2),
		SL_E_STATUS);
	batch_expect_failed(bench, 0, SL_E_STATUS, "304");
	batch_end(bench);
}

/* ---- the stamp ---- */

static int
read_stamp(const char *path, struct sl_stamp *stamp)
{
	unsigned char bytes[SL_STAMP_MAX];
	ssize_t len = getxattr(path, SL_STAMP_ATTRIBUTE, bytes, sizeof(bytes));
	return len >= 0 && sl_stamp_parse(stamp, bytes, (size_t)len) ? 0 : -1;
}

/* After a power cut such a file may have its size, its time and no data. */
Test(second_run, finds_no_stamp_if_the_first_did_not_sync)
{
	struct batch_bench *bench = begin();
	struct sl_stamp stamp;
	bench->options.sync = SL_SYNC_NONE;
	cr_expect_eq(batch_run(bench, "$/etag/a/lm/" T "/gen/1000/1/x\n"), 0);
	cr_expect_neq(read_stamp("x", &stamp), 0);
	cr_expect_eq(run_again(bench, "$/etag/a/lm/" T "/gen/1000/1/x\n", 1, 1, 0), 0);
	batch_end(bench);
}

Test(second_run, finds_a_stamp_without_secrets)
{
	struct batch_bench *bench = begin();
	struct sl_stamp stamp, other;
	cr_expect_eq(batch_run(bench, "$/etag/a/gen/10/1/x?X-Amz-Signature=abcdef0123456789\n"), 0);
	cr_expect_eq(
		batch_run(bench, "$/etag/a/gen/10/1/x?X-Amz-Signature=0123456789abcdef\n out=y\n"),
		0);
	cr_assert_eq(read_stamp("x", &stamp), 0);
	cr_assert_eq(read_stamp("y", &other), 0);
	cr_expect_eq(stamp.url_hash, other.url_hash, "the signature is not in the hash");
	cr_expect_eq(
		run_again(bench, "$/etag/a/gen/10/1/x?X-Amz-Signature=ffffffffffffffff\n", 1, 1, 1),
		0);
	batch_end(bench);
}

/* Its own time, or that of its completion. */
Test(second_run, finds_the_time_of_the_file_in_its_stamp)
{
	struct batch_bench *bench = begin();
	static const char *const lists[] = { "$/etag/a/lm/" T "/gen/1000/1/x\n",
		"$/etag/a/gen/1000/1/x\n" };
	for (size_t i = 0; i < 4; i++) {
		struct sl_stamp stamp;
		struct stat st;
		bench->options.remote_time = i < 2;
		cr_expect_eq(batch_run(bench, lists[i % 2]), 0);
		cr_assert(read_stamp("x", &stamp) == 0 && stat("x", &st) == 0);
		cr_expect_eq(stamp.mtime_ns,
			(uint64_t)st.st_mtim.tv_sec * SL_NS_PER_S + (uint64_t)st.st_mtim.tv_nsec);
		cr_expect_eq(stamp.size, 1000);
		cr_expect_eq(stamp.modified_s, i % 2 ? 0 : 1500000000);
		if (i)
			cr_expect_gt(st.st_mtime, 1600000000, "it is new");
		cr_assert_eq(unlink("x"), 0);
	}
	batch_end(bench);
}
