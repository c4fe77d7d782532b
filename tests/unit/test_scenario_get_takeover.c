/*
 * Files that are there and become a part: with the nth operation failing, and with the power cut or
 * the process killed at each operation, after which the same command completes them. What was at
 * hand is never fetched again, and never lost. The same for files whose journal is kept.
 */
#include "support/scenario.h"

#include <criterion/criterion.h>
#include <errno.h>

#define KIND(kind) (1ull << (kind))
#define DISK \
	(KIND(SL_OP_WRITE) | KIND(SL_OP_OPEN) | KIND(SL_OP_RENAME) | KIND(SL_OP_SYNC) | \
		KIND(SL_OP_ALLOCATE) | KIND(SL_OP_READ) | KIND(SL_OP_CLOSE) | KIND(SL_OP_LOCK))
/* A journal that cannot be removed has to stay. */
#define EVERYTHING ((KIND(SL_OP_KINDS) - 1) & ~KIND(SL_OP_UNLINK))

#define BEFORE (2 * SL_MIB + 40001)
#define SIZE (3 * SL_MIB + 70001)
#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"

enum way { ADOPT, APPEND, ARIA2, WAYS, KEEP = WAYS };

#define LARGE (4 * SL_MIB + 70001) /* of a file that has a journal */

#define PIECE (256 * SL_KIB)

