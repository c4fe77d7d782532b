/*
 * Names: where a download may go, what has its name already, and what --if-exists makes of it.
 */
#include "batch_bench.h"

#include "sluice/rt/io.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <utime.h>

static void
expect_skipped(struct batch_bench *bench, size_t input)
{
	batch_expect_state(bench, input, SL_DOWNLOAD_SKIPPED);
	cr_expect_eq(bench->inputs[input].received, 0);
}

static void
put_gen(const char *path, size_t size, uint64_t seed, time_t modified)
{
	static char data[64 * 1024];
	struct utimbuf times = { .actime = modified, .modtime = modified };
	cr_assert_leq(size, sizeof(data));
	sl_origin_body_fill(seed, 0, data, size);
	scratch_write(path, data, size);
	if (modified)
		cr_assert_eq(utime(path, &times), 0);
}

/* ---- --if-exists ---- */

#define T 1500000000

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"

struct auto_case {
	const char *url;
	size_t size;
	time_t modified;
	bool no_remote_time;
	const char *refusal; /* NULL = skipped as complete */
};

#define NO_TIME \
	"with the right size, but the server sent no time, so it may be another version " \
	"(--checksum "
#define NEWER "and the server's file is newer"

static const struct auto_case autos[] = {
	{ "$/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	{ "$/lm/1500000000/gen/1000/1", 1000, T + 1, false, NULL }, /* FAT counts by twos */
	{ "$/lm/1500000000/gen/1000/1", 1000, T - 1, false, NULL },
	{ "$/lm/1500000000/gen/1000/1", 1000, T - 2, false, NEWER },
	{ "$/lm/1500000000/gen/1000/1", 1000, T - 2, true, NEWER },
	/* as cp, unpacking, or a file system without times have left it */
	{ "$/lm/1500000000/gen/1000/1", 1000, T + 2, false, NULL },
	{ "$/lm/1500000000/gen/1000/1", 1000, T + 99999, false, NULL },
	{ "$/lm/1500000000/gen/1000/1", 1000, T + 999, true, NULL },
	/* the same size is not the same file */
	{ "$/gen/1000/1", 1000, T, false, NO_TIME },
	{ "$/gen/1000/1", 1000, T, true, NO_TIME },
	{ "$/etag/abc/gen/1000/1", 1000, T, false, NO_TIME },
	{ "$/gen/1001/1", 1000, T, false, "with 1000 bytes, and the server's file has 1001" },
	{ "$/gen/0/1", 0, T, false, NULL }, /* unless there is nothing in it */
	{ "$/nohead/405/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	{ "$/nohead/501/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	{ "$/nohead/403/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	{ "$/nohead/204/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	{ "$/nohead/304/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	{ "$/nohead/206/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	{ "$/nohead/405/gen/9/1", 1000, T, false, "the server's file has 9" },
	{ "$/nohead/405/gen/1000/1", 1000, T, false, NO_TIME },
	{ "$/nohead/0/lm/1500000000/gen/1000/1", 1000, T, false, NULL }, /* HEAD without a length */
	{ "$/nohead/405/lm/1600000000/gen/1000/1", 1000, T, false, NEWER },
	/* what HEAD denies, GET is asked */
	{ "$/otherhead/77/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	{ "$/otherhead/1000/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	{ "$/lm/1600000000/otherhead/77/gen/1000/1", 1000, T, false, NEWER },
	{ "$/otherhead/77/gen/1001/1", 1000, T, false, "the server's file has 1001" },
	/* without a length, the time alone must be the file's */
	{ "$/chunked/gen/1000/1", 1000, T, false, "sent neither a size nor a time" },
	{ "$/lm/1500000000/chunked/gen/1000/1", 1000, T, false, NULL },
	{ "$/lm/1500000000/chunked/gen/1000/1", 1000, T + 2, false,
		"no size and a different time" },
	{ "$/lm/1500000000/chunked/gen/1000/1", 1000, T - 2, false,
		"no size and a different time" },
	{ "$/redirect/302/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
	/* the next source tells */
	{ "$/status/503\t$/lm/1500000000/gen/1000/1", 1000, T, false, NULL },
};

Test(existing, auto_skips_what_is_complete_and_refuses_the_rest)
{
	struct batch_bench *bench = batch_begin();
	for (size_t i = 0; i < SL_COUNT_OF(autos); i++) {
		char list[300];
		const struct auto_case *c = &autos[i];
		snprintf(list, sizeof(list), "%s\n out=x\n", c->url);
		put_gen("x", c->size, 9, c->modified);
		bench->options.remote_time = !c->no_remote_time;
		int code = batch_run(bench, list);
		cr_expect_eq(code, c->refusal ? -EEXIST : 0, "%s: %s", c->url,
			bench->inputs[0].error.text);
		if (c->refusal)
			batch_expect_failed(bench, 0, -EEXIST, c->refusal);
		else
			expect_skipped(bench, 0);
		cr_expect(batch_is_gen("x", c->size, 9), "%s: touched", c->url);
		cr_expect_eq(scratch_count("."), 1);
	}
	batch_end(bench);
}

Test(existing, an_error_status_fails_the_file_and_keeps_what_is_there)
{
	struct batch_bench *bench = batch_begin();
	put_gen("x", 10, 1, 0);
	put_gen("y", 10, 1, 0);
	cr_expect_eq(batch_run(bench, "$/status/404\n out=x\n$/status/503\n out=y\n"), SL_E_STATUS);
	batch_expect_failed(bench, 0, SL_E_STATUS, "404");
	batch_expect_failed(bench, 1, SL_E_STATUS, "503");
	cr_expect(batch_is_gen("x", 10, 1));
	batch_end(bench);
}

Test(existing, a_checksum_takes_precedence_over_size_and_time)
{
	char sum[SL_ORIGIN_SUM_TEXT], list[400];
	struct batch_bench *bench = batch_begin();
	cr_assert_eq(sl_origin_body_sum(1, 1000, sum), 0);
	snprintf(list, sizeof(list),
		"$/status/404\n out=a\n checksum=sha-256=%s\n"
		"$/gen/1000/1\n out=b\n checksum=sha-256=%s\n",
		sum, sum);
	put_gen("a", 1000, 1, 0);
	put_gen("b", 1000, 2, 0);
	cr_expect_eq(batch_run(bench, list), -EEXIST);
	expect_skipped(bench, 0);
	batch_expect_failed(bench, 1, -EEXIST, "'b' exists and has another checksum");
	cr_expect(batch_is_gen("b", 1000, 2));
	bench->options.if_exists = SL_EXISTS_REPLACE;
	cr_expect_eq(batch_run(bench, strchr(list, '\n') + 1 +
					      strlen(" out=a\n checksum=sha-256=") + 64 + 1),
		0);
	batch_expect_gen(bench, 0, "b", 1000, 1);
	batch_end(bench);
}

Test(existing, each_policy_has_its_effect)
{
	struct batch_bench *bench = batch_begin();
	put_gen("x", 10, 9, 0);
	bench->options.if_exists = SL_EXISTS_FAIL;
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n"), -EEXIST);
	batch_expect_failed(bench, 0, -EEXIST, "'x' exists (--if-exists=replace overwrites it");
	bench->options.if_exists = SL_EXISTS_SKIP;
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n"), 0);
	expect_skipped(bench, 0);
	cr_expect(bench->inputs[0].unverified);
	cr_expect_eq(bench->summary.unverified, 1);
	bench->options.if_exists = SL_EXISTS_RENAME;
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n$/gen/20/2/x\n"), 0);
	batch_expect_gen(bench, 0, "x.1", 10, 1);
	batch_expect_gen(bench, 1, "x.2", 20, 2);
	cr_expect(batch_is_gen("x", 10, 9), "until now it is unchanged");
	bench->options.if_exists = SL_EXISTS_REPLACE;
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n"), 0);
	batch_expect_gen(bench, 0, "x", 10, 1);
	cr_expect_eq(scratch_count("."), 3);
	batch_end(bench);
}

Test(existing, what_is_replaced_gives_its_mode_but_no_more)
{
	struct stat st;
	struct batch_bench *bench = batch_begin();
	bench->options.if_exists = SL_EXISTS_REPLACE;
	put_gen("x", 10, 9, 0);
	cr_assert_eq(chmod("x", 06751), 0);
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n"), 0);
	cr_assert(scratch_stat("x", &st));
	cr_expect_eq(st.st_mode & 07777, 0751);
	batch_end(bench);
}

/* The mode's group bits are the mask of the ACL: they give the group nothing. */
Test(existing, what_is_replaced_gives_its_acl_and_owner)
{
	static const struct scratch_acl acl = { 6, 6, 0, 6, 0 };
	bool is_root = geteuid() == 0;
	struct stat st;
	struct batch_bench *bench = batch_begin();
	bench->options.if_exists = SL_EXISTS_REPLACE;
	for (size_t i = 0; i < 2; i++) {
		put_gen("x", 10, 9, 0);
		cr_assert(!is_root || chown("x", 1, 2) == 0);
		if (!scratch_set_acl("x", &acl)) {
			batch_end(bench);
			cr_skip_test("this file system has no ACLs");
		}
		cr_expect_eq(batch_run(bench, i ? "$/gen/9000000/1/x\n" : "$/gen/10/1/x\n"), 0);
		batch_expect_gen(bench, 0, "x", i ? 9000000 : 10, 1);
		cr_expect(scratch_has_acl("x", &acl));
		cr_assert(scratch_stat("x", &st));
		cr_expect_eq(st.st_mode & 07777, 0660);
		cr_expect_eq(st.st_uid, is_root ? 1 : geteuid());
		cr_expect_eq(st.st_gid, is_root ? 2 : getegid());
		cr_assert_eq(unlink("x"), 0);
	}
	batch_end(bench);
}

Test(existing, a_failure_leaves_what_would_have_been_replaced)
{
	struct batch_bench *bench = batch_begin();
	bench->options.if_exists = SL_EXISTS_REPLACE;
	put_gen("x", 10, 9, 0);
	cr_expect_eq(batch_run(bench, "$/short/10/20\n out=x\n"), SL_E_SHORT_BODY);
	cr_expect(batch_is_gen("x", 10, 9));
	cr_expect_eq(scratch_count("."), 1);
	batch_end(bench);
}

/* ---- links, directories, devices ---- */

Test(existing, links_are_looked_through_but_not_written_through)
{
	struct stat st;
	struct batch_bench *bench = batch_begin();
	put_gen("target", 10, 1, 0);
	cr_assert_eq(symlink("target", "x") | symlink("nothing", "y"), 0);
	cr_expect_eq(batch_run(bench, "$/lm/1/gen/10/1/x\n$/gen/10/1/y\n"), -EEXIST);
	expect_skipped(bench, 0);
	batch_expect_failed(
		bench, 1, -EEXIST, "'y' exists as a symbolic link to a file that does not exist");
	bench->options.if_exists = SL_EXISTS_REPLACE;
	cr_expect_eq(batch_run(bench, "$/gen/20/2/x\n$/gen/20/2/y\n"), 0);
	batch_expect_gen(bench, 0, "x", 20, 2);
	batch_expect_gen(bench, 1, "y", 20, 2);
	cr_expect(scratch_stat("x", &st) && S_ISREG(st.st_mode), "the link itself is replaced");
	cr_expect(batch_is_gen("target", 10, 1));
	cr_expect_not(scratch_exists("nothing"));
	batch_end(bench);
}

Test(existing, a_directory_of_that_name_is_refused_before_the_request)
{
	struct batch_bench *bench = batch_begin();
	cr_assert_eq(mkdir("x", 0777), 0);
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n"), -EEXIST);
	batch_expect_failed(bench, 0, -EEXIST, "'x' is a directory");
	bench->options.if_exists = SL_EXISTS_REPLACE;
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n"), -EEXIST);
	bench->options.if_exists = SL_EXISTS_RENAME;
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n"), 0);
	batch_expect_gen(bench, 0, "x.1", 10, 1);
	batch_end(bench);
}

Test(existing, a_device_is_written_to_in_place)
{
	struct batch_bench *bench = batch_begin();
	bench->options.output = "/dev/null";
	cr_expect_eq(batch_run(bench, "$/chunked/gen/9000001/1\n"), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_DONE);
	cr_expect_eq(bench->inputs[0].received, 9000001);
	bench->options.output = "/dev/full";
	cr_expect_eq(batch_run(bench, "$/gen/10/1\n"), -ENOSPC);
	batch_expect_failed(bench, 0, -ENOSPC, "cannot write '/dev/full': no space left on device");
	cr_expect_eq(bench->inputs[0].error.phase, SL_PHASE_WRITE);
	batch_end(bench);
}

/* A name from a URL or a list must not take the data elsewhere, or wait for a reader. */
Test(existing, only_output_may_name_a_device_or_a_fifo)
{
	static const enum sl_if_exists policies[] = { SL_EXISTS_AUTO, SL_EXISTS_SKIP,
		SL_EXISTS_REPLACE, SL_EXISTS_FAIL };
	struct batch_bench *bench = batch_begin();
	cr_assert_eq(
		mkfifo("fifo", 0600) | symlink("/dev/null", "link") | symlink("fifo", "to"), 0);
	for (size_t i = 0; i < SL_COUNT_OF(policies); i++) {
		bench->options.if_exists = policies[i];
		cr_expect_eq(batch_run(bench, "$/gen/10/1/fifo\n$/gen/10/1/link\n"
					      "$/gen/10/1\n out=to\n"),
			-EEXIST);
		for (size_t input = 0; input < 3; input++)
			batch_expect_failed(bench, input, -EEXIST,
				"is not a regular file (--output may name a device or a FIFO)");
	}
	bench->options.if_exists = SL_EXISTS_RENAME;
	cr_expect_eq(batch_run(bench, "$/gen/10/1/fifo\n$/gen/20/2/link\n"), 0);
	batch_expect_gen(bench, 0, "fifo.1", 10, 1);
	batch_expect_gen(bench, 1, "link.1", 20, 2);
	bench->options.output = "link";
	cr_expect_eq(batch_run(bench, "$/gen/10/1\n"), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_DONE);
	batch_end(bench);
}

static void *
read_fifo(void *arg)
{
	struct sl_buf *got = arg;
	(void)!scratch_read("fifo", got);
	return NULL;
}

Test(existing, a_fifo_gets_its_bytes_once_it_has_a_reader)
{
	static char want[200000];
	struct sl_buf got = { 0 };
	pthread_t reader;
	struct batch_bench *bench = batch_begin();
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	cr_assert_eq(pthread_create(&reader, NULL, read_fifo, &got), 0);
	bench->options.output = "fifo";
	cr_expect_eq(batch_run(bench, "$/gen/200000/1\n"), 0);
	pthread_join(reader, NULL);
	sl_origin_body_fill(1, 0, want, sizeof(want));
	cr_expect(sl_span_equal(sl_buf_span(&got), sl_span(want, sizeof(want))));
	sl_buf_release(&got);
	batch_end(bench);
}

Test(existing, the_wait_for_a_fifos_reader_ends)
{
	struct batch_bench *bench = batch_begin();
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	bench->options.output = "fifo";
	bench->stall_ns = 200 * SL_NS_PER_MS;
	cr_expect_eq(batch_run(bench, "$/gen/10/1\n"), -ETIMEDOUT);
	batch_expect_failed(bench, 0, -ETIMEDOUT,
		"cannot open 'fifo': no program has opened it for reading in time");
	bench->stall_ns = 20 * SL_NS_PER_S;
	bench->deadline_ns = 200 * SL_NS_PER_MS;
	cr_expect_eq(batch_run(bench, "$/gen/10/1\n"), -ETIMEDOUT);
	batch_expect_failed(bench, 0, -ETIMEDOUT, "the time limit of the run was reached");
	batch_end(bench);
}

/* ---- two inputs, one name ---- */

Test(existing, two_inputs_with_one_name_are_the_firsts)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(
		batch_run(bench, "$/gen/10/1/x\n$/gen/20/2/x\n$/gen/30/3/x?other\n"), SL_E_TWICE);
	batch_expect_gen(bench, 0, "x", 10, 1);
	batch_expect_failed(bench, 1, SL_E_TWICE, "'x' is already the name of input 1, so 'http");
	batch_expect_failed(bench, 2, SL_E_TWICE, "(input 3) is not downloaded");
	cr_expect_eq(scratch_count("."), 1);
	batch_end(bench);
}

static void
expect_repeat(struct batch_bench *bench, size_t input)
{
	expect_skipped(bench, input);
	cr_expect(bench->inputs[input].is_repeat, "input %zu", input);
}

Test(existing, the_same_url_given_twice_is_one_file)
{
	static const enum sl_if_exists policies[] = { SL_EXISTS_AUTO, SL_EXISTS_SKIP,
		SL_EXISTS_REPLACE, SL_EXISTS_FAIL };
	struct batch_bench *bench = batch_begin();
	for (size_t i = 0; i < SL_COUNT_OF(policies); i++) {
		bench->options.if_exists = policies[i];
		bench->options.jobs = i % 2 ? 1 : 4; /* after its end, and while it is under way */
		cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n$/gen/10/1/x\n$/gen/20/2/y\n"
					      "$/gen/10/1/x#fragment\n$/gen/20/2/y\n"),
			0);
		batch_expect_gen(bench, 0, "x", 10, 1);
		expect_repeat(bench, 1);
		batch_expect_gen(bench, 2, "y", 20, 2);
		expect_repeat(bench, 3);
		expect_repeat(bench, 4);
		cr_expect_str_eq(bench->inputs[4].path, "y");
		cr_expect_eq(bench->summary.repeats, 3);
		cr_assert_eq(unlink("x") | unlink("y"), 0);
	}
	/* asked for by the user: each has a name */
	bench->options.if_exists = SL_EXISTS_RENAME;
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n$/gen/10/1/x\n"), 0);
	batch_expect_gen(bench, 1, "x.1", 10, 1);
	batch_end(bench);
}

Test(existing, a_repeat_has_the_source_that_its_first_one_could_use)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "ftp://host/x\t$/gate/q/gen/1000/1/x\n"
				      "ftp://host/x\t$/gate/q/gen/1000/1/x\n"
				      "$/open/q\n out=opened\n"),
		0);
	batch_expect_gen(bench, 0, "x", 1000, 1);
	expect_repeat(bench, 1);
	batch_end(bench);
}

