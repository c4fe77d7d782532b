/*
 * Compressed inputs that are pushed in pieces: the totals are those of their content, wherever they
 * are cut.
 */
#include "support/compress.h"
#include "support/oracle.h"
#include "support/run.h"

#include "sluice/base/cpu.h"
#include "sluice/scan/feed_decoding.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static const struct sl_span words[] = { { "error", 5 } };

struct scene {
	struct sl_pattern *pattern;
	struct sl_span data; /* as it comes */
	size_t cut;          /* where its second piece begins */
	enum sl_form form;
	uint64_t window_max;
	int code; /* of adding */
	char reason[SL_DECODE_REASON];
	uint64_t len; /* of the text */
	struct sl_feed_result result;
	enum sl_scan_state state;
};

static int
scene_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_feeds_setup shared = { .pattern = scene->pattern, .runs = 1, .text_max = SL_MIB };
	struct sl_feed_setup setup = { .ctx = NULL };
	struct sl_feeds *feeds;
	struct sl_feed *feed;
	struct sl_feed_decoding *decoding;
	const unsigned char *data = (const unsigned char *)scene->data.data;
	cr_assert_eq(sl_feeds_new(&feeds, &shared), 0);
	cr_assert_eq(sl_feed_new(&feed, feeds, &setup), 0);
	cr_assert_eq(sl_feed_decoding_new(&decoding, feed, scene->form, scene->window_max), 0);
	scene->code = sl_feed_decoding_add(decoding, data, scene->cut, false);
	if (!scene->code)
		scene->code = sl_feed_decoding_add(
			decoding, data + scene->cut, scene->data.len - scene->cut, false);
	if (!scene->code)
		scene->code = sl_feed_decoding_add(decoding, NULL, 0, true);
	scene->state = sl_feed_decoding_state(decoding);
	if (scene->code || scene->state != SL_SCAN_OK)
		sl_feed_decoding_reason(decoding, scene->reason);
	scene->len = sl_feed_decoding_len(decoding);
	if (!scene->code)
		cr_assert_eq(sl_feed_end(feed, scene->len, &scene->result), 0);
	sl_feed_decoding_free(decoding);
	sl_feed_free(feed);
	sl_feeds_free(feeds);
	return 0;
}

static void
run(struct scene *scene)
{
	struct sl_pattern_spec spec = { .texts = words, .count = 1, .fixed = true };
	struct sl_error err = { 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&scene->pattern, &spec, kernel, &err), 0, "%s", err.text);
	struct sim *sim = sim_plain(5);
	cr_assert_eq(sim_run(sim, scene_main, scene), 0);
	sim_free(sim);
	sl_pattern_free(scene->pattern);
}

static void
expect_content(const struct scene *scene, struct sl_span content)
{
	struct oracle_totals want = oracle_count(content, words, 1, false);
	cr_assert_eq(scene->code, 0, "%s", scene->reason);
	cr_assert_eq(scene->len, content.len);
	cr_assert_eq(scene->result.totals.lines, want.lines);
	cr_assert_eq(scene->result.totals.hits, want.hits);
}

static const struct {
	enum sl_codec codec;
	enum sl_form form;
} formats[] = {
	{ SL_CODEC_GZIP, SL_FORM_GZIP },
	{ SL_CODEC_ZSTD, SL_FORM_ZSTD },
	{ SL_CODEC_XZ, SL_FORM_XZ },
	{ SL_CODEC_BZIP2, SL_FORM_BZIP2 },
};

Test(feed_decoding, compressed_data_cut_anywhere_has_the_totals_of_its_content)
{
	static const char text[] = "one error\ntwo\nthree err";
	static const char more[] = "or\n\nfour\nlast error";
	const char *all = "one error\ntwo\nthree error\n\nfour\nlast error";
	for (size_t i = 0; i < SL_COUNT_OF(formats); i++) {
		struct sl_buf data = { 0 };
		compress_add(&data, formats[i].codec, text, sizeof(text) - 1);
		compress_add(&data, formats[i].codec, more, sizeof(more) - 1);
		for (size_t cut = 0; cut <= data.len; cut++) {
			struct scene scene = { .data = sl_buf_span(&data),
				.cut = cut,
				.form = formats[i].form,
				.window_max = 64 * SL_MIB };
			run(&scene);
			expect_content(&scene, sl_span_str(all));
		}
		sl_buf_release(&data);
	}
}

