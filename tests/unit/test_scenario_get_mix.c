/*
 * The download engine under hundreds of seeds, each with files, options, a server and a disk of its
 * own: whatever goes wrong, a file that is reported done is complete and survives a power cut, and
 * one that is not has left its name as it was, and no part.
 */
#include "support/chance.h"
#include "support/scenario.h"

#include <criterion/criterion.h>

#define KIND(kind) (1ull << (kind))
#define FILES_MOST 8
#define BEFORE "what was there"

/* Around blocks and chunks, one past SMALL_MAX by the direct path, one of several chunks. */
static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 65535, 65537, SL_MIB - 1, SL_MIB,
	SL_MIB + 1, 5 * SL_MIB + 3, 9 * SL_MIB };

struct mix {
	struct sl_random random;
	bool trouble; /* something may go wrong */
};

/* ---- the world ---- */

static struct sim_options
mixed_options(struct mix *mix, uint64_t seed)
{
	static const unsigned shorts[] = { 0, 33, 33, 80 };
	static const uint64_t faults_ppm[] = { 0, 0, 1000, 5000, 30000 };
	static const uint32_t aligns[] = { 4096, 4096, 512, 0 };
	struct sim_options options = sim_options(seed);
	options.short_percent = PICK_OF(&mix->random, shorts);
	options.late_percent = (unsigned)pick(&mix->random, 101);
	options.fault_ppm = PICK_OF(&mix->random, faults_ppm);
	/* A part that may not be looked at or removed has to stay. */
	options.fault_kinds = (KIND(SL_OP_KINDS) - 1) & ~(KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT));
	options.dio_align = PICK_OF(&mix->random, aligns);
	options.disk_ns = one_in(&mix->random, 4) ? 100 * SL_NS_PER_MS : options.disk_ns;
	options.no_allocate = one_in(&mix->random, 3);
	options.no_noreplace = one_in(&mix->random, 4);
	options.no_link = one_in(&mix->random, 8);
	mix->trouble = options.fault_ppm > 0 || (options.no_noreplace && options.no_link);
	if (one_in(&mix->random, 8)) {
		options.capacity = 6 * SL_MIB;
		mix->trouble = true;
	}
	return options;
}

static void
mix_scene(struct mix *mix, struct get_scene *get)
{
	static const size_t chunk_sizes[] = { 4096, 65536, 65536, SL_MIB };
	static const enum sl_sync_mode syncs[] = { SL_SYNC_AUTO, SL_SYNC_AUTO, SL_SYNC_ALL,
		SL_SYNC_NONE };
	get->jobs = 1 + (unsigned)pick(&mix->random, 8);
	get->per_host = 1 + (unsigned)pick(&mix->random, 8);
	get->chunks = 2 + (size_t)pick(&mix->random, 15);
	get->chunk_size = PICK_OF(&mix->random, chunk_sizes);
	get->sync = PICK_OF(&mix->random, syncs);
	get->dir = one_in(&mix->random, 3) ? "new/directory" : NULL;
	get->io = (enum sl_io_mode)pick(&mix->random, 3);
	get->descriptors = one_in(&mix->random, 4) ? 8 : 200;
	get->remote_time = one_in(&mix->random, 2);
	get->fail_fast = one_in(&mix->random, 4);
	get->if_exists = one_in(&mix->random, 2) ? SL_EXISTS_REPLACE : SL_EXISTS_AUTO;
	get->retry = (struct sl_retry_policy){ .retries = (unsigned)pick(&mix->random, 4),
		.max_wait_ns = 1 + pick(&mix->random, 10 * SL_NS_PER_S),
		.seed = pick(&mix->random, 1000) };
}

static void
misbehave(struct mix *mix, struct sim_http_file *file)
{
	static const enum sim_http_misdeed misdeeds[] = { SIM_HTTP_ENDS, SIM_HTTP_RESETS,
		SIM_HTTP_STALLS, SIM_HTTP_PAUSES };
	file->misdeed = PICK_OF(&mix->random, misdeeds);
	file->misdeed_at = (size_t)pick(&mix->random, file->len + 1);
	file->misdeed_ns = pick(&mix->random, 50 * SL_NS_PER_S);
	file->misdeeds = (unsigned)pick(&mix->random, 4); /* 0: all of them */
	/* An end in order at the end is the end of a body that the close delimits. */
	if (file->misdeed == SIM_HTTP_ENDS && file->framing == SIM_HTTP_CLOSE)
		file->misdeed = SIM_HTTP_RESETS;
	mix->trouble = mix->trouble || file->misdeed != SIM_HTTP_PAUSES;
}