/* The control file of a download whose first pieces are there, up to BEFORE. */
static size_t
make_control(unsigned char *out)
{
	static const unsigned char head[] = { 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	size_t len = 0, pieces = (SIZE + PIECE - 1) / PIECE, done = BEFORE / PIECE;
	const uint64_t numbers[] = { PIECE, SIZE, 0, (pieces + 7) / 8 };
	const unsigned bytes[] = { 4, 8, 8, 4 };
	memcpy(out, head, sizeof(head));
	len = sizeof(head);
	for (size_t i = 0; i < SL_COUNT_OF(numbers); i++)
		for (unsigned at = bytes[i]; at > 0; at--)
			out[len++] = (unsigned char)(numbers[i] >> (8 * (at - 1)));
	for (size_t i = 0; i < pieces; i += 8) {
		unsigned char bits = 0;
		for (size_t bit = 0; bit < 8; bit++)
			bits |= (unsigned char)(i + bit < done ? 0x80u >> bit : 0);
		out[len++] = bits;
	}
	memset(out + len, 0, 4);
	return len + 4;
}

/* aria2 has given the file its whole size. */
static const char *
preallocated(const char *data)
{
	static char *out;
	if (!out)
		out = calloc(1, SIZE);
	cr_assert_not_null(out);
	memcpy(out, data, BEFORE / PIECE * PIECE);
	return out;
}

static struct scenario *
build(enum way way, uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0;
	struct scenario *scenario = scenario_new(&options);
	struct get_scene *get = &scenario->get;
	get->segments = 2;
	get->min_segment = 512 * SL_KIB;
	get->chunk_size = 128 * SL_KIB;
	get->resume = true;
	get->adopt = way == ADOPT || way == ARIA2;
	get->keep_journal = way == KEEP;
	get->append = way == APPEND;
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	struct get_file *file =
		scenario_offer(scenario, (struct sim_http_file){ .len = way == KEEP ? LARGE : SIZE,
						 .ranges = true,
						 .etag = "\"one\"",
						 .modified = REMOTE_TIME });
	if (way == ARIA2) {
		unsigned char control[100];
		char name[64];
		scenario_put_before(scenario, file, preallocated(file->data), SIZE, 0666);
		file->before_kept = BEFORE / PIECE * PIECE;
		snprintf(name, sizeof(name), "%s.aria2", file->name);
		sim_put_file(scenario->sim, name, control, make_control(control), 0666);
	} else if (way != KEEP) {
		scenario_put_before(scenario, file, file->data, BEFORE, 0666);
	}
	return scenario;
}

static uint64_t
missing(enum way way)
{
	if (way == KEEP)
		return LARGE;
	return SIZE - (way == ARIA2 ? BEFORE / PIECE * PIECE : BEFORE);
}

/* With has_failed, a control file that could not be read or removed may stay. */
static void
expect_clean(struct sim *world, const struct get_file *file, bool has_failed)
{
	char kept[64], control[64];
	snprintf(kept, sizeof(kept), "%s.sluice-kept", file->name);
	snprintf(control, sizeof(control), "%s.aria2", file->name);
	for (size_t i = 0; i < sim_name_count(world, "."); i++) {
		const char *name = sim_name(world, ".", i);
		bool may_stay = strcmp(name, file->name) == 0 || strcmp(name, kept) == 0 ||
				(has_failed && strcmp(name, control) == 0);
		sim_check(world, may_stay, "'%s' is left", name);
	}
}

/* The same command on what is left; it fetches `most` bytes at most. */
static void
rerun(struct scenario *scenario, struct sim *world, uint64_t most, bool has_failed)
{
	struct get_scene again = scenario->get;
	struct get_file *file = &again.files[0];
	struct sl_span content = { 0 };
	sim_stop_faults(world);
	sim_http_serve(scenario->http, world);
	again.sim = world;
	*file = (struct get_file){ .url = file->url,
		.name = file->name,
		.data = file->data,
		.len = file->len,
		.before = file->before,
		.before_len = file->before_len,
		.before_kept = file->before_kept,
		.has_lost = file->has_lost };
	char control[64];
	snprintf(control, sizeof(control), "%s.aria2", file->name);
	/* What was put back beside its control file may have all bytes, and is not complete. */
	bool is_done = sim_content(world, file->name, &content) && content.len == file->len &&
		       memcmp(content.data, file->data, file->len) == 0 &&
		       (file->before_kept == 0 || !sim_exists(world, control));
	if (is_done) {
		file->before_kept = 0;
		file->before = file->data;
		file->before_len = file->len;
	}
	get_scene_run(&again);
	get_scene_check(&again);
	sim_check(world, again.result == 0, "the second run failed: %s",
		again.summary.first_error.text);
	sim_check(world, !is_done || file->state == SL_DOWNLOAD_SKIPPED, "it was downloaded again");
	sim_check(world, file->fetched <= most, "%llu bytes were fetched, %llu are missing",
		(unsigned long long)file->fetched, (unsigned long long)most);
	expect_clean(world, file, has_failed);
}

static void
cut_everywhere(enum way way, enum sim_crash how, uint64_t stride)
{
	uint64_t count = SL_FOREVER;
	for (uint64_t n = 1; n <= count; n += stride) {
		struct scenario *scenario = build(way, n);
		sim_cut_at(scenario->sim, n, how);
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		sim_check(scenario->sim, scenario->get.files[0].fetched == missing(way),
			"%llu bytes", (unsigned long long)scenario->get.files[0].fetched);
		expect_clean(scenario->sim, &scenario->get.files[0], false);
		uint64_t at_op = 0;
		struct sim *world = sim_cut_world(scenario->sim, &at_op);
		if (!world) {
			count = n;
		} else {
			get_scene_check_disk(&scenario->get, world, at_op);
			rerun(scenario, world, missing(way), false);
		}
		sim_free(world);
		scenario_free(scenario);
	}
}

Test(scenario_get_takeover, a_kill_at_any_operation_loses_nothing_that_was_there, .timeout = 900)
{
	for (enum way way = 0; way <= KEEP; way++)
		cut_everywhere(way, SIM_CRASH_KILL, sim_stride(11));
}

Test(scenario_get_takeover, a_power_cut_at_any_operation_loses_nothing_that_was_there,
	.timeout = 900)
{
	for (enum way way = 0; way <= KEEP; way++) {
		cut_everywhere(way, SIM_CRASH_DROP, sim_stride(23));
		cut_everywhere(way, SIM_CRASH_NAMES, sim_stride(23));
		cut_everywhere(way, SIM_CRASH_RANDOM, sim_stride(17));
	}
}

static void
fail_each(enum way way, enum sl_sync_mode sync, int code, uint64_t kinds, uint64_t stride)
{
	bool hit = true;
	for (uint64_t n = 1; hit; n += stride) {
		struct scenario *scenario = build(way, n);
		uint64_t at_op = 0;
		scenario->get.sync = sync;
		sim_fail_nth(scenario->sim, n, code, kinds);
		scenario_run(scenario);
		hit = sim_faults(scenario->sim) > 0;
		if (!hit)
			scenario_expect_all_done(scenario);
		/* A full disk lets no file be moved whose journal does not list it. */
		bool is_kept = code != -ENOSPC || way == APPEND ||
			       scenario->get.files[0].fetched <= missing(way);
		sim_check(scenario->sim, is_kept, "what was at hand is fetched");
		get_scene_cut(&scenario->get, SIM_CRASH_KILL);
		struct sim *world = sim_cut_world(scenario->sim, &at_op);
		/* What a failed sync may have lost is not used. */
		enum sl_phase phase = scenario->get.files[0].error.phase;
		bool lost = phase == SL_PHASE_SYNC;
		/* It was put back, and what was received is received again. */
		scenario->get.files[0].has_lost = lost;
		rerun(scenario, world, lost ? SIZE : missing(way), true);
		sim_free(world);
		scenario_free(scenario);
	}
}

Test(scenario_get_takeover, any_operation_may_fail, .timeout = 900)
{
	for (enum way way = 0; way < WAYS; way++) {
		fail_each(way, SL_SYNC_AUTO, -EIO, DISK, sim_stride(7));
		fail_each(way, SL_SYNC_NONE, -ENOSPC, KIND(SL_OP_WRITE), sim_stride(1));
		/* A journal that may not be looked at or removed has to stay. */
		fail_each(way, SL_SYNC_AUTO, -ENOMEM,
			EVERYTHING & ~(KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT)), sim_stride(29));
	}
}

