/*
 * What is verified of a download: the size, the checksum and the pieces of its list, and the digest
 * that the server sends.
 */
#include "batch_bench.h"

#include "sluice/base/text.h"
#include "sluice/download/checksum.h"

#include <openssl/evp.h>
#include <unistd.h>

#define SIZE_LARGE 5000000

static void
no_parts_left(void)
{
	cr_expect_eq(scratch_count("."), 0);
}

/* ---- the size ---- */

Test(verify, a_size_that_the_server_does_not_have_is_a_mismatch_before_the_first_byte)
{
	struct batch_bench *bench = batch_begin();
	static const char *const urls[] = { "$/gen/1000/1", "$/ranges/etag/v1/gen/5000000/1",
		"$/redirect/302/gen/1000/1" };
	for (size_t i = 0; i < SL_COUNT_OF(urls); i++) {
		char list[300];
		snprintf(
			list, sizeof(list), "{\"url\":\"%s\",\"out\":\"x\",\"size\":999}", urls[i]);
		cr_expect_eq(batch_run(bench, list), SL_E_CHECKSUM);
		batch_expect_failed(bench, 0, SL_E_CHECKSUM, "bytes, the list has 999");
		cr_expect_eq(bench->inputs[0].received, 0);
		no_parts_left();
	}
	batch_end(bench);
}

Test(verify, a_size_is_compared_with_what_came_if_the_server_sends_none)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench,
			     "{\"url\":\"$/chunked/gen/1000/1\",\"out\":\"x\",\"size\":1000}\n"
			     "{\"url\":\"$/chunked/gen/1000/2\",\"out\":\"y\",\"size\":1001}\n"
			     "{\"url\":\"$/untilclose/gen/999/3\",\"out\":\"z\",\"size\":1000}\n"),
		SL_E_CHECKSUM);
	batch_expect_gen(bench, 0, "x", 1000, 1);
	batch_expect_failed(bench, 1, SL_E_CHECKSUM,
		"size of 'y' does not match: the server sends 1000 bytes, the list has 1001");
	batch_expect_failed(bench, 2, SL_E_CHECKSUM, NULL);
	cr_expect_eq(scratch_count("."), 1);
	batch_end(bench);
}

Test(verify, another_source_is_tried_if_one_has_another_size)
{
	struct batch_bench *bench = batch_begin();
	cr_expect_eq(batch_run(bench, "{\"urls\":[\"$/gen/10/1\",\"$/chunked/gen/11/1\","
				      "\"$/gen/1000/1\"],\"out\":\"x\",\"size\":1000}"),
		0);
	batch_expect_gen(bench, 0, "x", 1000, 1);
	cr_expect_eq(bench->inputs[0].retries, 2);
	batch_end(bench);
}

/* ---- digests that the server sends ---- */

/* "/header/NAME/sha-256=:BASE64:" with the digest of a generated body, as a part of a path. */
static void
add_header(struct sl_buf *out, const char *name, const char *format, uint64_t seed, uint64_t size)
{
	char hex[SL_ORIGIN_SUM_TEXT];
	struct sl_checksum sum;
	struct sl_buf base64 = { 0 };
	cr_assert_eq(sl_origin_body_sum(seed, size, hex), 0);
	cr_assert_eq(sl_checksum_set_hex(&sum, SL_CHECKSUM_SHA256, sl_span_str(hex), NULL), 0);
	sl_text_add_base64(&base64, sl_span((const char *)sum.value, sum.len));
	sl_buf_printf(out, "/header/%s/sha-256%%3d%s", name, format[0] == ':' ? ":" : "");
	for (size_t i = 0; i < base64.len; i++)
		sl_buf_printf(out, "%%%02x", (unsigned char)base64.data[i]);
	sl_buf_add_str(out, format[0] == ':' ? ":" : "");
	sl_buf_release(&base64);
}

/* "$BEFORE/header/NAME/.../gen/SIZE/SEED": the header is that of `claimed`. */
static void
add_url(struct sl_buf *out, const char *before, const char *name, uint64_t size, uint64_t seed,
	uint64_t claimed)
{
	sl_buf_printf(out, "$%s", before);
	add_header(out, name, strcmp(name, "Digest") == 0 ? "" : ":", claimed, size);
	sl_buf_printf(out, "/gen/%llu/%llu", (unsigned long long)size, (unsigned long long)seed);
}

#define RANGES "/ranges/etag/v1"

static const struct {
	const char *before, *name;
	uint64_t size;
} sent[] = {
	{ "", "Repr-Digest", 0 }, { "", "Repr-Digest", 1000 }, { "", "Digest", 1000 },
	{ "", "Content-Digest", 1000 }, { "/chunked", "Repr-Digest", 1000 },
	{ "/untilclose", "Repr-Digest", 100000 }, { "", "Repr-Digest", SIZE_LARGE },
	{ RANGES, "Repr-Digest", SIZE_LARGE }, /* in ranges */
};