Test(feed_decoding, content_of_many_buffers_is_counted)
{
	size_t len = 5 * SL_FEED_DECODING_BUFFER + 17;
	char *text = malloc(len);
	memset(text, 'x', len);
	for (size_t i = 0; i + 10 < len; i += 1000 + i % 7)
		memcpy(text + i, i % 3 ? "error\n" : "\nerr", i % 3 ? 6 : 4);
	for (size_t i = 0; i < SL_COUNT_OF(formats); i++) {
		struct sl_buf data = { 0 };
		compress_add(&data, formats[i].codec, text, len);
		struct scene scene = { .data = sl_buf_span(&data),
			.cut = data.len / 3,
			.form = formats[i].form,
			.window_max = 64 * SL_MIB };
		run(&scene);
		expect_content(&scene, sl_span(text, len));
		sl_buf_release(&data);
	}
	free(text);
}

Test(feed_decoding, what_precedes_damage_is_counted)
{
	static const char text[] = "one error\ntwo\nthree error";
	for (size_t i = 0; i < SL_COUNT_OF(formats); i++) {
		struct sl_buf data = { 0 };
		compress_add(&data, formats[i].codec, text, sizeof(text) - 1);
		size_t whole = data.len;
		compress_add(&data, formats[i].codec, text, sizeof(text) - 1);
		size_t truncated = data.len - 1;
		for (size_t cut = 0; cut <= truncated; cut += 3) {
			struct scene scene = { .data = sl_span(data.data, truncated),
				.cut = cut,
				.form = formats[i].form,
				.window_max = 64 * SL_MIB };
			run(&scene);
			cr_assert_eq(scene.code, 0);
			cr_assert_eq(scene.state, SL_SCAN_TRUNCATED);
			cr_assert_geq(scene.len, sizeof(text) - 1);
			cr_assert_geq(scene.result.totals.hits, 1);
		}
		data.len = whole;
		sl_buf_add(&data, "what is this", 12);
		struct scene followed = { .data = sl_buf_span(&data),
			.form = formats[i].form,
			.window_max = 64 * SL_MIB };
		run(&followed);
		cr_assert_eq(followed.state, SL_SCAN_DAMAGED);
		expect_content(&followed, sl_span_str(text));
		sl_buf_release(&data);
	}
}

Test(feed_decoding, what_is_not_text_fails_with_a_reason)
{
	struct sl_buf once = { 0 }, twice = { 0 };
	compress_add(&once, SL_CODEC_GZIP, "an error\n", 9);
	compress_add(&twice, SL_CODEC_GZIP, once.data, once.len);
	struct scene cut = { .data = sl_span(once.data, once.len - 1), .form = SL_FORM_GZIP };
	run(&cut);
	cr_expect_eq(cut.code, 0);
	cr_expect_eq(cut.state, SL_SCAN_TRUNCATED);
	cr_expect_str_eq(cut.reason, "the gzip data is truncated");
	struct scene nested = { .data = sl_buf_span(&twice), .form = SL_FORM_GZIP };
	run(&nested);
	cr_expect_eq(nested.code, SL_E_UNSUPPORTED);
	cr_expect_str_eq(nested.reason, "what was decoded is not text");
	sl_buf_release(&once);
	sl_buf_release(&twice);
}

Test(feed_decoding, utf16_is_converted)
{
	static const char wide[] = "\xff\xfe"
				   "e\0r\0r\0o\0r\0\n\0a\0\n\0";
	struct scene scene = {
		.data = sl_span(wide, sizeof(wide) - 1), .cut = 7, .form = SL_FORM_UTF16
	};
	run(&scene);
	cr_expect_eq(scene.code, 0);
	cr_expect_eq(scene.result.totals.lines, 2);
	cr_expect_eq(scene.result.totals.hits, 1);
}
