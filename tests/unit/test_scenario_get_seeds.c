/*
 * Everything at once, under seeds: files in segments, small ones and compressed ones, mirrors,
 * retries and limits, servers that change their files, answer wrongly, refuse, stall and break
 * connections, operations that fail, and runs that are killed, stopped or lose their power and are
 * begun again on the same disk with other options. A run succeeds if and only if every file is
 * there, whole and of one version; a file that failed has left its name as it was; and once nothing
 * is wrong any more, the same command completes everything.
 */
#include "support/chance.h"
#include "support/failures.h"
#include "support/scenario.h"

#include "sluice/base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define FILES_MOST 4
#define RUNS_MOST 3
#define MIRROR_ADDRESS "10.0.0.2"
#define MIRROR_ORIGIN "http://" MIRROR_ADDRESS
#define BEFORE "what was there"
#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"
#define LATER_TIME "Tue, 14 Nov 2023 22:13:22 GMT"
#define RESPONSE_TIME "Wed, 15 Nov 2023 22:13:22 GMT"
#define VERSIONS 3

/* A file as its servers have it. */
struct source {
	struct sim_http_file versions[VERSIONS]; /* each is followed by the next, if there is one */
	struct sim_http_file mirror;
	char mirror_path[16], mirror_url[48];
	char sum[SCENARIO_SUM];
	bool is_fixed; /* it has a checksum: only the first version will do */
};

struct world {
	struct sl_random random;
	struct scenario *scenario;
	struct sim_http *mirror;
	struct source sources[FILES_MOST];
	char *kept[RUNS_MOST * FILES_MOST]; /* what names had between two runs */
	size_t kept_count;
	bool trouble; /* something may go wrong */
	bool has_no_syncs, has_slow_disk;
};

/* ---- the world ---- */

static struct sim_options
mixed_options(struct world *world, uint64_t seed)
{
	static const unsigned shorts[] = { 0, 33, 80 };
	static const uint64_t faults_ppm[] = { 0, 0, 0, 1000, 5000 };
	static const uint32_t aligns[] = { 4096, 4096, 512, 0 };
	struct sl_random *random = &world->random;
	struct sim_options options = sim_options(seed);
	options.short_percent = PICK_OF(random, shorts);
	options.late_percent = (unsigned)pick(random, 101);
	options.fault_ppm = PICK_OF(random, faults_ppm);
	/* A part that may not be looked at or removed has to stay. */
	options.fault_kinds = EVERYTHING & ~(KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT));
	options.dio_align = PICK_OF(random, aligns);
	world->has_slow_disk = one_in(random, 4);
	options.disk_ns = world->has_slow_disk ? 100 * SL_NS_PER_MS : options.disk_ns;
	options.no_allocate = one_in(random, 4);
	options.no_xattrs = one_in(random, 4);
	options.limit_ns = 100000 * SL_NS_PER_S;
	options.wall_ns = sl_clock_wall_ns(); /* what a run has left is not old */
	if (one_in(random, 16))
		options.capacity = 8 * SL_MIB;
	world->trouble = options.fault_ppm > 0 || options.capacity < SL_GIB;
	return options;
}

/* The options of one run, which another run on the same disk may have otherwise. */
static void
mix_run(struct world *world, struct get_scene *get)
{
	static const size_t chunk_sizes[] = { 64 * SL_KIB, 128 * SL_KIB, 512 * SL_KIB };
	struct sl_random *random = &world->random;
	get->jobs = 1 + (unsigned)pick(random, 4);
	get->per_host = 1 + (unsigned)pick(random, 8);
	get->segments = 1 + (unsigned)pick(random, 6);
	get->chunk_size = PICK_OF(random, chunk_sizes);
	get->min_segment = get->chunk_size * (1 + pick(random, 8));
	get->chunks = 2 + (size_t)pick(random, 22);
	get->resume = !one_in(random, 5);
	get->verify_resume = one_in(random, 4);
	/* What one run has not synced, a power cut in the next one takes. */
	get->sync = world->has_no_syncs ? SL_SYNC_NONE
		    : one_in(random, 3) ? SL_SYNC_ALL
					: SL_SYNC_AUTO;
	get->io = (enum sl_io_mode)pick(random, 3);
	get->descriptors = one_in(random, 8) ? 12 : 200;
	get->remote_time = one_in(random, 2);
	get->fail_fast = one_in(random, 8);
	get->limit_rate = one_in(random, 8) ? 500000 + pick(random, 4000000) : 0;
	get->max_rps_milli = one_in(random, 8) ? 2000 + pick(random, 20000) : 0;
	get->if_exists = one_in(random, 3) ? SL_EXISTS_AUTO : SL_EXISTS_REPLACE;
	get->retry = (struct sl_retry_policy){ .retries = (unsigned)pick(random, 6),
		.max_wait_ns = 1 + pick(random, 10 * SL_NS_PER_S),
		.seed = pick(random, 1000) };
}