Test(existing, a_repeated_url_fails_with_the_first)
{
	struct batch_bench *bench = batch_begin();
	for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
		bench->options.jobs = jobs;
		cr_expect_eq(batch_run(bench, "$/status/404\n$/status/404\n$/gen/10/1/x\n"
					      "$/status/404\n"),
			SL_E_STATUS);
		batch_expect_failed(bench, 1, SL_E_STATUS, "/status/404' repeats input 1, which");
		batch_expect_failed(bench, 3, SL_E_STATUS, "repeats input 1, which failed");
		cr_expect_eq(bench->inputs[3].error.http_status, 404);
		batch_expect_gen(bench, 2, "x", 10, 1);
		cr_expect_eq(bench->summary.first_index, 0);
		cr_assert_eq(unlink("x"), 0);
	}
	batch_end(bench);
}

Test(existing, what_is_sent_or_checked_otherwise_is_another_download)
{
	static const struct {
		const char *first, *second;
	} options[] = {
		{ "", " header=A: b\n" },
		{ "", " referer=http://r/\n" },
		{ "", " user-agent=x\n" },
		{ "", " http-user=me\n" },
		{ " http-user=me\n http-passwd=a\n", " http-user=me\n http-passwd=b\n" },
		{ "", " checksum=md5=" MD5 "\n" },
	};
	struct batch_bench *bench = batch_begin();
	for (size_t i = 0; i < SL_COUNT_OF(options); i++) {
		char list[200];
		snprintf(list, sizeof(list), "$/gen/10/1/x\n%s$/gen/10/1/x\n%s", options[i].first,
			options[i].second);
		cr_expect_eq(batch_run(bench, list), SL_E_TWICE);
		batch_expect_failed(bench, 1, SL_E_TWICE, NULL);
		cr_assert_eq(unlink("x"), 0);
	}
	batch_end(bench);
}

