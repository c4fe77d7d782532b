#include "scenario.h"

#include "compress.h"
#include "shadow.h"

#include "sluice/download/digest.h"

#include <malloc.h>
#include <stdlib.h>

#define BODY_MAX (9 * SL_MIB)
#define BODY_STEP 31 /* between the beginnings of two bodies */

/* A world's files are megabytes that come and go hundreds of times: without this each would be
 * fresh memory of the kernel's. */
static void
keep_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, INT32_MAX);
	(void)mallopt(M_TRIM_THRESHOLD, INT32_MAX);
}

struct scenario *
scenario_new(const struct sim_options *options)
{
	keep_memory();
	struct scenario *scenario = calloc(1, sizeof(*scenario));
	sl_assert(scenario);
	scenario->sim = sim_new(options);
	scenario->http = sim_http_new(scenario->sim, SCENARIO_ADDRESS, 80);
	get_scene_init(&scenario->get, scenario->sim);
	return scenario;
}

struct scenario *
scenario_plain(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	return scenario_new(&options);
}

void
scenario_free(struct scenario *scenario)
{
	sim_free(scenario->sim);
	sim_http_free(scenario->http);
	for (size_t i = 0; i < GET_FILES; i++)
		sl_buf_release(&scenario->files[i].compressed);
	free(scenario);
}

const char *
scenario_body(size_t index, size_t len)
{
	static char *all;
	sl_assert(index < GET_FILES && len <= BODY_MAX);
	if (!all)
		all = get_scene_body(1, BODY_MAX + GET_FILES * BODY_STEP);
	return all + index * BODY_STEP;
}

struct get_file *
scenario_offer(struct scenario *scenario, struct sim_http_file file)
{
	size_t i = scenario->get.count;
	sl_assert(i < GET_FILES);
	struct scenario_file *one = &scenario->files[i];
	const char *dir = scenario->get.dir;
	snprintf(one->name, sizeof(one->name), "%s%sf%zu", dir ? dir : "", dir ? "/" : "", i);
	snprintf(one->path, sizeof(one->path), "/f%zu", i);
	snprintf(one->url, sizeof(one->url), SCENARIO_ORIGIN "/f%zu", i);
	one->served = file;
	one->served.path = one->path;
	if (!file.data)
		one->served.data = scenario_body(i, file.len);
	sim_http_add(scenario->http, &one->served);
	return get_scene_add(&scenario->get, (struct get_file){ .url = one->url,
						     .name = one->name,
						     .data = one->served.data,
						     .len = file.len });
}

/* Instead of its content. */
static void
serve_compressed(struct scenario *scenario, struct scenario_file *one, enum sl_codec codec)
{
	size_t len = one->served.len, first = sl_codec_has_magic(codec) ? len / 3 : len;
	const char *content = one->served.data;
	compress_add(&one->compressed, codec, content, first);
	if (first < len || sl_codec_has_magic(codec))
		compress_add(&one->compressed, codec, content + first, len - first);
	one->served.data = one->compressed.data;
	one->served.len = one->compressed.len;
	sim_http_add(scenario->http, &one->served);
}

struct get_file *
scenario_offer_compressed(struct scenario *scenario, enum sl_codec codec, struct sim_http_file file)
{
	static const char *const suffixes[SL_CODECS] = { [SL_CODEC_GZIP] = ".gz",
		[SL_CODEC_ZSTD] = ".zst",
		[SL_CODEC_XZ] = ".xz",
		[SL_CODEC_BZIP2] = ".bz2" };
	size_t i = scenario->get.count;
	struct get_file *out = scenario_offer(scenario, file);
	struct scenario_file *one = &scenario->files[i];
	snprintf(one->path, sizeof(one->path), "/f%zu%s", i, suffixes[codec]);
	snprintf(one->url, sizeof(one->url), SCENARIO_ORIGIN "/f%zu%s", i, suffixes[codec]);
	serve_compressed(scenario, one, codec);
	scenario->get.decompress = true;
	return out;
}

struct get_file *
scenario_offer_coded(struct scenario *scenario, enum sl_codec codec, struct sim_http_file file)
{
	static const char *const codings[SL_CODECS] = { [SL_CODEC_GZIP] = "gzip",
		[SL_CODEC_ZSTD] = "zstd",
		[SL_CODEC_DEFLATE] = "deflate",
		[SL_CODEC_BROTLI] = "br" };
	size_t i = scenario->get.count;
	file.coding = codings[codec];
	struct get_file *out = scenario_offer(scenario, file);
	serve_compressed(scenario, &scenario->files[i], codec);
	scenario->get.compressed = true;
	return out;
}