/* ---- a wrong checksum ---- */

static struct scenario *
build_wrong(enum way way, uint64_t seed)
{
	static char wrong[SCENARIO_SUM];
	struct scenario *scenario = build(way, seed);
	snprintf(wrong, sizeof(wrong), "sha-256=%064d", 0);
	scenario->get.files[0].checksum = wrong;
	return scenario;
}

/* In the second run, too, which has the right one, or none. */
static void
expect_failure(struct scenario *scenario)
{
	struct get_file *file = &scenario->get.files[0];
	sim_check(scenario->sim, file->state == SL_DOWNLOAD_FAILED, "it did not fail");
	sim_check(scenario->sim, file->error.code == SL_E_CHECKSUM || sim_faults(scenario->sim) > 0,
		"%s", file->error.text);
}

static void
mismatch_cut_everywhere(enum way way, enum sim_crash how, uint64_t stride)
{
	uint64_t count = SL_FOREVER;
	for (uint64_t n = 1; n <= count; n += stride) {
		struct scenario *scenario = build_wrong(way, n);
		sim_cut_at(scenario->sim, n, how);
		scenario_run(scenario);
		expect_failure(scenario);
		sim_check(scenario->sim, sim_exists(scenario->sim, "f0"), "it has no name");
		uint64_t at_op = 0;
		struct sim *world = sim_cut_world(scenario->sim, &at_op);
		if (!world) {
			count = n;
		} else {
			get_scene_check_disk(&scenario->get, world, at_op);
			rerun(scenario, world, missing(way), false);
		}
		sim_free(world);
		scenario_free(scenario);
	}
}

Test(scenario_get_takeover, a_wrong_checksum_loses_nothing_that_was_there_wherever_it_is_cut,
	.timeout = 900)
{
	for (enum way way = 0; way < WAYS; way++) {
		mismatch_cut_everywhere(way, SIM_CRASH_KILL, sim_stride(11));
		mismatch_cut_everywhere(way, SIM_CRASH_DROP, sim_stride(23));
		mismatch_cut_everywhere(way, SIM_CRASH_NAMES, sim_stride(23));
		mismatch_cut_everywhere(way, SIM_CRASH_RANDOM, sim_stride(17));
	}
}