static void
misbehave(struct world *world, struct sim_http_file *file)
{
	static const enum sim_http_misdeed misdeeds[] = { SIM_HTTP_ENDS, SIM_HTTP_RESETS,
		SIM_HTTP_STALLS, SIM_HTTP_PAUSES };
	struct sl_random *random = &world->random;
	file->misdeed = PICK_OF(random, misdeeds);
	file->misdeed_at = (size_t)pick(random, file->len / (1 + pick(random, 8)));
	file->misdeed_step = one_in(random, 2) ? (size_t)pick(random, SL_MIB) : 0;
	file->misdeed_ns = pick(random, 80 * SL_NS_PER_S);
	file->misdeeds = 1 + (unsigned)pick(random, 6);
	/* An end in order is the end of a body that the close delimits. */
	if (file->misdeed == SIM_HTTP_ENDS && file->framing == SIM_HTTP_CLOSE)
		file->misdeed = SIM_HTTP_RESETS;
	world->trouble = true;
}

static void
refuse(struct world *world, struct sim_http_file *file)
{
	static const int statuses[] = { 0, 429, 429, 503, 500, 403, 404, 408 };
	static const char *const fields[] = { NULL, NULL, "Retry-After: 3\r\n",
		"Retry-After: -1\r\n", "Retry-After: 1000000000000000000000000000000\r\n",
		"Retry-After: Tue, 14 Nov 1995 22:13:21 GMT\r\n" };
	struct sl_random *random = &world->random;
	file->busy_from = (unsigned)pick(random, 8);
	file->busy = 1 + (unsigned)pick(random, 4);
	file->busy_status = PICK_OF(random, statuses);
	file->busy_fields = PICK_OF(random, fields);
	world->trouble = true;
}

static void
lie(struct world *world, struct sim_http_file *file)
{
	struct sl_random *random = &world->random;
	file->lie = (enum sim_http_lie)(1 + pick(random, SIM_HTTP_LIES - 1));
	file->lies_from = (unsigned)pick(random, 6);
	file->lies = one_in(random, 3) ? UINT32_MAX / 2 : 1 + (unsigned)pick(random, 4);
	world->trouble = true;
}

/* By what a version can be told from others. */
static void
mark(struct world *world, struct sim_http_file *file)
{
	struct sl_random *random = &world->random;
	file->etag = one_in(random, 6) ? NULL : one_in(random, 8) ? "W/\"one\"" : "\"one\"";
	file->modified = one_in(random, 6) ? NULL : REMOTE_TIME;
	file->date = one_in(random, 2) ? NULL : RESPONSE_TIME;
	file->ranges = !one_in(random, 8);
	file->etag2 = file->etag && one_in(random, 10) ? "\"one-of-another-node\"" : NULL;
}

/* After some responses the server has another version, which differs in its validators as far as it
 * has any, and after some more perhaps the first one again. */