#define EQUAL_NAMES 400

/* Looking for each one's name from the first number on would be 80,000 looks. */
Test(existing, many_equal_names_cost_a_look_each)
{
	struct sl_buf list = { 0 };
	struct batch_bench *bench = batch_begin();
	for (unsigned i = 0; i < EQUAL_NAMES; i++)
		sl_buf_printf(&list, "$/gen/1/%u/x\n", i);
	bench->options.if_exists = SL_EXISTS_RENAME;
	bench->options.sync = SL_SYNC_NONE;
	cr_expect_eq(batch_run(bench, list.data), 0);
	for (unsigned i = 0; i < EQUAL_NAMES; i++) {
		char path[16];
		snprintf(path, sizeof(path), i ? "x.%u" : "x", i);
		batch_expect_gen(bench, i, path, 1, i);
	}
	cr_expect_lt(
		bench->looks, 10 * EQUAL_NAMES, "%llu looks", (unsigned long long)bench->looks);
	sl_buf_release(&list);
	batch_end(bench);
}

Test(existing, two_paths_to_one_directory_are_one_name)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "$/gen/10/1\n out=d/x\n$/gen/20/2\n dir=d\n out=./x\n"
				      "$/gen/20/2\n dir=./d/.\n out=x\n"),
		SL_E_TWICE);
	batch_expect_gen(bench, 0, "d/x", 10, 1);
	batch_expect_failed(bench, 1, SL_E_TWICE, NULL);
	batch_expect_failed(bench, 2, SL_E_TWICE, NULL);
	batch_end(bench);
}

