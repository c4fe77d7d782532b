/*
 * The tee by itself, in the simulated world: chunks that overlap what was passed before, parts with
 * what earlier runs have left, versions that change.
 */
#include "support/run.h"
#include "support/shadow.h"

#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define SIZE 40000u
#define CHUNK 4096u
#define CHUNKS 12u
#define STEP (CHUNK / SL_TEE_RANGES) /* of what begins there a chunk has no more gaps */

struct scene {
	struct sl_random random;
	struct shadow shadow;
	struct sim *sim;
	struct sl_chunk_pool *pool;
	struct sl_tee tee;
	struct sl_tee_share share;
	struct sl_resource version;
	unsigned char content[SIZE];
	/* A part that has `written` of the content; not used for a stream. */
	struct sl_part part;
	struct sl_ranges written;
};

static void
new_version(struct scene *scene, unsigned number)
{
	snprintf(scene->version.etag, sizeof(scene->version.etag), "\"%u\"", number);
	scene->version.length = SIZE;
	for (size_t i = 0; i < SIZE; i++)
		scene->content[i] = (unsigned char)sl_random_below(&scene->random, 256);
}

static struct sl_tee_source
source_of(struct scene *scene, bool goes_on, bool has_part)
{
	return (struct sl_tee_source){ .url = "http://host/f",
		.path = "f",
		.version = goes_on ? &scene->version : NULL,
		.part = has_part ? &scene->part : NULL,
		.written = &scene->written,
		.pool = scene->pool };
}

SL_SUSPENDS
static void
put(struct scene *scene, size_t off, size_t len)
{
	struct sl_chunk *chunk = NULL;
	cr_assert_eq(sl_tee_reserve(&scene->tee, off), 0);
	cr_assert_eq(sl_chunk_take(scene->pool, &chunk, SL_FOREVER), 0);
	memcpy(chunk->data, scene->content + off, len);
	chunk->off = off;
	chunk->len = len;
	sl_tee_put(&scene->tee, chunk);
	sl_chunk_unref(chunk);
}

SL_SUSPENDS
static void
put_some(struct scene *scene)
{
	for (uint64_t count = sl_random_below(&scene->random, 12); count > 0; count--) {
		size_t off = (size_t)sl_random_below(&scene->random, SIZE / STEP) * STEP;
		size_t most = SL_MIN((size_t)CHUNK, SIZE - off);
		put(scene, off, 1 + (size_t)sl_random_below(&scene->random, most));
	}
}

SL_SUSPENDS
static void
put_all(struct scene *scene)
{
	for (size_t off = 0; off < SIZE; off += CHUNK)
		put(scene, off, SL_MIN((size_t)CHUNK, SIZE - off));
}

static void
expect_whole(struct scene *scene)
{
	struct sl_download download = { .tee = scene->tee.file };
	struct sl_span content = { (const char *)scene->content, SIZE };
	cr_assert(shadow_has(&scene->shadow, &download, content), "not all was passed");
}

static void
begin(struct scene *scene)
{
	shadow_open(&scene->shadow);
	cr_assert_eq(sl_chunk_pool_new(&scene->pool, CHUNKS, CHUNK), 0);
	sl_tee_init(&scene->tee, &scene->shadow.consumer, &scene->share);
	sl_ranges_init(&scene->written, SIZE);
	new_version(scene, 1);
}

static void
end(struct scene *scene)
{
	sl_tee_release(&scene->tee);
	sl_ranges_release(&scene->written);
	sl_chunk_pool_free(scene->pool);
	shadow_close(&scene->shadow);
}

static void
run(uint64_t seed, int (*fn)(void *arg))
{
	static struct scene scene;
	scene = (struct scene){ .sim = sim_plain(seed) };
	sl_random_init(&scene.random, seed);
	shadow_init(&scene.shadow, scene.sim, seed % 3 ? 50000 : 0);
	cr_assert_eq(sim_run(scene.sim, fn, &scene), 0);
	shadow_release(&scene.shadow);
	sim_free(scene.sim);
}

