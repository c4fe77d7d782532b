/*
 * The nth operation fails with everything it may fail with, for every n, in downloads of all
 * shapes: the run keeps its promises, and after a power cut or kill the same command completes
 * everything.
 */
#include "support/failures.h"
#include "support/shapes.h"

#include <criterion/criterion.h>
#include <errno.h>

/* A part or journal that may not be looked at or removed has to stay. */
#define MAY_LEAVE (KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT))

/* Returns false if the run had ended before. */
static bool
fail_at(enum shape shape, uint64_t nth, int code, uint64_t kinds)
{
	struct shaped shaped;
	shaped_begin(&shaped, shape, sim_seeds(1).first - 1 + nth);
	for (size_t i = 0; kinds & MAY_LEAVE && i < shaped.run->count; i++)
		shaped.run->files[i].has_part = shaped.run->files[i].has_journal = true;
	sim_fail_nth(shaped.sim, nth, code, kinds);
	shaped_run(&shaped);
	bool hit = sim_faults(shaped.sim) > 0;
	sim_check(shaped.sim, hit || shaped.run->result == 0, "%d without a failure",
		shaped.run->result);
	shaped_heal(&shaped, (enum sim_crash)(nth % SIM_CRASHES));
	shaped_end(&shaped);
	return hit;
}

static uint64_t
fail_each(enum shape shape, int code, uint64_t kinds)
{
	uint64_t nth = 1;
	while (fail_at(shape, nth, code, kinds))
		nth += sim_stride(31);
	return nth - 1;
}

static void
fail_in_all_ways(enum shape shape)
{
	uint64_t tried = 0;
	for (const struct failure *failure = failures; failure->name; failure++) {
		tried += fail_each(shape, failure->code, failure->kinds & ~MAY_LEAVE);
		if (failure->kinds & MAY_LEAVE)
			tried += fail_each(shape, failure->code, failure->kinds & MAY_LEAVE);
	}
	cr_log_info("%s: %llu failures", shape_name(shape), (unsigned long long)tried);
}

Test(scenario_get_each, any_operation_of_a_download_in_segments_may_fail, .timeout = 900)
{
	fail_in_all_ways(SHAPE_SEGMENTS);
}

Test(scenario_get_each, any_operation_of_a_resumed_download_may_fail, .timeout = 900)
{
	fail_in_all_ways(SHAPE_RESUMED);
}

Test(scenario_get_each, any_operation_of_a_download_from_mirrors_may_fail, .timeout = 900)
{
	fail_in_all_ways(SHAPE_MIRRORS);
}

Test(scenario_get_each, any_operation_may_fail_while_pieces_are_repaired, .timeout = 900)
{
	fail_in_all_ways(SHAPE_PIECES);
}

Test(scenario_get_each, any_operation_of_a_decompressed_download_may_fail, .timeout = 900)
{
	fail_in_all_ways(SHAPE_DECOMPRESSED);
}

Test(scenario_get_each, any_operation_of_a_download_with_a_content_coding_may_fail, .timeout = 900)
{
	fail_in_all_ways(SHAPE_CODED);
}

Test(scenario_get_each, any_operation_of_a_stream_by_several_connections_may_fail, .timeout = 900)
{
	fail_in_all_ways(SHAPE_STREAM);
}