static void
change(struct world *world, struct source *source, struct get_file *get, size_t index)
{
	struct sl_random *random = &world->random;
	struct sim_http_file *first = &source->versions[0], *second = &source->versions[1];
	*second = *first;
	second->len = first->len - (size_t)(pick(random, 2) * pick(random, 5000));
	second->data = scenario_body(index + 100, second->len);
	if (first->etag)
		second->etag = first->etag[0] == 'W' ? "W/\"two\"" : "\"two\"";
	second->etag2 = NULL;
	bool by_time = !first->etag || first->etag[0] == 'W';
	if (first->modified && (by_time || one_in(random, 2)))
		second->modified = LATER_TIME;
	first->later = second;
	first->later_from = 1 + (unsigned)pick(random, 12);
	get->other = second->data;
	get->other_len = second->len;
	if (one_in(random, 3)) {
		struct sim_http_file *third = &source->versions[2];
		*third = *first;
		third->later = NULL;
		second->later = third;
		second->later_from = first->later_from + 1 + (unsigned)pick(random, 8);
	}
	world->trouble = true;
}

/* Another server, with the same file, or now and then with another version of it. */
static void
add_mirror(struct world *world, struct source *source, struct get_file *get, size_t index)
{
	struct sl_random *random = &world->random;
	struct sim_http_file *mirror = &source->mirror;
	*mirror = source->versions[0];
	mirror->later = NULL;
	mirror->lie = SIM_HTTP_TRUTH;
	mirror->lies = mirror->busy = 0;
	mirror->misdeed = SIM_HTTP_HONEST;
	if (mirror->etag && one_in(random, 2))
		mirror->etag = "\"one-of-the-mirror\"";
	if (!get->other && !source->is_fixed && mirror->len > 0 && one_in(random, 4)) {
		/* Other bytes, and nothing in its heads shows it. */
		mirror->data = get->other = scenario_body(index + 200, mirror->len);
		get->other_len = mirror->len;
		mirror->etag2 = NULL;
	} else if (get->other && one_in(random, 3)) {
		mirror->data = get->other;
		mirror->len = get->other_len;
		mirror->etag = mirror->etag ? "\"two\"" : NULL;
		mirror->modified = mirror->modified ? LATER_TIME : NULL;
	}
	if (one_in(random, 4))
		misbehave(world, mirror);
	if (one_in(random, 6))
		refuse(world, mirror);
	snprintf(source->mirror_path, sizeof(source->mirror_path), "/m%zu", index);
	snprintf(source->mirror_url, sizeof(source->mirror_url), MIRROR_ORIGIN "/m%zu", index);
	mirror->path = source->mirror_path;
	sim_http_add(world->mirror, mirror);
	get->mirror = source->mirror_url;
}

static void
add_compressed(struct world *world)
{
	static const enum sl_codec codecs[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_XZ,
		SL_CODEC_BZIP2 };
	struct sl_random *random = &world->random;
	struct sim_http_file file = { .len = 1000 + (size_t)pick(random, 100000),
		.framing = (enum sim_http_framing)pick(random, 3) };
	mark(world, &file);
	if (one_in(random, 4))
		misbehave(world, &file);
	scenario_offer_compressed(world->scenario, PICK_OF(random, codecs), file);
}

static void
add_file(struct world *world)
{
	static const size_t sizes[] = { 0, 20000, 600000, 4 * SL_MIB + 1, 4 * SL_MIB + 70001,
		5 * SL_MIB, 7 * SL_MIB + 1 };
	struct sl_random *random = &world->random;
	struct scenario *scenario = world->scenario;
	size_t index = scenario->get.count;
	struct source *source = &world->sources[index];
	struct sim_http_file *served = &source->versions[0];
	*served = (struct sim_http_file){ .len = PICK_OF(random, sizes) };
	if (one_in(random, 8))
		served->framing = (enum sim_http_framing)pick(random, 3);
	mark(world, served);
	if (one_in(random, 3))
		misbehave(world, served);
	if (one_in(random, 4))
		refuse(world, served);
	if (one_in(random, 5))
		lie(world, served);
	served->no_head = one_in(random, 4);
	struct get_file *get = scenario_offer(scenario, *served);
	served->data = scenario->files[index].served.data;
	served->path = scenario->files[index].path;
	if (served->len > 5000 && one_in(random, 3))
		change(world, source, get, index);
	if (one_in(random, 4)) {
		scenario_set_checksum(get, source->sum);
		get->other = NULL;
		source->is_fixed = true;
	}
	if (one_in(random, 3))
		add_mirror(world, source, get, index);
	sim_http_add(scenario->http, served);
	if (one_in(random, 6)) {
		scenario_put_before(scenario, get, BEFORE, sizeof(BEFORE) - 1, 0644);
		world->trouble = true; /* with --if-exists=auto */
	}
}