/* With a name that is too long for the suffix, the part has a hash in its name. */
Test(existing, a_name_that_is_anothers_shortened_part_is_taken)
{
	static char *(*const beside[])(
		const char *) = { sl_part_name, sl_part_journal_name, sl_part_kept_name };
	struct batch_bench *bench = batch_begin();
	char name[251] = { 0 }, list[800];
	memset(name, 'n', sizeof(name) - 1);
	for (size_t i = 0; i < 2 * SL_COUNT_OF(beside); i++) {
		char *other = beside[i / 2](name);
		bool is_first = i % 2;
		/* The same download, which is not the same file. */
		snprintf(list, sizeof(list), "$/gen/10/1\n out=%s\n$/gen/10/1\n out=%s\n",
			is_first ? other : name, is_first ? name : other);
		cr_expect_eq(batch_run(bench, list), SL_E_TWICE);
		batch_expect_gen(bench, 0, is_first ? other : name, 10, 1);
		batch_expect_failed(bench, 1, SL_E_TWICE,
			"conflicts with the partial file or journal of input 1,");
		cr_assert_eq(unlink(is_first ? other : name), 0);
		free(other);
	}
	batch_end(bench);
}

Test(existing, a_name_that_is_anothers_part_is_taken)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n$/gen/20/2/x.sluice-part\n"
				      "$/gen/30/3/y.sluice-part\n$/gen/40/4/y\n"),
		SL_E_TWICE);
	batch_expect_gen(bench, 0, "x", 10, 1);
	batch_expect_failed(bench, 1, SL_E_TWICE,
		"'x.sluice-part' conflicts with the partial file or journal of input 1,");
	batch_expect_gen(bench, 2, "y.sluice-part", 30, 3);
	batch_expect_failed(
		bench, 3, SL_E_TWICE, "'y' conflicts with the partial file or journal of input 3");
	bench->options.if_exists = SL_EXISTS_RENAME;
	cr_assert_eq(unlink("x") | unlink("y.sluice-part"), 0);
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n$/gen/20/2/x.sluice-part\n"), 0);
	batch_expect_gen(bench, 1, "x.sluice-part.1", 20, 2);
	batch_end(bench);
}

