/*
 * `get --scan` itself in the simulated world: compressed and damaged files, records, periods,
 * printed lines. Whatever the order of segments, retries, versions and runs: what is reported of a
 * file is what a scan of the final file reports.
 */
#include "support/chance.h"
#include "support/compress.h"
#include "support/scanned.h"
#include "support/scenario.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"
#define SEEDS 60
#define VERSIONS 2
#define SMALL 700000u              /* of text */
#define LARGE (6 * SL_MIB + 70001) /* a killed run leaves a journal of what it is compressed to */

/* ---- what servers have ---- */

enum content {
	PLAIN,
	GZIP,
	GZIP_MEMBERS,
	ZSTD,
	ZSTD_FRAMES,
	XZ,
	BZIP2,
	GZIP_CUT,
	GZIP_DAMAGED,
	GZIP_AND_MORE, /* with other data behind it */
	ZSTD_CUT,
	WIDE,     /* UTF-16 */
	GZIP_NOT, /* as little as its magic number */
	LARGE_PLAIN,
	LARGE_GZIP,
	LARGE_ZSTD,
	CONTENTS
};

static const char *const suffixes[CONTENTS] = {
	[PLAIN] = ".log", [GZIP] = ".gz", [ZSTD] = ".zst", [XZ] = ".xz", [BZIP2] = ".bz2"
};

static enum sl_codec
codec_of(enum content content)
{
	switch (content) {
	case ZSTD:
	case ZSTD_FRAMES:
	case ZSTD_CUT:
	case LARGE_ZSTD:
		return SL_CODEC_ZSTD;
	case XZ:
		return SL_CODEC_XZ;
	case BZIP2:
		return SL_CODEC_BZIP2;
	default:
		return SL_CODEC_GZIP;
	}
}

/* Two thirds of a line are other for each: it stays large when it is compressed. */
static void
add_noise(struct sl_random *random, struct sl_buf *out)
{
	for (uint64_t count = 1 + pick(random, 20); count > 0; count--) {
		uint64_t word = sl_random_next(random) | 0x8080808080808080;
		sl_buf_add(out, &word, sizeof(word));
	}
}

static void
make_text(struct sl_random *random, struct sl_buf *out, size_t len)
{
	static const char *const words[] = { "INFO", "INFO", "INFO", "INFO", "WARN", "ERROR",
		"Error", "an error" };
	for (unsigned second = 0; out->len < len; second += (unsigned)pick(random, 3)) {
		sl_buf_printf(out, "2024-01-01 %02u:%02u:%02u %s ", second / 3600 % 24,
			second / 60 % 60, second % 60, PICK_OF(random, words));
		add_noise(random, out);
		if (one_in(random, 8))
			sl_buf_add_str(out, "\njava.io.IOException: error\n\tat a.b(c.java:1)");
		if (one_in(random, 20))
			sl_buf_add_str(out,
				"\nTraceback (most recent call last):\n  File \"a\"\nE: error");
		sl_buf_add_char(out, one_in(random, 400) ? '\r' : '\n');
	}
	out->len = len;
	sl_assert(!out->failed);
}

static void
make_wide(struct sl_buf *out, const struct sl_buf *text)
{
	sl_buf_add(out, "\xff\xfe", 2);
	for (size_t i = 0; i < text->len / 4; i++)
		sl_buf_add(out, (const char[2]){ (char)(text->data[i] & 0x7f), 0 }, 2);
}

static void
add_members(struct sl_buf *out, enum sl_codec codec, const struct sl_buf *text, size_t members)
{
	size_t each = text->len / members;
	for (size_t i = 0; i < members; i++) {
		size_t begin = i * each, end = i + 1 < members ? begin + each : text->len;
		compress_add(out, codec, text->data + begin, end - begin);
	}
}

static void
make(struct sl_buf *out, enum content content, const struct sl_buf *text)
{
	bool has_members = content == GZIP_MEMBERS || content == ZSTD_FRAMES;
	if (content == PLAIN || content == LARGE_PLAIN)
		sl_buf_add(out, text->data, text->len);
	else if (content == WIDE)
		make_wide(out, text);
	else if (content == GZIP_NOT)
		sl_buf_add_str(out, "\x1f\x8b\x08");
	else
		add_members(out, codec_of(content), text, has_members ? 7 : 1);
	if (content == GZIP_CUT || content == ZSTD_CUT)
		out->len = out->len / 4 * 3;
	if (content == GZIP_DAMAGED)
		memset(out->data + out->len / 2, 0x55, 100);
	if (content == GZIP_AND_MORE)
		sl_buf_add_str(out, "an error behind it\n");
	sl_assert(!out->failed);
}