static struct world *
build(uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));
	cr_assert_not_null(world);
	sl_random_init(&world->random, seed);
	struct sl_random *random = &world->random;
	struct sim_options options = mixed_options(world, seed);
	struct scenario *scenario = world->scenario = scenario_new(&options);
	world->mirror = sim_http_new(scenario->sim, MIRROR_ADDRESS, 80);
	world->has_no_syncs = one_in(random, 5);
	mix_run(world, &scenario->get);
	scenario->get.dir = one_in(random, 4) ? "new/directory" : NULL;
	sim_http_set_segment(scenario->http, scenario->sim, one_in(random, 2) ? 0 : 64 * SL_KIB);
	sim_http_set_segment(world->mirror, scenario->sim, 64 * SL_KIB);
	for (uint64_t count = 1 + pick(random, FILES_MOST); count > 0; count--) {
		if (one_in(random, 6))
			add_compressed(world);
		else
			add_file(world);
	}
	if (one_in(random, 4))
		sim_http_close_after(scenario->http, 1 + (unsigned)pick(random, 4));
	return world;
}

static void
tear_down(struct world *world)
{
	scenario_free(world->scenario);
	sim_http_free(world->mirror);
	for (size_t i = 0; i < world->kept_count; i++)
		free(world->kept[i]);
	free(world);
}

/* ---- the runs ---- */

struct interruption {
	struct get_scene *get;
	enum sim_crash how;
};

static void
cut(struct sim *sim, void *ctx)
{
	struct interruption *interruption = ctx;
	(void)sim;
	get_scene_cut(interruption->get, interruption->how);
}

/* What is done has as many bytes as were received. */
static void
check_files(struct get_scene *get)
{
	for (size_t i = 0; i < get->count; i++) {
		const struct get_file *file = &get->files[i];
		struct sl_span content;
		bool is_done = file->reported && file->state == SL_DOWNLOAD_DONE;
		if (!is_done || get->decompress)
			continue;
		bool exists = sim_content(get->sim, file->path, &content);
		sim_check(get->sim, exists && file->received == content.len,
			"%s: %llu bytes are reported as received, and it has %zu", file->path,
			(unsigned long long)file->received, exists ? content.len : 0);
	}
}

/* The program is stopped. There is a second in all then: a slow disk may keep parts. */
static void
set_stop(struct world *world, struct get_scene *get)
{
	struct sl_random *random = &world->random;
	if (one_in(random, 2))
		get->run_ns = pick(random, 20 * SL_NS_PER_S);
	else
		get->cancel_fd = sim_trap(get->sim, 1 + pick(random, 600));
	get->by_command = one_in(random, 2);
	for (size_t i = 0; world->has_slow_disk && i < get->count; i++)
		get->files[i].has_part = true;
	world->trouble = true;
}

static void
run_once(struct world *world, struct get_scene *get, struct interruption *interruption)
{
	struct sl_random *random = &world->random;
	*interruption = (struct interruption){ get, (enum sim_crash)pick(random, SIM_CRASHES) };
	if (one_in(random, 2))
		sim_at(get->sim, 1 + pick(random, one_in(random, 2) ? 200 : 1500), cut,
			interruption);
	if (one_in(random, 3))
		set_stop(world, get);
	get_scene_run(get);
	get_scene_check(get);
	check_files(get);
}