Test(scenario_get_takeover, a_wrong_checksum_and_a_failed_operation_lose_nothing, .timeout = 900)
{
	for (enum way way = 0; way < WAYS; way++) {
		bool hit = true;
		for (uint64_t n = 1; hit; n += sim_stride(7)) {
			struct scenario *scenario = build_wrong(way, n);
			uint64_t at_op = 0;
			scenario->get.files[0].has_part = scenario->get.files[0].has_journal = true;
			sim_fail_nth(scenario->sim, n, -EIO, DISK | KIND(SL_OP_TRUNCATE));
			scenario_run(scenario);
			expect_failure(scenario);
			hit = sim_faults(scenario->sim) > 0;
			get_scene_cut(&scenario->get, SIM_CRASH_KILL);
			struct sim *world = sim_cut_world(scenario->sim, &at_op);
			get_scene_check_disk(&scenario->get, world, at_op);
			scenario->get.files[0].has_lost = true;
			rerun(scenario, world, SIZE, true);
			sim_free(world);
			scenario_free(scenario);
		}
	}
}

/* ---- control files ---- */

/* Whatever it lists: the file is right, or refused and as it was. */
Test(scenario_get_takeover, a_control_file_with_any_byte_changed_never_makes_a_wrong_file,
	.timeout = 900)
{
	unsigned char control[100];
	size_t len = make_control(control);
	for (size_t i = 0; i < len; i++) {
		for (unsigned bits = 1; bits < 256; bits = bits * 2 + 1) {
			struct scenario *scenario = build(ARIA2, i);
			struct get_file *file = &scenario->get.files[0];
			char name[64], sum[SCENARIO_SUM];
			scenario_set_checksum(file, sum);
			snprintf(name, sizeof(name), "%s.aria2", file->name);
			control[i] ^= (unsigned char)bits;
			sim_put_file(scenario->sim, name, control, len, 0666);
			control[i] ^= (unsigned char)bits;
			scenario_run(scenario);
			bool is_refused =
				file->state == SL_DOWNLOAD_FAILED && file->error.code == -EEXIST;
			sim_check(scenario->sim, is_refused || file->state == SL_DOWNLOAD_DONE,
				"byte %zu: %s", i, file->error.text);
			scenario_free(scenario);
		}
	}
}

/* What aria2 had not written yet when it was ended is not at hand, whatever it lists. */
Test(scenario_get_takeover, bytes_beyond_the_end_of_a_file_are_not_at_hand)
{
	struct scenario *scenario = build(ARIA2, 1);
	struct get_file *file = &scenario->get.files[0];
	size_t left = BEFORE / PIECE * PIECE - 100000;
	scenario_put_before(scenario, file, file->data, left, 0666);
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	cr_expect_eq(file->fetched, SIZE - left);
	expect_clean(scenario->sim, file, false);
	scenario_free(scenario);
}

/* ---- files that are left alone ---- */

Test(scenario_get_takeover, what_cannot_be_a_part_is_left_as_it_was)
{
	enum { LOCKED, OWNED, OTHER_GROUP, LARGER, KINDS };
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct scenario *scenario = build(ARIA2, kind);
		struct sim *sim = scenario->sim;
		struct get_file *file = &scenario->get.files[0];
		char *larger = calloc(1, SIZE + 1);
		cr_assert_not_null(larger);
		uint32_t uid = sim_uid(sim, file->name), gid = sim_gid(sim, file->name);
		if (kind == LOCKED)
			sim_hold_lock(sim, file->name, true);
		else if (kind == OWNED)
			sim_set_owner(sim, file->name, uid + 1, gid);
		else if (kind == OTHER_GROUP)
			sim_set_owner(sim, file->name, uid, gid + 1);
		else
			scenario_put_before(scenario, file, larger, SIZE + 1, 0666);
		scenario_run(scenario);
		int code = kind == LOCKED ? SL_E_IN_USE : -EEXIST;
		sim_check(sim, file->state == SL_DOWNLOAD_FAILED && file->error.code == code,
			"kind %u: %s", kind, file->error.text);
		sim_check(sim, sim_exists(sim, file->name), "it was moved");
		free(larger);
		scenario_free(scenario);
	}
}