/* Made once. */
static struct sl_span
content_of(enum content content, unsigned version)
{
	static struct sl_buf all[CONTENTS][VERSIONS];
	struct sl_buf *out = &all[content][version];
	if (out->len == 0) {
		struct sl_buf text = { 0 };
		struct sl_random random;
		sl_random_init(&random, version);
		make_text(&random, &text, content >= LARGE_PLAIN ? LARGE : SMALL);
		make(out, content, &text);
		sl_buf_release(&text);
	}
	return sl_buf_span(out);
}

/* ---- a run ---- */

struct mix {
	struct sl_random random;
	struct scenario *scenario;
	struct scanned scanned;
	struct sim_http_file later[GET_FILES];
	char *argv[16];
	int argc;
};

static void
add_option(struct mix *mix, const char *text)
{
	mix->argv[mix->argc++] = (char *)(uintptr_t)text;
}

static void
choose_options(struct mix *mix)
{
	static const char *const memories[] = { "8M", "16M", "64M" };
	mix->argc = 0;
	add_option(mix, "get");
	add_option(mix, "--scan");
	add_option(mix, "http://host/");
	if (one_in(&mix->random, 2))
		add_option(mix, "--print");
	if (one_in(&mix->random, 2))
		add_option(mix, "--records");
	if (one_in(&mix->random, 3))
		add_option(mix, "--since=2024-01-01 00:10");
	if (one_in(&mix->random, 3))
		add_option(mix, "--until=2024-01-01 00:40");
	if (one_in(&mix->random, 4))
		add_option(mix, "--regexp=E.?ror|WARN");
	add_option(mix, "--max-memory");
	add_option(mix, PICK_OF(&mix->random, memories));
	mix->argv[mix->argc] = NULL;
}

static void
misbehave(struct sl_random *random, struct sim_http_file *file)
{
	static const enum sim_http_misdeed misdeeds[] = { SIM_HTTP_ENDS, SIM_HTTP_RESETS,
		SIM_HTTP_STALLS, SIM_HTTP_PAUSES };
	file->misdeed = PICK_OF(random, misdeeds);
	file->misdeed_at = (size_t)pick(random, file->len / 2);
	file->misdeed_ns = pick(random, 20 * SL_NS_PER_S);
	file->misdeeds = 1 + (unsigned)pick(random, 6);
}

/* Another version from some answer on. */
static void
change(struct mix *mix, size_t index, struct sl_span data)
{
	struct scenario_file *one = &mix->scenario->files[index];
	struct sim_http_file *later = &mix->later[index];
	struct get_file *get = &mix->scenario->get.files[index];
	*later = one->served;
	later->data = data.data;
	later->len = data.len;
	later->etag = "\"two\"";
	later->modified = "Tue, 14 Nov 2023 22:13:22 GMT";
	one->served.later = later;
	one->served.later_from = 1 + (unsigned)pick(&mix->random, 8);
	get->other = data.data;
	get->other_len = data.len;
}

static void
append(char *text, size_t size, const char *more)
{
	size_t len = strlen(text);
	snprintf(text + len, size - len, "%s", more);
}

/* The suffix may be there or not: content decides. */
static void
add_suffix(struct scenario_file *one, const char *suffix)
{
	if (!suffix)
		return;
	append(one->name, sizeof(one->name), suffix);
	append(one->path, sizeof(one->path), suffix);
	append(one->url, sizeof(one->url), suffix);
}

static void
add_file(struct mix *mix)
{
	struct sl_random *random = &mix->random;
	enum content content = (enum content)pick(random, CONTENTS);
	struct sl_span data = content_of(content, 0);
	struct sim_http_file file = { .data = data.data,
		.len = data.len,
		.ranges = !one_in(random, 8),
		.etag = "\"one\"",
		.modified = REMOTE_TIME };
	size_t index = mix->scenario->get.count;
	if (one_in(random, 2) && file.len > 100)
		misbehave(random, &file);
	if (one_in(random, 8)) {
		file.busy_from = (unsigned)pick(random, 6);
		file.busy = 1 + (unsigned)pick(random, 4);
	}
	if (one_in(random, 8) && !file.misdeed)
		file.framing = SIM_HTTP_CHUNKED;
	(void)scenario_offer(mix->scenario, file);
	if (one_in(random, 4))
		change(mix, index, content_of((enum content)pick(random, CONTENTS), 1));
	if (one_in(random, 2))
		add_suffix(&mix->scenario->files[index], suffixes[content]);
}