/* The disk that the next run finds: of the moment of the cut, or as it is at the end. */
static struct sim *
next_disk(struct world *world, struct get_scene *get, const struct interruption *interruption)
{
	uint64_t at_op = 0;
	struct sim *disk = sim_cut_world(get->sim, &at_op);
	if (!disk) {
		get_scene_cut(get, interruption->how);
		disk = sim_cut_world(get->sim, &at_op);
	}
	get_scene_check_disk(get, disk, at_op);
	sim_http_serve(world->scenario->http, disk);
	sim_http_serve(world->mirror, disk);
	return disk;
}

/* What its names have then is what it must leave if it fails. */
static void
note_before(struct world *world, struct get_scene *get)
{
	for (size_t i = 0; i < get->count; i++) {
		struct get_file *file = &get->files[i];
		struct sl_span content;
		char part[80];
		snprintf(part, sizeof(part), "%s.sluice-part", file->name);
		file->has_part = sim_exists(get->sim, part);
		snprintf(part, sizeof(part), "%s.sluice-journal", file->name);
		file->has_journal = sim_exists(get->sim, part);
		file->before = NULL;
		file->is_unsettled = !sim_is_durable(get->sim, file->name);
		if (!sim_content(get->sim, file->name, &content))
			continue;
		char *copy = malloc(content.len + 1);
		cr_assert(copy && world->kept_count < SL_COUNT_OF(world->kept));
		if (content.len)
			memcpy(copy, content.data, content.len);
		file->before = world->kept[world->kept_count++] = copy;
		file->before_len = content.len;
	}
}

/* From now on the servers send what they have, and the machine works. */
static void
end_trouble(struct world *world, struct sim *sim)
{
	sim_stop_faults(sim);
	sim_set_capacity(sim, SL_GIB);
	for (size_t i = 0; i < FILES_MOST; i++) {
		struct source *source = &world->sources[i];
		struct sim_http_file *all[] = { &source->versions[0], &source->versions[1],
			&source->versions[2], &source->mirror, &world->scenario->files[i].served };
		for (size_t k = 0; k < SL_COUNT_OF(all); k++) {
			all[k]->misdeed = SIM_HTTP_HONEST;
			all[k]->busy = all[k]->lies = 0;
			all[k]->etag2 = NULL;
		}
		if (source->is_fixed)
			source->versions[0].later = NULL;
		for (size_t k = 0; k < VERSIONS; k++) /* no change during the last run */
			source->versions[k].later_from = SL_MIN(source->versions[k].later_from,
				sim_http_answers(world->scenario->http,
					source->versions[0].path ? source->versions[0].path : "/"));
	}
}

static void
play(uint64_t seed)
{
	struct world *world = build(seed);
	struct get_scene *get = &world->scenario->get;
	struct interruption interruption;
	for (uint64_t runs = 1 + pick(&world->random, RUNS_MOST - 1); runs > 0; runs--) {
		run_once(world, get, &interruption);
		if (!world->trouble)
			scenario_expect_all_done(world->scenario);
		world->trouble = true; /* from the second run on there is what others have left */
		struct sim *disk = next_disk(world, get, &interruption);
		struct get_scene *again = get_scene_again(get, disk);
		if (get != &world->scenario->get) {
			sim_free(get->sim);
			free(get);
		}
		get = again;
		mix_run(world, get);
		note_before(world, get);
	}
	end_trouble(world, get->sim);
	get->if_exists = SL_EXISTS_REPLACE;
	get->fail_fast = false;
	get_scene_run(get);
	get_scene_check(get);
	check_files(get);
	sim_check(get->sim, get->result == 0, "the last run failed: %s",
		get->summary.first_error.text);
	sim_free(get->sim);
	free(get);
	tear_down(world);
}

Test(scenario_get_seeds, a_run_succeeds_if_and_only_if_every_file_is_whole_and_of_one_version,
	.timeout = 3600)
{
	struct sim_seeds seeds = sim_seeds(150);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		play(seed);
}

/* Of a part that was resumed, and could not be opened for the next attempt, nothing was reported as
 * resumed or fetched. */
Test(scenario_get_seeds, what_was_resumed_counts_where_the_part_cannot_be_opened_again)
{
	play(133768717770943);
}
