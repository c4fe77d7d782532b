#include "shapes.h"

#include <stdlib.h>

#define SIZE (4 * SL_MIB + 70001) /* larger than a small part, and no multiple of anything */
#define PIECE SL_MIB
#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"
#define RESUMED_AT 120 /* the operation at which the run before is killed */

const char *
shape_name(enum shape shape)
{
	static const char *const names[SHAPES] = { "segments", "resumed", "mirrors", "pieces",
		"decompressed", "coded", "adopted", "appended", "stream" };
	return names[shape];
}

static struct sim_http_file
ranged(size_t len)
{
	return (struct sim_http_file){
		.len = len, .ranges = true, .etag = "\"one\"", .modified = REMOTE_TIME
	};
}

/* Four segments of pieces of 512 KiB. */
static struct scenario *
begin(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0;
	struct scenario *scenario = scenario_new(&options);
	scenario->get.segments = 4;
	scenario->get.min_segment = 512 * SL_KIB;
	scenario->get.chunk_size = 128 * SL_KIB;
	scenario->get.resume = true;
	scenario->get.if_exists = SL_EXISTS_REPLACE;
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	return scenario;
}

static void
offer_mirrors(struct shaped *shaped)
{
	static const char *const paths[] = { "/m0", "/m1" };
	static const char *const urls[] = { SCENARIO_ORIGIN "/m0", SCENARIO_ORIGIN "/m1" };
	for (size_t i = 0; i < 2; i++) {
		struct sim_http_file file = ranged(i ? 20000 : SIZE);
		file.misdeed = SIM_HTTP_ENDS;
		file.misdeed_at = file.len / 5;
		struct get_file *get = scenario_offer(shaped->scenario, file);
		struct sim_http_file *mirror = &shaped->others[i];
		*mirror = ranged(file.len);
		mirror->path = paths[i];
		mirror->data = get->data;
		sim_http_add(shaped->scenario->http, mirror);
		get->mirror = urls[i];
	}
}

static void
set_pieces(struct shaped *shaped, struct get_file *get)
{
	struct sl_pieces *pieces = &shaped->pieces;
	*pieces = (struct sl_pieces){ .kind = SL_CHECKSUM_SHA256,
		.length = PIECE,
		.digests = shaped->digests,
		.count = (SIZE + PIECE - 1) / PIECE };
	for (size_t i = 0; i < pieces->count; i++) {
		struct sl_range range = sl_pieces_range(pieces, SIZE, i);
		scenario_sha256(get->data + range.begin, (size_t)(range.end - range.begin),
			shaped->digests + i * 32);
	}
	get->pieces = pieces;
}

/* A byte is damaged on its way in the first responses: no validator shows it. */
static void
offer_pieces(struct shaped *shaped)
{
	static char damaged[SIZE];
	const char *right = scenario_body(0, SIZE);
	struct sim_http_file file = ranged(SIZE);
	memcpy(damaged, right, SIZE);
	damaged[SIZE / 2] ^= 1;
	file.data = damaged;
	file.later = &shaped->others[0];
	file.later_from = SHAPE_PIECES_ANSWERS;
	struct get_file *get = scenario_offer(shaped->scenario, file);
	shaped->others[0] = ranged(SIZE);
	shaped->others[0].data = get->data = right;
	set_pieces(shaped, get);
}

static void
offer_beginning(struct shaped *shaped)
{
	struct scenario *scenario = shaped->scenario;
	struct get_file *get = scenario_offer(scenario, ranged(SIZE));
	scenario->get.adopt = shaped->shape == SHAPE_ADOPTED;
	scenario->get.append = shaped->shape == SHAPE_APPENDED;
	scenario_put_before(scenario, get, get->data, SIZE - SL_MIB, 0666);
}

static void
offer_stream(struct scenario *scenario)
{
	scenario->get.output = "-";
	scenario->get.min_segment = scenario->get.chunk_size = 64 * SL_KIB;
	scenario_offer(scenario, ranged(600000))->name = NULL;
}