/* ---- a stream: several attempts that go on ---- */

static int
overlap_main(void *arg)
{
	struct scene *scene = arg;
	unsigned attempts = 1 + (unsigned)sl_random_below(&scene->random, 4), versions = 1;
	begin(scene);
	for (unsigned i = 0; i <= attempts; i++) {
		struct sl_tee_source source = source_of(scene, i > 0, false);
		sl_tee_begin(&scene->tee, &source);
		put_some(scene);
		if (i == attempts)
			put_all(scene);
		sl_tee_end(&scene->tee, &scene->version, i == attempts);
		if (i < attempts && sl_random_below(&scene->random, 3) == 0)
			new_version(scene, ++versions);
	}
	cr_assert_leq(scene->shadow.restarts, versions - 1);
	sl_tee_finish(&scene->tee, SIZE);
	expect_whole(scene);
	end(scene);
	return 0;
}

Test(tee, chunks_that_overlap_are_passed_once_and_another_version_begins_again)
{
	struct sim_seeds seeds = sim_seeds(200);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run(seed, overlap_main);
}

/* ---- a part ---- */

SL_SUSPENDS
static void
write_part(struct scene *scene, size_t off, size_t len)
{
	struct sl_range range = { off, off + len };
	cr_assert_eq(sl_io_write_all(scene->part.fd, scene->content + off, len, off), 0);
	cr_assert_eq(sl_ranges_add_done(&scene->written, range), 0);
}

/* What an earlier run has left, and what this one fetches: each comes from where it is. Then some
 * of it turns out to be wrong, and is fetched again. */
static int
part_main(void *arg)
{
	struct scene *scene = arg;
	begin(scene);
	sl_part_init(&scene->part);
	scene->part.fd = sl_io_open(AT_FDCWD, "f", O_RDWR | O_CREAT, 0666, 0);
	cr_assert_geq(scene->part.fd, 0);
	for (unsigned i = 0; i < 5; i++)
		write_part(scene, (size_t)sl_random_below(&scene->random, SIZE - 3000), 3000);
	uint64_t left = scene->written.done_bytes;

	struct sl_tee_source source = source_of(scene, true, true);
	sl_tee_begin(&scene->tee, &source);
	struct sl_range missing = { 0 };
	while (sl_ranges_next_missing(&scene->written, missing.end, &missing)) {
		size_t len = (size_t)SL_MIN(missing.end - missing.begin, (uint64_t)CHUNK);
		put(scene, (size_t)missing.begin, len);
		write_part(scene, (size_t)missing.begin, len);
		missing.end = missing.begin;
	}
	sl_tee_end(&scene->tee, &scene->version, true);
	cr_assert_eq(scene->tee.counts.read, left);
	cr_assert_eq(scene->shadow.passed, SIZE);
	sl_tee_finish(&scene->tee, SIZE);
	expect_whole(scene);

	struct sl_range bad = { 1000, 5000 };
	cr_assert_eq(sl_ranges_remove_done(&scene->written, bad), 0);
	memset(scene->content + 1000, '\n', 4000);
	sl_tee_begin(&scene->tee, &source);
	put(scene, 1000, 4000);
	write_part(scene, 1000, 4000);
	sl_tee_end(&scene->tee, &scene->version, true);
	sl_tee_finish(&scene->tee, SIZE);
	cr_assert_eq(scene->shadow.restarts, 1);
	expect_whole(scene);
	sl_io_close(scene->part.fd);
	end(scene);
	return 0;
}

Test(tee, what_is_left_in_a_part_is_read_once_and_what_was_wrong_begins_again)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run(seed, part_main);
}

/* ---- a file that has grown ---- */

struct grown {
	uint64_t known_len, from; /* as asked, and answered */
	uint64_t lowest, bytes, len;
	unsigned restarts, finished;
};

static void *
grown_open(void *ctx, const char *url, const char *path)
{
	(void)url;
	(void)path;
	return ctx;
}