static void
fail_at_first(struct mix *mix, struct sim_http_file *file)
{
	static const int statuses[] = { 429, 500, 503, 503, 404 };
	static const char *const fields[] = { NULL, NULL, "Retry-After: 3\r\n",
		"Retry-After: -1\r\n" };
	file->bad_answers = 1 + (unsigned)pick(&mix->random, 3);
	file->bad_status = PICK_OF(&mix->random, statuses);
	file->bad_fields = PICK_OF(&mix->random, fields);
	mix->trouble = true;
}

static struct get_file *
offer_coded(struct mix *mix, struct scenario *scenario, struct sim_http_file file)
{
	static const enum sl_codec codecs[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_DEFLATE,
		SL_CODEC_BROTLI };
	return scenario_offer_coded(scenario, PICK_OF(&mix->random, codecs), file);
}

static void
mix_file(struct mix *mix, struct scenario *scenario)
{
	struct sim_http_file file = { .len = PICK_OF(&mix->random, sizes),
		.framing = (enum sim_http_framing)pick(&mix->random, 3),
		.modified = one_in(&mix->random, 2) ? "Tue, 14 Nov 2023 22:13:21 GMT" : NULL,
		.no_head = one_in(&mix->random, 4) };
	if (one_in(&mix->random, 8))
		misbehave(mix, &file);
	else if (file.framing != SIM_HTTP_CLOSE && one_in(&mix->random, 16))
		file.excess = 1 + (size_t)pick(&mix->random, 100);
	if (one_in(&mix->random, 8))
		fail_at_first(mix, &file);
	static const enum sl_codec codecs[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_XZ,
		SL_CODEC_BZIP2 };
	bool is_compressed = file.len <= SL_MIB + 1 && one_in(&mix->random, 4);
	enum sl_codec codec = PICK_OF(&mix->random, codecs);
	bool is_coded = file.len <= SL_MIB + 1 && !is_compressed && one_in(&mix->random, 4);
	struct get_file *get = is_compressed ? scenario_offer_compressed(scenario, codec, file)
			       : is_coded    ? offer_coded(mix, scenario, file)
					     : scenario_offer(scenario, file);
	if (one_in(&mix->random, 8)) {
		mix->trouble = mix->trouble || scenario->get.if_exists != SL_EXISTS_REPLACE;
		scenario_put_before(scenario, get, BEFORE, sizeof(BEFORE) - 1, 0644);
	}
}

static struct scenario *
build(struct mix *mix, uint64_t seed)
{
	sl_random_init(&mix->random, seed);
	struct sim_options options = mixed_options(mix, seed);
	struct scenario *scenario = scenario_new(&options);
	mix_scene(mix, &scenario->get);
	uint64_t count = 2 + pick(&mix->random, FILES_MOST - 1);
	for (uint64_t i = 0; i < count; i++)
		mix_file(mix, scenario);
	if (one_in(&mix->random, 3))
		sim_http_close_after(scenario->http, 1 + (unsigned)pick(&mix->random, 3));
	return scenario;
}

/* ---- what must hold ---- */

static void
cut_and_check(struct mix *mix, struct scenario *scenario)
{
	uint64_t at_op = 0;
	get_scene_cut(&scenario->get, (enum sim_crash)pick(&mix->random, SIM_CRASHES));
	struct sim *world = sim_cut_world(scenario->sim, &at_op);
	get_scene_check_disk(&scenario->get, world, at_op);
	sim_free(world);
}

Test(scenario_get_mix, whatever_happens_done_means_durable_and_else_nothing_has_changed,
	.timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(120);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct mix mix = { .trouble = false };
		struct scenario *scenario = build(&mix, seed);
		scenario_run(scenario);
		if (!mix.trouble)
			scenario_expect_all_done(scenario);
		cut_and_check(&mix, scenario);
		scenario_free(scenario);
	}
}

/* The first makes it, the others find it there. */
Test(scenario_get_mix, a_file_in_a_new_directory_is_done_only_when_the_directory_is_durable)
{
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.disk_ns = 40 * SL_NS_PER_MS;
		options.net_ns = SL_NS_PER_MS;
		struct scenario *scenario = scenario_new(&options);
		scenario->get.sync = SL_SYNC_ALL;
		scenario->get.dir = "new/directory";
		for (size_t i = 0; i < 4; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 100 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}