/* Its journal would be created in its place. */
Test(existing, a_name_that_is_anothers_journal_is_taken)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "$/gen/10/1/x\n$/gen/20/2/x.sluice-journal\n"
				      "$/gen/30/3/y.sluice-kept\n$/gen/40/4/y\n"),
		SL_E_TWICE);
	batch_expect_gen(bench, 0, "x", 10, 1);
	batch_expect_failed(bench, 1, SL_E_TWICE,
		"'x.sluice-journal' conflicts with the partial file or journal of input 1,");
	batch_expect_gen(bench, 2, "y.sluice-kept", 30, 3);
	batch_expect_failed(
		bench, 3, SL_E_TWICE, "'y' conflicts with the partial file or journal of input 3");
	batch_end(bench);
}

/* ---- where names may lead ---- */

struct name_case {
	const char *options; /* of the entry */
	const char *path;    /* where it is, or NULL */
	const char *refusal;
};

static const struct name_case confined[] = {
	{ " out=a/b/c\n", "a/b/c", NULL },
	{ " dir=d\n out=e/x\n", "d/e/x", NULL },
	{ " dir=d/\n out=y\n", "d/y", NULL },
	{ " out=-n\n", "-n", NULL },
	{ " out=with blank\n", "with blank", NULL },
	{ " out=/tmp/outside\n", NULL, "it leaves the output directory (--allow-outside permits" },
	{ " out=/outside\n", NULL, "it leaves the output directory" },
	{ " out=../outside\n", NULL, "directory '..' of the list leaves the output directory" },
	{ " out=a/../../outside\n", NULL, "leaves the output directory" },
	{ " dir=/tmp\n", NULL, "directory '/tmp' of the list leaves the output directory" },
	{ " dir=..\n", NULL, "leaves the output directory" },
	{ " dir=link\n", NULL, "leads through a symbolic link" },
	{ " out=link/x\n", NULL, "leads through a symbolic link" },
	{ " out=a/\n", NULL, "file name 'a/' refused: it names a directory, not a file in it" },
	{ " out=..\n", NULL, "it names a directory" },
	{ " out=a/.\n", NULL, "it names a directory" },
	{ " out=\x1b[31mred\n", NULL, "it has control bytes in it" },
	{ " dir=a\x07\n", NULL, "has control bytes" },
	{ " out=file/x\n", NULL, "cannot open or make the directory 'out/file': not a directory" },
};