static void
build(struct mix *mix, uint64_t seed)
{
	struct sl_random *random = &mix->random;
	struct sim_options options = sim_options(seed);
	sl_random_init(random, seed);
	options.late_percent = (unsigned)pick(random, 101);
	options.dio_align = one_in(random, 3) ? 0 : 4096;
	mix->scenario = scenario_new(&options);
	struct get_scene *get = &mix->scenario->get;
	choose_options(mix);
	get->segments = 1 + (unsigned)pick(random, 6);
	get->per_host = 1 + (unsigned)pick(random, 8);
	get->jobs = 1 + (unsigned)pick(random, 4);
	get->min_segment = 64 * SL_KIB;
	get->chunk_size = 64 * SL_KIB << pick(random, 2);
	get->chunks = 2 + (size_t)pick(random, 20);
	get->resume = !one_in(random, 4);
	get->if_exists = SL_EXISTS_REPLACE;
	get->retry = (struct sl_retry_policy){
		.retries = (unsigned)pick(random, 20), .max_wait_ns = SL_NS_PER_S, .seed = seed
	};
	sim_http_set_segment(
		mix->scenario->http, mix->scenario->sim, one_in(random, 2) ? 0 : 64 * SL_KIB);
	for (uint64_t count = 1 + pick(random, 3); count > 0; count--)
		add_file(mix);
}

static void
build_honest(struct mix *mix, uint64_t seed, bool prints)
{
	mix->scenario = scenario_plain(seed);
	struct get_scene *get = &mix->scenario->get;
	mix->argc = 0;
	add_option(mix, "get");
	add_option(mix, "--scan");
	add_option(mix, "http://host/");
	if (prints)
		add_option(mix, "--print");
	get->segments = 4;
	get->min_segment = 64 * SL_KIB;
	get->chunks = 32;
}

/* The process was killed; the same command completes everything. */
static unsigned
rerun_killed(struct mix *mix)
{
	uint64_t at_op = 0;
	struct sim *world = sim_cut_world(mix->scenario->sim, &at_op);
	if (!world)
		return 0;
	for (size_t i = 0; i < mix->scenario->get.count; i++) {
		mix->scenario->files[i].served.misdeed = SIM_HTTP_HONEST;
		mix->later[i].misdeed = SIM_HTTP_HONEST;
		mix->scenario->files[i].served.busy = 0;
	}
	sim_http_serve(mix->scenario->http, world);
	sim_stop_faults(world);
	struct get_scene *again = get_scene_again(&mix->scenario->get, world);
	scanned_init(&mix->scanned, world, mix->argc, mix->argv);
	again->scanned = &mix->scanned;
	get_scene_run(again);
	get_scene_check(again);
	sim_check(world, again->result == 0, "%s", again->summary.first_error.text);
	bool has_resumed = again->summary.resumed > 0;
	scanned_release(&mix->scanned);
	free(again);
	sim_free(world);
	return has_resumed;
}

static void
run(struct mix *mix)
{
	scanned_init(&mix->scanned, mix->scenario->sim, mix->argc, mix->argv);
	mix->scenario->get.scanned = &mix->scanned;
	scenario_run(mix->scenario);
	scanned_release(&mix->scanned);
}

Test(scenario_get_scan, whatever_servers_do_the_results_are_those_of_a_scan_of_the_final_file,
	.timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(SEEDS);
	static struct mix mix;
	unsigned resumed = 0, later = 0, restarts = 0, files = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		build(&mix, seed);
		sim_cut_at(mix.scenario->sim, 60 + seed % 16 * 60, SIM_CRASH_KILL);
		run(&mix);
		later += mix.scanned.later;
		restarts += mix.scanned.restarts;
		files += (unsigned)mix.scenario->get.count;
		resumed += rerun_killed(&mix);
		scenario_free(mix.scenario);
	}
	bool has_all = resumed > 0 && later > 0 && later < files && restarts > 0;
	bool is_few = seeds.end - seeds.first < SEEDS; /* of a build with sanitizers */
	cr_expect(is_few || sim_seeds_are_chosen() || has_all,
		"%u resumed; of %u files %u later, %u restarts", resumed, files, later, restarts);
}

/* Whatever it is called: of a file that this run begins, nothing is scanned from disk. */
Test(scenario_get_scan, compressed_files_are_decoded_on_the_way_over_several_connections,
	.timeout = 900)
{
	static struct mix mix;
	for (unsigned i = 0; i < CONTENTS * 2; i++) {
		enum content content = (enum content)(i / 2);
		struct sl_span data = content_of(content, 0);
		build_honest(&mix, 1 + i, i % 2);
		(void)scenario_offer(mix.scenario, (struct sim_http_file){ .data = data.data,
							   .len = data.len,
							   .ranges = true,
							   .etag = "\"one\"",
							   .modified = REMOTE_TIME });
		run(&mix);
		scenario_expect_all_done(mix.scenario);
		sim_check(mix.scenario->sim, mix.scanned.later == 0, "%u is scanned from disk", i);
		sim_check(mix.scenario->sim, mix.scenario->get.summary.tee_read == 0,
			"%u is read from its part", i);
		scenario_free(mix.scenario);
	}
}
