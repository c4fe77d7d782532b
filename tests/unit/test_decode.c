/*
 * Decoding of downloads: several at once with the smallest pool that the schedule allows, on
 * workers of the ring and in the simulator.
 */
#include "sluice/download/decode.h"

#include "support/compress.h"
#include "support/run.h"

#include "sluice/codec/decoder.h"

#include <criterion/criterion.h>
#include <errno.h>

#define FILES 3u
#define CHUNK 4096u
#define WRITES 4u /* of one file, as a sink's */

/* One download: what `data` holds comes in chunks, and what is decoded is written after a while. */
struct file {
	struct sl_chunk_pool *pool;
	enum sl_codec codec;
	struct sl_buf data, text;
	bool as_it_comes;
	int refused_at; /* the nth delivery fails; 0 = none */
	/* what came out: */
	struct sl_group writes;
	struct sl_buf got;
	unsigned deliveries, partial;
	int code;
	struct sl_error err;
};

/* ---- what becomes of decoded chunks ---- */

static int
write_task(void *arg)
{
	struct sl_chunk *chunk = arg;
	int code = sl_sleep(3 * SL_NS_PER_MS);
	sl_chunk_unref(chunk);
	return code;
}

static int
deliver(void *ctx, struct sl_chunk *chunk)
{
	struct file *file = ctx;
	file->deliveries++;
	file->partial += chunk->len < chunk->size;
	cr_assert_eq(chunk->off, file->got.len);
	cr_assert_gt(chunk->len, 0);
	sl_buf_add(&file->got, chunk->data, chunk->len);
	int code = sl_group_wait_below(&file->writes, WRITES);
	if (!code && (int)file->deliveries == file->refused_at)
		code = -ENOSPC;
	if (!code)
		code = sl_group_spawn(&file->writes, "write", write_task, chunk, NULL);
	if (code)
		sl_chunk_unref(chunk);
	return code;
}

/* ---- a download ---- */

static int
receive(struct file *file, struct sl_decode *decode)
{
	int code = 0;
	for (size_t off = 0; !code && off < file->data.len;) {
		struct sl_chunk *chunk = NULL;
		code = sl_chunk_take(file->pool, &chunk, SL_FOREVER);
		if (code)
			break;
		code = sl_sleep(SL_NS_PER_MS);
		chunk->len = SL_MIN(chunk->size, file->data.len - off);
		memcpy(chunk->data, file->data.data + off, chunk->len);
		off += chunk->len;
		if (code)
			sl_chunk_unref(chunk);
		else
			code = sl_decode_put(decode, chunk);
	}
	return code;
}

static int
download(void *arg)
{
	struct file *file = arg;
	struct sl_chunk *last = NULL;
	struct sl_decode decode = { .codec = file->codec,
		.window_max = 8 * SL_MIB,
		.pool = file->pool,
		.what = "http://h/x",
		.as_it_comes = file->as_it_comes,
		.ctx = file,
		.deliver = deliver,
		.err = &file->err };
	sl_group_enter(&file->writes, SL_GROUP_COLLECT);
	int code = sl_decode_begin(&decode);
	if (!code)
		code = receive(file, &decode);
	if (!code)
		code = sl_decode_end(&decode, &last);
	cr_assert_eq(code == 0, last != NULL);
	if (last) {
		cr_assert_eq(last->off, file->got.len);
		sl_buf_add(&file->got, last->data, last->len);
		cr_assert_eq(decode.produced, file->got.len);
	}
	sl_chunk_unref(last);
	sl_decode_release(&decode);
	sl_group_leave(&file->writes);
	file->code = code;
	return 0;
}

/* ---- a run ---- */

struct run {
	struct file files[FILES];
	unsigned count;
	uint64_t cancel_ns; /* 0 = it is not cancelled */
};

static int
run_task(void *arg)
{
	struct run *run = arg;
	struct sl_chunk_pool *pool = NULL;
	struct sl_group group;
	cr_assert_eq(sl_chunk_pool_new(&pool, 2ul * SL_MAX(run->count, 1u), CHUNK), 0);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < run->count; i++) {
		struct file *file = &run->files[i];
		sl_buf_clear(&file->got);
		sl_error_clear(&file->err);
		file->deliveries = 0;
		file->pool = pool;
		cr_assert_eq(sl_group_spawn(&group, "download", download, file, NULL), 0);
	}
	if (run->cancel_ns) {
		cr_assert_eq(sl_sleep(run->cancel_ns), 0);
		sl_group_cancel(&group, -ECANCELED);
	}
	sl_group_leave(&group);
	sl_chunk_pool_free(pool); /* asserts that every chunk is back */
	return 0;
}

static void
add(struct run *run, enum sl_codec codec, size_t len)
{
	struct file *file = &run->files[run->count++];
	file->codec = codec;
	compress_make_text(&file->text, len);
	compress_add(&file->data, codec, file->text.data, len / 2);
	compress_add(&file->data, codec, file->text.data + len / 2, len - len / 2);
}

static void
release(struct run *run)
{
	for (unsigned i = 0; i < run->count; i++) {
		sl_buf_release(&run->files[i].data);
		sl_buf_release(&run->files[i].text);
		sl_buf_release(&run->files[i].got);
	}
}