Test(existing, names_of_a_list_stay_below_the_directory_of_the_run)
{
	struct batch_bench *bench = batch_begin();
	cr_assert_eq(mkdir("out", 0777) | mkdir("elsewhere", 0777), 0);
	cr_assert_eq(symlink("../elsewhere", "out/link"), 0);
	scratch_write_text("out/file", "");
	bench->options.dir = "out";
	for (size_t i = 0; i < SL_COUNT_OF(confined); i++) {
		char list[200], path[200];
		const struct name_case *c = &confined[i];
		snprintf(list, sizeof(list), "$/gen/10/1/name\n%s", c->options);
		int code = batch_run(bench, list);
		snprintf(path, sizeof(path), "out/%s", c->path ? c->path : "");
		if (c->path)
			batch_expect_gen(bench, 0, path, 10, 1);
		else
			batch_expect_failed(bench, 0, code, c->refusal);
	}
	cr_expect_eq(scratch_count("elsewhere"), 0);
	cr_expect_eq(scratch_count("."), 2);
	batch_end(bench);
}

Test(existing, the_user_may_allow_a_list_to_lead_outside)
{
	char list[600];
	struct sl_buf absolute = { 0 };
	struct batch_bench *bench = batch_begin();
	char *here = getcwd(NULL, 0);
	bench->options.dir = "out";
	bench->options.allow_outside = true;
	cr_assert_eq(mkdir("out", 0777) | mkdir("elsewhere", 0777), 0);
	cr_assert_eq(symlink("../elsewhere", "out/link"), 0);
	snprintf(list, sizeof(list),
		"$/gen/10/1\n out=%s/abs/x\n$/gen/20/2\n out=../y\n$/gen/30/3\n out=link/z\n"
		"$/gen/40/4\n dir=%s/abs\n out=w\n",
		here, here);
	cr_expect_eq(batch_run(bench, list), 0);
	sl_buf_printf(&absolute, "%s/abs/x", here);
	batch_expect_gen(bench, 0, absolute.data, 10, 1);
	cr_expect(batch_is_gen("y", 20, 2) && batch_is_gen("elsewhere/z", 30, 3));
	cr_expect(batch_is_gen("abs/w", 40, 4));
	sl_buf_release(&absolute);
	free(here);
	batch_end(bench);
}