/* ---- files that change ---- */

struct change {
	struct scenario *scenario;
	char *changed; /* the beginning that is there, with another byte in its first sample */
	bool is_replaced, is_reached, is_done;
};

/* Unless the file has become the part, or is complete. One that is replaced as it is renamed is
 * lost: no file system compares it. */
static void
change_file(struct sim *sim, void *ctx)
{
	struct change *change = ctx;
	struct get_file *file = &change->scenario->get.files[0];
	struct sl_span now = { 0 };
	change->is_reached = true;
	if (!sim_content(sim, file->name, &now) || now.len != BEFORE ||
		(change->is_replaced && sim_ops_of(sim, SL_OP_RENAME) > 0))
		return;
	if (change->is_replaced)
		sim_remove(sim, file->name);
	change->is_done = true;
	sim_put_file(sim, file->name, change->changed, BEFORE, 0666);
	sim_append(sim, file->name, NULL, 0); /* which sets its time */
	file->before = change->changed;
}

/* Another program changes or replaces what is there, just before each operation. */
static void
change_everywhere(enum way way, bool is_replaced)
{
	struct change change = {
		.changed = malloc(BEFORE), .is_replaced = is_replaced, .is_reached = true
	};
	cr_assert_not_null(change.changed);
	for (uint64_t n = 1; change.is_reached; n += sim_stride(1)) {
		struct scenario *scenario = change.scenario = build(way, n);
		struct get_file *file = &scenario->get.files[0];
		memcpy(change.changed, file->data, BEFORE);
		change.changed[100] ^= 1;
		change.is_reached = change.is_done = false;
		sim_at(scenario->sim, n, change_file, &change);
		scenario_run(scenario);
		bool is_refused =
			file->state == SL_DOWNLOAD_FAILED &&
			(file->error.code == -EEXIST || file->error.code == SL_E_REPLACED);
		sim_check(scenario->sim, is_refused || file->state == SL_DOWNLOAD_DONE,
			"way %d, operation %llu: %s", way, (unsigned long long)n, file->error.text);
		sim_check(scenario->sim, is_refused || !is_replaced || !change.is_done,
			"operation %llu: another file was moved", (unsigned long long)n);
		expect_clean(scenario->sim, file, false);
		scenario_free(scenario);
	}
	free(change.changed);
}

Test(scenario_get_takeover, a_file_that_is_changed_at_any_operation_never_makes_a_mix,
	.timeout = 900)
{
	change_everywhere(ADOPT, false);
	change_everywhere(APPEND, false);
	change_everywhere(ADOPT, true);
}

/* ---- servers that change ---- */

/* From each answer on the server has a version that begins in the same way, or another one. */
static void
change_at(enum way way, unsigned answer, bool has_grown)
{
	struct scenario *scenario = build(way, answer);
	struct scenario_file *one = &scenario->files[0];
	struct get_file *file = &scenario->get.files[0];
	struct sim_http_file later = one->served;
	later.len = has_grown ? SIZE + 300000 : SIZE;
	later.data = scenario_body(has_grown ? 0 : 7, later.len);
	later.etag = "\"two\"";
	later.modified = "Tue, 14 Nov 2023 22:13:22 GMT";
	one->served.later = &later;
	one->served.later_from = answer;
	file->other = later.data;
	file->other_len = later.len;
	scenario_run(scenario);
	bool is_refused = file->state == SL_DOWNLOAD_FAILED && file->error.code == -EEXIST;
	sim_check(scenario->sim, file->state == SL_DOWNLOAD_DONE || (is_refused && !has_grown),
		"way %d, answer %u: %s", way, answer, file->error.text);
	scenario_free(scenario);
}

Test(scenario_get_takeover, a_server_that_changes_meanwhile_never_makes_a_mix, .timeout = 900)
{
	for (enum way way = ADOPT; way <= APPEND; way++) {
		for (unsigned answer = 1; answer < 12; answer++) {
			change_at(way, answer, true);
			change_at(way, answer, false);
		}
	}
}