static void
offer(struct shaped *shaped)
{
	struct scenario *scenario = shaped->scenario;
	switch (shaped->shape) {
	case SHAPE_MIRRORS:
		offer_mirrors(shaped);
		break;
	case SHAPE_PIECES:
		offer_pieces(shaped);
		break;
	case SHAPE_DECOMPRESSED:
		scenario_offer_compressed(scenario, SL_CODEC_ZSTD, ranged(20000));
		scenario_offer_compressed(scenario, SL_CODEC_GZIP, ranged(SL_MIB + 5000));
		break;
	case SHAPE_CODED:
		scenario_offer_coded(scenario, SL_CODEC_BROTLI, ranged(20000));
		scenario_offer_coded(scenario, SL_CODEC_ZSTD, ranged(SL_MIB + 5000));
		break;
	case SHAPE_ADOPTED:
	case SHAPE_APPENDED:
		offer_beginning(shaped);
		break;
	case SHAPE_STREAM:
		offer_stream(scenario);
		break;
	default:
		scenario_offer(scenario, ranged(SIZE));
	}
}

static void
serve(struct shaped *shaped, struct sim *sim)
{
	if (sim != shaped->scenario->sim)
		sim_http_serve(shaped->scenario->http, sim);
	if (shaped->shape == SHAPE_STREAM)
		sim_sink(sim, 1, 2 * SL_MIB, SL_FOREVER); /* few writes */
}

/* The run before is not the one that is tested. */
static void
run_until_killed(struct shaped *shaped)
{
	struct scenario *scenario = shaped->scenario;
	uint64_t at_op = 0;
	sim_cut_at(scenario->sim, RESUMED_AT, SIM_CRASH_KILL);
	scenario_run(scenario);
	shaped->sim = sim_cut_world(scenario->sim, &at_op);
	sim_check(scenario->sim, shaped->sim != NULL, "it was over before");
	shaped->run = get_scene_again(&scenario->get, shaped->sim);
}

void
shaped_begin(struct shaped *shaped, enum shape shape, uint64_t seed)
{
	*shaped = (struct shaped){ .shape = shape, .scenario = begin(seed) };
	offer(shaped);
	shaped->sim = shaped->scenario->sim;
	shaped->run = &shaped->scenario->get;
	shaped->is_resumed = shape == SHAPE_RESUMED;
	if (shaped->is_resumed)
		run_until_killed(shaped);
	serve(shaped, shaped->sim);
}

/* All of the stream, or of one that failed its beginning. */
static void
check_stream(struct shaped *shaped, struct sim *sim, const struct get_scene *run)
{
	struct sl_span out = sim_sink_data(sim, 1);
	const struct get_file *file = &run->files[0];
	sim_check(sim, run->result == 0 ? out.len == file->len : out.len <= file->len,
		"%s: %zu bytes of %zu", shape_name(shaped->shape), out.len, file->len);
	sim_check(sim, out.len == 0 || memcmp(out.data, file->data, out.len) == 0, "other bytes");
}

void
shaped_run(struct shaped *shaped)
{
	get_scene_run(shaped->run);
	get_scene_check(shaped->run);
	if (shaped->shape == SHAPE_STREAM)
		check_stream(shaped, shaped->sim, shaped->run);
}

void
shaped_rerun(struct shaped *shaped, struct sim *disk)
{
	serve(shaped, disk);
	get_scene_rerun(shaped->run, disk);
}

void
shaped_heal(struct shaped *shaped, enum sim_crash how)
{
	uint64_t at_op = 0;
	get_scene_cut(shaped->run, how);
	struct sim *disk = sim_cut_world(shaped->sim, &at_op);
	get_scene_check_disk(shaped->run, disk, at_op);
	shaped_rerun(shaped, disk);
	sim_free(disk);
}

void
shaped_end(struct shaped *shaped)
{
	if (shaped->is_resumed) {
		sim_free(shaped->sim);
		free(shaped->run);
	}
	scenario_free(shaped->scenario);
}