/* The message of a mismatch has it. */
static void
sha256_hex(const void *data, size_t len, char hex[static 65])
{
	static const char before[] = "sha-256 is ";
	struct sl_checksum other = { .kind = SL_CHECKSUM_SHA256, .len = 32 };
	struct sl_digest *digest = NULL;
	struct sl_error err = { 0 };
	sl_assert(sl_digest_new(&digest, other.kind) == 0);
	sl_digest_add(digest, data, len);
	sl_assert(sl_digest_check(digest, &other, "x", &err) == SL_E_CHECKSUM);
	const char *got = strstr(err.text, before);
	sl_assert(got);
	snprintf(hex, 65, "%.64s", got + sizeof(before) - 1);
	sl_digest_free(digest);
}

void
scenario_set_checksum(struct get_file *file, char *text)
{
	char hex[65];
	sha256_hex(file->data, file->len, hex);
	snprintf(text, SCENARIO_SUM, "sha-256=%s", hex);
	file->checksum = text;
}

void
scenario_sha256(const void *data, size_t len, unsigned char *out)
{
	struct sl_checksum sum;
	struct sl_error err = { 0 };
	char hex[65];
	sha256_hex(data, len, hex);
	sl_assert(sl_checksum_set_hex(&sum, SL_CHECKSUM_SHA256, sl_span_str(hex), &err) == 0);
	memcpy(out, sum.value, 32);
}

void
scenario_put_before(struct scenario *scenario, struct get_file *file, const char *data, size_t len,
	uint32_t mode)
{
	file->before = data;
	file->before_len = len;
	sim_put_file(scenario->sim, file->name, data, len, mode);
}

/* With SLUICE_SHADOW set, each file that is done must have been scanned meanwhile, too; unless what
 * an earlier run has left of it could not be read. */
static void
run_with_shadow(struct get_scene *scene)
{
	struct shadow shadow;
	shadow_init(&shadow, scene->sim, 2 * SL_NS_PER_MS);
	scene->shadow = &shadow;
	get_scene_run(scene);
	for (size_t i = 0; i < scene->count; i++)
		sim_check(scene->sim,
			scene->files[i].state != SL_DOWNLOAD_DONE || scene->files[i].was_scanned ||
				sim_has_failed(scene->sim, SL_OP_READ),
			"%s is done, and was not scanned", scene->files[i].url);
	shadow_release(&shadow);
	scene->shadow = NULL;
}

void
scenario_run(struct scenario *scenario)
{
	bool has_consumer = scenario->get.shadow || scenario->get.scanned;
	if (getenv("SLUICE_SHADOW") && !has_consumer && !scenario->is_never_scanned)
		run_with_shadow(&scenario->get);
	else
		get_scene_run(&scenario->get);
	get_scene_check(&scenario->get);
}

void
scenario_expect_done(struct scenario *scenario, size_t index)
{
	const struct get_file *file = &scenario->get.files[index];
	sim_check(scenario->sim, file->state == SL_DOWNLOAD_DONE, "%s ended in state %d: %s",
		file->url, file->state, file->error.text);
}

void
scenario_expect_all_done(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->get.count; i++)
		scenario_expect_done(scenario, i);
	sim_check(scenario->sim, scenario->get.result == 0, "%d", scenario->get.result);
}

void
scenario_expect_failure(struct scenario *scenario, size_t index, int code, enum sl_phase phase)
{
	const struct get_file *file = &scenario->get.files[index];
	sim_check(scenario->sim, file->state == SL_DOWNLOAD_FAILED, "%s ended in state %d",
		file->url, file->state);
	sim_check(scenario->sim, file->error.code == code && file->error.phase == phase,
		"%d in phase %d: %s", file->error.code, file->error.phase, file->error.text);
}

void
scenario_expect_duration(struct scenario *scenario, uint64_t least_ns, uint64_t most_ns)
{
	uint64_t took_ns = scenario->get.ended_ns - scenario->get.started_ns;
	sim_check(scenario->sim, took_ns >= least_ns && took_ns <= most_ns, "it took %.3f s",
		(double)took_ns / 1e9);
}