Test(verify, a_digest_that_the_server_sends_is_verified)
{
	struct batch_bench *bench = batch_begin();
	bench->options.segments = 4;
	bench->options.min_segment = SL_MIB;
	for (size_t i = 0; i < SL_COUNT_OF(sent); i++)
		for (uint64_t claimed = 1; claimed < 3; claimed++) {
			struct sl_buf list = { 0 };
			uint64_t size = sent[i].size;
			add_url(&list, sent[i].before, sent[i].name, size, 1, claimed);
			sl_buf_add_str(&list, "\n out=x\n");
			bool is_right = claimed == 1 || size == 0;
			cr_expect_eq(batch_run(bench, list.data), is_right ? 0 : SL_E_CHECKSUM);
			if (strcmp(sent[i].before, RANGES) == 0)
				cr_expect_geq(bench->summary.segments.requests, 1);
			if (is_right) {
				batch_expect_gen(bench, 0, "x", size, 1);
				cr_assert_eq(unlink("x"), 0);
			} else {
				batch_expect_failed(bench, 0, SL_E_CHECKSUM, ", the server sent ");
			}
			no_parts_left();
			sl_buf_release(&list);
		}
	batch_end(bench);
}

Test(verify, a_digest_of_the_server_counts_only_without_one_of_the_user_and_without_a_coding)
{
	struct batch_bench *bench = batch_begin();
	struct sl_buf list = { 0 };
	char hex[SL_ORIGIN_SUM_TEXT];
	cr_assert_eq(sl_origin_body_sum(1, 1000, hex), 0);
	add_url(&list, "", "Repr-Digest", 1000, 1, 2);
	sl_buf_printf(&list, "\n out=x\n checksum=sha-256=%s\n", hex);
	add_url(&list, "/coded/gzip", "Repr-Digest", 1000, 1, 2);
	sl_buf_add_str(&list, "\n out=y\n$/header/Repr-Digest/sha-256%3d:AA/gen/1000/1\n out=z\n");
	cr_expect_eq(batch_run(bench, list.data), 0);
	batch_expect_gen(bench, 0, "x", 1000, 1);
	batch_expect_gen(bench, 1, "y", 1000, 1);
	batch_expect_gen(bench, 2, "z", 1000, 1);
	sl_buf_release(&list);
	batch_end(bench);
}

Test(verify, another_source_is_tried_if_a_digest_of_the_server_does_not_match)
{
	struct batch_bench *bench = batch_begin();
	struct sl_buf list = { 0 };
	add_url(&list, "", "Repr-Digest", 1000, 1, 2);
	sl_buf_add_char(&list, '\t');
	add_url(&list, RANGES, "Repr-Digest", SIZE_LARGE, 1, 2);
	sl_buf_add_str(&list, "\t$/gen/1000/1\n out=x\n");
	cr_expect_eq(batch_run(bench, list.data), 0);
	batch_expect_gen(bench, 0, "x", 1000, 1); /* without a digest */
	cr_expect_eq(bench->inputs[0].retries, 2);
	sl_buf_release(&list);
	batch_end(bench);
}

/* ---- pieces ---- */

#define PIECE (1u << 18)

/* The pieces of the generated body, as an element of Metalink. */
static void
add_pieces(struct sl_buf *out, uint64_t size, uint64_t seed)
{
	static char data[PIECE];
	unsigned char digest[EVP_MAX_MD_SIZE];
	sl_buf_printf(out, "<pieces type=\"sha-1\" length=\"%u\">", PIECE);
	for (uint64_t off = 0; off < size; off += PIECE) {
		size_t len = (size_t)SL_MIN(size - off, (uint64_t)PIECE);
		sl_origin_body_fill(seed, off, data, len);
		cr_assert_eq(EVP_Digest(data, len, digest, NULL, EVP_sha1(), NULL), 1);
		sl_buf_add_str(out, "<hash>");
		for (size_t i = 0; i < 20; i++)
			sl_buf_printf(out, "%02x", digest[i]);
		sl_buf_add_str(out, "</hash>");
	}
	sl_buf_add_str(out, "</pieces>");
}

/* One file from $PATHS, separated by blanks, with the pieces of seed 1, and its checksum too. */
static int
run_pieces(struct batch_bench *bench, const char *paths, uint64_t size, bool with_checksum)
{
	char hex[SL_ORIGIN_SUM_TEXT];
	struct sl_buf list = { 0 };
	cr_assert_eq(sl_origin_body_sum(1, size, hex), 0);
	sl_buf_add_str(&list, "<metalink><file name=\"x\">");
	if (with_checksum)
		sl_buf_printf(&list, "<hash type=\"sha-256\">%s</hash>", hex);
	add_pieces(&list, size, 1);
	for (bool more = true; more;) {
		size_t len = strcspn(paths, " ");
		sl_buf_printf(&list, "<url>$%.*s/gen/%llu/1</url>", (int)len, paths,
			(unsigned long long)size);
		more = paths[len] == ' ';
		paths += len + more;
	}
	sl_buf_add_str(&list, "</file></metalink>");
	bench->options.segments = bench->options.resume ? 1 : 4;
	bench->options.min_segment = SL_MIB;
	int code = batch_run(bench, list.data);
	sl_buf_release(&list);
	return code;
}