struct output_case {
	const char *dir, *output, *path, *refusal;
};

static const struct output_case outputs[] = {
	{ NULL, "x", "x", NULL },
	{ "d", "x", "d/x", NULL },
	{ "d", "sub/x", "d/sub/x", NULL },
	{ "link", "x", "link/x", NULL }, /* a link to a directory is a directory */
	{ "d/", "../y", "d/../y", NULL },
	{ NULL, "line\nfeed", "line\nfeed", NULL },
	{ NULL, "new/", NULL, "file name 'new/' refused: it names a directory, not a file in it" },
	{ NULL, "", NULL, "it names a directory" },
	{ NULL, "d/..", NULL, "it names a directory" },
	{ "file", "x", NULL, "cannot open or make the directory 'file': not a directory" },
};

Test(existing, an_output_name_of_the_command_line_may_be_anywhere)
{
	struct batch_bench *bench = batch_begin();
	cr_assert_eq(mkdir("real", 0777) | symlink("real", "link"), 0);
	scratch_write_text("file", "");
	for (size_t i = 0; i < SL_COUNT_OF(outputs); i++) {
		const struct output_case *c = &outputs[i];
		bench->options.dir = c->dir;
		bench->options.output = c->output;
		int code = batch_run(bench, "$/gen/10/1\n");
		if (c->path)
			batch_expect_gen(bench, 0, c->path, 10, 1);
		else
			batch_expect_failed(bench, 0, code, c->refusal);
	}
	batch_end(bench);
}