static uint64_t
grown_from(void *file, uint64_t known_len)
{
	struct grown *grown = file;
	grown->known_len = known_len;
	grown->lowest = UINT64_MAX;
	grown->bytes = 0;
	return SL_MIN(grown->from, known_len);
}

static void
grown_pass(void *file, uint64_t off, const unsigned char *data, size_t len)
{
	struct grown *grown = file;
	(void)data;
	grown->lowest = SL_MIN(grown->lowest, off);
	grown->bytes += len;
}

static void
grown_restart(void *file)
{
	((struct grown *)file)->restarts++;
}

static void
grown_finish(void *file, uint64_t len)
{
	struct grown *grown = file;
	grown->finished++;
	grown->len = len;
}

static void
grown_free(void *file)
{
	(void)file;
}

#define KNOWN 9000

/* The beginning is in the part; then another version comes, which has none of it. */
static int
grown_main(void *arg)
{
	struct scene *scene = arg;
	struct grown grown = { .from = 8000 };
	const struct sl_tee_consumer consumer = { .ctx = &grown,
		.open = grown_open,
		.from = grown_from,
		.pass = grown_pass,
		.restart = grown_restart,
		.finish = grown_finish,
		.free = grown_free };
	begin(scene);
	sl_tee_release(&scene->tee);
	sl_tee_init(&scene->tee, &consumer, &scene->share);
	sl_part_init(&scene->part);
	scene->part.fd = sl_io_open(AT_FDCWD, "f", O_RDWR | O_CREAT, 0666, 0);
	write_part(scene, 0, KNOWN);

	struct sl_tee_source source = source_of(scene, true, true);
	source.known_len = KNOWN;
	sl_tee_begin(&scene->tee, &source);
	for (size_t off = KNOWN; off < SIZE; off += CHUNK)
		put(scene, off, SL_MIN((size_t)CHUNK, SIZE - off));
	write_part(scene, KNOWN, SIZE - KNOWN);
	sl_tee_end(&scene->tee, &scene->version, true);
	sl_tee_finish(&scene->tee, SIZE);
	cr_expect(grown.known_len == KNOWN && grown.lowest == 8000 && grown.bytes == SIZE - 8000);
	cr_expect(grown.finished == 1 && grown.len == SIZE && grown.restarts == 0);
	cr_expect_eq(scene->tee.counts.read, KNOWN - 8000);

	sl_ranges_release(&scene->written);
	sl_ranges_init(&scene->written, SIZE);
	new_version(scene, 2);
	source = source_of(scene, false, false);
	sl_tee_begin(&scene->tee, &source);
	put_all(scene);
	sl_tee_end(&scene->tee, &scene->version, true);
	sl_tee_finish(&scene->tee, SIZE);
	cr_expect(grown.known_len == 0 && grown.lowest == 0 && grown.bytes == SIZE);
	cr_expect(grown.finished == 2 && grown.restarts == 1);
	sl_io_close(scene->part.fd);
	end(scene);
	return 0;
}

Test(tee, of_a_file_that_has_grown_the_consumer_gets_what_it_wants)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run(seed, grown_main);
}

/* ---- what cannot be passed ---- */

static int
truncated_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_download download = { 0 };
	begin(scene);
	sl_part_init(&scene->part);
	scene->part.fd = sl_io_open(AT_FDCWD, "f", O_RDWR | O_CREAT, 0666, 0);
	write_part(scene, 0, 3000);
	cr_assert_eq(sl_ranges_add_done(&scene->written, (struct sl_range){ 3000, SIZE }), 0);
	struct sl_tee_source source = source_of(scene, true, true);
	sl_tee_begin(&scene->tee, &source);
	sl_tee_end(&scene->tee, &scene->version, true);
	sl_tee_finish(&scene->tee, SIZE);
	download.tee = scene->tee.file;
	cr_assert_not(shadow_has(&scene->shadow, &download, sl_span("", 0)));
	cr_assert_eq(scene->shadow.finished, 0);
	sl_io_close(scene->part.fd);
	end(scene);
	return 0;
}

Test(tee, a_part_that_is_too_short_has_no_end)
{
	run(1, truncated_main);
}