Test(verify, a_bad_piece_is_fetched_again_and_only_that)
{
	struct batch_bench *bench = batch_begin();
	static const char *const paths[] = {
		"/flip-byte-nth/1/1000" RANGES,
		"/flip-byte-nth/1/262144" RANGES,
		"/flip-byte-nth/1/1048575" RANGES,
	};
	for (size_t i = 0; i < SL_COUNT_OF(paths); i++)
		for (int with_checksum = 0; with_checksum < 2; with_checksum++) {
			char path[100];
			snprintf(path, sizeof(path), "/tag/t%zu-%d%s", i, with_checksum, paths[i]);
			cr_expect_eq(run_pieces(bench, path, SIZE_LARGE, with_checksum), 0);
			batch_expect_gen(bench, 0, "x", SIZE_LARGE, 1);
			cr_expect_eq(bench->inputs[0].retries, 0);
			cr_expect_gt(bench->summary.bytes, SIZE_LARGE);
			cr_expect_leq(bench->summary.bytes, SIZE_LARGE + 2 * PIECE);
			cr_assert_eq(unlink("x"), 0);
			no_parts_left();
		}
	batch_end(bench);
}

/* Neither by a run that cannot find that it is bad. */
Test(verify, a_bad_piece_is_not_resumed)
{
	struct batch_bench *bench = batch_begin();
	const char *path = "/tag/r/flip-byte-nth/1/262143/stall-nth/2" RANGES;
	char list[200];
	bench->options.resume = true;
	bench->stall_ns = 300 * SL_NS_PER_MS;
	cr_expect_eq(run_pieces(bench, path, SIZE_LARGE, false), -ETIMEDOUT);
	cr_expect_eq(bench->summary.kept, 1);
	snprintf(list, sizeof(list), "$%s/gen/%u/1\n out=x\n", path, SIZE_LARGE);
	cr_expect_eq(batch_run(bench, list), 0);
	batch_expect_gen(bench, 0, "x", SIZE_LARGE, 1);
	batch_end(bench);
}

Test(verify, a_piece_that_stays_bad_is_a_mismatch_or_comes_from_another_source)
{
	struct batch_bench *bench = batch_begin();
	for (int with_checksum = 0; with_checksum < 2; with_checksum++) {
		cr_expect_eq(
			run_pieces(bench, "/flip-byte/2000000" RANGES, SIZE_LARGE, with_checksum),
			SL_E_CHECKSUM);
		batch_expect_failed(bench, 0, SL_E_CHECKSUM,
			with_checksum ? "sha-256 is "
				      : "1 of 20 pieces of 'x' do not match their checksums");
		no_parts_left();
		cr_expect_eq(run_pieces(bench, "/flip-byte/2000000" RANGES " " RANGES, SIZE_LARGE,
				     with_checksum),
			0);
		batch_expect_gen(bench, 0, "x", SIZE_LARGE, 1);
		cr_expect_eq(bench->inputs[0].retries, 0, "the piece alone is fetched from it");
		cr_expect_leq(bench->summary.bytes, SIZE_LARGE + 2 * PIECE);
		cr_assert_eq(unlink("x"), 0);
	}
	batch_end(bench);
}

/* Small files, and those whose server sends no ranges. */
Test(verify, pieces_are_verified_without_ranges_too)
{
	struct batch_bench *bench = batch_begin();
	static const uint64_t sizes[] = { 1, 300000, SIZE_LARGE };
	for (size_t i = 0; i < SL_COUNT_OF(sizes); i++) {
		cr_expect_eq(run_pieces(bench, "", sizes[i], false), 0);
		batch_expect_gen(bench, 0, "x", sizes[i], 1);
		cr_assert_eq(unlink("x"), 0);
		cr_expect_eq(run_pieces(bench, "/chunked", sizes[i], false), 0);
		batch_expect_gen(bench, 0, "x", sizes[i], 1);
		cr_assert_eq(unlink("x"), 0);
		cr_expect_eq(run_pieces(bench, "/flip-byte/0", sizes[i], false), SL_E_CHECKSUM);
		batch_expect_failed(bench, 0, SL_E_CHECKSUM, "pieces of 'x' do not match");
		no_parts_left();
	}
	batch_end(bench);
}

Test(verify, pieces_of_a_file_of_another_size_are_a_mismatch)
{
	struct batch_bench *bench = batch_begin();
	struct sl_buf list = { 0 };
	sl_buf_add_str(&list, "<metalink><file name=\"x\"><url>$/gen/300000/1</url>");
	add_pieces(&list, PIECE, 1);
	sl_buf_add_str(&list, "</file></metalink>");
	cr_expect_eq(batch_run(bench, list.data), SL_E_CHECKSUM);
	batch_expect_failed(bench, 0, SL_E_CHECKSUM,
		"the list has 1 pieces of 262144 bytes for 'x', which has 300000 bytes");
	no_parts_left();
	sl_buf_release(&list);
	batch_end(bench);
}