Test(existing, a_file_in_a_directory_that_cannot_be_made_fails_by_itself)
{
	struct batch_bench *bench = batch_begin();
	scratch_write_text("d", "");
	cr_expect_eq(batch_run(bench, "$/gen/10/1\n out=d/x\n$/gen/10/1\n out=e/x\n"), -ENOTDIR);
	cr_expect_eq(bench->inputs[0].error.phase, SL_PHASE_DIRECTORY);
	batch_expect_gen(bench, 1, "e/x", 10, 1);
	batch_end(bench);
}

/* ---- a path as a file and as a directory ---- */

/* The file of the first input is not there yet, or is: its name counts in any case. */
Test(existing, a_path_is_not_used_as_a_file_and_as_a_directory)
{
	static const char *const lists[] = { "$/gen/10/1\n out=a/b\n$/gen/10/2\n out=a/b/c\n",
		"$/gen/10/1\n out=a/b\n$/gen/10/2\n out=a/./b//c/d\n",
		"$/after/300/gen/10/1\n out=a/b\n$/gen/10/2\n out=a/b/c\n" };
	struct batch_bench *bench = batch_begin();
	for (size_t i = 0; i < SL_COUNT_OF(lists); i++) {
		for (unsigned jobs = 1; jobs <= 2; jobs++) {
			bench->options.jobs = jobs;
			cr_expect_eq(batch_run(bench, lists[i]), -ENOTDIR);
			batch_expect_gen(bench, 0, "a/b", 10, 1);
			batch_expect_failed(bench, 1, -ENOTDIR,
				"'a/b' is the name of input 1, so it cannot be a directory");
			cr_assert_eq(unlink("a/b"), 0);
		}
	}
	batch_end(bench);
}

Test(existing, a_directory_of_an_input_is_not_the_name_of_another)
{
	static const char list[] = "$/gen/10/1\n out=a/b/c\n$/gen/10/2\n out=a/b\n"
				   "$/gen/10/3\n out=a\n";
	struct batch_bench *bench = batch_begin();
	bench->options.jobs = 1;
	cr_expect_eq(batch_run(bench, list), SL_E_TWICE);
	batch_expect_gen(bench, 0, "a/b/c", 10, 1);
	batch_expect_failed(bench, 1, SL_E_TWICE,
		"'a/b' is a directory for input 1, so it cannot be the name of");
	batch_expect_failed(bench, 2, SL_E_TWICE, "'a' is a directory for input 1");
	bench->options.if_exists = SL_EXISTS_RENAME;
	cr_expect_eq(batch_run(bench, list), 0);
	batch_expect_gen(bench, 0, "a/b/c.1", 10, 1);
	batch_expect_gen(bench, 1, "a/b.1", 10, 2);
	batch_expect_gen(bench, 2, "a.1", 10, 3);
	cr_expect_eq(batch_run(bench, "$/gen/10/1\n out=x\n$/gen/10/2\n out=x/y\n"), -ENOTDIR,
		"no other name helps");
	batch_expect_gen(bench, 0, "x", 10, 1);
	batch_end(bench);
}
