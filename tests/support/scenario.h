/*
 * scenario.h - a simulated world with an HTTP server at SCENARIO_ORIGIN and one run of the download
 * engine against it; shared by the test_scenario_get_* tests. Every check prints the seed.
 */
#ifndef SLUICE_TESTS_SUPPORT_SCENARIO_H
#define SLUICE_TESTS_SUPPORT_SCENARIO_H

#include "get_scene.h"
#include "sim_http.h"

#include "sluice/codec/codec.h"

#define SCENARIO_ADDRESS "10.0.0.1"
#define SCENARIO_ORIGIN "http://" SCENARIO_ADDRESS

/* What a run may take longer than its due time: latencies of the simulated network and disk,
 * clean-up. */
#define SCENARIO_SLACK_NS SL_NS_PER_S

struct scenario_file {
	char name[48], path[16], url[48]; /* "DIR/f0", "/f0", ORIGIN "/f0" */
	struct sim_http_file served;
	struct sl_buf compressed; /* what the server has, if that is not the content */
};

struct scenario {
	struct sim *sim;
	struct sim_http *http;
	struct get_scene get;
	/* Also with SLUICE_SHADOW: another program changes the file, so that a consumer may have
	 * got other bytes, or it would wait for first bytes that do not come. */
	bool is_never_scanned;
	struct scenario_file files[GET_FILES];
};

struct scenario *scenario_new(const struct sim_options *options);

/* With the default options of this seed. */
struct scenario *scenario_plain(uint64_t seed);
void scenario_free(struct scenario *scenario);

/* len bytes that look like nothing else, others for each `index`; they live as long as the program.
 * At most 9 MiB. */
const char *scenario_body(size_t index, size_t len);

/* The next file, "fN" in get.dir: the server has it, the run is to fetch it. Without data it gets a
 * body of its own. Returned so that tests can set the rest. */
struct get_file *scenario_offer(struct scenario *scenario, struct sim_http_file file);

/* A file that the run stores decompressed: what `file` has is the content of a compressed file of
 * this name, "fN.gz" and the like, which the server has, in two members. Sets get.decompress. */
struct get_file *scenario_offer_compressed(
	struct scenario *scenario, enum sl_codec codec, struct sim_http_file file);

/* A file that comes with a content coding: gzip, zstd, deflate or brotli, the first two in two
 * members. Sets get.compressed. */
struct get_file *scenario_offer_coded(
	struct scenario *scenario, enum sl_codec codec, struct sim_http_file file);

/* It has a checksum, which is verified; kept in `text` of SCENARIO_SUM bytes. */
#define SCENARIO_SUM 80
void scenario_set_checksum(struct get_file *file, char *text);

/* SHA-256, of 32 bytes. */
void scenario_sha256(const void *data, size_t len, unsigned char *out);

/* What has its name before the run; borrowed. */
void scenario_put_before(struct scenario *scenario, struct get_file *file, const char *data,
	size_t len, uint32_t mode);

/* Run it and check every promise (get_scene_check). */
void scenario_run(struct scenario *scenario);

void scenario_expect_all_done(struct scenario *scenario);
void scenario_expect_done(struct scenario *scenario, size_t index);
void scenario_expect_failure(
	struct scenario *scenario, size_t index, int code, enum sl_phase phase);
void scenario_expect_duration(struct scenario *scenario, uint64_t least_ns, uint64_t most_ns);

#endif