static void
expect_all_whole(struct run *run)
{
	for (unsigned i = 0; i < run->count; i++) {
		struct file *file = &run->files[i];
		cr_expect_eq(file->code, 0, "%s", file->err.text);
		cr_expect(sl_span_equal(sl_buf_span(&file->got), sl_buf_span(&file->text)));
	}
}

static void
simulate(struct run *run, uint64_t seed)
{
	struct sim *sim = sim_plain(seed);
	cr_assert_eq(sim_run(sim, run_task, run), 0);
	sim_free(sim);
}

Test(download_decode, several_files_share_two_chunks_each)
{
	struct run run = { 0 };
	add(&run, SL_CODEC_GZIP, 200000);
	add(&run, SL_CODEC_ZSTD, 150000);
	add(&run, SL_CODEC_BZIP2, 300000);
	for (uint64_t seed = 1; seed < 30; seed++) {
		simulate(&run, seed);
		expect_all_whole(&run);
	}
	cr_assert_eq(ring_run(2, run_task, &run), 0);
	expect_all_whole(&run);
	release(&run);
}

Test(download_decode, only_the_last_chunk_is_not_full)
{
	struct run run = { 0 };
	add(&run, SL_CODEC_XZ, 5 * CHUNK + 100);
	simulate(&run, 1);
	expect_all_whole(&run);
	cr_expect_eq(run.files[0].deliveries, 5);
	cr_expect_eq(run.files[0].partial, 0);
	release(&run);
}

/* A reader of standard output gets what has come, also if the rest is late. */
Test(download_decode, bytes_are_passed_on_as_they_come)
{
	struct run run = { 0 };
	add(&run, SL_CODEC_GZIP, 200000);
	run.files[0].as_it_comes = true;
	simulate(&run, 1);
	expect_all_whole(&run);
	cr_expect_geq(run.files[0].partial, run.files[0].data.len / CHUNK);
	release(&run);
}

Test(download_decode, an_empty_member_is_an_empty_file)
{
	struct run run = { .count = 1 };
	struct file *file = &run.files[0];
	file->codec = SL_CODEC_GZIP;
	compress_add(&file->data, SL_CODEC_GZIP, "", 0);
	simulate(&run, 1);
	cr_expect_eq(file->code, 0);
	cr_expect_eq(file->got.len, 0);
	release(&run);
}

/* Wherever it is cancelled, nothing stays: run_task and sim_run assert that. */
Test(download_decode, can_be_cancelled_at_any_time)
{
	struct run run = { 0 };
	unsigned cancelled = 0;
	add(&run, SL_CODEC_GZIP, 60000);
	add(&run, SL_CODEC_XZ, 60000);
	for (uint64_t at_us = 1; at_us < 80000; at_us += 137) {
		run.cancel_ns = at_us * SL_NS_PER_US;
		simulate(&run, at_us);
		for (unsigned i = 0; i < run.count; i++) {
			struct file *file = &run.files[i];
			cr_assert(file->code == 0 || file->code == -ECANCELED);
			cancelled += file->code != 0;
		}
	}
	cr_expect_gt(cancelled, 100);
	release(&run);
}

Test(download_decode, a_refused_chunk_ends_it)
{
	struct run run = { 0 };
	add(&run, SL_CODEC_GZIP, 200000);
	run.files[0].refused_at = 7;
	simulate(&run, 1);
	cr_expect_eq(run.files[0].code, -ENOSPC);
	cr_expect_eq(run.files[0].deliveries, 7);
	release(&run);
}

static void
expect_failure(struct file *file, int code, const char *words)
{
	struct run run = { .count = 1 };
	run.files[0] = *file;
	simulate(&run, 1);
	cr_expect_eq(run.files[0].code, code);
	cr_expect_eq(run.files[0].err.phase, SL_PHASE_BODY);
	cr_expect_str_eq(run.files[0].err.text, words);
	release(&run);
}

#define KEEP "(without --decompress the file is stored as it is)"

Test(download_decode, failures_name_the_reason_and_what_to_do)
{
	struct file file = { .codec = SL_CODEC_GZIP };
	compress_add(&file.data, SL_CODEC_GZIP, "text", 4);
	file.data.len--;
	expect_failure(
		&file, SL_E_DECODE, "cannot decode 'http://h/x': the gzip data is truncated " KEEP);

	file = (struct file){ .codec = SL_CODEC_ZSTD };
	compress_add(&file.data, SL_CODEC_GZIP, "text", 4);
	expect_failure(&file, SL_E_DECODE, "cannot decode 'http://h/x': it is not zstd data " KEEP);

	file = (struct file){ .codec = SL_CODEC_GZIP };
	expect_failure(
		&file, SL_E_DECODE, "cannot decode 'http://h/x': the gzip data is truncated " KEEP);

	file = (struct file){ .codec = SL_CODEC_ZSTD };
	compress_add_window(&file.data, SL_CODEC_ZSTD, 24, "text", 4);
	expect_failure(&file, SL_E_LIMIT,
		"cannot decode 'http://h/x': the zstd data needs a window of more than 8 MiB "
		"(a larger --max-memory permits it)");
}
